//! A counter that threads add to without sharing a cache line: the size of a table.

use std::cell::Cell;

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicI64, Ordering};

const STRIPES: usize = 32;

/// A sum, striped over threads.
pub(crate) struct StripedCounter {
    stripes: [CachePadded<AtomicI64>; STRIPES],
}

impl Default for StripedCounter {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| CachePadded::new(AtomicI64::new(0))) }
    }
}

impl StripedCounter {
    /// Adds `delta` to the calling thread's stripe. Wait-free.
    #[inline]
    pub(crate) fn add(&self, delta: i64) {
        // Relaxed: the counter orders nothing.
        self.stripes[stripe()].fetch_add(delta, Ordering::Relaxed);
    }

    /// The sum: exact while no thread adds. O(stripes).
    pub(crate) fn sum(&self) -> usize {
        // Relaxed: the counter orders nothing. Below 0 for a moment when a removal is counted
        // and the insertion, in a stripe read earlier, is not.
        let sum: i64 = self.stripes.iter().map(|stripe| stripe.load(Ordering::Relaxed)).sum();
        usize::try_from(sum).unwrap_or(0)
    }
}

/// The calling thread's stripe: threads take turns when they first add.
#[inline]
fn stripe() -> usize {
    thread_local!(static STRIPE: Cell<usize> = const { Cell::new(usize::MAX) });
    STRIPE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(next_stripe());
        }
        mine.get()
    })
}

#[cold]
fn next_stripe() -> usize {
    // Not through `crate::sync`: loom's atomics cannot be static.
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % STRIPES
}
