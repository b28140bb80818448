//! Traces: made, converted, replayed, and what is said of wrong ones.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::lab;
use crate::support::wait_for;

const SMALL: &str = "0,a,8,0,1,get,0\n0,b,9,40,1,set,60\n1,a,8,40,2,add,60\n1,c,8,0,2,delete,0\n\
                     2,b,9,40,1,incr,60\n2,b,9,40,1,gets,0\n3,a,8,0,1,get,0\n3,a,8,0,1,get,0\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// Two tables that replay `path`.
fn spec(path: &str, more: &str) -> String {
    format!(
        "seed = 3\nseconds = 0.1\nwarmup = 0.001\nblocks = 2\ncontrols = false\n[axes]\n\
         structure = [\"chaining-lock-free\", \"papaya\"]\nthreads = 2\ntrace = \"{path}\"\n{more}"
    )
}

#[test]
fn a_trace_is_made_converted_and_shown() {
    let lab = lab();
    let made = lab.run("trace generate made.csv --requests 500 --keys 50 --seed 7").exits(0);
    made.prints(&["requests               500", "bytes of a key"]);
    assert_eq!(lab.read("made.csv").lines().count(), 500);
    lab.run("trace convert made.csv made.bin").exits(0).prints(&["500"]);
    let shown = |name: &str| json(&lab.run(&format!("trace show {name} --json")).exits(0).out);
    assert_eq!(shown("made.csv"), shown("made.bin"));
    let all: u64 = shown("made.bin")["operations"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(all, 500);
    assert!(
        lab.read("made.csv").len()
            > 3 * std::fs::metadata(lab.path("made.bin")).unwrap().len() as usize
    );
    // Nothing that is there is written over.
    lab.run("trace convert made.csv made.bin").exits(2).says(&["made.bin", "exists already"]);
    lab.write("small.csv", SMALL);
    lab.run("trace show small.csv").exits(0).prints(&[
        "requests               8",
        "keys                   3",
        "get                    4",
        "upsert                 1",
        "bytes of a key         8.3 in the mean",
    ]);
}

/// Who is stopped leaves no part of a trace under the name of the whole.
#[test]
fn part_of_a_trace_is_none() {
    let lab = lab();
    let running = lab.start("trace generate made.csv --requests 1000000000");
    let is_large = |name: &String| lab.path(name).metadata().is_ok_and(|file| file.len() > 0);
    wait_for("a part of it", || lab.names().iter().any(is_large));
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end(), None);
    assert!(!lab.path("made.csv").exists());
    lab.run("trace generate made.csv --requests 50").exits(0);
    assert_eq!(lab.read("made.csv").lines().count(), 50);
    assert_eq!(lab.names(), ["made.csv"], "what was left of the other is gone");
}

#[test]
fn a_malformed_trace_is_named_with_its_line() {
    let lab = lab();
    lab.write("wrong.csv", SMALL.replace(",incr,", ",increment,"));
    let parts = ["wrong.csv:5: the operation is `increment`", "incr", "a line is `timestamp,key"];
    for command in ["trace show wrong.csv", "run --structure papaya --trace wrong.csv"] {
        lab.run(command).exits(2).says(&parts);
    }
    lab.run("trace convert wrong.csv wrong.bin").exits(2).says(&parts);
    assert!(!lab.path("wrong.bin").exists());
    lab.write("cut.bin", b"lftrace1\x01\x08\x02\x00\x00");
    lab.run("trace show cut.bin").exits(2).says(&["cut.bin:byte 13", "the end", "convert"]);
    lab.write("e.toml", spec("wrong.csv", ""));
    let shown = ["e.toml:9:", "wrong.csv:5: the operation is `increment`"];
    lab.run("sweep e.toml --out r").exits(2).says(&shown);
    lab.write("e.toml", spec("none.csv", ""));
    lab.run("sweep e.toml --dry-run").exits(2).says(&["e.toml:9:", "cannot read", "none.csv"]);
    assert!(!lab.path("r").exists());
}

