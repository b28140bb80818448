//! The factor versions: where the lock and the version of a bucket are.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013, "Concurrent Cuckoo Hashing": versions are a small array of
//! their own, so that many buckets share one. Few versions stay in the cache, but an operation on one bucket makes
//! readers of others repeat their work. Here that is [`Stripes`]; in [`PerBucket`] each bucket's
//! [control word](crate::control) has a version of its own.
//!
//! # The protocol of stripes
//!
//! It is the protocol of the control word (control-C1–C6), with two words. A stripe is a version, which is odd while a
//! writer has locked its buckets; control words are written like entries then.
//!
//! * A reader loads the stripe (`Acquire`, versions-V1), then the bucket's word and entries, and
//!   validates: `fence(Acquire)` (versions-V2), then the stripe again (`Acquire`, versions-V3). If it
//!   is the same and even, word and entries were the bucket's at versions-V3.
//! * A writer makes it odd (versions-V4, a CAS, `Acquire`), `fence(Release)` (versions-V5), writes
//!   words and entries, and makes it even (`Release`, versions-V6).
//! * versions-V5 pairs with versions-V2, versions-V6 with versions-V1, versions-V3 and versions-V4, as
//!   control-C5 and control-C6 do.
//! * An operation on two buckets of one stripe takes it once, and releases it once.
//! * A load of a control word by itself needs no validation: each word that a writer stores describes its bucket at
//!   that moment, and versions-V5 also pairs with the load of the word (control-C1), so that a thread that sees the
//!   word sees what came before the operation.
//!
//! A stripe's 63 bits do not wrap: at one write per nanosecond that takes 292 years.

use std::fmt;

use crate::control::{Control, ControlWord, Wraps};
use crate::cuckoo::GrowError;
use crate::sealed::Sealed;
use crate::sync::{AtomicU64, Ordering, fence};
use crate::zeroed::{Pages, Zeroed};

/// A snapshot of a bucket: its word, and the version that covers it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<const SLOTS: usize, V: Versions> {
    /// The bucket's word.
    pub word: ControlWord<SLOTS>,
    /// The version, if the word has none.
    pub stamp: V::Stamp,
}

impl<const SLOTS: usize, V: Versions> Seen<SLOTS, V> {
    /// Whether a writer had locked the bucket.
    #[inline(always)]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        V::is_locked(self)
    }

    /// Whether the bucket's lock could be taken: no writer had it, and it was not frozen.
    #[inline(always)]
    #[must_use]
    pub fn can_be_locked(&self) -> bool {
        !self.is_locked() & !self.word.is_frozen()
    }
}

/// The kind of locks and versions that a table's buckets have. Sealed: a table relies on the correctness of the locks.
pub trait Versions: Sealed + Copy + fmt::Debug + Send + Sync + 'static {
    /// The number of locks with versions that a table has besides its buckets' words; 0 if none.
    const STRIPES: usize;

    /// The table's array of them.
    type Array: Send + Sync;

    /// A version.
    type Stamp: Copy + PartialEq + fmt::Debug + Send + Sync;

    /// The versions of a new table.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    fn try_new() -> Result<Self::Array, GrowError>;

    /// Takes a snapshot of a bucket.
    fn see<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
    ) -> Seen<SLOTS, Self>;

    /// Whether a writer had locked the bucket.
    fn is_locked<const SLOTS: usize>(seen: &Seen<SLOTS, Self>) -> bool;

    /// Whether the bucket is still as it was seen. If a writer had it locked then, this says nothing about the data
    /// that the writer changes. See [`Control::validate`].
    fn validate<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool;

    /// Whether the bucket is known to still have the tags that were seen. If each bucket
    /// has a version of its own, a writer may hold the bucket's lock meanwhile
    /// ([`Control::validate_but_lock`]); if many buckets share one, no writer may.
    fn validate_tags<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool;

    /// Takes the bucket's lock if nothing has changed since it was seen, which was neither locked
    /// nor frozen; `count` is what `wraps` held before that.
    fn try_lock<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
        wraps: &Wraps,
        count: u64,
    ) -> bool;

    /// Whether two buckets have one lock.
    fn is_shared(bucket: usize, other: usize) -> bool;

    /// Gives the word of a locked bucket another overflow count, and leaves it locked.
    fn set_locked<const SLOTS: usize>(control: &Control<SLOTS>, new: ControlWord<SLOTS>);

    /// Stores the word of a bucket and unlocks it.
    fn unlock<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
        new: ControlWord<SLOTS>,
        wraps: &Wraps,
    );

    /// Unlocks a bucket in which nothing was changed.
    fn unlock_unchanged<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    );

    /// Freezes a bucket that was not locked, if it is as it was seen.
    fn freeze<const SLOTS: usize>(
        array: &Self::Array,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool;
}

