//! Histories made by hand, and random ones against a check that tries every order.

use rand::{RngExt, SeedableRng};

use super::*;
use crate::history::{Given, TimedOp};
use crate::tests::TestRng;

fn op(key: u64, times: (u64, u64), call: Call) -> KeyedOp {
    KeyedOp { key, op: TimedOp { thread: key as u32, invoked: times.0, returned: times.1, call } }
}

fn insert(key: u64, times: (u64, u64), value: u64) -> KeyedOp {
    op(key, times, Call::Insert { value, added: true })
}

fn update(key: u64, times: (u64, u64), old: u64, new: u64) -> KeyedOp {
    op(key, times, Call::Update { given: Given::Value(old), new, old: Some(old) })
}

fn remove(key: u64, times: (u64, u64), value: u64) -> KeyedOp {
    op(key, times, Call::Remove { taken: Some(value) })
}

fn shows(times: (u64, u64), entries: &[(u64, u64)]) -> Snapshot {
    Snapshot { thread: 9, invoked: times.0, returned: times.1, entries: entries.to_vec() }
}

/// What the check says of one iteration of `entries` at `times`.
fn said(ops: &[KeyedOp], times: (u64, u64), entries: &[(u64, u64)]) -> Option<String> {
    check(ops, &[shows(times, entries)])
}

#[test]
fn an_iteration_shows_what_is_there() {
    let ops = [insert(1, (1, 2), 10), insert(2, (3, 4), 20)];
    assert_eq!(said(&ops, (5, 6), &[(1, 10), (2, 20)]), None);
    assert!(said(&ops, (5, 6), &[(1, 10)]).unwrap().contains("key 2"), "key 2 is missing");
    assert!(said(&ops, (5, 6), &[(1, 10), (2, 20), (1, 10)]).unwrap().contains("key 1 twice"));
    assert!(said(&ops, (5, 6), &[(1, 20), (2, 20)]).unwrap().contains("nobody gave it"));
    assert!(said(&ops, (0, 0), &[(1, 10)]).is_some(), "not there yet");
}

#[test]
fn an_iteration_shows_one_moment() {
    // One after the other: who shows the second shows the first.
    let ops = [insert(1, (1, 2), 10), insert(2, (3, 4), 20)];
    assert_eq!(said(&ops, (0, 6), &[]), None);
    assert_eq!(said(&ops, (0, 6), &[(1, 10)]), None);
    let message = said(&ops, (0, 6), &[(2, 20)]).unwrap();
    for part in
        ["1 entries", "does not show the key added by", "insert of key 1", "returned before"]
    {
        assert!(message.contains(part), "{message}");
    }
    // At the same time: either may be first.
    let ops = [insert(1, (1, 4), 10), insert(2, (2, 3), 20)];
    assert_eq!(said(&ops, (0, 6), &[(2, 20)]), None);
    assert_eq!(said(&ops, (0, 6), &[(1, 10)]), None);
    // But the same one for all.
    let (one, other) = (shows((0, 6), &[(1, 10)]), shows((0, 6), &[(2, 20)]));
    assert_eq!(check(&ops, &[one.clone(), shows((0, 6), &[])]), None);
    assert!(check(&ops, &[one, other]).is_some());
}

#[test]
fn an_iteration_shows_values_of_one_moment() {
    let ops = [
        insert(1, (1, 2), 10),
        update(1, (5, 6), 10, 11),
        insert(2, (3, 4), 20),
        update(2, (7, 8), 20, 21),
    ];
    assert_eq!(said(&ops, (4, 9), &[(1, 10), (2, 20)]), None);
    assert_eq!(said(&ops, (4, 9), &[(1, 11), (2, 20)]), None);
    assert!(said(&ops, (4, 9), &[(1, 10), (2, 21)]).unwrap().contains("later replaced"));
}

#[test]
fn lives_of_a_key_follow_each_other() {
    let ops = [
        insert(1, (1, 2), 10),
        remove(1, (5, 6), 10),
        insert(1, (9, 10), 11),
        insert(2, (3, 4), 20),
        remove(2, (7, 8), 20),
    ];
    assert_eq!(said(&ops, (0, 20), &[(1, 11)]), None);
    assert_eq!(said(&ops, (0, 20), &[(2, 20)]), None);
    assert!(said(&ops, (0, 20), &[(1, 11), (2, 20)]).is_some(), "of two moments");
    assert!(said(&ops, (11, 20), &[]).is_some(), "it is there");
    assert!(said(&ops, (3, 3), &[]).is_some(), "it was there all the time");
}

