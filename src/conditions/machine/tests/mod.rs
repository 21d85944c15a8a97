//! Rules as scripts, random scripts against what must always hold, and what scripts cannot say.

mod always;
mod restart;
mod rules;

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::base::clock;
use crate::conditions::Evidence;

/// A machine and what it has told.
#[derive(Clone)]
struct Stage {
    machine: Machine,
    start: Now,
    changes: Vec<Change>,
}

impl Stage {
    fn new(terms: Terms) -> Self {
        Self {
            machine: Machine::new(Arc::new(terms)),
            start: Now {
                // Time before the start of a test is needed, too.
                mono: clock::now() + Duration::from_hours(24),
                wall: "2026-11-21T20:00:00Z".parse().unwrap(),
            },
            changes: Vec::new(),
        }
    }

    fn at(&self, millis: u64) -> Now {
        let passed = Duration::from_millis(millis);
        Now {
            mono: self.start.mono + passed,
            wall: self.start.wall + passed,
        }
    }

    fn tick(&mut self, millis: u64) {
        let now = self.at(millis);
        self.machine.tick(now, &mut self.changes);
    }

    fn observe(&mut self, seen: Observation, millis: u64) {
        let now = self.at(millis);
        self.machine.observe(seen, now, &mut self.changes);
    }

    /// Runs `SECONDS WORD; SECONDS WORD; ...`: `black` is seen, `!black` seen to be gone, `black*` and `!black*` closely,
    /// `black~8` for 8 s already; `.` only ticks.
    fn play(&mut self, script: &str) {
        for line in script.split(';') {
            let (seconds, word) = line.trim().split_once(' ').unwrap();
            let millis = (seconds.parse::<f64>().unwrap() * 1000.0).round() as u64;
            let now = self.at(millis);
            let changes = &mut self.changes;
            match word {
                "." => self.tick(millis),
                "pause" => self.machine.pause(now, changes),
                "resume" => self.machine.resume(now, changes),
                "back" => self.machine.stood_still(now),
                "fine" => self.machine.set_network(Network::Fine, now, changes),
                "doubtful" => self.machine.set_network(Network::Doubtful, now, changes),
                "lost" => self.machine.set_network(Network::Lost, now, changes),
                word => self.observe(observation(word), millis),
            }
        }
    }

    /// What was told: `10 +black; 10 degraded; 70 -black over`.
    fn told(&self) -> String {
        let mut text = String::new();
        let seconds = |at: jiff::Timestamp| at.duration_since(self.start.wall).as_secs_f64();
        for change in &self.changes {
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = match change {
                Change::Raised(it) => {
                    write!(
                        text,
                        "{separator}{} +{}",
                        seconds(it.raised_at),
                        it.kind.as_str()
                    )
                }
                Change::Cleared(it) => write!(
                    text,
                    "{separator}{} -{} {}",
                    seconds(it.cleared_at.unwrap()),
                    it.kind.as_str(),
                    it.ending.unwrap().as_str()
                ),
                Change::Health { to, at, .. } => {
                    write!(text, "{separator}{} {}", seconds(*at), to.as_str())
                }
            };
        }
        text
    }
}

fn observation(word: &str) -> Observation {
    let (present, word) = match word.strip_prefix('!') {
        Some(word) => (false, word),
        None => (true, word),
    };
    let (confirmed, word) = match word.strip_suffix('*') {
        Some(word) => (true, word),
        None => (false, word),
    };
    let (word, lasting) = word.split_once('~').unwrap_or((word, "0"));
    Observation {
        kind: Kind::parse(word).unwrap_or_else(|| panic!("{word}")),
        present,
        confirmed,
        lasting: Duration::from_secs(lasting.parse().unwrap()),
        evidence: Evidence::new("it is so").number("x", 1.0),
    }
}

/// Plays scripts on fresh machines and compares what they tell.
fn check(terms: &Terms, table: &[(&str, &str)]) {
    for (script, expected) in table {
        let mut stage = Stage::new(terms.clone());
        stage.play(script);
        assert_eq!(stage.told(), *expected, "{script}");
    }
}

fn instant(stage: &Stage, seconds: u64) -> Instant {
    stage.at(seconds * 1000).mono
}
