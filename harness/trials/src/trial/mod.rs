//! One trial: one case, once, in this process, which does nothing else.
//!
//! 1. A thread prefills the table to exactly the stated number of entries, and exits. Another thread looks keys up
//!    until the nodes that the first has retired are freed, and exits (`drain.rs`).
//! 2. The workers start, are bound to their CPUs, register with the table and warm up; then they sleep
//!    (`meeting.rs`), and a fault's bystander takes its place (`fault.rs`).
//! 3. A [`Conductor`] decides when they work: for one slice of the measured time, or for many short ones,
//!    between which other trials have theirs. All begin a slice together. Each works to its end, reading
//!    the clock once per stride, or until there is nothing left to do, if it fills a range.
//! 4. After the last slice the bystander is released.
//! 5. The table is checked: its size and the sums over its keys must be those that result from prefill, successful
//!    inserts and successful removes, counted or not.
//!
//! A latency trial is the same with other workers in step 3: `open_loop.rs`.
//!
//! Results are consumed in one way for every table: they are added to a sum, with no branch on them.
//! Values contain their key, so a table that returns another key's value is detected.

mod drain;
mod fault;
mod meeting;
mod observe;
mod open_loop;
mod worker;

use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::thread::{self, Scope, ScopedJoinHandle};

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};
use table::{Books, ByteKeys, KEY_BITS, Maker, MapOptions, Table};

use self::drain::drain;
use self::fault::{Gate, disturb};
use self::meeting::Meeting;
use self::observe::Observer;
use self::open_loop::Pace;
use self::worker::{Work, work};
use crate::case::{Case, can_batch, room_for};
use crate::conductor::{Alone, Conductor, Taken};
use crate::latency::Latency;
use crate::memory;
use crate::metric::windows::{Windows, windows};
use crate::metric::{Counters, Counts, Noise, Sample, huge_page_bytes, peak_rss_bytes};
use crate::pin::Cpus;
use crate::trace::Trace;
use crate::workload::{Streams, prefill_keys};

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
    /// Whether to keep memory over time.
    #[serde(default)]
    pub series: bool,
    /// In a latency trial: the operations per second that are due, of all workers together.
    #[serde(default)]
    pub rate: Option<f64>,
    /// The file of the trace, if the case replays one.
    #[serde(default)]
    pub trace_file: Option<PathBuf>,
}

impl TrialSpec {
    /// The operations of its case: all that is read or made for them before a clock starts.
    fn streams(&self) -> anyhow::Result<Streams> {
        let Some(wanted) = &self.case.trace else { return Streams::of(&self.case, self.seed) };
        let Some(path) = &self.trace_file else {
            bail!("the file of the trace {} is not given", wanted.name);
        };
        let _during = memory::allocates_for(format_args!("the trace {}", path.display()));
        let trace = Trace::read(path)?;
        let found = trace.facts(path);
        ensure!(
            found.id.sha256 == wanted.sha256 && found.keys == self.case.keys,
            "{} is another trace now: its fingerprint is {}, not {}",
            path.display(),
            found.id.sha256,
            wanted.sha256
        );
        Ok(Streams::replaying(&trace, &self.case, self.seed))
    }
}

