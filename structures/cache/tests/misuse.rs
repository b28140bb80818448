//! Safe code that does what nobody means it to do. It may get panics and misses; it must not get another
//! value, nor a cache that is in disorder. That it gets at no memory follows from `#![forbid(unsafe_code)]` in
//! the crate; `ci/asan.sh` runs all of it under AddressSanitizer.
#![forbid(unsafe_code)]

mod startled;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::evict::{Eviction, Fifo, Hits, Items, Unheeded, Visitor, for_each};
use cache::store::{
    Cache, CacheHandle, Change, Config, Locked, MapItem, MapKey, Memc3, Optimistic,
};
use cache::store::{Options, OverMap, Part, Sharded, Store, Write};
use cache::time::{Clock, Expiry};
use startled::{IS_CALM, Startled};
use structures::ChainingLockFree;
use structures::reclaim::Epoch;

/// A clock of which every third look panics, and which goes back at times.
#[derive(Debug, Default)]
struct Unreliable(AtomicU64);

impl Clock for Unreliable {
    fn steady(&self) -> u64 {
        let look = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(look < 10 || !look.is_multiple_of(3), "no time");
        if look.is_multiple_of(7) { 5 } else { look }
    }

    fn wall(&self) -> u64 {
        0
    }
}

fn config(clock: Arc<dyn Clock>) -> Config {
    Config { page: 1024, max_value: 700, clock, ..Config::of(8 << 10) }
}

/// What is found is what was set last, whatever panicked on the way.
fn is_in_order<E: Eviction, P: Part<E>>() {
    let cache = Cache::<E, P>::new(&config(Arc::new(Unreliable::default()))).unwrap();
    let mut last: [Option<Vec<u8>>; 20] = [const { None }; 20];
    let mut panics = 0;
    for step in 0..2000_u64 {
        let key = (step * 7 + step / 13) % 20;
        let (name, value) = (key.to_le_bytes(), step.to_le_bytes().repeat(1 + step as usize % 60));
        let expiry = if step.is_multiple_of(5) { Expiry::Never } else { Expiry::After(3) };
        let options = Options { expiry, ..Options::default() };
        let operation = AssertUnwindSafe(|| match step % 4 {
            0 => _ = cache.touch(&name, expiry),
            1 => _ = cache.reap(10),
            // One that panics leaves everything as it was.
            2 => {
                let updated = cache.update(&name, |_| {
                    assert!(!step.is_multiple_of(3), "no decision");
                    Change::Write(Write { value: Some(&value), ..Write::default() })
                });
                if let Ok(_written) = updated {
                    last[key as usize] = Some(value);
                }
            }
            _ => {
                // A set that panics has stored nothing, and perhaps taken the old value out.
                if let Ok(_stored) = cache.set(&name, &value, options) {
                    last[key as usize] = Some(value);
                }
            }
        });
        panics += u32::from(catch_unwind(operation).is_err());
        let mut found = vec![9];
        let read = AssertUnwindSafe(|| cache.get(&name, &mut found).is_some());
        match catch_unwind(read) {
            Ok(true) => assert_eq!(Some(&found[1..]), last[key as usize].as_deref()),
            Ok(false) => assert_eq!(found, [9]),
            Err(_) => {
                assert_eq!(found, [9], "{}: a value that nobody was given", P::NAME);
                panics += 1;
            }
        }
        let stats = cache.stats();
        assert_eq!(stats.memory.total(), 8 << 10);
        assert!(stats.item_bytes <= stats.memory.taken, "{stats:?}");
    }
    assert!(panics > 100, "{}: {panics}", P::NAME);
    cache.clear();
    assert_eq!(cache.stats().memory.pool, 8 << 10);
}

struct Order;

impl Visitor for Order {
    fn visit<E: Eviction + 'static>(&mut self) {
        is_in_order::<E, Locked<E>>();
        is_in_order::<E, Optimistic<E>>();
    }
}

#[test]
fn a_clock_that_panics_leaves_a_cache_in_order() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(|| for_each(&mut Order));
    std::panic::set_hook(quiet);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A clock that stands where it is put, and panics when it has been looked at so often.
#[derive(Debug)]
struct Brittle {
    second: AtomicU64,
    looks: AtomicU64,
}

impl Clock for Brittle {
    fn steady(&self) -> u64 {
        assert!(self.looks.fetch_sub(1, Ordering::Relaxed) > 0, "no time");
        self.second.load(Ordering::Relaxed)
    }

    fn wall(&self) -> u64 {
        0
    }
}

/// A clock that stands and does not panic yet, and a cache by it.
fn by_a_clock<S: Store>() -> (Arc<Brittle>, S) {
    let clock = Arc::new(Brittle { second: AtomicU64::new(0), looks: AtomicU64::new(u64::MAX) });
    let cache = S::new(&config(clock.clone())).unwrap();
    (clock, cache)
}

