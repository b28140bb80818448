//! Tries and the constructions over them, by themselves: what the maps never do with them.

use std::mem::{forget, swap, take};

use structures::map::ConcurrentMap;
use structures::reclaim::{Hazard, RefCounts};
use structures::versioned::hamt::{Bundled, Counted, Hamt, Sharing};
use structures::versioned::map::{Binding, MapObject, MapOp};
use structures::versioned::{
    HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy, Sequential, Universal,
    UniversalHandle, UniversalPinned,
};

use crate::probe::{Probe, assert_no_faults};
use crate::{panics, works};

type Op = MapOp<Probe, Probe>;

/// Operations with hashes and stamps that are right, wrong and made up: pseudo-random, as a seed says.
fn odd_ops(seed: u64) -> impl Iterator<Item = Op> {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (key, hash) = (
            random % 50,
            [random % 50, random % 3, random << 60, random][random as usize >> 8 & 3],
        );
        let stamp = random >> 32 & 63;
        match random >> 40 & 3 {
            0 => MapOp::Remove { hash, key: Probe::new(key), stamp: None },
            1 => MapOp::Replace { hash, key: Probe::new(key), stamp, value: Probe::new(key) },
            _ => MapOp::Insert { hash, key: Probe::new(key), value: Probe::new(key) },
        }
    })
}

fn read_all<O: MapObject<Key = Probe, Value = Probe>>(object: &O) -> usize {
    let mut entries = 0;
    object.for_each(|Binding { key, value, .. }| {
        assert_eq!(key.id(), value.id());
        entries += 1;
    });
    entries
}

#[test]
fn a_trie_takes_any_operation() {
    fn check<P: Sharing>() {
        for seed in 0..20 {
            let mut trie = Hamt::<Probe, Probe, P>::new();
            for op in odd_ops(seed).take(400) {
                trie.apply(&op);
                trie.answer(&op);
            }
            assert_eq!(read_all(&trie), trie.len());
            // Of another object: nothing in common.
            let mut other = Hamt::<Probe, Probe, P>::new();
            odd_ops(seed + 1).take(100).for_each(|op| drop(other.apply(&op)));
            trie.diff(&other, |_| ());
            other.diff(&trie, |_| ());
            swap(&mut trie, &mut other);
            let whole = take(&mut other);
            drop(trie);
            read_all(&whole);
            forget(whole.iter());
        }
    }
    check::<Bundled>();
    check::<Counted>();
    assert_no_faults();
}

#[test]
fn clones_are_edited_apart_and_drop_in_any_order() {
    let mut tries = vec![Hamt::<Probe, Probe, Counted>::new()];
    for (round, op) in odd_ops(5).take(600).enumerate() {
        let index = round * 7 % tries.len();
        tries[index].apply(&op);
        match round % 11 {
            0 if tries.len() < 12 => {
                let copy = tries[index].clone();
                tries.push(copy);
            }
            3 => forget(tries[index].clone()),
            7 if tries.len() > 2 => drop(tries.swap_remove(index)),
            _ => {}
        }
        let last = tries.len() - 1;
        tries[index.min(last)].diff(&tries[last], |_| ());
    }
    for trie in &tries {
        assert_eq!(read_all(trie), trie.len());
    }
    assert_no_faults();
}

/// A copy of a snapshot that owns what it holds outlives the map; a borrowed one shows one moment.
#[test]
fn copies_of_snapshots_last() {
    let map = HamtCas::<Probe, Probe, RefCounts, crate::Hasher, Counted>::default();
    let mut handle = map.handle();
    for key in 0..100 {
        handle.insert(Probe::new(key), Probe::new(key));
    }
    let (mut reader, copy) = (map.handle(), handle.pin().snapshot().version().clone());
    let mut pinned = reader.pin();
    let snapshot = pinned.snapshot();
    let iter = snapshot.version().iter();
    for round in 0..10 {
        for key in 0..100 {
            handle.update(&Probe::new(key), |_| Probe::new(1_000 * round + key));
        }
    }
    assert_eq!(iter.map(|binding| binding.value.id()).sum::<u64>(), 99 * 50);
    drop(pinned);
    drop((reader, handle));
    drop(map);
    assert_eq!(read_all(&copy), 100);
    // It can be edited, and made the first version of another map.
    let mut edited = copy.clone();
    odd_ops(9).take(300).for_each(|op| drop(edited.apply(&op)));
    let other = HamtCas::<Probe, Probe, Hazard, crate::Hasher, Counted>::with_hasher_over(
        crate::Hasher::default(),
        structures::versioned::cow::Cow::new_in(Hazard::default(), || edited.clone()),
    );
    works(&other);
    drop(other);
    read_all(&edited);
    assert_eq!(read_all(&copy), 100);
    assert_no_faults();
}

/// Operations given to a map's construction by hand: of no key's hash, and to roots that do not exist.
#[test]
fn a_construction_takes_any_operation() {
    fn check<U: Universal<O>, O>(construction: &U, seed: u64)
    where
        O: MapObject<Key = Probe, Value = Probe> + Sequential<Op = Op>,
    {
        let (mut handle, mut other) = (construction.handle(), construction.handle());
        for (round, op) in odd_ops(seed).take(600).enumerate() {
            match round % 50 {
                0 => drop(handle.pin().apply_all(0, odd_ops(seed + 1).take(20).collect())),
                1 => drop(panics(|| other.pin().apply(usize::MAX, op))),
                2 => drop(panics(|| other.pin().read(U::ROOTS, |object| object.len()))),
                _ => drop(handle.pin().apply(round % U::ROOTS, op)),
            }
            handle.pin().read(0, |object| {
                other.pin().read(0, |same| same.len());
                read_all(object)
            });
        }
    }
    check(HamtCas::<Probe, Probe, Hazard>::default().construction(), 1);
    check(HamtCas::<Probe, Probe, RefCounts>::default().construction(), 2);
    check(HamtSharded::<Probe, Probe>::default().construction(), 3);
    check(HamtPsim::<Probe, Probe, Hazard>::default().construction(), 4);
    check(LogHerlihy::<Probe, Probe, Hazard>::default().construction(), 5);
    check(LeftRightTable::<Probe, Probe>::default().construction(), 6);
    let map = HamtPsim::<Probe, Probe, Hazard>::default();
    check(map.construction(), 7);
    let mut handle = map.handle();
    handle.for_each(|key, value| assert_eq!(key.id(), value.id()));
    drop(handle);
    drop(map);
    assert_no_faults();
}

/// One map's versions are read while another's are freed.
#[test]
fn versions_of_two_maps_are_compared() {
    let maps: [HamtCas<Probe, Probe, Hazard>; 2] = Default::default();
    let [mut one, mut two] = [maps[0].handle(), maps[1].handle()];
    for key in 0..60 {
        one.insert(Probe::new(key), Probe::new(key));
        two.insert(Probe::new(key * 2), Probe::new(key * 2));
    }
    let mut changes = 0;
    {
        let (mut in_one, mut in_two) = (one.pin(), two.pin());
        let (old, new) = (in_one.snapshot(), in_two.snapshot());
        let mut writer = maps[1].handle();
        old.version().diff(new.version(), |_| {
            changes += 1;
            writer.upsert(Probe::new(changes), |_| Probe::new(changes));
        });
        assert_eq!((old.len(), new.len()), (60, 60));
    }
    assert!(changes > 0);
    drop((one, two));
    maps.iter().for_each(|map| assert!(ConcurrentMap::len(map) >= 60));
    assert_no_faults();
}
