//! Which entries are away from home, so that one lock is enough for a key that is there.
//!
//! An entry is *away* while it is in its other bucket. Each bucket has a word with a bit for each of its slots, set
//! if the entry in it is away, and with its *overflow count*: how many entries have it as their home and are away.
//! Where that is 0, a key that is not at home is absent. This is F14's count (N. Bronson and X. Shi,
//! *Open-sourcing F14*, 2019) applied to cuckoo hashing's two buckets; the remap entries of Horton tables are similar
//! (A. Breslow et al., *Horton Tables: Fast Hash Tables for In-Memory Data-Intensive Computing*, USENIX ATC 2016).

use super::super::path::Place;
use super::slots::Slots;
use crate::hash;
use crate::sync::Ordering;

/// The lowest of the bits that count; below it is a bit for each slot. No more than 2040 entries of one home can be
/// away: each of 255 tags has one other bucket, of 8 slots at most.
const COUNT: u32 = 8;

impl<K, V, const SLOTS: usize> Slots<K, V, SLOTS> {
    /// Entries whose home is `bucket` and which are in their other bucket, for the holder of the bucket's lock:
    /// exact, but too small while entries are moved here from a smaller table, and too large while
    /// they are moved from here to a larger one.
    #[inline(always)]
    pub(super) fn overflow_count(&self, bucket: usize) -> u32 {
        // Relaxed: under the bucket's lock that orders it; what comes from a smaller table is ordered by
        // striped-A5.
        self.away(bucket).load(Ordering::Relaxed) >> COUNT
    }

    /// Whether the entry in a slot is away, for the holder of the bucket's lock. Of an empty slot it says
    /// nothing in a table from which entries are moved, else false.
    #[inline(always)]
    pub(super) fn is_away(&self, place: Place) -> bool {
        // Relaxed: as in `overflow_count`.
        self.away(place.bucket).load(Ordering::Relaxed) >> place.slot & 1 == 1
    }

    /// Notes that the entry in a slot, which has its tag, is away. The caller has the bucket's lock, and that of its
    /// home, or moves it here from a smaller table.
    #[cold]
    pub(super) fn leave_home(&self, place: Place) {
        // Relaxed, as in `overflow_count`; read-modify-writes, as those who move entries from a smaller table have the
        // lock of the entry's bucket alone, and its home's word is also written by others.
        self.away(place.bucket).fetch_or(1 << place.slot, Ordering::Relaxed);
        self.away(self.home_of_away(place)).fetch_add(1 << COUNT, Ordering::Relaxed);
    }

    /// Undoes it, before the entry's tag is cleared. The caller has the locks of both buckets.
    #[cold]
    pub(super) fn come_home(&self, place: Place) {
        // Relaxed: as in `leave_home`.
        self.away(place.bucket).fetch_and(!(1 << place.slot), Ordering::Relaxed);
        self.away(self.home_of_away(place)).fetch_sub(1 << COUNT, Ordering::Relaxed);
    }

