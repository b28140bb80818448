//! Why a prediction bends: transfers of cache lines within the socket and between sockets, and cycles waited in the
//! queues for them, per operation against threads. A column for each workload, a row for each of the three.

use anyhow::Result;
use virtual_cores::PredictedRow;

use super::Results;
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::predicted::{PredictedGroup, Shares, groups, title};
use super::style::Look;

/// What each row of panels shows: its axis, and the number of a prediction.
type Plotted = (&'static str, fn(&PredictedRow) -> f64);

const QUANTITIES: [Plotted; 3] = [
    ("near lines / op", |row| row.near),
    ("far lines / op", |row| row.far),
    ("queued cycles / op", |row| row.queued_cycles),
];
/// Workloads side by side.
const ABREAST: usize = 3;

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let mut sketches = Vec::new();
    for group in groups(results) {
        let (mixes, skews) = group.kinds();
        let all = skews.iter().flat_map(|zipf| mixes.iter().map(move |mix| (*mix, *zipf)));
        let all: Vec<_> = all.filter(|(mix, zipf)| !group.curves(*mix, *zipf).is_empty()).collect();
        for (part, workloads) in all.chunks(ABREAST).enumerate() {
            let name = match part {
                0 => "traffic-threads".to_owned(),
                part => format!("traffic-threads-{}", part + 1),
            };
            sketches.push(Sketch {
                file_stem: group.file_stem(&name),
                panels: panels(&group, workloads),
            });
        }
    }
    Ok(sketches)
}

fn panels(group: &PredictedGroup<'_>, workloads: &[(Shares, f64)]) -> Panels {
    let row = |(index, (_, quantity)): (usize, &Plotted)| -> Vec<Panel> {
        let mut row: Vec<Panel> =
            workloads.iter().map(|(mix, zipf)| panel(group, *mix, *zipf, *quantity)).collect();
        if index > 0 {
            // As above it.
            row.iter_mut().for_each(|panel| panel.title.clear());
        }
        row
    };
    Panels {
        rows: QUANTITIES.iter().enumerate().map(row).collect(),
        y: QUANTITIES.iter().map(|(label, _)| YAxis::linear(label)).collect(),
        x: XAxis::Counts(group.threads()),
        lines: Lines::Marked(1),
        shade_from: None,
        x_label: "threads".to_owned(),
        legend: group.legend(Look::solid),
        heading: String::new(),
        height: None,
        caption: vec![
            group.provenance(),
            "For an operation: lines handed over by another core of the socket, by another socket, and the \
             cycles that accesses waited until a line had been handed over to others. hot-lines.csv says which \
             lines."
                .to_owned(),
        ],
    }
}

fn panel(
    group: &PredictedGroup<'_>,
    mix: Shares,
    zipf: f64,
    quantity: fn(&PredictedRow) -> f64,
) -> Panel {
    let of = |(name, rows): (String, Vec<&PredictedRow>)| {
        let point = |row: &&PredictedRow| Point {
            x: row.threads as f64,
            y: quantity(row),
            ..Point::default()
        };
        let points = rows.iter().map(point).collect();
        Series::new(&name, group.looks[&name].solid(), points)
    };
    let series = group.curves(mix, zipf).into_iter().map(of).collect();
    Panel { title: title(mix, zipf), series, ..Panel::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, drawn, markers, texts};
    use crate::test_rows::{Grid, predictions};

    #[test]
    fn each_quantity_has_a_row_and_each_workload_a_column() {
        let grid = Grid {
            threads: vec![1, 8, 64],
            reads: vec![50.0, 90.0],
            zipf: vec![0.0, 0.99],
            ..Grid::small()
        };
        let rows = predictions(&grid);
        let results = Results { predicted: &rows, ..Results::default() };
        for style in STYLES {
            let drawings = drawn(pictures, &results, style).expect("predictions to draw");
            // Three workloads, and the fourth.
            let sizes: Vec<usize> = drawings.iter().map(|drawing| markers(&drawing.svg)).collect();
            assert_eq!(sizes, [2 * 3 * 3 * 3 + 2, 2 * 3 * 3 + 2], "{}", style.name);
            let text = texts(&drawings[0].svg).join("; ");
            for (label, _) in QUANTITIES {
                assert!(text.contains(label), "no {label} in {text}");
            }
            drawings.iter().for_each(|drawing| assert_texts_are_clear(&drawing.svg));
            assert_ne!(drawings[0].file_stem, drawings[1].file_stem);
            let at_64 = drawings[0].values.iter().filter(|value| value.text.contains("630"));
            assert_eq!(at_64.count(), 2 * 3, "cycles queued at 64 threads");
            let places: BTreeSet<i64> =
                drawings[1].values.iter().map(|value| (value.at.0 * 100.0) as i64).collect();
            assert_eq!(places.len(), 3, "each is at its number of threads: {places:?}");
        }
    }
}
