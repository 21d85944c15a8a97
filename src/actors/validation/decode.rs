//! Collected media through a real pipeline: does a picture come out, and sound?

use std::sync::Arc;
use std::time::Duration;

use super::collect::Collected;
use crate::actors::hub::Hub;
use crate::actors::plan;
use crate::actors::pool::{Asked, PoolLease};
use crate::admission::{Job, Work};
use crate::base::clock;
use crate::base::ids::ClientId;
use crate::ingest::{Cause, IngestError, Stage};
use crate::pipeline::{self, Audio, Event, Input, Label, Output, Topology, TranscodeSpec, Video};
use crate::stream::StreamId;
use crate::ts::{self, Meter, Tracks};

/// The longest that decoding may take.
const TIME: Duration = Duration::from_secs(10);
/// How often it is asked whether a viewer waits for the place.
const GLANCE: Duration = Duration::from_millis(100);
/// Small: what counts is what goes in.
const PROFILE: &str = "validation";
const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;

/// The source is not to blame.
const NO_PIPELINE: &str = "no pipeline could be started; the log of this server has the cause";

/// What came of decoding.
#[derive(Debug)]
pub(super) enum Decoded {
    /// Picture and sound came out, as far as the source has them.
    Passed(Duration),
    /// It cannot be decoded.
    Failed(IngestError),
    /// It was not tried, or not to the end; why.
    Skipped(&'static str),
}

/// Puts what was collected through a pipeline, if a place for one is free at once, until the first
/// picture and the first sound have come out.
pub(super) async fn decode(hub: &Hub, stream: &StreamId, collected: &Collected) -> Decoded {
    let spec = spec(&collected.tracks);
    let (wants_video, wants_audio) = (spec.video != Video::None, spec.audio != Audio::None);
    let Ok(topology) = Topology::for_tracks(spec.video, spec.audio) else {
        return Decoded::Skipped("there is nothing to decode");
    };
    let job = job(topology, &collected.tracks);
    let pool = hub.pool();
    let ours = ClientId::of(std::net::Ipv4Addr::UNSPECIFIED.into());
    let lease = match pool.ask(ours, pool.expected(&job)) {
        Asked::Granted(lease) => lease,
        Asked::Queued(_) | Asked::Full => {
            return Decoded::Skipped("all places for conversions are taken by viewers");
        }
        Asked::OutOfDescriptors => {
            return Decoded::Skipped("the server has too few file descriptors left");
        }
    };
    let began = clock::now();
    // In a task of its own: a validation that is cancelled while the pipeline starts must not give the
    // lease back before that pipeline has ended.
    let deps = &hub.settings().rendition;
    let (library, deadline) = (Arc::clone(&deps.library), deps.teardown_deadline);
    let label = Label {
        stream: stream.to_string(),
        rendition: PROFILE.to_owned(),
    };
    let start = tokio::spawn(async move {
        let running = pipeline::start_transcode(&library, spec, label, deadline).await?;
        Ok::<_, pipeline::PipelineError>(Owned {
            running: Some(running),
            lease: Some(lease),
            deadline,
        })
    });
    let mut owned = match start.await {
        Ok(Ok(owned)) => owned,
        Ok(Err(error)) => {
            tracing::error!(%stream, %error, "no pipeline for a validation");
            return Decoded::Skipped(NO_PIPELINE);
        }
        Err(_) => return Decoded::Skipped(NO_PIPELINE),
    };
    let Some(pipeline::Running {
        input: Some(input),
        output,
        events,
        ..
    }) = &mut owned.running
    else {
        return Decoded::Skipped(NO_PIPELINE);
    };
    let error = async {
        loop {
            match events.next().await {
                Some(Event::Error { message, .. }) => return failed(message),
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    };
    let viewer = async {
        while pool.figures().queued == 0 {
            tokio::time::sleep(GLANCE).await;
        }
    };
    tokio::select! {
        biased;
        error = error => Decoded::Failed(error),
        missing = drain(output, wants_video, wants_audio) => match missing {
            None => Decoded::Passed(began.elapsed()),
            Some(missing) => Decoded::Failed(failed(missing)),
        },
        () = viewer => Decoded::Skipped("a viewer waited for the place"),
        () = tokio::time::sleep(TIME) => {
            Decoded::Skipped("the decoder was not done in 10 s; this server may be busy")
        }
        never = feed(input, collected) => never,
    }
}

/// Hands all in; whether it was enough is for the others to tell.
async fn feed(input: &mut Input, collected: &Collected) -> Decoded {
    let tracks = &collected.tracks;
    let mut filter = ts::select(tracks, &plan::wanted_pids(tracks, None));
    let mut tables = true;
    for chunk in &collected.chunks {
        let chunk = filter.apply(chunk);
        let psi = chunk.keyframe.filter(|_| std::mem::take(&mut tables));
        for bytes in psi.map(|k| k.psi).into_iter().chain([chunk.data]) {
            if !bytes.is_empty() && input.push(bytes).await.is_err() {
                // Its error message or the end of its output says why.
                std::future::pending::<()>().await;
            }
        }
    }
    input.end_of_stream();
    std::future::pending().await
}

/// Reads what comes out until all that is wanted has come; or tells what is missing at the end.
async fn drain(output: &mut Output, wants_video: bool, wants_audio: bool) -> Option<&'static str> {
    let mut meter = Meter::default();
    loop {
        let (video, audio) = (
            !wants_video || meter.has_video(),
            !wants_audio || meter.has_audio(),
        );
        if video && audio {
            return None;
        }
        match output.next().await {
            Some(bytes) => meter.push(&bytes),
            None if !video => return Some("no picture came out of the decoder"),
            None => return Some("no sound came out of the decoder"),
        }
    }
}

fn spec(tracks: &Tracks) -> TranscodeSpec {
    TranscodeSpec {
        profile: pipeline::Profile {
            name: PROFILE.to_owned(),
            width: WIDTH,
            height: HEIGHT,
            video_bitrate_kbps: 300,
            speed_preset: "ultrafast".to_owned(),
            audio_bitrate_kbps: 64,
            max_frame_rate: 30,
            threads: 1,
        },
        video: tracks.video().map_or(Video::None, |_| Video::Encode),
        audio: tracks.audio().map_or(Audio::None, |_| Audio::Encode),
    }
}

fn job(topology: Topology, tracks: &Tracks) -> Job {
    let video = tracks.video().and_then(|track| track.video.as_ref());
    let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
    Job {
        work: Work::parse(topology.name()).unwrap_or(Work::EncodeBoth),
        profile: PROFILE.into(),
        source_pixels: video.map_or(0, |video| pixels(video.width, video.height)),
        output_pixels: pixels(WIDTH, HEIGHT),
    }
}

fn failed(message: impl Into<String>) -> IngestError {
    IngestError::new(Stage::Transcode, Cause::Internal, message)
}

/// A pipeline and its lease: the lease ends after the teardown, also when a validation is cancelled.
struct Owned {
    running: Option<pipeline::Running>,
    lease: Option<PoolLease>,
    deadline: Duration,
}

impl Drop for Owned {
    fn drop(&mut self) {
        let (running, lease, deadline) = (self.running.take(), self.lease.take(), self.deadline);
        if let Some(running) = running {
            tokio::spawn(async move {
                running.stop(deadline).await;
                drop(lease);
            });
        }
    }
}
