//! Herlihy's construction: a log whose next entry is decided by consensus, and a replica for each
//! handle that runs it.
//!
//! M. Herlihy, *Wait-free synchronization*, TOPLAS 1991; M. Herlihy, N. Shavit, *The art of
//! multiprocessor programming*, ch. 6. Departures: a replica stays where it is between operations;
//! every 128 entries somebody leaves a checkpoint, from which those that have fallen behind go on, and
//! before which the log is reclaimed; a response is decided by who runs the operation first.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `read`, and `apply` without a change | wait-free | L1: the load of `frontier`; if the replica is beyond that, when `frontier` first reaches it (R2), behind the entry that it is at |
//! | `apply` | wait-free | when `frontier` first reaches the operation's entry (R2), in the log's order |
//!
//! So an operation takes effect when `frontier` says so, not yet when it is in the log (L2): until then
//! nobody has had a response that depends on it, and a read may do without it.
//!
//! Given an allocator and a reclaimer that are, and at most 64 handles; under schemes that protect
//! single nodes, lock-free. An announced operation is in the log 65 entries later at the latest: its
//! slot's turn comes every 64, and one turn may go to somebody who looked at the slot before. To
//! return, its owner runs up to 128 entries more, or takes a checkpoint. A read runs what is in the log
//! up to `frontier`.
//!
//! # Invariants
//! * I1. An entry's `next` is set once, by CAS. The entries form a line, numbered from 0.
//! * I2. Who steps to an entry notes first, in its proposal, that it is in the log. Hence a proposal
//!   that is not noted, looked at from an entry, is neither at that entry nor before it.
//! * I3. *Exactly once.* A proposal is proposed for the place behind an entry by who stands at the
//!   entry and has then found the proposal not noted: if it has got into the log meanwhile, that place
//!   is taken (I1, I2).
//! * I4. What an operation came to is decided once, by the CAS of its `response`, by the first who has
//!   run it; a replica of which the user's code says otherwise does not go on from there.
//! * I5. The entries from the checkpoint's on are not retired. Those before it are, by the thread that
//!   installed it, after `kept_from` says so; hence an entry that is protected, with `kept_from` not
//!   past its number after that, is not freed.
//! * I6. Entries before the checkpoint's have responses: who left it has run them.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_utils::CachePadded;

use super::slots::{MOST, Slots};
use super::{Sequential, Universal, UniversalHandle, UniversalPinned, held_of_wholes};
use crate::map::{MapInfo, Progress};
use crate::panics;
use crate::reclaim::{Guard, Node, Offline, Owned, Participant, Payload, Reclaimer};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence};

/// Entries from one checkpoint to the next.
const INTERVAL: u64 = if cfg!(loom) {
    2
} else if cfg!(shuttle) {
    4
} else {
    128
};

/// What an operation came to.
enum Response<T> {
    /// Its result, until its owner takes it: nobody else locks this.
    Out(Mutex<Option<T>>),
    /// The user's code in it panicked.
    Panicked,
}

/// An operation on its way into the log.
struct Proposal<Op, Out> {
    op: Op,
    /// The number of its entry; 0 until somebody has stepped to it.
    number: AtomicU64,
    /// What it came to; null until somebody has run it.
    response: AtomicPtr<Response<Out>>,
}

impl<Op, Out> Proposal<Op, Out> {
    /// What it came to, if that is decided.
    fn response(&self) -> Option<&Response<Out>> {
        // Acquire P1: pairs with P2.
        let response = self.response.load(Ordering::Acquire);
        // SAFETY: once set it stays, until the proposal drops.
        unsafe { response.as_ref() }
    }

