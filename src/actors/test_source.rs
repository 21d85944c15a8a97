//! The built-in `test://` source: a picture and a tone for who has no stream yet.

use std::sync::Arc;

use super::ingest::IngestDeps;
use super::pool::{Asked, PoolLease};
use crate::admission::Cost;
use crate::base::ids::ClientId;
use crate::ingest::sink::{Gone, Hold, Sink};
use crate::ingest::{Cause, IngestError, Stage};
use crate::pipeline::{self, Event, Pattern, TestSpec};
use crate::stream::{Source, StreamId};
use url::Url;

/// Runs a test pipeline under a lease of the pool of GStreamer ingests until nobody takes its
/// bytes any more.
pub(super) async fn pull(
    deps: &IngestDeps,
    source: &Source,
    (stream, name): (&StreamId, &str),
    sink: &Sink,
) -> Result<(), IngestError> {
    let lease = lease(deps).await?;
    sink.begin();
    let spec = spec(source.url.as_url(), name)
        .map_err(|message| IngestError::new(Stage::Request, Cause::Unsupported, message))?;
    // In a task of its own: a pull that is cancelled while the pipeline starts must not give the
    // lease back before that pipeline has ended.
    let (library, deadline) = (Arc::clone(&deps.library), deps.teardown_deadline);
    let label = pipeline::Label {
        stream: stream.to_string(),
        rendition: "source".to_owned(),
    };
    let hold = sink.hold();
    let start = tokio::spawn(async move {
        let running = pipeline::start_test(&library, spec, label, deadline).await?;
        Ok::<_, pipeline::PipelineError>(Owned {
            running: Some(running),
            lease: Some((lease, hold)),
            deadline,
        })
    });
    let failed = |text: String| IngestError::new(Stage::FirstByte, Cause::Internal, text);
    let started = start.await.map_err(|e| failed(e.to_string()))?;
    let mut running = started.map_err(|e| failed(e.to_string()))?;
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
            Some(event) = inner.events.next() => {
                if let Event::Error { message, .. } = event {
                    return Err(IngestError::new(Stage::Flow, Cause::Internal, message));
                }
            }
        }
    }
}

/// Reads `test://PATTERN?width=&height=&fps=&tone=`. Numbers out of range are brought into it.
fn spec(url: &Url, name: &str) -> Result<TestSpec, String> {
    let mut spec = TestSpec {
        name: name.to_owned(),
        pattern: match url.host_str().unwrap_or_default() {
            "" | "bars" => Pattern::Bars,
            "ball" => Pattern::Ball,
            "pinwheel" => Pattern::Pinwheel,
            "snow" => Pattern::Snow,
            "black" => Pattern::Black,
            "still" => Pattern::Still,
            _ => {
                let known = "bars, ball, pinwheel, snow, black, still";
                return Err(format!("the test source knows the patterns {known}"));
            }
        },
        ..TestSpec::default()
    };
    for (key, value) in url.query_pairs() {
        let number = || {
            let wrong = |_| format!("{} of the test source takes a number", &*key);
            value.parse::<u32>().map_err(wrong)
        };
        match &*key {
            "width" => spec.width = number()?,
            "height" => spec.height = number()?,
            "fps" => spec.frame_rate = number()?,
            "tone" => spec.tone = number()? != 0,
            _ => return Err("the test source takes width, height, fps and tone".to_owned()),
        }
    }
    Ok(spec)
}

async fn lease(deps: &IngestDeps) -> Result<PoolLease, IngestError> {
    let full = || {
        let message = "all leases for sources that GStreamer makes are taken";
        IngestError::new(Stage::Connect, Cause::Limit, message)
    };
    let ours = ClientId::of(std::net::Ipv4Addr::UNSPECIFIED.into());
    match deps.pool.ask(ours, Cost::default()) {
        Asked::Granted(lease) => Ok(lease),
        Asked::Full | Asked::OutOfDescriptors => Err(full()),
        Asked::Queued(mut waiter) => waiter.granted().await.ok_or_else(full),
    }
}

/// A pipeline and its lease: the lease ends after the teardown, also when the pull is cancelled.
struct Owned {
    running: Option<pipeline::Running>,
    lease: Option<(PoolLease, Option<Hold>)>,
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
