//! What a reader that stalls in a lookup holds up, in each kind of store.

use cache::evict::ClockClear;
use cache::store::{CacheHandle, Config, MapItem, MapKey, Memc3, Options, OverMap, Store};
use std::sync::{Arc, Barrier};
use structures::map::ConcurrentMap;
use structures::reclaim::{Epoch, Hazard, Qsbr};
use structures::{ChainingBucketLock, ChainingLockFree};

const BYTES: usize = 64 << 10;
/// As much as would fill the cache twenty times.
const ITEMS: u64 = 20 * BYTES as u64 / 300;

fn config() -> Config {
    Config { page: 4096, max_value: 3000, seed: Some(1), ..Config::of(BYTES) }
}

/// Writes much more than there is memory for.
fn write(cache: &impl Store) {
    let mut cache = cache.handle();
    for key in 1..=ITEMS {
        let stored = cache.set(&key.to_le_bytes(), &[key as u8; 200], Options::default());
        stored.expect("it evicts");
    }
}

/// Bytes above the bound, without a reader that stalls and with one.
fn overruns<M: ConcurrentMap<MapKey, Arc<MapItem>> + Default>() -> [usize; 2] {
    let overrun = |stalls: bool| {
        let cache = OverMap::<ClockClear, M>::new(&config()).unwrap();
        let name = 0_u64.to_le_bytes();
        cache.handle().set(&name, b"there", Options::default()).unwrap();
        let (begin, end) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            let stall = || {
                let mut cache = cache.handle();
                let seen = cache.get_with(&name, |value| {
                    begin.wait();
                    end.wait();
                    value.to_vec()
                });
                assert_eq!(seen.as_deref(), Some(&b"there"[..]), "what is protected stays");
            };
            let reader = stalls.then(|| scope.spawn(stall));
            if stalls {
                begin.wait();
            }
            write(&cache);
            if stalls {
                end.wait();
            }
            drop(reader);
        });
        // Who writes on has freed what was held up; the overrun is still the most there was.
        write(&cache);
        let stats = cache.stats();
        assert!(stats.held < 4 * BYTES, "{stats:?}");
        assert!(stats.memory.taken <= BYTES && stats.held >= stats.memory.taken, "{stats:?}");
        assert!(stats.evictions > ITEMS / 2, "{stats:?}");
        stats.overrun
    };
    [false, true].map(overrun)
}

/// An epoch ends when all have seen it: what is retired while a reader stalls is not freed. Hazard pointers protect
/// what the reader holds, and nothing else. A lock frees at once.
#[test]
fn the_reclaimer_says_how_far_the_bound_is_overrun() {
    let epoch = overruns::<ChainingLockFree<MapKey, Arc<MapItem>, Epoch>>();
    let hazard = overruns::<ChainingLockFree<MapKey, Arc<MapItem>, Hazard>>();
    println!("bytes above a bound of {BYTES}: epoch {epoch:?}, hazard {hazard:?}");
    assert!(epoch[1] > 10 * BYTES, "{epoch:?}");
    assert!(
        epoch[0] < 4 * BYTES && hazard.iter().all(|&over| over < 4 * BYTES),
        "{epoch:?}, {hazard:?}"
    );
}

type Quiescent = ChainingLockFree<MapKey, Arc<MapItem>, Qsbr>;

/// Bytes above the bound while another thread has a handle, and waits.
fn overrun_beside_one_that_waits(is_offline: bool) -> usize {
    let cache = OverMap::<ClockClear, Quiescent>::new(&config()).unwrap();
    let (begin, end) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut handle = cache.handle();
            let wait = || {
                begin.wait();
                end.wait();
            };
            if is_offline { handle.offline(wait) } else { wait() }
        });
        begin.wait();
        write(&cache);
        end.wait();
    });
    cache.stats().overrun
}

/// Quiescent states are all threads': one that is registered and does nothing holds everything up.
#[test]
fn who_waits_offline_holds_nothing_up() {
    let [online, offline] = [false, true].map(overrun_beside_one_that_waits);
    assert!(online > 10 * BYTES && offline < 4 * BYTES, "{online}, {offline}");
}

/// The one writer's lock frees what it takes out; one item may be there twice while it is replaced.
#[test]
fn without_a_reclaimer_the_bound_is_strict() {
    let cache = OverMap::<ClockClear, ChainingBucketLock<MapKey, Arc<MapItem>>>::new(&config());
    let cache = cache.unwrap();
    (0..3).for_each(|_| write(&cache));
    let stats = cache.stats();
    assert!(stats.overrun < 500 && stats.held == stats.memory.taken, "{stats:?}");
    let cache = Memc3::<ClockClear>::new(&config()).unwrap();
    (0..3).for_each(|_| write(&cache));
    let stats = Store::stats(&cache);
    assert_eq!((stats.overrun, stats.held), (0, stats.memory.taken));
}

/// Memory counts until it is freed: once the table has gone, nothing is held.
#[test]
fn what_is_cleared_is_freed() {
    let cache = OverMap::<ClockClear, ChainingBucketLock<MapKey, Arc<MapItem>>>::new(&config());
    let cache = cache.unwrap();
    write(&cache);
    cache.handle().clear();
    let stats = cache.stats();
    assert_eq!((stats.held, stats.memory.taken, cache.len()), (0, 0, 0));
}
