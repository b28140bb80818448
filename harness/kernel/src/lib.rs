//! What is compiled for each hash table: its way behind a pointer, and its registration.
//!
//! | file | holds |
//! | --- | --- |
//! | `erased` | a [`ConcurrentMap`](structures::map::ConcurrentMap) as a [`table::Table`]: the loops over operations |
//! | `registrar` | [`Registrar`]: structure × reclaimer → how that table is made |
//! | `factors` | the names of variants |
//! | `facts` | how a program was built |
//! | `byte_strings` | [`ByteStrings`]: a table of byte strings, used by numbers |
//! | `counting` | [`Counting`]: a cuckoo path search that counts what it moves |

mod byte_strings;
mod counting;
mod erased;
pub mod factors;
mod facts;
mod forms;
mod registrar;

pub use self::byte_strings::ByteStrings;
pub use self::counting::Counting;
pub use self::erased::{counting_maker, maker};
pub use self::facts::build_facts;
pub use self::registrar::{
    NO_ROOTS, Reclaimed, Registrar, Rooted, Subjects, all_of_roots, three_schemes, two_schemes,
};
pub use table::{Bytes, Form, Hashing, MapOptions, NO_RECLAIMER, Structure};
