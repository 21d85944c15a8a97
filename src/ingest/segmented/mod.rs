//! What pulling HLS and DASH has in common: media in segments, from one playlist or from two.
//!
//! ```text
//! track ─► Loader ─► Output ─┬─ as it is ──────────────────────────► Sink    TS, one playlist
//! (hls,    fetch,            ├─ Remuxer ───────────────────────────► Sink    anything else
//!  dash)   decrypt           └─ lane ─► merge, in turn ─► Remuxer ─► Sink    sound of its own
//! ```

mod asked;
mod lane;
mod loader;
mod merge;
mod output;

pub(super) use asked::{
    EARLY_PAUSE, Glanced, Glances, LEAST_HEIGHT, MAX_FAILURES_EARLY, begin_anew, gives_up_early,
    is_lost, sleep, sleep_until,
};
pub(super) use lane::{LaneReceiver, lane};
pub(super) use loader::{Loader, Wanted};
pub(super) use merge::{merge, not_carried};
pub(super) use output::{Begin, Break, Output};

use std::collections::VecDeque;
use std::time::Duration;

use super::error::IngestError;
use super::sink::Gone;
use crate::base::clock;

/// Segments lost in a row before the pull ends.
pub(super) const MAX_LOST: u32 = 5;

/// Why a segment was not delivered to its end.
#[derive(Debug)]
pub(super) enum SegmentEnd {
    /// Nobody takes it any more.
    Gone,
    /// The pull cannot go on.
    Fatal(IngestError),
    /// It could not be fetched, or not to its end.
    Failed {
        /// Why.
        error: IngestError,
        /// Bytes of it are on their way already, so it must not be fetched again.
        begun: bool,
    },
}

/// Why an output takes no more.
#[derive(Debug)]
pub(super) enum OutputEnd {
    /// Nobody takes it any more.
    Gone,
    /// The media cannot be shown.
    Failed(IngestError),
}

impl From<Gone> for OutputEnd {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<OutputEnd> for SegmentEnd {
    fn from(end: OutputEnd) -> Self {
        match end {
            OutputEnd::Gone => Self::Gone,
            OutputEnd::Failed(error) => Self::Fatal(error),
        }
    }
}

/// Most bytes of a segment that are read before it is their turn.
const READ_AHEAD: usize = 32 << 20;

/// Fetches a segment and delivers it.
pub(super) async fn deliver(
    loader: &mut Loader<'_>,
    wanted: &Wanted<'_>,
    output: &mut Output<'_>,
) -> Result<(), SegmentEnd> {
    let mut cost = Cost::default();
    loader.asks(Some(clock::now()));
    let ended = fetch(loader, wanted, output, &mut cost).await;
    loader.tell(wanted, cost, &ended);
    loader.asks(None);
    ended
}

/// What a segment has cost so far.
#[derive(Clone, Copy, Default)]
struct Cost {
    bytes: u64,
    /// How long was waited for the source, and not for room in the output.
    took: Duration,
}

async fn fetch(
    loader: &mut Loader<'_>,
    wanted: &Wanted<'_>,
    output: &mut Output<'_>,
    cost: &mut Cost,
) -> Result<(), SegmentEnd> {
    let before = |error| SegmentEnd::Failed {
        error,
        begun: false,
    };
    let asked = clock::now();
    let mut init = loader.init(wanted).await.map_err(before)?;
    let mut body = loader.open(wanted).await.map_err(before)?;
    let mut read = if output.waits_for_another() && loader.has_one_connection() {
        // Both tracks come over the same one: who waits for its turn must not hold it.
        body.read_ahead(READ_AHEAD).await.map_err(before)?
    } else {
        VecDeque::new()
    };
    cost.took = asked.elapsed();
    let mut begun = false;
    loop {
        let asked = clock::now();
        let failed = |error| SegmentEnd::Failed { error, begun };
        let next = match read.pop_front() {
            Some(bytes) => Some(bytes),
            None => body.next().await.map_err(failed)?,
        };
        cost.took += asked.elapsed();
        let Some(bytes) = next else {
            return Ok(());
        };
        if bytes.is_empty() {
            continue;
        }
        cost.bytes += bytes.len() as u64;
        // Not before there is something: what fails until then is fetched again, and begins then.
        if !std::mem::replace(&mut begun, true) {
            let begin = Begin {
                joint: wanted.joint,
                duration: wanted.duration,
                offset: wanted.offset,
                init: init.take(),
            };
            loader.begins(wanted, output);
            output.begin(begin).await?;
            loader.began();
        }
        output.data(bytes).await?;
    }
}

/// The end of a track whose output is finished.
pub(super) fn ended(finished: Result<(), OutputEnd>) -> Result<(), IngestError> {
    match finished {
        Err(OutputEnd::Failed(error)) => Err(error),
        Ok(()) | Err(OutputEnd::Gone) => Ok(()),
    }
}

/// How long two inputs may wait for each other: one that begins late or lags is not cut off before
/// its next segments can have come.
pub(super) fn hold(target: Duration) -> Duration {
    (target * 3).clamp(Duration::from_secs(12), Duration::from_mins(1))
}
