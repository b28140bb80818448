//! Figures for papers, drawn from results alone: the same results give the same bytes.
//!
//! A figure is one file and one line of [`FIGURES`].

#[cfg(test)]
mod any_rows_tests;
mod arrange;
mod axis;
mod batch_sweep;
mod block_drift;
mod by_setting;
mod called;
mod canvas;
mod cycle_stack;
mod direct;
mod drawing;
mod factor_bars;
mod figure;
mod font;
mod hit_ratio;
mod hover;
mod keys;
mod latency_ccdf;
mod layout;
mod legend;
mod levels;
mod panels;
pub mod pdf;
mod pgf;
mod picture;
mod predicted;
mod predicted_threads;
pub mod raster;
mod ratio_heatmap;
mod scale;
mod scaling_usl;
#[cfg(test)]
mod scheme_tests;
mod schemes;
mod server_bars;
mod shapes;
mod space_load;
pub mod style;
#[cfg(test)]
mod tests;
pub(crate) mod tex;
mod throughput_bars;
mod throughput_keys;
mod throughput_memory;
mod throughput_reads;
mod throughput_skew;
mod throughput_threads;
mod traffic_threads;
mod trial_strip;
mod unreclaimed_over_time;
mod unreclaimed_threads;

pub use self::called::Label;
pub use self::drawing::{Drawing, HoverText, Pgf};
pub use self::figure::{Figure, Results, Sketches, Unasked};
pub use self::legend::Legend;
pub use self::picture::{Options, Sketch};

