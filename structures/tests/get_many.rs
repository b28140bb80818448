//! `get_many` of the tables that have one of their own, with each factor that it depends on.

mod suite;

use foldhash::fast::RandomState;
use structures::CuckooOptimistic;
use structures::cuckoo::path::Bfs;
use structures::exclusion::{BucketLocks, Exclusion, GlobalLock, Optimistic, SingleWriter};
use structures::tagging::{Tagged, Tagging, Untagged};
use suite::model::look_up_in_batches;

fn cuckoo<const SLOTS: usize, E: Exclusion, T: Tagging>() {
    let map = CuckooOptimistic::<u64, u64, RandomState, SLOTS, E, T, Bfs>::default();
    look_up_in_batches(&map);
}

#[test]
fn cuckoo_optimistic() {
    cuckoo::<4, Optimistic, Tagged>();
    cuckoo::<2, Optimistic, Tagged>();
    cuckoo::<8, Optimistic, Tagged>();
}

#[test]
fn cuckoo_optimistic_without_tags() {
    cuckoo::<4, Optimistic, Untagged>();
    cuckoo::<4, BucketLocks, Untagged>();
}

#[test]
fn cuckoo_optimistic_that_excludes_otherwise() {
    cuckoo::<4, SingleWriter, Tagged>();
    cuckoo::<4, BucketLocks, Tagged>();
    cuckoo::<4, GlobalLock, Tagged>();
}

/// A reader that does not get a bucket's lock leaves the lock as it is. If not, it may leave it
/// locked for ever: this test then does not end.
#[test]
fn cuckoo_optimistic_readers_that_lock_unlock_only_what_they_locked() {
    let map = CuckooOptimistic::<u64, u64, RandomState, 4, BucketLocks, Tagged, Bfs>::default();
    assert!(map.insert(1, 10));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..3_000_000).for_each(|_| assert_eq!(map.get(&1), Some(10))));
        }
        scope.spawn(|| {
            (0..1_000_000).for_each(|_| assert_eq!(map.update(&1, |old| *old), Some(10)))
        });
    });
}
