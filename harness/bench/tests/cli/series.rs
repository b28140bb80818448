//! `series.csv`: written with its trials, cut off without them, merged, resumed.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;

use nix::sys::signal::Signal;

use crate::lab;
use crate::support::{Lab, TINY, TINY_CELLS, assert_complete, wait_for};

fn asking() -> Lab {
    let lab = lab();
    lab.write("s.toml", TINY.replacen("controls", "series = true\ncontrols", 1));
    lab
}

/// The number of samples of each trial; they are in time's order, and in the trials'.
#[track_caller]
fn samples(lab: &Lab, folder: &str) -> BTreeMap<(String, String), usize> {
    let text = lab.read(&format!("{folder}/series.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = "case,block,seed,at_seconds,unreclaimed,unreclaimed_bytes,rss_bytes";
    assert_eq!(text.lines().next(), Some(columns));
    let mut counts = BTreeMap::new();
    let mut order = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let trial = (record[0].to_owned(), record[1].to_owned());
        let at: f64 = record[3].parse().unwrap();
        let last = order.last().map(|(trial, at): &(_, f64)| (trial, *at));
        assert!(last.is_none_or(|(of, before)| *of != trial || before < at), "{text}");
        order.push((trial.clone(), at));
        *counts.entry(trial).or_default() += 1;
    }
    let mut trials: Vec<_> = order.into_iter().map(|(trial, _)| trial).collect();
    trials.dedup();
    assert_eq!(trials.len(), counts.len(), "a trial's samples are in two places");
    let rows = lab.rows(folder);
    let ran: Vec<_> = rows.iter().map(|row| (row["case"].clone(), row["block"].clone())).collect();
    assert_eq!(trials, ran);
    counts
}

#[test]
fn every_trial_has_samples_and_only_where_they_are_asked_for() {
    let lab = asking();
    lab.run("sweep s.toml --out r").exits(0);
    assert_complete(&lab.rows("r"), TINY_CELLS, 2);
    assert!(samples(&lab, "r").values().all(|count| *count >= 2));
    let text = lab.read("r/series.csv");
    let seeds: Vec<String> = lab.rows("r").into_iter().map(|row| row["seed"].clone()).collect();
    assert!(text.lines().skip(1).all(|line| seeds.iter().any(|seed| line.contains(seed))));
    lab.write("tiny.toml", TINY);
    lab.run("sweep tiny.toml --out q").exits(0);
    assert!(!lab.path("q/series.csv").exists());
    let said = ["another experiment", "series is true there and false here"];
    lab.run("sweep tiny.toml --out r").exits(2).says(&said);
}

#[test]
fn a_killed_sweep_leaves_no_samples_without_a_trial() {
    let lab = asking();
    let sweep = "sweep s.toml --blocks 6 --out r";
    for trials in [4, 15] {
        let running = lab.start(sweep);
        wait_for("trials", || lab.rows("r").len() >= trials);
        running.signal(Signal::SIGKILL);
        assert_eq!(running.end(), None);
    }
    lab.run(sweep).exits(0);
    assert_complete(&lab.rows("r"), TINY_CELLS, 6);
    assert_eq!(samples(&lab, "r").len(), 6 * TINY_CELLS);
}

#[test]
fn samples_of_a_trial_that_was_not_recorded_are_cut_off() {
    let lab = asking();
    lab.run("sweep s.toml --out r").exits(0);
    let (trials, series) = (lab.read("r/trials.csv"), lab.read("r/series.csv"));
    let last = trials.trim_end().rfind('\n').unwrap();
    // Between the two writes; in the middle of the second; in the middle of the first.
    let lost = [&trials[..=last], &trials[..last + 30]];
    for (kept, appended) in lost.into_iter().map(|kept| (kept, "")).chain([(&*trials, "ab,0,1")]) {
        lab.write("r/trials.csv", kept);
        lab.write("r/series.csv", format!("{series}{appended}"));
        lab.run("plot r --format svg").exits(0);
        lab.run("sweep s.toml --out r").exits(0).says(&["series.csv: cut off", "not recorded"]);
        assert_complete(&lab.rows("r"), TINY_CELLS, 2);
        assert_eq!(samples(&lab, "r").len(), 2 * TINY_CELLS);
    }
    lab.write("r/series.csv", "case,bl");
    lab.write("r/trials.csv", trials.lines().next().unwrap().to_owned() + "\n");
    lab.run("sweep s.toml --out r").exits(0);
    assert_eq!(samples(&lab, "r").len(), 2 * TINY_CELLS, "a torn header is written again");
}

#[test]
fn a_malformed_or_foreign_series_stops_everything() {
    let lab = asking();
    lab.run("sweep s.toml --out r").exits(0);
    let series = lab.read("r/series.csv");
    lab.write("r/series.csv", series.replacen("case,block", "block,case", 1));
    lab.run("sweep s.toml --out r").exits(2).says(&["series.csv:1: ", "columns"]);
    let second = series.lines().nth(2).unwrap();
    lab.write("r/series.csv", series.replacen(second, "a,b,c,d,e,f,g", 1));
    lab.run("sweep s.toml --out r").exits(1).says(&["series.csv:3: "]);
    lab.run("plot r").exits(2).says(&["series.csv:3: "]);
}

#[test]
fn parts_are_merged_with_their_samples() {
    let lab = asking();
    for part in ["1", "2"] {
        lab.run(&format!("sweep s.toml --shard {part}/2 --out p{part}")).exits(0);
    }
    lab.run("merge p1 p2 --out m").exits(0);
    let parts = [samples(&lab, "p1"), samples(&lab, "p2")];
    let together: BTreeMap<_, _> = parts.into_iter().flatten().collect();
    assert_eq!(samples(&lab, "m"), together);
    assert_eq!(together.len(), 2 * TINY_CELLS);
    lab.run("merge p1 m --out again").exits(0).says(&["taken once"]);
    assert!(lab.read("again/series.csv") == lab.read("m/series.csv"));
    // A torn line of a part is no sample.
    let mut file = OpenOptions::new().append(true).open(lab.path("p1/series.csv")).unwrap();
    file.write_all(b"abc,\xce").unwrap();
    lab.run("merge p2 p1 --out torn").exits(0);
    assert!(lab.read("torn/series.csv") == lab.read("m/series.csv"));
    lab.run("sweep s.toml --out m").exits(0).says(&["12 of 12 trials are done"]);
}
