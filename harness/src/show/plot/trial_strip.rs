//! Every trial as a point beside its subject's name, one panel for each read ratio, skew and number of
//! threads: the data behind medians and intervals.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::levels::{drawn, reads, skew};
use super::panels::{Curve, Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis, place_of_name};
use super::picture::Sketch;
use super::schemes::{file_stem, threads};
use super::style::{Colour, GREY, Look, Marker, looks};
use super::throughput_bars::{by_rate, in_rows_of_names};
use super::{Results, Unasked};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, Rate, choose_metric, summarise};
use crate::metric::QUIET;
use crate::rows::Row;

const NAME: &str = "trial-strip";
/// The share of a name's place that its points spread over.
const SPREAD: f64 = 0.6;
/// Of a place, what the mark of the median spans.
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

/// It is about the trials, not about the tables.
pub(super) fn unasked(_: &Results<'_>) -> Unasked {
    Unasked::Page
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let looks = looks(results.rows);
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: Strips::new(group, &choice, &looks).panels(),
    };
    Ok(split(&rows).iter().map(picture).collect())
}

/// One group's trials.
struct Strips<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    looks: &'a BTreeMap<String, Look>,
    /// The fastest first.
    names: Vec<String>,
    cells: Vec<CellSummary>,
}

impl<'a> Strips<'a> {
    fn new(group: &'a Group, choice: &'a ChosenRate, looks: &'a BTreeMap<String, Look>) -> Self {
        let cells = summarise(&group.rows, choice.metric);
        Self { group, choice, looks, names: by_rate(&cells), cells }
    }

    fn panels(&self) -> Panels {
        let rows = in_rows_of_names(panels_of(&self.group.rows, |row| self.panel(row)));
        Panels {
            y: vec![YAxis::names(self.names.clone()); rows.len()],
            rows,
            x: XAxis::Linear,
            lines: Lines::None,
            shade_from: None,
            x_label: "Mops/s".to_owned(),
            legend: self.legend(),
            heading: String::new(),
            height: None,
            caption: vec![self.caption()],
        }
    }

    /// The panel of the workload of `of`.
    fn panel(&self, of: &Row) -> Panel {
        let title = vec![reads(of), skew(of), threads(of.threads)];
        let mut panel = Panel { title, ..Panel::default() };
        for cell in self.cells.iter().filter(|cell| is_same(&cell.row, of)) {
            let Some(place) = self.names.iter().position(|name| *name == cell.subject) else {
                continue;
            };
            let height = place_of_name(place, self.names.len()) as f64;
            panel.series.extend(self.points(cell, height));
            panel.curves.extend(marks(cell, height));
        }
        panel.series.sort_by(|a, b| (&a.name, a.what).cmp(&(&b.name, b.what)));
        panel
    }

    /// The trials of one cell, the undisturbed and the others.
    fn points(&self, cell: &CellSummary, height: f64) -> Vec<Series> {
        let mut rows: Vec<&Row> =
            self.group.rows.iter().filter(|row| row.case == cell.row.case).collect();
        rows.sort_by_key(|row| row.block);
        let (mut quiet, mut disturbed) = (Vec::new(), Vec::new());
        for (i, row) in rows.into_iter().enumerate() {
            if let Some(point) = point(row, self.choice.metric, height + jitter(i)) {
                if row.noise == QUIET { &mut quiet } else { &mut disturbed }.push(point);
            }
        }
        let look = self.looks[&cell.subject].solid();
        let quiet = Series::new(&cell.subject, look, quiet);
        let disturbed = Series::new(&cell.subject, Look { colour: GREY, ..look }, disturbed);
        let both = [quiet, Series { what: "disturbed", ..disturbed }];
        both.into_iter().filter(|series| !series.points.is_empty()).collect()
    }

    fn legend(&self) -> Vec<(Key, String)> {
        let look = Look { colour: GREY, marker: Marker::Circle, dash: &[] };
        let is_disturbed = self.group.rows.iter().any(|row| row.noise != QUIET);
        let key = is_disturbed.then(|| (Key::Subject(look), "grey: disturbed".to_owned()));
        key.into_iter().collect()
    }

    fn caption(&self) -> String {
        let without: usize = self.cells.iter().map(|cell| cell.unmeasured).sum();
        let without = if without > 0 {
            format!(" {without} valid trials without this rate are not drawn.")
        } else {
            String::new()
        };
        format!(
            "Every valid trial, one above the other only so that all are seen; grey are those that are not \
             known to be undisturbed (column `noise`), which count all the same. In black the median \
             and its 95\u{a0}% BCa interval. By {}.{without} {}.",
            self.choice.in_words(),
            self.group.setting.in_words()
        )
    }
}

