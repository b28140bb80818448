//! Lookups, counted without a write to what threads share.
//!
//! A locked instruction would be a tenth of a lookup, and the processor could not begin the next one before it
//! is done. So a thread counts in a place of its own, by a load and a store; threads beyond [`OWN`] share one.

use std::cell::Cell;

use crossbeam_utils::CachePadded;

use crate::sync::hints::{AtomicU64, Ordering};

/// Threads that have a place of their own.
const OWN: usize = 16;

/// Counts of lookups. All accesses are relaxed: they order nothing.
#[derive(Debug, Default)]
pub(super) struct Counts {
    own: [CachePadded<Count>; OWN],
    shared: CachePadded<Count>,
}

#[derive(Debug, Default)]
struct Count {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Count {
    fn of(&self, is_hit: bool) -> &AtomicU64 {
        if is_hit { &self.hits } else { &self.misses }
    }
}

impl Counts {
    #[inline]
    pub(super) fn add(&self, is_hit: bool) {
        let Some(own) = self.own.get(numbers::own()) else {
            self.shared.of(is_hit).fetch_add(1, Ordering::Relaxed);
            return;
        };
        // No increment is lost: nobody else has the number, and who had it before gave it back under a lock.
        let count = own.of(is_hit);
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Hits and misses.
    pub(super) fn sum(&self) -> (u64, u64) {
        let places = self.own.iter().chain([&self.shared]);
        places.fold((0, 0), |(hits, misses), place| {
            let load = |is_hit| place.of(is_hit).load(Ordering::Relaxed);
            (hits + load(true), misses + load(false))
        })
    }
}

/// Numbers of threads, used again when a thread has ended.
mod numbers {
    use std::sync::{Mutex, PoisonError};

    use super::Cell;

    /// Those that were given back, and the first that nobody has had.
    static FREE: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

    /// Of a thread that has none yet.
    const UNKNOWN: usize = usize::MAX;
    /// Of a thread that ends, and has given its number back.
    const NONE: usize = usize::MAX - 1;

    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(UNKNOWN) };
        /// Of a thread that has a number: its end gives it back.
        static END: End = const { End };
    }

    struct End;

    impl Drop for End {
        fn drop(&mut self) {
            let number = OWN.replace(NONE);
            FREE.lock().unwrap_or_else(PoisonError::into_inner).0.push(number);
        }
    }

    /// A number that no other thread has, or one that is none.
    #[inline]
    pub(super) fn own() -> usize {
        match OWN.get() {
            UNKNOWN => take(),
            number => number,
        }
    }

    #[cold]
    fn take() -> usize {
        // It fails in a thread that ends, and has never had a number.
        if END.try_with(|_| ()).is_err() {
            OWN.set(NONE);
            return NONE;
        }
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let number = free.0.pop().unwrap_or_else(|| {
            free.1 += 1;
            free.1 - 1
        });
        OWN.set(number);
        number
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;

    use super::*;

    /// More threads than there are places count at the same time, and then others with the same numbers.
    #[test]
    fn no_increment_is_lost_and_numbers_come_again() {
        let threads = OWN + 4;
        let (counts, start) = (Counts::default(), Barrier::new(threads));
        for wave in 1..=4 {
            let numbers: BTreeSet<usize> = std::thread::scope(|scope| {
                let work = || {
                    start.wait();
                    (0..10_000).for_each(|lookup| counts.add(lookup % 5 == 0));
                    start.wait();
                    numbers::own()
                };
                let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                all.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let all = (wave * threads) as u64;
            assert_eq!(counts.sum(), (all * 2000, all * 8000));
            // Tests beside this one have some too.
            assert!(numbers.len() == threads && numbers.iter().all(|&n| n < 2 * threads));
        }
    }
}
