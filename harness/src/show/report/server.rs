//! The page's table of servers.

use super::tables::{Field, Table, interval, median, workload};
use crate::analysis::server::ServerCell;
use crate::analysis::setting::Setting;
use crate::rows::Row;
use crate::rows::server::ServerRow;
use crate::show::text::throughput::mops;

/// Every cell of a server.
pub(super) fn table(trials: &[ServerRow], rows: &[Row]) -> Table {
    let names = [
        "subject",
        "pattern",
        "#depth",
        "#event loops",
        "#reads",
        "#zipf",
        "#keys",
        "#Mkeys a CPU-second",
        "#95 % interval",
        "#user us a key",
        "#system us a key",
        "#load's us a key",
        "#hit ratio",
        "#items",
        "#items a MiB",
        "#p50 service us",
        "#p99 service us",
        "#trials",
        "setting",
    ];
    let micro = |seconds: f64| format!("{:.3}", seconds * 1e6);
    let cells = ServerCell::all(trials, rows);
    let rows = cells.iter().map(|cell| {
        let load = cell.row.server.unwrap_or_default();
        let rate = cell.keys_per_cpu_sec();
        let mut fields = vec![
            Field::text(cell.row.subject()),
            Field::text(load.pattern.name()),
            Field::count(load.depth as usize),
        ];
        fields.extend(workload(&cell.row));
        fields.extend([median(rate, mops), interval(rate.and_then(|rate| rate.interval), mops)]);
        fields.extend(cell.seconds_a_key().map(|seconds| Field::maybe(seconds, micro)));
        fields.extend([
            Field::maybe(cell.hit_ratio(), |ratio| format!("{ratio:.4}")),
            Field::maybe(cell.items(), |items| format!("{items:.0}")),
            Field::maybe(cell.items_per_mib().map(|one| one.median), |items| format!("{items:.0}")),
            Field::maybe(cell.service(|trial| trial.service_p50), micro),
            Field::maybe(cell.service(|trial| trial.service_p99), micro),
            Field::count(cell.n()),
            Field::text(Setting::of(&cell.row).in_words()),
        ]);
        fields
    });
    Table::new(&names, rows.collect())
}
