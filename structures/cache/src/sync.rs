//! Where atomics come from: the only place that knows, so that a model checker's can stand in for them.
//!
//! Not from `structures`: `harness` uses this crate, and must not be built again when a table has changed.

pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
