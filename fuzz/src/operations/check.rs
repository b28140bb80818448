//! A table beside its model.

use std::collections::HashMap;
use std::marker::PhantomData;

use structures::cuckoo::GrowError;
use structures::map::{MapHandle, PinnedMap};

use super::entries::{Census, Item};
use super::extras::{Extras, Refused};
use super::faults::{self, Fault, Panic, maybe_panic};
use super::memory;
use super::script::{Op, Plan, Run};

/// Values of one operation are this far from those of the next.
const APART: u64 = 1 << 16;

/// Runs `plan` on `map`, which is empty.
pub(super) fn check<K: Item, V: Item, M: Extras<K, V>>(map: M, plan: &Plan) {
    faults::clear();
    let census = Census::default();
    let mut checked = Checked::<K, V, M>::new(&map, plan, &census);
    checked.run(&plan.ops);
    faults::clear();
    checked.at_the_end();
    drop(map);
    assert_eq!(census.alive(), 0, "keys and values that were not dropped, or twice");
}

/// What an operation returned.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Value(Option<u64>),
    Flag(bool),
    Values(Vec<Option<u64>>),
    Entries(Vec<(u64, u64)>),
    Count(usize),
    Done,
}

struct Checked<'m, K, V, M> {
    map: &'m M,
    plan: &'m Plan,
    census: &'m Census,
    model: HashMap<u64, u64>,
    /// The value of the next operation, if it has one: no two have the same.
    value: u64,
    /// More capacity than this is more than the entries explain.
    most_capacity: usize,
    /// Whether the operation that is next gets little memory.
    is_starving: bool,
    _entries: PhantomData<fn() -> (K, V)>,
}

impl<'m, K: Item, V: Item, M: Extras<K, V>> Checked<'m, K, V, M> {
    fn new(map: &'m M, plan: &'m Plan, census: &'m Census) -> Self {
        Self {
            map,
            plan,
            census,
            model: HashMap::new(),
            value: 0,
            most_capacity: map.capacity().unwrap_or(0),
            is_starving: false,
            _entries: PhantomData,
        }
    }

    fn run(&mut self, ops: &[Op]) {
        let mut handle = self.map.handle();
        let mut ops = ops.iter().copied().peekable();
        while ops.peek().is_some() {
            let mut pinned = handle.pin();
            while let Some(op) = ops.next_if(|op| op.is_pinned()) {
                self.pinned(&mut pinned, op);
            }
            drop(pinned);
            while let Some(op) = ops.next_if(|op| !op.is_pinned()) {
                match op {
                    Op::Reopen => handle = self.map.handle(),
                    Op::Offline => handle.offline(|| ()),
                    op => self.unpinned(op),
                }
            }
        }
    }

    /// An operation in a critical section.
    fn pinned(&mut self, pinned: &mut impl PinnedMap<K, V>, op: Op) {
        match op {
            Op::Plant(fault, calls) => return faults::plant(fault, calls),
            Op::Poison(keys) => return faults::poison(keys),
            Op::RemoveMany(run) => run.keys().for_each(|key| self.one(pinned, Op::Remove(key))),
            op => self.one(pinned, op),
        }
        faults::unplant();
    }

    fn one(&mut self, pinned: &mut impl PinnedMap<K, V>, op: Op) {
        self.value += APART;
        let (value, census) = (self.value, self.census);
        let outcome = faults::caught(|| operate(pinned, op, value, census));
        match (outcome, op) {
            (Ok(Outcome::Count(added)), Op::InsertMany(run)) => {
                let before = self.model.len();
                self.take_over(run, &contents(pinned));
                assert!(run.keys().all(|key| self.model.contains_key(&key)), "{op:?}");
                assert_eq!(added, self.model.len() - before, "{op:?}");
            }
            (Ok(outcome), op) => assert_eq!(outcome, self.expected(op), "{op:?}"),
            (Err(panic), op) => {
                self.excuse(&panic, op);
                match op {
                    Op::InsertMany(run) => self.take_over(run, &contents(pinned)),
                    op => self.compare(&contents(pinned), op),
                }
            }
        }
        faults::without(|| self.measure(op));
    }

