//! What versions and their nodes hold, and what handles hold up, by the meter. It counts per process, so
//! these tests are a process of their own and run one after the other.
#![cfg(feature = "meter")]

mod suite;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use foldhash::fast::FixedState;
use rand::RngExt;
use structures::map::{ConcurrentMap, MapHandle};
use structures::meter::{self, Reading, Tally};
use structures::reclaim::{
    Debra, Epoch, GraceRcu, Haphazard, Hazard, Ibr, Qsbr, RefCounts, RootScheme,
};
use structures::versioned::hamt::{Bundled, Counted, Sharing};
use structures::versioned::{CowCas, CowLock, HamtCas, HamtPsim, HamtSharded, LogHerlihy};
use structures::{ChainingLockFree, CuckooOptimisticItems};

type Trie<R, P> = HamtCas<u64, u64, R, FixedState, P>;

/// One test at a time, and what had been counted when it started.
struct Meter(Reading, #[allow(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Meter {
    fn start() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(read(), one)
    }

    fn live(&self) -> i64 {
        read().live().nodes.cast_signed() - self.0.live().nodes.cast_signed()
    }

    fn unreclaimed(&self) -> i64 {
        read().unreclaimed().nodes.cast_signed() - self.0.unreclaimed().nodes.cast_signed()
    }
}

fn read() -> Reading {
    meter::read().expect("built with the feature `meter`")
}

fn churn(map: &impl ConcurrentMap<u64, u64>, keys: u64, ops: u64) {
    in_threads(&|thread| {
        let mut handle = map.handle();
        let mut rng = suite::rng(thread);
        for _ in 0..ops {
            let key = rng.random_range(0..keys);
            match rng.random_range(0..4) {
                0 => drop(handle.remove(&key)),
                1 => drop(handle.update(&key, |value| value + 1)),
                2 => drop(handle.insert_many((key..key + 5).map(|key| (key, key)))),
                _ => drop(handle.insert(key, key)),
            }
        }
    });
}

/// Compiled once, and not for each table.
fn in_threads(work: &(dyn Fn(u64) + Sync)) {
    thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || work(thread));
        }
    });
}

/// Insertions at once of nothing, or of what is there, make no version; those for one root leave the
/// others alone.
#[test]
fn many_insertions_make_no_version_for_nothing() {
    /// Nodes from a trie's root to an entry, and one that is split.
    const PATH: u64 = 8;
    fn check<M: ConcurrentMap<u64, u64> + Default>() {
        let meter = Meter::start();
        let map = M::default();
        let mut handle = map.handle();
        assert_eq!(handle.insert_many((0..1_000).map(|key| (key, key))), 1_000);
        let before = read().retired.nodes;
        assert_eq!(handle.insert_many([]), 0);
        assert_eq!(handle.insert_many((0..10).map(|key| (key, 0))), 0);
        assert_eq!(read().retired.nodes, before, "a version was replaced by its like");
        assert_eq!(handle.insert_many([(5_000, 0)]), 1);
        let replaced = read().retired.nodes - before;
        assert!((1..=PATH).contains(&replaced), "{replaced} nodes for one key");
        drop(handle);
        drop(map);
        drop(meter);
    }
    check::<CowLock<u64, u64>>();
    check::<CowCas<u64, u64>>();
    check::<HamtCas<u64, u64>>();
    check::<HamtSharded<u64, u64>>();
}

/// What an extension replaces is freed as it goes on, whether the map has entries or none: it is not one
/// critical section. The keys are few where each update copies them all.
#[test]
fn an_extension_frees_as_it_goes() {
    const ENTRIES: u64 = 20_000;
    fn check<M>(before: u64, keys: u64)
    where
        M: ConcurrentMap<u64, u64> + Default + Extend<(u64, u64)>,
    {
        let meter = Meter::start();
        let mut map = M::default();
        map.extend((0..before).map(|key| (key, 0)));
        let mut most = 0;
        map.extend((0..ENTRIES).map(|entry| {
            most = most.max(meter.unreclaimed());
            (entry % keys, entry)
        }));
        most = most.max(meter.unreclaimed());
        assert_eq!(map.len() as u64, before.max(keys));
        assert!(most < ENTRIES.cast_signed() / 2, "{most} nodes with {keys} keys, {before} before");
    }
    check::<CowLock<u64, u64>>(10, 10);
    check::<CowCas<u64, u64>>(10, 10);
    check::<HamtCas<u64, u64>>(10, 10);
    check::<HamtSharded<u64, u64>>(10, 10);
    check::<HamtPsim<u64, u64>>(10, 10);
    check::<HamtPsim<u64, u64>>(0, ENTRIES);
    check::<LogHerlihy<u64, u64>>(10, 10);
    check::<LogHerlihy<u64, u64>>(0, ENTRIES);
}

