//! The cutter: bytes in, chunks out.

use std::sync::Arc;

use super::aligner::Aligner;
use super::codec::Kind;
use super::continuity::Continuity;
use super::es::sniffer::Sniffer;
use super::packet::{Header, NULL_PID, Packet};
use super::pes::Pes;
use super::pile::Pile;
use super::probe::Probe;
use super::psi::Psi;
use super::settle::Settle;
use super::stitcher::{Class, First, Line, Stitcher};
use super::{Chunk, PACKET, Stats, Ticks, Tracks};

/// How chunks are cut.
#[derive(Clone, Copy, Debug)]
pub struct CutterOptions {
    /// Most bytes in a chunk; at least 24 KiB are used.
    pub chunk_bytes: usize,
}

impl Default for CutterOptions {
    /// Chunks of at most 32 KiB.
    fn default() -> Self {
        Self {
            chunk_bytes: 32 * 1024,
        }
    }
}

/// Reads a transport stream in any slicing and cuts it into [`Chunk`]s on packet and keyframe
/// boundaries, on a timeline that goes on over breaks of the source.
///
/// Memory is bounded: one chunk buffer, 192 KiB of packets while a new timeline settles, 4 KiB of
/// an access unit, the tables of one programme.
pub struct Cutter {
    aligner: Aligner,
    pub(super) pile: Pile,
    pub(super) continuity: Continuity,
    pub(super) stitcher: Stitcher,
    pub(super) psi: Psi,
    pub(super) probe: Probe,
    pub(super) sniffer: Sniffer,
    settle: Option<Settle>,
    /// PID of the unit in the sniffer.
    pub(super) sniffed: u16,
    pub(super) last_audio_key: Option<Ticks>,
    /// Nothing has come since the last announced break (or ever).
    pub(super) fresh: bool,
    pub(super) stats: Stats,
}

impl Cutter {
    /// A cutter at the start of a feed.
    pub fn new(opts: CutterOptions) -> Self {
        Self {
            aligner: Aligner::default(),
            pile: Pile::new(opts.chunk_bytes),
            continuity: Continuity::default(),
            stitcher: Stitcher::default(),
            psi: Psi::default(),
            probe: Probe::default(),
            sniffer: Sniffer::default(),
            settle: None,
            sniffed: NULL_PID,
            last_audio_key: None,
            fresh: true,
            stats: Stats::default(),
        }
    }

