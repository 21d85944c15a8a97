//! The scan on real footage, whole and with faults put in, and on hostile input.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::base::clock::now;
use crate::ts::clock::WRAP;
use crate::ts::testing::{Feed, packet, pes, pmt, with_pcr};

fn media(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".media")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e} (make media)", path.display()))
}

fn scan(data: &[u8]) -> ScanReport {
    let at = now();
    let mut scan = Scan::default();
    for part in data.chunks(10_000) {
        scan.push(part, at);
    }
    scan.take(at)
}

/// The packets of twenty seconds of a clip with a PAT each 0.1 s, a PCR each 42 ms, B-frames and AAC.
fn footage() -> Vec<Packet> {
    let mut data = media("bbb.ts");
    data.truncate(data.len() / 2);
    data.as_chunks::<PACKET>().0.to_vec()
}

fn report(packets: &[Packet]) -> ScanReport {
    scan(packets.as_flattened())
}

fn pid(packet: &Packet) -> u16 {
    Header::parse(packet).pid
}

const VIDEO: u16 = 256;
const AUDIO: u16 = 257;
const MAP: u16 = 4096;

/// Index of the first packet at this second of media.
fn at(packets: &[Packet], second: f64) -> usize {
    let clock = |p: &Packet| Header::parse(p).pcr.filter(|_| pid(p) == VIDEO);
    let first = packets.iter().find_map(clock).unwrap();
    let due = |p| clock(p).is_some_and(|pcr| distance(first, pcr) as f64 >= second * 90_000.0);
    packets.iter().position(due).unwrap()
}

fn between(packets: &[Packet], from: f64, to: f64) -> std::ops::Range<usize> {
    at(packets, from)..at(packets, to)
}

/// Asserts that the fault shows in these indicators, and in no other.
fn assert_errors(report: &ScanReport, want: Indicators) {
    assert_eq!(report.errors, want, "{:?}", report.errors.named());
}

#[test]
fn healthy_footage_is_clean() {
    let mut clips: Vec<String> = [
        "bbb",
        "gop10",
        "h1080",
        "hevc10",
        "mp2",
        "mpeg2i",
        "noaudio",
        "two-programmes",
    ]
    .map(|name| format!("{name}.ts"))
    .into();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".media/codecs");
    for clip in std::fs::read_dir(folder).unwrap() {
        clips.push(format!(
            "codecs/{}",
            clip.unwrap().file_name().to_string_lossy()
        ));
    }
    assert!(clips.len() > 20);
    for clip in clips {
        let report = scan(&media(&clip));
        assert!(
            report.errors.is_clean(),
            "{clip}: {:?}",
            report.errors.named()
        );
        assert_eq!(
            (report.clock_jumps, report.malformed, report.map_changes),
            (0, 0, 0),
            "{clip}"
        );
        for track in &report.tracks {
            assert_eq!((track.gaps, track.jumps), (0, 0), "{clip}: {track:?}");
            assert!(track.units > 0, "{clip}: {track:?}");
        }
        assert!(
            report.av_offset.is_none_or(|offset| offset.abs() < 0.5),
            "{clip}: {report:?}"
        );
    }
}

#[test]
fn segments_with_one_table_each_and_an_announced_loop_are_clean() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".media/bbb-4s");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    names.retain(|name| name.extension().is_some_and(|e| e == "ts"));
    names.sort();
    let at = now();
    let mut scan = Scan::new(ScanOptions {
        paced: false,
        table_interval: Some(Duration::from_secs(7)),
    });
    for round in 0..2 {
        if round > 0 {
            scan.discontinuity();
        }
        for name in &names {
            scan.segment();
            scan.push(&std::fs::read(name).unwrap(), at);
        }
    }
    let report = scan.take(at);
    assert!(report.errors.is_clean(), "{:?}", report.errors.named());
    assert_eq!((report.clock_jumps, report.announced_breaks), (0, 1));
    assert!(
        report.tracks.iter().all(|t| (t.gaps, t.jumps) == (0, 0)),
        "{report:?}"
    );
}

#[test]
fn radio_has_its_clock_less_often_than_the_standard_wants() {
    let report = scan(&media("radio.ts"));
    // Each unit carries one, 0.17 s apart; by ffprobe there are 328.
    let errors = Indicators {
        pcr_repetition_error: 327,
        pcr_discontinuity_indicator_error: 327,
        ..Indicators::default()
    };
    assert_errors(&report, errors);
    assert!(!report.had_video && report.had_audio);
    assert!((report.media.as_secs_f64() - 55.0).abs() < 0.2);
}

