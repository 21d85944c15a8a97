//! Pulls an HLS source: the best variant, and the sound that goes with it.

mod beside;
mod track;

use std::time::Instant;

use url::Url;

use super::charset::to_utf8;
use super::demand::Demand;
use super::error::{Cause, IngestError, Stage};
use super::fetch::{Answer, Fetcher, Manners};
use super::progress;
use super::segmented::{self, LEAST_HEIGHT, Output};
use super::sink::Sink;
use crate::base::clock;
use crate::hls::{
    self, MediaPlaylist, Multivariant, Playlist, PlaylistError, Variables, Variant, Want,
};
use crate::remux::{Container, InputOptions};
use crate::stream::Source;
use beside::Beside;
use track::{Address, Track};

/// Multivariant playlists that lead to multivariant playlists.
const MAX_NESTING: usize = 3;
/// What is enough when nobody watches.
const CHEAPEST: Want = Want::AtLeast {
    height: LEAST_HEIGHT,
};

/// Pulls the stream of the playlist that `answer` has brought, as it is asked.
pub(super) async fn pull(
    fetcher: &Fetcher,
    manners: &Manners,
    source: &Source,
    answer: Answer,
    body: &[u8],
    sink: &Sink,
) -> Result<(), IngestError> {
    sink.note(|found| found.protocol = Some("hls".to_owned()));
    sink.follows();
    let context = Context {
        fetcher,
        manners,
        sink,
    };
    let asked = sink.asked();
    let mut demand = asked.demand();
    let mut first = First::new(answer.url, body, clock::now())?;
    if sink.serves(demand).await.is_err() {
        return Ok(());
    }
    loop {
        // Whoever joins is not to wait for the rest of what only the monitor wanted.
        let joined = |new| new == Demand::Watched && demand != Demand::Watched;
        demand = tokio::select! {
            ended = Box::pin(context.serve(demand, first)) => match ended? {
                Some(new) => new,
                None => return Ok(()),
            },
            new = asked.demands(joined) => new,
        };
        let started = clock::now();
        let begun = segmented::begin_anew(fetcher, manners, source, (sink, demand)).await?;
        let Some((answer, body)) = begun else {
            return Ok(());
        };
        first = First::new(answer.url, &body, started)?;
    }
}

impl Context<'_> {
    /// Pulls until the playlist ends, or something else is asked that needs another beginning.
    async fn serve(&self, demand: Demand, first: First) -> Result<Option<Demand>, IngestError> {
        // Large futures whose room an idle pull need not keep.
        let choice = Box::pin(self.choose(first, demand)).await?;
        self.sink.reached(Stage::Manifest);
        let Choice {
            main,
            first,
            audio,
            others,
            best_is_cheapest,
        } = choice;
        let beside = Beside::new(others);
        let audio = match audio {
            Some(audio) if demand != Demand::Sampled => {
                return tokio::select! {
                    ended = Box::pin(pull_both(self, (main, first), audio, beside)) => ended.map(|()| None),
                    new = self.sink.asked().demands(|new| new != demand) => Ok(Some(new)),
                };
            }
            audio => audio,
        };
        let changes = audio.is_none() && (best_is_cheapest || demand != Demand::Watched);
        let mut track = Track::new(self, main, Output::new(self.sink)).with(beside);
        track.serve(demand, changes, audio);
        track.accept(first.0, first.1).await;
        track.run().await
    }
}

/// Pictures from one playlist, sound from the other.
async fn pull_both(
    context: &Context<'_>,
    (main, first): (Address, (MediaPlaylist, Instant)),
    audio: Audio,
    beside: Beside,
) -> Result<(), IngestError> {
    let (to_main, from_main) = segmented::lane();
    let (to_audio, from_audio) = segmented::lane();
    let target = first.0.target_duration;
    let inputs = inputs(&audio);
    let mut video = Track::new(context, main, Output::Lane(to_main)).with(beside);
    let mut sound = Track::new(context, audio.address, Output::Lane(to_audio)).beside();
    video.accept(first.0, first.1).await;
    let merged = segmented::merge(
        inputs,
        [from_main, from_audio],
        segmented::hold(target),
        context.sink,
    );
    let video = async move { video.run().await };
    let sound = async move {
        match sound.run().await {
            // A picture without its sound is better than none.
            Err(error) if !sound.has_delivered() => {
                tracing::warn!("the source's separate sound cannot be pulled: {error}");
                Ok(())
            }
            ended => ended.map(|_| ()),
        }
    };
    tokio::try_join!(video, sound, merged).map(|_| ())
}

/// A picture from the first of two, the sound from the other.
fn inputs(audio: &Audio) -> [InputOptions; 2] {
    let mut inputs = [(); 2].map(|()| InputOptions::new(Container::Any));
    inputs[0].audio = false;
    inputs[1].video = false;
    inputs[1].language.clone_from(&audio.language);
    inputs
}

