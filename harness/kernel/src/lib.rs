//! The code that is compiled for each hash table: it hides the table behind a trait object, and registers it.
//!
//! | file | holds |
//! | --- | --- |
//! | `erased` | a [`ConcurrentMap`](structures::map::ConcurrentMap) as a [`table::Table`]: the loops over operations |
//! | `registrar` | [`Registrar`]: structure × reclaimer → a maker of that table |
//! | `factors` | the names of variants |
//! | `facts` | how a program was built |
//! | `byte_strings` | [`ByteStrings`]: a table of byte strings that is driven by numbers |
//! | `counting` | [`Counting`]: a cuckoo path search that counts moves |

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
