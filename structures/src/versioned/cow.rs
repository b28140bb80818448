//! Copy on write: fork the current version, apply the operation, install by one pointer.
//!
//! The small-object protocol of M. Herlihy, *A methodology for implementing highly concurrent data
//! objects*, TOPLAS 1993, with compare-and-swap for load-linked/store-conditional. Its cost is that of
//! the object's [`fork`](Version::fork): all of a flat table, a path of a trie. Writers are either
//! lock-free ([`Cas`]) or take a lock ([`Locked`]). There may be any number of roots, each with an object of its own.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `read` | wait-free | cow-L1: the protected load of the root |
//! | `apply`, no change | that of `read` | cow-L1 |
//! | `apply` under `Cas` | lock-free | cow-L2: the CAS of the root |
//! | `apply` under `Locked` | blocking | cow-L2, which fails only if the user's code in it has itself written |
//!
//! This holds if the allocator and the reclaimer have these guarantees too. Under schemes that protect single nodes
//! a read is only lock-free, as a protection may have to be repeated when the root has changed meanwhile.
//!
//! # Invariants
//! * cow-I1. A root points to a published version, which does not change.
//! * cow-I2. A version is retired by the thread that replaced it in its root, hence once, after which
//!   no root points to it.
//! * cow-I3. A version is installed in place of the one that it was forked from: that one is protected
//!   from before the fork until after the CAS, so its address is not reused.
//! * cow-I4. Roots, participants and guards of a [`Cow`] are of its domain: they are made by `new_in`
//!   and `handle`, and are private.

use std::fmt;

use crossbeam_utils::CachePadded;

use super::{
    CurrentVersion, Sequential, Universal, UniversalHandle, UniversalPinned, Version,
    held_of_versions,
};
use crate::map::{MapInfo, Progress};
use crate::owner::{OwnerGuard, OwnerLock};
use crate::panics;
use crate::reclaim::{Payload, RootScheme};
use crate::sync::{Backoff, attempt};

/// How writers of a root are synchronised.
pub trait Writers: Send + Sync + Default {
    /// The guard that a writer holds while it writes.
    type Turn<'w>
    where
        Self: 'w;

    /// The progress of a writer.
    const PROGRESS: Progress;

    /// Waits for this writer's turn.
    fn turn(&self) -> Self::Turn<'_>;
}

/// Writers compete at the root's CAS: a writer whose CAS fails starts again.
#[derive(Debug, Default)]
pub struct Cas;

impl Writers for Cas {
    type Turn<'w> = ();

    const PROGRESS: Progress = Progress::LockFree;

    #[inline(always)]
    fn turn(&self) {}
}

/// Writers take a lock, so no copy is wasted. A thread that writes again while it holds the lock, from the user's code
/// in `Clone`, `Eq` or a `Drop` that the reclaimer runs, does not wait; the outer operation's CAS fails
/// then.
#[derive(Debug, Default)]
pub struct Locked(OwnerLock<()>);

impl Writers for Locked {
    type Turn<'w> = TurnGuard<'w>;

    const PROGRESS: Progress = Progress::Blocking;

    fn turn(&self) -> TurnGuard<'_> {
        // A writer that panicked has installed nothing or all.
        TurnGuard(self.0.lock_unless_mine())
    }
}

/// A writer's turn; it ends when this drops.
#[derive(Debug)]
pub struct TurnGuard<'w>(
    #[expect(dead_code, reason = "held for its drop")] Option<OwnerGuard<'w, ()>>,
);

/// A version on the heap.
struct Published<O>(O);

