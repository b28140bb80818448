//! One trial: one case, once, in this process, which does nothing else.
//!
//! 1. A thread prefills the table to exactly the stated number of entries, and exits.
//! 2. The workers start, are bound to their CPUs, register with the table and warm up.
//! 3. At a barrier all begin; each works until the deadline, looking at the clock once a batch.
//! 4. When all have stopped, the table is checked: its size and the sums over its keys must be
//!    what prefill, successful inserts and successful removes leave.
//!
//! Results are consumed in one way for every table: added to a sum, with no branch on them.
//! Values carry their key, so a table that returns another key's value is found out.

use std::hint::black_box;
use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use structures::map::{ConcurrentMap, MapHandle};

use crate::case::Case;
use crate::metric::windows::{self, Note, WINDOW};
use crate::metric::{
    GarbageSampler, Noise, NoiseProbe, peak_rss_bytes, process_cpu_seconds, thread_cpu_seconds,
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
    /// Entries at the end.
    pub final_len: u64,
    /// What the self-check found wrong; empty if nothing.
    pub failures: Vec<String>,
    /// Things that were not as asked, but do not make the trial invalid.
    pub warnings: Vec<String>,
    /// What disturbed the trial.
    pub noise: Noise,
}

/// A worker looks at the clock after this many operations at most …
const MAX_BATCH: u32 = 512;
/// … and, as the warm-up finds out, about this often.
const BATCH_TIME: Duration = Duration::from_micros(10);

/// Bits of a value that hold its key; the rest is a stamp that updates change.
const KEY_BITS: u32 = 48;

/// Runs one trial of the table that `build` makes.
///
/// # Errors
///
/// The case cannot be run: its mix does not sum to 100.
pub fn run<M: ConcurrentMap<u64, u64>>(
    build: impl Fn(&MapOptions) -> M,
    spec: &TrialSpec,
) -> anyhow::Result<Measurement> {
    let case = &spec.case;
    let mix = OpMix::new(&case.mix)?;
    let map = build(&MapOptions { capacity: capacity_for(case)?, hash_seed: case.hash_seed });
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
    Ok(measured)
}

/// Room for the prefill and an eighth more. Inserts and removes that balance let the size wander
/// about the prefill; a table that is full exactly there would grow in some trials and not in
/// others.
fn capacity_for(case: &Case) -> anyhow::Result<usize> {
    Ok(usize::try_from(case.prefill + case.prefill / 8 + 64)?)
}

/// What the operations say that they have done to the table.
#[derive(Clone, Copy, Debug, Default)]
struct Books {
    inserted: u64,
    inserted_keys: u64,
    removed: u64,
    removed_keys: u64,
    /// Bits in which some value differed from its key.
    wrong: u64,
    /// Of everything returned, so that nothing is optimised away.
    sum: u64,
}

impl Books {
    fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.inserted_keys = self.inserted_keys.wrapping_add(other.inserted_keys);
        self.removed += other.removed;
        self.removed_keys = self.removed_keys.wrapping_add(other.removed_keys);
        self.wrong |= other.wrong;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// One operation. Written so that what is done with a result does not depend on it.
    #[inline(always)]
    fn operate(&mut self, handle: &mut impl MapHandle<u64, u64>, op: Op, key: u64) {
        match op {
            Op::Get => self.consume(key, handle.get(&key)),
            Op::Insert => {
                let new = u64::from(handle.insert(key, key));
                self.inserted += new;
                self.inserted_keys = self.inserted_keys.wrapping_add(new * key);
            }
            Op::Remove => {
                let old = handle.remove(&key);
                let gone = u64::from(old.is_some());
                self.removed += gone;
                self.removed_keys = self.removed_keys.wrapping_add(gone * key);
                self.consume(key, old);
            }
            Op::Update => {
                let old = handle.update(&key, |value| value.wrapping_add(1 << KEY_BITS));
                self.consume(key, old);
            }
        }
    }

