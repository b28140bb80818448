//! Sweeps that run to their end, and every option.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab;
use crate::support::{COLUMNS, Lab, TINY, TINY_CELLS, assert_complete, is_png, plan, tiny_alone};

fn tiny() -> Lab {
    let lab = lab();
    lab.write("tiny.toml", TINY);
    lab
}

#[test]
fn a_sweep_ends_with_a_whole_folder() {
    let lab = tiny();
    let ran = lab.run("sweep tiny.toml").exits(0).says(&["block 1 done", "block 2 done"]);
    let files = ["experiment.toml", "machine.toml", "trials.csv"];
    let ran =
        ran.prints(&files.map(|file| format!("results/tiny/{file}")).each_ref().map(|s| &**s));
    ran.prints(&["chaining-lock-free/epoch", "chaining-bucket-lock", "figures/"]);
    assert_eq!(lab.read("results/tiny/experiment.toml"), TINY);
    lab.run("plot results/tiny").exits(0);
    let header = lab.read("results/tiny/trials.csv").lines().next().unwrap().to_owned();
    let header: BTreeSet<&str> = header.split(',').collect();
    for column in COLUMNS.split_whitespace() {
        assert!(header.contains(column), "no column `{column}`");
    }
    let rows = lab.rows("results/tiny");
    assert_complete(&rows, TINY_CELLS, 2);
    for row in &rows {
        let percents = ["reads", "inserts", "removes", "updates"];
        let sum: f64 = percents.iter().map(|verb| row[*verb].parse::<f64>().unwrap()).sum();
        assert_eq!(sum, 100.0, "{row:?}");
        assert!(row["ops"].parse::<u64>().unwrap() > 0 && row["keys"] == "256", "{row:?}");
    }
    let figures: Vec<_> = lab.snapshot("results/tiny/figures").into_keys().collect();
    let with = |suffix: &str| figures.iter().filter(|f| f.extension().unwrap() == suffix).count();
    assert!(with("svg") > 0 && with("svg") == with("png"), "{figures:?}");
    for figure in figures.iter().filter(|figure| figure.extension().unwrap() == "png") {
        assert!(is_png(&lab.path("results/tiny/figures").join(figure)));
    }
}

#[test]
fn the_same_command_again_changes_nothing() {
    let lab = tiny();
    let first = lab.run("sweep tiny.toml --out r").exits(0);
    let before = lab.snapshot("r");
    let again = lab.run("sweep tiny.toml --out r").exits(0).says(&["12 of 12 trials are done"]);
    assert_eq!(first.out, again.out);
    assert!(before == lab.snapshot("r"), "a file changed");
}

#[test]
fn the_recorded_experiment_reproduces_the_run() {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone());
    lab.run("sweep tiny.toml --out a --seed 99 --seconds 0.02 --blocks 3").exits(0);
    let recorded = lab.read("a/experiment.toml");
    for line in ["seed = 99\n", "seconds = 0.02\n", "blocks = 3\n"] {
        assert!(recorded.contains(line), "no {line} in\n{recorded}");
    }
    lab.run("sweep a/experiment.toml --out b").exits(0);
    let (a, b) = (lab.rows("a"), lab.rows("b"));
    assert_complete(&a, TINY_CELLS, 3);
    assert_eq!(plan(&a), plan(&b));
    assert!(a.iter().all(|row| row["seconds"].parse::<f64>().unwrap() >= 0.02));
    lab.run("sweep tiny.toml --out c --blocks 3").exits(0);
    assert_ne!(plan(&a), plan(&lab.rows("c")), "the seed does not matter");
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let lab = tiny();
    let ran = lab.run("sweep tiny.toml --dry-run --out r").exits(0);
    let ran = ran.prints(&["6 cells x 2 blocks = 12 trials, about ", "threads=2"]);
    assert_eq!((ran.out.lines().count(), ran.err.as_str()), (TINY_CELLS + 4, ""));
    let ran = lab.run("sweep tiny.toml --dry-run --only */epoch --blocks 5 --shard 2/2").exits(0);
    ran.prints(&["2 cells x 2 blocks = 4 trials"]);
    assert_eq!(lab.names(), ["tiny.toml"]);
}

