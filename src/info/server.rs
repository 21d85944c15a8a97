//! The conditions of the server itself.

use std::sync::Arc;

use jiff::Timestamp;

use super::{INTERVAL, Reading};
use crate::conditions::{Change, Condition, Health, Kind, Machine, Now, Severity, Terms};
use crate::history::KeptState;

/// The conditions of the server: those that its figures show, and that of its own network, which the
/// [`Guard`](crate::conditions::Guard) raises and clears. It is told of like a stream.
#[derive(Clone, Debug)]
pub struct Server {
    machine: Machine,
    own_network: Option<Condition>,
    /// The health that was last told, and since when it is so.
    told: (Health, Timestamp),
}

impl Server {
    /// Goes on from what was known when the server stopped, if anything.
    pub fn new(kept: Option<KeptState>, now: Now) -> Self {
        let terms = Arc::new(Terms::of_server(INTERVAL));
        let Some(kept) = kept else {
            return Self {
                machine: Machine::new(terms),
                own_network: None,
                told: (Health::Unknown, now.wall),
            };
        };
        let (network, others): (Vec<_>, Vec<_>) = kept
            .conditions
            .into_iter()
            .partition(|condition| condition.kind == Kind::OwnNetwork);
        Self {
            // Its own idea of the health leaves the network out.
            machine: Machine::restore(terms, others, Health::Up, now),
            own_network: network.into_iter().next(),
            told: (kept.health, kept.since),
        }
    }

    /// Figures were looked at.
    pub fn observe(&mut self, readings: &[Reading], now: Now, changes: &mut Vec<Change>) {
        let mut own = Vec::new();
        for observation in readings.iter().filter_map(Reading::observation) {
            self.machine.observe(observation, now, &mut own);
        }
        self.settle(own, now, changes);
    }

    /// The guard has raised or cleared the condition of our own network.
    pub fn network(&mut self, told: Vec<Change>, now: Now, changes: &mut Vec<Change>) {
        for change in told {
            match &change {
                Change::Raised(condition) => self.own_network = Some(condition.clone()),
                Change::Cleared(_) => self.own_network = None,
                Change::Health { .. } => continue,
            }
            changes.push(change);
        }
        self.settle(Vec::new(), now, changes);
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now, changes: &mut Vec<Change>) {
        let mut own = Vec::new();
        self.machine.tick(now, &mut own);
        self.settle(own, now, changes);
    }

    /// Up, degraded by anything above info, or unknown until it was looked at for the first time.
    pub fn health(&self) -> Health {
        let worst = self.conditions().map(|it| it.severity).max();
        match worst {
            Some(Severity::Warning | Severity::Critical) => Health::Degraded,
            Some(Severity::Info) => Health::Up,
            // Without conditions the machine knows whether it was looked at.
            None => self.machine.health(),
        }
    }

