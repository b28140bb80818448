//! The writer's side of a shard: the policy, the items that it knows, and what is done under the shard's mutex.
//!
//! # Invariants
//!
//! * over_map-W1. While nobody has the mutex, the table has an item under each key of a taken slot of the shard,
//!   that of the slot, and no other item of the shard; the policy knows the taken slots, but for those of `given_up`, and
//!   no others. It is told of what comes and goes last: if one of the user's panics, all but its own knowledge is in order.
//! * over_map-W2. `linked` is the sum of the bytes of these items, and is not above `bound`.
//! * over_map-W3. `given_up` is empty while nobody has the mutex, unless the table has panicked: then who has it next tells
//!   the policy of these items, before all else.

use eviction::evict::{Eviction, Items};
use eviction::item::ALL_MARKS;
use eviction::store::{Change, Current, Found, Options, Outcome, SetError, Stats, Write, hash_key};
use eviction::time::{Expiry, Timer};
use foldhash::quality::FixedState;

use super::item::{Account, Entries, MapItem, MapKey};
use crate::sync::{Arc, Ordering};

/// A shard, for who has its mutex.
#[derive(Debug)]
pub(super) struct Writer<E> {
    policy: E,
    slots: Slots,
    free: Vec<u32>,
    /// Slots of items that the policy has given up, and that are there still.
    given_up: Vec<u32>,
    /// The slots and the capacity that the policy knows.
    told: usize,
    capacity: usize,
    linked: usize,
    bound: usize,
    max_value: usize,
    /// The last CAS number, if items have any.
    cas: Option<u64>,
    /// The slot that is next to be looked at for what has expired.
    reaped: usize,
    shard: u32,
    account: Arc<Account>,
    /// What it counts itself of these.
    stats: Stats,
}

/// The item of each slot, as a policy sees them.
#[derive(Debug)]
struct Slots {
    items: Vec<Option<Arc<MapItem>>>,
    hasher: FixedState,
}

impl Items for Slots {
    fn is_there(&self, slot: u32) -> bool {
        self.items.get(slot as usize).is_some_and(Option::is_some)
    }

    fn hash(&self, slot: u32) -> u64 {
        let item = self.items.get(slot as usize).and_then(Option::as_ref);
        item.map_or(0, |item| hash_key(&self.hasher, &item.key))
    }
}

/// Slots, of which those look free whose items the policy has given up.
struct Without<'s> {
    slots: &'s Slots,
    gone: &'s [u32],
}

impl Items for Without<'_> {
    fn is_there(&self, slot: u32) -> bool {
        !self.gone.contains(&slot) && self.slots.is_there(slot)
    }

    fn hash(&self, slot: u32) -> u64 {
        self.slots.hash(slot)
    }
}

/// An item that is to be stored.
struct New<'n> {
    value: &'n [u8],
    found: Found,
    deadline: u32,
}

impl<E: Eviction> Writer<E> {
    pub(super) fn new(
        (shard, bound): (u32, usize),
        (seed, max_value, has_cas): (u64, usize, bool),
        account: &Arc<Account>,
    ) -> Self {
        Self {
            policy: E::new(seed.wrapping_add(u64::from(shard))),
            slots: Slots { items: Vec::new(), hasher: FixedState::with_seed(seed) },
            free: Vec::new(),
            given_up: Vec::new(),
            told: 0,
            capacity: 0,
            linked: 0,
            bound,
            max_value,
            cas: has_cas.then_some(0),
            reaped: 0,
            shard,
            account: account.clone(),
            stats: Stats::default(),
        }
    }

    /// The part of the policy by which others tell hits.
    pub(super) fn share_hits(&mut self) -> E::Hits {
        self.policy.share_hits()
    }

    /// Tells the policy of what it has given up, and the table has not (over_map-W3): it may give that up again.
    fn settle(&mut self) {
        while let Some(slot) = self.given_up.pop() {
            self.policy.insert(slot, self.slots.hash(slot));
        }
    }

