//! A policy that has no memory for more slots: what is stored has the chunks that there are, or is refused; and no other
//! item goes for it in vain.

mod poor;

use eviction::store::{Change, Config, Options, SetError, Sharded, Write};
use poor::{IS_POOR, Poor};

const PAGE: usize = 1024;

fn cache(pages: usize) -> Sharded<Poor> {
    let config = Config { page: PAGE, max_value: 700, seed: Some(1), ..Config::of(pages * PAGE) };
    Sharded::new(&config).unwrap()
}

/// Stores small items under so many keys.
fn store_small(cache: &Sharded<Poor>, keys: std::ops::Range<u64>) {
    for key in keys {
        cache.set(&key.to_le_bytes(), &[7; 8], Options::default()).unwrap();
    }
}

/// A large item: one of a page.
fn store_large(cache: &Sharded<Poor>, key: &[u8]) -> Result<(), SetError> {
    cache.set(key, &[9; 600], Options::default()).map(drop)
}

#[test]
fn nothing_goes_for_what_has_no_memory() {
    let cache = cache(4);
    store_small(&cache, 0..200);
    let before = cache.stats();
    assert_eq!(before.memory.pool, 0);
    IS_POOR.set(true);
    assert_eq!(store_large(&cache, b"large"), Err(SetError::OutOfMemory));
    assert_eq!((cache.stats().items, cache.stats().evictions), (before.items, before.evictions));
    // Its own class has memory, and evicts.
    store_small(&cache, 200..300);
    IS_POOR.set(false);
    assert_eq!(store_large(&cache, b"large"), Ok(()));
}

#[test]
fn no_page_is_given_up_for_a_class_that_cannot_have_it() {
    let cache = cache(8);
    let large = [b"a", b"b", b"c", b"d"];
    large.iter().for_each(|key| store_large(&cache, &key[..]).unwrap());
    store_small(&cache, 0..200);
    assert_eq!(cache.stats().memory.pool, 0);
    IS_POOR.set(true);
    store_small(&cache, 200..2000);
    IS_POOR.set(false);
    assert_eq!(cache.stats().pages_moved, 0);
    assert!(large.iter().all(|key| cache.get(&key[..], &mut Vec::new()).is_some()));
    // One that can gets it.
    store_small(&cache, 2000..4000);
    assert!(cache.stats().pages_moved > 0);
}

#[test]
fn an_item_that_cannot_move_with_its_page_stays() {
    let cache = cache(1);
    store_small(&cache, 0..1);
    let key = 0_u64.to_le_bytes();
    let write = Write { value: Some(&[8; 600]), ..Write::default() };
    IS_POOR.set(true);
    assert_eq!(cache.update(&key, |_| Change::Write(write)), Err(SetError::OutOfMemory));
    IS_POOR.set(false);
    let mut value = Vec::new();
    assert!(cache.get(&key, &mut value).is_some());
    assert_eq!(value, [7; 8]);
    assert!(cache.update(&key, |_| Change::Write(write)).is_ok());
}
