//! Whole pipelines, on TS that a `GStreamer` pipeline makes.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::*;

fn label() -> Label {
    Label {
        stream: "test".into(),
        rendition: "test".into(),
    }
}

const DEADLINE: Duration = Duration::from_secs(10);
/// For whole conversions, on busy machines.
const PATIENCE: Duration = Duration::from_mins(1);

fn profile(width: u32, height: u32) -> Profile {
    Profile {
        name: "test".into(),
        width,
        height,
        video_bitrate_kbps: 300,
        speed_preset: "ultrafast".into(),
        audio_bitrate_kbps: 96,
        max_frame_rate: 30,
        threads: 1,
    }
}

pub(super) fn spec(video: Video, audio: Audio) -> TranscodeSpec {
    TranscodeSpec {
        profile: profile(160, 90),
        video,
        audio,
    }
}

/// Runs a text to its end and answers what its `tap` got.
fn collect(text: &str) -> Bytes {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(text)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    let tap = pipeline
        .by_name("tap")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut all = Vec::new();
    while let Ok(sample) = tap.pull_sample() {
        all.extend_from_slice(&sample.buffer().unwrap().map_readable().unwrap());
    }
    pipeline.set_state(gst::State::Null).unwrap();
    all.into()
}

/// Four seconds of 320x180 at 50 frames, H.264 with B-frames, and MP2.
pub(super) fn clip() -> Bytes {
    static CLIP: OnceLock<Bytes> = OnceLock::new();
    CLIP.get_or_init(|| {
        collect(
            "videotestsrc num-buffers=200 pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=50/1
               ! x264enc speed-preset=ultrafast bframes=2 key-int-max=50 ! video/x-h264,profile=main ! mux.
             audiotestsrc num-buffers=188 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_mp2 ! mux.
             mpegtsmux name=mux ! appsink name=tap sync=false",
        )
    })
    .clone()
}

/// The clip is made first: of what makes it not all is on the allowlist.
pub(super) fn library() -> Library {
    clip();
    init(None).unwrap()
}