    /// What is raised.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.own_network.iter().chain(self.machine.active())
    }

    /// What a restarted server goes on from.
    pub fn state(&self) -> KeptState {
        KeptState {
            health: self.told.0,
            since: self.told.1,
            conditions: self.conditions().cloned().collect(),
        }
    }

    fn settle(&mut self, own: Vec<Change>, now: Now, changes: &mut Vec<Change>) {
        let own = own.into_iter();
        // The machine does not know of the network: the health of both together is told here.
        changes.extend(own.filter(|change| !matches!(change, Change::Health { .. })));
        let (from, to) = (self.told.0, self.health());
        if from != to {
            self.told = (to, now.wall);
            changes.push(Change::Health {
                from,
                to,
                at: now.wall,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;
    use crate::conditions::Guard;
    use crate::info::{Disk, Figures, Share, Watch};
    use crate::ingest::Cause;
    use crate::stream::StreamId;
    use std::time::Duration;

    const FREE: u64 = 1_000;

    fn at(start: Now, seconds: u64) -> Now {
        let passed = Duration::from_secs(seconds);
        Now {
            mono: start.mono + passed,
            wall: start.wall + passed,
        }
    }

    fn start() -> Now {
        Now {
            mono: clock::now() + Duration::from_hours(1),
            wall: "2026-11-22T11:00:00Z".parse().unwrap(),
        }
    }

    fn figures(free_bytes: u64, descriptors: u64) -> Figures {
        Figures {
            disk: Some(Disk {
                free_bytes,
                ..Disk::default()
            }),
            descriptors: Some(Share {
                part: descriptors,
                whole: 100,
            }),
            store_latency: Some(Duration::ZERO),
            ..Figures::default()
        }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        let text = |change: &Change| match change {
            Change::Raised(it) => format!("+{}", it.kind.as_str()),
            Change::Cleared(it) => format!("-{}", it.kind.as_str()),
            Change::Health { to, .. } => to.as_str().to_owned(),
        };
        changes.iter().map(text).collect()
    }

    /// Looks every five seconds, from one second to another.
    fn look(
        server: &mut Server,
        watch: &mut Watch,
        figures: &Figures,
        start: Now,
        (from, to): (u64, u64),
    ) -> Vec<String> {
        let mut changes = Vec::new();
        for seconds in from..to {
            let now = at(start, seconds);
            if seconds % 5 == 0 {
                server.observe(&watch.look(figures), now, &mut changes);
            }
            server.tick(now, &mut changes);
        }
        told(&changes)
    }

    #[test]
    fn conditions_are_raised_cleared_and_kept() {
        let start = start();
        let (mut server, mut watch) = (Server::new(None, start), Watch::new(FREE));
        assert_eq!(server.health(), Health::Unknown);
        let fine = figures(10_000, 10);
        assert_eq!(look(&mut server, &mut watch, &fine, start, (0, 30)), ["up"]);
        let full = figures(10, 10);
        assert_eq!(
            look(&mut server, &mut watch, &full, start, (30, 39)),
            [""; 0]
        );
        let raised = look(&mut server, &mut watch, &full, start, (39, 60));
        assert_eq!(raised, ["+low_disk", "degraded"]);
        let condition = server.conditions().next().expect("raised");
        assert_eq!(condition.severity, Severity::Critical);
        assert!(condition.evidence.text.contains("free where the store is"));

        // A restart raises nothing again, and goes on.
        let text = serde_json::to_string(&server.state()).unwrap();
        let kept: KeptState = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.health, Health::Degraded);
        let mut server = Server::new(Some(kept.clone()), at(start, 100));
        let mut watch = Watch::new(FREE);
        assert_eq!(
            look(&mut server, &mut watch, &full, start, (100, 200)),
            [""; 0]
        );
        assert_eq!(server.state(), kept);
        let over = look(&mut server, &mut watch, &fine, start, (200, 300));
        assert_eq!(over, ["-low_disk", "up"]);
        let both = figures(10, 95);
        let raised = look(&mut server, &mut watch, &both, start, (300, 330));
        assert_eq!(raised, ["+low_descriptors", "+low_disk", "degraded"]);
    }

    #[test]
    fn our_own_network_is_one_of_them() {
        let start = start();
        let mut guard = Guard::new();
        let fail = |guard: &mut Guard, failure, seconds| {
            let mut changes = Vec::new();
            for n in 0..10 {
                let stream = StreamId::parse(&format!("s{n}")).unwrap();
                let host = format!("h{}", n % 5);
                guard.report(&stream, &host, failure, at(start, seconds), &mut changes);
            }
            changes
        };
        let mut server = Server::new(None, start);
        let mut changes = Vec::new();
        fail(&mut guard, None, 0);
        let raised = fail(&mut guard, Some(Cause::Timeout), 5);
        server.network(raised, at(start, 5), &mut changes);
        assert_eq!(told(&changes), ["+own_network", "degraded"]);

        // A restart in the middle of it: nothing is told until it is over.
        let kept = server.state();
        let network = kept.conditions[0].clone();
        let mut guard = Guard::restore(Some(network), at(start, 60));
        let mut server = Server::new(Some(kept), at(start, 60));
        changes.clear();
        server.tick(at(start, 60), &mut changes);
        assert_eq!((changes.len(), server.health()), (0, Health::Degraded));
        fail(&mut guard, None, 65);
        let mut cleared = Vec::new();
        guard.tick(at(start, 75), &mut cleared);
        server.network(cleared, at(start, 75), &mut changes);
        let mut watch = Watch::new(FREE);
        let later = look(
            &mut server,
            &mut watch,
            &figures(10_000, 10),
            start,
            (80, 90),
        );
        assert_eq!(told(&changes)[0], "-own_network");
        assert_eq!(server.health(), Health::Up, "{later:?}");
        assert!(server.state().conditions.is_empty());
    }
}
