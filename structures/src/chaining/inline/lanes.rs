//! Which of a line's keys equal a given one: all compared at once, or one by one.
//!
//! # What the memory model says of a vector's load
//!
//! Keys are [`AtomicU64`]s that writers may be storing to while they are compared, so an ordinary load of
//! them, a vector's too, would be a data race. The vector path loads them by inline assembly, whose
//! meaning to the language is that of some Rust code with the same effect: here, of one relaxed
//! [`AtomicU64::load`] for each of the line's eight words, in any order. The processor keeps to it:
//!
//! * each `movdqa` loads 16 aligned bytes, two whole words. On every processor with AVX it is one atomic
//!   access (Intel, *Software Developer's Manual*, volume 3A, "Guaranteed Atomic Operations"; AMD,
//!   *Architecture Programmer's Manual*, volume 2, "Access Atomicity"); on older ones it is accesses of at
//!   least eight aligned bytes each. So no word is torn;
//! * a load that follows the load of inline-B1 in the program is not done before it, nor one that
//!   precedes that of inline-B3 after it: loads are not reordered with loads on x86-64. The compiler
//!   keeps the assembly between the two, since it is told that the assembly reads memory, and inline-B1
//!   and inline-B2 are acquire operations.
//!
//! Wider vectors would take fewer instructions, but nothing is promised of how those are loaded.
//!
//! The answer is a bit for each word of the line, that of word w at 2 w: SSE2 compares 32 bits at a time,
//! so each word has two answers, and both must be yes. Model checkers, Miri and other processors take
//! the path that loads word by word.

use super::bucket::Keys;
use super::control::SlotSet;
use crate::sync::{AtomicU64, Ordering};

/// The slots whose word equals `key`, empty ones among them.
#[cfg(not(all(target_arch = "x86_64", not(any(loom, shuttle, miri)))))]
pub(super) use self::one_by_one as equal;
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, miri))))]
pub(super) use self::vector::equal;

/// The same, word by word.
#[inline(always)]
#[cfg_attr(
    all(target_arch = "x86_64", not(any(loom, shuttle, miri))),
    allow(dead_code, reason = "what the other path is tested against")
)]
pub(super) fn one_by_one(keys: &Keys, key: u64) -> SlotSet {
    let bit = |(slot, word): (usize, &AtomicU64)| {
        // Relaxed: between inline-B1 and inline-B3 of the control word's protocol.
        u64::from(word.load(Ordering::Relaxed) == key) << (2 * (slot + 1))
    };
    SlotSet::of(keys.words.iter().enumerate().map(bit).fold(0, |all, bit| all | bit))
}

#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, miri))))]
mod vector {
    use core::arch::asm;
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32,
        _mm_set1_epi64x,
    };
    use std::ptr;

    use super::{Keys, SlotSet};

    #[inline(always)]
    pub(in super::super) fn equal(keys: &Keys, key: u64) -> SlotSet {
        // SAFETY: SSE2, here and below: every x86-64 has it.
        let key = unsafe { _mm_set1_epi64x(key.cast_signed()) };
        // SAFETY: SSE2.
        let equal = |two| unsafe { _mm_cmpeq_epi32(two, key) };
        // One by one: `map` of an array is a function that need not be inlined, and where it is not,
        // vectors go through memory to it and back.
        let [first, second, third, fourth] = load(keys);
        // All bits of a half word are set, or none, and so they stay when they become fewer.
        // SAFETY: SSE2.
        let low = unsafe { _mm_packs_epi32(equal(first), equal(second)) };
        // SAFETY: SSE2.
        let high = unsafe { _mm_packs_epi32(equal(third), equal(fourth)) };
        // SAFETY: SSE2.
        let halves = unsafe { _mm_packs_epi16(low, high) };
        // SAFETY: SSE2.
        let halves = unsafe { _mm_movemask_epi8(halves) }.cast_unsigned();
        SlotSet::of(u64::from(halves & halves >> 1))
    }

    /// The eight words of the line, the control word first, two by two: relaxed loads.
    #[inline(always)]
    fn load(keys: &Keys) -> [__m128i; 4] {
        const { assert!(size_of::<Keys>() == 64 && align_of::<Keys>() == 64, "a line of words") };
        let (first, second, third, fourth);
        // SAFETY: the assembly reads the 64 bytes of `keys`, aligned, and does nothing else. They are
        // all atomics, and reading them so is relaxed loads: see the module.
        unsafe {
            asm!(
                "movdqa {first}, [{line}]",
                "movdqa {second}, [{line} + 16]",
                "movdqa {third}, [{line} + 32]",
                "movdqa {fourth}, [{line} + 48]",
                line = in(reg) ptr::from_ref(keys),
                first = out(xmm_reg) first,
                second = out(xmm_reg) second,
                third = out(xmm_reg) third,
                fourth = out(xmm_reg) fourth,
                options(readonly, nostack, preserves_flags)
            );
        }
        [first, second, third, fourth]
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::control::SLOTS;
    use super::*;

    /// Each content of each slot, of few that differ in one half or the other, with each sought; the
    /// control word has one of them as well.
    #[test]
    fn both_paths_give_the_same_slots() {
        let words = [0, 7, 7 << 32, 7 << 32 | 7, u64::MAX];
        let keys = Keys::default();
        let mut found = 0;
        for content in 0..words.len().pow(SLOTS as u32) {
            let of = |slot: usize| words[content / words.len().pow(slot as u32) % words.len()];
            keys.words.iter().enumerate().for_each(|(slot, word)| {
                word.store(of(slot), Ordering::Relaxed);
            });
            keys.control.word().store(words[content % words.len()], Ordering::Relaxed);
            for sought in words {
                let slots = equal(&keys, sought);
                let expected = (0..SLOTS).filter(|slot| of(*slot) == sought);
                assert!(slots.iter().map(|slot| slot.index()).eq(expected), "{sought} of {keys:?}");
                assert_eq!(slots, one_by_one(&keys, sought), "{sought} of {keys:?}");
                found += slots.iter().count();
            }
        }
        assert_eq!(found, SLOTS * words.len().pow(SLOTS as u32));
    }

    /// One key in one slot, the others like it but for one bit, each bit in turn.
    #[test]
    fn each_bit_of_a_key_counts() {
        let keys = Keys::default();
        for bit in 0..64 {
            for (slot, word) in keys.words.iter().enumerate() {
                let sought = 0x0123_4567_89AB_CDEF;
                for other in &keys.words {
                    other.store(sought ^ 1 << bit, Ordering::Relaxed);
                }
                assert!(equal(&keys, sought).is_empty() && one_by_one(&keys, sought).is_empty());
                word.store(sought, Ordering::Relaxed);
                for slots in [equal(&keys, sought), one_by_one(&keys, sought)] {
                    assert!(slots.iter().map(|slot| slot.index()).eq([slot]), "bit {bit}");
                    assert_eq!(slots.first_or_last().index(), slot);
                }
            }
        }
    }
}
