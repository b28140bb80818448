//! Models of the chained table with inline entries, under every interleaving and every order of memory
//! that loom knows: `ci/loom.sh`. Its growth is in `loom_growth.rs`.
//!
//! Here a bucket has three slots, a table is small up to two buckets, and a version has three bits. Each
//! model is run on a small table and on a large one, whose operations take other ways, and on one whose
//! readers lock. All keys are of bucket 0; a key's class is its number.
#![cfg(loom)]

mod explore;
mod living;

use explore::{explore, explore_with};
use living::Itself;
use loom::sync::Arc;
use loom::thread;
use structures::ChainingInline;
use structures::exclusion::{BucketLocks, Exclusion, Optimistic};
use structures::versions::PerBucket;

/// With room for so many entries.
type Inline<E> = ChainingInline<u64, u64, Itself, E>;

/// What a model needs of a kind of table.
trait Kind: 'static {
    type Exclusion: Exclusion<Versions = PerBucket>;
    const CAPACITY: usize;

    /// With entries (k, k), the first three in the first line.
    fn with(keys: &[u64]) -> Arc<Inline<Self::Exclusion>> {
        let map = Inline::with_capacity_and_hasher(Self::CAPACITY, Itself::default());
        keys.iter().for_each(|key| assert!(map.insert(*key, *key)));
        Arc::new(map)
    }
}

struct Small;
struct Large;
struct ReadersLock;

impl Kind for Small {
    type Exclusion = Optimistic;
    const CAPACITY: usize = 0;
}

impl Kind for Large {
    type Exclusion = Optimistic;
    const CAPACITY: usize = 8;
}

impl Kind for ReadersLock {
    type Exclusion = BucketLocks;
    const CAPACITY: usize = 0;
}

/// The key number `number`.
const fn key(number: u64) -> u64 {
    number << 61 | number << 8
}

const KEYS: [u64; 5] = [key(0), key(1), key(2), key(3), key(4)];

/// Runs `other` in another thread while `f` runs here.
fn beside<K: Kind, A: Send + 'static, B>(
    keys: &[u64],
    other: impl FnOnce(&Inline<K::Exclusion>) -> A + Send + 'static,
    f: impl FnOnce(&Inline<K::Exclusion>) -> B,
) -> (A, B, Arc<Inline<K::Exclusion>>) {
    let map = K::with(keys);
    let thread = {
        let map = Arc::clone(&map);
        thread::spawn(move || other(&map))
    };
    let outcome = f(&map);
    (thread.join().expect("it runs"), outcome, map)
}

/// inline-B1–B3 against inline-B4–B6: a slot is emptied and filled with another entry under a reader of
/// the first.
fn a_value_is_never_its_successors<K: Kind>(what: &str) {
    explore(what, [None, Some(KEYS[0])], || {
        let replace = |map: &Inline<_>| {
            assert_eq!(map.remove(&KEYS[0]), Some(KEYS[0]));
            assert!(map.insert(KEYS[1], KEYS[1]));
        };
        beside::<K, _, _>(&KEYS[..1], |map| map.get(&KEYS[0]), replace).0
    });
}

/// inline-B4 and inline-B6: of two updates none is lost.
fn an_update_is_not_lost<K: Kind>(what: &str) {
    explore(what, [Some(KEYS[0] + 2)], || {
        let raise = |map: &Inline<_>| map.update(&KEYS[0], |value| value + 1).is_some();
        let (other, this, map) = beside::<K, _, _>(&KEYS[..1], raise, raise);
        assert!(other && this);
        map.get(&KEYS[0])
    });
}

/// Two insertions of a key: in the first line, or in a further one.
fn a_key_is_inserted_once<K: Kind>(what: &str) {
    for present in [0, 3] {
        explore(what, [(true, false, Some(1)), (false, true, Some(2))], move || {
            let (other, this, map) = beside::<K, _, _>(
                &KEYS[..present],
                |map| map.insert(KEYS[4], 1),
                |map| map.insert(KEYS[4], 2),
            );
            (other, this, map.get(&KEYS[4]))
        });
    }
}

