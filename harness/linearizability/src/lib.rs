//! Decides whether a recorded history of a map is linearizable: whether some order of the
//! operations, in which an operation that returned before another was called comes first, explains
//! every answer.
//!
//! A history ([`history`]) is split by key, and each key's history is checked separately ([`sweep`]). A bad history
//! is minimised ([`minimise`]) and drawn ([`timeline`], [`svg`]). Operations that span keys have checks of their own:
//! counts ([`size`]) and iterations that show one moment ([`snapshots`]). The crate does not depend on how a history was
//! recorded: `bench verify` records real runs, and the generated scenarios record runs under a model checker.

pub mod counterexample;
pub mod history;
pub mod minimise;
pub mod size;
pub mod snapshots;
pub mod svg;
pub mod sweep;
#[cfg(test)]
mod tests;
pub mod timeline;

pub use counterexample::{Counterexample, Stranger};
