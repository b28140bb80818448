//! The matrix structure × reclaimer, one line a pair.

mod suite;

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use foldhash::fast::FixedState;
use structures::cuckoo::path::{Bfs, RandomWalk, Search};
use structures::exclusion::{
    BucketLocks, Exclusion, GlobalLock, Optimistic, OptimisticStripes, SingleWriter,
};
use structures::hash;
use structures::reclaim::{
    Debra, Epoch, GraceRcu, Haphazard, Hazard, Ibr, Leak, PoorRcu, Qsbr, Reclaimer, Sdd, Seize,
    WorkerRcu,
};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::versions::PerBucket;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};
use suite::tracked::Census;
use suite::words::{Hashes, WordFamily};
use suite::{Family, Key, Value};

conformance! {
    chaining_global_lock: GlobalLocked;
    chaining_bucket_lock: BucketLocked;
    chaining_lock_free_leak: LockFree<Leak>;
    chaining_lock_free_epoch: LockFree<Epoch>;
    chaining_lock_free_haphazard: LockFree<Haphazard>;
    chaining_lock_free_hazard: LockFree<Hazard>;
    chaining_lock_free_hazard_symmetric: Symmetric<Hazard>;
    chaining_lock_free_debra: LockFree<Debra>;
    chaining_lock_free_debra_symmetric: Symmetric<Debra>;
    chaining_lock_free_ibr: LockFree<Ibr>;
    chaining_lock_free_ibr_symmetric: Symmetric<Ibr>;
    chaining_lock_free_qsbr: LockFree<Qsbr>;
    chaining_lock_free_worker_rcu: LockFree<WorkerRcu>;
    chaining_lock_free_poor_rcu: LockFree<PoorRcu>;
    chaining_lock_free_grace_rcu: LockFree<GraceRcu>;
    chaining_lock_free_seize: LockFree<Seize>;
    chaining_lock_free_sdd: LockFree<Sdd>;
    cuckoo_optimistic_items_leak: Items<Leak, 4>;
    cuckoo_optimistic_items_epoch: Items<Epoch, 4>;
    cuckoo_optimistic_items_epoch_8: Items<Epoch, 8>;
    cuckoo_optimistic_items_haphazard: Items<Haphazard, 4>;
    cuckoo_optimistic_items_hazard: Items<Hazard, 4>;
    cuckoo_optimistic_items_debra: Items<Debra, 4>;
    cuckoo_optimistic_items_ibr: Items<Ibr, 4>;
    cuckoo_optimistic_items_qsbr: Items<Qsbr, 4>;
    cuckoo_optimistic_items_worker_rcu: Items<WorkerRcu, 4>;
    cuckoo_optimistic_items_poor_rcu: Items<PoorRcu, 4>;
    cuckoo_optimistic_items_grace_rcu: Items<GraceRcu, 4>;
    cuckoo_optimistic_items_seize: Items<Seize, 4>;
    cuckoo_optimistic_items_sdd: Items<Sdd, 4>;
    cuckoo_striped: Striped<4, Bfs>;
    cuckoo_striped_8: Striped<8, Bfs>;
    cuckoo_striped_random_1: Striped<4, RandomWalk<1>>;
    cuckoo_striped_random_2: Striped<4, RandomWalk<2>>;
}

conformance_words! {
    chaining_inline: Inline<Optimistic>;
    chaining_inline_large: LargeInline;
    chaining_inline_single_writer: Inline<SingleWriter>;
    chaining_inline_bucket_lock: Inline<BucketLocks>;
    chaining_inline_global_lock: Inline<GlobalLock>;
    cuckoo_optimistic: Words<4, Optimistic, Tagged, Bfs>;
    cuckoo_optimistic_8: Words<8, Optimistic, Tagged, Bfs>;
    cuckoo_optimistic_random_1: Words<4, Optimistic, Tagged, RandomWalk<1>>;
    cuckoo_optimistic_random_2: Words<4, Optimistic, Tagged, RandomWalk<2>>;
    cuckoo_optimistic_no_tag: Words<4, Optimistic, Untagged, Bfs>;
    cuckoo_optimistic_single_writer: Words<4, SingleWriter, Tagged, Bfs>;
    cuckoo_optimistic_one_stripe: Words<4, OptimisticStripes<1>, Tagged, Bfs>;
    cuckoo_optimistic_stripes: Words<8, OptimisticStripes<64>, Tagged, Bfs>;
    cuckoo_optimistic_bucket_lock: Words<4, BucketLocks, Tagged, Bfs>;
    cuckoo_optimistic_global_lock: Words<4, GlobalLock, Tagged, Bfs>;
}

