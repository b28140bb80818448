//! `bench export`: throughput for services that watch it from commit to commit.

use std::path::PathBuf;

use super::folders::{Selection, one_table, read};
use crate::export::{bencher, github_action_benchmark};
use crate::failure::{Failure, usage};
use crate::row::Row;

/// Print the throughput of every cell as JSON for a service that watches it
///
/// Each entry is the median over a cell's trials in operations per second, under a name made of the
/// subject and the workload. Without --metric the rate is chosen from all cells together, and may
/// then be another one after the next run: say which to watch. For a page in Markdown: `bench cmp
/// --markdown`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders: parts of one run
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// What it is for
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    selection: Selection,
}

/// Whose format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Bencher Metric Format, measure `throughput`: for `bencher run --adapter json`
    Bencher,
    /// `customBiggerIsBetter` of github-action-benchmark
    GithubActionBenchmark,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let folders = read(&args.folders)?;
    one_table(&folders)?;
    let rows = folders.iter().flat_map(|folder| &folder.rows);
    let rows: Vec<Row> = rows.filter(|row| args.selection.wants(row)).cloned().collect();
    if rows.is_empty() {
        let why = args.selection.in_words();
        return Err(usage(format!("there is nothing to export: {why}")));
    }
    let metric = args.selection.choose(&rows, folders[0].machine.parallelism()).metric;
    let all = match args.format {
        Format::Bencher => bencher(&rows, metric),
        Format::GithubActionBenchmark => github_action_benchmark(&rows, metric),
    };
    super::print(&format!("{all:#}\n"))?;
    Ok(())
}
