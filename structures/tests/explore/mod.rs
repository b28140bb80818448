//! How the models are run.

#![allow(unreachable_pub, reason = "a module of several test binaries")]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// Runs `model` in every execution, and checks that what it returned in them is `expected`.
pub fn explore<T: Ord + Debug + Send + 'static>(
    name: &str,
    expected: impl IntoIterator<Item = T>,
    model: impl Fn() -> T + Send + Sync + 'static,
) {
    explore_with(0, name, expected, model);
}

/// [`explore`] with `fewer` preemptions less, for a model that takes long.
pub fn explore_with<T: Ord + Debug + Send + 'static>(
    fewer: usize,
    name: &str,
    expected: impl IntoIterator<Item = T>,
    model: impl Fn() -> T + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    // Tables of sixteen slots, which are looked through when they are dropped, are more than loom expects.
    builder.max_branches = 5_000;
    builder.preemption_bound = builder.preemption_bound.map(|bound| bound.saturating_sub(fewer));
    explore_by(&builder, name, expected, model);
}

fn explore_by<T: Ord + Debug + Send + 'static>(
    builder: &loom::model::Builder,
    name: &str,
    expected: impl IntoIterator<Item = T>,
    model: impl Fn() -> T + Send + Sync + 'static,
) {
    let seen = Arc::new(Mutex::new((0_u64, BTreeSet::new())));
    let all = Arc::clone(&seen);
    builder.check(move || {
        let outcome = model();
        let mut all = all.lock().expect("no model panics here");
        all.0 += 1;
        all.1.insert(outcome);
    });
    let (executions, outcomes) = &*seen.lock().expect("no model panics here");
    println!("{name}: {executions} executions, {} outcomes", outcomes.len());
    assert!(*executions > 1, "{name}: loom explored nothing");
    assert_eq!(*outcomes, expected.into_iter().collect(), "{name}");
}
