//! A worker of a latency trial: each operation is due at a time that was fixed before the trial,
//! whatever the table does (an open loop).
//!
//! A loop that begins an operation when the last one has ended asks nothing of a table that
//! stalls, so that a stall is one slow operation. Users do not wait: those who come meanwhile are
//! delayed too. So an operation has two times: its *response time* from when it was due, and its
//! *service time* from when it began.

use std::hint;
use std::time::Instant;

use structures::map::MapHandle;

use super::TrialSpec;
use super::access::PinEach;
use super::worker::{Books, Meeting, Step, Work, warm_up};
use crate::latency::{Distribution, Latency, Tape};
use crate::verify::clock::Clock;
use crate::workload::{Arrivals, Op, OpMix, Stream};

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
    mut handle: impl MapHandle<u64, u64>,
    mut stream: Stream,
    (spec, mix): (&TrialSpec, OpMix),
    meeting: &Meeting,
    (pace, index): (Pace, usize),
) -> Work {
    let (mut books, mut tape) = (Books::default(), Tape::of(mix));
    warm_up(&mut handle, &mut stream, &mut Step::Operation, spec, &mut books);
    stream.begin();
    let arrivals = Arrivals::new(spec.seed, index, pace.rate, spec.seconds);
    handle.offline(|| {
        meeting.ready.wait();
        meeting.begin.wait();
    });
    let started = Instant::now();
    let timer = Elapsed { pace, started: pace.clock.now() };
    let end = (spec.seconds * 1e9) as u64;
    let last_start = last_start(spec.seconds);
    let run = run(
        &timer,
        arrivals,
        last_start,
        || stream.next_op(),
        &mut tape,
        |op, key| books.operate(&mut PinEach(&mut handle), op, key),
    );
    // A worker whose last operation was early must not make the rate look higher.
    timer.wait_until(end);
    let stopped = Instant::now();
    handle.offline(|| {
        meeting.end.wait();
        meeting.leave.wait();
    });
    let latency = Latency {
        planned: run.done + run.unstarted,
        unstarted: run.unstarted,
        late_seconds: run.ended.saturating_sub(end) as f64 / 1e9,
        clock: pace.clock.name().to_owned(),
        distributions: tape.distributions(),
    };
    Work { ops: run.done, latency: Some(latency), ..Work::of(books, started, stopped) }
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

/// Does an operation at each of the times in `due`, or as soon after it as the one before has
/// ended, but begins none from `last_start` on.
#[inline(always)]
fn run(
    timer: &impl Timer,
    mut due: impl Iterator<Item = u64>,
    last_start: u64,
    mut draw: impl FnMut() -> (Op, u64),
    tape: &mut Tape,
    mut operate: impl FnMut(Op, u64),
) -> Run {
    let mut run = Run::default();
    while let Some(due_at) = due.next() {
        let (op, key) = draw();
        let began = timer.wait_until(due_at);
        if began >= last_start {
            run.unstarted = 1 + due.count() as u64;
            break;
        }
        operate(op, key);
        run.ended = timer.now();
        tape.record(op, run.ended - due_at, run.ended - began);
        run.done += 1;
    }
    run
}

/// What all workers recorded, together; `None` of none.
pub(super) fn together(works: &[Work]) -> Option<Latency> {
    let mut parts = works.iter().filter_map(|work| work.latency.as_ref());
    let mut all = parts.next()?.clone();
    for part in parts {
        all.planned += part.planned;
        all.unstarted += part.unstarted;
        all.late_seconds = all.late_seconds.max(part.late_seconds);
        Distribution::merge(&mut all.distributions, &part.distributions);
    }
    Some(all)
}

#[cfg(test)]
mod tests;
