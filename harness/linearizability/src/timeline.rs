//! Draws a counterexample in the terminal: a line an operation, a bar from invocation to return.
//!
//! Time is stretched so that each invocation and each return has a column of its own: what counts
//! is which came first.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::history::{Call, Given, TimedOp};
use crate::{Counterexample, Stranger};

/// Columns between one event and the next.
const STEP: usize = 3;

/// Short names of values, in the order in which they appear: a, b, …, z, then v27, v28, …
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<u64, String>);

impl Names {
    /// The names of all values of a counterexample.
    #[must_use]
    pub fn of(example: &Counterexample) -> Self {
        let mut names = Self::default();
        example.initial.into_iter().for_each(|value| names.add(value));
        for op in &example.ops {
            op.call.shown().chain(op.call.written()).for_each(|value| names.add(value));
            offered(op.call).into_iter().for_each(|value| names.add(value));
        }
        names
    }

    fn add(&mut self, value: u64) {
        let next = self.0.len();
        let letter = u8::try_from(next).ok().filter(|next| *next < 26);
        let name = letter.map_or_else(|| format!("v{}", next + 1), |l| char::from(b'a' + l).into());
        self.0.entry(value).or_insert(name);
    }

    /// The name of a value.
    #[must_use]
    pub fn name(&self, value: u64) -> &str {
        self.0.get(&value).map_or("?", String::as_str)
    }

    /// The name of a state.
    #[must_use]
    pub fn state(&self, state: Option<u64>) -> &str {
        state.map_or("absent", |value| self.name(value))
    }

    /// What was asked, and what was answered.
    #[must_use]
    pub fn call(&self, call: Call) -> (String, String) {
        let replaced = |given, old: Option<u64>| {
            let answer = self.state(old).to_owned();
            match given {
                _ if given == Given::from(old) => answer,
                Given::Nothing => format!("{answer}, closure not run"),
                Given::Absent => format!("{answer}, closure saw none"),
                Given::Value(value) => format!("{answer}, closure saw {}", self.name(value)),
            }
        };
        match call {
            Call::Get { found } => ("get".to_owned(), self.state(found).to_owned()),
            Call::Insert { value, added } => {
                (format!("insert {}", self.name(value)), added.to_string())
            }
            Call::Update { old: None, .. } => ("update".to_owned(), "absent".to_owned()),
            Call::Update { given, new, old } => {
                (format!("update {}", self.name(new)), replaced(given, old))
            }
            Call::Upsert { given, new, old } => {
                (format!("upsert {}", self.name(new)), replaced(given, old))
            }
            Call::Remove { taken } => ("remove".to_owned(), self.state(taken).to_owned()),
        }
    }
}

/// The value that an operation offered in vain.
fn offered(call: Call) -> Option<u64> {
    match call {
        Call::Insert { value, .. } => Some(value),
        Call::Upsert { new, .. } | Call::Update { new, old: Some(_), .. } => Some(new),
        _ => None,
    }
}

/// Where events lie when each has a column of its own; simultaneous invocations, and simultaneous
/// returns, share one.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Vec<(u64, bool)>);

impl Columns {
    pub(crate) fn of(ops: &[TimedOp]) -> Self {
        let invocations = ops.iter().map(|op| (op.invoked, false));
        let ended = ops.iter().filter(|op| !op.is_pending());
        // At equal times invocations come first: such operations overlap.
        let mut events: Vec<_> = invocations.chain(ended.map(|op| (op.returned, true))).collect();
        events.sort_unstable();
        events.dedup();
        Self(events)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn invocation(&self, op: &TimedOp) -> usize {
        self.0.partition_point(|event| *event < (op.invoked, false))
    }

    /// The column after the last for one that has not returned.
    pub(crate) fn response(&self, op: &TimedOp) -> usize {
        self.0.partition_point(|event| *event < (op.returned, true))
    }
}

/// The picture, each line indented by two spaces.
#[must_use]
pub fn draw(example: &Counterexample) -> String {
    let names = Names::of(example);
    let columns = Columns::of(&example.ops);
    let calls: Vec<_> = example.ops.iter().map(|op| names.call(op.call)).collect();
    let width = |text: fn(&(String, String)) -> &String| {
        calls.iter().map(|call| text(call).chars().count()).max().unwrap_or(0)
    };
    let (asked, answered) = (width(|call| &call.0), width(|call| &call.1));
    let mut text = format!("  {}\n", heading(example, &names));
    for (index, (op, call)) in example.ops.iter().zip(&calls).enumerate() {
        let mark = if index == example.stuck_at { '✗' } else { ' ' };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  thread {:<2} {:<asked$} → {:<answered$} {mark} {}",
            op.thread,
            call.0,
            call.1,
            bar(op, &columns)
        );
    }
    text + &legend(example, &names)
}

/// The key and its state before.
pub(crate) fn heading(example: &Counterexample, names: &Names) -> String {
    format!("key {}, at first {} ({})", example.key, names.state(example.initial), example.since)
}

fn bar(op: &TimedOp, columns: &Columns) -> String {
    let (begin, end) = (columns.invocation(op) * STEP, columns.response(op) * STEP);
    let (line, tip) = ("─".repeat(end - begin - 1), if op.is_pending() { '┄' } else { '┤' });
    format!("{:begin$}├{line}{tip}", "")
}

/// What the picture does not say.
pub(crate) fn legend(example: &Counterexample, names: &Names) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.extend(["  ", &words, "\n"]);
    if let Some(op) = example.ops.get(example.stuck_at) {
        let possible: Vec<&str> =
            example.possible.iter().map(|state| names.state(*state)).collect();
        let (asked, answer) = names.call(op.call);
        line(format!(
            "✗ when it returned, no order could explain `{asked} → {answer}`: the key could be {}",
            possible.join(" or ")
        ));
    }
    for Stranger { value, origin } in &example.strangers {
        line(format!("{}: {origin}", names.name(*value)));
    }
    if example.ops.iter().any(TimedOp::is_pending) {
        line("┄ had not returned by then; may have taken effect or not".to_owned());
    }
    let nanos = |ticks: u64| ticks as f64 / example.ticks_per_second * 1e9;
    let ends = example.ops.iter().filter(|op| !op.is_pending()).map(|op| op.returned);
    line(format!(
        "{} of the {} operations on that key in that round; {:.0} ns from the first event to the last",
        example.ops.len(),
        example.out_of,
        nanos(ends.max().unwrap_or(0))
    ));
    text
}
