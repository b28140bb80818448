//! A worker's part of a trial: the operations, and what it writes down of them.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use table::{Books, Feed, Handle, Op};

use super::TrialSpec;
use crate::case::Case;
use crate::latency::Latency;
use crate::memory;
use crate::metric::thread_cpu_seconds;
use crate::metric::windows::{Note, WINDOW};
use crate::workload::Stream;

/// A worker looks at the clock after this many steps at most …
const MAX_STRIDE: u32 = 512;
/// … and, as the warm-up finds out, about this often.
const STRIDE_TIME: Duration = Duration::from_micros(10);

/// Room for the lookups that are issued as one `get_many`.
pub(super) struct Batch {
    keys: Vec<u64>,
    values: Vec<Option<u64>>,
}

/// What a worker does between two moments at which it may look at the clock.
pub(super) enum Step {
    /// One operation, pinned by itself.
    Operation,
    /// One batch of lookups.
    Batch(Batch),
    /// So many operations within one pin.
    Pin(usize),
}

impl Step {
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
    step: &mut Step,
    books: &mut Books,
    steps: u32,
) -> u64 {
    let size = match step {
        Step::Operation => {
            handle.run(&mut Stride { stream, left: steps as usize }, books);
            1
        }
        Step::Batch(batch) => {
            for _ in 0..steps {
                batch.look_up(handle, stream, books);
            }
            batch.keys.len()
        }
        Step::Pin(operations) => {
            let (size, left) = (*operations, *operations);
            handle.run_pinned(steps, &mut Pins { stream, size, left }, books);
            size
        }
    };
    u64::from(steps) * size as u64
}

/// What a worker brings back.
pub(super) struct Work {
    pub(super) books: Books,
    pub(super) ops: u64,
    pub(super) started: Instant,
    pub(super) stopped: Instant,
    pub(super) notes: Vec<Note>,
    pub(super) unpinned: Option<String>,
    /// Of an open loop.
    pub(super) latency: Option<Latency>,
}

impl Work {
    /// All other fields are empty.
    pub(super) fn of(books: Books, started: Instant, stopped: Instant) -> Self {
        let (notes, unpinned, latency) = (Vec::new(), None, None);
        Self { books, ops: 0, started, stopped, notes, unpinned, latency }
    }
}

/// Where the workers and the main thread meet: `ready` after the warm-up, `begin` when the main
/// thread has read the clocks, `end` when the last worker has stopped, `leave` when the clocks
/// have been read again. Bystanders come to the first two only.
pub(super) struct Meeting {
    pub(super) ready: Barrier,
    pub(super) begin: Barrier,
    pub(super) end: Barrier,
    pub(super) leave: Barrier,
}

impl Meeting {
    pub(super) fn of(workers: usize, bystanders: usize) -> Self {
        let all = || Barrier::new(workers + bystanders + 1);
        let workers = || Barrier::new(workers + 1);
        Self { ready: all(), begin: all(), end: workers(), leave: workers() }
    }
}

/// A worker's life.
pub(super) fn work(
    handle: &mut dyn Handle,
    mut stream: Stream,
    spec: &TrialSpec,
    meeting: &Meeting,
) -> Work {
    let mut books = Books::default();
    let mut step = Step::of(&spec.case);
    let stride = warm_up(handle, &mut stream, &mut step, spec, &mut books);
    stream.begin();
    let mut notes = room_for_notes(spec.seconds);
    // Offline where it blocks: a scheme may wait for every registered thread, one that is still
    // at work as well.
    handle.offline(&mut || {
        meeting.ready.wait();
        meeting.begin.wait();
    });
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(spec.seconds);
    notes.push(Note { wall: 0, cpu: cpu_nanos(), ops: 0 });
    let mut edge = started + WINDOW;
    let mut ops = 0;
    let stopped = loop {
        ops += advance(handle, &mut stream, &mut step, &mut books, stride);
        let now = Instant::now();
        if now >= edge {
            let wall = (now - started).as_nanos() as u64;
            notes.push(Note { wall, cpu: cpu_nanos(), ops });
            edge = now + WINDOW;
        }
        if now >= deadline || stream.is_over() {
            break now;
        }
    };
    handle.offline(&mut || {
        meeting.end.wait();
        meeting.leave.wait();
    });
    Work { ops, notes, ..Work::of(books, started, stopped) }
}

/// The thread's CPU clock; where there is none it stands still, so that no window is clean.
fn cpu_nanos() -> u64 {
    thread_cpu_seconds().map_or(0, |seconds| (seconds * 1e9) as u64)
}

/// Room for the notes of so many seconds, touched before the clock runs.
fn room_for_notes(seconds: f64) -> Vec<Note> {
    let _during = memory::allocates_for("a worker's notes");
    let notes = (seconds / WINDOW.as_secs_f64()) as usize + 16;
    let mut notes = vec![Note { wall: 1, cpu: 0, ops: 0 }; notes];
    notes.clear();
    notes
}

/// Runs the same operations for the warm-up time, and finds the stride after which to look at the
/// clock: the table may take nanoseconds for an operation, or milliseconds.
pub(super) fn warm_up(
    handle: &mut dyn Handle,
    stream: &mut Stream,
    step: &mut Step,
    spec: &TrialSpec,
    books: &mut Books,
) -> u32 {
    let deadline = Instant::now() + Duration::from_secs_f64(spec.warmup);
    let mut stride = 16;
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
