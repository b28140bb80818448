//! Globs of cells: the argument of `--filter`, and the message if it leaves no cell.

use std::collections::BTreeSet;
use std::str::FromStr;

use ::table::{BadGlob, Glob};

use crate::analysis::compare::Workload;
use crate::case::Case;
use crate::rows::Row;

/// The most words that are told in place of a wrong one.
const MOST: usize = 3;

/// How alike a word must be to be told in place of a wrong one: 1 is the same word.
const ALIKE: f64 = 0.5;

/// A glob of cells.
#[derive(Clone, Debug)]
pub(super) struct Filter(Glob);

impl FromStr for Filter {
    type Err = BadGlob;

    /// Of cells rather than names: one that has variants in it shows them.
    fn from_str(text: &str) -> Result<Self, BadGlob> {
        Ok(Self(text.parse()?))
    }
}

/// What a filter may match of a row's cell: all that a dry run prints of it, its subject, structure and id.
pub(super) fn names_of(row: &Row) -> [String; 5] {
    let case: &Case = row;
    let subject = row.subject();
    let described = format!("{subject} {}", Workload::of(row));
    [case.to_string(), described, subject, row.structure.clone(), row.case.clone()]
}

impl Filter {
    /// Whether it matches the cell of this row.
    pub(super) fn matches(&self, row: &Row) -> bool {
        self.matches_any(&names_of(row))
    }

    /// Whether it matches one of these.
    pub(super) fn matches_any(&self, names: &[impl AsRef<str>]) -> bool {
        names.iter().any(|name| self.0.matches(name.as_ref()))
    }

    /// That it leaves no `cell` of those with these names, and what would leave some.
    pub(super) fn leaves_none(&self, cell: &str, names: impl Iterator<Item = String>) -> String {
        let names: BTreeSet<String> = names.collect();
        let (text, hint) = (self.0.text(), hint(&self.0, &names));
        format!("--filter {text} leaves no {cell}{hint}")
    }
}

/// What would match some of `names`; nothing if `glob` does.
fn hint(glob: &Glob, names: &BTreeSet<String>) -> String {
    let matches = |glob: &Glob| names.iter().any(|name| glob.matches(name));
    if matches(glob) {
        return String::new();
    }
    let parts: Vec<&str> = glob.text().split_whitespace().filter(|part| *part != "*").collect();
    let words: BTreeSet<&str> = names.iter().flat_map(|name| name.split_whitespace()).collect();
    let wrong = parts.iter().flat_map(|part| wrong_in(part, &words));
    let wrong: Vec<String> = wrong.map(|word| without(word, &words)).collect();
    if !wrong.is_empty() {
        return format!(": {}", wrong.join("; "));
    }
    let wider = [glob.text().to_owned(), parts.join("*")].map(|text| anywhere(&text));
    wider.into_iter().flatten().find(matches).map_or_else(
        || ": no cell has all of it, in this order".to_owned(),
        |wider| {
            let text = wider.text();
            format!(": it must match the whole of a name or description, as '{text}' does")
        },
    )
}

/// The glob of all that has `text` in it.
fn anywhere(text: &str) -> Option<Glob> {
    let before = if text.starts_with('*') { "" } else { "*" };
    let has_end = text.is_empty() || text.ends_with('*') && !text.ends_with("\\*");
    let after = if has_end { "" } else { "*" };
    format!("{before}{text}{after}").parse().ok()
}

/// What of `part`, which has no blank, none of `words` has: a parameter's value is all of a word.
fn wrong_in<'p>(part: &'p str, words: &BTreeSet<&str>) -> Vec<&'p str> {
    let is_in_one = |glob: &Glob| words.iter().any(|word| glob.matches(word));
    // What is no glob by itself is a piece of one: nothing is known of it.
    let fits = |glob: Option<Glob>| glob.is_none_or(|glob| is_in_one(&glob));
    if fits(part.parse().ok()) {
        return Vec::new();
    }
    if !part.contains('*') && part.contains('=') {
        return vec![part];
    }
    // It may go over several words.
    let pieces = part.split('*').filter(|piece| !piece.is_empty());
    pieces.filter(|piece| !fits(anywhere(piece))).collect()
}

/// That no cell has `wrong`, and which of `words` are near it.
fn without(wrong: &str, words: &BTreeSet<&str>) -> String {
    match nearest(wrong, words).join(", ") {
        near if near.is_empty() => format!("no cell has `{wrong}`"),
        near => format!("no cell has `{wrong}` (nearest: {near})"),
    }
}

