//! The buckets of one size of the table: tags, and bits that say which entries are away, apart from the entries.
//!
//! Any thread may read a tag at any time; only the holder of its bucket's lock writes it. An entry
//! is initialised exactly while its tag is not 0, and only that holder reads or writes it. [`Slots`] does
//! not know the locks: its unsafe methods state which locks the caller needs.

use std::alloc::{Layout, alloc, dealloc};
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};

use super::super::path::{Graph, Place};
use crate::hash;
use crate::prefetch::prefetch;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, touch, touch_mut};

/// Tags have as many bits as a byte; 0 marks an empty slot.
pub(super) const TAG_BITS: u32 = 8;

/// Bytes of a cache line. Buckets begin at a line's start if their size allows.
const LINE: usize = 64;

/// `0x01` in each byte.
const ONES: u64 = u64::MAX / 0xff;

/// A power of two of buckets of `SLOTS` slots. Drops its entries.
pub(super) struct Slots<K, V, const SLOTS: usize> {
    /// `WORDS` words a bucket: tags, a byte a slot; then one for [`away`](super::away), in the same line.
    words: Box<[AtomicU32]>,
    entries: Entries<[MaybeUninit<(K, V)>; SLOTS]>,
}

/// Addresses of some table's slots, to be prefetched and never dereferenced.
#[derive(Debug)]
pub(super) struct Hint {
    words: AtomicPtr<AtomicU32>,
    entries: AtomicPtr<u8>,
}

impl Hint {
    /// Takes over another's addresses.
    pub(super) fn update(&self, by: &Self) {
        // Relaxed: as in `prefetch_bucket`.
        self.words.store(by.words.load(Ordering::Relaxed), Ordering::Relaxed);
        self.entries.store(by.entries.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// Memory for entries, aligned to cache lines. Does not know which are initialised.
struct Entries<B> {
    first: NonNull<B>,
    layout: Layout,
}

impl<B> Entries<B> {
    fn layout(buckets: usize) -> Option<Layout> {
        Layout::array::<B>(buckets).ok()?.align_to(LINE).ok()
    }

    fn new(layout: Layout) -> Option<Self> {
        if layout.size() == 0 {
            return Some(Self { first: NonNull::dangling(), layout });
        }
        // SAFETY: the size is not 0.
        let memory = unsafe { alloc(layout) };
        Some(Self { first: NonNull::new(memory.cast())?, layout })
    }
}

impl<B> Drop for Entries<B> {
    fn drop(&mut self) {
        if self.layout.size() != 0 {
            // SAFETY: `new` allocated it with this layout.
            unsafe { dealloc(self.first.as_ptr().cast(), self.layout) };
        }
    }
}

impl<K, V, const SLOTS: usize> fmt::Debug for Slots<K, V, SLOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("buckets", &self.buckets()).finish_non_exhaustive()
    }
}

impl<K, V, const SLOTS: usize> Slots<K, V, SLOTS> {
    /// Words for the tags of a bucket.
    const TAG_WORDS: usize = SLOTS.div_ceil(4);

    /// Words of a bucket; a power of two.
    const WORDS: usize = 2 * Self::TAG_WORDS;

    /// Bytes of a bucket in the larger of the two arrays.
    pub(super) const BUCKET_BYTES: usize = {
        let words = Self::WORDS * size_of::<AtomicU32>();
        let entries = SLOTS * size_of::<(K, V)>();
        if words > entries { words } else { entries }
    };

    /// Bytes that `buckets` buckets weigh; `None` if no allocation can be that large.
    pub(super) fn bytes(buckets: usize) -> Option<usize> {
        let words = Layout::array::<AtomicU32>(buckets.checked_mul(Self::WORDS)?).ok()?.size();
        words.checked_add(Entries::<[MaybeUninit<(K, V)>; SLOTS]>::layout(buckets)?.size())
    }

    /// `buckets` empty buckets; `None` if there is no memory for them.
    pub(super) fn new(buckets: usize) -> Option<Self> {
        const { assert!(matches!(SLOTS, 2 | 4 | 8), "a bucket has 2, 4 or 8 slots") };
        assert!(buckets.is_power_of_two() && buckets >= 2);
        let count = buckets.checked_mul(Self::WORDS)?;
        let mut words = Vec::new();
        words.try_reserve_exact(count).ok()?;
        words.resize_with(count, AtomicU32::default);
        let entries = Entries::new(Entries::<[MaybeUninit<(K, V)>; SLOTS]>::layout(buckets)?)?;
        Some(Self { words: words.into_boxed_slice(), entries })
    }

    #[inline(always)]
    pub(super) fn buckets(&self) -> usize {
        self.words.len() / Self::WORDS
    }

    #[inline(always)]
    pub(super) fn mask(&self) -> usize {
        self.buckets() - 1
    }

