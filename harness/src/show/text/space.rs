//! Space trials as a table: a line for each cell and step.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::latency::duration;
use crate::analysis::space::SpaceCell;
use crate::rows::Row;
use crate::rows::space::SpaceRow;

/// A line for each cell and step.
#[must_use]
pub(crate) fn of_cells(fills: &[SpaceRow], trials: &[Row]) -> String {
    let header = [
        "subject",
        "at",
        "keys",
        "load",
        "bytes/\nentry",
        "longest\nchain",
        "moves/\ninsert",
        "most\nmoves",
        "build",
        "Mgets/s",
        "trials",
    ];
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(100).set_header(header);
    table.add_rows(SpaceCell::all(fills, trials).iter().map(fields));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i == 0 {
            // Where names of variants are long.
            column.set_delimiter(':');
        }
        if i >= 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    "Space by load, median over trials; the longest chain and the most moves are the worst trial's:\n"
        .to_owned()
        + &lines.collect::<String>()
}

fn fields(cell: &SpaceCell) -> [String; 11] {
    let count = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let real = |number: Option<f64>, digits: usize| {
        number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
    };
    [
        cell.row.subject(),
        cell.step(),
        cell.row.keys.to_string(),
        real(cell.load(), 4),
        real(cell.bytes_per_entry(), 1),
        count(cell.longest_chain()),
        real(cell.moves_per_insert(), 3),
        count(cell.max_moves()),
        cell.build_seconds().map_or("-".to_owned(), |build| duration(build.median)),
        real(cell.gets_per_sec().map(|rate| rate.median / 1e6), 2),
        cell.n().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{filled, trial};

    #[test]
    fn a_line_has_medians_and_the_worst_trial() {
        let fills = [filled(0, 50, 20, 1.0), filled(1, 80, 40, 3.0), filled(2, 60, 30, 2.0)];
        let mut row = trial("papaya", 1, 0, 1.0);
        row.case.clone_from(&fills[0][0].case);
        let text = of_cells(&fills.concat(), std::slice::from_ref(&row));
        let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last[..2], ["papaya", "keys"]);
        assert_eq!(last[3..8], ["0.6000", "26.7", "20", "3.000", "40"], "{text}");
    }
}
