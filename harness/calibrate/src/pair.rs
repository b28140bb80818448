//! What two threads measure, each on a CPU of its own: lines that are dirty in the other's caches, lines that
//! both want, and blocks that the other has allocated.

use std::hint::{black_box, spin_loop};
use std::sync::Mutex;
use std::sync::atomic::{Ordering, fence};
use std::thread;
use std::time::Instant;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use trials::pin::Cpus;

use crate::alone::{BLOCKS, Block, allocate};
use crate::chain::{Chain, ChainLine, SPACING};
use crate::place::Pair;
use crate::suite::{Measuring, each};

/// Lines that are dirty in the other's caches: few enough for any first cache.
const LINES: usize = 128;
/// Hand-overs of a batch.
const HAND_OVERS: usize = 500;
/// Updates of each thread in a batch of updates of one line.
const UPDATES: usize = 4_000;

/// What is done to a line that is dirty in another core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// A load, whose address is what the one before has loaded.
    Load,
    /// A load, whose address is known.
    LoadIndependent,
    /// A store, whose address is known.
    StoreIndependent,
    /// `fetch_add`; its address is what the one before has returned.
    Rmw,
    /// `fetch_add`; its address is known.
    RmwIndependent,
    /// `compare_exchange`, which fails; its address is what the one before has found.
    Cas,
    /// `compare_exchange` with what was just loaded; its address is known.
    CasIndependent,
}

impl Access {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Load, "load_ns", "lines that another core has written, by loads in a chain"),
        (
            Self::LoadIndependent,
            "load_independent_ns",
            "lines that another core has written, by loads that depend on nothing",
        ),
        (
            Self::StoreIndependent,
            "store_independent_ns",
            "lines that another core has written, by stores that depend on nothing",
        ),
        (Self::Rmw, "rmw_ns", "lines that another core has written, by fetch_add in a chain"),
        (
            Self::RmwIndependent,
            "rmw_independent_ns",
            "lines that another core has written, by fetch_add that depends on nothing",
        ),
        (
            Self::Cas,
            "cas_ns",
            "lines that another core has written, by compare_exchange in a chain",
        ),
        (
            Self::CasIndependent,
            "cas_independent_ns",
            "lines that another core has written, by compare_exchange after a load, that depend on nothing",
        ),
    ];

    /// Does it to each linked line once; `order` is their order.
    #[inline(never)]
    fn each_line(self, chain: &Chain, order: &[usize]) {
        // Relaxed throughout: the owner of the lines has told by Release that it is done with them.
        let marks = order.iter().map(|at| &chain.line(*at).mark);
        match self {
            Self::Load => {
                black_box(chain.chase(chain.first(), chain.linked()));
            }
            Self::LoadIndependent => {
                black_box(marks.map(|mark| mark.load(Ordering::Relaxed)).fold(0, |a, b| a ^ b));
            }
            Self::StoreIndependent => {
                marks.for_each(|mark| mark.store(1, Ordering::Relaxed));
                // Until all of them have left the store buffer.
                fence(Ordering::SeqCst);
            }
            Self::Rmw => {
                // Opaque: that nothing is added would make a load of it.
                let nothing = black_box(0);
                let next = |at: usize, _| chain.line(at).next.fetch_add(nothing, Ordering::Relaxed);
                black_box(order.iter().fold(chain.first(), next));
            }
            Self::RmwIndependent => {
                let before = marks.map(|mark| mark.fetch_add(1, Ordering::Relaxed));
                black_box(before.fold(0, |a, b| a ^ b));
            }
            Self::Cas => {
                let next = |at: usize, _| {
                    let next = &chain.line(at).next;
                    let found =
                        next.compare_exchange(usize::MAX, 0, Ordering::Relaxed, Ordering::Relaxed);
                    found.expect_err("no line has that number")
                };
                black_box(order.iter().fold(chain.first(), next));
            }
            Self::CasIndependent => marks.for_each(|mark| {
                let seen = mark.load(Ordering::Relaxed);
                let new = seen.wrapping_add(1);
                let done = mark.compare_exchange(seen, new, Ordering::Relaxed, Ordering::Relaxed);
                debug_assert_eq!(done, Ok(seen), "the owner waits");
            }),
        }
    }
}

