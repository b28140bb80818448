//! Numbers for handles: each handle of a construction has a number below 64 of its own.

use crate::numbers::Numbers;

/// Handles that may exist at once. Few where schedules are explored, so that turns come round.
pub(super) const MOST: usize = if cfg!(shuttle) { 8 } else { 64 };

/// Which numbers are taken.
#[derive(Debug)]
pub(super) struct HandleSlots(Numbers<{ MOST as u32 }>);

impl HandleSlots {
    pub(super) fn new() -> Self {
        Self(Numbers::default())
    }

    /// The lowest number that nobody has.
    ///
    /// # Panics
    ///
    /// If all are taken.
    pub(super) fn take(&self) -> usize {
        self.0.take().unwrap_or_else(|| {
            panic!("{MOST} handles exist already, the most that this construction takes")
        })
    }

    /// Gives a number back.
    pub(super) fn give_back(&self, slot: usize) {
        self.0.give_back(slot);
    }
}
