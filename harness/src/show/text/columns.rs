//! The columns of a table that identify the workload of a row.

use std::collections::BTreeSet;

use trials::parameters::{PARAMETERS, Parameter, parameter};

use crate::analysis::compare::Judged;
use crate::analysis::setting::{names_that_differ, split, told};
use crate::rows::Row;
use trials::mix::percentage;

/// What every table of Markdown has.
const ALWAYS: [&str; 4] = ["threads", "reads", "zipf", "keys"];
/// The operations per second that latency trials were asked for.
const RATE: &str = "rate";

/// The columns of a table of comparisons.
pub(super) struct Columns {
    pub(super) names: Vec<&'static str>,
    /// What all rows hold fixed of what is no column.
    pub(super) fixed: String,
}

impl Columns {
    /// One for each part of the workload in which rows differ, and if `always` for the four that are asked for
    /// most.
    pub(super) fn of(judged: &[Judged<'_>], always: bool) -> Self {
        let rows: Vec<Row> = judged.iter().map(|one| one.ours.row.clone()).collect();
        let groups = split(&rows);
        let varies = |name: &&'static str| {
            let values: BTreeSet<String> = judged.iter().map(|one| value(one, name)).collect();
            values.len() > 1
        };
        let differ = names_that_differ(&groups).into_iter();
        let differ = differ.flat_map(|name| match name {
            "writes" => vec!["inserts", "removes", "updates", "upserts"],
            name => vec![name],
        });
        let mut names: Vec<&'static str> = ALWAYS.to_vec();
        names.extend(differ.filter(|name| !ALWAYS.contains(name)));
        names.push(RATE);
        let (mut kept, mut fixed) = (Vec::new(), Vec::new());
        for name in names {
            if always && ALWAYS.contains(&name) || varies(&name) {
                kept.push(name);
            } else if let Some(one) =
                judged.first().map(|one| value(one, name)).filter(|v| !v.is_empty())
            {
                fixed.push(format!("{name} {one}"));
            }
        }
        let special = PARAMETERS.iter().filter(|parameter| !kept.contains(&parameter.name));
        let special = special.filter_map(|one| (one.said?.short)(&judged.first()?.ours.row));
        fixed.extend(special);
        Self { names: kept, fixed: fixed.join(", ") }
    }

    /// What a row says in them.
    pub(super) fn values(&self, one: &Judged<'_>) -> Vec<String> {
        self.names.iter().map(|name| value(one, name)).collect()
    }
}

/// What the subject of a row says. It explains no other parameter: where one differs along with it, that is said, too.
const OF_SUBJECT: [&str; 3] = ["structure", "reclaimer", "twin"];
/// What another parameter says as well: keys without a skew are `uniform`.
const LAST: [&str; 1] = ["distribution"];

/// The columns of what cells differ in that a table's own columns do not say.
pub(super) struct Telling(Vec<&'static Parameter>);

impl Telling {
    /// As few as it takes for `rows`, one of each cell, where the table's own columns say the parameters `own`, and
    /// the subject.
    pub(super) fn apart<'r>(rows: impl Iterator<Item = &'r Row>, own: &[&str]) -> Self {
        let is_said = |name: &str| own.contains(&name) || OF_SUBJECT.contains(&name);
        let others = PARAMETERS.iter().filter(|one| !is_said(one.name));
        let (last, others): (Vec<&Parameter>, Vec<&Parameter>) =
            others.partition(|one| LAST.contains(&one.name));
        let own = own.iter().filter(|name| !OF_SUBJECT.contains(*name));
        let mut all: Vec<&Parameter> = own.map(|name| parameter(name)).collect();
        let first = all.len();
        all.extend(others.into_iter().chain(last));
        let values = |row: &Row| all.iter().map(|one| (one.get)(row).to_string()).collect();
        let rows: Vec<Vec<String>> = rows.map(values).collect();
        let told = told(&rows).into_iter().filter(|place| *place >= first);
        Self(told.map(|place| all[place]).collect())
    }

    /// What stands above them.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|one| one.name.replace('_', "\n"))
    }

    /// What stands in them.
    pub(super) fn values<'c>(&'c self, row: &'c Row) -> impl Iterator<Item = String> + 'c {
        self.0.iter().map(|one| (one.get)(row).to_string())
    }
}

fn value(one: &Judged<'_>, name: &str) -> String {
    let row = &one.ours.row;
    match name {
        RATE => one.ours.workload.rate().map_or_else(String::new, |rate| rate.to_string()),
        "reads" => percentage(row.mix.reads),
        "inserts" => percentage(row.mix.inserts),
        "removes" => percentage(row.mix.removes),
        "updates" => percentage(row.mix.updates),
        "upserts" => percentage(row.mix.upserts),
        // What the file has as a fraction, people read as they wrote it.
        "zipf" => row.zipf.to_string(),
        name => (parameter(name).get)(row).to_string(),
    }
}
