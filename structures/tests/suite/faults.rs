//! Code of the user's that panics, threads that leave early, and memory that must be freed once.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use rand::RngExt;
use structures::map::{ConcurrentMap, MapHandle};

use super::erased::Erased;
use super::tracked::{Census, Tracked};
use super::{Family, Key, rng};

/// What was inserted, cloned, replaced and removed is dropped exactly once.
pub fn everything_is_dropped_once<F: Family>() {
    drops_once(F::of_both(), F::FREES_ALL);
}

fn drops_once(map: Erased<Tracked, Tracked>, frees_all: bool) {
    let census = Census::default();
    thread::scope(|scope| {
        for thread in 0..3 {
            let (map, census) = (&map, &census);
            scope.spawn(move || churn(map, census, thread, 5_000));
        }
    });
    let entries = map.len() as i64;
    assert!(census.alive() >= 2 * entries, "an entry of the map was dropped");
    drop(map);
    assert!(census.alive() >= 0, "something was dropped twice");
    assert!(!frees_all || census.alive() == 0, "{} were not dropped", census.alive());
}

/// Threads come, retire nodes, and leave at once.
pub fn threads_may_exit_with_retired_nodes<F: Family>() {
    come_and_leave(F::of_both(), F::FREES_ALL);
}

fn come_and_leave(map: Erased<Tracked, Tracked>, frees_all: bool) {
    let census = Census::default();
    for round in 0..40 {
        thread::scope(|scope| {
            scope.spawn(|| churn(&map, &census, round, 50));
            scope.spawn(|| churn(&map, &census, round + 1_000, 50));
        });
    }
    let mut handle = map.handle();
    let mut visited = 0;
    handle.for_each(|key, value| {
        assert_eq!(key, value);
        visited += 1;
    });
    assert_eq!(visited, map.len());
    drop(handle);
    drop(map);
    assert!(!frees_all || census.alive() == 0, "{} were not dropped", census.alive());
}

fn churn(map: &Erased<Tracked, Tracked>, census: &Census, seed: u64, ops: usize) {
    let mut handle = map.handle();
    let mut rng = rng(seed);
    for _ in 0..ops {
        let id = rng.random_range(0..100);
        match rng.random_range(0..5) {
            0 | 1 => drop(handle.insert(census.track(id), census.track(id))),
            2 => drop(handle.remove(&census.track(id))),
            3 => drop(handle.update(&census.track(id), |old| census.track(old.id))),
            _ => drop(handle.upsert(census.track(id), |_| census.track(id))),
        }
    }
}

thread_local! {
    /// Which of the user's functions panics at its n-th next call in this thread.
    static FUSE: Cell<Option<(Fault, u32)>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Hash,
    Eq,
    Clone,
    Drop,
    Closure,
}

/// Makes `fault` panic at its call number `calls` from now on, in this thread, once.
pub fn plant(fault: Fault, calls: u32) {
    FUSE.set(Some((fault, calls)));
}

/// Takes out what has been planted.
pub fn unplant() {
    FUSE.set(None);
}

/// To be called by the user's function that can fail so.
pub fn maybe_panic(fault: Fault) {
    if let Some((set, left)) = FUSE.get()
        && set == fault
    {
        FUSE.set((left > 0).then(|| (set, left - 1)));
        assert!(left > 0, "planted: {fault:?}");
    }
}

pub fn panicking_hash<F: Family>() {
    survives(F::of_both(), F::FREES_ALL, Fault::Hash, 1);
}

pub fn panicking_eq<F: Family>() {
    survives(F::of_both(), F::FREES_ALL, Fault::Eq, 8);
}

pub fn panicking_clone<F: Family>() {
    survives(F::of_both(), F::FREES_ALL, Fault::Clone, 3);
}

pub fn panicking_closures<F: Family>() {
    survives(F::of_both(), F::FREES_ALL, Fault::Closure, 1);
}

/// [`has_no_effect`], and nothing leaks.
fn survives(map: Erased<Tracked, Tracked>, frees_all: bool, fault: Fault, calls: u32) {
    let census = Census::default();
    has_no_effect(&map, |id| census.fragile(id), fault, calls);
    drop(map);
    assert!(!frees_all || census.alive() == 0, "{} leaked", census.alive());
}

