//! The locks: a power of two of spinlocks. Bucket `b` has lock `b` modulo their number.

use std::{fmt, mem, ptr};

use crossbeam_utils::CachePadded;

use crate::capacity::try_boxed;
use crate::cuckoo::GrowError;
use crate::owner::{NOBODY, me, waits_for_itself};
use crate::sync::{AtomicI64, AtomicUsize, Backoff, Ordering};

/// The most stripes a table has. 2048 of them weigh 256 KiB; two threads at random buckets want
/// the same one in one operation of 2048, if they want one each.
/// Two for a model checker, so that a table of four buckets doubles as a large one does.
pub(super) const MAX_STRIPES: usize = if cfg!(any(loom, shuttle)) { 2 } else { 2048 };

/// Stripes for so many buckets: fewer than those, as a lock is as large as two buckets of words.
pub(super) const fn stripes_for(buckets: usize) -> usize {
    let half = buckets / 2;
    if half < MAX_STRIPES { half } else { MAX_STRIPES }
}

/// One lock, and what it protects besides its buckets.
///
/// All fields but the lock are written by its holder alone, hence `Relaxed`: the lock orders them.
/// They are atomics because `len` reads `added` without the lock.
#[derive(Debug)]
pub(super) struct Stripe {
    /// The thread that has it.
    owner: AtomicUsize,
    /// The number of the table in which this stripe's entries are.
    pub(super) table: AtomicUsize,
    /// Searches for a path that began under this lock and go on without it. Their ends are the
    /// exception: they are written without the lock.
    searches: AtomicUsize,
    /// Entries added minus entries removed by holders whose key's home is in this stripe.
    added: AtomicI64,
}

impl Stripe {
    fn new(table: usize) -> Self {
        Self {
            owner: AtomicUsize::new(NOBODY),
            table: AtomicUsize::new(table),
            searches: AtomicUsize::new(0),
            added: AtomicI64::new(0),
        }
    }

    /// Counts entries that were added; for the lock's holder.
    #[inline]
    pub(super) fn add(&self, entries: i64) {
        // Relaxed, and no read-modify-write: only the holder writes.
        self.added.store(self.added.load(Ordering::Relaxed) + entries, Ordering::Relaxed);
    }

    /// Waits until no search that began under this lock runs; for the lock's holder, so that none
    /// begins. A search takes no lock and is bounded, so it ends.
    pub(super) fn await_searches(&self) {
        let backoff = Backoff::new();
        // Acquire striped-A2: pairs with striped-R2; the reads of the searches come before what we do
        // next.
        while self.searches.load(Ordering::Acquire) != 0 {
            backoff.snooze();
        }
    }

    /// # Panics
    ///
    /// If this thread has the lock.
    #[inline(always)]
    fn lock(&self) -> HeldStripe<'_> {
        let me = me();
        if self.try_lock(me) { HeldStripe(self) } else { self.lock_slowly(me) }
    }

    #[inline(always)]
    fn try_lock(&self, me: usize) -> bool {
        // Acquire striped-A1: pairs with striped-R1; what earlier holders did is visible. Relaxed:
        // nothing follows a failure.
        let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
        self.owner.compare_exchange_weak(NOBODY, me, success, failure).is_ok()
    }

    #[cold]
    fn lock_slowly(&self, me: usize) -> HeldStripe<'_> {
        let backoff = Backoff::new();
        loop {
            // The plain load first keeps the line shared while somebody else has the lock.
            // Relaxed: nothing follows a failure.
            let owner = self.owner.load(Ordering::Relaxed);
            if owner == NOBODY && self.try_lock(me) {
                return HeldStripe(self);
            }
            if owner == me {
                waits_for_itself();
            }
            backoff.snooze();
        }
    }

    #[inline(always)]
    fn unlock(&self) {
        // Release striped-R1: publishes what was done under the lock; pairs with striped-A1.
        self.owner.store(NOBODY, Ordering::Release);
    }
}

/// The locks of a table.
pub(super) struct StripeLocks(Box<[CachePadded<Stripe>]>);

impl fmt::Debug for StripeLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StripeLocks").field(&self.0.len()).finish()
    }
}

impl StripeLocks {
    /// `count` unlocked stripes, a power of two, whose entries are in the table number `table`.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub(super) fn try_new(count: usize, table: usize) -> Result<Self, GrowError> {
        Ok(Self(try_boxed(count, || CachePadded::new(Stripe::new(table)))?))
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The number of the stripe of a bucket.
    #[inline(always)]
    pub(super) fn of(&self, bucket: usize) -> usize {
        bucket & (self.0.len() - 1)
    }

