//! What was observed, judged: which kinds of fault a stream has now. How long one has to last before people are told is
//! not decided here.

use std::time::Duration;

use super::Observed;
use crate::hls::{PlaylistReport, VariantReport};
use crate::ts::{Kind, ScanReport, TrackReport};

/// One kind of fault, and whether it was there in what was observed. Kinds of which that says nothing are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// `continuity`, `transport`, `scrambled`, `timing`, `bitrate`, `no_video`, `no_audio`, `codec_changed`,
    /// `playlist`, `stale` or `slow`.
    pub kind: &'static str,
    /// It was there.
    pub present: bool,
    /// For how long it must have been there already, to be seen now.
    pub lasting: Duration,
    /// What proves it, or how far it is from it: at most eight, by name.
    pub numbers: Vec<(&'static str, f64)>,
    /// The same in a sentence; empty where it was not there.
    pub text: String,
}

/// From where on something is a fault.
///
/// Rates are errors in ten seconds of media; a shorter look needs at least two, so that one glitch, which is over when
/// it is seen, never counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// `continuity`: lost packets show as blocks, and one loss now and then is usual on the way over UDP.
    pub continuity: f64,
    /// `transport`: packets damaged, out of sync, or tables with a wrong CRC.
    pub transport: f64,
    /// `transport`: PAT or the programme's PMT missing for so long. Players that are already playing do not mind less
    /// than that; those who join cannot.
    pub tables_missing: Duration,
    /// `scrambled`: share of a track's packets. A few may be, where a service begins or ends to be.
    pub scrambled: f64,
    /// `timing`: jumps of the clock, gaps and jumps of time stamps. A source that loops has one now and then.
    pub timing: f64,
    /// `timing`: video ahead of audio, or behind, in the multiplex. That is what a player has to keep to show both at
    /// the same time, not how far lips and voice are apart, which stamps do not tell. H.264 and HEVC may take ten
    /// seconds through the decoder's buffers (ISO/IEC 13818-1, 2.14.3 and 2.17.2); files cut with their sound ahead
    /// come near.
    pub av_offset: Duration,
    /// `bitrate`: share of what is usual. Coders that save on still or black pictures go down to a fifth; a tenth is
    /// tables, sound and nothing.
    pub bitrate: f64,
    /// `no_video`, `no_audio`: without a unit for so long, in media time. Sound may come in units of a second, and the
    /// period of `PID_error` is as long.
    pub silence: Duration,
    /// `stale`: target durations without a change (RFC 8216, 6.2.2: a server adds a segment within 1.5 of them).
    pub stale_targets: f64,
    /// `stale`: at least so long beyond one target duration, for caches and short segments.
    pub stale_grace: Duration,
    /// `playlist`: of `BANDWIDTH`, which no segment should exceed (RFC 8216, 4.3.4.2). Many sources exceed it a little;
    /// by half as much again on average, players choose a variant that does not come in time.
    pub bandwidth: f64,
    /// `slow`: time that segments take for each second that they last.
    pub load: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            continuity: 3.0,
            transport: 3.0,
            tables_missing: Duration::from_secs(2),
            scrambled: 0.5,
            timing: 2.0,
            av_offset: Duration::from_secs(10),
            bitrate: 0.1,
            silence: Duration::from_secs(5),
            stale_targets: 1.5,
            stale_grace: Duration::from_secs(3),
            bandwidth: 1.5,
            load: 1.0,
        }
    }
}

/// Numbers of a finding.
const MOST_NUMBERS: usize = 8;
/// Fewer segments say nothing of their mean bandwidth: one scene may be dense. As many that came one after the other say
/// that no more are lost.
const LEAST_SEGMENTS: u64 = 3;
/// Tracks with fewer packets in a window say nothing about scrambling.
const LEAST_PACKETS: u64 = 20;
/// A window of this much media without a unit of a kind is enough to say that there is none: a sample is one segment, and
/// many last for a second or two.
const LEAST_SILENCE: Duration = Duration::from_millis(900);

