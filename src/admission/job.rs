//! What a pipeline is to do, as far as its cost depends on it.

use std::fmt;
use std::sync::Arc;

use super::ledger::Cost;

/// Sorts of pipelines, named as their topologies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// Picture and sound are converted.
    EncodeBoth,
    /// The picture is converted, the sound copied.
    EncodeVideo,
    /// The picture is converted; there is no sound.
    EncodeVideoOnly,
    /// The sound is converted, the picture copied.
    EncodeAudio,
    /// Sound alone, converted.
    EncodeRadio,
    /// The built-in test source.
    Test,
}

/// Classes of source pictures by their pixels: within one, costs are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SizeClass {
    /// No picture, or one that is not decoded.
    None,
    /// Up to 768x576.
    Sd,
    /// Up to 1280x720.
    Hd,
    /// Up to 1920x1088.
    FullHd,
    /// Up to 4096x2304.
    Uhd,
    /// Larger ones.
    Huge,
}

/// A pipeline that is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its sort.
    pub work: Work,
    /// The name of its profile.
    pub profile: Arc<str>,
    /// Width times height of the source's picture; 0 when unknown or there is none.
    pub source_pixels: u64,
    /// Width times height of the picture that is encoded; 0 when none is.
    pub output_pixels: u64,
}

/// What costs are learned by. As text: `encode-both/medium/hd`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CostKey {
    /// The sort of pipeline.
    pub work: Work,
    /// The name of the profile.
    pub profile: Arc<str>,
    /// The class of the source.
    pub source: SizeClass,
}

impl Job {
    /// The key that its cost is learned by.
    pub fn key(&self) -> CostKey {
        let decodes = self.work.encodes_picture() && self.work != Work::Test;
        CostKey {
            work: self.work,
            profile: Arc::clone(&self.profile),
            source: SizeClass::of(if decodes { self.source_pixels } else { 0 }),
        }
    }

    /// A guess from measurements, for as long as nothing was learned: 8 MB and 0.02 core for
    /// sound, tables and queues; for the picture 22 bytes for each pixel of the source (the
    /// decoder's frames) and 40 for each encoded one (the encoder's references and lookahead),
    /// and 0.08 and 0.33 core for each million of them at 25 frames a second. From 720p to 720p
    /// that is 65 MB and 0.4 core.
    ///
    /// A picture that is decoded though its size is not known counts as 1920x1080. What is beyond
    /// 8192x4320 is not believed.
    pub fn default_cost(&self) -> Cost {
        const BASE: Cost = Cost {
            memory_bytes: 8_000_000,
            cpu_cores: 0.02,
        };
        if !self.work.encodes_picture() {
            return BASE;
        }
        let most = 8192 * 4320;
        let source = match (self.work, self.source_pixels) {
            (Work::Test, _) => 0,
            (_, 0) => 1920 * 1080,
            (_, pixels) => pixels.min(most),
        };
        let output = self.output_pixels.min(most);
        let millions = |pixels: u64| pixels as f32 / 1e6;
        BASE.plus(Cost {
            memory_bytes: 22 * source + 40 * output,
            cpu_cores: 0.08 * millions(source) + 0.33 * millions(output),
        })
    }
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EncodeBoth,
        Self::EncodeVideo,
        Self::EncodeVideoOnly,
        Self::EncodeAudio,
        Self::EncodeRadio,
        Self::Test,
    ];

    /// The name of its topology, also a label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EncodeBoth => "encode-both",
            Self::EncodeVideo => "encode-video",
            Self::EncodeVideoOnly => "encode-video-only",
            Self::EncodeAudio => "encode-audio",
            Self::EncodeRadio => "encode-radio",
            Self::Test => "test",
        }
    }

    /// Reads the name of a topology.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.as_str() == name)
    }

    /// Whether it encodes a picture, which is what costs.
    pub fn encodes_picture(self) -> bool {
        !matches!(self, Self::EncodeAudio | Self::EncodeRadio)
    }
}

