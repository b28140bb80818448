//! What is compared: a rate, or what a trial took.

use serde_json::{Value, json};

use super::Verdict;
use super::words::factor;
use crate::analysis::latency::QUANTILES;
use crate::rows::Row;
use crate::rows::latency::{LatencyTrial, Time};

/// What of a trial is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Quantity {
    /// Operations per second.
    #[default]
    Rate,
    /// The most bytes that were retired and not yet freed at any time.
    PeakUnreclaimedBytes,
    /// A percentile of the response times of a latency trial, in seconds: its name and its quantile.
    Response(&'static str, f64),
}

impl Quantity {
    /// That of this name, if it is no rate.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let percentile = QUANTILES.iter().find(|(own, _)| *own == name);
        match name {
            "peak-unreclaimed-bytes" => Some(Self::PeakUnreclaimedBytes),
            _ => percentile.map(|(name, quantile)| Self::Response(name, *quantile)),
        }
    }

    /// A throughput trial with this in place of its rate over all wall time.
    #[must_use]
    pub fn in_place_of_rate(self, row: &Row) -> Row {
        let mut row = row.clone();
        if self == Self::PeakUnreclaimedBytes {
            row.ops_per_sec = row.peak_unreclaimed_bytes.map(|bytes| bytes as f64);
        }
        row
    }

    /// The same of a latency trial; it has none if it could not keep its rate, when its times are as long as
    /// it was.
    #[must_use]
    pub fn of_latency(self, trial: &LatencyTrial) -> Row {
        let mut row = trial.row.clone();
        row.ops_per_sec = match self {
            Self::Response(_, quantile) if !trial.is_saturated() => {
                trial.times(Time::Response).quantile(quantile)
            }
            _ => None,
        };
        row
    }

    /// The heading of a column of it.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Rate => "Mops/s",
            Self::PeakUnreclaimedBytes => "peak bytes",
            Self::Response(name, _) => name,
        }
    }

    /// What the columns hold, for a caption.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Rate => "Rates are medians in Mops/s".to_owned(),
            Self::PeakUnreclaimedBytes => {
                "Bytes are medians of the most that were retired and not yet freed at any time"
                    .to_owned()
            }
            Self::Response(name, _) => format!(
                "Times are medians of {name} of the response times, from when an operation was due; \
                 trials that could not keep their rate are left out"
            ),
        }
    }

    /// What a ratio above 1 says.
    #[must_use]
    pub fn above_one(self) -> &'static str {
        self.verdict(Verdict::Faster)
    }

    /// A verdict in words. `Faster` is a ratio above 1, whatever the quantity.
    #[must_use]
    pub fn verdict(self, verdict: Verdict) -> &'static str {
        match (self, verdict) {
            (_, Verdict::NoDifferenceShown) => "no difference shown",
            (Self::Rate, Verdict::Faster) | (Self::Response(..), Verdict::Slower) => "faster",
            (Self::Rate, Verdict::Slower) | (Self::Response(..), Verdict::Faster) => "slower",
            (Self::PeakUnreclaimedBytes, Verdict::Faster) => "more",
            (Self::PeakUnreclaimedBytes, Verdict::Slower) => "less",
        }
    }

    /// The medians of both, in base units, for a program.
    pub(crate) fn to_json(self, ours: f64, theirs: f64) -> Value {
        match self {
            Self::Rate => json!({ "ops_per_sec": ours, "baseline_ops_per_sec": theirs }),
            Self::PeakUnreclaimedBytes => {
                json!({ "peak_unreclaimed_bytes": ours, "baseline_peak_unreclaimed_bytes": theirs })
            }
            Self::Response(name, _) => {
                json!({ "percentile": name, "seconds": ours, "baseline_seconds": theirs })
            }
        }
    }
}

/// Bytes with a prefix, to three digits.
pub(crate) fn bytes(value: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.into_iter().find(|(unit, _)| value >= *unit) {
        Some((unit, name)) => format!("{}\u{a0}{name}", factor(value / unit)),
        None => format!("{value:.0}\u{a0}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::latency::test_trials::at_rate;

    #[test]
    fn verdicts_are_about_what_is_compared() {
        let of = |name: &str| Quantity::named(name).expect("a quantity");
        assert_eq!(of("peak-unreclaimed-bytes").verdict(Verdict::Slower), "less");
        assert_eq!(of("p99").verdict(Verdict::Faster), "slower", "a longer time");
        assert_eq!(Quantity::Rate.verdict(Verdict::Faster), "faster");
        assert_eq!((Quantity::named("wall"), Quantity::named("p98")), (None, None));
    }

    #[test]
    fn a_percentile_is_of_response_times_and_of_trials_that_kept_their_rate() {
        let tail = [(1_000, 980), (2_000_000, 20)];
        let mut trial = at_rate(crate::test_rows::trial("papaya", 1, 0, 1e6), 1e5, &tail);
        let of = |trial: &LatencyTrial, name: &str| {
            Quantity::named(name).unwrap().of_latency(trial).ops_per_sec
        };
        let p99 = of(&trial, "p99").expect("a time");
        assert!((p99 / 2e-3 - 1.0).abs() < 1e-2, "{p99}");
        assert!(of(&trial, "p50").is_some_and(|p50| (p50 / 1e-6 - 1.0).abs() < 1e-2));
        assert_eq!(of(&trial, "peak-unreclaimed-bytes"), None);
        trial.open.saturated = Some(true);
        assert_eq!(of(&trial, "p99"), None);
    }

    #[test]
    fn bytes_have_three_digits() {
        let shown = [12.0, 1_500.0, 25e6].map(|value| bytes(value).replace('\u{a0}', " "));
        assert_eq!(shown, ["12 B", "1.50 kB", "25.0 MB"]);
    }
}
