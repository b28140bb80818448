//! A cache that one thread at a time uses: an index, an arena, and a policy for each size class.
//!
//! # Invariants
//!
//! * shard-S1. The index has a handle for each chunk that is taken, under the hash of its item's key, and no
//!   other; no two items have the same key.
//! * shard-S2. The policy of a class knows the slots of the class's taken chunks, and no others.
//! * shard-S3. What is deleted, evicted, expired or overwritten leaves index, policy and arena in one call, so
//!   it never comes back.

use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::ops::AddAssign;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use super::Config;
use super::balance::{Rate, is_uneven};
use crate::evict::{Eviction, Items};
use crate::item::{Draft, Item, MAX_KEY};
use crate::memory::{Arena, Handle, Usage};
use crate::time::{Expiry, Timer};

/// What an item was found with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The flags that it was stored with.
    pub flags: u32,
    /// Its CAS number, another one each time that the key is written; `None` if the cache has none.
    pub cas: Option<u64>,
}

/// Under which condition a value is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Always.
    #[default]
    Always,
    /// If the key is absent.
    Absent,
    /// If the key is present.
    Present,
    /// If the key is present with this CAS number.
    Cas(u64),
}

/// What is stored beside key and value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A number that is given back.
    pub flags: u32,
    /// When the item expires.
    pub expiry: Expiry,
    /// Whether it is stored.
    pub when: When,
}

/// What a set has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has stored the value.
    Stored,
    /// Nothing: the key is present, and should be absent; or the other way round.
    NotStored,
    /// Nothing: the key has another CAS number.
    Changed,
    /// Nothing: a CAS number was given, and the key is absent.
    NotFound,
}

/// Why a value was not stored that should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The key is empty or longer than 250 bytes. Nothing has changed.
    Key {
        /// Its length.
        bytes: usize,
    },
    /// The value is longer than the cache takes. The key is absent now.
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The longest that there may be.
        most: usize,
    },
    /// There is no memory for it. The key is absent now.
    OutOfMemory,
    /// A CAS number was given, and the cache has none. Nothing has changed.
    NoCas,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Key { bytes } => write!(f, "a key of {bytes} bytes: keys have 1 to {MAX_KEY}"),
            Self::TooLarge { bytes, most } => {
                write!(f, "a value of {bytes} bytes: the longest has {most}")
            }
            Self::OutOfMemory => write!(f, "out of memory storing an item"),
            Self::NoCas => write!(f, "this cache keeps no CAS numbers"),
        }
    }
}

impl Error for SetError {}

/// What a cache has, and what it has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Items that it has; those that have expired and were not asked for since are among them.
    pub items: usize,
    /// Bytes of these: keys, values and headers.
    pub item_bytes: usize,
    /// Where each byte of item memory is.
    pub memory: Usage,
    /// Bytes of the index, beside item memory.
    pub index_bytes: usize,
    /// Bytes of the policies' metadata, beside item memory.
    pub metadata_bytes: usize,
    /// Lookups that found their key.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Items that went for others to have room.
    pub evictions: u64,
    /// Items that were found expired.
    pub expired: u64,
    /// Pages that went from one size class to another while the first had items there.
    pub pages_moved: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.item_bytes += other.item_bytes;
        self.memory += other.memory;
        self.index_bytes += other.index_bytes;
        self.metadata_bytes += other.metadata_bytes;
        self.hits += other.hits;
        self.misses += other.misses;
        self.evictions += other.evictions;
        self.expired += other.expired;
        self.pages_moved += other.pages_moved;
    }
}

/// The hash of a key.
pub(super) fn hash(hasher: &FixedState, key: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(key);
    state.finish()
}

/// A size class's policy.
#[derive(Debug)]
struct Class<E> {
    policy: E,
    /// The capacity that the policy knows.
    capacity: usize,
    rate: Rate,
}

#[derive(Debug)]
pub(super) struct Shard<E> {
    arena: Arena,
    index: HashTable<Handle>,
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
            .map_or(0, |handle| key_hash(self.arena, self.hasher, handle))
    }
}

fn key_hash(arena: &Arena, hasher: &FixedState, handle: Handle) -> u64 {
    let mut key = Vec::with_capacity(MAX_KEY);
    Item::of(arena.words(handle)).key_into(&mut key);
    hash(hasher, &key)
}

impl<E: Eviction> Shard<E> {
    pub(super) fn new(arena: Arena, seed: u64, config: &Config) -> Self {
        let class = |class: usize| Class {
            policy: E::new(seed.wrapping_add(class as u64)),
            capacity: 0,
            rate: Rate::starting(0),
        };
        Self {
            classes: (0..arena.sizes().len()).map(class).collect(),
            arena,
            index: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            max_value: config.max_value,
            cas: config.cas.then_some(0),
            written: 0,
            reaped: (0, 0),
            stats: Stats::default(),
        }
    }

