//! Throughput against threads, one panel for each read ratio (rows) and skew (columns).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::levels::{floor_key, floor_of};
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::file_stem;
use super::style::{Look, Style, looks};
use super::{Drawing, Results};
use crate::analysis::compare::{self, Floors};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric, summarise};
use crate::case::{NO_OP, SEQUENTIAL};

const NAME: &str = "throughput-threads";

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let Results { rows, cpus, .. } = *results;
    let choice = choose_metric(rows, cpus);
    let drawable = rows.iter().any(|row| row.counts() && choice.metric.of(row).is_some());
    if !drawable {
        let reason = rows.iter().find(|row| !row.error.is_empty()).map_or("", |row| &row.error);
        let example = if reason.is_empty() { "" } else { "; for example: " };
        bail!("none of {} trials is valid and has a throughput{example}{reason}", rows.len());
    }
    let looks = looks(rows);
    split(rows)
        .iter()
        .map(|group| {
            let picture = Picture::new(group, &choice, cpus);
            picture.panels(&looks).drawing(file_stem(NAME, &group.label), style)
        })
        .collect()
}

/// One group's cells, by their part in the picture.
struct Picture<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    cpus: usize,
    curves: Vec<CellSummary>,
    references: Vec<CellSummary>,
    no_op: Vec<CellSummary>,
    floors: Floors,
}

impl<'a> Picture<'a> {
    /// The controls are drawn like other subjects where there is no other.
    fn new(group: &'a Group, choice: &'a ChosenRate, cpus: usize) -> Self {
        let cells = summarise(&group.rows, choice.metric);
        let floors = Floors::of(&compare::cells(&[&group.rows], choice.metric));
        let cells = cells.into_iter().filter(|cell| !cell.row.twin);
        let (mut no_op, cells): (Vec<_>, Vec<_>) =
            cells.partition(|cell| cell.row.structure == NO_OP);
        let (mut references, mut curves): (Vec<_>, Vec<_>) =
            cells.into_iter().partition(|cell| cell.row.structure == SEQUENTIAL);
        if curves.is_empty() {
            curves.append(&mut references);
        }
        if curves.is_empty() {
            curves.append(&mut no_op);
        }
        Self { group, choice, cpus, curves, references, no_op, floors }
    }

    fn panels(&self, looks: &BTreeMap<String, Look>) -> Panels {
        let reads = distinct(self.curves.iter().map(|cell| cell.row.mix.reads));
        let skews = distinct(self.curves.iter().map(|cell| cell.row.zipf));
        let xs: BTreeSet<_> = self.curves.iter().map(|cell| cell.row.threads).collect();
        let rows = reads
            .iter()
            .rev()
            .map(|&reads| skews.iter().map(|&skew| self.panel(reads, skew, looks)).collect());
        let oversubscribed = xs.iter().any(|&threads| threads > self.cpus);
        Panels {
            rows: rows.collect(),
            x: XAxis::Counts(xs.into_iter().collect()),
            y: vec![YAxis::linear("Mops/s"); reads.len()],
            lines: Lines::Marked(1),
            // Threads are whole numbers: the first that is too many is at or beyond `cpus + 1`.
            shade_from: oversubscribed.then_some(self.cpus as f64 + 0.5),
            x_label: "threads".to_owned(),
            legend: self.legend(looks, oversubscribed),
            notes: self.notes(),
        }
    }

    fn panel(&self, reads: f64, skew: f64, looks: &BTreeMap<String, Look>) -> Panel {
        let here = |cell: &&CellSummary| cell.row.mix.reads == reads && cell.row.zipf == skew;
        let mut series: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
        for cell in self.curves.iter().filter(here) {
            if let Some(median) = cell.median() {
                let interval = cell.interval().map(|(low, high)| (low / 1e6, high / 1e6));
                let band = floor_of(&self.floors, cell)
                    .map(|factor| (median / factor / 1e6, median * factor / 1e6));
                let point = Point { x: cell.row.threads as f64, y: median / 1e6, interval, band };
                series.entry(&cell.subject).or_default().push(point);
            }
        }
        for points in series.values_mut() {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
        }
        let reference = self.references.iter().filter(here).find_map(|cell| cell.median());
        Panel {
            title: [format!("{reads} % reads"), format!("θ = {skew}")],
            series: series
                .into_iter()
                .map(|(subject, points)| Series {
                    name: subject.to_owned(),
                    look: looks[subject],
                    points,
                })
                .collect(),
            reference: reference.map(|rate| rate / 1e6),
            ..Panel::default()
        }
    }

