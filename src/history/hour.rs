//! The minutes of an hour of one stream, packed: about six bytes a minute.
//!
//! ```text
//! row     = version (1 byte) minute*          minutes in ascending order
//! minute  = tag [place] [spans] [traffic] [counters] [looks]
//! tag     = bits 0..2: the state that lasted the whole minute, or 7: spans follow
//!           bit 3: place in the hour follows (else: the minute after the one before)
//!           bit 4: traffic follows: kilobytes and bitrate, each as the difference to the last
//!           bit 5: outages, continuity errors and errors follow
//!           bit 6: looks follow (else: as many as in the minute before)
//! spans   = mask of the states (1 byte), milliseconds of each
//! ```
//!
//! Numbers are LEB128; differences are zigzag coded.

use super::{MINUTE_MS, Minute, Spans};

/// The version of rows that are written.
const VERSION: u8 = 1;
/// The most minutes in an hour.
const MINUTES: u8 = 60;

const MIXED: u8 = 7;
const PLACE: u8 = 1 << 3;
const TRAFFIC: u8 = 1 << 4;
const COUNTERS: u8 = 1 << 5;
const LOOKS: u8 = 1 << 6;

/// A row that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of minutes is damaged")]
pub struct Damaged;

/// The minutes of an hour of one stream, by their place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    minutes: Vec<(u8, Minute)>,
}

impl Hour {
    /// Reads a row.
    ///
    /// # Errors
    /// [`Damaged`] unless it is one that [`Self::pack`] could have written.
    pub fn unpack(row: &[u8]) -> Result<Self, Damaged> {
        let minutes = minutes(row).collect::<Result<_, _>>()?;
        Ok(Self { minutes })
    }

    /// Adds a minute; merges it with what is known of it already. A place beyond the hour is left out.
    pub fn add(&mut self, place: u8, minute: &Minute) {
        if place >= MINUTES {
            return;
        }
        match self.minutes.binary_search_by_key(&place, |(at, _)| *at) {
            Ok(index) => self.minutes[index].1.merge(minute),
            Err(index) => self.minutes.insert(index, (place, minute.capped())),
        }
    }

    /// The minutes in their order.
    pub fn minutes(&self) -> &[(u8, Minute)] {
        &self.minutes
    }

    /// Writes the row.
    pub fn pack(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(1 + self.minutes.len() * 8);
        row.push(VERSION);
        let mut before = Before::default();
        for (place, minute) in &self.minutes {
            before.pack(*place, minute, &mut row);
        }
        row
    }
}

/// The minutes of a row, one by one.
pub fn minutes(row: &[u8]) -> impl Iterator<Item = Result<(u8, Minute), Damaged>> {
    let (version, mut rest) = row.split_first().map_or((0, row), |(v, rest)| (*v, rest));
    let mut before = Before::default();
    let mut broken = version != VERSION;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended || (rest.is_empty() && !broken) {
            return None;
        }
        let read = if broken {
            None
        } else {
            before.unpack(&mut rest)
        };
        broken = read.is_none();
        ended = broken;
        Some(read.ok_or(Damaged))
    })
}

/// What differences are to.
#[derive(Default)]
struct Before {
    next_place: u8,
    kilobytes: u32,
    bitrate_kbps: u32,
    looks: u32,
}

impl Before {
    fn pack(&mut self, place: u8, minute: &Minute, row: &mut Vec<u8>) {
        let whole = Spans::STATES
            .iter()
            .position(|&state| minute.spans.of(state) == u64::from(MINUTE_MS));
        let traffic = minute.kilobytes != 0 || minute.bitrate_kbps != 0;
        let counters = [minute.outages, minute.continuity_errors, minute.errors];
        let flags = [
            (PLACE, place != self.next_place),
            (TRAFFIC, traffic),
            (COUNTERS, counters != [0; 3]),
            (LOOKS, minute.looks != self.looks),
        ];
        let state = whole.map_or(MIXED, |state| state as u8);
        let tag = flags
            .iter()
            .filter(|(_, set)| *set)
            .fold(state, |tag, (flag, _)| tag | flag);
        row.push(tag);
        if tag & PLACE != 0 {
            row.push(place);
        }
        if whole.is_none() {
            let at = row.len();
            row.push(0);
            for (bit, state) in Spans::STATES.into_iter().enumerate() {
                let ms = minute.spans.of(state);
                if ms > 0 {
                    row[at] |= 1 << bit;
                    put(row, ms);
                }
            }
        }
        if traffic {
            put_difference(row, &mut self.kilobytes, minute.kilobytes);
            put_difference(row, &mut self.bitrate_kbps, minute.bitrate_kbps);
        }
        if tag & COUNTERS != 0 {
            for counter in counters {
                put(row, counter.into());
            }
        }
        if tag & LOOKS != 0 {
            put(row, minute.looks.into());
            self.looks = minute.looks;
        }
        self.next_place = place + 1;
    }

