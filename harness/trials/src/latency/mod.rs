//! The records of an open-loop trial: how long operations took, by operation and by the kind of time (response or
//! service).

mod times;

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use table::Op;

pub use self::times::Times;
use crate::workload::OpMix;

/// Significant decimal digits of a recorded time.
const DIGITS: u8 = 3;

/// The longest time that a histogram tells from longer ones, in nanoseconds: a day.
const LONGEST: u64 = 86_400 * 1_000_000_000;

/// The rates that can be asked for, in operations per second.
pub const RATES: RangeInclusive<f64> = 0.001..=1e9;

/// From when an operation's time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    /// From when it was due.
    Response,
    /// From when it began.
    Service,
}

impl Time {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Response, Self::Service];

    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An empty histogram.
///
/// # Panics
///
/// Never: the bounds are constants.
#[must_use]
pub fn hdr_histogram() -> hdrhistogram::Histogram<u64> {
    hdrhistogram::Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("the bounds are right")
}

/// The times of one kind that operations of one kind took, as the buckets of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// The operations.
    pub operation: Op,
    /// Their times.
    pub time: Time,
    /// The largest time of each bucket that is not empty, in nanoseconds, ascending, and how many
    /// operations are in it.
    pub buckets: Vec<(u64, u64)>,
}

impl Histogram {
    /// What was recorded of these operations.
    #[must_use]
    pub fn of(operation: Op, time: Time, histogram: &hdrhistogram::Histogram<u64>) -> Self {
        let bucket = histogram.iter_recorded();
        let buckets =
            bucket.map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value())).collect();
        Self { operation, time, buckets }
    }

    /// Adds the counts of `others`, of any kinds, to `all`.
    pub fn merge(all: &mut Vec<Self>, others: &[Self]) {
        for other in others {
            let like = |one: &&mut Self| (one.operation, one.time) == (other.operation, other.time);
            match all.iter_mut().find(like) {
                Some(one) => {
                    let mut both = Times::default();
                    both.add(&one.buckets);
                    both.add(&other.buckets);
                    one.buckets = both.buckets().collect();
                }
                None => all.push(other.clone()),
            }
        }
    }
}

/// What a latency trial measured besides what every trial does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Operations that were due in the measured time.
    pub planned: u64,
    /// Those of them that were not begun as long after the measured time as it lasted, or a second; of a server, that
    /// were not answered long after it.
    pub unstarted: u64,
    /// How long after the measured time the last operation ended.
    pub late_seconds: f64,
    /// The clock.
    pub clock: String,
    /// By operation and time.
    pub distributions: Vec<Histogram>,
}

/// A worker's histograms, both times of each operation of its mix.
#[derive(Clone, Debug)]
pub(crate) struct Tape([Option<[hdrhistogram::Histogram<u64>; 2]>; Op::ALL.len()]);

impl Tape {
    /// Room for the operations of `mix`, touched already.
    pub(crate) fn of(mix: OpMix) -> Self {
        let touched = || {
            let mut empty = hdr_histogram();
            empty.reset();
            empty
        };
        Self(Op::ALL.map(|op| mix.has(op).then(|| [touched(), touched()])))
    }

    /// Records an operation; times are in nanoseconds.
    #[inline(always)]
    pub(crate) fn record(&mut self, op: Op, response: u64, service: u64) {
        if let Some([of_response, of_service]) = &mut self.0[op as usize] {
            // What no clock can tell from nothing took some time all the same.
            of_response.saturating_record(response.max(1));
            of_service.saturating_record(service.max(1));
        }
    }

    /// What was recorded; nothing of an operation that did not occur.
    pub(crate) fn distributions(&self) -> Vec<Histogram> {
        let recorded = Op::ALL.into_iter().zip(&self.0);
        recorded
            .filter_map(|(op, both)| Some((op, both.as_ref()?)))
            .flat_map(|(op, both)| {
                Time::ALL.into_iter().zip(both).map(move |(time, of)| Histogram::of(op, time, of))
            })
            .filter(|distribution| !distribution.buckets.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Mix;

    #[test]
    fn a_tape_has_room_for_its_mix() {
        let mut tape = Tape::of(OpMix::new(&Mix::balanced(90.0)).expect("a mix"));
        tape.record(Op::Get, 1_234_567, 20);
        tape.record(Op::Get, 90, 20);
        tape.record(Op::Remove, 7, 7);
        tape.record(Op::Update, 1, 1);
        let all = tape.distributions();
        let kinds: Vec<_> = all.iter().map(|one| (one.operation, one.time)).collect();
        let [response, service] = Time::ALL;
        assert_eq!(
            kinds,
            [
                (Op::Get, response),
                (Op::Get, service),
                (Op::Remove, response),
                (Op::Remove, service)
            ],
            "no insert was recorded, and no update is in the mix"
        );
        assert_eq!(all[1].buckets, [(20, 2)]);
        let [(90, 1), (long, 1)] = all[0].buckets[..] else { panic!("{:?}", all[0].buckets) };
        assert!((1_234_567..1_236_000).contains(&long), "three digits, rounded up: {long}");
    }

    #[test]
    fn merged_histograms_have_every_count() {
        let of = |operation, buckets: &[(u64, u64)]| Histogram {
            operation,
            time: Time::Service,
            buckets: buckets.to_vec(),
        };
        let mut all = vec![of(Op::Get, &[(10, 1), (30, 2)])];
        Histogram::merge(&mut all, &[of(Op::Get, &[(20, 5), (30, 1)]), of(Op::Insert, &[(9, 9)])]);
        assert_eq!(all, [of(Op::Get, &[(10, 1), (20, 5), (30, 3)]), of(Op::Insert, &[(9, 9)])]);
        // Every worker's buckets have the same ends.
        let [first, second] = [1_234_567, 1_234_600].map(|nanos| {
            let mut tape = hdr_histogram();
            tape.record(nanos).unwrap();
            Histogram::of(Op::Get, Time::Service, &tape)
        });
        assert_eq!(first, second, "both are in the bucket that ends at its largest time");
    }
}
