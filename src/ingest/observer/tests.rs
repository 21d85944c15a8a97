//! What is found in healthy footage (nothing), and with each fault put in (that, and no other).

use std::sync::Arc;

use super::*;
use crate::base::clock::now;
use crate::ingest::progress::Variant;
use crate::ingest::sink;
use crate::ts::PACKET;

const VIDEO: u16 = 256;
const AUDIO: u16 = 257;

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".media")
}

fn media(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e} (make media)", path.display()))
}

fn transport() -> Found {
    Found {
        container: Some("mpeg-ts"),
        live: Some(true),
        ..Found::default()
    }
}

fn observer(found: &Found) -> Observer {
    let observer = Observer::default();
    observer.enable();
    observer.restart(found);
    observer
}

fn present(observed: &Observed) -> Vec<Finding> {
    let mut all = findings(observed, &Limits::default());
    let few = |finding: &Finding| finding.numbers.len() <= 8;
    assert!(all.iter().all(few), "{all:?}");
    all.retain(|finding| finding.present);
    all
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// Fifteen seconds in the middle of a clip, after ten that are as they should be.
fn with_fault(fault: impl Fn(usize, &mut Vec<u8>) -> bool) -> Vec<&'static str> {
    let clip = media("bbb.ts");
    let packets = clip.as_chunks::<PACKET>().0;
    let third = packets.len() / 4;
    let observer = observer(&transport());
    let at = now();
    observer.bytes(packets[..third].as_flattened(), at);
    assert_eq!(present(&observer.take(at)), []);
    for (n, packet) in packets[third..third * 2].iter().enumerate() {
        let mut packet = packet.to_vec();
        if fault(n, &mut packet) {
            observer.bytes(&packet, at);
        }
    }
    let found = present(&observer.take(at));
    assert!(
        found.iter().all(|finding| !finding.text.is_empty()),
        "{found:?}"
    );
    found.into_iter().map(|finding| finding.kind).collect()
}

#[test]
fn healthy_footage_raises_nothing() {
    let mut clips: Vec<String> = [
        "bbb",
        "gop10",
        "h1080",
        "hevc10",
        "mp2",
        "mpeg2i",
        "noaudio",
        "radio",
        "two-programmes",
    ]
    .map(|name| format!("{name}.ts"))
    .into();
    for clip in std::fs::read_dir(folder().join("codecs")).unwrap() {
        clips.push(format!(
            "codecs/{}",
            clip.unwrap().file_name().to_string_lossy()
        ));
    }
    for clip in clips {
        let observer = observer(&transport());
        let mut at = now();
        // Looks of a few seconds, over a loop that the pull has announced.
        for _ in 0..2 {
            for part in media(&clip).chunks(300_000) {
                observer.bytes(part, at);
                at += Duration::from_secs(5);
                assert_eq!(present(&observer.take(at)), [], "{clip}");
            }
            observer.discontinuity();
        }
    }
}

#[test]
fn healthy_segments_raise_nothing() {
    let text = std::fs::read(folder().join("bbb-4s/index.m3u8")).unwrap();
    let base = "http://h.example/bbb-4s/index.m3u8".parse().unwrap();
    let parsed = crate::hls::parse(&text, &base, &crate::hls::Limits::default()).unwrap();
    let crate::hls::Playlist::Media(all) = parsed else {
        panic!("a media playlist");
    };
    let variants = vec![Variant {
        bandwidth: Some(3_500_000),
        chosen: true,
        ..Variant::default()
    }];
    let observer = observer(&Found {
        variants,
        ..transport()
    });
    let mut at = now();
    for round in 0..3 {
        for (n, segment) in all.segments.iter().enumerate() {
            let number = (round * all.segments.len() + n) as u64;
            let playlist = MediaPlaylist {
                media_sequence: number,
                segments: vec![crate::hls::Segment {
                    sequence: number,
                    ..segment.clone()
                }],
                ended: false,
                ..all.clone()
            };
            observer.playlist(&playlist, at);
            observer.segment_begins(segment.duration, true);
            if n == 0 && round > 0 {
                observer.discontinuity();
            }
            let name = segment
                .uri
                .path_segments()
                .unwrap()
                .next_back()
                .unwrap()
                .to_owned();
            let body = media(&format!("bbb-4s/{name}"));
            for part in body.chunks(100_000) {
                observer.bytes(part, at);
            }
            observer.segment(SegmentSeen {
                sequence: number,
                announced: segment.duration,
                media: None,
                bytes: body.len() as u64,
                took: Duration::from_millis(300),
                failed: false,
            });
            at += segment.duration;
            let observed = observer.take(at);
            assert_eq!(present(&observed), [], "{name}");
            let playlist = observed.playlist.unwrap();
            assert_eq!(playlist.announced_bandwidth, Some(3_500_000));
            assert!(playlist.measured.0 > 0, "{name}");
            assert_eq!(playlist.measured.1, 0, "{name}");
            assert!(
                observed.scan.errors.is_clean(),
                "{:?}",
                observed.scan.errors
            );
        }
    }
}

