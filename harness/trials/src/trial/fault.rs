//! The bystander of a trial: a thread besides the workers that causes the [`Fault`].
//!
//! It is in its place before the first slice begins, and ends when the trial is over. Between slices it stays as it
//! is: a stalled reader in its lookup, a descheduled writer in the middle of its sleep, whose time stands still. Only
//! if the workers cannot end a slice, as they may wait for a lock that the bystander holds, does the main thread open
//! the [`Gate`]; then the bystander releases the lock, and is in its place again before the next slice.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use table::{Books, Handle, KEY_BITS};

use crate::fault::Fault;
use crate::workload::Stream;

/// How long a descheduled writer sleeps inside an update, and then outside: long for a scheduler
/// that takes a CPU away, and still many times in a short trial.
const NAP: Duration = Duration::from_millis(20);
/// Before it tries another key, where one was absent.
const MISS: Duration = Duration::from_micros(100);
/// Keys that a stalled reader looks up in search of one that is present.
const TRIES: usize = 1 << 16;

/// What the main thread tells a bystander, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Gate {
    door: Mutex<Door>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Door {
    /// Whether the bystander is where the fault has it.
    in_place: bool,
    /// Whether it is to let go of what it holds.
    is_open: bool,
    /// How often it was told to: who is slow to hear it finds the gate shut again.
    opened: u64,
    /// Whether it is the trial's turn.
    is_awake: bool,
    is_over: bool,
}

impl Door {
    fn open(&mut self) {
        (self.is_open, self.in_place) = (true, false);
        self.opened += 1;
    }

    /// Whether it is open, or has been since it had opened so often.
    fn has_opened(&self, since: u64) -> bool {
        self.is_open || self.opened != since
    }
}

impl Gate {
    /// The main thread's: the next slice is about to begin. Waits until the bystander, if there is one, is in
    /// its place.
    pub(super) fn wake(&self, bystanders: usize) {
        let mut door = self.lock();
        (door.is_open, door.is_awake) = (false, true);
        self.moved.notify_all();
        while bystanders > 0 && !door.in_place {
            door = self.wait(door);
        }
    }

    /// The main thread's: all workers sleep, and so does the bystander.
    pub(super) fn rest(&self) {
        self.set(|door| door.is_awake = false);
    }

    /// The main thread's: the bystander lets go.
    pub(super) fn open(&self) {
        self.set(Door::open);
    }

    /// The main thread's: the bystander leaves.
    pub(super) fn end(&self) {
        self.set(|door| {
            door.open();
            door.is_over = true;
        });
    }

    /// The bystander's: waits until it is to take its place, and returns how often the gate has opened by
    /// then; `None` if it is to leave.
    fn shut(&self) -> Option<u64> {
        let mut door = self.lock();
        while !door.is_over && (door.is_open || !door.is_awake) {
            door = self.wait(door);
        }
        (!door.is_over).then_some(door.opened)
    }

    /// The bystander's: it is in its place.
    fn in_place(&self) {
        self.set(|door| door.in_place = !door.is_open);
    }

    /// The bystander's: it is in its place, and stays there until it is to let go of what it has held since
    /// the gate was [`shut`](Self::shut).
    fn stay(&self, since: u64) {
        self.in_place();
        let mut door = self.lock();
        while !door.has_opened(since) {
            door = self.wait(door);
        }
    }

    /// The bystander's: sleeps for so much of the trial's own time, or until it is to let go.
    fn nap(&self, time: Duration, since: u64) {
        let mut left = time;
        let mut door = self.lock();
        while !door.has_opened(since) && !left.is_zero() {
            if !door.is_awake {
                door = self.wait(door);
                continue;
            }
            let began = Instant::now();
            let waited = self.moved.wait_timeout(door, left);
            door = waited.unwrap_or_else(PoisonError::into_inner).0;
            left = left.saturating_sub(began.elapsed());
        }
    }

    fn set(&self, change: impl FnOnce(&mut Door)) {
        change(&mut self.lock());
        self.moved.notify_all();
    }

    fn wait<'g>(&self, door: MutexGuard<'g, Door>) -> MutexGuard<'g, Door> {
        self.moved.wait(door).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bystander's life from the end of the warm-up. Its keys come from `stream`, as a worker's do: hot keys are hit most.
