//! Items: a key, a value and what belongs to them, in the words of a chunk.
//!
//! ```text
//! header  8 bytes   key length 8 bits | value length 22 | has flags 1 | has CAS 1 | deadline 29 | marks 3
//! CAS     8 bytes   if the cache keeps CAS numbers
//! flags   4 bytes   if they are not 0
//! key, value        one after the other, without a gap
//! ```
//!
//! A key has 1 to 250 bytes, so the low byte of a taken chunk's first word is never 0: the arena knows a
//! free chunk by it.

use crate::sync::AtomicU64;

use crate::words::{self, WORD, WordWriter};

/// The longest key, in bytes: memcached's.
pub const MAX_KEY: usize = 250;

/// The longest value that a header can tell, in bytes.
pub const MAX_VALUE: usize = (1 << VALUE_BITS) - 1;

/// The most that an item takes beside its key and its value, in bytes.
pub(crate) const MAX_EXTRA: usize = WORD + WORD + FLAGS;

const VALUE_SHIFT: u32 = 8;
const VALUE_BITS: u32 = 22;
const HAS_FLAGS: u64 = 1 << 30;
const HAS_CAS: u64 = 1 << 31;
const DEADLINE_SHIFT: u32 = 32;
const DEADLINE_BITS: u32 = 29;
const MARKS_SHIFT: u32 = DEADLINE_SHIFT + DEADLINE_BITS;

/// The largest number of a deadline that a header can tell.
pub(crate) const LAST_DEADLINE: u32 = (1 << DEADLINE_BITS) - 1;

/// The marks that an item can have, all of them.
pub const ALL_MARKS: u8 = (1 << (u64::BITS - MARKS_SHIFT)) - 1;

/// Bytes of flags.
const FLAGS: usize = 4;

/// What an item is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    /// 1 to [`MAX_KEY`] bytes.
    pub(crate) key: &'a [u8],
    /// At most [`MAX_VALUE`] bytes.
    pub(crate) value: &'a [u8],
    pub(crate) flags: u32,
    /// When it expires, as the cache's [`Timer`](crate::time::Timer) tells it; 0 is never, and none is above
    /// [`LAST_DEADLINE`].
    pub(crate) deadline: u32,
    /// Some of [`ALL_MARKS`].
    pub(crate) marks: u8,
    pub(crate) cas: Option<u64>,
}

impl Draft<'_> {
    /// The item's size, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let extra = start(self.cas.is_some(), self.flags != 0);
        extra + self.key.len() + self.value.len()
    }

    /// Writes the item into a chunk that has room for it.
    pub(crate) fn write(&self, chunk: &[AtomicU64]) {
        debug_assert!((1..=MAX_KEY).contains(&self.key.len()) && self.value.len() <= MAX_VALUE);
        debug_assert!(self.deadline <= LAST_DEADLINE && self.marks <= ALL_MARKS);
        let mut header = self.key.len() as u64
            | (self.value.len() as u64) << VALUE_SHIFT
            | u64::from(self.deadline) << DEADLINE_SHIFT
            | u64::from(self.marks) << MARKS_SHIFT;
        header |= if self.flags == 0 { 0 } else { HAS_FLAGS };
        header |= if self.cas.is_some() { HAS_CAS } else { 0 };
        let mut writer = WordWriter::new(chunk);
        writer.push(&header.to_le_bytes());
        if let Some(cas) = self.cas {
            writer.push(&cas.to_le_bytes());
        }
        if self.flags != 0 {
            writer.push(&self.flags.to_le_bytes());
        }
        writer.push(self.key);
        writer.push(self.value);
        writer.finish();
    }
}

/// Where the key begins, in bytes.
const fn start(has_cas: bool, has_flags: bool) -> usize {
    WORD + if has_cas { WORD } else { 0 } + if has_flags { FLAGS } else { 0 }
}

/// The item in a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'w> {
    chunk: &'w [AtomicU64],
    header: u64,
}

