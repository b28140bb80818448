//! Chaining with a lock per bucket, kept in the bucket's own word.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013: the finer-grained baseline. Departures: the lock is the low
//! bit of the word that holds the chain, so that a bucket is one word, as in the other chained
//! tables; the table grows.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, `insert`, `update`, `upsert`, `remove` | blocking | any moment at which it holds its bucket's lock |
//!
//! Expected O(1) per operation. The insertion that starts a growth moves the table in O(n), a
//! bucket at a time; meanwhile operations wait for the one bucket that is being moved, if it is
//! theirs, and find the moved ones in the next table.
//!
//! # Invariants
//! * bucket_lock-I1. A bucket's word owns its chain, unless `LOCKED` is set. Then the word points to no
//!   chain, but has the number of the thread that set it; that thread owns the chain until it stores the
//!   word without `LOCKED`. If it never does, the chain leaks.
//! * bucket_lock-I2. An entry is in bucket `hash mod buckets` of the first table, from the current one
//!   on, in which that bucket is not `MOVED`; no key occurs twice. A `MOVED` bucket stays so, and its
//!   table has a successor.
//! * bucket_lock-I3. Only the current table grows, so a bucket moves into a successor none of whose
//!   buckets is `MOVED`.
//! * bucket_lock-I4. A table lives as long as the map: superseded ones are kept, in all no more words
//!   than the current one. Hence no operation needs to announce which table it reads.
//! * bucket_lock-I5. The user's code runs only while bucket_lock-I1–I3 hold, so a panic in it leaves a
//!   consistent table.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock};

use super::chain::{Chain, ChainNode};
use super::locked::{DefaultState, LockedChaining, Locking};
use super::{LONG_CHAIN, MIN_BUCKETS};
use crate::capacity::{Shape, try_boxed};
use crate::counter::StripedCounter;
use crate::cuckoo::GrowError;
use crate::map::{Held, MapInfo, Progress};
use crate::owner::{me, waits_for_itself};
use crate::sync::{AtomicBool, AtomicPtr, Backoff, Ordering};

/// A thread has locked the bucket.
const LOCKED: usize = 0b01;
/// The bucket's entries are in the next table.
const MOVED: usize = 0b10;

/// A chained hash table with a spinlock per bucket, kept in the bucket's own word (MemC3's finer-grained
/// baseline, NSDI 2013).
///
/// All operations are blocking. Expected O(1). The insertion that starts a growth moves the table in O(n), a
/// bucket at a time, while other operations go on.
///
/// **[`insert`](LockedChaining::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](LockedChaining::insert_or_assign) replaces it.
///
/// # Examples
///
/// ```
/// use structures::ChainingBucketLock;
///
/// let map = ChainingBucketLock::<String, u32>::default();
/// assert!(map.insert("a".to_owned(), 1));
/// assert!(!map.insert("a".to_owned(), 2));
/// assert_eq!(map.get("a"), Some(1));
/// assert_eq!(map.update("a", |count| count + 1), Some(1));
/// assert_eq!(map.remove("a"), Some(2));
/// ```
pub type ChainingBucketLock<K, V, S = DefaultState> =
    LockedChaining<K, V, S, BucketLockTable<K, V>>;

/// Buckets with a lock each.
pub struct BucketLockTable<K, V> {
    /// The first table; it owns its successors. An `Arc`, as moving a `Box` would claim that
    /// nothing else points into it, and `current` does.
    _first: Arc<Table<K, V>>,
    /// The current table: `first` or one of its successors.
    current: AtomicPtr<Table<K, V>>,
    entries: StripedCounter,
}

/// One bucket: the chain's first node, and the state in the low bits. While it is locked, it has the
/// [number](me) of the thread that has locked it instead of the node.
struct Bucket<K, V> {
    word: AtomicPtr<ChainNode<K, V>>,
    /// The word owns a chain that its lock's holder alone uses: to be shared, entries must be
    /// `Send`, as in a mutex.
    _owns: PhantomData<Mutex<Chain<K, V>>>,
}

struct Table<K, V> {
    /// A power of two of them.
    buckets: Box<[Bucket<K, V>]>,
    /// Whether somebody has undertaken to grow this table.
    growing: AtomicBool,
    next: OnceLock<Box<Table<K, V>>>,
}

/// A bucket's chain, locked (bucket_lock-I1).
pub struct LockedBucket<'b, K, V> {
    bucket: &'b Bucket<K, V>,
    chain: Chain<K, V>,
    /// Stored with the chain when the lock is released: nothing, or `MOVED`.
    state: usize,
}

impl<K, V> fmt::Debug for BucketLockTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, buckets) = (self.entries.sum(), self.current().buckets.len());
        f.debug_struct("BucketLockTable")
            .field("entries", &entries)
            .field("buckets", &buckets)
            .finish()
    }
}

impl<K, V> fmt::Debug for LockedBucket<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedBucket").finish_non_exhaustive()
    }
}

impl<K, V> Default for Bucket<K, V> {
    fn default() -> Self {
        Self { word: AtomicPtr::default(), _owns: PhantomData }
    }
}

