//! Keys and values of odd shapes: of no size, of more alignment than an allocator gives by itself, and larger
//! than the tables' own words. Where an entry lies must suit its type; nothing else tells of it.
#![forbid(unsafe_code)]

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

/// A table behind a pointer, with what is done to it here: that alone is compiled for each table and shape.
trait Table<K, V> {
    fn enter(&self) -> Box<dyn Operations<K, V> + '_>;
    fn entries(&self) -> u64;
    fn is_bare(&self) -> bool;
}

/// A handle of it.
trait Operations<K, V> {
    fn get(&mut self, key: &K) -> Option<V>;
    /// In a critical section. Whether the key is there.
    fn look(&mut self, key: &K, read: &mut dyn FnMut(&V)) -> bool;
    fn insert(&mut self, key: K, value: V) -> bool;
    fn update(&mut self, key: &K, f: fn(&V) -> V) -> Option<V>;
    fn upsert(&mut self, key: K, f: &mut dyn FnMut(Option<&V>) -> V) -> Option<V>;
    fn remove(&mut self, key: &K) -> Option<V>;
    fn for_each(&mut self, f: &mut dyn FnMut(&K, &V));
}

struct Of<H>(H);

impl<K: Shape, V: Shape, M: ConcurrentMap<K, V>> Table<K, V> for M {
    fn enter(&self) -> Box<dyn Operations<K, V> + '_> {
        Box::new(Of(self.handle()))
    }

    fn entries(&self) -> u64 {
        self.len() as u64
    }

    fn is_bare(&self) -> bool {
        self.is_empty()
    }
}

impl<K: Shape, V: Shape, H: MapHandle<K, V>> Operations<K, V> for Of<H> {
    fn get(&mut self, key: &K) -> Option<V> {
        self.0.get(key)
    }

    fn look(&mut self, key: &K, read: &mut dyn FnMut(&V)) -> bool {
        self.0.pin().get_with(key, read).is_some()
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.insert(key, value)
    }

    fn update(&mut self, key: &K, f: fn(&V) -> V) -> Option<V> {
        self.0.update(key, f)
    }

    fn upsert(&mut self, key: K, f: &mut dyn FnMut(Option<&V>) -> V) -> Option<V> {
        self.0.upsert(key, f)
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    fn for_each(&mut self, f: &mut dyn FnMut(&K, &V)) {
        self.0.for_each(f);
    }
}

/// Insertions past several sizes, updates, removals, and looks at every place in between.
fn holds<K: Shape, V: Shape>(map: &dyn Table<K, V>) {
    let mut handle = map.enter();
    let is_whole = |key: u64, value: &V| {
        assert_eq!(ptr::from_ref(value).addr() % align_of::<V>(), 0, "misplaced");
        assert_eq!(*value, V::of(key));
    };
    for key in 0..K::MANY {
        assert!(handle.insert(K::of(key), V::of(key)));
        assert!(!handle.insert(K::of(key), V::of(0)));
        for present in 0..=key {
            assert!(handle.look(&K::of(present), &mut |value| is_whole(present, value)));
        }
    }
    assert_eq!(map.entries(), K::MANY);
    let mut seen = 0;
    handle.for_each(&mut |key, _| {
        assert_eq!(ptr::from_ref(key).addr() % align_of::<K>(), 0, "misplaced");
        seen += 1;
    });
    assert_eq!(seen, K::MANY);
    for key in 0..K::MANY {
        assert_eq!(handle.update(&K::of(key), V::clone), Some(V::of(key)));
        assert_eq!(handle.upsert(K::of(key), &mut |_| V::of(key)), Some(V::of(key)));
        assert_eq!(handle.remove(&K::of(key)), Some(V::of(key)));
        assert_eq!(handle.get(&K::of(key)), None);
    }
    drop(handle);
    assert!(map.is_bare());
}

fn everywhere<K: Shape, V: Shape>() {
    holds::<K, V>(&ChainingGlobalLock::<K, V>::default());
    holds::<K, V>(&ChainingBucketLock::<K, V>::default());
    holds::<K, V>(&CuckooStriped::<K, V>::default());
    holds::<K, V>(&CowLock::<K, V, Epoch>::default());
    holds::<K, V>(&LeftRightTable::<K, V>::default());
    holds::<K, V>(&ChainingLockFree::<K, V, Epoch>::default());
    holds::<K, V>(&ChainingLockFree::<K, V, Ibr>::default());
    holds::<K, V>(&ChainingLockFree::<K, V, Seize>::default());
    holds::<K, V>(&ChainingLockFree::<K, V, Sdd>::default());
    holds::<K, V>(&CuckooOptimisticItems::<K, V, Haphazard>::default());
    holds::<K, V>(&CowCas::<K, V, RefCounts>::default());
    holds::<K, V>(&HamtCas::<K, V, Hazard>::default());
    holds::<K, V>(&HamtCas::<K, V, Epoch, Hasher, Counted>::default());
    holds::<K, V>(&HamtPsim::<K, V, Hazard>::default());
    holds::<K, V>(&LogHerlihy::<K, V, Hazard>::default());
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
