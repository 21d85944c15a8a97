//! Remultiplexing: media in other containers, or from several places, as one MPEG transport stream.
//!
//! ```text
//!  bytes of an input ─► reader (mp4, flv, packed, transport) ─► tracks and frames
//!                                                                  │ nal, audio: as PES packets have them
//!  bytes of another  ─► reader ────────────────────────────────────┤
//!                                                                  ▼
//!                       interleave   decoding order over all tracks; waits, but not for ever
//!                                                                  ▼
//!                       program      tables, clock, PES packets ─► whole TS packets
//! ```
//!
//! All of it is pure: no clock, no I/O. It believes no count and no size that the bytes don't bear out.
//!
//! Time: all inputs share one line of 90 kHz modulo 2^33, as RFC 8216 has it for segments of any format;
//! [`Remux::set_offset`] brings the others onto it. What is written keeps the differences between
//! times, not the times themselves.
//!
//! Bounds: [`Limits`] for what waits to be interleaved; beside it each input holds at most the index of an
//! MP4 file (32 MiB, 4 MiB a fragment) and a frame (16 MiB) under way.
//!
//! Known limits: of an edit list only the delay at its start is followed; a progressive MP4 file whose tracks are
//! not interleaved loses the sound that lies further behind than [`Limits::hold`]; AAC whose channels
//! only a programme config element describes is not carried.

mod audio;
mod error;
mod flv;
mod format;
mod input;
mod interleave;
mod language;
mod mp4;
mod nal;
mod packed;
mod program;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use audio::{
    HEADER as FRAME_HEADER, Header as FrameHeader, header as frame_header, opus_duration,
};
pub use error::RemuxError;

use format::{Carriage, Event, Format, Found, Frame};
use input::Reader;
use interleave::{Interleaver, Unit};
use program::Program;

use crate::ts::{Codec, Kind, WRAP, distance};

/// Largest frame that is believed.
const MOST_SAMPLE: usize = 16 << 20;
/// Decoding times may step back this far (90 kHz) without being a new timeline.
const BACK: i64 = 90_000;
/// Presentation may follow decoding by this much (90 kHz).
const MOST_CTS: i64 = 60 * 90_000;
/// Timelines whose time is kept.
const MOST_ERAS: usize = 8;
const VIDEO_PID: u16 = 0x100;

/// How the bytes of an input are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Told by the first bytes, and anew after a discontinuity.
    Any,
    /// MPEG-TS.
    Ts,
    /// ISO base media, fragmented or progressive: init segments and media segments one after the other.
    Mp4,
    /// FLV, as a file or by its tags.
    Flv,
    /// RFC 8216, 3.4: ADTS, MPEG audio, AC-3 or E-AC-3 behind an ID3 tag with the time. Without
    /// a tag time counts from 0 and goes on.
    PackedAudio,
}

/// An input and what to take of it.
#[derive(Clone, Debug)]
pub struct InputOptions {
    /// How its bytes are packed.
    pub container: Container,
    /// Take its first video track. The output has one: that of the first input which brings any.
    pub video: bool,
    /// Take all its audio tracks.
    pub audio: bool,
    /// BCP 47 or ISO 639; for tracks of which the container doesn't say it.
    pub language: Option<String>,
}

impl InputOptions {
    /// Takes everything.
    pub fn new(container: Container) -> Self {
        Self {
            container,
            video: true,
            audio: true,
            language: None,
        }
    }
}

/// How long and how much to hold for an input that lies behind the others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Media time.
    pub hold: Duration,
    /// Bytes of all inputs together.
    pub hold_bytes: usize,
}

impl Default for Limits {
    /// For segments that are fetched in turn: 12 s, 24 MiB.
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(12),
            hold_bytes: 24 << 20,
        }
    }
}

impl Limits {
    /// For live streams that are interleaved already: 1 s, 8 MiB.
    pub fn live() -> Self {
        Self {
            hold: Duration::from_secs(1),
            hold_bytes: 8 << 20,
        }
    }
}

/// What comes out, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Whole TS packets.
    Data(Bytes),
    /// What follows is on a new timeline.
    Discontinuity,
    /// Something to know.
    Notice(Notice),
}

