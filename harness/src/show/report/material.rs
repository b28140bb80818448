//! The data from which a page is made.

use crate::analysis::rank::Ranking;
use crate::results::machine::Machine;
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::LatencyTrial;
use crate::rows::server::ServerRow;
use crate::rows::space::SpaceRow;
use crate::show::plot::Drawing;
use crate::show::text::comparison::Report;
use virtual_cores::{HotLineRow, PredictedRow};

/// A folder that the page is about.
#[derive(Clone, Debug)]
pub struct ReportSource {
    /// Its last component; the page names no other directories.
    pub name: String,
    /// Its `experiment.toml`.
    pub experiment: String,
    /// The commit that was built, and whether the source differed from it, if that is known.
    pub commit: Option<(String, bool)>,
}

/// A picture and what it shows.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// The picture.
    pub drawing: &'a Drawing,
    /// In a line.
    pub summary: &'static str,
}

/// What a page has of predictions: none of them is among the trials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Predictions<'a> {
    /// Their folders.
    pub sources: &'a [ReportSource],
    /// The predictions.
    pub rows: &'a [PredictedRow],
    /// The lines that were waited for.
    pub hot: &'a [HotLineRow],
    /// Pictures of them.
    pub pictures: &'a [Picture<'a>],
    /// What to type to predict it again.
    pub commands: &'a [String],
}

/// Everything that the page is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// The folders; of two runs, the one before and the one after.
    pub sources: &'a [ReportSource],
    /// The trials of all of them.
    pub rows: &'a [Row],
    /// Those that have tables of their own: of two runs, those of the one after, as all other trials here.
    pub shown: &'a [Row],
    /// Their latency trials.
    pub latency: &'a [LatencyTrial],
    /// Their space trials.
    pub space: &'a [SpaceRow],
    /// Their aggregations.
    pub aggregate: &'a [AggregateRow],
    /// What is measured of caches alone.
    pub cache: &'a [CacheRow],
    /// What is measured of servers alone.
    pub server: &'a [ServerRow],
    /// What measured them.
    pub machine: &'a Machine,
    /// Pictures of them.
    pub pictures: &'a [Picture<'a>],
    /// What is predicted, if anything is.
    pub predicted: Predictions<'a>,
    /// The comparisons, which `bench cmp` shows too.
    pub report: &'a Report<'a>,
    /// The subjects' order, or why there is none.
    pub ranking: Result<&'a Ranking, &'a str>,
}
