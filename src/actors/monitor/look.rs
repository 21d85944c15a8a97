//! A look: a keyframe and a second of sound out of a stream, through the decoders. What it means is for [`super::eyes`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::Inner;
use super::board::{Doing, Place};
use super::eyes::{self, Before};
use super::gates::Pass;
use crate::actors::hub::MonitorLease;
use crate::actors::sampler::{PictureJob, Pictures, SampleError, SoundJob};
use crate::base::clock;
use crate::ingest;
use crate::metrics;
use crate::samples::{self, Extract, SoundFigures, Unit};
use crate::stream::StreamId;
use crate::ts::{Codec, Tracks};

/// The longest that a look waits for media; two target durations, where those are longer.
const PATIENCE: Duration = Duration::from_secs(12);
/// Pictures that show whether it is worth decoding more of a group: a sixth of a second, and half a second.
const GLANCES: [usize; 2] = [4, 13];

/// A look under way.
pub(super) type Look<'a> = Pin<Box<dyn Future<Output = Looked> + Send + 'a>>;

/// The end of a look; never, when there is none.
pub(super) async fn done(look: &mut Option<Look<'_>>) -> Looked {
    match look {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}

/// What a look needs.
pub(super) struct Looking {
    pub(super) shared: Arc<Inner>,
    pub(super) place: Arc<Place>,
    pub(super) stream: StreamId,
    pub(super) host: String,
    /// Something is suspected: every picture of a group is looked at.
    pub(super) closer: bool,
    /// The picture of the look before.
    pub(super) before: Option<Before>,
    /// The number of its keyframe in the feed.
    pub(super) seen: Option<u64>,
}

/// What a look brought.
pub(super) struct Looked {
    pub(super) at: Instant,
    pub(super) wall: Timestamp,
    /// What the stream carries, if that is known.
    pub(super) tracks: Option<Arc<Tracks>>,
    /// The number of the keyframe in the feed.
    pub(super) number: Option<u64>,
    /// Nothing new has come since the look before: it proves nothing that the same is seen again.
    pub(super) same: bool,
    /// The keyframe.
    pub(super) picture: Option<Result<Pictures, SampleError>>,
    /// All pictures of a group, where they were looked at.
    pub(super) group: Option<Pictures>,
    pub(super) sound: Option<Result<SoundFigures, SampleError>>,
}

impl Looked {
    /// The picture, small, and when it was seen.
    pub(super) fn thumbnail(&self) -> Option<(Bytes, Timestamp)> {
        let pictures = self.picture.as_ref()?.as_ref().ok()?;
        Some((pictures.jpeg.clone()?, self.wall))
    }

    /// Whether anything was seen that tells how the stream is: not when there was no media, and not when this server
    /// could not decode it.
    pub(super) fn saw(&self) -> bool {
        if self.same {
            return true;
        }
        let told = |error: Option<&SampleError>| error.is_none_or(SampleError::blames_source);
        let picture = self.picture.as_ref().map(|seen| told(seen.as_ref().err()));
        let sound = self.sound.as_ref().map(|seen| told(seen.as_ref().err()));
        [picture, sound].contains(&Some(true)) && ![picture, sound].contains(&Some(false))
    }
}

impl fmt::Display for Looked {
    /// For the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.same {
            return f.write_str("nothing new");
        }
        match &self.picture {
            Some(Ok(seen)) => write!(f, "{}x{}", seen.width, seen.height)?,
            Some(Err(error)) => write!(f, "picture: {error}")?,
            None => f.write_str("no picture")?,
        }
        if let Some(group) = &self.group {
            write!(f, ", {} pictures", group.frames.len())?;
        }
        match &self.sound {
            Some(Ok(sound)) => write!(f, ", {:.1} LUFS", sound.loudness),
            Some(Err(error)) => write!(f, ", sound: {error}"),
            None => f.write_str(", no sound"),
        }
    }
}

