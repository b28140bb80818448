//! Byte strings and other hashers: which tables are there with them, and what a row says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lab;
use crate::support::Lab;

/// A sweep over one grid, whose lines are `axes`.
fn spec(axes: &str) -> String {
    format!(
        "seed = 1\nseconds = 0.005\nwarmup = 0.001\nblocks = 1\nturns = false\n\
         controls = false\n[axes]\nkeys = 64\n{axes}\n"
    )
}

fn run(lab: &Lab, options: &str) -> Value {
    let common = "run --seconds 0.01 --warmup 0 --keys 128 --no-pin --json";
    serde_json::from_str(&lab.run(&format!("{common} {options}")).exits(0).out).unwrap()
}

#[test]
fn rows_say_how_long_keys_and_values_are() {
    let lab = lab();
    let words = run(&lab, "--structure papaya");
    assert_eq!(words["key_type"], "u64");
    assert_eq!((&words["key_bytes"], &words["value_bytes"]), (&"8".into(), &"8".into()));
    assert_eq!((&words["hasher"], &words["payload_bytes"]), (&"foldhash".into(), &Value::Null));
    let bytes = run(&lab, "--structure papaya --key-bytes 16 --value-bytes 32");
    assert_eq!(bytes["key_type"], "bytes");
    assert_eq!((&bytes["key_bytes"], &bytes["value_bytes"]), (&"16".into(), &"32".into()));
    assert_eq!(bytes["payload_bytes"], 48.0);
    // The other one of the two has eight.
    assert_eq!(run(&lab, "--structure papaya --value-bytes 0")["payload_bytes"], 8.0);
    let both = run(&lab, "--structure chaining-bucket-lock --preset etc --hasher siphash");
    assert_eq!((&both["key_bytes"], &both["hasher"]), (&"etc".into(), &"siphash".into()));
    assert!(both["payload_bytes"].as_f64().unwrap() > 40.0);
    lab.run("run --structure papaya --key-bytes 16 --hasher ahash --seconds 0.01 --no-pin")
        .exits(0)
        .prints(&["keys of 16 B, hashed by ahash, values of 8 B", "key and value, bytes"]);
}

/// New keys without end cannot be listed before the trial.
#[test]
fn keys_that_are_appended_can_be_byte_strings() {
    let options = "--structure chaining-lock-free --preset ycsb-d --value-bytes 100";
    let row = run(&lab(), options);
    assert_eq!((&row["valid"], &row["payload_bytes"]), (&true.into(), &108.0.into()));
    assert!(row["peak_rss_bytes"].as_u64().unwrap() < 1 << 30, "{row}");
}

#[test]
fn what_cannot_be_had_is_refused() {
    let lab = lab();
    let refused = |options: &str, parts: &[&str]| {
        lab.run(&format!("run {options}")).exits(2).says(parts);
    };
    let words = ["cuckoo-optimistic", "inline words"];
    refused("--structure cuckoo-optimistic --key-bytes 16", &words);
    refused("--structure cuckoo-optimistic:tags=off --value-bytes 16", &words);
    let numbers = ["hamt-cas:nodes=counted/epoch", "registered with numbers alone"];
    refused("--structure hamt-cas:nodes=counted --key-bytes 16", &numbers);
    let alone = ["cuckoo-optimistic:tags=off", "siphash", "foldhash alone"];
    refused("--structure cuckoo-optimistic:tags=off --hasher siphash", &alone);
    let schemes = ["chaining-lock-free/ibr", "epoch, hazard"];
    refused("--structure chaining-lock-free --reclaimer ibr --key-bytes 16", &schemes);
    refused("--structure papaya --key-bytes 7", &["--key-bytes", "from 8 to 65536"]);
    refused("--structure papaya --value-bytes big", &["--value-bytes", "from 0", "etc"]);
    refused("--structure papaya --hasher md5", &["md5", "siphash"]);
    refused("--structure papaya --preset etc --key-bytes 9", &["etc", "lengths of its own"]);
}