impl<'w> Item<'w> {
    /// The item in `chunk`, which has one.
    #[inline(always)]
    pub(crate) fn of(chunk: &'w [AtomicU64]) -> Self {
        Self { chunk, header: words::load(&chunk[0]) }
    }

    #[inline(always)]
    fn key_len(&self) -> usize {
        self.header as u8 as usize
    }

    #[inline(always)]
    fn value_len(&self) -> usize {
        (self.header >> VALUE_SHIFT) as usize & MAX_VALUE
    }

    #[inline(always)]
    fn has(&self, bit: u64) -> bool {
        self.header & bit != 0
    }

    /// Where the key begins, in bytes.
    #[inline(always)]
    fn start(&self) -> usize {
        start(self.has(HAS_CAS), self.has(HAS_FLAGS))
    }

    /// Its size, in bytes.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> usize {
        self.start() + self.key_len() + self.value_len()
    }

    /// Whether an item of this header has room in the chunk. It has, unless the header was read of what
    /// was no item any more.
    #[inline(always)]
    pub(crate) fn fits(&self) -> bool {
        self.bytes() <= size_of_val(self.chunk)
    }

    /// Whether this is its key.
    #[inline(always)]
    pub(crate) fn key_is(&self, key: &[u8]) -> bool {
        self.key_len() == key.len() && words::are(self.chunk, self.start(), key)
    }

    /// What `f` makes of its key.
    pub(crate) fn with_key<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        let mut room = [[0; WORD]; MAX_KEY.div_ceil(WORD)];
        let len = self.key_len();
        words::copy(self.chunk, self.start(), &mut room[..len.div_ceil(WORD)]);
        f(&room.as_flattened()[..len])
    }

    /// Appends its value to `out`.
    #[inline(always)]
    pub(crate) fn value_into(&self, out: &mut Vec<u8>) {
        words::append(self.chunk, self.start() + self.key_len(), self.value_len(), out);
    }

    /// When it expires, as the cache's [`Timer`](crate::time::Timer) tells it; 0 is never.
    #[inline(always)]
    pub(crate) fn deadline(&self) -> u32 {
        (self.header >> DEADLINE_SHIFT) as u32 & LAST_DEADLINE
    }

    /// Its marks.
    #[inline(always)]
    pub(crate) fn marks(&self) -> u8 {
        (self.header >> MARKS_SHIFT) as u8
    }

    /// Gives it another deadline.
    pub(crate) fn set_deadline(&self, deadline: u32) {
        let kept = self.header & !(u64::from(LAST_DEADLINE) << DEADLINE_SHIFT);
        words::store(&self.chunk[0], kept | u64::from(deadline) << DEADLINE_SHIFT);
    }

    /// Its CAS number, if it has one.
    #[inline(always)]
    pub(crate) fn cas(&self) -> Option<u64> {
        self.has(HAS_CAS).then(|| words::load(&self.chunk[1]))
    }

    /// Its flags.
    #[inline(always)]
    pub(crate) fn flags(&self) -> u32 {
        if !self.has(HAS_FLAGS) {
            return 0;
        }
        // They begin a word.
        let at = start(self.has(HAS_CAS), false);
        words::load(&self.chunk[at / WORD]) as u32
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// A reader may meet any words: what fits can be read to its end.
        #[test]
        fn what_is_no_item_leads_nowhere(words in prop::collection::vec(any::<u64>(), 2..40), small: bool) {
            // With few bytes in the value, so that some fit.
            let mut words = words;
            words[0] &= if small { 0xFFFF_FFFF_C000_7F3F } else { u64::MAX };
            let chunk: Vec<_> = words.into_iter().map(AtomicU64::new).collect();
            let item = Item::of(&chunk);
            if item.fits() {
                let mut out = item.with_key(<[u8]>::to_vec);
                prop_assert!(item.key_is(&out));
                item.value_into(&mut out);
                let extra = item.cas().map_or(0, |_| WORD) + WORD;
                prop_assert!(item.bytes() - out.len() - extra <= FLAGS && item.bytes() <= 8 * chunk.len());
                let _ = item.flags();
            }
        }
    }
}