/// Something to know about the inputs or the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A track is left out, as transport streams cannot carry it. Told once.
    Unsupported {
        /// Of which input.
        input: usize,
        /// Pictures or sound.
        kind: Kind,
        /// Name of the codec.
        codec: String,
        /// The input has other tracks that are carried.
        rest: bool,
    },
    /// From here on the output has these tracks.
    Tracks(Vec<OutputTrack>),
}

/// A track of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTrack {
    /// PID that carries it.
    pub pid: u16,
    /// How it is coded.
    pub codec: Codec,
    /// ISO 639-2 code.
    pub language: Option<String>,
}

/// Where an input is to be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The bytes that follow.
    Next,
    /// Those from another offset of the file; [`Remux::seek`] tells that they come.
    From(u64),
    /// Everything has been read.
    Done,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemuxStats {
    /// PES packets written.
    pub units: u64,
    /// Units dropped because they came later than others had been waited for.
    pub late: u64,
    /// Samples, tags or segments dropped because they were damaged, cut short or out of reach.
    pub damaged: u64,
    /// Bytes held now, with a charge for each unit.
    pub held_bytes: usize,
}

/// A track's way from an input to the output.
struct Lane {
    input: usize,
    kind: Kind,
    /// Its number among those of its kind and input.
    ordinal: usize,
    pid: u16,
    format: Arc<Format>,
    /// The format that its last unit in the output had.
    shown: Option<Arc<Format>>,
    /// The input still has it.
    present: bool,
    /// Of the last unit on the input's timeline.
    last: Option<i64>,
    /// Subtracted from decoding times, so that nothing is shown before it is decoded.
    lead: i64,
}

struct Input {
    options: InputOptions,
    reader: Reader,
    offset: i64,
    /// The timeline that its units are on.
    era: u32,
    /// Of the last unit on it.
    last: Option<i64>,
    /// Lane by the reader's number of a track.
    lanes: Vec<Option<usize>>,
    /// Codecs that were told of.
    told: Vec<(Kind, String)>,
    /// It has nothing to carry, or has ended.
    barren: bool,
    failed: bool,
    dropped: u64,
}

/// Makes one transport stream of its inputs, which are known by their index.
pub struct Remux {
    inputs: Vec<Input>,
    lanes: Vec<Lane>,
    interleaver: Interleaver,
    program: Program,
    /// A time on each of the newest timelines.
    eras: Vec<(u32, i64)>,
    /// The timeline that the output is on.
    era: u32,
    relist: bool,
}

impl Remux {
    /// A stream of these inputs.
    pub fn new(inputs: Vec<InputOptions>, limits: Limits) -> Self {
        Self {
            interleaver: Interleaver::new(inputs.len(), &limits),
            inputs: inputs.into_iter().map(Input::new).collect(),
            lanes: Vec::new(),
            program: Program::default(),
            eras: Vec::new(),
            era: 0,
            relist: false,
        }
    }

    /// Takes the next bytes of an input, in any slicing. What all inputs have come up to comes out.
    ///
    /// After an error bytes of the input are ignored until [`segment`](Self::segment), a discontinuity or
    /// [`seek`](Self::seek); the other inputs go on.
    pub fn push(
        &mut self,
        input: usize,
        data: &[u8],
        out: &mut Vec<Output>,
    ) -> Result<(), RemuxError> {
        let result = self.read(input, data, out);
        self.settle(input, result, out)
    }

    /// Takes a tag of an FLV input, as RTMP sends them: 8 audio, 9 video, others are ignored. The
    /// timestamp is in ms and may wrap. Not to be mixed with [`push`](Self::push).
    pub fn flv_tag(
        &mut self,
        input: usize,
        kind: u8,
        timestamp: u32,
        body: &[u8],
        out: &mut Vec<Output>,
    ) -> Result<(), RemuxError> {
        let Reader::Flv(reader) = &mut self.inputs[input].reader else {
            return Err(RemuxError::NotMedia("FLV tags of another container"));
        };
        if body.len() > MOST_SAMPLE {
            return Err(RemuxError::Limit("the size of a frame"));
        }
        reader.tag(kind, timestamp, body);
        let result = self.events(input, &mut &[][..], out);
        self.settle(input, result, out)
    }

