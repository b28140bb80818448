//! Epoch-based reclamation with the epochs of the crate sdd, on which scc's tables stand.
//!
//! K. Fraser, *Practical lock-freedom*, PhD thesis, Cambridge 2004, §5.2.3; the crate's departures
//! from it are in its README. A guard announces the global epoch. The epoch advances when every
//! announced epoch is the current one. A node that is retired in epoch e can be freed at e + 3. One stalled
//! guard keeps every node from being freed: the scheme is not robust.
//!
//! The crate has **one domain for the whole process**. Its own lists of retired nodes belong to threads,
//! outlive every table, and may never be freed when the process ends. That breaks reclaim-S2,
//! and with payloads that borrow it would be unsound (`defer_execute` asks for `'static`). So here the
//! crate only provides the epoch: retired nodes wait in our own lists (`batches.rs`), marked with the
//! epoch. They are freed when the crate says that a later epoch is of another generation, or with the
//! domain. The epoch is still global: a guard that stalls in one table, or in one of scc's, keeps
//! the nodes of all tables with this scheme from being freed.
//!
//! After `batch` retirements (64 by default) a thread, at the end of the guard, frees what it can,
//! and makes the crate try to advance the epoch; by itself the crate would do so only for nodes of its own.
//!
//! `enter` is wait-free with one swap (x86-64) or SeqCst fence; `protect` is a plain load; `retire`
//! is a push. Trying to advance the epoch is O(threads of the process), and is given up if another thread
//! is doing it. A thread that has tried releases the list of threads with a CAS, so the end of a guard is
//! lock-free. A thread's first guard registers it with the crate, which is lock-free except for the allocator.
//! A participant's drop is blocking: orphans are under a lock.
//!
//! A handle may be kept in a thread-local, and used in the destructor of any thread-local. When the destructor of
//! the crate's own thread-local has run, the thread can have no guards any more: another thread, which is
//! started for that, enters a guard in its place.

use ::sdd::Epoch;

use super::batches::{Batches, Pool};
use super::pins::{self, Pin};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, Ordering, perturb};

/// The domain of epoch-based reclamation with the epochs of the crate sdd. It has its own retired nodes; the
/// epoch is global to the process.
#[derive(Debug)]
pub struct Sdd {
    pool: Pool<Epoch>,
}

// SAFETY: reclaim-S1: a batch's mark is an epoch read in a guard after its nodes were unlinked; the
// crate promises that they are out of reach of all guards when a later epoch is of another generation.
// ("Later", although epochs count modulo 64: the mark is read before, by this thread or by one that
// handed the batch over under a lock, and reads of one atomic do not go back.) reclaim-S2: a batch is
// freed by its participant, by whoever finds it left, or by the pool's drop, of which each takes it out
// of where it was. reclaim-S3: a batch changes hands under the orphans' lock; a guard's accesses come
// before its end, which comes before the epochs that have to look for it (fence E).
unsafe impl Reclaimer for Sdd {
    type Header = ();
    type Participant<'d> = SddParticipant<'d>;

    const NAME: &'static str = "sdd";
    const SUMMARY: &'static str = "epochs of one domain a process, of scc's tables, crate sdd 4";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: false,
    };

    fn new(batch: Option<usize>) -> Self {
        Self { pool: Pool::new(batch) }
    }

    fn header(&self) {}

    fn register(&self) -> SddParticipant<'_> {
        SddParticipant { batches: self.pool.batches() }
    }
}

/// A thread's registration with a [`Sdd`]: its retired nodes. The crate registers the thread itself.
#[derive(Debug)]
pub struct SddParticipant<'d> {
    batches: Batches<'d, Epoch>,
}

impl SddParticipant<'_> {
    #[cold]
    fn collect(&mut self, pin: &::sdd::Guard) {
        self.batches.close(pin.epoch());
        // SAFETY: reclaim-S1: `now` is read after the marks.
        unsafe { self.batches.free(|| now(pin), passed) }
        pin.accelerate();
    }
}

/// The epoch, read behind every mark that it is compared with: as epochs count modulo 64, a mark that
/// is later than it looks like one of another generation.
fn now(pin: &::sdd::Guard) -> Epoch {
    let now = pin.epoch();
    // Acquire fence E: pairs with the crate's fence before it stores an epoch.
    std::sync::atomic::fence(Ordering::Acquire);
    now
}

fn passed(retired: &Epoch, now: &Epoch) -> bool {
    !retired.in_same_generation(*now)
}

impl Drop for SddParticipant<'_> {
    fn drop(&mut self) {
        if self.batches.is_idle() {
            return;
        }
        // Its end, in which the crate may run others' code, is behind `leave`'s lock.
        let Some(pin) = pins::own_guard() else {
            // The thread has no guard to look from: what it leaves, others free.
            // SAFETY: nothing is said to have passed.
            return unsafe { self.batches.leave(pins::epoch, || (), |_, ()| false) };
        };
        // SAFETY: as in `collect`.
        unsafe { self.batches.leave(|| pin.epoch(), || now(&pin), passed) }
        // Who leaves may never have filled a batch; the epoch has to go on all the same.
        pin.accelerate();
    }
}

impl<'d> Participant<Sdd> for SddParticipant<'d> {
    type Guard<'g>
        = SddGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> SddGuard<'_, 'd> {
        SddGuard { thread: self, _pin: Pin::new() }
    }
}

/// A pinned thread.
#[derive(Debug)]
pub struct SddGuard<'g, 'd> {
    thread: &'g mut SddParticipant<'d>,
    _pin: Pin,
}

impl Drop for SddGuard<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        // What is retired when the thread is about to end is left to others when the participant drops.
        if self.thread.batches.is_full()
            && let Some(pin) = pins::own_guard()
        {
            self.thread.collect(&pin);
        }
    }
}

impl Guard<Sdd> for SddGuard<'_, '_> {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Sdd, T>>) -> *mut Node<Sdd, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Sdd, T>) {
        // SAFETY: by this function's contract.
        unsafe { self.thread.batches.retire(node) }
    }
}
