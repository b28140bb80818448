//! A table of comparisons as text, Markdown and JSON.

use std::collections::{BTreeMap, HashMap};

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::columns::Columns;
use crate::analysis::compare::quantity::bytes;
use crate::analysis::compare::words::{factor, p_value};
use crate::analysis::compare::{
    ALPHA, Checks, Judged, Quantity, SeedSpread, Verdict, Workload, by_wall_time, hash_seeds,
};
use crate::analysis::throughput::ChosenRate;
use crate::results::machine::Difference;
use crate::rows::throughput::parameters_to_json;
use crate::show::plot::tex::escaped;
use crate::show::text::latency::duration;
use crate::show::text::throughput::mops;

/// No line of prose is wider.
const WIDTH: usize = 100;

/// What is compared with what.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Subjects with a baseline, which this names, under the same workload in the same block.
    Subjects(String),
    /// Subjects with themselves at so many threads, likewise.
    Threads(usize),
    /// Two runs of the same cases.
    Runs {
        /// The folder that is the baseline.
        before: String,
        /// The other one.
        after: String,
        /// Whether trials are paired by block.
        paired: bool,
        /// How machine, build and turns differ.
        differences: Vec<Difference>,
    },
}

/// Everything that is shown.
#[derive(Debug)]
pub struct Report<'c> {
    /// What is compared with what.
    pub mode: Mode,
    /// What is compared.
    pub quantity: Quantity,
    /// By which rate, if it is one.
    pub choice: ChosenRate,
    /// The comparisons, by workload.
    pub judged: Vec<Judged<'c>>,
    /// What is not compared, and why.
    pub left_out: Vec<String>,
    /// About the trials of every cell.
    pub checks: Checks,
    /// What hash seeds do, where they vary.
    pub hash_seeds: Vec<SeedSpread>,
}

