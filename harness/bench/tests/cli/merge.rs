//! `bench merge`.

use crate::lab;
use crate::support::{Lab, TINY, TINY_CELLS, assert_complete, plan, tiny_alone};

/// A sweep of four blocks of `tiny` in two parts, `one` and `two`.
fn parts(tiny: &str) -> Lab {
    let lab = lab();
    lab.write("tiny.toml", tiny);
    lab.run("sweep tiny.toml --blocks 4 --out one --shard 1/2").exits(0);
    lab.run("sweep tiny.toml --blocks 4 --out two --shard 2/2").exits(0);
    lab
}

/// The command is refused, and nothing is made or changed.
#[track_caller]
fn refuses(lab: &Lab, command: &str, parts: &[&str]) {
    let before = lab.snapshot("");
    lab.run(command).exits(2).says(parts);
    assert!(before == lab.snapshot(""), "{command}: something changed");
}

#[test]
fn parts_become_a_whole() {
    let lab = parts(TINY);
    let before = lab.snapshot("one");
    let ran = lab.run("merge two one --out all").exits(0);
    let ran = ran.says(&["24 trials: every cell in each of the 4 blocks"]);
    assert_eq!(ran.out, "all\n");
    for file in ["machine.toml", "experiment.toml"] {
        assert_eq!(lab.read(&format!("all/{file}")), lab.read(&format!("two/{file}")));
    }
    assert!(before == lab.snapshot("one"), "a part changed");
    let rows = lab.rows("all");
    assert_complete(&rows, TINY_CELLS, 4);
    let places: Vec<(u32, u32)> = rows
        .iter()
        .map(|row| (row["block"].parse().unwrap(), row["position"].parse().unwrap()))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    // Every line is one of a part's, and nothing is left to run.
    let lines = |folder: &str| -> Vec<String> {
        lab.read(&format!("{folder}/trials.csv")).lines().skip(1).map(str::to_owned).collect()
    };
    let (mut merged, mut both) = (lines("all"), [lines("one"), lines("two")].concat());
    merged.sort();
    both.sort();
    assert_eq!(merged, both);
    let again = lab.run("sweep tiny.toml --blocks 4 --out all").exits(0);
    again.says(&["24 of 24 trials are done"]);
    lab.run("plot all --format svg").exits(0).prints(&["all/figures/"]);
    lab.run("sweep tiny.toml --blocks 4 --out whole").exits(0);
    // A sweep writes the trials that take turns one group after another.
    let mut whole = lab.rows("whole");
    whole.sort_by_key(|row| -> (u32, u32) {
        (row["block"].parse().unwrap(), row["position"].parse().unwrap())
    });
    assert_eq!(plan(&whole), plan(&rows), "another order than a sweep's blocks");
    lab.run("merge one two --out deep/er/all").exits(0);
    assert_eq!(lab.read("all/trials.csv"), lab.read("deep/er/all/trials.csv"));
}

/// The rest of a torn group would take turns without those that are there.
#[test]
fn a_torn_group_of_a_part_is_run_again_as_a_whole() {
    let lab = parts(TINY);
    let trials = lab.read("two/trials.csv");
    lab.write("two/trials.csv", &trials[..trials.len() - 40]);
    // Three trials took turns, and two of their rows are there.
    let ran = lab.run("merge two one --out all").exits(0);
    ran.says(&["21 trials; 3 are still to be run"]);
    lab.run("sweep tiny.toml --blocks 4 --out all").exits(0).says(&["21 of 24 trials are done"]);
    let rows = lab.rows("all");
    assert_complete(&rows, TINY_CELLS, 4);
    assert!(rows.iter().all(|row| row["group_size"] == "3"), "{rows:?}");
}

#[test]
fn builds_that_no_commit_tells_apart_make_no_whole() {
    let lab = parts(&tiny_alone());
    for (part, build) in [("one", "a"), ("two", "b")] {
        let name = format!("{part}/machine.toml");
        let machine = lab.read(&name).replace("git_dirty = false", "git_dirty = true");
        // Of a clean commit it says nothing of its programs.
        let others = machine.lines().filter(|line| !line.starts_with("programs = "));
        let own = format!("programs = \"{build}\"");
        let lines: Vec<&str> = std::iter::once(own.as_str()).chain(others).collect();
        lab.write(&name, lines.join("\n") + "\n");
    }
    for command in ["merge one two --out all", "plot one two"] {
        refuses(&lab, command, &["different machines or builds", "programs: a and b"]);
    }
}

#[test]
fn what_is_missing_is_said() {
    let lab = parts(TINY);
    let ran = lab.run("merge one --out half").exits(0);
    ran.says(&["12 trials; 12 are still to be run", "sweep half/experiment.toml --out half"]);
    lab.run("sweep half/experiment.toml --out half").exits(0);
    assert_complete(&lab.rows("half"), TINY_CELLS, 4);
}

#[test]
fn a_merge_that_finds_the_disk_full_leaves_nothing() {
    let lab = parts(&tiny_alone());
    let before = lab.names();
    let merge = "merge one two --out all";
    let ran = lab.run_after("trap '' XFSZ; ulimit -f 1", merge).exits(1);
    ran.says(&["cannot make all: cannot write ", "too large"]);
    assert_eq!(lab.names(), before);
    lab.run(merge).exits(0);
    assert_complete(&lab.rows("all"), TINY_CELLS, 4);
}

#[test]
fn a_trial_counts_once() {
    let lab = parts(&tiny_alone());
    lab.copy("one", "again");
    let ran = lab.run("merge one two again --out all").exits(0);
    ran.says(&["12 trials are in several folders alike"]);
    assert_complete(&lab.rows("all"), TINY_CELLS, 4);
    let trials = lab.read("again/trials.csv");
    lab.write("again/trials.csv", trials.replacen("true,", "false,", 1));
    let said =
        ["one and again have different results of one trial: case ", "in block 1, counted from 1"];
    refuses(&lab, "merge one two again --out new", &said);
    // Nor may a case be in a block at two positions.
    let mut lines: Vec<String> = trials.lines().map(str::to_owned).collect();
    let row = &lab.rows("one")[0];
    let place = format!(",{},{},{},", row["seed"], row["block"], row["position"]);
    let moved = format!(",{},{},77,", row["seed"], row["block"]);
    lines[1] = lines[1].replacen(&place, &moved, 1);
    lab.write("again/trials.csv", lines.join("\n") + "\n");
    refuses(&lab, "merge one again --out new", &["different results of one trial"]);
}

#[test]
fn what_does_not_belong_together() {
    let lab = parts(&tiny_alone());
    refuses(&lab, "merge one two --out two", &["two exists already", "nothing is overwritten"]);
    refuses(&lab, "merge one two --out tiny.toml", &["exists already"]);
    refuses(&lab, "merge one missing --out all", &["there is no folder missing"]);
    lab.run("merge one two").exits(2).says(&["--out"]);
    lab.copy("two", "other");
    let text = lab.read("two/experiment.toml");
    lab.write("other/experiment.toml", text.replace("seed = 5", "seed = 6"));
    let said = ["one and other are not parts of one sweep: line 3 of", "`seed = 5` and `seed = 6`"];
    refuses(&lab, "merge one other --out all", &said);
    lab.write("other/experiment.toml", text);
    let machine = lab.read("two/machine.toml");
    let line = machine.lines().find(|line| line.starts_with("kernel = ")).unwrap();
    lab.write("other/machine.toml", machine.replace(line, "kernel = \"0.01\""));
    let said = ["one and other were measured by different machines", "kernel: ", "and 0.01"];
    refuses(&lab, "merge one other --out all", &said);
}
