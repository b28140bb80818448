//! Checks that a table is linearizable, on recorded histories of real concurrent runs.
//!
//! A run is a sequence of rounds ([`round`]), each on a new table that starts with the smallest
//! capacity. Threads do all operations, write down when each began and ended and what it
//! returned ([`record`]), and stop. Then the history is split by key and each key's is checked
//! ([`sweep`]), in parallel. What is found wrong is made small ([`minimise`]) and drawn
//! ([`timeline`]). docs/CORRECTNESS.md says what this shows and what it cannot.

pub mod clock;
pub mod history;
pub mod minimise;
pub mod record;
pub mod round;
pub mod size;
pub mod snapshots;
pub mod svg;
pub mod sweep;
#[cfg(test)]
mod tests;
pub mod timeline;

use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use clock::Clock;
use history::{KeyedOp, Op};
use record::Recorded;
use round::{LEAST_ROUNDS, Round, Shape};
use size::WrongLen;
use sweep::Outcome;

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
    /// Those of them that overlapped with another on the same key.
    pub overlapping: u64,
    /// Calls of `len` while threads wrote.
    pub len_calls: u64,
    /// Iterations while threads wrote, each of which is said to show one moment.
    #[serde(default)]
    pub snapshots: u64,
    /// The most entries that a table held at the end of a round.
    pub most_entries: u64,
    /// Time spent on running rounds …
    pub recording_seconds: f64,
    /// … and on checking them.
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
pub enum Verdict {
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

/// A small part of a key's history that no order explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counterexample {
    /// The key.
    pub key: u64,
    /// Its value before; none if it was absent.
    pub initial: Option<u64>,
    /// Since when, in words.
    pub since: String,
    /// The operations, sorted by invocation, in ticks since the first one's.
    pub ops: Vec<Op>,
    /// The operation at whose return no order is left.
    pub stuck_at: usize,
    /// What the key could have held before that return.
    pub possible: Vec<Option<u64>>,
    /// The operations on the key in that round.
    pub out_of: usize,
    /// How fast the clock ticked.
    pub ticks_per_second: f64,
    /// The values that were seen and that none of the operations wrote.
    pub strangers: Vec<Stranger>,
}

/// A value from outside a counterexample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stranger {
    /// The value.
    pub value: u64,
    /// Where it is from, in words.
    pub origin: String,
}

