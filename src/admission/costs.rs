//! What a pipeline will cost, learned from what earlier ones of its kind have cost.

use std::collections::HashMap;
use std::time::Duration;

use super::job::{CostKey, Job};
use super::ledger::Cost;

/// Entries kept unless the owner says otherwise: more than a house with the usual profiles makes.
pub const CAPACITY: usize = 512;
/// A run shorter than this says nothing about the steady load, nor that work has become cheaper.
pub const MIN_RUN: Duration = Duration::from_secs(10);
/// A cheaper run takes this part of the difference off.
const FALL: f64 = 1.0 / 8.0;
/// Differences downwards of less than this part of a figure are noise.
const NOISE: f64 = 1.0 / 32.0;
/// More than any pipeline: a stored value beyond it is garbage.
const MEMORY_MAX: u64 = 1 << 40;
const CORES_MAX: f32 = 1024.0;

/// What a pipeline took from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    /// The most memory it held, in bytes; 0 when it was not measured.
    pub peak_bytes: u64,
    /// Its CPU in cores after the start, in the mean; 0 when it was not measured.
    pub cpu_cores: f32,
    /// How long it ran.
    pub ran: Duration,
}

/// What has to be written to the store after something was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The row's key: the text form of a [`CostKey`].
    pub key: String,
    /// The row's value; JSON in the store.
    pub cost: Cost,
    /// The key of a row that was forgotten to make room.
    pub forgotten: Option<String>,
}

/// Expected costs by kind of work: rise at once, fall slowly; the least recently used is
/// forgotten when there are too many.
#[derive(Debug)]
pub struct CostBook {
    capacity: usize,
    ceiling_bytes: u64,
    entries: HashMap<CostKey, Entry>,
    /// Counts uses, to know the least recent one.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    cost: Cost,
    used: u64,
}

impl Taken {
    fn cores(&self) -> f32 {
        let measured = Cost {
            memory_bytes: 0,
            cpu_cores: self.cpu_cores,
        };
        measured.sane().cpu_cores
    }
}

impl CostBook {
    /// At most `capacity` entries, none above `ceiling_bytes`: a pipeline that takes more is
    /// ended, and a request that is expected to would hold up the queue for nothing.
    pub fn new(capacity: usize, ceiling_bytes: u64) -> Self {
        Self {
            capacity: capacity.max(1),
            ceiling_bytes,
            entries: HashMap::new(),
            uses: 0,
        }
    }

    /// Takes in a stored row. False when key or value make no sense, or there is no room.
    pub fn restore(&mut self, key: &str, json: &[u8]) -> bool {
        let Some(key) = CostKey::parse(key) else {
            return false;
        };
        let Ok(cost) = serde_json::from_slice::<Cost>(json) else {
            return false;
        };
        let sensible = (1..=MEMORY_MAX).contains(&cost.memory_bytes)
            && (0.0..=CORES_MAX).contains(&cost.cpu_cores);
        if !sensible || (self.entries.len() >= self.capacity && !self.entries.contains_key(&key)) {
            return false;
        }
        self.entries.insert(key, Entry { cost, used: 0 });
        true
    }

    /// What a pipeline of this kind is expected to take.
    pub fn expected(&mut self, job: &Job) -> Cost {
        self.uses += 1;
        let used = self.uses;
        let learned = self.entries.get_mut(&job.key()).map(|entry| {
            entry.used = used;
            entry.cost
        });
        self.within_ceiling(learned.unwrap_or_else(|| job.default_cost()))
    }

    /// Learns from a pipeline that has ended; `None` when that changes nothing.
    ///
    /// One that went over the ceiling teaches nothing: a stream made to blow up must not make
    /// sound ones of its kind look dear.
    pub fn learn(&mut self, job: &Job, taken: &Taken) -> Option<Learned> {
        if taken.peak_bytes > self.ceiling_bytes {
            return None;
        }
        let key = job.key();
        let known = self.entries.get(&key).map(|e| e.cost);
        let cost = match known {
            Some(known) => revised(known, taken),
            None => first(job.default_cost(), taken),
        };
        let cost = self.within_ceiling(cost);
        if cost == known.unwrap_or_else(|| job.default_cost()) {
            return None;
        }
        let forgotten = if known.is_none() {
            self.make_room()
        } else {
            None
        };
        self.uses += 1;
        let entry = Entry {
            cost,
            used: self.uses,
        };
        let text = key.to_string();
        self.entries.insert(key, entry);
        Some(Learned {
            key: text,
            cost,
            forgotten: forgotten.map(|k| k.to_string()),
        })
    }