#[test]
fn each_fault_is_found_and_no_other() {
    assert_eq!(with_fault(|_, _| true), [""; 0]);
    // One glitch is none.
    assert_eq!(with_fault(|n, _| n != 1000), [""; 0]);
    assert_eq!(with_fault(|n, _| n % 1000 != 500), ["continuity"]);
    let damaged = |n: usize, p: &mut Vec<u8>| {
        if n.is_multiple_of(500) {
            p.extend([&[0x47, 0x9f, 0xff, 0x10], &[0xff; 184][..]].concat());
        }
        true
    };
    assert_eq!(with_fault(damaged), ["transport"]);
    let untabled = |_: usize, p: &mut Vec<u8>| pid(p) != 4096 && pid(p) != 0;
    assert_eq!(with_fault(untabled), ["transport"]);
    let scrambled = |_: usize, p: &mut Vec<u8>| {
        if pid(p) == VIDEO {
            p[3] |= 0xc0;
        }
        true
    };
    assert_eq!(with_fault(scrambled), ["scrambled"]);
    let without_audio = |_: usize, p: &mut Vec<u8>| pid(p) != AUDIO;
    assert_eq!(with_fault(without_audio), ["no_audio"]);
    let without_video = |_: usize, p: &mut Vec<u8>| pid(p) != VIDEO;
    assert_eq!(with_fault(without_video), ["no_video"]);
}

#[test]
fn a_tenth_of_the_usual_rate_is_found() {
    let clip = media("bbb.ts");
    let packets = clip.as_chunks::<PACKET>().0;
    let observer = observer(&transport());
    let at = now();
    for part in packets.chunks(packets.len() / 5) {
        observer.bytes(part.as_flattened(), at);
        assert_eq!(present(&observer.take(at)), []);
    }
    observer.discontinuity();
    // Pictures of one packet, each of which carries the clock.
    for packet in packets {
        if pid(packet) != VIDEO || packet[1] & 0x40 != 0 {
            let few = pid(packet) != AUDIO;
            if few {
                observer.bytes(packet, at);
            }
        }
    }
    let kinds: Vec<_> = present(&observer.take(at)).iter().map(|f| f.kind).collect();
    assert!(kinds.contains(&"bitrate"), "{kinds:?}");
}

