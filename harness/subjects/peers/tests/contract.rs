//! The contract of `PinnedMap`, checked on every peer and on the controls.

#[path = "../../tests/contract.rs"]
mod shared;

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use foldhash::fast::FixedState;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};

use self::shared::{
    agrees_with_model, entries, keeps_key_sums, on_threads, reads_are_monotonic, survives_a_panic,
    updates_are_atomic, upserts_are_atomic, writes_are_accounted_for,
};

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
