//! `bench cmp` and `bench rank`, on recorded runs.

use std::collections::HashMap;

use serde_json::Value;

use crate::lab;
use crate::recorded::{comparisons, edit, json, recorded, recorded_schemes};

const RATES: [&str; 3] = ["ops_per_sec", "ops_per_cpu_sec", "clean_ops_per_sec"];

#[test]
fn subjects_against_the_first() {
    let lab = recorded("quickstart-recorded");
    let ran = lab.run("cmp r").exits(0).prints(&[
        "Ratios to chaining-lock-free/epoch, the first subject of r/experiment.toml",
        "clean windows",
        "threads=2 reads=50 zipf=0.99 keys=65536\nchaining-lock-free/epoch ",
        "baseline\n",
        "faster\n",
        "slower\n",
        "no difference shown\n",
        "36 comparisons: ",
        "480 trials in 48 cells",
    ]);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains("no-op") && !ran.out.contains("sequential"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    let all = json(&lab, "cmp r");
    assert_eq!(comparisons(&all).len(), 36);
    for comparison in comparisons(&all) {
        let number = |key: &str| comparison[key].as_f64().unwrap();
        assert!(number("ratio_low") <= number("ratio") && number("ratio") <= number("ratio_high"));
        assert!(number("p") <= number("p_adjusted"), "{comparison}");
        let shown = comparison["verdict"] != "no-difference-shown";
        assert_eq!(shown, number("p_adjusted") <= 0.05, "{comparison}");
        if shown {
            assert_eq!(comparison["verdict"] == "faster", number("ratio") > 1.0, "{comparison}");
        }
    }
    let with = json(&lab, "cmp r --controls");
    assert!(comparisons(&with).iter().any(|comparison| comparison["subject"] == "no-op"));
}

/// From the file, by hand: the pairs are those of one block.
#[test]
fn ratios_are_those_of_the_trials() {
    let lab = recorded("quickstart-recorded");
    let filter = "cmp r --baseline dashmap --filter papaya*threads=2*reads=50*zipf=0.99*";
    for (metric, column) in [("wall", RATES[0]), ("cpu", RATES[1]), ("clean", RATES[2])] {
        let all = json(&lab, &format!("{filter} --metric {metric}"));
        let [comparison] = comparisons(&all).as_slice() else { panic!("{all}") };
        let rates = |name: &str| -> HashMap<String, f64> {
            let is_asked = |row: &HashMap<String, String>| {
                row["structure"] == name
                    && [&row["threads"], &row["reads"], &row["zipf"]] == ["2", "50.0", "0.99"]
            };
            let rows = lab.rows("r").into_iter().filter(is_asked);
            rows.map(|row| (row["block"].clone(), row[column].parse().unwrap())).collect()
        };
        let (ours, theirs) = (rates("papaya"), rates("dashmap"));
        assert_eq!((ours.len(), theirs.len()), (10, 10));
        let logs = ours.iter().map(|(block, rate)| (rate / theirs[block]).ln());
        let expected = (logs.sum::<f64>() / 10.0).exp();
        let ratio = comparison["ratio"].as_f64().unwrap();
        assert!((ratio / expected - 1.0).abs() < 1e-9, "{ratio} {expected}");
        assert_eq!((&comparison["pairs"], &comparison["verdict"]), (&10.into(), &"slower".into()));
    }
}

/// From the file, by hand: two threads over one.
#[test]
fn a_subject_can_be_compared_with_itself_at_other_threads() {
    let lab = recorded("quickstart-recorded");
    let command = "cmp r --baseline-threads 1 --filter papaya*threads=2*reads=50*zipf=0.99*";
    lab.run(command).exits(0).prints(&[
        "Ratios of each subject to itself at threads=1",
        "threads=2 reads=50 zipf=0.99 keys=65536\npapaya ",
    ]);
    let all = json(&lab, &format!("{command} --metric wall"));
    assert_eq!((&all["compares"], &all["between"]["threads"]), (&"threads".into(), &1.into()));
    let [comparison] = comparisons(&all).as_slice() else { panic!("{all}") };
    let rates = |threads: &str| -> HashMap<String, f64> {
        let is_asked = |row: &HashMap<String, String>| {
            row["structure"] == "papaya"
                && [&row["threads"], &row["reads"], &row["zipf"]] == [threads, "50.0", "0.99"]
        };
        let rows = lab.rows("r").into_iter().filter(is_asked);
        rows.map(|row| (row["block"].clone(), row["ops_per_sec"].parse().unwrap())).collect()
    };
    let (ours, theirs) = (rates("2"), rates("1"));
    assert_eq!((ours.len(), theirs.len()), (10, 10));
    let logs = ours.iter().map(|(block, rate)| (rate / theirs[block]).ln());
    let expected = (logs.sum::<f64>() / 10.0).exp();
    let ratio = comparison["ratio"].as_f64().unwrap();
    assert!((ratio / expected - 1.0).abs() < 1e-9, "{ratio} {expected}");
    assert_eq!((&comparison["baseline"], &comparison["pairs"]), (&"papaya".into(), &10.into()));
    // All others but those at one thread, and no control.
    let all = json(&lab, "cmp r --baseline-threads 1");
    let is_right = |one: &Value| one["subject"] == one["baseline"] && one["threads"] != 1;
    assert!(comparisons(&all).iter().all(is_right), "{all}");
    // Four tables under four workloads, at three numbers of threads.
    assert_eq!((comparisons(&all).len(), &all["checks"]["cells"]), (32, &48.into()), "{all}");
    for (more, words) in [
        ("--baseline-threads 3", "no trial has as many; there are trials at 1, 2"),
        ("--baseline-threads 1 --baseline papaya", "cannot be used with"),
        ("r --baseline-threads 1", "are two runs"),
    ] {
        lab.run(&format!("cmp r {more}")).exits(2).says(&[words]);
    }
}

/// Four threads on two CPUs have no clean windows, and one has.
#[test]
fn threads_are_compared_by_one_rate() {
    let lab = recorded("quickstart-recorded");
    let is_of_clean_windows =
        |all: &Value| all["rate"].as_str().unwrap().contains("rate over clean windows");
    assert!(is_of_clean_windows(&json(&lab, "cmp r")), "or there is nothing to see");
    let command = "cmp r --baseline-threads 1";
    let chosen = json(&lab, command);
    assert!(!is_of_clean_windows(&chosen), "{chosen}");
    let wall = json(&lab, &format!("{command} --metric wall"));
    assert_eq!(comparisons(&chosen), comparisons(&wall));
    let all_have_some = json(&lab, &format!("{command} --filter *threads=2*"));
    assert!(is_of_clean_windows(&all_have_some), "{all_have_some}");
}

/// Four threads on two CPUs have no clean windows, nor here has one of `dashmap`.
#[test]
fn a_baseline_elsewhere_has_no_say_in_the_rate() {
    let lab = recorded("quickstart-recorded");
    edit(&lab, "few", |row| {
        if row["structure"] == "dashmap" && row["threads"] == "1" {
            row.insert("clean_windows".to_owned(), "0".to_owned());
        }
        true
    });
    for command in [
        "cmp few --baseline dashmap",
        "cmp few --baseline-threads 1",
        "rank few --baseline dashmap",
    ] {
        let rates = ["", " --filter papaya*threads=2*"].map(|filter| {
            json(&lab, &format!("{command}{filter}"))["rate"].as_str().unwrap().to_owned()
        });
        let expected =
            ["rate over all wall time", "rate over clean windows (every thread on a CPU)"];
        assert_eq!(rates, expected, "{command}");
    }
}

#[test]
fn the_baseline_can_be_the_best_of_some() {
    let lab = recorded("overview");
    let all = json(&lab, "cmp r --baseline scc-*,dashmap --filter chaining-lock-free");
    let bases: Vec<&str> = comparisons(&all)
        .iter()
        .map(|comparison| comparison["baseline"].as_str().unwrap())
        .collect();
    assert_eq!(bases.len(), 12);
    assert!(bases.contains(&"scc-hashindex") && bases.contains(&"dashmap"), "{bases:?}");
    lab.run("cmp r --baseline scc-*,dashmap")
        .exits(0)
        .prints(&["the best of dashmap, scc-hashindex, scc-hashmap in each cell by median"]);
    let markdown = lab.run("cmp r --baseline papaya --markdown").exits(0);
    let markdown = markdown.prints(&["| threads | reads |", "| baseline "]);
    let lines: Vec<&str> = markdown.out.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(lines.len(), 2 + 9 * 12);
    assert!(lines.iter().all(|line| line.matches('|').count() == lines[0].matches('|').count()));
}

#[test]
fn what_cannot_be_compared() {
    let lab = recorded_schemes();
    let unknown = ["no subject matches `chaining-lok-free`", "did you mean `chaining-lock-free"];
    lab.run("cmp r --baseline chaining-lok-free").exits(2).says(&unknown);
    lab.run("cmp r --baseline a,").exits(2).says(&["--baseline", "empty name"]);
    lab.run("cmp r --filter nothing").exits(2).says(&["--filter nothing leaves no cell"]);
    lab.run("cmp r --filter threads=2").exits(2).says(&["as '*threads=2*' does"]);
    lab.run("cmp r --filter *threads=2*").exits(0);
    let near = ["no cell has `threads=3` (nearest: threads=2, threads=1)"];
    lab.run("cmp r --filter *threads=3*").exits(2).says(&near);
    // Two runs, of which nothing is left before it is seen that they have no latency.
    lab.run("cmp r r --metric p99 --filter nothing").exits(2).says(&["leaves no cell"]);
    lab.run("cmp r --metric best").exits(2).says(&["best", "clean"]);
    lab.run("cmp r --json --markdown").exits(2).says(&["--markdown", "cannot be used"]);
    lab.run("cmp missing").exits(2).says(&["there is no folder missing"]);
    lab.run("cmp").exits(2).says(&["DIR"]);
    lab.write("r/experiment.toml", "[axes]\nstructure = \"unheard-of\"\n");
    lab.run("cmp r").exits(2).says(&["unheard-of", "--baseline"]);
    lab.run("cmp r --baseline */leak").exits(0).prints(&["Ratios to chaining-lock-free/leak:"]);
}

#[test]
fn few_blocks_show_nothing_and_say_so() {
    let lab = recorded_schemes();
    edit(&lab, "few", |row| row["block"].parse::<u32>().unwrap() < 5);
    let ran = lab.run("cmp few --controls").exits(0);
    ran.prints(&[
        "From 5 pairs nothing can be called",
        "6 blocks are the fewest",
        ": 0 faster, 0 ",
    ]);
}

#[test]
fn two_runs_are_before_and_after() {
    let lab = recorded_schemes();
    let scale = |row: &mut HashMap<String, String>| {
        for rate in RATES {
            // A trial may have had no clean window.
            if let Ok(before) = row[rate].parse::<f64>() {
                row.insert(rate.to_owned(), (before * 1.5).to_string());
            }
        }
    };
    edit(&lab, "new", |row| {
        scale(row);
        true
    });
    let ran = lab.run("cmp r new").exits(0);
    ran.prints(&["new (after) to r (before)", "which did the same operations", "18 faster"]);
    let all = json(&lab, "cmp r new");
    assert_eq!((&all["compares"], &all["paired"]), (&"runs".into(), &true.into()));
    for comparison in comparisons(&all) {
        assert!((comparison["ratio"].as_f64().unwrap() - 1.5).abs() < 1e-9, "{comparison}");
    }
    // Each cell is there twice, with one hash seed.
    assert_eq!(all["hash_seeds"].as_array().map(Vec::len), Some(0), "{all}");
    let other_seeds = |row: &mut HashMap<String, String>| {
        scale(row);
        row.insert("seed".to_owned(), "1".to_owned());
        true
    };
    edit(&lab, "other", other_seeds);
    let ran = lab.run("cmp r other").exits(0);
    ran.prints(&["since the trials have different seeds", "10 + 10", "Holm"]);
    let named = ["--baseline names a subject", "two runs"];
    lab.run("cmp r new --baseline */leak").exits(2).says(&named);
    lab.run("cmp r new other").exits(2).says(&["trials of the same cell and block"]);
}

#[test]
fn other_machines_have_to_be_asked_for() {
    let lab = recorded_schemes();
    lab.copy("r", "new");
    let machine = lab.read("r/machine.toml");
    let with = |key: &str, value: &str| {
        let line = machine.lines().find(|line| line.starts_with(key)).unwrap();
        lab.write("new/machine.toml", machine.replace(line, &format!("{key} = \"{value}\"")));
    };
    with("git_revision", "abc");
    lab.run("cmp r new")
        .exits(0)
        .prints(&["Machine, build or turns differ:\n  git_revision: ", "abc after"]);
    with("kernel", "0.01");
    let said = ["different machines", "kernel: ", "0.01", "--across-machines"];
    lab.run("cmp r new").exits(2).says(&said);
    lab.run("cmp r new --across-machines").exits(0).prints(&["kernel: ", "0.01 after"]);
    lab.run("rank r new").exits(2).says(&["different machines or builds", "kernel"]);
    with("kernel", "0.01");
    edit(&lab, "half", |row| row["block"].parse::<u32>().unwrap() % 2 == 0);
    lab.write("half/machine.toml", lab.read("new/machine.toml"));
    lab.run("cmp half r").exits(2).says(&["different machines", "--across-machines"]);
    lab.copy("r", "long");
    let longer = lab.read("r/experiment.toml").replace("seconds = 0.2", "seconds = 2");
    lab.write("long/experiment.toml", longer);
    lab.run("cmp r long").exits(2).says(&["`seconds` is 0.2 in r and 2 in long"]);
}

#[test]
fn builds_that_no_commit_tells_apart_are_two_runs() {
    let lab = recorded_schemes();
    let machine = lab.read("r/machine.toml");
    for (part, build) in [(0, "a"), (1, "b")] {
        let folder = format!("part{part}");
        edit(&lab, &folder, |row| row["block"].parse::<u32>().unwrap() % 2 == part);
        let dirty = format!("git_dirty = true\nprograms = \"{build}\"");
        let machine = machine.replace("git_dirty = false", &dirty);
        lab.write(&format!("{folder}/machine.toml"), machine);
    }
    lab.run("cmp part0 part1").exits(0).prints(&["differ:\n  programs: a before, b after"]);
    let said = ["different machines or builds", "programs: a and b"];
    lab.run("rank part0 part1").exits(2).says(&said);
}

#[test]
fn a_run_by_turns_is_told_from_one_without() {
    let lab = recorded("quickstart-recorded");
    lab.copy("r", "turned");
    let text = lab.read("r/trials.csv");
    let more = std::iter::once("slices").chain(std::iter::repeat("9"));
    let turned = text.lines().zip(more).map(|(line, more)| format!("{line},{more}\n"));
    lab.write("turned/trials.csv", turned.collect::<String>());
    let said = ["turns differ:\n  turns: not taken before, taken after"];
    lab.run("cmp r turned").exits(0).prints(&said);
    let compared = json(&lab, "cmp turned r");
    let turns = &compared["between"]["differences"]["turns"];
    assert_eq!((&turns[0], &turns[1]), (&Value::from("taken"), &Value::from("not taken")));
    lab.copy("r", "again");
    lab.run("cmp r again").exits(0).prints(&["Machine, build and turns are the same."]);
}

#[test]
fn parts_of_a_run_are_the_run() {
    let lab = recorded_schemes();
    for part in [0, 1] {
        let is_part =
            |row: &mut HashMap<String, String>| row["block"].parse::<u32>().unwrap() % 2 == part;
        edit(&lab, &format!("part{part}"), is_part);
    }
    let [whole, parts] = ["cmp r", "cmp part0 part1"].map(|command| json(&lab, command));
    let ratios = |value: &Value| -> Vec<String> {
        let of = |one: &Value| format!("{} {:.9} {}", one["case"], one["ratio"], one["pairs"]);
        comparisons(value).iter().map(of).collect()
    };
    assert_eq!(ratios(&whole), ratios(&parts));
    lab.run("rank part0 part1").exits(0).prints(&["from 10 blocks"]);
}

#[test]
fn ranks_are_over_what_all_have() {
    let lab = recorded("overview");
    let ran = lab.run("rank r").exits(0);
    let ran = ran.prints(&["Geometric mean over 12 workloads of the ratio to the best subject"]);
    let first = ran.out.lines().find(|line| line.starts_with(" 1 ")).unwrap();
    assert!(first.contains("chaining-inline"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 110), "{}", ran.out);
    let all = json(&lab, "rank r --baseline papaya");
    assert_eq!(all["ratios_to"], "papaya");
    let ranks = all["ranking"]["ranks"].as_array().unwrap();
    assert_eq!(ranks.len(), 9);
    let papaya = ranks.iter().find(|rank| rank["subject"] == "papaya").unwrap();
    assert_eq!((papaya["score"].as_f64(), papaya["worst"].as_f64()), (Some(1.0), Some(1.0)));
    // `sequential` has one thread only.
    lab.run("rank r --controls").exits(0).prints(&[
        "over 6 workloads",
        "Left out: threads=2 reads=100 zipf=0 keys=65536: no trial that counts of sequential",
    ]);
    lab.run("rank r --markdown --metric wall").exits(0).prints(&["|---|", "--metric asks for it"]);
    lab.run("rank r --filter nothing").exits(2).says(&["nothing to rank", "--filter nothing"]);
    lab.run("rank r --baseline pap").exits(2).says(&["no subject matches `pap`"]);
}

/// The baseline's twin is of the table that it names, and no subject.
#[test]
fn a_twin_is_not_ranked_beside_its_baseline() {
    let lab = recorded("reclamation-threads");
    let all = json(&lab, "rank r --baseline chaining-lock-free");
    let ranks = all["ranking"]["ranks"].as_array().unwrap();
    let is_twin = |rank: &Value| rank["subject"].as_str().unwrap().ends_with("(A/A)");
    assert!(ranks.len() > 5 && !ranks.iter().any(is_twin), "{all}");
}

#[test]
fn the_noise_floor_is_in_the_verdicts() {
    let lab = lab();
    let text = crate::support::tiny_alone().replace("controls = false", "controls = true");
    lab.write("aa.toml", text.replace("reads = 90", "reads = 100"));
    lab.run("sweep aa.toml --out r --blocks 8 --seconds 0.005").exits(0);
    let twins = lab.rows("r").iter().filter(|row| row["twin"] == "true").count();
    assert_eq!(twins, 2 * 8, "one for each number of threads in each block");
    // All rates are made up: `leak` has 1.3 times its baseline's, the twin 1.5 times at one thread
    // and 1.1 at two.
    edit(&lab, "made", |row| {
        let block: f64 = row["block"].parse().unwrap();
        let of_subject = match (row["twin"].as_str(), row["reclaimer"].as_str()) {
            ("true", _) if row["threads"] == "1" => 1.5,
            ("true", _) => 1.1,
            (_, "leak") => 1.3,
            _ => 1.0,
        };
        row.insert("ops_per_sec".to_owned(), (1e6 * (1.0 + block) * of_subject).to_string());
        true
    });
    let all = json(&lab, "cmp made --metric wall --filter *leak*");
    let shown: Vec<(i64, f64, &str)> = comparisons(&all)
        .iter()
        .map(|one| {
            let floor = (one["noise_floor"].as_f64().unwrap() * 100.0).round() / 100.0;
            (one["threads"].as_i64().unwrap(), floor, one["verdict"].as_str().unwrap())
        })
        .collect();
    assert_eq!(shown, [(1, 1.5, "no-difference-shown"), (2, 1.1, "faster")]);
    lab.run("cmp made --metric wall --filter *leak*")
        .exits(0)
        .prints(&["keys=256  (A/A: within a factor of 1.50)", "this rule changed 1 of "]);
    let ran = lab.run("cmp made --metric wall").exits(0);
    assert!(!ran.out.contains("chaining-bucket-lock (A/A)"), "a twin is compared: {}", ran.out);
    lab.run("cmp made --metric wall --controls").exits(0).prints(&["chaining-bucket-lock (A/A) "]);
    let page = lab.run("report made --metric wall").exits(0);
    assert!(lab.read(page.out.trim()).contains("Noise floor: one table measured twice (A/A)"));
}

#[test]
fn exports_for_services() {
    let lab = recorded("quickstart-recorded");
    let bencher = lab.run("export r --format bencher --metric wall").exits(0).out;
    let bencher: Value = serde_json::from_str(&bencher).unwrap();
    assert_eq!(bencher.as_object().unwrap().len(), 48);
    let compared = json(&lab, "cmp r --metric wall --filter papaya*threads=2*reads=50*zipf=0.99*");
    let name = "papaya threads=2 reads=50 zipf=0.99 keys=65536";
    let value = &bencher[name]["throughput"]["value"];
    assert_eq!(*value, comparisons(&compared)[0]["ops_per_sec"]);
    let filtered = "export r --format github-action-benchmark --filter papaya --controls";
    let list: Value = serde_json::from_str(&lab.run(filtered).exits(0).out).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 12);
    lab.run("export r --format bencher --filter nothing").exits(2).says(&["nothing to export"]);
    lab.run("export r").exits(2).says(&["--format"]);
}

