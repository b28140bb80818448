//! What an operation takes beside its memory: instructions, and branches that are mispredicted.
//!
//! Recorded in docs/INSTRUCTIONS.md for tables of 131,072 keys, of which half are there.

use anyhow::{Context, anyhow};

const RECORDED: &str = include_str!("../../../../../docs/INSTRUCTIONS.md");

/// Of one operation, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OperationWork {
    pub(crate) instructions: f64,
    pub(crate) mispredicted: f64,
}

impl OperationWork {
    fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a * (1.0 - share) + b * share;
        Self {
            instructions: mix(self.instructions, other.instructions),
            mispredicted: mix(self.mispredicted, other.mispredicted),
        }
    }
}

/// Where the numbers for a subject are recorded: itself, or the one that is most like it.
fn recorded_as(structure: &str, reclaimer: &str) -> (String, bool) {
    match (structure, reclaimer) {
        ("chaining-lock-free", "epoch" | "hazard") => (format!("{structure}/{reclaimer}"), true),
        // The list is the same; what the scheme itself does is not counted.
        ("chaining-lock-free", _) | ("chaining-bucket-lock" | "chaining-global-lock", _) => {
            ("chaining-lock-free/hazard".to_owned(), false)
        }
        _ => (structure.to_owned(), true),
    }
}

/// What an operation takes on a subject, where `reads` percent are lookups; and whether it was counted for
/// the subject itself.
pub(crate) fn work(
    structure: &str,
    reclaimer: &str,
    reads: f64,
) -> anyhow::Result<(OperationWork, bool)> {
    let (name, is_its_own) = recorded_as(structure, reclaimer);
    let family = structure.split(':').next().unwrap_or(structure);
    let (name, is_its_own) =
        if row(&name).is_some() { (name, is_its_own) } else { (family.to_owned(), false) };
    let row = row(&name).with_context(|| {
        format!(
            "docs/INSTRUCTIONS.md has no row for `{name}`: what `{structure}` takes is not known"
        )
    })?;
    let (get, change) = (column(row, 0)?, column(row, 7)?);
    Ok((get.mixed(change, 1.0 - reads / 100.0), is_its_own))
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
