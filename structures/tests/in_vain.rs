//! What an attempt has made in vain is dropped before the operation has had its effect. If a `Drop` panics then, the
//! operation goes on all the same: who sees a panic of a `Drop` may believe that the effect has come before.
#![cfg(not(any(loom, shuttle)))]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Hazard, RefCounts};
use structures::{
    ChainingLockFree, CowCas, CowLock, CuckooOptimisticItems, HamtCas, HamtPsim, LogHerlihy,
};

/// Something to be done within a clone.
struct Plan {
    /// After so many clones.
    after: u64,
    /// And once more, so many clones later.
    again: Option<u64>,
    meddle: Box<dyn FnMut()>,
}

thread_local! {
    /// Whether every drop of a value panics.
    static DROPS_PANIC: Cell<bool> = const { Cell::new(false) };
    static PLAN: RefCell<Option<Plan>> = const { RefCell::new(None) };
}

/// When a clone of it has meddled, drops panic until the next clone.
struct Value(u64);

impl Clone for Value {
    fn clone(&self) -> Self {
        DROPS_PANIC.set(false);
        match PLAN.take() {
            Some(mut plan) if plan.after == 0 => {
                (plan.meddle)();
                let after = plan.again.unwrap_or(u64::MAX);
                PLAN.set(Some(Plan { after, again: None, ..plan }));
                DROPS_PANIC.set(true);
            }
            Some(plan) => PLAN.set(Some(Plan { after: plan.after - 1, ..plan })),
            None => {}
        }
        Self(self.0)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if DROPS_PANIC.get() && !thread::panicking() {
            // Without a message for each.
            resume_unwind(Box::new("a drop"));
        }
    }
}

/// The value of `key`, when all is calm.
fn value_of<M: ConcurrentMap<u64, Value>>(map: &M, key: u64) -> Option<u64> {
    DROPS_PANIC.set(false);
    drop(PLAN.take());
    map.handle().get(&key).map(|value| value.0)
}

/// An `update`, an `upsert` and a `remove` of key 1, in each of which somebody updates `meddled` between this clone
/// and that: the attempt is in vain.
fn check<M: ConcurrentMap<u64, Value> + Default + 'static>(meddled: u64) {
    for plan in 0..27_u64 {
        let (operation, after, again) = (plan % 3, plan / 3 % 3, plan / 9);
        let map: &'static M = Box::leak(Box::<M>::default());
        let (mut handle, mut other) = (map.handle(), map.handle());
        assert!(handle.insert(1, Value(1)) && handle.insert(2, Value(1)));
        let meddle = move || drop(other.update(&meddled, |value| Value(value.0 + 10)));
        let again = again.checked_sub(1);
        PLAN.set(Some(Plan { after, again, meddle: Box::new(meddle) }));
        let made = |_: Option<&Value>| {
            DROPS_PANIC.set(false);
            Value(7)
        };
        let replaced = match operation {
            0 => handle.update(&1, |value| made(Some(value))),
            1 => handle.upsert(1, made),
            _ => handle.remove(&1),
        };
        let left = value_of(map, 1);
        assert!(replaced.is_some());
        assert_eq!(left, (operation < 2).then_some(7), "{plan}");
    }
}

#[test]
fn an_operation_goes_on_until_it_has_its_effect() {
    check::<ChainingLockFree<u64, Value>>(1);
    check::<ChainingLockFree<u64, Value, Hazard>>(1);
    check::<CuckooOptimisticItems<u64, Value>>(1);
    // With another stamp the binding would be another.
    check::<CowLock<u64, Value>>(2);
    check::<CowCas<u64, Value, RefCounts>>(2);
    check::<HamtCas<u64, Value>>(2);
    check::<HamtPsim<u64, Value>>(2);
    check::<LogHerlihy<u64, Value>>(2);
}

/// An `update` of a key that somebody takes out before the attempt: there is no effect, and so nobody is to hear of
/// a `Drop`.
fn goes<M: ConcurrentMap<u64, Value> + Default + 'static>() {
    let map: &'static M = Box::leak(Box::<M>::default());
    let (mut handle, mut other) = (map.handle(), map.handle());
    assert!(handle.insert(1, Value(1)));
    let meddle = move || assert!(other.remove(&1).is_some());
    PLAN.set(Some(Plan { after: 0, again: None, meddle: Box::new(meddle) }));
    let replaced = handle.update(&1, |_| {
        DROPS_PANIC.set(false);
        Value(7)
    });
    assert!(replaced.is_none());
    assert!(DROPS_PANIC.get(), "somebody has meddled");
    assert_eq!(value_of(map, 1), None);
}

#[test]
fn a_key_that_goes_is_not_updated() {
    goes::<ChainingLockFree<u64, Value>>();
    goes::<ChainingLockFree<u64, Value, Hazard>>();
    goes::<CuckooOptimisticItems<u64, Value>>();
    goes::<CuckooOptimisticItems<u64, Value, Hazard>>();
}

/// A key that is absent, then there, then absent: what was to be added first is given another value.
fn comes_and_goes<M: ConcurrentMap<u64, Value> + Default>() {
    let map = M::default();
    let (mut handle, mut other) = (map.handle(), map.handle());
    let mut runs = 0;
    let upsert = AssertUnwindSafe(|| {
        handle.upsert(1, |value| {
            runs += 1;
            match runs {
                1 => assert!(value.is_none() && other.insert(1, Value(2))),
                2 => assert!(value.is_some() && other.remove(&1).is_some()),
                _ => DROPS_PANIC.set(true),
            }
            Value(7)
        })
    });
    // After the effect there is one more drop, of what the second run has made.
    let _after_the_effect = catch_unwind(upsert).map(drop);
    assert_eq!(value_of(&map, 1), Some(7));
    assert_eq!(runs, 3);
}

#[test]
fn a_key_that_comes_and_goes_is_added() {
    comes_and_goes::<ChainingLockFree<u64, Value>>();
    comes_and_goes::<CuckooOptimisticItems<u64, Value>>();
}
