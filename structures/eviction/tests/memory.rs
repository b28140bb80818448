//! The arena: every byte is somewhere, chunks do not overlap, and pages go where they are needed.

use std::collections::HashSet;

use eviction::memory::{Arena, Handle, Sizes};
use proptest::prelude::*;
use std::sync::atomic::Ordering;

const PAGE: usize = 1024;
const BOUND: usize = 10 * PAGE + 100;

fn sizes() -> Sizes {
    Sizes::new(48, 1.5, PAGE)
}

/// A chunk with a stamp in each of its words, as an item would be there.
#[derive(Debug)]
struct Taken {
    handle: Handle,
    class: usize,
    slot: u32,
    stamp: u64,
}

fn take(arena: &mut Arena, class: usize, number: u64) -> Option<Taken> {
    let handle = arena.take(class)?;
    let stamp = number << 8 | 1;
    // Relaxed: there is one thread.
    arena.words(handle).iter().for_each(|word| word.store(stamp, Ordering::Relaxed));
    Some(Taken { handle, class, slot: arena.slot_of(handle), stamp })
}

fn check(arena: &Arena, taken: &[Taken]) {
    let usage = arena.usage();
    assert_eq!(usage.total(), BOUND, "{usage:?}");
    let bytes: usize = taken.iter().map(|chunk| arena.sizes().chunk(chunk.class)).sum();
    assert_eq!(usage.taken, bytes);
    let mut slots = HashSet::new();
    for chunk in taken {
        assert_eq!(arena.class_of(chunk.handle), chunk.class);
        assert_eq!(arena.slot_of(chunk.handle), chunk.slot, "a slot is kept");
        assert!((chunk.slot as usize) < arena.slots(chunk.class));
        assert_eq!(arena.at(chunk.class, chunk.slot), Some(chunk.handle));
        assert!(slots.insert((chunk.class, chunk.slot)), "two chunks in a slot");
        let words = arena.words(chunk.handle);
        assert_eq!(words.len() * 8, arena.sizes().chunk(chunk.class));
        assert!(words.iter().all(|word| word.load(Ordering::Relaxed) == chunk.stamp), "{chunk:?}");
    }
    if let Some(chunk) = taken.last() {
        let neighbours = arena.neighbours(chunk.handle);
        assert_eq!(arena.is_alone(chunk.handle), neighbours == [chunk.handle], "{chunk:?}");
    }
    for class in 0..arena.sizes().len() {
        let of_it = |slot: &u32| arena.at(class, *slot).is_some();
        let there = (0..arena.slots(class) as u32).filter(of_it).count();
        assert_eq!(there, arena.taken(class), "slots of class {class}");
        assert!(arena.taken(class) <= arena.capacity(class));
    }
}

#[test]
fn sizes_grow_and_waste_little() {
    for (smallest, growth, page) in [(48, 1.25, 1 << 20), (16, 1.05, 1 << 16), (64, 2.0, 4096)] {
        let sizes = Sizes::new(smallest, growth, page);
        let last = sizes.len() - 1;
        assert_eq!(sizes.chunk(last), page);
        for class in 0..sizes.len() {
            let (chunk, per_page) = (sizes.chunk(class), sizes.per_page(class));
            assert!(chunk.is_multiple_of(8) && chunk * per_page <= page);
            assert!(page - chunk * per_page < 8 * per_page, "wider chunks of class {class} fit");
            if class < last {
                assert!(sizes.chunk(class + 1) > chunk);
            }
            if class + 1 < last {
                // Not more than the factor, the rounding, and the widening of the next.
                let next = page / (sizes.per_page(class + 1) + 1);
                assert!(next <= (chunk as f64 * growth) as usize + 8, "class {class}");
            }
        }
        for bytes in 1..=page + 1 {
            let class = sizes.class_of(bytes);
            assert_eq!(class.is_none(), bytes > page);
            if let Some(class) = class {
                assert!(sizes.chunk(class) >= bytes);
                assert!(class == 0 || sizes.chunk(class - 1) < bytes);
            }
        }
    }
}

