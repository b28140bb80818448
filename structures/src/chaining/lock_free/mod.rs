//! Michael's lock-free hash table, which grows as a split-ordered list.
//!
//! M. Michael, *High performance dynamic lock-free hash tables and list-based sets*, SPAA 2002,
//! for the list; O. Shalev, N. Shavit, *Split-ordered lists*, JACM 2006, for growth (see
//! `split_order.rs`). Departures: entries with equal hashes are adjacent in no particular order, as keys
//! need no `Ord`; a node is marked by one `fetch_or`; `update` replaces a node by one CAS of its link, which
//! marks the node and points to the new one.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, `contains` | lock-free | lock_free-L1: reading an unmarked link of the key's node, or, if absent, the link that passes its place |
//! | `insert` | lock-free | lock_free-L2: the CAS that links the node; if present, lock_free-L1 |
//! | `update` | lock-free | lock_free-L3: the CAS that marks the old node's link and points it to the new node; if absent, lock_free-L1 |
//! | `upsert` | lock-free | lock_free-L3 or lock_free-L2 |
//! | `remove`, `remove_if` | lock-free | lock_free-L4: the `fetch_or` that marks the node's link; if absent or refused, lock_free-L1 |
//! | `get_or_insert_with` | lock-free | lock_free-L2 if it adds the key, else lock_free-L1 |
//!
//! `get` helps to unlink marked nodes, so it is lock-free, not wait-free. "Lock-free" holds if the
//! allocator and the reclaimer are lock-free too; each reclaimer's documentation says whether it is. Expected
//! O(1) per operation, O(n) if all hashes are equal. Growth allocates a segment; each bucket is
//! put into the list by the first operation that would enter by it.
//!
//! # Invariants
//! * lock_free-I1. The list is sorted by `order`; among the nodes whose link is unmarked no key occurs
//!   twice.
//! * lock_free-I2. A marked link never changes again, and a node's link is marked before the node is
//!   unlinked.
//! * lock_free-I3. A node is unlinked by one CAS, of the unmarked link that points to it; the thread
//!   whose CAS it was retires it, hence once. No link points to it afterwards: the only node that could
//!   still point to it would be a marked one, whose own unlinking came first.
//! * lock_free-I4. Sentinels (bucket words) are never unlinked and live as long as the table.
//! * lock_free-I5. A node reached from an *unmarked* link, read while the node was already protected,
//!   was in the list then, hence not retired before it was protected (duty reclaim-D1).
//! * lock_free-I6. The user's code never runs while a node is allocated and has no owner.
//!   Between the effect of an operation and its end, the only user code that runs is the `Drop` of what
//!   the scheme frees: that finds the list as another thread would, and its panic is not propagated.

mod ops;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::panic;

use foldhash::fast::RandomState;

use super::list::{Ahead, Cursor, ListNode, has, without};
use super::split_order::{Buckets, Entrance, PENDING, SENTINEL, entry_order, sentinel_order};
use super::{LONG_CHAIN, MIN_BUCKETS};
use crate::capacity::Shape;
use crate::counter::StripedCounter;
use crate::cuckoo::GrowError;
use crate::operations::{constructors, derived};
use crate::panics;
use crate::reclaim::{Epoch, Guard, Node, Participant, Reclaimer, TAG_BITS};
use crate::sync::Ordering;

/// A lock-free chained hash table: Michael's lists (SPAA 2002) in split order (Shalev and Shavit, JACM 2006).
///
/// All operations are lock-free, if the allocator and the reclaimer `R` are. Expected O(1); a growth moves no
/// entry. Operations go through a [`handle`](ChainingLockFree::handle). `K` and `V` are cloned by
/// `update` and `remove`, as readers may still be looking at a removed node.
///
/// **[`insert`](Pinned::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Pinned::insert_or_assign) replaces it. There is no `shrink_to_fit`: buckets are
/// entry points to one list, which other threads may be using, so they stay as long as the table.
///
/// # Examples
///
/// ```
/// use structures::ChainingLockFree;
///
/// let map = ChainingLockFree::<String, u32>::new();
/// std::thread::scope(|scope| {
///     for thread in 0..2 {
///         let mut handle = map.handle();
///         handle.insert(format!("key {thread}"), thread);
///         # let map = &map;
///         scope.spawn(move || {
///             let mut handle = map.handle();
///             handle.upsert("shared".to_owned(), |count| count.map_or(1, |n| n + 1));
///         });
///     }
/// });
/// assert_eq!(map.handle().get("shared"), Some(2));
/// assert_eq!(map.len(), 3);
/// ```
pub struct ChainingLockFree<K, V, R: Reclaimer = Epoch, S = RandomState> {
    buckets: Buckets<ListNode<R, K, V>>,
    entries: StripedCounter,
    hasher: S,
    domain: R,
    /// The list owns its nodes.
    _nodes: PhantomData<ListNode<R, K, V>>,
}

