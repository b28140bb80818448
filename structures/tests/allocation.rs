//! Tables that must grow when there is no memory for it: a global allocator refuses large arrays.
//!
//! Each array that a growth asks for is refused in turn. Where there is a way to say so, the answer is
//! an error; the table must hold what it held, serve on, and grow when there is memory again.
#![cfg(not(any(loom, shuttle)))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::ptr;

use foldhash::fast::FixedState;
use structures::cuckoo::GrowError;
use structures::map::{ConcurrentMap, DirectMap, MapHandle};
use structures::reclaim::Epoch;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

/// Bytes from which on an allocation counts as large: nodes and what a thread registers are smaller.
const LARGE: usize = 8192;

thread_local! {
    /// Large allocations of this thread until one is refused; all later ones are, too.
    static UNTIL_REFUSED: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Large allocations that were granted.
    static GRANTED: Cell<usize> = const { Cell::new(0) };
}

struct Refusing;

fn is_refused(layout: Layout) -> bool {
    if layout.size() < LARGE {
        return false;
    }
    let left = UNTIL_REFUSED.get();
    if left > 0 {
        UNTIL_REFUSED.set(left - 1);
        GRANTED.set(GRANTED.get() + 1);
    }
    left == 0
}

// SAFETY: all that is not refused is the system allocator's.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's; `alloc` had it from the system's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// What `run` answers when all but the first `granted` large allocations are refused.
fn refusing<T>(granted: usize, run: impl FnOnce() -> T) -> T {
    UNTIL_REFUSED.set(granted);
    let answer = run();
    UNTIL_REFUSED.set(usize::MAX);
    answer
}

/// How many large allocations `run` makes.
fn large_allocations(run: impl FnOnce()) -> usize {
    let before = GRANTED.get();
    run();
    GRANTED.get() - before
}

/// Says `Err` if there was no room.
type Insert<M> = fn(&M, u64) -> Result<bool, GrowError>;

/// A table that is about to grow: the next key is the returned one.
fn about_to_grow<M: ConcurrentMap<u64, u64>>(map: &M, insert: Insert<M>) -> u64 {
    refusing(0, || (0..).find(|key| insert(map, *key).is_err()).expect("it grows at some time"))
}

fn holds<M: ConcurrentMap<u64, u64>>(map: &M, keys: std::ops::Range<u64>) {
    let mut handle = map.handle();
    assert_eq!(map.len() as u64, keys.end - keys.start);
    assert!(keys.clone().all(|key| handle.get(&key) == Some(key)), "an entry is missing");
    assert_eq!(handle.get(&keys.end), None);
    let mut seen = 0;
    handle.for_each(|key, value| {
        assert!(keys.contains(key) && key == value);
        seen += 1;
    });
    assert_eq!(seen, keys.end - keys.start);
}

/// Refuses each array of a growth in turn.
fn a_refused_growth_is_an_error<M: ConcurrentMap<u64, u64>>(make: fn() -> M, insert: Insert<M>) {
    let twin = make();
    let last = about_to_grow(&twin, insert);
    let arrays = large_allocations(|| assert_eq!(insert(&twin, last), Ok(true)));
    assert!(arrays > 0, "it did not grow");
    for granted in 0..arrays {
        let map = make();
        let next = about_to_grow(&map, insert);
        for _ in 0..2 {
            let answer = refusing(granted, || insert(&map, next));
            assert!(
                matches!(answer, Err(GrowError::AllocFailed { bytes }) if bytes >= LARGE),
                "array {granted} of {arrays}: {answer:?}"
            );
            holds(&map, 0..next);
        }
        // What is there can be changed, and what goes makes room.
        let mut handle = map.handle();
        refusing(0, || {
            assert_eq!(handle.update(&0, |value| value + 1), Some(0));
            assert_eq!(handle.remove(&0), Some(1));
            assert_eq!(insert(&map, 0), Ok(true));
        });
        holds(&map, 0..next);
        // There is memory again.
        assert!((next..4 * next).all(|key| insert(&map, key) == Ok(true)));
        holds(&map, 0..4 * next);
    }
}

