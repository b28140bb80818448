//! One row of `trials.csv`. The columns' names and units are a contract: docs/FORMAT.md.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::{Deref, DerefMut};

use ::table::Form;
use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use trials::parameters::{PARAMETERS, Parameter};

use crate::case::Case;
use crate::hashers::AnyHasher;
use crate::rows::log::{self, Logged};
use crate::trial::Measurement;
use crate::workload;

/// The trials' file in a result folder.
pub const TRIALS: &str = "trials.csv";

/// One trial: its case, its place in the sweep, and what was measured. Base units throughout
/// (operations, seconds, bytes); an empty field is "not measured", never 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The cell's id ([`Case::id`]).
    #[serde(skip)]
    pub case: String,
    /// The case. Its fields are read as the row's own.
    #[serde(skip, default = "no_case")]
    pub parameters: Case,
    /// How many of the 32 hottest keys share a stripe with another of them.
    #[serde(skip)]
    pub hot_sharing_32: Option<u64>,
    /// How many of the 100 hottest do.
    #[serde(skip)]
    pub hot_sharing_100: Option<u64>,
    /// Seed of the trial's keys and operations.
    pub seed: u64,
    /// Block, from 0.
    pub block: u32,
    /// Position within the block, from 0.
    pub position: u32,
    /// Measured wall time.
    pub seconds: Option<f64>,
    /// Slices that it is the sum of, of a trial that took turns.
    pub slices: Option<u64>,
    /// Trials that took turns, with this one.
    pub group_size: Option<u64>,
    /// CPU time that its process used while it slept between them.
    pub asleep_cpu_seconds: Option<f64>,
    /// Operations done in it.
    pub ops: Option<u64>,
    /// Operations of the thread that did fewest.
    pub min_thread_ops: Option<u64>,
    /// Operations of the thread that did most.
    pub max_thread_ops: Option<u64>,
    /// `ops / seconds`.
    pub ops_per_sec: Option<f64>,
    /// CPU time of the whole process in it, helper threads included.
    pub cpu_seconds: Option<f64>,
    /// `ops / cpu_seconds`.
    pub ops_per_cpu_sec: Option<f64>,
    /// Median rate over clean windows, if there was one.
    pub clean_ops_per_sec: Option<f64>,
    /// Number of clean windows.
    pub clean_windows: Option<u64>,
    /// Number of windows.
    pub windows: Option<u64>,
    /// Nodes retired.
    pub retired: Option<u64>,
    /// Retired nodes freed.
    pub freed: Option<u64>,
    /// Nodes made and never published, freed by their makers.
    pub discarded: Option<u64>,
    /// Most nodes retired and not yet freed, as sampled.
    pub peak_unreclaimed: Option<u64>,
    /// The same in bytes.
    pub peak_unreclaimed_bytes: Option<u64>,
    /// Seconds from retirement to free: half of the sampled nodes waited no longer.
    #[serde(default)]
    pub free_delay_p50: Option<f64>,
    /// 99 % of them.
    #[serde(default)]
    pub free_delay_p99: Option<f64>,
    /// All of them.
    #[serde(default)]
    pub free_delay_max: Option<f64>,
    /// Peak resident set of the process.
    pub peak_rss_bytes: Option<u64>,
    /// Of byte strings: the bytes of a key and its value, in the mean.
    pub payload_bytes: Option<f64>,
    /// Memory of the process on huge pages at the end, whoever asked for them.
    pub huge_page_bytes: Option<u64>,
    /// Instructions of the process in the measured time, per operation.
    pub instructions: Option<f64>,
    /// CPU cycles, as `instructions`.
    pub cycles: Option<f64>,
    /// Reads that missed the last-level cache, as `instructions`.
    pub llc_misses: Option<f64>,
    /// Entries after the trial.
    pub final_len: Option<u64>,
    /// Whether the self-check passed.
    pub valid: bool,
    /// Noise verdict: `quiet`, or what disturbed the trial.
    pub noise: String,
    /// CPU time stolen by the hypervisor, all CPUs.
    pub steal_seconds: Option<f64>,
    /// Time the process's threads were runnable but not running.
    pub run_delay_seconds: Option<f64>,
    /// Involuntary context switches of the process.
    pub involuntary_switches: Option<u64>,
    /// What went wrong, if anything did.
    pub error: String,
    /// RFC 3339, UTC.
    pub started_at: String,
}

