//! What a cache takes of the allocator: all of it is said.
#![cfg(not(any(loom, shuttle)))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use cache::evict::{ClockClear, Eviction, Never};
use cache::store::{CacheHandle, Config, Memc3, Options, Sharded, Store};

thread_local! {
    /// Bytes that this thread has allocated, less those that it has freed.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every block is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            HELD.set(HELD.get().wrapping_add(layout.size()));
        }
        block
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's; `alloc` had it from the system's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PAGE: usize = 512;

fn config(pages: usize) -> Config {
    let (page, max_value) = (PAGE, 100);
    Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(PAGE * pages) }
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
    let (stats, held) = (cache.stats(), HELD.get() - before);
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
