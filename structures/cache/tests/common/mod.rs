//! A clock that is set by hand, and the stores that there are.
#![allow(dead_code, reason = "of use to some tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::evict::Eviction;
use cache::store::{Memc3, Sharded, Store};
use cache::time::Clock;

/// Both clocks are what they were set to last.
#[derive(Debug)]
pub(crate) struct ByHand {
    steady: AtomicU64,
    wall: AtomicU64,
}

impl ByHand {
    pub(crate) fn new(steady: u64, wall: u64) -> Arc<Self> {
        Arc::new(Self { steady: steady.into(), wall: wall.into() })
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.steady.fetch_add(seconds, Ordering::SeqCst);
        self.wall.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn set_wall(&self, second: u64) {
        self.wall.store(second, Ordering::SeqCst);
    }
}

impl Clock for ByHand {
    fn steady(&self) -> u64 {
        self.steady.load(Ordering::SeqCst)
    }

    fn wall(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }
}

/// What is to be done with each store.
pub(crate) trait OfStore {
    fn of<S: Store>(&mut self);
}

/// Shows `visitor` every store under this policy.
pub(crate) fn every_store<E: Eviction + 'static>(visitor: &mut impl OfStore) {
    visitor.of::<Sharded<E>>();
    visitor.of::<Memc3<E>>();
}

/// Store and policy.
pub(crate) fn named<S: Store>() -> String {
    format!("{} {}", S::STORE, S::Eviction::NAME)
}
