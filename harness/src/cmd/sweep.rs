//! `bench sweep`: an experiment file, from plan to figures.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use indicatif::HumanDuration;

use super::conclude::conclude;
use super::cost::seconds;
use super::decides;
use super::live::Estimates;
use super::output::{print, say};
use super::progress::Progress;
use crate::analysis::throughput::choose_metric;
use crate::case::Case;
use crate::experiment::{
    Experiment, Overrides, SpecError, apply_overrides, is_of_servers, with_traces,
};
use crate::failure::{Failure, usage};
use crate::metric::Counters;
use crate::programs::catalogue::{Catalogue, NameGlob};
use crate::programs::{Programs, Registry};
use crate::results::folder::{Folder, ThroughputTrial};
use crate::results::machine::Machine;
use crate::rows::{Row, study};
use crate::sweep::groups::{self, Memory, Placed, SweepStep, steps, turns_of};
use crate::sweep::schedule::{
    Done, Job, Measure, Precision, Shard, block_order, jobs, judge, turn_order,
};
use crate::sweep::together;
use crate::sweep::trials::{Trial, told};
use ::trials::compressed::read_text;
use ::trials::server::{is_memcached, memcached_version};

/// Run an experiment file: trials in random interleaved blocks, then a table, figures and a page
///
/// If you run the same command again, it continues where it stopped, and repeats nothing. Ctrl-C ends it, and
/// drops the running trial, or the running group of trials that take turns.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment file
    #[arg(value_name = "SPEC.toml")]
    spec: PathBuf,
    /// The result folder [default: `results/` and the file's name without `.toml`]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of blocks, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    blocks: Option<u32>,
    /// Measured seconds per trial, instead of the file's
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Run only the cells whose subject, structure or id matches (variants only by a glob with a
    /// `:`); the others can be run later
    #[arg(long, value_name = "GLOB")]
    only: Option<NameGlob>,
    /// The experiment's seed, instead of the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Show the cells and the estimated time, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Start anew: move the old result folder aside
    #[arg(long)]
    fresh: bool,
    /// Show, between trials, the estimate of every cell so far, if standard error is a terminal
    #[arg(long)]
    live: bool,
    /// Run the K-th of N parts of the blocks
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
}

/// Bytes of an experiment file: far more than lists of as many values as there may be cells.
const LARGEST_SPEC: u64 = 16 << 20;

pub(super) fn run(programs: &Programs, args: &Args) -> Result<(), Failure> {
    let registry = registry_for(programs, &args.spec)?;
    let catalogue = registry.catalogue();
    let overrides =
        Overrides { seed: args.seed, seconds: args.seconds, warmup: None, blocks: args.blocks };
    let (text, experiment) = read(&args.spec, &overrides, &catalogue)?;
    let plan = SweepPlan::new(&experiment, &registry, args)?;
    let out = args.out.clone().unwrap_or_else(|| default_folder(&args.spec));
    let structures = experiment.cases.iter().map(|case| case.structure.as_str());
    let is_of_servers = experiment.cases.iter().any(|case| case.server.is_some());
    let facts =
        if is_of_servers { registry.build() } else { registry.build_of(structures.clone()) };
    let is_measured = structures.clone().any(is_memcached);
    let memcached = is_measured.then(memcached_version).flatten();
    let mut machine = Machine { memcached, ..Machine::read(&facts) };
    if !machine.is_of_a_commit() {
        machine.programs = Some(registry.digest_of(structures)?);
    }
    let calls = decides::in_words(&experiment, plan.cells(), &out, &machine);
    if args.dry_run {
        return plan.show(calls);
    }
    if args.fresh
        && let Some(aside) = Folder::move_aside(&out)?
    {
        say(format_args!("moved {} aside to {}", out.display(), aside.display()));
    }
    let mut folder = Folder::open(&out, &text, &experiment, &catalogue, &machine)?;
    folder.notes().iter().for_each(|note| say(format_args!("note: {note}")));
    if let Some(why) = Counters::open().absent() {
        say(format_args!("hardware counters: {why}"));
    }
    say(&calls);
    let interrupted = watch_for_interrupt()?;
    let finished = plan.measure(&mut folder, machine.parallelism(), &interrupted)?;
    if !finished {
        return Err(Failure::Run(anyhow::anyhow!(
            "interrupted after {} trials; {} is whole, and the same command goes on from there",
            trials_of(&folder),
            out.display()
        )));
    }
    conclude(&registry, &folder, machine)
}