#[test]
fn rate_and_time_are_those_of_the_clip() {
    let report = scan(&media("bbb.ts"));
    // By ffprobe: 55.1 s, 8,360,736 bytes.
    assert!(
        (report.media.as_secs_f64() - 55.08).abs() < 0.05,
        "{:?}",
        report.media
    );
    let rate = 8_360_736.0 * 8.0 / 55.1;
    assert!(
        (report.bitrate.unwrap() / rate - 1.0).abs() < 0.01,
        "{:?} {rate}",
        report.bitrate
    );
    assert_eq!(report.bytes, 8_360_736);
    let codecs: Vec<_> = report.tracks.iter().map(|t| (t.pid, t.codec)).collect();
    assert_eq!(codecs, [(VIDEO, Codec::H264), (AUDIO, Codec::Aac)]);
}

#[test]
fn lost_packets_are_continuity_errors_and_one_duplicate_is_none() {
    let mut packets = footage();
    for n in [3000, 5000, 7000] {
        packets.remove(n);
    }
    let errors = Indicators {
        continuity_count_error: 3,
        ..Indicators::default()
    };
    // A packet with nothing but a clock would not have been missed.
    assert_errors(&report(&packets), errors);
    let mut packets = footage();
    let some = packets
        .iter()
        .skip(1000)
        .position(|p| pid(p) == AUDIO)
        .unwrap()
        + 1000;
    packets.insert(some, packets[some]);
    assert!(report(&packets).errors.is_clean());
    packets.insert(some, packets[some]);
    assert_errors(
        &report(&packets),
        Indicators {
            continuity_count_error: 1,
            ..Indicators::default()
        },
    );
}

#[test]
fn without_tables_for_more_than_half_a_second() {
    for (table, pat, map) in [(PAT_PID, 1, 0), (MAP, 0, 1)] {
        let mut packets = footage();
        let gap = between(&packets, 5.0, 5.6);
        let mut n = 0;
        packets.retain(|p| {
            n += 1;
            !gap.contains(&(n - 1)) || pid(p) != table
        });
        let report = report(&packets);
        let errors = report.errors;
        assert_eq!((errors.pat_error_2, errors.pmt_error_2), (pat, map));
        // The counters of the table have gone on.
        assert_eq!(errors.continuity_count_error, 1);
        assert_eq!((report.pat_missing, report.pmt_missing), (pat, map));
    }
}

#[test]
fn tables_less_than_half_a_second_apart_are_none() {
    let mut packets = footage();
    let mut newest = 0.0;
    let mut counters = [0; 2];
    let first = packets.iter().find_map(|p| Header::parse(p).pcr).unwrap();
    let (mut clock, mut n) = (0.0, 0);
    packets.retain_mut(|p| {
        n += 1;
        clock = Header::parse(p)
            .pcr
            .map_or(clock, |pcr| distance(first, pcr) as f64 / 90_000.0);
        let table = match pid(p) {
            PAT_PID => 0,
            MAP => 1,
            _ => return true,
        };
        if table == 0 && n > 10 && clock - newest < 0.4 || table == 1 && clock > newest {
            return false;
        }
        newest = if table == 0 { clock } else { newest };
        p[3] = p[3] & 0xf0 | counters[table];
        counters[table] = (counters[table] + 1) & 15;
        true
    });
    assert!(
        report(&packets).errors.is_clean(),
        "{:?}",
        report(&packets).errors.named()
    );
}

#[test]
fn a_wrong_crc_and_a_foreign_table() {
    let mut packets = footage();
    let maps = packets.iter_mut().filter(|p| pid(p) == MAP);
    maps.skip(10).take(2).for_each(|p| p[20] ^= 1);
    assert_errors(
        &report(&packets),
        Indicators {
            crc_error: 2,
            ..Indicators::default()
        },
    );
    let mut packets = footage();
    let pat = packets
        .iter_mut()
        .filter(|p| pid(p) == PAT_PID)
        .nth(9)
        .unwrap();
    pat[5] = 0x42;
    let errors = report(&packets).errors;
    assert_eq!((errors.pat_error_2, errors.crc_error), (1, 1));
}

