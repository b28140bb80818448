//! Servers, a bar for each, and a panel for each way of asking: keys per second of the server's CPU time, and items in
//! a MiB of its memory.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::arrange::in_rows;
use super::levels::{reads, skew};
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis, place_of_name};
use super::picture::Sketch;
use super::schemes::{file_stem, threads};
use super::style::{Look, looks};
use crate::analysis::cell::Estimate;
use crate::analysis::server::ServerCell;
use crate::analysis::setting::{
    Group, WRITES, in_common, names_that_differ, parts_that_differ, split,
};
use crate::rows::Row;

/// Panels beside each other, at most.
const ABREAST: usize = 3;

/// What a figure shows.
struct Shown {
    name: &'static str,
    of: fn(&ServerCell) -> Option<Estimate>,
    unit: f64,
    x_label: &'static str,
    /// What the bars are, for a caption.
    words: &'static str,
}

const THROUGHPUT: Shown = Shown {
    name: "server-throughput",
    of: ServerCell::keys_per_cpu_sec,
    unit: 1e6,
    x_label: "million keys per CPU-second of the server",
    words: "Keys that were read or stored, over the server's CPU time in its own code and in the kernel",
};

const ITEMS: Shown = Shown {
    name: "server-items",
    of: ServerCell::items_per_mib,
    unit: 1e3,
    x_label: "thousand items in a MiB of the server's resident set",
    words: "Items at the end over the server's resident set, index and connections included; it tells of an item's \
            memory only where more were stored than fit",
};

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    lacks_of(&THROUGHPUT, results)
}

