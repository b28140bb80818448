//! Tables with one defect each, as they occur in the wild.
//!
//! Those that write keep their entries in a map under a lock, and one operation on it is wrong.
//! Those that read wrongly have beside it a [`Mirror`], which writers keep up to date under the
//! lock and which readers read without it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard};

use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Defect {
    /// There is none.
    None,
    /// `update` reads, lets go of the lock, and writes.
    LostUpdate,
    /// `remove` reads, lets go of the lock, and removes.
    TwoStepRemove,
    /// `insert` looks, lets go of the lock, and inserts.
    DoubleInsert,
    /// `insert` overwrites what is there, and says that it did not insert.
    OverwritingInsert,
    /// `update` runs its closure twice and keeps what the first run returned.
    FirstRunWins,
    /// A displacement takes an entry out of one bucket and then puts it into another.
    GapInDisplacement,
    /// Optimistic: a displacement between buckets of one stripe counts its version up twice, so that
    /// the version says that nobody writes.
    EqualStripesBumpedTwice,
    /// Optimistic: `get` compares the key, then reads the value, and does not look again.
    UnvalidatedRead,
    /// `get` reads a node that may have been given to another entry since.
    PrematureFree,
    /// A thread sees what others wrote some reads later.
    LatePublication,
    /// The count of entries is read and written back.
    LostCount,
    /// Iteration leaves out an entry of a table that has grown.
    IncompleteIteration,
    /// Iteration shows one half of the keys, lets go of the lock, and shows the other half.
    TornIteration,
    /// A bucket is not where it should be.
    Panics,
}

/// The name of each, and what `verify` must say of it.
pub(crate) const TABLES: [(&str, Defect, &str); 15] = [
    ("correct", Defect::None, "linearizable"),
    ("lost-update", Defect::LostUpdate, "history"),
    ("two-step-remove", Defect::TwoStepRemove, "history"),
    ("double-insert", Defect::DoubleInsert, "history"),
    ("overwriting-insert", Defect::OverwritingInsert, "history"),
    ("first-run-wins", Defect::FirstRunWins, "history"),
    ("gap-in-displacement", Defect::GapInDisplacement, "history"),
    ("equal-stripes-bumped-twice", Defect::EqualStripesBumpedTwice, "history"),
    ("unvalidated-read", Defect::UnvalidatedRead, "history"),
    ("premature-free", Defect::PrematureFree, "history"),
    ("late-publication", Defect::LatePublication, "history"),
    ("lost-count", Defect::LostCount, "count"),
    ("incomplete-iteration", Defect::IncompleteIteration, "iteration"),
    ("torn-iteration", Defect::TornIteration, "snapshot"),
    ("panics", Defect::Panics, "failed"),
];

/// Lets others come between, now and then: a defect's window is often narrow.
fn pause() {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    let calls = CALLS.get().wrapping_add(1);
    CALLS.set(calls);
    if calls.is_multiple_of(16) {
        std::thread::yield_now();
    }
}

/// `ESTIMATES`: its `len` is said to be an estimate.
pub(crate) struct Table<const ESTIMATES: bool = false> {
    defect: Defect,
    entries: Mutex<HashMap<u64, u64>>,
    count: AtomicUsize,
    mirror: Option<Box<dyn Mirror>>,
}

impl<const ESTIMATES: bool> Table<ESTIMATES> {
    pub(crate) fn new(defect: Defect) -> Self {
        let mirror: Option<Box<dyn Mirror>> = match defect {
            Defect::GapInDisplacement => Some(Box::new(Buckets::default())),
            Defect::EqualStripesBumpedTwice => Some(Box::new(Striped::default())),
            Defect::UnvalidatedRead => Some(Box::new(Slots::new())),
            Defect::PrematureFree => Some(Box::new(Pool::new())),
            Defect::LatePublication => Some(Box::new(Published::default())),
            _ => None,
        };
        Self { defect, entries: Mutex::default(), count: AtomicUsize::new(0), mirror }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.entries.lock().unwrap()
    }

    /// Writes an entry, or takes it out, and gives what was there before.
    fn set(&self, entries: &mut HashMap<u64, u64>, key: u64, value: Option<u64>) -> Option<u64> {
        let old = match value {
            Some(value) => entries.insert(key, value),
            None => entries.remove(&key),
        };
        if let Some(mirror) = &self.mirror {
            mirror.set(key, value);
        }
        old
    }

    fn add_to_count(&self, change: isize) {
        let count = self.count.load(SeqCst);
        pause();
        self.count.store(count.wrapping_add_signed(change), SeqCst);
    }
}

