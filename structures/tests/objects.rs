//! Universal constructions over objects that are no tables: a counter, a bounded queue and a sorted
//! map. Each object's own invariant tells whether its operations took effect once, at one moment.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::panic;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use structures::reclaim::{Epoch, Hazard};
use structures::versioned::cow::{Cas, Cow, Locked};
use structures::versioned::left_right::LeftRight;
use structures::versioned::log::HerlihyLog;
use structures::versioned::psim::PSim;
use structures::versioned::{Sequential, Universal, UniversalHandle, UniversalPinned, Whole};

/// Hands out numbers.
#[derive(Clone, Default)]
struct Counter(usize);

impl Sequential for Counter {
    type Op = ();
    type Out = usize;

    fn apply(&mut self, (): &()) -> usize {
        self.0 += 1;
        self.0 - 1
    }
}

/// Three threads draw numbers: each number is drawn once, and each thread's go up.
fn numbers_are_drawn_once<U: Universal<Whole<Counter>> + Default>() {
    const EACH: usize = 2_000;
    let counter = &U::default();
    let draw = || {
        let mut handle = counter.handle();
        (0..EACH).map(|_| handle.pin().apply(0, ())).collect::<Vec<_>>()
    };
    let mut drawn: Vec<usize> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(draw)).collect();
        threads
            .into_iter()
            .flat_map(|thread| {
                let numbers = thread.join().expect("it ends");
                assert!(numbers.is_sorted_by(|a, b| a < b), "a thread's numbers go up");
                numbers
            })
            .collect()
    });
    drawn.sort_unstable();
    assert!(drawn.into_iter().eq(0..3 * EACH), "each number once");
}

const CAPACITY: usize = 8;

/// A queue of at most [`CAPACITY`] jobs.
#[derive(Clone, Default)]
struct Queue(VecDeque<(usize, usize)>);

enum QueueOp {
    Push((usize, usize)),
    Pop,
}

/// What was pushed or popped; `None` if the queue was full or empty.
impl Sequential for Queue {
    type Op = QueueOp;
    type Out = Option<(usize, usize)>;

    fn apply(&mut self, op: &QueueOp) -> Self::Out {
        match *op {
            QueueOp::Push(_) if self.0.len() == CAPACITY => None,
            QueueOp::Push(job) => {
                self.0.push_back(job);
                Some(job)
            }
            QueueOp::Pop => self.0.pop_front(),
        }
    }

    fn answer(&self, op: &QueueOp) -> Option<Self::Out> {
        let changes_nothing = match op {
            QueueOp::Push(_) => self.0.len() == CAPACITY,
            QueueOp::Pop => self.0.is_empty(),
        };
        changes_nothing.then_some(None)
    }
}

/// Two producers, two consumers: each job comes out once, a producer's jobs in order, and there are
/// never more than fit.
fn jobs_come_out_once<U: Universal<Whole<Queue>> + Default>() {
    const EACH: usize = 1_000;
    let queue = &U::default();
    let left = &AtomicUsize::new(2 * EACH);
    let produce = move |producer: usize| {
        let mut handle = queue.handle();
        for job in 0..EACH {
            while handle.pin().apply(0, QueueOp::Push((producer, job))).is_none() {
                let len = handle.pin().read(0, |queue| queue.0.0.len());
                assert!(len <= CAPACITY, "{len} jobs");
                thread::yield_now();
            }
        }
    };
    let consume = move || {
        let mut handle = queue.handle();
        let mut jobs = Vec::new();
        while left.load(Relaxed) > 0 {
            match handle.pin().apply(0, QueueOp::Pop) {
                Some(job) => {
                    left.fetch_sub(1, Relaxed);
                    jobs.push(job);
                }
                None => thread::yield_now(),
            }
        }
        jobs
    };
    let mut all: Vec<_> = thread::scope(|scope| {
        let consumers = [scope.spawn(consume), scope.spawn(consume)];
        scope.spawn(move || produce(0));
        scope.spawn(move || produce(1));
        consumers
            .into_iter()
            .flat_map(|consumer| {
                let jobs = consumer.join().expect("it ends");
                for producer in 0..2 {
                    let mut of = jobs.iter().filter(|job| job.0 == producer);
                    assert!(of.by_ref().is_sorted_by(|a, b| a < b), "first in, first out");
                }
                jobs
            })
            .collect()
    });
    all.sort_unstable();
    let expected = (0..2).flat_map(|producer| (0..EACH).map(move |job| (producer, job)));
    assert!(all.into_iter().eq(expected), "each job once");
}

/// Accounts in the order of their names.
#[derive(Clone)]
struct Accounts(BTreeMap<u64, i64>);

const ACCOUNTS: u64 = 20;
const BALANCE: i64 = 100;

impl Default for Accounts {
    fn default() -> Self {
        Self((0..ACCOUNTS).map(|account| (account, BALANCE)).collect())
    }
}

