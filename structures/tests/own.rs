//! The operations that maps and handles have as methods of their own, and not by a trait: each table
//! against std's map, and by several threads.
//!
//! [`Shared`] and [`Calls`] are those methods behind pointers, so that the properties are compiled
//! once and not for each table.
#![cfg(not(any(loom, shuttle)))]

mod suite;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use foldhash::fast::RandomState;
use proptest::prelude::*;
use rand::RngExt;
use structures::exclusion::{BucketLocks, Optimistic, SingleWriter};
use structures::map::ConcurrentMap;
use structures::reclaim::{Hazard, RefCounts};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas, CowLock,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, HamtSharded,
    LeftRightTable, LogHerlihy,
};
use suite::concurrent::{OPS, THREADS, in_threads};
use suite::rng;

/// A map.
trait Shared: Sync {
    fn enter(&self) -> Box<dyn Calls + '_>;
    fn entries(&self) -> usize;
    fn is_empty(&self) -> bool;
    fn visit(&self, f: &mut dyn FnMut(u64, u64));
    fn add(&mut self, entries: Vec<(u64, u64)>);
}

/// A handle.
trait Calls {
    fn get(&mut self, key: u64) -> Option<u64>;
    fn insert(&mut self, key: u64, value: u64) -> bool;
    fn update(&mut self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64>;
    fn remove(&mut self, key: u64) -> Option<u64>;
    fn remove_if(&mut self, key: u64, condition: &mut dyn FnMut(u64) -> bool) -> Option<u64>;
    fn insert_or_assign(&mut self, key: u64, value: u64) -> Option<u64>;
    fn get_or_insert_with(&mut self, key: u64, make: &mut dyn FnMut() -> u64) -> u64;
    fn retain(&mut self, keep: &mut dyn FnMut(u64, u64) -> bool);
    fn clear(&mut self);
    fn len(&mut self) -> usize;
}

/// A handle of a map of type `M`.
struct Own<'m, M: ConcurrentMap<u64, u64> + 'm>(M::Handle<'m>);

#[derive(Clone, Debug)]
enum Op {
    Insert(u64, u64),
    InsertOrAssign(u64, u64),
    GetOrInsert(u64, u64),
    Update(u64, u64),
    Remove(u64),
    /// If the value is a multiple of the number.
    RemoveIf(u64, u64),
    /// Keys that are no multiples of the one number, or whose values are none of the other.
    Retain(u64, u64),
    Clear,
    Extend(Vec<(u64, u64)>),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (key, value) = (0..48_u64, 0..12_u64);
    let entry = (key.clone(), value);
    let op = prop_oneof![
        8 => entry.clone().prop_map(|(k, v)| Op::Insert(k, v)),
        8 => entry.clone().prop_map(|(k, v)| Op::InsertOrAssign(k, v)),
        8 => entry.clone().prop_map(|(k, v)| Op::GetOrInsert(k, v)),
        4 => entry.clone().prop_map(|(k, v)| Op::Update(k, v)),
        4 => key.clone().prop_map(Op::Remove),
        8 => (key, 1..4_u64).prop_map(|(k, of)| Op::RemoveIf(k, of)),
        2 => (1..4_u64, 1..4_u64).prop_map(|(k, v)| Op::Retain(k, v)),
        1 => Just(Op::Clear),
        1 => proptest::collection::vec(entry, 0..20).prop_map(Op::Extend),
    ];
    proptest::collection::vec(op, 1..120)
}

fn step(map: &mut dyn Shared, model: &mut HashMap<u64, u64>, op: &Op) {
    if let Op::Extend(entries) = op {
        map.add(entries.clone());
        return model.extend(entries.iter().copied());
    }
    let handle = &mut *map.enter();
    match *op {
        Op::Insert(k, v) => {
            let absent = !model.contains_key(&k);
            model.entry(k).or_insert(v);
            assert_eq!(handle.insert(k, v), absent);
        }
        Op::InsertOrAssign(k, v) => assert_eq!(handle.insert_or_assign(k, v), model.insert(k, v)),
        Op::GetOrInsert(k, v) => {
            let mut made = 0;
            let value = handle.get_or_insert_with(k, &mut || {
                made += 1;
                v
            });
            assert_eq!(made, u32::from(!model.contains_key(&k)));
            assert_eq!(value, *model.entry(k).or_insert(v));
        }
        Op::Update(k, v) => {
            let old = model.get_mut(&k).map(|value| std::mem::replace(value, v));
            assert_eq!(handle.update(k, &mut |_| v), old);
        }
        Op::Remove(k) => assert_eq!(handle.remove(k), model.remove(&k)),
        Op::RemoveIf(k, of) => {
            let removed = model.get(&k).copied().filter(|value| value.is_multiple_of(of));
            assert_eq!(handle.remove_if(k, &mut |value| value.is_multiple_of(of)), removed);
            removed.is_some().then(|| model.remove(&k));
        }
        Op::Retain(of_key, of_value) => {
            let keep = |key: u64, value: u64| {
                !key.is_multiple_of(of_key) || !value.is_multiple_of(of_value)
            };
            handle.retain(&mut { keep });
            model.retain(|key, value| keep(*key, *value));
        }
        Op::Clear => {
            handle.clear();
            model.clear();
        }
        Op::Extend(_) => unreachable!("done above"),
    }
    assert_eq!(handle.len(), model.len());
}

fn check(map: &mut dyn Shared, ops: &[Op]) {
    let mut model = HashMap::new();
    for op in ops {
        step(map, &mut model, op);
        let mut seen = HashMap::new();
        map.visit(&mut |key, value| assert_eq!(seen.insert(key, value), None, "seen twice"));
        assert_eq!(seen, model, "after {op:?}");
        assert_eq!((map.entries(), map.is_empty()), (model.len(), model.is_empty()));
    }
}

fn agree(new: &dyn Fn() -> Box<dyn Shared>) {
    proptest!(ProptestConfig::with_cases(64), |(ops in ops())| check(&mut *new(), &ops));
}

/// What is written is replaced, removed or there in the end, once; and `remove_if` removes even values
/// alone, although others change them between its look and its removal, if those are two.
fn remove_even(map: &dyn Shared) {
    const KEYS: u64 = 4;
    let odd = |value: &u64| !value.is_multiple_of(2);
    let done = in_threads(|thread| {
        let mut handle = map.enter();
        let mut rng = rng(thread as u64);
        let (mut written, mut taken) = (Vec::new(), Vec::new());
        for round in 0..OPS as u64 / 4 {
            let key = rng.random_range(0..KEYS);
            let value = (thread as u64) << 32 | round;
            let (writes, old) = match rng.random_range(0..4) {
                0 => (handle.insert(key, value), None),
                1 => (true, handle.insert_or_assign(key, value)),
                2 => {
                    let old = handle.update(key, &mut |_| value);
                    (old.is_some(), old)
                }
                _ => {
                    let mut seen = None;
                    let removed = handle.remove_if(key, &mut |value| {
                        seen = Some(value);
                        // So that others come between.
                        if value.is_multiple_of(16) {
                            thread::yield_now();
                        }
                        value.is_multiple_of(2)
                    });
                    assert!(!removed.is_some_and(|value| odd(&value)), "refused, and removed");
                    assert!(removed.is_none() || removed == seen, "removed, and not seen");
                    (false, removed)
                }
            };
            written.extend(writes.then_some(value));
            taken.extend(old);
        }
        (written, taken)
    });
    let mut left = Vec::new();
    map.visit(&mut |_, value| left.push(value));
    let mut written: Vec<_> = done.iter().flat_map(|(written, _)| written).copied().collect();
    let mut gone: Vec<_> = done.iter().flat_map(|(_, taken)| taken).copied().collect();
    gone.extend(left);
    written.sort_unstable();
    gone.sort_unstable();
    assert!(written == gone, "a value was lost, or taken twice");
}

/// Of threads that get or insert the same keys one adds its value, and all return that.
fn get_or_insert(map: &dyn Shared) {
    const KEYS: u64 = if cfg!(miri) { 20 } else { 300 };
    let got = in_threads(|thread| {
        let mut handle = map.enter();
        let mut get = |key| {
            handle.get_or_insert_with(key, &mut || {
                thread::yield_now();
                thread as u64
            })
        };
        (0..KEYS).map(&mut get).collect::<Vec<_>>()
    });
    assert!(got.iter().all(|values| *values == got[0]), "two values of one key");
    assert_eq!(map.entries() as u64, KEYS);
    assert!((0..KEYS).all(|key| map.enter().get(key) == Some(got[0][key as usize])));
}

/// Keys of one thread; those of others are further.
fn keys_of(thread: usize) -> std::ops::Range<u64> {
    let first = 1_000 * thread as u64;
    first..first + 8
}

/// Two threads keep what is odd. What they have added themselves is gone unless it is odd; and what
/// others have made odd stays.
fn retain_odd(map: &dyn Shared) {
    let odd = |value: u64| !value.is_multiple_of(2);
    in_threads(|thread| {
        let mut handle = map.enter();
        for round in 0..OPS as u64 / 200 {
            for key in keys_of(thread) {
                handle.insert_or_assign(key, 2 * round);
            }
            if thread % 2 == 0 {
                handle.insert_or_assign(keys_of(thread).start, 1);
                handle.retain(&mut |_, value| {
                    if value.is_multiple_of(4) {
                        thread::yield_now();
                    }
                    odd(value)
                });
                let left: Vec<_> = keys_of(thread).filter_map(|key| handle.get(key)).collect();
                assert_eq!(left, [1], "it keeps what is odd alone");
                continue;
            }
            for key in keys_of(thread) {
                handle.insert_or_assign(key, 2 * round + 1);
            }
            for _ in 0..4 {
                thread::yield_now();
                let left = keys_of(thread).filter(|key| handle.get(*key) == Some(2 * round + 1));
                assert_eq!(left.count(), 8, "an odd value was removed");
            }
        }
    });
    assert_eq!(map.entries(), THREADS / 2 * (1 + 8));
}

/// One thread clears, and finds nothing left of what it has added itself before; others add and remove
/// meanwhile, and all counts agree in the end.
fn clear_beside_writers(map: &dyn Shared) {
    let done = AtomicBool::new(false);
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for thread in 1..3 {
            let (done, start) = (&done, &start);
            scope.spawn(move || {
                let mut handle = map.enter();
                start.wait();
                while !done.load(Relaxed) {
                    keys_of(thread).for_each(|key| _ = handle.insert(key, key));
                    keys_of(thread).for_each(|key| {
                        let removed = handle.remove(key);
                        assert!(removed.is_none_or(|value| value == key));
                    });
                }
                keys_of(thread).for_each(|key| _ = handle.insert(key, key));
            });
        }
        let mut handle = map.enter();
        start.wait();
        let rounds = 0..OPS as u64 / 200;
        let cleared = rounds.into_iter().all(|round| {
            keys_of(0).for_each(|key| _ = handle.insert_or_assign(key, round));
            handle.clear();
            keys_of(0).all(|key| handle.get(key).is_none())
        });
        // A violated assertion must not leave the writers running.
        done.store(true, Relaxed);
        assert!(cleared, "it was there, and nobody has added it since");
    });
    let mut left = HashSet::new();
    map.visit(&mut |key, _| assert!(left.insert(key)));
    assert_eq!(map.entries(), left.len());
    map.enter().clear();
    assert!(map.is_empty());
}

