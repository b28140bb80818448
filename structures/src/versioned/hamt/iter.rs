//! Iteration over a version, and over the differences between two versions.

use std::fmt;
use std::slice;

use super::node::{BITS, Branch, Child, Kind, bit};
use super::{Hamt, Sharing, find_below};
use crate::versioned::map::Binding;

/// The bindings below a node, in no order.
struct Walk<'v, K, V, M> {
    /// The children to be visited yet of each branch on the way.
    way: Vec<slice::Iter<'v, Child<K, V, M>>>,
    /// Where it starts.
    start: Option<Child<K, V, M>>,
}

impl<'v, K, V, M> Iterator for Walk<'v, K, V, M> {
    type Item = &'v Binding<K, V>;

    fn next(&mut self) -> Option<&'v Binding<K, V>> {
        loop {
            let at = match self.start.take() {
                Some(start) => start,
                None => match self.way.last_mut()?.next() {
                    Some(child) => *child,
                    None => {
                        self.way.pop();
                        continue;
                    }
                },
            };
            // SAFETY: a version's nodes are neither freed nor changed while it is borrowed.
            match unsafe { at.kind() } {
                Kind::Leaf(leaf) => return Some(&leaf.binding),
                // SAFETY: as above, and a branch.
                Kind::Branch(_) => self.way.push(unsafe { at.children() }.iter()),
            }
        }
    }
}

/// The bindings of a version, in no order.
pub struct Iter<'v, K, V, P: Sharing> {
    walk: Walk<'v, K, V, P::Mark>,
    left: usize,
}

impl<'v, K, V, P: Sharing> Iterator for Iter<'v, K, V, P> {
    type Item = &'v Binding<K, V>;

    fn next(&mut self) -> Option<&'v Binding<K, V>> {
        let next = self.walk.next();
        self.left -= usize::from(next.is_some());
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V, P: Sharing> ExactSizeIterator for Iter<'_, K, V, P> {}

impl<K, V, P: Sharing> fmt::Debug for Iter<'_, K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<K, V, P: Sharing> Hamt<K, V, P> {
    /// The bindings, in no order.
    pub fn iter(&self) -> Iter<'_, K, V, P> {
        Iter { walk: Walk { way: Vec::new(), start: self.root }, left: self.len }
    }
}

impl<'v, K, V, P: Sharing> IntoIterator for &'v Hamt<K, V, P> {
    type Item = &'v Binding<K, V>;
    type IntoIter = Iter<'v, K, V, P>;

    fn into_iter(self) -> Iter<'v, K, V, P> {
        self.iter()
    }
}

/// The change of a key between two versions.
#[derive(Debug)]
pub enum Change<'v, K, V> {
    /// It was absent.
    Added(&'v Binding<K, V>),
    /// It is absent.
    Removed(&'v Binding<K, V>),
    /// It was bound anew: the old binding and the new one.
    Rebound(&'v Binding<K, V>, &'v Binding<K, V>),
}

impl<K: Eq, V, P: Sharing> Hamt<K, V, P> {
    /// Runs `f` on what has changed from `self` to `later`, a version of the same object, in no
    /// order. What both share is not looked at: O(d log n) for d changes, expected.
    pub fn diff<'v>(&'v self, later: &'v Self, mut f: impl FnMut(Change<'v, K, V>)) {
        differ(self.root, later.root, 0, &mut f);
    }
}

/// [`Hamt::diff`] of what is below `old` and `new`, both at depth `shift / BITS` and both nodes of
/// versions that are borrowed during `'v`.
fn differ<'v, K: Eq + 'v, V: 'v, M: 'v>(
    old: Option<Child<K, V, M>>,
    new: Option<Child<K, V, M>>,
    shift: u32,
    f: &mut impl FnMut(Change<'v, K, V>),
) {
    if old == new {
        return;
    }
    if let (Some(a), Some(b)) = (old, new)
        && let (Some(in_a), Some(in_b)) = (sparse(a), sparse(b))
    {
        for digit in 0..1 << BITS {
            let bit = bit(digit, 0);
            differ(child(a, in_a, bit), child(b, in_b, bit), shift + BITS, f);
        }
        return;
    }
    let below = |start| Walk { way: Vec::new(), start };
    for before in below(old) {
        match same_key(new, before, shift) {
            None => f(Change::Removed(before)),
            Some(after) if after.stamp != before.stamp => f(Change::Rebound(before, after)),
            Some(_) => {}
        }
    }
    for after in below(new) {
        if same_key(old, after, shift).is_none() {
            f(Change::Added(after));
        }
    }
}

/// The branch `at`, unless it is a bucket.
fn sparse<'v, K, V, M>(at: Child<K, V, M>) -> Option<&'v Branch<K, V, M>> {
    // SAFETY: a version's nodes are neither freed nor changed while it is borrowed.
    match unsafe { at.kind() } {
        Kind::Branch(branch) if !branch.is_bucket() => Some(branch),
        _ => None,
    }
}

/// The child of `bit`, if there is one, of the branch `at`.
fn child<K, V, M>(
    at: Child<K, V, M>,
    branch: &Branch<K, V, M>,
    bit: u32,
) -> Option<Child<K, V, M>> {
    // SAFETY: as in `sparse`, which it came from; the bitmap has the bit.
    (branch.bitmap & bit != 0).then(|| unsafe { at.child(branch.index(bit)) })
}

/// The binding below `at`, at depth `shift / BITS`, of the same key.
fn same_key<'v, K: Eq + 'v, V: 'v, M: 'v>(
    at: Option<Child<K, V, M>>,
    binding: &Binding<K, V>,
    shift: u32,
) -> Option<&'v Binding<K, V>> {
    // SAFETY: a version's nodes are neither freed nor changed while it is borrowed.
    unsafe { find_below(at?, shift, binding.hash, |key| *key == binding.key) }
}
