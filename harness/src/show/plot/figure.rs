//! A kind of figure, and what figures are drawn from.

use anyhow::Result;

use super::drawing::Drawing;
use super::style::Style;
use crate::analysis::compare::Baseline;
use crate::rows::Row;
use crate::rows::latency::LatencyTrial;
use crate::rows::samples::SeriesRow;
use crate::rows::space::SpaceRow;

/// What figures are drawn from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Results<'a> {
    /// The trials.
    pub rows: &'a [Row],
    /// Their samples, if they have any.
    pub samples: &'a [SeriesRow],
    /// The latency trials, if there are any.
    pub latency: &'a [LatencyTrial],
    /// The rows of the space trials, if there are any.
    pub space: &'a [SpaceRow],
    /// CPUs of the machine that measured them.
    pub cpus: usize,
    /// What ratios are to, where there is something to compare with.
    pub baseline: Option<&'a Baseline>,
}

/// Draws results: one picture for each setting.
pub type Draw = fn(&Results<'_>, &Style) -> Result<Vec<Drawing>>;

/// A kind of figure.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line: what it shows.
    pub summary: &'static str,
    /// What the results lack for it, if anything: then it is not drawn unless asked for.
    pub lacks: fn(&Results<'_>) -> Option<&'static str>,
    /// Draws it; fails if no row can be drawn.
    pub draw: Draw,
}
