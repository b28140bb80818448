//! The chained table with inline entries: what the conformance suite cannot aim at. cuckoo-H2 and
//! cuckoo-H5 are hazards of the published optimistic tables; the suite's `values_are_never_torn` is
//! cuckoo-H2 as well.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use structures::ChainingInline;
use structures::exclusion::{BucketLocks, Exclusion, GlobalLock, Optimistic, SingleWriter};
use structures::map::DirectMap;
use structures::versions::PerBucket;

/// Keys are their own hashes: the low bits choose the bucket, the highest three the class.
type Chosen<E = Optimistic> = ChainingInline<u64, u64, BuildHasherDefault<Identity>, E>;

/// Of bucket 0 of up to 2¹⁶, of each class in turn.
const fn in_one_bucket(i: u64) -> u64 {
    i << 16 | i << 61
}

/// Small tables and large ones, under each exclusion.
fn under_each_factor(check: impl Fn(&dyn Fn() -> Box<dyn Words>)) {
    fn made<E: Exclusion<Versions = PerBucket>>(capacity: usize) -> Box<dyn Words> {
        Box::new(Chosen::<E>::with_capacity_and_hasher(capacity, BuildHasherDefault::default()))
    }
    for capacity in [0, LARGE] {
        check(&|| made::<Optimistic>(capacity));
        check(&|| made::<SingleWriter>(capacity));
        check(&|| made::<BucketLocks>(capacity));
        check(&|| made::<GlobalLock>(capacity));
    }
}

/// Entries for which a table is larger than 2 MiB.
const LARGE: usize = 70_000;

/// What the checks below need of a table, whatever its factors.
trait Words {
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64) -> bool;
    fn remove(&self, key: u64) -> Option<u64>;
    fn update(&self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64>;
    fn entries(&self) -> Vec<(u64, u64)>;
}

impl<S: BuildHasher + Send + Sync, E: Exclusion<Versions = PerBucket>> Words
    for ChainingInline<u64, u64, S, E>
{
    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.insert(key, value)
    }

    fn remove(&self, key: u64) -> Option<u64> {
        self.remove(&key)
    }

    fn update(&self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64> {
        self.update(&key, |value| f(*value))
    }

    fn entries(&self) -> Vec<(u64, u64)> {
        let mut entries = Vec::new();
        self.for_each(|key, value| entries.push((*key, *value)));
        entries.sort_unstable();
        entries
    }
}

#[test]
fn all_keys_in_one_bucket() {
    const KEYS: u64 = 500;
    under_each_factor(|new| {
        let map = new();
        for i in 0..KEYS {
            assert!(map.insert(in_one_bucket(i), i));
            assert!(!map.insert(in_one_bucket(i / 2), 0), "a second one");
        }
        // From the front, the middle and the end, so that entries are moved up from everywhere.
        let order = |i: u64| i * 167 % KEYS;
        for i in 0..KEYS {
            let left = |j: u64| (i..KEYS).any(|k| order(k) == j);
            let (key, value) = (in_one_bucket(order(i)), order(i));
            assert_eq!(map.update(key, &mut |value| value + KEYS), Some(value));
            assert_eq!(map.remove(key), Some(value + KEYS));
            assert_eq!(map.remove(key), None);
            if i % 50 == 0 {
                let present = |j: &u64| left(*j) && *j != order(i);
                let mut expected: Vec<_> =
                    (0..KEYS).filter(present).map(|j| (in_one_bucket(j), j)).collect();
                expected.sort_unstable();
                assert!(map.entries() == expected, "{i} were removed");
                assert!(expected.iter().all(|(key, value)| map.get(*key) == Some(*value)));
            }
        }
        assert!(map.entries().is_empty());
    });
}

