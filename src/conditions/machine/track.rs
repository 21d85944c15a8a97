//! What is known of one kind of condition of one stream.

use std::time::{Duration, Instant};

use super::super::{Condition, Kind, Observation, Proof, Rule};

/// One kind: how things stand, and what is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pub(super) state: State,
    /// When it was last cleared, and how often it had come back until then.
    pub(super) past: Option<(Instant, u32)>,
    /// What is seen now cannot have begun before this.
    pub(super) floor: Option<Instant>,
}

/// How things stand. Boxed, because mostly nothing is the matter.
#[derive(Clone, Debug, Default)]
pub(super) enum State {
    /// Not there.
    #[default]
    Quiet,
    /// Seen, not raised yet.
    Suspected(Box<Suspect>),
    /// Raised.
    Raised(Box<Raised>),
}

#[derive(Clone, Debug)]
pub(super) struct Suspect {
    /// When it was first seen.
    pub(super) since: Instant,
    /// From when on the hold time counts: `since`, or when our own network came back.
    pub(super) from: Instant,
    /// When it was last seen.
    pub(super) last: Instant,
    /// How often it was seen from `from` on.
    pub(super) looks: u32,
    pub(super) confirmed: bool,
    /// Since when it is seen to be gone.
    pub(super) gone: Option<Instant>,
    /// It would have been raised, were our own network not at fault.
    pub(super) withheld: bool,
    pub(super) proof: Proof,
}

#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) condition: Condition,
    /// Since when it is seen to be gone.
    pub(super) gone: Option<Instant>,
}

impl Track {
    pub(super) fn suspect(&self) -> Option<&Suspect> {
        match &self.state {
            State::Suspected(suspect) => Some(suspect),
            State::Quiet | State::Raised(_) => None,
        }
    }

    pub(super) fn raised(&self) -> Option<&Raised> {
        match &self.state {
            State::Raised(raised) => Some(raised),
            State::Quiet | State::Suspected(_) => None,
        }
    }

    /// Raised, and there as far as is known.
    pub(super) fn is_present(&self) -> bool {
        self.raised().is_some_and(|raised| raised.gone.is_none())
    }

    /// Suspected, and there as far as is known.
    pub(super) fn is_suspected(&self) -> bool {
        self.suspect().is_some_and(|suspect| suspect.gone.is_none())
    }

    /// What is seen from now on has begun at `at` or later; nothing is suspected any more.
    pub(super) fn begin_anew(&mut self, at: Instant) {
        if self.suspect().is_some() {
            self.state = State::Quiet;
        }
        self.floor = Some(at);
    }

    /// It is there.
    pub(super) fn seen(&mut self, seen: Observation, at: Instant) {
        match &mut self.state {
            State::Quiet => {
                let began = at.checked_sub(seen.lasting).unwrap_or(at);
                let since = self.floor.map_or(began, |floor| began.max(floor));
                self.state = State::Suspected(Box::new(Suspect {
                    since,
                    from: since,
                    last: at,
                    looks: 1,
                    confirmed: seen.confirmed,
                    gone: None,
                    withheld: false,
                    proof: seen.evidence.into(),
                }));
            }
            State::Suspected(suspect) => {
                // Two findings of one look are one.
                if at > suspect.last || suspect.looks == 0 {
                    suspect.looks = suspect.looks.saturating_add(1);
                }
                suspect.last = at;
                suspect.confirmed |= seen.confirmed;
                suspect.gone = None;
                suspect.proof = seen.evidence.into();
            }
            State::Raised(raised) => {
                raised.gone = None;
                raised.condition.confirmed |= seen.confirmed;
                raised.condition.evidence = seen.evidence.into();
            }
        }
    }

    /// It is not there.
    pub(super) fn unseen(&mut self, confirmed: bool, at: Instant) {
        self.floor = Some(at);
        match &mut self.state {
            State::Quiet => {}
            State::Suspected(_) if confirmed => self.state = State::Quiet,
            State::Suspected(suspect) => {
                suspect.gone.get_or_insert(at);
            }
            State::Raised(raised) => {
                raised.gone.get_or_insert(at);
            }
        }
    }
}

impl Suspect {
    /// When its hold time has passed.
    pub(super) fn ripe_at(&self, rule: &Rule) -> Instant {
        self.from + rule.hold
    }

    /// How much of the hold time must have passed when it is seen again: one look proves nothing about a time.
    pub(super) fn late(kind: Kind, rule: &Rule) -> Duration {
        // Between two looks at a picture it may have been otherwise, and what lasts as long as most of the hold time
        // may be meant, as a fade is; what a pull or its packets tell holds until they tell something else.
        if Kind::FAILOVER.contains(&kind) {
            rule.hold * 9 / 10
        } else {
            rule.hold / 2
        }
    }

    /// Whether it was seen often and late enough to be raised once it is ripe.
    pub(super) fn is_proven(&self, kind: Kind, rule: &Rule) -> bool {
        let late = Self::late(kind, rule);
        let again = self.last >= self.from + late && self.looks >= rule.looks.max(1);
        self.confirmed || again
    }

    /// Counts the hold time from now on, and wants new proof.
    pub(super) fn restart(&mut self, at: Instant) {
        self.from = at;
        self.looks = 0;
        self.confirmed = false;
        self.withheld = false;
    }
}
