//! A pipeline that brings a source in, under a lease of the pool of `GStreamer` ingests.

use std::sync::Arc;
use std::time::Duration;

use super::ingest::IngestDeps;
use super::pool::{Asked, PoolLease};
use crate::admission::{Cost, Job, Work};
use crate::base::ids::ClientId;
use crate::ingest::sink::{Gone, Hold, Sink};
use crate::ingest::{Cause, IngestError, Stage};
use crate::pipeline::{Event, Fault, Input, Label, Library, Packets, PipelineError, Running};
use crate::stream::StreamId;

/// The profile by which the costs of sources are known.
const PROFILE: &str = "source";

/// A pipeline and its lease. However it ends, also when a pull is cancelled in the middle, the lease ends after the
/// teardown.
#[must_use]
pub(super) struct Leased {
    held: Option<(Running, (PoolLease, Option<Hold>))>,
    deadline: Duration,
}

impl Leased {
    /// Waits for a lease, then starts a pipeline by `start`, which is given its label and deadline.
    ///
    /// # Errors
    /// [`Cause::Limit`] when there is no lease to be had, [`Cause::Internal`] when it does not start.
    pub(super) async fn start<S, F>(
        deps: &IngestDeps,
        stream: &StreamId,
        sink: &Sink,
        start: S,
    ) -> Result<Self, IngestError>
    where
        S: FnOnce(Arc<Library>, Label, Duration) -> F + Send + 'static,
        F: Future<Output = Result<Running, PipelineError>> + Send,
    {
        let lease = (lease(deps).await?, sink.hold());
        sink.begin();
        let (library, deadline) = (Arc::clone(&deps.library), deps.teardown_deadline);
        let label = Label {
            stream: stream.to_string(),
            rendition: "source".to_owned(),
        };
        // In a task of its own: a pull that is cancelled while the pipeline starts must not give the
        // lease back before that pipeline has ended.
        let task = tokio::spawn(async move {
            let running = start(library, label, deadline).await?;
            Ok::<_, PipelineError>(Self {
                held: Some((running, lease)),
                deadline,
            })
        });
        let failed = |text: String| IngestError::new(Stage::FirstByte, Cause::Internal, text);
        let started = task.await.map_err(|error| failed(error.to_string()))?;
        started.map_err(|error| failed(error.to_string()))
    }

    /// Where bytes go in, and where sound does that comes from elsewhere; each once.
    pub(super) fn inputs(&mut self) -> (Option<Input>, Option<Input>) {
        self.held.as_mut().map_or((None, None), |(running, _)| {
            (running.input.take(), running.sound_input.take())
        })
    }

    /// Where RTP packets go in; once.
    pub(super) fn packets(&mut self) -> Option<Packets> {
        self.held.as_mut()?.0.packets.take()
    }

    /// Hands over what comes out, until it ends or nobody takes it any more.
    ///
    /// # Errors
    /// What the pipeline tells of its failure.
    pub(super) async fn deliver(&mut self, sink: &Sink) -> Result<(), IngestError> {
        let Some((running, (lease, _))) = self.held.as_mut() else {
            return Ok(());
        };
        let (mut flows, mut encoding) = (false, Encoding::default());
        loop {
            tokio::select! {
                bytes = running.output.next() => {
                    let Some(bytes) = bytes else { break };
                    flows = true;
                    if let Err(Gone) = sink.data(bytes).await {
                        return Ok(());
                    }
                }
                Some(event) = running.events.next() => {
                    if let Some(job) = encoding.job(&event) {
                        lease.does(&job);
                    }
                    tell(event, flows)?;
                }
            }
        }
        // It is told why before the output ends.
        while let Some(event) = running.events.try_next() {
            tell(event, flows)?;
        }
        Ok(())
    }

