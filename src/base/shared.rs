//! Things started by their first user, shared by all, and stopped a while after the last.
//!
//! Ingests, renditions and HLS windows all live this way: one rule, in one place. A [`Lease`]
//! is the right to use one of them; when the last lease is dropped the linger begins, and when
//! it ends without a new lease the thing is stopped and forgotten. Who only looks on takes an
//! [`Attendance`]: it keeps the thing as well, but nothing lingers for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What can be shared.
pub trait Shareable: Send + Sync + 'static {
    /// How long it outlives its last lease, asked when that lease is dropped.
    fn linger(&self) -> Duration;
    /// False once it has ended by itself: the next lease starts a new one.
    fn is_alive(&self) -> bool;
    /// Begins to end it; must not block.
    fn stop(&self);
    /// Somebody has a lease, after a time without any. Told under the lock of the collection: must
    /// be quick, and must not ask the collection.
    fn leased(&self) {}
    /// The linger after the last lease is over, but somebody attends it. Told under the lock, too.
    fn unleased(&self) {}
}

/// The running things of one sort, by key.
pub struct Shared<K, T> {
    entries: Arc<Mutex<HashMap<K, Entry<T>>>>,
}

struct Entry<T> {
    value: Arc<T>,
    leases: usize,
    attendances: usize,
    /// The last lease has ended, and the linger has not.
    lingers: bool,
    /// Counts lease ends, so that a linger that was interrupted does not stop a newer use.
    generation: u64,
}

/// The right to use a shared thing; ends when dropped.
#[must_use]
pub struct Lease<K: Eq + Hash + Clone + Send + 'static, T: Shareable> {
    entries: Arc<Mutex<HashMap<K, Entry<T>>>>,
    key: K,
    value: Arc<T>,
}

/// Keeps a shared thing beside those who lease it; ends when dropped, and with the last one the
/// thing at once, if nobody leases it and it does not linger.
#[must_use]
pub struct Attendance<K: Eq + Hash + Clone + Send + 'static, T: Shareable> {
    entries: Arc<Mutex<HashMap<K, Entry<T>>>>,
    key: K,
    value: Arc<T>,
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Default for Shared<K, T> {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
        }
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Shared<K, T> {
    /// A lease on the thing at `key`, started by `start` when there is none that is alive.
    ///
    /// `start` runs under the lock of the collection: it must be quick and must not lease from
    /// the same collection.
    pub fn lease(&self, key: &K, start: impl FnOnce() -> T) -> Lease<K, T> {
        let value = self.enter(key, start, Entry::lease);
        self.make_lease(key, value)
    }

    /// Attends the thing at `key`, started by `start` when there is none that is alive. The same
    /// holds for `start` as with [`Shared::lease`].
    pub fn attend(&self, key: &K, start: impl FnOnce() -> T) -> Attendance<K, T> {
        let value = self.enter(key, start, |entry| entry.attendances += 1);
        Attendance {
            entries: Arc::clone(&self.entries),
            key: key.clone(),
            value,
        }
    }

    fn enter(
        &self,
        key: &K,
        start: impl FnOnce() -> T,
        count: impl FnOnce(&mut Entry<T>),
    ) -> Arc<T> {
        let (value, replaced) = {
            let mut entries = lock(&self.entries);
            let replaced = match entries.get(key) {
                Some(entry) if !entry.value.is_alive() => entries.remove(key),
                _ => None,
            };
            let entry = entries.entry(key.clone()).or_insert_with(|| Entry {
                value: Arc::new(start()),
                leases: 0,
                attendances: 0,
                lingers: false,
                generation: 0,
            });
            count(entry);
            (Arc::clone(&entry.value), replaced)
        };
        if let Some(dead) = replaced {
            dead.value.stop();
        }
        value
    }

    /// A lease on the thing at `key` if it runs.
    pub fn lease_existing(&self, key: &K) -> Option<Lease<K, T>> {
        let mut entries = lock(&self.entries);
        let entry = entries.get_mut(key).filter(|e| e.value.is_alive())?;
        entry.lease();
        let value = Arc::clone(&entry.value);
        Some(self.make_lease(key, value))
    }

    fn make_lease(&self, key: &K, value: Arc<T>) -> Lease<K, T> {
        Lease {
            entries: Arc::clone(&self.entries),
            key: key.clone(),
            value,
        }
    }

    /// The thing at `key`, without keeping it running.
    pub fn peek(&self, key: &K) -> Option<Arc<T>> {
        lock(&self.entries).get(key).map(|e| Arc::clone(&e.value))
    }

    /// All that run now, with their numbers of leases.
    pub fn list(&self) -> Vec<(K, Arc<T>, usize)> {
        lock(&self.entries)
            .iter()
            .map(|(key, e)| (key.clone(), Arc::clone(&e.value), e.leases))
            .collect()
    }

    /// Stops at once whatever nobody uses (it was lingering); returns what that was.
    pub fn stop_idle(&self) -> Vec<K> {
        self.stop_where(|_, users| users == 0)
    }

    /// Stops at once the things that `unwanted` picks by key and number of users, used or not; returns
    /// what they were.
    pub fn stop_where(&self, mut unwanted: impl FnMut(&K, usize) -> bool) -> Vec<K> {
        let stopped: Vec<(K, Arc<T>)> = {
            let mut entries = lock(&self.entries);
            let keys: Vec<K> = entries
                .iter()
                .filter(|(key, entry)| unwanted(key, entry.leases + entry.attendances))
                .map(|(key, _)| key.clone())
                .collect();
            keys.into_iter()
                .filter_map(|key| {
                    let entry = entries.remove(&key)?;
                    Some((key, entry.value))
                })
                .collect()
        };
        for (_, value) in &stopped {
            value.stop();
        }
        stopped.into_iter().map(|(key, _)| key).collect()
    }
}

