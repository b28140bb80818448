//! The chain of one bucket, for whoever has it to itself: plain sequential code.

use std::fmt;
use std::mem;
use std::ptr;

use crate::meter::Ticket;
use crate::sync::{touch, touch_mut};

/// An entry of a locked table. The same fields as the lock-free table's.
pub(super) struct ChainNode<K, V> {
    next: Chain<K, V>,
    hash: u64,
    key: K,
    value: V,
    _counted: Ticket<ChainNode<K, V>>,
}

/// A singly linked list of entries.
pub struct Chain<K, V>(Option<Box<ChainNode<K, V>>>);

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Chain<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, V> fmt::Debug for ChainNode<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainNode").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl<K, V> Default for Chain<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K, V> Chain<K, V> {
    /// The list that starts with `first`.
    pub(super) fn new(first: Option<Box<ChainNode<K, V>>>) -> Self {
        Self(first)
    }

    /// The list's first node, which owns the others.
    pub(super) fn take_first(&mut self) -> Option<Box<ChainNode<K, V>>> {
        self.0.take()
    }

    /// The first node's address, or null.
    #[inline(always)]
    fn first(&self) -> *const ChainNode<K, V> {
        self.0.as_deref().map_or(ptr::null(), ptr::from_ref)
    }

    /// The value of the key that `matches`, among entries with `hash`.
    pub(super) fn get(&self, hash: u64, matches: impl Fn(&K) -> bool) -> Option<&V> {
        touch(self, self.first());
        let mut chain = self;
        while let Some(node) = &chain.0 {
            touch(&raw const **node, node.next.first());
            if node.hash == hash && matches(&node.key) {
                return Some(&node.value);
            }
            chain = &node.next;
        }
        None
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, hash: u64, matches: impl Fn(&K) -> bool) -> Option<&mut V> {
        touch(self, self.first());
        let mut chain = self;
        while let Some(node) = &mut chain.0 {
            touch(&raw const **node, node.next.first());
            if node.hash == hash && matches(&node.key) {
                touch_mut(&raw const node.value);
                return Some(&mut node.value);
            }
            chain = &mut node.next;
        }
        None
    }

    /// Adds an entry in front. The caller has made sure that its key is absent.
    pub(super) fn push(&mut self, hash: u64, key: K, value: V) {
        let next = Self::default();
        self.push_node(Box::new(ChainNode { next, hash, key, value, _counted: Ticket::new() }));
    }

    /// Takes out the entry whose key `matches`, if `condition` holds of its value.
    pub(super) fn remove_if(
        &mut self,
        hash: u64,
        matches: impl Fn(&K) -> bool,
        condition: impl FnOnce(&V) -> bool,
    ) -> Option<(K, V)> {
        touch(self, self.first());
        let mut chain = self;
        loop {
            let node = chain.0.as_deref()?;
            touch(node, node.next.first());
            if node.hash == hash && matches(&node.key) {
                if !condition(&node.value) {
                    return None;
                }
                break;
            }
            chain = &mut chain.0.as_mut()?.next;
        }
        touch_mut(chain);
        let node = *chain.0.take()?;
        *chain = node.next;
        Some((node.key, node.value))
    }

    /// Adds a node that was taken out of another chain.
    pub(super) fn push_node(&mut self, mut node: Box<ChainNode<K, V>>) {
        touch_mut(self);
        node.next = mem::take(self);
        self.0 = Some(node);
    }

    /// Hands every node, with its hash, to `place`.
    pub(super) fn move_nodes(mut self, mut place: impl FnMut(u64, Box<ChainNode<K, V>>)) {
        while let Some(mut node) = self.0.take() {
            self = mem::take(&mut node.next);
            place(node.hash, node);
        }
    }

    /// The entries, from the first on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut chain = self;
        std::iter::from_fn(move || {
            let node = chain.0.as_ref()?;
            chain = &node.next;
            Some((&node.key, &node.value))
        })
    }
}

impl<K, V> Drop for Chain<K, V> {
    /// One node after the other: the derived recursion would overflow the stack on a long chain.
    fn drop(&mut self) {
        let mut rest = self.0.take();
        while let Some(mut node) = rest {
            rest = node.next.0.take();
        }
    }
}