/// What a trial process answers. Units: operations, seconds, bytes, nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The time in which operations count: from the first worker's start to the end of the measured time, or to the
    /// last worker's stop if the work had run out. With several slices: the sum of their counted parts.
    pub seconds: f64,
    /// Operations in that time.
    pub ops: u64,
    /// Operations of the thread that did the fewest.
    #[serde(default)]
    pub min_thread_ops: u64,
    /// Operations of the thread that did the most.
    #[serde(default)]
    pub max_thread_ops: u64,
    /// CPU time of the process in that time, helper threads included.
    pub cpu_seconds: Option<f64>,
    /// Median rate over clean windows.
    pub clean_ops_per_sec: Option<f64>,
    /// The number of clean windows.
    pub clean_windows: u64,
    /// The number of all windows.
    pub windows: u64,
    /// Nodes retired, since the process began.
    pub retired: Option<u64>,
    /// Retired nodes freed when the workers had stopped and still were registered.
    pub freed: Option<u64>,
    /// Nodes that were made and never published.
    #[serde(default)]
    pub discarded: Option<u64>,
    /// Most nodes retired and not freed, as sampled.
    pub peak_unreclaimed: Option<u64>,
    /// Most bytes retired and not freed, as sampled.
    pub peak_unreclaimed_bytes: Option<u64>,
    /// Median time from retirement to free of the sampled nodes, in seconds.
    #[serde(default)]
    pub free_delay_p50: Option<f64>,
    /// The 99th percentile of these times.
    #[serde(default)]
    pub free_delay_p99: Option<f64>,
    /// The longest of these times.
    #[serde(default)]
    pub free_delay_max: Option<f64>,
    /// With byte strings: the mean length of a key and its value together.
    #[serde(default)]
    pub payload_bytes: Option<f64>,
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
    /// Memory over time, if asked for.
    #[serde(default)]
    pub series: Vec<Sample>,
    /// What a latency trial recorded.
    #[serde(default)]
    pub latency: Option<Latency>,
    /// Hardware events of the process in the measured time.
    #[serde(default)]
    pub counts: Counts,
    /// The turns that the trial took, if it took turns with others.
    #[serde(default)]
    pub turns: Option<Taken>,
}

impl Measurement {
    /// Removes the meter's readings. Called for a table whose nodes it does not count, where 0 would be no measurement.
    fn forget_nodes(&mut self) {
        (self.retired, self.freed, self.discarded) = (None, None, None);
        (self.peak_unreclaimed, self.peak_unreclaimed_bytes) = (None, None);
        (self.free_delay_p50, self.free_delay_p99, self.free_delay_max) = (None, None, None);
        for sample in &mut self.series {
            (sample.unreclaimed, sample.unreclaimed_bytes) = (None, None);
        }
    }
}

/// The largest [`Case::batch`].
pub const MAX_BATCH: usize = 4096;
/// The largest [`Case::ops_per_pin`]: a step takes less than a window.
pub const MAX_OPS_PER_PIN: usize = 4096;

/// Runs one trial of a table of that maker.
///
/// # Errors
///
/// The case cannot be run: its mix does not sum to 100, or has operations that cannot be batched,
/// or it is a latency trial of several operations at a time.
pub fn run(maker: &Maker<'_>, spec: &TrialSpec) -> anyhow::Result<Measurement> {
    let measured = run_by(maker, spec, &mut Alone::of(spec.seconds))?;
    Ok(Measurement { turns: None, ..measured })
}

/// The same, by turns with other trials, as `conductor` says.
///
/// # Errors
///
/// As [`run`]; or the case is one that goes by itself.
pub fn take_turns(
    maker: &Maker<'_>,
    spec: &TrialSpec,
    conductor: &mut dyn Conductor,
) -> anyhow::Result<Measurement> {
    ensure!(spec.rate.is_none(), "a latency trial takes no turns");
    ensure!(!spec.case.ends_by_itself(), "a trial that fills a range takes no turns");
    run_by(maker, spec, conductor)
}

fn run_by(
    maker: &Maker<'_>,
    spec: &TrialSpec,
    conductor: &mut dyn Conductor,
) -> anyhow::Result<Measurement> {
    let info = &maker.info;
    let case = &spec.case;
    let streams = spec.streams()?;
    check_case(spec, info.max_threads)?;
    // Before any thread of the table's or ours, which inherit them.
    let mut counters = Counters::open();
    let bytes = case.byte_keys(case.distribution.space(case.keys))?;
    let map = make_table(maker, case, bytes)?;
    let mut books = prefill(&*map, spec);
    let mut failures = Vec::new();
    if info.keeps_entries && books.inserted != case.prefill {
        failures.push(format!("prefill inserted {} of {} keys", books.inserted, case.prefill));
    }
    if info.counts_nodes {
        drain(&*map, maker.meter);
        // How long the prefill's nodes have waited says nothing of what the workers do.
        (maker.meter.forget)();
    }
    let observer = Observer::new((spec, maker), &mut counters, conductor);
    let mut measured = measure(&*map, (spec, &streams), &mut books, observer);
    if books.wrong != 0 {
        failures.push("a value belonged to another key".to_owned());
    }
    measured.final_len = map.len() as u64;
    if info.keeps_entries {
        failures.extend(check(&*map, &books));
    }
    if !info.counts_nodes {
        measured.forget_nodes();
    }
    measured.payload_bytes = bytes.map(ByteKeys::mean_payload);
    measured.failures = failures;
    measured.peak_rss_bytes = peak_rss_bytes();
    measured.huge_page_bytes = huge_page_bytes();
    Ok(measured)
}

