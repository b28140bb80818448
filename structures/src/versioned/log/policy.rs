//! Policy: for whose operation the next entry is proposed, and how long an operation goes on.
//!
//! An operation is announced. The place with number `n` is proposed for the operation that is announced
//! in slot `n` modulo the number of slots; its owner proposes it for every place. So it is in the log
//! after one round of turns, whatever its owner does.

use std::sync::PoisonError;
use std::{panic, ptr};

use super::super::{Sequential, UniversalPinned};
use super::Pinned;
use super::consensus::{Proposal, ProposalOf, Response};
use super::replica::{ASIDE, Walk};
use crate::reclaim::{Guard, Node, Payload, Reclaimer};
use crate::sync::{Arc, Ordering, fence, touch, touch_update};

/// An announced proposal.
pub(super) struct Announced<T>(pub(super) Arc<T>);

impl<T> Payload for Announced<T> {}

pub(super) type AnnouncedNode<O, R> = Node<R, Announced<ProposalOf<O>>>;

impl<O, R, G> Walk<'_, O, R, G>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
    G: Guard<R>,
{
    /// Proposes, for the place behind the replica's entry, what is announced in the slot whose turn
    /// it is, or the caller's own operation.
    fn propose(&mut self, own: &Arc<ProposalOf<O>>) {
        let entry = self.entry();
        // SeqCst fence log-F2: pairs with log-F1. Slots that somebody has announced in before count too.
        fence(Ordering::SeqCst);
        let slots = &self.log.shared.announced;
        // The number of slots is a power of two.
        let turn = (self.replica.number + 1) as usize & (slots.len() - 1);
        let slot = slots.get(turn).expect("below the number of slots");
        let record = self.guard.protect(ASIDE, slot);
        let mut proposal = own;
        if !record.is_null() {
            // SAFETY: reclaim-D1: a record is retired when it is no longer in its slot, and `protect`
            // has found it there after protecting it.
            let Announced(announced) = &**unsafe { &*record.cast_const() };
            touch(record.cast_const(), ptr::from_ref(&**announced));
            if announced.number() == 0 {
                proposal = announced;
            }
        }
        // Our own may have been helped; then the place is taken.
        if proposal.number() == 0 {
            entry.decide_next(&self.log.domain, Arc::clone(proposal));
        }
    }
}

impl<O, R> Pinned<'_, '_, O, R>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    fn walk(&mut self) -> Walk<'_, O, R, impl Guard<R>> {
        Walk::start(self.log, &mut self.guard, self.replica)
    }

    /// The replica's object, not older than what others have seen.
    #[inline(never)]
    fn caught_up(&mut self) -> &O {
        let mut walk = self.walk();
        walk.catch_up();
        &walk.replica.object
    }

    /// Lets the others know of an operation.
    fn announce(&mut self, op: O::Op) -> Arc<ProposalOf<O>> {
        let proposal = Arc::new(Proposal::new(op));
        let record = Node::alloc(&self.log.domain, Announced(Arc::clone(&proposal))).publish();
        // Release: publishes the record; pairs with the Acquire in `protect`. Only we write here.
        let before = self.announced.swap(record, Ordering::Release);
        if !before.is_null() {
            // SAFETY: we replaced it.
            unsafe { self.guard.retire(before) };
        }
        // SeqCst fence log-F1: pairs with log-F2. Either who looks at our slot finds the record, or we
        // find what was in the log when it looked: no turn but one can miss us.
        fence(Ordering::SeqCst);
        proposal
    }
}

impl<O, R> UniversalPinned<O> for Pinned<'_, '_, O, R>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    /// A replica that is at `frontier` has nothing to run and nothing to say, and is read where it is:
    /// its object is the handle's own, so that no entry need be protected for it.
    #[inline]
    fn read<T>(&mut self, _: usize, f: impl FnOnce(&O) -> T) -> T {
        // Acquire log-R1: pairs with log-R2. log-L1.
        let frontier = self.log.shared.frontier.load(Ordering::Acquire);
        match &*self.replica {
            Some(replica) if replica.is_sound && replica.number == frontier => f(&replica.object),
            _ => f(self.caught_up()),
        }
    }

    fn apply(&mut self, root: usize, op: O::Op) -> O::Out {
        if let Some(out) = self.read(root, |object| object.answer(&op)) {
            return out;
        }
        let own = self.announce(op);
        let mut walk = self.walk();
        walk.own = Some(Arc::clone(&own));
        while own.response().is_none() {
            if !walk.step() {
                walk.propose(&own);
            }
        }
        // It was noted before it was run.
        walk.seen(own.number());
        match own.response() {
            Some(Response::Out(out)) => {
                touch_update(out);
                let out = out.lock().unwrap_or_else(PoisonError::into_inner).take();
                out.expect("nobody else takes it")
            }
            _ => panic::resume_unwind(walk.panicked.take().unwrap_or_else(|| {
                Box::new("the operation panicked in a thread that ran it for this one")
            })),
        }
    }
}