    /// Decides what it came to, unless that is decided.
    fn decide(&self, response: Response<Out>) -> &Response<Out> {
        let mine = Box::into_raw(Box::new(response));
        // Release P2: publishes the response; pairs with P1. Acquire on failure: as P1.
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

type ProposalOf<O> = Proposal<<O as Sequential>::Op, <O as Sequential>::Out>;

/// A place in the log.
struct Entry<O: Sequential, R: Reclaimer> {
    number: u64,
    /// None in the first.
    proposal: Option<Arc<ProposalOf<O>>>,
    next: AtomicPtr<Node<R, Entry<O, R>>>,
}

/// The object after the entry `at`.
struct Checkpoint<O: Sequential, R: Reclaimer> {
    object: O,
    number: u64,
    at: *mut EntryNode<O, R>,
}

/// An announced proposal.
struct Announced<T>(Arc<T>);

impl<O: Sequential, R: Reclaimer> Payload for Entry<O, R> {}
impl<T> Payload for Announced<T> {}
impl<O: Sequential, R: Reclaimer> Payload for Checkpoint<O, R> {
    fn heap_bytes(&self) -> usize {
        self.object.heap_bytes()
    }
}

// SAFETY: `at` is an address; who dereferences it argues for it.
unsafe impl<O: Sequential + Send, R: Reclaimer> Send for Checkpoint<O, R> {}
// SAFETY: as above.
unsafe impl<O: Sequential + Sync, R: Reclaimer> Sync for Checkpoint<O, R> {}

type EntryNode<O, R> = Node<R, Entry<O, R>>;
type CheckpointNode<O, R> = Node<R, Checkpoint<O, R>>;
type Record<O, R> = Node<R, Announced<ProposalOf<O>>>;
/// What the shared pointers lead to.
type Owns<O, R> =
    (CheckpointNode<O, R>, EntryNode<O, R>, <O as Sequential>::Op, Mutex<<O as Sequential>::Out>);

/// An object that every handle has a replica of, and a log of what is done to it.
///
/// If the user's code in an operation panics in one thread whenever that runs it, and not in the one
/// that ran it first, the call panics, and the operation may take effect.
pub struct HerlihyLog<O: Sequential, R: Reclaimer> {
    // Dropped first: it frees what was retired.
    domain: R,
    shared: Shared<O, R>,
}

struct Shared<O: Sequential, R: Reclaimer> {
    checkpoint: CachePadded<AtomicPtr<CheckpointNode<O, R>>>,
    /// Entries below this number may have been retired.
    kept_from: CachePadded<AtomicU64>,
    /// No response that anybody has been given depends on an entry above this number.
    frontier: CachePadded<AtomicU64>,
    announced: [CachePadded<AtomicPtr<Record<O, R>>>; MOST],
    slots: Slots,
    /// It owns what these lead to.
    _nodes: PhantomData<Owns<O, R>>,
}

impl<O: Sequential, R: Reclaimer> Drop for Shared<O, R> {
    fn drop(&mut self) {
        let mut panicked = Ok(());
        for slot in &self.announced {
            // Relaxed, here and below: `&mut self` orders it.
            let record = slot.load(Ordering::Relaxed);
            if !record.is_null() {
                // SAFETY: not retired, as it is in its slot; nobody else has it.
                panicked = panics::first(panicked, unsafe { Node::drop_published(record) });
            }
        }
        let checkpoint = self.checkpoint.load(Ordering::Relaxed);
        // SAFETY: not retired, as it is the current one; nobody else has it.
        let mut at = unsafe { &*checkpoint.cast_const() }.at;
        while !at.is_null() {
            // SAFETY: I5; nobody else has it.
            let next = unsafe { &*at.cast_const() }.next.load(Ordering::Relaxed);
            // SAFETY: as above.
            panicked = panics::first(panicked, unsafe { Node::drop_published(at) });
            at = next;
        }
        // SAFETY: as above.
        panicked = panics::first(panicked, unsafe { Node::drop_published(checkpoint) });
        if let Err(payload) = panicked
            && !std::thread::panicking()
        {
            panic::resume_unwind(payload);
        }
    }
}

impl<O: Sequential + Clone, R: Reclaimer> HerlihyLog<O, R> {
    /// A construction over `object`, whose log and checkpoints `domain` frees.
    pub fn new_in(domain: R, object: O) -> Self {
        let first = Entry { number: 0, proposal: None, next: AtomicPtr::new(ptr::null_mut()) };
        let at = Node::alloc(&domain, first).publish();
        let checkpoint = Node::alloc(&domain, Checkpoint { object, number: 0, at }).publish();
        let shared = Shared {
            checkpoint: CachePadded::new(AtomicPtr::new(checkpoint)),
            kept_from: CachePadded::new(AtomicU64::new(0)),
            frontier: CachePadded::new(AtomicU64::new(0)),
            announced: std::array::from_fn(|_| CachePadded::new(AtomicPtr::new(ptr::null_mut()))),
            slots: Slots::new(),
            _nodes: PhantomData,
        };
        Self { domain, shared }
    }
}

impl<O: Sequential + Clone + Default, R: Reclaimer> Default for HerlihyLog<O, R> {
    fn default() -> Self {
        Self::new_in(R::new(None), O::default())
    }
}

impl<O: Sequential, R: Reclaimer> fmt::Debug for HerlihyLog<O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HerlihyLog").field("reclaimer", &R::NAME).finish_non_exhaustive()
    }
}

