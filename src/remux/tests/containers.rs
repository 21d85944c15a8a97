//! Each container alone.

use super::build::*;
use super::*;

fn video(all: &[Seen]) -> Vec<&Seen> {
    all.iter().filter(|unit| unit.pid == 0x100).collect()
}

#[test]
fn fragments_keep_times_and_gain_parameter_sets() {
    let (out, result, remux) = whole(Container::Any, &fragmented(3));
    assert_eq!(result, Ok(()));
    let bytes = joined(&out);
    let all = seen(&bytes);
    let pictures = video(&all);
    assert_eq!(pictures.len(), 75);
    // 25 Hz; B pictures reach 512 of 12,800 back, so that decoding is a frame earlier.
    let base = pictures[0].pts;
    assert_eq!(base - pictures[0].dts, 3600);
    assert!(pictures.is_sorted_by(|a, b| b.dts - a.dts == 3600));
    assert_eq!(pictures[1].pts - base, 3600 + 7200);
    assert_eq!(pictures[2].pts - base, 2 * 3600 - 3600);
    let keys: Vec<bool> = pictures.iter().map(|unit| unit.key).collect();
    assert!((0..75).all(|i| keys[i] == (i % 25 == 0)));
    let start = [
        &[0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1][..],
        &SPS,
        &[0, 0, 0, 1],
        &PPS,
    ]
    .concat();
    assert!(pictures[0].data.starts_with(&start));
    assert_eq!(pictures[0].data.len(), start.len() + 4 + 40);
    // Sound and pictures of time 0 are shown together.
    let sound: Vec<&Seen> = all.iter().filter(|unit| unit.pid == 0x101).collect();
    assert_eq!(sound[0].pts, base);
    let frames: usize = sound.iter().map(|unit| unit.data.len() / 27).sum();
    assert_eq!(frames, 141);
    assert!(sound.len() < 141 / 2, "frames go together: {}", sound.len());
    assert_eq!((remux.stats().damaged, remux.stats().late), (0, 0));
    // Tables announce a language that the movie names.
    let tracks = out.iter().find_map(|output| match output {
        Output::Notice(Notice::Tracks(tracks)) => Some(tracks.clone()),
        _ => None,
    });
    assert_eq!(tracks.unwrap()[1].language.as_deref(), Some("deu"));
}

#[test]
fn edit_lists_shift_what_they_say() {
    let edits = [(500, u32::MAX), (0, 1024)];
    let audio = Trak {
        edits: &edits,
        ..Trak::audio()
    };
    let file = [
        moov(&[Trak::video(), audio]),
        seconds(0, 2, true, true).concat(),
    ]
    .concat();
    let all = seen(&joined(&whole(Container::Mp4, &file).0));
    let first = |pid| all.iter().find(|unit| unit.pid == pid).unwrap().pts;
    // Half a second of nothing, less a frame of 1,024 that is not to be heard.
    assert_eq!(first(0x101) - first(0x100), 45_000 - 1920);
}

#[test]
fn progressive_files_are_read_from_either_end() {
    let samples: Vec<u8> = (0..50).flat_map(|i| picture(i == 0, 96)).collect();
    let build = |offset| {
        let trak = Trak {
            tables: tables(50, 100, 512, offset),
            ..Trak::video()
        };
        moov(&[trak])
    };
    let size = build(0).len() as u32;
    let fast = [build(size + 8), bx(b"mdat", &[&samples])].concat();
    let (out, result, remux) = whole(Container::Mp4, &fast);
    assert_eq!((result, remux.need(0)), (Ok(()), Need::Done));
    assert_eq!(seen(&joined(&out)).len(), 50);

    let slow = [bx(b"mdat", &[&samples]), build(8)].concat();
    let mut remux = Remux::new(vec![InputOptions::new(Container::Mp4)], Limits::default());
    let mut other = Vec::new();
    let (mut at, mut jumps) = (0, 0);
    while remux.need(0) != Need::Done {
        remux
            .push(0, &slow[at..at + 100.min(slow.len() - at)], &mut other)
            .unwrap();
        at += 100;
        if let Need::From(offset) = remux.need(0) {
            at = offset as usize;
            remux.seek(0, offset);
            jumps += 1;
        }
    }
    remux.finish(&mut other);
    assert_eq!((joined(&other), jumps), (joined(&out), 2));
    // Read on without ranges it can't be shown.
    let mut remux = Remux::new(vec![InputOptions::new(Container::Mp4)], Limits::default());
    remux.push(0, &slow[..100], &mut other).unwrap();
    let error = remux.push(0, &slow[100..], &mut other);
    assert_eq!(error, Err(RemuxError::IndexAtEnd));
}

