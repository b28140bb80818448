//! `bench verify` on tables that are right; those that are wrong are in `tests/verify/`.

use serde_json::{Value, json};

use crate::lab;

const SHORT: &str = "verify --seconds 0.001";

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

#[test]
fn a_pass_is_0_and_one_object() {
    let lab = lab();
    let options = "--structure chaining-*-lock --seed 7 --threads 3 --keys 200 --json";
    let ran = lab.run(&format!("{SHORT} {options}")).exits(0);
    assert_eq!(ran.out.matches('\n').count(), 1);
    let ran = ran.says(&["[1/2] chaining-global-lock", "[2/2] chaining-bucket-lock"]);
    let report = parse(&ran.out);
    let told = ["seed", "seconds", "threads", "keys"].map(|key| &report[key]);
    assert_eq!(told, [&json!(7), &json!(0.001), &json!(3), &json!(200)]);
    let subjects = report["subjects"].as_array().unwrap();
    assert_eq!(subjects.len(), 2);
    for found in subjects {
        let text = |key: &str| found[key].as_str().unwrap();
        let number = |key: &str| found[key].as_u64().unwrap();
        assert_eq!(
            (text("reclaimer"), text("verdict"), text("reason")),
            ("none", "linearizable", "")
        );
        assert!(text("again").contains("--seed 7 --threads 3 --keys 200"), "{found}");
        assert!(!text("clock").is_empty());
        assert!(number("rounds") >= 3 && number("operations") > 30_000, "{found}");
        assert!(number("overlapping") >= 1_000 && number("len_calls") > 0, "{found}");
        assert!(number("most_entries") > 50 && number("undecided") == 0, "{found}");
        assert!(found["recording_seconds"].is_f64() && found["checking_seconds"].is_f64());
        assert!(found["violation"].is_null() && found["svg"].is_null());
    }
    assert!(lab.names().is_empty(), "{:?}", lab.names());
}

#[test]
fn every_reclaimer_is_checked() {
    let ran = lab().run(&format!("{SHORT} --structure chaining-lock-free")).exits(0);
    let ran = ran.prints(&["chaining-lock-free/epoch", "chaining-lock-free/haphazard"]);
    ran.prints(&["chaining-lock-free/leak", "linearizable", "overlapping", "4 threads, 1000 keys"]);
    let ran =
        lab().run(&format!("{SHORT} --structure chaining-* --reclaimer epoch --json")).exits(0);
    let report = parse(&ran.out);
    let subjects = report["subjects"].as_array().unwrap();
    let names: Vec<_> =
        subjects.iter().map(|found| (&found["structure"], &found["reclaimer"])).collect();
    assert_eq!(names, [(&json!("chaining-lock-free"), &json!("epoch"))]);
}

#[test]
fn what_cannot_be_checked_is_skipped_with_a_reason() {
    let lab = lab();
    let ran = lab.run(&format!("{SHORT} --structure {{no-op,sequential,std-rwlock}}")).exits(0);
    ran.prints(&[
        "no-op: skipped: it keeps no entries",
        "sequential: skipped: it serves one thread",
    ]);
    let ran = lab.run(&format!("{SHORT} --structure no-op")).exits(1);
    ran.says(&["nothing was checked: no-op: it keeps no entries"]);
}

#[test]
fn too_little_overlap_is_no_pass() {
    let lab = lab();
    let ran = lab.run(&format!("{SHORT} --structure std-rwlock --threads 1")).exits(1);
    ran.says(&["std-rwlock (unknown)"]).prints(&["only 0 operations overlapped", "--threads"]);
}

#[test]
fn wrong_names_and_numbers_are_2() {
    let lab = lab();
    for (arguments, parts) in [
        ("--structure papayaa", ["there is no structure `papayaa`", "did you mean `papaya`"]),
        ("--reclaimer epcoh", ["there is no reclaimer `epcoh`", "did you mean `epoch`"]),
        ("--structure cuckooo-*", ["no structure matches `cuckooo-*`", "bench list"]),
        ("--structure papaya --reclaimer epoch", ["no structure `papaya` takes", "`epoch`"]),
        ("--structure a{b", ["--structure a{b", "unclosed"]),
        ("--threads 0", ["--threads", "0"]),
        ("--threads 64", ["--threads", "64"]),
        ("--keys 0", ["--keys", "0"]),
        ("--seconds 0", ["--seconds", "0.001"]),
        ("--seed=-1", ["--seed", "-1"]),
    ] {
        let ran = lab.run(&format!("verify {arguments}")).exits(2).says(&parts);
        assert_eq!(ran.out, "", "{arguments}");
    }
}
