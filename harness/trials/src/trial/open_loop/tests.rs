//! Open loops under a clock that only the test moves.

use std::cell::Cell;

use super::*;
use crate::case::Mix;
use crate::latency::Time;

/// Time passes while the worker waits, and while an operation says so.
#[derive(Default)]
struct Virtual(Cell<u64>);

impl Virtual {
    fn pass(&self, nanos: u64) {
        self.0.set(self.0.get() + nanos);
    }
}

impl Timer for Virtual {
    fn now(&self) -> u64 {
        self.0.get()
    }

    fn wait_until(&self, due: u64) -> u64 {
        self.0.set(self.0.get().max(due));
        self.0.get()
    }
}

fn reads() -> Tape {
    Tape::of(OpMix::new(&Mix::balanced(100.0)).expect("a mix"))
}

/// Operations whose time of this kind is at least so long.
fn at_least(tape: Tape, time: Time, nanos: u64) -> u64 {
    let all = tape.distributions();
    let of = all.iter().filter(|one| one.time == time).flat_map(|one| &one.buckets);
    of.filter(|(value, _)| *value >= nanos).map(|(_, count)| count).sum()
}

/// What an operation at each of these times comes to, where `operate` lets time pass.
fn run(
    timer: &Virtual,
    due: impl Iterator<Item = u64>,
    last_start: u64,
    draw: impl FnMut() -> (Op, u64),
    tape: &mut Tape,
    mut operate: impl FnMut(Op, u64),
) -> Run {
    let mut feed = Due::new(timer, due, last_start, draw, tape);
    loop {
        let &[(op, key)] = feed.next() else { return feed.run };
        operate(op, key);
    }
}

const SERVICE: u64 = 50;
const STALL: u64 = 1_000_000;

/// A worker at 10^6 operations a second for 20 ms, whose `stalled`-th operation takes 1 ms and the
/// others 50 ns each.
fn with_a_stall(stalled: usize) -> (Tape, Vec<u64>, Run) {
    let due: Vec<u64> = Arrivals::new(8, 0, 1e6, 0.02).collect();
    let (timer, mut tape, done) = (Virtual::default(), reads(), Cell::new(0));
    let took = |_, _| {
        timer.pass(if done.get() == stalled { STALL } else { SERVICE });
        done.set(done.get() + 1);
    };
    let run = run(&timer, due.iter().copied(), u64::MAX, || (Op::Get, 1), &mut tape, took);
    (tape, due, run)
}

#[test]
fn response_time_sees_a_stall_in_every_operation_that_was_due_in_it() {
    let stalled = 5_000;
    let (tape, due, run) = with_a_stall(stalled);
    assert_eq!(run.done, due.len() as u64);
    let began = due[stalled];
    // Due in the first nine tenths of the stall: each waited for a tenth of it at least.
    let within = due.iter().filter(|at| (began..began + STALL * 9 / 10).contains(at)).count();
    assert!(within > 800, "the schedule has about 900 operations there, not {within}");
    let slow = at_least(tape.clone(), Time::Response, STALL / 10);
    assert!(slow >= within as u64, "{slow} slow of {within} that were due in the stall");
    // What was due within a stall and a half of its end had its queue before it, and no more did.
    let near = due.iter().filter(|at| (began..began + STALL * 3 / 2).contains(at)).count();
    assert!(slow <= near as u64, "{slow} slow, of which only {near} were due near the stall");
    // To whoever begins an operation when the last one has ended, it is one slow operation.
    assert_eq!(at_least(tape, Time::Service, STALL / 10), 1);
}

#[test]
fn without_a_stall_both_times_are_alike() {
    let (tape, due, _) = with_a_stall(usize::MAX);
    for (time, slow) in [(Time::Service, 0), (Time::Response, due.len() as u64 / 1000)] {
        // Several that are due within 50 ns of each other wait for each other, but not for long.
        assert!(at_least(tape.clone(), time, 10 * SERVICE) <= slow, "{time:?}");
    }
}

#[test]
fn nothing_begins_before_it_is_due() {
    let (timer, mut tape) = (Virtual::default(), reads());
    let due = [10, 20, 1_000];
    let begun = Cell::new(0);
    let check = |_, _| {
        assert!(timer.now() >= due[begun.get()]);
        begun.set(begun.get() + 1);
        timer.pass(100);
    };
    let run = run(&timer, due.into_iter(), u64::MAX, || (Op::Get, 1), &mut tape, check);
    // The second waits for the first and ends at 210, the third waits for nobody.
    assert_eq!(run, Run { done: 3, unstarted: 0, ended: 1_100 });
    assert_eq!(at_least(tape.clone(), Time::Response, 190), 1);
    assert_eq!(at_least(tape, Time::Service, 101), 0);
}

#[test]
fn what_is_never_begun_is_counted() {
    let (timer, mut tape) = (Virtual::default(), reads());
    // Due every 10 ns, and each takes 100: the ninth would begin at 800.
    let due = (0..50).map(|i| i * 10);
    let run = run(&timer, due, 800, || (Op::Get, 1), &mut tape, |_, _| timer.pass(100));
    assert_eq!(run, Run { done: 8, unstarted: 42, ended: 800 });
}

#[test]
fn a_trial_that_is_behind_has_as_long_again_or_a_second() {
    assert_eq!([0.01, 1.0, 3.0].map(last_start), [1_010_000_000, 2_000_000_000, 6_000_000_000]);
}

#[test]
fn workers_are_merged() {
    let part = |response: u64, late_seconds: f64| {
        let mut tape = reads();
        tape.record(Op::Get, response, 10);
        let clock = "virtual".to_owned();
        let distributions = tape.distributions();
        let latency = Latency { planned: 3, unstarted: 2, late_seconds, clock, distributions };
        Work { latency: Some(latency), ..Work::default() }
    };
    let all = together(&[part(10, 0.5), part(20, 0.25)]).expect("two parts");
    assert_eq!((all.planned, all.unstarted, all.late_seconds), (6, 4, 0.5));
    let of = |time| all.distributions.iter().find(|one| one.time == time).expect("one");
    assert_eq!(of(Time::Response).buckets, [(10, 1), (20, 1)]);
    assert_eq!(of(Time::Service).buckets, [(10, 2)]);
    assert_eq!(together(&[]), None);
}
