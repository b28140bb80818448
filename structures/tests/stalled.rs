//! What a reader that stalls in a lookup keeps from being freed, measured, for each table with the
//! reclaimers that it is there with in the workbench, and some more; what is found must be what the
//! pair says of itself ([`MapInfo::held`](structures::map::MapInfo::held)).
//!
//! While a reader stalls, a writer updates all keys over and over. The meter's peak of live bytes,
//! less the peak of the same updates without the reader, is what the reader holds. Three such trials
//! tell how that grows: four times the updates; a table four times as large, with those.
//!
//! The meter counts per process, so these tests are a process of their own and run one after the
//! other.
#![cfg(feature = "meter")]

use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use foldhash::fast::FixedState;
use structures::map::{ConcurrentMap, Held, MapHandle};
use structures::meter;
use structures::reclaim::{
    Epoch, Hazard, Ibr, Leak, Reclaimer, RefCounts, RootScheme, Visitor, for_each,
};
use structures::versioned::SHARDS;
use structures::versioned::cow::{Cas, Cow, Locked};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Bundled, Counted, Hamt};
use structures::versioned::log::HerlihyLog;
use structures::versioned::map::VersionedMap;
use structures::versioned::psim::PSim;
use structures::versioned::{
    CowCas, CowLock, HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy,
};
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

/// How large a trial is.
#[derive(Clone, Copy)]
struct Size {
    entries: u64,
    /// Updates; several times as many as entries, and as haphazard keeps retired nodes (1000).
    updates: u64,
}

impl Size {
    /// For tables of which an update copies a node or a path.
    const USUAL: Self = Self { entries: 1_024, updates: 4_096 };
    /// For tables that are copied whole.
    const COPIED: Self = Self { entries: 128, updates: 2_500 };

    fn with_more_updates(self) -> Self {
        Self { updates: 4 * self.updates, ..self }
    }

    fn with_more_entries(self) -> Self {
        Self { entries: 4 * self.entries, ..self }
    }
}

/// A table for every scheme.
trait Family {
    type Map<R: Reclaimer + 'static>: ConcurrentMap<u64, u64> + 'static;
    const SIZE: Size = Size::USUAL;
    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R>;
}

/// A table for every scheme that looks after roots.
trait Rooted {
    type Map<R: RootScheme + 'static>: ConcurrentMap<u64, u64> + 'static;
    const SIZE: Size = Size::USUAL;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R>;
}

impl<F: Rooted> Family for F {
    type Map<R: Reclaimer + 'static> = <F as Rooted>::Map<R>;
    const SIZE: Size = <F as Rooted>::SIZE;

    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R> {
        <F as Rooted>::new(domain)
    }
}

struct Lists;
impl Family for Lists {
    type Map<R: Reclaimer + 'static> = ChainingLockFree<u64, u64, R, FixedState>;
    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R> {
        ChainingLockFree::with_capacity_and_hasher_in(0, FixedState::default(), domain)
    }
}

struct Items;
impl Family for Items {
    type Map<R: Reclaimer + 'static> = CuckooOptimisticItems<u64, u64, R, FixedState>;
    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R> {
        CuckooOptimisticItems::with_capacity_and_hasher_in(0, FixedState::default(), domain)
    }
}

struct WholeUnderLock;
impl Rooted for WholeUnderLock {
    type Map<R: RootScheme + 'static> = CowLock<u64, u64, R, FixedState>;
    const SIZE: Size = Size::COPIED;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R> {
        let cow = Cow::<_, _, Locked>::new_in(domain, || Flat::with_capacity(0));
        VersionedMap::with_hasher_over(FixedState::default(), cow)
    }
}

struct WholeByCas;
impl Rooted for WholeByCas {
    type Map<R: RootScheme + 'static> = CowCas<u64, u64, R, FixedState>;
    const SIZE: Size = Size::COPIED;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R> {
        let cow = Cow::<_, _, Cas>::new_in(domain, || Flat::with_capacity(0));
        VersionedMap::with_hasher_over(FixedState::default(), cow)
    }
}

struct BundledTrie;
impl Rooted for BundledTrie {
    type Map<R: RootScheme + 'static> = HamtCas<u64, u64, R, FixedState, Bundled>;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R> {
        VersionedMap::with_hasher_over(FixedState::default(), Cow::new_in(domain, Hamt::new))
    }
}