fn counts_what_has_expired<S: Store>() {
    let (clock, cache) = by_a_clock::<S>();
    let mut handle = cache.handle();
    let options = Options { expiry: Expiry::After(1), ..Options::default() };
    for key in 0..4_u8 {
        handle.set(&[key], b"value", options).unwrap();
    }
    clock.second.store(2, Ordering::Relaxed);
    clock.looks.store(2, Ordering::Relaxed);
    let reaped = catch_unwind(AssertUnwindSafe(|| handle.reap(1000)));
    assert!(reaped.is_err(), "{}: it looks at each item", S::STORE);
    clock.looks.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(handle.reap(1000), 2, "{}", S::STORE);
    let stats = cache.stats();
    assert_eq!((stats.items, stats.expired), (0, 4), "{}", S::STORE);
}

#[test]
fn what_expires_before_a_clock_panics_is_counted() {
    counts_what_has_expired::<Sharded<Fifo>>();
    counts_what_has_expired::<Memc3<Fifo>>();
    counts_what_has_expired::<OverMap<Fifo, ChainingLockFree<MapKey, Arc<MapItem>>>>();
}

/// A policy of one's own that names victims which are not there.
#[derive(Debug)]
struct Liar;

impl Eviction for Liar {
    const NAME: &'static str = "liar";
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self
    }

    fn resize(&mut self, _slots: usize, _capacity: usize) {}

    fn insert(&mut self, _slot: u32, _hash: u64) {}

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {}

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        Some(u32::MAX)
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}

fn notices_a_lie<P: Part<Liar>>() {
    let cache =
        Cache::<Liar, P>::new(&Config { page: 1024, max_value: 700, ..Config::of(2048) }).unwrap();
    let set = |key: u64| cache.set(&key.to_le_bytes(), &[7; 400], Options::default()).unwrap();
    let filled = catch_unwind(AssertUnwindSafe(|| (0..100).for_each(|key| _ = set(key))));
    assert!(filled.is_err(), "{}: a victim that is not there", P::NAME);
    // What was there is still found.
    let mut value = Vec::new();
    assert!(cache.get(&0_u64.to_le_bytes(), &mut value).is_some(), "{}", P::NAME);
    assert_eq!(value, [7; 400]);
}

#[test]
fn a_policy_that_lies_is_noticed() {
    notices_a_lie::<Locked<Liar>>();
    notices_a_lie::<Optimistic<Liar>>();
}

/// A policy of one's own of which each seventh call panics, when it has done its work or before.
#[derive(Debug)]
struct Jumpy {
    slots: Vec<u32>,
    calls: u64,
}

impl Jumpy {
    fn call<T>(&mut self, work: impl FnOnce(&mut Vec<u32>) -> T) -> T {
        self.calls += 1;
        let panics = self.calls.is_multiple_of(7) && !IS_CALM.get();
        assert!(!panics || self.calls.is_multiple_of(2), "before");
        let done = work(&mut self.slots);
        assert!(!panics, "after");
        done
    }
}

impl Eviction for Jumpy {
    const NAME: &'static str = "jumpy";
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self { slots: Vec::new(), calls: 0 }
    }

    fn resize(&mut self, _slots: usize, _capacity: usize) {
        self.call(|_| ());
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.call(|slots| slots.push(slot));
    }

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {
        self.call(|_| ());
    }

    fn remove(&mut self, slot: u32) {
        self.call(|slots| slots.retain(|&known| known != slot));
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        self.call(|slots| (!slots.is_empty()).then(|| slots.remove(0)))
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}

/// One of some operations: whether it has written the value.
fn operate(handle: &mut impl CacheHandle, step: u64, name: &[u8], value: &[u8]) -> bool {
    match step % 5 {
        0 => {
            handle.remove(name);
            false
        }
        1 | 2 => {
            let write = Write { value: Some(value), ..Write::default() };
            handle.update(name, |_| Change::Write(write)).is_ok()
        }
        _ => handle.set(name, value, Options::default()).is_ok(),
    }
}

/// What is found is what was written last, or by who panicked since. All that a cache has can be taken out, and then
/// its memory is free.
fn stays_in_order<S: Store<Eviction = Jumpy>>() {
    let (page, max_value) = (1024, 700);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(3 << 10) };
    let cache = S::new(&config).unwrap();
    let mut handle = cache.handle();
    let mut possible = [const { Vec::<Vec<u8>>::new() }; 20];
    let mut panics = 0;
    IS_CALM.set(false);
    for step in 0..5000_u64 {
        let key = (step * 7 + step / 13) % 20;
        let (name, possible) = (key.to_le_bytes(), &mut possible[key as usize]);
        let value = step.to_le_bytes().repeat(1 + step as usize % 60);
        let operation = AssertUnwindSafe(|| operate(&mut handle, step, &name, &value));
        match catch_unwind(operation) {
            Ok(true) => *possible = vec![value],
            Ok(false) if step.is_multiple_of(5) => possible.clear(),
            Ok(false) => {}
            Err(_) => {
                panics += 1;
                possible.push(value);
            }
        }
        let mut found = Vec::new();
        match catch_unwind(AssertUnwindSafe(|| handle.get(&name, &mut found).is_some())) {
            Ok(true) => {
                assert!(possible.contains(&found), "{}: step {step}", S::STORE);
                *possible = vec![found];
            }
            Ok(false) => possible.clear(),
            Err(_) => panics += 1,
        }
        let stats = cache.stats();
        assert_eq!(stats.memory.total(), 3 << 10, "{}: step {step}", S::STORE);
        assert!(stats.item_bytes <= stats.memory.taken, "{}: {stats:?}", S::STORE);
    }
    assert!(panics > 100, "{}: {panics}", S::STORE);
    IS_CALM.set(true);
    handle.clear();
    let stats = cache.stats();
    let left = (cache.len(), stats.item_bytes, stats.memory.taken);
    assert_eq!(left, (0, 0, 0), "{}: items, bytes and memory that are left", S::STORE);
    handle.set(b"name", &[7; 400], Options::default()).unwrap();
    assert!(handle.get(b"name", &mut Vec::new()).is_some(), "{}", S::STORE);
}

