//! Hyaline-1, by the crate seize.
//!
//! R. Nikolaev and B. Ravindran, *Snapshot-free, transparent, and robust memory reclamation for
//! lock-free data structures*, PLDI 2021; version 0.5 of the crate keeps transparency and has given
//! up robustness. A batch of retired nodes is put on the list of every thread that is in a
//! guard. Each thread takes the batch off its list when its guard ends, and the last one frees it. One stalled
//! guard keeps every batch that is put on its list from being freed: the scheme is not robust.
//!
//! Each table has a collector of its own. A batch is linked into the lists of threads by its own nodes. So it
//! needs at least as many nodes as there are threads in a guard when the batch is retired. The crate ensures
//! that itself, so a smaller `batch` (by default 32, or the number of CPUs if that is more)
//! only means that it tries more often. It allocates a whole batch at once, so a value above 2^20 is taken as
//! 2^20. A participant that drops retires its last batch, padded with empty nodes.
//!
//! `enter` is wait-free: a store, and no fence where the kernel has `membarrier(2)`. `protect` is a
//! SeqCst load. The end of a guard is a swap, and the frees of batches for which this thread is the last. `retire`
//! is amortised O(threads / batch), with a `membarrier` per batch, and lock-free, as threads contend for each
//! other's lists; it boxes no node. Registering does
//! nothing; a thread's first guard in the process takes a thread number, under a lock.
//!
//! A handle may be kept in a thread-local, and used in the destructor of any thread-local. When the destructor of
//! the crate's own thread-local has run and the thread's number is free again, each guard takes a number for
//! itself, under the lock, and when it ends passes on the batch of nodes that were retired in it.
//!
//! # Guards that are left open
//!
//! For each thread number the crate counts the guards of a collector; it enters with the first and
//! leaves with the last. A thread may end inside a guard, if the guard was forgotten or is in another
//! thread-local that drops later. Then the next thread with the number finds that guard counted. Its own guards
//! protect all the same: they are nested in the one that was never left, and nothing is freed for that number any
//! more. But a guard that takes a number for itself does not look at that count. When it ended it would leave, and
//! the guards of the number's next thread would protect nothing. So:
//!
//! * seize-N1. A guard under the thread's number is not used for retiring, nor ended, when the number is
//!   free again, or about to be: other threads may use the number.
//! * seize-N2. Before a number becomes free under which a guard has been left open, `LEFT_OPEN` is set; from then
//!   on no guard with a number of its own ends. The first guard that therefore does not end sets its domain's
//!   `held`: nothing that is retired there is freed any more.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use ::seize::{Collector, Guard as _, LocalGuard, OwnedGuard};

use super::exits::{self, AtExit, Life};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, perturb};

/// The largest batch: 16 MiB for each thread.
const LARGEST_BATCH: usize = 1 << 20;

thread_local! {
    /// Without a destructor: it is there as long as the thread.
    static THREAD: Thread = const {
        Thread { life: Cell::new(Life::Unused), number: Cell::new(0), open: Cell::new(0) }
    };
    static AT_EXIT: AtExit = const { AtExit(exit) };
}

/// What a thread has of the crate.
struct Thread {
    life: Cell<Life>,
    /// The crate's number for the thread, from the first guard on.
    number: Cell<usize>,
    /// Guards under that number that have not ended.
    open: Cell<u64>,
}

impl Thread {
    /// Whether the number is another's, or is about to be.
    #[inline]
    fn is_over(&self) -> bool {
        self.life.get() == Life::Over
    }
}

/// Whether a thread of this process has ended within a guard (seize-N2).
static LEFT_OPEN: AtomicBool = AtomicBool::new(false);

/// The thread's number is about to be free.
fn exit() {
    THREAD.with(|thread| {
        thread.life.set(Life::Over);
        if thread.open.get() > 0 {
            // Relaxed: the crate's lock, behind which it frees the number, orders it before who has that
            // next.
            LEFT_OPEN.store(true, Ordering::Relaxed);
        }
    });
}

/// The domain of Hyaline-1: a collector of the crate seize.
#[derive(Debug, Default)]
pub struct Seize {
    collector: Collector,
    /// As many threads can be in a guard of their own.
    participants: AtomicUsize,
    /// And as many guards have numbers of their own, of threads that exit.
    late: AtomicUsize,
    /// For who hands over under many numbers: one at a time, so that the others' guards are few.
    former: Mutex<()>,
    /// Whether there is a guard that never ends (seize-N2).
    held: AtomicBool,
}

// SAFETY: reclaim-S1: a batch that was handed over while a guard was active is not freed before that
// guard ends; a guard that starts later cannot load its nodes (reclaim-D2). A guard is active, or within
// another that does not end before it (seize-N1, seize-N2). reclaim-S2: the collector
// frees each node once, the last of them when it drops, which is with the domain: participants and
// guards borrow it. reclaim-S3: the collector's own synchronisation.
unsafe impl Reclaimer for Seize {
    type Header = ();
    type Participant<'d> = SeizeParticipant<'d>;

