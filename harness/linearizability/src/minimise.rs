//! Makes a history that is not linearizable small, so that what is left still proves it.
//!
//! An operation must not simply be left out: a read whose write is missing looks wrong and need
//! not be. Each step here has the property that **if the history was linearizable, what is left
//! is**; so if what is left is not, the history was not. Let L be an order that explains the
//! history.
//!
//! * **Cut the end.** After the return at which the sweep got stuck, nothing counts. Operations
//!   that had begun and not returned by then may have taken effect or not. (What was invoked later
//!   comes in L after all that had returned by then.)
//! * **Cut the beginning.** Where no operation was pending and only one state was possible, the
//!   history can begin in that state.
//! * **Leave out an operation that changed nothing.** L without it explains the rest.
//! * **Leave out a value's whole life.** If an operation made the absent key `v`, and `v` was
//!   consumed only by a removal, then in L only operations that saw `v`, or that saw the key present
//!   without saying which value, lie between the two. Without all that saw `v`, L explains the rest,
//!   provided that no operation of the latter kind overlaps with that life.
//! * **Leave out a write that nobody saw.** If no other operation needs the state that it left,
//!   nothing comes after it in L.
//!
//! Values are written once in a history; the last two rest on that.

use crate::history::{Need, TimedOp, Transition};
use crate::sweep::{self, Decision, Stuck};

/// A history that is not linearizable, of a key that began in the state `initial`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extract {
    /// The key's state before it.
    pub initial: Option<u64>,
    /// The operations, sorted by invocation.
    pub ops: Vec<TimedOp>,
    /// Where the sweep gets stuck.
    pub stuck: Stuck,
}

/// The smallest part that the steps above lead to; `None` if `ops` was not found not to be
/// linearizable.
#[must_use]
pub fn minimise(initial: Option<u64>, ops: &[TimedOp]) -> Option<Extract> {
    let mut extract = Extract::of(initial, ops.to_vec())?;
    loop {
        let before = extract.ops.len();
        extract = extract.cut();
        extract.drop_keepers();
        extract.drop_each(a_life);
        extract.drop_each(an_unseen_write);
        if extract.ops.len() == before {
            return Some(extract);
        }
    }
}

impl Extract {
    pub(crate) fn of(initial: Option<u64>, ops: Vec<TimedOp>) -> Option<Self> {
        match sweep::check(initial, &ops, sweep::BUDGET) {
            Decision::Stuck(stuck) => Some(Self { initial, ops, stuck }),
            _ => None,
        }
    }

    /// Cuts the end, then the beginning.
    pub(crate) fn cut(self) -> Self {
        let Stuck { op, start, initial, .. } = self.stuck;
        let ops = until(self.ops[op].returned, &self.ops[start..]);
        Self::of(initial, ops).unwrap_or(self)
    }

    /// Leaves the operations out, if that leaves a violation.
    fn drop(&mut self, out: &[usize]) -> bool {
        let left = |&(index, _): &(usize, &TimedOp)| !out.contains(&index);
        let ops = self.ops.iter().enumerate().filter(left).map(|(_, op)| *op).collect();
        match Self::of(self.initial, ops) {
            Some(smaller) if !out.is_empty() => *self = smaller,
            _ => return false,
        }
        true
    }

    /// Leaves out operations that changed nothing: many at once, then fewer.
    fn drop_keepers(&mut self) {
        let mut size = self.keepers().len();
        while size > 0 {
            let mut begin = 0;
            loop {
                let keepers = self.keepers();
                let Some(rest) = keepers.get(begin..).filter(|rest| !rest.is_empty()) else {
                    break;
                };
                let some = &rest[..size.min(rest.len())];
                if !self.drop(some) {
                    begin += size;
                }
            }
            size /= 2;
        }
    }

    fn keepers(&self) -> Vec<usize> {
        let steps = self.ops.iter().map(|op| op.call.step());
        steps.enumerate().filter(|(_, step)| step.sets.is_none()).map(|(op, _)| op).collect()
    }

    /// Leaves out, for each operation, the group that it is the first of.
    fn drop_each(&mut self, group: fn(&[TimedOp], usize) -> Option<Vec<usize>>) {
        let mut op = 0;
        while op < self.ops.len() {
            let dropped = group(&self.ops, op).is_some_and(|out| self.drop(&out));
            op += usize::from(!dropped);
        }
    }
}

/// The history up to the time `end`.
pub(crate) fn until(end: u64, ops: &[TimedOp]) -> Vec<TimedOp> {
    let begun = ops.iter().filter(|op| op.invoked <= end);
    let returned = |op: &TimedOp| if op.returned > end { TimedOp::PENDING } else { op.returned };
    begun.map(|op| TimedOp { returned: returned(op), ..*op }).collect()
}

/// The operations of the life of the value that the operation `birth` wrote.
fn a_life(ops: &[TimedOp], birth: usize) -> Option<Vec<usize>> {
    let Transition { need: Need::State(None), sets: Some(Some(value)) } = ops[birth].call.step()
    else {
        return None;
    };
    let mut out = vec![birth];
    let mut death = None;
    for (index, op) in ops.iter().enumerate() {
        let step = op.call.step();
        if step.need == Need::State(Some(value)) {
            out.push(index);
            match step.sets {
                None => {}
                Some(None) if death.is_none() => death = Some(op.returned),
                // Replaced by another value, or removed twice.
                Some(_) => return None,
            }
        }
    }
    let (born, died) = (ops[birth].invoked, death?);
    let is_witness = |op: &TimedOp| {
        op.call.step().need == Need::Present && op.invoked <= died && op.returned >= born
    };
    (!ops.iter().any(is_witness)).then_some(out)
}

/// The operation, if it left a state that no other needs.
fn an_unseen_write(ops: &[TimedOp], write: usize) -> Option<Vec<usize>> {
    let state = ops[write].call.step().sets?;
    let sees =
        |(index, op): (usize, &TimedOp)| index != write && op.call.step().need.is_met_by(state);
    (!ops.iter().enumerate().any(sees)).then(|| vec![write])
}

/// All that can be left out at once.
#[cfg(test)]
pub(crate) fn groups(ops: &[TimedOp]) -> Vec<Vec<usize>> {
    let keepers =
        (0..ops.len()).filter(|&op| ops[op].call.step().sets.is_none()).map(|op| vec![op]);
    let lives = (0..ops.len()).filter_map(|op| a_life(ops, op));
    let unseen = (0..ops.len()).filter_map(|op| an_unseen_write(ops, op));
    keepers.chain(lives).chain(unseen).collect()
}
