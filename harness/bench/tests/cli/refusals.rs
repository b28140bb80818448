//! Folders that a sweep must leave alone.

use crate::lab;
use crate::support::{Lab, TINY, spec, wait_for};

/// A folder `r` with results, and `command` refused with nothing in the directory changed.
#[track_caller]
fn refuses(lab: &Lab, command: &str, code: i32, parts: &[&str]) {
    let before = lab.snapshot("");
    lab.run(command).exits(code).says(parts);
    assert!(before == lab.snapshot(""), "{command}: something changed");
}

fn swept() -> Lab {
    let lab = lab();
    lab.write("spec.toml", spec(0.01, 1));
    lab.run("sweep spec.toml --out r").exits(0);
    lab
}

#[test]
fn another_experiments_folder() {
    let lab = swept();
    let other = ["r holds another experiment", "--out", "--fresh"];
    lab.write("tiny.toml", TINY);
    refuses(&lab, "sweep tiny.toml --out r", 2, &other);
    for option in ["--seed 2", "--seconds 0.02"] {
        refuses(&lab, &format!("sweep spec.toml --out r {option}"), 2, &other);
    }
    lab.write("more.toml", spec(0.01, 1).replace("keys = 64", "keys = [64, 128]"));
    refuses(&lab, "sweep more.toml --out r", 2, &["another experiment", "2 are new"]);
    lab.write("broken.toml", spec(0.01, 1));
    lab.write("r/experiment.toml", "title = ");
    refuses(&lab, "sweep broken.toml --out r", 2, &["cannot be read any more"]);
}

#[test]
fn other_words_are_the_same_experiment() {
    let lab = swept();
    lab.write("spec.toml", spec(0.01, 1).replace("One", "Eins"));
    lab.run("sweep spec.toml --out r").exits(0).says(&["2 of 2 trials are done"]);
    assert!(lab.read("r/experiment.toml").contains("Eins"));
}

#[test]
fn a_folder_of_something_else() {
    let lab = swept();
    lab.write("mine/thesis.tex", "\\begin{document}");
    let said = ["mine is not empty", "experiment.toml", "--out"];
    refuses(&lab, "sweep spec.toml --out mine", 2, &said);
    refuses(&lab, "sweep spec.toml --out mine --fresh", 2, &said);
    lab.write("rows/trials.csv", "case\n");
    refuses(&lab, "sweep spec.toml --out rows", 2, &["rows is not empty"]);
    refuses(&lab, "sweep spec.toml --out . --fresh", 2, &["not empty"]);
}

#[test]
fn another_machines_folder() {
    let lab = swept();
    let machine = lab.read("r/machine.toml");
    let line = machine.lines().find(|line| line.starts_with("kernel = ")).unwrap();
    lab.write("r/machine.toml", machine.replace(line, "kernel = \"0.01\""));
    let said = ["another machine or build", "kernel: 0.01 there", "--out", "--fresh"];
    refuses(&lab, "sweep spec.toml --out r", 2, &said);
    refuses(&lab, "sweep spec.toml --out r --blocks 2", 2, &said);
}

#[test]
fn trials_of_an_unknown_machine() {
    let lab = swept();
    std::fs::remove_file(lab.path("r/machine.toml")).unwrap();
    let said = ["r has trials and no machine.toml", "--out", "--fresh"];
    refuses(&lab, "sweep spec.toml --out r --blocks 2", 2, &said);
    // One who died before it was there has no trials.
    lab.write("r/trials.csv", "");
    lab.run("sweep spec.toml --out r").exits(0);
}

#[test]
fn a_folder_that_another_sweep_is_writing() {
    let lab = lab();
    lab.write("spec.toml", spec(20.0, 1));
    let mut first = lab.start("sweep spec.toml --out r");
    wait_for("a header", || lab.path("r/trials.csv").metadata().is_ok_and(|m| m.len() > 0));
    first.trial();
    refuses(&lab, "sweep spec.toml --out r", 2, &["another sweep is writing r/trials.csv"]);
    refuses(&lab, "sweep spec.toml --out r --fresh", 2, &["another sweep is writing"]);
    assert!(!first.has_ended());
}

#[test]
fn places_that_cannot_be_written() {
    let lab = swept();
    lab.write("file", "");
    for out in ["/proc/r", "file", "file/r"] {
        let said = [&format!("cannot make the result folder {out}")[..]];
        refuses(&lab, &format!("sweep spec.toml --out {out}"), 1, &said);
    }
}