#[test]
fn only_runs_the_cells_that_match_and_leaves_the_others() {
    let lab = tiny();
    lab.run("sweep tiny.toml --out r --only chaining-lock-free/leak").exits(0);
    let rows = lab.rows("r");
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["reclaimer"] == "leak"));
    let id = &rows[0]["case"];
    lab.run(&format!("sweep tiny.toml --out by-id --only {id}")).exits(0);
    assert_eq!(lab.rows("by-id").len(), 2);
    lab.run("sweep tiny.toml --out r").exits(0).says(&["4 of 12 trials are done"]);
    assert_complete(&lab.rows("r"), TINY_CELLS, 2);
}

#[test]
fn shards_together_are_the_whole() {
    let lab = tiny();
    let said = ["--shard 4/5: of 3 blocks none is of that part"];
    lab.run("sweep tiny.toml --blocks 3 --out none --shard 4/5").exits(2).says(&said);
    assert!(!lab.path("none").exists());
    lab.run("sweep tiny.toml --blocks 3 --out one --shard 1/2").exits(0);
    lab.run("sweep tiny.toml --blocks 3 --out two --shard 2/2").exits(0);
    let blocks = |folder: &str| {
        let mut counts = BTreeMap::new();
        for row in lab.rows(folder) {
            *counts.entry(row["block"].clone()).or_insert(0) += 1;
        }
        counts.into_iter().collect::<Vec<_>>()
    };
    let block = |block: &str| (block.to_owned(), TINY_CELLS);
    assert_eq!(blocks("one"), [block("0"), block("2")]);
    assert_eq!(blocks("two"), [block("1")]);
    lab.run("sweep tiny.toml --blocks 3 --out one --shard 2/2").exits(0);
    assert_complete(&lab.rows("one"), TINY_CELLS, 3);
}

#[test]
fn more_blocks_add_to_the_folder() {
    let lab = tiny();
    lab.run("sweep tiny.toml --out r --blocks 1").exits(0);
    let first = lab.read("r/trials.csv");
    lab.run("sweep tiny.toml --out r --blocks 2").exits(0);
    assert!(lab.read("r/trials.csv").starts_with(&first), "old trials were rewritten");
    assert_complete(&lab.rows("r"), TINY_CELLS, 2);
}

#[test]
fn fresh_moves_the_old_folder_aside_whole() {
    let lab = tiny();
    lab.run("sweep tiny.toml --out r --blocks 1 --seed 1").exits(0);
    let (old, old_rows) = (lab.snapshot("r"), lab.rows("r"));
    lab.run("sweep tiny.toml --out r --blocks 1 --fresh").exits(0).says(&["moved r aside to r."]);
    assert_ne!(plan(&lab.rows("r")), plan(&old_rows));
    let aside = lab.names().into_iter().find(|name| name.starts_with("r.moved-")).unwrap();
    assert!(old == lab.snapshot(&aside), "the old folder changed");
    assert_complete(&lab.rows("r"), TINY_CELLS, 1);
    lab.run("sweep tiny.toml --out new --blocks 1 --fresh").exits(0);
}

#[test]
fn wide_intervals_run_more_blocks() {
    let lab = lab();
    let asks = "target_halfwidth = 0.000001\nmax_blocks = 4\ncontrols = false";
    lab.write("tiny.toml", tiny_alone().replace("controls = false", asks));
    lab.run("sweep tiny.toml --out r").exits(0).says(&["stopped at max_blocks = 4"]);
    assert_complete(&lab.rows("r"), TINY_CELLS, 4);
}

/// The only block of this part comes after those that are asked for in any case.
#[test]
fn a_part_of_added_blocks_is_run() {
    let lab = lab();
    let asks = "target_halfwidth = 0.000001\nmax_blocks = 3\ncontrols = false";
    lab.write("tiny.toml", tiny_alone().replace("controls = false", asks));
    let ran = lab.run("sweep tiny.toml --out r --shard 3/3").exits(0);
    ran.says(&["stopped at max_blocks = 3"]);
    let rows = lab.rows("r");
    assert!(rows.len() == TINY_CELLS && rows.iter().all(|row| row["block"] == "2"), "{rows:?}");
}

