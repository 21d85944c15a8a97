//! A viewer of HLS that does what a player does, and notes every broken promise.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use url::Url;

use super::super::wait::patience;
use super::playlist::{MediaPlaylist, Playlist};

const REQUEST_LIMIT: Duration = Duration::from_secs(20);

/// A segment that was fetched.
#[derive(Debug, Clone)]
pub struct HlsSegment {
    /// Its media sequence number.
    pub sequence: u64,
    /// Its URI as listed.
    pub uri: String,
    /// Its duration as listed, in seconds.
    pub duration: f64,
    /// Whether a discontinuity stands before it.
    pub discontinuity: bool,
    /// Headers with which it came.
    pub headers: HeaderMap,
    /// Its bytes.
    pub body: Bytes,
    /// When it had come, from the viewer's start.
    pub arrived: Duration,
}

/// What an HLS viewer has seen.
#[derive(Debug, Clone, Default)]
pub struct HlsSeen {
    /// The attributes of each variant, as written, if there was a multivariant playlist.
    pub variants: Vec<String>,
    /// Segments in order, without gaps unless `faults` says so.
    pub segments: Vec<HlsSegment>,
    /// When the first media playlist with a segment came.
    pub first_playlist: Option<Duration>,
    /// Times the media playlist was fetched.
    pub reloads: usize,
    /// The target duration, in seconds.
    pub target: u64,
    /// Promises that were broken: a media sequence that went back, a target duration that changed,
    /// a segment that was listed and is not there, one that changed under its number, ...
    pub faults: Vec<String>,
}

impl HlsSeen {
    /// The segments' bytes, one after the other.
    pub fn ts(&self) -> Vec<u8> {
        self.segments
            .iter()
            .flat_map(|segment| segment.body.iter().copied())
            .collect()
    }

    /// Media time of the segments, in seconds.
    pub fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    /// Panics when a promise was broken.
    pub fn assert_clean(&self) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
    }
}

/// Plays `url`, a playlist of either kind, for `seconds` of wall clock time: reloads it as
/// RFC 8216, 6.3.4 asks, and fetches every segment that is listed from the first one on.
pub async fn hls_viewer(url: &str, seconds: u32) -> HlsSeen {
    let began = Instant::now();
    let mut viewer = Viewer {
        http: crate::support::http_client()
            .no_proxy()
            .build()
            .expect("an HTTP client"),
        began,
        seen: HlsSeen::default(),
        known: BTreeMap::new(),
    };
    let mut url: Url = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
    let mut last = None;
    while began.elapsed() < Duration::from_secs(seconds.into()) {
        let pause = match viewer.fetch(&url).await {
            Ok((at, _, body)) => match Playlist::parse(&String::from_utf8_lossy(&body)) {
                Ok(Playlist::Multivariant(variants)) => {
                    url = at.join(&variants[0].0).expect("a URI that can be joined");
                    viewer.seen.variants = variants.into_iter().map(|(_, text)| text).collect();
                    continue;
                }
                Ok(Playlist::Media(media)) => {
                    let changed = last.as_ref() != Some(&media);
                    let pause = viewer.take(&at, &media, changed).await;
                    last = Some(media);
                    pause
                }
                Err(wrong) => viewer.fault(wrong),
            },
            Err(wrong) => viewer.fault(wrong),
        };
        tokio::time::sleep(pause).await;
    }
    viewer.seen
}

struct Viewer {
    http: reqwest::Client,
    began: Instant,
    seen: HlsSeen,
    /// What the last playlist had under each number: URI, duration, and the discontinuity sequence
    /// number (RFC 8216, 6.2.2), none of which may change.
    known: BTreeMap<u64, (String, u64, u64)>,
}

impl Viewer {
    /// Notes a broken promise; gives the pause before the next try.
    fn fault(&mut self, wrong: impl AsRef<str>) -> Duration {
        let at = self.began.elapsed().as_secs_f64();
        self.seen
            .faults
            .push(format!("{at:.1} s: {}", wrong.as_ref()));
        Duration::from_millis(500)
    }

    async fn fetch(&self, url: &Url) -> Result<(Url, HeaderMap, Bytes), String> {
        let path = url.path();
        let answer = self
            .http
            .get(url.clone())
            .timeout(patience(REQUEST_LIMIT))
            .send()
            .await;
        let answer = answer.map_err(|error| format!("{path}: {error:?}"))?;
        let (status, url, headers) = (
            answer.status(),
            answer.url().clone(),
            answer.headers().clone(),
        );
        let body = answer
            .bytes()
            .await
            .map_err(|error| format!("{path}: {error:?}"))?;
        if status.is_success() {
            Ok((url, headers, body))
        } else {
            Err(format!("{path}: {status}"))
        }
    }

    /// Fetches what is new; gives the pause before the next reload.
    async fn take(&mut self, at: &Url, media: &MediaPlaylist, changed: bool) -> Duration {
        self.seen.reloads += 1;
        let target = media.target.unwrap_or_default();
        self.check(media, target);
        if !media.segments.is_empty() {
            self.seen.first_playlist.get_or_insert(self.began.elapsed());
        }
        for (sequence, listed) in (media.sequence..).zip(&media.segments) {
            let last = self.seen.segments.last().map(|segment| segment.sequence);
            if last.is_some_and(|last| sequence <= last) {
                continue;
            }
            if let Some(last) = last.filter(|last| sequence > last + 1) {
                self.fault(format!(
                    "segments {} to {} were never listed",
                    last + 1,
                    sequence - 1
                ));
            }
            let Ok(url) = at.join(&listed.uri) else {
                self.fault(format!("{:?} is no URI", listed.uri));
                continue;
            };
            match self.fetch(&url).await {
                Ok((_, headers, body)) => self.seen.segments.push(HlsSegment {
                    sequence,
                    uri: listed.uri.clone(),
                    duration: listed.duration,
                    discontinuity: listed.discontinuity,
                    headers,
                    body,
                    arrived: self.began.elapsed(),
                }),
                Err(wrong) => {
                    self.fault(format!("listed, but {wrong}"));
                }
            }
        }
        let pause = Duration::from_secs(target.max(1));
        if changed { pause } else { pause / 2 }
    }

    /// Holds the playlist against the ones before it.
    fn check(&mut self, media: &MediaPlaylist, target: u64) {
        if self.seen.reloads > 1 && target != self.seen.target {
            self.fault(format!(
                "the target duration goes from {} to {target}",
                self.seen.target
            ));
        }
        self.seen.target = target;
        let newest = self.known.keys().next_back().copied();
        let last = media.sequence + media.segments.len() as u64;
        if newest.is_some_and(|newest| last < newest + 1) {
            self.fault(format!(
                "the playlist ends at {last}, and had {newest:?} before"
            ));
        }
        let oldest = self.known.keys().next().copied().unwrap_or_default();
        if media.sequence < oldest {
            self.fault(format!(
                "the media sequence goes back to {}",
                media.sequence
            ));
        }
        let mut stretch = media.discontinuity_sequence;
        for (sequence, listed) in (media.sequence..).zip(&media.segments) {
            stretch += u64::from(listed.discontinuity);
            let now = (listed.uri.clone(), listed.duration.to_bits(), stretch);
            let before = self.known.insert(sequence, now.clone());
            if before.as_ref().is_some_and(|before| *before != now) {
                self.fault(format!("segment {sequence} was {before:?} and is {now:?}"));
            }
        }
        self.known.retain(|sequence, _| *sequence >= media.sequence);
    }
}
