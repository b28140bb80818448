//! The command, as `cargo predict` builds it: `ci/predict.sh`.
#![cfg(simulate)]

mod builds;
mod workloads;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

/// What it does of a spec, on the two-socket machine of 64 cores.
fn predict(spec: &str, options: &[&str]) -> Output {
    // Tests run side by side, and some ask for the same.
    static FOLDERS: AtomicU64 = AtomicU64::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("predict-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the spec");
    let path = folder.join("spec.toml");
    std::fs::write(&path, spec).expect("the spec is written");
    let output = Command::new(env!("CARGO_BIN_EXE_predict"))
        .arg(path)
        .args(["--machine", &machine("xeon-8375c"), "--draws", "0", "--json"])
        .args(options)
        .output()
        .expect("it starts");
    std::fs::remove_dir_all(folder).expect("the folder is there");
    output
}

/// The file of a machine that is shipped.
fn machine(name: &str) -> String {
    format!("{}/../../experiments/machines/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// Its rows.
fn rows(spec: &str, options: &[&str]) -> serde_json::Value {
    let output = predict(spec, options);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The rates of its rows, in their order.
fn rates(spec: &str, options: &[&str]) -> Vec<f64> {
    let rows = rows(spec, options);
    let rate = |row: &serde_json::Value| {
        assert_eq!(row["source"], "predicted");
        let number = |name: &str| row[name].as_f64().expect("a number");
        let (low, rate, high) = (number("low"), number("ops_per_sec"), number("high"));
        assert!(low <= rate && rate <= high, "{row}");
        rate
    };
    rows.as_array().expect("rows").iter().map(rate).collect()
}

#[test]
fn two_runs_print_the_same_bytes() {
    let spec = "[axes]\nstructure = ['chaining-lock-free', 'chaining-bucket-lock']\nreclaimer = ['hazard', 'debra']\n\
                threads = [1, 40]\nreads = 50\nzipf = 0.99\nkeys = 2000\n";
    let once = || predict(spec, &[]).stdout;
    let first = once();
    assert!(first.len() > 500);
    assert_eq!(String::from_utf8(first), String::from_utf8(once()));
}

/// Draws make a band, and without them there is none.
#[test]
fn draws_make_a_band() {
    let spec = "[axes]\nstructure = 'cuckoo-striped'\nthreads = 16\nreads = 50\nkeys = 2000\n";
    for (draws, has_band) in [("0", false), ("2", true)] {
        // The later option counts.
        let rows = rows(spec, &["--draws", draws]);
        let number = |name: &str| rows[0][name].as_f64().expect("a number");
        let (low, rate, high) = (number("low"), number("ops_per_sec"), number("high"));
        assert!(low <= rate && rate <= high, "{rows}");
        assert_eq!(low < high, has_band, "{rows}");
        assert_eq!(rows[0]["draws"].to_string(), draws);
    }
}

/// A lock around all collapses; reads that write nothing scale.
#[test]
fn locks_collapse_and_optimistic_reads_scale() {
    let spec = "[axes]\nstructure = ['chaining-global-lock', 'cuckoo-optimistic']\nthreads = [1, 16]\n\
                reads = 100\nkeys = 10000\n";
    let rates = rates(spec, &[]);
    let [lock, lock_at_16, optimistic, optimistic_at_16] = rates[..] else { panic!("{rates:?}") };
    assert!(lock_at_16 < lock, "{rates:?}");
    assert!(optimistic_at_16 > 12.0 * optimistic, "{rates:?}");
}

/// A lookup of a chained table under locks reads more than the bucket's lock: the chain's nodes are plain
/// memory.
#[test]
fn plain_memory_is_told_of() {
    let spec =
        "[axes]\nstructure = 'chaining-bucket-lock'\nthreads = 1\nreads = 100\nkeys = 20000\n";
    let folder = std::env::temp_dir().join(format!("predicted-{}", std::process::id()));
    let output = predict(spec, &["--out", folder.to_str().expect("a path of words")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let accesses = &column(&folder, "predictions.csv", "accesses")[0];
    // What it is of is there.
    assert!(folder.join("model.toml").is_file() && folder.join("experiment.toml").is_file());
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    let accesses: f64 = accesses.parse().expect("a number");
    assert!(accesses > 4.0, "{accesses} accesses an operation");
}

/// What a scheme does for a reader is seen: over `leak`, which does nothing, so many accesses, and so many cycles of
/// fences and read-modify-writes.
#[test]
fn what_schemes_do_for_readers_is_seen() {
    // A fence takes 33 cycles there, and a read-modify-write 18.
    let schemes = [
        ("qsbr", 1.0, 0.0),
        ("worker-rcu", 1.0, 0.0),
        ("poor-rcu", 4.0, 36.0),
        ("grace-rcu", 3.0, 33.0),
    ];
    for (scheme, accesses, atomics) in schemes {
        let spec = format!(
            "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = ['leak', '{scheme}']\nthreads = 4\nreads = 100\n\
             keys = 2000\n"
        );
        let rows = rows(&spec, &[]);
        let over_leak = |name: &str| {
            let [own, leak] = [1, 0].map(|row| rows[row][name].as_f64().expect("a number"));
            own - leak
        };
        assert_eq!(rows[1]["reclaimer"], scheme);
        assert!(over_leak("accesses") > accesses - 0.01, "{rows}");
        assert!(over_leak("cycles_atomics") > atomics - 0.1, "{rows}");
    }
}

/// The column of that name, of every row of a file.
fn column(folder: &Path, file: &str, name: &str) -> Vec<String> {
    let mut rows = csv::Reader::from_path(folder.join(file)).expect("it is written");
    let names = rows.headers().expect("it has columns").clone();
    let at = names.iter().position(|own| own == name).expect("it has that column");
    rows.records().map(|row| row.expect("which can be read")[at].to_owned()).collect()
}

/// A lock that all wait for is named by its field; nobody has waited longer for another line. And a core's
/// cycles are all there.
#[test]
fn hot_lines_have_the_names_of_fields() {
    let spec = "[axes]\nstructure = 'chaining-bucket-lock'\nthreads = 16\nreads = 0\nzipf = 2\nkeys = 1000\n";
    let folder = std::env::temp_dir().join(format!("hot-{}", std::process::id()));
    let output = predict(spec, &["--out", folder.to_str().expect("a path of words")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hot = |name: &str| column(&folder, "hot-lines.csv", name);
    let (fields, places, shares) = (hot("field"), hot("at"), hot("share"));
    assert_eq!(fields[0], "Bucket.word", "{fields:?}");
    assert!(places[0].starts_with("structures/src/chaining/bucket_lock.rs:"), "{places:?}");
    let share = |share: &String| share.parse::<f64>().expect("a number");
    assert!(
        share(&shares[0]) > 0.5 && shares.iter().map(share).sum::<f64>() < 1.0001,
        "{shares:?}"
    );
    let number = |name: &str| share(&column(&folder, "predictions.csv", name)[0]);
    let parts = [
        "work", "branches", "atomics", "caches", "memory", "upgrades", "near", "far", "queued",
        "pauses", "system",
    ];
    let cycles: f64 = parts.iter().map(|part| number(&format!("cycles_{part}"))).sum();
    let clock = 16.0 * 3.5e9 / number("ops_per_sec");
    assert!((cycles / clock - 1.0).abs() < 0.02, "{cycles} of {clock}");
    assert!(number("failed_cas") > 0.0);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}

/// A lookup in a trie reads the version, two lines of each branch, and the leaf.
#[test]
fn a_trie_is_told_of() {
    let spec =
        "[axes]\nstructure = 'hamt-*'\nreclaimer = 'arc'\nthreads = 1\nreads = 100\nkeys = 20000\n";
    let rows = rows(spec, &[]);
    for row in rows.as_array().expect("rows") {
        // Three of them are `arc`'s.
        let accesses = row["accesses"].as_f64().expect("a number");
        assert!(accesses > 8.0, "{row}");
    }
}

/// A versioned table works a change out anew where another thread was faster, and pays for it each time.
#[test]
fn changes_in_vain_are_paid_for() {
    let spec = "[axes]\nstructure = 'hamt-cas'\nreclaimer = 'leak'\nthreads = [1, 4]\nreads = [100, 80]\nkeys = 500\n";
    let rows = rows(spec, &[]);
    let number = |row: usize, name: &str| rows[row][name].as_f64().expect("a number");
    let [lookup, alone] = [0, 2].map(|row| number(row, "cycles_work"));
    assert_eq!(number(2, "failed_cas"), 0.0);
    // One operation of ten changes something.
    let attempt = (alone - lookup) * 10.0;
    assert!(attempt > 10.0 * lookup, "{rows}");
    let again = number(3, "failed_cas");
    assert!(again > 0.01, "{rows}");
    let more = (number(3, "cycles_work") - alone) / again;
    assert!((more / attempt - 1.0).abs() < 0.25, "{more} of {attempt}: {rows}");
}

/// Of a table whose slots point to items the items are read, too. Buckets alone are in the second cache, and with the
/// items they are not.
#[test]
fn items_are_told_of() {
    let spec = "[axes]\nstructure = 'cuckoo-optimistic-items'\nreclaimer = 'leak'\nthreads = 1\nreads = 100\n\
                keys = 131072\n";
    let rows = rows(spec, &[]);
    let [llc, memory] = ["llc", "memory"].map(|name| rows[0][name].as_f64().expect("a number"));
    assert!(llc + memory > 0.3, "{rows}");
}

/// A lookup under Left-Right arrives, reads the table, a control byte and perhaps an entry, and departs. Who writes
/// takes lines from readers.
#[test]
fn left_right_is_told_of() {
    let spec =
        "[axes]\nstructure = 'left-right'\nthreads = [1, 4]\nreads = [100, 80]\nkeys = 2000\n";
    let rows = rows(spec, &[]);
    let number = |row: usize, name: &str| rows[row][name].as_f64().expect("a number");
    assert!(number(0, "accesses") > 6.3, "{rows}");
    assert!(number(3, "near") > number(1, "near") + 0.2, "{rows}");
    assert!(number(2, "cycles_work") > number(0, "cycles_work"), "{rows}");
}

/// Who applies others' operations pays for it: together threads do more than one does for itself.
#[test]
fn help_is_paid_for() {
    for structure in ["hamt-psim", "log-herlihy"] {
        let spec = format!(
            "[axes]\nstructure = '{structure}'\nreclaimer = 'hazard'\nthreads = [1, 4]\nreads = [100, 80]\nkeys = 500\n"
        );
        let rows = rows(&spec, &[]);
        let work = |row: usize| rows[row]["cycles_work"].as_f64().expect("a number");
        let [lookup, alone, together] = [0, 2, 3].map(work);
        assert!(alone > 2.0 * lookup, "{rows}");
        assert!(together > lookup + 1.6 * (alone - lookup), "{rows}");
    }
}

/// What is published of the machine stands beside the prediction, and may set the work of one thread. The curve of
/// these reads is not the first of the table.
#[test]
fn predictions_stand_beside_what_is_published() {
    let spec =
        "[axes]\nstructure = 'cuckoo-optimistic'\nthreads = [1, 2, 16]\nreads = 50\nkeys = 20000\n";
    for (options, expected) in [(&[][..], None), (&["--at-one-thread", "published"][..], Some(1.0))]
    {
        let output = predict(spec, options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let published = [0, 1, 2].map(|row| rows[row]["published"].as_f64());
        assert_eq!(published, [Some(26e6), None, Some(194e6)]);
        let ratio = rows[0]["ops_per_sec"].as_f64().expect("a rate") / 26e6;
        assert!(expected.is_none_or(|expected: f64| (ratio - expected).abs() < 0.02), "{ratio}");
        let from = if expected.is_some() { "published" } else { "instructions" };
        assert_eq!(rows[1]["work_from"], from);
    }
}

/// A folder has what it was made from: also the options, which say how to repeat it.
#[test]
fn a_folder_says_how_to_repeat_it() {
    let spec = "[axes]\nstructure = 'chaining-inline'\nthreads = 1\nkeys = 1000\n";
    let folder = std::env::temp_dir().join(format!("repeat-{}", std::process::id()));
    // In a folder that is not there either.
    let out = folder.join("deep");
    let out_name = out.to_str().expect("a path of words");
    let options =
        ["--threads", "2,1,2", "--at-one-thread", "4e6", "--draws", "2", "--out", out_name];
    let rows = rows(spec, &options);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    assert_eq!(read("options.txt"), "--draws 2 --threads 2,1,2 --at-one-thread 4000000\n");
    assert_eq!(read("experiment.toml"), spec);
    let model = std::fs::read_to_string(machine("xeon-8375c")).expect("it is shipped");
    assert_eq!(read("model.toml"), model);
    let rates = column(&out, "predictions.csv", "ops_per_sec");
    assert_eq!(rates.len(), 2);
    // As it says: the same.
    let options = read("options.txt");
    let options: Vec<&str> = options.split_whitespace().collect();
    assert_eq!(self::rows(&read("experiment.toml"), &options), rows);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}

/// The folder is made before anything runs: one that cannot be made is no run, and one whose run fails is gone.
#[test]
fn a_folder_is_made_first() {
    let spec = "[axes]\nstructure = 'chaining-inline'\nthreads = 1\nkeys = 1000\n";
    let path = std::env::temp_dir().join(format!("first-{}", std::process::id()));
    let name = path.to_str().expect("a path of words");
    let fails = |out: &str, code: i32| {
        let output = predict(spec, &["--at-one-thread", "1e12", "--out", out]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        stderr
    };
    let said = fails(name, 1);
    assert!(said.contains("cannot do") && !path.exists(), "{said}");
    std::fs::write(&path, "a file").expect("it is written");
    let said = fails(&format!("{name}/below"), 2);
    assert!(said.contains("/below: making it"), "{said}");
    std::fs::remove_file(&path).expect("it is there");
}

/// A row is written as soon as it is there: what ran before a cell that cannot be run is kept, and printed.
#[test]
fn rows_are_written_one_by_one() {
    let folder = std::env::temp_dir().join(format!("one-by-one-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the machine");
    // No core does so much.
    let impossible = "[[published]]\nof = 'a tale'\nstructure = 'chaining-inline'\nreclaimer = 'none'\n\
                      reads = 90\nzipf = 0\nkeys = 1000\nthreads = [1]\nmops = [1e6]\n";
    let model = std::fs::read_to_string(machine("xeon-8375c")).expect("it is shipped");
    std::fs::write(folder.join("model"), model + "\n" + impossible).expect("it is written");
    let [model, out] = ["model", "out"].map(|name| folder.join(name).display().to_string());
    let spec = "[axes]\nstructure = ['cuckoo-striped', 'chaining-inline']\nthreads = [1, 2]\nreads = 90\nkeys = 1000\n";
    let options = ["--machine", &model, "--at-one-thread", "published", "--out", &out];
    for _ in 0..2 {
        let output = predict(spec, &options);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("chaining-inline cannot do"), "{stderr}");
        let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(rows.as_array().map(Vec::len), Some(2));
        let structures = column(Path::new(&out), "predictions.csv", "structure");
        assert_eq!(structures, ["cuckoo-striped", "cuckoo-striped"]);
    }
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}

/// Wherever a run was stopped, the same command goes on behind the last whole row, and writes that and those before
/// it no more.
#[test]
fn a_folder_goes_on_where_it_was() {
    // Two threads wait for the lock of the hottest key.
    let spec = "[axes]\nstructure = 'cuckoo-striped'\nthreads = [1, 2]\nreads = 50\nzipf = 2\nkeys = 1000\n";
    let folder = std::env::temp_dir().join(format!("goes-on-{}", std::process::id()));
    let out = folder.to_str().expect("a path of words");
    let whole = rows(spec, &["--out", out]);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it is there");
    let [all, hot] = ["predictions.csv", "hot-lines.csv"].map(read);
    let ends: Vec<usize> = all.match_indices('\n').map(|(at, _)| at + 1).collect();
    assert_eq!(ends.len(), 1 + 2, "the columns' names, and two rows");
    // In the names, behind them, in each row and behind it; of lines there may be those of a row that is not there.
    for end in ends.iter().flat_map(|end| [end - 3, *end]) {
        std::fs::write(folder.join("predictions.csv"), &all[..end]).expect("it is there");
        std::fs::write(folder.join("hot-lines.csv"), &hot).expect("it is there");
        let again = rows(spec, &["--out", out]);
        let kept = ends.iter().rfind(|own| **own <= end).copied().unwrap_or_default();
        let after = read("predictions.csv");
        assert_eq!(after[..kept], all[..kept]);
        for name in ["structure", "threads"] {
            let cells = |rows: &serde_json::Value| -> Vec<String> {
                (0..2).map(|row| rows[row][name].to_string()).collect()
            };
            assert_eq!(cells(&again), cells(&whole), "{end}");
            let written = column(&folder, "predictions.csv", name);
            let printed = cells(&whole).into_iter().map(|cell| cell.replace('"', ""));
            assert_eq!(written, printed.collect::<Vec<_>>(), "{end}");
        }
        // No line is there twice.
        let lines =
            ["structure", "threads", "rank"].map(|name| column(&folder, "hot-lines.csv", name));
        let places = (0..lines[0].len()).map(|at| lines.each_ref().map(|column| &column[at]));
        let once: std::collections::BTreeSet<_> = places.clone().collect();
        assert_eq!(once.len(), places.count(), "{end}");
    }
    // It is as it was, where there is nothing to do; and nothing else is put into it.
    let before = [all, hot];
    assert_eq!(["predictions.csv", "hot-lines.csv"].map(read), before);
    let others: [(&str, &[&str], &str); 2] =
        [("experiment.toml", &[], "\n"), ("options.txt", &["--threads", "1"], "")];
    for (name, options, more) in others {
        let mut options = options.to_vec();
        options.extend(["--out", out]);
        let output = predict(&format!("{spec}{more}"), &options);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(&format!("its {name} is not what is asked for")), "{stderr}");
    }
    assert_eq!(["predictions.csv", "hot-lines.csv"].map(read), before);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}

/// Each number of threads is predicted once, and each grid's cells at its own.
#[test]
fn grids_have_their_own_threads() {
    let spec = "[axes]\nstructure = 'cuckoo-striped'\nthreads = [2, 1, 2]\nkeys = 1000\n\
                [[also]]\nstructure = 'chaining-inline'\nthreads = 3\nkeys = 1000\n";
    for (options, expected) in [
        (&[][..], &[("cuckoo-striped", 1_u64), ("cuckoo-striped", 2), ("chaining-inline", 3)][..]),
        (&["--threads", "2,2"][..], &[("cuckoo-striped", 2_u64), ("chaining-inline", 2)][..]),
    ] {
        let rows = rows(spec, options);
        let told = rows.as_array().expect("rows").iter().map(|row| {
            let structure = row["structure"].as_str().expect("a name");
            (structure, row["threads"].as_u64().expect("a number"))
        });
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}

/// Without `membarrier`, who reads pays the fence and nobody calls the system; rows say which machine it is.
#[test]
fn a_kernel_may_lack_membarrier() {
    let spec = "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = ['hazard', 'debra', 'ibr']\nthreads = 4\n\
                reads = 50\nkeys = 10000\n";
    let (with, without) = (rows(spec, &[]), rows(spec, &["--without-membarrier"]));
    for at in 0..3 {
        let number = |rows: &serde_json::Value, name: &str| rows[at][name].as_f64().expect(name);
        let [system, atomics] = ["cycles_system", "cycles_atomics"]
            .map(|name| [&with, &without].map(|rows| number(rows, name)));
        assert!(system[0] > 0.0 && system[1] == 0.0, "{system:?}");
        assert!(atomics[0] < atomics[1], "{atomics:?}");
        let name = with[at]["machine"].as_str().expect("a name");
        assert_eq!(without[at]["machine"], format!("{name}, without membarrier"));
    }
}

/// What each thread counts is in a line of its own, also beyond the first 32.
#[test]
fn writes_scale_beyond_32_threads() {
    let spec =
        "[axes]\nstructure = 'cuckoo-optimistic'\nthreads = [32, 64]\nreads = 50\nkeys = 131072\n";
    // The later option counts.
    let rates = rates(spec, &["--machine", &machine("xeon-e7-8880v3")]);
    assert!(rates[1] >= 1.4 * rates[0], "{rates:?}");
}

/// The work of an operation is set so that one thread does what was measured.
#[test]
fn one_thread_does_what_was_measured() {
    let spec = "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'leak'\nthreads = 1\nreads = 90\nkeys = 10000\n";
    let rows = rows(spec, &["--at-one-thread", "4e6"]);
    let rate = rows[0]["ops_per_sec"].as_f64().expect("a rate");
    assert!((rate / 4e6 - 1.0).abs() < 0.02, "{rows}");
    assert_eq!(rows[0]["work_from"], "one thread");
}

/// Which machine cannot do it is said: the draw, if it is one.
#[test]
fn what_one_thread_cannot_do_is_said() {
    let spec = "[axes]\nstructure = 'chaining-inline'\nthreads = 1\nkeys = 1000\n";
    let output = predict(spec, &["--at-one-thread", "1e12"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let said = "chaining-inline cannot do 1.000e12 operations a second on one thread of 2 x Xeon Platinum 8375C \
                (Ice Lake, c6i): ";
    assert!(stderr.contains(said), "{stderr}");
}

/// A share where a percentage belongs is a percentage all the same.
#[test]
fn what_may_not_be_meant_is_said() {
    let said = "note: `reads` is 0.9, which is 0.9 % of the operations";
    for (reads, is_said) in [("0.9", true), ("90", false)] {
        let spec = format!(
            "[axes]\nstructure = 'chaining-inline'\nthreads = 1\nkeys = 1000\nreads = {reads}\n"
        );
        let output = predict(&spec, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr.contains(said), is_said, "{reads}: {stderr}");
    }
}

#[test]
fn what_is_not_modelled_is_refused() {
    let refused = |spec: &str, options: &[&str], expected: &str| {
        let output = predict(spec, options);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    let epoch = "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'epoch'\n";
    refused(epoch, &[], "`epoch` is not modelled");
    refused("[axes]\nstructure = 'papaya'\n", &[], "`papaya` is not modelled");
    refused("[axes]\nstructure = 'chaining-inline'\n", &["--threads", "65"], "has 64 cores");
    let two = "[axes]\nstructure = 'chaining-inline'\nreads = [50, 90]\n";
    refused(two, &["--at-one-thread", "5e6"], "one rate for 2 cells: use `published`, or one cell");
}

/// A file of `bench calibrate`, however roughly it was measured.
#[test]
fn a_machine_that_was_measured_can_be_predicted_on() {
    let effort = calibrate::Effort { batches: 1, memory_bytes: Some(1 << 26) };
    let calibration = calibrate::calibrate(&effort, |_| ()).expect("it measures");
    let provenance = calibrate::Provenance { name: "here".to_owned(), by: "a test".to_owned() };
    let path = std::env::temp_dir().join(format!("predict-{}-machine.toml", std::process::id()));
    std::fs::write(&path, calibration.text(&provenance)).expect("the machine is written");
    let machine = path.to_str().expect("a path of letters");
    let spec = "[axes]\nstructure = 'chaining-bucket-lock'\nthreads = 1\nkeys = 500\n";
    let rates = rates(spec, &["--machine", machine, "--draws", "2"]);
    assert!(rates.len() == 1 && rates[0] > 0.0, "{rates:?}");
    std::fs::remove_file(path).expect("it was written");
}