struct CountedTrie;
impl Rooted for CountedTrie {
    type Map<R: RootScheme + 'static> = HamtCas<u64, u64, R, FixedState, Counted>;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R> {
        VersionedMap::with_hasher_over(FixedState::default(), Cow::new_in(domain, Hamt::new))
    }
}

struct BundledTries;
impl Rooted for BundledTries {
    type Map<R: RootScheme + 'static> = HamtSharded<u64, u64, R, FixedState, Bundled>;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R> {
        let cow = Cow::<_, _, Cas, SHARDS>::new_in(domain, Hamt::new);
        VersionedMap::with_hasher_over(FixedState::default(), cow)
    }
}

struct CountedTries;
impl Rooted for CountedTries {
    type Map<R: RootScheme + 'static> = HamtSharded<u64, u64, R, FixedState, Counted>;
    fn new<R: RootScheme + 'static>(domain: R) -> Self::Map<R> {
        let cow = Cow::<_, _, Cas, SHARDS>::new_in(domain, Hamt::new);
        VersionedMap::with_hasher_over(FixedState::default(), cow)
    }
}

struct BundledPsim;
impl Family for BundledPsim {
    type Map<R: Reclaimer + 'static> = HamtPsim<u64, u64, R, FixedState, Bundled>;
    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R> {
        VersionedMap::with_hasher_over(FixedState::default(), PSim::new_in(domain, Hamt::new()))
    }
}

struct CountedPsim;
impl Family for CountedPsim {
    type Map<R: Reclaimer + 'static> = HamtPsim<u64, u64, R, FixedState, Counted>;
    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R> {
        VersionedMap::with_hasher_over(FixedState::default(), PSim::new_in(domain, Hamt::new()))
    }
}

struct Log;
impl Family for Log {
    type Map<R: Reclaimer + 'static> = LogHerlihy<u64, u64, R, FixedState>;
    fn new<R: Reclaimer + 'static>(domain: R) -> Self::Map<R> {
        VersionedMap::with_hasher_over(
            FixedState::default(),
            HerlihyLog::new_in(domain, Hamt::new()),
        )
    }
}

fn live_bytes() -> u64 {
    meter::read().expect("built with the feature `meter`").live().bytes
}

/// A table behind a pointer, with what is done to it here: that alone is compiled for each table.
trait Table: Sync {
    fn enter(&self) -> Box<dyn Operations + '_>;
}

/// A handle of it.
trait Operations {
    /// Adds so many keys, from 0 on, and says how many were added.
    fn fill(&mut self, entries: u64) -> usize;
    /// Runs `meanwhile` in a lookup, if the key is there.
    fn stall(&mut self, key: u64, meanwhile: &mut dyn FnMut());
    fn offline(&mut self, meanwhile: &mut dyn FnMut());
    fn insert(&mut self, key: u64, value: u64) -> bool;
    /// Adds one to the value.
    fn raise(&mut self, key: u64) -> Option<u64>;
    fn remove(&mut self, key: u64) -> Option<u64>;
}

struct Of<H>(H);

impl<M: ConcurrentMap<u64, u64>> Table for M {
    fn enter(&self) -> Box<dyn Operations + '_> {
        Box::new(Of(self.handle()))
    }
}

impl<H: MapHandle<u64, u64>> Operations for Of<H> {
    fn fill(&mut self, entries: u64) -> usize {
        self.0.insert_many((0..entries).map(|key| (key, 0)))
    }

    fn stall(&mut self, key: u64, meanwhile: &mut dyn FnMut()) {
        self.0.get_with(&key, |_| meanwhile());
    }

    fn offline(&mut self, meanwhile: &mut dyn FnMut()) {
        self.0.offline(meanwhile);
    }

    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    fn raise(&mut self, key: u64) -> Option<u64> {
        self.0.update(&key, |value| value + 1)
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        self.0.remove(&key)
    }
}

fn fill(map: &dyn Table, entries: u64) {
    assert_eq!(map.enter().fill(entries) as u64, entries);
}

