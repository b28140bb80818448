//! Split reference counts, for roots only.
//!
//! A. Williams, *C++ Concurrency in Action*, 2nd ed., §7.2.4: split reference counts, as in
//! implementations of `atomic<shared_ptr>`. A count inside the node is not enough: between the load of a
//! link and the increment of the count in the node, the count may reach zero and the node may be freed.
//! So the root itself has a count, in 16 bits beside the address: how many participants have loaded the
//! address from it. A thread that replaces the node adds that number to a count in the old node. A
//! participant that releases the node later subtracts one from that count. Both counts together are
//! the number of participants that hold the node.
//!
//! A guard may be forgotten ([`mem::forget`]), any number of times, and then never releases its node. So the
//! node is held by the participant, which holds at most one: its next guard releases what the last one did
//! not, and so does the participant's drop. A participant that is forgotten stays counted as registered.
//!
//! This works for a root, which is a single link and is seldom written. A list would need a count in each
//! link; and since a removed node's own link counts its successor, one free could cascade through a chain of
//! any length. So this is no [`Reclaimer`](super::Reclaimer).
//!
//! A version is freed at once, by the thread that releases it last. So the scheme is robust and batches
//! nothing; a reader pays two writes to a cache line that all readers share.
//!
//! `load` is wait-free, one fetch-and-add. Releasing a node, and `replace`, are lock-free: their CAS fails
//! when another guard has loaded or released the node meanwhile. Registering is wait-free; at most 65,535
//! threads can be registered.
//!
//! # Invariants
//! * arc-I1. While a root points to a node, the root's count is the number of participants that hold the
//!   node, and the node's own count is zero.
//! * arc-I2. After the node was replaced, its own count is the number of participants that hold it, less the
//!   root's last count until the thread that replaced it, which holds it too, has added that number. So the
//!   count becomes zero by a subtraction once, and then nobody holds the node.
//! * arc-I3. A participant holds at most one node, even if guards are forgotten. There are at most [`MOST`]
//!   participants, including forgotten ones. So the counts do not overflow.
//! * arc-I4. While one of a participant's guards is used, the node that the participant holds was loaded by
//!   that guard, so it is of the guard's type.

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use super::root::RootScheme;
use super::{Caps, Held, Leak, Node, Owned, Payload};
use crate::map::Progress;
use crate::panics;
use crate::sync::{AtomicIsize, AtomicPtr, AtomicUsize, Ordering, add_bytes, fence, perturb};

/// Bits of an address; the count is above them.
const ADDRESS_BITS: u32 = 48;
/// One participant, in a root's word.
const ONE: usize = 1 << ADDRESS_BITS;
/// The most participants at once.
const MOST: usize = usize::MAX >> ADDRESS_BITS;

/// A root's payload, with the number of participants that hold it once no root points to it: arc-I2.
struct CountedPayload<T> {
    guards: AtomicIsize,
    value: T,
}

impl<T: Payload> Payload for CountedPayload<T> {
    fn heap_bytes(&self) -> usize {
        self.value.heap_bytes()
    }
}

/// Allocation and the meter are those of nodes; nothing else of [`Leak`] is used.
type CountedNode<T> = Node<Leak, CountedPayload<T>>;

fn node_of<T>(word: *mut CountedNode<T>) -> *mut CountedNode<T> {
    word.map_addr(|word| word & (ONE - 1))
}

fn guards_of<T>(word: *mut CountedNode<T>) -> isize {
    (word.addr() >> ADDRESS_BITS).cast_signed()
}

/// The domain of split reference counts. Each root has its own count; the domain knows only how many
/// participants there are.
#[derive(Debug, Default)]
pub struct RefCounts {
    participants: AtomicUsize,
}

/// A link to a payload, together with the number of participants that hold it.
pub struct CountedRoot<T: Payload> {
    word: AtomicPtr<CountedNode<T>>,
    /// It owns its node.
    _node: PhantomData<CountedNode<T>>,
}

// SAFETY: any thread may read, replace, free a payload, which is `Send` and `Sync`.
unsafe impl<T: Payload + Send + Sync> Send for CountedRoot<T> {}

// SAFETY: as above.
unsafe impl<T: Payload + Send + Sync> Sync for CountedRoot<T> {}

impl<T: Payload> CountedRoot<T> {
    fn alloc(value: T) -> *mut CountedNode<T> {
        let counted = CountedPayload { guards: AtomicIsize::new(0), value };
        let node = Node::alloc(&Leak, counted).publish();
        assert_eq!(node_of(node), node, "an address of more than {ADDRESS_BITS} bits");
        node
    }

