//! Universal constructions: they make any sequential object concurrent, without a change of its code.
//!
//! M. Herlihy, *Wait-free synchronization*, TOPLAS 1991: prepare an update on a private version,
//! install it by one atomic step, help others if they must not starve. Three roles:
//!
//! * A [`Sequential`] object has operations that are values: deterministic, and free to run again.
//! * A [`Version`] of an object can be forked into a private copy. How much of it is copied is the
//!   object's business: a [`Flat`] table is copied whole, a trie shares all but a path.
//! * A [`Universal`] construction decides in which order operations take effect and who runs them.
//!
//! [`VersionedMap`] makes a [`ConcurrentMap`](crate::map::ConcurrentMap) of any
//! construction over any [`MapObject`](map::MapObject).

pub mod cow;
pub mod flat;
pub mod hamt;
pub mod left_right;
pub mod log;
pub mod map;
pub mod psim;
#[cfg(all(test, not(any(loom, shuttle))))]
mod stamps;

use foldhash::fast::RandomState;

use self::cow::{Cas, Cow, Locked};
use self::flat::Flat;
use self::hamt::{Bundled, Counted, Hamt};
use self::left_right::LeftRight;
use self::log::HerlihyLog;
use self::map::VersionedMap;
use self::psim::PSim;
use crate::map::{Held, MapInfo};
use crate::reclaim::Epoch;

/// A sequential object whose operations can be handed around and run again.
pub trait Sequential {
    /// An operation, with its arguments.
    type Op;
    /// The result of an operation.
    type Out;

    /// Runs `op`. Deterministic: the same operation on equal states leaves equal states and returns
    /// equal results. If the user's code in it panics, the object is as it was.
    fn apply(&mut self, op: &Self::Op) -> Self::Out;

    /// The result of `op`, if it changes nothing in this state. No version is made for it then.
    fn answer(&self, _op: &Self::Op) -> Option<Self::Out> {
        None
    }

    /// Bytes on the heap that are this object's alone, for the meter.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A version of an object: fixed once it is published, forked to make the next.
///
/// The life of a fork: [`fork`](Self::fork), [`Sequential::apply`] by one thread,
/// [`seal`](Self::seal). If it is then installed, the version whose place it took is told so by
/// [`replaced`](Self::replaced); if not, [`abandon`](Self::abandon) takes it back, to be dropped.
/// Versions form a line: a fork is only ever installed in place of the version that it was forked
/// from.
///
/// That life is a construction's to see to, and what two versions share is freed by it alone: so its
/// steps are `unsafe`, and a copy that lives by itself is a clone, where an object has that:
///
/// ```compile_fail,E0133
/// use structures::versioned::{HamtCas, Version};
///
/// let map: HamtCas<u64, u64> = (0..9).map(|key| (key, key)).collect();
/// let copy = map.handle().pin().snapshot().version().fork(); // would outlive what it was forked from
/// ```
///
/// ```
/// use std::hash::RandomState;
///
/// use structures::reclaim::Epoch;
/// use structures::versioned::HamtCas;
/// use structures::versioned::hamt::Counted;
/// use structures::versioned::map::MapObject;
///
/// let map: HamtCas<u64, u64, Epoch, RandomState, Counted> = (0..9).map(|key| (key, key)).collect();
/// let copy = map.handle().pin().snapshot().version().clone();
/// drop(map);
/// assert_eq!(copy.len(), 9);
/// ```
///
/// # Safety
///
/// A version that was published stays as it is, for other threads to read, until it is dropped,
/// whatever becomes of the versions before and after it.
pub unsafe trait Version: Sequential + Sized {
    /// The data that the maker of a version keeps until it is known whether the version is installed.
    type Residue;

    /// Whether a version keeps alive what the versions after it have replaced.
    const KEEPS_LATER: bool = false;

    /// A private copy, to be edited.
    ///
    /// # Safety
    ///
    /// `self` is sealed. It lasts until the fork has been installed in its place, or has been
    /// dropped. Of the versions that follow each other in this way, the last one drops when all others
    /// have dropped, or if those never will.
    unsafe fn fork(&self) -> Self;