    /// A segment or init segment begins: what was incomplete is dropped, time goes on.
    pub fn segment(&mut self, input: usize) {
        while let Some(event) = self.inputs[input].reader.flush() {
            // What is complete comes out with the next bytes; notices of tracks come with them.
            if let Event::Frame(frame) = event {
                self.on_frame(input, frame);
            } else if let Event::Tracks { tracks, complete } = event {
                self.on_tracks(input, &tracks, complete, &mut Vec::new());
            }
        }
        let input_lanes = self.lanes.iter().enumerate();
        for (index, _) in input_lanes.filter(|(_, lane)| lane.input == input) {
            self.interleaver.close(index);
        }
        let input = &mut self.inputs[input];
        input.reader.segment();
        input.failed = false;
    }

    /// Ticks of 90 kHz, any number, that are added to the times of an input from now on; at first 0.
    pub fn set_offset(&mut self, input: usize, ticks: i64) {
        self.inputs[input].offset = ticks;
    }

    /// What comes next on an input does not continue what came before. Implies [`segment`](Self::segment).
    /// The output moves on when all inputs have, or when the others can't be waited for.
    pub fn discontinuity(&mut self, input: usize, out: &mut Vec<Output>) {
        self.segment(input);
        if self.inputs[input].options.container == Container::Any
            && !matches!(self.inputs[input].reader, Reader::Mp4(_))
        {
            self.inputs[input].dropped += self.inputs[input].reader.dropped();
            self.inputs[input].reader = Reader::new(Container::Any);
        }
        self.turn(input);
        self.advance(false, out);
    }

    /// Nothing more comes on an input.
    pub fn end(&mut self, input: usize, out: &mut Vec<Output>) {
        self.segment(input);
        for index in 0..self.lanes.len() {
            if self.lanes[index].input == input {
                self.interleaver.rest(index);
            }
        }
        self.interleaver.await_tracks(input, false);
        self.advance(false, out);
    }

    /// Nothing more comes at all: writes what is held.
    pub fn finish(&mut self, out: &mut Vec<Output>) {
        for input in 0..self.inputs.len() {
            self.segment(input);
        }
        self.advance(true, out);
    }

    /// Where an input is to be read on; to be asked after each push.
    pub fn need(&self, input: usize) -> Need {
        self.inputs[input].reader.need()
    }

    /// The next bytes of an input are those from this offset of its file on.
    pub fn seek(&mut self, input: usize, offset: u64) {
        self.inputs[input].failed = false;
        self.inputs[input].reader.seek(offset);
    }

    /// Counters.
    pub fn stats(&self) -> RemuxStats {
        let inputs = || self.inputs.iter();
        RemuxStats {
            units: self.program.frames(),
            late: self.interleaver.late(),
            damaged: inputs().map(|i| i.dropped + i.reader.dropped()).sum(),
            held_bytes: self.interleaver.held() + inputs().map(|i| i.reader.held()).sum::<usize>(),
        }
    }

    fn read(
        &mut self,
        input: usize,
        mut data: &[u8],
        out: &mut Vec<Output>,
    ) -> Result<(), RemuxError> {
        if self.inputs[input].failed {
            return Ok(());
        }
        let held = self.inputs[input].reader.tell(&mut data)?;
        self.events(input, &mut &held[..], out)?;
        self.events(input, &mut data, out)
    }

    fn events(
        &mut self,
        input: usize,
        data: &mut &[u8],
        out: &mut Vec<Output>,
    ) -> Result<(), RemuxError> {
        while let Some(event) = self.inputs[input].reader.next(data)? {
            match event {
                Event::Tracks { tracks, complete } => {
                    self.on_tracks(input, &tracks, complete, out);
                    self.carriable()?;
                }
                Event::Frame(frame) => self.on_frame(input, frame),
            }
            self.advance(false, out);
        }
        Ok(())
    }

    fn settle(
        &mut self,
        input: usize,
        result: Result<(), RemuxError>,
        out: &mut Vec<Output>,
    ) -> Result<(), RemuxError> {
        self.inputs[input].failed |= result.is_err();
        self.program.flush(out);
        result
    }

    /// Whether any input has something to show, or may still come to have it.
    fn carriable(&self) -> Result<(), RemuxError> {
        if self.inputs.iter().any(|input| !input.barren) {
            return Ok(());
        }
        let told = self.inputs.iter().flat_map(|input| &input.told);
        let mut codecs: Vec<String> = told.map(|(_, codec)| codec.clone()).collect();
        codecs.dedup();
        if codecs.is_empty() {
            return Err(RemuxError::NotMedia("neither video nor audio"));
        }
        Err(RemuxError::Unsupported { codecs })
    }

