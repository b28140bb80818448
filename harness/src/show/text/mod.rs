//! Tables for terminals, each with the JSON of the same, if there is one.

pub mod aggregate;
pub mod cache;
mod columns;
pub mod comparison;
pub mod latency;
pub(crate) mod server;
pub mod space;
pub mod throughput;
pub mod trial;