    /// An operation between critical sections.
    fn unpinned(&mut self, op: Op) {
        self.value += APART;
        let is_starving = self.is_starving && M::REFUSES;
        self.is_starving = op == Op::Starve;
        let (map, value, census) = (self.map, self.value, self.census);
        memory::make_short(is_starving);
        let outcome = faults::caught(|| between(map, op, value, census));
        memory::make_short(false);
        faults::unplant();
        match outcome {
            Ok(Ok(outcome)) => {
                if let (Op::Reserve(additional), true) = (op, M::RESERVES) {
                    let capacity = self.map.capacity().expect("it reserves");
                    assert!(capacity >= self.model.len() + additional, "{op:?}: {capacity}");
                    self.most_capacity = self.most_capacity.max(capacity);
                }
                assert_eq!(outcome, self.expected(op), "{op:?}");
            }
            Ok(Err(refused)) => self.refused(&refused, op, is_starving),
            Err(panic) => self.excuse(&panic, op),
        }
        let mut handle = self.map.handle();
        self.compare(&contents(&mut handle.pin()), op);
        drop(handle);
        faults::without(|| self.measure(op));
    }

    /// Whether an entry may be refused for this reason.
    fn refused(&self, refused: &Refused, op: Op, is_starving: bool) {
        let Refused { reason, key, value } = refused;
        let (Op::TryInsert(own) | Op::TryUpsert(own) | Op::Other(own)) = op else {
            return assert!(self.may_lack_memory(reason, op, is_starving), "{op:?}: {reason}");
        };
        assert!(!self.model.contains_key(&own), "{op:?}: {reason}, but it is present");
        assert!(key.is_none_or(|key| key == own), "{op:?} gave back {key:?}");
        assert!(value.is_none_or(|value| value == self.value), "{op:?} gave back {value:?}");
        if let GrowError::LoadTooLow { entries, slots } = *reason {
            assert!(self.plan.hashing.spread.can_flood(), "{op:?}: {reason}");
            assert_eq!(entries, self.model.len(), "{op:?}: {reason}");
            assert!(20 * entries < slots, "{op:?}: {reason}");
        } else {
            assert!(self.may_lack_memory(reason, op, is_starving), "{op:?}: {reason}");
        }
    }

    fn may_lack_memory(&self, reason: &GrowError, op: Op, is_starving: bool) -> bool {
        let is_huge = matches!(op, Op::Reserve(additional) if additional >> 20 > 0);
        match reason {
            GrowError::AllocFailed { .. } => is_starving || is_huge,
            GrowError::CapacityOverflow => is_huge,
            _ => false,
        }
    }

    /// Whether `op` may have ended in `panic`.
    fn excuse(&self, panic: &Panic, op: Op) {
        let Panic::Said(text) = panic else { return };
        let is_full = M::REFUSES && self.plan.hashing.spread.can_flood();
        assert!(is_full && text.contains("too many keys have equal hashes"), "{op:?}: {text}");
    }

    /// Does `op` to the model.
    fn expected(&mut self, op: Op) -> Outcome {
        let (model, value) = (&mut self.model, self.value);
        match op {
            Op::Get(key) => Outcome::Value(model.get(&key).copied()),
            Op::Contains(key) => Outcome::Flag(model.contains_key(&key)),
            Op::Insert(key) | Op::TryInsert(key) | Op::Other(key) => {
                let absent = !model.contains_key(&key);
                model.entry(key).or_insert(value);
                Outcome::Flag(absent)
            }
            Op::Remove(key) => Outcome::Value(model.remove(&key)),
            Op::Update(key) => {
                let old = model.get_mut(&key);
                Outcome::Value(old.map(|old| std::mem::replace(old, mix(*old, value))))
            }
            Op::Upsert(key) | Op::TryUpsert(key) => {
                let new = model.get(&key).map_or(value, |old| mix(*old, value));
                Outcome::Value(model.insert(key, new))
            }
            Op::GetMany(run) => {
                Outcome::Values(run.keys().map(|key| model.get(&key).copied()).collect())
            }
            Op::Iterate => Outcome::Entries(sorted(model)),
            _ => Outcome::Done,
        }
    }

    /// Makes the model what the table is after it was given the entries of `run`, some of which it
    /// may have taken.
    fn take_over(&mut self, run: Run, contents: &[(u64, u64)]) {
        let offered = run.keys().zip(self.value..);
        let mut all = self.model.clone();
        for (key, value) in contents {
            let is_offered = || offered.clone().any(|entry| entry == (*key, *value));
            match self.model.get(key) {
                Some(old) => assert_eq!(value, old, "InsertMany({run:?}) changed {key}"),
                None => assert!(is_offered(), "InsertMany({run:?}) added {key}: {value}"),
            }
            all.insert(*key, *value);
        }
        self.model = all;
        self.compare(contents, Op::InsertMany(run));
    }

    fn compare(&self, contents: &[(u64, u64)], op: Op) {
        assert_eq!(contents, sorted(&self.model), "the entries after {op:?}");
    }

