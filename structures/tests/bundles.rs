//! What versions of a trie have replaced is freed in pieces, by whoever drops a version: no drop goes on for
//! as long as others make new versions, and nothing stays.

mod suite;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread;

use foldhash::fast::FixedState;
use rand::RngExt;
use structures::reclaim::RefCounts;
use structures::versioned::HamtCas;
use suite::rng;

/// Versions are dropped as soon as nobody holds them, so that it can be said when what is freed.
type Trie<V> = HamtCas<u64, V, RefCounts, FixedState>;

thread_local! {
    /// Whether drops in this thread take their time.
    static IS_SLOW: Cell<bool> = const { Cell::new(false) };
}

/// What the values of a map have in common.
#[derive(Default)]
struct World {
    living: AtomicUsize,
    updates: AtomicUsize,
    /// Updates that a slow drop waits for.
    pace: usize,
    slow_drops: AtomicUsize,
    /// Slow drops after which nobody waits or writes any more.
    most: usize,
}

impl World {
    fn is_over(&self) -> bool {
        self.slow_drops.load(SeqCst) >= self.most
    }
}

/// A value of which a slow drop lasts as long as some updates of others.
struct Value(Arc<World>);

impl Value {
    fn new(world: &Arc<World>) -> Self {
        world.living.fetch_add(1, SeqCst);
        Self(Arc::clone(world))
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let world = &*self.0;
        world.living.fetch_sub(1, SeqCst);
        if IS_SLOW.get() {
            world.slow_drops.fetch_add(1, SeqCst);
            let until = world.updates.load(SeqCst) + world.pace;
            while world.updates.load(SeqCst) < until && !world.is_over() {
                thread::yield_now();
            }
        }
    }
}

/// A reader lets go of a version, and as long as it takes it to free a value, others make new versions. Its
/// drop ends all the same, and in the end nothing is left of what they have replaced.
#[test]
fn a_drop_ends_while_others_write() {
    for seed in 0..8 {
        let mut rng = rng(seed);
        let (keys, held) = (rng.random_range(1..100), rng.random_range(500..3_000));
        let (writers, pace) = (rng.random_range(1..=3), rng.random_range(1..=3));
        let world = Arc::new(World { pace, most: 3 * held, ..World::default() });
        let map = Trie::<Value>::default();
        let update = |rng: &mut rand_xoshiro::Xoshiro256PlusPlus| {
            let key = rng.random_range(0..keys);
            map.handle().upsert(key, |_| Value::new(&world));
        };
        map.handle().insert_many((0..keys).map(|key| (key, Value::new(&world))));
        let mut handle = map.handle();
        let mut reader = handle.pin();
        assert_eq!(reader.get_with(&0, |_| ()), Some(()));
        (0..held).for_each(|_| update(&mut rng));
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            for writer in 0..writers {
                let (world, update, is_done) = (&world, &update, &is_done);
                let mut rng = suite::rng(100 * seed + writer);
                scope.spawn(move || {
                    while !is_done.load(SeqCst) && !world.is_over() {
                        update(&mut rng);
                        world.updates.fetch_add(1, SeqCst);
                    }
                });
            }
            IS_SLOW.set(true);
            drop(reader);
            IS_SLOW.set(false);
            assert!(world.slow_drops.load(SeqCst) > 0, "it freed nothing");
            is_done.store(true, SeqCst);
        });
        assert!(!world.is_over(), "its drop went on when it had freed what it held, {seed}");
        update(&mut rng);
        assert_eq!(world.living.load(SeqCst), keys as usize, "values, {seed}");
    }
}

/// Where nobody writes, who lets go of a version frees all that it held.
#[test]
fn nothing_stays_where_nobody_writes() {
    for seed in 0..8 {
        let mut rng = rng(seed);
        let (keys, held) = (rng.random_range(1..100), rng.random_range(500..3_000));
        let world = Arc::new(World::default());
        let map = Trie::<Value>::default();
        let (mut first, mut second, mut writer) = (map.handle(), map.handle(), map.handle());
        writer.insert_many((0..keys).map(|key| (key, Value::new(&world))));
        let mut first = first.pin();
        assert_eq!(first.get_with(&0, |_| ()), Some(()));
        let mut second = second.pin();
        for update in 0..held {
            if update == held / 2 {
                assert_eq!(second.get_with(&0, |_| ()), Some(()));
            }
            writer.upsert(rng.random_range(0..keys), |_| Value::new(&world));
        }
        assert!(world.living.load(SeqCst) > held, "nothing was held up");
        drop(first);
        let held = held - held / 2;
        assert!(world.living.load(SeqCst) > held, "what the second holds was freed");
        drop(second);
        assert_eq!(world.living.load(SeqCst), keys as usize, "values, {seed}");
    }
}

/// The map of [`Removing`] values.
static REMOVED_FROM: OnceLock<Trie<Removing>> = OnceLock::new();
/// The next key that one of them removes.
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// Whether they do.
static DO_REMOVE: AtomicBool = AtomicBool::new(false);

/// A value that removes another from its map when it drops.
#[derive(Clone)]
struct Removing;

impl Removing {
    fn remove_next() {
        let map = REMOVED_FROM.get().expect("there is a map before it has values");
        let key = NEXT.fetch_add(1, SeqCst) as u64;
        // What is returned is a clone, and not what the map frees.
        std::mem::forget(map.handle().remove(&key));
    }
}

impl Drop for Removing {
    fn drop(&mut self) {
        if DO_REMOVE.load(SeqCst) {
            Self::remove_next();
        }
    }
}

/// Who frees values that write to the map as they drop, and thereby leave more to free, comes to an end, and
/// does not free those within each other's drop.
#[test]
fn drops_that_write_do_not_nest() {
    const KEYS: usize = 100_000;
    const HELD: usize = 5_000;
    let run = || {
        let map = REMOVED_FROM.get_or_init(Trie::default);
        map.handle().insert_many((0..KEYS as u64).map(|key| (key, Removing)));
        let mut handle = map.handle();
        let mut reader = handle.pin();
        assert_eq!(reader.get_with(&0, |_| ()), Some(()));
        (0..HELD).for_each(|_| Removing::remove_next());
        DO_REMOVE.store(true, SeqCst);
        drop(reader);
        DO_REMOVE.store(false, SeqCst);
        let removed = NEXT.load(SeqCst);
        assert!((2 * HELD..KEYS / 2).contains(&removed), "{removed} were removed");
    };
    // A small stack, so that drops within drops are noticed.
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(run);
    thread.expect("a thread").join().expect("the drop ends");
}
