//! What only the optimistic cuckoo tables have: displacement under readers, growth that readers
//! do not wait for, versions, tags and overflow counts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::control::{Control, Wraps};
use structures::cuckoo::GrowError;
use structures::cuckoo::path::{Bfs, Graph, Place, RandomWalk, Search};
use structures::exclusion::{BucketLocks, GlobalLock, Optimistic, OptimisticStripes, SingleWriter};
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::Epoch;
use structures::tagging::{Tagged, Untagged};
use structures::{CuckooOptimistic, CuckooOptimisticItems, Pages};

/// A hasher that is a function of the key.
#[derive(Clone, Copy)]
struct By(fn(u64) -> u64);

struct ByState(fn(u64) -> u64, u64);

impl BuildHasher for By {
    type Hasher = ByState;

    fn build_hasher(&self) -> ByState {
        ByState(self.0, 0)
    }
}

impl Hasher for ByState {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.1 = (self.0)(key);
    }

    fn finish(&self) -> u64 {
        self.1
    }
}

/// SplitMix64's finalizer: all bits mixed.
fn mixed(key: u64) -> u64 {
    let x = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The value that a key has in these tests, whatever its stamp.
fn value(key: u64, stamp: u64) -> u64 {
    key << 32 | stamp
}

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// One test for each set of factors.
macro_rules! for_each_factor {
    ($($property:ident),* $(,)?) => {
        for_each_factor! { @ [$($property)*]:
            slots_4 = [4, Optimistic, Tagged, Bfs],
            slots_2 = [2, Optimistic, Tagged, Bfs],
            slots_8 = [8, Optimistic, Tagged, Bfs],
            one_walk = [4, Optimistic, Tagged, RandomWalk<1>],
            two_walks = [8, Optimistic, Tagged, RandomWalk<2>],
            untagged = [4, Optimistic, Untagged, Bfs],
            single_writer = [4, SingleWriter, Tagged, Bfs],
            one_stripe = [8, OptimisticStripes<1>, Tagged, Bfs],
            four_stripes = [4, OptimisticStripes<4>, Untagged, Bfs],
            bucket_lock = [4, BucketLocks, Tagged, Bfs],
            global_lock = [4, GlobalLock, Untagged, Bfs],
        }
    };
    (@ $properties:tt: $($name:ident = $factors:tt,)*) => {$(
        mod $name {
            use super::*;
            for_each_factor! { @@ $factors $properties }
        }
    )*};
    (@@ [$slots:literal, $exclusion:ty, $tagging:ty, $search:ty] [$($property:ident)*]) => {$(
        #[test]
        fn $property() {
            super::$property(&|buckets, hash| {
                let map = CuckooOptimistic::<u64, u64, By, $slots, $exclusion, $tagging, $search>
                    ::with_buckets(buckets, By(hash), Pages::Default);
                Box::new(map)
            });
        }
    )*};
}

for_each_factor! {
    agrees_with_std, agrees_with_std_when_tags_collide, agrees_with_std_when_homes_collide,
    displacement_never_hides_a_key, growth_never_hides_a_key, values_belong_to_their_keys,
    keys_of_one_bucket_are_refused_in_the_end,     a_panicking_hasher_does_not_stop_a_growth,
    iteration_during_displacement_misses_nothing, many_lookups_at_once,
}

/// Operations of one thread against std's map; small tables, so that entries move and tables
/// grow.
fn check_against_std(map: &dyn Table, keys: u64) {
    let mut model = HashMap::new();
    let mut rng = rng(3);
    for round in 0..40_000_u64 {
        let key = rng.random_range(0..keys);
        match rng.random_range(0..10) {
            0..4 => {
                let expected = !model.contains_key(&key);
                assert_eq!(map.insert(key, value(key, round)), expected, "insert {key}");
                model.entry(key).or_insert(value(key, round));
            }
            4..7 => assert_eq!(map.remove(key), model.remove(&key), "remove {key}"),
            7 => {
                let old = map.update(key, &mut |old| old + 1);
                assert_eq!(old, model.get(&key).copied(), "update {key}");
                model.entry(key).and_modify(|value| *value += 1);
            }
            8 => {
                let new = value(key, round);
                let old = map.upsert(key, new);
                assert_eq!(old, model.insert(key, new), "upsert {key}");
            }
            _ => assert_eq!(map.get(key), model.get(&key).copied(), "get {key}"),
        }
    }
    assert_eq!(map.entries(), model.len());
    let mut seen = HashMap::new();
    map.for_each(&mut |key, value| assert_eq!(seen.insert(key, value), None, "{key} twice"));
    assert_eq!(seen, model);
}

fn agrees_with_std(new: &New) {
    check_against_std(&*new(16, mixed), 3000);
    check_against_std(&*new(16, mixed), 50);
}

/// Few tags, 1 among them: an empty slot's neighbours differ from it in one bit.
fn agrees_with_std_when_tags_collide(new: &New) {
    check_against_std(&*new(16, |key| mixed(key) & (u64::MAX >> 8) | (key & 1) << 57), 400);
    check_against_std(&*new(16, |key| mixed(key) & (u64::MAX >> 8)), 400);
}

/// Few homes, many tags: most entries are in their other buckets, and overflow counts saturate.
fn agrees_with_std_when_homes_collide(new: &New) {
    check_against_std(&*new(64, |key| mixed(key) & !0x3f | key & 1), 60);
}

/// A thread that inserts and removes in a nearly full table displaces entries all the time;
/// others look for entries that are always there.
fn displacement_never_hides_a_key(new: &New) {
    let map = new(64, mixed);
    let slots = map.slots();
    // As full as it gets without growing.
    let mut count = 0;
    while count < slots as u64 * 97 / 100 && map.slots() == slots {
        map.insert(count, value(count, 0));
        count += 1;
    }
    let stay = count * 9 / 10;
    let read = |rng: &mut Xoshiro256PlusPlus| {
        let key = rng.random_range(0..stay);
        assert_eq!(map.get(key), Some(value(key, 0)), "key {key}");
    };
    let span = (count - stay) / 2;
    beside(300_000, read, |writer, rng| {
        let key = stay + writer * span + rng.random_range(0..span);
        if map.remove(key).is_none() {
            assert!(map.insert(key, value(key, 0)));
        }
    });
}

/// Two threads `read` so many times each, and two write until these are done.
fn beside(
    reads: u64,
    read: impl Fn(&mut Xoshiro256PlusPlus) + Sync,
    write: impl Fn(u64, &mut Xoshiro256PlusPlus) + Sync,
) {
    struct Reading<'r>(&'r AtomicUsize);
    impl Drop for Reading<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Relaxed);
        }
    }
    let (readers, start) = (AtomicUsize::new(2), Barrier::new(4));
    thread::scope(|scope| {
        for thread in 0..2 {
            let (read, write, readers, start) = (&read, &write, &readers, &start);
            scope.spawn(move || {
                let _reading = Reading(readers);
                start.wait();
                let mut rng = rng(thread);
                (0..reads).for_each(|_| read(&mut rng));
            });
            scope.spawn(move || {
                let mut rng = rng(10 + thread);
                start.wait();
                while readers.load(Relaxed) > 0 {
                    write(thread, &mut rng);
                }
            });
        }
    });
}

