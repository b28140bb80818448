//! Trials of right and wrong tables.

mod littered;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use kernel::maker;
use structures::map::{ConcurrentMap, Direct, DirectMap, MapInfo};
use structures::versioned::HamtCas;
use structures::{ChainingBucketLock, ChainingLockFree};

use std::time::Duration;

use super::fault_tests::Watched;
use super::*;
use crate::case::Mix;
use crate::fault::Fault;
use crate::latency::Time;
use crate::workload::{Arrivals, DISTRIBUTIONS, Distribution};

/// A trial of the table that `build` makes.
pub(super) fn run<M: ConcurrentMap<u64, u64> + 'static>(
    build: impl Fn(&MapOptions) -> M + Send + Sync,
    spec: &TrialSpec,
) -> anyhow::Result<Measurement> {
    super::run(&maker(build), spec)
}

pub(super) fn spec(threads: usize, mix: Mix, zipf: f64) -> TrialSpec {
    let (keys, prefill, pin) = (1000, 500, false);
    let case = Case { threads, mix, zipf, keys, prefill, pin, ..Case::new("test", "none") };
    TrialSpec {
        case,
        seed: 7,
        seconds: 0.05,
        warmup: 0.01,
        series: false,
        rate: None,
        trace_file: None,
    }
}

#[test]
fn a_correct_table_passes_its_self_check() {
    let mix = Mix { reads: 40.0, inserts: 25.0, removes: 25.0, updates: 10.0, upserts: 0.0 };
    for zipf in [0.0, 0.99] {
        let measured =
            run(|_| ChainingLockFree::<u64, u64>::default(), &spec(3, mix, zipf)).unwrap();
        assert_eq!(measured.failures, Vec::<String>::new());
        assert!(measured.ops > 0);
        assert!(measured.seconds >= 0.05);
    }
}

#[test]
fn reads_only_leave_exactly_the_prefill() {
    let build = |o: &MapOptions| {
        ChainingBucketLock::<u64, u64, _>::with_capacity_and_hasher(o.capacity, o.hasher())
    };
    let measured = run(build, &spec(2, Mix::balanced(100.0), 0.0)).unwrap();
    assert_eq!(measured.final_len, 500);
    assert!(measured.failures.is_empty());
}

#[test]
fn the_slowest_and_the_fastest_thread_are_told_apart() {
    let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec(2, ALL, 0.0)).unwrap();
    let (fewest, most) = (measured.min_thread_ops, measured.max_thread_ops);
    assert!(0 < fewest && fewest <= most, "{fewest} to {most}");
    assert_eq!(fewest + most, measured.ops, "of two threads");
}

#[test]
fn a_prefill_is_made_of_batches_and_exact() {
    let mut spec = spec(1, Mix::balanced(100.0), 0.0);
    (spec.case.keys, spec.case.prefill) = (30_000, 3 * PREFILL_BATCH as u64 + 1);
    let measured = run(|_| HamtCas::<u64, u64>::default(), &spec).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    assert_eq!(measured.final_len, spec.case.prefill);
}

#[test]
fn batches_leave_the_prefill() {
    for zipf in [0.0, 0.99] {
        let mut spec = spec(2, Mix::balanced(100.0), zipf);
        spec.case.batch = 33;
        let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
        assert_eq!(measured.failures, Vec::<String>::new());
        assert!(measured.ops > 0);
        assert_eq!(measured.final_len, 500);
    }
}

/// Every operation of the mix, so that pins, locks and closures are all used.
pub(super) const ALL: Mix =
    Mix { reads: 30.0, inserts: 20.0, removes: 20.0, updates: 20.0, upserts: 10.0 };

#[test]
fn pins_of_several_operations_keep_the_books() {
    for (zipf, fault) in [(0.0, Fault::None), (0.99, Fault::StalledReader)] {
        let mut spec = spec(2, ALL, zipf);
        (spec.case.ops_per_pin, spec.case.fault) = (7, fault);
        let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
        assert_eq!(measured.failures, Vec::<String>::new());
        assert!(measured.ops > 0);
    }
    let mut both = spec(1, Mix::balanced(100.0), 0.0);
    (both.case.ops_per_pin, both.case.batch) = (2, 2);
    let error = run(|_| ChainingLockFree::<u64, u64>::default(), &both).unwrap_err();
    assert!(error.to_string().contains("do not go with batches of 2"), "{error}");
}

#[test]
fn a_series_is_kept_where_it_is_asked_for() {
    for asked in [false, true] {
        let mut spec = spec(1, ALL, 0.0);
        spec.series = asked;
        let free = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
        assert_eq!(free.series.is_empty(), !asked);
        assert!(free.series.iter().all(|sample| sample.unreclaimed.is_some()));
    }
}