    /// Where the slots are, for [`Hint`].
    pub(super) fn hint(&self) -> Hint {
        Hint {
            words: AtomicPtr::new(self.words.as_ptr().cast_mut()),
            entries: AtomicPtr::new(self.entries.first.as_ptr().cast()),
        }
    }

    /// Asks for the memory of a bucket, before its lock: a lock is a fence, behind which the misses would
    /// come one after the other.
    #[inline(always)]
    pub(super) fn prefetch_bucket(hint: &Hint, bucket: usize) {
        // Relaxed: addresses that nobody dereferences; if they are out of date, it is in vain.
        let words = hint.words.load(Ordering::Relaxed);
        prefetch(words.wrapping_add(bucket * Self::WORDS));
        let entries = hint.entries.load(Ordering::Relaxed).cast::<[MaybeUninit<(K, V)>; SLOTS]>();
        prefetch(entries.wrapping_add(bucket));
    }

    /// The word of a bucket that says what is away.
    #[inline(always)]
    pub(super) fn away(&self, bucket: usize) -> &AtomicU32 {
        &self.words[bucket * Self::WORDS + Self::TAG_WORDS]
    }

    /// The tags of a bucket, from the lowest byte up.
    #[inline(always)]
    fn tags_of(&self, bucket: usize) -> u64 {
        let first = bucket * Self::WORDS;
        // Relaxed: under the bucket's lock that orders it; without, a search takes what it reads
        // for a proposal.
        let word = |i: usize| u64::from(self.words[first + i].load(Ordering::Relaxed));
        if Self::TAG_WORDS == 1 { word(0) } else { word(0) | word(1) << 32 }
    }

    /// The tag in a slot; 0 if it is empty.
    #[inline(always)]
    pub(super) fn tag(&self, place: Place) -> u64 {
        self.tags_of(place.bucket) >> (8 * place.slot) & 0xff
    }

    /// The slots of `bucket` with `tag`, which may be 0.
    #[inline(always)]
    pub(super) fn matching(&self, bucket: usize, tag: u64) -> MatchingSlots {
        let differs = self.tags_of(bucket) ^ (tag * ONES);
        // The top bit of each byte that is 0; exact, as no carry leaves a byte.
        let low = !(ONES << 7);
        let zeros = !((differs & low).wrapping_add(low) | differs | low);
        MatchingSlots(zeros & (u64::MAX >> (64 - 8 * SLOTS)))
    }

    /// An empty slot in one of some buckets.
    #[inline(always)]
    pub(super) fn vacancy(&self, buckets: impl IntoIterator<Item = usize>) -> Option<Place> {
        buckets
            .into_iter()
            .find_map(|bucket| self.matching(bucket, 0).next().map(|slot| Place { bucket, slot }))
    }

    /// Writes a slot's tag. The caller holds the bucket's lock.
    #[inline(always)]
    fn set_tag(&self, place: Place, tag: u64) {
        let word = &self.words[place.bucket * Self::WORDS + place.slot / 4];
        let shift = 8 * (place.slot % 4);
        let others = word.load(Ordering::Relaxed) & !(0xff << shift);
        // Relaxed, and no read-modify-write: the word is of one bucket, so only the holder of its
        // lock writes it, and the lock orders it.
        word.store(others | (tag as u32) << shift, Ordering::Relaxed);
    }

    #[inline(always)]
    fn entry(&self, place: Place) -> *mut (K, V) {
        assert!(place.bucket < self.buckets() && place.slot < SLOTS, "{place:?}");
        // SAFETY: there are so many buckets.
        let bucket = unsafe { self.entries.first.add(place.bucket) };
        let entry = bucket.cast::<(K, V)>().as_ptr().wrapping_add(place.slot);
        touch(entry, ptr::null::<()>());
        entry
    }

    /// The entry in a slot.
    ///
    /// # Safety
    ///
    /// The slot's tag is not 0. For as long as the reference lives, the caller has the bucket's
    /// lock and changes nothing in the slot.
    #[inline(always)]
    pub(super) unsafe fn get(&self, place: Place) -> &(K, V) {
        // SAFETY: the tag says that it is initialised; the lock keeps others away.
        unsafe { &*self.entry(place) }
    }

    /// The value in a slot, to be changed.
    ///
    /// # Safety
    ///
    /// As for [`get`](Self::get); and this is the only reference to the slot.
    #[expect(clippy::mut_from_ref, reason = "the caller has the lock")]
    #[inline(always)]
    pub(super) unsafe fn get_mut(&self, place: Place) -> &mut V {
        // SAFETY: the tag says that it is initialised; the lock keeps others away.
        let entry = unsafe { &mut *self.entry(place) };
        touch_mut(&raw const entry.1);
        &mut entry.1
    }

