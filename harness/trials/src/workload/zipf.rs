//! Exact Zipf ranks in constant time, from a table that stays in the first-level cache.
//!
//! Ranks are cut into at most [`STRATA`] strata: single ranks at the head, then ranges of
//! growing width (at n = 2^24 about 3 % of their first rank). An alias table (Vose 1991) picks
//! a stratum from one random word, by its width times the probability of its first, likeliest
//! rank. A second word picks one of its ranks uniformly, by the upper half of a product; the
//! lower half decides whether the rank is kept, with probability pmf(rank) / pmf(first). If it
//! is not, all is drawn again. So rank k is drawn in proportion to pmf(k), whatever the cut.
//!
//! Since pmf decreases, a chance below pmf(last) / pmf(first) needs no power to be computed; at
//! most a few percent of the tail's draws do.
//!
//! Exact means: up to the rounding of f64 in the weights, 2^-55 in the alias table, and
//! width / 2^64 (below 2^-27) in the choice of a rank. No θ is special: 0, 1 and larger ones
//! work alike, and there is no period but the generator's.

use std::fmt;

use rand::Rng as _;

use super::MAX_KEYS;
use super::Rng;

/// Number of strata: with 24 bytes for each and 8 for its cell of the alias table, 16 KiB.
const STRATA: usize = 512;

/// log2 of [`STRATA`].
const STRATA_BITS: u32 = STRATA.trailing_zeros();

/// A range of ranks, which count from 0; the law's k counts from 1.
#[derive(Clone, Copy, Debug, Default)]
struct Stratum {
    first: u64,
    width: u64,
    /// pmf(last rank) / pmf(first rank), times 2^64.
    squeeze: u64,
}

/// Zipf's distribution: rank r of `0..n` has a probability proportional to (r + 1)^-θ.
pub struct Zipf {
    /// The alias table: what of the cell is its own (upper bits), and whose the rest is.
    cells: [u64; STRATA],
    strata: [Stratum; STRATA],
    theta: f64,
    n: u64,
}

impl Zipf {
    /// The distribution over `0..n` with skew `theta`.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ n ≤ [`MAX_KEYS`] and `theta` is finite and not negative.
    #[must_use]
    pub fn new(n: u64, theta: f64) -> Self {
        assert!((1..=MAX_KEYS).contains(&n), "a Zipf distribution of {n} ranks");
        assert!(theta.is_finite() && theta >= 0.0, "a Zipf distribution with θ = {theta}");
        let strata = cut(n, theta);
        let weights =
            strata.map(|stratum| stratum.width as f64 * ((stratum.first + 1) as f64).powf(-theta));
        Self { cells: alias(&weights), strata, theta, n }
    }

    /// The number of ranks.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Whether there are no ranks: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// θ.
    #[must_use]
    pub fn theta(&self) -> f64 {
        self.theta
    }

    /// Draws a rank, from 0.
    #[inline(always)]
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        loop {
            let stratum = &self.strata[self.pick(rng.next_u64())];
            let product = u128::from(rng.next_u64()) * u128::from(stratum.width);
            let (offset, chance) = ((product >> 64) as u64, product as u64);
            if chance <= stratum.squeeze || self.keeps(stratum.first, offset, chance) {
                return stratum.first + offset;
            }
        }
    }

    /// The stratum for a random word.
    #[inline(always)]
    fn pick(&self, word: u64) -> usize {
        let index = (word >> (64 - STRATA_BITS)) as usize;
        let cell = self.cells[index];
        let other = cell as usize % STRATA;
        if (word << STRATA_BITS) < cell { index } else { other }
    }

    /// Whether the rank `first + offset` is kept at this chance (times 2^-64).
    #[cold]
    #[inline(never)]
    fn keeps(&self, first: u64, offset: u64, chance: u64) -> bool {
        let log = (offset as f64 / (first + 1) as f64).ln_1p();
        chance as f64 * 2f64.powi(-64) <= (-self.theta * log).exp()
    }
}

impl fmt::Debug for Zipf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zipf").field("n", &self.n).field("theta", &self.theta).finish()
    }
}

