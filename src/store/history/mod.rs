//! The history of streams in the store.
//!
//! A stream that has one has a number, which is never given twice. When a stream is removed its
//! number is taken from it in the same transaction, so that nobody finds its history any more. When it
//! can no longer be brought back the number is forgotten, and the rows go in the background ([`upkeep`]).

mod pictures;
mod reader;
pub(super) mod upkeep;

use std::collections::BTreeMap;

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use super::StoreError;
use super::schema::{
    EVENT_ORDER, EVENTS, FORGOTTEN, HOURS, JOURNAL, META, NUMBERS, RUNNING, STATES, boxed,
};
use crate::history::{
    Event, EventKind, Hour, KeptState, Minute, MinuteAt, SEQ_WITHIN_MS, first_seq,
};
use crate::stream::StreamId;

pub use reader::{EventQuery, HistoryReader};

/// The next number of a stream.
const NEXT_NUMBER: &str = "history_next_number";
/// What the rows of the history take, bytes; running hours apart.
const BYTES: &str = "history_bytes";
/// What a row takes beside its value: key, offsets, and its share of what is free in its page.
const ROW_COST: u64 = 34;
/// The same for an event, which has a row in two tables.
const EVENT_COST: u64 = 60;
/// The largest event, bytes.
const MOST_EVENT: usize = 8 * 1024;

/// The number of the newest entry of the journal.
const JOURNAL_LAST: &str = "alert_journal_last";
/// Entries of the journal at most, while nobody takes them out; the oldest go.
const MOST_JOURNAL: u64 = 200_000;

/// Streams as they are defined: what is not among them has no history, but the server itself has.
type Defined<'d, 't> = &'d Table<'t, &'static str, &'static [u8]>;

/// The tables of the history in a transaction that writes.
pub(super) struct Writing<'t> {
    /// Opens what is written seldom.
    transaction: &'t WriteTransaction,
    meta: Table<'t, &'static str, u64>,
    states: Table<'t, &'static str, &'static [u8]>,
    numbers: Table<'t, &'static str, u32>,
    running: Table<'t, u32, &'static [u8]>,
    hours: Table<'t, (u32, u32), &'static [u8]>,
    events: Table<'t, (u32, u64), &'static [u8]>,
    order: Table<'t, u64, u32>,
    forgotten: Table<'t, u32, u32>,
    journal: Table<'t, u64, (&'static str, u32, u64)>,
    added: u64,
    removed: u64,
}

/// A row of [`RUNNING`].
pub(super) struct Running<'r> {
    pub(super) hour: u32,
    pub(super) row: &'r [u8],
}

impl<'r> Running<'r> {
    pub(super) fn read(value: &'r [u8]) -> Option<Self> {
        let (hour, row) = value.split_first_chunk()?;
        Some(Self {
            hour: u32::from_le_bytes(*hour),
            row,
        })
    }
}

