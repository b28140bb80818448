//! A cache against a map of `std`, operation by operation.

mod common;

use std::collections::HashMap;

use cache::evict::{Eviction, LruList, Never, Visitor, for_each};
use cache::store::{
    CacheHandle, Change, Config, Current, Found, NewCas, Options, Outcome, SetError, Store, When,
    Write,
};
use cache::time::Expiry;
use proptest::prelude::*;

use common::{ByHand, OfStore, every_store, in_every_store, named};

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    Set { key: u8, bytes: usize, flags: u32, expiry: Expiry, when: Condition },
    Remove(u8),
    Touch(u8, Expiry),
    Update { key: u8, what: What },
    Pass(u64),
    Clear,
}

/// What an update does.
#[derive(Clone, Copy, Debug)]
enum What {
    Nothing,
    Remove,
    /// Appends so many bytes, if any, and writes this besides.
    Write(Option<usize>, Write<'static>),
}

#[derive(Clone, Copy, Debug)]
enum Condition {
    Always,
    Absent,
    Present,
    /// With the number that the key had when it was last seen, plus this.
    Cas(u64),
}

fn expiries() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        4 => Just(Expiry::Never),
        2 => (0_u32..6).prop_map(Expiry::After),
        1 => (0_u64..60).prop_map(Expiry::At),
    ]
}

fn updates() -> impl Strategy<Value = What> {
    use prop::option::of;
    let append = prop_oneof![4 => 0_usize..50, 1 => 0_usize..700];
    let cas =
        prop_oneof![Just(NewCas::Next), Just(NewCas::Kept), (0..u64::MAX).prop_map(NewCas::Given)];
    let flags = prop_oneof![Just(0), any::<u32>()];
    let write = (of(append), of(flags), of(expiries()), of(0_u8..8), cas, any::<bool>());
    let write = write.prop_map(|(append, flags, expiry, marks, cas, or_absent)| {
        What::Write(append, Write { value: None, flags, expiry, marks, cas, or_absent })
    });
    prop_oneof![1 => Just(What::Nothing), 1 => Just(What::Remove), 6 => write]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0_u8..24;
    let bytes = prop_oneof![4 => 0_usize..60, 2 => 0_usize..700, 1 => 650_usize..760];
    let flags = prop_oneof![Just(0_u32), Just(u32::MAX), any::<u32>()];
    let when = prop_oneof![
        4 => Just(Condition::Always),
        1 => Just(Condition::Absent),
        1 => Just(Condition::Present),
        2 => (0_u64..2).prop_map(Condition::Cas),
    ];
    let set = (key.clone(), bytes, flags, expiries(), when).prop_map(
        |(key, bytes, flags, expiry, when)| Step::Set { key, bytes, flags, expiry, when },
    );
    let step = prop_oneof![
        8 => key.clone().prop_map(Step::Get),
        10 => set,
        2 => key.clone().prop_map(Step::Remove),
        1 => (key.clone(), expiries()).prop_map(|(key, expiry)| Step::Touch(key, expiry)),
        4 => (key, updates()).prop_map(|(key, what)| Step::Update { key, what }),
        1 => (1_u64..3).prop_map(Step::Pass),
    ];
    // Clearing is rare, so that memory is full at times.
    let step = prop_oneof![150 => step, 1 => Just(Step::Clear)];
    prop::collection::vec(step, 1..300)
}

/// The longest value.
const MOST: usize = 700;

/// An item of the model.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    value: Vec<u8>,
    flags: u32,
    deadline: Option<u64>,
    marks: u8,
    cas: Option<u64>,
}

/// A cache and what must be in it.
struct Pair<S> {
    cache: S,
    clock: std::sync::Arc<ByHand>,
    has_cas: bool,
    now: u64,
    known: HashMap<u8, Known>,
    last_cas: HashMap<u8, u64>,
    /// Items that were not there any more, though nobody took them out.
    lost: u64,
    number: u64,
}

/// Keys of several lengths, the longest among them.
fn name(key: u8) -> Vec<u8> {
    let bytes = [1, 7, 8, 9, 30, 250][usize::from(key) % 6];
    (0..bytes).map(|place| if place == 0 { key } else { b'k' }).collect()
}

impl<S: Store> Pair<S> {
    fn new(pages: usize, has_cas: bool) -> Self {
        let clock = ByHand::new(9, 20);
        let config = Config {
            page: 1024,
            growth: 1.5,
            max_value: MOST,
            shards: 2,
            cas: has_cas,
            seed: Some(3),
            clock: clock.clone(),
            ..Config::of(1024 * pages)
        };
        let cache = S::new(&config).unwrap();
        let (known, last_cas) = Default::default();
        Self { cache, clock, has_cas, now: 20, known, last_cas, lost: 0, number: 0 }
    }

