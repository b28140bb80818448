//! One trial: one case, once, in this process, which does nothing else.
//!
//! 1. A thread prefills the table to exactly the stated number of entries, and exits.
//! 2. The workers start, are bound to their CPUs, register with the table and warm up.
//! 3. At a barrier all begin; each works until the deadline, looking at the clock once a stride.
//! 4. When all have stopped, the table is checked: its size and the sums over its keys must be
//!    what prefill, successful inserts and successful removes leave.
//!
//! Results are consumed in one way for every table: added to a sum, with no branch on them.
//! Values carry their key, so a table that returns another key's value is found out.

mod worker;

use std::hint::black_box;
use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use structures::map::{ConcurrentMap, MapHandle};

use self::worker::{Books, Meeting, Work, work};
use crate::case::{Case, can_batch};
use crate::metric::windows::{self, Note};
use crate::metric::{
    GarbageSampler, Noise, NoiseProbe, huge_page_bytes, peak_rss_bytes, process_cpu_seconds,
};
use crate::pin::Cpus;
use crate::stats;
use crate::subject::MapOptions;
use crate::workload::{
    Keys, Op, OpMix, Purpose, Stream, UniformKeys, ZipfKeys, derive, prefill_keys,
};

/// What a trial process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialSpec {
    /// The case.
    pub case: Case,
    /// Seed of keys and operations.
    pub seed: u64,
    /// Measured time.
    pub seconds: f64,
    /// Time before it, in which the same operations run unmeasured.
    pub warmup: f64,
}

/// What a trial process answers. Units: operations, seconds, bytes, nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// From the first worker's start to the last one's stop.
    pub seconds: f64,
    /// Operations in that time.
    pub ops: u64,
    /// CPU time of the process in that time, helper threads included.
    pub cpu_seconds: Option<f64>,
    /// Median rate over clean windows.
    pub clean_ops_per_sec: Option<f64>,
    /// Clean windows.
    pub clean_windows: u64,
    /// Windows.
    pub windows: u64,
    /// Nodes retired, since the process began.
    pub retired: Option<u64>,
    /// Retired nodes freed when the workers had stopped and still were registered.
    pub freed: Option<u64>,
    /// Most nodes retired and not freed, as sampled.
    pub peak_unreclaimed: Option<u64>,
    /// Most bytes retired and not freed, as sampled.
    pub peak_unreclaimed_bytes: Option<u64>,
    /// Peak resident set.
    pub peak_rss_bytes: Option<u64>,
    /// Memory on huge pages when the workers had stopped.
    pub huge_page_bytes: Option<u64>,
    /// Entries at the end.
    pub final_len: u64,
    /// What the self-check found wrong; empty if nothing.
    pub failures: Vec<String>,
    /// Things that were not as asked, but do not make the trial invalid.
    pub warnings: Vec<String>,
    /// What disturbed the trial.
    pub noise: Noise,
}

/// The largest [`Case::batch`].
pub const MAX_BATCH: usize = 4096;

/// Bits of a value that hold its key; the rest is a stamp that updates change.
const KEY_BITS: u32 = 48;

/// Runs one trial of the table that `build` makes.
///
/// # Errors
///
/// The case cannot be run: its mix does not sum to 100, or has operations that cannot be batched.
pub fn run<M: ConcurrentMap<u64, u64>>(
    build: impl Fn(&MapOptions) -> M,
    spec: &TrialSpec,
) -> anyhow::Result<Measurement> {
    let case = &spec.case;
    let mix = OpMix::new(&case.mix)?;
    ensure!(
        case.batch == 1 || case.batch > 1 && can_batch(&case.mix),
        "batches of {} lookups need 100 % reads, not {}",
        case.batch,
        case.mix.reads
    );
    let map = build(&MapOptions {
        capacity: capacity_for(case)?,
        hash_seed: case.hash_seed,
        huge_pages: case.huge_pages,
    });
    let mut books = prefill(&map, spec);
    let mut failures = Vec::new();
    if M::INFO.keeps_entries && books.inserted != case.prefill {
        failures.push(format!("prefill inserted {} of {} keys", books.inserted, case.prefill));
    }
    let scatter = derive(spec.seed, Purpose::Scatter, 0);
    let mut measured = if case.zipf == 0.0 {
        measure(&map, spec, mix, || UniformKeys::new(case.keys), &mut books)
    } else {
        let keys = ZipfKeys::new(case.keys, case.zipf, scatter);
        measure(&map, spec, mix, || keys.clone(), &mut books)
    };
    if books.wrong != 0 {
        failures.push("a value belonged to another key".to_owned());
    }
    measured.final_len = map.len() as u64;
    if M::INFO.keeps_entries {
        failures.extend(check(&map, &books));
    }
    if !M::INFO.counts_nodes {
        // Its nodes are not in the meter, so that 0 would be no measurement.
        (measured.retired, measured.freed) = (None, None);
        (measured.peak_unreclaimed, measured.peak_unreclaimed_bytes) = (None, None);
    }
    measured.failures = failures;
    measured.peak_rss_bytes = peak_rss_bytes();
    measured.huge_page_bytes = huge_page_bytes();
    Ok(measured)
}

