//! What the cutter does with one packet.

use super::Ticks;
use super::clock::{SECOND, unwrap_near};
use super::codec::{Codec, Kind};
use super::continuity::Follows;
use super::cutter::Cutter;
use super::packet::{self, Header, NULL_PID, Packet};
use super::pes::{self, Pes};
use super::pile::MOST_UNDECIDED;
use super::stitcher::Line;

/// Without video, one audio unit in this time counts as a keyframe.
const AUDIO_KEY_EVERY: u64 = SECOND.unsigned_abs() / 2;

impl Cutter {
    /// Counts, rewrites and files one packet.
    pub(super) fn accept(&mut self, mut header: Header, packet: &Packet) {
        self.fresh = false;
        self.stats.packets += 1;
        self.stats.transport_errors += u64::from(header.error);
        self.stats.malformed += u64::from(header.malformed);
        let packet = self.pile.push(packet);
        if header.pid != NULL_PID && !header.error {
            let probe = &self.probe;
            let unit = || probe.role(header.pid).is_some();
            let mut checked = header;
            let follows = self
                .continuity
                .step(&mut checked, packet, unit, &mut self.stats);
            header = checked;
            self.read(&header, follows);
        }
        if self
            .pile
            .waiting()
            .is_some_and(|packets| packets >= MOST_UNDECIDED)
        {
            self.decide_now();
        }
        self.probe.tick(self.stitcher.clock());
    }

    fn read(&mut self, header: &Header, follows: Follows) {
        let clock = self.map_clock(header);
        if header.scrambled && header.steps {
            self.stats.scrambled += 1;
            self.probe.on_scrambled(header.pid);
        }
        if self.psi.wants(header.pid) {
            if self
                .psi
                .push(header, self.pile.last(), follows, &mut self.stats)
                && let Some(pmt) = self.psi.programme()
            {
                self.probe.on_map(pmt);
                self.sniffer.forget();
            }
            return;
        }
        if header.start {
            self.on_unit(header, clock);
        } else if self.sniffer.active()
            && header.pid == self.sniffed
            && follows != Follows::Duplicate
        {
            if follows == Follows::Gap {
                let key = self.sniffer.abort();
                return self.decide(key);
            }
            if let Some(payload) = header.clear_payload(self.pile.last()) {
                if let Some(params) = self.sniffer.push(payload) {
                    self.probe.on_video(params);
                }
                self.sniffer
                    .key()
                    .into_iter()
                    .for_each(|key| self.decide(key));
            }
        }
    }

    /// Maps the packet's PCR, if it is ours; returns its time if it is the programme's clock.
    fn map_clock(&mut self, header: &Header) -> Option<Ticks> {
        let pcr = header.pcr?;
        let ours = self.class(header.pid, None, false);
        let (offset, time) = match ours {
            Some(class) => self.stitcher.map(
                Line {
                    pid: header.pid,
                    class,
                },
                pcr,
                pcr,
            ),
            None if self.foreign(header.pid) => return None,
            None => self.stitcher.follow(pcr),
        };
        if offset != 0 {
            packet::write_pcr(self.pile.last_mut(), pcr.wrapping_add(offset));
        }
        ours?;
        self.pile.mark_clock(time);
        Some(time)
    }

    /// Whether a PID belongs to another programme, whose timeline is none of ours.
    fn foreign(&self, pid: u16) -> bool {
        self.psi.several() && self.probe.role(pid).is_none()
    }

    /// A packet that starts a unit: maps its stamps, and looks into it.
    fn on_unit(&mut self, header: &Header, clock: Option<Ticks>) {
        let role = self.probe.role(header.pid);
        if role.is_none() && self.foreign(header.pid) {
            return;
        }
        let video = role.filter(|role| role.leads && role.kind == Kind::Video);
        if video.is_some() {
            self.decide_now(); // the unit before ends here
        }
        let Some(payload) = header.clear_payload(self.pile.last()) else {
            if header.scrambled && header.random_access && video.is_some() {
                self.pile.suspect(None, clock);
                self.decide(true);
            }
            return;
        };
        let pes = Pes::parse(payload, 0);
        let pts = pes.as_ref().and_then(|pes| self.map_unit(header, pes));
        let Some(role) = role else { return };
        if video.is_some() {
            self.start_video(header, role.codec, pts, clock);
        } else if role.kind == Kind::Audio {
            if role.leads && pts.is_some_and(|pts| self.audio_key_due(pts)) {
                self.last_audio_key = pts;
                self.pile.suspect(pts, clock);
                self.decide(true);
            }
            let payload = header.clear_payload(self.pile.last()).unwrap_or_default();
            if let Some(es) = pes.and_then(|pes| payload.get(pes.es..)) {
                self.probe.on_audio(header.pid, es);
            }
        }
    }

    fn start_video(
        &mut self,
        header: &Header,
        codec: Codec,
        pts: Option<Ticks>,
        clock: Option<Ticks>,
    ) {
        self.sniffed = header.pid;
        self.pile.suspect(pts, clock);
        let payload = header.clear_payload(self.pile.last()).unwrap_or_default();
        if let Some(params) = self.sniffer.start(codec, header.random_access, payload) {
            self.probe.on_video(params);
        }
        self.sniffer
            .key()
            .into_iter()
            .for_each(|key| self.decide(key));
    }

    fn audio_key_due(&self, pts: Ticks) -> bool {
        self.last_audio_key
            .is_none_or(|last| pts < last || pts - last >= AUDIO_KEY_EVERY)
    }

    /// Rewrites the stamps of a unit; returns its presentation time.
    fn map_unit(&mut self, header: &Header, pes: &Pes) -> Option<Ticks> {
        let (raw, pts) = (pes.decode_time()?, pes.pts?);
        let (offset, time) = match self.class(header.pid, Some(pes.stream_id), false) {
            Some(class) => self.stitcher.map(
                Line {
                    pid: header.pid,
                    class,
                },
                raw,
                pts.value,
            ),
            None => self.stitcher.follow(raw),
        };
        if offset != 0 {
            let packet = self.pile.last_mut();
            for stamp in [Some(pts), pes.dts].into_iter().flatten() {
                pes::write_stamp(
                    packet,
                    header.payload + stamp.at,
                    stamp.value.wrapping_add(offset),
                );
            }
        }
        Some(unwrap_near(time, pts.value.wrapping_add(offset)))
    }

    /// Settles an open keyframe question with what is known.
    pub(super) fn decide_now(&mut self) {
        let (key, params) = self.sniffer.finish();
        if let Some(params) = params {
            self.probe.on_video(params);
        }
        self.decide(key);
    }

    fn decide(&mut self, key: bool) {
        if self.pile.waiting().is_none() {
            return;
        }
        let psi = self.psi.packets();
        if key && !psi.is_empty() {
            self.pile.convict(psi, self.stitcher.clock());
        } else {
            self.pile.acquit();
        }
    }
}
