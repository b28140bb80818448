//! Epoch-based reclamation, by the crate crossbeam-epoch.
//!
//! K. Fraser, *Practical lock-freedom*, PhD thesis, Cambridge 2004, §5.2.3; the crate's own
//! notes: `crossbeam_epoch::internal`. A guard pins its thread to the global epoch; a node
//! retired in epoch e is freed when the epoch has advanced twice past e, which every pinned
//! thread must permit. One stalled guard keeps every node that is retired after it from being freed: the scheme
//! is not robust.
//!
//! Each table has a collector of its own, so that tables do not delay each other's reclamation. The crate
//! fixes its constants (64 nodes per bag, a collection every 128 pins): there is no batch to set.
//!
//! Registering is lock-free, except for the allocator. `enter` is one SeqCst fence, `protect` a plain load,
//! `retire` amortised O(1). All three are lock-free: full bags go to a queue that all threads share, from which
//! every 128th `enter` of a thread takes some.

use std::fmt;
use std::marker::PhantomData;

use crossbeam_epoch::{Collector, LocalHandle};

use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, Ordering, perturb};

/// The domain of epoch-based reclamation: a collector of crossbeam-epoch.
#[derive(Debug, Default)]
pub struct Epoch {
    collector: Collector,
}

// SAFETY: reclaim-S1: a node retired while a guard is pinned is not freed before that guard is
// unpinned, and a node that the guard could load was not retired before it was pinned (reclaim-D2).
// reclaim-S2: the collector runs each deferred function once, the last of them when its global state
// drops, with the last of domain, participants and guards: a guard borrows its participant and that the
// domain, until their own drops have run, so the domain is the last. reclaim-S3: the collector's own
// synchronisation.
unsafe impl Reclaimer for Epoch {
    type Header = ();
    type Participant<'d> = EpochParticipant<'d>;

    const NAME: &'static str = "epoch";
    const SUMMARY: &'static str = "epoch-based (Fraser 2004), crate crossbeam-epoch 0.9";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: false,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: true,
    };

    /// The batch is fixed by the crate.
    fn new(_: Option<usize>) -> Self {
        Self { collector: Collector::new() }
    }

    fn header(&self) {}

    fn register(&self) -> EpochParticipant<'_> {
        EpochParticipant { local: self.collector.register(), _domain: PhantomData }
    }
}

/// A thread's registration with an [`Epoch`].
///
/// It keeps the collector alive, and with it the nodes that are not yet freed. So it must not
/// outlive the domain, nor anything that the nodes borrow:
///
/// ```compile_fail,E0597
/// use structures::ChainingLockFree;
///
/// let mut handle;
/// let text = "lent to the map".to_owned();
/// let map = ChainingLockFree::<u32, &str>::default();
/// handle = map.handle(); // dropped after `map`
/// handle.insert(1, &text);
/// handle.remove(&1);
/// ```
///
/// In the other order it compiles:
///
/// ```
/// # use structures::ChainingLockFree;
/// let text = "lent to the map".to_owned();
/// let map = ChainingLockFree::<u32, &str>::default();
/// let mut handle;
/// handle = map.handle();
/// handle.insert(1, &text);
/// handle.remove(&1);
/// ```
pub struct EpochParticipant<'d> {
    local: LocalHandle,
    _domain: PhantomData<&'d Epoch>,
}

impl Drop for EpochParticipant<'_> {
    /// Does nothing; but because of it the borrow of the domain lasts until the participant drops.
    fn drop(&mut self) {}
}

impl fmt::Debug for EpochParticipant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochParticipant").field("pinned", &self.local.is_pinned()).finish()
    }
}

impl Participant<Epoch> for EpochParticipant<'_> {
    type Guard<'g>
        = EpochGuard<'g>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> EpochGuard<'_> {
        EpochGuard { pin: self.local.pin(), _participant: PhantomData }
    }
}

/// A pinned thread.
///
/// It keeps the collector alive, so it must not outlive its participant:
///
/// ```compile_fail,E0505
/// use structures::reclaim::{Epoch, Participant, Reclaimer};
///
/// let domain = Epoch::new(None);
/// let mut participant = domain.register();
/// let guard = participant.enter();
/// drop(participant);
/// ```
pub struct EpochGuard<'g> {
    pin: crossbeam_epoch::Guard,
    _participant: PhantomData<&'g mut EpochParticipant<'g>>,
}

impl Drop for EpochGuard<'_> {
    /// Does nothing; but because of it the borrow of the participant lasts until the guard drops.
    #[inline(always)]
    fn drop(&mut self) {}
}

impl fmt::Debug for EpochGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochGuard").finish_non_exhaustive()
    }
}

impl Guard<Epoch> for EpochGuard<'_> {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Epoch, T>>) -> *mut Node<Epoch, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Epoch, T>) {
        // SAFETY: reclaim-D2: unreachable for later operations but not freed, as we hold a pin.
        unsafe { &*node }.count_retired();
        // SAFETY: by reclaim-S1 this runs when no guard can hold the node, by reclaim-D2 once.
        let reclaim = move || unsafe { Node::reclaim(node) };
        // SAFETY: `T: Send`, and what it borrows outlives the domain.
        unsafe { self.pin.defer_unchecked(reclaim) }
    }
}