/// What each part of a pull needs.
struct Context<'a> {
    fetcher: &'a Fetcher,
    manners: &'a Manners,
    sink: &'a Sink,
}

/// What is pulled.
struct Choice {
    main: Address,
    /// Its playlist, and when its loading began.
    first: (MediaPlaylist, Instant),
    audio: Option<Audio>,
    /// Variants that are not pulled.
    others: Vec<Address>,
    /// There is only one variant, or the same one would be chosen for all demands.
    best_is_cheapest: bool,
}

/// The playlist that a source leads to.
struct First {
    address: Address,
    playlist: Playlist,
    /// When its loading began.
    started: Instant,
}

#[derive(Clone)]
struct Audio {
    address: Address,
    language: Option<String>,
}

impl First {
    fn new(url: Url, body: &[u8], started: Instant) -> Result<Self, IngestError> {
        let address = Address {
            url,
            variables: Variables::default(),
        };
        Ok(Self {
            playlist: parse(body, &address)?,
            address,
            started,
        })
    }
}

impl Context<'_> {
    /// Follows multivariant playlists to a media playlist.
    async fn choose(&self, first: First, demand: Demand) -> Result<Choice, IngestError> {
        let First {
            mut address,
            playlist,
            started,
        } = first;
        let mut playlist = (playlist, started);
        let (mut audio, mut others) = (None, Vec::new());
        let mut best_is_cheapest = true;
        for _ in 0..=MAX_NESTING {
            let all = match playlist.0 {
                Playlist::Media(media) => {
                    return Ok(Choice {
                        main: address,
                        first: (media, playlist.1),
                        audio,
                        others,
                        best_is_cheapest,
                    });
                }
                Playlist::Multivariant(all) => all,
            };
            let (best, cheapest) = (choose(&all, Want::Best)?, choose(&all, CHEAPEST)?);
            best_is_cheapest &= best.uri == cheapest.uri;
            let variant = match demand {
                Demand::Watched => best,
                Demand::Scanned | Demand::Sampled => cheapest,
            };
            self.sink
                .note(|found| found.variants = offered(&all, variant));
            audio = sound(&all, variant).or(audio);
            others = beside::of(&all, variant);
            address = Address {
                url: variant.uri.clone(),
                variables: all.variables.clone(),
            };
            let started = clock::now();
            playlist = (self.load(&mut address).await?, started);
        }
        let text = format!("multivariant playlists are nested more than {MAX_NESTING} deep");
        Err(IngestError::new(Stage::Manifest, Cause::Limit, text))
    }
}

fn choose(all: &Multivariant, want: Want) -> Result<&Variant, IngestError> {
    let variant = hls::choose(&all.variants, want)
        .ok_or_else(|| manifest_error(&PlaylistError::NoVariants))?;
    match variant.not_carried() {
        None => Ok(variant),
        Some(codec) => Err(segmented::not_carried(codec)),
    }
}

/// The sound of a variant, where it has a playlist of its own.
fn sound(all: &Multivariant, variant: &Variant) -> Option<Audio> {
    let audio = all.audio_of(variant)?;
    Some(Audio {
        address: Address {
            url: audio.uri.clone()?,
            variables: all.variables.clone(),
        },
        language: audio.language.clone(),
    })
}

fn offered(all: &Multivariant, chosen: &Variant) -> Vec<progress::Variant> {
    let tell = |variant: &Variant| {
        let audio = all.audio_of(variant);
        progress::Variant {
            bandwidth: Some(variant.bandwidth).filter(|b| *b > 0),
            resolution: variant.resolution.map(|(w, h)| (w.into(), h.into())),
            codecs: variant.codecs.clone(),
            language: audio.and_then(|audio| audio.language.clone()),
            chosen: std::ptr::eq(variant, chosen),
        }
    };
    all.variants.iter().map(tell).collect()
}

fn parse(body: &[u8], address: &Address) -> Result<Playlist, IngestError> {
    let limits = hls::Limits::default();
    hls::parse_child(&to_utf8(body), &address.url, &limits, &address.variables)
        .map_err(|e| manifest_error(&e))
}

fn manifest_error(error: &PlaylistError) -> IngestError {
    let cause = match error {
        PlaylistError::Encrypted { .. } => Cause::Drm,
        PlaylistError::TooLarge { .. }
        | PlaylistError::TooManySegments { .. }
        | PlaylistError::TooManyVariants { .. }
        | PlaylistError::UriTooLong { .. } => Cause::Limit,
        _ => Cause::NotMedia,
    };
    IngestError::new(Stage::Manifest, cause, error.to_string())
}
