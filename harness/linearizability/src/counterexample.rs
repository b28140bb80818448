//! What is shown of a history that no order explains.

use serde::{Deserialize, Serialize};

use crate::history::{KeyedOp, TimedOp};
use crate::minimise::Extract;

/// A small part of a key's history that no order explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counterexample {
    /// The key.
    pub key: u64,
    /// Its value before; none if it was absent.
    pub initial: Option<u64>,
    /// Since when, in words.
    pub since: String,
    /// The operations, sorted by invocation, in ticks since the first one's.
    pub ops: Vec<TimedOp>,
    /// The operation at whose return no order is left.
    pub stuck_at: usize,
    /// What the key could have held before that return.
    pub possible: Vec<Option<u64>>,
    /// The operations on the key in that round.
    pub out_of: usize,
    /// How fast the clock ticked.
    pub ticks_per_second: f64,
    /// The values that were seen and that none of the operations wrote.
    pub strangers: Vec<Stranger>,
}

/// A value from outside a counterexample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stranger {
    /// The value.
    pub value: u64,
    /// Where it is from, in words.
    pub origin: String,
}

/// The whole history of which a counterexample is a part.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'h> {
    /// The operations on all keys.
    pub ops: &'h [KeyedOp],
    /// How fast the clock ticked.
    pub ticks_per_second: f64,
}

impl Counterexample {
    /// The counterexample that `extract`, of the history of `key`, makes: where its beginning and its
    /// values come from is looked up in the `whole` history.
    #[must_use]
    pub fn new(key: u64, extract: Extract, whole: Whole<'_>) -> Self {
        let zero = extract.ops.first().map_or(0, |op| op.invoked);
        let shifted = |op: &TimedOp| TimedOp {
            invoked: op.invoked - zero,
            returned: if op.is_pending() { TimedOp::PENDING } else { op.returned - zero },
            ..*op
        };
        Self {
            key,
            initial: extract.initial,
            since: since_when(key, &extract, whole),
            strangers: strangers(key, &extract, whole),
            ops: extract.ops.iter().map(shifted).collect(),
            stuck_at: extract.stuck.op,
            possible: extract.stuck.possible,
            out_of: whole.ops.iter().filter(|keyed| keyed.key == key).count(),
            ticks_per_second: whole.ticks_per_second,
        }
    }
}

impl Whole<'_> {
    /// A time in words.
    fn span(&self, ticks: u64) -> String {
        format!("{:.2} µs", ticks as f64 / self.ticks_per_second * 1e6)
    }
}

/// The values that the operations of `extract` saw and did not write, and where they are from.
fn strangers(key: u64, extract: &Extract, whole: Whole<'_>) -> Vec<Stranger> {
    let written: Vec<u64> = extract.ops.iter().filter_map(|op| op.call.written()).collect();
    let seen = extract.ops.iter().flat_map(|op| op.call.shown());
    let begin = extract.ops.first().map_or(0, |op| op.invoked);
    let mut strangers: Vec<Stranger> = seen
        .filter(|value| !written.contains(value) && Some(*value) != extract.initial)
        .map(|value| Stranger { value, origin: origin(value, key, begin, whole) })
        .collect();
    strangers.sort_unstable();
    strangers.dedup();
    strangers
}

/// Who made the key what it was before `extract`, in words.
fn since_when(key: u64, extract: &Extract, whole: Whole<'_>) -> String {
    let begin = extract.ops.first().map_or(0, |op| op.invoked);
    let of_key = whole.ops.iter().filter(|keyed| keyed.key == key).map(|keyed| keyed.op);
    let before = of_key.filter(|op| op.returned < begin);
    let sets = before.filter(|op| op.call.step().sets == Some(extract.initial));
    sets.max_by_key(|op| op.returned).map_or_else(
        || "from the start".to_owned(),
        |op| {
            let span = whole.span(begin - op.returned);
            format!("thread {} left it so {span} before", op.thread)
        },
    )
}

/// Who wrote a value, in words.
fn origin(value: u64, key: u64, begin: u64, whole: Whole<'_>) -> String {
    let by = |keyed: &&KeyedOp| keyed.op.call.written() == Some(value);
    let Some(KeyedOp { key: of, op }) = whole.ops.iter().find(by) else {
        return "no operation of this round is known to have written it".to_owned();
    };
    let thread = op.thread;
    if *of != key {
        format!("thread {thread} wrote it to key {of}")
    } else if op.returned < begin {
        let span = whole.span(begin - op.returned);
        format!("thread {thread} wrote it {span} before, and it had been replaced or removed")
    } else {
        format!("thread {thread} wrote it, later or in an operation that is left out")
    }
}
