//! Which trials of a block take turns with each other.
//!
//! A group is a set of trials that do the same operations: those of one workload, and of settings that change no
//! operation. Its processes are alive together, so there are no more of them than memory allows.

use std::collections::HashMap;
use std::fs;

use table::ByteKeys;

use super::schedule::{Job, Measure, trial_seed};
use crate::case::{Case, NO_OP};
use crate::experiment::{Experiment, Turns};
use crate::rows::Row;

/// The most that take turns: a round of more takes so long that the machine is another at its end.
const MOST: usize = 24;
/// The share of the memory that is there which trials may have together: an estimate can be wrong.
const SHARE: f64 = 0.7;

/// Bytes of a process without entries: its program, the stacks of its threads, the weights of a distribution.
const OF_PROCESS: u64 = 24 << 20;
/// Bytes of an entry, whatever the table: a node with its allocation and its part of an array, and what a
/// table that is copied as a whole holds besides.
const OF_ENTRY: u64 = 160;
/// Bytes of a request of a trace.
const OF_REQUEST: u64 = 12;
/// Bytes that a scheme that frees nothing gathers in a second on each thread.
const LEAKED: f64 = 256e6;

/// How much memory trials take, as far as is known beforehand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The peaks of trials that were measured, by case.
    peaks: HashMap<String, u64>,
    /// Time in which garbage is made.
    seconds: f64,
    /// What all may take together; `None` if the system does not tell.
    limit: Option<u64>,
}

impl Memory {
    /// Of the trials of `experiment`, after those of `rows`.
    pub(crate) fn of(experiment: &Experiment, rows: &[Row]) -> Self {
        let times = experiment.turns.map_or(1.0, |turns| turns.seconds_of_each());
        Self::after(rows, experiment.warmup + times * experiment.seconds)
    }

    /// Of trials of so many seconds, warm-up and what is not counted included.
    fn after(rows: &[Row], seconds: f64) -> Self {
        let mut peaks: HashMap<String, u64> = HashMap::new();
        for row in rows {
            let peak = peaks.entry(row.case.clone()).or_default();
            *peak = (*peak).max(row.peak_rss_bytes.unwrap_or(0));
        }
        peaks.retain(|_, peak| *peak > 0);
        let limit = available().map(|bytes| (bytes as f64 * SHARE) as u64);
        Self { peaks, seconds, limit }
    }

    /// What a trial of `case` is expected to take: as much as one that was measured, else by its entries.
    fn estimate(&self, case: &Case) -> u64 {
        if let Some(peak) = self.peaks.get(&case.id()) {
            return *peak;
        }
        let lengths = case.lengths();
        let listed = lengths.map_or(0, |lengths| {
            ByteKeys::listed_bytes(lengths, case.distribution.space(case.keys))
        });
        // A key is there once more in its entry, and values are about as long.
        let entry = OF_ENTRY + 2 * listed / case.keys.max(1);
        let entries = if case.structure == NO_OP { 0 } else { case.prefill };
        let entries = entries.max(case.capacity.unwrap_or(0));
        let requests = case.trace.as_ref().map_or(0, |trace| trace.requests);
        let leaks = case.reclaimer == "leak" && case.mix.reads < 100.0;
        let rate = if leaks { LEAKED * (1.0 - case.mix.reads / 100.0) } else { 0.0 };
        let garbage = rate * case.threads as f64 * self.seconds;
        [OF_PROCESS, listed, OF_REQUEST * requests, garbage as u64]
            .into_iter()
            .fold(entries.saturating_mul(entry), u64::saturating_add)
    }
}

/// A trial of a block, with its position.
pub(crate) type Placed = (u32, Job);

/// How `job` takes turns, if it does.
pub(crate) fn turns_of(experiment: &Experiment, job: Job) -> Option<Turns> {
    let takes = Turns::takes(&experiment.cases[job.cell]);
    experiment.turns.filter(|_| takes && job.measure == Measure::Throughput)
}

