//! Trials of servers: what they record, how they go on, and what is said of mistakes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lab;
use crate::report::{all, column, page};
use crate::support::{Lab, Row, number};

const SPEC: &str = "title = \"Servers\"\nseed = 5\nseconds = 0.05\nwarmup = 0.01\nblocks = 2\n\
    controls = false\n[axes]\nkeys = 1000\nzipf = 0.99\nreads = 90\nconnections = 2\nmib = 8\n\
    pattern = \"get\"\ndepth = [1, 8]\ntransport = \"unix\"\n[latency]\nrates = 2000\n\
    [server]\nsubject = [\"memc3/clock\", \"memc3/clock:reply=each\", \"floor\"]\n";

/// Three servers, two depths.
const CELLS: usize = 6;
/// Those whose requests are sent by themselves.
const AT_A_RATE: usize = 3;

fn asking() -> Lab {
    let lab = lab();
    lab.write("s.toml", SPEC);
    lab
}

/// The rows of each trial: of its own file, and of `server.csv`.
#[track_caller]
fn assert_whole(lab: &Lab, folder: &str, blocks: usize) -> Vec<(Row, Row)> {
    let served = lab.rows_of(&format!("{folder}/server.csv"));
    assert_eq!(served.len(), (CELLS + AT_A_RATE) * blocks);
    let mut trials = lab.rows_of(&format!("{folder}/trials.csv"));
    assert_eq!(trials.len(), CELLS * blocks);
    trials.extend(lab.rows_of(&format!("{folder}/latency-trials.csv")));
    let place = |row: &Row| {
        let rate = row.get("rate").cloned().unwrap_or_default();
        (row["case"].clone(), row["block"].clone(), rate)
    };
    let places: BTreeSet<_> = served.iter().map(place).collect();
    assert_eq!(places.len(), served.len(), "a trial was run twice");
    let own = |trial: Row| {
        let found = served.iter().find(|row| place(row) == place(&trial));
        let found = found.unwrap_or_else(|| panic!("no row of {trial:?}")).clone();
        (trial, found)
    };
    trials.into_iter().map(own).collect()
}

#[test]
fn what_servers_do_is_recorded_and_shown() {
    let lab = asking();
    let dry = lab.run("sweep s.toml --dry-run").exits(0);
    dry.prints(&["6 cells x 2 blocks", "pattern=get depth=8 connections=2 transport=unix mib=8"]);
    let ran = lab.run("sweep s.toml --out r").exits(0);
    ran.prints(&["us/key", "memc3/clock:reply=each", "r/server.csv"]).prints(&[
        "server-throughput.svg",
        "server-items.svg",
        "latency-ccdf",
    ]);
    for (trial, served) in assert_whole(&lab, "r", 2) {
        assert_eq!((&*trial["valid"], &*trial["error"]), ("true", ""));
        assert_eq!((&trial["structure"], &trial["seed"]), (&served["server"], &served["seed"]));
        assert_eq!((number(&served, "wrong"), number(&served, "refused")), (0.0, 0.0));
        let keys = number(&served, "gets") + number(&served, "sets");
        assert_eq!(number(&trial, "ops"), keys);
        let cpu = number(&served, "user_seconds") + number(&served, "system_seconds");
        assert!((number(&trial, "cpu_seconds") - cpu).abs() < 1e-6);
        let is_floor = served["server"] == "floor";
        assert_eq!(number(&served, "hit_ratio"), if is_floor { 0.0 } else { 1.0 });
        if !is_floor {
            assert_eq!((number(&served, "items"), &*trial["final_len"]), (1000.0, "1000"));
            let mib = number(&served, "resident_bytes") / f64::from(1 << 20);
            assert!((number(&served, "items_per_mib") * mib / 1000.0 - 1.0).abs() < 1e-9);
        }
        assert!(number(&served, "service_p99") >= number(&served, "service_p50"));
        assert_eq!(served["response_p99"].is_empty(), served["rate"].is_empty());
        assert!(!served["version"].is_empty());
    }
    lab.run("sweep s.toml --out r").exits(0).says(&["18 of 18 trials are done"]);
    let page = page(&lab, "report r");
    assert_eq!(column(&page, "servers", "user us a key").len(), CELLS);
    assert!(!all(&page, "#figures svg").is_empty());
    // What is torn is run again, with its row.
    for file in ["trials.csv", "latency-trials.csv"] {
        let text = lab.read(&format!("r/{file}"));
        let whole = text.trim_end().rfind('\n').expect("several lines") + 1;
        lab.write(&format!("r/{file}"), format!("{}torn", &text[..whole]));
    }
    lab.run("sweep s.toml --out r").exits(0).says(&["16 of 18 trials are done", "cut off"]);
    assert_whole(&lab, "r", 2);
}