fn drawn_by(distribution: Distribution, mix: Mix) -> TrialSpec {
    let mut spec = spec(2, mix, 0.0);
    spec.case.distribution = distribution;
    spec
}

#[test]
fn every_distribution_passes_the_self_check_with_every_operation() {
    for (name, _) in DISTRIBUTIONS {
        for fault in [Fault::None, Fault::DescheduledWriter] {
            let mut spec = drawn_by(Distribution::named(name).unwrap(), ALL);
            (spec.case.zipf, spec.case.fault) = (if name == "uniform" { 0.0 } else { 0.9 }, fault);
            let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
            assert_eq!(measured.failures, Vec::<String>::new(), "{name}");
            assert!(measured.ops > 0, "{name}");
        }
    }
}

const INSERTS: Mix = Mix { reads: 0.0, inserts: 100.0, removes: 0.0, updates: 0.0, upserts: 0.0 };

#[test]
fn a_range_is_filled_once_and_then_the_trial_ends() {
    let mut spec = drawn_by(Distribution::Fresh, INSERTS);
    (spec.case.keys, spec.case.prefill, spec.seconds) = (30_000, 1_000, 1.0);
    let built = AtomicUsize::new(0);
    let build = |o: &MapOptions| {
        built.store(o.capacity, Relaxed);
        ChainingLockFree::<u64, u64>::default()
    };
    let measured = run(build, &spec).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    assert_eq!((measured.final_len, built.load(Relaxed)), (30_000, 1_000 + 125 + 64));
    // Else it would have gone on with lookups: hundreds of thousands at least.
    assert!((29_000..31_000).contains(&measured.ops), "{} operations", measured.ops);
    spec.case.capacity = Some(77);
    run(build, &spec).unwrap();
    assert_eq!(built.load(Relaxed), 77);
    spec.case.prefill = 30_000;
    let error = run(build, &spec).unwrap_err().to_string();
    assert!(error.contains("no key is left"), "{error}");
    (spec.case.prefill, spec.rate) = (0, Some(1000.0));
    let error = run(build, &spec).unwrap_err().to_string();
    assert!(error.contains("lasts for a given time"), "{error}");
}

#[test]
fn appended_keys_are_all_new_and_latest_ones_are_found() {
    let mix = Mix { reads: 90.0, inserts: 10.0, ..Mix::balanced(100.0) };
    let mut spec = drawn_by(Distribution::Latest, mix);
    (spec.case.zipf, spec.case.fault) = (0.99, Fault::IdleRegistered);
    let table: &'static Watched = Box::leak(Box::default());
    let measured = run(|_| table, &spec).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    let [inserts, found] = [&table.writes, &table.reads].map(|counter| counter.load(Relaxed));
    assert_eq!(measured.final_len, inserts as u64, "an insert found its key");
    assert!(found > 0 && table.misses.load(Relaxed) == 0, "a read came before its insert");
}

#[test]
fn other_operations_are_not_batched() {
    for (batch, reads) in [(16, 99.0), (0, 100.0), (2, 0.0)] {
        let mut spec = spec(1, Mix::balanced(reads), 0.0);
        spec.case.batch = batch;
        let build = |_: &MapOptions| ChainingLockFree::<u64, u64>::default();
        let error = run(build, &spec).unwrap_err().to_string();
        assert!(error.contains(&format!("batches of {batch}")), "{error}");
    }
}

fn at_rate(rate: f64, mix: Mix) -> TrialSpec {
    let mut spec = spec(2, mix, 0.0);
    (spec.rate, spec.seconds) = (Some(rate), 0.1);
    spec
}

#[test]
fn an_open_loop_does_what_is_due_and_checks_itself() {
    for fault in [Fault::None, Fault::DescheduledWriter] {
        let mut spec = at_rate(20_000.0, ALL);
        spec.case.fault = fault;
        let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
        assert_eq!(measured.failures, Vec::<String>::new(), "{fault}");
        let due: u64 = (0..2).map(|i| Arrivals::new(7, i, 10_000.0, 0.1).count() as u64).sum();
        let latency = measured.latency.unwrap();
        assert_eq!(latency.planned, due, "{fault}");
        assert_eq!(measured.ops + latency.unstarted, due, "{fault}");
        assert!(measured.seconds >= 0.1 && measured.peak_unreclaimed.is_none());
        let recorded = |time: Time| -> u64 {
            let of = latency.distributions.iter().filter(|one| one.time == time);
            of.flat_map(|one| &one.buckets).map(|bucket| bucket.1).sum()
        };
        assert_eq!(Time::ALL.map(recorded), [measured.ops; 2], "{fault}");
    }
}

