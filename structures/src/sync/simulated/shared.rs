//! Counted references, told of.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc as OfStd;

use super::{Access, tell};

/// `std::sync::Arc`: who clones it, or drops it, updates the counts in front of the value.
pub(crate) struct Arc<T>(OfStd<T>);

/// Says that the counts at that address are changed.
#[track_caller]
fn count_at(counts: usize) {
    tell(Access::Update, counts, 0);
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(OfStd::new(value))
    }

    /// The address of the counts: two words in front of the value.
    fn counts(&self) -> usize {
        OfStd::as_ptr(&self.0).addr() - 2 * size_of::<usize>()
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        count_at(self.counts());
        Self(OfStd::clone(&self.0))
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        count_at(self.counts());
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
