//! What can be done with a table behind a pointer.

use crate::{Books, Op};

/// A table that can be filled. What fills it needs no other operation, so none is compiled for a table that
/// is there for this alone: one that counts its moves.
pub trait Fillable: Send + Sync {
    /// The calling thread's way of filling it.
    fn filler(&self) -> Box<dyn Filler + '_>;

    /// Its entries.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that fit before the next growth, where that means something.
    fn capacity(&self) -> Option<usize>;

    /// The most entries of a bucket, where there are buckets.
    fn longest_chain(&self) -> Option<usize>;

    /// Entries that the calling thread's insertions have moved since it asked last; `None` of a table
    /// that was not made to count them.
    fn take_moves(&self) -> Option<Moves>;
}

/// One thread's way of filling a table.
pub trait Filler {
    /// Inserts each key with itself as its value, many in one call, and says how many were new.
    fn fill(&mut self, keys: &[u64]) -> usize;

    /// Inserts a key with itself as its value; whether it was new.
    fn insert(&mut self, key: u64) -> bool;

    /// How many of `keys`, looked up one by one, have themselves as their value.
    fn find(&mut self, keys: &[u64]) -> usize;
}

/// A table that some name stands for.
pub trait Table: Fillable {
    /// The calling thread's way in.
    fn handle(&self) -> Box<dyn Handle + '_>;
}

/// Entries that insertions have moved to make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Entries that all insertions moved.
    pub all: u64,
    /// Entries that one insertion moved, at most.
    pub most: u64,
}

/// Where a loop over operations takes them from, a block at a time.
///
/// It is asked for the next block when the last one has been done. So a feed that hands out one
/// operation at a time, and reads a clock whenever it is asked, has timed each of them.
pub trait Feed {
    /// The next operations and their keys; none if the loop is to end.
    fn next(&mut self) -> &[(Op, u64)];
}

/// One thread's way into a [`Table`].
///
/// The loops over many operations are inside, so that the compiler sees them together with the table's
/// code; a dynamic call is paid for a block of operations.
pub trait Handle: Filler {
    /// Does what `feed` says, each operation pinned by itself.
    fn run(&mut self, feed: &mut dyn Feed, books: &mut Books);

    /// Does what `feed` says within so many pins, one after the other; each ends where a block is
    /// empty.
    fn run_pinned(&mut self, pins: u32, feed: &mut dyn Feed, books: &mut Books);

    /// Looks up many keys in one call, and writes what each has to the same place of `values`, which is
    /// as long.
    fn get_many(&mut self, keys: &[u64], values: &mut [Option<u64>]);

    /// Adds each number to what is counted for its word.
    fn add(&mut self, counts: &[(u64, u64)]);

    /// Runs `f`, which may block, and says so to the table's scheme.
    fn offline(&mut self, f: &mut dyn FnMut());

    /// Single operations, each pinned by itself.
    fn calls(&mut self) -> &mut dyn Calls;

    /// Single operations within one pin.
    fn pinned(&mut self, f: &mut dyn FnMut(&mut dyn Calls));
}

/// Single operations with closures, for those who look into them: faults and recorded histories.
pub trait Calls {
    /// The value of `key`.
    fn get(&mut self, key: u64) -> Option<u64>;

    /// Runs `read` on the value in its place; returns what `read` returns.
    fn get_with(&mut self, key: u64, read: &mut dyn FnMut(&u64) -> u64) -> Option<u64>;

    /// Adds the key unless it is there; true if it was added.
    fn insert(&mut self, key: u64, value: u64) -> bool;

    /// Replaces the value by what `f` makes of it; returns the old one.
    fn update(&mut self, key: u64, f: &mut dyn FnMut(&u64) -> u64) -> Option<u64>;

    /// Replaces the value, or adds the key with `f(None)`; returns the old value.
    fn upsert(&mut self, key: u64, f: &mut dyn FnMut(Option<&u64>) -> u64) -> Option<u64>;

    /// Takes the key out; returns its value.
    fn remove(&mut self, key: u64) -> Option<u64>;

    /// Shows each entry.
    fn for_each(&mut self, f: &mut dyn FnMut(u64, u64));
}