    /// Ends a participant's hold on `node`.
    ///
    /// # Safety
    ///
    /// The participant held it, by this root.
    unsafe fn let_go(&self, node: *mut CountedNode<T>) {
        // Relaxed: decides only where this hold is counted.
        let mut word = self.word.load(Ordering::Relaxed);
        while node_of(word) == node {
            // Release arc-A1: the holder's accesses; pairs with arc-A4, as whoever frees the node has
            // read this word since, when somebody had replaced it, and only then gets to arc-A4.
            match self.word.compare_exchange_weak(
                word,
                word.map_addr(|word| word - ONE),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        // SAFETY: the hold is still counted, here or by who is about to add it (arc-I2).
        let counted = unsafe { &*node.cast_const() };
        // Release arc-A3: the holder's accesses; pairs with arc-A4.
        if counted.guards.fetch_sub(1, Ordering::Release) == 1 {
            // Acquire fence arc-A4: pairs with arc-A3 and arc-A1. All accesses under guards come before
            // the free.
            fence(Ordering::Acquire);
            // SAFETY: arc-I2: zero, hence replaced, and nobody holds it or will.
            unsafe { Node::reclaim(node) };
        }
    }
}

impl<T: Payload> Drop for CountedRoot<T> {
    fn drop(&mut self) {
        // Relaxed: `&mut self` orders it.
        let node = node_of(self.word.load(Ordering::Relaxed));
        // SAFETY: a root leads to a published node, and nobody else has it: who holds it has borrowed
        // the root, or was forgotten.
        let dropped = unsafe { Node::drop_published(node) };
        if let Err(payload) = dropped
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(payload);
        }
    }
}

impl<T: Payload> fmt::Debug for CountedRoot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a glance.
        let guards = guards_of(self.word.load(Ordering::Relaxed));
        f.debug_struct("CountedRoot").field("guards", &guards).finish_non_exhaustive()
    }
}

/// What a participant holds: `node`, which was loaded from the `CountedRoot` at `root`.
struct RootHold {
    root: *const (),
    node: *mut (),
    /// [`RootHold::let_go`] for the payload's type.
    let_go: unsafe fn(Self),
}

// SAFETY: roots and payloads that are held are `Send` and `Sync`, as `RootScheme::enter` asks for that.
unsafe impl Send for RootHold {}

impl RootHold {
    fn new<T: Payload>(root: &CountedRoot<T>, node: *mut CountedNode<T>) -> Self {
        Self { root: ptr::from_ref(root).cast(), node: node.cast(), let_go: Self::let_go::<T> }
    }

    /// Ends the hold.
    ///
    /// # Safety
    ///
    /// The payload is a `T`, and the root is still there.
    #[inline]
    unsafe fn let_go<T: Payload>(self) {
        // SAFETY: by this function's contract.
        let root = unsafe { &*self.root.cast::<CountedRoot<T>>() };
        // SAFETY: it was held, and `self` is gone afterwards.
        unsafe { root.let_go(self.node.cast()) }
    }
}

/// A registration with [`RefCounts`].
pub struct CountsParticipant<'d> {
    domain: &'d RefCounts,
    /// The node that its guard has loaded; between guards, the node of a guard that was forgotten. The root
    /// is borrowed for `'d`.
    held: Option<RootHold>,
}

impl CountsParticipant<'_> {
    /// Releases the node of a forgotten guard, if there is one.
    #[cold]
    fn let_go_of_forgotten(&mut self) {
        if let Some(held) = self.held.take() {
            // SAFETY: the function is that of the payload's type; the root is borrowed for `'d`, which
            // has not ended: this type has a `Drop`.
            unsafe { (held.let_go)(held) }
        }
    }
}

impl Drop for CountsParticipant<'_> {
    fn drop(&mut self) {
        self.let_go_of_forgotten();
        // Relaxed: a number alone.
        self.domain.participants.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for CountsParticipant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountsParticipant").field("holds", &self.held.is_some()).finish()
    }
}

/// What a root led to, held.
pub struct CountsGuard<'g, 'd, T: Payload> {
    participant: &'g mut CountsParticipant<'d>,
    _loads: PhantomData<&'d CountedRoot<T>>,
}

impl<'d, T: Payload> CountsGuard<'_, 'd, T> {
    #[inline]
    fn hold(&mut self, root: &'d CountedRoot<T>) -> *mut CountedNode<T> {
        self.let_go();
        // Acquire arc-A5: pairs with arc-A6.
        let node = node_of(add_bytes(&root.word, ONE, Ordering::Acquire));
        self.participant.held = Some(RootHold::new(root, node));
        perturb();
        node
    }

    #[inline]
    fn let_go(&mut self) {
        if let Some(held) = self.participant.held.take() {
            // SAFETY: arc-I4: this guard has loaded it; the root is borrowed for `'d`.
            unsafe { held.let_go::<T>() };
        }
    }
}

