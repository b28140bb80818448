//! A worker's part of a trial: the operations, and what it writes down of them.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use structures::map::MapHandle;

use super::access::{Access, PinEach, Pinned};
use super::{KEY_BITS, TrialSpec};
use crate::case::Case;
use crate::latency::Latency;
use crate::metric::thread_cpu_seconds;
use crate::metric::windows::{Note, WINDOW};
use crate::workload::{Op, Stream};

/// A worker looks at the clock after this many steps at most …
const MAX_STRIDE: u32 = 512;
/// … and, as the warm-up finds out, about this often.
const STRIDE_TIME: Duration = Duration::from_micros(10);

/// The stamp of a value that was written without a look at the old one.
const BLIND: u64 = 1 << 63;

/// What the operations say that they have done to the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Books {
    pub(super) inserted: u64,
    pub(super) inserted_keys: u64,
    pub(super) removed: u64,
    pub(super) removed_keys: u64,
    /// Bits in which some value differed from its key.
    pub(super) wrong: u64,
    /// Of everything returned, so that nothing is optimised away.
    pub(super) sum: u64,
}

impl Books {
    pub(super) fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.inserted_keys = self.inserted_keys.wrapping_add(other.inserted_keys);
        self.removed += other.removed;
        self.removed_keys = self.removed_keys.wrapping_add(other.removed_keys);
        self.wrong |= other.wrong;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// One operation. Written so that what is done with a result does not depend on it.
    ///
    /// The operation is found by comparing, and not by a `match`, which would be an indirect jump:
    /// mispredicted as often, and dearer each time.
    #[inline(always)]
    pub(super) fn operate(&mut self, table: &mut impl Access, op: Op, key: u64) {
        if op <= Op::Insert {
            if op == Op::Get {
                self.consume(key, table.get(&key));
            } else {
                let new = u64::from(table.insert(key, key));
                self.inserted += new;
                self.inserted_keys = self.inserted_keys.wrapping_add(new * key);
            }
        } else if op == Op::Remove {
            let old = table.remove(&key);
            let gone = u64::from(old.is_some());
            self.removed += gone;
            self.removed_keys = self.removed_keys.wrapping_add(gone * key);
            self.consume(key, old);
        } else if op == Op::Update {
            let old = table.update(&key, |value| value.wrapping_add(1 << KEY_BITS));
            self.consume(key, old);
        } else {
            let old = table.upsert(key, |_| key | BLIND);
            let new = u64::from(old.is_none());
            self.inserted += new;
            self.inserted_keys = self.inserted_keys.wrapping_add(new * key);
            self.consume(key, old);
        }
    }

    #[inline(always)]
    pub(super) fn consume(&mut self, key: u64, value: Option<u64>) {
        let value = value.unwrap_or(key);
        self.wrong |= (value ^ key) << (64 - KEY_BITS);
        self.sum = self.sum.wrapping_add(value);
    }
}

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
    #[inline(always)]
    fn look_up(
        &mut self,
        handle: &mut impl MapHandle<u64, u64>,
        stream: &mut Stream,
        books: &mut Books,
    ) {
        self.keys.iter_mut().for_each(|key| *key = stream.next_op().1);
        handle.get_many(&self.keys, &mut self.values);
        for (key, value) in self.keys.iter().zip(&self.values) {
            books.consume(*key, *value);
        }
    }
}

/// Runs `steps` steps, and returns the number of operations.
#[inline(always)]
fn advance(
    handle: &mut impl MapHandle<u64, u64>,
    stream: &mut Stream,
    step: &mut Step,
    books: &mut Books,
    steps: u32,
) -> u64 {
    let size = match step {
        Step::Operation => {
            let mut table = PinEach(handle);
            stream.for_each(steps as usize, |op, key| books.operate(&mut table, op, key));
            1
        }
        Step::Batch(batch) => {
            for _ in 0..steps {
                batch.look_up(handle, stream, books);
            }
            batch.keys.len()
        }
        Step::Pin(operations) => {
            for _ in 0..steps {
                let mut table = Pinned(handle.pin());
                stream.for_each(*operations, |op, key| books.operate(&mut table, op, key));
            }
            *operations
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
    /// What is not said elsewhere is absent.
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
    mut handle: impl MapHandle<u64, u64>,
    mut stream: Stream,
    spec: &TrialSpec,
    meeting: &Meeting,
) -> Work {
    let mut books = Books::default();
    let mut step = Step::of(&spec.case);
    let stride = warm_up(&mut handle, &mut stream, &mut step, spec, &mut books);
    stream.begin();
    // Room for the notes, touched before the clock runs.
    let mut notes = vec![Note { wall: 1, cpu: 0, ops: 0 }; notes_for(spec.seconds)];
    notes.clear();
    // Offline where it blocks: a scheme may wait for every registered thread, one that is still
    // at work as well.
    handle.offline(|| {
        meeting.ready.wait();
        meeting.begin.wait();
    });
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(spec.seconds);
    notes.push(Note { wall: 0, cpu: cpu_nanos(), ops: 0 });
    let mut edge = started + WINDOW;
    let mut ops = 0;
    let stopped = loop {
        ops += advance(&mut handle, &mut stream, &mut step, &mut books, stride);
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
    handle.offline(|| {
        meeting.end.wait();
        meeting.leave.wait();
    });
    Work { ops, notes, ..Work::of(books, started, stopped) }
}

/// The thread's CPU clock; where there is none it stands still, so that no window is clean.
fn cpu_nanos() -> u64 {
    thread_cpu_seconds().map_or(0, |seconds| (seconds * 1e9) as u64)
}

fn notes_for(seconds: f64) -> usize {
    (seconds / WINDOW.as_secs_f64()) as usize + 16
}

/// Runs the same operations for the warm-up time, and finds the stride after which to look at the
/// clock: the table may take nanoseconds for an operation, or milliseconds.
pub(super) fn warm_up(
    handle: &mut impl MapHandle<u64, u64>,
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
