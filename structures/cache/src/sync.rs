//! Where atomics and locks come from: the only place of this crate that knows, so that a model checker's can stand in
//! for them.

pub(crate) use eviction::sync::{Mutex, MutexGuard, lock};
pub(crate) use std::sync::Arc;
pub(crate) use structures::sync::{AtomicU32, Ordering, fence};

/// What orders nothing, and may be old: no model has to follow it.
pub(crate) mod hints {
    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
}