    fn item(&self, handle: Handle) -> Item<'_> {
        Item::of(self.arena.words(handle))
    }

    /// Where `key` is; if it has expired, it goes.
    fn find(&mut self, hash: u64, key: &[u8], timer: &Timer) -> Option<Handle> {
        let arena = &self.arena;
        let is_it = |&handle: &Handle| Item::of(arena.words(handle)).key_is(key);
        let handle = *self.index.find(hash, is_it)?;
        if timer.has_come(self.item(handle).deadline()) {
            self.take_out(handle, hash);
            self.stats.expired += 1;
            return None;
        }
        Some(handle)
    }

    pub(super) fn get(
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
        Some(Found { flags: item.flags(), cas: item.cas() })
    }

    fn hit(&mut self, handle: Handle) {
        self.arena.touch(handle, self.written);
        let slot = self.arena.slot_of(handle);
        self.classes[self.arena.class_of(handle)].policy.hit_alone(slot);
    }

    pub(super) fn set(
        &mut self,
        hash: u64,
        (key, value): (&[u8], &[u8]),
        options: Options,
        timer: &Timer,
    ) -> Result<Outcome, SetError> {
        let old = self.find(hash, key, timer);
        if let Some(outcome) = self.refuses(old, options.when)? {
            return Ok(outcome);
        }
        // It has come already: what is stored expires at once.
        let Some(deadline) = timer.deadline(options.expiry) else {
            old.inspect(|&old| self.take_out(old, hash));
            return Ok(Outcome::Stored);
        };
        if value.len() > self.max_value {
            old.inspect(|&old| self.take_out(old, hash));
            return Err(SetError::TooLarge { bytes: value.len(), most: self.max_value });
        }
        self.cas = self.cas.map(|last| last + 1);
        let draft = Draft { key, value, flags: options.flags, deadline, cas: self.cas };
        let class = self.arena.sizes().class_of(draft.bytes()).expect("it fits a page");
        match old {
            Some(old) if self.arena.class_of(old) == class => self.overwrite(old, &draft),
            Some(old) => {
                self.take_out(old, hash);
                self.put(hash, class, &draft)?;
            }
            None => self.put(hash, class, &draft)?,
        }
        Ok(Outcome::Stored)
    }

    /// What a set does instead of storing.
    fn refuses(&self, old: Option<Handle>, when: When) -> Result<Option<Outcome>, SetError> {
        Ok(match (when, old) {
            (When::Absent, Some(_)) | (When::Present, None) => Some(Outcome::NotStored),
            (When::Cas(_), _) if self.cas.is_none() => return Err(SetError::NoCas),
            (When::Cas(_), None) => Some(Outcome::NotFound),
            (When::Cas(cas), Some(old)) if self.item(old).cas() != Some(cas) => {
                Some(Outcome::Changed)
            }
            _ => None,
        })
    }

    /// Writes an item in the place of one with the same key and class: to the policy it is a hit.
    fn overwrite(&mut self, handle: Handle, draft: &Draft<'_>) {
        self.stats.item_bytes -= self.item(handle).bytes();
        draft.write(self.arena.words(handle));
        self.stats.item_bytes += draft.bytes();
        self.hit(handle);
    }

    /// Stores an item whose key is absent.
    fn put(&mut self, hash: u64, class: usize, draft: &Draft<'_>) -> Result<(), SetError> {
        let handle = self.room(class).ok_or(SetError::OutOfMemory)?;
        draft.write(self.arena.words(handle));
        self.stats.item_bytes += draft.bytes();
        self.written += self.arena.sizes().chunk(class) as u64;
        self.fit_policy(class);
        self.arena.touch(handle, self.written);
        self.classes[class].policy.insert(self.arena.slot_of(handle), hash);
        let (arena, hasher) = (&self.arena, &self.hasher);
        self.index.insert_unique(hash, handle, |&handle| key_hash(arena, hasher, handle));
        Ok(())
    }

    /// A chunk of `class`, for which others may go. Their memory is used again at once.
    fn room(&mut self, class: usize) -> Option<Handle> {
        loop {
            if let Some(handle) = self.arena.take(class) {
                return Some(handle);
            }
            if !E::EVICTS {
                return None;
            }
            if self.classes[class].rate.take_due()
                && let Some(giver) = self.giver(class)
            {
                let own = self.classes[class].rate.turnover(self.arena.taken(class));
                if is_uneven(self.turnover(giver), own) {
                    self.give_page_up(giver);
                    continue;
                }
            }
            if self.evict(class).is_some() {
                let per_page = self.arena.sizes().per_page(class);
                self.classes[class].rate.evicted(self.written, per_page);
            } else {
                // It has no item at all.
                let giver = self.giver(class)?;
                self.give_page_up(giver);
            }
        }
    }

    /// Of the other classes that have items, the one with the longest turnover.
    fn giver(&self, class: usize) -> Option<usize> {
        let others = (0..self.classes.len()).filter(|&c| c != class && self.arena.taken(c) > 0);
        others.max_by(|&a, &b| self.turnover(a).total_cmp(&self.turnover(b)))
    }

    fn turnover(&self, class: usize) -> f64 {
        let idle = self.arena.idlest(class).map_or(0, |(_, used)| self.written - used);
        self.classes[class].rate.turnover(self.arena.taken(class)).max(idle as f64)
    }

    /// Lets the policy's victim go.
    fn evict(&mut self, class: usize) -> Option<()> {
        let view = View { arena: &self.arena, hasher: &self.hasher, class };
        let slot = self.classes[class].policy.victim(&view)?;
        let handle = self.arena.at(class, slot).expect("shard-S2: a victim is there");
        self.stats.evictions += 1;
        self.forget(handle, key_hash(&self.arena, &self.hasher, handle));
        self.fit_policy(class);
        Some(())
    }

    /// Empties a page of `class`: the one that was used least recently.
    fn give_page_up(&mut self, class: usize) {
        self.stats.pages_moved += 1;
        let Some((one, _)) = self.arena.idlest(class) else { return };
        for handle in self.arena.neighbours(one) {
            self.stats.evictions += 1;
            self.take_out(handle, key_hash(&self.arena, &self.hasher, handle));
        }
    }

    /// Takes an item out of everything.
    fn take_out(&mut self, handle: Handle, hash: u64) {
        let class = self.arena.class_of(handle);
        self.classes[class].policy.remove(self.arena.slot_of(handle));
        self.forget(handle, hash);
        self.fit_policy(class);
    }

    /// Takes an item out that its policy has forgotten.
    fn forget(&mut self, handle: Handle, hash: u64) {
        self.stats.item_bytes -= self.item(handle).bytes();
        let entry = self.index.find_entry(hash, |&found| found == handle);
        entry.expect("shard-S1: what is stored is in the index").remove();
        self.arena.give_back(handle);
    }

    /// Tells the policy of `class` how many chunks there are, if that has changed.
    fn fit_policy(&mut self, class: usize) {
        let (slots, capacity) = (self.arena.slots(class), self.arena.capacity(class));
        let known = &mut self.classes[class];
        if known.capacity == capacity {
            return;
        }
        if known.capacity == 0 {
            known.rate = Rate::starting(self.written);
        } else if known.capacity < capacity {
            known.rate.restart(self.written);
        }
        known.capacity = capacity;
        known.policy.resize(slots, capacity);
    }

    pub(super) fn remove(&mut self, hash: u64, key: &[u8], timer: &Timer) -> bool {
        let found = self.find(hash, key, timer);
        found.inspect(|&handle| self.take_out(handle, hash)).is_some()
    }

    pub(super) fn touch(&mut self, hash: u64, key: &[u8], expiry: Expiry, timer: &Timer) -> bool {
        let Some(handle) = self.find(hash, key, timer) else { return false };
        match timer.deadline(expiry) {
            Some(deadline) => self.item(handle).set_deadline(deadline),
            None => self.take_out(handle, hash),
        }
        true
    }

    /// Looks at the next `slots` slots, and takes out what has expired there: how many items.
    pub(super) fn reap(&mut self, slots: usize, timer: &Timer) -> usize {
        let mut gone = 0;
        for _ in 0..slots {
            let (class, slot) = self.reaped;
            if slot as usize >= self.arena.slots(class) {
                self.reaped = ((class + 1) % self.classes.len(), 0);
                continue;
            }
            self.reaped = (class, slot + 1);
            let Some(handle) = self.arena.at(class, slot) else { continue };
            if timer.has_come(self.item(handle).deadline()) {
                self.take_out(handle, key_hash(&self.arena, &self.hasher, handle));
                gone += 1;
            }
        }
        self.stats.expired += gone as u64;
        gone
    }

    pub(super) fn clear(&mut self) {
        let all: Vec<Handle> = self.index.iter().copied().collect();
        for handle in all {
            self.take_out(handle, key_hash(&self.arena, &self.hasher, handle));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            items: self.index.len(),
            memory: self.arena.usage(),
            index_bytes: self.index.allocation_size(),
            metadata_bytes: self.classes.iter().map(|class| class.policy.metadata_bytes()).sum(),
            ..self.stats
        }
    }
}
