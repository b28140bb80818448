//! Safe code that does what nobody means it to do. It may get panics and misses; it must not get another
//! value, nor a cache that is in disorder. That it gets at no memory follows from `#![forbid(unsafe_code)]` in
//! the crate; `ci/asan.sh` runs all of it under AddressSanitizer.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::evict::{Eviction, Items, Unheeded, Visitor, for_each};
use cache::store::{Cache, Change, Config, Locked, Optimistic, Options, Part, Write};
use cache::time::{Clock, Expiry};

/// A clock of which every third look panics, and which goes back at times.
#[derive(Debug, Default)]
struct Unreliable(AtomicU64);

impl Clock for Unreliable {
    fn steady(&self) -> u64 {
        let look = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(look < 10 || !look.is_multiple_of(3), "no time");
        if look.is_multiple_of(7) { 5 } else { look }
    }

    fn wall(&self) -> u64 {
        0
    }
}

fn config(clock: Arc<dyn Clock>) -> Config {
    Config { page: 1024, max_value: 700, clock, ..Config::of(8 << 10) }
}

/// What is found is what was set last, whatever panicked on the way.
fn is_in_order<E: Eviction, P: Part<E>>() {
    let cache = Cache::<E, P>::new(&config(Arc::new(Unreliable::default()))).unwrap();
    let mut last: [Option<Vec<u8>>; 20] = [const { None }; 20];
    let mut panics = 0;
    for step in 0..2000_u64 {
        let key = (step * 7 + step / 13) % 20;
        let (name, value) = (key.to_le_bytes(), step.to_le_bytes().repeat(1 + step as usize % 60));
        let expiry = if step.is_multiple_of(5) { Expiry::Never } else { Expiry::After(3) };
        let options = Options { expiry, ..Options::default() };
        let operation = AssertUnwindSafe(|| match step % 4 {
            0 => _ = cache.touch(&name, expiry),
            1 => _ = cache.reap(10),
            // One that panics leaves everything as it was.
            2 => {
                let updated = cache.update(&name, |_| {
                    assert!(!step.is_multiple_of(3), "no decision");
                    Change::Write(Write { value: Some(&value), ..Write::default() })
                });
                if let Ok(_written) = updated {
                    last[key as usize] = Some(value);
                }
            }
            _ => {
                // A set that panics has stored nothing, and perhaps taken the old value out.
                if let Ok(_stored) = cache.set(&name, &value, options) {
                    last[key as usize] = Some(value);
                }
            }
        });
        panics += u32::from(catch_unwind(operation).is_err());
        let mut found = vec![9];
        let read = AssertUnwindSafe(|| cache.get(&name, &mut found).is_some());
        match catch_unwind(read) {
            Ok(true) => assert_eq!(Some(&found[1..]), last[key as usize].as_deref()),
            Ok(false) => assert_eq!(found, [9]),
            Err(_) => {
                assert_eq!(found, [9], "{}: a value that nobody was given", P::NAME);
                panics += 1;
            }
        }
        let stats = cache.stats();
        assert_eq!(stats.memory.total(), 8 << 10);
        assert!(stats.item_bytes <= stats.memory.taken, "{stats:?}");
    }
    assert!(panics > 100, "{}: {panics}", P::NAME);
    cache.clear();
    assert_eq!(cache.stats().memory.pool, 8 << 10);
}

struct Order;

impl Visitor for Order {
    fn visit<E: Eviction + 'static>(&mut self) {
        is_in_order::<E, Locked<E>>();
        is_in_order::<E, Optimistic<E>>();
    }
}

#[test]
fn a_clock_that_panics_leaves_a_cache_in_order() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(|| for_each(&mut Order));
    std::panic::set_hook(quiet);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A policy of one's own that names victims which are not there.
#[derive(Debug)]
struct Liar;

impl Eviction for Liar {
    const NAME: &'static str = "liar";
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self
    }

    fn resize(&mut self, _slots: usize, _capacity: usize) {}

    fn insert(&mut self, _slot: u32, _hash: u64) {}

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {}

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        Some(u32::MAX)
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}

fn notices_a_lie<P: Part<Liar>>() {
    let cache =
        Cache::<Liar, P>::new(&Config { page: 1024, max_value: 700, ..Config::of(2048) }).unwrap();
    let set = |key: u64| cache.set(&key.to_le_bytes(), &[7; 400], Options::default()).unwrap();
    let filled = catch_unwind(AssertUnwindSafe(|| (0..100).for_each(|key| _ = set(key))));
    assert!(filled.is_err(), "{}: a victim that is not there", P::NAME);
    // What was there is still found.
    let mut value = Vec::new();
    assert!(cache.get(&0_u64.to_le_bytes(), &mut value).is_some(), "{}", P::NAME);
    assert_eq!(value, [7; 400]);
}

#[test]
fn a_policy_that_lies_is_noticed() {
    notices_a_lie::<Locked<Liar>>();
    notices_a_lie::<Optimistic<Liar>>();
}
