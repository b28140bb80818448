//! Predictions of `cargo predict`, which are not measurements: they have a folder of their own, without trials.

use std::fs;
use std::path::Path;

use ::table::subject_name;
use anyhow::{Context, ensure};
use virtual_cores::{HOT_LINES, HotLineRow, PREDICTED, PREDICTIONS, PredictedRow};

use crate::rows::log::whole_lines;

/// Whether a folder holds predictions.
#[must_use]
pub fn is_predicted(folder: &Path) -> bool {
    folder.join(PREDICTIONS).exists()
}

/// Refuses a folder of predictions where trials are asked for.
///
/// # Errors
///
/// It is one.
pub fn refuse(folder: &Path) -> anyhow::Result<()> {
    ensure!(
        !is_predicted(folder),
        "{} holds predictions ({PREDICTIONS}), which are no trials: they are never compared, ranked, merged or \
         exported; `bench plot` and `bench report` show them",
        folder.display()
    );
    Ok(())
}

/// The predictions of a folder, and the lines that were waited for.
///
/// # Errors
///
/// A file cannot be read, has other columns, or a row whose source is not `predicted` or whose rate is not within its
/// band.
pub fn read(folder: &Path) -> anyhow::Result<(Vec<PredictedRow>, Vec<HotLineRow>)> {
    let rows: Vec<PredictedRow> = rows(&folder.join(PREDICTIONS))?;
    let path = folder.join(PREDICTIONS);
    for row in &rows {
        let source = &row.source;
        ensure!(
            source == PREDICTED,
            "{}: a row's source is `{source}`, not `{PREDICTED}`",
            path.display()
        );
        let (low, rate, high) = (row.low, row.ops_per_sec, row.high);
        let are_rates = [low, rate, high].iter().all(|number| number.is_finite() && *number > 0.0);
        let is_within = low <= rate && rate <= high;
        ensure!(
            are_rates && is_within && row.threads > 0,
            "{}: {} at {} threads is no prediction: a rate, its band and the threads are above 0, and the rate is \
             within its band",
            path.display(),
            subject_name(&row.structure, &row.reclaimer),
            row.threads
        );
    }
    ensure!(!rows.is_empty(), "{} holds no prediction", path.display());
    Ok((rows, self::rows(&folder.join(HOT_LINES))?))
}

/// The rows of a file's whole lines. What is behind these is part of a row: it is being written, or a run was stopped
/// there, and its last number may be another one.
fn rows<R: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<R>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = whole_lines(&bytes);
    let mut reader = csv::Reader::from_reader(whole);
    let rows: Result<Vec<R>, _> = reader.deserialize().collect();
    rows.with_context(|| format!("cannot understand {}", path.display()))
}
