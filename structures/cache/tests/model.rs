//! A cache against a map of `std`, operation by operation.

mod common;

use std::collections::HashMap;

use cache::evict::{Eviction, LruList, Never, Visitor, for_each};
use cache::store::{
    Cache, Config, Found, Locked, Optimistic, Options, Outcome, Part, SetError, Sharded, When,
};
use cache::time::Expiry;
use proptest::prelude::*;

use common::ByHand;

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    Set { key: u8, bytes: usize, flags: u32, expiry: Expiry, when: Condition },
    Remove(u8),
    Touch(u8, Expiry),
    Pass(u64),
    Clear,
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
        1 => (key, expiries()).prop_map(|(key, expiry)| Step::Touch(key, expiry)),
        1 => (1_u64..3).prop_map(Step::Pass),
    ];
    // Clearing is rare, so that memory is full at times.
    let step = prop_oneof![150 => step, 1 => Just(Step::Clear)];
    prop::collection::vec(step, 1..300)
}

/// The longest value.
const MOST: usize = 700;

/// An item of the model.
#[derive(Clone, Debug)]
struct Known {
    value: Vec<u8>,
    flags: u32,
    deadline: Option<u64>,
    cas: Option<u64>,
}

/// A cache and what must be in it.
struct Pair<E, P> {
    cache: Cache<E, P>,
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

impl<E: Eviction, P: Part<E>> Pair<E, P> {
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
        let cache = Cache::new(&config).unwrap();
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
        let found = self.cache.get(&name(key), &mut value);
        assert_eq!(value[..3], [1, 2, 3], "what was in the buffer");
        let Some(Found { flags, cas }) = found else {
            assert_eq!(value.len(), 3);
            self.lost += u64::from(self.known.remove(&key).is_some());
            return false;
        };
        let known = self.known.get(&key).expect("a key that must be absent is there");
        assert_eq!((&value[3..], flags, cas), (&known.value[..], known.flags, known.cas));
        true
    }

    fn set(&mut self, key: u8, bytes: usize, options: Options) {
        let is_there = self.look(key);
        let cas = self.known.get(&key).and_then(|known| known.cas);
        let value: Vec<u8> =
            (0..bytes).map(|place| (self.number as usize * 7 + place) as u8).collect();
        let result = self.cache.set(&name(key), &value, options);
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
        self.known.remove(&key);
        let deadline = self.deadline(options.expiry);
        let is_past = deadline.is_some_and(|deadline| deadline <= self.now);
        match result {
            Err(SetError::TooLarge { bytes: said, most }) => {
                assert!(said == bytes && most == MOST && bytes > MOST);
            }
            Err(SetError::OutOfMemory) => assert!(!E::EVICTS, "evicts, and is out of memory"),
            _ => {
                assert_eq!(result, Ok(Outcome::Stored));
                assert!(bytes <= MOST || is_past);
                self.store(
                    key,
                    Known { value, flags: options.flags, deadline, cas: None },
                    is_past,
                );
            }
        }
        assert_eq!(self.look(key), result.is_ok() && !is_past);
    }

    /// A value was stored.
    fn store(&mut self, key: u8, known: Known, is_past: bool) {
        if is_past {
            return;
        }
        let found = self.cache.get(&name(key), &mut Vec::new()).expect("what was just stored");
        assert_eq!(found.cas.is_some(), self.has_cas);
        if let Some(cas) = found.cas {
            let last = self.last_cas.insert(key, cas);
            assert!(last.is_none_or(|last| last < cas), "another number each time");
        }
        self.known.insert(key, Known { cas: found.cas, ..known });
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
                assert_eq!(self.cache.remove(&name(key)), is_there);
                self.known.remove(&key);
                assert!(!self.look(key));
            }
            Step::Touch(key, expiry) => {
                let is_there = self.look(key);
                assert_eq!(self.cache.touch(&name(key), expiry), is_there);
                let deadline = self.deadline(expiry);
                self.known.entry(key).and_modify(|known| known.deadline = deadline);
                self.expire();
                self.look(key);
            }
            Step::Pass(seconds) => {
                self.clock.pass(seconds);
                self.now += seconds;
            }
            Step::Clear => {
                self.cache.clear();
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
        if !E::EVICTS {
            assert_eq!((stats.evictions, stats.pages_moved), (0, 0));
        }
    }
}

fn agrees<E: Eviction, P: Part<E>>(pages: usize, has_cas: bool, steps: &[Step]) -> Pair<E, P> {
    let mut pair = Pair::<E, P>::new(pages, has_cas);
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
        agrees::<E, Locked<E>>(self.pages, self.has_cas, self.steps);
        agrees::<E, Optimistic<E>>(self.pages, self.has_cas, self.steps);
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
        has_all::<LruList, Locked<_>>(has_cas, &steps);
        has_all::<Never, Locked<_>>(has_cas, &steps);
        has_all::<LruList, Optimistic<_>>(has_cas, &steps);
        has_all::<Never, Optimistic<_>>(has_cas, &steps);
    }
}