    /// The item under `key`; if it has expired, it goes.
    fn find(
        &mut self,
        map: &mut impl Entries,
        key: &MapKey,
        timer: &Timer,
    ) -> Option<Arc<MapItem>> {
        self.settle();
        let item = map.get(key)?;
        if timer.has_come(item.deadline()) {
            self.expire(map, &item);
            return None;
        }
        Some(item)
    }

    /// Appends the value of `key` to `value`.
    pub(super) fn get(
        &mut self,
        map: &mut impl Entries,
        key: &MapKey,
        timer: &Timer,
        value: &mut Vec<u8>,
    ) -> Option<Found> {
        let item = self.find(map, key, timer)?;
        self.policy.hit(item.slot);
        value.extend_from_slice(&item.value);
        Some(item.found)
    }

    pub(super) fn set(
        &mut self,
        map: &mut impl Entries,
        (key, value): (&MapKey, &[u8]),
        options: Options,
        timer: &Timer,
    ) -> Result<Outcome, SetError> {
        let old = self.find(map, key, timer);
        let found = old.as_ref().map(|old| old.found);
        if let Some(outcome) = options.when.refuses(found, self.cas.is_some())? {
            return Ok(outcome);
        }
        self.apply(map, (key, old), Write::of(value, options), timer)?;
        Ok(Outcome::Stored)
    }

    pub(super) fn update<'v>(
        &mut self,
        map: &mut impl Entries,
        key: &MapKey,
        decide: impl FnOnce(Option<Current<'_>>) -> Change<'v>,
        timer: &Timer,
    ) -> Result<Option<Found>, SetError> {
        let old = self.find(map, key, timer);
        let show = |old: &Arc<MapItem>| (old.found, old.deadline());
        let shown = old.as_ref().map(|old| Current::whole(&old.value, show(old), timer));
        match decide(shown) {
            Change::Nothing => Ok(old.map(|old| old.found)),
            Change::Remove => {
                old.inspect(|old| self.take_out(map, old));
                Ok(None)
            }
            Change::Write(write) => self.apply(map, (key, old), write, timer),
        }
    }

    /// Writes `key`, whose item is `old`; what it is found with then. If it cannot, `old` stays or goes as the write
    /// says.
    fn apply(
        &mut self,
        map: &mut impl Entries,
        (key, old): (&MapKey, Option<Arc<MapItem>>),
        write: Write<'_>,
        timer: &Timer,
    ) -> Result<Option<Found>, SetError> {
        let written = self.replace(map, (key, old.as_ref()), write, timer);
        if written.is_err() && write.or_absent {
            // It may have gone to make room.
            let left = old.filter(|old| self.slots.is_there(old.slot));
            left.inspect(|old| self.take_out(map, old));
        }
        written
    }

    /// The same; if it cannot, `old` stays, unless it has gone to make room.
    fn replace(
        &mut self,
        map: &mut impl Entries,
        (key, old): (&MapKey, Option<&Arc<MapItem>>),
        write: Write<'_>,
        timer: &Timer,
    ) -> Result<Option<Found>, SetError> {
        let kept = old.map_or(0, |old| old.deadline());
        let deadline = write.expiry.map_or(Some(kept), |expiry| timer.deadline(expiry));
        let Some(deadline) = deadline else {
            old.inspect(|old| self.take_out(map, old));
            return Ok(None);
        };
        let before = old.map(|old| old.found).unwrap_or_default();
        let same = old.map_or(&[][..], |old| &old.value);
        let value = write.value.unwrap_or(same);
        if value.len() > self.max_value {
            return Err(SetError::TooLarge { bytes: value.len(), most: self.max_value });
        }
        let found = Found {
            flags: write.flags.unwrap_or(before.flags),
            cas: write.cas.after(&mut self.cas, before.cas),
            marks: write.marks.unwrap_or(before.marks) & ALL_MARKS,
        };
        self.store(map, key, old, New { value, found, deadline })?;
        Ok(Some(found))
    }

