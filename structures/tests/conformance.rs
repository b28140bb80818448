//! The matrix structure × reclaimer, one line a pair.

mod suite;

use std::marker::PhantomData;

use structures::exclusion::{BucketLocks, Exclusion, GlobalLock, Optimistic, SingleWriter};
use structures::reclaim::{Epoch, Haphazard, Leak, Reclaimer};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree};
use suite::words::{State, WordFamily};
use suite::{Family, Key, Value};

conformance! {
    chaining_global_lock: GlobalLocked;
    chaining_bucket_lock: BucketLocked;
    chaining_lock_free_leak: LockFree<Leak>;
    chaining_lock_free_epoch: LockFree<Epoch>;
    chaining_lock_free_haphazard: LockFree<Haphazard>;
}

conformance_words! {
    chaining_inline: Inline<Optimistic, Tagged>;
    chaining_inline_no_tag: Inline<Optimistic, Untagged>;
    chaining_inline_single_writer: Inline<SingleWriter, Tagged>;
    chaining_inline_single_writer_no_tag: Inline<SingleWriter, Untagged>;
    chaining_inline_bucket_lock: Inline<BucketLocks, Tagged>;
    chaining_inline_bucket_lock_no_tag: Inline<BucketLocks, Untagged>;
    chaining_inline_global_lock: Inline<GlobalLock, Tagged>;
    chaining_inline_global_lock_no_tag: Inline<GlobalLock, Untagged>;
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

struct Inline<E, T>(PhantomData<(E, T)>);

impl<E: Exclusion, T: Tagging> WordFamily for Inline<E, T> {
    type Map<S: State> = ChainingInline<u64, u64, S, E, T>;

    fn new<S: State>() -> Self::Map<S> {
        ChainingInline::default()
    }
}
