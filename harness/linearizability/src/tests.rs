//! The checker against histories made by hand, and against one that tries every order; the
//! pictures.

mod cache;

use rand::{RngExt, SeedableRng};

use crate::history::{Call, Given, TimedOp, count_overlapping};
use crate::minimise::{self, Extract, minimise};
use crate::sweep::{BUDGET, Decision, MAX_PENDING, check};
use crate::{Counterexample, Stranger, svg, timeline};

/// The generator of all random histories.
pub(crate) type TestRng = rand_xoshiro::Xoshiro256PlusPlus;

fn op(thread: u32, invoked: u64, returned: u64, call: Call) -> TimedOp {
    TimedOp { thread, invoked, returned, call }
}

fn get(found: impl Into<Option<u64>>) -> Call {
    Call::Get { found: found.into() }
}

fn insert(value: u64, added: bool) -> Call {
    Call::Insert { value, added }
}

fn update(old: impl Into<Option<u64>>, new: u64) -> Call {
    let old = old.into();
    Call::Update { given: old.map_or(Given::Nothing, Given::Value), new, old }
}

fn upsert(old: impl Into<Option<u64>>, new: u64) -> Call {
    let old = old.into();
    Call::Upsert { given: Given::from(old), new, old }
}

fn remove(taken: impl Into<Option<u64>>) -> Call {
    Call::Remove { taken: taken.into() }
}

const PENDING: u64 = TimedOp::PENDING;

#[track_caller]
fn assert_good(ops: &[TimedOp]) {
    assert_eq!(check(None, ops, BUDGET), Decision::Linearizable);
    assert!(has_an_order(None, ops));
}

/// Not linearizable, and what the key could have been before the return of operation `at`.
#[track_caller]
fn assert_bad(ops: &[TimedOp], at: usize, possible: &[Option<u64>]) {
    match check(None, ops, BUDGET) {
        Decision::Stuck(stuck) => assert_eq!((stuck.op, &stuck.possible[..]), (at, possible)),
        outcome => panic!("{outcome:?}"),
    }
    assert!(!has_an_order(None, ops));
}

#[test]
fn sequential_histories_are_checked_against_the_map() {
    assert_good(&[]);
    assert_good(&[
        op(0, 1, 2, get(None)),
        op(0, 3, 4, insert(7, true)),
        op(0, 5, 6, insert(8, false)),
        op(0, 7, 8, update(7, 9)),
        op(0, 9, 10, upsert(9, 10)),
        op(0, 11, 12, remove(10)),
        op(0, 13, 14, update(None, 11)),
        op(0, 15, 16, remove(None)),
        op(0, 17, 18, upsert(None, 12)),
        op(0, 19, 20, get(12)),
    ]);
    let inserted = op(0, 1, 2, insert(7, true));
    for wrong in [
        get(None),
        get(8),
        insert(8, true),
        update(None, 8),
        update(9, 8),
        upsert(None, 8),
        remove(None),
        remove(8),
    ] {
        assert_bad(&[inserted, op(1, 3, 4, wrong)], 1, &[Some(7)]);
    }
    for wrong in [get(7), insert(8, false), update(7, 8), upsert(7, 8), remove(7)] {
        assert_bad(&[op(1, 3, 4, wrong)], 0, &[None]);
    }
}

#[test]
fn overlapping_operations_may_have_happened_in_either_order() {
    for call in [get(None), get(7), remove(None), remove(7), update(7, 8), update(None, 8)] {
        assert_good(&[op(0, 1, 10, insert(7, true)), op(1, 2, 3, call)]);
        assert_good(&[op(1, 1, 2, call), op(0, 2, 3, insert(7, true))]);
    }
    // Only if the times are equal: here the read comes first.
    assert_bad(&[op(1, 1, 2, get(7)), op(0, 3, 4, insert(7, true))], 0, &[None]);
}

