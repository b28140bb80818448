//! Space trials: a table is filled in a fresh process, and what it takes is written down by load.
//!
//! A trial is three processes. The first fills a table with as many entries as it was made for, under
//! the clock. The second fills another one under an allocator that counts, entry by entry, and stops
//! at loads, at the stated entries and at the first growth. Nothing is timed there. The third stops at the
//! same places and times lookups.

mod row;
pub(crate) mod table;

pub(crate) use self::row::place;
pub use self::row::{SPACE, SpaceRow};
pub use trials::space::{Asked, At, Filled, SPACE_COMMAND, SpaceSpec, Step, filled_as};
