//! Where there are no perf events: no counters, and the reason.

use super::{COUNTERS, Counts};

/// No counters.
#[derive(Debug)]
pub struct Counters;

impl Counters {
    /// None.
    #[must_use]
    pub fn open() -> Self {
        Self
    }

    /// Does nothing.
    pub fn start(&mut self) {}

    /// Nothing was counted.
    pub fn stop(&mut self) -> Counts {
        Counts::default()
    }

    /// Why.
    #[must_use]
    pub fn absent(&self) -> Option<String> {
        Some(format!("no {}: they are read by Linux' perf events", COUNTERS.join(", ")))
    }
}