    /// Stops the pipeline and waits for its end, but not longer than the deadline: what it had open, such as a port, is
    /// free for the next attempt.
    pub(super) async fn stop(mut self) {
        if let Some((running, lease)) = self.held.take() {
            let deadline = self.deadline;
            // Should this future be dropped, the lease still waits for the end.
            let stopped = tokio::spawn(async move {
                running.stop(deadline).await;
                drop(lease);
            });
            let _ = stopped.await;
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let deadline = self.deadline;
        if let Some((running, lease)) = self.held.take() {
            tokio::spawn(async move {
                running.stop(deadline).await;
                drop(lease);
            });
        }
    }
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

/// A picture that is encoded as it comes in. Only what comes tells whether there is one.
#[derive(Debug, Default)]
struct Encoding {
    /// Of the picture that is decoded; 0 when none is.
    source_pixels: u64,
}

impl Encoding {
    /// What the pipeline does, once an event tells that it encodes a picture.
    fn job(&mut self, event: &Event) -> Option<Job> {
        let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
        match event {
            Event::SourceVideo(picture) => {
                self.source_pixels = pixels(picture.width, picture.height);
                None
            }
            // What the test source makes is cheap.
            Event::Encoded { width, height } if self.source_pixels > 0 => Some(Job {
                work: Work::EncodeVideoOnly,
                profile: PROFILE.into(),
                source_pixels: self.source_pixels,
                output_pixels: pixels(*width, *height),
            }),
            _ => None,
        }
    }
}

/// What an event means to a pull.
fn tell(event: Event, flows: bool) -> Result<(), IngestError> {
    match event {
        Event::Error {
            message,
            missing,
            fault,
            ..
        } => Err(failure(message, missing.as_deref(), fault, flows)),
        Event::Warning { element, message } => {
            tracing::debug!(element, "an ingest's pipeline warns: {message}");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn failure(message: String, missing: Option<&str>, fault: Fault, flows: bool) -> IngestError {
    let reached = |stage| if flows { Stage::Flow } else { stage };
    let named = || match missing {
        Some(missing) => format!("the source cannot be decoded here: {message} ({missing})"),
        None => format!("the source cannot be decoded here: {message}"),
    };
    let (stage, cause, text) = match fault {
        Fault::Unreachable if flows => (
            Stage::Flow,
            Cause::Unreachable,
            "the connection to the source broke".to_owned(),
        ),
        Fault::Unreachable => (
            Stage::Connect,
            Cause::Unreachable,
            "the source cannot be reached".to_owned(),
        ),
        Fault::NotFound => (
            Stage::Request,
            Cause::NotFound,
            "the source does not have this stream".to_owned(),
        ),
        Fault::Auth => (
            reached(Stage::Connect),
            Cause::Auth,
            "the source refuses the credentials or the passphrase".to_owned(),
        ),
        Fault::Timeout => (
            reached(Stage::Connect),
            Cause::Timeout,
            "the source did not answer in time".to_owned(),
        ),
        Fault::NotMedia => (
            Stage::Demux,
            Cause::NotMedia,
            "the source sends no media format that is known here".to_owned(),
        ),
        Fault::Codec => (Stage::Demux, Cause::Unsupported, named()),
        Fault::Protected => (
            Stage::Demux,
            Cause::Drm,
            "the source's content is encrypted (DRM)".to_owned(),
        ),
        Fault::Damaged => (
            reached(Stage::Demux),
            Cause::NotMedia,
            format!("the source's media is damaged: {message}"),
        ),
        Fault::Other if missing.is_some() => (Stage::Demux, Cause::Unsupported, named()),
        Fault::Other => (reached(Stage::Demux), Cause::Internal, message),
    };
    IngestError::new(stage, cause, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Picture;

    #[test]
    fn a_picture_that_is_encoded_is_charged_by_its_size() {
        let mut encoding = Encoding::default();
        let encoded = |width, height| Event::Encoded { width, height };
        assert_eq!(encoding.job(&encoded(1280, 720)), None);
        let picture = Picture {
            width: 1920,
            height: 1080,
            par: (1, 1),
            rate: (25, 1),
            interlaced: false,
        };
        assert_eq!(encoding.job(&Event::SourceVideo(picture)), None);
        let converted = encoding.job(&encoded(1280, 720)).unwrap();
        assert_eq!(converted.work, Work::EncodeVideoOnly);
        assert_eq!(converted.source_pixels, 1920 * 1080);
        assert_eq!(converted.output_pixels, 1280 * 720);
        assert!(converted.default_cost().cpu_cores > 0.4);
    }

    #[test]
    fn failures_name_stage_cause_and_codec() {
        let of = |fault, missing, flows| {
            let error = failure("no decoder".to_owned(), missing, fault, flows);
            (error.stage, error.cause, error.message)
        };
        let (stage, cause, text) = of(Fault::Codec, Some("AV1 decoder"), false);
        assert_eq!((stage, cause), (Stage::Demux, Cause::Unsupported));
        assert!(text.contains("AV1 decoder"), "{text}");
        let (stage, cause, _) = of(Fault::Unreachable, None, true);
        assert_eq!((stage, cause), (Stage::Flow, Cause::Unreachable));
        let (stage, cause, _) = of(Fault::Auth, None, false);
        assert_eq!((stage, cause), (Stage::Connect, Cause::Auth));
    }
}