#[test]
fn a_policy_that_panics_leaves_a_cache_in_order() {
    stays_in_order::<Sharded<Jumpy>>();
    stays_in_order::<Memc3<Jumpy>>();
    stays_in_order::<OverMap<Jumpy, ChainingLockFree<MapKey, Arc<MapItem>>>>();
}

#[test]
fn a_table_that_panics_leaves_a_cache_in_order() {
    type Table = ChainingLockFree<MapKey, Arc<MapItem>, Epoch, Startled>;
    stays_in_order::<OverMap<Jumpy, Table>>();
}

/// A policy of one's own that no reader may tell of a hit, and a writer of what goes only while it is calm.
#[derive(Debug)]
struct Prickly;

/// Its hits.
#[derive(Clone, Debug)]
struct Prickles;

impl Hits for Prickles {
    fn hit(&self, _slot: u32) -> bool {
        panic!("no hit");
    }
}

impl Eviction for Prickly {
    const NAME: &'static str = "prickly";
    type Hits = Prickles;

    fn new(_seed: u64) -> Self {
        Self
    }

    fn resize(&mut self, _slots: usize, _capacity: usize) {}

    fn insert(&mut self, _slot: u32, _hash: u64) {}

    fn share_hits(&mut self) -> Prickles {
        Prickles
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {
        assert!(IS_CALM.get(), "no removal");
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        None
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}

fn leaves_the_buffer<S: Store<Eviction = Prickly>>() {
    let cache = S::new(&Config { page: 1024, max_value: 700, ..Config::of(8 << 10) }).unwrap();
    let mut handle = cache.handle();
    handle.set(b"name", &[7; 100], Options::default()).unwrap();
    let mut found = vec![9];
    let read = AssertUnwindSafe(|| handle.get(b"name", &mut found).is_some());
    assert!(catch_unwind(read).is_err(), "{}", S::STORE);
    assert_eq!(found, [9], "{}: a value that nobody was given", S::STORE);
}

#[test]
fn a_hit_that_panics_leaves_the_buffer_as_it_was() {
    leaves_the_buffer::<Memc3<Prickly>>();
    leaves_the_buffer::<OverMap<Prickly, ChainingLockFree<MapKey, Arc<MapItem>>>>();
}

fn counts_what_a_policy_may_not_know<S: Store<Eviction = Prickly>>() {
    let (clock, cache) = by_a_clock::<S>();
    let mut handle = cache.handle();
    let options = Options { expiry: Expiry::After(1), ..Options::default() };
    handle.set(b"name", b"value", options).unwrap();
    clock.second.store(2, Ordering::Relaxed);
    IS_CALM.set(false);
    let read = AssertUnwindSafe(|| handle.get(b"name", &mut Vec::new()).is_some());
    let outcome = catch_unwind(read);
    IS_CALM.set(true);
    assert!(outcome.is_err(), "{}: its policy is told", S::STORE);
    let stats = cache.stats();
    assert_eq!((stats.items, stats.expired), (0, 1), "{}", S::STORE);
}

#[test]
fn what_expires_while_a_policy_panics_is_counted() {
    counts_what_a_policy_may_not_know::<Sharded<Prickly>>();
    counts_what_a_policy_may_not_know::<Memc3<Prickly>>();
    counts_what_a_policy_may_not_know::<OverMap<Prickly, ChainingLockFree<MapKey, Arc<MapItem>>>>();
}

#[test]
fn what_a_table_keeps_is_not_counted_as_expired() {
    type Table = ChainingLockFree<MapKey, Arc<MapItem>, Epoch, Startled>;
    let (clock, cache) = by_a_clock::<OverMap<Fifo, Table>>();
    let mut handle = cache.handle();
    let options = Options { expiry: Expiry::After(1), ..Options::default() };
    for key in 0..20_u8 {
        handle.set(&[key], b"value", options).unwrap();
    }
    clock.second.store(2, Ordering::Relaxed);
    IS_CALM.set(false);
    let mut reap = || catch_unwind(AssertUnwindSafe(|| handle.reap(1000))).is_err();
    let panics = (0..100).take_while(|_| reap()).count();
    IS_CALM.set(true);
    assert!((1..100).contains(&panics), "{panics}");
    let stats = cache.stats();
    assert_eq!((stats.items, stats.expired), (0, 20));
}
