//! `bench submit`: a sweep on a cluster, by its scheduler.

mod slurm;

use std::path::{Path, PathBuf};

use self::slurm::{SlurmOptions, Sweep};
use super::output::print;
use super::{merge, sweep};
use crate::experiment::{Experiment, Overrides};
use crate::failure::{Failure, usage};
use crate::programs::Programs;
use crate::results;
use crate::results::folder::{EXPERIMENT, MACHINE};
use crate::rows::throughput::TRIALS;
use crate::sweep::schedule::Shard;

/// Run a sweep on a cluster: first its parts in parallel, then their merge
///
/// Each part (`sweep --shard`) has a node to itself, and a folder in DIR.parts beside the result folder. When
/// all parts have succeeded, they are merged into the result folder, and figures are drawn. Running the same command
/// again submits only what is missing. This program, the experiment and the folders must be on a file system
/// that the nodes share.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment file
    #[arg(value_name = "SPEC.toml")]
    spec: PathBuf,
    /// Use Slurm: an array job for the parts, and a job for the merge that depends on it
    #[arg(long, required = true)]
    slurm: bool,
    /// Number of parts of the sweep, at most one per block [default: eight, or the number of blocks if that is
    /// less]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    shards: Option<u32>,
    /// The result folder [default: `results/` and the file's name without `.toml`]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Slurm features that a node must have, so that all nodes are alike; the merge checks that they are
    #[arg(long, value_name = "FEATURES")]
    constraint: Option<String>,
    /// Slurm's partition
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Slurm's time limit for each part, for example 2:00:00
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Show the scripts and commands, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(programs: &Programs, args: &Args) -> Result<(), Failure> {
    debug_assert!(args.slurm, "it is required until there is another scheduler");
    // All families are built here, so that no node builds them.
    let registry = sweep::registry_for(programs, &args.spec)?;
    let nothing = Overrides { seed: None, seconds: None, warmup: None, blocks: None };
    let (text, experiment) = sweep::read(&args.spec, &nothing, &registry.catalogue())?;
    let shards = shards(args.shards, experiment.blocks)?;
    let out = args.out.clone().unwrap_or_else(|| sweep::default_folder(&args.spec));
    let absolute = |path: &Path| std::path::absolute(path).map_err(anyhow::Error::from);
    let sweep = Sweep {
        bench: std::env::current_exe().map_err(anyhow::Error::from)?,
        spec: absolute(&args.spec)?,
        folder: std::env::current_dir().map_err(anyhow::Error::from)?,
        parts: parts_of(&absolute(&out)?),
        out: absolute(&out)?,
        shards,
        options: SlurmOptions {
            constraint: args.constraint.clone(),
            partition: args.partition.clone(),
            time: args.time.clone(),
        },
    };
    let missing = missing(&sweep, &text, &experiment)?;
    if sweep.out.symlink_metadata().is_ok() {
        if missing.is_empty() {
            print(&format!("{}: measured and merged; nothing is missing\n", out.display()))?;
            return Ok(());
        }
        return Err(usage(format!(
            "{} exists already, and a merge overwrites nothing; choose another with --out",
            out.display()
        )));
    }
    if args.dry_run {
        print(&sweep.in_words(&missing))?;
        return Ok(());
    }
    print(&sweep.submit(&missing)?)?;
    Ok(())
}

/// How many parts there are.
fn shards(asked: Option<u32>, blocks: u32) -> Result<u32, Failure> {
    match asked {
        Some(shards) if shards > blocks => Err(usage(format!(
            "--shards {shards}: a part has a block at least, and the experiment has {blocks}"
        ))),
        Some(shards) => Ok(shards),
        None => Ok(blocks.min(8)),
    }
}

/// The folder of the parts: beside the result folder, which is whole or not there.
fn parts_of(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".parts");
    out.with_file_name(name)
}

/// The parts that have trials still to be run.
fn missing(sweep: &Sweep, text: &str, experiment: &Experiment) -> Result<Vec<u32>, Failure> {
    let mut missing = Vec::new();
    for part in 1..=sweep.shards {
        let shard = Shard { part, of: sweep.shards };
        let path = sweep.part(part);
        // A job that was killed when it had hardly begun leaves some of these. Where blocks are added until intervals are
        // narrow, the part itself knows whether it has enough.
        let has_begun = [TRIALS, EXPERIMENT, MACHINE].iter().all(|name| path.join(name).exists());
        if !has_begun || experiment.target_halfwidth.is_some() {
            missing.push(part);
            continue;
        }
        let rows = results::merge::merge(&[&path])?;
        if rows.experiment != text {
            return Err(usage(format!(
                "{} is of another experiment than {}; choose another folder with --out",
                path.display(),
                sweep.spec.display()
            )));
        }
        let blocks = (0..experiment.blocks).filter(|block| shard.has(*block));
        if merge::still_to_run(experiment, &rows, blocks) > 0 {
            missing.push(part);
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_block() {
        assert_eq!(shards(None, 3).unwrap(), 3);
        assert_eq!(shards(None, 30).unwrap(), 8);
        assert_eq!(shards(Some(30), 30).unwrap(), 30);
        assert!(shards(Some(31), 30).is_err());
    }

    #[test]
    fn parts_are_beside_the_results() {
        assert_eq!(parts_of(Path::new("/a/results/b.c")), Path::new("/a/results/b.c.parts"));
    }
}