    fn on_tracks(&mut self, input: usize, tracks: &[Found], complete: bool, out: &mut Vec<Output>) {
        let (mut videos, mut audios) = (0, 0);
        let mut lanes = Vec::with_capacity(tracks.len());
        for lane in self.lanes.iter_mut().filter(|lane| lane.input == input) {
            lane.present = false;
        }
        let options = &self.inputs[input].options;
        let wanted = |found: &Found| match found.kind {
            Kind::Video => options.video,
            Kind::Audio => options.audio,
            _ => false,
        };
        let wanted: Vec<bool> = tracks.iter().map(wanted).collect();
        for (found, wanted) in tracks.iter().zip(&wanted) {
            let Carriage::Carried(format) = &found.carriage else {
                lanes.push(None);
                continue;
            };
            let elsewhere = found.kind == Kind::Video
                && (videos > 0
                    || (self.lanes.iter())
                        .any(|l| l.kind == Kind::Video && l.input != input && l.present));
            if !wanted || elsewhere {
                lanes.push(None);
                continue;
            }
            let count = if found.kind == Kind::Video {
                &mut videos
            } else {
                &mut audios
            };
            *count += 1;
            let ordinal = *count - 1;
            lanes.push(Some(self.lane(input, found.kind, ordinal, format)));
        }
        let carried = lanes.iter().any(Option::is_some);
        for (found, _) in tracks.iter().zip(&wanted).filter(|(_, wanted)| **wanted) {
            let Carriage::Unsupported(codec) = &found.carriage else {
                continue;
            };
            let this = (found.kind, codec.clone());
            if !self.inputs[input].told.contains(&this) {
                out.push(Output::Notice(Notice::Unsupported {
                    input,
                    kind: found.kind,
                    codec: codec.clone(),
                    rest: carried,
                }));
                self.inputs[input].told.push(this);
            }
        }
        // The kinds that are not wanted need not be known.
        let open = |kind, wanted: bool| {
            wanted
                && (tracks.iter()).any(|t| t.kind == kind && matches!(t.carriage, Carriage::Absent))
        };
        let options = &self.inputs[input].options;
        let open = open(Kind::Video, options.video) || open(Kind::Audio, options.audio);
        let complete = complete || !open;
        self.inputs[input].lanes = lanes;
        self.inputs[input].barren = complete && !carried;
        self.interleaver.await_tracks(input, !complete);
        for (index, lane) in self.lanes.iter().enumerate() {
            if lane.input == input && !lane.present {
                self.interleaver.rest(index);
            }
        }
        self.relist = true;
    }

    /// The lane of a track, made if it is new.
    fn lane(&mut self, input: usize, kind: Kind, ordinal: usize, format: &Format) -> usize {
        let mut format = format.clone();
        if format.language.is_none() && kind == Kind::Audio {
            format = format.spoken(self.inputs[input].options.language.as_deref());
        }
        let known = (self.lanes.iter())
            .position(|lane| (lane.input, lane.kind, lane.ordinal) == (input, kind, ordinal));
        if let Some(index) = known {
            let lane = &mut self.lanes[index];
            lane.present = true;
            if *lane.format != format {
                lane.format = Arc::new(format);
                self.interleaver.close(index);
            }
            return index;
        }
        let first = VIDEO_PID + u16::from(kind == Kind::Audio);
        let taken = |pid: &u16| self.lanes.iter().any(|lane| lane.pid == *pid);
        let pid = (first..0x1000).find(|pid| !taken(pid)).unwrap_or(0x1ffe);
        self.lanes.push(Lane {
            input,
            kind,
            ordinal,
            pid,
            format: Arc::new(format),
            shown: None,
            present: true,
            last: None,
            lead: 0,
        });
        let index = self.interleaver.add_lane();
        self.interleaver.turn(index, self.inputs[input].era);
        index
    }