    /// Ends the editing: nothing changes from here on.
    ///
    /// # Safety
    ///
    /// No operation is applied to `self` after this, unless it is [abandoned](Self::abandon).
    unsafe fn seal(&mut self) -> Self::Residue;

    /// Tells `self` that a version with this residue has been installed in its place.
    ///
    /// # Safety
    ///
    /// That version was forked from `self`. Called once for `self`, by the thread that installed
    /// the other, before `self` is retired.
    unsafe fn replaced(&self, residue: Self::Residue);

    /// Takes a fork back that was not installed.
    ///
    /// # Safety
    ///
    /// `residue` is what [`seal`](Self::seal) of `self` returned. Nobody has forked `self`, and no other thread has it.
    unsafe fn abandon(&mut self, residue: Self::Residue) {
        drop(residue);
    }

    /// Tells `self`, which was installed, that no version will replace it.
    ///
    /// # Safety
    ///
    /// `self` drops next. The versions before it have been dropped, or are not used any more. There is no fork of
    /// `self`.
    unsafe fn end(&mut self) {}
}

/// Any object that can be cloned, copied whole for each version.
#[derive(Clone, Debug, Default)]
pub struct Whole<O>(pub O);

impl<O: Sequential> Sequential for Whole<O> {
    type Op = O::Op;
    type Out = O::Out;

    fn apply(&mut self, op: &O::Op) -> O::Out {
        self.0.apply(op)
    }

    fn answer(&self, op: &O::Op) -> Option<O::Out> {
        self.0.answer(op)
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

// SAFETY: a clone shares nothing but what its own `Clone` takes care of.
unsafe impl<O: Sequential + Clone> Version for Whole<O> {
    type Residue = ();

    unsafe fn fork(&self) -> Self {
        self.clone()
    }

    unsafe fn seal(&mut self) {}

    unsafe fn replaced(&self, (): ()) {}
}

/// The memory that a stalled reader holds if versions are retired one by one.
const fn held_of_versions<O: Version>(scheme: Held) -> Held {
    if O::KEEPS_LATER { Held::Unbounded } else { held_of_wholes(scheme) }
}

/// The same of objects of which each is alive by itself: a bounded number is a bounded number of
/// tables.
const fn held_of_wholes(scheme: Held) -> Held {
    match scheme {
        Held::Constant => Held::TableSize,
        held => held,
    }
}

/// A construction that makes objects of type `O` concurrent.
///
/// It may hold several objects, its roots, which have nothing to do with each other. With more than
/// one there is no moment's state of all of them.
pub trait Universal<O: Sequential>: Send + Sync {
    /// What it says of itself as a map's construction. Its `insert` and `remove` are the progress
    /// of [`UniversalPinned::apply`], its `get` that of [`UniversalPinned::read`].
    const INFO: MapInfo;

    /// The number of objects that it holds.
    const ROOTS: usize = 1;

    /// Whether a writer waits for who is in [`UniversalPinned::read`], so that nobody can write from
    /// in there.
    const READS_HOLD_UP_WRITES: bool = false;

    /// Whether [`UniversalPinned::apply_all`] runs the operations at one moment, as one change.
    const AT_ONCE: bool = false;

    /// One thread's way in.
    type Handle<'c>: UniversalHandle<O>
    where
        Self: 'c;

    /// Registers the calling thread.
    ///
    /// # Panics
    ///
    /// When more than [`MapInfo::max_threads`] handles would exist.
    fn handle(&self) -> Self::Handle<'_>;

    /// [`UniversalPinned::read`] for a thread that may have no handle. It takes none of those that
    /// [`MapInfo::max_threads`] counts: a construction that limits them does better than this.
    fn look<T>(&self, root: usize, f: impl FnOnce(&O) -> T) -> T {
        self.handle().pin().read(root, f)
    }
}

/// One thread's way into a [`Universal`] construction.
pub trait UniversalHandle<O: Sequential> {
    /// The handle inside a critical section.
    type Pinned<'h>: UniversalPinned<O>
    where
        Self: 'h;

    /// Enters a critical section.
    fn pin(&mut self) -> Self::Pinned<'_>;

    /// Runs `f`, which may block, with this thread in an extended quiescent state.
    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        f()
    }
}

/// The two things that can be done to a concurrent object.
pub trait UniversalPinned<O: Sequential> {
    /// Runs `f` on the current state of the object in `root`: the state at one moment of the call.
    fn read<T>(&mut self, root: usize, f: impl FnOnce(&O) -> T) -> T;

