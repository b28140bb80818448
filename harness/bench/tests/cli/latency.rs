//! Latency trials: beside throughput trials and never among them, resumed, merged, exported, drawn.

use std::collections::{BTreeMap, BTreeSet};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::lab;
use crate::report::{all, column, page};
use crate::support::{Lab, Row, TINY, TINY_CELLS, is_png, wait_for};

const RATES: usize = 2;

fn asking() -> Lab {
    let lab = lab();
    let latency = "\n[latency]\nrates = [20_000, 60_000]\nseconds = 0.01\n";
    lab.write("l.toml", TINY.to_owned() + latency);
    lab
}

type Trial = [String; 3];

fn name(row: &Row) -> Trial {
    ["case", "block", "rate"].map(|key| row[key].clone())
}

/// Every cell at every rate once in each block, valid, and all positions of a block taken once; the
/// counts of each trial's histograms agree with its row.
#[track_caller]
fn assert_whole(lab: &Lab, folder: &str, blocks: usize) -> Vec<Row> {
    let throughput = lab.rows(folder);
    assert_eq!(throughput.len(), TINY_CELLS * blocks);
    assert!(throughput.iter().all(|row| !row.contains_key("rate") && row["valid"] == "true"));
    let trials = lab.rows_of(&format!("{folder}/latency-trials.csv"));
    assert_eq!(trials.len(), TINY_CELLS * RATES * blocks);
    let names: BTreeSet<Trial> = trials.iter().map(name).collect();
    assert_eq!(names.len(), trials.len(), "a trial was run twice");
    let of_block = |block: usize| {
        let all = throughput.iter().chain(&trials);
        let mut places: Vec<usize> = all
            .filter(|row| row["block"] == block.to_string())
            .map(|row| row["position"].parse().unwrap())
            .collect();
        places.sort_unstable();
        places
    };
    for block in 0..blocks {
        assert_eq!(of_block(block), (0..TINY_CELLS * (1 + RATES)).collect::<Vec<_>>());
    }
    let mut counts: BTreeMap<(Trial, String), u64> = BTreeMap::new();
    for bucket in lab.rows_of(&format!("{folder}/latency.csv")) {
        let seconds: f64 = bucket["seconds"].parse().unwrap();
        assert!(seconds > 0.0 && ["get", "insert", "remove"].contains(&&*bucket["operation"]));
        *counts.entry((name(&bucket), bucket["time"].clone())).or_default() +=
            bucket["count"].parse::<u64>().unwrap();
    }
    for row in &trials {
        assert_eq!((&*row["valid"], &*row["error"]), ("true", ""), "{row:?}");
        assert_eq!((&*row["peak_unreclaimed"], &*row["clean_ops_per_sec"]), ("", ""), "{row:?}");
        let number = |key: &str| row[key].parse::<u64>().unwrap();
        assert_eq!(number("ops") + number("unstarted"), number("planned"), "{row:?}");
        for time in ["response", "service"] {
            let counted = counts.remove(&(name(row), time.to_owned()));
            assert_eq!(counted.unwrap_or(0), number("ops"), "{time} of {row:?}");
        }
    }
    assert!(counts.is_empty(), "histograms of no trial: {counts:?}");
    trials
}

#[test]
fn each_cell_runs_at_each_rate_and_apart_from_throughput() {
    let lab = asking();
    let ran = lab.run("sweep l.toml --dry-run").exits(0);
    let said = "6 cells x 2 blocks = 12 trials, and 24 latency trials at 20000, 60000 operations \
                per second for 0.01 s, about ";
    ran.prints(&[said]);
    let ran = lab.run("sweep l.toml --out r").exits(0);
    let trials = assert_whole(&lab, "r", 2);
    let ran = ran.prints(&["p99.9", "satu-", "r/latency.csv", "r/latency-trials.csv"]);
    ran.prints(&["r/figures/latency-ccdf.svg"]);
    assert!(is_png(&lab.path("r/figures/latency-ccdf.png")));
    // Trials of one workload and block are due at the same times, whatever the table.
    let mut planned: BTreeMap<[&String; 3], BTreeSet<&String>> = BTreeMap::new();
    for row in &trials {
        let workload = [&row["threads"], &row["block"], &row["rate"]];
        planned.entry(workload).or_default().insert(&row["planned"]);
    }
    assert_eq!(planned.len(), 8);
    assert!(planned.values().all(|planned| planned.len() == 1), "{planned:?}");
    // The order is mixed: not all throughput trials come first.
    let first: Vec<usize> = (lab.rows("r").iter())
        .filter(|row| row["block"] == "0")
        .map(|row| row["position"].parse().unwrap())
        .collect();
    assert_ne!(first, (0..TINY_CELLS).collect::<Vec<_>>());
    lab.run("sweep l.toml --out r").exits(0).says(&["36 of 36 trials are done"]);
    lab.write("tiny.toml", TINY);
    let said =
        ["another experiment", "latency is 20000, 60000 operations per second for 0.01 s there"];
    lab.run("sweep tiny.toml --out r").exits(2).says(&said);
    lab.run("sweep tiny.toml --out q").exits(0);
    assert!(!lab.path("q/latency.csv").exists() && !lab.path("q/latency-trials.csv").exists());
    lab.run("plot q --figure latency-ccdf").exits(2).says(&["needs `[latency]`"]);
    lab.run("export q --format hgrm").exits(2).says(&["no latency to export", "[latency]"]);
}

