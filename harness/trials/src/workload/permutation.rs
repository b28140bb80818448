//! A seeded bijection of a range of integers.

use table::mix;

use super::MAX_KEYS;

/// A seeded bijection of `0..n`.
///
/// On the next power of two: multiply by an odd number, xor the upper half into the lower,
/// multiply again, add; each is a bijection. Where n is not a power of two, that is repeated
/// until it falls below n ("cycle walking"), less than twice on average.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    n: u64,
    mask: u64,
    shift: u32,
    offset: u64,
    multipliers: [u64; 2],
}

impl Permutation {
    /// The bijection of `0..n` that belongs to `seed`.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ n ≤ [`MAX_KEYS`].
    #[must_use]
    pub fn new(n: u64, seed: u64) -> Self {
        assert!((1..=MAX_KEYS).contains(&n), "a permutation of {n} numbers");
        let mask = n.next_power_of_two() - 1;
        let bits = mask.count_ones();
        Self {
            n,
            mask,
            shift: bits.div_ceil(2),
            offset: mix(seed),
            multipliers: [mix(seed ^ 1) | 1, mix(seed ^ 2) | 1],
        }
    }

    /// Where `x` goes.
    #[inline(always)]
    #[must_use]
    pub fn apply(&self, x: u64) -> u64 {
        debug_assert!(x < self.n);
        let mut x = self.step(x);
        while x >= self.n {
            x = self.step(x);
        }
        x
    }

    #[inline(always)]
    fn step(&self, x: u64) -> u64 {
        let x = x.wrapping_mul(self.multipliers[0]) & self.mask;
        let x = (x ^ (x >> self.shift)).wrapping_mul(self.multipliers[1]);
        x.wrapping_add(self.offset) & self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_bijection() {
        let large = [1000, 1023, 1024, 1025, 65_536, 100_003, 131_073];
        for n in (1..=300).chain(large) {
            for seed in [0, 1, 42, u64::MAX] {
                let permutation = Permutation::new(n, seed);
                let mut hit = vec![false; n as usize];
                for x in 0..n {
                    let y = permutation.apply(x) as usize;
                    assert!(!std::mem::replace(&mut hit[y], true), "n {n}, seed {seed}: {y} twice");
                }
            }
        }
    }

    #[test]
    fn stays_in_range_up_to_the_largest() {
        for n in [MAX_KEYS, MAX_KEYS - 1, (MAX_KEYS >> 1) + 1] {
            let permutation = Permutation::new(n, 7);
            for x in (0..1000).chain(n - 1000..n) {
                assert!(permutation.apply(x) < n);
            }
        }
    }

    #[test]
    fn moves_nearly_everything() {
        for seed in 0..100 {
            let permutation = Permutation::new(1 << 16, seed);
            let fixed = (0..1 << 16).filter(|&x| permutation.apply(x) == x).count();
            assert!(fixed < 1 << 10, "seed {seed}: {fixed} fixed points");
        }
    }

    #[test]
    fn hot_ranks_are_spread_out() {
        // 32 random keys of 2^20 have a pair less than 64 apart with probability 6 %.
        let mut crowded = 0;
        for seed in 0..500 {
            let permutation = Permutation::new(1 << 20, seed);
            let mut hot: Vec<u64> = (0..32).map(|rank| permutation.apply(rank)).collect();
            hot.sort_unstable();
            assert!(hot[31] - hot[0] > 1 << 18, "seed {seed}: {hot:?}");
            crowded += u32::from(hot.windows(2).any(|pair| pair[1] - pair[0] < 64));
        }
        assert!(crowded < 75, "crowded for {crowded} of 500 seeds");
    }

    #[test]
    fn seeds_give_different_permutations() {
        let image = |seed| -> Vec<u64> {
            let permutation = Permutation::new(1 << 20, seed);
            (0..8).map(|x| permutation.apply(x)).collect()
        };
        assert_ne!(image(1), image(2));
        assert_eq!(image(1), image(1));
    }
}
