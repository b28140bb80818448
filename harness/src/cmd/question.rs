//! What `cmp` and `report` ask of result folders, and the comparisons that answer it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::folders::{
    Recorded, Selection, best_of, check_baseline, first_subject, one_table, same_times,
    share_cells, share_trials,
};
use super::output::say;
use crate::analysis::compare::{
    Baseline, Contender, Floors, Plan, Quantity, Workload, before_and_after, cells, check, judge,
    seed_spreads, with_baseline, with_threads,
};
use crate::analysis::latency::that_kept_their_rate;
use crate::analysis::throughput::{ChosenRate, Rate};
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::results::folder::EXPERIMENT;
use crate::results::machine::{Difference, is_of_hardware};
use crate::rows::latency::{LatencyPlace, LatencyTrial};
use crate::rows::server::ServerRow;
use crate::rows::{Row, cache, latency, server};
use crate::show::text::comparison::{Mode, Report};

/// What is compared with what, and by which rate.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Question {
    /// The subject to compare with; of a list `A,B` or a glob, the best by median in each cell [default: the
    /// experiment's first subject]
    #[arg(long, value_name = "SUBJECT")]
    pub(super) baseline: Option<Baseline>,
    /// Compare each subject with itself at N threads, in place of a baseline
    #[arg(long, value_name = "N", conflicts_with = "baseline")]
    baseline_threads: Option<usize>,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Compare two runs even if they are from different machines
    #[arg(long)]
    across_machines: bool,
}

impl Question {
    /// Whether times of latency trials are compared.
    fn is_of_latency(&self) -> bool {
        matches!(self.selection.quantity(), Quantity::Response(..))
    }

    /// Refuses what says something of trials, where there are none.
    pub(super) fn of_predictions(&self) -> Result<(), Failure> {
        let own = [
            ("--baseline", self.baseline.is_some()),
            ("--baseline-threads", self.baseline_threads.is_some()),
            ("--across-machines", self.across_machines),
        ];
        let own = own.into_iter().filter_map(|(option, is_given)| is_given.then_some(option));
        match own.chain(self.selection.of_trials()).next() {
            Some(option) => Err(usage(format!(
                "{option}: these are predictions, and it says something of trials; --filter takes cells of \
                 predictions, too"
            ))),
            None => Ok(()),
        }
    }
}

