//! Keys and values that notice when they are read after their drop, or dropped twice.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Instances that all tests of the process may make.
const MOST: usize = 1 << 23;

/// Which instances are alive, by their numbers.
static ALIVE: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];
static MADE: AtomicUsize = AtomicUsize::new(0);
/// Reads and drops of what was not alive.
static FAULTS: AtomicU64 = AtomicU64::new(0);

/// A number with an instance's own number beside it, here and on the heap. What memory that was freed
/// holds is no instance, or one that is registered as dropped; a sanitizer sees the read itself.
#[derive(Debug)]
pub(crate) struct Probe {
    id: u64,
    instance: usize,
    own: Box<usize>,
}

impl Probe {
    pub(crate) fn new(id: u64) -> Self {
        let instance = MADE.fetch_add(1, Relaxed);
        assert!(instance < MOST, "the tests make more probes than there is room for");
        ALIVE[instance].store(true, Relaxed);
        Self { id, instance, own: Box::new(instance) }
    }

    /// The number.
    pub(crate) fn id(&self) -> u64 {
        let alive = ALIVE.get(self.instance).is_some_and(|alive| alive.load(Relaxed));
        if !alive || *self.own != self.instance {
            fault("read after its drop");
        }
        self.id
    }
}

/// In a drop a panic would be contained, so it is counted.
fn fault(what: &str) {
    eprintln!("a probe was {what}");
    FAULTS.fetch_add(1, Relaxed);
}

/// At the end of each test: those that run at the same time answer for each other.
pub(crate) fn assert_no_faults() {
    assert_eq!(FAULTS.load(Relaxed), 0, "memory was used after it was freed");
}

impl Drop for Probe {
    fn drop(&mut self) {
        let alive = ALIVE.get(self.instance).is_some_and(|alive| alive.swap(false, Relaxed));
        if !alive {
            fault("dropped twice");
        }
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Self::new(self.id())
    }
}

impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Probe {}

impl Hash for Probe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}