    /// By bucket and tag, and not by the key's hash: so the counts go with the bits, whatever `Hash` says.
    fn home_of_away(&self, place: Place) -> usize {
        hash::other_bucket(place.bucket, self.tag(place), self.mask())
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::HashMap;
    use std::hash::BuildHasher;

    use foldhash::fast::FixedState;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::super::growth::is_behind;
    use super::*;
    use crate::CuckooStriped;
    use crate::cuckoo::path::Bfs;

    type Map<const SLOTS: usize> = CuckooStriped<u64, u64, FixedState, SLOTS, Bfs>;

    /// Compares bits and counts with what the hashes of the keys say; returns how many are away.
    fn checked<const SLOTS: usize>(map: &Map<SLOTS>) -> u32 {
        let stripes = map.stripes();
        // Each is brought up to date.
        (0..stripes.count()).for_each(|stripe| drop(map.lock([stripe; 2])));
        let turn = map.maintenance();
        let slots = &map.current(&turn).slots;
        let mut counts = vec![0; slots.buckets()];
        for place in (0..slots.buckets()).flat_map(|bucket| slots.used(bucket)) {
            // SAFETY: in use; no other thread has the map.
            let (key, _) = unsafe { slots.get(place) };
            let home = hash::home(map.hasher.hash_one(key), slots.mask());
            assert_eq!(slots.is_away(place), home != place.bucket, "{key} at {place:?}");
            counts[home] += u32::from(home != place.bucket);
        }
        for (bucket, count) in counts.iter().enumerate() {
            assert_eq!(slots.overflow_count(bucket), *count, "bucket {bucket}");
            let free = slots.matching(bucket, 0).map(|slot| Place { bucket, slot });
            assert!({ free }.all(|place| !slots.is_away(place)), "nothing is away in a free slot");
        }
        counts.iter().sum()
    }

    /// A table is doubled just after a lookup has locked its key's home, and somebody else moves the stripe in
    /// which the entry is, which is away: the lookup knows that it is, and finds it where it has gone.
    #[test]
    fn what_moves_on_stays_counted_where_it_was() {
        let map = Map::<2>::with_capacity_and_hasher(1 << 13, FixedState::with_seed(1));
        let buckets = map.capacity() / 2;
        let is_away = |key: &u64| {
            map.at(key, |locked, place| locked.slots().is_away(place)).expect("it was inserted")
        };
        (0..1 << 13).for_each(|key| assert!(map.insert(key, key)));
        assert_eq!(map.capacity() / 2, buckets, "there was room");
        let mut tried = 0;
        for key in (0..1 << 13).filter(is_away).take(20) {
            let hash = map.hasher.hash_one(key);
            let turn = map.maintenance();
            let next = map.doubled(&turn).expect("there is memory");
            let at_home = map.at_home(hash);
            let other = at_home.buckets[1];
            map.publish(next);
            if map.stripes().of(other) != map.stripes().of(at_home.buckets[0]) {
                drop(map.lock([other; 2]));
                tried += 1;
            }
            assert!(!at_home.is_none_away(), "{key} is away");
            let both = map.and_other(at_home, hash);
            assert!(both.find(|found| *found == key).is_some(), "{key}");
            let (table, stripes) = (both.locked.table(), both.locked.held.stripes());
            for bucket in both.buckets {
                assert!(!is_behind(table, stripes, stripes.of(bucket)), "{key}: {bucket}");
            }
            drop(both);
            drop(turn);
            assert!(map.shrink_to_fit(), "as it was");
        }
        assert!(tried > 10, "{tried}");
    }

    /// Whatever is inserted, removed, displaced, doubled stripe by stripe, rebuilt and shrunk; each operation beside
    /// a map that has no buckets.
    fn counts_hold<const SLOTS: usize>(seed: u64) {
        let map = Map::<SLOTS>::with_capacity_and_hasher(0, FixedState::with_seed(seed));
        let mut model = HashMap::new();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (mut most, mut unsettled) = (0, 0);
        for round in 0..40 {
            // Of 4096 buckets and more a table doubles stripe by stripe.
            let crowd = 1 << if round % 10 == 9 { 17 } else { rng.random_range(2..15) };
            for _ in 0..crowd / 2 {
                let key = rng.random_range(0..crowd);
                match rng.random_range(0..8) {
                    0 => assert_eq!(map.remove(&key), model.remove(&key)),
                    1 => {
                        let raised = map.update(&key, |value| value + 1);
                        assert_eq!(
                            raised,
                            model.get_mut(&key).map(|value| {
                                *value += 1;
                                *value - 1
                            })
                        );
                    }
                    _ => {
                        assert_eq!(map.insert(key, round), !model.contains_key(&key));
                        model.entry(key).or_insert(round);
                    }
                }
                // Also while stripes are behind, some of them with the key's home, some without.
                let key = rng.random_range(0..crowd);
                assert_eq!(map.get(&key), model.get(&key).copied());
                unsettled += usize::from(!map.current(&map.maintenance()).is_settled());
            }
            if rng.random_range(0..8) == 0 {
                let least = rng.random_range(0..1 << 15);
                map.retain(|key, _| *key >= least);
                model.retain(|key, _| *key >= least);
                map.shrink_to_fit();
            }
            if round % 3 == 0 {
                most = most.max(checked(&map));
            }
        }
        most = most.max(checked(&map));
        assert_eq!(map.len(), model.len());
        assert!(most > 8, "of each table some were away: {most}");
        assert!(unsettled > 1000, "some operations met a doubling: {unsettled}");
    }

    #[test]
    fn what_is_away_is_counted_at_its_home() {
        for seed in 0..4 {
            counts_hold::<2>(seed);
            counts_hold::<4>(seed);
            counts_hold::<8>(seed);
        }
    }
}