impl<O, R> Universal<O> for HerlihyLog<O, R>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    const INFO: MapInfo = {
        let mine = if R::CAPS.per_pointer { Progress::LockFree } else { Progress::WaitFree };
        MapInfo {
            family: "versioned",
            summary: "a log decided entry by entry, and a replica for each thread (Herlihy 1991)",
            // By a compare-and-swap of the value.
            update: Progress::LockFree,
            counts_nodes: true,
            max_threads: Some(MOST),
            progress_is_tested: true,
            // Entries and checkpoints are retired each for itself; a checkpoint is a whole object.
            held: held_of_wholes(R::CAPS.held),
            ..MapInfo::UNKNOWN.with_progress(mine)
        }
    };

    type Handle<'c>
        = Handle<'c, O, R>
    where
        Self: 'c;

    fn handle(&self) -> Handle<'_, O, R> {
        let slot = self.shared.slots.take();
        Handle { log: self, slot, replica: None, participant: self.domain.register() }
    }

    /// By a replica that goes from the checkpoint to where the log is.
    fn look<T>(&self, _: usize, f: impl FnOnce(&O) -> T) -> T {
        let mut participant = self.domain.register();
        let (mut guard, mut replica) = (participant.enter(), None);
        let mut walk = Walk::start(self, &mut guard, &mut replica);
        walk.catch_up();
        f(&walk.replica.object)
    }
}

/// An object, and the entry up to which it has run the log.
struct Replica<O: Sequential, R: Reclaimer> {
    object: O,
    number: u64,
    /// Dereferenced only while protected, and not before `kept_from` (I5). Atomic, so that a guard
    /// can protect what it holds.
    at: AtomicPtr<EntryNode<O, R>>,
    /// Whether it is what the log says; if not, it is not to be used.
    is_sound: bool,
}

impl<O: Sequential + Clone, R: Reclaimer> Replica<O, R> {
    fn of(checkpoint: &Checkpoint<O, R>) -> Self {
        let Checkpoint { object, number, at } = checkpoint;
        let at = AtomicPtr::new(*at);
        Self { object: object.clone(), number: *number, at, is_sound: true }
    }
}

/// A thread's way into a [`HerlihyLog`].
pub struct Handle<'c, O: Sequential, R: Reclaimer + 'c> {
    log: &'c HerlihyLog<O, R>,
    slot: usize,
    /// From the first operation on.
    replica: Option<Replica<O, R>>,
    participant: R::Participant<'c>,
}

impl<O: Sequential, R: Reclaimer> Drop for Handle<'_, O, R> {
    fn drop(&mut self) {
        self.log.shared.slots.give_back(self.slot);
    }
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'c: 'h, O: Sequential, R: Reclaimer + 'c> {
    log: &'c HerlihyLog<O, R>,
    slot: usize,
    replica: &'h mut Option<Replica<O, R>>,
    guard: <R::Participant<'c> as Participant<R>>::Guard<'h>,
}

impl<'c, O, R> UniversalHandle<O> for Handle<'c, O, R>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    type Pinned<'h>
        = Pinned<'h, 'c, O, R>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Pinned<'_, 'c, O, R> {
        let guard = self.participant.enter();
        Pinned { log: self.log, slot: self.slot, replica: &mut self.replica, guard }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let _online_again = Offline::<R, _>::start(&mut self.participant);
        f()
    }
}

/// A replica within a critical section, at an entry that is protected in the guard's slot `held`.
struct Walk<'w, O: Sequential, R: Reclaimer, G> {
    log: &'w HerlihyLog<O, R>,
    guard: &'w mut G,
    replica: &'w mut Replica<O, R>,
    held: usize,
    /// The caller's operation, and what the user's code in it panicked with.
    own: Option<Arc<ProposalOf<O>>>,
    panicked: Option<Box<dyn Any + Send>>,
}

