//! The bucket array of a split-ordered list: it doubles without moving a node.
//!
//! O. Shalev, N. Shavit, *Split-ordered lists: lock-free extensible hash tables*, JACM 2006.
//! All entries are in one list, sorted by the bits of their hash in reverse. In that order the
//! entries of bucket `i` of `n` are adjacent, and when `n` doubles they split in place into
//! those of `i` and of `i + n`. A bucket is an entry point to the list, just before its entries: a
//! *sentinel* in the list.
//!
//! Departures: sentinels are not list nodes but the words of the bucket array themselves, so that
//! a lookup does not pay one more dependent cache miss. Hence a tag bit in each link says whether it
//! points to a node or to a sentinel. A bucket that is not ready is passed over, in favour of the
//! one from which it will be split, so that no thread waits for the one that makes it ready.
//!
//! The array is in segments that double and never move. The first one has the table's initial
//! size: a lookup in a table that has not grown since reads only that segment.
//!
//! # A bucket's word
//! * null: no operation has used the bucket yet.
//! * [`PENDING`] set: a thread is making it ready; it may be in the list already, but is not yet an entry point.
//! * else: ready, for ever. The word is the link to the first node or sentinel after it.
//!
//! A thread that changes a pending word has found it in the list, so the bucket may become ready at that moment.

use std::ptr;

use crate::cuckoo::GrowError;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// In a link: it leads to a sentinel (a bucket's word) or, with a null address, to the end.
pub(super) const SENTINEL: usize = 0b010;
/// In a bucket's word: not yet to be used as an entry.
pub(super) const PENDING: usize = 0b100;

// A link may lead to a bucket's word, whose address must leave the tags free.
const _: () = assert!(align_of::<AtomicPtr<()>>() > SENTINEL | PENDING, "words of eight bytes");

/// The first segment, and each doubling.
const SEGMENTS: usize = usize::BITS as usize;

/// Place in the list of an entry with `hash`; odd, so that no sentinel has the same.
#[inline]
pub(super) fn entry_order(hash: u64) -> u64 {
    hash.reverse_bits() | 1
}

/// Place in the list of bucket `index`, before all of its entries.
#[inline]
pub(super) fn sentinel_order(index: usize) -> u64 {
    (index as u64).reverse_bits()
}

/// The bucket that `index` is split from.
#[inline]
fn parent(index: usize) -> usize {
    debug_assert_ne!(index, 0, "bucket 0 is the start of the list");
    index & !(1 << index.ilog2())
}

/// The link to the end of the list.
fn end<N>() -> *mut N {
    ptr::without_provenance_mut(SENTINEL)
}

/// Bucket words, and how many are in use.
pub(super) struct Buckets<N> {
    len: AtomicUsize,
    base_bits: u32,
    segments: [AtomicPtr<AtomicPtr<N>>; SEGMENTS],
}

/// A way into the list.
pub(super) struct Entrance<'b, N> {
    /// The nearest ready bucket at or before the place looked for.
    pub(super) link: &'b AtomicPtr<N>,
    /// Number of buckets for which `link` is the bucket itself, not an ancestor; else 0.
    pub(super) exact_for: usize,
}

