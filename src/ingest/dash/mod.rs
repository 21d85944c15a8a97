//! Pulls a DASH source: the best picture, and the sound that goes with it.

mod clock;
mod track;
mod update;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::charset::to_utf8;
use super::demand::Demand;
use super::error::{Cause, IngestError, Stage};
use super::fetch::{Answer, Fetcher, Manners};
use super::progress::Variant;
use super::segmented::{self, Glanced, Glances, LEAST_HEIGHT, LaneReceiver, Output};
use super::sink::Sink;
use crate::dash::{self, Choice, Chosen, Kind, Mpd, MpdError, Period, Role, Want};
use crate::remux::{Container, InputOptions};
use crate::stream::Source;
use clock::Clock;
use track::Track;
use update::Updater;

/// Segments of unknown length.
const TARGET: Duration = Duration::from_secs(4);
/// What is enough when nobody watches.
const CHEAPEST: Want = Want::AtLeast {
    height: LEAST_HEIGHT as u64,
};

/// Pulls the stream of the MPD that `answer` has brought, as it is asked.
pub(super) async fn pull(
    fetcher: &Fetcher,
    manners: &Manners,
    source: &Source,
    answer: Answer,
    body: &[u8],
    sink: &Sink,
) -> Result<(), IngestError> {
    sink.note(|found| found.protocol = Some("dash".to_owned()));
    sink.follows();
    let context = Context {
        fetcher,
        manners,
        sink,
    };
    let asked = sink.asked();
    let mut demand = asked.demand();
    let mut first = (parse(body, &answer.url)?, answer);
    if sink.serves(demand).await.is_err() {
        return Ok(());
    }
    loop {
        demand = tokio::select! {
            ended = Box::pin(context.serve(demand, first)) => return ended,
            new = asked.demands(|new| new != demand) => new,
        };
        let begun = segmented::begin_anew(fetcher, manners, source, (sink, demand)).await?;
        let Some((answer, body)) = begun else {
            return Ok(());
        };
        first = (parse(&body, &answer.url)?, answer);
    }
}

impl Context<'_> {
    /// Pulls until the presentation ends.
    async fn serve(&self, demand: Demand, first: (Mpd, Answer)) -> Result<(), IngestError> {
        let (mpd, answer) = first;
        self.sink.reached(Stage::Manifest);
        let clock = Clock::of(self, &mpd, answer.date).await;
        let want = match demand {
            Demand::Watched => Want::Best,
            Demand::Scanned | Demand::Sampled => CHEAPEST,
        };
        let plan = plan(&mpd, want, self.sink)?;
        // A pump that is gone shows at the first segment.
        let _ = self.sink.target_duration(plan.target).await;
        let mpd = Arc::new(mpd);
        let (sender, receiver) = watch::channel(Arc::clone(&mpd));
        let wanted = Notify::new();
        let shared = Shared {
            context: self,
            clock: &clock,
            wanted: &wanted,
            want,
        };
        let updater = Updater::new(shared, &mpd, answer.url).run(sender);
        let pulled = async {
            match demand {
                Demand::Sampled => plan.sample(shared, receiver).await,
                Demand::Watched | Demand::Scanned => plan.follow(shared, receiver).await,
            }
        };
        tokio::try_join!(updater, pulled).map(|_| ())
    }
}

impl Plan {
    /// Pulls everything.
    async fn follow(self, shared: Shared<'_>, mpd: Mpds) -> Result<(), IngestError> {
        let sink = shared.context.sink;
        if !self.separate_audio {
            let track = Track::new(shared, Role::Main, mpd, Output::new(sink));
            return track.run().await;
        }
        let (to_video, from_video) = segmented::lane();
        let (to_audio, from_audio) = segmented::lane();
        let video = Track::new(shared, Role::Main, mpd.clone(), Output::Lane(to_video));
        let audio = Track::new(shared, Role::Audio, mpd, Output::Lane(to_audio));
        let merged = self.merge([from_video, from_audio], sink);
        tokio::try_join!(video.run(), audio.run(), merged).map(|_| ())
    }

    /// Pulls a segment when a look is asked for.
    async fn sample(self, shared: Shared<'_>, mut mpd: Mpds) -> Result<(), IngestError> {
        let sink = shared.context.sink;
        let mut glances = Glances::default();
        let mut last = None;
        loop {
            if sink.well().await.is_err() {
                return Ok(());
            }
            tokio::select! {
                Ok(()) = mpd.changed() => continue,
                () = sink.asked().looks().due() => {}
            }
            // It is delivered by itself: it joins neither what was before nor what comes later.
            if sink.discontinuity().await.is_err() {
                return Ok(());
            }
            let begin = Box::pin(self.glance(shared, &mpd, last)).await?;
            let Some(begin) = begin else {
                return Ok(());
            };
            last = Some(begin);
            match glances.take(sink).await {
                Ok(_) => {}
                Err(Glanced::Gone) => return Ok(()),
                Err(Glanced::Blank(error)) => return Err(error),
            }
        }
    }

    /// Delivers the next segment that begins after `last`, and gives its begin; `None` at the end.
    async fn glance(
        &self,
        shared: Shared<'_>,
        mpd: &Mpds,
        last: Option<Duration>,
    ) -> Result<Option<Duration>, IngestError> {
        let sink = shared.context.sink;
        if !self.separate_audio {
            let track = Track::new(shared, Role::Main, mpd.clone(), Output::new(sink));
            return track.once(last).await;
        }
        let (to_video, from_video) = segmented::lane();
        let (to_audio, from_audio) = segmented::lane();
        let video = Track::new(shared, Role::Main, mpd.clone(), Output::Lane(to_video));
        let audio = Track::new(shared, Role::Audio, mpd.clone(), Output::Lane(to_audio));
        let sound = async {
            // A picture without its sound is better than none.
            if let Err(error) = audio.once(last).await {
                tracing::debug!("the sound that goes with a look cannot be pulled: {error}");
            }
            Ok(())
        };
        let merged = self.merge([from_video, from_audio], sink);
        let (begin, (), ()) = tokio::try_join!(video.once(last), sound, merged)?;
        Ok(begin)
    }

    async fn merge(&self, lanes: [LaneReceiver; 2], sink: &Sink) -> Result<(), IngestError> {
        let mut inputs = [(); 2].map(|()| InputOptions::new(Container::Any));
        inputs[0].audio = false;
        inputs[1].video = false;
        inputs[1].language.clone_from(&self.language);
        segmented::merge(inputs, lanes, segmented::hold(self.target), sink).await
    }
}

/// The MPD, as it is loaded again.
type Mpds = watch::Receiver<Arc<Mpd>>;

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
    want: Want,
}

/// What is pulled.
struct Plan {
    separate_audio: bool,
    language: Option<String>,
    target: Duration,
}

/// Looks at the period that is pulled first, and tells what was found.
fn plan(mpd: &Mpd, want: Want, sink: &Sink) -> Result<Plan, IngestError> {
    let periods = || mpd.periods.iter();
    let in_order: Vec<&Period> = if mpd.dynamic {
        periods().rev().collect()
    } else {
        periods().collect()
    };
    let choices = in_order
        .into_iter()
        .map(|period| (period, dash::choose(period, want)));
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
