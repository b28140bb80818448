//! Properties that every concurrent map must have, generic over the map.
//!
//! `conformance.rs` runs them over the matrix structure × reclaimer; the harness runs them over
//! its adapters. A map of your own: implement [`Family`] and call [`conformance!`]; one that holds
//! machine words alone implements [`words::WordFamily`] and calls [`conformance_words!`].

#![allow(dead_code, reason = "not every user of the suite runs all of it")]
#![allow(unreachable_pub, reason = "the suite is a module of several test binaries")]

pub mod concurrent;
pub mod erased;
pub mod faults;
pub mod model;
pub mod words;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::ConcurrentMap;

use self::erased::Erased;

/// What the suite needs of keys.
pub trait Key: Eq + Hash + Ord + Clone + Debug + Send + Sync + 'static {}
impl<T: Eq + Hash + Ord + Clone + Debug + Send + Sync + 'static> Key for T {}

/// What the suite needs of values.
pub trait Value: Clone + Debug + Send + Sync + 'static {}
impl<T: Clone + Debug + Send + Sync + 'static> Value for T {}

/// A map type for any key and value.
pub trait Family {
    /// The map.
    type Map<K: Key, V: Value>: ConcurrentMap<K, V> + 'static;

    /// An empty map of its smallest size.
    fn new<K: Key, V: Value>() -> Self::Map<K, V>;

    /// The same, for the properties.
    fn erased<K: Key, V: Value>() -> Erased<K, V> {
        Erased::new(Self::new())
    }

    /// Whether all that was ever inserted has been dropped when the map has.
    const FREES_ALL: bool = true;

    /// The most keys with the same hash that it holds. A cuckoo table has two buckets for them.
    const EQUAL_HASHES: u64 = u64::MAX;
}

/// Makes a module of tests for each `name: Family`.
#[macro_export]
macro_rules! conformance {
    ($($name:ident: $family:ty;)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "families are named as at the macro's call")]
            use super::*;

            $crate::properties! { $family:
                model::agrees_with_std, model::agrees_with_std_when_hashes_collide,
                model::handles_share_the_map, model::one_pin_covers_a_batch,
                model::batches_agree_with_single_lookups,
                concurrent::net_updates_are_the_keys_present,
                concurrent::threads_see_their_own_keys, concurrent::updates_are_atomic,
                concurrent::growth_loses_nothing, concurrent::iteration_is_weak_as_worded,
                concurrent::values_are_never_torn, concurrent::one_insertion_wins,
                concurrent::slow_searches_survive_removals,
                faults::everything_is_dropped_once, faults::threads_may_exit_with_retired_nodes,
                faults::panicking_hash, faults::panicking_eq, faults::panicking_clone,
                faults::panicking_closures, faults::panicking_drop,
                faults::panicking_drop_of_a_removed_key,
            }
        }
    )*};
}

/// One test a property.
#[macro_export]
macro_rules! properties {
    ($family:ty: $($module:ident::$property:ident),* $(,)?) => {$(
        #[test]
        fn $property() {
            $crate::suite::$module::$property::<$family>();
        }
    )*};
}

/// The suite's random numbers.
pub fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// `wanted` keys, or as many as a map holds of `hashes` different hashes, if it holds at most
/// `equal` of each.
pub fn at_most(wanted: u64, hashes: u64, equal: u64) -> u64 {
    wanted.min(equal.saturating_mul(hashes))
}

/// A key whose hash says little: eight different ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Colliding(pub u64);

impl Hash for Colliding {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0 % 8);
    }
}

/// Counts the instances of [`Tracked`] that are alive.
#[derive(Clone, Debug, Default)]
pub struct Census(Arc<AtomicI64>);

impl Census {
    pub fn alive(&self) -> i64 {
        self.0.load(Relaxed)
    }

    pub fn track(&self, id: u64) -> Tracked {
        self.0.fetch_add(1, Relaxed);
        Tracked { id, census: self.clone(), canary: Box::new(id) }
    }
}

/// A key or value that knows whether it is alive. Dropped twice, it panics or makes the census
/// negative, and its box is freed twice, which the allocator or a sanitizer sees.
#[derive(Debug)]
pub struct Tracked {
    pub id: u64,
    census: Census,
    canary: Box<u64>,
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        assert_eq!(*self.canary, self.id, "cloned after it was dropped");
        self.census.track(self.id)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        assert_eq!(*self.canary, self.id, "dropped twice");
        *self.canary = !self.id;
        self.census.0.fetch_sub(1, Relaxed);
    }
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Tracked {}
impl PartialOrd for Tracked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Tracked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}
impl Hash for Tracked {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
