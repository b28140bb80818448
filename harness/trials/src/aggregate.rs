//! Aggregations: words are counted by the threads of a pool, in four ways.
//!
//! The words are made, or read and numbered, before the clock starts, and so is the pool. For each
//! way, the result is compared with a count by one thread, word by word.

mod spec;
mod ways;
mod words;

use std::time::Instant;

use anyhow::{Context, ensure};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};
use table::{Hashing, Maker, MapOptions};

pub use self::spec::{AggregateSpec, Way};
use self::ways::WordCounts;
use self::words::words;
use crate::case::{Case, Mix};
use crate::fault::Fault;
use crate::memory;
use crate::metric::{Noise, NoiseProbe, process_cpu_seconds};
use crate::pin::Cpus;

/// The hidden command of an aggregation trial's process.
pub const AGGREGATE_COMMAND: &str = "aggregate-trial";

/// `case` without what an aggregation does not heed: cells that differ in nothing else are measured
/// once. The words of a text have their own number and skew.
#[must_use]
pub fn counted_as(case: &Case, is_text: bool) -> Case {
    let (keys, zipf) = if is_text { (1, 0.0) } else { (case.keys, case.zipf) };
    Case {
        keys,
        zipf,
        mix: Mix { reads: 0.0, inserts: 0.0, removes: 0.0, updates: 100.0, upserts: 0.0 },
        prefill: 0,
        batch: 1,
        ops_per_pin: 1,
        fault: Fault::None,
        twin: false,
        hashing: Hashing::default(),
        key_bytes: None,
        value_bytes: None,
        trace: None,
        ..case.clone()
    }
}

/// What a process answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aggregated {
    /// From the first word to the last count.
    pub seconds: f64,
    /// CPU time of the process in that time.
    pub cpu_seconds: Option<f64>,
    /// Words.
    pub words: u64,
    /// Different ones.
    pub distinct: u64,
    /// How long one thread took to count the same words before, without any sharing.
    pub sequential_seconds: f64,
    /// What disturbed it, or the one thread before.
    pub noise: String,
    /// Whether every count was right; what was not.
    pub failures: Vec<String>,
}

/// Counts words in a table of that maker, if the way has one.
///
/// # Errors
///
/// The table cannot serve so many threads, or the text cannot be read.
pub fn run(maker: &Maker<'_>, spec: &AggregateSpec) -> anyhow::Result<Aggregated> {
    let case = &spec.case;
    if !spec.way.takes_table() {
        return alone(spec);
    }
    ensure!(maker.info.keeps_entries, "a table that keeps no entries cannot count");
    if let Some(most) = maker.info.max_threads {
        let threads = case.threads;
        ensure!(threads <= most, "the table serves {most} handles, and {threads} are needed");
    }
    let task = Task::new(spec)?;
    let options = MapOptions {
        capacity: task.distinct,
        hash_seed: case.hash_seed,
        huge_pages: case.huge_pages,
        reclaim_batch: case.reclaim_batch,
        ..MapOptions::default()
    };
    let what = case.table_in_words(options.capacity);
    let map = memory::making(what, || (maker.build)(&options))?;
    let mut done = match spec.way {
        Way::Cached => task.time(|| ways::cached(&*map, &task.words, &task.hasher)).1,
        _ => task.time(|| ways::shared(&*map, &task.words)).1,
    };
    let mut found = Vec::new();
    map.handle().calls().for_each(&mut |word, count| found.push((word, count)));
    task.check(found, &mut done);
    let (len, distinct) = (map.len(), task.distinct);
    if len != distinct {
        done.failures.push(format!("the table has {len} words, not {distinct}"));
    }
    Ok(done)
}

/// The ways without a shared table.
fn alone(spec: &AggregateSpec) -> anyhow::Result<Aggregated> {
    let task = Task::new(spec)?;
    let (counts, mut done) = match spec.way {
        Way::Merged => {
            let (counts, done) = task.time(|| ways::merged(&task.words, &task.hasher));
            (vec![counts], done)
        }
        _ => task.time(|| ways::partitioned(&task.words, task.distinct, &task.hasher)),
    };
    task.check(counts.into_iter().flatten().collect(), &mut done);
    Ok(done)
}

/// All that there is before the clock starts.
struct Task {
    pool: ThreadPool,
    words: Vec<u64>,
    distinct: usize,
    hasher: FixedState,
    /// As one thread counts them.
    expected: WordCounts,
    sequential_seconds: f64,
    /// What disturbed that thread.
    noise: Noise,
}

impl Task {
    fn new(spec: &AggregateSpec) -> anyhow::Result<Self> {
        let _during = memory::allocates_for("the words and their counts");
        let words = words(spec)?;
        let distinct = words.iter().collect::<HashSet<_>>().len();
        let hasher = FixedState::with_seed(spec.case.hash_seed);
        let (probe, started) = (NoiseProbe::start(), Instant::now());
        let expected = ways::sequential(&words, distinct, &hasher);
        let sequential_seconds = started.elapsed().as_secs_f64();
        let noise = probe.stop();
        let pool = pool(&spec.case)?;
        Ok(Self { pool, words, distinct, hasher, expected, sequential_seconds, noise })
    }

