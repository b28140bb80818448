//! Every trial against the block that it ran in, one panel for each read ratio and skew (rows) and
//! number of threads (columns): outliers, clusters and drift, which medians hide.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::levels::{drawn, reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::{file_stem, threads};
use super::style::{Look, Style, looks};
use super::{Drawing, Results};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{ChosenRate, choose_metric};
use crate::rows::Row;

const NAME: &str = "block-drift";

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let blocks: BTreeSet<u32> = drawn(results.rows).iter().map(|row| row.block).collect();
    (blocks.len() < 2).then_some("valid trials of subjects are not of two blocks or more")
}

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let looks = looks(results.rows);
    split(&rows)
        .iter()
        .map(|group| panels(group, &choice, &looks).drawing(file_stem(NAME, &group.label), style))
        .collect()
}

fn panels(group: &Group, choice: &ChosenRate, looks: &BTreeMap<String, Look>) -> Panels {
    let mut by_workload: Vec<&Row> = group.rows.iter().collect();
    by_workload.sort_by(|a, b| b.mix.reads.total_cmp(&a.mix.reads).then(a.zipf.total_cmp(&b.zipf)));
    let mut kinds: Vec<(f64, f64)> =
        by_workload.iter().map(|row| (row.mix.reads, row.zipf)).collect();
    kinds.dedup();
    let counts: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
    let panel = |kind: (f64, f64), number: usize| {
        let here = |row: &&&Row| (row.mix.reads, row.zipf) == kind && row.threads == number;
        let rows: Vec<&Row> = by_workload.iter().filter(here).copied().collect();
        let workload =
            rows.first().map_or_else(String::new, |row| format!("{}, {}", reads(row), skew(row)));
        let title = [workload, threads(number)];
        Panel { title, series: series(&rows, choice, looks), ..Panel::default() }
    };
    let row = |&kind| counts.iter().map(|&number| panel(kind, number)).collect();
    let subjects: BTreeSet<String> = group.rows.iter().map(Row::subject).collect();
    let legend = subjects.into_iter().map(|name| (Key::Subject(looks[&name]), name));
    let notes = format!(
        "Every valid trial, blocks in the order in which they ran; {}. {}. Each row of panels has \
         its own scale.",
        choice.in_words(),
        group.setting.in_words()
    );
    Panels {
        rows: kinds.iter().map(row).collect(),
        y: vec![YAxis::linear("Mops/s"); kinds.len()],
        x: XAxis::Linear,
        lines: Lines::None,
        shade_from: None,
        x_label: "block".to_owned(),
        legend: legend.collect(),
        notes: vec![notes],
    }
}

/// The trials of each subject. Blocks are counted from 1, so that no marker is on the axis.
fn series(rows: &[&Row], choice: &ChosenRate, looks: &BTreeMap<String, Look>) -> Vec<Series> {
    let mut points: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for row in rows {
        if let Some(rate) = choice.metric.of(row) {
            let x = f64::from(row.block + 1);
            let point = Point { x, y: rate / 1e6, interval: None, band: None };
            points.entry(row.subject()).or_default().push(point);
        }
    }
    points.into_iter().map(|(name, points)| Series { look: looks[&name], name, points }).collect()
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
    fn every_trial_is_a_marker() {
        let mut rows = Grid { reads: vec![50.0, 95.0], ..Grid::small() }.rows();
        rows.push(trial("no-op", 1, 0, 90e6));
        rows[0].valid = false;
        for style in STYLES {
            let drawing = &draw(&results(&rows), style).expect("rows to draw")[0];
            let trials = 2 * 3 * 2 * 5 - 1;
            assert_eq!((drawing.values.len(), markers(&drawing.svg)), (trials, trials + 2));
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            assert!(text.contains("50 % reads, θ = 0.99") && text.contains("4 threads"), "{text}");
            assert!(!text.contains("no-op"), "{text}");
        }
    }

    #[test]
    fn trials_are_where_their_blocks_are() {
        let mut rows: Vec<Row> =
            (0..4).map(|block| trial("papaya", 1, block, 1e6 * f64::from(block + 1))).collect();
        rows.reverse();
        rows.iter_mut().for_each(|row| row.clean_windows = Some(0));
        let drawing = &draw(&results(&rows), &STYLES[0]).expect("rows to draw")[0];
        let says = |block: u32| format!("papaya: {block} Mops/s; block: {block}");
        let at = |block: u32| {
            let value = drawing.values.iter().find(|value| value.text == says(block));
            value.expect("a trial").at
        };
        assert!(at(1).0 < at(2).0 && at(2).0 < at(4).0 && at(1).1 > at(4).1);
        assert!((at(2).0 - at(1).0 - (at(4).0 - at(3).0)).abs() < 0.1);
        assert_eq!(lacks(&results(&rows)), None);
        assert!(lacks(&results(&rows[..1])).is_some_and(|what| what.contains("two blocks")));
    }
}