/// A panel for each read ratio, skew and number of threads of `rows`, most reads first.
pub(super) fn panels_of(rows: &[Row], panel: impl Fn(&Row) -> Panel) -> Vec<Panel> {
    let mut kinds: Vec<&Row> = rows.iter().collect();
    kinds.sort_by(|a, b| {
        let by_skew = a.zipf.total_cmp(&b.zipf).then(a.threads.cmp(&b.threads));
        b.mix.reads.total_cmp(&a.mix.reads).then(by_skew)
    });
    kinds.dedup_by(|a, b| is_same(a, b));
    kinds.into_iter().map(panel).collect()
}

/// Whether both have a panel in common.
pub(super) fn is_same(a: &Row, b: &Row) -> bool {
    (a.mix.reads, a.zipf, a.threads) == (b.mix.reads, b.zipf, b.threads)
}

fn point(row: &Row, metric: Rate, y: f64) -> Option<Point> {
    metric.of(row).map(|rate| Point { x: rate / 1e6, y, ..Point::default() })
}

/// How far the `i`-th point of a place is from its middle: multiples of the golden ratio are never
/// close to each other.
fn jitter(i: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    (((i as f64 + 0.5) * GOLDEN).fract() - 0.5) * SPREAD
}

/// The median, and the interval with its ends.
fn marks(cell: &CellSummary, height: f64) -> Vec<Curve> {
    let line = |from: (f64, f64), to: (f64, f64)| Curve {
        name: cell.subject.clone(),
        points: vec![from, to],
        colour: BLACK,
        is_dashed: false,
        in_front: true,
    };
    let across =
        |x: f64, width: f64| line((x / 1e6, height - width / 2.0), (x / 1e6, height + width / 2.0));
    let mut marks: Vec<Curve> =
        cell.median().map(|median| across(median, MARK)).into_iter().collect();
    if let Some((low, high)) = cell.interval() {
        marks.push(line((low / 1e6, height), (high / 1e6, height)));
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
    fn every_valid_trial_is_a_point_beside_its_name() {
        let mut rows = Grid { reads: vec![50.0, 95.0], ..Grid::small() }.rows();
        rows.push(trial("no-op", 1, 0, 90e6));
        rows[0].valid = false;
        for style in STYLES {
            let drawing = &crate::show::plot::tests::drawn(pictures, &results(&rows), style)
                .expect("rows to draw")[0];
            let trials = 2 * 3 * 2 * 5 - 1;
            assert_eq!((drawing.values.len(), markers(&drawing.svg)), (trials, trials));
            assert_texts_are_clear(&drawing.svg);
            let shown = texts(&drawing.svg).join("; ");
            for expected in ["hamt-cas/epoch", "papaya", "50 % reads", "4 threads"] {
                assert!(shown.contains(expected), "no {expected} in {shown}");
            }
            let of = |name: &str| {
                let is_of = |value: &&crate::show::plot::HoverText| value.text.starts_with(name);
                drawing.values.iter().filter(is_of).count()
            };
            assert_eq!((of("hamt-cas/epoch: "), of("papaya: ")), (30, 29));
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
    fn disturbed_trials_are_grey_and_count() {
        let mut rows: Vec<Row> =
            (0..7).map(|block| trial("papaya", 1, block, 1e6 * f64::from(block + 1))).collect();
        rows.iter_mut().for_each(|row| row.clean_windows = Some(0));
        let plain = crate::show::plot::tests::drawn(pictures, &results(&rows), &STYLES[0])
            .expect("rows to draw")
            .remove(0);
        let grey = "#5A5A5A";
        let greys = |svg: &str| markers_of(svg, grey);
        assert_eq!(greys(&plain.svg), 0);
        rows[6].noise = "busy".to_owned();
        let drawing = crate::show::plot::tests::drawn(pictures, &results(&rows), &STYLES[0])
            .expect("rows to draw")
            .remove(0);
        // One point and the legend's.
        assert_eq!(greys(&drawing.svg), 2);
        let disturbed = drawing.values.iter().filter(|value| value.text.contains(", disturbed"));
        let texts: Vec<&str> = disturbed.map(|value| value.text.as_str()).collect();
        assert!(texts.len() == 1 && texts[0].contains("7 Mops/s"), "{texts:?}");
        // The median of 1 to 7, and the ends of its interval, in black.
        let tex = &drawing.pgf.tex;
        assert!(
            tex.contains("(axis cs:4.000000,0.600000) -- (axis cs:4.000000,1.400000)"),
            "{tex}"
        );
        let black = tex_of_black();
        assert_eq!(tex.matches(&black).count(), 4, "{tex}");
    }

    /// Markers of this colour.
    fn markers_of(svg: &str, colour: &str) -> usize {
        let shape = |line: &&str| line.starts_with("<circle") || line.starts_with("<polygon");
        svg.lines().filter(shape).filter(|line| line.contains(colour)).count()
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