    fn deadline(&self, expiry: Expiry) -> Option<u64> {
        match expiry {
            Expiry::Never => None,
            Expiry::After(seconds) => Some(self.now + u64::from(seconds)),
            Expiry::At(second) => Some(second),
        }
    }

    /// Forgets what has expired.
    fn expire(&mut self) {
        let now = self.now;
        self.known.retain(|_, known| known.deadline.is_none_or(|deadline| deadline > now));
    }

    /// Whether `key` is there, which takes it out of the model if it was evicted. What is there must be
    /// what was stored last.
    fn look(&mut self, key: u8) -> bool {
        let mut value = vec![1, 2, 3];
        let found = self.cache.handle().get(&name(key), &mut value);
        assert_eq!(value[..3], [1, 2, 3], "what was in the buffer");
        let Some(Found { flags, cas, marks }) = found else {
            assert_eq!(value.len(), 3);
            self.lost += u64::from(self.known.remove(&key).is_some());
            return false;
        };
        let known = self.known.get(&key).expect("a key that must be absent is there");
        assert_eq!((&value[3..], flags, cas), (&known.value[..], known.flags, known.cas));
        assert_eq!(marks, known.marks);
        true
    }

    fn set(&mut self, key: u8, bytes: usize, options: Options) {
        let is_there = self.look(key);
        let cas = self.known.get(&key).and_then(|known| known.cas);
        let value: Vec<u8> =
            (0..bytes).map(|place| (self.number as usize * 7 + place) as u8).collect();
        let result = self.cache.handle().set(&name(key), &value, options);
        let expected = match options.when {
            When::Absent if is_there => Ok(Outcome::NotStored),
            When::Present if !is_there => Ok(Outcome::NotStored),
            When::Cas(_) if !self.has_cas => Err(SetError::NoCas),
            When::Cas(_) if !is_there => Ok(Outcome::NotFound),
            When::Cas(given) if Some(given) != cas => Ok(Outcome::Changed),
            _ => Ok(Outcome::Stored),
        };
        if expected != Ok(Outcome::Stored) {
            assert_eq!(result, expected, "{options:?}");
            assert_eq!(self.look(key), is_there, "nothing has changed");
            return;
        }
        let old = self.known.remove(&key);
        let deadline = self.deadline(options.expiry);
        let is_past = deadline.is_some_and(|deadline| deadline <= self.now);
        match result {
            Err(SetError::TooLarge { bytes: said, most }) => {
                assert!(said == bytes && most == MOST && bytes > MOST);
            }
            Err(SetError::OutOfMemory) => {
                assert!(!S::Eviction::EVICTS, "evicts, and is out of memory")
            }
            _ => {
                assert_eq!(result, Ok(Outcome::Stored));
                assert!(bytes <= MOST || is_past);
                self.store(
                    key,
                    Known { value, flags: options.flags, deadline, marks: 0, cas: None },
                    is_past,
                );
            }
        }
        // Under a condition, what cannot be stored leaves what is there.
        let kept = old.filter(|_| result.is_err() && options.when != When::Always);
        let is_there = kept.is_some() || result.is_ok() && !is_past;
        kept.map(|kept| self.known.insert(key, kept));
        assert_eq!(self.look(key), is_there);
    }

    /// A value was stored.
    fn store(&mut self, key: u8, known: Known, is_past: bool) {
        if is_past {
            return;
        }
        let found =
            self.cache.handle().get(&name(key), &mut Vec::new()).expect("what was just stored");
        assert_eq!(found.cas.is_some(), self.has_cas);
        if let Some(cas) = found.cas {
            let last = self.last_cas.insert(key, cas);
            assert!(last.is_none_or(|last| last < cas), "another number each time");
        }
        self.known.insert(key, Known { cas: found.cas, ..known });
    }