    /// Stores an item in the place of `old`, or in a free one.
    fn store(
        &mut self,
        map: &mut impl Entries,
        key: &MapKey,
        old: Option<&Arc<MapItem>>,
        new: New<'_>,
    ) -> Result<(), SetError> {
        let bytes = MapItem::bytes_of(key.bytes().len(), new.value.len());
        let has_room = self.make_room(map, old, bytes);
        let made = if has_room { self.made(map, key, old, new) } else { None };
        let Some(item) = made else {
            if let Some(old) = old.filter(|old| self.given_up.contains(&old.slot)) {
                self.unlink(map, old);
                self.given_up.clear();
            }
            return Err(SetError::OutOfMemory);
        };
        let slot = item.slot;
        map.upsert(MapKey::Held(item.key.clone()), |_| item.clone());
        if old.is_none() {
            self.free.pop();
        }
        self.linked = self.linked + bytes - old.map_or(0, |old| old.bytes());
        let is_known = old.is_some() && self.given_up.is_empty();
        self.given_up.clear();
        self.slots.items[slot as usize] = Some(item);
        if is_known {
            self.policy.hit(slot);
        } else {
            self.fit_policy();
            self.policy.insert(slot, self.slots.hash(slot));
        }
        Ok(())
    }

    /// The item that is to be stored in the place of `old`, or in a free one; the table keeps the key that it has. `None` if
    /// the system has no memory for it.
    fn made(
        &mut self,
        map: &mut impl Entries,
        key: &MapKey,
        old: Option<&Arc<MapItem>>,
        New { value, found, deadline }: New<'_>,
    ) -> Option<Arc<MapItem>> {
        let name = old.map_or_else(|| key.bytes().into(), |old| old.key.clone());
        let slot = match old {
            Some(old) => old.slot,
            None => self.slot(map)?,
        };
        MapItem::try_new(&self.account, (name, value), (found, deadline), (self.shard, slot))
    }

    /// Evicts until there is room for so many bytes in the place of `old`. False if there is none.
    fn make_room(
        &mut self,
        map: &mut impl Entries,
        old: Option<&Arc<MapItem>>,
        bytes: usize,
    ) -> bool {
        let replaced = old.map_or(0, |old| old.bytes());
        while self.linked - replaced + bytes > self.bound {
            if !self.evict(map, old) {
                return false;
            }
        }
        true
    }

    /// Lets the policy's victim go; false if there is none. If it is `old` itself, it is given up, and there still: so the
    /// key is, until the new item takes its place.
    fn evict(&mut self, map: &mut impl Entries, old: Option<&Arc<MapItem>>) -> bool {
        if !E::EVICTS {
            return false;
        }
        let view = Without { slots: &self.slots, gone: &self.given_up };
        let Some(victim) = self.policy.victim(&view) else { return false };
        let items = self.slots.items.get(victim as usize);
        let item = items.filter(|_| !self.given_up.contains(&victim)).and_then(Option::clone);
        let item = item.expect("over_map-W1: a victim is there");
        // Before the table is asked, which may panic.
        self.given_up.push(victim);
        if old.is_none_or(|old| old.slot != victim) {
            self.unlink(map, &item);
            self.given_up.pop();
        }
        self.stats.evictions += 1;
        true
    }

    /// A slot without an item: the last of those that are free. Another item goes for it if there is none, and the system
    /// has no memory for more.
    fn slot(&mut self, map: &mut impl Entries) -> Option<u32> {
        if self.free.is_empty() && !self.add_slots() && !self.evict(map, None) {
            return None;
        }
        self.free.last().copied()
    }

    /// Makes an eighth more slots, or says that the system has no memory for them.
    fn add_slots(&mut self) -> bool {
        let begin = self.slots.items.len();
        let end = begin + (begin / 8).max(64);
        // All may be free at a time: who goes needs no memory.
        let has_memory = self.slots.items.try_reserve(end - begin).is_ok()
            && self.free.try_reserve(end).is_ok()
            && self.policy.has_memory(end);
        if has_memory {
            self.resize_policy(end);
            self.slots.items.resize(end, None);
            self.free.extend((begin as u32..end as u32).rev());
        }
        has_memory
    }

