//! Any sequential object, made concurrent without a change: a sorted map and a bounded queue.
//!
//! `cargo run --release -p structures --example any_object`
//!
//! Neither object knows about threads. The construction decides how operations proceed: under [`Cow`] an
//! operation that loses the race starts again (lock-free); under [`PSim`] the thread that wins applies it
//! too (wait-free).

use std::collections::{BTreeMap, VecDeque};
use std::thread;

use structures::reclaim::{Epoch, Hazard};
use structures::versioned::cow::Cow;
use structures::versioned::psim::PSim;
use structures::versioned::{Sequential, Universal, UniversalHandle, UniversalPinned, Whole};

/// A sorted map: something no hash table can do is `Floor`.
#[derive(Clone, Default)]
struct Sorted(BTreeMap<u64, u64>);

enum SortedOp {
    Insert(u64, u64),
    /// The entry of the largest key that is not above this.
    Floor(u64),
    PopFirst,
}

impl Sequential for Sorted {
    type Op = SortedOp;
    type Out = Option<(u64, u64)>;

    fn apply(&mut self, op: &SortedOp) -> Option<(u64, u64)> {
        match *op {
            SortedOp::Insert(key, value) => self.0.insert(key, value).map(|old| (key, old)),
            SortedOp::Floor(key) => self.0.range(..=key).next_back().map(|(k, v)| (*k, *v)),
            SortedOp::PopFirst => self.0.pop_first(),
        }
    }

    /// `Floor` never changes anything, so no version is made for it.
    fn answer(&self, op: &SortedOp) -> Option<Option<(u64, u64)>> {
        match *op {
            SortedOp::Floor(key) => Some(self.0.range(..=key).next_back().map(|(k, v)| (*k, *v))),
            SortedOp::Insert(..) | SortedOp::PopFirst => None,
        }
    }
}

/// A queue of at most eight jobs.
#[derive(Clone, Default)]
struct Bounded(VecDeque<u64>);

enum QueueOp {
    Push(u64),
    Pop,
}

/// What was pushed or popped; `None` if the queue was full or empty.
impl Sequential for Bounded {
    type Op = QueueOp;
    type Out = Option<u64>;

    fn apply(&mut self, op: &QueueOp) -> Option<u64> {
        match *op {
            QueueOp::Push(_) if self.0.len() == 8 => None,
            QueueOp::Push(job) => {
                self.0.push_back(job);
                Some(job)
            }
            QueueOp::Pop => self.0.pop_front(),
        }
    }
}

/// Two threads fill a sorted map and empty it again; in order, each key once.
fn sorted(construction: &(impl Universal<Whole<Sorted>> + 'static)) -> usize {
    thread::scope(|scope| {
        for parity in 0..2 {
            scope.spawn(move || {
                let mut handle = construction.handle();
                for key in (parity..200).step_by(2) {
                    handle.pin().apply(0, SortedOp::Insert(key, key * key));
                }
            });
        }
    });
    let mut handle = construction.handle();
    let mut pinned = handle.pin();
    assert_eq!(pinned.apply(0, SortedOp::Floor(1_000)), Some((199, 199 * 199)));
    let popped = std::iter::from_fn(|| pinned.apply(0, SortedOp::PopFirst));
    popped.zip(0..).filter(|((key, _), expected)| key == expected).count()
}

/// One thread pushes a thousand jobs, another pops them; returns their sum.
fn queue(construction: &(impl Universal<Whole<Bounded>> + 'static)) -> u64 {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut handle = construction.handle();
            for job in 1..=1_000 {
                while handle.pin().apply(0, QueueOp::Push(job)).is_none() {
                    thread::yield_now();
                }
            }
        });
        let mut handle = construction.handle();
        let (mut sum, mut last) = (0, 0);
        while last < 1_000 {
            match handle.pin().apply(0, QueueOp::Pop) {
                Some(job) => {
                    assert_eq!(job, last + 1, "first in, first out");
                    (sum, last) = (sum + job, job);
                }
                None => thread::yield_now(),
            }
        }
        sum
    })
}

fn main() {
    let report = |name: &str, keys: usize, sum: u64| {
        println!("{name}: {keys} keys came out in order, the jobs' sum is {sum}");
    };
    report(
        "copy on write",
        sorted(&Cow::<_, Epoch>::default()),
        queue(&Cow::<_, Epoch>::default()),
    );
    report("P-Sim", sorted(&PSim::<_, Hazard>::default()), queue(&PSim::<_, Hazard>::default()));
}
