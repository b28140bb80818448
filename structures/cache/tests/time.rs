//! Expiry: absolute, relative, negative, and with a wall clock that is set.

mod common;

use std::sync::Arc;

use cache::store::{CacheHandle, Config, Options, Outcome, Store};
use cache::time::{Clock, Expiry, SystemClock};

use common::{ByHand, in_every_store};

/// What the wall clock says when a test begins.
const WALL: u64 = 1_800_000_000;

fn cache<S: Store>() -> (S, Arc<ByHand>) {
    let clock = ByHand::new(5000, WALL);
    let (page, max_value) = (4096, 3000);
    let config = Config { page, max_value, clock: clock.clone(), ..Config::of(1 << 20) };
    (S::new(&config).unwrap(), clock)
}

fn set(cache: &impl Store, expiry: Expiry) {
    let options = Options { expiry, ..Options::default() };
    assert_eq!(cache.handle().set(b"key", b"value", options), Ok(Outcome::Stored));
}

fn is_there(cache: &impl Store) -> bool {
    cache.handle().get(b"key", &mut Vec::new()).is_some()
}

/// Passes `seconds` and sees the item go with the last of them.
fn lasts(cache: &impl Store, clock: &ByHand, seconds: u64) {
    clock.pass(seconds - 1);
    assert!(is_there(cache), "gone before {seconds} s");
    clock.pass(1);
    assert!(!is_there(cache), "there after {seconds} s");
}

in_every_store! {
    without_expiry_it_stays: without_expiry_it_stays_in,
    relative_and_absolute: relative_and_absolute_in,
    what_is_past_is_not_there: what_is_past_is_not_there_in,
    the_furthest_does_not_overflow: the_furthest_does_not_overflow_in,
    a_cache_of_any_age_expires_its_items: a_cache_of_any_age_expires_in,
    a_wall_clock_that_is_set_moves_no_deadline: a_wall_clock_that_is_set_moves_no_deadline_in,
    touch_moves_the_deadline_alone: touch_moves_the_deadline_alone_in,
    an_expired_item_is_absent_to_every_operation: an_expired_item_is_absent_to_every_operation_in,
    what_has_expired_gives_its_memory_back_when_it_is_reaped: what_has_expired_is_reaped_in,
}

fn without_expiry_it_stays_in<S: Store>() {
    let (cache, clock) = cache::<S>();
    set(&cache, Expiry::Never);
    clock.pass(1 << 40);
    assert!(is_there(&cache));
}

fn relative_and_absolute_in<S: Store>() {
    let (cache, clock) = cache::<S>();
    set(&cache, Expiry::After(10));
    lasts(&cache, &clock, 10);
    set(&cache, Expiry::At(WALL + 10 + 25));
    lasts(&cache, &clock, 25);
    clock.pass(1_000_000);
    set(&cache, Expiry::After(1));
    lasts(&cache, &clock, 1);
}

fn what_is_past_is_not_there_in<S: Store>() {
    let (cache, clock) = cache::<S>();
    clock.pass(100);
    for expiry in [Expiry::After(0), Expiry::At(WALL + 100), Expiry::At(WALL - 1), Expiry::At(0)] {
        set(&cache, Expiry::Never);
        set(&cache, expiry);
        assert!(!is_there(&cache), "{expiry:?}");
        set(&cache, Expiry::Never);
        assert!(cache.handle().touch(b"key", expiry));
        assert!(!is_there(&cache), "touched: {expiry:?}");
        assert!(!cache.handle().touch(b"key", Expiry::Never), "it never comes back");
    }
    assert_eq!(cache.len(), 0);
}

fn the_furthest_does_not_overflow_in<S: Store>() {
    let (cache, clock) = cache::<S>();
    // More seconds than a header has bits for.
    let last = (1 << 29) + 5;
    for expiry in [Expiry::After(u32::MAX), Expiry::At(u64::MAX), Expiry::After(last)] {
        set(&cache, expiry);
        clock.pass(1000);
        let found = cache.handle().get(b"key", &mut Vec::new());
        assert_eq!(found.map(|found| found.marks), Some(0), "{expiry:?}");
    }
}

/// From some days to many times the seconds that 29 bits can count: an item stays for as long as it should, and not
/// for longer than a millionth of the cache's age.
fn a_cache_of_any_age_expires_in<S: Store>() {
    for power in 20..50 {
        let (cache, clock) = cache::<S>();
        let mut passed = (1_u64 << power) + 12_345;
        clock.pass(passed);
        for seconds in [1_u32, 59, 3600, 1_000_000_000] {
            for is_absolute in [false, true] {
                let end = passed + u64::from(seconds);
                let expiry =
                    if is_absolute { Expiry::At(WALL + end) } else { Expiry::After(seconds) };
                set(&cache, expiry);
                clock.pass(u64::from(seconds) - 1);
                assert!(is_there(&cache), "{expiry:?} after {passed}");
                let late = end >> 20;
                clock.pass(1 + late);
                assert!(!is_there(&cache), "{expiry:?} after {passed}");
                passed = end + late;
            }
        }
    }
}

