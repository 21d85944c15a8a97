//! A channel, its faults, and what it answers.

use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::origin::Origin;
use super::super::origin::answer::{Answer, Pour, Reply, plain, poured};
use super::super::origin::serve::Asked;
use super::clip::{Clip, Take};
use super::damage::{Damage, render};
use super::progressive;
use super::timeline::{Layout, Made, Timeline};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const SEGMENT: &str = "video/mp2t";
/// Sends in which a slow segment comes.
const SLICES: usize = 40;
/// A request that stalls is given up by the origin after this long at the latest.
const STALL: Duration = Duration::from_mins(10);

/// What a channel does wrong, from the next segment or request on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The port is closed; only for [`super::Farm::apart`].
    Refused,
    /// This status in place of everything.
    Status(u16),
    /// This status in place of a segment.
    Segments(u16),
    /// Connections are accepted, requests are never answered.
    Mute,
    /// Segments stop in the middle, with the connection open.
    Stalled,
    /// The playlist stays as it is; it goes on from there afterwards.
    Stale,
    /// Every second playlist is three segments old, as from a cache that lags behind.
    Regressing,
    /// Segments take so many times as long to come as to play.
    Slow(f64),
    /// The picture is black.
    Black,
    /// The picture is still.
    Frozen,
    /// There is digital silence.
    Silent,
    /// Packets of the picture are missing.
    Lossy,
    /// The PMT names a sound of which nothing comes.
    SoundLost,
    /// The PMT names no sound any more, and none comes.
    SoundUnnamed,
    /// The PMT names a picture of which nothing but the clock comes.
    PictureLost,
    /// Picture and sound are scrambled.
    Scrambled,
}

/// A channel under way. Clones are handles of the same channel.
#[derive(Clone)]
pub struct Channel {
    name: String,
    base: String,
    origin: Arc<Origin>,
    /// Whether the origin is its own.
    door: bool,
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub clip: Arc<Clip>,
    segments: AtomicU64,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    timeline: Timeline,
    faults: Vec<Fault>,
    stale_since: Option<Instant>,
    playlists: u64,
}

impl Channel {
    pub(super) fn open(name: &str, origin: &Arc<Origin>, clip: &Arc<Clip>, layout: Layout) -> Self {
        let inner = Arc::new(Inner {
            clip: Arc::clone(clip),
            segments: AtomicU64::new(0),
            state: Mutex::new(State {
                began: Instant::now(),
                timeline: Timeline::new(layout),
                faults: Vec::new(),
                stale_since: None,
                playlists: 0,
            }),
        });
        drop(inner.state());
        let answering = Arc::clone(&inner);
        let resource = move |asked: Asked| -> Answer {
            let inner = Arc::clone(&answering);
            Box::pin(async move { inner.answer(&asked.rest).await })
        };
        origin.put(name, Arc::new(resource));
        Self {
            name: name.to_owned(),
            base: origin.url(name),
            origin: Arc::clone(origin),
            door: false,
            inner,
        }
    }

    pub(super) fn with_door(mut self) -> Self {
        self.door = true;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of its playlist.
    pub fn url(&self) -> String {
        format!("{}/index.m3u8", self.base)
    }

    /// The URL of the same as one endless transport stream at its own pace.
    pub fn ts_url(&self) -> String {
        format!("{}/live.ts", self.base)
    }

    /// The origin that serves it.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        if fault == Fault::Refused {
            assert!(self.door, "only a channel apart can refuse");
            return self.origin.stop();
        }
        let mut state = self.inner.state();
        if fault == Fault::Stale {
            state.stale_since = Some(Instant::now());
        }
        state.faults.push(fault);
    }

    /// Ends all faults. Requests that were not answered stay so; new ones are.
    pub fn heal(&self) {
        if self.door {
            self.origin.resume();
        }
        let mut state = self.inner.state();
        if let Some(since) = state.stale_since.take() {
            state.began += since.elapsed();
        }
        state.faults.clear();
    }

    /// How many segments have been handed out.
    pub fn segments(&self) -> u64 {
        self.inner.segments.load(Ordering::Relaxed)
    }

    /// The number of the newest segment.
    pub fn newest(&self) -> u64 {
        self.inner.state().timeline.edge() - 1
    }
}

