//! Paired tests that ratios are 1, of many comparisons at once, by flipping signs.
//!
//! If two tables are alike, which of them was the faster in a block is a coin's toss, and so the
//! block's log ratio might as well have the other sign. The test asks how many of all the ways to
//! flip signs give a Student's t as far from 0 as the one observed. It assumes that log ratios are
//! spread symmetrically if the tables are alike, and no distribution.
//!
//! The correction is Holm's step-down with the distribution of the largest t in place of
//! Bonferroni's bound (Westfall & Young, *Resampling-Based Multiple Testing*, 1993; Romano & Wolf,
//! *Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing*, JASA 2005). A flip
//! turns a whole block around, in all comparisons together, so that what they have in common, such
//! as the baseline, is accounted for. Bonferroni's bound would be too coarse: ten blocks have 1,024
//! flips, so no p-value is below 2 / 1,024, and of more than 25 comparisons none could be called.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::SEED;

/// Up to so many blocks every flip is tried.
const EXACT_BLOCKS: usize = 15;

/// Flips that are tried of more blocks, the identity among them.
const RANDOM_FLIPS: usize = 1 << 14;

/// Of a comparison's p-value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct P {
    /// As if it were the only comparison.
    pub alone: f64,
    /// Corrected for all that are tested with it: calling those at most α makes the chance of
    /// calling any wrongly at most α.
    pub adjusted: f64,
}

/// The fewest pairs from which a p-value can be at most `alpha`.
#[must_use]
pub fn fewest_pairs(alpha: f64) -> usize {
    (1..).find(|pairs| 0.5_f64.powi(pairs - 1) <= alpha).map_or(usize::MAX, |pairs| pairs as usize)
}

/// The p-value of each comparison, two-sided. A comparison is one log ratio a block, `None` where
/// the block has none; all have the same number of blocks.
#[must_use]
pub fn flip_tests(comparisons: &[Vec<Option<f64>>]) -> Vec<P> {
    let blocks = comparisons.iter().map(Vec::len).max().unwrap_or(0);
    let comparisons: Vec<Comparison> =
        comparisons.iter().map(|logs| Comparison::of(logs)).collect();
    let observed: Vec<f64> =
        comparisons.iter().map(|comparison| comparison.t_squared(&vec![1.0; blocks])).collect();
    // Holm's order, the furthest from 0 first.
    let mut order: Vec<usize> = (0..comparisons.len()).collect();
    order.sort_by(|a, b| observed[*b].total_cmp(&observed[*a]));
    let flips = if blocks <= EXACT_BLOCKS { 1 << blocks.saturating_sub(1) } else { RANDOM_FLIPS };
    let none = || vec![(0_u32, 0_u32); comparisons.len()];
    let counts = (0..flips)
        .into_par_iter()
        .fold(none, |mut counts, flip| {
            let signs = signs(flip, blocks);
            let mut largest: f64 = 0.0;
            for &index in order.iter().rev() {
                let flipped = comparisons[index].t_squared(&signs);
                largest = largest.max(flipped);
                // The same sum in another order is the same.
                let enough = observed[index] * (1.0 - 1e-9);
                counts[index].0 += u32::from(flipped >= enough);
                counts[index].1 += u32::from(largest >= enough);
            }
            counts
        })
        .reduce(none, |a, b| a.into_iter().zip(b).map(|(a, b)| (a.0 + b.0, a.1 + b.1)).collect());
    let share = |count: u32| f64::from(count) / flips as f64;
    let mut p_values: Vec<P> = counts
        .into_iter()
        .map(|(alone, adjusted)| P { alone: share(alone), adjusted: share(adjusted) })
        .collect();
    let mut least: f64 = 0.0;
    for index in order {
        least = least.max(p_values[index].adjusted);
        p_values[index].adjusted = least;
    }
    p_values
}

/// The signs of the blocks in a flip; of the 0th, all +. Since the test is two-sided, of two
/// opposite flips one is enough: the first block is never flipped.
fn signs(flip: usize, blocks: usize) -> Vec<f64> {
    let sign = |minus: bool| if minus { -1.0 } else { 1.0 };
    if flip == 0 || blocks <= EXACT_BLOCKS {
        return (0..blocks).map(|block| sign(block > 0 && flip >> (block - 1) & 1 == 1)).collect();
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED ^ flip as u64);
    (0..blocks).map(|_| sign(rng.random())).collect()
}

