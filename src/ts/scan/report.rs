//! What a scan tells.

use std::ops::AddAssign;
use std::time::Duration;

use crate::ts::{Codec, Kind};

/// Errors by the names of ETSI TR 101 290 (V1.4.1), 5.2.1 and 5.2.2: what is necessary to decode at all (first
/// priority), and what is recommended to be watched (second priority).
///
/// Intervals are measured in media time, which does not pass while nothing is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indicators {
    /// 1.1 `TS_sync_loss`: two or more packets in a row without a sync byte, or bytes between two packets.
    pub ts_sync_loss: u64,
    /// 1.2 `Sync_byte_error`: packets whose first byte is not 0x47.
    pub sync_byte_error: u64,
    /// 1.3.a `PAT_error_2`: no PAT for [`table_interval`](super::ScanOptions::table_interval) (0.5 s; counted again
    /// when that has passed again), another table on PID 0, or PID 0 scrambled.
    pub pat_error_2: u64,
    /// 1.4 `Continuity_count_error`: packets lost, out of order, or sent more than twice (ISO/IEC 13818-1, 2.4.3.3).
    /// Not after an announced break, nor between a segment and the next: RFC 8216 does not ask segments to go on
    /// counting.
    pub continuity_count_error: u64,
    /// 1.5.a `PMT_error_2`: a PID of the PAT carries no PMT for [`table_interval`](super::ScanOptions::table_interval)
    /// (0.5 s; counted again when that has passed again), or is scrambled.
    pub pmt_error_2: u64,
    /// 1.6 `PID_error`: no packet of a video or audio track of the PMT for 5 s, the period that the clause leaves to
    /// the user; counted again when that has passed again.
    pub pid_error: u64,
    /// 2.1 `Transport_error`: packets marked as damaged by `transport_error_indicator`.
    pub transport_error: u64,
    /// 2.2 `CRC_error`: wrong CRC in PAT, CAT, or the PMT of the programme that is shown. The tables of the network
    /// (NIT, EIT, BAT, SDT, TOT), which the clause names as well, are not read.
    pub crc_error: u64,
    /// 2.3a `PCR_repetition_error`: more than 100 ms between two PCRs.
    pub pcr_repetition_error: u64,
    /// 2.3b `PCR_discontinuity_indicator_error`: two PCRs differ by less than 0 or more than 100 ms, though no
    /// discontinuity was indicated. A PCR that is late by its own count is both this and 2.3a.
    pub pcr_discontinuity_indicator_error: u64,
    /// 2.5 `PTS_error`: more than 700 ms from a unit's decoding time to the next one's, in a video or audio track
    /// that is not scrambled. Still pictures, which the clause exempts, cannot be told here.
    pub pts_error: u64,
    /// 2.6 `CAT_error`: another table on PID 1; or scrambled packets without a CAT for
    /// [`CAT_INTERVAL`](super::CAT_INTERVAL), counted again when that has passed again.
    pub cat_error: u64,
}