impl<N> Buckets<N> {
    /// `count` ready buckets (a power of two) of an empty list.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub(super) fn try_new(count: usize) -> Result<Self, GrowError> {
        debug_assert!(count.is_power_of_two());
        let segments = [const { ptr::null_mut() }; SEGMENTS].map(AtomicPtr::new);
        let base_bits = count.ilog2();
        let words = new_segment(count);
        if words.is_null() {
            let bytes = count.saturating_mul(size_of::<AtomicPtr<N>>());
            return Err(GrowError::AllocFailed { bytes });
        }
        // Relaxed, here and below: not shared yet.
        segments[0].store(words, Ordering::Relaxed);
        let buckets = Self { len: AtomicUsize::new(count), base_bits, segments };
        let index_at = |place: usize| place.reverse_bits() >> (usize::BITS - base_bits);
        for place in 0..count - 1 {
            let next = ptr::from_ref(buckets.word(index_at(place + 1))).cast_mut().cast::<N>();
            let link = next.map_addr(|address| address | SENTINEL);
            buckets.word(index_at(place)).store(link, Ordering::Relaxed);
        }
        buckets.word(index_at(count - 1)).store(end(), Ordering::Relaxed);
        Ok(buckets)
    }

    /// The number of buckets.
    #[inline]
    pub(super) fn len(&self) -> usize {
        // Acquire split_order-A1: pairs with split_order-R1 in `double`; the segments for so many
        // buckets are there.
        self.len.load(Ordering::Acquire)
    }

    /// The word of bucket `index`, below a `len` that this thread has seen.
    #[inline]
    pub(super) fn word(&self, index: usize) -> &AtomicPtr<N> {
        let (segment, offset) = self.place(index);
        // Relaxed: by split_order-A1 what `double` stored before split_order-R1 is visible.
        let words = self.segments[segment].load(Ordering::Relaxed);
        debug_assert!(!words.is_null(), "bucket {index} of {}", self.len());
        // SAFETY: the segment is not null as `index < len`, and has more than `offset` words.
        let word = unsafe { words.add(offset) };
        // SAFETY: the segment lives as long as `self`, and is only ever shared.
        unsafe { &*word }
    }

    #[inline]
    fn place(&self, index: usize) -> (usize, usize) {
        let doublings = index >> self.base_bits;
        if doublings == 0 {
            return (0, index);
        }
        let segment = doublings.ilog2() as usize + 1;
        (segment, index - (1 << (self.base_bits as usize + segment - 1)))
    }

    /// Words in `segment`.
    fn segment_len(&self, segment: usize) -> usize {
        1 << (self.base_bits as usize + segment.saturating_sub(1))
    }

    #[inline]
    fn ready(word: *mut N) -> bool {
        !word.is_null() && word.addr() & PENDING == 0
    }

    /// The nearest ready bucket at or before the place of `hash`. Wait-free: at most one step a
    /// doubling.
    #[inline]
    pub(super) fn entrance(&self, hash: u64) -> Entrance<'_, N> {
        let len = self.len();
        let index = hash as usize & (len - 1);
        let link = self.word(index);
        // Acquire: pairs with the Release that made the bucket ready; it is in the list.
        if Self::ready(link.load(Ordering::Acquire)) {
            return Entrance { link, exact_for: len };
        }
        self.ancestor(index)
    }

    #[cold]
    fn ancestor(&self, mut index: usize) -> Entrance<'_, N> {
        loop {
            index = parent(index);
            let link = self.word(index);
            // Acquire: as in `entrance`.
            if Self::ready(link.load(Ordering::Acquire)) {
                return Entrance { link, exact_for: 0 };
            }
        }
    }

    /// Undertakes to make bucket `index` ready, unless somebody has; true for the one thread
    /// that now must put it into the list and call [`make_ready`](Self::make_ready).
    pub(super) fn claim(&self, index: usize) -> bool {
        let pending = ptr::without_provenance_mut(PENDING);
        // Relaxed: the claim publishes nothing; the word is in no list yet.
        self.word(index)
            .compare_exchange(ptr::null_mut(), pending, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Of the bucket of `hash` and those that it is split from, the outermost that nobody has
    /// claimed, if the bucket is not ready.
    pub(super) fn missing_ancestor(&self, hash: u64) -> Option<usize> {
        let mut missing = None;
        let mut index = hash as usize & (self.len() - 1);
        // Relaxed: `claim` decides.
        while !Self::ready(self.word(index).load(Ordering::Relaxed)) {
            if self.word(index).load(Ordering::Relaxed).is_null() {
                missing = Some(index);
            }
            index = parent(index);
        }
        missing
    }

    /// Lets operations enter by bucket `index`, which its claimant has put into the list.
    pub(super) fn make_ready(&self, index: usize) {
        // Release: pairs with the Acquire in `entrance`; who enters here finds it linked.
        crate::sync::clear_bits(self.word(index), PENDING, Ordering::Release);
    }

    /// The place in the list of the bucket whose word `sentinel` is. O(doublings): for the
    /// traversals that pass over sentinels, which only a growth causes.
    #[cold]
    pub(super) fn order_of(&self, sentinel: *const AtomicPtr<N>) -> u64 {
        for segment in 0..SEGMENTS {
            // Relaxed: whoever linked the sentinel had seen its segment, and we have the link
            // from there by Acquire.
            let words = self.segments[segment].load(Ordering::Relaxed);
            let offset = sentinel.addr().wrapping_sub(words.addr()) / size_of::<AtomicPtr<N>>();
            if !words.is_null() && offset < self.segment_len(segment) {
                let first = if segment == 0 { 0 } else { self.segment_len(segment) };
                return sentinel_order(first + offset);
            }
        }
        unreachable!("a sentinel is a word of the bucket array");
    }

    /// Doubles the number of buckets if it is still `from`. The new ones are not ready. Lock-free
    /// except for the allocator.
    ///
    /// # Errors
    ///
    /// There is no memory for them: there are as many buckets as before.
    pub(super) fn double(&self, from: usize) -> Result<(), GrowError> {
        let segment = (from >> self.base_bits).ilog2() as usize + 1;
        let doubled = from.checked_mul(2).ok_or(GrowError::CapacityOverflow)?;
        // Acquire: the segment may be another thread's, and split_order-R1 must pass it on; pairs with
        // the Release below.
        if self.segments[segment].load(Ordering::Acquire).is_null() {
            let words = new_segment(from);
            let none = ptr::null_mut();
            if words == none {
                let bytes = from.saturating_mul(size_of::<AtomicPtr<N>>());
                return Err(GrowError::AllocFailed { bytes });
            }
            // Release: publishes the words, as split_order-R1 may be another thread's. Acquire on
            // failure: as above.
            if self.segments[segment]
                .compare_exchange(none, words, Ordering::Release, Ordering::Acquire)
                .is_err()
            {
                // SAFETY: `new_segment` made it, and it was not published.
                unsafe { free_segment(words, from) };
            }
        }
        // Release split_order-R1: publishes the segment; pairs with split_order-A1.
        let _ = self.len.compare_exchange(from, doubled, Ordering::Release, Ordering::Relaxed);
        Ok(())
    }
}

impl<N> Drop for Buckets<N> {
    fn drop(&mut self) {
        for segment in 0..SEGMENTS {
            let words = self.segments[segment].load(Ordering::Relaxed);
            if !words.is_null() {
                // SAFETY: `new_segment` made it, and `&mut self`: nobody reads it.
                unsafe { free_segment(words, self.segment_len(segment)) };
            }
        }
    }
}

/// `len` null words, or null if there is no memory for them. From the allocator's zeroed pages where
/// the platform has them, so that a growth does not touch the memory it adds.
#[cfg(not(any(loom, shuttle)))]
fn new_segment<N>(len: usize) -> *mut AtomicPtr<N> {
    use std::alloc::{Layout, alloc_zeroed};
    let Ok(layout) = Layout::array::<AtomicPtr<N>>(len) else { return ptr::null_mut() };
    // SAFETY: `len` is at least 1, so the layout is not empty.
    unsafe { alloc_zeroed(layout) }.cast()
}

/// `len` null words: a model checker's are no zeros.
#[cfg(any(loom, shuttle))]
fn new_segment<N>(len: usize) -> *mut AtomicPtr<N> {
    let words: Box<[AtomicPtr<N>]> = (0..len).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
    Box::into_raw(words).cast()
}

/// # Safety
///
/// `words` came from `new_segment(len)`, and nobody uses it any more.
unsafe fn free_segment<N>(words: *mut AtomicPtr<N>, len: usize) {
    let slice = ptr::slice_from_raw_parts_mut(words, len);
    // SAFETY: allocated by the global allocator with the layout of such a slice; each word is
    // initialised, as zero is a null pointer's representation.
    drop(unsafe { Box::from_raw(slice) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_split_in_place() {
        // Entries of bucket 1 of 2 are those of buckets 1 and 3 of 4, in that order.
        let in_order =
            |hashes: &[u64]| hashes.windows(2).all(|w| entry_order(w[0]) < entry_order(w[1]));
        assert!(in_order(&[0b00, 0b10, 0b01, 0b11]));
        for index in 1..64_usize {
            let entries = (0..64).filter(|hash| hash % 64 == index as u64).map(entry_order);
            assert!(sentinel_order(index) < entries.min().unwrap());
            assert!(sentinel_order(parent(index)) < sentinel_order(index));
        }
    }

    #[test]
    fn sentinels_know_their_place() {
        let buckets = Buckets::<u64>::try_new(4).unwrap();
        buckets.double(4).unwrap();
        buckets.double(8).unwrap();
        assert_eq!(buckets.len(), 16);
        for index in 0..16 {
            assert_eq!(buckets.order_of(buckets.word(index)), sentinel_order(index), "{index}");
        }
    }

    #[test]
    fn doubling_from_a_stale_size_does_nothing() {
        let buckets = Buckets::<u64>::try_new(4).unwrap();
        buckets.double(4).unwrap();
        buckets.double(4).unwrap();
        assert_eq!(buckets.len(), 8);
        buckets.double(8).unwrap();
        buckets.double(4).unwrap();
        assert_eq!(buckets.len(), 16);
    }

    #[test]
    fn an_unready_bucket_is_entered_by_its_ancestor() {
        let buckets = Buckets::<u64>::try_new(4).unwrap();
        buckets.double(4).unwrap();
        let entrance = buckets.entrance(0b110);
        assert!(ptr::eq(entrance.link, buckets.word(0b010)));
        assert_eq!(entrance.exact_for, 0);
        assert_eq!(buckets.missing_ancestor(0b110), Some(0b110));
        assert!(buckets.claim(0b110));
        assert!(!buckets.claim(0b110), "claimed twice");
        assert!(ptr::eq(buckets.entrance(0b110).link, buckets.word(0b010)), "entered too early");
        buckets
            .word(0b110)
            .store(ptr::without_provenance_mut(SENTINEL | PENDING), Ordering::Relaxed);
        buckets.make_ready(0b110);
        assert!(ptr::eq(buckets.entrance(0b110).link, buckets.word(0b110)));
        assert_eq!(buckets.entrance(0b110).exact_for, 8);
    }
}
