//! The striped cuckoo table: its load, its displacements, its growth, and what is peculiar to it.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use foldhash::fast::FixedState;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::CuckooStriped;
use structures::cuckoo::GrowError;
use structures::cuckoo::path::{Bfs, Graph, Place, RandomWalk, Search};

type Seeded<const SLOTS: usize, P> = CuckooStriped<u64, u64, FixedState, SLOTS, P>;
type Identical<const SLOTS: usize> = CuckooStriped<u64, u64, BuildHasherDefault<Identity>, SLOTS>;

/// A table of so many slots.
fn with_slots<const SLOTS: usize, P: Search>(slots: usize) -> Seeded<SLOTS, P> {
    let map = Seeded::with_capacity_and_hasher(slots / 8 * 7, FixedState::with_seed(1));
    assert_eq!(map.capacity(), slots);
    map
}

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// The part of the slots that was in use when the table first grew.
fn load_at_first_growth<const SLOTS: usize, P: Search>(slots: usize) -> f64 {
    let map = with_slots::<SLOTS, P>(slots);
    let fits = |i: &u64| map.insert(scattered(*i), *i) && map.capacity() == slots;
    let fitted = (0..).take_while(fits).count();
    assert!((0..=fitted as u64).all(|i| map.get(&scattered(i)) == Some(i)));
    fitted as f64 / slots as f64
}

/// SplitMix64: different keys that look random, as the load of consecutive ones under a fast hash
/// is a property of that hash.
fn scattered(i: u64) -> u64 {
    let z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Loads at 2^14 buckets, by slots a bucket and search.
#[test]
fn nearly_all_slots_fill() {
    assert!(load_at_first_growth::<4, Bfs>(1 << 16) >= 0.95);
    assert!(load_at_first_growth::<8, Bfs>(1 << 17) >= 0.97);
    assert!(load_at_first_growth::<2, Bfs>(1 << 15) >= 0.80);
    assert!(load_at_first_growth::<4, RandomWalk<1>>(1 << 16) >= 0.90);
    assert!(load_at_first_growth::<4, RandomWalk<2>>(1 << 16) >= 0.90);
}

#[test]
#[ignore = "four million entries: in a release build"]
fn nearly_all_slots_fill_of_a_million_buckets() {
    assert!(load_at_first_growth::<4, Bfs>(1 << 22) >= 0.95);
}

/// At a load of 95 %, where every other insertion displaces, readers find keys that are moved, and
/// an iteration visits them once.
#[test]
fn displaced_keys_are_never_missed() {
    storm::<4, Bfs>(0.95, 3_000_000);
    storm::<8, Bfs>(0.97, 500_000);
    storm::<4, RandomWalk<1>>(0.90, 500_000);
    storm::<4, RandomWalk<2>>(0.90, 500_000);
}

fn storm<const SLOTS: usize, P: Search>(load: f64, reads: u64) {
    const SIZE: usize = 1 << 12;
    let map = with_slots::<SLOTS, P>(SIZE);
    let full = (SIZE as f64 * load) as u64;
    let (fixed, each) = (full / 2, full / 4);
    // In between, so that fixed and other keys are in each other's way.
    let other = |thread: u64, i: u64| (1 + thread) << 32 | i;
    for i in 0..fixed {
        assert!(
            map.insert(i, !i) && (i % 2 == 0 || i / 2 >= each || map.insert(other(0, i / 2), 0))
        );
        assert!(i % 2 == 1 || i / 2 >= each || map.insert(other(1, i / 2), 0));
    }
    let (done, insertions) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let writers = [0, 1].map(|thread| {
            let (map, done, insertions) = (&map, &done, &insertions);
            scope.spawn(move || {
                // Each key is removed and comes back under a new number.
                for i in (0..).take_while(|_| !done.load(Relaxed)) {
                    assert_eq!(map.remove(&other(thread, i)), Some(i / each), "key {i}");
                    assert!(map.insert(other(thread, i + each), i / each + 1), "key {i}");
                    insertions.fetch_add(1, Relaxed);
                }
            })
        });
        let checks = catch_unwind(AssertUnwindSafe(|| {
            let mut rng = rng(1);
            // On a busy machine writers may have had few turns yet.
            let waits = || insertions.load(Relaxed) < 100_000;
            let all_write = || !writers.iter().any(|writer| writer.is_finished());
            let goes_on = |read: &u64| *read < reads || waits() && all_write();
            for read in (0..).take_while(goes_on) {
                let key = rng.random_range(0..fixed);
                assert_eq!(map.get(&key), Some(!key), "missed");
                if read.is_multiple_of(50_000) {
                    each_is_visited_once(&map, fixed);
                }
            }
        }));
        done.store(true, Relaxed);
        checks.unwrap();
    });
    assert_eq!(map.capacity(), SIZE, "it has grown: no storm");
    assert_eq!(map.len() as u64, fixed + 2 * each);
    #[cfg(feature = "stats")]
    assert!(map.stats().displacements > 10_000, "{:?}", map.stats());
}

