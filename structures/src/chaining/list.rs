//! Michael's lock-free sorted list: nodes, links, and the cursor that every operation moves.
//!
//! Invariants and linearization points: the table's, see `lock_free.rs`. Nodes are protected hand
//! over hand in two slots; a node that is found marked is unlinked before the cursor goes on
//! (Michael's `find`), so that each step starts from a link that was unmarked when its target was
//! protected, which is what hazard pointers need.

use super::split_order::{PENDING, SENTINEL};
use crate::reclaim::{Guard, Node, Owned, Payload, Reclaimer, TAG_BITS};
use crate::sync::{AtomicPtr, Ordering};

/// In a node's link: the node is logically removed.
pub(super) const MARK: usize = 0b001;

/// What a list node holds.
pub(super) struct Entry<R: Reclaimer, K, V> {
    pub(super) next: Link<R, K, V>,
    /// Place in the list: [`entry_order`](super::split_order::entry_order) of the hash.
    pub(super) order: u64,
    pub(super) key: K,
    pub(super) value: V,
}

impl<R: Reclaimer, K, V> Payload for Entry<R, K, V> {}

pub(super) type ListNode<R, K, V> = Node<R, Entry<R, K, V>>;

/// Leads to a node, a sentinel or the end; its low bits are [`MARK`], [`SENTINEL`], [`PENDING`].
pub(super) type Link<R, K, V> = AtomicPtr<ListNode<R, K, V>>;

pub(super) fn has<N>(link: *mut N, bit: usize) -> bool {
    link.addr() & bit != 0
}

pub(super) fn with<N>(link: *mut N, bits: usize) -> *mut N {
    link.map_addr(|address| address | bits)
}

pub(super) fn without<N>(link: *mut N, bits: usize) -> *mut N {
    link.map_addr(|address| address & !bits)
}

/// A place in the list: a link, and what it held.
pub(super) struct Cursor<R: Reclaimer, K, V> {
    /// The link: of a sentinel, or of a node protected in the slot that is not `slot`.
    pub(super) link: *const Link<R, K, V>,
    /// What it held when its target, if a node, was already protected in `slot`.
    pub(super) held: *mut ListNode<R, K, V>,
    slot: usize,
}

impl<R: Reclaimer, K, V> Clone for Cursor<R, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Reclaimer, K, V> Copy for Cursor<R, K, V> {}

/// What a cursor stands before.
pub(super) enum Ahead<'n, R: Reclaimer, K, V> {
    /// A node that was not marked: L1.
    Live(&'n Entry<R, K, V>),
    Sentinel(*const Link<R, K, V>),
    End,
    /// The cursor's own node was removed: start again.
    Lost,
}

impl<R: Reclaimer, K, V> Cursor<R, K, V> {
    /// Before the first node or sentinel after a link of a sentinel (I4).
    #[inline]
    pub(super) fn enter(guard: &mut impl Guard<R>, link: &Link<R, K, V>) -> Self {
        Self { link, held: guard.protect(0, link), slot: 0 }
    }

    /// Moves past the live node ahead, whose link is `link`.
    #[inline]
    pub(super) fn pass_node(&mut self, guard: &mut impl Guard<R>, link: &Link<R, K, V>) {
        // The node stays protected in the old slot; the one before it no longer needs to be.
        self.slot ^= 1;
        self.link = link;
        self.held = guard.protect(self.slot, link);
    }

    /// Moves past the sentinel ahead.
    pub(super) fn pass_sentinel(&mut self, guard: &mut impl Guard<R>, link: *const Link<R, K, V>) {
        self.link = link;
        // SAFETY: I4: a sentinel's word.
        self.held = guard.protect(self.slot, unsafe { &*link });
    }

    /// The node ahead; only if `held` leads to one.
    pub(super) fn node(&self) -> *mut ListNode<R, K, V> {
        without(self.held, TAG_BITS)
    }

    /// Looks ahead, and unlinks marked nodes until there is none (Michael's `find`, D1–D9).
    #[inline]
    pub(super) fn look<'n>(&mut self, guard: &mut impl Guard<R>) -> Ahead<'n, R, K, V>
    where
        K: Send,
        V: Send,
    {
        loop {
            if has(self.held, MARK) {
                return Ahead::Lost;
            }
            let node = self.node();
            if has(self.held, SENTINEL) {
                return if node.is_null() { Ahead::End } else { Ahead::Sentinel(node.cast()) };
            }
            // SAFETY: I5: protected in `slot`, and `held` was unmarked. Callers use the reference
            // only until the slot is used again, twice `pass_node` from here.
            let entry: &'n Entry<R, K, V> = unsafe { &*node.cast_const() };
            // Acquire: pairs with the Release of L2, L3 and `unlink`; the successor's contents are
            // visible to whoever gets it from the link that we may store it to.
            let next = entry.next.load(Ordering::Acquire);
            if !has(next, MARK) {
                return Ahead::Live(entry);
            }
            if !self.unlink(guard, without(next, MARK)) {
                return Ahead::Lost;
            }
            // SAFETY: as in `unlink`.
            self.held = guard.protect(self.slot, unsafe { &*self.link });
        }
    }

    /// Unlinks the marked node ahead, whose link leads to `successor`, and retires it; false if
    /// the link has changed.
    pub(super) fn unlink(
        &self,
        guard: &mut impl Guard<R>,
        successor: *mut ListNode<R, K, V>,
    ) -> bool
    where
        K: Send,
        V: Send,
    {
        let successor = with(successor, self.held.addr() & PENDING);
        // SAFETY: a sentinel's word (I4), or the link of a node that is still protected.
        let link = unsafe { &*self.link };
        // Release: passes on the successor's contents, which we have by Acquire. Relaxed on
        // failure: the value is not used.
        if link
            .compare_exchange(self.held, successor, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        // SAFETY: I3: our CAS unlinked it, so we alone retire it.
        unsafe { guard.retire(self.node()) };
        true
    }

    /// L2: links `node` before what is ahead; gives it back if the link has changed.
    pub(super) fn link_before(
        &self,
        mut node: Owned<R, Entry<R, K, V>>,
    ) -> Result<(), Owned<R, Entry<R, K, V>>> {
        node.next = Link::new(without(self.held, PENDING));
        let node = node.publish();
        let held = with(node, self.held.addr() & PENDING);
        // SAFETY: a sentinel's word (I4), or the link of a node that is still protected.
        let link = unsafe { &*self.link };
        // Release: publishes the node; pairs with the Acquire in `protect`. L2.
        match link.compare_exchange(self.held, held, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            // SAFETY: from `publish` just above, and not stored.
            Err(_) => Err(unsafe { Owned::unpublished(node) }),
        }
    }
}
