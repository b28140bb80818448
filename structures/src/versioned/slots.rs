//! Numbers for threads: each handle of a construction has one below 64 to itself.

use crate::sync::{AtomicU64, Ordering};

/// Handles that may exist at once. Few where schedules are explored, so that turns come round.
pub(super) const MOST: usize = if cfg!(shuttle) { 8 } else { 64 };

/// Which numbers are taken.
#[derive(Debug)]
pub(super) struct Slots(AtomicU64);

impl Slots {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The lowest number that nobody has.
    ///
    /// # Panics
    ///
    /// If all are taken.
    pub(super) fn take(&self) -> usize {
        let lowest_free =
            |taken: u64| (taken.trailing_ones() < MOST as u32).then(|| taken | (taken + 1));
        // Acquire T1: pairs with T2; what the number's last holder did comes first.
        match self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free) {
            Ok(before) => before.trailing_ones() as usize,
            Err(_) => panic!("{MOST} handles exist already, the most that this construction takes"),
        }
    }

    /// Gives a number back.
    pub(super) fn give_back(&self, slot: usize) {
        // Release T2: pairs with T1.
        self.0.fetch_and(!(1 << slot), Ordering::Release);
    }
}