impl Row {
    /// A row for `case` in which nothing is measured yet.
    #[must_use]
    pub fn unmeasured(case: &Case, seed: u64, block: u32, position: u32) -> Self {
        Self {
            case: case.id(),
            parameters: case.clone(),
            hot_sharing_32: hot_sharing(case, seed, 32),
            hot_sharing_100: hot_sharing(case, seed, 100),
            seed,
            block,
            position,
            seconds: None,
            slices: None,
            group_size: None,
            asleep_cpu_seconds: None,
            ops: None,
            min_thread_ops: None,
            max_thread_ops: None,
            ops_per_sec: None,
            cpu_seconds: None,
            ops_per_cpu_sec: None,
            clean_ops_per_sec: None,
            clean_windows: None,
            windows: None,
            retired: None,
            freed: None,
            discarded: None,
            peak_unreclaimed: None,
            peak_unreclaimed_bytes: None,
            free_delay_p50: None,
            free_delay_p99: None,
            free_delay_max: None,
            peak_rss_bytes: None,
            payload_bytes: None,
            huge_page_bytes: None,
            instructions: None,
            cycles: None,
            llc_misses: None,
            final_len: None,
            valid: false,
            noise: String::new(),
            steal_seconds: None,
            run_delay_seconds: None,
            involuntary_switches: None,
            error: String::new(),
            started_at: String::new(),
        }
    }

    /// Fills in what was measured.
    pub fn measured(&mut self, measured: Measurement) {
        let rate = |seconds: f64| (seconds > 0.0).then(|| measured.ops as f64 / seconds);
        self.seconds = Some(measured.seconds);
        self.slices = measured.turns.map(|taken| taken.slices);
        self.asleep_cpu_seconds = measured.turns.and_then(|taken| taken.asleep.cpu_seconds);
        self.ops = Some(measured.ops);
        self.min_thread_ops = Some(measured.min_thread_ops);
        self.max_thread_ops = Some(measured.max_thread_ops);
        self.ops_per_sec = rate(measured.seconds);
        self.cpu_seconds = measured.cpu_seconds;
        self.ops_per_cpu_sec = measured.cpu_seconds.and_then(rate);
        self.clean_ops_per_sec = measured.clean_ops_per_sec;
        self.clean_windows = Some(measured.clean_windows);
        self.windows = Some(measured.windows);
        self.retired = measured.retired;
        self.freed = measured.freed;
        self.discarded = measured.discarded;
        self.peak_unreclaimed = measured.peak_unreclaimed;
        self.peak_unreclaimed_bytes = measured.peak_unreclaimed_bytes;
        self.free_delay_p50 = measured.free_delay_p50;
        self.free_delay_p99 = measured.free_delay_p99;
        self.free_delay_max = measured.free_delay_max;
        self.peak_rss_bytes = measured.peak_rss_bytes;
        self.payload_bytes = measured.payload_bytes;
        self.huge_page_bytes = measured.huge_page_bytes;
        let per_op =
            |count: Option<f64>| Some(count? / measured.ops as f64).filter(|n| n.is_finite());
        self.instructions = per_op(measured.counts.instructions);
        self.cycles = per_op(measured.counts.cycles);
        self.llc_misses = per_op(measured.counts.llc_misses);
        self.final_len = Some(measured.final_len);
        self.steal_seconds = measured.noise.steal_seconds;
        self.run_delay_seconds = measured.noise.run_delay_seconds;
        self.involuntary_switches = measured.noise.involuntary_switches;
        self.valid = measured.failures.is_empty();
        self.error = measured.failures.join("; ");
        let verdict = std::iter::once(measured.noise.verdict());
        self.noise = verdict.chain(measured.warnings).collect::<Vec<_>>().join("; ");
    }

    /// Whether the trial counts: it passed its self-check and nothing went wrong.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.valid && self.error.is_empty()
    }

    /// What went wrong, if the trial is invalid.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        (!self.valid).then_some(&self.error)
    }

    /// Threads whose operations count.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.fault.workers(self.threads)
    }

    /// The subject's name in tables and legends.
    #[must_use]
    pub fn subject(&self) -> String {
        self.parameters.subject()
    }

    /// Whether it is there for reference, and no subject of a question: a control, or a twin.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.twin || crate::case::is_control(&self.structure)
    }
}

impl Deref for Row {
    type Target = Case;

    fn deref(&self) -> &Case {
        &self.parameters
    }
}

impl DerefMut for Row {
    fn deref_mut(&mut self) -> &mut Case {
        &mut self.parameters
    }
}

/// Until its columns are read.
fn no_case() -> Case {
    Case::new("", "")
}

/// How many of the `count` hottest keys share a stripe with another of them under the case's hash
/// seed, if keys are hot by their rank.
fn hot_sharing(case: &Case, seed: u64, count: u64) -> Option<u64> {
    if case.form() == Form::Bytes {
        return None;
    }
    let hasher = AnyHasher::new(case.hashing, case.hash_seed);
    let keys = workload::hottest(case, seed, count)?;
    Some(workload::sharing(keys.iter().map(|key| hasher.hash_one(key))))
}

