//! What a cell is beside its subject and threads.

use super::{column, machine, predict, rows};

/// An upsert links a node in place of the one that is there, in lists that are twice as long where nothing is removed.
/// What is published of such a mix stands beside it.
#[test]
fn upserts_are_predicted() {
    let spec = |reads: u64, keys: u64, mix: &str| {
        format!(
            "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'leak'\nthreads = 1\nreads = {reads}\n\
             keys = {keys}\n[mix]\n{mix}\n"
        )
    };
    let halves = "inserts = 50\nremoves = 50";
    let each = [halves, "upserts = 100"].map(|mix| rows(&spec(0, 2000, mix), &[]));
    for name in ["accesses", "cycles_work"] {
        let [changes, upserts] =
            each.each_ref().map(|rows| rows[0][name].as_f64().expect("a number"));
        assert!(upserts > changes + 1.0, "{name}: {changes} and {upserts}");
    }
    assert_eq!(each.map(|rows| rows[0]["upserts"].as_f64()), [Some(0.0), Some(100.0)]);
    // The later option counts.
    let haswell = machine("xeon-e7-8880v3");
    let options = ["--machine", haswell.as_str()];
    for (mix, published) in [(halves, None), ("upserts = 100", Some(3.78e6))] {
        let rows = rows(&spec(90, 100_000, mix), &options);
        assert_eq!(rows[0]["published"].as_f64(), published, "{mix}: {rows}");
    }
}

/// A scheme scans after as many retirements as is asked for; each scan of hazard pointers is a system call.
#[test]
fn batches_are_predicted() {
    let spec = "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = ['leak', 'hazard']\nreclaim_batch = ['default', 4]\n\
                threads = 4\nreads = 0\nkeys = 2000\n";
    let rows = rows(spec, &[]);
    let batches = [0, 1, 2].map(|row| rows[row]["reclaim_batch"].as_u64());
    assert_eq!(batches, [None, None, Some(4)], "{rows}");
    let system = |row: usize| rows[row]["cycles_system"].as_f64().expect("a number");
    let [leak, own, small] = [0, 1, 2].map(system);
    assert!(leak == 0.0 && own > 0.0 && small > 10.0 * own, "{rows}");
}