/// What a closure that runs within an operation may do with the map, by another handle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Within {
    /// All: it runs while no lock is held.
    Works,
    /// Nothing: it runs under a lock, and an operation that would wait for it panics.
    Panics,
}

/// The closures of `get_or_insert_with`, `remove_if` and `retain` use the map as is documented; what
/// panicked has had no effect.
fn closures_use_the_map(map: &dyn Shared, within: Within) {
    let (handle, other) = (&mut *map.enter(), &mut *map.enter());
    assert!((0..4).all(|key| handle.insert(key, key)));
    let made = handle.get_or_insert_with(4, &mut || {
        assert!(other.insert(5, 5));
        4
    });
    assert_eq!((made, handle.get(5)), (4, Some(5)));
    // It runs again if key 6 is of the bucket of key 0: if it wrote again, without an end.
    let mut condition = |_| {
        if other.get(6).is_none() {
            other.insert(6, 6);
        }
        other.get(0).is_some()
    };
    let removed = catch_unwind(AssertUnwindSafe(|| handle.remove_if(0, &mut condition)));
    assert_eq!(removed.ok(), (within == Within::Works).then_some(Some(0)));
    assert_eq!(handle.get(0).is_none(), within == Within::Works);
    let mut keep = |key, value| other.get(key) == Some(value) && key != 1;
    let retained = catch_unwind(AssertUnwindSafe(|| handle.retain(&mut keep)));
    assert_eq!(retained.is_ok(), within == Within::Works);
    assert_eq!(handle.get(1).is_none(), within == Within::Works);
    assert!(handle.get(2).is_some());
}