/// What an experiment needs: the program of servers if it is about them, else those of all tables.
pub(super) fn registry_for(programs: &Programs, spec: &Path) -> Result<Registry, Failure> {
    // What is wrong with the file, its reading says.
    let text = read_text(spec, LARGEST_SPEC).unwrap_or_default();
    if is_of_servers(&text) { programs.serving() } else { programs.all() }
}

/// The experiment of a file with the command line's settings written in, as a result folder has it.
pub(super) fn read(
    spec: &Path,
    overrides: &Overrides,
    catalogue: &Catalogue,
) -> Result<(String, Experiment), Failure> {
    let name = spec.display().to_string();
    let text = read_text(spec, LARGEST_SPEC)
        .map_err(|error| usage(format!("cannot read {name}: {error}")))?;
    let parse =
        |text: &str| Experiment::parse(&name, text, catalogue).map_err(|error| rendered(&error));
    let folder = spec.parent().unwrap_or(Path::new(""));
    let text = with_traces(&name, &text, folder).map_err(|error| rendered(&error))?;
    parse(&text)?;
    let text = apply_overrides(&text, overrides);
    let mut experiment = parse(&text)?;
    folder.clone_into(&mut experiment.folder);
    Ok((text, experiment))
}

fn rendered(error: &SpecError) -> Failure {
    Failure::Text(error.render(io::stderr().is_terminal()))
}

pub(super) fn default_folder(spec: &Path) -> PathBuf {
    Path::new("results").join(spec.file_stem().unwrap_or_default())
}

/// Becomes true at Ctrl-C or a polite request to end.
fn watch_for_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))
        .context("cannot watch for Ctrl-C")?;
    Ok(flag)
}

/// The cells and blocks of one sweep command.
struct SweepPlan<'e> {
    experiment: &'e Experiment,
    registry: &'e Registry,
    /// The trials of a block.
    jobs: Vec<Job>,
    /// Which of the experiment's cases this command runs.
    wanted: Vec<bool>,
    shard: Shard,
    live: bool,
}

impl<'e> SweepPlan<'e> {
    fn new(
        experiment: &'e Experiment,
        registry: &'e Registry,
        args: &Args,
    ) -> Result<Self, Failure> {
        let matches = |case: &Case| {
            args.only.as_ref().is_none_or(|glob| {
                [case.subject(), case.structure.clone(), case.id()]
                    .iter()
                    .any(|name| glob.matches(name))
            })
        };
        let wanted: Vec<bool> = experiment.cases.iter().map(matches).collect();
        if !wanted.contains(&true) {
            let glob = args.only.as_ref().map_or("", NameGlob::text);
            return Err(usage(format!(
                "--only {glob}: no cell's subject, structure or id matches; --dry-run shows all"
            )));
        }
        let (Shard { part, of }, most) = (args.shard, experiment.max_blocks);
        if !(0..most).any(|block| args.shard.has(block)) {
            return Err(usage(format!(
                "--shard {part}/{of}: of {most} blocks none is of that part"
            )));
        }
        let (jobs, live) = (jobs(experiment), args.live);
        Ok(Self { experiment, registry, jobs, wanted, shard: args.shard, live })
    }

    fn cells(&self) -> impl Iterator<Item = &Case> {
        self.experiment.cases.iter().zip(&self.wanted).filter(|(_, wanted)| **wanted).map(|c| c.0)
    }

    /// The trials of a block that this command runs.
    fn wanted(&self) -> impl Iterator<Item = Job> {
        self.jobs.iter().copied().filter(|job| self.wanted[job.cell])
    }

    /// The trials of a block that this command runs, in the block's order, each with its position.
    fn of_block(&self, block: u32) -> Vec<Placed> {
        let order = block_order(self.experiment.seed, block, self.jobs.len());
        let placed = order.into_iter().enumerate();
        let placed = placed.map(|(position, index)| (position as u32, self.jobs[index]));
        placed.filter(|(_, job)| self.wanted[job.cell]).collect()
    }

    /// How trials take turns, if any do, after those of `rows`.
    fn turns_in_words(&self, rows: &[Row]) -> Option<String> {
        let memory = Memory::of(self.experiment, rows);
        groups::in_words(self.experiment, &self.of_block(0), &memory)
    }

    fn blocks(&self) -> usize {
        (0..self.experiment.blocks).filter(|block| self.shard.has(*block)).count()
    }

