//! A hasher that panics now and then.

use std::cell::Cell;
use std::hash::{BuildHasher, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// Whether neither policies nor hashers panic.
    pub(crate) static IS_CALM: Cell<bool> = const { Cell::new(true) };
}

/// A hasher of a table, of which each eleventh use panics.
#[derive(Default)]
pub(crate) struct Startled(AtomicU64);

impl BuildHasher for Startled {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let uses = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(IS_CALM.get() || !uses.is_multiple_of(11), "no hash");
        DefaultHasher::new()
    }
}