fn has_all<E: Eviction, P: Part<E>>(has_cas: bool, steps: &[Step]) {
    let pair = agrees::<E, P>(200, has_cas, steps);
    assert_eq!((pair.lost, pair.cache.stats().evictions), (0, 0), "{} {}", E::NAME, P::NAME);
}

#[test]
fn without_eviction_every_acknowledged_set_stays() {
    keeps_what_it_has_taken::<Locked<Never>>();
    keeps_what_it_has_taken::<Optimistic<Never>>();
}

fn keeps_what_it_has_taken<P: Part<Never>>() {
    let mut pair = Pair::<Never, P>::new(16, true);
    let mut refused = 0;
    for round in 0..20_u8 {
        for key in 0..24_u8 {
            let bytes = usize::from(key) * 29 % MOST + usize::from(round);
            let before = pair.known.len();
            pair.set(key, bytes, Options::default());
            refused += usize::from(pair.known.len() < before || !pair.known.contains_key(&key));
            let known: Vec<u8> = pair.known.keys().copied().collect();
            assert!(known.into_iter().all(|key| pair.look(key)));
            pair.check(16);
        }
    }
    assert_eq!(pair.lost, 0);
    assert!(refused > 20 && pair.known.len() > 10, "{refused}, {}", pair.known.len());
}

#[test]
fn a_key_has_from_1_to_250_bytes() {
    let cache = Sharded::<Never>::new(&Config::of(1 << 20)).unwrap();
    for bytes in [0, 251, 256, 257, 1000] {
        let key = vec![b'k'; bytes];
        assert_eq!(cache.set(&key, b"", Options::default()), Err(SetError::Key { bytes }));
        assert!(cache.get(&key, &mut Vec::new()).is_none());
        assert!(!cache.remove(&key) && !cache.touch(&key, Expiry::Never));
    }
    assert!(cache.is_empty());
}

#[test]
fn what_cannot_be_made_is_refused_with_what_could_be() {
    let refused = |change: fn(&mut Config)| {
        let mut config = Config::of(4 << 20);
        change(&mut config);
        Sharded::<Never>::new(&config).unwrap_err().to_string()
    };
    for (message, expected) in [
        (refused(|c| c.bytes = 1000), "1000 bytes of memory are less than a page of 1048576"),
        (refused(|c| c.page = 1000), "pages of 1000 bytes: they are powers of two"),
        (
            refused(|c| c.page = 4096),
            "values of 1024000 bytes: with this page the largest has 3826",
        ),
        (refused(|c| c.max_value = 1 << 20), "the largest has 1048306"),
        (refused(|c| c.smallest = 0), "smallest chunks of 0 bytes: they have from 16 bytes"),
        (refused(|c| c.growth = 1.0), "sizes that grow by 1: they grow by more than 1"),
        (refused(|c| c.growth = f64::NAN), "sizes that grow by NaN"),
        (refused(|c| c.shards = 0), "a cache without shards"),
        (
            refused(|c| (c.bytes, c.shards, c.smallest) = (1 << 40, 1, 16)),
            "with shards: 1, one has more chunks than 32 bits can number",
        ),
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_largest_values_fit() {
    let config = Config { max_value: (1 << 20) - 20 - 250, ..Config::of(1 << 20) };
    let cache = Sharded::<Never>::new(&config).unwrap();
    let (key, value) = ([b'k'; 250], vec![7; config.max_value]);
    let options = Options { flags: 1, ..Options::default() };
    assert_eq!(cache.set(&key, &value, options), Ok(Outcome::Stored));
    let mut found = Vec::new();
    assert_eq!(cache.get(&key, &mut found).map(|found| found.flags), Some(1));
    assert_eq!(found, value);
    let more = vec![7; config.max_value + 1];
    assert!(matches!(cache.set(&key, &more, options), Err(SetError::TooLarge { .. })));
    assert!(cache.is_empty());
}

#[test]
fn an_item_takes_eight_bytes_beside_key_and_value_and_what_it_has_more() {
    for (cas, flags, expiry, extra) in [
        (false, 0, Expiry::Never, 8),
        (false, 0, Expiry::After(9), 8),
        (false, 5, Expiry::Never, 12),
        (true, 0, Expiry::Never, 16),
        (true, 5, Expiry::After(9), 20),
    ] {
        let config = Config { cas, ..Config::of(1 << 20) };
        let cache = Sharded::<Never>::new(&config).unwrap();
        let options = Options { flags, expiry, ..Options::default() };
        cache.set(b"sixteen byte key", &[7; 32], options).unwrap();
        assert_eq!(cache.stats().item_bytes, extra + 48);
        assert!(cache.remove(b"sixteen byte key"));
        assert_eq!(cache.stats().item_bytes, 0);
    }
}
