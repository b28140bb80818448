//! A trial of a cache: each thread has a client, which requests keys, and stores those that it misses.
//!
//! 1. The cache is made, and the workers make clients and are bound to their CPUs.
//! 2. The first half of the requests warms the cache. A fault's bystander takes its place.
//! 3. The second half is measured: it begins for all workers together, and a worker that has no request left waits
//!    for the others. Meanwhile the main thread reads the cache's memory, if the store counts it without a lock.
//! 4. The cache's sizes are read while all clients still exist.
//!
//! Requests are assigned in blocks; a worker that has finished one takes the next. So all workers end at about the same
//! time, and are at about the same place of a trace. With one thread the same seed gives the same hits.
//!
//! A value contains its key's number, which is compared at each hit. A trial cannot require that an item is present in
//! a cache; the tests of the crate `cache` check that.

mod requests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use table::cache::{BuildCache, CacheMaker, CacheOptions, CacheState, CacheTally, SharedCache};

use self::requests::{BLOCK, Requests};
use crate::case::Case;
use crate::fault::Fault;
use crate::memory;
use crate::metric::{Noise, NoiseProbe, peak_rss_bytes, process_cpu_seconds, rss_bytes};
use crate::pin::Cpus;
use crate::trial::{Measurement, join, start};

/// The hidden command of such a trial's process.
pub const CACHE_COMMAND: &str = "cache-trial";

/// What the process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheSpec {
    /// The case: its `structure` is the cache's name, its [`cache`](Case::cache) says how large it is.
    pub case: Case,
    /// Seed of the requests, and of what the cache draws.
    pub seed: u64,
    /// Where the trace is that the case replays, if it does.
    pub trace_file: Option<PathBuf>,
}

/// What the process answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cached {
    /// What trials of tables have too.
    pub measured: Measurement,
    /// Of the measured requests.
    pub tally: CacheTally,
    /// What the cache had at the end.
    pub state: CacheState,
    /// The most bytes that counted against the bound at any time, as the store has counted it or as sampled; at
    /// the end, if the store neither counts it nor says it without a lock.
    pub peak_memory_bytes: u64,
    /// How much larger the resident set was at the end than before the cache was made.
    pub resident_bytes: Option<u64>,
}

/// How often the main thread looks at the cache's memory.
const SAMPLES: Duration = Duration::from_millis(1);
/// Keys that a stalled reader looks up in search of one that is present.
const TRIES: u32 = 1 << 16;

/// Runs a trial of a cache that `build` makes.
///
/// # Errors
///
/// There can be no such cache, or the case cannot be run on it.
pub fn run(maker: &CacheMaker, build: &BuildCache, spec: &CacheSpec) -> anyhow::Result<Cached> {
    let case = &spec.case;
    let load = case.cache.context("nothing says how large the cache is")?;
    ensure!(load.requests >= 2, "{} requests have no second half", load.requests);
    check_fault(case.fault, &maker.entry.why_no_stall)?;
    let requests = Requests::of(spec)?;
    let options = CacheOptions {
        bytes: load.bytes,
        largest_value: requests.largest_value(),
        smallest_item: requests.smallest_item(),
        seed: case.hash_seed,
        reclaim_batch: case.reclaim_batch,
        clock: Arc::clone(requests.clock()),
    };
    let resident = rss_bytes();
    let what = memory::named(format_args!("{} of {} bytes", case.subject(), load.bytes));
    let cache = memory::making(what, || build(&options))?;
    let cache = cache.map_err(|why| anyhow::anyhow!("cannot make {what}: {why}"))?;
    let mut cached = Trial::new(&*cache, &requests, spec).run();
    let grown = rss_bytes().zip(resident).map(|(now, before)| now.saturating_sub(before));
    cached.resident_bytes = grown;
    cached.measured.peak_rss_bytes = peak_rss_bytes();
    cached.measured.final_len = cached.state.items;
    cached.measured.payload_bytes = requests.mean_payload();
    let bound = maker.entry.is_strict.then_some(load.bytes);
    cached.measured.failures = failures(&cached, bound);
    Ok(cached)
}

fn check_fault(fault: Fault, why_no_stall: &str) -> anyhow::Result<()> {
    match fault {
        Fault::None | Fault::Oversubscribed => Ok(()),
        Fault::StalledReader if why_no_stall.is_empty() => Ok(()),
        Fault::StalledReader => bail!("a stalled reader is not possible: {why_no_stall}"),
        Fault::DescheduledWriter | Fault::IdleRegistered => {
            bail!("the fault {fault} is for tables, not for caches")
        }
    }
}

/// What is wrong with what a cache did; `bound` is that of its memory, if it is to be kept.
fn failures(cached: &Cached, bound: Option<u64>) -> Vec<String> {
    let mut failures = Vec::new();
    if cached.tally.wrong > 0 {
        failures.push(format!("{} values belonged to another key", cached.tally.wrong));
    }
    let peak = cached.peak_memory_bytes;
    if let Some(bound) = bound.filter(|bound| peak > *bound) {
        failures.push(format!("item memory was {peak} bytes, and its bound is {bound}"));
    }
    failures
}

/// One trial, with what its threads share.
struct Trial<'t> {
    cache: &'t dyn SharedCache,
    requests: &'t Requests,
    spec: &'t CacheSpec,
    /// The next request that nobody has taken: of the first half, and of the second.
    next: [AtomicU64; 2],
    /// All workers, the bystander if there is one, and the main thread.
    meeting: Barrier,
    /// Workers that have no request left.
    idle: AtomicUsize,
    /// The stalled reader may leave its lookup.
    is_over: AtomicBool,
}

/// A worker's part.
struct Worked {
    tally: CacheTally,
    began: Instant,
    ended: Instant,
    unpinned: bool,
}