fn each_is_visited_once<const SLOTS: usize, P: Search>(map: &Seeded<SLOTS, P>, fixed: u64) {
    let mut visits = vec![0_u32; fixed as usize];
    map.for_each(|key, value| {
        if *key < fixed {
            assert_eq!(*value, !key);
            visits[*key as usize] += 1;
        }
    });
    let wrong = visits.iter().position(|n| *n != 1);
    assert_eq!(wrong.map(|key| visits[key]), None, "key {wrong:?} was not visited once");
}

/// From two buckets on and back, at once and lazily, under writers, readers and iterations.
#[test]
fn growth_and_shrinking_lose_nothing() {
    const LASTING: u64 = 2_000;
    let map = with_slots::<4, Bfs>(8);
    assert!((0..LASTING).all(|key| map.insert(key, !key)));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 1..3_u64 {
            let (map, done) = (&map, &done);
            scope.spawn(move || {
                let key = |i: u64| thread << 32 | i;
                // Up to where doublings are lazy, and down again.
                for round in 0..4 {
                    assert!((0..20_000).all(|i| map.insert(key(i), round)), "was there");
                    assert!((0..20_000).all(|i| map.get(&key(i)) == Some(round)), "lost");
                    assert!((0..20_000).all(|i| map.remove(&key(i)) == Some(round)), "lost");
                    map.shrink_to_fit();
                }
                done.store(true, Relaxed);
            });
        }
        while !done.load(Relaxed) {
            assert!((0..LASTING).all(|key| map.get(&key) == Some(!key)), "lost");
            each_is_visited_once(&map, LASTING);
            assert_eq!(map.try_reserve(10_000), Ok(()));
        }
    });
    assert_eq!(map.len() as u64, LASTING);
    assert!(map.shrink_to_fit() || map.capacity() == 4096);
    assert_eq!(map.capacity(), 4096);
    assert!((0..LASTING).all(|key| map.get(&key) == Some(!key)));
}

/// cuckoo-H3: both buckets of a key may be of one stripe, which is then locked once. Two buckets have
/// one.
#[test]
fn h3_equal_stripes_are_locked_once() {
    finishes(|| {
        let map = with_slots::<4, Bfs>(8);
        assert!(format!("{map:?}").contains("stripes: 1"), "{map:?}");
        assert!((0..8).all(|key| map.insert(key, key)));
        assert!((0..8).all(|key| map.get(&key) == Some(key)));
        assert_eq!(map.remove(&3), Some(3));
    });
    // The third lock of a last hop is often that of the other bucket: with two stripes, always.
    finishes(|| {
        (0..1_000).for_each(|_| assert!(load_at_first_growth::<2, Bfs>(8) > 0.0));
    });
}

/// Long enough for any machine; only a thread that waits for itself needs it.
fn finishes(work: impl FnOnce() + Send + 'static) {
    let (finished, wait) = channel();
    let worker = thread::spawn(move || {
        work();
        let _ = finished.send(());
    });
    let result = wait.recv_timeout(Duration::from_secs(60));
    assert!(result.is_ok() || worker.is_finished(), "waits for itself");
    worker.join().unwrap();
}

/// Two buckets are those of every key: all slots fill, then the table doubles.
#[test]
fn a_full_table_grows() {
    let map = with_slots::<4, Bfs>(8);
    assert!((0..8).all(|key| map.insert(key, key)));
    assert_eq!((map.len(), map.capacity()), (8, 8));
    assert!(!map.insert(5, 0), "present, though there is no room");
    assert_eq!(map.upsert(5, |old| old.unwrap() + 1), Some(5));
    assert_eq!(map.capacity(), 8, "grown for a key that is present");
    assert!(map.insert(8, 8));
    assert!(map.capacity() > 8);
    assert!((0..9).all(|key| map.get(&key) == Some(key + u64::from(key == 5))));
}

