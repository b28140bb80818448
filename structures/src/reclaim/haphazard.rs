//! Hazard pointers, by the crate haphazard.
//!
//! M. Michael, *Hazard pointers: safe memory reclamation for lock-free objects*, TPDS 2004; the
//! crate follows Folly's implementation. A reader announces each node it is about to use in a
//! slot and reads the link again; a thread that has retired enough nodes frees those that no
//! slot names. A stalled thread keeps at most the nodes in its own slots from being freed: the scheme is robust.
//!
//! Each table has a domain of its own. The crate begins to free at 1000 retired nodes (or twice the
//! number of slots, if that is more), or after two seconds, and boxes each retired node once more:
//! there is no batch to set. It goes on until nothing is left to free, including nodes that are retired
//! meanwhile. So if a payload's `Drop` retires something each time, the thread that frees it never finishes.
//!
//! `protect` is lock-free: store, SeqCst fence, load again. `retire` is amortised O(log slots); it
//! adds to a counter that all threads share, and reads the clock. Registering, and a participant's drop, are
//! blocking: the crate keeps its free slots in a list under a spinlock.
//!
//! The crate compares whole words, so its `protect` cannot be used for a link with marks: we
//! announce the address without its tag bits and validate the link ourselves.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use haphazard::raw::Pointer;
use haphazard::{Domain, HazardPointer};

use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer, SLOTS, TAG_BITS};
use crate::map::Progress;
use crate::sync::{AtomicPtr, Ordering, fence, perturb};

/// Names our domains' type; domains are told apart by address.
#[derive(Debug)]
struct Family;

/// The domain of hazard pointers of the crate haphazard.
pub struct Haphazard {
    domain: Domain<Family>,
}

impl Default for Haphazard {
    fn default() -> Self {
        Self { domain: Domain::new(&Family) }
    }
}

impl fmt::Debug for Haphazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Haphazard").finish_non_exhaustive()
    }
}

// SAFETY: reclaim-S1: `protect` announces the address before it reads the link again (fence
// haphazard-H1, which pairs with the crate's fence before it reads the slots): either the scan sees the
// slot, or our second read sees the unlinking that preceded the retirement and we go round. reclaim-S2:
// the domain runs the deleter of each retired pointer once, the rest when it drops. reclaim-S3: the
// domain's own synchronisation.
unsafe impl Reclaimer for Haphazard {
    type Header = ();
    type Participant<'d> = HaphazardParticipant<'d>;

    const NAME: &'static str = "haphazard";
    const SUMMARY: &'static str = "hazard pointers (Michael 2004), crate haphazard 0.1";
    const CAPS: Caps = Caps {
        per_pointer: true,
        held: Held::Constant,
        needs_quiescence: false,
        takes_batch: false,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: false,
    };

    /// The batch is fixed by the crate.
    fn new(_: Option<usize>) -> Self {
        Self::default()
    }

    fn header(&self) {}

    fn register(&self) -> HaphazardParticipant<'_> {
        HaphazardParticipant {
            domain: &self.domain,
            slots: std::array::from_fn(|_| HazardPointer::new_in_domain(&self.domain)),
        }
    }
}

/// A thread's slots in a [`Haphazard`] domain, kept between operations.
pub struct HaphazardParticipant<'d> {
    domain: &'d Domain<Family>,
    slots: [HazardPointer<'d, Family>; SLOTS],
}

impl fmt::Debug for HaphazardParticipant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HaphazardParticipant").field("slots", &SLOTS).finish_non_exhaustive()
    }
}

impl<'d> Participant<Haphazard> for HaphazardParticipant<'d> {
    type Guard<'g>
        = HaphazardGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> HaphazardGuard<'_, 'd> {
        HaphazardGuard { thread: self }
    }
}

/// A critical section; its end releases the slots.
pub struct HaphazardGuard<'g, 'd> {
    thread: &'g mut HaphazardParticipant<'d>,
}

impl fmt::Debug for HaphazardGuard<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.thread.fmt(f)
    }
}

impl Drop for HaphazardGuard<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        for slot in &mut self.thread.slots {
            slot.reset_protection();
        }
    }
}

impl Guard<Haphazard> for HaphazardGuard<'_, '_> {
    #[inline]
    fn protect<T>(
        &mut self,
        slot: usize,
        src: &AtomicPtr<Node<Haphazard, T>>,
    ) -> *mut Node<Haphazard, T> {
        let hazard = &mut self.thread.slots[slot];
        // Relaxed: only the second read is used.
        let mut seen = src.load(Ordering::Relaxed);
        loop {
            hazard.protect_raw(seen.map_addr(|address| address & !TAG_BITS));
            // SeqCst fence haphazard-H1: pairs with the crate's fence between unlinking and reading
            // slots.
            fence(Ordering::SeqCst);
            // Acquire: pairs with the Release that published the node.
            let again = src.load(Ordering::Acquire);
            if again == seen {
                perturb();
                return again;
            }
            seen = again;
        }
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Haphazard, T>) {
        // SAFETY: reclaim-D2: retired only here, so not freed yet.
        unsafe { &*node }.count_retired();
        // SAFETY: reclaim-D2: unreachable, retired once; valid until the domain frees it.
        unsafe { self.thread.domain.retire_ptr::<_, RetiredBox<Haphazard, T>>(node) };
    }
}

/// The owner of a retired node in the crate's terms; dropping it frees the node.
struct RetiredBox<R: Reclaimer, T: Payload>(NonNull<Node<R, T>>);

impl<R: Reclaimer, T: Payload> Drop for RetiredBox<R, T> {
    fn drop(&mut self) {
        // SAFETY: the domain makes a `RetiredBox` only to free the node, once, when no slot names it.
        unsafe { Node::reclaim(self.0.as_ptr()) }
    }
}

impl<R: Reclaimer, T: Payload> Deref for RetiredBox<R, T> {
    type Target = Node<R, T>;

    #[inline]
    fn deref(&self) -> &Node<R, T> {
        // SAFETY: `self` owns the node.
        unsafe { self.0.as_ref() }
    }
}

impl<R: Reclaimer, T: Payload> DerefMut for RetiredBox<R, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Node<R, T> {
        // SAFETY: `self` owns the node.
        unsafe { self.0.as_mut() }
    }
}

// SAFETY: `into_raw` and `from_raw` are inverse and do not touch the node.
unsafe impl<R: Reclaimer, T: Payload> Pointer<Node<R, T>> for RetiredBox<R, T> {
    #[inline]
    fn into_raw(self) -> *mut Node<R, T> {
        let node = self.0.as_ptr();
        std::mem::forget(self);
        node
    }

    #[inline]
    unsafe fn from_raw(ptr: *mut Node<R, T>) -> Self {
        // SAFETY: the domain passes back what `retire` gave it, which is not null.
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }
}
