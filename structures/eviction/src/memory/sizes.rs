//! Size classes: which chunk an item of a size gets.
//!
//! J. Bonwick, *The Slab Allocator*, USENIX Summer 1994, in the form of memcached: the sizes grow by a
//! factor. A chunk is then widened as far as the number of chunks in a page stays the same, so what
//! a page has left over at its end is less than a word for each chunk.

use std::sync::Arc;

use crate::words::WORD;

/// The sizes of chunks, in ascending order; the last is a whole page. A clone is the same sizes, and takes no memory.
#[derive(Clone, Debug)]
pub struct Sizes {
    chunks: Arc<[usize]>,
    /// How many of them are in a page: each lookup asks, and a division takes longer.
    per_page: Arc<[usize]>,
    page: usize,
}

impl Sizes {
    /// Sizes from `smallest` on, each `growth` times the one before or more, in pages of `page` bytes.
    ///
    /// # Panics
    ///
    /// Unless `smallest` and `page` are multiples of 8, 8 ≤ `smallest` ≤ `page`, and `growth` > 1.
    #[must_use]
    pub fn new(smallest: usize, growth: f64, page: usize) -> Self {
        assert!(page.is_multiple_of(WORD) && smallest.is_multiple_of(WORD), "sizes in words");
        assert!((WORD..=page).contains(&smallest), "chunks of {smallest} bytes in {page}");
        assert!(growth > 1.0 && growth.is_finite(), "sizes that grow by {growth}");
        let mut chunks = Vec::new();
        let mut size = smallest;
        while size <= page {
            let widest = page / (page / size) / WORD * WORD;
            chunks.push(widest);
            // Not beyond a page, however fast they grow.
            let grown = ((widest as f64 * growth) as usize).min(page);
            size = grown.max(widest + 1).next_multiple_of(WORD);
        }
        if chunks.last() != Some(&page) {
            chunks.push(page);
        }
        let per_page = chunks.iter().map(|chunk| page / chunk).collect();
        Self { chunks: chunks.into(), per_page, page }
    }

    /// The class of the smallest chunk with room for `bytes`; `None` if a page has not. O(log classes).
    #[inline]
    #[must_use]
    pub fn class_of(&self, bytes: usize) -> Option<usize> {
        let class = self.chunks.partition_point(|&chunk| chunk < bytes);
        (class < self.chunks.len()).then_some(class)
    }

    /// Bytes of a chunk of this class.
    #[inline]
    #[must_use]
    pub fn chunk(&self, class: usize) -> usize {
        self.chunks[class]
    }

    /// Chunks of this class in a page.
    #[inline]
    #[must_use]
    pub fn per_page(&self, class: usize) -> usize {
        self.per_page[class]
    }

    /// How many classes there are: one or more.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page(&self) -> usize {
        self.page
    }
}
