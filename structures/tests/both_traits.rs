//! Handles and pins: with both of their traits in scope no call is ambiguous, and with none of them in
//! scope they have every operation.
#![cfg(not(any(loom, shuttle)))]

use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas, CowLock,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, HamtSharded,
    LeftRightTable, LogHerlihy,
};

// What operations are given, as pointers: a closure is a type of its own wherever it is written, and each table's
// operation would be compiled for each of those.
const PLUS_ONE: fn(&u64) -> u64 = |value| value + 1;
const FORTY_IF_ABSENT: fn(Option<&u64>) -> u64 = |old| old.map_or(40, |_| 0);
const NEVER: fn() -> u64 = || unreachable!("it is there");
const TWENTY: fn() -> u64 = || 20;
const IS_TEN: fn(&u64) -> bool = |value| *value == 10;
const IS_ELEVEN: fn(&u64) -> bool = |value| *value == 11;
const TWENTY_OR_OF_FOUR: fn(&u64, &u64) -> bool =
    |key, value| *key == 2 && *value == 20 || *key == 4;

fn add_values(sum: &mut u64) -> impl FnMut(&u64, &u64) {
    move |_, value| *sum += value
}

fn add_entries(sum: &mut u64) -> impl FnMut(&u64, &u64) {
    move |key, value| *sum += key + value
}

/// Calls every method that the traits have, on `$handle`: a macro, as in a function that is generic over
/// its type there are the traits' alone.
macro_rules! call_all {
    ($handle:ident) => {{
        assert!($handle.insert(1, 10));
        assert_eq!($handle.insert_many([(2, 20), (2, 21), (3, 30)]), 2);
        assert_eq!($handle.get(&1), Some(10));
        assert_eq!($handle.get_with(&2, PLUS_ONE), Some(21));
        assert!($handle.contains(&3) && !$handle.contains(&4));
        let mut found = [None; 2];
        $handle.get_many(&[3, 4], &mut found);
        assert_eq!(found, [Some(30), None]);
        assert_eq!($handle.update(&1, PLUS_ONE), Some(10));
        assert_eq!($handle.upsert(4, FORTY_IF_ABSENT), None);
        let mut sum = 0;
        $handle.for_each(add_values(&mut sum));
        assert_eq!(sum, 11 + 20 + 30 + 40);
        for (key, value) in [(1, 11), (2, 20), (3, 30), (4, 40)] {
            assert_eq!($handle.remove(&key), Some(value));
        }
    }};
}

/// Calls every method that only types have, on `$handle`.
macro_rules! call_own {
    ($handle:ident) => {{
        assert_eq!($handle.insert_or_assign(1, 10), None);
        assert_eq!($handle.insert_or_assign(1, 11), Some(10));
        assert_eq!($handle.get_or_insert_with(1, NEVER), 11);
        assert_eq!($handle.get_or_insert_with(2, TWENTY), 20);
        assert_eq!($handle.remove_if(&1, IS_TEN), None);
        assert_eq!($handle.remove_if(&1, IS_ELEVEN), Some(11));
        assert_eq!($handle.insert_many([(3, 30), (4, 40)]), 2);
        $handle.retain(TWENTY_OR_OF_FOUR);
        assert_eq!(($handle.len(), $handle.is_empty(), $handle.contains(&3)), (2, false, false));
        $handle.clear();
        assert!($handle.is_empty());
    }};
}

/// What a thread does that has a map, and nothing in scope but its type.
macro_rules! use_map {
    ($map:ident) => {{
        let mut handle = $map.handle();
        call_all!(handle);
        call_own!(handle);
        handle.offline(|| ());
        let mut pin = handle.pin();
        call_all!(pin);
        call_own!(pin);
        pin.insert(5, 50);
        let mut visited = 0;
        $map.for_each(add_entries(&mut visited));
        assert_eq!((visited, $map.len(), $map.is_empty()), (55, 1, false));
    }};
}

/// Does `$what` with each table.
macro_rules! each_table {
    ($what:ident) => {
        $what!(ChainingGlobalLock<u64, u64>);
        $what!(ChainingBucketLock<u64, u64>);
        $what!(ChainingLockFree<u64, u64>);
        $what!(ChainingInline<u64, u64>);
        $what!(CuckooStriped<u64, u64>);
        $what!(CuckooOptimistic<u64, u64>);
        $what!(CuckooOptimisticItems<u64, u64>);
        $what!(CowLock<u64, u64>);
        $what!(CowCas<u64, u64>);
        $what!(HamtCas<u64, u64>);
        $what!(HamtSharded<u64, u64>);
        $what!(HamtPsim<u64, u64>);
        $what!(LogHerlihy<u64, u64>);
        $what!(LeftRightTable<u64, u64>);
    };
}

