//! Throughput against one parameter of the workload other than threads: what the figures for each
//! such parameter share.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::arrange::arranged;
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::{file_stem, percent, threads};
use super::style::{Look, looks};
use crate::analysis::compare::{Floors, Workload, cells};
use crate::analysis::setting::{Group, Setting, split_by};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric};
use crate::analysis::within::{self, summarise_within};
use crate::rows::Row;

/// A parameter of which each value is a level of the x axis.
pub(super) struct Parameter {
    /// The figure's name.
    pub(super) figure: &'static str,
    /// The label of the x axis.
    pub(super) label: &'static str,
    pub(super) of: fn(&Row) -> f64,
    /// What a panel's row is by, besides the number of threads.
    pub(super) panel: fn(&Row) -> Vec<String>,
    /// The setting without the parameter.
    pub(super) setting: fn(&Row) -> Setting,
    /// The setting in words without it.
    pub(super) words: fn(&Setting) -> String,
}

/// What is drawn: valid trials of subjects, no controls.
pub(super) fn drawn(rows: &[Row]) -> Vec<Row> {
    rows.iter().filter(|row| !row.is_control() && row.counts()).cloned().collect()
}

impl Parameter {
    /// What the results lack.
    pub(super) fn lacks(
        &self,
        results: &Results<'_>,
        otherwise: &'static str,
    ) -> Option<&'static str> {
        let rows = drawn(results.rows);
        let of = |row: &Row| (self.setting)(row);
        let groups = split_by(&rows, &of);
        let varies = groups.iter().any(|group| !self.kinds(&group.rows).is_empty());
        (!varies).then_some(otherwise)
    }

    /// One picture for each setting that has two levels or more.
    pub(super) fn pictures(&self, results: &Results<'_>) -> Result<Vec<Sketch>> {
        let rows = drawn(results.rows);
        let choice = choose_metric(&rows, results.cpus);
        let looks = looks(results.rows);
        let floors = Floors::of(&cells(&[results.rows], choice.metric));
        let of = |row: &Row| (self.setting)(row);
        let groups = split_by(&rows, &of);
        let pictures = groups.iter().filter(|group| !self.kinds(&group.rows).is_empty());
        let picture = |group: &Group| Sketch {
            file_stem: file_stem(self.figure, &group.label),
            panels: self.panels(group, &choice, &floors, &looks),
        };
        Ok(pictures.map(picture).collect())
    }

    /// The different values, ascending.
    fn levels(&self, rows: &[Row]) -> Vec<f64> {
        let mut levels: Vec<f64> = rows.iter().map(self.of).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        levels
    }

    /// What rows of panels are by, most reads first, where there is more than one level.
    fn kinds(&self, rows: &[Row]) -> Vec<Vec<String>> {
        let mut rows: Vec<&Row> = rows.iter().collect();
        rows.sort_by(|a, b| b.mix.reads.total_cmp(&a.mix.reads).then(a.zipf.total_cmp(&b.zipf)));
        let mut kinds: Vec<Vec<String>> = Vec::new();
        for kind in rows.iter().map(|row| (self.panel)(row)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        // A line needs two levels of one subject.
        let has_two = |kind: &Vec<String>| {
            let own = rows.iter().filter(|row| (self.panel)(row) == *kind);
            has_two_levels(own.map(|row| ((row.subject(), row.threads), (self.of)(row))))
        };
        kinds.retain(has_two);
        kinds
    }

    fn panels(
        &self,
        group: &Group,
        choice: &ChosenRate,
        floors: &Floors,
        looks: &BTreeMap<String, Look>,
    ) -> Panels {
        let levels = self.levels(&group.rows);
        let cells = summarise_within(&group.rows, choice.metric);
        let kinds = self.kinds(&group.rows);
        let counts: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
        let counts: Vec<usize> = counts.into_iter().collect();
        let panel = |kind: &Vec<String>, number: &usize| {
            let here = |cell: &&CellSummary| {
                cell.row.threads == *number && (self.panel)(&cell.row) == *kind
            };
            let levels_here = cells.iter().filter(here);
            let levels_here = levels_here.map(|cell| (&cell.subject, (self.of)(&cell.row)));
            if !has_two_levels(levels_here) {
                return None;
            }
            let series = self.series(cells.iter().filter(here), &levels, floors, looks);
            let title = [vec![threads(*number)], kind.clone()].concat();
            Some(Panel { title, series, ..Panel::default() })
        };
        let rows = arranged(&kinds, &counts, panel);
        let is_drawn = |cell: &&CellSummary| kinds.contains(&(self.panel)(&cell.row));
        let drawn: Vec<&CellSummary> = cells.iter().filter(is_drawn).collect();
        let n = cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
        Panels {
            y: vec![YAxis::linear("Mops/s"); rows.len()],
            rows,
            x: XAxis::levels(levels.iter().map(|level| short(*level))),
            lines: Lines::Marked(1),
            shade_from: None,
            x_label: self.label.to_owned(),
            legend: legend(&drawn, floors, looks),
            heading: String::new(),
            height: None,
            caption: vec![self.caption(n, choice, &group.setting)],
        }
    }

    /// What is said of a picture of cells with up to `n` trials.
    fn caption(&self, n: usize, choice: &ChosenRate, setting: &Setting) -> String {
        format!(
            "Medians of up to {n} trials; {}; {}. {}. The steps of the x axis are levels, not to \
             scale. Workloads with one level alone are not drawn. Each row of panels has its own scale.",
            within::IN_WORDS,
            choice.metric.in_words(),
            (self.words)(setting)
        )
    }

    /// One line for each subject among `cells`.
    fn series<'c>(
        &self,
        cells: impl Iterator<Item = &'c CellSummary>,
        levels: &[f64],
        floors: &Floors,
        looks: &BTreeMap<String, Look>,
    ) -> Vec<Series> {
        let mut lines: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
        for cell in cells {
            let level = levels.iter().position(|level| *level == (self.of)(&cell.row));
            if let (Some(level), Some(median)) = (level, cell.median()) {
                let interval = cell.interval().map(|(low, high)| (low / 1e6, high / 1e6));
                let x = (level + 1) as f64;
                let band = floor_of(floors, cell)
                    .map(|factor| (median / factor / 1e6, median * factor / 1e6));
                let point = Point { x, y: median / 1e6, interval, band, across: None };
                lines.entry(&cell.subject).or_default().push(point);
            }
        }
        let by_level = |(name, mut points): (&str, Vec<Point>)| {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series::new(name, looks[name], points)
        };
        lines.into_iter().map(by_level).collect()
    }
}

