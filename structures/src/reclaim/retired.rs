//! Retired nodes of any type, as our own schemes keep them until they may be freed.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use super::{Node, Payload, Reclaimer};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// A retired node and how to free it.
pub(super) struct Retired {
    node: *mut (),
    reclaim: unsafe fn(*mut ()),
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Retired").field(&self.node).finish()
    }
}

// SAFETY: `new` takes nodes whose payload is `Send`, and a node's header is `Send` too; a
// `Retired` is the only owner of its node.
unsafe impl Send for Retired {}

impl Retired {
    /// Takes a node over and counts it as retired.
    ///
    /// # Safety
    ///
    /// That of [`super::Guard::retire`].
    pub(super) unsafe fn new<R: Reclaimer, T: Payload + Send>(node: *mut Node<R, T>) -> Self {
        // SAFETY: reclaim-D2: retired only here, so not freed yet.
        unsafe { &*node }.count_retired();
        let reclaim = |node: *mut ()| {
            // SAFETY: `reclaim` below passes on what `new` was given, once, under its contract.
            unsafe { Node::reclaim(node.cast::<Node<R, T>>()) }
        };
        Self { node: node.cast(), reclaim }
    }

    /// The node's address, as links hold it.
    pub(super) fn address(&self) -> usize {
        self.node.addr()
    }

    /// Frees the node.
    ///
    /// # Safety
    ///
    /// reclaim-S1: no guard can hold the node.
    pub(super) unsafe fn reclaim(self) {
        // SAFETY: by this function's contract and `new`'s nobody else has the node, and `self`
        // is gone afterwards.
        unsafe { (self.reclaim)(self.node) }
    }
}

/// What dropped participants could not free yet, in the order of the drops; any other thread may take it
/// over. `T` is a [`Retired`], or a batch of them, with what the scheme has recorded about it.
///
/// It has cache lines of its own: threads look here whenever they free, and nearly always there is nothing.
/// Then they read one word that no thread writes, and do not take the lock.
#[repr(align(128))]
pub(super) struct Orphans<T> {
    /// Whether `list` is not empty. Written by the holder of the lock, when it is done.
    any: AtomicBool,
    list: Mutex<VecDeque<T>>,
}

impl<T> Default for Orphans<T> {
    fn default() -> Self {
        Self { any: AtomicBool::new(false), list: Mutex::default() }
    }
}

impl<T> fmt::Debug for Orphans<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orphans").finish_non_exhaustive()
    }
}

impl<T> Orphans<T> {
    /// The list, once nobody else has it.
    pub(super) fn lock(&self) -> OrphansLock<'_, T> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        OrphansLock { any: &self.any, list }
    }

    /// The list, unless it is empty or another thread has locked it. A thread that has just learned of another
    /// participant's drop may still find it empty, but not for long if it calls again.
    pub(super) fn try_lock(&self) -> Option<OrphansLock<'_, T>> {
        // Relaxed: a hint. What is in the list is ordered by its lock.
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let list = self.list.try_lock().ok()?;
        Some(OrphansLock { any: &self.any, list })
    }

    /// Leaves `left` to other threads.
    pub(super) fn leave(&self, left: &mut Vec<T>) {
        if !left.is_empty() {
            self.lock().extend(left.drain(..));
        }
    }

    /// Takes over what others left, if [`try_lock`](Self::try_lock) gets it.
    pub(super) fn adopt(&self, into: &mut Vec<T>) {
        if let Some(mut left) = self.try_lock() {
            into.extend(left.drain(..));
        }
    }

    /// All that is left, for the domain's drop.
    pub(super) fn take(&mut self) -> VecDeque<T> {
        std::mem::take(self.list.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

/// [`Orphans`], locked until this drops.
pub(super) struct OrphansLock<'o, T> {
    any: &'o AtomicBool,
    list: MutexGuard<'o, VecDeque<T>>,
}

impl<T> Deref for OrphansLock<'_, T> {
    type Target = VecDeque<T>;

    fn deref(&self) -> &VecDeque<T> {
        &self.list
    }
}

impl<T> DerefMut for OrphansLock<'_, T> {
    fn deref_mut(&mut self) -> &mut VecDeque<T> {
        &mut self.list
    }
}

impl<T> Drop for OrphansLock<'_, T> {
    fn drop(&mut self) {
        // Relaxed: as in `try_lock`. The lock, which is still held, orders those who write it.
        self.any.store(!self.list.is_empty(), Ordering::Relaxed);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn orphans_have_lines_of_their_own() {
        assert!(align_of::<Orphans<u8>>() >= 128);
    }
}
