//! Watches a transport stream without touching it: what is wrong with it, by the names of ETSI TR 101 290, and what
//! it carries. A light pass of its own over each packet's header; payloads are looked into only where a table or a
//! unit begins.
//!
//! ```text
//! bytes ─► aligner ─► header ─┬─ pids    counters ─► Continuity_count_error
//!                             ├─ psi     PAT, PMT: the programme that is shown, and its tracks
//!                             ├─ clock   PCR ─► media time, by which all intervals are measured
//!                             └─ tracks  units, stamps: gaps, silence, video against audio
//! ```
//!
//! What is true of the whole multiplex (sync, counters, damage, tables of each programme) is told of all of it; clock
//! and tracks are those of the programme that the feed shows, chosen as the cutter does.
//!
//! Not told: `PCR_accuracy_error` (2.4). It needs the time at which each byte was sent, to 500 ns, or a constant rate of
//! the multiplex, and sources over HTTP or in segments have neither.
//!
//! About 2 kB for a programme of two tracks; bounded by 64 programmes, 64 tracks and some hundred PIDs.

mod clock;
mod pids;
mod report;
#[cfg(test)]
mod tests;
mod timer;
mod track;

use std::time::{Duration, Instant};

use super::aligner::Aligner;
use super::clock::{SECOND, distance};
use super::codec::{Kind, resolve};
use super::continuity::Follows;
use super::packet::{Header, NULL_PID, PAT_PID, Packet};
use super::pes::Pes;
use super::psi::Psi;
use super::section::Assembler;
use super::{Codec, PACKET, Stats, Ticks};
use clock::{MediaClock, Step, ticks, time};
use pids::{Pids, Role};
pub use report::{Indicators, ScanReport, TrackReport};
use timer::Timer;
use track::Track;

/// PID of the conditional access table.
const CAT_PID: u16 = 1;
const PAT_TABLE: u8 = 0;
const CAT_TABLE: u8 = 1;
const PMT_TABLE: u8 = 2;
/// TR 101 290, 5.2.2: the longest from one PCR to the next.
const PCR_INTERVAL: i64 = SECOND / 10;
/// The period that TR 101 290, 5.2.1, leaves to the user: a track without a packet for so long is an error.
const PID_PERIOD: u64 = 5 * SECOND as u64;
/// Scrambled packets want a CAT within this time; the clause names none. As long as the tables of the network that are
/// sent most rarely.
pub const CAT_INTERVAL: Duration = Duration::from_secs(10);
/// A bit rate of less media than this says little.
const LEAST_MEDIA: u64 = SECOND as u64 / 2;

/// How a stream is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    /// The source sends at the pace at which it is to be shown, so that arrival tells of time as well.
    pub paced: bool,
    /// The longest from one PAT to the next, and of PMTs: 0.5 s by TR 101 290, 5.2.1. HLS asks for them once in a
    /// segment (RFC 8216, 3.2). `None` if the tables are ours.
    pub table_interval: Option<Duration>,
}

impl Default for ScanOptions {
    /// As TR 101 290 has it, of a source that need not be paced.
    fn default() -> Self {
        Self {
            paced: false,
            table_interval: Some(Duration::from_millis(500)),
        }
    }
}

/// Scans one transport stream. See the module.
#[derive(Default)]
pub struct Scan {
    options: ScanOptions,
    aligner: Aligner,
    /// Of the aligner and the tables.
    stats: Stats,
    /// What the aligner had skipped when it lost its place.
    lost_at: Option<u64>,
    pids: Pids,
    psi: Psi,
    cat: Assembler,
    tables: Tables,
    clock: MediaClock,
    pcr_pid: Option<u16>,
    map_pid: Option<u16>,
    program: Option<u16>,
    tracks: Vec<Track>,
    arrived: Option<Instant>,
    window: Window,
    total: Indicators,
    had: (bool, bool),
}

