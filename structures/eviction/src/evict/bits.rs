//! A bit for each slot, 64 in a word.

use super::Hits;
use super::segments::SegmentedArray;
use crate::sync::Arc;
use crate::sync::hints::{AtomicU64, Ordering};

/// Bits that threads set together, and that one of them makes more of at times. They are hints: no
/// access orders anything, and all are relaxed.
#[derive(Debug, Default)]
pub struct Bits(SegmentedArray<AtomicU64>);

fn place(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

impl Bits {
    /// Makes a bit for each slot, or says that there is no memory for it. A slot without one is never hit.
    pub(super) fn resize(&self, slots: usize) -> bool {
        self.0.grow(slots.div_ceil(64))
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Sets the bit. Returns whether it wrote: it does not if the bit is set, so the line of a hot slot's
    /// bit stays shared between the caches of all who read it.
    #[inline]
    pub(super) fn set(&self, slot: u32) -> bool {
        let (index, bit) = place(slot);
        let Some(word) = self.0.get(index) else { return false };
        let is_clear = word.load(Ordering::Relaxed) & bit == 0;
        if is_clear {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        is_clear
    }

    /// Clears the bit and returns what it was.
    pub(super) fn take(&self, slot: u32) -> bool {
        let (index, bit) = place(slot);
        let Some(word) = self.0.get(index) else { return false };
        let was_set = word.load(Ordering::Relaxed) & bit != 0;
        if was_set {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
        was_set
    }
}

impl Hits for Arc<Bits> {
    #[inline]
    fn hit(&self, slot: u32) -> bool {
        self.set(slot)
    }
}