/// This thread has the bucket already.
#[derive(Debug)]
struct Mine;

/// Why a growth has stopped. The buckets that have moved stay moved, and the next growth continues from there.
enum Stopped {
    /// There is no memory for more buckets.
    NoMemory(GrowError),
    /// This thread has one of the buckets, as it writes from a closure under that bucket's lock.
    Mine,
}

impl<K, V> Bucket<K, V> {
    /// Locks the bucket; `None` if its entries have moved to the next table.
    ///
    /// # Panics
    ///
    /// If this thread has the bucket.
    #[inline]
    fn lock(&self) -> Option<LockedBucket<'_, K, V>> {
        self.lock_unless_mine().unwrap_or_else(|Mine| waits_for_itself())
    }

    /// The same, with an error in place of the panic.
    #[inline]
    fn lock_unless_mine(&self) -> Result<Option<LockedBucket<'_, K, V>>, Mine> {
        let backoff = Backoff::new();
        let locked = ptr::without_provenance_mut(me() | LOCKED);
        loop {
            // Acquire, for `MOVED`: pairs with the release bucket_lock-R1; the next table is visible.
            let word = self.word.load(Ordering::Acquire);
            if word.addr() & MOVED != 0 {
                return Ok(None);
            }
            if word.addr() & LOCKED == 0
                // Acquire: pairs with bucket_lock-R1; the previous holder's changes are visible.
                // Relaxed on failure: we look again.
                && self
                    .word
                    .compare_exchange_weak(word, locked, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                // SAFETY: bucket_lock-I1: the word had no state bits, so it is what
                // `LockedBucket::drop` stored, or null, and the ownership is ours now.
                let chain = unsafe { chain_from(word) };
                return Ok(Some(LockedBucket { bucket: self, chain, state: 0 }));
            }
            if word == locked {
                return Err(Mine);
            }
            backoff.snooze();
        }
    }
}

/// # Safety
///
/// `first` is null or came from `Box::into_raw`, and the caller takes its ownership over.
unsafe fn chain_from<K, V>(first: *mut ChainNode<K, V>) -> Chain<K, V> {
    // SAFETY: as above.
    Chain::new((!first.is_null()).then(|| unsafe { Box::from_raw(first) }))
}

impl<K, V> Drop for Bucket<K, V> {
    fn drop(&mut self) {
        let word = self.word.load(Ordering::Relaxed);
        // Who forgot its `LockedBucket` has the chain for ever.
        if word.addr() & LOCKED == 0 {
            let first = word.map_addr(|address| address & !MOVED);
            // SAFETY: bucket_lock-I1: not locked, so the word owns its chain; `&mut self`.
            drop(unsafe { chain_from(first) });
        }
    }
}

impl<K, V> Drop for LockedBucket<'_, K, V> {
    fn drop(&mut self) {
        let first = self.chain.take_first().map_or(ptr::null_mut(), Box::into_raw);
        // Release bucket_lock-R1: publishes what was done under the lock; pairs with the Acquires in
        // `lock`.
        self.bucket.word.store(first.map_addr(|a| a | self.state), Ordering::Release);
    }
}

impl<K, V> Deref for LockedBucket<'_, K, V> {
    type Target = Chain<K, V>;

    fn deref(&self) -> &Chain<K, V> {
        &self.chain
    }
}

impl<K, V> DerefMut for LockedBucket<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Chain<K, V> {
        &mut self.chain
    }
}

impl<K, V> Table<K, V> {
    /// # Errors
    ///
    /// There is no memory for so many.
    fn try_with_buckets(count: usize) -> Result<Self, GrowError> {
        let buckets = try_boxed(count, Bucket::default)?;
        Ok(Self { buckets, growing: AtomicBool::new(false), next: OnceLock::new() })
    }

    fn bucket(&self, hash: u64) -> &Bucket<K, V> {
        &self.buckets[hash as usize & (self.buckets.len() - 1)]
    }

    /// The table to which this one's buckets move.
    fn successor(&self) -> &Table<K, V> {
        self.next.get().expect("bucket_lock-I2: a table with a moved bucket has a successor")
    }

    /// Moves every bucket to a table of twice the size, and returns that. For the one thread that has
    /// set `growing`.
    fn migrate(&self) -> Result<&Table<K, V>, Stopped> {
        let next = match self.next.get() {
            Some(begun) => &**begun,
            None => {
                let doubled = self.buckets.len().checked_mul(2).ok_or(GrowError::CapacityOverflow);
                let larger = doubled.and_then(Self::try_with_buckets).map_err(Stopped::NoMemory)?;
                &**self.next.get_or_init(|| Box::new(larger))
            }
        };
        for bucket in &self.buckets {
            let locked = bucket.lock_unless_mine().map_err(|Mine| Stopped::Mine)?;
            // None: moved by who began this.
            let Some(mut source) = locked else { continue };
            mem::take(&mut source.chain).move_nodes(|hash, node| {
                // bucket_lock-I3: not moved; not contended, as nobody is sent there before the release.
                next.bucket(hash).lock().expect("bucket_lock-I3").push_node(node);
            });
            source.state = MOVED;
        }
        Ok(next)
    }

