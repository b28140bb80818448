//! Memory reclamation: schemes that decide when memory may be freed that a reader might still hold.
//!
//! Every scheme implements one trait, [`Reclaimer`], in a file of its own; each table is written once for
//! all schemes. To add a scheme, write its file and add a line to [`for_each`].
//!
//! There are three roles:
//!
//! * [`Reclaimer`] is the *domain*. A table owns one; it frees the nodes that are retired in it, the
//!   last of them when it drops.
//! * [`Participant`] is one thread's registration, held by the table's handle.
//! * [`Guard`] is one critical section: it protects loads, and nodes are retired through it.
//!
//! # What a table promises (the contract of [`Guard`])
//!
//! * reclaim-D1. It dereferences a shared node only while the node is protected: loaded by
//!   [`Guard::protect`] within the same guard, its slot not reused since, **and found still
//!   reachable after the load**. The table defines what "still reachable" means: for
//!   Michael's list, that the link from which the node was loaded carries no mark.
//! * reclaim-D2. It retires a node once, after the node has become unreachable for operations that
//!   start later, and never frees a published node in another way while the table is shared.
//!
//! # What a scheme promises
//!
//! * reclaim-S1. A node protected as in reclaim-D1 is not freed before its guard ends or its slot is
//!   reused, whichever is first.
//! * reclaim-S2. A retired node is freed at most once, by [`Node::reclaim`], on any thread, no later
//!   than the domain's drop ([`Leak`] never frees). Hence a participant borrows the domain, and
//!   a guard its participant, until their drops have run: if such a type keeps anything alive
//!   that frees nodes, it implements `Drop` itself, as otherwise the borrow may end earlier.
//!   If a participant is forgotten (`mem::forget`), what it has retired may never be freed, and it may delay
//!   the reclamation of others like a thread that never runs again; but nothing is freed too early.
//! * reclaim-S3. Everything the retiring thread did before `retire` happens before the free; so do all
//!   accesses under guards that protected the node.

mod announcements;
mod arc;
mod batches;
mod debra;
mod epoch;
mod exits;
mod fences;
mod grace_rcu;
mod haphazard;
mod hazard;
mod ibr;
mod leak;
mod node;
mod pins;
mod poor_rcu;
mod qsbr;
mod registry;
mod retired;
mod root;
mod sdd;
mod seize;
mod worker_rcu;

pub use self::arc::{CountedRoot, CountsGuard, CountsParticipant, RefCounts};
pub use self::debra::Debra;
pub use self::epoch::Epoch;
pub use self::grace_rcu::GraceRcu;
pub use self::haphazard::Haphazard;
pub use self::hazard::Hazard;
pub use self::ibr::Ibr;
pub use self::leak::Leak;
pub use self::node::{Node, Owned, Payload};
pub use self::poor_rcu::PoorRcu;
pub use self::qsbr::Qsbr;
pub use self::root::{LinkRoot, RootScheme};
pub use self::sdd::Sdd;
pub use self::seize::Seize;
pub use self::worker_rcu::WorkerRcu;

use std::marker::PhantomData;

use crate::map::{Held, Progress};
use crate::sync::AtomicPtr;

/// The low bits of a link, which a table may use for its own marks; the protected address is the one without
/// them. Nodes are aligned to 8.
pub const TAG_BITS: usize = 0b111;

/// The number of slots of a guard; each protects an address independently of the others.
pub const SLOTS: usize = 3;

/// What a scheme guarantees and needs, as data, so that a table can refuse a scheme that it cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Whether it protects single nodes, so that a traversal must validate each step; otherwise a guard
    /// protects everything that is reachable while it lives.
    pub per_pointer: bool,
    /// How many nodes one stalled guard keeps from being freed, if no node keeps another alive. Where nodes
    /// keep others alive, as the versions of a table do, the table states what is held
    /// ([`MapInfo::held`](crate::map::MapInfo::held)).
    pub held: Held,
    /// Whether a registered thread that runs no operation delays reclamation unless it is offline.
    pub needs_quiescence: bool,
    /// Whether one can set how many nodes a thread retires before it tries to free some: see
    /// [`Reclaimer::new`].
    pub takes_batch: bool,
    /// Progress of all calls of a guard in which nothing is retired, from its beginning to its end.
    pub reads: Progress,
    /// Progress of all calls of a guard in which something is retired. The end of the guard is one of them, and
    /// may free what was retired.
    pub writes: Progress,
    /// Whether `structures/tests/progress.rs` tests the scheme's progress. That test stops threads between a scheme's
    /// own steps. It cannot stop them inside another crate, nor inside the locks of the standard library; it assumes
    /// that in crossbeam-epoch no thread waits for another.
    pub progress_is_tested: bool,
}