/// The subjects of the cells that are drawn, and their floors.
fn legend(
    drawn: &[&CellSummary],
    floors: &Floors,
    looks: &BTreeMap<String, Look>,
) -> Vec<(Key, String)> {
    let subjects: BTreeSet<&str> = drawn.iter().map(|cell| cell.subject.as_str()).collect();
    let twice = drawn.iter().filter(|cell| floor_of(floors, cell).is_some());
    let twice: BTreeSet<&str> = twice.map(|cell| cell.subject.as_str()).collect();
    let subjects = subjects.iter().map(|name| (Key::Subject(looks[*name]), (*name).to_owned()));
    subjects.chain(floor_key(&twice)).collect()
}

/// Whether something has two levels.
pub(super) fn has_two_levels<K: Ord>(levels: impl Iterator<Item = (K, f64)>) -> bool {
    let mut first = BTreeMap::new();
    let mut levels = levels;
    levels.any(|(key, level)| *first.entry(key).or_insert(level) != level)
}

/// The noise floor under the cell's workload, if its subject is the one that was measured twice.
pub(super) fn floor_of(floors: &Floors, cell: &CellSummary) -> Option<f64> {
    let floor = floors.under(&Workload::of(&cell.row))?;
    (floor.subject == cell.subject).then_some(floor.factor)
}

/// The entry of a legend for the floors of these subjects, if there are any.
pub(super) fn floor_key(subjects: &BTreeSet<&str>) -> Option<(Key, String)> {
    let names: Vec<&str> = subjects.iter().copied().collect();
    (!names.is_empty()).then(|| (Key::Band, format!("A/A noise floor of {}", names.join(", "))))
}

/// The read ratios, most reads first, and the skews of `rows`.
pub(super) fn kinds<'r>(rows: impl Iterator<Item = &'r Row>) -> (Vec<f64>, Vec<f64>) {
    let (reads, skews): (Vec<f64>, Vec<f64>) = rows.map(|row| (row.mix.reads, row.zipf)).unzip();
    let mut reads = distinct(reads);
    reads.reverse();
    (reads, distinct(skews))
}

