//! What is said of a plan before it runs: what it can call, and what may not be meant.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lab;
use crate::recorded::{recorded, recorded_schemes};
use crate::resume::installed;
use crate::support::{Lab, TINY};

/// The largest ratio that an experiment may need to call it, if ratios vary by 5 % from block to block.
const DECIDED: f64 = 1.15;

/// The experiment files of the repository but those that CI runs for their own sake.
fn experiments() -> Vec<PathBuf> {
    let (mut found, mut folders) =
        (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Small ones of the tests, and machines for `cargo predict`.
            if path.ends_with("test") || path.ends_with("machines") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                found.push(path);
            }
        }
    }
    found
}

/// The ratio above which something is called, if the plan compares anything.
fn called_above(plan: &str) -> Option<f64> {
    assert!(!plan.contains("nothing can be called"), "{plan}");
    let (_, rest) = plan.split_once("ratios above about ")?;
    Some(rest.split_once(' ').unwrap().0.parse().unwrap())
}

#[test]
fn every_experiment_can_decide_what_it_asks() {
    let lab = lab();
    let all = experiments();
    let compare = all.iter().filter(|path| {
        let file = with_made_traces(&lab, path);
        let plan = lab.run(&format!("sweep {} --dry-run", file.display()));
        if plan.err.contains(ON_DEMAND) {
            let name = path.file_name().unwrap();
            assert!(OF_CPP.iter().any(|(file, _)| name == *file), "{}", path.display());
            return false;
        }
        let plan = plan.exits(0);
        let above = called_above(&plan.out);
        assert!(above.is_none_or(|ratio| ratio <= DECIDED), "{}: {above:?}", path.display());
        above.is_some()
    });
    let compare = compare.count();
    assert!(compare >= 20 && compare < all.len(), "{compare} of {}", all.len());
}

/// The experiment at `path`; a copy in the lab, with its traces, if its head says how to make them.
fn with_made_traces(lab: &Lab, path: &Path) -> PathBuf {
    let text = fs::read_to_string(path).unwrap();
    let makes = |line: &str| {
        line.strip_prefix("# cargo run --release -- trace generate ").map(str::to_owned)
    };
    let commands: Vec<String> = text.lines().filter_map(makes).collect();
    if commands.is_empty() {
        return path.to_owned();
    }
    lab.write("experiments/cache/copy.toml", &text);
    lab.write("experiments/traces/README.md", "");
    for command in commands {
        lab.run(&format!("trace generate {command}")).exits(0);
    }
    lab.path("experiments/cache/copy.toml")
}

/// What is said of tables that were not built.
const ON_DEMAND: &str = "is built on demand alone";

/// Experiments with such tables, and these.
const OF_CPP: [(&str, &[&str]); 2] =
    [("cpp-peers.toml", &["tbb-hash-map", "libcuckoo"]), ("cpp-rculfhash.toml", &["rculfhash"])];

#[test]
fn tables_that_are_built_on_demand_say_how() {
    let (_folder, lab) = installed();
    let build = "-p subjects-peers-cpp --features cpp`, where there is a C++ compiler";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    for (file, tables) in OF_CPP {
        lab.write("cpp.toml", fs::read(folder.join(file)).unwrap());
        for option in ["", "--dry-run"] {
            let ran = lab.run(&format!("sweep cpp.toml {option}")).exits(2);
            let ran = ran.says(&[ON_DEMAND, build]);
            for table in tables {
                let said = format!("unknown structure `{table}`");
                assert!(ran.err.contains(&said), "{file}: no {said} in {}", ran.err);
            }
        }
    }
    for command in ["run --structure libcuckoo", "verify --structure libcuckoo"] {
        let said = ["there is no structure `libcuckoo`", ON_DEMAND, build];
        lab.run(command).exits(2).says(&said);
    }
    let said = ["no structure matches `tbb*`", ON_DEMAND, build];
    lab.run("verify --structure tbb*").exits(2).says(&said);
    // A name that no program has stays a riddle.
    let ran = lab.run("run --structure libcukoo").exits(2);
    assert!(!ran.err.contains(ON_DEMAND), "{}", ran.err);
}

/// Its library's threads work while a process should sleep.
#[test]
fn rculfhash_takes_no_turns() {
    let texts = experiments().into_iter().map(|path| fs::read_to_string(path).unwrap());
    let with_it: Vec<String> = texts.filter(|text| text.contains("\"rculfhash\"")).collect();
    assert!(!with_it.is_empty(), "no experiment has it");
    for text in with_it {
        assert!(text.contains("\nturns = false\n"), "{text}");
    }
}