    /// Reads the next bytes of the source, in any slicing, and appends the chunks that they complete.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<Chunk>) {
        let mut aligner = std::mem::take(&mut self.aligner);
        while let Some(run) = aligner.next(&mut input, &mut self.stats) {
            self.take(run, false);
            if self.settle.as_ref().is_some_and(Settle::done) {
                self.release();
            }
        }
        self.aligner = aligner;
        self.pile.drain(out);
    }

    /// Appends what has been decided so far. Held back are only less than a packet, the packets of
    /// a possible keyframe (at most 64), and those of a new timeline whose tracks have not all
    /// spoken (at most 1,024, or half a second).
    pub fn flush(&mut self, out: &mut Vec<Chunk>) {
        self.pile.flush();
        self.pile.drain(out);
    }

    /// The input ends: appends all that is left. Part of a packet is dropped.
    pub fn finish(&mut self, out: &mut Vec<Chunk>) {
        self.end_source();
        self.pile.drain(out);
    }

    /// The next input comes from a restarted source, or after an `EXT-X-DISCONTINUITY`. Part of a
    /// packet is dropped; timeline and counters go on where they were.
    pub fn discontinuity(&mut self) {
        if self.begin_anew() {
            self.stats.breaks += 1;
            self.pile.mark_discontinuity();
        }
    }

    /// The next input comes from another multiplexer that goes on exactly where this one has
    /// ended, with the same encoding. Timeline and counters go on where they were, and as nothing
    /// is missing or different, no break is marked.
    pub fn splice(&mut self) {
        self.begin_anew();
    }

    /// False when nothing has come since the last time.
    fn begin_anew(&mut self) -> bool {
        self.end_source();
        if std::mem::replace(&mut self.fresh, true) {
            return false;
        }
        self.continuity.begin_epoch(true);
        self.stitcher.announce();
        self.psi.reset_assembly();
        self.probe.on_break();
        true
    }

    /// What the feed carries, once its tables and headers have told, or have been given up. A new
    /// `Arc` when it changes.
    pub fn tracks(&self) -> Option<&Arc<Tracks>> {
        self.probe.published()
    }

    /// What has been counted since the start.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    fn end_source(&mut self) {
        let rest = self.aligner.finish(&mut self.stats);
        self.take(&rest, false);
        self.release();
        self.decide_now();
        self.pile.flush();
    }

    /// Reads whole packets. In a `replay` of held ones the first starts the timeline that has just
    /// begun. Another break among them is not waited for again, so that no input, however often
    /// it jumps, is held and read more than once.
    fn take(&mut self, run: &[u8], replay: bool) {
        let mut from = 0;
        if self.settle.is_none() {
            for packet in run.as_chunks::<PACKET>().0 {
                let header = Header::parse(packet);
                let stamped = header.pcr.is_some() || header.start;
                if stamped
                    && !(replay && from == 0)
                    && let Some((first, jump)) = self.jump(&header, packet)
                {
                    let settle = self.prepare(jump);
                    if !replay {
                        self.settle = Some(settle);
                        break;
                    }
                    self.stitcher.begin(&[first]);
                }
                self.accept(header, packet);
                from += PACKET;
            }
        }
        if let Some(mut settle) = self.settle.take() {
            let strays = self.stitcher.pending();
            settle.push(&run[from..], &self.stitcher, |pid, id| {
                self.class(pid, id, strays)
            });
            self.settle = Some(settle);
        }
    }

    /// A new timeline is to begin; ends what belongs to the old one.
    fn prepare(&mut self, jump: i64) -> Settle {
        let pending = self.stitcher.pending();
        if !pending {
            self.stats.breaks += 1;
            self.decide_now();
            self.pile.flush();
            self.pile.mark_discontinuity();
            self.continuity.begin_epoch(false);
            self.probe.on_break();
        }
        Settle::new((!pending).then_some(jump), self.stitcher.alive())
    }

    /// The packet's stamp that can only belong to a new timeline, and how far it jumped.
    fn jump(&self, header: &Header, packet: &Packet) -> Option<(First, i64)> {
        if header.error {
            return None;
        }
        let strays = self.stitcher.pending();
        let broken = |stream_id, at, pts| {
            let class = self.class(header.pid, stream_id, strays)?;
            let line = Line {
                pid: header.pid,
                class,
            };
            Some((First { line, at, pts }, self.stitcher.breaks(line, at)?))
        };
        let unit = || {
            let pes = Pes::parse(header.clear_payload(packet).filter(|_| header.start)?, 0)?;
            broken(Some(pes.stream_id), pes.decode_time()?, pes.pts?.value)
        };
        header
            .pcr
            .and_then(|pcr| broken(None, pcr, pcr))
            .or_else(unit)
    }

    /// Lets go of a settled timeline's packets.
    fn release(&mut self) {
        if let Some(settle) = self.settle.take() {
            let (held, firsts) = settle.into_parts();
            self.stitcher.begin(&firsts);
            self.take(&held, true);
        }
    }

    /// Which line of stamps a PID's clock (`stream_id` is `None`) or units belong to. `strays`: the
    /// source is new and its map perhaps unknown, so that in a stream of one programme PIDs that
    /// are not listed count too.
    pub(super) fn class(&self, pid: u16, stream_id: Option<u8>, strays: bool) -> Option<Class> {
        let stray = || strays && !self.psi.several() && self.probe.role(pid).is_none();
        match (stream_id, self.probe.role(pid).map(|role| role.kind)) {
            (None, _) => (self.probe.pcr_pid() == Some(pid) || stray()).then_some(Class::Clock),
            (Some(_), Some(Kind::Video)) => Some(Class::Video),
            (Some(_), Some(Kind::Audio)) => Some(Class::Audio),
            (Some(0xe0..=0xef), None) if stray() => Some(Class::Video),
            (Some(0xc0..=0xdf), None) if stray() => Some(Class::Audio),
            _ => None,
        }
    }
}
