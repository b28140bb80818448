//! Every trial as a point, one column for each subject, one panel for each read ratio and skew (rows)
//! and number of threads (columns): what medians and intervals are made of.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::levels::{drawn, reads, skew};
use super::panels::{Curve, Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::{file_stem, threads};
use super::style::{Colour, GREY, Look, Marker, Style, looks};
use super::{Drawing, Results};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, Rate, choose_metric, summarise};
use crate::metric::QUIET;
use crate::rows::Row;

const NAME: &str = "trial-strip";
/// The share of a column that its points spread over.
const SPREAD: f64 = 0.6;
/// Of a column, what the mark of the median spans.
const MARK: f64 = 0.8;
/// The same of the interval's ends.
const CAP: f64 = 0.3;
const BLACK: Colour = (0, 0, 0);

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let rows = drawn(results.rows);
    let mut cases = BTreeSet::new();
    let has_two = rows.iter().any(|row| !cases.insert(&row.case));
    (!has_two).then_some("no cell of a subject has two valid trials")
}

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let looks = looks(results.rows);
    split(&rows)
        .iter()
        .map(|group| {
            let picture = Picture::new(group, &choice, &looks);
            picture.panels().drawing(file_stem(NAME, &group.label), style)
        })
        .collect()
}

/// One group's trials.
struct Picture<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    looks: &'a BTreeMap<String, Look>,
    /// In the order of their columns.
    subjects: Vec<String>,
    cells: Vec<CellSummary>,
}

impl<'a> Picture<'a> {
    fn new(group: &'a Group, choice: &'a ChosenRate, looks: &'a BTreeMap<String, Look>) -> Self {
        let subjects: BTreeSet<String> = group.rows.iter().map(Row::subject).collect();
        let cells = summarise(&group.rows, choice.metric);
        Self { group, choice, looks, subjects: subjects.into_iter().collect(), cells }
    }

    fn panels(&self) -> Panels {
        let mut by_workload: Vec<&Row> = self.cells.iter().map(|cell| &cell.row).collect();
        by_workload
            .sort_by(|a, b| b.mix.reads.total_cmp(&a.mix.reads).then(a.zipf.total_cmp(&b.zipf)));
        by_workload.dedup_by_key(|row| (row.mix.reads.to_bits(), row.zipf.to_bits()));
        let counts: BTreeSet<usize> = self.cells.iter().map(|cell| cell.row.threads).collect();
        let row = |of: &&Row| counts.iter().map(|&number| self.panel(of, number)).collect();
        let numbers = (1..=self.subjects.len()).map(|number| number.to_string());
        Panels {
            rows: by_workload.iter().map(row).collect(),
            y: vec![YAxis::linear("Mops/s"); by_workload.len()],
            x: XAxis::Levels(numbers.collect()),
            lines: Lines::None,
            shade_from: None,
            x_label: "subject".to_owned(),
            legend: self.legend(),
            notes: vec![self.note()],
        }
    }

    /// The panel of the read ratio and skew of `of` and a number of threads.
    fn panel(&self, of: &Row, number: usize) -> Panel {
        let mut panel = Panel {
            title: [format!("{}, {}", reads(of), skew(of)), threads(number)],
            ..Panel::default()
        };
        let here = |cell: &&CellSummary| {
            (cell.row.mix.reads, cell.row.zipf, cell.row.threads) == (of.mix.reads, of.zipf, number)
        };
        for cell in self.cells.iter().filter(here) {
            let Some(place) = self.subjects.iter().position(|name| *name == cell.subject) else {
                continue;
            };
            let column = (place + 1) as f64;
            panel.series.extend(self.points(cell, column));
            panel.curves.extend(marks(cell, column));
        }
        panel.series.sort_by(|a, b| a.name.cmp(&b.name));
        panel
    }

    /// The trials of one cell, the undisturbed and the others.
    fn points(&self, cell: &CellSummary, column: f64) -> Vec<Series> {
        let mut rows: Vec<&Row> =
            self.group.rows.iter().filter(|row| row.case == cell.row.case).collect();
        rows.sort_by_key(|row| row.block);
        let (mut quiet, mut disturbed) = (Vec::new(), Vec::new());
        for (i, row) in rows.into_iter().enumerate() {
            if let Some(point) = point(row, self.choice.metric, column + jitter(i)) {
                if row.noise == QUIET { &mut quiet } else { &mut disturbed }.push(point);
            }
        }
        let colour = self.looks[&cell.subject].colour;
        let series = |name: String, marker, points| Series {
            name,
            look: Look { colour, marker, dash: &[] },
            points,
        };
        let name = &cell.subject;
        [
            series(name.clone(), Marker::Circle, quiet),
            series(format!("{name}, disturbed"), Marker::HollowCircle, disturbed),
        ]
        .into_iter()
        .filter(|series| !series.points.is_empty())
        .collect()
    }

    fn legend(&self) -> Vec<(Key, String)> {
        let entry = |(name, number): (&String, usize)| {
            let look = Look { marker: Marker::Circle, dash: &[], ..self.looks[name] };
            (Key::Subject(look), format!("{number} {name}"))
        };
        let mut legend: Vec<_> = self.subjects.iter().zip(1..).map(entry).collect();
        if self.group.rows.iter().any(|row| row.noise != QUIET) {
            let look = Look { colour: GREY, marker: Marker::HollowCircle, dash: &[] };
            legend.push((Key::Subject(look), "disturbed".to_owned()));
        }
        legend
    }

