//! The newest keys are the hottest: YCSB's `latest` (`SkewedLatestGenerator`, workload D).
//!
//! Keys are numbered: the prefill's first, then each inserted key, in the order of inserting. An
//! insert adds the next number. Any other operation draws a rank by exact Zipf and goes to the key
//! so many numbers before the newest. So what is hot moves with the inserts, and the newest keys,
//! which their inserters have in their caches, are those that everyone reads. Numbers become keys
//! by the prefill's permutation, over 2^40 keys: a trial cannot use them up, and the table grows by
//! every insert.
//!
//! **Which key is the newest** depends on all threads, and on time: were each thread to count its own
//! inserts alone, a thread that falls behind would not have inserted what others take for newest,
//! and their reads of the hottest keys would miss. As YCSB does (`AcknowledgedCounterGenerator`), a
//! reader takes no key that may not have been inserted yet. A thread takes the numbers of a block's
//! inserts by one `fetch_add`, and says from which number on they may be missing; the newest that
//! are sure to be there end at the least of these. That is two writes and a read of each other
//! thread's line for [`BLOCK`](super::BLOCK) operations: at 100 ns for each line, about 2 ns an
//! operation at two threads if every access missed, and well under one as they rarely do; other
//! operations share nothing. The price is that the newest key is at most a block of each thread old,
//! and as old as the block of a thread that is off its CPU.
//!
//! **What follows from the seed**: each thread's operations and the ranks that it draws. Which key a
//! rank means follows from the inserts of all threads until then, so from time, unless there is one
//! thread. Two departures from YCSB: the ranks are as many as the prefill has keys, and do not
//! become more; and they change once a block, not with each insert.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::{Rng as _, SeedableRng};

use super::Rng;
use super::{MAX_KEYS, Op, OpMix, Permutation, Purpose, Source, Zipf, derive, prefill_order};

/// A cache line, so that threads that write to neighbours do not take it from each other; two,
/// since some CPUs fetch pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Line(AtomicU64);

/// Numbers given out, and which of them may not be in the table yet.
#[derive(Debug)]
struct Numbers {
    /// The next number.
    next: Line,
    /// For each thread, a number from which on its last block's keys are; `u64::MAX` before its first.
    begun: Box<[Line]>,
}

impl Numbers {
    fn new(first: u64, threads: usize) -> Self {
        let begun = (0..threads).map(|_| Line(AtomicU64::new(u64::MAX))).collect();
        Self { next: Line(AtomicU64::new(first)), begun }
    }

    /// Takes `count` numbers for `thread`, which has inserted all that it took before. Returns the
    /// first of them, and a number below which every key has been inserted.
    fn take(&self, thread: usize, count: u64) -> (u64, u64) {
        // Relaxed: an older number is a safe bound as well, and never one before this thread's last.
        let bound = self.next.0.load(Ordering::Relaxed);
        // Release B1: its inserts come before it. Pairs with B2.
        self.begun[thread].0.store(bound, Ordering::Release);
        // AcqRel N1: B1 comes before it. Who takes or loads a later number (N1, N2) finds that this
        // thread's keys may be missing.
        let first = self.next.0.fetch_add(count, Ordering::AcqRel);
        (first, self.present(first))
    }

    /// A number below which every key has been inserted.
    fn newest(&self) -> u64 {
        // Acquire N2: pairs with N1.
        self.present(self.next.0.load(Ordering::Acquire))
    }

    fn present(&self, next: u64) -> u64 {
        // Acquire B2: pairs with B1, so that keys before the number are found.
        let begun = self.begun.iter().map(|line| line.0.load(Ordering::Acquire));
        begun.fold(next, u64::min)
    }
}

/// What the threads of a trial share.
#[derive(Debug)]
pub(super) struct Recency {
    ranks: Zipf,
    order: Permutation,
    numbers: Numbers,
    seed: u64,
}

impl Recency {
    /// For the trial with this seed, whose prefill has `prefill` keys of [`MAX_KEYS`].
    ///
    /// # Panics
    ///
    /// If there is no prefill: then there is no latest key.
    pub(super) fn new(prefill: u64, theta: f64, seed: u64, threads: usize) -> Arc<Self> {
        let order = prefill_order(MAX_KEYS, seed);
        let numbers = Numbers::new(prefill, threads);
        Arc::new(Self { ranks: Zipf::new(prefill, theta), order, numbers, seed })
    }
}

/// The operations of a thread.
#[derive(Debug)]
pub(super) struct Latest {
    recency: Arc<Recency>,
    mix: OpMix,
    rng: Rng,
    thread: usize,
}

impl Latest {
    /// Those of thread `thread`. If the mix has no inserts, it may be any thread.
    pub(super) fn new(recency: &Arc<Recency>, mix: OpMix, thread: usize) -> Self {
        let seed = derive(recency.seed, Purpose::Stream, thread as u64);
        Self { recency: Arc::clone(recency), mix, rng: Rng::seed_from_u64(seed), thread }
    }
}

