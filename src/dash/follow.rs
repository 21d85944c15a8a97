//! Following one track through periods and updates of the MPD: which segment comes next, and when.
//!
//! The [`Follower`] fetches nothing. Its owner asks [`Follower::next`], does what it says, and reports what failed:
//!
//! ```text
//! Fetch ─► load the segment ─► (nothing) | failed
//! Index ─► load the index   ─► on_index
//! Wait  ─► sleep, or until there is a new MPD ─► on_mpd
//! Ended ─► done
//! ```
//!
//! The time is the provider's, since the Unix epoch.

use std::sync::Arc;
use std::time::Duration;

use super::choice::{Chosen, Want, choose};
use super::error::MpdError;
use super::join::{Edge, Standing, edge, target};
use super::mpd::{Mpd, Period, Resource};
use super::slots::{First, Media, Slot, Slots};

/// How often a segment is tried in all.
const ATTEMPTS: u32 = 4;
/// A clock that is ahead of the provider's is followed up to this.
const MAX_LATE: Duration = Duration::from_secs(10);
/// Periods that begin so close to each other are one that has moved.
const SAME_START: Duration = Duration::from_millis(500);
/// What times may be off by rounding.
const ROUNDING: Duration = Duration::from_millis(1);

/// Which track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The picture, or the sound if there is no picture.
    Main,
    /// The sound beside a picture.
    Audio,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Load this segment. Each is handed out once, in order; only a retry comes again.
    Fetch(Box<Segment>),
    /// Load this index of a file.
    Index(Resource),
    /// Nothing before this time.
    Wait {
        /// Ask again then.
        until: Duration,
        /// The MPD lists nothing more: it has to be loaded again.
        starved: bool,
    },
    /// Everything was handed out.
    Ended,
}

/// A segment to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where it is.
    pub resource: Resource,
    /// What has to be read before it.
    pub init: Option<Resource>,
    /// When it begins, since the start of the presentation.
    pub start: Duration,
    /// How long it lasts, as listed.
    pub duration: Duration,
    /// What is added to its times to make them times of the presentation, in ticks of 90 kHz modulo 2^33.
    pub shift: i64,
    /// How it joins the one before.
    pub joint: Joint,
}

/// How a segment joins the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Joint {
    /// It goes on.
    None,
    /// Segments between them are missing; times go on.
    Loss,
    /// Another period, or another presentation.
    Jump,
}

/// What becomes of a failed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It will be handed out again.
    Retry,
    /// It is lost.
    Skipped,
}

/// The state of following one track.
#[derive(Debug)]
pub struct Follower {
    role: Role,
    want: Want,
    mpd: Arc<Mpd>,
    /// How far it has got, since the start of the presentation; `None` before it has begun.
    at: Option<Duration>,
    /// What joins the next segment to the one before.
    joint: Joint,
    /// The period of the newest segment.
    period: Option<(Option<String>, Duration)>,
    /// What was handed out and may still be reported as failed.
    handed: Option<Handed>,
    attempts: u32,
    not_before: Duration,
    /// How much later than our clock says segments turned out to come.
    late: Duration,
    /// The index that was read, and of what.
    index: Option<(Resource, Slots)>,
}

#[derive(Debug)]
struct Handed {
    end: Duration,
    length: Duration,
    listed: bool,
    joint: Joint,
    period: (Option<String>, Duration),
}

impl Follower {
    /// Follows a track of `mpd` from its start, or from near its live edge.
    pub fn new(role: Role, mpd: Arc<Mpd>) -> Self {
        Self {
            role,
            want: Want::Best,
            mpd,
            at: None,
            joint: Joint::None,
            period: None,
            handed: None,
            attempts: 0,
            not_before: Duration::ZERO,
            late: Duration::ZERO,
            index: None,
        }
    }

    /// The same, of another quality.
    #[must_use]
    pub fn wanting(mut self, want: Want) -> Self {
        self.want = want;
        self
    }

