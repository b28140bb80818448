//! Models of the cuckoo table with striped locks, under every interleaving and every order of
//! memory that loom knows: `ci/loom.sh`. Values are as in `living`: what is read without its lock,
//! or after it was freed, fails the model.
#![cfg(loom)]

mod explore;
mod living;

use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use explore::{explore, explore_with};
use living::{Itself, Value, number};
use loom::sync::Arc;
use loom::thread;
use structures::CuckooStriped;

/// Buckets of two slots. Two of them have one stripe; four, or more, two.
type Table = CuckooStriped<u64, Value, Itself, 2>;

/// The key number `number` with a home and a tag.
const fn tagged(tag: u64, home: u64, number: u64) -> u64 {
    tag << 56 | number << 16 | home
}

/// One whose other bucket is its home ^ 3, as far as there are buckets.
const fn key(home: u64, number: u64) -> u64 {
    tagged(1, home, number)
}

/// One whose other bucket is its home ^ 1, of four buckets.
const fn neighbour(home: u64, number: u64) -> u64 {
    tagged(12, home, number)
}

/// A table with so many slots and entries (k, k).
fn table(slots: usize, keys: &[u64]) -> Arc<Table> {
    // An eighth is to spare.
    let map = Table::with_capacity_and_hasher(slots * 7 / 8, Itself::default());
    keys.iter().for_each(|key| assert!(map.insert(*key, Value::new(*key))));
    assert_eq!(map.capacity(), slots);
    Arc::new(map)
}

fn look_up(map: &CuckooStriped<u64, Value, impl BuildHasher, 2>, key: u64) -> Option<u64> {
    map.get_with(&key, Value::number)
}

fn raise(map: &Table, key: u64, by: u64) -> Option<u64> {
    number(map.update(&key, |value| Value::new(value.number() + by)))
}

/// Of two insertions of a key one succeeds, and its value stays. (striped-I2)
#[test]
fn a_key_is_inserted_once() {
    explore("two insertions", [(true, false, Some(1)), (false, true, Some(2))], || {
        let map = table(8, &[]);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.insert(key(0, 0), Value::new(2)))
        };
        let first = map.insert(key(0, 0), Value::new(1));
        let second = other.join().expect("inserted");
        (first, second, look_up(&map, key(0, 0)))
    });
}

/// Of two updates none is lost. (striped-I1)
#[test]
fn no_update_is_lost() {
    let k = key(0, 0);
    explore("two updates", [(Some(k), Some(k + 1)), (Some(k + 2), Some(k))], move || {
        let map = table(8, &[k]);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || raise(&map, k, 2))
        };
        let first = raise(&map, k, 1);
        let second = other.join().expect("updated");
        assert_eq!(look_up(&map, k), Some(k + 3));
        (first, second)
    });
}

/// Of four buckets, 0 and 3 are full; the two entries of bucket 0 can move to bucket 1.
const CROWDED: [u64; 4] = [neighbour(0, 0), neighbour(0, 1), key(3, 0), key(3, 1)];

/// An insertion displaces an entry under a reader of it, who never misses it. (striped-I2)
#[test]
fn a_displaced_entry_is_never_missed() {
    for read in [CROWDED[0], CROWDED[1]] {
        explore("displace", [Some(read)], move || {
            let map = table(8, &CROWDED);
            let reader = {
                let map = Arc::clone(&map);
                thread::spawn(move || look_up(&map, read))
            };
            assert!(map.insert(key(0, 0), Value::new(9)));
            reader.join().expect("read")
        });
    }
}

/// An entry that is about to be displaced is removed: it stays so. (striped-I1)
#[test]
fn what_was_removed_stays_removed() {
    for removed in [CROWDED[0], CROWDED[1]] {
        explore("displace, remove", [(Some(removed), None)], move || {
            let map = table(8, &CROWDED);
            let remover = {
                let map = Arc::clone(&map);
                thread::spawn(move || (number(map.remove(&removed)), look_up(&map, removed)))
            };
            assert!(map.insert(key(0, 0), Value::new(9)));
            remover.join().expect("removed")
        });
    }
}

/// Two threads insert one key, for which there is no room without a displacement. (striped-I2)
#[test]
fn a_key_is_inserted_once_after_displacements() {
    explore_with(1, "two displacing insertions", [(true, false), (false, true)], || {
        let map = table(8, &CROWDED);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.insert(key(0, 0), Value::new(2)))
        };
        let first = map.insert(key(0, 0), Value::new(1));
        let second = other.join().expect("inserted");
        assert_eq!(map.len(), 5);
        (first, second)
    });
}

/// striped-I8: an iteration sees each entry once, though one is displaced meanwhile.
#[test]
fn an_iteration_sees_what_moves_once() {
    let seen = |new: &[u64]| {
        let mut all = [&CROWDED, new].concat();
        all.sort_unstable();
        all
    };
    explore_with(1, "displace, iterate", [seen(&[]), seen(&[key(0, 0)])], || {
        let map = table(8, &CROWDED);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || {
                let mut seen = Vec::new();
                map.for_each(|key, _| seen.push(*key));
                seen.sort_unstable();
                seen
            })
        };
        assert!(map.insert(key(0, 0), Value::new(9)));
        reader.join().expect("read")
    });
}

