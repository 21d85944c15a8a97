//! Decoders that wait for work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::{SampleError, Work};
use crate::base::clock;
use crate::metrics;
use crate::pipeline::{Decoder, StopOutcome};

/// A decoder and what is known of it.
#[derive(Debug)]
pub(super) struct Shelved {
    pub(super) decoder: Decoder,
    element: &'static str,
    since: Instant,
    /// Processor time of all its looks.
    cpu: Duration,
}

/// A bounded number of them; the one that waited longest gives way to another.
#[derive(Debug)]
pub(super) struct Shelf {
    state: Arc<Mutex<State>>,
    most: usize,
    idle: Duration,
    teardown_deadline: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// The one that came last is taken first, so that those that are not needed grow old.
    waiting: Vec<Shelved>,
    closed: bool,
    /// A task looks for the old ones.
    tended: bool,
}

impl Shelved {
    pub(super) fn new(element: &'static str, decoder: Decoder) -> Self {
        Self {
            decoder,
            element,
            since: clock::now(),
            cpu: Duration::ZERO,
        }
    }

    /// Counts what a look has cost; returns what the decoder holds now, in bytes, or 0 where that is not known.
    pub(super) fn charge(&mut self, work: &Work) -> u64 {
        let Some(usage) = self.decoder.usage() else {
            return 0;
        };
        let kind = match work {
            Work::Pictures(..) => "picture",
            Work::Sound(_) => "sound",
        };
        metrics::sample_cost(kind, usage.cpu.saturating_sub(self.cpu));
        self.cpu = usage.cpu;
        usage.total_bytes()
    }
}

impl Shelf {
    pub(super) fn new(most: usize, idle: Duration, teardown_deadline: Duration) -> Self {
        Self {
            state: Arc::default(),
            most,
            idle,
            teardown_deadline,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// A decoder of this kind, if one waits.
    pub(super) fn take(&self, element: &'static str) -> Result<Option<Shelved>, SampleError> {
        let mut state = self.state();
        if state.closed {
            return Err(SampleError::Closed);
        }
        let at = state.waiting.iter().rposition(|one| one.element == element);
        Ok(at.map(|at| state.waiting.remove(at)))
    }

    /// Takes one back.
    pub(super) fn put(&self, mut shelved: Shelved) {
        shelved.since = clock::now();
        let mut state = self.state();
        let closed = state.closed;
        state.waiting.push(shelved);
        let surplus = (closed || state.waiting.len() > self.most).then(|| state.waiting.remove(0));
        if !std::mem::replace(&mut state.tended, true) {
            tokio::spawn(tend(
                Arc::downgrade(&self.state),
                self.idle,
                self.teardown_deadline,
            ));
        }
        drop(state);
        if let Some(surplus) = surplus {
            self.stop(surplus);
        }
    }

    /// Stops one in the background.
    pub(super) fn stop(&self, shelved: Shelved) {
        tokio::spawn(stopped(shelved, self.teardown_deadline));
    }

    /// None is given out any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// Stops all that wait.
    pub(super) async fn clear(&self) {
        let all = std::mem::take(&mut self.state().waiting);
        for shelved in all {
            stopped(shelved, self.teardown_deadline).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn stopped(shelved: Shelved, deadline: Duration) {
    let Shelved {
        decoder, element, ..
    } = shelved;
    if decoder.stop(deadline).await == StopOutcome::Wedged {
        tracing::error!(element, "a decoder of the monitor is wedged");
    }
}

/// Stops those that have had no work for a while, until none is left.
async fn tend(state: Weak<Mutex<State>>, idle: Duration, deadline: Duration) {
    loop {
        tokio::time::sleep(idle / 2).await;
        let Some(state) = state.upgrade() else { return };
        let (old, more) = {
            let mut state = locked(&state);
            let now = clock::now();
            let old = |one: &mut Shelved| now.saturating_duration_since(one.since) >= idle;
            let old: Vec<Shelved> = state.waiting.extract_if(.., old).collect();
            state.tended = !state.waiting.is_empty();
            (old, state.tended)
        };
        drop(state);
        for shelved in old {
            stopped(shelved, deadline).await;
        }
        if !more {
            return;
        }
    }
}
