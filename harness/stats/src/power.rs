//! How far from 1 a ratio must be for [`flip_tests`](super::flip_tests) to find it.
//!
//! The tests call a ratio if its Student's t is larger than the largest t of all comparisons in all but a few
//! flips. Where nothing differs, that is about the quantile of Student's distribution for independent
//! comparisons (Šidák's correction), and the t of a real difference follows the noncentral distribution, which
//! is close to a normal one (Johnson & Welch, *Applications of the non-central t-distribution*, Biometrika
//! 1940). The result is approximate: comparisons with a common baseline are not independent, and few blocks
//! have few flips. By simulation of the whole procedure a ratio that is said to be found in 80 % of sweeps is
//! found in 65 to 95 %.

use super::normal::normal_quantile;

/// The share of sweeps in which a ratio is found that is said to be.
pub const POWER: f64 = 0.8;

/// The logarithm of the ratio that blocks whose log ratios have this standard deviation find in [`POWER`] of
/// all sweeps, among so many comparisons, with a chance of at most `alpha` to call anything wrongly; `None` if
/// so few blocks can call nothing.
#[must_use]
pub fn detectable(blocks: usize, comparisons: usize, deviation: f64, alpha: f64) -> Option<f64> {
    let alpha = attainable(blocks, alpha)?;
    let each = 1.0 - (1.0 - alpha).powf(1.0 / comparisons.max(1) as f64);
    let degrees = blocks - 1;
    let critical = student_quantile(each, degrees);
    let degrees = degrees as f64;
    let spread = (1.0 + critical * critical / (2.0 * degrees)).sqrt();
    let centre = critical * (1.0 - 1.0 / (4.0 * degrees)) + normal_quantile(POWER) * spread;
    Some(deviation * centre / (blocks as f64).sqrt())
}

/// The largest p-value up to `alpha` that there is with so many blocks, which have 2ᵇ⁻¹ flips.
fn attainable(blocks: usize, alpha: f64) -> Option<f64> {
    let flips = 2_f64.powi(i32::try_from(blocks).unwrap_or(i32::MAX).saturating_sub(1).min(1000));
    let p = (alpha * flips).floor() / flips;
    (p > 0.0 && blocks > 1).then_some(p)
}

/// The t beyond which, on either side, Student's distribution has a share of `p` in all.
fn student_quantile(p: f64, degrees: usize) -> f64 {
    let t = |angle: f64| (degrees as f64).sqrt() * angle.tan();
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if student_tails(middle, degrees) > p { low = middle } else { high = middle }
    }
    t(low)
}

/// The share of Student's distribution that is beyond ±t, where t is √degrees times the tangent of `angle`
/// (Abramowitz & Stegun 26.7.3 and 26.7.4).
fn student_tails(angle: f64, degrees: usize) -> f64 {
    let (sin, cos) = angle.sin_cos();
    // The terms 1, ½·cos², ½·¾·cos⁴ … of an even number, cos, ⅔·cos³ … of an odd one.
    let is_odd = degrees % 2 == 1;
    let (mut term, mut sum) = (if is_odd { cos } else { 1.0 }, 0.0);
    for i in 1..=degrees / 2 {
        sum += term;
        let twice = 2.0 * i as f64;
        let factor = if is_odd { twice / (twice + 1.0) } else { (twice - 1.0) / twice };
        term *= cos * cos * factor;
    }
    let within = if is_odd { (angle + sin * sum) * std::f64::consts::FRAC_2_PI } else { sin * sum };
    1.0 - within
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::super::tests::close;
    use super::super::{fewest_pairs, flip_tests};
    use super::*;

    /// Of tables.
    #[test]
    fn students_distribution() {
        for (p, degrees, t) in [
            (0.05, 1, 12.706_205),
            (0.05, 4, 2.776_445),
            (0.05, 9, 2.262_157),
            (0.01, 7, 3.499_483),
            (0.001, 29, 3.659_405),
        ] {
            close(student_quantile(p, degrees), t, 1e-5);
        }
        close(student_quantile(0.05, 100_000), 1.959_964, 1e-3);
        close(student_quantile(1e-7, 1), 2.0 / (std::f64::consts::PI * 1e-7), 1e3);
    }

    #[test]
    fn too_few_blocks_call_nothing_and_more_find_less() {
        for alpha in [0.05, 0.01] {
            let fewest = fewest_pairs(alpha);
            assert_eq!(detectable(fewest - 1, 1, 0.05, alpha), None);
            assert_eq!(detectable(0, 1, 0.05, alpha), None);
            assert!(detectable(fewest, 1, 0.05, alpha).is_some());
        }
        let of = |blocks, comparisons| detectable(blocks, comparisons, 0.05, 0.05).unwrap();
        for blocks in 6..40 {
            assert!(of(blocks + 1, 20) < of(blocks, 20), "{blocks} blocks");
            assert!(of(blocks, 21) > of(blocks, 20), "{blocks} blocks");
        }
        assert!(of(5000, 20) < 0.005);
        close(detectable(10, 20, 0.1, 0.05).unwrap(), 2.0 * of(10, 20), 1e-12);
    }

    /// A sweep whose comparisons have these log ratios but for noise, half of which is the baseline's: whether
    /// the first is called.
    fn is_called(effects: &[f64], blocks: usize, source: &mut Xoshiro256PlusPlus) -> bool {
        let mut normal = || normal_quantile(source.random_range(1e-9..1.0 - 1e-9));
        let base: Vec<f64> = (0..blocks).map(|_| normal()).collect();
        let mut of_block =
            |effect: f64, base: &f64| effect + (base + normal()) / std::f64::consts::SQRT_2;
        let logs: Vec<Vec<Option<f64>>> = effects
            .iter()
            .map(|effect| base.iter().map(|base| Some(of_block(*effect, base))).collect())
            .collect();
        flip_tests(&logs)[0].adjusted <= 0.05
    }

    /// Plans of all sizes, in which the other comparisons are of tables alike, or differ a lot.
    #[test]
    fn what_is_said_to_be_found_is_found() {
        let mut source = Xoshiro256PlusPlus::seed_from_u64(3);
        for _ in 0..8 {
            let (blocks, comparisons) = (source.random_range(6..=11), source.random_range(1..=40));
            let others: f64 = source.random_range(0.0..4.0);
            let ratio = detectable(blocks, comparisons, 1.0, 0.05).unwrap();
            let mut found = |factor: f64| {
                let mut count = 0;
                for _ in 0..150 {
                    let mut effects: Vec<f64> =
                        (0..comparisons).map(|_| source.random_range(0.0..=others)).collect();
                    effects[0] = factor * ratio;
                    count += u32::from(is_called(&effects, blocks, &mut source));
                }
                f64::from(count) / 150.0
            };
            let shares = [0.5, 1.0, 1.6].map(&mut found);
            let is_right =
                shares[0] < 0.6 && (0.55..=0.99).contains(&shares[1]) && shares[2] > 0.93;
            let what = format!("{blocks} blocks, {comparisons} comparisons, others up to {others}");
            assert!(is_right, "half of it, it and more of it are found in {shares:?} of {what}");
        }
    }
}
