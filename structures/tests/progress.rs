//! Progress, measured: `ci/shuttle.sh`.
//!
//! A victim is left standing before each step of an operation in turn, and another thread runs an
//! operation on the same key: if that one cannot end, it is blocked. And an operation may take one
//! step, or some, and then others complete a whole conflicting one, again and again: if it does not
//! end, it starves. What is found must agree with what the table says of itself
//! ([`MapInfo`](structures::map::MapInfo)).
#![cfg(shuttle)]

mod adversary;

use std::hash::{BuildHasherDefault, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use adversary::Turn::{End, Operation, Steps};
use adversary::{Plan, follow};
use shuttle::thread;
use structures::exclusion::{BucketLocks, GlobalLock, Optimistic, SingleWriter};
use structures::map::{ConcurrentMap, MapHandle, MapInfo, Progress};
use structures::reclaim::{Reclaimer, RefCounts, RootScheme, Visitor, for_each};
use structures::versioned::cow::{Cas, Cow, Locked, Writers};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Bundled, Counted, Hamt, Sharing};
use structures::versioned::log::HerlihyLog;
use structures::versioned::map::VersionedMap;
use structures::versioned::psim::PSim;
use structures::versioned::{HamtPsim, LeftRightTable, LogHerlihy, SHARDS};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

/// The same hash for all keys, so that operations meet; each run is as the last.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        0x0123_4567_89AB_CDEF
    }

    fn write(&mut self, _: &[u8]) {}
}

type State = BuildHasherDefault<Same>;

/// What a thread does to the table, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Do {
    Get,
    Insert,
    Update,
    Remove,
}

const ALL: [Do; 4] = [Do::Get, Do::Insert, Do::Update, Do::Remove];

/// The key that is there, and one that is not; both have the same hash.
const PRESENT: u64 = 1;
const ABSENT: u64 = 2;

impl Do {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Remove => "remove",
        }
    }

    fn claimed(self, info: MapInfo) -> Progress {
        match self {
            Self::Get => info.get,
            Self::Insert => info.insert,
            Self::Update => info.update,
            Self::Remove => info.remove,
        }
    }

    fn run(self, handle: &mut dyn Operations) {
        match self {
            Self::Get => handle.get(PRESENT),
            Self::Insert => _ = handle.insert(ABSENT, 7),
            Self::Update => handle.add_one(PRESENT),
            Self::Remove => _ = handle.remove(PRESENT),
        }
    }
}

/// A table behind a pointer, so that what is measured is compiled once and not for each table.
trait Table: Send + Sync {
    fn handle(&self) -> Box<dyn Operations + '_>;
}

/// A handle of it.
trait Operations {
    fn get(&mut self, key: u64);
    fn insert(&mut self, key: u64, value: u64) -> bool;
    fn add_one(&mut self, key: u64);
    fn remove(&mut self, key: u64) -> bool;
}

struct OfMap<M>(M);

impl<M: ConcurrentMap<u64, u64>> Table for OfMap<M> {
    fn handle(&self) -> Box<dyn Operations + '_> {
        Box::new(OfHandle(self.0.handle()))
    }
}

struct OfHandle<H>(H);

impl<H: MapHandle<u64, u64>> Operations for OfHandle<H> {
    fn get(&mut self, key: u64) {
        self.0.get(&key);
    }

    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    fn add_one(&mut self, key: u64) {
        self.0.update(&key, |value| value + 1);
    }

    fn remove(&mut self, key: u64) -> bool {
        self.0.remove(&key).is_some()
    }
}

/// How a table is made, and what it says of itself.
#[derive(Clone)]
struct Maker {
    make: Arc<dyn Fn() -> Box<dyn Table> + Send + Sync>,
    info: MapInfo,
}

impl Maker {
    fn new<M: ConcurrentMap<u64, u64> + 'static>(make: fn() -> M) -> Self {
        Self { make: Arc::new(move || Box::new(OfMap(make()))), info: M::INFO }
    }

    /// A table, with `PRESENT` in it.
    fn table(&self) -> Arc<dyn Table> {
        let map: Arc<dyn Table> = Arc::from((self.make)());
        let mut handle = map.handle();
        assert!(FILLERS.chain([PRESENT]).all(|key| handle.insert(key, 0)));
        drop(handle);
        map
    }
}

/// Changes what `operation` looks at, each time it is called.
fn attack(handle: &mut dyn Operations, operation: Do, round: usize) {
    if operation == Do::Update {
        handle.add_one(PRESENT);
        return;
    }
    let key = if round % 4 < 2 { ABSENT } else { PRESENT };
    if !handle.remove(key) {
        handle.insert(key, round as u64);
    }
}

/// As many as fill a bucket of a cuckoo table, so that `PRESENT` is in its other one.
const FILLERS: std::ops::Range<u64> = 10..14;

