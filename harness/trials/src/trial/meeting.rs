//! Where the workers of a trial sleep between slices, and the main thread waits for them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::turns::Slice;

/// Who sleeps here waits for a condition variable, and uses no CPU.
#[derive(Debug)]
pub(super) struct Meeting {
    workers: usize,
    state: Mutex<State>,
    /// Workers wait for it: there is a slice, or no more.
    wakes: Condvar,
    /// The others wait for it: the last worker has come.
    asleep: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Workers that wait for a slice.
    waiting: usize,
    /// Slices so far.
    number: u64,
    slice: Option<Arc<Span>>,
    is_over: bool,
}

impl Meeting {
    /// Of so many workers, which are awake.
    pub(super) fn of(workers: usize) -> Self {
        let (wakes, asleep) = (Condvar::new(), Condvar::new());
        Self { workers, state: Mutex::default(), wakes, asleep }
    }

    /// A worker's: sleeps until there is another slice than the `seen`-th; `None` if there are no more.
    pub(super) fn next(&self, seen: &mut u64) -> Option<Arc<Span>> {
        let mut state = self.lock();
        state.waiting += 1;
        if state.waiting == self.workers {
            self.asleep.notify_all();
        }
        while state.number == *seen && !state.is_over {
            state = self.wakes.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *seen = state.number;
        if state.is_over { None } else { state.slice.clone() }
    }

    /// Waits until all workers sleep.
    pub(super) fn wait(&self) {
        let mut state = self.lock();
        while state.waiting < self.workers {
            state = self.asleep.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same for so long at most; whether they sleep.
    pub(super) fn wait_for(&self, time: Duration) -> bool {
        let is_awake = |state: &mut State| state.waiting < self.workers;
        let waited = self.asleep.wait_timeout_while(self.lock(), time, is_awake);
        !is_awake(&mut waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Wakes all workers, which sleep, for `slice`.
    pub(super) fn begin(&self, slice: Slice) -> Arc<Span> {
        let mut state = self.lock();
        assert_eq!(state.waiting, self.workers, "a worker is still at work");
        let span = Arc::new(Span::of(slice, Instant::now()));
        (state.waiting, state.slice) = (0, Some(Arc::clone(&span)));
        state.number += 1;
        self.wakes.notify_all();
        span
    }

    /// Lets all workers leave.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.wakes.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slice that has begun.
#[derive(Debug)]
pub(super) struct Span {
    /// From then on operations count.
    pub(super) edge: Instant,
    /// For how long they do.
    pub(super) counted: Duration,
    /// When the first worker began to count.
    first: OnceLock<Instant>,
    parts: Mutex<Vec<Part>>,
}

/// What a worker did in the counted part of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) started: Instant,
    pub(super) stopped: Instant,
    pub(super) ops: u64,
}

impl Span {
    fn of(slice: Slice, began: Instant) -> Self {
        Self {
            edge: began + slice.settle(),
            counted: slice.counted(),
            first: OnceLock::new(),
            parts: Mutex::default(),
        }
    }

    /// A worker begins to count `now`: when the first one did, from which all count.
    pub(super) fn count_from(&self, now: Instant) -> Instant {
        *self.first.get_or_init(|| now)
    }

    /// Adds what a worker has done.
    pub(super) fn add(&self, part: Part) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }

    /// What all workers did together: the first one's start, the last one's stop, and the operations.
    pub(super) fn together(&self) -> Part {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let started = parts.iter().map(|part| part.started).min().unwrap_or(self.edge);
        let stopped = parts.iter().map(|part| part.stopped).max().unwrap_or(started);
        Part { started, stopped, ops: parts.iter().map(|part| part.ops).sum() }
    }
}