/// Two pages of the same table, two ways to look up, one variant.
const FACTORS: &str = r#"seconds = 0.01
turns = false
warmup = 0.001
blocks = 1

[axes]
structure = ["cuckoo-optimistic", "cuckoo-optimistic:*off"]
reads = 100
keys = 256
huge_pages = [false, true]
batch = [1, 16]
"#;

#[test]
fn batches_pages_and_variants_are_measured_and_told_apart() {
    let lab = lab();
    lab.write("f.toml", FACTORS);
    let ran = lab.run("sweep f.toml --dry-run").exits(0);
    let off = "cuckoo-optimistic:tags=off threads=1 reads=100 zipf=0 keys=256";
    let ran = ran.prints(&[&format!("{off}\n"), &format!("{off} batch=16 huge_pages\n")]);
    let is_cell = |line: &&str| line.contains("  cuckoo");
    let tables = ran.out.lines().filter(is_cell).count();
    // Four workloads, each with a twin of the first.
    assert_eq!(tables, (1 + 4) * 4 + 4, "{}", ran.out);
    let ran = lab.run("sweep f.toml --out r --only *:tags=off").exits(0);
    assert_eq!(lab.rows("r").len(), 4);
    let ran = ran.prints(&["cuckoo-optimistic:tags=off", "lookups in batches of 16"]);
    ran.prints(&["huge pages asked for", "throughput-bars.svg"]);
    lab.run("plot r --figure throughput-threads")
        .exits(0)
        .prints(&["throughput-threads-batch16-huge-pages.svg"]);
    lab.run("sweep f.toml --out s --only cuckoo-*").exits(0);
    let rows = lab.rows("s");
    assert!(rows.len() == 8 && rows.iter().all(|row| row["structure"] == "cuckoo-optimistic"));
    let mut seeds: Vec<_> = rows.iter().map(|row| &row["seed"]).collect();
    seeds.dedup();
    assert_eq!(seeds.len(), 1, "batches and pages change the keys");
    lab.run("sweep f.toml --out r").exits(0).says(&["4 of 28 trials are done"]);
    assert_complete(&lab.rows("r"), 28, 1);
}

#[test]
fn allocators_and_faults_are_measured_and_told_apart() {
    let lab = lab();
    let text = tiny_alone().replacen("controls = false", "controls = true", 1);
    let axes = "allocator = '*'\nfault = ['none', 'oversubscribed']\npin = ['operation', 4]\n";
    lab.write("a.toml", text.replacen("threads = [1, 2]", "threads = 1", 1) + axes);
    let ran = lab.run("sweep a.toml --blocks 1 --out r").exits(0);
    // Three subjects, a twin and no-op, eight times; sequential without a fault.
    assert_complete(&lab.rows("r"), 5 * 8 + 4, 1);
    ran.prints(&["allocator mimalloc", "4 operations a pin", "fault oversubscribed"]);
    let rows = lab.rows("r");
    let seeds: std::collections::BTreeSet<_> = rows.iter().map(|row| &row["seed"]).collect();
    assert_eq!(seeds.len(), 1, "the later axes change the keys");
    let labelled = |row: &&crate::support::Row| row["allocator"] == "mimalloc";
    assert_eq!(rows.iter().filter(labelled).count(), 22);
}

#[test]
fn live_without_a_terminal_says_so_once_and_is_plain() {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone());
    let ran = lab.run("sweep tiny.toml --out r --blocks 2 --live").exits(0);
    let ran = ran.says(&["block 1 done", "block 2 done"]);
    let note = "note: --live needs a terminal on standard error, so progress is plain";
    assert_eq!(ran.err.matches(note).count(), 1, "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}'), "no escape codes: {}", ran.err);
}