fn tiny(setting: &str) -> Lab {
    let lab = lab();
    lab.write("t.toml", TINY.replacen("controls", &format!("{setting}\ncontrols"), 1));
    lab
}

#[test]
fn a_plan_says_what_it_can_call_by_the_trials_that_there_are() {
    let lab = tiny("");
    let nothing = "of 4 comparisons with chaining-bucket-lock nothing can be called faster or slower: that \
                   takes 6 blocks at least, and these are 2";
    lab.run("sweep t.toml --dry-run").exits(0).prints(&[nothing]);
    lab.run("sweep t.toml --out r --blocks 3").exits(0).says(&["and these are 3"]);
    let assumed = "varies by 5.0 % from block to block (which is assumed";
    let plan = lab.run("sweep t.toml --dry-run --blocks 10").exits(0);
    plan.prints(&["ratios above about 1.0", assumed]);
    // By the folder's own trials, else those beside it, if they took turns as these will.
    for out in ["r", "other"] {
        let plan = lab.run(&format!("sweep t.toml --dry-run --blocks 10 --out {out}")).exits(0);
        plan.prints(&["(as earlier trials of this machine did)"]);
    }
    lab.write("alone.toml", format!("turns = false\n{TINY}"));
    lab.run("sweep alone.toml --dry-run --blocks 10 --out other").exits(0).prints(&[assumed]);
    let machine = lab.read("r/machine.toml");
    let line = machine.lines().find(|line| line.starts_with("kernel = ")).unwrap();
    lab.write("r/machine.toml", machine.replace(line, "kernel = \"0.01\""));
    lab.run("sweep t.toml --dry-run --blocks 10 --out other").exits(0).prints(&[assumed]);
}

#[test]
fn what_may_not_be_meant_is_said() {
    let lab = tiny("");
    lab.write("t.toml", TINY.replacen("reads = 90", "reads = 0.9", 1));
    let share =
        "`reads` is 0.9, which is 0.9 % of the operations; if a share of them is meant, write 90";
    let without = "chaining-bucket-lock: no `reclaimer` is taken there; each runs once";
    lab.run("sweep t.toml --dry-run").exits(0).prints(&[share, without]);
    let ran = lab.run("sweep t.toml --out r --blocks 1").exits(0).says(&[share]);
    assert!(!ran.err.contains(without), "{}", ran.err);
    let run = "run --structure chaining-bucket-lock --keys 64 --seconds 0.01 --reads 0.57";
    lab.run(run).exits(0).says(&["`--reads` is 0.57", "is meant, write 57\n"]);
}

#[test]
fn what_is_no_result_folder_is_said_to_be_so() {
    let lab = recorded("noop");
    lab.write("file", "");
    lab.write("notes/text", "");
    lab.copy("r", "all/r");
    lab.copy("r", "results/noop");
    for command in
        ["cmp", "plot", "report", "rank", "scaling", "export --format bencher", "merge --out m r"]
    {
        for (path, said) in [
            ("nowhere", "there is no folder nowhere"),
            ("noop", "there is no folder noop; did you mean results/noop?"),
            ("file", "file is a file, not a result folder"),
            ("notes", "notes is not a result folder: there is no trials.csv"),
            (
                "all",
                "is not a result folder: there is no trials.csv; 1 inside it are, such as all/r",
            ),
        ] {
            lab.run(&format!("{command} {path}")).exits(2).says(&[said]);
        }
    }
}

#[test]
fn a_baseline_that_is_a_scheme_is_one_of_subjects() {
    let lab = recorded_schemes();
    let said = ["no subject matches `leak`", "did you mean `*/leak`?"];
    lab.run("cmp r --baseline leak").exits(2).says(&said);
    lab.run("cmp r --baseline */leak").exits(0).prints(&["chaining-lock-free/leak"]);
}

#[test]
fn numbers_of_the_command_line_are_asked_for() {
    let lab = lab();
    for (option, value) in [("--keys", "1e6"), ("--threads", "two"), ("--seed", "0x1")] {
        let ran = lab.run(&format!("run --structure papaya {option} {value}")).exits(2);
        ran.says(&[
            &format!("invalid value '{value}' for '{option}"),
            "a whole number, such as 1000",
        ]);
    }
    let said = ["invalid value '-1' for '--zipf <THETA>'", "0 or more"];
    lab.run("run --structure papaya --zipf -1").exits(2).says(&said);
}

#[test]
fn a_plan_without_two_subjects_compares_nothing() {
    let lab = lab();
    lab.write("t.toml", "axes.structure = \"papaya\"\n");
    lab.run("sweep t.toml --dry-run").exits(0).prints(&["no workload has two subjects"]);
}