/// Each bucket has a lock and a version in its control word.
#[derive(Clone, Copy, Debug)]
pub struct PerBucket;

impl Sealed for PerBucket {}
impl Versions for PerBucket {
    const STRIPES: usize = 0;

    type Array = ();
    type Stamp = ();

    fn try_new() -> Result<(), GrowError> {
        Ok(())
    }

    #[inline(always)]
    fn see<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
    ) -> Seen<SLOTS, Self> {
        Seen { word: control.snapshot(), stamp: () }
    }

    #[inline(always)]
    fn is_locked<const SLOTS: usize>(seen: &Seen<SLOTS, Self>) -> bool {
        seen.word.is_locked()
    }

    #[inline(always)]
    fn validate<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool {
        control.validate(seen.word)
    }

    #[inline(always)]
    fn validate_tags<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool {
        control.validate_but_lock(seen.word)
    }

    #[inline(always)]
    fn try_lock<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
        wraps: &Wraps,
        count: u64,
    ) -> bool {
        control.try_lock(seen.word, wraps, count)
    }

    #[inline(always)]
    fn is_shared(bucket: usize, other: usize) -> bool {
        debug_assert_ne!(bucket, other, "an entry's buckets differ");
        false
    }

    #[inline(always)]
    fn set_locked<const SLOTS: usize>(control: &Control<SLOTS>, new: ControlWord<SLOTS>) {
        control.set_locked(new);
    }

    #[inline(always)]
    fn unlock<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
        new: ControlWord<SLOTS>,
        wraps: &Wraps,
    ) {
        control.unlock(new, wraps);
    }

    #[inline(always)]
    fn unlock_unchanged<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) {
        control.unlock_unchanged(seen.word);
    }

    fn freeze<const SLOTS: usize>(
        (): &(),
        _bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool {
        control.freeze(seen.word)
    }
}

/// `N` locks with versions, a power of two; a bucket's is its index modulo `N`. MemC3 has 8192.
#[derive(Clone, Copy, Debug)]
pub struct Stripes<const N: usize>;

/// The versions of [`Stripes`].
pub struct StripeArray(Zeroed<AtomicU64>);

impl fmt::Debug for StripeArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeArray").field("stripes", &self.0.len()).finish()
    }
}

impl StripeArray {
    #[inline(always)]
    fn of(&self, bucket: usize) -> &AtomicU64 {
        &self.0[bucket & (self.0.len() - 1)]
    }
}

impl<const N: usize> Sealed for Stripes<N> {}
impl<const N: usize> Versions for Stripes<N> {
    const STRIPES: usize = {
        assert!(N.is_power_of_two(), "a power of two of stripes");
        N
    };

    type Array = StripeArray;
    type Stamp = u64;

    fn try_new() -> Result<StripeArray, GrowError> {
        Ok(StripeArray(Zeroed::try_new(Self::STRIPES, Pages::Default)?))
    }

