//! Is it us? When most streams of different hosts fail together, the fault is with our own network.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::terms::{grown, relapses};
use super::{Change, Condition, Ending, Evidence, Kind, Now};
use crate::ingest::Cause;
use crate::stream::StreamId;

/// Fewest streams that must fail together.
const STREAMS_MIN: usize = 5;
/// Fewest hosts that they must be of.
const HOSTS_MIN: usize = 3;
/// Failures this close to each other are together.
const TOGETHER: Duration = Duration::from_secs(20);
/// How long outages wait for the guard to make up its mind.
const DOUBT: Duration = Duration::from_secs(20);
/// Who was not heard of for so long is not waited for.
const SILENCE: Duration = Duration::from_mins(2);
/// Most streams that are remembered; what is said of more is passed over, and counted.
const STREAMS_MAX: usize = 20_000;

/// What is known of our own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Nothing is wrong with it.
    Fine,
    /// So much failed just now that it may be us: outages of streams wait for a moment.
    Doubtful,
    /// It is us: outages of streams are held back, and what they are cannot be told.
    Lost,
}

/// Watches all streams together for a fault of our own network.
///
/// It is in doubt when at least 5 streams of 3 hosts began to fail within 20 s and make up 60 % of the streams, and their
/// hosts 60 % of the hosts, that were heard of since. It is sure when they make up as much of all that are watched, or
/// when after 20 s of doubt half of these were heard of. Who failed long before says nothing. It is over when less than
/// 40 % fail for 5 s (longer when that comes and goes). With fewer hosts nothing can be told: each stream speaks for itself.
#[derive(Debug)]
pub struct Guard {
    streams: HashMap<StreamId, Heard>,
    hasher: RandomState,
    phase: Phase,
    /// Who failed before this does not count.
    floor: Option<Instant>,
    clock: Option<Instant>,
    /// When it was last over, and how often it had come back until then.
    past: Option<(Instant, u32)>,
    ignored: u64,
}

/// What was last heard of a stream.
#[derive(Debug)]
struct Heard {
    /// A hash of the host's name: small whatever its length.
    host: u64,
    at: Instant,
    failing_since: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Fine,
    Doubtful {
        onset: Instant,
        until: Instant,
    },
    Lost {
        onset: Instant,
        condition: Box<Condition>,
        /// Since when too few fail for it to be us.
        calm: Option<Instant>,
    },
}

/// Streams and hosts since an onset.
#[derive(Debug, Default)]
struct Tally {
    failing: usize,
    answered: usize,
    /// Not heard of since, but shortly before.
    silent: usize,
    failing_hosts: usize,
    /// Hosts of those that fail or answered.
    hosts: usize,
    /// Hosts of those that were silent, too.
    all_hosts: usize,
}

