//! `bench report`: one page about result folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::folders::{Recorded, read};
use super::output;
use super::plot::{Drawn, baseline, draw, drawable};
use super::question::{Question, are_two_runs, compare};
use crate::analysis::compare::cells;
use crate::analysis::rank::rank;
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::results::folder::EXPERIMENT;
use crate::rows::cache::{self, CacheRow};
use crate::rows::latency::{self, LatencyTrial};
use crate::rows::study::{self, StudyRow};
use crate::rows::{Row, samples};
use crate::show::plot::style::STYLES;
use crate::show::plot::{Drawing, Figure, Options, Results, Unasked};
use crate::show::report::{Material, Picture, ReportSource, page};
use crate::show::text::comparison::Report;

/// The page's file in a result folder.
pub(super) const REPORT: &str = "report.html";

/// Write one page with figures, tables and verdicts
///
/// `report.html` holds all that it shows: it opens from disk and asks no network. It is written to
/// DIR, to the first if there are several: parts of one run, or two runs BEFORE and AFTER, which are
/// then compared; the figures are of AFTER.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    asked: Question,
    /// Where to write the page, instead of `DIR/report.html`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    args.asked.selection.rates_alone()?;
    let mut folders = read(&args.folders)?;
    folders.iter_mut().for_each(|folder| folder.label = folder.name());
    let Drawn { drawings, failures } = pictures(registry, &args.asked, shown(&folders))?;
    let file = args.out.clone().unwrap_or_else(|| args.folders[0].join(REPORT));
    write(registry, &args.asked, &folders, &drawings, &file)?;
    output::print(&format!("{}\n", file.display()))?;
    output::all_done(failures)
}

/// Of two runs the second one, else all.
fn shown(folders: &[Recorded]) -> &[Recorded] {
    match folders {
        [before, after] if are_two_runs(before, after) => std::slice::from_ref(after),
        all => all,
    }
}

/// Every figure of folders of one machine; none if no trial counts.
pub(super) fn pictures(
    registry: &Registry,
    asked: &Question,
    folders: &[Recorded],
) -> Result<Drawn, Failure> {
    let rows: Vec<Row> = folders.iter().flat_map(|folder| folder.rows.clone()).collect();
    if !rows.iter().any(Row::counts) {
        return Ok(Drawn::default());
    }
    let mut samples = Vec::new();
    for folder in folders {
        let own = samples::read(&folder.path, &folder.rows);
        samples.extend(own.map_err(|error| usage(format!("{error:#}")))?);
    }
    let latency = latency_of(folders)?;
    let space = study_of(folders)?;
    let cache = cache_of(folders)?;
    let cpus = folders[0].machine.parallelism();
    let baseline = baseline(registry, asked.baseline.as_ref(), folders)?;
    let results = Results {
        rows: &rows,
        samples: &samples,
        latency: &latency,
        space: &space,
        cache: &cache,
        cpus,
        baseline: baseline.as_ref(),
    };
    let figures = drawable(&results, &[Unasked::Everywhere, Unasked::Page]);
    Ok(draw(&figures, &results, &Options::from(&STYLES[0])))
}

/// The latency trials of all folders.
fn latency_of(folders: &[Recorded]) -> Result<Vec<LatencyTrial>, Failure> {
    let mut all = Vec::new();
    for folder in folders {
        let own = latency::read(&folder.path);
        all.extend(own.map_err(|error| usage(format!("{error:#}")))?);
    }
    Ok(all)
}

/// What is measured of caches alone, of all folders.
fn cache_of(folders: &[Recorded]) -> Result<Vec<CacheRow>, Failure> {
    let mut all = Vec::new();
    for folder in folders {
        let own = cache::read(&folder.path, &folder.rows);
        all.extend(own.map_err(|error| usage(format!("{error:#}")))?);
    }
    Ok(all)
}

/// The trials of another kind of all folders.
fn study_of<R: StudyRow>(folders: &[Recorded]) -> Result<Vec<R>, Failure> {
    let mut all = Vec::new();
    for folder in folders {
        let own = study::read(&folder.path);
        all.extend(own.map_err(|error| usage(format!("{error:#}")))?);
    }
    Ok(all)
}

/// Writes the page about `folders` to `file`, for a folder that has just been swept too.
pub(super) fn write(
    registry: &Registry,
    asked: &Question,
    folders: &[Recorded],
    pictures: &[(&'static Figure, Drawing)],
    file: &Path,
) -> Result<(), Failure> {
    let html =
        compare(registry, asked, folders, |report| html(asked, folders, pictures, &report))??;
    fs::write(file, html).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

fn html(
    asked: &Question,
    folders: &[Recorded],
    pictures: &[(&'static Figure, Drawing)],
    report: &Report<'_>,
) -> Result<String, Failure> {
    let sources = folders.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    let latency = latency_of(shown(folders))?;
    let (space, aggregate) = (study_of(shown(folders))?, study_of(shown(folders))?);
    let cache = cache_of(shown(folders))?;
    let rows: Vec<Row> = folders.iter().flat_map(|folder| folder.rows.clone()).collect();
    let wanted = |folder: &Recorded| -> Vec<Row> {
        folder.rows.iter().filter(|row| asked.selection.wants(row)).cloned().collect()
    };
    let compared: Vec<Vec<Row>> = folders.iter().map(wanted).collect();
    let compared: Vec<&[Row]> = compared.iter().map(Vec::as_slice).collect();
    let ranking = rank(&cells(&compared, report.choice.metric), None);
    let pictures: Vec<Picture<'_>> = pictures
        .iter()
        .map(|(figure, drawing)| Picture { drawing, summary: figure.summary })
        .collect();
    let material = Material {
        sources: &sources,
        rows: &rows,
        latency: &latency,
        space: &space,
        aggregate: &aggregate,
        cache: &cache,
        machine: &folders[0].machine,
        pictures: &pictures,
        report,
        ranking: ranking.as_ref().map_err(String::as_str),
    };
    Ok(page(&material)?)
}

fn source(folder: &Recorded) -> Result<ReportSource, Failure> {
    let path = folder.path.join(EXPERIMENT);
    let experiment = fs::read_to_string(&path)
        .map_err(|error| usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(ReportSource { name: folder.name(), experiment })
}
