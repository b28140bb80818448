//! A counter that threads add to without sharing a cache line: the size of a table.

use std::hint::select_unpredictable;

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU64, Ordering};

/// Stripes; all but the last belong to one thread each.
const STRIPES: usize = if cfg!(loom) {
    1
} else if cfg!(shuttle) {
    5
} else {
    33
};

/// A sum, striped over threads. What is subtracted is added to 64 bits that go round.
///
/// A thread adds to its own stripe with a load and a store. A read-modify-write would cost more
/// than itself: it waits for the stores before it, among them the one that missed the cache when
/// an entry was written. A thread leases its stripe when it first counts, lock-free, and has it
/// until it exits.
pub(crate) struct StripedCounter {
    stripes: [CachePadded<AtomicU64>; STRIPES],
}

impl Default for StripedCounter {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| CachePadded::new(AtomicU64::new(0))) }
    }
}

impl StripedCounter {
    /// Adds `delta`. Wait-free; lock-free when the thread counts for the first time.
    #[inline]
    pub(crate) fn add(&self, delta: i64) {
        let delta = delta.cast_unsigned();
        // Relaxed, here and below: the counter orders nothing.
        match own_stripe() {
            // Nobody else writes it: a load and a store are one step.
            Some(own) => {
                let own = &self.stripes[own];
                own.store(own.load(Ordering::Relaxed).wrapping_add(delta), Ordering::Relaxed);
            }
            None => {
                self.stripes[STRIPES - 1].fetch_add(delta, Ordering::Relaxed);
            }
        }
    }

    /// Adds `delta` if `counts`, without a branch on that; if not, it is added to `nowhere`.
    /// Progress as of [`add`](Self::add).
    #[inline(always)]
    pub(crate) fn add_if(&self, delta: i64, counts: bool, nowhere: &AtomicU64) {
        let delta = delta.cast_unsigned();
        // Relaxed, and a load and a store: as in `add`.
        match own_stripe() {
            Some(own) => {
                let own = select_unpredictable(counts, &*self.stripes[own], nowhere);
                own.store(own.load(Ordering::Relaxed).wrapping_add(delta), Ordering::Relaxed);
            }
            None if counts => {
                self.stripes[STRIPES - 1].fetch_add(delta, Ordering::Relaxed);
            }
            None => {}
        }
    }

    /// Counts one more, and returns what the calling thread's stripe has counted. Progress as of
    /// [`add`](Self::add).
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        // Relaxed, and a load and a store: as in `add`.
        let before = match own_stripe() {
            Some(own) => {
                let own = &self.stripes[own];
                let before = own.load(Ordering::Relaxed);
                own.store(before + 1, Ordering::Relaxed);
                before
            }
            None => self.stripes[STRIPES - 1].fetch_add(1, Ordering::Relaxed),
        };
        before + 1
    }

    /// The sum: exact while no thread adds. O(stripes).
    pub(crate) fn sum(&self) -> usize {
        // Below 0 for a moment when a removal is counted and the insertion, in a stripe read
        // earlier, is not.
        let counted = |stripe: &CachePadded<AtomicU64>| stripe.load(Ordering::Relaxed);
        let sum = self.stripes.iter().map(counted).fold(0, u64::wrapping_add).cast_signed();
        usize::try_from(sum).unwrap_or(0)
    }
}

/// The stripe that is this thread's alone, below `STRIPES - 1`; `None` if there are more threads.
#[cfg(not(loom))]
#[inline]
fn own_stripe() -> Option<usize> {
    own::index()
}

/// A lease in each thread would multiply what loom has to explore.
#[cfg(loom)]
fn own_stripe() -> Option<usize> {
    None
}

#[cfg(not(loom))]
mod own {
    use std::cell::Cell;

    use super::STRIPES;
    use crate::numbers::Numbers;
    use crate::sync::{AtomicU64, thread_local};

    /// Not asked for yet.
    const UNKNOWN: usize = usize::MAX;
    /// There was none left, or the thread is about to exit.
    const NONE: usize = usize::MAX - 1;

    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(UNKNOWN) };
        static LEASE: Cell<Option<Lease>> = const { Cell::new(None) };
    }

    /// The stripes that threads have.
    static LEASED: Numbers<{ STRIPES as u32 - 1 }> = Numbers(AtomicU64::new(0));

    /// A thread's index, until the thread exits. What it has added is visible to the thread that is
    /// next to have it (numbers-T1, numbers-T2).
    struct Lease(usize);

    impl Drop for Lease {
        fn drop(&mut self) {
            // Another destructor of this thread may still add.
            _ = INDEX.try_with(|index| index.set(NONE));
            LEASED.give_back(self.0);
        }
    }

    #[inline]
    pub(super) fn index() -> Option<usize> {
        // Always there, but under a model checker.
        let index = INDEX.try_with(Cell::get).unwrap_or(NONE);
        if index < STRIPES { Some(index) } else { first_index(index) }
    }

    #[cold]
    fn first_index(index: usize) -> Option<usize> {
        if index == NONE {
            return None;
        }
        let leased = LEASED.take();
        INDEX.with(|index| index.set(leased.unwrap_or(NONE)));
        let lease = Lease(leased?);
        // Where no destructor can be registered any more, the thread is about to exit, and the
        // lease ends here.
        LEASE.try_with(|mine| mine.set(Some(lease))).ok()?;
        leased
    }
}
