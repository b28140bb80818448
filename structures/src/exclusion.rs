//! The factor exclusion: how operations on the same bucket exclude each other.
//!
//! Its values are the rows of the factor analysis in the evaluation of B. Fan, D. Andersen, M. Kaminsky, *MemC3:
//! Compact and Concurrent MemCache with Dumber Caching and Smarter Hashing*, NSDI 2013. All use the same
//! buckets, so that only the exclusion differs.

use std::fmt::Debug;

use crate::owner::{OwnerGuard, OwnerLock};
use crate::sealed::Sealed;
use crate::versions::{PerBucket, Stripes, Versions};

/// How operations on a bucket exclude each other. Sealed: the correctness arguments of the tables cover only the
/// implementations in this module.
pub trait Exclusion: Sealed + Debug + Default + Send + Sync + 'static {
    /// The name of this value in the names of tables.
    const NAME: &'static str;

    /// Whether a reader takes the lock of each bucket that it reads, instead of validating it.
    const READERS_LOCK: bool;

    /// The kind of locks and versions that the buckets have.
    type Versions: Versions;

    /// The guard that is held during a lookup.
    type Reading<'e>;

    /// The guard that is held during an operation that writes.
    type Writing<'e>;

    /// Begins a lookup.
    fn read(&self) -> Self::Reading<'_>;

    /// Begins an operation that writes.
    fn write(&self) -> Self::Writing<'_>;
}

/// Readers validate, writers lock the buckets that they change: the multi-writer form of
/// X. Li et al., *Algorithmic Improvements for Fast Concurrent Cuckoo Hashing*, EuroSys 2014.
#[derive(Debug, Default)]
pub struct Optimistic;

impl Sealed for Optimistic {}
impl Exclusion for Optimistic {
    const NAME: &'static str = "optimistic";
    const READERS_LOCK: bool = false;

    type Versions = PerBucket;
    type Reading<'e> = ();
    type Writing<'e> = ();

    #[inline(always)]
    fn read(&self) {}

    #[inline(always)]
    fn write(&self) {}
}

/// The same with `N` versions and locks for all buckets.
#[derive(Debug, Default)]
pub struct OptimisticStripes<const N: usize>;

impl<const N: usize> Sealed for OptimisticStripes<N> {}
impl<const N: usize> Exclusion for OptimisticStripes<N> {
    const NAME: &'static str = Optimistic::NAME;
    const READERS_LOCK: bool = false;

    type Versions = Stripes<N>;
    type Reading<'e> = ();
    type Writing<'e> = ();

    #[inline(always)]
    fn read(&self) {}

    #[inline(always)]
    fn write(&self) {}
}

/// Readers validate, and one writer runs at a time, as in MemC3; the versions are in stripes.
#[derive(Debug, Default)]
pub struct SingleWriter(OwnerLock<()>);

impl Sealed for SingleWriter {}
impl Exclusion for SingleWriter {
    const NAME: &'static str = "single-writer";
    const READERS_LOCK: bool = false;

    type Versions = PerBucket;
    type Reading<'e> = ();
    type Writing<'e> = Exclusive<'e>;

    #[inline(always)]
    fn read(&self) {}

    #[inline]
    fn write(&self) -> Exclusive<'_> {
        Exclusive::new(&self.0)
    }
}

/// Readers and writers lock each bucket that they touch.
#[derive(Debug, Default)]
pub struct BucketLocks;

impl Sealed for BucketLocks {}
impl Exclusion for BucketLocks {
    const NAME: &'static str = "bucket-lock";
    const READERS_LOCK: bool = true;

    type Versions = PerBucket;
    type Reading<'e> = ();
    type Writing<'e> = ();

    #[inline(always)]
    fn read(&self) {}

    #[inline(always)]
    fn write(&self) {}
}

/// One lock around every operation.
#[derive(Debug, Default)]
pub struct GlobalLock(OwnerLock<()>);

impl Sealed for GlobalLock {}
impl Exclusion for GlobalLock {
    const NAME: &'static str = "global-lock";
    const READERS_LOCK: bool = false;

    type Versions = PerBucket;
    type Reading<'e> = Exclusive<'e>;
    type Writing<'e> = Exclusive<'e>;

    #[inline]
    fn read(&self) -> Exclusive<'_> {
        Exclusive::new(&self.0)
    }

    #[inline]
    fn write(&self) -> Exclusive<'_> {
        Exclusive::new(&self.0)
    }
}

/// A lock around an operation. An operation that the same thread runs inside another one, in a user's closure, takes no
/// lock. The outer operation finds its bucket changed and continues as if another
/// thread had done that, as it does where there is no lock.
#[derive(Debug)]
pub struct Exclusive<'e>(
    #[expect(dead_code, reason = "held for its drop")] Option<OwnerGuard<'e, ()>>,
);

impl<'e> Exclusive<'e> {
    #[inline]
    fn new(lock: &'e OwnerLock<()>) -> Self {
        Self(lock.lock_unless_mine())
    }
}
