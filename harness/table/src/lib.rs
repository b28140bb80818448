//! A hash table behind a pointer: what the trials ask of a table, and what a table says of itself.
//!
//! On one side of it stands what is compiled for each table (crate `kernel`), on the other what is
//! compiled once (crate `trials`). It knows neither, and nothing of `structures`: so a changed line of a
//! table rebuilds its family's program and no trial, figure or command line.
//!
//! | file | holds |
//! | --- | --- |
//! | `behind` | [`Table`], [`Handle`], [`Calls`], [`Filler`]: what can be done; [`Feed`]: where operations come from |
//! | `books` | [`Books`]: what operations say that they have done |
//! | `op` | [`Op`]: an operation on one key |
//! | `options` | [`MapOptions`]: what a table is made with; [`Form`] |
//! | `hashers` | the hasher axis |
//! | `lengths`, `bytes` | byte strings |
//! | `glob` | [`Glob`]: a pattern of names |
//! | `info` | what a table and a reclaimer say of themselves |
//! | `meter` | nodes that a table has retired and freed |
//! | `cache` | a cache of byte strings behind a pointer |
//! | `catalogue` | the tables of a program: their makers, and their names |

mod behind;
mod books;
mod bytes;
pub mod cache;
mod catalogue;
mod chi_square;
mod glob;
pub mod hashers;
mod info;
mod lengths;
pub mod meter;
mod op;
mod options;
mod words;

pub use self::behind::{Calls, Feed, Fillable, Filler, Handle, Moves, Table};
pub use self::books::{BLIND, Books, KEY_BITS};
pub use self::bytes::{ByteKeys, Bytes, Lengths};
pub use self::catalogue::{
    AllocatorEntry, Build, BuildFacts, BuildFillable, CountingMaker, Entry, Maker, NO_RECLAIMER,
    ProgramCatalogue, Structure, Structures, Subject, subject_name,
};
pub use self::chi_square::chi_square_z;
pub use self::glob::{BadGlob, Glob};
pub use self::hashers::{AnyHasher, Hashing};
pub use self::info::{Held, Info, Progress, ReclaimerInfo};
pub use self::lengths::{Length, SHORTEST_KEY};
pub use self::op::Op;
pub use self::options::{Form, MapOptions};
pub use self::words::mix;
