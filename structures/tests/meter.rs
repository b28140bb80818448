//! What the meter counts, exactly. It counts per process, so these tests are a process of their
//! own and run one after the other.

#[cfg(not(feature = "meter"))]
#[test]
fn without_the_feature_nothing_is_counted() {
    let map = structures::ChainingGlobalLock::<u64, u64>::default();
    assert!(map.insert(1, 1));
    assert_eq!(structures::meter::read(), None, "built without the feature `meter`");
}

#[cfg(feature = "meter")]
mod on {
    use std::cell::RefCell;
    use std::hash::{Hash, Hasher};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::thread;

    use structures::map::{ConcurrentMap, MapHandle};
    use structures::meter::{self, Reading, Tally};
    use structures::reclaim::{Debra, Epoch, Haphazard, Hazard, Leak, Node, Payload, Reclaimer};
    use structures::{
        ChainingBucketLock, ChainingGlobalLock, ChainingLockFree, CuckooOptimisticItems,
    };

    /// Link, hash, key and value, in every chained table.
    const NODE: u64 = 32;

    /// One test at a time, and what happened since it started.
    struct Meter(Reading, #[allow(dead_code, reason = "held")] MutexGuard<'static, ()>);

    impl Meter {
        fn start() -> Self {
            static ONE: Mutex<()> = Mutex::new(());
            let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
            Self(read(), one)
        }

        /// Nodes allocated and discarded, whatever they weigh.
        fn made_and_discarded(&self) -> [u64; 2] {
            let now = read();
            let made = now.allocated.nodes - self.0.allocated.nodes;
            [made, now.discarded.nodes - self.0.discarded.nodes]
        }

        /// Nodes allocated, discarded, retired, freed and dropped; each weighs [`NODE`].
        fn nodes(&self) -> [u64; 5] {
            let stages = |r: &Reading| [r.allocated, r.discarded, r.retired, r.freed, r.dropped];
            let (before, now) = (stages(&self.0), stages(&read()));
            std::array::from_fn(|stage| {
                let (before, now) = (before[stage], now[stage]);
                assert_eq!(now.bytes - before.bytes, NODE * (now.nodes - before.nodes));
                now.nodes - before.nodes
            })
        }
    }

    fn read() -> Reading {
        meter::read().expect("built with the feature `meter`")
    }

    /// 110 inserts, 30 updates, 30 removes, 10 inserts of what is there.
    fn a_known_sequence(map: &impl ConcurrentMap<u64, u64>) {
        let mut handle = map.handle();
        assert!((0..100).all(|key| handle.insert(key, key)));
        assert!((0..10).all(|key| !handle.insert(key, key)));
        assert!((0..20).all(|key| handle.update(&key, |value| value + 1).is_some()));
        assert!((100..120).all(|key| handle.update(&key, |value| value + 1).is_none()));
        for key in 90..110 {
            handle.upsert(key, |value| value.map_or(key, |value| value + 1));
        }
        assert!((0..30).all(|key| handle.remove(&key).is_some()));
        assert!((0..30).all(|key| handle.remove(&key).is_none()));
    }

    #[test]
    fn locked_tables_allocate_and_drop() {
        fn check<M: ConcurrentMap<u64, u64> + Default>() {
            let meter = Meter::start();
            let map = M::default();
            a_known_sequence(&map);
            assert_eq!(meter.nodes(), [110, 0, 0, 0, 30]);
            drop(map);
            assert_eq!(meter.nodes(), [110, 0, 0, 0, 110]);
        }
        check::<ChainingGlobalLock<u64, u64>>();
        check::<ChainingBucketLock<u64, u64>>();
    }

    #[test]
    fn lock_free_tables_retire_and_free() {
        fn check<R: Reclaimer>(frees: bool) {
            let meter = Meter::start();
            let live = read().live().nodes;
            let map = ChainingLockFree::<u64, u64, R>::default();
            a_known_sequence(&map);
            let [allocated, discarded, retired, freed, dropped] = meter.nodes();
            assert_eq!([allocated, discarded, retired, dropped], [140, 0, 60, 0]);
            assert!(freed <= if frees { 60 } else { 0 });
            assert_eq!(read().live().nodes - live, 140 - freed);
            drop(map);
            let (freed, left) = if frees { (60, 0) } else { (0, 60) };
            assert_eq!(meter.nodes(), [140, 0, 60, freed, 80]);
            assert_eq!(read().live().nodes - live, left);
            assert_eq!(read().unreclaimed().nodes - meter.0.unreclaimed().nodes, left);
        }
        check::<Leak>(false);
        check::<Epoch>(true);
        check::<Haphazard>(true);
        check::<Hazard>(true);
        check::<Debra>(true);
    }

    #[test]
    fn waits_that_are_left_behind_are_in_no_sample() {
        fn check<R: Reclaimer>() {
            let _meter = Meter::start();
            meter::forget();
            assert_eq!(meter::delays(), None);
            let map = ChainingLockFree::<u64, u64, R>::default();
            let mut handle = map.handle();
            for key in 0..1000 {
                assert!(handle.insert(key, key) && handle.remove(&key).is_some());
            }
            drop(handle);
            drop(map);
            // One in 256 is watched. All of them have been freed by now, or never are.
            assert!(meter::delays().is_some());
            meter::forget();
            assert_eq!(meter::delays(), None);
        }
        check::<Epoch>();
        check::<Leak>();
    }

    #[test]
    fn an_insertion_that_comes_too_late_discards_its_node() {
        let meter = Meter::start();
        let map = ChainingLockFree::<u64, u64, Epoch>::default();
        // The key becomes present between the search and the insertion.
        map.handle().upsert(1, |value| {
            if value.is_none() {
                assert!(map.handle().insert(1, 10));
            }
            value.map_or(0, |value| value + 1)
        });
        assert_eq!(map.handle().get(&1), Some(11));
        let [allocated, discarded, retired, _, dropped] = meter.nodes();
        assert_eq!([allocated, discarded, retired, dropped], [3, 1, 1, 0]);
        drop(map);
        assert_eq!(meter.nodes(), [3, 1, 1, 1, 1]);
    }

    /// An insertion that is refused, as the table has to grow first, tries again with the node that it
    /// has; one of a key that is there makes none.
    #[test]
    fn an_insertion_makes_one_node_whatever_attempts_it_takes() {
        fn check<M: ConcurrentMap<u64, u64> + Default>() {
            const KEYS: u64 = 5_000;
            let meter = Meter::start();
            let map = M::default();
            let first = map.capacity();
            let mut handle = map.handle();
            assert!((0..KEYS).all(|key| handle.insert(key, key)));
            assert!((KEYS..2 * KEYS).all(|key| handle.upsert(key, |_| key).is_none()));
            assert!(map.capacity() > first, "it never grew");
            assert_eq!(meter.made_and_discarded(), [2 * KEYS, 0]);
            assert!((0..KEYS).all(|key| !handle.insert(key, 0)));
            assert_eq!(meter.made_and_discarded(), [2 * KEYS, 0], "of keys that are there");
        }
        check::<ChainingGlobalLock<u64, u64>>();
        check::<ChainingBucketLock<u64, u64>>();
        check::<ChainingLockFree<u64, u64, Epoch>>();
        check::<CuckooOptimisticItems<u64, u64, Epoch>>();
    }

    /// Equal to any other.
    #[derive(Clone, Debug)]
    struct Alike(u64);

    impl PartialEq for Alike {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }

    impl Eq for Alike {}

    impl Hash for Alike {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }

    /// An update that is always a step behind: all attempts together make one node, and the key that is
    /// there when the last one succeeds stays.
    #[test]
    fn an_update_makes_one_node_whatever_attempts_it_takes() {
        fn check<M: ConcurrentMap<Alike, u64> + Default>() {
            for turns in [0, 1, 20] {
                let (meter, mut turn) = (Meter::start(), 0);
                let map = M::default();
                let (mut handle, mut other) = (map.handle(), map.handle());
                assert!(handle.insert(Alike(0), 0));
                let old = handle.update(&Alike(0), |value| {
                    if turn < turns {
                        turn += 1;
                        assert_eq!(other.remove(&Alike(0)), Some(*value));
                        assert!(other.insert(Alike(turn), *value + 1));
                    }
                    1_000 + turn
                });
                assert_eq!(old, Some(turns));
                // What was there, the other's, and its own.
                assert_eq!(meter.made_and_discarded(), [1 + turns + 1, 0]);
                let mut entries = Vec::new();
                handle.for_each(|Alike(key), value| entries.push((*key, *value)));
                assert_eq!(entries, [(turns, 1_000 + turns)]);
            }
        }
        check::<ChainingLockFree<Alike, u64, Epoch>>();
        check::<CuckooOptimisticItems<Alike, u64, Epoch>>();
    }

    /// A value that does something once, the first time that a loud one is dropped.
    struct Hooked(bool);

    thread_local! {
        static HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    }

    impl Clone for Hooked {
        fn clone(&self) -> Self {
            Self(false)
        }
    }

    impl Drop for Hooked {
        fn drop(&mut self) {
            if self.0
                && let Some(hook) = HOOK.take()
            {
                hook();
            }
        }
    }

    /// What a failed attempt made is dropped when the next one is over, though its `Drop` writes the same key.
    #[test]
    fn what_an_attempt_made_fails_no_other() {
        fn check<M: ConcurrentMap<u64, Hooked> + Default + Send + Sync + 'static>() {
            let _meter = Meter::start();
            let map = Arc::new(M::default());
            let (mut handle, mut other) = (map.handle(), map.handle());
            assert!(handle.insert(0, Hooked(false)));
            let hooks = map.clone();
            HOOK.set(Some(Box::new(move || {
                assert!(hooks.handle().update(&0, |_| Hooked(false)).is_some());
            })));
            let mut attempts = 0;
            let old = handle.update(&0, |_| {
                attempts += 1;
                assert!(attempts <= 2, "what the first attempt made fails the second");
                if attempts == 1 {
                    assert!(other.update(&0, |_| Hooked(false)).is_some());
                }
                Hooked(true)
            });
            assert!(old.is_some());
            assert_eq!(attempts, 2);
            assert!(HOOK.take().is_none(), "it was dropped");
        }
        check::<ChainingLockFree<u64, Hooked, Epoch>>();
        check::<CuckooOptimisticItems<u64, Hooked, Epoch>>();
    }