impl<const ESTIMATES: bool> fmt::Debug for Table<ESTIMATES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("defect", &self.defect).finish_non_exhaustive()
    }
}

impl<const ESTIMATES: bool> ConcurrentMap<u64, u64> for Table<ESTIMATES> {
    const INFO: MapInfo =
        MapInfo { len_is_bounded: !ESTIMATES, iterates_snapshots: true, ..MapInfo::UNKNOWN };

    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        match self.defect {
            Defect::LostCount => self.count.load(SeqCst),
            _ => self.lock().len(),
        }
    }
}

impl<const ESTIMATES: bool> DirectMap<u64, u64> for Table<ESTIMATES> {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        match &self.mirror {
            Some(mirror) => mirror.get(*key).map(|value| read(&value)),
            None => self.lock().get(key).map(read),
        }
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        let mut entries = self.lock();
        let absent = !entries.contains_key(&key);
        if self.defect == Defect::DoubleInsert {
            drop(entries);
            pause();
            entries = self.lock();
        }
        if absent || self.defect == Defect::OverwritingInsert {
            self.set(&mut entries, key, Some(value));
        }
        drop(entries);
        if absent {
            self.add_to_count(1);
        }
        absent
    }

    fn update(&self, key: &u64, mut f: impl FnMut(&u64) -> u64) -> Option<u64> {
        let mut entries = self.lock();
        let old = *entries.get(key)?;
        if self.defect == Defect::LostUpdate {
            drop(entries);
            let new = f(&old);
            self.set(&mut self.lock(), *key, Some(new));
            return Some(old);
        }
        let new = f(&old);
        if self.defect == Defect::FirstRunWins {
            f(&old);
        }
        self.set(&mut entries, *key, Some(new))
    }

    fn upsert(&self, key: u64, mut f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        let mut entries = self.lock();
        let new = f(entries.get(&key));
        let old = self.set(&mut entries, key, Some(new));
        drop(entries);
        if old.is_none() {
            self.add_to_count(1);
        }
        old
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        assert!(self.defect != Defect::Panics, "a bucket was not where it should be");
        let mut entries = self.lock();
        let mut seen = None;
        if self.defect == Defect::TwoStepRemove {
            seen = entries.get(key).copied();
            drop(entries);
            pause();
            entries = self.lock();
        }
        let old = self.set(&mut entries, *key, None);
        drop(entries);
        if old.is_some() {
            self.add_to_count(-1);
        }
        seen.or(old)
    }

    fn for_each(&self, mut f: impl FnMut(&u64, &u64)) {
        let mut entries = self.lock();
        if self.defect == Defect::TornIteration {
            let half = |parity| move |(key, _): &(&u64, &u64)| **key % 2 == parity;
            entries.iter().filter(half(0)).for_each(|(key, value)| f(key, value));
            drop(entries);
            entries = self.lock();
            return entries.iter().filter(half(1)).for_each(|(key, value)| f(key, value));
        }
        let incomplete = self.defect == Defect::IncompleteIteration && entries.len() > 100;
        entries.iter().skip(usize::from(incomplete)).for_each(|(key, value)| f(key, value));
    }
}

/// What readers read. Only one thread at a time sets.
trait Mirror: Send + Sync {
    fn set(&self, key: u64, value: Option<u64>);
    fn get(&self, key: u64) -> Option<u64>;
}

/// Two places for an entry, as in a cuckoo table.
#[derive(Default)]
struct Buckets([Mutex<HashMap<u64, u64>>; 2]);

impl Buckets {
    fn displace(&self, key: u64, from: usize) {
        let taken = self.0[from].lock().unwrap().remove(&key);
        pause();
        if let Some(value) = taken {
            self.0[1 - from].lock().unwrap().insert(key, value);
        }
    }
}

impl Mirror for Buckets {
    fn set(&self, key: u64, value: Option<u64>) {
        let place = usize::from(self.0[1].lock().unwrap().contains_key(&key));
        let mut bucket = self.0[place].lock().unwrap();
        match value {
            Some(value) => bucket.insert(key, value),
            None => bucket.remove(&key),
        };
        drop(bucket);
        // Makes room at the expense of a neighbour.
        self.displace(key ^ 1, 0);
        self.displace(key ^ 2, 1);
    }

    fn get(&self, key: u64) -> Option<u64> {
        let first = self.0[0].lock().unwrap().get(&key).copied();
        first.or_else(|| self.0[1].lock().unwrap().get(&key).copied())
    }
}

