//! Where atomics and locks come from: the only place that knows, so that a model checker's can stand in
//! for them.
//!
//! Without the feature `memc3` they are not from `structures`: the program `bench` uses these sources without
//! it, as the crate `eviction`, and must not be built again when a table has changed.

#[cfg(feature = "memc3")]
pub(crate) use structures::sync::{AtomicU32, AtomicU64, Ordering, fence};

#[cfg(not(feature = "memc3"))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use std::sync::{Arc, PoisonError};

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// What orders nothing, and may be old: no model has to follow it.
pub(crate) mod hints {
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
}

/// Takes the lock.
///
/// Under it a clock of the user's may panic, before anything is changed, and a policy of the user's, which is told of
/// changes when they have been made. So poison would say nothing more.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
