//! What a reader needs of an arena: the pages, and what each is cut into.
//!
//! One thread at a time changes it, others may read meanwhile. All accesses are relaxed, and what is
//! read may be of different moments: the store orders them, by its mutex or by a version that
//! is validated. Until then a reader takes nothing for granted: [`Pages::look`] checks each number.

use std::fmt;
use std::sync::OnceLock;

use super::Sizes;
use crate::sync::{AtomicU64, hints};
use crate::words::{self, WORD};

/// A chunk: the number of its page, and its number in there; both in one, as an index keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub u32);

/// No class: the page is in the pool.
const NO_CLASS: u32 = u32::MAX;

/// The pages of an arena, as readers see them who have no lock: they [copy](crate::store::Copied) items from there.
pub struct Pages {
    sizes: Sizes,
    pages: Box<[Page]>,
    /// Bits of a handle that tell the chunk.
    chunk_bits: u32,
    /// The time, for readers who say that they have used a page.
    now: hints::AtomicU64,
}

struct Page {
    /// Made when the page is used for the first time; never given back to the system.
    memory: OnceLock<Memory>,
    /// Class and ordinal.
    holder: AtomicU64,
    /// When something in it was last used, by the time of who uses the arena.
    used: hints::AtomicU64,
}

/// The words of a page, which begin a cache line: a chunk of a line's length is in one line, not in two.
struct Memory {
    /// Some more than the page has.
    words: Box<[AtomicU64]>,
    /// The first that is the page's.
    first: usize,
}

impl Memory {
    /// So many words. `None` if the system has no memory for them.
    fn try_new(words: usize) -> Option<Self> {
        let all = words + LINE - 1;
        let mut made = Vec::new();
        made.try_reserve_exact(all).ok()?;
        made.resize_with(all, || AtomicU64::new(0));
        let words: Box<[AtomicU64]> = made.into();
        let before = words.as_ptr().addr() / WORD % LINE;
        Some(Self { words, first: (LINE - before) % LINE })
    }
}

/// Words of a cache line.
const LINE: usize = 8;

/// Which class has a page, and the number of the page among those of the class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) class: u32,
    pub(crate) ordinal: u32,
}

impl Holder {
    /// Of a page in the pool.
    pub(super) const NOBODY: Self = Self { class: NO_CLASS, ordinal: 0 };
}

/// A chunk, as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'p> {
    pub(crate) words: &'p [AtomicU64],
    pub(crate) class: usize,
    /// See [`Arena::slot_of`](super::Arena::slot_of).
    pub(crate) slot: u32,
}

impl Pages {
    /// Bytes that are kept of a page, whether it is used or not.
    pub(super) const BYTES_OF_PAGE: usize = size_of::<Page>();

    /// So many pages, none of them used yet. `None` if the system has no memory for what is kept of them.
    ///
    /// # Panics
    ///
    /// If they have more chunks than a [`Handle`] can tell.
    pub(super) fn try_new(pages: usize, sizes: Sizes) -> Option<Self> {
        let chunk_bits = sizes.per_page(0).next_power_of_two().trailing_zeros();
        let most = 1_usize << (u32::BITS - chunk_bits);
        assert!(pages < most, "{pages} pages, of which a handle can tell {most}");
        let page = |_| Page {
            memory: OnceLock::new(),
            holder: AtomicU64::new(packed(Holder::NOBODY)),
            used: hints::AtomicU64::new(0),
        };
        Some(Self {
            pages: try_boxed(pages, page)?,
            chunk_bits,
            now: hints::AtomicU64::new(0),
            sizes,
        })
    }

    pub(super) fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    pub(super) fn handle(&self, page: u32, chunk: u32) -> Handle {
        Handle(page << self.chunk_bits | chunk)
    }

    /// The page of a chunk, and the chunk's number in there.
    #[inline]
    pub(super) fn split(&self, handle: Handle) -> (usize, usize) {
        let mask = (1 << self.chunk_bits) - 1;
        ((handle.0 >> self.chunk_bits) as usize, (handle.0 & mask) as usize)
    }

