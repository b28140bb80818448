//! The main thread's part of a trial: lets the workers work slice by slice, samples memory meanwhile, and
//! reads the clocks around what is counted.

use std::thread;
use std::time::{Duration, Instant};

use table::Maker;

use super::fault::Gate;
use super::meeting::{Meeting, Part};
use super::{Measurement, TrialSpec};
use crate::conductor::{Conductor, Counted, Slice, Taken};
use crate::memory;
use crate::metric::{
    Asleep, Counters, Counts, GarbageSampler, Noise, NoiseProbe, Sleep, process_cpu_seconds,
};

/// The main thread, and what it has read so far.
pub(super) struct Observer<'t> {
    spec: &'t TrialSpec,
    maker: &'t Maker<'t>,
    counters: &'t mut Counters,
    conductor: &'t mut dyn Conductor,
    garbage: GarbageSampler,
    asleep: Asleep,
    totals: Totals,
}

/// What was read of all slices so far.
#[derive(Debug, Default)]
struct Totals {
    slices: u64,
    seconds: f64,
    ops: u64,
    /// Operations after it until the workers slept.
    beyond: f64,
    /// Counted time for which the CPU time and events were not read.
    missed: f64,
    /// As read; `None` as soon as it could not be.
    cpu_seconds: Option<f64>,
    noise: Option<Noise>,
}

/// The clocks when operations began to count.
struct Edge {
    at: Instant,
    cpu: Option<f64>,
}