    fn on_frame(&mut self, index: usize, frame: Frame) {
        let Some(lane_index) = self.inputs[index].lanes.get(frame.track).copied().flatten() else {
            return;
        };
        // An input that was not waited for goes on where the output is.
        if self.inputs[index].era < self.interleaver.era() {
            self.enter(index, self.interleaver.era());
        }
        let raw = frame.dts.wrapping_add_signed(self.inputs[index].offset) & (WRAP - 1);
        let lane = &mut self.lanes[lane_index];
        lane.lead = lane.lead.max(-frame.cts).clamp(0, MOST_CTS);
        let lead = lane.lead;
        let mut time = self.unwrap(index, raw) - lead;
        if self.lanes[lane_index]
            .last
            .is_some_and(|last| time < last - BACK)
        {
            // The source has started over without saying so.
            self.turn(index);
            time = self.unwrap(index, raw) - lead;
        }
        let input = &mut self.inputs[index];
        input.last = Some(time + lead);
        let era = input.era;
        self.eras.retain(|(known, _)| *known != era);
        self.eras.push((era, time + lead));
        if self.eras.len() > MOST_ERAS {
            self.eras.remove(0);
        }
        let lane = &mut self.lanes[lane_index];
        let pts = (time + lead + frame.cts.min(MOST_CTS)).max(time);
        let dts = lane.last.map_or(time, |last| time.max(last + 1));
        lane.last = Some(dts);
        let unit = Unit {
            at: (era, dts),
            pts: pts.max(dts),
            duration: frame.duration.max(0),
            key: frame.key,
            data: frame.data,
            format: Arc::clone(&lane.format),
        };
        self.interleaver
            .add(lane_index, unit, lane.kind == Kind::Audio);
    }

    /// The time on the input's timeline that stands for 33 bits.
    fn unwrap(&self, input: usize, raw: u64) -> i64 {
        let input = &self.inputs[input];
        let others = || {
            let known = self.eras.iter().find(|(era, _)| *era == input.era);
            known.map(|(_, time)| *time)
        };
        match input.last.or_else(others) {
            Some(near) => near + distance(near.cast_unsigned(), raw),
            None => raw.cast_signed(),
        }
    }

    /// An input begins a new timeline.
    fn turn(&mut self, input: usize) {
        let begun = self.inputs[input].last.is_some();
        let era = self.inputs[input].era + u32::from(begun);
        self.enter(input, era);
    }

    fn enter(&mut self, input: usize, era: u32) {
        self.inputs[input].era = era;
        self.inputs[input].last = None;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if lane.input == input {
                lane.last = None;
                self.interleaver.turn(index, era);
            }
        }
    }

    /// Writes what has its turn; `all`: whatever is held.
    fn advance(&mut self, all: bool, out: &mut Vec<Output>) {
        while let Some((index, unit)) = self.interleaver.next(all) {
            if unit.at.0 > self.era {
                self.era = unit.at.0;
                self.program.turn(out);
            }
            let lane = &mut self.lanes[index];
            if lane.shown.as_ref() != Some(&unit.format) {
                self.relist = true;
                lane.shown = Some(Arc::clone(&unit.format));
            }
            let (pid, video) = (lane.pid, lane.kind == Kind::Video);
            if self.relist {
                self.list(out);
            }
            self.program.write(pid, &unit, video);
        }
        if all {
            self.program.flush(out);
        }
    }

    /// Lists the tracks: those that inputs have, and those of which something is still to go out.
    fn list(&mut self, out: &mut Vec<Output>) {
        let mut listed: Vec<(u16, Kind, &Arc<Format>)> = Vec::new();
        self.relist = false;
        for (index, lane) in self.lanes.iter().enumerate() {
            let leaving = !lane.present && self.interleaver.holds(index);
            self.relist |= leaving;
            if lane.present || leaving {
                listed.push((
                    lane.pid,
                    lane.kind,
                    lane.shown.as_ref().unwrap_or(&lane.format),
                ));
            }
        }
        listed.sort_by_key(|(pid, kind, _)| (*kind != Kind::Video, *pid));
        let pcr_pid = listed.first().map_or(VIDEO_PID, |(pid, _, _)| *pid);
        let streams = listed.iter().map(|(pid, _, format)| format.listed(*pid));
        let tracks = listed.iter().map(|(pid, _, format)| OutputTrack {
            pid: *pid,
            codec: format.codec,
            language: format.language.clone(),
        });
        self.program
            .list(streams.collect(), pcr_pid, tracks.collect(), out);
    }
}

impl Input {
    fn new(options: InputOptions) -> Self {
        Self {
            reader: Reader::new(options.container),
            options,
            offset: 0,
            era: 0,
            last: None,
            lanes: Vec::new(),
            told: Vec::new(),
            barren: false,
            failed: false,
            dropped: 0,
        }
    }
}
