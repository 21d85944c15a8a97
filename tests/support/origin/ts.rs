//! A TS file as one endless HTTP body at the pace of its own clock.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

use super::super::tsscan::{PACKET, TsScan};
use super::answer::{Answer, Pour, Reply, plain, poured, redirect};
use super::gate::Gate;
use super::hostile::noise;
use super::retime::Retime;
use super::serve::{Asked, Resource, Shared};

/// Pause between two sends of a paced body.
const TICK: Duration = Duration::from_millis(10);
/// Most bytes sent at once: whole packets.
const CHUNK: u64 = 348 * PACKET as u64;

/// A continuous TS source to be.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent switches, each with a method of its own
pub struct TsFile {
    file: PathBuf,
    paced: bool,
    live: bool,
    once: bool,
    seamless: bool,
    redirected: bool,
    burst: Duration,
    end: Option<(u64, End)>,
    gate: Gate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Abort,
    Stall,
}

impl TsFile {
    /// Plays this file over and over, paced by its PCR; each connection starts at its beginning.
    /// Where the file begins again its timestamps jump back, as when a source restarts.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            paced: true,
            live: false,
            once: false,
            seamless: false,
            redirected: false,
            burst: Duration::ZERO,
            end: None,
            gate: Gate::open(),
        }
    }

    /// Sends as fast as the client reads.
    pub fn unpaced(mut self) -> Self {
        self.paced = false;
        self
    }

    /// Connections join where the channel is now, in the middle of things.
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Ends with the file in place of playing it again.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Clocks and counters go on where the file begins again.
    pub fn seamless(mut self) -> Self {
        self.seamless = true;
        self
    }

    /// Sends this much at once at the start of a connection.
    pub fn burst(mut self, media: Duration) -> Self {
        self.burst = media;
        self
    }

    /// Ends each connection in order after this many bytes.
    pub fn close_after(mut self, bytes: u64) -> Self {
        self.end = Some((bytes, End::Close));
        self
    }

    /// Breaks each connection in the middle of a chunk after this many bytes.
    pub fn abort_after(mut self, bytes: u64) -> Self {
        self.end = Some((bytes, End::Abort));
        self
    }

    /// Sends nothing more after this many bytes, with the connection open.
    pub fn stall_after(mut self, bytes: u64) -> Self {
        self.end = Some((bytes, End::Stall));
        self
    }

    /// Redirects once, to another path.
    pub fn redirected(mut self) -> Self {
        self.redirected = true;
        self
    }

    /// Demands this of every request.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }
}

/// A continuous source under way. Clones are handles of the same source.
#[derive(Clone)]
pub struct TsLive {
    url: String,
    source: Arc<Source>,
}

