//! What else than throughput trials a file asks for: `[space]`, `[aggregate]`, `[traces]`. All of the
//! rest is tested in `tests/experiment`.

use std::fs;
use std::path::Path;

use super::{Experiment, SpecError, TrialTimes, trial_times, with_traces};
use crate::case::Mix;
use crate::programs::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};
use crate::trace::TraceId;
use trials::aggregate::Way;

fn entry(name: &str, reclaimer: &str, max_threads: Option<usize>) -> StructureEntry {
    StructureEntry {
        name: name.to_owned(),
        reclaimers: vec![reclaimer.to_owned()],
        why_not: String::new(),
        max_threads,
        huge_pages: name == "a",
        hashed: Vec::new(),
        bytes: Vec::new(),
        why_no_bytes: String::new(),
    }
}

fn read(text: &str) -> Result<Experiment, SpecError> {
    let structures = vec![
        entry("a", "none", None),
        entry("b", "hazard", None),
        entry("no-op", "none", None),
        entry("sequential", "none", Some(1)),
    ];
    let reclaimers = vec![ReclaimerEntry { name: "hazard".to_owned(), takes_batch: true }];
    let allocators = vec!["system".to_owned()];
    Experiment::parse(
        "e.toml",
        text,
        &Catalogue { structures, reclaimers, allocators, ..Catalogue::default() },
    )
}

