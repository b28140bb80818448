//! Whether trials are as alike as trials of one cell should be.

use super::median;
use super::normal::normal_cdf;

/// Medians of absolute deviations, scaled as a standard deviation, beyond which a value is flagged.
const FAR: f64 = 3.5;

/// Which values lie far from the others: further from the median than 3.5 times 1.4826 times the
/// median distance from it (Iglewicz & Hoaglin, *How to Detect and Handle Outliers*, 1993). Of
/// normal values that is one in two thousand. None is, where more than half are equal.
///
/// For rates, give logarithms: then half is as far as double.
#[must_use]
pub fn outliers(values: &[f64]) -> Vec<bool> {
    let centre = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    let far = FAR * 1.4826 * median(&distances);
    distances.iter().map(|distance| far > 0.0 && *distance > far).collect()
}

/// The correlation of each value with the next one; `None` of fewer than three, or if all are
/// equal. Of independent values it is above 2/√n in about one sample in forty.
#[must_use]
pub fn autocorrelation(values: &[f64]) -> Option<f64> {
    let centre = super::mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    let products: f64 = values.windows(2).map(|pair| (pair[0] - centre) * (pair[1] - centre)).sum();
    (values.len() >= 3 && squares > 0.0).then(|| products / squares)
}

/// How far one quantity rises with another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Kendall's τ-b: from −1, it falls with it always, to 1.
    pub tau: f64,
    /// Two-sided p-value that they have nothing to do with each other (normal approximation).
    pub p: f64,
}

/// Kendall's rank correlation of points (x, y): of rates over blocks it is the Mann-Kendall test of
/// drift. `None` of fewer than two points, or if all x or all y are equal.
#[must_use]
pub fn kendall(points: &[(f64, f64)]) -> Option<Trend> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let of_x = Ties::of(&sorted, |a, b| a.0 == b.0);
    let of_both = Ties::of(&sorted, |a, b| a == b);
    // Sorted by x, and by y where x ties, each inversion of y is a discordant pair.
    let mut ys: Vec<f64> = sorted.iter().map(|point| point.1).collect();
    let discordant = sort_counting(&mut ys);
    let of_y = Ties::of(&ys, |a, b| a == b);
    let n = points.len() as f64;
    let pairs = n * (n - 1.0) / 2.0;
    let (untied_x, untied_y) = (pairs - of_x.pairs, pairs - of_y.pairs);
    if untied_x <= 0.0 || untied_y <= 0.0 {
        return None;
    }
    let tied = of_x.pairs + of_y.pairs - of_both.pairs;
    let score = pairs - tied - 2.0 * discordant as f64;
    // Kendall, *Rank Correlation Methods*, on the variance of the score with ties.
    let whole = n * (n - 1.0) * (2.0 * n + 5.0);
    let mut variance = (whole - of_x.whole - of_y.whole) / 18.0
        + 4.0 * of_x.pairs * of_y.pairs / (2.0 * n * (n - 1.0));
    if n > 2.0 {
        variance += of_x.triples * of_y.triples / (9.0 * n * (n - 1.0) * (n - 2.0));
    }
    let p = 2.0 * normal_cdf(-score.abs() / variance.sqrt());
    Some(Trend { tau: score / (untied_x * untied_y).sqrt(), p: p.min(1.0) })
}

/// Sums over the groups of equal neighbours, of size t.
#[derive(Default)]
struct Ties {
    /// t (t − 1) / 2.
    pairs: f64,
    /// t (t − 1) (t − 2).
    triples: f64,
    /// t (t − 1) (2 t + 5).
    whole: f64,
}

impl Ties {
    fn of<T>(sorted: &[T], same: impl FnMut(&T, &T) -> bool) -> Self {
        sorted.chunk_by(same).map(|group| group.len() as f64).fold(Self::default(), |ties, t| {
            Self {
                pairs: ties.pairs + t * (t - 1.0) / 2.0,
                triples: ties.triples + t * (t - 1.0) * (t - 2.0),
                whole: ties.whole + t * (t - 1.0) * (2.0 * t + 5.0),
            }
        })
    }
}

