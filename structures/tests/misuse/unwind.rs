//! Panics out of closures, iterators, `Hash`, `Eq`, `Clone` and `Drop`, each at each call in turn.

use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Hazard, RefCounts, Sdd, Seize};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CowCas, CowLock,
    CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, LeftRightTable, LogHerlihy,
};

use crate::erased::Erased;
use crate::probe::{Kind, Probe, assert_no_faults, burn, plant};
use crate::{erased, panics};

/// Every operation, on keys that collide in nothing; enough of them that tables grow.
fn every_operation(map: &Erased<Probe, Probe>, round: u64) {
    let mut handle = map.handle();
    let closure = |value: &Probe| {
        burn(Kind::Closure);
        Probe::fused(value.id())
    };
    panics(|| handle.insert(Probe::fused(round), Probe::fused(round)));
    panics(|| handle.insert(Probe::fused(round), Probe::fused(round)));
    panics(|| handle.update(&Probe::fused(round), closure));
    panics(|| {
        handle.upsert(Probe::fused(round + 1), |value| {
            burn(Kind::Closure);
            Probe::fused(value.map_or(0, Probe::id))
        })
    });
    panics(|| handle.get_with(&Probe::fused(round), |value| drop(closure(value))));
    let entries = (round..round + 5).map(|key| {
        burn(Kind::Closure);
        (Probe::fused(key), Probe::fused(key))
    });
    panics(|| handle.insert_many(entries));
    panics(|| handle.remove(&Probe::fused(round / 2)));
    if round.is_multiple_of(8) {
        panics(|| handle.for_each(|_, value| drop(closure(value))));
    }
    panics(|| drop(handle));
}

fn check<M: ConcurrentMap<Probe, Probe> + Default + 'static>() {
    check_each(&|| erased(M::default()));
}

fn check_each(new: &dyn Fn() -> Erased<Probe, Probe>) {
    for kind in [Kind::Hash, Kind::Eq, Kind::Clone, Kind::Drop, Kind::Closure] {
        let map = new();
        for round in 0..48 {
            plant(Some((kind, u32::try_from(round % 12).expect("small"))));
            every_operation(&map, round);
        }
        plant(None);
        map.handle().for_each(|key, value| _ = (key.id(), value.id()));
        plant(Some((kind, 5)));
        panics(|| drop(map));
        plant(None);
    }
    assert_no_faults();
}

#[test]
fn any_code_of_the_users_may_panic() {
    check::<ChainingGlobalLock<Probe, Probe>>();
    check::<ChainingBucketLock<Probe, Probe>>();
    check::<CuckooStriped<Probe, Probe>>();
    check::<ChainingLockFree<Probe, Probe, Hazard>>();
    check::<ChainingLockFree<Probe, Probe, Epoch>>();
    check::<ChainingLockFree<Probe, Probe, Seize>>();
    check::<ChainingLockFree<Probe, Probe, Sdd>>();
    check::<CuckooOptimisticItems<Probe, Probe, Hazard>>();
    check::<CowLock<Probe, Probe, Hazard>>();
    check::<CowCas<Probe, Probe, RefCounts>>();
    check::<HamtCas<Probe, Probe, Hazard>>();
    check::<HamtPsim<Probe, Probe, Hazard>>();
    check::<LogHerlihy<Probe, Probe, Hazard>>();
    check::<LeftRightTable<Probe, Probe>>();
}
