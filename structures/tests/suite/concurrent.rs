//! Threads against each other.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use rand::RngExt;
use structures::map::{ConcurrentMap, MapHandle};

use super::erased::Erased;
use super::tracked::{Census, Tracked, compare_slowly};
use super::{Family, Key, at_most, rng};

pub const THREADS: usize = 4;
/// Of a thread; fewer where each step is interpreted.
pub const OPS: usize = if cfg!(miri) { 200 } else { 20_000 };

/// A key that is its number.
pub const fn itself(key: u64) -> u64 {
    key
}

/// Each key's successful inserts minus successful removes is 1 if it is present at the end, else
/// 0; the size and the keys that iteration shows say the same.
pub fn net_updates_are_the_keys_present<F: Family>() {
    net_updates(&F::of_words(), itself, 64);
    let census = Census::default();
    net_updates(&F::of_keys(), |id| census.colliding(id), at_most(64, 8, F::EQUAL_HASHES));
}

pub fn net_updates<K: Key>(
    map: &impl ConcurrentMap<K, u64>,
    key: impl Fn(u64) -> K + Sync,
    keys: u64,
) {
    let nets = in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        let mut net = vec![0_i64; keys as usize];
        for _ in 0..OPS {
            let k = rng.random_range(0..keys);
            if rng.random() {
                net[k as usize] += i64::from(handle.insert(key(k), k));
            } else if let Some(value) = handle.remove(&key(k)) {
                assert_eq!(value, k, "removed another key's value");
                net[k as usize] -= 1;
            }
        }
        net
    });
    let mut handle = map.handle();
    let mut present = 0;
    for k in 0..keys {
        let net: i64 = nets.iter().map(|net| net[k as usize]).sum();
        assert_eq!(net, i64::from(handle.contains(&key(k))), "key {k}");
        present += net as usize;
    }
    let mut visited = 0;
    handle.for_each(|_, _| visited += 1);
    assert_eq!((map.len(), visited), (present, present));
}

/// A thread that alone writes some keys sees them exactly as it left them, whatever the others do
/// to the keys around.
pub fn threads_see_their_own_keys<F: Family>() {
    let census = Census::default();
    own_keys(&F::of_keys(), |id| census.colliding(id), at_most(128, 8, F::EQUAL_HASHES));
}

pub fn own_keys<K: Key>(
    map: &impl ConcurrentMap<K, u64>,
    key: impl Fn(u64) -> K + Sync,
    keys: u64,
) {
    let each = keys / THREADS as u64;
    in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        let mut own = HashMap::new();
        for round in 0..OPS as u64 {
            let k = rng.random_range(0..each) * THREADS as u64 + thread as u64;
            match rng.random_range(0..4) {
                0 => assert_eq!(handle.insert(key(k), round), own.try_insert_new(k, round)),
                1 => assert_eq!(handle.remove(&key(k)), own.remove(&k)),
                2 => assert_eq!(handle.update(&key(k), |_| round), own.replace(k, round)),
                _ => assert_eq!(handle.get(&key(k)), own.get(&k).copied()),
            }
        }
    });
}

trait Model {
    fn try_insert_new(&mut self, key: u64, value: u64) -> bool;
    fn replace(&mut self, key: u64, value: u64) -> Option<u64>;
}

impl Model for HashMap<u64, u64> {
    fn try_insert_new(&mut self, key: u64, value: u64) -> bool {
        let absent = !self.contains_key(&key);
        self.entry(key).or_insert(value);
        absent
    }

    fn replace(&mut self, key: u64, value: u64) -> Option<u64> {
        self.get_mut(&key).map(|old| std::mem::replace(old, value))
    }
}

/// Counters that are raised by `upsert` and `update` lose no step, and no two steps start from
/// the same value. Some keys are removed meanwhile, and what was in them is counted too.
pub fn updates_are_atomic<F: Family>() {
    raise_counters(&F::of_words());
}

