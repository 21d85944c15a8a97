//! What keeps the history within its bounds: small steps, each a short transaction of its own, with
//! pauses in which the writer serves everybody else.

use std::time::Duration;

use redb::ReadableTable;

use super::{BYTES, EVENT_COST, ROW_COST, Running, Writing, unpack};
use crate::history::{Bounds, MinuteAt, Surplus, event_hour};
use crate::store::schema::{EVENT_ORDER, FORGOTTEN, HOURS, META, RUNNING, boxed};
use crate::store::slot::Slot;
use crate::store::{StoreError, removed};

/// Rows that one step removes or looks at.
const ROWS: usize = 1_000;

/// When to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Again {
    /// There is more to do.
    Soon,
    /// There is more to do, and time for it. A clock that is wrong for a moment must not age the
    /// history away: an hour of it goes in ten seconds.
    Later,
    /// There is nothing to do.
    Idle,
}

impl Again {
    pub(in crate::store) fn pause(self) -> Duration {
        match self {
            Self::Soon => Duration::from_millis(100),
            Self::Later => Duration::from_secs(10),
            Self::Idle => Duration::from_mins(1),
        }
    }
}

/// What there is to do.
enum Work {
    /// The time is over in which a stream that was removed can be brought back.
    Expire,
    /// Rows of a stream that was removed.
    Forget { number: u32, from: u32 },
    /// Running hours that nobody adds to any more.
    Settle,
    /// The oldest hour.
    Remove { hour: u32, why: Surplus },
}

/// Does one step; the time is the wall clock's.
pub(in crate::store) fn step(
    slot: &Slot,
    bounds: &Bounds,
    now: MinuteAt,
) -> Result<Again, StoreError> {
    let work = slot.watch(find(slot, bounds, now))?;
    let Some(work) = work else {
        return Ok(Again::Idle);
    };
    let result = perform(slot, &work, now);
    slot.watch(result)
}

fn perform(slot: &Slot, work: &Work, now: MinuteAt) -> Result<Again, StoreError> {
    let transaction = slot.write()?;
    let mut tables = Writing::open(&transaction)?;
    let again = match *work {
        Work::Expire => {
            removed::expire(&transaction, &mut tables, now.starts())?;
            Again::Soon
        }
        Work::Forget { number, from } => tables.forget_rows(number, from)?,
        Work::Settle => tables.settle(now.hour())?,
        Work::Remove { hour, why } => {
            let removed = tables.remove_oldest(hour)?;
            let all = removed < ROWS;
            if all && why == Surplus::Age {
                Again::Later
            } else {
                Again::Soon
            }
        }
    };
    tables.finish()?;
    transaction.commit().map_err(boxed)?;
    Ok(again)
}

fn find(slot: &Slot, bounds: &Bounds, now: MinuteAt) -> Result<Option<Work>, StoreError> {
    let read = slot.read()?;
    if removed::is_due(&read, now.starts())? {
        return Ok(Some(Work::Expire));
    }
    let forgotten = read.open_table(FORGOTTEN).map_err(boxed)?;
    if let Some((number, from)) = forgotten.first().map_err(boxed)? {
        let (number, from) = (number.value(), from.value());
        return Ok(Some(Work::Forget { number, from }));
    }
    let running = read.open_table(RUNNING).map_err(boxed)?;
    for row in running.iter().map_err(boxed)? {
        let (_, row) = row.map_err(boxed)?;
        if is_stale(row.value(), now.hour()) {
            return Ok(Some(Work::Settle));
        }
    }
    let hours = read.open_table(HOURS).map_err(boxed)?;
    let order = read.open_table(EVENT_ORDER).map_err(boxed)?;
    let minutes = hours.first().map_err(boxed)?.map(|(key, _)| key.value().0);
    let events = order.first().map_err(boxed)?;
    let events = events.map(|(seq, _)| event_hour(seq.value()));
    let Some(oldest) = minutes.into_iter().chain(events).min() else {
        return Ok(None);
    };
    let meta = read.open_table(META).map_err(boxed)?;
    let bytes = meta.get(BYTES).map_err(boxed)?;
    let bytes = bytes.map_or(0, |bytes| bytes.value());
    let surplus = bounds.surplus(oldest, now.hour(), bytes);
    Ok(surplus.map(|why| Work::Remove { hour: oldest, why }))
}

