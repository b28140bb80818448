//! Experiment files: every rule of docs/FORMAT.md, and every complaint with its place.

use std::collections::HashSet;

use harness::case::{Case, Mix};
use harness::experiment::{Experiment, Overrides, SpecError, Turns, apply_overrides};
use harness::fault::Fault;
use harness::programs::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};
use harness::workload::Length;
use proptest::prelude::*;

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

// What a right file means.

#[test]
fn quickstart_has_the_cells_counted_by_hand() {
    let experiment = parse(QUICKSTART);
    // chaining-lock-free × 2, cuckoo-striped, cuckoo-optimistic, cuckoo-optimistic-items × 2,
    // hamt-cas × 2: 8 subjects × 3 threads × 3 mixes × 2 skews; then no-op for each of the 18
    // workloads, sequential for the 6 that are left when threads is 1, and a twin for each.
    assert_eq!(experiment.cases.len(), 8 * 18 + 18 + 6 + 18);
    assert_eq!(experiment.skipped, Vec::<String>::new());
    assert_eq!(experiment.title, "Quickstart");
    assert!(experiment.question.starts_with("Which table"));
    assert_eq!((experiment.seed, experiment.blocks, experiment.max_blocks), (42, 10, 30));
    assert_eq!((experiment.seconds, experiment.warmup), (0.5, 0.1));
    assert_eq!(experiment.target_halfwidth, Some(0.05));
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let experiment = parse("axes.structure = \"hamt-cas\"\ncontrols = false");
    let case = Case::new("hamt-cas", "epoch");
    let expected = Experiment {
        title: String::new(),
        question: String::new(),
        reproduces: String::new(),
        seed: 42,
        seconds: 0.5,
        warmup: 0.1,
        blocks: 10,
        target_halfwidth: None,
        max_blocks: 10,
        pin: true,
        series: false,
        turns: Some(Turns::default()),
        latency: None,
        space: None,
        aggregate: None,
        cases: vec![case],
        skipped: Vec::new(),
        notes: Vec::new(),
        doubts: Vec::new(),
        traces: Default::default(),
        folder: Default::default(),
    };
    assert_eq!(experiment, expected);
}

#[test]
fn every_key_of_the_top_level_is_used() {
    let experiment = parse(&top(
        "title = 't'\nquestion = 'q'\nreproduces = 'r'\nseed = 0xffff_ffff_ffff_ffff\n\
         seconds = 2\nwarmup = 0\nblocks = 3\ntarget_halfwidth = 0.1\npin = false\nseries = true\n\
         prefill = 0.25\ncontrols = false",
    ));
    assert_eq!(
        [&experiment.title, &experiment.question, &experiment.reproduces],
        ["t", "q", "r"].map(str::to_owned).each_ref()
    );
    assert_eq!(experiment.seed, u64::MAX);
    assert_eq!((experiment.seconds, experiment.warmup), (2.0, 0.0));
    assert_eq!((experiment.blocks, experiment.max_blocks), (3, 9));
    assert!(!experiment.pin);
    assert_eq!(experiment.cases.len(), 1);
    assert_eq!((experiment.cases[0].prefill, experiment.cases[0].pin), (16_384, false));
}

