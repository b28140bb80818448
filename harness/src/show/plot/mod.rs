//! Figures for papers, drawn from results alone: the same results give the same bytes.
//!
//! A figure is one file and one line of [`FIGURES`].

mod axis;
mod batch_sweep;
mod block_drift;
mod canvas;
mod factor_bars;
mod font;
mod hover;
mod latency_ccdf;
mod levels;
mod panels;
pub mod pdf;
mod pgf;
pub mod raster;
mod ratio_heatmap;
mod scale;
mod scaling_usl;
#[cfg(test)]
mod scheme_tests;
mod schemes;
mod shapes;
mod space_load;
pub mod style;
#[cfg(test)]
mod tests;
mod throughput_keys;
mod throughput_memory;
mod throughput_reads;
mod throughput_skew;
mod throughput_threads;
mod trial_strip;
mod unreclaimed_over_time;

use anyhow::Result;

pub use self::hover::Value;
pub use self::pgf::Pgf;
use self::style::Style;
use crate::analysis::compare::Baseline;
use crate::rows::Row;
use crate::rows::latency::LatencyTrial;
use crate::rows::samples::SeriesRow;
use crate::rows::space::SpaceRow;

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The file's name without extension: the figure's, and what tells it from its siblings.
    pub file_stem: String,
    /// The picture, its size in points.
    pub svg: String,
    /// What the points in it say.
    pub values: Vec<Value>,
    /// The same for LaTeX.
    pub pgf: Pgf,
}

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

/// Every kind of figure.
pub const FIGURES: &[Figure] = &[
    Figure {
        name: "throughput-threads",
        summary: "throughput against threads, one panel for each read ratio and skew",
        lacks: |_| None,
        draw: throughput_threads::draw,
    },
    Figure {
        name: "throughput-reads",
        summary: "throughput against the read ratio, one panel for each skew and number of threads",
        lacks: throughput_reads::lacks,
        draw: throughput_reads::draw,
    },
    Figure {
        name: "throughput-skew",
        summary: "throughput against skew, one panel for each read ratio and number of threads",
        lacks: throughput_skew::lacks,
        draw: throughput_skew::draw,
    },
    Figure {
        name: "throughput-keys",
        summary: "throughput against the number of keys, one panel for each read ratio, skew and \
                  number of threads",
        lacks: throughput_keys::lacks,
        draw: throughput_keys::draw,
    },
    Figure {
        name: "scaling-usl",
        summary: "throughput against threads with the Universal Scalability Law fitted to it, one \
                  panel for each read ratio and skew",
        lacks: scaling_usl::lacks,
        draw: scaling_usl::draw,
    },
    Figure {
        name: "ratio-heatmap",
        summary: "ratio to a baseline over threads and read ratio, one panel for each subject, skew \
                  and number of keys",
        lacks: ratio_heatmap::lacks,
        draw: ratio_heatmap::draw,
    },
    Figure {
        name: "factor-bars",
        summary: "ratio of a structure's variants to the structure itself, as bars for each number of \
                  threads, one panel for each read ratio and skew",
        lacks: factor_bars::lacks,
        draw: factor_bars::draw,
    },
    Figure {
        name: "unreclaimed-over-time",
        summary: "unreclaimed bytes over time, one line a scheme, one panel for each table and \
                  fault; needs `series = true`",
        lacks: unreclaimed_over_time::lacks,
        draw: unreclaimed_over_time::draw,
    },
    Figure {
        name: "throughput-memory",
        summary: "throughput against peak unreclaimed bytes, one marker a scheme",
        lacks: throughput_memory::lacks,
        draw: throughput_memory::draw,
    },
    Figure {
        name: "batch-sweep",
        summary: "throughput and peak unreclaimed bytes against `reclaim_batch`",
        lacks: batch_sweep::lacks,
        draw: batch_sweep::draw,
    },
    Figure {
        name: "latency-ccdf",
        summary: "the share of operations slower than a time, response and service, one panel for \
                  each workload and rate; needs `[latency]`",
        lacks: latency_ccdf::lacks,
        draw: latency_ccdf::draw,
    },
    Figure {
        name: "space-load",
        summary: "bytes an entry, moves an insertion and lookups against load; needs `[space]`",
        lacks: space_load::lacks,
        draw: space_load::draw,
    },
    Figure {
        name: "block-drift",
        summary: "every trial against its block, one panel for each workload and number of threads",
        lacks: block_drift::lacks,
        draw: block_drift::draw,
    },
    Figure {
        name: "trial-strip",
        summary: "every trial, one column for each subject, with its median and interval; one panel for \
                  each workload and number of threads",
        lacks: trial_strip::lacks,
        draw: trial_strip::draw,
    },
];

/// The figure of that name.
#[must_use]
pub fn figure(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.name == name)
}