fn parse(text: &str) -> Experiment {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The text's one mistake is this part of it.
#[track_caller]
fn refused(text: &str, offending: &str, message: &str, help: &str) {
    let error = read(text).expect_err("it has a mistake");
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!((error.offending(problem), &*problem.message), (offending, message));
    assert!(problem.help.contains(help), "{error}");
}

/// Cells 0 to 3 are `a` and `b` at one thread and two; then `no-op` twice, `sequential` as number 6,
/// and two twins.
fn two_tables(lines: &str) -> String {
    format!("[axes]\nstructure = ['a', 'b']\nreclaimer = 'hazard'\nthreads = [1, 2]\n{lines}\n")
}

const NO_OP: &str = "controls = false\naxes.structure = 'no-op'\n";

#[test]
fn a_table_is_filled_once_whatever_else_its_cells_differ_in() {
    assert_eq!(parse(&two_tables("")).space, None);
    let plan = |lines: &str| parse(&two_tables(lines)).space.expect("a plan");
    let usual = plan("[space]");
    assert_eq!((usual.loads, usual.cells), (vec![0.5, 0.75, 0.9, 0.95], vec![0, 2, 6]));
    let asked = plan("[space]\nloads = [0.9, 1, 0.5, 0.9]");
    assert_eq!(asked.loads, [0.5, 0.9, 1.0], "ascending, each once");
    assert_eq!(asked.to_string(), "loads 0.5, 0.9, 1");
    assert_eq!(plan("reads = [0, 95]\nzipf = [0, 1]\n[space]").cells.len(), 3);
    assert_eq!(plan("keys = [10, 20]\n[space]").cells.len(), 6);
    refused("space = 3\naxes.structure = 'a'", "3", "`space` is 3", "`[space]` on a line");
    for load in ["0", "1.01"] {
        let text = two_tables(&format!("[space]\nloads = [0.5, {load}]"));
        refused(&text, load, &format!("`loads` is {load}"), "above 0 and up to 1");
    }
    let unknown = "unknown key `load` in [space]";
    refused(&two_tables("[space]\nload = 1"), "load", unknown, "did you mean `loads`?");
    let nothing = format!("{NO_OP}[space]");
    refused(&nothing, "[space]", "no cell can be filled", "other than `no-op`");
    assert_eq!(read("axes.structure = 'c'\n[space]").unwrap_err().problems().len(), 1);
}

#[test]
fn words_are_counted_once_by_what_a_way_heeds() {
    use Way::{Cached, Merged, Partitioned, Shared};
    assert_eq!(parse(&two_tables("")).aggregate, None);
    let plan = |lines: &str| parse(&two_tables(lines)).aggregate.expect("a plan");
    let usual = plan("[aggregate]");
    assert_eq!((usual.words, &usual.text), (4_000_000, &None));
    assert_eq!(usual.ways, Way::ALL);
    let tables = [Shared, Cached].map(|way| [0, 1, 2, 3, 6].map(|cell| (cell, way)));
    let threads = [Merged, Partitioned].map(|way| [0, 1].map(|cell| (cell, way)));
    assert_eq!(usual.cells, [&tables.concat()[..], &threads.concat()[..]].concat());
    let asked = plan("[aggregate]\nways = ['merged', 'shared', 'merged']\nwords = 100");
    assert_eq!(asked.ways, [Shared, Merged], "each once");
    assert_eq!(asked.to_string(), "shared, merged of 100 words");
    // What a table heeds and nothing else does.
    let of_table = "huge_pages = [false, true]\nreclaim_batch = ['default', 16]\n[aggregate]\n";
    assert_eq!(plan(&format!("{of_table}ways = 'merged'")).cells, [(0, Merged), (2, Merged)]);
    let shared = plan(&format!("{of_table}ways = 'shared'"));
    assert_eq!(shared.cells.len(), 4 + 4 + 1, "pages of `a`, batches of `b`, `sequential`");
    // A text has words of its own.
    let keys = "keys = [10, 20]\n[aggregate]\nways = 'merged'\n";
    assert_eq!(plan(keys).cells.len(), 4);
    let of_text = plan(&format!("{keys}text = 't.txt'"));
    assert_eq!((of_text.cells.len(), &*of_text.to_string()), (2, "merged of the words of t.txt"));
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let aggregate = |lines: &str| two_tables(&format!("[aggregate]\n{lines}"));
    let table = "`[aggregate]` on a line";
    refused("aggregate = 3\naxes.structure = 'a'", "3", "`aggregate` is 3", table);
    let both = "`[aggregate]` has both `words` and `text`";
    refused(&aggregate("words = 7\ntext = 't'"), "7", both, "leave one of them out");
    for words in ["0", "1000000001"] {
        let message = format!("`words` is {words}");
        refused(&aggregate(&format!("words = {words}")), words, &message, "from 1 to 1000000000");
    }
    refused(&aggregate("ways = 'x'"), "'x'", "`ways` is a string", "\"merged\"");
    let unknown = "unknown key `word` in [aggregate]";
    refused(&aggregate("word = 1"), "word", unknown, "did you mean `words`?");
    let nothing = format!("{NO_OP}[aggregate]");
    refused(&nothing, "[aggregate]", "no cell can count words", "other than `no-op`");
    assert_eq!(read("axes.structure = 'c'\n[aggregate]").unwrap_err().problems().len(), 1);
}

#[test]
fn keys_of_other_tables_are_sent_home() {
    let home = |key: &str, table: &str| {
        let message = format!("unknown key `{key}` in an experiment file");
        let help = format!("`{key}` belongs in `[{table}]`");
        refused(&format!("{key} = 1\naxes.structure = 'a'"), key, &message, &help);
    };
    home("loads", "space");
    home("words", "aggregate");
}

const REPLAY: &str =
    "controls = false\n[axes]\nstructure = 'a'\ntrace = ['t/kv.csv', 't/kv.csv']\n";
const FACTS: &str =
    "[traces.\"t/kv.csv\"]\nsha256 = \"77\"\nkeys = 30\ngets = 60\ninserts = 30\nupserts = 10\n";

#[test]
fn a_trace_has_its_own_keys_and_operations() {
    let mut replay = parse(&format!("{REPLAY}{FACTS}"));
    replay.folder = "specs".into();
    let [case] = replay.cases.as_slice() else { panic!("{:?}", replay.cases) };
    let id = TraceId { name: "kv".to_owned(), sha256: "77".to_owned(), requests: 100 };
    assert_eq!((case.trace.as_ref(), case.keys), (Some(&id), 30));
    let mix = Mix { reads: 60.0, inserts: 30.0, removes: 0.0, updates: 0.0, upserts: 10.0 };
    assert_eq!(case.mix, mix);
    assert_eq!(replay.trace_file(case), Some("specs/t/kv.csv".into()));
    assert_eq!(replay.trace_file(&parse(&two_tables("")).cases[0]), None);
    // The same requests by another name are another trace.
    let other = FACTS.replace("t/kv.csv", "t/kw.csv");
    let both = REPLAY.replacen("t/kv.csv", "t/kw.csv", 1);
    assert_eq!(parse(&format!("{both}{FACTS}{other}")).cases.len(), 2);
    // The same path twice is one.
    let list = (1..=400).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let large = format!("{REPLAY}threads = [{list}]\nhash_seed = [{list}]\n{FACTS}");
    let message = "`[axes]` is a grid of 160000 cells";
    refused(&large, "[axes]", message, "at most 100000 cells");
}

#[test]
fn traces_that_nobody_has_read_or_replays_are_refused() {
    refused(
        &REPLAY.replace(", 't/kv.csv'", ""),
        "'t/kv.csv'",
        "nobody has read the trace `t/kv.csv`",
        "`bench sweep` reads it",
    );
    let unused = format!("axes.structure = 'a'\n{FACTS}");
    let message = "`[traces]` is set, and no grid has a `trace`";
    let error = read(&unused).expect_err("it is not used");
    assert_eq!(error.problems()[0].message, message);
    for gone in ["sha256 = \"77\"\n", "keys = 30\n", "gets = 60\ninserts = 30\nupserts = 10\n"] {
        let text = format!("{REPLAY}{}", FACTS.replace(gone, ""));
        let error = read(&text).expect_err("something is missing");
        let said = |problem: &super::Problem| problem.message.contains("does not say what");
        assert!(error.problems().iter().any(said), "{error}");
    }
    let wrong = format!("{REPLAY}{}", FACTS.replace("keys = 30", "keys = 0"));
    let error = read(&wrong).expect_err("no keys");
    assert!(error.problems().iter().all(|one| !one.message.contains("does not say")), "{error}");
    for (text, message) in [("traces = 3\n", "`traces` is 3"), ("traces.x = 3\n", "`x` is 3")] {
        let error = read(&format!("{text}{REPLAY}")).expect_err("no tables");
        assert!(error.problems().iter().any(|problem| problem.message == message), "{error}");
    }
    let beside = format!("{REPLAY}hot_keys = 0.5\n{FACTS}");
    let message = "`hot_keys` is set beside `trace` in `[axes]`";
    refused(&beside, "0.5", message, "a trace has its own operations and keys");
}

#[test]
fn a_plan_says_what_its_traces_are() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kv.csv"), "0,x,1,9,7,get,0\n1,y,1,9,7,set,0\n").unwrap();
    let with = |text: &str| with_traces("e.toml", text, folder.path());
    // In any grid; each once; a missing end of line is made good.
    let text = "controls = false\n[axes]\nstructure = 'a'\ntrace = 'kv.csv'\n\
                [[also]]\nstructure = 'b'\nreclaimer = 'hazard'\ntrace = ['kv.csv']";
    let told = with(text).unwrap();
    assert!(told.starts_with(&format!("{text}\n\n[traces.\"kv.csv\"]\nsha256 = ")), "{told}");
    let plan = parse(&told);
    assert_eq!((plan.cases.len(), plan.cases[0].keys, plan.cases[0].mix.reads), (2, 2, 50.0));
    // What is told already stays as it is, and so does what replays nothing or is no TOML.
    for same in [&*told, "axes.structure = 'a'", "trace = = 1"] {
        assert_eq!(with(same).unwrap(), same);
    }
    let sha256 = &plan.cases[0].trace.as_ref().expect("a trace").sha256;
    let other = with(&told.replace(sha256.as_str(), "0000")).expect_err("another trace");
    let [problem] = other.problems() else { panic!("{other}") };
    assert!(problem.message.contains("another trace than") && problem.help.contains(sha256));
    let gone = with_traces("e.toml", text, Path::new("nowhere")).expect_err("no such file");
    let [problem] = gone.problems() else { panic!("{gone}") };
    assert_eq!(gone.offending(problem), "'kv.csv'");
}

#[test]
fn times_are_read_of_a_file_whatever_else_it_says() {
    let times = |text: &str| {
        let TrialTimes { seconds, warmup, latency } = trial_times(text)?;
        Some((seconds, warmup, latency))
    };
    assert_eq!(times("axes.structure = 'of another program'"), Some((0.5, 0.1, None)));
    assert_eq!(times("seconds = 3\nwarmup = 0.25\nwhat = 1"), Some((3.0, 0.25, None)));
    assert_eq!(times("seconds = 3\nlatency.rates = 1"), Some((3.0, 0.1, Some(3.0))));
    assert_eq!(times("[latency]\nrates = 1\nseconds = 20"), Some((0.5, 0.1, Some(20.0))));
    assert_eq!(times("seconds = ="), None);
}
