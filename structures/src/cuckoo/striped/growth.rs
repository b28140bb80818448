//! Growth and shrinking of the striped table, and the locks' part in them.

use std::hash::{BuildHasher, Hash};
use std::ptr;
use std::sync::Arc;

use super::super::path::{self, Place, Search};
use super::slots::Slots;
use super::stripes::{StripeLocks, stripes_for};
use super::{CuckooStriped, MIN_BUCKETS, shape};
use crate::cuckoo::error::GrowError;
use crate::hash;
use crate::owner::OwnerGuard;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// A search that finds no room in a table with fewer entries than this, in percent of its slots,
/// is an error and no reason to grow (libcuckoo's limit).
const MIN_LOAD: usize = 5;

/// The buckets, and where they came from.
#[derive(Debug)]
pub(super) struct StripedTable<K, V, const SLOTS: usize> {
    /// One more than that of the table before. Not 0.
    pub(super) number: usize,
    pub(super) slots: Slots<K, V, SLOTS>,
    /// The table before, while stripes are to be migrated from it, else null. Owned.
    previous: AtomicPtr<StripedTable<K, V, SLOTS>>,
    /// Stripes that are to be migrated.
    behind: AtomicUsize,
}

impl<K, V, const SLOTS: usize> StripedTable<K, V, SLOTS> {
    pub(super) fn new(number: usize, slots: Slots<K, V, SLOTS>) -> Self {
        Self { number, slots, previous: AtomicPtr::default(), behind: AtomicUsize::new(0) }
    }

    /// The slots in which entries of a stripe are that has not been migrated.
    ///
    /// # Safety
    ///
    /// For as long as the reference lives, the caller has the lock of a stripe that is behind.
    pub(super) unsafe fn previous(&self) -> &Slots<K, V, SLOTS> {
        // Relaxed: it was written before this table was published, and is only then written again
        // when no stripe is behind.
        let previous = self.previous.load(Ordering::Relaxed);
        // SAFETY: striped-I6: not freed while a stripe is behind.
        unsafe { &(*previous).slots }
    }

    /// Whether all stripes have been migrated, so that each entry that is away is counted here.
    #[inline(always)]
    pub(super) fn is_settled(&self) -> bool {
        // Acquire striped-A5: pairs with striped-R5; what was counted by whoever migrated a stripe is
        // visible.
        self.behind.load(Ordering::Acquire) == 0
    }

    /// Says that a stripe has been migrated; for its lock's holder.
    fn caught_up(&self) {
        // Release striped-R5: pairs with striped-A5, in this function as well: what others did with the
        // previous table comes before its end.
        if self.behind.fetch_sub(1, Ordering::AcqRel) == 1 {
            let previous = self.previous.swap(ptr::null_mut(), Ordering::Relaxed);
            // SAFETY: striped-I6: it came from a box; no stripe is behind, so nobody reads it any more.
            drop(unsafe { Box::from_raw(previous) });
        }
    }
}

impl<K, V, const SLOTS: usize> Drop for StripedTable<K, V, SLOTS> {
    fn drop(&mut self) {
        let previous = self.previous.load(Ordering::Relaxed);
        if !previous.is_null() {
            // SAFETY: it came from a box and is owned.
            drop(unsafe { Box::from_raw(previous) });
        }
    }
}

/// Slots that are filled with copies of entries, and forget them if it comes to nothing.
struct Draft<K, V, const SLOTS: usize>(Option<Slots<K, V, SLOTS>>);

impl<K, V, const SLOTS: usize> Drop for Draft<K, V, SLOTS> {
    fn drop(&mut self) {
        if let Some(slots) = &self.0 {
            slots.forget_all();
        }
    }
}

/// The right to grow, shrink or iterate. Whoever has it may read the current table.
pub(super) type Maintenance<'m> = OwnerGuard<'m, ()>;