/// The different values, ascending.
pub(super) fn distinct(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// A level to a thousandth: shares of presets have all the digits of a quotient.
fn short(level: f64) -> String {
    ((level * 1000.0).round() / 1000.0).to_string()
}

/// "95 % reads".
pub(super) fn reads(row: &Row) -> String {
    percent(row.mix.reads)
}

/// "θ = 0.99".
pub(super) fn skew(row: &Row) -> String {
    format!("θ = {}", row.zipf)
}

#[cfg(test)]
mod tests {
    use crate::rows::Row;
    use crate::show::plot::style::{STYLES, Style};
    use crate::show::plot::tests::{assert_texts_are_clear, markers, texts};
    use crate::show::plot::{Drawing, Results, figure};
    use crate::test_rows::{Grid, trial, with};

    fn results(rows: &[Row]) -> Results<'_> {
        Results { rows, cpus: 2, ..Results::default() }
    }

    fn draw(name: &str, rows: &[Row], style: &Style) -> Vec<Drawing> {
        let figure = figure(name).expect("a figure");
        assert_eq!((figure.lacks)(&results(rows)), None, "{name}");
        figure.draw(&results(rows), &style.into()).expect("rows to draw")
    }

    fn grid() -> Grid {
        Grid {
            threads: vec![1, 2],
            reads: vec![50.0, 95.0, 100.0],
            zipf: vec![0.0, 0.99],
            keys: vec![1024, 65_536],
            ..Grid::small()
        }
    }

    #[test]
    fn each_parameter_has_a_level_a_value() {
        let rows = grid().rows();
        // Panels, levels in each, pictures: two subjects everywhere.
        for (name, panels, levels, pictures, titles) in [
            ("throughput-reads", 2 * 2, 3, 2, ["1 thread, θ = 0", "2 threads, θ = 0.99"]),
            ("throughput-skew", 3 * 2, 2, 2, ["1 thread, 50 % reads", "2 threads, 100 % reads"]),
            ("throughput-keys", 6 * 2, 2, 1, ["50 % reads, θ = 0", "100 % reads, θ = 0.99"]),
        ] {
            for style in STYLES {
                let drawings = draw(name, &rows, style);
                assert_eq!(drawings.len(), pictures, "{name}");
                for drawing in &drawings {
                    assert_eq!(drawing.values.len(), panels * levels * 2, "{name}");
                    assert_eq!(markers(&drawing.svg), panels * levels * 2 + 2, "{name}");
                    assert_texts_are_clear(&drawing.svg);
                }
                let text = texts(&drawings[0].svg).join("; ").replace("; θ", ", θ");
                assert!(titles.iter().all(|title| text.contains(title)), "{text}");
            }
        }
    }

    #[test]
    fn levels_are_in_order_and_named() {
        let drawing = &draw("throughput-reads", &grid().rows(), &STYLES[0])[0];
        let place = |level: &str| {
            let ending = format!("reads (% of operations): {level}");
            let is_one = |value: &&crate::show::plot::HoverText| {
                value.text.starts_with("papaya") && value.text.ends_with(&ending)
            };
            drawing.values.iter().find(is_one).expect("a value").at.0
        };
        assert!(place("50") < place("95") && place("95") < place("100"));
        assert!((place("100") - place("95") - (place("95") - place("50"))).abs() < 0.2);
        let table = &drawing.pgf.table;
        assert!(table.starts_with("# x: reads (_ of operations) (1 is 50, 2 is 95, 3 is 100)"));
        assert!(drawing.pgf.tex.contains("xtick={1,2,3}, xticklabels={{50},{95},{100}}"));
    }

    #[test]
    fn the_noise_floor_is_behind_what_was_measured_twice() {
        let rows = grid().rows();
        let twin = |row: &Row| {
            with(row, |row| {
                row.twin = true;
                row.case = format!("twin of {}", row.case);
                row.clean_ops_per_sec = row.clean_ops_per_sec.map(|rate| rate * 1.25);
            })
        };
        // Of one subject, at one number of threads.
        let is_twice = |row: &&Row| row.structure == "papaya" && row.threads == 1;
        let twins = rows.iter().filter(is_twice).map(twin);
        let with: Vec<Row> = rows.iter().cloned().chain(twins).collect();
        // Panels with one thread, levels in each.
        for (name, panels, levels) in
            [("throughput-reads", 2, 3), ("throughput-skew", 3, 2), ("throughput-keys", 6, 2)]
        {
            let drawing = &draw(name, &with, &STYLES[0])[0];
            let bands = drawing.svg.matches("#D4D4D4").count();
            assert_eq!(bands, panels * levels + 1, "{name}: and the legend's");
            let text = texts(&drawing.svg).join(" ");
            assert!(text.contains("A/A noise floor of papaya"), "{name}: {text}");
            assert!(!text.contains("(A/A)"), "{name}: a twin is no subject");
            assert_texts_are_clear(&drawing.svg);
            let plain = &draw(name, &rows, &STYLES[0])[0];
            assert!(!plain.svg.contains("#D4D4D4"), "{name}");
            assert_eq!(markers(&plain.svg), markers(&drawing.svg), "{name}");
        }
    }

    #[test]
    fn what_does_not_vary_is_not_drawn() {
        let rows = Grid::small().rows();
        for (name, key) in [
            ("throughput-reads", "`reads`"),
            ("throughput-skew", "`zipf`"),
            ("throughput-keys", "`keys`"),
        ] {
            let lacks = (figure(name).expect("a figure").lacks)(&results(&rows));
            assert!(lacks.is_some_and(|what| what.contains(key)), "{name}: {lacks:?}");
        }
        // Controls have no levels of their own; a workload with one level is left out.
        let mut rows = Grid { reads: vec![50.0, 95.0], ..Grid::small() }.rows();
        rows.push(with(&trial("no-op", 1, 0, 9e6), |row| {
            row.mix.reads = 0.0;
            row.case = "control".to_owned();
        }));
        rows.push(with(&trial("papaya", 1, 0, 9e6), |row| {
            row.zipf = 0.5;
            row.case = "alone".to_owned();
        }));
        let drawing = &draw("throughput-reads", &rows, &STYLES[0])[0];
        assert_eq!(drawing.values.len(), 2 * 2 * 3);
        assert!(!texts(&drawing.svg).join(" ").contains("θ = 0.5"));
    }
}
