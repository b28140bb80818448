//! What schemes promise, for each of them: their capabilities under faults, the lifetime of single
//! nodes, and the batch.
//!
//! The meter counts per process, so these tests are a process of their own and run one after the
//! other.
#![cfg(feature = "meter")]

use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;

use foldhash::fast::RandomState;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};
use structures::meter;
use structures::reclaim::{
    Debra, Guard, Hazard, Ibr, Leak, Node, Participant, Payload, Reclaimer, SLOTS, Seize, Visitor,
    for_each,
};
use structures::sync::{AtomicPtr, Ordering};
use structures::{ChainingLockFree, CuckooOptimisticItems};

type Table<R> = ChainingLockFree<u64, u64, R>;

/// Retirements that show whether memory is bounded.
const MANY: u64 = 100_000;
/// More than any scheme keeps that is not held up: a few of the largest batches.
const BOUNDED: u64 = 8_000;

fn frees<R: Reclaimer>() -> bool {
    R::NAME != Leak::NAME
}

/// One test at a time, and what was unreclaimed when it started.
struct Meter(u64, #[allow(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Meter {
    fn start() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Self::now(), one)
    }

    fn now() -> u64 {
        meter::read().expect("built with the feature `meter`").unreclaimed().nodes
    }

    /// Nodes retired since and not freed.
    fn unreclaimed(&self) -> u64 {
        Self::now() - self.0
    }
}

/// Runs a test for each scheme.
macro_rules! for_each_scheme {
    ($($test:ident: $check:ident;)*) => {$(
        #[test]
        fn $test() {
            struct Each;
            impl Visitor for Each {
                fn visit<R: Reclaimer + 'static>(&mut self) {
                    println!("{}", R::NAME);
                    $check::<R>(&Meter::start());
                }
            }
            for_each(&mut Each);
        }
    )*};
}

for_each_scheme! {
    a_stalled_reader_holds_up_what_its_scheme_says: stalled_reader;
    an_idle_thread_holds_up_what_its_scheme_says: idle_thread;
    removals_alone_are_freed: shrinking;
    what_threads_leave_retired_is_freed_by_others: exits;
    a_guard_outlives_growth: growth;
    a_protected_node_outlives_its_retirement: protection_of_new;
    guards_of_different_ages_protect: staggered;
    what_was_left_behind_is_adopted: adoption;
    a_domain_frees_what_is_pending: pending_at_drop;
    a_small_batch_is_obeyed: small_batch;
    a_large_batch_is_obeyed: large_batch;
}

/// Inserts and removes one key; each time one node is retired.
fn churn(handle: &mut impl MapHandle<u64, u64>, times: u64) {
    for value in 0..times {
        assert!(handle.insert(u64::MAX, value));
        assert_eq!(handle.remove(&u64::MAX), Some(value));
    }
}

/// In a thread of its own, which registers, works and leaves.
fn churn_elsewhere<R: Reclaimer>(map: &Table<R>, times: u64) {
    elsewhere(|| churn(&mut map.handle(), times));
}

fn elsewhere<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    in_a_thread(Box::new(f))
}

/// Compiled once for each `T`, and not for each table.
fn in_a_thread<T: Send>(f: Box<dyn FnOnce() -> T + Send + '_>) -> T {
    thread::scope(|scope| scope.spawn(f).join()).expect("no panic")
}

/// `Caps::is_robust` is what it says: bounded with it, and without it nothing is freed that was retired
/// after the reader stalled.
fn stalled_reader<R: Reclaimer + 'static>(meter: &Meter) {
    let map = Table::<R>::default();
    assert!((0..64).all(|key| map.handle().insert(key, key)));
    let read = map.handle().get_with(&1, |value| {
        let unreclaimed = elsewhere(|| {
            let mut handle = map.handle();
            // First nothing but insertions, then nothing but removals, of what is read too.
            assert!((100..MANY / 5).all(|key| handle.insert(key, key)));
            assert_eq!(handle.remove(&1), Some(1));
            assert!((100..MANY / 5).all(|key| handle.remove(&key).is_some()));
            let parts = (0..100).map(|_| {
                churn(&mut handle, MANY / 100);
                meter.unreclaimed()
            });
            parts.max().expect("some parts")
        });
        if R::CAPS.is_robust() {
            assert!(unreclaimed < BOUNDED, "{} kept {unreclaimed} nodes", R::NAME);
        } else {
            assert!(unreclaimed > MANY / 10 * 9, "{} kept only {unreclaimed}", R::NAME);
        }
        *value
    });
    assert_eq!(read, Some(1));
    drop(map);
    assert!(!frees::<R>() || meter.unreclaimed() == 0, "{}", R::NAME);
}

