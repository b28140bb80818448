//! Throughput at one number of threads: a bar for each subject, the fastest first, and a panel for each
//! workload.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::arrange::{abreast, in_rows};
use super::levels::{drawn, floor_key, floor_of, reads, skew};
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis, place_of_name};
use super::picture::Sketch;
use super::schemes::{file_stem, threads};
use super::style::{Look, looks};
use super::{
    Results, Unasked, throughput_keys, throughput_reads, throughput_skew, throughput_threads,
};
use crate::analysis::compare::{Floors, Workload, cells};
use crate::analysis::setting::{Group, in_common, parts_that_differ, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric};
use crate::analysis::within::{self, summarise_within};
use crate::rows::Row;

const NAME: &str = "throughput-bars";
/// More panels are a picture for each setting.
const MOST: usize = 12;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    measured(results.rows).is_empty().then_some("no trial is valid")
}

/// See [`super::FIGURES`]: others show more than one number of threads, or level of a parameter, or servers.
pub(super) fn unasked(results: &Results<'_>) -> Unasked {
    if results.rows.iter().any(|row| row.server.is_some()) {
        return Unasked::Nowhere;
    }
    let others = [throughput_reads::lacks, throughput_skew::lacks, throughput_keys::lacks];
    let has_lines = throughput_threads::unasked(results) == Unasked::Everywhere
        || others.iter().any(|lacks| lacks(results).is_none());
    if has_lines { Unasked::Nowhere } else { Unasked::Everywhere }
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let rows = measured(results.rows);
    let number = number_of_threads(&rows, results.cpus);
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.threads == number).collect();
    let choice = choose_metric(&rows, results.cpus);
    let floors = Floors::of(&cells(&[results.rows], choice.metric));
    let looks = looks(results.rows);
    let groups = split(&rows);
    let workloads: BTreeSet<Workload> = rows.iter().map(|row| Workload::of(row)).collect();
    let bars = |groups: &[Group], label: &str| Sketch {
        file_stem: file_stem(NAME, label),
        panels: Bars::new(groups, &choice, &floors, number).panels(&looks),
    };
    if workloads.len() <= MOST {
        return Ok(vec![bars(&groups, "")]);
    }
    Ok(groups.iter().map(|group| bars(std::slice::from_ref(group), &group.label)).collect())
}

/// The valid trials of subjects, or if nothing else was measured of controls.
fn measured(rows: &[Row]) -> Vec<Row> {
    let subjects = drawn(rows);
    if !subjects.is_empty() {
        return subjects;
    }
    rows.iter().filter(|row| row.counts() && !row.twin).cloned().collect()
}

/// The most that the CPUs have room for, or else the fewest.
fn number_of_threads(rows: &[Row], cpus: usize) -> usize {
    let counts: BTreeSet<usize> = rows.iter().map(|row| row.threads).collect();
    let fitting = counts.iter().rfind(|count| **count <= cpus);
    fitting.or(counts.first()).copied().unwrap_or(1)
}

/// The cells of some settings at one number of threads.
struct Bars<'a> {
    groups: &'a [Group],
    choice: &'a ChosenRate,
    floors: &'a Floors,
    number: usize,
    cells: Vec<CellSummary>,
    /// The fastest first.
    names: Vec<String>,
}

impl<'a> Bars<'a> {
    fn new(groups: &'a [Group], choice: &'a ChosenRate, floors: &'a Floors, number: usize) -> Self {
        let mut rows: BTreeMap<(String, u32), Row> = BTreeMap::new();
        for row in groups.iter().flat_map(|group| &group.rows) {
            rows.insert((row.case.clone(), row.block), row.clone());
        }
        let rows: Vec<Row> = rows.into_values().collect();
        let cells = summarise_within(&rows, choice.metric);
        let names = by_rate(&cells);
        Self { groups, choice, floors, number, cells, names }
    }

    fn panels(&self, looks: &BTreeMap<String, Look>) -> Panels {
        let parts = parts_that_differ(self.groups);
        let mut panels: Vec<Panel> = Vec::new();
        for (group, parts) in self.groups.iter().zip(parts) {
            let mut kinds: Vec<&Row> = group.rows.iter().collect();
            kinds.sort_by(|a, b| {
                b.mix.reads.total_cmp(&a.mix.reads).then(a.zipf.total_cmp(&b.zipf))
            });
            kinds.dedup_by_key(|row| (row.mix.reads.to_bits(), row.zipf.to_bits()));
            panels.extend(kinds.iter().map(|row| self.panel(row, &parts, looks)));
        }
        let rows = in_rows_of_names(panels);
        let twice = self.cells.iter().filter(|cell| floor_of(self.floors, cell).is_some());
        let twice: BTreeSet<&str> = twice.map(|cell| cell.subject.as_str()).collect();
        Panels {
            y: vec![YAxis::names(self.names.clone()); rows.len()],
            rows,
            x: XAxis::Linear,
            lines: Lines::Bars,
            shade_from: None,
            x_label: "Mops/s".to_owned(),
            legend: floor_key(&twice).into_iter().collect(),
            heading: String::new(),
            height: None,
            caption: vec![self.caption()],
        }
    }

    /// The panel of the workload of `row`.
    fn panel(&self, row: &Row, parts: &[String], looks: &BTreeMap<String, Look>) -> Panel {
        let workload = Workload::of(row);
        let here = self.cells.iter().filter(|cell| Workload::of(&cell.row) == workload);
        let bar = |cell: &CellSummary| {
            let place = self.names.iter().position(|name| *name == cell.subject)?;
            let (x, across) = cell.estimate?.in_units_of(1e6);
            let band = floor_of(self.floors, cell).map(|factor| (x / factor, x * factor));
            let y = place_of_name(place, self.names.len()) as f64;
            let point = Point { x, y, across, band, interval: None };
            Some(Series::new(&cell.subject, looks[&cell.subject], vec![point]))
        };
        let own = if row.preset.is_empty() { vec![reads(row), skew(row)] } else { Vec::new() };
        let title = [parts.to_vec(), own].concat();
        Panel { title, series: here.filter_map(bar).collect(), ..Panel::default() }
    }

    fn caption(&self) -> String {
        let n = self.cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
        format!(
            "Throughput of {}: medians of up to {n} trials; {}. Subjects are sorted by the mean of the \
             logarithms of their rates. By {}. {}.",
            threads(self.number),
            within::IN_WORDS,
            self.choice.metric.in_words(),
            in_common(self.groups)
        )
    }
}

/// Panels beside one list of names, which takes more room than an axis of numbers.
pub(super) fn in_rows_of_names(panels: Vec<Panel>) -> Vec<Vec<Panel>> {
    let abreast = abreast(panels.len());
    in_rows(panels, abreast)
}

/// The subjects of cells, those with the highest rates first.
pub(super) fn by_rate(cells: &[CellSummary]) -> Vec<String> {
    let mut logs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for cell in cells {
        let log = cell.median().map(|median| median.max(1.0).ln());
        logs.entry(&cell.subject).or_default().extend(log);
    }
    let mean = |logs: &[f64]| logs.iter().sum::<f64>() / logs.len().max(1) as f64;
    let mut names: Vec<(&str, f64)> = logs.iter().map(|(name, logs)| (*name, mean(logs))).collect();
    names.sort_by(|a, b| b.1.total_cmp(&a.1));
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}
