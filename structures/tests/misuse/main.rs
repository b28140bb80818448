//! Safe code that does what nobody means it to do: it forgets guards and handles, drops things in
//! another order, uses a map within itself, lies in `Eq` and `Hash`, answers searches with places
//! that do not exist, and leaves by a panic. It may get panics, wrong answers and leaks; it must not
//! get at memory that is not there. What it must not even compile is in `compile_fail` examples of
//! the documentation.
//!
//! The values notice by themselves when they are used after their drop ([`probe`]), and
//! `ci/asan.sh` runs all of it under AddressSanitizer.
#![forbid(unsafe_code)]

#[allow(unreachable_pub, reason = "it is the suite's too")]
#[path = "../suite/erased.rs"]
mod erased;
mod forget;
mod lies;
mod nodes;
mod order;
mod probe;
mod searches;
mod unwind;
mod versions;

use std::any::type_name;
use std::panic::{AssertUnwindSafe, catch_unwind};

use structures::map::ConcurrentMap;
use structures::reclaim::{
    Debra, Epoch, GraceRcu, Haphazard, Hazard, Ibr, Leak, PoorRcu, Qsbr, RefCounts, Sdd, Seize,
    WorkerRcu,
};
use structures::versioned::hamt::Counted;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CowCas, CowLock,
    CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, LeftRightTable, LogHerlihy,
};

use self::erased::Erased;
use self::probe::{Probe, assert_no_faults};

type Hasher = foldhash::fast::RandomState;

/// Runs `$check` on each kind of table whose readers hold no lock.
macro_rules! without_locks {
    ($check:path) => {{
        use crate::*;
        $check(&erased(ChainingLockFree::<Probe, Probe, Epoch>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Hazard>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Seize>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Sdd>::default()));
        $check(&erased(CuckooOptimisticItems::<Probe, Probe, Hazard>::default()));
        $check(&erased(CowCas::<Probe, Probe, RefCounts>::default()));
        $check(&erased(HamtCas::<Probe, Probe, Hazard>::default()));
        $check(&erased(HamtCas::<Probe, Probe, RefCounts, Hasher, Counted>::default()));
        $check(&erased(HamtPsim::<Probe, Probe, Hazard>::default()));
        $check(&erased(LogHerlihy::<Probe, Probe, Hazard>::default()));
    }};
}

/// Runs `$check` on each kind of table.
macro_rules! everywhere {
    ($check:path) => {{
        use crate::*;
        $check(&erased(ChainingGlobalLock::<Probe, Probe>::default()));
        $check(&erased(ChainingBucketLock::<Probe, Probe>::default()));
        $check(&erased(CuckooStriped::<Probe, Probe>::default()));
        $check(&erased(CowLock::<Probe, Probe, Epoch>::default()));
        $check(&erased(LeftRightTable::<Probe, Probe>::default()));
        crate::without_locks!($check);
    }};
}

/// Runs `$check` on a table under each scheme that the others leave out.
macro_rules! other_schemes {
    ($check:path) => {{
        use crate::*;
        $check(&erased(ChainingLockFree::<Probe, Probe, Leak>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Haphazard>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Debra>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Ibr>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, Qsbr>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, WorkerRcu>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, PoorRcu>::default()));
        $check(&erased(ChainingLockFree::<Probe, Probe, GraceRcu>::default()));
    }};
}

pub(crate) use {everywhere, other_schemes, without_locks};

/// A table behind a pointer, after its name, which is shown if a test of it fails.
fn erased<K: 'static, V: Clone + 'static, M: ConcurrentMap<K, V> + 'static>(
    map: M,
) -> Erased<K, V> {
    println!("{}", type_name::<M>());
    Erased::new(map)
}

/// Whether `f` panicked; nothing but memory matters here.
fn panics<T>(f: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(|| drop(f()))).is_err()
}

/// What a panic in `f` says.
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| drop(f()))).expect_err("it panics");
    payload.downcast::<String>().map_or_else(|_| "no text".to_owned(), |text| *text)
}

/// The map is in order: it takes keys, and gives them back.
fn works<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    use structures::map::MapHandle;

    let mut handle = map.handle();
    for key in 1_000..1_040 {
        assert!(handle.insert(Probe::new(key), Probe::new(key)), "{}: {key}", type_name::<M>());
    }
    for key in 1_000..1_040 {
        let value = handle.remove(&Probe::new(key)).expect("just inserted");
        assert_eq!(value.id(), key, "{}", type_name::<M>());
    }
    handle.for_each(|key, value| assert_eq!(key.id() % 1_000, value.id() % 1_000));
    assert_no_faults();
}
