//! One stream's conditions, from observations and time.

mod track;

use std::sync::Arc;
use std::time::Instant;

use super::terms::relapses;
use super::{
    Change, Condition, Ending, Health, Kind, MERGE, Network, Now, Observation, Severity, Terms,
};
use track::{Raised, State, Suspect, Track};

/// The conditions of one stream. Time is given with each call, and changes are appended to the caller's list.
///
/// Whatever is due before a call is done first, as of the time when it was due: how often [`tick`](Self::tick) is called
/// changes nothing but how soon one learns of it.
#[derive(Clone, Debug)]
pub struct Machine {
    terms: Arc<Terms>,
    tracks: [Track; Kind::COUNT],
    network: Network,
    paused: bool,
    /// Whether it can be told if the stream is up.
    known: bool,
    /// The health that was last told.
    told: Health,
    /// Until when everything due is done.
    clock: Option<Instant>,
    /// What was restored and cannot stay, to be told at the next call.
    orphans: Vec<(Condition, Ending)>,
}

/// What there is to do about a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Raise,
    /// Raise it, were our own network not at fault.
    Withhold,
    /// Suspect it no longer.
    Drop,
    Clear,
}

impl Machine {
    /// One that knows nothing yet.
    pub fn new(terms: Arc<Terms>) -> Self {
        Self {
            terms,
            tracks: Default::default(),
            network: Network::Fine,
            paused: false,
            known: false,
            told: Health::Unknown,
            clock: None,
            orphans: Vec::new(),
        }
    }

    /// Goes on from what was known when the server stopped: nothing is raised twice. What the terms no longer look for,
    /// or what makes no sense beside the rest, is cleared at the first [`tick`](Self::tick), which is due at once.
    pub fn restore(terms: Arc<Terms>, raised: Vec<Condition>, health: Health, now: Now) -> Self {
        let mut machine = Self::new(terms);
        machine.clock = Some(now.mono);
        machine.told = health;
        machine.paused = health == Health::Paused;
        let kinds: Vec<_> = raised.iter().map(|condition| condition.kind).collect();
        for condition in raised {
            let kind = condition.kind;
            let explained = kind.explained_by().iter().any(|it| kinds.contains(it));
            let track = &mut machine.tracks[kind.index()];
            let ending = if machine.paused {
                Ending::Paused
            } else if !machine.terms.looks_for(kind) {
                Ending::Disabled
            } else if explained || track.raised().is_some() {
                Ending::Replaced
            } else {
                track.state = State::Raised(Box::new(Raised {
                    condition,
                    gone: None,
                }));
                continue;
            };
            machine.orphans.push((condition, ending));
        }
        machine.known = match health {
            Health::Up | Health::Degraded => true,
            Health::Down => machine.worst_is_outage(),
            Health::Unknown | Health::Paused => false,
        };
        machine
    }

    /// Something was seen, or seen to be gone. What is said of a kind that is not looked for, or that a raised condition
    /// explains, is passed over.
    pub fn observe(&mut self, seen: Observation, now: Now, changes: &mut Vec<Change>) {
        let at = self.run(now, changes);
        if !self.paused {
            self.take(seen, at);
            self.run(now, changes);
        }
    }

    /// Time passes: hold and clear times end.
    pub fn tick(&mut self, now: Now, changes: &mut Vec<Change>) {
        self.run(now, changes);
    }

