//! Checks iterations that claim to show the entries of one moment, against the history of the whole
//! map.
//!
//! A history of operations on single keys is linearizable if each key's is; an iteration spans keys,
//! so locality does not help. What helps is that every value is written once and every write returns
//! what it replaced: which write of a key came after which is then known, but for how the key's
//! *lives* follow each other, each from an insertion to a removal. So the check is not a search: it
//! collects what must come before what, and looks for a circle.
//!
//! * A write comes after the one that it replaced; who saw a value comes between its write and the
//!   next.
//! * An iteration comes after the write of each value that it shows, and before the next write of that
//!   key. It comes before all of a key's life, or after, if it does not show the key.
//! * What returned before another was called comes before it. If that holds for one operation of a
//!   life and one of another life of the same key, or an iteration that does not show the key, it holds
//!   for all of them.
//!
//! Every one of these must hold in every order that explains the answers, so a circle is a proof. The
//! reverse is not true: where two lives of a key overlap in time, or a life and an iteration that does
//! not show it, nothing is concluded, and a violation that needs it is missed.

use std::collections::HashMap;
use std::fmt::Write;

use crate::history::{Call, KeyedOp};

/// A complete iteration while threads wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The thread that ran it.
    pub thread: u32,
    /// A time before it began.
    pub invoked: u64,
    /// A time after it had ended.
    pub returned: u64,
    /// What it showed.
    pub entries: Vec<(u64, u64)>,
}

/// Why something comes before something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It wrote what the other one saw.
    Wrote,
    /// It saw, or wrote, what the other one replaced.
    Replaced,
    /// It returned before the other one was called.
    Time,
    /// It ended a life of the key before the other one, which does not show it or is of a later life.
    Ended,
    /// It does not show the key, whose life the other one began later.
    NotYet,
}

/// What is to be ordered, by number: the operations, then the iterations, then moments.
struct Order<'h> {
    ops: &'h [KeyedOp],
    snapshots: &'h [Snapshot],
    after: Vec<Vec<(usize, Why)>>,
}

/// A key's life: from an insertion to a removal.
struct Life {
    first: usize,
    last: usize,
    /// Whether `last` removes the key.
    ended: bool,
    /// The first return and the last call of all operations that saw or wrote a value of this life.
    min_returned: u64,
    max_invoked: u64,
}

/// Says why no order explains the iterations; `None` if nothing is wrong with them, as far as that can
/// be told. `ops` is sorted by key, and each key's history is linearizable.
#[must_use]
pub fn check(ops: &[KeyedOp], snapshots: &[Snapshot]) -> Option<String> {
    if snapshots.is_empty() {
        return None;
    }
    let writers: HashMap<u64, usize> = ops
        .iter()
        .enumerate()
        .filter_map(|(at, keyed)| Some((keyed.op.call.written()?, at)))
        .collect();
    if let Some(message) = snapshots.iter().find_map(|shown| is_made_up(shown, ops, &writers)) {
        return Some(message);
    }
    let mut order = Order { ops, snapshots, after: vec![Vec::new(); ops.len() + snapshots.len()] };
    let next = order.follow_values(&writers);
    order.follow_lives(&writers, &next);
    order.follow_time();
    order.circle().map(|circle| order.tell(&circle))
}

/// What of a single iteration is wrong, whatever the order.
fn is_made_up(shown: &Snapshot, ops: &[KeyedOp], writers: &HashMap<u64, usize>) -> Option<String> {
    let mut keys: Vec<u64> = shown.entries.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("an iteration shows key {} twice", twice[0]));
    }
    let of_key =
        |(key, value): &&(u64, u64)| writers.get(value).is_some_and(|&w| ops[w].key == *key);
    let (key, value) = shown.entries.iter().find(|entry| !of_key(entry))?;
    Some(format!("an iteration shows key {key} with the value {value:#x}, which nobody gave it"))
}

/// The value that an operation saw, and whether it replaced it.
fn saw(call: Call) -> Option<(u64, bool)> {
    match call {
        Call::Get { found } => Some((found?, false)),
        Call::Insert { .. } => None,
        Call::Update { old, .. } | Call::Upsert { old, .. } => Some((old?, true)),
        Call::Remove { taken } => Some((taken?, true)),
    }
}

