//! Trials of caches as a table: a line for each cell.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use trials::parameters::in_units;

use super::columns::Telling;
use crate::analysis::cache::CacheCell;
use crate::rows::Row;
use crate::rows::cache::CacheRow;

/// What says which cell it is, and the parameters that it says.
const CELL: [&str; 4] = ["subject", "bytes", "threads", "zipf"];
const SAID: [&str; 8] =
    ["structure", "reclaimer", "twin", "cache_bytes", "threads", "zipf", "trace", "distribution"];

/// What was measured.
const MEASURED: [&str; 7] = [
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
    let cells = CacheCell::all(trials, rows);
    let telling = Telling::apart(cells.iter().map(|cell| &cell.row), &SAID);
    let header = CELL.into_iter().map(str::to_owned).chain(telling.names());
    // A column more makes no other narrower.
    table.set_width(110 + 10 * telling.names().count() as u16);
    table.set_header(header.chain(MEASURED.into_iter().map(str::to_owned)));
    table.add_rows(cells.iter().map(|cell| {
        which(cell).into_iter().chain(telling.values(&cell.row)).chain(measured(cell))
    }));
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

fn which(cell: &CacheCell) -> [String; CELL.len()] {
    let trace = cell.row.trace.as_ref().map(|trace| trace.name.clone());
    [
        cell.row.subject(),
        in_units(cell.bytes()),
        cell.row.threads.to_string(),
        trace.unwrap_or_else(|| cell.row.zipf.to_string()),
    ]
}

fn measured(cell: &CacheCell) -> [String; MEASURED.len()] {
    let shown = |number: Option<f64>, digits: usize| {
        number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
    };
    [
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
    use trials::parameters::parameter;

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

    /// Cells that are alike but for one parameter, whichever it is, are told apart by a column of its name.
    #[test]
    fn what_differs_has_a_column() {
        let parameters = [
            ("fault", "none", "stalled-reader"),
            ("reads", "100", "95"),
            ("value_bytes", "32", "1024"),
            ("keys", "1000", "2000"),
            ("hash_seed", "1", "2"),
        ];
        for (name, one, other) in parameters {
            let of = |value: &str| {
                let mut case = cached_case("memc3/clock", 1 << 20);
                assert!((parameter(name).set)(&mut case, value).is_some());
                if name == "reads" {
                    case.mix.upserts = 100.0 - case.mix.reads;
                }
                cached(&case, 0, 0.5)
            };
            let (rows, trials): (Vec<Row>, Vec<CacheRow>) =
                [of(one), of(other)].into_iter().unzip();
            let text = of_cells(&trials, &rows);
            // The header's first line has the first word of a name.
            let word = name.split('_').next().unwrap();
            let has = |text: &str, word: &str| {
                text.lines().nth(1).unwrap().split_whitespace().any(|found| found == word)
            };
            assert!(has(&text, word), "{name}: {text}");
            assert!(!has(&text, "upserts"), "reads say it: {text}");
            for value in [one, other] {
                let cells = text.lines().filter(|line| line.starts_with("memc3/clock"));
                let says = |line: &&str| line.split_whitespace().nth(5) == Some(value);
                assert_eq!(cells.filter(says).count(), 1, "{name} {value}: {text}");
            }
            let text = of_cells(&trials[..1], &rows[..1]);
            assert!(!has(&text, word), "nothing differs: {text}");
        }
    }
}