    /// An upsert whose key comes and goes whenever it has looked: all attempts to replace a value make
    /// together one node, and so do all attempts to add the key.
    #[test]
    fn an_upsert_makes_one_node_to_add_whatever_attempts_it_takes() {
        fn check<M: ConcurrentMap<u64, u64> + Default>() {
            const TURNS: u64 = 20;
            let meter = Meter::start();
            let map = M::default();
            let (mut handle, mut other) = (map.handle(), map.handle());
            let mut turns = 0;
            let replaced = handle.upsert(1, |value| {
                if value.is_some() {
                    assert_eq!(other.remove(&1), Some(7));
                } else if turns < TURNS {
                    turns += 1;
                    assert!(other.insert(1, 7));
                }
                value.map_or(turns, |_| 0)
            });
            assert_eq!((replaced, handle.get(&1)), (None, Some(TURNS)));
            // The other's, the one that was to replace them, and its own.
            assert_eq!(meter.made_and_discarded(), [TURNS + 2, 1]);
        }
        check::<ChainingLockFree<u64, u64, Epoch>>();
        check::<CuckooOptimisticItems<u64, u64, Epoch>>();
    }

    #[test]
    fn what_a_payload_owns_is_weighed() {
        struct Heavy;
        impl Payload for Heavy {
            fn heap_bytes(&self) -> usize {
                1_000
            }
        }
        let _meter = Meter::start();
        let before = read();
        drop(Node::alloc(&Leak, Heavy));
        drop(Node::alloc(&Leak, Heavy).into_payload());
        let size = size_of::<Node<Leak, Heavy>>() as u64;
        let two = |before: Tally| Tally {
            nodes: before.nodes + 2,
            bytes: before.bytes + 2 * (size + 1_000),
        };
        assert_eq!(read().allocated, two(before.allocated));
        assert_eq!(read().discarded, two(before.discarded));
        assert_eq!(read().live(), before.live());
    }

