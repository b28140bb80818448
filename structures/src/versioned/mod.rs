//! Universal constructions, which make any sequential object concurrent without a change of its code.
//!
//! M. Herlihy, *Wait-free synchronization*, TOPLAS 1991: prepare an update on a private version,
//! install it by one atomic step, and help other threads if they must not starve. There are three roles:
//!
//! * A [`Sequential`] object has operations that are values: they are deterministic, and can be run again.
//! * A [`Version`] of an object can be forked into a private copy. The object decides how much of it is
//!   copied: a [`Flat`] table is copied whole, a trie shares all but a path.
//! * A [`Universal`] construction decides in which order operations take effect, and which threads run them.
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

/// A sequential object whose operations are values, which can be passed to other threads and run again.
pub trait Sequential {
    /// An operation, with its arguments.
    type Op;
    /// The result of an operation.
    type Out;

    /// Runs `op`. Deterministic: the same operation on equal states leaves equal states and returns
    /// equal results. If the user's code in it panics, the object is as it was.
    fn apply(&mut self, op: &Self::Op) -> Self::Out;

    /// The result of `op` if it changes nothing in this state, else `None`. For an operation that changes nothing, no
    /// version is made.
    fn answer(&self, _op: &Self::Op) -> Option<Self::Out> {
        None
    }

    /// The number of bytes on the heap that only this object owns, for the meter.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// A version of an object: fixed once it is published, forked to make the next.
///
/// A fork goes through these steps: [`fork`](Self::fork), [`Sequential::apply`] by one thread,
/// [`seal`](Self::seal). If it is then installed, [`replaced`](Self::replaced) is called on the version that it
/// replaced; if not, [`abandon`](Self::abandon) takes it back, to be dropped.
/// Versions form a line: a fork is only ever installed in place of the version that it was forked
/// from.
///
/// The construction must follow these steps in order, since memory that two versions share is freed according to
/// them; so the steps are `unsafe`. An independent copy of a version is made by `clone`, if the object has that:
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
/// A published version must stay unchanged, for other threads to read, until it is dropped,
/// whatever happens to the versions before and after it.
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
    /// dropped. Of the versions of a line, the last one drops only after all others have dropped, or if those never
    /// will.
    unsafe fn fork(&self) -> Self;

    /// Ends the editing: nothing changes from here on.
    ///
    /// # Safety
    ///
    /// No operation is applied to `self` after this, unless it is [abandoned](Self::abandon).
    unsafe fn seal(&mut self) -> Self::Residue;

    /// Notifies `self` that a version with this residue has been installed in its place.
    ///
    /// # Safety
    ///
    /// That version was forked from `self`. Called once for `self`, by the thread that installed
    /// the other, before `self` is retired.
    unsafe fn replaced(&self, residue: Self::Residue);

    /// Takes back a fork that was not installed.
    ///
    /// # Safety
    ///
    /// `residue` is what [`seal`](Self::seal) of `self` returned. Nobody has forked `self`, and no other thread has it.
    unsafe fn abandon(&mut self, residue: Self::Residue) {
        drop(residue);
    }

    /// Notifies `self`, which was installed, that no version will replace it.
    ///
    /// # Safety
    ///
    /// `self` drops next. The versions before it have been dropped, or are not used any more. There is no fork of
    /// `self`.
    unsafe fn end(&mut self) {}
}

/// An adapter for any object that can be cloned: it is copied whole for each version.
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

/// The memory that a stalled reader keeps from being freed if versions are retired one by one.
const fn held_of_versions<O: Version>(scheme: Held) -> Held {
    if O::KEEPS_LATER { Held::Unbounded } else { held_of_wholes(scheme) }
}

/// The same for objects of which none keeps another alive: a bounded number of versions is a bounded number of
/// tables.
const fn held_of_wholes(scheme: Held) -> Held {
    match scheme {
        Held::Constant => Held::TableSize,
        held => held,
    }
}

/// A construction that makes objects of type `O` concurrent.
///
/// It may hold several objects, its roots, which are independent of each other. With more than
/// one root there is no snapshot of all of them at one moment.
pub trait Universal<O: Sequential>: Send + Sync {
    /// Its facts, as the construction of a map: `insert` and `remove` have the progress
    /// of [`UniversalPinned::apply`], `get` has that of [`UniversalPinned::read`].
    const INFO: MapInfo;

    /// The number of objects that it holds.
    const ROOTS: usize = 1;

