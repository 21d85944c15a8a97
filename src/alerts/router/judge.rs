//! What each receiver should know of one alert, against what it knows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::alert::{Due, Line};
use super::super::{Alert, AlertKey, ItemKind, ReceiverId};
use super::{Deadlines, Setup, after};

/// Whether a rule's hours are open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    open: bool,
    /// When they may open next; none while they are. That they end is seen when something is due.
    next: Option<Timestamp>,
}

impl Opening {
    /// Those of all rules.
    pub(super) fn all(setup: &Setup, now: Timestamp) -> Vec<Self> {
        let hours = setup.rules.iter().map(|rule| rule.hours.as_ref());
        hours
            .map(|hours| {
                let open = hours.is_none_or(|hours| hours.open(now));
                let closed = hours.filter(|_| !open);
                Self {
                    open,
                    next: closed.and_then(|hours| hours.next_open(now)),
                }
            })
            .collect()
    }
}

/// What rules say of one receiver.
#[derive(Clone, Copy, Debug, Default)]
struct Say {
    /// A rule that names it is open.
    open: bool,
    /// One is, and tells of recoveries.
    recovery: bool,
    /// A step of an escalation names it just now.
    escalated: bool,
}

/// Brings the lines of an alert up to date; how many changes will not be told one by one.
pub(super) fn judge(
    key: &AlertKey,
    alert: &mut Alert,
    (setup, openings): (&Setup, &[Opening]),
    now: Timestamp,
    deadlines: &mut Deadlines,
) -> u64 {
    let resumed = end_acknowledgement(alert, now, deadlines);
    let was_muted = alert.marks.muted;
    alert.marks.muted = is_muted(key, alert, setup, now, deadlines);
    let unmuted = was_muted && !alert.marks.muted;
    let says = consult(key, alert, (setup, openings), now, deadlines);
    let muted = alert.marks.muted;
    let raised = alert.is_raised();
    let remind = (resumed || unmuted) && alert.marks.acknowledged.is_none();
    let mut unsaid = 0;
    let known = alert.marks.lines.keys().cloned();
    // Of what is over, those who know nothing need not hear.
    let asked = says.keys().filter(|_| raised).cloned();
    let all: BTreeSet<ReceiverId> = known.chain(asked).collect();
    for id in all {
        let Some(terms) = setup.receivers.get(&id) else {
            alert.marks.lines.remove(&id);
            continue;
        };
        let line = alert.marks.lines.entry(id.clone()).or_default();
        let say = says.get(&id).copied();
        let before = line.unsaid;
        if raised {
            match say {
                Some(say) if say.open => line.raised(say, remind, now),
                Some(_) => line.raised_and_closed(),
                None => line.nobody_asks(),
            }
        } else {
            // Who was told is told the end, also when rules have changed meanwhile.
            let open = say.map_or(!muted, |say| say.open);
            let wanted = terms.recovery || say.is_none_or(|say| say.recovery || !say.open);
            line.cleared(open, wanted, now);
        }
        unsaid += u64::from(line.unsaid - before);
    }
    unsaid
}

/// An acknowledgement runs out; whether it does now.
fn end_acknowledgement(alert: &mut Alert, now: Timestamp, deadlines: &mut Deadlines) -> bool {
    if !alert.is_raised() {
        alert.marks.acknowledged = None;
        return false;
    }
    let until = alert.marks.acknowledged.as_ref().and_then(|ack| ack.until);
    let Some(until) = until else {
        return false;
    };
    deadlines.at(until);
    if until > now {
        return false;
    }
    alert.marks.acknowledged = None;
    true
}

fn is_muted(
    key: &AlertKey,
    alert: &Alert,
    setup: &Setup,
    now: Timestamp,
    deadlines: &mut Deadlines,
) -> bool {
    let mut muted = false;
    for window in &setup.maintenance {
        if window.to <= now {
            continue;
        }
        if window
            .selector
            .matches(&key.stream, &alert.facts, &alert.condition)
        {
            deadlines.at(window.from);
            deadlines.at(window.to);
            muted |= window.covers(now);
        }
    }
    muted
}

