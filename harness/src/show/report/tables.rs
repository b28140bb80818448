//! The page's tables, whose numbers are sorted by their exact values.

use std::collections::BTreeMap;

use crate::analysis::aggregate::AggregateCell;
use crate::analysis::cache::CacheCell;
use crate::analysis::cell::Estimate;
use crate::analysis::compare::words::{factor, p_value};
use crate::analysis::compare::{Judged, Workload};
use crate::analysis::latency::LatencyCell;
use crate::analysis::setting::Setting;
use crate::analysis::space::SpaceCell;
use crate::analysis::throughput::{Rate, summarise};
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::{LatencyTrial, Time};
use crate::rows::space::SpaceRow;
use crate::show::text::comparison::{Mode, Report};
use crate::show::text::latency::duration;
use crate::show::text::throughput::mops;
use trials::mix::percentage;
use trials::parameters::in_units;

/// Rows of cells under headings.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Field>>,
    /// What is left out since it is the same in every row.
    pub(super) common: String,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) text: String,
    /// What it is sorted by, if not the text.
    pub(super) value: Option<f64>,
    pub(super) class: &'static str,
}

impl Field {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), value: None, class: "" }
    }

    pub(super) fn number(value: f64, shown: impl Into<String>) -> Self {
        Self { text: shown.into(), value: Some(value), class: "number" }
    }

    pub(super) fn count(value: usize) -> Self {
        Self::number(value as f64, value.to_string())
    }

    /// Absent is not zero.
    pub(super) fn maybe(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
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
pub(super) fn workload(row: &Row) -> [Field; 4] {
    [
        Field::count(row.threads),
        Field::number(row.mix.reads, format!("{} %", percentage(row.mix.reads))),
        Field::number(row.zipf, row.zipf.to_string()),
        Field::number(row.keys as f64, row.keys.to_string()),
    ]
}

/// Everything else that rows may differ in.
fn setting(row: &Row) -> Field {
    Field::text(Setting::of(row).in_words())
}

/// A median, or that there is none.
pub(super) fn median(estimate: Option<Estimate>, show: impl Fn(f64) -> String) -> Field {
    Field::maybe(estimate.map(|estimate| estimate.median), show)
}

/// The ends of an interval, sorted by the lower one.
pub(super) fn interval(ends: Option<(f64, f64)>, show: impl Fn(f64) -> String) -> Field {
    match ends {
        Some((low, high)) => Field::number(low, format!("{}–{}", show(low), show(high))),
        None => Field::maybe(None, show),
    }
}

/// Columns that say the same in every row, and need not be shown in each.
const MAY_BE_COMMON: [&str; 9] = [
    "noise floor",
    "baseline",
    "machine",
    "threads",
    "reads",
    "zipf",
    "keys",
    "work from",
    "setting",
];

impl Table {
    /// With what all rows have in common said once.
    pub(super) fn new(names: &[&'static str], mut rows: Vec<Vec<Field>>) -> Self {
        let mut columns = columns(names);
        let mut common = Vec::new();
        for i in (0..columns.len()).rev() {
            let may = MAY_BE_COMMON.contains(&columns[i].name) && rows.len() > 1;
            if may && rows.iter().all(|row| row[i].text == rows[0][i].text) {
                let name = columns.remove(i).name;
                let cells: Vec<Field> = rows.iter_mut().map(|row| row.remove(i)).collect();
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
        Mode::Subjects(_) | Mode::Threads(_) => "#baseline's Mops/s",
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

fn comparison(judged: &Judged<'_>) -> Vec<Field> {
    let (ours, theirs) = (judged.ours, judged.theirs);
    let trials = judged.pairs.unwrap_or(ours.trials.len());
    let class = match judged.verdict {
        crate::analysis::compare::Verdict::Faster => "faster",
        crate::analysis::compare::Verdict::Slower => "slower",
        crate::analysis::compare::Verdict::NoDifferenceShown => "",
    };
    let mut cells = vec![Field::text(&ours.subject), Field::text(&theirs.subject)];
    cells.extend(workload(&ours.row));
    cells.extend([
        Field::number(theirs.median(), mops(theirs.median())),
        Field::number(ours.median(), mops(ours.median())),
        Field::number(judged.ratio.centre, factor(judged.ratio.centre)),
        interval(judged.ratio.interval, factor),
        Field::count(trials),
        Field::number(judged.adjusted, p_value(judged.adjusted)),
        Field {
            text: judged.floor.map_or_else(|| "unknown".to_owned(), factor),
            ..Field::maybe(judged.floor, factor)
        },
        Field { class, ..Field::text(judged.verdict.to_string()) },
        setting(&ours.row),
    ]);
    cells
}

/// The rate of every cell.
pub(super) fn throughput(rows: &[Row], metric: Rate) -> Table {
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
    let cpu_rates: BTreeMap<String, Option<f64>> = summarise(rows, Rate::CpuRate)
        .into_iter()
        .map(|cell| (cell.row.case.clone(), cell.median()))
        .collect();
    let mut cells = summarise(rows, metric);
    cells.sort_by_cached_key(|cell| (Workload::of(&cell.row), cell.subject.clone()));
    let rows = cells
        .iter()
        .map(|cell| {
            let mut cells = vec![Field::text(&cell.subject)];
            cells.extend(workload(&cell.row));
            cells.extend([
                Field::maybe(cell.median(), mops),
                interval(cell.interval(), mops),
                Field::maybe(cpu_rates[&cell.row.case], mops),
                Field::count(cell.n()),
                Field::count(cell.invalid),
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
        (Workload::of(&cell.row), cell.at.to_bits(), cell.row.subject())
    });
    let rows = cells
        .iter()
        .map(|cell| {
            let time = |time, q| Field::maybe(cell.median(time, q), duration);
            let p99 = cell.quantile(Time::Response, 0.99).and_then(|quantile| quantile.interval);
            let mut cells = vec![Field::text(cell.row.subject())];
            cells.extend(workload(&cell.row));
            cells.extend([
                Field::number(cell.at, cell.at.to_string()),
                time(Time::Response, 0.5),
                time(Time::Response, 0.99),
                interval(p99, duration),
                time(Time::Response, 0.999),
                time(Time::Response, 1.0),
                time(Time::Service, 0.5),
                time(Time::Service, 0.999),
                Field::count(cell.n()),
                Field::count(cell.saturated()),
                Field::count(cell.invalid),
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
        Field::maybe(number.map(|number| number as f64), |number| number.to_string())
    };
    let cells = SpaceCell::all(fills, trials);
    let rows = cells.iter().map(|cell| {
        let (build, gets) = (cell.build_seconds(), cell.gets_per_sec());
        vec![
            Field::text(cell.row.subject()),
            Field::text(cell.step()),
            Field::number(cell.row.keys as f64, cell.row.keys.to_string()),
            Field::maybe(cell.load(), |load| format!("{load:.4}")),
            Field::maybe(cell.bytes_per_entry(), |bytes| format!("{bytes:.1}")),
            count(cell.longest_chain()),
            Field::maybe(cell.moves_per_insert(), |moves| format!("{moves:.3}")),
            count(cell.max_moves()),
            median(build, duration),
            interval(build.and_then(|build| build.interval), duration),
            median(gets, mops),
            interval(gets.and_then(|gets| gets.interval), mops),
            Field::count(cell.n()),
            Field::count(cell.invalid),
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
        let distinct = cell.distinct().map(|words| words as f64);
        let (rate, speed_up) = (cell.words_per_sec(), cell.speed_up());
        vec![
            Field::text(cell.at.name()),
            Field::text(cell.table()),
            Field::count(cell.row.threads),
            Field::number(cell.row.zipf, cell.row.zipf.to_string()),
            Field::maybe(distinct, |words| words.to_string()),
            median(rate, mops),
            interval(rate.and_then(|rate| rate.interval), mops),
            median(speed_up, ratio),
            interval(speed_up.and_then(|speed_up| speed_up.interval), ratio),
            Field::count(cell.n()),
            Field::count(cell.invalid),
        ]
    });
    Table::new(&names, rows.collect())
}

/// Every cell of a cache.
pub(super) fn cache(trials: &[CacheRow], rows: &[Row]) -> Table {
    let names = [
        "subject",
        "#bytes",
        "#threads",
        "#reads",
        "#zipf",
        "#keys",
        "#hit ratio",
        "#95 % interval",
        "#closed form",
        "#of bytes",
        "#Mhits a CPU-second",
        "#items",
        "#evictions",
        "#resident bytes an item",
        "#policy's bytes an item",
        "#most above the bound",
        "#trials",
        "setting",
    ];
    let ratio = |ratio: f64| format!("{ratio:.4}");
    let whole = |number: f64| format!("{number:.0}");
    let cells = CacheCell::all(trials, rows);
    let rows = cells.iter().map(|cell| {
        let hits = cell.hit_ratio();
        let mut fields = vec![
            Field::text(cell.row.subject()),
            Field::number(cell.bytes() as f64, in_units(cell.bytes())),
        ];
        fields.extend(workload(&cell.row));
        fields.extend([
            median(hits, ratio),
            interval(hits.and_then(|hits| hits.interval), ratio),
            Field::maybe(cell.closed_form(), ratio),
            Field::maybe(cell.byte_hit_ratio(), ratio),
            Field::maybe(cell.hits_per_cpu_sec().map(|rate| rate.median), mops),
            Field::maybe(cell.items(), whole),
            Field::maybe(cell.evictions(), whole),
            Field::maybe(cell.bytes_per_item(), |bytes| format!("{bytes:.1}")),
            Field::maybe(cell.metadata_per_item(), |bytes| format!("{bytes:.2}")),
            Field::number(cell.overrun() as f64, in_units(cell.overrun())),
            Field::count(cell.n()),
            Field::text(Setting::of(&cell.row).whatever(&["cache_bytes"]).in_words()),
        ]);
        fields
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
            let most = Field::maybe(most, |share| format!("{share:.1} %"));
            vec![Field::text(kind), Field::count(trials), most]
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
