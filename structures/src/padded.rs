//! An array that grows without moving: each element has cache lines of its own.
//!
//! It is for data that each thread, or each handle, writes for itself: there may be any number of them, and no
//! two share a cache line. The first few elements are in the structure itself; the others are in
//! segments, each as long as all before it, that are allocated when one of their elements is first
//! needed.

use std::fmt;
use std::ptr;

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicPtr, Ordering};

/// Segments that can be added. As each doubles the array, memory ends before they do.
const SEGMENTS: usize = if cfg!(loom) { 4 } else { 40 };

/// An array of which the first `FIRST` elements, a power of two, are there from the start.
///
/// # Invariants
/// * padded-I1. Segment i, from 0, is null or has `FIRST` · 2ⁱ elements, and then it stays; those before it
///   are there.
pub(crate) struct Padded<T, const FIRST: usize> {
    first: [CachePadded<T>; FIRST],
    segments: [AtomicPtr<CachePadded<T>>; SEGMENTS],
}

impl<T: Default, const FIRST: usize> Default for Padded<T, FIRST> {
    fn default() -> Self {
        Self {
            first: std::array::from_fn(|_| CachePadded::default()),
            segments: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }
}

impl<T, const FIRST: usize> fmt::Debug for Padded<T, FIRST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Padded").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The segment of an element that is not among the first `first`, and its place there.
fn place(index: usize, first: usize) -> (usize, usize) {
    let segment = (index / first).ilog2() as usize;
    (segment, index - (first << segment))
}

impl<T, const FIRST: usize> Padded<T, FIRST> {
    /// An array of these elements.
    #[cfg(not(loom))]
    pub(crate) const fn of(first: [CachePadded<T>; FIRST]) -> Self {
        Self { first, segments: [const { AtomicPtr::new(ptr::null_mut()) }; SEGMENTS] }
    }

    /// The elements of a segment; `None` if it has not been added.
    fn segment(&self, segment: usize) -> Option<&[CachePadded<T>]> {
        // Acquire padded-A1: pairs with padded-R1.
        let elements = self.segments.get(segment)?.load(Ordering::Acquire);
        if elements.is_null() {
            return None;
        }
        // SAFETY: padded-I1: so many elements are there, until `self` drops.
        Some(unsafe { std::slice::from_raw_parts(elements, FIRST << segment) })
    }

    /// An element; `None` if the array is not that long. Wait-free.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index < FIRST { Some(&self.first[index]) } else { self.get_added(index) }
    }

    #[inline(never)]
    fn get_added(&self, index: usize) -> Option<&T> {
        let (segment, at) = place(index, FIRST);
        self.segment(segment).map(|elements| &*elements[at])
    }

    /// The number of elements: a power of two. Wait-free, O(log of it).
    ///
    /// An element that [`get_or_add`](Self::get_or_add) has returned before this call, in program order or by fences,
    /// is included in it.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // Acquire padded-A1: pairs with padded-R1.
        let is_there =
            |segment: &&AtomicPtr<CachePadded<T>>| !segment.load(Ordering::Acquire).is_null();
        FIRST << self.segments.iter().take_while(is_there).count()
    }

    /// All elements, in order. Wait-free.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let added = (0..).map_while(|segment| self.segment(segment));
        self.first.iter().chain(added.flatten()).map(|element| &**element)
    }
}

impl<T: Default, const FIRST: usize> Padded<T, FIRST> {
    /// An element. The array grows to hold it, if need be: lock-free except for the allocator, else
    /// wait-free.
    ///
    /// # Panics
    ///
    /// If there can be no such array: it would not fit in memory.
    pub(crate) fn get_or_add(&self, index: usize) -> &T {
        self.get(index).unwrap_or_else(|| self.add(index))
    }

    #[cold]
    fn add(&self, index: usize) -> &T {
        let (last, at) = place(index, FIRST);
        assert!(last < SEGMENTS, "element {index} is beyond the longest array");
        (0..=last).for_each(|segment| self.add_segment(segment));
        &self.segment(last).expect("just added")[at]
    }

    /// Adds a segment, unless it is there.
    fn add_segment(&self, segment: usize) {
        // Relaxed: a glance.
        if !self.segments[segment].load(Ordering::Relaxed).is_null() {
            return;
        }
        let elements: Box<[CachePadded<T>]> =
            (0..FIRST << segment).map(|_| CachePadded::default()).collect();
        let mine: *mut CachePadded<T> = Box::into_raw(elements).cast();
        let none = ptr::null_mut();
        let to = &self.segments[segment];
        // Release padded-R1: publishes the elements; pairs with padded-A1. Relaxed on failure: who reads
        // it loads it by padded-A1.
        if to.compare_exchange(none, mine, Ordering::Release, Ordering::Relaxed).is_err() {
            // SAFETY: from `Box` just above, and not stored.
            unsafe { free(mine, FIRST << segment) };
        }
    }
}

/// # Safety
///
/// `elements` came from a box of `len` elements, and nobody uses it any more.
unsafe fn free<T>(elements: *mut CachePadded<T>, len: usize) {
    let elements = ptr::slice_from_raw_parts_mut(elements, len);
    // SAFETY: the caller's.
    drop(unsafe { Box::from_raw(elements) });
}

impl<T, const FIRST: usize> Drop for Padded<T, FIRST> {
    fn drop(&mut self) {
        for (segment, elements) in self.segments.iter().enumerate() {
            // Relaxed: `&mut self` orders it.
            let elements = elements.load(Ordering::Relaxed);
            if !elements.is_null() {
                // SAFETY: padded-I1; `&mut self`: nobody has a reference.
                unsafe { free(elements, FIRST << segment) };
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::thread;

    use super::*;

    #[test]
    fn elements_are_told_apart_and_stay() {
        let padded: Padded<AtomicUsize, 4> = Padded::default();
        assert_eq!((padded.len(), padded.iter().count()), (4, 4));
        let mut places = HashSet::new();
        for index in 0..5000 {
            let element = padded.get_or_add(index);
            assert_eq!(element.swap(index + 1, Relaxed), 0, "{index} is another's");
            assert!(places.insert(ptr::from_ref(element).addr() / 64), "{index} shares a line");
            assert!(padded.len() > index && padded.len().is_power_of_two());
        }
        for index in 0..5000 {
            assert_eq!(padded.get(index).map(|element| element.load(Relaxed)), Some(index + 1));
        }
        let in_order = padded.iter().map(|element| element.load(Relaxed));
        assert!(in_order.take(5000).eq(1..=5000), "in order");
        assert_eq!((padded.len(), padded.iter().count()), (8192, 8192));
        assert!(padded.get(8192).is_none());
    }

    #[test]
    fn the_last_may_come_first() {
        let padded: Padded<AtomicUsize, 2> = Padded::default();
        padded.get_or_add(1000).store(7, Relaxed);
        assert_eq!(padded.len(), 1024, "and those before it");
        assert_eq!(padded.iter().map(|element| element.load(Relaxed)).sum::<usize>(), 7);
    }

    #[test]
    fn all_add_the_same_segments() {
        let padded: &Padded<AtomicUsize, 1> = &Padded::default();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    (0..600).for_each(|index| {
                        padded.get_or_add(index).fetch_add(1, Relaxed);
                    })
                });
            }
        });
        assert!(padded.iter().take(600).all(|element| element.load(Relaxed) == 8));
    }
}