    fn show(&self, calls: String) -> Result<(), Failure> {
        let cells = self.cells().count();
        let block: f64 = self.wanted().map(|job| seconds(self.experiment, job)).sum();
        let total = Duration::try_from_secs_f64(block * self.blocks() as f64);
        let total = total.unwrap_or(Duration::MAX);
        let mut lines: Vec<String> =
            self.cells().map(|case| format!("{}  {case}", case.id())).collect();
        lines.extend(self.experiment.skipped.iter().map(|skipped| format!("left out: {skipped}")));
        let Experiment { notes, doubts, .. } = self.experiment;
        lines.extend(notes.iter().chain(doubts).map(|note| format!("note: {note}")));
        lines.push(format!(
            "{cells} cells x {} blocks = {} trials{}, about {}",
            self.blocks(),
            cells * self.blocks(),
            self.others_in_words(),
            HumanDuration(total)
        ));
        lines.extend(self.turns_in_words(&[]));
        lines.push(calls);
        if let Some(target) = self.experiment.target_halfwidth {
            lines.push(format!(
                "then more blocks, {} in all at most, until every interval is within {} % of its \
                 median",
                self.experiment.max_blocks,
                100.0 * target
            ));
        }
        print(&(lines.join("\n") + "\n"))?;
        Ok(())
    }

    /// ", and 24 latency trials at 1000, 2000 operations per second for 0.5 s", if there are any;
    /// and so on for the other kinds.
    fn others_in_words(&self) -> String {
        let Experiment { latency, space, aggregate, .. } = self.experiment;
        let count = |is: fn(Measure) -> bool| {
            self.wanted().filter(|job| is(job.measure)).count() * self.blocks()
        };
        let latency = latency.as_ref().map(|plan| {
            let trials = count(|measure| matches!(measure, Measure::Latency(_)));
            format!(", and {trials} latency trials at {plan}")
        });
        let space = space.as_ref().map(|plan| {
            let trials = count(|measure| measure == Measure::Space);
            format!(", and {trials} space trials at {plan}")
        });
        let aggregate = aggregate.as_ref().map(|plan| {
            let trials = count(|measure| matches!(measure, Measure::Aggregate(_)));
            format!(", and {trials} aggregations: {plan}")
        });
        latency.into_iter().chain(space).chain(aggregate).collect()
    }

    /// How many of the trials there are, and how many of them are done.
    fn progress(&self, done: &Done) -> Progress {
        let blocks: Vec<u32> =
            (0..self.experiment.blocks).filter(|block| self.shard.has(*block)).collect();
        let cells = &self.experiment.cases;
        let trials = self.wanted().map(|job| (cells[job.cell].id(), job.measure));
        let of_blocks = |(id, measure): (String, Measure)| {
            blocks.iter().filter(|block| done.has(&id, **block, measure)).count()
        };
        let old = trials.map(of_blocks).sum();
        Progress::new(old, self.wanted().count() * blocks.len())
    }

    /// Runs what is not done yet; false if interrupted.
    fn measure(
        &self,
        folder: &mut Folder,
        cpus: usize,
        interrupted: &AtomicBool,
    ) -> Result<bool, Failure> {
        let mut progress = self.progress(&done(folder));
        self.experiment.doubts.iter().for_each(|doubt| say(format_args!("note: {doubt}")));
        if let Some(words) = self.turns_in_words(folder.rows()) {
            say(words);
        }
        if self.live {
            let cells = self.cells().map(|case| (case.id(), case.to_string()));
            let target = self.experiment.target_halfwidth;
            progress.open(|| Estimates::new(cells, folder.rows(), cpus, target))?;
        }
        let mut block = 0;
        while block < self.experiment.blocks || self.wants_more(block, folder, cpus, &mut progress)
        {
            if self.shard.has(block) {
                if block >= self.experiment.blocks {
                    progress.more(self.wanted().count());
                }
                if !self.run_block((block, cpus), folder, &mut progress, interrupted)? {
                    return Ok(false);
                }
            }
            block += 1;
        }
        progress.finish();
        Ok(true)
    }

    /// The stopping rule, when the blocks that were asked for are done.
    fn wants_more(
        &self,
        block: u32,
        folder: &Folder,
        cpus: usize,
        progress: &mut Progress,
    ) -> bool {
        let target = self.experiment.target_halfwidth;
        if target.is_none() {
            return false;
        }
        // As if it had not been interrupted: by the cells of this command, in the blocks before.
        let ids: HashSet<String> = self.cells().map(Case::id).collect();
        let counts = |row: &&Row| row.block < block && ids.contains(&row.case);
        let rows: Vec<Row> = folder.rows().iter().filter(counts).cloned().collect();
        if rows.is_empty() && block < self.experiment.max_blocks {
            // A part's first block may be one of those that are added.
            return true;
        }
        let verdict = judge(&rows, choose_metric(&rows, cpus).metric, target);
        match verdict {
            Precision::Enough => {
                let why = match rows.iter().any(|row| row.counts()) {
                    true => "every interval is as narrow as asked",
                    false => "no trial counts, so that there is no interval",
                };
                progress.warn(format!("stopped after {block} blocks: {why}"));
                false
            }
            Precision::Wide { half_width, cell } if block >= self.experiment.max_blocks => {
                progress.warn(format!(
                    "stopped at max_blocks = {block}: {cell} is still within {:.1} % only",
                    100.0 * half_width
                ));
                false
            }
            Precision::Wide { .. } => true,
        }
    }

