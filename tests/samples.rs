//! Looks at real footage: every codec, what cannot be decoded, and what is said of black, still and silent pictures.

#[path = "support/looks.rs"]
mod looks;

use std::time::Duration;

use looks::{clip, extract, jpeg_size, picture, sampler, sound};
use sightglass::actors::sampler::{PictureJob, SampleError, SoundJob};
use sightglass::samples::{self, PictureFigures, SoundFigures, Unit};
use sightglass::ts::Codec;

/// Pictures and sound of the same ten seconds in every codec, and what the first of them show.
#[tokio::test]
async fn every_codec_shows_the_same() {
    let sampler = sampler();
    let mut reference: Option<(PictureFigures, SoundFigures)> = None;
    for file in [
        "h264",
        "h264-10",
        "h264-422",
        "h264-i",
        "hevc",
        "hevc-422",
        "mpeg1",
        "mpeg2",
        "mpeg2-422",
        "mpeg4",
        "mp2",
        "mp3",
        "ac3",
        "eac3",
        "opus",
        "latm",
        "ac3-51",
    ] {
        let found = looks::first(&format!("codecs/{file}.ts"));
        let keyframe = found
            .keyframe
            .clone()
            .unwrap_or_else(|| panic!("{file}: no keyframe"));
        let shown = picture(&sampler, &found, &keyframe)
            .await
            .unwrap_or_else(|e| panic!("{file}: {e}"));
        let heard = sound(&sampler, &found)
            .await
            .unwrap_or_else(|e| panic!("{file}: {e}"));
        let frame = shown.frames[0].clone();
        assert_eq!(shown.frames.len(), 1, "{file}");
        assert_eq!(frame.pts, keyframe.pts, "{file}");
        let lines = if file == "h264-i" { 192 } else { 180 };
        assert_eq!((shown.width, shown.height), (320, lines), "{file}");
        let jpeg = shown.jpeg.expect("a JPEG");
        assert!(
            (3_000..25_000).contains(&jpeg.len()),
            "{file}: {} bytes",
            jpeg.len()
        );
        assert!(heard.seconds > 0.8, "{file}: {heard:?}");
        let Some((first, first_sound)) = &reference else {
            reference = Some((frame, heard));
            continue;
        };
        assert!(
            (frame.mean - first.mean).abs() < 3.0,
            "{file}: {} {}",
            frame.mean,
            first.mean
        );
        assert!(
            (heard.loudness - first_sound.loudness).abs() < 3.0,
            "{file}: {heard:?} {first_sound:?}"
        );
        assert!(
            !samples::is_black(&frame) && !samples::is_silent(&heard),
            "{file}"
        );
    }
    sampler.close().await;
}

#[tokio::test]
async fn every_form_of_picture_and_sound() {
    let sampler = sampler();
    for (file, size, small) in [
        ("looks/tiny.ts", (16, 16), (16, 16)),
        ("looks/portrait.ts", (360, 640), (180, 320)),
        ("looks/wide.ts", (720, 576), (320, 180)),
        ("looks/uhd.ts", (3840, 2160), (320, 180)),
        ("mpeg2i.ts", (720, 576), (320, 180)),
        ("hevc10.ts", (320, 180), (320, 180)),
        ("h1080.ts", (1920, 1080), (320, 180)),
        ("noaudio.ts", (640, 272), (320, 136)),
    ] {
        let found = extract(file);
        let keyframe = found
            .keyframe
            .clone()
            .unwrap_or_else(|| panic!("{file}: no keyframe"));
        let shown = picture(&sampler, &found, &keyframe)
            .await
            .unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!((shown.width, shown.height), size, "{file}");
        assert_eq!(
            shown.jpeg.as_deref().and_then(jpeg_size),
            Some(small),
            "{file}"
        );
        assert!(
            !samples::is_black(&shown.frames[0]),
            "{file}: {:?}",
            shown.frames[0].mean
        );
    }
    for (file, channels) in [
        ("looks/aac-mono.ts", 1),
        ("looks/aac-51.ts", 6),
        ("radio.ts", 2),
    ] {
        let heard = sound(&sampler, &extract(file))
            .await
            .unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(heard.channels, channels, "{file}");
        assert!(
            !samples::is_silent(&heard) && heard.loudness > -58.0,
            "{file}: {heard:?}"
        );
    }
    sampler.close().await;
}

