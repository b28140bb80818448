//! Experiment files: TOML text to the list of cases. The keys are listed in docs/FORMAT.md.
//!
//! Reading goes on after a mistake, so that one run shows as many as possible: first the values
//! of every key (`value.rs`, `mix.rs`), then, for each grid whose keys were right, its cells
//! (`grid.rs`).

mod aggregate;
mod axes;
mod cache;
#[cfg(test)]
mod cache_tests;
mod error;
mod grid;
mod keys;
mod known;
mod latency;
mod mix;
mod named;
mod overrides;
mod presets;
mod server;
#[cfg(test)]
mod server_tests;
mod space;
mod subjects;
#[cfg(test)]
mod tests;
mod traces;
mod turns;
mod unknown;
mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use trials::mix::doubtful_percentage;

pub use self::aggregate::AggregatePlan;
use self::axes::{Axes, Common};
use self::cache::CachePlan;
pub use self::error::{Problem, SpecError};
use self::grid::Planner;
pub use self::latency::LatencyPlan;
use self::mix::MixRule;
pub use self::overrides::{Overrides, apply_overrides};
pub(crate) use self::presets::find as find_preset;
use self::server::ServerPlan;
pub use self::space::SpacePlan;
pub(crate) use self::subjects::MAX_WORKERS;
pub use self::traces::with_traces;
pub use self::turns::Turns;
pub(crate) use self::unknown::did_you_mean;
use self::value::{
    BLOCKS, FLAG, FRACTION, HALFWIDTH, MIX, SECONDS, SEED, Section, TEXT, TOP, WARMUP, axes,
    mismatch,
};
use crate::case::Case;
use crate::programs::catalogue::Catalogue;
use crate::trace::Facts;

const DEFAULT_SECONDS: f64 = 0.5;
const DEFAULT_WARMUP: f64 = 0.1;

/// An experiment file, checked and with its grids multiplied out.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// A heading for figures and reports.
    pub title: String,
    /// What the experiment is to answer.
    pub question: String,
    /// A paper's figure that it repeats, if any.
    pub reproduces: String,
    /// From which every order, key and operation follows.
    pub seed: u64,
    /// Measured time of a trial.
    pub seconds: f64,
    /// Time before it that is not measured.
    pub warmup: f64,
    /// Blocks to run at least.
    pub blocks: u32,
    /// Relative half-width of the interval at which to stop after `blocks`.
    pub target_halfwidth: Option<f64>,
    /// Blocks to run at most; `blocks` where there is no target.
    pub max_blocks: u32,
    /// Whether threads are bound to CPUs.
    pub pin: bool,
    /// Whether memory over time is recorded.
    pub series: bool,
    /// How throughput trials take turns, if they do.
    pub turns: Option<Turns>,
    /// The latency trials of each cell, if any.
    pub latency: Option<LatencyPlan>,
    /// The space trials, if any.
    pub space: Option<SpacePlan>,
    /// The aggregation trials, if any.
    pub aggregate: Option<AggregatePlan>,
    /// The cells, each once: grid by grid in the order of the axes, then the controls.
    pub cases: Vec<Case>,
    /// Combinations of the grids left out, each with the reason.
    pub skipped: Vec<String>,
    /// What is done otherwise than it may be expected, for who looks at the plan.
    pub notes: Vec<String>,
    /// What is right and hardly meant, for everyone.
    pub doubts: Vec<String>,
    /// The traces that are replayed, by the paths that the file gives.
    pub traces: BTreeMap<String, Facts>,
    /// Where relative paths of traces start; nowhere, if not set after parsing.
    pub folder: PathBuf,
}

impl Experiment {
    /// Reads `text`; `file_name` is for messages.
    ///
    /// # Errors
    ///
    /// A [`SpecError`] with every mistake found, if the text is not TOML, or has a key, a value
    /// or a combination that cannot be run.
    pub fn parse(file_name: &str, text: &str, catalogue: &Catalogue) -> Result<Self, SpecError> {
        let root = DeTable::parse(text)
            .map_err(|error| SpecError::new(file_name, text, vec![syntax(&error)]))?;
        let mut problems = Vec::new();
        let top = Section::new("", 0..0, root.get_ref(), TOP, &mut problems);
        let mut experiment = Self::settings(&top, &mut problems);
        experiment.plan(&top, catalogue, &mut problems);
        experiment.plan_latency(&top, &mut problems);
        experiment.space = SpacePlan::of(&top, &experiment.cases, &mut problems);
        experiment.aggregate = AggregatePlan::of(&top, &experiment.cases, &mut problems);
        if problems.is_empty() {
            Ok(experiment)
        } else {
            Err(SpecError::new(file_name, text, problems))
        }
    }