/// Keys with the same tag and the same buckets are told apart by `Eq`.
#[test]
fn equal_tags_are_told_apart() {
    // Bits between the bucket's and the tag's.
    let key = |i: u64| 0xab << 56 | i << 40 | 1;
    let map = Identical::<4>::with_capacity_and_hasher(1000, BuildHasherDefault::default());
    assert!((0..8).all(|i| map.insert(key(i), i)));
    assert!((0..8).all(|i| map.get(&key(i)) == Some(i)));
    assert!(map.get(&key(8)).is_none() && map.remove(&key(8)).is_none());
    assert!((0..8).all(|i| !map.insert(key(i), 0)));
    assert!((0..8).all(|i| map.remove(&key(i)) == Some(i)));
    assert!(map.is_empty());
}

/// A tag of 0 marks an empty slot, and no entry has it.
#[test]
fn hashes_without_high_bits_are_found() {
    let map = Identical::<8>::default();
    assert!((0..100).all(|key| map.insert(key, key)));
    assert!((0..100).all(|key| map.get(&key) == Some(key)));
}

/// Keys with equal hashes fit into two buckets. One more is an error, at once and for ever: the
/// table does not grow without end, and goes on.
#[test]
fn too_many_equal_hashes_are_an_error() {
    fn check<const SLOTS: usize>() {
        let key = |i: u64| i << 40;
        let most = 2 * SLOTS as u64;
        let map = Identical::<SLOTS>::default();
        assert!((0..most).all(|i| map.insert(key(i), i)));
        let error = map.try_insert(key(most), 77).unwrap_err();
        assert_eq!((error.key, error.value), (key(most), 77), "given back");
        let GrowError::LoadTooLow { entries, slots } = error.reason else { panic!("{error}") };
        assert_eq!((entries as u64, slots), (most, map.capacity()));
        assert!(slots <= 64 * most as usize, "{slots} slots for {most} entries");
        let error = map.try_upsert(key(most), |_| unreachable!("no room for it")).unwrap_err();
        assert_eq!(error.key, key(most));
        assert_eq!(map.capacity(), slots, "it grows on");
        let panic = catch_unwind(|| map.insert(key(most), 0)).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("equal hashes"), "{text}");
        assert_eq!(map.len() as u64, most);
        assert!((0..most).all(|i| map.get(&key(i)) == Some(i)));
        assert!(map.insert(1, 1) && map.remove(&key(0)) == Some(0) && map.insert(key(most), 0));
    }
    check::<2>();
    check::<4>();
    check::<8>();
}

#[test]
fn reserving_too_much_is_an_error() {
    let map = with_slots::<4, Bfs>(8);
    assert!(map.insert(1, 1));
    assert_eq!(map.try_reserve(usize::MAX), Err(GrowError::CapacityOverflow));
    assert_eq!(map.try_reserve(usize::MAX / 8 - 1), Err(GrowError::CapacityOverflow));
    assert!(
        matches!(map.try_reserve(1 << 50), Err(GrowError::AllocFailed { bytes }) if bytes > 1 << 54)
    );
    assert_eq!((map.capacity(), map.get(&1)), (8, Some(1)));
    assert_eq!(map.try_reserve(6), Ok(()));
    assert_eq!(map.capacity(), 8, "there is room for seven");
    assert_eq!(map.try_reserve(50_000), Ok(()));
    let slots = map.capacity();
    assert!((2..50_000).all(|key| map.insert(key, key)));
    assert_eq!((map.capacity(), map.get(&1)), (slots, Some(1)));
}

#[test]
fn shrinking_keeps_all() {
    for left in [0_u64, 1, 10, 3_000, 30_000, 99_000] {
        let map: CuckooStriped<u64, String> = (0..100_000).map(|k| (k, k.to_string())).collect();
        let before = map.capacity();
        assert!((left..100_000).all(|key| map.remove(&key) == Some(key.to_string())));
        assert_eq!(map.shrink_to_fit(), left < 50_000, "{left}");
        assert!(map.capacity() as u64 <= (left * 3).max(8) || map.capacity() == before);
        assert_eq!(map.len() as u64, left);
        assert!((0..left).all(|key| map.get(&key) == Some(key.to_string())));
        assert!((left..200_000).all(|key| map.insert(key, key.to_string())));
        assert!((0..200_000).all(|key| map.get(&key) == Some(key.to_string())));
    }
}

