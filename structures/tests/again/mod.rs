//! The cases: a table, a place where it runs user code, and what is done there.

#![allow(unreachable_pub, reason = "a module of a test binary")]

mod documented;
mod erased;
mod hooked;
mod slow;
mod two;

use std::panic::{self, AssertUnwindSafe};

use structures::exclusion::{BucketLocks, GlobalLock, Optimistic, OptimisticStripes, SingleWriter};
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
use erased::{Operations, Table, table};
use hooked::{Key, Place, State, Tally, Use, Value, armed, fire};

/// Keys of one hash, so that they share every lock that a key has.
const SAME: std::ops::Range<u64> = 1..5;
/// Another of them, which is absent.
const ABSENT: u64 = 5;
/// Keys of different hashes, for growth.
const MANY: std::ops::Range<u64> = 5_000..5_400;

/// Uses the table as `what` says, from within: `times` counts how often that has been done.
fn again(map: &dyn Table, handle: &mut dyn Operations, what: Use, times: u64) {
    let present = 1 + times % 4;
    match what {
        Use::Lookup => {
            assert!(handle.get(present) && handle.contains(present));
            assert!(handle.get_with(present, &mut || ()));
            assert!(!handle.get(9_999));
        }
        Use::Write => {
            assert!(handle.update(present, &mut || ()));
            assert!(handle.upsert(present, &mut || ()));
            assert!(handle.insert(ABSENT));
            assert!(handle.remove(ABSENT));
            // Enough, over the first times, that the table grows from within.
            let new = if times < 12 { 16 } else { 0 };
            let first = 1_000 + 16 * times;
            assert!((first..first + new).all(|key| handle.insert(key)));
        }
        Use::Iterate => {
            let mut seen = 0;
            handle.for_each(&mut || seen += 1);
            assert!(seen >= 4, "those of one hash stay");
        }
        Use::Len => assert!(map.len() >= 4 && !map.is_empty()),
    }
}

/// An operation, or more.
type Step = fn(&mut dyn Operations);

/// What runs user code at `place`.
fn steps(place: Place) -> &'static [Step] {
    match place {
        Place::GetWith => &[
            |handle| _ = handle.get_with(1, &mut fire),
            |handle| _ = handle.get_with(2, &mut || (fire(), fire()).1),
        ],
        Place::Update => &[
            |handle| _ = handle.update(1, &mut fire),
            |handle| _ = handle.upsert(2, &mut fire),
            |handle| _ = handle.upsert(6, &mut fire),
        ],
        Place::ForEach => &[|handle| handle.for_each(&mut fire)],
        Place::Hash | Place::Eq | Place::Clone | Place::Drop => &[
            |handle| _ = handle.get(1),
            |handle| _ = handle.get_with(2, &mut || ()),
            |handle| _ = handle.contains(3),
            |handle| handle.get_many([1, 4]),
            |handle| _ = handle.insert(6),
            |handle| _ = handle.insert(6),
            |handle| _ = handle.insert_many([1, 6, 7]),
            |handle| _ = handle.update(1, &mut || ()),
            |handle| _ = handle.update(9_999, &mut || ()),
            |handle| _ = handle.upsert(2, &mut || ()),
            |handle| _ = handle.upsert(8_888, &mut || ()),
            |handle| _ = handle.remove(6),
            |handle| _ = handle.remove(9_999),
            |handle| handle.for_each(&mut || ()),
            |handle| MANY.for_each(|key| _ = handle.insert(key)),
            |handle| MANY.for_each(|key| _ = handle.update(key, &mut || ())),
            |handle| MANY.for_each(|key| _ = handle.remove(key)),
        ],
    }
}

/// Operations in which user code is to panic. `upsert` finds 6 absent, unless its removal has panicked.
const INTERRUPTED: [Step; 5] = [
    |handle| _ = handle.remove(6),
    |handle| _ = handle.upsert(6, &mut || hooked::at(Place::Update)),
    |handle| _ = handle.insert(6),
    |handle| _ = handle.update(1, &mut || hooked::at(Place::Update)),
    |handle| handle.for_each(&mut || hooked::at(Place::Update)),
];

/// Runs operations in which user code panics at its first call, and at its second: what is dropped for that
/// uses the table, too.
fn interrupt_each(map: &'static dyn Table) {
    let mut happened = 0;
    for place in [Place::Hash, Place::Eq, Place::Clone, Place::Update] {
        for (calls, operation) in INTERRUPTED.iter().flat_map(|each| [(0, each), (1, each)]) {
            let mut handle = map.handle();
            hooked::limited(8, || {
                let one = || operation(&mut *handle);
                happened += u64::from(hooked::interrupted(place, calls, one));
            });
            still_works(map);
            hooked::limited(8, || drop(handle));
        }
    }
    assert!(happened > 8, "{happened} operations panicked");
}

