//! The narrower trait: a scheme that protects only roots.
//!
//! A table that is one pointer to an immutable version needs less than a [`Guard`] provides: to load
//! what the root points to, and to replace it. Every [`Reclaimer`] can do that;
//! so can reference counts ([`RefCounts`](super::RefCounts)), which can do nothing else.

use std::marker::PhantomData;

use super::{Caps, Guard, Node, Owned, Participant, Payload, Reclaimer};
use crate::panics;
use crate::sync::{AtomicPtr, Ordering};

/// A scheme's domain, for roots only.
///
/// The type of a root or a guard does not tell which domain it belongs to. So the caller of `load` or `replace`
/// promises that both belong to the same domain:
///
/// ```compile_fail,E0133
/// use structures::reclaim::{Hazard, Payload, RootScheme};
///
/// struct Text(String);
/// impl Payload for Text {}
///
/// let (one, other) = (Hazard::default(), Hazard::default());
/// let root = one.root(Text("of the one".to_owned()));
/// let mut participant = RootScheme::register(&other);
/// let mut guard = <Hazard as RootScheme>::enter::<Text>(&mut participant);
/// let text = <Hazard as RootScheme>::load(&mut guard, &root);
/// ```
///
/// # Safety
///
/// The payload that a guard has loaded must stay unchanged until the guard loads again or drops. A
/// [`Root`](Self::Root) may be sent to other threads, and shared, if its payload may be.
pub unsafe trait RootScheme: Sized + Send + Sync {
    /// A link that points to one payload at a time.
    type Root<T: Payload>;
    /// A thread's registration.
    type Participant<'d>
    where
        Self: 'd;
    /// A critical section that loads roots of one type.
    type Guard<'g, 'd: 'g, T: Payload + Send + Sync + 'd>
    where
        Self: 'd;

    /// The name in experiment files and results.
    const NAME: &'static str;
    /// One line for `bench list`: the scheme and its source.
    const SUMMARY: &'static str;
    /// The scheme's guarantees and needs.
    const CAPS: Caps;

    /// Makes a domain: see [`Reclaimer::new`].
    fn new(batch: Option<usize>) -> Self;

    /// A root that points to `first`. Whoever drops it must have exclusive access to it.
    fn root<T: Payload>(&self, first: T) -> Self::Root<T>;

    /// The payload of a root to which the caller has exclusive access.
    fn last<T: Payload>(root: &mut Self::Root<T>) -> &mut T;

    /// Registers the calling thread.
    fn register(&self) -> Self::Participant<'_>;

    /// Enters a critical section.
    fn enter<'g, 'd: 'g, T: Payload + Send + Sync + 'd>(
        participant: &'g mut Self::Participant<'d>,
    ) -> Self::Guard<'g, 'd, T>
    where
        Self: 'd;

    /// See [`Participant::offline`].
    fn offline(_: &mut Self::Participant<'_>) {}

    /// See [`Participant::online`].
    fn online(_: &mut Self::Participant<'_>) {}

    /// Runs `f`, which may block, while `participant` is offline.
    fn away<'d, U>(participant: &mut Self::Participant<'d>, f: impl FnOnce() -> U) -> U
    where
        Self: 'd,
    {
        Self::offline(participant);
        let _online_again = OnlineAgain::<Self>(participant);
        f()
    }

    /// The payload of `root`, protected for as long as the guard is borrowed. The linearization point is the load
    /// of the root (at least `Acquire`).
    ///
    /// # Safety
    ///
    /// `root` and `guard` must belong to the same domain.
    unsafe fn load<'b, 'd: 'b, T: Payload + Send + Sync + 'd>(
        guard: &'b mut Self::Guard<'_, 'd, T>,
        root: &'d Self::Root<T>,
    ) -> &'b T
    where
        Self: 'd;

    /// One attempt to replace the payload of `root` by the one that `make` makes from it. The linearization point
    /// is the compare-and-swap of the root (at least `Release`). If it succeeds, `installed` is called with
    /// the old payload, which is retired next. If it fails, `lost` is called with the new payload, which is dropped
    /// next (a panic of that drop is not propagated), and the result is `None`.
    ///
    /// # Safety
    ///
    /// `root` and `guard` must belong to this domain. Whatever `T` borrows must outlive the domain, since the domain
    /// may drop the old payload as late as in its own drop.
    unsafe fn replace<'d, T: Payload + Send + Sync + 'd, U, V>(
        &self,
        guard: &mut Self::Guard<'_, 'd, T>,
        root: &'d Self::Root<T>,
        make: impl FnOnce(&T) -> (T, U),
        installed: impl FnOnce(&T, U) -> V,
        lost: impl FnOnce(&mut T, U),
    ) -> Option<V>
    where
        Self: 'd;
}

/// A participant that is offline; it goes online again when this drops, also during unwinding.
struct OnlineAgain<'p, 'd: 'p, R: RootScheme + 'd>(&'p mut R::Participant<'d>);

impl<R: RootScheme> Drop for OnlineAgain<'_, '_, R> {
    fn drop(&mut self) {
        R::online(self.0);
    }
}

/// The root of a [`Reclaimer`]: a link to a node.
///
/// Invariants: it points to a published node, never to null. A node is retired by the thread that replaced it here,
/// hence once, and no root points to it after that.
#[derive(Debug)]
pub struct LinkRoot<R: Reclaimer, T: Payload> {
    current: AtomicPtr<Node<R, T>>,
    /// It owns its node.
    _node: PhantomData<Node<R, T>>,
}

// SAFETY: any thread may read, replace, free a payload, which is `Send` and `Sync`; a header is by
// `Reclaimer`.
unsafe impl<R: Reclaimer, T: Payload + Send + Sync> Send for LinkRoot<R, T> {}

// SAFETY: as above.
unsafe impl<R: Reclaimer, T: Payload + Send + Sync> Sync for LinkRoot<R, T> {}

impl<R: Reclaimer, T: Payload> Drop for LinkRoot<R, T> {
    fn drop(&mut self) {
        // Relaxed: `&mut self` orders it.
        let current = self.current.load(Ordering::Relaxed);
        // SAFETY: a root leads to a published node, and nobody else has it.
        let dropped = unsafe { Node::drop_published(current) };
        if let Err(payload) = dropped
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(payload);
        }
    }
}