impl<K, V, S, const SLOTS: usize, P> CuckooStriped<K, V, S, SLOTS, P> {
    /// Waits for its turn to grow, shrink or iterate.
    ///
    /// # Panics
    ///
    /// If this thread has the turn: from a closure of an iteration.
    pub(super) fn maintenance(&self) -> Maintenance<'_> {
        // It protects nothing that a panic could leave half done.
        self.maintenance.lock()
    }

    /// The current table.
    pub(super) fn current<'a>(&self, _: &'a Maintenance<'_>) -> &'a StripedTable<K, V, SLOTS> {
        // Relaxed: it is only replaced by holders of the mutex.
        let table = self.table.load(Ordering::Relaxed);
        // SAFETY: striped-I6: it is freed after it was replaced, which needs the mutex.
        unsafe { &*table }
    }

    /// The stripes to lock.
    #[inline]
    pub(super) fn stripes(&self) -> &StripeLocks {
        // Acquire striped-A3: pairs with striped-R3; the stripes, and the table that goes with them,
        // are visible.
        let stripes = self.stripes.load(Ordering::Acquire);
        // SAFETY: striped-I7: stripes live as long as the map.
        unsafe { &*stripes }
    }
}

impl<K, V, S, const SLOTS: usize, P> CuckooStriped<K, V, S, SLOTS, P>
where
    K: Eq + Hash,
    S: BuildHasher,
    P: Search,
{
    /// Moves the entries of a stripe that is behind into the current table; for the stripe's
    /// holder. Calls `Hash`, which may panic: then some buckets have been moved, the stripe is
    /// still behind, and the next holder goes on.
    #[cold]
    pub(super) fn migrate(
        &self,
        table: &StripedTable<K, V, SLOTS>,
        stripes: &StripeLocks,
        number: usize,
    ) {
        let stripe = stripes.get(number);
        // striped-I6: they may be reading the previous table.
        stripe.await_searches();
        // SAFETY: the caller has its lock, and it is behind.
        let previous = unsafe { table.previous() };
        for bucket in (number..previous.buckets()).step_by(stripes.count()) {
            self.spread(previous, bucket, &table.slots);
            previous.used(bucket).for_each(|place| previous.forget(place));
        }
        // Relaxed: the stripe's lock orders it.
        stripe.table.store(table.number, Ordering::Relaxed);
        table.caught_up();
    }

    /// Copies the entries of `bucket` to where they belong in more buckets. The caller has the
    /// locks of both and forgets one side.
    fn spread(&self, from: &Slots<K, V, SLOTS>, bucket: usize, to: &Slots<K, V, SLOTS>) {
        // First all user code, then all copying: a panic leaves the bucket as it was.
        let mut targets = [0; SLOTS];
        for place in from.used(bucket) {
            // SAFETY: in use; the caller has the lock, and nothing changes meanwhile.
            let (key, _) = unsafe { from.get(place) };
            let hash = self.hasher.hash_one(key);
            targets[place.slot] = target(hash, from, place, to.mask());
        }
        for place in from.used(bucket) {
            let target = Place { bucket: targets[place.slot], slot: place.slot };
            // SAFETY: the caller's locks; in use. striped-I5: empty, as only this slot's entry goes
            // there.
            unsafe { to.copy_from(target, from.is_away(place), from, place) };
        }
    }

    /// Makes room after a search in the table number `seen` has found none.
    #[cold]
    pub(super) fn grow(&self, seen: usize) -> Result<(), GrowError> {
        let turn = self.maintenance();
        let table = self.current(&turn);
        if table.number != seen {
            return Ok(());
        }
        let (entries, slots) = (self.len(), table.slots.buckets() * SLOTS);
        if entries.saturating_mul(100) < slots.saturating_mul(MIN_LOAD) {
            return Err(GrowError::LoadTooLow { entries, slots });
        }
        let buckets = table.slots.buckets().checked_mul(2).ok_or(GrowError::CapacityOverflow)?;
        if stripes_for(buckets) == self.stripes().count() {
            self.publish(self.doubled(&turn)?);
            Ok(())
        } else {
            self.rebuild(&turn, buckets, |from, to| self.spread_all(from, to)).map(drop)
        }
    }

    /// Makes room for `additional` entries beyond those present, as far as hashes allow. Blocking;
    /// O(n), during which all other operations wait.
    ///
    /// # Errors
    ///
    /// There is no memory for a table of that size; nothing has changed.
    pub fn try_reserve(&self, additional: usize) -> Result<(), GrowError> {
        let turn = self.maintenance();
        let buckets = shape::<K, V, SLOTS>().buckets_for_more(self.len(), additional)?;
        if buckets > self.current(&turn).slots.buckets() {
            self.rebuild(&turn, buckets, |from, to| self.spread_all(from, to))?;
        }
        Ok(())
    }

    /// Gives memory back: as few buckets as the entries fit in with an eighth of the slots empty;
    /// says whether there are fewer than before. Blocking; O(n), during which all other operations
    /// wait.
    ///
    /// If the entries do not fit in so few buckets because of their hashes, or if there is no
    /// memory to move them to, it takes more, or leaves the table as it is.
    pub fn shrink_to_fit(&self) -> bool {
        let turn = self.maintenance();
        let before = self.current(&turn).slots.buckets();
        let least = shape::<K, V, SLOTS>().buckets_for(self.len()).unwrap_or(before);
        let least = least.max(MIN_BUCKETS);
        std::iter::successors(Some(least), |buckets| Some(buckets * 2))
            .take_while(|buckets| *buckets < before)
            .any(|buckets| self.rebuild(&turn, buckets, Self::squeeze_all) == Ok(true))
    }

    /// An empty table with twice the buckets, into which, when it has been published, the next holder of each
    /// stripe moves that stripe's entries.
    pub(super) fn doubled(
        &self,
        turn: &Maintenance<'_>,
    ) -> Result<StripedTable<K, V, SLOTS>, GrowError> {
        // striped-I6: first the previous migration is brought to its end.
        let stripes = self.stripes();
        (0..stripes.count()).for_each(|stripe| drop(self.lock([stripe; 2])));
        let table = self.current(turn);
        let mut next = StripedTable::new(table.number + 1, allocate(table.slots.buckets() * 2)?);
        // Relaxed: as in `current`.
        next.previous = AtomicPtr::new(self.table.load(Ordering::Relaxed));
        next.behind = AtomicUsize::new(stripes.count());
        Ok(next)
    }

    /// Replaces the table by one of another size, with all locks held; false, and nothing has
    /// changed, if `fill` says so. `fill` copies all entries from the first to the second slots.
    fn rebuild(
        &self,
        turn: &Maintenance<'_>,
        buckets: usize,
        fill: impl FnOnce(&Slots<K, V, SLOTS>, &Slots<K, V, SLOTS>) -> bool,
    ) -> Result<bool, GrowError> {
        let table = self.current(turn);
        let (stripes, next_stripes) = (self.stripes(), self.stripes_for(buckets, table.number)?);
        let mut draft = Draft(Some(allocate(buckets)?));
        let all = stripes.lock_all();
        for number in (0..stripes.count()).filter(|n| is_behind(table, stripes, *n)) {
            self.migrate(table, stripes, number);
        }
        if !draft.0.as_ref().is_some_and(|to| fill(&table.slots, to)) {
            return Ok(false);
        }
        // From here on no user code runs.
        (0..stripes.count()).for_each(|number| stripes.get(number).await_searches());
        table.slots.forget_all();
        next_stripes.start(table.number + 1, stripes.entries());
        let slots = draft.0.take().expect("just filled");
        let old = self.publish(StripedTable::new(table.number + 1, slots));
        // Release striped-R3: publishes the stripes and the table; pairs with striped-A3.
        self.stripes.store(ptr::from_ref(next_stripes).cast_mut(), Ordering::Release);
        drop(all);
        // SAFETY: striped-I6: it came from a box; all locks were held when it was replaced, and no
        // search ran, so nobody has a reference to it.
        drop(unsafe { Box::from_raw(old) });
        Ok(true)
    }

    /// Makes `next` the current table and returns the one before.
    pub(super) fn publish(
        &self,
        next: StripedTable<K, V, SLOTS>,
    ) -> *mut StripedTable<K, V, SLOTS> {
        self.hint.update(&next.slots.hint());
        // Relaxed: a number for whoever asks, and for prefetching.
        self.slots.store(next.slots.buckets() * SLOTS, Ordering::Relaxed);
        // Release striped-R4: publishes the table; pairs with striped-A4. Acquire is not needed: only
        // holders of the mutex write it.
        self.table.swap(Box::into_raw(Box::new(next)), Ordering::Release)
    }

    /// The stripes for a table of `buckets` buckets: each number of them is made once.
    fn stripes_for(&self, buckets: usize, number: usize) -> Result<&StripeLocks, GrowError> {
        let count = stripes_for(buckets);
        let made = &self.made_stripes[count.ilog2() as usize];
        if made.get().is_none() {
            // Somebody else's would do as well, but we have the mutex.
            let _ = made.set(Arc::new(StripeLocks::try_new(count, number)?));
        }
        Ok(made.get().expect("just made"))
    }

    fn spread_all(&self, from: &Slots<K, V, SLOTS>, to: &Slots<K, V, SLOTS>) -> bool {
        (0..from.buckets()).for_each(|bucket| self.spread(from, bucket, to));
        true
    }

    /// Copies all entries to fewer buckets; false if one finds no room. The caller has all locks
    /// of `from`, and `to` is its own.
    fn squeeze_all(from: &Slots<K, V, SLOTS>, to: &Slots<K, V, SLOTS>) -> bool {
        (0..from.buckets()).flat_map(|bucket| from.used(bucket)).all(|place| {
            // Fewer buckets keep the low bits, of the one bucket and of the other.
            let bucket = place.bucket & to.mask();
            let pair = [bucket, hash::other_bucket(bucket, from.tag(place), to.mask())];
            let Some(vacant) = Self::vacate(to, pair) else { return false };
            let is_away = from.is_away(place) == (vacant.bucket == bucket);
            // SAFETY: the caller's locks; in use; just vacated.
            unsafe { to.copy_from(vacant, is_away, from, place) };
            true
        })
    }

    /// An empty slot in one of two buckets of slots that nobody else knows.
    fn vacate(slots: &Slots<K, V, SLOTS>, pair: [usize; 2]) -> Option<Place> {
        if let Some(place) = slots.vacancy(pair) {
            return Some(place);
        }
        let path = path::search::<P, _>(slots, slots.buckets(), pair, pair[0] as u64)?;
        path.windows(2)
            .rev()
            // SAFETY: nobody else knows these slots.
            .all(|hop| unsafe { slots.displace(hop[0], hop[1]) })
            .then(|| slots.vacancy(pair))?
    }
}