/// Removals alone, under guards that end, but each of which begins before the next has been retired.
fn shrinking<R: Reclaimer + 'static>(meter: &Meter) {
    let map = Table::<R>::default();
    let (mut reader, mut writer) = (map.handle(), map.handle());
    assert!((0..MANY / 5).all(|key| writer.insert(key, key)));
    for first in (0..MANY / 5).step_by(500) {
        reader.get_with(&(MANY / 5 - 1), |_| {
            assert!((first..first + 500).all(|key| writer.remove(&key).is_some()));
        });
    }
    let unreclaimed = meter.unreclaimed();
    assert!(!frees::<R>() || unreclaimed < BOUNDED, "{} kept {unreclaimed} nodes", R::NAME);
}

/// A thread that has worked, is registered, and does nothing.
fn idle_thread<R: Reclaimer + 'static>(meter: &Meter) {
    let map = Table::<R>::default();
    let mut idle = map.handle();
    assert!(idle.insert(1, 1));
    churn_elsewhere(&map, MANY);
    let unreclaimed = meter.unreclaimed();
    if R::CAPS.needs_quiescence || !frees::<R>() {
        assert!(unreclaimed > MANY / 10 * 9, "{} kept only {unreclaimed}", R::NAME);
    } else {
        assert!(unreclaimed < BOUNDED, "{} kept {unreclaimed} nodes", R::NAME);
    }
    if R::CAPS.needs_quiescence {
        idle.offline(|| churn_elsewhere(&map, MANY));
        let unreclaimed = meter.unreclaimed();
        assert!(unreclaimed < BOUNDED, "{} kept {unreclaimed} nodes", R::NAME);
    }
    assert_eq!(idle.get(&1), Some(1));
}

/// Threads leave while a guard may hold what they have retired.
fn exits<R: Reclaimer + 'static>(meter: &Meter) {
    const EACH: u64 = 20;
    let map = Table::<R>::with_capacity_and_hasher_in(0, RandomState::default(), R::new(Some(50)));
    assert!(map.handle().insert(1, 1));
    map.handle().get_with(&1, |_| (0..MANY / EACH / 5).for_each(|_| churn_elsewhere(&map, EACH)));
    if !frees::<R>() {
        return;
    }
    churn_elsewhere(&map, MANY);
    let unreclaimed = meter.unreclaimed();
    assert!(unreclaimed < BOUNDED, "{}: {unreclaimed} nodes are nobody's", R::NAME);
    drop(map);
    assert_eq!(meter.unreclaimed(), 0, "{}", R::NAME);
}

/// One guard, before, while and after the table doubles some times and drops its smaller versions.
fn growth<R: Reclaimer + 'static>(_: &Meter) {
    fn check(map: &impl ConcurrentMap<u64, u64>) {
        const KEYS: u64 = 20_000;
        let mut reader = map.handle();
        assert!((0..16).all(|key| reader.insert(key, key)));
        let mut pinned = reader.pin();
        let grow = || {
            let mut writer = map.handle();
            assert!((16..KEYS).all(|key| writer.insert(key, key)));
            assert!((0..KEYS).all(|key| writer.update(&key, |value| value + 1) == Some(key)));
        };
        pinned.get_with(&1, |value| {
            elsewhere(grow);
            assert_eq!(*value, 1, "the value that was read first, replaced since");
        });
        assert!((0..KEYS).all(|key| pinned.get(&key) == Some(key + 1)));
    }
    check(&Table::<R>::default());
    check(&CuckooOptimisticItems::<u64, u64, R>::default());
}

/// Counts those of its kind that are alive.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(alive: &Arc<AtomicU64>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Payload for Counted {}

/// Retires nodes that were never in a link, each in a guard of its own.
fn retire_new<R: Reclaimer>(domain: &R, thread: &mut R::Participant<'_>, nodes: u64) {
    let alive = Arc::default();
    for _ in 0..nodes {
        let mut guard = thread.enter();
        let node = Node::alloc(domain, Counted::new(&alive)).publish();
        // SAFETY: reclaim-D2: in no link, so unreachable; allocated for this domain; once.
        unsafe { guard.retire(node) };
    }
}