/// From 16 buckets to 100 000 entries, by two writers, under two readers of what is there.
fn growth_never_hides_a_key(new: &New) {
    let map = new(16, mixed);
    const ENTRIES: u64 = 50_000;
    let inserted: [AtomicU64; 2] = std::array::from_fn(|_| AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..2 {
            let (map, inserted) = (&map, &inserted);
            scope.spawn(move || {
                for i in 0..ENTRIES {
                    let key = i * 2 + writer;
                    assert!(map.insert(key, value(key, 0)));
                    // Written and removed ones, too, so that what is copied is not always new.
                    assert!(map.update(key, &mut |value| value + 1).is_some());
                    if i % 7 == 0 {
                        assert_eq!(map.remove(key), Some(value(key, 1)));
                        assert!(map.insert(key, value(key, 1)));
                    }
                    inserted[writer as usize].store(i + 1, Relaxed);
                }
            });
        }
        for reader in 0..2_u64 {
            let (map, inserted) = (&map, &inserted);
            scope.spawn(move || {
                let mut rng = rng(reader);
                let mut last = 0;
                while last < ENTRIES {
                    last = inserted[reader as usize].load(std::sync::atomic::Ordering::Acquire);
                    if last > 0 {
                        let key = rng.random_range(0..last) * 2 + reader;
                        assert_eq!(map.get(key), Some(value(key, 1)), "key {key} of {last}");
                    }
                }
            });
        }
    });
    assert_eq!(map.entries() as u64, 2 * ENTRIES);
    let mut sum = 0;
    map.for_each(&mut |key, _| sum += key);
    assert_eq!(sum, (0..2 * ENTRIES).sum());
}

