//! A remuxer whose output goes to a sink.

use super::error::{Cause, IngestError, Stage};
use super::sink::{Gone, Sink};
use crate::remux::{Container, InputOptions, Limits, Need, Notice, Output, Remux, RemuxError};
use crate::ts;

/// The one input of these remuxers.
const INPUT: usize = 0;

/// Turns one container into MPEG-TS for a sink.
pub(super) struct Remuxed<'a> {
    remux: Remux,
    out: Vec<Output>,
    sink: &'a Sink,
}

/// Why a pull ends here.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody takes the bytes any more.
    Gone,
    /// The media cannot be carried.
    Failed(IngestError),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<IngestError> for Stop {
    fn from(error: IngestError) -> Self {
        Self::Failed(error)
    }
}

impl<'a> Remuxed<'a> {
    pub(super) fn new(container: Container, limits: Limits, sink: &'a Sink) -> Self {
        Self {
            remux: Remux::new(vec![InputOptions::new(container)], limits),
            out: Vec::new(),
            sink,
        }
    }

    /// The next bytes of the container.
    pub(super) async fn push(&mut self, data: &[u8]) -> Result<(), Stop> {
        let read = self.remux.push(INPUT, data, &mut self.out);
        self.deliver(read).await
    }

    /// The next tag of FLV that comes without its container.
    pub(super) async fn flv_tag(
        &mut self,
        kind: u8,
        timestamp: u32,
        body: &[u8],
    ) -> Result<(), Stop> {
        let read = self
            .remux
            .flv_tag(INPUT, kind, timestamp, body, &mut self.out);
        self.deliver(read).await
    }

    /// Where the container has to be read on.
    pub(super) fn need(&self) -> Need {
        self.remux.need(INPUT)
    }

    /// The next bytes pushed are those from this offset on.
    pub(super) fn seek(&mut self, offset: u64) {
        self.remux.seek(INPUT, offset);
    }

    /// Delivers what is held back: nothing more comes.
    pub(super) async fn finish(&mut self) -> Result<(), Stop> {
        self.remux.finish(&mut self.out);
        self.deliver(Ok(())).await
    }

    /// What came before a failure is delivered, too.
    async fn deliver(&mut self, read: Result<(), RemuxError>) -> Result<(), Stop> {
        for output in self.out.drain(..) {
            match output {
                Output::Data(bytes) => self.sink.data(bytes).await?,
                Output::Discontinuity => self.sink.discontinuity().await?,
                Output::Notice(notice) => judge(notice)?,
            }
        }
        read.map_err(|error| IngestError::from(error).into())
    }
}

/// Sound without its picture is not what was asked for; a picture without one of its sounds is. With
/// [`Stage::Demux`] and [`Cause::Unsupported`] the container was read well, and what is in it has to
/// be converted, as where TS can carry none of the tracks.
fn judge(notice: Notice) -> Result<(), IngestError> {
    let Notice::Unsupported { kind, codec, .. } = notice else {
        return Ok(());
    };
    if kind == ts::Kind::Video {
        return Err(IngestError::new(
            Stage::Demux,
            Cause::Unsupported,
            format!("MPEG-TS cannot carry the video of the source, which is {codec}"),
        ));
    }
    tracing::warn!(
        codec,
        "a track of the source is left out: MPEG-TS cannot carry it"
    );
    Ok(())
}
