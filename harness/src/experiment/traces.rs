//! `trace` in a grid, and `[traces]`: what a plan must know of each trace.
//!
//! A sweep reads the traces and writes their properties into the text, so that the copy in a result folder
//! says which traces were replayed, and can be planned without them.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, SpecError};
use super::value::{HOT, KEYS, SEED, Section, TEXT, TRACES, mismatch};
use crate::trace::{Facts, Trace, TraceId};

/// The traces of an experiment, by the path that the file gives.
pub(super) type Traces = BTreeMap<String, Facts>;

/// The keys of a table of `[traces]` that count operations, in the order of [`Op::ALL`](crate::workload::Op::ALL).
const COUNTS: [&str; 5] = ["gets", "inserts", "removes", "updates", "upserts"];

/// `text` with a table in `[traces]` for each trace that its grids replay. Their paths start in `folder`.
///
/// Text that is not TOML, or has something else for a path, is left for
/// [`Experiment::parse`](super::Experiment::parse) to reject.
///
/// # Errors
///
/// A trace cannot be read, something in it is malformed, or it is not the one of the table that is
/// there already.
pub fn with_traces(file_name: &str, text: &str, folder: &Path) -> Result<String, SpecError> {
    let Ok(root) = DeTable::parse(text) else { return Ok(text.to_owned()) };
    let there = root.get_ref().get("traces").and_then(|traces| traces.get_ref().as_table());
    let (mut added, mut problems, mut seen) = (String::new(), Vec::new(), Vec::new());
    for path in listed(root.get_ref()) {
        let (span, path) = (path.span(), path.into_inner());
        if seen.contains(&path) {
            continue;
        }
        let file = folder.join(path);
        match Trace::read(&file).map(|trace| trace.facts(&file)) {
            Err(error) => {
                problems.push(Problem { span, message: error.message, help: error.help });
            }
            Ok(facts) => match there.and_then(|there| there.get(path)) {
                None => added.push_str(&table(path, &facts)),
                Some(old) if is_of(old.get_ref(), &facts) => {}
                Some(old) => problems.push(Problem {
                    span: old.span(),
                    message: format!("`{path}` is another trace than `[traces]` says"),
                    help: format!(
                        "the fingerprint of the trace that is there is {}; without this table, \
                         that one is taken",
                        facts.id.sha256
                    ),
                }),
            },
        }
        seen.push(path);
    }
    if !problems.is_empty() {
        return Err(SpecError::new(file_name, text, problems));
    }
    let newline = if text.ends_with('\n') || added.is_empty() { "" } else { "\n" };
    Ok(format!("{text}{newline}{added}"))
}

/// The paths that grids list.
fn listed<'a>(root: &'a DeTable<'_>) -> Vec<Spanned<&'a str>> {
    let also = root.get("also").and_then(|also| also.get_ref().as_array());
    let grids = root.get("axes").into_iter().chain(also.into_iter().flat_map(|also| also.iter()));
    let values = grids.filter_map(|grid| grid.get_ref().as_table()?.get("trace"));
    let items = values.flat_map(|value| match value.get_ref().as_array() {
        Some(list) => list.iter().collect(),
        None => vec![value],
    });
    items.filter_map(|item| Some(Spanned::new(item.span(), item.get_ref().as_str()?))).collect()
}

/// The table of `[traces]` that says what the trace at `path` is.
fn table(path: &str, facts: &Facts) -> String {
    let Facts { id, keys, counts } = facts;
    let counts = COUNTS.iter().zip(counts).map(|(key, count)| format!("{key} = {count}\n"));
    let key = quoted(path);
    format!(
        "\n[traces.{key}]\nsha256 = \"{}\"\nkeys = {keys}\n{}",
        id.sha256,
        counts.collect::<String>()
    )
}

/// `text` as a key between quotes, on one line whatever is in it: what JSON escapes TOML escapes alike,
/// and DEL besides.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// Whether a table of `[traces]` is of this trace.
fn is_of(table: &DeValue<'_>, facts: &Facts) -> bool {
    let sha256 = table.as_table().and_then(|table| table.get("sha256")?.get_ref().as_str());
    sha256 == Some(&facts.id.sha256)
}

