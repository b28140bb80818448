//! Making room for an item: its own class evicts, or another one gives a page up.

use super::{Shard, View, item_hash};
use crate::evict::Eviction;
use crate::memory::Handle;
use crate::store::balance::is_uneven;
use crate::store::index::Index;

impl<E: Eviction, I: Index> Shard<E, I> {
    /// A chunk of `class`, for which others may go, but not `kept`, an item of another class. Their memory is used
    /// again at once. `None` if there is none: a policy that evicts leaves `kept` alone in its page then. Or if the system
    /// has no memory for what is kept of a page, and the class has no item that could go.
    pub(super) fn room(&mut self, class: usize, kept: Option<Handle>) -> Option<Handle> {
        loop {
            if let Some(handle) = self.take(class) {
                return Some(handle);
            }
            if !E::EVICTS {
                return None;
            }
            if self.classes[class].rate.take_due()
                && let Some(giver) = self.giver(class)
            {
                let own = self.classes[class].rate.turnover(self.arena.taken(class));
                if is_uneven(self.turnover(giver), own) && self.can_have_page(class) {
                    self.give_page_up(giver, kept)?;
                    continue;
                }
            }
            if self.evict(class).is_some() {
                let per_page = self.arena.sizes().per_page(class);
                self.classes[class].rate.evicted(self.written, per_page);
            } else {
                // It has no item at all.
                let giver = self.giver(class)?;
                if !self.can_have_page(class) {
                    return None;
                }
                self.give_page_up(giver, kept)?;
            }
        }
    }

    /// A chunk of `class` that is free, or of a page that is.
    fn take(&mut self, class: usize) -> Option<Handle> {
        let is_free =
            self.arena.is_open(class) || self.arena.has_page() && self.can_have_page(class);
        is_free.then(|| self.arena.take(class)).flatten()
    }

    /// Whether the system has memory for what arena and policy keep of one more page of `class`. If it has not, no other
    /// class need give one up.
    pub(super) fn can_have_page(&mut self, class: usize) -> bool {
        let slots = self.arena.slots_of_one_more(class);
        self.arena.has_memory(class) && self.classes[class].policy.has_memory(slots)
    }

    /// Of the other classes that have items, the one with the longest turnover.
    fn giver(&self, class: usize) -> Option<usize> {
        let others = (0..self.classes.len()).filter(|&c| c != class && self.arena.taken(c) > 0);
        others.max_by(|&a, &b| self.turnover(a).total_cmp(&self.turnover(b)))
    }

    fn turnover(&self, class: usize) -> f64 {
        let idle =
            self.arena.idlest(class).map_or(0, |(_, used)| self.written.saturating_sub(used));
        self.classes[class].rate.turnover(self.arena.taken(class)).max(idle as f64)
    }

    /// Lets the policy's victim go.
    pub(super) fn evict(&mut self, class: usize) -> Option<()> {
        let view = View { arena: &self.arena, hasher: &self.hasher, class };
        let slot = self.classes[class].policy.victim(&view)?;
        let handle = self.arena.at(class, slot).expect("shard-S2: a victim is there");
        self.stats.evictions += 1;
        self.forget(handle, item_hash(&self.arena, &self.hasher, handle));
        self.fit_policy(class);
        Some(())
    }

    /// The same, of another class if `class` has none that its policy gives up: of the one that would give up a page.
    pub(super) fn evict_any(&mut self, class: usize) -> Option<()> {
        let evicted = self.evict(class);
        evicted.or_else(|| self.giver(class).and_then(|giver| self.evict(giver)))
    }

    /// Empties a page of `class`, the one that was used least recently, but for `kept`: `None` if that is there.
    fn give_page_up(&mut self, class: usize, kept: Option<Handle>) -> Option<()> {
        self.stats.pages_moved += 1;
        let (one, _) = self.arena.idlest(class)?;
        let first = self.arena.slot_of(one);
        let chunks = self.arena.sizes().per_page(class) as u32;
        let mut is_kept = false;
        for slot in first..first + chunks {
            let Some(handle) = self.arena.at(class, slot) else { continue };
            if Some(handle) == kept {
                is_kept = true;
                continue;
            }
            self.stats.evictions += 1;
            self.take_out(handle, item_hash(&self.arena, &self.hasher, handle));
        }
        (!is_kept).then_some(())
    }
}
