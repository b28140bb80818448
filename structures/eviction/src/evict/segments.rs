//! Arrays that grow while threads read them.

use std::sync::OnceLock;

use crate::memory::try_boxed;

/// Elements of the first segment.
const FIRST: usize = 64;

/// Each has twice as many as the one before: enough for an element for each of 2³² slots.
const SEGMENTS: usize = 27;

/// An array of atomics in segments, of which each is twice as large as the one before, so that none ever
/// moves: readers need no lock and announce nothing. About half of it is unused at most.
#[derive(Debug)]
pub(super) struct SegmentedArray<T>([OnceLock<Box<[T]>>; SEGMENTS]);

impl<T> Default for SegmentedArray<T> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; SEGMENTS])
    }
}

/// Elements of a segment.
const fn size(segment: usize) -> usize {
    FIRST << segment
}

/// The first element of a segment.
const fn begin(segment: usize) -> usize {
    size(segment) - FIRST
}

impl<T: Default> SegmentedArray<T> {
    /// Makes `len` elements or more; false if the system has no memory for them. One thread at a time does.
    pub(super) fn grow(&self, len: usize) -> bool {
        let mut needed = self.0.iter().enumerate().take_while(|&(segment, _)| begin(segment) < len);
        needed.all(|(segment, elements)| {
            let make = || try_boxed(size(segment), |_| T::default());
            elements.get().is_some() || make().is_some_and(|made| elements.set(made).is_ok())
        })
    }

    /// The element, if it is there.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let segment = ((index + FIRST).ilog2() - FIRST.ilog2()) as usize;
        self.0.get(segment)?.get()?.get(index - begin(segment))
    }

    /// Bytes of the elements and of what leads to them.
    pub(super) fn bytes(&self) -> usize {
        let elements: usize = self.0.iter().filter_map(OnceLock::get).map(|made| made.len()).sum();
        size_of::<Self>() + elements * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ptr;

    use super::*;

    #[test]
    fn each_index_has_an_element_of_its_own_which_stays_where_it_is() {
        let array = SegmentedArray::<u64>::default();
        let mut places = BTreeSet::new();
        let mut before = 0;
        for len in [1, 64, 65, 192, 193, 5000] {
            assert!(array.grow(len));
            for index in before..len {
                assert!(places.insert(ptr::from_ref(array.get(index).unwrap())), "{index}");
            }
            let all: BTreeSet<_> = (0..len).map(|i| ptr::from_ref(array.get(i).unwrap())).collect();
            assert_eq!(all, places, "up to {len}");
            before = len;
        }
        assert!(array.get(64 * 127 - 1).is_some() && array.get(64 * 127).is_none());
        assert_eq!(array.bytes(), size_of_val(&array) + 64 * 127 * 8);
    }
}
