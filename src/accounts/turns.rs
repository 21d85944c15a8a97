//! The order in which those who wait are served.

use std::collections::{BTreeMap, VecDeque};

use super::ledger::{Claim, PlaceId};
use crate::base::ids::ClientId;

/// Whose turn it is: the higher class first, within a class clients in turn, in the order in which
/// they came. Of a client's own wishes the newest goes first, which would take over from the older
/// ones anyway; what nobody in particular asked for is first come, first served.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Clients that wait, in the order in which they are served next. What nobody in particular
    /// asked for counts as one client.
    clients: VecDeque<Option<ClientId>>,
}

/// A waiter's client is the first of those who watch.
fn client(claim: &Claim) -> Option<ClientId> {
    claim.clients.first().copied()
}

impl Turns {
    /// The places in the order in which they are served; `waiting` comes in the order of arrival.
    pub(super) fn order(&mut self, waiting: &BTreeMap<PlaceId, Claim>) -> Vec<PlaceId> {
        let waits = |who: Option<ClientId>| waiting.values().any(|claim| client(claim) == who);
        self.clients.retain(|&who| waits(who));
        for claim in waiting.values() {
            if !self.clients.contains(&client(claim)) {
                self.clients.push_back(client(claim));
            }
        }
        let mut ranked: Vec<_> = waiting
            .iter()
            .map(|(&place, claim)| {
                let who = client(claim);
                let goes_before = |&(&other, theirs): &(&PlaceId, &Claim)| {
                    let same = theirs.class == claim.class && client(theirs) == who;
                    let earlier = match who {
                        Some(_) => (theirs.newest, other) > (claim.newest, place),
                        None => other < place,
                    };
                    same && earlier
                };
                let round = waiting.iter().filter(goes_before).count();
                let turn = self.clients.iter().position(|&c| c == who);
                (std::cmp::Reverse(claim.class), round, turn, place)
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., place)| place).collect()
    }

    /// A waiter with this claim is served: its client's turn comes again after all others'.
    pub(super) fn served(&mut self, claim: &Claim) {
        let who = client(claim);
        if let Some(at) = self.clients.iter().position(|&c| c == who) {
            self.clients.remove(at);
            self.clients.push_back(who);
        }
    }
}