fn a_wall_clock_that_is_set_moves_no_deadline_in<S: Store>() {
    for wall in [0, WALL - 1_000_000, WALL + 1_000_000] {
        let (cache, clock) = cache::<S>();
        set(&cache, Expiry::At(WALL + 30));
        clock.set_wall(wall);
        lasts(&cache, &clock, 30);
        // Nor does it bring one back.
        clock.set_wall(0);
        assert!(!is_there(&cache));
        set(&cache, Expiry::After(30));
        clock.set_wall(WALL);
        lasts(&cache, &clock, 30);
        // A second since 1970 is that of the time that has passed, whatever the wall says.
        clock.set_wall(wall);
        set(&cache, Expiry::At(WALL + 60 + 15));
        lasts(&cache, &clock, 15);
    }
}

fn touch_moves_the_deadline_alone_in<S: Store>() {
    let (cache, clock) = cache::<S>();
    let options = Options { flags: 77, expiry: Expiry::After(5), ..Options::default() };
    cache.handle().set(b"key", b"value", options).unwrap();
    let before = cache.handle().get(b"key", &mut Vec::new()).unwrap();
    assert!(cache.handle().touch(b"key", Expiry::After(20)));
    clock.pass(6);
    let mut value = Vec::new();
    assert_eq!(cache.handle().get(b"key", &mut value), Some(before));
    assert_eq!(value, b"value");
    assert!(cache.handle().touch(b"key", Expiry::Never));
    clock.pass(1000);
    assert!(is_there(&cache));
    assert!(!cache.handle().touch(b"other", Expiry::Never));
}

fn an_expired_item_is_absent_to_every_operation_in<S: Store>() {
    for operation in 0..4 {
        let (cache, clock) = cache::<S>();
        set(&cache, Expiry::After(1));
        clock.pass(1);
        let when = [cache::store::When::Absent, cache::store::When::Present];
        let store =
            |when| cache.handle().set(b"key", b"new", Options { when, ..Options::default() });
        match operation {
            0 => assert_eq!(store(when[0]), Ok(Outcome::Stored)),
            1 => assert_eq!(store(when[1]), Ok(Outcome::NotStored)),
            2 => assert!(!cache.handle().remove(b"key")),
            _ => assert!(!cache.handle().touch(b"key", Expiry::Never)),
        }
        assert_eq!(cache.stats().expired, 1, "operation {operation}");
    }
}

fn what_has_expired_is_reaped_in<S: Store>() {
    let (cache, clock) = cache::<S>();
    let store = |key: u32, expiry| {
        let value = vec![7; key as usize % 700];
        cache.handle().set(&key.to_le_bytes(), &value, Options { expiry, ..Options::default() })
    };
    for key in 0..300 {
        let expiry = if key % 3 == 0 { Expiry::Never } else { Expiry::After(5) };
        assert_eq!(store(key, expiry), Ok(Outcome::Stored));
    }
    assert_eq!(cache.handle().reap(1_000_000), 0);
    clock.pass(5);
    // A few at a time, until it has come round.
    let gone: usize = (0..10_000).map(|_| cache.handle().reap(10)).sum();
    assert_eq!((gone, cache.len(), cache.stats().expired), (200, 100, 200));
    for key in 0..300_u32 {
        let is_there = cache.handle().get(&key.to_le_bytes(), &mut Vec::new()).is_some();
        assert_eq!(is_there, key % 3 == 0, "{key}");
    }
    assert_eq!(cache.stats().expired, 200);
    // Items that come after it has been round are seen in the next.
    assert_eq!(store(1000, Expiry::After(1)), Ok(Outcome::Stored));
    clock.pass(1);
    // However many places are asked for, it goes round once.
    assert_eq!(cache.handle().reap(usize::MAX), 1);
}

#[test]
fn numbers_mean_what_they_mean_to_memcached() {
    let month = 30 * 24 * 60 * 60;
    for (number, expiry) in [
        (0, Expiry::Never),
        (-1, Expiry::After(0)),
        (i64::MIN, Expiry::After(0)),
        (1, Expiry::After(1)),
        (month, Expiry::After(2_592_000)),
        (month + 1, Expiry::At(2_592_001)),
        (i64::MAX, Expiry::At(i64::MAX as u64)),
    ] {
        assert_eq!(Expiry::from_number(number), expiry, "{number}");
    }
}

#[test]
fn the_systems_clocks_go() {
    let clock = SystemClock::default();
    assert!(clock.wall() > WALL - 200_000_000);
    assert!(clock.steady() < 1000);
}