#[test]
fn a_chain_takes_up_its_lines_again() {
    let map = Chosen::<Optimistic>::default();
    let keys = 0..30;
    for _ in 0..1_000 {
        keys.clone().for_each(|i| assert!(map.insert(in_one_bucket(i), i)));
        keys.clone().rev().for_each(|i| assert_eq!(map.remove(&in_one_bucket(i)), Some(i)));
    }
    assert_eq!(DirectMap::get_with(&map, &0, |value| *value), None);
    assert_eq!(structures::map::ConcurrentMap::capacity(&map), Some(72), "grew without need");
}

/// What is in further lines moves up as slots before it become empty, so that an insertion finds it.
#[test]
fn a_key_in_a_further_line_is_not_added_again() {
    const KEYS: u64 = 12;
    under_each_factor(|new| {
        for removed in 1..=KEYS {
            let map = new();
            (0..KEYS).for_each(|i| assert!(map.insert(in_one_bucket(i), i)));
            (0..removed).for_each(|i| assert_eq!(map.remove(in_one_bucket(i)), Some(i)));
            for i in removed..KEYS {
                assert!(!map.insert(in_one_bucket(i), 0), "{i}, with {removed} removed");
                assert_eq!(map.get(in_one_bucket(i)), Some(i), "with {removed} removed");
            }
            assert!((0..removed).all(|i| map.get(in_one_bucket(i)).is_none()));
            assert!((0..removed).all(|i| map.insert(in_one_bucket(i), i)));
            assert_eq!(map.entries().len() as u64, KEYS);
        }
    });
}

/// A removed entry's key stays in its slot, and does not revive it; nor does 0, which is in the slots
/// that were never used, or a key that differs in one half.
#[test]
fn h2_a_removed_entry_is_not_found() {
    let keys = [0, 1 << 56, 1 << 20, 1 << 56 | 1 << 20];
    under_each_factor(|new| {
        for removed in keys {
            let map = new();
            keys.into_iter().for_each(|key| assert!(map.insert(key, !key)));
            assert_eq!(map.remove(removed), Some(!removed));
            for key in keys {
                assert_eq!(map.get(key), (key != removed).then_some(!key), "{removed:x} removed");
            }
            assert_eq!(map.update(removed, &mut |value| value), None);
            assert_eq!(map.remove(removed), None);
            assert_eq!(map.entries().len(), 3);
            assert!(map.insert(removed, 7));
            assert_eq!(map.get(removed), Some(7));
        }
    });
}

/// The key of which a closure is to compute a new value is updated while the closure runs.
#[test]
fn a_closure_runs_again_if_the_bucket_has_changed() {
    let map = Chosen::<Optimistic>::default();
    assert!(map.insert(1, 10));
    let mut seen = Vec::new();
    let old = map.update(&1, |value| {
        seen.push(*value);
        if seen.len() == 1 {
            assert_eq!(map.update(&1, |value| value + 100), Some(10));
        }
        value + 1
    });
    assert_eq!((old, map.get(&1), seen), (Some(110), Some(111), vec![10, 110]));

    let old = map.upsert(2, |value| {
        let inserted = map.insert(2, 20);
        assert_eq!(inserted, value.is_none());
        value.map_or(0, |value| value + 1)
    });
    assert_eq!((old, map.get(&2), map.entries().len()), (Some(20), Some(21), 2));

    let old = map.update(&2, |_| map.remove(&2).expect("the closure runs once"));
    assert_eq!((old, map.get(&2)), (None, None), "updated after it was removed");
}

/// The table doubles while a closure runs.
#[test]
fn a_closure_runs_again_if_the_table_has_grown() {
    let map = Chosen::<Optimistic>::default();
    assert!(map.insert(1, 10));
    let mut runs = 0;
    let grow = |from: u64| (from..from + 5_000).for_each(|key| assert!(map.insert(key, 0)));
    let old = map.update(&1, |value| {
        runs += 1;
        if runs == 1 {
            grow(10_000);
        }
        value + 1
    });
    assert_eq!((old, map.get(&1), runs), (Some(10), Some(11), 2));
    let mut runs = 0;
    let old = map.upsert(2, |value| {
        assert_eq!(value, None);
        runs += 1;
        if runs == 1 {
            grow(20_000);
        }
        20
    });
    assert_eq!((old, map.get(&2), runs), (None, Some(20), 2));
    assert_eq!(map.entries().len(), 10_002);
}

