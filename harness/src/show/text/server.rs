//! Trials of servers as a table: a line for each cell.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::analysis::server::ServerCell;
use crate::rows::Row;
use crate::rows::server::ServerRow;

const HEADER: [&str; 11] = [
    "subject",
    "asked by",
    "over",
    "event\nloops",
    "user\nus/key",
    "system\nus/key",
    "load's\nus/key",
    "Mkeys/\nCPU-s",
    "hit\nratio",
    "items/\nMiB",
    "p99\nus",
];

/// A line for each cell.
#[must_use]
pub(crate) fn of_cells(trials: &[ServerRow], rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(110).set_header(HEADER);
    table.add_rows(ServerCell::all(trials, rows).iter().map(fields));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i >= 3 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    "Servers, median over trials in a closed loop. CPU time is the server's; the load's has a column of its own:\n"
        .to_owned()
        + &lines.collect::<String>()
}

fn fields(cell: &ServerCell) -> [String; HEADER.len()] {
    let shown = |number: Option<f64>, digits: usize| {
        number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
    };
    let load = cell.row.server.unwrap_or_default();
    let [user, system, client] =
        cell.seconds_a_key().map(|seconds| shown(seconds.map(|seconds| seconds * 1e6), 3));
    [
        cell.row.subject(),
        format!("{} x {}", load.pattern, load.depth),
        load.transport.to_string(),
        cell.row.threads.to_string(),
        user,
        system,
        client,
        shown(cell.keys_per_cpu_sec().map(|rate| rate.median / 1e6), 3),
        shown(cell.hit_ratio(), 4),
        shown(cell.items_per_mib().map(|items| items.median), 0),
        shown(cell.service(|trial| trial.service_p99).map(|seconds| seconds * 1e6), 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{served, served_case};

    #[test]
    fn a_line_has_the_medians() {
        let case = served_case("memc3/clock", 16);
        let (rows, trials): (Vec<Row>, Vec<ServerRow>) = [1.0, 2.0, 4.0]
            .into_iter()
            .zip(0..)
            .map(|(cpu, block)| served(&case, block, cpu))
            .unzip();
        let text = of_cells(&trials, &rows);
        let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        let expected = [
            "memc3/clock",
            "get",
            "x",
            "16",
            "tcp",
            "1",
            "0.500",
            "1.500",
            "2.000",
            "0.500",
            "0.9000",
            "1000",
            "250",
        ];
        assert_eq!(last, expected, "{text}");
    }
}