/// Many insertions, and many removals, by a handle: where the construction makes them one by one, what each
/// replaces is freed before the last.
#[test]
fn many_changes_one_by_one_free_as_they_go() {
    const KEYS: u64 = 20_000;
    macro_rules! check {
        ($($map:ty),*) => {$({
            let meter = Meter::start();
            let map = <$map>::default();
            let mut handle = map.handle();
            let bounded = |after: &str| {
                let nodes = meter.unreclaimed();
                assert!(nodes < KEYS.cast_signed() / 2, "{nodes} nodes after {after}");
            };
            for by_trait in [false, true] {
                let entries = (0..KEYS).map(|key| (key, key));
                let added = if by_trait {
                    MapHandle::insert_many(&mut handle, entries)
                } else {
                    handle.insert_many(entries)
                };
                assert_eq!(added as u64, KEYS);
                bounded("insertions");
                handle.retain(|key, _| *key >= KEYS);
                assert_eq!(handle.len(), 0);
                bounded("a retain");
            }
            handle.insert_many((0..KEYS).map(|key| (key, key)));
            handle.clear();
            assert!(handle.is_empty());
            bounded("a clear");
        })*};
    }
    check!(HamtPsim<u64, u64>, LogHerlihy<u64, u64>);
}

/// `make` of `get_or_insert_with` may take its time: a handle is in no critical section meanwhile, and says
/// that it is away.
#[test]
fn a_value_is_made_in_no_critical_section() {
    macro_rules! check {
        ($($map:ty),*) => {$({
            let meter = Meter::start();
            let map = <$map>::default();
            let (mut handle, mut other) = (map.handle(), map.handle());
            assert!(other.insert(2, 0));
            let unreclaimed = handle.get_or_insert_with(1, || {
                (0..20_000).for_each(|_| _ = other.update(&2, |value| value + 1));
                meter.unreclaimed()
            });
            assert!(unreclaimed < 10_000, "{unreclaimed} nodes of {}", stringify!($map));
        })*};
    }
    check!(ChainingLockFree<u64, i64>, CuckooOptimisticItems<u64, i64>, HamtCas<u64, i64>);
    // Who is registered, and neither works nor says that it does not, holds these up.
    check!(ChainingLockFree<u64, i64, Qsbr>, HamtCas<u64, i64, Qsbr>);
}

/// When a map is gone, whatever was allocated has been freed in one of three ways, and whatever was
/// retired has been freed.
#[test]
fn every_node_is_accounted_for() {
    fn check<M: ConcurrentMap<u64, u64> + Default>() {
        let meter = Meter::start();
        let map = M::default();
        churn(&map, 300, 4_000);
        assert!(read().retired.nodes > meter.0.retired.nodes + 4_000, "nothing was replaced");
        drop(map);
        let gone = |now: Tally, then: Tally| (now.nodes - then.nodes, now.bytes - then.bytes);
        let (now, then) = (read(), meter.0);
        assert_eq!(gone(now.retired, then.retired), gone(now.freed, then.freed));
        let ends =
            [(now.freed, then.freed), (now.dropped, then.dropped), (now.discarded, then.discarded)];
        let (nodes, bytes) = ends.into_iter().fold((0, 0), |(nodes, bytes), (now, then)| {
            (nodes + gone(now, then).0, bytes + gone(now, then).1)
        });
        assert_eq!(gone(now.allocated, then.allocated), (nodes, bytes));
    }
    check::<CowLock<u64, u64>>();
    check::<CowCas<u64, u64, Hazard>>();
    check::<Trie<Epoch, Bundled>>();
    check::<Trie<Hazard, Bundled>>();
    check::<Trie<Ibr, Bundled>>();
    check::<Trie<Debra, Bundled>>();
    check::<Trie<Epoch, Counted>>();
    check::<Trie<Haphazard, Counted>>();
    check::<Trie<Qsbr, Counted>>();
    check::<CowCas<u64, u64, RefCounts>>();
    check::<Trie<RefCounts, Bundled>>();
    check::<Trie<RefCounts, Counted>>();
    check::<HamtSharded<u64, u64, RefCounts>>();
    check::<HamtSharded<u64, u64, GraceRcu>>();
    check::<HamtPsim<u64, u64>>();
    check::<HamtPsim<u64, u64, Hazard, FixedState, Counted>>();
    check::<LogHerlihy<u64, u64>>();
    check::<LogHerlihy<u64, u64, Hazard>>();
}

