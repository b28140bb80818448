//! Hash tables with a chain per bucket.
//!
//! * [`ChainingGlobalLock`]: one lock over everything;
//! * [`ChainingBucketLock`]: a lock in each bucket's word;
//! * [`ChainingLockFree`]: Michael's lists in split order.
//!
//! These three keep one word per bucket and one heap node per entry (link, hash, key, value), so
//! that only the synchronisation differs. They double when there are more entries than buckets.
//!
//! * [`ChainingInline`]: machine words only; the first seven entries of a bucket are in its two cache lines.
//!
//! A chain may be accessed only under its lock, so the trait that gives access to it is private:
//!
//! ```compile_fail,E0432
//! use structures::chaining::Locking;
//! ```

mod bucket_lock;
mod chain;
mod global_lock;
mod inline;
mod list;
mod lock_free;
mod locked;
mod split_order;

pub use self::bucket_lock::{BucketLockTable, ChainingBucketLock};
pub use self::global_lock::{ChainingGlobalLock, GlobalLockTable};
pub use self::inline::ChainingInline;
pub use self::lock_free::{ChainingLockFree, Handle, Pinned};
pub use self::locked::LockedChaining;

/// The number of buckets of an empty table.
const MIN_BUCKETS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 16 };

/// An insertion that passes this many entries in its bucket checks whether the table is full.
/// With as many entries as buckets, one insertion in fifty does (Poisson, mean 1).
const LONG_CHAIN: usize = if cfg!(any(loom, shuttle)) { 1 } else { 4 };
