//! Presets, distributions and byte strings.

use harness::case::Case;
use harness::workload::Length;

use super::*;

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