    const NAME: &'static str = "seize";
    const SUMMARY: &'static str = "Hyaline-1 (Nikolaev, Ravindran 2021), crate seize 0.5";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::WaitFree,
        writes: Progress::LockFree,
        progress_is_tested: false,
    };

    fn new(batch: Option<usize>) -> Self {
        let collector = Collector::new();
        Self {
            collector: match batch {
                Some(batch) => collector.batch_size(batch.clamp(1, LARGEST_BATCH)),
                None => collector,
            },
            participants: AtomicUsize::new(0),
            late: AtomicUsize::new(0),
            former: Mutex::new(()),
            held: AtomicBool::new(false),
        }
    }

    fn header(&self) {}

    fn register(&self) -> SeizeParticipant<'_> {
        // Relaxed: a count that is too small makes a batch wait, no more.
        self.participants.fetch_add(1, Ordering::Relaxed);
        SeizeParticipant { domain: self, _thread: PhantomData }
    }
}

impl Seize {
    #[inline]
    fn enter(&self) -> Active<'_> {
        THREAD.with(|thread| match thread.life.get() {
            Life::Used => Active::Own(Own::new(self.collector.enter(), thread)),
            Life::Unused => self.enter_first(thread),
            Life::Over => self.enter_late(),
        })
    }

    #[cold]
    fn enter_first(&self, thread: &Thread) -> Active<'_> {
        match exits::first_use(&thread.life, &AT_EXIT, || self.collector.enter()) {
            Some(guard) => {
                thread.number.set(guard.thread_id());
                Active::Own(Own::new(guard, thread))
            }
            None => self.enter_late(),
        }
    }

    #[cold]
    fn enter_late(&self) -> Active<'_> {
        // Acquire seize-H1: pairs with seize-H2; the guard that never ends has been entered, so that what
        // we load next is not freed, as if we had entered then.
        if self.held.load(Ordering::Acquire) {
            return Active::Held;
        }
        Active::Late(Late::enter(self))
    }

    /// Hands over the batch into which `guard` retires, padded so that it has a node for each guard
    /// that there may be.
    fn hand_over(&self, guard: &impl ::seize::Guard) {
        // Relaxed: as in `register`.
        let (own, late) =
            (self.participants.load(Ordering::Relaxed), self.late.load(Ordering::Relaxed));
        for _ in 0..own + late {
            // SAFETY: nobody reads through this pointer, its reclaimer neither.
            unsafe { guard.defer_retire(ptr::dangling_mut::<()>(), |_, _| ()) };
        }
        guard.flush();
    }
}

/// A thread's registration with a [`Seize`]; the crate registers the thread itself. It is not `Send`: a thread's
/// last batch is passed on when the participant drops in that thread.
#[derive(Debug)]
pub struct SeizeParticipant<'d> {
    domain: &'d Seize,
    _thread: PhantomData<*const ()>,
}

impl<'d> Participant<Seize> for SeizeParticipant<'d> {
    type Guard<'g>
        = SeizeGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> SeizeGuard<'_, 'd> {
        SeizeGuard { active: self.domain.enter(), _participant: PhantomData }
    }
}

impl Drop for SeizeParticipant<'_> {
    /// Nobody else might come to hand the last batch over; and of a trie, whose versions are freed in
    /// their order, all later ones wait for it.
    fn drop(&mut self) {
        match self.domain.enter() {
            Active::Own(own) => self.domain.hand_over(&*own.guard),
            Active::Late(late) => late.hand_over_former(),
            Active::Held => {}
        }
        self.domain.participants.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A guard under the thread's number, or under one of its own; or a domain that is held.
enum Active<'d> {
    Own(Own<'d>),
    Late(Late<'d>),
    Held,
}

/// A guard under the thread's number. Not to be sent.
struct Own<'d> {
    guard: ManuallyDrop<LocalGuard<'d>>,
    /// The thread's `THREAD`, which to look up again would cost as much as the guard.
    thread: NonNull<Thread>,
}

impl<'d> Own<'d> {
    #[inline]
    fn new(guard: LocalGuard<'d>, thread: &Thread) -> Self {
        // 64 bits do not wrap.
        thread.open.set(thread.open.get() + 1);
        Self { guard: ManuallyDrop::new(guard), thread: NonNull::from(thread) }
    }

    #[inline]
    fn thread(&self) -> &Thread {
        // SAFETY: from a reference to `THREAD`, which has no destructor; and we are in its thread, as this
        // is not sent.
        unsafe { self.thread.as_ref() }
    }
}

impl Drop for Own<'_> {
    #[inline]
    fn drop(&mut self) {
        // seize-N1.
        if self.thread().is_over() {
            return;
        }
        let open = &self.thread().open;
        open.set(open.get() - 1);
        // SAFETY: not used again.
        unsafe { ManuallyDrop::drop(&mut self.guard) };
    }
}

/// A guard of a thread that has no number any more.
struct Late<'d> {
    domain: &'d Seize,
    guard: ManuallyDrop<OwnedGuard<'d>>,
}

impl<'d> Late<'d> {
    #[cold]
    fn enter(domain: &'d Seize) -> Self {
        // Relaxed: as in `register`.
        domain.late.fetch_add(1, Ordering::Relaxed);
        Self { domain, guard: ManuallyDrop::new(domain.collector.enter_owned()) }
    }

