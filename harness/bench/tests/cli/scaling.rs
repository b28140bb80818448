//! `bench scaling`, on recorded runs.

use crate::recorded::{json, recorded};

#[test]
fn laws_with_intervals_of_what_has_four_numbers_of_threads() {
    let lab = recorded("versioned-writers");
    let command = "scaling r --filter *herlihy*";
    lab.run(command).exits(0).prints(&[
        "λ (Mops/s)",
        "\nreads=0 zipf=0 keys=100000",
        "log-herlihy/",
    ]);
    lab.run(&format!("{command} --markdown")).exits(0).prints(&["| workload", "| log-herlihy/"]);
    let value = json(&lab, command);
    let law = &value["scaling"][0];
    assert_eq!(law["threads"], serde_json::json!([1, 2, 4, 16]));
    assert_eq!((&law["oversubscribed"], &law["blocks"]), (&true.into(), &8.into()));
    // Sixteen threads on two CPUs have no clean windows.
    assert_eq!(value["rate"], "rate over all wall time");
    for name in ["lambda_ops_per_sec", "sigma", "kappa"] {
        let number = |key: &str| law[name][key].as_f64().unwrap();
        let [low, high] = [0, 1].map(|end| law[name]["interval"][end].as_f64().unwrap());
        assert!(low >= 0.0 && low <= number("value") && number("value") <= high, "{name}: {law}");
    }
}

#[test]
fn too_few_numbers_of_threads_are_refused_with_the_reason() {
    let lab = recorded("quickstart-recorded");
    lab.run("scaling r").exits(2).says(&[
        "there is no law to fit",
        "3 numbers of threads",
        "more:",
    ]);
    lab.run("scaling r --filter nothing").exits(2).says(&["--filter nothing leaves no cell"]);
    let plot = lab.run("plot r --figure scaling-usl");
    plot.exits(2).says(&["`scaling-usl` cannot be drawn", "four numbers of threads"]);
}
