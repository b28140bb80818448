//! The keys and values of the properties: one type that can be all that a user's may be, as a table is
//! compiled anew for each.

use std::cell::Cell;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::faults::{Fault, maybe_panic};

/// How a [`Tracked`] hashes, compares and drops.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nature {
    /// As its number does.
    Plain,
    /// It has one of eight hashes.
    Colliding,
    /// It has one of two hashes, and a thread that called [`compare_slowly`] compares it slowly.
    Slow,
    /// It has one of two hashes, so that `Eq` has work to do, and each of its functions can be made to
    /// panic by [`plant`](super::faults::plant).
    Fragile,
}

/// Makes instances of [`Tracked`], and counts those that are alive.
#[derive(Clone, Debug, Default)]
pub struct Census(Arc<AtomicI64>);

impl Census {
    pub fn alive(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// One that hashes as its number does.
    pub fn track(&self, id: u64) -> Tracked {
        self.make(id, Nature::Plain)
    }

    /// One whose hash says little: there are eight different ones.
    pub fn colliding(&self, id: u64) -> Tracked {
        self.make(id, Nature::Colliding)
    }

    /// One that is compared slowly, in threads that want it so.
    pub fn slow(&self, id: u64) -> Tracked {
        self.make(id, Nature::Slow)
    }

    /// One whose functions can be made to panic.
    pub fn fragile(&self, id: u64) -> Tracked {
        self.make(id, Nature::Fragile)
    }

    fn make(&self, id: u64, nature: Nature) -> Tracked {
        self.0.fetch_add(1, Relaxed);
        Tracked { id, words: [id; 8], nature, census: self.clone(), canary: Box::new(id) }
    }
}

/// A key or value that knows whether it is alive. Dropped twice, it panics or makes the census
/// negative, and its box is freed twice, which the allocator or a sanitizer sees.
#[derive(Debug)]
pub struct Tracked {
    pub id: u64,
    /// The number again: more than a load reads at once.
    words: [u64; 8],
    nature: Nature,
    census: Census,
    canary: Box<u64>,
}

impl Tracked {
    /// Whether all of it was written by one thread.
    pub fn is_whole(&self) -> bool {
        self.words == [self.id; 8]
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        if self.nature == Nature::Fragile {
            maybe_panic(Fault::Clone);
        }
        assert_eq!(*self.canary, self.id, "cloned after it was dropped");
        self.census.make(self.id, self.nature)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        assert_eq!(*self.canary, self.id, "dropped twice");
        *self.canary = !self.id;
        self.census.0.fetch_sub(1, Relaxed);
        if self.nature == Nature::Fragile && !thread::panicking() {
            maybe_panic(Fault::Drop);
        }
    }
}

thread_local! {
    /// Whether keys that can be slow are, in this thread.
    static SLOW: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread compares slowly what [`Census::slow`] made.
pub fn compare_slowly(slow: bool) {
    SLOW.set(slow);
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Self) -> bool {
        if self.nature == Nature::Fragile {
            maybe_panic(Fault::Eq);
        }
        let equal = self.id == other.id;
        if self.nature == Nature::Slow && SLOW.get() && !equal && self.id.is_multiple_of(8) {
            thread::sleep(Duration::from_micros(50));
        }
        equal
    }
}

impl Eq for Tracked {}

impl PartialOrd for Tracked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tracked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl Hash for Tracked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(match self.nature {
            Nature::Plain => self.id,
            Nature::Colliding => self.id % 8,
            Nature::Slow => self.id % 2,
            Nature::Fragile => {
                maybe_panic(Fault::Hash);
                self.id % 2
            }
        });
    }
}
