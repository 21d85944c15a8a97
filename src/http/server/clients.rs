//! Open connections, client by client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::ids::ClientId;

/// How many connections each client has. As many clients are known as there are connections.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    most: usize,
    open: Arc<Mutex<HashMap<ClientId, usize>>>,
}

impl Clients {
    /// So many for each at most; 0 for no such limit.
    pub(super) fn new(most: usize) -> Self {
        let most = if most == 0 { usize::MAX } else { most };
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// A seat for one more connection, unless this client has taken all of its.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Seat> {
        let client = ClientId::of(address);
        let mut open = self.lock();
        let count = open.entry(client).or_default();
        // One that is new has none, and the limit is at least one.
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Seat {
            clients: self.clone(),
            client,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of a client, until dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Seat {
    clients: Clients,
    client: ClientId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.clients.lock().entry(self.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_so_many_and_leaves_nothing_behind() {
        let clients = Clients::new(2);
        let enter = |text: &str| clients.enter(text.parse().expect("an address"));
        let (one, two) = (enter("192.0.2.1"), enter("::ffff:192.0.2.1"));
        assert!(one.is_some() && enter("192.0.2.1").is_none());
        // One subscriber is one /64.
        let net = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(enter("2001:db8::3").is_none() && enter("2001:db8:0:1::3").is_some());
        drop(one);
        assert!(enter("192.0.2.1").is_some());
        drop(two);
        drop(net);
        assert!(clients.lock().is_empty());
        let unlimited = Clients::new(0);
        let all: Vec<_> = (0..1_000)
            .map(|_| unlimited.enter([1, 1, 1, 1].into()))
            .collect();
        assert!(all.iter().all(Option::is_some));
    }
}
