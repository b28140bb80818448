//! What a page is made of.

use crate::analysis::rank::Ranking;
use crate::results::machine::Machine;
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::LatencyTrial;
use crate::rows::space::SpaceRow;
use crate::show::plot::Drawing;
use crate::show::text::comparison::Report;

/// A folder that the page is about.
#[derive(Clone, Debug)]
pub struct ReportSource {
    /// Its last component; the page names no other directories.
    pub name: String,
    /// Its `experiment.toml`.
    pub experiment: String,
}

/// A picture and what it shows.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// The picture.
    pub drawing: &'a Drawing,
    /// In a line.
    pub summary: &'static str,
}

/// Everything that the page is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// The folders; of two runs, the one before and the one after.
    pub sources: &'a [ReportSource],
    /// The trials of all of them.
    pub rows: &'a [Row],
    /// Their latency trials.
    pub latency: &'a [LatencyTrial],
    /// Their space trials.
    pub space: &'a [SpaceRow],
    /// Their aggregations.
    pub aggregate: &'a [AggregateRow],
    /// What is measured of caches alone.
    pub cache: &'a [CacheRow],
    /// What measured them.
    pub machine: &'a Machine,
    /// Pictures of them.
    pub pictures: &'a [Picture<'a>],
    /// The comparisons, which `bench cmp` shows too.
    pub report: &'a Report<'a>,
    /// The subjects' order, or why there is none.
    pub ranking: Result<&'a Ranking, &'a str>,
}