impl<'t> Observer<'t> {
    pub(super) fn new(
        (spec, maker): (&'t TrialSpec, &'t Maker<'t>),
        counters: &'t mut Counters,
        conductor: &'t mut dyn Conductor,
    ) -> Self {
        let garbage = if spec.series {
            GarbageSampler::with_series(maker.meter, spec.seconds)
        } else {
            GarbageSampler::new(maker.meter)
        };
        let (asleep, totals) = (Asleep::default(), Totals::default());
        Self { spec, maker, counters, conductor, garbage, asleep, totals }
    }

    /// From the end of the warm-up until the workers leave.
    pub(super) fn observe(mut self, meeting: &Meeting, gate: &Gate) -> Measurement {
        meeting.wait();
        let mut last = None;
        while let Some((slice, slept)) = self.sleep(last.as_ref()) {
            let mut counted = self.slice(slice, meeting, gate);
            counted.asleep_cpu_seconds = slept.cpu_seconds;
            last = Some(counted);
        }
        let measured = self.measured();
        gate.end();
        meeting.end();
        measured
    }

    /// Waits for the trial's turn; `None` if it has had all.
    fn sleep(&mut self, last: Option<&Counted>) -> Option<(Slice, Asleep)> {
        let sleep = Sleep::begin();
        let next = self.conductor.next(last);
        let slept = sleep.end();
        self.asleep.add(slept);
        (self.maker.meter.slept)(Duration::from_secs_f64(slept.seconds));
        // The workers wait, and there is nobody else to end them.
        Some((next.unwrap_or_else(|error| memory::end(format_args!("{error:#}")))?, slept))
    }

    /// One slice: returns when all workers sleep again.
    fn slice(&mut self, slice: Slice, meeting: &Meeting, gate: &Gate) -> Counted {
        gate.wake(self.spec.case.fault.bystanders());
        let probe = NoiseProbe::start();
        let at_once = (slice.settle == 0.0).then(|| self.edge());
        let span = meeting.begin(slice);
        let edge = at_once.unwrap_or_else(|| {
            thread::sleep(span.edge.saturating_duration_since(Instant::now()));
            self.edge()
        });
        let deadline = edge.at.max(span.edge) + span.counted;
        if self.is_closed_loop() {
            self.garbage.sample_until(deadline);
        } else {
            // Each reading would take a CPU from a worker, and be some operation's latency.
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        if !meeting.wait_for(self.conductor.patience()) {
            // They may wait for a lock that the bystander holds.
            gate.open();
            meeting.wait();
        }
        let cpu = process_cpu_seconds();
        if self.is_closed_loop() {
            self.counters.stop();
        }
        let noise = probe.stop();
        gate.rest();
        self.totals.add(&span.together(), (&edge, cpu), noise)
    }

    /// Operations count from now on.
    fn edge(&mut self) -> Edge {
        if self.is_closed_loop() {
            self.counters.start();
        }
        Edge { cpu: process_cpu_seconds(), at: Instant::now() }
    }

    /// In an open loop workers wait by spinning, which would be most of what is counted.
    fn is_closed_loop(&self) -> bool {
        self.spec.rate.is_none()
    }

    /// All that is known while the workers are still registered.
    fn measured(self) -> Measurement {
        let Self { totals, asleep, .. } = self;
        let is_closed_loop = self.spec.rate.is_none();
        let (garbage, series) = self.garbage.finish();
        let delays = garbage.and_then(|garbage| garbage.delays);
        let counts = if is_closed_loop { self.counters.stop() } else { Counts::default() };
        Measurement {
            seconds: totals.seconds,
            ops: totals.ops,
            cpu_seconds: totals.cpu_seconds.map(|cpu| cpu * totals.scale()),
            retired: garbage.map(|g| g.retired),
            freed: garbage.map(|g| g.freed),
            discarded: garbage.map(|g| g.discarded),
            peak_unreclaimed: garbage.filter(|_| is_closed_loop).map(|g| g.peak.nodes),
            peak_unreclaimed_bytes: garbage.filter(|_| is_closed_loop).map(|g| g.peak.bytes),
            free_delay_p50: delays.map(|delays| delays.p50),
            free_delay_p99: delays.map(|delays| delays.p99),
            free_delay_max: delays.map(|delays| delays.max),
            noise: totals.noise.unwrap_or_default(),
            series,
            counts: counts.times(totals.scale()),
            turns: Some(Taken { slices: totals.slices, asleep }),
            ..Measurement::default()
        }
    }
}

impl Totals {
    /// Adds a slice of which the workers say this, and the clocks that, at its edge and its end.
    fn add(&mut self, all: &Part, (edge, cpu): (&Edge, Option<f64>), noise: Noise) -> Counted {
        let seconds = (all.stopped - all.started).as_secs_f64();
        let used = cpu.zip(edge.cpu).map(|(after, before)| after - before);
        let of_this = Self {
            slices: 1,
            seconds,
            ops: all.ops,
            beyond: all.beyond,
            missed: edge.at.saturating_duration_since(all.started).as_secs_f64().min(seconds),
            cpu_seconds: used,
            noise: None,
        };
        self.cpu_seconds = match self.slices {
            0 => used,
            _ => self.cpu_seconds.zip(used).map(|(before, now)| before + now),
        };
        self.slices += 1;
        self.seconds += of_this.seconds;
        self.ops += of_this.ops;
        self.beyond += of_this.beyond;
        self.missed += of_this.missed;
        match &mut self.noise {
            None => self.noise = Some(noise),
            Some(before) => before.add(&noise),
        }
        let cpu_seconds = used.map(|cpu| cpu * of_this.scale());
        Counted { seconds, ops: all.ops, cpu_seconds, asleep_cpu_seconds: None }
    }

    /// What the clocks of the counted time would say, by what they did. The main thread may wake late at the
    /// edge, and reads them of less; and it reads them when the last worker sleeps, after the operations in
    /// which the counted time ended.
    fn scale(&self) -> f64 {
        let read = self.seconds - self.missed;
        let head = if read > 0.0 { self.seconds / read } else { 1.0 };
        let all = self.ops as f64 + self.beyond;
        let tail = if all > 0.0 { self.ops as f64 / all } else { 1.0 };
        head * tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_were_read_late_are_scaled_to_what_was_counted() {
        let now = Instant::now();
        let at = |millis| now + Duration::from_millis(millis);
        let mut totals = Totals::default();
        let part = |from, to| Part { started: at(from), stopped: at(to), ops: 7, beyond: 0.0 };
        let edge = |millis, cpu| Edge { at: at(millis), cpu: Some(cpu) };
        // Read when it began.
        let one = totals.add(&part(10, 20), (&edge(10, 1.0), Some(1.5)), Noise::default());
        assert_eq!((one.seconds, one.ops, one.cpu_seconds), (0.01, 7, Some(0.5)));
        // Read before: nothing is missed.
        let early = totals.add(&part(10, 20), (&edge(5, 1.0), Some(1.5)), Noise::default());
        assert_eq!(early, one);
        // Read in the middle.
        let late = totals.add(&part(10, 20), (&edge(15, 1.0), Some(1.25)), Noise::default());
        assert_eq!(late.cpu_seconds, Some(0.5));
        // After its end: there is nothing to go by.
        let lost = totals.add(&part(10, 20), (&edge(25, 1.0), Some(1.0)), Noise::default());
        assert_eq!(lost.cpu_seconds, Some(0.0));
        assert_eq!((totals.slices, totals.ops), (4, 28));
        assert!((totals.seconds - 0.04).abs() < 1e-9 && (totals.missed - 0.015).abs() < 1e-9);
        // The last operations went on for as long again.
        let long = Part { beyond: 7.0, ..part(10, 20) };
        let beyond = totals.add(&long, (&edge(10, 1.0), Some(2.0)), Noise::default());
        assert_eq!((beyond.seconds, beyond.ops, beyond.cpu_seconds), (0.01, 7, Some(0.5)));
        let unknown = totals.add(&part(10, 20), (&edge(10, 1.0), None), Noise::default());
        assert_eq!((unknown.cpu_seconds, totals.cpu_seconds), (None, None));
    }
}