/// Growth with all locks: two buckets become four under a reader. (striped-I4, striped-I6)
#[test]
fn a_rebuilt_table_hides_nothing() {
    let full = [key(0, 0), key(0, 1), key(2, 0), key(2, 1)];
    for read in [full[0], full[3]] {
        explore_with(1, "rebuild", [Some(read)], move || {
            let map = table(4, &full);
            let reader = {
                let map = Arc::clone(&map);
                thread::spawn(move || look_up(&map, read))
            };
            assert!(map.insert(key(2, 2), Value::new(9)));
            assert_eq!(map.capacity(), 8);
            reader.join().expect("read")
        });
    }
}

/// What fills the two buckets of its last key, of four; of eight there is room for another.
const LAZY: [u64; 4] = [key(0, 0), key(0, 1), key(4, 0), key(4, 1)];

/// Growth stripe by stripe: four buckets become eight under a reader, who may be the one who moves
/// his stripe. (striped-I4)
#[test]
fn a_doubled_table_hides_nothing() {
    for read in [LAZY[0], LAZY[3]] {
        explore_with(1, "double", [Some(read)], move || {
            let map = table(8, &LAZY);
            let reader = {
                let map = Arc::clone(&map);
                thread::spawn(move || look_up(&map, read))
            };
            assert!(map.insert(key(4, 2), Value::new(9)));
            assert_eq!(map.capacity(), 16);
            reader.join().expect("read")
        });
    }
}

/// A hasher that is the key, and unwinds at the last of so many hashes.
struct Fickle(std::sync::Arc<AtomicUsize>);

impl BuildHasher for Fickle {
    type Hasher = Itself;

    fn build_hasher(&self) -> Itself {
        if self.0.fetch_sub(1, Relaxed) == 1 {
            // Not by a panic, whose message each execution would print.
            resume_unwind(Box::new("no hash"));
        }
        Itself::default()
    }
}

/// Two threads move a stripe each of a table that has been doubled. In each stripe is an entry whose home is in the
/// other: who moves it counts it there, and so in the word that the other one writes. (striped-I10)
#[test]
fn a_doubled_table_counts_what_is_away() {
    // Of four buckets, 0 has the first two, 3 the others; of eight, they are in 0, 4, 3 and 7.
    let [at_home, away, at_home_too, away_too] = [key(0, 0), key(7, 0), key(3, 0), key(4, 0)];
    explore_with(1, "move what is away", [(Some(at_home), Some(away))], move || {
        let left = std::sync::Arc::new(AtomicUsize::new(usize::MAX));
        let hasher = Fickle(std::sync::Arc::clone(&left));
        let map = CuckooStriped::<_, _, _, 2>::with_capacity_and_hasher(7, hasher);
        let insert = |key| assert!(map.insert(key, Value::new(key)));
        // While bucket 0 is full, what is at home there goes to 3; and then the other way round.
        [at_home, key(0, 1), away_too, at_home_too].into_iter().for_each(insert);
        drop(map.remove(&key(0, 1)));
        insert(away);
        // There is no room for another key. Of it the first hash is, and then of what would be moved.
        left.store(2, Relaxed);
        let unwound = catch_unwind(AssertUnwindSafe(|| insert(key(3, 1))));
        assert!(unwound.is_err() && map.capacity() == 16, "doubled, and nothing moved");
        let map = Arc::new(map);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || look_up(&map, at_home))
        };
        let second = look_up(&map, away);
        let first = other.join().expect("read");
        for key in [at_home, away, at_home_too, away_too] {
            assert_eq!(look_up(&map, key), Some(key));
        }
        (first, second)
    });
}

/// Two threads find the table full: it doubles once, and both find room. (striped-I4, striped-I6)
#[test]
fn a_table_doubles_once() {
    explore_with(2, "two doublings", [(true, true, 16)], || {
        let map = table(8, &LAZY);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.insert(key(4, 3), Value::new(9)))
        };
        let first = map.insert(key(0, 2), Value::new(9));
        let second = other.join().expect("inserted");
        assert_eq!(map.len(), 6);
        (first, second, map.capacity())
    });
}

/// An insertion finds the table full that another thread makes larger. (That a search which goes on
/// without locks keeps its table is argued, striped-I6: loom does not come to where it would be
/// missed.)
#[test]
fn an_insertion_meets_a_larger_table() {
    explore_with(1, "insert, reserve", [true], || {
        let map = table(8, &LAZY);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.try_reserve(12))
        };
        let inserted = map.insert(key(4, 3), Value::new(9));
        assert_eq!(other.join().expect("reserved"), Ok(()));
        assert_eq!((map.len(), map.capacity()), (5, 32));
        inserted
    });
}
