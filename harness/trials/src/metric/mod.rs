//! The metric axis: readings around a trial.
//!
//! A point of the axis is a file with a reading: taken before and after the measured part, never
//! within it, and an `Option`, because a value that cannot be read here is absent, not zero.
//! Functions of a file's text parse it; the tests call them with recorded samples.
//!
//! To add one: write the reading, give it a column in the `Row` of `harness` and
//! docs/FORMAT.md, and fill it in where the trial fills the others.

mod asleep;
mod counters;
mod cpu;
mod garbage;
mod huge_pages;
mod noise;
mod rss;
pub mod windows;

pub use asleep::{Asleep, Sleep};
pub use counters::{COUNTERS, Counters, Counts};
pub use cpu::{process_cpu_seconds, thread_cpu_seconds};
pub use garbage::{Garbage, GarbageSampler, Sample};
pub use huge_pages::huge_page_bytes;
pub use noise::{Noise, NoiseProbe, PRESSURE_LIMIT, QUIET, RUN_DELAY_LIMIT, STEAL_LIMIT, UNKNOWN};
pub use rss::{peak_rss_bytes, rss_bytes, rss_bytes_of};