impl TsLive {
    pub(super) fn new(url: String, options: TsFile, shared: Arc<Shared>) -> Self {
        let body: Bytes = std::fs::read(&options.file)
            .unwrap_or_else(|error| panic!("{}: {error}", options.file.display()))
            .into();
        let pace = Pace::of(&body);
        let retime = options
            .seamless
            .then(|| Retime::of([body.as_ref()], pace.seconds));
        let source = Arc::new(Source {
            pace,
            retime,
            noise: noise().into(),
            body,
            options,
            began: Instant::now(),
            mode: watch::Sender::new(Mode::default()),
            shared,
        });
        Self { url, source }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Sends nothing on any connection, new ones included, while `on`.
    pub fn stall(&self, on: bool) {
        self.source.mode.send_modify(|mode| mode.stalled = on);
    }

    /// Sends noise in place of the stream, on all connections, while `on`.
    pub fn garble(&self, on: bool) {
        self.source.mode.send_modify(|mode| mode.garbled = on);
    }

    /// Breaks the connections of now in the middle of a chunk.
    pub fn drop_connections(&self) {
        self.source.mode.send_modify(|mode| mode.generation += 1);
    }

    /// Answers new requests with this status; `None` ends that.
    pub fn refuse(&self, status: Option<u16>) {
        self.source.mode.send_modify(|mode| mode.refusal = status);
    }

    pub(super) fn resource(&self) -> Resource {
        let live = self.clone();
        Arc::new(move |asked: Asked| -> Answer {
            let live = live.clone();
            Box::pin(async move { live.answer(&asked) })
        })
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let options = &self.source.options;
        if let Some(refusal) = options.gate.refuses(asked) {
            return refusal;
        }
        let refusal = self.source.mode.borrow().refusal;
        if let Some(status) = refusal {
            return plain(status, "text/plain", "no stream today");
        }
        if options.redirected && asked.rest != "moved" {
            return redirect(&format!("{}/moved", self.url));
        }
        let (pour, reply) = poured("video/mp2t");
        if asked.method != "HEAD" {
            tokio::spawn(Arc::clone(&self.source).run(pour));
        }
        reply
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Mode {
    stalled: bool,
    garbled: bool,
    generation: u64,
    refusal: Option<u16>,
}

struct Source {
    options: TsFile,
    body: Bytes,
    pace: Pace,
    retime: Option<Retime>,
    noise: Bytes,
    began: Instant,
    mode: watch::Sender<Mode>,
    shared: Arc<Shared>,
}

impl Source {
    async fn run(self: Arc<Self>, mut pour: Pour) {
        let mut mode = self.mode.subscribe();
        let generation = mode.borrow().generation;
        // A connection of its own begins with the very first packet, tables and all.
        let (since, first) = if self.options.live {
            (
                self.began,
                self.pace.offset(self.began.elapsed().as_secs_f64()),
            )
        } else {
            (Instant::now(), 0)
        };
        let mut at = first;
        let mut silent = false;
        loop {
            let now = *mode.borrow_and_update();
            if now.generation != generation {
                return pour.abort(io::Error::other("broken as told"));
            }
            // A change of mode interrupts even a client that does not read.
            let ended = tokio::select! {
                ended = self.send_due(&mut pour, &mut at, first, since), if !now.stalled && !silent => ended,
                changed = mode.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            match ended {
                Ended::Gone | Ended::Told(End::Close) => return,
                Ended::Told(End::Abort) => {
                    return pour.abort(io::Error::other("broken as told"));
                }
                Ended::Told(End::Stall) => silent = true,
            }
        }
    }

    /// Sends what is due, until the end comes.
    async fn send_due(&self, pour: &mut Pour, at: &mut u64, first: u64, since: Instant) -> Ended {
        let length = self.body.len() as u64;
        loop {
            let due = if self.options.paced {
                let now = since.elapsed() + self.options.burst;
                self.pace.offset(now.as_secs_f64())
            } else {
                u64::MAX
            };
            while *at < due {
                if self.options.once && *at >= length {
                    return Ended::Told(End::Close);
                }
                let from = *at % length;
                let mut to = length.min(from + CHUNK).min(from.saturating_add(due - *at));
                if let Some((bytes, end)) = self.options.end {
                    let left = (first + bytes).saturating_sub(*at);
                    if left == 0 {
                        return Ended::Told(end);
                    }
                    to = to.min(from + left);
                }
                let mut chunk = self.body.slice(from as usize..to as usize);
                if self.mode.borrow().garbled {
                    chunk = self.noise.slice(..chunk.len().min(self.noise.len()));
                } else if let Some(retime) = &self.retime {
                    chunk = retime.after(*at / length, &chunk).into();
                }
                if pour.send_data(chunk).await.is_err() {
                    return Ended::Gone;
                }
                *at += to - from;
                self.shared.bytes.fetch_add(to - from, Ordering::SeqCst);
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Why a connection gets no more.
enum Ended {
    Gone,
    Told(End),
}

/// When which byte is due, by the PCRs of the file.
struct Pace {
    /// Seconds since the first PCR, and the offset of the packet.
    marks: Vec<(f64, u64)>,
    seconds: f64,
    bytes: u64,
}

impl Pace {
    fn of(body: &Bytes) -> Self {
        let mut scan = TsScan::new();
        scan.push(body);
        let first = scan.pcrs.first().map_or(0, |(pcr, _)| *pcr);
        let mut marks: Vec<(f64, u64)> = scan
            .pcrs
            .iter()
            .map(|(pcr, offset)| (pcr.saturating_sub(first) as f64 / 27e6, *offset))
            .collect();
        marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (last, offset) = marks.last().copied().unwrap_or((0.0, 0));
        assert!(last > 0.0, "a paced file needs PCRs");
        marks[0].1 = 0;
        let bytes = (body.len() / PACKET * PACKET) as u64;
        // As long as its pictures, so that a seamless loop has no step in it. Without pictures, what
        // follows the last PCR takes as long as its share of bytes.
        let seconds = match scan.video_seconds() {
            video if video > last => video,
            _ => last * bytes as f64 / offset as f64,
        };
        Self {
            marks,
            seconds,
            bytes,
        }
    }

    /// How many bytes are due after so many seconds, rounds included; whole packets.
    fn offset(&self, seconds: f64) -> u64 {
        let rounds = (seconds / self.seconds).floor();
        let rest = seconds - rounds * self.seconds;
        let next = self.marks.partition_point(|(at, _)| *at <= rest);
        let (from, low) = self.marks[next.saturating_sub(1)];
        let (to, high) = *self.marks.get(next).unwrap_or(&(self.seconds, self.bytes));
        let share = ((rest - from) / (to - from).max(1e-9)).clamp(0.0, 1.0);
        let within = low as f64 + share * (high - low) as f64;
        rounds as u64 * self.bytes + within as u64 / PACKET as u64 * PACKET as u64
    }
}