/// Cuts the ranks into strata: each as wide as it must be for equal ratios from there on, but
/// at least one rank. Strata left over are empty.
fn cut(n: u64, theta: f64) -> [Stratum; STRATA] {
    let end = n + 1;
    let mut strata = [Stratum::default(); STRATA];
    // The law's k.
    let mut first = 1;
    for (index, stratum) in strata.iter_mut().enumerate() {
        if first == end {
            break;
        }
        let left = STRATA - index;
        let ratio = (end as f64 / first as f64).powf(1.0 / left as f64);
        let next = if left == 1 { end } else { ((first as f64 * ratio) as u64).max(first + 1) };
        let width = next.min(end) - first;
        let last = (first + width - 1) as f64;
        // The cast saturates: a single rank is always kept.
        let squeeze = ((last / first as f64).powf(-theta) * 2f64.powi(64)) as u64;
        *stratum = Stratum { first: first - 1, width, squeeze };
        first += width;
    }
    strata
}

/// Vose's alias table of these weights.
fn alias(weights: &[f64; STRATA]) -> [u64; STRATA] {
    let scale = STRATA as f64 / weights.iter().rev().sum::<f64>();
    let mut share = weights.map(|weight| weight * scale);
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..STRATA).partition(|&index| share[index] < 1.0);
    // A cell that is wholly its own names itself as the other.
    let mut cells: [u64; STRATA] = std::array::from_fn(|index| index as u64);
    while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
        small.pop();
        cells[poor] = pack(share[poor], rich);
        share[rich] -= 1.0 - share[poor];
        if share[rich] < 1.0 {
            large.pop();
            small.push(rich);
        }
    }
    // Rounding leaves cells whose share differs from 1 by a few 1e-16, unless they weigh nothing.
    cells
}

