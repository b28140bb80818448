//! `bench verify`: records histories of real concurrent runs and checks them, each subject in a
//! process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use linearizability::{Counterexample, svg, timeline};
use serde::Serialize;

use super::output;
use super::values::{positive_seconds, unknown};
use crate::case::SYSTEM;
use crate::failure::{Failure, usage};
use crate::names::file_name;
use crate::programs::ask::{Answer, ask};
use crate::programs::catalogue::NameGlob;
use crate::programs::{Programs, Registry, on_demand};
use crate::verify::{Findings, Judgement, MAX_THREADS, VerifySpec, Wrong};
use ::table::subject_name;
use ::table::{BadGlob, Entry, NO_RECLAIMER};
use trials::serve::VERIFY_COMMAND;

/// Check tables for linearizability, on recorded histories of real concurrent runs
///
/// The exit code is 1 if a subject violates its contract, crashes, or could not be decided. A violation
/// is printed as a timeline and written as SVG. A pass means that no violation was found.
/// docs/CORRECTNESS.md says what is checked and what this check cannot see.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tables
    #[arg(long, value_name = "GLOB", default_value = "*")]
    structure: String,
    /// Their reclaimers; a table without a reclaimer has `none`
    #[arg(long, value_name = "GLOB", default_value = "*")]
    reclaimer: String,
    /// Time for each subject in seconds; a round that has begun is completed
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = positive_seconds)]
    seconds: f64,
    /// Seed of keys and operations
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Worker threads
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS as i64))]
    threads: u16,
    /// Size of the key range
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    keys: u64,
    /// Where to write pictures of violations; made when there is one
    #[arg(long, value_name = "DIR", default_value = "counterexamples")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct VerifyReport {
    seed: u64,
    seconds: f64,
    threads: usize,
    keys: u64,
    subjects: Vec<Line>,
}

/// What is said of one subject.
#[derive(Serialize)]
struct Line {
    structure: String,
    reclaimer: String,
    verdict: &'static str,
    /// Why it is no pass.
    reason: String,
    #[serde(flatten)]
    findings: Findings,
    /// The picture of a violating history.
    svg: Option<PathBuf>,
    /// The command that repeats the run.
    again: String,
}

/// What makes a pattern of a name.
const GLOB: [char; 4] = ['*', '?', '[', '{'];
const LINEARIZABLE: &str = "linearizable";
const SKIPPED: &str = "skipped";

pub(super) fn run(programs: &Programs, args: &Args) -> Result<(), Failure> {
    let is_name = !args.structure.contains(GLOB);
    let registry = if is_name { programs.with(&args.structure)? } else { programs.all()? };
    let subjects = chosen(&registry, args)?;
    let mut lines = Vec::new();
    for (index, (structure, reclaimer)) in subjects.iter().enumerate() {
        let name = subject_name(&structure.name, reclaimer);
        output::say(format_args!("[{}/{}] {name}", index + 1, subjects.len()));
        lines.push(line(&registry, structure, reclaimer, args)?);
    }
    let Args { seed, seconds, keys, .. } = *args;
    let threads = usize::from(args.threads);
    let report = VerifyReport { seed, seconds, threads, keys, subjects: lines };
    let text = if args.json {
        serde_json::to_string(&report).map_err(anyhow::Error::from)? + "\n"
    } else {
        in_words(&report)
    };
    output::print(&text)?;
    conclude(&report)
}

/// The subjects that match both globs.
fn chosen<'r>(registry: &'r Registry, args: &Args) -> Result<Vec<(&'r Entry, &'r str)>, Failure> {
    let all = registry.structures();
    let structures: Vec<&str> = all.iter().map(|structure| structure.name.as_str()).collect();
    let mut reclaimers: Vec<&str> =
        registry.reclaimers().iter().map(|info| info.name.as_str()).collect();
    reclaimers.push(NO_RECLAIMER);
    let structures = matching("structure", &args.structure, &structures)?;
    let reclaimers = matching("reclaimer", &args.reclaimer, &reclaimers)?;
    let subjects: Vec<_> = all
        .iter()
        .filter(|structure| structures.contains(&structure.name.as_str()))
        .flat_map(|structure| structure.reclaimers().map(move |reclaimer| (structure, reclaimer)))
        .filter(|(_, reclaimer)| reclaimers.contains(reclaimer))
        .collect();
    if subjects.is_empty() {
        return Err(usage(format!(
            "no structure `{}` takes the reclaimer `{}`; `bench list` shows which takes which",
            args.structure, args.reclaimer
        )));
    }
    Ok(subjects)
}