#[test]
fn a_file_that_names_what_cannot_be_had_shows_the_line() {
    let lab = lab();
    let complains = |axes: &str, line: usize, parts: &[&str]| {
        lab.write("spec.toml", spec(axes));
        let ran = lab.run("sweep spec.toml").exits(2).says(&[&format!("spec.toml:{line}:")]);
        ran.says(parts);
    };
    let words = "structure = \"chaining-inline\"\nkey_bytes = 16";
    complains(words, 9, &["not there with byte strings", "inline words"]);
    let hashed = "structure = \"chaining-inline:exclusion=global-lock\"\nhasher = \"ahash\"";
    complains(hashed, 9, &["another hasher than foldhash", "foldhash alone"]);
    let both = "structure = \"papaya\"\npreset = \"memc3\"\nvalue_bytes = 9";
    complains(both, 11, &["`value_bytes`", "memc3"]);
    complains("structure = \"papaya\"\nhasher = \"sipash\"", 10, &["did you mean `siphash`?"]);
    complains(
        "structure = \"papaya\"\nkey_bytes = [8, 7]",
        10,
        &["`key_bytes` is 7", "8 to 65536"],
    );
}

/// A glob leaves out what cannot be had, and says so; what can is measured.
#[test]
fn globs_leave_out_and_sweeps_record() {
    let lab = lab();
    let axes = "structure = \"chaining-*\"\nreclaimer = [\"epoch\", \"ibr\"]\n\
                key_bytes = 16\nvalue_bytes = [0, \"etc\"]\nhasher = [\"foldhash\", \"adversarial\"]";
    lab.write("spec.toml", spec(axes));
    lab.run("sweep spec.toml --out r --dry-run").exits(0).prints(&[
        "left out: chaining-inline with none with byte strings: its entries are inline words",
        "left out: chaining-lock-free with ibr with byte strings: so it is there with epoch, hazard",
    ]);
    lab.run("sweep spec.toml --out r").exits(0);
    let mut reader = csv::Reader::from_reader(std::io::Cursor::new(lab.read("r/trials.csv")));
    let rows: Vec<std::collections::HashMap<String, String>> =
        reader.deserialize().map(Result::unwrap).collect();
    let subjects: BTreeSet<&str> = rows.iter().map(|row| row["structure"].as_str()).collect();
    let expected = ["chaining-bucket-lock", "chaining-global-lock", "chaining-lock-free"];
    assert!(subjects.into_iter().eq(expected));
    // Three subjects, two lengths, two hashers.
    assert_eq!(rows.len(), 12);
    for row in &rows {
        assert_eq!((row["valid"].as_str(), row["key_type"].as_str()), ("true", "bytes"));
        assert!(row["payload_bytes"].parse::<f64>().unwrap() >= 16.0);
    }
    let cells: BTreeSet<&str> = rows.iter().map(|row| row["case"].as_str()).collect();
    assert_eq!(cells.len(), 12);
}

#[test]
fn list_says_what_is_there_and_why_not() {
    let lab = lab();
    lab.run("list hashers").exits(0).prints(&["siphash", "adversarial", "64 different hashes"]);
    lab.run("list structures").exits(0).prints(&["no: its entries are inline words"]);
    let listed: Value = serde_json::from_str(&lab.run("list --json").exits(0).out).unwrap();
    let of = |name: &str| {
        let all = listed["structures"].as_array().unwrap();
        all.iter().find(|structure| structure["name"] == name).unwrap().clone()
    };
    assert_eq!(of("chaining-lock-free")["bytes"], serde_json::json!(["epoch", "hazard"]));
    assert_eq!(of("chaining-inline")["bytes"], serde_json::json!([]));
    assert_eq!(of("chaining-inline")["hashed"], serde_json::json!(["none"]));
}
