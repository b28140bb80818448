//! Space trials: beside throughput trials, resumed, merged, shown.

use std::collections::BTreeMap;

use crate::lab;
use crate::report::{all, column, page};
use crate::support::{Lab, Row, number};

const SPEC: &str = "title = \"Space\"\nseed = 5\nseconds = 0.01\nwarmup = 0.001\nblocks = 2\n\
    turns = false\ncontrols = false\n[axes]\n\
    structure = [\"chaining-global-lock\", \"cuckoo-striped\", \
    \"cuckoo-optimistic:search=random-1\"]\nthreads = [1, 2]\nkeys = 3000\n\
    SPACE";

const SUBJECTS: usize = 3;

fn spec() -> String {
    SPEC.replace("SPACE", "[space]\nloads = [0.9, 0.5]\n")
}

fn asking() -> Lab {
    let lab = lab();
    lab.write("s.toml", spec());
    lab
}

/// The steps of each trial, by the structure and the block.
fn trials(lab: &Lab, folder: &str) -> BTreeMap<(String, String), Vec<Row>> {
    let cells = lab.rows(folder);
    let structure = |row: &Row| {
        let cell = cells.iter().find(|cell| cell["case"] == row["case"]);
        cell.expect("a throughput trial of the cell")["structure"].clone()
    };
    let mut trials: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in lab.rows_of(&format!("{folder}/space.csv")) {
        trials.entry((structure(&row), row["block"].clone())).or_default().push(row);
    }
    trials
}

#[track_caller]
fn assert_whole(lab: &Lab, folder: &str, blocks: usize) {
    let trials = trials(lab, folder);
    // Cells that differ in threads alone are filled once.
    assert_eq!(trials.len(), SUBJECTS * blocks, "{:?}", trials.keys());
    for (name, steps) in trials {
        let numbers: Vec<usize> = steps.iter().map(|row| row["step"].parse().unwrap()).collect();
        assert_eq!(numbers, (1..=steps.len()).collect::<Vec<_>>(), "{name:?}");
        assert!(steps.iter().all(|row| row["steps"] == steps.len().to_string()), "{name:?}");
        assert!(steps.iter().all(|row| row["valid"] == "true"), "{steps:?}");
        assert_eq!(steps.last().unwrap()["at"], "growth");
    }
}

#[test]
fn fills_say_what_entries_take() {
    let lab = asking();
    let ran = lab.run("sweep s.toml --dry-run").exits(0);
    ran.prints(&["6 cells x 2 blocks = 12 trials, and 6 space trials at loads 0.5, 0.9, about "]);
    let ran = lab.run("sweep s.toml --out r").exits(0);
    let ran = ran.prints(&["Space by load", "load 0.9", "growth", "r/space.csv"]);
    ran.prints(&["r/figures/space-load.svg"]);
    assert_whole(&lab, "r", 2);
    for ((structure, _), steps) in trials(&lab, "r") {
        let at = |name: &str| steps.iter().find(|row| row["at"] == name).unwrap();
        let (keys, growth) = (at("keys"), at("growth"));
        assert_eq!(keys["entries"], "3000", "{structure}");
        assert!(number(keys, "build_seconds") > 0.0 && growth["build_seconds"].is_empty());
        assert_eq!(number(growth, "capacity_after"), 2.0 * number(growth, "capacity"));
        assert!(number(growth, "bytes_after") > number(growth, "bytes"));
        let of_all: f64 = steps.iter().map(|row| number(row, "inserts")).sum();
        assert_eq!(of_all, number(growth, "entries"));
        let first_bytes = number(&steps[0], "bytes");
        if structure == "chaining-global-lock" {
            // 4096 buckets of a pointer, and nodes of a pointer, a hash, a key and a value; and what
            // the meter keeps for a thread.
            let in_all = |row: &Row| 4096.0 * 8.0 + 32.0 * number(row, "entries");
            let meter = first_bytes - in_all(&steps[0]);
            assert!((0.0..=256.0).contains(&meter), "{meter}");
            for row in &steps {
                assert_eq!(number(row, "bytes"), in_all(row) + meter, "{row:?}");
                let exact = number(row, "bytes") / number(row, "entries");
                assert_eq!(number(row, "bytes_per_entry"), exact);
                assert_eq!((&*row["moves"], &*row["max_moves"]), ("", ""));
            }
            assert_eq!((number(growth, "load"), &*growth["longest_chain"]), (1.0, ""));
            assert!((3.0..=12.0).contains(&number(keys, "longest_chain")));
        } else {
            // Entries are in the slots, which are there from the start; later come what a thread
            // keeps for itself.
            let later = |row: &Row| number(row, "bytes") - first_bytes;
            assert!(steps.iter().all(|row| (0.0..=256.0).contains(&later(row))), "{steps:?}");
            assert!(first_bytes >= 4096.0 * 17.0, "{first_bytes}");
            assert!(steps.iter().all(|row| row["longest_chain"].is_empty()));
            assert!(number(growth, "load") > 0.9 && number(growth, "load") < 1.0);
            assert!(number(growth, "moves_per_insert") > 0.1, "{growth:?}");
        }
    }
    lab.run("sweep s.toml --out r").exits(0).says(&["18 of 18 trials are done"]);
    // Its numbers are in the page, and another file's trials are not mixed with these.
    let page = page(&lab, "report r");
    let steps = column(&page, "space", "at");
    assert_eq!(steps.len(), SUBJECTS * 4);
    let moves = column(&page, "space", "moves an insert");
    assert_eq!(moves.iter().filter(|cell| cell.0.is_none()).count(), 4, "of the chained table");
    lab.write("t.toml", spec().replace("[0.9, 0.5]", "0.9"));
    let said = ["another experiment", "space is loads 0.5, 0.9 there and loads 0.9 here"];
    lab.run("sweep t.toml --out r").exits(2).says(&said);
    lab.write("t.toml", SPEC.replace("SPACE", ""));
    lab.run("sweep t.toml --out q --blocks 1").exits(0);
    assert!(!lab.path("q/space.csv").exists());
    lab.run("plot q --figure space-load").exits(2).says(&["needs `[space]`"]);
    lab.run("plot r --figure space-load --format svg,pgf").exits(0).prints(&["space-load.tex"]);
    let without = crate::report::page(&lab, "report q");
    assert!(all(&without, "#space, nav a[href='#space']").is_empty());
}