/// Compares the subjects of `folders`, or two runs, and hands on the result, which may be empty.
pub(super) fn compare<T>(
    registry: &Registry,
    asked: &Question,
    folders: &[Recorded],
    then: impl FnOnce(Report<'_>) -> T,
) -> Result<T, Failure> {
    match folders {
        [before, after] if are_two_runs(before, after) => compare_runs(asked, before, after, then),
        _ => compare_subjects(registry, asked, folders, then),
    }
}

pub(super) fn are_two_runs(before: &Recorded, after: &Recorded) -> bool {
    let differ = !before.machine.all_differences(&after.machine).is_empty();
    share_trials(before, after) || differ && share_cells(before, after)
}

fn compare_subjects<T>(
    registry: &Registry,
    asked: &Question,
    folders: &[Recorded],
    then: impl FnOnce(Report<'_>) -> T,
) -> Result<T, Failure> {
    one_table(folders, asked.is_of_latency())?;
    let base = Base::of(registry, asked, folders)?;
    let wanted = base.places(folders.iter().flat_map(|folder| &folder.rows), &asked.selection);
    // What nothing is compared with has no say in the rate.
    let is_beside = |row: &Row| wanted.is_empty() || wanted.contains(&base.place(row));
    let matters = |row: &&Row| {
        asked.selection.wants(row) || base.has(row, &asked.selection) && is_beside(row)
    };
    let quantity = asked.selection.quantity();
    let rows: Vec<Vec<Row>> = folders
        .iter()
        .map(|folder| folder.rows.iter().filter(matters).cloned().collect())
        .collect();
    let choice = asked.selection.choose(&rows.concat(), folders[0].machine.parallelism());
    let choice = base.one_rate(choice);
    let by = (quantity, &choice);
    let cells = contenders(folders, by, |row| matters(&row))?;
    let (plan, mode) = base.plan(&cells, |cell| asked.selection.wants(&cell.row));
    let floors = floors(folders, by)?;
    Ok(then(report(mode, (quantity, choice), &plan, &floors, &cells)))
}

/// What subjects are compared with.
enum Base {
    /// One of them, or the best of some; and why.
    Subject(Baseline, String),
    /// Themselves, at so many threads.
    Threads(usize),
}

impl Base {
    fn of(registry: &Registry, asked: &Question, folders: &[Recorded]) -> Result<Self, Failure> {
        if let Some(threads) = asked.baseline_threads {
            return Self::of_threads(threads, folders);
        }
        let (baseline, why) = match &asked.baseline {
            Some(baseline) => (baseline.clone(), String::new()),
            None => {
                let subject = first_subject(registry, &folders[0])?;
                let baseline = Baseline::of_subject(&subject);
                (baseline, format!(", the first subject of {}/{EXPERIMENT}", folders[0].label))
            }
        };
        check_baseline(&baseline, folders)?;
        let quantity = asked.selection.quantity();
        let baseline = if quantity.is_a_cost() { baseline.of_least() } else { baseline };
        Ok(Self::Subject(baseline, why))
    }

    fn of_threads(threads: usize, folders: &[Recorded]) -> Result<Self, Failure> {
        let rows = folders.iter().flat_map(|folder| &folder.rows);
        let known: BTreeSet<usize> = rows.map(|row| row.threads).collect();
        if known.contains(&threads) {
            return Ok(Self::Threads(threads));
        }
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        Err(usage(format!(
            "--baseline-threads {threads}: no trial has as many; there are trials at {}",
            known.join(", ")
        )))
    }

    /// Whether a trial is one of those that others are compared with.
    fn has(&self, row: &Row, selection: &Selection) -> bool {
        match self {
            Self::Subject(baseline, _) => {
                !row.twin && baseline.names(&row.subject(), &row.structure)
            }
            Self::Threads(threads) => row.threads == *threads && selection.is_subject(row),
        }
    }

    /// What a trial shares with those that it is compared with.
    fn place(&self, row: &Row) -> (String, Workload) {
        let workload = Workload::of(row);
        match self {
            Self::Subject(..) => (String::new(), workload),
            Self::Threads(_) => (row.subject(), workload.of_any_threads()),
        }
    }

    /// Those of the trials that are asked for.
    fn places<'r>(
        &self,
        rows: impl Iterator<Item = &'r Row>,
        selection: &Selection,
    ) -> BTreeSet<(String, Workload)> {
        rows.filter(|row| selection.wants(row)).map(|row| self.place(row)).collect()
    }

    /// The rate by which both sides of a ratio are measured.
    fn one_rate(&self, choice: ChosenRate) -> ChosenRate {
        match self {
            Self::Threads(_) => choice.of_one_kind(),
            // Both have as many threads.
            Self::Subject(..) => choice,
        }
    }

    /// What stands against what, and in words.
    fn plan<'c>(
        &self,
        cells: &'c [Contender],
        wanted: impl Fn(&Contender) -> bool,
    ) -> (Plan<'c>, Mode) {
        match self {
            Self::Subject(baseline, why) => {
                let mode = Mode::Subjects(in_words(baseline, cells) + why);
                (with_baseline(cells, baseline, wanted), mode)
            }
            Self::Threads(threads) => {
                (with_threads(cells, *threads, wanted), Mode::Threads(*threads))
            }
        }
    }
}

/// The cells of what is compared, of the rows that matter.
fn contenders(
    folders: &[Recorded],
    (quantity, choice): (Quantity, &ChosenRate),
    matters: impl Fn(&Row) -> bool,
) -> Result<Vec<Contender>, Failure> {
    let mut rows: Vec<Vec<Row>> = Vec::new();
    let is_of_servers =
        folders.iter().flat_map(|folder| &folder.rows).any(|row| row.server.is_some());
    if quantity.is_of_servers() || is_of_servers && quantity == Quantity::HitRatio {
        return of_servers(folders, quantity, matters);
    }
    if quantity.is_of_caches() {
        return of_caches(folders, quantity, matters);
    }
    let Quantity::Response(..) = quantity else {
        for folder in folders {
            let own = folder.rows.iter().filter(|row| matters(row));
            rows.push(own.map(|row| quantity.in_place_of_rate(row)).collect());
        }
        let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
        return Ok(cells(&rows, choice.metric));
    };
    of_latency(folders, quantity, matters)
}

/// The cells of latency trials, by rate.
fn of_latency(
    folders: &[Recorded],
    quantity: Quantity,
    matters: impl Fn(&Row) -> bool,
) -> Result<Vec<Contender>, Failure> {
    let trials = folders.iter().map(timed).collect::<Result<Vec<_>, _>>()?;
    let kept = that_kept_their_rate(trials.iter().flat_map(|(own, _)| own));
    let mut rates: BTreeMap<u64, Vec<Vec<Row>>> = BTreeMap::new();
    for (i, (own, served)) in trials.iter().enumerate() {
        for trial in own.iter().filter(|trial| matters(&trial.row)) {
            let rate = trial.open.rate.to_bits();
            let is_kept = kept.contains(&(trial.row.case.as_str(), rate));
            let row = quantity.of_latency(trial, is_kept, served.get(&trial.place()));
            if is_kept && trial.lacks_histograms() && row.ops_per_sec.is_none() {
                return Err(without_histograms(&folders[i], trial, quantity));
            }
            let rows = rates.entry(rate).or_default();
            rows.resize(folders.len(), Vec::new());
            rows[i].push(row);
        }
    }
    if rates.is_empty() {
        return Err(usage(
            "there is no latency trial: the experiment file needs `[latency]`".to_owned(),
        ));
    }
    let mut all = Vec::new();
    for (rate, rows) in rates {
        let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
        all.extend(cells(&rows, Rate::WallRate).into_iter().map(|cell| Contender {
            workload: cell.workload.clone().at_rate(f64::from_bits(rate)),
            ..cell
        }));
    }
    Ok(all)
}

