//! Recorded times as sorted buckets: a few hundred numbers, where a histogram that could take more
//! is 300 KB.

use std::collections::BTreeMap;

/// How many operations took how long, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    buckets: BTreeMap<u64, u64>,
    count: u64,
}

impl Times {
    /// Adds buckets of histograms, all of which have the same bounds.
    pub fn add(&mut self, buckets: &[(u64, u64)]) {
        for &(nanos, count) in buckets {
            *self.buckets.entry(nanos).or_default() += count;
            self.count += count;
        }
    }

    /// Operations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The buckets, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.buckets.iter().map(|(nanos, count)| (*nanos, *count))
    }

    /// The quantile `q`, in seconds: the smallest time that a share `q` of the operations did not
    /// exceed. `None` if no operation is beyond it; the quantile 1 is the largest time.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !Self::tell(self.count, q) {
            return None;
        }
        let rank = (self.count as f64 * q * (1.0 - 1e-12)).ceil() as u64;
        let mut seen = 0;
        let holds = |(_, count): &(u64, u64)| {
            seen += count;
            seen >= rank
        };
        self.buckets().find(holds).map(|(nanos, _)| nanos as f64 / 1e9)
    }

    /// Whether so many times tell the quantile `q`: one at least is beyond it, or it is the largest.
    #[must_use]
    pub fn tell(count: u64, q: f64) -> bool {
        // A little more, and where the rank is a little less, since 1 - 0.999 is not quite 0.001.
        q == 1.0 || count as f64 * (1.0 - q) * (1.0 + 1e-9) >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_hdr_histogram() {
        let mut histogram = super::super::hdr_histogram();
        let buckets: Vec<(u64, u64)> = (1..=100).map(|i| (i * 10, i * i % 37 + 1)).collect();
        let mut times = Times::default();
        times.add(&buckets[40..]);
        times.add(&buckets[..40]);
        buckets.iter().for_each(|(nanos, count)| histogram.record_n(*nanos, *count).unwrap());
        assert_eq!(times.count(), histogram.len());
        for i in 0..=1000 {
            let q = f64::from(i) / 1000.0;
            let Some(found) = times.quantile(q) else {
                assert!(1.0 - q < 1.0 / times.count() as f64, "{q}");
                continue;
            };
            assert_eq!(found, histogram.value_at_quantile(q) as f64 / 1e9, "{q}");
        }
        assert_eq!(times.quantile(1.0), Some(1e-6));
    }

    #[test]
    fn nothing_has_no_quantiles() {
        let nothing = Times::default();
        assert_eq!([0.0, 0.5, 1.0].map(|q| nothing.quantile(q)), [None; 3]);
        assert_eq!(nothing.count(), 0);
    }

    #[test]
    fn what_one_operation_in_a_thousand_exceeds_is_known_of_a_thousand() {
        let mut times = Times::default();
        times.add(&[(10, 999), (5_000, 1)]);
        assert_eq!(times.quantile(0.999), Some(10e-9));
        assert_eq!(times.quantile(0.9991), None);
        assert_eq!(times.quantile(1.0), Some(5e-6));
    }
}
