//! The page's tables, whose numbers are sorted by their exact values.

use std::collections::BTreeMap;

use crate::analysis::aggregate::AggregateCell;
use crate::analysis::compare::words::{factor, p_value};
use crate::analysis::compare::{Judged, Workload};
use crate::analysis::latency::LatencyCell;
use crate::analysis::setting::Setting;
use crate::analysis::space::SpaceCell;
use crate::analysis::throughput::{Metric, summarise};
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::latency::{LatencyTrial, Time};
use crate::rows::space::SpaceRow;
use crate::show::text::comparison::{Mode, Report};
use crate::show::text::latency::duration;
use crate::show::text::throughput::mops;

/// Rows of cells under headings.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What is left out since it is the same in every row.
    pub(super) common: String,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    /// What it is sorted by, if not the text.
    pub(super) value: Option<f64>,
    pub(super) class: &'static str,
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), value: None, class: "" }
    }

    fn number(value: f64, shown: impl Into<String>) -> Self {
        Self { text: shown.into(), value: Some(value), class: "number" }
    }

    fn count(value: usize) -> Self {
        Self::number(value as f64, value.to_string())
    }

    /// Absent is not zero.
    fn maybe(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        value.map_or(Self { text: "–".to_owned(), value: None, class: "number" }, |value| {
            Self::number(value, show(value))
        })
    }
}

/// Columns of text, then of numbers are marked by a leading `#`.
fn columns(names: &[&'static str]) -> Vec<Column> {
    let column = |name: &&'static str| match name.strip_prefix('#') {
        Some(name) => Column { name, is_number: true },
        None => Column { name, is_number: false },
    };
    names.iter().map(column).collect()
}

/// Threads, reads, skew and keys.
fn workload(row: &Row) -> [Cell; 4] {
    [
        Cell::count(row.threads),
        Cell::number(row.mix.reads, format!("{} %", row.mix.reads)),
        Cell::number(row.zipf, row.zipf.to_string()),
        Cell::number(row.keys as f64, row.keys.to_string()),
    ]
}

/// Everything else that rows may differ in.
fn setting(row: &Row) -> Cell {
    Cell::text(Setting::of(row).in_words())
}

/// The ends of an interval, sorted by the lower one.
fn interval(ends: Option<(f64, f64)>, show: impl Fn(f64) -> String) -> Cell {
    match ends {
        Some((low, high)) => Cell::number(low, format!("{}–{}", show(low), show(high))),
        None => Cell::maybe(None, show),
    }
}

/// Columns that say the same in every row, and need not be shown in each.
const MAY_BE_COMMON: [&str; 7] =
    ["noise floor", "baseline", "threads", "reads", "zipf", "keys", "setting"];

