//! `[aggregate]`: words to count, and the ways.

use std::collections::HashSet;
use std::fmt;

use super::error::Problem;
use super::value::{AGGREGATE, Section, TEXT, WAY, WORDS, mismatch};
use crate::case::Case;
use trials::aggregate::{Way, counted_as};

/// Words of a trial, if the file does not say.
const DEFAULT_WORDS: u64 = 4_000_000;

/// The aggregation trials of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregatePlan {
    /// The ways that are wanted, each once.
    pub ways: Vec<Way>,
    /// Words that are drawn for a trial.
    pub words: u64,
    /// The file that they are read from instead.
    pub text: Option<String>,
    /// Which cells are measured by which way.
    pub cells: Vec<(usize, Way)>,
}

impl AggregatePlan {
    /// What the file at `top` asks for; `None` if it does not, or if something in it is wrong.
    pub(super) fn of(
        top: &Section<'_, '_>,
        cases: &[Case],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let value = top.get("aggregate")?;
        let Some(table) = value.get_ref().as_table() else {
            let expected = "a table: `[aggregate]` on a line by itself";
            problems.push(mismatch("aggregate", value, expected));
            return None;
        };
        let before = problems.len();
        let section = Section::new("[aggregate]", value.span(), table, AGGREGATE, problems);
        let asked = section.many("ways", &WAY, problems);
        let mut ways: Vec<Way> = asked.map_or(Way::ALL.to_vec(), |asked| {
            asked.into_iter().map(toml::Spanned::into_inner).collect()
        });
        ways.sort_unstable();
        ways.dedup();
        let words = section.one("words", &WORDS, problems);
        let text = section.one("text", &TEXT, problems);
        if let (Some(both), Some(_)) = (section.get("words"), &text) {
            problems.push(Problem {
                span: both.span(),
                message: "`[aggregate]` has both `words` and `text`".to_owned(),
                help: "a text has as many words as it has: leave one of them out".to_owned(),
            });
        }
        let cells = cells(cases, &ways, text.is_some());
        // Where a way is wrong there may be none.
        if cells.is_empty() && !cases.is_empty() && !ways.is_empty() {
            problems.push(Problem {
                span: value.span(),
                message: "no cell can count words".to_owned(),
                help: "name a structure that keeps entries, other than `no-op`".to_owned(),
            });
        }
        let words = words.unwrap_or(DEFAULT_WORDS);
        (problems.len() == before).then_some(Self { ways, words, text, cells })
    }
}

/// Of the cells that a way measures alike, the first, with that way.
fn cells(cases: &[Case], ways: &[Way], is_text: bool) -> Vec<(usize, Way)> {
    let mut seen = HashSet::new();
    let keeps = |case: &&Case| case.structure != crate::case::NO_OP && !case.twin;
    let kept: Vec<(usize, Case)> = cases
        .iter()
        .enumerate()
        .filter(|(_, case)| keeps(case))
        .map(|(index, case)| (index, counted_as(case, is_text)))
        .collect();
    let of_way = |way: Way| kept.iter().map(move |(index, case)| (*index, way, case.clone()));
    let all = ways.iter().flat_map(|way| of_way(*way));
    all.filter(|(_, way, case)| seen.insert((*way, heeded(*way, case))))
        .map(|(index, way, _)| (index, way))
        .collect()
}

/// What makes a difference to `way`: without a shared table, nothing of the table's.
fn heeded(way: Way, case: &Case) -> String {
    if way.takes_table() {
        return case.id();
    }
    let no_table = String::new();
    let plain = Case {
        structure: no_table.clone(),
        reclaimer: no_table,
        huge_pages: false,
        reclaim_batch: None,
        ..case.clone()
    };
    plain.id()
}

impl fmt::Display for AggregatePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways: Vec<&str> = self.ways.iter().map(|way| way.name()).collect();
        let ways = ways.join(", ");
        match &self.text {
            Some(text) => write!(f, "{ways} of the words of {text}"),
            None => write!(f, "{ways} of {} words", self.words),
        }
    }
}
