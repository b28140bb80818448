//! Retired memory: how much, how much of it is not freed yet, and the peak of that.

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
    /// Measured time until then: what lies between the slices of a trial is not in it.
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
    /// None if no series was asked for.
    series: Option<Timeline>,
    /// Measured time of the slices before this one.
    so_far: Duration,
}

/// Samples over time.
#[derive(Debug)]
struct Timeline {
    samples: Vec<Sample>,
    /// The time between two.
    step: Duration,
    /// When the next one is due.
    next: Duration,
    /// The latest one that was not due, of the end of a slice.
    latest: Option<Sample>,
}

impl GarbageSampler {
    /// One that reads `meter`.
    #[must_use]
    pub fn new(meter: Meter) -> Self {
        Self { meter, ..Self::default() }
    }

    /// One that keeps a series too, of a trial of so many seconds.
    #[must_use]
    pub fn with_series(meter: Meter, seconds: f64) -> Self {
        let step = Duration::from_secs_f64(seconds / MAX_SAMPLES).max(PERIOD);
        let room = (seconds / step.as_secs_f64()) as usize + 2;
        let samples = Vec::with_capacity(room);
        let series = Timeline { samples, step, next: Duration::ZERO, latest: None };
        Self { meter, series: Some(series), ..Self::default() }
    }

    /// Reads in the measured time from now until `deadline`; sleeps in between.
    pub fn sample_until(&mut self, deadline: Instant) {
        let (started, before) = (Instant::now(), self.so_far);
        loop {
            let now = Instant::now();
            self.so_far = before + (now - started);
            let unreclaimed = self.sample();
            self.keep(unreclaimed, now >= deadline);
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
        if let Some(series) = &mut self.series {
            // Of the measured time: by now the workers are offline, and schemes may have freed.
            series.samples.extend(series.latest.take());
        }
        let garbage = (self.meter.read)().map(|reading| Garbage {
            retired: reading.retired,
            freed: reading.freed,
            discarded: reading.discarded,
            peak: self.peak,
            delays: (self.meter.delays)(),
        });
        (garbage, self.series.map_or_else(Vec::new, |series| series.samples))
    }

    /// Keeps a sample, if one is due, or it may be the last.
    fn keep(&mut self, unreclaimed: Option<Tally>, ends_slice: bool) {
        let at = self.so_far;
        let Some(series) = &mut self.series else { return };
        if at >= series.next {
            series.samples.push(Sample::of(at, unreclaimed));
            series.latest = None;
            series.next = (series.next + series.step).max(at);
        } else if ends_slice {
            series.latest = Some(Sample::of(at, unreclaimed));
        }
    }

    fn sample(&mut self) -> Option<Tally> {
        let now = (self.meter.read)()?.unreclaimed;
        self.peak.nodes = self.peak.nodes.max(now.nodes);
        self.peak.bytes = self.peak.bytes.max(now.bytes);
        Some(now)
    }
}

impl Sample {
    fn of(at: Duration, unreclaimed: Option<Tally>) -> Self {
        Self {
            at_seconds: at.as_secs_f64(),
            unreclaimed: unreclaimed.map(|tally| tally.nodes),
            unreclaimed_bytes: unreclaimed.map(|tally| tally.bytes),
            rss_bytes: rss_bytes(),
        }
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
        let step = |seconds| {
            GarbageSampler::with_series(Meter::default(), seconds).series.expect("asked for").step
        };
        assert_eq!(step(1000.0), Duration::from_secs(4));
        assert_eq!(step(0.3), PERIOD);
    }

    #[test]
    fn time_between_slices_is_in_no_series() {
        let mut sampler = GarbageSampler::with_series(Meter::default(), 0.02);
        for _ in 0..2 {
            sampler.sample_until(Instant::now() + Duration::from_millis(10));
            thread::sleep(Duration::from_millis(1));
        }
        let so_far = sampler.so_far.as_secs_f64();
        let (_, samples) = sampler.finish();
        assert!(so_far >= 0.02 && samples.len() >= 3, "{samples:?}");
        assert_eq!(samples[samples.len() - 1].at_seconds, so_far, "it ends where the slices do");
        assert!(samples.windows(2).all(|pair| pair[0].at_seconds < pair[1].at_seconds));
    }

    #[test]
    fn no_series_is_kept_unasked() {
        let mut sampler = GarbageSampler::default();
        sampler.sample_until(Instant::now());
        assert!(sampler.finish().1.is_empty());
    }
}
