//! Hardware counters: instructions, cycles and misses of the last-level cache.

#[cfg(not(target_os = "linux"))]
mod none;
#[cfg(target_os = "linux")]
mod perf;

use serde::{Deserialize, Serialize};

#[cfg(not(target_os = "linux"))]
pub use none::Counters;
#[cfg(target_os = "linux")]
pub use perf::Counters;

/// The columns that they fill.
pub const COUNTERS: [&str; 3] = ["instructions", "cycles", "llc_misses"];

/// What was counted; `None` is absent, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Instructions retired.
    pub instructions: Option<f64>,
    /// CPU cycles.
    pub cycles: Option<f64>,
    /// Reads that missed the last-level cache.
    pub llc_misses: Option<f64>,
}

impl Counts {
    /// So many times as much.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let Self { instructions, cycles, llc_misses } = self;
        let [instructions, cycles, llc_misses] =
            [instructions, cycles, llc_misses].map(|count| count.map(|count| count * factor));
        Self { instructions, cycles, llc_misses }
    }
}
