//! Remuxing what is not one MPEG-TS, and merging two tracks in turn.

use std::time::Duration;

use super::lane::{Item, LaneReceiver, Place};
use super::output::{Begin, Break};
use super::{MAX_LOST, OutputEnd};
use crate::ingest::error::{Cause, IngestError, Stage};
use crate::ingest::sink::Sink;
use crate::remux::{InputOptions, Limits, Notice, Output, Remux, RemuxError};
use crate::ts::Kind;

/// A track that brings nothing for this long is not waited for until it does.
const PATIENCE: Duration = Duration::from_secs(8);

/// Merges two tracks until both have ended.
pub(in crate::ingest) async fn merge(
    inputs: [InputOptions; 2],
    lanes: [LaneReceiver; 2],
    hold: Duration,
    sink: &Sink,
) -> Result<(), IngestError> {
    let mut remuxer = Remuxer::new(inputs.into(), hold, sink);
    let mut lanes = lanes.map(Lane::new);
    let mut told = false;
    loop {
        let turn = match &lanes {
            [a, b] if a.ended && b.ended => break,
            [a, b] => usize::from(a.ended || (!b.ended && b.position < a.position)),
        };
        let (at, item) = next(&mut lanes, turn).await;
        let Some(at) = at else { continue };
        let taken = match item {
            None => {
                lanes[at].ended = true;
                remuxer.end(at).await
            }
            Some(Item::Begin(begin, place)) => {
                if begin.joint != Break::None {
                    // How much is missing is not known: from here on in step with the other.
                    lanes[at].position = lanes[at].position.max(lanes[1 - at].position);
                }
                lanes[at].place = Some(place);
                lanes[at].position += begin.duration;
                remuxer.begin(at, &begin).await
            }
            Some(Item::Data(bytes, _place)) => {
                if at == 0 && !std::mem::replace(&mut told, true) {
                    let found = container_of(&bytes).unwrap_or("mpeg-ts");
                    sink.note(|f| f.container = Some(found));
                }
                remuxer.data(at, &bytes).await
            }
        };
        match taken {
            Ok(()) => {}
            Err(OutputEnd::Gone) => return Ok(()),
            Err(OutputEnd::Failed(error)) => return Err(error),
        }
    }
    match remuxer.finish().await {
        Err(OutputEnd::Failed(error)) => Err(error),
        _ => Ok(()),
    }
}

/// The next item of the lane whose turn it is; of either if that one is late. No lane if it has just
/// become late.
async fn next(lanes: &mut [Lane; 2], turn: usize) -> (Option<usize>, Option<Item>) {
    let [a, b] = lanes;
    let (first, second) = if turn == 0 { (a, b) } else { (b, a) };
    if first.late && !second.ended {
        tokio::select! {
            biased;
            item = first.items.next() => {
                first.late = false;
                (Some(turn), item)
            }
            item = second.items.next() => (Some(1 - turn), item),
        }
    } else if second.ended {
        (Some(turn), first.items.next().await)
    } else if let Ok(item) = tokio::time::timeout(PATIENCE, first.items.next()).await {
        (Some(turn), item)
    } else {
        first.late = true;
        (None, None)
    }
}

struct Lane {
    items: LaneReceiver,
    /// How much media has begun.
    position: Duration,
    /// Of the segment that is read.
    place: Option<Place>,
    late: bool,
    ended: bool,
}

impl Lane {
    fn new(items: LaneReceiver) -> Self {
        Self {
            items,
            position: Duration::ZERO,
            place: None,
            late: false,
            ended: false,
        }
    }
}

/// Remuxes into a sink, and decides which damage ends the pull.
pub(in crate::ingest) struct Remuxer<'a> {
    remux: Remux,
    sink: &'a Sink,
    out: Vec<Output>,
    /// Damaged segments in a row, of each input.
    damaged: Vec<u32>,
    /// Whether the segment that is read is damaged.
    is_damaged: Vec<bool>,
    offsets: Vec<i64>,
}

