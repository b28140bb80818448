//! A persistent hash trie: an update copies the path to its leaf and shares the rest.
//!
//! P. Bagwell, *Ideal hash trees*, EPFL 2001, for the trie; M. Steindorfer, J. Vinju, *Optimizing
//! hash-array mapped tries*, OOPSLA 2015, for keeping it canonical under removal. Departures:
//! leaves are separate nodes, so that copying a branch runs no user code; a draft changes the nodes
//! that it has made in place, so that a batch of updates copies a node once.
//!
//! `find` takes O(log₃₂ n) steps, expected; an update copies as many nodes. With equal hashes both
//! are O(number of those). The [`Sharing`] decides when nodes are freed.
//!
//! # Invariants
//! * hamt-I1. Below a branch there are two leaves at least; in a bucket all hashes are equal.
//! * hamt-I2. A draft changes and frees only nodes that are its own: only the draft reaches such a node, and
//!   the branches on the way are its own too.
//! * hamt-I3. The only user code that an edit runs is the `Drop` of what the draft itself has made, which
//!   cannot reach the draft: keys are compared, and cloned, before the edit.

mod bundles;
mod edit;
mod iter;
mod node;
mod sharing;

use std::{fmt, ptr};

pub use self::iter::{Change, Iter};
pub use self::sharing::{Bundled, Counted, Sharing};

use self::node::{BITS, Child, Kind, Leaf, Nodes, bit};
use self::sharing::Leaving;
use super::map::{Binding, MapObject, MapOp, Outcome};
use super::{Sequential, Version};
use crate::meter::Event;
use crate::sync::{FIRST, touch, touch_bytes};

/// A version of a hash trie.
pub struct Hamt<K, V, P: Sharing = Bundled> {
    root: Option<Child<K, V, P::Mark>>,
    len: usize,
    /// The stamp of the last binding.
    clock: u64,
    /// One more than that of the version that it was forked from.
    number: u64,
    held: P::Held<K, V>,
    state: State<K, V, P>,
}

// SAFETY: what a version holds may be sent and shared if keys and values may: its nodes, and by the
// sharing's contract what that holds.
unsafe impl<K: Send + Sync, V: Send + Sync, P: Sharing> Send for Hamt<K, V, P> {}
// SAFETY: as above.
unsafe impl<K: Send + Sync, V: Send + Sync, P: Sharing> Sync for Hamt<K, V, P> {}

/// Who has a version.
enum State<K, V, P: Sharing> {
    /// Its maker, who has replaced these nodes so far.
    Draft(Vec<Child<K, V, P::Mark>>),
    /// Everybody.
    Published,
    /// A clone's owner: it follows no other version and is followed by none.
    Clone,
}

/// The nodes that a sealed version has replaced.
pub struct Residue<K, V, P: Sharing> {
    nodes: Nodes<K, V, P::Mark>,
    held: P::Held<K, V>,
}

impl<K, V, P: Sharing> Hamt<K, V, P> {
    /// An empty trie.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: None,
            len: 0,
            clock: FIRST,
            number: FIRST,
            held: P::first(),
            state: State::Draft(Vec::new()),
        }
    }

    /// Gives up a way to the node `at`, and frees what only it led to.
    fn leave(at: Child<K, V, P::Mark>, why: Leaving, event: Event) {
        // SAFETY: the way to it that is given up kept it alive until now.
        if P::leave(unsafe { at.mark() }, why) {
            if !at.is_leaf() {
                // SAFETY: a branch; nobody else has it, or the last version ends.
                for child in unsafe { at.children() } {
                    Self::leave(*child, why, event);
                }
            }
            // SAFETY: as above.
            unsafe { at.free(event) };
        }
    }
}

impl<K: Eq + Clone, V: Clone, P: Sharing> Sequential for Hamt<K, V, P> {
    type Op = MapOp<K, V>;
    type Out = Outcome<V>;

