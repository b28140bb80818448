//! Keys and values: machine words, and such as own memory and are counted.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use super::faults::{Fault, maybe_panic};

/// A key or a value that stands for a number.
pub(super) trait Item: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// The one that stands for `id`.
    fn new(id: u64, census: &Census) -> Self;

    /// What it stands for.
    fn id(&self) -> u64;
}

impl Item for u64 {
    fn new(id: u64, _census: &Census) -> Self {
        id
    }

    fn id(&self) -> u64 {
        *self
    }
}

/// Counts the instances of [`Counted`] that are alive.
#[derive(Clone, Debug, Default)]
pub(super) struct Census(Arc<AtomicI64>);

impl Census {
    pub(super) fn alive(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// A key or value that owns memory and knows whether it is alive.
#[derive(Debug)]
pub(super) struct Counted {
    id: Box<u64>,
    /// The complement of the number until it is dropped.
    canary: u64,
    census: Census,
}

impl Counted {
    fn assert_alive(&self) {
        assert_eq!(!*self.id, self.canary, "used after it was dropped");
    }
}

impl Item for Counted {
    fn new(id: u64, census: &Census) -> Self {
        census.0.fetch_add(1, Relaxed);
        Self { id: Box::new(id), canary: !id, census: census.clone() }
    }

    fn id(&self) -> u64 {
        self.assert_alive();
        *self.id
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.assert_alive();
        maybe_panic(Fault::Clone);
        Self::new(*self.id, &self.census)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.assert_alive();
        self.canary = *self.id;
        self.census.0.fetch_sub(1, Relaxed);
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        maybe_panic(Fault::Eq);
        self.id() == other.id()
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.id());
    }
}
