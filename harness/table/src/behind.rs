//! The operations of a table behind a trait object.

use crate::{Books, Op};

/// A table that can be filled. Filling needs no other operation, so none is compiled for a table that
/// is used only for this: one that counts its moves.
pub trait Fillable: Send + Sync {
    /// Makes the calling thread's handle for filling it.
    fn filler(&self) -> Box<dyn Filler + '_>;

    /// The number of entries.
    fn len(&self) -> usize;

    /// Whether the table has no entries.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries fit before the table grows; `None` where the question has no meaning.
    fn capacity(&self) -> Option<usize>;

    /// The number of entries in the fullest bucket, if there are buckets.
    fn longest_chain(&self) -> Option<usize>;

    /// The number of entries that the calling thread's insertions have moved since its last call; `None` for a table
    /// that does not count moves.
    fn take_moves(&self) -> Option<Moves>;
}

/// One thread's handle for filling a table.
pub trait Filler {
    /// Inserts each key with itself as its value, many in one call, and returns how many were new.
    fn fill(&mut self, keys: &[u64]) -> usize;

    /// Inserts a key with itself as its value, and returns whether it was new.
    fn insert(&mut self, key: u64) -> bool;

    /// Looks up `keys` one by one, and returns how many have themselves as their value.
    fn find(&mut self, keys: &[u64]) -> usize;
}

/// A table that is known only by its name.
pub trait Table: Fillable {
    /// Makes the calling thread's handle.
    fn handle(&self) -> Box<dyn Handle + '_>;
}

/// Entries that insertions have moved to make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Entries that all insertions moved.
    pub all: u64,
    /// The most entries that one insertion moved.
    pub most: u64,
}

/// The source of a loop's operations, a block at a time.
///
/// The loop asks for the next block when it has run the last one. So a feed that returns one
/// operation at a time, and reads a clock at each call, times each operation.
pub trait Feed {
    /// The next operations and their keys; none if the loop is to end.
    fn next(&mut self) -> &[(Op, u64)];
}

/// One thread's handle of a [`Table`].
///
/// The loops over many operations are inside, so that the compiler sees them together with the table's
/// code; there is one dynamic call per block of operations.
pub trait Handle: Filler {
    /// Runs the operations of `feed`, each pinned separately.
    fn run(&mut self, feed: &mut dyn Feed, books: &mut Books);

    /// Runs the operations of `feed` within a number of pins, one after the other; each pin ends where a block is
    /// empty.
    fn run_pinned(&mut self, pins: u32, feed: &mut dyn Feed, books: &mut Books);

    /// Looks up many keys in one call, and writes the value of each to the same index of `values`, which has the
    /// same length.
    fn get_many(&mut self, keys: &[u64], values: &mut [Option<u64>]);

    /// Adds each number to the count of its word.
    fn add(&mut self, counts: &[(u64, u64)]);

    /// Runs `f`, which may block, while this thread is offline to the table's scheme.
    fn offline(&mut self, f: &mut dyn FnMut());

    /// Single operations, each pinned separately.
    fn calls(&mut self) -> &mut dyn Calls;

    /// Single operations within one pin.
    fn pinned(&mut self, f: &mut dyn FnMut(&mut dyn Calls));
}

/// Single operations with closures, for faults and recorded histories.
pub trait Calls {
    /// The value of `key`; `None` if the key is absent.
    fn get(&mut self, key: u64) -> Option<u64>;

    /// Runs `read` on the value in place; returns its result.
    fn get_with(&mut self, key: u64, read: &mut dyn FnMut(&u64) -> u64) -> Option<u64>;

    /// Adds the key unless it is present; true if it was added.
    fn insert(&mut self, key: u64, value: u64) -> bool;

    /// Replaces the value by the result of `f` on it; returns the old value.
    fn update(&mut self, key: u64, f: &mut dyn FnMut(&u64) -> u64) -> Option<u64>;

    /// Replaces the value, or adds the key with `f(None)`; returns the old value.
    fn upsert(&mut self, key: u64, f: &mut dyn FnMut(Option<&u64>) -> u64) -> Option<u64>;

    /// Removes the key; returns its value.
    fn remove(&mut self, key: u64) -> Option<u64>;

    /// Calls the closure with each entry.
    fn for_each(&mut self, f: &mut dyn FnMut(u64, u64));
}