/// The names that `pattern`, a name or a glob, names.
fn matching<'n>(what: &str, pattern: &str, names: &[&'n str]) -> Result<Vec<&'n str>, Failure> {
    if !pattern.contains(GLOB) && !names.contains(&pattern) {
        return Err(usage(unknown(what, pattern, names)));
    }
    let glob: NameGlob =
        pattern.parse().map_err(|error: BadGlob| usage(format!("--{what} {pattern}: {error}")))?;
    let found: Vec<&str> = names.iter().copied().filter(|name| glob.matches(name)).collect();
    if found.is_empty() {
        let how = if what == "structure" { on_demand(pattern) } else { None };
        let how = how.unwrap_or_else(|| "`bench list` shows all".to_owned());
        return Err(usage(format!("no {what} matches `{pattern}`; {how}")));
    }
    Ok(found)
}

/// Checks one subject, if it can be checked.
fn line(
    registry: &Registry,
    structure: &Entry,
    reclaimer: &str,
    args: &Args,
) -> anyhow::Result<Line> {
    let info = &structure.info;
    let threads = usize::from(args.threads).min(info.max_threads.unwrap_or(usize::MAX));
    let spec = VerifySpec {
        structure: structure.name.clone(),
        reclaimer: reclaimer.to_owned(),
        seconds: args.seconds,
        seed: args.seed,
        threads,
        keys: args.keys,
    };
    let (verdict, reason, findings) = if !info.keeps_entries {
        (SKIPPED, "it keeps no entries".to_owned(), Findings::default())
    } else if info.max_threads == Some(1) {
        (SKIPPED, "it serves one thread at a time".to_owned(), Findings::default())
    } else {
        check(registry, &spec)?
    };
    let mut line = Line {
        structure: spec.structure.clone(),
        reclaimer: reclaimer.to_owned(),
        verdict,
        reason,
        findings,
        svg: None,
        again: again(&spec),
    };
    match line.draw(&spec, &args.out) {
        Ok(path) => line.svg = path,
        // The verdict stands without the picture.
        Err(error) => output::say(format_args!("{error:#}")),
    }
    Ok(line)
}

/// Asks a process of its own.
fn check(
    registry: &Registry,
    spec: &VerifySpec,
) -> anyhow::Result<(&'static str, String, Findings)> {
    let limit = Duration::from_secs_f64(60.0 + 10.0 * spec.seconds);
    let program = registry.program(&spec.structure)?;
    let told = (VERIFY_COMMAND, SYSTEM);
    let answer = ask(program, told, spec, limit, &AtomicBool::new(false))?;
    let findings: Findings = match answer {
        Answer::Said(findings) => findings,
        Answer::Failed(why) => return Ok(("failed", why, Findings::default())),
        Answer::Interrupted => anyhow::bail!("interrupted"),
    };
    let (verdict, reason) = findings.verdict();
    let verdict = match verdict {
        Judgement::Linearizable => LINEARIZABLE,
        Judgement::Violation => "violation",
        Judgement::Unknown => "unknown",
    };
    Ok((verdict, reason, findings))
}

fn again(spec: &VerifySpec) -> String {
    let VerifySpec { structure, reclaimer, seconds, seed, threads, keys } = spec;
    let program = std::env::current_exe().ok();
    let program = program.as_deref().and_then(Path::file_name).unwrap_or("bench".as_ref());
    format!(
        "{} verify --structure {structure} --reclaimer {reclaimer} --seed {seed} \
         --threads {threads} --keys {keys} --seconds {seconds}",
        program.display()
    )
}

impl Line {
    fn subject(&self) -> String {
        subject_name(&self.structure, &self.reclaimer)
    }

    fn counterexample(&self) -> Option<&Counterexample> {
        match &self.findings.violation.as_ref()?.wrong {
            Wrong::History(example) => Some(example),
            _ => None,
        }
    }