/// The key is looked for again after the path has been made: somebody may have added it while the
/// search had no lock. Somebody may also have taken the hole, or moved what is on the path.
#[test]
fn a_key_added_during_the_search_is_no_duplicate() {
    const SLOTS: usize = 512;
    let map = Arc::new(with_slots::<4, Interrupted>(SLOTS));
    let mut interrupted = 0;
    // Every key from then on takes the place of an old one.
    for key in 0..20_000_u64 {
        if key >= 470 {
            assert_eq!(map.remove(&(key - 470)), Some(key - 470));
        }
        let other = Arc::clone(&map);
        DURING_SEARCH.set(Some(Box::new(move || {
            match key % 3 {
                0 => assert!(other.insert(key, key)),
                1 => (0..4).for_each(|i| assert!(other.insert(1 << 32 | i, 0))),
                _ => assert!(other.insert(key, 0) && other.remove(&key).is_some()),
            };
        })));
        let added = map.insert(key, key);
        let searched = DURING_SEARCH.take().is_none();
        assert_eq!(added, !(searched && key % 3 == 0), "key {key}");
        interrupted += u32::from(searched);
        (0..4).for_each(|i| _ = map.remove(&(1 << 32 | i)));
        assert_eq!(map.remove(&key), Some(key));
        assert_eq!(map.get(&key), None, "two of key {key}");
        assert!(map.insert(key, key));
    }
    assert!(interrupted > 1_000, "{interrupted} searches");
    assert!((19_530..20_000).all(|key| map.get(&key) == Some(key)));
}

/// A superseded table is not freed while a search reads it, whether the table was rebuilt at once
/// or is migrated stripe by stripe.
#[test]
fn growth_waits_for_searches() {
    // Below and above the size from which on the number of stripes stays.
    for slots in [1 << 10, 1 << 15] {
        let map = Arc::new(with_slots::<4, Interrupted>(slots));
        let finished = Arc::new(AtomicBool::new(false));
        let (others, done) = (map.clone(), finished.clone());
        DURING_SEARCH.set(Some(Box::new(move || {
            let in_thread = done.clone();
            thread::spawn(move || {
                grow_and_migrate(&others);
                in_thread.store(true, Relaxed);
            });
            // If nobody waited for us, it would be finished in a moment.
            for _ in 0..50 {
                assert!(!done.load(Relaxed), "the table that is searched was freed");
                thread::sleep(Duration::from_millis(10));
            }
        })));
        let searched = || DURING_SEARCH.with_borrow(Option::is_none);
        let added = (0..).take_while(|key| map.insert(*key, !key) && !searched()).count();
        while !finished.load(Relaxed) {
            thread::yield_now();
        }
        assert!((0..=added as u64).all(|key| map.get(&key) == Some(!key)));
    }
}

/// Adds keys until the table grows, and looks for so many that it locks every stripe.
fn grow_and_migrate(map: &Seeded<4, Interrupted>) {
    let before = map.capacity();
    let keys = (1 << 32_u64..).take_while(|key| map.insert(*key, 0) && map.capacity() == before);
    let added = keys.count() as u64;
    assert!((0..=added).all(|i| map.get(&(1 << 32 | i)).is_some()));
    assert!((0..1 << 16).all(|i| map.get(&(1 << 33 | i)).is_none()));
}

/// A search of one's own may be wrong: what it proposes is checked, and memory stays safe.
#[test]
fn wrong_paths_do_no_harm() {
    let map = with_slots::<4, Liar>(512);
    assert!((0..2_000).all(|key| map.insert(key, !key)));
    assert!((0..2_000).all(|key| map.get(&key) == Some(!key)));
    assert_eq!(map.len(), 2_000);
}

