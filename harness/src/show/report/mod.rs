//! One page about recorded trials: the question and the answer, figures, tables, validity,
//! machine. It is self-contained, so it opens from disk without a network.
//!
//! The page is `templates/report.html`; the template engine escapes all text.

mod answer;
mod material;
mod predicted;
mod server;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

pub use self::material::{Material, Picture, Predictions, ReportSource};
use self::tables::Table;
use crate::analysis::throughput::{ChosenRate, choose_metric};
use crate::results::machine::Machine;
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::latency::LatencyTrial;
use crate::rows::space::SpaceRow;
use crate::show::text::comparison::Mode;

/// Points of the screen for each of the picture's: pictures are drawn for columns of print.
const ZOOM: f64 = 1.75;

/// The least of these: text of seven points is legible at 8.4.
const LEAST_ZOOM: f64 = 1.2;

/// A sentence that may be bad news.
#[derive(Debug)]
struct Sentence {
    text: String,
    is_bad: bool,
}

#[derive(Debug)]
struct PageFigure<'a> {
    name: &'a str,
    summary: &'static str,
    width: String,
    /// The least at which its text is read: 8 points of the screen and more.
    print: String,
    /// What it says and holds fixed.
    caption: Vec<&'a str>,
    svg: String,
}

#[derive(Debug, Default, Template)]
#[template(path = "report.html")]
struct Page<'a> {
    /// If not, there are predictions alone.
    has_trials: bool,
    title: String,
    question: String,
    reproduces: String,
    answer: Vec<String>,
    subjects: Table,
    compared_with: String,
    figures: Vec<PageFigure<'a>>,
    comparison_notes: Vec<String>,
    comparisons: Table,
    rate: String,
    throughput: Table,
    latency: Table,
    space: Table,
    aggregate: Table,
    cache: Table,
    server: Table,
    validity: Vec<Sentence>,
    noise: Table,
    machine: Vec<(String, String)>,
    predicted_note: String,
    predicted_figures: Vec<PageFigure<'a>>,
    predicted: Table,
    hot_lines: Table,
    commands: String,
    experiments: Vec<(String, &'a str)>,
}

/// The page. The same trials give the same bytes.
///
/// # Errors
///
/// If the template cannot be filled in.
pub fn page(material: &Material<'_>) -> anyhow::Result<String> {
    let Material { sources, rows, shown, latency, space, machine, pictures, report, .. } = material;
    let first = sources.first().map_or("", |source| source.experiment.as_str());
    let [title, question, reproduces] = headings(first);
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let choice = choose_metric(shown, machine.parallelism());
    let page = Page {
        has_trials: true,
        title: if title.is_empty() { names.join(", ") } else { title },
        question,
        reproduces,
        answer: answer::sentences(material),
        subjects: answer::table(material),
        compared_with: match &report.mode {
            Mode::Subjects(baseline) => baseline.clone(),
            Mode::Threads(threads) => format!("themselves at threads={threads}"),
            Mode::Runs { before, .. } => before.clone(),
        },
        figures: pictures.iter().map(figure).collect(),
        comparison_notes: report.sentences(),
        comparisons: tables::comparisons(report),
        rate: rate(&report.mode, &choice),
        throughput: tables::throughput(shown, choice.metric),
        latency: tables::latency(latency),
        space: tables::space(space, shown),
        aggregate: tables::aggregate(material.aggregate, shown),
        cache: tables::cache(material.cache, shown),
        server: server::table(material.server, shown),
        validity: validity(rows, latency, space, material.aggregate),
        noise: tables::noise(rows),
        machine: facts(machine),
        commands: [&[commands(sources)], material.predicted.commands].concat().join("\n"),
        experiments: experiments(sources.iter().chain(material.predicted.sources)),
        ..with_predictions(&material.predicted)
    };
    Ok(page.render()?)
}

/// What the table of throughput has.
fn rate(mode: &Mode, choice: &ChosenRate) -> String {
    let of = match mode {
        Mode::Runs { after, .. } => format!(" of {after}"),
        Mode::Subjects(_) | Mode::Threads(_) => String::new(),
    };
    format!(
        "Medians over trials{of} with their 95\u{a0}% BCa intervals, in millions of operations per \
         second: {}",
        choice.in_words()
    )
}

/// The page about predictions alone. The same predictions give the same bytes.
///
/// # Errors
///
/// If the template cannot be filled in.
pub fn page_of_predictions(predicted: &Predictions<'_>) -> anyhow::Result<String> {
    let first = predicted.sources.first();
    let [title, question, reproduces] = headings(first.map_or("", |first| &first.experiment));
    let name = first.map_or("", |first| &first.name);
    let page = Page {
        title: if title.is_empty() { name.to_owned() } else { title },
        question,
        reproduces,
        commands: predicted.commands.join("\n"),
        experiments: experiments(predicted.sources.iter()),
        ..with_predictions(predicted)
    };
    Ok(page.render()?)
}

