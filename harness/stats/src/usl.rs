//! The Universal Scalability Law: rate against number of threads.
//!
//! X(N) = λN / (1 + σ(N − 1) + κN(N − 1)), where λ is the rate of one thread, σ the share of work
//! that is serial and κ what each pair of threads costs each other (N. J. Gunther, *Guerrilla
//! Capacity Planning*, Springer 2007). None of them is negative.
//!
//! The fit is least squares in X. N / X is linear in the three numbers 1/λ, σ/λ and κ/λ, so that a
//! Gauss–Newton step is a weighted linear regression of three columns, and the first one, with the
//! measured rates as weights, starts close by. The bounds are kept by trying which of σ and κ are 0:
//! a least square within bounds is one without bounds in the numbers that are not at theirs.

use super::{LEVEL, RESAMPLES, bca_of_several, median, rng};

/// Numbers of threads that a fit needs: with three, any three numbers can be met exactly, and the
/// points could not disagree with the law.
pub const FEWEST_COUNTS: usize = 4;

/// A law with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usl {
    /// λ: the rate of one thread.
    pub lambda: f64,
    /// σ: contention.
    pub sigma: f64,
    /// κ: the cost of coherence.
    pub kappa: f64,
}

/// A law fitted to trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UslFit {
    /// The law that fits the medians best.
    pub law: Usl,
    /// The 95 % BCa intervals of λ, σ and κ over blocks; `None` of fewer than two blocks.
    pub intervals: Option<[(f64, f64); 3]>,
    /// The largest distance of a median from the law, as a share of what the law says.
    pub worst: f64,
}

impl Usl {
    /// The rate that it says `n` threads have.
    #[must_use]
    pub fn rate(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// The number of threads with the highest rate; `None` if more always do more. Where σ is 1 or
    /// more it is 1, since more never do.
    #[must_use]
    pub fn peak(&self) -> Option<f64> {
        if self.sigma >= 1.0 {
            return Some(1.0);
        }
        (self.kappa > 0.0).then(|| ((1.0 - self.sigma) / self.kappa).sqrt().max(1.0))
    }

    fn numbers(self) -> [f64; 3] {
        [self.lambda, self.sigma, self.kappa]
    }
}

/// Fits the law to points: each a number of threads and the rate there.
///
/// # Errors
///
/// Why it cannot: too few different numbers of threads, or a rate that is not above 0.
pub fn fit_usl(points: &[(f64, f64)]) -> Result<Usl, String> {
    if let Some((n, rate)) = points.iter().find(|(n, x)| !(*n >= 1.0 && *x > 0.0 && x.is_finite()))
    {
        return Err(format!("a rate of {rate} at {n} threads is on no such law"));
    }
    let mut counts: Vec<f64> = points.iter().map(|(n, _)| *n).collect();
    counts.sort_unstable_by(f64::total_cmp);
    counts.dedup();
    if counts.len() < FEWEST_COUNTS {
        return Err(format!(
            "a scalability law has three numbers, and {} do not test it: it needs trials at \
             {FEWEST_COUNTS} numbers of threads or more",
            match counts.len() {
                1 => "trials at one number of threads".to_owned(),
                n => format!("trials at {n} numbers of threads"),
            }
        ));
    }
    Ok(Problem::of(points).solve())
}

/// Fits the medians over `blocks`, each of which has a rate for each of `threads`, and resamples
/// whole blocks for the intervals.
///
/// # Errors
///
/// As [`fit_usl`] has them, or that there is no block.
pub fn fit_blocks(threads: &[f64], blocks: &[Vec<f64>]) -> Result<UslFit, String> {
    let medians = |blocks: &[&Vec<f64>]| -> Vec<(f64, f64)> {
        let rates = |i: usize| blocks.iter().map(|block| block[i]).collect::<Vec<f64>>();
        threads.iter().enumerate().map(|(i, n)| (*n, median(&rates(i)))).collect()
    };
    let blocks: Vec<&Vec<f64>> = blocks.iter().collect();
    if blocks.is_empty() {
        return Err("no block has a trial that counts at every number of threads".to_owned());
    }
    let points = medians(&blocks);
    let law = fit_usl(&points)?;
    // A median of rates that are above 0 is, in every resample.
    let refit = |blocks: &[&Vec<f64>]| Problem::of(&medians(blocks)).solve().numbers();
    let intervals = bca_of_several(&blocks, refit, LEVEL, RESAMPLES, &mut rng());
    let worst = points.iter().map(|(n, x)| (x / law.rate(*n) - 1.0).abs()).fold(0.0, f64::max);
    Ok(UslFit { law, intervals, worst })
}

/// Which of the numbers 1/λ, σ/λ, κ/λ are not held at 0, most first.
const FREE: [[bool; 3]; 4] =
    [[true, true, true], [true, true, false], [true, false, true], [true, false, false]];

/// The points, scaled so that neither rates nor columns differ by powers of ten.
struct Problem {
    /// The columns of N / X, N and X.
    points: Vec<([f64; 3], f64, f64)>,
    most: f64,
    highest: f64,
}

impl Problem {
    fn of(points: &[(f64, f64)]) -> Self {
        let most = points.iter().map(|(n, _)| *n).fold(2.0, f64::max);
        let highest = points.iter().map(|(_, x)| *x).fold(0.0, f64::max);
        let scaled = |&(n, x): &(f64, f64)| {
            let columns = [1.0, (n - 1.0) / most, n * (n - 1.0) / (most * most)];
            (columns, n, x / highest)
        };
        Self { points: points.iter().map(scaled).collect(), most, highest }
    }