impl Order<'_> {
    fn add(&mut self, from: usize, to: usize, why: Why) {
        self.after[from].push((to, why));
    }

    /// Orders whoever saw a value; returns who replaced each.
    fn follow_values(&mut self, writers: &HashMap<u64, usize>) -> HashMap<u64, usize> {
        let seen: Vec<(usize, u64, bool)> = (self.ops.iter().enumerate())
            .filter_map(|(at, keyed)| saw(keyed.op.call).map(|(value, last)| (at, value, last)))
            .collect();
        let next: HashMap<u64, usize> =
            seen.iter().filter(|(.., last)| *last).map(|(at, value, _)| (*value, *at)).collect();
        let shown = self.snapshots.iter().enumerate().flat_map(|(number, shown)| {
            let at = self.ops.len() + number;
            shown.entries.iter().map(move |(_, value)| (at, *value, false))
        });
        for (at, value, replaces) in seen.into_iter().chain(shown).collect::<Vec<_>>() {
            if let Some(writer) = writers.get(&value) {
                self.add(*writer, at, Why::Wrote);
            }
            if let (false, Some(next)) = (replaces, next.get(&value)) {
                self.add(at, *next, Why::Replaced);
            }
        }
        next
    }

    fn follow_lives(&mut self, writers: &HashMap<u64, usize>, next: &HashMap<u64, usize>) {
        // Where a key's operations begin.
        let mut begin = 0;
        let ops = self.ops;
        for of_key in ops.chunk_by(|a, b| a.key == b.key) {
            let mut lives = lives(ops, begin..begin + of_key.len(), writers, next);
            lives.sort_unstable_by_key(|life| life.min_returned);
            self.order_lives(&lives);
            self.order_absences(of_key[0].key, &lives);
            begin += of_key.len();
        }
    }

    /// Orders the lives of one key, which are sorted by their first return.
    fn order_lives(&mut self, lives: &[Life]) {
        // The moment after which a life, and all before it in this order, have ended.
        let mut moments: Vec<usize> = Vec::with_capacity(lives.len());
        for life in lives {
            let moment = self.moment();
            if let Some(before) = moments.last() {
                self.add(*before, moment, Why::Ended);
            }
            if life.ended {
                self.add(life.last, moment, Why::Ended);
            }
            moments.push(moment);
        }
        for (number, life) in lives.iter().enumerate() {
            // A life that does not end is the last one; else those before it are known by time.
            let before = match life.ended {
                true => lives.partition_point(|other| other.min_returned < life.max_invoked),
                false => lives.len(),
            };
            if let Some(last) = before.min(number).checked_sub(1) {
                self.add(moments[last], life.first, Why::Ended);
            }
            // Few: all of their operations were called before the first of this life's returned.
            for other in lives.iter().take(before).skip(number + 1).filter(|other| other.ended) {
                self.add(other.last, life.first, Why::Ended);
            }
        }
    }

    /// Orders the lives of `key` and the iterations that do not show them.
    fn order_absences(&mut self, key: u64, lives: &[Life]) {
        for (number, shown) in self.snapshots.iter().enumerate() {
            let at = self.ops.len() + number;
            if shown.entries.iter().any(|entry| entry.0 == key) {
                continue;
            }
            for life in lives {
                if !life.ended || shown.returned < life.max_invoked {
                    self.add(at, life.first, Why::NotYet);
                } else if life.min_returned < shown.invoked {
                    self.add(life.last, at, Why::Ended);
                }
            }
        }
    }

    /// A new moment: what is before it is before all that is after it.
    fn moment(&mut self) -> usize {
        self.after.push(Vec::new());
        self.after.len() - 1
    }

    /// The call and the return of an operation or an iteration.
    fn times(&self, at: usize) -> (u64, u64) {
        match self.ops.get(at) {
            Some(keyed) => (keyed.op.invoked, keyed.op.returned),
            None => {
                let shown = &self.snapshots[at - self.ops.len()];
                (shown.invoked, shown.returned)
            }
        }
    }

    /// What returned before another was called: by a chain of moments, one a return.
    fn follow_time(&mut self) {
        let count = self.ops.len() + self.snapshots.len();
        let mut returns: Vec<(u64, usize)> = (0..count).map(|at| (self.times(at).1, at)).collect();
        returns.sort_unstable();
        let first = self.after.len();
        for &(_, at) in &returns {
            let moment = self.moment();
            if moment > first {
                self.add(moment - 1, moment, Why::Time);
            }
            self.add(at, moment, Why::Time);
        }
        for at in 0..count {
            let before = returns.partition_point(|&(returned, _)| returned < self.times(at).0);
            if before > 0 {
                self.add(first + before - 1, at, Why::Time);
            }
        }
    }

    /// A shortest circle through an iteration, if there is a circle. It begins with the iteration.
    fn circle(&self) -> Option<Vec<(usize, Why)>> {
        let left = self.not_ordered();
        let number_of = self.ops.len()..self.ops.len() + self.snapshots.len();
        number_of
            .filter(|at| left[*at])
            .filter_map(|at| self.way_back(at, &left))
            .min_by_key(Vec::len)
    }

    /// What is on a circle, or after one: all else can be put in order (Kahn 1962).
    fn not_ordered(&self) -> Vec<bool> {
        let mut before = vec![0_u32; self.after.len()];
        self.after.iter().flatten().for_each(|(to, _)| before[*to] += 1);
        let mut free: Vec<usize> = (0..before.len()).filter(|at| before[*at] == 0).collect();
        while let Some(at) = free.pop() {
            for (to, _) in &self.after[at] {
                before[*to] -= 1;
                if before[*to] == 0 {
                    free.push(*to);
                }
            }
        }
        before.into_iter().map(|before| before > 0).collect()
    }

    /// The shortest way from `start` to itself, among what is `left`: each step's end, and why.
    fn way_back(&self, start: usize, left: &[bool]) -> Option<Vec<(usize, Why)>> {
        let mut from: HashMap<usize, (usize, Why)> = HashMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for &(to, why) in self.after[at].iter().filter(|(to, _)| left[*to]) {
                if from.contains_key(&to) {
                    continue;
                }
                from.insert(to, (at, why));
                if to == start {
                    let mut way = Vec::new();
                    let mut at = start;
                    loop {
                        let (before, why) = from[&at];
                        way.push((at, why));
                        at = before;
                        if at == start {
                            way.reverse();
                            return Some(way);
                        }
                    }
                }
                queue.push_back(to);
            }
        }
        None
    }

    /// A circle in words, moments left out.
    fn tell(&self, circle: &[(usize, Why)]) -> String {
        let count = self.ops.len() + self.snapshots.len();
        let start = circle.last().map_or(0, |(at, _)| *at);
        let mut text = "no order explains what iterations showed:\n".to_owned();
        let _ = write!(text, "    {}", self.name(start));
        for (at, why) in circle.iter().filter(|(at, _)| *at < count) {
            let why = match why {
                Why::Wrote => "wrote what was seen by",
                Why::Replaced => "saw what was later replaced by",
                Why::Time => "returned before the call of",
                Why::Ended => "ended a life of its key before",
                Why::NotYet => "does not show the key added by",
            };
            let _ = write!(text, "\n      {why}\n    {}", self.name(*at));
        }
        text
    }

    fn name(&self, at: usize) -> String {
        let Some(KeyedOp { key, op }) = self.ops.get(at) else {
            let shown = &self.snapshots[at - self.ops.len()];
            let (thread, entries) = (shown.thread, shown.entries.len());
            return format!("an iteration of thread {thread} that showed {entries} entries");
        };
        let what = match op.call {
            Call::Get { .. } => "get",
            Call::Insert { .. } => "insert",
            Call::Update { .. } => "update",
            Call::Upsert { .. } => "upsert",
            Call::Remove { .. } => "remove",
        };
        format!("{what} of key {key} by thread {}", op.thread)
    }
}

