//! What a worker counts: no other thread writes there, so a count costs a load and a store.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted, and its name in `stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as memcached's doc/protocol.txt names and explains them")]
pub enum ServerCount {
    CmdGet,
    CmdSet,
    CmdFlush,
    CmdTouch,
    CmdMeta,
    GetHits,
    GetMisses,
    DeleteMisses,
    DeleteHits,
    IncrMisses,
    IncrHits,
    DecrMisses,
    DecrHits,
    CasMisses,
    CasHits,
    CasBadval,
    TouchHits,
    TouchMisses,
    StoreTooLarge,
    StoreNoMemory,
    BytesRead,
    BytesWritten,
    /// Retrievals whose large reply was refused because what is in transit has taken all of its memory.
    ResponseOom,
    IdleKicks,
    TotalItems,
}

impl ServerCount {
    /// All, in the order in which `stats` has them.
    pub const ALL: [(Self, &'static str); 25] = [
        (Self::CmdGet, "cmd_get"),
        (Self::CmdSet, "cmd_set"),
        (Self::CmdFlush, "cmd_flush"),
        (Self::CmdTouch, "cmd_touch"),
        (Self::CmdMeta, "cmd_meta"),
        (Self::GetHits, "get_hits"),
        (Self::GetMisses, "get_misses"),
        (Self::DeleteMisses, "delete_misses"),
        (Self::DeleteHits, "delete_hits"),
        (Self::IncrMisses, "incr_misses"),
        (Self::IncrHits, "incr_hits"),
        (Self::DecrMisses, "decr_misses"),
        (Self::DecrHits, "decr_hits"),
        (Self::CasMisses, "cas_misses"),
        (Self::CasHits, "cas_hits"),
        (Self::CasBadval, "cas_badval"),
        (Self::TouchHits, "touch_hits"),
        (Self::TouchMisses, "touch_misses"),
        (Self::StoreTooLarge, "store_too_large"),
        (Self::StoreNoMemory, "store_no_memory"),
        (Self::BytesRead, "bytes_read"),
        (Self::BytesWritten, "bytes_written"),
        (Self::ResponseOom, "response_obj_oom"),
        (Self::IdleKicks, "idle_kicks"),
        (Self::TotalItems, "total_items"),
    ];
}

/// A worker's counts, in cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub struct Tallies([AtomicU64; ServerCount::ALL.len()]);

impl Default for Tallies {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Tallies {
    /// Tallies so many more. Of the worker's thread alone.
    #[inline]
    pub fn add(&self, count: ServerCount, more: u64) {
        let place = &self.0[count as usize];
        // Relaxed: a number that nothing else hangs on; one thread writes, so no addition is lost.
        place.store(place.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn get(&self, count: ServerCount) -> u64 {
        // Relaxed: see `add`.
        self.0[count as usize].load(Ordering::Relaxed)
    }
}
