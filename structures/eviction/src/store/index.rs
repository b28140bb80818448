//! How a shard finds its items.

use std::fmt;

use hashbrown::HashTable;

use crate::memory::Handle;

/// Handles under hashes. One thread at a time has it; an implementation says whether others may look
/// meanwhile.
#[allow(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait Index: fmt::Debug + Send {
    /// The handle under `hash` that `is_it`.
    fn find(&self, hash: u64, is_it: impl Fn(Handle) -> bool) -> Option<Handle>;

    /// Whether there is memory for one more handle than there are. `rehash` tells the hash of each. One that has all its
    /// memory from the start has it.
    fn has_memory(&mut self, rehash: impl Fn(Handle) -> u64) -> bool {
        let _ = rehash;
        true
    }

    /// Adds `handle`, which is not there, and for which there is memory. `rehash` tells the hash of others.
    ///
    /// # Errors
    ///
    /// There is no place for it, unless what is returned is removed.
    fn insert(
        &mut self,
        hash: u64,
        handle: Handle,
        rehash: impl Fn(Handle) -> u64,
    ) -> Result<(), Handle>;

    /// Removes `handle`, which is there.
    fn remove(&mut self, hash: u64, handle: Handle);

    /// Puts the handle that `new` gives in the place of `old`, which is there, as an item with the same key; and
    /// returns it. While `new` runs, nobody finds one of the two, nor that there is none.
    fn replace(&mut self, hash: u64, old: Handle, new: impl FnOnce() -> Handle) -> Handle;

    /// Runs `write`, which writes the item of `handle`; nobody takes what it leaves half-way for an item.
    fn change(&self, hash: u64, handle: Handle, write: impl FnOnce());

    /// How many there are.
    fn len(&self) -> usize;

    /// Bytes on the heap.
    fn bytes(&self) -> usize;
}

/// Of who has the shard's mutex also to look something up.
impl Index for HashTable<Handle> {
    #[inline]
    fn find(&self, hash: u64, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        self.find(hash, |&handle| is_it(handle)).copied()
    }

    fn has_memory(&mut self, rehash: impl Fn(Handle) -> u64) -> bool {
        self.try_reserve(1, |&handle| rehash(handle)).is_ok()
    }

    fn insert(
        &mut self,
        hash: u64,
        handle: Handle,
        rehash: impl Fn(Handle) -> u64,
    ) -> Result<(), Handle> {
        self.insert_unique(hash, handle, |&handle| rehash(handle));
        Ok(())
    }

    fn remove(&mut self, hash: u64, handle: Handle) {
        let entry = self.find_entry(hash, |&found| found == handle);
        entry.expect("shard-S1: what is stored is in the index").remove();
    }

    fn replace(&mut self, hash: u64, old: Handle, new: impl FnOnce() -> Handle) -> Handle {
        let entry = self.find_mut(hash, |&found| found == old);
        let entry = entry.expect("shard-S1: what is stored is in the index");
        *entry = new();
        *entry
    }

    fn change(&self, _hash: u64, _handle: Handle, write: impl FnOnce()) {
        write();
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.allocation_size()
    }
}