    /// Everything but the cells.
    fn settings(top: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Self {
        let mut text = |key| top.one(key, &TEXT, problems).unwrap_or_default();
        let (title, question, reproduces) = (text("title"), text("question"), text("reproduces"));
        let blocks = top.one("blocks", &BLOCKS, problems).unwrap_or(10);
        let target_halfwidth = top.one("target_halfwidth", &HALFWIDTH, problems);
        Self {
            title,
            question,
            reproduces,
            seed: top.one("seed", &SEED, problems).unwrap_or(42),
            seconds: top.one("seconds", &SECONDS, problems).unwrap_or(DEFAULT_SECONDS),
            warmup: top.one("warmup", &WARMUP, problems).unwrap_or(DEFAULT_WARMUP),
            blocks,
            target_halfwidth,
            max_blocks: max_blocks(top, blocks, problems),
            pin: top.one("pin", &FLAG, problems).unwrap_or(true),
            series: top.one("series", &FLAG, problems).unwrap_or(false),
            turns: Turns::of(top, problems),
            latency: None,
            space: None,
            aggregate: None,
            cases: Vec::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            doubts: Vec::new(),
            traces: BTreeMap::new(),
            folder: PathBuf::new(),
        }
    }

    /// Where the trace is that `case` replays, if it does.
    #[must_use]
    pub fn trace_file(&self, case: &Case) -> Option<PathBuf> {
        let wanted = case.trace.as_ref()?;
        let (path, _) = self.traces.iter().find(|(_, facts)| facts.id == *wanted)?;
        Some(self.folder.join(path))
    }

    /// The cells of every grid, and the controls.
    fn plan(&mut self, top: &Section<'_, '_>, catalogue: &Catalogue, problems: &mut Vec<Problem>) {
        let prefill = top.one("prefill", &FRACTION, problems).unwrap_or(0.5);
        let controls = top.one("controls", &FLAG, problems).unwrap_or(true);
        let cache = CachePlan::of(top, catalogue, problems);
        let server = ServerPlan::of(top, catalogue, problems);
        let is_lost = |plan: bool, key| !plan && top.get(key).is_some();
        if is_lost(cache.is_some(), "cache") || is_lost(server.is_some(), "server") {
            // Its grids say nothing without it.
            return;
        }
        let is_of_tables = cache.is_none() && server.is_none();
        if !is_of_tables {
            // A cache's trial goes to the end of its requests, a server's is not of this process.
            self.turns = None;
        }
        let mix = match top.get("mix") {
            Some(value) => read_mix(value, problems),
            None if !is_of_tables => Some(CachePlan::MIX),
            None => Some(MixRule::HALVES),
        };
        let traces = traces::read_all(top, problems);
        let mut planner = Planner::new(catalogue, self.pin);
        let empty = DeTable::new();
        let grids = grids(top, (!is_of_tables).then_some(&empty), problems);
        traces::refuse_unused(top, &grids, problems);
        presets::refuse_unused(top, &grids, problems);
        for section in grids {
            let (cache, server) = (cache.as_ref(), server.as_ref());
            let common = Common { prefill, mix, traces: &traces, cache, server };
            let axes = Axes::read(&section, catalogue, common, problems);
            // A file without a usable mix has been found wrong already.
            if let (Some(axes), Some(mix)) = (axes, mix) {
                let doubts = axes.reads.iter().filter_map(|&of| doubtful_percentage("reads", of));
                self.doubts.extend(doubts);
                planner.add_grid(&axes, mix, problems);
            }
        }
        match (controls, is_of_tables) {
            (true, true) => planner.add_controls(),
            (true, false) => planner.add_twins(),
            (false, _) => {}
        }
        (self.cases, self.skipped, self.notes) = planner.finish();
        self.skipped.extend(cache.into_iter().flat_map(|cache| cache.left_out));
        self.skipped.extend(server.into_iter().flat_map(|server| server.left_out));
        self.doubts.sort();
        self.doubts.dedup();
        self.traces = traces;
    }

    /// The latency trials of the cells.
    fn plan_latency(&mut self, top: &Section<'_, '_>, problems: &mut Vec<Problem>) {
        let Some(value) = top.get("latency") else { return };
        let Some(plan) = LatencyPlan::read(value, self.seconds, problems) else { return };
        let left_out = plan.left_out(&self.cases);
        if self.cases.iter().any(|case| plan.takes(case)) {
            self.skipped.extend(left_out);
        } else if let Some(why) = left_out {
            problems.push(Problem {
                span: value.span(),
                message: "no cell can have its latency measured".to_owned(),
                help: why,
            });
        }
        self.latency = Some(plan);
    }
}

/// How long the trials of an experiment file last, whatever else it says: of one that was recorded by a program with
/// other tables, no more can be read. `None` if it is not TOML.
#[must_use]
pub fn trial_times(text: &str) -> Option<TrialTimes> {
    let root: toml::Table = text.parse().ok()?;
    let number = |table: &toml::Table, key: &str| {
        let value = table.get(key)?;
        value.as_float().or_else(|| Some(value.as_integer()? as f64))
    };
    let seconds = number(&root, "seconds").unwrap_or(DEFAULT_SECONDS);
    let latency = root.get("latency").and_then(toml::Value::as_table);
    Some(TrialTimes {
        seconds,
        warmup: number(&root, "warmup").unwrap_or(DEFAULT_WARMUP),
        latency: latency.map(|table| number(table, "seconds").unwrap_or(seconds)),
    })
}

/// How long trials last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialTimes {
    /// The measured time of those of throughput.
    pub seconds: f64,
    /// The time before it.
    pub warmup: f64,
    /// The measured time of those of latency, if there are any.
    pub latency: Option<f64>,
}

