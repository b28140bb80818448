//! What a cache takes of the allocator: all of it is said, and what cannot be had is an error.
#![cfg(not(any(loom, shuttle)))]

#[path = "../../eviction/tests/poor/mod.rs"]
mod poor;
#[path = "../../eviction/tests/refusing/mod.rs"]
mod refusing;

use std::sync::Arc;

use cache::evict::{ClockClear, Eviction, Never, Visitor, for_each};
use cache::store::{
    CacheHandle, Change, Config, ConfigError, MapItem, MapKey, Memc3, Optimistic, Options, Outcome,
    OverMap, SetError, Sharded, Store, Write,
};
use crossbeam_utils::CachePadded;
use poor::{IS_POOR, Poor};
use refusing::{HELD, LARGE, LEFT, MOST};
use structures::ChainingGlobalLock;

/// A table that has longer chains where it has no memory to grow.
type Table = ChainingGlobalLock<MapKey, Arc<MapItem>>;

const PAGE: usize = 512;

fn config(pages: usize) -> Config {
    let (page, max_value) = (PAGE, 100);
    Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(PAGE * pages) }
}

/// The same of as many shards as there can be.
fn config_of_shards(pages: usize) -> Config {
    Config { shards: usize::MAX, ..config(pages) }
}

/// Stores more than there is memory for, so that all pages are used.
fn fill(cache: &impl Store, pages: usize, value: &[u8]) {
    let mut cache = cache.handle();
    for key in 0..12 * pages as u64 {
        let _full = cache.set(&key.to_le_bytes(), value, Options::default());
    }
}

/// Bytes that a cache of so many pages has taken and says nothing of.
fn unsaid<S: Store>(pages: usize) -> usize {
    let before = HELD.get();
    let cache = S::new(&config(pages)).unwrap();
    fill(&cache, pages, &[7; 20]);
    // Pages come again, to items of another size.
    cache.handle().clear();
    fill(&cache, pages, &[7; 30]);
    let (stats, held) = (cache.stats(), HELD.get().wrapping_sub(before));
    assert_eq!((stats.memory.pool, stats.memory.rest), (0, 0), "{stats:?}");
    let said = stats.memory.total() + stats.index_bytes + stats.metadata_bytes;
    held.checked_sub(said).unwrap_or_else(|| panic!("{held} bytes, and {stats:?}"))
}

/// What is not said does not depend on how many pages there are: it is the cache itself, and what it has of each shard.
fn says_all<S: Store>() {
    for pages in [64, 4096] {
        let unsaid = unsaid::<S>(pages);
        let name = format!("{} {}", S::STORE, S::Eviction::NAME);
        assert!(unsaid < 16 << 10, "{name}: {unsaid} bytes of {pages} pages");
    }
}

#[test]
fn all_that_is_on_top_of_the_bound_is_said() {
    says_all::<Sharded<Never>>();
    says_all::<Sharded<ClockClear>>();
    says_all::<Memc3<Never>>();
    says_all::<Memc3<ClockClear>>();
}

/// Refuses each of the large blocks that a cache takes from the start: how many there are.
fn refuses_each<S: Store>(config: &Config) -> usize {
    for granted in 0.. {
        let before = HELD.get();
        LEFT.set(granted);
        let made = S::new(config);
        LEFT.set(usize::MAX);
        let Err(error) = made else { return granted };
        let ConfigError::NoMemory { asked, needs, most } = error else { panic!("{error}") };
        assert!(asked == 4096 * PAGE && needs >= LARGE && most < asked, "{error}");
        assert_eq!(HELD.get(), before, "what was made before {error} is given back");
    }
    unreachable!("a cache takes so many blocks")
}

#[test]
fn what_cannot_be_had_is_an_error() {
    // What is kept of pages, by writers and by readers, and those that are free; and the index.
    assert_eq!(refuses_each::<Sharded<Never>>(&config(4096)), 3);
    assert_eq!(refuses_each::<Memc3<Never>>(&config(4096)), 4);
    // Of 256 shards, their arenas and the shards themselves.
    assert_eq!(refuses_each::<Sharded<Never>>(&config_of_shards(4096)), 2);
    assert_eq!(refuses_each::<Memc3<Never>>(&config_of_shards(4096)), 2);
}

/// So many shards that there is no memory for a list of them.
#[test]
fn shards_that_cannot_be_had_are_an_error() {
    let config = config_of_shards(1 << 47);
    let of_table = OverMap::<Never, Table>::over(Table::default(), &config).map(drop).unwrap_err();
    let own = Memc3::<Never>::new(&config).map(drop).unwrap_err();
    for error in [of_table, own] {
        assert!(matches!(error, ConfigError::NoMemory { asked, .. } if asked == config.bytes));
    }
}

