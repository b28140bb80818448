//! Nodes that tables have retired and freed, as the trials' process reads them.

use std::time::Duration;

/// A number of nodes and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Nodes.
    pub nodes: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What has become of the nodes of this process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Nodes retired.
    pub retired: u64,
    /// Retired nodes freed.
    pub freed: u64,
    /// Nodes made and never published.
    pub discarded: u64,
    /// What is retired and not freed yet.
    pub unreclaimed: Tally,
}

/// How long retired nodes waited to be freed, in seconds, by a sample of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    /// Half waited no longer.
    pub p50: f64,
    /// 99 % waited no longer.
    pub p99: f64,
    /// Nobody in the sample waited longer.
    pub max: f64,
}

/// What reads a process's meter; the default is of a build that has none.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// What has become of the nodes; `None` if they are not counted.
    pub read: fn() -> Option<Reading>,
    /// How long they waited; `None` if none was in the sample.
    pub delays: fn() -> Option<Delays>,
    /// Leaves behind how long nodes have waited so far, while no thread retires or frees one.
    pub forget: fn(),
    /// Says that the process has slept for so long: nobody waits meanwhile.
    pub slept: fn(Duration),
}

impl Default for Meter {
    fn default() -> Self {
        Self { read: || None, delays: || None, forget: || (), slept: |_| () }
    }
}
