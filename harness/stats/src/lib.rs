//! Statistics of a few trials: pure functions of slices. It is a separate crate so that it is compiled optimised even
//! where the harness is not: tests and checks compute thousands of intervals.
//!
//! | file | holds |
//! | --- | --- |
//! | here | averages and quantiles |
//! | `bootstrap` | intervals |
//! | `ratio` | the ratio of two rates, trial by trial or of two samples |
//! | `flips`, `shuffles` | tests that a ratio is 1: paired, for many at once, and unpaired |
//! | `holm` | the correction of many unpaired tests |
//! | `power` | how far from 1 a ratio must be for the paired test to find it |
//! | `series` | outliers, drift, autocorrelation |
//! | `usl` | the Universal Scalability Law |
//!
//! The interval is the bias-corrected and accelerated bootstrap (BCa; Efron, *Better Bootstrap
//! Confidence Intervals*, JASA 1987). It resamples trials, since the trial is the unit of
//! analysis, and assumes no distribution. With very few trials no interval can be trusted: the
//! range of five trials covers their true median in only 94 % of experiments.

mod bootstrap;
mod flips;
mod holm;
mod normal;
mod power;
mod ratio;
mod series;
mod shuffles;
mod usl;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

pub use self::bootstrap::{bca, bca_of_several, bca_of_two, bca_over, median_interval};
pub use self::flips::{P, fewest_pairs, flip_tests};
pub use self::holm::holm;
pub use self::power::{POWER, detectable};
pub use self::ratio::{Ratio, log_ratios, ratio_of_pairs, ratio_of_samples};
pub use self::series::{Trend, autocorrelation, kendall, outliers};
pub use self::shuffles::shuffle_test;
pub use self::usl::{FEWEST_COUNTS, Usl, UslFit, fit_blocks, fit_usl};

/// The level of every interval the harness shows.
pub const LEVEL: f64 = 0.95;

/// Resamples of every interval the harness shows.
pub const RESAMPLES: usize = 5_000;

/// Seed of [`rng`], so that the same trials always give the same interval.
const SEED: u64 = 0x5EED_0F1B_0075_74A9;

/// The generator that intervals are drawn with, in its initial state.
#[must_use]
pub fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(SEED)
}

/// The arithmetic mean; NaN of nothing.
#[must_use]
pub fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// The median; of an even number, the mean of the middle two; NaN of nothing.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The quantile `q` in [0, 1], interpolated linearly between order statistics (type 7 of
/// Hyndman & Fan, the default of R and NumPy); `q` outside is clamped; NaN of nothing.
#[must_use]
pub fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Half the interval's width as a share of `centre`: 0.05 is "± 5 %". Infinite if `centre` is
/// 0 and the width is not.
#[must_use]
pub fn relative_half_width((low, high): (f64, f64), centre: f64) -> f64 {
    let half = (high - low) / 2.0;
    if half == 0.0 { 0.0 } else { half / centre.abs() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SciPy says: `testdata/stats.py` made it.
    #[derive(serde::Deserialize)]
    pub(super) struct Reference {
        pub(super) bca_of_two: Vec<TwoSamples>,
        pub(super) flip_tests: Vec<Flips>,
        pub(super) shuffle_test: Vec<TwoSamples>,
        pub(super) kendall: Vec<Series>,
        pub(super) usl: Vec<Scaling>,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct TwoSamples {
        pub(super) a: Vec<f64>,
        pub(super) b: Vec<f64>,
        #[serde(default)]
        pub(super) low: f64,
        #[serde(default)]
        pub(super) high: f64,
        #[serde(default)]
        pub(super) p: f64,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct Flips {
        /// By comparison, then by block; null where the block has no pair.
        pub(super) logs: Vec<Vec<Option<f64>>>,
        pub(super) alone: Vec<f64>,
        pub(super) adjusted: Vec<f64>,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct Series {
        pub(super) x: Vec<f64>,
        pub(super) y: Vec<f64>,
        pub(super) tau: f64,
        pub(super) p: f64,
    }

    #[derive(serde::Deserialize)]
    pub(super) struct Scaling {
        /// Number of threads and rate.
        pub(super) points: Vec<(f64, f64)>,
        pub(super) lambda: f64,
        pub(super) sigma: f64,
        pub(super) kappa: f64,
    }

    impl Reference {
        pub(super) fn read() -> Self {
            serde_json::from_str(include_str!("../../testdata/stats.json")).expect("it is ours")
        }
    }

    #[track_caller]
    pub(super) fn close(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "{got} is not {want} ± {tolerance}");
    }

    #[test]
    fn averages_by_hand() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(median(&[6.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert!(mean(&[]).is_nan() && median(&[]).is_nan());
    }

    #[test]
    fn quantiles_by_hand() {
        let x = [40.0, 10.0, 30.0, 20.0];
        assert_eq!(quantile(&x, 0.0), 10.0);
        assert_eq!(quantile(&x, 1.0), 40.0);
        assert_eq!(quantile(&x, 0.25), 17.5);
        close(quantile(&x, 0.9), 37.0, 1e-12);
        assert_eq!(quantile(&x, 7.0), 40.0);
        assert_eq!(quantile(&[5.0], 0.3), 5.0);
    }

    #[test]
    fn half_width_is_relative() {
        close(relative_half_width((95.0, 105.0), 100.0), 0.05, 1e-15);
        close(relative_half_width((-105.0, -95.0), -100.0), 0.05, 1e-15);
        assert_eq!(relative_half_width((0.0, 0.0), 0.0), 0.0);
        assert_eq!(relative_half_width((0.0, 1.0), 0.0), f64::INFINITY);
    }
}
