//! Counts of all pipelines of the process.

use std::sync::atomic::{AtomicU64, Ordering};

static STARTED: AtomicU64 = AtomicU64::new(0);
static STOPPED: AtomicU64 = AtomicU64::new(0);
static WEDGED: AtomicU64 = AtomicU64::new(0);
static RECOVERED: AtomicU64 = AtomicU64::new(0);

/// Pipelines of this process, counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Pipelines that exist now and are not given up: running, starting, or on their way out.
    pub running: u64,
    /// Pipelines whose teardown passed its deadline and has not ended since: each holds its threads and its memory.
    pub wedged: u64,
    /// Pipelines made, whether or not they came to run.
    pub started_total: u64,
    /// Pipelines torn down, late ones included.
    pub stopped_total: u64,
    /// Pipelines whose teardown passed its deadline.
    pub wedged_total: u64,
}

/// The counts now.
pub fn census() -> Census {
    // Read in the order opposite to that of writing, so that no difference is negative.
    let recovered = RECOVERED.load(Ordering::SeqCst);
    let stopped = STOPPED.load(Ordering::SeqCst);
    let wedged_total = WEDGED.load(Ordering::SeqCst);
    let started = STARTED.load(Ordering::SeqCst);
    let wedged = wedged_total.saturating_sub(recovered);
    Census {
        running: started.saturating_sub(stopped).saturating_sub(wedged),
        wedged,
        started_total: started,
        stopped_total: stopped,
        wedged_total,
    }
}

pub(super) fn started() {
    STARTED.fetch_add(1, Ordering::SeqCst);
}

pub(super) fn stopped() {
    STOPPED.fetch_add(1, Ordering::SeqCst);
}

pub(super) fn wedged() {
    WEDGED.fetch_add(1, Ordering::SeqCst);
}

/// A wedged one ended after all.
pub(super) fn recovered() {
    STOPPED.fetch_add(1, Ordering::SeqCst);
    RECOVERED.fetch_add(1, Ordering::SeqCst);
}
