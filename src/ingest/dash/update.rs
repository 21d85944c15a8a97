//! Loads a live MPD again when it is due.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use url::Url;

use super::{Shared, parse};
use crate::base::clock;
use crate::dash::{Mpd, Updates};
use crate::ingest::error::{Cause, IngestError};
use crate::ingest::observer::Observer;
use crate::ingest::segmented::{self, MAX_FAILURES_EARLY};
use crate::ingest::{MAX_PLAYLIST, PLAYLIST_TIME};

/// Loads that fail in a row before the pull ends.
const MAX_FAILURES: u32 = 5;

/// Keeps the MPD up to date.
pub(super) struct Updater<'a> {
    shared: Shared<'a>,
    updates: Updates,
    url: Url,
}

impl<'a> Updater<'a> {
    /// `mpd` has just been loaded from `url`.
    pub(super) fn new(shared: Shared<'a>, mpd: &Mpd, url: Url) -> Self {
        Self {
            shared,
            updates: Updates::new(shared.clock.now(), mpd),
            url: mpd.location.clone().unwrap_or(url),
        }
    }

    /// Publishes newer MPDs until nobody follows them any more.
    pub(super) async fn run(mut self, sender: watch::Sender<Arc<Mpd>>) -> Result<(), IngestError> {
        loop {
            let due = async {
                match self.updates.next() {
                    Some(at) => {
                        let at = self.shared.clock.instant(at);
                        tokio::time::sleep_until(at.into()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sender.closed() => return Ok(()),
                () = self.shared.wanted.notified() => {
                    self.updates.want();
                    continue;
                }
                () = due => {}
            }
            let due = self.updates.next();
            if due.is_none_or(|at| at > self.shared.clock.now()) {
                continue;
            }
            match self.load().await {
                Ok(mpd) => {
                    let now = clock::now();
                    (self.shared.context.sink).observe(|observer| observer.manifest(now));
                    self.updates.loaded(self.shared.clock.now(), &mpd);
                    sender.send_replace(Arc::new(mpd));
                }
                Err(error) => {
                    self.shared.context.sink.observe(Observer::playlist_failed);
                    let hopeless = matches!(error.cause, Cause::Policy | Cause::Auth | Cause::Drm);
                    let failures = self.updates.failed(self.shared.clock.now());
                    let asked = self.shared.context.sink.asked();
                    // With segments left to fetch there is still time.
                    let early =
                        segmented::gives_up_early(asked, &error) && self.updates.are_wanted();
                    let most = if early {
                        MAX_FAILURES_EARLY
                    } else {
                        MAX_FAILURES
                    };
                    if hopeless || failures >= most {
                        return Err(error);
                    }
                    tracing::debug!(stage = error.stage.as_str(), "update failed: {error}");
                }
            }
        }
    }

    async fn load(&mut self) -> Result<Mpd, IngestError> {
        let context = self.shared.context;
        let mut answer = context
            .fetcher
            .get(&self.url, context.manners, None)
            .await?;
        let body = answer
            .read_all(Bytes::new(), MAX_PLAYLIST, PLAYLIST_TIME)
            .await?;
        let mpd = parse(&body, &answer.url)?;
        self.url = mpd.location.clone().unwrap_or(answer.url);
        Ok(mpd)
    }
}