/// A row for each subject under each workload, with what tells them apart.
#[test]
fn tables_say_what_their_rows_differ_in() {
    let lab = recorded("reclamation-allocator");
    let ran = lab.run("cmp r --format latex --filter *epoch*").exits(0);
    let ran = ran.prints(&[
        "% In all rows: threads 2, zipf 0, keys 100000",
        "\\toprule\nreads & allocator & subject & ",
    ]);
    let is_row = |line: &&str| line.ends_with(" \\\\") && !line.contains("subject");
    let rows: Vec<&str> = ran.out.lines().filter(is_row).collect();
    let cells = |row: &str| row.split(" & ").take(3).map(str::to_owned).collect::<Vec<_>>();
    let mut told: Vec<Vec<String>> = rows.iter().map(|row| cells(row)).collect();
    assert_eq!(told.len(), 4 * 3, "{}", ran.out);
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 4 * 3, "rows repeat: {}", ran.out);
    let wide = rows.iter().all(|row| row.matches(" & ").count() == 8);
    assert!(wide && ran.out.contains("{rrlrrrrrl}"), "{}", ran.out);
    let with_interval = rows.iter().filter(|row| row.contains("--")).count();
    assert_eq!(with_interval, 4 * 2, "of all but the baseline: {}", ran.out);
    assert!(!ran.out.contains('\u{2013}'), "an interval's dash");
    let markdown = lab.run("cmp r --markdown --filter *epoch*").exits(0);
    markdown.prints(&["| threads | reads | zipf |   keys | allocator | subject"]);
    lab.run("cmp r --format latex --json").exits(2).says(&["--json", "cannot be used"]);
}

