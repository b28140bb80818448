//! Where atomics and locks come from: the only place that knows, so that a model checker's can stand in
//! for them.
//!
//! Its atomics are those of `structures`, which tell it more than its own do. Without a model checker nothing is from
//! `structures`: the program `bench` uses this crate, and must not be built again when a table has changed.
//!
//! What is public is the lock of a [`Part`](crate::store::Part): a store of another crate has it, too.

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(any(loom, shuttle))]
pub(crate) use structures::sync::{AtomicU64, Ordering};

use std::sync::PoisonError;

pub(crate) use std::sync::Arc;

#[cfg(loom)]
pub use loom::sync::{Mutex, MutexGuard};
#[cfg(shuttle)]
pub use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle)))]
pub use std::sync::{Mutex, MutexGuard};

/// What orders nothing, and may be old: no model has to follow it.
pub(crate) mod hints {
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
}

/// Takes the lock.
///
/// Under it a clock of the user's may panic, before anything is changed, and a policy of the user's, which is told of
/// changes when they have been made. So poison would say nothing more.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