/// The longer a trial, the later its latest response.
#[test]
fn latency_trials_of_a_cell_last_as_long() {
    let lab = asking();
    for part in ["1", "2"] {
        lab.run(&format!("sweep l.toml --shard {part}/2 --out p{part}")).exits(0);
    }
    lab.copy("p1", "after");
    for folder in ["p2", "after"] {
        let file = format!("{folder}/experiment.toml");
        lab.write(&file, lab.read(&file).replace("seconds = 0.01", "seconds = 0.5"));
    }
    for command in
        ["plot p1 p2", "report p1 p2", "cmp p1 p2 --metric p99", "export p1 p2 --format hgrm"]
    {
        lab.run(command).exits(2).says(&["`[latency] seconds` is 0.01 in p1 and 0.5 in p2"]);
    }
    let said = ["`[latency] seconds` is 0.01 in p1 and 0.5 in after"];
    lab.run("cmp p1 after --metric p99").exits(2).says(&said);
    // Throughput is of trials that last as long; here of the very same ones.
    let same = ["6 of 6 trials of after are those of p1"];
    lab.run("cmp p1 after").exits(0).says(&same);
    for command in [
        "cmp p1 p2",
        "rank p1 p2",
        "export p1 p2 --format bencher",
        "plot p1 p2 --figure throughput-threads --format svg",
    ] {
        lab.run(command).exits(0);
    }
}

#[test]
fn a_killed_sweep_resumes_both_kinds_of_trials() {
    let lab = asking();
    let sweep = "sweep l.toml --blocks 3 --out r";
    for lines in [3, 20] {
        let running = lab.start(sweep);
        let done = || {
            let text = std::fs::read_to_string(lab.path("r/latency-trials.csv"));
            text.is_ok_and(|text| text.lines().count() > lines)
        };
        wait_for("latency trials", done);
        running.signal(Signal::SIGKILL);
        assert_eq!(running.end(), None);
    }
    lab.run(sweep).exits(0);
    assert_whole(&lab, "r", 3);
}

#[test]
fn what_was_not_recorded_is_cut_off() {
    let lab = asking();
    lab.run("sweep l.toml --out r").exits(0);
    let (trials, buckets) = (lab.read("r/latency-trials.csv"), lab.read("r/latency.csv"));
    let last = trials.trim_end().rfind('\n').unwrap();
    for kept in [&trials[..=last], &trials[..last + 30]] {
        lab.write("r/latency-trials.csv", kept);
        lab.write("r/latency.csv", format!("{buckets}a,0,1"));
        lab.run("plot r --format svg").exits(0);
        lab.run("sweep l.toml --out r").exits(0).says(&["latency.csv: cut off", "not recorded"]);
        assert_whole(&lab, "r", 2);
    }
    let second = buckets.lines().nth(2).unwrap();
    lab.write("r/latency.csv", buckets.replacen(second, "a,b,c,d,e,f,g", 1));
    lab.run("sweep l.toml --out r").exits(1).says(&["latency.csv:3: "]);
    lab.run("plot r").exits(2).says(&["latency.csv:3: "]);
    lab.write("r/latency.csv", buckets);
    lab.write("r/latency-trials.csv", trials.replacen("case,", "kind,", 1));
    lab.run("sweep l.toml --out r").exits(2).says(&["latency-trials.csv:1: ", "columns"]);
}