/// The parameters of columns, as a sequence of values.
struct Columns<'c>(&'c Case, &'static [Parameter]);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|parameter| (parameter.get)(self.0)))
    }
}

/// The columns between which it says how hot keys share stripes, which no case says.
fn around_sharing() -> (&'static [Parameter], &'static [Parameter]) {
    let end = PARAMETERS.iter().position(|parameter| parameter.name == "pin");
    PARAMETERS.split_at(end.unwrap_or(PARAMETERS.len()))
}

const SHARING: [&str; 2] = ["hot_sharing_32", "hot_sharing_100"];

/// A row as a line of `trials.csv`.
///
/// # Errors
///
/// None that a row can cause.
pub fn line(row: &Row) -> anyhow::Result<String> {
    String::from_utf8(log::lines::<Row>([row])?).context("a row is not UTF-8")
}

/// The fields of a row as a line has them.
pub(crate) fn fields(row: &Row) -> impl Serialize + '_ {
    let (before, after) = around_sharing();
    let sharing = (row.hot_sharing_32, row.hot_sharing_100);
    (&row.case, Columns(row, before), sharing, Columns(row, after), row)
}

/// A row as an object for programs.
pub(crate) fn to_json(row: &Row) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    let mut object = parameters_to_json(row);
    let sharing = [row.hot_sharing_32, row.hot_sharing_100];
    object.extend(SHARING.map(str::to_owned).into_iter().zip(sharing.map(Into::into)));
    object.insert("case".to_owned(), row.case.clone().into());
    if let serde_json::Value::Object(measured) = serde_json::to_value(row)? {
        object.extend(measured);
    }
    Ok(object)
}

/// What each parameter of a case is.
pub(crate) fn parameters_to_json(case: &Case) -> serde_json::Map<String, serde_json::Value> {
    let entry = |parameter: &Parameter| (parameter.name.to_owned(), json!((parameter.get)(case)));
    PARAMETERS.iter().map(entry).collect()
}

impl Logged for Row {
    const FILE: &'static str = TRIALS;

    fn header() -> anyhow::Result<Vec<u8>> {
        let (before, after) = around_sharing();
        let names = |part: &'static [Parameter]| part.iter().map(|parameter| parameter.name);
        let mut columns: Vec<&str> = std::iter::once("case").chain(names(before)).collect();
        columns.extend(SHARING.into_iter().chain(names(after)));
        // What is measured has the names of its fields.
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .serialize(Row::unmeasured(&no_case(), 0, 0, 0))
            .context("cannot write a row as CSV")?;
        let measured = writer.into_inner().context("cannot write a row as CSV")?;
        let end = measured.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Ok([columns.join(",").as_bytes(), b",", &measured[..end]].concat())
    }

    /// By name: a folder that was recorded before some column existed is still readable, and what it
    /// did not measure is absent.
    fn read(record: &csv::StringRecord, columns: &csv::StringRecord) -> anyhow::Result<Self> {
        let mut row: Row = record.deserialize(Some(columns))?;
        let places: HashMap<&str, usize> = columns.iter().zip(0..).collect();
        let column = |name: &str| places.get(name).and_then(|place| record.get(*place));
        let missing = |name: &str| anyhow!("missing field `{name}`");
        column("case").ok_or_else(|| missing("case"))?.clone_into(&mut row.case);
        for Parameter { name, default, set, .. } in PARAMETERS {
            let value = column(name).or(*default).ok_or_else(|| missing(name))?;
            set(&mut row, value).ok_or_else(|| anyhow!("`{name}` cannot be `{value}`"))?;
        }
        for (name, place) in SHARING.into_iter().zip([0, 1]) {
            let value = column(name).filter(|value| !value.is_empty());
            let value = value.map(str::parse).transpose().with_context(|| format!("`{name}`"))?;
            *[&mut row.hot_sharing_32, &mut row.hot_sharing_100][place] = value;
        }
        Ok(row)
    }

    fn write(&self, to: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
        to.serialize(fields(self))
    }

