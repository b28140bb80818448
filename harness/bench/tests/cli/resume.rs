//! Sweeps that are killed, interrupted, or whose disk is full.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::lab;
use crate::recorded::recorded;
use crate::support::{
    Lab, TINY, TINY_CELLS, assert_complete, is_alive, plan, spec, tiny_alone, wait_for,
};

/// A folder `r` with the 12 trials of `tiny`.
fn swept(tiny: &str) -> Lab {
    let lab = lab();
    lab.write("tiny.toml", tiny);
    lab.run("sweep tiny.toml --out r").exits(0);
    lab
}

#[test]
fn a_sweep_killed_twice_ends_complete() {
    let lab = lab();
    lab.write("tiny.toml", TINY);
    let sweep = "sweep tiny.toml --blocks 6 --out r";
    for trials in [5, 17] {
        let running = lab.start(sweep);
        wait_for("trials", || lab.rows("r").len() >= trials);
        running.signal(Signal::SIGKILL);
        assert_eq!(running.end(), None);
        assert!(lab.rows("r").len() < 6 * TINY_CELLS, "it was killed too late");
    }
    lab.run(sweep).exits(0).says(&["resuming: "]);
    assert_complete(&lab.rows("r"), TINY_CELLS, 6);
    lab.run("sweep tiny.toml --blocks 6 --out whole").exits(0);
    assert_eq!(plan(&lab.rows("r")), plan(&lab.rows("whole")), "resuming changed the plan");
}

#[test]
fn no_trial_outlives_its_sweep() {
    let lab = lab();
    lab.write("spec.toml", spec(600.0, 1));
    for signal in [Signal::SIGKILL, Signal::SIGINT, Signal::SIGTERM] {
        let running = lab.start("sweep spec.toml --out r");
        let trial = running.trial();
        assert!(is_alive(trial));
        running.signal(signal);
        let code = if signal == Signal::SIGKILL { None } else { Some(1) };
        assert_eq!(running.end(), code, "{signal}");
        wait_for("the trial's end", || !is_alive(trial));
    }
}

#[test]
fn an_interrupted_sweep_says_how_to_go_on() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let lab = lab();
        lab.write("spec.toml", spec(0.3, 3));
        let mut command = lab.command("sweep spec.toml --out r");
        let child = command.spawn().unwrap();
        wait_for("a trial", || !lab.rows("r").is_empty());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["interrupted after ", "r is whole", "the same command goes on"] {
            assert!(said.contains(part), "no `{part}` in {said}");
        }
        assert!(lab.rows("r").len() < 6, "it was not interrupted");
        lab.run("sweep spec.toml --out r").exits(0);
        assert_complete(&lab.rows("r"), 2, 3);
    }
}

#[test]
fn a_torn_group_is_cut_off_and_run_again_as_a_whole() {
    let lab = swept(TINY);
    let whole = lab.read("r/trials.csv");
    let expected = plan(&lab.rows("r")).concat().join(" ");
    let torn = &whole[..whole.len() - 40];
    lab.write("r/trials.csv", torn);
    // Three trials took turns, and two of their rows are there.
    let said = ["part of a group of trials that took turns", "trials.csv", "run again", "9 of 12"];
    lab.run("sweep tiny.toml --out r").exits(0).says(&said);
    let kept: String = whole.split_inclusive('\n').take(1 + 9).collect();
    let kept = &*kept;
    assert!(lab.read("r/trials.csv").starts_with(kept), "whole lines changed");
    assert_complete(&lab.rows("r"), TINY_CELLS, 2);
    assert_eq!(plan(&lab.rows("r")).concat().join(" "), expected);
}

#[test]
fn a_line_torn_in_mid_character_is_a_torn_line() {
    let lab = swept(&tiny_alone());
    let mut file = OpenOptions::new().append(true).open(lab.path("r/trials.csv")).unwrap();
    file.write_all(b"abc,\xce").unwrap();
    lab.run("plot r --format svg").exits(0);
    lab.run("sweep tiny.toml --out r").exits(0).says(&["torn last line of 5 bytes"]);
    assert_complete(&lab.rows("r"), TINY_CELLS, 2);
}

#[test]
fn a_torn_header_is_written_again() {
    let lab = swept(&tiny_alone());
    lab.write("r/trials.csv", "case,struc");
    lab.run("sweep tiny.toml --out r").exits(0).says(&["torn last line of 10 bytes", "header"]);
    assert_complete(&lab.rows("r"), TINY_CELLS, 2);
}

#[test]
fn a_malformed_line_in_the_middle_stops_everything() {
    let lab = swept(&tiny_alone());
    let whole = lab.read("r/trials.csv");
    let lines: Vec<&str> = whole.lines().collect();
    for wrong in [lines[4].replacen(",chaining", ",x,chaining", 1), lines[4].replace("true", "7")] {
        let mut lines = lines.clone();
        lines[4] = &wrong;
        let text = lines.join("\n") + "\n";
        lab.write("r/trials.csv", &text);
        let before = lab.snapshot("r");
        lab.run("sweep tiny.toml --out r").exits(1).says(&["r/trials.csv:5: "]);
        lab.run("plot r").exits(2).says(&["r/trials.csv:5: "]);
        assert!(before == lab.snapshot("r"), "a file changed");
    }
}

