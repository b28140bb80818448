//! Retired memory: how much, how much is not freed yet, and the most there was.

use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use table::meter::{Delays, Meter, Tally};

use super::rss_bytes;

/// How often the meter is read. It costs the workers nothing but the reader's own CPU time, some
/// microseconds a reading.
const PERIOD: Duration = Duration::from_millis(5);

/// Samples of a series at most; in a long trial they are further apart than [`PERIOD`].
const MAX_SAMPLES: f64 = 250.0;

/// What became of the nodes, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Garbage {
    /// Nodes retired.
    pub retired: u64,
    /// Retired nodes freed.
    pub freed: u64,
    /// Nodes made and never published.
    pub discarded: u64,
    /// The largest reading of what was retired and not freed. What a sampler sees: the true peak
    /// may lie between two readings.
    pub peak: Tally,
    /// How long retired nodes waited; `None` if none was in the sample.
    pub delays: Option<Delays>,
}

/// Memory at one moment of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Since the measured time began.
    pub at_seconds: f64,
    /// Nodes retired and not freed.
    pub unreclaimed: Option<u64>,
    /// Their bytes.
    pub unreclaimed_bytes: Option<u64>,
    /// Resident set of the process.
    pub rss_bytes: Option<u64>,
}

/// Reads the meter now and then.
#[derive(Debug, Default)]
pub struct GarbageSampler {
    meter: Meter,
    peak: Tally,
    /// Samples kept, and the time between two; none if no series was asked for.
    series: Option<(Vec<Sample>, Duration)>,
}

impl GarbageSampler {
    /// One that reads `meter`.
    #[must_use]
    pub fn new(meter: Meter) -> Self {
        Self { meter, peak: Tally::default(), series: None }
    }

    /// One that keeps a series too, of a trial of so many seconds.
    #[must_use]
    pub fn with_series(meter: Meter, seconds: f64) -> Self {
        let step = Duration::from_secs_f64(seconds / MAX_SAMPLES).max(PERIOD);
        let room = (seconds / step.as_secs_f64()) as usize + 2;
        Self { meter, peak: Tally::default(), series: Some((Vec::with_capacity(room), step)) }
    }

    /// Reads until `deadline`; sleeps in between.
    pub fn sample_until(&mut self, deadline: Instant) {
        let started = Instant::now();
        let mut next = started;
        loop {
            let now = Instant::now();
            let unreclaimed = self.sample();
            if let Some((samples, step)) = &mut self.series
                && (now >= next || now >= deadline)
            {
                samples.push(Sample {
                    at_seconds: (now - started).as_secs_f64(),
                    unreclaimed: unreclaimed.map(|tally| tally.nodes),
                    unreclaimed_bytes: unreclaimed.map(|tally| tally.bytes),
                    rss_bytes: rss_bytes(),
                });
                next += *step;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if now >= deadline {
                return;
            }
            thread::sleep(left.min(PERIOD));
        }
    }

    /// Reads a last time; the garbage is `None` if this build does not count nodes.
    #[must_use]
    pub fn finish(mut self) -> (Option<Garbage>, Vec<Sample>) {
        self.sample();
        let garbage = (self.meter.read)().map(|reading| Garbage {
            retired: reading.retired,
            freed: reading.freed,
            discarded: reading.discarded,
            peak: self.peak,
            delays: (self.meter.delays)(),
        });
        (garbage, self.series.map_or_else(Vec::new, |(samples, _)| samples))
    }

    fn sample(&mut self) -> Option<Tally> {
        let now = (self.meter.read)()?.unreclaimed;
        self.peak.nodes = self.peak.nodes.max(now.nodes);
        self.peak.bytes = self.peak.bytes.max(now.bytes);
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_goes_from_the_start_to_the_deadline() {
        let seconds = 0.05;
        let mut sampler = GarbageSampler::with_series(Meter::default(), seconds);
        sampler.sample_until(Instant::now() + Duration::from_secs_f64(seconds));
        let (_, samples) = sampler.finish();
        let (first, last) = (samples[0].at_seconds, samples[samples.len() - 1].at_seconds);
        assert!(samples.len() >= 2 && first < seconds && last >= seconds * 0.99, "{samples:?}");
        assert!(samples.windows(2).all(|pair| pair[0].at_seconds < pair[1].at_seconds));
        assert!(samples[0].rss_bytes.is_some() || !cfg!(target_os = "linux"));
    }

    #[test]
    fn a_long_trial_has_no_more_samples_than_a_figure_can_show() {
        let (_, step) = GarbageSampler::with_series(Meter::default(), 1000.0).series.unwrap();
        assert_eq!(step, Duration::from_secs(4));
        let (_, step) = GarbageSampler::with_series(Meter::default(), 0.3).series.unwrap();
        assert_eq!(step, PERIOD);
    }

    #[test]
    fn no_series_is_kept_unasked() {
        let mut sampler = GarbageSampler::default();
        sampler.sample_until(Instant::now());
        assert!(sampler.finish().1.is_empty());
    }
}
