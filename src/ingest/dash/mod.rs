//! Pulls a DASH source: the best picture, and the sound that goes with it.

mod clock;
mod track;
mod update;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::charset::to_utf8;
use super::error::{Cause, IngestError, Stage};
use super::fetch::{Answer, Fetcher, Manners};
use super::progress::Variant;
use super::segmented::{self, Output};
use super::sink::Sink;
use crate::dash::{self, Choice, Chosen, Kind, Mpd, MpdError, Period, Role};
use crate::remux::{Container, InputOptions};
use clock::Clock;
use track::Track;
use update::Updater;

/// Segments of unknown length.
const TARGET: Duration = Duration::from_secs(4);

/// Pulls the stream of an MPD: `answer` brought `body`.
pub(super) async fn pull(
    fetcher: &Fetcher,
    manners: &Manners,
    answer: Answer,
    body: &[u8],
    sink: &Sink,
) -> Result<(), IngestError> {
    sink.note(|found| found.protocol = Some("dash".to_owned()));
    let mpd = parse(body, &answer.url)?;
    sink.reached(Stage::Manifest);
    let context = Context {
        fetcher,
        manners,
        sink,
    };
    let clock = Clock::of(&context, &mpd, answer.date).await;
    let plan = plan(&mpd, sink)?;
    // A pump that is gone shows at the first segment.
    let _ = sink.target_duration(plan.target).await;
    let mpd = Arc::new(mpd);
    let (sender, receiver) = watch::channel(Arc::clone(&mpd));
    let wanted = Notify::new();
    let shared = Shared {
        context: &context,
        clock: &clock,
        wanted: &wanted,
    };
    let updater = Updater::new(shared, &mpd, answer.url);
    if !plan.separate_audio {
        let track = Track::new(shared, Role::Main, receiver, Output::new(sink));
        return tokio::try_join!(updater.run(sender), track.run()).map(|_| ());
    }
    let (to_video, from_video) = segmented::lane();
    let (to_audio, from_audio) = segmented::lane();
    let video = Track::new(shared, Role::Main, receiver.clone(), Output::Lane(to_video));
    let audio = Track::new(shared, Role::Audio, receiver, Output::Lane(to_audio));
    let mut inputs = [(); 2].map(|()| InputOptions::new(Container::Any));
    inputs[0].audio = false;
    inputs[1].video = false;
    inputs[1].language = plan.language;
    let merged = segmented::merge(
        inputs,
        [from_video, from_audio],
        segmented::hold(plan.target),
        sink,
    );
    tokio::try_join!(updater.run(sender), video.run(), audio.run(), merged).map(|_| ())
}

/// What each part of a pull needs.
struct Context<'a> {
    fetcher: &'a Fetcher,
    manners: &'a Manners,
    sink: &'a Sink,
}

/// What the parts of one pull share.
#[derive(Clone, Copy)]
struct Shared<'a> {
    context: &'a Context<'a>,
    clock: &'a Clock,
    /// Told by a track that has come to the end of what is listed.
    wanted: &'a Notify,
}

/// What is pulled.
struct Plan {
    separate_audio: bool,
    language: Option<String>,
    target: Duration,
}

/// Looks at the period that is pulled first, and tells what was found.
fn plan(mpd: &Mpd, sink: &Sink) -> Result<Plan, IngestError> {
    let periods = || mpd.periods.iter();
    let in_order: Vec<&Period> = if mpd.dynamic {
        periods().rev().collect()
    } else {
        periods().collect()
    };
    let choices = in_order
        .into_iter()
        .map(|period| (period, dash::choose(period)));
    let (period, choice) = choices
        .filter(|(_, choice)| !matches!(choice, Err(MpdError::Empty)))
        .map(|(period, choice)| choice.map(|choice| (period, choice)))
        .next()
        .unwrap_or(Err(MpdError::Empty))
        .map_err(|e| manifest_error(&e))?;
    sink.note(|found| {
        found.live = Some(mpd.dynamic);
        found.variants = offered(period, &choice);
    });
    let Choice { main, audio } = choice;
    let mut all = [Some(main), audio].into_iter().flatten();
    if let Some(codec) = all.find_map(|c| c.representation.not_carried()) {
        return Err(segmented::not_carried(codec));
    }
    let longest = main.representation.longest_segment().unwrap_or(TARGET);
    Ok(Plan {
        separate_audio: audio.is_some(),
        language: audio.and_then(|audio| audio.set.language.clone()),
        target: longest.clamp(Duration::from_secs(1), Duration::from_secs(30)),
    })
}

fn offered(period: &Period, choice: &Choice<'_>) -> Vec<Variant> {
    let chosen = |chosen: &Chosen<'_>, other: &dash::Representation| {
        std::ptr::eq(chosen.representation, other)
    };
    let media = (period.sets.iter())
        .flat_map(|set| set.representations.iter().map(move |r| (set, r)))
        .filter(|(_, representation)| representation.kind != Kind::Other);
    media
        .map(|(set, representation)| Variant {
            bandwidth: Some(representation.bandwidth).filter(|b| *b > 0),
            resolution: representation.size,
            codecs: representation.codecs.clone(),
            language: set.language.clone(),
            chosen: chosen(&choice.main, representation)
                || choice
                    .audio
                    .is_some_and(|audio| chosen(&audio, representation)),
        })
        .collect()
}

fn parse(body: &[u8], url: &url::Url) -> Result<Mpd, IngestError> {
    dash::parse(&to_utf8(body), url, &dash::Limits::default()).map_err(|e| manifest_error(&e))
}

fn manifest_error(error: &MpdError) -> IngestError {
    let cause = match error {
        MpdError::Protected => Cause::Drm,
        MpdError::Xlink => Cause::Unsupported,
        MpdError::TooLarge { .. } | MpdError::TooMany { .. } | MpdError::UriTooLong => Cause::Limit,
        _ => Cause::NotMedia,
    };
    IngestError::new(Stage::Manifest, cause, error.to_string())
}
