//! A cache that one thread at a time uses: an index, an arena, and a policy for each size class.
//!
//! # Invariants
//!
//! * shard-S1. The index has a handle for each chunk that is taken, under the hash of its item's key, and no
//!   other; no two items have the same key.
//! * shard-S2. The policy of a class knows the slots of the class's taken chunks, and no others. It is told of what comes
//!   and goes last, when all else has been done: if one of the user's panics, nothing but this may fail.
//! * shard-S3. What is deleted, evicted, expired or overwritten leaves index, policy and arena in one call, so
//!   it never comes back.

mod room;
#[cfg(all(test, not(loom)))]
mod tests;

use std::hash::{BuildHasher, Hasher};

use super::balance::Rate;
use super::index::Index;
use super::{Change, Config, Current, Found, Options, Outcome, SetError, Stats, Write};
use crate::evict::{Eviction, Items};
use crate::item::{ALL_MARKS, Draft, Item};
use crate::memory::{Arena, Handle, try_boxed};
use crate::time::{Expiry, Timer};
use foldhash::quality::FixedState;

/// The hash of a key.
#[must_use]
pub fn hash_key(hasher: &FixedState, key: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(key);
    state.finish()
}

/// A size class's policy.
#[derive(Debug)]
struct Class<E> {
    policy: E,
    /// The slots and the capacity that the policy knows.
    slots: usize,
    capacity: usize,
    rate: Rate,
}

/// Items under `I`, of which `E` says which goes.
#[derive(Debug)]
pub struct Shard<E, I> {
    arena: Arena,
    index: I,
    classes: Box<[Class<E>]>,
    hasher: FixedState,
    max_value: usize,
    /// The last CAS number, if items have any.
    cas: Option<u64>,
    /// Bytes of all chunks that were taken so far.
    written: u64,
    /// The class and the slot that are next to be looked at for what has expired.
    reaped: (usize, u32),
    /// What it counts itself of these.
    stats: Stats,
}

/// The items of a class, as its policy sees them.
struct View<'s> {
    arena: &'s Arena,
    hasher: &'s FixedState,
    class: usize,
}

impl Items for View<'_> {
    fn is_there(&self, slot: u32) -> bool {
        self.arena.at(self.class, slot).is_some()
    }

    fn hash(&self, slot: u32) -> u64 {
        self.arena
            .at(self.class, slot)
            .map_or(0, |handle| item_hash(self.arena, self.hasher, handle))
    }
}

fn item_hash(arena: &Arena, hasher: &FixedState, handle: Handle) -> u64 {
    Item::of(arena.words(handle)).with_key(|key| hash_key(hasher, key))
}

impl<E: Eviction, I: Index> Shard<E, I> {
    /// Of an empty index. `None` if the system has no memory for what is kept of size classes.
    #[must_use]
    pub fn new(arena: Arena, index: I, seed: u64, config: &Config) -> Option<Self> {
        let class = |class: usize| Class {
            policy: E::new(seed.wrapping_add(class as u64)),
            slots: 0,
            capacity: 0,
            rate: Rate::starting(0),
        };
        Some(Self {
            classes: try_boxed(arena.sizes().len(), class)?,
            arena,
            index,
            hasher: FixedState::with_seed(seed),
            max_value: config.max_value,
            cas: config.cas.then_some(0),
            written: 0,
            reaped: (0, 0),
            stats: Stats::default(),
        })
    }

    /// The parts of the classes' policies by which others tell hits, without the shard.
    pub fn share_hits(&mut self) -> Box<[E::Hits]> {
        self.classes.iter_mut().map(|class| class.policy.share_hits()).collect()
    }

