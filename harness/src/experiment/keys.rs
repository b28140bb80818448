//! `distribution` and its parameters: the keys of a grid's operations.

use toml::Spanned;

use super::error::Problem;
use super::unknown::did_you_mean;
use super::value::{HOT, SHARE, SHIFT, SKEW, Section, TEXT, axis, share};
use crate::workload::{DISTRIBUTIONS, Distribution, HotSet};

/// Every distribution of a grid with every skew or hot set that it can have, each once.
pub(super) fn read(
    section: &Section<'_, '_>,
    problems: &mut Vec<Problem>,
) -> Vec<(Distribution, f64)> {
    if section.get("preset").is_some() || section.get("trace").is_some() {
        return vec![(Distribution::Ranked, 0.0)];
    }
    let skews = axis(section, "zipf", &SKEW, 0.0, problems);
    let hot_sets = read_hot_sets(section, problems);
    let Some(names) = section.many("distribution", &TEXT, problems) else {
        refuse_unused(section, &HOT, "a `distribution` that is `hot-set`", problems);
        return skews.into_iter().map(|zipf| (Distribution::Ranked, zipf)).collect();
    };
    let mut all: Vec<(Distribution, f64)> = Vec::new();
    for name in &names {
        let Some(distribution) = Distribution::named(name.get_ref()) else {
            problems.push(unknown(name));
            continue;
        };
        let has_skew = Distribution::has_skew(name.get_ref());
        if has_skew && section.get("zipf").is_none() {
            problems.push(no_skew(name));
        }
        for one in with_each(distribution, has_skew, (&skews, &hot_sets)) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    if !names.iter().any(|name| Distribution::has_skew(name.get_ref())) {
        refuse_unused(
            section,
            &["zipf"],
            "a `distribution` with a skew: `zipf`, `latest`",
            problems,
        );
    }
    if !names.iter().any(|name| name.get_ref() == "hot-set") {
        refuse_unused(section, &HOT, "a `distribution` that is `hot-set`", problems);
    }
    all
}

/// The distribution with every skew or hot set that it can have.
fn with_each(
    distribution: Distribution,
    has_skew: bool,
    (skews, hot_sets): (&[f64], &[HotSet]),
) -> Vec<(Distribution, f64)> {
    match distribution {
        Distribution::HotSet(_) => {
            hot_sets.iter().map(|&hot| (Distribution::HotSet(hot), 0.0)).collect()
        }
        _ if has_skew => skews.iter().map(|&zipf| (distribution, zipf)).collect(),
        _ => vec![(distribution, 0.0)],
    }
}

/// Complains about a range and a prefill with which a distribution has nothing to do.
pub(super) fn check_prefill(
    section: &Section<'_, '_>,
    drawn: &[(Distribution, f64)],
    (keys, prefill): (&[u64], &[f64]),
    problems: &mut Vec<Problem>,
) {
    let span = section.get("prefill").map_or_else(|| section.span.clone(), Spanned::span);
    for (distribution, zipf) in drawn {
        let ranges = keys.iter().flat_map(|keys| prefill.iter().map(move |share| (*keys, *share)));
        let mut wrong = ranges.filter_map(|(keys, fraction)| {
            let prefill = share(keys, fraction);
            distribution.check(keys, prefill).err().map(|why| (keys, prefill, why))
        });
        if let Some((keys, prefill, why)) = wrong.next() {
            problems.push(Problem {
                span: span.clone(),
                message: format!(
                    "`{}` with {prefill} of {keys} keys prefilled: {why}",
                    distribution.name(*zipf)
                ),
                help: "set another `prefill`, as a share of the keys".to_owned(),
            });
        }
    }
}

fn read_hot_sets(section: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Vec<HotSet> {
    let common = HotSet::default();
    let keys = axis(section, HOT[0], &SHARE, common.keys, problems);
    let operations = axis(section, HOT[1], &SHARE, common.operations, problems);
    let shifts = axis(section, HOT[2], &SHIFT, common.shift, problems);
    let mut all = Vec::new();
    for &keys in &keys {
        for &operations in &operations {
            all.extend(shifts.iter().map(|&shift| HotSet { keys, operations, shift }));
        }
    }
    all
}

/// Complains about each of `keys` that is set and has nothing to say something about.
fn refuse_unused(
    section: &Section<'_, '_>,
    keys: &[&str],
    needs: &str,
    problems: &mut Vec<Problem>,
) {
    for key in keys {
        if let Some(value) = section.get(key) {
            problems.push(Problem {
                span: value.span(),
                message: format!("`{key}` is set, and nothing in `{}` has it", section.name),
                help: format!("`{key}` goes with {needs}"),
            });
        }
    }
}

fn no_skew(name: &Spanned<String>) -> Problem {
    Problem {
        span: name.span(),
        message: format!("`distribution` has `{}` where no `zipf` is set", name.get_ref()),
        help: "say how skewed it is, as in `zipf = 0.99`".to_owned(),
    }
}

fn unknown(name: &Spanned<String>) -> Problem {
    let names = DISTRIBUTIONS.map(|(name, _)| name);
    Problem {
        span: name.span(),
        message: format!("unknown distribution `{}`", name.get_ref()),
        help: format!(
            "{}the distributions are {}",
            did_you_mean(name.get_ref(), &names),
            names.join(", ")
        ),
    }
}
