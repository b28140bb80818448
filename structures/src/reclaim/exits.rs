//! Threads that exit, with crates that keep state for each thread.
//!
//! A thread-local's destructor may run after that of such a crate's own thread-local, and may use a
//! table, or drop a handle that the thread kept. Then the crate must not be asked for the thread's
//! state any more. The thread-local in this module detects that case: a thread's destructors run in the
//! reverse order of the first uses, and it is first used right after the crate's.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::thread::LocalKey;

use crate::panics;

/// Whether a crate still has state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The crate has not been used here.
    Unused,
    Used,
    /// The crate's own destructor has run, or is about to.
    Over,
}

/// Runs a function when its thread exits.
pub(super) struct AtExit(pub(super) fn());

impl Drop for AtExit {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `enter`, which is our first use of the crate in this thread. `life` and `at_exit` are those that the
/// scheme keeps for the crate. Returns `None` if other code has used the crate in this thread before, and the crate's
/// own destructor has run. The crate then panics; the panic is reported to the panic hook and not propagated.
#[cold]
pub(super) fn first_use<T>(
    life: &Cell<Life>,
    at_exit: &'static LocalKey<AtExit>,
    enter: impl FnOnce() -> T,
) -> Option<T> {
    match panic::catch_unwind(AssertUnwindSafe(enter)) {
        Ok(entered) => {
            life.set(Life::Used);
            // Registers the destructor, behind the crate's.
            at_exit.with(|_| ());
            Some(entered)
        }
        Err(payload) => {
            panics::discard(payload);
            life.set(Life::Over);
            None
        }
    }
}
