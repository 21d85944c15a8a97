//! What a server holds.

use std::time::{Duration, Instant};

use super::super::figures::Figures;
use super::super::metrics::Metrics;
use super::super::origin::Origin;
use super::super::server::Server;
use super::super::wait::{eventually, patience};

/// Threads that were needed for a moment leave after idle seconds: 10 of an async runtime's, 15 of
/// `GLib`'s pools. A server whose figures have stood still for longer is at rest.
const STILL: Duration = Duration::from_secs(16);
/// The longest that a server may take to come to rest.
const REST_LIMIT: Duration = Duration::from_mins(2);

/// What a server holds at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Census {
    /// Threads.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Memory in use, in bytes.
    pub bytes: u64,
    /// Whether the server itself says so; otherwise it is the kernel's figure of resident anonymous
    /// memory, which also counts what the allocator keeps for later.
    pub measured: bool,
    /// Viewers' sessions.
    pub sessions: usize,
    /// Pulls, transcodes, slots taken and requests in the queue.
    pub running: usize,
    /// Pipelines whose teardown passed its deadline, since the start.
    pub wedged: usize,
    /// Pipelines started, since the start.
    pub started: usize,
    /// CPU time used, in seconds.
    pub cpu_seconds: f64,
}

impl Census {
    /// Counts now.
    pub async fn take(server: &Server) -> Self {
        let metrics = server.metrics().await;
        let count = |name| metrics.sum(name, &[]) as usize;
        let figures = server.figures();
        let in_use = in_use(&metrics);
        Self {
            threads: figures.threads,
            descriptors: figures.descriptors,
            bytes: in_use.unwrap_or(figures.anonymous_bytes),
            measured: in_use.is_some(),
            sessions: count("sightglass_sessions"),
            running: count("sightglass_ingests_running")
                + count("sightglass_transcode_pipelines_running")
                + count("sightglass_pool_slots_used")
                + count("sightglass_pool_queue_length"),
            wedged: count("sightglass_pipelines_wedged_total"),
            started: count("sightglass_pipelines_started_total"),
            cpu_seconds: figures.cpu_seconds,
        }
    }

    /// Waits until nothing runs and threads and descriptors stand still.
    pub async fn at_rest(server: &Server, origin: &Origin) -> Self {
        eventually(REST_LIMIT, "everything to have ended", async || {
            let now = Self::take(server).await;
            (now.sessions + now.running == 0).then_some(())
        })
        .await;
        // Connections that are kept for the next request come and go with chance.
        origin.drop_connections();
        let mut since = Instant::now();
        let mut last = Figures::default();
        eventually(REST_LIMIT, "threads to stand still", async || {
            let now = server.figures();
            if (now.threads, now.descriptors) != (last.threads, last.descriptors) {
                (last, since) = (now, Instant::now());
            }
            (since.elapsed() >= STILL).then_some(())
        })
        .await;
        Self::take(server).await
    }

    /// Waits until the server is back at `before`, for at most so long; gives what it holds then.
    pub async fn back_at(self, server: &Server, origin: &Origin, limit: Duration) -> Self {
        let began = Instant::now();
        origin.drop_connections();
        loop {
            let now = Self::take(server).await;
            let back = super::compare(&self, &now).is_empty();
            if back || began.elapsed() > patience(limit) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// Bytes in use as the server measures them: what its pipelines and the rest of it hold.
fn in_use(metrics: &Metrics) -> Option<u64> {
    const NAME: &str = "sightglass_process_memory_bytes";
    let state = |state: &str| metrics.sum(NAME, &[("state", state)]) as u64;
    metrics.has(NAME).then(|| match state("in_use") {
        0 => state("pipelines") + state("server"),
        bytes => bytes,
    })
}
