//! Figures for papers, drawn from results alone: the same results give the same bytes.
//!
//! A figure is one file and one line of [`FIGURES`].

mod axis;
mod batch_sweep;
mod block_drift;
mod canvas;
mod drawing;
mod factor_bars;
mod figure;
mod font;
mod hover;
mod latency_ccdf;
mod layout;
mod levels;
mod panels;
pub mod pdf;
mod pgf;
mod picture;
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
mod tex;
mod throughput_keys;
mod throughput_memory;
mod throughput_reads;
mod throughput_skew;
mod throughput_threads;
mod trial_strip;
mod unreclaimed_over_time;

pub use self::drawing::{Drawing, HoverText, Pgf};
pub use self::figure::{Draw, Figure, Results};

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