    fn solve(&self) -> Usl {
        let within = |(theta, _): &([f64; 3], f64)| theta.iter().all(|number| *number >= 0.0);
        let free = self.descend(FREE[0]);
        let (theta, _) = if within(&free) {
            free
        } else {
            let bounded = FREE[1..].iter().map(|free| self.descend(*free));
            bounded.filter(within).min_by(|a, b| a.1.total_cmp(&b.1)).expect("the last has no sign")
        };
        Usl {
            lambda: self.highest / theta[0],
            sigma: theta[1] / theta[0] / self.most,
            kappa: theta[2] / theta[0] / (self.most * self.most),
        }
    }

    /// The numbers with the least squares, those that are not `free` being 0, and the squares.
    fn descend(&self, free: [bool; 3]) -> ([f64; 3], f64) {
        let mean =
            self.points.iter().map(|(_, n, x)| n / x).sum::<f64>() / self.points.len() as f64;
        let mut best = ([mean, 0.0, 0.0], self.squares([mean, 0.0, 0.0]));
        let rows = self.points.iter().map(|(columns, n, x)| (*columns, x * x / n, n / x));
        let start = least_squares(free, rows);
        let squares = self.squares(start);
        if squares < best.1 {
            best = (start, squares);
        }
        for _ in 0..STEPS {
            let before = best.1;
            let (theta, _) = best;
            let target = self.step(free, theta);
            best = self.shorten(best, target);
            if before - best.1 <= ENOUGH * before {
                break;
            }
        }
        best
    }

    /// Where a Gauss–Newton step from `theta` leads: X is N / d, and its slope in d is −N / d².
    fn step(&self, free: [bool; 3], theta: [f64; 3]) -> [f64; 3] {
        let rows = self.points.iter().map(|(columns, n, x)| {
            let d = dot(theta, *columns);
            (*columns, n / (d * d), d + (n / d - x) * d * d / n)
        });
        least_squares(free, rows)
    }

    /// `target` or, where the squares are no fewer there, a point on the way to it.
    fn shorten(&self, from: ([f64; 3], f64), target: [f64; 3]) -> ([f64; 3], f64) {
        let mut part = 1.0;
        for _ in 0..STEPS {
            let theta = std::array::from_fn(|i| from.0[i] + part * (target[i] - from.0[i]));
            let squares = self.squares(theta);
            if squares < from.1 {
                return (theta, squares);
            }
            part /= 2.0;
        }
        from
    }

    /// Infinite where a rate would not be above 0.
    fn squares(&self, theta: [f64; 3]) -> f64 {
        let square = |(columns, n, x): &([f64; 3], f64, f64)| {
            let d = dot(theta, *columns);
            if d > 0.0 { (n / d - x).powi(2) } else { f64::INFINITY }
        };
        self.points.iter().map(square).sum()
    }
}

/// Steps after which a descent ends; it takes about five.
const STEPS: u32 = 50;
/// The share of the squares by which a step must lessen them to be followed by another.
const ENOUGH: f64 = 1e-14;

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The weighted regression of targets on columns: each row is columns, weight, target.
fn least_squares(free: [bool; 3], rows: impl Iterator<Item = ([f64; 3], f64, f64)>) -> [f64; 3] {
    let mut normal = [[0.0; 4]; 3];
    for (columns, weight, target) in rows {
        let squared = weight * weight;
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += squared * columns[i] * columns[j];
            }
            normal[i][3] += squared * columns[i] * target;
        }
    }
    for i in (0..3).filter(|i| !free[*i]) {
        normal[i] = [0.0; 4];
        normal.iter_mut().for_each(|row| row[i] = 0.0);
        normal[i][i] = 1.0;
    }
    eliminate(normal)
}