/// Thread 1 does `first`, thread 2 `second`; ends when both have.
fn two(
    maker: &Maker,
    first: impl FnOnce(&mut dyn Operations) + Send + 'static,
    second: impl FnOnce(&mut dyn Operations) + Send + 'static,
) {
    let map = maker.table();
    let other = Arc::clone(&map);
    let threads =
        [thread::spawn(move || alone(&*map, first)), thread::spawn(move || alone(&*other, second))];
    for thread in threads {
        thread.join().expect("it ends");
    }
}

fn alone(map: &dyn Table, f: impl FnOnce(&mut dyn Operations)) {
    let mut handle = map.handle();
    // Neither registration nor leaving belongs to the operation.
    adversary::operation_completed();
    f(&mut *handle);
    adversary::operation_completed();
    adversary::ends();
}

/// The step of `victim` before which it must stand for `operation` to be blocked.
fn blocked_by(maker: &Maker, operation: Do, victim: Do) -> Option<usize> {
    for steps in 0.. {
        // Both have registered; the victim takes some steps; then the other's turn.
        let plan: Plan = vec![(1, Operation), (2, Operation), (1, Steps(steps)), (2, End)];
        let maker = maker.clone();
        let model = move || two(&maker, move |h| victim.run(h), move |h| operation.run(h));
        let ((), trace) = follow(&plan, model);
        if trace.stopped.contains(&2) {
            return Some(steps);
        }
        if trace.early.contains(&1) {
            return None;
        }
    }
    unreachable!("operations end")
}

/// Whether `operation` does not end while another thread changes the table many times.
fn starves(maker: &Maker, operation: Do) -> bool {
    // More than the steps of any operation that ends.
    const ATTACKS: usize = 400;
    (1..=16).any(|every| {
        let mut plan: Plan = vec![(1, Operation), (2, Operation)];
        plan.extend([(1, Steps(every)), (2, Operation)].into_iter().cycle().take(2 * ATTACKS));
        let maker = maker.clone();
        let ((), trace) = follow(&plan, move || {
            two(
                &maker,
                move |handle| operation.run(handle),
                move |handle| {
                    for round in 0..ATTACKS {
                        attack(handle, operation, round);
                        adversary::operation_completed();
                    }
                },
            );
        });
        !trace.early.contains(&1) && trace.of(1).steps >= ATTACKS * every
    })
}

/// Measures each operation, prints what it found, and compares that with what the table says.
fn check(name: &str, maker: &Maker) {
    assert!(maker.info.progress_is_tested, "{name} says that it is not tested");
    for operation in ALL {
        let claimed = operation.claimed(maker.info);
        let blocked =
            ALL.iter().find_map(|&victim| Some((victim, blocked_by(maker, operation, victim)?)));
        let starved = blocked.is_none() && starves(maker, operation);
        let seen = match blocked {
            Some((victim, step)) => format!("blocked by {} after its step {step}", victim.name()),
            None if starved => "others go on, it starves".to_owned(),
            None => "nothing stops it".to_owned(),
        };
        let claim = claimed.to_string();
        println!("{name:<38} {:<7} {claim:<10} {seen}", operation.name());
        let agrees = match claimed {
            Progress::WaitFree => blocked.is_none() && !starved,
            Progress::LockFree => blocked.is_none(),
            Progress::Blocking => blocked.is_some(),
            Progress::Unknown => false,
        };
        assert!(agrees, "{name}: {} says it is {claimed}, but: {seen}", operation.name());
    }
}

macro_rules! tables {
    ($($test:ident: $table:ty;)*) => {
        $(
            #[test]
            fn $test() {
                check(stringify!($test), &Maker::new(<$table>::default));
            }
        )*
    };
}

/// A table for every scheme that looks after roots.
trait Rooted {
    type Map<R: RootScheme + 'static>: ConcurrentMap<u64, u64> + 'static;
    fn new<R: RootScheme + 'static>() -> Self::Map<R>;
}

/// A table for every scheme.
trait Family {
    type Map<R: Reclaimer + 'static>: ConcurrentMap<u64, u64> + 'static;
    fn new<R: Reclaimer + 'static>() -> Self::Map<R>;
}

impl<F: Rooted> Family for F {
    type Map<R: Reclaimer + 'static> = F::Map<R>;

    fn new<R: Reclaimer + 'static>() -> Self::Map<R> {
        <F as Rooted>::new::<R>()
    }
}

/// So that each retirement is followed by all that a scheme ever does, where it takes a batch.
const BATCH: Option<usize> = Some(1);

struct Lists;
impl Family for Lists {
    type Map<R: Reclaimer + 'static> = ChainingLockFree<u64, u64, R, State>;
    fn new<R: Reclaimer + 'static>() -> Self::Map<R> {
        ChainingLockFree::with_capacity_and_hasher_in(0, State::default(), R::new(BATCH))
    }
}