impl Caps {
    /// Whether the number of nodes that a stalled guard keeps from being freed is bounded, if no node keeps
    /// another alive.
    #[must_use]
    pub const fn is_robust(&self) -> bool {
        self.held.is_bounded()
    }
}

/// A reclamation scheme's domain: the owner of the nodes that are retired in it.
///
/// # Safety
///
/// Implementations must keep reclaim-S1–S3 of the [module's contract](self).
pub unsafe trait Reclaimer: Sized + Send + Sync {
    /// The scheme's own field in each node: a birth era, a list link, or nothing.
    type Header: Send + Sync;
    /// A thread's registration.
    type Participant<'d>: Participant<Self>
    where
        Self: 'd;

    /// The name in experiment files and results.
    const NAME: &'static str;
    /// One line for `bench list`: the scheme and its source.
    const SUMMARY: &'static str;
    /// The scheme's guarantees and needs.
    const CAPS: Caps;

    /// Makes a domain that scans, collects or synchronises after about `batch` retirements per
    /// thread; `None` is the scheme's own default. A scheme whose batch is fixed ignores `batch`, and
    /// says so in its documentation.
    fn new(batch: Option<usize>) -> Self;

    /// Makes the header for a node that is about to be allocated.
    fn header(&self) -> Self::Header;

    /// Registers the calling thread; may allocate. The scheme's documentation says whether this
    /// can wait for another thread that registers or exits.
    fn register(&self) -> Self::Participant<'_>;
}

/// A thread's registration with a domain.
pub trait Participant<R: Reclaimer> {
    /// A critical section of this thread.
    type Guard<'g>: Guard<R>
    where
        Self: 'g;

    /// Enters a critical section.
    fn enter(&mut self) -> Self::Guard<'_>;

    /// Declares that this thread holds no protected node and will enter no critical section until
    /// [`online`](Self::online): it is in an extended quiescent state.
    fn offline(&mut self) {}

    /// Ends [`offline`](Self::offline).
    fn online(&mut self) {}
}

/// A participant that is offline; it goes online again when this drops, also during unwinding.
#[derive(Debug)]
pub struct Offline<'p, R: Reclaimer, P: Participant<R>>(&'p mut P, PhantomData<fn() -> R>);

impl<'p, R: Reclaimer, P: Participant<R>> Offline<'p, R, P> {
    /// Takes `participant` offline.
    #[must_use = "the participant goes online again when this drops"]
    pub fn start(participant: &'p mut P) -> Self {
        participant.offline();
        Self(participant, PhantomData)
    }
}

impl<R: Reclaimer, P: Participant<R>> Drop for Offline<'_, R, P> {
    fn drop(&mut self) {
        self.0.online();
    }
}

/// A critical section. Contract: reclaim-D1, reclaim-D2 and reclaim-S1–S3 of the [module](self).
pub trait Guard<R: Reclaimer> {
    /// Loads `src` (at least `Acquire`) and protects the address in it, without its
    /// [tag bits](TAG_BITS), in `slot`. Returns the value of `src`, tags included, at a moment when
    /// the protection was already in force. The previous protection of `slot` ends.
    ///
    /// An address that is not of a node (null, a sentinel) may be "protected" too.
    ///
    /// # Panics
    ///
    /// If `slot >= SLOTS`, where the scheme has slots.
    fn protect<T>(&mut self, slot: usize, src: &AtomicPtr<Node<R, T>>) -> *mut Node<R, T>;

    /// Retires `node`: the scheme frees it when no guard can hold it any more.
    ///
    /// # Safety
    ///
    /// reclaim-D2: `node` came from [`Owned::publish`], was allocated for this guard's domain, is
    /// unreachable for operations that start later, and is retired only here. What `T` borrows
    /// outlives the domain.
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<R, T>);
}

/// A generic function that is called with each scheme as its type parameter; see [`for_each`].
pub trait Visitor {
    /// Called once for each scheme.
    fn visit<R: Reclaimer + 'static>(&mut self);
}

/// Visits every scheme, in the order in which `bench list` shows them.
pub fn for_each(visitor: &mut impl Visitor) {
    visitor.visit::<Leak>();
    visitor.visit::<Epoch>();
    visitor.visit::<Haphazard>();
    visitor.visit::<Hazard>();
    visitor.visit::<Debra>();
    visitor.visit::<Ibr>();
    visitor.visit::<Qsbr>();
    visitor.visit::<WorkerRcu>();
    visitor.visit::<PoorRcu>();
    visitor.visit::<GraceRcu>();
    visitor.visit::<Seize>();
    visitor.visit::<Sdd>();
}
