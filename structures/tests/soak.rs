//! Endurance: `ci/soak.sh`.
//!
//! Each table lives through waves. In a wave threads come and go, the table grows to many entries
//! and is emptied again, and in every other one a reader stands in a critical section all the time.
//! After each, what was inserted and not removed must be what is there; and with the table empty, no
//! more memory may be in use than after earlier waves.
//!
//! `SOAK_SECONDS` says for how long, over all tables; without it each lives through a few waves.
#![cfg(not(any(loom, shuttle)))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus as Rng;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};
use structures::reclaim::{self, Epoch, Hazard, Leak, Reclaimer, RefCounts, Visitor};
use structures::versioned::{
    CowCas, CowLock, HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy,
};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

/// Counts the bytes in use.
struct Counting;

static IN_USE: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator, with a count beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Threads at a time; and how many take turns in each one's place.
const THREADS: u64 = 4;
const TURNS: u64 = 3;
/// Each thread's own keys; and the operations of a thread.
const KEYS: u64 = 2_000;
const OPERATIONS: u64 = 6_000;
const LEAST_WAVES: u64 = 4;
/// Waves in which memory reaches its usual extent: caches of threads, tables that stay large.
const WARM_WAVES: usize = 4;
/// Of so many waves the one that leaves least is looked at: what a thread that left could not hand
/// over is freed some waves later, and if it is of a trie, all versions since then with it.
const WINDOW: usize = 16;
/// What may be in use besides: what schemes keep back, and what lies in their batches.
const SLACK: i64 = 4 << 20;
/// Tables, with their schemes.
const SUBJECTS: u64 = 51;

/// A table behind a pointer, with what is done to it here: that alone is compiled for each table.
trait Table: Sync {
    fn enter(&self) -> Box<dyn Operations + '_>;
    fn entries(&self) -> usize;
}

/// A handle of it.
trait Operations {
    /// What a lookup finds, in a critical section that lasts as long as `meanwhile` runs.
    fn stall(&mut self, key: u64, meanwhile: &mut dyn FnMut()) -> Option<u64>;
    fn get(&mut self, key: u64) -> Option<u64>;
    fn get_with(&mut self, key: u64, read: &mut dyn FnMut(u64));
    fn insert(&mut self, key: u64, value: u64) -> bool;
    fn update(&mut self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64>;
    fn remove(&mut self, key: u64) -> Option<u64>;
    fn for_each(&mut self, f: &mut dyn FnMut(u64, u64));
}

struct Of<H>(H);

impl<M: ConcurrentMap<u64, u64>> Table for M {
    fn enter(&self) -> Box<dyn Operations + '_> {
        Box::new(Of(self.handle()))
    }

    fn entries(&self) -> usize {
        self.len()
    }
}

impl<H: MapHandle<u64, u64>> Operations for Of<H> {
    fn stall(&mut self, key: u64, meanwhile: &mut dyn FnMut()) -> Option<u64> {
        let mut pinned = self.0.pin();
        let found = pinned.get(&key);
        meanwhile();
        found
    }

    fn get(&mut self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }

    fn get_with(&mut self, key: u64, read: &mut dyn FnMut(u64)) {
        self.0.get_with(&key, |value| read(*value));
    }

    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    fn update(&mut self, key: u64, f: &mut dyn FnMut(u64) -> u64) -> Option<u64> {
        self.0.update(&key, |value| f(*value))
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        self.0.remove(&key)
    }

    fn for_each(&mut self, f: &mut dyn FnMut(u64, u64)) {
        self.0.for_each(|key, value| f(*key, *value));
    }
}

/// A life in waves, for `time` or the least number of waves.
struct Soak {
    time: Duration,
    subjects: u64,
}

impl Soak {
    /// Nodes of a scheme that leaks stay in use: then only the rest is checked.
    fn soak<M: ConcurrentMap<u64, u64>>(&mut self, name: &str, leaks: bool, keys: u64, map: M) {
        self.live(name, leaks, keys, &map);
    }

