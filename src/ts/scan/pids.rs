//! What is known of each PID: its newest counter, and what it carries.

use crate::ts::continuity::{Follows, follows};
use crate::ts::packet::{Header, NULL_PID};

/// Most PIDs that are watched without being listed by a table. Those of a satellite's multiplex are about a hundred.
const MOST: usize = 256;

/// What a PID carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Other,
    Pat,
    Cat,
    /// The map of this index.
    Map(u8),
    /// The track of this index.
    Track(u8),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    counter: u8,
    seen: bool,
    duplicate: bool,
    pub(super) role: Role,
}

impl Line {
    /// How the packet follows the one before on its PID.
    pub(super) fn step(&mut self, header: &Header) -> Follows {
        let follows = if self.seen {
            follows(self.counter, self.duplicate, header)
        } else {
            Follows::Yes
        };
        self.duplicate = follows == Follows::Duplicate;
        self.seen = true;
        self.counter = header.counter;
        follows
    }
}

/// A small table, searched in order: streams have a handful of PIDs, and mostly the one of the packet before.
#[derive(Debug, Default)]
pub(super) struct Pids {
    keys: Vec<u16>,
    lines: Vec<Line>,
    newest: usize,
}

impl Pids {
    /// The line of a PID; `None` for null packets, and when there are too many.
    pub(super) fn line(&mut self, pid: u16) -> Option<&mut Line> {
        if self.keys.get(self.newest) != Some(&pid) {
            if pid == NULL_PID {
                return None;
            }
            self.newest = match self.keys.iter().position(|key| *key == pid) {
                Some(at) => at,
                None if self.keys.len() < MOST => self.insert(pid),
                None => return None,
            };
        }
        self.lines.get_mut(self.newest)
    }

    /// The next packets begin to count anew.
    pub(super) fn restart(&mut self) {
        for line in &mut self.lines {
            line.seen = false;
        }
    }

    /// Says what PIDs carry; all others carry nothing that is known.
    pub(super) fn assign(&mut self, roles: impl Iterator<Item = (u16, Role)>) {
        if self.keys.len() > MOST {
            // Maps that list others each time do not fill it for good.
            *self = Self::default();
        }
        for line in &mut self.lines {
            line.role = Role::Other;
        }
        for (pid, role) in roles {
            let known = self.keys.iter().position(|key| *key == pid);
            let at = known.unwrap_or_else(|| self.insert(pid));
            // The first who claims it: tables before tracks.
            if self.lines[at].role == Role::Other {
                self.lines[at].role = role;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.keys.capacity() * 2 + self.lines.capacity() * size_of::<Line>()
    }

    fn insert(&mut self, pid: u16) -> usize {
        self.keys.push(pid);
        self.lines.push(Line {
            counter: 0,
            seen: false,
            duplicate: false,
            role: Role::Other,
        });
        self.keys.len() - 1
    }
}