/// Whether an experiment file is about servers, whatever else it says.
#[must_use]
pub fn is_of_servers(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|root| root.contains_key("server"))
}

fn syntax(error: &toml::de::Error) -> Problem {
    Problem {
        span: error.span().unwrap_or(0..0),
        message: format!("not TOML: {}", error.message()),
        help: match error.message() {
            "duplicate key" => {
                "a key stands once in a table: several values are a list, as in `threads = [1, 2]`"
            }
            _ => {
                "a line is `key = value`, where a value is a number, true, false, a \"string\" in \
                 quotes or a [list, of, values], or a `[table]`"
            }
        }
        .to_owned(),
    }
}

fn max_blocks(top: &Section<'_, '_>, blocks: u32, problems: &mut Vec<Problem>) -> u32 {
    let has_target = top.get("target_halfwidth").is_some();
    let default = if has_target { blocks.saturating_mul(3) } else { blocks };
    let (Some(max), Some(value)) =
        (top.one("max_blocks", &BLOCKS, problems), top.get("max_blocks"))
    else {
        return default;
    };
    if max < blocks {
        problems.push(Problem {
            span: value.span(),
            message: format!("`max_blocks` is {max}, fewer than `blocks`, which is {blocks}"),
            help: format!("`max_blocks` takes a whole number from {blocks} up"),
        });
    } else if max > blocks && !has_target {
        problems.push(Problem {
            span: value.span(),
            message: format!(
                "`max_blocks` is {max}, but nothing says when to go on after `blocks`"
            ),
            help: "add `target_halfwidth`, or leave `max_blocks` out".to_owned(),
        });
    }
    max
}

fn read_mix(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<MixRule> {
    let Some(table) = value.get_ref().as_table() else {
        problems.push(mismatch("mix", value, "a table: `[mix]` on a line by itself"));
        return None;
    };
    let section = Section::new("[mix]", value.span(), table, MIX, problems);
    MixRule::read(&section, problems)
}

/// `[axes]` and every `[[also]]`; without `[axes]`, one of nothing but defaults, if `empty` says that this will do.
fn grids<'a, 'i>(
    top: &Section<'a, 'i>,
    empty: Option<&'a DeTable<'i>>,
    problems: &mut Vec<Problem>,
) -> Vec<Section<'a, 'i>> {
    let mut sections = Vec::new();
    match top.get("axes").map(|value| (value, value.get_ref().as_table())) {
        None if let Some(empty) = empty => {
            sections.push(Section::new("[axes]", 0..0, empty, &axes(), problems));
        }
        Some((value, Some(table))) => {
            sections.push(Section::new("[axes]", value.span(), table, &axes(), problems));
        }
        Some((value, None)) => {
            problems.push(mismatch("axes", value, "a table: `[axes]` on a line by itself"));
        }
        None => problems.push(Problem {
            span: top.lack.clone(),
            message: "the file has no `[axes]`".to_owned(),
            help: "add a line `[axes]`, and below it at least `structure = \"NAME\"`".to_owned(),
        }),
    }
    let Some(also) = top.get("also") else { return sections };
    let expected = "tables: `[[also]]`, in two pairs of brackets, on a line by itself";
    let Some(list) = also.get_ref().as_array() else {
        problems.push(mismatch("also", also, expected));
        return sections;
    };
    for value in list.iter() {
        match value.get_ref().as_table() {
            Some(table) => {
                sections.push(Section::new("[[also]]", value.span(), table, &axes(), problems));
            }
            None => problems.push(mismatch("also", value, expected)),
        }
    }
    sections
}
