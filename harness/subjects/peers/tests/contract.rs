//! The contract of `PinnedMap`, checked on every peer and on the controls.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use foldhash::fast::FixedState;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};

const THREADS: u64 = 4;

/// One operation of a generated sequence.
#[derive(Clone, Copy, Debug)]
enum Op {
    Get(u64),
    Insert(u64, u64),
    Update(u64, u64),
    Upsert(u64, u64),
    Remove(u64),
    Len,
    ForEach,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = 0..48u64;
    let value = 0..1000u64;
    let op = prop_oneof![
        4 => key.clone().prop_map(Op::Get),
        6 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::Insert(k, v)),
        3 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::Update(k, v)),
        3 => (key.clone(), value).prop_map(|(k, v)| Op::Upsert(k, v)),
        4 => key.prop_map(Op::Remove),
        1 => Just(Op::Len),
        1 => Just(Op::ForEach),
    ];
    prop::collection::vec(op, 0..300)
}

/// Every entry, each key once.
fn entries<K: Ord + Clone, V: Clone>(map: &mut impl PinnedMap<K, V>) -> BTreeMap<K, V> {
    let mut seen = BTreeMap::new();
    map.for_each(|key, value| {
        let before = seen.insert(key.clone(), value.clone());
        assert!(before.is_none(), "for_each visits an entry twice");
    });
    seen
}

/// The same answer as the standard map to each operation of any sequence.
fn agrees_with_model<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    proptest!(ProptestConfig::with_cases(64), |(ops in ops(), batch in any::<bool>())| {
        let map = make(8);
        let mut model = HashMap::new();
        let mut handle = map.handle();
        if batch {
            let mut pin = handle.pin();
            ops.iter().for_each(|&op| step(&map, &mut pin, &mut model, op));
        } else {
            ops.iter().for_each(|&op| step(&map, &mut handle.pin(), &mut model, op));
        }
    });
}

fn step(
    map: &impl ConcurrentMap<u64, u64>,
    pin: &mut impl PinnedMap<u64, u64>,
    model: &mut HashMap<u64, u64>,
    op: Op,
) {
    match op {
        Op::Get(key) => {
            assert_eq!(pin.get(&key), model.get(&key).copied());
            assert_eq!(pin.contains(&key), model.contains_key(&key));
        }
        Op::Insert(key, value) => {
            let absent = !model.contains_key(&key);
            model.entry(key).or_insert(value);
            assert_eq!(pin.insert(key, value), absent);
        }
        Op::Update(key, add) => {
            let old = model.get_mut(&key).map(|value| std::mem::replace(value, *value + add));
            assert_eq!(pin.update(&key, |value| value + add), old);
        }
        Op::Upsert(key, add) => {
            let old = model.get(&key).copied();
            model.insert(key, old.map_or(add, |value| value + add));
            assert_eq!(pin.upsert(key, |value| value.map_or(add, |value| value + add)), old);
        }
        Op::Remove(key) => assert_eq!(pin.remove(&key), model.remove(&key)),
        Op::Len => {
            assert_eq!(map.len(), model.len());
            assert_eq!(map.is_empty(), model.is_empty());
        }
        Op::ForEach => {
            assert_eq!(entries(pin), model.iter().map(|(&k, &v)| (k, v)).collect());
        }
    }
}

/// Runs `work` on [`THREADS`] threads at once, each with a handle and its index.
fn on_threads<K, V, M: ConcurrentMap<K, V>, T: Send>(
    map: &M,
    work: impl Fn(M::Handle<'_>, u64) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(THREADS as usize);
    let run = |index| {
        start.wait();
        work(map.handle(), index)
    };
    thread::scope(|scope| {
        let run = &run;
        let workers: Vec<_> = (0..THREADS).map(|i| scope.spawn(move || run(i))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker failed")).collect()
    })
}

/// Successful inserts less successful removes is what is present, key by key, in number and
/// in the sum of values: no insert overwrites, and a remove returns what it took.
fn keeps_key_sums<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    const KEYS: usize = 64;
    let map = make(KEYS);
    let tallies = on_threads(&map, |mut handle, thread| {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(thread);
        let mut tally = [(0i64, 0u64); KEYS];
        for round in 0..20_000 {
            let key = random.random_range(0..KEYS);
            let (count, sum) = &mut tally[key];
            if random.random::<bool>() {
                let value = (thread << 32) + round;
                if handle.insert(key as u64, value) {
                    *count += 1;
                    *sum = sum.wrapping_add(value);
                }
            } else if let Some(value) = handle.remove(&(key as u64)) {
                *count -= 1;
                *sum = sum.wrapping_sub(value);
            }
        }
        tally
    });
    let present = entries(&mut map.handle().pin());
    for key in 0..KEYS {
        let count: i64 = tallies.iter().map(|tally| tally[key].0).sum();
        let sum = tallies.iter().fold(0u64, |sum, tally| sum.wrapping_add(tally[key].1));
        let value = present.get(&(key as u64));
        assert_eq!(count, i64::from(value.is_some()), "net count of key {key}");
        assert_eq!(sum, value.copied().unwrap_or(0), "value of key {key}");
    }
    assert_eq!(map.len(), present.len());
}

/// Concurrent upserts of +1 lose none, and no two of a key replace the same value.
fn upserts_are_atomic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    counts_exactly(&make(0), |handle, key| {
        handle.upsert(key, |value| value.map_or(1, |value| value + 1))
    });
}