#[test]
fn parts_are_merged_with_their_latency() {
    let lab = asking();
    for part in ["1", "2"] {
        lab.run(&format!("sweep l.toml --shard {part}/2 --out p{part}")).exits(0);
    }
    lab.run("merge p2 p1 --out m").exits(0).says(&["36 trials: every cell"]);
    let merged = assert_whole(&lab, "m", 2);
    let place = |row: &Row| ["block", "position"].map(|key| row[key].parse::<u32>().unwrap());
    assert!(merged.is_sorted_by_key(place), "another order than a sweep's");
    lab.run("sweep l.toml --out m").exits(0).says(&["36 of 36 trials are done"]);
    lab.run("merge p1 m --out again").exits(0).says(&["18 trials are in several folders alike"]);
    for file in ["latency.csv", "latency-trials.csv"] {
        assert!(lab.read(&format!("again/{file}")) == lab.read(&format!("m/{file}")), "{file}");
    }
    // Another result of the same trial.
    let old = lab.read("p1/latency-trials.csv");
    let line = old.lines().nth(1).unwrap();
    lab.write("p1/latency-trials.csv", old.replacen(line, &line.replace(",true,", ",false,"), 1));
    lab.run("merge p1 m --out other").exits(2).says(&["different results of one trial"]);
    // One that is missing is still to be run.
    lab.write("p1/latency-trials.csv", old.replacen(&format!("{line}\n"), "", 1));
    lab.run("merge p1 p2 --out less").exits(0).says(&["35 trials; 1 are still to be run"]);
}