#[test]
fn damaged_and_scrambled_packets() {
    let mut packets = footage();
    // The last of their PID would leave the counter where it is.
    packets[4000][1] |= 0x80;
    let errors = report(&packets).errors;
    assert_eq!(
        (errors.transport_error, errors.continuity_count_error),
        (1, 1)
    );
    let mut packets = footage();
    let range = between(&packets, 5.0, 18.0);
    let mut scrambled = 0;
    for p in &mut packets[range] {
        if pid(p) == VIDEO {
            p[3] |= 0x80;
            scrambled += 1;
        }
    }
    let report = report(&packets);
    assert_eq!(report.scrambled, scrambled);
    // No CAT in ten of these thirteen seconds; and no stamp of the video is late, as none can be read.
    let video = &report.tracks[0];
    assert_eq!(video.scrambled, scrambled);
    assert_eq!(report.errors.cat_error, 1);
    assert_eq!(report.errors.continuity_count_error, 0);
}

#[test]
fn broken_sync_bytes_and_lost_sync() {
    let mut packets = footage();
    packets[4000][0] = 0x46;
    let errors = report(&packets).errors;
    assert_eq!((errors.sync_byte_error, errors.ts_sync_loss), (1, 0));
    packets[6000][0] = 0x46;
    packets[6001][0] = 0;
    let errors = report(&packets).errors;
    assert_eq!((errors.sync_byte_error, errors.ts_sync_loss), (3, 1));
    let mut data = footage().as_flattened().to_vec();
    data.drain(5000 * PACKET + 50..5000 * PACKET + 60);
    let errors = scan(&data).errors;
    assert_eq!((errors.sync_byte_error, errors.ts_sync_loss), (1, 1));
    // In mid-stream is no loss.
    let errors = scan(&footage().as_flattened()[77..]).errors;
    assert!(errors.is_clean());
}

/// Adds to the clock, and to the stamps if these go with it, from a packet on.
fn moved(packets: &mut [Packet], by: i64, stamps: bool) {
    for p in packets {
        let header = Header::parse(p);
        let add = |value: u64| value.wrapping_add_signed(by) & (WRAP - 1);
        if let Some(pcr) = header.pcr {
            crate::ts::packet::write_pcr(p, add(pcr));
        }
        if stamps && header.start && header.pid >= VIDEO && header.pid < MAP {
            let found = header.clear_payload(p).and_then(|data| Pes::parse(data, 0));
            let Some(found) = found else { continue };
            for stamp in [found.pts, found.dts].into_iter().flatten() {
                crate::ts::pes::write_stamp(&mut p[header.payload..], stamp.at, add(stamp.value));
            }
        }
    }
}

#[test]
fn a_clock_that_moves() {
    for by in [-90_000, 5 * 90_000] {
        let mut packets = footage();
        let from = at(&packets, 6.0);
        moved(&mut packets[from..], by, false);
        let report = report(&packets);
        assert_errors(
            &report,
            Indicators {
                pcr_discontinuity_indicator_error: 1,
                ..Indicators::default()
            },
        );
        assert_eq!(report.clock_jumps, 1);
    }
    // Half a second is late by all that can be told.
    let mut packets = footage();
    let from = at(&packets, 6.0);
    moved(&mut packets[from..], 45_000, false);
    let errors = report(&packets).errors;
    assert_eq!(
        (
            errors.pcr_repetition_error,
            errors.pcr_discontinuity_indicator_error
        ),
        (1, 1)
    );
}

#[test]
fn an_indicated_discontinuity_and_the_wrap_are_no_errors() {
    let mut packets = footage();
    let from = at(&packets, 6.0);
    moved(&mut packets[from..], 1 << 30, true);
    packets[from][5] |= 0x80;
    let report_ = report(&packets);
    assert_eq!((report_.clock_jumps, report_.announced_breaks), (0, 1));
    assert!(report_.errors.is_clean(), "{:?}", report_.errors.named());
    let mut packets = footage();
    moved(&mut packets, -6 * 90_000, true);
    let report_ = report(&packets);
    assert!(
        report_.errors.is_clean() && report_.clock_jumps == 0,
        "{:?}",
        report_.errors.named()
    );
    assert!(report_.tracks.iter().all(|t| t.gaps + t.jumps == 0));
}

