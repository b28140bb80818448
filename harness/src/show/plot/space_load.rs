//! What entries take by load: bytes, moves and lookups, one row of panels each.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Results;
use super::by_setting::by_setting;
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::style::{Look, looks};
use crate::analysis::setting::{Group, split};
use crate::analysis::space::SpaceCell;
use crate::rows::Row;

const NAME: &str = "space-load";

/// A row of panels: its axis, and what it has of a cell, with its interval.
type Plotted = (&'static str, fn(&SpaceCell) -> Option<(f64, Option<(f64, f64)>)>);

const QUANTITIES: [Plotted; 3] = [
    ("bytes an entry", |cell| Some((cell.bytes_per_entry()?, None))),
    ("moves an insertion", |cell| Some((cell.moves_per_insert()?, None))),
    ("lookups, Mops/s", |cell| Some(cell.gets_per_sec()?.in_units_of(1e6))),
];

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    cells(results).is_empty().then_some(
        "there is no valid space trial of a table that tells its capacity: the experiment file \
         needs `[space]`",
    )
}

/// What can be drawn: tables at a load, no controls.
fn cells(results: &Results<'_>) -> Vec<SpaceCell> {
    let mut cells = SpaceCell::all(results.space, results.rows);
    cells.retain(|cell| cell.load().is_some() && !cell.row.is_control());
    cells
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let cells = cells(results);
    let rows: Vec<Row> = cells.iter().map(|cell| cell.row.clone()).collect();
    let looks = looks(results.rows);
    Ok(by_setting(NAME, &split(&rows), (&rows, &cells), |group, cells| {
        panels(group, cells, &looks)
    }))
}

fn panels(group: &Group, cells: Vec<&SpaceCell>, looks: &BTreeMap<String, Look>) -> Panels {
    let mut subjects: BTreeMap<String, Vec<&SpaceCell>> = BTreeMap::new();
    cells.iter().for_each(|cell| subjects.entry(cell.row.subject()).or_default().push(cell));
    let panel = |(label, of): &Plotted| {
        let series = subjects.iter().map(|(name, steps)| {
            let points = steps.iter().filter_map(|cell| {
                let (y, interval) = of(cell)?;
                Some(Point { x: cell.load()?, y, interval, ..Point::default() })
            });
            let (look, mut points) = (looks[name].solid(), points.collect::<Vec<_>>());
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series::new(name, look, points)
        });
        let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
        (!series.is_empty())
            .then(|| (YAxis::linear(label), vec![Panel { series, ..Panel::default() }]))
    };
    let (y, rows) = QUANTITIES.iter().filter_map(panel).unzip();
    let trials = cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
    let legend = subjects.keys().map(|name| (Key::Subject(looks[name].solid()), name.clone()));
    let legend = legend.collect();
    let caption = vec![format!(
        "One thread fills tables that were made for {} keys. Medians of up to {trials} trials. Moves are those of the insertions since the \
         point before. The last point is the last load before the first growth. Tables that do not \
         tell their capacity have no load. The x axis begins where the data do.",
        group.rows[0].keys
    )];
    Panels {
        rows,
        y,
        x: XAxis::Span,
        lines: Lines::Marked(1),
        shade_from: None,
        x_label: "load (entries over capacity)".to_owned(),
        legend,
        heading: String::new(),
        height: None,
        caption,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::space::SpaceRow;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, texts};
    use crate::test_rows::{case, trial};
    use trials::space::{At, Filled, LoadPoint};

    /// Fills of two tables, of which only the first tells moves, at three loads.
    fn fills() -> (Vec<SpaceRow>, Vec<Row>) {
        let (mut fills, mut rows) = (Vec::new(), Vec::new());
        for (structure, moves) in [("cuckoo-striped", Some(30)), ("chaining-bucket-lock", None)] {
            let case = case(structure, "none", 1, 95.0, 0.99, 65_536);
            let step = |(at, entries)| LoadPoint {
                at,
                asked: None,
                entries,
                capacity: Some(100),
                bytes: Some(2_000),
                longest_chain: None,
                inserts: 10,
                moves,
                max_moves: moves,
                capacity_after: None,
                bytes_after: None,
                gets_per_sec: (at != At::Growth).then_some(7e6),
            };
            let steps = [(At::Load, 50), (At::Keys, 80), (At::Growth, 96)].map(step).to_vec();
            let looked = Filled { steps, ..Filled::default() };
            let answers = [Filled::default(), looked.clone(), looked];
            for block in 0..3 {
                fills.extend(SpaceRow::of_trial(&case, 1, (block, 0), &answers));
            }
            let row = trial(structure, 1, 0, 5e6);
            rows.push(Row { case: case.id(), ..row });
        }
        (fills, rows)
    }

    #[test]
    fn a_panel_for_each_quantity_that_is_known() {
        let (mut fills, rows) = fills();
        for style in STYLES {
            let results = Results { rows: &rows, space: &fills, cpus: 2, ..Results::default() };
            let drawings =
                crate::show::plot::tests::drawn(pictures, &results, style).expect("fills to draw");
            let [drawing] = drawings.as_slice() else { panic!("{}", drawings.len()) };
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            for part in ["bytes an entry", "moves an insertion", "lookups, Mops/s"] {
                assert!(text.contains(part), "{}: no {part} in {text}", style.name);
            }
            assert!(drawing.caption[0].contains("made for 65536 keys"));
            let shown = texts(&drawing.svg);
            assert!(
                shown.contains(&"0.5".to_owned()) && !shown.contains(&"0.4".to_owned()),
                "{shown:?}"
            );
            // Bytes of two tables at three loads, moves of one, lookups of two at two loads.
            assert_eq!(drawing.values.len(), 6 + 3 + 4, "{}", style.name);
        }
        fills.iter_mut().for_each(|fill| fill.moves_per_insert = None);
        let results = Results { rows: &rows, space: &fills, cpus: 2, ..Results::default() };
        let drawing = crate::show::plot::tests::drawn(pictures, &results, &STYLES[0])
            .expect("fills to draw")
            .remove(0);
        assert!(!texts(&drawing.svg).join("; ").contains("moves an insertion"), "nobody moves");
    }

    #[test]
    fn what_has_no_load_is_not_drawn() {
        let (mut fills, rows) = fills();
        let lacks = |space: &[SpaceRow]| {
            super::lacks(&Results { rows: &rows, space, cpus: 2, ..Results::default() })
        };
        assert_eq!(lacks(&fills), None);
        assert!(lacks(&[]).is_some_and(|what| what.contains("[space]")));
        fills.iter_mut().for_each(|fill| fill.load = None);
        assert!(lacks(&fills).is_some());
    }
}
