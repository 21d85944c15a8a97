//! Transport streams as an input beside others, such as video whose sound comes from elsewhere.

use super::format::{Carriage, Event, Format, Found, Frame};
use crate::ts::{self, Kind, Units, WRAP, descriptors, distance};

/// Descriptors that go on into the map of the output: registration, AC-3, E-AC-3, AAC, extension.
const KEPT: [u8; 5] = [0x05, 0x6a, 0x7a, 0x7c, 0x7f];

/// See the module's page.
#[derive(Default)]
pub(super) struct Reader {
    units: Units,
    formats: Vec<Format>,
}

impl Reader {
    /// The next event, taking bytes from the front of `data`; `None` when more are needed.
    pub(super) fn next(&mut self, data: &mut &[u8]) -> Option<Event> {
        loop {
            match self.units.next(data)? {
                ts::Found::Streams(streams) => {
                    self.formats = streams.iter().map(format).collect();
                    let tracks = (self.formats.iter())
                        .map(|format| Found {
                            kind: format.kind(),
                            carriage: Carriage::Carried(format.clone()),
                        })
                        .collect();
                    return Some(Event::Tracks {
                        tracks,
                        complete: true,
                    });
                }
                ts::Found::Unit(track, piece) => {
                    let Some(format) = self.formats.get(track) else {
                        continue;
                    };
                    return Some(Event::Frame(Frame {
                        track,
                        dts: piece.dts & (WRAP - 1),
                        cts: distance(piece.dts, piece.pts),
                        duration: 0,
                        key: piece.key || format.kind() == Kind::Audio,
                        data: piece.data,
                    }));
                }
            }
        }
    }

    /// No more comes of this segment.
    pub(super) fn flush(&mut self) {
        self.units.flush();
    }
}

fn format(stream: &ts::Stream) -> Format {
    let kept = descriptors(&stream.listed.descriptors).filter(|(tag, _)| KEPT.contains(tag));
    let kept: Vec<u8> = kept
        .flat_map(|(tag, content)| [&[tag, content.len() as u8], content].concat())
        .collect();
    let language = descriptors(&stream.listed.descriptors)
        .find_map(|(tag, content)| (tag == 0x0a).then(|| content.first_chunk::<3>())?);
    let language = language.and_then(|code| std::str::from_utf8(code).ok());
    Format {
        stream_type: stream.listed.stream_type,
        descriptors: kept,
        ..Format::new(stream.codec)
    }
    .spoken(language)
}
