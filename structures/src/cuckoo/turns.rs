//! Displacements and iterations take turns: an entry must not move past an iteration.

use std::sync::{PoisonError, TryLockError};

use crate::owner::{Act, act_inside, inside, is_anywhere, waits_for_itself};
use crate::sync::ShardedLock;

/// A lock that displacements share and an iteration holds exclusively. Eight words of it are for the displacing
/// threads ([`ShardedLock`]): with more than eight, some share a cache line that they write. A displacement is rare,
/// and takes some hundred instructions. A thread that holds the lock, and whose user
/// code needs it again, does not wait for itself. (A lock of which this is the first field has the same address, but
/// other acts.)
#[derive(Debug, Default)]
pub(super) struct Turns(ShardedLock<()>);

impl Turns {
    /// Runs `displace` in a turn of displacements; `None` if this thread iterates, or if it would have to
    /// wait for an iteration while it iterates another table: that one may wait for this one.
    pub(super) fn displace<T>(&self, displace: impl FnOnce() -> T) -> Option<T> {
        match act_inside(self) {
            Some(Act::Iterating) => None,
            Some(Act::Displacing) => Some(displace()),
            _ if is_anywhere(Act::Iterating) => {
                let _shared = match self.0.try_read() {
                    Ok(shared) => shared,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => return None,
                };
                Some(inside(self, Act::Displacing, displace))
            }
            _ => {
                let _shared = self.0.read().unwrap_or_else(PoisonError::into_inner);
                Some(inside(self, Act::Displacing, displace))
            }
        }
    }

    /// Runs `iterate` in a turn of its own, or in that of the iteration around it.
    ///
    /// # Panics
    ///
    /// If this thread displaces: it would wait for itself.
    pub(super) fn iterate<T>(&self, iterate: impl FnOnce() -> T) -> T {
        match act_inside(self) {
            Some(Act::Iterating) => iterate(),
            Some(Act::Displacing) => waits_for_itself(),
            _ => {
                let _alone = self.0.write().unwrap_or_else(PoisonError::into_inner);
                inside(self, Act::Iterating, iterate)
            }
        }
    }
}
