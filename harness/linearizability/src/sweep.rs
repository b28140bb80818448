//! Decides whether the history of one key is linearizable.
//!
//! G. Lowe, *Testing for linearizability*, Concurrency and Computation: Practice and Experience
//! 29(4), 2017, section "just-in-time linearization", after J. Wing and C. Gong, *Testing and
//! verifying concurrent objects*, 1993. By locality (M. Herlihy, J. Wing, 1990) a map's history is
//! linearizable if and only if each key's is.
//!
//! The sweep passes through invocations and returns in the order of time. It holds every
//! **configuration** that is consistent with what has been seen: the key's state, and which of the
//! pending operations have taken effect already. An operation takes effect as late as possible:
//! at a return, a configuration in which the returning operation has not taken effect is replaced
//! by all those that some sequence of pending operations, this one the last, leads to. If none is
//! left, no order explains the answers.
//!
//! Two things keep the set small:
//!
//! * An operation that leaves the state as it is takes effect as soon as its answer fits: nothing
//!   that can follow is lost by it.
//! * Values are unique and every operation that replaces a value returns it, so that mostly one
//!   pending operation at most fits a state.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use crate::history::{TimedOp, Transition};

/// Configurations that may be looked at for one history before the sweep gives up.
pub const BUDGET: u64 = 4_000_000;

/// Operations that can be pending at one time: bits of a configuration's mask.
pub const MAX_PENDING: usize = u64::BITS as usize;

/// What the sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is an order.
    Linearizable,
    /// There is none.
    Stuck(Stuck),
    /// The budget was spent, or more than [`MAX_PENDING`] operations were pending at a time.
    Unknown,
}

/// Where a sweep found no configuration left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The operation at whose return the sweep got stuck.
    pub op: usize,
    /// The states that the key could have been in before that return.
    pub possible: Vec<Option<u64>>,
    /// The last operation before which no other was pending and only one state was possible.
    pub start: usize,
    /// The one state that was possible before the operation `start`.
    pub initial: Option<u64>,
}

/// Checks a history, sorted by invocation, of a key that begins in the state `initial`. An
/// operation comes before another if it returned at an earlier time than the other was invoked;
/// equal times overlap.
#[must_use]
pub fn check(initial: Option<u64>, ops: &[TimedOp], budget: u64) -> Decision {
    sweep(Sweep::new(initial, ops.len(), budget), initial, ops)
}

/// Checks a history, sorted by invocation, of a key of a cache: between operations it may become absent,
/// at any moment. It begins absent.
///
/// A cache writes without a look at what was there, and so does an insertion that succeeds, before which the
/// key may have become absent. It is how such a write is told.
#[must_use]
pub fn check_cache(ops: &[TimedOp], budget: u64) -> Decision {
    sweep(Sweep { loses: true, ..Sweep::new(None, ops.len(), budget) }, None, ops)
}

fn sweep(mut sweep: Sweep, initial: Option<u64>, ops: &[TimedOp]) -> Decision {
    debug_assert!(ops.is_sorted_by_key(|op| op.invoked), "the history is not sorted");
    let mut by_return: Vec<usize> = (0..ops.len()).filter(|&op| !ops[op].is_pending()).collect();
    by_return.sort_by_key(|&op| ops[op].returned);
    let (mut start, mut certain) = (0, initial);
    let mut invoked = 0;
    for op in by_return {
        while invoked < ops.len() && ops[invoked].invoked <= ops[op].returned {
            if let Some(state) = sweep.certainty() {
                (start, certain) = (invoked, state);
            }
            if !sweep.invoke(ops[invoked].call.step()) {
                return Decision::Unknown;
            }
            invoked += 1;
        }
        match sweep.respond(op) {
            Advance::Done => {}
            Advance::Spent => return Decision::Unknown,
            Advance::Stuck => {
                let possible = sweep.possible();
                return Decision::Stuck(Stuck { op, possible, start, initial: certain });
            }
        }
    }
    Decision::Linearizable
}

/// A state that the key may be in, and the slots of the pending operations that have led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Config {
    state: Option<u64>,
    done: u64,
}

enum Advance {
    Done,
    Stuck,
    Spent,
}

