//! How long retired nodes wait to be freed: a sample.
//!
//! Once in a fixed number of retirements, a thread records a node's address and the time in a table of watched
//! nodes, unless its place there is taken. A thread that frees a node looks whether the node is watched. A watched
//! node that is not freed counts with the time that it has waited so far, so that a scheme that frees
//! little does not look quick.

use std::ptr;
use std::sync::atomic::{
    AtomicPtr, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed,
    Ordering::Release,
};
use std::time::{Duration, Instant};

use super::Delays;

/// One of so many retirements of a thread is watched.
pub(super) const PERIOD: u64 = 256;

/// Nodes that can be watched at once.
const PLACES: usize = 256;

/// Durations told apart within a factor of two: they are right within 6 %.
const STEPS: u32 = 8;

/// Instead of an address: nobody's place, and one that is being taken.
const FREE: usize = 0;
const TAKEN: usize = 1;

/// A watched node's address, and when it was retired.
struct WatchedNode {
    address: AtomicUsize,
    since: AtomicU64,
}

static PLACES_OF: [WatchedNode; PLACES] =
    [const { WatchedNode { address: AtomicUsize::new(FREE), since: AtomicU64::new(0) } }; PLACES];

/// The number of watched nodes that have waited so long.
static WAITED: [AtomicU64; (64 * STEPS) as usize] =
    [const { AtomicU64::new(0) }; (64 * STEPS) as usize];

/// When `now` was first called: leaked. No `LazyLock`, for which a thread may have to wait.
static BEGAN: AtomicPtr<Instant> = AtomicPtr::new(ptr::null_mut());

/// Nanoseconds that the process has slept.
static SLEPT: AtomicU64 = AtomicU64::new(0);

