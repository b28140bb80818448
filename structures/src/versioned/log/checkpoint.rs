//! Checkpoints: copies of the object, each as it is after some entry of the log.

use super::super::Sequential;
use super::consensus::EntryNode;
use crate::reclaim::{Node, Payload, Reclaimer};
use crate::sync::FIRST;

/// Entries from one checkpoint to the next.
pub(super) const INTERVAL: u64 = if cfg!(loom) {
    2
} else if cfg!(shuttle) {
    4
} else {
    128
};

/// The number of a log's first entry. A multiple of 8: turns and checkpoints come as if it were 0.
pub(super) const FIRST_ENTRY: u64 = FIRST / 8 * 8;

/// The object after the entry `at`.
pub(super) struct Checkpoint<O: Sequential, R: Reclaimer> {
    pub(super) object: O,
    pub(super) number: u64,
    pub(super) at: *mut EntryNode<O, R>,
}

impl<O: Sequential, R: Reclaimer> Payload for Checkpoint<O, R> {
    fn heap_bytes(&self) -> usize {
        self.object.heap_bytes()
    }
}

// SAFETY: `at` is an address; who dereferences it argues for it.
unsafe impl<O: Sequential + Send, R: Reclaimer> Send for Checkpoint<O, R> {}
// SAFETY: as above.
unsafe impl<O: Sequential + Sync, R: Reclaimer> Sync for Checkpoint<O, R> {}

pub(super) type CheckpointNode<O, R> = Node<R, Checkpoint<O, R>>;
