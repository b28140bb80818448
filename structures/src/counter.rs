//! A counter that threads add to without sharing a cache line: the size of a table.

use std::hint::select_unpredictable;

use crossbeam_utils::CachePadded;

use crate::padded::Padded;
use crate::sync::{AtomicU64, Ordering};

/// Stripes that each counter has from the start. Few where schedules are explored, so that counters
/// grow.
const STRIPES: usize = if cfg!(loom) {
    1
} else if cfg!(shuttle) {
    2
} else {
    32
};

/// A sum, striped over threads. Subtraction is by wrapping addition of 64 bits.
///
/// A thread adds to its own stripe with a load and a store. A read-modify-write would cost more
/// than the instruction itself: it waits for earlier stores, among them the one that missed the cache when
/// an entry was written. A thread leases its stripe's number when it first counts, lock-free, and keeps
/// it until it exits. Each thread has a stripe of its own, however many there are; only threads that are
/// about to exit, and count in the destructors of their last thread-locals, share one. A counter has
/// as many stripes as the most threads that have existed at once, rounded up to a power of two, if one
/// of the threads with the highest numbers has counted in it. A stripe has 128 bytes.
#[derive(Default)]
pub(crate) struct StripedCounter {
    stripes: Padded<AtomicU64, STRIPES>,
    /// For threads that have given back their number.
    late: CachePadded<AtomicU64>,
}

/// Where the calling thread adds.
enum Stripe<'c> {
    /// Nobody else writes it.
    #[cfg_attr(loom, expect(dead_code, reason = "under loom all threads add to one stripe"))]
    Own(&'c AtomicU64),
    Shared(&'c AtomicU64),
}

impl StripedCounter {
    /// Adds `delta`. Wait-free; lock-free, except for the allocator, when the thread counts for the
    /// first time, or in this counter.
    #[inline]
    pub(crate) fn add(&self, delta: i64) {
        let delta = delta.cast_unsigned();
        // Relaxed, here and below: the counter orders nothing.
        match self.stripe() {
            // Nobody else writes it: a load and a store are one step.
            Stripe::Own(own) => {
                own.store(own.load(Ordering::Relaxed).wrapping_add(delta), Ordering::Relaxed);
            }
            Stripe::Shared(shared) => {
                shared.fetch_add(delta, Ordering::Relaxed);
            }
        }
    }

    /// Adds `delta` if `counts`, without a branch on that; if not, it is added to `nowhere`.
    /// Progress as of [`add`](Self::add).
    #[inline(always)]
    pub(crate) fn add_if(&self, delta: i64, counts: bool, nowhere: &AtomicU64) {
        let delta = delta.cast_unsigned();
        // Relaxed, and a load and a store: as in `add`.
        match self.stripe() {
            Stripe::Own(own) => {
                let own = select_unpredictable(counts, own, nowhere);
                own.store(own.load(Ordering::Relaxed).wrapping_add(delta), Ordering::Relaxed);
            }
            Stripe::Shared(shared) if counts => {
                shared.fetch_add(delta, Ordering::Relaxed);
            }
            Stripe::Shared(_) => {}
        }
    }

    /// Counts one more, and returns the value of the calling thread's stripe. Progress as of
    /// [`add`](Self::add).
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        // Relaxed, and a load and a store: as in `add`.
        let before = match self.stripe() {
            Stripe::Own(own) => {
                let before = own.load(Ordering::Relaxed);
                own.store(before + 1, Ordering::Relaxed);
                before
            }
            Stripe::Shared(shared) => shared.fetch_add(1, Ordering::Relaxed),
        };
        before + 1
    }

    /// The sum: exact while no thread adds. O(stripes).
    pub(crate) fn sum(&self) -> usize {
        // Below 0 for a moment when a removal is counted and the insertion, in a stripe read
        // earlier, is not.
        let stripes = self.stripes.iter().chain([&*self.late]);
        let counted = stripes.map(|stripe| stripe.load(Ordering::Relaxed));
        usize::try_from(counted.fold(0, u64::wrapping_add).cast_signed()).unwrap_or(0)
    }

    #[cfg(not(loom))]
    #[inline(always)]
    fn stripe(&self) -> Stripe<'_> {
        let number = own::number();
        if number < STRIPES {
            return Stripe::Own(self.stripes.get(number).expect("there from the start"));
        }
        self.another_stripe(number)
    }

    /// The stripe of a thread whose number is not among the first, or not known.
    #[cfg(not(loom))]
    #[cold]
    #[inline(never)]
    fn another_stripe(&self, number: usize) -> Stripe<'_> {
        match if number < own::NONE { Some(number) } else { own::lease(number) } {
            Some(number) => Stripe::Own(self.stripes.get_or_add(number)),
            None => Stripe::Shared(&self.late),
        }
    }

    /// A lease in each thread would multiply what loom has to explore.
    #[cfg(loom)]
    fn stripe(&self) -> Stripe<'_> {
        Stripe::Shared(&self.late)
    }
}