    /// How many items of the mean size there is memory for among so many slots, and no fewer than there are.
    fn estimate(&self, slots: usize) -> usize {
        let items = self.len().max(1);
        let estimate = self.bound / (self.linked / items).max(1);
        estimate.clamp(items, slots.max(items))
    }

    /// Tells the policy how many items there can be, if that has changed by a sixteenth.
    fn fit_policy(&mut self) {
        let slots = self.slots.items.len();
        let estimate = self.estimate(slots);
        if estimate.abs_diff(self.capacity) > self.capacity / 16 || self.len() > self.capacity {
            self.resize_policy(slots);
        }
    }

    /// Tells the policy of so many slots, and not of fewer than before: there are fewer if it has panicked at that.
    fn resize_policy(&mut self, slots: usize) {
        let capacity = self.estimate(slots);
        self.told = self.told.max(slots);
        self.policy.resize(self.told, capacity);
        self.capacity = capacity;
    }

    /// Takes an item out of everything.
    fn take_out(&mut self, map: &mut impl Entries, item: &Arc<MapItem>) {
        self.unlink(map, item);
        self.policy.remove(item.slot);
    }

    /// The same for one that has expired. It counts once it is out of the table, which may have panicked.
    fn expire(&mut self, map: &mut impl Entries, item: &Arc<MapItem>) {
        self.unlink(map, item);
        self.stats.expired += 1;
        self.policy.remove(item.slot);
    }

    /// Takes an item out of all but the policy.
    fn unlink(&mut self, map: &mut impl Entries, item: &Arc<MapItem>) {
        map.remove(&MapKey::Held(item.key.clone()));
        self.slots.items[item.slot as usize] = None;
        self.free.push(item.slot);
        self.linked -= item.bytes();
    }

    pub(super) fn remove(&mut self, map: &mut impl Entries, key: &MapKey, timer: &Timer) -> bool {
        let found = self.find(map, key, timer);
        found.inspect(|item| self.take_out(map, item)).is_some()
    }

    pub(super) fn touch(
        &mut self,
        map: &mut impl Entries,
        key: &MapKey,
        expiry: Expiry,
        timer: &Timer,
    ) -> bool {
        let Some(item) = self.find(map, key, timer) else { return false };
        match timer.deadline(expiry) {
            // Relaxed: see `MapItem`.
            Some(deadline) => item.deadline.store(deadline, Ordering::Relaxed),
            None => self.take_out(map, &item),
        }
        true
    }

    /// Looks at the next `slots` slots, and takes out what has expired there: how many items.
    pub(super) fn reap(&mut self, map: &mut impl Entries, slots: usize, timer: &Timer) -> usize {
        self.settle();
        let mut gone = 0;
        for _ in 0..slots.min(self.slots.items.len()) {
            let item = self.slots.items[self.reaped % self.slots.items.len()].clone();
            self.reaped = (self.reaped + 1) % self.slots.items.len();
            if let Some(item) = item.filter(|item| timer.has_come(item.deadline())) {
                self.expire(map, &item);
                gone += 1;
            }
        }
        gone
    }

    pub(super) fn clear(&mut self, map: &mut impl Entries) {
        self.settle();
        for slot in 0..self.slots.items.len() {
            if let Some(item) = self.slots.items[slot].clone() {
                self.take_out(map, &item);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.items.len() - self.free.len()
    }

    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats { items: self.len(), item_bytes: self.linked, ..self.stats };
        (stats.memory.taken, stats.memory.pool) = (self.linked, self.bound - self.linked);
        let slots = self.slots.items.capacity() * size_of::<Option<Arc<MapItem>>>();
        let free = self.free.capacity() * size_of::<u32>();
        stats.metadata_bytes = self.policy.metadata_bytes() + slots + free;
        stats
    }
}