    /// When [`tick`](Self::tick) has something to do next; exact, so that nobody need poll. To be asked again after each
    /// call that changes something.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.orphans.is_empty() || self.told != self.health() {
            return self.clock;
        }
        self.next_step().map(|(at, ..)| at)
    }

    /// Other terms, because the definition has changed or more is known of its tracks.
    pub fn set_terms(&mut self, terms: Arc<Terms>, now: Now, changes: &mut Vec<Change>) {
        let at = self.run(now, changes);
        self.terms = terms;
        for kind in Kind::ALL {
            let rule = self.terms.rule(kind);
            let track = &mut self.tracks[kind.index()];
            match &mut track.state {
                State::Raised(_) if !rule.enabled => {
                    self.end(kind, Ending::Disabled, at, now, changes);
                }
                State::Raised(raised) => raised.condition.severity = rule.severity,
                State::Suspected(_) if !rule.enabled => track.state = State::Quiet,
                State::Suspected(_) | State::Quiet => {}
            }
        }
        self.run(now, changes);
    }

    /// What the guard says of our own network. After a fault of it outages must last for their hold time anew.
    pub fn set_network(&mut self, network: Network, now: Now, changes: &mut Vec<Change>) {
        let at = self.run(now, changes);
        if self.network == Network::Lost && network != Network::Lost {
            for kind in Kind::ALL.into_iter().filter(|kind| kind.follows_network()) {
                if let State::Suspected(suspect) = &mut self.tracks[kind.index()].state {
                    suspect.restart(at);
                }
            }
        }
        self.network = network;
        self.run(now, changes);
    }

    /// Nobody could look until now, because this process did not run: what was not seen meanwhile says nothing. Hold and
    /// clear times begin anew.
    pub fn stood_still(&mut self, now: Now) {
        let at = self.clock.unwrap_or(now.mono).max(now.mono);
        for track in &mut self.tracks {
            track.begin_anew(at);
            if let State::Raised(raised) = &mut track.state {
                raised.gone = raised.gone.map(|_| at);
            }
        }
        self.clock = Some(at);
    }

    /// Nobody looks any more, on purpose: what is raised is cleared, and what was seen is forgotten.
    pub fn pause(&mut self, now: Now, changes: &mut Vec<Change>) {
        let at = self.run(now, changes);
        for kind in Kind::ALL {
            self.end(kind, Ending::Paused, at, now, changes);
        }
        self.tracks = Default::default();
        self.paused = true;
        self.run(now, changes);
    }

    /// Somebody looks again; nothing is known yet.
    pub fn resume(&mut self, now: Now, changes: &mut Vec<Change>) {
        let at = self.run(now, changes);
        if self.paused {
            self.paused = false;
            self.known = false;
            for track in &mut self.tracks {
                track.begin_anew(at);
            }
            self.run(now, changes);
        }
    }

    /// The terms that it judges by.
    pub fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// The state of the stream: paused, down by a critical outage, unknown, degraded by anything worse than info, or up,
    /// the first that holds.
    pub fn health(&self) -> Health {
        let worst = self.active().map(|condition| condition.severity).max();
        if self.paused {
            Health::Paused
        } else if self.worst_is_outage() {
            Health::Down
        } else if !self.known {
            Health::Unknown
        } else if worst > Some(Severity::Info) {
            Health::Degraded
        } else {
            Health::Up
        }
    }

    /// What is raised, in the order of [`Kind::ALL`].
    pub fn active(&self) -> impl Iterator<Item = &Condition> {
        let raised = self.tracks.iter().filter_map(Track::raised);
        raised.map(|raised| &raised.condition)
    }

    /// Seen, neither raised nor confirmed yet: what a closer look should confirm or refute, and when, so that all is proven
    /// when its hold time ends. Picture and sound may be otherwise in between: they are looked at three times.
    pub fn suspects(&self) -> impl Iterator<Item = (Kind, Instant)> {
        Kind::ALL.into_iter().filter_map(|kind| {
            let track = &self.tracks[kind.index()];
            let suspect = track
                .suspect()
                .filter(|it| it.gone.is_none() && !it.confirmed)?;
            let rule = self.terms.rule(kind);
            let proof = suspect.from + Suspect::late(kind, rule);
            let at = if Kind::FAILOVER.contains(&kind) {
                proof.min(suspect.last + rule.hold / 3)
            } else {
                proof
            };
            Some((kind, at))
        })
    }

    fn worst_is_outage(&self) -> bool {
        self.active()
            .any(|condition| condition.kind.is_outage() && condition.severity == Severity::Critical)
    }

    /// Does everything that is due until `now`, each thing at its time, and tells of the health after each moment. Time
    /// that runs backwards stands still. Returns the time.
    fn run(&mut self, now: Now, changes: &mut Vec<Change>) -> Instant {
        let mut clock = self.clock.unwrap_or(now.mono);
        let to = clock.max(now.mono);
        for (mut condition, ending) in std::mem::take(&mut self.orphans) {
            condition.end(ending, now.wall_at(clock));
            changes.push(Change::Cleared(condition));
        }
        while let Some((at, kind, step)) = self.next_step().filter(|(at, ..)| *at <= to) {
            if at > clock {
                self.tell_health(clock, now, changes);
                clock = at;
                // What is released by one step is due with the others of its moment, not before them.
                self.clock = Some(at);
            }
            self.do_step(kind, step, clock, now, changes);
        }
        self.tell_health(clock, now, changes);
        self.clock = Some(to);
        to
    }

    fn tell_health(&mut self, at: Instant, now: Now, changes: &mut Vec<Change>) {
        let (from, to) = (self.told, self.health());
        if from != to {
            self.told = to;
            let at = now.wall_at(at);
            changes.push(Change::Health { from, to, at });
        }
    }

    /// What is to be done first; of what is due at one moment, explanations before what they explain.
    fn next_step(&self) -> Option<(Instant, Kind, Step)> {
        if self.paused {
            return None;
        }
        let steps = Kind::ALL.into_iter().filter_map(|kind| {
            let (at, step) = self.step_of(kind)?;
            Some((at, kind, step))
        });
        // What was held up until now is due now, not in the past.
        let clock = self.clock;
        let steps =
            steps.map(|(at, kind, step)| (clock.map_or(at, |clock| at.max(clock)), kind, step));
        steps.min_by_key(|(at, kind, _)| (*at, kind.explained_by().len(), *kind))
    }

    fn step_of(&self, kind: Kind) -> Option<(Instant, Step)> {
        let suspect = match &self.tracks[kind.index()].state {
            State::Quiet => return None,
            State::Raised(raised) => {
                let clear = self.terms.clear_after(kind, raised.condition.relapses);
                return raised.gone.map(|gone| (gone + clear, Step::Clear));
            }
            State::Suspected(suspect) => suspect,
        };
        if let Some(gone) = suspect.gone {
            return Some((gone + MERGE, Step::Drop));
        }
        let forgotten = suspect.last + self.terms.suspicion();
        let ripe = self.ripe(kind, suspect);
        Some(ripe.unwrap_or((forgotten, Step::Drop)))
    }

    /// When a suspect is raised if nothing more is seen.
    fn ripe(&self, kind: Kind, suspect: &Suspect) -> Option<(Instant, Step)> {
        let rule = self.terms.rule(kind);
        if !suspect.is_proven(kind, rule) {
            return None;
        }
        let mut at = suspect.ripe_at(rule);
        for &other in kind.explained_by() {
            match &self.tracks[other.index()].state {
                State::Raised(_) => return None,
                // It may be the explanation: wait for its verdict.
                State::Suspected(it) => at = at.max(it.ripe_at(self.terms.rule(other))),
                State::Quiet => {}
            }
        }
        match self.network {
            Network::Lost if kind.is_outage() && kind.follows_network() => {
                (!suspect.withheld).then_some((at, Step::Withhold))
            }
            Network::Lost | Network::Doubtful if kind.follows_network() => None,
            Network::Fine | Network::Doubtful | Network::Lost => Some((at, Step::Raise)),
        }
    }

    fn do_step(
        &mut self,
        kind: Kind,
        step: Step,
        at: Instant,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        let track = &mut self.tracks[kind.index()];
        match step {
            Step::Drop => track.state = State::Quiet,
            Step::Clear => self.end(kind, Ending::Over, at, now, changes),
            Step::Withhold => {
                if let State::Suspected(suspect) = &mut track.state {
                    suspect.withheld = true;
                }
                self.known = false;
            }
            Step::Raise => self.raise(kind, at, now, changes),
        }
    }

    fn raise(&mut self, kind: Kind, at: Instant, now: Now, changes: &mut Vec<Change>) {
        let track = &mut self.tracks[kind.index()];
        let State::Suspected(suspect) = std::mem::take(&mut track.state) else {
            return;
        };
        let condition = Condition {
            kind,
            severity: self.terms.rule(kind).severity,
            // By the wall clock of now, which may have been set since: the two differ by the time that it lasted.
            since: now.wall_at(suspect.since),
            raised_at: now.wall_at(at),
            cleared_at: None,
            ending: None,
            confirmed: suspect.confirmed,
            relapses: relapses(track.past, at),
            evidence: suspect.proof,
        };
        changes.push(Change::Raised(condition.clone()));
        let raised = Raised {
            condition,
            gone: None,
        };
        track.state = State::Raised(Box::new(raised));
        self.known = true;
        for other in explained(kind) {
            self.end(other, Ending::Replaced, at, now, changes);
            self.tracks[other.index()].begin_anew(at);
        }
    }

    /// Clears it, if it is raised.
    fn end(
        &mut self,
        kind: Kind,
        ending: Ending,
        at: Instant,
        now: Now,
        changes: &mut Vec<Change>,
    ) {
        let track = &mut self.tracks[kind.index()];
        if track.raised().is_none() {
            return;
        }
        if let State::Raised(mut raised) = std::mem::take(&mut track.state) {
            if matches!(ending, Ending::Over | Ending::Replaced) {
                track.past = Some((at, raised.condition.relapses));
            }
            raised.condition.end(ending, now.wall_at(at));
            changes.push(Change::Cleared(raised.condition));
        }
    }

    fn take(&mut self, seen: Observation, at: Instant) {
        let kind = seen.kind;
        if !seen.present && kind.absence_proves_media() {
            let outage = Kind::ALL.into_iter().filter(|kind| kind.is_outage());
            let doubt = outage
                .map(|kind| &self.tracks[kind.index()])
                .any(Track::is_suspected);
            self.known |= kind == Kind::Down || !doubt;
        }
        let explained_now = kind.explained_by().iter();
        let explained_now = explained_now
            .map(|it| &self.tracks[it.index()])
            .any(Track::is_present);
        if !self.terms.looks_for(kind) || explained_now {
            return;
        }
        let track = &mut self.tracks[kind.index()];
        let was_present = track.is_present();
        if seen.present {
            track.seen(seen, at);
        } else {
            track.unseen(seen.confirmed, at);
        }
        // What it explains is looked for again once it is gone, and only from then on.
        if was_present != self.tracks[kind.index()].is_present() {
            for other in explained(kind) {
                self.tracks[other.index()].begin_anew(at);
            }
        }
    }
}

/// What a kind explains.
fn explained(kind: Kind) -> impl Iterator<Item = Kind> {
    let all = Kind::ALL.into_iter();
    all.filter(move |other| other.explained_by().contains(&kind))
}

#[cfg(test)]
mod tests;
