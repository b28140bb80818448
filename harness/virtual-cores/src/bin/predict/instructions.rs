//! What an operation takes beside its memory: instructions, and branches that are mispredicted.
//!
//! Recorded in docs/INSTRUCTIONS.md for tables of 131,072 keys, of which half are there.

use anyhow::{Context, anyhow};
use virtual_cores::MachineModel;

use crate::spec::PredictedCell;

const RECORDED: &str = include_str!("../../../../../docs/INSTRUCTIONS.md");

/// Of one operation, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OperationWork {
    pub(crate) instructions: f64,
    pub(crate) mispredicted: f64,
}

/// What a subject does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SubjectWork {
    /// In each operation.
    pub(crate) operation: OperationWork,
    /// Beside that, whenever it works a change out; nothing where tables do not say when.
    pub(crate) attempt: OperationWork,
}

/// The beginnings of names of tables that say when they work a change out (`sync::attempt`).
const WORKS_OUT: [&str; 3] = ["hamt-", "left-", "log-"];

impl OperationWork {
    const NOTHING: Self = Self { instructions: 0.0, mispredicted: 0.0 };

    /// The cycles of its instructions.
    pub(crate) fn cycles(&self, machine: &MachineModel) -> u64 {
        (self.instructions / machine.ipc.is).round() as u64
    }

    /// What it does more than `other`.
    fn beyond(self, other: Self) -> Self {
        Self {
            instructions: (self.instructions - other.instructions).max(0.0),
            mispredicted: (self.mispredicted - other.mispredicted).max(0.0),
        }
    }

    fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a * (1.0 - share) + b * share;
        Self {
            instructions: mix(self.instructions, other.instructions),
            mispredicted: mix(self.mispredicted, other.mispredicted),
        }
    }
}

/// Where the numbers for a subject are recorded: itself, or the one that is most like it.
fn recorded_as(family: &str, reclaimer: &str) -> (String, bool) {
    match (family, reclaimer) {
        ("chaining-lock-free", "epoch" | "hazard") => (format!("{family}/{reclaimer}"), true),
        // The list is the same; what the scheme itself does is not counted.
        ("chaining-lock-free", _) | ("chaining-bucket-lock" | "chaining-global-lock", _) => {
            ("chaining-lock-free/hazard".to_owned(), false)
        }
        ("cuckoo-optimistic-items", _) => (format!("{family}/epoch"), reclaimer == "epoch"),
        ("hamt-cas" | "hamt-sharded", _) => ("hamt-cas/epoch".to_owned(), false),
        ("hamt-psim" | "log-herlihy", _) => (format!("{family}/epoch"), false),
        // Each of its instances is that.
        ("left-right", _) => ("hashbrown".to_owned(), false),
        _ => (family.to_owned(), true),
    }
}

/// What a subject does in the mix of a cell; and whether it was counted for the subject itself.
pub(crate) fn work(cell: &PredictedCell) -> anyhow::Result<(SubjectWork, bool)> {
    let (structure, reclaimer) = (cell.structure.as_str(), cell.reclaimer.as_str());
    let family = structure.split(':').next().unwrap_or(structure);
    let (own, (like, is_its_own)) = (row(structure), recorded_as(family, reclaimer));
    let row = own.or_else(|| row(&like)).with_context(|| {
        format!(
            "docs/INSTRUCTIONS.md has no row for `{like}`: what `{structure}` takes is not known"
        )
    })?;
    let is_its_own = own.is_some() || is_its_own && family == structure;
    let OfKinds { get, change, done } = lookups_and_changes(row, cell)?;
    let work = if WORKS_OUT.iter().any(|begin| structure.starts_with(begin)) {
        // A change in vain is a lookup, nearly.
        SubjectWork { operation: get, attempt: done.beyond(get) }
    } else {
        let operation = get.mixed(change, 1.0 - cell.reads / 100.0);
        SubjectWork { operation, attempt: OperationWork::NOTHING }
    };
    Ok((work, is_its_own))
}

/// The column of lookups of which half find their keys.
const GET: usize = 0;
/// The column of lookups that find their keys.
const HIT: usize = 1;
/// The column of lookups that find nothing.
const MISS: usize = 2;
/// The column of updates of keys that are there.
const REPLACE: usize = 5;
/// The column of pairs: an insertion of an absent key, and its removal.
const PAIR: usize = 6;
/// The column of insertions and removals, of which half are in vain.
const CHANGE: usize = 7;

/// What operations do in the mix of a cell.
struct OfKinds {
    /// A lookup.
    get: OperationWork,
    /// A change.
    change: OperationWork,
    /// A change that is not in vain.
    done: OperationWork,
}

/// An upsert of a key that is there replaces it, as an update does, and one of an absent key inserts it. Neither is in
/// vain; of insertions and removals half are.
fn lookups_and_changes(row: &str, cell: &PredictedCell) -> anyhow::Result<OfKinds> {
    let (change, pair) = (column(row, CHANGE)?, column(row, PAIR)?);
    if cell.upserts == 0.0 {
        return Ok(OfKinds { get: column(row, GET)?, change, done: pair });
    }
    let absent = 1.0 - cell.present() as f64 / cell.keys as f64;
    let get = column(row, HIT)?.mixed(column(row, MISS)?, absent);
    let upsert = column(row, REPLACE)?.mixed(pair, absent);
    let share = cell.upserts / (100.0 - cell.reads);
    let done = pair.mixed(upsert, 2.0 * share / (1.0 + share));
    Ok(OfKinds { get, change: change.mixed(upsert, share), done })
}

