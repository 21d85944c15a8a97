//! What has to be done to the samples of a track so that a transport stream can carry them.

use crate::remux::audio::{self, Aac};
use crate::remux::nal;
use crate::ts::Codec;

/// How samples are turned into units of a transport stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::remux) enum Coding {
    Nal(nal::Config),
    /// MPEG-2 or MPEG-4 part 2 video: headers that belong before keyframes.
    Headed(Vec<u8>),
    Aac(Aac),
    Opus,
    /// Frames with headers of their own.
    Plain,
}

impl Coding {
    /// The unit of a sample and whether decoding can start there; `None` when it is damaged.
    pub(in crate::remux) fn unit(
        &self,
        codec: Codec,
        sample: Vec<u8>,
        sync: bool,
    ) -> Option<(Vec<u8>, bool)> {
        if sample.is_empty() {
            return None;
        }
        match self {
            Self::Nal(config) => {
                let (unit, key) = config.access_unit(&sample, sync);
                (unit.len() > 8).then_some((unit, key))
            }
            Self::Headed(head) => {
                // MPEG-4 visual: a visual object sequence, a video object or its layer; else a sequence header.
                let headed = match sample.get(..4) {
                    Some([0, 0, 1, code]) if codec == Codec::Mpeg4Video => {
                        matches!(code, 0xb0 | 0..=0x2f)
                    }
                    Some([0, 0, 1, code]) => *code == 0xb3,
                    _ => false,
                };
                if sync && !headed && !head.is_empty() {
                    return Some(([&head[..], &sample].concat(), true));
                }
                Some((sample, sync))
            }
            Self::Aac(aac) => aac.adts(&sample).map(|frame| (frame, true)),
            Self::Opus => Some((audio::opus(&sample), true)),
            Self::Plain => Some((sample, true)),
        }
    }

    /// How long a sample of sound lasts in 90 kHz, if its codec says; else 0.
    pub(in crate::remux) fn duration(&self, sample: &[u8]) -> i64 {
        match self {
            Self::Aac(aac) => aac.duration(),
            Self::Opus => audio::opus_duration(sample),
            Self::Plain => audio::header(sample)
                .map_or(0, |h| crate::remux::format::span(h.samples.into(), h.rate)),
            _ => 0,
        }
    }
}