#[test]
fn histograms_for_the_plotter() {
    let lab = asking();
    lab.run("sweep l.toml --out r --blocks 1").exits(0);
    let ran = lab.run("export r --format hgrm").exits(0);
    let files: Vec<&str> = ran.out.lines().collect();
    let folders: BTreeSet<&str> =
        files.iter().map(|file| file.rsplit_once('/').unwrap().0).collect();
    assert_eq!(folders.len(), TINY_CELLS * RATES, "one a cell and rate");
    let of = |ending: &str| files.iter().filter(|file| file.ends_with(ending)).count();
    assert_eq!(of("/all-response.hgrm"), TINY_CELLS * RATES);
    assert_eq!(of("/all-service.hgrm"), TINY_CELLS * RATES);
    for file in files {
        let text = lab.read(file);
        assert!(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
        assert!(text.contains(" 1.000000000000 "), "{file}");
    }
    let ran = lab.run("export r --format hgrm --filter */epoch --out h").exits(0);
    assert_eq!(ran.out.lines().filter(|file| file.ends_with("/all-response.hgrm")).count(), 4);
    assert!(ran.out.lines().all(|file| file.starts_with("h/chaining-lock-free_epoch-threads")));
    lab.run("export r --format bencher --out h").exits(2).says(&["--out is for --format hgrm"]);
}

#[test]
fn the_page_has_a_table_of_what_was_recorded() {
    let lab = asking();
    lab.run("sweep l.toml --out r").exits(0);
    let page = page(&lab, "report r");
    let rates: Vec<_> = column(&page, "latency", "rate/s").into_iter().map(|rate| rate.0).collect();
    assert_eq!(rates.len(), TINY_CELLS * RATES);
    assert!(rates.iter().all(|rate| [Some(20_000.0), Some(60_000.0)].contains(rate)), "{rates:?}");
    // Of two trials, the median of the largest times is their mean.
    let largest = |case: &str, rate: &str| -> f64 {
        let all = lab.rows_of("r/latency.csv");
        let of = |block: &str| {
            let own = all
                .iter()
                .filter(|row| row["case"] == case && row["rate"] == rate && row["block"] == block);
            let own = own.filter(|row| row["time"] == "response");
            own.map(|row| row["seconds"].parse::<f64>().unwrap()).fold(0.0, f64::max)
        };
        (of("0") + of("1")) / 2.0
    };
    let row = lab.rows("r").into_iter().find(|row| row["reclaimer"] == "leak").unwrap();
    let names = column(&page, "latency", "subject");
    let (threads, max) = (column(&page, "latency", "threads"), column(&page, "latency", "max"));
    let threads_of_row: f64 = row["threads"].parse().unwrap();
    let place = (0..names.len())
        .find(|i| {
            names[*i].1 == "chaining-lock-free/leak"
                && threads[*i].0 == Some(threads_of_row)
                && rates[*i] == Some(20_000.0)
        })
        .unwrap();
    let (shown, computed) = (max[place].0.unwrap(), largest(&row["case"], "20000.0"));
    assert!((shown / computed - 1.0).abs() < 1e-9, "{shown} and {computed}");
    let figures: Vec<_> = all(&page, "figure").iter().filter_map(|f| f.attr("id")).collect();
    assert!(figures.contains(&"latency-ccdf"), "{figures:?}");
    // Of two runs it is the second.
    lab.copy("r", "s");
    let both = crate::report::page(&lab, "report r s --out both.html");
    assert!(column(&both, "latency", "trials").iter().all(|trials| trials.0 == Some(2.0)));
    // Without latency trials there is no such part.
    lab.write("tiny.toml", TINY);
    lab.run("sweep tiny.toml --out q").exits(0);
    let without = crate::report::page(&lab, "report q");
    assert!(all(&without, "#latency, nav a[href='#latency']").is_empty());
}

/// A trial that could not keep its rate counts where most did, and where most did not there is nothing to compare.
#[test]
fn a_table_is_not_better_for_the_trials_in_which_it_failed() {
    let lab = asking();
    lab.run("sweep l.toml --blocks 4 --out r").exits(0);
    let text = lab.read("r/latency-trials.csv");
    let header = text.lines().next().unwrap();
    let columns: Vec<&str> = header.split(',').collect();
    let mut edited = format!("{header}\n");
    for mut row in lab.rows_of("r/latency-trials.csv") {
        let blocks = match row["reclaimer"].as_str() {
            "leak" => 1,
            "epoch" => 2,
            _ => 0,
        };
        let is_saturated = row["block"].parse::<u32>().unwrap() < blocks;
        row.insert("saturated".to_owned(), is_saturated.to_string());
        let fields: Vec<&str> = columns.iter().map(|column| row[*column].as_str()).collect();
        edited += &(fields.join(",") + "\n");
    }
    lab.write("r/latency-trials.csv", edited);
    let command = "cmp r --metric p50 --baseline chaining-bucket-lock --json";
    let value: Value = serde_json::from_str(&lab.run(command).exits(0).out).unwrap();
    let compared = value["comparisons"].as_array().unwrap();
    let is_leak = |one: &Value| one["subject"] == "chaining-lock-free/leak" && one["pairs"] == 4;
    assert!(!compared.is_empty() && compared.iter().all(is_leak), "{value}");
    let left_out = value["left_out"].to_string();
    for said in ["chaining-lock-free/epoch", "where most trials could not keep the rate"] {
        assert!(left_out.contains(said), "{said}: {value}");
    }
}

#[test]
fn one_trial_prints_percentiles() {
    let lab = lab();
    let run =
        "run --structure chaining-lock-free --keys 256 --seconds 0.02 --warmup 0 --rate 50000";
    let ran = lab.run(run).exits(0);
    let ran = ran.prints(&["p99.9", "of 50000 operations per second", "self-check", "passed"]);
    let words: Vec<&str> = ran.out.split_whitespace().collect();
    for pair in [["response", "all"], ["response", "get"], ["service", "remove"]] {
        assert!(words.windows(2).any(|two| two == pair), "{pair:?} in {}", ran.out);
    }
    let ran = lab.run(&format!("{run} --json")).exits(0);
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["structure"], "chaining-lock-free");
    let latency = &value["latency"];
    assert_eq!(latency["rate"].as_f64(), Some(50_000.0));
    let number = |value: &Value| value.as_u64().unwrap();
    assert_eq!(number(&value["ops"]) + number(&latency["unstarted"]), number(&latency["planned"]));
    let all = &latency["percentiles"][0];
    assert_eq!((&all["operation"], &all["time"]), (&"all".into(), &"response".into()));
    assert_eq!(number(&all["count"]), number(&latency["planned"]));
    assert!(all["p50"].as_f64().unwrap() <= all["max"].as_f64().unwrap());
    let plain = lab.run(&run.replace("--rate 50000", "--json")).exits(0);
    assert!(!plain.out.contains("latency"));
    for (wrong, what) in [
        ("--rate 0", "0.001 to 1000000000"),
        ("--rate x", "not a number"),
        ("--rate 10 --seconds 0.02", "less than one operation in --seconds 0.02; at least 50"),
        ("--rate 1000 --ops-per-pin 4", "single operations"),
        ("--rate 1000 --reads 100 --batch 4", "single operations"),
    ] {
        let command = format!("run --structure papaya --keys 64 {wrong}");
        lab.run(&command).exits(2).says(&[what]);
    }
}
