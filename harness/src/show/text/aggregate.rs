//! Aggregations as a table: a line for each cell and way.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::analysis::aggregate::AggregateCell;
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;

/// A line for each cell and way.
#[must_use]
pub(crate) fn of_cells(counts: &[AggregateRow], trials: &[Row]) -> String {
    let header = [
        "way",
        "table",
        "threads",
        "zipf",
        "distinct",
        "Mwords/s",
        "95 % interval",
        "times one\nthread",
        "trials",
    ];
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(100).set_header(header);
    table.add_rows(AggregateCell::all(counts, trials).iter().map(fields));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i >= 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    "Words counted, median over trials:\n".to_owned() + &lines.collect::<String>()
}

fn fields(cell: &AggregateCell) -> [String; 9] {
    let shown = |number: Option<f64>| number.map_or("-".to_owned(), |n| format!("{n:.2}"));
    let (rate, speed_up) = (cell.words_per_sec(), cell.speed_up());
    let interval = rate.and_then(|rate| rate.interval);
    let ends = |(low, high): (f64, f64)| format!("{:.2}–{:.2}", low / 1e6, high / 1e6);
    [
        cell.at.to_string(),
        cell.table(),
        cell.row.threads.to_string(),
        cell.row.zipf.to_string(),
        cell.distinct().map_or("-".to_owned(), |distinct| distinct.to_string()),
        shown(rate.map(|rate| rate.median / 1e6)),
        interval.map_or("-".to_owned(), ends),
        shown(speed_up.map(|speed_up| speed_up.median)),
        cell.n().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use trials::aggregate::Way;

    use super::*;
    use crate::test_rows::{counted, trial};

    #[test]
    fn a_line_has_the_way_and_the_median_rate() {
        let counts = [counted(Way::Shared, 0, 1.0), counted(Way::Merged, 0, 0.5)];
        let mut row = trial("papaya", 1, 0, 1.0);
        row.case.clone_from(&counts[0].case);
        let text = of_cells(&counts, &[row]);
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        let starts = lines.iter().map(|line| line.first().copied());
        assert!(starts.clone().any(|way| way == Some("shared")), "{text}");
        let merged = lines.iter().find(|line| line.first() == Some(&"merged")).unwrap();
        assert_eq!((merged[1], merged[4], merged[5]), ("-", "64", "2.00"), "{text}");
    }
}