    fn run_block(
        &self,
        (block, cpus): (u32, usize),
        folder: &mut Folder,
        progress: &mut Progress,
        interrupted: &AtomicBool,
    ) -> Result<bool, Failure> {
        let done = done(folder);
        let mut left = self.of_block(block);
        left.retain(|(_, job)| {
            !done.has(&self.experiment.cases[job.cell].id(), block, job.measure)
        });
        let memory = Memory::of(self.experiment, folder.rows());
        for step in steps(self.experiment, block, &left, &memory) {
            let went_on = match step {
                SweepStep::Alone(trial) => {
                    self.run_alone(block, trial, folder, progress, interrupted)?
                }
                SweepStep::Together(group) => {
                    self.run_together((block, cpus), &group, folder, progress, interrupted)?
                }
            };
            if !went_on {
                return Ok(false);
            }
        }
        progress.end_block(block);
        Ok(true)
    }

    /// One trial; false if interrupted.
    fn run_alone(
        &self,
        block: u32,
        (position, job): Placed,
        folder: &mut Folder,
        progress: &mut Progress,
        interrupted: &AtomicBool,
    ) -> Result<bool, Failure> {
        let case = &self.experiment.cases[job.cell];
        let at = match job.measure {
            Measure::Throughput => String::new(),
            Measure::Latency(rate) => format!(" at {rate}/s"),
            Measure::Space => " filled".to_owned(),
            Measure::Aggregate(way) => format!(" counting words, {way}"),
        };
        progress.show(block, case, &at);
        let place = (block, position);
        let Some(trial) = Trial::run((self.experiment, self.registry), job, place, interrupted)?
        else {
            return Ok(false);
        };
        announce(trial.complaint(), trial.row(), &format!("{case}{at}"), progress);
        trial.record(folder)?;
        progress.step();
        Ok(true)
    }

    /// Trials that take turns; false if interrupted.
    fn run_together(
        &self,
        (block, cpus): (u32, usize),
        group: &[Placed],
        folder: &mut Folder,
        progress: &mut Progress,
        interrupted: &AtomicBool,
    ) -> Result<bool, Failure> {
        let (first, job) = group[0];
        let turns = turns_of(self.experiment, job).expect("the group takes turns");
        let case = |index: usize| &self.experiment.cases[group[index].1.cell];
        let others = group.len() - 1;
        progress.show(block, case(0), &format!(" and {others} others by turns"));
        let told: Vec<_> = group
            .iter()
            .map(|&(position, job)| told(self.experiment, job, (block, position)))
            .collect();
        let shuffle = turn_order(self.experiment.seed, block, (told[0].0.seed, first));
        let turns = (turns, cpus);
        let over = |_: &_| progress.step();
        let Some(all) = together::run(self.registry, turns, &told, shuffle, interrupted, over)?
        else {
            return Ok(false);
        };
        for (index, ThroughputTrial { row, .. }) in all.iter().enumerate() {
            announce(row.complaint(), Some(row), &case(index).to_string(), progress);
        }
        folder.append(all)?;
        Ok(true)
    }
}

/// Says of a trial that is over what is wrong with it, if anything is, and takes its row into the estimates.
fn announce(complaint: Option<&str>, row: Option<&Row>, name: &str, progress: &mut Progress) {
    if let Some(why) = complaint {
        progress.warn(format!("invalid trial: {name}: {why}"));
    }
    if let Some(row) = row {
        progress.measured(row);
    }
}

/// The trials of every kind that `folder` has.
fn done(folder: &Folder) -> Done {
    Done::of(folder.rows(), folder.latency())
        .and_space(folder.space())
        .and_aggregate(folder.aggregate())
}

/// How many trials of every kind `folder` has.
fn trials_of(folder: &Folder) -> usize {
    folder.rows().len()
        + folder.latency().len()
        + study::places(folder.space()).len()
        + folder.aggregate().len()
}
