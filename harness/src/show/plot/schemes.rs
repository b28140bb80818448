//! What figures that compare reclamation schemes share: which rows, one look for each scheme, and
//! panels by table and workload.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Results;
use super::panels::Key;
use super::style::{Look, looks};
use crate::names::file_name;
use crate::rows::Row;
use ::table::NO_RECLAIMER;

/// The valid trials of tables with a reclaimer, and the subjects' looks.
pub(super) struct Schemes {
    pub(super) rows: Vec<Row>,
    pub(super) looks: BTreeMap<String, Look>,
}

impl Schemes {
    /// Of what `keep` keeps.
    pub(super) fn of(results: &Results<'_>, keep: impl Fn(&Row) -> bool) -> Self {
        let is_one =
            |row: &&Row| row.reclaimer != NO_RECLAIMER && !row.twin && row.counts() && keep(row);
        let rows: Vec<Row> = results.rows.iter().filter(is_one).cloned().collect();
        Self { rows, looks: looks(results.rows) }
    }

    /// The legend for the subjects among `rows`.
    pub(super) fn legend(&self, rows: &[Row]) -> Vec<(Key, String)> {
        let names: BTreeSet<String> = rows.iter().map(Row::subject).collect();
        names.into_iter().map(|name| (Key::Subject(self.looks[&name]), name)).collect()
    }
}

/// A table and a workload, of which each has a panel or a row of panels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    structure: String,
    /// As bits: of numbers from 0 up these are in the numbers' order.
    reads: Reverse<u64>,
    zipf: u64,
    pub(super) threads: usize,
}

impl Place {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            structure: row.structure.clone(),
            reads: Reverse(row.mix.reads.to_bits()),
            zipf: row.zipf.to_bits(),
            threads: row.threads,
        }
    }

    /// For places that share a row of panels by number of threads.
    pub(super) fn of_any_threads(row: &Row) -> Self {
        Self { threads: 0, ..Self::of(row) }
    }

    /// The places of `rows`.
    pub(super) fn all(rows: &[Row], of: fn(&Row) -> Self) -> Vec<Self> {
        rows.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn workload(&self) -> [String; 3] {
        let (reads, zipf) = (f64::from_bits(self.reads.0), f64::from_bits(self.zipf));
        let threads = if self.threads == 0 { String::new() } else { threads(self.threads) };
        [threads, percent(reads), format!("θ = {zipf}")]
    }

    /// The table, what its workload is, and `more`: what all panels share is not said in each.
    pub(super) fn title(&self, more: &str) -> Vec<String> {
        let table = std::iter::once(self.structure.clone());
        let parts = table.chain(self.workload()).chain([more.to_owned()]);
        parts.filter(|part| !part.is_empty()).collect()
    }
}

/// "2 threads".
pub(super) fn threads(number: usize) -> String {
    if number == 1 { "1 thread".to_owned() } else { format!("{number} threads") }
}

/// "95 % reads"; "96.8 % reads".
pub(super) fn percent(reads: f64) -> String {
    format!("{} % reads", (reads * 10.0).round() / 10.0)
}

/// The file's name for the group with this label.
pub(super) fn file_stem(name: &str, label: &str) -> String {
    let all = if label.is_empty() { name.to_owned() } else { format!("{name}-{label}") };
    file_name(&all)
}