impl<T: Shareable> Entry<T> {
    fn lease(&mut self) {
        self.leases += 1;
        if self.leases == 1 {
            self.lingers = false;
            self.value.leased();
        }
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Clone for Shared<K, T> {
    fn clone(&self) -> Self {
        Self {
            entries: Arc::clone(&self.entries),
        }
    }
}

impl<K, T> std::fmt::Debug for Shared<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = lock(&self.entries).len();
        f.debug_struct("Shared").field("running", &running).finish()
    }
}

impl<K: Eq + Hash + Clone + Send + std::fmt::Debug + 'static, T: Shareable> std::fmt::Debug
    for Lease<K, T>
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lease").field(&self.key).finish()
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Deref for Lease<K, T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.value
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Drop for Lease<K, T> {
    fn drop(&mut self) {
        let generation = {
            let mut entries = lock(&self.entries);
            let Some(entry) = entries.get_mut(&self.key) else {
                return; // stopped meanwhile
            };
            if !Arc::ptr_eq(&entry.value, &self.value) {
                return; // replaced meanwhile
            }
            entry.leases -= 1;
            entry.generation += 1;
            if entry.leases > 0 {
                return;
            }
            entry.lingers = true;
            entry.generation
        };
        let linger = self.value.linger();
        let (entries, key) = (Arc::clone(&self.entries), self.key.clone());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !linger.is_zero() => {
                runtime.spawn(async move {
                    tokio::time::sleep(linger).await;
                    end_linger(&entries, &key, generation);
                });
            }
            // Outside a runtime only at the very end of the process: nothing lingers then.
            _ => end_linger(&entries, &key, generation),
        }
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Deref for Attendance<K, T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.value
    }
}

impl<K: Eq + Hash + Clone + Send + std::fmt::Debug + 'static, T: Shareable> std::fmt::Debug
    for Attendance<K, T>
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Attendance").field(&self.key).finish()
    }
}

impl<K: Eq + Hash + Clone + Send + 'static, T: Shareable> Drop for Attendance<K, T> {
    fn drop(&mut self) {
        {
            let mut entries = lock(&self.entries);
            // Else it was stopped or replaced meanwhile.
            let ours = |e: &&mut Entry<T>| Arc::ptr_eq(&e.value, &self.value);
            let Some(entry) = entries.get_mut(&self.key).filter(ours) else {
                return;
            };
            entry.attendances -= 1;
            if entry.attendances + entry.leases > 0 || entry.lingers {
                return;
            }
            entries.remove(&self.key);
        }
        self.value.stop();
    }
}