/// A system may give each part of what is taken from the start, and end who uses them all. So a cache is refused before
/// it has taken one.
#[test]
fn what_cannot_be_had_as_a_whole_is_not_taken_in_parts() {
    let (gib, config) = (1 << 30, Config { seed: Some(1), ..Config::of(16 << 30) });
    MOST.set(gib);
    let made = Memc3::<ClockClear>::new(&config);
    MOST.set(usize::MAX);
    let error = made.map(drop).unwrap_err();
    // Its index has sixteen parts of 160 MiB. That of a cache of a quarter is less than the system gives.
    let shard = size_of::<CachePadded<Optimistic<ClockClear>>>();
    let needs = 16 * ((160 << 20) + shard);
    let expected = ConfigError::NoMemory { asked: 16 * gib, needs, most: 4 * gib };
    assert_eq!(error, expected, "{error}");
}

/// Stores keys from 0 on while no block may be large; how many were stored before one was refused, if one was.
fn stored_without_memory<S: Store>(cache: &S, keys: u64) -> u64 {
    let mut cache = cache.handle();
    MOST.set(0);
    let mut stored = 0;
    for key in 0..keys {
        match cache.set(&key.to_le_bytes(), &[7; 20], Options::default()) {
            Ok(_) => stored += 1,
            Err(error) => assert_eq!(error, SetError::OutOfMemory),
        }
    }
    MOST.set(usize::MAX);
    stored
}

/// An index that grows, and cannot: no process ends.
#[test]
fn an_index_that_cannot_grow_refuses() {
    let cache = Sharded::<Never>::new(&config(4096)).unwrap();
    let stored = stored_without_memory(&cache, 10_000);
    assert!((100..5000).contains(&stored) && cache.len() as u64 == stored, "{stored} were stored");
    // What is stored stays, and can be written again.
    for key in 0..stored {
        assert!(cache.get(&key.to_le_bytes(), &mut Vec::new()).is_some(), "{key} of {stored}");
    }
    MOST.set(0);
    let set = |key: u64| cache.set(&key.to_le_bytes(), &[8; 60], Options::default());
    let (again, another) = (set(0), set(stored));
    MOST.set(usize::MAX);
    assert_eq!((again, another), (Ok(Outcome::Stored), Err(SetError::OutOfMemory)));
    assert_eq!(set(stored), Ok(Outcome::Stored), "there is memory again");
}

/// A policy that evicts does so for the index too.
#[test]
fn an_index_that_cannot_grow_evicts() {
    let cache = Sharded::<ClockClear>::new(&config(4096)).unwrap();
    assert_eq!(stored_without_memory(&cache, 10_000), 10_000);
    let stats = cache.stats();
    assert!((100..5000).contains(&stats.items), "{stats:?}");
    assert_eq!(stats.items as u64 + stats.evictions, 10_000, "{stats:?}");
    assert!(cache.get(&9999_u64.to_le_bytes(), &mut Vec::new()).is_some());
}

/// One that has none of its own class to go for it: one of another does.
#[test]
fn the_first_of_a_size_class_has_a_place_in_an_index_that_cannot_grow() {
    let cache = Sharded::<ClockClear>::new(&config(4096)).unwrap();
    assert_eq!(stored_without_memory(&cache, 10_000), 10_000);
    MOST.set(0);
    for key in 10_000..10_100_u64 {
        let small = cache.set(&key.to_le_bytes(), &[7; 20], Options::default());
        let large = cache.set(b"large", &[7; 100], Options::default());
        assert_eq!((small, large), (Ok(Outcome::Stored), Ok(Outcome::Stored)), "{key}");
        assert!(cache.remove(b"large"), "{key}");
    }
    MOST.set(usize::MAX);
}

/// Lists of pages that cannot grow: nothing more is stored, and what is there stays.
#[test]
fn lists_of_pages_that_cannot_grow_refuse() {
    let cache = Memc3::<Never>::new(&config(4096)).unwrap();
    let stored = stored_without_memory(&cache, 10_000);
    assert!((1000..9000).contains(&stored) && cache.len() as u64 == stored, "{stored} were stored");
    for key in 0..stored {
        assert!(cache.get(&key.to_le_bytes(), &mut Vec::new()).is_some(), "{key} of {stored}");
    }
}

/// Of the items that are stored while what is kept of them cannot grow, the last are there.
fn evicts_without_memory<S: Store>(cache: &S) {
    let name = format!("{} {}", S::STORE, S::Eviction::NAME);
    assert_eq!(stored_without_memory(cache, 10_000), 10_000, "{name}");
    let stats = cache.stats();
    assert!((100..6000).contains(&stats.items), "{name}: {stats:?}");
    assert_eq!(stats.items as u64 + stats.evictions, 10_000, "{name}: {stats:?}");
    let last = cache.handle().get(&9999_u64.to_le_bytes(), &mut Vec::new());
    assert!(last.is_some(), "{name}");
}

