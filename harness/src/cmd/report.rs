//! `bench report`: one page about result folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::folders::{Recorded, name_of, one_table, read};
use super::joined::{self, Read};
use super::output;
use super::plot::{Drawn, baseline, draw, drawable};
use super::predicted::{Predicted, apart};
use super::question::{Question, are_two_runs, compare};
use crate::analysis::compare::cells;
use crate::analysis::rank::rank;
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::results::folder::EXPERIMENT;
use crate::rows::Row;
use crate::rows::cache::{self, CacheRow};
use crate::rows::latency::{self, LatencyTrial};
use crate::rows::server::{self, ServerRow};
use crate::rows::study::{self, StudyRow};
use crate::show::plot::style::STYLES;
use crate::show::plot::{Drawing, Figure, Options, Results, Unasked};
use crate::show::report::{
    Material, Picture, Predictions, ReportSource, page, page_of_predictions,
};
use crate::show::text::comparison::Report;
use virtual_cores::{MODEL, OPTIONS};

/// The page's file in a result folder.
pub(super) const REPORT: &str = "report.html";

/// Write one page with figures, tables and verdicts
///
/// `report.html` is self-contained: it opens from disk and needs no network. It is written to
/// DIR, or to the first if there are several. Several folders are parts of one run, or two runs BEFORE and AFTER, which
/// are then compared; the figures show AFTER. Folders of `cargo predict --out` among them make a section of
/// their own or, if there are no others, the whole page.
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
    let (measured, predicted) = apart(&args.folders)?;
    if measured.is_empty() {
        args.asked.of_predictions()?;
    }
    let predicted = predicted.only(args.asked.selection.filter())?;
    let file = args.out.clone().unwrap_or_else(|| args.folders[0].join(REPORT));
    let results = Results { predicted: &predicted.rows, ..Results::default() };
    let figures = drawable(&results, &[Unasked::Everywhere]);
    let mut about = if predicted.rows.is_empty() {
        Drawn::default()
    } else {
        draw(&figures, &results, &Options::from(&STYLES[0]))
    };
    let section = Section::of(&predicted, &about.drawings)?;
    if measured.is_empty() {
        let html = page_of_predictions(&section.predictions(&section.pictures()))?;
        put(&html, &file)?;
    } else {
        let mut folders = read(&measured)?;
        folders.iter_mut().for_each(|folder| folder.label = folder.name());
        // The page has all kinds of trials.
        one_table(shown(&folders), true)?;
        let Drawn { drawings, failures } = pictures(registry, &args.asked, shown(&folders))?;
        write_with(registry, &args.asked, &folders, &drawings, &section, &file)?;
        about.failures.extend(failures);
    }
    output::print(&format!("{}\n", file.display()))?;
    output::all_done(about.failures)
}

/// What the page has of predictions.
#[derive(Default)]
struct Section<'d> {
    predicted: Option<&'d Predicted>,
    sources: Vec<ReportSource>,
    commands: Vec<String>,
    drawings: &'d [(&'static Figure, Drawing)],
}

impl<'d> Section<'d> {
    fn of(
        predicted: &'d Predicted,
        drawings: &'d [(&'static Figure, Drawing)],
    ) -> Result<Self, Failure> {
        let sources = predicted.folders.iter().map(|folder| source_of(folder, name_of(folder)));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let commands = predicted.folders.iter().zip(&sources);
        let commands = commands.map(|(folder, source)| command(folder, &source.name));
        let commands = commands.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { predicted: Some(predicted), sources, commands, drawings })
    }

    fn pictures(&self) -> Vec<Picture<'d>> {
        in_words(self.drawings)
    }

    fn predictions<'p>(&'p self, pictures: &'p [Picture<'p>]) -> Predictions<'p> {
        let (rows, hot) = self.predicted.map_or((&[][..], &[][..]), |own| (&own.rows, &own.hot));
        Predictions { sources: &self.sources, rows, hot, pictures, commands: &self.commands }
    }
}

/// What to type to predict a folder again.
fn command(folder: &Path, name: &str) -> Result<String, Failure> {
    let options = text_of(&folder.join(OPTIONS))?;
    let options = options.trim();
    Ok(format!(
        "cargo predict results/{name}/{EXPERIMENT} --machine results/{name}/{MODEL} {options} --out \
         results/{name}-again"
    ))
}

