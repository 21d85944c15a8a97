//! Which representations of a period to pull.

use std::cmp::Reverse;

use super::error::MpdError;
use super::mpd::{AdaptationSet, Kind, Period, Representation};
use crate::ts;
use crate::ts::rfc6381;

/// What is pulled of a period.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'m> {
    /// The picture, perhaps with sound; the sound if there is no picture.
    pub main: Chosen<'m>,
    /// Sound beside the picture.
    pub audio: Option<Chosen<'m>>,
}

/// A representation and the set that it is in.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'m> {
    /// Its set.
    pub set: &'m AdaptationSet,
    /// It.
    pub representation: &'m Representation,
}

/// What to choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The highest bandwidth.
    Best,
    /// The lowest bandwidth among the pictures that are tall enough, else among those that do not say; the tallest
    /// if all are too small.
    AtLeast {
        /// Lines of the picture.
        height: u64,
    },
}

impl Want {
    /// The greatest is what is wanted.
    fn rank(self, representation: &Representation) -> impl Ord + use<> {
        let height = representation.size.map(|(_, height)| height);
        let cheap = Reverse(representation.bandwidth);
        match self {
            Self::Best => (0, representation.bandwidth, Reverse(0)),
            Self::AtLeast { height: least } => match height {
                Some(height) if height < least => (0, height, cheap),
                Some(_) => (2, 0, cheap),
                None => (1, 0, cheap),
            },
        }
    }
}

/// Picks the wanted picture among those that MPEG-TS carries, and of the first sound, or the main one, the wanted
/// representation. The protected are left alone.
///
/// # Errors
/// [`MpdError::Empty`] without picture and sound, [`MpdError::Protected`] if the picture, or all sound where there is no
/// picture, is.
pub fn choose(period: &Period, want: Want) -> Result<Choice<'_>, MpdError> {
    let video = best(period, Kind::Video, |_, chosen| {
        want.rank(chosen.representation)
    });
    let audio = best(period, Kind::Audio, |at, chosen| {
        (
            chosen.set.main,
            Reverse(at),
            want.rank(chosen.representation),
        )
    });
    match (video, audio) {
        (Some(main), audio) => Ok(Choice {
            main,
            audio: audio.filter(|_| !main.representation.has_sound()),
        }),
        (None, _) if is_protected(period, Kind::Video) => Err(MpdError::Protected),
        (None, Some(main)) => Ok(Choice { main, audio: None }),
        (None, None) if is_protected(period, Kind::Audio) => Err(MpdError::Protected),
        (None, None) => Err(MpdError::Empty),
    }
}

/// The best of a kind: carried before all, then by `rank` (which is given the index of its set), then the first.
fn best<R: Ord>(
    period: &Period,
    kind: Kind,
    rank: impl Fn(usize, &Chosen<'_>) -> R,
) -> Option<Chosen<'_>> {
    let all = period.sets.iter().enumerate().flat_map(|(at, set)| {
        set.representations.iter().map(move |representation| {
            (
                at,
                Chosen {
                    set,
                    representation,
                },
            )
        })
    });
    let clear = all.filter(|(_, c)| c.representation.kind == kind && !c.representation.protected);
    clear
        .first_max_by_key(|(at, chosen)| {
            (
                chosen.representation.not_carried().is_none(),
                rank(*at, chosen),
            )
        })
        .map(|(_, chosen)| chosen)
}

fn is_protected(period: &Period, kind: Kind) -> bool {
    let mut all = period.sets.iter().flat_map(|set| &set.representations);
    all.any(|representation| representation.kind == kind && representation.protected)
}

/// The first of the greatest, where `max_by_key` gives the last.
trait FirstMax: Iterator + Sized {
    fn first_max_by_key<K: Ord>(self, key: impl Fn(&Self::Item) -> K) -> Option<Self::Item> {
        self.reduce(|best, other| {
            if key(&other) > key(&best) {
                other
            } else {
                best
            }
        })
    }
}

impl<I: Iterator> FirstMax for I {}

impl Representation {
    /// A codec it names for picture or sound that MPEG-TS does not carry.
    pub fn not_carried(&self) -> Option<&str> {
        let media = |kind| matches!(kind, ts::Kind::Video | ts::Kind::Audio);
        rfc6381::named(self.codecs.as_deref()?)
            .find(|(_, codec)| media(codec.kind) && !codec.carried)
            .map(|(name, _)| name)
    }

    fn has_sound(&self) -> bool {
        let codecs = self.codecs.as_deref().unwrap_or_default();
        self.kind == Kind::Video && rfc6381::named(codecs).any(|(_, c)| c.kind == ts::Kind::Audio)
    }
}