/// The same of updates.
fn updates_are_atomic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    let mut handle = map.handle();
    for key in 0..COUNTERS {
        assert!(handle.insert(key, 0));
    }
    drop(handle);
    counts_exactly(&map, |handle, key| {
        let old = handle.update(&key, |value| value + 1);
        Some(old.expect("no key is ever removed"))
    });
}

const COUNTERS: u64 = 8;

fn counts_exactly<M: ConcurrentMap<u64, u64>>(
    map: &M,
    increment: impl Fn(&mut M::Handle<'_>, u64) -> Option<u64> + Sync,
) {
    const ROUNDS: u64 = 10_000;
    let replaced = on_threads(map, |mut handle, _| {
        (0..ROUNDS)
            .map(|round| (round % COUNTERS, increment(&mut handle, round % COUNTERS)))
            .collect::<Vec<_>>()
    });
    let mut seen = HashSet::new();
    for (key, old) in replaced.into_iter().flatten() {
        assert!(seen.insert((key, old)), "two threads replaced {old:?} of key {key}");
    }
    let mut handle = map.handle();
    for key in 0..COUNTERS {
        assert_eq!(handle.get(&key), Some(THREADS * ROUNDS / COUNTERS), "count of key {key}");
    }
}

/// What an upsert or update returns is what its closure's last run saw, and each value written
/// is returned once, by what replaced or removed it: nothing is overwritten unseen.
fn writes_are_accounted_for<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    let balances = on_threads(&map, |mut handle, thread| {
        let mut balance = 0u64;
        for round in 0..50_000 {
            let new = (thread << 32) + 2 * round;
            let mut seen = None;
            let old = handle.upsert(1, |value| {
                seen = value.copied();
                new
            });
            assert_eq!(old, seen);
            balance = balance.wrapping_add(new).wrapping_sub(old.unwrap_or(0));

            let mut seen = None;
            let updated = handle.update(&1, |&value| {
                seen = Some(value);
                new + 1
            });
            if let Some(old) = updated {
                assert_eq!(seen, Some(old));
                balance = balance.wrapping_add(new + 1).wrapping_sub(old);
            }
            balance = balance.wrapping_sub(handle.remove(&1).unwrap_or(0));
        }
        balance
    });
    let balance = balances.into_iter().fold(0, u64::wrapping_add);
    assert_eq!(balance, map.handle().get(&1).unwrap_or(0));
}

/// A key that is only ever updated upwards is never seen absent, nor going backwards.
fn reads_are_monotonic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    assert!(map.handle().insert(7, 0));
    on_threads(&map, |mut handle, thread| {
        let mut last = 0;
        for _ in 0..200_000 {
            if thread % 2 == 0 {
                handle.update(&7, |value| value + 1);
            } else {
                let value = handle.get(&7).expect("the key is present throughout");
                assert!(last <= value, "{value} read after {last}");
                last = value;
            }
        }
    });
}

/// An operation whose closure panics has no effect, and the map goes on working.
fn survives_a_panic<M: ConcurrentMap<u64, u64>>(make: impl Fn(usize) -> M) {
    let map = make(0);
    let mut handle = map.handle();
    handle.insert(1, 10);
    let update = catch_unwind(AssertUnwindSafe(|| handle.update(&1, |_| panic!("on purpose"))));
    let upsert = catch_unwind(AssertUnwindSafe(|| handle.upsert(2, |_| panic!("on purpose"))));
    let read =
        catch_unwind(AssertUnwindSafe(|| handle.get_with(&1, |_| -> u64 { panic!("on purpose") })));
    assert!(update.is_err() && upsert.is_err() && read.is_err());
    assert_eq!(handle.get(&1), Some(10));
    assert_eq!(handle.get(&2), None);
    assert!(handle.insert(2, 20));
    assert_eq!(map.len(), 2);
}

