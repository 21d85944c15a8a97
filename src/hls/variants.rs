//! Multivariant playlists (RFC 8216, 4.3.4): reading them, and choosing one variant.

use std::cmp::Ordering;
use std::collections::HashMap;

use url::Url;

use super::lines::{self, Line};
use super::playlist::{PlaylistError, Resolver};

/// One encoding of the presentation, from `EXT-X-STREAM-INF` and the line after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its media playlist: absolute, http or https.
    pub uri: Url,
    /// Peak bits per second; 0 where the playlist does not say.
    pub bandwidth: u64,
    /// Average bits per second.
    pub average_bandwidth: Option<u64>,
    /// Width and height of the picture.
    pub resolution: Option<(u32, u32)>,
    /// Pictures per second, above 0.
    pub frame_rate: Option<f64>,
    /// RFC 6381 names, comma-separated, as written.
    pub codecs: Option<String>,
    /// `AUDIO`: the group of `EXT-X-MEDIA` that its sound comes from.
    pub audio_group: Option<String>,
    /// Every member of that group has a playlist of its own, so the variant itself may be silent.
    pub audio_is_separate: bool,
}

impl Variant {
    /// False if the playlist says that it is sound only.
    pub fn has_video(&self) -> bool {
        self.resolution.is_some()
            || self
                .codec_names()
                .is_none_or(|mut names| names.any(is_video))
    }

    /// False if it names a video codec that MPEG-TS does not carry.
    fn is_playable(&self) -> bool {
        self.codec_names()
            .is_none_or(|mut names| names.all(|name| !is_video(name) || in_ts(name)))
    }

    fn codec_names(&self) -> Option<impl Iterator<Item = &str>> {
        let codecs = self
            .codecs
            .as_deref()
            .filter(|codecs| !codecs.trim().is_empty())?;
        Some(
            codecs
                .split(',')
                .map(|name| name.split('.').next().unwrap_or_default().trim()),
        )
    }
}

/// What to choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The highest bandwidth.
    Best,
    /// The best that is not taller; the smallest if all are.
    AtMost {
        /// Lines of the picture.
        height: u32,
    },
}

/// Picks a variant, `None` only from an empty list. Playable comes before all, then video before sound alone, then
/// sound in the same segments, then what is wanted, then the order of the playlist.
pub fn choose(variants: &[Variant], want: Want) -> Option<&Variant> {
    let kind = |v: &Variant| (v.is_playable(), v.has_video(), !v.audio_is_separate);
    variants.iter().reduce(|best, other| {
        let order = kind(other)
            .cmp(&kind(best))
            .then_with(|| compare(other, best, want));
        if order == Ordering::Greater {
            other
        } else {
            best
        }
    })
}

fn compare(a: &Variant, b: &Variant, want: Want) -> Ordering {
    let by_bandwidth = a.bandwidth.cmp(&b.bandwidth);
    let Want::AtMost { height: limit } = want else {
        return by_bandwidth;
    };
    let height = |v: &Variant| v.resolution.map(|(_, height)| height);
    match (height(a), height(b)) {
        (Some(a), Some(b)) => match (a <= limit, b <= limit) {
            (true, true) => a.cmp(&b).then(by_bandwidth),
            (false, false) => b.cmp(&a).then(by_bandwidth.reverse()),
            (a_fits, b_fits) => a_fits.cmp(&b_fits),
        },
        // An unknown height is better than one known to be too tall, worse than one that fits.
        (Some(a), None) => {
            if a <= limit {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (None, Some(b)) => {
            if b <= limit {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        // Without any heights the smallest is the one most likely to fit.
        (None, None) => by_bandwidth.reverse(),
    }
}

fn is_video(codec: &str) -> bool {
    const NAMES: [&str; 12] = [
        "avc1", "avc3", "hvc1", "hev1", "mp4v", "mp2v", "dvh1", "dvhe", "dvav", "vp09", "av01",
        "vvc1",
    ];
    NAMES.iter().any(|name| codec.eq_ignore_ascii_case(name))
}

fn in_ts(codec: &str) -> bool {
    const NAMES: [&str; 6] = ["avc1", "avc3", "hvc1", "hev1", "mp4v", "mp2v"];
    NAMES.iter().any(|name| codec.eq_ignore_ascii_case(name))
}

pub(super) fn read(text: &str, resolver: &mut Resolver<'_>) -> Result<Vec<Variant>, PlaylistError> {
    let limit = resolver.limits.variants;
    let mut variants = Vec::new();
    let mut groups = HashMap::new();
    let mut described = None;
    for (number, line) in lines::lines(text) {
        match line {
            Line::Tag {
                name: "EXT-X-STREAM-INF",
                value,
            } => described = Some(value),
            Line::Tag {
                name: "EXT-X-MEDIA",
                value,
            } => note_audio(value, &mut groups),
            Line::Tag { .. } => {}
            Line::Uri(uri) => {
                let Some(attributes) = described.take() else {
                    continue;
                };
                if variants.len() >= limit {
                    return Err(PlaylistError::TooManyVariants { limit });
                }
                variants.push(describe(resolver.resolve(uri, number)?, attributes));
            }
        }
    }
    for variant in &mut variants {
        let group = variant.audio_group.as_deref();
        variant.audio_is_separate = group.is_some_and(|name| groups.get(name) == Some(&true));
    }
    if variants.is_empty() {
        Err(PlaylistError::NoVariants)
    } else {
        Ok(variants)
    }
}

/// Notes of each audio group whether all its members have a URI; a member without one is in the variant's own
/// segments (4.3.4.1).
fn note_audio<'a>(value: &'a str, groups: &mut HashMap<&'a str, bool>) {
    let (mut kind, mut group, mut has_uri) = ("", "", false);
    for (name, value) in lines::attributes(value) {
        match name {
            "TYPE" => kind = value,
            "GROUP-ID" => group = value,
            "URI" => has_uri = !value.is_empty(),
            _ => {}
        }
    }
    if kind.eq_ignore_ascii_case("AUDIO") {
        *groups.entry(group).or_insert(true) &= has_uri;
    }
}

fn describe(uri: Url, attributes: &str) -> Variant {
    let mut variant = Variant {
        uri,
        bandwidth: 0,
        average_bandwidth: None,
        resolution: None,
        frame_rate: None,
        codecs: None,
        audio_group: None,
        audio_is_separate: false,
    };
    let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    for (name, value) in lines::attributes(attributes) {
        match name {
            "BANDWIDTH" => variant.bandwidth = lines::integer(value).unwrap_or(0),
            "AVERAGE-BANDWIDTH" => variant.average_bandwidth = lines::integer(value),
            "RESOLUTION" => variant.resolution = lines::resolution(value),
            "FRAME-RATE" => {
                variant.frame_rate = value
                    .parse()
                    .ok()
                    .filter(|r: &f64| r.is_finite() && *r > 0.0);
            }
            "CODECS" => variant.codecs = text(value),
            "AUDIO" => variant.audio_group = text(value),
            _ => {}
        }
    }
    variant
}
