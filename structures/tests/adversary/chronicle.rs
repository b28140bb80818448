//! An object that remembers each operation, and what each operation's caller was told.

use std::cell::RefCell;
use std::collections::BTreeMap;

use structures::versioned::{Sequential, Version};

/// An operation that took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    /// How many states had been installed when the one in which it was applied is.
    pub state: u64,
}

/// A log of operations, in the order in which they took effect.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    pub log: Vec<Entry>,
    state: u64,
}

/// An operation, told from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append(pub u64);

/// What an operation returns: its position, and a digest of the log up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub position: usize,
    pub digest: u64,
}

/// Sequential replay: what the operation at the end of `log` returns.
pub fn replay(log: &[Entry]) -> Told {
    let add = |digest: u64, entry: &Entry| (digest ^ entry.id).wrapping_mul(0x0000_0100_0000_01B3);
    Told { position: log.len() - 1, digest: log.iter().fold(0, add) }
}

impl Sequential for Chronicle {
    type Op = Append;
    type Out = Told;

    fn apply(&mut self, &Append(id): &Append) -> Told {
        BOOK.with_borrow_mut(|book| *book.runs.entry(id).or_default() += 1);
        self.log.push(Entry { id, state: self.state });
        replay(&self.log)
    }
}

// SAFETY: a clone shares nothing.
unsafe impl Version for Chronicle {
    type Residue = ();

    unsafe fn fork(&self) -> Self {
        Self { log: self.log.clone(), state: self.state + 1 }
    }

    unsafe fn seal(&mut self) {}

    unsafe fn replaced(&self, (): ()) {
        // Nobody else runs between the installation and this call.
        BOOK.with_borrow_mut(|book| book.installed += 1);
    }
}

/// A call of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub thread: usize,
    pub began: usize,
    /// When it returned, and what.
    pub returned: Option<(usize, Told)>,
}

/// What a test writes down beside the object. No step of the threads: it stays outside of the model.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub calls: BTreeMap<u64, Call>,
    /// What readers saw, and when they had begun and returned.
    pub reads: Vec<(usize, Vec<Entry>, usize)>,
    /// How often each operation has been run.
    pub runs: BTreeMap<u64, usize>,
    pub installed: u64,
    time: usize,
}

thread_local! {
    static BOOK: RefCell<Book> = RefCell::default();
}

pub fn now() -> usize {
    BOOK.with_borrow_mut(|book| {
        book.time += 1;
        book.time
    })
}

/// A new book, for a new execution.
pub fn open() {
    BOOK.set(Book::default());
}

/// The book so far.
pub fn copy() -> Book {
    BOOK.with_borrow(Book::clone)
}

pub fn calls(thread: usize, id: u64) {
    let call = Call { thread, began: now(), returned: None };
    let again = BOOK.with_borrow_mut(|book| book.calls.insert(id, call));
    assert!(again.is_none(), "an operation is called once");
}

pub fn returns(id: u64, told: Told) {
    let time = now();
    BOOK.with_borrow_mut(|book| {
        book.calls.get_mut(&id).expect("it was called").returned = Some((time, told));
    });
}

pub fn reads(began: usize, log: Vec<Entry>) {
    let time = now();
    BOOK.with_borrow_mut(|book| book.reads.push((began, log, time)));
}

impl Book {
    /// Checks that `log`, the object in the end, explains what everybody was told: each operation
    /// in it once, its response that of sequential replay, in an order of effects that respects
    /// which call had returned before which began.
    pub fn check(&self, log: &[Entry]) {
        let mut ids: Vec<u64> = log.iter().map(|entry| entry.id).collect();
        ids.sort_unstable();
        let called: Vec<u64> = self.calls.keys().copied().collect();
        assert_eq!(ids, called, "each operation stands in the log once: {log:?}");
        for (position, entry) in log.iter().enumerate() {
            let (_, told) = self.calls[&entry.id].returned.expect("it returned");
            let expected = replay(&log[..=position]);
            assert_eq!(told, expected, "operation {} is told what replay says", entry.id);
            assert!(self.runs[&entry.id] >= 1, "it has been run");
        }
        // When the latest call that took effect so far began: nobody after it may have returned
        // before that.
        let mut latest = 0;
        for entry in log {
            let call = self.calls[&entry.id];
            let (returned, _) = call.returned.expect("it returned");
            assert!(latest < returned, "operation {} took effect late: {log:?}", entry.id);
            latest = latest.max(call.began);
        }
        for (began, seen, returned) in &self.reads {
            self.check_read(log, *began, seen, *returned);
            let before = self.reads.iter().filter(|(.., end)| end < began);
            let most = before.map(|(_, seen, _)| seen.len()).max().unwrap_or(0);
            assert!(seen.len() >= most, "a read goes back from {most} operations to {seen:?}");
        }
    }

    /// A read shows the log of one moment of the read.
    fn check_read(&self, log: &[Entry], began: usize, seen: &[Entry], returned: usize) {
        assert!(log.starts_with(seen), "a read shows a log that was: {seen:?}, not {log:?}");
        for (position, entry) in log.iter().enumerate() {
            let call = self.calls[&entry.id];
            let (end, _) = call.returned.expect("it returned");
            let is_seen = position < seen.len();
            assert!(is_seen || end > began, "a read misses operation {}", entry.id);
            assert!(!is_seen || call.began < returned, "a read foresees operation {}", entry.id);
        }
    }
}
