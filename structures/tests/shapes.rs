//! Keys and values of odd shapes: of no size, of more alignment than an allocator gives by itself, and larger
//! than the tables' own words. Where an entry lies must suit its type; nothing else tells of it.
#![forbid(unsafe_code)]

#[allow(unreachable_pub, reason = "it is the suite's too")]
#[path = "suite/erased.rs"]
mod erased;

use std::fmt::Debug;
use std::hash::Hash;
use std::ptr;

use structures::map::{ConcurrentMap, MapHandle, PinnedMap};
use structures::reclaim::{Epoch, Haphazard, Hazard, Ibr, RefCounts, Sdd, Seize};
use structures::versioned::hamt::Counted;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CowCas, CowLock,
    CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, LeftRightTable, LogHerlihy,
};

use self::erased::Erased;

type Hasher = foldhash::fast::RandomState;

/// A key or value that is made of a number.
trait Shape: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// How many differ.
    const MANY: u64;

    fn of(number: u64) -> Self;
}

/// A page: allocators give 16 bytes of alignment unless they are asked for more.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[repr(align(4096))]
struct Page(u64);

impl Shape for Page {
    const MANY: u64 = 40;

    fn of(number: u64) -> Self {
        Self(number)
    }
}

/// Of no size, and of much alignment.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[repr(align(1024))]
struct Nothing;

impl Shape for Nothing {
    const MANY: u64 = 1;

    fn of(_: u64) -> Self {
        Self
    }
}

/// Larger than a cache line, and of an odd size.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Long([u8; 333]);

impl Shape for Long {
    const MANY: u64 = 40;

    fn of(number: u64) -> Self {
        Self([u8::try_from(number).expect("a small number"); 333])
    }
}

/// Insertions past several sizes, updates, removals, and looks at every place in between.
fn holds<K: Shape, V: Shape>(map: &impl ConcurrentMap<K, V>) {
    let mut handle = map.handle();
    let is_whole = |key: u64, value: &V| {
        assert_eq!(ptr::from_ref(value).addr() % align_of::<V>(), 0, "misplaced");
        assert_eq!(*value, V::of(key));
    };
    for key in 0..K::MANY {
        assert!(handle.insert(K::of(key), V::of(key)));
        assert!(!handle.insert(K::of(key), V::of(0)));
        for present in 0..=key {
            handle
                .pin()
                .get_with(&K::of(present), |value| is_whole(present, value))
                .expect("there");
        }
    }
    assert_eq!(map.len() as u64, K::MANY);
    let mut seen = 0;
    handle.for_each(|key, _| {
        assert_eq!(ptr::from_ref(key).addr() % align_of::<K>(), 0, "misplaced");
        seen += 1;
    });
    assert_eq!(seen, K::MANY);
    for key in 0..K::MANY {
        assert_eq!(handle.update(&K::of(key), V::clone), Some(V::of(key)));
        assert_eq!(handle.upsert(K::of(key), |_| V::of(key)), Some(V::of(key)));
        assert_eq!(handle.remove(&K::of(key)), Some(V::of(key)));
        assert_eq!(handle.get(&K::of(key)), None);
    }
    drop(handle);
    assert!(map.is_empty());
}

fn everywhere<K: Shape, V: Shape>() {
    holds::<K, V>(&Erased::new(ChainingGlobalLock::<K, V>::default()));
    holds::<K, V>(&Erased::new(ChainingBucketLock::<K, V>::default()));
    holds::<K, V>(&Erased::new(CuckooStriped::<K, V>::default()));
    holds::<K, V>(&Erased::new(CowLock::<K, V, Epoch>::default()));
    holds::<K, V>(&Erased::new(LeftRightTable::<K, V>::default()));
    holds::<K, V>(&Erased::new(ChainingLockFree::<K, V, Epoch>::default()));
    holds::<K, V>(&Erased::new(ChainingLockFree::<K, V, Ibr>::default()));
    holds::<K, V>(&Erased::new(ChainingLockFree::<K, V, Seize>::default()));
    holds::<K, V>(&Erased::new(ChainingLockFree::<K, V, Sdd>::default()));
    holds::<K, V>(&Erased::new(CuckooOptimisticItems::<K, V, Haphazard>::default()));
    holds::<K, V>(&Erased::new(CowCas::<K, V, RefCounts>::default()));
    holds::<K, V>(&Erased::new(HamtCas::<K, V, Hazard>::default()));
    holds::<K, V>(&Erased::new(HamtCas::<K, V, Epoch, Hasher, Counted>::default()));
    holds::<K, V>(&Erased::new(HamtPsim::<K, V, Hazard>::default()));
    holds::<K, V>(&Erased::new(LogHerlihy::<K, V, Hazard>::default()));
}

#[test]
fn pages_are_where_their_alignment_says() {
    everywhere::<Page, Page>();
}

#[test]
fn nothing_is_held_and_given_back() {
    everywhere::<Nothing, Nothing>();
}

#[test]
fn sizes_and_alignments_of_keys_and_values_differ() {
    everywhere::<Long, Page>();
}
