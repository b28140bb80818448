//! Models of the growth of the tables whose writers all take part in it (`doubling`), under every
//! interleaving and every order of memory that loom knows: `ci/loom.sh`.
//!
//! A full table of two buckets becomes one of four: the main thread inserts a key for which there is
//! no room, while another one reads, updates, removes or inserts.
#![cfg(loom)]

mod explore;
mod living;

use explore::{explore, explore_with};
use living::Itself;
use loom::sync::Arc;
use loom::thread;
use structures::map::{ConcurrentMap, DirectMap};
use structures::{ChainingInline, CuckooOptimistic, Pages};

/// A table of two buckets, the keys that fill it, and two that do not fit.
trait Full: DirectMap<u64, u64> + ConcurrentMap<u64, u64> + Sized + 'static {
    const KEYS: [u64; 4];
    const NEW: [u64; 2];

    fn empty() -> Self;

    /// With entries (k, k).
    fn full() -> Arc<Self> {
        let map = Self::empty();
        let capacity = ConcurrentMap::capacity(&map);
        Self::KEYS.iter().for_each(|key| assert!(map.insert(*key, *key)));
        assert_eq!(ConcurrentMap::capacity(&map), capacity, "it has grown already");
        Arc::new(map)
    }

    /// What every model ends with.
    fn look_up(&self, key: u64) -> Option<u64> {
        self.get_with(&key, |value| *value)
    }
}

/// The key number `number` with a home; its tag is not 0.
const fn key(home: u64, number: u64) -> u64 {
    (number + 1) << 56 | home
}

type Cuckoo = CuckooOptimistic<u64, u64, Itself, 2>;

/// Each bucket is the other one's other bucket.
impl Full for Cuckoo {
    const KEYS: [u64; 4] = [key(0, 0), key(1, 1), key(2, 2), key(3, 3)];
    const NEW: [u64; 2] = [key(0, 4), key(1, 5)];

    fn empty() -> Self {
        Self::with_buckets(2, Itself::default(), Pages::Default)
    }
}

type Inline = ChainingInline<u64, u64, Itself>;

/// Bucket 0 has as many entries as it has inline slots, and the table as many as it should.
impl Full for Inline {
    const KEYS: [u64; 4] = [key(0, 0), key(2, 1), key(0, 2), key(1, 3)];
    const NEW: [u64; 2] = [key(2, 4), key(0, 5)];

    fn empty() -> Self {
        Self::with_capacity_and_hasher(0, Itself::default())
    }
}

/// The outcome of `other` while the table grows, of the insertion that makes it grow, and of a
/// look-up of `key` in the end.
fn while_it_grows<M: Full, T: Send + 'static>(
    key: u64,
    other: fn(&M, u64) -> T,
) -> (T, bool, Option<u64>) {
    let map = M::full();
    let capacity = ConcurrentMap::capacity(&*map);
    let thread = {
        let map = Arc::clone(&map);
        thread::spawn(move || other(&map, key))
    };
    let inserted = map.insert(M::NEW[0], 9);
    let outcome = thread.join().expect("it runs");
    assert!(ConcurrentMap::capacity(&*map) > capacity, "it has not grown");
    assert_eq!(map.look_up(M::NEW[0]), Some(9));
    for kept in M::KEYS.into_iter().filter(|kept| *kept != key) {
        assert_eq!(map.look_up(kept), Some(kept));
    }
    (outcome, inserted, map.look_up(key))
}

/// The table may be superseded before the reader has its bucket, or when it has.
fn a_growing_table_hides_nothing<M: Full>(what: &str) {
    for key in [M::KEYS[0], M::KEYS[1]] {
        explore(what, [(Some(key), true, Some(key))], move || {
            while_it_grows::<M, _>(key, |map, key| map.look_up(key))
        });
    }
}

/// The bucket may be frozen before the update, or copied after it.
fn an_update_is_copied<M: Full>(what: &str) {
    let key = M::KEYS[0];
    explore(what, [(Some(key), true, Some(key + 1))], move || {
        while_it_grows::<M, _>(key, |map, key| map.update(&key, |value| value + 1))
    });
}

/// The same of a removal. (If it comes first, the insertion finds room.)
fn what_was_removed_is_not_copied<M: Full>(what: &str) {
    let key = M::KEYS[3];
    explore(what, [(Some(key), None)], move || {
        let map = M::full();
        let remover = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.remove(&key))
        };
        assert!(map.insert(M::NEW[0], 9));
        let removed = remover.join().expect("it removes");
        assert_eq!(map.look_up(M::NEW[0]), Some(9));
        (removed, map.look_up(key))
    });
}

/// Both make the table grow, and one of them puts the key into the larger one.
fn a_key_is_inserted_once<M: Full>(what: &str) {
    let outcomes = [(false, true, Some(9)), (true, false, Some(8))];
    explore_with(2, what, outcomes, || two_insertions::<M>(M::NEW[0]));
}

/// Both find room, in one doubling.
fn two_find_room<M: Full>(what: &str) {
    explore_with(2, what, [(true, true, Some(8))], || two_insertions::<M>(M::NEW[1]));
}

/// Whether another thread inserts (`key`, 8), whether this one inserts (`NEW[0]`, 9), and what `key`
/// has in the end.
fn two_insertions<M: Full>(key: u64) -> (bool, bool, Option<u64>) {
    let map = M::full();
    let other = {
        let map = Arc::clone(&map);
        thread::spawn(move || map.insert(key, 8))
    };
    let first = map.insert(M::NEW[0], 9);
    // What the other one has copied is seen before it is joined.
    for kept in M::KEYS {
        assert_eq!(map.look_up(kept), Some(kept));
    }
    let second = other.join().expect("it inserts");
    (second, first, map.look_up(key))
}

macro_rules! of_each_table {
    ($($model:ident: $what:literal;)*) => {$(
        mod $model {
            #[test]
            fn cuckoo_optimistic() {
                super::$model::<super::Cuckoo>(concat!("cuckoo-optimistic: ", $what));
            }

            #[test]
            fn chaining_inline() {
                super::$model::<super::Inline>(concat!("chaining-inline: ", $what));
            }
        }
    )*};
}

of_each_table! {
    a_growing_table_hides_nothing: "grow, look up";
    an_update_is_copied: "grow, update";
    what_was_removed_is_not_copied: "grow, remove";
    a_key_is_inserted_once: "grow, insert the same";
    two_find_room: "grow, insert another";
}
