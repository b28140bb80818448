//! What cores spend their cycles on.

/// What a cycle of a core went to. Each cycle goes to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Instructions that wait for nothing.
    Work,
    /// Mispredicted branches.
    Branches,
    /// Read-modify-writes of lines that are there, and fences.
    Atomics,
    /// Waiting for a cache: the core's own, or its socket's last.
    Caches,
    /// For memory.
    Memory,
    /// Until others had given up a line that the core had too, or that came to it sooner.
    Upgrades,
    /// For a line that another core of the socket had written.
    Near,
    /// For another socket.
    Far,
    /// Until a line had been handed over to others that had asked before.
    Queued,
    /// Turns of loops that wait.
    Pauses,
    /// System calls, and sleep.
    System,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 11] = [
        Self::Work,
        Self::Branches,
        Self::Atomics,
        Self::Caches,
        Self::Memory,
        Self::Upgrades,
        Self::Near,
        Self::Far,
        Self::Queued,
        Self::Pauses,
        Self::System,
    ];
}

/// A cycle stack: so many cycles went to each [`Part`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CycleStack([u64; Part::ALL.len()]);

impl CycleStack {
    /// The cycles that went to `part`.
    #[must_use]
    pub fn of(&self, part: Part) -> u64 {
        self.0[part as usize]
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// So many more went to `part`.
    pub(crate) fn add(&mut self, part: Part, cycles: u64) {
        self.0[part as usize] += cycles;
    }

    /// What went where since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self(std::array::from_fn(|part| self.0[part] - before.0[part]))
    }
}

impl<'s> std::iter::Sum<&'s Self> for CycleStack {
    fn sum<I: Iterator<Item = &'s Self>>(stacks: I) -> Self {
        let add = |sum: Self, stack: &Self| Self(std::array::from_fn(|i| sum.0[i] + stack.0[i]));
        stacks.fold(Self::default(), add)
    }
}