pub(super) fn disturb(
    fault: Fault,
    handle: Box<dyn Handle + '_>,
    stream: Stream,
    gate: &Gate,
) -> Books {
    match fault {
        Fault::StalledReader => stall(handle, stream, gate),
        Fault::DescheduledWriter => doze(handle, stream, gate),
        Fault::IdleRegistered => idle(handle, stream, gate),
        Fault::None | Fault::Oversubscribed => unreachable!("{fault} has no bystander"),
    }
}

/// Stays inside a lookup: pinned, with the node protected, and, in a table whose readers lock,
/// with the lock held. If no key is present, it stays in the pin.
fn stall(mut handle: Box<dyn Handle + '_>, mut stream: Stream, gate: &Gate) -> Books {
    let mut books = Books::default();
    while let Some(since) = gate.shut() {
        handle.pinned(&mut |pinned| {
            for _ in 0..TRIES {
                let key = stream.next_op().1;
                let inside = pinned.get_with(key, &mut |value| {
                    gate.stay(since);
                    *value
                });
                if inside.is_some() {
                    books.consume(key, inside);
                    return;
                }
            }
            gate.stay(since);
        });
    }
    books
}

/// Sleeps in the middle of updates: in the closure that makes the new value, where a table with
/// locks holds one, and a lock-free one has read what it is about to replace.
fn doze(mut handle: Box<dyn Handle + '_>, mut stream: Stream, gate: &Gate) -> Books {
    let mut books = Books::default();
    while let Some(since) = gate.shut() {
        gate.in_place();
        let key = stream.next_op().1;
        let mut has_slept = false;
        let old = handle.calls().update(key, &mut |value| {
            // A table may run it again, because of what happened meanwhile.
            if !mem::replace(&mut has_slept, true) {
                gate.nap(NAP, since);
            }
            value.wrapping_add(1 << KEY_BITS)
        });
        books.consume(key, old);
        gate.nap(if has_slept { NAP } else { MISS }, since);
    }
    books
}

/// Has looked up one key and does nothing more, registered all the time.
fn idle(mut handle: Box<dyn Handle + '_>, mut stream: Stream, gate: &Gate) -> Books {
    let mut books = Books::default();
    let key = stream.next_op().1;
    books.consume(key, handle.calls().get(key));
    while let Some(since) = gate.shut() {
        gate.stay(since);
    }
    // It is registered until here.
    drop(handle);
    books
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    use super::*;

    #[test]
    fn a_nap_ends_when_it_is_to_let_go_and_another_begins_in_the_next_slice() {
        let gate = Gate::default();
        thread::scope(|scope| {
            let napper = scope.spawn(|| {
                let mut naps = 0;
                while let Some(since) = gate.shut() {
                    gate.in_place();
                    gate.nap(Duration::MAX, since);
                    naps += 1;
                }
                naps
            });
            gate.wake(1);
            gate.rest();
            gate.open();
            gate.wake(1);
            gate.end();
            assert_eq!(napper.join().expect("it ends"), 2);
        });
    }

    #[test]
    fn a_nap_stands_still_while_the_trial_sleeps() {
        let (gate, has_ended) = (Gate::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                gate.nap(Duration::from_nanos(1), 0);
                has_ended.store(true, Relaxed);
            });
            // Long for a nap of a nanosecond; that it takes longer for other reasons is no failure.
            thread::sleep(Duration::from_millis(20));
            assert!(!has_ended.load(Relaxed));
            gate.wake(0);
        });
    }

    #[test]
    fn who_let_go_is_in_its_place_again_before_the_next_slice() {
        let gate = Gate::default();
        let stays = thread::scope(|scope| {
            let stalled = scope.spawn(|| {
                let mut stays = 0;
                while let Some(since) = gate.shut() {
                    gate.stay(since);
                    stays += 1;
                }
                stays
            });
            gate.wake(1);
            gate.rest();
            // Still there.
            gate.wake(1);
            gate.open();
            gate.rest();
            gate.wake(1);
            gate.end();
            stalled.join().expect("it ends")
        });
        assert_eq!(stays, 2, "it was let go once, and at the end");
    }
}
