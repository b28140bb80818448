//! The matrix structure × reclaimer, one line a pair.

mod suite;

use std::marker::PhantomData;

use structures::reclaim::{Epoch, Haphazard, Leak, Reclaimer};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CuckooOptimisticItems,
};
use suite::{Family, Key, Value};

conformance! {
    chaining_global_lock: GlobalLock;
    chaining_bucket_lock: BucketLock;
    chaining_lock_free_leak: LockFree<Leak>;
    chaining_lock_free_epoch: LockFree<Epoch>;
    chaining_lock_free_haphazard: LockFree<Haphazard>;
    cuckoo_optimistic_items_leak: Items<Leak>;
    cuckoo_optimistic_items_epoch: Items<Epoch>;
    cuckoo_optimistic_items_haphazard: Items<Haphazard>;
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
    type Map<K: Key, V: Value> = CuckooOptimisticItems<K, V, R>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        CuckooOptimisticItems::default()
    }

    const FREES_ALL: bool = !matches!(R::NAME.as_bytes(), b"leak");
}
