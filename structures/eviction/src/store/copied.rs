//! An item, as a reader copies it who has no lock.

use super::Found;
use crate::item::Item;
use crate::memory::{Handle, Pages, Seen};

/// What a reader has copied of an item while others may write. It is worth nothing until the store knows that the item
/// was there all the while.
#[derive(Clone, Copy, Debug)]
pub struct Copied {
    /// Where it was.
    pub handle: Handle,
    /// The size class that had its page.
    pub class: usize,
    /// Its slot, as the policy of that class knows it.
    pub slot: u32,
    /// When it expires, as the cache's [`Timer`](crate::time::Timer) tells it; 0 is never.
    pub deadline: u32,
    /// What it was found with.
    pub found: Found,
}

impl Copied {
    /// Appends the value of the item of `handle` to `value`, if `key` is its key. Whatever it meets: each number is
    /// checked against what there is, so that none leads out of an array.
    #[inline(always)]
    pub fn of(pages: &Pages, handle: Handle, key: &[u8], value: &mut Vec<u8>) -> Option<Self> {
        let Seen { words, class, slot } = pages.look(handle)?;
        let item = Item::of(words);
        if !item.fits() || !item.key_is(key) {
            return None;
        }
        item.value_into(value);
        Some(Self { handle, class, slot, deadline: item.deadline(), found: Found::of(item) })
    }
}
