//! Two threads whose closures use a cuckoo table do not wait for each other.

use std::cell::RefCell;
use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use structures::exclusion::{Exclusion, GlobalLock, Optimistic, SingleWriter};
use structures::map::DirectMap;
use structures::reclaim::Sdd;
use structures::{ChainingLockFree, CuckooOptimistic};

use crate::alone::Case;

type Map<E> = CuckooOptimistic<u64, u64, RandomState, 8, E>;

/// Keys of nobody else.
const MINE: u64 = 1 << 40;

/// A table in which insertions have to displace.
fn nearly_full<E: Exclusion>() -> Map<E> {
    let map = Map::with_capacity_and_hasher(10_000, RandomState::default());
    let slots = structures::map::ConcurrentMap::<u64, u64>::capacity(&map).expect("slots");
    (0..slots as u64 * 9 / 10).for_each(|key| assert!(map.insert(key, key)));
    map
}

fn insert_and_remove<E: Exclusion>(map: &Map<E>, key: u64) {
    assert!(map.insert(key, key));
    assert_eq!(map.remove(&key), Some(key));
}

/// One iterates, and works from its closure; the other one inserts, which displaces.
fn beside_an_iteration<E: Exclusion>() {
    let (map, done) = (nearly_full::<E>(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                DirectMap::for_each(&map, |key, _| {
                    map.get(key);
                    if key.is_multiple_of(64) {
                        insert_and_remove(&map, MINE + key);
                    }
                });
            }
            done.store(true, Relaxed);
        });
        for key in 2 * MINE.. {
            insert_and_remove(&map, key);
            if done.load(Relaxed) {
                break;
            }
        }
    });
}

/// Each iterates one of two tables, and inserts into the other.
fn crosswise() {
    let maps = [nearly_full::<Optimistic>(), nearly_full::<Optimistic>()];
    thread::scope(|scope| {
        for (mine, other) in [(0, 1), (1, 0)] {
            let maps = &maps;
            scope.spawn(move || {
                for round in 0..20 {
                    DirectMap::for_each(&maps[mine], |key, _| {
                        if *key < MINE && key.is_multiple_of(8) {
                            insert_and_remove(&maps[other], MINE + round * MINE + key);
                        }
                    });
                }
            });
        }
    });
}

/// A thread has of the scheme only a handle that was moved to it and that it drops; then a thread-local
/// that is older than the scheme's uses the table.
fn late_after_a_drop() {
    type Table = ChainingLockFree<u64, u64, Sdd>;
    struct Late(Option<&'static Table>);
    impl Drop for Late {
        fn drop(&mut self) {
            if let Some(table) = self.0 {
                let mut handle = table.handle();
                assert!(handle.insert(1, 1));
                assert_eq!(handle.remove(&1), Some(1));
            }
        }
    }
    thread_local!(static LATE: RefCell<Late> = const { RefCell::new(Late(None)) });
    let table: &'static Table = Box::leak(Box::new(Table::default()));
    let mut handle = table.handle();
    for key in 0..10 {
        assert!(handle.insert(key, key));
        assert_eq!(handle.remove(&key), Some(key));
    }
    let exits = thread::spawn(move || {
        LATE.with_borrow_mut(|late| late.0 = Some(table));
        drop(handle);
    });
    exits.join().expect("it exits without a panic");
    assert_eq!(table.len(), 0);
}

pub fn cases() -> Vec<Case> {
    let case = |name: &str, run| Case { name: format!("two/{name}"), run };
    vec![
        case("iteration/optimistic", |_| beside_an_iteration::<Optimistic>()),
        case("iteration/single-writer", |_| beside_an_iteration::<SingleWriter>()),
        case("iteration/global-lock", |_| beside_an_iteration::<GlobalLock>()),
        case("crosswise", |_| crosswise()),
        case("late/sdd", |_| late_after_a_drop()),
    ]
}
