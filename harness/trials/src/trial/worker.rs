//! A worker's part of a trial: the operations, and its records of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use table::{Books, Feed, Handle, Op};

use super::TrialSpec;
use super::meeting::{Meeting, Part, Span};
use crate::case::Case;
use crate::latency::Latency;
use crate::memory;
use crate::metric::thread_cpu_seconds;
use crate::metric::windows::{Note, WINDOW};
use crate::workload::Stream;

/// A worker looks at the clock after this many steps at most.
const MAX_STRIDE: u32 = 512;
/// The time between two looks at the clock that the warm-up aims at.
const STRIDE_TIME: Duration = Duration::from_micros(10);
/// Steps before the first look at the clock; without a warm-up, before each.
pub(super) const FIRST_STRIDE: u32 = 16;

/// Room for the lookups that are issued as one `get_many`.
pub(super) struct Batch {
    keys: Vec<u64>,
    values: Vec<Option<u64>>,
}

/// What a worker does between two moments at which it may look at the clock.
pub(super) enum Portion {
    /// One operation, pinned by itself.
    Operation,
    /// One batch of lookups.
    Batch(Batch),
    /// So many operations within one pin.
    Pin(usize),
}

impl Portion {
    fn of(case: &Case) -> Self {
        if case.batch > 1 {
            let (keys, values) = (vec![0; case.batch], vec![None; case.batch]);
            Self::Batch(Batch { keys, values })
        } else if case.ops_per_pin > 1 {
            Self::Pin(case.ops_per_pin)
        } else {
            Self::Operation
        }
    }
}

impl Batch {
    /// Looks up the next keys of `stream`, all of whose operations are lookups.
    fn look_up(&mut self, handle: &mut dyn Handle, stream: &mut Stream, books: &mut Books) {
        self.keys.iter_mut().for_each(|key| *key = stream.next_op().1);
        handle.get_many(&self.keys, &mut self.values);
        for (key, value) in self.keys.iter().zip(&self.values) {
            books.consume(*key, *value);
        }
    }
}

/// So many operations of a stream.
struct Stride<'s> {
    stream: &'s mut Stream,
    left: usize,
}

impl Feed for Stride<'_> {
    fn next(&mut self) -> &[(Op, u64)] {
        let block = self.stream.next_ops(self.left);
        self.left -= block.len();
        block
    }
}

/// A stream in pins of `size` operations, each of which ends with an empty block.
struct Pins<'s> {
    stream: &'s mut Stream,
    size: usize,
    /// Of the pin that has begun.
    left: usize,
}

impl Feed for Pins<'_> {
    fn next(&mut self) -> &[(Op, u64)] {
        if self.left == 0 {
            self.left = self.size;
            return &[];
        }
        let block = self.stream.next_ops(self.left);
        self.left -= block.len();
        block
    }
}

/// Runs `steps` steps, and returns the number of operations.
fn advance(
    handle: &mut dyn Handle,
    stream: &mut Stream,
    step: &mut Portion,
    books: &mut Books,
    steps: u32,
) -> u64 {
    let size = match step {
        Portion::Operation => {
            handle.run(&mut Stride { stream, left: steps as usize }, books);
            1
        }
        Portion::Batch(batch) => {
            for _ in 0..steps {
                batch.look_up(handle, stream, books);
            }
            batch.keys.len()
        }
        Portion::Pin(operations) => {
            let (size, left) = (*operations, *operations);
            handle.run_pinned(steps, &mut Pins { stream, size, left }, books);
            size
        }
    };
    u64::from(steps) * size as u64
}

/// What a worker brings back.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) books: Books,
    /// Those that count.
    pub(super) ops: u64,
    /// Its notes, slice by slice.
    pub(super) notes: Notes,
    pub(super) unpinned: Option<String>,
    /// Of an open loop.
    pub(super) latency: Option<Latency>,
}

/// A worker's notes of all slices.
#[derive(Debug, Default)]
pub(super) struct Notes {
    all: Vec<Note>,
    /// Where those of each slice end.
    ends: Vec<usize>,
}

impl Notes {
    /// Room for the notes of so many seconds, touched before the clock runs.
    fn with_room_for(seconds: f64) -> Self {
        let _during = memory::allocates_for("a worker's notes");
        // Twice as many as windows: a slice has one at its end besides.
        let notes = (2.0 * seconds / WINDOW.as_secs_f64()) as usize + 16;
        let touched = Note { wall: 1, cpu: 0, ops: 0 };
        let (mut all, mut ends) = (vec![touched; notes], vec![1; notes]);
        all.clear();
        ends.clear();
        Self { all, ends }
    }

    /// Those of that slice, from 0.
    pub(super) fn of(&self, slice: usize) -> &[Note] {
        let start = if slice == 0 { 0 } else { self.ends[slice - 1] };
        &self.all[start..self.ends[slice]]
    }

    /// Slices.
    pub(super) fn slices(&self) -> usize {
        self.ends.len()
    }
}

