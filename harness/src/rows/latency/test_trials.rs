//! Made-up latency trials, for tests of what is computed and drawn from them.

use super::{Histogram, LatencyTrial, Time};
use crate::rows::Row;
use crate::test_rows::trial;
use crate::workload::Op;

/// A trial of a table at one thread, whose `get`s had these response times, in nanoseconds, and a
/// tenth of them as service times.
pub(crate) fn latency_trial(
    structure: &str,
    rate: f64,
    block: u32,
    response: &[(u64, u64)],
) -> LatencyTrial {
    at_rate(trial(structure, 1, block, rate), rate, response)
}

/// The same of a cell with this row.
pub(crate) fn at_rate(row: Row, rate: f64, response: &[(u64, u64)]) -> LatencyTrial {
    let mut trial = LatencyTrial::unmeasured(row, rate);
    trial.open.saturated = Some(false);
    let of = |time, buckets| Histogram { operation: Op::Get, time, buckets };
    let service = response.iter().map(|&(nanos, count)| ((nanos / 10).max(1), count)).collect();
    trial.distributions = vec![of(Time::Response, response.to_vec()), of(Time::Service, service)];
    trial
}