/// Solves three equations, by Gauss and Jordan with row pivots.
fn eliminate(mut rows: [[f64; 4]; 3]) -> [f64; 3] {
    for i in 0..3 {
        let pivot = (i..3).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()));
        rows.swap(i, pivot.unwrap_or(i));
        let own = rows[i].map(|value| value / rows[i][i]);
        rows[i] = own;
        for (_, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i];
            row.iter_mut().zip(own).for_each(|(value, own)| *value -= factor * own);
        }
    }
    rows.map(|row| row[3])
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::tests::{Reference, close};
    use super::*;

    fn points(law: Usl, threads: &[f64]) -> Vec<(f64, f64)> {
        threads.iter().map(|n| (*n, law.rate(*n))).collect()
    }

    fn near(got: Usl, want: Usl, tolerance: f64) {
        close(got.lambda / want.lambda, 1.0, tolerance);
        close(got.sigma, want.sigma, tolerance);
        close(got.kappa, want.kappa, tolerance);
    }

    #[test]
    fn rates_and_peaks_by_hand() {
        // 10 · 4 / (1 + 0.1 · 3 + 0.025 · 4 · 3) = 40 / 1.6.
        let law = Usl { lambda: 10.0, sigma: 0.1, kappa: 0.025 };
        assert_eq!((law.rate(1.0), law.rate(4.0)), (10.0, 25.0));
        close(law.peak().unwrap(), 6.0, 1e-12);
        assert_eq!(Usl { kappa: 0.0, ..law }.peak(), None, "Amdahl's law has none");
        assert_eq!(Usl { sigma: 1.0, kappa: 0.0, ..law }.peak(), Some(1.0));
        assert_eq!(Usl { sigma: 0.9, kappa: 0.4, ..law }.peak(), Some(1.0), "below one thread");
    }

    #[test]
    fn points_of_a_law_give_that_law() {
        for (sigma, kappa) in [(0.1, 0.02), (0.0, 0.02), (0.3, 0.0), (0.0, 0.0), (1.7, 0.5)] {
            let law = Usl { lambda: 3e7, sigma, kappa };
            near(fit_usl(&points(law, &[1.0, 2.0, 4.0, 8.0])).unwrap(), law, 1e-7);
            near(fit_usl(&points(law, &[2.0, 5.0, 64.0, 200.0, 7.0])).unwrap(), law, 1e-7);
        }
    }

    #[test]
    fn fits_are_those_of_scipy() {
        let cases = Reference::read().usl;
        assert_eq!(cases.len(), 5);
        for case in &cases {
            let want = Usl { lambda: case.lambda, sigma: case.sigma, kappa: case.kappa };
            near(fit_usl(&case.points).unwrap(), want, 2e-6);
        }
        // The published fit of the first.
        let law = fit_usl(&cases[0].points).unwrap();
        close(law.lambda, 89.995_233_0, 1e-3);
        close(law.sigma, 0.027_728_5, 1e-6);
        close(law.kappa, 0.000_104_4, 5e-8);
    }

    #[test]
    fn a_step_that_leads_too_far_is_shortened() {
        let law = Usl { lambda: 10.0, sigma: 0.1, kappa: 0.02 };
        let problem = Problem::of(&points(law, &[1.0, 2.0, 4.0, 8.0]));
        let (best, _) = problem.descend(FREE[0]);
        let from = best.map(|number| number * 1.1);
        let start = (from, problem.squares(from));
        // Four times as far as where the squares are least: a quarter of the way is best.
        let target = std::array::from_fn(|i| from[i] + 4.0 * (best[i] - from[i]));
        assert!(problem.squares(target) > start.1);
        let (theta, squares) = problem.shorten(start, target);
        assert!(squares < start.1, "{squares}");
        assert_eq!(squares, problem.squares(theta));
        // Where no part of the way is better, it stays.
        let away = best.map(|number| number * 1.2);
        close(problem.shorten(start, away).1 / start.1, 1.0, 1e-9);
    }

    /// The least squares that a law with these two numbers can have.
    fn least(points: &[(f64, f64)], sigma: f64, kappa: f64) -> f64 {
        let unit = Usl { lambda: 1.0, sigma, kappa };
        let shape = |n: &f64| unit.rate(*n);
        let lambda = points.iter().map(|(n, x)| shape(n) * x).sum::<f64>()
            / points.iter().map(|(n, _)| shape(n).powi(2)).sum::<f64>();
        points.iter().map(|(n, x)| (lambda * shape(n) - x).powi(2)).sum()
    }

    #[test]
    fn wild_points_have_their_best_law_too() {
        // The regression that a fit starts with has rates below 0 in the first two, so that they start
        // from the mean; from the mean, the third would end in a law that is not the best.
        let far_apart = [(1.0, 1200.0), (2.0, 40.0), (4.0, 130.0), (8.0, 20.0), (16.0, 10.0)];
        let one_high = [(1.0, 1.0), (2.0, 8.0), (3.0, 2.0), (4.0, 2.0), (8.0, 2.0)];
        let two_valleys = [(1.0, 140.0), (2.0, 160.0), (4.0, 9.0), (8.0, 31.0), (16.0, 85.0)];
        for points in [far_apart, one_high, two_valleys] {
            let law = fit_usl(&points).unwrap();
            let squares: f64 = points.iter().map(|(n, x)| (law.rate(*n) - x).powi(2)).sum();
            let far: Vec<f64> = (-8..=6).map(|half| 10_f64.powf(f64::from(half) / 2.0)).collect();
            let others = |own: f64| {
                let near = [0.0, own, own * 0.999, own * 1.001, own + 0.001];
                near.into_iter().chain(far.clone()).collect::<Vec<_>>()
            };
            for &sigma in &others(law.sigma) {
                for &kappa in &others(law.kappa) {
                    let other = least(&points, sigma, kappa);
                    assert!(squares <= other * (1.0 + 1e-9), "{law:?}: {sigma} {kappa} is better");
                }
            }
        }
    }

    #[test]
    fn no_number_is_negative() {
        // Twice the threads do more than twice as much: no law has that.
        let law = fit_usl(&[(1.0, 1.0), (2.0, 2.2), (4.0, 4.8), (8.0, 10.0)]).unwrap();
        assert_eq!((law.sigma, law.kappa), (0.0, 0.0));
        // Least squares of a line through 0: Σ nx / Σ n².
        close(law.lambda, (1.0 + 4.4 + 19.2 + 80.0) / 85.0, 1e-9);
    }

    #[test]
    fn what_has_no_law_is_refused() {
        let three = fit_usl(&[(1.0, 1.0), (2.0, 2.0), (4.0, 3.0), (4.0, 3.1)]).unwrap_err();
        assert!(three.contains("3 numbers of threads") && three.contains("4"), "{three}");
        let one = fit_usl(&[(2.0, 1.0), (2.0, 1.5)]).unwrap_err();
        assert!(one.contains("trials at one number of threads do not test it"), "{one}");
        let zero = fit_usl(&[(1.0, 1.0), (2.0, 0.0), (4.0, 3.0), (8.0, 3.0)]).unwrap_err();
        assert!(zero.contains("rate of 0 at 2 threads"), "{zero}");
        assert!(fit_usl(&[(0.0, 1.0), (2.0, 2.0), (4.0, 3.0), (8.0, 3.0)]).is_err());
        assert!(fit_blocks(&[1.0, 2.0, 4.0, 8.0], &[]).unwrap_err().contains("no block"));
    }

    #[test]
    fn the_worst_distance_is_met_and_not_exceeded() {
        let law = Usl { lambda: 10.0, sigma: 0.1, kappa: 0.01 };
        let threads = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
        let mut rates: Vec<f64> = threads.iter().map(|n| law.rate(*n)).collect();
        rates[0] *= 0.7;
        let fit = fit_blocks(&threads, &[rates.clone()]).unwrap();
        let distance = |(n, rate): (&f64, &f64)| (fit.law.rate(*n) - rate) / fit.law.rate(*n);
        let distances: Vec<f64> = threads.iter().zip(&rates).map(distance).collect();
        close(distances[0], fit.worst, 1e-12);
        assert!(distances.iter().all(|distance| distance.abs() <= fit.worst + 1e-12));
        assert!(fit.worst > 0.1, "{distances:?}");
    }

    #[test]
    fn intervals_hold_the_law_and_tell_it_from_others() {
        let law = Usl { lambda: 5e6, sigma: 0.1, kappa: 0.01 };
        let threads = [1.0, 2.0, 4.0, 8.0, 16.0];
        let mut rng = rng();
        let block = |rng: &mut rand_xoshiro::Xoshiro256PlusPlus| -> Vec<f64> {
            threads.iter().map(|n| law.rate(*n) * rng.random_range(0.98..1.02)).collect()
        };
        let blocks: Vec<Vec<f64>> = (0..12).map(|_| block(&mut rng)).collect();
        let fit = fit_blocks(&threads, &blocks).unwrap();
        let intervals = fit.intervals.expect("twelve blocks");
        for ((low, high), (got, want)) in
            intervals.into_iter().zip(fit.law.numbers().into_iter().zip(law.numbers()))
        {
            assert!(low < high && low <= got && got <= high, "{low} {got} {high}");
            assert!(low <= want && want <= high, "{low} to {high} does not hold {want}");
            assert!(low > 0.5 * want && high < 1.5 * want, "{low} to {high} is wide");
        }
        assert!(fit.worst > 0.0 && fit.worst < 0.03, "{}", fit.worst);
        assert_eq!(fit_blocks(&threads, &blocks[..1]).unwrap().intervals, None);
    }
}