/// The row of a table with 131,072 keys.
fn row(name: &str) -> Option<&'static str> {
    let begin = format!("| `{name}` | 131072 |");
    RECORDED.lines().find_map(|line| line.strip_prefix(&begin))
}

/// Instructions, stores and mispredicted branches of one kind of operation.
fn column(row: &str, index: usize) -> anyhow::Result<OperationWork> {
    let cell = row.split('|').nth(index).ok_or_else(|| anyhow!("no column {index} in `{row}`"))?;
    let mut numbers = cell.split('/').map(|number| number.trim().parse::<f64>());
    let mut next = || numbers.next().context("a cell has three numbers")?.context("a number");
    let (instructions, _stores, mispredicted) = (next()?, next()?, next()?);
    Ok(OperationWork { instructions, mispredicted })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a cell with so many percent lookups and upserts, in a thousand keys.
    fn work_of(
        structure: &str,
        reclaimer: &str,
        reads: f64,
        upserts: f64,
    ) -> anyhow::Result<(SubjectWork, bool)> {
        let (structure, reclaimer) = (structure.to_owned(), reclaimer.to_owned());
        let (reclaim_batch, zipf, keys) = (None, 0.0, 1000);
        let cell =
            PredictedCell { structure, reclaimer, reclaim_batch, reads, upserts, zipf, keys };
        work(&cell)
    }

    /// What a table that works changes out does at one thread is what was counted: of changes, half are in vain.
    #[test]
    fn attempts_are_what_changes_do_beyond_lookups() {
        let (hamt, is_its_own) = work_of("hamt-cas", "hazard", 50.0, 0.0).expect("it was counted");
        assert!(!is_its_own, "with another scheme");
        let row = row("hamt-cas/epoch").expect("it was counted");
        let counted = column(row, 7).expect("changes");
        let change = hamt.operation.instructions + hamt.attempt.instructions / 2.0;
        assert!((change / counted.instructions - 1.0).abs() < 0.05, "{change} of {counted:?}");
        assert!(hamt.attempt.mispredicted > 10.0, "{hamt:?}");
        assert_eq!(work_of("hamt-sharded", "arc", 0.0, 0.0).expect("as that").0, hamt);
        let counted = work_of("hamt-cas:nodes=counted", "arc", 0.0, 0.0).expect("as that");
        assert_eq!(counted, (hamt, false));
    }

    #[test]
    fn a_table_without_attempts_has_all_in_its_operations() {
        let mixed =
            |reads| work_of("cuckoo-optimistic", "none", reads, 0.0).expect("it was counted");
        let [(gets, is_its_own), (changes, _), (half, _)] = [100.0, 0.0, 50.0].map(mixed);
        assert!(is_its_own);
        let mean = (gets.operation.instructions + changes.operation.instructions) / 2.0;
        assert_eq!(half.operation.instructions, mean);
        assert_eq!(half.attempt, OperationWork::NOTHING);
        let (_, is_its_own) =
            work_of("cuckoo-optimistic:slots=4", "none", 50.0, 0.0).expect("a row");
        assert!(is_its_own, "a variant that was counted");
        let (_, is_its_own) =
            work_of("cuckoo-optimistic:slots=7", "none", 50.0, 0.0).expect("its table");
        assert!(!is_its_own, "one that was not");
    }

    /// Where all changes are upserts all keys are there: lookups find them, and changes replace them.
    #[test]
    fn upserts_replace_what_is_there() {
        let counted = row("chaining-lock-free/hazard").expect("it was counted");
        let of = |index| column(counted, index).expect("three numbers").instructions;
        let told = |reads, upserts| {
            let work = work_of("chaining-lock-free", "hazard", reads, upserts);
            work.expect("it was counted").0.operation.instructions
        };
        let is_near = |told: f64, expected: f64| {
            assert!((told - expected).abs() < 1e-6, "{told}, not {expected}");
        };
        is_near(told(0.0, 100.0), of(REPLACE));
        is_near(told(90.0, 10.0), 0.9 * of(HIT) + 0.1 * of(REPLACE));
        // A quarter of each, and half upserts: of the keys three quarters are there.
        let upsert = 0.75 * of(REPLACE) + 0.25 * of(PAIR);
        is_near(told(0.0, 50.0), f64::midpoint(of(CHANGE), upsert));
        is_near(told(90.0, 0.0), 0.9 * of(GET) + 0.1 * of(CHANGE));
    }

    /// What is worked out for an upsert is a replacement: `log-herlihy` takes more for it than for an insertion
    /// or a removal.
    #[test]
    fn what_is_worked_out_is_what_changes_something() {
        let counted = row("log-herlihy/epoch").expect("it was counted");
        let of = |index| column(counted, index).expect("three numbers").instructions;
        let told = |upserts| {
            let work = work_of("log-herlihy", "hazard", 0.0, upserts).expect("it was counted");
            work.0.attempt.instructions
        };
        let is_near = |told: f64, expected: f64| {
            assert!((told - expected).abs() < 1e-6, "{told}, not {expected}");
        };
        assert!(of(REPLACE) > 1.1 * of(PAIR));
        is_near(told(0.0), of(PAIR) - of(GET));
        is_near(told(100.0), of(REPLACE) - of(HIT));
        // Half are upserts. Of the others half are in vain: of those that are not, two thirds are upserts.
        let upsert = 0.75 * of(REPLACE) + 0.25 * of(PAIR);
        let get = 0.75 * of(HIT) + 0.25 * of(MISS);
        is_near(told(50.0), (of(PAIR) + 2.0 * upsert) / 3.0 - get);
    }
}
