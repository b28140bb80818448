//! Doubling: the writers copy the table together, while readers go on.
//!
//! In the doubled table each entry keeps its role, in its home or in its other bucket. A bucket
//! is the low bits of a hash, or of a hash and an offset; so the entries of bucket `b` of `n` go
//! to `b` or `b + n`, which no other bucket's entries do. They always fit, threads can copy
//! different buckets without locks, and a bucket can be copied twice.

use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, OnceLock, PoisonError};

use crossbeam_utils::Backoff;

use super::CuckooOptimistic;
use super::table::Table;
use crate::control::Snapshot;
use crate::cuckoo::error::CannotGrow;
use crate::cuckoo::path::{Place, Search};
use crate::exclusion::Exclusion;
use crate::hash;
use crate::sync::{AtomicUsize, Ordering};
use crate::tagging::Tagging;
use crate::word::Word;

/// Buckets that a thread copies at a time.
const CHUNK: usize = 256;

/// The state of a table's doubling.
pub(super) struct Growth<const SLOTS: usize> {
    next: OnceLock<Box<Table<SLOTS>>>,
    starting: Mutex<()>,
    /// Chunks that have been claimed from the front.
    claimed: AtomicUsize,
    /// Chunks whose copier panicked.
    again: Mutex<Vec<usize>>,
    /// Chunks that have been copied.
    copied: AtomicUsize,
}

impl<const SLOTS: usize> Default for Growth<SLOTS> {
    fn default() -> Self {
        Self {
            next: OnceLock::new(),
            starting: Mutex::new(()),
            claimed: AtomicUsize::new(0),
            again: Mutex::new(Vec::new()),
            copied: AtomicUsize::new(0),
        }
    }
}

impl<const SLOTS: usize> Table<SLOTS> {
    fn chunks(&self) -> usize {
        self.buckets().div_ceil(CHUNK)
    }

    /// The table of twice the size; the first caller allocates it.
    fn doubled(&self) -> Result<&Self, CannotGrow> {
        if let Some(next) = self.growth.next.get() {
            return Ok(next);
        }
        let _starting = self.growth.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = self.growth.next.get() {
            return Ok(next);
        }
        let next = self
            .buckets()
            .checked_mul(2)
            .and_then(|buckets| Self::try_new(buckets, self.pages))
            .ok_or(CannotGrow::OutOfMemory { slots: self.slots().saturating_mul(2) })?;
        Ok(self.growth.next.get_or_init(|| Box::new(next)))
    }

    /// A chunk that nobody copies, if there is one.
    fn claim(&self) -> Option<Claim<'_, SLOTS>> {
        let again = self.growth.again.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let chunk = again.or_else(|| {
            // Relaxed: it only deals out numbers. Once all are dealt out it is not touched any
            // more, so it does not overflow.
            if self.growth.claimed.load(Ordering::Relaxed) >= self.chunks() {
                return None;
            }
            let chunk = self.growth.claimed.fetch_add(1, Ordering::Relaxed);
            (chunk < self.chunks()).then_some(chunk)
        })?;
        Some(Claim { table: self, chunk, copied: false })
    }
}

/// A chunk that this thread copies. Dropped before it is copied, by a panic in the user's hasher,
/// it goes back.
struct Claim<'t, const SLOTS: usize> {
    table: &'t Table<SLOTS>,
    chunk: usize,
    copied: bool,
}

impl<const SLOTS: usize> Drop for Claim<'_, SLOTS> {
    fn drop(&mut self) {
        let growth = &self.table.growth;
        if self.copied {
            // Release G2: the copies; pairs with the Acquire in `help`.
            growth.copied.fetch_add(1, Ordering::Release);
        } else {
            growth.again.lock().unwrap_or_else(PoisonError::into_inner).push(self.chunk);
        }
    }
}

impl<K, V, S, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// Takes part in doubling `table`; returns when the doubled one is current. Blocking.
    ///
    /// # Errors
    ///
    /// There is no memory for it; nothing has changed then.
    #[cold]
    pub(super) fn help_to_double(&self, table: &Table<SLOTS>) -> Result<(), CannotGrow> {
        let next = table.doubled()?;
        let backoff = Backoff::new();
        // Acquire: pairs with G2; all copies are visible before the table is published.
        while table.growth.copied.load(Ordering::Acquire) < table.chunks() {
            let Some(mut claim) = table.claim() else {
                backoff.snooze();
                continue;
            };
            let first = claim.chunk * CHUNK;
            for bucket in first..table.buckets().min(first + CHUNK) {
                self.copy_bucket(table, next, bucket);
            }
            claim.copied = true;
        }
        // Release G1: publishes the table; pairs with the Acquire in `CuckooOptimistic::table`.
        // Relaxed on failure: another thread has published it.
        let old = std::ptr::from_ref(table).cast_mut();
        let new = std::ptr::from_ref(next).cast_mut();
        let _ = self.current.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed);
        Ok(())
    }

    /// Freezes `bucket` and copies its entries.
    fn copy_bucket(&self, table: &Table<SLOTS>, next: &Table<SLOTS>, bucket: usize) {
        let seen = freeze(table, bucket);
        let mut copies = [(bucket, 0), (bucket + table.buckets(), 0)];
        for slot in 0..SLOTS {
            let tag = seen.tag(slot);
            if tag == 0 {
                continue;
            }
            let (key, value) = table.read(Place { bucket, slot });
            let hash = self.hasher.hash_one(K::from_bits(key));
            let home = hash::home(hash, next.mask);
            let at_home = home & table.mask == bucket;
            let to = if at_home { home } else { next.other(home, Self::fingerprint(hash)) };
            let (_, slots) = &mut copies[usize::from(to != bucket)];
            let place = Place { bucket: to, slot: *slots };
            *slots += 1;
            next.write(place, key, value);
            next.control(to).add_unpublished(place.slot, tag);
            if !at_home {
                next.control(home).add_overflow_unpublished();
            }
        }
        debug_assert!(copies.iter().all(|(_, slots)| *slots <= SLOTS), "they fit");
    }
}

/// Freezes `bucket`, if it is not frozen yet, and returns its word.
fn freeze<const SLOTS: usize>(table: &Table<SLOTS>, bucket: usize) -> Snapshot<SLOTS> {
    let control = table.control(bucket);
    let backoff = Backoff::new();
    loop {
        let seen = control.snapshot();
        if seen.is_frozen() || !seen.is_locked() && control.freeze(seen) {
            return seen;
        }
        backoff.snooze();
    }
}