pub fn raise_counters(map: &impl ConcurrentMap<u64, u64>) {
    const KEYS: u64 = 4;
    let results = in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        let (mut raised, mut removed) = ([0_u64; KEYS as usize], [0_u64; KEYS as usize]);
        for _ in 0..OPS {
            let key = rng.random_range(0..KEYS);
            let k = key as usize;
            match rng.random_range(0..8) {
                0 if key == 0 => removed[k] += handle.remove(&key).unwrap_or(0),
                1..=4 => raised[k] += u64::from(handle.update(&key, |n| n + 1).is_some()),
                _ => {
                    handle.upsert(key, |n| n.map_or(1, |n| n + 1));
                    raised[k] += 1;
                }
            }
        }
        (raised, removed)
    });
    let mut handle = map.handle();
    for key in 0..KEYS {
        let left = handle.get(&key).unwrap_or(0);
        let raised: u64 = results.iter().map(|(raised, _)| raised[key as usize]).sum();
        let removed: u64 = results.iter().map(|(_, removed)| removed[key as usize]).sum();
        assert_eq!(left + removed, raised, "key {key}");
    }
}

/// While the table grows from its smallest size, a reader finds every key that was announced
/// as inserted, and nothing is lost in the end.
pub fn growth_loses_nothing<F: Family>() {
    grow_under_readers(&F::of_words(), F::GROWS_BY);
}

/// Two writers insert `each` entries each.
pub fn grow_under_readers(map: &impl ConcurrentMap<u64, u64>, each: u64) {
    let inserted = [const { AtomicU64::new(0) }; 2];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|reader| {
                let (inserted, done) = (&inserted, &done);
                scope.spawn(move || {
                    let mut handle = map.handle();
                    let mut rng = rng(reader);
                    while !done.load(Relaxed) {
                        for (writer, count) in inserted.iter().enumerate() {
                            let count = count.load(std::sync::atomic::Ordering::Acquire);
                            if count > 0 {
                                let key = rng.random_range(0..count) * 2 + writer as u64;
                                assert_eq!(handle.get(&key), Some(!key), "lost key {key}");
                            }
                        }
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let inserted = &inserted;
                scope.spawn(move || {
                    let mut handle = map.handle();
                    for i in 0..each {
                        let key = i * 2 + writer as u64;
                        assert!(handle.insert(key, !key), "key {key} was there");
                        inserted[writer].store(i + 1, std::sync::atomic::Ordering::Release);
                    }
                })
            })
            .collect();
        let written: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Relaxed);
        for result in readers.into_iter().map(thread::ScopedJoinHandle::join).chain(written) {
            result.unwrap();
        }
    });
    assert_eq!(map.len() as u64, 2 * each);
    let mut handle = map.handle();
    assert!((0..2 * each).all(|key| handle.get(&key) == Some(!key)));
}

/// Iteration during growth, inserts and removes of other keys visits each lasting entry exactly
/// once and never a key that is absent throughout.
pub fn iteration_is_weak_as_worded<F: Family>() {
    iterate(&F::of_words(), itself, OPS as u64 / 10, OPS as u64 / 10 * 4);
    let keys = at_most(200, 8, F::EQUAL_HASHES);
    let census = Census::default();
    iterate(&F::of_keys(), |id| census.colliding(id), keys * 3 / 10, keys);
}