    /// Runs `count` in the pool, and tells how long that took.
    fn time<R: Send>(&self, count: impl FnOnce() -> R + Send) -> (R, Aggregated) {
        let probe = NoiseProbe::start();
        let cpu_before = process_cpu_seconds();
        let started = Instant::now();
        let counted = self.pool.install(count);
        let seconds = started.elapsed().as_secs_f64();
        let cpu_after = process_cpu_seconds();
        // Both times are in what is said: so many times one thread.
        let mut noise = self.noise;
        noise.add(&probe.stop());
        let done = Aggregated {
            seconds,
            cpu_seconds: cpu_before.zip(cpu_after).map(|(before, after)| after - before),
            words: self.words.len() as u64,
            distinct: self.distinct as u64,
            sequential_seconds: self.sequential_seconds,
            noise: noise.verdict(),
            failures: Vec::new(),
        };
        (counted, done)
    }

    /// Compares what was `found`, each word once, with what one thread found.
    fn check(&self, found: Vec<(u64, u64)>, done: &mut Aggregated) {
        let wrong = found.iter().filter(|(word, count)| self.expected.get(word) != Some(count));
        let (wrong, all) = (wrong.count(), found.len());
        if wrong > 0 {
            done.failures.push(format!("{wrong} of {all} words have a wrong count"));
        }
        if all != self.expected.len() {
            let distinct = self.expected.len();
            done.failures.push(format!("{all} words were counted, not {distinct}"));
        }
    }
}

/// A pool whose threads run, and are bound to their CPUs if `case` asks for it.
fn pool(case: &Case) -> anyhow::Result<ThreadPool> {
    let cpus = Cpus::allowed().ok().filter(|_| case.pin);
    let bind = move |thread| {
        // As in a throughput trial, a thread that cannot be bound runs unbound.
        let _ = cpus.as_ref().map(|cpus| cpus.bind(thread));
    };
    let builder = ThreadPoolBuilder::new().num_threads(case.threads).start_handler(bind);
    let pool = builder.build().context("cannot make a pool of threads")?;
    pool.broadcast(|_| ());
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::tests::case;

    fn spec(way: Way, threads: usize) -> AggregateSpec {
        let case = case("papaya", "none", threads, 0.0, 0.99, 500);
        AggregateSpec { case, seed: 7, way, words: 20_000, text: None }
    }

    fn table() -> Maker<'static> {
        kernel::maker(|o| {
            structures::ChainingBucketLock::<u64, u64, _>::with_capacity_and_hasher(
                o.capacity,
                o.hasher(),
            )
        })
    }

    #[test]
    fn every_way_counts_the_same_words() {
        for way in Way::ALL {
            let done = run(&table(), &spec(way, 3)).unwrap();
            assert_eq!(done.failures, [""; 0], "{way}");
            assert_eq!(done.words, 20_000);
            assert!((400..=500).contains(&done.distinct), "{done:?}");
            assert!(done.seconds > 0.0 && done.sequential_seconds > 0.0);
        }
    }

    #[test]
    fn a_wrong_count_is_found() {
        let task = Task::new(&spec(Way::Merged, 1)).unwrap();
        let right: Vec<(u64, u64)> = task.expected.iter().map(|(w, n)| (*w, *n)).collect();
        let complaints = |found: Vec<(u64, u64)>| {
            let mut done = Aggregated::default();
            task.check(found, &mut done);
            done.failures.join("; ")
        };
        assert_eq!(complaints(right.clone()), "");
        let mut wrong = right.clone();
        wrong[0].1 += 1;
        let all = right.len();
        assert_eq!(complaints(wrong), format!("1 of {all} words have a wrong count"));
        let fewer = complaints(right[1..].to_vec());
        assert_eq!(fewer, format!("{} words were counted, not {all}", all - 1));
    }

    #[test]
    fn what_disturbs_the_one_thread_is_said_too() {
        let mut task = Task::new(&spec(Way::Merged, 1)).unwrap();
        if task.noise.run_delay_seconds.is_none() {
            // The system does not tell how long threads wait.
            return;
        }
        task.noise = Noise {
            wall_seconds: 1000.0,
            cpus: Some(1),
            run_seconds: Some(500.0),
            run_delay_seconds: Some(500.0),
            ..task.noise
        };
        let (_, done) = task.time(|| ());
        assert!(done.noise.contains("run delay 50.0 %"), "{}", done.noise);
    }

    #[test]
    fn what_cannot_count_is_refused() {
        let mut none = table();
        none.info.keeps_entries = false;
        let said = run(&none, &spec(Way::Shared, 1)).unwrap_err().to_string();
        assert!(said.contains("keeps no entries"), "{said}");
        let missing =
            AggregateSpec { text: Some("no such file".to_owned()), ..spec(Way::Merged, 1) };
        assert!(run(&table(), &missing).unwrap_err().to_string().contains("no such file"));
    }
}
