//! Bytes as a sequence of operations.

use super::faults::Fault;
use super::hashing::Hashing;

/// How a table begins, and what is done to it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) table: u8,
    pub(super) capacity: usize,
    pub(super) hashing: Hashing,
    pub(super) ops: Vec<Op>,
}

/// Longer inputs than this say nothing more.
const MOST_OPS: usize = 2_000;

/// What is done to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Get(u64),
    Contains(u64),
    Insert(u64),
    Remove(u64),
    Update(u64),
    Upsert(u64),
    /// Keys from the first on, this many, in these steps.
    GetMany(Run),
    InsertMany(Run),
    /// One by one.
    RemoveMany(Run),
    Iterate,
    /// The fault is planted for the operation that follows.
    Plant(Fault, u8),
    /// From here on the hasher panics at keys with this remainder.
    Poison(Option<(u64, u64)>),
    /// What follows is done between critical sections.
    Unpin,
    Measure,
    Reopen,
    Offline,
    TryInsert(u64),
    TryUpsert(u64),
    Reserve(usize),
    Shrink,
    /// By another handle.
    Other(u64),
    /// The allocator refuses large blocks to the operation that follows, if that can be refused.
    Starve,
}

/// Keys in equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    first: u64,
    len: u64,
    step: u64,
}

impl Run {
    pub(super) fn keys(self) -> impl ExactSizeIterator<Item = u64> + Clone {
        (0..self.len as usize).map(move |i| self.first + i as u64 * self.step)
    }
}

impl Op {
    /// Whether it is done inside of a critical section.
    pub(super) fn is_pinned(self) -> bool {
        !matches!(
            self,
            Self::Unpin
                | Self::Reopen
                | Self::Offline
                | Self::TryInsert(_)
                | Self::TryUpsert(_)
                | Self::Reserve(_)
                | Self::Shrink
                | Self::Other(_)
                | Self::Starve
        )
    }
}

/// Bytes, and zeros after them.
#[derive(Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn key(&mut self) -> u64 {
        u64::from(self.next())
    }

    /// Half of them short, so that runs of keys meet keys by themselves.
    fn run(&mut self) -> Run {
        let (first, len, step) = (self.key(), self.key(), u64::from(self.next()));
        Run { first, len: if step < 128 { len % 8 } else { len }, step: step % 4 }
    }

    /// The operations that the rest of the bytes are.
    pub(super) fn ops(mut self) -> Vec<Op> {
        let mut ops = Vec::new();
        while !self.0.is_empty() && ops.len() < MOST_OPS {
            ops.push(self.op());
        }
        ops
    }

    fn op(&mut self) -> Op {
        match self.next() % 32 {
            0 | 1 => Op::Get(self.key()),
            2 => Op::Contains(self.key()),
            3..=6 => Op::Insert(self.key()),
            7..=9 => Op::Remove(self.key()),
            10 | 11 => Op::Update(self.key()),
            12 | 13 => Op::Upsert(self.key()),
            14 => Op::GetMany(self.run()),
            15 | 16 => Op::InsertMany(self.run()),
            17 => Op::RemoveMany(self.run()),
            18 => Op::Iterate,
            19..=21 => self.plant(),
            22 => self.poison(),
            23 => Op::Unpin,
            24 => Op::Measure,
            25 => Op::Reopen,
            26 => Op::Offline,
            27 => Op::TryInsert(self.key()),
            28 => Op::TryUpsert(self.key()),
            29 => match self.next() {
                0..128 => Op::Shrink,
                size => Op::Reserve(reserved(size)),
            },
            30 => Op::Other(self.key()),
            _ => Op::Starve,
        }
    }

    fn plant(&mut self) -> Op {
        let byte = self.next();
        let fault = Fault::ALL[usize::from(byte) % Fault::ALL.len()];
        // Mostly soon.
        let calls = byte >> 2;
        Op::Plant(fault, if calls < 32 { calls % 4 } else { calls - 32 })
    }

    fn poison(&mut self) -> Op {
        let byte = self.key();
        let modulus = byte % 16;
        Op::Poison((modulus > 1).then(|| (modulus, (byte >> 4) % modulus)))
    }
}

/// A little, or more than there can be.
fn reserved(byte: u8) -> usize {
    let bits = byte % 16;
    1 << if bits < 12 { bits } else { 4 * bits }
}