/// An insertion fails just if it comes before the removal.
fn an_insertion_comes_before_a_removal_or_after<K: Kind>(what: &str) {
    for present in [1, 4] {
        let key = KEYS[present - 1];
        explore(what, [(Some(key), false, None), (Some(key), true, Some(9))], move || {
            let (removed, inserted, map) = beside::<K, _, _>(
                &KEYS[..present],
                move |map| map.remove(&key),
                |map| map.insert(key, 9),
            );
            (removed, inserted, map.get(&key))
        });
    }
}

/// bucket-L3: an entry moves up from a further line under a reader and an iteration.
fn an_entry_that_moves_up_is_never_missed<K: Kind>(what: &str) {
    explore(what, [(Some(KEYS[3]), 1)], || {
        let look = |map: &Inline<_>| {
            let mut shown = 0;
            let found = map.get(&KEYS[3]);
            map.for_each(|key, _| shown += u32::from(*key == KEYS[3]));
            (found, shown)
        };
        let remove = |map: &Inline<_>| assert_eq!(map.remove(&KEYS[0]), Some(KEYS[0]));
        beside::<K, _, _>(&KEYS[..4], look, remove).0
    });
}

/// bucket-L3: one of two entries in a further line goes, of whichever class; the other is found.
fn a_filter_is_not_emptied_too_early<K: Kind>(what: &str) {
    for (gone, stays) in [(3, 4), (4, 3)] {
        explore(what, [Some(KEYS[stays])], move || {
            let remove = move |map: &Inline<_>| assert!(map.remove(&KEYS[gone]).is_some());
            beside::<K, _, _>(&KEYS, move |map| map.get(&KEYS[stays]), remove).0
        });
    }
}

/// An entry comes to a further line, and a reader who has seen it sees it again.
fn an_entry_in_a_further_line_stays<K: Kind>(what: &str) {
    let (old, new) = (None, Some(KEYS[3]));
    explore(what, [(old, old), (old, new), (new, new)], || {
        let twice = |map: &Inline<_>| (map.get(&KEYS[3]), map.get(&KEYS[3]));
        let insert = |map: &Inline<_>| assert!(map.insert(KEYS[3], KEYS[3]));
        beside::<K, _, _>(&KEYS[..3], twice, insert).0
    });
}

macro_rules! of_each_kind {
    ($($model:ident: $what:literal;)*) => {$(
        mod $model {
            #[test]
            fn small() {
                super::$model::<super::Small>(concat!("chaining-inline, small: ", $what));
            }

            #[test]
            fn large() {
                super::$model::<super::Large>(concat!("chaining-inline, large: ", $what));
            }

            #[test]
            fn readers_lock() {
                super::$model::<super::ReadersLock>(concat!("chaining-inline, locks: ", $what));
            }
        }
    )*};
}

of_each_kind! {
    a_value_is_never_its_successors: "remove, insert another";
    an_update_is_not_lost: "two updates";
    a_key_is_inserted_once: "two insertions";
    an_insertion_comes_before_a_removal_or_after: "insert, remove";
    an_entry_that_moves_up_is_never_missed: "move up";
    a_filter_is_not_emptied_too_early: "remove one of two";
    an_entry_in_a_further_line_stays: "insert into a further line";
}

/// What a reader of a key finds that sleeps through `changes` changes of its bucket: its slot gets
/// another entry, whose value then changes.
fn sleeps_through(changes: u64, outcomes: &[Option<u64>]) {
    let what = format!("chaining-inline: {changes} changes");
    // One preemption: in the midst of the lookup.
    explore_with(2, &what, outcomes.to_vec(), move || {
        let change = move |map: &Inline<_>| {
            assert_eq!(map.remove(&KEYS[0]), Some(KEYS[0]));
            assert!(map.insert(KEYS[1], 7));
            (2..changes).for_each(|_| assert!(map.update(&KEYS[1], |_| 7).is_some()));
        };
        beside::<Small, _, _>(&KEYS[..1], change, |map| map.get(&KEYS[0])).1
    });
}

/// A version of three bits tells any number of changes below eight from none.
#[test]
fn a_version_that_goes_round_is_noticed() {
    for changes in [2, 4, 7] {
        sleeps_through(changes, &[None, Some(KEYS[0])]);
    }
}

/// And this is what the model above would see: eight changes are a turn.
#[test]
fn a_turn_of_the_version_is_not_noticed() {
    sleeps_through(8, &[None, Some(7), Some(KEYS[0])]);
}