/// Room for the prefill and an eighth more. Inserts and removes that balance let the size wander
/// about the prefill; a table that is full exactly there would grow in some trials and not in
/// others.
fn capacity_for(case: &Case) -> anyhow::Result<usize> {
    Ok(usize::try_from(case.prefill + case.prefill / 8 + 64)?)
}

/// Fills the table in a thread that exits, so that what it leaves in thread-locals is gone.
fn prefill<M: ConcurrentMap<u64, u64>>(map: &M, spec: &TrialSpec) -> Books {
    let keys = prefill_keys(spec.case.keys, spec.case.prefill, spec.seed);
    let fill = || {
        let mut handle = map.handle();
        let mut books = Books::default();
        keys.for_each(|key| books.operate(&mut handle, Op::Insert, key));
        books
    };
    join(thread::scope(|scope| scope.spawn(fill).join()))
}

/// The result of a thread, or its panic.
fn join<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn measure<M: ConcurrentMap<u64, u64>, D: Keys + Send>(
    map: &M,
    spec: &TrialSpec,
    mix: OpMix,
    keys: impl Fn() -> D + Sync,
    books: &mut Books,
) -> Measurement {
    let threads = spec.case.threads;
    let meet = || Barrier::new(threads + 1);
    let meeting = Meeting { ready: meet(), begin: meet(), end: meet(), leave: meet() };
    let cpus = Cpus::allowed();
    let worker = |index: usize| {
        let unpinned = if spec.case.pin { bind(cpus.as_ref(), index) } else { None };
        let stream = Stream::new(keys(), mix, spec.seed, index);
        let mut work = work(map.handle(), stream, spec, &meeting);
        work.unpinned = unpinned;
        work
    };
    let (mut measured, works) = thread::scope(|scope| {
        let worker = &worker;
        let workers: Vec<_> =
            (0..threads).map(|index| scope.spawn(move || worker(index))).collect();
        let measured = observe(&meeting, spec);
        let works: Vec<_> = workers.into_iter().map(|worker| join(worker.join())).collect();
        (measured, works)
    });
    add_up(&mut measured, &works);
    works.iter().for_each(|work| books.add(work.books));
    black_box(books.sum);
    measured
}