    /// What to do next. Asking again is harmless, except that a `Fetch` is given only once.
    ///
    /// # Errors
    /// When what comes next is protected, or its address cannot be made.
    pub fn next(&mut self, now: Duration) -> Result<Step, MpdError> {
        if let Some(handed) = self.handed.take() {
            self.delivered(handed);
        }
        if self.not_before > now {
            return Ok(Step::Wait {
                until: self.not_before,
                starved: false,
            });
        }
        let mpd = Arc::clone(&self.mpd);
        let clock = now.saturating_sub(mpd.availability_start + self.late);
        let Some((at, which)) = self.place(&mpd, clock)? else {
            return Ok(starved(now));
        };
        for period in &mpd.periods {
            if period.end.is_some_and(|end| end <= at + ROUNDING) {
                continue;
            }
            let Some(chosen) = self.chosen(period)? else {
                continue;
            };
            let slots = match self.slots(&chosen) {
                Ok(slots) => slots,
                Err(index) => return Ok(Step::Index(index)),
            };
            // Live, the rest of the period before may only not be listed yet.
            let ahead = period.start.saturating_sub(at) > target(slots) / 2;
            if mpd.dynamic && ahead && self.at.is_some() && clock < period.start {
                return Ok(starved(now));
            }
            let length = period.end.map(|end| end.saturating_sub(period.start));
            let from = at.saturating_sub(period.start);
            let Some(slot) = slots.first(from, which, length) else {
                continue;
            };
            let end = period.start.saturating_add(slots.span(&slot).1);
            if mpd.dynamic && !slot.listed && end > clock {
                return Ok(Step::Wait {
                    until: now.saturating_add(end.saturating_sub(clock)),
                    starved: false,
                });
            }
            let slots = slots.clone();
            return self
                .hand_out(period, &chosen, &slots, &slot)
                .map(Step::Fetch);
        }
        let over = mpd.duration.is_some_and(|whole| at + ROUNDING >= whole);
        Ok(if mpd.dynamic && !over {
            starved(now)
        } else {
            Step::Ended
        })
    }

    /// Goes on with a newer MPD.
    pub fn on_mpd(&mut self, mpd: Arc<Mpd>) {
        let (before, after) = (self.mpd.availability_start, mpd.availability_start);
        // Times count from another start: the packager has begun anew.
        if mpd.dynamic && before.abs_diff(after) > Duration::from_secs(1) {
            if let Some(handed) = self.handed.take() {
                self.delivered(handed);
            }
            if self.at.take().is_some() {
                self.joint = Joint::Jump;
            }
        }
        self.mpd = mpd;
    }

    /// The index that was asked for has been loaded; `index` is where it lies.
    ///
    /// # Errors
    /// [`MpdError::BadIndex`].
    pub fn on_index(&mut self, index: Resource, data: &[u8]) -> Result<(), MpdError> {
        let mpd = Arc::clone(&self.mpd);
        for period in &mpd.periods {
            let Some(chosen) = self.chosen(period)? else {
                continue;
            };
            let representation = chosen.representation;
            if index_of(&chosen).as_ref() == Some(&index) {
                let at = index.range.map_or(0, |range| range.offset);
                let slots = super::sidx::index(&representation.slots, data, at)?;
                self.index = Some((index, slots));
                return Ok(());
            }
        }
        Ok(())
    }

    /// The segment that was handed out last could not be loaded.
    pub fn failed(&mut self, now: Duration) -> Failed {
        let Some(handed) = self.handed.take() else {
            return Failed::Skipped;
        };
        self.attempts += 1;
        if self.attempts >= ATTEMPTS {
            self.delivered(handed);
            self.joint = self.joint.max(Joint::Loss);
            return Failed::Skipped;
        }
        let pause = (handed.length / 2).clamp(Duration::from_millis(250), Duration::from_secs(2));
        self.not_before = now.saturating_add(pause);
        if !handed.listed && self.mpd.dynamic {
            self.late = (self.late + pause).min(MAX_LATE);
        }
        self.joint = handed.joint;
        Failed::Retry
    }

    fn delivered(&mut self, handed: Handed) {
        self.at = Some(handed.end);
        self.period = Some(handed.period);
        self.attempts = 0;
    }