/// See [`super::FIGURES`].
pub(super) fn lacks_items(results: &Results<'_>) -> Option<&'static str> {
    lacks_of(&ITEMS, results)
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    Ok(vec![Bars::new(&THROUGHPUT, results).sketch()])
}

/// See [`super::FIGURES`].
pub(super) fn pictures_of_items(results: &Results<'_>) -> Result<Vec<Sketch>> {
    Ok(vec![Bars::new(&ITEMS, results).sketch()])
}

fn lacks_of(shown: &Shown, results: &Results<'_>) -> Option<&'static str> {
    cells(shown, results)
        .is_empty()
        .then_some("no server has a valid trial: the experiment file needs `[server]`")
}

/// What can be drawn: servers, the floor among them, no twins.
fn cells(shown: &Shown, results: &Results<'_>) -> Vec<ServerCell> {
    let mut cells = ServerCell::all(results.server, results.rows);
    cells.retain(|cell| !cell.row.twin && (shown.of)(cell).is_some_and(|of| of.median > 0.0));
    cells
}

/// A figure of some results.
struct Bars<'a> {
    shown: &'a Shown,
    cells: Vec<ServerCell>,
    groups: Vec<Group>,
    looks: BTreeMap<String, Look>,
    /// The most first, by the mean of their logarithms.
    names: Vec<String>,
}

impl<'a> Bars<'a> {
    fn new(shown: &'a Shown, results: &Results<'_>) -> Self {
        let cells = cells(shown, results);
        let rows: Vec<Row> = cells.iter().map(|cell| cell.row.clone()).collect();
        let mut logs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for cell in &cells {
            let log = (shown.of)(cell).map(|of| of.median.ln());
            logs.entry(cell.row.subject()).or_default().extend(log);
        }
        let mean = |logs: &[f64]| logs.iter().sum::<f64>() / logs.len().max(1) as f64;
        let mut names: Vec<(String, f64)> =
            logs.into_iter().map(|(name, logs)| (name, mean(&logs))).collect();
        names.sort_by(|a, b| b.1.total_cmp(&a.1));
        let names = names.into_iter().map(|(name, _)| name).collect();
        Self { shown, cells, groups: split(&rows), looks: looks(results.rows), names }
    }

    fn sketch(&self) -> Sketch {
        // What is written is said by the share of reads.
        let names = names_that_differ(&self.groups);
        let is_said = |name: &&str| *name != WRITES;
        let mut panels: Vec<Panel> = Vec::new();
        for (group, parts) in self.groups.iter().zip(parts_that_differ(&self.groups)) {
            let parts = names.iter().zip(parts).filter(|(name, _)| is_said(name));
            let parts: Vec<String> = parts.map(|(_, part)| part).collect();
            panels.extend(self.of_group(group, &parts));
        }
        let abreast = panels.len().clamp(1, ABREAST);
        let rows = in_rows(panels, abreast);
        let panels = Panels {
            y: vec![YAxis::names(self.names.clone()); rows.len()],
            rows,
            x: XAxis::Linear,
            lines: Lines::Bars,
            shade_from: None,
            x_label: self.shown.x_label.to_owned(),
            legend: Vec::new(),
            heading: String::new(),
            height: None,
            caption: vec![self.caption()],
        };
        Sketch { file_stem: file_stem(self.shown.name, ""), panels }
    }

    /// A panel for each read ratio, skew and number of event loops, of which it says those that are several.
    fn of_group(&self, group: &Group, parts: &[String]) -> Vec<Panel> {
        let kind = |row: &Row| (row.threads, row.mix.reads.to_bits(), row.zipf.to_bits());
        let differ = |of: fn(&Row) -> u64| {
            let all: BTreeSet<u64> = self.cells.iter().map(|cell| of(&cell.row)).collect();
            all.len() > 1
        };
        let titles = [
            (differ(|row| row.threads as u64), (|row| threads(row.threads)) as fn(&Row) -> String),
            (differ(|row| row.mix.reads.to_bits()), reads),
            (differ(|row| row.zipf.to_bits()), skew),
        ];
        let kinds: BTreeMap<_, &Row> = group.rows.iter().map(|row| (kind(row), row)).collect();
        let ids: BTreeSet<&str> = group.rows.iter().map(|row| row.case.as_str()).collect();
        let panel = |row: &Row| {
            let here = self.cells.iter().filter(|cell| {
                ids.contains(cell.row.case.as_str()) && kind(&cell.row) == kind(row)
            });
            let own = titles.iter().filter(|(differs, _)| *differs).map(|(_, words)| words(row));
            let title = parts.iter().cloned().chain(own).collect();
            Panel {
                title,
                series: here.filter_map(|cell| self.bar(cell)).collect(),
                ..Panel::default()
            }
        };
        kinds.into_values().map(panel).collect()
    }

    fn bar(&self, cell: &ServerCell) -> Option<Series> {
        let subject = cell.row.subject();
        let place = self.names.iter().position(|name| *name == subject)?;
        let (x, across) = (self.shown.of)(cell)?.in_units_of(self.shown.unit);
        let y = place_of_name(place, self.names.len()) as f64;
        let point = Point { x, y, across, ..Point::default() };
        Some(Series::new(&subject, self.looks[&subject], vec![point]))
    }

    fn caption(&self) -> String {
        let n = self.cells.iter().map(ServerCell::n).max().unwrap_or(0);
        format!(
            "{}: medians of up to {n} trials with their 95\u{a0}% BCa intervals. `floor` answers each command with a \
             constant. {}.",
            self.shown.words,
            in_common(&self.groups)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::server::ServerRow;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, drawn, texts};
    use crate::test_rows::{served, served_case};

    fn trials() -> (Vec<Row>, Vec<ServerRow>) {
        let mut all = Vec::new();
        for (name, cpu) in [("memc3/clock", 1.0), ("memcached", 4.0), ("floor", 0.5)] {
            for depth in [1, 16] {
                for block in 0..3 {
                    let cpu = cpu / f64::from(depth) * (1.0 + 0.01 * f64::from(block));
                    all.push(served(&served_case(name, depth), block, cpu));
                }
            }
        }
        all.into_iter().unzip()
    }

    #[test]
    fn a_bar_for_each_server_under_each_way_of_asking() {
        let (rows, server) = trials();
        for style in STYLES {
            let results = Results { rows: &rows, server: &server, cpus: 2, ..Results::default() };
            for (pictures, label) in [
                (
                    pictures as fn(&Results<'_>) -> Result<Vec<Sketch>>,
                    "million keys per CPU-second",
                ),
                (pictures_of_items, "thousand items in a MiB"),
            ] {
                let drawings = drawn(pictures, &results, style).expect("trials to draw");
                let [drawing] = drawings.as_slice() else { panic!("{}", drawings.len()) };
                assert_texts_are_clear(&drawing.svg);
                let text = texts(&drawing.svg).join("; ");
                for part in [label, "depth 1", "depth 16", "memc3/clock", "memcached", "floor"] {
                    assert!(text.contains(part), "{}: no {part} in {text}", style.name);
                }
                assert_eq!(drawing.values.len(), 6, "{}", style.name);
                assert!(drawing.caption[0].contains("asked by get"), "{:?}", drawing.caption);
            }
        }
        assert_eq!(
            (lacks(&Results::default()).is_some(), lacks_items(&Results::default()).is_some()),
            (true, true)
        );
    }

    #[test]
    fn the_most_come_first() {
        let (rows, server) = trials();
        let results = Results { rows: &rows, server: &server, ..Results::default() };
        let names = Bars::new(&THROUGHPUT, &results).names;
        assert_eq!(names, ["floor", "memc3/clock", "memcached"]);
        let panels = Bars::new(&THROUGHPUT, &results).sketch().panels;
        let first = &panels.rows[0][0].series;
        let of = |name: &str| {
            let found = first.iter().find(|series| series.name == name).expect("a bar");
            (found.points[0].x, found.points[0].y)
        };
        // A million keys in 1.01 seconds, in the middle trial.
        assert!((of("memc3/clock").0 - 1.0 / 1.01).abs() < 1e-9 && of("floor").0 > 1.9);
    }
}
