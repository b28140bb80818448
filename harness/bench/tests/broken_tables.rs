//! What the results of tables that are wrong look like: one that loses inserts, one that panics,
//! one that ends the process. A sweep over them records each trial as invalid, says why, measures
//! the tables beside them, and exits with 1.
//!
//! The program is its own subject: with `BROKEN_TABLES` set it is the workbench's command line
//! with these tables registered, otherwise it runs itself so and checks what comes out.

#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "cli/support.rs"]
mod support;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Mutex;

use structures::map::{ConcurrentMap, Direct, DirectMap};

use support::{Lab, Row, spec};

/// Set: be the program. Trials inherit it.
const AS_PROGRAM: &str = "BROKEN_TABLES";

/// A correct table but for one of its operations.
struct Table {
    entries: Mutex<HashMap<u64, u64>>,
    defect: Defect,
}

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    /// Says that it has inserted, and has not.
    LosesInserts,
    /// Returns the value of another key.
    MixesUpValues,
    /// Panics in `get`.
    Panics,
    /// Ends the process in `get`.
    Aborts,
}

const DEFECTS: [(&str, Defect); 4] = [
    ("loses-inserts", Defect::LosesInserts),
    ("mixes-up-values", Defect::MixesUpValues),
    ("panics-in-get", Defect::Panics),
    ("aborts-in-get", Defect::Aborts),
];

impl ConcurrentMap<u64, u64> for Table {
    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }
}

impl DirectMap<u64, u64> for Table {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        match self.defect {
            Defect::LosesInserts => self.entries.lock().unwrap().get(key).map(read),
            Defect::MixesUpValues => Some(read(&(key + 1))),
            Defect::Panics => panic!("a bucket was not where it should be"),
            Defect::Aborts => std::process::abort(),
        }
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        if self.defect == Defect::LosesInserts && key.is_multiple_of(8) {
            return true;
        }
        let mut entries = self.entries.lock().unwrap();
        let absent = !entries.contains_key(&key);
        entries.entry(key).or_insert(value);
        absent
    }

    fn update(&self, key: &u64, mut f: impl FnMut(&u64) -> u64) -> Option<u64> {
        let mut entries = self.entries.lock().unwrap();
        let value = entries.get_mut(key)?;
        let new = f(value);
        Some(std::mem::replace(value, new))
    }

    fn upsert(&self, key: u64, mut f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        let mut entries = self.entries.lock().unwrap();
        let new = f(entries.get(&key));
        entries.insert(key, new)
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        self.entries.lock().unwrap().remove(key)
    }

    fn for_each(&self, mut f: impl FnMut(&u64, &u64)) {
        self.entries.lock().unwrap().iter().for_each(|(key, value)| f(key, value));
    }
}

fn main() -> ExitCode {
    if std::env::var_os(AS_PROGRAM).is_some() {
        let register = |bench: harness::Bench, (name, defect): (&str, Defect)| {
            bench.structure_with(name, move |_| Table { entries: Mutex::default(), defect })
        };
        return DEFECTS.into_iter().fold(harness::Bench::new(), register).main();
    }
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var(AS_PROGRAM, "1") };
    let lab = Lab::new(std::env::current_exe().unwrap());
    a_sweep_records_what_went_wrong(&lab);
    a_sweep_without_any_valid_trial_still_ends(&lab);
    a_latency_trial_that_fails_is_recorded(&lab);
    one_trial_says_what_went_wrong(&lab);
    println!("broken tables: ok");
    ExitCode::SUCCESS
}

