//! What several folders hold together.

use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::LatencyTrial;
use crate::rows::samples::SeriesRow;
use crate::rows::slices::SliceRow;
use crate::rows::space::SpaceRow;

/// What a merged folder will hold.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The text of `experiment.toml`.
    pub experiment: String,
    /// The text of `machine.toml`, the first folder's.
    pub machine: String,
    /// The trials, by block and position.
    pub rows: Vec<Row>,
    /// The samples of each, in the same order; `None` if no folder holds any.
    pub samples: Option<Vec<SeriesRow>>,
    /// The slices of each, in the same order; `None` if no folder holds any.
    pub slices: Option<Vec<SliceRow>>,
    /// What is measured of caches alone, of each trial in the same order; `None` if no folder holds any.
    pub cache: Option<Vec<CacheRow>>,
    /// The latency trials, by block and position; `None` if no folder holds any.
    pub latency: Option<Vec<LatencyTrial>>,
    /// The rows of the space trials, by block; `None` if no folder holds any.
    pub space: Option<Vec<SpaceRow>>,
    /// The aggregations, by block; `None` if no folder holds any.
    pub aggregate: Option<Vec<AggregateRow>>,
    /// Trials that several folders hold alike, and that are taken once.
    pub repeated: usize,
}