/// Who is alive: each [`Tracked`] signs in once and signs out once.
#[derive(Default, Debug)]
struct Ledger {
    next: AtomicU64,
    alive: Mutex<HashSet<u64>>,
    died_twice: AtomicU64,
}

/// A key or value whose births and deaths are recorded.
#[derive(Debug)]
struct Tracked {
    value: u64,
    id: u64,
    ledger: &'static Ledger,
}

impl Tracked {
    fn new(value: u64, ledger: &'static Ledger) -> Self {
        let id = ledger.next.fetch_add(1, Ordering::Relaxed);
        ledger.alive.lock().unwrap().insert(id);
        Self { value, id, ledger }
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        Self::new(self.value, self.ledger)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if !self.ledger.alive.lock().unwrap().remove(&self.id) {
            self.ledger.died_twice.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Tracked {}

impl PartialOrd for Tracked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tracked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

impl Hash for Tracked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

/// Puts `map` through every operation, growth included.
fn churn<M: ConcurrentMap<Tracked, Tracked>>(
    mut handle: M::Handle<'_>,
    seed: u64,
    ledger: &'static Ledger,
) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let tracked = |value| Tracked::new(value, ledger);
    for _ in 0..3_000 {
        let key = tracked(random.random_range(0..256));
        match random.random_range(0..5) {
            0 | 1 => drop(handle.insert(key, tracked(1))),
            2 => drop(handle.update(&key, |old| tracked(old.value + 1))),
            3 => drop(handle.upsert(key, |old| tracked(old.map_or(0, |old| old.value + 1)))),
            _ => drop(handle.remove(&key)),
        }
    }
}

fn assert_all_dead(ledger: &Ledger) {
    assert_eq!(ledger.died_twice.load(Ordering::Relaxed), 0, "dropped twice");
    assert_eq!(ledger.alive.lock().unwrap().len(), 0, "never dropped");
}

/// Every key and value is dropped exactly once, the last of them with the map.
fn drops_everything_once<M: ConcurrentMap<Tracked, Tracked>>(make: impl Fn(usize) -> M) {
    let ledger: &'static Ledger = Box::leak(Box::default());
    let map = make(0);
    on_threads(&map, |handle, thread| churn::<M>(handle, thread, ledger));
    drop(map);
    assert_all_dead(ledger);
}

/// `mod $name` with a test for each property; `$map` takes keys, values and a hasher.
macro_rules! conforms {
    ($name:ident: $map:ident, $($property:ident),+ $(,)?) => {
        mod $name {
            use super::*;

            $(#[test]
            fn $property() {
                super::$property(|capacity| {
                    $map::with_capacity_and_hasher(capacity, FixedState::default())
                });
            })+
        }
    };
}

mod peers {
    use super::*;
    use structures::reclaim::Epoch;
    use structures::versioned::Whole;
    use structures::versioned::cow::Cow;
    use structures::versioned::map::VersionedMap;
    use subjects_peers::*;

    macro_rules! peer {
        ($name:ident: $map:ident) => {
            conforms!(
                $name: $map,
                agrees_with_model,
                keeps_key_sums,
                upserts_are_atomic,
                updates_are_atomic,
                writes_are_accounted_for,
                reads_are_monotonic,
                survives_a_panic,
                drops_everything_once,
            );
        };
    }

    /// imbl's map under our own copy on write.
    struct ImblInCow;

    type Object<K, V> = Whole<Imbl<K, V>>;
    type InCow<K, V> = VersionedMap<Object<K, V>, Cow<Object<K, V>, Epoch>, FixedState>;

    impl ImblInCow {
        fn with_capacity_and_hasher<K: Eq + Clone, V: Clone>(
            _: usize,
            hasher: FixedState,
        ) -> InCow<K, V> {
            VersionedMap::with_hasher_over(hasher, Cow::default())
        }
    }

    peer!(papaya: Papaya);
    peer!(dashmap: Dashmap);
    peer!(scc_hashmap: SccHashMap);
    peer!(scc_hashindex: SccHashIndex);
    peer!(flurry: Flurry);
    peer!(arc_swap_imbl: ArcSwapImbl);
    peer!(imbl_cas: ImblInCow);
    peer!(std_rwlock: StdRwLock);
    peer!(sharded_rwlock: ShardedRwLock);
}

/// papaya remembers what an upsert's closure gave for an absent key; the value that ends up in
/// the map must be of the last run all the same. The closure itself plays the other threads.
#[test]
fn papaya_upsert_inserts_what_its_last_run_gave() {
    let map = subjects_peers::Papaya::<u64, u64, FixedState>::default();
    let mut runs = 0;
    let old = map.handle().upsert(1, |value| {
        match (runs, value) {
            (0, None) => assert!(map.handle().insert(1, 100)),
            (_, Some(_)) => assert_eq!(map.handle().remove(&1), Some(100)),
            _ => {}
        }
        runs += 1;
        runs
    });
    assert_eq!(old, None);
    assert_eq!(map.handle().get(&1), Some(runs));
    assert_eq!(runs, 3, "absent, present, absent");
}

/// scc's `peek` misses a key whose value is replaced between its looks at two overflow blocks
/// of a bucket; the adapter must not. Each step is forced, on one thread.
mod scc_hashindex_replacement {
    use std::cell::Cell;
    use std::hash::BuildHasherDefault;
    use std::sync::LazyLock;

    use super::*;
    use subjects_peers::SccHashIndex;

    /// Sends all keys to one bucket.
    #[derive(Default)]
    struct Zero;

    impl Hasher for Zero {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, _: &[u8]) {}
    }

    /// A key whose comparison with [`IN_NEWER`] replaces the value of [`IN_OLDER`], when armed.
    #[derive(Clone, Debug, Eq)]
    struct Meddler(u64);

    /// The first key of the first overflow block, after the bucket's own 32 slots.
    const IN_OLDER: Meddler = Meddler(32);
    /// The only key of the second, which is searched before the first and has room.
    const IN_NEWER: Meddler = Meddler(36);

    thread_local!(static ARMED: Cell<bool> = const { Cell::new(false) });

    // Large enough that one full bucket does not make it grow.
    static MAP: LazyLock<SccHashIndex<Meddler, u64, BuildHasherDefault<Zero>>> =
        LazyLock::new(|| SccHashIndex::with_capacity_and_hasher(1 << 14, Default::default()));

    impl PartialEq for Meddler {
        fn eq(&self, stored: &Self) -> bool {
            if stored.0 == IN_NEWER.0 && ARMED.take() {
                assert_eq!(
                    MapHandle::update(&mut MAP.handle(), &IN_OLDER, |value| value + 1),
                    Some(0)
                );
            }
            self.0 == stored.0
        }
    }

    impl Hash for Meddler {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn is_not_missed() {
        let mut handle = MAP.handle();
        let mut pin = MapHandle::pin(&mut handle);
        (0..=IN_NEWER.0).for_each(|key| assert!(PinnedMap::insert(&mut pin, Meddler(key), 0)));
        ARMED.set(true);
        assert_eq!(PinnedMap::get(&mut pin, &IN_OLDER), Some(1));
        assert!(!ARMED.get(), "the lookup passed through the newer block");
    }
}

mod controls {
    use super::*;
    use subjects_controls::*;

    conforms!(sequential: Sequential, agrees_with_model, survives_a_panic);

    type Alone = Sequential<u64, u64, FixedState>;

    #[test]
    fn sequential_refuses_a_second_handle() {
        let map = Alone::default();
        let first = map.handle();
        assert!(catch_unwind(AssertUnwindSafe(|| map.handle())).is_err());
        drop(first);
        assert!(map.handle().insert(1, 1));
    }

    #[test]
    fn sequential_passes_from_thread_to_thread() {
        let map = Alone::default();
        for key in 0..100 {
            thread::scope(|scope| {
                scope.spawn(|| assert!(map.handle().insert(key, key)));
            });
        }
        assert_eq!(entries(&mut map.handle().pin()).len(), 100);
    }

    #[test]
    fn sequential_len_can_be_read_while_a_handle_lives() {
        let map = Alone::default();
        let mut handle = map.handle();
        handle.insert(1, 1);
        handle.upsert(2, |_| 2);
        assert_eq!(thread::scope(|scope| scope.spawn(|| map.len()).join().unwrap()), 2);
        handle.remove(&1);
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn sequential_drops_everything_once() {
        let ledger: &'static Ledger = Box::leak(Box::default());
        let map = Sequential::<_, _, FixedState>::default();
        churn::<Sequential<_, _, _>>(map.handle(), 1, ledger);
        drop(map);
        assert_all_dead(ledger);
    }

    #[test]
    fn no_op_keeps_nothing() {
        type Nothing = NoOp<u64, u64, FixedState>;
        const { assert!(!Nothing::INFO.keeps_entries) };
        let map = Nothing::default();
        stays_empty(map.handle().pin());
        assert!(map.is_empty());
    }

    fn stays_empty(mut pin: impl PinnedMap<u64, u64>) {
        assert!(!pin.insert(1, 1));
        assert_eq!(pin.upsert(1, |_| 2), None);
        assert_eq!(pin.update(&1, |_| 2), None);
        assert_eq!(pin.get(&1), None);
        assert_eq!(pin.remove(&1), None);
        pin.for_each(|_, _| panic!("there is nothing to visit"));
    }
}
