//! A clock that is set by hand, and the stores that there are.
#![allow(dead_code, reason = "of use to some tests")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use cache::evict::Eviction;
use cache::store::{MapItem, MapKey, Memc3, OverMap, Sharded, Store};
use cache::time::Clock;
use structures::reclaim::{Epoch, Hazard, Qsbr};
use structures::{ChainingLockFree, CuckooOptimisticItems};

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

/// Tables that free by different schemes.
type Chained = ChainingLockFree<MapKey, Arc<MapItem>, Hazard>;
type ChainedQsbr = ChainingLockFree<MapKey, Arc<MapItem>, Qsbr>;
type Cuckoo = CuckooOptimisticItems<MapKey, Arc<MapItem>, Epoch>;

/// Shows `visitor` every store under this policy, with one table.
pub(crate) fn every_store<E: Eviction + 'static>(visitor: &mut impl OfStore) {
    visitor.of::<Sharded<E>>();
    visitor.of::<Memc3<E>>();
    visitor.of::<OverMap<E, Chained>>();
}

/// Shows `visitor` a store over each of the other tables.
pub(crate) fn every_other_table<E: Eviction + 'static>(visitor: &mut impl OfStore) {
    visitor.of::<OverMap<E, ChainedQsbr>>();
    visitor.of::<OverMap<E, Cuckoo>>();
}

/// What `work` returns in so many threads, which start together. They are compiled once, not for each store.
pub(crate) fn in_threads<T: Send>(threads: u64, work: &(dyn Fn(u64) -> T + Sync)) -> Vec<T> {
    let start = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        let started = |thread: u64| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                work(thread)
            })
        };
        let started: Vec<_> = (0..threads).map(started).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Store and policy.
pub(crate) fn named<S: Store>() -> String {
    format!("{} {}", S::STORE, S::Eviction::NAME)
}

/// Tests that run a function, generic in the store, in every store without eviction. A macro, as no function takes
/// a generic one.
#[allow(unused_macros, reason = "of use to some tests")]
macro_rules! in_every_store {
    ($($test:ident: $of:ident,)*) => {
        $(#[test]
        fn $test() {
            struct Of;
            impl $crate::common::OfStore for Of {
                fn of<S: cache::store::Store>(&mut self) {
                    $of::<S>();
                }
            }
            $crate::common::every_store::<cache::evict::Never>(&mut Of);
            $crate::common::every_other_table::<cache::evict::Never>(&mut Of);
        })*
    };
}
#[allow(unused_imports, reason = "of use to some tests")]
pub(crate) use in_every_store;
