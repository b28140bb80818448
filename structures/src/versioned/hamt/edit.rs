//! Edits of a draft: adding a leaf, taking one out, putting another in its place.

use super::node::{BITS, Branch, Child, Kind, bit};
use super::sharing::{Leaving, Sharing};
use super::{Hamt, State};
use crate::meter::Event;
use crate::sync::FIRST;
use crate::versioned::map::Binding;

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
    fn is_mine(&self, at: Child<K, V, P::Mark>) -> bool {
        // SAFETY: see above.
        P::is_mine(unsafe { at.mark() }, self.number)
    }

    /// A version before this one leads to the node, this one no longer. The first of a line has none
    /// before it: to what it has replaced only clones lead, which come and go.
    fn note_replaced(&mut self, at: Child<K, V, P::Mark>) {
        if let State::Draft(replaced) = &mut self.state
            && self.number > FIRST
        {
            replaced.push(at);
        }
    }

    /// Takes a node out to which the draft's root, or a branch of its own, led; its children, if it
    /// is `mine`, have found another place.
    fn discard(&mut self, at: Child<K, V, P::Mark>, mine: bool) {
        if mine {
            // SAFETY: hamt-I2.
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
        at: Child<K, V, P::Mark>,
        mine: bool,
        without: Option<usize>,
    ) -> &'n [Child<K, V, P::Mark>] {
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

    pub(super) fn leaf(&self, binding: Binding<K, V>) -> Child<K, V, P::Mark> {
        Child::leaf(P::mark(self.number), binding)
    }

    fn branch(&self, bitmap: u32, pieces: [&[Child<K, V, P::Mark>]; 3]) -> Child<K, V, P::Mark> {
        Child::branch(P::mark(self.number), bitmap, pieces)
    }

    /// The branch `at` if it is the draft's own, else a copy that is.
    fn own(&mut self, at: Child<K, V, P::Mark>, bitmap: u32) -> Child<K, V, P::Mark> {
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
        at: Child<K, V, P::Mark>,
        bitmap: u32,
        index: usize,
        child: Child<K, V, P::Mark>,
    ) -> Child<K, V, P::Mark> {
        let mine = self.is_mine(at);
        let (before, after) = self.inherit(at, mine, None).split_at(index);
        let more = self.branch(bitmap, [before, &[child], after]);
        self.discard(at, mine);
        more
    }

    /// The branch `at`, now with `bitmap`, without its child at `index`, a leaf; or its other
    /// child, if that is a leaf and the only one (hamt-I1).
    fn without_child(
        &mut self,
        at: Child<K, V, P::Mark>,
        bitmap: u32,
        index: usize,
    ) -> Child<K, V, P::Mark> {
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
    pub(super) fn add(
        &mut self,
        at: Child<K, V, P::Mark>,
        shift: u32,
        hash: u64,
        leaf: Child<K, V, P::Mark>,
    ) -> Child<K, V, P::Mark> {
        // SAFETY: see above.
        match unsafe { at.kind() } {
            Kind::Leaf(other) => self.join(at, other.binding.hash, leaf, hash, shift),
            Kind::Branch(branch) if branch.is_bucket() => {
                // SAFETY: see above; a bucket is not empty (hamt-I1).
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
                // SAFETY: hamt-I2.
                unsafe { own.set_child(index, more) };
                own
            }
        }
    }

    /// A branch that leads to `a`, a leaf or bucket of `hash_a`, and to the leaf `b` of `hash_b`.
    fn join(
        &mut self,
        a: Child<K, V, P::Mark>,
        hash_a: u64,
        b: Child<K, V, P::Mark>,
        hash_b: u64,
        shift: u32,
    ) -> Child<K, V, P::Mark> {
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
        at: Child<K, V, P::Mark>,
        branch: &Branch<K, V, P::Mark>,
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
    pub(super) fn take(
        &mut self,
        at: Child<K, V, P::Mark>,
        shift: u32,
        hash: u64,
        stamp: u64,
    ) -> Option<Child<K, V, P::Mark>> {
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
        let less =
            self.take(child, shift + BITS, hash, stamp).expect("hamt-I1: another leaf is left");
        if bitmap == bit && less.is_leaf() {
            self.discard(own, true);
            return Some(less);
        }
        // SAFETY: hamt-I2.
        unsafe { own.set_child(index, less) };
        Some(own)
    }

    /// What is to stand in the place of `at` so that it holds `leaf` in place of the binding of the
    /// same hash and of `stamp`, which is below it.
    pub(super) fn swap(
        &mut self,
        at: Child<K, V, P::Mark>,
        shift: u32,
        hash: u64,
        stamp: u64,
        leaf: Child<K, V, P::Mark>,
    ) -> Child<K, V, P::Mark> {
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
        // SAFETY: hamt-I2.
        unsafe { own.set_child(index, swapped) };
        own
    }

    pub(super) fn stamp(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Lets `stamps` pass, for tests of what has seen an earlier one.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(in crate::versioned) fn skip(&mut self, stamps: u64) {
        self.clock += stamps;
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::versioned::hamt::{Bundled, Counted};
    use crate::versioned::map::{MapObject, MapOp, Outcome};
    use crate::versioned::{Sequential, Version};

    /// A draft changes and frees what it has made alone, and not what another one has, however many versions
    /// ago.
    #[test]
    fn a_draft_knows_its_own_by_all_bits_of_its_number() {
        for bit in 0..u64::BITS - 1 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(bit.into());
            let alive = Arc::new(());
            let insert = |key| MapOp::Insert { hash: key % 64, key, value: Arc::clone(&alive) };
            let mut first = Hamt::<u64, Arc<()>, Bundled>::new();
            (0..100).for_each(|key| _ = first.apply(&insert(key)));
            let bindings = |trie: &Hamt<_, _, _>| {
                let mut all = BTreeMap::new();
                trie.for_each(|found: &_| _ = all.insert(found.key, found.stamp));
                all
            };
            let before = bindings(&first);
            // SAFETY: nothing is applied to it after this.
            drop(unsafe { first.seal() });
            // SAFETY: sealed, and it lasts longer than the draft.
            let mut draft = unsafe { first.fork() };
            draft.number = first.number + (1 << bit);
            for _ in 0..100 {
                let key = rng.random_range(0..200);
                if draft.apply(&insert(key)) == Outcome::Refused {
                    draft.apply(&MapOp::Remove { hash: key % 64, key, stamp: None });
                }
            }
            assert_eq!(bindings(&first), before, "what was published has changed, {bit}");
            drop(draft);
            assert_eq!(Arc::strong_count(&alive), 1 + before.len(), "it has freed others', {bit}");
            // SAFETY: it drops next; there is no fork of it.
            unsafe { first.end() };
        }
    }

    /// It may be cloned and edited as long as the process lives.
    #[test]
    fn a_trie_that_was_not_forked_notes_nothing() {
        let mut trie = Hamt::<u64, u64, Counted>::new();
        let insert = |key| MapOp::Insert { hash: key, key, value: key };
        (0..100).for_each(|key| _ = trie.apply(&insert(key)));
        for key in 0..100 {
            let _copy = trie.clone();
            trie.apply(&MapOp::Remove { hash: key, key, stamp: None });
            trie.apply(&insert(key));
        }
        let State::Draft(noted) = &trie.state else { panic!("nobody has sealed it") };
        assert_eq!(noted.len(), 0);
    }
}