#[test]
fn every_operation_without_an_import() {
    macro_rules! check {
        ($table:ty) => {{
            let map = <$table>::new();
            use_map!(map);
        }};
    }
    each_table!(check);
}

#[test]
fn no_call_is_ambiguous() {
    use structures::map::{ConcurrentMap, DirectMap, MapHandle, PinnedMap};

    macro_rules! check {
        ($table:ty) => {{
            let map = <$table>::default();
            use_map!(map);
            assert_eq!(ConcurrentMap::len(&map), 1, "{}", stringify!($table));
        }};
    }
    each_table!(check);
    // By the traits alone, as generic code does.
    fn generic(map: &impl ConcurrentMap<u64, u64>) {
        let mut handle = map.handle();
        call_all!(handle);
        let mut pin = handle.pin();
        call_all!(pin);
    }
    fn direct(map: &impl DirectMap<u64, u64>) -> Option<u64> {
        map.remove(&5)
    }
    let map = CuckooStriped::<_, _>::new();
    generic(&map);
    assert!(map.insert(5, 50));
    assert_eq!(direct(&map), Some(50));
}

/// Later entries replace earlier ones, in an empty table and in one that is not.
#[test]
fn tables_are_made_of_entries() {
    macro_rules! check {
        ($table:ty) => {{
            let mut map: $table = [(1, 10), (2, 20), (1, 11)].into_iter().collect();
            map.extend([(2, 21), (3, 30), (3, 31)]);
            let mut entries = Vec::new();
            map.for_each(|key, value| entries.push((*key, *value)));
            entries.sort_unstable();
            assert_eq!(entries, [(1, 11), (2, 21), (3, 31)], "{}", stringify!($table));
        }};
    }
    each_table!(check);
}

#[test]
fn keys_are_looked_up_by_what_they_can_be_borrowed_as() {
    macro_rules! check {
        ($($table:ident)*) => {$({
            let map = $table::<String, u64>::new();
            let mut handle = map.handle();
            assert!(handle.insert("one".to_owned(), 1));
            assert_eq!(handle.get("one"), Some(1));
            assert_eq!(handle.get_with("one", |value| value + 1), Some(2));
            assert!(handle.contains("one") && !handle.contains("two"));
            assert_eq!(handle.update("one", |value| value + 1), Some(1));
            assert_eq!(handle.remove_if("one", |value| *value == 1), None);
            assert_eq!(handle.pin().remove_if("one", |value| *value == 2), Some(2));
            assert_eq!(handle.remove("one"), None);
        })*};
    }
    check![
        ChainingGlobalLock ChainingBucketLock ChainingLockFree CuckooStriped CuckooOptimisticItems
        CowLock CowCas HamtCas HamtSharded HamtPsim LogHerlihy LeftRightTable
    ];
}

/// By every constructor, in the same order of arguments.
#[test]
fn constructors_have_the_same_names() {
    use std::hash::RandomState;

    use structures::reclaim::{Hazard, Reclaimer};

    macro_rules! holds {
        ($map:expr) => {{
            let map = $map;
            assert!(map.handle().insert(1_u64, 10_u64));
            assert_eq!(map.len(), 1);
        }};
    }
    macro_rules! direct {
        ($($table:ident)*) => {$(
            holds!($table::<_, _>::new());
            holds!($table::<_, _>::with_capacity(100));
            holds!($table::<_, _, _>::with_hasher(RandomState::new()));
            holds!($table::<_, _, _>::with_capacity_and_hasher(100, RandomState::new()));
        )*};
    }
    macro_rules! reclaimed {
        ($($table:ident)*) => {$(
            holds!($table::<_, _>::new());
            holds!($table::<_, _, Hazard, _>::with_hasher(RandomState::new()));
            holds!($table::<_, _, Hazard>::new_in(Hazard::new(Some(1))));
            let (state, domain) = (RandomState::new(), Hazard::new(Some(1)));
            holds!($table::<_, _, Hazard, _>::with_hasher_in(state, domain));
        )*};
    }
    macro_rules! with_room {
        ($($table:ident)*) => {$(
            reclaimed!($table);
            holds!($table::<_, _>::with_capacity(100));
            holds!($table::<_, _, Hazard, _>::with_capacity_and_hasher(100, RandomState::new()));
            holds!($table::<_, _, Hazard>::with_capacity_in(100, Hazard::new(Some(1))));
            let (state, domain) = (RandomState::new(), Hazard::new(Some(1)));
            holds!($table::<_, _, Hazard, _>::with_capacity_and_hasher_in(100, state, domain));
        )*};
    }
    direct![
        ChainingGlobalLock ChainingBucketLock ChainingInline CuckooStriped CuckooOptimistic
        LeftRightTable
    ];
    with_room![ChainingLockFree CuckooOptimisticItems CowLock CowCas];
    reclaimed![HamtCas HamtSharded HamtPsim LogHerlihy];
}
