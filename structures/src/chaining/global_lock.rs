//! Chaining under one lock: the baseline with which every concurrent table is compared.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013: the table of memcached, under its lock.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | every operation | blocking | any moment at which it holds the lock |
//!
//! `len` and iteration hold the lock too, so here they are linearizable. An insertion that makes
//! the table grow rehashes it in O(n) while all others wait.
//!
//! # Invariants
//! * global_lock-I1. An entry is in the chain of bucket `hash mod buckets`; no key occurs twice; `len`
//!   counts the entries.
//! * global_lock-I2. The user's code runs only while global_lock-I1 holds, so a panic in it leaves a
//!   consistent table, and a poisoned lock can be ignored.

use std::fmt;
use std::hash::Hash;
use std::mem;
use std::ops::{Deref, DerefMut};

use super::MIN_BUCKETS;
use super::chain::Chain;
use super::locked::{DefaultState, LockedChaining, Locking};
use crate::capacity::{Shape, try_boxed};
use crate::cuckoo::GrowError;
use crate::map::{Held, MapInfo, Progress};
use crate::owner::{OwnerGuard, OwnerLock};

/// A chained hash table under one lock; memcached's table, as the MemC3 paper describes it (NSDI 2013).
///
/// All operations are blocking and linearizable, iteration and `len` included. Expected O(1); O(n) for the
/// insertion that grows the table, while all others wait.
///
/// **[`insert`](LockedChaining::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](LockedChaining::insert_or_assign) replaces it.
///
/// # Examples
///
/// ```
/// use structures::ChainingGlobalLock;
///
/// let map = ChainingGlobalLock::<String, u32>::default();
/// assert!(map.insert("a".to_owned(), 1));
/// assert!(!map.insert("a".to_owned(), 2));
/// assert_eq!(map.get("a"), Some(1));
/// assert_eq!(map.update("a", |count| count + 1), Some(1));
/// assert_eq!(map.remove("a"), Some(2));
/// ```
pub type ChainingGlobalLock<K, V, S = DefaultState> =
    LockedChaining<K, V, S, GlobalLockTable<K, V>>;

/// All buckets under one mutex.
pub struct GlobalLockTable<K, V>(OwnerLock<Table<K, V>>);

struct Table<K, V> {
    /// A power of two of them.
    buckets: Box<[Chain<K, V>]>,
    len: usize,
}

/// One bucket of the locked table.
pub struct LockedBucket<'b, K, V> {
    table: OwnerGuard<'b, Table<K, V>>,
    index: usize,
}

impl<K, V> Table<K, V> {
    /// # Errors
    ///
    /// There is no memory for so many.
    fn try_with_buckets(count: usize) -> Result<Self, GrowError> {
        Ok(Self { buckets: try_boxed(count, Chain::default)?, len: 0 })
    }

    fn index(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    /// Doubles the buckets. If there is no memory for them there are as many as before, and longer
    /// chains.
    fn grow(&mut self) {
        if let Some(doubled) = self.buckets.len().checked_mul(2) {
            let _longer_chains = self.try_resize(doubled);
        }
    }

    /// Moves the entries to `count` buckets.
    ///
    /// # Errors
    ///
    /// There is no memory for so many; nothing has changed.
    fn try_resize(&mut self, count: usize) -> Result<(), GrowError> {
        let mut resized = Self::try_with_buckets(count)?;
        resized.len = self.len;
        for chain in mem::take(&mut self.buckets) {
            chain.move_nodes(|hash, node| resized.buckets[resized.index(hash)].push_node(node));
        }
        *self = resized;
        Ok(())
    }
}

impl<K, V> GlobalLockTable<K, V> {
    fn table(&self) -> OwnerGuard<'_, Table<K, V>> {
        self.0.lock()
    }
}

impl<K, V> fmt::Debug for GlobalLockTable<K, V> {
    /// Without waiting: the caller may be in a closure that runs under the lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("GlobalLockTable");
        if let Some((entries, buckets)) = self.0.glance(|table| (table.len, table.buckets.len())) {
            debug.field("entries", &entries).field("buckets", &buckets);
        }
        debug.finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for LockedBucket<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedBucket").field("index", &self.index).finish_non_exhaustive()
    }
}

impl<K, V> Deref for LockedBucket<'_, K, V> {
    type Target = Chain<K, V>;

    fn deref(&self) -> &Chain<K, V> {
        &self.table.buckets[self.index]
    }
}

impl<K, V> DerefMut for LockedBucket<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Chain<K, V> {
        &mut self.table.buckets[self.index]
    }
}

impl<K: Eq + Hash, V, S> ChainingGlobalLock<K, V, S> {
    /// Shrinks the table to as many buckets as there are entries, and returns whether that is fewer than
    /// before. Blocking; O(n), while all others wait. If there is no memory for the smaller table, the table
    /// stays as it is.
    pub fn shrink_to_fit(&self) -> bool {
        let mut table = self.locking().table();
        let before = table.buckets.len();
        let least = Shape::WORDS.buckets_for(table.len).unwrap_or(before).max(MIN_BUCKETS);
        least < before && table.try_resize(least).is_ok()
    }
}

impl<K: Send, V: Send> Locking<K, V> for GlobalLockTable<K, V> {
    const INFO: MapInfo = MapInfo {
        family: "chaining",
        summary: "one mutex over a chained table (MemC3's baseline)",
        counts_nodes: true,
        progress_is_tested: true,
        held: Held::Nothing,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type LockedChain<'b>
        = LockedBucket<'b, K, V>
    where
        Self: 'b;

    fn with_capacity(capacity: usize) -> Self {
        Self(OwnerLock::new(Shape::WORDS.make(capacity, MIN_BUCKETS, Table::try_with_buckets)))
    }

    fn lock(&self, hash: u64) -> LockedBucket<'_, K, V> {
        let table = self.table();
        let index = table.index(hash);
        LockedBucket { table, index }
    }

    fn added(&self, mut locked: LockedBucket<'_, K, V>) {
        let table = &mut *locked.table;
        table.len += 1;
        if table.len > table.buckets.len() {
            table.grow();
        }
    }

    fn removed(&self, mut locked: LockedBucket<'_, K, V>) {
        locked.table.len -= 1;
    }

    fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        let mut table = self.table();
        let buckets = Shape::WORDS.buckets_for_more(table.len, additional)?;
        if buckets > table.buckets.len() { table.try_resize(buckets) } else { Ok(()) }
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        let table = self.table();
        table.buckets.iter().flat_map(Chain::iter).for_each(|(key, value)| f(key, value));
    }

    fn entries(&self) -> usize {
        self.table().len
    }

    fn bucket_count(&self) -> usize {
        self.table().buckets.len()
    }

    fn longest_chain(&self) -> usize {
        let table = self.table();
        table.buckets.iter().map(|chain| chain.iter().count()).max().unwrap_or(0)
    }
}