/// Entries are moved up from overflow under the eyes of readers, who neither miss one nor see it
/// with another's value. cuckoo-H2 for chains: the slot that it leaves and the one it enters are reused.
fn h2_readers_find_moving_entries<E: Exclusion<Versions = PerBucket>>() {
    const BUCKETS: u64 = 1 << 14;
    const UPDATED: u64 = 1 << 63;
    let map: Chosen<E> =
        ChainingInline::with_capacity_and_hasher(1 << 18, BuildHasherDefault::default());
    // Of the twelve in a bucket the first seven are inline. 7 and 11 stay, and are moved up.
    let key = |bucket: u64, i: u64| bucket | i << 20 | i << 61;
    let at = AtomicU64::new(0);
    let fill = |bucket| {
        (0..12).for_each(|i| assert!(map.insert(key(bucket, i), key(bucket, i))));
        at.store(bucket, Ordering::Release);
    };
    fill(0);
    let read = |key| {
        let found = map.get(&key).map(|value| value & !UPDATED | key & UPDATED);
        assert!(found.is_none_or(|value| value == key), "{key:x} has {found:x?}");
        found.is_some()
    };
    let remove = |bucket, i| assert!(map.remove(&key(bucket, i)).is_some());
    let write = || {
        for bucket in 0..BUCKETS {
            (0..7).for_each(|i| remove(bucket, i));
            map.update(&key(bucket, 7), |value| value ^ UPDATED);
            (0..7).for_each(|i| assert!(map.insert(key(bucket, i), key(bucket, i))));
            (8..11).chain(0..7).for_each(|i| remove(bucket, i));
            fill(bucket + 1);
        }
    };
    with_readers(2, write, |done| {
        while !done.load(Ordering::Relaxed) {
            let bucket = at.load(Ordering::Acquire);
            assert!(read(key(bucket, 7)) && read(key(bucket, 11)), "missed in bucket {bucket}");
            for i in (0..7).chain(8..11) {
                read(key(bucket, i));
            }
        }
    });
}

#[test]
fn h2_readers_find_moving_entries_under_each_factor() {
    h2_readers_find_moving_entries::<Optimistic>();
    h2_readers_find_moving_entries::<SingleWriter>();
    h2_readers_find_moving_entries::<BucketLocks>();
    h2_readers_find_moving_entries::<GlobalLock>();
}

/// Two threads raise one counter while the table doubles again and again: readers see it grow
/// only, and no step is lost, not in a frozen bucket either.
fn a_hot_key_survives_growth<E: Exclusion<Versions = PerBucket>>() {
    const STEPS: u64 = 30_000;
    let map = Chosen::<E>::default();
    assert!(map.insert(0, 0));
    let raise = |writer| {
        for step in 0..STEPS {
            assert!(map.update(&0, |value| value + 1).is_some());
            assert!(map.insert(1 + 2 * step + writer, step));
        }
    };
    let write = || {
        thread::scope(|scope| {
            let raise = &raise;
            let writers = [0, 1].map(|writer| scope.spawn(move || raise(writer)));
            writers.into_iter().for_each(|writer| writer.join().expect("raised"));
        });
    };
    with_readers(2, write, |done| {
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let now = map.get(&0).expect("the hot key is always there");
            assert!(now >= last, "{last}, then {now}");
            last = now;
            assert_eq!(map.get(&in_one_bucket(1)), None, "never inserted");
        }
    });
    assert_eq!(map.get(&0), Some(2 * STEPS));
    assert_eq!(map.entries().len() as u64, 2 * STEPS + 1);
}

#[test]
fn a_hot_key_survives_growth_under_each_factor() {
    a_hot_key_survives_growth::<Optimistic>();
    a_hot_key_survives_growth::<SingleWriter>();
    a_hot_key_survives_growth::<BucketLocks>();
    a_hot_key_survives_growth::<GlobalLock>();
}

