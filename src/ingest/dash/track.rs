//! Pulls one track: acts on what the pure [`Follower`] decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Shared, manifest_error};
use crate::base::clock;
use crate::dash::{Failed, Follower, Joint, Mpd, Role, Segment, Step};
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::segmented::{self, Loader, Output, SegmentEnd, Wanted};

/// A live track without a new segment for this long is dead: the pull ends, and the next attempt begins anew.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// The largest index of a file.
const MAX_INDEX: usize = 4 << 20;
/// How often an index is tried.
const INDEX_ATTEMPTS: u32 = 3;

/// The pull of one track.
pub(super) struct Track<'a> {
    shared: Shared<'a>,
    mpd: watch::Receiver<Arc<Mpd>>,
    follower: Follower,
    /// It tells how the source is; its sound apart does not.
    is_main: bool,
    loader: Loader<'a>,
    output: Output<'a>,
    lost_in_a_row: u32,
    index_failures: u32,
    newest: Instant,
    /// Whole segments delivered.
    delivered: u64,
}

impl<'a> Track<'a> {
    pub(super) fn new(
        shared: Shared<'a>,
        role: Role,
        mut mpd: watch::Receiver<Arc<Mpd>>,
        output: Output<'a>,
    ) -> Self {
        let context = shared.context;
        let first = Arc::clone(&mpd.borrow_and_update());
        Self {
            shared,
            mpd,
            follower: Follower::new(role, first).wanting(shared.want),
            is_main: role == Role::Main,
            loader: Loader::new(context.fetcher, context.manners, context.sink),
            output,
            lost_in_a_row: 0,
            index_failures: 0,
            newest: clock::now(),
            delivered: 0,
        }
    }

    /// Pulls until the presentation ends, or nobody takes its segments any more.
    pub(super) async fn run(mut self) -> Result<(), IngestError> {
        while let Some(segment) = self.next().await? {
            if self.segment(&segment).await?.is_break() {
                return Ok(());
            }
        }
        segmented::ended(self.output.finish().await)
    }

    /// Delivers one segment, the first that begins after `last`, and gives its begin; `None` when the
    /// presentation has ended, or nobody takes its segments any more.
    pub(super) async fn once(
        mut self,
        last: Option<Duration>,
    ) -> Result<Option<Duration>, IngestError> {
        while let Some(segment) = self.next().await? {
            if last.is_some_and(|last| segment.start <= last) {
                continue;
            }
            if self.segment(&segment).await?.is_break() {
                return Ok(None);
            }
            if self.delivered > 0 {
                segmented::ended(self.output.finish().await)?;
                return Ok(Some(segment.start));
            }
        }
        Ok(None)
    }

    /// Waits for the next segment; `None` at the end.
    async fn next(&mut self) -> Result<Option<Box<Segment>>, IngestError> {
        loop {
            if self.mpd.has_changed().unwrap_or(false) {
                self.take_mpd();
            }
            let step = self.follower.next(self.shared.clock.now());
            match step.map_err(|e| manifest_error(&e))? {
                Step::Fetch(segment) => {
                    self.newest = clock::now();
                    return Ok(Some(segment));
                }
                Step::Index(index) => self.index(index).await?,
                Step::Wait { until, starved } => self.wait(until, starved).await?,
                Step::Ended => return Ok(None),
            }
        }
    }

    async fn wait(&mut self, until: Duration, starved: bool) -> Result<(), IngestError> {
        let idle = self.newest.elapsed();
        if idle >= DEAD_AFTER {
            let text = format!(
                "the manifest has brought no segment for {} s",
                idle.as_secs()
            );
            return Err(IngestError::new(Stage::Manifest, Cause::Stalled, text));
        }
        if starved {
            self.shared.wanted.notify_one();
        }
        let until = self.shared.clock.instant(until);
        tokio::select! {
            Ok(()) = self.mpd.changed() => self.take_mpd(),
            () = tokio::time::sleep_until(until.into()) => {}
        }
        Ok(())
    }

    fn take_mpd(&mut self) {
        let mpd = Arc::clone(&self.mpd.borrow_and_update());
        self.follower.on_mpd(mpd);
    }

    async fn index(&mut self, index: crate::dash::Resource) -> Result<(), IngestError> {
        let loaded = self.loader.whole(&index.uri, index.range, None, MAX_INDEX);
        match loaded.await {
            Ok(data) => {
                let read = self.follower.on_index(index, &data);
                read.map_err(|e| manifest_error(&e))
            }
            Err(error) => {
                self.index_failures += 1;
                if self.index_failures >= INDEX_ATTEMPTS {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok(())
            }
        }
    }

    /// Delivers one segment; `Break` when nobody takes it any more.
    async fn segment(
        &mut self,
        segment: &Segment,
    ) -> Result<std::ops::ControlFlow<()>, IngestError> {
        use std::ops::ControlFlow::{Break, Continue};
        let init = segment.init.as_ref();
        let wanted = Wanted {
            // A manifest need not number them.
            sequence: self.is_main.then_some(segment.start.as_secs()),
            uri: &segment.resource.uri,
            range: segment.resource.range,
            key: None,
            init: init.map(|init| (&init.uri, init.range, None)),
            joint: match segment.joint {
                Joint::None => segmented::Break::None,
                Joint::Loss => segmented::Break::Loss,
                Joint::Jump => segmented::Break::Jump,
            },
            duration: segment.duration,
            offset: segment.shift,
        };
        let delivered = segmented::deliver(&mut self.loader, &wanted, &mut self.output).await;
        let (error, begun) = match delivered {
            Ok(()) => {
                self.delivered += 1;
                self.lost_in_a_row = 0;
                return Ok(Continue(()));
            }
            Err(SegmentEnd::Gone) => return Ok(Break(())),
            Err(SegmentEnd::Fatal(error)) => return Err(error),
            Err(SegmentEnd::Failed { error, begun }) => (error, begun),
        };
        tracing::debug!(stage = error.stage.as_str(), "segment failed: {error}");
        if begun {
            if self.output.cut().await.is_err() {
                return Ok(Break(()));
            }
        } else if self.follower.failed(self.shared.clock.now()) == Failed::Retry {
            return Ok(Continue(()));
        }
        self.lost_in_a_row += 1;
        let asked = self.shared.context.sink.asked();
        if segmented::is_lost(asked, &error, self.lost_in_a_row) {
            return Err(error);
        }
        Ok(Continue(()))
    }
}