impl Source for Latest {
    fn fill(&mut self, block: &mut [(Op, u64)]) {
        let Self { recency, mix, .. } = self;
        let mut rng = self.rng.clone();
        let mut inserts = 0;
        for (op, _) in &mut *block {
            *op = mix.choose(rng.next_u64());
            inserts += u64::from(*op == Op::Insert);
        }
        let (mut fresh, newest) = if mix.has(Op::Insert) {
            recency.numbers.take(self.thread, inserts)
        } else {
            (0, recency.numbers.newest())
        };
        for (op, key) in block {
            let number = if *op == Op::Insert {
                fresh += 1;
                fresh - 1
            } else {
                newest - 1 - recency.ranks.draw(&mut rng)
            };
            *key = recency.order.apply(number);
        }
        self.rng = rng;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::super::{BLOCK, Stream, chi_square_z, prefill_keys};
    use super::*;
    use crate::case::Mix;

    const PREFILL: u64 = 1000;

    fn d(inserts: f64) -> OpMix {
        OpMix::new(&Mix { reads: 100.0 - inserts, inserts, ..Mix::balanced(100.0) }).unwrap()
    }

    /// The number of each key.
    fn numbers(recency: &Recency, until: u64) -> HashMap<u64, u64> {
        (0..until).map(|number| (recency.order.apply(number), number)).collect()
    }

    #[test]
    fn one_thread_appends_and_reads_by_recency() {
        for theta in [0.5, 0.99, 1.3] {
            let recency = Recency::new(PREFILL, theta, 8, 1);
            let number_of = numbers(&recency, 60_000);
            let mut source = Latest::new(&recency, d(5.0), 0);
            let mut by_rank = vec![0; PREFILL as usize];
            let mut newest = PREFILL;
            let mut block = [(Op::Get, 0); BLOCK];
            for _ in 0..500_000 / BLOCK {
                let seen = newest;
                source.fill(&mut block);
                for (op, key) in block {
                    let number = number_of[&key];
                    if op == Op::Insert {
                        assert_eq!(number, newest, "inserts append");
                        newest += 1;
                    } else {
                        by_rank[(seen - 1 - number) as usize] += 1;
                    }
                }
            }
            assert!((24_000..26_000).contains(&(newest - PREFILL)), "{newest}: 5 % are inserts");
            let mut law: Vec<f64> = (1..=PREFILL).map(|k| (k as f64).powf(-theta)).collect();
            let total: f64 = law.iter().sum();
            law.iter_mut().for_each(|p| *p /= total);
            let z = chi_square_z(&by_rank, &law);
            assert!(z.abs() < 4.0, "θ = {theta}: z = {z:.1}");
        }
    }

    #[test]
    fn the_prefill_is_what_comes_first() {
        let recency = Recency::new(PREFILL, 0.99, 8, 1);
        let prefill: Vec<u64> = prefill_keys(MAX_KEYS, PREFILL, 8).collect();
        let numbered: Vec<u64> = (0..PREFILL).map(|number| recency.order.apply(number)).collect();
        assert_eq!(prefill, numbered);
    }

    /// Threads that take turns at random: nobody reads a key that has not been inserted, and no
    /// key is inserted twice.
    #[test]
    fn no_thread_reads_what_another_has_yet_to_insert() {
        let recency = Recency::new(PREFILL, 0.99, 8, 3);
        let mut there: std::collections::HashSet<u64> =
            prefill_keys(MAX_KEYS, PREFILL, 8).collect();
        let mut streams: Vec<Stream> = (0..3)
            .map(|thread| Stream::new(Box::new(Latest::new(&recency, d(20.0), thread))))
            .collect();
        streams.push(Stream::new(Box::new(Latest::new(&recency, d(0.0), 3))));
        let mut turns = Rng::seed_from_u64(1);
        let mut recent = 0;
        for _ in 0..2000 {
            let word = turns.next_u64();
            // Now and then one gets far ahead.
            let turn = 1 << (word >> 61);
            streams[(word % 4) as usize].for_each(turn, |op, key| {
                if op == Op::Insert {
                    assert!(there.insert(key), "inserted twice");
                    recent += 1;
                } else {
                    assert!(there.contains(&key), "read before it was inserted");
                }
            });
        }
        assert!(recent > 5000, "{recent} inserts");
        let last = recency.numbers.newest();
        assert!(last > PREFILL + recent - 1500, "what is read is new: {last} after {recent}");
    }

    #[test]
    fn neither_do_threads_that_run_at_once() {
        let recency = Recency::new(PREFILL, 0.99, 8, 2);
        let there = Mutex::new(
            prefill_keys(MAX_KEYS, PREFILL, 8).collect::<std::collections::HashSet<_>>(),
        );
        let run = |thread| {
            let mut stream = Stream::new(Box::new(Latest::new(&recency, d(50.0), thread)));
            stream.for_each(100_000, |op, key| {
                let mut there = there.lock().unwrap();
                assert!(if op == Op::Insert { there.insert(key) } else { there.contains(&key) });
            });
        };
        std::thread::scope(|scope| {
            let threads = [0, 1].map(|thread| scope.spawn(move || run(thread)));
            threads.into_iter().for_each(|thread| thread.join().expect("no key is missing"));
        });
    }
}
