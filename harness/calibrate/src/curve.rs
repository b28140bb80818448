//! Latency against size: what a step of a chain takes, by how much memory the chain spans.

use std::hint::black_box;
use std::sync::atomic::Ordering;

use anyhow::Context;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;
use virtual_cores::LINE;

use crate::batches::Summary;
use crate::chain::{Chain, SPACING};
use crate::suite::{ROUNDS, each};

/// Steps of a batch in chains up to [`SHORT`], and in others: each takes some tens of microseconds, so that few are
/// interrupted, and reading the clock is little of it.
const STEPS: [usize; 2] = [16_384, 1_024];
/// Bytes of a chain whose steps are short.
const SHORT: usize = 1 << 20;
/// By so many lines more each round's chains begin. Where pages are decides what of a cache they share: a first cache
/// that is told apart by a hash of addresses (M. Lipp et al., *Take A Way*, 2020) has places at which two pages
/// take each other's lines.
const SHIFT: usize = 67 * 4096 / LINE;
/// The smallest chain, in bytes.
const SMALLEST: usize = 4096;

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Bytes that the chain spans; it uses every second line of them.
    pub bytes: usize,
    /// ns of a step.
    #[serde(flatten)]
    pub ns: Summary,
}

/// Latency against size.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LatencyCurve {
    /// Ascending, and at least one.
    pub(crate) points: Vec<CurvePoint>,
}

/// Sizes from 4 KiB up to `largest`, two for each power of two.
pub(crate) fn sizes(largest: usize) -> Vec<usize> {
    let powers = (0..usize::BITS).map_while(|shift| SMALLEST.checked_shl(shift));
    let sizes = powers.flat_map(|size| [size, size / 2 * 3]);
    sizes.take_while(|size| *size <= largest.max(SMALLEST)).collect()
}

impl LatencyCurve {
    /// Measures chains that span up to `largest` bytes, `batches` for each size, in a few rounds; and, in the
    /// largest, loads that depend on nothing: ns of each.
    ///
    /// # Errors
    ///
    /// There are no batches.
    pub(crate) fn measure(
        largest: usize,
        batches: usize,
    ) -> anyhow::Result<(Self, Option<Summary>)> {
        let sizes = sizes(largest);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let room = ROUNDS * SHIFT * LINE;
        let mut chain = Chain::new(room + *sizes.last().context("there is a size")?)?;
        let mut samples = vec![Vec::new(); sizes.len()];
        let mut independent = Vec::new();
        for round in 0..ROUNDS {
            let share = (batches + round) / ROUNDS;
            if share == 0 {
                continue;
            }
            for (bytes, samples) in sizes.iter().zip(&mut samples) {
                chain.link(round * SHIFT, *bytes, &mut rng);
                let mut at = chain.chase(chain.first(), chain.linked());
                let steps = STEPS[usize::from(*bytes > SHORT)];
                samples.extend((0..share).map(|_| each(steps, || at = chain.chase(at, steps))));
                black_box(at);
            }
            let mut state = 1 + round as u64;
            independent
                .extend((0..share).map(|_| each(STEPS[1], || scattered(&chain, &mut state))));
        }
        let point = |(bytes, samples): (usize, Vec<f64>)| {
            Some(CurvePoint { bytes, ns: Summary::of(&samples)? })
        };
        let points: Option<Vec<_>> = sizes.into_iter().zip(samples).map(point).collect();
        let points = points.context("there are no batches")?;
        Ok((Self { points }, Summary::of(&independent)))
    }

    /// Its points, by size: at least one.
    #[must_use]
    pub fn points(&self) -> &[CurvePoint] {
        &self.points
    }

    /// The last point of at most so many bytes, or the first.
    pub(crate) fn below(&self, bytes: f64) -> &CurvePoint {
        let fits = |point: &&CurvePoint| point.bytes as f64 <= bytes;
        self.points.iter().rev().find(fits).unwrap_or(&self.points[0])
    }

    /// The last point.
    pub(crate) fn last(&self) -> &CurvePoint {
        &self.points[self.points.len() - 1]
    }

    /// Where a step begins to take more than in between `inside` and `outside` (their geometric mean): the last
    /// size from which on all larger ones do. None if the largest does not.
    ///
    /// Complexity: O(points).
    #[must_use]
    pub fn bend(&self, inside: f64, outside: f64) -> Option<usize> {
        let between = (inside * outside).sqrt();
        let is_outside = |point: &&CurvePoint| point.ns.median > between;
        self.points.iter().rev().take_while(is_outside).last().map(|point| point.bytes)
    }
}

/// Loads of lines at random places, as many as a core can have on their way at once.
#[inline(never)]
fn scattered(chain: &Chain, state: &mut u64) {
    let (mut word, mut seen) = (*state, 0);
    for _ in 0..STEPS[1] {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        let slot = ((u128::from(word) * chain.linked() as u128) >> 64) as usize;
        // Relaxed: no other thread has the memory.
        seen ^= chain.line(chain.first() + slot * SPACING).next.load(Ordering::Relaxed);
    }
    black_box(seen);
    *state = word;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn summary(median: f64) -> Summary {
        Summary { median, low: median, high: median, batches: 1 }
    }

    fn curve(largest: usize, ns: impl Fn(usize) -> f64) -> LatencyCurve {
        let point = |bytes| CurvePoint { bytes, ns: summary(ns(bytes)) };
        LatencyCurve { points: sizes(largest).into_iter().map(point).collect() }
    }

    proptest! {
        /// A curve that rises at a size bends at the next point, however it wavers on its way, and though a smaller
        /// chain was once as slow.
        #[test]
        fn a_curve_bends_where_it_rises(
            at in 13_u32..25,
            inside in 1.0_f64..20.0,
            factor in 2.0_f64..10.0,
            waver in 0.0_f64..0.15,
            once in 0_usize..2,
        ) {
            let edge = 1_usize << at;
            let outside = inside * factor;
            let ns = |bytes: usize| {
                let is_inside = bytes <= edge && bytes != sizes(edge)[once];
                let flat = if is_inside { inside } else { outside };
                flat * if bytes.is_power_of_two() { 1.0 + waver } else { 1.0 - waver }
            };
            prop_assert_eq!(curve(1 << 27, ns).bend(inside, outside), Some(edge / 2 * 3));
            prop_assert_eq!(curve(edge, ns).bend(inside, outside), None);
        }

        #[test]
        fn sizes_ascend_to_the_largest(largest in 0_usize..(1 << 32)) {
            let sizes = sizes(largest);
            prop_assert!(sizes.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(sizes[0], SMALLEST);
            prop_assert!(sizes.iter().all(|size| *size <= largest.max(SMALLEST)));
            prop_assert!(sizes.last().is_some_and(|last| last * 3 / 2 >= largest), "{:?}", sizes);
        }

        #[test]
        fn the_point_below_is_the_last_that_fits(bytes in 1_usize..(1 << 25)) {
            let curve = curve(1 << 24, |_| 1.0);
            let point = curve.below(bytes as f64).bytes;
            prop_assert!(point <= bytes.max(SMALLEST));
            prop_assert!(curve.points.iter().all(|p| p.bytes <= point || p.bytes > bytes));
        }
    }
}