    /// # Panics
    ///
    /// If it is sealed: others may read it.
    fn apply(&mut self, op: &MapOp<K, V>) -> Outcome<V> {
        assert!(!matches!(self.state, State::Published), "a sealed version does not change");
        match op {
            MapOp::Insert { hash, key, value } => {
                if self.find(*hash, |other| other == key).is_some() {
                    return Outcome::Refused;
                }
                let (key, value, stamp) = (key.clone(), value.clone(), self.stamp());
                let leaf = self.leaf(Binding { hash: *hash, stamp, key, value });
                self.root = Some(match self.root {
                    Some(root) => self.add(root, 0, *hash, leaf),
                    None => leaf,
                });
                self.len += 1;
                Outcome::Added
            }
            MapOp::Remove { hash, key, stamp: expected } => {
                let found = self.find(*hash, |other| other == key);
                let is_meant = |found: &&Binding<K, V>| {
                    expected.is_none_or(|expected| found.stamp == expected)
                };
                let Some(found) = found.filter(is_meant) else {
                    return Outcome::Refused;
                };
                let (stamp, old) = (found.stamp, found.value.clone());
                self.root = self.root.and_then(|root| self.take(root, 0, *hash, stamp));
                self.len -= 1;
                Outcome::Replaced(old)
            }
            MapOp::Replace { hash, key, stamp: expected, value } => {
                let found = self.find(*hash, |other| other == key);
                let Some(found) = found.filter(|found| found.stamp == *expected) else {
                    return Outcome::Refused;
                };
                let old = found.value.clone();
                let (key, value, stamp) = (found.key.clone(), value.clone(), self.stamp());
                let leaf = self.leaf(Binding { hash: *hash, stamp, key, value });
                self.root = self.root.map(|root| self.swap(root, 0, *hash, *expected, leaf));
                Outcome::Replaced(old)
            }
        }
    }

    fn answer(&self, op: &MapOp<K, V>) -> Option<Outcome<V>> {
        op.is_refused_by(self).then_some(Outcome::Refused)
    }
}

impl<K: Eq + Clone, V: Clone, P: Sharing> MapObject for Hamt<K, V, P> {
    type Key = K;
    type Value = V;

    const PROGRESS_IS_TESTED: bool = true;

    #[inline]
    fn find(&self, hash: u64, is_key: impl FnMut(&K) -> bool) -> Option<&Binding<K, V>> {
        let root = self.root?;
        touch(&raw const self.root, root.address().as_ptr());
        // SAFETY: a version's nodes are neither freed nor changed while it is borrowed.
        unsafe { find_below(root, 0, hash, is_key) }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn for_each(&self, f: impl FnMut(&Binding<K, V>)) {
        self.iter().for_each(f);
    }
}

/// The binding of `hash`, below `at`, at depth `shift / BITS`, whose key `is_key`.
///
/// # Safety
///
/// What is below `at` is neither freed nor changed during `'v`.
#[inline]
unsafe fn find_below<'v, K, V, M: 'v>(
    mut at: Child<K, V, M>,
    mut shift: u32,
    hash: u64,
    mut is_key: impl FnMut(&K) -> bool,
) -> Option<&'v Binding<K, V>> {
    loop {
        // SAFETY: by this function's contract.
        match unsafe { at.kind() } {
            Kind::Leaf(Leaf { binding, .. }) => {
                return (binding.hash == hash && is_key(&binding.key)).then_some(binding);
            }
            Kind::Branch(branch) => {
                let bit = bit(hash, shift);
                if branch.bitmap & bit == 0 {
                    if branch.is_bucket() {
                        // SAFETY: by this function's contract; a bucket.
                        return unsafe { find_in(at, hash, is_key) };
                    }
                    return None;
                }
                // SAFETY: the bitmap has the bit; otherwise as above.
                at = unsafe { at.child(branch.index(bit)) };
                shift += BITS;
            }
        }
    }
}