/// If that is asked for, what cores free of each other's goes back: arenas are waited for, and told by name. Runs repeat,
/// and rows and options say it.
#[test]
fn an_allocator_is_modelled_if_that_is_asked_for() {
    let folder = std::env::temp_dir().join(format!("allocator-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the machine");
    let [model, out] = ["model.toml", "out"].map(|name| folder.join(name));
    let of_glibc = "\n[allocator]\ncached = { is = 7, source = 's' }\ngiven_back = { is = 1, source = 's' }\n\
                    taken = { is = 7, source = 's' }\n";
    let text = std::fs::read_to_string(machine("xeon-8375c")).expect("it is shipped");
    std::fs::write(&model, text + of_glibc).expect("it is written");
    let [model_name, out_name] = [&model, &out].map(|path| path.to_str().expect("of words"));
    let spec = "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'debra'\nreclaim_batch = 16\nthreads = 16\n\
                reads = 0\nkeys = 2000\n[mix]\nupserts = 100\n";
    let plain = rows(spec, &["--machine", model_name]);
    let told = rows(spec, &["--machine", model_name, "--with-allocator", "--out", out_name]);
    assert_eq!(told, rows(spec, &["--machine", model_name, "--with-allocator"]));
    let handed_over = |rows: &serde_json::Value| {
        let [near, far] = ["near", "far"].map(|name| rows[0][name].as_f64().expect("a number"));
        near + far
    };
    assert!(handed_over(&told) > handed_over(&plain), "{plain}\n{told}");
    let name = plain[0]["machine"].as_str().expect("a name");
    assert_eq!(told[0]["machine"], format!("{name}, with its allocator"));
    let fields = column(&out, "hot-lines.csv", "field");
    assert!(fields.iter().any(|field| field.starts_with("arena of core ")), "{fields:?}");
    let options = std::fs::read_to_string(out.join("options.txt")).expect("it is written");
    assert_eq!(options, "--draws 0 --with-allocator\n");
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    let output = predict(spec, &["--with-allocator"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("has no [allocator]"), "{stderr}");
}

/// A table whose memory no scheme frees has the same predictions with an allocator as without; so it is said.
#[test]
fn what_no_scheme_frees_is_said() {
    let spec = "[axes]\nstructure = ['chaining-bucket-lock', 'chaining-lock-free']\nreclaimer = 'debra'\nthreads = 1\n\
                keys = 1000\n";
    let haswell = machine("xeon-e7-8880v3");
    for (options, is_said) in [(&["--with-allocator"][..], true), (&[][..], false)] {
        let output = predict(spec, &[&["--machine", haswell.as_str()][..], options].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let said = "chaining-bucket-lock: no scheme frees its memory";
        assert_eq!(stderr.contains(said), is_said, "{stderr}");
        assert!(!stderr.contains("debra: no scheme"), "{stderr}");
    }
}

/// Batches that are set to one published rate do not show what a batch costs one thread; so it is said.
#[test]
fn batches_at_one_published_rate_are_said() {
    let published = "\n[[published]]\nof = 'a tale'\nstructure = 'chaining-lock-free'\nreclaimer = 'hazard'\n\
                     reads = 90\nzipf = 0\nkeys = 1000\nthreads = [1]\nmops = [2]\n";
    let model = std::env::temp_dir().join(format!("batches-{}.toml", std::process::id()));
    let text = std::fs::read_to_string(machine("xeon-8375c")).expect("it is shipped");
    std::fs::write(&model, text + published).expect("it is written");
    let model_name = model.to_str().expect("of words");
    let set = &["--at-one-thread", "published"][..];
    for (batches, set, is_said) in
        [("['default', 4]", set, true), ("4", set, false), ("['default', 4]", &[][..], false)]
    {
        let spec = format!(
            "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'hazard'\nreclaim_batch = {batches}\n\
             threads = 1\nreads = 90\nkeys = 1000\n"
        );
        let output = predict(&spec, &[&["--machine", model_name][..], set].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let said = "chaining-lock-free/hazard: each batch is set to the one rate that is published";
        assert_eq!(stderr.contains(said), is_said, "{batches}: {stderr}");
    }
    std::fs::remove_file(&model).expect("it was written");
}

/// Where nothing is published the work is that of instructions, as without the option; so it is said.
#[test]
fn what_nobody_has_published_is_said() {
    for (keys, is_said) in [(20_000, false), (1000, true)] {
        let spec = format!(
            "[axes]\nstructure = 'cuckoo-optimistic'\nthreads = 1\nreads = 50\nkeys = {keys}\n"
        );
        let output = predict(&spec, &["--at-one-thread", "published"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let said = "no rate at one thread is published of some of its cells";
        assert_eq!(stderr.contains(said), is_said, "{keys}: {stderr}");
    }
}

/// Many threads that mostly read retire too few nodes in a run for any to be freed; so it is said.
#[test]
fn a_run_too_short_to_free_anything_is_said() {
    let spec = |reads: u64, batch: &str, threads: usize| {
        format!(
            "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = ['leak', 'hazard']\nreclaim_batch = {batch}\n\
             threads = {threads}\nreads = {reads}\nkeys = 2000\n"
        )
    };
    for (reads, batch, threads, is_said) in [
        (90, "'default'", 1, false),
        (90, "'default'", 64, true),
        (90, "1", 64, false),
        (100, "'default'", 64, false),
    ] {
        let output = predict(&spec(reads, batch, threads), &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let said = format!("hazard at {threads}: no thread retires as many nodes");
        assert_eq!(stderr.contains(&said), is_said, "{reads}, {batch}: {stderr}");
        assert!(!stderr.contains("leak at 64: no"), "{stderr}");
    }
}

/// A run can be made long enough, and its rows say that it is longer.
#[test]
fn a_run_can_be_longer() {
    let spec = "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'hazard'\nthreads = 6\nreads = 90\nkeys = 2000\n";
    for (options, is_short) in [(&[][..], true), (&["--operations-each", "16000"][..], false)] {
        let output = predict(spec, options);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr.contains("hazard at 6: no thread retires as many"), is_short, "{stderr}");
        let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let name = rows[0]["machine"].as_str().expect("a name");
        assert_eq!(name.ends_with(", 16000 operations of each thread"), !is_short, "{name}");
    }
}
