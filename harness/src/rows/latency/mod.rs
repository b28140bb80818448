//! Latency trials: operations begin when they are due, whatever the table does, and how long each took
//! is recorded.
//!
//! | file | holds |
//! | --- | --- |
//! | `trial` | a latency trial as a row, and its place in a sweep |
//! | `files` | `latency-trials.csv` and `latency.csv` |

mod files;
#[cfg(test)]
pub(crate) mod test_trials;
mod trial;

pub use self::files::{Bucket, LATENCY, LATENCY_TRIALS, read};
pub(crate) use self::files::{LatencyFiles, line, texts};
pub use self::trial::{LatencyPlace, LatencyTrial, OVERRUN, OpenLoop, place};
pub use trials::latency::{Histogram, Latency, RATES, Time, Times, hdr_histogram};
