//! Whether what happened can be explained.

use std::collections::BTreeMap;
use std::fmt::Write;

use linearizability::history::{self, Call, KeyedOp, TimedOp};
use linearizability::size::{self, AtRest};
use linearizability::snapshots::{self, Snapshot};
use linearizability::sweep::{self, Decision};

/// What happened in one execution. Times are numbers of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Operations on keys. Those of thread 0 fill the table; those of the last thread read every
    /// key in the end.
    pub ops: Vec<KeyedOp>,
    /// Iterations.
    pub iterations: Vec<Snapshot>,
    /// Whether each of them is said to show one moment.
    pub of_one_moment: bool,
    /// What `len` said in the end, if it is no estimate.
    pub len: Option<usize>,
    /// Whether a key may become absent between operations: it is a cache's.
    pub loses: bool,
    /// What `for_each` showed in the end.
    pub entries: Vec<(u64, u64)>,
}

/// Says why nothing explains the run; `None` if something does.
///
/// Each key's history must be linearizable, and so must iterations that show one moment. Of a weak
/// iteration each entry that it shows must have been there at a moment of it, and what nobody
/// changes meanwhile must be shown. What a cache that evicts has in the end is not told by its history: there `len`
/// must be the number of entries that are there.
#[must_use]
pub fn judge(run: &Run) -> Option<String> {
    let mut ops = run.ops.clone();
    for iteration in &run.iterations {
        if let Some(twice) = shown_twice(iteration) {
            return Some(format!("an iteration shows an entry of key {} twice", letter(twice)));
        }
        ops.extend(seen_by(iteration, &run.ops));
    }
    ops.sort_by_key(|keyed| (keyed.key, keyed.op.invoked));
    for (key, history) in history::by_key(&ops) {
        let decision = if run.loses {
            sweep::check_cache(&history, sweep::BUDGET)
        } else {
            sweep::check(None, &history, sweep::BUDGET)
        };
        match decision {
            Decision::Linearizable => {}
            Decision::Stuck(_) => {
                return Some(format!("no order explains the answers of key {}", letter(key)));
            }
            Decision::Unknown => return Some("the history is too large to decide".to_owned()),
        }
    }
    if run.loses {
        let entries = run.entries.len();
        let wrong = run.len.filter(|len| *len != entries);
        return wrong.map(|len| {
            format!("`len` is {len} when no thread writes; there are {entries} entries")
        });
    }
    let wrong = run.of_one_moment.then(|| {
        let mut ops = run.ops.clone();
        ops.sort_by_key(|keyed| (keyed.key, keyed.op.invoked));
        snapshots::check(&ops, &run.iterations)
    });
    wrong.flatten().or_else(|| {
        let len = run.len.unwrap_or(run.entries.len());
        size::check_rest(AtRest { ops: &run.ops, len, entries: &run.entries })
    })
}

fn shown_twice(iteration: &Snapshot) -> Option<u64> {
    let mut entries = iteration.entries.clone();
    entries.sort_unstable();
    entries.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].0)
}