impl Findings {
    /// The verdict, and why if it is no pass.
    #[must_use]
    pub fn verdict(&self) -> (Verdict, String) {
        let Self { overlapping, undecided, .. } = self;
        if let Some(violation) = &self.violation {
            (Verdict::Violation, violation.summary())
        } else if *undecided > 0 {
            (Verdict::Unknown, format!("{undecided} histories were too costly to decide"))
        } else if *overlapping < MIN_OVERLAPPING {
            let why = format!(
                "only {overlapping} operations overlapped with another on their key, and fewer \
                 than {MIN_OVERLAPPING} show nothing: give it more --seconds or more --threads"
            );
            (Verdict::Unknown, why)
        } else {
            (Verdict::Linearizable, String::new())
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

/// Runs rounds until the time is over, at least one of each shape, and checks each. `record` runs a
/// round on a new table.
pub(crate) fn run(record: &dyn Fn(&Round) -> Recorded, spec: &VerifySpec) -> Findings {
    run_by(Clock::choose(), record, spec)
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
    outcome: Outcome,
}

impl Findings {
    /// Checks one round and counts it.
    fn check(&mut self, round: &Round, mut recorded: Recorded) {
        recorded.ops.par_sort_unstable_by_key(|keyed| (keyed.key, keyed.op.invoked));
        let histories: Vec<(u64, Vec<Op>)> = by_key(&recorded.ops);
        let check = |(_, ops): &(u64, Vec<Op>)| KeyFindings {
            overlapping: history::count_overlapping(ops),
            outcome: sweep::check(None, ops, sweep::BUDGET),
        };
        let found: Vec<KeyFindings> = histories.par_iter().map(check).collect();
        let bad: Vec<&(u64, Vec<Op>)> = histories
            .iter()
            .zip(&found)
            .filter(|(_, found)| matches!(found.outcome, Outcome::Stuck(_)))
            .map(|(history, _)| history)
            .collect();
        let undecided = found.iter().filter(|found| found.outcome == Outcome::Unknown).count();
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
    len.or_else(snapshots)
        .or_else(|| size::check_rest(recorded).map(|message| Wrong::Rest { message }))
}

/// Each key's history; `ops` is sorted by key.
fn by_key(ops: &[KeyedOp]) -> Vec<(u64, Vec<Op>)> {
    let chunks = ops.chunk_by(|a, b| a.key == b.key);
    chunks.map(|chunk| (chunk[0].key, chunk.iter().map(|keyed| keyed.op).collect())).collect()
}

/// Histories that are made small when many are wrong: the smallest of them is shown.
const CANDIDATES: usize = 16;

fn smallest_counterexample(bad: &[&(u64, Vec<Op>)], recorded: &Recorded) -> Option<Counterexample> {
    let minimised = bad.par_iter().take(CANDIDATES).filter_map(|(key, ops)| {
        minimise::minimise(None, ops).map(|extract| (*key, ops.len(), extract))
    });
    let (key, out_of, extract) =
        minimised.min_by_key(|(key, _, extract)| (extract.ops.len(), *key))?;
    let zero = extract.ops.first().map_or(0, |op| op.invoked);
    let shifted = |op: &Op| Op {
        invoked: op.invoked - zero,
        returned: if op.is_pending() { Op::PENDING } else { op.returned - zero },
        ..*op
    };
    Some(Counterexample {
        key,
        initial: extract.initial,
        since: since_when(key, &extract, recorded),
        strangers: strangers(key, &extract, recorded),
        ops: extract.ops.iter().map(shifted).collect(),
        stuck_at: extract.stuck.op,
        possible: extract.stuck.possible,
        out_of,
        ticks_per_second: recorded.ticks_per_second,
    })
}

/// The values that the operations of `extract` saw and did not write, and where they are from.
fn strangers(key: u64, extract: &minimise::Extract, recorded: &Recorded) -> Vec<Stranger> {
    let written: Vec<u64> = extract.ops.iter().filter_map(|op| op.call.written()).collect();
    let seen = extract.ops.iter().flat_map(|op| timeline::values(op.call));
    let begin = extract.ops.first().map_or(0, |op| op.invoked);
    let mut strangers: Vec<Stranger> = seen
        .filter(|value| !written.contains(value) && Some(*value) != extract.initial)
        .map(|value| Stranger { value, origin: origin(value, key, begin, recorded) })
        .collect();
    strangers.sort_unstable();
    strangers.dedup();
    strangers
}

/// Who made the key what it was before `extract`, in words.
fn since_when(key: u64, extract: &minimise::Extract, recorded: &Recorded) -> String {
    let begin = extract.ops.first().map_or(0, |op| op.invoked);
    let of_key = recorded.ops.iter().filter(|keyed| keyed.key == key).map(|keyed| keyed.op);
    let before = of_key.filter(|op| op.returned < begin);
    let sets = before.filter(|op| op.call.step().sets == Some(extract.initial));
    sets.max_by_key(|op| op.returned).map_or_else(
        || "from the start".to_owned(),
        |op| {
            let span = recorded.span(begin - op.returned);
            format!("thread {} left it so {span} before", op.thread)
        },
    )
}

/// Who wrote a value, in words.
fn origin(value: u64, key: u64, begin: u64, recorded: &Recorded) -> String {
    let by = |keyed: &&KeyedOp| keyed.op.call.written() == Some(value);
    let Some(KeyedOp { key: of, op }) = recorded.ops.iter().find(by) else {
        return "no operation of this round is known to have written it".to_owned();
    };
    let thread = op.thread;
    if *of != key {
        format!("thread {thread} wrote it to key {of}")
    } else if op.returned < begin {
        let span = recorded.span(begin - op.returned);
        format!("thread {thread} wrote it {span} before, and it had been replaced or removed")
    } else {
        format!("thread {thread} wrote it, later or in an operation that is left out")
    }
}