fn a_sweep_records_what_went_wrong(lab: &Lab) {
    let names: Vec<&str> = DEFECTS.map(|(name, _)| name).to_vec();
    let structures = format!("structure = {names:?}\nthreads = 2\nreads = 50");
    let text = spec(0.1, 2).replace("structure = \"chaining-*-lock\"", &structures);
    lab.write("spec.toml", text.replace("\", \"mixes", "\", \"chaining-bucket-lock\", \"mixes"));
    let ran = lab.run("sweep spec.toml --out r").exits(1);
    let ran = ran.says(&["8 of 10 trials are invalid", "r/trials.csv", "column `error`"]);
    let ran = ran.says(&names);
    ran.prints(&["chaining-bucket-lock", "figures/"]);
    let rows = lab.rows("r");
    assert_eq!(rows.len(), 10);
    let check = |name: &str, parts: &[&str]| {
        let of_name: Vec<&Row> = rows.iter().filter(|row| row["structure"] == name).collect();
        assert_eq!(of_name.len(), 2, "{name}");
        for row in of_name {
            assert_eq!(row["valid"], "false", "{row:?}");
            assert!(parts.iter().all(|part| row["error"].contains(part)), "{row:?}");
        }
    };
    check("loses-inserts", &["entries"]);
    check("mixes-up-values", &["a value belonged to another key"]);
    check("panics-in-get", &["exit code 1", "panicked at", "a bucket was not where"]);
    check("aborts-in-get", &["killed by signal 6"]);
    let beside = rows.iter().filter(|row| row["structure"] == "chaining-bucket-lock");
    assert!(beside.clone().count() == 2 && beside.clone().all(|row| row["valid"] == "true"));
    // What is recorded is not run again, and is no success the second time either.
    let before = lab.snapshot("r");
    lab.run("sweep spec.toml --out r").exits(1).says(&["8 of 10 trials are invalid"]);
    assert!(before == lab.snapshot("r"), "a file changed");
    // Nor by another build of this program, of which no commit knows.
    let machine = lab.read("r/machine.toml");
    let line = machine.lines().find(|line| line.starts_with("programs = ")).expect("a digest");
    lab.write("r/machine.toml", machine.replace(line, "programs = \"0123456789abcdef\""));
    let said = ["another machine or build", "programs: 0123456789abcdef there"];
    lab.run("sweep spec.toml --out r").exits(2).says(&said);
}

fn a_sweep_without_any_valid_trial_still_ends(lab: &Lab) {
    let text = spec(0.01, 1).replace("chaining-*-lock", "aborts-in-get");
    let target = "blocks = 1\ntarget_halfwidth = 0.1\nmax_blocks = 2\n";
    lab.write("none.toml", text.replace("blocks = 1\n", target));
    let said = ["stopped after 1 blocks: no trial counts", "1 of 1 trials are invalid"];
    lab.run("sweep none.toml --out n").exits(1).says(&said);
    lab.run("plot n");
}

fn a_latency_trial_that_fails_is_recorded(lab: &Lab) {
    let text = spec(0.01, 2).replace("chaining-*-lock", "aborts-in-get");
    lab.write("late.toml", text + "[latency]\nrates = 10_000\n");
    let ran = lab.run("sweep late.toml --out l").exits(1);
    ran.says(&["2 of 2 trials are invalid; l/trials.csv", "2 of 2 trials are invalid; l/latency-"]);
    let rows = lab.read("l/latency-trials.csv");
    assert_eq!(rows.matches("killed by signal 6").count(), 2, "{rows}");
    assert_eq!(lab.read("l/latency.csv").lines().count(), 1, "a histogram of a failed trial");
    lab.run("sweep late.toml --out l").exits(1).says(&["4 of 4 trials are done"]);
    lab.run("plot l --figure latency-ccdf").exits(2).says(&["no valid latency trial"]);
}

fn one_trial_says_what_went_wrong(lab: &Lab) {
    let run = "run --seconds 0.01 --keys 64 --threads 2 --reads 50 --structure";
    let ran = lab.run(&format!("{run} loses-inserts --json")).exits(1);
    let ran = ran.says(&["the trial is invalid"]).prints(&["\"valid\":false"]);
    assert_eq!(ran.out.lines().count(), 1);
    lab.run(&format!("{run} panics-in-get")).exits(1).says(&["a bucket was not where"]);
}