/// All measurements of a pair of CPUs. The names begin with `prefix`.
pub(crate) fn measurements<'a>(cpus: &'a Cpus, pair: Pair, prefix: &str) -> Vec<Measuring<'a>> {
    let named = |name: &str| format!("{prefix}_{name}");
    let mut all: Vec<Measuring<'a>> = Access::ALL
        .into_iter()
        .map(|(access, name, how)| {
            Measuring::one(named(name), how, move |batches| dirty(cpus, pair, batches, access))
        })
        .collect();
    all.push(Measuring::one(
        named("hand_over_ns"),
        "a word that two cores write in turn, one way",
        move |batches| hand_overs(cpus, pair, batches),
    ));
    all.push(Measuring::one(
        named("contended_rmw_ns"),
        "fetch_add of one line by two cores at once, each of all their updates",
        move |batches| contended(cpus, pair, batches),
    ));
    all.push(Measuring::one(
        named("remote_free_ns"),
        "drop of a Box of 48 bytes that another thread has made",
        move |batches| remote_frees(cpus, pair, batches),
    ));
    all
}

/// Lines that one thread writes, and the other then accesses: ns of each.
fn dirty(cpus: &Cpus, pair: Pair, batches: usize, access: Access) -> anyhow::Result<Vec<f64>> {
    let bytes = LINES * SPACING * size_of::<ChainLine>();
    let mut chain = Chain::new(bytes)?;
    chain.link(0, bytes, &mut Xoshiro256PlusPlus::seed_from_u64(1));
    let order = chain.order();
    let write = |batch| {
        // Relaxed: the turn's Release tells of them.
        order.iter().for_each(|at| chain.line(*at).mark.store(batch, Ordering::Relaxed));
    };
    let measure = || each(chain.linked(), || access.each_line(&chain, &order));
    in_turn(cpus, pair, batches, write, measure)
}

/// Blocks that one thread allocates, and the other frees: ns of each free.
fn remote_frees(cpus: &Cpus, pair: Pair, batches: usize) -> anyhow::Result<Vec<f64>> {
    let blocks: Mutex<Vec<Box<Block>>> = Mutex::new(Vec::with_capacity(BLOCKS));
    let make = |_| allocate(&mut blocks.lock().expect("no batch panics"));
    let free = || {
        let mut blocks = blocks.lock().expect("no batch panics");
        each(BLOCKS, || blocks.clear())
    };
    in_turn(cpus, pair, batches, make, free)
}

/// What [`turns`] measures, of batches at whose end the thread that had prepared them ran: where another program has
/// had its CPU meanwhile, its lines are no longer in its caches.
fn in_turn(
    cpus: &Cpus,
    pair: Pair,
    batches: usize,
    prepare: impl Fn(usize) + Sync,
    measure: impl Fn() -> f64 + Sync,
) -> anyhow::Result<Vec<f64>> {
    let measured = turns(cpus, pair, batches, prepare, measure)?;
    Ok(measured.into_iter().filter_map(|(ns, other_ran)| other_ran.then_some(ns)).collect())
}

/// Looks at what the other thread writes all the time that it runs, which it does several times meanwhile.
const LOOKS: usize = 1_000;