impl Report<'_> {
    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(self.header());
        let groups = self.by_workload();
        for row in groups.iter().flat_map(|(_, judged)| self.rows(judged)) {
            table.add_row(row);
        }
        align(&mut table, 0);
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        let table = table.to_string();
        let mut lines = table.lines().map(str::trim_end);
        let mut text = wrapped(&self.caption()) + "\n";
        text.extend(lines.next().map(|header| format!("{header}\n")));
        let names = headings(groups.iter().map(|(workload, _)| *workload));
        for ((_, judged), name) in groups.iter().zip(names) {
            let floor = judged.iter().find_map(|judged| judged.floor);
            let floor = floor.map(|floor| format!("  (A/A: within a factor of {})", factor(floor)));
            text.push_str(&format!("\n{name}{}\n", floor.unwrap_or_default()));
            let lines = lines.by_ref().take(self.rows(judged).len());
            text.extend(lines.map(|line| format!("{line}\n")));
        }
        for note in self.notes() {
            text.push_str(&format!("\n{}", wrapped(&note)));
        }
        text
    }

    /// For a page: one table with the workload in columns.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut table = Table::new();
        let columns = Columns::of(&self.judged, true);
        let header = columns.names.iter().map(|name| (*name).to_owned()).chain(self.header());
        table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
        let groups = self.by_workload();
        for (_, judged) in &groups {
            let values = columns.values(judged[0]);
            for fields in self.rows(judged) {
                table.add_row(values.iter().cloned().chain(fields));
            }
        }
        align(&mut table, columns.names.len());
        let notes: Vec<String> = self
            .notes()
            .iter()
            .map(|note| format!("* {}\n", note.replace('\n', "\n  * ")))
            .collect();
        let fixed = match columns.fixed.as_str() {
            "" => String::new(),
            fixed => format!("\nIn all rows: {fixed}."),
        };
        format!("{}{fixed}\n\n{table}\n\n{}", self.caption(), notes.concat())
    }

    /// For a paper: a table of booktabs with a column for each part of the workload in which rows differ, under
    /// comments with what a caption says.
    #[must_use]
    pub fn latex(&self) -> String {
        let columns = Columns::of(&self.judged, false);
        let header = self.header();
        // Numbers to the right: all but the subject and the verdict.
        let of_header = "r".repeat(header.len() - 2);
        let mut tex = String::from("% The preamble needs \\usepackage{booktabs}.\n");
        let said = self
            .sentences()
            .into_iter()
            .chain((!columns.fixed.is_empty()).then(|| format!("In all rows: {}.", columns.fixed)));
        for line in said.flat_map(|said| said.lines().map(str::to_owned).collect::<Vec<_>>()) {
            tex.push_str(&format!("% {line}\n"));
        }
        tex.push_str(&format!(
            "\\begin{{tabular}}{{{}l{of_header}l}}\n\\toprule\n",
            "r".repeat(columns.names.len())
        ));
        let names = columns.names.iter().map(|name| (*name).to_owned());
        tex.push_str(&tex_row(names.chain(header)));
        for (_, judged) in self.by_workload() {
            tex.push_str("\\midrule\n");
            let values = columns.values(judged[0]);
            for fields in self.rows(&judged) {
                tex.push_str(&tex_row(values.iter().cloned().chain(fields)));
            }
        }
        tex + "\\bottomrule\n\\end{tabular}\n"
    }

    /// For a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let (compares, between) = match &self.mode {
            Mode::Subjects(baseline) => ("subjects", json!({ "baseline": baseline })),
            Mode::Threads(threads) => ("threads", json!({ "threads": threads })),
            Mode::Runs { before, after, differences, .. } => {
                let differences: BTreeMap<&str, [&String; 2]> =
                    differences.iter().map(|(what, a, b)| (*what, [a, b])).collect();
                let runs = json!({ "before": before, "after": after, "differences": differences });
                ("runs", runs)
            }
        };
        json!({
            "compares": compares,
            "between": between,
            "compared": self.quantity.in_words(),
            "rate": self.is_of_rates().then(|| self.choice.metric.in_words()),
            "rate_why": self.is_of_rates().then_some(&self.choice.why),
            "paired": self.is_paired(),
            "level": stats::LEVEL,
            "alpha": ALPHA,
            "comparisons": self.judged.iter().map(|one| object(one, self.quantity)).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "checks": self.checks,
            "hash_seeds": self.hash_seeds,
        })
    }

    /// What the table is and what to know about it, a paragraph each.
    pub(crate) fn sentences(&self) -> Vec<String> {
        std::iter::once(self.caption().replace('\n', " ")).chain(self.notes()).collect()
    }

    fn is_of_rates(&self) -> bool {
        self.quantity == Quantity::Rate
    }

    fn is_paired(&self) -> bool {
        !matches!(self.mode, Mode::Runs { paired: false, .. })
    }

    fn by_workload(&self) -> Vec<(&Workload, Vec<&Judged<'_>>)> {
        let mut groups: BTreeMap<&Workload, Vec<&Judged<'_>>> = BTreeMap::new();
        for judged in &self.judged {
            groups.entry(&judged.ours.workload).or_default().push(judged);
        }
        groups.into_iter().collect()
    }

    fn caption(&self) -> String {
        let rate = match self.quantity {
            Quantity::Rate => format!("{}, {}.", self.quantity.in_words(), self.choice.in_words()),
            quantity => format!("{}.", quantity.in_words()),
        };
        let above_one = self.quantity.above_one();
        let interval = format!("with its 95 % BCa bootstrap interval; above 1 is {above_one}");
        match &self.mode {
            Mode::Threads(threads) => format!(
                "Ratios of each subject to itself at threads={threads}: the geometric mean over \
                 blocks of the ratio within a block, {interval}.\n{rate}"
            ),
            Mode::Subjects(baseline) => format!(
                "Ratios to {baseline}: the geometric mean over blocks of the ratio within a block, \
                 {interval}.\n{rate}"
            ),
            Mode::Runs { before, after, paired, differences } => {
                let how = if *paired {
                    "the geometric mean of the ratio between trials of the same block, which did \
                     the same operations,"
                } else {
                    "of geometric means, since the trials have different seeds and are not paired,"
                };
                let differ: Vec<String> = differences
                    .iter()
                    .map(|(what, a, b)| format!("  {what}: {a} before, {b} after\n"))
                    .collect();
                let differ = if differ.is_empty() {
                    "Machine, build and turns are the same.\n".to_owned()
                } else {
                    format!("Machine, build or turns differ:\n{}", differ.concat())
                };
                format!(
                    "Ratios of {after} (after) to {before} (before): {how} {interval}.\n\
                     {differ}{rate}"
                )
            }
        }
    }

    fn header(&self) -> Vec<String> {
        let rates: &[&str] = match self.mode {
            Mode::Subjects(_) => &[self.quantity.heading()],
            Mode::Threads(_) => &["baseline", self.quantity.heading()],
            Mode::Runs { .. } => &["before", "after"],
        };
        let trials = if self.is_paired() { "pairs" } else { "trials" };
        let rest = ["ratio", "95 % interval", trials, "p", "verdict"];
        let names = ["subject"].iter().chain(rates).chain(&rest);
        names.map(|name| (*name).to_owned()).collect()
    }

    /// The lines of one workload, the baseline's first.
    fn rows(&self, judged: &[&Judged<'_>]) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        if let (Mode::Subjects(_), Some(first)) = (&self.mode, judged.first()) {
            let baseline = [first.theirs.subject.clone(), self.shown(first.theirs.median())];
            let blank = [const { String::new() }; 4];
            rows.push(baseline.into_iter().chain(blank).chain(["baseline".to_owned()]).collect());
        }
        for judged in judged {
            let mut rates = vec![self.shown(judged.ours.median())];
            if let Mode::Threads(_) | Mode::Runs { .. } = self.mode {
                rates.insert(0, self.shown(judged.theirs.median()));
            }
            let trials = judged.pairs.map_or_else(
                || format!("{} + {}", judged.theirs.trials.len(), judged.ours.trials.len()),
                |pairs| pairs.to_string(),
            );
            let interval = judged
                .ratio
                .interval
                .map(|(low, high)| format!("{}–{}", factor(low), factor(high)));
            let mut fields = vec![judged.ours.subject.clone()];
            fields.extend(rates);
            fields.push(factor(judged.ratio.centre));
            fields.push(interval.unwrap_or_else(|| "-".to_owned()));
            let verdict = self.quantity.verdict(judged.verdict).to_owned();
            fields.extend([trials, p_value(judged.adjusted), verdict]);
            rows.push(fields);
        }
        rows
    }

    fn shown(&self, value: f64) -> String {
        match self.quantity {
            Quantity::Rate | Quantity::HitsPerCpuSecond | Quantity::KeysPerUserSecond => {
                mops(value)
            }
            Quantity::ItemsPerMib => format!("{value:.0}"),
            Quantity::HitRatio => format!("{value:.4}"),
            Quantity::BytesPerItem => format!("{value:.1}"),
            Quantity::PeakUnreclaimedBytes => bytes(value),
            Quantity::Response(..) => duration(value),
        }
    }

    /// The footer, a paragraph each.
    fn notes(&self) -> Vec<String> {
        let mut notes = vec![self.counts()];
        let most = self.judged.iter().filter_map(|judged| judged.pairs).max();
        let fewest = stats::fewest_pairs(ALPHA);
        if let Some(most) = most.filter(|most| *most < fewest) {
            notes.push(format!(
                "From {most} pairs nothing can be called at {}: {fewest} blocks are the fewest.",
                percent(ALPHA)
            ));
        }
        notes.extend(self.noise_floor());
        notes.extend(by_wall_time::in_words(&self.judged));
        notes.extend(hash_seeds::in_words(&self.hash_seeds));
        if !self.left_out.is_empty() {
            notes.push(format!("Not compared:\n{}", self.left_out.join("\n")));
        }
        notes.extend(self.checks.in_words());
        notes
    }

    /// What the A/A pairs did to the verdicts.
    pub(crate) fn noise_floor(&self) -> Option<String> {
        let floors = || self.judged.iter().filter_map(|judged| judged.floor);
        let least = floors().reduce(f64::min)?;
        let most = floors().reduce(f64::max)?;
        let undone = |judged: &&Judged<'_>| {
            judged.adjusted <= ALPHA && judged.verdict == Verdict::NoDifferenceShown
        };
        Some(format!(
            "Noise floor: one table measured twice (A/A) differs from itself by up to a factor of {} \
             to {}, by workload. Ratios within it are no difference shown: this rule changed {} of \
             {} verdicts.",
            factor(least),
            factor(most),
            self.judged.iter().filter(undone).count(),
            self.judged.len()
        ))
    }

    fn counts(&self) -> String {
        let count = |verdict| self.judged.iter().filter(|judged| judged.verdict == verdict).count();
        let (first, second) = match self.quantity {
            Quantity::Response(..) => (Verdict::Slower, Verdict::Faster),
            _ => (Verdict::Faster, Verdict::Slower),
        };
        let test = if self.is_paired() {
            "sign flips over blocks, step-down"
        } else {
            "exchange of trials, Holm's correction"
        };
        format!(
            "{} comparisons: {} {}, {} {}, {} without a difference shown, which is not to \
             say that there is none. p is corrected for all of them ({test}): the chance of calling \
             any table here {} or {} that is not is at most {}. Intervals are of each ratio \
             by itself.",
            self.judged.len(),
            count(first),
            self.quantity.verdict(first),
            count(second),
            self.quantity.verdict(second),
            count(Verdict::NoDifferenceShown),
            self.quantity.verdict(first),
            self.quantity.verdict(second),
            percent(ALPHA)
        )
    }
}