impl<O: Sequential> Payload for Published<O> {
    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// Where an object's current version is.
struct Root<O: Version, R: RootScheme, W> {
    current: R::Root<Published<O>>,
    writers: W,
}

// SAFETY: a `RootScheme` promises it of its roots; `O` may be sent and shared.
unsafe impl<O: Version + Send + Sync, R: RootScheme, W: Send> Send for Root<O, R, W> {}

// SAFETY: as above.
unsafe impl<O: Version + Send + Sync, R: RootScheme, W: Sync> Sync for Root<O, R, W> {}

impl<O: Version, R: RootScheme, W> Drop for Root<O, R, W> {
    fn drop(&mut self) {
        // SAFETY: it is installed and drops next; those before it were the domain's, which has dropped.
        // A fork of it does not outlive `try_install`, which borrowed this.
        unsafe { R::last(&mut self.current).0.end() };
    }
}

/// Objects whose versions are installed by compare-and-swap, or under a lock.
pub struct Cow<O: Version, R: RootScheme, W = Cas, const ROOTS: usize = 1> {
    // Dropped first: it frees the versions that were replaced. That drop may use what they borrow:
    // `Root` has a `Drop`, so the compiler sees to it that it is still there.
    domain: R,
    roots: [CachePadded<Root<O, R, W>>; ROOTS],
}

impl<O: Version, R: RootScheme, W: Writers, const ROOTS: usize> Cow<O, R, W, ROOTS> {
    /// A construction over as many objects as it has roots, whose versions `domain` frees.
    pub fn new_in(domain: R, mut object: impl FnMut() -> O) -> Self {
        let roots = std::array::from_fn(|_| {
            let mut first = object();
            // SAFETY: it is installed below, from where it is only read and forked (cow-I1).
            drop(unsafe { first.seal() });
            let current = domain.root(Published(first));
            CachePadded::new(Root { current, writers: W::default() })
        });
        Self { domain, roots }
    }
}

impl<O, R, W, const ROOTS: usize> Default for Cow<O, R, W, ROOTS>
where
    O: Version + Default,
    R: RootScheme,
    W: Writers,
{
    fn default() -> Self {
        Self::new_in(R::new(None), O::default)
    }
}

impl<O, R, W> CurrentVersion<O> for Pinned<'_, '_, O, R, W, 1>
where
    O: Version + Send + Sync,
    R: RootScheme,
    W: Writers,
{
    #[inline]
    fn version(&mut self) -> &O {
        self.version(0)
    }
}

impl<O: Version, R: RootScheme, W, const ROOTS: usize> fmt::Debug for Cow<O, R, W, ROOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cow")
            .field("reclaimer", &R::NAME)
            .field("roots", &ROOTS)
            .finish_non_exhaustive()
    }
}

impl<O, R, W, const ROOTS: usize> Universal<O> for Cow<O, R, W, ROOTS>
where
    O: Version + Send + Sync,
    R: RootScheme,
    W: Writers,
{
    const INFO: MapInfo = MapInfo {
        family: "versioned",
        summary: "a copy of the current version, installed by one pointer (Herlihy 1993)",
        get: R::CAPS.reads,
        counts_nodes: true,
        progress_is_tested: R::CAPS.progress_is_tested,
        held: held_of_versions::<O>(R::CAPS.held),
        ..MapInfo::UNKNOWN.with_progress(W::PROGRESS)
    };

    const ROOTS: usize = ROOTS;
    const AT_ONCE: bool = true;

    type Handle<'c>
        = Handle<'c, O, R, W, ROOTS>
    where
        Self: 'c;

    fn handle(&self) -> Handle<'_, O, R, W, ROOTS> {
        Handle { cow: self, participant: self.domain.register() }
    }
}

/// A thread's handle of a [`Cow`].
pub struct Handle<'c, O: Version, R: RootScheme + 'c, W, const ROOTS: usize> {
    cow: &'c Cow<O, R, W, ROOTS>,
    participant: R::Participant<'c>,
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'c: 'h, O: Version + Send + Sync, R: RootScheme + 'c, W, const ROOTS: usize> {
    cow: &'c Cow<O, R, W, ROOTS>,
    guard: R::Guard<'h, 'c, Published<O>>,
}

impl<'c, O, R, W, const ROOTS: usize> UniversalHandle<O> for Handle<'c, O, R, W, ROOTS>
where
    O: Version + Send + Sync,
    R: RootScheme,
    W: Writers,
{
    type Pinned<'h>
        = Pinned<'h, 'c, O, R, W, ROOTS>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Pinned<'_, 'c, O, R, W, ROOTS> {
        Pinned { cow: self.cow, guard: R::enter(&mut self.participant) }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        R::away(&mut self.participant, f)
    }
}