#[test]
fn a_read_orders_what_it_sees() {
    // The insertion takes long; somebody has seen it before another key is added.
    let get = op(1, (2, 3), Call::Get { found: Some(10) });
    let ops = [insert(1, (1, 20), 10), get, insert(2, (4, 5), 20)];
    assert!(said(&ops, (1, 20), &[(2, 20)]).is_some());
    assert_eq!(said(&[ops[0], ops[2]], (1, 20), &[(2, 20)]), None);
}

/// A random history of two keys, with the iterations of a map that has it; some are falsified.
fn random(rng: &mut TestRng) -> (Vec<KeyedOp>, Vec<Snapshot>) {
    let (mut ops, mut snapshots) = (Vec::new(), Vec::new());
    let mut state = [None; 2];
    for step in 0..rng.random_range(3..7_u64) {
        let now = 10 * step + 50;
        let times = (now - rng.random_range(0..25), now + rng.random_range(0..25));
        if rng.random_bool(0.3) {
            let entries = (0..2).filter_map(|k| Some((k, state[k as usize]?))).collect::<Vec<_>>();
            snapshots.push(shows(times, &entries));
            continue;
        }
        let key = rng.random_range(0..2_u64);
        let slot = &mut state[key as usize];
        match *slot {
            None => ops.push(insert(key, times, step + 100)),
            Some(old) if rng.random_bool(0.5) => ops.push(update(key, times, old, step + 100)),
            Some(old) => ops.push(remove(key, times, old)),
        }
        *slot = ops.last().and_then(|keyed| keyed.op.call.written());
    }
    if let (true, Some(shown)) = (rng.random_bool(0.5), snapshots.first_mut()) {
        let key = rng.random_range(0..2_u64);
        shown.entries.retain(|entry| entry.0 != key);
        let of_key = ops.iter().filter(|keyed| keyed.key == key);
        let written: Vec<u64> = of_key.filter_map(|keyed| keyed.op.call.written()).collect();
        if let Some(value) = written.get(rng.random_range(0..=written.len())) {
            shown.entries.push((key, *value));
        }
    }
    ops.sort_by_key(|keyed| (keyed.key, keyed.op.invoked));
    (ops, snapshots)
}

/// Tries every order of what is left to be put in order.
fn has_an_order(ops: &[KeyedOp], snapshots: &[Snapshot], state: [Option<u64>; 2]) -> bool {
    let returns = ops.iter().map(|keyed| keyed.op.returned);
    let returns = returns.chain(snapshots.iter().map(|shown| shown.returned));
    let Some(first) = returns.min() else { return true };
    let op_is_next = |at: usize| {
        let KeyedOp { key, op } = ops[at];
        let step = op.call.step();
        let mut state = state;
        let slot = &mut state[key as usize];
        if op.invoked > first || !step.need.is_met_by(*slot) {
            return false;
        }
        *slot = step.sets.unwrap_or(*slot);
        let mut rest = ops.to_vec();
        rest.remove(at);
        has_an_order(&rest, snapshots, state)
    };
    let snapshot_is_next = |at: usize| {
        let shown = &snapshots[at];
        let mut rest = snapshots.to_vec();
        rest.remove(at);
        let mut entries = shown.entries.clone();
        entries.sort_unstable();
        let present = (0..2).filter_map(|k| Some((k, state[k as usize]?))).collect::<Vec<_>>();
        shown.invoked <= first && entries == present && has_an_order(ops, &rest, state)
    };
    (0..ops.len()).any(op_is_next) || (0..snapshots.len()).any(snapshot_is_next)
}

#[test]
fn what_it_rejects_has_no_order() {
    let mut rng = TestRng::seed_from_u64(1);
    let (mut good, mut bad, mut found) = (0, 0, 0);
    for _ in 0..20_000 {
        let (ops, snapshots) = random(&mut rng);
        let wrong = check(&ops, &snapshots);
        if has_an_order(&ops, &snapshots, [None; 2]) {
            assert_eq!(wrong, None, "{ops:#?} {snapshots:#?}");
            good += 1;
        } else {
            bad += 1;
            found += u32::from(wrong.is_some());
        }
    }
    println!("{good} good histories, {bad} bad ones, of which it finds {found}");
    assert!(good > 5_000 && bad > 1_000);
    // It may miss some, where lives overlap: but few.
    assert!(found * 100 > bad * 90, "finds {found} of {bad}");
}