/// One comparison, in base units.
fn object(judged: &Judged<'_>, quantity: Quantity) -> Value {
    let (ours, theirs) = (judged.ours, judged.theirs);
    let row = &ours.row;
    let interval = |end: fn((f64, f64)) -> f64| judged.ratio.interval.map(end);
    let mut object = parameters_to_json(row);
    let judgement = json!({
        "case": row.case,
        "subject": ours.subject,
        "baseline": theirs.subject,
        "baseline_case": theirs.row.case,
        "trials": ours.trials.len(),
        "baseline_trials": theirs.trials.len(),
        "pairs": judged.pairs,
        "ratio": judged.ratio.centre,
        "ratio_low": interval(|ends| ends.0),
        "ratio_high": interval(|ends| ends.1),
        "ratio_over_wall_time": judged.wall_ratio,
        "p": judged.p,
        "p_adjusted": judged.adjusted,
        "noise_floor": judged.floor,
        "verdict": quantity.verdict(judged.verdict).replace(' ', "-"),
        "rate": ours.workload.rate(),
    });
    object.extend(judgement.as_object().cloned().unwrap_or_default());
    let medians = quantity.to_json(ours.median(), theirs.median());
    object.extend(medians.as_object().cloned().unwrap_or_default());
    if object["rate"].is_null() {
        object.remove("rate");
    }
    Value::Object(object)
}