/// Hazards cuckoo-H1, cuckoo-H2: slots are used again and again by different keys; a lookup that mixed
/// two of them would return another key's value.
fn values_belong_to_their_keys(new: &New) {
    // Two homes, few tags.
    let map = new(16, |key| mixed(key) & (1 << 57) | key & 1);
    (0..6).for_each(|key| assert!(map.insert(key, value(key, 0))));
    let (hits, stamps) = (AtomicU64::new(0), AtomicU64::new(0));
    let read = |rng: &mut Xoshiro256PlusPlus| {
        let key = rng.random_range(0..6);
        if let Some(found) = map.get(key) {
            assert_eq!(found >> 32, key, "a value of another key");
            hits.fetch_add(1, Relaxed);
        }
    };
    beside(300_000, read, |_, rng| {
        let key = rng.random_range(0..6);
        let stamp = stamps.fetch_add(1, Relaxed) & u64::from(u32::MAX);
        match rng.random_range(0..4) {
            0 => drop(map.remove(key)),
            1 => drop(map.update(key, &mut |old| {
                assert_eq!(old >> 32, key, "a value of another key");
                value(key, stamp)
            })),
            _ => drop(map.insert(key, value(key, stamp))),
        }
    });
    assert!(hits.into_inner() > 0, "nothing was found");
}

fn keys_of_one_bucket_are_refused_in_the_end(new: &New) {
    let map = new(16, |_| 5);
    let mut kept = 0;
    let refused = loop {
        match map.try_insert(kept, value(kept, 0)) {
            Ok(inserted) => assert!(inserted),
            Err(error) => break error,
        }
        kept += 1;
        assert!(kept < 100, "endless");
    };
    // Both buckets are full, and the table has not grown much.
    assert_eq!(kept as usize, 2 * map.slots_a_bucket());
    assert!(map.slots() <= 1024, "{} slots", map.slots());
    assert!(matches!(refused, GrowError::LoadTooLow { entries, .. } if entries as u64 == kept));
    assert!(refused.to_string().contains("hasher"), "{refused}");
    assert!(catch_unwind(AssertUnwindSafe(|| map.insert(kept, 0))).is_err(), "insert panics");
    assert!(matches!(map.try_upsert(kept, &mut |_| 0), Err(GrowError::LoadTooLow { .. })));
    assert_eq!(map.try_upsert(0, &mut |old| old.unwrap_or(1)), Ok(Some(value(0, 0))));
    // As before, and usable.
    for key in 0..kept {
        assert_eq!(map.get(key), Some(value(key, 0)));
    }
    assert_eq!(map.get(kept), None);
    assert_eq!(map.remove(0), Some(value(0, 0)));
    assert!(map.insert(kept, 7));
    assert_eq!(map.get(kept), Some(7));
}

