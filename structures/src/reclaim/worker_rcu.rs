//! RCU by running a marker on every worker.
//!
//! *Make any algorithm lock-free with this one crazy trick* (The Paper Trail, 2016) ends with the
//! kernel's classic answer to the question when the old version may be freed: readers never give up their CPU
//! inside a critical section, so when the writer has itself run on every CPU, all older readers are done.
//! P. McKenney, *Exploiting deferred destruction*, PhD thesis, OHSU 2004. For threads that may be
//! preempted anywhere that is wrong: a reader that loses its CPU in the middle of a critical section is still
//! a reader. The sound form replaces CPUs by *workers*, which run one task after another: each worker
//! runs the writer's *marker* itself.
//!
//! A worker here is a registered participant. Its tasks are its operations (guards) and the
//! markers that other threads have put into its mailbox. It looks into the mailbox at the end of each guard, and
//! never inside one: an operation does not yield. A batch of retired nodes gets one marker, which is posted
//! to every worker; when all have run it, the batch is freed. No thread ever waits: after `batch`
//! retirements (64 by default), at the end of a guard, a thread posts a marker, frees those of its
//! earlier batches whose markers all workers have run, and goes on.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `enter` | wait-free | nothing (one test of a local flag) |
//! | `protect` | wait-free | a plain load |
//! | end of a guard | wait-free | a plain load; if there are markers, a swap and O(markers) |
//! | … after each `batch` retirements | lock-free | a fence; an allocation and a CAS for each worker |
//! | `retire` | wait-free | a push |
//! | `register`, participant's drop | blocking | orphans are under a lock; the list of workers is lock-free |
//!
//! (These guarantees assume an allocator that has them too.) A registered worker that runs no operation does not
//! look into its mailbox. It keeps every batch that is posted meanwhile from being freed, until its next operation,
//! or until it goes offline or drops its participant: the scheme *needs quiescence*. A worker that stalls does the
//! same: the scheme is not robust. An offline worker's mailbox is closed, and it has nothing to run.
//!
//! # Invariants
//!
//! * worker_rcu-I1. A marker is posted after the nodes of its batch were unlinked.
//! * worker_rcu-I2. A worker runs markers, and opens and closes its mailbox, only while it is in no
//!   guard.
//! * worker_rcu-I3. A worker in a guard has an open mailbox.
//!
//! Hence when a marker has passed every mailbox, every worker that could hold a node of its batch either has run
//! the marker or was offline (worker_rcu-I1, worker_rcu-I2). Workers that come later see the nodes
//! unlinked (worker_rcu-W1, or worker_rcu-W3 with worker_rcu-W5).

use std::{fmt, ptr};

use super::batches::{Batches, Pool};
use super::registry::{Registry, Taken};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{Arc, AtomicPtr, AtomicUsize, Ordering, fence, perturb, touch};

/// The domain of RCU by workers.
#[derive(Debug)]
pub struct WorkerRcu {
    mailboxes: Registry<Mailbox>,
    pool: Pool<Arc<Marker>>,
}

// SAFETY: reclaim-S1: the conclusion from worker_rcu-I1–I3 above. reclaim-S2: a batch is freed by its
// participant, by whoever finds it left, or by the pool's drop, of which each takes it out of where it
// was. reclaim-S3: a batch changes hands under the orphans' lock; a worker's accesses come before it
// runs a marker (worker_rcu-W2) or closes its mailbox (worker_rcu-W4).
unsafe impl Reclaimer for WorkerRcu {
    type Header = ();
    type Participant<'d> = WorkerRcuParticipant<'d>;

    const NAME: &'static str = "worker-rcu";
    const SUMMARY: &'static str = "RCU by a marker that every worker runs between operations, ours";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: true,
        takes_batch: true,
        reads: Progress::WaitFree,
        writes: Progress::LockFree,
        progress_is_tested: true,
    };

    fn new(batch: Option<usize>) -> Self {
        Self { mailboxes: Registry::default(), pool: Pool::new(batch) }
    }

    fn header(&self) {}

    /// The participant is online.
    fn register(&self) -> WorkerRcuParticipant<'_> {
        let mailbox = self.mailboxes.take();
        let batches = self.pool.batches();
        let mut new = WorkerRcuParticipant { domain: self, mailbox, away: true, batches };
        new.online();
        new
    }
}