/// The place at which a search ended.
struct Found<'c, R: Reclaimer, K, V, G> {
    /// Before the node if `present`, else before the first node of a higher order.
    at: Cursor<'c, R, K, V, G>,
    present: bool,
    /// Nodes passed.
    passed: usize,
}

impl<K, V, R: Reclaimer, S> ChainingLockFree<K, V, R, S> {
    /// An empty table with room for `capacity` entries, whose nodes `domain` frees.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher_in(capacity: usize, hasher: S, domain: R) -> Self {
        Self {
            buckets: Shape::WORDS.make(capacity, MIN_BUCKETS, Buckets::try_new),
            entries: StripedCounter::default(),
            hasher,
            domain,
            _nodes: PhantomData,
        }
    }

    constructors!(with a hasher in R);

    /// The number of entries: exact while no thread writes. Wait-free.
    pub fn len(&self) -> usize {
        self.entries.sum()
    }

    /// The number of buckets, which is also the number of entries that fit before the table grows.
    pub fn capacity(&self) -> usize {
        self.buckets.len()
    }

    /// Makes room for `additional` entries beyond those present. Lock-free except for the
    /// allocator; no entry moves.
    ///
    /// # Errors
    ///
    /// There is no memory for it; the entries stay as they were.
    pub fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        let wanted = Shape::WORDS.buckets_for_more(self.len(), additional)?;
        while self.buckets.len() < wanted {
            self.buckets.double(self.buckets.len())?;
        }
        Ok(())
    }

    derived!(() [K, V] [<> K]: is_empty reserve);
}

impl<K, V, R: Reclaimer> ChainingLockFree<K, V, R, RandomState> {
    constructors!(with a random hasher in R);
}

