//! hashbrown without synchronisation, for one thread at a time: the base of every speed-up.
//!
//! Whoever holds the only handle owns the table; that is checked once, when the handle is
//! made, and an operation costs what it costs in hashbrown plus, where it changes the number
//! of entries, one plain store of that number.

use std::cell::UnsafeCell;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use structures::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap, Progress};

/// [`hashbrown::HashMap`], which at most one handle can use.
pub struct Sequential<K, V, S> {
    /// Accessed only through the handle, of which there is at most one while `claimed`.
    table: UnsafeCell<HashMap<K, V, S>>,
    /// What `len` reads: the table itself belongs to the handle.
    len: AtomicUsize,
    claimed: AtomicBool,
}

// SAFETY: `claimed` gives the table to one handle at a time, as a mutex would; the Release in
// the handle's drop and the Acquire in `handle` order the accesses of successive owners. So,
// as for a mutex, the contents need only be `Send`.
unsafe impl<K: Send, V: Send, S: Send> Sync for Sequential<K, V, S> {}

impl<K, V, S> Sequential<K, V, S> {
    /// An empty map with room for `capacity` entries.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self {
            table: UnsafeCell::new(HashMap::with_capacity_and_hasher(capacity, hasher)),
            len: AtomicUsize::new(0),
            claimed: AtomicBool::new(false),
        }
    }
}

impl<K, V, S: Default> Default for Sequential<K, V, S> {
    fn default() -> Self {
        Self::with_capacity_and_hasher(0, S::default())
    }
}

impl<K, V, S> fmt::Debug for Sequential<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequential").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<K, V, S> ConcurrentMap<K, V> for Sequential<K, V, S>
where
    K: Eq + Hash + Send,
    V: Send,
    S: BuildHasher + Send,
{
    /// Wait-free for want of another thread.
    const INFO: MapInfo = MapInfo {
        family: "control",
        summary: "hashbrown without synchronisation, one handle at a time",
        max_threads: Some(1),
        ..MapInfo::UNKNOWN.with_progress(Progress::WaitFree)
    };

    type Handle<'m>
        = SequentialHandle<'m, K, V, S>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        // Acquire: pairs with the Release in the drop of the handle before.
        let taken = self.claimed.swap(true, Ordering::Acquire);
        assert!(!taken, "`sequential` serves one handle at a time, and there is one already");
        SequentialHandle(self)
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }
}

/// The only handle of a [`Sequential`].
// A shared reference, not `&mut HashMap`: an exclusive reference in a handle passed by value
// would have to stay exclusive until the callee returns, after `drop` has given the table up.
#[derive(Debug)]
pub struct SequentialHandle<'m, K, V, S>(&'m Sequential<K, V, S>);

impl<K, V, S> Drop for SequentialHandle<'_, K, V, S> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `handle`.
        self.0.claimed.store(false, Ordering::Release);
    }
}

impl<K, V, S> MapHandle<K, V> for SequentialHandle<'_, K, V, S>
where
    K: Eq + Hash,
    S: BuildHasher,
{
    type Pinned<'h>
        = SequentialPin<'h, K, V, S>
    where
        Self: 'h;

    fn pin(&mut self) -> Self::Pinned<'_> {
        // SAFETY: this handle is the only one, nothing else accesses the table, and the
        // exclusive borrow of the handle lasts as long as the reference.
        let table = unsafe { &mut *self.0.table.get() };
        SequentialPin { table, len: &self.0.len }
    }
}

/// A [`SequentialHandle`] at work.
pub struct SequentialPin<'h, K, V, S> {
    table: &'h mut HashMap<K, V, S>,
    len: &'h AtomicUsize,
}

impl<K, V, S> SequentialPin<'_, K, V, S> {
    /// To call after each change of the number of entries.
    fn publish_len(&self) {
        self.len.store(self.table.len(), Ordering::Relaxed);
    }
}

impl<K, V, S> fmt::Debug for SequentialPin<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequentialPin").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<K, V, S> PinnedMap<K, V> for SequentialPin<'_, K, V, S>
where
    K: Eq + Hash,
    S: BuildHasher,
{
    fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.table.get(key).map(read)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        match self.table.entry(key) {
            Entry::Occupied(_) => return false,
            Entry::Vacant(entry) => entry.insert(value),
        };
        self.publish_len();
        true
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
        let value = self.table.get_mut(key)?;
        let new = f(value);
        Some(mem::replace(value, new))
    }

    fn upsert(&mut self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
        match self.table.entry(key) {
            Entry::Occupied(mut entry) => {
                let new = f(Some(entry.get()));
                return Some(entry.insert(new));
            }
            Entry::Vacant(entry) => entry.insert(f(None)),
        };
        self.publish_len();
        None
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.table.remove(key)?;
        self.publish_len();
        Some(value)
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.table.iter().for_each(|(key, value)| f(key, value));
    }
}
