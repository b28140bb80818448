//! Trials that take turns.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use kernel::maker;
use structures::map::{ConcurrentMap, Direct, DirectMap};
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingLockFree};

use super::worker::FIRST_STRIDE;
use super::*;
use crate::case::Mix;
use crate::conductor::{Counted, Slice};
use crate::fault::Fault;

/// Lets a trial have so many slices.
struct Script {
    left: usize,
    slice: Slice,
    patience: Duration,
    said: Vec<Counted>,
    /// Called twice while the trial sleeps.
    watch: Box<dyn Fn() -> usize>,
}

impl Script {
    fn of(slices: usize, seconds: f64, settle: f64) -> Self {
        Self {
            left: slices,
            slice: Slice { seconds, settle },
            patience: Duration::from_millis(1),
            said: Vec::new(),
            watch: Box::new(|| 0),
        }
    }
}

impl Conductor for Script {
    fn next(&mut self, last: Option<&Counted>) -> anyhow::Result<Option<Slice>> {
        self.said.extend(last);
        let before = (self.watch)();
        thread::sleep(Duration::from_millis(3));
        assert_eq!((self.watch)(), before, "it works in the turns of others");
        let is_over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        Ok((!is_over).then_some(self.slice))
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

fn spec(threads: usize, mix: Mix, fault: Fault) -> TrialSpec {
    let (keys, prefill, pin) = (1000, 500, false);
    let case = Case { threads, mix, keys, prefill, pin, fault, ..Case::new("test", "none") };
    TrialSpec {
        case,
        seed: 7,
        seconds: 0.05,
        warmup: 0.0,
        series: true,
        rate: None,
        trace_file: None,
    }
}

/// A table that counts what is asked of it.
#[derive(Default)]
struct Counting {
    map: ChainingBucketLock<u64, u64>,
    lookups: AtomicUsize,
    /// Lookups of keys that were there.
    hits: AtomicUsize,
    inserts: AtomicUsize,
}

impl DirectMap<u64, u64> for &'static Counting {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        self.lookups.fetch_add(1, Relaxed);
        let value = self.map.get(key)?;
        self.hits.fetch_add(1, Relaxed);
        Some(read(&value))
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        self.inserts.fetch_add(1, Relaxed);
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

impl ConcurrentMap<u64, u64> for &'static Counting {
    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.map.len()
    }
}

/// A trial of nothing but lookups by `script`: what it measured, and the lookups that there were.
fn lookups(script: &mut Script) -> (Measurement, u64) {
    lookups_of(&spec(3, Mix::balanced(100.0), Fault::None), script)
}

fn lookups_of(spec: &TrialSpec, script: &mut Script) -> (Measurement, u64) {
    let table: &'static Counting = Box::leak(Box::default());
    script.watch = Box::new(|| table.lookups.load(Relaxed));
    let measured = take_turns(&maker(|_| table), spec, script).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    (measured, table.lookups.load(Relaxed) as u64)
}

#[test]
fn a_trial_counts_exactly_what_it_does_in_its_slices() {
    let mut script = Script::of(5, 0.004, 0.0);
    let (measured, done) = lookups(&mut script);
    // Of a worker's last stride in a slice a share counts; without a settling part all else does.
    let uncounted = done - measured.ops;
    assert!(uncounted <= 3 * 5 * u64::from(FIRST_STRIDE), "{} of {done}", measured.ops);
    assert!(measured.ops > 0 && script.said.len() == 5);
    assert_eq!(script.said.iter().map(|slice| slice.ops).sum::<u64>(), measured.ops);
    let seconds: f64 = script.said.iter().map(|slice| slice.seconds).sum();
    assert!((seconds - measured.seconds).abs() < 1e-9);
    assert!(script.said.iter().all(|slice| slice.seconds == 0.004), "{:?}", script.said);
    let (fewest, most) = (measured.min_thread_ops, measured.max_thread_ops);
    assert!(
        fewest <= most && 2 * fewest + most <= measured.ops && measured.ops <= fewest + 2 * most
    );
    assert_eq!(measured.turns.map(|taken| taken.slices), Some(5));
    let last = measured.series.last().expect("a series was asked for");
    assert!(last.at_seconds < 0.004 * 5.0 + measured.noise.wall_seconds, "{last:?}");
}

#[test]
fn each_operation_of_a_batch_and_of_a_pin_counts() {
    for (batch, pin) in [(33, 1), (1, 7)] {
        let mut spec = spec(2, Mix::balanced(100.0), Fault::None);
        (spec.case.batch, spec.case.ops_per_pin) = (batch, pin);
        let (measured, done) = lookups_of(&spec, &mut Script::of(1, 0.05, 0.0));
        let stride = u64::from(FIRST_STRIDE) * (batch * pin) as u64;
        assert!(done > 4 * stride && done - measured.ops <= 2 * stride, "{done} {measured:?}");
    }
}

