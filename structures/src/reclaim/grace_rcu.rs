//! RCU with a version for each thread, and grace periods that are shared.
//!
//! P. Ramalhete and A. Correia's user-space RCU by grace versions (on their site Concurrency Freaks).
//! A reader writes into its slot the version in which it reads. The retirer needs every slot to be
//! ahead of the version that it found, so it advances the version by a compare-and-swap. If that fails,
//! another retirer has just advanced it, and both wait for the same slots to pass the same version.
//!
//! Departures: no reader checks the version a second time (that would shorten a grace period, and is
//! not needed for safety). No thread ever waits: after `batch` retirements (64 by default), at the
//! end of a guard, a thread starts or joins a grace period, frees those of its earlier batches
//! whose grace period is over, and goes on.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `enter` | wait-free | a load, a store, a SeqCst fence |
//! | `protect` | wait-free | a plain load |
//! | end of a guard | wait-free | a store |
//! | … after each `batch` retirements | wait-free | one compare-and-swap, a fence, O(threads) |
//! | `retire` | wait-free | a push |
//! | `register`, participant's drop | blocking | orphans are under a lock; the list of threads is lock-free |
//!
//! (Wait-freedom assumes a wait-free allocator.) A thread that is in no guard delays nothing. A thread that
//! stalls in a guard keeps every node that is retired after it entered from being freed: the scheme is not
//! robust.
//!
//! # Invariants
//!
//! * grace_rcu-I1. A batch's mark is the version found after its nodes were unlinked (and fence
//!   grace_rcu-G2), plus 1; the version has reached that before anyone looks at slots.
//! * grace_rcu-I2. In a guard, the thread's slot has a version that was read before fence grace_rcu-G1;
//!   otherwise it has `AWAY`.
//!
//! Hence once no slot is behind a batch's mark m, no thread holds its nodes. Take a reader that has entered.
//! Either the retirer did not see its slot, or it saw m or later there. If it did not see it: the retirer read
//! the slots after grace_rcu-G2, so by the fences the reader's loads, after grace_rcu-G1, see the unlinking. If
//! it saw m: the reader read m before grace_rcu-G1, and the retirer read m - 1, which is before m in the
//! version's modification order, after grace_rcu-G2. So grace_rcu-G2 precedes grace_rcu-G1, and the reader sees
//! the unlinking, no matter which thread swapped in m.

use super::announcements::{AWAY, Announcements, Slot};
use super::batches::{Batches, Pool};
use super::registry::Taken;
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, Ordering, fence, perturb};

/// A domain of RCU with shared grace periods.
#[derive(Debug)]
pub struct GraceRcu {
    versions: Announcements,
    pool: Pool<u64>,
}

// SAFETY: reclaim-S1: the conclusion from grace_rcu-I1 and grace_rcu-I2 above. reclaim-S2: a batch is
// freed by its participant, by whoever finds it left, or by the pool's drop, of which each takes it out
// of where it was. reclaim-S3: a batch changes hands under the orphans' lock; a guard's accesses come
// before its end, and the next announcement (announcements-V1).
unsafe impl Reclaimer for GraceRcu {
    type Header = ();
    type Participant<'d> = GraceRcuParticipant<'d>;

    const NAME: &'static str = "grace-rcu";
    const SUMMARY: &'static str =
        "RCU by versions, grace periods shared (Ramalhete, Correia), ours";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::WaitFree,
        writes: Progress::WaitFree,
        progress_is_tested: true,
    };

    fn new(batch: Option<usize>) -> Self {
        Self { versions: Announcements::default(), pool: Pool::new(batch) }
    }

    fn header(&self) {}

    fn register(&self) -> GraceRcuParticipant<'_> {
        let slot = self.versions.slot();
        GraceRcuParticipant { domain: self, slot, batches: self.pool.batches() }
    }
}

impl GraceRcu {
    /// Starts a grace period, or joins one that starts right now; returns its mark (grace_rcu-I1).
    fn start(&self) -> u64 {
        // SeqCst fence grace_rcu-G2: pairs with grace_rcu-G1.
        fence(Ordering::SeqCst);
        // Relaxed, here and below: ordered by grace_rcu-G2.
        let found = self.versions.current.load(Ordering::Relaxed);
        let mark = found + 1;
        // Who loses shares the grace period: the version is `mark` or later all the same.
        let (won, lost) = (Ordering::Relaxed, Ordering::Relaxed);
        _ = self.versions.current.compare_exchange(found, mark, won, lost);
        mark
    }

    /// The version that no guard is behind.
    fn reached(&self) -> u64 {
        // SeqCst fence grace_rcu-G2: this one is behind the unlinkings of orphans, too, as we have
        // their lock.
        fence(Ordering::SeqCst);
        self.versions.oldest()
    }
}

/// A thread's registration with a [`GraceRcu`].
#[derive(Debug)]
pub struct GraceRcuParticipant<'d> {
    domain: &'d GraceRcu,
    slot: Taken<'d, Slot>,
    batches: Batches<'d, u64>,
}

impl GraceRcuParticipant<'_> {
    #[cold]
    fn collect(&mut self) {
        self.batches.close(self.domain.start());
        // SAFETY: reclaim-S1, as `reached` looks behind `start`, and for orphans behind their lock.
        unsafe { self.batches.free(|| self.domain.reached(), |mark, reached| mark <= reached) }
    }
}

impl Drop for GraceRcuParticipant<'_> {
    fn drop(&mut self) {
        // A guard may have been forgotten.
        self.slot.announce(AWAY);
        let domain = self.domain;
        let passed = |mark: &u64, reached: &u64| mark <= reached;
        // SAFETY: as in `collect`.
        unsafe { self.batches.leave(|| domain.start(), || domain.reached(), passed) }
    }
}

impl<'d> Participant<GraceRcu> for GraceRcuParticipant<'d> {
    type Guard<'g>
        = GraceRcuGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> GraceRcuGuard<'_, 'd> {
        // Relaxed: ordered by grace_rcu-G1.
        let version = self.domain.versions.current.load(Ordering::Relaxed);
        self.slot.announce(version);
        // SeqCst fence grace_rcu-G1: pairs with grace_rcu-G2.
        fence(Ordering::SeqCst);
        GraceRcuGuard { thread: self }
    }
}

/// A critical section, in the version that the thread's slot says.
#[derive(Debug)]
pub struct GraceRcuGuard<'g, 'd> {
    thread: &'g mut GraceRcuParticipant<'d>,
}

impl Drop for GraceRcuGuard<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.thread.slot.announce(AWAY);
        if self.thread.batches.is_full() {
            self.thread.collect();
        }
    }
}

impl Guard<GraceRcu> for GraceRcuGuard<'_, '_> {
    #[inline]
    fn protect<T>(
        &mut self,
        _: usize,
        src: &AtomicPtr<Node<GraceRcu, T>>,
    ) -> *mut Node<GraceRcu, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<GraceRcu, T>) {
        // SAFETY: by this function's contract.
        unsafe { self.thread.batches.retire(node) }
    }
}