impl<'t> Trial<'t> {
    fn new(cache: &'t dyn SharedCache, requests: &'t Requests, spec: &'t CacheSpec) -> Self {
        let Case { fault, threads, .. } = spec.case;
        let half = requests.count() / 2;
        Self {
            cache,
            requests,
            spec,
            next: [AtomicU64::new(0), AtomicU64::new(half)],
            meeting: Barrier::new(fault.workers(threads) + fault.bystanders() + 1),
            idle: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    fn run(&self) -> Cached {
        let Case { fault, threads, .. } = self.spec.case;
        let workers = fault.workers(threads);
        thread::scope(|scope| {
            let all: Vec<_> =
                (0..workers).map(|number| start(scope, move || self.work(number))).collect();
            let bystander =
                (fault.bystanders() > 0).then(|| start(scope, move || self.stay_inside(workers)));
            // The cache is warm.
            self.meeting.wait();
            // The bystander is in its place.
            self.meeting.wait();
            let (probe, cpu) = (NoiseProbe::start(), process_cpu_seconds());
            self.meeting.wait();
            let sampled = self.watch(workers);
            let used = process_cpu_seconds().zip(cpu).map(|(after, before)| after - before);
            let noise = probe.stop();
            let state = self.cache.state();
            // All clients end.
            self.is_over.store(true, Relaxed);
            self.meeting.wait();
            let worked: Vec<Worked> = all.into_iter().map(|worker| join(worker.join())).collect();
            let is_in_place = bystander.is_none_or(|bystander| join(bystander.join()));
            let bound = self.spec.case.cache.map_or(0, |load| load.bytes);
            let counted = if state.overrun_bytes > 0 { bound + state.overrun_bytes } else { 0 };
            let peak_memory_bytes = sampled.max(state.memory_bytes).max(counted);
            let measured = summed(&worked, (used, noise), is_in_place);
            let mut tally = CacheTally::default();
            worked.iter().for_each(|worker| tally.add(&worker.tally));
            Cached { measured, tally, state, peak_memory_bytes, resident_bytes: None }
        })
    }

    /// Until no worker has a request left: the most memory that there was. The last look is after that, as there
    /// may be none before.
    fn watch(&self, workers: usize) -> u64 {
        let mut most = 0;
        loop {
            let is_over = self.idle.load(Relaxed) >= workers;
            most = most.max(self.cache.held_bytes().unwrap_or(0));
            if is_over {
                return most;
            }
            thread::sleep(SAMPLES);
        }
    }

    /// Meets the others so many times.
    fn meet(&self, times: usize) {
        for _ in 0..times {
            self.meeting.wait();
        }
    }

    /// A worker's life.
    fn work(&self, number: usize) -> Worked {
        let bound =
            !self.spec.case.pin || Cpus::allowed().is_ok_and(|cpus| cpus.bind(number).is_ok());
        let mut client = self.cache.client();
        let mut source = self.requests.source(number);
        let half = self.requests.count() / 2;
        let mut halves =
            [(half, CacheTally::default()), (self.requests.count(), CacheTally::default())];
        let mut times = [Instant::now(); 2];
        for (which, (end, tally)) in halves.iter_mut().enumerate() {
            let began = Instant::now();
            loop {
                // Relaxed: a number that nobody else gets, and nothing besides.
                let from = self.next[which].fetch_add(BLOCK, Relaxed);
                if from >= *end {
                    break;
                }
                let block = source.block(from, (*end).min(from + BLOCK));
                client.run(block, self.requests.keys(), tally);
            }
            times = [began, Instant::now()];
            if which == 1 {
                self.idle.fetch_add(1, Relaxed);
            }
            // Of the main thread's meetings three are between the halves, and one is at the end.
            client.offline(&mut || self.meet([3, 1][which]));
        }
        let [began, ended] = times;
        Worked { tally: halves[1].1, began, ended, unpinned: !bound }
    }

    /// The bystander's life: whether it was inside a lookup for the measured time.
    fn stay_inside(&self, number: usize) -> bool {
        let mut client = self.cache.client();
        let mut source = self.requests.source(number);
        client.offline(&mut || self.meet(1));
        let mut inside = || {
            self.meet(2);
            while !self.is_over.load(Relaxed) {
                thread::sleep(SAMPLES);
            }
        };
        let keys = self.requests.keys();
        let was_inside = (0..TRIES).any(|_| client.stall(keys.key(source.key()), &mut inside));
        if !was_inside {
            // It is in no lookup; the others must not wait for it.
            client.offline(&mut || self.meet(2));
        }
        drop(client);
        self.meeting.wait();
        was_inside
    }
}

/// What the workers did together, and the process meanwhile.
fn summed(
    worked: &[Worked],
    (cpu_seconds, noise): (Option<f64>, Noise),
    is_in_place: bool,
) -> Measurement {
    let began = worked.iter().map(|worker| worker.began).min();
    let ended = worked.iter().map(|worker| worker.ended).max();
    let ops = || worked.iter().map(|worker| worker.tally.requests);
    let mut warnings = Vec::new();
    if worked.iter().any(|worker| worker.unpinned) {
        warnings.push("threads not bound to CPUs".to_owned());
    }
    if !is_in_place {
        warnings.push("no key was there for the stalled reader".to_owned());
    }
    Measurement {
        seconds: began.zip(ended).map_or(0.0, |(began, ended)| (ended - began).as_secs_f64()),
        ops: ops().sum(),
        min_thread_ops: ops().min().unwrap_or(0),
        max_thread_ops: ops().max().unwrap_or(0),
        cpu_seconds,
        noise,
        warnings,
        ..Measurement::default()
    }
}

#[cfg(test)]
mod tests;
