//! `bench plot`: figures of recorded results.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use super::filter::Filter;
use super::folders::{Recorded, check_baseline, first_subject};
use super::joined::{Read, read};
use super::output;
use super::predicted::{Predicted, apart, not_together};
use super::values::width;
use crate::analysis::compare::Baseline;
use crate::experiment::did_you_mean;
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::show::plot::style::{STYLES, Style};
use crate::show::plot::{
    self, Drawing, Figure, Label, Legend, Options, Results, Unasked, pdf, raster,
};
use ::table::subject_name;
use trials::memory::in_one_line;

/// Draw figures of result folders
///
/// Figures go to `DIR/figures/`, of the first folder if there are several: their trials are then
/// drawn together. Beside each figure is a `.caption` file that says what the figure shows and which parameters it
/// holds fixed. A folder of `cargo predict --out` has figures of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Figures, by names from `bench list figures` [default: those that suit the results]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    figure: Vec<String>,
    /// Only the cells whose subject, structure, id or description matches, such as `'* threads=2 *'`
    #[arg(long, value_name = "GLOB")]
    filter: Option<Filter>,
    /// The baseline of `ratio-heatmap`: a subject, or a list `A,B` or a glob, of which the best by median
    /// in each cell is taken [default: the experiment's first subject that --filter leaves]
    #[arg(long, value_name = "SUBJECT")]
    baseline: Option<Baseline>,
    /// File formats
    #[arg(long, value_enum, value_delimiter = ',', default_value = "svg,png")]
    format: Vec<Format>,
    /// Widths and sizes for a venue
    #[arg(long, value_name = "STYLE", default_value = "acm", value_parser = style)]
    style: &'static Style,
    /// Width of every picture, such as `84mm`, `3.3in` or `241.15pt` (LaTeX's points) [default: the style's]
    #[arg(long, value_name = "LENGTH", value_parser = width)]
    width: Option<f64>,
    /// A label for a subject, a scheme or a table; may be repeated
    #[arg(long, value_name = "NAME=LABEL", value_parser = label)]
    label: Vec<Label>,
    /// Where to put the legend
    #[arg(long, value_enum, value_name = "PLACE", default_value = "top")]
    legend: Place,
    /// Where to write the files, instead of `DIR/figures/`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Where a legend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Place {
    /// Nowhere
    None,
    /// Above the panels; beside the lines of more than eight subjects
    Top,
    /// In a file of its own, `NAME-legend`
    OwnFile,
}

impl From<Place> for Legend {
    fn from(place: Place) -> Self {
        match place {
            Place::None => Self::None,
            Place::Top => Self::Top,
            Place::OwnFile => Self::OwnFile,
        }
    }
}

fn label(text: &str) -> Result<Label, String> {
    match text.rsplit_once('=') {
        Some((name, label)) if !name.is_empty() && !label.is_empty() => {
            Ok((name.to_owned(), label.to_owned()))
        }
        _ => Err("a label is a name, `=` and what it is called".to_owned()),
    }
}

/// What a figure is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Scalable, for the web and for conversion
    Svg,
    /// Pixels, 300 per inch
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
    let (measured, predicted) = apart(&args.folders)?;
    not_together(&measured, &predicted)?;
    if measured.is_empty() {
        return plot_predicted(args, &figures, predicted);
    }
    let Read { recorded, samples, latency, space, cache, server } =
        read(&args.folders, args.filter.as_ref(), with_latency(&figures))?;
    let subjects = recorded.rows.iter().map(|row| (&*row.structure, &*row.reclaimer));
    check_labels(&args.label, subjects)?;
    let baseline = baseline(registry, args.baseline.as_ref(), std::slice::from_ref(&recorded))?;
    let Recorded { rows, machine, .. } = &recorded;
    let results = Results {
        rows,
        samples: &samples,
        latency: &latency,
        space: &space,
        cache: &cache,
        server: &server,
        cpus: machine.parallelism(),
        baseline: baseline.as_ref(),
        ..Results::default()
    };
    put(args, &figures, &results)
}

/// Whether one of these shows latency trials; those that suit may.
fn with_latency(asked: &[&Figure]) -> bool {
    asked.is_empty() || asked.iter().any(|figure| figure.name == "latency-ccdf")
}