    fn note(&self) -> String {
        let without: usize = self.cells.iter().map(|cell| cell.unmeasured).sum();
        let without = if without > 0 {
            format!(" {without} valid trials without this rate are not drawn.")
        } else {
            String::new()
        };
        format!(
            "Every valid trial, side by side only so that all are seen; hollow are those that are not \
             known to be undisturbed (column `noise`), which count all the same. In black the median \
             and its 95\u{a0}% BCa interval. By {}.{without} {}. Each row of panels has its \
             own scale.",
            self.choice.in_words(),
            self.group.setting.in_words()
        )
    }
}

fn point(row: &Row, metric: Rate, x: f64) -> Option<Point> {
    metric.of(row).map(|rate| Point { x, y: rate / 1e6, interval: None, band: None })
}

/// How far the `i`-th point of a column is from its middle: multiples of the golden ratio are never
/// close to each other.
fn jitter(i: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    (((i as f64 + 0.5) * GOLDEN).fract() - 0.5) * SPREAD
}

/// The median, and the interval with its ends.
fn marks(cell: &CellSummary, column: f64) -> Vec<Curve> {
    let line = |from: (f64, f64), to: (f64, f64)| Curve {
        points: vec![from, to],
        colour: BLACK,
        is_dashed: false,
        in_front: true,
    };
    let across =
        |y: f64, width: f64| line((column - width / 2.0, y / 1e6), (column + width / 2.0, y / 1e6));
    let mut marks: Vec<Curve> =
        cell.median().map(|median| across(median, MARK)).into_iter().collect();
    if let Some((low, high)) = cell.interval() {
        marks.push(line((column, low / 1e6), (column, high / 1e6)));
        marks.extend([across(low, CAP), across(high, CAP)]);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, markers, texts};
    use crate::test_rows::{Grid, trial};

    fn results(rows: &[Row]) -> Results<'_> {
        Results { rows, cpus: 2, ..Results::default() }
    }

    #[test]
    fn every_valid_trial_is_a_point_in_its_column() {
        let mut rows = Grid { reads: vec![50.0, 95.0], ..Grid::small() }.rows();
        rows.push(trial("no-op", 1, 0, 90e6));
        rows[0].valid = false;
        for style in STYLES {
            let drawing = &draw(&results(&rows), style).expect("rows to draw")[0];
            let trials = 2 * 3 * 2 * 5 - 1;
            assert_eq!((drawing.values.len(), markers(&drawing.svg)), (trials, trials + 2));
            assert_texts_are_clear(&drawing.svg);
            let shown = texts(&drawing.svg);
            for expected in ["1 hamt-cas/epoch", "2 papaya", "50 % reads, θ = 0.99, 4 threads"] {
                let is_there = shown.iter().any(|text| text.contains(expected));
                let split = expected.rsplit_once(", ").is_some_and(|(a, b)| {
                    shown.iter().any(|text| text == a) && shown.iter().any(|text| text == b)
                });
                assert!(is_there || split, "no {expected} in {shown:?}");
            }
            let of = |number: &str| {
                let is_of = |value: &&crate::show::plot::HoverText| value.text.ends_with(number);
                drawing.values.iter().filter(is_of).count()
            };
            assert_eq!((of(": 1"), of(": 2")), (30, 29));
        }
    }

    #[test]
    fn points_stay_in_their_columns_and_apart() {
        let all: Vec<f64> = (0..100).map(jitter).collect();
        assert!(all.iter().all(|x| x.abs() <= SPREAD / 2.0));
        for few in [5, 10, 20] {
            let mut first = all[..few].to_vec();
            first.sort_by(f64::total_cmp);
            let least = first.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MAX, f64::min);
            assert!(least > SPREAD / (3.0 * few as f64), "{few}: {least}");
        }
    }

    #[test]
    fn disturbed_trials_are_hollow_and_count() {
        let mut rows: Vec<Row> =
            (0..7).map(|block| trial("papaya", 1, block, 1e6 * f64::from(block + 1))).collect();
        rows.iter_mut().for_each(|row| row.clean_windows = Some(0));
        let plain = draw(&results(&rows), &STYLES[0]).expect("rows to draw").remove(0);
        assert!(!plain.svg.contains("#FFFFFF") && !texts(&plain.svg).contains(&"disturbed".into()));
        rows[6].noise = "busy".to_owned();
        let drawing = draw(&results(&rows), &STYLES[0]).expect("rows to draw").remove(0);
        // One point and the legend's.
        assert_eq!(drawing.svg.matches("#FFFFFF").count(), 2);
        let hollow = drawing.values.iter().filter(|value| value.text.contains(", disturbed"));
        let texts: Vec<&str> = hollow.map(|value| value.text.as_str()).collect();
        assert!(texts.len() == 1 && texts[0].contains("7 Mops/s"), "{texts:?}");
        // The median of 1 to 7, and the ends of its interval, in black.
        let tex = &drawing.pgf.tex;
        assert!(
            tex.contains("(axis cs:0.600000,4.000000) -- (axis cs:1.400000,4.000000)"),
            "{tex}"
        );
        let black = tex_of_black();
        assert_eq!(tex.matches(&black).count(), 4, "{tex}");
    }

    fn tex_of_black() -> String {
        format!("\\draw[color={}", crate::show::plot::tex::tex_of_colour(BLACK))
    }

    #[test]
    fn one_trial_a_cell_is_no_strip() {
        let rows = [trial("papaya", 1, 0, 1e6), trial("dashmap", 1, 0, 1e6)];
        assert!(lacks(&results(&rows)).is_some_and(|what| what.contains("two valid trials")));
        assert_eq!(lacks(&results(&Grid::small().rows())), None);
    }
}
