//! The built-in `test://` source: a picture and a tone for who has no stream yet.

use super::ingest::IngestDeps;
use super::pool::{Asked, PoolLease};
use crate::base::ids::ClientId;
use crate::ingest::sink::{Gone, Sink};
use crate::ingest::{Cause, IngestError, Stage};
use crate::pipeline::{self, Event, TestSpec};
use crate::stream::Source;

/// Runs a test pipeline under a lease of the pool of GStreamer ingests until nobody takes its
/// bytes any more.
pub(super) async fn pull(deps: &IngestDeps, source: &Source, sink: &Sink) -> Result<(), IngestError> {
    let lease = lease(deps).await?;
    let spec = TestSpec::from_url(source.url.url())
        .map_err(|message| IngestError::new(Stage::Request, Cause::Unsupported, message))?;
    let started = pipeline::start_test(&deps.library, spec, deps.teardown_deadline).await;
    let running = started
        .map_err(|e| IngestError::new(Stage::FirstByte, Cause::Internal, e.to_string()))?;
    let mut running = Owned {
        running: Some(running),
        lease: Some(lease),
        deadline: deps.teardown_deadline,
    };
    let Some(inner) = running.running.as_mut() else {
        return Ok(());
    };
    loop {
        tokio::select! {
            bytes = inner.output.next() => {
                let Some(bytes) = bytes else { return Ok(()) };
                if let Err(Gone) = sink.data(bytes).await {
                    return Ok(());
                }
            }
            Some(event) = inner.events.recv() => {
                if let Event::Error { message, .. } = event {
                    return Err(IngestError::new(Stage::Flow, Cause::Internal, message));
                }
            }
        }
    }
}

async fn lease(deps: &IngestDeps) -> Result<PoolLease, IngestError> {
    let full = || {
        let message = "all leases for sources that GStreamer makes are taken";
        IngestError::new(Stage::Connect, Cause::Limit, message)
    };
    let ours = ClientId::of(std::net::Ipv4Addr::UNSPECIFIED.into());
    match deps.pool.ask(ours) {
        Asked::Granted(lease) => Ok(lease),
        Asked::Full => Err(full()),
        Asked::Queued(mut waiter) => waiter.granted().await.ok_or_else(full),
    }
}

/// A pipeline and its lease: the lease ends after the teardown, also when the pull is cancelled.
struct Owned {
    running: Option<pipeline::Running>,
    lease: Option<PoolLease>,
    deadline: std::time::Duration,
}

impl Drop for Owned {
    fn drop(&mut self) {
        let (running, lease, deadline) = (self.running.take(), self.lease.take(), self.deadline);
        if let Some(running) = running {
            tokio::spawn(async move {
                running.stop(deadline).await;
                drop(lease);
            });
        }
    }
}