/// Moves all of the first account at or above `from` to another, which is opened if need be.
struct Merge {
    from: u64,
    to: u64,
}

impl Sequential for Accounts {
    type Op = Merge;
    /// The account that was closed, with its balance.
    type Out = Option<(u64, i64)>;

    fn apply(&mut self, op: &Merge) -> Self::Out {
        let (&account, &balance) = self.0.range(op.from..).next()?;
        self.0.remove(&account);
        *self.0.entry(op.to).or_default() += balance;
        Some((account, balance))
    }
}

/// Two threads move what is in the accounts while a third looks: no money comes or goes, and the
/// keys stay in order.
fn sums_stay<U: Universal<Whole<Accounts>> + Default>() {
    let accounts = &U::default();
    let done = &AtomicBool::new(false);
    let total = ACCOUNTS.cast_signed() * BALANCE;
    let look = |accounts: &Whole<Accounts>| {
        let sum: i64 = accounts.0.0.values().sum();
        (sum, accounts.0.0.keys().is_sorted())
    };
    thread::scope(|scope| {
        let movers: Vec<_> = (0..2)
            .map(|mover| {
                scope.spawn(move || {
                    let mut handle = accounts.handle();
                    let mut closed = 0_usize;
                    for round in 0..1_500_u64 {
                        let from = (round * 7 + mover) % (2 * ACCOUNTS);
                        let to = (round * 13 + mover) % ACCOUNTS;
                        closed += usize::from(handle.pin().apply(0, Merge { from, to }).is_some());
                    }
                    closed
                })
            })
            .collect();
        scope.spawn(move || {
            let mut handle = accounts.handle();
            while !done.load(Relaxed) {
                assert_eq!(handle.pin().read(0, look), (total, true), "not one moment");
            }
        });
        for mover in movers {
            let closed = mover.join().expect("it ends");
            assert!(closed > 0, "nothing was moved");
        }
        done.store(true, Relaxed);
    });
    assert_eq!(accounts.handle().pin().read(0, look), (total, true));
}

macro_rules! objects {
    ($($construction:ident: $of:ident => $universal:ty;)*) => {
        $(
            mod $construction {
                use super::*;

                type Made<$of> = $universal;

                #[test]
                fn counter() {
                    numbers_are_drawn_once::<Made<Whole<Counter>>>();
                }

                #[test]
                fn queue() {
                    jobs_come_out_once::<Made<Whole<Queue>>>();
                }

                #[test]
                fn sorted_map() {
                    sums_stay::<Made<Whole<Accounts>>>();
                }
            }
        )*
    };
}

objects! {
    cow_lock: O => Cow<O, Epoch, Locked>;
    cow_cas: O => Cow<O, Epoch, Cas>;
    cow_cas_hazard: O => Cow<O, Hazard, Cas>;
    psim: O => PSim<O, Epoch>;
    psim_hazard: O => PSim<O, Hazard>;
    log: O => HerlihyLog<O, Epoch>;
    log_hazard: O => HerlihyLog<O, Hazard>;
    left_right: O => LeftRight<O>;
}

/// A counter; what it does when it is cloned the next time, and whether its drop panics.
#[derive(Default)]
struct Fragile {
    count: usize,
    is_live: bool,
}

thread_local! {
    /// Run by the next clone, which is then one whose drop panics.
    static NEXT_CLONE: Cell<Option<fn()>> = const { Cell::new(None) };
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        let hook = NEXT_CLONE.take();
        if let Some(hook) = hook {
            hook();
        }
        Self { count: self.count, is_live: hook.is_some() }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if self.is_live {
            panic::resume_unwind(Box::new("planted"));
        }
    }
}

impl Sequential for Fragile {
    type Op = ();
    type Out = usize;

    fn apply(&mut self, (): &()) -> usize {
        self.count += 1;
        self.count
    }
}

/// Another thread may leave a checkpoint while one copies its own replica for that. The copy, which is
/// nobody's then, is dropped in the midst of an operation that has taken effect.
#[test]
fn a_lost_checkpoint_panics_to_nobody() {
    static LOG: LazyLock<HerlihyLog<Fragile, Epoch>> = LazyLock::new(HerlihyLog::default);
    let mut handle = LOG.handle();
    // Its replica is a clone, too.
    assert_eq!(handle.pin().apply(0, ()), 1);
    for _ in 0..1_000 {
        // The other handle's replica comes past the same entry, and leaves the checkpoint there.
        NEXT_CLONE.set(Some(|| assert!(LOG.handle().pin().apply(0, ()) > 0)));
        let count = handle.pin().apply(0, ());
        if NEXT_CLONE.take().is_none() {
            assert_eq!(handle.pin().apply(0, ()), count + 2, "both have taken effect");
            return;
        }
    }
    unreachable!("nobody has left a checkpoint");
}