impl<K, V, R, S> ChainingLockFree<K, V, R, S>
where
    K: Eq + Hash + Clone + Send + Sync,
    V: Clone + Send + Sync,
    R: Reclaimer,
    S: BuildHasher,
{
    /// Makes a handle: registers the calling thread with the table's reclaimer.
    #[inline]
    pub fn handle(&self) -> Handle<'_, K, V, R, S> {
        Handle { map: self, participant: self.domain.register() }
    }

    /// [`Pinned::for_each`], with a handle that the call makes for itself.
    pub fn for_each(&self, f: impl FnMut(&K, &V)) {
        self.handle().for_each(f);
    }

    /// The search that every operation starts with: for the key that `matches`, among the
    /// entries of `hash`, at `order`. It enters by `entrance`, and by a fresh one if it must start
    /// again.
    #[inline]
    fn find_from<'b, 'c, G: Guard<R>>(
        &'b self,
        guard: &'c mut G,
        mut entrance: Entrance<'b, ListNode<R, K, V>>,
        hash: u64,
        order: u64,
        matches: impl Fn(&K) -> bool,
    ) -> Found<'c, R, K, V, G> {
        let mut at = Cursor::enter(guard, entrance.link);
        let mut passed = 0;
        loop {
            match at.look() {
                Ahead::Lost => {
                    entrance = self.buckets.entrance(hash);
                    at.enter_again(entrance.link);
                    passed = 0;
                }
                Ahead::Live(entry) if entry.order <= order => {
                    if entry.order == order && matches(&entry.key) {
                        return Found { at, present: true, passed };
                    }
                    passed += 1;
                    at.pass();
                }
                // We entered by the bucket itself, and it has not been split since: whatever
                // sentinel is next, it is after all of the bucket's entries.
                Ahead::Sentinel(sentinel)
                    if entrance.exact_for != self.buckets.len()
                        && self.buckets.order_of(sentinel) < order =>
                {
                    at.pass();
                }
                _ => return Found { at, present: false, passed },
            }
        }
    }

    /// Searches by the nearest ready bucket, for what is no key of the user's: the place of a
    /// sentinel, or marked nodes to unlink.
    #[inline]
    fn find_place<'c, G: Guard<R>>(
        &self,
        guard: &'c mut G,
        hash: u64,
        order: u64,
    ) -> Found<'c, R, K, V, G> {
        self.find_from(guard, self.buckets.entrance(hash), hash, order, |_| false)
    }

    /// Searches for a key, after making its bucket ready if it is not.
    #[inline]
    fn locate<'c, G: Guard<R>>(
        &self,
        guard: &'c mut G,
        hash: u64,
        matches: impl Fn(&K) -> bool,
    ) -> Found<'c, R, K, V, G> {
        let mut entrance = self.buckets.entrance(hash);
        if entrance.exact_for == 0 {
            self.prepare(guard, hash);
            entrance = self.buckets.entrance(hash);
        }
        self.find_from(guard, entrance, hash, entry_order(hash), matches)
    }

    /// Puts the bucket of `hash`, and the buckets from which it is split, into the list, unless other threads
    /// are doing it. Lock-free.
    #[cold]
    fn prepare(&self, guard: &mut impl Guard<R>, hash: u64) {
        while let Some(missing) = self.buckets.missing_ancestor(hash) {
            if self.buckets.claim(missing) {
                let (word, order) = (self.buckets.word(missing), sentinel_order(missing));
                while !self.find_place(guard, missing as u64, order).at.link_sentinel(word) {}
                self.buckets.make_ready(missing);
            }
        }
    }

    /// Counts an entry that was added after `passed` others of its bucket.
    #[inline]
    fn added(&self, passed: usize) {
        self.entries.add(1);
        if passed >= LONG_CHAIN {
            self.grow_if_full();
        }
    }

    #[cold]
    fn grow_if_full(&self) {
        let buckets = self.buckets.len();
        if self.entries.sum() > buckets {
            // If there is no memory, chains get longer.
            let _longer_chains = self.buckets.double(buckets);
        }
    }
}

impl<K, V, R: Reclaimer, S> Drop for ChainingLockFree<K, V, R, S> {
    /// Frees what is in the list; what is retired, the domain frees when it drops, after this.
    ///
    /// Bucket by bucket rather than along the list, so that the misses of one bucket need not wait
    /// for those of another.
    fn drop(&mut self) {
        let mut panicked = Ok(());
        for index in 0..self.buckets.len() {
            // No operation is under way: a bucket that is null was never claimed, and its entries
            // are among those of the bucket it would be split from.
            let mut link = self.buckets.word(index).load(Ordering::Relaxed);
            // A scheme that panicked in `prepare` left it claimed, and out of the list: what it leads
            // to, if anything, is the other bucket's. (One in the list is made ready at once.)
            if has(link, PENDING) {
                continue;
            }
            while !link.is_null() && !has(link, SENTINEL) {
                let node = without(link, TAG_BITS);
                // SAFETY: in the list, hence not retired (lock_free-I3), hence allocated.
                link = unsafe { &*node.cast_const() }.next.load(Ordering::Relaxed);
                // SAFETY: `&mut self`: nobody else has it.
                let dropped = unsafe { Node::drop_published(node) };
                panicked = panics::first(panicked, dropped);
            }
        }
        if let Err(payload) = panicked
            && !std::thread::panicking()
        {
            panic::resume_unwind(payload);
        }
    }
}

/// A thread's handle of a [`ChainingLockFree`].
pub struct Handle<'m, K, V, R: Reclaimer + 'm, S> {
    map: &'m ChainingLockFree<K, V, R, S>,
    participant: R::Participant<'m>,
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'm: 'h, K, V, R: Reclaimer + 'm, S> {
    map: &'m ChainingLockFree<K, V, R, S>,
    guard: GuardOf<'h, 'm, R>,
}

type GuardOf<'h, 'm, R> = <<R as Reclaimer>::Participant<'m> as Participant<R>>::Guard<'h>;
