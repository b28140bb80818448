//! `[space]`: the loads at which readings of a table that is being filled are taken.

use std::collections::HashSet;
use std::fmt;

use super::error::Problem;
use super::value::{LOAD, SPACE, Section, mismatch};
use crate::case::Case;
use trials::space::filled_as;

/// Where loads are looked at if the table does not say.
const DEFAULT_LOADS: [f64; 4] = [0.5, 0.75, 0.9, 0.95];

/// The space trials of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct SpacePlan {
    /// Shares of the first capacity; ascending, each once.
    pub loads: Vec<f64>,
    /// Indices of the cells that have a space trial.
    pub cells: Vec<usize>,
}

impl SpacePlan {
    /// What the file at `top` asks for; `None` if it does not, or if something in it is wrong.
    pub(super) fn of(
        top: &Section<'_, '_>,
        cases: &[Case],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let value = top.get("space")?;
        let Some(table) = value.get_ref().as_table() else {
            problems.push(mismatch("space", value, "a table: `[space]` on a line by itself"));
            return None;
        };
        let before = problems.len();
        let section = Section::new("[space]", value.span(), table, SPACE, problems);
        let asked = section.many("loads", &LOAD, problems);
        let mut loads: Vec<f64> = asked.map_or(DEFAULT_LOADS.to_vec(), |asked| {
            asked.into_iter().map(toml::Spanned::into_inner).collect()
        });
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        let cells = cells(cases);
        if cells.is_empty() && !cases.is_empty() {
            problems.push(Problem {
                span: value.span(),
                message: "no cell can be filled".to_owned(),
                help: "name a structure that keeps entries, other than `no-op`".to_owned(),
            });
        }
        (problems.len() == before).then_some(Self { loads, cells })
    }
}

/// Of the cells whose table keeps entries, the first of those that are filled alike.
fn cells(cases: &[Case]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let keeps = |case: &&Case| case.structure != crate::case::NO_OP && !case.twin;
    let filled = cases.iter().enumerate().filter(|(_, case)| keeps(case));
    filled.filter(|(_, case)| seen.insert(filled_as(case).id())).map(|(index, _)| index).collect()
}

impl fmt::Display for SpacePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loads: Vec<String> = self.loads.iter().map(ToString::to_string).collect();
        write!(f, "loads {}", loads.join(", "))
    }
}