    #[test]
    fn threads_that_have_ended_are_counted() {
        let meter = Meter::start();
        let map = ChainingLockFree::<u64, u64, Epoch>::default();
        for thread in 0..20 {
            thread::scope(|scope| {
                for half in 0..2 {
                    let map = &map;
                    scope.spawn(move || {
                        let mut handle = map.handle();
                        for key in 0..50 {
                            assert!(handle.insert((thread * 2 + half) * 100 + key, key));
                        }
                        for key in 0..25 {
                            handle.remove(&((thread * 2 + half) * 100 + key));
                        }
                    });
                }
            });
        }
        let [allocated, discarded, retired, _, dropped] = meter.nodes();
        assert_eq!([allocated - discarded, retired, dropped], [2_000, 1_000, 0]);
        drop(map);
        let [_, _, retired, freed, dropped] = meter.nodes();
        assert_eq!([retired, freed, dropped], [1_000, 1_000, 1_000]);
    }

    /// By then the thread's own cells have been given back.
    #[test]
    fn destructors_of_thread_locals_are_counted() {
        thread_local! {
            static MAP: RefCell<Option<ChainingGlobalLock<u64, u64>>> = const { RefCell::new(None) };
        }
        let meter = Meter::start();
        thread::spawn(|| {
            // Initialised before the meter's thread local, hence dropped after it.
            MAP.set(None);
            let map = ChainingGlobalLock::default();
            assert!((0..10).all(|key| map.insert(key, key)));
            MAP.set(Some(map));
        })
        .join()
        .unwrap();
        assert_eq!(meter.nodes(), [10, 0, 0, 0, 10]);
    }

    /// When its remover has returned, a node is in no list: what is neither retired nor discarded
    /// is an entry.
    #[test]
    fn no_removed_node_stays_in_the_list() {
        fn check<R: Reclaimer>() {
            let meter = Meter::start();
            let map = ChainingLockFree::<u64, u64, R>::default();
            thread::scope(|scope| {
                for thread in 0..4 {
                    let map = &map;
                    scope.spawn(move || {
                        let mut handle = map.handle();
                        for round in 0..50_000_u64 {
                            let key = (round * 7 + thread) % 8;
                            match (round + thread) % 3 {
                                0 => drop(handle.remove(&key)),
                                1 => drop(handle.upsert(key, |_| round)),
                                _ => drop(handle.insert(key, round)),
                            }
                        }
                    });
                }
            });
            let [allocated, discarded, retired, _, dropped] = meter.nodes();
            assert_eq!(allocated - discarded - retired - dropped, map.len() as u64, "{}", R::NAME);
        }
        for _ in 0..5 {
            check::<Leak>();
            check::<Epoch>();
            check::<Haphazard>();
        }
    }
}
