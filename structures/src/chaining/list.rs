//! Michael's lock-free sorted list: nodes, links, and the cursor that every operation moves.
//!
//! The invariants and linearization points are those of the table, in `lock_free/mod.rs`. Nodes are
//! protected hand over hand in two slots. A node that is found marked is unlinked before the cursor
//! moves on (Michael's `find`). So each step starts from a link that was unmarked when its target
//! was protected, as hazard pointers require.

use super::split_order::{PENDING, SENTINEL};
use crate::reclaim::{Guard, Node, Owned, Payload, Reclaimer, TAG_BITS};
use crate::sync::{AtomicPtr, Ordering};

/// In a node's link: the node is logically removed.
pub(super) const MARK: usize = 0b001;

/// The slot for the successor of a node that is being replaced; 0 and 1 are the cursor's.
const SUCCESSOR_SLOT: usize = 2;

/// The payload of a list node.
pub(super) struct Entry<R: Reclaimer, K, V> {
    pub(super) next: Link<R, K, V>,
    /// Place in the list: [`entry_order`](super::split_order::entry_order) of the hash.
    pub(super) order: u64,
    pub(super) key: K,
    pub(super) value: V,
}

impl<R: Reclaimer, K, V> Payload for Entry<R, K, V> {}

pub(super) type ListNode<R, K, V> = Node<R, Entry<R, K, V>>;

/// Points to a node, a sentinel or the end; its low bits are [`MARK`], [`SENTINEL`], [`PENDING`].
pub(super) type Link<R, K, V> = AtomicPtr<ListNode<R, K, V>>;

#[inline]
pub(super) fn has<N>(link: *mut N, bit: usize) -> bool {
    link.addr() & bit != 0
}

#[inline]
pub(super) fn with<N>(link: *mut N, bits: usize) -> *mut N {
    link.map_addr(|address| address | bits)
}

#[inline]
pub(super) fn without<N>(link: *mut N, bits: usize) -> *mut N {
    link.map_addr(|address| address & !bits)
}

/// A place in the list: a link, and what it held.
///
/// It has the guard to itself, so that what it protects stays protected while anything borrowed
/// from it is in use. Invariants:
///
/// * list-C1. `link` is a sentinel's word, or the link of a node that is protected in the slot of 0 and
///   1 that is not `slot`.
/// * list-C2. If `held` is unmarked and leads to a node, that node is protected in `slot` since a
///   moment at which it was in the list (lock_free-I5).
pub(super) struct Cursor<'c, R: Reclaimer, K, V, G> {
    guard: &'c mut G,
    link: *const Link<R, K, V>,
    held: *mut ListNode<R, K, V>,
    slot: usize,
}

/// The part of the list in front of a cursor.
pub(super) enum Ahead<'n, R: Reclaimer, K, V> {
    /// A node that was not marked: lock_free-L1.
    Live(&'n Entry<R, K, V>),
    /// A sentinel; only its address is of use.
    Sentinel(*const Link<R, K, V>),
    End,
    /// The cursor's own node was removed: start again.
    Lost,
}

impl<'c, R: Reclaimer, K: Send, V: Send, G: Guard<R>> Cursor<'c, R, K, V, G> {
    /// Before the first node or sentinel after `sentinel`, which must be a sentinel's word, as
    /// those live as long as the table (lock_free-I4).
    #[inline]
    pub(super) fn enter(guard: &'c mut G, sentinel: &Link<R, K, V>) -> Self {
        let held = guard.protect(0, sentinel);
        Self { guard, link: sentinel, held, slot: 0 }
    }

    /// [`enter`](Self::enter), with the same guard.
    #[inline]
    pub(super) fn enter_again(&mut self, sentinel: &Link<R, K, V>) {
        self.link = sentinel;
        self.held = self.guard.protect(self.slot, sentinel);
    }

