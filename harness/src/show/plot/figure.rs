//! A kind of figure, and the data from which figures are drawn.

use anyhow::Result;

use super::drawing::Drawing;
use super::picture::{Options, Sketch};
use crate::analysis::compare::Baseline;
use crate::rows::Row;
use crate::rows::cache::CacheRow;
use crate::rows::latency::LatencyTrial;
use crate::rows::samples::SeriesRow;
use crate::rows::server::ServerRow;
use crate::rows::space::SpaceRow;
use virtual_cores::PredictedRow;

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
    /// What is measured of caches alone, if there are any.
    pub cache: &'a [CacheRow],
    /// Predictions, if there are any: then there are no trials.
    pub predicted: &'a [PredictedRow],
    /// What is measured of servers alone, if there are any.
    pub server: &'a [ServerRow],
    /// CPUs of the machine that measured them.
    pub cpus: usize,
    /// What ratios are to, where there is something to compare with.
    pub baseline: Option<&'a Baseline>,
}

/// The pictures of results, one for each setting; fails if no row can be drawn.
pub type Sketches = fn(&Results<'_>) -> Result<Vec<Sketch>>;

/// Where a figure is drawn without being asked for, if the results have what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// Wherever figures are.
    Everywhere,
    /// On the page alone.
    Page,
    /// Nowhere: another figure shows these results better.
    Nowhere,
}

/// A kind of figure.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line: what it shows.
    pub summary: &'static str,
    /// What the results lack for it, if anything.
    pub lacks: fn(&Results<'_>) -> Option<&'static str>,
    /// Where it is drawn without being asked for.
    pub unasked: fn(&Results<'_>) -> Unasked,
    /// What it draws.
    pub pictures: Sketches,
}

impl Figure {
    /// Whether it is drawn on the page alone unless it is asked for.
    #[must_use]
    pub fn is_for_the_page(&self) -> bool {
        (self.unasked)(&Results::default()) == Unasked::Page
    }

    /// Draws it. Its caption says how many trials are invalid.
    ///
    /// # Errors
    ///
    /// If no row can be drawn.
    pub fn draw(&self, results: &Results<'_>, options: &Options) -> Result<Vec<Drawing>> {
        let mut drawings = Vec::new();
        let invalid = results.invalid();
        for mut picture in (self.pictures)(results)? {
            let caption = &mut picture.panels.caption;
            if !caption.iter().any(|said| said.contains("invalid")) {
                caption.extend(invalid.clone());
            }
            drawings.extend(picture.drawn(options)?);
        }
        Ok(drawings)
    }
}

impl Results<'_> {
    /// How many trials are invalid, in words, if some are.
    fn invalid(&self) -> Option<String> {
        let latency = self.latency.iter().map(|trial| &trial.row);
        let rows = || self.rows.iter().chain(latency.clone());
        let invalid = rows().filter(|row| !row.counts()).count();
        let all = rows().count();
        (invalid > 0).then(|| format!("{invalid} of {all} trials are invalid, and in no figure."))
    }
}
