//! Looks at streams: a bounded set of decoders, shared by all of them.
//!
//! At most [`SamplerOptions::decoders`] looks are at work; others wait in the order in which they came. A stream asks for
//! one look at a time, so that none keeps others waiting. A decoder goes on to the next look of its codec; one that has
//! failed, or was too slow, or holds too much, is stopped, and only its own look fails.

mod shelf;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout;

use crate::metrics;
use crate::pipeline::{Decoder, Failure, Library, Seen, Wanted, decoder_of};
use crate::samples::{self, PictureFigures, SoundFigures, SoundUnits, Unit};
use crate::stream::StreamId;
use crate::ts::Codec;
use shelf::{Shelf, Shelved};

/// The longest that a look at one picture or at sound may take.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// And so much more for each further picture of a group.
const EACH: Duration = Duration::from_millis(40);
/// The longest that one may wait for its turn: longer ago, and what it would show is no news.
const PATIENCE: Duration = Duration::from_secs(30);

/// A look at a picture.
#[derive(Clone, Debug)]
pub struct PictureJob {
    /// For the log.
    pub stream: StreamId,
    /// How the units are coded.
    pub codec: Codec,
    /// A keyframe; with `all` what follows it, too, in the order of decoding.
    pub units: Vec<Unit>,
    /// Whether a small picture is wanted.
    pub jpeg: bool,
    /// Figures of each frame, not of the first alone. Of more than 250 frames of 720p, or fewer larger ones, those that
    /// come first; of pictures larger than 4K only one.
    pub all: bool,
}

/// A look at the sound.
#[derive(Clone, Debug)]
pub struct SoundJob {
    /// For the log.
    pub stream: StreamId,
    /// About a second.
    pub units: SoundUnits,
}

/// What a look at a picture shows.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Of the keyframe, or of each frame in the order in which they are shown. Never empty.
    pub frames: Vec<PictureFigures>,
    /// The first picture, its longer side 320 pixels, in square pixels.
    pub jpeg: Option<Bytes>,
    /// Samples per line of the source's picture.
    pub width: u32,
    /// Its lines.
    pub height: u32,
}

/// Why there are no figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// What came cannot be decoded: the source's fault.
    #[error("it cannot be decoded: {0}")]
    Damaged(String),
    /// No decoder is asked to try it: the source's fault.
    #[error("it is not decoded: {0}")]
    Refused(String),
    /// The decoder was not done in time: the source's fault, or this server is short of CPU.
    #[error("the decoder was not done within {0:?}")]
    Deadline(Duration),
    /// Too many looks wait, or this one has waited too long: this server's fault.
    #[error("too many looks wait for a decoder")]
    Busy,
    /// There is no decoder: this server's fault.
    #[error("there is no decoder: {0}")]
    Unavailable(String),
    /// The server stops.
    #[error("the server stops")]
    Closed,
}

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct SamplerOptions {
    /// Looks at a time, picture and sound together.
    pub decoders: usize,
    /// Looks that may wait for their turn.
    pub queue: usize,
    /// The most memory that one decoder may hold after a look, bytes.
    pub ceiling_bytes: u64,
    /// How long a decoder may take to start, and to stop before it counts as wedged.
    pub teardown_deadline: Duration,
    /// Decoders that had no work for so long are stopped.
    pub idle: Duration,
}

/// How it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplerFigures {
    /// Looks at work.
    pub working: usize,
    /// Looks that wait.
    pub waiting: usize,
    /// Decoders that wait for work.
    pub idle: usize,
}

/// The decoder set; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sampler {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    library: Library,
    options: SamplerOptions,
    shelf: Shelf,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for SamplerOptions {
    /// Two at a time, 512 waiting, 160 MB each, a minute of idleness.
    fn default() -> Self {
        Self {
            decoders: 2,
            queue: 512,
            ceiling_bytes: 160 << 20,
            teardown_deadline: Duration::from_secs(10),
            idle: Duration::from_mins(1),
        }
    }
}

