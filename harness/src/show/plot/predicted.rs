//! What figures of predictions share: groups with a picture each, their panels, and what a caption says.

use std::collections::{BTreeMap, BTreeSet};

use ::table::subject_name;
use virtual_cores::PredictedRow;

use super::Results;
use super::levels::distinct;
use super::panels::{Key, Panel};
use super::schemes::{file_stem, percent};
use super::style::{Look, looks_of};

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let is_empty = results.predicted.is_empty();
    is_empty.then_some("there is no prediction: `cargo predict SPEC.toml --machine FILE.toml --out DIR` writes them")
}

/// The predictions that make a picture: of one machine and number of keys, and of one batch of those schemes for which
/// batches were set.
pub(super) struct PredictedGroup<'r> {
    pub(super) rows: Vec<&'r PredictedRow>,
    /// What tells it from other groups, for the file's name.
    label: String,
    /// Of every subject of the results.
    pub(super) looks: BTreeMap<String, Look>,
}

/// The groups of all predictions.
pub(super) fn groups<'r>(results: &Results<'r>) -> Vec<PredictedGroup<'r>> {
    let rows = results.predicted;
    let machines: BTreeSet<&str> = rows.iter().map(|row| row.machine.as_str()).collect();
    let keys: BTreeSet<u64> = rows.iter().map(|row| row.keys).collect();
    let subjects = rows.iter().map(|row| (row.structure.as_str(), row.reclaimer.as_str()));
    let looks = looks_of(&subjects.collect());
    let with_batch = rows.iter().filter(|row| row.reclaim_batch.is_some());
    let with_batch: BTreeSet<String> = with_batch.map(subject).collect();
    let of_these = rows.iter().filter(|row| with_batch.contains(&subject(row)));
    let mut batches: BTreeSet<Option<usize>> = of_these.map(|row| row.reclaim_batch).collect();
    if batches.is_empty() {
        batches.insert(None);
    }
    let mut groups = Vec::new();
    for machine in &machines {
        for key in &keys {
            for batch in &batches {
                let is_own = |row: &&PredictedRow| {
                    // What no batch was set for is beside every batch of others.
                    let has_batch =
                        row.reclaim_batch == *batch || !with_batch.contains(&subject(row));
                    row.machine == **machine && row.keys == *key && has_batch
                };
                let own: Vec<_> = rows.iter().filter(is_own).collect();
                let names = [
                    (machines.len() > 1).then(|| (*machine).to_owned()),
                    (keys.len() > 1).then(|| format!("keys-{key}")),
                    (batches.len() > 1).then(|| {
                        batch.map_or("own-batch".to_owned(), |batch| format!("batch-{batch}"))
                    }),
                ];
                if !own.is_empty() {
                    let label = names.into_iter().flatten().collect::<Vec<_>>().join("-");
                    groups.push(PredictedGroup { rows: own, label, looks: looks.clone() });
                }
            }
        }
    }
    groups
}

/// Percentages of lookups and of upserts.
pub(super) type Shares = (f64, f64);

fn shares(row: &PredictedRow) -> Shares {
    (row.reads, row.upserts)
}

/// As figures call it.
pub(super) fn subject(row: &PredictedRow) -> String {
    subject_name(&row.structure, &row.reclaimer)
}

impl<'r> PredictedGroup<'r> {
    pub(super) fn file_stem(&self, name: &str) -> String {
        file_stem(name, &self.label)
    }

    /// The mixes, most reads first, and the skews.
    pub(super) fn kinds(&self) -> (Vec<Shares>, Vec<f64>) {
        let mut mixes: Vec<Shares> = self.rows.iter().map(|row| shares(row)).collect();
        mixes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
        mixes.dedup();
        (mixes, distinct(self.rows.iter().map(|row| row.zipf).collect()))
    }