/// Runs `read` in `readers` threads until `write` has ended, however it does.
fn with_readers(readers: usize, write: impl FnOnce(), read: impl Fn(&AtomicBool) + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        (0..readers).for_each(|_| drop(scope.spawn(|| read(&done))));
        let result = catch_unwind(AssertUnwindSafe(write));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    });
}

/// A writer that copies the table is suspended at each key in turn: readers find every entry, in
/// frozen buckets and others, and iterate; then it goes on, and nothing is lost.
#[test]
fn readers_do_not_wait_for_a_growth() {
    // Four in each bucket and six more; one bucket then overflows, and the table doubles.
    const OLD: u64 = 70;
    for step in 1..=OLD {
        let map: ChainingInline<u64, u64, Gated> = ChainingInline::default();
        (0..OLD).for_each(|key| assert!(map.insert(key, !key)));
        for n in [100, 101] {
            assert!(map.insert(16 * n, n), "the sixth and seventh in their bucket");
        }
        let (reached, at_step) = channel();
        let (resume, resumed) = channel();
        thread::scope(|scope| {
            let map = &map;
            scope.spawn(move || {
                GATE.set(Some(Gate { calls: step, reached, resumed }));
                assert!(map.insert(16 * 102, 102));
                GATE.set(None);
            });
            assert!(at_step.recv().is_ok(), "growth has fewer than {step} steps");
            let (finished, others) = channel();
            scope.spawn(move || {
                let found = (0..OLD).all(|key| map.get(&key) == Some(!key));
                let absent = (OLD..2 * OLD).all(|key| map.get(&key).is_none());
                let _ = finished.send((found, absent, map.entries().len() as u64));
            });
            // Long enough for any machine; only a table whose readers wait needs it.
            let others = others.recv_timeout(Duration::from_secs(60));
            drop(resume);
            assert_eq!(others, Ok((true, true, OLD + 2)), "suspended before step {step}");
        });
        assert_eq!(map.entries().len() as u64, OLD + 3);
        assert!((0..OLD).all(|key| map.get(&key) == Some(!key)), "lost");
    }
}

/// The table that is iterated over is superseded after the first entry.
#[test]
fn iteration_goes_on_when_the_table_is_superseded() {
    const LASTING: u64 = 30;
    let map = Chosen::<Optimistic>::default();
    (0..LASTING).for_each(|key| assert!(map.insert(key, key)));
    let mut visited = Vec::new();
    map.for_each(|key, _| {
        if visited.is_empty() {
            let grow = || (100..5_000).for_each(|key| assert!(map.insert(key, key)));
            thread::scope(|scope| scope.spawn(grow).join().expect("inserted"));
        }
        visited.push(*key);
    });
    let lasting: Vec<_> = visited.iter().filter(|key| **key < LASTING).collect();
    let different: HashSet<_> = lasting.iter().collect();
    assert_eq!((lasting.len(), different.len()), (LASTING as usize, LASTING as usize));
}

/// Hashes a `u64` to itself.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// [`Identity`], in whose making a thread can be suspended.
#[derive(Default)]
struct Gated;

thread_local! {
    /// Where this thread is to be suspended.
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
}

struct Gate {
    /// Calls of the hasher to go.
    calls: u64,
    reached: Sender<()>,
    resumed: Receiver<()>,
}

impl BuildHasher for Gated {
    type Hasher = Identity;

    fn build_hasher(&self) -> Identity {
        let gate = GATE.with_borrow_mut(|gate| match gate {
            Some(Gate { calls: 0, .. }) => gate.take(),
            Some(gate) => {
                gate.calls -= 1;
                None
            }
            None => None,
        });
        if let Some(gate) = gate {
            gate.reached.send(()).expect("the test waits for it");
            // An error too: the test has dropped its end to let us go.
            let _ = gate.resumed.recv();
        }
        Identity::default()
    }
}
