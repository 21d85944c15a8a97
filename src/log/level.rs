//! Which lines are logged, and a change of that for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Which lines are logged.
#[derive(Debug)]
pub(super) struct Levels {
    configured: String,
    handle: reload::Handle<EnvFilter, Registry>,
    changed: Mutex<Option<Changed>>,
}

/// Another filter, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Changed {
    filter: String,
    until: Instant,
    /// The same, for people.
    until_wall: Timestamp,
}

/// Which lines are logged now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// As `LOG_LEVEL` has it, or as it was changed to.
    pub filter: String,
    /// As configured.
    pub configured: String,
    /// When it is as configured again; `None` if it is.
    pub until: Option<Timestamp>,
}

impl Levels {
    /// Begins as configured; with the layer that does the filtering.
    pub(super) fn new(configured: &str) -> (Self, reload::Layer<EnvFilter, Registry>) {
        let (layer, handle) = reload::Layer::new(filter(configured));
        let levels = Self {
            configured: configured.to_owned(),
            handle,
            changed: Mutex::default(),
        };
        (levels, layer)
    }

    /// Changes it for a while. `text` has been checked.
    pub(super) fn change(&self, text: &str, lasts: Duration, (now, wall): (Instant, Timestamp)) {
        let changed = Changed {
            filter: text.to_owned(),
            until: now + lasts,
            until_wall: wall.checked_add(lasts).unwrap_or(Timestamp::MAX),
        };
        *self.changed() = Some(changed);
        self.apply(text);
    }

    /// Goes back to what is configured; whether it was changed.
    pub(super) fn reset(&self) -> bool {
        let was = self.changed().take().is_some();
        if was {
            self.apply(&self.configured);
        }
        was
    }

    /// Time passes; whether a change has ended.
    pub(super) fn tick(&self, now: Instant) -> bool {
        let over = self.changed().as_ref().is_some_and(|it| it.until <= now);
        over && self.reset()
    }

    /// What is in force.
    pub(super) fn now(&self) -> Filter {
        let changed = self.changed().clone();
        Filter {
            configured: self.configured.clone(),
            until: changed.as_ref().map(|it| it.until_wall),
            filter: changed.map_or_else(|| self.configured.clone(), |it| it.filter),
        }
    }

    fn apply(&self, text: &str) {
        // It fails where nothing is logged any more.
        let _ = self.handle.reload(filter(text));
    }

    fn changed(&self) -> MutexGuard<'_, Option<Changed>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn filter(text: &str) -> EnvFilter {
    EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new("info"))
}