#[cfg(not(loom))]
mod own {
    use std::cell::Cell;

    use crate::numbers::Numbers;
    use crate::sync::thread_local;

    /// Instead of a number: the thread is about to exit.
    pub(super) const NONE: usize = usize::MAX - 1;
    /// Instead of a number: not asked for yet.
    const UNKNOWN: usize = usize::MAX;

    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
        static LEASE: Cell<Option<Lease>> = const { Cell::new(None) };
    }

    /// The numbers that threads have. One word holds those of all that are explored under shuttle: how many
    /// steps it takes to find one must not depend on other executions in this process.
    static LEASED: Numbers<64> = Numbers::new();

    /// A thread's number, until the thread exits. What it has added is visible to the thread that is
    /// next to have it (numbers-T1, numbers-T2).
    struct Lease(usize);

    impl Drop for Lease {
        fn drop(&mut self) {
            // Another destructor of this thread may still add.
            _ = NUMBER.try_with(|number| number.set(NONE));
            LEASED.give_back(self.0);
        }
    }

    /// The calling thread's number, `NONE` or `UNKNOWN`.
    #[inline(always)]
    pub(super) fn number() -> usize {
        // Always there, but under a model checker.
        NUMBER.try_with(Cell::get).unwrap_or(NONE)
    }

    /// The calling thread's number, if it is not about to exit. `number` is what it has instead of one.
    pub(super) fn lease(number: usize) -> Option<usize> {
        if number == NONE {
            return None;
        }
        let leased = LEASED.take();
        NUMBER.with(|number| number.set(leased));
        let lease = Lease(leased);
        // Where no destructor can be registered any more, the thread is about to exit, and the
        // lease ends here.
        LEASE.try_with(|mine| mine.set(Some(lease))).ok()?;
        Some(leased)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::ptr;
    use std::sync::{Barrier, LazyLock};
    use std::thread;

    use super::*;

    /// The address of the stripe that is the calling thread's alone.
    fn own(counter: &StripedCounter) -> Option<usize> {
        match counter.stripe() {
            Stripe::Own(own) => Some(ptr::from_ref(own).addr()),
            Stripe::Shared(_) => None,
        }
    }

    #[test]
    fn each_of_a_thousand_threads_has_a_line_of_its_own() {
        const THREADS: usize = 1100;
        let (counter, barrier) = (StripedCounter::default(), Barrier::new(THREADS));
        let work = || {
            barrier.wait();
            let mine = own(&counter).expect("a stripe of its own");
            for _ in 0..30 {
                counter.add(2);
                counter.add_if(-1, true, &AtomicU64::new(0));
                counter.add_if(1000, false, &AtomicU64::new(0));
                thread::yield_now();
            }
            assert_eq!(own(&counter), Some(mine), "another one later");
            assert_eq!(counter.count(), 31, "somebody else has counted here");
            barrier.wait();
            mine / 128
        };
        let mut lines: Vec<usize> = thread::scope(|scope| {
            let spawn = |_| thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, work);
            let threads: Vec<_> = (0..THREADS).map(|at| spawn(at).expect("a thread")).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), THREADS, "threads share a line");
        assert_eq!(counter.sum(), THREADS * 31);
    }

    #[test]
    fn what_a_thread_counts_as_it_exits_is_in_the_sum() {
        static COUNTER: LazyLock<StripedCounter> = LazyLock::new(StripedCounter::default);
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                COUNTER.add(5);
            }
        }
        // Used first, so dropped last: after the thread's lease.
        thread_local!(static LATE: Late = const { Late });
        let work = || {
            LATE.with(|_| ());
            COUNTER.add(1);
        };
        for thread in 1..=3 {
            thread::spawn(work).join().expect("no panic");
            assert_eq!(COUNTER.sum(), 6 * thread);
        }
        assert_eq!(COUNTER.late.load(Ordering::Relaxed), 15);
    }

    #[test]
    fn a_number_is_leased_again() {
        let counter = StripedCounter::default();
        for round in 1..=3000 {
            thread::scope(|scope| scope.spawn(|| counter.add(1)).join()).expect("no panic");
            assert_eq!(counter.sum(), round);
        }
        // Tests that run meanwhile may have some; 3000 threads one after the other need one.
        assert!(counter.stripes.len() <= 2048, "{} stripes", counter.stripes.len());
    }
}
