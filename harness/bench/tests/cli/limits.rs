//! What is too large, too long or out of range: it costs itself and nothing else.

use crate::lab;
use crate::support::{Lab, tiny_alone};

/// So many KiB of addresses, as a shell sets it: what a machine has differs.
const LITTLE: &str = "ulimit -v 1500000";

/// One line that says what did not fit, and no backtrace.
#[track_caller]
fn says_what_does_not_fit(lab: &Lab, before: &str, command: &str, parts: &[&str]) {
    let ran = lab.run_after(before, command).exits(1).says(parts);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(lines.len() == 1 && lines[0].starts_with("error: "), "{command}: {lines:#?}");
    assert_eq!(ran.out, "", "{command}");
}

#[test]
fn more_entries_than_any_memory_holds() {
    let lab = lab();
    let listed = lab.run("list structures --json").exits(0).out;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let names = listed["structures"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|structure| structure["name"].as_str().unwrap()).collect();
    assert!(names.len() > 20, "{names:?}");
    // That one keeps none.
    for name in names.into_iter().filter(|name| *name != "no-op") {
        let command = format!("run --structure {name} --preset insert-only --keys 1099511627776");
        let parts = ["no memory for the 1099511627776 entries of ", name, "17592186044416 bytes"];
        says_what_does_not_fit(&lab, "", &command, &parts);
    }
    let bytes = "run --structure chaining-global-lock --key-bytes 65536 --keys 134217728";
    let parts = ["no memory for the keys, which are byte strings", "8798240505856 bytes"];
    says_what_does_not_fit(&lab, LITTLE, bytes, &parts);
}

/// What a table's constructor asks for: no check comes before it.
#[test]
fn a_table_that_does_not_fit() {
    let lab = lab();
    for name in [
        "chaining-global-lock",
        "chaining-bucket-lock",
        "chaining-lock-free",
        "chaining-inline",
        "cuckoo-striped",
        "cuckoo-optimistic",
        "cuckoo-optimistic-items",
        "cow-lock",
        "left-right",
        "sequential",
        "papaya",
        "dashmap",
        "scc-hashmap",
        "flurry",
        "std-rwlock",
    ] {
        // Entries of less than a gibibyte, and arrays of more than half of one.
        let command = format!("run --structure {name} --preset insert-only --keys 67000000");
        let parts = ["no memory for ", name, " with room for 75375064 entries: ", "bytes at once"];
        says_what_does_not_fit(&lab, "ulimit -v 700000", &command, &parts);
    }
}

#[test]
fn more_threads_than_there_can_be() {
    let lab = lab();
    let command = "run --structure chaining-bucket-lock --threads 4096 --keys 64 --no-pin";
    let parts = ["cannot start all threads of the trial: "];
    says_what_does_not_fit(&lab, LITTLE, command, &parts);
}

#[test]
fn a_sweep_goes_on_after_what_does_not_fit() {
    let lab = lab();
    lab.write(
        "e.toml",
        "seed = 1\nseconds = 0.01\nwarmup = 0.001\nblocks = 1\ncontrols = false\n[axes]\n\
         structure = \"chaining-bucket-lock\"\npreset = \"insert-only\"\n\
         keys = [64, 1099511627776]\n",
    );
    let said = ["1 of 2 trials are invalid"];
    lab.run("sweep e.toml --out r").exits(1).says(&said).prints(&["report.html", ".svg"]);
    let rows = lab.rows("r");
    let of = |keys: &str| rows.iter().find(|row| row["keys"] == keys).unwrap();
    assert_eq!(of("64")["valid"], "true");
    let error = &of("1099511627776")["error"];
    let start = "no memory for the 1099511627776 entries of chaining-bucket-lock";
    assert!(error.starts_with(start), "{error}");
}

/// A name of a file may have 255 bytes, and a figure's has more than the trace's.
#[test]
fn long_names_of_traces_cost_no_figure() {
    let lab = lab();
    let names = ["m", "n"].map(|end| "x".repeat(235) + end + ".tr");
    for (name, key) in names.iter().zip(["a", "b"]) {
        let lines: Vec<String> = (0..4).map(|i| format!("{i},{key}{i},2,8,0,set,0\n")).collect();
        lab.write(name, lines.concat());
    }
    let traces = names.each_ref().map(|name| format!("\"{name}\"")).join(", ");
    lab.write(
        "e.toml",
        format!(
            "seed = 1\nseconds = 0.01\nturns = false\nwarmup = 0.001\nblocks = 1\n\
             controls = false\n[axes]\n\
             structure = [\"chaining-bucket-lock\", \"chaining-lock-free\"]\nthreads = [1, 2]\n\
             trace = [{traces}]\n[latency]\nrates = [20000]\nseconds = 0.01\n"
        ),
    );
    lab.run("sweep e.toml --out r").exits(0);
    assert!(lab.path("r/report.html").exists());
    let figures = lab.snapshot("r/figures");
    let threads: Vec<_> = figures
        .keys()
        .filter_map(|path| path.to_str())
        .filter(|name| name.starts_with("throughput-threads-xxx") && name.ends_with(".svg"))
        .collect();
    assert_eq!(threads.len(), 2, "{:?}", figures.keys());
    lab.run("export r --format hgrm").exits(0);
}