    fn item(&self, handle: Handle) -> Item<'_> {
        Item::of(self.arena.words(handle))
    }

    /// Where `key` is; if it has expired, it goes.
    fn find(&mut self, hash: u64, key: &[u8], timer: &Timer) -> Option<Handle> {
        let arena = &self.arena;
        let is_it = |handle: Handle| Item::of(arena.words(handle)).key_is(key);
        let handle = self.index.find(hash, is_it)?;
        if timer.has_come(self.item(handle).deadline()) {
            self.stats.expired += 1;
            self.take_out(handle, hash);
            return None;
        }
        Some(handle)
    }

    /// Appends the value of `key` to `value`; `None`, and nothing, if it is absent.
    pub fn get(
        &mut self,
        hash: u64,
        key: &[u8],
        timer: &Timer,
        value: &mut Vec<u8>,
    ) -> Option<Found> {
        let Some(handle) = self.find(hash, key, timer) else {
            self.stats.misses += 1;
            return None;
        };
        self.stats.hits += 1;
        self.hit(handle);
        let item = self.item(handle);
        item.value_into(value);
        Some(Found::of(item))
    }

    fn hit(&mut self, handle: Handle) {
        self.arena.touch(handle, self.written);
        let slot = self.arena.slot_of(handle);
        self.classes[self.arena.class_of(handle)].policy.hit(slot);
    }

    pub(super) fn set(
        &mut self,
        hash: u64,
        (key, value): (&[u8], &[u8]),
        options: Options,
        timer: &Timer,
    ) -> Result<Outcome, SetError> {
        let old = self.find(hash, key, timer);
        let found = old.map(|old| Found::of(self.item(old)));
        if let Some(outcome) = options.when.refuses(found, self.cas.is_some())? {
            return Ok(outcome);
        }
        self.apply(hash, (key, old), Write::of(value, options), timer)?;
        Ok(Outcome::Stored)
    }

    /// Does with `key` what `decide` says of it.
    pub(super) fn update<'v>(
        &mut self,
        hash: u64,
        key: &[u8],
        decide: impl FnOnce(Option<Current<'_>>) -> Change<'v>,
        timer: &Timer,
    ) -> Result<Option<Found>, SetError> {
        let old = self.find(hash, key, timer);
        let change = decide(old.map(|old| Current::in_words(self.item(old), timer)));
        match change {
            Change::Nothing => Ok(old.map(|old| Found::of(self.item(old)))),
            Change::Remove => {
                old.inspect(|&old| self.take_out(old, hash));
                Ok(None)
            }
            Change::Write(write) => self.apply(hash, (key, old), write, timer),
        }
    }

    /// Writes `key`, whose item is `old`; what it is found with then. If it cannot, `old` stays or goes as the write
    /// says.
    fn apply(
        &mut self,
        hash: u64,
        (key, old): (&[u8], Option<Handle>),
        write: Write<'_>,
        timer: &Timer,
    ) -> Result<Option<Found>, SetError> {
        let before = old.map(|old| self.item(old));
        let kept = before.map(|item| item.deadline()).unwrap_or_default();
        let deadline = write.expiry.map_or(Some(kept), |expiry| timer.deadline(expiry));
        // It has come already: what is stored expires at once.
        let Some(deadline) = deadline else {
            old.inspect(|&old| self.take_out(old, hash));
            return Ok(None);
        };
        let mut same = Vec::new();
        if write.value.is_none() {
            before.inspect(|item| item.value_into(&mut same));
        }
        let value = write.value.unwrap_or(&same);
        let found = before.map(Found::of).unwrap_or_default();
        let (flags, marks) =
            (write.flags.unwrap_or(found.flags), write.marks.unwrap_or(found.marks));
        if value.len() > self.max_value {
            old.filter(|_| write.or_absent).inspect(|&old| self.take_out(old, hash));
            return Err(SetError::TooLarge { bytes: value.len(), most: self.max_value });
        }
        let cas = write.cas.after(&mut self.cas, found.cas);
        let draft = Draft { key, value, flags, deadline, marks: marks & ALL_MARKS, cas };
        let class = self.arena.sizes().class_of(draft.bytes()).expect("it fits a page");
        match old {
            Some(old) if self.arena.class_of(old) == class => self.overwrite(hash, old, &draft),
            Some(old) => self.move_to_class(hash, (old, class), &draft, write.or_absent)?,
            None => self.put(hash, class, &draft)?,
        }
        Ok(Some(Found { flags, cas, marks: draft.marks }))
    }

    /// Writes an item in the place of one with the same key and class: to the policy it is a hit.
    fn overwrite(&mut self, hash: u64, handle: Handle, draft: &Draft<'_>) {
        self.stats.item_bytes -= self.item(handle).bytes();
        self.index.change(hash, handle, || draft.write(self.arena.words(handle)));
        self.stats.item_bytes += draft.bytes();
        self.hit(handle);
    }

    /// Writes an item in another class than that of the one with its key, which is there all the while: the old one
    /// goes when the new one takes its place. Without memory for the new one it stays, unless it is to go then.
    fn move_to_class(
        &mut self,
        hash: u64,
        (old, class): (Handle, usize),
        draft: &Draft<'_>,
        or_absent: bool,
    ) -> Result<(), SetError> {
        let Some(handle) = self.room(class, Some(old)) else {
            if self.arena.is_alone(old) && self.can_have_page(class) {
                self.move_with_page(hash, (old, class), draft);
                return Ok(());
            }
            if or_absent {
                self.take_out(old, hash);
            }
            return Err(SetError::OutOfMemory);
        };
        let (before, slot) = self.seat(old);
        draft.write(self.arena.words(handle));
        self.index.replace(hash, old, || handle);
        self.stats.item_bytes -= self.item(old).bytes();
        self.arena.give_back(old);
        self.count(class, handle, draft);
        self.dismiss(before, slot);
        self.admit(hash, class, handle);
        Ok(())
    }

    /// The same, where the old one has its page for itself: the page changes its class. Nobody finds the key absent
    /// meanwhile, and nothing is evicted.
    fn move_with_page(&mut self, hash: u64, (old, class): (Handle, usize), draft: &Draft<'_>) {
        let (before, slot) = self.seat(old);
        self.stats.item_bytes -= self.item(old).bytes();
        let arena = &mut self.arena;
        let handle = self.index.replace(hash, old, || {
            arena.give_back(old);
            let handle = arena.take(class).expect("arena-A1: its page is in the pool");
            draft.write(arena.words(handle));
            handle
        });
        self.count(class, handle, draft);
        self.dismiss(before, slot);
        self.admit(hash, class, handle);
    }

    /// Stores an item whose key is absent.
    fn put(&mut self, hash: u64, class: usize, draft: &Draft<'_>) -> Result<(), SetError> {
        // First: what is in a policy already may be its next victim.
        if !self.can_index(class) {
            return Err(SetError::OutOfMemory);
        }
        let handle = self.room(class, None).ok_or(SetError::OutOfMemory)?;
        draft.write(self.arena.words(handle));
        let gone = self.enter(hash, handle)?;
        self.count(class, handle, draft);
        gone.into_iter().for_each(|(class, slot)| self.dismiss(class, slot));
        self.admit(hash, class, handle);
        Ok(())
    }

    /// The class and the slot of an item.
    fn seat(&self, handle: Handle) -> (usize, u32) {
        (self.arena.class_of(handle), self.arena.slot_of(handle))
    }

    /// Counts an item that has come to a chunk of `class`.
    fn count(&mut self, class: usize, handle: Handle, draft: &Draft<'_>) {
        self.stats.item_bytes += draft.bytes();
        self.written += self.arena.sizes().chunk(class) as u64;
        self.arena.touch(handle, self.written);
    }

    /// Tells the policy of `class` of an item that has come.
    fn admit(&mut self, hash: u64, class: usize, handle: Handle) {
        self.fit_policy(class);
        self.classes[class].policy.insert(self.arena.slot_of(handle), hash);
    }

    /// Tells the policy of `class` that the item of `slot` has gone.
    fn dismiss(&mut self, class: usize, slot: u32) {
        self.classes[class].policy.remove(slot);
        self.fit_policy(class);
    }

    /// Whether the index can have one more item, of `class`. Where there is no memory for a larger index, others go, of
    /// the class if it has any.
    fn can_index(&mut self, class: usize) -> bool {
        loop {
            let (arena, hasher) = (&self.arena, &self.hasher);
            if self.index.has_memory(|handle| item_hash(arena, hasher, handle)) {
                return true;
            }
            if !E::EVICTS || self.evict_any(class).is_none() {
                return false;
            }
        }
    }

    /// Enters an item in the index, which has memory for it. If it has no place there, others go: of which classes and
    /// slots, which their policies do not know yet.
    fn enter(&mut self, hash: u64, handle: Handle) -> Result<Vec<(usize, u32)>, SetError> {
        let mut gone = Vec::new();
        while let Err(other) = self.try_enter(hash, handle) {
            if !E::EVICTS {
                self.arena.give_back(handle);
                return Err(SetError::OutOfMemory);
            }
            self.stats.evictions += 1;
            gone.push(self.seat(other));
            self.forget(other, item_hash(&self.arena, &self.hasher, other));
        }
        Ok(gone)
    }

    /// The same; the one that is in its way if it has no place.
    fn try_enter(&mut self, hash: u64, handle: Handle) -> Result<(), Handle> {
        let (arena, hasher) = (&self.arena, &self.hasher);
        self.index.insert(hash, handle, |handle| item_hash(arena, hasher, handle))
    }

    /// Takes an item out of everything.
    fn take_out(&mut self, handle: Handle, hash: u64) {
        let (class, slot) = self.seat(handle);
        self.forget(handle, hash);
        self.dismiss(class, slot);
    }

    /// Takes an item out of all but its policy.
    fn forget(&mut self, handle: Handle, hash: u64) {
        self.stats.item_bytes -= self.item(handle).bytes();
        // In this order: memc3-M2.
        self.index.remove(hash, handle);
        self.arena.give_back(handle);
    }

    /// Tells the policy of `class` how many slots and chunks there are, if that has changed.
    fn fit_policy(&mut self, class: usize) {
        let (slots, capacity) = (self.arena.slots(class), self.arena.capacity(class));
        let known = &mut self.classes[class];
        if (known.slots, known.capacity) == (slots, capacity) {
            return;
        }
        if known.capacity == 0 {
            known.rate = Rate::starting(self.written);
        } else if known.capacity < capacity {
            known.rate.restart(self.written);
        }
        known.policy.resize(slots, capacity);
        (known.slots, known.capacity) = (slots, capacity);
    }

    pub(super) fn remove(&mut self, hash: u64, key: &[u8], timer: &Timer) -> bool {
        let found = self.find(hash, key, timer);
        found.inspect(|&handle| self.take_out(handle, hash)).is_some()
    }

    pub(super) fn touch(&mut self, hash: u64, key: &[u8], expiry: Expiry, timer: &Timer) -> bool {
        let Some(handle) = self.find(hash, key, timer) else { return false };
        match timer.deadline(expiry) {
            Some(deadline) => {
                self.index.change(hash, handle, || self.item(handle).set_deadline(deadline));
            }
            None => self.take_out(handle, hash),
        }
        true
    }

    /// Looks at the next `slots` slots, once at each at most, and takes out what has expired there: how many items.
    pub(super) fn reap(&mut self, slots: usize, timer: &Timer) -> usize {
        let all: usize = (0..self.classes.len()).map(|class| self.arena.slots(class) + 1).sum();
        let mut gone = 0;
        for _ in 0..slots.min(all) {
            let (class, slot) = self.reaped;
            if slot as usize >= self.arena.slots(class) {
                self.reaped = ((class + 1) % self.classes.len(), 0);
                continue;
            }
            self.reaped = (class, slot + 1);
            let Some(handle) = self.arena.at(class, slot) else { continue };
            if timer.has_come(self.item(handle).deadline()) {
                self.stats.expired += 1;
                gone += 1;
                self.take_out(handle, item_hash(&self.arena, &self.hasher, handle));
            }
        }
        gone
    }

    pub(super) fn clear(&mut self) {
        for class in 0..self.classes.len() {
            for slot in 0..self.arena.slots(class) as u32 {
                if self.arena.taken(class) == 0 {
                    break;
                }
                if let Some(handle) = self.arena.at(class, slot) {
                    self.take_out(handle, item_hash(&self.arena, &self.hasher, handle));
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            items: self.index.len(),
            memory: self.arena.usage(),
            index_bytes: self.index.bytes() + self.arena.overhead(),
            metadata_bytes: self.classes.iter().map(|class| class.policy.metadata_bytes()).sum(),
            ..self.stats
        }
    }
}