/// What a page has of predictions, and nothing else.
fn with_predictions<'a>(predicted: &Predictions<'a>) -> Page<'a> {
    Page {
        predicted_note: predicted::note(predicted.rows),
        predicted_figures: predicted.pictures.iter().map(figure).collect(),
        predicted: predicted::table(predicted.rows),
        hot_lines: predicted::hot_lines(predicted.rows, predicted.hot),
        ..Page::default()
    }
}

/// Each experiment file, with its name.
fn experiments<'a>(sources: impl Iterator<Item = &'a ReportSource>) -> Vec<(String, &'a str)> {
    let named = |source: &'a ReportSource| {
        (format!("{}/experiment.toml", source.name), source.experiment.as_str())
    };
    sources.map(named).collect()
}

/// The title, the question and what is reproduced, of an experiment file, whatever else it says.
fn headings(experiment: &str) -> [String; 3] {
    let root: toml::Table = experiment.parse().unwrap_or_default();
    ["title", "question", "reproduces"].map(|key| {
        let text = root.get(key).and_then(toml::Value::as_str);
        text.unwrap_or_default().to_owned()
    })
}

fn figure<'a>(picture: &Picture<'a>) -> PageFigure<'a> {
    let svg = picture.drawing.svg_with_values();
    let width = svg.split_once("width=\"").and_then(|(_, rest)| rest.split_once("pt\""));
    let width: f64 = width.and_then(|(points, _)| points.parse().ok()).unwrap_or_default();
    PageFigure {
        name: &picture.drawing.file_stem,
        summary: picture.summary,
        width: format!("{:.0}", width * ZOOM),
        print: format!("{:.0}", width * LEAST_ZOOM),
        caption: picture.drawing.caption.iter().map(String::as_str).collect(),
        svg,
    }
}

/// How many trials count, and why others do not, of each kind.
fn validity(
    rows: &[Row],
    latency: &[LatencyTrial],
    space: &[SpaceRow],
    aggregate: &[AggregateRow],
) -> Vec<Sentence> {
    let of = |row: &Row| (row.counts(), format!("{}: {}", row.subject(), row.error));
    let mut sentences = invalid("trials", rows.iter().map(of).collect());
    if sentences.is_empty() {
        let text = format!(
            "All {} trials passed their self-check: size and sum of the keys were as the counted \
             insertions and removals say.",
            rows.len()
        );
        sentences.push(Sentence { text, is_bad: false });
    }
    let timed = latency.iter().map(|trial| of(&trial.row)).collect();
    sentences.extend(invalid("latency trials", timed));
    // A trial has a row for each step.
    let step = |row: &SpaceRow| ((row.case.clone(), row.block), (row.valid, row.error.clone()));
    let fills: BTreeMap<_, _> = space.iter().map(step).collect();
    sentences.extend(invalid("space trials", fills.into_values().collect()));
    let counts = aggregate.iter().map(|row| (row.valid, row.error.clone())).collect();
    sentences.extend(invalid("aggregations", counts));
    sentences
}

/// How many of these do not count, and why; nothing if all do.
fn invalid(kind: &str, trials: Vec<(bool, String)>) -> Vec<Sentence> {
    let all = trials.len();
    let bad: Vec<String> =
        trials.into_iter().filter(|(counts, _)| !counts).map(|(_, why)| why).collect();
    if bad.is_empty() {
        return Vec::new();
    }
    let text = format!("{} of {all} {kind} are invalid and count nowhere.", bad.len());
    let reasons: BTreeSet<String> = bad.into_iter().collect();
    let reasons = reasons.into_iter().map(|text| Sentence { text, is_bad: false });
    std::iter::once(Sentence { text, is_bad: true }).chain(reasons).collect()
}

