//! Tables under ThreadSanitizer: `ci/tsan.sh`.
//!
//! A program of its own, as the standard library is not instrumented: what libtest, scoped threads,
//! barriers and mutexes order is not seen to be ordered. Here threads are spawned and joined, meet at
//! an atomic, and share tables that are never dropped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use foldhash::fast::FixedState;
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Leak, Reclaimer};
use structures::{
    ChainingBucketLock, ChainingInline, ChainingLockFree, CuckooOptimistic, CuckooOptimisticItems,
    CuckooStriped,
};

const THREADS: usize = 4;
const OPERATIONS: u64 = 20_000;
/// Entries that no run exceeds.
const ROOM: usize = OPERATIONS as usize;

/// A value of two words, which are not atomics where the table does not make them such.
#[derive(Clone)]
struct Pair(u64, u64);

fn churn<M: ConcurrentMap<u64, V> + 'static, V: Clone + 'static>(
    name: &str,
    map: M,
    value: fn(u64) -> V,
    read: fn(&V) -> u64,
) {
    let map: &'static M = Box::leak(Box::new(map));
    let ready: &'static AtomicUsize = Box::leak(Box::default());
    let worker = move |thread: usize| {
        let mut handle = map.handle();
        ready.fetch_add(1, Ordering::AcqRel);
        while ready.load(Ordering::Acquire) < THREADS {
            thread::yield_now();
        }
        let mut seen = 0;
        for i in 0..OPERATIONS {
            // Some keys of all, and a window that moves on, so that the table grows.
            let key = if i % 2 == 0 { i % 64 } else { i / 4 };
            match (i + thread as u64) % 5 {
                0 | 1 => seen += handle.get_with(&key, read).unwrap_or(0),
                2 => seen += u64::from(handle.insert(key, value(key))),
                3 => {
                    seen += handle.update(&key, |old| value(read(old) + 1)).as_ref().map_or(0, read)
                }
                _ => seen += u64::from(i % 64 < 8 && handle.remove(&key).is_some()),
            }
        }
        std::hint::black_box(seen);
    };
    let threads: Vec<_> = (0..THREADS).map(|t| thread::spawn(move || worker(t))).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it churns"));
    println!("{name}: {} operations, {} entries", OPERATIONS * THREADS as u64, map.len());
}

fn pairs<M: ConcurrentMap<u64, Pair> + 'static>(name: &str, map: M) {
    churn(name, map, |key| Pair(key, key), |pair| pair.0.max(pair.1));
}

fn words<M: ConcurrentMap<u64, u64> + 'static>(name: &str, map: M) {
    churn(name, map, |key| key, |word| *word);
}

fn hasher() -> FixedState {
    FixedState::with_seed(1)
}

fn reclaimed<R: Reclaimer + 'static>() {
    let list = ChainingLockFree::with_capacity_and_hasher_in(0, hasher(), R::new(None));
    pairs::<ChainingLockFree<_, _, R, _>>(&format!("chaining-lock-free/{}", R::NAME), list);
    let items = CuckooOptimisticItems::with_capacity_and_hasher_in(ROOM, hasher(), R::new(None));
    let name = format!("cuckoo-optimistic-items/{}", R::NAME);
    pairs::<CuckooOptimisticItems<_, _, R, _>>(&name, items);
}

/// A race that must be reported: two threads write what is no atomic.
fn control() {
    struct Shared(std::cell::UnsafeCell<u64>);
    // SAFETY: there is none; that is the point.
    unsafe impl Sync for Shared {}
    static SHARED: Shared = Shared(std::cell::UnsafeCell::new(0));
    let write = || {
        for _ in 0..1000 {
            let shared = SHARED.0.get();
            // SAFETY: as above; a word, which cannot be torn here.
            let seen = unsafe { shared.read_volatile() };
            // SAFETY: as above.
            unsafe { shared.write_volatile(seen + 1) };
        }
    };
    let threads = [thread::spawn(write), thread::spawn(write)];
    threads.into_iter().for_each(|thread| thread.join().expect("it counts"));
}

/// The first three grow; the others' growth goes through a `OnceLock` or a mutex of the standard
/// library, so they have room from the start.
fn main() {
    if std::env::args().any(|argument| argument == "control") {
        return control();
    }
    pairs("chaining-bucket-lock", ChainingBucketLock::with_capacity_and_hasher(0, hasher()));
    reclaimed::<Leak>();
    reclaimed::<Epoch>();
    pairs("cuckoo-striped", CuckooStriped::<_, _, _>::with_capacity_and_hasher(ROOM, hasher()));
    words("chaining-inline", ChainingInline::<_, _, _>::with_capacity_and_hasher(ROOM, hasher()));
    words(
        "cuckoo-optimistic",
        CuckooOptimistic::<_, _, _>::with_capacity_and_hasher(ROOM, hasher()),
    );
}
