//! Trials with a fault: what each does to a table, and that no trial is the worse for it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use structures::map::{ConcurrentMap, Direct, DirectMap};
use structures::{ChainingBucketLock, ChainingLockFree};

use super::tests::{ALL, run, spec};
use super::*;
use crate::case::Mix;
use crate::fault::Fault;

#[test]
fn no_fault_hangs_a_trial_or_breaks_its_books() {
    for fault in Fault::ALL {
        for zipf in [0.0, 0.99] {
            let mut spec = spec(2, ALL, zipf);
            spec.case.fault = fault;
            let free = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
            let locked = |_: &MapOptions| structures::ChainingGlobalLock::<u64, u64>::default();
            let locked = run(locked, &spec).unwrap();
            for measured in [free, locked] {
                assert_eq!(measured.failures, Vec::<String>::new(), "{fault}");
                assert!(measured.seconds >= 0.05, "{fault}");
            }
        }
    }
}

#[test]
fn a_bystander_finds_no_key_in_an_empty_table() {
    for fault in Fault::ALL {
        let mut spec = spec(1, Mix::balanced(100.0), 0.0);
        (spec.case.prefill, spec.case.fault) = (0, fault);
        let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
        assert_eq!((measured.final_len, measured.failures), (0, Vec::new()), "{fault}");
    }
}

/// A table that notes handles, lookups and updates, and the writes of others meanwhile.
#[derive(Default)]
pub(super) struct Watched {
    map: ChainingBucketLock<u64, u64>,
    handles: AtomicUsize,
    pub(super) writes: AtomicUsize,
    pub(super) reads: AtomicUsize,
    pub(super) misses: AtomicUsize,
    updates: AtomicUsize,
    writes_within_a_read: AtomicUsize,
    writes_within_an_update: AtomicUsize,
}

impl Watched {
    /// Runs `f` and adds to `within` how many writes there were meanwhile.
    fn watch<T>(&self, within: &AtomicUsize, f: impl FnOnce() -> T) -> T {
        let before = self.writes.load(Relaxed);
        let result = f();
        within.fetch_add(self.writes.load(Relaxed) - before, Relaxed);
        result
    }
}

impl DirectMap<u64, u64> for &'static Watched {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        let Some(value) = self.map.get(key) else {
            self.misses.fetch_add(1, Relaxed);
            return None;
        };
        self.reads.fetch_add(1, Relaxed);
        Some(self.watch(&self.writes_within_a_read, || read(&value)))
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.writes.fetch_add(1, Relaxed);
        self.map.insert(key, value)
    }

    fn update(&self, key: &u64, mut f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.map.update(key, |value| {
            self.updates.fetch_add(1, Relaxed);
            self.watch(&self.writes_within_an_update, || f(value))
        })
    }

    fn upsert(&self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.map.upsert(key, f)
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        self.writes.fetch_add(1, Relaxed);
        self.map.remove(key)
    }

    fn for_each(&self, f: impl FnMut(&u64, &u64)) {
        DirectMap::for_each(&self.map, f);
    }
}

impl ConcurrentMap<u64, u64> for &'static Watched {
    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        self.handles.fetch_add(1, Relaxed);
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.map.len()
    }
}

fn watched(fault: Fault, mix: Mix) -> &'static Watched {
    let table: &'static Watched = Box::leak(Box::default());
    let mut spec = spec(2, mix, 0.0);
    (spec.case.fault, spec.seconds) = (fault, 0.2);
    let measured = run(|_| table, &spec).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new(), "{fault}");
    table
}

#[test]
fn each_fault_does_what_its_name_says() {
    let writes = Mix { reads: 0.0, inserts: 50.0, removes: 50.0, updates: 0.0, upserts: 0.0 };
    // One handle prefills, one checks, two work.
    for (fault, handles) in Fault::ALL.into_iter().zip([4, 5, 5, 5, 10]) {
        let table = watched(fault, writes);
        let of = |counter: &AtomicUsize| counter.load(Relaxed);
        assert_eq!(of(&table.handles), handles, "{fault}");
        let stalls = of(&table.writes_within_a_read) > 0;
        assert_eq!(stalls, fault == Fault::StalledReader, "{fault}");
        let sleeps = of(&table.writes_within_an_update) > 0;
        assert_eq!(sleeps, fault == Fault::DescheduledWriter, "{fault}");
        assert_eq!(of(&table.updates) > 1, sleeps, "{fault}");
        let looks = matches!(fault, Fault::StalledReader | Fault::IdleRegistered);
        assert!(of(&table.reads) <= usize::from(looks), "{fault}");
    }
}
