//! Hash tables with a chain per bucket.
//!
//! * [`ChainingGlobalLock`]: one lock over everything;
//! * [`ChainingBucketLock`]: a lock in each bucket's word;
//! * [`ChainingLockFree`]: Michael's lists in split order.
//!
//! These three keep one word per bucket and one heap node per entry (link, hash, key, value), so
//! that only the synchronisation differs, and double when there are more entries than buckets.
//!
//! * [`ChainingInline`]: words alone, the first seven of a bucket in its two cache lines.
//!
//! A chain is only reached under its lock, so the trait that hands it out is private:
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

/// Buckets of an empty table.
const MIN_BUCKETS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 16 };

/// An insertion that passes this many entries in its bucket looks whether the table is full.
/// With as many entries as buckets, one insertion in fifty does (Poisson, mean 1).
const LONG_CHAIN: usize = if cfg!(any(loom, shuttle)) { 1 } else { 4 };
