//! Latency: what open-loop trials record, and what is read off it.
//!
//! | file | holds |
//! | --- | --- |
//! | `trial` | a latency trial as a row, and its place in a sweep |
//! | `files` | `latency-trials.csv` and `latency.csv` |
//! | `cells` | the trials of one cell at one rate, and their quantiles |
//! | `hgrm` | the text that HdrHistogram's plotter reads |
//! | `table` | percentiles as a table of text and as JSON |

mod cells;
mod files;
pub mod hgrm;
pub mod table;
#[cfg(test)]
pub(crate) mod test_trials;
mod trial;

pub use self::cells::{LatencyCell, QUANTILES, Quantile};
pub use self::files::{Bucket, LATENCY, LATENCY_TRIALS, read};
pub(crate) use self::files::{LatencyFiles, line, texts};
pub use self::trial::{LatencyTrial, OVERRUN, OpenLoop, Place, place};
pub use trials::latency::{Distribution, Latency, RATES, Time, Times, histogram};