pub fn iterate<K: Key>(
    map: &impl ConcurrentMap<K, u64>,
    key: impl Fn(u64) -> K + Sync,
    lasting: u64,
    keys: u64,
) {
    let mut handle = map.handle();
    for k in 0..lasting {
        handle.insert(key(k), k);
    }
    let done = AtomicBool::new(false);
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for thread in 0..2_u64 {
            let (key, done, start) = (&key, &done, &start);
            scope.spawn(move || {
                let mut handle = map.handle();
                let mut rng = rng(thread);
                start.wait();
                let mut largest = lasting;
                while !done.load(Relaxed) {
                    largest = (largest + 1).min(keys - 1);
                    let k = rng.random_range(lasting..=largest);
                    if rng.random_ratio(3, 5) {
                        handle.insert(key(k), k);
                    } else {
                        handle.remove(&key(k));
                    }
                }
            });
        }
        start.wait();
        // A violated assertion must not leave the writers running.
        let checks = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..50 {
                let mut visits = vec![0_u32; lasting as usize];
                handle.for_each(|k, value| {
                    assert_eq!(*k, key(*value), "another key's value");
                    assert!(*value < keys, "an absent key");
                    if *value < lasting {
                        visits[*value as usize] += 1;
                    }
                });
                assert!(visits.iter().all(|n| *n == 1), "a lasting entry seen not once");
            }
        }));
        done.store(true, Relaxed);
        if let Err(panic) = checks {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Of threads that add the same key one succeeds, also when they were interrupted after they had
/// found it absent; the others then find it present.
pub fn one_insertion_wins<F: Family>() {
    let census = Census::default();
    race_to_insert(&F::of_keys(), |id| census.colliding(id));
}

pub fn race_to_insert<K: Key>(map: &impl ConcurrentMap<K, u64>, key: impl Fn(u64) -> K + Sync) {
    const KEYS: u64 = if cfg!(miri) { 50 } else { 1_000 };
    // Few keys at a time, as eight hashes make the chains long.
    for first in (0..KEYS).step_by(50) {
        let won = in_threads(|thread| {
            let mut handle = map.handle();
            let mut rng = rng(first + thread as u64);
            let mut won = 0;
            for k in first..first + 50 {
                let raise = |old: Option<&u64>| {
                    if rng.random_ratio(1, 2) {
                        thread::yield_now();
                    }
                    old.map_or(1, |n| n + 1)
                };
                won += u64::from(handle.upsert(key(k), raise).is_none());
            }
            won
        });
        assert_eq!(won.iter().sum::<u64>(), 50);
        let mut handle = map.handle();
        let mut visited = 0;
        handle.for_each(|key, raised| {
            assert_eq!(*raised, THREADS as u64, "{key:?}");
            visited += 1;
        });
        assert_eq!(visited, 50);
        (first..first + 50).for_each(|k| assert!(handle.remove(&key(k)).is_some()));
        assert!(map.is_empty());
    }
}

/// A thread that is interrupted while it stands at an entry, because `Eq` takes its time, goes on
/// to entries that are still there, although those it stood at and before are gone: it neither
/// uses what was freed nor misses a key.
pub fn slow_searches_survive_removals<F: Family>() {
    search_slowly(F::of_both(), at_most(64, 2, F::EQUAL_HASHES), F::FREES_ALL);
}

fn search_slowly(map: Erased<Tracked, Tracked>, keys: u64, frees_all: bool) {
    let census = Census::default();
    let slow = |id: u64| census.slow(id);
    let lasting = keys - 4..keys;
    lasting.clone().for_each(|id| assert!(map.handle().insert(slow(id), census.track(id))));
    in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        let reads = thread % 2 == 0;
        compare_slowly(reads);
        for _ in 0..if reads { 300 } else { OPS } {
            if reads {
                let id = rng.random_range(lasting.clone());
                let found = handle.get_with(&slow(id), |value| value.clone().id);
                assert_eq!(found, Some(id), "missed");
            } else {
                let id = rng.random_range(0..lasting.start);
                if rng.random() {
                    handle.insert(slow(id), census.track(id));
                } else {
                    handle.remove(&slow(id));
                }
            }
        }
    });
    drop(map);
    assert!(!frees_all || census.alive() == 0, "{} were not dropped", census.alive());
}

/// A reader never sees half of one update and half of another.
pub fn values_are_never_torn<F: Family>() {
    read_whole_values(&F::of_both());
}

fn read_whole_values(map: &Erased<Tracked, Tracked>) {
    const KEYS: u64 = 4;
    let census = Census::default();
    let keys: Vec<_> = (0..KEYS).map(|key| census.track(key)).collect();
    {
        let mut handle = map.handle();
        keys.iter().for_each(|key| assert!(handle.insert(key.clone(), census.track(0))));
    }
    in_threads(|thread| {
        let mut handle = map.handle();
        let mut rng = rng(thread as u64);
        for round in 1..5 * OPS as u64 {
            let key = &keys[rng.random_range(0..keys.len())];
            if thread % 2 == 0 {
                handle.update(key, |_| census.track(round));
            } else {
                let whole = handle.get_with(key, Tracked::is_whole);
                assert_eq!(whole, Some(true), "torn");
            }
        }
    });
}

/// Runs `work` in [`THREADS`] threads that start together.
pub fn in_threads<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