    fn live(&mut self, name: &str, leaks: bool, keys: u64, map: &dyn Table) {
        // What tables before this one have leaked.
        let before = IN_USE.load(Relaxed);
        let deadline = Instant::now() + self.time;
        let mut extents = Vec::new();
        let mut waves = 0;
        while waves < LEAST_WAVES || Instant::now() < deadline {
            wave(name, map, waves, keys);
            let in_use = IN_USE.load(Relaxed) - before;
            extents.push(in_use);
            waves += 1;
            assert!(
                leaks || is_steady(&extents),
                "{name}: bytes in use after each wave: {extents:?}"
            );
        }
        let in_kib = |waves: &[i64]| waves.iter().max().unwrap_or(&0) >> 10;
        let (first, last) = (in_kib(&extents[..WARM_WAVES]), in_kib(&extents));
        println!(
            "{name}: {waves} waves; at most {first} KiB in use after the first, {last} KiB in all"
        );
        self.subjects += 1;
    }
}

/// Whether not much more is in use than in the first waves.
fn is_steady(extents: &[i64]) -> bool {
    let Some((first, later)) = extents.split_at_checked(WARM_WAVES) else { return true };
    let recent = later.len() >= WINDOW;
    let least = later.iter().rev().take(WINDOW).min().filter(|_| recent);
    least.is_none_or(|least| *least <= 2 * first.iter().max().unwrap_or(&0) + SLACK)
}

/// Threads come and go; then the table is checked, and emptied.
fn wave(name: &str, map: &dyn Table, wave: u64, keys: u64) {
    let done = Barrier::new(2);
    let present: HashSet<u64> = thread::scope(|scope| {
        let stalled = (wave % 2 == 1).then(|| {
            let (ready, done) = (Barrier::new(2), &done);
            let ready = &*Box::leak(Box::new(ready));
            let reader = scope.spawn(move || {
                let before = map.enter().stall(0, &mut || {
                    ready.wait();
                    done.wait();
                });
                assert!(before.is_none_or(|value| value % keys == 0), "another key's value");
            });
            ready.wait();
            reader
        });
        let places = (0..THREADS).map(|thread| scope.spawn(move || work(map, wave, thread, keys)));
        let places: Vec<_> = places.collect();
        let present =
            places.into_iter().flat_map(|place| place.join().expect("it works")).collect();
        if let Some(reader) = stalled {
            done.wait();
            reader.join().expect("it reads");
        }
        present
    });
    assert_eq!(map.entries(), present.len(), "{name}: entries after wave {wave}");
    let mut seen = HashSet::new();
    let mut handle = map.enter();
    handle.for_each(&mut |key, value| {
        assert_eq!(value % keys, key % keys, "{name}: key {key} has another's value");
        assert!(seen.insert(key), "{name}: key {key} twice");
    });
    assert_eq!(seen, present, "{name}: keys after wave {wave}");
    present.iter().for_each(|key| assert!(handle.remove(*key).is_some(), "{name}: {key} is gone"));
    assert_eq!(map.entries(), 0, "{name}: emptied");
}

/// One place: some threads in turn, each with keys that no other place has. Returns what is left.
fn work(map: &dyn Table, wave: u64, place: u64, keys: u64) -> Vec<u64> {
    let mut present = HashSet::new();
    for turn in 0..TURNS {
        let mine = &mut present;
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut rng = Rng::seed_from_u64(wave * 1_000 + place * 10 + turn);
                let mut handle = map.enter();
                for _ in 0..OPERATIONS {
                    let key = place * keys + rng.random_range(0..keys);
                    match rng.random_range(0..8) {
                        // More insertions than removals: the table grows in each wave.
                        0..=3 => assert_eq!(handle.insert(key, key % keys), mine.insert(key)),
                        4 => assert_eq!(handle.remove(key).is_some(), mine.remove(&key)),
                        5 => {
                            let found = handle.update(key, &mut |value| value + keys);
                            assert_eq!(found.is_some(), mine.contains(&key));
                        }
                        6 => assert_eq!(handle.get(key).is_some(), mine.contains(&key)),
                        // Another place's.
                        _ => {
                            let other = rng.random_range(0..THREADS * keys);
                            handle.get_with(other, &mut |value| {
                                assert_eq!(value % keys, other % keys, "another key's value");
                            });
                        }
                    }
                }
            });
        });
    }
    present.into_iter().collect()
}

