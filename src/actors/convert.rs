//! Containers that are not TS, converted in a leased pipeline.

use std::sync::Arc;

use super::ingest::IngestDeps;
use super::leased::Leased;
use crate::config::Profile;
use crate::ingest::IngestError;
use crate::ingest::sink::{Drain, Piece, Sink};
use crate::pipeline::{self, ConvertSpec, Input, Library};
use crate::stream::StreamId;

/// How long what lies in the pipeline is still waited for when the pull has failed.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Whether the sound comes from the same place as the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    /// Both are in the one container.
    Within,
    /// It is a container of its own.
    #[allow(dead_code, reason = "for manifests whose tracks TS cannot carry")]
    Apart,
}

/// Converts what `pull` writes into the sinks that it is given (the second for [`Sound::Apart`]), and delivers TS.
/// While the TS is not taken, nothing is pulled.
///
/// # Errors
/// Those of `pull`, or what the pipeline says of its input.
pub(super) async fn run<P, F>(
    deps: &IngestDeps,
    stream: &StreamId,
    sink: &Sink,
    sound: Sound,
    pull: P,
) -> Result<(), IngestError>
where
    P: FnOnce(Sink, Option<Sink>) -> F,
    F: Future<Output = Result<(), IngestError>>,
{
    let spec = ConvertSpec {
        profile: deps.convert.clone(),
        sound_apart: sound == Sound::Apart,
    };
    let starting = move |library: Arc<Library>, label, deadline| async move {
        pipeline::start_convert(&library, spec, label, deadline).await
    };
    let mut leased = Leased::start(deps, stream, sink, starting).await?;
    let (input, sound_input) = leased.inputs();
    let (to_picture, picture) = sink.apart();
    let (to_sound, of_sound) = match sound {
        Sound::Within => (None, None),
        Sound::Apart => {
            let (to, of) = sink.apart();
            (Some(to), Some(of))
        }
    };
    let ended = {
        // The sinks end with the pull, the drains with the sinks, and the inputs with the drains.
        let source = async {
            let pulling = pull(to_picture, to_sound);
            let feeding = feed(input, Some(picture));
            let (pulled, (), ()) = tokio::join!(pulling, feeding, feed(sound_input, of_sound));
            pulled
        };
        let delivery = leased.deliver(sink);
        tokio::pin!(source, delivery);
        tokio::select! {
            delivered = &mut delivery => delivered,
            pulled = &mut source => match pulled {
                Ok(()) => delivery.await,
                Err(error) => {
                    let _ = tokio::time::timeout(DRAIN, delivery).await;
                    Err(error)
                }
            },
        }
    };
    leased.stop().await;
    ended
}

/// A profile as pipelines want it.
pub fn encoding(profile: &Profile, threads: u32) -> pipeline::Profile {
    pipeline::Profile {
        name: profile.name.clone(),
        width: profile.width,
        height: profile.height,
        video_bitrate_kbps: profile.video_bitrate_kbps,
        speed_preset: profile.speed_preset.as_str().to_owned(),
        audio_bitrate_kbps: profile.audio_bitrate_kbps,
        max_frame_rate: profile.max_frame_rate,
        threads,
    }
}

async fn feed(input: Option<Input>, drain: Option<Drain>) {
    let (Some(mut input), Some(mut drain)) = (input, drain) else {
        return;
    };
    while let Some(piece) = drain.next().await {
        // The pipeline ended: the delivery knows why.
        if let Piece::Data(bytes, _charge) = piece
            && input.push(bytes).await.is_err()
        {
            return;
        }
    }
    input.end_of_stream();
}
