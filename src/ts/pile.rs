//! Packets on their way into a chunk.

use bytes::{Bytes, BytesMut};

use super::packet::Packet;
use super::{Chunk, Keyframe, PACKET, Ticks};

/// Most packets that wait for one keyframe decision.
pub(super) const MOST_UNDECIDED: usize = 64;

/// A place that may turn out to be a keyframe; packets from there on are held back.
struct Candidate {
    at: usize,
    pts: Option<Ticks>,
    /// First clock at or after it.
    clock: Option<Ticks>,
}

/// Builds chunks in buffers of a fixed size: a chunk ends at a keyframe, on demand, or where its
/// buffer is full. Each byte is copied once; only the packets of an undecided keyframe that
/// straddles two buffers are moved.
pub(super) struct Pile {
    buffer: BytesMut,
    size: usize,
    keyframe: Option<Keyframe>,
    discontinuity: bool,
    /// First clock in the buffer, and where.
    clock: Option<(usize, Ticks)>,
    candidate: Option<Candidate>,
    ready: Vec<Chunk>,
    /// Stands in for a last packet where there is none.
    spare: Packet,
}

/// Says nothing: no payload, no adaptation field.
const NO_PACKET: Packet = [0; PACKET];

impl Pile {
    /// Chunks hold at most `bytes`, and not less than what can be held back.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            size: (bytes / PACKET).max(2 * MOST_UNDECIDED) * PACKET,
            keyframe: None,
            discontinuity: false,
            clock: None,
            candidate: None,
            ready: Vec::new(),
            spare: NO_PACKET,
        }
    }

    /// Appends a packet; it can be changed until the next call.
    pub(super) fn push(&mut self, packet: &Packet) -> &mut Packet {
        if self.buffer.capacity() - self.buffer.len() < PACKET {
            self.emit(self.undecided());
            let mut fresh = BytesMut::with_capacity(self.size);
            fresh.extend_from_slice(&self.buffer);
            self.buffer = fresh;
        }
        self.buffer.extend_from_slice(packet);
        self.last_mut()
    }

    /// The packet pushed last. It stays in the buffer until another has been pushed or the chunk
    /// is ended.
    pub(super) fn last(&self) -> &Packet {
        self.buffer.last_chunk().unwrap_or(&NO_PACKET)
    }

    /// The packet pushed last, to be changed.
    pub(super) fn last_mut(&mut self) -> &mut Packet {
        self.buffer.last_chunk_mut().unwrap_or(&mut self.spare)
    }

    /// The last packet has this clock.
    pub(super) fn mark_clock(&mut self, clock: Ticks) {
        self.clock
            .get_or_insert((self.buffer.len() - PACKET, clock));
        if let Some(candidate) = &mut self.candidate {
            candidate.clock.get_or_insert(clock);
        }
    }

    /// The next chunk that starts is the first after a break.
    pub(super) fn mark_discontinuity(&mut self) {
        self.discontinuity = true;
    }

    /// The last packet may start a keyframe. `clock` is its own, if it has one.
    pub(super) fn suspect(&mut self, pts: Option<Ticks>, clock: Option<Ticks>) {
        self.candidate = Some(Candidate {
            at: self.buffer.len() - PACKET,
            pts,
            clock,
        });
    }

    /// How many packets wait for a decision.
    pub(super) fn waiting(&self) -> Option<usize> {
        self.candidate
            .as_ref()
            .map(|candidate| (self.buffer.len() - candidate.at) / PACKET)
    }

    /// The candidate is none.
    pub(super) fn acquit(&mut self) {
        self.candidate = None;
    }

    /// The candidate is a keyframe: a chunk starts there. `fallback` is its time if it has none.
    pub(super) fn convict(&mut self, psi: Bytes, fallback: Option<Ticks>) {
        if let Some(candidate) = &self.candidate {
            let pts = candidate.pts.or(fallback).unwrap_or_default();
            self.emit(self.undecided());
            self.keyframe = Some(Keyframe { psi, pts });
            self.candidate = None;
        }
    }

    /// Ends the chunk before what is undecided.
    pub(super) fn flush(&mut self) {
        self.emit(self.undecided());
    }

    /// Moves finished chunks out.
    pub(super) fn drain(&mut self, out: &mut Vec<Chunk>) {
        out.append(&mut self.ready);
    }

    fn undecided(&self) -> usize {
        self.candidate
            .as_ref()
            .map_or(self.buffer.len(), |candidate| candidate.at)
    }

    fn emit(&mut self, end: usize) {
        if end == 0 {
            return;
        }
        let data = self.buffer.split_to(end).freeze();
        let clock = self
            .clock
            .take()
            .filter(|(at, _)| *at < end)
            .map(|(_, clock)| clock);
        self.ready.push(Chunk {
            data,
            keyframe: self.keyframe.take(),
            discontinuity: std::mem::take(&mut self.discontinuity),
            clock,
        });
        if let Some(candidate) = &mut self.candidate {
            candidate.at -= end;
            self.clock = candidate.clock.map(|clock| (0, clock));
        }
    }
}
