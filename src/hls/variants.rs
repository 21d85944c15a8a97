//! Multivariant playlists (RFC 8216, 4.3.4): reading them, and choosing one variant and its sound.

use std::cmp::Ordering;

use url::Url;

use super::lines::{self, Line};
use super::playlist::{PlaylistError, Resolver};
use super::variables::Variables;
use crate::ts::Kind;
use crate::ts::rfc6381;

/// The encodings of one presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Multivariant {
    /// Never empty.
    pub variants: Vec<Variant>,
    /// The members of all audio groups.
    pub audio: Vec<AudioRendition>,
    /// What its media playlists may import.
    pub variables: Variables,
}

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
}

/// One member of an audio group, from `EXT-X-MEDIA` (4.3.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioRendition {
    /// `GROUP-ID`.
    pub group: String,
    /// Its media playlist; `None` if it is in the segments of the variants.
    pub uri: Option<Url>,
    /// `LANGUAGE`, a BCP 47 tag, as written.
    pub language: Option<String>,
    /// `DEFAULT=YES`.
    pub default: bool,
    /// `AUTOSELECT=YES`.
    pub autoselect: bool,
}

impl Multivariant {
    /// The sound that goes with a variant: of its group the default one, else one to select
    /// automatically, else the first. `None` if it names no group, and if it is that sound itself.
    pub fn audio_of(&self, variant: &Variant) -> Option<&AudioRendition> {
        let group = variant.audio_group.as_deref()?;
        let members = || self.audio.iter().filter(|audio| audio.group == group);
        members()
            .find(|audio| audio.default)
            .or_else(|| members().find(|audio| audio.autoselect))
            .or_else(|| members().next())
            .filter(|audio| audio.uri.as_ref() != Some(&variant.uri))
    }
}

impl Variant {
    /// False if the playlist says that it is sound only.
    pub fn has_video(&self) -> bool {
        self.resolution.is_some()
            || self.codecs().is_none_or(|codecs| {
                rfc6381::named(codecs).any(|(_, codec)| codec.kind == Kind::Video)
            })
    }

    /// A codec it names for picture or sound that MPEG-TS does not carry.
    pub fn not_carried(&self) -> Option<&str> {
        let media = |kind| matches!(kind, Kind::Video | Kind::Audio);
        rfc6381::named(self.codecs()?)
            .find(|(_, codec)| media(codec.kind) && !codec.carried)
            .map(|(name, _)| name)
    }

    fn codecs(&self) -> Option<&str> {
        let codecs = self.codecs.as_deref();
        codecs.filter(|codecs| !codecs.trim().is_empty())
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
    /// The lowest bandwidth among those that are tall enough, else among those that do not say; the
    /// tallest if all are too small.
    AtLeast {
        /// Lines of the picture.
        height: u32,
    },
}

/// Picks a variant, `None` only from an empty list. What MPEG-TS carries comes before all, then video before sound
/// alone, then what is wanted, then the order of the playlist.
pub fn choose(variants: &[Variant], want: Want) -> Option<&Variant> {
    let kind = |v: &Variant| (v.not_carried().is_none(), v.has_video());
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
    let height = |v: &Variant| v.resolution.map(|(_, height)| height);
    let limit = match want {
        Want::Best => return by_bandwidth,
        Want::AtMost { height } => height,
        Want::AtLeast { height: least } => {
            let small = |v: &Variant| height(v).filter(|height| *height < least);
            let tall = |v: &Variant| height(v).is_some_and(|height| height >= least);
            // Not to say it is no reason to be cheap.
            let cost = |v: &Variant| v.bandwidth.checked_sub(1).unwrap_or(u64::MAX);
            return match (small(a), small(b)) {
                (Some(a), Some(b)) => a.cmp(&b).then(by_bandwidth.reverse()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => (tall(a).cmp(&tall(b))).then(cost(b).cmp(&cost(a))),
            };
        }
    };
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

pub(super) fn read(text: &str, resolver: &mut Resolver<'_>) -> Result<Multivariant, PlaylistError> {
    let limit = resolver.limits.variants;
    let (mut variants, mut audio) = (Vec::new(), Vec::new());
    let mut described = None;
    for (number, line) in lines::lines(text) {
        if variants.len() > limit || audio.len() > limit {
            return Err(PlaylistError::TooManyVariants { limit });
        }
        match line {
            Line::Tag { name, value } => match name {
                "EXT-X-STREAM-INF" => described = Some(resolver.expand(value, number)?),
                "EXT-X-MEDIA" => {
                    let value = resolver.expand(value, number)?;
                    audio.extend(describe_audio(&value, number, resolver)?);
                }
                "EXT-X-DEFINE" => resolver.define(value, number)?,
                _ => {}
            },
            Line::Uri(uri) => {
                let Some(attributes) = described.take() else {
                    continue;
                };
                let uri = resolver.expand(uri, number)?;
                variants.push(describe(resolver.resolve(&uri, number)?, &attributes));
            }
        }
    }
    if variants.len() > limit || audio.len() > limit {
        return Err(PlaylistError::TooManyVariants { limit });
    }
    if variants.is_empty() {
        return Err(PlaylistError::NoVariants);
    }
    Ok(Multivariant {
        variants,
        audio,
        variables: std::mem::take(&mut resolver.variables),
    })
}

/// `None` for what is not audio.
fn describe_audio(
    attributes: &str,
    line: usize,
    resolver: &mut Resolver<'_>,
) -> Result<Option<AudioRendition>, PlaylistError> {
    let mut audio = AudioRendition {
        group: String::new(),
        uri: None,
        language: None,
        default: false,
        autoselect: false,
    };
    let mut kind = "";
    let mut uri = "";
    for (name, value) in lines::attributes(attributes) {
        match name {
            "TYPE" => kind = value,
            "GROUP-ID" => value.clone_into(&mut audio.group),
            "URI" => uri = value,
            "LANGUAGE" => audio.language = Some(value.to_owned()).filter(|l| !l.is_empty()),
            "DEFAULT" => audio.default = value == "YES",
            "AUTOSELECT" => audio.autoselect = value == "YES",
            _ => {}
        }
    }
    if !kind.eq_ignore_ascii_case("AUDIO") {
        return Ok(None);
    }
    if !uri.is_empty() {
        audio.uri = Some(resolver.resolve(uri, line)?);
    }
    Ok(Some(audio))
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
