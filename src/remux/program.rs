//! Writes the programme: tables, clock and units on one timeline.

use bytes::Bytes;

use super::interleave::Unit;
use super::{Notice, Output, OutputTrack};
use crate::ts::{Clock, Listed, Writer};

const PMT_PID: u16 = 0x1000;
/// From the clock to the decoding time of what stands beside it: time for a large picture to arrive.
const LEAD: i64 = 45_000;
/// The clock of time 0, so that what an edit list puts a little before it does not wrap.
const START: i64 = 45_000;
/// The clock comes at least this often: within the 100 ms of ISO/IEC 13818-1, 2.7.2.
const CLOCK_EVERY: i64 = 80 * 90;
/// The tables come at least this often: within the 500 ms of ETSI TR 101 290.
const TABLES_EVERY: i64 = 400 * 90;
/// A longer step of time is a gap in the source, which is not filled with clocks.
const GAP: i64 = 5 * 90_000;

/// See the module's page.
#[derive(Default)]
pub(super) struct Program {
    writer: Writer,
    /// What goes out next.
    bytes: Vec<u8>,
    streams: Vec<Listed>,
    version: u8,
    pcr_pid: u16,
    clock: Option<i64>,
    tables: Option<i64>,
    /// The next clock has nothing to do with the one before.
    broken: bool,
    frames: u64,
}

impl Program {
    /// The tracks from here on; `tracks` describes what `streams` lists.
    pub(super) fn list(
        &mut self,
        streams: Vec<Listed>,
        pcr_pid: u16,
        tracks: Vec<OutputTrack>,
        out: &mut Vec<Output>,
    ) {
        if streams == self.streams && pcr_pid == self.pcr_pid {
            return;
        }
        if !self.streams.is_empty() {
            self.version = (self.version + 1) & 0x1f;
        }
        (self.streams, self.pcr_pid) = (streams, pcr_pid);
        self.tables = None;
        self.flush(out);
        out.push(Output::Notice(Notice::Tracks(tracks)));
    }

    /// What follows is on a new timeline.
    pub(super) fn turn(&mut self, out: &mut Vec<Output>) {
        self.flush(out);
        out.push(Output::Discontinuity);
        (self.clock, self.tables) = (None, None);
        self.broken = true;
    }

    /// Writes a unit.
    pub(super) fn write(&mut self, pid: u16, unit: &Unit, video: bool) {
        self.frames += 1;
        let start = unit.at.1;
        self.pass(start);
        let begins = video && unit.key;
        if begins || self.tables_due(start) {
            self.write_tables(start);
        }
        let mut clock = None;
        if pid == self.pcr_pid {
            clock = Some(self.clock_at(start));
        } else if self.clock.is_none() {
            let first = self.clock_at(start);
            self.writer.clock(self.pcr_pid, first, &mut self.bytes);
        }
        let stamp = |time: i64| (time + START + LEAD).cast_unsigned();
        let unit = crate::ts::Unit {
            pid,
            stream_id: unit.format.stream_id,
            pts: stamp(unit.pts),
            dts: stamp(unit.at.1),
            random_access: begins,
            clock,
            data: &unit.data,
        };
        self.writer.unit(&unit, &mut self.bytes);
    }

    /// Hands over what has been written.
    pub(super) fn flush(&mut self, out: &mut Vec<Output>) {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            out.push(Output::Data(Bytes::from(bytes)));
        }
    }

    /// Units that were written.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Writes the clocks and tables that are due until `time`, where units are far apart.
    fn pass(&mut self, time: i64) {
        while let Some(last) = self.clock
            && (CLOCK_EVERY + 1..GAP).contains(&(time - last))
        {
            let due = last + CLOCK_EVERY;
            if self.tables_due(due) {
                self.write_tables(due);
            }
            let clock = self.clock_at(due);
            self.writer.clock(self.pcr_pid, clock, &mut self.bytes);
        }
    }

    /// The clock never runs backwards, though a late unit may.
    fn clock_at(&mut self, time: i64) -> Clock {
        let time = self.clock.map_or(time, |last| time.max(last));
        self.clock = Some(time);
        Clock {
            base: (time + START).cast_unsigned(),
            discontinuity: std::mem::take(&mut self.broken),
        }
    }

    fn tables_due(&self, time: i64) -> bool {
        self.tables.is_none_or(|last| time - last >= TABLES_EVERY)
    }

    fn write_tables(&mut self, time: i64) {
        self.tables = Some(time);
        self.writer.tables(
            PMT_PID,
            self.pcr_pid,
            self.version,
            &self.streams,
            &mut self.bytes,
        );
    }
}