/// Sorts by merging, and returns how many pairs stood in the wrong order.
fn sort_counting(values: &mut Vec<f64>) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let mut right = values.split_off(values.len() / 2);
    let mut inversions = sort_counting(values) + sort_counting(&mut right);
    let mut merged = Vec::with_capacity(values.len() + right.len());
    let mut rest = right.into_iter().peekable();
    for (i, value) in values.iter().enumerate() {
        while let Some(smaller) = rest.next_if(|other| other < value) {
            inversions += (values.len() - i) as u64;
            merged.push(smaller);
        }
        merged.push(*value);
    }
    merged.extend(rest);
    *values = merged;
    inversions
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Reference, close};
    use super::*;

    fn flagged(values: &[f64]) -> Vec<usize> {
        let flags = outliers(values);
        (0..values.len()).filter(|i| flags[*i]).collect()
    }

    #[test]
    fn outliers_by_hand() {
        // The median is 10 and the median distance 1: beyond 5.1891 is far.
        assert_eq!(flagged(&[9.0, 10.0, 11.0, 10.0, 15.1, 9.0, 11.0]), [0; 0]);
        assert_eq!(flagged(&[9.0, 10.0, 11.0, 10.0, 15.2, 9.0, 11.0]), [4]);
        assert_eq!(flagged(&[9.0, 10.0, 4.8, 10.0, 11.0, 9.0, 11.0]), [2]);
        assert_eq!(flagged(&[1.0, 1.0, 1.0, 9.0]), [0; 0], "there is no scale to be far by");
        assert!(outliers(&[]).is_empty());
        // The median is 0 and the median distance 2.
        let far = FAR * 1.4826 * 2.0;
        assert_eq!(flagged(&[-2.0, 0.0, 2.0, 0.0, far, -2.0, 2.0]), [0; 0], "not beyond");
        assert_eq!(flagged(&[-2.0, 0.0, 2.0, 0.0, far.next_up(), -2.0, 2.0]), [4]);
    }

    #[test]
    fn autocorrelation_by_hand() {
        // Centred −1, 0, 1: the products are 0, the squares 2.
        assert_eq!(autocorrelation(&[1.0, 2.0, 3.0]), Some(0.0));
        // −1, 1, −1, 1: three products of −1, four squares.
        assert_eq!(autocorrelation(&[0.0, 2.0, 0.0, 2.0]), Some(-0.75));
        assert_eq!(autocorrelation(&[1.0, 2.0]), None);
        assert_eq!(autocorrelation(&[2.0, 2.0, 2.0]), None);
    }

    #[test]
    fn kendall_by_hand() {
        // (1, 2), (2, 1), (3, 3): two concordant pairs, one discordant.
        let trend = kendall(&[(3.0, 3.0), (1.0, 2.0), (2.0, 1.0)]).unwrap();
        close(trend.tau, 1.0 / 3.0, 1e-15);
        let falls = kendall(&[(1.0, 9.0), (2.0, 5.0), (3.0, 1.0)]).unwrap();
        assert_eq!(falls.tau, -1.0);
        // Of two points the score is 1, and so is its variance.
        let two = kendall(&[(1.0, 1.0), (2.0, 2.0)]).unwrap();
        assert_eq!(two.tau, 1.0);
        close(two.p, 0.317_310_5, 3e-7);
        assert_eq!(kendall(&[(1.0, 1.0), (2.0, 1.0)]), None);
        assert_eq!(kendall(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(kendall(&[(1.0, 1.0)]), None);
        assert_eq!(kendall(&[]), None);
    }

    #[test]
    fn kendall_matches_scipy() {
        for case in Reference::read().kendall {
            let points: Vec<_> = case.x.into_iter().zip(case.y).collect();
            let trend = kendall(&points).unwrap();
            close(trend.tau, case.tau, 1e-12);
            close(trend.p, case.p, 3e-7);
        }
        // Ties of three on both sides: kendalltau(x, y, method="asymptotic"), SciPy 1.17.1.
        let x = [1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0];
        let y = [1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 5.0];
        let trend = kendall(&x.into_iter().zip(y).collect::<Vec<_>>()).unwrap();
        close(trend.tau, 0.826_868_865_8, 1e-9);
        close(trend.p, 0.009_866_946_6, 3e-7);
    }

    #[test]
    fn inversions_are_counted() {
        let mut values = vec![3.0, 1.0, 2.0, 2.0, 0.0];
        assert_eq!(sort_counting(&mut values), 4 + 1 + 1 + 1);
        assert_eq!(values, [0.0, 1.0, 2.0, 2.0, 3.0]);
    }
}