#[test]
fn what_is_done_while_it_settles_is_not_counted() {
    // A worker would have to wake 100 ms late each time for there to be nothing before the edge.
    let mut script = Script::of(3, 0.105, 0.1);
    let (measured, done) = lookups(&mut script);
    assert!(0 < measured.ops && measured.ops < done, "{} of {done}", measured.ops);
    assert!((measured.seconds - 0.015).abs() < 1e-9, "{}", measured.seconds);
}

#[test]
fn a_trial_that_is_ended_before_its_first_slice_has_measured_nothing() {
    let (measured, done) = lookups(&mut Script::of(0, 0.004, 0.0));
    assert_eq!((measured.ops, done, measured.windows), (0, 0, 0));
    assert_eq!(measured.turns.map(|taken| taken.slices), Some(0));
}

#[test]
fn no_fault_hangs_a_turn_or_breaks_the_books() {
    let mix = Mix { reads: 30.0, inserts: 20.0, removes: 20.0, updates: 20.0, upserts: 10.0 };
    for fault in Fault::ALL {
        let mut spec = spec(2, mix, fault);
        spec.warmup = 0.002;
        let run = |maker: table::Maker<'_>| {
            let mut script = Script::of(4, 0.006, 0.002);
            let measured = take_turns(&maker, &spec, &mut script).unwrap();
            assert_eq!(measured.failures, Vec::<String>::new(), "{fault}");
            assert_eq!(measured.turns.map(|taken| taken.slices), Some(4), "{fault}");
        };
        run(maker(|_| ChainingLockFree::<u64, u64>::default()));
        run(maker(|_| ChainingGlobalLock::<u64, u64>::default()));
    }
}

#[test]
fn a_stalled_reader_stays_where_it_is_from_slice_to_slice() {
    let writes = Mix { reads: 0.0, inserts: 50.0, removes: 50.0, updates: 0.0, upserts: 0.0 };
    let table: &'static Counting = Box::leak(Box::default());
    let mut script = Script::of(4, 0.004, 0.0);
    // It blocks nobody, so that nobody asks it to let go.
    script.patience = Duration::from_secs(600);
    let spec = spec(2, writes, Fault::StalledReader);
    let measured = take_turns(&maker(|_| table), &spec, &mut script).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    // It has looked up keys until one was there, and then no more.
    assert_eq!(table.hits.load(Relaxed), 1);
    assert!(table.inserts.load(Relaxed) > 0);
    let sum: u64 = script.said.iter().map(|slice| slice.ops).sum();
    assert_eq!(sum, measured.ops);
}

#[test]
fn who_waits_for_a_lock_all_the_time_does_next_to_nothing() {
    let writes = Mix { reads: 0.0, inserts: 50.0, removes: 50.0, updates: 0.0, upserts: 0.0 };
    let mut script = Script::of(4, 0.006, 0.002);
    script.patience = Duration::from_millis(20);
    let make = maker(|_| ChainingGlobalLock::<u64, u64>::default());
    let measured = take_turns(&make, &spec(2, writes, Fault::StalledReader), &mut script).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    assert!((measured.seconds - 0.016).abs() < 1e-9, "{}", measured.seconds);
    // In each slice each worker has one stride under way, of which a share counts.
    let most = 4 * 2 * u64::from(FIRST_STRIDE);
    assert!(measured.ops <= most, "{} operations", measured.ops);
}

#[test]
fn what_goes_by_itself_takes_no_turns() {
    let make = || maker(|_| ChainingLockFree::<u64, u64>::default());
    let mut script = Script::of(1, 0.004, 0.0);
    let mut latency = spec(1, Mix::balanced(100.0), Fault::None);
    latency.rate = Some(1e3);
    let error = take_turns(&make(), &latency, &mut script).unwrap_err().to_string();
    assert!(error.contains("takes no turns"), "{error}");
    let mut fill = spec(1, Mix { inserts: 100.0, ..Mix::balanced(0.0) }, Fault::None);
    (fill.case.mix.removes, fill.case.distribution) = (0.0, crate::workload::Distribution::Fresh);
    let error = take_turns(&make(), &fill, &mut script).unwrap_err().to_string();
    assert!(error.contains("takes no turns"), "{error}");
    let alone = run(&make(), &spec(1, Mix::balanced(100.0), Fault::None)).unwrap();
    assert_eq!(alone.turns, None);
}
