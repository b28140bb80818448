//! `bench export`: throughput for services that watch it from commit to commit, and latency for
//! HdrHistogram's plotter.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use super::folders::{Recorded, Selection, one_table, read};
use super::output;
use crate::failure::{Failure, usage};
use crate::rows::Row;
use crate::rows::latency::{self, LATENCY_TRIALS};
use crate::show::export::{bencher, github_action_benchmark};
use crate::show::hgrm;

/// Export results for other programs: throughput as JSON, latency as files for a plotter
///
/// JSON is printed. Each entry is the median over a cell's trials in operations per second, under a name made of the
/// subject and the workload. Without --metric the rate is chosen from all cells together, and may
/// be another one after the next run: to watch a rate over time, name it. For a table in Markdown use `bench cmp
/// --markdown`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders: parts of one run
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The program that reads the export
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: ExportFormat,
    #[command(flatten)]
    selection: Selection,
    /// Where `hgrm` makes its folders, instead of `DIR/hgrm`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Programs that read results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ExportFormat {
    /// Bencher Rate Format, measure `throughput`: for `bencher run --adapter json`
    Bencher,
    /// `customBiggerIsBetter` of github-action-benchmark
    GithubActionBenchmark,
    /// Latency percentiles, one folder per cell and rate, for HdrHistogram's plotter; prints the files' names
    Hgrm,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    args.selection.rates_alone()?;
    let folders = read(&args.folders)?;
    one_table(&folders, args.format == ExportFormat::Hgrm)?;
    let to_json = match args.format {
        ExportFormat::Bencher => bencher,
        ExportFormat::GithubActionBenchmark => github_action_benchmark,
        ExportFormat::Hgrm => return write_hgrm(args, &folders),
    };
    if args.out.is_some() {
        return Err(usage("--out is for --format hgrm; JSON is printed".to_owned()));
    }
    let rows = folders.iter().flat_map(|folder| &folder.rows);
    let rows: Vec<Row> = rows.filter(|row| args.selection.wants(row)).cloned().collect();
    if rows.is_empty() {
        let why = args.selection.in_words(&folders);
        return Err(usage(format!("there is nothing to export: {why}")));
    }
    let metric = args.selection.choose(&rows, folders[0].machine.parallelism()).metric;
    output::print(&format!("{:#}\n", to_json(&rows, metric)))?;
    Ok(())
}

/// Writes the histograms of every cell and rate, and prints the paths.
fn write_hgrm(args: &Args, folders: &[Recorded]) -> Result<(), Failure> {
    let mut trials = Vec::new();
    for folder in folders {
        let own = latency::read(&folder.path).map_err(|error| usage(format!("{error:#}")))?;
        trials.extend(own.into_iter().filter(|trial| args.selection.wants(&trial.row)));
    }
    let files = hgrm::files(&trials);
    if files.is_empty() {
        let why = args.selection.in_words(folders);
        return Err(usage(format!(
            "there is no latency to export: {LATENCY_TRIALS} comes of a `[latency]` in the \
             experiment file; {why}"
        )));
    }
    let target = args.out.clone().unwrap_or_else(|| folders[0].path.join("hgrm"));
    let mut paths = String::new();
    for (name, text) in files {
        let path = target.join(name);
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&path, text)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        paths.push_str(&format!("{}\n", path.display()));
    }
    output::print(&paths)?;
    Ok(())
}
