//! Handles and pins with both of their traits in scope: no call is ambiguous.
#![cfg(not(any(loom, shuttle)))]

use structures::map::{ConcurrentMap, MapHandle, PinnedMap};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas, CowLock,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, HamtSharded,
    LeftRightTable, LogHerlihy,
};

/// Calls every method that both traits have, on `$handle`: a macro, as in a function that is generic
/// over its type there is one trait only.
macro_rules! call_all {
    ($handle:ident) => {{
        assert!($handle.insert(1, 10));
        assert_eq!($handle.insert_many([(2, 20), (2, 21), (3, 30)]), 2);
        assert_eq!($handle.get(&1), Some(10));
        assert_eq!($handle.get_with(&2, |value| value + 1), Some(21));
        assert!($handle.contains(&3) && !$handle.contains(&4));
        let mut found = [None; 2];
        $handle.get_many(&[3, 4], &mut found);
        assert_eq!(found, [Some(30), None]);
        assert_eq!($handle.update(&1, |value| value + 1), Some(10));
        assert_eq!($handle.upsert(4, |old| old.map_or(40, |_| 0)), None);
        let mut sum = 0;
        $handle.for_each(|_, value| sum += value);
        assert_eq!(sum, 11 + 20 + 30 + 40);
        for (key, value) in [(1, 11), (2, 20), (3, 30), (4, 40)] {
            assert_eq!($handle.remove(&key), Some(value));
        }
    }};
}

macro_rules! tables {
    ($($table:ty),* $(,)?) => {$({
        let map = <$table>::default();
        let mut handle = map.handle();
        call_all!(handle);
        let mut pin = handle.pin();
        call_all!(pin);
        assert_eq!(ConcurrentMap::<u64, u64>::len(&map), 0, "{}", stringify!($table));
    })*};
}

#[test]
fn no_call_is_ambiguous() {
    tables![
        ChainingGlobalLock<u64, u64>,
        ChainingBucketLock<u64, u64>,
        ChainingLockFree<u64, u64>,
        ChainingInline<u64, u64>,
        CuckooStriped<u64, u64>,
        CuckooOptimistic<u64, u64>,
        CuckooOptimisticItems<u64, u64>,
        CowLock<u64, u64>,
        CowCas<u64, u64>,
        HamtCas<u64, u64>,
        HamtSharded<u64, u64>,
        HamtPsim<u64, u64>,
        LogHerlihy<u64, u64>,
        LeftRightTable<u64, u64>,
    ];
}