    /// Fills an empty slot with an entry whose home is `home`, the lock of which the caller has as well
    /// (striped-I10).
    ///
    /// # Safety
    ///
    /// The caller has the bucket's lock. The slot is empty.
    #[inline(always)]
    pub(super) unsafe fn put(&self, place: Place, tag: u64, home: usize, entry: (K, V)) {
        let to = self.entry(place);
        touch_mut(to);
        // SAFETY: in bounds, and nobody else touches it.
        unsafe { to.write(entry) };
        self.set_tag(place, tag);
        if place.bucket != home {
            self.leave_home(place);
        }
    }

    /// Empties a slot; the caller has the lock of the entry's home as well (striped-I10).
    ///
    /// # Safety
    ///
    /// The caller has the bucket's lock. The slot's tag is not 0.
    #[inline(always)]
    pub(super) unsafe fn take(&self, place: Place) -> (K, V) {
        self.clear(place);
        // SAFETY: it was initialised, and from now on counts as empty.
        unsafe { self.entry(place).read() }
    }

    /// Copies an entry's bits and its tag into an empty slot, and notes whether it is away there. One of
    /// the two must then be made to forget it, before either is used or dropped as an entry.
    ///
    /// # Safety
    ///
    /// The caller has the locks of both buckets. The tag of `from` is not 0, `to` is empty.
    pub(super) unsafe fn copy_from(&self, to: Place, is_away: bool, source: &Self, from: Place) {
        let (from_entry, to_entry) = (source.entry(from), self.entry(to));
        touch_mut(to_entry);
        // SAFETY: different slots, as one is empty; in bounds; nobody else touches them.
        unsafe { to_entry.copy_from_nonoverlapping(from_entry, 1) };
        self.set_tag(to, source.tag(from));
        if is_away {
            self.leave_home(to);
        }
    }

    /// Moves an entry to its other bucket: `to`, if that is empty; false if that cannot be done.
    ///
    /// # Safety
    ///
    /// The caller has the locks of both buckets.
    pub(super) unsafe fn displace(&self, from: Place, to: Place) -> bool {
        let can = self.other_bucket(from) == Some(to.bucket) && self.tag(to) == 0;
        if can {
            // SAFETY: the caller's locks; just checked.
            unsafe { self.copy_from(to, !self.is_away(from), self, from) };
            self.clear(from);
        }
        can
    }

    /// Empties a slot without dropping what is in it. The caller has the lock of its bucket and of the entry's
    /// home.
    #[inline(always)]
    fn clear(&self, place: Place) {
        if self.is_away(place) {
            self.come_home(place);
        }
        self.set_tag(place, 0);
    }

    /// Empties a slot whose entry has gone to a larger table, under the bucket's lock alone. If the entry was
    /// away it stays so here (striped-I10).
    pub(super) fn forget(&self, place: Place) {
        self.set_tag(place, 0);
    }

    /// Empties all slots without dropping what is in them. The caller has the locks of all
    /// buckets.
    pub(super) fn forget_all(&self) {
        // Relaxed: as in `set_tag`.
        self.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// The slots of `bucket` that are in use.
    pub(super) fn used(&self, bucket: usize) -> impl Iterator<Item = Place> {
        let empty = self.matching(bucket, 0).0;
        (0..SLOTS)
            .filter(move |slot| empty >> (8 * slot) & 0xff == 0)
            .map(move |slot| Place { bucket, slot })
    }
}

impl<K, V, const SLOTS: usize> Drop for Slots<K, V, SLOTS> {
    fn drop(&mut self) {
        /// Drops the entries that are left, also after one of them panicked.
        struct Rest<'s, K, V, const SLOTS: usize>(&'s Slots<K, V, SLOTS>, usize);
        impl<K, V, const SLOTS: usize> Rest<'_, K, V, SLOTS> {
            fn drop_all(&mut self) {
                while self.1 < self.0.buckets() {
                    while let Some(place) = self.0.used(self.1).next() {
                        // SAFETY: the table is being dropped, so it is ours; it is in use.
                        drop(unsafe { self.0.take(place) });
                    }
                    self.1 += 1;
                }
            }
        }
        impl<K, V, const SLOTS: usize> Drop for Rest<'_, K, V, SLOTS> {
            fn drop(&mut self) {
                self.drop_all();
            }
        }
        if mem::needs_drop::<(K, V)>() {
            Rest(self, 0).drop_all();
        }
    }
}

/// Slots of a bucket, a bit for each.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatchingSlots(u64);

impl Iterator for MatchingSlots {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let slot = (self.0 != 0).then(|| self.0.trailing_zeros() as usize / 8)?;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

impl<K, V, const SLOTS: usize> Graph for Slots<K, V, SLOTS> {
    const SLOTS: usize = SLOTS;

    fn other_bucket(&self, place: Place) -> Option<usize> {
        // A search may ask for anything.
        place.check(self.buckets(), SLOTS);
        let tag = self.tag(place);
        (tag != 0).then(|| hash::other_bucket(place.bucket, tag, self.mask()))
    }

    fn prefetch(&self, bucket: usize) {
        prefetch(self.words.as_ptr().wrapping_add(bucket.wrapping_mul(Self::WORDS)));
    }
}
