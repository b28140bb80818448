//! An operation on one key.

use serde::{Deserialize, Serialize};

/// An operation on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Read the value.
    Get,
    /// Add the key.
    Insert,
    /// Take the key out.
    Remove,
    /// Replace the value by one that is made of it, if the key is there: atomically read, modify and
    /// write.
    Update,
    /// Write a value without a look at the old one, whether or not the key is there.
    Upsert,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 5] = [Self::Get, Self::Insert, Self::Remove, Self::Update, Self::Upsert];

    /// Its name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Insert => "insert",
            Self::Remove => "remove",
            Self::Update => "update",
            Self::Upsert => "upsert",
        }
    }
}
