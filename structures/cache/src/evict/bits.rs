//! A bit for each slot, 64 in a word.

use crate::sync::{AtomicU64, Ordering};

/// Bits that threads set together. They are hints: no access orders anything, and all are relaxed.
#[derive(Debug, Default)]
pub(super) struct Bits(Vec<AtomicU64>);

fn place(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

impl Bits {
    pub(super) fn resize(&mut self, slots: usize) {
        self.0.resize_with(slots.div_ceil(64), || AtomicU64::new(0));
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }

    /// Sets the bit. Returns whether it wrote: it does not if the bit is set, so the line of a hot slot's
    /// bit stays shared between the caches of all who read it.
    #[inline]
    pub(super) fn set(&self, slot: u32) -> bool {
        let (word, bit) = place(slot);
        let is_clear = self.0[word].load(Ordering::Relaxed) & bit == 0;
        if is_clear {
            self.0[word].fetch_or(bit, Ordering::Relaxed);
        }
        is_clear
    }

    /// Clears the bit and returns what it was.
    pub(super) fn take(&self, slot: u32) -> bool {
        let (word, bit) = place(slot);
        let was_set = self.0[word].load(Ordering::Relaxed) & bit != 0;
        if was_set {
            self.0[word].fetch_and(!bit, Ordering::Relaxed);
        }
        was_set
    }
}