#[test]
fn every_axis_is_used_and_the_first_varies_slowest() {
    let experiment = parse(&axes(
        "reclaimer = ['hazard', 'epoch']\nthreads = [2, 1]\nreads = [50, 100]\nzipf = [1, 0]\n\
         keys = [10, 20]\nprefill = [0, 1]\nhash_seed = [7, 8]\nallocator = ['mimalloc', 'system']",
    ));
    let mut expected = Vec::new();
    for reclaimer in ["hazard", "epoch"] {
        for threads in [2, 1] {
            for reads in [50.0, 100.0] {
                for zipf in [1.0, 0.0] {
                    for keys in [10, 20] {
                        for prefill in [0, keys] {
                            for hash_seed in [7, 8] {
                                for allocator in ["mimalloc", "system"] {
                                    expected.push(Case {
                                        allocator: allocator.to_owned(),
                                        threads,
                                        mix: Mix::balanced(reads),
                                        zipf,
                                        keys,
                                        prefill,
                                        hash_seed,
                                        ..Case::new("hamt-cas", reclaimer)
                                    });
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(experiment.cases, expected);
}

#[test]
fn batches_and_huge_pages_are_axes() {
    let experiment = parse(
        "[axes]\nstructure = 'cuckoo-optimistic'\nreads = 100\nhuge_pages = [true, false]\n\
         keys = [10, 20]\nbatch = [1, 16]",
    );
    let shown: Vec<_> = experiment
        .cases
        .iter()
        .map(|case| (&*case.structure, case.huge_pages, case.keys, case.batch))
        .collect();
    let mut expected = Vec::new();
    for huge_pages in [true, false] {
        for keys in [10, 20] {
            expected.extend([1, 16].map(|batch| ("cuckoo-optimistic", huge_pages, keys, batch)));
        }
    }
    // Controls have no pages to ask for.
    for control in ["no-op", "sequential"] {
        for keys in [10, 20] {
            expected.extend([1, 16].map(|batch| (control, false, keys, batch)));
        }
    }
    assert_eq!(shown, expected);
    let ids: HashSet<String> = experiment.cases.iter().map(Case::id).collect();
    assert_eq!(ids.len(), experiment.cases.len());
}

#[test]
fn structures_that_cannot_ask_for_huge_pages_are_left_out_or_refused() {
    let experiment = parse(
        "controls = false\n[axes]\nstructure = ['cuckoo-*', 'chaining-bucket-lock']\n\
         huge_pages = [false, true]",
    );
    let with: Vec<_> = experiment.cases.iter().filter(|case| case.huge_pages).collect();
    let names: Vec<_> = with.iter().map(|case| case.subject()).collect();
    assert_eq!(names, ["cuckoo-optimistic", "cuckoo-optimistic-items/epoch"]);
    assert_eq!(
        experiment.skipped,
        ["cuckoo-striped", "chaining-bucket-lock"]
            .map(|name| format!("{name} on huge pages: it cannot ask for them"))
    );
    one_problem(
        &axes("huge_pages = true"),
        3,
        "\"hamt-cas\"",
        "`hamt-cas` cannot ask for huge pages",
        "those that can are cuckoo-optimistic, cuckoo-optimistic-items; list others",
    );
    one_problem(&axes("huge_pages = 1"), 4, "1", "`huge_pages` is 1", "takes true or false");
}

#[test]
fn reclaim_batches_are_for_the_reclaimers_that_take_one() {
    let experiment = parse(
        "[axes]\nstructure = ['chaining-*']\nreclaimer = ['epoch', 'hazard']\n\
         reclaim_batch = ['default', 16, 64]\nfault = ['none', 'stalled-reader']",
    );
    let of = |name: &str| -> Vec<_> {
        let own = experiment.cases.iter().filter(|case| case.subject() == name);
        own.map(|case| (case.reclaim_batch, case.fault.name())).collect()
    };
    let faults = ["none", "stalled-reader"];
    let own = faults.map(|fault| (None, fault));
    assert_eq!(of("chaining-lock-free/epoch"), own, "its batch is fixed: it runs once");
    assert_eq!(of("chaining-bucket-lock"), own);
    assert_eq!(of("no-op"), own);
    assert_eq!(of("sequential"), [(None, "none")], "it has no room for one more thread");
    let all = faults.map(|fault| [None, Some(16), Some(64)].map(|batch| (batch, fault)));
    assert_eq!(of("chaining-lock-free/hazard"), all.concat());
    let ids: HashSet<String> = experiment.cases.iter().map(Case::id).collect();
    assert_eq!(ids.len(), experiment.cases.len());
}

#[test]
fn a_reclaim_batch_that_nobody_takes_is_refused() {
    let message = "no subject of this grid takes a `reclaim_batch`";
    one_problem(&axes("reclaim_batch = 64"), 4, "64", message, "one that does: hazard");
    parse(&axes("reclaim_batch = 'default'"));
    parse(&axes("reclaimer = 'hazard'\nreclaim_batch = [1, 1048576]"));
    for wrong in ["0", "1048577", "1.5", "true"] {
        let text = axes(&format!("reclaimer = 'hazard'\nreclaim_batch = {wrong}"));
        let message = format!("`reclaim_batch` is {wrong}");
        one_problem(&text, 5, wrong, &message, "from 1 to 1048576, or \"default\"");
    }
    let text = axes("reclaimer = 'hazard'\nreclaim_batch = 'own'");
    one_problem(&text, 5, "'own'", "`reclaim_batch` is a string", "or \"default\"");
    let help = "did you mean `reclaim_batch`?";
    one_problem(&axes("reclaim_batc = 8"), 4, "reclaim_batc", UNKNOWN_BATC, help);
}
const UNKNOWN_BATC: &str = "unknown key `reclaim_batc` in [axes]";

#[test]
fn pins_of_several_operations_do_not_go_with_batches() {
    let pins = |text: &str| parse(&axes(text)).cases.iter().map(|c| c.ops_per_pin).collect();
    let found: Vec<usize> = pins("pin = ['operation', 64]");
    assert_eq!(found, [1, 64]);
    let text = axes("reads = 100\nbatch = [1, 16]\npin = [1, 8]");
    let message = "`pin` is 8 where `batch` is 16";
    one_problem(&text, 6, "8", message, "a batch of lookups is pinned once");
    for wrong in ["0", "4097", "true"] {
        let message = format!("`pin` is {wrong}");
        let text = axes(&format!("pin = {wrong}"));
        one_problem(&text, 4, wrong, &message, "from 1 to 4096");
    }
}

#[test]
fn faults_are_named_and_need_room_for_their_threads() {
    let faults = |text: &str| parse(&axes(text)).cases.iter().map(|c| c.fault).collect();
    let found: Vec<Fault> = faults("fault = '*'");
    assert_eq!(found, Fault::ALL);
    let (message, help) = ("unknown fault `stalled-raeder`", "did you mean `stalled-reader`?");
    one_problem(&axes("fault = 'stalled-raeder'"), 4, "'stalled-raeder'", message, help);
    one_problem(&axes("fault = 3"), 4, "3", "`fault` is 3", "`fault` takes a string");
    let grid = |threads: &str, fault: &str| {
        format!(
            "controls = false\n[axes]\nstructure = 'hamt-psim'\nthreads = {threads}\n\
             fault = {fault}\n"
        )
    };
    let message = "`hamt-psim` cannot run at threads = 64 under stalled-reader (65 in all)";
    one_problem(&grid("64", "'stalled-reader'"), 3, "'hamt-psim'", message, "at most 64");
    let some = parse(&grid("[16, 17]", "['none', 'oversubscribed']"));
    let ran: Vec<_> = some.cases.iter().map(|case| (case.threads, case.fault.name())).collect();
    assert_eq!(ran, [(16, "none"), (16, "oversubscribed"), (17, "none")]);
    let left_out =
        "hamt-psim at threads = 17 under oversubscribed (68 in all): it serves at most 64";
    assert_eq!(some.skipped, [left_out]);
    let many = axes("threads = 2048\nfault = 'oversubscribed'");
    let message = "`hamt-cas` cannot run at threads = 2048 under oversubscribed (8192 in all)";
    one_problem(&many, 3, "\"hamt-cas\"", message, "at most 4096");
}

#[test]
fn a_series_is_a_flag() {
    assert!(parse(&top("series = true")).series);
    let text = top("series = 'csv'");
    one_problem(&text, 1, "'csv'", "`series` is a string", "takes true or false");
}

#[test]
fn slices_are_as_long_as_the_file_says_and_grow_if_it_does_not() {
    let turns = |line: &str| parse(&top(line)).turns;
    assert_eq!(turns("turns = false"), None);
    assert_eq!([turns("seed = 1"), turns("turns = true")], [Some(Turns::default()); 2]);
    assert!(Turns::default().grow);
    for (line, slice, settle) in [
        ("turns.slice = 0.04", 0.04, 0.01),
        ("turns.settle = 0.001", 0.02, 0.001),
        ("turns = { slice = 0.5, settle = 0 }", 0.5, 0.0),
    ] {
        assert_eq!(turns(line), Some(Turns { slice, settle, grow: false }), "{line}");
    }
}

fn latency(lines: &str) -> String {
    format!("controls = false\nseconds = 2\naxes.structure = 'hamt-cas'\n[latency]\n{lines}\n")
}

#[test]
fn latency_has_rates_and_a_time() {
    let plan = |lines: &str| parse(&latency(lines)).latency.expect("a plan");
    let found = plan("rates = [1e5, 200_000, 100_000]");
    assert_eq!(found.to_string(), "100000, 200000 operations per second for 2 s");
    assert_eq!((found.rates, found.seconds), (vec![1e5, 2e5], 2.0), "each once, the file's time");
    let found = plan("rates = 0.25\nseconds = 4");
    assert_eq!((found.rates, found.seconds), (vec![0.25], 4.0), "one in a trial is enough");
    assert_eq!(parse(&axes("")).latency, None);
    one_problem(
        &latency("rates = 1\nrate = 1"),
        6,
        "rate",
        "unknown key `rate` in [latency]",
        "did you mean `rates`? the keys are rates, seconds",
    );
    one_problem(&latency("seconds = 1"), 4, "[latency]", "`[latency]` has no `rates`", "rates = [");
    one_problem(&top("latency = 3"), 1, "3", "`latency` is 3", "`[latency]` on a line by itself");
    let message = "unknown key `rates` in [axes]";
    one_problem(&axes("rates = 3"), 4, "rates", message, "`rates` belongs in `[latency]`");
    for (value, found) in [("0", "0"), ("-1", "-1"), ("'x'", "a string"), ("2e9", "2e9")] {
        let message = format!("`rates` is {found}");
        let text = latency(&format!("rates = [1000, {value}]"));
        one_problem(&text, 5, value, &message, "from 0.001 to 1000000000");
    }
    one_problem(&latency("rates = []"), 5, "[]", "`rates` is an empty list", "from 0.001");
    let message = "`rates` has 0.4 operations per second, which is less than one in a trial of 2 s";
    one_problem(&latency("rates = [1, 0.4]"), 5, "0.4", message, "at least 1 goes with this time");
}

#[test]
fn latency_is_of_single_operations() {
    let batched = |batches: &str| {
        format!("{}[latency]\nrates = 1000\n", axes(&format!("reads = 100\nbatch = {batches}")))
    };
    let experiment = parse(&batched("[1, 16]"));
    let plan = experiment.latency.expect("a plan");
    let measured: Vec<bool> = experiment.cases.iter().map(|case| plan.takes(case)).collect();
    assert_eq!(measured, [true, false]);
    let [skipped] = experiment.skipped.as_slice() else { panic!("{:?}", experiment.skipped) };
    assert_eq!(
        skipped,
        "latency of 1 of 2 cells: an operation in a batch, or in a pin of several, has no latency \
         of its own"
    );
    let message = "no cell can have its latency measured";
    one_problem(&batched("16"), 6, "[latency]", message, "an operation in a batch");
    let pins = format!("{}[latency]\nrates = 1000\n", axes("pin = 8"));
    one_problem(&pins, 5, "[latency]", message, "in a pin of several");
}

#[test]
fn only_lookups_are_batched() {
    let help = "only lookups are issued in batches: set `reads = 100`";
    let message = "`batch` is 16 where 95 % of the operations are reads";
    one_problem(&axes("batch = [1, 16]"), 4, "16", message, help);
    let message = "`batch` is 2 where 50 % of the operations are reads";
    one_problem(&axes("reads = [100, 50]\nbatch = 2"), 5, "2", message, help);
    let fixed = format!("{}[mix]\nreads = 90\nupdates = 10", axes("batch = 2"));
    let message = "`batch` is 2 where 90 % of the operations are reads";
    one_problem(&fixed, 4, "2", message, help);
    let fixed = format!("{}[mix]\nreads = 100", axes("batch = [2, 4096]"));
    assert_eq!(parse(&fixed).cases.len(), 2);
    parse(&axes("batch = 1"));
    for wrong in ["0", "4097", "1.5"] {
        let message = format!("`batch` is {wrong}");
        let text = axes(&format!("reads = 100\nbatch = {wrong}"));
        one_problem(&text, 5, wrong, &message, "from 1 to 4096");
    }
}

#[test]
fn a_glob_means_variants_only_if_it_has_a_colon() {
    let listed = |structure: &str| {
        subjects(&parse(&format!("controls = false\n[axes]\nstructure = {structure}")))
    };
    let (eight, global) =
        ("cuckoo-optimistic:slots=8", "cuckoo-optimistic:exclusion=global-lock,tags=off");
    assert_eq!(
        listed("'cuckoo-*'"),
        ["cuckoo-striped", "cuckoo-optimistic", "cuckoo-optimistic-items/epoch"]
    );
    assert_eq!(listed("'cuckoo-*:*'"), [eight, global]);
    assert_eq!(listed("'*:*tags=off'"), [global]);
    assert_eq!(
        listed(&format!("['{global}', 'cuckoo-optimistic']")),
        [global, "cuckoo-optimistic"]
    );
    one_problem(
        "[axes]\nstructure = 'cuckoo-optimistic:slot=8'",
        2,
        "'cuckoo-optimistic:slot=8'",
        "unknown structure `cuckoo-optimistic:slot=8`",
        "did you mean `cuckoo-optimistic:slots=8`?",
    );
    one_problem(
        "[axes]\nstructure = '*slots*'",
        2,
        "'*slots*'",
        "`*slots*` matches variants only",
        "if it has a `:` itself",
    );
}

#[test]
fn cases_are_in_grid_order_with_controls_last() {
    let text = "[axes]\nstructure = ['hamt-cas', 'cuckoo-striped']\nthreads = [1, 2]\n\
                [[also]]\nstructure = 'chaining-bucket-lock'";
    let shown: Vec<String> = parse(text)
        .cases
        .iter()
        .map(|case| format!("{} {}", case.subject(), case.threads))
        .collect();
    let expected = [
        "hamt-cas/epoch 1",
        "hamt-cas/epoch 2",
        "cuckoo-striped 1",
        "cuckoo-striped 2",
        "chaining-bucket-lock 1",
        "no-op 1",
        "no-op 2",
        "sequential 1",
        "hamt-cas/epoch (A/A) 1",
        "hamt-cas/epoch (A/A) 2",
    ];
    assert_eq!(shown, expected);
    assert_eq!(parse(text), parse(text));
}

#[test]
fn sequential_is_a_cell_even_where_the_axis_has_no_single_thread() {
    let experiment = parse("[axes]\nstructure = 'hamt-cas'\nthreads = [2, 4]\nzipf = [0, 1]");
    let sequential: Vec<_> =
        experiment.cases.iter().filter(|case| case.structure == "sequential").collect();
    assert_eq!(sequential.len(), 2);
    assert!(sequential.iter().all(|case| case.threads == 1 && case.reclaimer == "none"));
}

#[test]
fn the_first_subject_has_a_twin_where_there_is_another_to_compare_with() {
    let text = "[axes]\nstructure = ['hamt-cas', 'cuckoo-striped']\nreads = [95, 50]\n\
                [[also]]\nstructure = 'hamt-cas'\nzipf = 0.5\n\
                [[also]]\nstructure = ['no-op', 'hamt-cas']\nzipf = 0.7";
    let experiment = parse(text);
    let twins: Vec<_> = experiment.cases.iter().filter(|case| case.twin).collect();
    let shown: Vec<_> =
        twins.iter().map(|case| (case.subject(), case.mix.reads, case.zipf)).collect();
    let expected = [95.0, 50.0].map(|reads| ("hamt-cas/epoch (A/A)".to_owned(), reads, 0.0));
    assert_eq!(shown, expected, "none where it would be alone, or beside a control");
    for twin in twins {
        let first = Case { twin: false, ..twin.clone() };
        assert!(experiment.cases.contains(&first) && first.id() != twin.id());
    }
    let without = parse(&format!("controls = false\n{text}"));
    assert!(without.cases.iter().all(|case| !case.twin));
}

#[test]
fn controls_already_listed_or_unknown_are_not_added() {
    let listed = parse("[axes]\nstructure = ['no-op', 'sequential']\nkeys = [1, 2]");
    assert_eq!(listed.cases.len(), 4);
    let text = "[axes]\nstructure = 'hamt-cas'";
    let unknown = Experiment::parse("e.toml", text, &catalogue_without_controls()).unwrap();
    assert_eq!(unknown.cases.len(), 1);
}

#[test]
fn names_may_be_globs_and_each_match_counts_once() {
    let experiment = parse(
        "controls = false\n[axes]\nstructure = ['cuckoo-s*', 'cuckoo-{striped,optimistic}', \
         'hamt-?as']\nreclaimer = ['h*', 'epo*', 'hazard']",
    );
    let expected = ["cuckoo-striped", "cuckoo-optimistic", "hamt-cas/hazard", "hamt-cas/epoch"];
    assert_eq!(subjects(&experiment), expected);
    assert_eq!(experiment.cases.len(), 4);
}

#[test]
fn a_structure_without_reclaimer_runs_once_as_none() {
    let text =
        "controls = false\n[axes]\nstructure = 'cuckoo-striped'\nreclaimer = ['epoch', 'arc']";
    assert_eq!(subjects(&parse(text)), ["cuckoo-striped"]);
    let none = "controls = false\n[axes]\nstructure = 'c*'\nreclaimer = 'none'";
    let expected = ["chaining-bucket-lock", "cuckoo-striped", "cuckoo-optimistic"];
    assert_eq!(subjects(&parse(none)), expected);
}

#[test]
fn what_a_glob_lists_and_cannot_run_is_skipped_with_the_reason() {
    let experiment = parse(
        "controls = false\n[axes]\nstructure = ['*-cas', 'hamt-*', 'hamt-psim']\nthreads = [64, 65]",
    );
    assert_eq!(subjects(&experiment), ["hamt-cas/epoch", "hamt-psim/epoch"]);
    assert_eq!(experiment.cases.len(), 3);
    assert_eq!(
        experiment.skipped,
        [
            "cow-cas with epoch: it takes arc (a reader keeps its snapshot)",
            "hamt-psim at threads = 65: it serves at most 64",
        ]
    );
}

#[test]
fn a_reclaimer_that_only_some_structures_take_is_skipped_for_the_others() {
    let experiment = parse(
        "controls = false\n[axes]\nstructure = ['hamt-cas', 'chaining-lock-free']\n\
         reclaimer = ['epoch', 'leak', 'l*']\n[[also]]\nstructure = 'hamt-cas'\n\
         reclaimer = ['epoch', 'leak']\nkeys = 1",
    );
    let expected = ["hamt-cas/epoch", "chaining-lock-free/epoch", "chaining-lock-free/leak"];
    assert_eq!(subjects(&experiment), expected);
    assert_eq!(experiment.skipped, ["hamt-cas with leak: it takes epoch, hazard"]);
}

#[test]
fn grids_add_up_and_cells_in_both_appear_once() {
    let experiment = parse(
        "controls = false\n[axes]\nstructure = 'hamt-cas'\nthreads = [1, 2, 2]\n\
         [[also]]\nstructure = 'hamt-*'\nthreads = [2, 3]\n[[also]]\nstructure = 'cuckoo-striped'",
    );
    let ids: HashSet<String> = experiment.cases.iter().map(Case::id).collect();
    assert_eq!((experiment.cases.len(), ids.len()), (6, 6));
}

#[test]
fn a_fixed_mix_takes_the_place_of_the_reads_axis() {
    let text = format!("{}[mix]\nreads = 90\nupdates = 7.5\ninserts = 2.5", axes("zipf = [0, 1]"));
    let experiment = parse(&text);
    let mix = Mix { reads: 90.0, inserts: 2.5, removes: 0.0, updates: 7.5, upserts: 0.0 };
    assert_eq!(experiment.cases.len(), 2);
    assert!(experiment.cases.iter().all(|case| case.mix == mix));
    let upserts = parse(&format!("{}[mix]\nreads = 75\nupserts = 25", axes("")));
    let mix = Mix { reads: 75.0, inserts: 0.0, removes: 0.0, updates: 0.0, upserts: 25.0 };
    assert_eq!(upserts.cases[0].mix, mix);
}

#[test]
fn a_mix_without_reads_divides_what_the_axis_leaves() {
    let text = format!(
        "{}[mix]\nupdates = 50\ninserts = 25\nremoves = 20\nupserts = 5",
        axes("reads = [80, 0]")
    );
    let mixes: Vec<Mix> = parse(&text).cases.iter().map(|case| case.mix).collect();
    let mix = |[reads, inserts, removes, updates, upserts]: [f64; 5]| Mix {
        reads,
        inserts,
        removes,
        updates,
        upserts,
    };
    assert_eq!(mixes[0], mix([80.0, 5.0, 4.0, 10.0, 1.0]));
    assert_eq!(mixes[1], mix([0.0, 25.0, 20.0, 50.0, 5.0]));
}

#[test]
fn the_same_workload_has_the_same_id_however_it_is_written() {
    let id = |text: &str| parse(text).cases[0].id();
    let plain = id(&axes("reads = 93.3\nzipf = 0\nkeys = 4096\nprefill = 0"));
    let other = axes("reads = 93.3\nzipf = -0.0\nkeys = 0x1000\nprefill = -0.0");
    assert_eq!(plain, id(&other));
    assert_eq!(plain, id(&format!("{other}[mix]\ninserts = 50.0\nremoves = 50")));
}

#[test]
fn prefill_is_the_nearest_whole_number_of_keys() {
    let text = axes("keys = [3, 1099511627776]\nprefill = [0.0, 0.25, 0.5, 1.0]");
    let prefills: Vec<u64> = parse(&text).cases.iter().map(|case| case.prefill).collect();
    assert_eq!(prefills, [0, 1, 2, 3, 0, 1 << 38, 1 << 39, 1 << 40]);
}

#[test]
fn limits_are_inclusive() {
    parse(&axes("threads = [1, 4096]\nreads = [0, 100]\nkeys = [1, 1099511627776]\nzipf = 1e300"));
    parse(&top("blocks = 4\nmax_blocks = 4\nseconds = 0.001\ntarget_halfwidth = 0.999"));
}

// What a wrong file is told.

#[test]
fn toml_syntax() {
    one_problem(
        "seed = 1\ntitle = Quickstart\n[axes]\nstructure = 'hamt-cas'",
        2,
        "Quickstart",
        "not TOML: string values must be quoted, expected literal string",
        "a \"string\" in quotes",
    );
    let duplicate = reject("seed = 1\nseed = 2\n");
    assert_eq!(duplicate.position(&duplicate.problems()[0]).0, 2, "{duplicate}");
    let unclosed = reject("[axes]\nstructure = ['hamt-cas'");
    assert_eq!(unclosed.problems().len(), 1, "{unclosed}");
}

#[test]
fn unknown_keys() {
    one_problem(
        &top("blocs = 3"),
        1,
        "blocs",
        "unknown key `blocs` in an experiment file",
        "did you mean `blocks`? the keys are title, question,",
    );
    one_problem(
        &axes("thread = 3"),
        4,
        "thread",
        "unknown key `thread` in [axes]",
        "did you mean `threads`? the keys are structure, reclaimer,",
    );
    one_problem(
        "axes.structure = 'hamt-cas'\n[[also]]\nstructure = 'cuckoo-*'\nzipff = 1",
        4,
        "zipff",
        "unknown key `zipff` in [[also]]",
        "did you mean `zipf`?",
    );
    one_problem(
        &format!("{}[mix]\nreads = 100\nscans = 0", axes("")),
        7,
        "scans",
        "unknown key `scans` in [mix]",
        "the keys are reads, inserts, removes, updates",
    );
}

#[test]
fn keys_in_the_wrong_table_are_sent_home() {
    let message = "unknown key `threads` in an experiment file";
    one_problem(&top("threads = 3"), 1, "threads", message, "`threads` belongs in `[axes]`");
    let message = "unknown key `seed` in [axes]";
    one_problem(&axes("seed = 3"), 4, "seed", message, "belongs at the top of the file");
    let message = "unknown key `inserts` in [axes]";
    one_problem(&axes("inserts = 3"), 4, "inserts", message, "belongs in `[mix]`");
}

/// What other programs call a key is not near its name.
#[test]
fn keys_of_other_programs_are_known() {
    for (line, offending, help) in [
        ("skew = 0.99", "skew", "it is called `zipf`"),
        ("smr = 'epoch'", "smr", "it is called `reclaimer`"),
        ("duration = 3", "duration", "it is called `seconds`, and belongs at the top of the file"),
        ("gets = 90", "gets", "it is called `reads`"),
    ] {
        let message = format!("unknown key `{offending}` in [axes]");
        one_problem(&axes(line), 4, offending, &message, help);
    }
    one_problem(
        &top("runs = 3"),
        1,
        "runs",
        "unknown key `runs` in an experiment file",
        "it is called `blocks`",
    );
}

#[test]
fn an_unknown_key_is_named_before_a_missing_one() {
    for (text, unknown, missing) in [
        ("[axes]\ntabel = 'hamt-cas'\nthreads = 2", "`tabel`", "has no `structure`"),
        ("[axis]\nstructure = 'hamt-cas'", "`axis`", "has no `[axes]`"),
        ("axes.structure = 'hamt-cas'\n[latency]\nrate = 1000", "`rate`", "has no `rates`"),
    ] {
        let error = reject(text);
        let messages: Vec<&str> =
            error.problems().iter().map(|problem| &*problem.message).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages[0].contains(unknown) && messages[1].contains(missing), "{messages:?}");
    }
}

#[test]
fn a_number_that_is_written_otherwise_is_shown_as_it_should_be() {
    for (line, offending, message, help) in [
        ("threads = '2'", "'2'", "`threads` is a string", ": 2, without quotes"),
        ("keys = 1e6", "1e6", "`keys` is 1e6", ": 1000000, without a point or an exponent"),
    ] {
        one_problem(&axes(line), 4, offending, message, help);
    }
    let plain = "`keys` takes a whole number from 1 to 1099511627776, or a list of such";
    for line in ["keys = '1M'", "keys = 0.5", "keys = true", "keys = 'inf'"] {
        assert_eq!(reject(&axes(line)).problems()[0].help, plain, "{line}");
    }
    let mix = "axes.structure = 'hamt-cas'\n[mix]\nreads = 0.9\ninserts = 0.1";
    assert!(reject(mix).problems()[0].help.ends_with("sum to 100: 90 rather than 0.9"));
    let twice = reject(&axes("threads = 1\nthreads = 2"));
    assert!(twice.problems()[0].help.contains("as in `threads = [1, 2]`"));
}

#[test]
fn several_names_and_names_of_families_are_understood() {
    for (structure, help) in [
        ("hamt", "did you mean `hamt-*`, which is several?"),
        (
            "hamt-cas, cuckoo-striped",
            "several names are a list, [\"hamt-cas\", \"cuckoo-striped\"]",
        ),
        ("hamt-cas cuckoo-striped", "several names are a list, ["),
    ] {
        let error = reject(&format!("[axes]\nstructure = '{structure}'"));
        assert!(error.problems()[0].help.starts_with(help), "{}", error.problems()[0].help);
    }
}

/// It is right, and hardly meant.
#[test]
fn a_share_where_percent_is_meant_is_noted() {
    let doubts = |line: &str| parse(&axes(line)).doubts;
    assert!(doubts("reads = [0, 1, 95, 100]").is_empty());
    let said = doubts("reads = [100, 0.95]").concat();
    assert!(
        said.contains("`reads` is 0.95, which is 0.95 %") && said.contains("write 95"),
        "{said}"
    );
    let text = axes("reads = 0.5") + "[[also]]\nstructure = 'cuckoo-striped'\nreads = 0.5";
    assert_eq!(parse(&text).doubts.len(), 1, "once");
}

#[test]
fn who_takes_no_reclaimer_is_noted_where_reclaimers_are_listed() {
    let notes = |reclaimers: &str| {
        parse(&format!("[axes]\nstructure = ['cuckoo-striped', 'hamt-cas']\n{reclaimers}")).notes
    };
    assert!(notes("").is_empty());
    let said = notes("reclaimer = ['epoch', 'hazard']").concat();
    assert!(said.starts_with("cuckoo-striped: no `reclaimer` is taken there"), "{said}");
}

#[test]
fn wrong_types_and_ranges_at_the_top() {
    for (key, value, found, expected) in [
        ("title", "3", "3", "a string"),
        ("question", "true", "true", "a string"),
        ("reproduces", "['a']", "a list", "a string"),
        ("seed", "-1", "-1", "a whole number from 0"),
        ("seed", "18446744073709551616", "18446744073709551616", "a whole number from 0"),
        ("seed", "1.0", "1.0", "a whole number from 0"),
        ("seed", "'x'", "a string", "a whole number from 0"),
        ("seconds", "0", "0", "a number of seconds from 0.001"),
        ("seconds", "-0.5", "-0.5", "a number of seconds from 0.001"),
        ("seconds", "nan", "nan", "a number of seconds from 0.001"),
        ("seconds", "1e300", "1e300", "to 86400"),
        ("seconds", "1979-05-27", "a date or time", "a number of seconds"),
        ("warmup", "-1", "-1", "a number of seconds from 0 to"),
        ("blocks", "0", "0", "a whole number from 1 to 1000000"),
        ("blocks", "-3", "-3", "a whole number from 1 to 1000000"),
        ("max_blocks", "0", "0", "a whole number from 1 to 1000000"),
        ("target_halfwidth", "0", "0", "a number above 0 and below 1"),
        ("target_halfwidth", "1.0", "1.0", "a number above 0 and below 1"),
        ("target_halfwidth", "5", "5", "a number above 0 and below 1"),
        ("pin", "1", "1", "true or false"),
        ("controls", "'no'", "a string", "true or false"),
        ("prefill", "1.5", "1.5", "a fraction of the key range from 0 to 1"),
        ("prefill", "-0.1", "-0.1", "a fraction of the key range from 0 to 1"),
    ] {
        let text = top(&format!("{key} = {value}"));
        let message = format!("`{key}` is {found}");
        one_problem(&text, 1, value, &message, &format!("`{key}` takes "));
        one_problem(&text, 1, value, &message, expected);
    }
}

#[test]
fn wrong_types_and_ranges_on_the_axes() {
    for (key, value, found, expected) in [
        ("reclaimer", "true", "true", "a string, or a list of such"),
        ("threads", "0", "0", "a whole number from 1 to 4096, or a list of such"),
        ("threads", "4097", "4097", "a whole number from 1 to 4096"),
        ("threads", "-2", "-2", "a whole number from 1 to 4096"),
        ("threads", "1.5", "1.5", "a whole number from 1 to 4096"),
        ("threads", "{ a = 1 }", "a table", "a whole number from 1 to 4096"),
        ("reads", "100.5", "100.5", "a percentage from 0 to 100"),
        ("reads", "-1", "-1", "a percentage from 0 to 100"),
        ("zipf", "-0.5", "-0.5", "a finite number from 0 (uniform) up"),
        ("zipf", "nan", "nan", "a finite number from 0 (uniform) up"),
        ("zipf", "inf", "inf", "a finite number from 0 (uniform) up"),
        ("keys", "0", "0", "a whole number from 1 to 1099511627776"),
        ("keys", "1099511627777", "1099511627777", "a whole number from 1 to 1099511627776"),
        ("keys", "'many'", "a string", "a whole number from 1 to 1099511627776"),
        ("prefill", "50", "50", "a fraction of the key range from 0 to 1"),
        ("hash_seed", "-1", "-1", "a whole number from 0"),
        ("allocator", "1", "1", "a string, or a list of such"),
    ] {
        let message = format!("`{key}` is {found}");
        one_problem(&axes(&format!("{key} = {value}")), 4, value, &message, expected);
        one_problem(&axes(&format!("{key} = [\n{value}]")), 5, value, &message, expected);
    }
    one_problem("[axes]\nstructure = 1", 2, "1", "`structure` is 1", "a string, or a list");
}

#[test]
fn empty_and_nested_lists() {
    one_problem(&axes("keys = []"), 4, "[]", "`keys` is an empty list", "a whole number from 1");
    one_problem(
        "[axes]\nstructure = []",
        2,
        "[]",
        "`structure` is an empty list",
        "`structure` takes a string, or a list of such",
    );
    one_problem(
        &axes("threads = [1, [2, 4]]"),
        4,
        "[2, 4]",
        "`threads` has a list inside its list",
        "one flat list",
    );
}

#[test]
fn tables_that_are_missing_or_are_not_tables() {
    one_problem("seed = 1", 1, "", "the file has no `[axes]`", "add a line `[axes]`");
    one_problem("", 1, "", "the file has no `[axes]`", "add a line `[axes]`");
    one_problem("axes = 3", 1, "3", "`axes` is 3", "`axes` takes a table: `[axes]`");
    let no_structure = "`[axes]` has no `structure`";
    one_problem("seed = 1\n[axes]\nzipf = 1", 2, "[axes]", no_structure, "`bench list` shows all");
    let also = "[axes]\nstructure = 'hamt-cas'\n[also]\nstructure = 'cuckoo-*'";
    one_problem(also, 3, "[also]", "`also` is a table", "in two pairs of brackets");
    one_problem(&top("also = [3]"), 1, "3", "`also` is 3", "in two pairs of brackets");
    let message = "`[[also]]` has no `structure`";
    let also = "[axes]\nstructure = 'hamt-cas'\n[[also]]\nzipf = 1";
    one_problem(also, 3, "[[also]]", message, "add `structure = \"NAME\"`");
    one_problem(&top("mix = 3"), 1, "3", "`mix` is 3", "`mix` takes a table: `[mix]`");
}

#[test]
fn unknown_names() {
    one_problem(
        "[axes]\nstructure = ['hamt-cas', 'chaining-lockfree']",
        2,
        "'chaining-lockfree'",
        "unknown structure `chaining-lockfree`",
        "did you mean `chaining-lock-free`? `bench list` shows all",
    );
    one_problem(
        &axes("reclaimer = 'epcoh'"),
        4,
        "'epcoh'",
        "unknown reclaimer `epcoh`",
        "did you mean `epoch`? `bench list` shows all",
    );
    one_problem(
        &axes("allocator = ['system', 'mimaloc']"),
        4,
        "'mimaloc'",
        "unknown allocator `mimaloc`",
        "did you mean `mimalloc`? `bench list` shows all",
    );
    let message = "no structure matches `skiplist-*`";
    let text = "[axes]\nstructure = 'skiplist-*'";
    one_problem(text, 2, "'skiplist-*'", message, "`bench list` shows all");
    let message = "`hamt-{cas` is not a glob: ";
    let error = reject("[axes]\nstructure = 'hamt-{cas'");
    assert!(error.problems()[0].message.starts_with(message), "{error}");
    assert_eq!(error.position(&error.problems()[0]), (2, 13));
}

#[test]
fn nothing_near_means_no_suggestion() {
    let error = reject("[axes]\nstructure = 'zzz'");
    assert_eq!(error.problems()[0].help, "`bench list` shows all");
}

#[test]
fn combinations_that_cannot_run() {
    one_problem(
        "[axes]\nstructure = ['hamt-cas', 'cow-cas']",
        2,
        "'cow-cas'",
        "`cow-cas` does not take the reclaimer epoch",
        "it takes arc (a reader keeps its snapshot)",
    );
    one_problem(
        "[axes]\nstructure = ['hamt-*', 'hamt-psim']\nthreads = [65, 128]",
        2,
        "'hamt-psim'",
        "`hamt-psim` cannot run at threads = 65 or 128",
        "it serves at most 64; list such a number in `threads`",
    );
    one_problem(
        "[axes]\nstructure = 'cow-*'\nreclaimer = ['epoch', 'leak']",
        1,
        "[axes]",
        "`[axes]` has no cells: every combination is left out",
        "cow-cas with epoch or leak: it takes arc",
    );
}

#[test]
fn grids_that_add_nothing_or_far_too_much() {
    one_problem(
        "[axes]\nstructure = 'hamt-*'\n\n[[also]]\nstructure = 'hamt-cas'",
        4,
        "[[also]]",
        "`[[also]]` adds no cells: the grids above it have them all",
        "leave it out",
    );
    let list = numbers(100);
    one_problem(
        &axes(&format!("keys = [{list}]\nhash_seed = [{list}]\nthreads = [1, 2, {list}]")),
        2,
        "[axes]",
        "`[axes]` is a grid of 1020000 cells",
        "at most 100000 cells",
    );
    // Together too: each grid by itself would do.
    let grid = format!("keys = [{list}]\nhash_seed = [{list}]\nthreads = [1, 2, 3, 4, 5, 6]");
    one_problem(
        &format!("{}\n[[also]]\nstructure = 'chaining-bucket-lock'\n{grid}", axes(&grid)),
        8,
        "[[also]]",
        "with `[[also]]` the grids have 120000 cells",
        "at most 100000 cells",
    );
}

#[test]
fn a_file_may_have_as_many_cells_as_it_is_told() {
    let (threads, batches) = (numbers(100), numbers(1000));
    let grid = format!("threads = [{threads}]\nreclaim_batch = [{batches}]");
    assert_eq!(parse(&axes(&format!("reclaimer = 'hazard'\n{grid}"))).cases.len(), 100_000);
}

/// Not even in memory: four thousand values of four axes are a short file.
#[test]
fn what_is_far_too_much_is_never_multiplied_out() {
    let list = numbers(4000);
    let grid = format!("reclaimer = 'hazard'\nthreads = [{list}]\nreclaim_batch = [{list}]");
    one_problem(
        &axes(&format!("{grid}\nkeys = [{list}]\nhash_seed = [{list}]")),
        2,
        "[axes]",
        "`[axes]` is a grid of 256000000000000 cells",
        "at most 100000 cells",
    );
}

#[test]
fn mixes_that_do_not_sum() {
    let relative = "without `reads`, `inserts`, `removes`, `updates` and `upserts`";
    let mix = |lines: &str| format!("{}[mix]\n{lines}", axes("# -"));
    let message = |sum| format!("the percentages of `[mix]` sum to {sum}, not 100");
    one_problem(&mix("inserts = 60\nremoves = 30"), 5, "[mix]", &message("90"), relative);
    one_problem(&mix(""), 5, "[mix]", &message("0"), relative);
    let fixed = "with `reads` given, `reads`, `inserts`,";
    one_problem(&mix("reads = 60\nupdates = 40.5"), 5, "[mix]", &message("100.5"), fixed);
    let percentage = "a percentage from 0 to 100";
    one_problem(&mix("reads = 130"), 6, "130", "`reads` is 130", percentage);
    one_problem(&mix("updates = [50]"), 6, "[50]", "`updates` is a list", percentage);
    one_problem(&mix("updates = 99.99999999"), 5, "[mix]", &message("99.99999999"), relative);
    // In binary, these sum to a little less than 100.
    parse(&mix("inserts = 30.9\nremoves = 33.3\nupdates = 35.8"));
    parse(&mix("inserts = 33.3\nremoves = 33.3\nupdates = 33.4"));
}

#[test]
fn reads_in_both_places() {
    let text = format!("{}[mix]\nreads = 100", axes("reads = [50]"));
    let message = "`reads` is set both in `[axes]` and in `[mix]`";
    one_problem(&text, 4, "[50]", message, "leave one out");
}

#[test]
fn max_blocks_against_blocks() {
    let message = "`max_blocks` is 4, fewer than `blocks`, which is 5";
    let text = top("blocks = 5\ntarget_halfwidth = 0.1\nmax_blocks = 4");
    one_problem(&text, 3, "4", message, "a whole number from 5 up");
    let message = "`max_blocks` is 6, but nothing says when to go on after `blocks`";
    one_problem(&top("blocks = 5\nmax_blocks = 6"), 2, "6", message, "add `target_halfwidth`");
}

#[test]
fn independent_mistakes_are_reported_together_in_order() {
    let error = reject(
        "seed = -1\n[axes]\nstructure = ['hamt-cas', 'hamt-csa']\nthreads = [0, 1, 5000]\nx = 1\n\
         [mix]\nreads = 10\n[[also]]\nstructure = 'cow-cas'\n[[also]]\nzipf = -1",
    );
    let found: Vec<(usize, &str)> = error
        .problems()
        .iter()
        .map(|problem| (error.position(problem).0, error.offending(problem)))
        .collect();
    let expected = [
        (1, "-1"),
        (3, "'hamt-csa'"),
        (4, "0"),
        (4, "5000"),
        (5, "x"),
        (6, "[mix]"),
        (10, "[[also]]"),
        (11, "-1"),
    ];
    assert_eq!(found, expected, "{error}");
    assert_eq!(error.to_string().matches("error: ").count(), expected.len());
}

#[test]
fn columns_count_characters_and_survive_windows_line_ends() {
    let error = reject("title = 'x'\r\naxes = { structure = \"hämt\", zipf = -1 }\r\n");
    let places: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| (error.position(problem), error.offending(problem)))
        .collect();
    assert_eq!(places, [((2, 22), "\"hämt\""), ((2, 37), "-1")]);
    assert!(error.to_string().contains("e.toml:2:37"), "{error}");
}

#[test]
fn only_the_coloured_rendering_has_escapes() {
    let error = reject("seed = -1");
    assert!(!error.render(false).contains('\u{1b}'));
    assert!(error.render(true).contains('\u{1b}'));
    assert_eq!(error.to_string(), error.render(false));
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    let error = reject(&axes(r#""\u001b[31mred" = 1"#));
    assert!(error.problems()[0].message.contains('\u{1b}'));
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
}

// Settings of the command line.

#[test]
fn overrides_change_only_what_they_name() {
    let overrides = Overrides { seed: Some(7), seconds: Some(2.0), ..Overrides::default() };
    let text = apply_overrides(QUICKSTART, &overrides);
    let expected = QUICKSTART
        .replace("seed = 42", "seed = 7")
        .replace("seconds = 0.5                   #", "seconds = 2.0                   #");
    assert_eq!(text, expected);
    let changed = Experiment { seed: 7, seconds: 2.0, ..parse(QUICKSTART) };
    assert_eq!(parse(&text), changed);
    assert_eq!(apply_overrides(QUICKSTART, &Overrides::default()), QUICKSTART);
    let backwards = "seconds = 0.125\nseed = 1234\n";
    assert_eq!(apply_overrides(backwards, &overrides), "seconds = 2.0\nseed = 7\n");
}

#[test]
fn overrides_add_keys_that_the_file_does_not_set() {
    let all =
        Overrides { seed: Some(u64::MAX), seconds: Some(0.25), warmup: Some(0.0), blocks: Some(3) };
    let added = "seed = 18446744073709551615\nseconds = 0.25\nwarmup = 0.0\nblocks = 3\n";
    for (before, after) in [
        ("# head\n", "[axes] # a\nstructure = 'hamt-cas' # b\n"),
        ("# head\ntitle = '''a\nb''' # c\n", "\n# d\n[axes]\nstructure = 'hamt-cas'"),
        ("title = 'x'\naxes.structure = 'hamt-cas'\nreproduces = 'y'\r\n", ""),
        ("\u{feff}", "axes = { structure = 'hamt-cas' }"),
    ] {
        let text = format!("{before}{after}");
        let edited = apply_overrides(&text, &all);
        if before.starts_with("# head\n") && !before.contains("title") {
            assert_eq!(edited, format!("{added}{text}"));
        } else {
            assert_eq!(edited, format!("{before}{added}{after}"));
        }
        let changed = Experiment {
            seed: u64::MAX,
            seconds: 0.25,
            warmup: 0.0,
            blocks: 3,
            max_blocks: 3,
            ..parse(&text)
        };
        assert_eq!(parse(&edited), changed);
    }
    let no_newline = "controls = false # z";
    assert_eq!(apply_overrides(no_newline, &all), format!("{no_newline}\n{added}"));
}

#[test]
fn overridden_blocks_keep_max_blocks_possible() {
    let blocks = |blocks| Overrides { blocks: Some(blocks), ..Overrides::default() };
    let counts = |text: &str, overrides| {
        let experiment = parse(&apply_overrides(text, &overrides));
        (experiment.blocks, experiment.max_blocks)
    };
    assert_eq!(counts(QUICKSTART, blocks(20)), (20, 30));
    assert_eq!(counts(QUICKSTART, blocks(2)), (2, 30));
    assert_eq!(counts(QUICKSTART, blocks(50)), (50, 50));
    // 30 goes with 30, and stays as it is written.
    let octal = top("blocks = 5\ntarget_halfwidth = 0.1\nmax_blocks = 0o36");
    let kept = octal.replace("blocks = 5", "blocks = 30");
    assert_eq!(apply_overrides(&octal, &blocks(30)), kept);
    let no_target = top("blocks = 5\nmax_blocks = 5");
    assert_eq!(counts(&no_target, blocks(3)), (3, 3));
    assert_eq!(counts(&no_target, blocks(8)), (8, 8));
}

#[test]
fn overrides_do_not_hide_mistakes() {
    let seed = Overrides { seed: Some(7), ..Overrides::default() };
    assert_eq!(apply_overrides("seed = = 3", &seed), "seed = = 3");
    for text in ["[axes]\nstructure = 'hamt-cas'\n[seed]\n", "seed = [1]\naxes = {}"] {
        let error = reject(&apply_overrides(text, &seed));
        assert!(error.problems().iter().any(|p| p.message.starts_with("`seed` is a")), "{error}");
    }
    let nan = Overrides { seconds: Some(f64::NAN), ..Overrides::default() };
    let error = reject(&apply_overrides(QUICKSTART, &nan));
    assert_eq!(error.problems()[0].message, "`seconds` is nan");
}

// Any text at all.

fn try_everything(text: &str) {
    let overrides =
        Overrides { seed: Some(1), seconds: Some(1.0), warmup: Some(0.0), blocks: Some(2) };
    for text in [text, &apply_overrides(text, &overrides)] {
        if let Err(error) = Experiment::parse("e.toml", text, &catalogue()) {
            assert!(!error.problems().is_empty());
            assert!(error.to_string().contains("e.toml:"), "{error}");
            assert!(!error.render(true).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,60}") {
        try_everything(&text);
    }

    #[test]
    fn toml_like_text_never_panics(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "axes", "also", "mix", "latency", "rates", "structure", "threads", "reads", "zipf", "prefill", "seed",
                "blocks", "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r\n", "'hamt-cas'",
                "\"*\"", "'''", "0", "-1", "1e9", "nan", "true", "é", "# ü", "\u{feff}", "\u{0}",
            ]),
            0..40,
        )
    ) {
        try_everything(&tokens.concat());
    }

    #[test]
    fn a_damaged_file_never_panics(at in 0..QUICKSTART.len(), len in 0..20usize, new in ".{0,4}") {
        let start = QUICKSTART.floor_char_boundary(at);
        let end = QUICKSTART.ceil_char_boundary((start + len).min(QUICKSTART.len()));
        let mut text = QUICKSTART.to_owned();
        text.replace_range(start..end, &new);
        try_everything(&text);
    }
}

/// The smallest grid of presets.
fn presets(line: &str) -> String {
    axes(&format!("preset = {line}"))
}

#[test]
fn a_preset_fixes_mix_keys_and_prefill() {
    let text = presets("['ycsb-a', 'ycsb-d', 'insert-only', 'ycsb-a']\nkeys = [1000, 2000]");
    let cases = parse(&text).cases;
    let told: Vec<_> = cases
        .iter()
        .map(|case| (case.preset.as_str(), case.distribution_name(), case.keys, case.prefill))
        .collect();
    assert_eq!(
        told,
        [
            ("ycsb-a", "zipf", 1000, 1000),
            ("ycsb-d", "latest", 1000, 1000),
            ("insert-only", "fresh", 1000, 0),
            ("ycsb-a", "zipf", 2000, 2000),
            ("ycsb-d", "latest", 2000, 2000),
            ("insert-only", "fresh", 2000, 0),
        ]
    );
    let upserts = [50.0, 0.0, 0.0].map(|upserts| (upserts, 0.0));
    let mixes = cases.iter().map(|case| (case.mix.upserts, case.mix.updates));
    assert!(mixes.eq([upserts, upserts].concat()));
    assert_eq!((cases[1].capacity, cases[2].capacity), (None, Some(1000 + 125 + 64)));
    // The same by hand is another cell, without the name.
    let by_hand = "reads = 100\nzipf = 0.99\nkeys = 1000\nprefill = 1";
    let by_hand = &parse(&axes(by_hand)).cases[0];
    let named = &parse(&presets("'ycsb-c'\nkeys = 1000")).cases[0];
    assert_eq!(*by_hand, Case { preset: String::new(), ..named.clone() });
    assert_ne!(by_hand.id(), named.id());
    assert_eq!(parse(&presets("'ycsb-c'\nbatch = [1, 4]")).cases.len(), 2);
}

#[test]
fn what_a_preset_fixes_is_not_set_beside_it() {
    let help = "a preset fixes the mix, the distribution of keys and the prefill";
    for (key, value) in [
        ("reads", "50"),
        ("zipf", "0.5"),
        ("distribution", "'zipf'"),
        ("prefill", "0.5"),
        ("hot_shift", "7"),
    ] {
        let message = format!("`{key}` is set beside `preset` in `[axes]`");
        one_problem(&presets(&format!("'ycsb-a'\n{key} = {value}")), 5, value, &message, help);
    }
    // That its value would be wrong too is no other mistake.
    let message = "`reads` is set beside `preset` in `[axes]`";
    one_problem(&presets("'ycsb-a'\nreads = 200"), 5, "200", message, help);
    let mix = format!("{}[mix]\nreads = 100", presets("'ycsb-a'"));
    let message = "`mix` is set, and every grid has a preset or a trace, which fixes it";
    one_problem(&mix, 5, "[mix]", message, "leave out `mix`");
    let message = "`prefill` is set, and every grid has a preset, which fixes it";
    let text = format!("prefill = 0.25\n{}", presets("'ycsb-a'"));
    one_problem(&text, 1, "0.25", message, "leave out `prefill`");
    // Another grid may have use for them.
    let also = "[[also]]\nstructure = 'hamt-cas'\n[mix]\nreads = 100";
    assert_eq!(parse(&format!("prefill = 0.25\n{}{also}", presets("'ycsb-a'"))).cases.len(), 2);
    let batched = presets("['ycsb-c', 'ycsb-b']\nbatch = 4");
    let message = "`batch` is 4 where 95 % of the operations are reads";
    one_problem(&batched, 5, "4", message, "only lookups are issued in batches");
}

#[test]
fn presets_that_do_not_exist_or_cannot_run() {
    one_problem(
        &presets("['ycsb-a', 'ycsb-e']"),
        4,
        "'ycsb-e'",
        "the preset `ycsb-e` cannot be run: it scans keys in their order, which a hash table does \
         not keep",
        "the presets are ycsb-a, ycsb-b",
    );
    let list = numbers(400);
    let twice = format!("['ycsb-a', 'ycsb-a']\nkeys = [{list}]\nhash_seed = [{list}]");
    let message = "`[axes]` is a grid of 160000 cells";
    one_problem(&presets(&twice), 2, "[axes]", message, "at most 100000 cells");
    let help = "did you mean `hot-set`? the presets are";
    one_problem(&presets("'hotset'"), 4, "'hotset'", "unknown preset `hotset`", help);
    let text = format!("{}[latency]\nrates = 1000\n", presets("'growth'"));
    let message = "no cell can have its latency measured";
    one_problem(&text, 5, "[latency]", message, "what fills a range ends when it is full");
}

#[test]
fn distributions_have_the_skews_and_hot_sets_that_they_take() {
    let drawn = |lines: &str| -> Vec<String> {
        let cases = parse(&axes(lines)).cases;
        cases.iter().map(|case| format!("{} {}", case.distribution_name(), case.zipf)).collect()
    };
    assert_eq!(drawn("zipf = [0, 0.99]"), ["uniform 0", "zipf 0.99"]);
    assert_eq!(
        drawn("distribution = ['sequential', 'zipf', 'uniform', 'latest']\nzipf = [0.5, 1.2]"),
        ["sequential 0", "zipf 0.5", "zipf 1.2", "uniform 0", "latest 0.5", "latest 1.2"]
    );
    let hot = "distribution = 'hot-set'\nhot_keys = [0.1, 0.2]\nhot_shift = [0, 9]";
    let sets = parse(&axes(hot)).cases.into_iter().map(|case| case.distribution.hot_set().unwrap());
    let sets: Vec<_> = sets.map(|hot| (hot.keys, hot.operations, hot.shift)).collect();
    assert_eq!(sets, [(0.1, 0.8, 0), (0.1, 0.8, 9), (0.2, 0.8, 0), (0.2, 0.8, 9)]);
    // What is the same by two names is one cell, and has the id that it always had.
    assert_eq!(drawn("distribution = ['uniform', 'zipf']\nzipf = 0"), ["uniform 0"]);
    let ids = |lines: &str| parse(&axes(lines)).cases.iter().map(Case::id).collect::<Vec<_>>();
    assert_eq!(ids("zipf = 0.9"), ids("zipf = 0.9\ndistribution = 'zipf'"));
}

#[test]
fn distributions_that_do_not_go_with_what_is_said_of_them() {
    let complain = |lines: &str, line, offending: &str, message: &str, help: &str| {
        one_problem(&axes(lines), line, offending, message, help);
    };
    let unknown = "unknown distribution `zipfian`";
    complain("distribution = 'zipfian'", 4, "'zipfian'", unknown, "did you mean `zipf`?");
    let bare = "`distribution` has `latest` where no `zipf` is set";
    complain("distribution = 'latest'", 4, "'latest'", bare, "zipf = 0.99");
    let unused = "`zipf` is set, and nothing in `[axes]` has it";
    complain("distribution = 'fresh'\nzipf = 1", 5, "1", unused, "with a skew");
    let cold = "`hot_keys` is set, and nothing in `[axes]` has it";
    complain("hot_keys = 0.5", 4, "0.5", cold, "that is `hot-set`");
    complain("hot_keys = 0.5\ndistribution = 'fresh'", 4, "0.5", cold, "that is `hot-set`");
    let share = "`hot_keys` is 2";
    complain("hot_keys = 2\ndistribution = 'hot-set'", 4, "2", share, "a share from 0 to 1");
    let none = "`latest` with 0 of 65536 keys prefilled: without a key there is no latest one";
    let latest = "distribution = 'latest'\nzipf = 1\nprefill = [0.5, 0.0]";
    complain(latest, 6, "[0.5, 0.0]", none, "as a share of the keys");
    let full = "`fresh` with 8 of 8 keys prefilled: no key is left to insert";
    complain("distribution = 'fresh'\nkeys = 8\nprefill = 1", 6, "1", full, "as a share");
}

#[test]
fn tables_are_left_out_where_they_do_not_have_the_form() {
    let axes = |structure: &str, rest: &str| {
        format!("controls = false\n[axes]\nstructure = {structure}\n{rest}\n")
    };
    // In the catalogue of these tests a table holds byte strings with its last reclaimer.
    let bytes = "reclaimer = ['epoch', 'hazard']\nkey_bytes = [16, 'etc']";
    let experiment = parse(&axes("['chaining-lock-free', 'cuckoo-*']", bytes));
    let told: Vec<_> = experiment
        .cases
        .iter()
        .map(|case| (case.structure.as_str(), case.reclaimer.as_str(), case.key_bytes))
        .collect();
    let (sixteen, etc) = (Some(Length::Bytes(16)), Some(Length::Etc));
    assert_eq!(
        told,
        [
            ("chaining-lock-free", "hazard", sixteen),
            ("chaining-lock-free", "hazard", etc),
            ("cuckoo-striped", "none", sixteen),
            ("cuckoo-striped", "none", etc),
        ]
    );
    let left_out = experiment.skipped.join("; ");
    assert!(left_out.contains("chaining-lock-free with epoch with byte strings"), "{left_out}");
    assert!(left_out.contains("cuckoo-optimistic"), "{left_out}");
    let one = axes("'cuckoo-optimistic'", "value_bytes = 100");
    let message = "`cuckoo-optimistic` is not there with byte strings";
    one_problem(&one, 3, "'cuckoo-optimistic'", message, "its entries are inline words");
    let two = axes("'chaining-lock-free'", "reclaimer = 'leak'\nhasher = 'ahash'");
    let message = "`chaining-lock-free` is not there with another hasher than foldhash";
    one_problem(&two, 3, "'chaining-lock-free'", message, "so it is there with epoch, hazard");
    let three = axes("'chaining-lock-free'", "preset = 'memc3'\nkey_bytes = 9");
    one_problem(
        &three,
        5,
        "9",
        "`key_bytes` is set beside the preset `memc3`",
        "lengths of its own",
    );
    let four = axes("'chaining-lock-free'", "key_bytes = 7");
    one_problem(&four, 4, "7", "`key_bytes` is 7", "from 8 to 65536, or \"etc\"");
    // With foldhash it is there with every reclaimer; with others it is not.
    let some = axes("'chaining-lock-free'", "reclaimer = 'leak'\nhasher = ['foldhash', 'ahash']");
    assert_eq!(parse(&some).cases.len(), 1);
    let all = parse(&axes("'chaining-lock-free'", "hasher = 'ahash'"));
    assert_eq!((all.cases.len(), all.skipped), (1, Vec::new()), "nothing is left out");
    let mut catalogue = catalogue();
    catalogue.structures.iter_mut().for_each(|entry| entry.hashed.clear());
    let text = axes("'chaining-lock-free'", "hasher = 'ahash'");
    let error = Experiment::parse("e.toml", &text, &catalogue).expect_err("no other hasher");
    assert_eq!(error.problems()[0].help, "it is registered with foldhash alone");
}
