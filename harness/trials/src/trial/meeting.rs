//! Where the workers of a trial sleep between slices, and the main thread waits for them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::conductor::Slice;

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
    /// From then on operations count, if a worker is awake.
    pub(super) edge: Instant,
    /// For how long they do.
    pub(super) counted: Duration,
    /// From when on they do.
    from: OnceLock<Instant>,
    parts: Mutex<Vec<Part>>,
}

/// The time in which operations count, the same for all workers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counting {
    pub(super) from: Instant,
    pub(super) until: Instant,
}

impl Counting {
    /// How many of `ops` operations lie in it, and how many beyond, if they are spread evenly over the time
    /// from `before` to `after`.
    pub(super) fn shares(&self, ops: u64, before: Instant, after: Instant) -> (f64, f64) {
        if self.from <= before && after <= self.until {
            return (ops as f64, 0.0);
        }
        let all = after.saturating_duration_since(before).as_secs_f64();
        let share = |from: Instant, to: Instant| {
            let part = to.saturating_duration_since(from).as_secs_f64();
            if all > 0.0 { ops as f64 * (part / all) } else { 0.0 }
        };
        let inside = share(before.max(self.from), after.min(self.until));
        (inside, share(before.max(self.until), after))
    }
}

/// What a worker did in the counted part of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) started: Instant,
    pub(super) stopped: Instant,
    pub(super) ops: u64,
    /// Operations between then and the end of its last stride, which do not count.
    pub(super) beyond: f64,
}

impl Span {
    fn of(slice: Slice, began: Instant) -> Self {
        Self {
            edge: began + slice.settle(),
            counted: slice.counted(),
            from: OnceLock::new(),
            parts: Mutex::default(),
        }
    }

    /// A worker has woken `now`. All count from the edge on, or, where there is no settling part to wake in,
    /// from when the first one has.
    pub(super) fn count_from(&self, now: Instant) -> Counting {
        let from = *self.from.get_or_init(|| now.max(self.edge));
        Counting { from, until: from + self.counted }
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
        let (ops, beyond) = parts
            .iter()
            .fold((0, 0.0), |(ops, beyond), part| (ops + part.ops, beyond + part.beyond));
        Part { started, stopped, ops, beyond }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_count_as_far_as_they_lie_in_the_counted_time() {
        let now = Instant::now();
        let at = |millis| now + Duration::from_millis(millis);
        let counting = Counting { from: at(10), until: at(20) };
        let shares = |before, after| counting.shares(100, at(before), at(after));
        assert_eq!(shares(12, 14), (100.0, 0.0));
        assert_eq!(shares(10, 20), (100.0, 0.0));
        assert_eq!(shares(5, 10), (0.0, 0.0));
        assert_eq!(shares(20, 25), (0.0, 100.0));
        assert_eq!(shares(5, 15), (50.0, 0.0));
        assert_eq!(shares(15, 25), (50.0, 50.0));
        // Who waits for a lock all the time, and 20 ms more.
        assert_eq!(shares(0, 40), (25.0, 50.0));
        // A clock that stood still.
        assert_eq!(shares(15, 15), (100.0, 0.0));
        assert_eq!(shares(5, 5), (0.0, 0.0));
    }

    #[test]
    fn all_count_from_the_edge_or_from_when_the_first_woke() {
        let now = Instant::now();
        let slice = |settle| Span::of(Slice { seconds: settle + 0.5, settle }, now);
        let later = |millis| now + Duration::from_millis(millis);
        let settled = slice(0.25);
        assert_eq!(settled.count_from(later(1)).from, later(250));
        assert_eq!(settled.count_from(later(300)).from, later(250));
        let alone = slice(0.0);
        assert_eq!(alone.count_from(later(1)).from, later(1));
        let other = alone.count_from(later(2));
        assert_eq!((other.from, other.until), (later(1), later(501)));
    }
}
