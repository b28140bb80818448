//! Throughput against skew, one panel for each read ratio (rows) and number of threads (columns).

use anyhow::Result;

use super::levels::{Parameter, reads};
use super::style::Style;
use super::{Drawing, Results};
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
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    PARAMETER.draw(results, style)
}
