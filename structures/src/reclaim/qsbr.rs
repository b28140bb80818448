//! Quiescent-state-based reclamation.
//!
//! P. McKenney and J. Slingwine, *Read-copy update: using execution history to solve concurrency
//! problems*, PDCS 1998; in user space: T. Hart, P. McKenney, A. Demke Brown and J. Walpole,
//! *Performance of memory reclamation for lockless synchronization*, JPDC 2007, §3.1. Between two
//! operations a thread holds no reference: it is in a quiescent state. A batch of retired nodes is freed when
//! every thread has been in a quiescent state since.
//!
//! Departures: retiring threads advance a shared version, and a thread in a quiescent state
//! reads that version instead of incrementing a counter of its own. So its later loads come after the
//! unlinking, and neither the beginning nor the end of a guard needs a fence. No thread ever waits: after
//! `batch` retirements (64 by default), at the end of a guard, a thread requests a new version, reads which
//! version all threads have reached, frees what it can of its earlier batches, and goes on.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `enter` | wait-free | nothing (one test of a local word) |
//! | `protect` | wait-free | a plain load |
//! | end of a guard | wait-free | a plain load; a plain store if the version has changed |
//! | … after each `batch` retirements | wait-free | an addition to the shared version, a fence, O(threads) |
//! | `retire` | wait-free | a push |
//! | `register`, participant's drop | blocking | orphans are under a lock; the list of threads is lock-free |
//!
//! (Wait-freedom assumes a wait-free allocator.) A registered thread that runs no operation keeps every node
//! that is retired after its last operation from being freed, until it runs another, goes offline, or drops its
//! participant: the scheme *needs quiescence*. A thread that stalls in an operation does the same: the scheme is
//! not robust.
//!
//! # Invariants
//!
//! * qsbr-I1. A batch's version is requested after its nodes were unlinked.
//! * qsbr-I2. A slot has a v < `AWAY` only if the loads of its thread from now on come after everything that
//!   happened before v was requested.
//! * qsbr-I3. A thread whose slot has `AWAY` is in no guard.
//!
//! Hence once no slot is behind a batch's version, no thread holds its nodes: a thread either has ended its old
//! operations (qsbr-I2, qsbr-I3), or registered later and sees the nodes unlinked (qsbr-Q1 or
//! qsbr-Q3).

use super::announcements::{AWAY, Announcements, Slot};
use super::batches::{Batches, Pool};
use super::registry::Taken;
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, Ordering, fence, perturb};

/// The domain of quiescent-state-based reclamation.
#[derive(Debug)]
pub struct Qsbr {
    versions: Announcements,
    pool: Pool<u64>,
}

// SAFETY: reclaim-S1: the conclusion from qsbr-I1–I3 above. reclaim-S2: a batch is freed by its
// participant, by whoever finds it left, or by the pool's drop, of which each takes it out of where it
// was. reclaim-S3: a batch changes hands under the orphans' lock; a thread's accesses come before its
// next announcement (announcements-V1).
unsafe impl Reclaimer for Qsbr {
    type Header = ();
    type Participant<'d> = QsbrParticipant<'d>;

    const NAME: &'static str = "qsbr";
    const SUMMARY: &'static str = "quiescent states at the end of operations (McKenney 1998), ours";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: true,
        takes_batch: true,
        reads: Progress::WaitFree,
        writes: Progress::WaitFree,
        progress_is_tested: true,
    };

    fn new(batch: Option<usize>) -> Self {
        Self { versions: Announcements::default(), pool: Pool::new(batch) }
    }

    fn header(&self) {}

    /// The participant is online.
    fn register(&self) -> QsbrParticipant<'_> {
        let slot = self.versions.slot();
        let batches = self.pool.batches();
        let mut new = QsbrParticipant { domain: self, slot, announced: AWAY, batches };
        new.online();
        new
    }
}

