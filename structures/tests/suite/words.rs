//! The properties of the suite for tables that hold machine words alone, and those that only
//! such tables must have.
//!
//! Words cannot carry what the other properties plant in keys (a bad hash, a panic), so the
//! hasher does.

use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use foldhash::fast::{FoldHasher, RandomState};
use rand::RngExt;
use structures::map::{ConcurrentMap, MapHandle};

use super::concurrent::{self, OPS, THREADS, in_threads, itself};
use super::erased::Erased;
use super::faults::{self, Fault};
use super::{at_most, model, rng};

/// A map of words.
pub trait WordFamily {
    /// The map.
    type Map: ConcurrentMap<u64, u64> + 'static;

    /// An empty map of its smallest size, or of the smallest that is to be tested.
    fn new(hasher: Hashes) -> Self::Map;

    /// The most keys with the same hash that it holds.
    const EQUAL_HASHES: u64 = u64::MAX;

    /// Keys that each thread inserts for the map to grow.
    const TO_GROW: u64 = 4_000;
}

/// Makes a module of tests for each `name: WordFamily`.
#[macro_export]
macro_rules! conformance_words {
    ($($name:ident: $family:ty;)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "families are named as at the macro's call")]
            use super::*;

            $crate::properties! { $family:
                words::agrees_with_std, words::agrees_with_std_when_hashes_collide,
                words::handles_share_the_map, words::one_pin_covers_a_batch,
                words::net_updates_are_the_keys_present,
                words::threads_see_their_own_keys, words::updates_are_atomic,
                words::growth_loses_nothing, words::iteration_is_weak_as_worded,
                words::values_are_never_torn, words::one_insertion_wins,
                words::panicking_hash, words::panicking_hash_in_growth,
                words::panicking_closures,
            }
        }
    )*};
}

fn spread<W: WordFamily>() -> Erased<u64, u64> {
    Erased::new(W::new(Hashes::Spread(RandomState::default())))
}

fn crowded<W: WordFamily>() -> Erased<u64, u64> {
    Erased::new(W::new(Hashes::Eight))
}

pub fn agrees_with_std<W: WordFamily>() {
    model::agree(spread::<W>, itself);
}

pub fn agrees_with_std_when_hashes_collide<W: WordFamily>() {
    model::agree(crowded::<W>, itself);
}

pub fn handles_share_the_map<W: WordFamily>() {
    model::two_handles(&spread::<W>(), 0, u64::MAX);
}

pub fn one_pin_covers_a_batch<W: WordFamily>() {
    model::batch(&spread::<W>());
}

pub fn net_updates_are_the_keys_present<W: WordFamily>() {
    concurrent::net_updates(&spread::<W>(), itself, 64);
    concurrent::net_updates(&crowded::<W>(), itself, at_most(64, 8, W::EQUAL_HASHES));
}

pub fn threads_see_their_own_keys<W: WordFamily>() {
    concurrent::own_keys(&crowded::<W>(), itself, at_most(128, 8, W::EQUAL_HASHES));
}

pub fn updates_are_atomic<W: WordFamily>() {
    concurrent::raise_counters(&spread::<W>());
}

pub fn growth_loses_nothing<W: WordFamily>() {
    concurrent::grow_under_readers(&spread::<W>(), OPS as u64);
}

pub fn iteration_is_weak_as_worded<W: WordFamily>() {
    concurrent::iterate(&spread::<W>(), itself, 2_000, 8_000);
    let keys = at_most(200, 8, W::EQUAL_HASHES);
    concurrent::iterate(&crowded::<W>(), itself, keys * 3 / 10, keys);
}

pub fn one_insertion_wins<W: WordFamily>() {
    concurrent::race_to_insert(&crowded::<W>(), itself);
}

/// cuckoo-H2, for entries inline: a reader never sees one key's value under another, although slots are
/// reused all the time, and never misses a key whose neighbours come and go.
pub fn values_are_never_torn<W: WordFamily>() {
    read_the_keys_values(&crowded::<W>());
}