impl Guard {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self {
            streams: HashMap::new(),
            hasher: RandomState::new(),
            phase: Phase::Fine,
            floor: None,
            clock: None,
            past: None,
            ignored: 0,
        }
    }

    /// Goes on from the condition that was raised when the server stopped, if one was.
    pub fn restore(raised: Option<Condition>, now: Now) -> Self {
        let mut guard = Self::new();
        if let Some(condition) = raised.filter(|it| it.kind == Kind::OwnNetwork) {
            guard.phase = Phase::Lost {
                onset: now.mono,
                condition: Box::new(condition),
                calm: Some(now.mono + SILENCE),
            };
        }
        guard
    }

    /// A stream was heard of: it failed for this cause, or answered. Causes that are no fault of any network, such as
    /// 404, are answers, too. `host` is the host that was asked.
    pub fn report(
        &mut self,
        stream: &StreamId,
        host: &str,
        failure: Option<Cause>,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        let at = self.run(now, changes);
        let failing = failure.is_some_and(Self::is_of_network);
        let full = self.streams.len() >= STREAMS_MAX;
        if full && !self.streams.contains_key(stream) {
            self.ignored += 1;
            return;
        }
        let host = self.hasher.hash_one(host);
        let old = self.streams.get(stream);
        let old = old.and_then(|it| it.failing_since.filter(|_| it.host == host));
        let heard = Heard {
            host,
            at,
            failing_since: failing.then(|| old.unwrap_or(at)),
        };
        self.streams.insert(stream.clone(), heard);
        // Where nothing is wrong only a new failure can change that.
        if !matches!(self.phase, Phase::Fine) || (failing && old.is_none()) {
            self.judge(at, now, changes);
        }
    }

    /// A stream is no longer watched.
    pub fn forget(&mut self, stream: &StreamId, now: Now, changes: &mut Vec<Change>) {
        let at = self.run(now, changes);
        if self.streams.remove(stream).is_some() && !matches!(self.phase, Phase::Fine) {
            self.judge(at, now, changes);
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now, changes: &mut Vec<Change>) {
        self.run(now, changes);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Fine => None,
            Phase::Doubtful { until, .. } => Some(*until),
            Phase::Lost {
                condition, calm, ..
            } => {
                let clear = Kind::OwnNetwork.rule().clear;
                calm.map(|calm| calm + grown(clear, condition.relapses))
            }
        }
    }

    /// What to tell each [`Machine`](super::Machine).
    pub fn network(&self) -> Network {
        match self.phase {
            Phase::Fine => Network::Fine,
            Phase::Doubtful { .. } => Network::Doubtful,
            Phase::Lost { .. } => Network::Lost,
        }
    }

    /// The condition, while it is us.
    pub fn active(&self) -> Option<&Condition> {
        match &self.phase {
            Phase::Lost { condition, .. } => Some(condition),
            Phase::Fine | Phase::Doubtful { .. } => None,
        }
    }

    /// How often something was said of a stream beyond those that it remembers.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Whether a failure may be one of our own network. An answer, even a bad one, came through it.
    pub fn is_of_network(cause: Cause) -> bool {
        matches!(
            cause,
            Cause::Unreachable | Cause::Refused | Cause::Timeout | Cause::Stalled
        )
    }

    fn run(&mut self, now: Now, changes: &mut Vec<Change>) -> Instant {
        let to = self.clock.map_or(now.mono, |clock| clock.max(now.mono));
        self.clock = Some(to);
        let Some(due) = self.next_deadline().filter(|due| *due <= to) else {
            return to;
        };
        match std::mem::replace(&mut self.phase, Phase::Fine) {
            Phase::Lost { mut condition, .. } => {
                self.past = Some((due, condition.relapses));
                condition.end(Ending::Over, now.wall_at(due));
                changes.push(Change::Cleared(*condition));
            }
            Phase::Doubtful { onset, .. } if self.tally(onset, due).is_likely() => {
                self.raise(onset, due, now, changes);
                return to;
            }
            Phase::Doubtful { .. } | Phase::Fine => {}
        }
        self.floor = Some(due);
        to
    }

    fn judge(&mut self, at: Instant, now: Now, changes: &mut Vec<Change>) {
        let onset = match &self.phase {
            Phase::Fine => self.find_onset(at),
            Phase::Doubtful { onset, .. } | Phase::Lost { onset, .. } => Some(*onset),
        };
        let Some(onset) = onset else {
            return;
        };
        let tally = self.tally(onset, at);
        match &mut self.phase {
            Phase::Lost { calm, .. } => {
                *calm = match calm.take() {
                    _ if tally.is_lasting() => None,
                    // Nothing was heard of anybody yet: as it was.
                    calm if tally.failing + tally.answered == 0 => calm.or(Some(at + SILENCE)),
                    calm => Some(calm.map_or(at, |calm| calm.min(at))),
                };
            }
            Phase::Fine | Phase::Doubtful { .. } if tally.is_sure() => {
                self.raise(onset, at, now, changes);
            }
            Phase::Fine => {
                let until = at + DOUBT;
                self.phase = Phase::Doubtful { onset, until };
            }
            Phase::Doubtful { .. } if !tally.is_suspicious() => {
                self.floor = Some(at);
                self.phase = Phase::Fine;
            }
            Phase::Doubtful { .. } => {}
        }
    }

    fn raise(&mut self, onset: Instant, at: Instant, now: Now, changes: &mut Vec<Change>) {
        let mut condition = self.tally(onset, at).condition(onset, at, now);
        condition.relapses = relapses(self.past, at);
        changes.push(Change::Raised(condition.clone()));
        self.phase = Phase::Lost {
            onset,
            condition: Box::new(condition),
            calm: None,
        };
    }

    /// The earliest moment since which most fail, of those tried: with the last 5 failures, the last 10, 20, ...
    fn find_onset(&self, at: Instant) -> Option<Instant> {
        let failing = self.streams.values().filter_map(|it| it.failing_since);
        let mut recent: Vec<_> = failing
            .filter(|since| at.saturating_duration_since(*since) <= TOGETHER)
            .filter(|since| self.floor.is_none_or(|floor| *since >= floor))
            .collect();
        recent.sort_unstable_by(|a, b| b.cmp(a));
        let counts = std::iter::successors(Some(STREAMS_MIN), |count| Some(count * 2));
        let counts: Vec<_> = counts.take_while(|count| *count <= recent.len()).collect();
        let all = recent.last().copied().filter(|_| !counts.is_empty());
        let onsets = counts.iter().rev().map(|count| recent[count - 1]);
        let mut onsets = all.into_iter().chain(onsets);
        onsets.find(|onset| self.tally(*onset, at).is_suspicious())
    }

    fn tally(&self, onset: Instant, at: Instant) -> Tally {
        let mut tally = Tally::default();
        // Failing and answered.
        let mut hosts: HashMap<u64, (usize, usize)> = HashMap::new();
        for heard in self.streams.values() {
            match heard.failing_since {
                Some(since) if since < onset => {}
                Some(_) => {
                    tally.failing += 1;
                    hosts.entry(heard.host).or_default().0 += 1;
                }
                None if heard.at >= onset => {
                    tally.answered += 1;
                    hosts.entry(heard.host).or_default().1 += 1;
                }
                None if at.saturating_duration_since(heard.at) <= SILENCE => {
                    tally.silent += 1;
                    hosts.entry(heard.host).or_default();
                }
                None => {}
            }
        }
        tally.all_hosts = hosts.len();
        let heard_of = hosts
            .values()
            .filter(|(failing, answered)| failing + answered > 0);
        tally.hosts = heard_of.count();
        let failing = hosts
            .values()
            .filter(|(failing, answered)| most(*failing, failing + answered));
        tally.failing_hosts = failing.count();
        tally
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    fn is_suspicious(&self) -> bool {
        self.failing >= STREAMS_MIN
            && self.failing_hosts >= HOSTS_MIN
            && most(self.failing, self.failing + self.answered)
            && most(self.failing_hosts, self.hosts)
    }

    /// Most of all fail, whatever the rest would say.
    fn is_sure(&self) -> bool {
        let all = self.failing + self.answered + self.silent;
        self.is_suspicious() && most(self.failing, all) && most(self.failing_hosts, self.all_hosts)
    }

    /// Enough were heard of to say so of all.
    fn is_likely(&self) -> bool {
        self.is_suspicious()
            && self.failing + self.answered >= self.silent
            && self.hosts * 2 >= self.all_hosts
    }

    /// Still so many that it is not over: at least 40 %.
    fn is_lasting(&self) -> bool {
        self.failing > 0 && self.failing * 10 >= (self.failing + self.answered) * 4
    }

    fn condition(&self, onset: Instant, at: Instant, now: Now) -> Condition {
        let heard = self.failing + self.answered;
        let text = format!(
            "{} of {heard} streams on {} of {} hosts began to fail together",
            self.failing, self.failing_hosts, self.hosts
        );
        let evidence = Evidence::new(text)
            .number("streams", heard as f64)
            .number("failing_streams", self.failing as f64)
            .number("hosts", self.hosts as f64)
            .number("failing_hosts", self.failing_hosts as f64);
        Condition {
            kind: Kind::OwnNetwork,
            severity: Kind::OwnNetwork.rule().severity,
            since: now.wall_at(onset),
            raised_at: now.wall_at(at),
            cleared_at: None,
            ending: None,
            confirmed: false,
            relapses: 0,
            evidence: evidence.into(),
        }
    }
}

/// At least 60 %.
fn most(part: usize, whole: usize) -> bool {
    whole > 0 && part * 10 >= whole * 6
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
