//! Tables of capacities that cannot be: refused with what was asked and what fits, whatever the build
//! does with arithmetic that overflows.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use foldhash::fast::FixedState;
use structures::cuckoo::GrowError;
use structures::map::ConcurrentMap;
use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::versioned::flat::Flat;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped, Pages,
};

/// Of which no address space holds as many words.
const IMPOSSIBLE: [usize; 6] =
    [usize::MAX, usize::MAX - 1, (1 << 63) + 1, 1 << 63, isize::MAX as usize, (1 << 60) + 1];

fn hasher() -> FixedState {
    FixedState::with_seed(1)
}

fn epoch() -> Epoch {
    Epoch::new(None)
}

/// How many entries fit in the table without a growth.
fn fits<K, V>(map: impl ConcurrentMap<K, V>) -> Option<usize> {
    map.capacity()
}

/// A table's name, and how it is made for so many entries; says how many fit without a growth.
type Make = (&'static str, fn(usize) -> Option<usize>);

const TABLES: [Make; 12] = [
    ("chaining-global-lock", |n| {
        fits(ChainingGlobalLock::<u64, u64, _>::with_capacity_and_hasher(n, hasher()))
    }),
    ("chaining-bucket-lock", |n| {
        fits(ChainingBucketLock::<u64, u64, _>::with_capacity_and_hasher(n, hasher()))
    }),
    ("chaining-lock-free", |n| {
        fits(ChainingLockFree::<u64, u64, Epoch, _>::with_capacity_and_hasher_in(
            n,
            hasher(),
            epoch(),
        ))
    }),
    ("chaining-inline", |n| {
        fits(ChainingInline::<u64, u64, _>::with_capacity_and_hasher(n, hasher()))
    }),
    ("cuckoo-striped", |n| {
        fits(CuckooStriped::<u64, u64, _>::with_capacity_and_hasher(n, hasher()))
    }),
    ("cuckoo-striped, eight slots", |n| {
        fits(CuckooStriped::<u64, u64, _, 8>::with_capacity_and_hasher(n, hasher()))
    }),
    ("cuckoo-striped, of nothing", |n| {
        fits(CuckooStriped::<(), (), _>::with_capacity_and_hasher(n, hasher()))
    }),
    ("cuckoo-optimistic", |n| {
        fits(CuckooOptimistic::<u64, u64, _>::with_capacity_and_hasher(n, hasher()))
    }),
    ("cuckoo-optimistic, two slots", |n| {
        fits(CuckooOptimistic::<u64, u64, _, 2>::with_capacity_and_hasher(n, hasher()))
    }),
    ("cuckoo-optimistic, huge pages", |n| {
        fits(CuckooOptimistic::<u64, u64, _>::with_pages(n, hasher(), Pages::Huge))
    }),
    ("cuckoo-optimistic-items", |n| {
        fits(CuckooOptimisticItems::<u64, u64, Epoch, _>::with_capacity_and_hasher_in(
            n,
            hasher(),
            epoch(),
        ))
    }),
    ("flat", |n| {
        let _flat = Flat::<u64, u64>::with_capacity(n);
        Some(n)
    }),
];

/// What `make` panicked with.
#[track_caller]
fn panic_of(name: &str, make: impl FnOnce() -> Option<usize>) -> String {
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(capacity) => panic!("{name}: a table with room for {capacity:?}"),
        Err(panic) => *panic.downcast::<String>().expect("a message with numbers"),
    }
}

/// The last number of `text`.
fn last_number(text: &str) -> usize {
    let mut words = text.split(' ').filter_map(|word| word.parse().ok());
    words.next_back().unwrap_or_else(|| panic!("{text}: no number"))
}

#[test]
fn more_entries_than_addresses_are_refused_with_what_fits() {
    for (name, make) in TABLES {
        for asked in IMPOSSIBLE {
            let said = panic_of(name, || make(asked));
            let start = format!("a table for {asked} entries was asked for; ");
            assert!(said.starts_with(&start), "{name}: {said}");
            if name.ends_with("of nothing") && asked <= 1 << 62 {
                continue;
            }
            assert!(said.contains("an address space holds "), "{name}: {said}");
            let most = last_number(&said[start.len()..].replace(" at most", ""));
            assert!(most < asked, "{name}: {said}");
            // So many are another matter: there is no memory for them.
            let said = panic_of(name, || make(most));
            assert!(said.contains("there is no memory for "), "{name}: {said}");
            let said = panic_of(name, || make(most + 1));
            assert!(said.contains("an address space holds "), "{name}: {said}");
        }
    }
}

#[test]
fn more_entries_than_memory_are_refused_with_what_they_take() {
    for (name, make) in TABLES {
        // More bytes than a process of today can address.
        let said = panic_of(name, || make(1 << 52));
        let start = "a table for 4503599627370496 entries was asked for; there is no memory for ";
        assert!(said.starts_with(start), "{name}: {said}");
        assert!(last_number(&said) >= 1 << 51, "{name}: {said}");
    }
}

#[test]
fn what_is_asked_for_has_room() {
    for (name, make) in TABLES {
        for asked in [0, 1, 2, 15, 16, 17, 57_344, 57_345, 100_000] {
            let capacity = make(asked).expect("they say it");
            assert!(capacity >= asked && capacity <= 128 + 4 * asked, "{name}: {capacity}");
        }
    }
}

