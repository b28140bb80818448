//! Keys and values that notice when they are read after their drop, or dropped twice; also ones whose code
//! panics, and ones that lie. They are one type, as each table is compiled anew for each.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Instances that all tests of the process may make. On a loaded machine readers go round more often until writers are
/// through.
const MOST: usize = 1 << 25;

/// Which instances are alive, by their numbers.
static ALIVE: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];
static MADE: AtomicUsize = AtomicUsize::new(0);
/// Reads and drops of what was not alive.
static FAULTS: AtomicU64 = AtomicU64::new(0);

/// What a probe does besides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nature {
    Honest,
    /// All of its code can be made to panic ([`plant`]).
    Fused,
    /// It is equal to another one time in eight, and not to itself one time in four; its hash is one of a
    /// few, and another now and then.
    Liar,
}

/// A user's code that panics.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Hash,
    Eq,
    Clone,
    Drop,
    Closure,
}

thread_local! {
    /// Which kind of the user's code panics, and after how many calls.
    static FUSE: Cell<Option<(Kind, u32)>> = const { Cell::new(None) };
    static RANDOM: Cell<u64> = const { Cell::new(0x2545_F491_4F6C_DD1D) };
}

/// Makes that kind of code panic in this thread after so many calls, once; or none.
pub(crate) fn plant(fuse: Option<(Kind, u32)>) {
    FUSE.set(fuse);
}

/// To be called by code of that kind.
pub(crate) fn burn(kind: Kind) {
    if let Some((armed, left)) = FUSE.get()
        && armed == kind
    {
        FUSE.set(left.checked_sub(1).map(|left| (kind, left)));
        if left == 0 && !std::thread::panicking() {
            // Without a message for each of thousands.
            resume_unwind(Box::new("planted"));
        }
    }
}

/// Begins this thread's numbers anew.
pub(crate) fn seed(seed: u64) {
    RANDOM.set(seed | 1);
}

/// One of `n` numbers.
pub(crate) fn random(n: u64) -> u64 {
    let mut next = RANDOM.get();
    next ^= next << 13;
    next ^= next >> 7;
    next ^= next << 17;
    RANDOM.set(next);
    (next >> 16) % n
}

/// A number with an instance's own number beside it, here and on the heap. What memory that was freed
/// holds is no instance, or one that is registered as dropped; a sanitizer sees the read itself.
#[derive(Debug)]
pub(crate) struct Probe {
    id: u64,
    instance: usize,
    own: Box<usize>,
    nature: Nature,
}

impl Probe {
    pub(crate) fn new(id: u64) -> Self {
        Self::of(id, Nature::Honest)
    }

    /// One all of whose code can be made to panic.
    pub(crate) fn fused(id: u64) -> Self {
        Self::of(id, Nature::Fused)
    }

    /// One that lies.
    pub(crate) fn liar(id: u64) -> Self {
        Self::of(id, Nature::Liar)
    }

    fn of(id: u64, nature: Nature) -> Self {
        let instance = MADE.fetch_add(1, Relaxed);
        assert!(instance < MOST, "the tests make more probes than there is room for");
        ALIVE[instance].store(true, Relaxed);
        Self { id, instance, own: Box::new(instance), nature }
    }

    fn burn(&self, kind: Kind) {
        if self.nature == Nature::Fused {
            burn(kind);
        }
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
        self.burn(Kind::Drop);
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        self.burn(Kind::Clone);
        Self::of(self.id(), self.nature)
    }
}

impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        self.burn(Kind::Eq);
        let equal = self.id() == other.id();
        match self.nature {
            Nature::Liar if equal => random(4) > 0,
            Nature::Liar => random(8) == 0,
            _ => equal,
        }
    }
}

impl Eq for Probe {}

impl Hash for Probe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.burn(Kind::Hash);
        let lies = self.nature == Nature::Liar && random(4) == 0;
        state.write_u64(if lies { random(64) } else { self.id() });
    }
}