/// Judges what was observed.
pub fn findings(observed: &Observed, limits: &Limits) -> Vec<Finding> {
    let mut all = Vec::new();
    let scan = &observed.scan;
    if scan.packets > 0 {
        if !observed.remuxed {
            all.push(continuity(scan, limits));
            all.push(transport(scan, limits));
        }
        all.extend(scrambled(scan, limits));
        all.extend(bitrate(observed, limits));
        all.extend(absent(scan, Kind::Video, limits));
        all.extend(absent(scan, Kind::Audio, limits));
    }
    if !scan.media.is_zero() {
        all.push(timing(scan, limits));
    }
    if scan.program.is_some() && scan.packets > 0 {
        all.push(codec_changed(scan));
    }
    if let Some(playlist) = &observed.playlist {
        all.extend(numbering(
            playlist,
            observed.variants.unwrap_or_default(),
            limits,
        ));
        all.extend(stale(playlist, limits));
        all.extend(slow(playlist, limits));
    }
    all
}

impl Finding {
    fn new(
        kind: &'static str,
        present: bool,
        numbers: Vec<(&'static str, f64)>,
        text: impl FnOnce() -> String,
    ) -> Self {
        let text = if present { text() } else { String::new() };
        Self {
            kind,
            present,
            lasting: Duration::ZERO,
            numbers,
            text,
        }
    }
}

/// Whether so many are more than the limit in ten seconds of media.
fn too_many(count: u64, limit: f64, media: Duration) -> bool {
    count as f64 >= (limit * media.as_secs_f64() / 10.0).max(2.0)
}

fn continuity(scan: &ScanReport, limits: &Limits) -> Finding {
    let errors = scan.errors.continuity_count_error;
    let seconds = scan.media.as_secs_f64();
    let present = too_many(errors, limits.continuity, scan.media);
    let numbers = vec![("errors", errors as f64), ("media_seconds", seconds)];
    Finding::new("continuity", present, numbers, || {
        format!("packets were lost {errors} times in {seconds:.1} s of media")
    })
}

fn transport(scan: &ScanReport, limits: &Limits) -> Finding {
    let errors = &scan.errors;
    let damaged = errors.transport_error + scan.malformed;
    let sync = errors.sync_byte_error.max(errors.ts_sync_loss);
    let crc = errors.crc_error;
    let many = too_many(damaged + sync + crc, limits.transport, scan.media);
    let interval = scan.table_interval.unwrap_or_default();
    let without = |errors: u64| interval.saturating_mul(u32::try_from(errors).unwrap_or(u32::MAX));
    let missing = without(scan.pat_missing.max(scan.pmt_missing));
    let untabled = missing >= limits.tables_missing;
    let numbers = vec![
        ("damaged_packets", damaged as f64),
        ("sync_byte_errors", sync as f64),
        ("crc_errors", crc as f64),
        ("tables_missing_seconds", missing.as_secs_f64()),
        ("media_seconds", scan.media.as_secs_f64()),
    ];
    Finding::new("transport", many || untabled, numbers, || {
        if many {
            format!(
                "{damaged} damaged packets, {sync} without sync byte, {crc} tables with a wrong CRC"
            )
        } else {
            let seconds = missing.as_secs_f64();
            format!("no programme tables for {seconds:.1} s: who joins now cannot decode")
        }
    })
}

fn scrambled(scan: &ScanReport, limits: &Limits) -> Option<Finding> {
    let media = [Kind::Video, Kind::Audio]
        .into_iter()
        .flat_map(|kind| scan.of_kind(kind));
    let share = |track: &TrackReport| track.scrambled as f64 / track.packets as f64;
    let shares = media.filter(|t| t.packets >= LEAST_PACKETS).map(share);
    let most = shares.reduce(f64::max)?;
    let numbers = vec![("share", most), ("packets", scan.scrambled as f64)];
    Some(Finding::new(
        "scrambled",
        most > limits.scrambled,
        numbers,
        || {
            format!(
                "{:.0} % of the packets of a track are scrambled",
                most * 100.0
            )
        },
    ))
}

fn timing(scan: &ScanReport, limits: &Limits) -> Finding {
    let media = [Kind::Video, Kind::Audio]
        .into_iter()
        .flat_map(|kind| scan.of_kind(kind));
    let (mut gaps, mut jumps, mut longest) = (0, scan.clock_jumps, Duration::ZERO);
    for track in media {
        gaps += track.gaps;
        jumps += track.jumps;
        longest = longest.max(track.longest_gap);
    }
    let offset = scan.av_offset.unwrap_or(0.0);
    let many = too_many(gaps + jumps, limits.timing, scan.media);
    let apart = offset.abs() > limits.av_offset.as_secs_f64();
    let numbers = vec![
        ("clock_and_stamp_jumps", jumps as f64),
        ("gaps", gaps as f64),
        ("longest_gap_seconds", longest.as_secs_f64()),
        ("av_offset_seconds", offset),
        ("media_seconds", scan.media.as_secs_f64()),
    ];
    Finding::new("timing", many || apart, numbers, || {
        if many {
            format!("time stamps have {gaps} gaps and {jumps} jumps")
        } else {
            format!("video and audio are {:.1} s apart", offset.abs())
        }
    })
}

fn bitrate(observed: &Observed, limits: &Limits) -> Option<Finding> {
    let (rate, usual) = (observed.scan.bitrate?, observed.usual_bitrate?);
    let present = rate < usual * limits.bitrate;
    let numbers = vec![("bits_per_second", rate), ("usual", usual)];
    Some(Finding::new("bitrate", present, numbers, || {
        let (rate, usual) = (rate / 1000.0, usual / 1000.0);
        format!("{rate:.0} kbit/s, where {usual:.0} kbit/s are usual")
    }))
}

/// A kind that is listed, or was there before, has to come.
fn absent(scan: &ScanReport, kind: Kind, limits: &Limits) -> Option<Finding> {
    let (name, word, had) = match kind {
        Kind::Video => ("no_video", "video", scan.had_video),
        _ => ("no_audio", "audio", scan.had_audio),
    };
    let listed = scan.of_kind(kind).count();
    if listed == 0 && !had {
        return None;
    }
    let units: u64 = scan.of_kind(kind).map(|track| track.units).sum();
    let silence = scan.of_kind(kind).map(|track| track.silent_for).min();
    let silence = silence.unwrap_or(scan.media);
    let gone = silence >= limits.silence || (units == 0 && scan.media >= LEAST_SILENCE);
    // A short look without a unit says nothing.
    (gone || units > 0).then(|| {
        let numbers = vec![
            ("tracks_listed", listed as f64),
            ("units", units as f64),
            ("silent_seconds", silence.as_secs_f64()),
        ];
        Finding::new(name, gone, numbers, || {
            let silence = silence.as_secs_f64();
            match listed {
                0 => format!("the programme lists no {word} any more"),
                _ => format!("{word} is listed, but has not come in {silence:.1} s of media"),
            }
        })
    })
}

fn codec_changed(scan: &ScanReport) -> Finding {
    let changes = scan.map_changes as f64;
    let numbers = vec![("map_changes", changes)];
    Finding::new(
        "codec_changed",
        scan.codecs_changed.is_some(),
        numbers,
        || {
            let (before, after) = scan.codecs_changed.clone().unwrap_or_default();
            let names = |codecs: &[crate::ts::Codec]| {
                let names: Vec<_> = codecs.iter().map(|codec| codec.name()).collect();
                if names.is_empty() {
                    "nothing".to_owned()
                } else {
                    names.join(" + ")
                }
            };
            format!("from {} to {}", names(&before), names(&after))
        },
    )
}

/// A live playlist that does not go on as it should, or does not keep what it announces.
fn numbering(
    playlist: &PlaylistReport,
    variants: VariantReport,
    limits: &Limits,
) -> Option<Finding> {
    let seen = playlist.loaded + playlist.failures + playlist.segments + playlist.segments_failed;
    if seen == 0 {
        return None;
    }
    // One that is older than the one before comes from another cache; it may be a single time.
    let back = playlist.regressions >= 2 || playlist.restarts > 0;
    let missed = playlist.missed > 0 && playlist.failures == 0;
    let failing = playlist.failures_in_row >= 2;
    let tried = playlist.segments + playlist.segments_failed;
    let losing = playlist.segments_failed >= 2
        && playlist.segments_failed * 3 >= tried
        && playlist.segments_in_row < LEAST_SEGMENTS;
    let half = |part: u64, all: u64, least: u64| part >= least && part * 2 >= all;
    let long = half(playlist.over_target, playlist.listed, 3);
    let untrue = half(playlist.measured.1, playlist.measured.0, 2);
    let recounted = playlist.discontinuity_errors >= 2;
    let announced = playlist.announced_bandwidth.unwrap_or(0) as f64;
    let bandwidth = playlist.mean_bandwidth.unwrap_or(0.0);
    let over = announced > 0.0
        && playlist.segments >= LEAST_SEGMENTS
        && bandwidth > announced * limits.bandwidth;
    let mut numbers = vec![
        (
            "regressions",
            (playlist.regressions + playlist.restarts) as f64,
        ),
        ("segments_missed", playlist.missed as f64),
        ("playlist_failures", playlist.failures as f64),
        ("segments_failed", playlist.segments_failed as f64),
        ("over_target", playlist.over_target as f64),
        ("not_as_announced", playlist.measured.1 as f64),
        ("discontinuity_errors", playlist.discontinuity_errors as f64),
        ("variants_failing", variants.failing as f64),
        ("variants_standing", variants.standing as f64),
        ("variant_drift_seconds", variants.drift.as_secs_f64()),
        ("bits_per_second", if over { bandwidth } else { 0.0 }),
        ("announced_bandwidth", if over { announced } else { 0.0 }),
    ];
    // What is not there proves nothing.
    numbers.retain(|(_, number)| *number > 0.0);
    numbers.truncate(MOST_NUMBERS);
    let reasons = [
        (failing, "the playlist cannot be loaded"),
        (losing, "segments of the playlist cannot be loaded"),
        (back, "the playlist went back or began to count anew"),
        (missed, "segments were gone before they were listed"),
        (long, "segments are longer than the target duration"),
        (untrue, "segments do not last as long as announced"),
        (
            recounted,
            "discontinuities were counted otherwise than before",
        ),
        (
            variants.failing > 0,
            "the playlist of another variant cannot be loaded",
        ),
        (variants.standing > 0, "another variant does not go on"),
        (!variants.drift.is_zero(), "the variants have drifted apart"),
        (over, "segments are far larger than BANDWIDTH announces"),
    ];
    let reason = reasons
        .into_iter()
        .find(|(is, _)| *is)
        .map(|(_, text)| text);
    Some(Finding::new("playlist", reason.is_some(), numbers, || {
        reason.unwrap_or_default().to_owned()
    }))
}

fn stale(playlist: &PlaylistReport, limits: &Limits) -> Option<Finding> {
    let target = playlist.target_duration;
    if playlist.loaded == 0 || target.is_zero() {
        return None;
    }
    let most = target
        .mul_f64(limits.stale_targets)
        .max(target + limits.stale_grace);
    let unchanged = playlist.unchanged_for;
    let present = playlist.live && unchanged >= most;
    let numbers = vec![
        ("unchanged_seconds", unchanged.as_secs_f64()),
        ("target_duration", target.as_secs_f64()),
        (
            "target_durations",
            unchanged.as_secs_f64() / target.as_secs_f64(),
        ),
    ];
    Some(Finding::new("stale", present, numbers, || {
        let (seconds, target) = (unchanged.as_secs_f64(), target.as_secs_f64());
        format!(
            "the playlist has brought nothing new for {seconds:.0} s, with a target duration of {target:.0} s"
        )
    }))
}

fn slow(playlist: &PlaylistReport, limits: &Limits) -> Option<Finding> {
    if playlist.segments == 0 || playlist.announced.is_zero() {
        return None;
    }
    let load = playlist.took.as_secs_f64() / playlist.announced.as_secs_f64();
    let numbers = vec![
        ("load", load),
        ("segments", playlist.segments as f64),
        ("segments_slow", playlist.segments_slow as f64),
        ("bits_per_second", playlist.mean_bandwidth.unwrap_or(0.0)),
    ];
    let found = Finding::new("slow", load > limits.load, numbers, || {
        format!("a second of media takes {load:.1} s to load")
    });
    // It is the mean of all this time that was slow.
    let lasting = playlist.took;
    Some(Finding { lasting, ..found })
}
