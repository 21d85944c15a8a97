//! The provider's time: by what the MPD names, else by the date of its answer, else by our own clock.

use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::Context;
use crate::base::clock;
use crate::dash::{self, Mpd, Timing};
use crate::ingest::PLAYLIST_TIME;

/// A date of HTTP counts whole seconds, and took its time to come: within this our own clock is as good.
const AS_GOOD: Duration = Duration::from_secs(2);

/// Tells the provider's time, since the Unix epoch.
pub(super) struct Clock {
    was: Duration,
    at: Instant,
}

impl Clock {
    /// For an MPD that has just been loaded; `date` is that of the answer.
    pub(super) async fn of(context: &Context<'_>, mpd: &Mpd, date: Option<Duration>) -> Self {
        if mpd.dynamic {
            for timing in &mpd.timing {
                let was = match timing {
                    Timing::Direct(was) => Some(*was),
                    Timing::Head(url) => context.date_of(url).await,
                    Timing::Body(url) => context.date_in(url).await,
                };
                if let Some(was) = was {
                    return Self::at(was);
                }
            }
        }
        let ours = clock::wall().duration_since(jiff::Timestamp::UNIX_EPOCH);
        let ours = Duration::try_from(ours).unwrap_or_default();
        Self::at(
            date.filter(|date| date.abs_diff(ours) > AS_GOOD)
                .unwrap_or(ours),
        )
    }

    fn at(was: Duration) -> Self {
        Self {
            was,
            at: clock::now(),
        }
    }

    /// The time.
    pub(super) fn now(&self) -> Duration {
        self.was + self.at.elapsed()
    }

    /// When it is that time; at most a minute from now.
    pub(super) fn instant(&self, time: Duration) -> Instant {
        let left = time.saturating_sub(self.now());
        clock::now() + left.min(Duration::from_mins(1))
    }
}

impl Context<'_> {
    async fn date_of(&self, url: &Url) -> Option<Duration> {
        let answer = self.fetcher.get(url, self.manners, None).await;
        answer.ok()?.date
    }

    async fn date_in(&self, url: &Url) -> Option<Duration> {
        let mut answer = self.fetcher.get(url, self.manners, None).await.ok()?;
        let body = answer
            .read_all(Bytes::new(), 256, PLAYLIST_TIME)
            .await
            .ok()?;
        dash::parse_date(std::str::from_utf8(&body).ok()?)
    }
}
