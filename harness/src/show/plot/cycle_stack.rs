//! How a core's predicted cycles are spent: a bar for each subject, one panel for each read ratio, skew, and number
//! of threads (the fewest and the most).

use std::collections::BTreeSet;

use anyhow::Result;
use virtual_cores::{Part, PredictedRow};

use super::Results;
use super::panels::{
    Key, Lines, Panel, Panels, Point, Segment, Series, XAxis, YAxis, place_of_name,
};
use super::picture::Sketch;
use super::predicted::{PredictedGroup, Shares, groups, subject, title, unless_empty};
use super::schemes::threads;
use super::style::Colour;
use super::throughput_bars::in_rows_of_names;

/// A part that takes less of a bar is not in the legend.
const LEAST: f64 = 0.5;

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let sketch = |group: &PredictedGroup<'_>| Sketch {
        file_stem: group.file_stem("cycle-stack"),
        panels: panels(group),
    };
    Ok(groups(results).iter().map(sketch).collect())
}

/// A part's name, and its colour: greys are the core's own, colours wait for memory.
fn drawn_as(part: Part) -> (&'static str, Colour) {
    match part {
        Part::Work => ("instructions", (0xCC, 0xCC, 0xCC)),
        Part::Branches => ("mispredictions", (0x9A, 0x9A, 0x9A)),
        Part::Atomics => ("atomics, fences", (0x60, 0x60, 0x60)),
        Part::Caches => ("caches", (0x9B, 0xD3, 0xF0)),
        Part::Memory => ("memory", (0x00, 0x72, 0xB2)),
        Part::Upgrades => ("invalidating others", (0xF0, 0xD0, 0x40)),
        Part::Near => ("lines of the socket", (0x00, 0x9E, 0x73)),
        Part::Far => ("lines of other sockets", (0xCC, 0x79, 0xA7)),
        Part::Queued => ("queue for a line", (0xD5, 0x5E, 0x00)),
        Part::Pauses => ("waiting loops", (0x7A, 0x3E, 0x10)),
        Part::System => ("system, sleep", (0x20, 0x20, 0x20)),
    }
}

fn panels(group: &PredictedGroup<'_>) -> Panels {
    let names: Vec<String> =
        group.rows.iter().map(|row| subject(row)).collect::<BTreeSet<_>>().into_iter().collect();
    let counts = group.threads();
    let ends: BTreeSet<usize> = counts.first().into_iter().chain(counts.last()).copied().collect();
    let (mixes, skews) = group.kinds();
    let mut panels = Vec::new();
    for mix in &mixes {
        for zipf in &skews {
            panels.extend(
                ends.iter().filter_map(|threads| panel(group, &names, (*mix, *zipf), *threads)),
            );
        }
    }
    let rows = in_rows_of_names(panels);
    let is_there = |part: &Part| {
        group.rows.iter().any(|row| ends.contains(&row.threads) && share(row, *part) >= LEAST)
    };
    let key = |part: Part| (Key::Fill(drawn_as(part).1), drawn_as(part).0.to_owned());
    Panels {
        y: vec![YAxis::names(names); rows.len()],
        rows,
        x: XAxis::Linear,
        lines: Lines::None,
        shade_from: None,
        x_label: "% of a core's cycles".to_owned(),
        legend: Part::ALL.into_iter().filter(is_there).map(key).collect(),
        heading: String::new(),
        height: None,
        caption: vec![
            group.provenance(),
            "Each cycle of a core goes to one part: to what it waits for, or to its own instructions. \
             predictions.csv has the cycles for an operation."
                .to_owned(),
        ],
    }
}

/// All cycles for an operation.
fn total(row: &PredictedRow) -> f64 {
    Part::ALL.iter().map(|part| row.cycles(*part)).sum()
}

/// The percentage that goes to `part`.
fn share(row: &PredictedRow, part: Part) -> f64 {
    100.0 * row.cycles(part) / total(row).max(f64::MIN_POSITIVE)
}

fn panel(
    group: &PredictedGroup<'_>,
    names: &[String],
    (mix, zipf): (Shares, f64),
    count: usize,
) -> Option<Panel> {
    let mut panel = Panel { title: title(mix, zipf), ..Panel::default() };
    panel.title.push(threads(count));
    for (name, rows) in group.curves(mix, zipf) {
        let Some(row) = rows.into_iter().find(|row| row.threads == count) else { continue };
        let place = names.iter().position(|own| *own == name).unwrap_or_default();
        let y = place_of_name(place, names.len()) as f64;
        let mut from = 0.0;
        for part in Part::ALL.into_iter().filter(|part| row.cycles(*part) > 0.0) {
            let (share, (what, colour)) = (share(row, part), drawn_as(part));
            let words =
                format!("{name}: {what} {share:.1} % of {:.0} cycles an operation", total(row));
            panel.segments.push(Segment {
                name: name.clone(),
                x: (from, from + share),
                y,
                colour,
                words,
            });
            from += share;
        }
        let end = Point { x: 100.0, y, ..Point::default() };
        panel.series.push(Series::new(&name, group.looks[&name], vec![end]));
    }
    unless_empty(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, drawn, texts};
    use crate::test_rows::{Grid, predictions};

    #[test]
    fn the_parts_of_a_bar_are_all_cycles() {
        let rows = predictions(&Grid { threads: vec![1, 8, 64], ..Grid::small() });
        let results = Results { predicted: &rows, ..Results::default() };
        let group = &groups(&results)[0];
        let panels = panels(group);
        // At the fewest threads and at the most; alone nobody waits in a queue.
        let parts: Vec<usize> =
            panels.rows.iter().flatten().map(|panel| panel.segments.len()).collect();
        assert_eq!(parts, [2 * 2, 2 * 3]);
        for panel in panels.rows.iter().flatten() {
            for series in &panel.series {
                let own = panel.segments.iter().filter(|segment| segment.name == series.name);
                // Each begins where the one before ends.
                let end = own.fold(0.0, |end, segment| {
                    assert_eq!(segment.x.0, end, "{segment:?}");
                    segment.x.1
                });
                assert!((end - 100.0).abs() < 1e-9, "{end}");
            }
        }
        for style in STYLES {
            let drawing = &drawn(pictures, &results, style).expect("predictions to draw")[0];
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            for part in ["instructions", "caches", "queue for a line", "64 threads", "papaya"] {
                assert!(text.contains(part), "{}: no {part} in {text}", style.name);
            }
            assert!(!text.contains("memory"), "what takes nothing is not in the legend");
            let said = "papaya: queue for a line 98.4 % of 6400 cycles an operation";
            assert!(drawing.values.iter().any(|value| value.text == said));
            assert!(drawing.pgf.tex.contains(said), "{}", drawing.pgf.tex);
        }
    }
}