#[test]
fn a_gap_of_a_second_in_a_track() {
    let mut packets = footage();
    let range = between(&packets, 6.0, 7.0);
    let mut n = 0;
    packets.retain(|p| {
        n += 1;
        !range.contains(&(n - 1)) || pid(p) != AUDIO
    });
    let report = report(&packets);
    assert_eq!(report.errors.pts_error, 1);
    let audio = &report.tracks[1];
    assert_eq!(audio.gaps, 1);
    assert!(
        (1.0..1.4).contains(&audio.longest_gap.as_secs_f64()),
        "{audio:?}"
    );
    assert_eq!(report.tracks[0].gaps, 0);
}

#[test]
fn a_lost_track_and_its_lost_clock() {
    let mut packets = footage();
    let from = at(&packets, 6.0);
    let mut n = 0;
    let mut without = |track| {
        n = 0;
        let mut packets = packets.clone();
        packets.retain(|p| {
            n += 1;
            n <= from || pid(p) != track
        });
        packets
    };
    let audio = report(&without(AUDIO));
    let left = audio.media.as_secs_f64() - 6.0;
    assert_eq!(audio.errors.pid_error, (left / 5.0) as u64);
    assert!(
        (audio.tracks[1].silent_for.as_secs_f64() - left).abs() < 0.5,
        "{audio:?}"
    );
    assert_eq!(audio.tracks[0].silent_for, Duration::ZERO);
    // The clock is the video's: the sound tells the time on.
    let video = report(&without(VIDEO));
    assert!(
        (video.media.as_secs_f64() - 6.0 - left).abs() < 1.0,
        "{:?}",
        video.media
    );
    assert!(video.errors.pid_error >= 1);
    assert!(video.tracks[0].silent_for.as_secs_f64() > left - 1.0);
    packets.truncate(from);
    assert_eq!(report(&packets).tracks[1].silent_for.as_secs(), 0);
}

#[test]
fn another_map_is_told() {
    let mut packets = footage();
    let from = at(&packets, 6.0);
    let map = pmt(MAP, 1, VIDEO, &[(VIDEO, 0x24, &[]), (AUDIO, 0x0f, &[])]);
    for p in &mut packets[from..] {
        if pid(p) == MAP {
            let counter = p[3];
            *p = map;
            p[3] = counter;
        }
    }
    let report = report(&packets);
    assert_eq!(report.map_changes, 1);
    let changed = (vec![Codec::H264, Codec::Aac], vec![Codec::Hevc, Codec::Aac]);
    assert_eq!(report.codecs_changed, Some(changed));
    assert!(report.errors.is_clean());
}

#[test]
fn a_clock_of_its_own_units_of_a_second_and_null_packets() {
    // The clock on a PID that is no track, one unit of sound a second, half of it null packets.
    let mut feed = Feed::default();
    let map = pmt(0x1000, 1, 0x50, &[(0x100, 0x1b, &[]), (0x101, 0x0f, &[])]);
    let mut at = WRAP - 5 * 90_000;
    for i in 0..500_u64 {
        if i % 10 == 0 {
            for mut table in [crate::ts::testing::pat(&[(1, 0x1000)]), map] {
                table[3] = 0x10 | (i / 10 % 16) as u8;
                feed.out.extend(table);
            }
        }
        // Adaptation field alone: it does not count.
        let mut clock = with_pcr(0x50, 0, at);
        crate::ts::packet::strip_payload(&mut clock, 12);
        feed.out.extend(clock);
        let stamp = (at + 45_000) % WRAP;
        feed.unit(
            0x100,
            &pes(0xe0, Some((stamp + 7200) % WRAP), Some(stamp), &[7; 500]),
            None,
            false,
        );
        if i % 25 == 0 {
            feed.unit(
                0x101,
                &pes(0xc0, Some(stamp), None, &[9; 4000]),
                None,
                false,
            );
        }
        for _ in 0..4 {
            feed.out.extend(packet(NULL_PID, false, 0, &[0; 184]));
        }
        at = (at + 3600) % WRAP;
    }
    let report = scan(&feed.out);
    // The standard's 0.7 s; but usual for this track.
    assert_errors(
        &report,
        Indicators {
            pts_error: 19,
            ..Indicators::default()
        },
    );
    assert_eq!(report.tracks[1].gaps, 0);
    assert_eq!(report.nulls, 2000);
    assert!((report.media.as_secs_f64() - 19.96).abs() < 0.001);
}

