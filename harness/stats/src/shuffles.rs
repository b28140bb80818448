//! A test that two independent samples have the same mean, by exchanging their values.

use rand::seq::SliceRandom;

use super::{mean, rng};

/// Up to so many ways to part the values, each is tried; of ten and ten there are 184,756.
const EXACT_PARTS: u128 = 200_000;

/// Ways that are tried of more, the one observed among them.
const RANDOM_PARTS: u32 = 20_000;

/// The two-sided p-value of the difference of means: the share of all ways to part the values into
/// samples of these sizes in which the means are at least so far apart. It is 1 if either is empty.
#[must_use]
pub fn shuffle_test(a: &[f64], b: &[f64]) -> f64 {
    // The values are centred, so a sample's sum says how far apart the means are.
    let pooled = [a, b].concat();
    let centre = mean(&pooled);
    let values: Vec<f64> = pooled.iter().map(|value| value - centre).collect();
    let observed: f64 = values[..a.len()].iter().sum();
    // The same sum in another order is the same.
    let size: f64 = values.iter().map(|value| value.abs()).sum();
    let enough = observed.abs() - 1e-12 * size;
    let is_extreme = |sum: f64| sum.abs() >= enough;
    if values.len() <= 64 && ways(values.len(), a.len()) <= EXACT_PARTS {
        let mut counts = [0_u32; 2];
        every_sum(&values, a.len(), 0.0, &mut |sum| counts[usize::from(is_extreme(sum))] += 1);
        return f64::from(counts[1]) / f64::from(counts[0] + counts[1]);
    }
    let (mut shuffled, mut rng) = (values.clone(), rng());
    let mut extreme = 1;
    for _ in 1..RANDOM_PARTS {
        let (chosen, _) = shuffled.partial_shuffle(&mut rng, a.len());
        extreme += u32::from(is_extreme(chosen.iter().sum()));
    }
    f64::from(extreme) / f64::from(RANDOM_PARTS)
}

/// The number of ways to choose `k` of `n`.
fn ways(n: usize, k: usize) -> u128 {
    (0..k.min(n - k) as u128).fold(1_u128, |ways, i| {
        ways.saturating_mul(n as u128 - i).checked_div(i + 1).unwrap_or(ways)
    })
}

/// Calls `visit` with `sum` and the sum of each choice of `k` of `values`.
fn every_sum(values: &[f64], k: usize, sum: f64, visit: &mut impl FnMut(f64)) {
    if k == 0 {
        return visit(sum);
    }
    for (i, value) in values[..=values.len() - k].iter().enumerate() {
        every_sum(&values[i + 1..], k - 1, sum + value, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Reference, close};
    use super::*;

    #[test]
    fn by_hand() {
        // Of the six ways, {3, 4} and {1, 2} part the means so far.
        assert_eq!(shuffle_test(&[3.0, 4.0], &[1.0, 2.0]), 2.0 / 6.0);
        assert_eq!(shuffle_test(&[1.0, 1.0], &[1.0, 1.0]), 1.0);
        assert_eq!(shuffle_test(&[], &[1.0]), 1.0);
        assert_eq!(shuffle_test(&[1.0, 7.0], &[]), 1.0);
        assert_eq!(shuffle_test(&[], &[]), 1.0);
        assert_eq!((ways(20, 10), ways(5, 0), ways(5, 4)), (184_756, 1, 5));
        assert!(ways(1_000, 500) > EXACT_PARTS);
        assert_eq!(ways(1_000, 998), 499_500);
    }

    #[test]
    fn every_choice_is_summed_once() {
        let mut sums = Vec::new();
        every_sum(&[1.0, 2.0, 4.0, 8.0], 2, 0.0, &mut |sum| sums.push(sum));
        assert_eq!(sums, [3.0, 5.0, 9.0, 6.0, 10.0, 12.0]);
    }

    #[test]
    fn matches_scipy() {
        for case in Reference::read().shuffle_test {
            close(shuffle_test(&case.a, &case.b), case.p, 1e-9);
        }
    }

    #[test]
    fn large_samples_are_sampled() {
        let low: Vec<f64> = (0..40).map(f64::from).collect();
        let high: Vec<f64> = low.iter().map(|x| x + 60.0).collect();
        assert_eq!(shuffle_test(&low, &high), 1.0 / f64::from(RANDOM_PARTS));
        assert_eq!(shuffle_test(&low, &low), 1.0);
        // Few enough values, but too many ways.
        assert_eq!(shuffle_test(&low[..20], &high[..20]), 1.0 / f64::from(RANDOM_PARTS));
        let some: Vec<f64> = low.iter().map(|x| x + 3.0).collect();
        // SciPy, permutation_test with 200,000 resamples: 0.258.
        close(shuffle_test(&low, &some), 0.258, 0.02);
    }
}