/// Feeds all of `ts`, answers all that comes out and all that is told.
async fn convert(library: &Library, spec: TranscodeSpec, ts: Bytes) -> (Bytes, Vec<Event>) {
    let Running {
        input,
        mut output,
        mut events,
        control,
        ..
    } = start_transcode(library, spec, label(), DEADLINE)
        .await
        .unwrap();
    let mut input = input.unwrap();
    let feeder = tokio::spawn(async move {
        for at in (0..ts.len()).step_by(188 * 50) {
            if input
                .push(ts.slice(at..ts.len().min(at + 188 * 50)))
                .await
                .is_err()
            {
                return;
            }
        }
        input.end_of_stream();
    });
    let mut all = Vec::new();
    let read = async {
        while let Some(chunk) = output.next().await {
            assert_eq!(chunk.len() % 188, 0);
            all.extend_from_slice(&chunk);
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the output never ended");
    feeder.await.unwrap();
    assert_eq!(control.stop(DEADLINE).await, StopOutcome::Clean);
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        told.push(event);
    }
    (all.into(), told)
}

/// Caps and timestamps of the access units of a TS.
struct Decoded {
    video: Option<gst::Caps>,
    audio: Option<gst::Caps>,
    /// (time in ms, is a keyframe)
    frames: Vec<(u64, bool)>,
}

fn probe(ts: &Bytes) -> Decoded {
    let pipeline = gst::parse::launch(
        "appsrc name=in format=bytes caps=video/mpegts,systemstream=true,packetsize=188 ! tsdemux name=d
         d. ! video/x-h264 ! h264parse ! appsink name=v sync=false async=false
         d. ! audio/mpeg ! parsebin ! appsink name=a sync=false async=false",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let src = pipeline
        .by_name("in")
        .unwrap()
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    src.push_buffer(gst::Buffer::from_slice(ts.clone()))
        .unwrap();
    src.end_of_stream().unwrap();
    let drain = |name: &str| {
        let sink = pipeline
            .by_name(name)
            .unwrap()
            .downcast::<gst_app::AppSink>()
            .unwrap();
        let mut caps = None;
        let mut frames = Vec::new();
        while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(1000)) {
            caps = sample.caps_owned();
            let buffer = sample.buffer().unwrap();
            frames.push((
                buffer.pts().unwrap().mseconds(),
                !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            ));
        }
        (caps, frames)
    };
    let (video, frames) = drain("v");
    let (audio, _) = drain("a");
    pipeline.set_state(gst::State::Null).unwrap();
    Decoded {
        video,
        audio,
        frames,
    }
}

fn field<'a, T: gst::glib::value::FromValue<'a>>(caps: Option<&'a gst::Caps>, name: &str) -> T {
    caps.and_then(|caps| caps.structure(0))
        .unwrap()
        .get(name)
        .unwrap()
}

#[tokio::test]
async fn both_tracks_are_converted() {
    let library = library();
    let (ts, told) = convert(&library, spec(Video::Encode, Audio::Encode), clip()).await;
    let decoded = probe(&ts);
    assert_eq!(
        (
            field::<i32>(decoded.video.as_ref(), "width"),
            field::<i32>(decoded.video.as_ref(), "height")
        ),
        (160, 90)
    );
    assert_eq!(
        field::<&str>(decoded.video.as_ref(), "profile"),
        "constrained-baseline"
    );
    assert_eq!(
        field::<gst::Fraction>(decoded.video.as_ref(), "framerate"),
        gst::Fraction::new(25, 1)
    );
    assert_eq!(field::<i32>(decoded.audio.as_ref(), "mpegversion"), 4);
    assert_eq!(field::<i32>(decoded.audio.as_ref(), "channels"), 2);
    assert!(
        (98..=101).contains(&decoded.frames.len()),
        "{} frames: 50 a second should be halved",
        decoded.frames.len()
    );
    assert!(
        decoded.frames.is_sorted_by_key(|frame| frame.0),
        "no B-frames"
    );
    let start = decoded.frames[0].0;
    let keys: Vec<u64> = decoded
        .frames
        .iter()
        .filter(|frame| frame.1)
        .map(|frame| frame.0 - start)
        .collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!((1950..=2050).contains(&keys[1]), "{keys:?}");
    assert!(
        told.contains(&Event::Encoded {
            width: 160,
            height: 90
        }),
        "{told:?}"
    );
    assert!(told.iter().any(|event| matches!(
        event,
        Event::SourceVideo(Picture {
            width: 320,
            height: 180,
            rate: (50, 1),
            ..
        })
    )));
    assert_eq!(told.last(), Some(&Event::EndOfStream));
}

#[tokio::test]
async fn each_track_can_be_copied() {
    let library = library();
    let (ts, _) = convert(
        &library,
        spec(Video::Copy(VideoCodec::H264), Audio::Encode),
        clip(),
    )
    .await;
    let decoded = probe(&ts);
    assert_eq!(field::<i32>(decoded.video.as_ref(), "width"), 320);
    assert_eq!(decoded.frames.len(), 200);
    assert_eq!(field::<i32>(decoded.audio.as_ref(), "mpegversion"), 4);
    let (ts, _) = convert(&library, spec(Video::Encode, Audio::Copy), clip()).await;
    let decoded = probe(&ts);
    assert_eq!(field::<i32>(decoded.video.as_ref(), "width"), 160);
    assert_eq!(field::<i32>(decoded.audio.as_ref(), "mpegversion"), 1);
}

#[tokio::test]
async fn another_encoder_by_an_override_file() {
    let dir = tempfile::tempdir().unwrap();
    let text = Topology::EncodeBoth.embedded();
    let from = text.find("x264enc").unwrap();
    let to = from + text[from..].find('\n').unwrap();
    let text = format!(
        "# openh264\n{}openh264enc name=encoder rate-control=bitrate gop-size=600{}",
        &text[..from],
        &text[to..]
    );
    fs::write(dir.path().join("encode-both.launch"), text).unwrap();
    clip();
    let library = init(Some(dir.path())).unwrap();
    assert_eq!(
        library.overridden().collect::<Vec<_>>(),
        [Topology::EncodeBoth]
    );
    let (ts, told) = convert(&library, spec(Video::Encode, Audio::Encode), clip()).await;
    let decoded = probe(&ts);
    assert_eq!(
        field::<&str>(decoded.video.as_ref(), "profile"),
        "constrained-baseline"
    );
    assert_eq!(decoded.frames.iter().filter(|frame| frame.1).count(), 2);
    assert_eq!(told.last(), Some(&Event::EndOfStream));
}

#[tokio::test]
async fn a_promised_track_that_is_not_there_is_told() {
    let library = library();
    let silent = collect(
        "videotestsrc num-buffers=50 ! video/x-raw,width=160,height=96 ! x264enc speed-preset=ultrafast ! mpegtsmux ! appsink name=tap sync=false",
    );
    let (ts, told) = convert(&library, spec(Video::Encode, Audio::Encode), silent).await;
    assert!(ts.is_empty());
    let Some(Event::Error {
        element, message, ..
    }) = told
        .iter()
        .find(|event| matches!(event, Event::Error { .. }))
    else {
        panic!("{told:?}")
    };
    assert_eq!(element, "demux");
    assert!(message.contains("no audio track"), "{message}");
}

#[tokio::test]
async fn rubbish_in_is_an_error_or_an_end_never_a_hang() {
    let library = library();
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(188 * 5000)
    .collect();
    let (_, told) = convert(&library, spec(Video::Encode, Audio::Encode), noise.into()).await;
    assert!(
        told.iter()
            .any(|event| matches!(event, Event::Error { .. } | Event::EndOfStream)),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_unknown_preset_is_refused() {
    let library = library();
    let mut spec = spec(Video::Encode, Audio::None);
    spec.profile.speed_preset = "warp".into();
    let Err(error) = start_transcode(&library, spec, label(), DEADLINE).await else {
        panic!("accepted")
    };
    assert!(
        matches!(&error, PipelineError::Setting { value, .. } if value == "warp"),
        "{error}"
    );
}

#[tokio::test]
async fn input_is_bounded_and_stops_while_full() {
    let library = library();
    let mut running = start_transcode(
        &library,
        spec(Video::Encode, Audio::Encode),
        label(),
        DEADLINE,
    )
    .await
    .unwrap();
    let input = running.input.as_mut().unwrap();
    // Nobody reads the output, so in the end the input must refuse.
    let clip = clip();
    let mut pushed = 0;
    while let Ok(taken) =
        tokio::time::timeout(Duration::from_secs(2), input.push(clip.clone())).await
    {
        taken.unwrap();
        pushed += clip.len();
        assert!(pushed < 64_000_000, "took {pushed} bytes");
    }
    // Between half full and full there is room, though no wake-up for it.
    while input.try_push(clip.clone()).unwrap().is_none() {}
    assert!(input.queued_bytes() >= 1_500_000);
    assert_eq!(running.stop(DEADLINE).await, StopOutcome::Clean);
}

#[tokio::test]
async fn ends_wake_up_when_the_control_is_dropped() {
    let library = library();
    let running = start_transcode(
        &library,
        spec(Video::Encode, Audio::Encode),
        label(),
        DEADLINE,
    )
    .await
    .unwrap();
    let Running {
        input,
        mut output,
        control,
        ..
    } = running;
    let mut input = input.unwrap();
    let reader = tokio::spawn(async move { output.next().await });
    tokio::task::yield_now().await;
    drop(control);
    assert_eq!(
        tokio::time::timeout(DEADLINE, reader)
            .await
            .unwrap()
            .unwrap(),
        None
    );
    assert!(matches!(
        input.push(Bytes::from_static(&[0x47; 188])).await,
        Err(PipelineError::Ended)
    ));
}

#[tokio::test]
async fn the_test_source_gives_both_tracks() {
    let library = library();
    let test = TestSpec {
        width: 320,
        height: 181,
        name: "News 1".into(),
        ..TestSpec::default()
    };
    let mut running = start_test(&library, test, label(), DEADLINE).await.unwrap();
    assert!(running.input.is_none());
    let mut ts = Vec::new();
    while ts.len() < 60_000 {
        ts.extend_from_slice(
            &tokio::time::timeout(PATIENCE, running.output.next())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    assert_eq!(running.stop(DEADLINE).await, StopOutcome::Clean);
    let decoded = probe(&ts.into());
    assert_eq!(
        (
            field::<i32>(decoded.video.as_ref(), "width"),
            field::<i32>(decoded.video.as_ref(), "height")
        ),
        (320, 180)
    );
    assert_eq!(field::<i32>(decoded.audio.as_ref(), "mpegversion"), 4);
}
