//! Throughput against threads, one panel for each read ratio (rows) and skew (columns).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::arrange::arranged;
use super::levels::{drawn, floor_key, floor_of, has_two_levels, kinds};
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::{file_stem, percent};
use super::style::{Look, looks};
use super::{Results, Unasked};
use crate::analysis::compare::{self, Floors};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric};
use crate::analysis::within::{self, summarise_within};
use crate::case::{NO_OP, SEQUENTIAL};
use crate::rows::Row;

const NAME: &str = "throughput-threads";

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let are_predicted = results.rows.is_empty() && !results.predicted.is_empty();
    are_predicted.then_some("there is no trial: these are predictions")
}

/// See [`super::FIGURES`].
pub(super) fn unasked(results: &Results<'_>) -> Unasked {
    let rows = drawn(results.rows);
    if rows.is_empty() {
        // It says why, if no trial is valid.
        let is_valid = results.rows.iter().any(|row| row.counts());
        return if is_valid { Unasked::Nowhere } else { Unasked::Everywhere };
    }
    let groups = split(&rows);
    if groups.iter().any(|group| !with_lines(group).rows.is_empty()) {
        Unasked::Everywhere
    } else {
        Unasked::Nowhere
    }
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let Results { rows, cpus, .. } = *results;
    let choice = choose_metric(rows, cpus);
    let drawable = rows.iter().any(|row| row.counts() && choice.metric.of(row).is_some());
    if !drawable {
        let reason = rows.iter().find(|row| !row.error.is_empty()).map_or("", |row| &row.error);
        let example = if reason.is_empty() { "" } else { "; for example: " };
        bail!("none of {} trials is valid and has a throughput{example}{reason}", rows.len());
    }
    let looks = looks(rows);
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: Cells::new(group, &choice, cpus).panels(&looks),
    };
    let groups = split(rows);
    let lines: Vec<Group> = groups.iter().map(with_lines).collect();
    let lines: Vec<&Group> = lines.iter().filter(|group| !group.rows.is_empty()).collect();
    // Workloads at one number of threads are drawn only where there are no others.
    let all = || groups.iter().map(picture).collect();
    Ok(if lines.is_empty() { all() } else { lines.into_iter().map(picture).collect() })
}

/// The group's workloads under which a subject was measured at two numbers of threads.
fn with_lines(group: &Group) -> Group {
    let is_same = |a: &Row, b: &Row| (a.mix.reads, a.zipf) == (b.mix.reads, b.zipf);
    let has_two = |row: &&Row| {
        let own = group.rows.iter().filter(|other| is_same(row, other) && !other.is_control());
        has_two_levels(own.map(|row| (row.subject(), row.threads as f64)))
    };
    let rows = group.rows.iter().filter(has_two).cloned().collect();
    Group { rows, ..group.clone() }
}

/// One group's cells, by their part in the picture.
struct Cells<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    cpus: usize,
    curves: Vec<CellSummary>,
    references: Vec<CellSummary>,
    no_op: Vec<CellSummary>,
    floors: Floors,
}

impl<'a> Cells<'a> {
    /// The controls are drawn like other subjects where there is no other.
    fn new(group: &'a Group, choice: &'a ChosenRate, cpus: usize) -> Self {
        let cells = summarise_within(&group.rows, choice.metric);
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
        let (reads, skews) = kinds(self.curves.iter().map(|cell| &cell.row));
        let xs: BTreeSet<_> = self.curves.iter().map(|cell| cell.row.threads).collect();
        let rows = arranged(&reads, &skews, |reads, skew| self.panel(*reads, *skew, looks));
        let oversubscribed = xs.iter().any(|&threads| threads > self.cpus);
        Panels {
            y: vec![YAxis::linear("Mops/s"); rows.len()],
            x: XAxis::Counts(xs.into_iter().collect()),
            lines: Lines::Marked(1),
            // Threads are whole numbers: the first that is too many is at or beyond `cpus + 1`.
            shade_from: oversubscribed.then_some(self.cpus as f64 + 0.5),
            x_label: "threads".to_owned(),
            legend: self.legend(looks, oversubscribed),
            heading: String::new(),
            height: None,
            caption: self.caption(rows.len()),
            rows,
        }
    }

    /// None if nobody asked for it.
    fn panel(&self, reads: f64, skew: f64, looks: &BTreeMap<String, Look>) -> Option<Panel> {
        let here = |cell: &&CellSummary| cell.row.mix.reads == reads && cell.row.zipf == skew;
        self.curves.iter().find(here)?;
        let mut series: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
        for cell in self.curves.iter().filter(here) {
            if let Some(median) = cell.median() {
                let interval = cell.interval().map(|(low, high)| (low / 1e6, high / 1e6));
                let band = floor_of(&self.floors, cell)
                    .map(|factor| (median / factor / 1e6, median * factor / 1e6));
                let (x, y) = (cell.row.threads as f64, median / 1e6);
                let point = Point { x, y, interval, band, across: None };
                series.entry(&cell.subject).or_default().push(point);
            }
        }
        for points in series.values_mut() {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
        }
        let reference = self.references.iter().filter(here).find_map(|cell| cell.median());
        let of = |(subject, points)| Series::new(subject, looks[subject], points);
        Some(Panel {
            title: vec![percent(reads), format!("θ = {skew}")],
            series: series.into_iter().map(of).collect(),
            reference: reference.map(|rate| rate / 1e6),
            ..Panel::default()
        })
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

    fn caption(&self, rows: usize) -> Vec<String> {
        let cells = || self.curves.iter().chain(&self.references).chain(&self.no_op);
        let mut notes = vec![
            format!("{}; {}.", self.trials(), self.choice.metric.in_words()),
            format!("{}.", self.group.setting.in_words()),
        ];
        notes.extend(self.harness_alone());
        let has_intervals = self.curves.iter().any(|cell| cell.interval().is_some());
        if has_intervals && names(&self.curves, |cell| cell.median().is_some()).len() > 1 {
            notes.push("Points of one number of threads are side by side.".to_owned());
        }
        if rows > 1 {
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
                format!("Median of {most} trials; {}", within::IN_WORDS)
            }
            _ => format!("Median of {least} to {most} trials; {}", within::IN_WORDS),
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