impl SampleError {
    /// Whether it tells something of the source, and not of this server.
    pub fn blames_source(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Refused(_))
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::Refused(_) => "refused",
            Self::Deadline(_) => "deadline",
            Self::Busy => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Closed => "closed",
        }
    }
}

impl Sampler {
    /// No decoder is started before it is needed.
    pub fn new(library: Library, options: SamplerOptions) -> Self {
        let decoders = options.decoders.max(1);
        Self {
            inner: Arc::new(Inner {
                library,
                shelf: Shelf::new(decoders * 3, options.idle, options.teardown_deadline),
                turns: Arc::new(Semaphore::new(decoders)),
                waiting: AtomicUsize::new(0),
                options,
            }),
        }
    }

    /// Decodes a keyframe, or a group, and tells what it shows. A look whose caller has gone is finished all the same.
    ///
    /// # Errors
    /// Any [`SampleError`], within [`DEADLINE`] of its turn.
    pub async fn picture(&self, job: PictureJob) -> Result<Pictures, SampleError> {
        let PictureJob {
            stream,
            codec,
            mut units,
            jpeg,
            all,
        } = job;
        if !all {
            units.truncate(1);
        }
        let wanted = Wanted { jpeg, all };
        let result = match samples::refuse(codec, &units) {
            Ok(count) => {
                units.truncate(count);
                self.look(Work::Pictures(codec, units, wanted)).await
            }
            Err(reason) => Err(SampleError::Refused(reason)),
        };
        note("picture", &stream, result.as_ref().err());
        match result? {
            Shown::Pictures(seen) => Ok(Pictures {
                frames: seen.frames,
                jpeg: seen.jpeg,
                width: seen.width,
                height: seen.height,
            }),
            Shown::Sound(_) => Err(SampleError::Unavailable("mixed up".into())),
        }
    }

    /// Decodes a second of sound and measures it. A look whose caller has gone is finished all the same.
    ///
    /// # Errors
    /// Any [`SampleError`], within [`DEADLINE`] of its turn.
    pub async fn sound(&self, job: SoundJob) -> Result<SoundFigures, SampleError> {
        let result = match samples::refuse_sound(&job.units) {
            Ok(()) => self.look(Work::Sound(job.units)).await,
            Err(reason) => Err(SampleError::Refused(reason)),
        };
        note("sound", &job.stream, result.as_ref().err());
        match result? {
            Shown::Sound(figures) => Ok(figures),
            Shown::Pictures(_) => Err(SampleError::Unavailable("mixed up".into())),
        }
    }

    /// How it stands.
    pub fn figures(&self) -> SamplerFigures {
        let inner = &self.inner;
        SamplerFigures {
            working: inner.options.decoders.max(1) - inner.turns.available_permits(),
            waiting: inner.waiting.load(Ordering::Relaxed),
            idle: inner.shelf.len(),
        }
    }

    /// Takes no more looks, lets those at work end, and stops all decoders.
    pub async fn close(&self) {
        let inner = &self.inner;
        inner.shelf.close();
        let all = u32::try_from(inner.options.decoders.max(1)).unwrap_or(u32::MAX);
        // Behind those that wait, which find the shelf closed.
        let turns = inner.turns.acquire_many(all).await;
        inner.turns.close();
        drop(turns);
        inner.shelf.clear().await;
    }