/// Of a figure that shows something of tables wherever the results have it.
const EVERYWHERE: fn(&Results<'_>) -> Unasked = |_| Unasked::Everywhere;

/// Every kind of figure.
pub const FIGURES: &[Figure] = &[
    Figure {
        name: "throughput-threads",
        summary: "throughput against threads, one panel for each read ratio and skew",
        lacks: throughput_threads::lacks,
        unasked: throughput_threads::unasked,
        pictures: throughput_threads::pictures,
    },
    Figure {
        name: "throughput-bars",
        summary: "throughput at one number of threads, a bar for each subject, one panel for each workload",
        lacks: throughput_bars::lacks,
        unasked: throughput_bars::unasked,
        pictures: throughput_bars::pictures,
    },
    Figure {
        name: "throughput-reads",
        summary: "throughput against the read ratio, one panel for each skew and number of threads",
        lacks: throughput_reads::lacks,
        unasked: EVERYWHERE,
        pictures: throughput_reads::pictures,
    },
    Figure {
        name: "throughput-skew",
        summary: "throughput against skew, one panel for each read ratio and number of threads",
        lacks: throughput_skew::lacks,
        unasked: EVERYWHERE,
        pictures: throughput_skew::pictures,
    },
    Figure {
        name: "throughput-keys",
        summary: "throughput against the number of keys, one panel for each read ratio, skew and \
                  number of threads",
        lacks: throughput_keys::lacks,
        unasked: EVERYWHERE,
        pictures: throughput_keys::pictures,
    },
    Figure {
        name: "scaling-usl",
        summary: "throughput against threads with the Universal Scalability Law fitted to it, one \
                  panel for each read ratio and skew",
        lacks: scaling_usl::lacks,
        unasked: EVERYWHERE,
        pictures: scaling_usl::pictures,
    },
    Figure {
        name: "ratio-heatmap",
        summary: "ratio to a baseline, a matrix of subjects and workloads",
        lacks: ratio_heatmap::lacks,
        unasked: EVERYWHERE,
        pictures: ratio_heatmap::pictures,
    },
    Figure {
        name: "factor-bars",
        summary: "ratio of a structure's variants to the structure itself, as bars, one panel for each \
                  workload and number of threads",
        lacks: factor_bars::lacks,
        unasked: EVERYWHERE,
        pictures: factor_bars::pictures,
    },
    Figure {
        name: "unreclaimed-over-time",
        summary: "unreclaimed bytes over time, one line a scheme, one panel for each table and \
                  fault; needs `series = true`",
        lacks: unreclaimed_over_time::lacks,
        unasked: EVERYWHERE,
        pictures: unreclaimed_over_time::pictures,
    },
    Figure {
        name: "unreclaimed-threads",
        summary: "peak unreclaimed bytes against threads, one line a scheme, one panel for each table \
                  and workload",
        lacks: unreclaimed_threads::lacks,
        unasked: unreclaimed_threads::unasked,
        pictures: unreclaimed_threads::pictures,
    },
    Figure {
        name: "throughput-memory",
        summary: "throughput against peak unreclaimed bytes, one marker a scheme",
        lacks: throughput_memory::lacks,
        unasked: EVERYWHERE,
        pictures: throughput_memory::pictures,
    },
    Figure {
        name: "batch-sweep",
        summary: "throughput and peak unreclaimed bytes against `reclaim_batch`",
        lacks: batch_sweep::lacks,
        unasked: EVERYWHERE,
        pictures: batch_sweep::pictures,
    },
    Figure {
        name: "latency-ccdf",
        summary: "the share of operations slower than a time, response and service, one panel for \
                  each workload and rate; needs `[latency]`",
        lacks: latency_ccdf::lacks,
        unasked: EVERYWHERE,
        pictures: latency_ccdf::pictures,
    },
    Figure {
        name: "space-load",
        summary: "bytes an entry, moves an insertion and lookups against load; needs `[space]`",
        lacks: space_load::lacks,
        unasked: EVERYWHERE,
        pictures: space_load::pictures,
    },
    Figure {
        name: "hit-ratio",
        summary: "hit ratio of caches against their bytes, one panel for each skew or trace and number of \
                  threads; needs `[cache]`",
        lacks: hit_ratio::lacks,
        unasked: EVERYWHERE,
        pictures: hit_ratio::pictures,
    },
    Figure {
        name: "predicted-threads",
        summary: "predicted throughput against threads, dashed, one panel for each mix and skew; of \
                  `cargo predict --out`",
        lacks: predicted::lacks,
        unasked: EVERYWHERE,
        pictures: predicted_threads::pictures,
    },
    Figure {
        name: "traffic-threads",
        summary: "predicted lines handed over, and cycles waited for them, for an operation against threads; \
                  of `cargo predict --out`",
        lacks: predicted::lacks,
        unasked: EVERYWHERE,
        pictures: traffic_threads::pictures,
    },
    Figure {
        name: "cycle-stack",
        summary: "what a core's predicted cycles go to, a bar for each subject, one panel for each workload, \
                  at the fewest and at the most threads; of `cargo predict --out`",
        lacks: predicted::lacks,
        unasked: EVERYWHERE,
        pictures: cycle_stack::pictures,
    },
    Figure {
        name: "server-throughput",
        summary: "keys per CPU-second of servers, a bar for each, one panel for each way of asking; needs \
                  `[server]`",
        lacks: server_bars::lacks,
        unasked: EVERYWHERE,
        pictures: server_bars::pictures,
    },
    Figure {
        name: "server-items",
        summary: "items in a MiB of servers, a bar for each, one panel for each way of asking; needs `[server]`",
        lacks: server_bars::lacks_items,
        unasked: EVERYWHERE,
        pictures: server_bars::pictures_of_items,
    },
    Figure {
        name: "block-drift",
        summary: "every trial as a ratio to its cell's median, subjects by blocks, one panel for each \
                  workload and number of threads; on the page alone",
        lacks: block_drift::lacks,
        unasked: block_drift::unasked,
        pictures: block_drift::pictures,
    },
    Figure {
        name: "trial-strip",
        summary: "every trial beside its subject's name, with median and interval, one panel for each \
                  workload and number of threads; on the page alone",
        lacks: trial_strip::lacks,
        unasked: trial_strip::unasked,
        pictures: trial_strip::pictures,
    },
];

/// The figure of that name.
#[must_use]
pub fn figure(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.name == name)
}