impl Inner {
    /// The state, with all segments made that are whole by now.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().expect("no poison");
        let now = state.now();
        let (take, damage) = state.form();
        state.timeline.advance(now, &self.clip, take, damage);
        state
    }

    async fn answer(self: Arc<Self>, path: &str) -> Reply {
        let (status, mute) = {
            let state = self.state();
            (
                state.status(!path.ends_with("index.m3u8")),
                state.has(Fault::Mute).then_some(STALL),
            )
        };
        if let Some(stall) = mute {
            tokio::time::sleep(stall).await;
        }
        if let Some(status) = status {
            return plain(status, "text/plain", "as told");
        }
        match path.rsplit_once('.') {
            Some(("index", "m3u8")) => plain(200, PLAYLIST, self.playlist()),
            Some(("live", "ts")) => progressive::answer(self),
            Some((number, "ts")) => self.segment(number),
            _ => plain(404, "text/plain", "no such file"),
        }
    }

    fn playlist(&self) -> String {
        let mut state = self.state();
        state.playlists += 1;
        let behind = if state.has(Fault::Regressing) && state.playlists.is_multiple_of(2) {
            3
        } else {
            0
        };
        let seconds = state.timeline.seconds(&self.clip);
        let mut text = String::with_capacity(400);
        for (at, made) in state.timeline.window(behind).enumerate() {
            if at == 0 {
                // A discontinuity before the first segment has left with the segment before it.
                let _ = write!(
                    text,
                    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n\
                     #EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
                    seconds.round(),
                    made.sequence,
                    made.discontinuities
                );
            } else if made.discontinuity {
                text += "#EXT-X-DISCONTINUITY\n";
            }
            let _ = writeln!(text, "#EXTINF:{seconds:.6},\n{}.ts", made.sequence);
        }
        text
    }

    fn segment(&self, number: &str) -> Reply {
        let (made, slow, stalled, seconds) = {
            let state = self.state();
            let number = number.parse();
            let made = number.ok().and_then(|n| state.timeline.get(n).cloned());
            let stalled = state.has(Fault::Stalled);
            (
                made,
                state.slow(),
                stalled,
                state.timeline.seconds(&self.clip),
            )
        };
        let Some(made) = made else {
            return plain(404, "text/plain", "not now");
        };
        self.segments.fetch_add(1, Ordering::Relaxed);
        let body: Bytes = render(&made, &self.clip).into();
        if slow.is_none() && !stalled {
            return plain(200, SEGMENT, body);
        }
        let (pour, mut reply) = poured(SEGMENT);
        reply
            .headers_mut()
            .insert("content-length", body.len().into());
        let whole = Duration::from_secs_f64(seconds * slow.unwrap_or(0.0));
        tokio::spawn(slowly(pour, body, whole, stalled));
        reply
    }

    /// The segment that is being made, and how many seconds of it have passed; none while the channel
    /// stands still.
    pub fn under_way(&self) -> Option<(Made, f64)> {
        let state = self.state();
        let seconds = state.timeline.seconds(&self.clip);
        if state.stale_since.is_some() || state.has(Fault::Stalled) {
            return None;
        }
        let made = state.timeline.get(state.timeline.edge() - 1)?.clone();
        let passed = state.timeline.passed(state.now(), &self.clip);
        Some((made, passed.clamp(0.0, seconds)))
    }

    /// Seconds of each segment.
    pub fn seconds(&self) -> f64 {
        self.state().timeline.seconds(&self.clip)
    }
}

impl State {
    /// Seconds since the start; they stand still with the playlist.
    fn now(&self) -> f64 {
        let until = self.stale_since.unwrap_or_else(Instant::now);
        until.saturating_duration_since(self.began).as_secs_f64()
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn status(&self, segment: bool) -> Option<u16> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Status(status) => Some(*status),
            Fault::Segments(status) if segment => Some(*status),
            _ => None,
        })
    }

    fn slow(&self) -> Option<f64> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Slow(times) => Some(*times),
            _ => None,
        })
    }

    /// How the next segment is made.
    fn form(&self) -> (Take, Damage) {
        let (mut take, mut damage) = (Take::Normal, Damage::default());
        for fault in &self.faults {
            match fault {
                Fault::Black => take = Take::Black,
                Fault::Frozen => take = Take::Frozen,
                Fault::Silent => take = Take::Silent,
                Fault::Lossy => damage.lossy = true,
                Fault::SoundLost => damage.mute = true,
                Fault::SoundUnnamed => (damage.mute, damage.unnamed) = (true, true),
                Fault::PictureLost => damage.blind = true,
                Fault::Scrambled => damage.scrambled = true,
                _ => {}
            }
        }
        (take, damage)
    }
}

/// Pours a body evenly over this time; one that stalls never gets past its half.
async fn slowly(mut pour: Pour, body: Bytes, whole: Duration, stalled: bool) {
    let slice = body.len().div_ceil(SLICES);
    for (at, from) in (0..body.len()).step_by(slice).enumerate() {
        if stalled && at == SLICES / 2 {
            tokio::time::sleep(STALL).await;
            return pour.abort(io::Error::other("given up"));
        }
        let piece = body.slice(from..body.len().min(from + slice));
        if pour.send_data(piece).await.is_err() {
            return;
        }
        tokio::time::sleep(whole / SLICES as u32).await;
    }
}