fn hasher() -> FixedState {
    FixedState::with_seed(7)
}

impl Visitor for Soak {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        let (name, leaks) = (R::NAME, R::NAME == Leak::NAME);
        let list = ChainingLockFree::with_capacity_and_hasher_in(0, hasher(), R::new(None));
        self.soak(&format!("chaining-lock-free/{name}"), leaks, KEYS, list);
        let items = CuckooOptimisticItems::<_, _, _, _>::with_capacity_and_hasher_in(
            0,
            hasher(),
            R::new(None),
        );
        self.soak(&format!("cuckoo-optimistic-items/{name}"), leaks, KEYS, items);
        let trie = HamtCas::<u64, u64, R>::default();
        self.soak(&format!("hamt-cas/{name}"), leaks, KEYS / 4, trie);
    }
}

impl Soak {
    fn locked_and_words(&mut self) {
        let table = ChainingGlobalLock::with_capacity_and_hasher(0, hasher());
        self.soak("chaining-global-lock", false, KEYS, table);
        let table = ChainingBucketLock::with_capacity_and_hasher(0, hasher());
        self.soak("chaining-bucket-lock", false, KEYS, table);
        let table = ChainingInline::<_, _, _>::with_capacity_and_hasher(0, hasher());
        self.soak("chaining-inline", false, KEYS, table);
        let table = CuckooStriped::<_, _, _>::with_capacity_and_hasher(0, hasher());
        self.soak("cuckoo-striped", false, KEYS, table);
        let table = CuckooOptimistic::<_, _, _>::with_capacity_and_hasher(0, hasher());
        self.soak("cuckoo-optimistic", false, KEYS, table);
    }

    fn versioned<R: Reclaimer + 'static>(&mut self) {
        let (name, leaks) = (R::NAME, R::NAME == Leak::NAME);
        let named = |table: &str| format!("{table}/{name}");
        let (psim, log, sharded) =
            (named("hamt-psim"), named("log-herlihy"), named("hamt-sharded"));
        self.soak(&psim, leaks, KEYS / 4, HamtPsim::<u64, u64, R>::default());
        self.soak(&log, leaks, KEYS / 4, LogHerlihy::<u64, u64, R>::default());
        self.soak(&sharded, leaks, KEYS / 4, HamtSharded::<u64, u64, R>::default());
    }
}

#[test]
fn tables_live_on() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(0.0, |s| s.parse().expect("a number"));
    let time = Duration::from_secs_f64(seconds / SUBJECTS as f64);
    let mut soak = Soak { time, subjects: 0 };
    soak.locked_and_words();
    reclaim::for_each(&mut soak);
    soak.versioned::<Epoch>();
    soak.versioned::<Hazard>();
    // Copied whole at each write: small.
    soak.soak("cow-lock/epoch", false, KEYS / 40, CowLock::<u64, u64, Epoch>::default());
    soak.soak("cow-cas/hazard", false, KEYS / 40, CowCas::<u64, u64, Hazard>::default());
    soak.soak("hamt-cas/arc", false, KEYS / 4, HamtCas::<u64, u64, RefCounts>::default());
    soak.soak("left-right", false, KEYS / 4, LeftRightTable::<u64, u64>::default());
    println!("{} tables", soak.subjects);
    assert_eq!(soak.subjects, SUBJECTS, "the time is divided by that number");
}
