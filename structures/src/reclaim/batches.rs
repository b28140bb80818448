//! Batches of retired nodes that wait for a grace period, as our own schemes keep them.
//!
//! A participant fills a batch; when it is full, and the participant is in no critical section, it
//! *closes* the batch with a mark `M`: what the scheme has to see before every thread has let go of
//! these nodes. From then on it looks, whenever another batch is full, whether that has come, oldest
//! first. It never waits for it. What a participant leaves behind goes to whoever looks next.

use std::collections::VecDeque;
use std::fmt;

use super::retired::{Orphans, Retired};
use super::{Node, Payload, Reclaimer};

/// As many as crossbeam-epoch puts into a bag, so that the defaults compare.
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
    /// S1: no guard can hold a node of this batch.
    unsafe fn reclaim(self) {
        for node in self.nodes {
            // SAFETY: by this function's contract.
            unsafe { node.reclaim() }
        }
    }
}

/// The domain's part: how large a batch is, and what threads left behind.
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

    /// Whether it is time to close the open batch and look at the others.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= self.pool.size
    }

    /// Closes the open batch. Whatever `mark` stands for lies after the last retirement.
    pub(super) fn close(&mut self, mark: M) {
        // As long as this one has become: a batch may be of any size, and need not fill up.
        let next = Vec::with_capacity(self.open.len());
        let nodes = std::mem::replace(&mut self.open, next);
        self.closed.push_back(Batch { mark, nodes });
    }

    /// Takes over what others left, to be freed behind what is already here.
    pub(super) fn adopt(&mut self) {
        let mut adopted = Vec::new();
        self.pool.orphans.adopt(&mut adopted);
        self.closed.extend(adopted);
    }

    /// Frees closed batches, up to the first whose mark is not `passed`.
    ///
    /// # Safety
    ///
    /// `passed` is true only of a mark after which no guard can hold a node of its batch.
    pub(super) unsafe fn free(&mut self, passed: impl Fn(&M) -> bool) {
        while let Some(batch) = self.closed.pop_front_if(|batch| passed(&batch.mark)) {
            // SAFETY: by this function's contract.
            unsafe { batch.reclaim() }
        }
    }

    /// Leaves everything to others; `mark` as in [`close`](Self::close), asked for if needed.
    pub(super) fn leave(&mut self, mark: impl FnOnce() -> M) {
        if !self.open.is_empty() {
            self.close(mark());
        }
        self.pool.orphans.leave(&mut self.closed.drain(..).collect());
    }
}
