//! Small numbers that threads lease. Two threads never have the same number at once.

#[cfg(not(loom))]
use crossbeam_utils::CachePadded;

use crate::padded::Padded;
use crate::sync::{AtomicU64, Ordering};

/// Numbers in a word. Few under shuttle, so that there are more words than one.
pub(crate) const WORD: usize = if cfg!(shuttle) { 2 } else { 64 };

/// The numbers from 0 on: a bit each, set while the number is taken, `BITS` of them in a word.
///
/// A thread takes the lowest number that it finds free, searching one word after the other. So numbers stay below the
/// most that were taken at once, except for those that were taken and given back during a search.
#[derive(Debug, Default)]
pub(crate) struct Numbers<const BITS: usize = WORD>(Padded<AtomicU64, 1>);

impl<const BITS: usize> Numbers<BITS> {
    /// Nobody has any.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(Padded::of([CachePadded::new(AtomicU64::new(0))]))
    }

    /// Takes a number that no thread has. Lock-free, except for the allocator; O(numbers that are taken).
    pub(crate) fn take(&self) -> usize {
        let lowest_free = |taken: u64| {
            let is_free = (taken.trailing_ones() as usize) < BITS;
            is_free.then_some(taken | taken.wrapping_add(1))
        };
        let mut word = 0;
        loop {
            // Acquire numbers-T1: pairs with numbers-T2; what the number's last holder did comes first.
            let taken = self.0.get_or_add(word);
            match taken.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free) {
                Ok(before) => return word * BITS + before.trailing_ones() as usize,
                Err(_) => word += 1,
            }
        }
    }

    /// Gives a number back. Wait-free.
    pub(crate) fn give_back(&self, number: usize) {
        let taken = self.0.get(number / BITS).expect("it has been taken");
        // Release numbers-T2: pairs with numbers-T1.
        taken.fetch_and(!(1 << (number % BITS)), Ordering::Release);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    #[test]
    fn the_lowest_free_is_taken() {
        let numbers = Numbers::<WORD>::default();
        assert!((0..3000).all(|number| numbers.take() == number));
        for number in [2999, 64, 0, 1023] {
            numbers.give_back(number);
        }
        for number in [0, 64, 1023, 2999, 3000] {
            assert_eq!(numbers.take(), number);
        }
    }

    #[test]
    fn nobody_has_anothers() {
        let numbers = Numbers::<WORD>::default();
        let taken = Mutex::new(HashSet::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let mine: Vec<_> = (0..40).map(|_| numbers.take()).collect();
                        let is_new = |number: &usize| taken.lock().unwrap().insert(*number);
                        assert!(mine.iter().all(is_new), "a number is taken twice");
                        assert!(mine.iter().all(|number| *number < 320), "{mine:?}: far from low");
                        for number in mine {
                            taken.lock().unwrap().remove(&number);
                            numbers.give_back(number);
                        }
                    }
                });
            }
        });
    }
}
