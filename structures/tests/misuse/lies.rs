//! Keys whose `Eq` lies and whose hashes change, and payloads that weigh otherwise each time.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher as _};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use structures::cuckoo::path::RandomWalk;
use structures::exclusion::{Optimistic, OptimisticStripes};
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Hazard, RefCounts};
use structures::tagging::{Tagged, Untagged};
use structures::versioned::{Sequential, Universal, UniversalHandle, UniversalPinned, Whole};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, LeftRightTable,
    LogHerlihy,
};

use crate::erased::Erased;
use crate::probe::{Probe, assert_no_faults, random};
use crate::{erased, panics};

/// Two threads; whatever panics (a table that finds no room, say) is no concern of this test.
fn churn(map: &Erased<Probe, Probe>) {
    let work = |seed: u64| {
        crate::probe::seed(seed);
        let mut handle = map.handle();
        for _ in 0..400 {
            let key = random(60);
            let liar = || Probe::liar(key);
            panics(|| match random(6) {
                0 | 1 => drop(handle.insert(liar(), Probe::new(key))),
                2 => drop(handle.remove(&liar()).map(|value| value.id())),
                3 => drop(handle.get(&liar()).map(|value| value.id())),
                4 => drop(handle.update(&liar(), |value| Probe::new(value.id()))),
                _ => drop(handle.upsert(liar(), |_| Probe::new(key))),
            });
        }
        panics(|| handle.for_each(|key, value| _ = (key.id(), value.id())));
    };
    thread::scope(|scope| {
        scope.spawn(|| work(0x1234_5677));
        scope.spawn(|| work(0x8765_4321));
    });
}

#[test]
fn eq_and_hash_may_lie() {
    churn(&erased(ChainingGlobalLock::<Probe, Probe>::default()));
    churn(&erased(ChainingBucketLock::<Probe, Probe>::default()));
    churn(&erased(CuckooStriped::<Probe, Probe>::default()));
    churn(&erased(ChainingLockFree::<Probe, Probe, Hazard>::default()));
    churn(&erased(ChainingLockFree::<Probe, Probe, Epoch>::default()));
    churn(&erased(CuckooOptimisticItems::<Probe, Probe, Hazard>::default()));
    churn(&erased(CowCas::<Probe, Probe, RefCounts>::default()));
    churn(&erased(HamtCas::<Probe, Probe, Hazard>::default()));
    churn(&erased(HamtPsim::<Probe, Probe, Hazard>::default()));
    churn(&erased(LogHerlihy::<Probe, Probe, Hazard>::default()));
    churn(&erased(LeftRightTable::<Probe, Probe>::default()));
    assert_no_faults();
}

/// Its hashes are others after some calls.
#[derive(Default)]
struct Drifting(AtomicU64);

impl BuildHasher for Drifting {
    type Hasher = std::hash::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(self.0.fetch_add(1, Relaxed) / 24);
        hasher
    }
}

/// Tables of words, whose keys are honest, and a table that hashes its keys again when it grows.
#[test]
fn a_hasher_may_change_its_mind() {
    fn check(map: Erased<u64, u64>) {
        let mut handle = map.handle();
        for round in 0..400 {
            let key = round * 7 % 90;
            panics(|| handle.insert(key, round));
            panics(|| handle.update(&(round % 90), |value| value + 1));
            panics(|| handle.remove(&(round * 5 % 90)));
            panics(|| handle.get(&round));
        }
        panics(|| handle.for_each(|_, _| ()));
    }
    check(erased(<ChainingInline<u64, u64, Drifting>>::default()));
    check(erased(<CuckooOptimistic<u64, u64, Drifting>>::default()));
    check(erased(<CuckooOptimistic<u64, u64, Drifting, 2>>::default()));
    check(erased(<CuckooStriped<u64, u64, Drifting>>::default()));
    check(erased(<ChainingBucketLock<u64, u64, Drifting>>::default()));
    check(erased(<ChainingLockFree<u64, u64, Hazard, Drifting>>::default()));
    check(erased(<CuckooOptimisticItems<u64, u64, Hazard, Drifting>>::default()));
    check(erased(<HamtCas<u64, u64, Hazard, Drifting>>::default()));

    let map = CuckooStriped::<Probe, Probe, Drifting>::default();
    for key in 0..3_000 {
        panics(|| map.insert(Probe::new(key), Probe::new(key)));
        panics(|| map.remove(&Probe::new(key / 2)).map(|value| value.id()));
    }
    map.for_each(|key, value| assert_eq!(key.id(), value.id()));
    panics(|| map.shrink_to_fit());
    panics(|| map.try_reserve(5_000));
    map.for_each(|key, value| assert_eq!(key.id(), value.id()));
    drop(map);
    assert_no_faults();
}

thread_local! {
    /// Which hashes [`Turning`] gives.
    static TURN: Cell<u64> = const { Cell::new(0) };
    /// Hashes that it gives before it panics.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Its hashes are others from one moment on, and stay so.
#[derive(Default)]
struct Turning;

impl BuildHasher for Turning {
    type Hasher = std::hash::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        LEFT.set(LEFT.get().checked_sub(1).expect("an operation comes to its end"));
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(TURN.get());
        hasher
    }
}