impl Qsbr {
    /// Asks for a version (qsbr-I1).
    fn next_version(&self) -> u64 {
        // Release qsbr-Q1: pairs with qsbr-Q1 in `quiescent`, and with the fences qsbr-Q2 and qsbr-Q3.
        // Who reads this version, or a later one, sees our nodes unlinked. Who announces it has to have
        // seen those of earlier versions: `collect` has, by fence qsbr-Q2.
        self.versions.current.fetch_add(1, Ordering::Release) + 1
    }

    /// The version that all threads have reached.
    fn reached(&self) -> u64 {
        // SeqCst fence qsbr-Q2: pairs with qsbr-Q3. Either we see the slot of a thread that comes
        // online, or it sees the nodes unlinked that we may free: ours, and the orphans, as we have
        // their lock. As an Acquire fence it pairs with qsbr-Q1 of the earlier versions, whose nodes we
        // will not load again (qsbr-I2).
        fence(Ordering::SeqCst);
        self.versions.oldest()
    }
}

/// A thread's registration with a [`Qsbr`]; it is online.
#[derive(Debug)]
pub struct QsbrParticipant<'d> {
    domain: &'d Qsbr,
    slot: Taken<'d, Slot>,
    /// What the slot says.
    announced: u64,
    batches: Batches<'d, u64>,
}

impl QsbrParticipant<'_> {
    fn announce(&mut self, version: u64) {
        self.announced = version;
        self.slot.announce(version);
    }

    /// Between two operations.
    #[inline]
    fn quiescent(&mut self) {
        if self.batches.is_full() {
            return self.collect();
        }
        // Acquire qsbr-Q1: pairs with qsbr-Q1 in `next_version`. Whoever asked for this version had
        // unlinked their nodes: we will not load them again (qsbr-I2).
        let version = self.domain.versions.current.load(Ordering::Acquire);
        if version != self.announced {
            self.announce(version);
        }
    }

    #[cold]
    fn collect(&mut self) {
        let version = self.domain.next_version();
        self.batches.close(version);
        self.announce(version);
        // SAFETY: reclaim-S1: `reached` is looked up after the versions were asked for.
        unsafe {
            self.batches.free(|| self.domain.reached(), |version, reached| version <= reached)
        }
    }
}

impl Drop for QsbrParticipant<'_> {
    fn drop(&mut self) {
        self.offline();
        let domain = self.domain;
        let passed = |version: &u64, reached: &u64| version <= reached;
        // SAFETY: as in `collect`.
        unsafe { self.batches.leave(|| domain.next_version(), || domain.reached(), passed) }
    }
}

impl<'d> Participant<Qsbr> for QsbrParticipant<'d> {
    type Guard<'g>
        = QsbrGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> QsbrGuard<'_, 'd> {
        // qsbr-I3, also for those who forget to go online again.
        if self.announced == AWAY {
            self.online();
        }
        QsbrGuard { thread: self }
    }

    fn offline(&mut self) {
        self.announce(AWAY);
    }

    #[cold]
    fn online(&mut self) {
        // Relaxed: qsbr-Q3 is behind it.
        let version = self.domain.versions.current.load(Ordering::Relaxed);
        self.announce(version);
        // SeqCst fence qsbr-Q3: pairs with qsbr-Q2, and as an Acquire fence with qsbr-Q1. Hence qsbr-I2.
        fence(Ordering::SeqCst);
    }
}

/// A critical section; at its end the thread is between operations.
#[derive(Debug)]
pub struct QsbrGuard<'g, 'd> {
    thread: &'g mut QsbrParticipant<'d>,
}

impl Drop for QsbrGuard<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.thread.quiescent();
    }
}

impl Guard<Qsbr> for QsbrGuard<'_, '_> {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Qsbr, T>>) -> *mut Node<Qsbr, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Qsbr, T>) {
        // SAFETY: by this function's contract.
        unsafe { self.thread.batches.retire(node) }
    }
}