/// Two threads, on the CPUs of `pair`, take turns: for each batch the second prepares, then the first measures, and
/// sees whether the second runs. The first batch does not count.
fn turns(
    cpus: &Cpus,
    pair: Pair,
    batches: usize,
    prepare: impl Fn(usize) + Sync,
    measure: impl Fn() -> f64 + Sync,
) -> anyhow::Result<Vec<(f64, bool)>> {
    let (turn, beat) = (ChainLine::default(), ChainLine::default());
    let (turn, beat) = (&turn.mark, &beat.mark);
    let ((first, mut measured), second) = thread::scope(|scope| {
        let preparing = scope.spawn(|| {
            let bound = cpus.bind(pair.second);
            for batch in 0..=batches {
                prepare(batch);
                // Release: pairs with the Acquire of who measures: all is prepared.
                turn.store(2 * batch + 1, Ordering::Release);
                wait_until(|| {
                    // Relaxed: that it changes is all that is looked for.
                    beat.fetch_add(1, Ordering::Relaxed);
                    // Acquire: pairs with the Release below: the batch has been measured.
                    turn.load(Ordering::Acquire) == 2 * batch + 2
                });
            }
            bound
        });
        let measuring = scope.spawn(|| {
            let bound = cpus.bind(pair.first);
            let measure = |batch| {
                // Acquire: pairs with the Release of who prepares.
                wait_until(|| turn.load(Ordering::Acquire) == 2 * batch + 1);
                let measured = measure();
                let seen = beat.load(Ordering::Relaxed);
                let other_ran = (0..LOOKS).any(|_| beat.load(Ordering::Relaxed) != seen);
                // Release: pairs with the Acquire of who prepares.
                turn.store(2 * batch + 2, Ordering::Release);
                (measured, other_ran)
            };
            let measured: Vec<(f64, bool)> = (0..=batches).map(measure).collect();
            (bound, measured)
        });
        let measured = measuring.join().expect("no batch panics");
        (measured, preparing.join().expect("no batch panics"))
    });
    first?;
    second?;
    measured.remove(0);
    Ok(measured)
}

/// A word that two threads write in turn: ns from one's store until the other has seen it.
fn hand_overs(cpus: &Cpus, pair: Pair, batches: usize) -> anyhow::Result<Vec<f64>> {
    let word = ChainLine::default();
    let word = &word.mark;
    let hand_over = |from: usize| {
        // Acquire and Release: each pairs with the other thread's, though nothing else is told.
        wait_until(|| word.load(Ordering::Acquire) == from);
        word.store(from + 1, Ordering::Release);
    };
    let ((first, measured), second) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let bound = cpus.bind(pair.second);
            (0..batches * HAND_OVERS).for_each(|turn| hand_over(2 * turn + 1));
            bound
        });
        let measuring = scope.spawn(|| {
            let bound = cpus.bind(pair.first);
            let batch = |batch: usize| {
                let turns = batch * HAND_OVERS..(batch + 1) * HAND_OVERS;
                // Of each turn both ways.
                each(2 * HAND_OVERS, || turns.for_each(|turn| hand_over(2 * turn)))
            };
            (bound, (0..batches).map(batch).collect())
        });
        let measured = measuring.join().expect("no batch panics");
        (measured, other.join().expect("no batch panics"))
    });
    first?;
    second?;
    Ok(measured)
}

/// When a thread began and ended a batch.
type Span = (Instant, Instant);

/// Updates of one line by two threads at once: ns of each, of batches in which both ran.
fn contended(cpus: &Cpus, pair: Pair, batches: usize) -> anyhow::Result<Vec<f64>> {
    let (arrived, contended) = (ChainLine::default(), ChainLine::default());
    let update = |batch: usize| {
        arrived.mark.fetch_add(1, Ordering::AcqRel);
        // Acquire: pairs with the other's fetch_add: it has come to this batch.
        wait_until(|| arrived.mark.load(Ordering::Acquire) >= 2 * (batch + 1));
        let began = Instant::now();
        // Relaxed: nobody reads the word.
        for _ in 0..UPDATES {
            black_box(contended.mark.fetch_add(1, Ordering::Relaxed));
        }
        (began, Instant::now())
    };
    let thread = |cpu: usize| {
        let bound = cpus.bind(cpu);
        (bound, (0..batches).map(update).collect::<Vec<Span>>())
    };
    let ((first, begun), (second, others)) = thread::scope(|scope| {
        let other = scope.spawn(|| thread(pair.second));
        let own = scope.spawn(|| thread(pair.first));
        (own.join().expect("no batch panics"), other.join().expect("no batch panics"))
    });
    first?;
    second?;
    let both = begun.into_iter().zip(others).filter_map(|(one, other)| side_by_side(one, other));
    Ok(both.collect())
}

/// ns of an update, if two threads made theirs at the same time for all but a fifth of the time.
fn side_by_side(one: Span, other: Span) -> Option<f64> {
    let all = one.1.max(other.1).duration_since(one.0.min(other.0)).as_nanos() as f64;
    let both = one.1.min(other.1).saturating_duration_since(one.0.max(other.0)).as_nanos() as f64;
    (both >= 0.8 * all).then_some(all / (2 * UPDATES) as f64)
}

