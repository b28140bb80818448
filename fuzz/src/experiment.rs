//! Any bytes as an experiment file.
//!
//! What is wrong must be said, with a place in the text; what is right must be a plan that can be
//! scheduled, and must stay the same plan when it is read again, and with settings of the command line.

use std::collections::HashSet;
use std::fs;
use std::sync::LazyLock;

use harness::case::Case;
use harness::experiment::{Experiment, Overrides, SpecError, apply_overrides, trial_times};
use harness::programs::catalogue::Catalogue;
use harness::sweep::schedule::{Job, block_order, jobs, trial_seed};

use crate::bench::{self, REGISTRY, scratch};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| REGISTRY.catalogue());

/// Of a large plan the first cells are looked at closely.
const LOOKED_AT: usize = 200;

/// Reads `data` as an experiment file.
///
/// # Panics
///
/// If it is neither an error that says where nor a plan that agrees with itself.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Experiment::parse("fuzz.toml", text, &CATALOGUE) {
        Err(error) => explained(&error, text),
        Ok(experiment) => {
            planned(&experiment);
            overridden(&experiment, text);
            shown(&experiment, text);
            let again = Experiment::parse("fuzz.toml", text, &CATALOGUE);
            assert_eq!(again.expect("it was right before"), experiment);
        }
    }
}

/// Every mistake has a place, and words.
fn explained(error: &SpecError, text: &str) {
    assert!(!error.problems().is_empty(), "an error without a mistake");
    let lines = text.matches('\n').count() + 1;
    for problem in error.problems() {
        assert!(text.get(problem.span.clone()).is_some(), "{problem:?} is not in the text");
        let (line, column) = error.position(problem);
        assert!((1..=lines).contains(&line) && column >= 1, "{problem:?} is at {line}:{column}");
        assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{problem:?}");
        assert!(!error.offending(problem).contains('\n'), "{problem:?} is more than a line");
    }
    assert!(error.render(false).contains("error"), "shown as {:?}", error.render(false));
    assert!(!error.render(true).is_empty());
}

/// The plan has cells, each once, and trials of them.
fn planned(experiment: &Experiment) {
    assert!(!experiment.cases.is_empty(), "a plan without cells");
    assert!(experiment.blocks <= experiment.max_blocks, "{experiment:?}");
    let jobs = jobs(experiment);
    assert!(jobs.len() >= experiment.cases.len(), "a cell is never measured");
    assert!(jobs.iter().all(|Job { cell, .. }| *cell < experiment.cases.len()));
    let mut order = block_order(experiment.seed, 0, jobs.len().min(LOOKED_AT));
    order.sort_unstable();
    assert!(order.iter().copied().eq(0..jobs.len().min(LOOKED_AT)), "a job is left out");
    let looked_at = &experiment.cases[..experiment.cases.len().min(LOOKED_AT)];
    let ids: HashSet<String> = looked_at.iter().map(Case::id).collect();
    assert_eq!(ids.len(), looked_at.len(), "a cell is there twice");
    for case in looked_at {
        let _any = trial_seed(experiment.seed, 0, case);
        assert!(!case.to_string().is_empty());
        // As the process of a trial gets it.
        let text = serde_json::to_string(case).expect("a case is plain data");
        let read: Case = serde_json::from_str(&text).expect("what is written is read");
        assert_eq!(read, *case);
        assert_eq!(read.id(), case.id());
    }
}

/// Settings of the command line are the file's, and change nothing else.
fn overridden(experiment: &Experiment, text: &str) {
    let overrides =
        Overrides { seed: Some(7), seconds: Some(0.25), warmup: Some(0.125), blocks: Some(3) };
    let text = apply_overrides(text, &overrides);
    let times = trial_times(&text).map(|times| (times.seconds, times.warmup));
    assert_eq!(times, Some((0.25, 0.125)), "{text}");
    match Experiment::parse("fuzz.toml", &text, &CATALOGUE) {
        Ok(set) => {
            assert_eq!((set.seed, set.seconds, set.warmup, set.blocks), (7, 0.25, 0.125, 3));
            assert_eq!(set.cases, experiment.cases);
        }
        // A plan of its own may not go with them.
        Err(error) => explained(&error, &text),
    }
}

/// `bench sweep --dry-run` shows the plan.
fn shown(experiment: &Experiment, text: &str) {
    // Not of every file on this machine that a mutation names.
    if experiment.cases.len() > LOOKED_AT || text.contains("trace") {
        return;
    }
    let folder = scratch();
    let path = folder.path().join("fuzz.toml");
    fs::write(&path, text).expect("there is room");
    let path = path.to_str().expect("it was made so");
    let (code, printed) = bench::run(["bench", "sweep", "--dry-run", path]);
    assert_eq!(code, 0, "{}", printed.err);
    assert!(
        printed.out.contains(&format!("{} cells x", experiment.cases.len())),
        "{}",
        printed.out
    );
}
