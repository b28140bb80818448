//! The bystander of a trial: a thread beside the workers that does what a [`Fault`] says.
//!
//! It begins with the workers and ends when the main thread opens the [`Gate`], at the deadline,
//! whatever the workers do meanwhile: some of them may wait for a lock that it holds.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use table::{Books, Handle, KEY_BITS};

use super::worker::Meeting;
use crate::fault::Fault;
use crate::workload::Stream;

/// How long a descheduled writer sleeps inside an update, and then outside: long for a scheduler
/// that takes a CPU away, and still many times in a short trial.
const NAP: Duration = Duration::from_millis(20);
/// Before it tries another key, where one was absent.
const MISS: Duration = Duration::from_micros(100);
/// Keys that a stalled reader looks up in search of one that is present.
const TRIES: usize = 1 << 16;

/// Shut until the measured time is over.
#[derive(Debug, Default)]
pub(super) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Lets everyone who waits go.
    pub(super) fn open(&self) {
        *self.lock() = true;
        self.opened.notify_all();
    }

    fn is_open(&self) -> bool {
        *self.lock()
    }

    fn wait(&self) {
        let mut open = self.lock();
        while !*open {
            open = self.opened.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for so long at most.
    fn wait_for(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let mut open = self.lock();
        while !*open {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.opened.wait_timeout(open, left);
            open = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bystander's life from the end of the warm-up. Its keys come from `stream`, as a worker's do: hot keys are hit most.
pub(super) fn disturb(
    fault: Fault,
    handle: Box<dyn Handle + '_>,
    stream: Stream,
    meeting: &Meeting,
    gate: &Gate,
) -> Books {
    match fault {
        Fault::StalledReader => stall(handle, stream, meeting, gate),
        Fault::DescheduledWriter => nap(handle, stream, meeting, gate),
        Fault::IdleRegistered => idle(handle, stream, meeting, gate),
        Fault::None | Fault::Oversubscribed => unreachable!("{fault} has no bystander"),
    }
}

/// Stays inside a lookup: pinned, with the node protected, and, in a table whose readers lock,
/// with the lock held. If no key is present, it stays in the pin.
fn stall(
    mut handle: Box<dyn Handle + '_>,
    mut stream: Stream,
    meeting: &Meeting,
    gate: &Gate,
) -> Books {
    let mut books = Books::default();
    let wait = || {
        meeting.begin.wait();
        gate.wait();
    };
    handle.pinned(&mut |pinned| {
        for _ in 0..TRIES {
            let key = stream.next_op().1;
            let inside = pinned.get_with(key, &mut |value| {
                wait();
                *value
            });
            if inside.is_some() {
                books.consume(key, inside);
                return;
            }
        }
        wait();
    });
    books
}

/// Sleeps in the middle of updates: in the closure that makes the new value, where a table with
/// locks holds one, and a lock-free one has read what it is about to replace.
fn nap(
    mut handle: Box<dyn Handle + '_>,
    mut stream: Stream,
    meeting: &Meeting,
    gate: &Gate,
) -> Books {
    meeting.begin.wait();
    let mut books = Books::default();
    while !gate.is_open() {
        let key = stream.next_op().1;
        let mut has_slept = false;
        let old = handle.calls().update(key, &mut |value| {
            // A table may run it again, because of what happened meanwhile.
            if !mem::replace(&mut has_slept, true) {
                gate.wait_for(NAP);
            }
            value.wrapping_add(1 << KEY_BITS)
        });
        books.consume(key, old);
        gate.wait_for(if has_slept { NAP } else { MISS });
    }
    books
}

/// Has looked up one key and does nothing more, registered all the time.
fn idle(
    mut handle: Box<dyn Handle + '_>,
    mut stream: Stream,
    meeting: &Meeting,
    gate: &Gate,
) -> Books {
    let mut books = Books::default();
    let key = stream.next_op().1;
    books.consume(key, handle.calls().get(key));
    meeting.begin.wait();
    gate.wait();
    // It is registered until here.
    drop(handle);
    books
}
