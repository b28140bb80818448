//! Experiment files with a mistake: what is said, and that nothing is made.

use crate::lab;
use crate::support::TINY;

/// `TINY` with `old` replaced: the complaint must hold the place and every part.
#[track_caller]
fn complains(old: &str, new: &str, line: usize, parts: &[&str]) {
    assert!(TINY.contains(old));
    let lab = lab();
    lab.write("spec.toml", TINY.replacen(old, new, 1));
    for arguments in ["sweep spec.toml", "sweep spec.toml --out r", "sweep spec.toml --dry-run"] {
        let ran = lab.run(arguments).exits(2).says(&[&format!("spec.toml:{line}:")]).says(parts);
        assert_eq!(ran.out, "");
        assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    }
    assert_eq!(lab.names(), ["spec.toml"], "something was made");
}

#[test]
fn unknown_keys() {
    complains("threads =", "thread =", 12, &["thread = [1, 2]", "threads"]);
    complains("seconds =", "second =", 4, &["second = 0.1", "seconds"]);
}

#[test]
fn wrong_types() {
    complains("threads = [1, 2]", "threads = \"two\"", 12, &["\"two\"", "number"]);
    complains("seconds = 0.1", "seconds = [1]", 4, &["[1]"]);
}

#[test]
fn unknown_names() {
    let parts = ["chaining-lokc-free", "did you mean", "chaining-lock-free"];
    complains("\"chaining-lock-free\"", "\"chaining-lokc-free\"", 10, &parts);
    complains("\"epoch\"", "\"epcoh\"", 11, &["epcoh", "did you mean", "`epoch`"]);
}

#[test]
fn impossible_combinations() {
    complains("\"leak\", \"epoch\"", "\"none\"", 10, &["reclaimer none", "it takes leak, epoch"]);
}

#[test]
fn numbers_out_of_range() {
    complains("threads = [1, 2]", "threads = [1, 0]", 12, &["[1, 0]"]);
    complains("reads = 90", "reads = 90\nzipf = -0.5", 14, &["-0.5"]);
    complains("reads = 90", "reads = 101", 13, &["101"]);
    complains("seconds = 0.1", "seconds = -1", 4, &["-1"]);
    complains("blocks = 2", "blocks = 0", 6, &["blocks = 0"]);
}

#[test]
fn percentages_that_do_not_sum() {
    complains("keys = 256", "keys = 256\n[mix]\ninserts = 60\nupdates = 20", 15, &["100"]);
}

#[test]
fn what_is_no_toml() {
    complains("reads = 90", "reads = = 90", 13, &["reads = = 90"]);
}

#[test]
fn values_of_the_command_line() {
    let lab = lab();
    lab.write("spec.toml", TINY);
    lab.run("sweep spec.toml --seconds=-1").exits(2).says(&["-1"]);
    lab.run("sweep spec.toml --seconds NaN").exits(2);
    let ran = lab.run("sweep spec.toml --only cuckoo*").exits(2);
    ran.says(&["--only cuckoo*", "--dry-run"]);
    assert_eq!(lab.names(), ["spec.toml"], "something was made");
}

#[test]
fn what_is_no_file() {
    let lab = lab();
    lab.run("sweep missing.toml").exits(2).says(&["cannot read missing.toml", "No such file"]);
    lab.run("sweep .").exits(2).says(&["cannot read ."]);
    lab.write("bytes.toml", b"title = \"\xff\"\n");
    lab.run("sweep bytes.toml").exits(2).says(&["cannot read bytes.toml", "UTF-8"]);
    assert_eq!(lab.names(), ["bytes.toml"], "something was made");
}