#[test]
fn an_item_that_finds_no_place_is_refused() {
    let map = CuckooOptimisticItems::<u64, u64, Epoch, By>::with_hasher(By(|_| 5));
    let mut handle = map.handle();
    let refused = (0..100).find_map(|key| handle.try_upsert(key, |_| key).err());
    assert!(matches!(refused, Some(GrowError::LoadTooLow { entries: 16, .. })), "{refused:?}");
    assert_eq!(map.len(), 16);
    assert_eq!(handle.try_upsert(3, |old| old.copied().unwrap_or(0) + 1), Ok(Some(3)));
    assert_eq!(handle.get(&3), Some(4));
}

thread_local!(static HASHES_LEFT: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) });

/// Panics when this thread's hashes are used up.
fn failing(key: u64) -> u64 {
    HASHES_LEFT.set(HASHES_LEFT.get().checked_sub(1).expect("no hash left"));
    mixed(key)
}

fn a_panicking_hasher_does_not_stop_a_growth(new: &New) {
    for allowed in 1..300 {
        let map = new(16, failing);
        let slots = map.slots();
        let (mut key, mut panics) = (0, 0);
        while map.slots() == slots {
            // Allowed enough for this insertion, but not for the growth it may start.
            HASHES_LEFT.set(if panics < 3 { allowed } else { usize::MAX });
            let inserted = catch_unwind(AssertUnwindSafe(|| map.insert(key, value(key, 0))));
            HASHES_LEFT.set(usize::MAX);
            match inserted {
                Ok(inserted) => {
                    assert!(inserted);
                    key += 1;
                }
                Err(_) => panics += 1,
            }
            for key in 0..key {
                assert_eq!(map.get(key), Some(value(key, 0)), "after {panics} panics");
            }
        }
        for key in 0..key {
            assert_eq!(map.get(key), Some(value(key, 0)), "after the growth");
        }
        assert_eq!(map.entries() as u64, key);
    }
}

fn iteration_during_displacement_misses_nothing(new: &New) {
    let map = new(64, mixed);
    let slots = map.slots();
    let mut count = 0;
    while count < slots as u64 * 95 / 100 && map.slots() == slots {
        map.insert(count, 0);
        count += 1;
    }
    let stay = count * 9 / 10;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = rng(1);
            while !done.load(Relaxed) {
                let key = rng.random_range(stay..count);
                if map.remove(key).is_none() {
                    map.insert(key, 0);
                }
            }
        });
        for _ in 0..300 {
            let mut seen = vec![0; stay as usize];
            map.for_each(&mut |key, _| {
                if key < stay {
                    seen[key as usize] += 1;
                }
            });
            let odd = seen.iter().position(|times| *times != 1);
            if odd.is_some() {
                done.store(true, Relaxed);
            }
            assert_eq!(odd, None, "visited other than once");
        }
        done.store(true, Relaxed);
    });
}

fn many_lookups_at_once(new: &New) {
    let map = new(64, mixed);
    for key in (0..150).filter(|key| key % 3 != 0) {
        map.insert(key, value(key, 1));
    }
    for count in [0, 1, 15, 16, 17, 160] {
        let keys: Vec<u64> = (0..count).rev().collect();
        let mut values = vec![Some(99); keys.len()];
        map.get_many(&keys, &mut values);
        for (key, found) in keys.iter().zip(&values) {
            assert_eq!(*found, map.get(*key), "key {key} of {count}");
        }
    }
    assert!(catch_unwind(AssertUnwindSafe(|| map.get_many(&[1], &mut []))).is_err());
}

thread_local!(static INTERLUDE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) });

/// A search in which something happens, and which finds nothing.
#[derive(Debug)]
struct InVain;

impl Search for InVain {
    const NAME: &'static str = "in-vain";

    fn find<G: Graph>(_: &G, _: [usize; 2], _: u64) -> Option<Vec<Place>> {
        if let Some(interlude) = INTERLUDE.take() {
            interlude();
        }
        None
    }
}

/// A search in which something happens, and whose path is that of an entry that is not in the slot.
#[derive(Debug)]
struct Outdated;

