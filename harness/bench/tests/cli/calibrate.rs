//! `bench calibrate`: a machine's file, whose numbers are this machine's, so that none is compared with another.

use serde_json::Value;

use crate::lab;

#[test]
fn a_machine_is_measured_into_a_file() {
    let lab = lab();
    let calibrate = "calibrate --out machine.toml --batches 1 --name mine";
    let ran = lab.run(&format!("{calibrate} --json")).exits(0).says(&["wrote machine.toml"]);
    let printed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(printed["name"], "mine");
    assert!(printed["ghz"].as_f64().unwrap() > 0.0);
    let points = printed["curve"].as_array().unwrap();
    assert!(points.len() > 10 && points.iter().all(|point| point["batches"] == 1), "{points:?}");
    for reading in printed["readings"].as_array().unwrap() {
        // Measured, or with the reason why not.
        assert_ne!(reading["median"].is_f64(), reading["absent"] != "", "{reading}");
        assert!(reading["name"].as_str().unwrap().ends_with("_ns"), "{reading}");
    }
    let text = lab.read("machine.toml");
    let lines = text.lines().filter(|line| line.contains("{ is = "));
    assert!(lines.clone().count() >= 30, "{text}");
    assert!(lines.clone().all(|line| line.contains("source = \"")), "{text}");
    assert!(text.contains("measured by bench calibrate, 2"), "{text}");
    // It is not overwritten without being asked, and then it is; nothing else is left.
    lab.run(calibrate).exits(2).says(&["machine.toml exists already", "--fresh"]);
    assert_eq!(lab.read("machine.toml"), text);
    let ran = lab.run("calibrate --out machine.toml --batches 1 --fresh").exits(0);
    let ran = ran.prints(&["chain_4_kib_ns", "cycle_ns", "malloc_ns", "quartile"]);
    assert!(!ran.out.contains('{'), "{}", ran.out);
    assert_ne!(lab.read("machine.toml"), text);
    assert_eq!(lab.names(), ["machine.toml"]);
}

#[test]
fn what_cannot_be_written_is_refused_before_it_is_measured() {
    let lab = lab();
    lab.write("folder/there", "");
    lab.write("taken.toml", "mine");
    for (arguments, expected) in [
        ("calibrate", "--out"),
        ("calibrate --out gone/m.toml", "there is no folder gone"),
        ("calibrate --out folder", "is a folder"),
        ("calibrate --out folder --fresh", "is a folder"),
        ("calibrate --out taken.toml", "exists already"),
        ("calibrate --out m.toml --batches 0", "1..=10000"),
        ("calibrate --out m.toml --batches many", "whole number"),
        ("calibrate --out m.toml --name \t", "--name"),
        ("calibrate --out m.toml --name=", "--name"),
    ] {
        let ran = lab.run(arguments).exits(2).says(&[expected]);
        assert!(ran.out.is_empty() && !ran.err.contains("measuring"), "{}", ran.err);
    }
    assert_eq!(lab.names(), ["folder", "taken.toml"]);
    assert_eq!(lab.read("taken.toml"), "mine");
}
