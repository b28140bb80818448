//! Every trial as a ratio to its cell's median, subjects by blocks, one panel for each read ratio, skew and
//! number of threads: outliers, clusters and drift, which medians hide.

use std::collections::BTreeSet;

use anyhow::Result;

use super::levels::{drawn, reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Tile, XAxis, YAxis, place_of_name};
use super::picture::Sketch;
use super::ratio_heatmap::colour;
use super::schemes::{file_stem, threads};
use super::throughput_bars::{by_rate, in_rows_of_names};
use super::trial_strip::{is_same, panels_of};
use super::{Results, Unasked};
use crate::analysis::compare::words::factor;
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric, summarise};
use crate::rows::Row;

const NAME: &str = "block-drift";
/// The ratio, or its reciprocal, from which a colour is at its end.
const END: f64 = 1.5;
/// The ratio, or its reciprocal, from which a tile has a sign.
const SIGNED: f64 = 1.15;
/// Blocks with a number, at most.
const NUMBERED: usize = 10;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let blocks: BTreeSet<u32> = drawn(results.rows).iter().map(|row| row.block).collect();
    (blocks.len() < 2).then_some("valid trials of subjects are not of two blocks or more")
}

/// It is about the machine, not about the tables.
pub(super) fn unasked(_: &Results<'_>) -> Unasked {
    Unasked::Page
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: panels(group, &choice),
    };
    Ok(split(&rows).iter().map(picture).collect())
}

fn panels(group: &Group, choice: &ChosenRate) -> Panels {
    let cells = summarise(&group.rows, choice.metric);
    let names = by_rate(&cells);
    let blocks: BTreeSet<u32> = group.rows.iter().map(|row| row.block).collect();
    let blocks: Vec<u32> = blocks.into_iter().collect();
    let panel = |of: &Row| {
        let here = cells.iter().filter(|cell| is_same(&cell.row, of));
        let tiles = here.flat_map(|cell| tiles(cell, group, choice, (&names, &blocks))).collect();
        let title = vec![reads(of), skew(of), threads(of.threads)];
        Panel { title, tiles, ..Panel::default() }
    };
    let rows = in_rows_of_names(panels_of(&group.rows, panel));
    let step = blocks.len().div_ceil(NUMBERED);
    let number = |(i, block): (usize, &u32)| {
        if i % step == 0 { (block + 1).to_string() } else { String::new() }
    };
    let caption = format!(
        "Every valid trial as a ratio to the median of its cell; blocks in the order in which they ran, \
         from 1. A sign is where the ratio is beyond {SIGNED} or its reciprocal. By {}. {}.",
        choice.in_words(),
        group.setting.in_words()
    );
    Panels {
        y: vec![YAxis::names(names.clone()); rows.len()],
        rows,
        x: XAxis::levels(blocks.iter().enumerate().map(number)),
        lines: Lines::None,
        shade_from: None,
        x_label: "block".to_owned(),
        legend: legend(),
        heading: String::new(),
        height: None,
        caption: vec![caption],
    }
}

/// A tile for each trial of a cell.
fn tiles(
    cell: &CellSummary,
    group: &Group,
    choice: &ChosenRate,
    (names, blocks): (&[String], &[u32]),
) -> Vec<Tile> {
    let place = names.iter().position(|name| *name == cell.subject);
    let (Some(place), Some(median)) = (place, cell.median()) else { return Vec::new() };
    let own = group.rows.iter().filter(|row| row.case == cell.row.case);
    let tile = |row: &Row| {
        let rate = choice.metric.of(row)?;
        let ratio = if median > 0.0 { rate / median } else { 1.0 };
        let sign = match ratio {
            ratio if ratio >= SIGNED => "+",
            ratio if ratio <= 1.0 / SIGNED => "\u{2212}",
            _ => "",
        };
        Some(Tile {
            x: blocks.iter().position(|block| *block == row.block)? + 1,
            y: place_of_name(place, names.len()),
            colour: colour(ratio.max(1e-9).ln() / END.ln()),
            text: sign.to_owned(),
            value: (ratio, (ratio, ratio)),
            words: format!(
                "{}: {} times its median in block {}",
                cell.subject,
                factor(ratio),
                row.block + 1
            ),
        })
    };
    own.filter_map(tile).collect()
}

/// Five colours and their ratios.
fn legend() -> Vec<(Key, String)> {
    let key = |share: f64| (Key::Fill(colour(share)), factor((share * END.ln()).exp()));
    [-1.0, -0.5, 0.0, 0.5, 1.0].map(key).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{self, assert_texts_are_clear, texts};
    use crate::test_rows::{Grid, trial};

    fn results(rows: &[Row]) -> Results<'_> {
        Results { rows, cpus: 2, ..Results::default() }
    }

    #[test]
    fn every_trial_is_a_tile() {
        let mut rows = Grid { reads: vec![50.0, 95.0], ..Grid::small() }.rows();
        rows.push(trial("no-op", 1, 0, 90e6));
        rows[0].valid = false;
        for style in STYLES {
            let drawing = &tests::drawn(pictures, &results(&rows), style).expect("rows to draw")[0];
            assert_eq!(drawing.values.len(), 2 * 3 * 2 * 5 - 1);
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            assert!(text.contains("50 % reads") && text.contains("4 threads"), "{text}");
            assert!(text.contains("papaya") && !text.contains("no-op"), "{text}");
        }
    }

    #[test]
    fn tiles_are_where_their_blocks_are() {
        let mut rows: Vec<Row> =
            (0..4).map(|block| trial("papaya", 1, block, 1e6 * f64::from(block + 1))).collect();
        rows.reverse();
        rows.iter_mut().for_each(|row| row.clean_windows = Some(0));
        let drawing =
            &tests::drawn(pictures, &results(&rows), &STYLES[0]).expect("rows to draw")[0];
        // Of rates of 1 to 4 the median is 2.5.
        let says = ["0.40", "0.80", "1.20", "1.60"];
        let at = |block: usize| {
            let text = format!("papaya: {} times its median in block {block}", says[block - 1]);
            drawing.values.iter().find(|value| value.text == text).expect("a trial").at
        };
        assert!(at(1).0 < at(2).0 && at(2).0 < at(4).0 && at(1).1 == at(4).1);
        assert!((at(2).0 - at(1).0 - (at(4).0 - at(3).0)).abs() < 0.1);
        let signs = texts(&drawing.svg);
        let count = |sign: &str| signs.iter().filter(|text| *text == sign).count();
        assert_eq!((count("+"), count("\u{2212}")), (2, 2), "{signs:?}");
        assert_eq!(lacks(&results(&rows)), None);
        assert!(lacks(&results(&rows[..1])).is_some_and(|what| what.contains("two blocks")));
    }
}