fn read_the_keys_values(map: &Erased<u64, u64>) {
    const LASTING: u64 = 8;
    const KEYS: u64 = 32;
    let value = |key: u64, round: u64| key << 32 | round;
    // In and out of the way of the others.
    (LASTING / 2..KEYS).for_each(|key| assert!(map.handle().insert(key, value(key, 0))));
    (0..LASTING / 2).for_each(|key| assert!(map.handle().insert(key, value(key, 0))));
    in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        for round in 1..5 * OPS as u64 {
            let key = rng.random_range(0..KEYS);
            let found = if thread % 2 == 1 {
                handle.get(&key)
            } else if key < LASTING {
                handle.update(&key, |old| value(old >> 32, round))
            } else if rng.random() {
                handle.remove(&key)
            } else {
                handle.insert(key, value(key, round));
                continue;
            };
            assert!(found.is_none_or(|value| value >> 32 == key), "{key} has {found:x?}");
            assert!(found.is_some() || key >= LASTING, "missed {key}");
        }
    });
}

pub fn panicking_hash<W: WordFamily>() {
    faults::has_no_effect(&crowded::<W>(), itself, Fault::Hash, 1);
}

pub fn panicking_closures<W: WordFamily>() {
    faults::has_no_effect(&crowded::<W>(), itself, Fault::Closure, 1);
}

/// The hasher panics in the middle of growth, now in one thread, now in another: the operation
/// that met it has had no effect, and others can complete the growth.
pub fn panicking_hash_in_growth<W: WordFamily>() {
    grow_by_panics(&spread::<W>(), W::TO_GROW);
}

fn grow_by_panics(map: &Erased<u64, u64>, each: u64) {
    let panics = in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        let mut panics = 0;
        for key in (0..each).map(|i| i * THREADS as u64 + thread as u64) {
            // Past the operation's own call.
            faults::plant(Fault::Hash, rng.random_range(1..100));
            let inserted = catch_unwind(AssertUnwindSafe(|| handle.insert(key, !key)));
            faults::unplant();
            if inserted.is_err() {
                panics += 1;
                assert!(!handle.contains(&key), "it panicked, and had an effect");
                assert!(handle.insert(key, !key));
            }
        }
        panics
    });
    assert!(panics.iter().sum::<u32>() > 0, "growth called no hasher");
    let keys = THREADS as u64 * each;
    assert_eq!(map.len() as u64, keys);
    assert!((0..keys).all(|key| map.handle().get(&key) == Some(!key)), "lost");
    // In a thread of its own, as a handle may remember what its thread saw.
    thread::scope(|scope| scope.spawn(|| assert!(map.handle().insert(keys, 0))).join().unwrap());
}

/// The hasher of the maps, whose calls can be made to panic.
#[derive(Clone, Debug)]
pub enum Hashes {
    /// Keys have hashes of their own.
    Spread(RandomState),
    /// Every key has one of eight.
    Eight,
}

impl BuildHasher for Hashes {
    type Hasher = HasherOf;

    fn build_hasher(&self) -> HasherOf {
        faults::maybe_panic(Fault::Hash);
        match self {
            Self::Spread(state) => HasherOf::Spread(state.build_hasher()),
            Self::Eight => HasherOf::Eight(0),
        }
    }
}

/// What [`Hashes`] builds.
#[allow(missing_debug_implementations, reason = "foldhash's has none")]
pub enum HasherOf {
    Spread(FoldHasher<'static>),
    /// Of eight hashes that differ in all their bits, that of a `u64`. In 32 or more buckets no two of
    /// them share one, so that a cuckoo table has room for two buckets of each.
    Eight(u64),
}

impl Hasher for HasherOf {
    fn finish(&self) -> u64 {
        match self {
            Self::Spread(hasher) => hasher.finish(),
            Self::Eight(key) => {
                let product = (key % 8 + 1).wrapping_mul(0xB248_614A_122A_739D);
                product ^ product >> 32
            }
        }
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        match self {
            Self::Spread(hasher) => hasher.write_u64(key),
            Self::Eight(eight) => *eight = key,
        }
    }
}