#[test]
fn half_a_trial_is_cut_off_and_run_again() {
    let lab = asking();
    lab.run("sweep s.toml --out r").exits(0);
    let text = lab.read("r/space.csv");
    let lines: Vec<&str> = text.lines().collect();
    // The last trial has four rows: without its last one, and with half of it.
    let whole = lines[..lines.len() - 1].join("\n") + "\n";
    for left in [whole.clone(), whole + &lines[lines.len() - 1][..20]] {
        lab.write("r/space.csv", left);
        lab.run("report r").exits(0);
        let said = ["space.csv: cut off", "17 of 18 trials are done"];
        lab.run("sweep s.toml --out r").exits(0).says(&said);
        assert_whole(&lab, "r", 2);
    }
}

#[test]
fn parts_are_merged_with_their_space() {
    let lab = asking();
    for part in ["1", "2"] {
        lab.run(&format!("sweep s.toml --shard {part}/2 --out p{part}")).exits(0);
    }
    lab.run("merge p2 p1 --out m").exits(0).says(&["18 trials: every cell"]);
    assert_whole(&lab, "m", 2);
    lab.run("sweep s.toml --out m").exits(0).says(&["18 of 18 trials are done"]);
    lab.run("merge p1 m --out again").exits(0).says(&["9 trials are in several folders alike"]);
    let old = lab.read("p1/space.csv");
    lab.write("p1/space.csv", old.replacen(",true,", ",false,", 1));
    let said = ["different results of one trial in space.csv: case ", "in block 1, counted from 1"];
    lab.run("merge p1 m --out other").exits(2).says(&said);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let lab = lab();
    for (section, said) in [
        ("[space]\nloads = 1.5\n", "above 0 and up to 1"),
        ("[space]\nload = 0.5\n", "did you mean `loads`?"),
        ("[space]\nloads = []\n", "`loads` is an empty list"),
    ] {
        lab.write("s.toml", SPEC.replace("SPACE", section));
        lab.run("sweep s.toml --dry-run").exits(2).says(&["s.toml:", said]);
    }
    lab.write("s.toml", "space = 3\naxes.structure = \"papaya\"\n");
    lab.run("sweep s.toml --dry-run").exits(2).says(&["`[space]` on a line by itself"]);
    lab.write("s.toml", "controls = false\naxes.structure = \"no-op\"\nspace = {}\n");
    lab.run("sweep s.toml --dry-run").exits(2).says(&["no cell can be filled"]);
}