/// A link to a new node.
fn link<R: Reclaimer>(domain: &R, alive: &Arc<AtomicU64>) -> AtomicPtr<Node<R, Counted>> {
    AtomicPtr::new(Node::alloc(domain, Counted::new(alive)).publish())
}

/// Empties the link and retires its node.
fn unlink<R: Reclaimer>(thread: &mut R::Participant<'_>, link: &AtomicPtr<Node<R, Counted>>) {
    let node = link.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: reclaim-D2: it was in this link alone, and we took it out, once.
    unsafe { thread.enter().retire(node) };
}

/// A second participant of the same thread retires what the first one's guard protects, in each of
/// its slots, and frees it when the guard has ended, not before.
fn protection<R: Reclaimer>(domain: &R) {
    let alive = Arc::default();
    let (mut first, mut second) = (domain.register(), domain.register());
    let links = [(); SLOTS].map(|()| link(domain, &alive));
    let mut guard = first.enter();
    for (slot, link) in links.iter().enumerate() {
        guard.protect(slot, link);
    }
    links.iter().for_each(|link| unlink(&mut second, link));
    retire_new(domain, &mut second, 5_000);
    assert_eq!(alive.load(Ordering::Relaxed), SLOTS as u64, "{}: freed under a guard", R::NAME);
    drop(guard);
    // The epoch has to get past what was retired under the guard.
    retire_new(domain, &mut second, 20_000);
    let left = alive.load(Ordering::Relaxed);
    assert!(!frees::<R>() || left == 0, "{}: {left} were not freed", R::NAME);
}

fn protection_of_new<R: Reclaimer + 'static>(_: &Meter) {
    protection(&R::new(Some(1)));
    protection(&R::new(None));
}

/// What a node leads to.
struct Leads(AtomicPtr<Node<Ibr, Counted>>);

impl Payload for Leads {}

/// Intervals protect what is loaded while it is reachable, as hazard pointers do: what is reachable over
/// a retired node may have been freed, so that a traversal has to validate.
#[test]
fn intervals_do_not_protect_what_a_retired_node_leads_to() {
    let _meter = Meter::start();
    let domain = <Ibr as Reclaimer>::new(Some(1));
    let (mut reader, mut writer) = (Reclaimer::register(&domain), Reclaimer::register(&domain));
    let first = Node::alloc(&domain, Leads(AtomicPtr::default())).publish();
    let root = AtomicPtr::new(first);
    let mut guard = Participant::enter(&mut reader);
    let held = guard.protect(0, &root);
    // Born after the guard's interval, and linked behind what the guard holds.
    let alive = Arc::default();
    retire_new(&domain, &mut writer, 2);
    let second = Node::alloc(&domain, Counted::new(&alive)).publish();
    // SAFETY: `held` is protected, and was loaded while reachable.
    unsafe { &*held }.0.store(second, Ordering::Release);
    root.store(ptr::null_mut(), Ordering::Release);
    // SAFETY: reclaim-D2: the root alone led there, and does not any more; once.
    unsafe { Participant::enter(&mut writer).retire(first) };
    // SAFETY: reclaim-D2: only a retired node leads there, and no operation that starts later gets to
    // it; once.
    unsafe { Participant::enter(&mut writer).retire(second) };
    retire_new(&domain, &mut writer, 4);
    assert_eq!(
        alive.load(Ordering::Relaxed),
        0,
        "held up by an interval that ended before its birth"
    );
    // SAFETY: as above: the guard lives.
    let lead = unsafe { &*held }.0.load(Ordering::Acquire);
    assert_eq!(lead, second, "the retired node leads there still");
}

#[test]
fn without_membarrier_it_is_the_same() {
    let _meter = Meter::start();
    for batch in [Some(0), Some(1), None] {
        protection(&Hazard::symmetric(batch));
        protection(&Debra::symmetric(batch));
        protection(&Ibr::symmetric(batch));
    }
    assert!(format!("{:?}", Hazard::symmetric(None)).contains("fences: Symmetric"));
    assert!(format!("{:?}", Debra::symmetric(None)).contains("fences: Symmetric"));
    assert!(format!("{:?}", Ibr::symmetric(None)).contains("fences: Symmetric"));
}