/// Asks all rules, and takes the steps that are due.
fn consult(
    key: &AlertKey,
    alert: &mut Alert,
    (setup, openings): (&Setup, &[Opening]),
    now: Timestamp,
    deadlines: &mut Deadlines,
) -> BTreeMap<ReceiverId, Say> {
    let mut says: BTreeMap<ReceiverId, Say> = BTreeMap::new();
    let raised = alert.is_raised();
    let mut engaged = std::mem::take(&mut alert.marks.rules);
    let marks = &mut alert.marks;
    for (rule, hours) in setup.rules.iter().zip(openings) {
        if !rule
            .selector
            .matches(&key.stream, &alert.facts, &alert.condition)
        {
            continue;
        }
        if let Some(next) = hours.next {
            deadlines.at(next);
        }
        let open = hours.open && !marks.muted;
        let mut state = engaged.remove(&rule.id).unwrap_or_default();
        // A rule whose steps were taken away has taken no more than it has.
        let before = state.steps.min(rule.escalate.len());
        state.steps = before;
        if raised && open && marks.acknowledged.is_none() {
            let since = state.since.map_or(now, |since| since.min(now));
            state.since = Some(since);
            for step in &rule.escalate[before..] {
                let due = after(since, step.after());
                if due > now {
                    deadlines.at(due);
                    break;
                }
                state.steps += 1;
            }
        } else {
            state.since = None;
        }
        let mut say = |id: &ReceiverId, escalated: bool| {
            let say = says.entry(id.clone()).or_default();
            say.open |= open;
            say.recovery |= open && rule.recovery;
            say.escalated |= escalated;
        };
        for id in &rule.receivers {
            say(id, false);
        }
        for (index, step) in rule.escalate[..state.steps].iter().enumerate() {
            for id in &step.receivers {
                say(id, index >= before);
            }
        }
        // Only the clock of an escalation has to be kept, and whom it has reached.
        if state.steps > 0 || (raised && !rule.escalate.is_empty()) {
            marks.rules.insert(rule.id.clone(), state);
        }
    }
    says
}

impl Line {
    /// It lasts, and may be told.
    fn raised(&mut self, say: Say, remind: bool, now: Timestamp) {
        if matches!(self.due, Some(due) if due.kind == ItemKind::Cleared) {
            self.due = None;
            self.count();
        }
        let kind = if say.escalated {
            Some(ItemKind::Escalated)
        } else if !self.knows && self.late {
            Some(ItemKind::StillRaised)
        } else if !self.knows {
            Some(ItemKind::Raised)
        } else {
            remind.then_some(ItemKind::StillRaised)
        };
        self.late = false;
        if let Some(kind) = kind {
            let due = self.due.get_or_insert(Due::new(kind, now));
            due.since = due.since.min(now);
            if say.escalated {
                due.kind = kind;
            }
        }
    }

    /// It lasts, and may not be told now.
    fn raised_and_closed(&mut self) {
        match self.due.take() {
            Some(due) if due.kind == ItemKind::Cleared => self.count(),
            _ => self.late |= !self.knows,
        }
    }

    /// It lasts, and no rule tells of it (any more).
    fn nobody_asks(&mut self) {
        self.late = false;
        if self
            .due
            .take()
            .is_some_and(|due| due.kind == ItemKind::Cleared)
        {
            self.count();
        }
    }

    /// It is over.
    fn cleared(&mut self, open: bool, wanted: bool, now: Timestamp) {
        self.late = false;
        if !self.knows {
            if self.due.take().is_some() {
                self.count();
            }
            return;
        }
        if !wanted {
            self.knows = false;
            self.due = None;
        } else if !open {
            self.due = None;
        } else if let Some(due) = &mut self.due
            && due.kind == ItemKind::Cleared
        {
            due.since = due.since.min(now);
        } else {
            self.due = Some(Due::new(ItemKind::Cleared, now));
        }
    }

    /// It came and went, or went and came, unsaid.
    fn count(&mut self) {
        self.unsaid = self.unsaid.saturating_add(1);
    }
}