    #[inline(always)]
    fn consume(&mut self, key: u64, value: Option<u64>) {
        let value = value.unwrap_or(key);
        self.wrong |= (value ^ key) << (64 - KEY_BITS);
        self.sum = self.sum.wrapping_add(value);
    }
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

/// What a worker brings back.
struct Work {
    books: Books,
    ops: u64,
    started: Instant,
    stopped: Instant,
    notes: Vec<Note>,
    unpinned: Option<String>,
}

/// Where the workers and the main thread meet: `ready` after the warm-up, `begin` when the main
/// thread has read the clocks, `end` when the last worker has stopped, `leave` when the clocks
/// have been read again.
struct Meeting {
    ready: Barrier,
    begin: Barrier,
    end: Barrier,
    leave: Barrier,
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

/// A worker's life.
fn work<D: Keys>(
    mut handle: impl MapHandle<u64, u64>,
    mut stream: Stream<D>,
    spec: &TrialSpec,
    meeting: &Meeting,
) -> Work {
    let mut books = Books::default();
    let batch = warm_up(&mut handle, &mut stream, spec, &mut books);
    // Room for the notes, touched before the clock runs.
    let mut notes = vec![Note { wall: 1, cpu: 0, ops: 0 }; notes_for(spec.seconds)];
    notes.clear();
    meeting.ready.wait();
    meeting.begin.wait();
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(spec.seconds);
    notes.push(Note { wall: 0, cpu: cpu_nanos(), ops: 0 });
    let mut edge = started + WINDOW;
    let mut ops = 0;
    let stopped = loop {
        for _ in 0..batch {
            let (op, key) = stream.next_op();
            books.operate(&mut handle, op, key);
        }
        ops += u64::from(batch);
        let now = Instant::now();
        if now >= edge {
            let wall = (now - started).as_nanos() as u64;
            notes.push(Note { wall, cpu: cpu_nanos(), ops });
            edge = now + WINDOW;
        }
        if now >= deadline {
            break now;
        }
    };
    meeting.end.wait();
    meeting.leave.wait();
    Work { books, ops, started, stopped, notes, unpinned: None }
}

/// The thread's CPU clock; where there is none it stands still, so that no window is clean.
fn cpu_nanos() -> u64 {
    thread_cpu_seconds().map_or(0, |seconds| (seconds * 1e9) as u64)
}

/// Binds the calling worker to its CPU, or says why not.
fn bind(cpus: Result<&Cpus, &io::Error>, worker: usize) -> Option<String> {
    let bound = match cpus {
        Ok(cpus) => cpus.bind(worker).map(|_| ()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    bound.err().map(|error| format!("threads not bound to CPUs: {error}"))
}

fn notes_for(seconds: f64) -> usize {
    (seconds / WINDOW.as_secs_f64()) as usize + 16
}

/// Runs the same operations for the warm-up time, and finds the batch after which to look at the
/// clock: the table may take nanoseconds for an operation, or milliseconds.
fn warm_up<D: Keys>(
    handle: &mut impl MapHandle<u64, u64>,
    stream: &mut Stream<D>,
    spec: &TrialSpec,
    books: &mut Books,
) -> u32 {
    let deadline = Instant::now() + Duration::from_secs_f64(spec.warmup);
    let mut batch = 16;
    let mut before = Instant::now();
    while before < deadline {
        for _ in 0..batch {
            let (op, key) = stream.next_op();
            books.operate(handle, op, key);
        }
        let now = Instant::now();
        if now - before < BATCH_TIME / 2 {
            batch = (batch * 2).min(MAX_BATCH);
        } else if now - before > BATCH_TIME * 2 {
            batch = (batch / 2).max(1);
        }
        before = now;
    }
    batch
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

    /// How a [`Broken`] table is broken.
    #[derive(Clone, Copy, PartialEq)]
    enum Bug {
        LosesInserts,
        ForgetsKeyKeepsLen,
        ReturnsOtherValues,
        DoubleRemove,
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
    }
}