    fn update(&mut self, key: u8, what: What) {
        self.look(key);
        let before = self.known.remove(&key);
        let mut shown = None;
        let mut value = before.as_ref().map(|known| known.value.clone()).unwrap_or_default();
        let now = self.now;
        let result = self.cache.handle().update(&name(key), |current: Option<Current<'_>>| {
            shown = current.map(|current| {
                let mut value = Vec::new();
                current.value_into(&mut value);
                let Found { flags, cas, marks } = current.found();
                let deadline = current.seconds_left().map(|left| now + u64::from(left));
                Known { value, flags, deadline, marks, cas }
            });
            match what {
                What::Nothing => Change::Nothing,
                What::Remove => Change::Remove,
                What::Write(append, write) => {
                    value.extend((0..append.unwrap_or(0)).map(|place| place as u8 ^ key));
                    let value = append.is_some().then_some(&value[..]);
                    Change::Write(Write { value, ..write })
                }
            }
        });
        assert_eq!(shown, before);
        match what {
            What::Nothing => {
                let found = |known: &Known| (known.flags, known.cas, known.marks);
                let said = result.unwrap().map(|found| (found.flags, found.cas, found.marks));
                assert_eq!(said, before.as_ref().map(found));
                before.map(|before| self.known.insert(key, before));
            }
            What::Remove => assert_eq!(result, Ok(None)),
            What::Write(_, Write { flags, expiry, marks, cas, or_absent, .. }) => {
                let kept = before.clone().filter(|_| result.is_err() && !or_absent);
                let old = before.unwrap_or_default();
                let deadline = expiry.map_or(old.deadline, |expiry| self.deadline(expiry));
                let (flags, marks) = (flags.unwrap_or(old.flags), marks.unwrap_or(old.marks));
                let new = Known { value, flags, deadline, marks, cas: None };
                self.written(key, &result, (new, old.cas), cas);
                kept.map(|kept| self.known.insert(key, kept));
            }
        }
        self.look(key);
    }

    /// An update should have written `new` over what had the CAS number `old`.
    fn written(
        &mut self,
        key: u8,
        result: &Result<Option<Found>, SetError>,
        (new, old): (Known, Option<u64>),
        cas: NewCas,
    ) {
        let found = match *result {
            Ok(Some(found)) => found,
            Ok(None) => return assert!(new.deadline.is_some_and(|deadline| deadline <= self.now)),
            Err(SetError::OutOfMemory) => return assert!(!S::Eviction::EVICTS),
            Err(SetError::TooLarge { most, bytes }) => {
                return assert!(most == MOST && bytes > MOST && bytes == new.value.len());
            }
            Err(error) => panic!("{error}"),
        };
        assert!(new.value.len() <= MOST);
        assert_eq!((found.flags, found.marks), (new.flags, new.marks));
        assert_eq!(found.cas.is_some(), self.has_cas);
        match (found.cas, cas, old) {
            (None, ..) => (),
            (Some(number), NewCas::Given(given), _) => assert_eq!(number, given),
            (Some(number), NewCas::Kept, Some(old)) => assert_eq!(number, old),
            (Some(number), ..) => {
                let last = self.last_cas.insert(key, number);
                assert!(last.is_none_or(|last| last < number), "another number each time");
            }
        }
        self.known.insert(key, Known { cas: found.cas, ..new });
    }

    fn step(&mut self, step: &Step) {
        self.number += 1;
        self.expire();
        match *step {
            Step::Get(key) => _ = self.look(key),
            Step::Set { key, bytes, flags, expiry, when } => {
                let when = match when {
                    Condition::Always => When::Always,
                    Condition::Absent => When::Absent,
                    Condition::Present => When::Present,
                    Condition::Cas(more) => {
                        When::Cas(self.last_cas.get(&key).copied().unwrap_or_default() + more)
                    }
                };
                self.set(key, bytes, Options { flags, expiry, when });
            }
            Step::Remove(key) => {
                let is_there = self.look(key);
                assert_eq!(self.cache.handle().remove(&name(key)), is_there);
                self.known.remove(&key);
                assert!(!self.look(key));
            }
            Step::Touch(key, expiry) => {
                let is_there = self.look(key);
                assert_eq!(self.cache.handle().touch(&name(key), expiry), is_there);
                let deadline = self.deadline(expiry);
                self.known.entry(key).and_modify(|known| known.deadline = deadline);
                self.expire();
                self.look(key);
            }
            Step::Update { key, what } => self.update(key, what),
            Step::Pass(seconds) => {
                self.clock.pass(seconds);
                self.now += seconds;
            }
            Step::Clear => {
                self.cache.handle().clear();
                self.known.clear();
                assert_eq!((self.cache.len(), self.cache.stats().item_bytes), (0, 0));
            }
        }
    }

    /// Every byte is somewhere, and what was lost was evicted.
    fn check(&self, pages: usize) {
        let stats = self.cache.stats();
        assert_eq!(stats.memory.total(), 1024 * pages, "{stats:?}");
        assert!(stats.item_bytes <= stats.memory.taken, "{stats:?}");
        assert!(self.lost <= stats.evictions, "{} lost, {stats:?}", self.lost);
        let evicted = (stats.evictions - self.lost) as usize;
        assert!(stats.items + evicted >= self.known.len(), "{stats:?}");
        if !S::Eviction::EVICTS {
            assert_eq!((stats.evictions, stats.pages_moved), (0, 0));
        }
    }
}

