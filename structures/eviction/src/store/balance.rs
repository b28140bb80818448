//! Which size class gives a page to which.
//!
//! Classes compete for memory as items do within a class. The aim is that all classes have the same *turnover*: the
//! time that an item stays that is never hit. R. Nishtala and others, *Scaling Memcache at Facebook*, NSDI
//! 2013, section 4.2 ("Adaptive Slab Allocator"), moves a slab to a class if the item that it would evict
//! next was used more recently than those of other classes, by a fifth. Items here have no time of use.
//! So the turnover is estimated in two ways, and the longer one counts:
//!
//! * for a class that evicts: the time in which it evicts as many items as it has;
//! * for a class with an unused page: the time since the page was last used.
//!
//! A class that evicts nothing although all its pages are in use gives none: its items are wanted. Time is
//! measured by the bytes that the shard has written, so that a pause changes nothing.
//!
//! A class that has evicted [`WINDOW`] items compares its turnover with the others'. If another's is longer by
//! [`LONGER`], it gets a page from that class, or as many pages as those items would fill.

/// Evictions over which a rate is measured: its relative error is about 1 / √128.
const WINDOW: u64 = 128;

/// The factor by which another class's turnover must be longer: five of those errors.
const LONGER: f64 = 1.5;

/// How fast a class evicts.
#[derive(Debug)]
pub(super) struct Rate {
    /// Bytes that the shard had written when the present window began.
    began: u64,
    /// Evictions since.
    evictions: u64,
    /// Bytes written for each eviction, in the last whole window; 0 if there was none.
    apart: f64,
    /// How many pages it may ask for before the next window has ended.
    due: u64,
}

impl Rate {
    /// That of a class which has just got its first page.
    pub(super) fn starting(written: u64) -> Self {
        Self { began: written, evictions: 0, apart: 0.0, due: 0 }
    }

    /// Counts an eviction that made room for an item of the class.
    pub(super) fn evicted(&mut self, written: u64, per_page: usize) {
        self.evictions += 1;
        if self.evictions == WINDOW {
            self.apart = (written - self.began) as f64 / WINDOW as f64;
            self.due = (WINDOW / per_page as u64).max(1);
            self.restart(written);
        }
    }

    /// Begins a new window: the class has got a page, and evicts nothing until that is full.
    pub(super) fn restart(&mut self, written: u64) {
        (self.began, self.evictions) = (written, 0);
    }

    /// Whether it may ask for a page, which it then has done.
    pub(super) fn take_due(&mut self) -> bool {
        let is_due = self.due > 0;
        self.due = self.due.saturating_sub(1);
        is_due
    }

    /// The time in which the class evicts so many items, in bytes written.
    pub(super) fn turnover(&self, items: usize) -> f64 {
        self.apart * items as f64
    }
}

/// Whether a class with turnover `giver` is to give a page to one with turnover `taker`.
pub(super) fn is_uneven(giver: f64, taker: f64) -> bool {
    giver > LONGER * taker
}
