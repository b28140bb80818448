//! What batches of a measurement say together.

use serde::Serialize;

/// The middle of a measurement's batches, and where the middle half of them lies.
///
/// A batch that the system has interrupted is one of many: it moves no quartile by more than one place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The lower quartile.
    pub low: f64,
    /// The upper quartile.
    pub high: f64,
    /// How many batches there were.
    pub batches: usize,
}

impl Summary {
    /// Of batches in any order; none if there are none. What is not a number is left out.
    ///
    /// Complexity: O(n log n).
    #[must_use]
    pub fn of(batches: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> =
            batches.iter().copied().filter(|batch| batch.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quantile = |share: f64| {
            let place = share * last as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        let [low, median, high] = [0.25, 0.5, 0.75].map(quantile);
        Some(Self { median, low, high, batches: sorted.len() })
    }

    /// How far the farther quartile is from the median, as a share of it; 0 if the median is.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let off = (self.high - self.median).max(self.median - self.low);
        if self.median == 0.0 { 0.0 } else { off / self.median.abs() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A number with noise around it, in any order, and up to a quarter of batches that were interrupted.
        #[test]
        fn a_median_is_not_moved_by_outliers(
            truth in 0.5_f64..1e6,
            noise in prop::collection::vec(-0.02_f64..0.02, 20..200),
            late in prop::collection::vec(2.0_f64..1e4, 0..5),
            at in any::<prop::sample::Index>(),
        ) {
            let mut batches: Vec<f64> = noise.iter().map(|noise| truth * (1.0 + noise)).collect();
            batches.extend(late.iter().map(|factor| truth * factor));
            let turn = at.index(batches.len());
            batches.rotate_left(turn);
            batches.push(f64::NAN);
            let summary = Summary::of(&batches).expect("there are batches");
            prop_assert!((summary.median / truth - 1.0).abs() <= 0.02, "{summary:?}");
            prop_assert!(summary.low <= summary.median && summary.median <= summary.high);
            prop_assert!(summary.spread() <= 0.05, "{summary:?}");
            // The farther of the two quartiles.
            let reach = summary.spread() * summary.median + 1e-9 * truth;
            prop_assert!(summary.high <= summary.median + reach, "{summary:?}");
            prop_assert!(summary.low >= summary.median - reach, "{summary:?}");
            prop_assert_eq!(summary.batches, batches.len() - 1);
        }

        /// Numbers in equal steps have their quartiles by hand.
        #[test]
        fn quartiles_are_quartiles(quarter in 1_usize..50, from in 1.0_f64..1e3, step in 0.0_f64..10.0) {
            let batches: Vec<f64> = (0..=4 * quarter).map(|i| from + step * i as f64).collect();
            let summary = Summary::of(&batches).expect("there are batches");
            let at = |place: usize| from + step * place as f64;
            let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
            prop_assert!(is_near(summary.low, at(quarter)), "{summary:?}");
            prop_assert!(is_near(summary.median, at(2 * quarter)), "{summary:?}");
            prop_assert!(is_near(summary.high, at(3 * quarter)), "{summary:?}");
            let spread = step * quarter as f64 / at(2 * quarter);
            prop_assert!((summary.spread() - spread).abs() < 1e-9, "{summary:?}");
        }
    }

    #[test]
    fn no_batch_is_no_median() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[f64::NAN, f64::INFINITY]), None);
        let zero = Summary::of(&[0.0]).expect("one");
        assert_eq!((zero.median, zero.spread(), zero.batches), (0.0, 0.0, 1));
    }
}
