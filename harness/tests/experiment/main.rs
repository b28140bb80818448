//! Experiment files: every rule of docs/FORMAT.md, and every complaint with its place.

mod any_text;
mod cells;
mod keys;
mod mistakes;
mod overrides;
mod presets;

use harness::experiment::{Experiment, SpecError};
use harness::programs::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};

/// The file of the quick start, with every kind of key.
const QUICKSTART: &str = r#"title = "Quickstart"
question = "Which table would you pick at 2 threads, and does skew change the answer?"
reproduces = ""                 # a paper's figure, if any
seed = 42
seconds = 0.5                   # per trial, after warm-up
warmup = 0.1
blocks = 10
target_halfwidth = 0.05         # optional: add blocks until reached …
max_blocks = 30                 # … or this

[axes]                          # the grid is their product
structure = ["chaining-lock-free", "cuckoo-*", "hamt-cas"]
reclaimer = ["epoch", "hazard"]
threads = [1, 2, 4]
reads = [100, 95, 50]
zipf = [0.0, 0.99]
keys = [65536]
"#;

fn entry(name: &str, reclaimers: &[&str], max_threads: Option<usize>) -> StructureEntry {
    StructureEntry {
        name: name.to_owned(),
        reclaimers: reclaimers.iter().map(|&name| name.to_owned()).collect(),
        why_not: String::new(),
        max_threads,
        huge_pages: name.starts_with("cuckoo-optimistic"),
        hashed: reclaimers.iter().filter(|&&r| r != "leak").map(|&r| r.to_owned()).collect(),
        bytes: match name.starts_with("cuckoo-optimistic") {
            true => Vec::new(),
            false => vec![reclaimers[reclaimers.len() - 1].to_owned()],
        },
        why_no_bytes: "its entries are inline words".to_owned(),
    }
}

fn catalogue_without_controls() -> Catalogue {
    let mut shared = entry("cow-cas", &["arc"], None);
    shared.why_not = "a reader keeps its snapshot".to_owned();
    Catalogue {
        structures: vec![
            entry("chaining-lock-free", &["leak", "epoch", "hazard"], None),
            entry("chaining-bucket-lock", &["none"], None),
            entry("cuckoo-striped", &["none"], None),
            entry("cuckoo-optimistic", &["none"], None),
            entry("cuckoo-optimistic:slots=8", &["none"], None),
            entry("cuckoo-optimistic:exclusion=global-lock,tags=off", &["none"], None),
            entry("cuckoo-optimistic-items", &["epoch", "hazard"], None),
            entry("hamt-cas", &["epoch", "hazard"], None),
            entry("hamt-psim", &["epoch"], Some(64)),
            shared,
        ],
        reclaimers: ["leak", "epoch", "hazard", "arc"]
            .map(|name| ReclaimerEntry { name: name.to_owned(), takes_batch: name == "hazard" })
            .to_vec(),
        allocators: ["system", "mimalloc"].map(str::to_owned).to_vec(),
        ..Catalogue::default()
    }
}

fn catalogue() -> Catalogue {
    let mut catalogue = catalogue_without_controls();
    catalogue.structures.push(entry("no-op", &["none"], None));
    catalogue.structures.push(entry("sequential", &["none"], Some(1)));
    catalogue
}

fn parse(text: &str) -> Experiment {
    Experiment::parse("e.toml", text, &catalogue()).unwrap_or_else(|error| panic!("{error}"))
}

fn reject(text: &str) -> SpecError {
    match Experiment::parse("e.toml", text, &catalogue()) {
        Ok(experiment) => panic!("accepted with {} cases:\n{text}", experiment.cases.len()),
        Err(error) => error,
    }
}

/// `text` has exactly one mistake: on `line`, under `offending`, described by `message`, with
/// `help` in its help line, and the rendering shows all of it.
#[track_caller]
fn one_problem(text: &str, line: usize, offending: &str, message: &str, help: &str) {
    let error = reject(text);
    assert_eq!(error.problems().len(), 1, "{error}");
    let problem = &error.problems()[0];
    let (found_line, column) = error.position(problem);
    assert_eq!((found_line, error.offending(problem)), (line, offending), "{error}");
    assert_eq!(problem.message, message, "{error}");
    assert!(problem.help.contains(help), "{error}");
    let shown = error.to_string();
    assert!(shown.contains(&format!("e.toml:{line}:{column}")), "{shown}");
    for part in [offending, message, help, "help: "] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    if !offending.is_empty() {
        assert!(shown.contains(&"^".repeat(offending.chars().count())), "{shown}");
    }
}

/// The smallest grid with `line` before and after its header.
fn top(line: &str) -> String {
    format!("{line}\n[axes]\nstructure = \"hamt-cas\"\n")
}

fn axes(line: &str) -> String {
    format!("controls = false\n[axes]\nstructure = \"hamt-cas\"\n{line}\n")
}

/// The whole numbers from 1, as a list has them.
fn numbers(to: u32) -> String {
    (1..=to).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
}

fn subjects(experiment: &Experiment) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    for case in &experiment.cases {
        if !subjects.contains(&case.subject()) {
            subjects.push(case.subject());
        }
    }
    subjects
}
