//! Why a table did not take an entry.

use std::error::Error;
use std::fmt;

/// Why a table could not grow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrowError {
    /// No slot could be made empty although the table is nearly empty: the hashes of too many
    /// keys are equal, or differ only in bits that the table does not use. More buckets would not
    /// help.
    LoadTooLow {
        /// Entries in the table.
        entries: usize,
        /// Slots of the table.
        slots: usize,
    },
    /// The allocator has no memory for the larger table.
    AllocFailed {
        /// The number of bytes that were requested.
        bytes: usize,
    },
    /// The larger table would exceed the address space.
    CapacityOverflow,
}

impl GrowError {
    /// Refuses to grow below a load of 5 %: libcuckoo's guard against bad hashes.
    pub(super) fn check_load(entries: usize, slots: usize) -> Result<(), Self> {
        if entries < slots / 20 { Err(Self::LoadTooLow { entries, slots }) } else { Ok(()) }
    }
}

impl fmt::Display for GrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadTooLow { entries, slots } => write!(
                f,
                "no room for a key with {entries} of {slots} slots in use: too many keys have \
                 equal hashes; a hasher that mixes low and high bits is needed"
            ),
            Self::AllocFailed { bytes } => {
                write!(f, "there is no memory for {bytes} bytes of a table")
            }
            Self::CapacityOverflow => f.write_str("the table would exceed the address space"),
        }
    }
}

impl Error for GrowError {}

/// An entry that was not added, as there was no room and the table could not grow. Nothing has changed in the
/// table.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TryInsertError<K, V = ()> {
    /// The key, given back.
    pub key: K,
    /// The value, given back; `()` if it had not been made yet.
    pub value: V,
    /// Why there was no room.
    pub reason: GrowError,
}

impl<K, V> fmt::Debug for TryInsertError<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryInsertError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<K, V> fmt::Display for TryInsertError<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<K, V> Error for TryInsertError<K, V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}