    #[inline(always)]
    fn see<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        control: &Control<SLOTS>,
    ) -> Seen<SLOTS, Self> {
        // Acquire versions-V1: pairs with versions-V6.
        let stamp = array.of(bucket).load(Ordering::Acquire);
        Seen { word: control.snapshot(), stamp }
    }

    #[inline(always)]
    fn is_locked<const SLOTS: usize>(seen: &Seen<SLOTS, Self>) -> bool {
        !seen.stamp.is_multiple_of(2)
    }

    #[inline(always)]
    fn validate<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        _control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool {
        // Acquire fence versions-V2: pairs with versions-V5.
        fence(Ordering::Acquire);
        // Acquire versions-V3: pairs with versions-V6.
        array.of(bucket).load(Ordering::Acquire) == seen.stamp
    }

    /// A writer changes words long before it unlocks their stripe, so nothing is known about the words of a locked
    /// stripe.
    #[inline(always)]
    fn validate_tags<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool {
        !seen.is_locked() && Self::validate(array, bucket, control, seen)
    }

    #[inline(always)]
    fn try_lock<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        _control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
        _wraps: &Wraps,
        _count: u64,
    ) -> bool {
        debug_assert!(!seen.is_locked(), "not to be locked: {seen:?}");
        let (old, locked) = (seen.stamp, seen.stamp + 1);
        // Acquire versions-V4: pairs with versions-V6. Relaxed on failure: the caller looks again.
        let stripe = array.of(bucket);
        let taken = stripe.compare_exchange(old, locked, Ordering::Acquire, Ordering::Relaxed);
        // Release fence versions-V5: pairs with versions-V2. What is written from here on shows the odd
        // version.
        fence(Ordering::Release);
        taken.is_ok()
    }

    #[inline(always)]
    fn is_shared(bucket: usize, other: usize) -> bool {
        (bucket ^ other) & (N - 1) == 0
    }

    #[inline(always)]
    fn set_locked<const SLOTS: usize>(control: &Control<SLOTS>, new: ControlWord<SLOTS>) {
        control.set_covered(new);
    }

    #[inline(always)]
    fn unlock<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        control: &Control<SLOTS>,
        new: ControlWord<SLOTS>,
        _wraps: &Wraps,
    ) {
        control.set_covered(new);
        let stripe = array.of(bucket);
        // Relaxed: the lock's holder alone stores to it.
        let locked = stripe.load(Ordering::Relaxed);
        // Release versions-V6: pairs with versions-V1, versions-V3 and versions-V4.
        stripe.store(locked + 1, Ordering::Release);
    }

    #[inline(always)]
    fn unlock_unchanged<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        _control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) {
        // Release versions-V6: what the holder read comes before the next holder's writes.
        array.of(bucket).store(seen.stamp, Ordering::Release);
    }

    fn freeze<const SLOTS: usize>(
        array: &StripeArray,
        bucket: usize,
        control: &Control<SLOTS>,
        seen: &Seen<SLOTS, Self>,
    ) -> bool {
        let wraps = Wraps::default();
        let locked = Self::try_lock(array, bucket, control, seen, &wraps, 0);
        if locked {
            Self::unlock(array, bucket, control, seen.word.frozen(), &wraps);
        }
        locked
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn all_bits_of_a_stripe_are_compared() {
        type Striped = Stripes<2>;
        let array = Striped::try_new().expect("two stripes");
        let (control, wraps) = (Control::<8>::default(), Wraps::default());
        let seen = Striped::see(&array, 0, &control);
        // The lowest bit is the lock.
        for bit in 1..u64::BITS {
            array.of(0).store(seen.stamp ^ 1 << bit, Ordering::SeqCst);
            let later = format!("2^{bit} later");
            assert!(!Striped::validate(&array, 0, &control, &seen), "{later}");
            assert!(!Striped::validate_tags(&array, 0, &control, &seen), "{later}");
            assert!(!Striped::try_lock(&array, 0, &control, &seen, &wraps, 0), "{later}");
        }
    }
}
