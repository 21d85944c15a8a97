//! A look at what an ingest pulls.

use std::sync::Arc;
use std::time::Duration;

use super::{Ingest, IngestStatus, Phase};
use crate::ingest::{Cause, Demand, IngestError, Keeping, Look, Stage};
use crate::ts::Ticks;

/// Media that a look at a feed waits for, in ticks of 90 kHz: a second, and what is interleaved.
const ENOUGH: Ticks = 90_000 * 5 / 4;
/// How long it waits for that at least. Segments may take as long to come as the longest lasts, and half of that more.
const PATIENCE: Duration = Duration::from_secs(5);

impl Ingest {
    /// Looks at the stream: the newest group of pictures of what flows, if possible with a second of
    /// sound; of a source that is sampled a segment is fetched for it, the next that has not been
    /// looked at. May take as long as the source does; who gives up drops the future.
    ///
    /// # Errors
    /// Why the source fails, at once while it pauses after a failure; and when the ingest ends.
    pub async fn look(&self) -> Result<Look, Arc<IngestError>> {
        let _keeping = self.keep();
        let mut status = self.status();
        let now = status.borrow_and_update().clone();
        if now.phase == Phase::BackingOff {
            return Err(now.error.unwrap_or_else(ended));
        }
        if !flows(&now) {
            let answer = self.looks.ask();
            let over = async { while status.changed().await.is_ok() {} };
            let looked = tokio::select! {
                looked = answer => looked.unwrap_or_else(|_| Err(ended()))?,
                () = over => return Err(ended()),
            };
            if let Some(look) = looked {
                return Ok(look);
            }
        }
        self.look_at_feed().await
    }

    /// Until the guard is dropped, the newest group of pictures of what flows is kept, so that a look need not wait for
    /// the next one.
    pub fn keep(&self) -> Keeping {
        self.looks.keep()
    }

    async fn look_at_feed(&self) -> Result<Look, Arc<IngestError>> {
        let longest = self.status().borrow().target_duration.unwrap_or_default();
        let patience = PATIENCE.max(longest * 3 / 2);
        let look = tokio::time::timeout(patience, self.feed.look(ENOUGH)).await;
        let gop = look.unwrap_or_else(|_| self.feed.newest_gop());
        if gop.chunks.is_empty() {
            let error = self.status().borrow().error.clone();
            return Err(error.unwrap_or_else(|| {
                let text = "no keyframe has come from the source";
                Arc::new(IngestError::new(Stage::Demux, Cause::Timeout, text))
            }));
        }
        Ok(Look {
            chunks: gop.chunks.into(),
            tracks: self.feed.tracks().borrow().clone(),
            number: gop.number,
        })
    }
}

/// Whether there is something to look at without asking the source.
fn flows(status: &IngestStatus) -> bool {
    status.phase == Phase::Live && status.demand != Demand::Sampled
}

fn ended() -> Arc<IngestError> {
    let text = "the pull has ended";
    Arc::new(IngestError::new(Stage::Flow, Cause::Ended, text))
}
