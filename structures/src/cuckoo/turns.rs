//! Displacements and iterations take turns: an entry must not move past an iteration.

use std::sync::PoisonError;

use crate::owner::{Act, act_inside, inside, waits_for_itself};
use crate::sync::ShardedLock;

/// A lock that displacements share and an iteration has alone. A thread that has it, and whose user
/// code needs it again, does not wait for itself.
#[derive(Debug, Default)]
pub(super) struct Turns(ShardedLock<()>);

impl Turns {
    /// Runs `displace` in a turn of displacements; `None` if this thread iterates.
    pub(super) fn displace<T>(&self, displace: impl FnOnce() -> T) -> Option<T> {
        match act_inside(self) {
            Some(Act::Iterating) => None,
            Some(_) => Some(displace()),
            None => {
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
            Some(_) => waits_for_itself(),
            None => {
                let _alone = self.0.write().unwrap_or_else(PoisonError::into_inner);
                inside(self, Act::Iterating, iterate)
            }
        }
    }
}
