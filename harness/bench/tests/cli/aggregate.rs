//! Aggregations: each way, each table, the same words; wrong counts fail.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab;
use crate::report::{all, column, page};
use crate::support::{Lab, Row};

const SPEC: &str = "title = \"Words\"\nseed = 5\nseconds = 0.01\nwarmup = 0.001\nblocks = 2\n\
    turns = false\ncontrols = false\n[axes]\n\
    structure = [\"chaining-bucket-lock\", \"chaining-lock-free\"]\n\
    reclaimer = [\"qsbr\", \"hazard\"]\nthreads = [1, 3]\nreads = 0\nzipf = 0.99\nkeys = 300\n\
    [aggregate]\n";

/// Three subjects on one and on three threads.
const CELLS: usize = 6;
/// By the two ways with a table for each cell, by the other two for each number of threads.
const TRIALS: usize = 2 * CELLS + 2 * 2;

fn asking() -> Lab {
    let lab = lab();
    lab.write("a.toml", SPEC.to_owned() + "words = 20_000\n");
    lab
}

#[track_caller]
fn assert_whole(lab: &Lab, folder: &str, blocks: usize) -> Vec<Row> {
    let rows = lab.rows_of(&format!("{folder}/aggregate.csv"));
    assert_eq!(rows.len(), TRIALS * blocks);
    let names: BTreeSet<_> =
        rows.iter().map(|row| ["case", "block", "way"].map(|key| &row[key])).collect();
    assert_eq!(names.len(), rows.len(), "a trial was run twice");
    assert!(rows.iter().all(|row| (&*row["valid"], &*row["error"]) == ("true", "")), "{rows:?}");
    rows
}

#[test]
fn words_are_counted_in_every_way() {
    let lab = asking();
    let said = "6 cells x 2 blocks = 12 trials, and 32 aggregations: shared, cached, merged, \
                partitioned of 20000 words, about ";
    lab.run("sweep a.toml --dry-run").exits(0).prints(&[said]);
    let ran = lab.run("sweep a.toml --out r").exits(0);
    ran.prints(&["Words counted", "Mwords/s", "chaining-lock-free/qsbr", "r/aggregate.csv"]);
    let rows = assert_whole(&lab, "r", 2);
    // Within a block all count the same words, whatever the table, the way and the threads.
    let mut words: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for row in &rows {
        let what = ["seed", "words", "distinct"].map(|key| row[key].as_str());
        words.entry(&row["block"]).or_default().insert(what);
    }
    assert!(words.len() == 2 && words.values().all(|words| words.len() == 1), "{words:?}");
    lab.run("sweep a.toml --out r").exits(0).says(&["44 of 44 trials are done"]);
    let page = page(&lab, "report r");
    let tables = column(&page, "aggregate", "table");
    assert_eq!(tables.len(), TRIALS);
    assert_eq!(tables.iter().filter(|table| table.1 == "-").count(), 4);
    lab.write("b.toml", SPEC.to_owned() + "ways = \"merged\"\n");
    let said = ["another experiment", "aggregate is shared, cached, merged, partitioned of 20000"];
    lab.run("sweep b.toml --out r").exits(2).says(&said);
    lab.write("b.toml", SPEC.replace("[aggregate]\n", ""));
    lab.run("sweep b.toml --out q --blocks 1").exits(0);
    assert!(!lab.path("q/aggregate.csv").exists());
    assert!(all(&crate::report::page(&lab, "report q"), "#aggregate").is_empty());
}

#[test]
fn a_text_is_counted_instead() {
    let lab = lab();
    lab.write("poem.txt", "the cat, the Hat; THE end\n".repeat(50));
    let spec = SPEC.replace("keys = 300", "keys = [300, 500]") + "text = \"poem.txt\"\n";
    lab.write("t.toml", &spec);
    let ran = lab.run("sweep t.toml --out r --blocks 1").exits(0);
    ran.prints(&["Words counted"]);
    let rows = lab.rows_of("r/aggregate.csv");
    assert_eq!(rows.len(), TRIALS, "a text has its own number of words");
    let counted = |row: &Row| (row["words"].clone(), row["distinct"].clone());
    assert!(rows.iter().all(|row| counted(row) == ("300".to_owned(), "4".to_owned())), "{rows:?}");
    // A text that is gone is a failed trial, and fails the sweep.
    lab.write("t.toml", spec.replace("poem", "gone"));
    let ran = lab.run("sweep t.toml --out s --blocks 1").exits(1);
    ran.says(&["cannot read gone.txt", "16 of 16 trials are invalid", "s/aggregate.csv"]);
}

#[test]
fn parts_are_merged_and_torn_rows_run_again() {
    let lab = asking();
    for part in ["1", "2"] {
        lab.run(&format!("sweep a.toml --shard {part}/2 --out p{part}")).exits(0);
    }
    lab.run("merge p2 p1 --out m").exits(0).says(&["44 trials: every cell"]);
    assert_whole(&lab, "m", 2);
    let text = lab.read("m/aggregate.csv");
    lab.write("m/aggregate.csv", &text[..text.len() - 9]);
    lab.run("sweep a.toml --out m").exits(0).says(&["cut off", "43 of 44 trials are done"]);
    assert_whole(&lab, "m", 2);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let lab = lab();
    for (lines, said) in [
        (
            "ways = \"alone\"\n",
            "`ways` takes \"shared\", \"cached\", \"merged\" or \"partitioned\"",
        ),
        ("words = 0\n", "`words` takes a whole number from 1"),
        ("words = 10\ntext = \"a\"\n", "both `words` and `text`"),
        ("way = \"shared\"\n", "did you mean `ways`?"),
    ] {
        lab.write("a.toml", SPEC.to_owned() + lines);
        lab.run("sweep a.toml --dry-run").exits(2).says(&["a.toml:", said]);
    }
    lab.write("a.toml", "controls = false\naxes.structure = \"no-op\"\naggregate = {}\n");
    lab.run("sweep a.toml --dry-run").exits(2).says(&["no cell can count words"]);
}