#[test]
fn what_is_of_servers_alone_is_compared_and_merged() {
    let lab = asking();
    lab.run("sweep s.toml --out a --shard 1/2").exits(0);
    lab.run("sweep s.toml --out b --shard 2/2").exits(0);
    lab.run("merge a b --out r").exits(0);
    assert_whole(&lab, "r", 2);
    let compared = |more: &str| -> Value {
        let command = format!("cmp r --baseline memc3/clock --json {more}");
        serde_json::from_str(&lab.run(&command).exits(0).out).unwrap()
    };
    for (metric, field, floor_has) in [
        ("cpu", "ops_per_cpu_sec", true),
        ("items-per-mib", "items_per_mib", false),
        ("hit-ratio", "hit_ratio", false),
    ] {
        let json = compared(&format!("--metric {metric} --controls"));
        let all = json["comparisons"].as_array().expect("a list");
        let of = |name: &str| all.iter().filter(|one| one["subject"] == name).count();
        // In two ways of asking.
        assert_eq!(of("memc3/clock:reply=each"), 2, "{metric}: {json}");
        assert_eq!(of("floor"), if floor_has { 2 } else { 0 }, "{metric}: {json}");
        assert!(metric == "cpu" || all.iter().all(|one| one[field].is_f64()), "{metric}: {json}");
    }
    // Without a word of which: by the server's CPU time.
    lab.run("cmp r").exits(0).prints(&["rate over CPU time"]);
    lab.run("plot r --figure server-throughput --out f").exits(0).prints(&["f/server-throughput"]);
    lab.run("plot r --figure factor-bars --out f").exits(0).prints(&["factor-bars-memc3_clock"]);
    lab.write("t.toml", crate::support::tiny_alone());
    lab.run("sweep t.toml --out t").exits(0);
    assert!(!lab.path("t/server.csv").exists());
    lab.run("cmp t --metric items-per-mib").exits(2).says(&["no trial of a server", "[server]"]);
    lab.run("plot t --figure server-items").exits(2).says(&["cannot be drawn", "[server]"]);
}

/// `latency.csv` is by far the largest file of such a folder.
#[test]
fn percentiles_of_servers_need_no_histograms() {
    let lab = asking();
    lab.run("sweep s.toml --out r").exits(0);
    // A loaded machine may not keep the rate.
    let trials = lab.read("r/latency-trials.csv");
    lab.write("r/latency-trials.csv", trials.replace(",true,mono", ",false,mono"));
    let times = || -> Vec<f64> {
        let command = "cmp r --baseline memc3/clock --metric p50 --json";
        let all: Value = serde_json::from_str(&lab.run(command).exits(0).out).unwrap();
        let all = all["comparisons"].as_array().expect("a list");
        all.iter().map(|one| one["seconds"].as_f64().expect("a time")).collect()
    };
    let with = times();
    std::fs::remove_file(lab.path("r/latency.csv")).expect("it is there");
    let without = times();
    let near = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < 0.05;
    assert_eq!(with.len(), without.len());
    assert!(!with.is_empty() && with.iter().zip(&without).all(near), "{with:?} and {without:?}");
    let said = ["r/latency.csv has no histogram of ", "counted from 1, off which p99.99 is read"];
    lab.run("cmp r --metric p99.99").exits(2).says(&said);
}

