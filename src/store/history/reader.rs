//! Reading the history: off the async runtime, past the thread that writes, a few at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata};
use tokio::sync::Semaphore;

use super::{Running, pictures};
use crate::history::{
    Availability, Bitrates, Bucket, Buckets, Event, MinuteAt, Period, Picture, Tally, first_seq,
    minutes,
};
use crate::store::StoreError;
use crate::store::schema::{EVENTS, HOURS, NUMBERS, RUNNING, boxed};
use crate::store::slot::Slot;
use crate::stream::StreamId;

/// Questions that are read for at a time; others wait, each in its turn.
const READERS: usize = 2;
/// Rows between two looks at whether anybody still waits for the answer.
const PATIENCE: u32 = 256;
/// Of how many streams one must be wanted for an hour to be read row by row.
const DENSE: u64 = 8;

type Hours = ReadOnlyTable<(u32, u32), &'static [u8]>;

/// Reads the history. Cheap to clone. A question whose caller has gone away ends soon.
#[derive(Clone, Debug)]
pub struct HistoryReader {
    slot: Arc<Slot>,
    places: Arc<Semaphore>,
}

/// Which events are wanted, of one stream, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Not older than this.
    pub from: Option<jiff::Timestamp>,
    /// Older than this.
    pub to: Option<jiff::Timestamp>,
    /// With numbers below this one: the last of the page before.
    pub before: Option<u64>,
    /// This many at most.
    pub limit: usize,
}

/// Whether the answer is still wanted.
#[derive(Clone, Default)]
struct Wanted {
    gone: Arc<AtomicBool>,
    rows: u32,
}

struct SetOnDrop(Arc<AtomicBool>);

