//! Where the segments of a track go.

use std::time::Duration;

use bytes::Bytes;

use super::OutputEnd;
use super::lane::LaneSender;
use super::merge::{Remuxer, container_of};
use crate::ingest::sink::Sink;
use crate::remux::{Container, InputOptions};

/// How a segment joins the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum Break {
    /// It goes on.
    None,
    /// Segments are missing between them; the timestamps go on.
    Loss,
    /// The timestamps may be others.
    Jump,
}

/// A segment begins.
#[derive(Debug)]
pub(in crate::ingest) struct Begin {
    pub(super) joint: Break,
    pub(super) duration: Duration,
    /// Added to its times, in ticks of 90 kHz.
    pub(super) offset: i64,
    /// What has to be read first, if that changed.
    pub(super) init: Option<Bytes>,
}

impl Begin {
    /// What comes is no MPEG-TS. (Of that, the initialization section would be its tables.)
    fn has_foreign_init(&self) -> bool {
        let init = self.init.as_ref();
        init.is_some_and(|init| init.first() != Some(&0x47))
    }
}

/// Where the segments of a track go.
pub(in crate::ingest) enum Output<'a> {
    /// The only track; its first bytes will decide.
    Open(&'a Sink, Option<Begin>),
    /// The only track, MPEG-TS: bytes as they come.
    Straight(&'a Sink),
    /// The only track, in another container.
    Remuxed(Box<Remuxer<'a>>),
    /// One of two.
    Lane(LaneSender),
}

impl<'a> Output<'a> {
    /// For the only track of a source.
    pub(in crate::ingest) fn new(sink: &'a Sink) -> Self {
        Self::Open(sink, None)
    }

    /// A segment begins.
    pub(super) async fn begin(&mut self, begin: Begin) -> Result<(), OutputEnd> {
        match self {
            Self::Open(_, waiting) => *waiting = Some(begin),
            // In the middle of it another container: what was TS has come to its end.
            Self::Straight(sink) if begin.has_foreign_init() => {
                sink.discontinuity().await?;
                *self = Self::Open(sink, Some(begin));
            }
            Self::Straight(sink) => {
                if begin.joint != Break::None {
                    sink.discontinuity().await?;
                }
                if let Some(tables) = begin.init {
                    sink.data(tables).await?;
                }
            }
            Self::Remuxed(remuxer) => remuxer.begin(0, &begin).await?,
            Self::Lane(lane) => lane.begin(begin).await?,
        }
        Ok(())
    }

    /// The next bytes of the segment.
    pub(super) async fn data(&mut self, bytes: Bytes) -> Result<(), OutputEnd> {
        if let Self::Open(sink, begin) = self {
            let (sink, begin) = (*sink, begin.take());
            let remuxed = begin.as_ref().is_some_and(Begin::has_foreign_init);
            *self = Self::decide(sink, &bytes, remuxed);
            if let Some(begin) = begin {
                // No recursion: this output is no longer open.
                Box::pin(self.begin(begin)).await?;
            }
        }
        match self {
            Self::Open(..) => Ok(()),
            Self::Straight(sink) => Ok(sink.data(bytes).await?),
            Self::Remuxed(remuxer) => remuxer.data(0, &bytes).await,
            Self::Lane(lane) => Ok(lane.data(bytes).await?),
        }
    }

    fn decide(sink: &'a Sink, start: &[u8], remuxed: bool) -> Self {
        let foreign = container_of(start).or(remuxed.then_some("fmp4"));
        sink.note(|found| found.container = Some(foreign.unwrap_or("mpeg-ts")));
        if foreign.is_none() {
            return Self::Straight(sink);
        }
        let input = InputOptions::new(Container::Any);
        let hold = super::hold(Duration::ZERO);
        Self::Remuxed(Box::new(Remuxer::new(vec![input], hold, sink)))
    }

    /// True for one of two tracks, which are delivered in turn.
    pub(super) fn waits_for_another(&self) -> bool {
        matches!(self, Self::Lane(_))
    }

    /// The rest of the segment will not come.
    pub(in crate::ingest) async fn cut(&mut self) -> Result<(), OutputEnd> {
        if let Self::Straight(sink) = self {
            // What comes next does not continue it.
            sink.discontinuity().await?;
        }
        // A remuxer drops what is incomplete when the next one begins.
        Ok(())
    }

    /// The track has ended.
    pub(in crate::ingest) async fn finish(&mut self) -> Result<(), OutputEnd> {
        match self {
            Self::Remuxed(remuxer) => remuxer.finish().await,
            _ => Ok(()),
        }
    }
}