/// No lookup finds the keys that were there before. They are in nobody's way, and nothing is lost to an
/// iteration.
#[test]
fn a_hasher_may_change_its_mind_for_good() {
    fn check(map: Erased<u64, u64>) {
        let mut handle = map.handle();
        for turn in 0..5 {
            TURN.set(turn);
            for key in turn * 100..turn * 100 + 100 {
                LEFT.set(50_000);
                assert!(handle.insert(key, turn), "{key}");
            }
            let mut found = Vec::new();
            handle.for_each(|key, _| found.push(*key));
            found.sort_unstable();
            assert!(found.into_iter().eq(0..turn * 100 + 100), "after {turn} changes");
        }
    }
    check(erased(<CuckooOptimistic<u64, u64, Turning>>::default()));
    check(erased(<CuckooOptimistic<u64, u64, Turning, 2>>::default()));
    check(erased(<CuckooOptimistic<u64, u64, Turning, 4, Optimistic, Untagged>>::default()));
    type Walks =
        CuckooOptimistic<u64, u64, Turning, 8, OptimisticStripes<8>, Tagged, RandomWalk<2>>;
    check(erased(Walks::default()));
}

/// A key is its own hash, but for a bit that goes with the turn.
#[derive(Default)]
struct Leaping;

struct Leap(u64);

impl BuildHasher for Leaping {
    type Hasher = Leap;

    fn build_hasher(&self) -> Leap {
        LEFT.set(LEFT.get().checked_sub(1).expect("as told"));
        Leap(0)
    }
}

impl std::hash::Hasher for Leap {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key & !(TURN.get() << 4);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A hasher panics amid the copying of a bucket, and says something else of a key when that is copied again. The
/// other keys of the bucket are there all the same, and each is there once.
#[test]
fn a_bucket_is_copied_by_what_was_said_in_one_go() {
    TURN.set(0);
    LEFT.set(u64::MAX);
    let map = CuckooOptimistic::<u64, u64, Leaping>::default();
    // Tags of a bit each, in the first of 16 buckets; of 32 buckets the first key has another one, for now.
    let keys = [1_u64 << 58 | 1 << 4, 2 << 58, 4 << 58, 8 << 58];
    keys.iter().for_each(|key| assert!(map.insert(*key, *key)));
    LEFT.set(3);
    assert!(panics(|| map.try_reserve(200)), "of four keys it hashes the last in vain");
    TURN.set(1);
    LEFT.set(u64::MAX);
    map.try_reserve(200).expect("memory for 32 buckets");
    for key in keys {
        assert_eq!(map.get(&key), Some(key), "{key:x}");
    }
    let mut found = Vec::new();
    map.for_each(|key, _| found.push(*key));
    found.sort_unstable();
    assert_eq!(found, keys);
}

/// An object whose operations return and leave something else each time they are run, and which weighs
/// something else each time it is asked, or panics.
#[derive(Clone)]
struct Moody(Vec<Probe>);

impl Default for Moody {
    fn default() -> Self {
        Self(vec![Probe::new(0)])
    }
}

impl Sequential for Moody {
    type Op = u64;
    type Out = Probe;

    fn apply(&mut self, op: &u64) -> Probe {
        match random(5) {
            0 => resume_unwind(Box::new("planted")),
            1 => drop(self.0.pop()),
            _ => self.0.push(Probe::new(*op)),
        }
        self.0.first().cloned().unwrap_or_else(|| Probe::new(random(9)))
    }

    fn answer(&self, _: &u64) -> Option<Probe> {
        (random(3) == 0).then(|| Probe::new(1))
    }

    fn heap_bytes(&self) -> usize {
        if random(4) == 0 {
            resume_unwind(Box::new("planted"));
        }
        usize::try_from(random(1 << 20)).expect("small")
    }
}

#[test]
fn an_object_may_be_moody() {
    use structures::versioned::cow::{Cas, Cow, Locked};
    use structures::versioned::left_right::LeftRight;
    use structures::versioned::log::HerlihyLog;
    use structures::versioned::psim::PSim;

    fn check<U: Universal<Whole<Moody>> + Default>() {
        let construction = U::default();
        let work = |seed: u64| {
            crate::probe::seed(seed);
            let mut handle = construction.handle();
            for op in 0..300 {
                panics(|| handle.pin().apply(0, op).id());
                panics(|| {
                    handle.pin().apply_all(0, vec![op, op + 1]).iter().map(Probe::id).sum::<u64>()
                });
                panics(|| {
                    handle.pin().read(0, |object| object.0.0.iter().map(Probe::id).sum::<u64>())
                });
            }
            panics(|| drop(handle));
        };
        thread::scope(|scope| {
            scope.spawn(|| work(0x1234_5677));
            scope.spawn(|| work(0x8765_4321));
        });
        panics(|| drop(construction));
    }
    check::<Cow<Whole<Moody>, Hazard, Cas>>();
    check::<Cow<Whole<Moody>, RefCounts, Cas>>();
    check::<Cow<Whole<Moody>, Epoch, Locked>>();
    check::<PSim<Whole<Moody>, Hazard>>();
    check::<HerlihyLog<Whole<Moody>, Hazard>>();
    check::<LeftRight<Whole<Moody>>>();
    assert_no_faults();
}
