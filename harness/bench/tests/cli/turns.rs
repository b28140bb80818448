//! Trials that take turns: sweeps, `bench run`, and what is written of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab;
use crate::support::{Lab, Row, TINY, TINY_CELLS, assert_complete, number};

fn with(setting: &str) -> Lab {
    let lab = lab();
    lab.write("t.toml", TINY.replacen("controls", &format!("{setting}\ncontrols"), 1));
    lab
}

/// The rows of `slices.csv` of each trial, by case and block.
fn slices(lab: &Lab, folder: &str) -> BTreeMap<(String, String), Vec<Row>> {
    let mut trials: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in lab.rows_of(&format!("{folder}/slices.csv")) {
        trials.entry((row["case"].clone(), row["block"].clone())).or_default().push(row);
    }
    trials
}

#[test]
fn the_slices_of_a_trial_are_what_its_row_says() {
    let lab = with("turns.slice = 0.004");
    lab.run("sweep t.toml --out r").exits(0).says(&["by turns, in slices of 0.004 s that settle"]);
    let (rows, slices) = (lab.rows("r"), slices(&lab, "r"));
    assert_complete(&rows, TINY_CELLS, 2);
    assert_eq!(slices.len(), rows.len());
    let mut turns: BTreeMap<(&str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in &rows {
        let own = &slices[&(row["case"].clone(), row["block"].clone())];
        assert_eq!(row["slices"], own.len().to_string());
        assert!(own.len() >= 2, "0.1 s are more than one slice counts, unless it took far longer");
        let sum = |column| own.iter().map(|slice| number(slice, column)).sum::<f64>();
        assert_eq!(sum("ops"), number(row, "ops"));
        assert!((sum("seconds") - number(row, "seconds")).abs() < 1e-6, "{row:?}");
        assert!(number(row, "seconds") >= 0.1, "{row:?}");
        assert!(
            own.iter().map(|slice| number(slice, "round")).eq((0..own.len()).map(|n| n as f64))
        );
        for slice in own {
            assert_eq!(slice["seed"], row["seed"]);
            let round = (&*slice["block"], &*slice["seed"], &*slice["round"]);
            assert!(turns.entry(round).or_default().insert(&slice["turn"]), "two at a time");
        }
    }
    // Two workloads in two blocks, of three trials each.
    let first = turns.iter().filter(|((_, _, round), _)| *round == "0");
    let first: Vec<usize> = first.map(|(_, turns)| turns.len()).collect();
    assert_eq!(first, [3; 4]);
}

#[test]
fn a_plan_says_who_takes_turns_and_in_how_much_memory() {
    let plan = with("").run("sweep t.toml --dry-run").exits(0);
    let said = [
        "by turns, in slices of 0.02 s that settle for 0.005 s, longer for larger tables: 2 groups a block, at most 3",
    ];
    plan.prints(&said).prints(&["trials alive together, for which about ", " MB are expected"]);
    let alone = with("turns = false").run("sweep t.toml --dry-run").exits(0);
    assert!(!alone.out.contains("by turns"), "{}", alone.out);
}

#[test]
fn who_takes_no_turns_is_measured_whole() {
    let lab = with("turns = false");
    lab.run("sweep t.toml --out r").exits(0);
    let rows = lab.rows("r");
    assert_complete(&rows, TINY_CELLS, 2);
    assert!(
        rows.iter().all(|row| row["slices"].is_empty() && row["asleep_cpu_seconds"].is_empty())
    );
    assert!(!lab.path("r/slices.csv").exists());
    lab.write("t.toml", TINY);
    let said = ["another experiment", "turns is not asked for there and slices of 0.02 s"];
    lab.run("sweep t.toml --out r").exits(2).says(&said);
}

#[test]
fn a_trial_that_fails_costs_the_others_nothing() {
    let lab = with("turns.slice = 0.004");
    // The table panics at that number of keys, which is one trial's alone.
    let one = TINY.replacen("controls", "turns.slice = 0.004\nprefill = 1.0\ncontrols", 1);
    let one = one.replacen("[\"leak\", \"epoch\"]", "\"epoch\"", 1).replacen("[1, 2]", "1", 1);
    let hasher = "keys = 128\nhasher = [\"foldhash\", \"adversarial\"]";
    let cuckoo = "[\"chaining-bucket-lock\", \"cuckoo-striped\"]";
    let one = one.replacen("keys = 256", hasher, 1);
    let one = one.replacen("[\"chaining-bucket-lock\", \"chaining-lock-free\"]", cuckoo, 1);
    lab.write("t.toml", one.replace("keys = 128", "keys = 8192"));
    lab.run("sweep t.toml --out r --blocks 1").exits(1).says(&["invalid trial"]);
    let rows = lab.rows("r");
    let failed: Vec<&Row> = rows.iter().filter(|row| row["valid"] != "true").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(
        (&*failed[0]["structure"], &*failed[0]["hasher"]),
        ("cuckoo-striped", "adversarial")
    );
    assert!(failed[0]["ops"].is_empty() && !failed[0]["error"].is_empty());
    assert_eq!(rows.len(), 4);
}

#[test]
fn several_tables_are_run_by_turns() {
    let lab = lab();
    let line = "run --structure chaining-bucket-lock,chaining-lock-free --keys 256 --seconds 0.1";
    let ran = lab.run(&format!("{line} --json")).exits(0);
    let rows: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("structure"), ["chaining-bucket-lock", "chaining-lock-free"]);
    assert!(of("slices").iter().all(|slices| slices.as_u64().unwrap() >= 1), "{}", ran.out);
    assert!(of("valid").iter().all(|valid| valid == true));
    lab.run(line).exits(0).prints(&["chaining-bucket-lock", "chaining-lock-free/epoch"]);
    lab.run(&format!("{line} --rate 1000")).exits(2).says(&["latency trials take no turns"]);
    lab.run(&format!("{line} --preset insert-only")).exits(2).says(&["takes no turns"]);
    lab.run("run --structure chaining-bucket-lock,papyrus")
        .exits(2)
        .says(&["no structure `papyrus`"]);
}

#[test]
fn what_is_no_turn_is_refused() {
    for (setting, said) in [
        ("turns = 3", "`turns` is 3"),
        ("turns.slice = 0", "`slice` is 0"),
        ("turns.settle = 0.02", "nothing is left of a `slice` of 0.02"),
        ("turns.length = 1", "unknown key `length` in [turns]"),
        ("slice = 1", "`slice` belongs in `[turns]`"),
    ] {
        with(setting).run("sweep t.toml --dry-run").exits(2).says(&[said]);
    }
}