    /// What is known now, for people to see.
    pub fn entries(&self) -> impl Iterator<Item = (&CostKey, Cost)> {
        self.entries.iter().map(|(key, entry)| (key, entry.cost))
    }

    fn within_ceiling(&self, cost: Cost) -> Cost {
        Cost {
            memory_bytes: cost.memory_bytes.min(self.ceiling_bytes),
            ..cost
        }
    }

    fn make_room(&mut self) -> Option<CostKey> {
        if self.entries.len() < self.capacity {
            return None;
        }
        let oldest = self.entries.iter().min_by_key(|(key, e)| (e.used, *key));
        let key = oldest.map(|(key, _)| key.clone())?;
        self.entries.remove(&key);
        Some(key)
    }
}

/// The first run of its kind: what was really taken replaces the guess.
fn first(guess: Cost, taken: &Taken) -> Cost {
    let long = taken.ran >= MIN_RUN;
    let higher = taken.peak_bytes > guess.memory_bytes;
    let cores = taken.cores();
    Cost {
        memory_bytes: if higher || (long && taken.peak_bytes > 0) {
            taken.peak_bytes
        } else {
            guess.memory_bytes
        },
        cpu_cores: if long && cores > 0.0 {
            cores
        } else {
            guess.cpu_cores
        },
    }
}

/// What is known, after one more run.
fn revised(known: Cost, taken: &Taken) -> Cost {
    let long = taken.ran >= MIN_RUN;
    let (bytes, cores) = (known.memory_bytes as f64, f64::from(known.cpu_cores));
    let new = f64::from(if long { taken.cores() } else { 0.0 });
    Cost {
        memory_bytes: moved(bytes, taken.peak_bytes as f64, long) as u64,
        cpu_cores: moved(cores, new, long) as f32,
    }
}