/// A table of that maker for the case, if there is memory for it and for the entries that it is to have.
fn make_table(
    maker: &Maker<'_>,
    case: &Case,
    bytes: Option<&'static ByteKeys>,
) -> anyhow::Result<Box<dyn Table>> {
    let options = MapOptions {
        capacity: capacity_for(case)?,
        hash_seed: case.hash_seed,
        huge_pages: case.huge_pages,
        reclaim_batch: case.reclaim_batch,
        hashing: case.hashing,
        bytes,
    };
    if maker.info.keeps_entries {
        enough_for_entries(case, bytes)?;
    }
    let what = case.table_in_words(options.capacity);
    memory::making(what, || (maker.build)(&options))
}

/// Refuses what cannot be run on a table that serves so many handles.
fn check_case(spec: &TrialSpec, max_threads: Option<usize>) -> anyhow::Result<()> {
    let case = &spec.case;
    ensure!(
        case.batch == 1 || case.batch > 1 && can_batch(&case.mix),
        "batches of {} lookups need 100 % reads, not {}",
        case.batch,
        case.mix.reads
    );
    ensure!(
        case.ops_per_pin == 1 || case.ops_per_pin > 1 && case.batch == 1,
        "{} operations a pin do not go with batches of {}",
        case.ops_per_pin,
        case.batch
    );
    if let Some(rate) = spec.rate {
        ensure!(rate.is_finite() && rate > 0.0, "a rate of {rate} operations per second");
        ensure!(case.has_single_operations(), "latency needs single operations");
        ensure!(!case.ends_by_itself(), "latency needs a trial that lasts for a given time");
    }
    if let Some(most) = max_threads {
        let handles = case.fault.handles(case.threads);
        ensure!(handles <= most, "the table serves {most} handles, and {handles} are needed");
    }
    Ok(())
}

/// Refuses a case whose entries no memory of this machine holds, before it is filled with those that
/// it does hold.
fn enough_for_entries(case: &Case, bytes: Option<&ByteKeys>) -> anyhow::Result<()> {
    let entries = if case.ends_by_itself() { case.keys } else { case.prefill };
    // Two words: inline, or where the byte strings are, whose lengths are words too.
    let of_each = 16.0 + bytes.map_or(0.0, |bytes| bytes.mean_payload() + 16.0);
    let all = (entries as f64 * of_each) as u64;
    memory::enough_for::<u8>(all, format_args!("the {entries} entries of {}", case.subject()))
}

/// What the case says, or room for the prefill.
fn capacity_for(case: &Case) -> anyhow::Result<usize> {
    Ok(usize::try_from(case.capacity.unwrap_or_else(|| room_for(case.prefill)))?)
}

/// Entries that a table is prefilled with at a time: some are copied for each time.
const PREFILL_BATCH: usize = 4096;

/// Fills the table in a thread that exits, so that what it leaves in thread-locals is gone.
fn prefill(map: &dyn Table, spec: &TrialSpec) -> Books {
    let Case { keys, prefill, distribution, .. } = spec.case;
    let keys = prefill_keys(distribution.space(keys), prefill, spec.seed);
    let fill = || {
        let mut handle = map.handle();
        let mut books = Books::default();
        let mut keys = keys.peekable();
        while keys.peek().is_some() {
            let batch: Vec<u64> = keys.by_ref().take(PREFILL_BATCH).collect();
            // All of them, as the trial's check will find, or it fails.
            books.inserted += handle.fill(&batch) as u64;
            let sum = batch.iter().fold(0_u64, |sum, key| sum.wrapping_add(*key));
            books.inserted_keys = books.inserted_keys.wrapping_add(sum);
        }
        books
    };
    join(thread::scope(|scope| scope.spawn(fill).join()))
}