#[test]
fn throughput_has_no_latency_and_latency_is_of_single_operations() {
    let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec(1, ALL, 0.0)).unwrap();
    assert_eq!(measured.latency, None);
    let mut pins = at_rate(1000.0, ALL);
    pins.case.ops_per_pin = 2;
    let mut never = at_rate(0.0, ALL);
    never.rate = Some(f64::NAN);
    for (spec, why) in [(pins, "single operations"), (never, "NaN"), (at_rate(0.0, ALL), "0")] {
        let error = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// Sleeps once, in its first lookup after so many.
struct Stalling {
    map: ChainingBucketLock<u64, u64>,
    lookups: AtomicUsize,
    stalled: AtomicUsize,
}

const STALL: Duration = Duration::from_millis(40);
/// Lookups before the stall.
const BEFORE: usize = 500;

impl DirectMap<u64, u64> for &'static Stalling {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        if self.lookups.fetch_add(1, Relaxed) == BEFORE {
            self.stalled.fetch_add(1, Relaxed);
            thread::sleep(STALL);
        }
        self.map.get(key).map(|value| read(&value))
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.map.insert(key, value)
    }

    fn update(&self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.map.update(key, f)
    }

    fn upsert(&self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.map.upsert(key, f)
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        self.map.remove(key)
    }

    fn for_each(&self, f: impl FnMut(&u64, &u64)) {
        DirectMap::for_each(&self.map, f);
    }
}

impl ConcurrentMap<u64, u64> for &'static Stalling {
    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.map.len()
    }
}

/// The clock is the real one, but what must be slow follows from the schedule: on a busy machine
/// more may be slow, and nothing less.
#[test]
fn a_stall_of_a_table_is_in_the_response_times_of_all_that_were_due_in_it() {
    let table: &'static Stalling = Box::leak(Box::new(Stalling {
        map: ChainingBucketLock::default(),
        lookups: AtomicUsize::new(0),
        stalled: AtomicUsize::new(0),
    }));
    let mut spec = at_rate(20_000.0, Mix::balanced(100.0));
    // Without a warm-up the lookups are counted as the schedule has them.
    (spec.case.threads, spec.warmup) = (1, 0.0);
    let measured = run(|_| table, &spec).unwrap();
    assert_eq!((measured.failures, table.stalled.load(Relaxed)), (Vec::new(), 1));
    let due: Vec<u64> = Arrivals::new(spec.seed, 0, 20_000.0, spec.seconds).collect();
    // It began when it was due or later; so what was due in its first 3/4 waited for 1/4 at least.
    let (began, stall) = (due[BEFORE], STALL.as_nanos() as u64);
    let waited = due.iter().filter(|at| (began..began + stall * 3 / 4).contains(at)).count() as u64;
    assert!(waited > 500, "{waited}");
    let latency = measured.latency.unwrap();
    let slow = |time: Time, nanos: u64| -> u64 {
        let of = latency.distributions.iter().filter(|one| one.time == time);
        of.flat_map(|one| &one.buckets).filter(|bucket| bucket.0 >= nanos).map(|b| b.1).sum()
    };
    let found = slow(Time::Response, stall / 4) + latency.unstarted;
    assert!(found >= waited, "response times hide the stall: {found} of {waited}");
    assert!(slow(Time::Service, stall) >= 1, "its own operation took as long");
    // Those after it have no wait in their service times. All begin within 1.1 s: there is no time
    // for more than 110 that took a quarter of the stall, whatever else the machine does.
    assert!(slow(Time::Service, stall / 4) <= 111, "service times are from when they began");
}

#[test]
fn the_table_is_told_of_huge_pages() {
    for asked in [false, true] {
        let mut spec = spec(1, Mix::balanced(100.0), 0.0);
        spec.case.huge_pages = asked;
        let build = |o: &MapOptions| {
            assert_eq!(o.huge_pages, asked);
            assert_eq!(o.huge_pages, asked);
            ChainingBucketLock::<u64, u64>::default()
        };
        let measured = run(build, &spec).unwrap();
        assert_eq!(measured.huge_page_bytes.is_some(), cfg!(target_os = "linux"));
    }
}

/// How a [`Broken`] table is broken.
#[derive(Clone, Copy, PartialEq)]
enum Bug {
    LosesInserts,
    ForgetsKeyKeepsLen,
    ReturnsOtherValues,
    DoubleRemove,
    MixesUpBatches,
}

