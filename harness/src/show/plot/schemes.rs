//! What figures that compare reclamation schemes share: which rows, one look for each scheme, and
//! panels by table and workload.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Results;
use super::panels::Key;
use super::style::{Look, scheme_looks};
use crate::names::file_name;
use crate::rows::Row;
use ::table::NO_RECLAIMER;

/// The valid trials of tables with a reclaimer, and the schemes' looks.
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
        let all = results.rows.iter().map(|row| row.reclaimer.as_str());
        let looks = scheme_looks(&all.filter(|name| *name != NO_RECLAIMER).collect());
        Self { rows, looks }
    }

    /// The legend for the schemes among `rows`.
    pub(super) fn legend(&self, rows: &[Row]) -> Vec<(Key, String)> {
        let names: BTreeSet<&String> = rows.iter().map(|row| &row.reclaimer).collect();
        names.into_iter().map(|name| (Key::Subject(self.looks[name]), name.clone())).collect()
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

    fn workload(&self) -> [(&'static str, String); 3] {
        let (reads, zipf) = (f64::from_bits(self.reads.0), f64::from_bits(self.zipf));
        let threads = if self.threads == 0 { String::new() } else { threads(self.threads) };
        [
            ("threads", threads),
            ("reads", format!("{reads} % reads")),
            ("zipf", format!("θ = {zipf}")),
        ]
    }

    /// Two lines of a panel's title: the table, and what of its workload differs from the other
    /// places'; then `more`.
    pub(super) fn title(&self, among: &[Self], more: &str) -> [String; 2] {
        let own = self.workload();
        let differs = |i: &usize| among.iter().any(|place| place.workload()[*i] != own[*i]);
        let mut parts: Vec<String> =
            (0..own.len()).filter(differs).map(|i| own[i].1.clone()).collect();
        if !more.is_empty() {
            parts.push(more.to_owned());
        }
        [self.structure.clone(), parts.join(", ")]
    }

    /// What all places have in common, for a note.
    pub(super) fn in_common(among: &[Self]) -> String {
        let Some(first) = among.first() else { return String::new() };
        let own = first.workload();
        let common = |i: &usize| {
            !own[*i].1.is_empty() && among.iter().all(|place| place.workload()[*i] == own[*i])
        };
        let parts: Vec<String> = (0..own.len()).filter(common).map(|i| own[i].1.clone()).collect();
        parts.join(", ")
    }
}

/// "2 threads".
pub(super) fn threads(number: usize) -> String {
    if number == 1 { "1 thread".to_owned() } else { format!("{number} threads") }
}

/// The file's name for the group with this label.
pub(super) fn file_stem(name: &str, label: &str) -> String {
    let all = if label.is_empty() { name.to_owned() } else { format!("{name}-{label}") };
    file_name(&all)
}
