//! P-Sim, the log, copy on write and Left-Right, in every execution with a bounded number of preemptions: `ci/loom.sh`.
#![cfg(loom)]

mod explore;

use loom::sync::Arc;
use loom::thread;
use structures::reclaim::Leak;
use structures::sync::{AtomicU64, Ordering};
use structures::versioned::cow::Cow;
use structures::versioned::left_right::LeftRight;
use structures::versioned::log::HerlihyLog;
use structures::versioned::psim::PSim;
use structures::versioned::{Sequential, Universal, UniversalHandle, UniversalPinned, Whole};

use explore::{explore, explore_with};

/// Who appended, in order; an operation returns its position.
#[derive(Clone, Default)]
struct Chronicle(Vec<char>);

impl Sequential for Chronicle {
    type Op = char;
    type Out = usize;

    fn apply(&mut self, op: &char) -> usize {
        self.0.push(*op);
        self.0.len() - 1
    }
}

fn append(to: &impl Universal<Whole<Chronicle>>, ids: &str) -> Vec<(usize, char)> {
    let mut handle = to.handle();
    let mut pinned = handle.pin();
    ids.chars().map(|id| (pinned.apply(0, id), id)).collect()
}

/// Two threads append; the log, once every response has been found to be the operation's place in
/// it.
fn chronicle<U>(mine: &str, theirs: &'static str) -> String
where
    U: Universal<Whole<Chronicle>> + Default + 'static,
{
    let construction = Arc::new(U::default());
    let other = Arc::clone(&construction);
    let other = thread::spawn(move || append(&*other, theirs));
    let mut told = append(&*construction, mine);
    told.extend(other.join().expect("no operation panics"));
    let mut handle = construction.handle();
    let log = handle.pin().read(0, |object| object.0.0.clone());
    assert_eq!(log.len(), told.len(), "once each");
    assert!(told.iter().all(|(position, id)| log[*position] == *id), "{told:?} of {log:?}");
    log.into_iter().collect()
}

/// Every order of the two threads' operations, and no other.
#[test]
fn psim_applies_each_operation_once() {
    let orders = ["abx", "axb", "xab"].map(str::to_owned);
    explore("psim: two against one", orders, || {
        chronicle::<PSim<Whole<Chronicle>, Leak>>("ab", "x")
    });
}

/// A [`Chronicle`] that lets others run in the midst of an operation, so that two threads can be there at
/// once without a preemption.
#[derive(Clone, Default)]
struct Slow(Chronicle);

impl Sequential for Slow {
    type Op = char;
    type Out = usize;

    fn apply(&mut self, op: &char) -> usize {
        thread::yield_now();
        self.0.apply(op)
    }
}

/// With three there can be somebody who fails, reads the state again, and must then see what has been
/// announced meanwhile (psim-F2).
#[test]
fn psim_applies_the_operations_of_three() {
    let orders = ["abc", "acb", "bac", "bca", "cab", "cba"].map(str::to_owned);
    explore_with(1, "psim: three", orders, || {
        let sim = Arc::new(PSim::<Whole<Slow>, Leak>::default());
        let run = |sim: &PSim<Whole<Slow>, Leak>, id| {
            let mut handle = sim.handle();
            (handle.pin().apply(0, id), id)
        };
        let others = ['b', 'c'].map(|id| {
            let sim = Arc::clone(&sim);
            thread::spawn(move || run(&sim, id))
        });
        let mut told = vec![run(&sim, 'a')];
        told.extend(others.into_iter().map(|t| t.join().expect("no operation panics")));
        let log = sim.handle().pin().read(0, |object| object.0.0.0.clone());
        assert!(told.iter().all(|(position, id)| log[*position] == *id), "{told:?} of {log:?}");
        log.into_iter().collect::<String>()
    });
}

#[test]
fn cow_loses_no_operation() {
    let orders = ["abx", "axb", "xab"].map(str::to_owned);
    explore("cow: two against one", orders, || chronicle::<Cow<Whole<Chronicle>, Leak>>("ab", "x"));
}

/// Past a checkpoint: under loom there is one every other entry.
#[test]
fn the_log_has_each_operation_once() {
    let orders = ["abx", "axb", "xab"].map(str::to_owned);
    explore_with(2, "log: two against one", orders, || {
        chronicle::<HerlihyLog<Whole<Chronicle>, Leak>>("ab", "x")
    });
}

#[test]
fn left_right_loses_no_operation() {
    let orders = ["abx", "axb", "xab"].map(str::to_owned);
    explore("left-right: two against one", orders, || {
        chronicle::<LeftRight<Whole<Chronicle>>>("ab", "x")
    });
}

/// Two words that an operation changes one after the other, where loom sees it.
#[derive(Default)]
struct Pair(AtomicU64, AtomicU64);

impl Clone for Pair {
    fn clone(&self) -> Self {
        let copy = |word: &AtomicU64| AtomicU64::new(word.load(Ordering::Relaxed));
        Self(copy(&self.0), copy(&self.1))
    }
}

impl Sequential for Pair {
    type Op = ();
    type Out = ();

    fn apply(&mut self, (): &()) {
        for word in [&self.0, &self.1] {
            word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }
}

/// A reader sees the state before, between or after two writes, never the middle of one.
#[test]
fn left_right_readers_see_whole_states() {
    left_right_reader(0, "left-right: reader", 0);
}

/// A reader whose stripe is not there from the start, but is added while the writer writes.
#[test]
fn left_right_readers_see_whole_states_with_three_handles() {
    left_right_reader(1, "left-right: reader, two others", 2);
}

fn left_right_reader(fewer: usize, name: &str, others: usize) {
    explore_with(fewer, name, [0, 1, 2], move || {
        let object = Arc::new(LeftRight::<Pair>::default());
        let others: Vec<_> = (0..others).map(|_| object.handle()).collect();
        let read = {
            let object = Arc::clone(&object);
            thread::spawn(move || {
                object.handle().pin().read(0, |pair| {
                    let second = pair.1.load(Ordering::Relaxed);
                    (pair.0.load(Ordering::Relaxed), second)
                })
            })
        };
        object.handle().pin().apply(0, ());
        object.handle().pin().apply(0, ());
        drop(others);
        let (first, second) = read.join().expect("nothing panics");
        assert_eq!(first, second, "the middle of a write");
        first
    });
}
