//! Retired memory: how much, how much is not freed yet, and the most there was.

use std::thread;
use std::time::{Duration, Instant};

use structures::meter::{self, Tally};

/// How often the meter is read. It costs the workers nothing but the reader's own CPU time, some
/// microseconds a reading.
const PERIOD: Duration = Duration::from_millis(5);

/// What became of the nodes, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Nodes retired.
    pub retired: u64,
    /// Retired nodes freed.
    pub freed: u64,
    /// The largest reading of what was retired and not freed. What a sampler sees: the true peak
    /// may lie between two readings.
    pub peak: Tally,
}

/// Reads the meter now and then.
#[derive(Debug, Default)]
pub struct GarbageSampler {
    peak: Tally,
}

impl GarbageSampler {
    /// Reads until `deadline`; sleeps in between.
    pub fn sample_until(&mut self, deadline: Instant) {
        loop {
            self.sample();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(PERIOD));
        }
    }

    /// Reads a last time; `None` if this build does not count nodes.
    #[must_use]
    pub fn finish(mut self) -> Option<Garbage> {
        self.sample();
        let reading = meter::read()?;
        let (retired, freed) = (reading.retired.nodes, reading.freed.nodes);
        Some(Garbage { retired, freed, peak: self.peak })
    }

    fn sample(&mut self) {
        let now = meter::read().map_or_else(Tally::default, |reading| reading.unreclaimed());
        self.peak.nodes = self.peak.nodes.max(now.nodes);
        self.peak.bytes = self.peak.bytes.max(now.bytes);
    }
}
