//! P-Sim: a thread announces its operation; then, twice, it applies all announced operations to a copy
//! and tries to install the copy.
//!
//! P. Fatourou, N. Kallimanis, *A highly-efficient wait-free universal construction*, SPAA 2011.
//! Departures: the copy is a fork, O(1) for a trie, whose own nodes a batch changes in place; the
//! announced operations, and the state, are nodes of the reclaimer; there is no backoff.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `read` | wait-free | psim-L1: the protected load of the state |
//! | `apply`, no change | that of `read` | psim-L1 |
//! | `apply` | wait-free | psim-L2: the CAS that installs the first state in which the operation is applied, by any thread that announced an operation of the same batch |
//!
//! This holds if the allocator and the reclaimer have these guarantees too; under schemes that protect single nodes,
//! all are only lock-free. If k operations are announced, each thread applies all of them: O(k) updates of the fork, at
//! most twice. Any number of handles may exist. An update reads the bits and the responses of n handles, O(n), where n
//! is the most that have existed at once. As in the paper, the bits are in as many words as they
//! need, which are not read at one moment.
//!
//! # Invariants
//! * psim-I1. The bit of a handle in `toggles` differs from its `applied` in the state while an
//!   operation of the handle is announced and not applied; a state applies an operation of every
//!   bit that it takes over from `toggles`.
//! * psim-I2. A handle announces when its bits agree: an operation is announced until it is applied,
//!   and its record stays in its slot until the handle announces the next.
//! * psim-I3. *At most once.* A state is installed in place of the one that it was made from, in which
//!   the operations that it applies were not applied. A thread that reads a later operation's record for an
//!   earlier bit has a state that has been replaced since.
//! * psim-I4. *At the latest by the second state* that is installed after the operation was announced:
//!   the thread that installs it has loaded the first one after the announcement, and `toggles` after that
//!   (psim-F1, psim-F2). This holds for each bit separately: words are read one after the other, and a word that does
//!   not exist yet has no announcement before psim-F2.
//! * psim-I5. A state, and an announced record, is retired by the thread that replaced it, hence once.

mod state;

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crossbeam_utils::CachePadded;

use self::state::{Last, Response, State, bits};
use super::{
    CurrentVersion, Sequential, Universal, UniversalHandle, UniversalPinned, Version,
    held_of_versions,
};
use crate::map::{MapInfo, Progress};
use crate::numbers::{Numbers, WORD};
use crate::padded::Padded;
use crate::panics;
use crate::reclaim::{Guard, Node, Offline, Owned, Participant, Payload, Reclaimer};
use crate::sync::{
    self, Arc, AtomicPtr, AtomicU64, Ordering, fence, touch_bytes, touch_bytes_mut, touch_update,
};

/// An operation that its owner has announced.
struct Announced<T>(T);

impl<T> Payload for Announced<T> {}

type StateNode<O, R> = Node<R, State<O>>;
type AnnouncedNode<O, R> = Node<R, Announced<<O as Sequential>::Op>>;

/// An object under P-Sim: each thread applies the announced operations of all threads.
///
/// If [`Version::fork`] panics, as it can where an object is copied whole, the operation panics too,
/// and may still take effect.
pub struct PSim<O: Version, R: Reclaimer> {
    // Dropped first: it frees what was replaced.
    domain: R,
    shared: Shared<O, R>,
}

struct Shared<O: Version, R: Reclaimer> {
    state: CachePadded<AtomicPtr<StateNode<O, R>>>,
    /// A bit for each handle.
    toggles: Padded<AtomicU64, 1>,
    /// Where each handle announces its operation; null before the first.
    announced: Padded<AtomicPtr<AnnouncedNode<O, R>>, SLOTS>,
    numbers: Numbers,
    /// It owns what these lead to.
    _nodes: PhantomData<(StateNode<O, R>, AnnouncedNode<O, R>)>,
}

/// Slots that there are from the start. Few where schedules are explored, so that there come more.
const SLOTS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 64 };

