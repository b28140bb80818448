//! Readers that go away, and outputs that cannot be written.

use std::process::Stdio;

use crate::lab;
use crate::support::{Lab, spec};

/// Runs the command with readers of both outputs that are gone before it begins.
#[track_caller]
fn run_unread(lab: &Lab, arguments: &str) {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let mut command = lab.command(arguments);
    let status = command.stdout(closed()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(0), "{arguments}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let lab = lab();
    for arguments in ["--help", "list", "list --json", "machine"] {
        run_unread(&lab, arguments);
    }
    run_unread(&lab, "run --structure papaya --seconds 0.01 --keys 64");
    run_unread(&lab, "run --structure papaya --seconds 0.01 --keys 64 --json");
    run_unread(&lab, "verify --structure chaining-bucket-lock --seconds 0.001");
    run_unread(&lab, "verify --structure chaining-bucket-lock --seconds 0.001 --json");
}

#[test]
fn a_sweep_that_nobody_reads_still_draws_its_figures() {
    let lab = lab();
    lab.write("spec.toml", spec(0.01, 2));
    run_unread(&lab, "sweep spec.toml --dry-run");
    run_unread(&lab, "sweep spec.toml --out r");
    assert_eq!(lab.rows("r").len(), 4);
    assert!(!std::fs::read_dir(lab.path("r/figures")).unwrap().collect::<Vec<_>>().is_empty());
    run_unread(&lab, "plot r --format svg");
}

#[test]
fn an_error_that_nobody_reads_keeps_its_exit_code() {
    let lab = lab();
    let before = "exec 2> >(exec true); sleep 0.1";
    assert_eq!(lab.run_after(before, "sweep missing.toml").code, Some(2));
}

#[test]
fn a_full_disk_under_stdout_is_a_failure() {
    let ran = lab().run_after("exec >/dev/full", "list");
    ran.exits(1).says(&["cannot write to standard output"]);
}
