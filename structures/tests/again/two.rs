//! Two threads whose closures use a cuckoo table do not wait for each other.

use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use structures::CuckooOptimistic;
use structures::exclusion::{Exclusion, GlobalLock, Optimistic, SingleWriter};
use structures::map::DirectMap;

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

pub fn cases() -> Vec<Case> {
    let case = |name: &str, run| Case { name: format!("two/{name}"), run };
    vec![
        case("iteration/optimistic", |_| beside_an_iteration::<Optimistic>()),
        case("iteration/single-writer", |_| beside_an_iteration::<SingleWriter>()),
        case("iteration/global-lock", |_| beside_an_iteration::<GlobalLock>()),
        case("crosswise", |_| crosswise()),
    ]
}