/// A handle that does nothing keeps a version of its own, not the log.
#[test]
fn an_idle_handle_does_not_hold_the_log_up() {
    let meter = Meter::start();
    let map = LogHerlihy::<u64, u64, Hazard>::default();
    let (mut idle, mut busy) = (map.handle(), map.handle());
    assert!(idle.insert(1, 1));
    for round in 0..100_000_u64 {
        busy.upsert(round % 10, |_| round);
    }
    let live = meter.live();
    assert!(live < 5_000, "{live} nodes after 100,000 operations on 10 keys");
    assert_eq!(idle.get(&9), Some(99_999), "it jumps to where the others are");
}

/// A map of one key is a version and a leaf, however it came about, but for what waits to be freed.
#[test]
fn one_key_is_two_nodes() {
    fn check<P: Sharing>() {
        let meter = Meter::start();
        let map = Trie::<Epoch, P>::default();
        churn(&map, 100, 2_000);
        let mut handle = map.handle();
        (0..200).for_each(|key| _ = handle.remove(&key));
        assert!(handle.insert(7, 7));
        assert_eq!(meter.live() - meter.unreclaimed(), 2);
    }
    check::<Bundled>();
    check::<Counted>();
}

/// How many nodes `map` holds back after 3000 updates while one reader keeps a version, and how many
/// nodes that version has.
fn held_and_read<R: RootScheme, P: Sharing>() -> (i64, i64) {
    const UPDATES: u64 = 3_000;
    let meter = Meter::start();
    let map = Trie::<R, P>::default();
    let (mut reader, mut writer) = (map.handle(), map.handle());
    writer.insert_many((0..1_000).map(|key| (key, 0)));
    let read = meter.live() - meter.unreclaimed();
    let mut pinned = reader.pin();
    let snapshot = pinned.snapshot();
    for round in 0..UPDATES {
        writer.update(&(round % 1_000), |value| value + 1);
    }
    assert!((0..1_000).all(|key| snapshot.get(&key) == Some(&0)), "the snapshot has changed");
    (meter.unreclaimed(), read)
}

fn held_by_a_stalled_reader<R: RootScheme, P: Sharing>() -> i64 {
    held_and_read::<R, P>().0
}

/// Which combination bounds what a stalled reader holds back: hazard pointers over counted nodes
/// keep the version that it reads, no more; a bundle lasts as long as any version before it.
#[test]
fn what_a_stalled_reader_holds() {
    let versions = 3_000;
    assert!(held_by_a_stalled_reader::<Epoch, Bundled>() > versions);
    assert!(held_by_a_stalled_reader::<Epoch, Counted>() > versions);
    assert!(held_by_a_stalled_reader::<Hazard, Bundled>() > versions);
    let robust = held_by_a_stalled_reader::<Hazard, Counted>();
    // The 1000 leaves and some 50 branches of the version that is read, and a few hundred that wait
    // for a scan: the scheme's batch of versions, each with its path.
    assert!(robust > 1_000, "{robust}: the snapshot's own leaves were replaced, and it has them");
    assert!(robust < versions, "{robust} nodes");
    assert!(held_by_a_stalled_reader::<RefCounts, Bundled>() > versions);
    let (exact, read) = held_and_read::<RefCounts, Counted>();
    assert_eq!(exact, read, "the version that is read, and nothing else");
    let robust = held_by_a_stalled_reader::<Haphazard, Counted>();
    assert!(1_000 < robust && robust < 10_000, "{robust} nodes");
}

/// A million bundles are freed without a million frames on the stack.
#[test]
fn a_long_line_of_bundles_is_freed_by_a_loop() {
    let meter = Meter::start();
    let map = Trie::<Hazard, Bundled>::default();
    let (mut reader, mut writer) = (map.handle(), map.handle());
    writer.insert(0, 0);
    let mut pinned = reader.pin();
    let snapshot = pinned.snapshot();
    for _ in 0..300_000 {
        writer.update(&0, |value| value + 1);
    }
    assert_eq!(snapshot.get(&0), Some(&0));
    assert!(meter.unreclaimed() >= 300_000);
    drop(pinned);
    drop((reader, writer));
    drop(map);
    assert_eq!((meter.live(), meter.unreclaimed()), (0, 0));
}