/// The lives of a key, whose operations are those in `of_key`.
fn lives(
    ops: &[KeyedOp],
    of_key: std::ops::Range<usize>,
    writers: &HashMap<u64, usize>,
    next: &HashMap<u64, usize>,
) -> Vec<Life> {
    let mut lives = Vec::new();
    // Of each write, its life.
    let mut life_of: HashMap<usize, usize> = HashMap::new();
    let begins = |at: &usize| {
        let call = ops[*at].op.call;
        call.written().is_some() && saw(call).is_none()
    };
    for first in of_key.clone().filter(begins) {
        let (mut last, mut ended) = (first, false);
        while !ended {
            life_of.insert(last, lives.len());
            let value = ops[last].op.call.written();
            let Some(after) = value.and_then(|value| next.get(&value)) else { break };
            (last, ended) = (*after, ops[*after].op.call.written().is_none());
        }
        let (min_returned, max_invoked) = (ops[first].op.returned, ops[first].op.invoked);
        lives.push(Life { first, last, ended, min_returned, max_invoked });
    }
    for at in of_key {
        let op = ops[at].op;
        let value = saw(op.call).map(|(value, _)| value).or(op.call.written());
        let life = value.and_then(|value| life_of.get(writers.get(&value)?));
        if let Some(life) = life {
            let life = &mut lives[*life];
            life.min_returned = life.min_returned.min(op.returned);
            life.max_invoked = life.max_invoked.max(op.invoked);
        }
    }
    lives
}

#[cfg(test)]
mod tests;
