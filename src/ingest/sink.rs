//! The bounded way from a puller to the pump that cuts, paces and publishes.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::demand::{Asked, Demand, Look};
use super::error::Stage;
use super::observer::Observer;
use super::progress::{Found, Progress};
use crate::base::clock;

/// Bytes in flight between a puller and its pump. Enough for a segment of an ordinary stream,
/// so that a segment is fetched quickly though it is released at real time.
const BUDGET: usize = 4 << 20;
/// Larger reads are split, so that one never asks for more than the budget.
const PIECE: usize = 256 << 10;
/// Pieces in flight.
const PIECES: usize = 1024;

/// What a puller hands over.
#[derive(Debug)]
pub enum Piece {
    /// The next bytes of the stream.
    Data(Bytes, Charge),
    /// What follows does not continue what came before.
    Discontinuity,
    /// The longest segment that the source announces: its EXT-X-TARGETDURATION.
    TargetDuration(Duration),
    /// A word of a puller that follows what is asked of it.
    Note(Note),
}

/// What a puller tells that follows what is asked of it.
#[derive(Debug)]
pub enum Note {
    /// What comes from here on is for this demand.
    Serves(Demand),
    /// The source has been asked, and is well, though nothing of it was wanted.
    Well,
    /// What a look needs has come: what is it, and can it be shown?
    Looked(oneshot::Sender<Option<Look>>),
}