impl WorkerRcu {
    /// Posts a marker to every worker (worker_rcu-I1).
    fn post(&self) -> Arc<Marker> {
        // SeqCst fence worker_rcu-W3: pairs with worker_rcu-W5. Either we see the mailbox of a worker
        // that comes online as open, or it sees our nodes unlinked.
        fence(Ordering::SeqCst);
        let marker = Arc::new(Marker { to_pass: AtomicUsize::new(0) });
        self.mailboxes.iter().for_each(|mailbox| mailbox.post(&marker));
        marker
    }
}

/// What every worker has to run.
#[derive(Debug)]
struct Marker {
    /// Mailboxes that it is in; means something once it is posted to all.
    to_pass: AtomicUsize,
}

impl Marker {
    /// Runs the marker.
    fn pass(&self) {
        // Release worker_rcu-W2: pairs with worker_rcu-W2 in `has_passed`. It lets go of all that the
        // worker's operations held. All changes are read-modify-writes, and go on with the release
        // sequence.
        self.to_pass.fetch_sub(1, Ordering::Release);
    }

    fn has_passed(&self) -> bool {
        // Acquire worker_rcu-W2: pairs with worker_rcu-W2 in `pass`.
        self.to_pass.load(Ordering::Acquire) == 0
    }
}

/// A worker's markers, newest first: others push, the worker takes them all, or it is dropped with
/// the domain, if the worker's participant was forgotten.
struct Mailbox {
    head: AtomicPtr<Note>,
}

/// A marker in a mailbox.
struct Note {
    marker: Arc<Marker>,
    /// Only changed before the note is in the mailbox; atomic so that loom sees worker_rcu-W1.
    next: AtomicPtr<Note>,
}

/// The head of a mailbox whose worker is away: no note's address, as notes are aligned.
const CLOSED: *mut Note = ptr::without_provenance_mut(1);

impl Default for Mailbox {
    fn default() -> Self {
        Self { head: AtomicPtr::new(CLOSED) }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Puts `marker` in, unless the worker is away.
    fn post(&self, marker: &Arc<Marker>) {
        // Acquire worker_rcu-W4: pairs with worker_rcu-W4 in `run`. If the worker is away, what it did
        // before comes first.
        let mut head = self.head.load(Ordering::Acquire);
        if head == CLOSED {
            return;
        }
        // Relaxed: only the poster, when it has posted to all, asks whether it has passed.
        marker.to_pass.fetch_add(1, Ordering::Relaxed);
        let next = AtomicPtr::new(head);
        let note = Box::into_raw(Box::new(Note { marker: Arc::clone(marker), next }));
        loop {
            // Release worker_rcu-W1: publishes the note; pairs with worker_rcu-W1 in `run`. Whoever runs
            // the marker sees our nodes unlinked. Acquire worker_rcu-W4, as above.
            match self.head.compare_exchange(head, note, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return,
                Err(CLOSED) => break,
                Err(seen) => head = seen,
            }
            // SAFETY: not in the mailbox, so still ours.
            unsafe { &*note }.next.store(head, Ordering::Relaxed);
        }
        // SAFETY: from `Box::into_raw`, and ours, as the worker left before it was in.
        drop(unsafe { Box::from_raw(note) });
        marker.pass();
    }

    /// Runs what is in, and leaves `head` there instead; for the worker.
    fn run(&self, head: *mut Note) {
        // Acquire worker_rcu-W1: pairs with worker_rcu-W1 in `post`. Release worker_rcu-W4: pairs with
        // worker_rcu-W4 in `post`; who finds the mailbox closed may free what we held.
        let mut next = self.head.swap(head, Ordering::AcqRel);
        while !next.is_null() && next != CLOSED {
            // SAFETY: from `Box::into_raw` in `post`; taken out, it is ours.
            let note = unsafe { Box::from_raw(next) };
            touch(&raw const *note, &raw const *note.marker);
            note.marker.pass();
            // Relaxed: came with the note.
            next = note.next.load(Ordering::Relaxed);
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.run(CLOSED);
    }
}

/// A thread's registration with a [`WorkerRcu`]: a worker.
#[derive(Debug)]
pub struct WorkerRcuParticipant<'d> {
    domain: &'d WorkerRcu,
    mailbox: Taken<'d, Mailbox>,
    /// Whether the mailbox is closed.
    away: bool,
    batches: Batches<'d, Arc<Marker>>,
}

impl WorkerRcuParticipant<'_> {
    /// Between two operations (worker_rcu-I2).
    #[inline]
    fn poll(&mut self) {
        if self.batches.is_full() {
            self.collect();
        }
        // Relaxed: `run` reads it again.
        if !self.mailbox.head.load(Ordering::Relaxed).is_null() {
            self.mailbox.run(ptr::null_mut());
        }
    }

