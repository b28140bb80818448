//! A domain's version, and which version each participant has announced.

use std::fmt;

use crossbeam_utils::CachePadded;

use super::registry::{Registry, Taken};
use crate::sync::{AtomicU64, FIRST, Ordering};

/// The announcement of a participant that delays nothing: later than every version.
pub(super) const AWAY: u64 = u64::MAX;

/// A participant's announcement.
#[derive(Debug)]
pub(super) struct Slot(AtomicU64);

impl Default for Slot {
    fn default() -> Self {
        Self(AtomicU64::new(AWAY))
    }
}

impl Slot {
    #[inline(always)]
    pub(super) fn announce(&self, version: u64) {
        // Release announcements-V1: pairs with announcements-V1 in `oldest`. It lets go of all that the
        // participant held until now. Each announcement does: who reads one has not read those before it.
        self.0.store(version, Ordering::Release);
    }
}

/// The version only grows, by one at a time; 64 bits do not wrap.
pub(super) struct Announcements {
    pub(super) current: CachePadded<AtomicU64>,
    slots: Registry<Slot>,
}

impl Default for Announcements {
    fn default() -> Self {
        Self { current: CachePadded::new(AtomicU64::new(FIRST)), slots: Registry::default() }
    }
}

impl fmt::Debug for Announcements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcements").field("current", &self.current).finish_non_exhaustive()
    }
}

impl Announcements {
    /// A slot that has [`AWAY`], and must have it again when it is given back.
    pub(super) fn slot(&self) -> Taken<'_, Slot> {
        self.slots.take()
    }

    /// The oldest version that is announced, or [`AWAY`].
    pub(super) fn oldest(&self) -> u64 {
        // Acquire announcements-V1: pairs with announcements-V1 in `announce`.
        let announced = self.slots.iter().map(|slot| slot.0.load(Ordering::Acquire));
        announced.min().unwrap_or(AWAY)
    }
}
