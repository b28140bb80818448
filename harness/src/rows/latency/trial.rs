//! A latency trial: a row of `latency-trials.csv` and its histograms.

use serde::{Deserialize, Serialize};

use super::{Histogram, Latency};
use crate::rows::Row;
use crate::trial::Measurement;

/// A trial whose operations took longer than its time and this share of it could not keep its rate.
pub const OVERRUN: f64 = 0.05;

/// What a row of `latency-trials.csv` has besides the columns of `trials.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Operations per second that were asked for, of all workers together.
    pub rate: f64,
    /// Operations that were due in the measured time.
    pub planned: Option<u64>,
    /// Those of them that were never begun.
    pub unstarted: Option<u64>,
    /// How long after the measured time the last one ended.
    pub late_seconds: Option<f64>,
    /// Whether the rate could not be kept.
    pub saturated: Option<bool>,
    /// The clock.
    pub clock: String,
}

/// One trial at a stated rate.
#[derive(Clone, Debug)]
pub struct LatencyTrial {
    /// Its case, its place in the sweep, and what every trial measures.
    pub row: Row,
    /// Its rate, and whether it was kept.
    pub open: OpenLoop,
    /// Its histograms; none if it failed.
    pub distributions: Vec<Histogram>,
}

/// What names a latency trial: case, block and rate.
pub type LatencyPlace = (String, u32, u64);

/// The name of the trial of `case` in `block` at `rate`.
#[must_use]
pub fn place(case: &str, block: u32, rate: f64) -> LatencyPlace {
    (case.to_owned(), block, rate.to_bits())
}

impl LatencyTrial {
    /// One in which nothing is measured yet.
    #[must_use]
    pub fn unmeasured(row: Row, rate: f64) -> Self {
        let open = OpenLoop {
            rate,
            planned: None,
            unstarted: None,
            late_seconds: None,
            saturated: None,
            clock: String::new(),
        };
        Self { row, open, distributions: Vec::new() }
    }

    /// Fills in what was measured in a trial that was to last `seconds`.
    pub fn measured(&mut self, mut measured: Measurement, seconds: f64) {
        if let Some(latency) = measured.latency.take() {
            let Latency { planned, unstarted, late_seconds, clock, distributions } = latency;
            self.open.planned = Some(planned);
            self.open.unstarted = Some(unstarted);
            self.open.late_seconds = Some(late_seconds);
            self.open.saturated = Some(unstarted > 0 || late_seconds > OVERRUN * seconds);
            self.open.clock = clock;
            self.distributions = distributions;
        }
        self.row.measured(measured);
    }

    /// What names it.
    #[must_use]
    pub fn place(&self) -> LatencyPlace {
        place(&self.row.case, self.row.block, self.open.rate)
    }

    /// Whether it could not keep its rate.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.open.saturated == Some(true)
    }

    /// Whether its times count: it passed its self-check, and has some.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.row.counts() && !self.distributions.is_empty()
    }

    /// Whether it has had histograms, which are gone: some of its operations began.
    #[must_use]
    pub fn lacks_histograms(&self) -> bool {
        let OpenLoop { planned, unstarted, .. } = self.open;
        let began = planned.is_some_and(|planned| unstarted.unwrap_or(0) < planned);
        self.row.counts() && self.distributions.is_empty() && began
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::trial;

    #[test]
    fn a_trial_that_ends_late_or_not_at_all_is_saturated() {
        let judged = |unstarted, late_seconds| {
            let (clock, distributions) = ("test".to_owned(), Vec::new());
            let latency = Latency { planned: 10, unstarted, late_seconds, clock, distributions };
            let mut one = LatencyTrial::unmeasured(trial("papaya", 1, 0, 1.0), 100.0);
            one.measured(Measurement { latency: Some(latency), ..Measurement::default() }, 2.0);
            one.is_saturated()
        };
        assert!(!judged(0, 0.0));
        assert!(!judged(0, 0.1), "by 5 % of its two seconds");
        assert!(judged(0, 0.11));
        assert!(judged(1, 0.0));
    }
}