/// The workloads' names, with all of the setting where the short one names two.
pub(crate) fn headings<'w>(workloads: impl Iterator<Item = &'w Workload> + Clone) -> Vec<String> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    workloads.clone().for_each(|workload| *uses.entry(workload.to_string()).or_default() += 1);
    let name = |workload: &Workload| {
        let short = workload.to_string();
        if uses[&short] == 1 {
            return short;
        }
        format!("{short}\n{}", workload.setting().in_words().replace("; ", ";\n"))
    };
    workloads.map(name).collect()
}

/// Fields as a line of a table of LaTeX.
fn tex_row(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|field| escaped(&field)).collect();
    format!("{} \\\\\n", fields.join(" & "))
}

/// Numbers to the right: all but the subject, in column `subject`, and the verdict.
fn align(table: &mut Table, subject: usize) {
    let verdict = table.column_count().saturating_sub(1);
    for (i, column) in table.column_iter_mut().enumerate() {
        if i != subject && i != verdict {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Broken between words, each paragraph for itself, with an end of line.
pub(crate) fn wrapped(text: &str) -> String {
    let mut wrapped = String::new();
    for paragraph in text.lines() {
        let indent = paragraph.len() - paragraph.trim_start().len();
        let mut line = " ".repeat(indent);
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            if line.chars().count() + word.chars().count() > WIDTH {
                wrapped.push_str(line.trim_end());
                wrapped.push('\n');
                line = " ".repeat(indent);
            }
            line.push_str(word);
            line.push(' ');
        }
        wrapped.push_str(line.trim_end());
        wrapped.push('\n');
    }
    wrapped
}

fn percent(share: f64) -> String {
    format!("{} %", share * 100.0)
}