/// A figure after a run that took `new`: up at once, down slowly and only after a long run. 0 is
/// no measure.
fn moved(old: f64, new: f64, long: bool) -> f64 {
    if new > old {
        new
    } else if long && new > 0.0 && old - new > old * NOISE {
        old - (old - new) * FALL
    } else {
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Work;
    use proptest::prelude::*;

    const MB: u64 = 1_000_000;

    fn job(profile: &str) -> Job {
        Job {
            work: Work::EncodeBoth,
            profile: profile.into(),
            source_pixels: 1280 * 720,
            output_pixels: 1280 * 720,
        }
    }

    fn taken(mb: u64, cpu_cores: f32, seconds: u64) -> Taken {
        Taken {
            peak_bytes: mb * MB,
            cpu_cores,
            ran: Duration::from_secs(seconds),
        }
    }

    fn near(cost: Cost, mb: u64, cores: f32) -> bool {
        cost.memory_bytes / MB == mb && (cost.cpu_cores - cores).abs() < 0.002
    }

    #[test]
    fn costs_rise_at_once_and_fall_slowly() {
        let mut book = CostBook::new(9, 400 * MB);
        let job = job("medium");
        assert!(near(book.expected(&job), 65, 0.398));
        let first = book.learn(&job, &taken(48, 0.3, 60)).unwrap();
        assert_eq!(first.key, "encode-both/medium/hd");
        assert!(near(book.expected(&job), 48, 0.3), "no guess any more");
        book.learn(&job, &taken(88, 0.5, 60)).unwrap();
        assert!(near(book.expected(&job), 88, 0.5));
        book.learn(&job, &taken(48, 0.1, 60)).unwrap();
        assert!(near(book.expected(&job), 83, 0.45));
        for _ in 0..100 {
            book.learn(&job, &taken(48, 0.1, 60));
        }
        assert!((48..=50).contains(&(book.expected(&job).memory_bytes / MB)));
        assert_eq!(book.learn(&job, &taken(48, 0.1, 60)), None, "noise");
    }

    #[test]
    fn a_short_run_only_raises_memory() {
        let mut book = CostBook::new(9, 400 * MB);
        let job = job("medium");
        assert_eq!(book.learn(&job, &taken(10, 0.1, 3)), None);
        book.learn(&job, &taken(90, 2.0, 3)).unwrap();
        assert!(near(book.expected(&job), 90, 0.398));
        assert_eq!(book.learn(&job, &taken(10, 2.0, 3)), None);
        book.learn(&job, &taken(91, 2.0, 3)).unwrap();
        assert!(near(book.expected(&job), 91, 0.398));
    }

    #[test]
    fn what_was_not_measured_or_blew_up_teaches_nothing() {
        let mut book = CostBook::new(9, 400 * MB);
        let job = job("medium");
        let before = book.expected(&job);
        assert_eq!(book.learn(&job, &taken(0, 0.0, 60)), None);
        assert_eq!(book.learn(&job, &taken(0, f32::NAN, 60)), None);
        assert_eq!(book.learn(&job, &taken(0, -1.0, 60)), None);
        assert_eq!(book.learn(&job, &taken(401, 0.4, 60)), None);
        assert_eq!(book.expected(&job), before);
        let bomb = Job {
            source_pixels: u64::MAX,
            ..job
        };
        assert_eq!(book.expected(&bomb).memory_bytes, 400 * MB);
    }

    #[test]
    fn the_least_recently_used_is_forgotten() {
        let mut book = CostBook::new(2, 400 * MB);
        book.learn(&job("a"), &taken(50, 0.3, 60)).unwrap();
        book.learn(&job("b"), &taken(50, 0.3, 60)).unwrap();
        book.expected(&job("a"));
        let learned = book.learn(&job("c"), &taken(50, 0.3, 60)).unwrap();
        assert_eq!(learned.forgotten.as_deref(), Some("encode-both/b/hd"));
        assert_eq!(book.entries().count(), 2);
        assert!(!book.restore("encode-both/d/hd", br#"{"memory_bytes":1,"cpu_cores":1}"#));
        assert!(book.restore("encode-both/a/hd", br#"{"memory_bytes":1,"cpu_cores":1}"#));
    }

    #[test]
    fn rows_come_back_from_the_store_and_garbage_is_skipped() {
        let mut book = CostBook::new(9, 400 * MB);
        let row = book.learn(&job("a"), &taken(50, 0.3, 60)).unwrap();
        let json = serde_json::to_vec(&row.cost).unwrap();
        let mut again = CostBook::new(9, 400 * MB);
        assert!(again.restore(&row.key, &json));
        assert_eq!(again.expected(&job("a")), book.expected(&job("a")));
        let good = br#"{"memory_bytes":1,"cpu_cores":0.5,"more":[]}"#;
        assert!(
            again.restore("test/b/none", good),
            "fields of later versions"
        );
        for (key, json) in [
            ("nonsense", &good[..]),
            ("test/c/none", b"\xff\x00"),
            ("test/c/none", b"{}"),
            ("test/c/none", br#"{"memory_bytes":-1,"cpu_cores":0.5}"#),
            ("test/c/none", br#"{"memory_bytes":0,"cpu_cores":0.5}"#),
            ("test/c/none", br#"{"memory_bytes":1,"cpu_cores":-0.5}"#),
            ("test/c/none", br#"{"memory_bytes":1,"cpu_cores":1e39}"#),
            ("test/c/none", br#"{"memory_bytes":9e18,"cpu_cores":1}"#),
            (
                "test/c/none",
                br#"{"memory_bytes":9000000000000000000,"cpu_cores":1}"#,
            ),
        ] {
            assert!(!again.restore(key, json), "{key} {json:?}");
        }
        assert_eq!(again.entries().count(), 2);
    }

    proptest! {
        #[test]
        fn expectations_stay_within_what_was_seen_and_the_book_within_its_bound(
            runs in prop::collection::vec((0u8..6, 0u64..600, -1.0f32..4.0, 0u64..30), 1..100),
        ) {
            let mut book = CostBook::new(3, 400 * MB);
            let mut rows = std::collections::BTreeSet::new();
            for (profile, mb, cores, seconds) in runs {
                let job = job(&profile.to_string());
                let before = book.expected(&job);
                let run = taken(mb, cores, seconds);
                if let Some(learned) = book.learn(&job, &run) {
                    rows.insert(learned.key);
                    learned.forgotten.map(|key| rows.remove(&key));
                }
                let after = book.expected(&job);
                let bytes = mb * MB;
                prop_assert!(after.memory_bytes <= before.memory_bytes.max(bytes));
                prop_assert!(after.memory_bytes >= before.memory_bytes.min(bytes.max(1)));
                prop_assert!(bytes > 400 * MB || after.memory_bytes >= bytes);
                prop_assert!(after.memory_bytes <= 400 * MB);
                prop_assert!(after.cpu_cores.is_finite() && after.cpu_cores >= 0.0);
                prop_assert!(after.cpu_cores <= before.cpu_cores.max(cores));
                // The store, told of each change, holds what the book holds.
                let held: std::collections::BTreeSet<_> =
                    book.entries().map(|(key, _)| key.to_string()).collect();
                prop_assert_eq!(&held, &rows);
                prop_assert!(held.len() <= 3);
            }
        }

        #[test]
        fn restoring_never_panics(key in ".{0,40}", json in prop::collection::vec(any::<u8>(), 0..64)) {
            CostBook::new(3, MB).restore(&key, &json);
        }
    }
}
