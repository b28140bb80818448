//! Models of the store `memc3`, under every interleaving and every order of memory that loom knows:
//! `ci/loom.sh`. Those of its table are in `src/store/memc3/models.rs`.
//!
//! Each model names the exact set of what may be seen.
#![cfg(loom)]

#[path = "../../tests/explore/mod.rs"]
mod explore;

use cache::evict::{ClockClear, Eviction, Never};
use cache::store::{Config, Memc3, Options, Outcome};
use explore::{explore, explore_with};
use loom::sync::Arc;
use loom::thread;

/// Two words behind the header, with the key of one byte.
const LEN: usize = 15;

/// Memory for `items` of the one size that there is.
fn cache<E: Eviction>(items: usize) -> Arc<Memc3<E>> {
    of_sizes(items, 512)
}

/// So many pages, and chunks from `smallest` bytes on.
fn of_sizes<E: Eviction>(items: usize, smallest: usize) -> Arc<Memc3<E>> {
    let (page, max_value) = (512, 200);
    let config = Config {
        page,
        max_value,
        smallest,
        growth: 4.0,
        cas: false,
        seed: Some(1),
        ..Config::of(page * items)
    };
    Arc::new(Memc3::new(&config).unwrap())
}

/// What is found: the byte of which the value consists.
fn get<E: Eviction>(cache: &Memc3<E>, key: u8) -> Option<u8> {
    let mut value = Vec::new();
    cache.get(&[key], &mut value)?;
    assert!(value == [value[0]; LEN] || value == [value[0]; 4 * LEN], "torn: {value:?}");
    Some(value[0])
}

fn set<E: Eviction>(cache: &Memc3<E>, key: u8, byte: u8) {
    assert_eq!(cache.set(&[key], &[byte; LEN], Options::default()), Ok(Outcome::Stored));
}

/// One thread removes an item, another one takes its memory; a reader has what was there or nothing.
#[test]
fn memory_is_used_again_while_it_is_read() {
    explore_with(1, "memory is used again", [None, Some(b'1')], || {
        let cache = cache::<ClockClear>(1);
        set(&cache, b'a', b'1');
        let (removes, sets) = (cache.clone(), cache.clone());
        let threads = [
            thread::spawn(move || _ = removes.remove(b"a")),
            thread::spawn(move || set(&sets, b'b', b'2')),
        ];
        let found = get(&cache, b'a');
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(get(&cache, b'a'), None);
        found
    });
}

/// The writer evicts what is read, and writes there.
#[test]
fn an_eviction_while_its_victim_is_read() {
    explore("an eviction", [None, Some(b'1')], || {
        let cache = cache::<ClockClear>(1);
        set(&cache, b'a', b'1');
        let sets = cache.clone();
        let writer = thread::spawn(move || set(&sets, b'b', b'2'));
        let found = get(&cache, b'a');
        writer.join().unwrap();
        assert_eq!((get(&cache, b'a'), get(&cache, b'b')), (None, Some(b'2')));
        found
    });
}

/// An item is written in the place of the one with its key.
#[test]
fn an_item_is_overwritten_while_it_is_read() {
    explore("overwriting", [Some(b'1'), Some(b'2')], || {
        let cache = cache::<Never>(1);
        set(&cache, b'a', b'1');
        let sets = cache.clone();
        let writer = thread::spawn(move || set(&sets, b'a', b'2'));
        let found = get(&cache, b'a');
        writer.join().unwrap();
        assert_eq!(get(&cache, b'a'), Some(b'2'));
        found
    });
}

/// Who has read the new value does not read the old one afterwards; and a new item is seen whole.
#[test]
fn an_item_comes_and_does_not_go() {
    let outcomes = [(None, None), (None, Some(b'1')), (Some(b'1'), Some(b'1'))];
    explore_with(1, "a new item", outcomes, || {
        let cache = cache::<Never>(1);
        let sets = cache.clone();
        let writer = thread::spawn(move || set(&sets, b'a', b'1'));
        let found = (get(&cache, b'a'), get(&cache, b'a'));
        writer.join().unwrap();
        assert_eq!(get(&cache, b'a'), Some(b'1'));
        found
    });
}

/// A larger item takes the place of the one with its key, in another size class: one of them is always
/// there.
#[test]
fn an_item_changes_its_class_while_it_is_read() {
    explore_with(2, "another class", [Some(b'1'), Some(b'2')], || {
        let cache = of_sizes::<Never>(2, 32);
        set(&cache, b'a', b'1');
        let large = |cache: &Memc3<Never>, key: &[u8]| {
            let stored = cache.set(key, &[b'2'; 4 * LEN], Options::default());
            assert_eq!(stored, Ok(Outcome::Stored));
        };
        // Both pages are made before: loom does not see what a `OnceLock` orders.
        large(&cache, b"b");
        assert!(cache.remove(b"b"));
        let sets = cache.clone();
        let writer = thread::spawn(move || large(&sets, b"a"));
        let found = get(&cache, b'a');
        writer.join().unwrap();
        assert_eq!(get(&cache, b'a'), Some(b'2'));
        found
    });
}

/// The same without memory for both: the smaller one is alone in its page, which becomes the larger one's.
#[test]
fn an_item_changes_its_class_with_its_page() {
    explore_with(2, "another class of a page", [Some(b'1'), Some(b'2')], || {
        let cache = of_sizes::<Never>(1, 32);
        set(&cache, b'a', b'1');
        let sets = cache.clone();
        let writer = thread::spawn(move || {
            let stored = sets.set(b"a", &[b'2'; 4 * LEN], Options::default());
            assert_eq!(stored, Ok(Outcome::Stored));
        });
        let found = get(&cache, b'a');
        writer.join().unwrap();
        assert_eq!(get(&cache, b'a'), Some(b'2'));
        found
    });
}
