//! What one thread measures by itself: the clock, read-modify-writes of its own line, fences, pauses, branches and
//! the allocator.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::suite::{Measuring, each, sampled};

/// Steps of a chain whose length in cycles is known.
const STEPS: usize = 50_000;
/// Cycles of a step: an exclusive-or and an addition, one each on every core of today.
const CYCLES_OF_STEP: f64 = 2.0;
/// Instructions of other kinds in a batch.
const TIMES: usize = 2_000;
/// Blocks that a batch allocates, or frees.
pub(crate) const BLOCKS: usize = 256;

/// A block of the size of a table's node.
pub(crate) type Block = [u64; 6];

pub(crate) fn measurements() -> Vec<Measuring<'static>> {
    vec![
        Measuring::one(
            "cycle_ns",
            "dependent additions and exclusive-ors, a cycle each",
            |batches| sampled(batches, || each(STEPS, || step(STEPS)) / CYCLES_OF_STEP),
        ),
        Measuring::one(
            "rmw_ns",
            "fetch_add of a line that the core has, one after the other",
            |batches| {
                let word = AtomicU64::new(0);
                sampled(batches, || each(TIMES, || update(&word)))
            },
        ),
        Measuring::one(
            "cas_ns",
            "compare_exchange of a line that the core has, one after the other",
            |batches| {
                let word = AtomicU64::new(0);
                sampled(batches, || each(TIMES, || exchange(&word)))
            },
        ),
        Measuring::one("fence_ns", "a full fence after a load", |batches| {
            let word = AtomicU64::new(0);
            sampled(batches, || each(TIMES, || fences(&word)))
        }),
        Measuring::one("pause_ns", "spin_loop", |batches| {
            sampled(batches, || each(TIMES, || (0..TIMES).for_each(|_| spin_loop())))
        }),
        Measuring::one(
            "mispredict_ns",
            "branches on random bits, less the same branches on one bit",
            |batches| {
                let mut state = 1;
                sampled(batches, || mispredicted(&mut state))
            },
        ),
        Measuring::some(
            [
                ("malloc_ns".to_owned(), "Box::new of 48 bytes"),
                ("free_ns".to_owned(), "drop of such a Box, in the thread that made it"),
            ],
            |batches| Ok(allocations(batches)),
        ),
    ]
}

/// A chain of operations of one cycle each. Their operands are opaque: none is part of its instruction, which some
/// cores do while they rename registers, and the compiler knows no shorter chain.
#[inline(never)]
pub(crate) fn step(steps: usize) {
    let (other, more) = (black_box(0x9E37_79B9_7F4A_7C15_u64), black_box(0xBF58_476D_1CE4_E5B9));
    let mut word = black_box(1_u64);
    for _ in 0..steps {
        word = (word ^ other).wrapping_add(more);
    }
    black_box(word);
}

#[inline(never)]
fn update(word: &AtomicU64) {
    let mut seen = 1;
    for _ in 0..TIMES {
        // Relaxed: no other thread has the word.
        seen = word.fetch_add(seen | 1, Ordering::Relaxed);
    }
    black_box(seen);
}

#[inline(never)]
fn exchange(word: &AtomicU64) {
    // Relaxed: no other thread has the word.
    let first = word.load(Ordering::Relaxed);
    for expected in first..first + TIMES as u64 {
        let (done, not) = (Ordering::Relaxed, Ordering::Relaxed);
        let before = word.compare_exchange(expected, expected + 1, done, not);
        assert_eq!(before, Ok(expected), "nobody else writes the word");
    }
}

#[inline(never)]
fn fences(word: &AtomicU64) {
    for _ in 0..TIMES {
        // Relaxed: no other thread has the word. The load keeps two fences from becoming one.
        black_box(word.load(Ordering::Relaxed));
        fence(Ordering::SeqCst);
    }
}

/// ns of a mispredicted branch: of random bits a half is mispredicted.
fn mispredicted(state: &mut u64) -> f64 {
    let random = each(TIMES, || branches(state, black_box(1 << 40)));
    let quiet = each(TIMES, || branches(state, black_box(0)));
    2.0 * (random - quiet)
}

/// Branches on the bits of `mask` in a sequence that does not repeat. Both ways take as long.
#[inline(never)]
fn branches(state: &mut u64, mask: u64) {
    let mut word = *state;
    for _ in 0..TIMES {
        // xorshift64 (G. Marsaglia, 2003).
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        // What is opaque is not made a conditional move.
        if word & mask == 0 {
            black_box(1_u32);
        } else {
            black_box(2_u32);
        }
    }
    *state = word;
}

/// Allocations and, after all of a batch, frees.
fn allocations(batches: usize) -> Vec<Vec<f64>> {
    let mut blocks: Vec<Box<Block>> = Vec::with_capacity(BLOCKS);
    let (mut malloc, mut free) = (Vec::new(), Vec::new());
    for _ in 0..batches {
        malloc.push(each(BLOCKS, || allocate(&mut blocks)));
        free.push(each(BLOCKS, || blocks.clear()));
    }
    vec![malloc, free]
}

#[expect(clippy::vec_box, reason = "each block is an allocation of its own")]
pub(crate) fn allocate(blocks: &mut Vec<Box<Block>>) {
    (0..BLOCKS).for_each(|block| blocks.push(black_box(Box::new([block as u64; 6]))));
}
