//! The quantity that is compared: a rate, or something that a trial used.

use serde_json::{Value, json};

use super::Verdict;
use super::words::factor;
use crate::analysis::latency::QUANTILES;
use crate::rows::Row;
use crate::rows::cache::CacheRow;
use crate::rows::latency::{LatencyTrial, Time, Times};
use crate::rows::server::ServerRow;

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
    /// Of a cache or a server: hits over lookups.
    HitRatio,
    /// Of a cache: hits over CPU time.
    HitsPerCpuSecond,
    /// Of a cache: resident bytes over items.
    BytesPerItem,
    /// Of a server: keys over its CPU time in its own code.
    KeysPerUserSecond,
    /// Of a server: items over the MiB of its resident set.
    ItemsPerMib,
}

impl Quantity {
    /// That of this name, if it is no rate.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let percentile = QUANTILES.iter().find(|(own, _)| *own == name);
        match name {
            "peak-unreclaimed-bytes" => Some(Self::PeakUnreclaimedBytes),
            "hit-ratio" => Some(Self::HitRatio),
            "hits-per-cpu-sec" => Some(Self::HitsPerCpuSecond),
            "bytes-per-item" => Some(Self::BytesPerItem),
            "keys-per-user-sec" => Some(Self::KeysPerUserSecond),
            "items-per-mib" => Some(Self::ItemsPerMib),
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

    /// The same of a latency trial of a cell that kept its rate or did not: then times are as long as the trials.
    /// A trial that could not keep it counts, where most did: a table is not better for those in which it failed.
    /// Where its histograms are gone, it is what `served` says, what was measured of servers alone.
    #[must_use]
    pub fn of_latency(
        self,
        trial: &LatencyTrial,
        is_kept: bool,
        served: Option<&ServerRow>,
    ) -> Row {
        let mut row = trial.row.clone();
        row.ops_per_sec = match self {
            Self::Response(name, quantile) if is_kept && trial.lacks_histograms() => {
                let due = trial.open.planned.unwrap_or(0);
                served.filter(|_| Times::tell(due, quantile)).and_then(|own| own.response(name))
            }
            Self::Response(_, quantile) if is_kept => {
                trial.times_of_all_due(Time::Response).quantile(quantile)
            }
            _ => None,
        };
        row
    }

    /// Whether it is of caches alone.
    #[must_use]
    pub fn is_of_caches(self) -> bool {
        matches!(self, Self::HitRatio | Self::HitsPerCpuSecond | Self::BytesPerItem)
    }

    /// The same of the trial of a cache, of which `cached` is what was measured of caches alone.
    #[must_use]
    pub fn of_cache(self, row: &Row, cached: Option<&CacheRow>) -> Row {
        let mut row = row.clone();
        row.ops_per_sec = cached.and_then(|cached| match self {
            Self::HitRatio => cached.hit_ratio,
            Self::HitsPerCpuSecond => cached.hits_per_cpu_sec,
            Self::BytesPerItem => cached.bytes_per_item,
            _ => None,
        });
        row
    }

    /// Whether it is of servers alone.
    #[must_use]
    pub fn is_of_servers(self) -> bool {
        matches!(self, Self::KeysPerUserSecond | Self::ItemsPerMib)
    }

    /// The same of the trial of a server, of which `served` is what was measured of servers alone.
    #[must_use]
    pub fn of_server(self, row: &Row, served: Option<&ServerRow>) -> Row {
        let mut row = row.clone();
        row.ops_per_sec = served.and_then(|served| match self {
            Self::HitRatio => served.hit_ratio,
            Self::KeysPerUserSecond => served.keys_per_user_sec,
            Self::ItemsPerMib => served.items_per_mib,
            _ => None,
        });
        row
    }

    /// Whether it is better the less it is.
    #[must_use]
    pub fn is_a_cost(self) -> bool {
        matches!(self, Self::PeakUnreclaimedBytes | Self::Response(..) | Self::BytesPerItem)
    }

    /// The heading of a column of it.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Rate => "Mops/s",
            Self::PeakUnreclaimedBytes => "peak bytes",
            Self::Response(name, _) => name,
            Self::HitRatio => "hit ratio",
            Self::HitsPerCpuSecond => "Mhits/CPU-s",
            Self::BytesPerItem => "bytes an item",
            Self::KeysPerUserSecond => "Mkeys/user-s",
            Self::ItemsPerMib => "items a MiB",
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
                 cells most of whose trials could not keep their rate are left out"
            ),
            Self::HitRatio => "Hit ratios are medians of hits over lookups".to_owned(),
            Self::HitsPerCpuSecond => {
                "Hits are medians in millions a second of the process's CPU time".to_owned()
            }
            Self::BytesPerItem => {
                "Bytes are medians of how much the resident set grew for each item".to_owned()
            }
            Self::KeysPerUserSecond => {
                "Keys are medians in millions a second of the server's CPU time in its own code"
                    .to_owned()
            }
            Self::ItemsPerMib => {
                "Items are medians of those in a MiB of the server's resident set".to_owned()
            }
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
            (_, Verdict::Faster) => "more",
            (_, Verdict::Slower) => "less",
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
            Self::HitRatio => json!({ "hit_ratio": ours, "baseline_hit_ratio": theirs }),
            Self::HitsPerCpuSecond => {
                json!({ "hits_per_cpu_sec": ours, "baseline_hits_per_cpu_sec": theirs })
            }
            Self::BytesPerItem => {
                json!({ "bytes_per_item": ours, "baseline_bytes_per_item": theirs })
            }
            Self::KeysPerUserSecond => {
                json!({ "keys_per_user_sec": ours, "baseline_keys_per_user_sec": theirs })
            }
            Self::ItemsPerMib => {
                json!({ "items_per_mib": ours, "baseline_items_per_mib": theirs })
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
    fn a_percentile_is_of_response_times_and_of_cells_that_kept_their_rate() {
        let tail = [(1_000, 980), (2_000_000, 20)];
        let mut trial = at_rate(crate::test_rows::trial("papaya", 1, 0, 1e6), 1e5, &tail);
        let of = |trial: &LatencyTrial, name: &str| {
            Quantity::named(name).unwrap().of_latency(trial, true, None).ops_per_sec
        };
        let p99 = of(&trial, "p99").expect("a time");
        assert!((p99 / 2e-3 - 1.0).abs() < 1e-2, "{p99}");
        assert!(of(&trial, "p50").is_some_and(|p50| (p50 / 1e-6 - 1.0).abs() < 1e-2));
        assert_eq!(of(&trial, "peak-unreclaimed-bytes"), None);
        trial.open.saturated = Some(true);
        assert_eq!(of(&trial, "p99"), Some(p99), "most others did keep it");
        let of_cell = Quantity::named("p99").unwrap().of_latency(&trial, false, None);
        assert_eq!(of_cell.ops_per_sec, None);
        trial.open.unstarted = Some(2_000);
        assert_eq!(of(&trial, "p50"), Some(1.0), "most never began");
    }

    #[test]
    fn without_histograms_it_is_what_is_said_of_the_server() {
        let case = crate::test_rows::served_case("memc3/clock", 1);
        let (row, mut served) = crate::test_rows::served(&case, 0, 2.0);
        (served.response_p99, served.response_p999) = (Some(3e-3), Some(4e-3));
        let mut trial = at_rate(row, 1e5, &[(1_000, 980), (2_000_000, 20)]);
        trial.open.planned = Some(1000);
        let of = |trial: &LatencyTrial, name: &str, served: Option<&ServerRow>| {
            Quantity::named(name).unwrap().of_latency(trial, true, served).ops_per_sec
        };
        let whole = of(&trial, "p99", Some(&served));
        assert!(whole.is_some_and(|p99| p99 < 2.5e-3), "its histograms come first: {whole:?}");
        trial.distributions.clear();
        assert_eq!(of(&trial, "p99", Some(&served)), Some(3e-3));
        assert_eq!(of(&trial, "p99.9", Some(&served)), Some(4e-3));
        assert_eq!(of(&trial, "p99.99", Some(&served)), None);
        trial.open.planned = Some(999);
        assert_eq!(of(&trial, "p99.9", Some(&served)), None, "no request is beyond it");
        assert_eq!(of(&trial, "p99", None), None);
        // It has none if nothing began.
        trial.open.unstarted = Some(999);
        assert_eq!(of(&trial, "p99", None), Some(1.0));
    }

    #[test]
    fn what_is_of_caches_alone_is_their_row_s() {
        let case = crate::test_rows::cached_case("memc3/clock", 1 << 20);
        let (row, cached) = crate::test_rows::cached(&case, 0, 0.25);
        let of = |name: &str| {
            let quantity = Quantity::named(name).unwrap();
            assert!(quantity.is_of_caches() && quantity.verdict(Verdict::Faster) == "more");
            quantity.of_cache(&row, Some(&cached)).ops_per_sec
        };
        let all = ["hit-ratio", "hits-per-cpu-sec", "bytes-per-item"].map(of);
        assert_eq!(all, [Some(0.25), Some(250.0), Some(64.0)]);
        assert_eq!(Quantity::HitRatio.of_cache(&row, None).ops_per_sec, None);
        assert!(!Quantity::Rate.is_of_caches());
    }

    #[test]
    fn what_is_of_servers_alone_is_their_row_s() {
        let case = crate::test_rows::served_case("memc3/clock", 1);
        let (row, served) = crate::test_rows::served(&case, 0, 2.0);
        let of = |name: &str| {
            let quantity = Quantity::named(name).unwrap();
            assert!(quantity.verdict(Verdict::Faster) == "more");
            quantity.of_server(&row, Some(&served)).ops_per_sec
        };
        let all = ["hit-ratio", "keys-per-user-sec", "items-per-mib"].map(of);
        assert_eq!(all, [Some(0.9), Some(2e6), Some(1000.0)]);
        assert!(Quantity::ItemsPerMib.is_of_servers() && !Quantity::HitRatio.is_of_servers());
        assert_eq!(Quantity::HitRatio.of_server(&row, None).ops_per_sec, None);
    }

    #[test]
    fn bytes_have_three_digits() {
        let shown = [12.0, 1_500.0, 25e6].map(|value| bytes(value).replace('\u{a0}', " "));
        assert_eq!(shown, ["12 B", "1.50 kB", "25.0 MB"]);
    }
}
