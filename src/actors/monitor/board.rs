//! What the monitor knows of each stream, for who asks: the API, metrics, pages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::conditions::{Condition, Health};
use crate::stream::{MonitorMode, StreamId};

/// A stream counts as looked at for its interval, half of one more, because looks take their time, and this.
const GRACE: Duration = Duration::from_secs(2);

/// What the monitor does with a stream at the moment: where a look that is late hangs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It waits for its turn at the start, when streams begin in batches.
    #[default]
    Starting,
    /// The next look is not due.
    Resting,
    /// A look is due; as many as may look at this host, or at all, do so now.
    Queued,
    /// It waits for a connection of the provider's account.
    WaitingForConnection,
    /// It waits for media of the source.
    Pulling,
    /// It waits for a decoder, or for the decoder's answer.
    Decoding,
}

impl Doing {
    /// Its name in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Resting => "resting",
            Self::Queued => "queued",
            Self::WaitingForConnection => "waiting_for_connection",
            Self::Pulling => "pulling",
            Self::Decoding => "decoding",
        }
    }
}

/// What is known of one stream.
#[derive(Clone, Debug)]
pub struct Known {
    /// How it is watched.
    pub mode: MonitorMode,
    /// How often it shall be looked at.
    pub interval: Duration,
    /// How it is.
    pub health: Health,
    /// Since when it is so.
    pub health_since: Timestamp,
    /// What is wrong with it.
    pub conditions: Vec<Condition>,
    /// When it was looked at last.
    pub checked_at: Option<Timestamp>,
    /// The same, on the clock that never jumps.
    pub looked: Option<Instant>,
    /// Since when it is watched.
    pub since: Instant,
    /// What was between the last two looks.
    pub stretched: Option<Duration>,
    /// What is being done.
    pub doing: Doing,
    /// Bits a second that came, of a stream that is pulled without pause.
    pub bitrate: Option<f64>,
    /// Continuity errors since it is watched.
    pub continuity_errors: u64,
    /// Looks since it is watched.
    pub looks: u64,
}

impl Known {
    pub(super) fn new(
        mode: MonitorMode,
        interval: Duration,
        (now, wall): (Instant, Timestamp),
    ) -> Self {
        Self {
            mode,
            interval,
            health: Health::Unknown,
            health_since: wall,
            conditions: Vec::new(),
            checked_at: None,
            looked: None,
            since: now,
            stretched: None,
            doing: Doing::Starting,
            bitrate: None,
            continuity_errors: 0,
            looks: 0,
        }
    }

    /// Whether it was looked at within its interval.
    pub fn is_covered(&self, now: Instant) -> bool {
        let most = self.interval + self.interval / 2 + GRACE;
        let looked = self.looked;
        looked.is_some_and(|at| now.saturating_duration_since(at) <= most)
    }

    /// How long ago it was looked at; since it is watched, if it never was.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.looked.unwrap_or(self.since))
    }
}

/// One stream's place on the board.
#[derive(Debug)]
pub(super) struct Place(Mutex<Known>);

impl Place {
    /// Changes what is known.
    pub(super) fn note(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known());
    }

    /// What is known.
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All streams that are watched.
#[derive(Debug, Default)]
pub(super) struct Board {
    places: RwLock<BTreeMap<StreamId, Arc<Place>>>,
}

impl Board {
    /// Puts a stream on the board, in place of what was there.
    pub(super) fn place(&self, stream: &StreamId, known: Known) -> Arc<Place> {
        let place = Arc::new(Place(Mutex::new(known)));
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.insert(stream.clone(), Arc::clone(&place));
        place
    }

    /// Takes a stream off.
    pub(super) fn remove(&self, stream: &StreamId) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.remove(stream);
    }

    /// What is known of one stream.
    pub(super) fn get(&self, stream: &StreamId) -> Option<Known> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        Some(places.get(stream)?.known().clone())
    }

    /// What is known of all.
    pub(super) fn all(&self) -> Vec<(StreamId, Known)> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let known = |(id, place): (&StreamId, &Arc<Place>)| (id.clone(), place.known().clone());
        places.iter().map(known).collect()
    }
}

/// The share of streams that were looked at within their intervals; 1 when none is watched.
pub fn coverage<'a>(all: impl IntoIterator<Item = &'a Known>, now: Instant) -> f64 {
    let (mut covered, mut watched) = (0_u32, 0_u32);
    for one in all {
        watched += 1;
        covered += u32::from(one.is_covered(now));
    }
    if watched == 0 {
        return 1.0;
    }
    f64::from(covered) / f64::from(watched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    #[test]
    fn who_was_never_looked_at_is_not_covered() {
        let start = clock::now();
        let interval = Duration::from_secs(30);
        let known = |looked| Known {
            looked,
            ..Known::new(
                MonitorMode::Sampled,
                interval,
                (start, Timestamp::UNIX_EPOCH),
            )
        };
        let now = start + Duration::from_secs(200);
        let ago = |seconds| Some(now.checked_sub(Duration::from_secs(seconds)).expect("past"));
        assert!((coverage(&[], now) - 1.0).abs() < f64::EPSILON);
        let all = [known(ago(1)), known(ago(47)), known(ago(48)), known(None)];
        assert!((coverage(&all, now) - 0.5).abs() < f64::EPSILON);
        assert_eq!(all[3].age(now), Duration::from_secs(200));
    }
}
