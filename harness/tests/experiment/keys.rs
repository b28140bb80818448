//! What a right file means: keys of the top level, and axes.

use std::collections::HashSet;

use harness::case::{Case, Mix};
use harness::experiment::Turns;
use harness::fault::Fault;

use super::*;

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