/// Looks until it is so; now and then another thread may have the CPU, in case it is the one that is waited for.
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    let mut looks = 0_u32;
    while !is_so() {
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(4096) { thread::yield_now() } else { spin_loop() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use proptest::prelude::*;
    use virtual_cores::LINE;

    use super::*;

    /// Two CPUs, or twice the one that there is.
    fn two() -> (Cpus, Pair) {
        let cpus = Cpus::allowed().expect("the system tells");
        let second = cpus.len() - 1;
        (cpus, Pair { first: 0, second })
    }

    /// Each thread is on its CPU, and for each batch one prepares before the other measures; the first batch does
    /// not count. What is seen is judged afterwards: a thread that stops would leave the other waiting.
    #[test]
    fn threads_take_turns_on_their_cpus() {
        let (cpus, pair) = two();
        let seen = Mutex::new(Vec::new());
        let see = |what: &'static str| {
            let here = Cpus::allowed().expect("the system tells");
            seen.lock().expect("nobody panics").push((what, here.numbers().to_vec()));
        };
        let measured = AtomicUsize::new(0);
        let prepare = |_| see("prepares");
        let measure = || {
            see("measures");
            measured.fetch_add(1, Ordering::SeqCst) as f64
        };
        let batches = turns(&cpus, pair, 5, prepare, measure).expect("it may bind");
        let batches: Vec<f64> = batches.into_iter().map(|(batch, _)| batch).collect();
        assert_eq!(batches, [1.0, 2.0, 3.0, 4.0, 5.0]);
        let [first, second] = [pair.first, pair.second].map(|cpu| vec![cpus.numbers()[cpu]]);
        let turn = [("prepares", second), ("measures", first)];
        assert_eq!(seen.into_inner().expect("nobody panics"), vec![turn; 6].concat());
    }

    /// Whatever is done to lines is done to each once, and the chain stays what it is.
    #[test]
    fn every_line_is_accessed_once() {
        let mut chain = Chain::new(LINES * 2 * LINE).expect("there is memory");
        chain.link(0, LINES * LINE, &mut Xoshiro256PlusPlus::seed_from_u64(3));
        let order = chain.order();
        for (access, name, _) in Access::ALL {
            order.iter().for_each(|at| chain.line(*at).mark.store(0, Ordering::Relaxed));
            access.each_line(&chain, &order);
            let writes = name.contains("independent") && access != Access::LoadIndependent;
            for at in 0..2 * LINES {
                let mark = chain.line(at).mark.load(Ordering::Relaxed);
                let expected = usize::from(writes && order.contains(&at));
                assert_eq!(mark, expected, "{access:?}, line {at}");
            }
            assert_eq!(chain.order(), order, "{access:?}");
        }
    }

    #[test]
    fn words_are_handed_over_and_contended() {
        let (cpus, pair) = two();
        let all = hand_overs(&cpus, pair, 3).expect("it may bind");
        assert_eq!(all.len(), 3);
        let both = contended(&cpus, pair, 3).expect("it may bind");
        assert!(both.len() <= 3 && both.iter().all(|ns| *ns > 0.0), "{both:?}");
        assert!(remote_frees(&cpus, pair, 3).expect("it may bind").len() <= 3);
    }

    proptest! {
        /// Batches count in which both threads ran, all but a fifth of the time.
        #[test]
        fn batches_apart_do_not_count(length in 1000_u64..1_000_000, late in 0_u64..2_000_000) {
            let start = Instant::now();
            let at = |ns: u64| start + Duration::from_nanos(ns);
            let (one, other) = ((at(0), at(length)), (at(late), at(late + length)));
            let told = side_by_side(one, other);
            prop_assert_eq!(told, side_by_side(other, one));
            let (all, both) = ((length + late) as f64, length.saturating_sub(late) as f64);
            prop_assert_eq!(told.is_some(), both >= 0.8 * all);
            if let Some(ns) = told {
                prop_assert!((ns * 2.0 * UPDATES as f64 - all).abs() < 1.0);
            }
        }
    }
}
