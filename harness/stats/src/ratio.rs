//! The ratio of two rates.
//!
//! Its centre is the geometric mean: then the ratio of B to A is the reciprocal of that of A to B,
//! A to B times B to C is A to C, and the tests, which are of the mean of logarithms, test it.

use super::{LEVEL, RESAMPLES, bca, bca_of_two, mean, rng};

/// A ratio, above 1 if ours is the larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The geometric mean.
    pub centre: f64,
    /// Its 95 % BCa interval; `None` of fewer than two pairs, or two values on either side.
    pub interval: Option<(f64, f64)>,
}

/// The logarithm of each pair's ratio of the first to the second. `None` if that is not finite for
/// each of them: a rate of 0 has no ratio.
#[must_use]
pub fn log_ratios(pairs: &[(f64, f64)]) -> Option<Vec<f64>> {
    let log = |(ours, theirs): &(f64, f64)| Some(log(*ours)? - log(*theirs)?);
    pairs.iter().map(log).collect()
}

/// The ratio of rates that were measured in pairs, from each pair's [`log_ratios`].
#[must_use]
pub fn ratio_of_pairs(log_ratios: &[f64]) -> Ratio {
    let interval = bca(log_ratios, mean, LEVEL, RESAMPLES, &mut rng());
    from_logs(mean(log_ratios), interval)
}

/// The ratio of rates that were measured independently: of their geometric means. `None` if a rate
/// has no finite logarithm, or there is none.
#[must_use]
pub fn ratio_of_samples(ours: &[f64], theirs: &[f64]) -> Option<Ratio> {
    let logs = |rates: &[f64]| rates.iter().map(|rate| log(*rate)).collect::<Option<Vec<f64>>>();
    let (ours, theirs) = (logs(ours)?, logs(theirs)?);
    if ours.is_empty() || theirs.is_empty() {
        return None;
    }
    let difference = |ours: &[f64], theirs: &[f64]| mean(ours) - mean(theirs);
    let interval = bca_of_two([&ours, &theirs], difference, LEVEL, RESAMPLES, &mut rng());
    Some(from_logs(difference(&ours, &theirs), interval))
}

fn log(rate: f64) -> Option<f64> {
    Some(rate.ln()).filter(|log| log.is_finite())
}

fn from_logs(centre: f64, interval: Option<(f64, f64)>) -> Ratio {
    Ratio { centre: centre.exp(), interval: interval.map(|(low, high)| (low.exp(), high.exp())) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::close;
    use super::*;

    #[test]
    fn ratios_by_hand() {
        let logs = log_ratios(&[(2.0, 1.0), (8.0, 1.0), (4.0, 4.0)]).unwrap();
        let ratio = ratio_of_pairs(&logs);
        close(ratio.centre, 16.0_f64.cbrt(), 1e-12);
        let (low, high) = ratio.interval.unwrap();
        assert!((1.0..ratio.centre).contains(&low) && high > ratio.centre && high <= 8.0 + 1e-9);
        let ratio = ratio_of_samples(&[2.0, 8.0], &[1.0, 1.0, 1.0]).unwrap();
        close(ratio.centre, 4.0, 1e-12);
        assert!(ratio.interval.is_some());
        close(ratio_of_samples(&[2.0, 8.0], &[2.0, 2.0]).unwrap().centre, 2.0, 1e-12);
    }

    #[test]
    fn the_other_way_round_is_the_reciprocal() {
        let pairs = [(2.0, 1.0), (3.0, 2.5), (4.0, 4.5), (7.0, 2.0)];
        let swapped = pairs.map(|(a, b)| (b, a));
        let (a, b) =
            [&pairs, &swapped].map(|pairs| ratio_of_pairs(&log_ratios(pairs).unwrap())).into();
        close(a.centre * b.centre, 1.0, 1e-12);
    }

    #[test]
    fn what_has_no_ratio() {
        assert_eq!(log_ratios(&[(1.0, 2.0), (0.0, 1.0)]), None);
        assert_eq!(log_ratios(&[(1.0, f64::INFINITY)]), None);
        assert_eq!(log_ratios(&[(-1.0, 1.0)]), None);
        assert_eq!(ratio_of_samples(&[1.0, 0.0], &[1.0]), None);
        assert_eq!(ratio_of_samples(&[], &[1.0]), None);
        let one = ratio_of_samples(&[3.0], &[1.0, 1.0]).unwrap();
        assert_eq!(one.interval, None);
        assert!(ratio_of_pairs(&[]).centre.is_nan());
    }
}
