//! Recorded runs, as they are and edited, and what is said of them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lab;
use crate::support::Lab;

/// A lab with the recorded run `name` in folder `r`.
pub(crate) fn recorded(name: &str) -> Lab {
    let lab = lab();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results").join(name);
    for file in ["experiment.toml", "machine.toml", "trials.csv"] {
        lab.write(&format!("r/{file}"), fs::read(from.join(file)).unwrap());
    }
    lab
}

/// Three schemes of those that are recorded, without the twin: what is tested needs no more.
pub(crate) fn recorded_schemes() -> Lab {
    let lab = recorded("schemes");
    let some = edited(&lab, |row| {
        row["twin"] != "true"
            && ["leak", "epoch", "haphazard", "none"].contains(&row["reclaimer"].as_str())
    });
    lab.write("r/trials.csv", some);
    lab
}

/// The trials of `r`, edited: `edit` gets a row by column, and says whether it stays.
fn edited(lab: &Lab, edit: impl Fn(&mut HashMap<String, String>) -> bool) -> String {
    let text = lab.read("r/trials.csv");
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let mut edited = header.join(",") + "\n";
    for mut row in lab.rows("r") {
        if edit(&mut row) {
            let fields: Vec<&str> = header.iter().map(|column| row[*column].as_str()).collect();
            edited += &(fields.join(",") + "\n");
        }
    }
    edited
}

/// Copies `r` to `to` with its trials [`edited`].
pub(crate) fn edit(lab: &Lab, to: &str, edit: impl Fn(&mut HashMap<String, String>) -> bool) {
    lab.copy("r", to);
    lab.write(&format!("{to}/trials.csv"), edited(lab, edit));
}

pub(crate) fn json(lab: &Lab, command: &str) -> Value {
    serde_json::from_str(&lab.run(&format!("{command} --json")).exits(0).out).unwrap()
}

pub(crate) fn comparisons(value: &Value) -> &Vec<Value> {
    value["comparisons"].as_array().unwrap()
}
