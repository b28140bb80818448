//! What a cell is beside its subject and threads.

use super::{machine, rows};

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