    /// Has the memory of a page made, if it is not there: the bytes that this takes beyond the page. `None` if the
    /// system has none.
    pub(super) fn make(&self, page: u32) -> Option<usize> {
        let place = &self.pages[page as usize].memory;
        if place.get().is_some() {
            return Some(0);
        }
        let made = Memory::try_new(self.sizes.page() / WORD)?;
        let beyond = size_of_val(&*made.words) - self.sizes.page();
        place.get_or_init(|| made);
        Some(beyond)
    }

    /// Bytes of what is kept of all pages.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.pages)
    }

    #[inline]
    pub(super) fn holder(&self, page: usize) -> Holder {
        let packed = words::load(&self.pages[page].holder);
        Holder { class: packed as u32, ordinal: (packed >> 32) as u32 }
    }

    pub(super) fn set_holder(&self, page: u32, holder: Holder) {
        words::store(&self.pages[page as usize].holder, packed(holder));
    }

    /// The chunk, if there is one: its page may be another class's by now, or nobody's.
    #[inline(always)]
    pub(crate) fn look(&self, handle: Handle) -> Option<Seen<'_>> {
        let (number, chunk) = self.split(handle);
        let page = self.pages.get(number)?;
        let Holder { class, ordinal } = self.holder(number);
        if class == NO_CLASS {
            return None;
        }
        let class = class as usize;
        let len = self.sizes.chunk(class) / WORD;
        let Memory { words, first } = page.memory.get()?;
        let begin = first + chunk * len;
        let words = words.get(begin..begin + len)?;
        let slot = ordinal * self.sizes.per_page(class) as u32 + chunk as u32;
        Some(Seen { words, class, slot })
    }

    /// When something in the page was last used.
    pub(super) fn used(&self, page: u32) -> u64 {
        // Relaxed: a hint.
        self.pages[page as usize].used.load(hints::Ordering::Relaxed)
    }

    /// Says that something of this chunk's page was used at the time `now`.
    #[inline]
    pub(super) fn touch(&self, handle: Handle, now: u64) {
        // Relaxed: a hint.
        self.pages[self.split(handle).0].used.store(now, hints::Ordering::Relaxed);
    }

    /// Says that something of this chunk's page was used now, which a reader does not know: the time is a page's length
    /// exact, so that a page that is in use is written to by few of its readers.
    #[inline]
    pub fn touch_now(&self, handle: Handle) {
        let Some(page) = self.pages.get(self.split(handle).0) else { return };
        // Relaxed: hints.
        let now = self.now.load(hints::Ordering::Relaxed);
        if page.used.load(hints::Ordering::Relaxed) < now {
            page.used.store(now, hints::Ordering::Relaxed);
        }
    }

    /// Tells readers the time, of which a page's length has passed or not: they get its end.
    pub(super) fn set_now(&self, now: u64) {
        let end = now.next_multiple_of(self.sizes.page() as u64);
        // Relaxed: a hint, and only written when it is another one.
        if self.now.load(hints::Ordering::Relaxed) != end {
            self.now.store(end, hints::Ordering::Relaxed);
        }
    }
}

/// So many values; `make` is told the number of each. `None` if the system has no memory for them.
pub fn try_boxed<T>(len: usize, mut make: impl FnMut(usize) -> T) -> Option<Box<[T]>> {
    try_collected(len, (0..len).map(|number| Some(make(number)))).map(Vec::into_boxed_slice)
}

/// The values of `made`, of which there are `len`. `None` if one of them is none, or the system has no memory for them.
pub fn try_collected<T>(len: usize, made: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let mut all = Vec::new();
    all.try_reserve_exact(len).ok()?;
    for one in made {
        all.push(one?);
    }
    Some(all)
}

/// Without what is in them.
impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("pages", &self.pages.len()).finish_non_exhaustive()
    }
}

fn packed(holder: Holder) -> u64 {
    u64::from(holder.class) | u64::from(holder.ordinal) << 32
}
