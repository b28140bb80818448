//! The contract of `PinnedMap` for maps of numbers: what every table of another crate is checked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};

const THREADS: u64 = 4;

/// One operation of a generated sequence.
#[derive(Clone, Copy, Debug)]
enum Op {
    Get(u64),
    Insert(u64, u64),
    Update(u64, u64),
    Upsert(u64, u64),
    Remove(u64),
    Len,
    ForEach,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = 0..48u64;
    let value = 0..1000u64;
    let op = prop_oneof![
        4 => key.clone().prop_map(Op::Get),
        6 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::Insert(k, v)),
        3 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::Update(k, v)),
        3 => (key.clone(), value).prop_map(|(k, v)| Op::Upsert(k, v)),
        4 => key.prop_map(Op::Remove),
        1 => Just(Op::Len),
        1 => Just(Op::ForEach),
    ];
    prop::collection::vec(op, 0..300)
}

/// Every entry, each key once.
pub(crate) fn entries<K: Ord + Clone, V: Clone>(map: &mut impl PinnedMap<K, V>) -> BTreeMap<K, V> {
    let mut seen = BTreeMap::new();
    map.for_each(|key, value| {
        let before = seen.insert(key.clone(), value.clone());
        assert!(before.is_none(), "for_each visits an entry twice");
    });
    seen
}

/// The same answer as the standard map to each operation of any sequence.
pub(crate) fn agrees_with_model<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    proptest!(ProptestConfig::with_cases(64), |(ops in ops(), batch in any::<bool>())| {
        let map = make(8);
        let mut model = HashMap::new();
        let mut handle = map.handle();
        if batch {
            let mut pin = handle.pin();
            ops.iter().for_each(|&op| step(&map, &mut pin, &mut model, op));
        } else {
            ops.iter().for_each(|&op| step(&map, &mut handle.pin(), &mut model, op));
        }
    });
}

fn step(
    map: &impl ConcurrentMap<u64, u64>,
    pin: &mut impl PinnedMap<u64, u64>,
    model: &mut HashMap<u64, u64>,
    op: Op,
) {
    match op {
        Op::Get(key) => {
            assert_eq!(pin.get(&key), model.get(&key).copied());
            assert_eq!(pin.contains(&key), model.contains_key(&key));
        }
        Op::Insert(key, value) => {
            let absent = !model.contains_key(&key);
            model.entry(key).or_insert(value);
            assert_eq!(pin.insert(key, value), absent);
        }
        Op::Update(key, add) => {
            let old = model.get_mut(&key).map(|value| std::mem::replace(value, *value + add));
            assert_eq!(pin.update(&key, |value| value + add), old);
        }
        Op::Upsert(key, add) => {
            let old = model.get(&key).copied();
            model.insert(key, old.map_or(add, |value| value + add));
            assert_eq!(pin.upsert(key, |value| value.map_or(add, |value| value + add)), old);
        }
        Op::Remove(key) => assert_eq!(pin.remove(&key), model.remove(&key)),
        Op::Len => {
            assert_eq!(map.len(), model.len());
            assert_eq!(map.is_empty(), model.is_empty());
        }
        Op::ForEach => {
            assert_eq!(entries(pin), model.iter().map(|(&k, &v)| (k, v)).collect());
        }
    }
}

/// Runs `work` on [`THREADS`] threads at once, each with a handle and its index.
pub(crate) fn on_threads<K, V, M: ConcurrentMap<K, V>, T: Send>(
    map: &M,
    work: impl Fn(M::Handle<'_>, u64) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(THREADS as usize);
    let run = |index| {
        start.wait();
        work(map.handle(), index)
    };
    thread::scope(|scope| {
        let run = &run;
        let workers: Vec<_> = (0..THREADS).map(|i| scope.spawn(move || run(i))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker failed")).collect()
    })
}

/// Successful inserts less successful removes is what is present, key by key, in number and
/// in the sum of values: no insert overwrites, and a remove returns what it took.
pub(crate) fn keeps_key_sums<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    const KEYS: usize = 64;
    let map = make(KEYS);
    let tallies = on_threads(&map, |mut handle, thread| {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(thread);
        let mut tally = [(0i64, 0u64); KEYS];
        for round in 0..20_000 {
            let key = random.random_range(0..KEYS);
            let (count, sum) = &mut tally[key];
            if random.random::<bool>() {
                let value = (thread << 32) + round;
                if handle.insert(key as u64, value) {
                    *count += 1;
                    *sum = sum.wrapping_add(value);
                }
            } else if let Some(value) = handle.remove(&(key as u64)) {
                *count -= 1;
                *sum = sum.wrapping_sub(value);
            }
        }
        tally
    });
    let present = entries(&mut map.handle().pin());
    for key in 0..KEYS {
        let count: i64 = tallies.iter().map(|tally| tally[key].0).sum();
        let sum = tallies.iter().fold(0u64, |sum, tally| sum.wrapping_add(tally[key].1));
        let value = present.get(&(key as u64));
        assert_eq!(count, i64::from(value.is_some()), "net count of key {key}");
        assert_eq!(sum, value.copied().unwrap_or(0), "value of key {key}");
    }
    assert_eq!(map.len(), present.len());
}

/// Concurrent upserts of +1 lose none, and no two of a key replace the same value.
pub(crate) fn upserts_are_atomic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    counts_exactly(&make(0), |handle, key| {
        handle.upsert(key, |value| value.map_or(1, |value| value + 1))
    });
}