/// Updates all keys in turn, and every now and then adds one and takes it out again. The peak of
/// live bytes.
fn peak_of_updates(map: &dyn Table, size: Size) -> u64 {
    let mut writer = map.enter();
    let mut peak = 0;
    for step in 0..size.updates {
        let key = step % size.entries;
        assert!(writer.raise(key).is_some());
        if step % 8 == 0 {
            assert!(writer.insert(u64::MAX, step));
            assert_eq!(writer.remove(u64::MAX), Some(step));
        }
        if step % 64 == 0 {
            peak = peak.max(live_bytes());
        }
    }
    peak.max(live_bytes())
}

/// What another thread does during the updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    IsNotThere,
    /// In a lookup. It has never retired anything: what it retired is no matter of its stall.
    Stalls,
    /// It has updated an entry, and is offline.
    Idles,
}

/// Bytes that the other thread holds.
fn held_bytes(new: &dyn Fn() -> Box<dyn Table>, size: Size, other: Other, frees: bool) -> u64 {
    let elsewhere = |map: &dyn Table| {
        let peak = thread::scope(|scope| scope.spawn(|| peak_of_updates(map, size)).join());
        peak.expect("no panic")
    };
    let peak = |other: Other| {
        let before = live_bytes();
        let map = new();
        fill(&*map, size.entries);
        let mut peak = None;
        let mut update = || peak = Some(elsewhere(&*map));
        match other {
            Other::IsNotThere => update(),
            Other::Stalls => map.enter().stall(1, &mut update),
            Other::Idles => {
                let mut idle = map.enter();
                assert_eq!(idle.raise(1), Some(0));
                idle.offline(&mut update);
            }
        }
        peak.expect("the key is there").saturating_sub(before)
    };
    let (with, without) = (peak(other), peak(Other::IsNotThere));
    // Who frees nothing holds everything, whatever others do.
    if frees { with.saturating_sub(without) } else { with }
}

/// Whether `more` is twice as much at least: four times as much is expected, or the same. Some
/// nodes more or less are neither.
fn grows(less: u64, more: u64) -> bool {
    const FEW: u64 = 4 << 10;
    more > 2 * less + FEW
}

/// How what a stalled reader holds depends on updates and table.
fn found(new: &dyn Fn() -> Box<dyn Table>, size: Size, frees: bool) -> (Held, [u64; 3]) {
    let larger = [size, size.with_more_updates(), size.with_more_updates().with_more_entries()];
    let bytes = larger.map(|size| held_bytes(new, size, Other::Stalls, frees));
    let held = if grows(bytes[0], bytes[1]) {
        Held::Unbounded
    } else if grows(bytes[1], bytes[2]) {
        Held::TableSize
    } else {
        Held::Constant
    };
    (held, bytes)
}

/// Compares what is said with what is found; both are printed.
fn check<M>(scheme: &str, new: impl Fn() -> M, size: Size)
where
    M: ConcurrentMap<u64, u64> + 'static,
{
    compare(scheme, M::INFO.held, &|| Box::new(new()), size);
}

fn compare(scheme: &str, said: Held, new: &dyn Fn() -> Box<dyn Table>, size: Size) {
    let (held, bytes) = found(new, size, scheme != <Leak as Reclaimer>::NAME);
    println!("{scheme}: {held}, {bytes:?} bytes");
    assert_eq!(said, held, "{scheme}: {bytes:?} bytes");
}

/// The batch is the smallest, where a scheme takes one: what is held by the stall stands out.
const BATCH: Option<usize> = Some(1);

struct Each<F>(PhantomData<F>);

impl<F: Family> Visitor for Each<F> {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        check(<R as Reclaimer>::NAME, || F::new(R::new(BATCH)), F::SIZE);
    }
}

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn every_scheme<F: Family>() {
    let _alone = alone();
    for_each(&mut Each::<F>(PhantomData));
}

/// One scheme of each kind: to build all pairs takes minutes.
fn each_kind<F: Family>() {
    let _alone = alone();
    let mut each = Each::<F>(PhantomData);
    each.visit::<Epoch>();
    each.visit::<Hazard>();
    each.visit::<Ibr>();
}

fn counts<F: Rooted>() {
    let _alone = alone();
    check(RefCounts::NAME, || <F as Rooted>::new(RefCounts::new(None)), <F as Rooted>::SIZE);
}