/// Runs every operation with `fault` planted at its first, second, … call, and checks that one
/// which panicked has had no effect, and that the map goes on working.
pub fn has_no_effect<T: Key>(
    map: &impl ConcurrentMap<T, T>,
    fragile: impl Fn(u64) -> T,
    fault: Fault,
    calls: u32,
) {
    const KEYS: u64 = 12;
    let mut handle = map.handle();
    for id in 0..KEYS {
        assert!(handle.insert(fragile(id), fragile(id)));
    }
    let mut planted = 0;
    for call in 0..calls {
        for op in 0..6 {
            for id in [0, KEYS / 2, KEYS - 1, KEYS + 7] {
                let before = contents(&mut handle);
                plant(fault, call);
                let result =
                    catch_unwind(AssertUnwindSafe(|| operate(&mut handle, op, || fragile(id))));
                unplant();
                if result.is_err() {
                    planted += 1;
                    assert_eq!(
                        contents(&mut handle),
                        before,
                        "{fault:?} in operation {op} had an effect"
                    );
                } else if id < KEYS {
                    handle.insert(fragile(id), fragile(id));
                } else {
                    handle.remove(&fragile(id));
                }
            }
        }
    }
    assert!(planted > 0, "no operation called {fault:?}");
    assert_eq!(map.len() as u64, KEYS);
}

fn operate<T: Key>(handle: &mut impl MapHandle<T, T>, op: u32, fragile: impl Fn() -> T) {
    let key = fragile();
    let value = || {
        maybe_panic(Fault::Closure);
        fragile()
    };
    match op {
        0 => drop(handle.get(&key)),
        1 => drop(handle.get_with(&key, |_| maybe_panic(Fault::Closure))),
        2 => drop(handle.insert(key, value())),
        3 => drop(handle.remove(&key)),
        4 => drop(handle.update(&key, |_| value())),
        _ => drop(handle.upsert(key, |_| value())),
    }
}

fn contents<T: Key>(handle: &mut impl MapHandle<T, T>) -> Vec<(T, T)> {
    let mut all = Vec::new();
    handle.for_each(|key, value| all.push((key.clone(), value.clone())));
    all.sort_unstable();
    all
}

/// A value whose `Drop` panics, wherever that happens, leaves the map usable, and everything else
/// is dropped all the same.
pub fn panicking_drop<F: Family>() {
    drop_panics(F::of_both(), F::FREES_ALL);
}

fn drop_panics(map: Erased<Tracked, Tracked>, frees_all: bool) {
    let (keys, census) = (Census::default(), Census::default());
    let fragile = |id: u64| census.fragile(id);
    let mut handle = map.handle();
    for round in 0..50_u64 {
        for key in 0..8 {
            FUSE.set((round % 5 == 0).then_some((Fault::Drop, 0)));
            let _ = catch_unwind(AssertUnwindSafe(|| match (round + key) % 4 {
                0 => drop(handle.remove(&keys.track(key))),
                1 => drop(handle.update(&keys.track(key), |_| fragile(key))),
                _ => drop(handle.insert(keys.track(key), fragile(key))),
            }));
            unplant();
        }
    }
    let len = map.len();
    let mut visited = 0;
    handle.for_each(|key, value| {
        assert_eq!(key, value);
        visited += 1;
    });
    assert_eq!(visited, len);
    drop(handle);
    plant(Fault::Drop, 1);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(map)));
    unplant();
    assert!(!frees_all || census.alive() == 0, "{} leaked", census.alive());
}

/// A key whose `Drop` panics while it is taken out is out all the same: the panic comes after the
/// effect.
pub fn panicking_drop_of_a_removed_key<F: Family>() {
    drop_of_a_key_panics(F::of_both(), F::FREES_ALL);
}

fn drop_of_a_key_panics(map: Erased<Tracked, Tracked>, frees_all: bool) {
    const DROPS: u32 = 6;
    let census = Census::default();
    let fragile = |id: u64| census.fragile(id);
    let mut handle = map.handle();
    let mut planted = 0;
    for call in 0..DROPS {
        for id in 0..4 {
            assert!(handle.insert(fragile(id), fragile(id)), "{id} is there still");
            let (key, mut removed) = (fragile(id), None);
            plant(Fault::Drop, call);
            let result = catch_unwind(AssertUnwindSafe(|| removed = handle.remove(&key)));
            planted += u32::from(FUSE.take().is_none());
            assert!(result.is_err() || removed.is_some(), "{id} was not there");
            assert!(!handle.contains(&key), "the removal was undone by the {call}th drop");
            assert_eq!(map.len(), 0);
        }
    }
    // None is planted in a table that drops later what it takes out.
    drop(handle);
    drop(map);
    // The compiler leaks what a function is about to return if a local's `Drop` panics then: a value at
    // most for each that was planted.
    let leaked = census.alive();
    assert!(!frees_all || (0..=i64::from(planted)).contains(&leaked), "{leaked} leaked");
}
