//! Settings of the command line, written into the text of an experiment file.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// What the command line sets in place of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `seed`.
    pub seed: Option<u64>,
    /// `seconds`.
    pub seconds: Option<f64>,
    /// `warmup`.
    pub warmup: Option<f64>,
    /// `blocks`. A `max_blocks` of the file that no longer goes with it becomes the same.
    pub blocks: Option<u32>,
}

/// `text` with `overrides` set at its top level and every other byte as it was, so that the
/// copy in a result folder reproduces the run by itself.
///
/// Text that [`Experiment::parse`](super::Experiment::parse) rejects for its TOML, or for a
/// table where a number belongs, still is rejected for that afterwards.
#[must_use]
pub fn apply_overrides(text: &str, overrides: &Overrides) -> String {
    let Ok(root) = DeTable::parse(text) else { return text.to_owned() };
    let root = root.get_ref();
    let mut edits = Vec::new();
    let mut added = String::new();
    for (key, value) in settings(root, overrides) {
        match root.get(key) {
            Some(old) if is_scalar(old.get_ref()) => edits.push((old.span(), value)),
            Some(_) => {}
            None => added.push_str(&format!("{key} = {value}\n")),
        }
    }
    if !added.is_empty() {
        edits.push(addition(text, root, added));
    }
    edits.sort_by_key(|(span, _)| span.start);
    let mut edited = text.to_owned();
    for (span, replacement) in edits.into_iter().rev() {
        edited.replace_range(span, &replacement);
    }
    edited
}

/// The keys to set, each with its value as TOML.
fn settings(root: &DeTable<'_>, overrides: &Overrides) -> Vec<(&'static str, String)> {
    let float = |number: f64| toml::Value::Float(number).to_string();
    let mut settings = Vec::new();
    settings.extend(overrides.seed.map(|seed| ("seed", seed.to_string())));
    settings.extend(overrides.seconds.map(|seconds| ("seconds", float(seconds))));
    settings.extend(overrides.warmup.map(|warmup| ("warmup", float(warmup))));
    if let Some(blocks) = overrides.blocks {
        settings.push(("blocks", blocks.to_string()));
        if root.get("max_blocks").is_some_and(|max| clashes(root, max.get_ref(), blocks)) {
            settings.push(("max_blocks", blocks.to_string()));
        }
    }
    settings
}

/// Whether `max_blocks` is too small for `blocks`, or has no target to go on for.
fn clashes(root: &DeTable<'_>, max_blocks: &DeValue<'_>, blocks: u32) -> bool {
    let max =
        max_blocks.as_integer().and_then(|max| u32::from_str_radix(max.as_str(), max.radix()).ok());
    max.is_some_and(|max| max < blocks || root.get("target_halfwidth").is_none())
}

fn is_scalar(value: &DeValue<'_>) -> bool {
    !value.is_array() && !value.is_table()
}

/// The edit that adds `lines`: below the last plain key of the top level, else at the start.
fn addition(text: &str, root: &DeTable<'_>, lines: String) -> (Range<usize>, String) {
    let plain = root.values().filter(|value| is_scalar(value.get_ref()));
    let Some(last) = plain.map(|value| value.span().end).max() else {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        return (start..start, lines);
    };
    match text[last..].find('\n') {
        Some(newline) => (last + newline + 1..last + newline + 1, lines),
        None => (text.len()..text.len(), format!("\n{lines}")),
    }
}