impl Search for Outdated {
    const NAME: &'static str = "outdated";

    fn find<G: Graph>(graph: &G, [home, _]: [usize; 2], _: u64) -> Option<Vec<Place>> {
        INTERLUDE.take()?();
        let from = Place { bucket: home, slot: 0 };
        let mut places = (0..).map(|bucket| Place { bucket, slot: 0 });
        let to = places.find(|place| graph.other_bucket(*place).is_none())?;
        Some(vec![from, to])
    }
}

/// A map of `buckets` buckets, two of which are full of the keys 0 to 15.
fn with_a_full_pair<P: Search>(buckets: usize) -> Arc<Searched<P>> {
    let map = Searched::<P>::with_buckets(buckets, By(|_| 5), Pages::Default);
    (0..16).for_each(|key| assert!(map.insert(key, key)));
    Arc::new(map)
}

type Searched<P> = CuckooOptimistic<u64, u64, By, 8, Optimistic, Tagged, P>;

#[test]
fn room_made_during_a_vain_search_is_used() {
    fn check<P: Search>() {
        let map = with_a_full_pair::<P>(16);
        let (slots, removing) = (map.slots(), Arc::clone(&map));
        INTERLUDE.set(Some(Box::new(move || assert_eq!(removing.remove(&3), Some(3)))));
        assert_eq!(map.try_insert(16, 16), Ok(true));
        assert_eq!(map.slots(), slots, "it has grown");
    }
    check::<InVain>();
    check::<Outdated>();
}

#[test]
fn a_key_added_during_a_vain_search_is_present() {
    // So large that growth is refused.
    let map = with_a_full_pair::<InVain>(1024);
    let adding = Arc::clone(&map);
    INTERLUDE.set(Some(Box::new(move || {
        assert_eq!(adding.remove(&3), Some(3));
        assert!(adding.insert(16, 0));
    })));
    assert_eq!(map.try_insert(16, 1), Ok(false));
    assert_eq!(
        map.try_insert(17, 1).map_err(|error| error.to_string().contains("16 of")),
        Err(true)
    );
}

/// The version of 8 slots has 11 bits: after 2048 writes the word is the same again, but what was
/// read in between is not taken for consistent. Hazard cuckoo-H5.
#[test]
fn a_version_that_goes_round_is_noticed() {
    let control = Control::<8>::default();
    let wraps = Wraps::default();
    let (count, seen) = (wraps.count(), control.snapshot());
    let mut same = 0;
    for write in 1..=5000 {
        let now = control.snapshot();
        assert!(control.try_lock(now, &wraps, wraps.count()));
        assert!(control.snapshot().is_locked());
        control.unlock(now, &wraps);
        if control.validate(seen) {
            same += 1;
            // Of two counts in a turn a reader may have seen the first before the lock was let go.
            let counted = wraps.count() - count;
            assert!(counted >= 2, "write {write} brought the word back after {counted} counts");
            // Nor can a writer lock what it saw then.
            assert!(!control.try_lock(seen, &wraps, count));
            assert!(!control.snapshot().is_locked(), "left locked");
        }
    }
    assert_eq!(same, 2, "the word comes back every 2048 writes");
}

/// Slots that are filled when the first entry finds no place.
fn load_before_growth(map: &dyn Table) -> f64 {
    let slots = map.slots();
    let mut filled = 0;
    while map.slots() == slots {
        map.insert(filled, 0);
        filled += 1;
    }
    (filled - 1) as f64 / slots as f64
}

#[test]
fn tables_fill_up_before_they_grow() {
    type Filled<const SLOTS: usize> = CuckooOptimistic<u64, u64, By, SLOTS>;
    let pages = Pages::Default;
    let four = load_before_growth(&Filled::<4>::with_buckets(1 << 14, By(mixed), pages));
    assert!(four >= 0.95, "4 slots: {four}");
    let eight = load_before_growth(&Filled::<8>::with_buckets(1 << 13, By(mixed), pages));
    assert!(eight >= 0.97, "8 slots: {eight}");
    let two = load_before_growth(&Filled::<2>::with_buckets(1 << 14, By(mixed), pages));
    assert!(two >= 0.85, "2 slots: {two}");
}