/// [`find_below`] in a bucket.
///
/// # Safety
///
/// That `at` is one, and as there.
#[cold]
unsafe fn find_in<'v, K, V, M: 'v>(
    at: Child<K, V, M>,
    hash: u64,
    mut is_key: impl FnMut(&K) -> bool,
) -> Option<&'v Binding<K, V>> {
    // SAFETY: by this function's contract.
    unsafe { at.children() }.iter().find_map(|leaf| match unsafe { leaf.kind() } {
        Kind::Leaf(Leaf { binding, .. }) if binding.hash == hash && is_key(&binding.key) => {
            Some(binding)
        }
        _ => None,
    })
}

// SAFETY: only a draft's own nodes are changed (hamt-I2); those that a published version leads to live
// as long as it does, by the sharing's contract.
unsafe impl<K: Eq + Clone, V: Clone, P: Sharing> Version for Hamt<K, V, P> {
    type Residue = Residue<K, V, P>;

    const KEEPS_LATER: bool = P::KEEPS_LATER;

    unsafe fn fork(&self) -> Self {
        touch_bytes(ptr::from_ref(self), size_of::<Self>());
        if let Some(root) = self.root {
            // SAFETY: `self` leads to it.
            P::share(unsafe { root.mark() });
        }
        let number = self.number + 1;
        Self {
            root: self.root,
            len: self.len,
            clock: self.clock,
            number,
            held: P::next(&self.held, number),
            state: State::Draft(Vec::with_capacity(8)),
        }
    }

    unsafe fn seal(&mut self) -> Residue<K, V, P> {
        let nodes = match std::mem::replace(&mut self.state, State::Published) {
            State::Draft(replaced) => replaced,
            State::Published | State::Clone => Vec::new(),
        };
        Residue { nodes: Nodes(nodes), held: self.held }
    }

    unsafe fn replaced(&self, Residue { nodes, held }: Residue<K, V, P>) {
        for node in &nodes.0 {
            // SAFETY: `self` leads to it, and is not retired yet.
            unsafe { node.count_retired() };
        }
        // SAFETY: by this function's contract, once; a fork's edits noted every node that they
        // took out of it, and no later version gets at those.
        unsafe { P::replaced(&self.held, held, nodes) };
    }

    unsafe fn abandon(&mut self, residue: Residue<K, V, P>) {
        self.state = State::Draft(residue.nodes.0);
    }

    unsafe fn end(&mut self) {
        if let Some(root) = self.root.take() {
            Self::leave(root, Leaving::End, Event::Dropped);
        }
    }
}

impl<K, V> Clone for Hamt<K, V, Counted> {
    /// An independent copy. O(1).
    fn clone(&self) -> Self {
        touch_bytes(ptr::from_ref(self), size_of::<Self>());
        if let Some(root) = self.root {
            // SAFETY: `self` leads to it.
            Counted::share(unsafe { root.mark() });
        }
        Self { held: (), state: State::Clone, ..*self }
    }
}

impl<K, V, P: Sharing> Drop for Hamt<K, V, P> {
    fn drop(&mut self) {
        if let Some(root) = self.root {
            let (why, event) = match self.state {
                State::Draft(_) => (Leaving::Draft(self.number), Event::Discarded),
                State::Published | State::Clone => (Leaving::Shared, Event::Dropped),
            };
            Self::leave(root, why, event);
        }
        if matches!(self.state, State::Draft(_)) && self.number > FIRST {
            // SAFETY: a fork; what is a draft has not been installed.
            unsafe { P::discarded(self.held) };
        } else {
            // SAFETY: sealed and hence installed, by the contract of `seal` and `abandon`, or the first;
            // the last of a line drops last, by that of `fork`.
            unsafe { P::dropped(self.held) };
        }
    }
}

impl<K, V, P: Sharing> Default for Hamt<K, V, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V, P: Sharing> fmt::Debug for Hamt<K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hamt")
            .field("sharing", &P::NAME)
            .field("len", &self.len)
            .field("version", &self.number)
            .finish_non_exhaustive()
    }
}

impl<K, V, P: Sharing> fmt::Debug for Residue<K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Residue").field(&self.nodes).finish()
    }
}
