//! Trials of caches as a table: a line for each cell.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use trials::parameters::in_units;

use crate::analysis::cache::CacheCell;
use crate::rows::Row;
use crate::rows::cache::CacheRow;

const HEADER: [&str; 11] = [
    "subject",
    "bytes",
    "threads",
    "zipf",
    "hit ratio",
    "closed\nform",
    "of bytes",
    "Mhits/\nCPU-s",
    "items",
    "resident\nB/item",
    "above\nbound",
];

/// A line for each cell.
#[must_use]
pub(crate) fn of_cells(trials: &[CacheRow], rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(110).set_header(HEADER);
    table.add_rows(CacheCell::all(trials, rows).iter().map(fields));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i >= 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    "Caches, median over trials; what is above the bound is the worst trial's:\n".to_owned()
        + &lines.collect::<String>()
}

fn fields(cell: &CacheCell) -> [String; HEADER.len()] {
    let shown = |number: Option<f64>, digits: usize| {
        number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
    };
    let trace = cell.row.trace.as_ref().map(|trace| trace.name.clone());
    [
        cell.row.subject(),
        in_units(cell.bytes()),
        cell.row.threads.to_string(),
        trace.unwrap_or_else(|| cell.row.zipf.to_string()),
        shown(cell.hit_ratio().map(|ratio| ratio.median), 4),
        shown(cell.closed_form(), 4),
        shown(cell.byte_hit_ratio(), 4),
        shown(cell.hits_per_cpu_sec().map(|rate| rate.median / 1e6), 2),
        shown(cell.items(), 0),
        shown(cell.bytes_per_item(), 1),
        in_units(cell.overrun()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{cached, cached_case};

    #[test]
    fn a_line_has_the_medians_and_the_worst_overrun() {
        let case = cached_case("memc3/clock", 64 << 20);
        let (rows, mut trials): (Vec<Row>, Vec<CacheRow>) = [0.5, 0.75, 0.8]
            .into_iter()
            .zip(0..)
            .map(|(hits, block)| cached(&case, block, hits))
            .unzip();
        trials[1].overrun_bytes = 4096;
        let text = of_cells(&trials, &rows);
        let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last[..6], ["memc3/clock", "64", "MiB", "1", "0.99", "0.7500"], "{text}");
        assert_eq!(last[7..], ["0.7500", "0.00", "100", "64.0", "4", "KiB"], "{text}");
    }
}
