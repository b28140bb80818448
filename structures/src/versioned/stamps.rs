//! Stamps that differ in one bit: what has seen one binding is not done to another.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::flat::Flat;
use super::hamt::{Bundled, Change, Counted, Hamt, Sharing};
use super::map::{MapObject, MapOp, Outcome};

/// A map whose clock can be put forward.
trait Skips: MapObject<Key = u64, Value = u64> + Default {
    fn skip(&mut self, stamps: u64);
}

impl Skips for Flat<u64, u64> {
    fn skip(&mut self, stamps: u64) {
        self.skip(stamps);
    }
}

impl<P: Sharing> Skips for Hamt<u64, u64, P> {
    fn skip(&mut self, stamps: u64) {
        self.skip(stamps);
    }
}

const KEYS: u64 = 8;

/// Several keys have one hash.
fn hash_of(key: u64) -> u64 {
    key % 3
}

/// A map of the first keys, and the stamp of the last one.
fn filled<M: Skips>() -> (M, u64) {
    let mut map = M::default();
    for key in 0..KEYS {
        let added = map.apply(&MapOp::Insert { hash: hash_of(key), key, value: key });
        assert_eq!(added, Outcome::Added);
    }
    let last = stamp_of(&map, KEYS - 1);
    (map, last)
}

fn stamp_of(map: &impl Skips, key: u64) -> u64 {
    map.find(hash_of(key), |found| *found == key).expect("it is there").stamp
}

/// Binds `key` anew, 2^`bit` stamps after `stamp`; `last` is the stamp that was given last.
fn rebind(map: &mut impl Skips, key: u64, (stamp, last): (u64, u64), bit: u32) {
    map.skip(stamp + (1 << bit) - 1 - last);
    let expected = stamp_of(map, key);
    let replace = MapOp::Replace { hash: hash_of(key), key, stamp: expected, value: 100 + key };
    assert_eq!(map.apply(&replace), Outcome::Replaced(key));
    assert_eq!(stamp_of(map, key), stamp + (1 << bit));
}

/// From the first that is more than there are keys.
const BITS: std::ops::Range<u32> = 4..63;

fn a_stale_operation_is_refused<M: Skips>() {
    for bit in BITS {
        let (mut map, last) = filled::<M>();
        let key = Xoshiro256PlusPlus::seed_from_u64(bit.into()).random_range(0..KEYS);
        let stamp = stamp_of(&map, key);
        rebind(&mut map, key, (stamp, last), bit);
        let hash = hash_of(key);
        let stale = [
            MapOp::Replace { hash, key, stamp, value: 7 },
            MapOp::Remove { hash, key, stamp: Some(stamp) },
        ];
        for op in stale {
            assert_eq!(map.answer(&op), Some(Outcome::Refused), "2^{bit} later");
            assert_eq!(map.apply(&op), Outcome::Refused, "2^{bit} later");
        }
        assert_eq!(map.len() as u64, KEYS);
    }
}

/// Among keys of one hash, the one whose stamp differs from another's in one bit is left alone.
fn an_edit_is_of_its_own_binding<M: Skips>() {
    for bit in BITS {
        for [key, other] in [[0, 3], [3, 0], [3, 6], [7, 1]] {
            let (mut map, last) = filled::<M>();
            let stamp = stamp_of(&map, other);
            rebind(&mut map, key, (stamp, last), bit);
            let hash = hash_of(other);
            let replace = MapOp::Replace { hash, key: other, stamp, value: 7 };
            assert_eq!(map.apply(&replace), Outcome::Replaced(other), "2^{bit} later");
            let value =
                |map: &M, key| map.find(hash, |found| *found == key).map(|found| found.value);
            assert_eq!([value(&map, key), value(&map, other)], [Some(100 + key), Some(7)]);
            let (mut map, last) = filled::<M>();
            rebind(&mut map, key, (stamp, last), bit);
            let remove = MapOp::Remove { hash, key: other, stamp: None };
            assert_eq!(map.apply(&remove), Outcome::Replaced(other), "2^{bit} later");
            assert_eq!([value(&map, key), value(&map, other)], [Some(100 + key), None]);
        }
    }
}

#[test]
fn all_bits_of_a_stamp_are_compared() {
    a_stale_operation_is_refused::<Flat<u64, u64>>();
    a_stale_operation_is_refused::<Hamt<u64, u64, Bundled>>();
    a_stale_operation_is_refused::<Hamt<u64, u64, Counted>>();
    an_edit_is_of_its_own_binding::<Flat<u64, u64>>();
    an_edit_is_of_its_own_binding::<Hamt<u64, u64, Bundled>>();
    an_edit_is_of_its_own_binding::<Hamt<u64, u64, Counted>>();
}

#[test]
fn a_difference_compares_all_bits_of_a_stamp() {
    for bit in BITS {
        let (mut map, last) = filled::<Hamt<u64, u64, Counted>>();
        let before = map.clone();
        let (key, mut seen) = (u64::from(bit) % KEYS, Vec::new());
        let stamp = stamp_of(&map, key);
        rebind(&mut map, key, (stamp, last), bit);
        before.diff(&map, |change| match change {
            Change::Rebound(_, after) => seen.push(after.key),
            Change::Added(found) | Change::Removed(found) => panic!("{} is in both", found.key),
        });
        assert_eq!(seen, [key], "2^{bit} later");
    }
}
