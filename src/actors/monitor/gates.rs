//! How much the monitor does at a time: in all, and with each host.
//!
//! Both are semaphores, which are fair: when looks are due faster than they can be made, each stream waits for
//! its turn, and all intervals stretch alike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Looks at a time.
#[derive(Debug)]
pub(super) struct Gates {
    all: Arc<Semaphore>,
    per_host: usize,
    /// Of hosts that somebody waits for or is let through to.
    hosts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The right to look at one host's stream; ends when dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct Pass {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    /// Keeps the host's semaphore while anybody uses it.
    _kept: Arc<Semaphore>,
}

impl Gates {
    /// `all` looks at a time, `per_host` of them at each host.
    pub(super) fn new(all: usize, per_host: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all.max(1))),
            per_host: per_host.max(1),
            hosts: Mutex::default(),
        }
    }

    /// Waits for both. The host first: who waits for a slow host holds up nobody else.
    pub(super) async fn pass(&self, host: &str) -> Pass {
        let gate = self.gate(host);
        let Ok(at_host) = Arc::clone(&gate).acquire_owned().await else {
            return std::future::pending().await; // never closed
        };
        let Ok(in_all) = Arc::clone(&self.all).acquire_owned().await else {
            return std::future::pending().await;
        };
        Pass {
            _host: at_host,
            _all: in_all,
            _kept: gate,
        }
    }

    fn gate(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = hosts.get(host).and_then(Weak::upgrade) {
            return gate;
        }
        hosts.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::new(Semaphore::new(self.per_host));
        hosts.insert(host.to_owned(), Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn blocked(gates: &Gates, host: &str) -> bool {
        tokio::time::timeout(Duration::from_millis(1), gates.pass(host))
            .await
            .is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_are_bounded_each_and_together() {
        let gates = Gates::new(3, 2);
        let first = gates.pass("a").await;
        let second = gates.pass("a").await;
        assert!(blocked(&gates, "a").await);
        let third = gates.pass("b").await;
        assert!(blocked(&gates, "b").await, "three in all");
        drop(first);
        let fourth = gates.pass("b").await;
        drop((second, third, fourth));
        // Nothing is kept of hosts that nobody uses.
        let last = gates.pass("c").await;
        assert_eq!(gates.hosts.lock().expect("held by nobody").len(), 1);
        drop(last);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_one_host_holds_up_no_other() {
        let gates = Arc::new(Gates::new(2, 1));
        let slow = gates.pass("slow").await;
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let gates = Arc::clone(&gates);
                tokio::spawn(async move { gates.pass("slow").await })
            })
            .collect();
        tokio::task::yield_now().await;
        let other = gates.pass("quick").await;
        drop((slow, other));
        for one in waiting {
            drop(one.await.expect("its turn comes"));
        }
    }
}
