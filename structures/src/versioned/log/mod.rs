//! Herlihy's construction: a log whose next entry is decided by consensus, and for each handle a replica of the object
//! that runs the log.
//!
//! M. Herlihy, *Wait-free synchronization*, TOPLAS 1991; M. Herlihy, N. Shavit, *The art of
//! multiprocessor programming*, ch. 6. Departures: a replica keeps its position between operations;
//! every 128 entries some thread leaves a checkpoint, from which replicas that have fallen behind continue, and
//! before which the log is reclaimed; the first thread that runs an operation decides its response.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `read`, and `apply` without a change | wait-free | log-L1: the load of `frontier`; if the replica is beyond that, when `frontier` first reaches it (log-R2), behind the entry that it is at |
//! | `apply` | wait-free | log-L2: when `frontier` first reaches the operation's entry (log-R2), in the log's order |
//!
//! So an operation takes effect when `frontier` reaches its entry, not when the entry enters the log: until
//! then no thread has received a response that depends on it, and a read may ignore it.
//!
//! This holds if the allocator and the reclaimer have these guarantees too; under schemes that protect single nodes,
//! all are only lock-free. Any number of handles may exist. There are n slots: 64, or the most handles that have
//! existed at once, rounded up to a power of two. An announced operation is in the log at most n + 1 entries later:
//! its slot's turn comes every n entries, and one turn may be lost to a thread that read the slot before the
//! announcement. If n grows meanwhile, it is 2n + log n entries, with the last n: a thread that proposes for an entry
//! counts the slots after the entry before it was decided. So the count only grows from entry to entry, and each
//! doubling costs at most one round. To return, the operation's owner runs up to 128 entries more, or takes a
//! checkpoint. A read runs the log up to `frontier`.
//!
//! # Invariants
//! * log-I1. An entry's `next` is set once, by CAS. The entries form a line, and are numbered.
//! * log-I2. A thread that steps to an entry first notes, in the entry's proposal, that it is in the log. Hence a
//!   proposal that is found not noted, by a thread at some entry, is neither at that entry nor before it.
//! * log-I3. *Exactly once.* A proposal is proposed for the place behind an entry by a thread that is at the
//!   entry and has then found the proposal not noted: if the proposal has entered the log meanwhile, that place
//!   is taken (log-I1, log-I2).
//! * log-I4. The result of an operation is decided once, by the CAS of its `response`, by the first thread that
//!   has run it. A replica in which the user's code gives another result does not continue from there.
//! * log-I5. The entries from the checkpoint's on are not retired. Those before it are, by the thread
//!   that installed it, after `kept_from` says so; hence an entry that is protected, with `kept_from`
//!   not past its number after that, is not freed.
//! * log-I6. Entries before the checkpoint's have responses: the thread that left the checkpoint has run them.

mod checkpoint;
mod compaction;
mod consensus;
mod policy;
mod replica;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::panic;
use std::sync::Mutex;

use crossbeam_utils::CachePadded;

use self::checkpoint::{Checkpoint, CheckpointNode, FIRST_ENTRY};
use self::consensus::{Entry, EntryNode};
use self::policy::AnnouncedNode;
use self::replica::{Replica, Walk};
use super::{Sequential, Universal, UniversalHandle, held_of_wholes};
use crate::map::{MapInfo, Progress};
use crate::numbers::Numbers;
use crate::padded::Padded;
use crate::panics;
use crate::reclaim::{Node, Offline, Participant, Reclaimer};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Slots that there are from the start. Few where schedules are explored, so that turns come round.
const SLOTS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 64 };

/// What the shared pointers lead to.
type Owns<O, R> =
    (CheckpointNode<O, R>, EntryNode<O, R>, <O as Sequential>::Op, Mutex<<O as Sequential>::Out>);

/// An object of which every handle has a replica, and a log of the operations on it.
///
/// The user's code in an operation may panic in the calling thread each time that this thread runs it, but not in the
/// thread that ran it first. Then the call panics, and the operation may take effect.
pub struct HerlihyLog<O: Sequential, R: Reclaimer> {
    // Dropped first: it frees what was retired.
    domain: R,
    shared: Shared<O, R>,
}

struct Shared<O: Sequential, R: Reclaimer> {
    checkpoint: CachePadded<AtomicPtr<CheckpointNode<O, R>>>,
    /// Entries below this number may have been retired.
    kept_from: CachePadded<AtomicU64>,
    /// No response that has been returned to a caller depends on an entry above this number.
    frontier: CachePadded<AtomicU64>,
    /// Where each handle announces its operation; null before the first.
    announced: Padded<AtomicPtr<AnnouncedNode<O, R>>, SLOTS>,
    numbers: Numbers,
    /// It owns what these lead to.
    _nodes: PhantomData<Owns<O, R>>,
}

impl<O: Sequential, R: Reclaimer> Drop for Shared<O, R> {
    fn drop(&mut self) {
        let mut panicked = Ok(());
        for slot in self.announced.iter() {
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
            // SAFETY: log-I5; nobody else has it.
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
        let number = FIRST_ENTRY;
        let at = Node::alloc(&domain, Entry::last(number, None)).publish();
        let checkpoint = Node::alloc(&domain, Checkpoint { object, number, at }).publish();
        let shared = Shared {
            checkpoint: CachePadded::new(AtomicPtr::new(checkpoint)),
            kept_from: CachePadded::new(AtomicU64::new(number)),
            frontier: CachePadded::new(AtomicU64::new(number)),
            announced: Padded::default(),
            numbers: Numbers::default(),
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
    // Who reads may leave a checkpoint, and retire.
    const INFO: MapInfo = MapInfo {
        family: "versioned",
        summary: "a log decided entry by entry, and a replica for each thread (Herlihy 1991)",
        // By a compare-and-swap of the value.
        update: Progress::LockFree,
        counts_nodes: true,
        progress_is_tested: R::CAPS.progress_is_tested,
        // Entries and checkpoints are retired each for itself; a checkpoint is a whole object.
        held: held_of_wholes(R::CAPS.held),
        ..MapInfo::UNKNOWN.with_progress(R::CAPS.writes)
    };

    type Handle<'c>
        = Handle<'c, O, R>
    where
        Self: 'c;

    fn handle(&self) -> Handle<'_, O, R> {
        let number = self.shared.numbers.take();
        let announced = self.shared.announced.get_or_add(number);
        let participant = self.domain.register();
        Handle { log: self, number, announced, replica: None, participant }
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

/// A thread's handle of a [`HerlihyLog`].
pub struct Handle<'c, O: Sequential, R: Reclaimer + 'c> {
    log: &'c HerlihyLog<O, R>,
    number: usize,
    announced: &'c AtomicPtr<AnnouncedNode<O, R>>,
    /// From the first operation on.
    replica: Option<Replica<O, R>>,
    participant: R::Participant<'c>,
}

impl<O: Sequential, R: Reclaimer> Drop for Handle<'_, O, R> {
    fn drop(&mut self) {
        self.log.shared.numbers.give_back(self.number);
    }
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'c: 'h, O: Sequential, R: Reclaimer + 'c> {
    log: &'c HerlihyLog<O, R>,
    announced: &'c AtomicPtr<AnnouncedNode<O, R>>,
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
        Pinned { log: self.log, announced: self.announced, replica: &mut self.replica, guard }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let _online_again = Offline::<R, _>::start(&mut self.participant);
        f()
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
