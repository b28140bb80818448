//! The order of a sweep's trials, and running each of them.
//!
//! | file | holds |
//! | --- | --- |
//! | `schedule` | the trials of a block in their order, their seeds, and when a sweep ends |
//! | `decides` | what a plan can decide, before it runs |
//! | `groups` | which trials of a block take turns with each other |
//! | `turns` | which trial runs next, until each has had its time |
//! | `turned` | the process of a trial that takes turns |
//! | `together` | a group's trials, and their rows |
//! | `trials` | one trial in a process of its own, and its row in the folder |

pub(crate) mod decides;
pub(crate) mod groups;
pub mod schedule;
pub(crate) mod together;
pub(crate) mod trials;
mod turned;
mod turns;
