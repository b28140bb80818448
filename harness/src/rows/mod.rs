//! A type for the rows of each file of a result folder, and code that appends rows to
//! files and reads them again.
//!
//! | file | holds |
//! | --- | --- |
//! | `throughput` | a line of `trials.csv`: a trial's case and what was measured |
//! | `slices` | a line of `slices.csv`: one turn of a trial |
//! | `samples` | a line of `series.csv`: memory at one moment of a trial |
//! | `latency` | a line of `latency-trials.csv` and the histograms of `latency.csv` |
//! | `space` | a line of `space.csv`: a table at one step of its fill |
//! | `aggregate` | a line of `aggregate.csv`: words counted in one way |
//! | `cache` | a line of `cache.csv`: quantities that only caches have |
//! | `predicted` | lines of `predictions.csv` and `hot-lines.csv`: not measurements, in folders of their own |
//! | `server` | a line of `server.csv`: quantities that only servers have |
//! | `log` | the append-only files of rows |
//! | `study` | what space and aggregation trials have in common: several rows, the last of which says so |
//!
//! Nothing here knows what is computed from rows or how it is shown.

pub mod aggregate;
pub mod cache;
pub mod latency;
pub(crate) mod log;
pub mod predicted;
pub mod samples;
pub mod server;
pub mod slices;
pub mod space;
pub(crate) mod study;
pub mod throughput;

pub use self::throughput::Row;
