//! `bench verify` over tables that are wrong, each in its own way: every one must be found out.
//!
//! The program is its own subject: with `VERIFY_TABLES` set it is the workbench's command line with
//! these tables registered, otherwise it runs itself so and checks what comes out.

#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "../cli/support.rs"]
mod support;
mod tables;

use std::process::ExitCode;

use serde_json::Value;

use support::Lab;
use tables::{Defect, TABLES, Table};

/// Set: be the program. The processes it starts inherit it.
const AS_PROGRAM: &str = "VERIFY_TABLES";

fn main() -> ExitCode {
    if std::env::var_os(AS_PROGRAM).is_some() {
        let bench = TABLES.iter().fold(harness::Bench::new(), |bench, &(name, defect, _)| {
            bench.structure_with(name, move |_| Table::<false>::new(defect))
        });
        return bench
            .structure_with("estimated-count", |_| Table::<true>::new(Defect::LostCount))
            .main();
    }
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var(AS_PROGRAM, "1") };
    let lab = Lab::new(std::env::current_exe().unwrap());
    TABLES.iter().for_each(|(name, _, expected)| verify(&lab, name, expected));
    // What a table does not claim is not held against it.
    verify(&lab, "estimated-count", "linearizable");
    a_violation_is_drawn(&lab);
    println!("verify: ok");
    ExitCode::SUCCESS
}

fn verify(lab: &Lab, name: &str, expected: &str) {
    // It ends at the first violation; a table that is right is given less time.
    let seconds = if expected == "linearizable" { 1 } else { 60 };
    let ran = lab.run(&format!("verify --structure {name} --seconds {seconds} --json"));
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let found = &report["subjects"][0];
    let (verdict, what) = (&found["verdict"], &found["violation"]["wrong"]["what"]);
    let numbers = [&found["rounds"], &found["operations"], &found["overlapping"]];
    println!("{name}: {verdict} after {numbers:?} rounds, operations, overlapping: {what}");
    let ran = ran.exits(i32::from(expected != "linearizable"));
    match expected {
        "linearizable" => assert_eq!(verdict, expected),
        "failed" => {
            assert_eq!(verdict, "failed");
            let reason = found["reason"].as_str().unwrap();
            assert!(reason.contains("a bucket was not where it should be"), "{reason}");
        }
        // Seen while threads write, or at rest.
        "iteration" => assert!(what == "snapshot" || what == "rest", "{}", ran.out),
        "count" => assert!(what == "len" || what == "rest", "{}", ran.out),
        _ => assert_eq!(what, expected, "{}", ran.out),
    }
    if expected == "history" {
        let example = &found["violation"]["wrong"];
        let ops = example["ops"].as_array().unwrap().len();
        assert!((1..=30).contains(&ops), "{ops} operations are not few: {example:#}");
        assert!(lab.path(found["svg"].as_str().unwrap()).exists());
    }
}

fn a_violation_is_drawn(lab: &Lab) {
    let ran = lab.run("verify --structure double-insert --seconds 60 --out drawn --seed 7");
    let ran = ran.exits(1).says(&["1 of 1 subjects did not pass: double-insert (violation)"]);
    let ran = ran.prints(&["no order explains", "✗", "├", "at first ", "--seed 7", "drawn/double"]);
    let file = ran.out.split_whitespace().find(|word| word.ends_with(".svg")).unwrap();
    let svg = lab.read(file);
    // Whichever operation: two insertions of an absent key show it, and so does one that finds what is there gone.
    let drawn = ["insert a → true", "insert b → true", "get → ", "remove → ", "update "];
    let drawn = drawn.iter().any(|operation| svg.contains(operation));
    assert!(drawn && svg.contains("stroke=\"#d55e00\""), "{svg}");
}
