//! Checks what is not an operation on a key: `len` while threads write, and `len` and `for_each`
//! when none does. Their contract is that of `structures::map`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::{Call, KeyedOp};

/// A call of `len` while threads wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LenCall {
    /// A time before it began.
    pub invoked: u64,
    /// A time after it had ended.
    pub returned: u64,
    /// What it returned.
    pub len: usize,
}

/// What a table at rest said of itself.
#[derive(Clone, Copy, Debug)]
pub struct AtRest<'r> {
    /// Every operation of the history. Its thread with the highest number has read every key when
    /// all others had ended, and has done nothing else.
    pub ops: &'r [KeyedOp],
    /// What `len` returned when all threads had ended.
    pub len: usize,
    /// What `for_each` showed when all threads had ended.
    pub entries: &'r [(u64, u64)],
}

/// A `len` that its contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongLen {
    /// What it returned.
    pub len: usize,
    /// The inserts less the removes that had ended when it began.
    pub before: i64,
    /// The inserts and removes that overlapped with it, by which it may be off.
    pub overlapping: usize,
}

/// The first call of `len` that is off by more than the inserts and removes that overlap with it.
/// To be asked of linearizable histories only.
#[must_use]
pub fn check_lens(ops: &[KeyedOp], lens: &[LenCall]) -> Option<WrongLen> {
    let adds = || ops.iter().map(|keyed| keyed.op).filter(|op| adds(op.call));
    let removes = || ops.iter().map(|keyed| keyed.op).filter(|op| removes(op.call));
    let added = sorted(adds().map(|op| op.returned));
    let removed = sorted(removes().map(|op| op.returned));
    let begun = sorted(adds().chain(removes()).map(|op| op.invoked));
    let before = |times: &[u64], time: u64| times.partition_point(|&other| other < time);
    let judge = |call: &LenCall| {
        let (added, removed) = (before(&added, call.invoked), before(&removed, call.invoked));
        let begun = begun.partition_point(|&other| other <= call.returned);
        let size = added as i64 - removed as i64;
        let overlapping = begun - added - removed;
        let wrong = size.abs_diff(call.len as i64) > overlapping as u64;
        wrong.then_some(WrongLen { len: call.len, before: size, overlapping })
    };
    lens.iter().find_map(judge)
}

fn sorted(times: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut times: Vec<u64> = times.collect();
    times.sort_unstable();
    times
}

fn adds(call: Call) -> bool {
    matches!(call, Call::Insert { added: true, .. } | Call::Upsert { old: None, .. })
}

fn removes(call: Call) -> bool {
    matches!(call, Call::Remove { taken: Some(_) })
}

/// What `len` or `for_each` say of a table at rest that `get` does not say.
#[must_use]
pub fn check_rest(AtRest { ops, len, entries }: AtRest<'_>) -> Option<String> {
    let present = entries_by_get(ops);
    if len != present.len() {
        let keys = present.len();
        return Some(format!("`len` is {len} when no thread writes; `get` finds {keys} keys"));
    }
    let mut shown = BTreeMap::new();
    for &(key, value) in entries {
        if shown.insert(key, value).is_some() {
            return Some(format!("`for_each` shows key {key} twice when no thread writes"));
        }
        match present.get(&key) {
            Some(&found) if found == value => {}
            Some(_) => {
                return Some(format!("`for_each` shows another value of key {key} than `get`"));
            }
            None => return Some(format!("`for_each` shows key {key}, which `get` does not find")),
        }
    }
    let missing = present.keys().find(|key| !shown.contains_key(key))?;
    Some(format!("`for_each` does not show key {missing}, which `get` finds"))
}

/// The entries that the reads after the end found.
fn entries_by_get(ops: &[KeyedOp]) -> BTreeMap<u64, u64> {
    let last = ops.iter().map(|keyed| keyed.op.thread).max();
    ops.iter()
        .filter(|keyed| Some(keyed.op.thread) == last)
        .filter_map(|keyed| match keyed.op.call {
            Call::Get { found } => Some((keyed.key, found?)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Given, TimedOp};

    fn op(key: u64, thread: u32, times: (u64, u64), call: Call) -> KeyedOp {
        KeyedOp { key, op: TimedOp { thread, invoked: times.0, returned: times.1, call } }
    }

    fn insert(times: (u64, u64)) -> KeyedOp {
        op(1, 0, times, Call::Insert { value: 1, added: true })
    }

    fn remove(times: (u64, u64)) -> KeyedOp {
        op(1, 0, times, Call::Remove { taken: Some(1) })
    }

    fn wrong(ops: &[KeyedOp], times: (u64, u64), len: usize) -> bool {
        check_lens(ops, &[LenCall { invoked: times.0, returned: times.1, len }]).is_some()
    }

    #[test]
    fn len_is_exact_where_nothing_overlaps() {
        let ops = [insert((1, 2)), insert((3, 4)), remove((7, 8))];
        for (times, right) in [((0, 0), 0), ((5, 6), 2), ((9, 10), 1)] {
            for len in 0..4 {
                assert_eq!(wrong(&ops, times, len), len != right, "{len} at {times:?}");
            }
        }
    }

    #[test]
    fn len_may_be_off_by_what_overlaps() {
        let ops = [insert((1, 2)), insert((3, 6)), remove((5, 9))];
        assert_eq!(
            [0, 1, 2, 3, 4].map(|len| wrong(&ops, (4, 5), len)),
            [false, false, false, false, true]
        );
        // Equal times overlap.
        assert_eq!([0, 1, 2, 3].map(|len| wrong(&ops, (2, 2), len)), [false, false, true, true]);
        let upsert = |old| {
            let given = Given::from(old);
            op(1, 0, (1, 2), Call::Upsert { given, new: 2, old })
        };
        assert!(!wrong(&[upsert(None)], (3, 4), 1) && wrong(&[upsert(None)], (3, 4), 0));
        assert!(!wrong(&[upsert(Some(1))], (3, 4), 0) && wrong(&[upsert(Some(1))], (3, 4), 1));
        let failed = [
            op(1, 0, (1, 9), Call::Insert { value: 1, added: false }),
            op(1, 0, (1, 9), Call::Remove { taken: None }),
        ];
        assert!(wrong(&failed, (4, 5), 1), "what changes nothing excuses nothing");
    }

    #[test]
    fn at_rest_all_views_agree() {
        let get = |key, found| op(key, 4, (100, 101), Call::Get { found });
        let ops = [insert((1, 2)), get(1, Some(7)), get(2, None), get(3, Some(9))];
        let says = |len, entries: &[(u64, u64)]| check_rest(AtRest { ops: &ops, len, entries });
        assert_eq!(says(2, &[(3, 9), (1, 7)]), None);
        for (entries, part) in [
            (vec![(3, 9)], "does not show key 1"),
            (vec![(3, 9), (1, 8)], "another value of key 1"),
            (vec![(3, 9), (1, 7), (3, 9)], "key 3 twice"),
            (vec![(3, 9), (1, 7), (2, 5)], "shows key 2, which"),
        ] {
            let said = says(2, &entries).unwrap_or_default();
            assert!(said.contains(part), "{said}");
        }
        let said = says(3, &[(3, 9), (1, 7)]).unwrap_or_default();
        assert!(said.contains("`len` is 3") && said.contains("2 keys"), "{said}");
    }
}
