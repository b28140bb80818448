//! Throughput against skew, one panel for each read ratio (rows) and number of threads (columns).

use anyhow::Result;

use super::Results;
use super::levels::{Parameter, reads};
use super::picture::Sketch;
use crate::analysis::setting::Setting;

const PARAMETER: Parameter = Parameter {
    figure: "throughput-skew",
    label: "skew θ of the keys",
    of: |row| row.zipf,
    panel: |row| vec![reads(row)],
    setting: |row| Setting::of(row),
    words: Setting::in_words,
};

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    PARAMETER.lacks(results, "the trials do not differ in `zipf`, of which it needs two values")
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    PARAMETER.pictures(results)
}