    /// Gives the guard back.
    #[inline]
    pub(super) fn into_guard(self) -> &'c mut G {
        self.guard
    }

    #[inline]
    fn link(&self) -> &Link<R, K, V> {
        // SAFETY: list-C1; a sentinel's word lives as long as the table (lock_free-I4).
        unsafe { &*self.link }
    }

    /// The address that `held` leads to.
    #[inline]
    fn target(&self) -> *mut ListNode<R, K, V> {
        without(self.held, TAG_BITS)
    }

    /// The entry of the node ahead, if `held` leads to one.
    #[inline]
    pub(super) fn entry(&self) -> Option<&Entry<R, K, V>> {
        if has(self.held, MARK | SENTINEL) {
            return None;
        }
        // SAFETY: list-C2.
        Some(unsafe { &*self.target().cast_const() })
    }

    /// Looks ahead, and unlinks marked nodes until there is none (Michael's `find`).
    #[inline]
    pub(super) fn look(&mut self) -> Ahead<'_, R, K, V> {
        loop {
            if has(self.held, MARK) {
                return Ahead::Lost;
            }
            if has(self.held, SENTINEL) {
                let target = self.target();
                return if target.is_null() { Ahead::End } else { Ahead::Sentinel(target.cast()) };
            }
            // SAFETY: list-C2.
            let entry = unsafe { &*self.target().cast_const() };
            // Acquire: pairs with the Release of lock_free-L2, lock_free-L3 and `unlink`; the
            // successor's contents are visible to whoever gets it from the link to which we may store
            // it.
            let next = entry.next.load(Ordering::Acquire);
            if !has(next, MARK) {
                return Ahead::Live(entry);
            }
            if !self.unlink(without(next, MARK)) {
                return Ahead::Lost;
            }
            self.reload();
        }
    }

    /// Moves past the node or sentinel ahead.
    #[inline]
    pub(super) fn pass(&mut self) {
        let target = self.target();
        if has(self.held, SENTINEL) && !target.is_null() {
            self.link = target.cast_const().cast();
        } else if let Some(entry) = self.entry() {
            self.link = &raw const entry.next;
            // The node stays protected; the one before it no longer needs to be (list-C1).
            self.slot ^= 1;
        }
        self.reload();
    }

    /// Reads the link anew (list-C2).
    #[inline]
    fn reload(&mut self) {
        // SAFETY: list-C1, as in `link`; not through it, as the guard is needed at the same time.
        self.held = self.guard.protect(self.slot, unsafe { &*self.link });
    }

    /// Protects the successor of the node ahead in a slot of its own, and returns the link to it.
    #[inline]
    pub(super) fn protect_successor(&mut self) -> Option<*mut ListNode<R, K, V>> {
        let next = &raw const self.entry()?.next;
        // SAFETY: list-C2: the node stays protected, in another slot.
        Some(self.guard.protect(SUCCESSOR_SLOT, unsafe { &*next }))
    }

    /// Unlinks the node ahead, whose link is marked and leads to `successor`, and retires it; false
    /// if the cursor's link has changed. The node stays protected: `look` alone goes on from here,
    /// and a remover need not pay for protecting a successor that it does not look at.
    #[inline]
    pub(super) fn unlink(&mut self, successor: *mut ListNode<R, K, V>) -> bool {
        // The successor's contents, which we have by Acquire, are passed on.
        if !self.swing(successor) {
            return false;
        }
        // SAFETY: lock_free-I3: our CAS unlinked it, so we alone retire it.
        unsafe { self.guard.retire(self.target()) };
        true
    }

    /// lock_free-L2: links `node` before what is ahead; gives it back if the cursor's link has changed.
    #[inline]
    pub(super) fn link_before(
        &self,
        mut node: Owned<R, Entry<R, K, V>>,
    ) -> Result<(), Owned<R, Entry<R, K, V>>> {
        node.next = Link::new(without(self.held, PENDING));
        let node = node.publish();
        // Release lock_free-L2, in `swing`: publishes the node; pairs with the Acquire in `look`.
        if self.swing(node) {
            return Ok(());
        }
        // SAFETY: from `publish` just above, and not stored.
        Err(unsafe { Owned::unpublished(node) })
    }

    /// Links a bucket's `word`, which the caller has claimed, as a sentinel before what is ahead;
    /// false if the cursor's link has changed.
    pub(super) fn link_sentinel(&self, word: &Link<R, K, V>) -> bool {
        // Relaxed: nobody reads it before the CAS puts it into the list.
        word.store(with(self.held, PENDING), Ordering::Relaxed);
        let sentinel = std::ptr::from_ref(word).cast_mut().cast();
        self.swing(with(sentinel, SENTINEL))
    }

    /// Lets the cursor's link lead to `target` if it has not changed.
    #[inline]
    fn swing(&self, target: *mut ListNode<R, K, V>) -> bool {
        // Release: publishes what `target` leads to; pairs with the Acquire in `protect`. Relaxed
        // on failure: the value is not used.
        self.link()
            .compare_exchange(self.held, target, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}
