//! `bench plot`: figures of recorded results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::folders::{Recorded, check_baseline, first_subject};
use crate::compare::Baseline;
use crate::experiment::did_you_mean;
use crate::failure::{Failure, usage};
use crate::latency::{self, LatencyTrial};
use crate::plot::style::{STYLES, Style};
use crate::plot::{self, Drawing, Figure, Results, pdf, raster};
use crate::programs::Registry;
use crate::record;
use crate::row::Row;
use crate::series::{self, SeriesRow};
use crate::space::SpaceRow;
use crate::study;

/// Draw figures of result folders
///
/// Figures go to `DIR/figures/`, of the first folder if there are several: their trials are then
/// drawn together.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The figure: a name from `bench list figures`; all that the results have if not given
    #[arg(long, value_name = "NAME")]
    figure: Vec<String>,
    /// What `ratio-heatmap` takes ratios to: a subject, or of a list `A,B` or a glob the best by median
    /// in each cell; the experiment's first subject if not given
    #[arg(long, value_name = "SUBJECT")]
    baseline: Option<Baseline>,
    /// File formats
    #[arg(long, value_enum, value_delimiter = ',', default_value = "svg,png")]
    format: Vec<Format>,
    /// Widths and sizes for a venue
    #[arg(long, value_name = "STYLE", default_value = "acm", value_parser = style)]
    style: &'static Style,
}

/// What a figure is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Scalable, for the web and for conversion
    Svg,
    /// Pixels, 300 to the inch
    Png,
    /// Vectors and text with its font, for `\includegraphics`
    Pdf,
    /// LaTeX (pgfplots), with its values in a table beside it, for `\input`
    Pgf,
}

fn style(name: &str) -> Result<&'static Style, String> {
    Style::named(name).ok_or_else(|| {
        let names: Vec<&str> = STYLES.iter().map(|style| style.name).collect();
        format!("the styles are {}", names.join(", "))
    })
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let figures = chosen(&args.figure)?;
    let Read { recorded, samples, latency, space } = read(&args.folders)?;
    let baseline = baseline(registry, args.baseline.as_ref(), std::slice::from_ref(&recorded))?;
    let Recorded { rows, machine, .. } = &recorded;
    let results = Results {
        rows,
        samples: &samples,
        latency: &latency,
        space: &space,
        cpus: machine.parallelism(),
        baseline: baseline.as_ref(),
    };
    let figures = if args.figure.is_empty() { drawable(&results) } else { figures };
    for figure in &figures {
        if let Some(what) = (figure.lacks)(&results) {
            return Err(usage(format!("`{}` cannot be drawn: {what}", figure.name)));
        }
    }
    let target = args.folders[0].join("figures");
    let drawings = drawings(&figures, &results, args.style)?;
    let files = write(&drawings, &args.format, &target)?;
    super::print(&lines(&files))?;
    Ok(())
}

/// What ratios in figures are to: what was asked for, or the first subject of the experiment, if this
/// program knows it.
pub(super) fn baseline(
    registry: &Registry,
    asked: Option<&Baseline>,
    recorded: &[Recorded],
) -> Result<Option<Baseline>, Failure> {
    if let Some(asked) = asked {
        check_baseline(asked, recorded)?;
        return Ok(Some(asked.clone()));
    }
    let first = first_subject(registry, &recorded[0]).ok();
    Ok(first.map(|subject| Baseline::of_subject(&subject)))
}

/// The figures for which `results` lack nothing.
pub(super) fn drawable(results: &Results<'_>) -> Vec<&'static Figure> {
    plot::FIGURES.iter().filter(|figure| (figure.lacks)(results).is_none()).collect()
}

/// One path a line.
pub(super) fn lines(files: &[PathBuf]) -> String {
    files.iter().map(|file| format!("{}\n", file.display())).collect()
}

fn chosen(names: &[String]) -> Result<Vec<&'static Figure>, Failure> {
    let find = |name: &String| {
        plot::figure(name).ok_or_else(|| {
            let names: Vec<&str> = plot::FIGURES.iter().map(|figure| figure.name).collect();
            let hint = did_you_mean(name, &names);
            usage(format!("there is no figure `{name}`; {hint}`bench list figures` shows all"))
        })
    };
    names.iter().map(find).collect()
}