impl Looking {
    /// Looks once.
    pub(super) async fn run(self, ingest: &MonitorLease, pass: Option<Pass>) -> Looked {
        let pass = if let Some(pass) = pass {
            pass
        } else {
            self.doing(Doing::Queued);
            self.shared.gates.pass(&self.host).await
        };
        let began = clock::now();
        self.doing(Doing::Pulling);
        let longest = ingest.status().borrow().target_duration.unwrap_or_default();
        let limit = began + PATIENCE.max(longest * 2);
        let ingest::Look {
            chunks,
            tracks,
            number,
        } = self.media(ingest, limit).await;
        let mut looked = Looked {
            at: clock::now(),
            wall: clock::wall(),
            tracks,
            number,
            same: number.is_some() && number == self.seen,
            picture: None,
            group: None,
            sound: None,
        };
        // What follows asks nothing of the source, and the decoders have a queue of their own.
        drop(pass);
        if let Some(tracks) = looked.tracks.clone()
            && !chunks.is_empty()
            && !looked.same
        {
            self.doing(Doing::Decoding);
            let extract = samples::extract_group(&chunks, &tracks);
            drop(chunks);
            self.decode(extract, &mut looked).await;
        }
        metrics::monitor_looked(began.elapsed(), looked.saw());
        looked
    }

    /// Media to look at: what was asked for, or what flows; nothing when none has come by then.
    async fn media(&self, ingest: &MonitorLease, limit: Instant) -> ingest::Look {
        let looked = tokio::time::timeout_at(limit.into(), ingest.look()).await;
        // Why shows in the status of the pull.
        looked.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn decode(&self, extract: Extract, looked: &mut Looked) {
        let Extract {
            codec,
            keyframe,
            group,
            sound,
        } = extract;
        let picture = async {
            match (codec, keyframe) {
                (Some(codec), Some(key)) => self.picture(codec, key, group, looked.at).await,
                _ => (None, None),
            }
        };
        let sound = async {
            let stream = self.stream.clone();
            let job = sound.map(|units| SoundJob { stream, units });
            match job {
                Some(job) => Some(self.shared.sampler.sound(job).await),
                None => None,
            }
        };
        ((looked.picture, looked.group), looked.sound) = tokio::join!(picture, sound);
    }

    /// The keyframe; and the newest group of pictures, if that may be needed to judge.
    async fn picture(
        &self,
        codec: Codec,
        keyframe: Unit,
        group: Vec<Unit>,
        at: Instant,
    ) -> (Option<Result<Pictures, SampleError>>, Option<Pictures>) {
        let sampler = &self.shared.sampler;
        let group = eyes::newest(&group);
        let still = eyes::seems_still(group);
        let job = |units, all: bool| PictureJob {
            stream: self.stream.clone(),
            codec,
            units,
            jpeg: !all,
            all,
        };
        let picture = sampler.picture(job(vec![keyframe], false)).await;
        let frames = picture.as_ref().map(|pictures| &pictures.frames[..]);
        let Some(key) = frames.unwrap_or_default().first() else {
            return (Some(picture), None);
        };
        let before = self.before.as_ref();
        // What is suspected may be disproved by the keyframe alone.
        let same = before.is_some_and(|before| before.shows(key));
        let suspected = self.closer && (same || samples::is_black(key));
        let like = before.is_some_and(|before| before.is_like(key, at));
        if !(suspected || still || like) || group.len() < 2 {
            return (Some(picture), None);
        }
        // Two scenes may look alike, and a shot may be still. What moves does so in the first pictures, nearly always, and
        // the others need not be decoded; only what stands, or is black, is proved by all of them.
        for glance in GLANCES.into_iter().filter(|many| *many < group.len()) {
            let seen = sampler.picture(job(group[..glance].to_vec(), true)).await;
            let Ok(seen) = seen else {
                return (Some(picture), None);
            };
            let black = seen.frames.iter().all(samples::is_black);
            if !black && !samples::is_frozen(&seen.frames) {
                return (Some(picture), Some(seen));
            }
        }
        let group = sampler.picture(job(group.to_vec(), true)).await.ok();
        (Some(picture), group)
    }

    fn doing(&self, what: Doing) {
        self.place.note(|known| known.doing = what);
    }
}