/// Starts a thread of the trial. If there can be no more, the process ends: the others wait for it.
pub(crate) fn start<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> ScopedJoinHandle<'s, T> {
    thread::Builder::new().spawn_scoped(scope, work).unwrap_or_else(|error| {
        memory::end(format_args!("cannot start all threads of the trial: {error}"))
    })
}

/// The result of a thread, or its panic.
pub(crate) fn join<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn measure(
    map: &dyn Table,
    (spec, streams): (&TrialSpec, &Streams),
    books: &mut Books,
    observer: Observer<'_>,
) -> Measurement {
    let fault = spec.case.fault;
    let threads = fault.workers(spec.case.threads);
    let meeting = Meeting::of(threads);
    let gate = Gate::default();
    let cpus = Cpus::allowed();
    let pace = spec.rate.map(|rate| Pace::new(rate, threads));
    let worker = |index: usize| {
        let unpinned = if spec.case.pin { bind(cpus.as_ref(), index) } else { None };
        let stream = streams.worker(index);
        let mut handle = map.handle();
        let mut work = match pace {
            None => work(&mut *handle, stream, spec, &meeting),
            Some(pace) => open_loop::work(
                &mut *handle,
                stream,
                (spec, streams.mix()),
                &meeting,
                (pace, index),
            ),
        };
        work.unpinned = unpinned;
        work
    };
    let bystander = |index: usize| {
        let stream = streams.bystander(index);
        // It is not there yet in the warm-up.
        meeting.wait();
        disturb(fault, map.handle(), stream, &gate)
    };
    let (mut measured, works, bystanders) = thread::scope(|scope| {
        let (worker, bystander) = (&worker, &bystander);
        let workers: Vec<_> =
            (0..threads).map(|index| start(scope, move || worker(index))).collect();
        let bystanders: Vec<_> = (threads..threads + fault.bystanders())
            .map(|index| start(scope, move || bystander(index)))
            .collect();
        let measured = observer.observe(&meeting, &gate);
        let works: Vec<_> = workers.into_iter().map(|worker| join(worker.join())).collect();
        let bystanders: Vec<_> = bystanders.into_iter().map(|thread| join(thread.join())).collect();
        (measured, works, bystanders)
    });
    add_up(&mut measured, &works);
    works.iter().map(|work| work.books).chain(bystanders).for_each(|other| books.add(other));
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

/// Fills in what the workers' own records say.
fn add_up(measured: &mut Measurement, works: &[Work]) {
    measured.min_thread_ops = works.iter().map(|work| work.ops).min().unwrap_or(0);
    measured.max_thread_ops = works.iter().map(|work| work.ops).max().unwrap_or(0);
    let slices = works.iter().map(|work| work.notes.slices()).min().unwrap_or(0);
    let mut all = Windows::default();
    for slice in 0..slices {
        let notes: Vec<_> = works.iter().map(|work| work.notes.of(slice)).collect();
        all.add(windows(&notes));
    }
    measured.windows = all.total as u64;
    measured.clean_windows = all.clean.len() as u64;
    measured.clean_ops_per_sec = (!all.clean.is_empty()).then(|| all.median());
    measured.latency = open_loop::together(works);
    measured.warnings.extend(works.iter().filter_map(|work| work.unpinned.clone()));
    measured.warnings.dedup();
}

/// Compares the table with the books.
fn check(map: &dyn Table, books: &Books) -> Vec<String> {
    let mut failures = Vec::new();
    let expected = books.inserted.wrapping_sub(books.removed);
    let expected_keys = books.inserted_keys.wrapping_sub(books.removed_keys);
    let (mut count, mut keys, mut foreign) = (0_u64, 0_u64, 0_u64);
    map.handle().calls().for_each(&mut |key, value| {
        count += 1;
        keys = keys.wrapping_add(key);
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
mod fault_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turns_tests;
