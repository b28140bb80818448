//! Models of the optimistic cuckoo tables in the moment between the two stores that unlock two
//! buckets, under every interleaving and every order of memory that loom knows: `ci/loom.sh`.
//!
//! Bucket 0 is the home of all keys, and another one their other bucket. A thread does two things to a key whose
//! entry is in its other bucket, or will be; what the first of them has seen or done, the second
//! must see. It does not if what was found in the other bucket is believed whatever the home says.
//! Every layout of versions and every exclusion is tried, with words and with items; in the longest
//! models, words and items alone.
#![cfg(loom)]

mod explore;
mod living;

use explore::{explore, explore_with};
use living::Itself;
use loom::sync::Arc;
use loom::thread;
use structures::exclusion::{
    BucketLocks, Exclusion, GlobalLock, Optimistic, OptimisticStripes, SingleWriter,
};
use structures::reclaim::Leak;
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::{CuckooOptimistic, CuckooOptimisticItems, Pages};

/// A table of few buckets of two slots.
trait Table: Send + Sync + Sized + 'static {
    fn empty() -> Self;
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64) -> bool;
    fn update(&self, key: u64, value: u64) -> Option<u64>;
    fn remove(&self, key: u64) -> Option<u64>;
    /// Whether it did.
    fn displace(&self, key: u64) -> bool;

    /// Whether an iteration shows it.
    fn shows(&self, key: u64) -> bool;

    /// With entries (k, k).
    fn with(keys: &[u64]) -> Arc<Self> {
        let map = Self::empty();
        keys.iter().for_each(|key| assert!(map.insert(*key, *key)));
        Arc::new(map)
    }
}

/// A table of words. With two buckets it is a small one, with four a large one, where a lookup's
/// first look is another.
struct Words<E: Exclusion, T, const BUCKETS: usize = 2>(
    CuckooOptimistic<u64, u64, Itself, 2, E, T>,
);

impl<E: Exclusion, T: Tagging, const BUCKETS: usize> Table for Words<E, T, BUCKETS> {
    fn empty() -> Self {
        Self(CuckooOptimistic::with_buckets(BUCKETS, Itself::default(), Pages::Default))
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    fn update(&self, key: u64, value: u64) -> Option<u64> {
        self.0.update(&key, |_| value)
    }

    fn remove(&self, key: u64) -> Option<u64> {
        self.0.remove(&key)
    }

    fn displace(&self, key: u64) -> bool {
        self.0.displace(&key)
    }

    fn shows(&self, key: u64) -> bool {
        let mut shown = false;
        self.0.for_each(|other, _| shown |= *other == key);
        shown
    }
}

type Items = CuckooOptimisticItems<u64, u64, Leak, Itself, 2>;

impl Table for Items {
    fn empty() -> Self {
        Self::with_buckets_in(2, Itself::default(), Leak, Pages::Default)
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.handle().get(&key)
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.handle().insert(key, value)
    }

    fn update(&self, key: u64, value: u64) -> Option<u64> {
        self.handle().pin().update(&key, |_| value)
    }

    fn remove(&self, key: u64) -> Option<u64> {
        self.handle().remove(&key)
    }

    fn displace(&self, key: u64) -> bool {
        self.handle().pin().displace(&key)
    }

    fn shows(&self, key: u64) -> bool {
        let mut shown = false;
        self.handle().pin().for_each(|other, _| shown |= *other == key);
        shown
    }
}

/// The key number `number` with home 0; its tag is not 0.
const fn key(number: u64) -> u64 {
    (number + 1) << 56
}

/// Whose home is full, when the first two are in.
const KEY: u64 = key(2);

/// What another thread does to the table meanwhile.
fn beside<M: Table, T: Send + 'static>(
    map: &Arc<M>,
    other: fn(&M) -> T,
    here: impl FnOnce(&M),
) -> T {
    let thread = {
        let map = Arc::clone(map);
        thread::spawn(move || other(&map))
    };
    here(map);
    thread.join().expect("it runs")
}

/// The key is inserted into its other bucket, while its home says still that there are no entries
/// elsewhere. Who has seen it there, on the word of an earlier time, sees it again.
fn what_was_seen_is_seen_again<M: Table>(what: &str) {
    let outcomes = [(None, None), (None, Some(5)), (Some(5), Some(5))];
    explore_with(2, what, outcomes, || {
        let map = M::with(&[key(0), key(1), key(3)]);
        beside(
            &map,
            |map| (map.get(KEY), map.get(KEY)),
            |map| {
                assert_eq!(map.remove(key(3)), Some(key(3)));
                assert!(map.insert(KEY, 5));
            },
        )
    });
}

#[test]
fn what_was_seen_is_seen_again_in_words() {
    what_was_seen_is_seen_again::<Words<Optimistic, Tagged>>("look up twice; remove, insert");
}