struct Items;
impl Family for Items {
    type Map<R: Reclaimer + 'static> = CuckooOptimisticItems<u64, u64, R, State, 4>;
    fn new<R: Reclaimer + 'static>() -> Self::Map<R> {
        CuckooOptimisticItems::with_capacity_and_hasher_in(0, State::default(), R::new(BATCH))
    }
}

struct FlatCow<W>(PhantomData<W>);
impl<W: Writers + 'static> Rooted for FlatCow<W> {
    type Map<R: RootScheme + 'static> =
        VersionedMap<Flat<u64, u64>, Cow<Flat<u64, u64>, R, W>, State>;
    fn new<R: RootScheme + 'static>() -> Self::Map<R> {
        let cow = Cow::new_in(R::new(BATCH), Flat::default);
        VersionedMap::with_hasher_over(State::default(), cow)
    }
}

struct TrieCow<P, const ROOTS: usize>(PhantomData<P>);
impl<P: Sharing + 'static, const ROOTS: usize> Rooted for TrieCow<P, ROOTS> {
    type Map<R: RootScheme + 'static> =
        VersionedMap<Hamt<u64, u64, P>, Cow<Hamt<u64, u64, P>, R, Cas, ROOTS>, State>;
    fn new<R: RootScheme + 'static>() -> Self::Map<R> {
        VersionedMap::with_hasher_over(State::default(), Cow::new_in(R::new(BATCH), Hamt::new))
    }
}

struct TriePsim;
impl Family for TriePsim {
    type Map<R: Reclaimer + 'static> = HamtPsim<u64, u64, R, State>;
    fn new<R: Reclaimer + 'static>() -> Self::Map<R> {
        let psim = PSim::new_in(R::new(BATCH), Hamt::new());
        VersionedMap::with_hasher_over(State::default(), psim)
    }
}

struct TriesAndLog;
impl Family for TriesAndLog {
    type Map<R: Reclaimer + 'static> = LogHerlihy<u64, u64, R, State>;
    fn new<R: Reclaimer + 'static>() -> Self::Map<R> {
        let log = HerlihyLog::new_in(R::new(BATCH), Hamt::new());
        VersionedMap::with_hasher_over(State::default(), log)
    }
}

/// Checks a table under each scheme that says that its progress is tested.
struct Under<F>(&'static str, PhantomData<F>);

impl<F: Family> Visitor for Under<F> {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        if R::CAPS.progress_is_tested {
            check(&format!("{} {}", self.0, R::NAME), &Maker::new(F::new::<R>));
        }
    }
}

fn under_all<F: Family>(name: &'static str) {
    for_each(&mut Under::<F>(name, PhantomData));
}

fn with_counts<F: Rooted>(name: &'static str) {
    under_all::<F>(name);
    check(&format!("{name} {}", RefCounts::NAME), &Maker::new(<F as Rooted>::new::<RefCounts>));
}

macro_rules! families {
    ($($test:ident: $with:ident::<$family:ty>;)*) => {
        $(
            #[test]
            fn $test() {
                $with::<$family>(stringify!($test));
            }
        )*
    };
}

families! {
    chaining_lock_free: under_all::<Lists>;
    cuckoo_optimistic_items: under_all::<Items>;
    cow_lock: with_counts::<FlatCow<Locked>>;
    cow_cas: with_counts::<FlatCow<Cas>>;
    hamt_cas: with_counts::<TrieCow<Bundled, 1>>;
    hamt_cas_counted: with_counts::<TrieCow<Counted, 1>>;
    hamt_sharded: with_counts::<TrieCow<Bundled, SHARDS>>;
    hamt_psim: under_all::<TriePsim>;
    log_herlihy: under_all::<TriesAndLog>;
}

tables! {
    chaining_global_lock: ChainingGlobalLock<u64, u64, State>;
    chaining_bucket_lock: ChainingBucketLock<u64, u64, State>;
    chaining_inline: ChainingInline<u64, u64, State, Optimistic>;
    chaining_inline_single_writer: ChainingInline<u64, u64, State, SingleWriter>;
    chaining_inline_bucket_locks: ChainingInline<u64, u64, State, BucketLocks>;
    chaining_inline_global_lock: ChainingInline<u64, u64, State, GlobalLock>;
    cuckoo_optimistic: CuckooOptimistic<u64, u64, State, 4>;
    cuckoo_optimistic_single_writer: CuckooOptimistic<u64, u64, State, 4, SingleWriter>;
    cuckoo_optimistic_bucket_locks: CuckooOptimistic<u64, u64, State, 4, BucketLocks>;
    cuckoo_optimistic_global_lock: CuckooOptimistic<u64, u64, State, 4, GlobalLock>;
    cuckoo_striped: CuckooStriped<u64, u64, State>;
    left_right: LeftRightTable<u64, u64, State>;
}
