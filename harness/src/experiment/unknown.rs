//! Keys and names that do not exist, and suggestions of ones that do.

use std::ops::Range;

use super::error::Problem;
use super::known::{AGGREGATE, CACHE, LATENCY, MIX, SERVER, SPACE, TOP, TURNS, axes};

/// What a key is called elsewhere, and here.
const SYNONYMS: &[(&str, &str)] = &[
    ("skew", "zipf"),
    ("theta", "zipf"),
    ("alpha", "zipf"),
    ("table", "structure"),
    ("map", "structure"),
    ("smr", "reclaimer"),
    ("scheme", "reclaimer"),
    ("cpus", "threads"),
    ("workers", "threads"),
    ("duration", "seconds"),
    ("time", "seconds"),
    ("trials", "blocks"),
    ("runs", "blocks"),
    ("repetitions", "blocks"),
    ("iterations", "blocks"),
    ("range", "keys"),
    ("size", "keys"),
    ("entries", "keys"),
    ("fill", "prefill"),
    ("workload", "preset"),
    ("writes", "reads"),
    ("lookups", "reads"),
    ("gets", "reads"),
    ("policy", "eviction"),
    ("evictions", "eviction"),
    ("memory", "bytes"),
    ("pipeline", "depth"),
    ("clients", "connections"),
    ("workers", "threads"),
];

/// In which table of the file `key` stands.
fn home_of(key: &str) -> Option<&'static str> {
    let homes: [(&[&str], &str); 9] = [
        (&axes(), "in `[axes]`"),
        (MIX, "in `[mix]`"),
        (TOP, "at the top of the file, before any `[table]`"),
        (LATENCY, "in `[latency]`"),
        (SPACE, "in `[space]`"),
        (TURNS, "in `[turns]`"),
        (AGGREGATE, "in `[aggregate]`"),
        (CACHE, "in `[cache]`"),
        (SERVER, "in `[server]`"),
    ];
    homes.into_iter().find(|(keys, _)| keys.contains(&key)).map(|(_, home)| home)
}

/// A key that the table `section` does not have: what may be meant.
pub(super) fn unknown_key(section: &str, key: &str, span: Range<usize>, known: &[&str]) -> Problem {
    let place = if section.is_empty() { "an experiment file" } else { section };
    let here = SYNONYMS.iter().find(|(other, _)| *other == key).map(|(_, here)| *here);
    let help = match (home_of(key), here) {
        (Some(home), _) => format!("`{key}` belongs {home}"),
        (None, Some(here)) if known.contains(&here) => format!("it is called `{here}`"),
        (None, Some(here)) => {
            let home = home_of(here).unwrap_or_default();
            format!("it is called `{here}`, and belongs {home}")
        }
        (None, None) => format!("{}the keys are {}", did_you_mean(key, known), known.join(", ")),
    };
    Problem { span, message: format!("unknown key `{key}` in {place}"), help }
}

/// ``did you mean `x`? `` for the name nearest to `written`, or nothing if none is near.
pub(crate) fn did_you_mean(written: &str, names: &[&str]) -> String {
    let nearness = |name: &str| strsim::normalized_damerau_levenshtein(written, name);
    names
        .iter()
        .map(|name| (nearness(name), name))
        .filter(|(near, _)| *near >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, name)| format!("did you mean `{name}`? "))
}