/// Every known fact.
fn facts(machine: &Machine) -> Vec<(String, String)> {
    let table = toml::Table::try_from(machine).unwrap_or_default();
    let shown = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(values) => {
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        toml::Value::Table(values) => {
            let pairs = values.iter().map(|(key, value)| {
                format!("{key} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            });
            pairs.collect::<Vec<_>>().join(", ")
        }
        value => value.to_string(),
    };
    table
        .iter()
        .map(|(key, value)| (key.replace('_', " "), shown(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// What to type to run the same trials again.
fn commands(sources: &[ReportSource]) -> String {
    let mut lines = Vec::new();
    let folder = |name: &str| quoted(&format!("results/{name}"));
    let mut built: Option<(String, bool)> = None;
    for ReportSource { name, commit, .. } in sources {
        if let Some((revision, is_dirty)) = commit.as_ref().filter(|_| *commit != built) {
            let dirty = if *is_dirty {
                "   # and changes that were not committed: this is not all that was measured"
            } else {
                ""
            };
            lines.push(format!("git checkout {revision}{dirty}"));
        }
        built.clone_from(commit);
        let (spec, out) = (format!("results/{name}/experiment.toml"), format!("{name}-again"));
        lines.push(format!(
            "cargo run --release -- sweep {} --out {}",
            quoted(&spec),
            folder(&out)
        ));
        lines.push(format!("cargo run --release -- cmp {} {}", folder(name), folder(&out)));
    }
    lines.join("\n")
}

/// As a shell reads it: one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::latency::test_trials::latency_trial;
    use crate::test_rows::{counted, filled, trial};
    use trials::aggregate::Way;

    #[test]
    fn trials_of_every_kind_are_said_to_be_invalid() {
        let mut rows = [trial("papaya", 1, 0, 1e6), trial("papaya", 1, 1, 1e6)];
        let mut latency = [latency_trial("papaya", 1e5, 0, &[(10, 1)])];
        let mut space = filled(0, 50, 20, 1.0);
        let mut aggregate = [counted(Way::Shared, 0, 1.0)];
        let valid = validity(&rows, &latency, &space, &aggregate);
        assert!(valid.len() == 1 && valid[0].text.starts_with("All 2 trials passed"), "{valid:?}");
        (rows[0].valid, rows[0].error) = (false, "lost".to_owned());
        (latency[0].row.valid, latency[0].row.error) = (false, "late".to_owned());
        for row in &mut space {
            (row.valid, row.error) = (false, "full".to_owned());
        }
        (aggregate[0].valid, aggregate[0].error) = (false, "wrong".to_owned());
        let said = validity(&rows, &latency, &space, &aggregate);
        let said: Vec<(&str, bool)> = said.iter().map(|one| (&*one.text, one.is_bad)).collect();
        let expected = [
            ("1 of 2 trials are invalid and count nowhere.", true),
            ("papaya: lost", false),
            ("1 of 1 latency trials are invalid and count nowhere.", true),
            ("papaya: late", false),
            ("1 of 1 space trials are invalid and count nowhere.", true),
            ("full", false),
            ("1 of 1 aggregations are invalid and count nowhere.", true),
            ("wrong", false),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn headings_of_any_experiment() {
        let text = "title = \"A\"\nquestion = \"B?\"\nstructure = 3\n[axes]\nnew = true";
        assert_eq!(headings(text), ["A", "B?", ""]);
        assert_eq!(headings("no toml"), ["", "", ""]);
    }

    #[test]
    fn commands_are_typed_as_they_stand() {
        let source = |name: &str, commit: Option<(&str, bool)>| ReportSource {
            name: name.to_owned(),
            experiment: String::new(),
            commit: commit.map(|(revision, is_dirty)| (revision.to_owned(), is_dirty)),
        };
        let text = commands(&[source("it's", Some(("abc", false)))]);
        assert_eq!(
            text,
            "git checkout abc\n\
             cargo run --release -- sweep 'results/it'\\''s/experiment.toml' --out \
             'results/it'\\''s-again'\n\
             cargo run --release -- cmp 'results/it'\\''s' 'results/it'\\''s-again'"
        );
        assert!(commands(&[source("r", Some(("abc", true)))]).contains("not committed"));
        assert!(commands(&[source("r", None)]).starts_with("cargo run"));
    }

    /// Each is run again by the commit that it was built of; parts of one run are of one.
    #[test]
    fn two_runs_are_of_two_commits() {
        let checkouts = |commits: [&str; 2]| {
            let sources = commits.map(|commit| ReportSource {
                name: "r".to_owned(),
                experiment: String::new(),
                commit: Some((commit.to_owned(), false)),
            });
            let text = commands(&sources);
            let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("git"));
            lines.map(|(at, line)| (at, line.to_owned())).collect::<Vec<_>>()
        };
        let line = |at: usize, commit: &str| (at, format!("git checkout {commit}"));
        assert_eq!(checkouts(["a", "b"]), [line(0, "a"), line(3, "b")]);
        assert_eq!(checkouts(["a", "a"]), [line(0, "a")]);
    }

    #[test]
    fn facts_are_shown_and_what_is_unknown_is_not() {
        let machine = Machine {
            cpu_model: Some("Z80".to_owned()),
            cpus: Some(2),
            crates: [("papaya".to_owned(), "0.2".to_owned())].into(),
            ..Machine::default()
        };
        let shown = facts(&machine);
        let shown: Vec<_> = shown.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        assert_eq!(shown, ["cpu model: Z80", "cpus: 2", "crates: papaya 0.2"]);
    }
}
