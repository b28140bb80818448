//! Throughput against the number of keys, one panel for each read ratio and skew (rows) and number of
//! threads (columns).

use anyhow::Result;

use super::Results;
use super::levels::{Parameter, reads, skew};
use super::picture::Sketch;
use crate::analysis::setting::Setting;

const PARAMETER: Parameter = Parameter {
    figure: "throughput-keys",
    label: "keys",
    of: |row| row.keys as f64,
    panel: |row| vec![reads(row), skew(row)],
    setting: |row| Setting::of(row).whatever(&["keys", "prefill", "capacity"]),
    words: Setting::in_words_without_keys,
};

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    PARAMETER.lacks(results, "the trials do not differ in `keys`, of which it needs two values")
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    PARAMETER.pictures(results)
}