/// A cell of the alias table: its own share in the upper bits, the other's index in the lower.
fn pack(share: f64, other: usize) -> u64 {
    let own = (share * 2f64.powi(64 - STRATA_BITS as i32)) as u64;
    (own << STRATA_BITS) | other as u64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::chi_square_z;
    use super::*;

    const SKEWS: [f64; 7] = [0.0, 0.3, 0.5, 0.99, 1.0, 1.2, 2.0];

    /// The exact probabilities of the ranks.
    fn pmf(n: u64, theta: f64) -> Vec<f64> {
        let weights: Vec<f64> = (1..=n).map(|k| (k as f64).powf(-theta)).collect();
        let total: f64 = weights.iter().rev().sum();
        weights.into_iter().map(|weight| weight / total).collect()
    }

    /// Σ k^-θ for `first` ≤ k < `end`: ranks below 1000 one by one, then the integral of the
    /// midpoint rule, which is off by less than θ (θ + 1) / 24 of a millionth.
    fn power_sum(first: u64, end: u64, theta: f64) -> f64 {
        let head: f64 = (first..end.min(1000)).map(|k| (k as f64).powf(-theta)).sum();
        let first = first.max(1000);
        if end <= first {
            return head;
        }
        let low = first as f64 - 0.5;
        let log = ((end - first) as f64 / low).ln_1p();
        let exponent = (1.0 - theta) * log;
        let growth = if exponent == 0.0 { 1.0 } else { exponent.exp_m1() / exponent };
        head + low.powf(1.0 - theta) * log * growth
    }

    fn probability_of_stratum(zipf: &Zipf, wanted: usize) -> f64 {
        let unit = 2f64.powi(-64) / STRATA as f64;
        let parts = zipf.cells.iter().enumerate().map(|(index, cell)| {
            let (own, other) = (*cell as f64 * unit, *cell as usize % STRATA);
            let rest = 1.0 / STRATA as f64 - own;
            f64::from(index == wanted) * own + f64::from(other == wanted) * rest
        });
        parts.sum()
    }

    #[test]
    fn strata_cover_the_ranks() {
        for n in (1..2000).chain([1 << 20, 1_000_003, 1 << 24, MAX_KEYS - 1, MAX_KEYS]) {
            let strata = cut(n, 1.0);
            let mut next = 0;
            for stratum in strata.iter().filter(|stratum| stratum.width > 0) {
                assert_eq!(stratum.first, next, "n {n}");
                next += stratum.width;
                // Few draws are lost.
                assert!(stratum.width == 1 || stratum.width * 14 < stratum.first, "n {n}");
            }
            assert_eq!(next, n);
        }
    }

    #[test]
    fn the_alias_table_has_the_weights() {
        for theta in SKEWS {
            let zipf = Zipf::new(100_000, theta);
            let weights = zipf.strata.map(|s| s.width as f64 * ((s.first + 1) as f64).powf(-theta));
            let total: f64 = weights.iter().sum();
            for (index, weight) in weights.into_iter().enumerate() {
                let error = (probability_of_stratum(&zipf, index) - weight / total).abs();
                assert!(error < 1e-12, "θ {theta}, stratum {index}: {error:e}");
            }
        }
    }

    /// The shares that a scrambled Zipf over ten billion items gets wrong.
    #[test]
    fn the_hottest_key_has_its_share() {
        for (n, share) in [(10_000, 0.098), (1_000_000, 0.065), (100_000_000, 0.048)] {
            let zipf = Zipf::new(n, 0.99);
            // The weight of the strata over that of their ranks: what is drawn for one kept.
            let drawn = 1.0 / probability_of_stratum(&zipf, 0);
            let exact = power_sum(1, n + 1, 0.99);
            assert!((1.0..1.05).contains(&(drawn / exact)), "n {n}: {drawn} for {exact}");
            assert!((1.0 / exact - share).abs() < 0.0005, "n {n}: {}", 1.0 / exact);

            let mut rng = Rng::seed_from_u64(n);
            let draws = 2_000_000;
            let hottest = (0..draws).filter(|_| zipf.draw(&mut rng) == 0).count();
            let error = (hottest as f64 / f64::from(draws) - 1.0 / exact).abs();
            // The standard deviation is 0.0002.
            assert!(error < 0.0008, "n {n}: off by {error}");
        }
    }

    #[test]
    fn ranks_follow_the_law() {
        for (seed, theta) in SKEWS.into_iter().enumerate() {
            for n in [1, 2, 3, 100, 511, 512, 513, 1000, 20_000] {
                let zipf = Zipf::new(n, theta);
                let mut rng = Rng::seed_from_u64(seed as u64);
                let mut seen = vec![0; n as usize];
                for _ in 0..500_000 {
                    seen[zipf.draw(&mut rng) as usize] += 1;
                }
                if n == 1 {
                    continue;
                }
                let z = chi_square_z(&seen, &pmf(n, theta));
                assert!(z.abs() < 4.0, "θ {theta}, n {n}: z = {z:.1}");
            }
        }
    }

    /// Within a stratum the law is not flat. In one stratum that is hard to see; here every
    /// wide one counts, by sixteenths of its width.
    #[test]
    fn ranks_follow_the_law_within_strata() {
        const PARTS: usize = 16;
        for theta in [0.5, 0.99, 1.0, 1.2] {
            let zipf = Zipf::new(1 << 30, theta);
            // The law's k at which a part begins.
            let bound = |s: &Stratum, part: usize| {
                s.first + 1 + (s.width * part as u64).div_ceil(PARTS as u64)
            };
            let wide = |s: &&Stratum| s.width >= 64;
            let mut expected = [0.0; PARTS];
            for stratum in zipf.strata.iter().filter(wide) {
                for (part, expected) in expected.iter_mut().enumerate() {
                    *expected += power_sum(bound(stratum, part), bound(stratum, part + 1), theta);
                }
            }
            let total: f64 = expected.iter().sum();
            let mut rng = Rng::seed_from_u64(5);
            let mut seen = [0; PARTS];
            for _ in 0..2_000_000 {
                let rank = zipf.draw(&mut rng);
                let index = zipf.strata.partition_point(|s| s.first <= rank) - 1;
                let stratum = zipf.strata[index];
                if stratum.width >= 64 {
                    let part = (rank - stratum.first) * PARTS as u64 / stratum.width;
                    seen[part as usize] += 1;
                }
            }
            let z = chi_square_z(&seen, &expected.map(|weight| weight / total));
            assert!(z.abs() < 4.0, "θ {theta}: z = {z:.1}");
        }
    }

    #[test]
    fn the_largest_range_is_reached() {
        let zipf = Zipf::new(MAX_KEYS, 0.5);
        let mut rng = Rng::seed_from_u64(1);
        let ranks: Vec<u64> = (0..10_000).map(|_| zipf.draw(&mut rng)).collect();
        assert!(ranks.iter().all(|&rank| rank < MAX_KEYS));
        // P(rank ≥ 0.81 n) = 1 − √0.81.
        let high = ranks.iter().filter(|&&rank| rank >= MAX_KEYS / 100 * 81).count();
        assert!((900..1100).contains(&high), "{high}");
    }

    #[test]
    fn a_steep_law_is_one_rank() {
        let zipf = Zipf::new(1 << 20, 1e6);
        let mut rng = Rng::seed_from_u64(1);
        assert!((0..1000).all(|_| zipf.draw(&mut rng) == 0));
    }
}