impl<'a> Remuxer<'a> {
    pub(super) fn new(inputs: Vec<InputOptions>, hold: Duration, sink: &'a Sink) -> Self {
        let count = inputs.len();
        let limits = Limits {
            hold,
            ..Limits::default()
        };
        Self {
            remux: Remux::new(inputs, limits),
            sink,
            out: Vec::new(),
            damaged: vec![0; count],
            is_damaged: vec![false; count],
            offsets: vec![0; count],
        }
    }

    pub(super) async fn begin(&mut self, input: usize, begin: &Begin) -> Result<(), OutputEnd> {
        if !std::mem::take(&mut self.is_damaged[input]) {
            self.damaged[input] = 0;
        }
        if begin.joint == Break::Jump {
            self.remux.discontinuity(input, &mut self.out);
        } else {
            self.remux.segment(input);
        }
        if self.offsets[input] != begin.offset {
            self.offsets[input] = begin.offset;
            self.remux.set_offset(input, begin.offset);
        }
        if let Some(init) = &begin.init {
            self.push(input, init)?;
            self.remux.segment(input);
        }
        self.flush().await
    }

    pub(super) async fn data(&mut self, input: usize, bytes: &[u8]) -> Result<(), OutputEnd> {
        self.push(input, bytes)?;
        self.flush().await
    }

    pub(super) async fn end(&mut self, input: usize) -> Result<(), OutputEnd> {
        self.remux.end(input, &mut self.out);
        self.flush().await
    }

    pub(super) async fn finish(&mut self) -> Result<(), OutputEnd> {
        self.remux.finish(&mut self.out);
        self.flush().await
    }

    fn push(&mut self, input: usize, bytes: &[u8]) -> Result<(), OutputEnd> {
        let Err(error) = self.remux.push(input, bytes, &mut self.out) else {
            return Ok(());
        };
        // One bad segment is passed over, as one that cannot be fetched is.
        if matches!(error, RemuxError::NotMedia(_)) && !self.is_damaged[input] {
            tracing::debug!("a segment is damaged: {error}");
            self.is_damaged[input] = true;
            self.damaged[input] += 1;
        }
        if matches!(error, RemuxError::NotMedia(_)) && self.damaged[input] < MAX_LOST {
            return Ok(());
        }
        Err(OutputEnd::Failed(error.into()))
    }

    async fn flush(&mut self) -> Result<(), OutputEnd> {
        for output in self.out.drain(..) {
            match output {
                Output::Data(bytes) => self.sink.data(bytes).await?,
                Output::Discontinuity => self.sink.discontinuity().await?,
                Output::Notice(notice) => heed(&notice)?,
            }
        }
        Ok(())
    }
}

/// A picture that cannot be carried ends the pull, so that it can be converted elsewhere; sound that
/// cannot is left out.
fn heed(notice: &Notice) -> Result<(), OutputEnd> {
    let Notice::Unsupported { kind, codec, .. } = notice else {
        return Ok(());
    };
    if *kind == Kind::Video {
        return Err(OutputEnd::Failed(not_carried(codec)));
    }
    tracing::warn!("a track of the source is left out: MPEG-TS does not carry {codec}");
    Ok(())
}

/// The error for a codec that MPEG-TS does not carry.
pub(in crate::ingest) fn not_carried(codec: &str) -> IngestError {
    let text = format!("the source's codec {codec} has to be converted, which is not done here");
    IngestError::new(Stage::Demux, Cause::Unsupported, text)
}

/// The container that has to be remuxed, by its first bytes; `None` for MPEG-TS and what is not
/// recognised.
pub(super) fn container_of(start: &[u8]) -> Option<&'static str> {
    if matches!(
        start.get(4..8),
        Some(b"ftyp" | b"styp" | b"moof" | b"moov" | b"sidx" | b"emsg" | b"prft")
    ) {
        return Some("fmp4");
    }
    let packed = start.starts_with(b"ID3")
        || start.starts_with(&[0x0b, 0x77])
        || matches!(start, [0xff, second, ..] if second & 0xe0 == 0xe0);
    packed.then_some("packed audio")
}
