//! The programs of tables: found or built, held open for as long as a command runs, and queried.
//!
//! A trial's process runs the program of its table's family and not this one: no code for figures, TOML or
//! terminals is linked with a table, and a changed table relinks only one small program.
//!
//! | file | holds |
//! | --- | --- |
//! | `find` | where programs are, and cargo's part in it |
//! | `family` | what the package of a family declares; families that are built on demand |
//! | `held` | a program that stays the same for the whole command |
//! | `ask` | a process of a program, which receives a message and answers |
//! | `catalogue` | the names that can be used: structures, reclaimers, allocators |
//! | `registry` | the structures of all programs, and which program has each |

pub(crate) mod ask;
pub mod catalogue;
mod family;
mod find;
mod held;
mod registry;

pub use self::find::{Programs, on_demand};
pub use self::held::ProgramFile;
pub use self::registry::{FOLDHASH_ALONE, Registry};

/// How the files of programs of tables begin.
const PREFIX: &str = "subjects-";

/// The environment variable that names programs beside those that lie beside this one: a list as in
/// `PATH`.
pub(crate) const VARIABLE: &str = "BENCH_SUBJECTS";
