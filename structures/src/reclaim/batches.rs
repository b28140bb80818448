//! Batches of retired nodes that wait for a grace period, as our own schemes keep them.
//!
//! A participant fills a batch. When the batch is full, and the participant is in no critical section, it
//! *closes* the batch with a mark `M`: the event that the scheme must see before it knows that no thread holds
//! these nodes. From then on, whenever another batch is full, it checks whether the mark has passed, oldest
//! first. It never waits for that.
//!
//! A participant that drops puts its batches into the domain's queue of *orphans*. From there they are freed, oldest
//! first, by participants that have filled a batch, or that drop; they are not taken over before. So nothing depends
//! on what a single thread does later, and:
//!
//! * batches-B1. An orphan is behind batches that were marked before it came: it waits for the
//!   grace periods that had begun when its owner dropped, and for none that began later.
//! * batches-B2. A participant that drops is in no critical section, and checks after its own batches are in the queue.
//!   So the last participant that drops frees everything, if no other is registered.

use std::collections::VecDeque;
use std::fmt;

use super::retired::{Orphans, Retired};
use super::{Node, Payload, Reclaimer};

/// The default batch: as many nodes as crossbeam-epoch puts into a bag, so that defaults compare.
const DEFAULT_SIZE: usize = 64;

/// Retired nodes and what they wait for.
#[derive(Debug)]
struct Batch<M> {
    mark: M,
    nodes: Vec<Retired>,
}

impl<M> Batch<M> {
    /// # Safety
    ///
    /// reclaim-S1: no guard can hold a node of this batch.
    unsafe fn reclaim(self) {
        for node in self.nodes {
            // SAFETY: by this function's contract.
            unsafe { node.reclaim() }
        }
    }
}

/// Takes out the first batches, as long as their marks are `passed`.
fn take<M>(queue: &mut VecDeque<Batch<M>>, passed: impl Fn(&M) -> bool) -> Vec<Batch<M>> {
    let ripe = queue.iter().take_while(|batch| passed(&batch.mark)).count();
    queue.drain(..ripe).collect()
}

/// The domain's part: the size of a batch, and the batches of dropped participants, in the order of the drops.
#[derive(Debug)]
pub(super) struct Pool<M> {
    size: usize,
    orphans: Orphans<Batch<M>>,
}

impl<M> Pool<M> {
    /// Batches of `size` nodes; a batch has at least one.
    pub(super) fn new(size: Option<usize>) -> Self {
        Self { size: size.unwrap_or(DEFAULT_SIZE).max(1), orphans: Orphans::default() }
    }

    /// A participant's batches.
    pub(super) fn batches(&self) -> Batches<'_, M> {
        Batches { pool: self, open: Vec::new(), closed: VecDeque::new() }
    }
}

impl<M> Drop for Pool<M> {
    fn drop(&mut self) {
        for batch in self.orphans.take() {
            // SAFETY: the pool is the domain's, which participants borrow, and guards borrow
            // these: none is left.
            unsafe { batch.reclaim() }
        }
    }
}

/// A participant's part. The participant calls [`leave`](Self::leave) when it drops.
pub(super) struct Batches<'d, M> {
    pool: &'d Pool<M>,
    open: Vec<Retired>,
    closed: VecDeque<Batch<M>>,
}

impl<M> fmt::Debug for Batches<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("open", &self.open.len())
            .field("closed", &self.closed.len())
            .finish_non_exhaustive()
    }
}

impl<M> Batches<'_, M> {
    /// Adds a node to the open batch.
    ///
    /// # Safety
    ///
    /// That of [`super::Guard::retire`].
    pub(super) unsafe fn retire<R: Reclaimer, T: Payload + Send>(&mut self, node: *mut Node<R, T>) {
        // SAFETY: by this function's contract.
        self.open.push(unsafe { Retired::new(node) });
    }

    /// Whether it is time to close the open batch and check the others.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= self.pool.size
    }

    /// Closes the open batch. The event that `mark` stands for must come after the last retirement.
    pub(super) fn close(&mut self, mark: M) {
        // As long as this one has become: a batch may be of any size, and need not fill up.
        let next = Vec::with_capacity(self.open.len());
        let nodes = std::mem::replace(&mut self.open, next);
        self.closed.push_back(Batch { mark, nodes });
    }

    /// Frees batches whose marks have passed: the participant's own, and orphans unless another thread has
    /// locked them. `look` reads how far the scheme has come, and `passed` compares a mark with that.
    ///
    /// # Safety
    ///
    /// `passed` is true only of a mark after which no guard can hold a node of its batch, given that
    /// `look` runs after the batch was closed: all that happened before that happens before it.
    pub(super) unsafe fn free<S>(
        &mut self,
        look: impl FnOnce() -> S,
        passed: impl Fn(&M, &S) -> bool,
    ) {
        // The lock comes before the look: the orphans were closed before.
        let mut orphans = self.pool.orphans.try_lock();
        let reached = look();
        let passed = |mark: &M| passed(mark, &reached);
        let own = take(&mut self.closed, passed);
        let left = orphans.as_deref_mut().map(|orphans| take(orphans, passed));
        // No lock is held while nodes are freed: that runs the user's code.
        drop(orphans);
        for batch in own.into_iter().chain(left.into_iter().flatten()) {
            // SAFETY: by this function's contract.
            unsafe { batch.reclaim() }
        }
    }

    /// Whether there is nothing to be freed, here or among the orphans.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty() && self.pool.orphans.lock().is_empty()
    }

    /// Makes orphans of all batches, and frees those whose marks have passed. `mark` is that of
    /// [`close`](Self::close), called only if needed; `look` and `passed` are those of [`free`](Self::free).
    ///
    /// # Safety
    ///
    /// That of [`free`](Self::free).
    pub(super) unsafe fn leave<S>(
        &mut self,
        mark: impl FnOnce() -> M,
        look: impl FnOnce() -> S,
        passed: impl Fn(&M, &S) -> bool,
    ) {
        if !self.open.is_empty() {
            self.close(mark());
        }
        let mut orphans = self.pool.orphans.lock();
        orphans.extend(self.closed.drain(..));
        if orphans.is_empty() {
            return;
        }
        let reached = look();
        let ripe = take(&mut orphans, |mark| passed(mark, &reached));
        // As in `free`.
        drop(orphans);
        for batch in ripe {
            // SAFETY: by this function's contract.
            unsafe { batch.reclaim() }
        }
    }
}