/// Buckets that have a version, odd while somebody writes; both have the same.
#[derive(Default)]
struct Striped {
    buckets: Buckets,
    version: AtomicU64,
}

impl Striped {
    /// A writer begins, or ends, in both buckets.
    fn bump(&self) {
        for _bucket in 0..2 {
            self.version.fetch_add(1, SeqCst);
        }
    }
}

impl Mirror for Striped {
    fn set(&self, key: u64, value: Option<u64>) {
        self.bump();
        self.buckets.set(key, value);
        self.bump();
    }

    fn get(&self, key: u64) -> Option<u64> {
        loop {
            let version = self.version.load(SeqCst);
            let found = self.buckets.get(key);
            if version.is_multiple_of(2) && self.version.load(SeqCst) == version {
                return found;
            }
            std::thread::yield_now();
        }
    }
}

/// Buckets of slots, which keys leave to others.
struct Slots(Vec<(AtomicU64, AtomicU64)>);

impl Slots {
    const FREE: u64 = u64::MAX;
    const BUCKETS: usize = 32;
    const IN_BUCKET: usize = 64;

    fn new() -> Self {
        let slot = || (AtomicU64::new(Self::FREE), AtomicU64::new(0));
        Self(std::iter::repeat_with(slot).take(Self::BUCKETS * Self::IN_BUCKET).collect())
    }

    fn slot(&self, key: u64, content: u64) -> Option<&(AtomicU64, AtomicU64)> {
        let bucket = (key / 8) as usize % Self::BUCKETS * Self::IN_BUCKET;
        let slots = &self.0[bucket..bucket + Self::IN_BUCKET];
        slots.iter().find(|slot| slot.0.load(SeqCst) == content)
    }
}

impl Mirror for Slots {
    fn set(&self, key: u64, value: Option<u64>) {
        let slot = self.slot(key, key).or_else(|| self.slot(key, Self::FREE)).expect("room");
        match value {
            Some(value) => {
                slot.1.store(value, SeqCst);
                slot.0.store(key, SeqCst);
            }
            None => slot.0.store(Self::FREE, SeqCst),
        }
    }

    fn get(&self, key: u64) -> Option<u64> {
        let slot = self.slot(key, key)?;
        pause();
        Some(slot.1.load(SeqCst))
    }
}

/// Nodes that are given to the next entry as soon as they are unlinked.
struct Pool {
    nodes: Vec<AtomicU64>,
    /// Which node an entry has, and which have none.
    links: Mutex<(HashMap<u64, usize>, Vec<usize>)>,
}

impl Pool {
    const NODES: usize = 2048;

    fn new() -> Self {
        let nodes = std::iter::repeat_with(|| AtomicU64::new(0)).take(Self::NODES).collect();
        Self { nodes, links: Mutex::new((HashMap::new(), (0..Self::NODES).collect())) }
    }
}

impl Mirror for Pool {
    fn set(&self, key: u64, value: Option<u64>) {
        let mut links = self.links.lock().unwrap();
        let (linked, free) = &mut *links;
        match value {
            Some(value) => {
                let node = *linked.entry(key).or_insert_with(|| free.pop().expect("room"));
                self.nodes[node].store(value, SeqCst);
            }
            None => free.extend(linked.remove(&key)),
        }
    }

    fn get(&self, key: u64) -> Option<u64> {
        let node = *self.links.lock().unwrap().0.get(&key)?;
        pause();
        Some(self.nodes[node].load(SeqCst))
    }
}

thread_local! {
    /// What a thread read last of each key, and how often it has taken that for true.
    static READ: RefCell<HashMap<u64, (Option<u64>, u32)>> = RefCell::default();
}

/// A thread's own writes are seen at once, those of others when its copy has grown old.
#[derive(Default)]
struct Published(Mutex<HashMap<u64, u64>>);

impl Mirror for Published {
    fn set(&self, key: u64, value: Option<u64>) {
        READ.with_borrow_mut(|read| read.remove(&key));
        let mut entries = self.0.lock().unwrap();
        match value {
            Some(value) => entries.insert(key, value),
            None => entries.remove(&key),
        };
    }

    fn get(&self, key: u64) -> Option<u64> {
        READ.with_borrow_mut(|read| match read.get_mut(&key) {
            Some((value, uses)) if *uses < 2 => {
                *uses += 1;
                *value
            }
            _ => {
                let value = self.0.lock().unwrap().get(&key).copied();
                read.insert(key, (value, 0));
                value
            }
        })
    }
}
