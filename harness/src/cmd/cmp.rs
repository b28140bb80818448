//! `bench cmp`: ratios with intervals and verdicts.

use std::path::PathBuf;

use super::folders::{
    Recorded, Selection, best_of, check_baseline, first_subject, one_table, read, share_cells,
    share_trials,
};
use crate::compare::{
    Baseline, Cell, Mode, Plan, Report, before_and_after, cells, check, judge, with_baseline,
};
use crate::failure::{Failure, usage};
use crate::machine::Difference;
use crate::record::EXPERIMENT;
use crate::row::Row;
use crate::subject::Registry;
use crate::summary::{Choice, Metric};

/// Compare subjects with a baseline, or two runs with each other: ratios, intervals, verdicts
///
/// Every subject is compared with the baseline under the same workload, within blocks. Two folders
/// that hold the same trials, or the same cells from different machines, are compared as runs
/// before and after instead. The verdicts `faster`, `slower` and `no difference shown` are
/// corrected for their number: narrow the table by --filter to what you asked beforehand.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders: parts of one run, or BEFORE and AFTER
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The subject to compare with; of a list `A,B` or a glob the best by median in each cell; the
    /// experiment's first subject if not given
    #[arg(long, value_name = "SUBJECT")]
    baseline: Option<Baseline>,
    #[command(flatten)]
    selection: Selection,
    /// Compare two runs although they are from different machines
    #[arg(long)]
    across_machines: bool,
    /// Print a Markdown table
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let folders = read(&args.folders)?;
    match folders.as_slice() {
        [before, after] if are_two_runs(before, after) => compare_runs(args, before, after),
        _ => compare_subjects(registry, args, &folders),
    }
}

fn are_two_runs(before: &Recorded, after: &Recorded) -> bool {
    let differ = !before.machine.differences(&after.machine).is_empty();
    share_trials(before, after) || differ && share_cells(before, after)
}

fn compare_subjects(registry: &Registry, args: &Args, folders: &[Recorded]) -> Result<(), Failure> {
    one_table(folders)?;
    let path = &folders[0].path;
    let (baseline, why) = match &args.baseline {
        Some(baseline) => (baseline.clone(), String::new()),
        None => {
            let subject = first_subject(registry, path)?;
            let baseline = subject.parse().expect("a subject's name is a glob");
            (baseline, format!(", the first subject of {}", path.join(EXPERIMENT).display()))
        }
    };
    check_baseline(&baseline, folders)?;
    let matters =
        |row: &&Row| args.selection.wants(row) || baseline.names(&row.subject(), &row.structure);
    let rows: Vec<Vec<Row>> = folders
        .iter()
        .map(|folder| folder.rows.iter().filter(matters).cloned().collect())
        .collect();
    let choice = args.selection.choose(&rows.concat(), folders[0].machine.parallelism());
    let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
    let cells = cells(&rows, choice.metric);
    let plan = with_baseline(&cells, &baseline, |cell| args.selection.wants(&cell.row));
    let mode = Mode::Subjects(in_words(&baseline, &cells) + &why);
    conclude(args, mode, choice, &plan, &cells)
}

/// The best is picked from the trials that it is compared by.
fn in_words(baseline: &Baseline, cells: &[Cell]) -> String {
    let best = best_of(baseline, cells);
    if !best.starts_with("the best of ") {
        return best;
    }
    format!("{best} in each cell by median, which looks a little better for being picked")
}

fn compare_runs(args: &Args, before: &Recorded, after: &Recorded) -> Result<(), Failure> {
    if args.baseline.is_some() {
        return Err(usage(format!(
            "--baseline names a subject, but {} and {} are two runs, of which the first is the \
             baseline; give one folder to compare its subjects",
            before.path.display(),
            after.path.display()
        )));
    }
    let differences = before.machine.differences(&after.machine);
    refuse_other_machine(args, before, after, &differences)?;
    refuse_other_times(before, after)?;
    let rows = [before, after].map(|folder| -> Vec<Row> {
        folder.rows.iter().filter(|row| args.selection.wants(row)).cloned().collect()
    });
    let choices = [before, after].map(|folder| folder.machine.parallelism()).into_iter().zip(&rows);
    let choices = choices.map(|(cpus, rows)| args.selection.choose(rows, cpus)).collect::<Vec<_>>();
    let choice = one_choice(&choices);
    let [before_cells, after_cells] = rows.each_ref().map(|rows| cells(&[rows], choice.metric));
    let plan = before_and_after(&before_cells, &after_cells, |_| true);
    let mode = Mode::Runs {
        before: before.path.display().to_string(),
        after: after.path.display().to_string(),
        paired: plan.is_paired(),
        differences,
    };
    conclude(args, mode, choice, &plan, &[before_cells.clone(), after_cells.clone()].concat())
}

/// The rate that suits both runs.
fn one_choice(choices: &[Choice]) -> Choice {
    if choices.iter().all(|choice| choice.metric == choices[0].metric) {
        return choices[0].clone();
    }
    let why = "the two runs do not both have enough clean windows in the same cells".to_owned();
    Choice { metric: Metric::WallRate, why }
}

/// Another build may be what is compared; another machine has to be asked for.
fn refuse_other_machine(
    args: &Args,
    before: &Recorded,
    after: &Recorded,
    differences: &[Difference],
) -> Result<(), Failure> {
    let of_machine = |what: &str| matches!(what, "cpu_model" | "cpus" | "kernel");
    let lines: Vec<String> = differences
        .iter()
        .filter(|(what, ..)| of_machine(what))
        .map(|(what, a, b)| format!("  {what}: {a} and {b}"))
        .collect();
    if lines.is_empty() || args.across_machines {
        return Ok(());
    }
    Err(usage(format!(
        "{} and {} were measured on different machines:\n{}\n\
         A difference between them may be the machines'. To compare them all the same, add \
         --across-machines.",
        before.path.display(),
        after.path.display(),
        lines.join("\n")
    )))
}

fn refuse_other_times(before: &Recorded, after: &Recorded) -> Result<(), Failure> {
    let (ours, theirs) = (before.times()?, after.times()?);
    for (what, a, b) in [("seconds", ours.0, theirs.0), ("warmup", ours.1, theirs.1)] {
        if a != b {
            return Err(usage(format!(
                "`{what}` is {a} in {} and {b} in {}, so their trials are not of one kind",
                before.path.display(),
                after.path.display()
            )));
        }
    }
    Ok(())
}

fn conclude(
    args: &Args,
    mode: Mode,
    choice: Choice,
    plan: &Plan<'_>,
    cells: &[Cell],
) -> Result<(), Failure> {
    if plan.pairings.is_empty() {
        let why = match plan.left_out.as_slice() {
            [] => args.selection.in_words(),
            reasons => reasons.join("\n"),
        };
        return Err(usage(format!("there is nothing to compare: {why}")));
    }
    let report = Report {
        mode,
        choice,
        judged: judge(plan),
        left_out: plan.left_out.clone(),
        checks: check(cells),
    };
    let text = if args.json {
        format!("{:#}\n", report.json())
    } else if args.markdown {
        report.markdown()
    } else {
        report.text()
    };
    super::print(&text)?;
    Ok(())
}