    /// A stripe by its number.
    #[inline(always)]
    pub(super) fn get(&self, stripe: usize) -> &Stripe {
        &self.0[stripe]
    }

    /// Entries, added over all stripes.
    pub(super) fn entries(&self) -> i64 {
        // Relaxed: exact only while nobody writes.
        self.0.iter().map(|stripe| stripe.added.load(Ordering::Relaxed)).sum()
    }

    /// Makes these the stripes of the table number `table`, which has `entries` entries; for the
    /// holder of all locks of the table.
    pub(super) fn start(&self, table: usize, entries: i64) {
        // Relaxed: published with the stripes themselves (striped-R3).
        self.0.iter().for_each(|stripe| stripe.table.store(table, Ordering::Relaxed));
        // In one store, as a `len` may be adding up stripes that are in use again.
        self.0[0].add(entries - self.entries());
    }

    /// Locks the stripe of a bucket.
    ///
    /// # Panics
    ///
    /// If this thread has it.
    #[inline(always)]
    pub(super) fn lock_one(&self, bucket: usize) -> HeldStripes<'_> {
        HeldStripes { stripes: self, low: self.get(self.of(bucket)).lock(), high: None }
    }

    /// Locks the stripes of two buckets, which may be the same, in ascending order.
    ///
    /// # Panics
    ///
    /// If this thread has one of them; then it has no more than before.
    #[inline(always)]
    pub(super) fn lock(&self, buckets: [usize; 2]) -> HeldStripes<'_> {
        let [a, b] = buckets.map(|bucket| self.of(bucket));
        let low = self.get(a.min(b)).lock();
        // cuckoo-H3: the same stripe is locked once.
        let high = (a != b).then(|| self.get(a.max(b)).lock());
        HeldStripes { stripes: self, low, high }
    }

    /// The same, and of a third bucket, whose stripe comes extra if it is none of the two.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    pub(super) fn lock_three(
        &self,
        buckets: [usize; 3],
    ) -> (HeldStripes<'_>, Option<HeldStripe<'_>>) {
        let [a, b, c] = buckets.map(|bucket| self.of(bucket));
        let (low, high) = (a.min(b), a.max(b));
        let third = |is_due: bool| (is_due && c != low && c != high).then(|| self.get(c).lock());
        let before = third(c < low);
        let first = self.get(low).lock();
        let between = third(low < c && c < high);
        let second = (low != high).then(|| self.get(high).lock());
        let after = third(high < c);
        let held = HeldStripes { stripes: self, low: first, high: second };
        (held, before.or(between).or(after))
    }

    /// Locks all stripes, in ascending order.
    ///
    /// # Panics
    ///
    /// If this thread has one of them; then it has no more than before.
    pub(super) fn lock_all(&self) -> AllHeld<'_> {
        let mut held = AllHeld(&self.0[..0]);
        for number in 0..self.count() {
            // `held` unlocks it.
            mem::forget(self.get(number).lock());
            held.0 = &self.0[..=number];
        }
        held
    }
}

/// A stripe, locked until this is dropped.
#[derive(Debug)]
pub(super) struct HeldStripe<'s>(&'s Stripe);

impl HeldStripe<'_> {
    fn is_of(&self, stripe: &Stripe) -> bool {
        ptr::eq(self.0, stripe)
    }
}

impl Drop for HeldStripe<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// Two stripes or one, locked until this is dropped.
#[derive(Debug)]
pub(super) struct HeldStripes<'s> {
    stripes: &'s StripeLocks,
    low: HeldStripe<'s>,
    high: Option<HeldStripe<'s>>,
}