impl<O: Version, R: Reclaimer> Shared<O, R> {
    /// The handles of which an operation is announced, and not applied in `base`. To be called after
    /// psim-F2.
    fn pending(&self, base: &State<O>) -> impl Iterator<Item = usize> {
        self.toggles.iter().enumerate().flat_map(move |(word, toggles)| {
            // Acquire psim-A2: pairs with psim-A1.
            let toggles = toggles.load(Ordering::Acquire);
            bits(toggles ^ base.applied_in(word)).map(move |bit| word * WORD + bit)
        })
    }

    /// The current state, for as long as the guard is borrowed.
    #[inline]
    fn state<'g>(&self, guard: &'g mut impl Guard<R>) -> &'g State<O>
    where
        R: 'g,
    {
        // psim-L1.
        let state = guard.protect(0, &self.state);
        // SAFETY: reclaim-D1: what is in `state` is not retired (psim-I5), and `protect` has found it
        // there after protecting it. Slot 0 is not used again while the guard is borrowed.
        unsafe { &*state.cast_const() }
    }
}

impl<O: Version, R: Reclaimer> Drop for Shared<O, R> {
    fn drop(&mut self) {
        let mut panicked = Ok(());
        for slot in self.announced.iter() {
            // Relaxed, here and below: `&mut self` orders it.
            let record = slot.load(Ordering::Relaxed);
            if !record.is_null() {
                // SAFETY: psim-I5: not retired, as it is in its slot; nobody else has it.
                panicked = panics::first(panicked, unsafe { Node::drop_published(record) });
            }
        }
        let state = self.state.load(Ordering::Relaxed);
        // SAFETY: psim-I5, and nobody else has it.
        let last = unsafe { &mut *state }.payload_mut();
        // SAFETY: it is installed and drops next; those before it were the domain's, which has dropped.
        // Forks are dropped or installed before `attempt` returns.
        unsafe { last.object.end() };
        // SAFETY: as above.
        panicked = panics::first(panicked, unsafe { Node::drop_published(state) });
        if let Err(payload) = panicked
            && !std::thread::panicking()
        {
            panic::resume_unwind(payload);
        }
    }
}

impl<O: Version, R: Reclaimer> PSim<O, R> {
    /// A construction over `object`, whose versions `domain` frees.
    pub fn new_in(domain: R, mut object: O) -> Self {
        // SAFETY: it is installed below, from where it is only read and forked.
        drop(unsafe { object.seal() });
        let first = State { object, last: Vec::new() };
        let shared = Shared {
            state: CachePadded::new(AtomicPtr::new(Node::alloc(&domain, first).publish())),
            toggles: Padded::default(),
            announced: Padded::default(),
            numbers: Numbers::default(),
            _nodes: PhantomData,
        };
        Self { domain, shared }
    }
}

impl<O: Version + Default, R: Reclaimer> Default for PSim<O, R> {
    fn default() -> Self {
        Self::new_in(R::new(None), O::default())
    }
}

impl<O: Version, R: Reclaimer> fmt::Debug for PSim<O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PSim").field("reclaimer", &R::NAME).finish_non_exhaustive()
    }
}

impl<O, R> Universal<O> for PSim<O, R>
where
    O: Version + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    const INFO: MapInfo = MapInfo {
        family: "versioned",
        summary: "everybody applies all that is announced (P-Sim, SPAA 2011) to a hash trie",
        get: R::CAPS.reads,
        // By a compare-and-swap of the value.
        update: Progress::LockFree,
        counts_nodes: true,
        progress_is_tested: R::CAPS.progress_is_tested,
        held: held_of_versions::<O>(R::CAPS.held),
        ..MapInfo::UNKNOWN.with_progress(R::CAPS.writes)
    };

    type Handle<'c>
        = Handle<'c, O, R>
    where
        Self: 'c;

    fn handle(&self) -> Handle<'_, O, R> {
        let shared = &self.shared;
        let slot = shared.numbers.take();
        let own = Own {
            slot,
            announced: shared.announced.get_or_add(slot),
            toggles: shared.toggles.get_or_add(slot / WORD),
        };
        Handle { sim: self, own, unsettled: false, participant: self.domain.register() }
    }

    fn look<T>(&self, _: usize, f: impl FnOnce(&O) -> T) -> T {
        let mut participant = self.domain.register();
        f(&self.shared.state(&mut participant.enter()).object)
    }
}

