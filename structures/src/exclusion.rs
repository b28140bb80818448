//! FACTOR exclusion: how operations on the same bucket keep out of each other's way.
//!
//! The rows of the factor analysis in B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and
//! Concurrent MemCache with Dumber Caching and Smarter Hashing*, NSDI 2013, section 6, over the
//! same buckets, so that only the exclusion differs.

use std::fmt::Debug;
use std::sync::PoisonError;

use crate::sealed::Sealed;
use crate::sync::{Mutex, MutexGuard};
use crate::versions::{PerBucket, Stripes, Versions};

/// A way to exclude. Sealed: the tables' protocols are argued for these.
pub trait Exclusion: Sealed + Debug + Default + Send + Sync + 'static {
    /// Its name in the names of tables.
    const NAME: &'static str;

    /// Whether a reader takes the lock of each bucket that it reads, instead of validating it.
    const READERS_LOCK: bool;

    /// Where the buckets' locks and versions are.
    type Versions: Versions;

    /// Held around a lookup.
    type Reading<'e>;

    /// Held around an operation that writes.
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

/// Readers validate, one writer at a time, as in MemC3; its versions are in stripes.
#[derive(Debug, Default)]
pub struct SingleWriter(Mutex<()>);

impl Sealed for SingleWriter {}
impl Exclusion for SingleWriter {
    const NAME: &'static str = "single-writer";
    const READERS_LOCK: bool = false;

    type Versions = PerBucket;
    type Reading<'e> = ();
    type Writing<'e> = MutexGuard<'e, ()>;

    #[inline(always)]
    fn read(&self) {}

    #[inline]
    fn write(&self) -> MutexGuard<'_, ()> {
        lock(&self.0)
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
pub struct GlobalLock(Mutex<()>);

impl Sealed for GlobalLock {}
impl Exclusion for GlobalLock {
    const NAME: &'static str = "global-lock";
    const READERS_LOCK: bool = false;

    type Versions = PerBucket;
    type Reading<'e> = MutexGuard<'e, ()>;
    type Writing<'e> = MutexGuard<'e, ()>;

    #[inline]
    fn read(&self) -> MutexGuard<'_, ()> {
        lock(&self.0)
    }

    #[inline]
    fn write(&self) -> MutexGuard<'_, ()> {
        lock(&self.0)
    }
}

/// The mutex guards no data, so a panic under it breaks nothing.
#[inline]
fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
