//! Hyaline-1, by the crate seize.
//!
//! R. Nikolaev and B. Ravindran, *Snapshot-free, transparent, and robust memory reclamation for
//! lock-free data structures*, PLDI 2021; the crate's 0.5 keeps the transparent half and has given
//! up the robust one. A batch of retired nodes is put on the list of every thread that is in a
//! guard; each takes it off when it leaves, and the last one frees it. One stalled guard holds up
//! every batch that is put on its list: not robust.
//!
//! Each table has a collector of its own. A batch needs at least as many nodes as there are threads
//! in a guard when it is handed over: it links itself into their lists by these. The crate sees to
//! that by itself, so a smaller `batch` (32 unless told, or the number of CPUs if that is more)
//! only means that it tries more often; it allocates a batch at once, so one above 2^20 is 2^20. A
//! thread that leaves hands its last batch over, padded with empty nodes for that.
//!
//! `enter` is wait-free: a store, and no fence where the kernel has `membarrier(2)`. `protect` is a
//! SeqCst load; the end of a guard a swap, and the frees for which this thread is the last. `retire`
//! is amortised O(threads / batch), with a `membarrier` each batch; it boxes no node. Registering is
//! nothing; a thread's first guard in the process takes a number, under a lock.

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use ::seize::{Collector, Guard as _, LocalGuard};

use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, perturb};

/// The largest batch: 16 MiB for each thread.
const LARGEST_BATCH: usize = 1 << 20;

/// A seize collector.
#[derive(Debug, Default)]
pub struct Seize {
    collector: Collector,
    /// As many threads can be in a guard.
    participants: AtomicUsize,
}

// SAFETY: S1: a batch that was handed over while a guard was active is not freed before that guard
// ends; a guard that starts later cannot load its nodes (D2). S2: the collector frees each node
// once, the last of them when it drops, which is with the domain: participants and guards borrow
// it. S3: the collector's own synchronisation.
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
    };

    fn new(batch: Option<usize>) -> Self {
        let collector = Collector::new();
        Self {
            collector: match batch {
                Some(batch) => collector.batch_size(batch.clamp(1, LARGEST_BATCH)),
                None => collector,
            },
            participants: AtomicUsize::new(0),
        }
    }

    fn header(&self) {}

    fn register(&self) -> SeizeParticipant<'_> {
        // Relaxed: a count that is too small makes a batch wait, no more.
        self.participants.fetch_add(1, Ordering::Relaxed);
        SeizeParticipant { domain: self }
    }
}

/// A thread's way into a [`Seize`]; the crate knows threads by itself.
#[derive(Debug)]
pub struct SeizeParticipant<'d> {
    domain: &'d Seize,
}

impl<'d> Participant<Seize> for SeizeParticipant<'d> {
    type Guard<'g>
        = SeizeGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> SeizeGuard<'_, 'd> {
        SeizeGuard { active: self.domain.collector.enter(), _participant: PhantomData }
    }
}

impl Drop for SeizeParticipant<'_> {
    /// Nobody else might come to hand the last batch over; and of a trie, whose versions are freed in
    /// their order, all later ones wait for it.
    fn drop(&mut self) {
        let guard = self.domain.collector.enter();
        // Relaxed: as in `register`.
        for _ in 0..self.domain.participants.load(Ordering::Relaxed) {
            // SAFETY: nobody reads through this pointer, its reclaimer neither.
            unsafe { guard.defer_retire(ptr::dangling_mut::<()>(), |_, _| ()) };
        }
        guard.flush();
        drop(guard);
        self.domain.participants.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An active thread.
pub struct SeizeGuard<'g, 'd> {
    active: LocalGuard<'d>,
    _participant: PhantomData<&'g mut SeizeParticipant<'d>>,
}

impl fmt::Debug for SeizeGuard<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.active.fmt(f)
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
        // SAFETY: D2: retired only here, so not freed yet.
        unsafe { &*node }.count_retired();
        let reclaim = |node: *mut Node<Seize, T>, _: &Collector| {
            // SAFETY: the collector calls this once, when no guard can hold the node.
            unsafe { Node::reclaim(node) }
        };
        // SAFETY: D2: unreachable for guards that start later; valid until `reclaim`, on any
        // thread, as `T: Send`.
        unsafe { self.active.defer_retire(node, reclaim) }
    }
}
