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
pub mod numbers;
pub mod tracked;
pub mod words;

use std::fmt::Debug;
use std::hash::Hash;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::ConcurrentMap;

use self::erased::Erased;
use self::numbers::with_numbers;
use self::tracked::Tracked;

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

    /// One of words, for the properties.
    fn of_words() -> Erased<u64, u64> {
        Erased::new(Self::new())
    }

    /// One with keys and values that can be all that they may be.
    fn of_both() -> Erased<Tracked, Tracked> {
        Erased::new(Self::new())
    }

    /// The same, with numbers as values.
    fn of_keys() -> Erased<Tracked, u64> {
        with_numbers(Self::of_both())
    }

    /// Whether all that was ever inserted has been dropped when the map has.
    const FREES_ALL: bool = true;

    /// The most keys with the same hash that it holds. A cuckoo table has two buckets for them.
    const EQUAL_HASHES: u64 = u64::MAX;

    /// Keys that each of two writers adds while others read.
    const GROWS_BY: u64 = concurrent::OPS as u64;
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
