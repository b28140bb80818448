//! `bench merge`: joins the parts of a sweep.

use std::path::{Path, PathBuf};

use super::output;
use super::output::say;
use crate::experiment::Experiment;
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::results::merge::merge;
use crate::results::{Merged, create, folder};
use crate::rows::study;
use crate::sweep::schedule::{Done, jobs};

/// Join the parts of one sweep (`sweep --shard`) into one result folder
///
/// The parts must have the same experiment, machine and build. They are not changed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The folder to make; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let out = &args.out;
    if out.symlink_metadata().is_ok() {
        return Err(usage(format!(
            "{} exists already, and nothing is overwritten; choose another with --out",
            out.display()
        )));
    }
    let folders: Vec<&Path> = args.folders.iter().map(PathBuf::as_path).collect();
    let merged = merge(&folders)?;
    create(out, &merged)?;
    if merged.repeated > 0 {
        say(format_args!("{} trials are in several folders alike; taken once", merged.repeated));
    }
    say(missing(registry, &merged, out));
    output::print(&format!("{}\n", out.display()))?;
    Ok(())
}

/// What is in the folder, and what a sweep would still have to run.
fn missing(registry: &Registry, merged: &Merged, out: &Path) -> String {
    let latency = merged.latency.as_deref().unwrap_or_default();
    let space = merged.space.as_deref().unwrap_or_default();
    let aggregate = merged.aggregate.as_deref().unwrap_or_default();
    let trials = merged.rows.len() + latency.len() + study::places(space).len() + aggregate.len();
    let name = out.join(folder::EXPERIMENT).display().to_string();
    let Ok(experiment) = Experiment::parse(&name, &merged.experiment, &registry.catalogue()) else {
        return format!("{trials} trials; this program does not know all that {name} names");
    };
    let missing = still_to_run(&experiment, merged, 0..experiment.blocks);
    if missing == 0 {
        return format!("{trials} trials: every cell in each of the {} blocks", experiment.blocks);
    }
    format!("{trials} trials; {missing} are still to be run: sweep {name} --out {}", out.display())
}

/// How many trials of these blocks are not among the rows.
pub(super) fn still_to_run(
    experiment: &Experiment,
    merged: &Merged,
    blocks: impl Iterator<Item = u32>,
) -> usize {
    let done = Done::of(&merged.rows, merged.latency.as_deref().unwrap_or_default())
        .and_space(merged.space.as_deref().unwrap_or_default())
        .and_aggregate(merged.aggregate.as_deref().unwrap_or_default());
    let jobs = jobs(experiment).into_iter();
    let jobs: Vec<_> = jobs.map(|job| (experiment.cases[job.cell].id(), job.measure)).collect();
    blocks
        .map(|block| jobs.iter().filter(|(id, measure)| !done.has(id, block, *measure)).count())
        .sum()
}
