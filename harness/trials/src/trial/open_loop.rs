//! A worker of a latency trial: each operation is due at a time that was fixed before the trial,
//! whatever the table does (an open loop).
//!
//! A loop that begins an operation when the last one has ended sends no requests while a table
//! stalls, so that a stall is a single slow operation. Real users do not wait for each other: those who come meanwhile
//! are delayed too. So an operation has two times: its *response time* from when it was due, and its
//! *service time* from when it began.

use std::hint;
use std::time::Instant;

use table::{Books, Feed, Handle, Op};

use super::TrialSpec;
use super::meeting::{Meeting, Part};
use super::worker::{Portion, Work, sleep, warm_up};
use crate::clock::Clock;
use crate::latency::{Histogram, Latency, Tape};
use crate::workload::{Arrivals, OpMix, Stream};

/// A trial that is behind goes on for as long again as it should have taken, and for so many seconds
/// at least; then it begins no further operation.
const LEAST_OVERTIME: f64 = 1.0;

/// What tells a worker the time.
trait Timer {
    /// Nanoseconds since the worker began.
    fn now(&self) -> u64;

    /// Waits until then, and returns the first time that was read not before it.
    #[inline(always)]
    fn wait_until(&self, due: u64) -> u64 {
        loop {
            let now = self.now();
            if now >= due {
                return now;
            }
            hint::spin_loop();
        }
    }
}

/// A clock that the workers of a trial share, with its rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    clock: Clock,
    nanos_per_tick: f64,
    /// Operations per second of one worker.
    rate: f64,
}

impl Pace {
    /// Of a trial with `rate` operations per second by so many workers.
    pub(super) fn new(rate: f64, workers: usize) -> Self {
        let clock = Clock::choose();
        Self { clock, nanos_per_tick: clock.nanos_per_tick(), rate: rate / workers as f64 }
    }
}

/// The clock since a worker began.
struct Elapsed {
    pace: Pace,
    started: u64,
}

impl Timer for Elapsed {
    #[inline(always)]
    fn now(&self) -> u64 {
        let ticks = self.pace.clock.now().saturating_sub(self.started);
        (ticks as f64 * self.pace.nanos_per_tick) as u64
    }
}

/// A worker's life.
pub(super) fn work(
    handle: &mut dyn Handle,
    mut stream: Stream,
    (spec, mix): (&TrialSpec, OpMix),
    meeting: &Meeting,
    (pace, index): (Pace, usize),
) -> Work {
    let (mut books, mut tape) = (Books::default(), Tape::of(mix));
    warm_up(handle, &mut stream, &mut Portion::Operation, spec, &mut books);
    stream.begin();
    let arrivals = Arrivals::new(spec.seed, index, pace.rate, spec.seconds);
    let mut seen = 0;
    let Some(span) = sleep(handle, meeting, &mut seen) else {
        return Work { books, ..Work::default() };
    };
    let started = Instant::now();
    let timer = Elapsed { pace, started: pace.clock.now() };
    let end = (spec.seconds * 1e9) as u64;
    let last_start = last_start(spec.seconds);
    let mut due = Due::new(&timer, arrivals, last_start, || stream.next_op(), &mut tape);
    handle.run(&mut due, &mut books);
    let run = due.run;
    // A worker whose last operation was early must not make the rate look higher.
    timer.wait_until(end);
    span.add(Part { started, stopped: Instant::now(), ops: run.done, beyond: 0.0 });
    sleep(handle, meeting, &mut seen);
    let latency = Latency {
        planned: run.done + run.unstarted,
        unstarted: run.unstarted,
        late_seconds: run.ended.saturating_sub(end) as f64 / 1e9,
        clock: pace.clock.name().to_owned(),
        distributions: tape.distributions(),
    };
    Work { ops: run.done, latency: Some(latency), books, ..Work::default() }
}

/// From when on no operation begins, in nanoseconds.
fn last_start(seconds: f64) -> u64 {
    ((seconds + seconds.max(LEAST_OVERTIME)) * 1e9) as u64
}

/// How a worker's operations went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Run {
    done: u64,
    /// Those that were due and never begun.
    unstarted: u64,
    /// When the last one that was done ended.
    ended: u64,
}

/// Hands out an operation when it is due, or as soon after it as the one before has ended, but none
/// from `last_start` on; and writes down how long each took, when it is asked for the next.
struct Due<'w, T, D, S> {
    timer: &'w T,
    /// The times at which operations are due.
    due: D,
    last_start: u64,
    draw: S,
    tape: &'w mut Tape,
    run: Run,
    /// The operation that was handed out, and its key.
    at_work: (Op, u64),
    /// When it was due, and when it began; `None` if none was handed out.
    since: Option<(u64, u64)>,
}

impl<'w, T: Timer, D: Iterator<Item = u64>, S: FnMut() -> (Op, u64)> Due<'w, T, D, S> {
    fn new(timer: &'w T, due: D, last_start: u64, draw: S, tape: &'w mut Tape) -> Self {
        let (run, at_work, since) = (Run::default(), (Op::Get, 0), None);
        Self { timer, due, last_start, draw, tape, run, at_work, since }
    }
}

impl<T: Timer, D: Iterator<Item = u64>, S: FnMut() -> (Op, u64)> Feed for Due<'_, T, D, S> {
    fn next(&mut self) -> &[(Op, u64)] {
        if let Some((due_at, began)) = self.since.take() {
            self.run.ended = self.timer.now();
            let ended = self.run.ended;
            self.tape.record(self.at_work.0, ended - due_at, ended - began);
            self.run.done += 1;
        }
        let Some(due_at) = self.due.next() else { return &[] };
        self.at_work = (self.draw)();
        let began = self.timer.wait_until(due_at);
        if began >= self.last_start {
            self.run.unstarted = 1 + self.due.by_ref().count() as u64;
            return &[];
        }
        self.since = Some((due_at, began));
        std::slice::from_ref(&self.at_work)
    }
}

/// What all workers recorded, together; `None` of none.
pub(super) fn together(works: &[Work]) -> Option<Latency> {
    let mut parts = works.iter().filter_map(|work| work.latency.as_ref());
    let mut all = parts.next()?.clone();
    for part in parts {
        all.planned += part.planned;
        all.unstarted += part.unstarted;
        all.late_seconds = all.late_seconds.max(part.late_seconds);
        Histogram::merge(&mut all.distributions, &part.distributions);
    }
    Some(all)
}

#[cfg(test)]
mod tests;
