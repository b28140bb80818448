//! The matrix structure × reclaimer, one line a pair.

mod suite;

use std::hash::BuildHasher;
use std::marker::PhantomData;

use foldhash::fast::FixedState;
use structures::cuckoo::path::{Bfs, RandomWalk, Search};
use structures::hash;
use structures::reclaim::{Epoch, Haphazard, Leak, Reclaimer};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CuckooOptimisticItems, CuckooStriped,
};
use suite::{Colliding, Family, Key, Value};

conformance! {
    chaining_global_lock: GlobalLock;
    chaining_bucket_lock: BucketLock;
    chaining_lock_free_leak: LockFree<Leak>;
    chaining_lock_free_epoch: LockFree<Epoch>;
    chaining_lock_free_haphazard: LockFree<Haphazard>;
    cuckoo_optimistic_items_leak: Items<Leak>;
    cuckoo_optimistic_items_epoch: Items<Epoch>;
    cuckoo_optimistic_items_haphazard: Items<Haphazard>;
    cuckoo_striped: Striped<4, Bfs>;
    cuckoo_striped_8: Striped<8, Bfs>;
    cuckoo_striped_random_1: Striped<4, RandomWalk<1>>;
    cuckoo_striped_random_2: Striped<4, RandomWalk<2>>;
}

struct GlobalLock;

impl Family for GlobalLock {
    type Map<K: Key, V: Value> = ChainingGlobalLock<K, V>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        ChainingGlobalLock::default()
    }
}

struct BucketLock;

impl Family for BucketLock {
    type Map<K: Key, V: Value> = ChainingBucketLock<K, V>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        ChainingBucketLock::default()
    }
}

struct LockFree<R>(PhantomData<R>);

impl<R: Reclaimer + 'static> Family for LockFree<R> {
    type Map<K: Key, V: Value> = ChainingLockFree<K, V, R>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        ChainingLockFree::default()
    }

    const FREES_ALL: bool = !matches!(R::NAME.as_bytes(), b"leak");
}

struct Items<R>(PhantomData<R>);

impl<R: Reclaimer + 'static> Family for Items<R> {
    type Map<K: Key, V: Value> = CuckooOptimisticItems<K, V, R, FixedState>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        let hasher = FixedState::with_seed(BUCKETS_APART);
        CuckooOptimisticItems::with_capacity_and_hasher_in(0, hasher, R::new(None))
    }

    const FREES_ALL: bool = !matches!(R::NAME.as_bytes(), b"leak");

    const EQUAL_HASHES: u64 = 8;
}

struct Striped<const SLOTS: usize, P>(PhantomData<P>);

impl<const SLOTS: usize, P: Search> Family for Striped<SLOTS, P> {
    type Map<K: Key, V: Value> = CuckooStriped<K, V, FixedState, SLOTS, P>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        CuckooStriped::with_capacity_and_hasher(0, FixedState::with_seed(BUCKETS_APART))
    }

    const EQUAL_HASHES: u64 = 2 * SLOTS as u64;
}

/// A seed with which the suite's eight colliding hashes have sixteen different buckets of 32, so
/// that a cuckoo table has room for two buckets of each.
const BUCKETS_APART: u64 = 112;

#[test]
fn the_seed_keeps_colliding_hashes_apart() {
    let mut buckets: Vec<_> = (0..8)
        .flat_map(|k| {
            let hash = FixedState::with_seed(BUCKETS_APART).hash_one(Colliding(k));
            let home = hash::home(hash, 31);
            [home, hash::other_bucket(home, hash::tag(hash, 8), 31)]
        })
        .collect();
    buckets.sort_unstable();
    buckets.dedup();
    assert_eq!(buckets.len(), 16, "{buckets:?}");
}