fn in_words<'d>(drawings: &'d [(&'static Figure, Drawing)]) -> Vec<Picture<'d>> {
    let one = |(figure, drawing): &'d (&'static Figure, Drawing)| Picture {
        drawing,
        summary: figure.summary,
    };
    drawings.iter().map(one).collect()
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
    if !folders.iter().flat_map(|folder| &folder.rows).any(Row::counts) {
        return Ok(Drawn::default());
    }
    let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.path.clone()).collect();
    let Read { recorded, samples, latency, space, cache, server } =
        joined::read(&paths, None, true)?;
    let cpus = recorded.machine.parallelism();
    let baseline = baseline(registry, asked.baseline.as_ref(), folders)?;
    let results = Results {
        rows: &recorded.rows,
        samples: &samples,
        latency: &latency,
        space: &space,
        cache: &cache,
        server: &server,
        cpus,
        baseline: baseline.as_ref(),
        ..Results::default()
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

/// What is measured of servers alone, of all folders.
fn server_of(folders: &[Recorded]) -> Result<Vec<ServerRow>, Failure> {
    let mut all = Vec::new();
    for folder in folders {
        let read = || server::read(&folder.path, &folder.rows, &latency::read(&folder.path)?);
        all.extend(read().map_err(|error| usage(format!("{error:#}")))?);
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
    write_with(registry, asked, folders, pictures, &Section::default(), file)
}

/// The same, with a section of predictions.
fn write_with(
    registry: &Registry,
    asked: &Question,
    folders: &[Recorded],
    pictures: &[(&'static Figure, Drawing)],
    section: &Section<'_>,
    file: &Path,
) -> Result<(), Failure> {
    let page = |report: Report<'_>| html(asked, folders, pictures, section, &report);
    put(&compare(registry, asked, folders, page)??, file)
}

fn put(html: &str, file: &Path) -> Result<(), Failure> {
    fs::write(file, html).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

fn html(
    asked: &Question,
    folders: &[Recorded],
    pictures: &[(&'static Figure, Drawing)],
    section: &Section<'_>,
    report: &Report<'_>,
) -> Result<String, Failure> {
    let sources = folders.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    let latency = latency_of(shown(folders))?;
    let (space, aggregate) = (study_of(shown(folders))?, study_of(shown(folders))?);
    let cache = cache_of(shown(folders))?;
    let server = server_of(shown(folders))?;
    let rows_of = |folders: &[Recorded]| -> Vec<Row> {
        folders.iter().flat_map(|folder| folder.rows.clone()).collect()
    };
    let (rows, shown_rows) = (rows_of(folders), rows_of(shown(folders)));
    let wanted = |folder: &Recorded| -> Vec<Row> {
        folder.rows.iter().filter(|row| asked.selection.wants(row)).cloned().collect()
    };
    let compared: Vec<Vec<Row>> = shown(folders).iter().map(wanted).collect();
    let compared: Vec<&[Row]> = compared.iter().map(Vec::as_slice).collect();
    let ranking = rank(&cells(&compared, report.choice.metric), None);
    let (pictures, predicted) = (in_words(pictures), section.pictures());
    let material = Material {
        sources: &sources,
        rows: &rows,
        shown: &shown_rows,
        latency: &latency,
        space: &space,
        aggregate: &aggregate,
        cache: &cache,
        server: &server,
        machine: &shown(folders)[0].machine,
        pictures: &pictures,
        predicted: section.predictions(&predicted),
        report,
        ranking: ranking.as_ref().map_err(String::as_str),
    };
    Ok(page(&material)?)
}

fn source(folder: &Recorded) -> Result<ReportSource, Failure> {
    let machine = &folder.machine;
    let is_dirty = machine.git_dirty == Some(true);
    let commit = machine.git_revision.clone().map(|revision| (revision, is_dirty));
    Ok(ReportSource { commit, ..source_of(&folder.path, folder.name())? })
}

fn source_of(folder: &Path, name: String) -> Result<ReportSource, Failure> {
    let experiment = text_of(&folder.join(EXPERIMENT))?;
    Ok(ReportSource { name, experiment, commit: None })
}

fn text_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| usage(format!("cannot read {}: {error}", path.display())))
}
