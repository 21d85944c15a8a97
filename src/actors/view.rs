//! From a viewer's wish to a feed that plays.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::accounts::describe;
use super::hls_output::HlsOutput;
use super::hub::Hub;
use super::ingest::{Ingest, IngestStatus, Phase};
use super::output::{Media, OutputKey};
use super::plan::{self, PlanError, RenditionKey, Wish};
use super::pool::PoolFigures;
use super::rendition::{Rendition, RenditionStatus};
use super::sessions::{Format, SessionGuard, SessionRefused, Viewer};
use crate::accounts::Figures;
use crate::admission::Hold;
use crate::base::clock;
use crate::base::ids::SessionId;
use crate::base::shared::{Lease, Shareable};
use crate::ingest::{Cause, IngestError, Stage};
use crate::stream::StreamId;

/// Pulls that may end under one viewer before it has seen anything.
const PULLS: u32 = 3;

/// What a viewer asks for.
#[derive(Clone, Debug)]
pub struct ViewRequest {
    /// The stream.
    pub stream: StreamId,
    /// The rendition, in the viewer's words.
    pub wish: Wish,
    /// How long the viewer waits for the first media byte.
    pub timeout: Duration,
    /// Who wants to watch.
    pub viewer: Viewer,
    /// The session that an HLS player comes back to.
    pub session: Option<SessionId>,
}

