//! One definition, source by source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::class::Class;
use super::collect::{Collected, Collector};
use super::course::Course;
use super::decode::{Decoded, decode};
use super::report::{
    Connection, FailureReport, Outcome, Report, SourceOutcome, SourceReport, TrackReport,
};
use super::stages::{Journey, Step, StepReport, Verdict, milliseconds};
use super::tracks;
use crate::actors::accounts::{Who, describe};
use crate::actors::hub::Hub;
use crate::actors::ingest::{Ingest, IngestDeps, IngestStatus, slot};
use crate::actors::plan::{self, Wish};
use crate::actors::pull;
use crate::base::clock;
use crate::feed::Join;
use crate::ingest::sink::{self, Piece, Sink};
use crate::ingest::{Cause, IngestError, Progress, Stage, has_route};
use crate::metrics;
use crate::stream::{Definition, Source};
use crate::ts::Stats;

/// How far back in a running feed the look begins, at most.
const BACK: Duration = Duration::from_secs(4);

/// How long a slot of the account is waited for: viewers and monitors go first.
const SLOT_WAIT: Duration = Duration::from_secs(5);

/// How to validate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Only this source; all of them when absent.
    pub source: Option<usize>,
    /// The most time for one source, decoding apart.
    pub timeout: Duration,
    /// No source begins after this, and none takes longer.
    pub deadline: Option<Instant>,
    /// A connection of its own, even if the stream is being pulled.
    pub fresh: bool,
    /// Decode what came.
    pub decode: bool,
}

/// Checks the sources of a definition one after the other. `saved`: it is a stream of the catalogue,
/// which may be pulled already. `course` tells how far it is.
pub async fn validate(
    hub: &Hub,
    definition: &Definition,
    saved: bool,
    options: &Options,
    course: &Course,
) -> Report {
    let (began, checked_at) = (clock::now(), clock::wall());
    let mut sources = Vec::new();
    for index in 0..definition.sources.len() {
        if options.source.is_none_or(|only| only == index) {
            sources.push(check(hub, definition, index, saved, options, course).await);
        }
    }
    let stream = saved.then(|| definition.id.to_string());
    report(stream, sources, (began, checked_at))
}

/// The report on a stream's sources.
pub(super) fn report(
    stream_id: Option<String>,
    sources: Vec<SourceReport>,
    (began, checked_at): (Instant, jiff::Timestamp),
) -> Report {
    let passed = |source: &&SourceReport| source.outcome == SourceOutcome::Passed;
    let outcome = match sources.iter().filter(passed).count() {
        0 => Outcome::Failed,
        all if all == sources.len() => Outcome::Passed,
        _ => Outcome::Degraded,
    };
    let told = sources.iter().find(passed).or_else(|| sources.first());
    let mut summary = told.map(summary).unwrap_or_default();
    if let (Outcome::Degraded, Some(told)) = (outcome, told) {
        summary = format!("source {} works: {summary}", told.index);
    }
    Report {
        stream_id,
        outcome,
        summary,
        checked_at,
        took_ms: milliseconds(clock::now().saturating_duration_since(began)),
        sources,
    }
}