fn optimistic() -> CuckooOptimistic<u64, u64, FixedState> {
    CuckooOptimistic::with_capacity_and_hasher(10_000, FixedState::with_seed(1))
}

fn items() -> CuckooOptimisticItems<u64, u64, Epoch, FixedState> {
    CuckooOptimisticItems::with_capacity_and_hasher_in(
        10_000,
        FixedState::with_seed(1),
        Epoch::default(),
    )
}

fn striped() -> CuckooStriped<u64, u64, FixedState> {
    CuckooStriped::with_capacity_and_hasher(10_000, FixedState::with_seed(1))
}

#[test]
fn a_cuckoo_table_says_that_it_cannot_grow() {
    a_refused_growth_is_an_error(optimistic, |map, key| map.try_insert(key, key));
    a_refused_growth_is_an_error(items, |map, key| map.handle().pin().try_insert(key, key));
    a_refused_growth_is_an_error(striped, |map, key| {
        map.try_insert(key, key).map_err(|error| error.reason)
    });
}

#[test]
fn what_cannot_be_reserved_is_an_error() {
    let arrays = large_allocations(|| assert_eq!(striped().try_reserve(1_000_000), Ok(())));
    let made = large_allocations(|| drop(striped()));
    assert!(arrays > made);
    for granted in 0..arrays - made {
        let map = striped();
        assert!((0..500).all(|key| map.insert(key, key)));
        let (capacity, answer) = (map.capacity(), refusing(granted, || map.try_reserve(1_000_000)));
        assert!(matches!(answer, Err(GrowError::AllocFailed { .. })), "{granted}: {answer:?}");
        assert_eq!(map.capacity(), capacity);
        holds(&map, 0..500);
        assert_eq!(map.try_reserve(1_000_000), Ok(()));
        holds(&map, 0..500);
    }
}

/// `insert` has no error to give: it panics, and the table is what it was.
#[test]
fn an_insertion_without_room_panics_and_leaves_the_table() {
    fn check<M: DirectMap<u64, u64> + ConcurrentMap<u64, u64>>(map: M) {
        let insert = |key| catch_unwind(AssertUnwindSafe(|| DirectMap::insert(&map, key, key)));
        let next = refusing(0, || (0..).find(|key| insert(*key).is_err()).expect("it grows"));
        holds(&map, 0..next);
        assert!((next..4 * next).all(|key| insert(key).expect("there is memory")));
        holds(&map, 0..4 * next);
    }
    // The usual report of a panic allocates.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if UNTIL_REFUSED.get() == usize::MAX {
            report(info);
        }
    }));
    check(ChainingInline::<u64, u64, FixedState>::with_capacity_and_hasher(
        10_000,
        FixedState::with_seed(1),
    ));
    check(optimistic());
    check(striped());
}

/// Buckets only shorten chains: a table that cannot have more goes on with those that it has.
fn does_without_more_buckets<M: ConcurrentMap<u64, u64>>(map: M) {
    let mut handle = map.handle();
    let (before, granted) = (map.capacity(), GRANTED.get());
    refusing(0, || assert!((0..50_000).all(|key| handle.insert(key, key))));
    assert_eq!((map.capacity(), GRANTED.get()), (before, granted));
    holds(&map, 0..50_000);
    // There is memory again.
    assert!((50_000..60_000).all(|key| handle.insert(key, key)));
    assert!(GRANTED.get() > granted && map.capacity() > before, "it grows when it can");
    holds(&map, 0..60_000);
}

#[test]
fn chains_get_longer_where_there_are_no_more_buckets() {
    let hasher = || FixedState::with_seed(1);
    type LockFree = ChainingLockFree<u64, u64, Epoch, FixedState>;
    let lock_free = LockFree::with_capacity_and_hasher_in(10_000, hasher(), Epoch::default());
    does_without_more_buckets(lock_free);
    type BucketLock = ChainingBucketLock<u64, u64, FixedState>;
    does_without_more_buckets(BucketLock::with_capacity_and_hasher(10_000, hasher()));
    type GlobalLock = ChainingGlobalLock<u64, u64, FixedState>;
    does_without_more_buckets(GlobalLock::with_capacity_and_hasher(10_000, hasher()));
}