/// Whether the entries of a stripe are still in the previous table; for the stripe's holder.
#[inline]
pub(super) fn is_behind<K, V, const SLOTS: usize>(
    table: &StripedTable<K, V, SLOTS>,
    stripes: &StripeLocks,
    number: usize,
) -> bool {
    // Relaxed: the stripe's lock orders it.
    stripes.get(number).table.load(Ordering::Relaxed) != table.number
}

/// The bucket of an entry among more buckets, of which `more` is the mask, than those in which it is at `place`.
fn target<K, V, const SLOTS: usize>(
    hash: u64,
    from: &Slots<K, V, SLOTS>,
    place: Place,
    more: usize,
) -> usize {
    let home = hash::home(hash, more);
    let target = match from.is_away(place) {
        true => hash::other_bucket(home, from.tag(place), more),
        false => home,
    };
    // The low bits are those of the bucket already, unless the key's hash has changed since: then
    // the key may be lost, but not another one (striped-I5).
    target & !from.mask() | place.bucket
}

/// # Errors
///
/// There is no memory for so many buckets.
pub(super) fn allocate<K, V, const SLOTS: usize>(
    buckets: usize,
) -> Result<Slots<K, V, SLOTS>, GrowError> {
    let bytes = Slots::<K, V, SLOTS>::bytes(buckets).ok_or(GrowError::CapacityOverflow)?;
    Slots::new(buckets).ok_or(GrowError::AllocFailed { bytes })
}