/// What an iteration says of single keys, as reads.
fn seen_by(iteration: &Snapshot, ops: &[KeyedOp]) -> Vec<KeyedOp> {
    let read = |key, found| {
        let Snapshot { thread, invoked, returned, .. } = *iteration;
        KeyedOp { key, op: TimedOp { thread, invoked, returned, call: Call::Get { found } } }
    };
    let shown = iteration.entries.iter().map(|&(key, value)| read(key, Some(value)));
    let is_changed = |key: u64| {
        let meanwhile =
            |op: &TimedOp| op.invoked < iteration.returned && op.returned > iteration.invoked;
        ops.iter().any(|keyed| keyed.key == key && meanwhile(&keyed.op) && is_change(keyed.op.call))
    };
    let mut keys: Vec<u64> = ops.iter().map(|keyed| keyed.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let missing = keys
        .into_iter()
        .filter(|key| iteration.entries.iter().all(|(shown, _)| shown != key) && !is_changed(*key));
    shown.chain(missing.map(|key| read(key, None))).collect()
}

fn is_change(call: Call) -> bool {
    match call {
        Call::Get { .. } => false,
        Call::Insert { added, .. } => added,
        Call::Update { old, .. } => old.is_some(),
        Call::Upsert { .. } => true,
        Call::Remove { taken } => taken.is_some(),
    }
}

/// What an operation was seen to do, without the times: two runs with the same outcome and the same
/// order of calls and returns have the same judgement.
#[must_use]
pub fn digest(run: &Run) -> Vec<u64> {
    let mut words = Vec::with_capacity(run.ops.len() * 6);
    for KeyedOp { key, op } in &run.ops {
        words.extend([*key, u64::from(op.thread), op.invoked, op.returned]);
        let name = |value: Option<u64>| value.map_or(0, |value| value + 1);
        words.extend(match op.call {
            Call::Get { found } => [0, name(found)],
            Call::Insert { value, added } => [1 + u64::from(added), value],
            Call::Update { old, new, given } => {
                [3 + u64::from(given == old.into()), name(old) << 32 | new]
            }
            Call::Upsert { old, new, given } => {
                [5 + u64::from(given == old.into()), name(old) << 32 | new]
            }
            Call::Remove { taken } => [7, name(taken)],
        });
    }
    for Snapshot { thread, invoked, returned, entries } in &run.iterations {
        words.extend([u64::MAX, u64::from(*thread), *invoked, *returned]);
        words.extend(entries.iter().flat_map(|(key, value)| [*key, *value]));
    }
    words.extend([u64::MAX, run.len.map_or(0, |len| len as u64 + 1)]);
    words.extend(run.entries.iter().flat_map(|(key, value)| [*key, *value]));
    words
}

fn letter(key: u64) -> char {
    char::from(b'a' + key as u8)
}

/// The run as text: a line an operation, in the order of calls, a bar from call to return.
#[must_use]
pub fn tell(run: &Run) -> String {
    let last = run.ops.iter().map(|keyed| keyed.op.thread).max().unwrap_or(0);
    let mut lines: BTreeMap<(u64, u64), (u32, u64, String)> = BTreeMap::new();
    for KeyedOp { key, op } in run.ops.iter().filter(|keyed| (1..last).contains(&keyed.op.thread)) {
        let (asked, answered) = words(*key, op.call);
        let line = (op.thread, op.returned, format!("{asked} → {answered}"));
        lines.insert((op.invoked, *key), line);
    }
    for shown in &run.iterations {
        let entries: Vec<String> =
            shown.entries.iter().map(|(key, value)| format!("{}={value}", letter(*key))).collect();
        let text = format!("iterate → {}", entries.join(" "));
        lines.insert((shown.invoked, u64::MAX), (shown.thread, shown.returned, text));
    }
    let zero = lines.keys().next().map_or(0, |(invoked, _)| *invoked);
    let width = lines.values().map(|(.., text)| text.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut filled = run.ops.iter().filter(|keyed| keyed.op.thread == 0).peekable();
    if filled.peek().is_some() {
        let entries: Vec<String> = filled.map(|keyed| words(keyed.key, keyed.op.call).0).collect();
        text += &format!("    at first: {}\n", entries.join(", "));
    }
    for ((invoked, _), (thread, returned, said)) in &lines {
        let (begin, length) = ((invoked - zero) as usize * 2, (returned - invoked) as usize * 2);
        let bar = "─".repeat(length - 1);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    thread {thread}  {said:<width$}  {:begin$}├{bar}┤", "");
    }
    let ends = run.ops.iter().filter(|keyed| keyed.op.thread == last);
    let ends: Vec<String> = ends
        .filter_map(|keyed| match keyed.op.call {
            Call::Get { found } => Some(format!("{}={}", letter(keyed.key), found?)),
            _ => None,
        })
        .collect();
    text + &format!("    in the end: {}\n", ends.join(" "))
}

/// What was asked, and what was answered; values by their number.
fn words(key: u64, call: Call) -> (String, String) {
    let state = |value: Option<u64>| value.map_or("absent".to_owned(), |value| value.to_string());
    let (verb, answer) = match call {
        Call::Get { found } => ("get".to_owned(), state(found)),
        Call::Insert { value: 0, added: false } => ("contains".to_owned(), "true".to_owned()),
        Call::Insert { value, added } => (format!("insert {value} at"), added.to_string()),
        Call::Update { new, old, .. } => (format!("update {new} at"), state(old)),
        Call::Upsert { new, old, .. } => (format!("upsert {new} at"), state(old)),
        Call::Remove { taken } => ("remove".to_owned(), state(taken)),
    };
    (format!("{verb} {}", letter(key)), answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One thread's operations on a key, one after the other.
    fn run(calls: &[Call], loses: bool) -> Run {
        let op = |(at, call): (u64, &Call)| {
            let op = TimedOp { thread: 1, invoked: 2 * at, returned: 2 * at + 1, call: *call };
            KeyedOp { key: 0, op }
        };
        Run { ops: (0..).zip(calls).map(op).collect(), len: Some(0), loses, ..Run::default() }
    }

    #[test]
    fn a_cache_has_as_many_entries_as_it_says() {
        let set = Call::Insert { value: 1, added: true };
        let judged = |len: Option<usize>, entries: &[(u64, u64)]| {
            let entries = entries.to_vec();
            judge(&Run { len, entries, ..run(&[set, Call::Get { found: Some(1) }], true) })
        };
        for len in [None, Some(1)] {
            assert_eq!(judged(len, &[(0, 1)]), None);
        }
        for (len, entries) in [(0, &[(0, 1)][..]), (2, &[(0, 1)][..]), (1, &[][..])] {
            let message = judged(Some(len), entries).expect("it is wrong");
            assert!(message.contains(&format!("`len` is {len}")), "{message}");
        }
    }

    #[test]
    fn a_cache_loses_a_key_and_does_not_find_it_again() {
        let set = Call::Insert { value: 1, added: true };
        let (there, absent) = (Call::Get { found: Some(1) }, Call::Get { found: None });
        assert_eq!(judge(&run(&[set, there, absent], true)), None);
        for (calls, loses) in [
            (&[set, absent][..], false),
            (&[set, absent, there], true),
            (&[set, Call::Get { found: Some(2) }], true),
        ] {
            assert!(judge(&run(calls, loses)).is_some(), "{calls:?}, a cache's: {loses}");
        }
    }
}
