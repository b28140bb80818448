//! A counter that threads add to without sharing a cache line: the size of a table.

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicI64, Ordering};

/// Stripes; all but the last belong to one thread each.
const STRIPES: usize = if cfg!(any(loom, shuttle)) { 1 } else { 33 };

/// A sum, striped over threads.
///
/// A thread adds to its own stripe with a load and a store. A read-modify-write would cost more
/// than itself: it waits for the stores before it, among them the one that missed the cache when
/// an entry was written.
pub(crate) struct StripedCounter {
    stripes: [CachePadded<AtomicI64>; STRIPES],
}

impl Default for StripedCounter {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| CachePadded::new(AtomicI64::new(0))) }
    }
}

impl StripedCounter {
    /// Adds `delta`. Wait-free.
    #[inline]
    pub(crate) fn add(&self, delta: i64) {
        // Relaxed, here and below: the counter orders nothing.
        match own_stripe() {
            // Nobody else writes it: a load and a store are one step.
            Some(own) => {
                let own = &self.stripes[own];
                own.store(own.load(Ordering::Relaxed) + delta, Ordering::Relaxed);
            }
            None => {
                self.stripes[STRIPES - 1].fetch_add(delta, Ordering::Relaxed);
            }
        }
    }

    /// Counts one more, and returns what the calling thread's stripe has counted. Wait-free.
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
        before.cast_unsigned() + 1
    }

    /// The sum: exact while no thread adds. O(stripes).
    pub(crate) fn sum(&self) -> usize {
        // Below 0 for a moment when a removal is counted and the insertion, in a stripe read
        // earlier, is not.
        let sum: i64 = self.stripes.iter().map(|stripe| stripe.load(Ordering::Relaxed)).sum();
        usize::try_from(sum).unwrap_or(0)
    }
}

/// The stripe that is this thread's alone, below `STRIPES - 1`; `None` if there are more threads.
#[cfg(not(any(loom, shuttle)))]
#[inline]
fn own_stripe() -> Option<usize> {
    own::index()
}

/// Model checkers' threads take turns on one of the system's, so none has a stripe alone.
#[cfg(any(loom, shuttle))]
fn own_stripe() -> Option<usize> {
    None
}

#[cfg(not(any(loom, shuttle)))]
mod own {
    use std::cell::Cell;
    use std::sync::{Mutex, PoisonError};

    use super::STRIPES;

    /// Not asked for yet.
    const UNKNOWN: usize = usize::MAX;
    /// There was none left, or the thread is about to exit.
    const NONE: usize = usize::MAX - 1;

    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(UNKNOWN) };
        static LEASE: Cell<Option<Lease>> = const { Cell::new(None) };
    }

    /// Indices that no thread has.
    static FREE: Mutex<Free> = Mutex::new(Free { returned: Vec::new(), next: 0 });

    struct Free {
        returned: Vec<usize>,
        next: usize,
    }

    /// A thread's index, until the thread exits. The mutex makes what it has added visible to the
    /// thread that is next to have it.
    struct Lease(usize);

    impl Drop for Lease {
        fn drop(&mut self) {
            // Another destructor of this thread may still add.
            INDEX.set(NONE);
            FREE.lock().unwrap_or_else(PoisonError::into_inner).returned.push(self.0);
        }
    }

    #[inline]
    pub(super) fn index() -> Option<usize> {
        let index = INDEX.get();
        if index < STRIPES { Some(index) } else { first_index(index) }
    }

    #[cold]
    fn first_index(index: usize) -> Option<usize> {
        if index == NONE {
            return None;
        }
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let leased = free.returned.pop().or_else(|| {
            let next = free.next;
            (next < STRIPES - 1).then(|| {
                free.next += 1;
                next
            })
        });
        drop(free);
        INDEX.set(leased.unwrap_or(NONE));
        let lease = Lease(leased?);
        // Where no destructor can be registered any more, the thread is about to exit, and the
        // lease ends here.
        LEASE.try_with(|mine| mine.set(Some(lease))).ok()?;
        leased
    }
}
