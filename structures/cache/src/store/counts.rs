//! Lookups, counted without a write to what threads share.
//!
//! A locked instruction would be a tenth of a lookup, and the processor could not begin the next one before it
//! is done. So a thread counts in a place of its own, by a load and a store. Places beyond the first [`OWN`] are made
//! when the first of their threads counts, 128 bytes each. Threads share a place that are beyond 65,536, that end and
//! have given their number back, or for whose places there is no memory.

use std::cell::Cell;
use std::sync::OnceLock;

use crossbeam_utils::CachePadded;

use crate::sync::hints::{AtomicU64, Ordering};

/// Places that there are from the start.
const OWN: usize = 16;

/// Segments of further places, each as long as all before it.
const SEGMENTS: usize = 12;

/// Counts of lookups. All accesses are relaxed: they order nothing.
#[derive(Debug, Default)]
pub(super) struct Counts {
    own: [CachePadded<Count>; OWN],
    added: [OnceLock<Box<[CachePadded<Count>]>>; SEGMENTS],
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
        self.count(self.place(numbers::own()), is_hit);
    }

    /// Counts in a place that is the calling thread's, or in that of all that have none.
    #[inline]
    fn count(&self, own: Option<&CachePadded<Count>>, is_hit: bool) {
        let Some(own) = own else {
            self.shared.of(is_hit).fetch_add(1, Ordering::Relaxed);
            return;
        };
        // No increment is lost: nobody else has the number, and who had it before gave it back under a lock.
        let count = own.of(is_hit);
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The place of the thread with that number; `None` for a number that is none.
    #[inline]
    fn place(&self, number: usize) -> Option<&CachePadded<Count>> {
        self.own.get(number).or_else(|| self.added(number))
    }

    /// The same behind the first places.
    #[cold]
    fn added(&self, number: usize) -> Option<&CachePadded<Count>> {
        let segment = (number / OWN).ilog2() as usize;
        let first = OWN << segment.min(SEGMENTS);
        let places = self.added.get(segment)?.get_or_init(|| {
            let mut places = Vec::new();
            if places.try_reserve_exact(first).is_ok() {
                places.resize_with(first, CachePadded::default);
            }
            places.into_boxed_slice()
        });
        places.get(number - first)
    }

    /// Hits and misses.
    pub(super) fn sum(&self) -> (u64, u64) {
        let added = self.added.iter().filter_map(OnceLock::get).flat_map(|places| places.iter());
        let places = self.own.iter().chain(added).chain([&self.shared]);
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

    /// Each thread has lines that no other writes, however many there are.
    #[test]
    fn numbers_have_places_of_their_own() {
        let counts = Counts::default();
        let mut lines = BTreeSet::new();
        for number in 0..1100 {
            let place = counts.place(number).expect("there is memory");
            assert!(lines.insert(std::ptr::from_ref(place).addr() / 64), "{number} shares a line");
            place.of(false).store(1, Ordering::Relaxed);
        }
        assert_eq!(counts.sum(), (0, 1100));
        assert!((0..1100).all(|number| counts.place(number).is_some()), "they stay");
        assert_eq!(counts.sum(), (0, 1100));
        let none = [OWN << SEGMENTS, usize::MAX - 1].map(|number| counts.place(number).is_none());
        assert_eq!(none, [true; 2], "beyond the last, and who has none");
    }

    /// What has no place counts.
    #[test]
    fn who_has_no_number_counts_where_others_do() {
        let counts = Counts::default();
        counts.count(None, true);
        counts.count(counts.place(3), true);
        counts.count(None, false);
        assert_eq!(counts.sum(), (2, 1));
    }

    /// More threads than there are places at first count at the same time, and then others with the same numbers.
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