/// Checks one source; there is one of this index.
pub(super) async fn check(
    hub: &Hub,
    definition: &Definition,
    index: usize,
    saved: bool,
    options: &Options,
    course: &Course,
) -> SourceReport {
    let began = clock::now();
    let Some(place) = definition.sources.get(index) else {
        return unchecked(index);
    };
    let mut limit = began + options.timeout;
    if let Some(deadline) = options.deadline {
        limit = limit.min(deadline);
        if deadline <= began {
            return unchecked(index);
        }
    }
    course.begins(index, &place.url);
    let running = if saved && !options.fresh {
        hub.flowing(definition, index)
    } else {
        None
    };
    let shared = match running {
        Some(ingest) => look(&ingest, limit, course).await,
        None => None,
    };
    let (looked, connection) = if let Some(looked) = shared {
        (looked, Connection::Running)
    } else {
        let deps = &hub.settings().ingest;
        let looked = pull(deps, definition, place, (began, limit), course).await;
        (looked, Connection::Own)
    };
    let found = looked.progress.found();
    let journey = Journey::new(
        &place.url,
        found.protocol.as_deref(),
        &looked.progress.stages(),
        looked.demuxed,
    );
    let (mut failure, mut decoded) = (looked.failure, None);
    if let (None, Some(collected)) = (&failure, &looked.collected) {
        let done = if options.decode {
            course.decodes();
            decode(hub, &definition.id, collected).await
        } else {
            Decoded::Skipped("it was not asked for")
        };
        if let Decoded::Failed(error) = &done {
            failure = Some(error.clone());
        }
        decoded = Some(done);
    }
    let failed = failure.as_ref().map(|error| journey.failed_at(error));
    let mut stages = journey.report(failed);
    if let (Some(decoded), Some(stage)) = (decoded, stages.last_mut()) {
        note_decoded(stage, &decoded);
    }
    if connection == Connection::Running {
        for stage in &mut stages {
            if stage.took_ms.is_none() && stage.stage <= Step::Request {
                stage.note = Some("by the connection that runs already".to_owned());
            }
        }
    }
    let found = tracks::found(&found, looked.collected.as_ref(), &looked.stats);
    let key = looked.collected.as_ref().and_then(|collected| {
        let settings = hub.settings();
        let profiles = &settings.rendition.profiles;
        let wish = Wish::default();
        plan::plan(
            &wish,
            &collected.tracks,
            profiles,
            &settings.default_profile,
        )
        .ok()
    });
    let failure = match (failure, failed) {
        (Some(error), Some(stage)) => Some(explain(hub, place, error, stage).await),
        _ => None,
    };
    let took = clock::now().saturating_duration_since(began);
    metrics::validated(failure.as_ref().map(|failure| failure.class), took);
    SourceReport {
        index,
        outcome: if failure.is_none() {
            SourceOutcome::Passed
        } else {
            SourceOutcome::Failed
        },
        connection: Some(connection),
        took_ms: milliseconds(took),
        failure,
        stages,
        preview: key.map(|key| tracks::preview(&key, &found.tracks)),
        found: Some(found),
    }
}

/// What a look at a source brought.
struct Looked {
    progress: Arc<Progress>,
    collected: Option<Collected>,
    stats: Stats,
    /// From the start of the pull until enough had come.
    demuxed: Option<Duration>,
    failure: Option<IngestError>,
}

impl Looked {
    fn new(
        progress: Arc<Progress>,
        collector: Collector,
        began: Instant,
        failure: Option<IngestError>,
    ) -> Self {
        let demuxed = clock::now().saturating_duration_since(progress.began().max(began));
        Self {
            stats: collector.stats().clone(),
            collected: collector.into_collected(),
            demuxed: failure.is_none().then_some(demuxed),
            progress,
            failure,
        }
    }
}

/// Pulls a source into a collector of its own. All connections end when this returns.
async fn pull(
    deps: &IngestDeps,
    definition: &Definition,
    place: &Source,
    (began, limit): (Instant, Instant),
    course: &Course,
) -> Looked {
    let (sink, mut drain) = sink::channel();
    let progress = drain.progress();
    course.follows(&progress);
    let mut collector = Collector::default();
    let pull = async {
        // Dropped with this future's end: the drain tells when all has been taken.
        let sink = sink;
        Box::pin(convey(deps, definition, place, &sink)).await
    };
    tokio::pin!(pull);
    let mut pulled = None;
    let failure = loop {
        tokio::select! {
            biased;
            piece = drain.next() => match piece {
                Some(Piece::Data(bytes, _charge)) => {
                    if collector.push(&bytes) {
                        break None;
                    }
                }
                Some(Piece::Discontinuity) => collector.discontinuity(),
                Some(Piece::TargetDuration(_) | Piece::Note(_)) => {}
                None => {
                    collector.finish();
                    break match pulled.unwrap_or(Ok(())) {
                        Err(error) => Some(error),
                        // It is short, and whole.
                        Ok(()) if collector.is_media() => None,
                        Ok(()) => Some(IngestError::new(
                            Stage::Demux,
                            Cause::NotMedia,
                            "the source ended without any media that can be shown",
                        )),
                    };
                }
            },
            ended = &mut pull, if pulled.is_none() => pulled = Some(ended),
            () = tokio::time::sleep_until(limit.into()) => {
                break Some(collector.missing(limit.saturating_duration_since(began)));
            }
        }
    };
    Looked::new(Arc::clone(&progress), collector, began, failure)
}