impl Table {
    /// With what all rows have in common said once.
    fn new(names: &[&'static str], mut rows: Vec<Vec<Cell>>) -> Self {
        let mut columns = columns(names);
        let mut common = Vec::new();
        for i in (0..columns.len()).rev() {
            let may = MAY_BE_COMMON.contains(&columns[i].name) && rows.len() > 1;
            if may && rows.iter().all(|row| row[i].text == rows[0][i].text) {
                let name = columns.remove(i).name;
                let cells: Vec<Cell> = rows.iter_mut().map(|row| row.remove(i)).collect();
                common.extend(cells.first().map(|cell| format!("{name} {}", cell.text)));
            }
        }
        common.reverse();
        Self { columns, rows, common: common.join(", ") }
    }
}

/// Every comparison.
pub(super) fn comparisons(report: &Report<'_>) -> Table {
    let rate = match report.mode {
        Mode::Subjects(_) => "#baseline's Mops/s",
        Mode::Runs { .. } => "#Mops/s before",
    };
    let names = [
        "subject",
        "baseline",
        "#threads",
        "#reads",
        "#zipf",
        "#keys",
        rate,
        "#Mops/s",
        "#ratio",
        "#95 % interval",
        "#trials",
        "#p",
        "#noise floor",
        "verdict",
        "setting",
    ];
    Table::new(&names, report.judged.iter().map(comparison).collect())
}

fn comparison(judged: &Judged<'_>) -> Vec<Cell> {
    let (ours, theirs) = (judged.ours, judged.theirs);
    let trials = judged.pairs.unwrap_or(ours.trials.len());
    let class = match judged.verdict {
        crate::analysis::compare::Verdict::Faster => "faster",
        crate::analysis::compare::Verdict::Slower => "slower",
        crate::analysis::compare::Verdict::NoDifferenceShown => "",
    };
    let mut cells = vec![Cell::text(&ours.subject), Cell::text(&theirs.subject)];
    cells.extend(workload(&ours.row));
    cells.extend([
        Cell::number(theirs.median(), mops(theirs.median())),
        Cell::number(ours.median(), mops(ours.median())),
        Cell::number(judged.ratio.centre, factor(judged.ratio.centre)),
        interval(judged.ratio.interval, factor),
        Cell::count(trials),
        Cell::number(judged.adjusted, p_value(judged.adjusted)),
        Cell {
            text: judged.floor.map_or_else(|| "unknown".to_owned(), factor),
            ..Cell::maybe(judged.floor, factor)
        },
        Cell { class, ..Cell::text(judged.verdict.to_string()) },
        setting(&ours.row),
    ]);
    cells
}

/// The rate of every cell.
pub(super) fn throughput(rows: &[Row], metric: Metric) -> Table {
    let names = [
        "subject",
        "#threads",
        "#reads",
        "#zipf",
        "#keys",
        "#Mops/s",
        "#95 % interval",
        "#Mops per CPU-s",
        "#trials",
        "#invalid",
        "setting",
    ];
    let cpu_rates: BTreeMap<String, Option<f64>> = summarise(rows, Metric::CpuRate)
        .into_iter()
        .map(|cell| (cell.row.case.clone(), cell.median))
        .collect();
    let mut cells = summarise(rows, metric);
    cells.sort_by_cached_key(|cell| (Workload::of(&cell.row), cell.subject.clone()));
    let rows = cells
        .iter()
        .map(|cell| {
            let mut cells = vec![Cell::text(&cell.subject)];
            cells.extend(workload(&cell.row));
            cells.extend([
                Cell::maybe(cell.median, mops),
                interval(cell.interval, mops),
                Cell::maybe(cpu_rates[&cell.row.case], mops),
                Cell::count(cell.n),
                Cell::count(cell.invalid),
                setting(&cell.row),
            ]);
            cells
        })
        .collect();
    Table::new(&names, rows)
}

/// Response times of every cell at every rate, controls too; of service times only what shows the
/// difference.
pub(super) fn latency(trials: &[LatencyTrial]) -> Table {
    let names = [
        "subject",
        "#threads",
        "#reads",
        "#zipf",
        "#keys",
        "#rate/s",
        "#p50",
        "#p99",
        "#95 % interval",
        "#p99.9",
        "#max",
        "#service p50",
        "#service p99.9",
        "#trials",
        "#saturated",
        "#invalid",
        "setting",
    ];
    let mut cells = LatencyCell::all(trials);
    cells.sort_by_cached_key(|cell| {
        (Workload::of(&cell.row), cell.rate.to_bits(), cell.row.subject())
    });
    let rows = cells
        .iter()
        .map(|cell| {
            let time = |time, q| Cell::maybe(cell.median(time, q), duration);
            let p99 = cell.quantile(Time::Response, 0.99).and_then(|quantile| quantile.interval);
            let mut cells = vec![Cell::text(cell.row.subject())];
            cells.extend(workload(&cell.row));
            cells.extend([
                Cell::number(cell.rate, cell.rate.to_string()),
                time(Time::Response, 0.5),
                time(Time::Response, 0.99),
                interval(p99, duration),
                time(Time::Response, 0.999),
                time(Time::Response, 1.0),
                time(Time::Service, 0.5),
                time(Time::Service, 0.999),
                Cell::count(cell.n()),
                Cell::count(cell.saturated),
                Cell::count(cell.invalid),
                setting(&cell.row),
            ]);
            cells
        })
        .collect();
    Table::new(&names, rows)
}

/// Every table at every step of its fills.
pub(super) fn space(fills: &[SpaceRow], trials: &[Row]) -> Table {
    let names = [
        "subject",
        "at",
        "#keys",
        "#load",
        "#bytes an entry",
        "#longest chain",
        "#moves an insert",
        "#most moves",
        "#build",
        "#95 % interval",
        "#Mgets/s",
        "#their 95 % interval",
        "#trials",
        "#invalid",
        "setting",
    ];
    let count = |number: Option<u64>| {
        Cell::maybe(number.map(|number| number as f64), |number| number.to_string())
    };
    let cells = SpaceCell::all(fills, trials);
    let rows = cells.iter().map(|cell| {
        vec![
            Cell::text(cell.row.subject()),
            Cell::text(cell.step()),
            Cell::number(cell.row.keys as f64, cell.row.keys.to_string()),
            Cell::maybe(cell.load, |load| format!("{load:.4}")),
            Cell::maybe(cell.bytes_per_entry, |bytes| format!("{bytes:.1}")),
            count(cell.longest_chain),
            Cell::maybe(cell.moves_per_insert, |moves| format!("{moves:.3}")),
            count(cell.max_moves),
            Cell::maybe(cell.build_seconds, duration),
            interval(cell.build_interval, duration),
            Cell::maybe(cell.gets_per_sec, mops),
            interval(cell.gets_interval, mops),
            Cell::count(cell.n),
            Cell::count(cell.invalid),
            setting(&cell.row),
        ]
    });
    Table::new(&names, rows.collect())
}

/// Every cell by every way to count words.
pub(super) fn aggregate(counts: &[AggregateRow], trials: &[Row]) -> Table {
    let names = [
        "way",
        "table",
        "#threads",
        "#zipf",
        "#distinct",
        "#Mwords/s",
        "#95 % interval",
        "#times one thread",
        "#its 95 % interval",
        "#trials",
        "#invalid",
    ];
    let ratio = |ratio: f64| format!("{ratio:.2}");
    let cells = AggregateCell::all(counts, trials);
    let rows = cells.iter().map(|cell| {
        let distinct = cell.distinct.map(|words| words as f64);
        vec![
            Cell::text(cell.way.name()),
            Cell::text(cell.table()),
            Cell::count(cell.row.threads),
            Cell::number(cell.row.zipf, cell.row.zipf.to_string()),
            Cell::maybe(distinct, |words| words.to_string()),
            Cell::maybe(cell.words_per_sec.0, mops),
            interval(cell.words_per_sec.1, mops),
            Cell::maybe(cell.speed_up.0, ratio),
            interval(cell.speed_up.1, ratio),
            Cell::count(cell.n),
            Cell::count(cell.invalid),
        ]
    });
    Table::new(&names, rows.collect())
}

/// How many trials each kind of noise disturbed, and how much at most.
pub(super) fn noise(rows: &[Row]) -> Table {
    let mut kinds: BTreeMap<&str, (usize, Option<f64>)> = BTreeMap::new();
    for part in rows.iter().flat_map(|row| row.noise.split("; ")).filter(|part| !part.is_empty()) {
        let (kind, share) = kind_of(part);
        let (trials, most) = kinds.entry(kind).or_default();
        *trials += 1;
        *most = share.into_iter().chain(*most).reduce(f64::max);
    }
    let rows = kinds
        .into_iter()
        .map(|(kind, (trials, most))| {
            let most = Cell::maybe(most, |share| format!("{share:.1} %"));
            vec![Cell::text(kind), Cell::count(trials), most]
        })
        .collect();
    Table::new(&["noise", "#trials", "#at most"], rows)
}

/// `run delay 4.1 %` is a kind and a share; `quiet` has none.
fn kind_of(part: &str) -> (&str, Option<f64>) {
    let share = part.strip_suffix(" %").and_then(|text| text.rsplit_once(' '));
    match share.and_then(|(kind, share)| Some((kind, share.parse().ok()?))) {
        Some((kind, share)) => (kind, Some(share)),
        None => (part, None),
    }
}