#[test]
fn one_run_replays_a_trace() {
    let lab = lab();
    lab.write("small.csv", SMALL);
    let common = "run --structure chaining-lock-free --trace small.csv --seconds 0.01 --no-pin";
    let row = json(&lab.run(&format!("{common} --threads 3 --json")).exits(0).out);
    assert_eq!((&row["trace"], &row["distribution"]), (&"small".into(), &"trace".into()));
    assert_eq!((&row["keys"], &row["reads"]), (&3.into(), &50.0.into()));
    assert_eq!((&row["upserts"], &row["trace_requests"]), (&12.5.into(), &8.into()));
    assert_eq!(row["valid"], true);
    assert_eq!(row["trace_sha256"].as_str().unwrap().len(), 16);
    lab.run(common).exits(0).prints(&["requests of the trace small (", "over the trace"]);
    // With byte strings, and open loop: every operation that occurs has its histogram.
    let bytes = format!("{common} --key-bytes 16 --value-bytes 40 --prefill 1 --json");
    assert_eq!(json(&lab.run(&bytes).exits(0).out)["payload_bytes"], 56.0);
    let latency = json(&lab.run(&format!("{common} --rate 20000 --json")).exits(0).out);
    let percentiles = latency["latency"]["percentiles"].to_string();
    for op in ["get", "insert", "remove", "update", "upsert"] {
        assert!(percentiles.contains(&format!("\"{op}\"")), "{op}: {percentiles}");
    }
    for option in ["--keys 9", "--reads 50", "--zipf 1", "--preset etc"] {
        lab.run(&format!("{common} {option}")).exits(2).says(&["--trace"]);
    }
    lab.run(&format!("{common} --batch 2")).exits(2).says(&["--batch", "--reads 100"]);
}

/// The path starts where the file is; the copy in the folder needs no trace; another trace is
/// another experiment.
#[test]
fn a_sweep_records_which_trace_it_replayed() {
    let lab = lab();
    lab.write("data/small.csv", SMALL);
    lab.write("specs/e.toml", spec("../data/small.csv", "prefill = [0, 1]\n"));
    lab.run("sweep specs/e.toml --out r").exits(0).prints(&["trace small ("]);
    let recorded = lab.rows_of("r/trials.csv");
    assert_eq!(recorded.len(), 8);
    for row in &recorded {
        assert_eq!((row["trace"].as_str(), row["valid"].as_str()), ("small", "true"));
        assert!(row["prefill"] == "0" || row["prefill"] == "3", "{row:?}");
    }
    let sha256 = json(&lab.run("trace show data/small.csv --json").exits(0).out)["sha256"].clone();
    assert_eq!(recorded[0]["trace_sha256"], sha256.as_str().unwrap());
    let copy = lab.read("r/experiment.toml");
    assert!(copy.contains("[traces.\"../data/small.csv\"]"), "{copy}");
    // Resumed: nothing is left, whichever form the trace has.
    lab.run("sweep specs/e.toml --out r").exits(0).says(&["8 of 8 trials are done"]);
    lab.run("trace convert data/small.csv data/small.bin").exits(0);
    lab.write("specs/e.toml", spec("../data/small.bin", "prefill = [0, 1]\n"));
    lab.run("sweep specs/e.toml --out r").exits(0).says(&["8 of 8 trials are done"]);
    lab.run("sweep specs/e.toml --out s").exits(0);
    assert_eq!(lab.rows_of("s/trials.csv")[0]["seed"], recorded[0]["seed"]);
    lab.write("specs/e.toml", spec("../data/small.csv", "prefill = [0, 1]\n"));
    lab.write("data/small.csv", SMALL.replacen(",get,", ",gets,", 1));
    lab.run("sweep specs/e.toml --out r").exits(0);
    lab.write("data/small.csv", SMALL.replacen(",get,", ",set,", 1));
    lab.run("sweep specs/e.toml --out r").exits(2).says(&["another experiment"]);
    // Where the trace is gone the folder is still read.
    std::fs::remove_dir_all(lab.path("data")).unwrap();
    lab.run("cmp r --baseline papaya").exits(0);
    lab.run("report r").exits(0);
}

#[test]
fn what_goes_with_no_trace_is_refused_with_its_line() {
    let lab = lab();
    lab.write("small.csv", SMALL);
    let complains = |text: &str, line: usize, parts: &[&str]| {
        lab.write("e.toml", text);
        let ran = lab.run("sweep e.toml --dry-run").exits(2);
        ran.says(&[&format!("e.toml:{line}:")]).says(parts);
    };
    for (axis, key) in [
        ("keys = 9", "keys"),
        ("reads = 5", "reads"),
        ("preset = \"etc\"", "preset"),
        ("zipf = 1", "zipf"),
    ] {
        complains(&spec("small.csv", axis), 10, &[&format!("`{key}` is set beside `trace`")]);
    }
    complains(&spec("small.csv", "batch = 4"), 10, &["`batch` is 4", "50 % of the operations"]);
    complains(&spec("small.csv", "[mix]\ninserts = 100"), 10, &["`mix` is set", "trace"]);
    let pinned = "[traces.\"small.csv\"]\nsha256 = \"0123456789abcdef\"\nkeys = 3\ngets = 8\n";
    complains(&spec("small.csv", pinned), 10, &["another trace than `[traces]` says"]);
    let without = spec("small.csv", pinned).replace("trace = \"small.csv\"\n", "");
    complains(&without, 9, &["no grid has a `trace`"]);
    let empty = without.replace("keys = 3\n", "") + "[[also]]\nstructure = \"papaya\"\ntrace = 7\n";
    complains(&empty, 9, &["does not say what `small.csv` is"]);
}
