//! Gathers what the tracks are until enough is known to publish them.

use std::sync::Arc;

use super::clock::{SECOND, between};
use super::codec::{Codec, Kind, language, resolve};
use super::es::audio;
use super::es::sniffer::VideoParams;
use super::psi::Pmt;
use super::{PACKET, Ticks, Track, Tracks};

/// How long an audio track may keep the others waiting.
const AUDIO_WAIT: Wait = Wait {
    packets: 2 * 1024 * 1024 / PACKET as u64,
    ticks: 2 * SECOND,
};
/// How long the video track may: its parameter sets come with a keyframe, so no player can start
/// earlier anyhow, and there are sources with ten seconds between them.
const VIDEO_WAIT: Wait = Wait {
    packets: 16 * 1024 * 1024 / PACKET as u64,
    ticks: 15 * SECOND,
};
/// Starts of audio units without a header that is understood, before its track is given up.
const AUDIO_TRIES: u8 = 16;

struct Wait {
    packets: u64,
    ticks: i64,
}

/// What a PID is to the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) kind: Kind,
    pub(super) codec: Codec,
    /// The one video track, or without any the one audio track, that keyframes are told by.
    pub(super) leads: bool,
}

struct Working {
    track: Track,
    /// `stream_type` of its entry in the map.
    coding: u8,
    descriptors: Vec<u8>,
    tries: u8,
    /// Waited for: its headers are neither read nor given up.
    open: bool,
}

/// The programme's tracks under inspection.
#[derive(Default)]
pub(super) struct Probe {
    program: u16,
    pmt_pid: u16,
    pcr_pid: Option<u16>,
    tracks: Vec<Working>,
    lead: Option<u16>,
    published: Option<Arc<Tracks>>,
    /// Something has changed since the last publication.
    dirty: bool,
    packets: u64,
    since: Option<Ticks>,
}

impl Probe {
    /// What has been published last.
    pub(super) fn published(&self) -> Option<&Arc<Tracks>> {
        self.published.as_ref()
    }

    /// PID of the clock, once a map is known.
    pub(super) fn pcr_pid(&self) -> Option<u16> {
        self.pcr_pid
    }

    /// The programme's map is known or has changed. What is known of a track stays if its entry does.
    pub(super) fn on_map(&mut self, pmt: &Pmt) {
        let mut old = std::mem::take(&mut self.tracks);
        let mut video_seen = false;
        for stream in &pmt.streams {
            let same = old.iter().position(|w| {
                w.track.pid == stream.pid
                    && w.coding == stream.coding
                    && w.descriptors == stream.descriptors
            });
            let mut working = match same {
                Some(index) => old.swap_remove(index),
                None => Working::new(stream.pid, stream.coding, &stream.descriptors),
            };
            let video = working.track.codec.kind() == Kind::Video;
            if video && std::mem::replace(&mut video_seen, true) {
                working.open = false;
            }
            self.tracks.push(working);
        }
        (self.program, self.pmt_pid, self.pcr_pid) = (pmt.program, pmt.pid, Some(pmt.pcr_pid));
        let first = |kind| self.tracks.iter().find(|w| w.track.codec.kind() == kind);
        self.lead = first(Kind::Video)
            .or_else(|| first(Kind::Audio))
            .map(|w| w.track.pid);
        self.changed();
    }

    /// The source has restarted or jumped: audio headers are read again, as they may have changed.
    pub(super) fn on_break(&mut self) {
        for working in &mut self.tracks {
            working.tries = 0;
        }
    }

    /// What this PID is, if the programme has it.
    pub(super) fn role(&self, pid: u16) -> Option<Role> {
        let working = self
            .tracks
            .iter()
            .find(|working| working.track.pid == pid)?;
        let codec = working.track.codec;
        Some(Role {
            kind: codec.kind(),
            codec,
            leads: self.lead == Some(pid),
        })
    }

    /// Parameter sets of the leading video track.
    pub(super) fn on_video(&mut self, (codec, info): VideoParams) {
        let lead = self.lead;
        let Some(working) = self.tracks.iter_mut().find(|w| Some(w.track.pid) == lead) else {
            return;
        };
        let track = &mut working.track;
        working.open = false;
        if track.codec != codec || track.video.as_ref() != Some(&info) {
            (track.codec, track.video) = (codec, Some(info));
            self.dirty = true;
        }
    }

    /// The start of an audio unit (elementary stream bytes).
    pub(super) fn on_audio(&mut self, pid: u16, es: &[u8]) {
        let Some(working) = self.tracks.iter_mut().find(|w| w.track.pid == pid) else {
            return;
        };
        if working.tries >= AUDIO_TRIES {
            return;
        }
        if let Some((codec, info)) = audio::parse(working.track.codec, es) {
            let track = &mut working.track;
            working.tries = AUDIO_TRIES;
            if track.codec != codec || track.audio.as_ref() != Some(&info) {
                (track.codec, track.audio) = (codec, Some(info));
                self.dirty = true;
            }
        } else {
            working.tries += 1;
        }
        if working.tries == AUDIO_TRIES && std::mem::take(&mut working.open) {
            self.dirty = true;
        }
    }

    /// A scrambled packet of this PID: its headers can't be read.
    pub(super) fn on_scrambled(&mut self, pid: u16) {
        if let Some(working) = self.tracks.iter_mut().find(|w| w.track.pid == pid)
            && std::mem::take(&mut working.open)
        {
            self.dirty = true;
        }
    }

    /// Another packet has passed, of any PID; publishes what is due.
    pub(super) fn tick(&mut self, clock: Option<Ticks>) {
        if !self.dirty {
            return;
        }
        self.packets += 1;
        if self.since.is_none() {
            self.since = clock;
        }
        let ticks = self
            .since
            .zip(clock)
            .map_or(0, |(from, to)| between(from, to));
        let over = |wait: &Wait| self.packets > wait.packets || ticks > wait.ticks;
        let (audio_over, video_over) = (over(&AUDIO_WAIT), over(&VIDEO_WAIT));
        for working in &mut self.tracks {
            working.open &= match working.track.codec.kind() {
                Kind::Video => !video_over,
                _ => !audio_over,
            };
        }
        if self.tracks.iter().any(|working| working.open) {
            return;
        }
        self.dirty = false;
        let tracks = Tracks {
            program: self.program,
            pmt_pid: self.pmt_pid,
            pcr_pid: self.pcr_pid.unwrap_or(super::packet::NULL_PID),
            tracks: self
                .tracks
                .iter()
                .map(|working| working.track.clone())
                .collect(),
        };
        if self.published.as_deref() != Some(&tracks) {
            self.published = Some(Arc::new(tracks));
        }
    }

    fn changed(&mut self) {
        self.dirty = true;
        self.packets = 0;
        self.since = None;
    }
}

impl Working {
    fn new(pid: u16, coding: u8, descriptors: &[u8]) -> Self {
        let codec = resolve(coding, descriptors);
        let open = matches!(
            codec,
            Codec::H264
                | Codec::Hevc
                | Codec::Mpeg1Video
                | Codec::Mpeg2Video
                | Codec::Aac
                | Codec::AacLatm
                | Codec::Mp2
                | Codec::Mp3
                | Codec::Ac3
                | Codec::Eac3
        );
        let track = Track {
            pid,
            codec,
            language: language(descriptors),
            video: None,
            audio: None,
        };
        Self {
            track,
            coding,
            descriptors: descriptors.to_vec(),
            tries: 0,
            open,
        }
    }
}