/// The tables of `[traces]`.
pub(super) fn read_all(top: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Traces {
    let Some(value) = top.get("traces") else { return Traces::new() };
    let Some(tables) = value.get_ref().as_table() else {
        problems.push(mismatch(
            "traces",
            value,
            "tables, each of a trace's path: `[traces.\"PATH\"]`",
        ));
        return Traces::new();
    };
    let mut all = Traces::new();
    for (path, value) in tables {
        let path = path.get_ref().as_ref();
        let Some(table) = value.get_ref().as_table() else {
            problems.push(mismatch(
                path,
                value,
                "a table: `[traces.\"PATH\"]` on a line by itself",
            ));
            continue;
        };
        let section = Section::new("[traces]", value.span(), table, TRACES, problems);
        all.extend(facts(&section, path, problems).map(|facts| (path.to_owned(), facts)));
    }
    all
}

fn facts(section: &Section<'_, '_>, path: &str, problems: &mut Vec<Problem>) -> Option<Facts> {
    let before = problems.len();
    let sha256 = section.one("sha256", &TEXT, problems);
    let keys = section.one("keys", &KEYS, problems);
    let counts = COUNTS.map(|key| section.one(key, &SEED, problems).unwrap_or(0));
    let requests = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if let (Some(sha256), Some(keys), 1..) = (sha256, keys, requests) {
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Some(Facts { id: TraceId { name, sha256, requests }, keys, counts });
    }
    if problems.len() == before {
        problems.push(Problem {
            span: section.span.clone(),
            message: format!("`[traces]` does not say what `{path}` is"),
            help: "leave the table out: a sweep writes it into its copy".to_owned(),
        });
    }
    None
}

/// The traces of a grid; none if it draws its keys.
pub(super) fn read(
    section: &Section<'_, '_>,
    known: &Traces,
    problems: &mut Vec<Problem>,
) -> Vec<Facts> {
    let Some(paths) = section.many("trace", &TEXT, problems) else { return Vec::new() };
    for key in ["preset", "reads", "distribution", "zipf", "keys"].into_iter().chain(HOT) {
        if let Some(value) = section.get(key) {
            problems.push(Problem {
                span: value.span(),
                message: format!("`{key}` is set beside `trace` in `{}`", section.name),
                help:
                    "a trace has its own operations and keys: leave this out, or list it in a grid \
                       of its own"
                        .to_owned(),
            });
        }
    }
    let mut traces: Vec<Facts> = Vec::new();
    for path in paths {
        match known.get(path.get_ref()) {
            Some(facts) if traces.contains(facts) => {}
            Some(facts) => traces.push(facts.clone()),
            None => problems.push(Problem {
                span: path.span(),
                message: format!("nobody has read the trace `{}`", path.get_ref()),
                help: "`bench sweep` reads it, and says in `[traces]` what it is".to_owned(),
            }),
        }
    }
    traces
}

/// Complains about traces that no grid replays.
pub(super) fn refuse_unused(
    top: &Section<'_, '_>,
    grids: &[Section<'_, '_>],
    problems: &mut Vec<Problem>,
) {
    if let Some(value) = top.get("traces")
        && grids.iter().all(|grid| grid.get("trace").is_none())
    {
        problems.push(Problem {
            span: value.span(),
            message: "`[traces]` is set, and no grid has a `trace`".to_owned(),
            help: "leave it out, or list its paths as `trace` in a grid".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_a_key_on_one_line() {
        for path in ["a.tr", "a\nb", "\u{1}\t\"\\\u{7f}", "ünï/..", "'''\"\"\"", ""] {
            let line = format!("{} = 1", quoted(path));
            assert_eq!(line.lines().count(), 1, "{line}");
            let read: toml::Table = line.parse().unwrap();
            assert_eq!(read[path].as_integer(), Some(1), "{line}");
        }
    }
}
