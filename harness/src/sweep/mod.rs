//! What runs when: the order of a sweep's trials, and running each.
//!
//! | file | holds |
//! | --- | --- |
//! | `schedule` | the trials of a block in their order, their seeds, and when a sweep ends |
//! | `trials` | one trial in a process of its own, and its row in the folder |

pub mod schedule;
pub(crate) mod trials;
