//! Lookups that write nothing: they copy an item, then validate the bucket that led to it.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching and
//! Smarter Hashing*, NSDI 2013: an optimistic cuckoo table whose versions coordinate readers with eviction
//! too, CLOCK instead of a list under a lock, and one writer at a time. There a lookup validates, and
//! sends the item afterwards: it may be another one by then (hazards cuckoo-H1 and cuckoo-H2 of
//! `structures`). Here it copies the item first, and validates last. What it has copied was then there
//! all the time, in one piece; so memory may be used again at once, the bound of memory is strict, and
//! nothing has to be reclaimed.
//!
//! Items are words that are atomics (`words` of the crate `eviction`), as are handles and what says which class a page
//! belongs to. So a reader that is too late reads something else, or something of everything, but nothing
//! that the language leaves undefined; and this crate needs no `unsafe` code.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `get`, found | blocking | the validation (control-C3) of the bucket in which it was found |
//! | `get`, absent | blocking | the reading of the home's word (control-C1) if that counts no entries elsewhere, else that of the other bucket's |
//! | `set`, a new item | blocking | the unlock (control-C6) of the bucket that it goes into |
//! | `set` in place of an item, `touch` | blocking | the unlock of the bucket that it is in |
//! | `remove`; an eviction, an expiry | blocking | the unlock of the bucket that it was in |
//!
//! A `set` or `update` whose item does not fit the old one's size class writes a new one, and puts its handle in the
//! old one's place. The old one is never evicted for it. If there is no memory for both, and the old one has its page
//! for itself, that page changes its class under the lock of the old one's bucket, and the new one is written there.
//!
//! A lookup writes nothing but what the policy says, see [`evict`](eviction::evict), a count of its own thread's,
//! and, once each time that the shard has written a page's length, when the item's
//! page was used. It blocks only if it has found the bucket changing three times, or an item that has expired:
//! then it takes the shard's mutex, which all writers take.
//!
//! # Invariants
//!
//! Those of the [table](table), and these:
//!
//! * memc3-M1. A thread that stores into a chunk has passed a release fence since the bucket was locked
//!   that led to the chunk until then. If it has removed that item itself, or has that lock still, the fence
//!   is control-C5 of that lock; if another thread has, that was before it took the mutex, and the fence is
//!   memc3-M4. The same holds of what says which class a page belongs to.
//! * memc3-M2. An item is written while nothing in the table leads to it, or under its bucket's lock.
//! * memc3-M3. What a reader has read, it uses to copy, and for nothing else before the bucket is
//!   validated; each number is checked against what there is, so that none leads out of an array.
//!
//! Why a lookup returns what was stored: a word that it has copied and that was stored later than the
//! item was removed, or under a lock on its bucket, was stored behind a fence of memc3-M1, or behind
//! control-C5. That fence pairs with control-C2, so the lock, or a later word, is seen at control-C3, and
//! the validation fails. A word that was stored before the item was is not seen, as the item's own words
//! were there before the unlock that control-C1 has read (memc3-M2).

#[cfg(all(loom, test))]
mod models;
mod table;

use crossbeam_utils::CachePadded;
use eviction::evict::{Eviction, Hits};
use eviction::memory::{Arena, Handle, Pages};
use eviction::store::{Cache, Config, Copied, Found, Index, Part, Shard, Stats};
use eviction::time::Timer;

use self::table::Table;
use super::counts::Counts;
use super::unread::ask_user;
use crate::sync::{Arc, Mutex, MutexGuard, Ordering, fence, lock};

/// A cache of byte strings whose lookups write nothing; `E` says what goes.
pub type Memc3<E> = Cache<E, Optimistic<E>>;

/// How often a lookup tries before it takes the mutex.
const ATTEMPTS: usize = if cfg!(loom) { 2 } else { 3 };

/// A shard that is read without a lock.
#[derive(Debug)]
pub struct Optimistic<E: Eviction> {
    /// In lines of its own: what readers need is beside it.
    writer: CachePadded<Mutex<Shard<E, Cuckoo>>>,
    table: Arc<Table>,
    pages: Arc<Pages>,
    /// Of each size class.
    hits: Box<[E::Hits]>,
    counts: Counts,
}

/// The writer's side of the table.
#[derive(Debug)]
pub struct Cuckoo {
    table: Arc<Table>,
    len: usize,
}

impl Index for Cuckoo {
    fn find(&self, hash: u64, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        self.table.find(hash, is_it)
    }

    fn insert(
        &mut self,
        hash: u64,
        handle: Handle,
        rehash: impl Fn(Handle) -> u64,
    ) -> Result<(), Handle> {
        self.table.insert(hash, handle, rehash)?;
        self.len += 1;
        Ok(())
    }

    fn remove(&mut self, hash: u64, handle: Handle) {
        self.table.remove(hash, handle);
        self.len -= 1;
    }

    fn replace(&mut self, hash: u64, old: Handle, new: impl FnOnce() -> Handle) -> Handle {
        self.table.replace(hash, old, new)
    }

    fn change(&self, hash: u64, handle: Handle, write: impl FnOnce()) {
        self.table.change(hash, handle, write);
    }

    fn len(&self) -> usize {
        self.len
    }

    fn bytes(&self) -> usize {
        self.table.bytes()
    }
}

impl<E: Eviction> Part<E> for Optimistic<E> {
    const NAME: &'static str = "memc3";

    type Index = Cuckoo;

    fn index_bytes(items: usize) -> usize {
        Table::bytes_for(items)
    }

    fn new(arena: Arena, seed: u64, config: &Config) -> Option<Self> {
        let pages = arena.shared();
        let table = Arc::new(Table::for_items(arena.most())?);
        let index = Cuckoo { table: table.clone(), len: 0 };
        let mut shard = Shard::new(arena, index, seed, config)?;
        let hits = shard.share_hits();
        let writer = CachePadded::new(Mutex::new(shard));
        Some(Self { writer, table, pages, hits, counts: Counts::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Shard<E, Cuckoo>> {
        let guard = lock(&self.writer);
        // Release fence memc3-M4: pairs with control-C2. Who sees what this thread stores from here on
        // sees the locks of all who had the mutex before.
        fence(Ordering::Release);
        guard
    }

    #[inline]
    fn get(&self, hash: u64, key: &[u8], timer: &Timer, value: &mut Vec<u8>) -> Option<Found> {
        let begin = value.len();
        for _ in 0..ATTEMPTS {
            match self.table.read(hash, |handle| Copied::of(&self.pages, handle, key, value)) {
                Ok(None) => {
                    self.counts.add(false);
                    return None;
                }
                Ok(Some(copied)) if !ask_user(value, begin, || timer.has_come(copied.deadline)) => {
                    self.counts.add(true);
                    ask_user(value, begin, || self.hits[copied.class].hit(copied.slot));
                    self.pages.touch_now(copied.handle);
                    return Some(copied.found);
                }
                // Expired: it has to go.
                Ok(Some(_)) => break,
                Err(_) => value.truncate(begin),
            }
        }
        value.truncate(begin);
        self.lock().get(hash, key, timer, value)
    }

    fn add_to(&self, stats: &mut Stats) {
        let (hits, misses) = self.counts.sum();
        stats.hits += hits;
        stats.misses += misses;
    }
}
