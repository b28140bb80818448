//! The baseline, with which the other subjects are compared.

use std::fmt;
use std::str::FromStr;

use table::{BadGlob, Glob};

use super::cells::Contender;
use crate::case::is_control;

/// Subjects, the best of which in each cell is the baseline there.
#[derive(Clone, Debug)]
pub struct Baseline {
    patterns: Vec<Glob>,
    /// Whether the best has the least.
    is_least: bool,
}

/// Names or globs, separated by commas; a leading `best of` changes nothing.
impl FromStr for Baseline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let list = text.trim();
        let list = list.strip_prefix("best of ").unwrap_or(list);
        let mut patterns = Vec::new();
        for name in outside_braces(list).map(str::trim) {
            if name.is_empty() {
                return Err("an empty name; write NAME or NAME,NAME".to_owned());
            }
            patterns.push(name.parse().map_err(|error: BadGlob| error.to_string())?);
        }
        Ok(Self { patterns, is_least: false })
    }
}

/// Splits at the commas that are not in a glob's `{a,b}`.
fn outside_braces(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// As it was written.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.patterns.iter().map(|pattern| pattern.text()).collect();
        f.write_str(&names.join(","))
    }
}

impl Baseline {
    /// One subject, whose name may hold commas.
    #[must_use]
    pub fn of_subject(name: &str) -> Self {
        Self { patterns: vec![Glob::of_name(name)], is_least: false }
    }

    /// The same for what is better the less it is.
    #[must_use]
    pub fn of_least(self) -> Self {
        Self { is_least: true, ..self }
    }

    /// Whether it names the cell's subject or structure.
    #[must_use]
    pub fn names(&self, subject: &str, structure: &str) -> bool {
        self.patterns.iter().any(|pattern| is_named(pattern, subject, structure))
    }

    /// The patterns that name none of `subjects`, given as subject and structure.
    #[must_use]
    pub fn unknown<'a>(&'a self, subjects: &[(String, String)]) -> Vec<&'a str> {
        let names_none = |pattern: &&Glob| {
            !subjects.iter().any(|(subject, structure)| is_named(pattern, subject, structure))
        };
        self.patterns.iter().filter(names_none).map(|pattern| pattern.text()).collect()
    }

    /// The named cell with the best median; `None` if none has a trial that counts. All cells are
    /// of one workload.
    #[must_use]
    pub fn best<'c>(&self, cells: &[&'c Contender]) -> Option<&'c Contender> {
        let named = cells.iter().filter(|cell| {
            !cell.row.twin
                && !cell.trials.is_empty()
                && self.names(&cell.subject, &cell.row.structure)
        });
        let order = |a: &Contender, b: &Contender| {
            let order = a.median().total_cmp(&b.median());
            if self.is_least { order.reverse() } else { order }
        };
        // The first by name of equals.
        named.rev().max_by(|a, b| order(a, b)).copied()
    }
}

/// A control only by its name: `no-op` would be the best of any glob that means it.
fn is_named(pattern: &Glob, subject: &str, structure: &str) -> bool {
    let is_meant = !is_control(structure) || pattern.text() == structure;
    is_meant && (pattern.matches(subject) || pattern.matches(structure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::cells;
    use crate::analysis::throughput::Rate;
    use crate::test_rows::trial;

    fn baseline(text: &str) -> Baseline {
        text.parse().unwrap()
    }

    #[test]
    fn names_lists_and_globs() {
        for text in ["papaya", "dashmap, papaya", "best of dash*,papaya", "{dashmap,papaya}"] {
            assert!(baseline(text).names("papaya", "papaya"), "{text}");
            assert!(!baseline(text).names("flurry", "flurry"), "{text}");
        }
        assert!(baseline("hamt-cas").names("hamt-cas/epoch", "hamt-cas"), "by structure");
        assert!(baseline("*/epoch").names("hamt-cas/epoch", "hamt-cas"));
        assert!(!baseline("hamt-cas/leak").names("hamt-cas/epoch", "hamt-cas"));
        let meant = [("*", false), ("no-*", false), ("no-op", true), ("a,no-op", true)];
        for (text, is_meant) in meant {
            assert_eq!(baseline(text).names("no-op", "no-op"), is_meant, "{text}");
        }
        assert!(Baseline::of_subject("sequential").names("sequential", "sequential"));
        assert_eq!(baseline("best of a,{b,c}").to_string(), "a,{b,c}");
        for wrong in ["", "a,", "["] {
            assert!(wrong.parse::<Baseline>().is_err(), "{wrong}");
        }
        let variant = "a:exclusion=b,tags=off";
        assert!(Baseline::of_subject(variant).names(variant, variant));
        assert!(!Baseline::of_subject(variant).names("a", "tags=off"));
        let subjects = [("papaya".to_owned(), "papaya".to_owned())];
        assert_eq!(baseline("papaya,dashmpa").unknown(&subjects), ["dashmpa"]);
    }

    #[test]
    fn the_best_is_by_median_of_the_named() {
        let rates = [("papaya", 3e6), ("dashmap", 5e6), ("flurry", 9e6)];
        let mut rows: Vec<_> = rates.iter().map(|(name, rate)| trial(name, 1, 0, *rate)).collect();
        let best = |rows: &[_], text: &str| {
            let cells = cells(&[rows], Rate::WallRate);
            let cells: Vec<&Contender> = cells.iter().collect();
            baseline(text).best(&cells).map(|cell| cell.subject.clone())
        };
        assert_eq!(best(&rows, "papaya,dashmap").unwrap(), "dashmap");
        rows[1].valid = false;
        assert_eq!(best(&rows, "papaya,dashmap").unwrap(), "papaya");
        assert_eq!(best(&rows, "dashmap"), None);
        rows.push(trial("a-map", 1, 0, 3e6));
        assert_eq!(best(&rows, "papaya,a-map").unwrap(), "a-map", "of equals the first");
    }

    #[test]
    fn of_what_is_better_the_less_it_is_the_best_is_the_least() {
        let bytes = [("papaya", 5.0), ("dashmap", 3.0), ("a-map", 3.0), ("flurry", 1.0)];
        let rows: Vec<_> = bytes.iter().map(|(name, bytes)| trial(name, 1, 0, *bytes)).collect();
        let cells = cells(&[&rows], Rate::WallRate);
        let cells: Vec<&Contender> = cells.iter().collect();
        let best = |of: Baseline| of.best(&cells).map(|cell| cell.subject.as_str());
        assert_eq!(best(baseline("papaya,dashmap").of_least()), Some("dashmap"));
        assert_eq!(best(baseline("papaya,dashmap,a-map").of_least()), Some("a-map"));
        assert_eq!(best(baseline("papaya,dashmap")), Some("papaya"));
    }
}