#[test]
fn playlists_and_slow_segments() {
    let report = |change: fn(&mut PlaylistReport)| {
        let mut playlist = PlaylistReport {
            target_duration: Duration::from_secs(4),
            live: true,
            loaded: 3,
            segments: 3,
            announced: Duration::from_secs(12),
            took: Duration::from_secs(2),
            listed: 3,
            measured: (3, 0),
            ..PlaylistReport::default()
        };
        change(&mut playlist);
        let observed = Observed {
            playlist: Some(playlist),
            ..Observed::default()
        };
        present(&observed)
            .into_iter()
            .map(|f| f.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(report(|_| {}), [""; 0]);
    // A client that asks each half target duration sees 1.5 of them where a segment is a little late.
    assert_eq!(
        report(|p| p.unchanged_for = Duration::from_millis(6500)),
        [""; 0]
    );
    assert_eq!(
        report(|p| p.unchanged_for = Duration::from_secs(7)),
        ["stale"]
    );
    assert_eq!(
        report(|p| (p.unchanged_for, p.live) = (Duration::from_secs(99), false)),
        [""; 0]
    );
    assert_eq!(report(|p| p.took = Duration::from_secs(13)), ["slow"]);
    assert_eq!(report(|p| p.regressions = 1), [""; 0]);
    assert_eq!(report(|p| p.regressions = 2), ["playlist"]);
    assert_eq!(report(|p| p.restarts = 1), ["playlist"]);
    assert_eq!(report(|p| p.missed = 1), ["playlist"]);
    assert_eq!(report(|p| p.failures_in_row = 2), ["playlist"]);
    assert_eq!(report(|p| p.segments_failed = 2), ["playlist"]);
    // They come again, one after the other.
    assert_eq!(
        report(|p| (p.segments_failed, p.segments_in_row) = (2, 3)),
        [""; 0]
    );
    assert_eq!(report(|p| p.over_target = 3), ["playlist"]);
    assert_eq!(report(|p| p.measured.1 = 2), ["playlist"]);
}

#[test]
fn what_was_multiplexed_here_tells_nothing_of_the_transport() {
    let observer = observer(&Found {
        container: Some("fmp4"),
        ..Found::default()
    });
    let at = now();
    observer.bytes(&media("bbb-4s/seg-000.ts"), at);
    let observed = observer.take(at);
    assert!(
        observed.remuxed && observed.scan.errors.is_clean(),
        "{observed:?}"
    );
    let kinds: Vec<_> = findings(&observed, &Limits::default())
        .iter()
        .map(|f| f.kind)
        .collect();
    assert!(
        !kinds.contains(&"continuity") && kinds.contains(&"no_audio"),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_trial_is_not_watched_and_neither_is_a_way_apart() {
    let observer = Arc::new(Observer::default());
    let trial = Arc::new(AtomicBool::new(true));
    let (sink, mut drain) = sink::channel();
    let sink = sink.watched_by(Arc::clone(&observer), Arc::clone(&trial));
    let packets = bytes::Bytes::from(media("bbb.ts")).slice(..100 * PACKET);
    let send = async || {
        sink.data(packets.clone()).await.unwrap();
        drop(drain.next().await);
        observer.take(now()).scan.packets
    };
    let mut send = send;
    assert_eq!(send().await, 0, "off");
    observer.enable();
    assert_eq!(send().await, 0, "a trial");
    sink.note(|found| found.container = Some("mpeg-ts"));
    assert!(observer.take(now()).remuxed, "of a trial nothing is known");
    trial.store(false, Ordering::Relaxed);
    assert_eq!(send().await, 100);
    sink.note(|found| found.live = Some(true));
    assert!(!observer.take(now()).remuxed);
    let (apart, _drain) = sink.apart();
    apart.data(packets.clone()).await.unwrap();
    assert_eq!(observer.take(now()).scan.packets, 0);
    observer.disable();
    assert_eq!(send().await, 0, "off again");
}

#[test]
fn playlists_are_no_sign_of_life_while_a_segment_does_not_come() {
    let observer = observer(&transport());
    let start = now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let idle = |seconds| observer.take(after(seconds)).idle_for.as_secs();
    observer.bytes(&[0x47; 188], start);
    observer.segment_asked(Some(after(4)));
    observer.manifest(after(8));
    assert_eq!(idle(9), 5, "since it was asked for");
    observer.bytes(&[0x47; 188], after(10));
    assert_eq!(idle(12), 2, "since its newest byte");
    observer.manifest(after(14));
    observer.segment_asked(None);
    assert_eq!(idle(15), 1);
}

#[test]
fn pieces_of_segments_are_no_sign_of_life() {
    let observer = observer(&transport());
    let start = now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let idle = |seconds| observer.take(after(seconds)).idle_for.as_secs();
    let ends = |failed| {
        observer.segment(SegmentSeen {
            sequence: 1,
            announced: Duration::from_secs(4),
            media: None,
            bytes: 188,
            took: Duration::ZERO,
            failed,
        });
        observer.segment_asked(None);
    };
    observer.segment_asked(Some(after(0)));
    observer.bytes(&[0x47; 188], after(1));
    ends(true);
    observer.segment_asked(Some(after(11)));
    observer.bytes(&[0x47; 188], after(12));
    observer.manifest(after(13));
    assert_eq!(
        idle(14),
        13,
        "since the newest byte of the one that failed first"
    );
    ends(true);
    assert_eq!(idle(22), 21);
    observer.segment_asked(Some(after(22)));
    observer.bytes(&[0x47; 188], after(23));
    ends(false);
    assert_eq!(idle(24), 1, "one came to its end");
    // The next source may have no segments, of which one could come to its end.
    observer.segment_asked(Some(after(25)));
    ends(true);
    observer.restart(&transport());
    observer.bytes(&[0x47; 188], after(60));
    assert_eq!(idle(61), 1, "another attempt is shown");
}

#[test]
fn idle_since_the_newest_byte_or_playlist() {
    let observer = observer(&transport());
    let start = now();
    observer.bytes(&[0x47; 188], start);
    assert_eq!(
        observer
            .take(start + Duration::from_secs(3))
            .idle_for
            .as_secs(),
        3
    );
    observer.manifest(start + Duration::from_secs(5));
    assert_eq!(
        observer
            .take(start + Duration::from_secs(9))
            .idle_for
            .as_secs(),
        4
    );
    assert_eq!(
        observer
            .take(start + Duration::from_secs(10))
            .idle_for
            .as_secs(),
        5
    );
}