#[test]
fn what_was_seen_is_seen_again_in_items() {
    what_was_seen_is_seen_again::<Items>("look up twice; remove, insert");
}

/// The same of an insertion that is refused.
fn who_is_refused_sees_why<M: Table>(what: &str) {
    let outcomes = [(true, Some(7)), (false, Some(5))];
    explore_with(2, what, outcomes, || {
        let map = M::with(&[key(0), key(1), key(3)]);
        beside(
            &map,
            |map| (map.insert(KEY, 7), map.get(KEY)),
            |map| {
                assert_eq!(map.remove(key(3)), Some(key(3)));
                map.insert(KEY, 5);
            },
        )
    });
}

#[test]
fn who_is_refused_sees_why_in_words() {
    who_is_refused_sees_why::<Words<Optimistic, Tagged>>("insert, look up; remove, insert");
}

#[test]
fn who_is_refused_sees_why_in_items() {
    who_is_refused_sees_why::<Items>("insert, look up; remove, insert");
}

/// The same of an iteration, which looks at the other bucket without being sent there.
fn what_was_shown_is_there<M: Table>(what: &str) {
    let outcomes = [(false, None), (false, Some(5)), (true, Some(5))];
    explore(what, outcomes, || {
        let map = M::with(&[key(0), key(1)]);
        beside(&map, |map| (map.shows(KEY), map.get(KEY)), |map| assert!(map.insert(KEY, 5)))
    });
}

/// In a large table the home's word alone says that the key is absent, also while it is changed.
#[test]
fn what_was_shown_is_there_in_a_large_table() {
    what_was_shown_is_there::<Words<OptimisticStripes<2>, Tagged, 4>>("iterate, look up; insert");
}

/// The entry goes home and leaves it again. While it leaves, both buckets have it; who changes one
/// of them and does not see the change has changed the wrong one.
fn who_updates_reads_it_back<M: Table>(what: &str) {
    explore_with(2, what, [(Some(KEY), Some(9))], || {
        let map = M::with(&[key(0), key(1), KEY]);
        assert_eq!(map.remove(key(0)), Some(key(0)));
        beside(
            &map,
            |map| (map.update(KEY, 9), map.get(KEY)),
            |map| assert!(map.displace(KEY) && map.displace(KEY)),
        )
    });
}

/// The same of a removal.
fn who_removes_it_finds_it_gone<M: Table>(what: &str) {
    explore_with(2, what, [(Some(KEY), None)], || {
        let map = M::with(&[key(0), key(1), KEY]);
        assert_eq!(map.remove(key(0)), Some(key(0)));
        beside(
            &map,
            |map| (map.remove(KEY), map.get(KEY)),
            |map| {
                // It may be gone.
                _ = map.displace(KEY) && map.displace(KEY);
            },
        )
    });
}

/// The entry goes home and is removed there, while a copy is left behind. Another entry elsewhere
/// sends the lookup there.
fn a_copy_left_behind_is_not_found<M: Table>(what: &str) {
    explore_with(1, what, [(Some(KEY), None)], || {
        let map = M::with(&[key(0), key(1), KEY, key(3)]);
        assert_eq!(map.remove(key(0)), Some(key(0)));
        beside(&map, |map| (map.remove(KEY), map.get(KEY)), |map| _ = map.displace(KEY))
    });
}

macro_rules! of_each_table {
    ($($model:ident: $what:literal;)*) => {$(
        mod $model {
            use super::*;

            #[test]
            fn optimistic() {
                super::$model::<Words<Optimistic, Tagged>>($what);
            }

            #[test]
            fn untagged() {
                super::$model::<Words<Optimistic, Untagged>>($what);
            }

            #[test]
            fn one_stripe() {
                super::$model::<Words<OptimisticStripes<1>, Tagged>>($what);
            }

            #[test]
            fn two_stripes() {
                super::$model::<Words<OptimisticStripes<2>, Tagged>>($what);
            }

            #[test]
            fn single_writer() {
                super::$model::<Words<SingleWriter, Tagged>>($what);
            }

            #[test]
            fn bucket_locks() {
                super::$model::<Words<BucketLocks, Tagged>>($what);
            }

            #[test]
            fn global_lock() {
                super::$model::<Words<GlobalLock, Tagged>>($what);
            }

            #[test]
            fn items() {
                super::$model::<Items>($what);
            }
        }
    )*};
}

of_each_table! {
    what_was_shown_is_there: "iterate, look up; insert";
    who_updates_reads_it_back: "update, look up; displace twice";
    who_removes_it_finds_it_gone: "remove, look up; displace twice";
    a_copy_left_behind_is_not_found: "remove, look up; displace home";
}
