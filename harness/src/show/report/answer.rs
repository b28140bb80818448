//! The verdict in words; each of its numbers is in the tables below it.

use std::collections::BTreeMap;

use super::Material;
use super::tables::{Field, Table, interval};
use crate::analysis::compare::words::factor;
use crate::analysis::compare::{Judged, Verdict};
use crate::analysis::rank::{Rank, Ranking};
use crate::rows::Row;
use crate::show::text::comparison::{Mode, Report};

/// More subjects are a table.
const MOST: usize = 4;

/// What the trials say, and how far to trust it: of many subjects, without what [`table`] says.
pub(super) fn sentences(material: &Material<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    let is_table = is_table(material);
    if matches!(material.report.mode, Mode::Subjects(_)) {
        match material.ranking {
            Ok(ranking) => sentences.extend(order(ranking, is_table)),
            Err(why) => sentences.push(format!("The subjects have no order: {why}.")),
        }
    }
    if !is_table {
        sentences.extend(verdicts(material.report));
    }
    sentences.extend(noise(material.report));
    sentences.push(trust(material.rows));
    sentences
}

/// Who has the highest mean ratio to the best, and who is near.
fn order(ranking: &Ranking, is_table: bool) -> Option<String> {
    let (first, rest) = ranking.ranks.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let scored = |rank: &Rank| format!("{} {}", rank.subject, score(rank));
    let rest: Vec<String> = rest.iter().map(scored).collect();
    let rest = if is_table { String::new() } else { format!(" Then: {}.", rest.join(", ")) };
    let workloads = match ranking.workloads.len() {
        1 => "under the one workload".to_owned(),
        n => format!("over {n} workloads"),
    };
    Some(format!(
        "{} comes nearest to the best {workloads}: its throughput is {} of the best subject's there, \
         as a geometric mean with its 95\u{a0}% interval.{rest}",
        first.subject,
        score(first)
    ))
}

fn score(rank: &Rank) -> String {
    let interval = rank.interval.map(|(low, high)| format!(" ({}–{})", factor(low), factor(high)));
    factor(rank.score) + &interval.unwrap_or_default()
}

/// The comparisons of each subject.
fn by_subject<'r>(report: &'r Report<'_>) -> BTreeMap<&'r str, Vec<&'r Judged<'r>>> {
    let mut subjects: BTreeMap<&str, Vec<&Judged<'_>>> = BTreeMap::new();
    for judged in &report.judged {
        subjects.entry(&judged.ours.subject).or_default().push(judged);
    }
    subjects
}

/// Whether there are so many subjects that they are a table.
fn is_table(material: &Material<'_>) -> bool {
    by_subject(material.report).len() > MOST
}

/// What the trials say of each of many subjects: its score, and its verdicts.
pub(super) fn table(material: &Material<'_>) -> Table {
    let names = [
        "subject",
        "#score",
        "#95 % interval",
        "#workloads",
        "#faster",
        "#slower",
        "#no difference shown",
        "#least ratio",
        "#highest ratio",
    ];
    if !is_table(material) {
        return Table::new(&names, Vec::new());
    }
    let ranks = material.ranking.map_or(&[][..], |ranking| ranking.ranks.as_slice());
    let mut rows: Vec<(f64, Vec<Field>)> = Vec::new();
    for (subject, judged) in by_subject(material.report) {
        let rank = ranks.iter().find(|rank| rank.subject == subject);
        let count = |verdict| judged.iter().filter(|judged| judged.verdict == verdict).count();
        let ratios = || judged.iter().map(|judged| judged.ratio.centre);
        let (least, most) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
        let fields = vec![
            Field::text(subject),
            Field::maybe(rank.map(|rank| rank.score), factor),
            interval(rank.and_then(|rank| rank.interval), factor),
            Field::count(judged.len()),
            Field::count(count(Verdict::Faster)),
            Field::count(count(Verdict::Slower)),
            Field::count(count(Verdict::NoDifferenceShown)),
            Field::number(least, factor(least)),
            Field::number(most, factor(most)),
        ];
        rows.push((rank.map_or(0.0, |rank| rank.score), fields));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    Table::new(&names, rows.into_iter().map(|(_, fields)| fields).collect())
}

/// How often each subject is faster than what it is compared with, and by how much.
fn verdicts(report: &Report<'_>) -> Vec<String> {
    let subjects = by_subject(report);
    if subjects.is_empty() {
        return vec!["There is nothing to compare.".to_owned()];
    }
    let against = match &report.mode {
        Mode::Subjects(baseline) => format!("Against {baseline}"),
        Mode::Threads(threads) => format!("Each against itself at threads={threads}"),
        Mode::Runs { before, after, .. } => format!("{after} against {before}"),
    };
    let each: Vec<String> = subjects
        .iter()
        .map(|(subject, judged)| format!("{subject} is {}", tally(judged)))
        .collect();
    vec![format!("{against}: {}.", each.join("; "))]
}

/// "faster under 3 of 12 workloads (1.21 to 1.45 times), slower under none, …".
fn tally(judged: &[&Judged<'_>]) -> String {
    let part = |verdict: Verdict| {
        let ratios: Vec<f64> = judged
            .iter()
            .filter(|judged| judged.verdict == verdict)
            .map(|judged| judged.ratio.centre)
            .collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match ratios.len() {
            0 => "under none".to_owned(),
            1 => format!("under 1 (ratio {})", factor(least)),
            n => format!("under {n} (ratios {} to {})", factor(least), factor(most)),
        }
    };
    let open = judged.iter().filter(|judged| judged.verdict == Verdict::NoDifferenceShown).count();
    let workloads = if judged.len() == 1 { "workload" } else { "workloads" };
    format!(
        "faster {} of {} {workloads}, slower {}, without a difference shown under {open}",
        part(Verdict::Faster),
        judged.len(),
        part(Verdict::Slower),
    )
}

/// How far a table is from itself.
fn noise(report: &Report<'_>) -> Option<String> {
    if report.judged.is_empty() {
        return None;
    }
    Some(report.noise_floor().unwrap_or_else(|| {
        "No table was measured twice (A/A), so it is not known what noise alone makes of a ratio."
            .to_owned()
    }))
}

/// How many trials count, and how many the machine left alone.
fn trust(rows: &[Row]) -> String {
    let valid = rows.iter().filter(|row| row.counts()).count();
    let quiet = rows.iter().filter(|row| row.noise == crate::metric::QUIET).count();
    format!(
        "{valid} of {} trials are valid; the machine was quiet during {quiet} of them all.",
        rows.len()
    )
}