    /// From where on to look, and how. `None` before a live presentation has begun.
    fn place(&mut self, mpd: &Mpd, clock: Duration) -> Result<Option<(Duration, First)>, MpdError> {
        if !mpd.dynamic {
            let at = self.at.map(|at| (at, First::MostlyAfter));
            return Ok(Some(at.unwrap_or((Duration::ZERO, First::EndsAfter))));
        }
        let Some(edge) = self.edge(mpd, clock)? else {
            return Ok(None);
        };
        let Some(at) = self.at else {
            return Ok(Some((edge.begin(), First::EndsAfter)));
        };
        let joint = match edge.standing(at) {
            Standing::Good => return Ok(Some((at, First::MostlyAfter))),
            Standing::Behind => Joint::Loss,
            Standing::Beyond => Joint::Jump,
        };
        self.joint = self.joint.max(joint);
        Ok(Some((edge.begin(), First::EndsAfter)))
    }

    fn edge(&self, mpd: &Mpd, clock: Duration) -> Result<Option<Edge>, MpdError> {
        let edge = edge(mpd, clock, |period| {
            let chosen = self.chosen(period).ok()??;
            Some(&chosen.representation.slots)
        });
        if edge.is_none() {
            // Because nothing has begun, or because all of it is protected.
            for period in &mpd.periods {
                self.chosen(period)?;
            }
        }
        Ok(edge)
    }

    /// The track in a period; `None` if it has none there.
    fn chosen<'m>(&self, period: &'m Period) -> Result<Option<Chosen<'m>>, MpdError> {
        match (choose(period, self.want), self.role) {
            (Ok(choice), Role::Main) => Ok(Some(choice.main)),
            (Ok(choice), Role::Audio) => Ok(choice.audio),
            (Err(MpdError::Empty), _) => Ok(None),
            (Err(error), _) => Err(error),
        }
    }

    /// The segments of a representation; an index that has to be loaded first.
    fn slots<'s>(&'s self, chosen: &Chosen<'s>) -> Result<&'s Slots, Resource> {
        let Some(index) = index_of(chosen) else {
            return Ok(&chosen.representation.slots);
        };
        match &self.index {
            Some((known, slots)) if *known == index => Ok(slots),
            _ => Err(index),
        }
    }

    fn hand_out(
        &mut self,
        period: &Period,
        chosen: &Chosen<'_>,
        slots: &Slots,
        slot: &Slot,
    ) -> Result<Box<Segment>, MpdError> {
        let (start, end) = slots.span(slot);
        let start = period.start.saturating_add(start);
        let end = period.start.saturating_add(end).max(start + ROUNDING);
        let length = end.saturating_sub(start);
        let another = self.period.as_ref().is_some_and(|(id, begins)| {
            let same_id = id.is_some() && *id == period.id;
            !same_id && begins.abs_diff(period.start) > SAME_START
        });
        let hole = self.at.is_some_and(|at| start > at + length / 2);
        let mut joint = std::mem::replace(&mut self.joint, Joint::None);
        if another {
            joint = Joint::Jump;
        } else if hole {
            joint = joint.max(Joint::Loss);
        }
        let representation = chosen.representation;
        let segment = Segment {
            resource: slots.resource(representation, slot)?,
            init: slots.init(representation)?,
            start,
            duration: length,
            shift: slots.shift(period.start),
            joint,
        };
        self.handed = Some(Handed {
            end,
            length,
            listed: slot.listed,
            joint,
            period: (period.id.clone(), period.start),
        });
        Ok(Box::new(segment))
    }
}

fn starved(now: Duration) -> Step {
    Step::Wait {
        until: now.saturating_add(Duration::from_secs(1)),
        starved: true,
    }
}

/// Where the index of a representation is, if it has one.
fn index_of(chosen: &Chosen<'_>) -> Option<Resource> {
    let representation = chosen.representation;
    match representation.slots.media {
        Media::Indexed(range) => Some(Resource {
            uri: representation.base.as_ref().clone(),
            range: Some(range),
        }),
        _ => None,
    }
}
