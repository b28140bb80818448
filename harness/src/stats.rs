//! Statistics of a few trials: pure functions of slices.
//!
//! The interval is the bias-corrected and accelerated bootstrap (BCa; Efron, *Better Bootstrap
//! Confidence Intervals*, JASA 1987). It resamples trials, since the trial is the unit of
//! analysis, and assumes no distribution. With very few trials no interval can be trusted: the
//! range of five trials covers their true median in only 94 % of experiments.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

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

/// The BCa interval of `statistic` at `level`, from `resamples` resamples.
///
/// Degenerate cases:
///
/// * fewer than two samples, a sample that is not finite, or no resamples: `None`;
/// * all samples equal: the interval of zero width at their value of `statistic`;
/// * the jackknife is constant, so that the acceleration is 0/0: acceleration 0 (the
///   bias-corrected interval);
/// * every resample on one side of the estimate: the bias correction is taken as if half a
///   resample were on the other side.
///
/// The ends are quantiles of the resampled statistic, hence never outside its range.
#[must_use]
pub fn bca(
    samples: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    level: f64,
    resamples: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Option<(f64, f64)> {
    if samples.len() < 2 || resamples == 0 || samples.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let estimate = statistic(samples);
    if samples.iter().all(|x| x == &samples[0]) {
        return Some((estimate, estimate));
    }
    let mut resampled = resample(samples, &statistic, resamples, rng);
    resampled.sort_unstable_by(f64::total_cmp);
    let bias = bias_correction(&resampled, estimate);
    let acceleration = acceleration(samples, &statistic);
    let end = |tail: f64| {
        let z = bias + normal_quantile(tail);
        let stretch = 1.0 - acceleration * z;
        // Past the pole of the formula the adjusted tail has reached its limit.
        let adjusted = if stretch > 0.0 {
            normal_cdf(bias + z / stretch)
        } else if z > 0.0 {
            1.0
        } else {
            0.0
        };
        quantile_of_sorted(&resampled, adjusted)
    };
    let tail = (1.0 - level) / 2.0;
    Some((end(tail), end(1.0 - tail)))
}

/// `statistic` of `resamples` draws with replacement.
fn resample(
    samples: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    resamples: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<f64> {
    let mut draw = vec![0.0; samples.len()];
    (0..resamples)
        .map(|_| {
            draw.fill_with(|| samples[rng.random_range(0..samples.len())]);
            statistic(&draw)
        })
        .collect()
}

/// z₀: the normal quantile of the share of resamples below the estimate, ties counted half.
fn bias_correction(sorted: &[f64], estimate: f64) -> f64 {
    let below = sorted.partition_point(|x| *x < estimate);
    let not_above = sorted.partition_point(|x| *x <= estimate);
    let n = sorted.len() as f64;
    let share = (below + not_above) as f64 / 2.0 / n;
    normal_quantile(share.clamp(0.5 / n, 1.0 - 0.5 / n))
}

/// a: a sixth of the skewness of the jackknife, 0 where that is undefined.
fn acceleration(samples: &[f64], statistic: impl Fn(&[f64]) -> f64) -> f64 {
    let mut rest = Vec::with_capacity(samples.len());
    let left_out: Vec<f64> = (0..samples.len())
        .map(|out| {
            rest.clear();
            rest.extend_from_slice(&samples[..out]);
            rest.extend_from_slice(&samples[out + 1..]);
            statistic(&rest)
        })
        .collect();
    let centre = mean(&left_out);
    let moment = |power| left_out.iter().map(|x| (centre - x).powi(power)).sum::<f64>();
    let skew = moment(3) / (6.0 * moment(2).powf(1.5));
    if skew.is_finite() { skew } else { 0.0 }
}

/// The standard normal distribution function, to 1.2e-7 (the Chebyshev fit of `erfcc` in
/// *Numerical Recipes*, section 6.2).
fn normal_cdf(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + x / 2.0);
    let tail = t * (horner(&FIT, t) - x * x).exp() / 2.0;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The standard normal quantile of `p` in (0, 1), to a relative 1.2e-9 (Acklam's rational
/// approximation).
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        2.506_628_277_459_239,
        -30.664_798_066_147_16,
        138.357_751_867_269,
        -275.928_510_446_968_7,
        220.946_098_424_520_5,
        -39.696_830_286_653_76,
    ];
    const B: [f64; 6] = [
        1.0,
        -13.280_681_552_885_72,
        66.801_311_887_719_72,
        -155.698_979_859_886_6,
        161.585_836_858_040_9,
        -54.476_098_798_224_06,
    ];
    const C: [f64; 6] = [
        2.938_163_982_698_783,
        4.374_664_141_464_968,
        -2.549_732_539_343_734,
        -2.400_758_277_161_838,
        -0.322_396_458_041_136_5,
        -0.007_784_894_002_430_293,
    ];
    const D: [f64; 5] = [
        1.0,
        3.754_408_661_907_416,
        2.445_134_137_142_996,
        0.322_467_129_070_039_8,
        0.007_784_695_709_041_462,
    ];
    const TAIL: f64 = 0.02425;
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p < TAIL {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / horner(&D, q)
    } else {
        let q = p - 0.5;
        let r = q * q;
        q * horner(&A, r) / horner(&B, r)
    }
}

/// The polynomial with these coefficients, the constant first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 10] = [12.1, 13.4, 11.8, 15.9, 12.7, 14.2, 12.9, 22.5, 13.1, 12.4];
    const B: [f64; 15] =
        [0.3, 1.9, 0.7, 5.5, 1.1, 0.2, 2.4, 9.8, 0.9, 1.3, 3.1, 0.6, 0.4, 1.6, 2.2];

    type Statistic = fn(&[f64]) -> f64;

    fn variance(x: &[f64]) -> f64 {
        let centre = mean(x);
        mean(&x.iter().map(|v| (v - centre).powi(2)).collect::<Vec<_>>())
    }

    fn close(got: f64, want: f64, tolerance: f64) {
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

    // scipy.stats.norm.ppf([...]) and scipy.stats.norm.cdf([...]), SciPy 1.17.1.
    #[test]
    fn normal_matches_scipy() {
        for (p, z) in [
            (0.001, -3.090_232_31),
            (0.025, -1.959_963_98),
            (0.5, 0.0),
            (0.8, 0.841_621_23),
            (0.975, 1.959_963_98),
            (0.9999, 3.719_016_49),
        ] {
            close(normal_quantile(p), z, 1e-8);
        }
        for (z, p) in [
            (-3.0, 0.001_349_90),
            (-1.5, 0.066_807_20),
            (0.0, 0.5),
            (0.5, 0.691_462_46),
            (1.0, 0.841_344_75),
            (2.5, 0.993_790_33),
        ] {
            close(normal_cdf(z), p, 1.3e-7);
        }
    }

    // scipy.stats.bootstrap((x,), f, method="BCa", n_resamples=200000,
    //                       rng=np.random.default_rng(1)), SciPy 1.17.1.
    // The tolerances are a few Monte Carlo errors; the percentile bootstrap misses each of the
    // first three by 0.18 to 4.
    #[test]
    fn bca_matches_scipy() {
        let bounds =
            |x: &[f64], f: Statistic| bca(x, f, 0.95, 100_000, &mut rng()).expect("enough samples");
        let cases: [(&[f64], Statistic, f64, f64, f64); 4] = [
            (&A, mean, 12.880, 17.340, 0.05),
            (&B, mean, 1.2733, 4.0867, 0.03),
            (&B, variance, 1.0460, 17.084, 0.10),
            (&A, median, 12.400, 14.500, 0.06),
        ];
        for (x, f, low, high, tolerance) in cases {
            let got = bounds(x, f);
            close(got.0, low, tolerance);
            close(got.1, high, tolerance);
        }
    }

    #[test]
    fn degenerate_samples_are_defined() {
        let interval = |x: &[f64]| bca(x, median, 0.95, 500, &mut rng());
        assert_eq!(interval(&[]), None);
        assert_eq!(interval(&[3.0]), None);
        assert_eq!(interval(&[3.0, f64::NAN]), None);
        assert_eq!(bca(&A, median, 0.95, 0, &mut rng()), None);
        assert_eq!(interval(&[3.0; 4]), Some((3.0, 3.0)));
        // The median without any one of these is 2: the jackknife is constant.
        assert_eq!(acceleration(&[1.0, 2.0, 2.0, 2.0, 3.0], median), 0.0);
        let (low, high) = interval(&[1.0, 2.0, 2.0, 2.0, 3.0]).expect("five samples");
        assert!((1.0..=2.0).contains(&low) && (2.0..=3.0).contains(&high));
        // Every resample on one side of the estimate: half a resample of four on the other.
        let resampled = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(bias_correction(&resampled, 9.0), normal_quantile(0.875));
        assert_eq!(bias_correction(&resampled, 0.0), normal_quantile(0.125));
        assert_eq!(bias_correction(&resampled, 2.0), normal_quantile(0.375), "a tie");
    }

    #[test]
    fn an_interval_is_reproducible_and_grows_with_its_level() {
        let at = |level| bca(&B, mean, level, 2_000, &mut rng()).expect("enough samples");
        assert_eq!(at(0.95), at(0.95));
        assert!(at(0.5).0 > at(0.95).0 && at(0.5).1 < at(0.95).1);
    }

    /// Of 1,000 samples of 20 from a lognormal (σ = 1), how many intervals hold the true mean.
    ///
    /// SciPy 1.17.1 on 2,000 such samples covers 86.4 % by BCa and 85.2 % by percentiles: far
    /// short of 95 %, as any bootstrap of so few and so skewed samples is.
    #[test]
    fn coverage_is_that_of_scipy_and_above_percentiles() {
        let mut source = Xoshiro256PlusPlus::seed_from_u64(7);
        let truth = 0.5_f64.exp();
        let (mut by_bca, mut by_percentiles) = (0, 0);
        for _ in 0..1_000 {
            let x: Vec<f64> =
                (0..20).map(|_| normal_quantile(source.random_range(1e-9..1.0)).exp()).collect();
            let plain = resample(&x, mean, 1_000, &mut source.clone());
            let (low, high) = bca(&x, mean, 0.95, 1_000, &mut source).expect("20 samples");
            by_bca += u32::from((low..=high).contains(&truth));
            let (low, high) = (quantile(&plain, 0.025), quantile(&plain, 0.975));
            by_percentiles += u32::from((low..=high).contains(&truth));
        }
        assert!((840..=895).contains(&by_bca), "{by_bca} of 1000");
        assert!(by_bca > by_percentiles, "{by_bca}, by percentiles {by_percentiles}");
    }
}
