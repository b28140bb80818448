//! `preset`: named workloads, and the keys that cannot be combined with them.

use super::error::Problem;
use super::unknown::did_you_mean;
use super::value::{HOT, Section, TEXT};
use crate::workload::{PRESETS, Preset, REFUSED};

/// The presets of a grid; none if it says itself what its workloads are.
pub(super) fn read(section: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Vec<&'static Preset> {
    let Some(names) = section.many("preset", &TEXT, problems) else { return Vec::new() };
    let fixed = ["reads", "distribution", "zipf", "prefill"].into_iter().chain(HOT);
    for key in fixed {
        if let Some(value) = section.get(key) {
            problems.push(Problem {
                span: value.span(),
                message: format!("`{key}` is set beside `preset` in `{}`", section.name),
                help: "a preset fixes the mix, the distribution of keys and the prefill: leave \
                       this out, or list it in a grid of its own"
                    .to_owned(),
            });
        }
    }
    let mut presets: Vec<&'static Preset> = Vec::new();
    for name in names {
        match find(name.get_ref()) {
            Ok(preset) if presets.contains(&preset) => {}
            Ok(preset) => presets.push(preset),
            Err((message, help)) => problems.push(Problem { span: name.span(), message, help }),
        }
    }
    presets
}

/// Complains about lengths beside a preset that has its own.
pub(super) fn check_lengths(
    section: &Section<'_, '_>,
    presets: &[&Preset],
    problems: &mut Vec<Problem>,
) {
    let Some(own) = presets.iter().find(|preset| preset.lengths.is_some()) else { return };
    for key in ["key_bytes", "value_bytes"] {
        if let Some(value) = section.get(key) {
            problems.push(Problem {
                span: value.span(),
                message: format!("`{key}` is set beside the preset `{}`", own.name),
                help: "it has lengths of its own: leave this out, or list the preset in a grid of \
                       its own"
                    .to_owned(),
            });
        }
    }
}

/// The preset of this name, or why there is none, and what there is.
pub(crate) fn find(name: &str) -> Result<&'static Preset, (String, String)> {
    if let Some(preset) = Preset::named(name) {
        return Ok(preset);
    }
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    let all = format!("the presets are {}", names.join(", "));
    Err(match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, why)) => (format!("the preset `{name}` cannot be run: {why}"), all),
        None => (format!("unknown preset `{name}`"), did_you_mean(name, &names) + &all),
    })
}

/// Complains about what the file sets for other grids, if there is none: presets fix mix and
/// prefill, traces the mix.
pub(super) fn refuse_unused(
    top: &Section<'_, '_>,
    grids: &[Section<'_, '_>],
    problems: &mut Vec<Problem>,
) {
    let all_have =
        |keys: &[&str]| grids.iter().all(|grid| keys.iter().any(|key| grid.get(key).is_some()));
    for (key, fixed_by) in [("mix", &["preset", "trace"][..]), ("prefill", &["preset"])] {
        if let Some(value) = top.get(key).filter(|_| !grids.is_empty() && all_have(fixed_by)) {
            let what = fixed_by.join(" or a ");
            problems.push(Problem {
                span: value.span(),
                message: format!("`{key}` is set, and every grid has a {what}, which fixes it"),
                help: format!("leave out `{key}`"),
            });
        }
    }
}