fn end_linger<K: Eq + Hash, T: Shareable>(
    entries: &Mutex<HashMap<K, Entry<T>>>,
    key: &K,
    generation: u64,
) {
    let ended = {
        let mut entries = lock(entries);
        let Some(entry) = entries.get_mut(key) else {
            return;
        };
        if entry.leases > 0 || entry.generation != generation {
            return;
        }
        entry.lingers = false;
        if entry.attendances > 0 {
            entry.value.unleased();
            return;
        }
        entries.remove(key)
    };
    if let Some(entry) = ended {
        entry.value.stop();
    }
}

/// A poisoned lock is taken all the same: the maps are valid between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    struct Thing {
        stopped: Arc<AtomicUsize>,
        dead: AtomicBool,
        leased: AtomicBool,
    }

    impl Shareable for Thing {
        fn linger(&self) -> Duration {
            Duration::from_secs(5)
        }
        fn is_alive(&self) -> bool {
            !self.dead.load(Ordering::Relaxed)
        }
        fn stop(&self) {
            self.stopped.fetch_add(1, Ordering::Relaxed);
        }
        fn leased(&self) {
            self.leased.store(true, Ordering::Relaxed);
        }
        fn unleased(&self) {
            self.leased.store(false, Ordering::Relaxed);
        }
    }

    fn thing(stopped: &Arc<AtomicUsize>) -> Thing {
        Thing {
            stopped: Arc::clone(stopped),
            dead: AtomicBool::new(false),
            leased: AtomicBool::new(false),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_one_out_stops_it_after_the_linger() {
        let stopped = Arc::new(AtomicUsize::new(0));
        let shared: Shared<&str, Thing> = Shared::default();
        let first = shared.lease(&"a", || thing(&stopped));
        let second = shared.lease(&"a", || panic!("one is running"));
        drop(first);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), 0);
        drop(second);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), 0);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), 1);
        assert!(shared.list().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_lease_within_the_linger_keeps_it() {
        let stopped = Arc::new(AtomicUsize::new(0));
        let shared: Shared<&str, Thing> = Shared::default();
        drop(shared.lease(&"a", || thing(&stopped)));
        tokio::time::sleep(Duration::from_secs(3)).await;
        let again = shared.lease(&"a", || panic!("it lingers"));
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), 0);
        drop(again);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_one_is_replaced_and_its_old_leases_do_not_count() {
        let stopped = Arc::new(AtomicUsize::new(0));
        let shared: Shared<&str, Thing> = Shared::default();
        let old = shared.lease(&"a", || thing(&stopped));
        old.dead.store(true, Ordering::Relaxed);
        let new = shared.lease(&"a", || thing(&stopped));
        assert_eq!(stopped.load(Ordering::Relaxed), 1);
        drop(old);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(shared.list().len(), 1);
        drop(new);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lingers_can_be_stopped_at_once() {
        let stopped = Arc::new(AtomicUsize::new(0));
        let shared: Shared<&str, Thing> = Shared::default();
        let kept = shared.lease(&"a", || thing(&stopped));
        drop(shared.lease(&"b", || thing(&stopped)));
        assert_eq!(shared.stop_idle(), ["b"]);
        assert!(shared.stop_idle().is_empty());
        drop(kept);
    }
    #[tokio::test(start_paused = true)]
    async fn who_attends_keeps_it_without_linger() {
        let stopped = Arc::new(AtomicUsize::new(0));
        let shared: Shared<&str, Thing> = Shared::default();
        let ended = || stopped.load(Ordering::Relaxed);
        drop(shared.attend(&"a", || thing(&stopped)));
        assert_eq!(ended(), 1);
        let attendance = shared.attend(&"a", || thing(&stopped));
        let leased = || attendance.leased.load(Ordering::Relaxed);
        assert!(!leased());
        let lease = shared.lease(&"a", || panic!("it is attended"));
        assert!(leased());
        drop(lease);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(leased(), "it lingers");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!leased());
        let again = shared.lease(&"a", || panic!("it is attended"));
        assert!(leased());
        drop(again);
        drop(attendance);
        assert_eq!(ended(), 1, "it lingers for the lease");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(ended(), 2);
    }
}