/// Latency trials, and what is measured of servers alone of those that are of one.
type TimedTrials = (Vec<LatencyTrial>, HashMap<LatencyPlace, ServerRow>);

/// Those of a folder.
fn timed(folder: &Recorded) -> Result<TimedTrials, Failure> {
    let read = || {
        let own = latency::read(&folder.path)?;
        let served = server::by_place(server::read(&folder.path, &[], &own)?);
        anyhow::Ok((own, served))
    };
    read().map_err(|error| usage(format!("{error:#}")))
}

/// That this is read off histograms, which the folder has not.
fn without_histograms(folder: &Recorded, trial: &LatencyTrial, quantity: Quantity) -> Failure {
    usage(format!(
        "{} has no histogram of {} at {} operations per second in block {}, counted from 1, off \
         which {} is read",
        folder.path.join(latency::LATENCY).display(),
        trial.row.subject(),
        trial.open.rate,
        trial.row.block + 1,
        quantity.heading()
    ))
}

/// The cells of what is compared of caches alone.
fn of_caches(
    folders: &[Recorded],
    quantity: Quantity,
    matters: impl Fn(&Row) -> bool,
) -> Result<Vec<Contender>, Failure> {
    let absent = "there is no trial of a cache: the experiment file needs `[cache]`";
    beside_trials(folders, absent, |folder| {
        let own = cache::read(&folder.path, &folder.rows)?;
        let of_trial = cache::by_trial(&own);
        let with = |row: &Row| {
            quantity.of_cache(row, of_trial.get(&(row.case.as_str(), row.block)).copied())
        };
        Ok(folder.rows.iter().filter(|row| matters(row)).map(with).collect())
    })
}

/// The cells of what is compared of servers alone.
fn of_servers(
    folders: &[Recorded],
    quantity: Quantity,
    matters: impl Fn(&Row) -> bool,
) -> Result<Vec<Contender>, Failure> {
    let absent = "there is no trial of a server that has it: the experiment file needs `[server]`";
    beside_trials(folders, absent, |folder| {
        let own = server::read(&folder.path, &folder.rows, &[])?;
        let of_trial = server::by_trial(&own);
        let with = |row: &Row| {
            quantity.of_server(row, of_trial.get(&(row.case.as_str(), row.block)).copied())
        };
        Ok(folder.rows.iter().filter(|row| matters(row)).map(with).collect())
    })
}

/// The cells of what stands in a file beside the trials, which `with_it` puts in the place of their rates; `absent`
/// is said if no trial has it.
fn beside_trials(
    folders: &[Recorded],
    absent: &str,
    with_it: impl Fn(&Recorded) -> anyhow::Result<Vec<Row>>,
) -> Result<Vec<Contender>, Failure> {
    let rows: anyhow::Result<Vec<Vec<Row>>> = folders.iter().map(with_it).collect();
    let rows = rows.map_err(|error| usage(format!("{error:#}")))?;
    if rows.iter().flatten().all(|row| row.ops_per_sec.is_none()) {
        return Err(usage(absent.to_owned()));
    }
    let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
    Ok(cells(&rows, Rate::WallRate))
}

/// The best is picked from the trials that it is compared by.
fn in_words(baseline: &Baseline, cells: &[Contender]) -> String {
    let best = best_of(baseline, cells);
    if !best.starts_with("the best of ") {
        return best;
    }
    format!("{best} in each cell by median, which looks a little better for being picked")
}