/// A table whose entries cannot be squeezed together stays as it is.
#[test]
fn shrinking_can_fail() {
    let value = Arc::new(());
    let map = CuckooStriped::<u64, Arc<()>, FixedState, 4, Never>::with_capacity_and_hasher(
        100_000,
        FixedState::with_seed(1),
    );
    assert!((0..7_000).all(|key| map.insert(key, value.clone())));
    let before = map.capacity();
    // 8192 slots would do, if a search found the room.
    assert!(map.shrink_to_fit());
    assert!(map.capacity() < before && map.capacity() > 8192, "{}", map.capacity());
    assert_eq!(Arc::strong_count(&value), 7_001);
    assert!((0..7_000).all(|key| map.get_with(&key, |_| ()).is_some()));
    drop(map);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// `Hash` panics while entries are moved, by whichever operation: it has no effect, and the next
/// one goes on.
#[test]
fn a_panic_while_migrating_loses_nothing() {
    // Grown at once, and stripe by stripe.
    for entries in [20, 100, 1_000, 40_000_u64] {
        let value = Arc::new(());
        let map = CuckooStriped::<Fused, Arc<()>>::default();
        let mut panics = 0_u64;
        for key in 0..entries {
            // Large tables take a while to hash; there, most migrations are interrupted once.
            for calls in (1..).map(|n: u32| if entries > 1_000 { n * 7 } else { n }) {
                FUSE.set(Some(calls));
                let result =
                    catch_unwind(AssertUnwindSafe(|| map.insert(Fused(key), value.clone())));
                FUSE.set(None);
                if let Ok(added) = result {
                    assert!(added, "key {key}");
                    break;
                }
                panics += 1;
                if panics.is_multiple_of(64) {
                    let mut visited = 0;
                    map.for_each(|_, _| visited += 1);
                    assert_eq!(visited, key, "half moved");
                }
            }
        }
        assert!(panics > entries / 20, "{panics} panics");
        assert_eq!(map.len() as u64, entries);
        assert!((0..entries).all(|key| map.get_with(&Fused(key), |_| ()).is_some()));
        assert_eq!(Arc::strong_count(&value) as u64, 1 + entries);
        drop(map);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

/// An iteration while a migration is half done sees all, and so does a drop.
#[test]
fn a_half_migrated_table_is_whole() {
    let value = Arc::new(());
    let map = CuckooStriped::<u64, Arc<()>>::default();
    let entries = (0..).take_while(|key| {
        map.insert(*key, value.clone());
        map.capacity() < 1 << 16
    });
    // The last one has doubled the table; hardly a stripe has been migrated.
    let entries = entries.count() + 1;
    let mut visited = std::collections::HashSet::new();
    map.for_each(|key, _| assert!(visited.insert(*key), "twice"));
    assert_eq!(visited.len(), entries);
    assert_eq!(Arc::strong_count(&value), entries + 1);
    drop(map);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[cfg(feature = "stats")]
#[test]
fn statistics_add_up() {
    let map = with_slots::<4, Bfs>(1 << 14);
    let fitted = (0..).take_while(|key| map.insert(*key, 0) && map.capacity() == 1 << 14).count();
    let stats = map.stats();
    assert_eq!((stats.entries, stats.slots), (fitted + 1, 1 << 15));
    assert!((stats.load() - (fitted + 1) as f64 / 32768.0).abs() < 1e-9);
    let hops: u64 = stats.paths.iter().zip(0..).map(|(paths, hops)| paths * hops).sum();
    assert_eq!(stats.displacements, hops, "each path was used whole, as nobody was in the way");
    assert!(stats.paths[1] > 1_000 && stats.paths[0] == 0, "{stats:?}");
    assert!((2..=5).contains(&stats.longest_path), "{stats:?}");
    assert_eq!((stats.retries, stats.given_up, stats.version_conflicts), (0, 1, 0));
}

thread_local! {
    /// What [`Interrupted`] does once in this thread.
    static DURING_SEARCH: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    /// After how many calls the hash of [`Fused`] panics in this thread.
    static FUSE: Cell<Option<u32>> = const { Cell::new(None) };
    /// Calls of [`Liar`].
    static LIES: Cell<u64> = const { Cell::new(0) };
}

/// Something happens between a breadth-first search and the use of its path.
#[derive(Debug)]
struct Interrupted;

impl Search for Interrupted {
    const NAME: &'static str = "interrupted";

    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>> {
        let path = Bfs::find(graph, starts, seed);
        if let Some(interruption) = DURING_SEARCH.take() {
            interruption();
        }
        path
    }
}

/// Every other path is wrong.
#[derive(Debug)]
struct Liar;

impl Search for Liar {
    const NAME: &'static str = "liar";

    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>> {
        let place = |bucket: usize, slot| Place { bucket, slot };
        let [home, other] = starts;
        let lie = LIES.replace(LIES.get() + 1);
        match lie % 10 {
            1 => Some(vec![place(home, 0)]),
            3 => Some(vec![place(home, 0), place(other, 1)]),
            5 => Some(vec![place(home ^ 6, 0), place(other ^ 6, 1)]),
            7 => Some(vec![place(home, 0), place(other, 0), place(home, 0)]),
            9 => Some(vec![place(home, 0), place(home ^ 2, 3), place(home, 1), place(other, 2)]),
            _ => Bfs::find(graph, starts, seed),
        }
    }
}

/// Finds nothing.
#[derive(Debug)]
struct Never;

impl Search for Never {
    const NAME: &'static str = "never";

    fn find<G: Graph>(_: &G, _: [usize; 2], _: u64) -> Option<Vec<Place>> {
        None
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fused(u64);

impl Hash for Fused {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(left) = FUSE.get() {
            FUSE.set(left.checked_sub(1));
            if left == 0 {
                // Thousands of these: without a message for each.
                std::panic::resume_unwind(Box::new("planted"));
            }
        }
        self.0.hash(state);
    }
}

/// Hashes a `u64` to itself, so that a test chooses bucket and tag.
#[derive(Clone, Default)]
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
