//! Byte strings in words.
//!
//! An arena's words are atomics, so that a reader may copy an item while another thread overwrites it: the
//! copy is then useless, but there is no undefined behaviour. All accesses are relaxed. The store orders
//! reads and writes, by its mutex, or by a version that is validated.

use std::array;

use crate::sync::{AtomicU64, Ordering};

/// Bytes of a word.
pub(crate) const WORD: usize = 8;

/// Words that are copied at a time. In models there are few, and each load is one that is explored.
const BLOCK: usize = if cfg!(loom) { 1 } else { 4 };

/// Writes byte strings one after the other, word by word.
#[derive(Debug)]
pub(crate) struct WordWriter<'w> {
    words: &'w [AtomicU64],
    /// The word that comes next.
    next: usize,
    /// Its first bytes.
    pending: u64,
    /// How many of them there are: below 8.
    filled: usize,
}

impl<'w> WordWriter<'w> {
    pub(crate) fn new(words: &'w [AtomicU64]) -> Self {
        Self { words, next: 0, pending: 0, filled: 0 }
    }

    /// Appends `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<WORD>();
        if self.filled == 0 {
            // Mostly a word begins here.
            let end = self.next + whole.len();
            for (place, bytes) in self.words[self.next..end].iter().zip(whole) {
                store(place, u64::from_le_bytes(*bytes));
            }
            self.next = end;
        } else {
            whole.iter().for_each(|bytes| self.push_part(u64::from_le_bytes(*bytes), WORD));
        }
        if !rest.is_empty() {
            self.push_part(word(rest), rest.len());
        }
    }

    /// Appends the first `bytes` bytes of `value`, of which the others are 0.
    fn push_part(&mut self, value: u64, bytes: usize) {
        self.pending |= value << (8 * self.filled);
        let all = self.filled + bytes;
        if all < WORD {
            self.filled = all;
            return;
        }
        store(&self.words[self.next], self.pending);
        self.next += 1;
        self.pending = if self.filled == 0 { 0 } else { value >> (8 * (WORD - self.filled)) };
        self.filled = all - WORD;
    }

    /// Writes what is left of the last word.
    pub(crate) fn finish(self) {
        if self.filled > 0 {
            store(&self.words[self.next], self.pending);
        }
    }
}

/// A word of at most eight bytes; the others are 0.
fn word(bytes: &[u8]) -> u64 {
    let mut all = [0; WORD];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

#[inline(always)]
pub(crate) fn load(word: &AtomicU64) -> u64 {
    // Relaxed: see the head of this file.
    word.load(Ordering::Relaxed)
}

#[inline(always)]
pub(crate) fn store(word: &AtomicU64, value: u64) {
    // Relaxed: see the head of this file.
    word.store(value, Ordering::Relaxed);
}

/// Where byte `at` is: the word, and the bits of it that come before.
#[inline(always)]
fn place(at: usize) -> (usize, u32) {
    (at / WORD, 8 * (at % WORD) as u32)
}

/// The eight bytes from byte `at` on; those beyond the last word are 0.
#[inline(always)]
fn load_at(words: &[AtomicU64], at: usize) -> u64 {
    let (index, shift) = place(at);
    let low = load(&words[index]) >> shift;
    if shift == 0 {
        return low;
    }
    low | words.get(index + 1).map_or(0, load) << (u64::BITS - shift)
}

/// Whether `bytes` are what is there from byte `at` on.
#[inline(always)]
pub(crate) fn are(words: &[AtomicU64], at: usize, bytes: &[u8]) -> bool {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let are_whole = match (place(at), whole.len()) {
        // Mostly it begins a word.
        ((index, 0), count) => {
            let theirs = words.get(index..index + count).unwrap_or_default();
            let mut pairs = whole.iter().zip(theirs);
            theirs.len() == count
                && pairs.all(|(own, other)| u64::from_le_bytes(*own) == load(other))
        }
        _ => (at..)
            .step_by(WORD)
            .zip(whole)
            .all(|(at, own)| load_at(words, at) == u64::from_le_bytes(*own)),
    };
    if rest.is_empty() || !are_whole {
        return are_whole;
    }
    let at = at + size_of_val(whole);
    (load_at(words, at) ^ word(rest)) << (8 * (WORD - rest.len())) == 0
}

/// Copies what is there from byte `at` on to `out`.
#[inline]
pub(crate) fn copy(words: &[AtomicU64], at: usize, out: &mut [[u8; WORD]]) {
    for (at, bytes) in (at..).step_by(WORD).zip(out) {
        *bytes = load_at(words, at).to_le_bytes();
    }
}

/// Appends the `len` bytes from byte `at` on to `out`.
#[inline(always)]
pub(crate) fn append(words: &[AtomicU64], at: usize, len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    out.reserve(len.next_multiple_of(BLOCK * WORD));
    let (first, shift) = place(at);
    // In whole blocks, without regard to what is behind the last byte: that is cut off.
    for block in (0..len.div_ceil(WORD)).step_by(BLOCK) {
        out.extend_from_slice(block_at(words, first + block, shift).as_flattened());
    }
    out.truncate(end);
}

/// The words from `index` on, each without its first `shift` bits, and with those of the next; beyond the last word
/// there are zeros.
#[inline(always)]
fn block_at(words: &[AtomicU64], index: usize, shift: u32) -> [[u8; WORD]; BLOCK] {
    if shift == 0 {
        return match words.get(index..index + BLOCK) {
            Some(all) => array::from_fn(|i| load(&all[i]).to_le_bytes()),
            None => array::from_fn(|i| words.get(index + i).map_or(0, load).to_le_bytes()),
        };
    }
    let mut next = words.get(index).map_or(0, load);
    array::from_fn(|i| {
        let low = next >> shift;
        next = words.get(index + i + 1).map_or(0, load);
        (low | next << (u64::BITS - shift)).to_le_bytes()
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Words that were full of other bytes.
    fn written(pieces: &[&[u8]]) -> Vec<AtomicU64> {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        let words: Vec<_> = (0..bytes.div_ceil(WORD)).map(|_| AtomicU64::new(u64::MAX)).collect();
        let mut writer = WordWriter::new(&words);
        pieces.iter().for_each(|piece| writer.push(piece));
        writer.finish();
        words
    }

    #[test]
    fn what_is_written_is_read_at_every_offset() {
        let bytes: Vec<u8> = (1..160).collect();
        for first in 0..20 {
            for second in first..bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let words = written(&pieces);
                let mut at = 0;
                for piece in pieces {
                    let mut out = vec![9];
                    append(&words, at, piece.len(), &mut out);
                    assert_eq!(out[1..], *piece);
                    assert!(are(&words, at, piece));
                    let mut room = [[9; WORD]; 20];
                    copy(&words, at, &mut room[..piece.len().div_ceil(WORD)]);
                    assert_eq!(room.as_flattened()[..piece.len()], *piece);
                    at += piece.len();
                }
            }
        }
    }

    #[test]
    fn one_other_byte_is_seen() {
        let bytes: Vec<u8> = (1..40).collect();
        let words = written(&[&bytes]);
        for at in 0..16 {
            for len in 1..20 {
                for changed in 0..len {
                    let mut other = bytes[at..at + len].to_vec();
                    other[changed] ^= 0x80;
                    assert!(!are(&words, at, &other), "byte {changed} of {len} at {at}");
                }
            }
        }
    }
}