fn compare_runs<T>(
    asked: &Question,
    before: &Recorded,
    after: &Recorded,
    then: impl FnOnce(Report<'_>) -> T,
) -> Result<T, Failure> {
    let given = [
        ("--baseline names a subject", asked.baseline.is_some()),
        ("--baseline-threads is of one run's subjects", asked.baseline_threads.is_some()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(usage(format!(
            "{option}, but {} and {} are two runs, of which the first is the baseline; give one \
             folder to compare its subjects",
            before.path.display(),
            after.path.display()
        )));
    }
    let mut differences = before.machine.all_differences(&after.machine);
    refuse_other_machine(asked, before, after, &differences)?;
    say_same_trials(&asked.selection, before, after);
    let quantity = asked.selection.quantity();
    same_times(&before.path, &after.path, asked.is_of_latency())?;
    differences.extend(other_turns(before, after));
    let rows = [before, after].map(|folder| -> Vec<Row> {
        folder.rows.iter().filter(|row| asked.selection.wants(row)).cloned().collect()
    });
    let choices = [before, after].map(|folder| folder.machine.parallelism()).into_iter().zip(&rows);
    let choices =
        choices.map(|(cpus, rows)| asked.selection.choose(rows, cpus)).collect::<Vec<_>>();
    let choice = one_choice(&choices);
    let by = (quantity, &choice);
    let of = |run| contenders(std::slice::from_ref(run), by, |row| asked.selection.wants(row));
    let (before_cells, after_cells) = (of(before)?, of(after)?);
    let plan = before_and_after(&before_cells, &after_cells, |_| true);
    let mode = Mode::Runs {
        before: before.label.clone(),
        after: after.label.clone(),
        paired: plan.is_paired(),
        differences,
    };
    let all = [before_cells.clone(), after_cells.clone()].concat();
    let of = |run| floors(std::slice::from_ref(run), by);
    let (old, new) = (of(before)?, of(after)?);
    let report = report(mode, (quantity, choice), &plan, &old.or_higher(new), &all);
    // Medians of both runs differ in more than their hash seeds.
    Ok(then(Report { hash_seeds: seed_spreads(&after_cells), ..report }))
}

/// The rate that suits both runs.
fn one_choice(choices: &[ChosenRate]) -> ChosenRate {
    if choices.iter().all(|choice| choice.metric == choices[0].metric) {
        return choices[0].clone();
    }
    let why = "the two runs do not both have enough clean windows in the same cells".to_owned();
    ChosenRate { metric: Rate::WallRate, why }
}

/// Another build may be what is compared; another machine has to be asked for.
fn refuse_other_machine(
    asked: &Question,
    before: &Recorded,
    after: &Recorded,
    differences: &[Difference],
) -> Result<(), Failure> {
    let lines: Vec<String> = differences
        .iter()
        .filter(|(what, ..)| is_of_hardware(what))
        .map(|(what, a, b)| format!("  {what}: {a} and {b}"))
        .collect();
    if lines.is_empty() || asked.across_machines {
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

/// Says that a folder and its copy hold the same trials: such a pair shows no change, whatever has changed.
fn say_same_trials(selection: &Selection, before: &Recorded, after: &Recorded) {
    let name = |row: &Row| {
        let rate = row.ops_per_sec.map(f64::to_bits);
        (row.case.clone(), row.block, row.started_at.clone(), rate)
    };
    let is_dated = |row: &&Row| !row.started_at.is_empty() && selection.wants(row);
    let old: HashSet<_> = before.rows.iter().filter(is_dated).map(name).collect();
    let new: Vec<&Row> = after.rows.iter().filter(is_dated).collect();
    let same = new.iter().filter(|row| old.contains(&name(row))).count();
    if same > 0 {
        say(format_args!(
            "note: {same} of {} trials of {} are those of {}: compared with itself, a trial has the \
             ratio 1",
            new.len(),
            after.path.display(),
            before.path.display()
        ));
    }
}

/// Whether trials took turns in one run alone: they found other caches than in the other run.
fn other_turns(before: &Recorded, after: &Recorded) -> Option<Difference> {
    let taken = [before, after].map(|run| run.rows.iter().any(|row| row.slices.is_some()));
    let in_words = |taken: bool| if taken { "taken" } else { "not taken" }.to_owned();
    (taken[0] != taken[1]).then(|| ("turns", in_words(taken[0]), in_words(taken[1])))
}

/// From all A/A pairs, asked for or not.
fn floors(folders: &[Recorded], by: (Quantity, &ChosenRate)) -> Result<Floors, Failure> {
    let has_twins = folders.iter().flat_map(|folder| &folder.rows).any(|row| row.twin);
    if !has_twins {
        return Ok(Floors::default());
    }
    Ok(Floors::of(&contenders(folders, by, |_| true)?))
}

fn report<'c>(
    mode: Mode,
    (quantity, choice): (Quantity, ChosenRate),
    plan: &Plan<'c>,
    floors: &Floors,
    cells: &[Contender],
) -> Report<'c> {
    Report {
        mode,
        quantity,
        choice,
        judged: judge(plan, floors),
        left_out: plan.left_out.clone(),
        checks: check(cells),
        hash_seeds: seed_spreads(cells),
    }
}