#[test]
fn what_a_dry_run_prints_is_what_a_filter_takes() {
    let lab = recorded("reclamation-series");
    let all = json(&lab, "cmp r");
    for (filter, fault) in [("*fault=stalled-reader", "stalled-reader"), ("*keys=100000", "none")] {
        let some = json(&lab, &format!("cmp r --filter {filter}"));
        let of = |value: &Value| {
            let is_it = |one: &&Value| fault == "none" || one["fault"] == fault;
            comparisons(value).iter().filter(is_it).count()
        };
        assert!(of(&some) > 10 && of(&some) <= of(&all), "{filter}");
        let is_asked = |one: &Value| fault == "none" || one["fault"] == fault;
        assert!(comparisons(&some).iter().all(is_asked), "{filter}: {some}");
    }
    lab.run("cmp r --filter *fault=stalled-reader --format latex")
        .exits(0)
        .prints(&["fault=stalled-reader"]);
    let plotted = "plot r --filter *fault=stalled-reader --figure throughput-memory --format svg";
    let ran = lab.run(plotted).exits(0);
    ran.prints(&["throughput-memory.svg\n", "throughput-memory.caption\n"]);
}

#[test]
fn peaks_of_memory_are_compared() {
    let lab = recorded("reclamation-threads");
    let command = "cmp r --metric peak-unreclaimed-bytes --filter *threads=8?reads=0*";
    lab.run(command).exits(0).prints(&["peak bytes", "above 1 is more", "less\n", "11 less"]);
    let all = json(&lab, command);
    assert!(all["rate"].is_null() && all["compared"].as_str().unwrap().contains("Bytes"));
    let hazard = comparisons(&all).iter().find(|one| one["subject"] == "chaining-lock-free/hazard");
    let hazard = hazard.expect("a subject");
    assert_eq!(hazard["verdict"], "less");
    // From the file, by hand.
    let peaks = |reclaimer: &str| -> HashMap<String, f64> {
        let is_one = |row: &HashMap<String, String>| {
            (row["reclaimer"].as_str(), row["threads"].as_str(), row["reads"].as_str())
                == (reclaimer, "8", "0.0")
                && row["twin"] == "false"
        };
        let rows = lab.rows("r").into_iter().filter(is_one);
        rows.map(|row| (row["block"].clone(), row["peak_unreclaimed_bytes"].parse().unwrap()))
            .collect()
    };
    let (ours, theirs) = (peaks("hazard"), peaks("leak"));
    let logs: Vec<f64> = ours.iter().map(|(block, bytes)| (bytes / theirs[block]).ln()).collect();
    let expected = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
    let ratio = hazard["ratio"].as_f64().unwrap();
    assert!((ratio / expected - 1.0).abs() < 1e-9, "{ratio} {expected}");
    // Of two the better one holds fewer bytes.
    let best = json(&lab, &format!("{command} --baseline */leak,*/hazard"));
    let baselines = comparisons(&best).iter().map(|one| one["baseline"].as_str().unwrap());
    assert!(baselines.clone().count() > 5);
    baselines.for_each(|name| assert_eq!(name, "chaining-lock-free/hazard"));
    lab.run("cmp r --metric p99").exits(2).says(&["no latency trial", "[latency]"]);
    for command in ["rank r", "report r", "scaling r", "export r --format bencher"] {
        let said = ["--metric p99.9", "only `bench cmp`"];
        lab.run(&format!("{command} --metric p99.9")).exits(2).says(&said);
    }
}