/// A file's name may be any text, which figures, pages and the copy of the experiment show.
#[test]
fn any_name_of_a_trace_is_recorded_and_drawn() {
    let lab = lab();
    let names = ["a<b>&\"x", "c\u{1}d", "e\nf", "  ü  ", "%s{}\\$#_~^'"];
    for (i, name) in names.iter().enumerate() {
        lab.write(&format!("{name}.tr"), format!("0,k{i},2,8,0,set,0\n0,{i},2,8,0,get,0\n"));
    }
    let listed = names.map(|name| serde_json::Value::from(format!("{name}.tr")).to_string());
    lab.write(
        "e.toml",
        format!(
            "title = \"a\\u0001<b>\"\nseconds = 0.01\nturns = false\nwarmup = 0.001\nblocks = 1\n\
             controls = false\n[axes]\nstructure = \"chaining-*-lock\"\nthreads = 1\ntrace = [{}]\n",
            listed.join(", ")
        ),
    );
    lab.run("sweep e.toml --out r").exits(0).prints(&["throughput-bars.png"]);
    lab.run("plot r --figure throughput-threads --out drawn").exits(0);
    let drawn = lab.snapshot("drawn");
    let drawn = drawn.keys().filter_map(|path| path.to_str());
    let of = |name: &&str| name.starts_with("throughput-threads-") && name.ends_with(".png");
    assert_eq!(drawn.filter(of).count(), names.len());
    // What was recorded is read again.
    lab.run("sweep e.toml --out r").exits(0).says(&["10 of 10 trials are done"]);
}

#[test]
fn a_figure_that_fails_costs_neither_the_others_nor_the_page() {
    let lab = lab();
    lab.write("tiny.toml", tiny_alone());
    lab.run("sweep tiny.toml --out r --blocks 1").exits(0);
    let whole: Vec<_> = lab.snapshot("r/figures").into_keys().collect();
    std::fs::remove_dir_all(lab.path("r/figures")).unwrap();
    std::fs::remove_file(lab.path("r/report.html")).unwrap();
    let taken = lab.path("r/figures/throughput-threads.svg");
    std::fs::create_dir_all(&taken).unwrap();
    let said = ["cannot write r/figures/throughput-threads.svg"];
    lab.run("sweep tiny.toml --out r --blocks 1")
        .exits(1)
        .says(&said)
        .prints(&["r/figures/throughput-threads.png\n", "r/report.html\n"]);
    let others = lab.snapshot("r/figures").len();
    assert_eq!(others, whole.len() - 1);
    assert!(lab.read("r/report.html").contains("throughput-threads"));
    lab.run("plot r").exits(1).says(&said).prints(&["r/figures/throughput-threads.png\n"]);
    lab.run("report r").exits(0);
}

#[test]
fn numbers_of_a_trace_have_bounds() {
    let lab = lab();
    for (line, what) in [
        ("0,a,8,5000000000,1,get,0", "the value size is `5000000000`, above 4294967295"),
        ("0,a,-1,4,1,get,0", "the key size is `-1`, below 0"),
        ("0,a,8,1.5,1,get,0", "the value size is `1.5`, not a whole number"),
    ] {
        lab.write("t.csv", format!("0,a,8,0,1,get,0\n{line}\n"));
        lab.run("trace show t.csv").exits(2).says(&["t.csv:2: ", what]);
    }
}

#[test]
fn compressed_files_are_said_to_be_so() {
    let lab = lab();
    lab.write("t.zst", b"\x28\xb5\x2f\xfd\x24\x10\x81\0\0");
    let parts = ["t.zst is compressed (zstd)", "unpack it first, as by `zstd -d t.zst`"];
    lab.run("trace show t.zst").exits(2).says(&parts);
    lab.run("run --structure papaya --trace t.zst").exits(2).says(&parts);
    lab.write("e.toml.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    let parts = ["cannot read e.toml.gz: it is compressed (gzip); unpack it first"];
    lab.run("sweep e.toml.gz").exits(2).says(&parts);
    // What is no file of text has no end.
    lab.run("sweep /dev/zero").exits(2).says(&["cannot read /dev/zero: it has more than 16777216"]);
    let endless = ["/dev/zero:1: the line is longer than 65536 bytes"];
    lab.run("trace show /dev/zero").exits(2).says(&endless);
    lab.write("words", b"one \xfd two");
    let count = "seconds = 0.01\nturns = false\nwarmup = 0\nblocks = 1\ncontrols = false\n\
                 [axes]\nstructure = \"chaining-bucket-lock\"\n[aggregate]\nways = \"shared\"\n\
                 text = \"words\"\n";
    lab.write("e.toml", count);
    lab.run("sweep e.toml --out r").exits(1).says(&["aggregate.csv says why"]);
    assert!(lab.read("r/aggregate.csv").contains("it is no text: byte 4 begins no character"));
}
