//! A persistent hash trie: an update copies the path to its leaf and shares the rest.
//!
//! P. Bagwell, *Ideal hash trees*, EPFL 2001, for the trie; M. Steindorfer, J. Vinju, *Optimizing
//! hash-array mapped tries*, OOPSLA 2015, for keeping it canonical under removal. Departures:
//! leaves are nodes of their own, so that copying a branch runs no code of the user's; what a draft
//! has made it changes in place, so that a batch of updates copies a node once.
//!
//! `find` takes O(log₃₂ n) steps, expected; an update copies as many nodes. With equal hashes both
//! are O(number of those). When nodes are freed is the [`Sharing`]'s business.
//!
//! # Invariants
//! * I1. Below a branch there are two leaves at least; in a bucket all hashes are equal.
//! * I2. A draft changes and frees only nodes that are its own: not only is such a node reached by
//!   it alone, the branches on the way are its own too.
//! * I3. Edits run no code of the user's: keys are compared, and cloned, before.

mod iter;
mod node;
mod sharing;

use std::fmt;

pub use self::iter::{Change, Iter};
pub use self::sharing::{Bundled, Counted, Sharing};

use self::sharing::{Leaving, Nodes};

use self::node::{BITS, Branch, Child, Kind, Leaf, bit};
use super::map::{Binding, MapObject, MapOp, Outcome};
use super::{Sequential, Version};
use crate::meter::Event;

/// A version of a hash trie.
pub struct Hamt<K, V, P: Sharing = Bundled> {
    root: Option<Child<K, V, P>>,
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
    Draft(Vec<Child<K, V, P>>),
    /// Everybody.
    Published,
    /// A clone's owner: it follows no other version and is followed by none.
    Clone,
}

/// What a sealed version has replaced.
pub struct Residue<K, V, P: Sharing> {
    nodes: Nodes<K, V, P>,
    held: P::Held<K, V>,
}