/// What cannot be decoded costs nobody else anything, and leaves nothing behind.
#[tokio::test]
async fn two_hundred_broken_units_leave_no_trace() {
    let sampler = sampler();
    let good = looks::middle();
    let keyframe = good.keyframe.clone().expect("a keyframe");
    let reference = picture(&sampler, &good, &keyframe)
        .await
        .expect("a picture");
    let heard = sound(&sampler, &good).await.expect("sound");
    let before = looks::census();
    let mut failed = 0;
    for round in 0..200 {
        let (codec, data) = looks::broken(&keyframe.data, round);
        let unit = Unit {
            data: data.into(),
            ..keyframe.clone()
        };
        let job = PictureJob {
            stream: looks::stream(),
            codec,
            units: vec![unit; if round % 8 == 7 { 3 } else { 1 }],
            jpeg: round % 2 == 0,
            all: round % 8 == 7,
        };
        let result = tokio::time::timeout(Duration::from_secs(7), sampler.picture(job)).await;
        match result.expect("an answer within the deadline") {
            // A picture of which a part is missing is shown with that part made up.
            Ok(_) => {}
            Err(error) => {
                assert!(error.blames_source(), "{round}: {error}");
                failed += 1;
            }
        }
        let mut units = good.sound.clone().expect("sound");
        looks::break_sound(&mut units, round);
        let job = SoundJob {
            stream: looks::stream(),
            units,
        };
        let result = tokio::time::timeout(Duration::from_secs(7), sampler.sound(job)).await;
        if let Err(error) = result.expect("an answer within the deadline") {
            assert!(error.blames_source(), "{round}: {error}");
        }
        if round % 20 == 0 {
            let again = picture(&sampler, &good, &keyframe)
                .await
                .expect("a picture");
            assert_eq!(again.frames, reference.frames, "{round}");
            assert_eq!(again.jpeg, reference.jpeg, "{round}");
            assert_eq!(sound(&sampler, &good).await.as_ref(), Ok(&heard), "{round}");
        }
    }
    assert!(failed > 120, "{failed} of 200 were refused or failed");
    looks::settles(before).await;
    sampler.close().await;
    assert_eq!(sightglass::pipeline::census().wedged, 0);
    let job = SoundJob {
        stream: looks::stream(),
        units: good.sound.expect("sound"),
    };
    assert_eq!(sampler.sound(job).await, Err(SampleError::Closed));
}

/// Prints what the figures of each clip are: what is said of it, and with what margin.
#[tokio::test]
async fn verdicts_on_real_footage() {
    let sampler = sampler();
    let mut all = Vec::new();
    let black = [
        "looks/black.ts",
        "looks/black-noise.ts",
        "looks/black-logo.ts",
    ];
    let still = [
        "looks/frozen.ts",
        "looks/frozen-low.ts",
        "looks/frozen-grain.ts",
    ];
    println!(
        "| clip | dark | inside | peak | spread | mean, most, fine of keyframes: least to most | of a group: most |"
    );
    println!("|---|---|---|---|---|---|---|");
    for file in black.into_iter().chain(still).chain([
        "looks/still-grain.ts",
        "looks/still-grain-low.ts",
        "looks/pan.ts",
        "looks/dim.ts",
        "looks/night.ts",
        "looks/credits.ts",
        "bbb-4s/index.m3u8",
        "gop10.ts",
        "mpeg2i.ts",
        "h1080.ts",
    ]) {
        let seen = looks::survey(&sampler, file).await;
        println!("{}", seen.row(file));
        all.push((file, seen));
    }
    for (file, seen) in &all {
        let is_black = seen
            .keyframes
            .iter()
            .filter(|seen| samples::is_black(seen))
            .count();
        let is_still = seen
            .pairs()
            .filter(|(a, b)| samples::is_still(a, b))
            .count();
        let is_frozen = samples::is_frozen(&seen.group);
        let of = (seen.keyframes.len(), seen.pairs().count());
        let told = format!(
            "{file}: {is_black} of {} black, {is_still} of {} still, {is_frozen}",
            of.0, of.1
        );
        println!("{told}");
        if black.contains(file) {
            assert_eq!(is_black, of.0, "{told}");
        } else {
            // The trailer has moments of black.
            assert!(is_black * 4 <= of.0, "{told}");
        }
        if still.contains(file) {
            assert!(is_still == of.1 && is_frozen, "{told}");
        } else if !black.contains(file) {
            assert!(!is_frozen, "{told}");
        }
    }
    println!("\n| clip | loudness | momentary | peak |\n|---|---|---|---|");
    for (file, silent) in [
        ("looks/silent.ts", true),
        ("looks/noise-70.ts", true),
        ("looks/quiet.ts", false),
        ("looks/loud.ts", false),
        ("radio.ts", false),
        ("codecs/ac3-51.ts", false),
    ] {
        let heard = sound(&sampler, &extract(file))
            .await
            .unwrap_or_else(|e| panic!("{file}: {e}"));
        println!(
            "| {file} | {:.1} | {:.1} | {:.1} |",
            heard.loudness, heard.momentary, heard.peak
        );
        assert_eq!(samples::is_silent(&heard), silent, "{file}");
    }
    assert_eq!(
        clip("looks/black.ts").1.video().map(|track| track.codec),
        Some(Codec::H264)
    );
    sampler.close().await;
}