/// The share of the budget that a piece holds until it is dropped.
#[derive(Debug)]
pub struct Charge(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// What a pull has been lent for its connections: whatever outlives the pull and has one open keeps
/// this until it is closed.
#[derive(Clone, Debug)]
pub struct Hold(#[allow(dead_code, reason = "held, not read")] Arc<dyn Any + Send + Sync>);

/// The puller's end.
#[derive(Clone, Debug)]
pub struct Sink {
    hold: Option<Hold>,
    pieces: mpsc::Sender<Piece>,
    budget: Arc<Semaphore>,
    progress: Arc<Progress>,
    asked: Asked,
    watched: Option<Watched>,
}

/// Who watches what passes, but for a pull that is only tried.
#[derive(Clone, Debug)]
struct Watched {
    observer: Arc<Observer>,
    trial: Arc<AtomicBool>,
}

/// The pump's end.
#[derive(Debug)]
pub struct Drain {
    pieces: mpsc::Receiver<Piece>,
    budget: Arc<Semaphore>,
    progress: Arc<Progress>,
    asked: Asked,
}

/// The pump is gone: the pull should end.
#[derive(Debug)]
pub struct Gone;

/// A connected pair for all media.
pub fn channel() -> (Sink, Drain) {
    asked_channel(Asked::default())
}

/// A connected pair for what is asked.
pub fn asked_channel(asked: Asked) -> (Sink, Drain) {
    connected(Arc::new(Progress::new()), asked)
}

fn connected(progress: Arc<Progress>, asked: Asked) -> (Sink, Drain) {
    let (sender, receiver) = mpsc::channel(PIECES);
    let budget = Arc::new(Semaphore::new(BUDGET));
    let sink = Sink {
        hold: None,
        pieces: sender,
        budget: Arc::clone(&budget),
        progress: Arc::clone(&progress),
        watched: None,
        asked: asked.clone(),
    };
    let drain = Drain {
        pieces: receiver,
        budget,
        progress,
        asked,
    };
    (sink, drain)
}

impl Sink {
    /// Hands over bytes; waits while the budget is used up.
    pub async fn data(&self, mut bytes: Bytes) -> Result<(), Gone> {
        if !bytes.is_empty() {
            self.progress.flows();
            self.observe(|observer| observer.bytes(&bytes, clock::now()));
        }
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            let permits = u32::try_from(piece.len()).map_err(|_| Gone)?;
            let charge = Arc::clone(&self.budget)
                .acquire_many_owned(permits)
                .await
                .map_err(|_| Gone)?;
            self.send(Piece::Data(piece, Charge(charge))).await?;
        }
        Ok(())
    }

    /// The same, with something that is lent for as long as the pull has a connection open.
    #[must_use]
    pub fn lent(&self, what: Arc<dyn Any + Send + Sync>) -> Self {
        Self {
            hold: Some(Hold(what)),
            ..self.clone()
        }
    }

    /// The same, watched while it is no `trial`.
    #[must_use]
    pub fn watched_by(self, observer: Arc<Observer>, trial: Arc<AtomicBool>) -> Self {
        Self {
            watched: Some(Watched { observer, trial }),
            ..self
        }
    }

    /// Who watches this pull, now.
    pub fn observer(&self) -> Option<&Observer> {
        let watched = self.watched.as_ref()?;
        (!watched.trial.load(Ordering::Relaxed)).then_some(&*watched.observer)
    }

    /// Tells who watches this pull, if anybody does.
    pub fn observe(&self, tell: impl FnOnce(&Observer)) {
        if let Some(observer) = self.observer().filter(|observer| observer.is_enabled()) {
            tell(observer);
        }
    }

    /// What is lent, for a pipeline or task that ends later than the pull.
    pub fn hold(&self) -> Option<Hold> {
        self.hold.clone()
    }

    /// Marks a break.
    pub async fn discontinuity(&self) -> Result<(), Gone> {
        self.observe(Observer::discontinuity);
        self.send(Piece::Discontinuity).await
    }

    /// Passes on the target duration of the source.
    pub async fn target_duration(&self, longest: Duration) -> Result<(), Gone> {
        self.send(Piece::TargetDuration(longest)).await
    }

    /// A way of its own for bytes that are not shown as they are; what is told of the pull is told here, too.
    pub fn apart(&self) -> (Sink, Drain) {
        connected(Arc::clone(&self.progress), Asked::default())
    }

    /// What is asked of the pull.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The pull follows what is asked of it, and tells so by its [`Note`]s.
    pub fn follows(&self) {
        self.progress.follows();
    }

    /// The pull begins again inside its attempt: nothing continues what came before.
    pub async fn begins_again(&self) -> Result<(), Gone> {
        if let Some(observer) = self.observer() {
            observer.restart(&self.progress.found());
        }
        self.discontinuity().await
    }

    /// What comes from here on is for this demand.
    pub async fn serves(&self, demand: Demand) -> Result<(), Gone> {
        self.send(Piece::Note(Note::Serves(demand))).await
    }

    /// The source is well, though nothing of it was wanted.
    pub async fn well(&self) -> Result<(), Gone> {
        self.send(Piece::Note(Note::Well)).await
    }

    /// What has come since the last break as a look; `None` when it cannot be shown. Ends with a break.
    pub async fn looked(&self) -> Result<Option<Look>, Gone> {
        self.discontinuity().await?;
        let (reply, look) = oneshot::channel();
        self.send(Piece::Note(Note::Looked(reply))).await?;
        look.await.map_err(|_| Gone)
    }

    /// The pull begins now: what came before was waiting for a lease, which is no fault of the source.
    pub fn begin(&self) {
        self.progress.begin();
    }

    /// Whether the source has sent a byte of media.
    pub fn has_bytes(&self) -> bool {
        self.progress.has_bytes()
    }

    /// Tells that the pull has passed a stage. Only the first time counts.
    pub fn reached(&self, stage: Stage) {
        self.progress.reached(stage);
    }

    /// Notes what was found out about the source.
    pub fn note(&self, change: impl FnOnce(&mut Found)) {
        self.progress.note(|found| {
            change(found);
            if let Some(observer) = self.observer() {
                observer.found(found);
            }
        });
    }

    async fn send(&self, piece: Piece) -> Result<(), Gone> {
        self.pieces.send(piece).await.map_err(|_| Gone)
    }
}

impl Drain {
    /// The next piece; `None` when the puller has ended.
    pub async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }

    /// How far the pull has come; it may be kept when the drain is gone.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// What is asked of the pull.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// True when nothing more is there at the moment.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// True when the puller is held up by us: it has more than is wanted now.
    pub fn is_pressed(&self) -> bool {
        self.budget.available_permits() < BUDGET / 4
    }
}
