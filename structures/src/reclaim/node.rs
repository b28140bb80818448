//! A node: a scheme's header, a table's payload, and the meter's hooks.

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use super::Reclaimer;
use crate::meter::{self, Event, record};
use crate::panics;
use crate::sync;

/// A table's data in a node.
pub trait Payload {
    /// The number of bytes on the heap that only this payload owns, for the meter; it must be the same at
    /// retirement and at free. If it panics, the node is counted without them.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A heap-allocated payload with the scheme's header. Aligned so that a link has three bits to
/// spare.
#[repr(align(8))]
pub struct Node<R: Reclaimer, T> {
    header: R::Header,
    payload: T,
}

impl<R: Reclaimer, T> Node<R, T> {
    /// The scheme's part.
    #[inline]
    pub fn header(&self) -> &R::Header {
        &self.header
    }

    /// The payload, for a table that is being dropped.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut T {
        &mut self.payload
    }
}

impl<R: Reclaimer, T: Payload> Node<R, T> {
    /// Allocates a node in `domain`.
    #[inline]
    pub fn alloc(domain: &R, payload: T) -> Owned<R, T> {
        sync::will_allocate::<Self>();
        let node = Box::new(Self { header: domain.header(), payload });
        record(Event::Allocated, node.weight());
        Owned(NonNull::from(Box::leak(node)))
    }

    /// Tells the meter that the node is retired; for schemes, once, in their `retire`.
    #[inline]
    pub fn count_retired(&self) {
        meter::retired(self, self.weight());
    }

    /// Frees a retired node; for schemes.
    ///
    /// A panic in the payload's `Drop` ends here, after the panic hook has reported it: it
    /// belongs to no operation of the thread that happens to free the node, and must not stop
    /// the frees that follow.
    ///
    /// # Safety
    ///
    /// reclaim-S2: the node was retired, no guard can hold it, and it is freed only here.
    #[inline]
    pub unsafe fn reclaim(node: *mut Self) {
        sync::reclaims();
        // SAFETY: by this function's contract nobody else has the node.
        if let Err(payload) = unsafe { Self::free(node, Event::Freed) } {
            panics::discard(payload);
        }
    }

    /// Frees a published node that was never retired; for tables, when they drop.
    ///
    /// # Errors
    ///
    /// The payload's panic, if its `Drop` panicked; the memory is freed all the same.
    ///
    /// # Safety
    ///
    /// The caller has exclusive access to the node: the table is not shared any more.
    #[inline]
    pub unsafe fn drop_published(node: *mut Self) -> std::thread::Result<()> {
        // SAFETY: by this function's contract nobody else has the node.
        unsafe { Self::free(node, Event::Dropped) }
    }

    /// # Safety
    ///
    /// The caller owns `node`, which came from [`Node::alloc`].
    #[inline]
    unsafe fn free(node: *mut Self, event: Event) -> std::thread::Result<()> {
        sync::will_free::<Self>();
        // SAFETY: allocated by `Box` in `alloc`; the caller owns it.
        let boxed = unsafe { Box::from_raw(node) };
        match event {
            Event::Freed => meter::freed(node, boxed.weight()),
            _ => _ = record(event, boxed.weight()),
        }
        if mem::needs_drop::<Self>() {
            panic::catch_unwind(AssertUnwindSafe(|| drop(boxed)))
        } else {
            drop(boxed);
            Ok(())
        }
    }

    /// The number of bytes of the node and its payload. It is called during retirements, frees and unwinding, which
    /// a panic of the user's code must not interrupt.
    #[inline]
    fn weight(&self) -> usize {
        let heap_bytes = panic::catch_unwind(AssertUnwindSafe(|| self.payload.heap_bytes()));
        size_of::<Self>()
            + heap_bytes.unwrap_or_else(|panic| {
                panics::discard(panic);
                0
            })
    }
}

impl<R: Reclaimer, T> Deref for Node<R, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.payload
    }
}

impl<R: Reclaimer, T: fmt::Debug> fmt::Debug for Node<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.payload.fmt(f)
    }
}

/// A node that has not been published; dropping it frees it at once.
#[derive(Debug)]
pub struct Owned<R: Reclaimer, T: Payload>(NonNull<Node<R, T>>);

impl<R: Reclaimer, T: Payload> Owned<R, T> {
    /// Gives the node up, to be stored in a shared link. From here on only [`super::Guard::retire`]
    /// or [`Node::drop_published`] frees it, or [`Owned::unpublished`] takes it back.
    #[must_use]
    #[inline]
    pub fn publish(self) -> *mut Node<R, T> {
        let node = self.0.as_ptr();
        mem::forget(self);
        node
    }

    /// Takes back what [`publish`](Self::publish) gave up.
    ///
    /// # Safety
    ///
    /// `node` came from `publish` and was not stored in a shared link.
    #[inline]
    pub unsafe fn unpublished(node: *mut Node<R, T>) -> Self {
        // SAFETY: `publish` returns a non-null pointer.
        Self(unsafe { NonNull::new_unchecked(node) })
    }

    /// The payload, to be taken apart.
    #[must_use]
    #[inline]
    pub fn into_payload(self) -> T {
        let node = self.publish();
        sync::will_free::<Node<R, T>>();
        // SAFETY: allocated by `Box` in `alloc`, and `self` owned it.
        let boxed = unsafe { Box::from_raw(node) };
        record(Event::Discarded, boxed.weight());
        boxed.payload
    }
}

impl<R: Reclaimer, T: Payload> Drop for Owned<R, T> {
    fn drop(&mut self) {
        // SAFETY: not published, so nobody else has it.
        let freed = unsafe { Node::free(self.0.as_ptr(), Event::Discarded) };
        if let Err(payload) = freed
            && !std::thread::panicking()
        {
            panic::resume_unwind(payload);
        }
    }
}

impl<R: Reclaimer, T: Payload> Deref for Owned<R, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `self` owns the node.
        &unsafe { self.0.as_ref() }.payload
    }
}

impl<R: Reclaimer, T: Payload> DerefMut for Owned<R, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: `self` owns the node.
        &mut unsafe { self.0.as_mut() }.payload
    }
}
