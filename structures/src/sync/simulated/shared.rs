//! Counted references, and locks of readers and a writer, told of.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc as OfStd;
use std::sync::{PoisonError, TryLockError, TryLockResult};

use super::{Access, AtomicU32, Caller, Ordering, access_at, core, tell};

/// `std::sync::Arc`: who clones it, or drops it, updates the counts in front of the value.
pub struct Arc<T>(OfStd<T>);

/// Says that the counts at that address are changed.
#[track_caller]
fn count_at(counts: usize) {
    tell(Access::Update, counts, 0);
}

impl<T> Arc<T> {
    pub fn new(value: T) -> Self {
        Self(OfStd::new(value))
    }

    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        OfStd::ptr_eq(&this.0, &other.0)
    }

    /// The address of the counts: two words in front of the value.
    fn counts(&self) -> usize {
        OfStd::as_ptr(&self.0).addr() - 2 * size_of::<usize>()
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        count_at(self.counts());
        Self(OfStd::clone(&self.0))
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        count_at(self.counts());
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `std`'s lock, as far as it is tried and nobody waits for it: a word with the number of readers. As on Linux in
/// Rust 1.95.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T> {
    word: AtomicU32,
    /// Uncontended where cores are virtual: the word says whose it is.
    inner: std::sync::RwLock<T>,
}

/// The word of a lock that a writer has. Readers are fewer.
const WRITTEN: u32 = (1 << 30) - 1;

/// The word of a virtual core's lock, by how much it is to be lowered, and the code that has locked it.
type LockWord<'l> = Option<(&'l AtomicU32, u32, Caller)>;

/// An [`RwLock`], locked until this drops.
#[derive(Debug)]
pub(crate) struct Hold<'l, G> {
    word: LockWord<'l>,
    /// Taken out when this drops, before the word is lowered.
    inner: Option<G>,
}

/// An [`RwLock`], locked by a reader.
pub(crate) type RwLockReadGuard<'l, T> = Hold<'l, std::sync::RwLockReadGuard<'l, T>>;

impl<T> RwLock<T> {
    #[track_caller]
    pub(crate) fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let word = self.raised(1, |readers| readers < WRITTEN - 1);
        word.map_or(Err(TryLockError::WouldBlock), |word| held(word, self.inner.try_read()))
    }

    #[track_caller]
    pub(crate) fn try_write(&self) -> TryLockResult<Hold<'_, std::sync::RwLockWriteGuard<'_, T>>> {
        let word = self.raised(WRITTEN, |readers| readers == 0);
        word.map_or(Err(TryLockError::WouldBlock), |word| held(word, self.inner.try_write()))
    }

    /// Raises the word of a virtual core's lock, if that is free.
    #[track_caller]
    fn raised(&self, by: u32, is_free: impl Fn(u32) -> bool) -> Result<LockWord<'_>, u32> {
        if core().is_none() {
            return Ok(None);
        }
        let more = |readers| is_free(readers).then(|| readers + by);
        self.word.fetch_update(Ordering::Acquire, Ordering::Relaxed, more)?;
        Ok(Some((&self.word, by, Location::caller())))
    }
}

fn held<'l, G>(word: LockWord<'l>, locked: TryLockResult<G>) -> TryLockResult<Hold<'l, G>> {
    match locked {
        Ok(inner) => Ok(Hold { word, inner: Some(inner) }),
        Err(TryLockError::Poisoned(inner)) => {
            let inner = Some(inner.into_inner());
            Err(TryLockError::Poisoned(PoisonError::new(Hold { word, inner })))
        }
        Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
    }
}

impl<G> Drop for Hold<'_, G> {
    fn drop(&mut self) {
        drop(self.inner.take());
        if let Some((word, by, at)) = self.word {
            let lower = || word.0.fetch_sub(by, Ordering::Release);
            access_at(word, lower, |_| (Access::Update, 0), at);
        }
    }
}