/// A cache over a table, with memory for more than ten thousand small items.
fn over_table<E: Eviction>() -> OverMap<E, Table> {
    OverMap::over(Table::default(), &config(8192)).unwrap()
}

struct Evicts;

impl Visitor for Evicts {
    fn visit<E: Eviction + 'static>(&mut self) {
        if E::EVICTS {
            // There are chunks for 40,960 items.
            evicts_without_memory(&Memc3::<E>::new(&config(4096)).unwrap());
            evicts_without_memory(&over_table::<E>());
        }
    }
}

/// A policy that has no memory for more slots evicts, as does a class whose lists of pages cannot grow.
#[test]
fn policies_that_cannot_grow_evict() {
    for_each(&mut Evicts);
}

/// Chunks that are given back are in lists of pages that have memory for them already.
#[test]
fn what_goes_needs_no_memory() {
    let pages = 4096;
    let cache = Memc3::<Never>::new(&config(pages)).unwrap();
    fill(&cache, pages, &[7; 20]);
    assert_eq!((cache.len(), cache.stats().memory.pool), (10 * pages, 0));
    MOST.set(0);
    // One of each page.
    let gone = (0..pages as u64).filter(|page| cache.remove(&(10 * page).to_le_bytes())).count();
    let left = cache.len();
    cache.clear();
    MOST.set(usize::MAX);
    assert_eq!((gone, left, cache.len()), (pages, 9 * pages, 0));
    assert_eq!(cache.stats().memory.pool, pages * PAGE);
}

/// Slots that cannot grow: nothing more is stored, and what is there stays and can go.
#[test]
fn slots_over_a_table_that_cannot_grow_refuse() {
    let cache = over_table::<Never>();
    let stored = stored_without_memory(&cache, 10_000);
    assert!((100..5000).contains(&stored) && cache.len() as u64 == stored, "{stored} were stored");
    assert_eq!(stored_without_memory(&cache, 10_000), stored, "they are written again");
}

#[test]
fn what_goes_from_a_table_needs_no_memory() {
    let cache = over_table::<Never>();
    fill(&cache, 500, &[7; 20]);
    assert_eq!(cache.len(), 6000);
    MOST.set(0);
    cache.handle().clear();
    MOST.set(usize::MAX);
    assert_eq!(cache.len(), 0);
}

/// A value that there is no memory for.
#[test]
fn a_value_that_cannot_be_had_is_refused() {
    let (page, max_value) = (1 << 16, 20_000);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(1 << 20) };
    let cache = OverMap::<ClockClear, Table>::over(Table::default(), &config).unwrap();
    let (mut handle, large) = (cache.handle(), vec![7; max_value]);
    handle.set(b"key", b"value", Options::default()).unwrap();
    let write = Write { value: Some(&large), ..Write::default() };
    MOST.set(0);
    let updated = handle.update(b"key", |_| Change::Write(write));
    let set = handle.set(b"other", &large, Options::default());
    MOST.set(usize::MAX);
    assert_eq!(updated, Err(SetError::OutOfMemory));
    assert_eq!(set, Err(SetError::OutOfMemory));
    let mut value = Vec::new();
    assert!(handle.get(b"key", &mut value).is_some());
    assert_eq!(value, b"value");
    handle.set(b"other", &large, Options::default()).unwrap();
}

#[test]
fn a_policy_over_a_table_that_cannot_grow_evicts() {
    let cache = over_table::<Poor>();
    // 128 slots.
    fill(&cache, 10, &[7; 20]);
    IS_POOR.set(true);
    fill(&cache, 100, &[7; 20]);
    IS_POOR.set(false);
    assert_eq!(cache.len(), 128);
    fill(&cache, 100, &[7; 20]);
    assert_eq!(cache.len(), 1200);
}

#[test]
fn a_page_that_is_given_up_needs_no_memory() {
    let (page, max_value) = (1 << 17, 100_000);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(2 * page) };
    let cache = Memc3::<ClockClear>::new(&config).unwrap();
    let large = vec![8; max_value];
    fill(&cache, 500, &[7; 20]);
    MOST.set(0);
    let stored = cache.set(b"large", &large, Options::default());
    MOST.set(usize::MAX);
    assert_eq!(stored, Ok(Outcome::Stored));
    // One of two, with some 2,700 items.
    assert_eq!(cache.stats().pages_moved, 1);
}
