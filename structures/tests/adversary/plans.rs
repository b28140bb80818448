//! Plans for three threads, two of which are left standing in turn.

use super::Plan;
use super::Turn::{End, Operation, Steps};

/// Plans in which thread 1 stands after each of its first `first` steps and, each time, a thread
/// after each of its first `second` steps.
pub fn plans(first: usize, second: usize, stride: usize) -> Vec<Plan> {
    let mut plans = Vec::new();
    for a in 0..=first {
        plans.push(vec![(1, Steps(a)), (2, End), (3, End), (1, End)]);
        for b in (a % stride..=second).step_by(stride) {
            // The last to be stopped goes on first, or last; or it is the first once more, whom
            // another's operation comes between twice.
            plans.push(vec![(1, Steps(a)), (2, Steps(b)), (3, End), (2, End), (1, End)]);
            plans.push(vec![(1, Steps(a)), (2, Steps(b)), (3, End), (1, End), (2, End)]);
            plans.push(vec![(1, Steps(a)), (2, Steps(b)), (1, End), (3, End), (2, End)]);
            plans.push(vec![
                (1, Steps(a)),
                (2, Operation),
                (1, Steps(b)),
                (3, Operation),
                (1, Steps(1)),
                (2, End),
                (3, End),
                (1, End),
            ]);
        }
    }
    plans
}

/// Plans in which thread 1 fails twice: thread 3 stands in the midst of an operation when thread 2
/// begins one, and that when thread 1 does; each completes its own between steps of thread 1.
pub fn plans_of_drafts(steps: usize, stride: usize) -> Vec<Plan> {
    let mut plans = Vec::new();
    let stands = move || (1..steps).step_by(stride);
    for (a, b, c) in
        stands().flat_map(|a| stands().flat_map(move |b| stands().map(move |c| (a, b, c))))
    {
        for again in (1..=steps).step_by(stride) {
            plans.push(vec![
                (3, Steps(c)),
                (2, Steps(b)),
                (1, Steps(a)),
                (3, Operation),
                (1, Steps(again)),
                (2, Operation),
                (1, End),
            ]);
        }
    }
    plans
}