/// What to do in a block that has these trials, in their order: those that do the same operations take turns.
pub(crate) fn steps(
    experiment: &Experiment,
    block: u32,
    trials: &[Placed],
    memory: &Memory,
) -> Vec<SweepStep<Placed>> {
    let case = |job: Job| &experiment.cases[job.cell];
    let common =
        |job| turns_of(experiment, job).map(|_| trial_seed(experiment.seed, block, case(job)));
    let trials: Vec<_> = trials.iter().map(|trial| (common(trial.1), *trial)).collect();
    parted_in_steps(&trials, memory, |(_, job)| memory.estimate(case(job)))
}

/// How the trials of a block take turns, if any do: how many together, and in how much memory.
pub(crate) fn in_words(
    experiment: &Experiment,
    trials: &[Placed],
    memory: &Memory,
) -> Option<String> {
    let turns = experiment.turns?;
    let together = |step| match step {
        SweepStep::Together(group) => Some(group),
        SweepStep::Alone(_) => None,
    };
    let groups: Vec<Vec<Placed>> =
        steps(experiment, 0, trials, memory).into_iter().filter_map(together).collect();
    let bytes = |group: &Vec<Placed>| -> u64 {
        group.iter().map(|(_, job)| memory.estimate(&experiment.cases[job.cell])).sum()
    };
    let (most, bytes) = (groups.iter().map(Vec::len).max()?, groups.iter().map(bytes).max()?);
    let limit = memory.limit.map_or_else(String::new, |limit| {
        format!(" of the {} that they may have", megabytes(limit))
    });
    Some(format!(
        "by turns, in {turns}: {} groups a block, at most {most} trials alive together, for which \
         about {} are expected{limit}",
        groups.len(),
        megabytes(bytes)
    ))
}

/// What a sweep does at a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SweepStep<T> {
    /// One trial.
    Alone(T),
    /// Trials that take turns.
    Together(Vec<T>),
}

/// Parts a block's trials into steps: `trials` are in the block's order, each with what it has in common with
/// those with which it takes turns, if it does. Steps are in the order of their first trials; a group that is
/// too large for memory is parted evenly.
fn parted_in_steps<T: Copy>(
    trials: &[(Option<u64>, T)],
    memory: &Memory,
    estimate: impl Fn(T) -> u64,
) -> Vec<SweepStep<T>> {
    let mut steps = Vec::new();
    let mut group_of: HashMap<u64, usize> = HashMap::new();
    for &(common, trial) in trials {
        let Some(common) = common else {
            steps.push(SweepStep::Alone(trial));
            continue;
        };
        let next = steps.len();
        let group = *group_of.entry(common).or_insert(next);
        match steps.get_mut(group) {
            Some(SweepStep::Together(members)) => members.push(trial),
            _ => steps.push(SweepStep::Together(vec![trial])),
        }
    }
    let parts = |step| match step {
        SweepStep::Alone(_) => vec![step],
        SweepStep::Together(group) => {
            parted(&group, memory, &estimate).into_iter().map(SweepStep::Together).collect()
        }
    };
    steps.into_iter().flat_map(parts).collect()
}

/// The fewest parts of about the same size that fit.
fn parted<T: Copy>(group: &[T], memory: &Memory, estimate: &impl Fn(T) -> u64) -> Vec<Vec<T>> {
    let fits = |part: &[T]| {
        let all = part.iter().map(|&trial| estimate(trial)).fold(0, u64::saturating_add);
        part.len() == 1 || part.len() <= MOST && memory.limit.is_none_or(|limit| all <= limit)
    };
    let mut parts = 1;
    loop {
        let size = group.len().div_ceil(parts);
        if group.chunks(size.max(1)).all(fits) {
            return group.chunks(size.max(1)).map(<[T]>::to_vec).collect();
        }
        parts += 1;
    }
}