/// The words nearest to `wrong`: other values of its parameter, or else words with nearly its letters.
fn nearest<'w>(wrong: &str, words: &BTreeSet<&'w str>) -> Vec<&'w str> {
    let unlike = |word: &str| 1.0 - strsim::normalized_damerau_levenshtein(wrong, word);
    let of_parameter = words.iter().filter_map(|word| {
        let ((name, asked), (other, value)) = wrong.split_once('=').zip(word.split_once('='))?;
        let distance = match (asked.parse::<f64>(), value.parse::<f64>()) {
            (Ok(asked), Ok(value)) => (asked - value).abs(),
            (Ok(_), Err(_)) => f64::INFINITY,
            (Err(_), _) => unlike(word),
        };
        (name == other).then_some((distance, *word))
    });
    let mut near: Vec<(f64, &str)> = of_parameter.collect();
    if near.is_empty() {
        let all = words.iter().map(|word| (unlike(word), *word));
        near = all.filter(|(distance, _)| *distance <= 1.0 - ALIKE).collect();
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    near.truncate(MOST);
    near.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    /// What is said of `filter` where there are cells of `papaya` and `dashmap` with so many keys.
    fn said(filter: &str, keys: &BTreeSet<u32>) -> String {
        filter.parse::<Filter>().unwrap().leaves_none("cell", names(keys).into_iter())
    }

    fn names(keys: &BTreeSet<u32>) -> Vec<String> {
        let of = |table: &str| {
            let described = |keys: &u32| format!("{table} threads=2 reads=9 zipf=0.99 keys={keys}");
            keys.iter().map(described).chain([table.to_owned()]).collect::<Vec<_>>()
        };
        ["papaya", "dashmap"].map(of).concat()
    }

    /// The words in parentheses.
    fn told(said: &str) -> Vec<&str> {
        let (_, near) = said.split_once("(nearest: ").expect(said);
        near.split_once(')').expect(said).0.split(", ").collect()
    }

    proptest! {
        #[test]
        fn words_that_cells_have_are_asked_for_with_asterisks(
            keys in btree_set(1_u32..5000, 1..5),
            which in any::<prop::sample::Index>(),
            ends in any::<[prop::sample::Index; 2]>(),
        ) {
            let all = names(&keys);
            let name = which.get(&all);
            let words: Vec<&str> = name.split(' ').collect();
            let [one, other] = ends.map(|end| end.index(words.len()));
            let asked = words[one.min(other)..=one.max(other)].join(" ");
            let said = said(&asked, &keys);
            if all.contains(&asked) {
                prop_assert!(said.ends_with("leaves no cell"), "{}", said);
                return Ok(());
            }
            let glob = said.split('\'').nth(1).expect("a glob between quotation marks");
            let glob: Glob = glob.parse().unwrap();
            prop_assert!(glob.matches(name), "{}: {}", name, said);
        }

        #[test]
        fn the_nearest_numbers_are_told(
            keys in btree_set(1_u32..5000, 1..9),
            asked in 1_u32..5000,
        ) {
            prop_assume!(!keys.contains(&asked));
            let said = said(&format!("keys={asked}"), &keys);
            let found = told(&said).into_iter().map(|word| {
                let number: u32 = word.strip_prefix("keys=").unwrap().parse().unwrap();
                assert!(keys.contains(&number), "{said}");
                number.abs_diff(asked)
            });
            let mut distances: Vec<u32> = keys.iter().map(|keys| keys.abs_diff(asked)).collect();
            distances.sort_unstable();
            distances.truncate(MOST);
            prop_assert_eq!(found.collect::<Vec<_>>(), distances, "{}", said);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let keys = BTreeSet::from([64, 128, 1024, 4096]);
        for (filter, words) in [
            ("papa", "as '*papa*' does"),
            ("papya", "leaves no cell: no cell has `papya` (nearest: papaya)"),
            ("*kyes=128*", ": no cell has `kyes=128` (nearest: keys=128"),
            ("keys=10", ": no cell has `keys=10` (nearest: keys=64, keys=128, keys=1024)"),
            ("* keys=100 *", ": no cell has `keys=100` (nearest: keys=128, keys=64, keys=1024)"),
            ("dashmap*zipf=1*", ": no cell has `zipf=1` (nearest: zipf=0.99)"),
            ("* threads=4 * keys=2 *", "`threads=4` (nearest: threads=2); no cell has `keys=2`"),
            ("papaya keys=64", "as '*papaya*keys=64*' does"),
            ("* keys=64 * threads=2 *", ": no cell has all of it, in this order"),
            ("qqq", "leaves no cell: no cell has `qqq`"),
        ] {
            let said = said(filter, &keys);
            assert!(said.contains(words), "{filter}: {said}");
        }
    }
}
