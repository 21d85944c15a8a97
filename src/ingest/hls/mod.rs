//! Pulls an HLS source: the best variant, and the sound that goes with it.

mod track;

use std::time::Instant;

use url::Url;

use super::charset::to_utf8;
use super::error::{Cause, IngestError, Stage};
use super::fetch::{Fetcher, Manners};
use super::progress;
use super::segmented::{self, Output};
use super::sink::Sink;
use crate::base::clock;
use crate::hls::{
    self, MediaPlaylist, Multivariant, Playlist, PlaylistError, Variables, Variant, Want,
};
use crate::remux::{Container, InputOptions};
use track::{Address, Track};

/// Multivariant playlists that lead to multivariant playlists.
const MAX_NESTING: usize = 3;

/// Pulls the stream of a playlist that has been read from `url` already.
pub(super) async fn pull(
    fetcher: &Fetcher,
    manners: &Manners,
    url: Url,
    body: &[u8],
    sink: &Sink,
) -> Result<(), IngestError> {
    sink.note(|found| found.protocol = Some("hls".to_owned()));
    let context = Context {
        fetcher,
        manners,
        sink,
    };
    let choice = context.choose(url, body).await?;
    sink.reached(Stage::Manifest);
    let Choice { main, first, audio } = choice;
    match audio {
        None => {
            let mut track = Track::new(&context, main, Output::new(sink));
            track.accept(first.0, first.1).await;
            track.run().await
        }
        // Large, which the others need not make room for.
        Some(audio) => Box::pin(pull_both(&context, (main, first), audio)).await,
    }
}

/// Pictures from one playlist, sound from the other.
async fn pull_both(
    context: &Context<'_>,
    (main, first): (Address, (MediaPlaylist, Instant)),
    audio: Audio,
) -> Result<(), IngestError> {
    let (to_main, from_main) = segmented::lane();
    let (to_audio, from_audio) = segmented::lane();
    let target = first.0.target_duration;
    let mut inputs = [(); 2].map(|()| InputOptions::new(Container::Any));
    inputs[0].audio = false;
    inputs[1].video = false;
    inputs[1].language = audio.language;
    let mut video = Track::new(context, main, Output::Lane(to_main));
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
            ended => ended,
        }
    };
    tokio::try_join!(video, sound, merged).map(|_| ())
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
}

struct Audio {
    address: Address,
    language: Option<String>,
}

impl Context<'_> {
    /// Follows multivariant playlists to a media playlist.
    async fn choose(&self, url: Url, body: &[u8]) -> Result<Choice, IngestError> {
        let started = clock::now();
        let mut address = Address {
            url,
            variables: Variables::default(),
        };
        let mut audio = None;
        let mut playlist = (parse(body, &address)?, started);
        for _ in 0..=MAX_NESTING {
            let all = match playlist.0 {
                Playlist::Media(media) => {
                    return Ok(Choice {
                        main: address,
                        first: (media, playlist.1),
                        audio,
                    });
                }
                Playlist::Multivariant(all) => all,
            };
            let variant = best(&all)?;
            self.sink
                .note(|found| found.variants = offered(&all, variant));
            audio = sound(&all, variant).or(audio);
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

fn best(all: &Multivariant) -> Result<&Variant, IngestError> {
    let variant = hls::choose(&all.variants, Want::Best)
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