    fn unpack(&mut self, rest: &mut &[u8]) -> Option<(u8, Minute)> {
        let mut minute = Minute::default();
        let tag = byte(rest)?;
        if tag & 0x80 != 0 {
            return None;
        }
        let place = if tag & PLACE == 0 {
            self.next_place
        } else {
            byte(rest)?
        };
        if place < self.next_place || place >= MINUTES {
            return None;
        }
        minute.spans = match tag & 7 {
            MIXED => spans(rest)?,
            state => {
                let state = *Spans::STATES.get(usize::from(state))?;
                Spans::whole(state, MINUTE_MS.into())
            }
        };
        if tag & TRAFFIC != 0 {
            minute.kilobytes = get_difference(rest, &mut self.kilobytes)?;
            minute.bitrate_kbps = get_difference(rest, &mut self.bitrate_kbps)?;
        }
        if tag & COUNTERS != 0 {
            minute.outages = small(rest)?;
            minute.continuity_errors = small(rest)?;
            minute.errors = small(rest)?;
        }
        if tag & LOOKS != 0 {
            self.looks = small(rest)?;
        }
        minute.looks = self.looks;
        self.next_place = place + 1;
        Some((place, minute))
    }
}

fn spans(rest: &mut &[u8]) -> Option<Spans> {
    let mask = byte(rest)?;
    let mut spans = Spans::default();
    for (bit, state) in Spans::STATES.into_iter().enumerate() {
        if mask & (1 << bit) != 0 {
            *spans.of_mut(state) = u64::from(small(rest)?);
        }
    }
    let in_bounds = mask < 1 << Spans::STATES.len() && spans.total() <= u64::from(MINUTE_MS);
    in_bounds.then_some(spans)
}

fn put(row: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        row.push(number as u8 | 0x80);
        number >>= 7;
    }
    row.push(number as u8);
}

fn put_difference(row: &mut Vec<u8>, before: &mut u32, number: u32) {
    let difference = i64::from(number) - i64::from(*before);
    put(row, ((difference << 1) ^ (difference >> 63)) as u64);
    *before = number;
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

/// A number of at most 35 bits.
fn get(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let part = byte(rest)?;
        number |= u64::from(part & 0x7f) << shift;
        if part & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn small(rest: &mut &[u8]) -> Option<u32> {
    get(rest)?.try_into().ok()
}

fn get_difference(rest: &mut &[u8], before: &mut u32) -> Option<u32> {
    let zigzag = get(rest)?;
    let difference = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
    let number = i64::from(*before).checked_add(difference)?;
    *before = u32::try_from(number).ok()?;
    Some(*before)
}

#[cfg(test)]
mod tests {
    use super::super::minute::tests::any_minute;
    use super::*;
    use crate::conditions::Health;
    use proptest::prelude::*;

    fn any_hour() -> impl Strategy<Value = Hour> {
        prop::collection::btree_map(0..MINUTES, any_minute(), 0..=60).prop_map(|minutes| Hour {
            minutes: minutes.into_iter().collect(),
        })
    }

    #[test]
    fn a_quiet_hour_is_small() {
        let mut hour = Hour::default();
        for place in 0..60 {
            // A sampled stream: two segments a minute, a bitrate that wavers by some per cent.
            let minute = Minute {
                spans: Spans::whole(Health::Up, 60_000),
                kilobytes: 2_400 + u32::from(place) * 7_919 % 400,
                bitrate_kbps: 2_500 + u32::from(place) * 6_007 % 200,
                looks: 2,
                ..Minute::default()
            };
            hour.add(place, &minute);
        }
        let row = hour.pack();
        assert!(row.len() <= 60 * 5 + 6, "{} bytes", row.len());
        assert_eq!(Hour::unpack(&row), Ok(hour));
    }

    #[test]
    fn damage_is_told() {
        let mut hour = Hour::default();
        hour.add(7, &Minute::default());
        hour.add(60, &Minute::default());
        let row = hour.pack();
        assert_eq!(Hour::unpack(&row), Ok(hour));
        for bad in [
            &[][..],
            &[2],
            &row[..row.len() - 1],
            // A place that does not ascend; one beyond the hour.
            &[1, 0, PLACE, 0],
            &[1, PLACE, 60],
            // An unknown bit; a state that is none; spans of more than a minute.
            &[1, 0x80],
            &[1, 5],
            &[1, MIXED, 1, 0xe1, 0xd4, 0x03],
            // A number without end; one below zero.
            &[1, COUNTERS, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
            &[1, TRAFFIC, 1, 0],
        ] {
            assert_eq!(Hour::unpack(bad), Err(Damaged), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(hour in any_hour()) {
            prop_assert_eq!(Hour::unpack(&hour.pack()), Ok(hour));
        }

        #[test]
        fn any_bytes_are_an_hour_or_damaged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut row = vec![VERSION];
            row.extend(bytes);
            if let Ok(hour) = Hour::unpack(&row) {
                for (_, minute) in hour.minutes() {
                    prop_assert!(minute.spans.total() <= 60_000);
                }
                prop_assert_eq!(Hour::unpack(&hour.pack()), Ok(hour));
            }
        }

        #[test]
        fn minutes_may_come_in_any_order(minutes in prop::collection::btree_map(0..MINUTES, any_minute(), 0..60)) {
            let sorted = Hour { minutes: minutes.clone().into_iter().collect() };
            let mut backwards = Hour::default();
            for (place, minute) in minutes.iter().rev() {
                backwards.add(*place, minute);
            }
            prop_assert_eq!(backwards, sorted);
        }
    }
}