// SAFETY: reclaim-S1, and see `load`; `Send` and `Sync` are implemented above.
unsafe impl<R: Reclaimer> RootScheme for R {
    type Root<T: Payload> = LinkRoot<R, T>;
    type Participant<'d>
        = R::Participant<'d>
    where
        Self: 'd;
    type Guard<'g, 'd: 'g, T: Payload + Send + Sync + 'd>
        = <R::Participant<'d> as Participant<R>>::Guard<'g>
    where
        Self: 'd;

    const NAME: &'static str = <R as Reclaimer>::NAME;
    const SUMMARY: &'static str = <R as Reclaimer>::SUMMARY;
    const CAPS: Caps = <R as Reclaimer>::CAPS;

    fn new(batch: Option<usize>) -> Self {
        <R as Reclaimer>::new(batch)
    }

    fn root<T: Payload>(&self, first: T) -> LinkRoot<R, T> {
        let current = AtomicPtr::new(Node::alloc(self, first).publish());
        LinkRoot { current, _node: PhantomData }
    }

    fn last<T: Payload>(root: &mut LinkRoot<R, T>) -> &mut T {
        // Relaxed: `&mut` orders it.
        let current = root.current.load(Ordering::Relaxed);
        // SAFETY: a root leads to a published node, and nobody else has it.
        unsafe { &mut *current }.payload_mut()
    }

    fn register(&self) -> R::Participant<'_> {
        <R as Reclaimer>::register(self)
    }

    #[inline]
    fn enter<'g, 'd: 'g, T: Payload + Send + Sync + 'd>(
        participant: &'g mut R::Participant<'d>,
    ) -> <R::Participant<'d> as Participant<R>>::Guard<'g>
    where
        Self: 'd,
    {
        participant.enter()
    }

    fn offline(participant: &mut R::Participant<'_>) {
        participant.offline();
    }

    fn online(participant: &mut R::Participant<'_>) {
        participant.online();
    }

    #[inline]
    unsafe fn load<'b, 'd: 'b, T: Payload + Send + Sync + 'd>(
        guard: &'b mut <R::Participant<'d> as Participant<R>>::Guard<'_>,
        root: &'d LinkRoot<R, T>,
    ) -> &'b T
    where
        Self: 'd,
    {
        let current = guard.protect(0, &root.current);
        // SAFETY: reclaim-D1: a root leads to published nodes, and `protect` has found this one in it
        // after protecting it; it is retired in the guard's domain, which by this function's contract
        // is the root's. Slot 0 is not used again while the guard is borrowed.
        unsafe { &*current.cast_const() }
    }

    unsafe fn replace<'d, T: Payload + Send + Sync + 'd, U, V>(
        &self,
        guard: &mut <R::Participant<'d> as Participant<R>>::Guard<'_>,
        root: &'d LinkRoot<R, T>,
        make: impl FnOnce(&T) -> (T, U),
        installed: impl FnOnce(&T, U) -> V,
        lost: impl FnOnce(&mut T, U),
    ) -> Option<V>
    where
        Self: 'd,
    {
        let seen = guard.protect(0, &root.current);
        // SAFETY: as in `load`; slot 0 is not used again in this function. So its address is not
        // used anew either, and the CAS fails if the root has led elsewhere meanwhile.
        let base = unsafe { &*seen.cast_const() };
        let (next, kept) = make(base);
        let next = Node::alloc(self, next).publish();
        // Release: publishes the node; pairs with the Acquire in `protect`.
        let swapped =
            root.current.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed);
        if swapped.is_err() {
            // SAFETY: from `publish` just above, and not stored.
            let mut next = unsafe { Owned::unpublished(next) };
            lost(&mut next, kept);
            panics::in_vain(next);
            return None;
        }
        let answer = installed(base, kept);
        // SAFETY: reclaim-D2: our CAS replaced it, and no other root leads to it. It is of the guard's
        // domain, and what it borrows outlives that, by this function's contract.
        unsafe { guard.retire(seen) };
        Some(answer)
    }
}
