//! Sums over the answers of a table's operations.

/// Bits of a value that hold its key; the rest is a stamp that updates change.
pub const KEY_BITS: u32 = 48;

/// The stamp of a value that was written without reading the old one.
pub const BLIND: u64 = 1 << 63;

/// Sums over the answers of operations, with which the table is compared at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The number of keys that were added.
    pub inserted: u64,
    /// The sum of the keys that were added.
    pub inserted_keys: u64,
    /// The number of keys that were removed.
    pub removed: u64,
    /// The sum of the keys that were removed.
    pub removed_keys: u64,
    /// Bits in which some value differed from its key.
    pub wrong: u64,
    /// The sum of all values that were returned, so that no lookup is optimised away.
    pub sum: u64,
}

impl Books {
    /// Adds the sums of another thread.
    pub fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.inserted_keys = self.inserted_keys.wrapping_add(other.inserted_keys);
        self.removed += other.removed;
        self.removed_keys = self.removed_keys.wrapping_add(other.removed_keys);
        self.wrong |= other.wrong;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// Records the result of a lookup of `key`. No branch here depends on it.
    #[inline(always)]
    pub fn consume(&mut self, key: u64, value: Option<u64>) {
        let value = value.unwrap_or(key);
        self.wrong |= (value ^ key) << (64 - KEY_BITS);
        self.sum = self.sum.wrapping_add(value);
    }
}