/// At a load of 0.95 an entry takes at most 1.12 × (key + value + tag) / 0.95 bytes.
#[test]
#[ignore = "2^20 buckets: some seconds"]
fn a_large_table_fills_to_95_percent_in_little_space() {
    fn check<const SLOTS: usize>() {
        let map = CuckooOptimistic::<u64, u64, By, SLOTS>::with_buckets(
            1 << 20,
            By(mixed),
            Pages::Default,
        );
        let (slots, bytes) = (map.slots(), map.heap_bytes());
        let load = load_before_growth(&map);
        let bytes_an_entry = bytes as f64 / (0.95 * slots as f64);
        println!("{SLOTS} slots: load {load:.4}, {bytes_an_entry:.2} bytes an entry at 0.95");
        assert!(load >= 0.95, "load {load}");
        assert!(bytes_an_entry <= 1.12 * 17.0 / 0.95, "{bytes_an_entry} bytes an entry");
    }
    check::<4>();
    check::<8>();
}

/// What makes a table of so many buckets, with that hash.
type New = dyn Fn(usize, fn(u64) -> u64) -> Box<dyn Table>;

/// What the tests use of a table, behind a pointer: so they are compiled once and not for each set of factors.
trait Table: Sync {
    fn entries(&self) -> usize;
    fn slots(&self) -> usize;
    fn slots_a_bucket(&self) -> usize;
    fn get(&self, key: u64) -> Option<u64>;
    fn get_many(&self, keys: &[u64], values: &mut [Option<u64>]);
    fn insert(&self, key: u64, value: u64) -> bool;
    fn try_insert(&self, key: u64, value: u64) -> Result<bool, GrowError>;
    fn upsert(&self, key: u64, value: u64) -> Option<u64>;
    fn try_upsert(
        &self,
        key: u64,
        f: &mut dyn FnMut(Option<u64>) -> u64,
    ) -> Result<Option<u64>, GrowError>;
    fn update(&self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64>;
    fn remove(&self, key: u64) -> Option<u64>;
    fn for_each(&self, f: &mut dyn FnMut(u64, u64));
}

impl<const SLOTS: usize, E, T, P> Table for CuckooOptimistic<u64, u64, By, SLOTS, E, T, P>
where
    E: structures::exclusion::Exclusion,
    T: structures::tagging::Tagging,
    P: structures::cuckoo::path::Search,
{
    fn entries(&self) -> usize {
        ConcurrentMap::<u64, u64>::len(self)
    }

    fn slots(&self) -> usize {
        ConcurrentMap::<u64, u64>::capacity(self).expect("it has slots")
    }

    fn slots_a_bucket(&self) -> usize {
        SLOTS
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }

    fn get_many(&self, keys: &[u64], values: &mut [Option<u64>]) {
        self.get_many(keys, values);
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.insert(key, value)
    }

    fn try_insert(&self, key: u64, value: u64) -> Result<bool, GrowError> {
        self.try_insert(key, value)
    }

    fn upsert(&self, key: u64, value: u64) -> Option<u64> {
        let mut handle = ConcurrentMap::<u64, u64>::handle(self);
        MapHandle::<u64, u64>::upsert(&mut handle, key, |_| value)
    }

    fn try_upsert(
        &self,
        key: u64,
        f: &mut dyn FnMut(Option<u64>) -> u64,
    ) -> Result<Option<u64>, GrowError> {
        self.try_upsert(key, |old| f(old.copied()))
    }

    fn update(&self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64> {
        self.update(&key, |value| f(*value))
    }

    fn remove(&self, key: u64) -> Option<u64> {
        self.remove(&key)
    }

    fn for_each(&self, f: &mut dyn FnMut(u64, u64)) {
        self.for_each(|key, value| f(*key, *value));
    }
}