/// By the names that the types themselves give: no trait with these methods is in scope.
macro_rules! tables {
    ($($name:ident: $map:ty, $within:ident;)*) => {$(
        impl Shared for $map {
            fn enter(&self) -> Box<dyn Calls + '_> {
                Box::new(Own::<'_, Self>(self.handle()))
            }

            fn entries(&self) -> usize {
                self.len()
            }

            fn is_empty(&self) -> bool {
                <$map>::is_empty(self)
            }

            fn visit(&self, f: &mut dyn FnMut(u64, u64)) {
                self.for_each(|key, value| f(*key, *value));
            }

            fn add(&mut self, entries: Vec<(u64, u64)>) {
                self.extend(entries);
            }
        }

        impl Calls for Own<'_, $map> {
            fn get(&mut self, key: u64) -> Option<u64> {
                self.0.get(&key)
            }

            fn insert(&mut self, key: u64, value: u64) -> bool {
                self.0.insert(key, value)
            }

            fn update(&mut self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64> {
                self.0.update(&key, |value| f(*value))
            }

            fn remove(&mut self, key: u64) -> Option<u64> {
                self.0.remove(&key)
            }

            fn remove_if(
                &mut self,
                key: u64,
                condition: &mut dyn FnMut(u64) -> bool,
            ) -> Option<u64> {
                self.0.remove_if(&key, |value| condition(*value))
            }

            fn insert_or_assign(&mut self, key: u64, value: u64) -> Option<u64> {
                self.0.insert_or_assign(key, value)
            }

            fn get_or_insert_with(&mut self, key: u64, make: &mut dyn FnMut() -> u64) -> u64 {
                self.0.get_or_insert_with(key, make)
            }

            fn retain(&mut self, keep: &mut dyn FnMut(u64, u64) -> bool) {
                self.0.retain(|key, value| keep(*key, *value));
            }

            fn clear(&mut self) {
                self.0.clear();
            }

            fn len(&mut self) -> usize {
                self.0.len()
            }
        }

        mod $name {
            use super::*;

            #[test]
            fn is_made_from_an_array() {
                let map = <$map>::from([(1, 10), (2, 20), (1, 11)]);
                assert_eq!((map.len(), map.handle().get(&1)), (2, Some(11)), "the later one");
            }

            #[test]
            fn agrees_with_std() {
                agree(&|| Box::new(<$map>::new()));
            }

            #[test]
            fn steps_are_as_worded() {
                remove_even(&<$map>::new());
                get_or_insert(&<$map>::new());
                retain_odd(&<$map>::new());
                clear_beside_writers(&<$map>::new());
            }

            #[test]
            fn closures_may_use_the_map_as_documented() {
                closures_use_the_map(&<$map>::new(), Within::$within);
            }
        }
    )*};
}