impl<K, V, P: Sharing> Hamt<K, V, P> {
    /// An empty trie.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: None,
            len: 0,
            clock: 0,
            number: 0,
            held: Default::default(),
            state: State::Draft(Vec::new()),
        }
    }

    /// Gives up a way to the node `at`, and frees what only it led to.
    fn leave(at: Child<K, V, P>, why: Leaving, event: Event) {
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

/// Edits of a draft. All of them are given nodes to which the draft leads by nodes of its own, and
/// that live as long as it does: they are its own, or the version's that it was forked from, which
/// lasts by the contract of [`Version::fork`]. Nobody else leads to its own: a version is not forked
/// before it is sealed, and not edited after that (`apply` sees to it).
impl<K, V, P: Sharing> Hamt<K, V, P> {
    /// What becomes of a node that this draft has made and frees.
    fn fate(&self) -> Event {
        if matches!(self.state, State::Clone) { Event::Dropped } else { Event::Discarded }
    }

    /// Asked once for a node: others may leave it meanwhile, and a second answer be another.
    fn is_mine(&self, at: Child<K, V, P>) -> bool {
        // SAFETY: see above.
        P::is_mine(unsafe { at.mark() }, self.number)
    }

    /// A version before this one leads to the node, this one no longer.
    fn note_replaced(&mut self, at: Child<K, V, P>) {
        if let State::Draft(replaced) = &mut self.state {
            replaced.push(at);
        }
    }

    /// Takes a node out to which the draft's root, or a branch of its own, led; its children, if it
    /// is `mine`, have found another place.
    fn discard(&mut self, at: Child<K, V, P>, mine: bool) {
        if mine {
            // SAFETY: I2.
            unsafe { at.free(self.fate()) };
        } else {
            self.note_replaced(at);
            Self::leave(at, Leaving::Shared, self.fate());
        }
    }

    /// The children of a branch that is about to give way to another with the same children, but
    /// for that at `without`. Unless it is `mine` the branch goes on leading to them, too.
    fn inherit<'n>(
        &self,
        at: Child<K, V, P>,
        mine: bool,
        without: Option<usize>,
    ) -> &'n [Child<K, V, P>] {
        // SAFETY: a branch; see above. It is discarded when the slice is not used any more.
        let children = unsafe { at.children() };
        if !mine {
            let kept = children.iter().enumerate().filter(|(index, _)| without != Some(*index));
            for (_, child) in kept {
                // SAFETY: see above; `at` keeps it alive.
                P::share(unsafe { child.mark() });
            }
        }
        children
    }

    fn leaf(&self, binding: Binding<K, V>) -> Child<K, V, P> {
        Child::leaf(P::mark(self.number), binding)
    }

    fn branch(&self, bitmap: u32, pieces: [&[Child<K, V, P>]; 3]) -> Child<K, V, P> {
        Child::branch(P::mark(self.number), bitmap, pieces)
    }

    /// The branch `at` if it is the draft's own, else a copy that is.
    fn own(&mut self, at: Child<K, V, P>, bitmap: u32) -> Child<K, V, P> {
        if self.is_mine(at) {
            return at;
        }
        let copy = self.branch(bitmap, [self.inherit(at, false, None), &[], &[]]);
        self.discard(at, false);
        copy
    }

    /// The branch `at`, now with `bitmap`, with `child` before the child at `index`.
    fn with_child(
        &mut self,
        at: Child<K, V, P>,
        bitmap: u32,
        index: usize,
        child: Child<K, V, P>,
    ) -> Child<K, V, P> {
        let mine = self.is_mine(at);
        let (before, after) = self.inherit(at, mine, None).split_at(index);
        let more = self.branch(bitmap, [before, &[child], after]);
        self.discard(at, mine);
        more
    }

    /// The branch `at`, now with `bitmap`, without its child at `index`, a leaf; or its other
    /// child, if that is a leaf and the only one (I1).
    fn without_child(&mut self, at: Child<K, V, P>, bitmap: u32, index: usize) -> Child<K, V, P> {
        let mine = self.is_mine(at);
        let children = self.inherit(at, mine, Some(index));
        let (taken, before, after) = (children[index], &children[..index], &children[index + 1..]);
        let less = match (before, after) {
            ([only], []) | ([], [only]) if only.is_leaf() => *only,
            _ => self.branch(bitmap, [before, &[], after]),
        };
        if mine {
            let taken_is_mine = self.is_mine(taken);
            self.discard(taken, taken_is_mine);
        } else {
            // By `at`, which leads to it still, it is given up.
            self.note_replaced(taken);
        }
        self.discard(at, mine);
        less
    }

    /// What is to stand in the place of `at`, which is at depth `shift / BITS`, so that it holds
    /// `leaf`, too, whose key is not below it.
    fn add(
        &mut self,
        at: Child<K, V, P>,
        shift: u32,
        hash: u64,
        leaf: Child<K, V, P>,
    ) -> Child<K, V, P> {
        // SAFETY: see above.
        match unsafe { at.kind() } {
            Kind::Leaf(other) => self.join(at, other.binding.hash, leaf, hash, shift),
            Kind::Branch(branch) if branch.is_bucket() => {
                // SAFETY: see above; a bucket is not empty (I1).
                let first = unsafe { at.child(0) };
                // SAFETY: see above; a bucket's children are leaves.
                match unsafe { first.kind() } {
                    Kind::Leaf(one) if one.binding.hash != hash => {
                        self.join(at, one.binding.hash, leaf, hash, shift)
                    }
                    _ => self.with_child(at, 0, branch.len(), leaf),
                }
            }
            Kind::Branch(branch) => {
                let (bitmap, bit) = (branch.bitmap, bit(hash, shift));
                let index = branch.index(bit);
                if bitmap & bit == 0 {
                    return self.with_child(at, bitmap | bit, index, leaf);
                }
                let own = self.own(at, bitmap);
                // SAFETY: the bitmap has the bit.
                let child = unsafe { own.child(index) };
                let more = self.add(child, shift + BITS, hash, leaf);
                // SAFETY: I2.
                unsafe { own.set_child(index, more) };
                own
            }
        }
    }

    /// A branch that leads to `a`, a leaf or bucket of `hash_a`, and to the leaf `b` of `hash_b`.
    fn join(
        &mut self,
        a: Child<K, V, P>,
        hash_a: u64,
        b: Child<K, V, P>,
        hash_b: u64,
        shift: u32,
    ) -> Child<K, V, P> {
        if hash_a == hash_b {
            return self.branch(0, [&[a], &[b], &[]]);
        }
        let (bit_a, bit_b) = (bit(hash_a, shift), bit(hash_b, shift));
        if bit_a == bit_b {
            let below = self.join(a, hash_a, b, hash_b, shift + BITS);
            return self.branch(bit_a, [&[below], &[], &[]]);
        }
        let (first, second) = if bit_a < bit_b { (a, b) } else { (b, a) };
        self.branch(bit_a | bit_b, [&[first], &[second], &[]])
    }

    /// Where, below the branch `at`, the way to the binding of `hash` and `stamp` goes on: the bit
    /// of the child, 0 in a bucket, and its index.
    fn way(
        at: Child<K, V, P>,
        branch: &Branch<K, V, P>,
        hash: u64,
        stamp: u64,
        shift: u32,
    ) -> (u32, usize) {
        if !branch.is_bucket() {
            let bit = bit(hash, shift);
            return (bit, branch.index(bit));
        }
        // SAFETY: a branch; see above.
        let mut leaves = unsafe { at.children() }.iter();
        // SAFETY: see above.
        let index = leaves.position(|leaf| match unsafe { leaf.kind() } {
            Kind::Leaf(leaf) => leaf.binding.stamp == stamp,
            Kind::Branch(_) => false,
        });
        (0, index.expect("a binding that was found"))
    }

    /// What is to stand in the place of `at` so that it does not hold the binding of `hash` and
    /// `stamp`, which is below it.
    fn take(
        &mut self,
        at: Child<K, V, P>,
        shift: u32,
        hash: u64,
        stamp: u64,
    ) -> Option<Child<K, V, P>> {
        // SAFETY: see above.
        let branch = match unsafe { at.kind() } {
            Kind::Branch(branch) => branch,
            Kind::Leaf(_) => {
                let mine = self.is_mine(at);
                self.discard(at, mine);
                return None;
            }
        };
        let bitmap = branch.bitmap;
        let (bit, index) = Self::way(at, branch, hash, stamp, shift);
        // SAFETY: the way leads to a child.
        if unsafe { at.child(index) }.is_leaf() {
            return Some(self.without_child(at, bitmap & !bit, index));
        }
        let own = self.own(at, bitmap);
        // SAFETY: as above; `own` has the same children.
        let child = unsafe { own.child(index) };
        let less = self.take(child, shift + BITS, hash, stamp).expect("I1: another leaf is left");
        if bitmap == bit && less.is_leaf() {
            self.discard(own, true);
            return Some(less);
        }
        // SAFETY: I2.
        unsafe { own.set_child(index, less) };
        Some(own)
    }

    /// What is to stand in the place of `at` so that it holds `leaf` in place of the binding of the
    /// same hash and of `stamp`, which is below it.
    fn swap(
        &mut self,
        at: Child<K, V, P>,
        shift: u32,
        hash: u64,
        stamp: u64,
        leaf: Child<K, V, P>,
    ) -> Child<K, V, P> {
        // SAFETY: see above.
        let branch = match unsafe { at.kind() } {
            Kind::Branch(branch) => branch,
            Kind::Leaf(_) => {
                let mine = self.is_mine(at);
                self.discard(at, mine);
                return leaf;
            }
        };
        let (_, index) = Self::way(at, branch, hash, stamp, shift);
        let own = self.own(at, branch.bitmap);
        // SAFETY: the way leads to a child, and `own` has the same children.
        let child = unsafe { own.child(index) };
        let swapped = self.swap(child, shift + BITS, hash, stamp, leaf);
        // SAFETY: I2.
        unsafe { own.set_child(index, swapped) };
        own
    }

    fn stamp(&mut self) -> u64 {
        self.clock += 1;
        self.clock
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
            MapOp::Remove { hash, key } => {
                let Some(found) = self.find(*hash, |other| other == key) else {
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

    #[inline]
    fn find(&self, hash: u64, is_key: impl FnMut(&K) -> bool) -> Option<&Binding<K, V>> {
        // SAFETY: a version's nodes are neither freed nor changed while it is borrowed.
        unsafe { find_below(self.root?, 0, hash, is_key) }
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
unsafe fn find_below<'v, K, V, P: Sharing>(
    mut at: Child<K, V, P>,
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
unsafe fn find_in<'v, K, V, P: Sharing>(
    at: Child<K, V, P>,
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

// SAFETY: only a draft's own nodes are changed (I2); those that a published version leads to live as
// long as it does, by the sharing's contract.
unsafe impl<K: Eq + Clone, V: Clone, P: Sharing> Version for Hamt<K, V, P> {
    type Residue = Residue<K, V, P>;

    const KEEPS_LATER: bool = P::KEEPS_LATER;

    unsafe fn fork(&self) -> Self {
        if let Some(root) = self.root {
            // SAFETY: `self` leads to it.
            P::share(unsafe { root.mark() });
        }
        Self {
            root: self.root,
            len: self.len,
            clock: self.clock,
            number: self.number + 1,
            held: Default::default(),
            state: State::Draft(Vec::with_capacity(8)),
        }
    }

    unsafe fn seal(&mut self) -> Residue<K, V, P> {
        let nodes = match std::mem::replace(&mut self.state, State::Published) {
            State::Draft(replaced) => replaced,
            State::Published | State::Clone => Vec::new(),
        };
        Residue { nodes: Nodes(nodes), held: self.held.clone() }
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
    /// A copy that is edited apart from this. O(1).
    fn clone(&self) -> Self {
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
