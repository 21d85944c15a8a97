//! Several inputs: order, patience and breaks.

use super::build::*;
use super::*;

/// Video and audio from two places.
struct Pair {
    remux: Remux,
    out: Vec<Output>,
}

impl Pair {
    fn new(limits: Limits) -> Self {
        let mut audio = InputOptions::new(Container::Mp4);
        audio.language = Some("fr-CA".into());
        let inputs = vec![InputOptions::new(Container::Mp4), audio];
        let mut pair = Self {
            remux: Remux::new(inputs, limits),
            out: Vec::new(),
        };
        pair.push(0, &moov(&[Trak::video()]));
        pair.push(1, &moov(&[Trak::audio()]));
        pair
    }

    fn push(&mut self, input: usize, data: &[u8]) {
        self.remux.segment(input);
        self.remux.push(input, data, &mut self.out).unwrap();
    }

    fn seconds(&mut self, input: usize, first: u64, count: u64) {
        for segment in seconds(first, count, input == 0, input == 1) {
            self.push(input, &segment);
        }
    }

    fn seen(&self) -> Vec<Seen> {
        seen(&joined(&self.out))
    }

    fn breaks(&self) -> usize {
        let breaks = self.out.iter();
        breaks
            .filter(|o| matches!(o, Output::Discontinuity))
            .count()
    }
}

/// Pictures and frames of sound.
fn counts(all: &[Seen]) -> (usize, usize) {
    let video = all.iter().filter(|unit| unit.pid == 0x100).count();
    let sound = all.iter().filter(|unit| unit.pid == 0x101);
    (video, sound.map(|unit| unit.data.len() / 27).sum())
}

#[test]
fn segments_that_come_in_turn_are_interleaved() {
    let mut pair = Pair::new(Limits::default());
    for second in 0..6 {
        pair.seconds(0, second, 1);
        pair.seconds(1, second, 1);
    }
    pair.remux.finish(&mut pair.out);
    let all = pair.seen();
    assert_eq!(counts(&all), (150, 282));
    // A picture is read back when the next one begins.
    assert!(all.is_sorted_by(|a, b| a.dts <= b.dts + 2 * 3600));
    assert_eq!(pair.remux.stats().late, 0);
}

#[test]
fn pictures_do_not_wait_for_ever_and_sound_that_comes_back_is_waited_for() {
    let mut pair = Pair::new(Limits {
        hold: Duration::from_secs(4),
        ..Limits::default()
    });
    pair.seconds(0, 0, 4);
    assert!(pair.seen().is_empty());
    pair.seconds(0, 4, 16);
    assert_eq!(counts(&pair.seen()).1, 0);
    assert!(counts(&pair.seen()).0 >= 15 * 25);
    assert!(pair.remux.stats().held_bytes < 300_000);
    // It comes back two seconds behind, and stays so.
    for second in 20..30 {
        pair.seconds(1, second - 2, 1);
        pair.seconds(0, second, 1);
    }
    pair.remux.finish(&mut pair.out);
    let all = pair.seen();
    let (video, sound) = counts(&all);
    assert_eq!(video, 30 * 25);
    assert!(sound > 7 * 46, "{sound}");
    assert!(pair.remux.stats().late > 0);
    let of = |pid| all.iter().filter(move |unit| unit.pid == pid);
    assert!(of(0x100).is_sorted_by_key(|unit| unit.dts));
    assert!(of(0x101).is_sorted_by_key(|unit| unit.dts));
}

#[test]
fn bytes_are_bounded_whatever_time_says() {
    let mut pair = Pair::new(Limits {
        hold: Duration::from_secs(100_000),
        hold_bytes: 100_000,
    });
    for second in 0..60 {
        pair.seconds(0, second, 1);
        assert!(pair.remux.stats().held_bytes < 120_000);
    }
}

#[test]
fn a_break_is_one_break() {
    let mut pair = Pair::new(Limits::default());
    pair.seconds(0, 50, 2);
    pair.seconds(1, 50, 2);
    pair.remux.discontinuity(0, &mut pair.out);
    pair.seconds(0, 7, 2);
    assert_eq!(pair.breaks(), 0);
    pair.remux.discontinuity(1, &mut pair.out);
    pair.seconds(1, 7, 2);
    pair.remux.finish(&mut pair.out);
    assert_eq!((pair.breaks(), counts(&pair.seen())), (1, (100, 187)));
}

#[test]
fn a_start_over_that_nobody_told_of_is_a_break_as_well() {
    let mut pair = Pair::new(Limits::default());
    for _ in 0..2 {
        for second in 50..53 {
            pair.seconds(0, second, 1);
            pair.seconds(1, second, 1);
        }
    }
    pair.remux.finish(&mut pair.out);
    assert_eq!((pair.breaks(), counts(&pair.seen())), (1, (150, 282)));
}

#[test]
fn offsets_bring_inputs_onto_one_line() {
    let mut pair = Pair::new(Limits::default());
    pair.remux.set_offset(0, -1_000_000 * 90_000);
    pair.remux.set_offset(1, 5 * 90_000);
    pair.seconds(0, 1_000_008, 2);
    pair.seconds(1, 3, 2);
    pair.remux.finish(&mut pair.out);
    let all = pair.seen();
    assert_eq!(counts(&all), (50, 94));
    let first = |pid| all.iter().find(|unit| unit.pid == pid).unwrap().pts;
    // The first frame of sound begins at the next multiple of 1,024 after the second.
    assert_eq!(
        first(0x101) - first(0x100),
        (141 * 1024 - 144_000) * 90_000 / 48_000
    );
}

#[test]
fn an_input_that_ends_is_not_waited_for() {
    let mut pair = Pair::new(Limits::default());
    pair.remux.end(1, &mut pair.out);
    pair.seconds(0, 0, 1);
    assert_eq!(counts(&pair.seen()), (25, 0));
}

#[test]
fn a_new_codec_is_a_new_version_of_the_map() {
    let mut pair = Pair::new(Limits::default());
    pair.seconds(0, 0, 1);
    pair.seconds(1, 0, 1);
    let mp3 = Trak {
        entry: bx(b"mp3 ", &[&[0; 28]]),
        ..Trak::audio()
    };
    // A handler goes by the entry's code in the builder.
    let movie = moov(&[mp3]);
    let at = movie.windows(4).position(|w| w == b"vide").unwrap();
    let movie = [&movie[..at], b"soun", &movie[at + 4..]].concat();
    pair.push(1, &movie);
    pair.seconds(0, 1, 2);
    pair.seconds(1, 1, 2);
    pair.remux.finish(&mut pair.out);
    let tracks: Vec<_> = (pair.out.iter())
        .filter_map(|output| match output {
            Output::Notice(Notice::Tracks(tracks)) => Some(tracks[1].codec),
            _ => None,
        })
        .collect();
    assert_eq!(tracks, [Codec::Aac, Codec::Mp3]);
    let bytes = joined(&pair.out);
    let maps = bytes
        .as_chunks::<PACKET>()
        .0
        .iter()
        .filter(|p| p[1..3] == [0x50, 0]);
    let versions: Vec<u8> = maps.map(|packet| packet[10] >> 1 & 0x1f).collect();
    assert!(versions.is_sorted() && versions.first() == Some(&0) && versions.last() == Some(&1));
}
