//! What a table is asked to keep: keys and items, and the account of the memory that they take.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use eviction::store::Found;
use structures::map::MapHandle;

/// The key of an item in a table, or one that is looked for, in a buffer that is used again and again: a lookup
/// allocates nothing.
#[derive(Clone, Debug)]
pub enum MapKey {
    /// Of an item.
    Held(Arc<[u8]>),
    /// That is looked for.
    Sought(Vec<u8>),
}

impl MapKey {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Held(key) => key,
            Self::Sought(key) => key,
        }
    }

    /// Becomes this key, to be looked for.
    pub(super) fn seek(&mut self, key: &[u8]) {
        match self {
            Self::Sought(buffer) => {
                buffer.clear();
                buffer.extend_from_slice(key);
            }
            Self::Held(_) => *self = Self::Sought(key.to_vec()),
        }
    }
}

impl PartialEq for MapKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for MapKey {}

impl Hash for MapKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// A thread's handle of a table of items.
pub(super) trait Entries: MapHandle<MapKey, Arc<MapItem>> {}

impl<M: MapHandle<MapKey, Arc<MapItem>>> Entries for M {}

/// An item in a table. Its memory counts until it is freed, by whoever is the last to have it.
#[derive(Debug)]
pub struct MapItem {
    pub(super) key: Arc<[u8]>,
    pub(super) value: Box<[u8]>,
    pub(super) found: Found,
    /// When it expires, as the cache's [`Timer`](eviction::time::Timer) tells it; 0 is never. Relaxed throughout: it is
    /// written under the shard's mutex, and a reader that sees the old one has looked before the new one was set.
    pub(super) deadline: AtomicU32,
    /// Where its shard and that shard's policy know it.
    pub(super) shard: u32,
    pub(super) slot: u32,
    account: Arc<Account>,
}

impl MapItem {
    /// Bytes of an item beside its key and value: itself, and the counts of those who have it and its key.
    pub(super) const EXTRA: usize = size_of::<Self>() + 4 * size_of::<usize>();

    /// `None` if the system has no memory for the value.
    pub(super) fn try_new(
        account: &Arc<Account>,
        (key, value): (Arc<[u8]>, &[u8]),
        (found, deadline): (Found, u32),
        (shard, slot): (u32, u32),
    ) -> Option<Arc<Self>> {
        let mut own = Vec::new();
        own.try_reserve_exact(value.len()).ok()?;
        own.extend_from_slice(value);
        account.add(Self::bytes_of(key.len(), value.len()));
        Some(Arc::new(Self {
            key,
            value: own.into(),
            found,
            deadline: AtomicU32::new(deadline),
            shard,
            slot,
            account: account.clone(),
        }))
    }

    /// Bytes of an item whose key and value are so long.
    pub(super) const fn bytes_of(key: usize, value: usize) -> usize {
        Self::EXTRA + key + value
    }

    pub(super) fn bytes(&self) -> usize {
        Self::bytes_of(self.key.len(), self.value.len())
    }

    pub(super) fn deadline(&self) -> u32 {
        self.deadline.load(Ordering::Relaxed)
    }
}

impl Drop for MapItem {
    fn drop(&mut self) {
        self.account.subtract(self.bytes());
    }
}

/// The bytes of all items that are not freed yet, and the most there ever were. Relaxed: counts order nothing.
#[derive(Debug, Default)]
pub(super) struct Account {
    held: AtomicUsize,
    most: AtomicUsize,
}

impl Account {
    fn add(&self, bytes: usize) {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held > self.most.load(Ordering::Relaxed) {
            self.most.fetch_max(held, Ordering::Relaxed);
        }
    }

    fn subtract(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}