    /// Whether a writer waits for threads that are in [`UniversalPinned::read`], so that the closure of a read cannot
    /// write.
    const READS_HOLD_UP_WRITES: bool = false;

    /// Whether [`UniversalPinned::apply_all`] runs the operations at one moment, as one change.
    const AT_ONCE: bool = false;

    /// A thread's handle.
    type Handle<'c>: UniversalHandle<O>
    where
        Self: 'c;

    /// Makes a handle: registers the calling thread.
    ///
    /// # Panics
    ///
    /// If more than [`MapInfo::max_threads`] handles would exist.
    fn handle(&self) -> Self::Handle<'_>;

    /// [`UniversalPinned::read`] for a thread that may have no handle. It must use up none of the handles that
    /// [`MapInfo::max_threads`] counts, so a construction with such a limit overrides this method.
    fn look<T>(&self, root: usize, f: impl FnOnce(&O) -> T) -> T {
        self.handle().pin().read(root, f)
    }
}

/// One thread's handle of a [`Universal`] construction.
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
    /// Runs `f` on the state of the object in `root` at one moment during the call.
    fn read<T>(&mut self, root: usize, f: impl FnOnce(&O) -> T) -> T;

    /// Runs `op` on the object in `root`. It takes effect once, at one moment during the call, however
    /// often it is run. If the user's code in it panics, this call panics too, and there is no effect.
    fn apply(&mut self, root: usize, op: O::Op) -> O::Out;

    /// Runs many operations, in order. They take effect at [one moment](Universal::AT_ONCE), or each at a moment of
    /// its own. In the latter case, under most schemes, everything that they replace waits for the end of this critical
    /// section.
    fn apply_all(&mut self, root: usize, ops: Vec<O::Op>) -> Vec<O::Out> {
        ops.into_iter().map(|op| self.apply(root, op)).collect()
    }
}

/// A critical section in which a version can be kept.
pub trait CurrentVersion<O> {
    /// The current version, for as long as this is borrowed. O(1).
    fn version(&mut self) -> &O;
}

/// The number of roots of a [`HamtSharded`].
pub const SHARDS: usize = 16;

/// An open-addressing table that is copied whole for each update, under a lock for writers: reads are wait-free (if the
/// reclaimer is), updates blocking and O(n).
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type CowLock<K, V, R = Epoch, S = RandomState> =
    VersionedMap<Flat<K, V>, Cow<Flat<K, V>, R, Locked>, S>;

/// An open-addressing table that is copied whole for each update, and installed by compare-and-swap: reads are
/// wait-free (if the reclaimer is), updates lock-free and O(n).
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type CowCas<K, V, R = Epoch, S = RandomState> =
    VersionedMap<Flat<K, V>, Cow<Flat<K, V>, R, Cas>, S>;

/// A hash trie. An update copies the path to its leaf and installs the copy by compare-and-swap: reads are wait-free
/// (if the reclaimer is), updates lock-free; both expected O(log n).
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

/// [`SHARDS`] hash tries, each as in [`HamtCas`]: writers conflict less often, but there is no snapshot of
/// all tries together.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type HamtSharded<K, V, R = Epoch, S = RandomState, P = Bundled> =
    VersionedMap<Hamt<K, V, P>, Cow<Hamt<K, V, P>, R, Cas, SHARDS>, S>;

/// A hash trie under P-Sim: a thread announces its operation, and a thread that makes the next version applies all
/// announced operations. Reads, `insert` and `remove` are wait-free (if the reclaimer is), `update` and `upsert`
/// lock-free.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type HamtPsim<K, V, R = Epoch, S = RandomState, P = Bundled> =
    VersionedMap<Hamt<K, V, P>, PSim<Hamt<K, V, P>, R>, S>;

/// Two open-addressing tables under Left-Right: readers read one while a writer writes the other. Reads are wait-free,
/// updates blocking.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type LeftRightTable<K, V, S = RandomState> = VersionedMap<Flat<K, V>, LeftRight<Flat<K, V>>, S>;

/// Herlihy's construction: a log of all operations, and a hash trie for each handle, to which the handle applies them.
/// Reads, `insert` and `remove` are wait-free (if the reclaimer is), `update` and `upsert` lock-free.
///
/// **[`insert`](map::Pinned::insert) keeps the old value**; see [`VersionedMap`] for what all these tables have.
pub type LogHerlihy<K, V, R = Epoch, S = RandomState> =
    VersionedMap<Hamt<K, V, Counted>, HerlihyLog<Hamt<K, V, Counted>, R>, S>;
