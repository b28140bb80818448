//! What a right file means: which cells there are.

use std::collections::HashSet;

use harness::case::{Case, Mix};

use super::*;

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