/// The guard's slot for checkpoints and announced records; entries are in the others in turn.
const ASIDE: usize = 0;

impl<'w, O, R, G> Walk<'w, O, R, G>
where
    O: Sequential + Clone + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
    G: Guard<R>,
{
    fn start(
        log: &'w HerlihyLog<O, R>,
        guard: &'w mut G,
        replica: &'w mut Option<Replica<O, R>>,
    ) -> Self {
        let replica = replica.get_or_insert_with(|| {
            let checkpoint = guard.protect(ASIDE, &log.shared.checkpoint);
            // SAFETY: D1: the current checkpoint is not retired, and `protect` found it current.
            Replica::of(&**unsafe { &*checkpoint.cast_const() })
        });
        let mut walk = Self { log, guard, replica, held: 1, own: None, panicked: None };
        if !walk.replica.is_sound || !walk.hold() {
            walk.jump();
        }
        walk
    }

    /// Protects the replica's entry. False if it may have been retired.
    fn hold(&mut self) -> bool {
        self.guard.protect(self.held, &self.replica.at);
        // Acquire K1: pairs with K2.
        self.log.shared.kept_from.load(Ordering::Acquire) <= self.replica.number
    }

    /// Goes on from the checkpoint.
    #[cold]
    fn jump(&mut self) {
        loop {
            let checkpoint = self.guard.protect(ASIDE, &self.log.shared.checkpoint);
            // SAFETY: D1: the current checkpoint is not retired, and `protect` found it current.
            let checkpoint = &**unsafe { &*checkpoint.cast_const() };
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

    /// The replica's entry.
    fn entry(&self) -> &'w Entry<O, R> {
        // SAFETY: D1: `held` protects it, and it was not retired after that (I5).
        unsafe { &*self.replica.at.load(Ordering::Relaxed).cast_const() }
    }

    /// Steps to the next entry and runs it. False if there is none.
    fn step(&mut self) -> bool {
        let aside = 3 - self.held;
        let next = self.guard.protect(aside, &self.entry().next);
        if next.is_null() {
            return false;
        }
        // Acquire K1: pairs with K2. Where a guard protects all, the entry that we stand at does.
        if R::CAPS.per_pointer
            && self.log.shared.kept_from.load(Ordering::Acquire) > self.replica.number
        {
            self.jump();
            return true;
        }
        // SAFETY: D1: protected, and then found not retired (I5).
        let Entry { number, proposal, .. } = &**unsafe { &*next.cast_const() };
        if let Some(proposal) = proposal {
            // Relaxed: only to leave the line alone.
            if proposal.number.load(Ordering::Relaxed) == 0 {
                // Release N1: pairs with N2; I2.
                proposal.number.store(*number, Ordering::Release);
            }
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
        let object = &mut self.replica.object;
        let ran = panic::catch_unwind(AssertUnwindSafe(|| object.apply(&proposal.op)));
        match (ran, proposal.response()) {
            (Ok(out), None) => {
                let mine = Response::Out(Mutex::new(Some(out)));
                // I4.
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

    /// Leaves a copy of the replica as checkpoint, and retires what is before it, if nobody has left
    /// one as late.
    fn leave_checkpoint(&mut self) {
        let shared = &self.log.shared;
        let seen = self.guard.protect(ASIDE, &shared.checkpoint);
        // SAFETY: D1: the current checkpoint is not retired, and `protect` found it current.
        let Checkpoint { number: old_number, at: from, .. } = &**unsafe { &*seen.cast_const() };
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
            drop(unsafe { Owned::unpublished(new) });
            return;
        }
        // Release K2: pairs with K1. Before anything is retired (I5).
        shared.kept_from.fetch_max(number, Ordering::Release);
        let mut old = *from;
        while old != at {
            // SAFETY: I5: from the old checkpoint's entry on nobody but us retires, up to ours.
            // Acquire: pairs with the Release of `propose`.
            let next = unsafe { &*old.cast_const() }.next.load(Ordering::Acquire);
            // SAFETY: I5: no operation that starts later goes there.
            unsafe { self.guard.retire(old) };
            old = next;
        }
        // SAFETY: our CAS replaced it.
        unsafe { self.guard.retire(seen) };
    }

    /// Proposes, for the place behind the replica's entry, what is announced in the slot whose turn
    /// it is, or the caller's own operation.
    fn propose(&mut self, own: &Arc<ProposalOf<O>>) {
        let number = self.replica.number + 1;
        let turn = number as usize % MOST;
        let entry = self.entry();
        // SeqCst fence F2: pairs with F1.
        fence(Ordering::SeqCst);
        let record = self.guard.protect(ASIDE, &self.log.shared.announced[turn]);
        let mut proposal = own;
        if !record.is_null() {
            // SAFETY: D1: a record is retired when it is no longer in its slot, and `protect` has
            // found it there after protecting it.
            let Announced(announced) = &**unsafe { &*record.cast_const() };
            proposal = announced;
        }
        // Acquire N2: pairs with N1. I3.
        if proposal.number.load(Ordering::Acquire) > 0 {
            proposal = own;
        }
        // Acquire N2: as above. Own may have been helped; then the place is taken.
        if proposal.number.load(Ordering::Acquire) > 0 {
            return;
        }
        let next = AtomicPtr::new(ptr::null_mut());
        let entry_for = Entry { number, proposal: Some(Arc::clone(proposal)), next };
        let new = Node::alloc(&self.log.domain, entry_for).publish();
        // Release: publishes the entry; pairs with the Acquire in `protect`. L2.
        let decided =
            entry.next.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Relaxed);
        if decided.is_err() {
            // SAFETY: from `publish` just above, and not stored.
            drop(unsafe { Owned::unpublished(new) });
        }
    }

    /// Runs what others must see, and says that they must see as much as this replica has run.
    fn catch_up(&mut self) {
        // Acquire R1: pairs with R2. L1, unless the replica is ahead.
        let target = self.log.shared.frontier.load(Ordering::Acquire);
        while self.replica.number < target && self.step() {}
        self.seen(self.replica.number);
    }

    /// A response is about to depend on the entry of that number.
    fn seen(&self, number: u64) {
        // Relaxed: a lower bound.
        if self.log.shared.frontier.load(Ordering::Relaxed) < number {
            // Release R2: pairs with R1.
            self.log.shared.frontier.fetch_max(number, Ordering::Release);
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

    /// Lets the others know of an operation.
    fn announce(&mut self, op: O::Op) -> Arc<ProposalOf<O>> {
        let proposal = Arc::new(Proposal {
            op,
            number: AtomicU64::new(0),
            response: AtomicPtr::new(ptr::null_mut()),
        });
        let record = Node::alloc(&self.log.domain, Announced(Arc::clone(&proposal))).publish();
        // Release: publishes the record; pairs with the Acquire in `protect`. Only we write here.
        let before = self.log.shared.announced[self.slot].swap(record, Ordering::Release);
        if !before.is_null() {
            // SAFETY: we replaced it.
            unsafe { self.guard.retire(before) };
        }
        // SeqCst fence F1: pairs with F2. Either who looks at our slot finds the record, or we find
        // what was in the log when it looked: no turn but one can miss us.
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
    fn read<T>(&mut self, _: usize, f: impl FnOnce(&O) -> T) -> T {
        let mut walk = self.walk();
        walk.catch_up();
        f(&walk.replica.object)
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
        // Acquire N2: pairs with N1; noted before it was run.
        walk.seen(own.number.load(Ordering::Acquire));
        match own.response() {
            Some(Response::Out(out)) => {
                let out = out.lock().unwrap_or_else(PoisonError::into_inner).take();
                out.expect("nobody else takes it")
            }
            _ => panic::resume_unwind(walk.panicked.take().unwrap_or_else(|| {
                Box::new("the operation panicked in a thread that ran it for this one")
            })),
        }
    }
}

impl<O: Sequential, R: Reclaimer> fmt::Debug for Handle<'_, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("log", self.log).finish_non_exhaustive()
    }
}

impl<O: Sequential, R: Reclaimer> fmt::Debug for Pinned<'_, '_, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("log", self.log).finish_non_exhaustive()
    }
}
