//! A hot set: some keys get most of the operations, and which ones they are changes.
//!
//! YCSB's hot spot (`HotspotIntegerGenerator`): a draw is from the hot set with the stated
//! probability, uniformly, and else from all other keys, uniformly. It departs from YCSB in two
//! things: hot keys are scattered over the range, not the lowest ones; and after so many
//! operations of a thread the set is replaced by the next one, which shares no key with it if
//! it has at most half of the range. A thread counts its own operations, so that its keys follow
//! from the seed; threads that progress unevenly use different sets for a while.

use rand::Rng as _;

use super::Rng;
use super::keys::{Keys, below};
use super::{HotSet, MAX_KEYS, Permutation};

/// Keys of `0..keys` with a [`HotSet`].
#[derive(Clone, Debug)]
pub struct HotSetKeys {
    keys: u64,
    /// Keys of a set.
    hot: u64,
    /// A draw is hot if a random word is below, times 2^-64; 2^64 is always.
    bound: u128,
    /// The place of the set's first key in the order of `scatter`.
    start: u64,
    /// Operations until the next set, and from one to the next.
    left: u64,
    shift: u64,
    scatter: Permutation,
}

impl HotSetKeys {
    /// A hot set of `0..keys`; `seed` says which keys follow which.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ keys ≤ [`MAX_KEYS`] and both shares are from 0 to 1.
    #[must_use]
    pub fn new(keys: u64, hot_set: HotSet, seed: u64) -> Self {
        assert!((1..=MAX_KEYS).contains(&keys), "a range of {keys} keys");
        let share = 0.0..=1.0;
        assert!(share.contains(&hot_set.keys) && share.contains(&hot_set.operations), "{hot_set}");
        let hot = ((keys as f64 * hot_set.keys).round() as u64).clamp(1, keys);
        // Where there are no others, every draw is hot.
        let operations = if hot == keys { 1.0 } else { hot_set.operations };
        let shift = if hot_set.shift == 0 { u64::MAX } else { hot_set.shift };
        let bound = (operations * 2f64.powi(64)) as u128;
        let scatter = Permutation::new(keys, seed);
        Self { keys, hot, bound, start: 0, left: shift, shift, scatter }
    }
}

impl Keys for HotSetKeys {
    #[inline(always)]
    fn next_key(&mut self, rng: &mut Rng) -> u64 {
        if self.left == 0 {
            self.left = self.shift;
            self.start = (self.start + self.hot) % self.keys;
        }
        self.left -= 1;
        let is_hot = u128::from(rng.next_u64()) < self.bound;
        let word = rng.next_u64();
        let place = if is_hot {
            below(word, self.hot)
        } else {
            self.hot + below(word, self.keys - self.hot)
        };
        let place = self.start + place;
        self.scatter.apply(if place < self.keys { place } else { place - self.keys })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::chi_square_z;
    use super::*;

    /// How often each place in the order of the scatter is drawn.
    fn count(keys: &mut HotSetKeys, draws: usize) -> Vec<u64> {
        let mut rng = Rng::seed_from_u64(3);
        let mut by_key = vec![0; keys.keys as usize];
        (0..draws).for_each(|_| by_key[keys.next_key(&mut rng) as usize] += 1);
        (0..keys.keys).map(|place| by_key[keys.scatter.apply(place) as usize]).collect()
    }

    /// The law: hot places from `start` on.
    fn law(keys: usize, hot: usize, operations: f64, start: usize) -> Vec<f64> {
        let mut law = vec![(1.0 - operations) / (keys - hot).max(1) as f64; keys];
        (start..start + hot).for_each(|place| law[place % keys] = operations / hot as f64);
        law
    }

    #[test]
    fn hot_keys_get_their_share_and_the_rest_is_even() {
        for (keys, share, operations, hot) in
            [(1000, 0.2, 0.8, 200), (1000, 0.0, 0.5, 1), (777, 0.01, 0.99, 8), (50, 1.0, 0.3, 50)]
        {
            let hot_set = HotSet { keys: share, operations, shift: 0 };
            let mut drawn = HotSetKeys::new(keys, hot_set, 5);
            let operations = if hot == keys as usize { 1.0 } else { operations };
            let seen = count(&mut drawn, 400_000);
            let z = chi_square_z(&seen, &law(keys as usize, hot, operations, 0));
            assert!(z.abs() < 4.0, "{hot_set}: z = {z:.1}");
        }
    }

    #[test]
    fn the_set_shifts_on_time_by_its_own_size_and_round_the_range() {
        let hot_set = HotSet { keys: 0.3, operations: 0.9, shift: 100_000 };
        let mut drawn = HotSetKeys::new(1000, hot_set, 5);
        for start in [0, 300, 600, 900, 200] {
            let seen = count(&mut drawn, 100_000);
            let z = chi_square_z(&seen, &law(1000, 300, 0.9, start));
            assert!(z.abs() < 4.0, "from {start}: z = {z:.1}");
        }
    }
}