/// When tables came.
#[derive(Debug, Default)]
struct Tables {
    pat: Timer,
    maps: Vec<(u16, Timer)>,
    cat: Timer,
    /// Packets were scrambled since the last look.
    scrambled: bool,
}

/// What is counted from one report to the next.
#[derive(Debug, Default)]
struct Window {
    errors: Indicators,
    began: Option<Instant>,
    media_at: Ticks,
    /// Of the stats.
    skipped_at: u64,
    packets: u64,
    nulls: u64,
    scrambled: u64,
    malformed: u64,
    /// Packets since the newest PCR, and before it with the ticks that they took.
    since: u64,
    metered: (u64, u64),
    pat_missing: u64,
    pmt_missing: u64,
    clock_jumps: u64,
    announced_breaks: u64,
    map_changes: u64,
    codecs_before: Option<Vec<Codec>>,
    av_offset: Option<i64>,
    /// The earliest and the latest that the clock came, against media time.
    arrivals: Option<(i64, i64)>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("options", &self.options)
            .field("program", &self.program)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Scan {
    /// A scan that begins somewhere in a stream.
    pub fn new(options: ScanOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Scans on with other options.
    pub fn set_options(&mut self, options: ScanOptions) {
        self.options = options;
    }

    /// Scans the next bytes, in any slicing, which came `at` this time.
    pub fn push(&mut self, mut data: &[u8], at: Instant) {
        self.window.began.get_or_insert(at);
        self.arrived = Some(at);
        let mut aligner = std::mem::take(&mut self.aligner);
        loop {
            let (losses, skipped) = (self.stats.sync_losses, self.stats.skipped_bytes);
            let run = aligner.next(&mut data, &mut self.stats);
            if self.stats.sync_losses != losses {
                self.lost_at.get_or_insert(skipped);
            }
            let Some(run) = run else { break };
            if let Some(skipped) = self.lost_at.take() {
                self.resynced(self.stats.skipped_bytes - skipped);
            }
            for packet in run.as_chunks::<PACKET>().0 {
                self.packet(packet);
            }
        }
        self.aligner = aligner;
        if self.options.paced && self.clock.arrive(at) {
            self.tick();
        }
    }

    /// The next bytes do not continue those before, as was announced: no counter, stamp or interval reaches over it.
    pub fn discontinuity(&mut self) {
        let rest = self.aligner.finish(&mut self.stats);
        for packet in rest.as_chunks::<PACKET>().0 {
            self.packet(packet);
        }
        self.lost_at = None;
        self.window.announced_breaks += 1;
        self.pids.restart();
        self.psi.reset_assembly();
        self.cat.reset();
        self.tables.restart();
        self.clock.rebase();
        self.window.since = 0;
        let now = self.clock.now();
        for track in &mut self.tracks {
            track.rebase(now);
        }
    }

    /// A segment begins that continues the one before, but may count its packets anew.
    pub fn segment(&mut self) {
        self.pids.restart();
    }

    /// Media time that has been scanned so far.
    pub fn media(&self) -> Duration {
        time(self.clock.now())
    }

    /// What was counted since the last time.
    pub fn take(&mut self, now: Instant) -> ScanReport {
        let media_at = self.clock.now();
        let skipped_at = self.stats.skipped_bytes;
        let next = Window {
            began: Some(now),
            media_at,
            skipped_at,
            ..Window::default()
        };
        let window = std::mem::replace(&mut self.window, next);
        self.window.since = window.since;
        self.total += window.errors;
        let began = window.began.unwrap_or(now);
        let (packets, metered) = window.metered;
        let skipped = skipped_at - window.skipped_at;
        let after = self.codecs();
        let tracks: Vec<TrackReport> = (self.tracks.iter_mut())
            .map(|track| track.take(media_at))
            .collect();
        ScanReport {
            window: now.saturating_duration_since(began),
            media: time(media_at - window.media_at),
            bytes: window.packets * PACKET as u64 + skipped,
            packets: window.packets,
            nulls: window.nulls,
            scrambled: window.scrambled,
            malformed: window.malformed,
            errors: window.errors,
            errors_total: self.total,
            table_interval: self.options.table_interval,
            pat_missing: window.pat_missing,
            pmt_missing: window.pmt_missing,
            bitrate: (metered >= LEAST_MEDIA)
                .then(|| packets as f64 * (PACKET * 8) as f64 / (metered as f64 / SECOND as f64)),
            clock_jumps: window.clock_jumps,
            announced_breaks: window.announced_breaks,
            arrival_jitter: (window.arrivals.filter(|_| self.options.paced))
                .map(|(early, late)| time((late - early) as u64)),
            program: self.program,
            programs: self.psi.listed().len(),
            map_changes: window.map_changes,
            codecs_changed: (window.codecs_before)
                .filter(|before| *before != after)
                .map(|before| (before, after)),
            tracks,
            had_video: self.had.0,
            had_audio: self.had.1,
            av_offset: window.av_offset.map(|ticks| ticks as f64 / SECOND as f64),
        }
    }

    /// Packets are found again after so many bytes.
    fn resynced(&mut self, skipped: u64) {
        let strides = [PACKET as u64, 192, 204];
        let whole = strides
            .into_iter()
            .find(|stride| skipped.is_multiple_of(*stride));
        let packets = whole.map_or(0, |stride| skipped / stride);
        let errors = &mut self.window.errors;
        errors.sync_byte_error += packets.max(1);
        if packets != 1 {
            errors.ts_sync_loss += 1;
        }
    }

    fn packet(&mut self, packet: &Packet) {
        let header = Header::parse(packet);
        let window = &mut self.window;
        window.packets += 1;
        window.since += 1;
        if header.error {
            window.errors.transport_error += 1;
            return;
        }
        window.malformed += u64::from(header.malformed);
        if header.pid == NULL_PID {
            window.nulls += 1;
            return;
        }
        // Without payload there is nothing to scramble.
        let scrambled = header.scrambled && header.payload < PACKET;
        window.scrambled += u64::from(scrambled);
        self.tables.scrambled |= scrambled;
        let Some(line) = self.pids.line(header.pid) else {
            return;
        };
        let (role, follows) = (line.role, line.step(&header));
        window.errors.continuity_count_error += u64::from(follows == Follows::Gap);
        if let Some(pcr) = header.pcr
            && self.pcr_pid == Some(header.pid)
        {
            self.pcr(pcr, header.discontinuity);
        }
        match role {
            Role::Track(at) if follows != Follows::Duplicate => {
                self.track(usize::from(at), &header, packet);
            }
            Role::Pat | Role::Cat | Role::Map(_) => self.table(role, &header, packet, follows),
            // The tables that say what it is have not come.
            Role::Other if header.pid <= CAT_PID => {
                self.assign();
                let role = if header.pid == PAT_PID {
                    Role::Pat
                } else {
                    Role::Cat
                };
                self.table(role, &header, packet, follows);
            }
            _ => {}
        }
    }

    fn track(&mut self, at: usize, header: &Header, packet: &Packet) {
        let Some(track) = self.tracks.get_mut(at) else {
            return;
        };
        track.packet(header.scrambled);
        if !header.start {
            return;
        }
        track.unit(self.clock.now());
        let kind = track.codec.kind();
        self.had.0 |= kind == Kind::Video;
        self.had.1 |= kind == Kind::Audio;
        let pes = header
            .clear_payload(packet)
            .and_then(|data| Pes::parse(data, 0));
        let Some(pes) = pes else { return };
        let stamped = track.stamp(&pes);
        self.window.errors.pts_error += u64::from(stamped.late);
        let media = track.is_media();
        let mut pulse = track.pulse;
        if let Some(step) = stamped.step.filter(|_| media) {
            let told = self.clock.track(header.pid, step, &mut pulse);
            self.tracks[at].pulse = pulse;
            if told {
                self.metered(step);
                self.tick();
            }
        }
        if kind == Kind::Audio {
            self.compare(at);
        }
    }

    /// Video against the audio unit that begins now.
    fn compare(&mut self, audio: usize) {
        let video = self.tracks.iter().find(|t| t.codec.kind() == Kind::Video);
        let (Some(video), Some(audio)) = (video.and_then(Track::pts), self.tracks[audio].pts())
        else {
            return;
        };
        let offset = distance(audio, video);
        let least = &mut self.window.av_offset;
        if least.is_none_or(|least| offset.abs() < least.abs()) {
            *least = Some(offset);
        }
    }

    fn pcr(&mut self, raw: u64, announced: bool) {
        match self.clock.pcr(raw, announced) {
            Step::First => {
                if announced {
                    self.window.announced_breaks += 1;
                    self.rebase_stamps();
                }
            }
            Step::On(step) => {
                let errors = &mut self.window.errors;
                if step.cast_signed() > PCR_INTERVAL {
                    errors.pcr_repetition_error += 1;
                    errors.pcr_discontinuity_indicator_error += 1;
                }
                self.metered(step);
                self.note_arrival();
                self.tick();
            }
            Step::Jump(_) => {
                self.window.errors.pcr_discontinuity_indicator_error += 1;
                self.window.clock_jumps += 1;
                self.window.since = 0;
                self.rebase_stamps();
            }
        }
    }

    /// A new time base: stamps begin anew. How the clock arrived before says nothing about how it does now.
    fn rebase_stamps(&mut self) {
        self.window.since = 0;
        for track in &mut self.tracks {
            track.rebase_stamps();
        }
    }

    /// The packets since the last time took so long.
    fn metered(&mut self, step: u64) {
        let packets = std::mem::take(&mut self.window.since);
        self.window.metered.0 += packets;
        self.window.metered.1 += step;
    }

    fn note_arrival(&mut self) {
        let (Some(began), Some(at)) = (self.window.began, self.arrived) else {
            return;
        };
        let media = self.clock.now() - self.window.media_at;
        let late = ticks(at.saturating_duration_since(began)).cast_signed() - media.cast_signed();
        let (earliest, latest) = self.window.arrivals.unwrap_or((late, late));
        self.window.arrivals = Some((earliest.min(late), latest.max(late)));
    }

    /// Media time has passed: what should have come?
    fn tick(&mut self) {
        let now = self.clock.now();
        let errors = &mut self.window.errors;
        let tables = &mut self.tables;
        if let Some(limit) = self.options.table_interval.map(ticks) {
            let late = tables.pat.is_late(now, limit);
            errors.pat_error_2 += u64::from(late);
            self.window.pat_missing += u64::from(late);
            for (pid, map) in &mut tables.maps {
                let late = map.is_late(now, limit);
                errors.pmt_error_2 += u64::from(late);
                self.window.pmt_missing += u64::from(late && self.map_pid == Some(*pid));
            }
        }
        // Where nothing is scrambled, no CAT is waited for.
        if !std::mem::take(&mut tables.scrambled) {
            tables.cat.seen();
        }
        errors.cat_error += u64::from(tables.cat.is_late(now, ticks(CAT_INTERVAL)));
        for track in self.tracks.iter_mut().filter(|track| track.is_media()) {
            errors.pid_error += u64::from(track.presence.is_late(now, PID_PERIOD));
        }
    }

    fn table(&mut self, role: Role, header: &Header, packet: &Packet, follows: Follows) {
        let table_id = first_table(header, packet);
        let scrambled = header.scrambled && header.payload < PACKET;
        let errors = &mut self.window.errors;
        match role {
            Role::Pat => {
                let other = table_id.is_some_and(|id| id != PAT_TABLE);
                errors.pat_error_2 += u64::from(scrambled || other);
                if table_id == Some(PAT_TABLE) {
                    self.tables.pat.seen();
                }
            }
            Role::Map(at) => {
                errors.pmt_error_2 += u64::from(scrambled);
                if table_id == Some(PMT_TABLE)
                    && let Some((_, map)) = self.tables.maps.get_mut(usize::from(at))
                {
                    map.seen();
                }
            }
            _ => {
                errors.cat_error += u64::from(table_id.is_some_and(|id| id != CAT_TABLE));
                if table_id == Some(CAT_TABLE) {
                    self.tables.cat.seen();
                }
                if follows == Follows::Gap {
                    self.cat.reset();
                }
                errors.crc_error += self.cat.push(header, packet, |_| {});
                return;
            }
        }
        let bad = self.stats.table_errors;
        let changed =
            self.psi.wants(header.pid) && self.psi.push(header, packet, follows, &mut self.stats);
        self.window.errors.crc_error += self.stats.table_errors - bad;
        let maps = &self.tables.maps;
        let listed = |(at, (_, pid)): (usize, (u16, u16))| maps.get(at).map(|m| m.0) == Some(pid);
        let same =
            maps.len() == self.psi.listed().len() && self.psi.listed().enumerate().all(listed);
        if changed || !same {
            self.retable(changed);
        }
    }

    /// The PAT lists others, or the map of the programme is new.
    fn retable(&mut self, changed: bool) {
        let old = std::mem::take(&mut self.tables.maps);
        let timer = |pid| old.iter().find(|(p, _)| *p == pid).map(|(_, timer)| *timer);
        self.tables.maps = (self.psi.listed())
            .map(|(_, pid)| (pid, timer(pid).unwrap_or_default()))
            .collect();
        if changed && let Some(map) = self.psi.programme() {
            let before = self.codecs();
            let now = self.clock.now();
            self.pcr_pid = Some(map.pcr_pid);
            self.map_pid = Some(map.pid);
            let known = self.program.replace(map.program).is_some();
            let mut old = std::mem::take(&mut self.tracks);
            self.tracks = (map.streams.iter())
                .map(|stream| {
                    let codec = resolve(stream.coding, &stream.descriptors);
                    let same = |t: &Track| t.pid == stream.pid && t.codec == codec;
                    match old.iter().position(same) {
                        Some(at) => old.swap_remove(at),
                        None => Track::new(stream.pid, codec, now),
                    }
                })
                .collect();
            if known {
                self.window.map_changes += 1;
                self.window.codecs_before.get_or_insert(before);
            }
        }
        self.assign();
    }

    fn assign(&mut self) {
        let fixed = [(PAT_PID, Role::Pat), (CAT_PID, Role::Cat)].into_iter();
        let maps = self
            .tables
            .maps
            .iter()
            .zip(0..)
            .map(|((pid, _), at)| (*pid, Role::Map(at)));
        let tracks = self
            .tracks
            .iter()
            .zip(0..)
            .map(|(track, at)| (track.pid, Role::Track(at)));
        self.pids.assign(fixed.chain(maps).chain(tracks));
    }

    /// Of video and audio, in order.
    fn codecs(&self) -> Vec<Codec> {
        let media = self.tracks.iter().filter(|track| track.is_media());
        let mut codecs: Vec<Codec> = media.map(|track| track.codec).collect();
        codecs.sort_by_key(|codec| (codec.kind() != Kind::Video, codec.name()));
        codecs
    }
}

impl Tables {
    fn restart(&mut self) {
        self.pat.restart();
        self.cat.restart();
        self.maps.iter_mut().for_each(|(_, map)| map.restart());
        self.scrambled = false;
    }
}

/// The table id of the first section that begins in a packet.
fn first_table(header: &Header, packet: &Packet) -> Option<u8> {
    let payload = header.clear_payload(packet).filter(|_| header.start)?;
    let (pointer, sections) = payload.split_first()?;
    let id = sections.get(usize::from(*pointer)).copied()?;
    (id != 0xff).then_some(id)
}