#[test]
fn a_stream_without_any_stamp_goes_by_arrival_if_it_is_paced() {
    let start = now();
    for (paced, late) in [(true, true), (false, false)] {
        let mut scan = Scan::new(ScanOptions {
            paced,
            ..ScanOptions::default()
        });
        let head = Feed {
            clock: false,
            ..Feed::default()
        }
        .play(0, 25);
        scan.push(&head, start);
        let mut counter = 0;
        for i in 1..100 {
            counter = (counter + 1) & 15;
            let at = start + Duration::from_millis(100 * i);
            scan.push(&packet(0x300, false, counter, &[0; 184]), at);
        }
        let report = scan.take(start);
        assert_eq!(report.errors.pat_error_2 > 5, late, "{report:?}");
        assert_eq!(report.errors.pid_error > 0, late);
    }
}

#[test]
fn reports_are_of_their_window() {
    let data = footage();
    let (a, b) = data.split_at(data.len() / 2);
    let start = now();
    let mut scan = Scan::default();
    scan.push(a.as_flattened(), start);
    let first = scan.take(start + Duration::from_secs(10));
    scan.push(&[0; 376], start);
    scan.push(b.as_flattened(), start);
    let second = scan.take(start + Duration::from_secs(15));
    assert_eq!(first.packets + second.packets, data.len() as u64);
    assert_eq!(
        (first.window, second.window),
        (Duration::from_secs(10), Duration::from_secs(5))
    );
    assert_eq!(second.bytes, b.as_flattened().len() as u64 + 376);
    assert_eq!(
        (first.errors.sync_byte_error, second.errors.sync_byte_error),
        (0, 2)
    );
    assert_eq!(second.errors_total, second.errors);
    assert_eq!(scan.take(start).errors_total, second.errors);
}

#[test]
fn the_state_is_small() {
    let mut scan = Scan::default();
    scan.push(footage().as_flattened(), now());
    let own = size_of::<Scan>();
    let tracks = scan.tracks.capacity() * size_of::<Track>();
    let others = scan.pids.bytes() + scan.tables.maps.capacity() * 16;
    assert!(own + tracks + others < 2048, "{own} + {tracks} + {others}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn slicing_does_not_matter(
        damage in vec((any::<usize>(), any::<u8>()), 0..20),
        slices in vec(1_usize..2000, 1..8),
        from in prop_oneof![Just(0), Just(WRAP - 90_000), 0..WRAP],
    ) {
        let mut data = Feed { frame: 800, gop: 10, ..Feed::default() }.play(900_000, 25);
        data.extend(Feed { frame: 800, gop: 10, ..Feed::default() }.play(from, 25));
        for (place, byte) in damage {
            let place = place % data.len();
            data[place] = byte;
        }
        let start = now();
        let mut whole = Scan::default();
        whole.push(&data, start);
        let mut parts = Scan::default();
        let (mut rest, mut sizes) = (&data[..], slices.iter().cycle());
        while !rest.is_empty() {
            let (part, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            parts.push(part, start);
            rest = later;
        }
        prop_assert_eq!(whole.take(start), parts.take(start));
    }

    #[test]
    fn any_bytes_and_any_packets_do(
        bytes in vec(any::<u8>(), 0..3000),
        packets in vec((vec(any::<u8>(), 187), 0_u8..5), 4..60),
        breaks in any::<u8>(),
    ) {
        let start = now();
        let mut scan = Scan::new(ScanOptions { paced: true, ..ScanOptions::default() });
        scan.push(&bytes, start);
        scan.push(&crate::ts::testing::pat(&[(1, 0x1000)]), start);
        let list: [(u16, u8, &[u8]); 3] = [(0x100, 0x1b, &[]), (0x101, 0x0f, &[]), (0x102, 6, &[])];
        scan.push(&pmt(0x1000, 1, 0x100, &list), start);
        for (n, (tail, pid)) in packets.into_iter().enumerate() {
            let mut packet = [&[0x47], &tail[..]].concat();
            packet[1] = packet[1] & 0x60 | 1;
            packet[2] = pid;
            scan.push(&packet, start + Duration::from_millis(n as u64 * 700));
            match n % 7 {
                5 if breaks & 1 != 0 => scan.discontinuity(),
                6 if breaks & 2 != 0 => scan.segment(),
                _ => {}
            }
        }
        let report = scan.take(start);
        prop_assert!(report.bitrate.is_none_or(f64::is_finite));
        prop_assert!(report.nulls <= report.packets);
    }
}
