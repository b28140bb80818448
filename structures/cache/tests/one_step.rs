//! A write is one step for who reads meanwhile, also if it makes room by the item that it replaces. A policy is asked
//! and told of items in the midst of a write: the one here looks the key up each time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use cache::evict::{Eviction, Items, Unheeded, Visitor, for_each};
use cache::store::{CacheHandle, Change, Config, MapItem, MapKey, Memc3, Options, OverMap};
use cache::store::{SetError, Store, When, Write};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::ChainingLockFree;

type OverTable<E> = OverMap<E, ChainingLockFree<MapKey, Arc<MapItem>>>;

thread_local! {
    /// What a policy does each time that it is asked or told something.
    static WATCH: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// The policy `E`, with a watch.
#[derive(Debug)]
struct Watched<E>(E);

impl<E> Watched<E> {
    fn policy(&mut self) -> &mut E {
        WATCH.with_borrow(|watch| {
            if let Some(watch) = watch {
                watch();
            }
        });
        &mut self.0
    }
}

impl<E: Eviction> Eviction for Watched<E> {
    const NAME: &'static str = E::NAME;
    const EVICTS: bool = E::EVICTS;
    type Hits = E::Hits;

    fn new(seed: u64) -> Self {
        Self(E::new(seed))
    }

    fn resize(&mut self, slots: usize, capacity: usize) {
        self.policy().resize(slots, capacity);
    }

    fn insert(&mut self, slot: u32, hash: u64) {
        self.policy().insert(slot, hash);
    }

    fn share_hits(&mut self) -> E::Hits {
        self.0.share_hits()
    }

    fn hit(&mut self, slot: u32) {
        self.policy().hit(slot);
    }

    fn remove(&mut self, slot: u32) {
        self.policy().remove(slot);
    }

    fn victim(&mut self, items: &impl Items) -> Option<u32> {
        self.policy().victim(items)
    }

    fn metadata_bytes(&self) -> usize {
        self.0.metadata_bytes()
    }
}

fn is_there(cache: &mut impl CacheHandle, name: &[u8]) -> bool {
    cache.get(name, &mut Vec::new()).is_some()
}

/// Keys of which half have room become shorter and longer. None that is there is missed while it is written.
fn is_one_step<S: Store + 'static>() {
    let what = format!("{} {}", S::STORE, S::Eviction::NAME);
    let (page, max_value) = (1024, 700);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(3 << 10) };
    let cache = Arc::new(S::new(&config).unwrap());
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let (looks, misses) = (Rc::new(Cell::new(0_u32)), Rc::new(Cell::new(0_u32)));
    let mut handle = cache.handle();
    for _ in 0..2000 {
        let name = rng.random_range(0..6_u64).to_le_bytes();
        let value = vec![7_u8; rng.random_range(0..=max_value)];
        let was_there = is_there(&mut handle, &name);
        let (cache, looks, misses) = (cache.clone(), looks.clone(), misses.clone());
        let look = move || {
            looks.set(looks.get() + 1);
            misses.set(misses.get() + u32::from(!is_there(&mut cache.handle(), &name)));
        };
        if was_there {
            WATCH.set(Some(Box::new(look)));
        }
        let is_stored = if rng.random() {
            let when = if was_there { When::Present } else { When::Always };
            handle.set(&name, &value, Options { when, ..Options::default() }).is_ok()
        } else {
            let write = Write { value: Some(&value), ..Write::default() };
            handle.update(&name, |_| Change::Write(write)).is_ok()
        };
        drop(WATCH.take());
        assert_eq!(is_there(&mut handle, &name), was_there || is_stored, "{what}");
        assert!(is_stored || !S::Eviction::EVICTS, "{what}");
    }
    let moved = cache.stats().pages_moved;
    assert!(looks.get() > 100, "{what}: {} looks", looks.get());
    assert!(moved > 100 || !S::Eviction::EVICTS || S::STORE != "memc3", "{what}: {moved} pages");
    assert_eq!(misses.get(), 0, "{what}: of {} looks", looks.get());
}

struct Every;

impl Visitor for Every {
    fn visit<E: Eviction + 'static>(&mut self) {
        is_one_step::<Memc3<Watched<E>>>();
        is_one_step::<OverTable<Watched<E>>>();
    }
}

#[test]
fn a_key_is_there_while_it_is_written() {
    for_each(&mut Every);
}

/// Gives up the item of the first slot, and then nothing more.
#[derive(Debug)]
struct GivesOne {
    is_left: bool,
}

impl Eviction for GivesOne {
    const NAME: &'static str = "gives-one";
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self { is_left: true }
    }

    fn resize(&mut self, _slots: usize, _capacity: usize) {}

    fn insert(&mut self, _slot: u32, _hash: u64) {}

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {}

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        std::mem::take(&mut self.is_left).then_some(0)
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}

/// An item is evicted for what is to take its place, which then finds no room.
#[test]
fn what_was_evicted_in_vain_is_gone() {
    let (page, max_value) = (4096, 3000);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(page) };
    let cache = OverTable::<GivesOne>::new(&config).unwrap();
    let mut handle = cache.handle();
    for name in [b"a", b"b"] {
        handle.set(name, &[7; 1500], Options::default()).unwrap();
    }
    let write = Write { value: Some(&[8; 3000]), ..Write::default() };
    assert_eq!(handle.update(b"a", |_| Change::Write(write)), Err(SetError::OutOfMemory));
    assert!(!is_there(&mut handle, b"a") && is_there(&mut handle, b"b"));
    handle.set(b"a", &[9; 100], Options::default()).unwrap();
    assert!(is_there(&mut handle, b"a") && is_there(&mut handle, b"b"));
    let stats = cache.stats();
    assert_eq!((stats.items, stats.evictions), (2, 1));
}