#[test]
fn a_read_must_not_be_older_than_one_before() {
    let writes = [op(0, 1, 2, insert(1, true)), op(0, 3, 20, update(1, 2))];
    let reads = |first, second| [op(1, 4, 5, get(first)), op(1, 6, 7, get(second))];
    let history = |reads: [TimedOp; 2]| [writes.as_slice(), reads.as_slice()].concat();
    assert_good(&history(reads(1, 2)));
    assert_good(&history(reads(2, 2)));
    assert_bad(&history(reads(2, 1)), 3, &[Some(2)]);
}

#[test]
fn a_write_is_consumed_once() {
    let begin = op(0, 1, 2, insert(1, true));
    assert_bad(&[begin, op(0, 3, 8, update(1, 2)), op(1, 4, 9, update(1, 3))], 2, &[Some(2)]);
    assert_bad(&[begin, op(0, 3, 8, remove(1)), op(1, 4, 9, remove(1))], 2, &[None]);
    let inserts = [op(0, 3, 8, insert(2, true)), op(1, 4, 9, insert(3, true))];
    assert_bad(&inserts, 1, &[Some(2)]);
    let between = [inserts[0], inserts[1], op(2, 5, 10, remove(3))];
    assert_good(&between);
}

#[test]
fn an_answer_must_be_what_the_closure_was_given() {
    let begin = op(0, 1, 2, insert(1, true));
    let dishonest = |given| Call::Update { given, new: 3, old: Some(1) };
    assert_good(&[begin, op(0, 3, 4, dishonest(Given::Value(1)))]);
    for given in [Given::Value(2), Given::Nothing, Given::Absent] {
        assert_bad(&[begin, op(0, 3, 4, dishonest(given))], 1, &[Some(1)]);
    }
    let unasked = Call::Upsert { given: Given::Nothing, new: 3, old: None };
    assert_bad(&[op(0, 3, 4, unasked)], 0, &[None]);
    // An update that lost its key on the way had run its closure.
    let lost = Call::Update { given: Given::Value(1), new: 3, old: None };
    assert_good(&[begin, op(1, 3, 8, lost), op(0, 4, 5, remove(1))]);
}

#[test]
fn what_has_not_returned_may_have_happened_or_not() {
    let begin = op(0, 1, 2, insert(1, true));
    let pending = op(1, 3, PENDING, remove(1));
    assert_good(&[begin, pending]);
    assert_good(&[begin, pending, op(0, 4, 5, get(1))]);
    assert_good(&[begin, pending, op(0, 4, 5, get(1)), op(0, 6, 7, get(None))]);
    assert_bad(&[begin, pending, op(0, 4, 5, get(None)), op(0, 6, 7, get(1))], 3, &[None]);
    assert_good(&[begin, op(1, 3, PENDING, get(99))]);
}

#[test]
fn too_much_work_or_too_many_pending_is_unknown() {
    // Inserts and removals of different values, all at once: every order of pairs is possible.
    let pair = |value| [op(0, 1, 100, insert(value, true)), op(0, 1, 100, remove(value))];
    let ops: Vec<TimedOp> = (1..=8).flat_map(pair).collect();
    assert_eq!(check(None, &ops, BUDGET), Decision::Linearizable);
    assert_eq!(check(None, &ops, 3), Decision::Unknown);
    let at_once = |count: usize| vec![op(0, 1, 2, get(None)); count];
    assert_eq!(check(None, &at_once(MAX_PENDING), BUDGET), Decision::Linearizable);
    assert_eq!(check(None, &at_once(MAX_PENDING + 1), BUDGET), Decision::Unknown);
}

#[test]
fn operations_overlap_if_their_times_do() {
    let overlapping = |times: &[(u64, u64)]| {
        let ops: Vec<TimedOp> = times.iter().map(|&(i, r)| op(0, i, r, get(None))).collect();
        count_overlapping(&ops)
    };
    assert_eq!(overlapping(&[]), 0);
    assert_eq!(overlapping(&[(1, 2), (3, 4)]), 0);
    assert_eq!(overlapping(&[(1, 3), (2, 4), (5, 6)]), 2);
    assert_eq!(overlapping(&[(1, 9), (2, 3), (4, 5), (10, 11)]), 3);
    assert_eq!(overlapping(&[(1, 2), (2, 3)]), 0, "a clock that stood still shows no overlap");
}