/// What is a handle's own.
struct Own<'c, O: Version, R: Reclaimer> {
    slot: usize,
    announced: &'c AtomicPtr<AnnouncedNode<O, R>>,
    /// The word that has its bit.
    toggles: &'c AtomicU64,
}

/// A thread's handle of a [`PSim`].
pub struct Handle<'c, O: Version, R: Reclaimer + 'c> {
    sim: &'c PSim<O, R>,
    own: Own<'c, O, R>,
    /// Whether an operation may be announced and not applied (psim-I2): only after a panic in a fork.
    unsettled: bool,
    participant: R::Participant<'c>,
}

impl<O: Version, R: Reclaimer> Drop for Handle<'_, O, R> {
    fn drop(&mut self) {
        if !self.unsettled {
            self.sim.shared.numbers.give_back(self.own.slot);
        }
    }
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'c: 'h, O: Version, R: Reclaimer + 'c> {
    sim: &'c PSim<O, R>,
    own: &'h Own<'c, O, R>,
    unsettled: &'h mut bool,
    guard: <R::Participant<'c> as Participant<R>>::Guard<'h>,
}

impl<'c, O, R> UniversalHandle<O> for Handle<'c, O, R>
where
    O: Version + Send + Sync,
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
        Pinned { sim: self.sim, own: &self.own, unsettled: &mut self.unsettled, guard }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let _online_again = Offline::<R, _>::start(&mut self.participant);
        f()
    }
}

impl<O, R> Pinned<'_, '_, O, R>
where
    O: Version + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    /// Our bit in its word.
    fn own_bit(&self) -> u64 {
        1 << (self.own.slot % WORD)
    }

    #[inline]
    fn state(&mut self) -> &State<O> {
        self.sim.shared.state(&mut self.guard)
    }

    /// Lets the others know of `op`.
    fn announce(&mut self, op: O::Op) {
        let record = Node::alloc(&self.sim.domain, Announced(op)).publish();
        // Release: publishes the record; pairs with the Acquire in `protect`. Only we write here.
        let before = self.own.announced.swap(record, Ordering::Release);
        if !before.is_null() {
            // SAFETY: psim-I5: we replaced it.
            unsafe { self.guard.retire(before) };
        }
        // Release psim-A1: the record comes first; pairs with psim-A2.
        self.own.toggles.fetch_xor(self.own_bit(), Ordering::Release);
        // SeqCst fence psim-F1: pairs with psim-F2. Either who loads the state after we have finds our
        // bit, or we find the state that was loaded (psim-I4).
        fence(Ordering::SeqCst);
    }

    /// Applies all that is announced to a fork of the state and tries to install it, unless our own
    /// operation has been applied: then true. `panicked` is what our own operation panicked with.
    fn attempt(&mut self, panicked: &mut Option<Box<dyn Any + Send>>) -> bool {
        let sim = self.sim;
        let seen = self.guard.protect(0, &sim.shared.state);
        // SAFETY: as in `state`; slot 0 is not used again in this function.
        let base = unsafe { &*seen.cast_const() };
        // SeqCst fence psim-F2: pairs with psim-F1.
        fence(Ordering::SeqCst);
        // Relaxed: we alone change our bit.
        let toggled = self.own.toggles.load(Ordering::Relaxed) & self.own_bit() != 0;
        if toggled == base.applied(self.own.slot) {
            return true;
        }
        base.touch();
        let mut next = State {
            // SAFETY: a state's object is sealed; this one's node is protected until after this
            // function, in which the fork is installed or dropped.
            object: unsafe { base.object.fork() },
            last: base.last.clone(),
        };
        for slot in sim.shared.pending(base) {
            let response = Some(Arc::new(self.run(slot, &mut next.object, panicked)));
            if next.last.len() <= slot {
                next.last.resize(slot + 1, Last { applied: false, response: None });
            }
            next.last[slot] = Last { applied: !base.applied(slot), response };
        }
        touch_bytes_mut(next.last.as_ptr(), size_of_val(next.last.as_slice()));
        // SAFETY: nothing is applied to it after this: it is installed, or abandoned and dropped.
        let residue = unsafe { next.object.seal() };
        let next = Node::alloc(&sim.domain, next).publish();
        let state = &sim.shared.state;
        // Release: publishes the state; pairs with the Acquire in `protect`. psim-L2.
        if state.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed).is_err() {
            // SAFETY: from `publish` just above, and not stored.
            let mut next = unsafe { Owned::unpublished(next) };
            // SAFETY: its own residue; it was not installed, so nobody else has seen it.
            unsafe { next.object.abandon(residue) };
            // Among its responses are those of others.
            panics::in_vain(next);
            return false;
        }
        // SAFETY: the new object was forked from this one and took its place; it is retired below.
        unsafe { base.object.replaced(residue) };
        // SAFETY: psim-I5: our CAS replaced it.
        unsafe { self.guard.retire(seen) };
        true
    }

    /// Runs the operation that `slot` has announced on `object`.
    fn run(
        &mut self,
        slot: usize,
        object: &mut O,
        panicked: &mut Option<Box<dyn Any + Send>>,
    ) -> Response<O::Out> {
        let announced = self.sim.shared.announced.get(slot).expect("psim-I2: there is a record");
        let record = self.guard.protect(1, announced);
        // SAFETY: reclaim-D1: a record is retired when it is no longer in its slot (psim-I5), and
        // `protect` has found it there after protecting it. The slot's bit is set, so there is one
        // (psim-I2).
        let Announced(op) = &**unsafe { &*record.cast_const() };
        touch_bytes(ptr::from_ref(op), size_of::<O::Op>());
        sync::attempt();
        // An operation that panics changes nothing (`Sequential::apply`). Another's panic is the
        // other's business: it will learn of it.
        match panic::catch_unwind(AssertUnwindSafe(|| object.apply(op))) {
            Ok(out) => Response::Out(Mutex::new(Some(out))),
            Err(payload) => {
                let unheard =
                    if slot == self.own.slot { panicked.replace(payload) } else { Some(payload) };
                unheard.into_iter().for_each(panics::discard);
                Response::Panicked
            }
        }
    }

    /// Sees to it that our announced operation is applied.
    fn settle(&mut self, panicked: &mut Option<Box<dyn Any + Send>>) {
        // psim-I4: if both fail, it has been applied all the same.
        let _ = self.attempt(panicked) || self.attempt(panicked);
        *self.unsettled = false;
    }
}

