//! Decides whether a recorded history of a map is linearizable: whether some order of the
//! operations, in which an operation that returned before another was called comes first, explains
//! every answer.
//!
//! A history ([`history`]) is split by key and each key's is checked by itself ([`sweep`]). What is
//! wrong is made small ([`minimise`]) and drawn ([`timeline`], [`svg`]). What is not an operation on
//! one key has a check of its own: counts ([`size`]) and iterations that show one moment
//! ([`snapshots`]). How a history came to be does not matter here: `bench verify` records real
//! runs, and the generated scenarios record runs under a model checker.

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