    /// Runs `op` on the object in `root`: it takes effect once, at one moment of the call, however
    /// often it is run. If the user's code in it panics, so does this, and there is no effect.
    fn apply(&mut self, root: usize, op: O::Op) -> O::Out;

    /// Runs many operations, in order. They take effect at [one moment](Universal::AT_ONCE), or each at its
    /// own; then, under most schemes, all that they replace waits for the end of this critical section.
    fn apply_all(&mut self, root: usize, ops: Vec<O::Op>) -> Vec<O::Out> {
        ops.into_iter().map(|op| self.apply(root, op)).collect()
    }
}

/// A critical section in which a version can be kept.
pub trait CurrentVersion<O> {
    /// The current version, for as long as this is borrowed. O(1).
    fn version(&mut self) -> &O;
}

/// Roots of a [`HamtSharded`].
pub const SHARDS: usize = 16;

/// An open-addressing table, copied whole for each update, under a writers' lock.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type CowLock<K, V, R = Epoch, S = RandomState> =
    VersionedMap<Flat<K, V>, Cow<Flat<K, V>, R, Locked>, S>;

/// An open-addressing table, copied whole for each update, installed by compare-and-swap.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type CowCas<K, V, R = Epoch, S = RandomState> =
    VersionedMap<Flat<K, V>, Cow<Flat<K, V>, R, Cas>, S>;

/// A hash trie. An update copies the path to its leaf and installs the copy by compare-and-swap.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
///
/// # Examples
///
/// ```
/// use structures::HamtCas;
///
/// let map = HamtCas::<String, u32>::new();
/// let mut handle = map.handle();
/// assert!(handle.insert("a".to_owned(), 1));
/// assert!(!handle.insert("a".to_owned(), 2));
/// assert_eq!(handle.update("a", |count| count + 1), Some(1));
/// let mut pinned = handle.pin();
/// let now = pinned.snapshot();
/// assert_eq!(now.get("a"), Some(&2));
/// ```
pub type HamtCas<K, V, R = Epoch, S = RandomState, P = Bundled> =
    VersionedMap<Hamt<K, V, P>, Cow<Hamt<K, V, P>, R, Cas>, S>;

/// [`SHARDS`] hash tries, each as in [`HamtCas`]: writers meet less often, and no snapshot is of
/// all of them.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type HamtSharded<K, V, R = Epoch, S = RandomState, P = Bundled> =
    VersionedMap<Hamt<K, V, P>, Cow<Hamt<K, V, P>, R, Cas, SHARDS>, S>;

/// A hash trie. A thread announces its operation, and whoever makes the next version applies all that are announced.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type HamtPsim<K, V, R = Epoch, S = RandomState, P = Bundled> =
    VersionedMap<Hamt<K, V, P>, PSim<Hamt<K, V, P>, R>, S>;

/// Two open-addressing tables: readers read one while a writer writes the other.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type LeftRightTable<K, V, S = RandomState> = VersionedMap<Flat<K, V>, LeftRight<Flat<K, V>>, S>;

/// A hash trie for each handle, and a log of all operations, which each handle applies to its own trie.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type LogHerlihy<K, V, R = Epoch, S = RandomState> =
    VersionedMap<Hamt<K, V, Counted>, HerlihyLog<Hamt<K, V, Counted>, R>, S>;
