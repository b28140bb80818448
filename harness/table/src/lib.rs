//! The interface of a hash table behind a trait object: its operations, and the facts that it states about itself.
//!
//! On one side of it is the code that is compiled for each table (crate `kernel`), on the other the code that is
//! compiled once (crate `trials`). It depends on neither, nor on `structures`. So a changed line in a
//! table rebuilds the program of its family, but no trial code, figure or command line.
//!
//! | file | holds |
//! | --- | --- |
//! | `behind` | [`Table`], [`Handle`], [`Calls`], [`Filler`]: the operations; [`Feed`]: the source of operations |
//! | `books` | [`Books`]: sums over the answers of operations |
//! | `op` | [`Op`]: an operation on one key |
//! | `options` | [`MapOptions`]: the parameters that a table is made with; [`Form`] |
//! | `hashers` | the hasher axis |
//! | `lengths`, `bytes` | byte strings |
//! | `glob` | [`Glob`]: a pattern of names |
//! | `info` | facts that a table and a reclaimer state about themselves |
//! | `meter` | nodes that a table has retired and freed |
//! | `cache` | a cache of byte strings behind a trait object |
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
