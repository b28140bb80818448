//! `bench cmp`: ratios with intervals and verdicts.

use std::path::PathBuf;

use super::folders::{Recorded, read};
use super::output;
use super::question::{Question, compare};
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::show::text::comparison::Report;

/// Compare subjects with a baseline, or two runs with each other: ratios, intervals, verdicts
///
/// Every subject is compared with the baseline under the same workload, within blocks. Two folders
/// that hold the same trials, or the same cells from different machines, are compared as runs
/// before and after instead. The verdicts `faster`, `slower` and `no difference shown` are
/// corrected for the number of comparisons: narrow the table by --filter to the question that you had beforehand.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders: parts of one run, or BEFORE and AFTER
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    asked: Question,
    /// How to print the comparisons
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: ComparisonFormat,
    /// Print a Markdown table: `--format markdown`
    #[arg(long, conflicts_with_all = ["json", "format"])]
    markdown: bool,
    /// Print JSON: `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// How comparisons are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ComparisonFormat {
    /// Workload by workload, for a terminal
    Text,
    /// One table, for a page
    Markdown,
    /// One table of booktabs, for a paper
    Latex,
    /// For a program
    Json,
}

impl Args {
    fn format(&self) -> ComparisonFormat {
        match (self.json, self.markdown) {
            (true, _) => ComparisonFormat::Json,
            (_, true) => ComparisonFormat::Markdown,
            _ => self.format,
        }
    }
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let folders = read(&args.folders)?;
    if !args.asked.selection.leaves_some(&folders) {
        return Err(nothing(&args.asked.selection.in_words(&folders)));
    }
    let text = compare(registry, &args.asked, &folders, |report| shown(args, &folders, &report))??;
    output::print(&text)?;
    Ok(())
}

fn nothing(why: &str) -> Failure {
    usage(format!("there is nothing to compare: {why}"))
}

fn shown(args: &Args, folders: &[Recorded], report: &Report<'_>) -> Result<String, Failure> {
    if report.judged.is_empty() {
        let why = match report.left_out.as_slice() {
            [] => args.asked.selection.in_words(folders),
            reasons => reasons.join("\n"),
        };
        return Err(nothing(&why));
    }
    Ok(match args.format() {
        ComparisonFormat::Text => report.text(),
        ComparisonFormat::Markdown => report.markdown(),
        ComparisonFormat::Latex => report.latex(),
        ComparisonFormat::Json => format!("{:#}\n", report.json()),
    })
}
