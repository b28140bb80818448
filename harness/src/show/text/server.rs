//! Trials of servers as a table: a line for each cell.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::columns::Telling;
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

/// Columns before those of what varies.
const FIRST: usize = 4;

/// The parameters that the columns say.
const SAID: [&str; 4] = ["pattern", "depth", "transport", "threads"];

/// A line for each cell, with what else the cells differ in.
#[must_use]
pub(crate) fn of_cells(trials: &[ServerRow], rows: &[Row]) -> String {
    let cells = ServerCell::all(trials, rows);
    let telling = Telling::apart(cells.iter().map(|cell| &cell.row), &SAID);
    let names: Vec<String> = telling.names().collect();
    let header = HEADER.map(str::to_owned);
    let lines = cells.iter().map(|cell| {
        let values: Vec<String> = telling.values(&cell.row).collect();
        with(&fields(cell), &values)
    });
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // A column more makes no other narrower.
    table.set_width(110 + 10 * names.len() as u16).set_header(with(&header, &names));
    table.add_rows(lines);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i >= 3 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    "Servers in a closed loop, medians over trials. CPU time is the server's but for the load's; p99 is of service times:\n"
        .to_owned()
        + &lines.collect::<String>()
}

/// A line with what tells it from others in its place.
fn with(line: &[String; HEADER.len()], telling: &[String]) -> Vec<String> {
    [&line[..FIRST], telling, &line[FIRST..]].concat()
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
    use trials::server::ServerLoad;

    use super::*;
    use crate::case::Case;
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
        assert!(!text.contains("reads") && !text.contains("mib"), "{text}");
    }

    /// A column, its values before and after, and what makes the difference.
    type Change = (&'static str, [&'static str; 2], fn(&mut Case));

    /// A case twice, alike but for one parameter.
    #[test]
    fn what_varies_has_a_column() {
        let changes: [Change; 6] = [
            ("reads", ["100", "50"], |case| {
                (case.mix.reads, case.mix.upserts) = (50.0, 50.0);
            }),
            ("zipf", ["0.99", "0"], |case| case.zipf = 0.0),
            ("keys", ["65536", "7"], |case| case.keys = 7),
            ("connections", ["16", "3"], |case| load(case).connections = 3),
            ("mib", ["64", "9"], |case| load(case).mib = 9),
            ("aside", ["false", "true"], |case| load(case).look_aside = true),
        ];
        for (name, values, change) in changes {
            let case = served_case("memc3/clock", 16);
            let mut other = case.clone();
            change(&mut other);
            let both = [case, other].map(|case| served(&case, 0, 1.0));
            let (rows, trials): (Vec<Row>, Vec<ServerRow>) = both.into_iter().unzip();
            let text = of_cells(&trials, &rows);
            let headings = text.split_whitespace().filter(|word| *word == name);
            assert_eq!(headings.count(), 1, "{name}: {text}");
            // After the subject, how and over what it is asked, and its event loops.
            let of = |line: &str| line.split_whitespace().nth(6).map(str::to_owned);
            let mut found: Vec<String> =
                text.lines().filter(|line| line.starts_with("memc3")).filter_map(of).collect();
            let mut expected: Vec<&str> = values.to_vec();
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }

    /// Of each subject the reader is told what it had, though its name tells it from the others.
    #[test]
    fn what_differs_along_with_the_subject_has_a_column() {
        let of = |name: &str, mib| {
            let mut case = served_case(name, 1);
            load(&mut case).mib = mib;
            served(&case, 0, 1.0)
        };
        let (rows, trials): (Vec<Row>, Vec<ServerRow>) =
            [of("memc3/clock", 64), of("memcached", 128)].into_iter().unzip();
        let text = of_cells(&trials, &rows);
        let says = |name: &str, mib: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
            line.split_whitespace().nth(6) == Some(mib)
        };
        assert!(text.split_whitespace().any(|word| word == "mib"), "{text}");
        assert!(says("memc3/clock", "64") && says("memcached", "128"), "{text}");
    }

    fn load(case: &mut Case) -> &mut ServerLoad {
        case.server.as_mut().expect("it is of a server")
    }
}