/// Pulls under a slot of the source's account, if it has one, and over one connection at a time, which
/// tells the stages it passes and does not outlive the pull.
async fn convey(
    deps: &IngestDeps,
    definition: &Definition,
    place: &Source,
    sink: &Sink,
) -> Result<(), IngestError> {
    let deps = IngestDeps {
        fetcher: deps.fetcher.single(&deps.dialer, sink),
        ..deps.clone()
    };
    let who = (&definition.id, definition.name.as_str());
    let Some(account) = &place.account else {
        return pull::pull(&deps, place, who, sink).await;
    };
    let asked = deps.accounts.ask(account, Who::Validation);
    let slot = Arc::new(asked.map_err(slot::refused)?);
    let granted = tokio::time::timeout(SLOT_WAIT, slot.granted()).await;
    if granted != Ok(true) {
        let text = describe(&slot.figures());
        return Err(IngestError::new(Stage::Account, Cause::ProviderLimit, text));
    }
    sink.begin();
    let source = slot::dressed(place, &slot).await?;
    let sink = sink.lent(slot.clone());
    tokio::select! {
        biased;
        reason = slot.recalled() => Err(slot::recalled(reason)),
        pulled = pull::pull(&deps, &source, who, &sink) => pulled,
    }
}

/// Looks at the feed of a pull that runs; `None` when that brings nothing, or not enough.
async fn look(ingest: &Ingest, limit: Instant, course: &Course) -> Option<Looked> {
    let mut status = ingest.status();
    let shown = status.wait_for(IngestStatus::is_shown);
    let shown = tokio::time::timeout_at(limit.into(), shown).await;
    let progress = shown.ok()?.ok()?.progress.clone()?;
    course.follows(&progress);
    let mut subscription = ingest.feed.subscribe(Join::Back(BACK));
    let mut collector = Collector::default();
    let collect = async {
        while let Some(item) = subscription.next().await {
            let psi = item.chunk.keyframe.as_ref().filter(|_| item.joined);
            if let Some(keyframe) = psi {
                collector.push(&keyframe.psi);
            }
            if collector.push(&item.chunk.data) {
                return true;
            }
        }
        false
    };
    let enough = tokio::time::timeout_at(limit.into(), collect).await;
    if enough != Ok(true) {
        return None;
    }
    Some(Looked {
        stats: collector.stats().clone(),
        collected: collector.into_collected(),
        demuxed: None,
        progress,
        failure: None,
    })
}

async fn explain(hub: &Hub, place: &Source, error: IngestError, stage: Step) -> FailureReport {
    let class = Class::of(&error, is_cut_off(hub, place, &error).await);
    FailureReport {
        class,
        stage,
        message: error.message,
        advice: class.advice(),
    }
}

/// Whether this server has no route to the source, or, when its name is not known, to anywhere.
async fn is_cut_off(hub: &Hub, place: &Source, error: &IngestError) -> bool {
    let network = matches!(error.cause, Cause::Unreachable | Cause::Timeout);
    let (true, true, Some(host)) = (network, error.stage <= Stage::Connect, place.url.host())
    else {
        return false;
    };
    let port = place.url.as_url().port_or_known_default().unwrap_or(80);
    let resolve = hub.settings().ingest.dialer.resolve(host, port);
    match tokio::time::timeout(Duration::from_secs(2), resolve).await {
        Ok(Ok(addresses)) => !addresses.iter().any(|a| has_route(Some(a.ip()))),
        _ => !has_route(None),
    }
}

fn note_decoded(stage: &mut StepReport, decoded: &Decoded) {
    match decoded {
        Decoded::Passed(took) => {
            (stage.verdict, stage.took_ms) = (Verdict::Passed, Some(milliseconds(*took)));
        }
        Decoded::Failed(_) => stage.verdict = Verdict::Failed,
        Decoded::Skipped(reason) => {
            (stage.verdict, stage.note) = (Verdict::Skipped, Some((*reason).to_owned()));
        }
    }
}

fn unchecked(index: usize) -> SourceReport {
    SourceReport {
        index,
        outcome: SourceOutcome::NotChecked,
        connection: None,
        took_ms: 0,
        failure: None,
        stages: Vec::new(),
        found: None,
        preview: None,
    }
}

/// A line for lists: the picture and the sound, or what failed.
fn summary(source: &SourceReport) -> String {
    if let Some(failure) = &source.failure {
        return failure.message.clone();
    }
    let Some(found) = &source.found else {
        return "not checked".to_owned();
    };
    let first = |kind| found.tracks.iter().find(|track| track.kind == kind);
    let mut parts: Vec<String> = Vec::new();
    parts.extend(found.protocol.clone());
    parts.extend(first("video").map(picture));
    parts.extend(first("audio").map(|audio| audio.codec.to_owned()));
    parts.extend(
        source
            .preview
            .as_ref()
            .map(|preview| preview.summary.clone()),
    );
    parts.join(", ")
}

fn picture(video: &TrackReport) -> String {
    match (video.width, video.height) {
        (Some(width), Some(height)) => format!("{} {width}x{height}", video.codec),
        _ => video.codec.to_owned(),
    }
}
