//! The key distributions.

use std::fmt::Debug;
use std::sync::Arc;

use rand::Rng as _;

use super::{MAX_KEYS, Permutation, Rng, Zipf};

/// A distribution of keys. The loop that draws a block of them is monomorphised over it.
pub trait Keys: Debug + Send {
    /// Draws a key.
    fn next_key(&mut self, rng: &mut Rng) -> u64;
}

/// Every key of `0..keys` is equally likely (to keys / 2^64).
#[derive(Clone, Copy, Debug)]
pub struct UniformKeys {
    keys: u64,
}

impl UniformKeys {
    /// The uniform distribution over `0..keys`.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ keys ≤ [`MAX_KEYS`].
    #[must_use]
    pub fn new(keys: u64) -> Self {
        assert!((1..=MAX_KEYS).contains(&keys), "a range of {keys} keys");
        Self { keys }
    }
}

impl Keys for UniformKeys {
    #[inline(always)]
    fn next_key(&mut self, rng: &mut Rng) -> u64 {
        below(rng.next_u64(), self.keys)
    }
}

/// A number below `n` for a random word, each equally likely (to n / 2^64).
#[inline(always)]
pub(super) fn below(word: u64, n: u64) -> u64 {
    ((u128::from(word) * u128::from(n)) >> 64) as u64
}

/// [`Zipf`] ranks, scattered over the key range by a [`Permutation`].
///
/// A clone shares the table: make one for a trial and clone it for its threads.
#[derive(Clone, Debug)]
pub struct ZipfKeys {
    ranks: Arc<Zipf>,
    scatter: Permutation,
}

impl ZipfKeys {
    /// Zipf's distribution with skew `theta` over `0..keys`; `seed` says which keys are hot.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ keys ≤ [`MAX_KEYS`] and `theta` is finite and not negative.
    #[must_use]
    pub fn new(keys: u64, theta: f64, seed: u64) -> Self {
        Self { ranks: Arc::new(Zipf::new(keys, theta)), scatter: Permutation::new(keys, seed) }
    }

    /// The key of this rank, from 0, the hottest.
    #[must_use]
    pub fn key_of(&self, rank: u64) -> u64 {
        self.scatter.apply(rank)
    }
}

impl Keys for ZipfKeys {
    #[inline(always)]
    fn next_key(&mut self, rng: &mut Rng) -> u64 {
        self.scatter.apply(self.ranks.draw(rng))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::chi_square_z;
    use super::*;

    #[test]
    fn uniform_keys_are_uniform() {
        for keys in [2, 3, 1000, 1024] {
            let mut distribution = UniformKeys::new(keys);
            let mut rng = Rng::seed_from_u64(keys);
            let mut seen = vec![0; keys as usize];
            for _ in 0..500_000 {
                seen[distribution.next_key(&mut rng) as usize] += 1;
            }
            let z = chi_square_z(&seen, &vec![1.0 / keys as f64; keys as usize]);
            assert!(z.abs() < 4.0, "{keys} keys: z = {z:.1}");
        }
    }

    #[test]
    fn zipf_keys_are_the_scattered_ranks() {
        let keys = 1000;
        let mut distribution = ZipfKeys::new(keys, 0.99, 3);
        let mut rng = Rng::seed_from_u64(1);
        let mut by_key = vec![0; keys as usize];
        for _ in 0..500_000 {
            by_key[distribution.next_key(&mut rng) as usize] += 1;
        }
        let by_rank: Vec<u64> =
            (0..keys).map(|rank| by_key[distribution.key_of(rank) as usize]).collect();
        let mut pmf: Vec<f64> = (1..=keys).map(|k| (k as f64).powf(-0.99)).collect();
        let total: f64 = pmf.iter().sum();
        pmf.iter_mut().for_each(|p| *p /= total);
        let z = chi_square_z(&by_rank, &pmf);
        assert!(z.abs() < 4.0, "z = {z:.1}");
        assert!(chi_square_z(&by_key, &pmf) > 100.0, "the ranks are not scattered");
    }
}