fn agrees<S: Store>(pages: usize, has_cas: bool, steps: &[Step]) -> Pair<S> {
    let mut pair = Pair::<S>::new(pages, has_cas);
    for step in steps {
        pair.step(step);
        pair.check(pages);
    }
    (0..24).for_each(|key| {
        _ = {
            pair.expire();
            pair.look(key)
        }
    });
    pair.check(pages);
    let items: usize = pair.known.values().filter(|known| known.deadline.is_none()).count();
    assert!(pair.cache.len() >= items);
    pair
}

/// Every policy does the same steps, in every store.
struct All<'s> {
    pages: usize,
    has_cas: bool,
    steps: &'s [Step],
}

impl Visitor for All<'_> {
    fn visit<E: Eviction + 'static>(&mut self) {
        every_store::<E>(self);
    }
}

impl OfStore for All<'_> {
    fn of<S: Store>(&mut self) {
        agrees::<S>(self.pages, self.has_cas, self.steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    /// Memory for about a third of what is stored.
    #[test]
    fn a_full_cache_has_what_was_stored_last_or_nothing(has_cas: bool, steps in steps()) {
        for_each(&mut All { pages: 4, has_cas, steps: &steps });
    }

    /// With so much memory nothing is ever evicted, and all is there.
    #[test]
    fn a_cache_with_room_is_a_map(has_cas: bool, steps in steps()) {
        every_store::<LruList>(&mut HasAll { has_cas, steps: &steps });
        every_store::<Never>(&mut HasAll { has_cas, steps: &steps });
    }
}

struct HasAll<'s> {
    has_cas: bool,
    steps: &'s [Step],
}

impl OfStore for HasAll<'_> {
    fn of<S: Store>(&mut self) {
        let pair = agrees::<S>(200, self.has_cas, self.steps);
        assert_eq!((pair.lost, pair.cache.stats().evictions), (0, 0), "{}", named::<S>());
    }
}

in_every_store! {
    without_eviction_every_acknowledged_set_stays: keeps_what_it_has_taken,
    an_update_without_memory_keeps_what_is_there_or_nothing: keeps_what_it_cannot_replace,
    an_item_makes_room_for_what_it_becomes: makes_room_for_itself,
}

fn append(bytes: usize, or_absent: bool) -> What {
    What::Write(Some(bytes), Write { or_absent, ..Write::default() })
}

fn keeps_what_it_cannot_replace<S: Store>() {
    let mut pair = Pair::<S>::new(10, true);
    let (mut kept, mut gone) = (0, 0);
    for round in 1..60_u8 {
        for key in 0..24_u8 {
            let before = pair.known.get(&key).cloned();
            pair.update(key, append(37, round.is_multiple_of(10)));
            let is_short = before.as_ref().is_some_and(|before| before.value.len() + 37 <= MOST);
            let after = pair.known.get(&key);
            kept += u32::from(is_short && after == before.as_ref());
            gone += u32::from(is_short && after.is_none());
            pair.check(10);
        }
    }
    assert_eq!(pair.lost, 0);
    assert!(kept > 20 && gone > 2, "{}: {kept} kept, {gone} gone", named::<S>());
}

/// Each of two pages has an item, and one becomes so large that it needs a page again: its own.
fn makes_room_for_itself<S: Store>() {
    let mut pair = Pair::<S>::new(2, true);
    pair.set(0, 10, Options::default());
    pair.set(1, 600, Options::default());
    pair.update(0, append(600, false));
    let bytes = [0_u8, 1].map(|key| pair.known.get(&key).map(|known| known.value.len()));
    assert_eq!(bytes, [Some(610), Some(600)], "{}", named::<S>());
}

fn keeps_what_it_has_taken<S: Store>() {
    let mut pair = Pair::<S>::new(10, true);
    let mut refused = 0;
    for round in 0..20_u8 {
        for key in 0..24_u8 {
            let bytes = usize::from(key) * 29 % MOST + usize::from(round);
            let before = pair.known.len();
            pair.set(key, bytes, Options::default());
            refused += usize::from(pair.known.len() < before || !pair.known.contains_key(&key));
            let known: Vec<u8> = pair.known.keys().copied().collect();
            assert!(known.into_iter().all(|key| pair.look(key)));
            pair.check(10);
        }
    }
    assert_eq!(pair.lost, 0);
    assert!(refused > 20 && pair.known.len() > 10, "{refused}, {}", pair.known.len());
}