#[test]
fn buckets_are_counted_too() {
    type Words = CuckooOptimistic<u64, u64, FixedState>;
    type Items = CuckooOptimisticItems<u64, u64, Hazard, FixedState>;
    for asked in IMPOSSIBLE {
        let words = || fits(Words::with_buckets(asked, hasher(), Pages::Default));
        let items =
            || fits(Items::with_buckets_in(asked, hasher(), Hazard::new(None), Pages::Default));
        for said in [panic_of("words", words), panic_of("items", items)] {
            let start = format!("{asked} buckets were asked for; there are ");
            assert!(said.starts_with(&start) && said.ends_with(" at most"), "{said}");
        }
    }
}

/// Runs the test for each table that can reserve.
macro_rules! tables_that_reserve {
    ($test:ident) => {
        $test!(ChainingGlobalLock<u64, u64>);
        $test!(ChainingBucketLock<u64, u64>);
        $test!(ChainingLockFree<u64, u64>);
        $test!(ChainingLockFree<u64, u64, Hazard>);
        $test!(ChainingInline<u64, u64>);
        $test!(CuckooStriped<u64, u64>);
        $test!(CuckooOptimistic<u64, u64>);
        $test!(CuckooOptimisticItems<u64, u64>);
    };
}

#[test]
fn what_cannot_be_reserved_is_an_error() {
    macro_rules! refuses {
        ($table:ty) => {
            let map = <$table>::with_capacity(100);
            assert_eq!(map.handle().insert_many((0..100).map(|key| (key, key))), 100);
            let before = map.capacity();
            for additional in IMPOSSIBLE {
                assert_eq!(map.try_reserve(additional), Err(GrowError::CapacityOverflow));
            }
            let answer = map.try_reserve(1 << 52);
            assert!(
                matches!(answer, Err(GrowError::AllocFailed { bytes }) if bytes > 1 << 52),
                "{}: {answer:?}",
                stringify!($table)
            );
            assert_eq!(map.capacity(), before, "{}", stringify!($table));
            assert!((0..100).all(|key| map.handle().get(&key) == Some(key)));
        };
    }
    tables_that_reserve!(refuses);
}

#[test]
fn what_was_reserved_is_filled_without_a_growth() {
    const MORE: u64 = 10_000;
    macro_rules! fills {
        ($table:ty) => {
            let name = stringify!($table);
            let map = <$table>::new();
            let mut handle = map.handle();
            assert_eq!(handle.insert_many((0..100).map(|key| (key, !key))), 100);
            map.reserve(MORE as usize);
            let capacity = map.capacity();
            assert!(capacity >= 100 + MORE as usize, "{name}: {capacity}");
            assert!((0..100).all(|key| handle.get(&key) == Some(!key)), "{name}");
            map.reserve(MORE as usize);
            assert_eq!(map.capacity(), capacity, "{name}: there was room");
            handle.insert_many((100..100 + MORE).map(|key| (key, !key)));
            assert_eq!(map.capacity(), capacity, "{name}");
            assert!((0..100 + MORE).all(|key| handle.get(&key) == Some(!key)), "{name}");
        };
    }
    tables_that_reserve!(fills);
}

/// Threads that reserve and insert at once lose nothing.
#[test]
fn reserving_beside_writers_loses_nothing() {
    macro_rules! beside {
        ($table:ty) => {
            let map = <$table>::new();
            std::thread::scope(|scope| {
                let map = &map;
                scope.spawn(move || (1..14).for_each(|bit| map.reserve(1 << bit)));
                scope.spawn(move || (1..14).for_each(|bit| map.reserve(1 << bit)));
                scope.spawn(move || map.handle().insert_many((0..5_000).map(|key| (key, !key))));
            });
            let mut handle = map.handle();
            assert!((0..5_000).all(|key| handle.get(&key) == Some(!key)), "{}", stringify!($table));
            assert_eq!(map.len(), 5_000);
        };
    }
    tables_that_reserve!(beside);
}

/// Buckets that other entries have needed are given back.
#[test]
fn tables_shrink_to_what_they_hold() {
    macro_rules! shrinks {
        ($table:ty) => {
            let map = <$table>::with_capacity(10_000);
            assert!((0..10_000).all(|key| map.insert(key, !key)));
            assert!(!map.shrink_to_fit(), "it is full");
            map.retain(|key, _| *key < 100);
            let before = map.capacity();
            assert!(map.shrink_to_fit());
            assert!(map.capacity() < before / 32, "{} of {before}", map.capacity());
            assert!((0..10_000).all(|key| map.get(&key) == (key < 100).then_some(!key)));
            assert!((100..1_000).all(|key| map.insert(key, !key)), "it grows again");
            assert!((0..1_000).all(|key| map.get(&key) == Some(!key)));
        };
    }
    shrinks!(ChainingGlobalLock<u64, u64>);
    shrinks!(CuckooStriped<u64, u64>);
}

/// A closure that has a bucket's lock cannot reserve: who moves the table waits for that bucket.
#[test]
fn reserving_under_a_bucket_s_lock_panics() {
    let map = ChainingBucketLock::<u64, u64>::new();
    map.insert(1, 1);
    let within = catch_unwind(AssertUnwindSafe(|| map.get_with(&1, |_| map.try_reserve(10_000))));
    assert!(within.is_err(), "{within:?}");
    map.reserve(10_000);
    assert_eq!((map.get(&1), map.len()), (Some(1), 1));
    assert!(map.capacity() >= 10_000);
}
