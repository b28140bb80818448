//! What the documentation says, read from it.

use super::hooked::Place;

const DOCUMENTATION: &str = include_str!("../../src/map/mod.rs");

/// What may be done with the table from some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Works,
    Reads,
    Panics,
    /// No user code is run there.
    Never,
}

/// The cells of the table's rows, the first of which is the header.
fn rows() -> Vec<Vec<&'static str>> {
    let lines = DOCUMENTATION.lines().skip_while(|line| !line.starts_with("//! | from within"));
    let rows = lines.map_while(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(str::trim).collect()).collect()
}

fn named(cell: &str) -> &str {
    cell.trim_matches(['[', ']', '`'])
}

/// What is documented of `table` and `place`.
pub fn answer(table: &str, place: Place) -> Answer {
    let rows = rows();
    let column = rows[0].iter().position(|cell| cell.contains(place.name()));
    let row = rows.iter().find(|row| named(row[0]) == table);
    let cell = row.expect("a row for the table")[column.expect("a column for the place")];
    match cell {
        "works" => Answer::Works,
        "reads" => Answer::Reads,
        "panics" => Answer::Panics,
        "–" => Answer::Never,
        other => panic!("not an answer: {other}"),
    }
}

/// Each table of the crate has a row, and each row an answer for each place.
pub fn is_complete() {
    let tables: Vec<&str> = rows().iter().skip(2).map(|row| named(row[0])).collect();
    assert_eq!(tables.len(), 14, "rows: {tables:?}");
    for table in tables {
        Place::ALL.iter().for_each(|place| _ = answer(table, *place));
    }
}
