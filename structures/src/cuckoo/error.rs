//! Why a table has no room for an entry.

use std::error::Error;
use std::fmt;

/// A cuckoo table found no place for a key and cannot, or will not, grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotGrow {
    /// No place although the table is nearly empty: too many keys share their buckets, and would
    /// in a larger table too. The hasher does not suit the keys.
    LoadTooLow {
        /// Entries in the table.
        entries: usize,
        /// Slots of the table.
        slots: usize,
    },
    /// No memory for a larger table.
    OutOfMemory {
        /// Slots that it would have had.
        slots: usize,
    },
}

impl CannotGrow {
    /// Refuses to grow below a load of 5 %: libcuckoo's guard against bad hashes.
    pub(super) fn check_load(entries: usize, slots: usize) -> Result<(), Self> {
        if entries < slots / 20 { Err(Self::LoadTooLow { entries, slots }) } else { Ok(()) }
    }
}

impl fmt::Display for CannotGrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadTooLow { entries, slots } => write!(
                f,
                "no place for a key among {slots} slots with only {entries} entries: the hasher \
                 puts too many keys into the same two buckets; use a better one"
            ),
            Self::OutOfMemory { slots } => write!(f, "no memory for a table of {slots} slots"),
        }
    }
}

impl Error for CannotGrow {}