#[test]
fn other_columns_are_not_added_to() {
    let lab = swept(&tiny_alone());
    let whole = lab.read("r/trials.csv");
    let swapped = whole.replacen("case,structure", "structure,case", 1);
    lab.write("r/trials.csv", &swapped);
    lab.run("sweep tiny.toml --out r --blocks 3").exits(2).says(&["trials.csv:1: ", "columns"]);
    assert_eq!(lab.read("r/trials.csv"), swapped);
}

#[test]
fn a_full_disk_keeps_the_trials_before() {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone());
    let sweep = "sweep tiny.toml --out r --blocks 3";
    let ran = lab.run_after("trap '' XFSZ; ulimit -f 4", sweep).exits(1);
    ran.says(&["cannot write r/trials.csv", "trials before this one are kept", "too large"]);
    let kept = lab.rows("r");
    assert!(!kept.is_empty() && kept.len() < 3 * TINY_CELLS, "{} rows", kept.len());
    lab.run(sweep).exits(0);
    assert_eq!(plan(&lab.rows("r"))[..kept.len()], plan(&kept));
    assert_complete(&lab.rows("r"), TINY_CELLS, 3);
}

#[test]
fn a_disk_full_from_the_start_leaves_a_folder_to_go_on_with() {
    let lab = lab();
    lab.write("spec.toml", spec(0.01, 1));
    let ran = lab.run_after("trap '' XFSZ; ulimit -f 0", "sweep spec.toml --out r").exits(1);
    ran.says(&["cannot write r/experiment.toml"]);
    lab.run("sweep spec.toml --out r").exits(0);
    assert_complete(&lab.rows("r"), 2, 1);
}

/// A copy of `bench` and of the program of chained tables, in a folder of their own.
pub(crate) fn installed() -> (tempfile::TempDir, Lab) {
    let lab = lab();
    let built = Path::new(env!("CARGO_BIN_EXE_bench")).parent().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    for program in ["bench", "subjects-chaining"] {
        fs::copy(built.join(program), folder.path().join(program)).unwrap();
    }
    drop(lab);
    let lab = Lab::new(folder.path().join("bench"));
    lab.write("tiny.toml", TINY);
    (folder, lab)
}

#[test]
fn results_are_read_without_their_tables() {
    let (folder, _) = installed();
    fs::remove_file(folder.path().join("subjects-chaining")).unwrap();
    let read = recorded("quickstart-recorded");
    let lab = Lab::new(folder.path().join("bench"));
    read.snapshot("r").iter().for_each(|(name, bytes)| {
        lab.write(&format!("r/{}", name.display()), bytes);
    });
    let cmp = lab.run("cmp r").exits(0);
    assert_eq!(cmp.out, read.run("cmp r").exits(0).out);
    lab.run("plot r --figure throughput-threads").exits(0).prints(&["throughput-threads"]);
    lab.run("list figures").exits(0).prints(&["throughput-threads"]);
    let said = ["no program of tables", "cargo build"];
    lab.run("list").exits(2).says(&said);
    lab.run("run --structure papaya").exits(2).says(&said);
}

#[test]
fn a_sweep_goes_on_with_the_program_that_it_began_with() {
    let (folder, lab) = installed();
    let running = lab.start("sweep tiny.toml --blocks 6 --out r");
    wait_for("a trial", || !lab.rows("r").is_empty());
    // As a linker does: another file in its place, which is no program of tables.
    let program = folder.path().join("subjects-chaining");
    fs::remove_file(&program).unwrap();
    fs::copy("/bin/false", &program).unwrap();
    assert_eq!(running.end(), Some(0));
    assert_complete(&lab.rows("r"), TINY_CELLS, 6);
}

#[test]
fn a_program_that_is_written_over_stops_a_sweep_which_can_be_resumed() {
    let (folder, lab) = installed();
    let program = folder.path().join("subjects-chaining");
    let before = fs::read(&program).unwrap();
    lab.write("tiny.toml", tiny_alone());
    let child = lab.command("sweep tiny.toml --blocks 40 --out r").spawn().unwrap();
    wait_for("a trial", || !lab.rows("r").is_empty());
    // A file that is being executed cannot be written: between two trials it can.
    wait_for("the time between two trials", || fs::write(&program, "no program").is_ok());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("subjects-chaining has changed"), "{said}");
    assert!(said.contains("the same command goes on from there"), "{said}");
    let rows = lab.rows("r");
    assert!(rows.iter().all(|row| row["valid"] == "true"), "a trial of another program");
    fs::write(&program, before).unwrap();
    lab.run("sweep tiny.toml --blocks 40 --out r").exits(0).says(&["resuming: "]);
    assert_complete(&lab.rows("r"), TINY_CELLS, 40);
}
