//! Epoch-based reclamation, by the crate crossbeam-epoch.
//!
//! K. Fraser, *Practical lock-freedom*, PhD thesis, Cambridge 2004, §5.2.3; the crate's own
//! notes: `crossbeam_epoch::internal`. A guard pins its thread to the global epoch; a node
//! retired in epoch e is freed when the epoch has advanced twice past e, which every pinned
//! thread must allow. One stalled guard holds up every node retired after it: not robust.
//!
//! Each table has a collector of its own, so that tables do not hold up each other. The crate
//! fixes its constants (64 nodes a bag, a collection every 128 pins): there is no batch to set.
//!
//! `enter` is wait-free with one SeqCst fence; `protect` a plain load; `retire` amortised O(1).

use std::fmt;

use crossbeam_epoch::{Collector, LocalHandle};

use super::{Caps, Guard, Node, Participant, Payload, Reclaimer};
use crate::sync::{AtomicPtr, Ordering, perturb};

/// A crossbeam-epoch collector.
#[derive(Debug, Default)]
pub struct Epoch {
    collector: Collector,
}

// SAFETY: S1: a node retired while a guard is pinned is not freed before that guard is unpinned,
// and a node that the guard could load was not retired before it was pinned (D2). S2: the
// collector runs each deferred function once, the last of them when its global state drops,
// which the domain owns: participants borrow the domain, so all are gone by then. S3: the
// collector's own synchronisation.
unsafe impl Reclaimer for Epoch {
    type Header = ();
    type Participant<'d> = EpochParticipant;

    const NAME: &'static str = "epoch";
    const SUMMARY: &'static str = "epoch-based (Fraser 2004), crate crossbeam-epoch 0.9";
    const CAPS: Caps = Caps { per_pointer: false, robust: false, needs_quiescence: false };

    /// The batch is fixed by the crate.
    fn new(_: Option<usize>) -> Self {
        Self { collector: Collector::new() }
    }

    fn header(&self) {}

    fn register(&self) -> EpochParticipant {
        EpochParticipant { local: self.collector.register() }
    }
}

/// A thread's registration with an [`Epoch`].
pub struct EpochParticipant {
    local: LocalHandle,
}

impl fmt::Debug for EpochParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochParticipant").field("pinned", &self.local.is_pinned()).finish()
    }
}

impl Participant<Epoch> for EpochParticipant {
    type Guard<'g> = EpochGuard;

    #[inline]
    fn enter(&mut self) -> EpochGuard {
        EpochGuard { pin: self.local.pin() }
    }
}

/// A pinned thread.
pub struct EpochGuard {
    pin: crossbeam_epoch::Guard,
}

impl fmt::Debug for EpochGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochGuard").finish_non_exhaustive()
    }
}

impl Guard<Epoch> for EpochGuard {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Epoch, T>>) -> *mut Node<Epoch, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Epoch, T>) {
        // SAFETY: D2: unreachable for later operations but not freed, as we hold a pin.
        unsafe { &*node }.count_retired();
        // SAFETY: by S1 this runs when no guard can hold the node, by D2 once.
        let reclaim = move || unsafe { Node::reclaim(node) };
        // SAFETY: `T: Send`, and what it borrows outlives the domain.
        unsafe { self.pin.defer_unchecked(reclaim) }
    }
}
