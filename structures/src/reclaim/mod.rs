//! AXIS reclaimer: when may memory that a reader might still hold be freed?
//!
//! One trait, [`Reclaimer`], behind which every scheme stands; one file a scheme; one source
//! of each table for all of them. To add a scheme: write its file, add a line to [`for_each`].
//!
//! Three roles:
//!
//! * [`Reclaimer`] is the *domain*. A table owns one; nodes retired in it are freed by it, the
//!   last of them when it drops.
//! * [`Participant`] is one thread's registration, held by the table's handle.
//! * [`Guard`] is one critical section: loads are protected through it, nodes retired.
//!
//! # What a table promises (the contract of [`Guard`])
//!
//! * reclaim-D1. It dereferences a shared node only while the node is protected: loaded by
//!   [`Guard::protect`] within the same guard, its slot not used again since, **and found still
//!   reachable after the load**. What "still reachable" means is the table's business: for
//!   Michael's list, that the link it was loaded from carries no mark.
//! * reclaim-D2. It retires a node once, after the node has become unreachable for operations that
//!   start later, and never frees a published node in another way while the table is shared.
//!
//! # What a scheme promises
//!
//! * reclaim-S1. A node protected as in reclaim-D1 is not freed before its guard ends or its slot is
//!   used again, whichever is first.
//! * reclaim-S2. A retired node is freed at most once, by [`Node::reclaim`], on any thread, no later
//!   than the domain's drop ([`Leak`] never frees). Hence a participant borrows the domain, and
//!   a guard its participant, until their drops have run: if such a type keeps anything alive
//!   that frees nodes, it implements `Drop` itself, as otherwise the borrow may end earlier.
//!   Who forgets a participant (`mem::forget`) keeps what it has retired from being freed at all,
//!   and may hold up others as a thread does that never runs again; nothing is freed early for it.
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

/// Low bits of a link that a table may use for its own marks; a protected address is without
/// them. Nodes are aligned to 8.
pub const TAG_BITS: usize = 0b111;

/// Slots that a guard protects independently of each other.
pub const SLOTS: usize = 3;

/// What a scheme guarantees and needs: data, so that a table can refuse what it cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Protects single nodes, so a traversal must validate each step; otherwise a guard
    /// protects whatever is reachable while it lives.
    pub per_pointer: bool,
    /// What one stalled guard holds up of nodes that are retired each for itself. Where a node
    /// keeps others alive, as a version of a table does, it is the table that says what is held
    /// ([`MapInfo::held`](crate::map::MapInfo::held)).
    pub held: Held,
    /// A registered thread that runs no operation holds reclamation up unless it says that it
    /// is offline.
    pub needs_quiescence: bool,
    /// How many nodes a thread retires before it tries to free some can be set: see
    /// [`Reclaimer::new`].
    pub takes_batch: bool,
    /// Progress of all calls of a guard in which nothing is retired, from its beginning to its end.
    pub reads: Progress,
    /// Progress of all calls of a guard in which something is retired. Its end is one of them, and may free what
    /// was retired.
    pub writes: Progress,
    /// Whether `structures/tests/progress.rs` tests the scheme's progress. It stops threads between a scheme's own
    /// steps. It cannot stop them within another crate, and assumes of crossbeam-epoch that no thread waits there
    /// for another; nor within the locks of the standard library.
    pub progress_is_tested: bool,
}

impl Caps {
    /// Whether a stalled guard holds up a bounded number of such nodes.
    #[must_use]
    pub const fn is_robust(&self) -> bool {
        self.held.is_bounded()
    }
}

/// A scheme's domain.
///
/// # Safety
///
/// Implementations keep reclaim-S1–S3 of the [module's contract](self).
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

    /// A domain that scans, collects or synchronises after about `batch` retirements per
    /// thread; `None` is the scheme's own default. A scheme whose batch is fixed says so in
    /// its documentation and takes no other.
    fn new(batch: Option<usize>) -> Self;

    /// The header of a node that is about to be allocated.
    fn header(&self) -> Self::Header;

    /// Registers the calling thread; may allocate. The scheme's documentation says whether it
    /// can wait for another thread that registers or leaves.
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

    /// Declares that this thread holds nothing and will not enter until [`online`](Self::online).
    fn offline(&mut self) {}

    /// Ends [`offline`](Self::offline).
    fn online(&mut self) {}
}

/// A participant that is offline; it goes online again when this drops, also by a panic.
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
    /// Loads `src` (at least `Acquire`) and protects the address it holds, without its
    /// [tag bits](TAG_BITS), in `slot`; returns what `src` held, tags included, at a moment when
    /// the protection was already in force. The previous protection of `slot` ends.
    ///
    /// An address that is no node (null, a sentinel) may be "protected" too.
    ///
    /// # Panics
    ///
    /// If `slot >= SLOTS`, where the scheme has slots.
    fn protect<T>(&mut self, slot: usize, src: &AtomicPtr<Node<R, T>>) -> *mut Node<R, T>;

    /// Hands `node` over to be freed when no guard can hold it.
    ///
    /// # Safety
    ///
    /// reclaim-D2: `node` came from [`Owned::publish`], was allocated for this guard's domain, is
    /// unreachable for operations that start later, and is retired only here. What `T` borrows
    /// outlives the domain.
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<R, T>);
}

/// Something to do for each scheme; see [`for_each`].
pub trait Visitor {
    /// Called once for a scheme.
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