struct GlobalLocked;

impl Family for GlobalLocked {
    type Map<K: Key, V: Value> = ChainingGlobalLock<K, V>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        ChainingGlobalLock::default()
    }
}

struct BucketLocked;

impl Family for BucketLocked {
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

/// With fences as where the kernel lacks `membarrier(2)`, and the smallest batch.
struct Symmetric<R>(PhantomData<R>);

/// Schemes that can do without the system call.
trait WithoutMembarrier: Reclaimer {
    fn symmetric(batch: Option<usize>) -> Self;
}

impl WithoutMembarrier for Hazard {
    fn symmetric(batch: Option<usize>) -> Self {
        Self::symmetric(batch)
    }
}

impl WithoutMembarrier for Debra {
    fn symmetric(batch: Option<usize>) -> Self {
        Self::symmetric(batch)
    }
}

impl WithoutMembarrier for Ibr {
    fn symmetric(batch: Option<usize>) -> Self {
        Self::symmetric(batch)
    }
}

impl<R: WithoutMembarrier + 'static> Family for Symmetric<R> {
    type Map<K: Key, V: Value> = ChainingLockFree<K, V, R>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        let hasher = foldhash::fast::RandomState::default();
        ChainingLockFree::with_capacity_and_hasher_in(0, hasher, R::symmetric(Some(1)))
    }
}

struct Items<R, const SLOTS: usize>(PhantomData<R>);

impl<R: Reclaimer + 'static, const SLOTS: usize> Family for Items<R, SLOTS> {
    type Map<K: Key, V: Value> = CuckooOptimisticItems<K, V, R, FixedState, SLOTS>;

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

/// The buckets of these hashes in a table of 32.
fn distinct_buckets(hashes: impl Iterator<Item = u64>, fingerprint: impl Fn(u64) -> u64) -> usize {
    let pair = |hash| {
        let home = hash::home(hash, 31);
        [home, hash::other_bucket(home, fingerprint(hash), 31)]
    };
    hashes.flat_map(pair).collect::<HashSet<_>>().len()
}

#[test]
fn colliding_hashes_have_buckets_apart() {
    let seeded = FixedState::with_seed(BUCKETS_APART);
    let census = Census::default();
    let of_keys = || (0..8).map(|k| seeded.hash_one(census.colliding(k)));
    assert_eq!(distinct_buckets(of_keys(), |hash| hash::tag(hash, 8)), 16);
    let of_words = || (0..8_u64).map(|k| Hashes::Eight.hash_one(k));
    for bits in [6, 8] {
        assert_eq!(distinct_buckets(of_words(), |hash| hash::tag(hash, bits)), 16);
    }
    assert_eq!(distinct_buckets(of_words(), |hash| hash >> 32), 16, "without tags");
}

struct Inline<E>(PhantomData<E>);

impl<E: Exclusion<Versions = PerBucket>> WordFamily for Inline<E> {
    type Map = ChainingInline<u64, u64, Hashes, E>;

    fn new(hasher: Hashes) -> Self::Map {
        ChainingInline::with_capacity_and_hasher(0, hasher)
    }
}

/// Of more than 2 MiB, where operations take other ways.
struct LargeInline;

impl WordFamily for LargeInline {
    type Map = ChainingInline<u64, u64, Hashes>;

    fn new(hasher: Hashes) -> Self::Map {
        ChainingInline::with_capacity_and_hasher(70_000, hasher)
    }

    const TO_GROW: u64 = 40_000;
}

struct Words<const SLOTS: usize, E, T, P>(PhantomData<(E, T, P)>);

impl<const SLOTS: usize, E: Exclusion, T: Tagging, P: Search> WordFamily for Words<SLOTS, E, T, P> {
    type Map = CuckooOptimistic<u64, u64, Hashes, SLOTS, E, T, P>;

    fn new(hasher: Hashes) -> Self::Map {
        CuckooOptimistic::with_capacity_and_hasher(0, hasher)
    }

    const EQUAL_HASHES: u64 = 2 * SLOTS as u64;
}