    /// Whether this thread has one of the buckets.
    fn is_partly_mine(&self) -> bool {
        let locked = me() | LOCKED;
        // Relaxed: what this thread has stored itself.
        self.buckets.iter().any(|bucket| bucket.word.load(Ordering::Relaxed).addr() == locked)
    }

    /// Runs `f` on the entries of bucket `index`, wherever they have moved to.
    fn for_each_in(&self, index: usize, f: &mut impl FnMut(&K, &V)) {
        if let Some(chain) = self.buckets[index].lock() {
            chain.iter().for_each(|(key, value)| f(key, value));
        } else {
            let next = self.successor();
            next.for_each_in(index, f);
            next.for_each_in(index + self.buckets.len(), f);
        }
    }
}

impl<K, V> BucketLockTable<K, V> {
    fn current(&self) -> &Table<K, V> {
        // Acquire: pairs with the Release in `grow_if_full`; the table is initialised.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: bucket_lock-I4: tables live as long as `self`, and are only ever shared.
        unsafe { &*current }
    }

    #[cold]
    fn grow_if_full(&self) {
        let table = self.current();
        if self.entries.sum() > table.buckets.len() {
            // Where it has stopped, chains get longer, and a later insertion tries again.
            let _longer_chains = self.grow(table);
        }
    }

    /// Doubles `table`; false if another thread is at it.
    fn grow(&self, table: &Table<K, V>) -> Result<bool, Stopped> {
        // Acquire: pairs with the Release below, of a thread that has not come to the end. The flag
        // chooses one thread at a time.
        if table.growing.swap(true, Ordering::Acquire) {
            return Ok(false);
        }
        match table.migrate() {
            Ok(next) => {
                // Release: publishes the new table; pairs with the Acquire in `current`.
                self.current.store(ptr::from_ref(next).cast_mut(), Ordering::Release);
                Ok(true)
            }
            Err(why) => {
                // Release: pairs with the Acquire above.
                table.growing.store(false, Ordering::Release);
                Err(why)
            }
        }
    }
}

impl<K: Send, V: Send> Locking<K, V> for BucketLockTable<K, V> {
    const INFO: MapInfo = MapInfo {
        family: "chaining",
        summary: "a spinlock in each bucket's word (MemC3's finer baseline)",
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
        let first = Shape::WORDS.make(capacity, MIN_BUCKETS, Table::try_with_buckets);
        let first = Arc::new(first);
        let current = AtomicPtr::new(Arc::as_ptr(&first).cast_mut());
        Self { _first: first, current, entries: StripedCounter::default() }
    }

    #[inline]
    fn lock(&self, hash: u64) -> LockedBucket<'_, K, V> {
        let mut table = self.current();
        loop {
            match table.bucket(hash).lock() {
                Some(chain) => return chain,
                None => table = table.successor(),
            }
        }
    }

    fn added(&self, locked: LockedBucket<'_, K, V>) {
        let long = locked.iter().nth(LONG_CHAIN).is_some();
        self.entries.add(1);
        drop(locked);
        if long {
            self.grow_if_full();
        }
    }

    fn removed(&self, locked: LockedBucket<'_, K, V>) {
        self.entries.add(-1);
        drop(locked);
    }

    fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        let wanted = Shape::WORDS.buckets_for_more(self.entries(), additional)?;
        let backoff = Backoff::new();
        loop {
            let table = self.current();
            if table.buckets.len() >= wanted {
                return Ok(());
            }
            match self.grow(table) {
                Ok(true) => {}
                // Whoever grows it waits for our bucket, if we have one.
                Ok(false) if !table.is_partly_mine() => backoff.snooze(),
                Ok(false) | Err(Stopped::Mine) => waits_for_itself(),
                Err(Stopped::NoMemory(why)) => return Err(why),
            }
        }
    }

    /// Bucket by bucket, each under its lock: weak iteration. Each entry is in one bucket of the
    /// tree that a bucket and those it was split into form, so it is visited once.
    fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        let table = self.current();
        for index in 0..table.buckets.len() {
            table.for_each_in(index, &mut f);
        }
    }

    fn entries(&self) -> usize {
        self.entries.sum()
    }

    fn bucket_count(&self) -> usize {
        self.current().buckets.len()
    }

    fn longest_chain(&self) -> usize {
        let table = self.current();
        let entries = |index| {
            let mut entries = 0;
            table.for_each_in(index, &mut |_, _| entries += 1);
            entries
        };
        (0..table.buckets.len()).map(entries).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain that somebody has taken out of a locked bucket is not the bucket's any more, also if the
    /// lock is never released.
    #[test]
    fn a_lock_that_is_forgotten_frees_nothing_twice() {
        let value = Arc::new(());
        let buckets = BucketLockTable::<u64, Arc<()>>::with_capacity(1);
        buckets.lock(3).push(3, 3, Arc::clone(&value));
        let mut locked = buckets.lock(3);
        let taken = mem::take(&mut *locked);
        mem::forget(locked);
        drop(buckets);
        assert_eq!(Arc::strong_count(&value), 2, "the bucket has freed what it gave away");
        drop(taken);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
