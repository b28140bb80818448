//! Replicas of the object, and how they run the log.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::Mutex;

use super::super::Sequential;
use super::HerlihyLog;
use super::checkpoint::{Checkpoint, INTERVAL};
use super::consensus::{Entry, EntryNode, ProposalOf, Response};
use crate::panics;
use crate::reclaim::{Guard, Reclaimer};
use crate::sync::{self, Arc, AtomicPtr, Ordering, touch, touch_bytes};

/// An object, and the entry up to which it has run the log.
pub(super) struct Replica<O: Sequential, R: Reclaimer> {
    pub(super) object: O,
    pub(super) number: u64,
    /// Dereferenced only while protected, and not before `kept_from` (log-I5). Atomic, so that a guard
    /// can protect what it holds.
    pub(super) at: AtomicPtr<EntryNode<O, R>>,
    /// Whether it is what the log says; if not, it is not to be used.
    pub(super) is_sound: bool,
}

impl<O: Sequential + Clone, R: Reclaimer> Replica<O, R> {
    pub(super) fn of(checkpoint: &Checkpoint<O, R>) -> Self {
        let Checkpoint { object, number, at } = checkpoint;
        let at = AtomicPtr::new(*at);
        Self { object: object.clone(), number: *number, at, is_sound: true }
    }
}

/// A replica within a critical section, at an entry that is protected in the guard's slot `held`.
pub(super) struct Walk<'w, O: Sequential, R: Reclaimer, G> {
    pub(super) log: &'w HerlihyLog<O, R>,
    pub(super) guard: &'w mut G,
    pub(super) replica: &'w mut Replica<O, R>,
    held: usize,
    /// The caller's operation, and what the user's code in it panicked with.
    pub(super) own: Option<Arc<ProposalOf<O>>>,
    pub(super) panicked: Option<Box<dyn Any + Send>>,
}

/// The guard's slot for checkpoints and announced records; entries are in the others in turn.
pub(super) const ASIDE: usize = 0;

impl<'w, O, R, G> Walk<'w, O, R, G>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
    G: Guard<R>,
{
    pub(super) fn start(
        log: &'w HerlihyLog<O, R>,
        guard: &'w mut G,
        replica: &'w mut Option<Replica<O, R>>,
    ) -> Self {
        let replica = replica.get_or_insert_with(|| {
            let checkpoint = guard.protect(ASIDE, &log.shared.checkpoint);
            // SAFETY: reclaim-D1: the current checkpoint is not retired, and `protect` found it
            // current.
            Replica::of(&**unsafe { &*checkpoint.cast_const() })
        });
        let mut walk = Self { log, guard, replica, held: 1, own: None, panicked: None };
        if !walk.replica.is_sound || !walk.hold() {
            walk.jump();
        }
        walk
    }

    /// Protects the replica's entry. False if it may have been retired.
    pub(super) fn hold(&mut self) -> bool {
        self.guard.protect(self.held, &self.replica.at);
        // Acquire log-K1: pairs with log-K2.
        self.log.shared.kept_from.load(Ordering::Acquire) <= self.replica.number
    }

    /// The replica's entry.
    pub(super) fn entry(&self) -> &'w Entry<O, R> {
        // SAFETY: reclaim-D1: `held` protects it, and it was not retired after that (log-I5).
        unsafe { &*self.replica.at.load(Ordering::Relaxed).cast_const() }
    }

    /// Steps to the next entry and runs it. False if there is none.
    pub(super) fn step(&mut self) -> bool {
        let aside = 3 - self.held;
        let next = self.guard.protect(aside, &self.entry().next);
        if next.is_null() {
            return false;
        }
        // Acquire log-K1: pairs with log-K2. Where a guard protects all, the entry that we stand at
        // does.
        if R::CAPS.per_pointer
            && self.log.shared.kept_from.load(Ordering::Acquire) > self.replica.number
        {
            self.jump();
            return true;
        }
        // SAFETY: reclaim-D1: protected, and then found not retired (log-I5).
        let Entry { number, proposal, .. } = &**unsafe { &*next.cast_const() };
        touch(next.cast_const(), proposal.as_deref().map_or(ptr::null(), ptr::from_ref));
        if let Some(proposal) = proposal {
            proposal.note(*number);
            if !self.run(proposal) {
                self.replica.is_sound = false;
                self.jump();
                return true;
            }
        }
        self.held = aside;
        self.replica.number = *number;
        // Relaxed: nobody else has the replica.
        self.replica.at.store(next, Ordering::Relaxed);
        if number.is_multiple_of(INTERVAL) {
            self.leave_checkpoint();
        }
        true
    }

    /// Runs an operation on the replica. False if it has had an effect here that it must not have.
    fn run(&mut self, proposal: &Arc<ProposalOf<O>>) -> bool {
        if matches!(proposal.response(), Some(Response::Panicked)) {
            return true;
        }
        touch_bytes(&raw const proposal.op, size_of::<O::Op>());
        sync::attempt();
        let object = &mut self.replica.object;
        let ran = panic::catch_unwind(AssertUnwindSafe(|| object.apply(&proposal.op)));
        match (ran, proposal.response()) {
            (Ok(out), None) => {
                let mine = Response::Out(Mutex::new(Some(out)));
                // log-I4.
                matches!(proposal.decide(mine), Response::Out(_))
            }
            (Ok(out), Some(decided)) => {
                panics::contain(|| drop(out));
                matches!(decided, Response::Out(_))
            }
            (Err(payload), _) => {
                let own = self.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, proposal));
                if matches!(proposal.decide(Response::Panicked), Response::Out(_)) {
                    // It ran elsewhere: once more, and the caller's panic if it fails again.
                    panics::discard(payload);
                    let out = object.apply(&proposal.op);
                    panics::contain(|| drop(out));
                } else if own {
                    self.panicked = Some(payload);
                } else {
                    panics::discard(payload);
                }
                true
            }
        }
    }

    /// Runs what others must see, and says that they must see as much as this replica has run.
    pub(super) fn catch_up(&mut self) {
        // Acquire log-R1: pairs with log-R2. log-L1, unless the replica is ahead.
        let target = self.log.shared.frontier.load(Ordering::Acquire);
        while self.replica.number < target && self.step() {}
        self.seen(self.replica.number);
    }

    /// A response is about to depend on the entry of that number.
    pub(super) fn seen(&self, number: u64) {
        // Relaxed: a lower bound.
        if self.log.shared.frontier.load(Ordering::Relaxed) < number {
            // Release log-R2: pairs with log-R1.
            self.log.shared.frontier.fetch_max(number, Ordering::Release);
        }
    }
}
