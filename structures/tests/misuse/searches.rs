//! Path searches that ask for, and answer with, what there is not.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use structures::cuckoo::path::{Bfs, Graph, Place, Search};
use structures::exclusion::{Optimistic, OptimisticStripes};
use structures::map::ConcurrentMap;
use structures::map::MapHandle;
use structures::reclaim::Hazard;
use structures::tagging::{Tagged, Untagged};
use structures::{CuckooOptimistic, CuckooOptimisticItems, CuckooStriped};

use crate::probe::{Probe, assert_no_faults};
use crate::{Hasher, panic_of};

thread_local! {
    /// What [`Wild`] does in this thread.
    static LIE: Cell<usize> = const { Cell::new(0) };
}

/// Ways to be wrong.
const LIES: usize = 12;

/// A search that is wrong in the way that [`LIE`] says.
#[derive(Debug)]
struct Wild;

impl Search for Wild {
    const NAME: &'static str = "wild";

    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>> {
        let place = |bucket, slot| Place { bucket, slot };
        let [home, other] = starts;
        match LIE.get() {
            0 => Bfs::find(graph, starts, seed),
            // Answers.
            1 => Some(vec![place(home, 0), place(1 << 20, 0)]),
            2 => Some(vec![place(1 << 20, 0), place(home, 0)]),
            3 => Some(vec![place(home, G::SLOTS), place(other, 0)]),
            4 => Some(vec![place(home, 0), place(other, usize::MAX)]),
            5 => Some(vec![place(usize::MAX, usize::MAX); 3]),
            6 => Some(Vec::new()),
            // Within the table, but no path.
            7 => Some(vec![place(home, 0)]),
            8 => Some(vec![place(home, 0), place(home, 0), place(home, 1)]),
            // Questions.
            9 => graph.other_bucket(place(1 << 20, 0)).map(|_| Vec::new()),
            10 => graph.other_bucket(place(home, 1 << 40)).map(|_| Vec::new()),
            _ => {
                let far = [1 << 20, usize::MAX, usize::MAX / 64];
                far.into_iter().for_each(|bucket| graph.prefetch(bucket));
                graph.other_bucket(place(usize::MAX, 7)).map(|_| Vec::new())
            }
        }
    }
}

/// Fills tables until they ask for a path, gets the lie, and then an honest one.
fn check<M: ConcurrentMap<K, K> + Default, K: From<u64>>(is_refused: fn(usize) -> bool) {
    for lie in 1..LIES {
        let map = M::default();
        let mut handle = map.handle();
        LIE.set(if matches!(lie, 7 | 8) { 0 } else { lie });
        let mut key = 0;
        let insert_until = |map: &M, key: &mut u64| {
            let mut handle = map.handle();
            while *key < 5_000 {
                handle.insert((*key).into(), (*key).into());
                *key += 1;
            }
        };
        if is_refused(lie) {
            let said = panic_of(|| insert_until(&map, &mut key));
            assert!(said.contains("search"), "lie {lie}: {said}");
        }
        LIE.set(0);
        insert_until(&map, &mut key);
        for key in 0..5_000 {
            assert!(handle.contains(&key.into()), "lie {lie}: {key}");
        }
    }
}

impl From<u64> for Probe {
    fn from(id: u64) -> Self {
        Self::new(id)
    }
}

#[test]
fn a_search_gets_at_no_other_memory() {
    let refused = |lie| !matches!(lie, 7 | 8);
    type Words<const SLOTS: usize, E, T> = CuckooOptimistic<u64, u64, Hasher, SLOTS, E, T, Wild>;
    check::<Words<2, Optimistic, Tagged>, u64>(refused);
    check::<Words<8, OptimisticStripes<8>, Untagged>, u64>(refused);
    check::<CuckooOptimisticItems<Probe, Probe, Hazard, Hasher, 4, Wild>, Probe>(refused);
    check::<CuckooStriped<Probe, Probe, Hasher, 4, Wild>, Probe>(refused);
    check::<CuckooStriped<Probe, Probe, Hasher, 2, Wild>, Probe>(refused);
    assert_no_faults();
}

/// While a table that is half empty is made smaller.
#[test]
fn a_search_gets_at_no_other_memory_when_a_table_shrinks() {
    for lie in (1..LIES).filter(|lie| !matches!(lie, 7 | 8)) {
        LIE.set(0);
        let map = CuckooStriped::<Probe, Probe, Hasher, 2, Wild>::default();
        (0..1_700).for_each(|key| assert!(map.insert(Probe::new(key), Probe::new(key))));
        (200..1_700).for_each(|key| drop(map.remove(&Probe::new(key))));
        LIE.set(lie);
        let shrunk = catch_unwind(AssertUnwindSafe(|| map.shrink_to_fit()));
        if let Err(payload) = shrunk {
            let said = payload.downcast::<String>().expect("a text");
            assert!(said.contains("search"), "lie {lie}: {said}");
        }
        LIE.set(0);
        for key in 0..200 {
            assert_eq!(map.get(&Probe::new(key)).map(|value| value.id()), Some(key), "lie {lie}");
        }
    }
    assert_no_faults();
}
