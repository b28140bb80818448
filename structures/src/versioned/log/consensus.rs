//! Consensus: the operation of the next entry, and the outcome of an operation.
//!
//! Each is decided once, by the first compare-and-swap of a pointer that was null.

use std::ptr;
use std::sync::Mutex;

use super::super::Sequential;
use crate::panics;
use crate::reclaim::{Node, Owned, Payload, Reclaimer};
use crate::sync::{Arc, AtomicPtr, AtomicU64, Ordering};

/// The outcome of an operation.
pub(super) enum Response<T> {
    /// Its result, until its owner takes it: nobody else locks this.
    Out(Mutex<Option<T>>),
    /// The user's code in it panicked.
    Panicked,
}

/// An operation on its way into the log.
pub(super) struct Proposal<Op, Out> {
    pub(super) op: Op,
    /// The number of its entry; 0 until somebody has stepped to it.
    number: AtomicU64,
    /// Its outcome; null until somebody has run it.
    response: AtomicPtr<Response<Out>>,
}

impl<Op, Out> Proposal<Op, Out> {
    pub(super) fn new(op: Op) -> Self {
        let (number, response) = (AtomicU64::new(0), AtomicPtr::new(ptr::null_mut()));
        Self { op, number, response }
    }

    /// The number of its entry; 0 until somebody has stepped to it.
    pub(super) fn number(&self) -> u64 {
        // Acquire log-N2: pairs with log-N1. log-I3.
        self.number.load(Ordering::Acquire)
    }

    /// Notes that its entry has this number.
    pub(super) fn note(&self, number: u64) {
        // Relaxed: only to leave the line alone.
        if self.number.load(Ordering::Relaxed) == 0 {
            // Release log-N1: pairs with log-N2; log-I2.
            self.number.store(number, Ordering::Release);
        }
    }

    /// Its outcome, if that is decided.
    pub(super) fn response(&self) -> Option<&Response<Out>> {
        // Acquire log-P1: pairs with log-P2.
        let response = self.response.load(Ordering::Acquire);
        // SAFETY: once set it stays, until the proposal drops.
        unsafe { response.as_ref() }
    }

    /// Decides its outcome, unless that is decided.
    pub(super) fn decide(&self, response: Response<Out>) -> &Response<Out> {
        let mine = Box::into_raw(Box::new(response));
        // Release log-P2: publishes the response; pairs with log-P1. Acquire on failure: as log-P1.
        let decided = self.response.compare_exchange(
            ptr::null_mut(),
            mine,
            Ordering::Release,
            Ordering::Acquire,
        );
        let decided = match decided {
            Ok(_) => mine,
            Err(theirs) => {
                // SAFETY: from `Box` just above, and not stored.
                let mine = unsafe { Box::from_raw(mine) };
                panics::contain(|| drop(mine));
                theirs
            }
        };
        // SAFETY: as in `response`.
        unsafe { &*decided }
    }
}

impl<Op, Out> Drop for Proposal<Op, Out> {
    fn drop(&mut self) {
        // Relaxed: `&mut self` orders it.
        let response = self.response.load(Ordering::Relaxed);
        if !response.is_null() {
            // SAFETY: from `Box` in `decide`; nobody else has it.
            drop(unsafe { Box::from_raw(response) });
        }
    }
}

pub(super) type ProposalOf<O> = Proposal<<O as Sequential>::Op, <O as Sequential>::Out>;

/// A place in the log.
pub(super) struct Entry<O: Sequential, R: Reclaimer> {
    pub(super) number: u64,
    /// None in the first.
    pub(super) proposal: Option<Arc<ProposalOf<O>>>,
    pub(super) next: AtomicPtr<Node<R, Entry<O, R>>>,
}

impl<O: Sequential, R: Reclaimer> Payload for Entry<O, R> {}

pub(super) type EntryNode<O, R> = Node<R, Entry<O, R>>;

impl<O: Sequential, R: Reclaimer> Entry<O, R> {
    /// The last entry of a log, for now.
    pub(super) fn last(number: u64, proposal: Option<Arc<ProposalOf<O>>>) -> Self {
        Self { number, proposal, next: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Decides that the next entry is for `proposal`, unless it is decided what it is for.
    pub(super) fn decide_next(&self, domain: &R, proposal: Arc<ProposalOf<O>>) {
        let new = Node::alloc(domain, Self::last(self.number + 1, Some(proposal))).publish();
        // Release: publishes the entry; pairs with the Acquire in `protect`.
        let decided =
            self.next.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Relaxed);
        if decided.is_err() {
            // SAFETY: from `publish` just above, and not stored.
            drop(unsafe { Owned::unpublished(new) });
        }
    }
}