/// What the map's contract makes of a state, if the answer is right. Written from the contract,
/// not from what the sweep uses.
fn apply(call: Call, state: Option<u64>) -> Option<Option<u64>> {
    let (right, next) = match call {
        Call::Get { found } => (found == state, state),
        Call::Insert { value, added } => (added == state.is_none(), state.or(Some(value))),
        Call::Update { given, new, old } => match state {
            Some(value) => (old == state && given == Given::Value(value), Some(new)),
            None => (old.is_none(), None),
        },
        Call::Upsert { given, new, old } => {
            let shown = state.map_or(Given::Absent, Given::Value);
            (old == state && given == shown, Some(new))
        }
        Call::Remove { taken } => (taken == state, None),
    };
    right.then_some(next)
}

/// Tries every order.
fn has_an_order(state: Option<u64>, left: &[TimedOp]) -> bool {
    some_order(state, left, false)
}

/// The same; whether the key may be lost before an operation, as by a cache.
fn some_order(state: Option<u64>, left: &[TimedOp], may_be_lost: bool) -> bool {
    if left.iter().all(TimedOp::is_pending) {
        return true;
    }
    (0..left.len()).any(|first| {
        let after_another = left.iter().any(|other| other.returned < left[first].invoked);
        let mut rest = left.to_vec();
        let op = rest.remove(first);
        let follows =
            |state| apply(op.call, state).is_some_and(|next| some_order(next, &rest, may_be_lost));
        !after_another && (follows(state) || may_be_lost && follows(None))
    })
}