/// A guard that began before the last epoch retires what a later guard protects, while the other
/// threads go on.
fn staggered<R: Reclaimer + 'static>(_: &Meter) {
    let alive = Arc::default();
    let domain = R::new(Some(1));
    let (mut old, mut young) = (domain.register(), domain.register());
    let mut others = domain.register();
    let link = link(&domain, &alive);
    let mut writing = old.enter();
    retire_new(&domain, &mut others, 10);
    let mut reading = young.enter();
    let node = reading.protect(0, &link);
    link.store(ptr::null_mut(), Ordering::Release);
    // SAFETY: reclaim-D2: it was in this link alone, and we took it out, once.
    unsafe { writing.retire(node) };
    drop(writing);
    for _ in 0..3 {
        retire_new(&domain, &mut others, 10);
        retire_new(&domain, &mut old, 10);
    }
    assert_eq!(alive.load(Ordering::Relaxed), 1, "{}: freed under a guard", R::NAME);
    drop(reading);
    retire_new(&domain, &mut old, 20_000);
    assert_eq!(alive.load(Ordering::Relaxed), u64::from(!frees::<R>()), "{}", R::NAME);
}

/// A participant leaves while another's guard protects what it has retired; then `next`.
fn left_behind<R: Reclaimer>(
    domain: &R,
    alive: &Arc<AtomicU64>,
    next: impl FnOnce(R::Participant<'_>),
) {
    let (mut reader, mut writer) = (domain.register(), domain.register());
    let link = link(domain, alive);
    let mut guard = reader.enter();
    guard.protect(0, &link);
    unlink(&mut writer, &link);
    drop(writer);
    assert_eq!(alive.load(Ordering::Relaxed), 1, "{}: freed under a guard", R::NAME);
    drop(guard);
    next(reader);
}

/// Nobody retires anything later.
fn pending_at_drop<R: Reclaimer + 'static>(_: &Meter) {
    let (domain, alive) = (R::new(None), Arc::default());
    left_behind(&domain, &alive, |reader| drop(reader));
    drop(domain);
    assert_eq!(alive.load(Ordering::Relaxed), u64::from(!frees::<R>()), "{}", R::NAME);
}

/// Another thread that goes on retiring frees it.
fn adoption<R: Reclaimer + 'static>(_: &Meter) {
    let (domain, alive) = (R::new(None), Arc::default());
    left_behind(&domain, &alive, |mut reader| {
        retire_new(&domain, &mut reader, 20_000);
        assert_eq!(alive.load(Ordering::Relaxed), u64::from(!frees::<R>()), "{}", R::NAME);
    });
}

/// seize hands over no batch that has fewer nodes than there are threads in a guard.
#[test]
fn who_leaves_seize_leaves_no_batch_behind() {
    const READERS: usize = 3;
    let _meter = Meter::start();
    let (domain, alive) = (Seize::new(None), Arc::default());
    let (entered, retired) = (Barrier::new(READERS + 1), Barrier::new(READERS + 1));
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let mut reader = domain.register();
                let _guard = reader.enter();
                entered.wait();
                retired.wait();
            });
        }
        entered.wait();
        elsewhere(|| unlink(&mut domain.register(), &link(&domain, &alive)));
        assert_eq!(alive.load(Ordering::Relaxed), 1, "freed under guards");
        retired.wait();
    });
    assert_eq!(alive.load(Ordering::Relaxed), 0, "nobody hands it over");
}

fn small_batch<R: Reclaimer + 'static>(meter: &Meter) {
    if !R::CAPS.takes_batch {
        return;
    }
    for batch in [0, 1, 10] {
        let domain = R::new(Some(batch));
        let mut thread = domain.register();
        for _ in 0..1_000 {
            retire_new(&domain, &mut thread, 1);
            let unreclaimed = meter.unreclaimed();
            let bound = 4 * batch as u64 + 16;
            assert!(unreclaimed <= bound, "{} kept {unreclaimed} of {batch}", R::NAME);
        }
    }
}

fn large_batch<R: Reclaimer + 'static>(meter: &Meter) {
    if !R::CAPS.takes_batch {
        return;
    }
    let domain = R::new(Some(5_000));
    let mut thread = domain.register();
    retire_new(&domain, &mut thread, 4_999);
    assert_eq!(meter.unreclaimed(), 4_999, "{} freed before the batch was full", R::NAME);
    retire_new(&domain, &mut thread, 45_000);
    let unreclaimed = meter.unreclaimed();
    assert!(unreclaimed <= 20_000, "{} kept {unreclaimed}", R::NAME);
    drop(thread);
    let domain = R::new(Some(usize::MAX));
    let unreclaimed = meter.unreclaimed();
    retire_new(&domain, &mut domain.register(), 100);
    drop(domain);
    assert!(meter.unreclaimed() <= unreclaimed, "{} frees at the latest with its domain", R::NAME);
}
