//! The arena: a bounded number of pages, each cut into chunks of one size.
//!
//! # Invariants
//!
//! * arena-A1. A page belongs to one class or to the pool. A page of a class has a chunk that is taken: the
//!   first is when the page comes, and when the last is given back, so is the page.
//! * arena-A2. A class's `open` pages are those of its pages with a free chunk, each once.
//! * arena-A3. A chunk of a class's page is taken, in the page's list of free chunks, or not used yet
//!   (`fresh` and those behind it).
//! * arena-A4. The low byte of the first word of a chunk is 0 exactly if the chunk is free; between
//!   [`Arena::take`] and the writing of the item nothing else is done with the arena.
//! * arena-A5. The bytes of chunks taken are never more than the bound: asserted in `take`.
//! * arena-A6. The lists of a class have memory for all its pages: they grow when it gets one, and nowhere else.

use std::fmt;

use super::pages::{Handle, Holder, Pages, Seen, try_boxed};
use super::{Sizes, Usage};
use crate::sync::{Arc, AtomicU64};
use crate::words;

/// No chunk, no page.
const NONE: u32 = u32::MAX;

/// A page, but for what readers need of it.
#[derive(Debug)]
struct Page {
    /// Chunks that are taken.
    taken: u32,
    /// The first chunk that has not been taken since the class has the page.
    fresh: u32,
    /// The first of the list of free chunks; each names the next in the upper half of its first word.
    free: u32,
}

#[derive(Debug, Default)]
struct Class {
    /// Its pages by ordinal. Slots are numbered through these, so a page that leaves leaves a gap.
    pages: Vec<Option<u32>>,
    gaps: Vec<u32>,
    open: Vec<u32>,
    taken: usize,
}

impl Class {
    fn held(&self) -> usize {
        self.pages.len() - self.gaps.len()
    }

    /// Whether there is memory for one more page in each list (arena-A6).
    fn has_memory(&mut self) -> bool {
        if !self.gaps.is_empty() {
            return true;
        }
        let pages = self.pages.len() + 1;
        self.pages.try_reserve(1).is_ok()
            && self.gaps.try_reserve(pages).is_ok()
            && self.open.try_reserve(pages - self.open.len()).is_ok()
    }
}

/// Pages of a bounded number of bytes, and chunks of them. One thread at a time changes it.
pub struct Arena {
    bound: usize,
    shared: Arc<Pages>,
    pages: Box<[Page]>,
    pool: Vec<u32>,
    classes: Box<[Class]>,
    /// Bytes of chunks that are taken.
    taken: usize,
    /// Bytes that the memory of pages takes beyond them.
    beyond: usize,
}

impl Arena {
    /// Bytes that are kept of a page, whether it is used or not.
    pub(crate) const BYTES_OF_PAGE: usize =
        size_of::<Page>() + size_of::<u32>() + Pages::BYTES_OF_PAGE;

    /// Bytes of an arena of these sizes beside those of its pages.
    pub(crate) fn bytes_of_classes(sizes: &Sizes) -> usize {
        size_of::<Self>() + sizes.len() * size_of::<Class>()
    }

    /// An arena of at most `bound` bytes: as many whole pages as these are.
    ///
    /// # Panics
    ///
    /// If it is too large for a [`Handle`]: more than 2³² of the smallest chunks. Or if the system has no memory for
    /// what is kept of its pages.
    #[must_use]
    pub fn new(bound: usize, sizes: Sizes) -> Self {
        Self::try_new(bound, sizes).expect("memory for what is kept of pages")
    }

    /// The same; `None` if the system has no memory for what is kept of its pages and classes.
    ///
    /// # Panics
    ///
    /// If it is too large for a [`Handle`]: more than 2³² of the smallest chunks.
    #[must_use]
    pub fn try_new(bound: usize, sizes: Sizes) -> Option<Self> {
        let pages = bound / sizes.page();
        let page = |_| Page { taken: 0, fresh: 0, free: NONE };
        // The first is the first to be used.
        let numbers = try_boxed(pages, |place| (pages - 1 - place) as u32)?;
        Some(Self {
            bound,
            pages: try_boxed(pages, page)?,
            pool: numbers.into_vec(),
            classes: try_boxed(sizes.len(), |_| Class::default())?,
            taken: 0,
            beyond: 0,
            shared: Arc::new(Pages::try_new(pages, sizes)?),
        })
    }

    /// The most chunks that it can have: an index with room for so many handles need not grow.
    #[must_use]
    pub fn most(&self) -> usize {
        self.pages.len() * self.sizes().per_page(0)
    }