    /// Trials that took turns are one record, of as many rows as each of them says. The rows of groups of one
    /// size, with the same operations, are so many times that; what is left over is the last group's.
    fn torn(rows: &[Self]) -> usize {
        let group =
            |row: &Self| Some((row.block, row.seed, usize::try_from(row.group_size?).ok()?));
        let Some(last @ Some((_, _, size))) = rows.last().map(group) else { return 0 };
        let is_of_last = |row: &&Self| group(row) == last;
        let written = rows.iter().filter(is_of_last).count().checked_rem(size).unwrap_or(0);
        let at_the_end = rows.iter().rev().take_while(is_of_last).count();
        // Where other trials are between them they have been sorted, as by a merge, and nothing was torn.
        if at_the_end >= written { written } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::metric::Counts;
    use crate::rows::log::parse_text;
    use crate::test_rows::{case, trial};

    #[test]
    fn hot_keys_share_stripes_by_trial_and_hash_seed() {
        let case = case("papaya", "none", 1, 95.0, 0.99, 1 << 20);
        let sharing = |hash_seed, seed| {
            let case = crate::case::Case { hash_seed, ..case.clone() };
            Row::unmeasured(&case, seed, 0, 0).hot_sharing_100.expect("hot keys")
        };
        // 1.2 in the mean: in 40 trials some have none and some have several, whatever varies.
        for varied in [|i| (i, 3), |i| (3, i)] {
            let (first, second): (Vec<u64>, Vec<u64>) = (0..40).map(varied).unzip();
            let all: Vec<u64> = first.iter().zip(&second).map(|(h, s)| sharing(*h, *s)).collect();
            assert!(all.contains(&0) && all.contains(&2), "{all:?}");
            assert!(!all.contains(&1), "one alone shares with nobody");
        }
        let few = crate::case::Case { keys: 16, ..case.clone() };
        let row = Row::unmeasured(&few, 1, 0, 0);
        assert_eq!(row.hot_sharing_32, row.hot_sharing_100, "all of 16 keys");
        let even = Row::unmeasured(&crate::case::Case { zipf: 0.0, ..case }, 1, 0, 0);
        assert_eq!((even.hot_sharing_32, even.hot_sharing_100), (None, None));
    }

    #[test]
    fn hardware_events_are_per_operation_and_absent_is_not_zero() {
        let counts = Counts { instructions: Some(5000.0), cycles: Some(0.0), llc_misses: None };
        let mut row = trial("papaya", 1, 0, 1.0);
        row.measured(Measurement { ops: 100, counts, ..Measurement::default() });
        assert_eq!((row.instructions, row.cycles, row.llc_misses), (Some(50.0), Some(0.0), None));
        row.measured(Measurement { ops: 0, counts, ..Measurement::default() });
        assert_eq!((row.instructions, row.cycles), (None, None), "nothing was done");
    }

    #[test]
    fn rows_are_read_by_name() {
        let path = Path::new("trials.csv");
        let header = String::from_utf8(Row::header().unwrap()).unwrap();
        let case = crate::test_rows::trial("papaya", 2, 3, 5e6);
        let line = line(&case).unwrap();
        let rows = parse_text::<Row>(&format!("{header}{line}"), path).unwrap();
        assert_eq!((rows.len(), rows[0].threads, rows[0].block), (1, 2, 3));
        // Without a column for something measured, it is absent.
        let without = |name: &str| {
            let drop = header.trim_end().split(',').position(|column| column == name).unwrap();
            let cut = |text: &str| -> String {
                let kept = text.trim_end().split(',').enumerate().filter(|(i, _)| *i != drop);
                kept.map(|(_, field)| field).collect::<Vec<_>>().join(",") + "\n"
            };
            parse_text::<Row>(&(cut(&header) + &cut(&line)), path)
        };
        assert_eq!(without("ops_per_sec").unwrap()[0].ops_per_sec, None);
        assert_eq!(without("huge_page_bytes").unwrap()[0].huge_page_bytes, None);
        // What all trials had in common before there was a column for it.
        assert_eq!(without("batch").unwrap()[0].batch, 1);
        assert!(!without("huge_pages").unwrap()[0].huge_pages);
        assert_eq!(without("ops_per_pin").unwrap()[0].ops_per_pin, 1);
        assert!(without("fault").unwrap()[0].fault.is_none());
        assert_eq!(without("reclaim_batch").unwrap()[0].reclaim_batch, None);
        assert_eq!(without("discarded").unwrap()[0].discarded, None);
        assert_eq!(without("min_thread_ops").unwrap()[0].min_thread_ops, None);
        // Without one for the case, the row means nothing.
        let error = format!("{:#}", without("threads").unwrap_err());
        assert!(error.contains("trials.csv:2") && error.contains("threads"), "{error}");
    }

    #[test]
    fn the_documentation_has_every_parameter_with_its_unit() {
        let mut rest = include_str!("../../../docs/FORMAT.md").split_once("| column |").unwrap().1;
        // In the order of the columns.
        for Parameter { name, unit, .. } in PARAMETERS {
            let (_, row) = rest.split_once(&format!("| `{name}` |")).expect(name);
            let says = row.split('|').nth(1).map(str::trim);
            assert_eq!(says, Some(*unit), "{name}");
            rest = row;
        }
    }
}