#[test]
fn memcached_is_the_program_of_that_name_or_left_out() {
    let lab = asking();
    let with = |subjects: &str| {
        let (before, _) = SPEC.split_once("[latency]").unwrap();
        lab.write("s.toml", format!("{before}[server]\nsubject = {subjects}\n"));
    };
    with("[\"memcached\", \"floor\"]");
    let nowhere = "export PATH=/nowhere";
    let plan = lab.run_after(nowhere, "sweep s.toml --dry-run").exits(0);
    plan.prints(&["2 cells x 2 blocks", "left out: memcached: it is not installed here"]);
    with("\"memcached\"");
    let refused = lab.run_after(nowhere, "sweep s.toml --dry-run").exits(2);
    refused.says(&["s.toml:", "no server that can be started", "Debian's package is `memcached`"]);
    // One that does not start costs its own trials.
    with("[\"memcached\", \"floor\"]");
    lab.write("bin/memcached", "#!/bin/sh\necho no luck >&2\nexit 3\n");
    let path = "chmod +x bin/memcached\nexport PATH=$PWD/bin:$PATH";
    let ran = lab.run_after(path, "sweep s.toml --out r").exits(1);
    ran.says(&["the server has not started: exit status: 3, no luck", "4 of 8 trials are invalid"]);
    for trial in lab.rows_of("r/trials.csv") {
        assert_eq!(trial["valid"] == "true", trial["structure"] == "floor", "{trial:?}");
    }
    assert_eq!(lab.rows_of("r/server.csv").len(), 4);
}

/// Its trials are not to be mixed with those of another version.
#[test]
fn memcached_is_of_one_version() {
    let lab = asking();
    let (before, _) = SPEC.split_once("[latency]").unwrap();
    let path = "chmod +x bin/memcached\nexport PATH=$PWD/bin:$PATH";
    let sweeps = |version: &str, subjects: &str, out: &str| {
        let says = "#!/bin/sh\n[ $1 = -V ] && exec echo memcached ".to_owned() + version;
        lab.write("bin/memcached", says + "\nexit 3\n");
        lab.write("s.toml", format!("{before}[server]\nsubject = [{subjects}]\n"));
        lab.run_after(path, &format!("sweep s.toml --out {out} --blocks 1"))
    };
    let both = "\"memcached\", \"floor\"";
    sweeps("1.6.1", both, "r").exits(1).says(&["2 of 4 trials are invalid"]);
    sweeps("1.6.1", both, "r").exits(1).says(&["4 of 4 trials are done"]);
    sweeps("1.6.2", both, "r").exits(2).says(&["memcached: 1.6.1 there, 1.6.2 here"]);
    assert!(lab.read("r/machine.toml").contains("memcached = \"1.6.1\"\n"));
    // Where it is not measured it does not matter.
    sweeps("1.6.1", "\"floor\"", "f").exits(0);
    sweeps("1.6.2", "\"floor\"", "f").exits(0).says(&["2 of 2 trials are done"]);
    assert!(!lab.read("f/machine.toml").contains("memcached"));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let lab = asking();
    for (from, to, said) in [
        ("\"floor\"", "\"flor\"", "did you mean `floor`?"),
        ("depth = [1, 8]", "depth = [1, 0]", "`depth` takes a whole number from 1 to 1000"),
        ("\"unix\"", "\"udp\"", "`transport` takes tcp or unix"),
        ("keys = 1000", "structure = \"papaya\"", "servers have none"),
        ("[server]", "#", "the file has no `[server]`"),
    ] {
        lab.write("s.toml", SPEC.replace(from, to));
        lab.run("sweep s.toml --dry-run").exits(2).says(&["s.toml:", said]);
    }
}