struct Sweep {
    /// All different.
    configs: Vec<Config>,
    /// Every configuration reached at the current return.
    seen: HashSet<Config, FixedState>,
    /// The slot of each operation invoked so far.
    slots: Vec<u32>,
    /// What the operation in each pending slot needs and does.
    steps: [Transition; MAX_PENDING],
    /// The slots in use, a bit for each.
    pending: u64,
    /// Those slots in use whose operation leaves the state as it is.
    keeping: u64,
    /// Whether the key may become absent between operations.
    loses: bool,
    budget: u64,
}

impl Sweep {
    fn new(initial: Option<u64>, ops: usize, budget: u64) -> Self {
        let unused = Transition { need: crate::history::Need::Never, sets: None };
        Self {
            configs: vec![Config { state: initial, done: 0 }],
            seen: HashSet::default(),
            slots: Vec::with_capacity(ops),
            steps: [unused; MAX_PENDING],
            pending: 0,
            keeping: 0,
            loses: false,
            budget,
        }
    }

    /// The key's state, if nothing is pending and only one is possible.
    fn certainty(&self) -> Option<Option<u64>> {
        match self.configs[..] {
            [config] if self.pending == 0 => Some(config.state),
            _ => None,
        }
    }

    /// The next operation begins; false if too many are pending.
    fn invoke(&mut self, step: Transition) -> bool {
        let slot = self.pending.trailing_ones();
        if slot == u64::BITS {
            return false;
        }
        self.slots.push(slot);
        self.steps[slot as usize] = step;
        self.pending |= 1 << slot;
        if step.sets.is_none() {
            self.keeping |= 1 << slot;
            for config in &mut self.configs {
                config.done |= u64::from(step.need.is_met_by(config.state)) << slot;
            }
        }
        true
    }

    /// The operation returns: from here on it has taken effect.
    fn respond(&mut self, op: usize) -> Advance {
        let bit = 1 << self.slots[op];
        if self.configs.iter().any(|config| config.done & bit == 0) {
            match self.linearize(bit) {
                Some(reached) if reached.is_empty() => return Advance::Stuck,
                Some(reached) => self.configs = reached,
                None => return Advance::Spent,
            }
        }
        self.configs.iter_mut().for_each(|config| config.done &= !bit);
        self.pending &= !bit;
        self.keeping &= !bit;
        Advance::Done
    }

    /// The configurations reached when the operation of the slot `bit` has just taken effect;
    /// `None` if the budget is spent.
    fn linearize(&mut self, bit: u64) -> Option<Vec<Config>> {
        self.seen.clear();
        self.seen.extend(&self.configs);
        let mut stack = self.configs.clone();
        let mut reached = Vec::new();
        while let Some(config) = stack.pop() {
            if config.done & bit != 0 {
                reached.push(config);
                continue;
            }
            self.budget = self.budget.checked_sub(1)?;
            if self.loses {
                let lost = self.in_state(None, config.done);
                if self.seen.insert(lost) {
                    stack.push(lost);
                }
            }
            for slot in bits(self.pending & !self.keeping & !config.done) {
                if let Some(next) = self.after(config, slot)
                    && self.seen.insert(next)
                {
                    stack.push(next);
                }
            }
        }
        Some(reached)
    }

    /// `config` after the operation in `slot`, which changes the state.
    fn after(&self, config: Config, slot: usize) -> Option<Config> {
        let Transition { need, sets } = self.steps[slot];
        if !need.is_met_by(config.state) {
            return None;
        }
        Some(self.in_state(sets?, config.done | 1 << slot))
    }

    /// A configuration in which the state is new, after all those that keep it.
    fn in_state(&self, state: Option<u64>, mut done: u64) -> Config {
        for keeper in bits(self.keeping & !done) {
            done |= u64::from(self.steps[keeper].need.is_met_by(state)) << keeper;
        }
        Config { state, done }
    }

    /// The states reached at the return that was the last to be looked at.
    fn possible(&self) -> Vec<Option<u64>> {
        let mut states: Vec<_> = self.seen.iter().map(|config| config.state).collect();
        states.sort_unstable();
        states.dedup();
        states
    }
}

/// The positions of the bits that are set.
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = mask.trailing_zeros();
        mask &= mask.checked_sub(1)?;
        Some(lowest as usize)
    })
}