/// Sleeps until the next slice; `None` if there are no more. Offline: a scheme may wait for every
/// registered thread, one that is still at work as well.
pub(super) fn sleep(
    handle: &mut dyn Handle,
    meeting: &Meeting,
    seen: &mut u64,
) -> Option<Arc<Span>> {
    let mut span = None;
    handle.offline(&mut || span = meeting.next(seen));
    span
}

/// A worker's life.
pub(super) fn work(
    handle: &mut dyn Handle,
    mut stream: Stream,
    spec: &TrialSpec,
    meeting: &Meeting,
) -> Work {
    let mut books = Books::default();
    let mut step = Portion::of(&spec.case);
    let stride = warm_up(handle, &mut stream, &mut step, spec, &mut books);
    stream.begin();
    let mut worker = Worker { handle, stream, step, stride, books, ops: Ops::default() };
    let (mut notes, mut seen) = (Notes::with_room_for(spec.seconds), 0);
    while let Some(span) = sleep(worker.handle, meeting, &mut seen) {
        let part = worker.turn(&span, &mut notes);
        span.add(part);
    }
    Work { ops: worker.ops.said, notes, books: worker.books, ..Work::default() }
}

/// A worker that is warm.
struct Worker<'h, 't> {
    handle: &'h mut (dyn Handle + 't),
    stream: Stream,
    step: Portion,
    stride: u32,
    books: Books,
    ops: Ops,
}

impl Worker<'_, '_> {
    /// Runs a stride; returns its operations and the time at its end.
    fn stride(&mut self) -> (u64, Instant) {
        let Self { handle, stream, step, stride, books, .. } = self;
        (advance(*handle, stream, step, books, *stride), Instant::now())
    }

    /// A slice: to the end of the stride in which it is over, or there is nothing left to do.
    ///
    /// What lies in the counted time counts, to a share of a stride at either end: so a worker that waits for
    /// a lock all the time has that time counted, and one whose operations take long does not have those
    /// left out that the ends fall in.
    fn turn(&mut self, span: &Span, notes: &mut Notes) -> Part {
        let mut now = Instant::now();
        let counting = span.count_from(now);
        let (mut counted, mut beyond) = (0.0, 0.0);
        let mut note = |now: Instant, ops| {
            let wall = now.saturating_duration_since(counting.from).as_nanos() as u64;
            notes.all.push(Note { wall, cpu: cpu_nanos(), ops });
        };
        // When the next note is due, and the operations since the first one.
        let (mut due, mut noted) = (counting.from, 0);
        loop {
            let is_over = now >= counting.until || self.stream.is_over();
            if now >= due || is_over && now >= counting.from {
                note(now, noted);
                due = now + WINDOW;
            }
            if is_over {
                break;
            }
            let before = now;
            let done;
            (done, now) = self.stride();
            let inside;
            (inside, beyond) = counting.shares(done, before, now);
            counted += inside;
            noted += if before >= counting.from { done } else { 0 };
        }
        notes.ends.push(notes.all.len());
        let (started, stopped) = (counting.from, now.clamp(counting.from, counting.until));
        Part { started, stopped, ops: self.ops.add(counted), beyond }
    }
}

/// A worker's operations that count, of all slices: shares of operations add up to whole ones.
#[derive(Debug, Default)]
struct Ops {
    counted: f64,
    said: u64,
}

impl Ops {
    /// Adds those of a slice, and returns how many whole ones that makes of it.
    fn add(&mut self, counted: f64) -> u64 {
        self.counted += counted;
        let all = self.counted.round() as u64;
        all - std::mem::replace(&mut self.said, all)
    }
}

/// The thread's CPU clock; where there is none it stands still, so that no window is clean.
fn cpu_nanos() -> u64 {
    thread_cpu_seconds().map_or(0, |seconds| (seconds * 1e9) as u64)
}

/// Runs the same operations for the warm-up time, and finds the stride after which to look at the
/// clock: the table may take nanoseconds for an operation, or milliseconds.
pub(super) fn warm_up(
    handle: &mut dyn Handle,
    stream: &mut Stream,
    step: &mut Portion,
    spec: &TrialSpec,
    books: &mut Books,
) -> u32 {
    let deadline = Instant::now() + Duration::from_secs_f64(spec.warmup);
    let mut stride = FIRST_STRIDE;
    let mut before = Instant::now();
    while before < deadline {
        advance(handle, stream, step, books, stride);
        let now = Instant::now();
        if now - before < STRIDE_TIME / 2 {
            stride = (stride * 2).min(MAX_STRIDE);
        } else if now - before > STRIDE_TIME * 2 {
            stride = (stride / 2).max(1);
        }
        before = now;
    }
    stride
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_operations_add_up() {
        let mut ops = Ops::default();
        let said: Vec<u64> = [0.4, 0.4, 2.4, 0.0, 7.0].map(|share| ops.add(share)).into();
        assert_eq!(said, [0, 1, 2, 0, 7]);
        assert_eq!(ops.said, 10);
    }
}
