//! The cutter as a whole.

mod any;
mod breaks;
mod hostile;

use crate::ts::clock::{WRAP, distance};
use crate::ts::packet::Header;
use crate::ts::pes::Pes;
use crate::ts::testing::{Feed, LEAD, cut, joined, packet, pat, pes, pids, pmt};
use crate::ts::{Chunk, Codec, Cutter, CutterOptions, PACKET};

/// What a reader sees in the output, in order.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    pid: u16,
    pcr: Option<u64>,
    dts: Option<u64>,
    pts: Option<u64>,
}

fn seen(data: &[u8]) -> Vec<Seen> {
    let packets = data.as_chunks::<PACKET>().0.iter();
    packets
        .filter_map(|p| {
            let h = Header::parse(p);
            let unit = h
                .clear_payload(p)
                .filter(|_| h.start && h.pid >= 0x100 && h.pid < 0x1000);
            let unit = unit.and_then(|payload| Pes::parse(payload, 0));
            let dts = unit.as_ref().and_then(Pes::decode_time);
            let pts = unit.and_then(|unit| unit.pts).map(|stamp| stamp.value);
            (h.pcr.is_some() || dts.is_some()).then_some(Seen {
                pid: h.pid,
                pcr: h.pcr,
                dts,
                pts,
            })
        })
        .collect()
}

/// Asserts that nothing goes back or leaps on any PID, and that no counter is out of order, but for
/// `table_errors`: tables that come before the first stamp of an unannounced timeline.
fn assert_continuous(data: &[u8], leap: i64, table_errors: u64) {
    let all = seen(data);
    for pid in pids(data) {
        let of = |value: fn(&Seen) -> Option<u64>| {
            let values: Vec<u64> = all
                .iter()
                .filter(|s| s.pid == pid)
                .filter_map(value)
                .collect();
            for (i, pair) in values.windows(2).enumerate() {
                let step = distance(pair[0], pair[1]);
                assert!(
                    (1..=leap).contains(&step),
                    "PID {pid:#x}, stamp {i}: {step}"
                );
            }
        };
        of(|s| s.pcr);
        of(|s| s.dts);
        of(|s| s.pts);
    }
    assert_eq!(
        cut(data, data.len()).0.stats().continuity_errors,
        table_errors
    );
}

fn keyframes(chunks: &[Chunk]) -> Vec<(usize, u64)> {
    let mut at = 0;
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend(chunk.keyframe.as_ref().map(|keyframe| (at, keyframe.pts)));
        at += chunk.data.len();
    }
    out
}

fn with_break(sources: &[Vec<u8>], announced: bool) -> (Cutter, Vec<Chunk>) {
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut out = Vec::new();
    for (i, source) in sources.iter().enumerate() {
        if i > 0 && announced {
            cutter.discontinuity();
        }
        for part in source.chunks(1000) {
            cutter.push(part, &mut out);
        }
    }
    cutter.finish(&mut out);
    (cutter, out)
}

#[test]
fn bytes_pass_unchanged_and_chunks_begin_at_keyframes() {
    let input = Feed::default().play(WRAP - 100_000, 100);
    let (cutter, chunks) = cut(&input, 1000);
    assert!(joined(&chunks) == input);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.data.len() <= 32 * 1024 && chunk.data.len() % PACKET == 0)
    );
    let keys = keyframes(&chunks);
    let pts: Vec<u64> = keys.iter().map(|(_, pts)| pts - keys[0].1).collect();
    assert_eq!(pts, [0, 90_000, 180_000, 270_000]);
    for (at, pts) in keys {
        let p = input[at..].first_chunk().unwrap();
        let h = Header::parse(p);
        assert!(h.pid == 0x100 && h.start && h.random_access);
        assert_eq!(
            pts % WRAP,
            h.pcr.map(|pcr| (pcr + LEAD + 7200) % WRAP).unwrap()
        );
    }
    let tracks = cutter.tracks().unwrap();
    assert_eq!(
        tracks.codecs_rfc6381().as_deref(),
        Some("avc1.42001f,mp4a.40.2")
    );
    assert_eq!(tracks.video().unwrap().video.as_ref().unwrap().width, 1280);
    assert_eq!(
        (
            tracks.audio().unwrap().language.as_deref(),
            tracks.tracks.len()
        ),
        (Some("eng"), 2)
    );
    assert_eq!(cutter.stats().continuity_errors, 0);
}

