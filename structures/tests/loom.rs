//! Models of the control word's protocol, under every interleaving and every order of memory that
//! loom knows: `ci/loom.sh`.
//!
//! Each model names the exact set of what may be seen, so that one in which nothing happens fails
//! as well; and prints how many executions it explored. The thread that compares and swaps first
//! is the main one. (tokio-rs/loom#166, #392: otherwise loom may explore a single execution.)
#![cfg(loom)]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc as StdArc, Mutex};

use loom::sync::Arc;
use loom::thread;
use structures::control::{Control, Snapshot, Wraps};
use structures::sync::{AtomicU64, Ordering};

/// A bucket with one entry, which is in slot 0 if its tag is set.
#[derive(Default)]
struct Bucket {
    control: Control<3>,
    key: AtomicU64,
    value: AtomicU64,
    wraps: Wraps,
}

const TAG: u64 = 7;

impl Bucket {
    /// With the entry (1, 1).
    fn new() -> Self {
        let bucket = Self::default();
        bucket.control.set_covered(Snapshot::EMPTY.with_tag(0, TAG));
        bucket.write(1, 1);
        bucket
    }

    fn write(&self, key: u64, value: u64) {
        self.key.store(key, Ordering::Relaxed);
        self.value.store(value, Ordering::Relaxed);
    }

    /// One attempt to read the entry; `Err` if a writer was there.
    fn read(&self) -> Result<Option<(u64, u64)>, Busy> {
        let wraps = self.wraps.count();
        let seen = self.control.snapshot();
        let entry = (self.key.load(Ordering::Relaxed), self.value.load(Ordering::Relaxed));
        if seen.is_locked() || !self.control.validate(seen) || self.wraps.count() != wraps {
            return Err(Busy);
        }
        Ok((!seen.matching(TAG).is_empty()).then_some(entry))
    }

    /// One attempt to change the bucket; the new entry follows from the old. False if it was not
    /// as it had been when the old entry was read.
    fn try_change(&self, change: impl FnOnce(u64) -> Option<u64>) -> bool {
        let wraps = self.wraps.count();
        let seen = self.control.snapshot();
        if seen.is_locked() || seen.is_frozen() {
            return false;
        }
        let changed = change(self.value.load(Ordering::Relaxed));
        if !self.control.try_lock(seen, &self.wraps, wraps) {
            return false;
        }
        if let Some(new) = changed {
            self.write(new, new);
        }
        let tag = if changed.is_some() { TAG } else { 0 };
        self.control.unlock(seen.with_tag(0, tag), &self.wraps);
        true
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Busy;

/// Runs `model` in every execution, and checks that what it returned in them is `expected`.
fn explore<T: Ord + Debug + Send + 'static>(
    name: &str,
    expected: impl IntoIterator<Item = T>,
    model: impl Fn() -> T + Send + Sync + 'static,
) {
    let seen = StdArc::new(Mutex::new((0_u64, BTreeSet::new())));
    let all = StdArc::clone(&seen);
    loom::model(move || {
        let outcome = model();
        let mut all = all.lock().expect("no model panics here");
        all.0 += 1;
        all.1.insert(outcome);
    });
    let (executions, outcomes) = &*seen.lock().expect("no model panics here");
    println!("{name}: {executions} executions, {} outcomes", outcomes.len());
    assert!(*executions > 1, "{name}: loom explored nothing");
    assert_eq!(*outcomes, expected.into_iter().collect(), "{name}");
}

/// C1–C3 against C4–C6: a reader sees the entry from before a replacement or from after it, or
/// knows that it has seen neither.
#[test]
fn an_entry_is_never_torn() {
    let expected = [Err(Busy), Ok(Some((1, 1))), Ok(Some((2, 2)))];
    explore("replace", expected, || {
        let bucket = Arc::new(Bucket::new());
        let reader = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.read())
        };
        assert!(bucket.try_change(|old| Some(old + 1)), "nobody else writes");
        reader.join().expect("read")
    });
}

/// H2: the slot of a removed entry is reused.
#[test]
fn a_slot_is_reused_under_a_reader() {
    let expected = [Err(Busy), Ok(None), Ok(Some((1, 1))), Ok(Some((5, 5)))];
    explore("remove, insert", expected, || {
        let bucket = Arc::new(Bucket::new());
        let reader = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.read())
        };
        assert!(bucket.try_change(|_| None), "nobody else writes");
        assert!(bucket.try_change(|_| Some(5)), "nobody else writes");
        reader.join().expect("read")
    });
}

/// C4 and C6: of two updates from the same value one fails; none is lost.
#[test]
fn an_update_is_not_lost() {
    // Who succeeded, and the value after that.
    let expected = [((true, false), 2), ((false, true), 2), ((true, true), 3)];
    explore("two updates", expected, || {
        let bucket = Arc::new(Bucket::new());
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.try_change(|old| Some(old + 1)))
        };
        let done = bucket.try_change(|old| Some(old + 1));
        let done = (done, other.join().expect("updated"));
        (done, bucket.value.load(Ordering::Relaxed))
    });
}

/// What is read of a bucket after it was frozen is the last that will ever be in it.
#[test]
fn a_copy_of_a_frozen_bucket_is_whole() {
    // Whether the update was in time, and the value that was copied.
    let expected = [(true, 2), (false, 1)];
    explore("freeze", expected, || {
        let bucket = Arc::new(Bucket::new());
        let writer = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.try_change(|old| Some(old + 1)))
        };
        let copied = loop {
            let seen = bucket.control.snapshot();
            if !seen.is_locked() && bucket.control.freeze(seen) {
                break bucket.value.load(Ordering::Relaxed);
            }
            thread::yield_now();
        };
        let updated = writer.join().expect("updated");
        assert_eq!(bucket.value.load(Ordering::Relaxed), copied, "changed after it was frozen");
        (updated, copied)
    });
}
