//! Doubling: the writers copy the table together, while readers go on.
//!
//! In the doubled table each entry keeps its role, in its home or in its other bucket. A bucket
//! is the low bits of a hash, or of a hash and an offset; so the entries of bucket `b` of `n` go
//! to `b` or `b + n`, which no other bucket's entries do. They always fit, threads can copy
//! different buckets without locks, and a bucket can be copied twice.

use std::sync::{Mutex, OnceLock, PoisonError};

use crossbeam_utils::Backoff;

use super::{Cell, Table};
use crate::control::Snapshot;
use crate::cuckoo::error::GrowError;
use crate::cuckoo::path::Place;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// Buckets that a thread copies at a time.
const CHUNK: usize = 256;

/// The state of a table's doubling.
pub(super) struct Growth<C, const SLOTS: usize> {
    next: OnceLock<Box<Table<C, SLOTS>>>,
    starting: Mutex<()>,
    /// Chunks that have been claimed from the front.
    claimed: AtomicUsize,
    /// Chunks whose copier panicked.
    again: Mutex<Vec<usize>>,
    /// Chunks that have been copied.
    copied: AtomicUsize,
}

impl<C, const SLOTS: usize> Default for Growth<C, SLOTS> {
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

impl<C, const SLOTS: usize> Growth<C, SLOTS> {
    /// The doubled table, if its growth has begun.
    pub(super) fn successor(&self) -> Option<&Table<C, SLOTS>> {
        self.next.get().map(|next| &**next)
    }
}

/// Where an entry goes in the doubled table.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuckoo) enum Target {
    /// Into its home.
    Home(usize),
    /// Into its other bucket.
    Other {
        /// Its home, which counts it.
        home: usize,
        /// The other bucket.
        other: usize,
    },
}

/// A chunk that this thread copies. Dropped before it is copied, by a panic in the user's hasher,
/// it goes back.
struct Claim<'t, C, const SLOTS: usize> {
    growth: &'t Growth<C, SLOTS>,
    chunk: usize,
    copied: bool,
}

impl<C, const SLOTS: usize> Drop for Claim<'_, C, SLOTS> {
    fn drop(&mut self) {
        if self.copied {
            // Release G2: the copies; pairs with the Acquire in `double`.
            self.growth.copied.fetch_add(1, Ordering::Release);
        } else {
            self.growth.again.lock().unwrap_or_else(PoisonError::into_inner).push(self.chunk);
        }
    }
}

impl<C: Cell, const SLOTS: usize> Table<C, SLOTS> {
    fn chunks(&self) -> usize {
        self.buckets().div_ceil(CHUNK)
    }

    /// Takes part in doubling this table; returns when the doubled one is in `current`. Blocking.
    ///
    /// `target` says where an entry of a bucket goes in the doubled table: `target(next, bucket,
    /// content)`. It may run the user's hasher.
    ///
    /// # Errors
    ///
    /// There is no memory for it; nothing has changed then.
    #[cold]
    pub(in crate::cuckoo) fn double(
        &self,
        current: &AtomicPtr<Self>,
        target: impl Fn(&Self, usize, C::Content) -> Target,
    ) -> Result<(), GrowError> {
        let next = self.doubled()?;
        let backoff = Backoff::new();
        // Acquire: pairs with G2; all copies are visible before the table is published.
        while self.growth.copied.load(Ordering::Acquire) < self.chunks() {
            let Some(mut claim) = self.claim() else {
                backoff.snooze();
                continue;
            };
            let first = claim.chunk * CHUNK;
            for bucket in first..self.buckets().min(first + CHUNK) {
                self.copy_bucket(next, bucket, |content| target(next, bucket, content));
            }
            claim.copied = true;
        }
        // Release G1: publishes the table; pairs with the Acquire in `current`. Relaxed on
        // failure: another thread has published it.
        let old = std::ptr::from_ref(self).cast_mut();
        let new = std::ptr::from_ref(next).cast_mut();
        let _ = current.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed);
        Ok(())
    }

    /// The table of twice the size; the first caller allocates it.
    fn doubled(&self) -> Result<&Self, GrowError> {
        if let Some(next) = self.growth.next.get() {
            return Ok(next);
        }
        let _starting = self.growth.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = self.growth.next.get() {
            return Ok(next);
        }
        let buckets = self.buckets().checked_mul(2).ok_or(GrowError::CapacityOverflow)?;
        let next = Self::try_new(buckets, self.pages)?;
        Ok(self.growth.next.get_or_init(|| Box::new(next)))
    }

    /// A chunk that nobody copies, if there is one.
    fn claim(&self) -> Option<Claim<'_, C, SLOTS>> {
        let growth = &self.growth;
        let again = growth.again.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let chunk = again.or_else(|| {
            // Relaxed: it only deals out numbers. When all are dealt out it is left alone, so it
            // does not overflow.
            if growth.claimed.load(Ordering::Relaxed) >= self.chunks() {
                return None;
            }
            let chunk = growth.claimed.fetch_add(1, Ordering::Relaxed);
            (chunk < self.chunks()).then_some(chunk)
        })?;
        Some(Claim { growth, chunk, copied: false })
    }

    /// Freezes `bucket` and copies its entries.
    fn copy_bucket(&self, next: &Self, bucket: usize, target: impl Fn(C::Content) -> Target) {
        let seen = self.freeze(bucket);
        // Filled slots of `bucket` and of `bucket + n`.
        let mut filled = [0, 0];
        for slot in 0..SLOTS {
            let tag = seen.tag(slot);
            if tag == 0 {
                continue;
            }
            let content = self.cell(Place { bucket, slot }).read();
            let to = match target(content) {
                Target::Home(home) => home,
                Target::Other { home, other } => {
                    next.control(home).add_overflow_unpublished();
                    other
                }
            };
            debug_assert_eq!(to & self.mask, bucket, "an entry keeps its role");
            let filled = &mut filled[usize::from(to != bucket)];
            next.cell(Place { bucket: to, slot: *filled }).write(content);
            next.control(to).add_unpublished(*filled, tag);
            *filled += 1;
        }
    }

    /// Freezes `bucket`, if it is not frozen yet, and returns its word.
    fn freeze(&self, bucket: usize) -> Snapshot<SLOTS> {
        let control = self.control(bucket);
        let backoff = Backoff::new();
        loop {
            let seen = control.snapshot();
            if seen.is_frozen() || !seen.is_locked() && control.freeze(seen) {
                return seen;
            }
            backoff.snooze();
        }
    }
}