/// Runs each step, with user code at `place` that uses the table as `what` says.
fn operate(map: &'static dyn Table, place: Place, what: Use) -> Tally {
    let mut inner = map.handle();
    let again = move |times| again(map, &mut *inner, what, times);
    armed(place, again, || {
        for step in steps(place) {
            let mut handle = map.handle();
            let one = AssertUnwindSafe(|| hooked::step(|| step(&mut *handle)));
            hooked::check_panic(panic::catch_unwind(one));
            still_works(map);
            // A participant that leaves may free.
            hooked::step(|| drop(handle));
        }
        if place == Place::Drop {
            interrupt_each(map);
        }
    })
}

/// After a panic too, all that was there is, and operations do what they should.
fn still_works(map: &'static dyn Table) {
    let mut handle = map.handle();
    assert!(SAME.into_iter().all(|key| handle.get(key)));
    // Left behind by a use that panicked half way.
    handle.remove(ABSENT);
    assert!(handle.insert(ABSENT));
    assert!(!handle.insert(ABSENT));
    assert!(handle.remove(ABSENT));
    let mut entries = 0;
    handle.for_each(&mut || entries += 1);
    assert_eq!(map.len(), entries);
}

/// Tries a cell of the documented table.
fn cell(name: &str, table: fn() -> &'static dyn Table) {
    let mut parts = name.split('/');
    let (row, place) = (parts.next().expect("a table"), parts.next_back().expect("a place"));
    let place = Place::ALL.into_iter().find(|each| each.name() == place).expect("a place");
    let answer = documented::answer(row, place);
    hooked::silence_expected_panics();
    let mut writes_and_iterations = Tally::default();
    for what in [Use::Lookup, Use::Len, Use::Iterate, Use::Write] {
        let map = table();
        let mut handle = map.handle();
        assert!(SAME.into_iter().all(|key| handle.insert(key)));
        drop(handle);
        println!("{what:?}");
        let tally = operate(map, place, what);
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
            cases.push(Case { name, run: |name| cell(name, table::<$key, $value, $map>) });
        })*
        cases
    }};
}

/// All cases.
pub fn cases() -> Vec<Case> {
    documented::is_complete();
    let mut cases = of_any_type();
    cases.extend(of_words());
    cases.extend(slow::cases());
    cases.extend(two::cases());
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
        "CuckooStriped" "none": CuckooStriped<Key, Value, State>,
        "CowLock" "epoch": CowLock<Key, Value, Epoch, State>,
        "CowLock" "haphazard": CowLock<Key, Value, Haphazard, State>,
        "CowLock" "hazard": CowLock<Key, Value, Hazard, State>,
        "CowLock" "ibr": CowLock<Key, Value, Ibr, State>,
        "CowLock" "arc": CowLock<Key, Value, RefCounts, State>,
        "CowCas" "epoch": CowCas<Key, Value, Epoch, State>,
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
    type Inline<E> = ChainingInline<u64, u64, State, E>;
    type Cuckoo<E, T> = CuckooOptimistic<u64, u64, State, 4, E, T>;
    tables! { [Place::GetWith, Place::Update, Place::ForEach, Place::Hash], u64, u64;
        "ChainingInline" "optimistic": Inline<Optimistic>,
        "ChainingInline" "single-writer": Inline<SingleWriter>,
        "ChainingInline" "bucket-lock": Inline<BucketLocks>,
        "ChainingInline" "global-lock": Inline<GlobalLock>,
        "CuckooOptimistic" "optimistic": Cuckoo<Optimistic, Tagged>,
        "CuckooOptimistic" "no-tag": Cuckoo<Optimistic, Untagged>,
        "CuckooOptimistic" "one-stripe": Cuckoo<OptimisticStripes<1>, Tagged>,
        "CuckooOptimistic" "stripes-no-tag": Cuckoo<OptimisticStripes<4>, Untagged>,
        "CuckooOptimistic" "single-writer": Cuckoo<SingleWriter, Tagged>,
        "CuckooOptimistic" "bucket-lock": Cuckoo<BucketLocks, Tagged>,
        "CuckooOptimistic" "global-lock": Cuckoo<GlobalLock, Tagged>,
    }
}
