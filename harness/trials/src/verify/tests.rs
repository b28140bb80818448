//! Runs on a table that is right.

use structures::ChainingBucketLock;

use super::record::record;
use crate::clock::Clock;

use super::{Findings, Judgement, MIN_OVERLAPPING, VerifySpec, run_by};

fn run_bucket_lock(clock: Clock, threads: usize) -> Findings {
    let spec = VerifySpec {
        structure: "chaining-bucket-lock".to_owned(),
        reclaimer: "none".to_owned(),
        seconds: 0.001,
        seed: 1,
        threads,
        keys: 500,
    };
    let maker = kernel::maker(|options| {
        ChainingBucketLock::with_capacity_and_hasher(options.capacity, options.hasher())
    });
    run_by(clock, &|round| record(&maker, round), &spec)
}

#[test]
fn a_right_table_passes_by_either_clock() {
    for clock in [Clock::choose(), Clock::monotonic()] {
        let found = run_bucket_lock(clock, 4);
        assert_eq!(found.verdict(), (Judgement::Linearizable, String::new()), "{found:?}");
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
    assert_eq!(verdict, Judgement::Unknown);
    assert!(why.contains("only 0 operations overlapped"), "{why}");
    let enough = Findings { overlapping: MIN_OVERLAPPING, ..Findings::default() };
    assert_eq!(enough.verdict().0, Judgement::Linearizable);
    let undecided = Findings { undecided: 1, ..enough };
    assert_eq!(undecided.verdict().0, Judgement::Unknown);
}
