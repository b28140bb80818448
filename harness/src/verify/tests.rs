//! Runs on a table that is right; the pictures are read by another program.

use linearizability::history::{Call, Op};
use linearizability::{Counterexample, svg};
use structures::ChainingBucketLock;

use super::clock::Clock;
use super::record::record;
use super::{Findings, MIN_OVERLAPPING, Verdict, VerifySpec, run_by};

fn run_bucket_lock(clock: Clock, threads: usize) -> Findings {
    let spec = VerifySpec {
        structure: "chaining-bucket-lock".to_owned(),
        reclaimer: "none".to_owned(),
        seconds: 0.001,
        seed: 1,
        threads,
        keys: 500,
    };
    let build = |options: &crate::subject::MapOptions| {
        ChainingBucketLock::with_capacity_and_hasher(options.capacity, options.hasher())
    };
    run_by(clock, &|round| record(build, round), &spec)
}

#[test]
fn a_right_table_passes_by_either_clock() {
    for clock in [Clock::choose(), Clock::monotonic()] {
        let found = run_bucket_lock(clock, 4);
        assert_eq!(found.verdict(), (Verdict::Linearizable, String::new()), "{found:?}");
        assert_eq!((found.rounds, found.clock.as_str()), (3, clock.name()));
        assert!(found.operations > 30_000 && found.len_calls > 100, "{found:?}");
        assert!(found.most_entries > 100, "it has not grown: {found:?}");
    }
}

#[test]
fn a_run_in_which_threads_do_not_meet_is_no_pass() {
    let alone = run_bucket_lock(Clock::monotonic(), 1);
    assert_eq!(alone.overlapping, 0);
    let (verdict, why) = alone.verdict();
    assert_eq!(verdict, Verdict::Unknown);
    assert!(why.contains("only 0 operations overlapped"), "{why}");
    let enough = Findings { overlapping: MIN_OVERLAPPING, ..Findings::default() };
    assert_eq!(enough.verdict().0, Verdict::Linearizable);
    let undecided = Findings { undecided: 1, ..enough };
    assert_eq!(undecided.verdict().0, Verdict::Unknown);
}

#[test]
fn a_picture_can_be_read() {
    let op = Op { thread: 0, invoked: 0, returned: 9, call: Call::Get { found: Some(7) } };
    let example = Counterexample {
        key: 17,
        initial: None,
        since: "from the start".to_owned(),
        ops: vec![op],
        stuck_at: 0,
        possible: vec![None],
        out_of: 1,
        ticks_per_second: 1e9,
        strangers: Vec::new(),
    };
    let drawn = svg::draw(&example, "a<b>/c & d");
    let tree = resvg::usvg::Tree::from_str(&drawn, &resvg::usvg::Options::default());
    assert!(tree.is_ok(), "{tree:?}\n{drawn}");
}
