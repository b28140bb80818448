//! Growth: by sixteen doublings, or as many as `GROWTH_ENTRIES` entries take (`ci/soak.sh` asks for ten million), and
//! past a writer that is suspended in the middle of one.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use structures::map::{ConcurrentMap, Held, MapHandle, Progress};
use structures::reclaim::{Caps, Epoch, Guard, Haphazard, Node, Participant, Payload, Reclaimer};
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingLockFree};

/// One table after the other, as each needs more than half a gigabyte for ten million.
#[test]
fn millions_of_entries_from_sixteen_buckets() {
    let entries = std::env::var("GROWTH_ENTRIES");
    let entries = entries.map_or(1_000_000, |entries| entries.parse().expect("a number"));
    fill(&ChainingGlobalLock::<u64, u64>::default(), entries);
    fill(&ChainingBucketLock::<u64, u64>::default(), entries);
    fill(&ChainingLockFree::<u64, u64, Epoch>::default(), entries);
    fill(&ChainingLockFree::<u64, u64, Haphazard>::default(), entries);
}

fn fill(map: &impl ConcurrentMap<u64, u64>, entries: u64) {
    assert_eq!(map.capacity(), Some(16));
    in_two_halves(entries, |mut keys| {
        let mut handle = map.handle();
        assert!(keys.all(|key| handle.insert(key, !key)), "present before it was inserted");
    });
    assert_eq!(map.len() as u64, entries);
    // As many buckets as entries, at least; but no growth that was not needed.
    assert_eq!(map.capacity(), Some(entries.next_power_of_two() as usize));
    in_two_halves(entries, |mut keys| {
        let mut handle = map.handle();
        assert!(keys.all(|key| handle.get(&key) == Some(!key)), "lost");
    });
    let mut handle = map.handle();
    assert!((entries..entries + 1_000).all(|key| !handle.contains(&key)), "never inserted");
}

/// Runs `work` in two threads, for the even numbers below `end` and for the odd ones.
fn in_two_halves(end: u64, work: impl Fn(std::iter::StepBy<std::ops::Range<u64>>) + Sync) {
    thread::scope(|scope| {
        let work = &work;
        scope.spawn(move || work((0..end).step_by(2)));
        scope.spawn(move || work((1..end).step_by(2)));
    });
}

/// A closure that runs under a bucket's lock fills the table. Its last insertion starts a growth, and
/// cannot move that bucket; the next one, by somebody else, goes on with it.
#[test]
fn a_growth_that_meets_its_own_lock_is_finished_by_another() {
    let map = ChainingBucketLock::<u64, u64, BuildHasherDefault<Identity>>::default();
    assert_eq!(map.capacity(), 16);
    // One in each bucket but the first, whose chain gets long.
    assert!((1..16).all(|key| map.insert(key, key)));
    let within = map.get_with(&15, |_| {
        assert!((0..8).all(|i| map.insert(16 * i, i)));
        map.capacity()
    });
    assert_eq!(within, Some(16), "the bucket of 15 is locked");
    let keys = || (1..16).chain((0..8).map(|i| 16 * i));
    assert!(keys().all(|key| map.get(&key).is_some()), "lost in a growth that stopped");
    let mut visited = 0;
    map.handle().for_each(|_, _| visited += 1);
    assert_eq!(visited, 23);
    assert!((8..40).all(|i| map.insert(16 * i, i)));
    assert!(map.capacity() > 16, "nobody has gone on");
    assert!(keys().chain((8..40).map(|i| 16 * i)).all(|key| map.remove(&key).is_some()));
    assert_eq!(map.len(), 0);
}

/// The table has just doubled. A writer that is putting a new bucket into the list is suspended
/// before each of its steps in turn: meanwhile others read, write and grow the table further.
#[test]
fn nobody_waits_for_a_writer_suspended_in_a_growth() {
    let steps = (0..).take_while(|step| others_finish_while_suspended_before(*step)).count();
    assert!(steps > 10, "only {steps} steps: the writer's bucket was not a new one");
}

type Table = ChainingLockFree<u64, u64, Gated, BuildHasherDefault<Identity>>;

/// Keys of bucket 0 of 16: one more than buckets, so that the last doubles the table. Bucket 16 of
/// 32, where every other is now, is still to be put into the list.
const OLD: std::ops::Range<u64> = 0..17;

/// False if the writer has no such step.
fn others_finish_while_suspended_before(step: u32) -> bool {
    let map = Table::default();
    // The last one passes eight others, so that it looks whether the table is full.
    let (last, first): (Vec<_>, Vec<_>) = OLD.partition(|i| *i == 14);
    first.into_iter().chain(last).for_each(|i| assert!(map.handle().insert(16 * i, i)));
    assert_eq!(map.capacity(), 32);
    let suspended = thread::scope(|scope| {
        let (reached, at_step) = channel();
        let (resume, resumed) = channel();
        let map = &map;
        scope.spawn(move || {
            GATE.set(Some(Gate { before: step, reached, resumed }));
            assert!(map.handle().insert(16 * 21, 21));
            GATE.set(None);
        });
        let suspended = at_step.recv().is_ok();
        let (finished, others) = channel();
        scope.spawn(move || {
            let peak = read_write_and_grow(map);
            let _ = finished.send(peak);
        });
        // Long enough for any machine; only a table that waits for the writer needs it.
        let others = others.recv_timeout(Duration::from_secs(60));
        drop(resume);
        assert_eq!(others, Ok(128), "suspended before step {step}");
        suspended
    });
    assert!(OLD.chain(21..22).all(|i| map.handle().get(&(16 * i)) == Some(i)));
    assert_eq!(map.len() as u64, OLD.end + 1);
    suspended
}

