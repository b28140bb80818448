//! One key after the other, round the range: no draw at all.
//!
//! The order of YCSB's `sequential` request distribution. Keys are neighbours, in time and, under
//! an identity hash, in the table: the best case of a cache, and a bad one of weak hashes. Each
//! thread begins at a place of its own, evenly apart.

use super::MAX_KEYS;
use super::Rng;
use super::keys::Keys;

/// Every key of `0..keys` in order, again and again.
#[derive(Clone, Debug)]
pub struct SequentialKeys {
    keys: u64,
    next: u64,
}

impl SequentialKeys {
    /// The keys of thread `thread` of `threads`.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ keys ≤ [`MAX_KEYS`].
    #[must_use]
    pub fn new(keys: u64, thread: usize, threads: usize) -> Self {
        assert!((1..=MAX_KEYS).contains(&keys), "a range of {keys} keys");
        // A bystander comes after the workers.
        let share = (thread % threads) as u128 * u128::from(keys) / threads as u128;
        Self { keys, next: share as u64 }
    }
}

impl Keys for SequentialKeys {
    #[inline(always)]
    fn next_key(&mut self, _: &mut Rng) -> u64 {
        let key = self.next;
        self.next = if key + 1 == self.keys { 0 } else { key + 1 };
        key
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn each_thread_goes_round_from_its_own_place() {
        for (thread, first) in [(0, 0), (1, 3), (2, 6), (3, 0)] {
            let mut keys = SequentialKeys::new(10, thread, 3);
            let mut rng = Rng::seed_from_u64(1);
            let taken: Vec<u64> = (0..25).map(|_| keys.next_key(&mut rng)).collect();
            let expected: Vec<u64> = (first..first + 25).map(|key| key % 10).collect();
            assert_eq!(taken, expected, "thread {thread}");
        }
    }
}
