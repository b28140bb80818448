//! Where each byte of an arena is.

use std::ops::AddAssign;

/// The bytes of an arena, by what they are used for. Together they are its bound, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Chunks that are taken.
    pub taken: usize,
    /// Chunks of a class's pages that are not taken.
    pub free: usize,
    /// What pages of a class have left over behind their last chunk.
    pub tails: usize,
    /// Pages of no class.
    pub pool: usize,
    /// What is left of the bound, less than a page.
    pub rest: usize,
}

impl Usage {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.taken + self.free + self.tails + self.pool + self.rest
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.taken += other.taken;
        self.free += other.free;
        self.tails += other.tails;
        self.pool += other.pool;
        self.rest += other.rest;
    }
}