#[test]
fn what_cannot_be_carried_is_named() {
    let of = |traks: &[Trak<'_>]| {
        let (out, result, _) = whole(Container::Mp4, &moov(traks));
        let notices: Vec<Notice> = (out.into_iter())
            .filter_map(|output| match output {
                Output::Notice(notice) => Some(notice),
                _ => None,
            })
            .collect();
        (notices, result)
    };
    let entry = |code: &[u8; 4]| Trak {
        entry: video_entry(code),
        ..Trak::video()
    };
    let notice = |rest| Notice::Unsupported {
        input: 0,
        kind: Kind::Video,
        codec: "av1".into(),
        rest,
    };
    let (notices, result) = of(&[entry(b"av01"), Trak::audio()]);
    assert_eq!((notices, result), (vec![notice(true)], Ok(())));
    let codecs = vec!["av1".to_owned()];
    let (notices, result) = of(&[entry(b"av01")]);
    assert_eq!(
        (notices, result),
        (vec![notice(false)], Err(RemuxError::Unsupported { codecs }))
    );
    let encrypted = Trak {
        entry: encrypted_entry(),
        ..Trak::video()
    };
    let scheme = Some("cbcs".to_owned());
    assert_eq!(of(&[encrypted]).1, Err(RemuxError::Encrypted { scheme }));
    assert!(matches!(of(&[]).1, Err(RemuxError::NotMedia(_))));
    let (_, result, _) = whole(Container::Any, b"<!doctype html>");
    assert!(matches!(result, Err(RemuxError::NotMedia(_))));
}

#[test]
fn flv_files_and_tags_give_the_same() {
    let (out, result, _) = whole(Container::Any, &flv(60));
    assert_eq!(result, Ok(()));
    let all = seen(&joined(&out));
    let pictures = video(&all);
    assert_eq!(pictures.len(), 60);
    assert_eq!(pictures[0].pts - pictures[0].dts, 3600);
    assert!(pictures.is_sorted_by(|a, b| b.dts - a.dts == 3600));
    let sound: usize = all
        .iter()
        .filter(|u| u.pid == 0x101)
        .map(|u| u.data.len() / 27)
        .sum();
    assert_eq!(sound, 60);
}

/// As ffmpeg writes what it copies from ADTS.
#[test]
fn flv_whose_sound_is_configured_late_lists_it_from_the_start() {
    let (late, empty) = (tag(8, 0, &[0xaf, 0, 0x11, 0x90]), tag(8, 0, &[0xaf, 0]));
    let whole_file = flv(60);
    let at = whole_file.windows(late.len()).position(|w| w == late);
    let (head, rest) = whole_file.split_at(at.unwrap());
    let rest = &rest[late.len()..];
    let size = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
    let (picture, rest) = rest.split_at(size + 15);
    let file = [head, &empty, picture, &late, rest].concat();
    let (out, result, _) = whole(Container::Any, &file);
    assert_eq!(result, Ok(()));
    let notices = out.iter().filter_map(|output| match output {
        Output::Notice(Notice::Tracks(tracks)) => Some(tracks.len()),
        Output::Notice(other) => panic!("{other:?}"),
        _ => None,
    });
    assert_eq!(notices.collect::<Vec<_>>(), [2]);
}

