//! Small numbers that threads take and give back. Two threads never have the same number at once.

use crate::sync::{AtomicU64, Ordering};

/// The numbers below `MOST`, at most 64: a bit each, set while the number is taken.
///
/// Taking one and giving it back are lock-free.
#[derive(Debug, Default)]
pub(crate) struct Numbers<const MOST: u32>(pub(crate) AtomicU64);

impl<const MOST: u32> Numbers<MOST> {
    /// The lowest number that nobody has; `None` if all are taken.
    pub(crate) fn take(&self) -> Option<usize> {
        const { assert!(MOST <= u64::BITS, "a bit each") };
        let lowest_free = |taken: u64| (taken.trailing_ones() < MOST).then(|| taken | (taken + 1));
        // Acquire numbers-T1: pairs with numbers-T2; what the number's last holder did comes first.
        let before = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free).ok()?;
        Some(before.trailing_ones() as usize)
    }

    /// Gives a number back.
    pub(crate) fn give_back(&self, number: usize) {
        // Release numbers-T2: pairs with numbers-T1.
        self.0.fetch_and(!(1 << number), Ordering::Release);
    }
}