/// Memory that can be had without swapping, as the system or the container's limit has it.
fn available() -> Option<u64> {
    let system = available_in(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let number = |path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let limit = number("/sys/fs/cgroup/memory.max");
    let left =
        limit.zip(number("/sys/fs/cgroup/memory.current")).map(|(max, now)| max - now.min(max));
    Some(left.map_or(system, |left| left.min(system)))
}

/// The field `MemAvailable` of the text of `/proc/meminfo`, in bytes.
fn available_in(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Bytes in words.
fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{case, trial};

    fn limited(limit: u64) -> Memory {
        Memory { limit: Some(limit), ..Memory::default() }
    }

    #[test]
    fn a_group_has_what_is_common_in_the_order_of_the_block() {
        let (some, none) = (Some, None);
        let trials = [
            (some(7), 'a'),
            (none, 'x'),
            (some(8), 'b'),
            (some(7), 'c'),
            (some(9), 'd'),
            (none, 'y'),
            (some(8), 'e'),
            (some(7), 'f'),
        ];
        let all = parted_in_steps(&trials, &Memory::default(), |_| u64::MAX);
        let together = |members: &str| SweepStep::Together(members.chars().collect());
        let expected = [
            together("acf"),
            SweepStep::Alone('x'),
            together("be"),
            together("d"),
            SweepStep::Alone('y'),
        ];
        assert_eq!(all, expected);
        assert!(
            parted_in_steps(&[] as &[(Option<u64>, char)], &Memory::default(), |_| 0).is_empty()
        );
    }

    #[test]
    fn as_many_are_alive_together_as_memory_allows() {
        let groups = |trials: u64, memory: &Memory, estimate: fn(u64) -> u64| -> Vec<Vec<u64>> {
            let trials: Vec<_> = (0..trials).map(|trial| (Some(1), trial)).collect();
            let members = |step| match step {
                SweepStep::Together(members) => members,
                SweepStep::Alone(trial) => panic!("{trial} takes turns"),
            };
            parted_in_steps(&trials, memory, estimate).into_iter().map(members).collect()
        };
        let sizes = |limit: u64| -> Vec<usize> {
            groups(5, &limited(limit), |_| 10).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(50), [5]);
        assert_eq!(sizes(49), [3, 2]);
        assert_eq!(sizes(29), [2, 2, 1]);
        assert_eq!(sizes(1), [1; 5], "what is too large goes by itself");
        // By what each takes, not by the mean.
        let uneven = |limit| groups(4, &limited(limit), |trial| 30 * trial).len();
        assert_eq!([180, 179, 149].map(uneven), [1, 2, 4]);
        let many: Vec<usize> = groups(49, &Memory::default(), |_| 0).iter().map(Vec::len).collect();
        assert_eq!(many, [17, 17, 15], "nor more than a round should have");
    }

    #[test]
    fn what_was_measured_is_the_best_estimate() {
        let mut row = trial("papaya", 2, 0, 1.0);
        let of = case("papaya", "none", 2, 95.0, 0.0, 1 << 20);
        row.case = of.id();
        row.peak_rss_bytes = Some(123);
        let known = Memory::after(&[row.clone()], 1.0);
        assert_eq!(known.estimate(&of), 123);
        row.peak_rss_bytes = None;
        let unknown = Memory::after(&[row], 1.0);
        let large = unknown.estimate(&of);
        assert!(large >= (1 << 19) * 64, "{large}");
        let small = unknown.estimate(&case("papaya", "none", 2, 95.0, 0.0, 1 << 10));
        assert!(small < large, "{small} {large}");
        let leaking = unknown.estimate(&case("papaya", "leak", 2, 50.0, 0.0, 1 << 20));
        assert!(leaking > 2 * large, "{leaking} {large}");
    }

    #[test]
    fn available_memory_is_read() {
        let text = "MemTotal:  8000000 kB\nMemFree:  10 kB\nMemAvailable:    2000 kB\n";
        assert_eq!(available_in(text), Some(2_048_000));
        assert_eq!(available_in("MemTotal: 8 kB\n"), None);
        assert!(available().is_none_or(|bytes| bytes > 1 << 20));
    }
}
