//! What checkpoints are for: a replica that has fallen behind goes on from the last one, and the log before
//! that is reclaimed.

use std::{mem, ptr};

use super::super::Sequential;
use super::checkpoint::Checkpoint;
use super::replica::{ASIDE, Replica, Walk};
use crate::panics;
use crate::reclaim::{Guard, Node, Owned, Reclaimer};
use crate::sync::{Ordering, touch, touch_bytes};

impl<O, R, G> Walk<'_, O, R, G>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
    G: Guard<R>,
{
    /// Goes on from the checkpoint.
    #[cold]
    pub(super) fn jump(&mut self) {
        loop {
            let checkpoint = self.guard.protect(ASIDE, &self.log.shared.checkpoint);
            // SAFETY: reclaim-D1: the current checkpoint is not retired, and `protect` found it
            // current.
            let checkpoint = &**unsafe { &*checkpoint.cast_const() };
            touch_bytes(ptr::from_ref(checkpoint), size_of::<Checkpoint<O, R>>());
            // Until there is another, in case that the user's code panics.
            self.replica.is_sound = false;
            let old = mem::replace(self.replica, Replica::of(checkpoint));
            panics::contain(|| drop(old));
            // A guard that protects all that it could load needs no second look: the checkpoint's
            // entry was not retired when we loaded the checkpoint.
            if self.hold() || !R::CAPS.per_pointer {
                return;
            }
        }
    }

    /// Leaves a copy of the replica as checkpoint, and retires what is before it, if nobody has left
    /// one as late.
    pub(super) fn leave_checkpoint(&mut self) {
        let shared = &self.log.shared;
        let seen = self.guard.protect(ASIDE, &shared.checkpoint);
        // SAFETY: reclaim-D1: the current checkpoint is not retired, and `protect` found it current.
        let Checkpoint { number: old_number, at: from, .. } = &**unsafe { &*seen.cast_const() };
        touch(ptr::from_ref(old_number), *from);
        if *old_number >= self.replica.number {
            return;
        }
        let Replica { object, number, at, .. } = &*self.replica;
        // Relaxed: nobody else has the replica.
        let (number, at) = (*number, at.load(Ordering::Relaxed));
        // The operation that brought us here may be anybody's, and has taken effect: if the clone
        // panics there is no checkpoint this time.
        let mut copy = None;
        panics::contain(|| copy = Some(object.clone()));
        let Some(object) = copy else { return };
        let checkpoint = Checkpoint { object, number, at };
        let new = Node::alloc(&self.log.domain, checkpoint).publish();
        // Release: publishes the checkpoint; pairs with the Acquire in `protect`.
        let installed =
            shared.checkpoint.compare_exchange(seen, new, Ordering::Release, Ordering::Relaxed);
        if installed.is_err() {
            // SAFETY: from `publish` just above, and not stored.
            let lost = unsafe { Owned::unpublished(new) };
            // As with the clone's panic.
            panics::contain(|| drop(lost));
            return;
        }
        // Release log-K2: pairs with log-K1. Before anything is retired (log-I5).
        shared.kept_from.fetch_max(number, Ordering::Release);
        let mut old = *from;
        while old != at {
            // SAFETY: log-I5: from the old checkpoint's entry on nobody but us retires, up to ours.
            // Acquire: pairs with the Release of `propose`.
            let next = unsafe { &*old.cast_const() }.next.load(Ordering::Acquire);
            // SAFETY: log-I5: no operation that starts later goes there.
            unsafe { self.guard.retire(old) };
            old = next;
        }
        // SAFETY: our CAS replaced it.
        unsafe { self.guard.retire(seen) };
    }
}
