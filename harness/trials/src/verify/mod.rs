//! Checks that a table is linearizable, on recorded histories of real concurrent runs.
//!
//! A run is a sequence of rounds ([`round`]), each on a new table that starts with the smallest
//! capacity. Threads do all operations, record when each began and ended and what it
//! returned ([`record`]), and stop. Then the crate `linearizability` checks the history, the keys in parallel, and
//! minimises a bad one. docs/CORRECTNESS.md says what this shows and what it cannot.

pub mod record;
pub mod round;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use linearizability::counterexample::Whole;
use linearizability::history::{self, TimedOp};
use linearizability::size::{self, AtRest, WrongLen};
use linearizability::sweep::{self, Decision};
use linearizability::{Counterexample, minimise, snapshots};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use table::Maker;

use crate::clock::Clock;
use record::Recorded;
use round::{LEAST_ROUNDS, Round, Shape};

/// A run with fewer operations that overlapped with another on their key shows nothing, and is no
/// pass.
pub const MIN_OVERLAPPING: u64 = 1_000;

/// The most worker threads: one more thread reads the table at the end, and the sweep knows
/// [`sweep::MAX_PENDING`].
pub const MAX_THREADS: usize = sweep::MAX_PENDING - 1;

/// What to check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifySpec {
    /// The table.
    pub structure: String,
    /// Its reclaimer.
    pub reclaimer: String,
    /// No round begins after this time.
    pub seconds: f64,
    /// Seed of keys and operations.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
    /// Size of the key range.
    pub keys: u64,
}

/// What a run found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Rounds run and checked.
    pub rounds: u64,
    /// Operations on keys.
    pub operations: u64,
    /// Operations that overlapped with another on the same key.
    pub overlapping: u64,
    /// Calls of `len` while threads wrote.
    pub len_calls: u64,
    /// Iterations while threads wrote, each of which is said to show one moment.
    #[serde(default)]
    pub snapshots: u64,
    /// The most entries that a table held at the end of a round.
    pub most_entries: u64,
    /// Time in which rounds ran.
    pub recording_seconds: f64,
    /// Time in which rounds were checked.
    pub checking_seconds: f64,
    /// The clock's name.
    pub clock: String,
    /// Histories that were too costly to decide.
    pub undecided: u64,
    /// What was wrong; the run ended there.
    pub violation: Option<Violation>,
}

/// What the run says of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Every history is linearizable, and threads met often enough.
    Linearizable,
    /// Something is not as it should be.
    Violation,
    /// A history could not be decided, or the threads did not meet often enough.
    Unknown,
}

/// What was wrong, and in which round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The round's number, from 0.
    pub round: u64,
    /// Which keys its threads drew.
    pub shape: Shape,
    /// What was wrong.
    pub wrong: Wrong,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Wrong {
    /// A key's history is not linearizable.
    History(Counterexample),
    /// `len` was off by too much.
    Len(WrongLen),
    /// An iteration that is said to show one moment does not.
    Snapshot {
        /// Why not.
        message: String,
    },
    /// `len` or `for_each` contradicted `get` at rest.
    Rest {
        /// How.
        message: String,
    },
}

impl Findings {
    /// The verdict, and why if it is no pass.
    #[must_use]
    pub fn verdict(&self) -> (Judgement, String) {
        let Self { overlapping, undecided, .. } = self;
        if let Some(violation) = &self.violation {
            (Judgement::Violation, violation.summary())
        } else if *undecided > 0 {
            (Judgement::Unknown, format!("{undecided} histories were too costly to decide"))
        } else if *overlapping < MIN_OVERLAPPING {
            let why = format!(
                "only {overlapping} operations overlapped with another on their key, and fewer \
                 than {MIN_OVERLAPPING} show nothing: give it more --seconds or more --threads"
            );
            (Judgement::Unknown, why)
        } else {
            (Judgement::Linearizable, String::new())
        }
    }
}

impl Violation {
    /// In a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.wrong {
            Wrong::History(example) => {
                format!("no order explains the answers of key {}", example.key)
            }
            Wrong::Len(WrongLen { len, before, overlapping }) => format!(
                "`len` returned {len}, where {before} entries, give or take {overlapping}, could be"
            ),
            Wrong::Snapshot { message } | Wrong::Rest { message } => message.clone(),
        }
    }
}