struct Broken {
    map: ChainingBucketLock<u64, u64>,
    bug: Bug,
}

impl DirectMap<u64, u64> for Broken {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        let offset = u64::from(self.bug == Bug::ReturnsOtherValues && key % 64 == 3);
        self.map.get(key).map(|value| read(&(value + offset)))
    }

    fn get_many(&self, keys: &[u64], values: &mut [Option<u64>]) {
        let shift = usize::from(self.bug == Bug::MixesUpBatches);
        for (i, value) in values.iter_mut().enumerate() {
            *value = self.map.get(&keys[(i + shift) % keys.len()]);
        }
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        match self.bug {
            Bug::LosesInserts if key == 13 => true,
            Bug::ForgetsKeyKeepsLen if key == 13 => self.map.insert(key + 5000, value),
            _ => self.map.insert(key, value),
        }
    }

    fn update(&self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.map.update(key, f)
    }

    fn upsert(&self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.map.upsert(key, f)
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        match self.bug {
            Bug::DoubleRemove if *key == 13 => Some(13),
            _ => self.map.remove(key),
        }
    }

    fn for_each(&self, f: impl FnMut(&u64, &u64)) {
        DirectMap::for_each(&self.map, f);
    }
}

impl ConcurrentMap<u64, u64> for Broken {
    const INFO: MapInfo = MapInfo::UNKNOWN;

    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.map.len()
    }
}

#[test]
fn every_kind_of_wrong_table_is_found_out() {
    let bugs =
        [Bug::LosesInserts, Bug::ForgetsKeyKeepsLen, Bug::ReturnsOtherValues, Bug::DoubleRemove];
    for bug in bugs {
        let build = |_: &MapOptions| Broken { map: ChainingBucketLock::default(), bug };
        let measured = run(build, &spec(2, Mix::balanced(50.0), 0.0)).unwrap();
        assert!(!measured.failures.is_empty(), "bug {} was not found", bug as u8);
    }
    for (bug, batch) in [(Bug::MixesUpBatches, 16), (Bug::MixesUpBatches, 1)] {
        let build = |_: &MapOptions| Broken { map: ChainingBucketLock::default(), bug };
        let mut spec = spec(2, Mix::balanced(100.0), 0.0);
        spec.case.batch = batch;
        let measured = run(build, &spec).unwrap();
        assert_eq!(measured.failures.is_empty(), batch == 1, "batches of {batch}");
    }
}

#[test]
fn a_trace_is_replayed_if_it_is_the_one_of_the_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let lines = "0,a,8,0,1,get,0\n0,b,8,0,1,add,60\n0,b,8,0,1,delete,0\n0,c,8,0,1,set,60\n";
    std::fs::write(&path, lines).unwrap();
    let facts = crate::trace::Trace::read(&path).unwrap().facts(&path);
    let mut spec = spec(2, Mix::balanced(0.0), 0.0);
    spec.case.replay(&facts);
    spec.case.prefill = 0;
    spec.trace_file = Some(path.clone());
    let build = |options: &MapOptions| {
        ChainingBucketLock::with_capacity_and_hasher(options.capacity, options.hasher())
    };
    let measured = run(build, &spec).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    // Nothing ever adds `a`, and a round ends with `b` gone, unless threads change places.
    assert!((1..=2).contains(&measured.final_len) && measured.ops > 4, "{}", measured.final_len);
    std::fs::write(&path, lines.replace("add", "set")).unwrap();
    let changed = run(build, &spec).unwrap_err().to_string();
    assert!(
        changed.contains("another trace now") && changed.contains(&facts.id.sha256),
        "{changed}"
    );
    spec.trace_file = None;
    assert!(run(build, &spec).unwrap_err().to_string().contains("the trace t is not given"));
}

#[test]
fn a_table_that_cannot_be_made_is_an_error_in_a_line() {
    let build = |o: &MapOptions| -> ChainingBucketLock<u64, u64> {
        panic!("room for {} entries\nis too much", o.capacity)
    };
    let error = run(build, &spec(1, ALL, 0.0)).unwrap_err().to_string();
    let expected = "cannot make test with room for 626 entries: room for 626 entries is too much";
    assert_eq!(error, expected);
    // It needs no table to find that out.
    let mut full = spec(1, ALL, 0.0);
    (full.case.keys, full.case.prefill) = (1 << 40, 1 << 40);
    let build = |_: &MapOptions| -> ChainingBucketLock<u64, u64> { unreachable!("it is not made") };
    let error = run(build, &full).unwrap_err().to_string();
    assert!(error.starts_with("no memory for the 1099511627776 entries of test"), "{error}");
}