    /// How much it holds, and with how much room.
    fn measure(&mut self, op: Op) {
        let (map, len) = (self.map, self.model.len());
        assert_eq!((map.len(), map.is_empty()), (len, len == 0), "after {op:?}");
        // A cuckoo table doubles above a load of 5 %, and buckets come in powers of two.
        self.most_capacity = self.most_capacity.max(64 * (len + 64));
        let capacity = map.capacity().unwrap_or(0);
        assert!(capacity <= self.most_capacity, "{capacity} slots for {len} entries after {op:?}");
        if op == Op::Measure {
            let longest = map.longest_chain().unwrap_or(0);
            assert!(longest <= len, "a chain of {longest} of {len} entries");
        }
    }

    /// Every key by itself, and all of them.
    fn at_the_end(&self) {
        let mut handle = self.map.handle();
        let last = self.model.keys().copied().max().unwrap_or(0);
        for key in 0..=last + 1 {
            let value = handle.get(&K::new(key, self.census)).map(|value| value.id());
            assert_eq!(value, self.model.get(&key).copied(), "{key} at the end");
        }
        self.compare(&contents(&mut handle.pin()), Op::Unpin);
    }
}

/// From what an updated value is computed, so that a wrong old value shows.
fn mix(old: u64, value: u64) -> u64 {
    old.wrapping_mul(31).wrapping_add(value)
}

fn sorted(model: &HashMap<u64, u64>) -> Vec<(u64, u64)> {
    let mut all: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
    all.sort_unstable();
    all
}

/// The entries of the table, undisturbed by faults.
fn contents<K: Item, V: Item>(pinned: &mut impl PinnedMap<K, V>) -> Vec<(u64, u64)> {
    faults::without(|| entries(pinned))
}

fn entries<K: Item, V: Item>(pinned: &mut impl PinnedMap<K, V>) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    pinned.for_each(|key, value| {
        maybe_panic(Fault::Closure);
        all.push((key.id(), value.id()));
    });
    all.sort_unstable();
    all
}

fn operate<K: Item, V: Item>(
    pinned: &mut impl PinnedMap<K, V>,
    op: Op,
    value: u64,
    census: &Census,
) -> Outcome {
    let key = |id| K::new(id, census);
    let new = |id| V::new(id, census);
    match op {
        Op::Get(k) => Outcome::Value(pinned.get(&key(k)).map(|value| value.id())),
        Op::Contains(k) => Outcome::Flag(pinned.contains(&key(k))),
        Op::Insert(k) => Outcome::Flag(pinned.insert(key(k), new(value))),
        Op::Remove(k) => Outcome::Value(pinned.remove(&key(k)).map(|value| value.id())),
        Op::Update(k) => {
            let old = pinned.update(&key(k), |old| changed(Some(old), value, census));
            Outcome::Value(old.map(|old| old.id()))
        }
        Op::Upsert(k) => {
            let old = pinned.upsert(key(k), |old| changed(old, value, census));
            Outcome::Value(old.map(|old| old.id()))
        }
        Op::GetMany(run) => {
            let keys: Vec<K> = run.keys().map(key).collect();
            // What was there before is overwritten.
            let mut values: Vec<_> = keys.iter().map(|_| Some(new(0))).collect();
            pinned.get_many(&keys, &mut values);
            Outcome::Values(values.iter().map(|value| value.as_ref().map(Item::id)).collect())
        }
        Op::InsertMany(run) => {
            let offered = run.keys().zip(value..);
            Outcome::Count(pinned.insert_many(offered.map(|(k, value)| (key(k), new(value)))))
        }
        Op::Iterate => Outcome::Entries(entries(pinned)),
        _ => Outcome::Done,
    }
}

/// What `update` and `upsert` are given.
fn changed<V: Item>(old: Option<&V>, value: u64, census: &Census) -> V {
    maybe_panic(Fault::Closure);
    V::new(old.map_or(value, |old| mix(old.id(), value)), census)
}

fn between<K: Item, V: Item, M: Extras<K, V>>(
    map: &M,
    op: Op,
    value: u64,
    census: &Census,
) -> Result<Outcome, Refused> {
    let key = |id| K::new(id, census);
    Ok(match op {
        Op::TryInsert(k) => Outcome::Flag(map.try_insert(key(k), V::new(value, census))?),
        Op::TryUpsert(k) => {
            let old = map.try_upsert(key(k), |old| changed(old, value, census))?;
            Outcome::Value(old.map(|old| old.id()))
        }
        Op::Other(k) => Outcome::Flag(map.handle().insert(key(k), V::new(value, census))),
        Op::Reserve(additional) => {
            let reserved = map.try_reserve(additional);
            reserved.map_err(|reason| Refused { reason, key: None, value: None })?;
            Outcome::Done
        }
        Op::Shrink => {
            map.shrink();
            Outcome::Done
        }
        _ => Outcome::Done,
    })
}
