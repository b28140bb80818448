//! Threads that exit, and crates that keep something for each thread.
//!
//! A thread-local's destructor may run after that of such a crate's own thread-local, and may use a
//! table, or drop a handle that the thread kept. Then the crate must not be asked for the thread's
//! state any more. The thread-local here notices that: a thread's destructors run in the opposite
//! order of the first uses, and it is used first right after the crate's.

use std::cell::Cell;
use std::thread::LocalKey;

/// Whether a crate still has something of a thread.
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

/// To be called right after the crate was first used in this thread. `life` and `at_exit` are those
/// that the scheme keeps for the crate.
#[cold]
pub(super) fn first_use(life: &'static LocalKey<Cell<Life>>, at_exit: &'static LocalKey<AtExit>) {
    life.set(Life::Used);
    // Registers the destructor, behind the crate's.
    at_exit.with(|_| ());
}
