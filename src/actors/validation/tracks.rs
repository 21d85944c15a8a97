//! What the tracks are, and what a browser makes of them.

use super::collect::{Collected, media_ticks};
use super::names;
use super::report::{Browser, Errors, Found, Preview, TrackReport, VariantReport};
use crate::actors::plan::{self, Convert, RenditionKey};
use crate::ingest;
use crate::ts::{Chroma, Codec, Kind, Meter, Stats, Track};

/// Most variants and most tracks that are told.
const MOST: usize = 32;
/// Longest text that is taken over from a source.
const LONGEST: usize = 64;

/// What was found of a source.
pub(super) fn found(told: &ingest::Found, collected: Option<&Collected>, stats: &Stats) -> Found {
    let mut found = Found {
        protocol: told.protocol.as_deref().map(plain),
        container: told.container.map(ToOwned::to_owned),
        live: told.live,
        encryption: told.encryption.as_deref().map(plain),
        variants: told.variants.iter().take(MOST).map(variant).collect(),
        errors: (stats.packets > 0).then_some(Errors {
            continuity: stats.continuity_errors,
            transport: stats.transport_errors,
            tables: stats.table_errors,
            sync_losses: stats.sync_losses,
            scrambled: stats.scrambled,
        }),
        ..Found::default()
    };
    let Some(collected) = collected else {
        return found;
    };
    let tracks = &collected.tracks;
    found.tracks = tracks
        .tracks
        .iter()
        .take(MOST)
        .map(|each| track(each, &collected.meter))
        .collect();
    let ticks = media_ticks(tracks, &collected.meter);
    found.media_ms = (ticks > 0).then_some(ticks / 90);
    found.bitrate = (ticks > 0).then(|| collected.bytes as u64 * 8 * 90_000 / ticks);
    found
}

/// What a preview without further wishes does with `key`, the rendition planned for these tracks.
pub(super) fn preview(key: &RenditionKey, tracks: &[TrackReport]) -> Preview {
    let converts = match key {
        RenditionKey::Source | RenditionKey::Picked { .. } => Vec::new(),
        RenditionKey::Encoded { what, .. } => {
            let wanted: &[&'static str] = match what {
                Convert::All => &["video", "audio"],
                Convert::Video => &["video"],
                Convert::Audio => &["audio"],
            };
            let there = |kind: &&&'static str| tracks.iter().any(|track| track.kind == **kind);
            wanted.iter().filter(there).copied().collect()
        }
    };
    let summary = match converts.as_slice() {
        [] => "browsers play it as it is: nothing is converted".to_owned(),
        [one] if tracks.iter().any(|t| t.kind != *one && t.browser.is_some()) => {
            let other = if *one == "video" { "audio" } else { "video" };
            format!("the {one} is converted, the {other} is copied")
        }
        [one] => format!("the {one} is converted"),
        all => format!("the {} are converted", all.join(" and the ")),
    };
    Preview {
        rendition: key.to_string(),
        converts,
        summary,
    }
}

fn variant(variant: &ingest::Variant) -> VariantReport {
    VariantReport {
        bandwidth: variant.bandwidth,
        width: variant.resolution.map(|(width, _)| width),
        height: variant.resolution.map(|(_, height)| height),
        codecs: variant.codecs.as_deref().map(plain),
        language: variant.language.as_deref().map(plain),
        chosen: variant.chosen,
    }
}

fn track(track: &Track, meter: &Meter) -> TrackReport {
    let rate = meter.rate(track.pid);
    let kind = track.codec.kind();
    let mut report = TrackReport {
        pid: track.pid,
        kind: match kind {
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::Subtitle => "subtitle",
            Kind::Data => "data",
        },
        codec: track.codec.name(),
        language: track.language.as_deref().filter(|l| *l != "und").map(plain),
        bitrate: rate.map(|rate| rate.bits.round() as u64),
        browser: browser(track),
        ..TrackReport::default()
    };
    if let Some(video) = &track.video {
        (report.profile, report.level) = names::video(track.codec, video);
        (report.width, report.height) = (Some(video.width), Some(video.height));
        report.interlaced = Some(video.interlaced);
        report.bit_depth = Some(video.bit_depth);
        report.chroma = Some(video.chroma.as_str());
    }
    if kind == Kind::Video {
        let told = track.video.as_ref().and_then(|video| video.frame_rate);
        let told = told.map(|(over, under)| f64::from(over) / f64::from(under.max(1)));
        let measured = || rate.map(|rate| rate.units);
        let rate = told.or_else(measured);
        report.frame_rate = rate.map(|rate| (rate * 1000.0).round() / 1000.0);
    }
    if let Some(audio) = &track.audio {
        report.profile = names::audio(audio);
        report.sample_rate = Some(audio.sample_rate);
        // 0: the stream defines them elsewhere.
        report.channels = Some(audio.channels).filter(|channels| *channels > 0);
    }
    report
}

fn browser(track: &Track) -> Option<Browser> {
    let plays = match track.codec.kind() {
        Kind::Video => plan::video_plays(track),
        Kind::Audio => plan::audio_plays(track),
        Kind::Subtitle | Kind::Data => return None,
    };
    let reason = (!plays).then(|| obstacle(track));
    Some(Browser { plays, reason })
}

/// Why browsers do not play a track.
fn obstacle(track: &Track) -> String {
    let codec = match track.codec {
        Codec::H264 => {
            return match &track.video {
                None => "what sort of H.264 it is cannot be told".to_owned(),
                Some(video) if video.interlaced => "it may be interlaced".to_owned(),
                Some(video) if video.bit_depth != 8 => {
                    format!("browsers do not play H.264 of {} bits", video.bit_depth)
                }
                Some(video) if video.chroma != Chroma::C420 => {
                    format!("browsers do not play H.264 in {}", video.chroma.as_str())
                }
                Some(_) => "browsers do not play this profile of H.264".to_owned(),
            };
        }
        Codec::Aac => return "browsers do not play this profile of AAC".to_owned(),
        Codec::Hevc => return "many browsers do not play HEVC".to_owned(),
        Codec::Mpeg1Video => "MPEG-1 video",
        Codec::Mpeg2Video => "MPEG-2 video",
        Codec::Mpeg4Video => "MPEG-4 part 2",
        Codec::AacLatm => "AAC in LATM",
        Codec::Ac3 => "AC-3",
        Codec::Eac3 => "E-AC-3",
        Codec::Mp2 => "MPEG audio layer II",
        Codec::Opus => "Opus in MPEG-TS",
        _ => "this codec",
    };
    format!("browsers do not play {codec}")
}

/// A text of the source, cut short and without control characters.
fn plain(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control());
    clean.take(LONGEST).collect()
}
