//! Tries pipelines at start.
//!
//! What plugins and libraries keep from their first use on belongs to nobody's pipeline, and the first viewer should not
//! have to wait until they are loaded from disk. While nothing else runs, it can also be told what descriptors a pipeline holds.

use std::time::Duration;

use tokio::time::timeout_at;

use super::error::PipelineError;
use super::library::Library;
use super::registry;
use super::running::{Running, start_uncharged};
use super::spec::{Audio, Pattern, Profile, TestSpec, TranscodeSpec, Video};
use super::topology::Topology;
use super::{Event, assemble};
use crate::base::clock;
use crate::process;

/// TS made for the transcode to work on: some frames, for it to come as far as its output.
const ENOUGH: usize = 60_000;

/// Runs the test source for a moment and transcodes what it makes; returns how long that took.
///
/// # Errors
/// When one of them does not start, or brings nothing within the deadline: it then will not for a viewer either.
pub async fn warm_up(library: &Library, deadline: Duration) -> Result<Duration, PipelineError> {
    let began = clock::now();
    let until = (began + deadline).into();
    let all = async {
        let made = test_source(library, deadline).await?;
        transcode(library, made, deadline).await
    };
    timeout_at(until, all)
        .await
        .map_err(|_| PipelineError::StartDeadline(deadline))??;
    Ok(began.elapsed())
}

async fn test_source(
    library: &Library,
    deadline: Duration,
) -> Result<Vec<bytes::Bytes>, PipelineError> {
    let spec = TestSpec {
        pattern: Pattern::Ball,
        width: 320,
        height: 180,
        ..TestSpec::default()
    };
    let open = Open::count();
    let library = library.clone();
    let mut running = start_uncharged(Topology::Test, deadline, move |account| {
        assemble::test(&library, &spec, account)
    })
    .await?;
    let (mut made, mut bytes) = (Vec::new(), 0);
    while bytes < ENOUGH
        && let Some(chunk) = running.output.next().await
    {
        bytes += chunk.len();
        made.push(chunk);
    }
    open.note(Topology::Test);
    running.stop(deadline).await;
    Ok(made)
}

async fn transcode(
    library: &Library,
    made: Vec<bytes::Bytes>,
    deadline: Duration,
) -> Result<(), PipelineError> {
    let spec = TranscodeSpec {
        profile: Profile {
            name: "warm-up".to_owned(),
            width: 160,
            height: 90,
            video_bitrate_kbps: 200,
            speed_preset: "ultrafast".to_owned(),
            audio_bitrate_kbps: 64,
            max_frame_rate: 30,
            threads: 1,
        },
        video: Video::Encode,
        audio: Audio::Encode,
    };
    let open = Open::count();
    let library = library.clone();
    let running = start_uncharged(Topology::EncodeBoth, deadline, move |account| {
        assemble::transcode(&library, &spec, account)
    });
    let mut running = running.await?;
    if let Some(input) = running.input.as_mut() {
        for chunk in made {
            input.push(chunk).await?;
        }
        input.end_of_stream();
    }
    let mut brought = 0;
    while let Some(chunk) = running.output.next().await {
        brought += chunk.len();
    }
    for topology in Topology::ALL.into_iter().filter(|t| *t != Topology::Test) {
        // They differ in which tracks they copy, which opens nothing.
        open.note(topology);
    }
    let failed = failure(&mut running);
    running.stop(deadline).await;
    match failed {
        Some(reason) => Err(PipelineError::Start {
            topology: Topology::EncodeBoth,
            reason,
        }),
        None if brought == 0 => Err(PipelineError::Ended),
        None => Ok(()),
    }
}

fn failure(running: &mut Running) -> Option<String> {
    std::iter::from_fn(|| running.events.try_next()).find_map(|event| match event {
        Event::Error {
            element, message, ..
        } => Some(format!("{element}: {message}")),
        _ => None,
    })
}

/// Descriptors before a pipeline was started.
struct Open(u64);

impl Open {
    fn count() -> Self {
        Self(process::descriptors().0)
    }

    fn note(&self, topology: Topology) {
        let more = process::descriptors().0.saturating_sub(self.0);
        registry::note_descriptors(topology, u32::try_from(more).unwrap_or(u32::MAX));
    }
}
