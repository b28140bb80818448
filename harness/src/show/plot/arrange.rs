//! Which panels a picture has, and where: a matrix if every row has every column, otherwise one after
//! the other, without gaps for combinations that are not in the grid.

use std::collections::BTreeSet;

use super::panels::{Panel, Panels, Series, YAxis, place_of_name};

/// The most columns of a picture.
pub(super) const WIDEST: usize = 4;

/// The panels of these rows and columns: `panel` has none where no cell was in the grid.
pub(super) fn arranged<R, C>(
    rows: &[R],
    columns: &[C],
    panel: impl Fn(&R, &C) -> Option<Panel>,
) -> Vec<Vec<Panel>> {
    let row = |row: &R| columns.iter().map(|column| panel(row, column)).collect();
    let matrix: Vec<Vec<Option<Panel>>> = rows.iter().map(row).collect();
    let is_full = matrix.iter().flatten().all(Option::is_some);
    let is_matrix = is_full && (2..=WIDEST).contains(&columns.len());
    let panels: Vec<Panel> = matrix.into_iter().flatten().flatten().collect();
    let abreast = if is_matrix { columns.len() } else { abreast(panels.len()) };
    in_rows(panels, abreast)
}

/// The panels, so many in a row.
pub(super) fn in_rows(panels: Vec<Panel>, abreast: usize) -> Vec<Vec<Panel>> {
    let mut rows: Vec<Vec<Panel>> = Vec::new();
    for panel in panels {
        match rows.last_mut().filter(|row| row.len() < abreast) {
            Some(row) => row.push(panel),
            None => rows.push(vec![panel]),
        }
    }
    rows
}

/// How many of so many panels are side by side: few gaps, and few rows.
pub(super) fn abreast(panels: usize) -> usize {
    match panels {
        0..=3 => panels.max(1),
        4 => 2,
        7 | 8 | 10.. => WIDEST,
        _ => 3,
    }
}

/// Series of different subjects that look alike are not in one panel: schemes have one look whatever
/// their table, and so each table has a panel of its own. A list of names is of those beside which there is
/// something.
pub(super) fn untangled(mut panels: Panels) -> Panels {
    let is_sideways = panels.is_sideways();
    let (mut rows, mut y) = (Vec::new(), Vec::new());
    for (row, axis) in panels.rows.into_iter().zip(panels.y) {
        let tables: BTreeSet<String> = row.iter().flat_map(tangled).collect();
        let parts: Vec<Vec<Panel>> = if tables.is_empty() {
            vec![row]
        } else {
            let of_row =
                |table: &String| row.iter().filter_map(|panel| of_table(panel, table)).collect();
            tables.iter().map(of_row).collect()
        };
        for mut row in parts {
            y.push(if is_sideways { relisted(&mut row, axis.listed()) } else { axis.clone() });
            rows.push(row);
        }
    }
    (panels.rows, panels.y) = (rows, y);
    panels
}

/// The names beside which a row of panels has something, and moves that to their places.
fn relisted(row: &mut [Panel], names: &[String]) -> YAxis {
    let is_there = |name: &&String| {
        row.iter()
            .flat_map(|panel| &panel.series)
            .any(|one| one.name == **name && !one.points.is_empty())
    };
    let kept: Vec<String> = names.iter().filter(is_there).cloned().collect();
    let place = |names: &[String], name: &str| {
        let index = names.iter().position(|own| own == name);
        index.map(|index| place_of_name(index, names.len()) as f64)
    };
    let moved = |name: &str| Some(place(&kept, name)? - place(names, name)?);
    for panel in row.iter_mut() {
        for series in &mut panel.series {
            let by = moved(&series.name).unwrap_or_default();
            series.points.iter_mut().for_each(|point| point.y += by);
        }
        for curve in &mut panel.curves {
            let by = moved(&curve.name).unwrap_or_default();
            curve.points.iter_mut().for_each(|(_, y)| *y += by);
        }
        for segment in &mut panel.segments {
            segment.y += moved(&segment.name).unwrap_or_default();
        }
    }
    // Where nothing is measured, all are named.
    if kept.is_empty() { YAxis::names(names.to_vec()) } else { YAxis::names(kept) }
}

/// The tables of a panel in which two subjects look alike.
fn tangled(panel: &Panel) -> Vec<String> {
    let looks_like = |a: &Series, b: &Series| {
        (a.look.colour, a.look.marker, a.what) == (b.look.colour, b.look.marker, b.what)
    };
    let series = &panel.series;
    let is_tangled = series.iter().enumerate().any(|(i, one)| {
        series[..i].iter().any(|other| one.name != other.name && looks_like(one, other))
    });
    let tables = series.iter().filter_map(|one| Some(one.name.split_once('/')?.0.to_owned()));
    if is_tangled { tables.collect() } else { Vec::new() }
}

/// What a panel has of one table, and of those that have no scheme.
fn of_table(panel: &Panel, table: &str) -> Option<Panel> {
    let table_of = |name: &str| name.split_once('/').map(|(table, _)| table.to_owned());
    let is_own = |name: &str| table_of(name).is_none_or(|own| own == table);
    let mut own = panel.clone();
    own.series.retain(|one| is_own(&one.name));
    own.curves.retain(|one| is_own(&one.name));
    own.segments.retain(|one| is_own(&one.name));
    own.title.insert(0, table.to_owned());
    own.series.iter().any(|one| one.name.contains('/')).then_some(own)
}

/// What the titles of all panels say is said once, in the caption.
pub(super) fn without_common_titles(mut panels: Panels) -> Panels {
    let titles: Vec<&Vec<String>> =
        panels.rows.iter().flatten().map(|panel| &panel.title).collect();
    let [first, rest @ ..] = titles.as_slice() else { return panels };
    let is_common = |part: &&String| rest.iter().all(|title| title.contains(part));
    let common: Vec<String> = first.iter().filter(is_common).cloned().collect();
    if rest.is_empty() || common.is_empty() {
        return panels;
    }
    for panel in panels.rows.iter_mut().flatten() {
        panel.title.retain(|part| !common.contains(part));
    }
    panels.caption.push(format!("In all panels: {}.", common.join(", ")));
    panels
}
