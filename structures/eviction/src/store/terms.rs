//! What a cache is asked, and what it answers.

use std::error::Error;
use std::fmt;
use std::ops::AddAssign;

use crate::item::{Item, MAX_KEY};
use crate::memory::Usage;
use crate::time::Expiry;

/// What an item was found with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The flags that it was stored with.
    pub flags: u32,
    /// Its CAS number, another one each time that the key is written; `None` if the cache has none.
    pub cas: Option<u64>,
    /// The marks that it was given by [`update`](super::Cache::update); 0 after each set.
    pub marks: u8,
}

impl Found {
    /// What this item is found with.
    #[inline(always)]
    pub(crate) fn of(item: Item<'_>) -> Self {
        Self { flags: item.flags(), cas: item.cas(), marks: item.marks() }
    }
}

/// Under which condition a value is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Always.
    #[default]
    Always,
    /// If the key is absent.
    Absent,
    /// If the key is present.
    Present,
    /// If the key is present with this CAS number.
    Cas(u64),
}

impl When {
    /// What a set under this condition comes to, where the key is found so: [`Outcome::Stored`], or why it stores
    /// nothing. For an [`update`](super::Cache::update) that is to store as a set does. O(1).
    ///
    /// ```
    /// use eviction::store::{Found, Outcome, When};
    ///
    /// let found = Found { cas: Some(7), ..Found::default() };
    /// assert_eq!(When::Absent.outcome(Some(found)), Outcome::NotStored);
    /// assert_eq!(When::Cas(7).outcome(Some(found)), Outcome::Stored);
    /// assert_eq!(When::Cas(6).outcome(Some(found)), Outcome::Changed);
    /// assert_eq!(When::Cas(6).outcome(None), Outcome::NotFound);
    /// ```
    #[must_use]
    pub fn outcome(self, found: Option<Found>) -> Outcome {
        match (self, found) {
            (Self::Absent, Some(_)) | (Self::Present, None) => Outcome::NotStored,
            (Self::Cas(_), None) => Outcome::NotFound,
            (Self::Cas(cas), Some(found)) if found.cas != Some(cas) => Outcome::Changed,
            _ => Outcome::Stored,
        }
    }

    /// What a set does instead of storing, where the key has been `found`; `None` if it stores.
    ///
    /// # Errors
    ///
    /// It compares CAS numbers, and the cache has none.
    pub fn refuses(self, found: Option<Found>, has_cas: bool) -> Result<Option<Outcome>, SetError> {
        if matches!(self, Self::Cas(_)) && !has_cas {
            return Err(SetError::NoCas);
        }
        let outcome = self.outcome(found);
        Ok((outcome != Outcome::Stored).then_some(outcome))
    }
}

/// What is stored beside key and value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A number that is given back.
    pub flags: u32,
    /// When the item expires.
    pub expiry: Expiry,
    /// Whether it is stored.
    pub when: When,
}

/// What a set has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has stored the value.
    Stored,
    /// Nothing: the key is present, and should be absent; or the other way round.
    NotStored,
    /// Nothing: the key has another CAS number.
    Changed,
    /// Nothing: a CAS number was given, and the key is absent.
    NotFound,
}

/// Why a value was not stored that should have been. Where it says that the key is absent now, that is so after a set
/// [`When::Always`], and after a [`Write`](super::Write) that says so; after others nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The key is empty or longer than 250 bytes. Nothing has changed.
    Key {
        /// Its length.
        bytes: usize,
    },
    /// The value is longer than the cache takes. The key is absent now.
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The longest that there may be.
        most: usize,
    },
    /// There is no memory for it. The key is absent now.
    OutOfMemory,
    /// A CAS number was given, and the cache has none. Nothing has changed.
    NoCas,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Key { bytes } => write!(f, "a key of {bytes} bytes: keys have 1 to {MAX_KEY}"),
            Self::TooLarge { bytes, most } => {
                write!(f, "a value of {bytes} bytes: the longest has {most}")
            }
            Self::OutOfMemory => write!(f, "out of memory storing an item"),
            Self::NoCas => write!(f, "this cache keeps no CAS numbers"),
        }
    }
}

impl Error for SetError {}

/// What a cache has, and what it has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Items that it has; those that have expired and were not asked for since are among them.
    pub items: usize,
    /// Bytes of these: keys, values and headers.
    pub item_bytes: usize,
    /// Where each byte of item memory is.
    pub memory: Usage,
    /// Bytes of item memory that is not free: that of items, and of those that went and are not freed yet.
    pub held: usize,
    /// How far these were above the bound at most: 0 where memory is used again at once.
    pub overrun: usize,
    /// Bytes of the index, and of what is kept of pages and size classes, beside item memory. A table that somebody else
    /// has made is not counted.
    pub index_bytes: usize,
    /// Bytes of the policies' metadata, beside item memory.
    pub metadata_bytes: usize,
    /// Lookups that found their key.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Items that went for others to have room.
    pub evictions: u64,
    /// Items that were found expired.
    pub expired: u64,
    /// Pages that went from one size class to another while the first had items there.
    pub pages_moved: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.item_bytes += other.item_bytes;
        self.memory += other.memory;
        self.held += other.held;
        self.overrun += other.overrun;
        self.index_bytes += other.index_bytes;
        self.metadata_bytes += other.metadata_bytes;
        self.hits += other.hits;
        self.misses += other.misses;
        self.evictions += other.evictions;
        self.expired += other.expired;
        self.pages_moved += other.pages_moved;
    }
}