/// Runs rounds until the time is over, at least one of each shape, each on a new table of that maker,
/// and checks each.
#[must_use]
pub fn run(maker: &Maker<'_>, spec: &VerifySpec) -> Findings {
    run_by(Clock::choose(), &|round| record::record(maker, round), spec)
}

fn run_by(clock: Clock, record: &dyn Fn(&Round) -> Recorded, spec: &VerifySpec) -> Findings {
    let mut findings = Findings { clock: clock.name().to_owned(), ..Findings::default() };
    let deadline = Instant::now() + Duration::from_secs_f64(spec.seconds);
    while findings.violation.is_none()
        && (findings.rounds < LEAST_ROUNDS || Instant::now() < deadline)
    {
        let round = Round::new(findings.rounds, spec.seed, spec.threads, spec.keys, clock);
        let begun = Instant::now();
        let recorded = record(&round);
        findings.recording_seconds += begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        findings.check(&round, recorded);
        findings.checking_seconds += begun.elapsed().as_secs_f64();
    }
    findings
}

/// What the sweep says of one key of a round.
struct KeyFindings {
    overlapping: usize,
    outcome: Decision,
}

impl Findings {
    /// Checks one round and counts it.
    fn check(&mut self, round: &Round, mut recorded: Recorded) {
        recorded.ops.par_sort_unstable_by_key(|keyed| (keyed.key, keyed.op.invoked));
        let histories: Vec<(u64, Vec<TimedOp>)> = history::by_key(&recorded.ops);
        let check = |(_, ops): &(u64, Vec<TimedOp>)| KeyFindings {
            overlapping: history::count_overlapping(ops),
            outcome: sweep::check(None, ops, sweep::BUDGET),
        };
        let found: Vec<KeyFindings> = histories.par_iter().map(check).collect();
        let bad: Vec<&(u64, Vec<TimedOp>)> = histories
            .iter()
            .zip(&found)
            .filter(|(_, found)| matches!(found.outcome, Decision::Stuck(_)))
            .map(|(history, _)| history)
            .collect();
        let undecided = found.iter().filter(|found| found.outcome == Decision::Unknown).count();
        let overlapping: usize = found.iter().map(|found| found.overlapping).sum();
        self.rounds += 1;
        self.operations += recorded.ops.len() as u64;
        self.overlapping += overlapping as u64;
        self.len_calls += recorded.lens.len() as u64;
        self.snapshots += recorded.snapshots.len() as u64;
        self.most_entries = self.most_entries.max(recorded.final_len as u64);
        self.undecided += undecided as u64;
        let wrong = smallest_counterexample(&bad, &recorded).map(Wrong::History);
        let wrong = wrong.or_else(|| wrong_besides(&recorded, undecided));
        self.violation =
            wrong.map(|wrong| Violation { round: round.index, shape: round.shape, wrong });
    }
}

/// What is wrong where every key's history is right; nothing is said where one is undecided.
fn wrong_besides(recorded: &Recorded, undecided: usize) -> Option<Wrong> {
    if undecided > 0 {
        return None;
    }
    let len = size::check_lens(&recorded.ops, &recorded.lens).map(Wrong::Len);
    let snapshots = || {
        snapshots::check(&recorded.ops, &recorded.snapshots)
            .map(|message| Wrong::Snapshot { message })
    };
    let Recorded { ops, final_len, final_entries, .. } = recorded;
    let at_rest = AtRest { ops, len: *final_len, entries: final_entries };
    len.or_else(snapshots)
        .or_else(|| size::check_rest(at_rest).map(|message| Wrong::Rest { message }))
}

/// Histories that are made small when many are wrong: the smallest of them is shown.
const CANDIDATES: usize = 16;

fn smallest_counterexample(
    bad: &[&(u64, Vec<TimedOp>)],
    recorded: &Recorded,
) -> Option<Counterexample> {
    let minimised = (bad.par_iter().take(CANDIDATES))
        .filter_map(|(key, ops)| Some((*key, minimise::minimise(None, ops)?)));
    let (key, extract) = minimised.min_by_key(|(key, extract)| (extract.ops.len(), *key))?;
    let Recorded { ops, ticks_per_second, .. } = recorded;
    let whole = Whole { ops, ticks_per_second: *ticks_per_second };
    Some(Counterexample::new(key, extract, whole))
}