impl Indicators {
    /// Each with its name in TR 101 290.
    pub fn named(&self) -> [(&'static str, u64); 12] {
        [
            ("TS_sync_loss", self.ts_sync_loss),
            ("Sync_byte_error", self.sync_byte_error),
            ("PAT_error_2", self.pat_error_2),
            ("Continuity_count_error", self.continuity_count_error),
            ("PMT_error_2", self.pmt_error_2),
            ("PID_error", self.pid_error),
            ("Transport_error", self.transport_error),
            ("CRC_error", self.crc_error),
            ("PCR_repetition_error", self.pcr_repetition_error),
            (
                "PCR_discontinuity_indicator_error",
                self.pcr_discontinuity_indicator_error,
            ),
            ("PTS_error", self.pts_error),
            ("CAT_error", self.cat_error),
        ]
    }

    /// Whether there is none.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Indicators {
    fn add_assign(&mut self, more: Self) {
        self.ts_sync_loss += more.ts_sync_loss;
        self.sync_byte_error += more.sync_byte_error;
        self.pat_error_2 += more.pat_error_2;
        self.continuity_count_error += more.continuity_count_error;
        self.pmt_error_2 += more.pmt_error_2;
        self.pid_error += more.pid_error;
        self.transport_error += more.transport_error;
        self.crc_error += more.crc_error;
        self.pcr_repetition_error += more.pcr_repetition_error;
        self.pcr_discontinuity_indicator_error += more.pcr_discontinuity_indicator_error;
        self.pts_error += more.pts_error;
        self.cat_error += more.cat_error;
    }
}

/// What was scanned since the report before, or since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanReport {
    /// Wall time since the report before; zero for the first one before any byte.
    pub window: Duration,
    /// Media time that was scanned in it. Segmented sources bring a segment's worth at once.
    pub media: Duration,
    /// Bytes received, with what belongs to no packet.
    pub bytes: u64,
    /// Whole packets.
    pub packets: u64,
    /// Null packets among them.
    pub nulls: u64,
    /// Packets with a scrambled payload among them.
    pub scrambled: u64,
    /// Packets whose adaptation field does not fit.
    pub malformed: u64,
    /// Errors of this window.
    pub errors: Indicators,
    /// Errors since the scan began.
    pub errors_total: Indicators,
    /// The interval by which tables were judged; `None` if they were not.
    pub table_interval: Option<Duration>,
    /// Times that no PAT had come for that interval.
    pub pat_missing: u64,
    /// Times that no PMT of the programme that is shown had come for that interval.
    pub pmt_missing: u64,
    /// Bits a second of the multiplex, nulls included, by its own clock; `None` with less than half a second of media.
    pub bitrate: Option<f64>,
    /// Times that the clock went back, or on by more than two seconds beyond what the tracks tell, unannounced.
    pub clock_jumps: u64,
    /// Breaks that were announced: by a playlist, by the pull, or by a `discontinuity_indicator` on the clock.
    pub announced_breaks: u64,
    /// How unevenly the clock arrived: the difference between its most early and its most late arrival. Sources that
    /// are not paced tell nothing by that.
    pub arrival_jitter: Option<Duration>,
    /// The programme that is shown; `None` until its map has come.
    pub program: Option<u16>,
    /// Programmes that the PAT lists.
    pub programs: usize,
    /// New maps of the programme: another version, or another programme.
    pub map_changes: u64,
    /// The audio and video codecs before and after, in order, where they are not the same at the end of the window
    /// as at its start.
    pub codecs_changed: Option<(Vec<Codec>, Vec<Codec>)>,
    /// Tracks of the programme that is shown.
    pub tracks: Vec<TrackReport>,
    /// Units of video have come at some time since the scan began.
    pub had_video: bool,
    /// Units of audio have come at some time since the scan began.
    pub had_audio: bool,
    /// Seconds by which video runs ahead of audio in the multiplex, by presentation time; of all that were measured
    /// at the start of audio units, the one nearest to zero.
    pub av_offset: Option<f64>,
}

impl ScanReport {
    /// Tracks of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &TrackReport> {
        self.tracks.iter().filter(move |t| t.codec.kind() == kind)
    }

    /// Share of null packets, 0.0 to 1.0.
    pub fn null_share(&self) -> f64 {
        self.nulls as f64 / self.packets.max(1) as f64
    }
}

/// What was scanned of a track in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackReport {
    /// Its PID.
    pub pid: u16,
    /// As the PMT names it.
    pub codec: Codec,
    /// Packets.
    pub packets: u64,
    /// Packets with a scrambled payload.
    pub scrambled: u64,
    /// PES packets begun.
    pub units: u64,
    /// Presentation time of the newest unit in display order, 33 bits at 90 kHz.
    pub last_pts: Option<u64>,
    /// Media time without the start of a unit up to now, at most since the newest break.
    pub silent_for: Duration,
    /// Steps of the decoding time of more than 700 ms, and more than three times what is usual for the track.
    pub gaps: u64,
    /// The longest of these.
    pub longest_gap: Duration,
    /// Times that the decoding time went back by more than two seconds, or on by more than a minute, while the
    /// clock did not.
    pub jumps: u64,
}