/// Whether a running hour is over for so long that nobody adds to it any more.
fn is_stale(value: &[u8], hour: u32) -> bool {
    Running::read(value).is_none_or(|running| running.hour.saturating_add(1) < hour)
}

impl Writing<'_> {
    /// Removes rows of an hour and of events before its end; how many.
    fn remove_oldest(&mut self, hour: u32) -> Result<usize, StoreError> {
        let mut removed = 0;
        while removed < ROWS {
            let first = self.hours.first().map_err(boxed)?;
            if first.is_none_or(|(key, _)| key.value().0 > hour) {
                break;
            }
            if let Some((_, row)) = self.hours.pop_first().map_err(boxed)? {
                self.removed += row.value().len() as u64 + ROW_COST;
            }
            removed += 1;
        }
        while removed < ROWS {
            let first = self.order.first().map_err(boxed)?;
            if first.is_none_or(|(seq, _)| event_hour(seq.value()) > hour) {
                break;
            }
            let popped = self.order.pop_first().map_err(boxed)?;
            let key = popped.map(|(seq, number)| (number.value(), seq.value()));
            if let Some(key) = key {
                self.remove_event(key)?;
            }
            removed += 1;
        }
        Ok(removed)
    }

    fn remove_event(&mut self, key: (u32, u64)) -> Result<(), StoreError> {
        if let Some(event) = self.events.remove(key).map_err(boxed)? {
            self.removed += event.value().len() as u64 + EVENT_COST;
        }
        Ok(())
    }

    /// Removes rows of a stream that is gone: its pictures and events, then its minutes, hour by hour.
    fn forget_rows(&mut self, number: u32, from: u32) -> Result<Again, StoreError> {
        self.forget_pictures(number)?;
        let mut events = Vec::new();
        for row in self
            .events
            .range((number, 0)..=(number, u64::MAX))
            .map_err(boxed)?
            .take(ROWS)
        {
            events.push(row.map_err(boxed)?.0.value());
        }
        for key in &events {
            self.remove_event(*key)?;
            self.order.remove(key.1).map_err(boxed)?;
        }
        if events.len() == ROWS {
            return Ok(Again::Soon);
        }
        let first = self
            .hours
            .first()
            .map_err(boxed)?
            .map(|(key, _)| key.value().0);
        let last = self
            .hours
            .last()
            .map_err(boxed)?
            .map(|(key, _)| key.value().0);
        let (Some(first), Some(last)) = (first, last) else {
            self.forgotten.remove(number).map_err(boxed)?;
            return Ok(Again::Soon);
        };
        let from = from.max(first);
        let end = from.saturating_add(ROWS as u32);
        for hour in from..end.min(last.saturating_add(1)) {
            self.take_hour((hour, number))?;
        }
        if end > last {
            self.forgotten.remove(number).map_err(boxed)?;
        } else {
            self.forgotten.insert(number, end).map_err(boxed)?;
        }
        Ok(Again::Soon)
    }

    /// Ends running hours of streams that are not recorded any more.
    fn settle(&mut self, hour: u32) -> Result<Again, StoreError> {
        let mut stale = Vec::new();
        for row in self.running.iter().map_err(boxed)? {
            let (number, row) = row.map_err(boxed)?;
            if is_stale(row.value(), hour) && stale.len() < ROWS {
                let running = Running::read(row.value());
                let running = running.map(|running| (running.hour, unpack(running.row)));
                stale.push((number.value(), running));
            }
        }
        for (number, running) in stale {
            if let Some((hour, minutes)) = running {
                self.put_hour((hour, number), &minutes)?;
            }
            self.running.remove(number).map_err(boxed)?;
        }
        Ok(Again::Soon)
    }
}
