//! Retired nodes of any type, as our own schemes keep them until they may be freed.

use std::fmt;
use std::sync::PoisonError;

use super::{Node, Payload, Reclaimer};
use crate::sync::Mutex;

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

/// What threads that left could not free yet; any other thread may take it over. `T` is a
/// [`Retired`] with what the scheme has noted about it.
pub(super) struct Orphans<T>(Mutex<Vec<T>>);

impl<T> Default for Orphans<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> fmt::Debug for Orphans<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orphans").finish_non_exhaustive()
    }
}

impl<T> Orphans<T> {
    /// Leaves `left` to others.
    pub(super) fn leave(&self, left: &mut Vec<T>) {
        if !left.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).append(left);
        }
    }

    /// Takes over what others left, unless somebody has the list right now.
    pub(super) fn adopt(&self, into: &mut Vec<T>) {
        if let Ok(mut left) = self.0.try_lock() {
            into.append(&mut left);
        }
    }

    /// All that is left, for the domain's drop.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}
