//! The result folder: opened, resumed, written, read again and joined with others.
//!
//! | file | holds |
//! | --- | --- |
//! | `folder` | a folder that is being written, and reading one |
//! | `machine` | `machine.toml`: the machine, the build, and how two differ |
//! | `system` | what the files of the running system say of the machine |
//! | `merged` | what several folders hold together |
//! | `merge` | reading several folders as one |

pub mod folder;
pub mod machine;
pub mod merge;
mod merged;
mod system;

pub use self::merged::{Merged, create};