/// Binds the calling worker to its CPU, or says why not.
fn bind(cpus: Result<&Cpus, &io::Error>, worker: usize) -> Option<String> {
    let bound = match cpus {
        Ok(cpus) => cpus.bind(worker).map(|_| ()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    bound.err().map(|error| format!("threads not bound to CPUs: {error}"))
}

/// The main thread's part: samples memory and reads the clocks around the measured time.
fn observe(meeting: &Meeting, spec: &TrialSpec) -> Measurement {
    meeting.ready.wait();
    let mut garbage = GarbageSampler::default();
    let probe = NoiseProbe::start();
    let cpu_before = process_cpu_seconds();
    meeting.begin.wait();
    garbage.sample_until(Instant::now() + Duration::from_secs_f64(spec.seconds));
    meeting.end.wait();
    let cpu_after = process_cpu_seconds();
    let noise = probe.stop();
    let garbage = garbage.finish();
    meeting.leave.wait();
    Measurement {
        cpu_seconds: cpu_before.zip(cpu_after).map(|(before, after)| after - before),
        retired: garbage.map(|g| g.retired),
        freed: garbage.map(|g| g.freed),
        peak_unreclaimed: garbage.map(|g| g.peak.nodes),
        peak_unreclaimed_bytes: garbage.map(|g| g.peak.bytes),
        noise,
        ..Measurement::default()
    }
}

/// Fills in what the workers' own records say.
fn add_up(measured: &mut Measurement, works: &[Work]) {
    let started = works.iter().map(|work| work.started).min().expect("at least one worker");
    let stopped = works.iter().map(|work| work.stopped).max().expect("at least one worker");
    measured.seconds = (stopped - started).as_secs_f64();
    measured.ops = works.iter().map(|work| work.ops).sum();
    let since_start = |work: &Work| {
        let late = (work.started - started).as_nanos() as u64;
        work.notes.iter().map(|note| Note { wall: note.wall + late, ..*note }).collect()
    };
    let notes: Vec<Vec<Note>> = works.iter().map(since_start).collect();
    let windows = windows::windows(&notes);
    measured.windows = windows.total as u64;
    measured.clean_windows = windows.clean.len() as u64;
    measured.clean_ops_per_sec = (!windows.clean.is_empty()).then(|| stats::median(&windows.clean));
    measured.warnings.extend(works.iter().filter_map(|work| work.unpinned.clone()));
    measured.warnings.dedup();
}

/// Compares the table with the books.
fn check<M: ConcurrentMap<u64, u64>>(map: &M, books: &Books) -> Vec<String> {
    let mut failures = Vec::new();
    let expected = books.inserted.wrapping_sub(books.removed);
    let expected_keys = books.inserted_keys.wrapping_sub(books.removed_keys);
    let (mut count, mut keys, mut foreign) = (0_u64, 0_u64, 0_u64);
    map.handle().for_each(|key, value| {
        count += 1;
        keys = keys.wrapping_add(*key);
        foreign += u64::from((key ^ value) << (64 - KEY_BITS) != 0);
    });
    let mut expect = |what: &str, found: u64, expected: u64| {
        if found != expected {
            failures.push(format!("{what} is {found}, and should be {expected}"));
        }
    };
    expect("len", map.len() as u64, expected);
    expect("the number of entries", count, expected);
    expect("the sum of keys", keys, expected_keys);
    expect("the number of values under another key", foreign, 0);
    failures
}

#[cfg(test)]
mod tests {
    use structures::map::{Direct, DirectMap, MapInfo};
    use structures::{ChainingBucketLock, ChainingLockFree};

    use super::*;
    use crate::case::Mix;

    fn spec(threads: usize, mix: Mix, zipf: f64) -> TrialSpec {
        let case = Case {
            structure: "test".to_owned(),
            reclaimer: "none".to_owned(),
            allocator: "system".to_owned(),
            threads,
            mix,
            zipf,
            keys: 1000,
            prefill: 500,
            hash_seed: 0,
            pin: false,
            batch: 1,
            huge_pages: false,
        };
        TrialSpec { case, seed: 7, seconds: 0.05, warmup: 0.01 }
    }

    #[test]
    fn a_correct_table_passes_its_self_check() {
        let mix = Mix { reads: 40.0, inserts: 25.0, removes: 25.0, updates: 10.0 };
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
    fn batches_count_every_lookup_and_leave_the_prefill() {
        for zipf in [0.0, 0.99] {
            let mut spec = spec(2, Mix::balanced(100.0), zipf);
            spec.case.batch = 33;
            let measured = run(|_| ChainingLockFree::<u64, u64>::default(), &spec).unwrap();
            assert_eq!(measured.failures, Vec::<String>::new());
            assert!(measured.ops > 0 && measured.ops % 33 == 0, "{} lookups", measured.ops);
            assert_eq!(measured.final_len, 500);
        }
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

    #[test]
    fn the_table_is_told_of_huge_pages() {
        for asked in [false, true] {
            let mut spec = spec(1, Mix::balanced(100.0), 0.0);
            spec.case.huge_pages = asked;
            let build = |o: &MapOptions| {
                assert_eq!(o.huge_pages, asked);
                assert_eq!(o.pages() == structures::Pages::Huge, asked);
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
        let bugs = [
            Bug::LosesInserts,
            Bug::ForgetsKeyKeepsLen,
            Bug::ReturnsOtherValues,
            Bug::DoubleRemove,
        ];
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
}