impl<'t> Writing<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            transaction,
            meta: transaction.open_table(META).map_err(boxed)?,
            states: transaction.open_table(STATES).map_err(boxed)?,
            numbers: transaction.open_table(NUMBERS).map_err(boxed)?,
            running: transaction.open_table(RUNNING).map_err(boxed)?,
            hours: transaction.open_table(HOURS).map_err(boxed)?,
            events: transaction.open_table(EVENTS).map_err(boxed)?,
            order: transaction.open_table(EVENT_ORDER).map_err(boxed)?,
            forgotten: transaction.open_table(FORGOTTEN).map_err(boxed)?,
            journal: transaction.open_table(JOURNAL).map_err(boxed)?,
            added: 0,
            removed: 0,
        })
    }

    /// Writes down what all rows take now.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        if self.added != self.removed {
            let bytes = self.meta(BYTES)?;
            let bytes = (bytes + self.added).saturating_sub(self.removed);
            self.meta.insert(BYTES, bytes).map_err(boxed)?;
        }
        Ok(())
    }

    pub(super) fn put_states(
        &mut self,
        states: &[(StreamId, KeptState)],
        defined: Defined<'_, '_>,
    ) -> Result<(), StoreError> {
        for (id, state) in states {
            if is_defined(defined, id)? {
                let json = super::writer::json(id.as_str(), state)?;
                let json = json.as_slice();
                self.states.insert(id.as_str(), json).map_err(boxed)?;
            }
        }
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        events: &[Event],
        defined: Defined<'_, '_>,
    ) -> Result<(), StoreError> {
        for event in events {
            let id = event.stream.as_str();
            let json = super::writer::json(id, event)?;
            if json.len() > MOST_EVENT {
                tracing::error!(
                    stream = id,
                    bytes = json.len(),
                    "an event is too large to be kept"
                );
                continue;
            }
            let Some(number) = self.number(&event.stream, defined)? else {
                continue;
            };
            let seq = self.free_seq(first_seq(event.at))?;
            self.order.insert(seq, number).map_err(boxed)?;
            let key = (number, seq);
            self.events.insert(key, json.as_slice()).map_err(boxed)?;
            self.added += json.len() as u64 + EVENT_COST;
            let alerts = matches!(
                event.kind,
                EventKind::ConditionRaised { .. } | EventKind::ConditionCleared { .. }
            );
            if alerts {
                self.note((id, number, seq))?;
            }
        }
        Ok(())
    }

    /// Notes an event for who works out alerts.
    fn note(&mut self, place: (&str, u32, u64)) -> Result<(), StoreError> {
        if self.journal.len().map_err(boxed)? >= MOST_JOURNAL {
            tracing::error!(
                "an event is too old to be told: alerts have not been worked out for long"
            );
            self.journal.pop_first().map_err(boxed)?;
        }
        let next = self.meta(JOURNAL_LAST)? + 1;
        self.meta.insert(JOURNAL_LAST, next).map_err(boxed)?;
        self.journal.insert(next, place).map_err(boxed)?;
        Ok(())
    }

    /// Takes out of the journal what was worked out: entries up to this one.
    pub(super) fn forget_journal(&mut self, last: u64) -> Result<(), StoreError> {
        self.journal
            .retain_in(..=last, |_, _| false)
            .map_err(boxed)?;
        Ok(())
    }

    /// The first free number of an event from this one on. Those of one millisecond are a block, and
    /// lie close together in it; what does not fit goes into the next.
    fn free_seq(&self, mut least: u64) -> Result<u64, StoreError> {
        loop {
            let end = least.saturating_add(1 << SEQ_WITHIN_MS);
            let mut taken = self.order.range(least..end).map_err(boxed)?;
            let last = taken.next_back().transpose().map_err(boxed)?;
            match last.map(|(seq, _)| seq.value() + 1) {
                None => return Ok(least),
                Some(next) if next < end => return Ok(next),
                Some(_) => least = end,
            }
        }
    }

    pub(super) fn put_minutes(
        &mut self,
        rows: &[(StreamId, MinuteAt, Minute)],
        defined: Defined<'_, '_>,
    ) -> Result<(), StoreError> {
        let mut streams: BTreeMap<&StreamId, Vec<(MinuteAt, &Minute)>> = BTreeMap::new();
        for (id, at, minute) in rows {
            streams.entry(id).or_default().push((*at, minute));
        }
        let mut numbered = BTreeMap::new();
        for (id, minutes) in streams {
            if let Some(number) = self.number(id, defined)? {
                numbered.insert(number, minutes);
            }
        }
        let mut ended = BTreeMap::new();
        for (number, mut minutes) in numbered {
            minutes.sort_by_key(|(at, _)| *at);
            self.add_minutes(number, &minutes, &mut ended)?;
        }
        // In the order of their keys, which fills pages to the brim.
        for (key, hour) in ended {
            self.put_hour(key, &hour)?;
        }
        Ok(())
    }

    /// Adds minutes to the running hour of a stream. When they are of another hour, the running one
    /// has ended, and theirs runs; be it an earlier one, because the clock was set back.
    fn add_minutes(
        &mut self,
        number: u32,
        minutes: &[(MinuteAt, &Minute)],
        ended: &mut BTreeMap<(u32, u32), Hour>,
    ) -> Result<(), StoreError> {
        let mut running: Option<(u32, Hour)> = {
            let row = self.running.get(number).map_err(boxed)?;
            let row = row.as_ref().and_then(|row| Running::read(row.value()));
            row.map(|running| (running.hour, unpack(running.row)))
        };
        for (at, minute) in minutes {
            let (mut hour, mut so_far) = match running.take() {
                Some(running) => running,
                None => (at.hour(), self.take_hour((at.hour(), number))?),
            };
            if hour != at.hour() {
                ended.insert((hour, number), so_far);
                hour = at.hour();
                so_far = match ended.remove(&(hour, number)) {
                    Some(ended) => ended,
                    None => self.take_hour((hour, number))?,
                };
            }
            so_far.add(at.of_hour(), minute);
            running = Some((hour, so_far));
        }
        if let Some((hour, minutes)) = running {
            let mut row = hour.to_le_bytes().to_vec();
            row.extend(minutes.pack());
            self.running.insert(number, row.as_slice()).map_err(boxed)?;
        }
        Ok(())
    }

    fn put_hour(&mut self, key: (u32, u32), hour: &Hour) -> Result<(), StoreError> {
        let row = hour.pack();
        self.added += row.len() as u64 + ROW_COST;
        let old = self.hours.insert(key, row.as_slice()).map_err(boxed)?;
        if let Some(old) = old {
            self.removed += old.value().len() as u64 + ROW_COST;
        }
        Ok(())
    }

    fn take_hour(&mut self, key: (u32, u32)) -> Result<Hour, StoreError> {
        let row = self.hours.remove(key).map_err(boxed)?;
        let Some(row) = row else {
            return Ok(Hour::default());
        };
        self.removed += row.value().len() as u64 + ROW_COST;
        Ok(unpack(row.value()))
    }

    /// The stream was removed: nobody finds its history any more. Its number, if it has one: what is to be forgotten some
    /// time, or attached again.
    pub(super) fn detach(&mut self, id: &StreamId) -> Result<Option<u32>, StoreError> {
        self.states.remove(id.as_str()).map_err(boxed)?;
        let number = self.numbers.remove(id.as_str()).map_err(boxed)?;
        Ok(number.map(|number| number.value()))
    }

    /// The stream is back: its history is what has this number.
    pub(super) fn attach(&mut self, id: &StreamId, number: u32) -> Result<(), StoreError> {
        let old = self.numbers.insert(id.as_str(), number).map_err(boxed)?;
        match old.map(|old| old.value()) {
            Some(old) if old != number => self.forget(old),
            _ => Ok(()),
        }
    }

    /// What has this number is not wanted any more: its rows go in the background.
    pub(super) fn forget(&mut self, number: u32) -> Result<(), StoreError> {
        self.running.remove(number).map_err(boxed)?;
        self.forgotten.insert(number, 0).map_err(boxed)?;
        Ok(())
    }

    /// The number of a stream, a new one if need be; none for one that is not defined.
    fn number(
        &mut self,
        id: &StreamId,
        defined: Defined<'_, '_>,
    ) -> Result<Option<u32>, StoreError> {
        let known = self.numbers.get(id.as_str()).map_err(boxed)?;
        if let Some(number) = known.map(|number| number.value()) {
            return Ok(Some(number));
        }
        if !is_defined(defined, id)? {
            return Ok(None);
        }
        let next = self.meta(NEXT_NUMBER)?;
        let Ok(number) = u32::try_from(next) else {
            tracing::error!("no number is left for the history of another stream");
            return Ok(None);
        };
        self.meta.insert(NEXT_NUMBER, next + 1).map_err(boxed)?;
        self.numbers.insert(id.as_str(), number).map_err(boxed)?;
        Ok(Some(number))
    }

    fn meta(&self, key: &str) -> Result<u64, StoreError> {
        let value = self.meta.get(key).map_err(boxed)?;
        Ok(value.map_or(0, |value| value.value()))
    }
}

fn is_defined(defined: Defined<'_, '_>, id: &StreamId) -> Result<bool, StoreError> {
    Ok(id.is_server() || defined.get(id.as_str()).map_err(boxed)?.is_some())
}

/// What is damaged is lost; what comes after it is not.
fn unpack(row: &[u8]) -> Hour {
    Hour::unpack(row).unwrap_or_else(|error| {
        tracing::error!(%error, "an hour of a stream's history cannot be read");
        Hour::default()
    })
}

#[cfg(test)]
mod tests;
