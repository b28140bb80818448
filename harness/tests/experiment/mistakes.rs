//! What a wrong file is told.

use super::*;

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