    #[cold]
    fn collect(&mut self) {
        let marker = self.domain.post();
        self.batches.close(marker);
        // Ours, too.
        self.mailbox.run(ptr::null_mut());
        // SAFETY: reclaim-S1.
        unsafe { self.batches.free(|| (), |marker, ()| marker.has_passed()) }
    }
}

impl Drop for WorkerRcuParticipant<'_> {
    fn drop(&mut self) {
        self.offline();
        let domain = self.domain;
        // SAFETY: reclaim-S1.
        unsafe { self.batches.leave(|| domain.post(), || (), |marker, ()| marker.has_passed()) }
    }
}

impl<'d> Participant<WorkerRcu> for WorkerRcuParticipant<'d> {
    type Guard<'g>
        = WorkerRcuGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> WorkerRcuGuard<'_, 'd> {
        // worker_rcu-I3, also for those who forget to go online again.
        if self.away {
            self.online();
        }
        WorkerRcuGuard { thread: self }
    }

    fn offline(&mut self) {
        if !self.away {
            self.away = true;
            self.mailbox.run(CLOSED);
        }
    }

    #[cold]
    fn online(&mut self) {
        if self.away {
            self.away = false;
            // Relaxed: ordered by worker_rcu-W5. Nobody else changes a closed mailbox.
            self.mailbox.head.store(ptr::null_mut(), Ordering::Relaxed);
            // SeqCst fence worker_rcu-W5: pairs with worker_rcu-W3.
            fence(Ordering::SeqCst);
        }
    }
}

/// An operation of a worker; at its end the worker looks into its mailbox.
#[derive(Debug)]
pub struct WorkerRcuGuard<'g, 'd> {
    thread: &'g mut WorkerRcuParticipant<'d>,
}

impl Drop for WorkerRcuGuard<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.thread.poll();
    }
}

impl Guard<WorkerRcu> for WorkerRcuGuard<'_, '_> {
    #[inline]
    fn protect<T>(
        &mut self,
        _: usize,
        src: &AtomicPtr<Node<WorkerRcu, T>>,
    ) -> *mut Node<WorkerRcu, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<WorkerRcu, T>) {
        // SAFETY: by this function's contract.
        unsafe { self.thread.batches.retire(node) }
    }
}

#[cfg(all(test, not(any(loom, shuttle, simulate))))]
mod tests {
    use std::mem;

    use super::*;

    #[test]
    fn notes_to_a_forgotten_worker_end_with_the_domain() {
        let domain = WorkerRcu::new(None);
        mem::forget(domain.register());
        let marker = domain.post();
        assert!(!marker.has_passed());
        drop(domain);
        assert!(marker.has_passed());
        assert_eq!(Arc::strong_count(&marker), 1, "the note has one");
    }
}