    /// Writes the picture of a violating history to a file below `out`.
    fn draw(&self, spec: &VerifySpec, out: &Path) -> anyhow::Result<Option<PathBuf>> {
        let Some((violation, example)) =
            self.findings.violation.as_ref().zip(self.counterexample())
        else {
            return Ok(None);
        };
        let subject = self.subject();
        let stem = subject.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-");
        let stem = file_name(&stem);
        let name =
            format!("{stem}-seed{}-round{}-key{}.svg", spec.seed, violation.round, example.key);
        let path = out.join(name);
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        fs::write(&path, svg::draw(example, &subject))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Some(path))
    }

    /// What is wrong, drawn.
    fn in_words(&self) -> String {
        let mut text = format!("\n{}: {}: {}\n", self.subject(), self.verdict, self.reason);
        if let Some(violation) = &self.findings.violation {
            if let Some(example) = self.counterexample() {
                text += &timeline::draw(example);
            }
            if let Some(path) = &self.svg {
                text += &format!("  drawn in {}\n", path.display());
            }
            let (round, shape) = (violation.round, violation.shape.name());
            text += &format!(
                "  in round {round} ({shape} keys); the same operations again, though they may not \
                 meet in the same way:\n  {}\n",
                self.again
            );
        }
        text
    }
}

fn in_words(report: &VerifyReport) -> String {
    let header = [
        "subject",
        "verdict",
        "rounds",
        "operations",
        "overlapping",
        "len calls",
        "snapshots",
        "entries",
    ];
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in &report.subjects {
        let found = &line.findings;
        let numbers = [
            found.rounds,
            found.operations,
            found.overlapping,
            found.len_calls,
            found.snapshots,
            found.most_entries,
        ];
        let numbers = numbers.map(|number| number.to_string());
        table.add_row([line.subject(), line.verdict.to_owned()].into_iter().chain(numbers));
    }
    let clocks = report.subjects.iter().map(|line| line.findings.clock.as_str());
    let clock = clocks.max().unwrap_or_default();
    let mut text = format!(
        "{table}\n{} threads, {} keys, seed {}, times by the {clock}. overlapping: operations during \
         which another\nthread worked on the same key; snapshots: iterations of tables that say that these show one \
         moment;\nentries: the most at the end of a round.\n",
        report.threads, report.keys, report.seed
    );
    for line in report.subjects.iter().filter(|line| line.verdict != LINEARIZABLE) {
        text += &line.in_words();
    }
    text
}

/// Fails unless something was checked and everything that was checked passed.
fn conclude(report: &VerifyReport) -> Result<(), Failure> {
    let checked: Vec<&Line> =
        report.subjects.iter().filter(|line| line.verdict != SKIPPED).collect();
    let bad: Vec<String> = checked
        .iter()
        .filter(|line| line.verdict != LINEARIZABLE)
        .map(|line| format!("{} ({})", line.subject(), line.verdict))
        .collect();
    if checked.is_empty() {
        let why = report.subjects.iter().map(|line| format!("{}: {}", line.subject(), line.reason));
        let why: Vec<String> = why.collect();
        return Err(Failure::Run(anyhow::anyhow!("nothing was checked: {}", why.join("; "))));
    }
    if bad.is_empty() {
        return Ok(());
    }
    let (bad_count, all) = (bad.len(), checked.len());
    Err(Failure::Run(anyhow::anyhow!(
        "{bad_count} of {all} subjects did not pass: {}",
        bad.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use linearizability::history::{Call, TimedOp};
    use linearizability::{Counterexample, svg};

    #[test]
    fn a_picture_can_be_read() {
        let op = TimedOp { thread: 0, invoked: 0, returned: 9, call: Call::Get { found: Some(7) } };
        let example = Counterexample {
            key: 17,
            initial: None,
            since: "from the start".to_owned(),
            ops: vec![op],
            stuck_at: 0,
            possible: vec![None],
            out_of: 1,
            ticks_per_second: 1e9,
            strangers: Vec::new(),
        };
        let drawn = svg::draw(&example, "a<b>/c & d");
        let tree = resvg::usvg::Tree::from_str(&drawn, &resvg::usvg::Options::default());
        assert!(tree.is_ok(), "{tree:?}\n{drawn}");
    }
}
