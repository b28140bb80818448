//! When the operations of an open-loop trial are due.

use rand::{Rng as _, SeedableRng};

use super::Rng;
use super::{Purpose, derive};

/// One thread's share of a Poisson process: the times at which its operations are due, in
/// nanoseconds since the trial began, ascending. They depend on the seed, the thread and the rate,
/// and on nothing that a table does.
#[derive(Clone, Debug)]
pub struct Arrivals {
    rng: Rng,
    mean_gap: f64,
    due: f64,
    end: f64,
}

impl Arrivals {
    /// The arrivals of thread `thread` in the trial with this seed: `rate` a second on average,
    /// for so many seconds.
    ///
    /// # Panics
    ///
    /// Unless the rate is above 0.
    #[must_use]
    pub fn new(seed: u64, thread: usize, rate: f64, seconds: f64) -> Self {
        assert!(rate > 0.0, "a rate of {rate}");
        let seed = derive(seed, Purpose::Arrivals, thread as u64);
        Self { rng: Rng::seed_from_u64(seed), mean_gap: 1e9 / rate, due: 0.0, end: seconds * 1e9 }
    }
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        // In (0, 1], so that its logarithm is finite.
        let uniform = ((self.rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        self.due -= uniform.ln() * self.mean_gap;
        (self.due < self.end).then_some(self.due as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chi_square_z;
    use super::*;

    #[test]
    fn gaps_are_exponential_and_as_many_as_asked_for() {
        let (rate, seconds) = (1e6, 0.4);
        let due: Vec<u64> = Arrivals::new(3, 0, rate, seconds).collect();
        assert!(due.is_sorted() && *due.last().unwrap() < 400_000_000);
        // The count is Poisson with mean and variance 400,000.
        let z = (due.len() as f64 - rate * seconds) / (rate * seconds).sqrt();
        assert!(z.abs() < 4.0, "{} arrivals, z = {z:.1}", due.len());
        // Gaps by deciles of the exponential distribution with mean 1000 ns.
        let mut deciles = [0; 10];
        for pair in due.windows(2) {
            let below = 1.0 - (-((pair[1] - pair[0]) as f64) / 1000.0).exp();
            deciles[((below * 10.0) as usize).min(9)] += 1;
        }
        // Nanoseconds are whole: a gap of 105.4 is 105 or 106, which moves few across an edge.
        let z = chi_square_z(&deciles, &[0.1; 10]);
        assert!(z.abs() < 4.0, "{deciles:?}: z = {z:.1}");
    }

    #[test]
    fn threads_and_seeds_differ_and_repeat() {
        let first =
            |seed, thread| -> Vec<u64> { Arrivals::new(seed, thread, 1e5, 1.0).take(20).collect() };
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
    }

    #[test]
    fn a_trial_too_short_for_its_rate_has_none() {
        assert_eq!(Arrivals::new(1, 0, 1e-3, 0.001).count(), 0);
    }
}
