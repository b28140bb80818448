//! Two ways to decide when a node is freed that versions share, behind one interface.
//!
//! [`Counted`] counts, in each node, those that lead to it, as `Arc` does: copying a branch counts
//! each of its children once more. [`Bundled`] counts nothing: what an update replaces is bundled
//! with the version that it replaced, and the bundle is freed when that version and all before it
//! are gone.

use std::{fmt, ptr};

use super::bundles::BundleHold;
use super::node::Nodes;
use crate::sync::{AtomicUsize, Ordering, fence, touch};

/// Why a version leads to a node no longer.
#[derive(Clone, Copy, Debug)]
pub enum Leaving {
    /// An edit took the node out of a draft, or a published version drops.
    Shared,
    /// A draft of this number drops, or gives up an edit.
    Draft(u64),
    /// The last version drops, after all before it.
    End,
}

/// How nodes are shared between versions.
///
/// # Safety
///
/// A node of which [`is_mine`](Self::is_mine) is true can be reached by the draft that asks alone.
/// A node that a published version leads to is not freed before that version drops.
/// [`Held`](Self::Held) is `Send` and `Sync` if keys and values are both.
pub unsafe trait Sharing: Sized + Send + Sync + fmt::Debug + 'static {
    /// What each node keeps for the scheme.
    type Mark: Send + Sync;
    /// What each version keeps for the scheme.
    type Held<K, V>: Copy;

    /// The scheme's name, in the names of tables.
    const NAME: &'static str;

    /// See [`Version::KEEPS_LATER`](crate::versioned::Version::KEEPS_LATER).
    const KEEPS_LATER: bool;

    /// The mark of a node that a draft of number `version` makes.
    fn mark(version: u64) -> Self::Mark;

    /// Whether the draft of number `version`, which has reached the node by nodes of its own
    /// alone, is the only one that leads to it.
    fn is_mine(mark: &Self::Mark, version: u64) -> bool;

    /// One more node leads to this one.
    fn share(mark: &Self::Mark);

    /// One node or version less leads to this one. Returns true if the node is to be freed, and what it leads to
    /// is to be left in turn.
    fn leave(mark: &Self::Mark, why: Leaving) -> bool;

    /// What the first version of a line keeps.
    fn first<K, V>() -> Self::Held<K, V>;

    /// What a draft of this number keeps that is forked from the version which keeps `held`.
    fn next<K, V>(held: &Self::Held<K, V>, number: u64) -> Self::Held<K, V>;

    /// Called when the version that keeps `new` has been installed in place of the one that keeps `old`. The new
    /// one leads to none of `nodes`.
    ///
    /// # Safety
    ///
    /// No version after `old` leads to `nodes`. This is called once for `old`, whose version has not
    /// dropped.
    unsafe fn replaced<K, V>(
        old: &Self::Held<K, V>,
        new: Self::Held<K, V>,
        nodes: Nodes<K, V, Self::Mark>,
    );

    /// Called when a draft drops.
    ///
    /// # Safety
    ///
    /// It is not the first of its line, has not been installed, and `held` is not used again.
    unsafe fn discarded<K, V>(held: Self::Held<K, V>);

    /// Called when a version drops that leads to no node any more.
    ///
    /// # Safety
    ///
    /// It was installed, or is the first of its line, and `held` is not used again. The last of a line
    /// drops when the others have dropped, or if they will not.
    unsafe fn dropped<K, V>(held: Self::Held<K, V>);
}

/// As many ways lead to a node at most, but for those that other threads are just about to add.
const MOST_WAYS: usize = usize::MAX / 2;

/// Each node counts the nodes and versions that lead to it. A version is a tree of its own: it
/// can be cloned in O(1), and clones edited apart from each other.
#[derive(Debug)]
pub enum Counted {}

// SAFETY: a count is 1 only if one way leads to the node; that way is the asking draft's. A
// version's nodes are counted by the version or by each other, until it drops. Counts do not
// overflow: a way from a node is a pointer in memory, and a clone that was forgotten, which is none,
// is counted no further than half of all numbers.
unsafe impl Sharing for Counted {
    type Mark = AtomicUsize;
    type Held<K, V> = ();

    const NAME: &'static str = "counted";
    const KEEPS_LATER: bool = false;

    fn mark(_: u64) -> AtomicUsize {
        AtomicUsize::new(1)
    }

    #[inline]
    fn is_mine(count: &AtomicUsize, _: u64) -> bool {
        // Acquire sharing-N1: pairs with sharing-N2; who has left read the node before we change it.
        count.load(Ordering::Acquire) == 1
    }

    #[inline]
    fn share(count: &AtomicUsize) {
        // Relaxed: the caller has the node by another way, which lasts.
        let before = count.fetch_add(1, Ordering::Relaxed);
        if before > MOST_WAYS {
            // As `Arc` does: there is no going on from here, and no way back.
            std::process::abort();
        }
    }

    #[inline]
    fn leave(count: &AtomicUsize, _: Leaving) -> bool {
        // Release sharing-N2: pairs with sharing-N1 and sharing-N3; we are done with the node.
        let last = count.fetch_sub(1, Ordering::Release) == 1;
        if last {
            // Acquire sharing-N3: pairs with sharing-N2; so is everybody else.
            fence(Ordering::Acquire);
        }
        last
    }

    fn first<K, V>() {}

    fn next<K, V>((): &(), _: u64) {}

    unsafe fn replaced<K, V>((): &(), (): (), _: Nodes<K, V, AtomicUsize>) {}

    unsafe fn discarded<K, V>((): ()) {}

    unsafe fn dropped<K, V>((): ()) {}
}

/// What an update replaced is bundled with the version that it replaced. Versions form a line; a
/// bundle lasts as long as its version or any before it.
#[derive(Debug)]
pub enum Bundled {}

// SAFETY: a node's number is that of the draft that made it; what a draft was forked from has lower
// numbers alone, and drafts of the same number do not reach each other's nodes. A node that a
// version leads to is in no bundle, or in that of a version not before it, which the version keeps
// alive.
unsafe impl Sharing for Bundled {
    type Mark = u64;
    type Held<K, V> = BundleHold<K, V>;

    const NAME: &'static str = "bundled";
    const KEEPS_LATER: bool = true;

    fn mark(version: u64) -> u64 {
        version
    }

    #[inline]
    fn is_mine(number: &u64, version: u64) -> bool {
        touch(number, ptr::null::<()>());
        *number == version
    }

    #[inline]
    fn share(_: &u64) {}

    #[inline]
    fn leave(number: &u64, why: Leaving) -> bool {
        match why {
            Leaving::Shared => false,
            Leaving::Draft(version) => Self::is_mine(number, version),
            Leaving::End => true,
        }
    }

    fn first<K, V>() -> BundleHold<K, V> {
        BundleHold::first()
    }

    fn next<K, V>(held: &BundleHold<K, V>, number: u64) -> BundleHold<K, V> {
        held.next(number)
    }

    unsafe fn replaced<K, V>(
        old: &BundleHold<K, V>,
        new: BundleHold<K, V>,
        nodes: Nodes<K, V, u64>,
    ) {
        // SAFETY: by this function's contract.
        unsafe { old.replaced(new, nodes) };
    }

    unsafe fn discarded<K, V>(held: BundleHold<K, V>) {
        // SAFETY: by this function's contract.
        unsafe { held.discard() };
    }

    unsafe fn dropped<K, V>(held: BundleHold<K, V>) {
        // SAFETY: by this function's contract.
        unsafe { held.let_go() };
    }
}
