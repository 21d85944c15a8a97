//! What a live HLS channel answers.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;

use super::answer::{Reply, plain, ranged, redirect};
use super::clip::{Segment, encrypt, key, read_clip};
use super::gzip::gzip;
use super::live_hls::{Fault, Key, LiveHls};
use super::retime::Retime;
use super::schedule::Schedule;
use super::serve::Asked;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const SEGMENT: &str = "video/mp2t";

/// A channel under way.
pub struct Channel {
    options: LiveHls,
    target: u64,
    schedule: Schedule,
    segments: Vec<Segment>,
    /// Offset and length of each segment in `whole`, with byte ranges.
    ranges: Vec<(usize, usize)>,
    whole: Bytes,
    /// With a seamless loop.
    retime: Option<Retime>,
    state: Mutex<State>,
}

/// What changes while it runs.
pub struct State {
    pub began: Instant,
    /// How many times the packager has restarted.
    pub restarts: u64,
    pub faults: Vec<Fault>,
    /// The time at which the playlist stands still.
    pub stale_at: Option<f64>,
}

impl State {
    /// Seconds since the (last) start.
    pub fn now(&self) -> f64 {
        self.stale_at
            .unwrap_or_else(|| self.began.elapsed().as_secs_f64())
    }

    fn status(&self, choose: impl Fn(&Fault) -> Option<u16>) -> Option<u16> {
        self.faults.iter().find_map(choose)
    }
}

impl Channel {
    /// Reads the segments and goes live.
    pub fn new(options: LiveHls) -> Self {
        let loops_alike = options.key != Some(Key::SequenceIv) && !options.seamless;
        assert!(
            !options.byte_ranges || loops_alike,
            "ranges of one file are the same in every round"
        );
        let segments = read_clip(&options.folder);
        let durations: Vec<f64> = segments.iter().map(|segment| segment.duration).collect();
        let longest = durations.iter().copied().fold(1.0, f64::max);
        let bodies = segments.iter().map(|segment| segment.body.as_ref());
        let retime = options
            .seamless
            .then(|| Retime::of(bodies, durations.iter().sum()));
        let mut channel = Self {
            target: options.target.unwrap_or(longest.round() as u64),
            schedule: Schedule::new(&durations, options.window),
            options,
            segments,
            ranges: Vec::new(),
            whole: Bytes::new(),
            retime,
            state: Mutex::new(State {
                began: Instant::now(),
                restarts: 0,
                faults: Vec::new(),
                stale_at: None,
            }),
        };
        if channel.options.byte_ranges {
            channel.join();
        }
        channel
    }