/// A scheme may panic within an operation, as ours do where the kernel has no memory for their fence.
/// Here it does before each step of a writer that is putting a new bucket into the list: the table
/// goes on working, and drops each entry once.
#[test]
fn a_scheme_that_panics_in_a_growth_costs_one_operation() {
    let steps = (0..).take_while(|step| panics_before(*step)).count();
    assert!(steps > 10, "only {steps} steps: the writer's bucket was not a new one");
}

/// False if the writer has no such step.
fn panics_before(step: u32) -> bool {
    let entry = Arc::new(());
    let map = ChainingLockFree::<u64, Arc<()>, Gated, BuildHasherDefault<Identity>>::default();
    let (last, first): (Vec<_>, Vec<_>) = OLD.partition(|i| *i == 14);
    first.into_iter().chain(last).for_each(|i| assert!(map.handle().insert(16 * i, entry.clone())));
    assert_eq!(map.capacity(), 32);
    PANIC_BEFORE.set(Some(step));
    let inserted = catch_unwind(AssertUnwindSafe(|| map.handle().insert(16 * 21, entry.clone())));
    let panicked = PANIC_BEFORE.take().is_none();
    assert_eq!(inserted.is_err(), panicked);
    assert!(OLD.into_iter().all(|i| map.handle().contains(&(16 * i))), "an old key");
    let mut handle = map.handle();
    assert!((100..180).all(|i| handle.insert(16 * i, entry.clone())), "a new key");
    assert!((100..180).all(|i| handle.contains(&(16 * i))), "a new key is lost");
    let alive = Arc::strong_count(&entry) - 1;
    // What panicked after the effect may have left a node to nobody: the scheme frees nothing.
    assert!(alive >= map.len(), "{alive} values of {} entries", map.len());
    let entries = map.len();
    drop(map);
    assert_eq!(Arc::strong_count(&entry) - 1, alive - entries, "dropped twice, or not at all");
    panicked
}

/// Reads the old keys, iterates, doubles the table twice, and takes out again what it added;
/// returns the table's size.
fn read_write_and_grow(map: &Table) -> usize {
    let mut handle = map.handle();
    let added = 100..180;
    let old_are_there = |handle: &mut <Table as ConcurrentMap<u64, u64>>::Handle<'_>| {
        assert!(OLD.into_iter().all(|i| handle.get(&(16 * i)) == Some(i)), "an old key");
    };
    old_are_there(&mut handle);
    assert!(added.clone().all(|i| handle.insert(16 * i, i)), "a new key");
    old_are_there(&mut handle);
    assert!(added.clone().all(|i| handle.get(&(16 * i)) == Some(i)), "a new key is lost");
    let mut visited = 0;
    handle.for_each(|key, value| {
        assert_eq!(*key, 16 * value);
        visited += u64::from(*value < OLD.end);
    });
    assert_eq!(visited, OLD.end);
    assert!(added.clone().all(|i| handle.remove(&(16 * i)) == Some(i)), "a new key is stuck");
    old_are_there(&mut handle);
    map.capacity()
}

/// Hashes a `u64` to itself, so that a test chooses the bucket.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

thread_local! {
    /// Where this thread is to be suspended.
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
    /// Steps of this thread until one that panics.
    static PANIC_BEFORE: Cell<Option<u32>> = const { Cell::new(None) };
}

struct Gate {
    /// Steps to go.
    before: u32,
    reached: Sender<()>,
    resumed: Receiver<()>,
}

fn step() {
    match PANIC_BEFORE.get() {
        Some(0) => {
            PANIC_BEFORE.set(None);
            panic!("planted in the scheme");
        }
        left => PANIC_BEFORE.set(left.map(|left| left - 1)),
    }
    let gate = GATE.with_borrow_mut(|gate| match gate {
        Some(Gate { before: 0, .. }) => gate.take(),
        Some(gate) => {
            gate.before -= 1;
            None
        }
        None => None,
    });
    if let Some(gate) = gate {
        gate.reached.send(()).expect("the test waits for it");
        // An error too: the test has dropped its end to let us go.
        let _ = gate.resumed.recv();
    }
}

/// A scheme that frees nothing, and whose calls are the steps at which a thread can be suspended.
struct Gated;

// SAFETY: reclaim-S1–S3 hold trivially: no retired node is ever freed.
unsafe impl Reclaimer for Gated {
    type Header = ();
    type Participant<'d> = Gated;

    const NAME: &'static str = "gated";
    const SUMMARY: &'static str = "suspends a thread where a test wants it";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::Unknown,
        writes: Progress::Unknown,
        progress_is_tested: false,
    };

    fn new(_: Option<usize>) -> Self {
        Self
    }

    fn header(&self) {
        step();
    }

    fn register(&self) -> Gated {
        Gated
    }
}

impl Participant<Gated> for Gated {
    type Guard<'g> = Gated;

    fn enter(&mut self) -> Gated {
        Gated
    }
}

impl Guard<Gated> for Gated {
    fn protect<T>(
        &mut self,
        _: usize,
        src: &std::sync::atomic::AtomicPtr<Node<Gated, T>>,
    ) -> *mut Node<Gated, T> {
        step();
        src.load(std::sync::atomic::Ordering::Acquire)
    }

    unsafe fn retire<T: Payload + Send>(&mut self, _: *mut Node<Gated, T>) {
        step();
    }
}