/// The same of updates.
pub(crate) fn updates_are_atomic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    let mut handle = map.handle();
    for key in 0..COUNTERS {
        assert!(handle.insert(key, 0));
    }
    drop(handle);
    counts_exactly(&map, |handle, key| {
        let old = handle.update(&key, |value| value + 1);
        Some(old.expect("no key is ever removed"))
    });
}

const COUNTERS: u64 = 8;

fn counts_exactly<M: ConcurrentMap<u64, u64>>(
    map: &M,
    increment: impl Fn(&mut M::Handle<'_>, u64) -> Option<u64> + Sync,
) {
    const ROUNDS: u64 = 10_000;
    let replaced = on_threads(map, |mut handle, _| {
        (0..ROUNDS)
            .map(|round| (round % COUNTERS, increment(&mut handle, round % COUNTERS)))
            .collect::<Vec<_>>()
    });
    let mut seen = HashSet::new();
    for (key, old) in replaced.into_iter().flatten() {
        assert!(seen.insert((key, old)), "two threads replaced {old:?} of key {key}");
    }
    let mut handle = map.handle();
    for key in 0..COUNTERS {
        assert_eq!(handle.get(&key), Some(THREADS * ROUNDS / COUNTERS), "count of key {key}");
    }
}

/// What an upsert or update returns is what its closure's last run saw, and each value written
/// is returned once, by what replaced or removed it: nothing is overwritten unseen.
pub(crate) fn writes_are_accounted_for<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    let balances = on_threads(&map, |mut handle, thread| {
        let mut balance = 0u64;
        for round in 0..10_000 {
            let new = (thread << 32) + 2 * round;
            let mut seen = None;
            let old = handle.upsert(1, |value| {
                seen = value.copied();
                new
            });
            assert_eq!(old, seen);
            balance = balance.wrapping_add(new).wrapping_sub(old.unwrap_or(0));

            let mut seen = None;
            let updated = handle.update(&1, |&value| {
                seen = Some(value);
                new + 1
            });
            if let Some(old) = updated {
                assert_eq!(seen, Some(old));
                balance = balance.wrapping_add(new + 1).wrapping_sub(old);
            }
            balance = balance.wrapping_sub(handle.remove(&1).unwrap_or(0));
        }
        balance
    });
    let balance = balances.into_iter().fold(0, u64::wrapping_add);
    assert_eq!(balance, map.handle().get(&1).unwrap_or(0));
}

/// A key that is only ever updated upwards is never seen absent, nor going backwards.
pub(crate) fn reads_are_monotonic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    assert!(map.handle().insert(7, 0));
    on_threads(&map, |mut handle, thread| {
        let mut last = 0;
        for _ in 0..50_000 {
            if thread % 2 == 0 {
                handle.update(&7, |value| value + 1);
            } else {
                let value = handle.get(&7).expect("the key is present throughout");
                assert!(last <= value, "{value} read after {last}");
                last = value;
            }
        }
    });
}

/// An operation whose closure panics has no effect, and the map goes on working.
pub(crate) fn survives_a_panic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    let mut handle = map.handle();
    handle.insert(1, 10);
    let update = catch_unwind(AssertUnwindSafe(|| handle.update(&1, |_| panic!("on purpose"))));
    let upsert = catch_unwind(AssertUnwindSafe(|| handle.upsert(2, |_| panic!("on purpose"))));
    let read =
        catch_unwind(AssertUnwindSafe(|| handle.get_with(&1, |_| -> u64 { panic!("on purpose") })));
    assert!(update.is_err() && upsert.is_err() && read.is_err());
    assert_eq!(handle.get(&1), Some(10));
    assert_eq!(handle.get(&2), None);
    assert!(handle.insert(2, 20));
    assert_eq!(map.len(), 2);
}