    /// What changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no poison")
    }

    /// The number of the first segment that is not yet whole.
    pub fn edge(&self) -> u64 {
        let now = self.state().now();
        self.schedule.window(now).1
    }

    /// Puts all segments, encrypted if they are to be, into one file.
    fn join(&mut self) {
        let mut whole = Vec::new();
        for n in 0..self.segments.len() {
            let body = self.body(n as u64);
            self.ranges.push((whole.len(), body.len()));
            whole.extend_from_slice(&body);
        }
        self.whole = whole.into();
    }

    /// Answers a request below `base`.
    pub async fn answer(&self, base: &str, asked: &Asked) -> Reply {
        if let Some(refusal) = self.options.gate.refuses(asked) {
            return refusal;
        }
        let asked_in = asked.rest.strip_prefix("moved/");
        if self.options.redirected && asked_in.is_none() {
            return match asked.rest.as_str() {
                "index.m3u8" => redirect(&format!("{base}/moved/index.m3u8")),
                _ => plain(404, "text/plain", "moved"),
            };
        }
        let file = asked_in.unwrap_or(&asked.rest);
        let (name, kind) = file.rsplit_once('.').unwrap_or((file, ""));
        let stalled = {
            let faults = &self.state().faults;
            kind == "m3u8" && faults.contains(&Fault::StalledPlaylists)
                || kind == "ts" && faults.contains(&Fault::StalledSegments)
        };
        if stalled {
            std::future::pending::<()>().await;
        }
        match (name, kind) {
            ("index", "m3u8") => self.answer_playlist(),
            (name, "ts") => self.answer_segment(name, asked.header("range")),
            (name, "key") => self.answer_key(name),
            _ => plain(404, "text/plain", "no such file"),
        }
    }

    fn answer_playlist(&self) -> Reply {
        let state = self.state();
        let fault = |fault: &Fault| match fault {
            Fault::Playlists(status) => Some(*status),
            _ => None,
        };
        if let Some(status) = state.status(fault) {
            return plain(status, "text/plain", "no playlist today");
        }
        if state.faults.contains(&Fault::HtmlPlaylists) {
            return plain(200, "text/html", "<!doctype html><title>Sorry</title>");
        }
        let text = self.playlist(&state);
        if !self.options.gzip {
            return plain(200, PLAYLIST, text);
        }
        let mut reply = plain(200, PLAYLIST, gzip(text.as_bytes()));
        let coding = hyper::header::HeaderValue::from_static("gzip");
        reply.headers_mut().insert("content-encoding", coding);
        reply
    }

    fn playlist(&self, state: &State) -> String {
        let (first, edge) = self.schedule.window(state.now());
        let listed = if state.faults.contains(&Fault::Empty) {
            first..first
        } else {
            first..edge
        };
        let version = if self.options.byte_ranges { 4 } else { 3 };
        // A discontinuity before the first segment has left with the segment before it.
        let loops_marked = self.retime.is_none();
        let left = self.schedule.loops_before(first) * u64::from(loops_marked);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}\n\
             #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{left}\n",
            self.target
        );
        for n in listed {
            let which = (n % self.schedule.round()) as usize;
            if loops_marked && which == 0 && n > first {
                text += "#EXT-X-DISCONTINUITY\n";
            }
            self.write_key(&mut text, n, n == first);
            let _ = writeln!(text, "#EXTINF:{:.6},", self.segments[which].duration);
            if let Some((offset, length)) = self.ranges.get(which) {
                let _ = writeln!(text, "#EXT-X-BYTERANGE:{length}@{offset}\nall.ts");
            } else {
                let _ = writeln!(text, "r{}-{n}.ts", state.restarts);
            }
        }
        text
    }

    fn write_key(&self, text: &mut String, n: u64, first: bool) {
        let Some(key) = self.options.key else { return };
        let period = self.key_period(n);
        let changed = n == 0 || period != self.key_period(n - 1);
        let iv = match key {
            Key::SequenceIv => String::new(),
            Key::ExplicitIv => format!(",IV=0x{:032X}", u128::from_be_bytes(self.iv(n))),
        };
        // An IV of its own for each segment needs a tag of its own for each.
        if first || changed || key == Key::ExplicitIv {
            let _ = writeln!(text, "#EXT-X-KEY:METHOD=AES-128,URI=\"k{period}.key\"{iv}");
        }
    }

    fn answer_segment(&self, name: &str, range: Option<&str>) -> Reply {
        let (restarts, now, half) = {
            let state = self.state();
            let fault = |fault: &Fault| match fault {
                Fault::Segments(status) => Some(*status),
                _ => None,
            };
            if let Some(status) = state.status(fault) {
                return plain(status, "text/plain", "no segment today");
            }
            let half = state.faults.contains(&Fault::HalfSegments);
            (state.restarts, state.now(), half)
        };
        if name == "all" && self.options.byte_ranges {
            return ranged(SEGMENT, &self.whole, range);
        }
        let number = name.strip_prefix(&format!("r{restarts}-"));
        let Some(n) = number.and_then(|number| number.parse::<u64>().ok()) else {
            return plain(404, "text/plain", "no such segment");
        };
        // A segment stays for one more window after it has left the playlist (RFC 8216, 6.2.2).
        let (first, edge) = self.schedule.window(now);
        if n + (edge - first) < first || n >= edge {
            return plain(404, "text/plain", "not now");
        }
        let body = self.body(n);
        let body = if half {
            body.slice(..body.len() / 2)
        } else {
            body
        };
        ranged(SEGMENT, &body, range)
    }

    fn answer_key(&self, name: &str) -> Reply {
        let fault = |fault: &Fault| match fault {
            Fault::Keys(status) => Some(*status),
            _ => None,
        };
        let status = self.state().status(fault);
        if let Some(status) = status {
            return plain(status, "text/plain", "no key today");
        }
        match name
            .strip_prefix('k')
            .and_then(|period| period.parse().ok())
        {
            Some(period) => plain(200, "application/octet-stream", key(period).to_vec()),
            None => plain(404, "text/plain", "no such key"),
        }
    }

    fn body(&self, n: u64) -> Bytes {
        let mut body = self.segments[(n % self.schedule.round()) as usize]
            .body
            .clone();
        if let Some(retime) = &self.retime {
            body = retime.after(self.schedule.loops_before(n), &body).into();
        }
        match self.options.key {
            Some(_) => encrypt(key(self.key_period(n)), self.iv(n), &body),
            None => body,
        }
    }

    fn key_period(&self, n: u64) -> u64 {
        match self.options.key {
            Some(Key::ExplicitIv) => n % self.schedule.round() / 3,
            _ => 0,
        }
    }

    fn iv(&self, n: u64) -> [u8; 16] {
        match self.options.key {
            Some(Key::ExplicitIv) => {
                // Any number will do that the sequence number is not.
                let which = u128::from(n % self.schedule.round());
                (0x5147_4854_u128 << 96 | which).to_be_bytes()
            }
            _ => u128::from(n).to_be_bytes(),
        }
    }
}