/// A history of up to seven operations that some order explains.
fn good_history(rng: &mut TestRng) -> Vec<TimedOp> {
    let threads = rng.random_range(2..=4_usize);
    let mut clocks = vec![0; threads];
    let mut points = Vec::new();
    for value in 1..=rng.random_range(2..=7_u64) {
        let thread = rng.random_range(0..threads);
        let invoked = clocks[thread] + rng.random_range(0..3_u64);
        let returned = invoked + rng.random_range(0..6_u64);
        clocks[thread] = returned + 1;
        let point = invoked as f64 + rng.random::<f64>() * (returned - invoked) as f64;
        points.push((point, op(thread as u32, invoked, returned, get(None)), value));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut state = None;
    let answer = |(_, op, value): (f64, TimedOp, u64)| {
        let call = match rng.random_range(0..5) {
            0 => get(state),
            1 => insert(value, state.is_none()),
            2 => update(state, value),
            3 => upsert(state, value),
            _ => remove(state),
        };
        state = apply(call, state).expect("the answer is right");
        TimedOp { call, ..op }
    };
    let mut ops: Vec<TimedOp> = points.into_iter().map(answer).collect();
    ops.sort_by_key(|op| op.invoked);
    ops
}

/// One answer, or one time of return, is another.
fn disturb(ops: &mut [TimedOp], rng: &mut TestRng) {
    let index = rng.random_range(0..ops.len());
    let other = Some(rng.random_range(0..8_u64)).filter(|value| *value > 0);
    let op = &mut ops[index];
    match &mut op.call {
        _ if rng.random_range(0..4) == 0 => op.returned = op.invoked,
        Call::Insert { added, .. } => *added = !*added,
        Call::Get { found } => *found = other,
        Call::Remove { taken } => *taken = other,
        Call::Update { given, old, .. } | Call::Upsert { given, old, .. } => {
            *old = other;
            if rng.random_range(0..4) > 0 {
                *given = Given::from(other);
            }
        }
    }
}

/// The last operation of a thread has not returned.
fn leave_pending(ops: &mut [TimedOp], rng: &mut TestRng) {
    let thread = ops[rng.random_range(0..ops.len())].thread;
    let last = ops.iter_mut().filter(|op| op.thread == thread).max_by_key(|op| op.invoked);
    last.into_iter().for_each(|op| op.returned = PENDING);
}

const HISTORIES: usize = 20_000;

fn histories(seed: u64) -> impl Iterator<Item = Vec<TimedOp>> {
    let mut rng = TestRng::seed_from_u64(seed);
    (0..HISTORIES).map(move |_| {
        let mut ops = good_history(&mut rng);
        if rng.random_range(0..3) > 0 {
            disturb(&mut ops, &mut rng);
        }
        if rng.random_range(0..4) == 0 {
            leave_pending(&mut ops, &mut rng);
        }
        ops
    })
}

#[test]
fn the_sweep_agrees_with_trying_every_order() {
    let mut bad = 0;
    for ops in histories(1) {
        let good = has_an_order(None, &ops);
        match check(None, &ops, BUDGET) {
            Decision::Linearizable => assert!(good, "{ops:#?}"),
            Decision::Stuck(_) => assert!(!good, "{ops:#?}"),
            Decision::Unknown => panic!("{ops:#?}"),
        }
        bad += usize::from(!good);
    }
    assert!((HISTORIES / 4..HISTORIES * 3 / 4).contains(&bad), "{bad} of {HISTORIES} were bad");
}

#[test]
fn an_undisturbed_history_is_good() {
    let mut rng = TestRng::seed_from_u64(2);
    (0..HISTORIES).for_each(|_| assert_good(&good_history(&mut rng)));
}

#[test]
fn what_is_left_of_a_bad_history_is_bad_and_small() {
    let (mut before, mut after) = (0, 0);
    for ops in histories(3) {
        let good = has_an_order(None, &ops);
        let Some(extract) = minimise(None, &ops) else {
            assert!(good, "{ops:#?}");
            continue;
        };
        assert!(!good && !has_an_order(extract.initial, &extract.ops), "{ops:#?}\n{extract:#?}");
        for group in minimise::groups(&extract.ops) {
            let mut index = 0;
            let mut rest = extract.ops.clone();
            rest.retain(|_| (!group.contains(&index), index += 1).0);
            let still_bad = !has_an_order(extract.initial, &rest);
            assert!(!still_bad, "{group:?} can be left out of {extract:#?}");
        }
        (before, after) = (before + ops.len(), after + extract.ops.len());
    }
    assert!(after * 2 < before, "{before} operations, {after} left");
}

/// The property on which a small history proves a large one wrong: of a good one, good is left.
#[test]
fn what_may_be_left_out_of_a_good_history_leaves_a_good_one() {
    let mut left_out = 0;
    for ops in histories(4).filter(|ops| has_an_order(None, ops)) {
        for group in minimise::groups(&ops) {
            let mut index = 0;
            let mut rest = ops.clone();
            rest.retain(|_| (!group.contains(&index), index += 1).0);
            assert!(has_an_order(None, &rest), "{group:?} of {ops:#?}");
            left_out += usize::from(group.len() > 1);
        }
        for end in 0..30 {
            let rest = minimise::until(end, &ops);
            assert!(has_an_order(None, &rest), "until {end}: {ops:#?}");
        }
    }
    assert!(left_out > 1_000, "only {left_out} lives were left out");
}

#[test]
fn the_beginning_is_cut_where_the_state_is_certain() {
    let mut cut = 0;
    for mut ops in histories(5).filter(|ops| has_an_order(None, ops)) {
        ops.push(op(9, 100, 101, get(99)));
        ops.sort_by_key(|op| op.invoked);
        let all = ops.len();
        let extract = Extract::of(None, ops).expect("nobody wrote 99").cut();
        let rest: Vec<TimedOp> = extract.ops.iter().filter(|op| op.thread != 9).copied().collect();
        assert!(has_an_order(extract.initial, &rest), "{extract:#?}");
        cut += all - extract.ops.len();
    }
    assert!(cut > HISTORIES, "only {cut} operations were cut");
}

/// Threads that overlap all the time, on one key: a long history in which the sweep must not lose
/// its way.
fn long_history(count: usize) -> Vec<TimedOp> {
    let mut rng = TestRng::seed_from_u64(6);
    let mut state = None;
    let mut ops = Vec::new();
    for index in 0..count as u64 {
        let point = 100 * index;
        let value = index + 1;
        let call = match rng.random_range(0..5) {
            0 => get(state),
            1 => insert(value, state.is_none()),
            2 => update(state, value),
            3 => upsert(state, value),
            _ => remove(state),
        };
        state = apply(call, state).expect("the answer is right");
        let (invoked, returned) = (
            point + 1000 - rng.random_range(0..200_u64),
            point + 1000 + rng.random_range(0..199_u64),
        );
        ops.push(op((index % 4) as u32, invoked, returned, call));
    }
    ops.sort_by_key(|op| op.invoked);
    ops
}

#[test]
fn one_wrong_answer_in_a_long_history_is_found_and_shown_by_few_operations() {
    let good = long_history(20_000);
    assert_eq!(check(None, &good, BUDGET), Decision::Linearizable);
    assert!(count_overlapping(&good) > 19_000);
    let mut bad = good.clone();
    let victim = (15_000..).find(|&op| matches!(good[op].call, Call::Get { found: Some(_) }));
    let victim = victim.expect("a read that found something");
    bad[victim].call = get(7);
    let extract = minimise(None, &bad).expect("it is bad");
    assert!(extract.ops.len() <= 4, "{extract:#?}");
    assert!(extract.ops.iter().any(|op| op.call == get(7)));
}

/// A read that missed an update which had returned, before an insert that has not.
fn example() -> Counterexample {
    let ops = vec![
        op(2, 0, 30, update(5, 6)),
        op(0, 40, PENDING, Call::Insert { value: 8, added: true }),
        op(1, 50, 60, get(9)),
    ];
    Counterexample {
        key: 17,
        initial: Some(5),
        since: "thread 1 left it so 0.25 µs before".to_owned(),
        ops,
        stuck_at: 2,
        possible: vec![Some(6)],
        out_of: 800,
        ticks_per_second: 2e9,
        strangers: vec![Stranger { value: 9, origin: "thread 3 wrote it to key 4".to_owned() }],
    }
}

#[test]
fn a_counterexample_is_drawn_in_text() {
    let expected = "  key 17, at first a (thread 1 left it so 0.25 µs before)
  thread 2  update b → a      ├──┤
  thread 0  insert c → true         ├────────┄
  thread 1  get      → d    ✗          ├──┤
  ✗ when it returned, no order could explain `get → d`: the key could be b
  d: thread 3 wrote it to key 4
  ┄ had not returned by then; may have taken effect or not
  3 of the 800 operations on that key in that round; 30 ns from the first event to the last
";
    assert_eq!(timeline::draw(&example()), expected);
}

#[test]
fn an_answer_that_contradicts_its_closure_is_drawn_as_such() {
    let call = Call::Update { given: Given::Value(9), new: 6, old: Some(5) };
    let example = Counterexample { ops: vec![op(0, 0, 1, call)], stuck_at: 0, ..example() };
    let drawn = timeline::draw(&example);
    assert!(drawn.contains("update c → a, closure saw b ✗ ├──┤"), "{drawn}");
}

#[test]
fn a_counterexample_is_drawn_as_svg() {
    let drawn = svg::draw(&example(), "a<b>/c & d");
    let boxes = drawn.matches("rx=\"3\"").count();
    let (broken, stuck) = ("stroke-dasharray", "stroke=\"#d55e00\"");
    assert_eq!((boxes, drawn.matches(broken).count(), drawn.matches(stuck).count()), (3, 1, 1));
    for text in ["a&lt;b&gt;/c &amp; d: key 17", ">thread 2<", ">update b → a<", ">get → d<"] {
        assert!(drawn.contains(text), "no {text} in {drawn}");
    }
}

#[test]
fn names_are_letters_as_long_as_there_are_any() {
    let ops = (1..=30).map(|value| op(0, value, value, insert(value, true))).collect();
    let names = timeline::Names::of(&Counterexample { initial: None, ops, ..example() });
    let shown = [1, 26, 27, 30, 31].map(|value| names.name(value).to_owned());
    assert_eq!(shown, ["a", "z", "v27", "v30", "?"]);
}