/// Each is larger than the one before, and the last is a page.
#[test]
fn sizes_may_grow_by_any_factor_above_one() {
    for growth in [1.0 + f64::EPSILON, 16.0, 1e6, f64::MAX] {
        let sizes = Sizes::new(48, growth, 4096);
        let chunks: Vec<usize> = (0..sizes.len()).map(|class| sizes.chunk(class)).collect();
        assert!(chunks.is_sorted_by(|one, next| one < next), "{growth}: {chunks:?}");
        assert_eq!(chunks.last(), Some(&4096), "{growth}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_byte_is_somewhere(steps in prop::collection::vec((0_usize..100, 0_usize..1000), 1..400)) {
        let mut arena = Arena::new(BOUND, sizes());
        let mut taken = Vec::new();
        for (number, (kind, which)) in steps.into_iter().enumerate() {
            if kind < 60 {
                // Small classes are as frequent as large ones.
                let class = which % arena.sizes().len();
                if let Some(chunk) = take(&mut arena, class, number as u64) {
                    taken.push(chunk);
                } else {
                    prop_assert_eq!(arena.usage().pool, 0, "no chunk, with pages in the pool");
                    prop_assert_eq!(arena.taken(class), arena.capacity(class));
                }
            } else if kind < 95 && !taken.is_empty() {
                let chunk = taken.swap_remove(which % taken.len());
                arena.give_back(chunk.handle);
            } else if let Some(chunk) = taken.get(which % taken.len().max(1)) {
                // A whole page.
                for handle in arena.neighbours(chunk.handle) {
                    arena.give_back(handle);
                    taken.retain(|chunk| chunk.handle != handle);
                }
            }
            check(&arena, &taken);
        }
        for chunk in taken.drain(..) {
            arena.give_back(chunk.handle);
        }
        prop_assert_eq!(arena.usage().pool, 10 * PAGE, "all pages are in the pool");
    }
}

#[test]
fn a_page_goes_to_another_class_when_its_last_chunk_has_gone() {
    let mut arena = Arena::new(BOUND, sizes());
    let small: Vec<Taken> = (0..).map_while(|number| take(&mut arena, 0, number)).collect();
    assert_eq!(small.len(), 10 * arena.sizes().per_page(0));
    let large = arena.sizes().len() - 1;
    assert!(arena.take(large).is_none());
    let page = arena.neighbours(small[0].handle);
    assert_eq!(page.len(), arena.sizes().per_page(0));
    for (index, &handle) in page.iter().enumerate() {
        assert!(arena.take(large).is_none(), "{index} of a page's chunks are free");
        arena.give_back(handle);
    }
    assert!(take(&mut arena, large, 0).is_some());
    assert!(arena.take(large).is_none());
}

#[test]
fn the_idlest_page_was_used_least_recently() {
    let mut arena = Arena::new(BOUND, sizes());
    let chunks: Vec<Taken> = (0..).map_while(|number| take(&mut arena, 1, number)).collect();
    for (now, chunk) in chunks.iter().enumerate() {
        arena.touch(chunk.handle, 100 + now as u64);
    }
    let per_page = arena.sizes().per_page(1);
    let pages: Vec<Vec<Handle>> =
        chunks.chunks(per_page).map(|page| arena.neighbours(page[0].handle)).collect();
    let (found, used) = arena.idlest(1).unwrap();
    assert!(pages[0].contains(&found) && used == 99 + per_page as u64);
    arena.touch(pages[0][1], 1000);
    let (found, used) = arena.idlest(1).unwrap();
    assert!(pages[1].contains(&found) && used == 99 + 2 * per_page as u64);
    assert_eq!(arena.idlest(0), None, "a class without pages");
}

#[test]
#[should_panic(expected = "a chunk that is free is given back")]
fn a_chunk_is_given_back_once() {
    let mut arena = Arena::new(BOUND, sizes());
    let chunks = [1, 2].map(|number| take(&mut arena, 0, number).unwrap());
    arena.give_back(chunks[0].handle);
    arena.give_back(chunks[0].handle);
}

/// A chunk of a cache line's length lies in one line, on every page.
#[test]
fn a_chunk_of_a_line_is_in_one_line() {
    let mut arena = Arena::new(BOUND, Sizes::new(64, 2.0, PAGE));
    let chunks: Vec<Taken> = (0..).map_while(|number| take(&mut arena, 0, number)).collect();
    assert_eq!(chunks.len(), 10 * PAGE / 64);
    for chunk in chunks {
        assert!(arena.words(chunk.handle).as_ptr().addr().is_multiple_of(64));
    }
}
