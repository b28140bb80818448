//! Panics out of closures, iterators, `Hash`, `Eq`, `Clone` and `Drop`, each at each call in turn.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;

use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Hazard, RefCounts, Sdd, Seize};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CowCas, CowLock,
    CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, LeftRightTable, LogHerlihy,
};

use crate::erased::Erased;
use crate::probe::{Probe, assert_no_faults};
use crate::{erased, panics};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Hash,
    Eq,
    Clone,
    Drop,
    Closure,
}

thread_local! {
    /// Which kind of the user's code panics, and after how many calls.
    static FUSE: Cell<Option<(Kind, u32)>> = const { Cell::new(None) };
}

fn burn(kind: Kind) {
    if let Some((armed, left)) = FUSE.get()
        && armed == kind
    {
        FUSE.set(left.checked_sub(1).map(|left| (kind, left)));
        if left == 0 && !std::thread::panicking() {
            // Without a message for each of thousands.
            resume_unwind(Box::new("planted"));
        }
    }
}

/// A key and value all of whose code can panic.
struct Fused(Probe);

impl Fused {
    fn new(id: u64) -> Self {
        Self(Probe::new(id))
    }
}

impl Hash for Fused {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn(Kind::Hash);
        self.0.hash(state);
    }
}

impl PartialEq for Fused {
    fn eq(&self, other: &Self) -> bool {
        burn(Kind::Eq);
        self.0 == other.0
    }
}

impl Eq for Fused {}

impl Clone for Fused {
    fn clone(&self) -> Self {
        burn(Kind::Clone);
        Self(self.0.clone())
    }
}

impl Drop for Fused {
    fn drop(&mut self) {
        self.0.id();
        burn(Kind::Drop);
    }
}

/// Every operation, on keys that collide in nothing; enough of them that tables grow.
fn every_operation(map: &Erased<Fused, Fused>, round: u64) {
    let mut handle = map.handle();
    let closure = |value: &Fused| {
        burn(Kind::Closure);
        Fused::new(value.0.id())
    };
    panics(|| handle.insert(Fused::new(round), Fused::new(round)));
    panics(|| handle.insert(Fused::new(round), Fused::new(round)));
    panics(|| handle.update(&Fused::new(round), closure));
    panics(|| {
        handle.upsert(Fused::new(round + 1), |value| {
            burn(Kind::Closure);
            Fused::new(value.map_or(0, |value| value.0.id()))
        })
    });
    panics(|| handle.get_with(&Fused::new(round), |value| drop(closure(value))));
    let entries = (round..round + 5).map(|key| {
        burn(Kind::Closure);
        (Fused::new(key), Fused::new(key))
    });
    panics(|| handle.insert_many(entries));
    panics(|| handle.remove(&Fused::new(round / 2)));
    if round.is_multiple_of(8) {
        panics(|| handle.for_each(|_, value| drop(closure(value))));
    }
    panics(|| drop(handle));
}

fn check<M: ConcurrentMap<Fused, Fused> + Default + 'static>() {
    check_each(&|| erased(M::default()));
}

fn check_each(new: &dyn Fn() -> Erased<Fused, Fused>) {
    for kind in [Kind::Hash, Kind::Eq, Kind::Clone, Kind::Drop, Kind::Closure] {
        let map = new();
        for round in 0..48 {
            FUSE.set(Some((kind, u32::try_from(round % 12).expect("small"))));
            every_operation(&map, round);
        }
        FUSE.set(None);
        map.handle().for_each(|key, value| _ = (key.0.id(), value.0.id()));
        FUSE.set(Some((kind, 5)));
        panics(|| drop(map));
        FUSE.set(None);
    }
    assert_no_faults();
}

#[test]
fn any_code_of_the_users_may_panic() {
    check::<ChainingGlobalLock<Fused, Fused>>();
    check::<ChainingBucketLock<Fused, Fused>>();
    check::<CuckooStriped<Fused, Fused>>();
    check::<ChainingLockFree<Fused, Fused, Hazard>>();
    check::<ChainingLockFree<Fused, Fused, Epoch>>();
    check::<ChainingLockFree<Fused, Fused, Seize>>();
    check::<ChainingLockFree<Fused, Fused, Sdd>>();
    check::<CuckooOptimisticItems<Fused, Fused, Hazard>>();
    check::<CowLock<Fused, Fused, Hazard>>();
    check::<CowCas<Fused, Fused, RefCounts>>();
    check::<HamtCas<Fused, Fused, Hazard>>();
    check::<HamtPsim<Fused, Fused, Hazard>>();
    check::<LogHerlihy<Fused, Fused, Hazard>>();
    check::<LeftRightTable<Fused, Fused>>();
}