#[test]
fn rtmp_goes_on_over_the_wrap_of_its_milliseconds() {
    let mut remux = Remux::new(vec![InputOptions::new(Container::Flv)], Limits::live());
    let mut out = Vec::new();
    let mut send = |kind, time, body: &[u8]| remux.flv_tag(0, kind, time, body, &mut out).unwrap();
    let start = u32::MAX - 1019;
    send(9, start, &flv_avc());
    // Sound is announced by nothing and never comes: pictures do not wait for ever.
    for i in 0..100_u32 {
        let body = [&[0x27, 1, 0, 0, 0][..], &picture(false, 60)].concat();
        send(9, start.wrapping_add(i * 40), &body);
    }
    let held = remux.stats().held_bytes;
    assert!(held < 40 * 400, "{held}");
    remux.finish(&mut out);
    assert!(
        !out.iter()
            .any(|output| matches!(output, Output::Discontinuity))
    );
    let all = seen(&joined(&out));
    assert_eq!(all.len(), 100);
    assert!(all.is_sorted_by(|a, b| (b.dts + WRAP - a.dts) % WRAP == 3600));
}

#[test]
fn enhanced_rtmp_brings_hevc() {
    let mut record = vec![1; 21];
    record.extend([3, 1, 0xa1, 0, 1, 0, 3, 0x42, 1, 5]);
    let mut remux = Remux::new(vec![InputOptions::new(Container::Flv)], Limits::live());
    let mut out = Vec::new();
    let unit = [0, 0, 0, 3, 0x26, 1, 9];
    let config = [&[0x90][..], b"hvc1", &record].concat();
    let timed = [&[0x91][..], b"hvc1", &[0, 0, 40], &unit].concat();
    let at_once = [&[0x93][..], b"hvc1", &unit].concat();
    for (time, body) in [(0, config), (0, timed), (40, at_once)] {
        remux.flv_tag(0, 9, time, &body, &mut out).unwrap();
    }
    remux.finish(&mut out);
    let all = seen(&joined(&out));
    assert_eq!(
        (all[0].pts - all[0].dts, all[1].pts - all[1].dts),
        (3600, 0)
    );
    let start = [
        0, 0, 0, 1, 0x46, 1, 0x50, 0, 0, 0, 1, 0x42, 1, 5, 0, 0, 0, 1,
    ];
    assert!(
        all.iter()
            .all(|unit| unit.key && unit.data.starts_with(&start))
    );
    let mut out = Vec::new();
    let av1 = [&[0x90][..], b"av01", &[0; 4]].concat();
    remux.flv_tag(0, 9, 80, &av1, &mut out).unwrap();
    assert!(matches!(
        &out[..],
        [Output::Notice(Notice::Unsupported { codec, .. })] if codec == "av1"
    ));
}

#[test]
fn clock_and_tables_come_often_enough_however_slow_the_pictures() {
    let samples: Vec<Sample> = (0..8)
        .map(|i| (picture(i == 0, 50), 12_800, 0, i == 0))
        .collect();
    let file = [moov(&[Trak::video()]), fragment(&[(1, 0, samples)])].concat();
    let bytes = joined(&whole(Container::Mp4, &file).0);
    let mut clocks = Vec::new();
    let mut since_tables = 0;
    for packet in bytes.as_chunks::<PACKET>().0 {
        if packet[3] & 0x20 != 0 && packet[4] > 6 && packet[5] & 0x10 != 0 {
            let high = u32::from_be_bytes([packet[6], packet[7], packet[8], packet[9]]);
            clocks.push(u64::from(high) * 2);
            since_tables += 1;
        }
        if packet[1..3] == [0x40, 0] {
            since_tables = 0;
        }
        assert!(since_tables <= 6);
    }
    assert!(clocks.len() > 80);
    assert!(clocks.is_sorted_by(|a, b| (1..=9000).contains(&(b - a))));
}

#[test]
fn tables_that_claim_what_is_not_there_cost_nothing() {
    // Four thousand million samples behind the reader, or of no size at all.
    for (size, offset) in [(1, 0), (0, 5000)] {
        let trak = Trak {
            tables: tables(u32::MAX, size, 512, offset),
            ..Trak::video()
        };
        let file = [moov(&[trak]), bx(b"mdat", &[&[0; 5000]])].concat();
        let mut remux = Remux::new(vec![InputOptions::new(Container::Mp4)], Limits::default());
        let mut out = Vec::new();
        let mut result = remux.push(0, &file, &mut out);
        if let Need::From(offset) = remux.need(0) {
            remux.seek(0, offset + 1000);
            result = remux.push(0, &[0; 5000], &mut out);
        }
        assert!(remux.stats().held_bytes < 1 << 20, "{result:?}");
    }
}