/// No node waits while the process sleeps.
pub(super) fn slept(time: Duration) {
    // Relaxed, both: before the first call of `now` nothing waits; and whoever calls it after a sleep has been
    // woken by what orders more than this number.
    if !BEGAN.load(Relaxed).is_null() {
        SLEPT.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}

/// Nanoseconds since the first call in which the process did not sleep.
fn now() -> u64 {
    // Acquire waits-W4: pairs with waits-W4 in `first`.
    let began = BEGAN.load(Acquire);
    let began = if began.is_null() { first() } else { began };
    // SAFETY: not null, so `first` leaked it.
    let began = unsafe { &*began.cast_const() };
    let since = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    // Relaxed: as in `slept`.
    since.saturating_sub(SLEPT.load(Relaxed))
}

/// Sets `BEGAN`, unless another thread has done so, and returns it.
#[cold]
fn first() -> *mut Instant {
    let mine = Box::into_raw(Box::new(Instant::now()));
    // Release waits-W4: publishes the time; Acquire on failure: another's. Pairs with waits-W4 in
    // `now`.
    match BEGAN.compare_exchange(ptr::null_mut(), mine, AcqRel, Acquire) {
        Ok(_) => mine,
        Err(theirs) => {
            // SAFETY: from `Box` just above, and not stored.
            drop(unsafe { Box::from_raw(mine) });
            theirs
        }
    }
}

fn place(address: usize) -> &'static WatchedNode {
    // Nodes are aligned to 8, and most to 16. Fibonacci hashing.
    let hash = (address as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &PLACES_OF[(hash >> 56) as usize % PLACES]
}

/// The step of a duration.
fn step(nanoseconds: u64) -> u32 {
    let floor = nanoseconds.max(u64::from(STEPS));
    let octave = floor.ilog2();
    let within = (floor >> (octave - STEPS.ilog2())) as u32 - STEPS;
    octave * STEPS + within
}

/// The middle of a step, in seconds.
fn middle(step: u32) -> f64 {
    let (octave, within) = (step / STEPS, step % STEPS);
    2.0_f64.powi(octave.cast_signed()) * (1.0 + (f64::from(within) + 0.5) / f64::from(STEPS)) * 1e-9
}

/// Watches a node that is being retired.
#[cold]
pub(super) fn watch(address: usize) {
    let place = place(address);
    // Acquire: pairs with waits-W3.
    if place.address.compare_exchange(FREE, TAKEN, Acquire, Relaxed).is_ok() {
        place.since.store(now(), Relaxed);
        // Release waits-W1: the time comes first; pairs with waits-W2.
        place.address.store(address, Release);
    }
}

/// A node is being freed.
#[inline]
pub(super) fn freed(address: usize) {
    let place = place(address);
    // Acquire waits-W2: pairs with waits-W1.
    if place.address.load(Acquire) == address {
        end(place);
    }
}

#[cold]
fn end(place: &WatchedNode) {
    let waited = now().saturating_sub(place.since.load(Relaxed));
    // Relaxed: a count.
    WAITED[step(waited) as usize].fetch_add(1, Relaxed);
    // Release waits-W3: the time has been read before somebody sets it anew; pairs with `watch`.
    place.address.store(FREE, Release);
}

/// Leaves behind all waits so far, and what is watched. For when nobody retires or frees: of what happens
/// meanwhile, a wait may be lost or stay.
pub(super) fn forget() {
    for place in &PLACES_OF {
        // Relaxed, all: the place's time is not read. One that is being taken stays.
        let address = place.address.load(Relaxed);
        if address > TAKEN {
            let _ = place.address.compare_exchange(address, FREE, Relaxed, Relaxed);
        }
    }
    // Relaxed: counts.
    WAITED.iter().for_each(|count| count.store(0, Relaxed));
}

/// Quantiles of what has been watched since then; `None` if nothing has.
pub(super) fn read() -> Option<Delays> {
    let mut counts: Vec<u64> = WAITED.iter().map(|count| count.load(Relaxed)).collect();
    let now = now();
    for place in &PLACES_OF {
        // Acquire: pairs with waits-W1.
        if place.address.load(Acquire) > TAKEN {
            counts[step(now.saturating_sub(place.since.load(Relaxed))) as usize] += 1;
        }
    }
    quantiles(&counts)
}

fn quantiles(counts: &[u64]) -> Option<Delays> {
    let all: u64 = counts.iter().sum();
    let at = |rank: u64| {
        let mut seen = 0;
        let step = counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        middle(step.expect("a rank is at most the sum") as u32)
    };
    (all > 0).then(|| Delays {
        watched: all,
        p50: at(all.div_ceil(2)),
        p99: at((all * 99).div_ceil(100)),
        max: at(all),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_holds_its_middle() {
        for nanoseconds in [8, 9, 15, 16, 17, 1_000, 1_000_000, 123_456_789, u64::MAX] {
            let exact = nanoseconds as f64 * 1e-9;
            let told = middle(step(nanoseconds));
            assert!((told / exact - 1.0).abs() <= 1.0 / 15.0, "{nanoseconds} ns: {told}");
        }
        assert_eq!(step(0), step(8), "below 8 ns nothing is told apart");
        assert!((8..100_000_u64).all(|n| step(n) <= step(n + 1) && step(n + 1) <= step(n) + 1));
    }

    #[test]
    fn quantiles_are_those_of_the_counts() {
        let mut counts = vec![0; WAITED.len()];
        assert_eq!(quantiles(&counts), None);
        counts[step(1_000) as usize] = 98;
        counts[step(1_000_000) as usize] = 1;
        counts[step(1_000_000_000) as usize] = 1;
        let found = quantiles(&counts).expect("there are some");
        let expected = [1_000, 1_000_000, 1_000_000_000].map(|n| middle(step(n)));
        assert_eq!([found.p50, found.p99, found.max], expected);
        assert_eq!(found.watched, 100);
    }

    #[test]
    fn nobody_waits_while_the_process_sleeps() {
        let before = now();
        // As if it had slept for as long as it has been there, and an hour: what waits now has not waited.
        slept(Duration::from_secs(3600));
        assert!(now() <= before, "an hour of sleep is no time");
        SLEPT.store(0, Relaxed);
    }

    #[test]
    fn who_is_watched_is_counted_once() {
        let count = || WAITED.iter().map(|count| count.load(Relaxed)).sum::<u64>();
        // No node is there: an address is a multiple of 8, so nobody else frees it.
        let address = usize::MAX;
        let before = count();
        watch(address);
        freed(address - 16 * PLACES);
        freed(address);
        freed(address);
        // Tests that run meanwhile may add theirs.
        assert!(count() > before);
        assert_ne!(place(address).address.load(Relaxed), address);
    }
}