    /// Numbers of threads, ascending.
    pub(super) fn threads(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.threads).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Under a workload, each subject's rows by number of threads.
    pub(super) fn curves(&self, mix: Shares, zipf: f64) -> BTreeMap<String, Vec<&'r PredictedRow>> {
        let mut curves: BTreeMap<String, Vec<&PredictedRow>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| (shares(row), row.zipf) == (mix, zipf)) {
            curves.entry(subject(row)).or_default().push(row);
        }
        curves.values_mut().for_each(|rows| rows.sort_by_key(|row| row.threads));
        curves
    }

    /// An entry of the legend for each subject, as it looks by `look`.
    pub(super) fn legend(&self, look: fn(Look) -> Look) -> Vec<(Key, String)> {
        let names: BTreeSet<String> = self.rows.iter().map(|row| subject(row)).collect();
        names.into_iter().map(|name| (Key::Subject(look(self.looks[&name])), name)).collect()
    }

    /// What is said below each of these pictures.
    pub(super) fn provenance(&self) -> String {
        let (machine, keys) = (&self.rows[0].machine, self.rows[0].keys);
        let has_upserts = self.rows.iter().any(|row| row.upserts > 0.0);
        let present = if has_upserts {
            "half are there, more with upserts, and all where nothing is removed"
        } else {
            "half are there"
        };
        let batch = self.rows.iter().find_map(|row| row.reclaim_batch);
        let batch = batch.map_or_else(String::new, |batch| {
            format!(" Schemes that take a batch scan after {batch} retirements.")
        });
        format!(
            "Predicted, not measured: our tables on virtual cores of a model of {machine}; {keys} keys, of which \
             {present}.{batch} docs/PREDICTION.md says what is not modelled and how far the model is from what is \
             published."
        )
    }
}

/// The parts of a panel's title.
pub(super) fn title((reads, upserts): Shares, zipf: f64) -> Vec<String> {
    let upserts = (upserts > 0.0).then(|| format!("{} % upserts", short(upserts)));
    [Some(percent(reads)), upserts, Some(format!("θ = {zipf}"))].into_iter().flatten().collect()
}

/// A percentage to a tenth, as [`percent`] has it.
fn short(percentage: f64) -> f64 {
    (percentage * 10.0).round() / 10.0
}

/// A panel, if it has something.
pub(super) fn unless_empty(panel: Panel) -> Option<Panel> {
    (!panel.is_empty()).then_some(panel)
}

/// Model ÷ published of each curve of which something is published, in words.
pub(super) fn to_published(rows: &[&PredictedRow]) -> Vec<String> {
    let mut curves: BTreeMap<String, (&PredictedRow, Vec<String>)> = BTreeMap::new();
    for row in rows {
        if let Some(ratio) = row.to_published() {
            let curve = format!("{}, {}", subject(row), title(shares(row), row.zipf).join(", "));
            let (_, ratios) = curves.entry(curve).or_insert_with(|| (row, Vec::new()));
            ratios.push(format!("{ratio:.2} at {}", row.threads));
        }
    }
    let each = curves.into_iter().map(|(curve, (row, ratios))| {
        let how = match row.work_from.as_str() {
            "published" => "; its work is set by the published rate of one thread",
            "one thread" => "; its work is set by a rate of one thread that was given",
            _ => "",
        };
        format!(
            "Model ÷ published, {curve} ({}): {} threads{how}.",
            row.published_of,
            ratios.join(", ")
        )
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{Grid, predictions};

    #[test]
    fn a_caption_says_which_rate_has_set_the_work() {
        let mut row = predictions(&Grid::small()).remove(0);
        row.published = Some(row.ops_per_sec);
        for (from, said) in [
            ("instructions", "1.00 at 1 threads."),
            ("published", "threads; its work is set by the published rate of one thread."),
            ("one thread", "threads; its work is set by a rate of one thread that was given."),
        ] {
            row.work_from = from.to_owned();
            let caption = to_published(&[&row]).concat();
            assert!(caption.ends_with(said), "{from}: {caption}");
        }
    }
}
