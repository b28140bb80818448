//! One thread against `std::collections::HashMap`.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use rand::RngExt;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};

use super::erased::Erased;
use super::tracked::Census;
use super::{Family, Key, rng};

#[derive(Clone, Debug)]
enum Op {
    Get(u64),
    Contains(u64),
    Insert(u64, u64),
    Update(u64, u64),
    Upsert(u64, u64),
    Remove(u64),
    Iterate,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = 0..48_u64;
    let op = prop_oneof![
        2 => key.clone().prop_map(Op::Get),
        1 => key.clone().prop_map(Op::Contains),
        4 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Insert(k, v)),
        2 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Update(k, v)),
        2 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Upsert(k, v)),
        3 => key.prop_map(Op::Remove),
        1 => Just(Op::Iterate),
    ];
    proptest::collection::vec(op, 1..400)
}

/// `update` and `upsert` mix the argument into the old value, so that a result computed from a
/// wrong old value shows.
fn mix(old: u64, argument: u64) -> u64 {
    old.wrapping_mul(31).wrapping_add(argument)
}

fn check<K: Key>(map: &impl ConcurrentMap<K, u64>, ops: &[Op], key: impl Fn(u64) -> K) {
    let mut handle = map.handle();
    let mut model = HashMap::new();
    for op in ops {
        step(&mut handle, &mut model, op, &key);
        assert_eq!(map.len(), model.len(), "len after {op:?}");
        assert_eq!(map.is_empty(), model.is_empty());
    }
}

fn step<K: Key>(
    handle: &mut impl MapHandle<K, u64>,
    model: &mut HashMap<u64, u64>,
    op: &Op,
    key: impl Fn(u64) -> K,
) {
    match *op {
        Op::Get(k) => assert_eq!(handle.get(&key(k)), model.get(&k).copied(), "{op:?}"),
        Op::Contains(k) => assert_eq!(handle.contains(&key(k)), model.contains_key(&k), "{op:?}"),
        Op::Insert(k, v) => {
            let absent = !model.contains_key(&k);
            model.entry(k).or_insert(v);
            assert_eq!(handle.insert(key(k), v), absent, "{op:?}");
        }
        Op::Update(k, v) => {
            let old = model.get_mut(&k).map(|value| std::mem::replace(value, mix(*value, v)));
            assert_eq!(handle.update(&key(k), |value| mix(*value, v)), old, "{op:?}");
        }
        Op::Upsert(k, v) => {
            let new = model.get(&k).map_or(v, |old| mix(*old, v));
            let old = model.insert(k, new);
            let upserted = handle.upsert(key(k), |value| value.map_or(v, |old| mix(*old, v)));
            assert_eq!(upserted, old, "{op:?}");
        }
        Op::Remove(k) => assert_eq!(handle.remove(&key(k)), model.remove(&k), "{op:?}"),
        Op::Iterate => {
            let mut seen = Vec::new();
            handle.for_each(|k, v| seen.push((k.clone(), *v)));
            seen.sort();
            let mut expected: Vec<_> = model.iter().map(|(k, v)| (key(*k), *v)).collect();
            expected.sort();
            assert_eq!(seen, expected, "{op:?}");
        }
    }
}

pub fn agrees_with_std<F: Family>() {
    agree(F::of_words, |k| k);
}

pub fn agrees_with_std_when_hashes_collide<F: Family>() {
    let census = Census::default();
    agree(F::of_keys, |k| census.colliding(k));
}

pub fn agree<K: Key>(new: fn() -> Erased<K, u64>, key: impl Fn(u64) -> K) {
    proptest!(ProptestConfig::with_cases(64), |(ops in ops())| check(&new(), &ops, &key));
}

pub fn handles_share_the_map<F: Family>() {
    let census = Census::default();
    two_handles(&F::of_keys(), census.track(0), census.track(u64::MAX));
}

pub fn two_handles<K: Key>(map: &impl ConcurrentMap<K, u64>, a: K, b: K) {
    let (mut one, mut other) = (map.handle(), map.handle());
    assert!(one.insert(a.clone(), 1));
    assert_eq!(other.get(&a), Some(1));
    assert_eq!(other.remove(&a), Some(1));
    assert_eq!(one.get(&a), None);
    drop(one);
    assert!(other.insert(b.clone(), 2));
    drop(other);
    assert_eq!(map.handle().get_with(&b, |value| value + 1), Some(3));
}

pub fn one_pin_covers_a_batch<F: Family>() {
    batch(&F::of_words());
}

pub fn batch(map: &impl ConcurrentMap<u64, u64>) {
    let mut handle = map.handle();
    let mut model = BTreeMap::new();
    for round in 0..4 {
        let mut pinned = handle.pin();
        for key in 0..100 {
            match (key + round) % 3 {
                0 => assert_eq!(pinned.insert(key, round), model.insert(key, round).is_none()),
                1 => assert_eq!(pinned.remove(&key), model.remove(&key)),
                _ => assert_eq!(pinned.get(&key), model.get(&key).copied()),
            }
            if let Some(value) = pinned.get(&key) {
                model.insert(key, value);
            }
        }
    }
    assert_eq!(map.len(), model.len());
}

pub fn batches_agree_with_single_lookups<F: Family>() {
    look_up_in_batches(&F::of_words());
}

/// Batches of one size and of others, around 16 too, of keys that are present, absent and repeated.
pub fn look_up_in_batches(map: &impl ConcurrentMap<u64, u64>) {
    let mut handle = map.handle();
    (0..300).filter(|key| key % 3 != 0).for_each(|key| assert!(handle.insert(key, !key)));
    let mut rng = rng(1);
    for len in [0, 1, 15, 16, 17, 100, 1000] {
        let mut keys: Vec<u64> = (0..len).map(|_| rng.random_range(0..300)).collect();
        if let [first, .., last] = &mut keys[..] {
            *last = *first;
        }
        let expected: Vec<_> = keys.iter().map(|key| handle.get(key)).collect();
        let hits = expected.iter().flatten().count();
        assert!(len < 15 || (0 < hits && hits < len), "{hits} hits of {len}");
        // What was in the slice before is overwritten, also where a key is absent.
        let mut values = vec![Some(7); len];
        handle.get_many(&keys, &mut values);
        assert_eq!(values, expected, "{len} keys");
        values.fill(None);
        let mut pinned = handle.pin();
        pinned.get_many(&keys, &mut values);
        assert_eq!(values, expected, "{len} keys, pinned");
    }
    for (keys, values) in [(3, 2), (16, 17), (0, 1)] {
        let keys = vec![1; keys];
        let mut values = vec![None; values];
        let wrong = AssertUnwindSafe(|| handle.get_many(&keys, &mut values));
        assert!(catch_unwind(wrong).is_err(), "{} keys, {} values", keys.len(), values.len());
    }
}
