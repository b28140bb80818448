//! The cases: a table, a place where it runs user code, and what is done there.

#![allow(unreachable_pub, reason = "a module of a test binary")]

mod documented;
mod hooked;
mod late;
mod slow;

use std::panic::{self, AssertUnwindSafe};

use structures::exclusion::{BucketLocks, GlobalLock, Optimistic, SingleWriter};
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{
    Debra, Epoch, GraceRcu, Haphazard, Hazard, Ibr, Leak, PoorRcu, Qsbr, RefCounts, Sdd, Seize,
    WorkerRcu,
};
use structures::tagging::{Tagged, Untagged};
use structures::versioned::{
    CowCas, CowLock, HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy,
};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

use crate::alone::Case;
use documented::Answer;
use hooked::{Key, Place, State, Tally, Use, Value, armed, fire};

/// Keys of one hash, so that they share every lock that a key has.
const SAME: std::ops::Range<u64> = 1..5;
/// Another of them, which is absent.
const ABSENT: u64 = 5;
/// Keys of different hashes, for growth.
const MANY: std::ops::Range<u64> = 5_000..5_400;

/// Uses the table as `what` says, from within: `times` counts how often that has been done.
fn again<K, V, M>(map: &M, handle: &mut M::Handle<'_>, what: Use, times: u64)
where
    K: From<u64>,
    V: From<u64> + Clone,
    M: ConcurrentMap<K, V>,
{
    let present = K::from(1 + times % 4);
    match what {
        Use::Lookup => {
            assert!(handle.get(&present).is_some());
            assert!(handle.contains(&present));
            assert_eq!(handle.get_with(&present, |_| 7), Some(7));
            assert!(handle.get(&K::from(9_999)).is_none());
        }
        Use::Write => {
            assert!(handle.update(&present, V::clone).is_some());
            handle.upsert(present, |_| V::from(times));
            assert!(handle.insert(K::from(ABSENT), V::from(1)));
            assert!(handle.remove(&K::from(ABSENT)).is_some());
            // Enough, over the first times, that the table grows from within.
            let new = if times < 12 { 16 } else { 0 };
            let first = 1_000 + 16 * times;
            (first..first + new).for_each(|key| assert!(handle.insert(K::from(key), V::from(2))));
        }
        Use::Iterate => {
            let mut seen = 0;
            handle.for_each(|_, _| seen += 1);
            assert!(seen >= 4, "those of one hash stay");
        }
        Use::Len => assert!(map.len() >= 4 && !map.is_empty()),
    }
}

/// Runs each operation, and growth, with user code at `place` that uses the table as `what` says.
fn operate<K, V, M>(map: &'static M, place: Place, what: Use) -> Tally
where
    K: From<u64> + 'static,
    V: From<u64> + Clone + 'static,
    M: ConcurrentMap<K, V>,
{
    let mut inner = map.handle();
    let again = move |times| again::<K, V, M>(map, &mut inner, what, times);
    armed(place, again, || {
        let mut handle = Some(map.handle());
        let steps: &[fn(&mut M::Handle<'static>)] = match place {
            Place::GetWith => &[
                |handle| _ = handle.get_with(&K::from(1), |_| fire()),
                |handle| _ = handle.get_with(&K::from(2), |_| (fire(), fire())),
            ],
            Place::Update => &[
                |handle| {
                    let value = |value: &V| (fire(), value.clone()).1;
                    handle.update(&K::from(1), value);
                },
                |handle| {
                    let value = |value: Option<&V>| (fire(), value.expect("present").clone()).1;
                    handle.upsert(K::from(2), value);
                },
                |handle| _ = handle.upsert(K::from(6), |_| (fire(), V::from(3)).1),
            ],
            Place::ForEach => &[|handle| handle.for_each(|_, _| fire())],
            Place::Hash | Place::Eq | Place::Clone | Place::Drop => &[
                |handle| _ = handle.get(&K::from(1)),
                |handle| _ = handle.get_with(&K::from(2), |_| ()),
                |handle| _ = handle.contains(&K::from(3)),
                |handle| handle.get_many(&[K::from(1), K::from(4)], &mut [None, None]),
                |handle| _ = handle.insert(K::from(6), V::from(1)),
                |handle| _ = handle.insert(K::from(6), V::from(1)),
                |handle| _ = handle.insert_many([1, 6, 7].map(|key| (K::from(key), V::from(1)))),
                |handle| _ = handle.update(&K::from(1), V::clone),
                |handle| _ = handle.update(&K::from(9_999), V::clone),
                |handle| _ = handle.upsert(K::from(2), |_| V::from(2)),
                |handle| _ = handle.upsert(K::from(8_888), |_| V::from(2)),
                |handle| _ = handle.remove(&K::from(6)),
                |handle| _ = handle.remove(&K::from(9_999)),
                |handle| handle.for_each(|_, _| ()),
                |handle| MANY.for_each(|key| _ = handle.insert(K::from(key), V::from(1))),
                |handle| MANY.for_each(|key| _ = handle.update(&K::from(key), V::clone)),
                |handle| MANY.for_each(|key| _ = handle.remove(&K::from(key))),
            ],
        };
        for step in steps {
            let live = handle.as_mut().expect("there is one");
            let ended = panic::catch_unwind(AssertUnwindSafe(|| hooked::step(|| step(live))));
            hooked::check_panic(ended);
            still_works::<K, V, M>(map);
            // A participant that leaves may free.
            hooked::step(|| handle = None);
            handle = Some(map.handle());
        }
    })
}

/// After a panic too, all that was there is, and operations do what they should.
fn still_works<K, V, M>(map: &M)
where
    K: From<u64>,
    V: From<u64> + Clone,
    M: ConcurrentMap<K, V>,
{
    let mut handle = map.handle();
    assert!(SAME.into_iter().all(|key| handle.get(&K::from(key)).is_some()));
    // Left behind by a use that panicked half way.
    handle.remove(&K::from(ABSENT));
    assert!(handle.insert(K::from(ABSENT), V::from(1)));
    assert!(!handle.insert(K::from(ABSENT), V::from(1)));
    assert!(handle.remove(&K::from(ABSENT)).is_some());
    let mut entries = 0;
    handle.for_each(|_, _| entries += 1);
    assert_eq!(map.len(), entries);
}

/// Tries a cell of the documented table.
fn cell<K, V, M>(name: &str)
where
    K: From<u64> + 'static,
    V: From<u64> + Clone + 'static,
    M: ConcurrentMap<K, V> + Default + 'static,
{
    let mut parts = name.split('/');
    let (table, place) = (parts.next().expect("a table"), parts.next_back().expect("a place"));
    let place = Place::ALL.into_iter().find(|each| each.name() == place).expect("a place");
    let answer = documented::answer(table, place);
    hooked::silence_expected_panics();
    let mut writes_and_iterations = Tally::default();
    for what in [Use::Lookup, Use::Len, Use::Iterate, Use::Write] {
        let map: &'static M = Box::leak(Box::new(M::default()));
        let mut handle = map.handle();
        assert!(SAME.into_iter().all(|key| handle.insert(K::from(key), V::from(0))));
        drop(handle);
        println!("{what:?}");
        let tally = operate::<K, V, M>(map, place, what);
        println!("    {tally:?}");
        assert!(tally.worked + tally.panicked > 0, "no user code was run at {place:?}");
        match (answer, what) {
            (Answer::Works, _) | (Answer::Reads, Use::Lookup | Use::Len) => {
                assert_eq!(tally.panicked, 0, "documented: {answer:?}");
            }
            (Answer::Panics, Use::Lookup) => {
                assert!(tally.panicked > 0, "it has not panicked");
                // The keys have one hash, and closures run under its locks.
                let always = matches!(place, Place::GetWith | Place::Update | Place::ForEach);
                assert!(!always || tally.worked == 0, "it has not always panicked");
            }
            (Answer::Reads | Answer::Panics, _) => writes_and_iterations += tally,
            (Answer::Never, _) => panic!("documented as never run"),
        }
    }
    if answer == Answer::Reads {
        assert!(writes_and_iterations.panicked > 0, "writing works as well");
    }
}

/// The name in the documented table, a name that tells apart what has the same answers, and where
/// it runs user code.
macro_rules! tables {
    ($places:expr, $key:ty, $value:ty; $($table:literal $variant:literal: $map:ty,)*) => {{
        let mut cases = Vec::new();
        $(for place in $places {
            let name = format!("{}/{}/{}", $table, $variant, place.name());
            cases.push(Case { name, run: cell::<$key, $value, $map> });
        })*
        cases
    }};
}

/// All cases.
pub fn cases() -> Vec<Case> {
    documented::is_complete();
    let mut cases = of_any_type();
    cases.extend(of_words());
    cases.extend(late::cases());
    cases.extend(slow::cases());
    cases
}

fn of_any_type() -> Vec<Case> {
    type LockFree<R> = ChainingLockFree<Key, Value, R, State>;
    type Items<R> = CuckooOptimisticItems<Key, Value, R, State, 4>;
    tables! { Place::ALL, Key, Value;
        "ChainingGlobalLock" "none": ChainingGlobalLock<Key, Value, State>,
        "ChainingBucketLock" "none": ChainingBucketLock<Key, Value, State>,
        "ChainingLockFree" "leak": LockFree<Leak>,
        "ChainingLockFree" "epoch": LockFree<Epoch>,
        "ChainingLockFree" "haphazard": LockFree<Haphazard>,
        "ChainingLockFree" "hazard": LockFree<Hazard>,
        "ChainingLockFree" "debra": LockFree<Debra>,
        "ChainingLockFree" "ibr": LockFree<Ibr>,
        "ChainingLockFree" "qsbr": LockFree<Qsbr>,
        "ChainingLockFree" "worker-rcu": LockFree<WorkerRcu>,
        "ChainingLockFree" "poor-rcu": LockFree<PoorRcu>,
        "ChainingLockFree" "grace-rcu": LockFree<GraceRcu>,
        "ChainingLockFree" "seize": LockFree<Seize>,
        "ChainingLockFree" "sdd": LockFree<Sdd>,
        "CuckooOptimisticItems" "epoch": Items<Epoch>,
        "CuckooOptimisticItems" "hazard": Items<Hazard>,
        "CuckooOptimisticItems" "haphazard": Items<Haphazard>,
        "CuckooOptimisticItems" "seize": Items<Seize>,
        "CuckooStriped" "none": CuckooStriped<Key, Value, State>,
        "CowLock" "epoch": CowLock<Key, Value, Epoch, State>,
        "CowLock" "haphazard": CowLock<Key, Value, Haphazard, State>,
        "CowLock" "hazard": CowLock<Key, Value, Hazard, State>,
        "CowLock" "ibr": CowLock<Key, Value, Ibr, State>,
        "CowLock" "debra": CowLock<Key, Value, Debra, State>,
        "CowLock" "arc": CowLock<Key, Value, RefCounts, State>,
        "CowCas" "epoch": CowCas<Key, Value, Epoch, State>,
        "CowCas" "hazard": CowCas<Key, Value, Hazard, State>,
        "CowCas" "arc": CowCas<Key, Value, RefCounts, State>,
        "HamtCas" "epoch": HamtCas<Key, Value, Epoch, State>,
        "HamtCas" "hazard": HamtCas<Key, Value, Hazard, State>,
        "HamtCas" "arc": HamtCas<Key, Value, RefCounts, State>,
        "HamtSharded" "epoch": HamtSharded<Key, Value, Epoch, State>,
        "HamtPsim" "epoch": HamtPsim<Key, Value, Epoch, State>,
        "HamtPsim" "hazard": HamtPsim<Key, Value, Hazard, State>,
        "LogHerlihy" "epoch": LogHerlihy<Key, Value, Epoch, State>,
        "LogHerlihy" "hazard": LogHerlihy<Key, Value, Hazard, State>,
        "LeftRightTable" "none": LeftRightTable<Key, Value, State>,
    }
}

fn of_words() -> Vec<Case> {
    type Inline<E> = ChainingInline<u64, u64, State, E, Tagged>;
    type Cuckoo<E, T> = CuckooOptimistic<u64, u64, State, 4, E, T>;
    tables! { [Place::GetWith, Place::Update, Place::ForEach, Place::Hash], u64, u64;
        "ChainingInline" "optimistic": Inline<Optimistic>,
        "ChainingInline" "single-writer": Inline<SingleWriter>,
        "ChainingInline" "bucket-lock": Inline<BucketLocks>,
        "ChainingInline" "global-lock": Inline<GlobalLock>,
        "CuckooOptimistic" "optimistic": Cuckoo<Optimistic, Tagged>,
        "CuckooOptimistic" "no-tag": Cuckoo<Optimistic, Untagged>,
        "CuckooOptimistic" "single-writer": Cuckoo<SingleWriter, Tagged>,
        "CuckooOptimistic" "bucket-lock": Cuckoo<BucketLocks, Tagged>,
        "CuckooOptimistic" "global-lock": Cuckoo<GlobalLock, Tagged>,
    }
}
