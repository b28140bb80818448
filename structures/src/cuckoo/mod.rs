//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.
//!
//! * [`CuckooOptimistic`]: keys and values of one word, inline; readers write nothing.
//! * [`CuckooOptimisticItems`]: any keys and values, behind pointers that a reclaimer frees.
//! * [`CuckooStriped`]: any keys and values, inline; striped locks, taken by readers too.
//!
//! When both buckets of a new entry are full, a [search](path) finds entries to move.
//!
//! # Terms, for a reader of MemC3
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching and
//! Smarter Hashing*, NSDI 2013, is where the optimistic tables come from. Five words are used in all
//! files here:
//!
//! * The *home* of an entry is the first of its two buckets: the low bits of its key's hash.
//! * The *tag* of an entry is the high bits of that hash. It is kept apart from the entry, so that a
//!   lookup reads only entries whose tag is the one it looks for. Tag 0 marks an empty slot.
//! * The *fingerprint* of an entry determines its other bucket, given one of the two. As in the paper
//!   it is the tag, so that an entry can be moved without reading its key. In tables without tags it
//!   is other bits of the hash.
//! * The *other bucket* of an entry is the home XOR a number made of the fingerprint; hence the other
//!   bucket of the other bucket is the home.
//! * The *overflow count* of a bucket is the number of entries that have it as their home and are in their other
//!   bucket. The paper has no such count. A lookup that finds nothing in a home whose count is 0 is done.
//!
//! The paper has four slots per bucket, tags of a byte, and versions in an array that buckets share. Here
//! a bucket of the optimistic tables has eight slots by default. Its tags, of six bits each, its overflow
//! count, its version and its lock are one word of 64 bits, the [control word](crate::control). Buckets
//! of two or four slots have tags of eight bits.
//!
//! # Hazards of the published tables
//!
//! These things can go wrong in such a table, in the paper or in the code that was released with it. Our files
//! say how they avoid them.
//!
//! * cuckoo-H1. A lookup validates, and then returns a pointer: the item may be evicted and its memory
//!   reused before the caller reads it.
//! * cuckoo-H2. A slot, or an item's memory, is reused for another key while a lookup reads it: the
//!   lookup returns one key's value for another, or a half-built item.
//! * cuckoo-H3. The two buckets of an entry may share a lock and a version. Taken twice, the lock waits
//!   for its own holder; counted twice, the version is even while the entry moves.
//! * cuckoo-H4. A tag and the pointer beside it are two loads: the pointer may be null by then.
//! * cuckoo-H5. A version of 32 bits may wrap around within one lookup, whose validation then proves nothing.

pub mod buckets;
mod driver;
mod error;
pub mod optimistic;
pub mod optimistic_items;
pub mod path;
mod stats;
mod striped;
mod turns;

pub use self::error::{GrowError, TryInsertError};
pub use self::optimistic::CuckooOptimistic;
pub use self::optimistic_items::CuckooOptimisticItems;
#[cfg(feature = "stats")]
pub use self::stats::Stats;
pub use self::striped::CuckooStriped;