impl<T: Payload> Drop for CountsGuard<'_, '_, T> {
    #[inline]
    fn drop(&mut self) {
        self.let_go();
    }
}

impl<T: Payload> fmt::Debug for CountsGuard<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountsGuard").field("holds", &self.participant.held.is_some()).finish()
    }
}

// SAFETY: arc-I1 to arc-I4: what a guard has loaded is counted until it loads again or drops; `Send`
// and `Sync` are implemented above.
unsafe impl RootScheme for RefCounts {
    type Root<T: Payload> = CountedRoot<T>;
    type Participant<'d> = CountsParticipant<'d>;
    type Guard<'g, 'd: 'g, T: Payload + Send + Sync + 'd> = CountsGuard<'g, 'd, T>;

    const NAME: &'static str = "arc";
    const SUMMARY: &'static str = "split reference counts of a root (Williams 2019)";
    const CAPS: Caps = Caps {
        per_pointer: true,
        held: Held::Constant,
        needs_quiescence: false,
        takes_batch: false,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: true,
    };

    fn new(_: Option<usize>) -> Self {
        Self::default()
    }

    fn root<T: Payload>(&self, first: T) -> CountedRoot<T> {
        CountedRoot { word: AtomicPtr::new(CountedRoot::alloc(first)), _node: PhantomData }
    }

    fn last<T: Payload>(root: &mut CountedRoot<T>) -> &mut T {
        // Relaxed: `&mut` orders it.
        let node = node_of(root.word.load(Ordering::Relaxed));
        // SAFETY: a root leads to a published node, and nobody else has it.
        &mut unsafe { &mut *node }.payload_mut().value
    }

    /// # Panics
    ///
    /// If 65,535 are registered.
    fn register(&self) -> CountsParticipant<'_> {
        // Relaxed: a number alone.
        let before = self.participants.fetch_add(1, Ordering::Relaxed);
        let participant = CountsParticipant { domain: self, held: None };
        assert!(before < MOST, "{MOST} threads are registered, the most that a root can count");
        participant
    }

    #[inline]
    fn enter<'g, 'd: 'g, T: Payload + Send + Sync + 'd>(
        participant: &'g mut CountsParticipant<'d>,
    ) -> CountsGuard<'g, 'd, T> {
        // arc-I4.
        if participant.held.is_some() {
            participant.let_go_of_forgotten();
        }
        CountsGuard { participant, _loads: PhantomData }
    }

    #[inline]
    unsafe fn load<'b, 'd: 'b, T: Payload + Send + Sync + 'd>(
        guard: &'b mut CountsGuard<'_, 'd, T>,
        root: &'d CountedRoot<T>,
    ) -> &'b T {
        let node = guard.hold(root);
        // SAFETY: arc-I1 to arc-I3: it is held until the guard loads again, and the guard is borrowed.
        &unsafe { &*node.cast_const() }.value
    }

    unsafe fn replace<'d, T: Payload + Send + Sync + 'd, U, V>(
        &self,
        guard: &mut CountsGuard<'_, 'd, T>,
        root: &'d CountedRoot<T>,
        make: impl FnOnce(&T) -> (T, U),
        installed: impl FnOnce(&T, U) -> V,
        lost: impl FnOnce(&mut T, U),
    ) -> Option<V> {
        let seen = guard.hold(root);
        // SAFETY: arc-I1 to arc-I3: it is held until after this function.
        let base = unsafe { &*seen.cast_const() };
        let (next, kept) = make(&base.value);
        let next = CountedRoot::alloc(next);
        // Relaxed: the CAS decides.
        let mut word = root.word.load(Ordering::Relaxed);
        while node_of(word) == seen {
            // Release arc-A6: publishes the node; pairs with arc-A5.
            match root.word.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => {
                    let answer = installed(&base.value, kept);
                    base.count_retired();
                    // Relaxed: we hold it still, and will let go of it by arc-A3, which comes after
                    // this.
                    base.guards.fetch_add(guards_of(word), Ordering::Relaxed);
                    return Some(answer);
                }
                Err(now) => word = now,
            }
        }
        // SAFETY: from `publish` in `alloc`, and not stored.
        let mut next = unsafe { Owned::unpublished(next) };
        lost(&mut next.value, kept);
        panics::in_vain(next);
        None
    }
}