/// Runs a test for each family.
macro_rules! each {
    ($with:ident: $($name:ident: $family:ty;)*) => {$(
        #[test]
        fn $name() {
            $with::<$family>();
        }
    )*};
}

each! { every_scheme:
    chaining_lock_free: Lists;
    cuckoo_optimistic_items: Items;
    hamt_cas: BundledTrie;
}

each! { each_kind:
    cow_lock: WholeUnderLock;
    cow_cas: WholeByCas;
    hamt_cas_counted: CountedTrie;
    hamt_sharded: BundledTries;
    hamt_sharded_counted: CountedTries;
    hamt_psim: BundledPsim;
    hamt_psim_counted: CountedPsim;
    log_herlihy: Log;
}

each! { counts:
    cow_lock_with_arc: WholeUnderLock;
    cow_cas_with_arc: WholeByCas;
    hamt_cas_with_arc: BundledTrie;
    hamt_cas_counted_with_arc: CountedTrie;
    hamt_sharded_with_arc: BundledTries;
    hamt_sharded_counted_with_arc: CountedTries;
}

/// A thread keeps what it has retired until it frees it, also while it does nothing. Of single nodes, or
/// of versions that keep nothing else alive, that is a bounded number. A version whose nodes are bundled
/// keeps everything that is replaced later, for as long as an idle thread has it in its list.
#[test]
fn what_an_idle_thread_has_retired_keeps_later_bundles() {
    fn check<M>(name: &str, is_bounded: bool, new: impl Fn() -> M)
    where
        M: ConcurrentMap<u64, u64> + 'static,
    {
        holds(name, is_bounded, &|| Box::new(new()));
    }
    fn holds(name: &str, is_bounded: bool, new: &dyn Fn() -> Box<dyn Table>) {
        /// Less than an update replaces: a leaf, and the branch above it.
        const REPLACED: u64 = 40;
        let size = Size::USUAL.with_more_updates();
        let (bytes, all) = (held_bytes(new, size, Other::Idles, true), REPLACED * size.updates);
        println!("{name}: {bytes} bytes, of {all} or more");
        // Batches, and one version as large as the table, are far less than all.
        assert!(if is_bounded { bytes < all / 2 } else { bytes > all }, "{name}: {bytes} of {all}");
    }
    let _alone = alone();
    // As many as they have by default: an idle thread has some, whatever the batch.
    check("bundled, epoch", false, || <BundledTrie as Rooted>::new(Epoch::default()));
    check("bundled, hazard", false, || <BundledTrie as Rooted>::new(Hazard::default()));
    check("bundled, ibr", false, || <BundledTrie as Rooted>::new(Ibr::default()));
    check("bundled, arc", true, || <BundledTrie as Rooted>::new(RefCounts::default()));
    check("counted, epoch", true, || <CountedTrie as Rooted>::new(Epoch::default()));
    check("counted, hazard", true, || <CountedTrie as Rooted>::new(Hazard::default()));
    check("counted, ibr", true, || <CountedTrie as Rooted>::new(Ibr::default()));
    check("lists, epoch", true, || Lists::new(Epoch::default()));
    check("lists, hazard", true, || Lists::new(Hazard::default()));
}

/// Tables that take no reclaimer retire nothing that a reader could hold.
#[test]
fn tables_without_a_reclaimer_hold_nothing() {
    fn check<M: ConcurrentMap<u64, u64> + Default>() {
        let name = std::any::type_name::<M>();
        assert_eq!(M::INFO.held, Held::Nothing, "{name}");
        let retired = || meter::read().expect("built with the feature `meter`").retired.nodes;
        let before = retired();
        let map = M::default();
        fill(&map, Size::USUAL.entries);
        peak_of_updates(&map, Size::USUAL);
        assert_eq!(retired() - before, 0, "{name}");
    }
    let _alone = alone();
    check::<ChainingGlobalLock<u64, u64>>();
    check::<ChainingBucketLock<u64, u64>>();
    check::<ChainingInline<u64, u64>>();
    check::<CuckooOptimistic<u64, u64>>();
    check::<CuckooStriped<u64, u64>>();
    check::<LeftRightTable<u64, u64>>();
}
