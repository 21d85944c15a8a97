//! What segmented sources do that is asked for.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::MAX_LOST;
use crate::ingest::demand::{Asked, Demand};
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::fetch::{Answer, Fetcher, Manners};
use crate::ingest::sink::{Gone, Sink};
use crate::ingest::{MAX_PLAYLIST, PLAYLIST_TIME};
use crate::stream::Source;

/// Lines of a picture that are enough when nobody watches.
pub(in crate::ingest) const LEAST_HEIGHT: u32 = 180;
/// Playlists that fail in a row before a pull ends that may give up early.
pub(in crate::ingest) const MAX_FAILURES_EARLY: u32 = 2;
/// The longest that such a pull pauses between two of them.
pub(in crate::ingest) const EARLY_PAUSE: Duration = Duration::from_secs(1);
/// Segments lost in a row before such a pull ends.
const MAX_LOST_EARLY: u32 = 2;
/// Looks in a row that found nothing to show before a pull ends.
const MAX_BLANK: u32 = 4;

/// Whether the second failure of this sort is enough: the server is not there and another source may
/// do, or nobody watches who would notice a break.
pub(in crate::ingest) fn gives_up_early(asked: &Asked, error: &IngestError) -> bool {
    let absent = matches!(error.cause, Cause::Refused | Cause::Unreachable);
    asked.demand() != Demand::Watched || (absent && asked.has_alternatives())
}

/// Whether so many segments lost in a row, the last one by this error, end the pull.
pub(in crate::ingest) fn is_lost(asked: &Asked, error: &IngestError, in_a_row: u32) -> bool {
    let most = if gives_up_early(asked, error) {
        MAX_LOST_EARLY
    } else {
        MAX_LOST
    };
    matches!(error.cause, Cause::Policy | Cause::Auth) || in_a_row >= most
}

/// Sleeps until `until`, or for ever; true then. False as soon as something else than `known` is
/// asked, or when a look becomes due that was not (`looks`).
pub(in crate::ingest) async fn sleep(
    asked: &Asked,
    known: Demand,
    looks: bool,
    until: Option<Instant>,
) -> bool {
    tokio::select! {
        slept = sleep_until(until) => slept,
        _ = asked.demands(|demand| demand != known) => false,
        () = asked.looks().due(), if known == Demand::Sampled && !looks => false,
    }
}

/// Sleeps until `until`, or for ever; true then.
pub(in crate::ingest) async fn sleep_until(until: Option<Instant>) -> bool {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
    true
}

/// Begins a pull anew for another demand: asks for the source's playlist as at its start. `None` when
/// nobody takes anything any more.
pub(in crate::ingest) async fn begin_anew(
    fetcher: &Fetcher,
    manners: &Manners,
    source: &Source,
    (sink, demand): (&Sink, Demand),
) -> Result<Option<(Answer, Bytes)>, IngestError> {
    if sink.begins_again().await.is_err() || sink.serves(demand).await.is_err() {
        return Ok(None);
    }
    let mut answer = fetcher.get(source.url.as_url(), manners, None).await?;
    let body = answer.read_all(Bytes::new(), MAX_PLAYLIST, PLAYLIST_TIME);
    let body = body.await?;
    Ok(Some((answer, body)))
}

/// The looks at one source.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Glances {
    blank: u32,
}

/// Why there are no more looks.
#[derive(Debug)]
pub(in crate::ingest) enum Glanced {
    /// Nobody takes them any more.
    Gone,
    /// There is nothing to be seen, again and again.
    Blank(IngestError),
}

impl Glances {
    /// A segment was delivered as a look: tells what was seen to those who wait for it; true then.
    /// One without a keyframe leaves the look due.
    pub(in crate::ingest) async fn take(&mut self, sink: &Sink) -> Result<bool, Glanced> {
        let look = sink.looked().await.map_err(|Gone| Glanced::Gone)?;
        if look.is_some() {
            self.blank = 0;
            sink.asked().looks().answer(&Ok(look));
            return Ok(true);
        }
        self.blank += 1;
        if self.blank < MAX_BLANK {
            return Ok(false);
        }
        let text = "nothing in the newest segments of the source can be shown";
        let error = IngestError::new(Stage::Demux, Cause::NotMedia, text);
        Err(Glanced::Blank(error))
    }
}