/// Log ratios with the block of each, and the sum of their squares, which no flip changes.
struct Comparison {
    logs: Vec<(usize, f64)>,
    squares: f64,
}

impl Comparison {
    fn of(logs: &[Option<f64>]) -> Self {
        let logs: Vec<(usize, f64)> =
            logs.iter().enumerate().filter_map(|(block, log)| Some((block, (*log)?))).collect();
        let squares = logs.iter().map(|(_, log)| log * log).sum();
        Self { logs, squares }
    }

    /// The square of Student's t after a flip: 0 of fewer than two log ratios, or if all are 0;
    /// infinite if all are equal.
    fn t_squared(&self, signs: &[f64]) -> f64 {
        let n = self.logs.len() as f64;
        if self.logs.len() < 2 || self.squares == 0.0 {
            return 0.0;
        }
        let sum: f64 = self.logs.iter().map(|(block, log)| signs[*block] * log).sum();
        let share = sum * sum / (n * self.squares);
        if share >= 1.0 { f64::INFINITY } else { (n - 1.0) * share / (1.0 - share) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Reference, close};
    use super::*;

    fn whole(logs: &[&[f64]]) -> Vec<Vec<Option<f64>>> {
        logs.iter().map(|logs| logs.iter().copied().map(Some).collect()).collect()
    }

    #[test]
    fn by_hand() {
        // |sum| is 10 in the identity, and in no other of the 8 flips.
        assert_eq!(flip_tests(&whole(&[&[1.0, 2.0, 3.0, 4.0]]))[0].alone, 1.0 / 8.0);
        // The sums are 4, 0, −2 and −6: as far from 0 as 4 in two of the 4 flips.
        assert_eq!(flip_tests(&whole(&[&[-1.0, 2.0, 3.0]]))[0].alone, 2.0 / 4.0);
        // Of a pair alone, and of no difference, nothing can be said.
        assert_eq!(flip_tests(&whole(&[&[5.0]]))[0], P { alone: 1.0, adjusted: 1.0 });
        assert_eq!(flip_tests(&whole(&[&[0.0; 6]]))[0], P { alone: 1.0, adjusted: 1.0 });
        assert_eq!(flip_tests(&whole(&[&[0.1; 6]]))[0].alone, 1.0 / 32.0);
        assert!(flip_tests(&[]).is_empty());
    }

    #[test]
    fn the_correction_by_hand() {
        // By the second alone: t² is largest in the identity only. The first's flips reach
        // t² = ∞ in the one that turns its two −1 around, which counts against both.
        let p = flip_tests(&whole(&[&[1.0, -1.0, 1.0, -1.0], &[1.0, 2.0, 3.0, 4.0]]));
        assert_eq!(p[1], P { alone: 1.0 / 8.0, adjusted: 2.0 / 8.0 });
        assert_eq!(p[0].alone, 1.0, "its sum is 0");
        assert_eq!(p[0].adjusted, 1.0);
    }

    #[test]
    fn comparisons_of_few_pairs_are_weighed_by_t() {
        let three = |rest: [f64; 4]| {
            let logs = [vec![Some(1.0), Some(2.0), Some(3.0), None], rest.map(Some).to_vec()];
            flip_tests(&logs).iter().map(|p| (8.0 * p.alone, 8.0 * p.adjusted)).collect::<Vec<_>>()
        };
        // Of three pairs t² is 12. Of four it is 12.8: the second has the lead, by one flip of 8.
        assert_eq!(three([1.0, 2.0, 2.0, 4.0]), [(2.0, 2.0), (1.0, 1.0)]);
        // Here it is 9, and its corrected p-value may not be below the first's.
        assert_eq!(three([1.0, 1.0, 1.0, 3.0]), [(2.0, 2.0), (1.0, 2.0)]);
        // Two pairs are the fewest with a t; one pair has none, and stands in nobody's way.
        assert_eq!(flip_tests(&whole(&[&[1.0, 1.0]]))[0].alone, 1.0 / 2.0);
        let one = [vec![Some(5.0), None, None, None], [1.0, 2.0, 3.0, 4.0].map(Some).to_vec()];
        assert_eq!(flip_tests(&one)[1].adjusted, 1.0 / 8.0);
    }

    #[test]
    fn fifteen_blocks_are_exact_and_sixteen_close() {
        // The signs of so many blocks, the first of which are +.
        let signs = |plus: usize, blocks: usize| -> Vec<f64> {
            (0..blocks).map(|block| if block < plus { 1.0 } else { -1.0 }).collect()
        };
        let alone = |logs: &[f64]| flip_tests(&whole(&[logs]))[0].alone;
        // The sum is 3: all but C(15, 7) + C(15, 8) = 12,870 of 2¹⁵ are as far from 0.
        assert_eq!(alone(&signs(9, 15)), 1.0 - 12_870.0 / 32_768.0);
        // The sum is 4: all but C(16, 8) + 2 C(16, 7) = 35,750 of 2¹⁶.
        close(alone(&signs(10, 16)), 1.0 - 35_750.0 / 65_536.0, 0.01);
    }

    #[test]
    fn matches_scipy() {
        for case in Reference::read().flip_tests {
            let p = flip_tests(&case.logs);
            for (i, p) in p.iter().enumerate() {
                close(p.alone, case.alone[i], 1e-12);
                close(p.adjusted, case.adjusted[i], 1e-12);
            }
        }
    }

    #[test]
    fn a_missing_pair_is_not_a_ratio_of_one() {
        let mut logs = whole(&[&[0.3, 0.1, 0.2, 0.4, 0.2, 0.3, 0.1]]);
        let seven = flip_tests(&logs)[0].alone;
        logs[0][2] = None;
        assert_eq!((seven, flip_tests(&logs)[0].alone), (1.0 / 64.0, 1.0 / 32.0));
        // Nor in the correction: the first's t is infinite, in two of the 8 flips. With a fourth
        // log ratio of 0 it would be the smaller one.
        let mut logs = whole(&[&[1.0, 1.0, 1.0, 1.0], &[1.0, 2.0, 3.0, 4.0]]);
        logs[0][3] = None;
        let p = flip_tests(&logs);
        assert_eq!(p[0], P { alone: 2.0 / 8.0, adjusted: 2.0 / 8.0 });
        assert_eq!(p[1], P { alone: 1.0 / 8.0, adjusted: 2.0 / 8.0 });
    }

    #[test]
    fn many_blocks_are_sampled() {
        let clear: Vec<f64> = (0..40).map(|i| 0.5 + 0.01 * f64::from(i % 7)).collect();
        let none: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 0.5 } else { -0.49 }).collect();
        let p = flip_tests(&whole(&[&clear, &none]));
        assert_eq!(p[0].adjusted, 1.0 / RANDOM_FLIPS as f64);
        assert!(p[1].alone > 0.5, "{p:?}");
        assert_eq!(flip_tests(&whole(&[&clear, &none])), p, "another answer the second time");
    }

    #[test]
    fn six_pairs_are_the_fewest_for_five_percent() {
        assert_eq!(fewest_pairs(0.05), 6);
        assert_eq!(fewest_pairs(1.0), 1);
    }

    /// 30 comparisons of ten blocks with one baseline, all tables alike, noise that only slows: in
    /// how many of 400 such tables something is called at 5 %. Without a correction it is in most.
    #[test]
    fn tables_that_are_alike_are_seldom_called_different() {
        let mut source = Xoshiro256PlusPlus::seed_from_u64(11);
        let (mut corrected, mut uncorrected) = (0, 0);
        for _ in 0..400 {
            // The logarithm of a rate: now and then a trial is slowed a lot.
            let mut trial = |_| -(1.0 - source.random::<f64>()).ln().powi(2) * 0.05;
            let baseline: Vec<f64> = (0..10).map(&mut trial).collect();
            let mut against = |_| baseline.iter().map(|base| Some(trial(0) - base)).collect();
            let p = flip_tests(&(0..30).map(&mut against).collect::<Vec<_>>());
            corrected += u32::from(p.iter().any(|p| p.adjusted <= 0.05));
            uncorrected += u32::from(p.iter().any(|p| p.alone <= 0.05));
        }
        assert!(corrected <= 32, "{corrected} of 400");
        assert!(uncorrected > 150, "{uncorrected} of 400");
    }
}