    /// Hands over the batch under the number that this thread had. The crate gives away the lowest
    /// free number: with as many guards as the number says, and this one, somebody has it. If it is
    /// another thread, that will hand the batch over.
    fn hand_over_former(&self) {
        let turn = self.domain.former.lock().unwrap_or_else(PoisonError::into_inner);
        let former = THREAD.with(|thread| thread.number.get());
        let guards: Vec<Self> = (0..former).map(|_| Self::enter(self.domain)).collect();
        guards.iter().for_each(|late| self.domain.hand_over(&*late.guard));
        // Nothing is freed before these guards end, and that is the user's code.
        drop(turn);
    }
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        // Relaxed: if a guard has been left open under this number, the crate's lock orders it (seize-N2).
        if LEFT_OPEN.load(Ordering::Relaxed) {
            // Release seize-H2: the guard was entered before; pairs with seize-H1.
            return self.domain.held.store(true, Ordering::Release);
        }
        self.domain.hand_over(&*self.guard);
        // Relaxed: as in `register`. The guard ends a little later; who does not count it any more
        // may make a batch wait.
        self.domain.late.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: not used again.
        unsafe { ManuallyDrop::drop(&mut self.guard) };
    }
}

/// An active thread.
pub struct SeizeGuard<'g, 'd> {
    active: Active<'d>,
    _participant: PhantomData<&'g mut SeizeParticipant<'d>>,
}

impl fmt::Debug for SeizeGuard<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeizeGuard").finish_non_exhaustive()
    }
}

impl Guard<Seize> for SeizeGuard<'_, '_> {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Seize, T>>) -> *mut Node<Seize, T> {
        // SeqCst: what the crate's own `protect` does. Without a fence in `enter`, loads have to take
        // part in the order that its barrier in `retire` establishes.
        let node = src.load(Ordering::SeqCst);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Seize, T>) {
        // SAFETY: reclaim-D2: retired only here, so not freed yet.
        unsafe { &*node }.count_retired();
        let reclaim = |node: *mut Node<Seize, T>, _: &Collector| {
            // SAFETY: the collector calls this once, when no guard can hold the node.
            unsafe { Node::reclaim(node) }
        };
        match &self.active {
            // seize-N1. This guard never ends, so the node would not be freed in any case.
            Active::Own(own) if own.thread().is_over() => {}
            // SAFETY: reclaim-D2: unreachable for guards that start later; valid until `reclaim`, on
            // any thread, as `T: Send`.
            Active::Own(own) => unsafe { own.guard.defer_retire(node, reclaim) },
            // SAFETY: as above.
            Active::Late(late) => unsafe { late.guard.defer_retire(node, reclaim) },
            // seize-N2: nor would it here.
            Active::Held => {}
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::mem::forget;
    use std::sync::Arc;
    use std::thread;

    use super::*;

    struct Payload(#[expect(dead_code, reason = "counted")] Arc<()>);

    impl super::Payload for Payload {}

    /// Retires a node with a clone of `payload` that no link has led to.
    fn retire(domain: &Seize, guard: &mut SeizeGuard<'_, '_>, payload: &Arc<()>) {
        let node = Node::alloc(domain, Payload(Arc::clone(payload))).publish();
        // SAFETY: reclaim-D2: nobody can reach it.
        unsafe { guard.retire(node) };
    }

    /// Runs `f` in a guard of a thread that then exits.
    fn in_a_guard(domain: &Seize, f: impl FnOnce(SeizeGuard<'_, '_>) + Send) {
        let run = || {
            let mut participant = domain.register();
            f(participant.enter());
            forget(participant);
        };
        thread::scope(|scope| scope.spawn(run).join().expect("no panic"));
    }

    /// seize-N1: it would end a guard of the thread's that has the number by then.
    #[test]
    fn a_guard_does_not_end_when_its_number_is_about_to_be_free() {
        let (domain, payload) = (Seize::new(Some(1)), Arc::new(()));
        let freed = || {
            let mut participant = domain.register();
            let before = Arc::strong_count(&payload);
            (0..100).for_each(|_| retire(&domain, &mut participant.enter(), &payload));
            before + 100 - Arc::strong_count(&payload)
        };
        assert!(freed() > 0, "nobody is in a guard");
        in_a_guard(&domain, |guard| {
            THREAD.with(|thread| thread.life.set(Life::Over));
            drop(guard);
        });
        assert_eq!(freed(), 0, "the guard has ended");
    }

    /// seize-N1: it would be in a batch of the thread's that has the number by then.
    #[test]
    fn nothing_is_retired_under_a_number_that_is_about_to_be_free() {
        let (domain, payload) = (Seize::new(None), Arc::new(()));
        in_a_guard(&domain, |mut guard| {
            THREAD.with(|thread| thread.life.set(Life::Over));
            retire(&domain, &mut guard, &payload);
        });
        drop(domain);
        assert_eq!(Arc::strong_count(&payload), 2, "it was in a batch, which the domain has freed");
    }
}