#[test]
fn joiners_get_tables_that_fit() {
    let (_, chunks) = cut(&Feed::default().play(0, 100), 1000);
    for (i, chunk) in chunks.iter().enumerate() {
        let Some(keyframe) = &chunk.keyframe else {
            continue;
        };
        let (cutter, mut again) = cut(&[&keyframe.psi[..], &joined(&chunks[i..])].concat(), 500);
        assert_eq!(cutter.stats().continuity_errors, 0);
        assert!(cutter.tracks().unwrap().video().unwrap().video.is_some());
        again.retain(|chunk| chunk.keyframe.is_some());
        assert_eq!(again[0].keyframe.as_ref().unwrap().pts, keyframe.pts);
    }
}

#[test]
fn flush_holds_nothing_back_once_decided() {
    let input = Feed::default().play(0, 60);
    let mut cutter = Cutter::new(CutterOptions::default());
    let (mut out, mut given) = (Vec::new(), 0);
    for part in input.chunks(PACKET) {
        cutter.push(part, &mut out);
        cutter.flush(&mut out);
        given += part.len();
        let got: usize = out.iter().map(|chunk| chunk.data.len()).sum();
        // The aligner wants four sync bytes at the start; afterwards the first packet of a unit decides.
        assert!(given - got <= 3 * PACKET, "{given} {got}");
        assert!(given < 4 * PACKET || given == got, "{given} {got}");
    }
    let (_, whole) = cut(&input, input.len());
    assert_eq!((joined(&out), keyframes(&out)), (input, keyframes(&whole)));
}

#[test]
fn sound_alone_has_keyframes_too() {
    let input = Feed {
        video: false,
        ..Feed::default()
    }
    .play(0, 100);
    let (cutter, chunks) = cut(&input, 700);
    let keys: Vec<u64> = keyframes(&chunks).iter().map(|(_, pts)| *pts).collect();
    assert_eq!(keys.len(), 8);
    assert!(keys.windows(2).all(|pair| pair[1] - pair[0] == 13 * 3600));
    assert_eq!(
        cutter.tracks().unwrap().codecs_rfc6381().as_deref(),
        Some("mp4a.40.2")
    );
}

#[test]
fn the_access_unit_overrules_its_flag() {
    let mut feed = Feed {
        flag: false,
        ..Feed::default()
    };
    let p = pes(
        0xe0,
        Some(9000),
        None,
        &[0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 5, 5],
    );
    feed.unit(0x100, &p, None, true);
    let early = feed.out.len();
    let input = feed.play(0, 30);
    let (_, chunks) = cut(&input, 1000);
    assert_eq!(
        keyframes(&chunks)
            .iter()
            .map(|(at, _)| at - early)
            .collect::<Vec<_>>()
            .len(),
        2
    );
}

#[test]
fn changed_tracks_are_published_anew() {
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut out = Vec::new();
    cutter.push(&Feed::default().play(0, 50), &mut out);
    let first = cutter.tracks().unwrap().clone();
    cutter.push(&Feed::default().play(180_000, 50), &mut out);
    assert!(std::sync::Arc::ptr_eq(&first, cutter.tracks().unwrap()));
    cutter.push(
        &Feed {
            audio: vec![0x101, 0x102],
            ..Feed::default()
        }
        .play(360_000, 50),
        &mut out,
    );
    assert_eq!(cutter.tracks().unwrap().tracks.len(), 3);
    assert!(
        cutter.tracks().unwrap().tracks[1..]
            .iter()
            .all(|track| track.audio.is_some())
    );
}

#[test]
fn a_silent_audio_track_is_given_up() {
    let mut feed = Feed {
        audio: vec![0x101],
        ..Feed::default()
    };
    let map = pmt(
        0x1000,
        1,
        0x100,
        &[
            (0x100, 0x1b, &[]),
            (0x101, 0x0f, &[]),
            (0x102, 0x0f, &[]),
            (0x103, 0x81, &[]),
        ],
    );
    feed.out.extend(pat(&[(1, 0x1000)]));
    feed.out.extend(map);
    let mut input = feed.play(0, 100);
    // Take out the tables that list fewer.
    let mut at = 2 * PACKET;
    while at < input.len() {
        let pid = Header::parse(input[at..].first_chunk().unwrap()).pid;
        if pid == 0 || pid == 0x1000 {
            input.drain(at..at + PACKET);
        } else {
            at += PACKET;
        }
    }
    let mut cutter = Cutter::new(CutterOptions::default());
    let mut out = Vec::new();
    let half = input.len() / 2 - 20_000;
    cutter.push(&input[..half], &mut out);
    assert!(cutter.tracks().is_none());
    cutter.push(&input[half..], &mut out);
    let tracks = cutter.tracks().unwrap();
    assert_eq!(
        tracks
            .tracks
            .iter()
            .map(|t| t.audio.is_some())
            .collect::<Vec<_>>(),
        [false, true, false, false]
    );
    assert_eq!(tracks.tracks[3].codec, Codec::Ac3);
}