    fn legend(&self, looks: &BTreeMap<String, Look>, shaded: bool) -> Vec<(Key, String)> {
        let drawn: BTreeSet<_> = names(&self.curves, |cell| cell.median().is_some());
        let mut legend: Vec<_> = drawn
            .into_iter()
            .map(|subject| (Key::Subject(looks[subject]), subject.to_owned()))
            .collect();
        if self.references.iter().any(|cell| cell.median().is_some()) {
            legend.push((Key::Reference, "sequential (1 thread)".to_owned()));
        }
        let twice: BTreeSet<_> = names(&self.curves, |cell| floor_of(&self.floors, cell).is_some());
        legend.extend(floor_key(&twice));
        if shaded {
            legend.push((Key::Shade, format!("threads > CPUs ({})", self.cpus)));
        }
        legend
    }

    fn notes(&self) -> Vec<String> {
        let cells = || self.curves.iter().chain(&self.references).chain(&self.no_op);
        let mut notes = vec![
            format!("{}; {}.", self.trials(), self.choice.in_words()),
            format!("{}.", self.group.setting.in_words()),
        ];
        notes.extend(self.harness_alone());
        let ratios = distinct(self.curves.iter().map(|cell| cell.row.mix.reads));
        if names(&self.curves, |cell| cell.median().is_some()).len() > 1 {
            notes.push("Points of one number of threads are side by side.".to_owned());
        }
        if ratios.len() > 1 {
            notes.push("Each row of panels has its own scale.".to_owned());
        }
        let invalid: usize = cells().map(|cell| cell.invalid).sum();
        if invalid > 0 {
            notes.push(format!("{invalid} invalid trials left out."));
        }
        let unmeasured: usize = cells().map(|cell| cell.unmeasured).sum();
        if unmeasured > 0 {
            notes.push(format!("{unmeasured} valid trials without this rate left out."));
        }
        let drawn = names(&self.curves, |cell| cell.median().is_some());
        let lost: Vec<_> = names(&self.curves, |_| true).difference(&drawn).copied().collect();
        if !lost.is_empty() {
            notes.push(format!("Not drawn, without a valid trial: {}.", lost.join(", ")));
        }
        vec![notes.join(" ")]
    }

    /// "Median of 10 trials with 95 % BCa intervals".
    fn trials(&self) -> String {
        let counts = || self.curves.iter().map(|cell| cell.n()).filter(|n| *n > 0);
        let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        match (least, most) {
            (_, 0 | 1) => "One trial a point, so no intervals".to_owned(),
            _ if least == most => {
                format!("Median of {most} trials with its 95\u{a0}% BCa interval")
            }
            _ => format!("Median of {least} to {most} trials with its 95\u{a0}% BCa interval"),
        }
    }

    /// What the no-op control did for each thread, where each had a CPU if there is such a cell.
    fn harness_alone(&self) -> Option<String> {
        let per_thread = |most: usize| -> Vec<f64> {
            let cells = self.no_op.iter().filter(|cell| cell.row.threads <= most);
            cells.filter_map(|cell| Some(cell.median()? / 1e6 / cell.row.threads as f64)).collect()
        };
        let rates = Some(per_thread(self.cpus)).filter(|rates| !rates.is_empty());
        let rates = rates.unwrap_or_else(|| per_thread(usize::MAX));
        let least = rates.iter().copied().reduce(f64::min)?;
        let most = rates.iter().copied().reduce(f64::max)?;
        let (least, most) = (format!("{least:.0}"), format!("{most:.0}"));
        let range = if least == most { least } else { format!("{least} to {most}") };
        Some(format!("Harness alone: {range} Mops/s per thread."))
    }
}

fn names(cells: &[CellSummary], keep: impl Fn(&CellSummary) -> bool) -> BTreeSet<&str> {
    cells.iter().filter(|cell| keep(cell)).map(|cell| cell.subject.as_str()).collect()
}

/// The different values, ascending.
fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}