/// Why a viewer gets no media.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// There is no such stream.
    #[error("there is no such stream")]
    NotFound,
    /// The stream is disabled.
    #[error("the stream is disabled")]
    Disabled,
    /// The wish cannot be met.
    #[error(transparent)]
    Wish(#[from] PlanError),
    /// Too many sessions.
    #[error(transparent)]
    Refused(#[from] SessionRefused),
    /// The source or the conversion failed for good.
    #[error("{0}")]
    Failed(Arc<IngestError>),
    /// No media in time.
    #[error("no media came within {} ms (stage {}): {reason}", timeout.as_millis(), stage.as_str())]
    Timeout {
        /// How long was waited.
        timeout: Duration,
        /// How far it got.
        stage: Stage,
        /// The cause, if an attempt has failed.
        cause: Cause,
        /// In words.
        reason: String,
    },
    /// The provider allows no more connections, and it was not this viewer's turn in time.
    #[error("{}{}", describe(figures), queued(*position, *waited))]
    ProviderLimit {
        /// The account's.
        figures: Figures,
        /// Place in the queue, from 1, if it was in it.
        position: Option<usize>,
        /// How long was waited.
        waited: Duration,
    },
    /// Its pipelines fail again and again, or were ended for want of memory: not again for a while.
    #[error("{} (it will be tried again in {} s)", error.message, retry_after.as_secs().max(1))]
    Broken {
        /// The newest failure.
        error: Arc<IngestError>,
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// Too few file descriptors are left.
    #[error("the server has too few file descriptors left to open another stream")]
    OutOfDescriptors,
    /// The queue for conversions is full, or conversions are switched off.
    #[error("{} and the queue is full", held(.0))]
    QueueFull(PoolFigures),
    /// It was not this viewer's turn in time.
    #[error("{}; after {} ms of waiting this request was number {position} in the queue", held(figures), waited.as_millis())]
    QueueTimeout {
        /// The pool.
        figures: PoolFigures,
        /// Place in the queue, from 1.
        position: usize,
        /// How long was waited.
        waited: Duration,
    },
    /// Somebody ended the session while it waited.
    #[error("the session was ended before it had media")]
    Ended,
    /// The stream or the server is stopping.
    #[error("the stream or the server is stopping")]
    Stopping,
}

impl Hub {
    /// Begins a TS session and waits until its feed has a keyframe.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub async fn view(&self, request: &ViewRequest) -> Result<(SessionGuard, Media), ViewError> {
        let deadline = Instant::now() + request.timeout;
        let session = self.begin(request, Format::Ts)?;
        let media = self.open(request, &session, None, deadline).await?;
        Ok((session, media))
    }

    /// Begins an HLS session and waits until its playlist has a segment.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub async fn view_hls(
        &self,
        request: &ViewRequest,
    ) -> Result<(SessionId, RenditionKey, Lease<OutputKey, HlsOutput>), ViewError> {
        let deadline = Instant::now() + request.timeout;
        let session = self.begin(request, Format::Hls)?;
        let media = self.open(request, &session, None, deadline).await?;
        self.show_hls(request, session, media, deadline).await
    }

    /// As [`Hub::view_hls`], for exactly this output, whatever the wish says.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub async fn view_output(
        &self,
        request: &ViewRequest,
        key: &RenditionKey,
    ) -> Result<(SessionId, Lease<OutputKey, HlsOutput>), ViewError> {
        let deadline = Instant::now() + request.timeout;
        let session = self.begin(request, Format::Hls)?;
        let media = self.open(request, &session, Some(key), deadline).await?;
        let (id, _, output) = self.show_hls(request, session, media, deadline).await?;
        Ok((id, output))
    }

    async fn show_hls(
        &self,
        request: &ViewRequest,
        session: SessionGuard,
        media: Media,
        deadline: Instant,
    ) -> Result<(SessionId, RenditionKey, Lease<OutputKey, HlsOutput>), ViewError> {
        let key = (request.stream.clone(), media.key.clone());
        let rendition = media.key.clone();
        let ingest = media.ingest.status();
        let ended = session.ended();
        let output = self.windows.lease(&key, || {
            HlsOutput::start(media, &key, self.settings.hls, &self.sequences)
        });
        let ready = ended.run_until_cancelled(output.ready());
        match tokio::time::timeout_at(deadline, ready).await {
            Ok(Some(true)) => {}
            Ok(None) => return Err(ViewError::Ended),
            ended => {
                let error = ingest.borrow().error.clone();
                return Err(match (ended, error) {
                    (Ok(_), Some(error)) => ViewError::Failed(error),
                    (_, error) => timed_out(request.timeout, Stage::Demux, error.as_deref()),
                });
            }
        }
        let id = session.id;
        let again = self
            .windows
            .lease_existing(&key)
            .ok_or(ViewError::Stopping)?;
        self.hls_sessions.add(session, output);
        Ok((id, rendition, again))
    }

    fn begin(&self, request: &ViewRequest, format: Format) -> Result<SessionGuard, ViewError> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(ViewError::Stopping);
        }
        request.wish.check(&self.settings.rendition.profiles)?;
        let record = self
            .catalog
            .get(&request.stream)
            .ok_or(ViewError::NotFound)?;
        if !record.definition.enabled {
            return Err(ViewError::Disabled);
        }
        if !self.descriptors().take(clock::now()) {
            return Err(ViewError::OutOfDescriptors);
        }
        let (stream, viewer) = (request.stream.clone(), request.viewer.clone());
        let session = (self.sessions).begin(stream, viewer, format, request.session)?;
        self.accounts().session_began();
        // Asked again now that a drain would see the session.
        if self.draining.load(Ordering::SeqCst) {
            return Err(ViewError::Stopping);
        }
        Ok(session)
    }

    /// Starts or joins what the wish needs, or exactly this output, and waits for the first
    /// keyframe.
    async fn open(
        &self,
        request: &ViewRequest,
        session: &SessionGuard,
        exactly: Option<&RenditionKey>,
        deadline: Instant,
    ) -> Result<Media, ViewError> {
        let ended = session.ended();
        let mut tries = 0;
        let (ingest, chosen) = loop {
            let record = self
                .catalog
                .get(&request.stream)
                .ok_or(ViewError::NotFound)?;
            let ingest = self.lease_ingest(&record.definition);
            let chosen = tokio::select! {
                biased;
                () = ended.cancelled() => return Err(ViewError::Ended),
                chosen = self.choose(request, &ingest, deadline) => chosen,
            };
            tries += 1;
            let stopping = matches!(chosen, Err(ViewError::Stopping));
            let draining = self.draining.load(Ordering::SeqCst);
            if stopping && !ingest.is_alive() && !draining && tries < PULLS {
                // It had lingered, and its connection went to another just now: a new one begins.
                continue;
            }
            break (ingest, chosen?);
        };
        let key = exactly.cloned().unwrap_or(chosen);
        self.convert(request, session, ingest, key, deadline).await
    }

    /// Starts or joins the conversion, if the output needs one, and waits for its first keyframe.
    async fn convert(
        &self,
        request: &ViewRequest,
        session: &SessionGuard,
        ingest: Lease<StreamId, Ingest>,
        key: RenditionKey,
        deadline: Instant,
    ) -> Result<Media, ViewError> {
        session.set_rendition(key.clone());
        if !key.is_encoded() {
            return Ok(Media {
                ingest,
                rendition: None,
                key,
            });
        }
        let record = self
            .catalog
            .get(&request.stream)
            .ok_or(ViewError::NotFound)?;
        let rendition = self.lease_rendition(
            &request.stream,
            &key,
            &record.definition,
            request.viewer.address,
        )?;
        let ended = session.ended();
        tokio::select! {
            ready = self.rendition_ready(request, &rendition, &ingest, deadline) => ready?,
            () = ended.cancelled() => return Err(ViewError::Ended),
        }
        Ok(Media {
            ingest,
            rendition: Some(rendition),
            key,
        })
    }

    /// Waits until the source's tracks are known, and chooses the rendition.
    async fn choose(
        &self,
        request: &ViewRequest,
        ingest: &Ingest,
        deadline: Instant,
    ) -> Result<RenditionKey, ViewError> {
        let mut status = ingest.status();
        let failure = async {
            loop {
                let failed = status.borrow_and_update().final_error();
                if let Some(error) = failed {
                    return error;
                }
                if status.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let found = async {
            // Media that flows now, not the rest of what once flowed; a picture to begin with; and
            // what it is.
            let mut live = ingest.status();
            if live.wait_for(IngestStatus::is_shown).await.is_err() {
                return false;
            }
            let playable = ingest.feed.wait_keyframe().await;
            if playable && !request.wish.is_untouched() {
                return ingest.feed.wait_tracks().await.is_some();
            }
            playable
        };
        let waited = tokio::select! {
            biased;
            found = found => Ok(found),
            error = failure => return Err(ViewError::Failed(error)),
            () = tokio::time::sleep_until(deadline) => Err(()),
        };
        let known = ingest.feed.tracks().borrow().clone();
        let now = ingest.status().borrow().clone();
        match (waited, known) {
            (Ok(true), Some(tracks)) => Ok(plan::plan(
                &request.wish,
                &tracks,
                &self.settings.rendition.profiles,
                &self.settings.default_profile,
            )?),
            (Ok(true), None) if request.wish.is_untouched() => Ok(RenditionKey::Source),
            (Ok(false), _) => Err(ViewError::Stopping),
            _ if let Some(refused) = self.provider_limit(request, &now, ingest) => Err(refused),
            _ => {
                let demux = ingest.feed.bytes_total() > 0 && now.phase != Phase::BackingOff;
                let stage = if demux {
                    Stage::Demux
                } else {
                    Stage::FirstByte
                };
                Err(timed_out(request.timeout, stage, now.error.as_deref()))
            }
        }
    }

    /// The refusal, when it is for a connection of an account that this viewer has waited.
    fn provider_limit(
        &self,
        request: &ViewRequest,
        now: &IngestStatus,
        ingest: &Ingest,
    ) -> Option<ViewError> {
        let place = self.place(now);
        let refused = now.error.as_ref().is_some_and(|error| {
            error.stage == Stage::Account && error.cause == Cause::ProviderLimit
        });
        let account = match &place {
            Some((account, _)) => account,
            None if refused => {
                let source = ingest.definition.sources.get(now.source)?;
                source.account.as_ref()?
            }
            None => return None,
        };
        Some(ViewError::ProviderLimit {
            figures: self.accounts().figures(account),
            position: place.as_ref().map(|(_, position)| *position),
            waited: request.timeout,
        })
    }

    async fn rendition_ready(
        &self,
        request: &ViewRequest,
        rendition: &Rendition,
        ingest: &Ingest,
        deadline: Instant,
    ) -> Result<(), ViewError> {
        let mut status = rendition.status();
        let refused = async {
            loop {
                let now = status.borrow_and_update().clone();
                match now {
                    RenditionStatus::QueueFull => {
                        return ViewError::QueueFull(self.pool().figures());
                    }
                    RenditionStatus::OutOfDescriptors => return ViewError::OutOfDescriptors,
                    RenditionStatus::Failed(error) => return ViewError::Failed(error),
                    _ => {}
                }
                if status.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let waited = tokio::select! {
            biased;
            found = rendition.feed.wait_keyframe() => found,
            error = refused => return Err(error),
            () = tokio::time::sleep_until(deadline) => {
                if let Some(position) = rendition.queue_position() {
                    return Err(ViewError::QueueTimeout {
                        figures: self.pool().figures(),
                        position,
                        waited: request.timeout,
                    });
                }
                let error = ingest.status().borrow().error.clone();
                return Err(timed_out(request.timeout, Stage::Transcode, error.as_deref()));
            }
        };
        if waited {
            return Ok(());
        }
        let last = rendition.status().borrow().clone();
        Err(match last {
            RenditionStatus::QueueFull => ViewError::QueueFull(self.pool().figures()),
            RenditionStatus::OutOfDescriptors => ViewError::OutOfDescriptors,
            RenditionStatus::Failed(error) => ViewError::Failed(error),
            _ => ViewError::Stopping,
        })
    }
}

fn queued(position: Option<usize>, waited: Duration) -> String {
    position.map_or_else(String::new, |position| {
        let ms = waited.as_millis();
        format!("; after {ms} ms of waiting this stream was number {position} in the queue")
    })
}

/// Why the next in the queue waits, in words.
fn held(figures: &PoolFigures) -> String {
    match figures.hold {
        None | Some(Hold::Slots) => format!("all {} transcodes are taken", figures.max),
        Some(hold) => hold.describe().to_owned(),
    }
}

fn timed_out(timeout: Duration, stage: Stage, error: Option<&IngestError>) -> ViewError {
    ViewError::Timeout {
        timeout,
        stage: error.map_or(stage, |e| e.stage),
        cause: error.map_or(Cause::Timeout, |e| e.cause),
        reason: error.map_or_else(
            || "the source has sent nothing that can be shown yet".to_owned(),
            |e| e.message.clone(),
        ),
    }
}