/// What figures are drawn from.
struct Read {
    /// The trials of all folders, as of the first.
    recorded: Recorded,
    samples: Vec<SeriesRow>,
    latency: Vec<LatencyTrial>,
    space: Vec<SpaceRow>,
}

/// The trials of all folders, which must be of one machine, with all that belongs to them.
fn read(folders: &[PathBuf]) -> Result<Read, Failure> {
    let (mut rows, mut samples, mut latency) = (Vec::<Row>::new(), Vec::new(), Vec::new());
    let mut space = Vec::new();
    let first = machine_of(&folders[0])?;
    for folder in folders {
        let machine = machine_of(folder)?;
        if let Some((what, ours, theirs)) = first.differences(&machine).first() {
            return Err(usage(format!(
                "{} and {} were measured by different machines or builds ({what}: {ours} and \
                 {theirs}), so their trials are not drawn together",
                folders[0].display(),
                folder.display()
            )));
        }
        let wrong = |error: anyhow::Error| usage(format!("{error:#}"));
        let own = record::read_rows(folder).map_err(wrong)?;
        samples.extend(series::read(folder, &own).map_err(wrong)?);
        latency.extend(latency::read(folder).map_err(wrong)?);
        space.extend(study::read::<SpaceRow>(folder).map_err(wrong)?);
        rows.extend(own);
    }
    if rows.is_empty() {
        return Err(usage(format!("{} holds no trials yet", folders[0].display())));
    }
    let label = folders[0].display().to_string();
    let recorded = Recorded { path: folders[0].clone(), label, rows, machine: first };
    Ok(Read { recorded, samples, latency, space })
}

fn machine_of(folder: &Path) -> Result<crate::machine::Machine, Failure> {
    record::read_machine(folder).map_err(|error| usage(format!("{error:#}")))
}

/// Every picture of `figures`, with the figure that it is of.
pub(super) fn drawings(
    figures: &[&'static Figure],
    results: &Results<'_>,
    style: &Style,
) -> anyhow::Result<Vec<(&'static Figure, Drawing)>> {
    let mut drawings = Vec::new();
    for figure in figures {
        let own = (figure.draw)(results, style)?;
        drawings.extend(own.into_iter().map(|drawing| (*figure, drawing)));
    }
    Ok(drawings)
}

/// Writes pictures into `target` and returns the files.
pub(super) fn write(
    drawings: &[(&Figure, Drawing)],
    formats: &[Format],
    target: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(target).with_context(|| format!("cannot make {}", target.display()))?;
    let mut files = Vec::new();
    for (_, drawing) in drawings {
        for (suffix, bytes) in formats_of(drawing, formats)? {
            let file = target.join(format!("{}.{suffix}", drawing.file_stem));
            fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
            files.push(file);
        }
    }
    Ok(files)
}

/// The files' suffixes and contents.
fn formats_of(
    drawing: &Drawing,
    formats: &[Format],
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut files = Vec::new();
    for format in formats {
        match format {
            Format::Svg => files.push(("svg", drawing.svg.clone().into_bytes())),
            Format::Png => files.push(("png", raster::png(&drawing.svg, raster::PRINT_DPI)?)),
            Format::Pdf => files.push(("pdf", pdf::pdf(&drawing.svg)?)),
            Format::Pgf => {
                files.push(("tex", drawing.pgf.tex.clone().into_bytes()));
                files.push(("dat", drawing.pgf.table.clone().into_bytes()));
            }
        }
    }
    Ok(files)
}