impl<O, R> CurrentVersion<O> for Pinned<'_, '_, O, R>
where
    O: Version + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    #[inline]
    fn version(&mut self) -> &O {
        &self.state().object
    }
}

impl<O, R> UniversalPinned<O> for Pinned<'_, '_, O, R>
where
    O: Version + Send + Sync,
    O::Op: Send + Sync,
    O::Out: Send,
    R: Reclaimer,
{
    #[inline]
    fn read<T>(&mut self, _: usize, f: impl FnOnce(&O) -> T) -> T {
        f(self.version())
    }

    fn apply(&mut self, _: usize, op: O::Op) -> O::Out {
        if let Some(out) = self.version().answer(&op) {
            return out;
        }
        if *self.unsettled {
            self.settle(&mut None);
        }
        *self.unsettled = true;
        self.announce(op);
        let mut panicked = None;
        self.settle(&mut panicked);
        let slot = self.own.slot;
        match self.state().of(slot).and_then(|last| last.response.as_deref()) {
            Some(Response::Out(out)) => {
                touch_update(out);
                let out = out.lock().unwrap_or_else(PoisonError::into_inner).take();
                out.expect("psim-I2: no operation of ours has been applied since")
            }
            Some(Response::Panicked) => panic::resume_unwind(panicked.unwrap_or_else(|| {
                Box::new("the operation panicked in a thread that ran it for this one")
            })),
            None => unreachable!("psim-I4: the operation has been applied"),
        }
    }
}

impl<O: Version, R: Reclaimer> fmt::Debug for Handle<'_, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("sim", self.sim).finish_non_exhaustive()
    }
}

impl<O: Version, R: Reclaimer> fmt::Debug for Pinned<'_, '_, O, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("sim", self.sim).finish_non_exhaustive()
    }
}