tables! {
    chaining_global_lock: ChainingGlobalLock<u64, u64>, Panics;
    chaining_bucket_lock: ChainingBucketLock<u64, u64>, Panics;
    chaining_lock_free_epoch: ChainingLockFree<u64, u64>, Works;
    chaining_lock_free_hazard: ChainingLockFree<u64, u64, Hazard>, Works;
    chaining_inline: ChainingInline<u64, u64, RandomState, Optimistic>, Works;
    chaining_inline_bucket_lock: ChainingInline<u64, u64, RandomState, BucketLocks>, Works;
    cuckoo_striped: CuckooStriped<u64, u64>, Panics;
    cuckoo_optimistic: CuckooOptimistic<u64, u64>, Works;
    cuckoo_optimistic_single_writer: CuckooOptimistic<u64, u64, RandomState, 4, SingleWriter>, Works;
    cuckoo_optimistic_items_epoch: CuckooOptimisticItems<u64, u64>, Works;
    cuckoo_optimistic_items_hazard: CuckooOptimisticItems<u64, u64, Hazard>, Works;
    cow_lock_epoch: CowLock<u64, u64>, Works;
    cow_cas_arc: CowCas<u64, u64, RefCounts>, Works;
    hamt_cas_epoch: HamtCas<u64, u64>, Works;
    hamt_cas_hazard: HamtCas<u64, u64, Hazard>, Works;
    hamt_sharded_epoch: HamtSharded<u64, u64>, Works;
    hamt_psim_hazard: HamtPsim<u64, u64, Hazard>, Works;
    log_herlihy_epoch: LogHerlihy<u64, u64>, Works;
    left_right: LeftRightTable<u64, u64>, Works;
}