/// The same of predictions.
fn plot_predicted(args: &Args, figures: &[&'static Figure], all: Predicted) -> Result<(), Failure> {
    if args.baseline.is_some() {
        return Err(usage("--baseline: no figure of predictions has ratios".to_owned()));
    }
    let all = all.only(args.filter.as_ref())?;
    check_labels(&args.label, all.rows.iter().map(|row| (&*row.structure, &*row.reclaimer)))?;
    put(args, figures, &Results { predicted: &all.rows, ..Results::default() })
}

/// Draws what was asked for, or else all that suits, and writes it.
fn put(args: &Args, asked: &[&'static Figure], results: &Results<'_>) -> Result<(), Failure> {
    let figures = match asked {
        [] => drawable(results, &[Unasked::Everywhere]),
        asked => asked.to_vec(),
    };
    for figure in &figures {
        if let Some(what) = (figure.lacks)(results) {
            return Err(usage(format!("`{}` cannot be drawn: {what}", figure.name)));
        }
    }
    let target = args.out.clone().unwrap_or_else(|| args.folders[0].join("figures"));
    let Drawn { drawings, mut failures } = draw(&figures, results, &args.options());
    let (files, unwritten) = write(&drawings, &args.format, &target);
    failures.extend(unwritten);
    output::print(&lines(&files))?;
    output::all_done(failures)
}

impl Args {
    fn options(&self) -> Options {
        let style = match self.width {
            Some(width) => Style { column: width, page: width, ..*self.style },
            None => *self.style,
        };
        Options { style, legend: self.legend.into(), labels: self.label.clone() }
    }
}

/// Refuses a label for what is not there.
fn check_labels<'r>(
    labels: &[Label],
    subjects: impl Iterator<Item = (&'r str, &'r str)>,
) -> Result<(), Failure> {
    let mut known: Vec<String> = Vec::new();
    for (structure, reclaimer) in subjects {
        let variant = structure.split_once(':').map_or("", |(_, variant)| variant);
        let names = [&subject_name(structure, reclaimer), structure, reclaimer, variant];
        known.extend(names.map(str::to_owned));
    }
    known.sort();
    known.dedup();
    let Some((name, _)) = labels.iter().find(|(name, _)| !known.contains(name)) else {
        return Ok(());
    };
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(usage(format!(
        "--label: no subject, scheme or table is called `{name}`; {}`bench cmp` shows the subjects",
        did_you_mean(name, &names)
    )))
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

/// The figures for which `results` lack nothing, of those that are drawn there without being asked for.
pub(super) fn drawable(results: &Results<'_>, places: &[Unasked]) -> Vec<&'static Figure> {
    let suits = |figure: &&Figure| {
        (figure.lacks)(results).is_none() && places.contains(&(figure.unasked)(results))
    };
    plot::FIGURES.iter().filter(suits).collect()
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

/// Pictures, and what could not be drawn.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// Each with the figure that it is of.
    pub(super) drawings: Vec<(&'static Figure, Drawing)>,
    /// A line for each figure that failed: which, and why.
    pub(super) failures: Vec<String>,
}

impl Drawn {
    /// No picture, for that reason.
    pub(super) fn none(why: Failure) -> Self {
        Self { drawings: Vec::new(), failures: vec![why.message()] }
    }
}

/// Every picture of `figures`. One that fails, or panics, does not cost the others.
pub(super) fn draw(figures: &[&'static Figure], results: &Results<'_>, options: &Options) -> Drawn {
    let mut drawn = Drawn::default();
    for figure in figures {
        // Nothing is shared with it that it could leave half done.
        let own = panic::catch_unwind(AssertUnwindSafe(|| figure.draw(results, options)));
        match own {
            Ok(Ok(own)) => drawn.drawings.extend(own.into_iter().map(|one| (*figure, one))),
            Ok(Err(why)) => drawn.failures.push(undrawn(figure, &format!("{why:#}"))),
            Err(panic) => drawn.failures.push(undrawn(figure, &in_one_line(&*panic))),
        }
    }
    drawn
}

fn undrawn(figure: &Figure, why: &str) -> String {
    format!("the figure `{}` cannot be drawn: {why}", figure.name)
}

/// Writes pictures into `target`. Returns the files, and a line for each that could not be written.
pub(super) fn write(
    drawings: &[(&Figure, Drawing)],
    formats: &[Format],
    target: &Path,
) -> (Vec<PathBuf>, Vec<String>) {
    if let Err(error) = fs::create_dir_all(target) {
        return (Vec::new(), vec![format!("cannot make {}: {error}", target.display())]);
    }
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for (figure, drawing) in drawings {
        let caption = ("caption", Ok(caption(figure, drawing).into_bytes()));
        let captioned = !drawing.caption.is_empty() && !drawing.file_stem.ends_with("-legend");
        let contents = formats.iter().map(|format| contents(drawing, *format));
        let contents = contents.chain(captioned.then(|| vec![caption]));
        for content in contents {
            for (suffix, content) in content {
                let file = target.join(format!("{}.{suffix}", drawing.file_stem));
                match content.and_then(|bytes| Ok(fs::write(&file, bytes)?)) {
                    Ok(()) => files.push(file),
                    Err(why) => failures.push(format!("cannot write {}: {why:#}", file.display())),
                }
            }
        }
    }
    (files, failures)
}

/// What a picture shows and what it holds fixed.
pub(super) fn caption(figure: &Figure, drawing: &Drawing) -> String {
    let mut summary = figure.summary.to_owned();
    if let Some(first) = summary.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{summary}.\n\n{}\n", drawing.caption.join("\n\n"))
}

/// A file's suffix and what is in it, if that can be made.
type Content = (&'static str, anyhow::Result<Vec<u8>>);

/// The files of `drawing` in that format.
fn contents(drawing: &Drawing, format: Format) -> Vec<Content> {
    let text = |text: &str| Ok(text.as_bytes().to_vec());
    match format {
        Format::Svg => vec![("svg", text(&drawing.svg))],
        Format::Png => vec![("png", raster::png(&drawing.svg, raster::PRINT_DPI))],
        Format::Pdf => vec![("pdf", pdf::pdf(&drawing.svg))],
        Format::Pgf => vec![("tex", text(&drawing.pgf.tex)), ("dat", text(&drawing.pgf.table))],
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::test_rows::Grid;

    fn named(name: &'static str, pictures: plot::Sketches) -> &'static Figure {
        let unasked = |_: &Results<'_>| Unasked::Everywhere;
        Box::leak(Box::new(Figure { name, summary: "", lacks: |_| None, unasked, pictures }))
    }

    #[test]
    fn a_figure_that_fails_does_not_cost_the_others() {
        let rows = Grid::small().rows();
        let results = Results { rows: &rows, cpus: 2, ..Results::default() };
        let fine = plot::figure("throughput-threads").unwrap();
        let fails = named("fails", |_| bail!("no ink"));
        let panics = named("panics", |_| panic!("no\npaper"));
        let drawn = draw(&[fails, fine, panics, fine], &results, &Options::from(&STYLES[0]));
        assert_eq!(drawn.drawings.len(), 2);
        let said =
            ["the figure `fails` cannot be drawn: no ink", "`panics` cannot be drawn: no paper"];
        assert_eq!(drawn.failures.len(), 2);
        assert!(
            drawn.failures.iter().zip(said).all(|(own, part)| own.ends_with(part)),
            "{drawn:?}"
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_does_not_cost_the_others() {
        let rows = Grid::small().rows();
        let results = Results { rows: &rows, cpus: 2, ..Results::default() };
        let figures = ["throughput-threads", "trial-strip"].map(|name| plot::figure(name).unwrap());
        let Drawn { drawings, failures } = draw(&figures, &results, &Options::from(&STYLES[0]));
        assert_eq!((drawings.len(), failures.len()), (2, 0));
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("throughput-threads.svg");
        fs::create_dir(&taken).unwrap();
        let (files, failures) = write(&drawings, &[Format::Svg, Format::Pgf], folder.path());
        // Of two pictures an SVG, two files for LaTeX and a caption each.
        assert_eq!((files.len(), failures.len()), (7, 1), "{failures:?}");
        assert!(failures[0].starts_with(&format!("cannot write {}: ", taken.display())));
        let (files, failures) = write(&drawings, &[Format::Svg], &files[0].join("inside"));
        assert_eq!((files.len(), failures.len()), (0, 1), "{failures:?}");
    }
}