    async fn look(&self, work: Work) -> Result<Shown, SampleError> {
        let turn = self.turn().await?;
        let inner = Arc::clone(&self.inner);
        // In a task of its own: a caller that goes away would leave a decoder in the middle of a look.
        let look = tokio::spawn(async move {
            let result = inner.run(work).await;
            drop(turn);
            result
        });
        look.await
            .unwrap_or_else(|_| Err(SampleError::Unavailable("a look has panicked".into())))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, SampleError> {
        let inner = &self.inner;
        let turns = || Arc::clone(&inner.turns);
        match turns().try_acquire_owned() {
            Ok(turn) => return Ok(turn),
            Err(TryAcquireError::Closed) => return Err(SampleError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let _waits = Waits::begin(inner).ok_or(SampleError::Busy)?;
        match timeout(PATIENCE, turns().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(SampleError::Closed),
            Err(_) => Err(SampleError::Busy),
        }
    }
}

/// One more that waits, until it is dropped.
struct Waits<'a>(&'a Inner);

impl<'a> Waits<'a> {
    fn begin(inner: &'a Inner) -> Option<Self> {
        let most = inner.options.queue;
        let more = |waiting| (waiting < most).then_some(waiting + 1);
        let counted = (inner.waiting).fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.is_ok().then_some(Self(inner))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Work {
    Pictures(Codec, Vec<Unit>, Wanted),
    Sound(SoundUnits),
}

enum Shown {
    Pictures(Seen),
    Sound(SoundFigures),
}

impl Work {
    fn codec(&self) -> Codec {
        match self {
            Self::Pictures(codec, ..) => *codec,
            Self::Sound(units) => units.codec,
        }
    }

    fn deadline(&self) -> Duration {
        match self {
            Self::Pictures(_, units, _) => DEADLINE + EACH * (units.len().saturating_sub(1) as u32),
            Self::Sound(_) => DEADLINE,
        }
    }

    async fn on(&self, decoder: &mut Decoder) -> Result<Shown, Failure> {
        match self {
            Self::Pictures(codec, units, wanted) => {
                let seen = decoder.pictures(*codec, units, *wanted).await?;
                Ok(Shown::Pictures(seen))
            }
            Self::Sound(units) => Ok(Shown::Sound(decoder.sound(units).await?)),
        }
    }
}

impl Inner {
    async fn run(&self, work: Work) -> Result<Shown, SampleError> {
        let Some(element) = decoder_of(work.codec()) else {
            let name = work.codec().name();
            return Err(SampleError::Refused(format!("{name} is not known here")));
        };
        let mut shelved = match self.shelf.take(element)? {
            Some(shelved) => shelved,
            None => self.start(element, work.codec()).await?,
        };
        let result = timeout(work.deadline(), work.on(&mut shelved.decoder)).await;
        let held = shelved.charge(&work);
        let (result, usable) = match result {
            Ok(Ok(shown)) => (Ok(shown), true),
            Ok(Err(Failure::Damaged(reason))) => (Err(SampleError::Damaged(reason)), true),
            Ok(Err(Failure::Broken(reason))) => (Err(SampleError::Damaged(reason)), false),
            Err(_) => (Err(SampleError::Deadline(work.deadline())), false),
        };
        let usable = usable && shelved.decoder.lasts();
        if usable && held <= self.options.ceiling_bytes {
            self.shelf.put(shelved);
        } else {
            tracing::debug!(
                element,
                held,
                usable,
                "a decoder of the monitor is replaced"
            );
            metrics::sample_decoder_replaced();
            self.shelf.stop(shelved);
        }
        result
    }

    async fn start(&self, element: &'static str, codec: Codec) -> Result<Shelved, SampleError> {
        let deadline = self.options.teardown_deadline;
        match Decoder::start(&self.library, codec, deadline).await {
            Ok(decoder) => Ok(Shelved::new(element, decoder)),
            Err(error) => {
                tracing::error!(element, %error, "no decoder for the monitor");
                Err(SampleError::Unavailable(error.to_string()))
            }
        }
    }
}

fn note(kind: &'static str, stream: &StreamId, error: Option<&SampleError>) {
    metrics::sampled(kind, error.map_or("ok", SampleError::outcome));
    if let Some(error) = error {
        tracing::debug!(%stream, kind, %error, "a look brought nothing");
    }
}