impl<'s> HeldStripes<'s> {
    #[inline(always)]
    pub(super) fn stripes(&self) -> &'s StripeLocks {
        self.stripes
    }

    /// Whether the lock of `bucket` is held, by these or as `extra`.
    pub(super) fn covers(&self, extra: Option<&HeldStripe<'_>>, bucket: usize) -> bool {
        let stripe = self.stripes.get(self.stripes.of(bucket));
        [Some(&self.low), self.high.as_ref(), extra].into_iter().flatten().any(|h| h.is_of(stripe))
    }

    /// Locks the stripe of another bucket too, if it is not below, which is the order of locks.
    #[inline]
    pub(super) fn and(self, bucket: usize) -> Option<Self> {
        let stripe = self.stripes.get(self.stripes.of(bucket));
        let order = ptr::from_ref(stripe).cmp(&ptr::from_ref(self.low.0));
        let high = order.is_gt().then(|| stripe.lock());
        order.is_ge().then_some(Self { high, ..self })
    }

    /// Announces a search that goes on when the locks have been released.
    pub(super) fn announce_search(&self) -> Searching<'s> {
        let stripe = self.low.0;
        // Relaxed: whoever waits for searches takes this lock first.
        stripe.searches.fetch_add(1, Ordering::Relaxed);
        Searching(stripe)
    }
}

/// All stripes, or the first of them, locked until this is dropped.
#[derive(Debug)]
pub(super) struct AllHeld<'s>(&'s [CachePadded<Stripe>]);

impl Drop for AllHeld<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|stripe| stripe.unlock());
    }
}

/// A search that was announced.
#[derive(Debug)]
pub(super) struct Searching<'s>(&'s Stripe);

impl Drop for Searching<'_> {
    fn drop(&mut self) {
        // Release striped-R2: our reads come before the freeing of what we read; pairs with striped-A2.
        self.0.searches.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::thread;

    use super::*;

    const STRIPES: usize = 4;

    fn locked(stripes: &StripeLocks) -> [bool; STRIPES] {
        std::array::from_fn(|stripe| stripes.get(stripe).owner.load(Ordering::SeqCst) != NOBODY)
    }

    /// Has a thread lock the stripes of three buckets, of which `taken` has been locked by this one: it has
    /// none above that, as long as it waits.
    fn waits_with_none_above(stripes: &StripeLocks, buckets: [usize; 3], taken: usize) {
        let held = stripes.get(taken).lock();
        thread::scope(|scope| {
            // Given back also if an assertion fails: the other thread waits for it.
            let _held = held;
            scope.spawn(|| drop(stripes.lock_three(buckets)));
            let below = |stripe: &usize| *stripe < taken && buckets.contains(stripe);
            let mut looks = 0_u32;
            while !(0..STRIPES).filter(below).all(|stripe| locked(stripes)[stripe]) {
                thread::yield_now();
                looks += 1;
                assert!(
                    looks < 10_000_000,
                    "of {buckets:?}, those below {taken} are not locked first"
                );
            }
            for _ in 0..20 {
                let above = &locked(stripes)[taken + 1..];
                assert!(!above.contains(&true), "of {buckets:?}, above {taken}: {above:?}");
                thread::yield_now();
            }
        });
    }

    #[test]
    fn another_stripe_is_locked_if_it_is_not_below() {
        let stripes = StripeLocks::try_new(STRIPES, 1).expect("there is memory");
        for (home, other) in (0..STRIPES).flat_map(|home| (0..2 * STRIPES).map(move |b| (home, b)))
        {
            let held = stripes.lock_one(home);
            assert_eq!(locked(&stripes), std::array::from_fn(|stripe| stripe == home));
            let both = held.and(other);
            let wanted = |stripe| both.is_some() && (stripe == home || stripe == other % STRIPES);
            assert_eq!(both.is_some(), other % STRIPES >= home, "{home}, {other}");
            assert_eq!(locked(&stripes), std::array::from_fn(wanted), "{home}, {other}");
            drop(both);
            assert_eq!(locked(&stripes), [false; STRIPES], "{home}, {other}");
        }
    }

    #[test]
    fn three_stripes_are_locked_once_and_in_ascending_order() {
        let stripes = StripeLocks::try_new(STRIPES, 1).expect("there is memory");
        for number in 0..STRIPES.pow(3) {
            let buckets = [number % STRIPES, number / STRIPES % STRIPES, number / STRIPES.pow(2)];
            let wanted = std::array::from_fn(|stripe| buckets.contains(&stripe));
            let (held, extra) = stripes.lock_three(buckets);
            assert_eq!(locked(&stripes), wanted, "{buckets:?}");
            let covered = std::array::from_fn(|bucket| held.covers(extra.as_ref(), bucket));
            assert_eq!(covered, wanted, "{buckets:?}");
            drop((held, extra));
            for taken in buckets {
                waits_with_none_above(&stripes, buckets, taken);
            }
            assert_eq!(locked(&stripes), [false; STRIPES], "{buckets:?}");
        }
    }
}