impl<O, R, W, const ROOTS: usize> Pinned<'_, '_, O, R, W, ROOTS>
where
    O: Version + Send + Sync,
    R: RootScheme,
    W: Writers,
{
    /// The current version of the object in `root`, for as long as it is borrowed. O(1).
    ///
    /// Other threads may replace it in the root meanwhile; the version itself does not change, and this guard's scheme
    /// keeps it, and whatever else the scheme must keep for it, from being freed.
    ///
    /// # Panics
    ///
    /// If there is no such root.
    #[inline]
    pub fn version(&mut self, root: usize) -> &O {
        let root = &self.cow.roots[root].current;
        // SAFETY: cow-I4.
        let Published(version) = unsafe { R::load(&mut self.guard, root) }; // cow-L1.
        version
    }

    /// Forks the current version, edits the fork and tries to install it; what `edit` returned,
    /// or `None` if another writer was faster.
    fn try_install<T>(&mut self, root: usize, edit: impl FnOnce(&mut O) -> T) -> Option<T> {
        let cow = self.cow;
        let make = |base: &Published<O>| {
            attempt();
            // SAFETY: cow-I1: published, hence sealed; protected until the fork is installed or dropped
            // (cow-I3).
            let mut next = unsafe { base.0.fork() };
            let out = edit(&mut next);
            // SAFETY: nothing is applied to it after this: it is installed, or abandoned and dropped.
            let residue = unsafe { next.seal() };
            (Published(next), (out, residue))
        };
        let installed = |base: &Published<O>, (out, residue)| {
            // SAFETY: it was forked from `base` (cow-I3) and took its place; that is retired next.
            unsafe { base.0.replaced(residue) };
            out
        };
        let lost = |next: &mut Published<O>, (out, residue)| {
            // SAFETY: its own residue; it was not installed, so nobody else has seen it.
            unsafe { next.0.abandon(residue) };
            panics::in_vain(out);
        };
        let root = &cow.roots[root].current;
        // SAFETY: cow-I4. What `O` borrows outlives the domain, as it outlives `Root`'s drop and that
        // is in the same struct.
        unsafe { cow.domain.replace(&mut self.guard, root, make, installed, lost) } // cow-L2.
    }
}

impl<O, R, W, const ROOTS: usize> UniversalPinned<O> for Pinned<'_, '_, O, R, W, ROOTS>
where
    O: Version + Send + Sync,
    R: RootScheme,
    W: Writers,
{
    #[inline]
    fn read<T>(&mut self, root: usize, f: impl FnOnce(&O) -> T) -> T {
        f(self.version(root))
    }

    fn apply(&mut self, root: usize, op: O::Op) -> O::Out {
        let cow = self.cow;
        let _turn = cow.roots[root].writers.turn();
        let backoff = Backoff::new();
        loop {
            if let Some(out) = self.version(root).answer(&op) {
                return out;
            }
            if let Some(out) = self.try_install(root, |object| object.apply(&op)) {
                return out;
            }
            backoff.spin();
        }
    }

    /// At one moment: one version for all of them, or none if none of them changes anything.
    fn apply_all(&mut self, root: usize, ops: Vec<O::Op>) -> Vec<O::Out> {
        if ops.is_empty() {
            return Vec::new();
        }
        let cow = self.cow;
        let _turn = cow.roots[root].writers.turn();
        let backoff = Backoff::new();
        loop {
            if let Some(outs) = answers(self.version(root), &ops) {
                return outs;
            }
            let all = |object: &mut O| apply_each(object, &ops);
            if let Some(outs) = self.try_install(root, all) {
                return outs;
            }
            backoff.spin();
        }
    }
}

/// What `ops` answer if none of them changes anything. Compiled for each object, not again for each scheme.
#[inline(never)]
fn answers<O: Version>(version: &O, ops: &[O::Op]) -> Option<Vec<O::Out>> {
    ops.iter().map(|op| version.answer(op)).collect()
}

/// Applies `ops` one after the other. Compiled as [`answers`] is.
#[inline(never)]
fn apply_each<O: Version>(object: &mut O, ops: &[O::Op]) -> Vec<O::Out> {
    ops.iter().map(|op| object.apply(op)).collect()
}

impl<O: Version, R: RootScheme, W, const ROOTS: usize> fmt::Debug for Handle<'_, O, R, W, ROOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("cow", self.cow).finish_non_exhaustive()
    }
}

impl<O: Version + Send + Sync, R: RootScheme, W, const ROOTS: usize> fmt::Debug
    for Pinned<'_, '_, O, R, W, ROOTS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("cow", self.cow).finish_non_exhaustive()
    }
}