impl HistoryReader {
    pub(in crate::store) fn new(slot: Arc<Slot>) -> Self {
        Self {
            slot,
            places: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// Events of a stream. What cannot be read is left out.
    pub async fn events(
        &self,
        stream: StreamId,
        query: EventQuery,
    ) -> Result<Vec<Event>, StoreError> {
        self.run(move |read, _| events(read, &stream, &query)).await
    }

    /// Fills the steps with the course of a stream.
    pub async fn buckets(
        &self,
        stream: StreamId,
        mut buckets: Buckets,
    ) -> Result<Vec<Bucket>, StoreError> {
        self.run(move |read, mut wanted| {
            let covered = buckets.period();
            let streams = Numbered::find(&read, &[stream])?;
            scan(&read, &streams, covered, &mut wanted, |_, at, minute| {
                buckets.add(at, minute);
            })?;
            Ok(buckets.finish())
        })
        .await
    }

    /// How much of a period each of these streams was there, in their order. Holds a few hundred bytes
    /// for each, however long the period.
    pub async fn availability(
        &self,
        streams: Vec<StreamId>,
        period: Period,
    ) -> Result<Vec<Availability>, StoreError> {
        self.run(move |read, mut wanted| {
            let mut tallies = vec![Tally::default(); streams.len()];
            let streams = Numbered::find(&read, &streams)?;
            scan(&read, &streams, period, &mut wanted, |index, _, minute| {
                tallies[index].add(minute);
            })?;
            Ok(tallies.into_iter().map(|tally| tally.of(period)).collect())
        })
        .await
    }

    /// Sorts in how fast these streams flowed, by their places here.
    pub async fn bitrates(
        &self,
        streams: Vec<StreamId>,
        mut bitrates: Bitrates,
    ) -> Result<Bitrates, StoreError> {
        self.run(move |read, mut wanted| {
            let period = bitrates.period();
            let streams = Numbered::find(&read, &streams)?;
            scan(&read, &streams, period, &mut wanted, |index, at, minute| {
                bitrates.add(index, at, minute);
            })?;
            Ok(bitrates)
        })
        .await
    }

    /// The pictures of a stream, newest first. What cannot be read is left out.
    pub async fn pictures(&self, stream: StreamId) -> Result<Vec<Picture>, StoreError> {
        self.run(move |read, _| pictures::list(read, &stream)).await
    }

    /// One picture of a stream, as JPEG, by its number.
    pub async fn picture(
        &self,
        stream: StreamId,
        number: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(move |read, _| pictures::body(read, &stream, number))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(ReadTransaction, Wanted) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let places = Arc::clone(&self.places);
        let place = places
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let wanted = Wanted::default();
        let _asking = SetOnDrop(Arc::clone(&wanted.gone));
        let slot = Arc::clone(&self.slot);
        let working = tokio::task::spawn_blocking(move || {
            // Given back when the work ends, not when its caller goes away.
            let _place = place;
            let read = slot.read()?;
            slot.watch(work(read, wanted))
        });
        working.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Wanted {
    fn check(&mut self) -> Result<(), StoreError> {
        self.rows = self.rows.wrapping_add(1);
        if self.rows.is_multiple_of(PATIENCE) && self.gone.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        Ok(())
    }
}

/// The streams that have a history, by number, each with its place in the question.
struct Numbered {
    places: HashMap<u32, usize>,
    sorted: Vec<u32>,
    /// Streams that have a history, whether asked for or not.
    all: u64,
}

impl Numbered {
    fn find(read: &ReadTransaction, streams: &[StreamId]) -> Result<Self, StoreError> {
        let numbers = read.open_table(NUMBERS).map_err(boxed)?;
        let mut places = HashMap::new();
        for (place, id) in streams.iter().enumerate() {
            if let Some(number) = numbers.get(id.as_str()).map_err(boxed)? {
                places.insert(number.value(), place);
            }
        }
        let mut sorted: Vec<u32> = places.keys().copied().collect();
        sorted.sort_unstable();
        let all = numbers.len().map_err(boxed)?;
        Ok(Self {
            places,
            sorted,
            all,
        })
    }
}

/// Hands out the minutes of the period, those of each stream in their order.
fn scan(
    read: &ReadTransaction,
    streams: &Numbered,
    period: Period,
    wanted: &mut Wanted,
    mut each: impl FnMut(usize, MinuteAt, &crate::history::Minute),
) -> Result<(), StoreError> {
    let (Some(&first), Some(&last)) = (streams.sorted.first(), streams.sorted.last()) else {
        return Ok(());
    };
    let mut damaged = 0_u32;
    let mut take = |number: u32, hour: u32, row: &[u8]| {
        let Some(&place) = streams.places.get(&number) else {
            return;
        };
        for minute in minutes(row) {
            let Ok((of_hour, minute)) = minute else {
                damaged += 1;
                return;
            };
            let at = MinuteAt::in_hour(hour, of_hour);
            if period.contains(at) {
                each(place, at, &minute);
            }
        }
    };
    let running = running_by_hour(read, streams, period)?;
    let hours = read.open_table(HOURS).map_err(boxed)?;
    let range = hour_range(&hours, period)?;
    let dense = streams.sorted.len() as u64 * DENSE >= streams.all;
    // Hours that only run are among them.
    for hour in period.hours() {
        if range.contains(&hour) && dense {
            for row in hours.range((hour, first)..=(hour, last)).map_err(boxed)? {
                wanted.check()?;
                let (key, row) = row.map_err(boxed)?;
                take(key.value().1, hour, row.value());
            }
        } else if range.contains(&hour) {
            for &number in &streams.sorted {
                wanted.check()?;
                if let Some(row) = hours.get((hour, number)).map_err(boxed)? {
                    take(number, hour, row.value());
                }
            }
        }
        for (number, row) in running.get(&hour).into_iter().flatten() {
            take(*number, hour, row);
        }
    }
    if damaged > 0 {
        tracing::error!(
            rows = damaged,
            "rows of the history cannot be read; their time is unknown"
        );
    }
    Ok(())
}

/// The hours of the period that are stored at all.
fn hour_range(hours: &Hours, period: Period) -> Result<std::ops::Range<u32>, StoreError> {
    let first = hours.first().map_err(boxed)?.map(|(key, _)| key.value().0);
    let last = hours.last().map_err(boxed)?.map(|(key, _)| key.value().0);
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(0..0);
    };
    let asked = period.hours();
    Ok(asked.start.max(first)..asked.end.min(last.saturating_add(1)))
}

/// Rows of running hours, with the numbers of their streams, by hour.
type RunningHours = HashMap<u32, Vec<(u32, Vec<u8>)>>;

fn running_by_hour(
    read: &ReadTransaction,
    streams: &Numbered,
    period: Period,
) -> Result<RunningHours, StoreError> {
    let table = read.open_table(RUNNING).map_err(boxed)?;
    let mut by_hour = RunningHours::new();
    for &number in &streams.sorted {
        let Some(value) = table.get(number).map_err(boxed)? else {
            continue;
        };
        let running = Running::read(value.value());
        if let Some(running) = running.filter(|running| period.hours().contains(&running.hour)) {
            let rows = by_hour.entry(running.hour).or_default();
            rows.push((number, running.row.to_vec()));
        }
    }
    Ok(by_hour)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the transaction ends with it"
)]
fn events(
    read: ReadTransaction,
    stream: &StreamId,
    query: &EventQuery,
) -> Result<Vec<Event>, StoreError> {
    let numbers = read.open_table(NUMBERS).map_err(boxed)?;
    let Some(number) = numbers.get(stream.as_str()).map_err(boxed)? else {
        return Ok(Vec::new());
    };
    let number = number.value();
    let from = query.from.map_or(0, first_seq);
    let to = query.to.map_or(u64::MAX, first_seq);
    let to = query.before.map_or(to, |before| before.min(to));
    if from >= to {
        return Ok(Vec::new());
    }
    let table = read.open_table(EVENTS).map_err(boxed)?;
    let rows = table.range((number, from)..(number, to)).map_err(boxed)?;
    let mut events = Vec::new();
    for row in rows.rev() {
        if events.len() >= query.limit {
            break;
        }
        let (key, json) = row.map_err(boxed)?;
        match serde_json::from_slice::<Event>(json.value()) {
            Ok(event) => events.push(Event {
                seq: key.value().1,
                stream: stream.clone(),
                ..event
            }),
            Err(error) => tracing::warn!(%stream, %error, "an event cannot be read"),
        }
    }
    Ok(events)
}