impl SizeClass {
    const ALL: [Self; 6] = [
        Self::None,
        Self::Sd,
        Self::Hd,
        Self::FullHd,
        Self::Uhd,
        Self::Huge,
    ];

    /// The class of a picture of so many pixels.
    pub fn of(pixels: u64) -> Self {
        match pixels {
            0 => Self::None,
            1..=442_368 => Self::Sd,
            442_369..=921_600 => Self::Hd,
            921_601..=2_088_960 => Self::FullHd,
            2_088_961..=9_437_184 => Self::Uhd,
            _ => Self::Huge,
        }
    }

    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sd => "sd",
            Self::Hd => "hd",
            Self::FullHd => "full-hd",
            Self::Uhd => "uhd",
            Self::Huge => "huge",
        }
    }
}

impl CostKey {
    /// Reads the text form; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (work, profile, source) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let good = (1..=32).contains(&profile.len()) && profile.bytes().all(plain);
        if !good || parts.next().is_some() {
            return None;
        }
        Some(Self {
            work: Work::parse(work)?,
            profile: profile.into(),
            source: SizeClass::ALL.into_iter().find(|c| c.as_str() == source)?,
        })
    }
}

impl fmt::Display for CostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (work, source) = (self.work.as_str(), self.source.as_str());
        write!(f, "{work}/{}/{source}", self.profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(work: Work, source: u64, output: u64) -> Job {
        Job {
            work,
            profile: "medium".into(),
            source_pixels: source,
            output_pixels: output,
        }
    }

    #[test]
    fn the_guess_is_near_what_was_measured() {
        let of = |work, source, output| {
            let cost = job(work, source, output).default_cost();
            let cores = (cost.cpu_cores * 100.0).round() as u32;
            (cost.memory_bytes / 1_000_000, cores)
        };
        let (hd, full, sd) = (1280 * 720, 1920 * 1080, 720 * 404);
        assert_eq!(of(Work::EncodeBoth, hd, hd), (65, 40));
        assert_eq!(of(Work::EncodeBoth, full, hd), (90, 49));
        assert_eq!(of(Work::EncodeVideo, full, sd), (65, 28));
        assert_eq!(of(Work::EncodeBoth, 0, hd), of(Work::EncodeBoth, full, hd));
        assert_eq!(of(Work::EncodeAudio, full, 0), (8, 2));
        assert_eq!(of(Work::Test, 0, hd), (44, 32));
        let most = of(Work::EncodeBoth, u64::MAX, hd);
        assert!(most.0 < 1000, "{most:?}");
    }

    #[test]
    fn keys_round_trip_and_garbage_is_none() {
        let key = job(Work::EncodeBoth, 1280 * 720, 1).key();
        assert_eq!(key.to_string(), "encode-both/medium/hd");
        assert_eq!(CostKey::parse("encode-both/medium/hd"), Some(key));
        let audio = job(Work::EncodeAudio, 1280 * 720, 0).key();
        assert_eq!(audio.to_string(), "encode-audio/medium/none");
        let long = format!("test/{}/none", "x".repeat(33));
        for garbage in [
            "",
            "//",
            "test",
            "test//none",
            "test/a b/none",
            "nix/low/hd",
            "test/low/4k",
            "test/low/none/",
            long.as_str(),
        ] {
            assert_eq!(CostKey::parse(garbage), None, "{garbage:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_none(text in ".{0,60}") {
            if let Some(key) = CostKey::parse(&text) {
                prop_assert_eq!(key.to_string(), text);
            }
        }

        #[test]
        fn every_key_can_be_read_back(work in 0usize..6, profile in "[a-z0-9][a-z0-9_-]{0,31}", pixels: u64) {
            let key = Job {
                work: Work::ALL[work],
                profile: profile.into(),
                source_pixels: pixels,
                output_pixels: pixels,
            }
            .key();
            prop_assert_eq!(CostKey::parse(&key.to_string()), Some(key));
        }
    }
}
