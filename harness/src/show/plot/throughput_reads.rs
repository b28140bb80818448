//! Throughput against the read ratio, one panel for each skew (rows) and number of threads (columns).

use anyhow::Result;

use super::Results;
use super::levels::{Parameter, skew};
use super::picture::Sketch;
use crate::analysis::setting::Setting;

const PARAMETER: Parameter = Parameter {
    figure: "throughput-reads",
    label: "reads (% of operations)",
    of: |row| row.mix.reads,
    panel: |row| vec![skew(row)],
    setting: |row| Setting::of(row),
    words: Setting::in_words,
};

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    PARAMETER.lacks(results, "the trials do not differ in `reads`, of which it needs two values")
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    PARAMETER.pictures(results)
}
