//! Fuzz targets: operation sequences, experiment files, result folders, conversations with a server.
//!
//! A target is a function of bytes that panics if something is wrong. `ci/fuzz.sh` lets libFuzzer
//! look for such bytes; `tests/corpora.rs` tries those that it has found worth keeping, and some
//! random ones, with every `cargo test`. docs/CORRECTNESS.md says what each target checks.

#[cfg(feature = "harness")]
mod bench;
#[cfg(feature = "server")]
pub mod conversation;
#[cfg(feature = "harness")]
pub mod experiment;
pub mod operations;
#[cfg(feature = "harness")]
pub mod results;
