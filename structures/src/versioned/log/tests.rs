//! Replicas: where they go from, and entries whose numbers go past 2³² ([`FIRST_ENTRY`] is 256 below it
//! here).

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::checkpoint::INTERVAL;
use super::*;
use crate::reclaim::Hazard;
use crate::versioned::UniversalPinned;

/// What was appended to it, and how often any of its kind was cloned.
#[derive(Default)]
struct Appended {
    all: Vec<u64>,
    clones: Arc<AtomicUsize>,
}

impl Clone for Appended {
    fn clone(&self) -> Self {
        assert!(!PANICS.get(), "as told");
        self.clones.fetch_add(1, SeqCst);
        Self { all: self.all.clone(), clones: Arc::clone(&self.clones) }
    }
}

thread_local! {
    /// What is done when a replica next appends.
    static NEXT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    /// Whether clones panic.
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

impl Sequential for Appended {
    type Op = u64;
    type Out = usize;

    /// How many there were before.
    fn apply(&mut self, number: &u64) -> usize {
        if let Some(next) = NEXT.take() {
            next();
        }
        self.all.push(*number);
        self.all.len() - 1
    }
}

type Log = HerlihyLog<Appended, Hazard>;

/// A log of which nothing is freed before it drops: who goes where it must not is seen to go there.
fn log() -> (Log, Arc<AtomicUsize>) {
    let object = Appended::default();
    let clones = Arc::clone(&object.clones);
    (Log::new_in(Hazard::new(Some(usize::MAX)), object), clones)
}

fn kept_from(log: &Log) -> u64 {
    log.shared.kept_from.load(SeqCst)
}

fn append(handle: &mut Handle<'_, Appended, Hazard>, number: u64) -> usize {
    handle.pin().apply(0, number)
}

/// What is known of a log: where its checkpoint is, and how many clones were made.
struct Known {
    kept_from: u64,
    clones: usize,
}

impl Known {
    /// A replica goes from one entry to another: first to the checkpoint, if that is behind it, and then
    /// leaves one wherever there ought to be one.
    fn walk(&mut self, from: u64, to: u64) {
        self.clones += usize::from(from < self.kept_from);
        for number in from.max(self.kept_from) + 1..=to {
            if number.is_multiple_of(INTERVAL) {
                self.kept_from = number;
                self.clones += 1;
            }
        }
    }
}

/// Three handles append, read, and stay away for up to three checkpoints, some of which are not left, as the
/// clone panics. Each sees what the others have appended; who has stayed away for long goes on from a
/// checkpoint, and nobody else does.
#[test]
fn entries_have_numbers_beyond_32_bits() {
    for seed in 0..32 {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (log, clones) = log();
        let mut handles = [log.handle(), log.handle(), log.handle()];
        handles.iter_mut().for_each(|handle| handle.pin().read(0, |_| ()));
        let mut known = Known { kept_from: FIRST_ENTRY, clones: handles.len() };
        let (mut model, mut last) = (Vec::new(), FIRST_ENTRY);
        while model.len() < 4 * INTERVAL as usize {
            let (handle, writes) = (&mut handles[rng.random_range(0..3)], rng.random());
            known.walk(handle.replica.as_ref().expect("it has read").number, last);
            assert_eq!(handle.pin().read(0, |object| object.all.clone()), model, "{seed}");
            if writes {
                let most = if rng.random() { 3 } else { 3 * INTERVAL };
                PANICS.set(rng.random_range(0..3) == 0);
                for _ in 0..rng.random_range(1..=most) {
                    let number = rng.random();
                    assert_eq!(append(handle, number), model.len(), "{seed}");
                    model.push(number);
                    last += 1;
                    if !PANICS.get() {
                        known.walk(last - 1, last);
                    }
                }
                PANICS.set(false);
            }
            assert_eq!(kept_from(&log), known.kept_from, "at {last}, {seed}");
            assert_eq!(clones.load(SeqCst), known.clones, "at {last}, {seed}");
        }
    }
}

/// A replica has held its entry, and while it runs the next ones others go on by more than a checkpoint: the
/// entries ahead of it have been retired.
#[test]
fn a_replica_notices_a_checkpoint_beyond_32_bits() {
    // What handles borrow outlives what is to be done next.
    let (log, clones) = log();
    let log: &'static Log = Box::leak(Box::new(log));
    let (mut slow, fast) = (log.handle(), Rc::new(RefCell::new(log.handle())));
    let before = (INTERVAL..2 * INTERVAL - 5).map(|number| append(&mut slow, number)).count();
    assert!(FIRST_ENTRY + (before as u64) < 1 << 32);
    (0..4).for_each(|number| _ = append(&mut fast.borrow_mut(), number));
    let (ahead, later) = (Rc::clone(&fast), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&later);
    let seen_clones = Arc::clone(&clones);
    NEXT.set(Some(Box::new(move || {
        (0..3 * INTERVAL).for_each(|number| _ = append(&mut ahead.borrow_mut(), number));
        counted.set(seen_clones.load(SeqCst));
    })));
    let seen = slow.pin().read(0, |object| object.all.len());
    assert!(seen >= before + 4, "{seen}");
    assert_eq!(clones.load(SeqCst) - later.get(), 1, "it went on from the checkpoint");
}

/// A replica has run an operation that did not take effect, as another thread, which ran it first,
/// panicked; and the clone that was to take the replica's place panics. No response depends on the
/// operation's entry yet, so the replica is where readers are to be; it is not what they are to see.
#[test]
fn a_replica_that_went_another_way_is_not_read() {
    let (log, _) = log();
    let (reaches, reached) = mpsc::channel();
    let (panics, panicked) = mpsc::channel();
    let (reads, read) = mpsc::channel();
    thread::scope(|scope| {
        let log = &log;
        scope.spawn(move || {
            reached.recv().expect("its operation is in the log");
            NEXT.set(Some(Box::new(move || {
                NEXT.set(Some(Box::new(move || {
                    panics.send(()).expect("it waits");
                    read.recv().expect("it reads");
                })));
                panic!("as told");
            })));
            assert_eq!(append(&mut log.handle(), 8), 0);
        });
        let mut handle = log.handle();
        NEXT.set(Some(Box::new(move || {
            reaches.send(()).expect("the other waits");
            panicked.recv().expect("the other panics");
            PANICS.set(true);
        })));
        let appends = AssertUnwindSafe(|| append(&mut handle, 7));
        assert!(panic::catch_unwind(appends).is_err(), "it has no replica to go on from");
        PANICS.set(false);
        let seen = handle.pin().read(0, |object| object.all.clone());
        reads.send(()).expect("the other waits");
        assert_eq!(seen, [0; 0]);
    });
    assert_eq!(log.handle().pin().read(0, |object| object.all.clone()), [8]);
}