    /// What readers see of it, while one thread at a time changes it.
    #[must_use]
    pub fn shared(&self) -> Arc<Pages> {
        self.shared.clone()
    }

    /// The sizes of its chunks.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        self.shared.sizes()
    }

    /// Takes a free chunk of `class`: of its own pages, or of one from the pool. `None` if there is
    /// neither, or the system has no memory for the page or for what is kept of it. The caller writes an item there before it does
    /// anything else with the arena (arena-A4). O(1), but for a page's first use.
    pub fn take(&mut self, class: usize) -> Option<Handle> {
        if self.classes[class].open.is_empty() && !self.adopt(class) {
            return None;
        }
        let number = *self.classes[class].open.last()?;
        let chunk = match self.pages[number as usize].free {
            NONE => self.pages[number as usize].fresh,
            free => free,
        };
        let handle = self.shared.handle(number, chunk);
        let next = (words::load(&self.words(handle)[0]) >> 32) as u32;
        let last = self.sizes().per_page(class) as u32;
        let page = &mut self.pages[number as usize];
        if page.free == NONE {
            page.fresh += 1;
        } else {
            page.free = next;
        }
        page.taken += 1;
        let is_full = page.taken == last;
        let class_of_it = &mut self.classes[class];
        class_of_it.taken += 1;
        if is_full {
            class_of_it.open.pop();
        }
        self.taken += self.sizes().chunk(class);
        assert!(self.taken <= self.bound, "{} bytes of {} are taken", self.taken, self.bound);
        Some(handle)
    }

    /// Whether the system has memory for what is kept of one more page of `class`.
    pub(crate) fn has_memory(&mut self, class: usize) -> bool {
        self.classes[class].has_memory()
    }

    /// Gives a page of the pool to `class`, which takes a chunk of it at once (arena-A1); false if there is none.
    fn adopt(&mut self, class: usize) -> bool {
        let Some(&number) = self.pool.last() else { return false };
        if !self.has_memory(class) {
            return false;
        }
        let Some(beyond) = self.shared.make(number) else { return false };
        self.beyond += beyond;
        self.pool.pop();
        let holder = &mut self.classes[class];
        let ordinal = holder.gaps.pop().unwrap_or_else(|| {
            holder.pages.push(None);
            holder.pages.len() as u32 - 1
        });
        holder.pages[ordinal as usize] = Some(number);
        holder.open.push(number);
        self.shared.set_holder(number, Holder { class: class as u32, ordinal });
        let page = &mut self.pages[number as usize];
        (page.fresh, page.free) = (0, NONE);
        true
    }

    /// Gives a taken chunk back, and its page to the pool if it was the last that was taken there. The
    /// memory may be used again at once. O(1), but O(pages of the class) if the page goes.
    ///
    /// # Panics
    ///
    /// If there is no item in the chunk: it is free.
    pub fn give_back(&mut self, handle: Handle) {
        let (number, chunk) = self.shared.split(handle);
        let class = self.class_of(handle);
        let first = &self.words(handle)[0];
        assert_ne!(words::load(first) as u8, 0, "a chunk that is free is given back");
        words::store(first, u64::from(self.pages[number].free) << 32);
        let (bytes, chunks) = (self.sizes().chunk(class), self.sizes().per_page(class) as u32);
        let ordinal = self.shared.holder(number).ordinal;
        let page = &mut self.pages[number];
        page.free = chunk as u32;
        page.taken -= 1;
        let was_full = page.taken + 1 == chunks;
        let is_empty = page.taken == 0;
        self.taken -= bytes;
        let holder = &mut self.classes[class];
        holder.taken -= 1;
        if was_full {
            holder.open.push(number as u32);
        }
        if is_empty {
            holder.open.retain(|&open| open != number as u32);
            holder.pages[ordinal as usize] = None;
            holder.gaps.push(ordinal);
            page.fresh = 0;
            self.shared.set_holder(number as u32, Holder::NOBODY);
            self.pool.push(number as u32);
        }
    }

    /// The class of a taken chunk.
    #[inline]
    #[must_use]
    pub fn class_of(&self, handle: Handle) -> usize {
        self.shared.holder(self.shared.split(handle).0).class as usize
    }

    /// The number of a chunk among those of its class: the same for as long as it is taken. Numbers
    /// count through the class's pages, and then through the chunks of each; below [`slots`](Self::slots).
    #[inline]
    #[must_use]
    pub fn slot_of(&self, handle: Handle) -> u32 {
        self.look(handle).slot
    }

    /// The chunk of `class` with this number, if it is taken.
    #[must_use]
    pub fn at(&self, class: usize, slot: u32) -> Option<Handle> {
        let per_page = self.sizes().per_page(class) as u32;
        let number = (*self.classes[class].pages.get((slot / per_page) as usize)?)?;
        let chunk = slot % per_page;
        let handle = self.shared.handle(number, chunk);
        let is_used = chunk < self.pages[number as usize].fresh;
        (is_used && words::load(&self.words(handle)[0]) as u8 != 0).then_some(handle)
    }

    /// The words of a chunk of some class.
    #[inline]
    #[must_use]
    pub fn words(&self, handle: Handle) -> &[AtomicU64] {
        self.look(handle).words
    }

    #[inline]
    fn look(&self, handle: Handle) -> Seen<'_> {
        self.shared.look(handle).expect("arena-A1: the page is of a class")
    }

    /// The taken chunks of the page that has this one, which may be taken or not. O(chunks of a page).
    #[must_use]
    pub fn neighbours(&self, handle: Handle) -> Vec<Handle> {
        let number = self.shared.split(handle).0 as u32;
        let handle = |chunk| self.shared.handle(number, chunk);
        let is_taken = |&handle: &Handle| words::load(&self.words(handle)[0]) as u8 != 0;
        (0..self.pages[number as usize].fresh).map(handle).filter(is_taken).collect()
    }

    /// Whether this chunk, which is taken, is the only one of its page that is.
    #[must_use]
    pub fn is_alone(&self, handle: Handle) -> bool {
        self.pages[self.shared.split(handle).0].taken == 1
    }

    /// Says that something of this chunk's page was used at the time `now`.
    #[inline]
    pub fn touch(&mut self, handle: Handle, now: u64) {
        self.shared.touch(handle, now);
        self.shared.set_now(now);
    }

    /// A chunk, taken or not, of the page of `class` that was used least recently, and when that was;
    /// `None` if the class has no page. O(pages of the class).
    #[must_use]
    pub fn idlest(&self, class: usize) -> Option<(Handle, u64)> {
        let pages = self.classes[class].pages.iter().flatten();
        let (used, number) = pages.map(|&n| (self.shared.used(n), n)).min()?;
        Some((self.shared.handle(number, 0), used))
    }

    /// Whether a page of this class has a free chunk.
    pub(crate) fn is_open(&self, class: usize) -> bool {
        !self.classes[class].open.is_empty()
    }

    /// Whether there is a page that no class has.
    pub(crate) fn has_page(&self) -> bool {
        !self.pool.is_empty()
    }

    /// What [`slots`](Self::slots) would be if the class had one more page.
    pub(crate) fn slots_of_one_more(&self, class: usize) -> usize {
        let Class { pages, gaps, .. } = &self.classes[class];
        (pages.len() + usize::from(gaps.is_empty())) * self.sizes().per_page(class)
    }

    /// Numbers of chunks of this class are below this.
    #[must_use]
    pub fn slots(&self, class: usize) -> usize {
        self.classes[class].pages.len() * self.sizes().per_page(class)
    }

    /// Chunks of this class that there are, taken or free.
    #[must_use]
    pub fn capacity(&self, class: usize) -> usize {
        self.classes[class].held() * self.sizes().per_page(class)
    }

    /// Chunks of this class that are taken.
    #[must_use]
    pub fn taken(&self, class: usize) -> usize {
        self.classes[class].taken
    }

    /// Bytes that come on top of the bound: what is kept of each page and class, and what lets a page's memory begin
    /// with a cache line. O(classes).
    #[must_use]
    pub fn overhead(&self) -> usize {
        let of_class = |class: &Class| {
            let numbers = class.gaps.capacity() + class.open.capacity();
            class.pages.capacity() * size_of::<Option<u32>>() + numbers * size_of::<u32>()
        };
        let lists: usize = self.classes.iter().map(of_class).sum();
        let own = size_of_val(&*self.pages) + self.pool.capacity() * size_of::<u32>();
        self.shared.bytes() + own + size_of_val(&*self.classes) + lists + self.beyond
    }

    /// Where each byte is. O(classes).
    #[must_use]
    pub fn usage(&self) -> Usage {
        let page = self.sizes().page();
        let mut usage = Usage {
            pool: self.pool.len() * page,
            rest: self.bound - self.pages.len() * page,
            ..Usage::default()
        };
        for (class, holder) in self.classes.iter().enumerate() {
            let (chunk, chunks) = (self.sizes().chunk(class), self.capacity(class));
            usage.taken += holder.taken * chunk;
            usage.free += (chunks - holder.taken) * chunk;
            usage.tails += holder.held() * page - chunks * chunk;
        }
        assert_eq!(usage.taken, self.taken, "bytes of chunks that are taken");
        usage
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("usage", &self.usage()).finish_non_exhaustive()
    }
}
