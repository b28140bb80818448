use super::*;
use crate::arguments::structures;

fn spec(text: &str) -> anyhow::Result<Spec> {
    Spec::parse(text, &structures())
}

#[test]
fn cells_are_the_product_of_the_axes() {
    let spec = spec(
        "title = 'x'\nseed = 7\nseconds = 0.1\n[axes]\nstructure = ['chaining-lock-free', 'cuckoo-striped']\n\
         reclaimer = ['leak', 'hazard']\nreads = [90, 50]\nzipf = [0.0, 0.99]\nthreads = [8, 2]\nkeys = 1000\n\
         [[also]]\nstructure = 'cuckoo-striped'\nreads = 90\nthreads = 4\nkeys = 1000\n",
    )
    .expect("it is one");
    // Three subjects, two mixes, two skews; what is there already is not there twice, but at more threads.
    assert_eq!((spec.seed, spec.curves.len()), (7, 12));
    for Curve { cell, threads } in &spec.curves {
        let (name, workload) = (cell.structure.as_str(), (cell.reads, cell.zipf));
        let is_again = name == "cuckoo-striped" && workload == (90.0, 0.0);
        let expected = if is_again { &[2, 4, 8][..] } else { &[2, 8][..] };
        assert_eq!(threads, expected, "{cell:?}");
    }
}

/// A scheme that takes a batch has each that is listed; another, and a table without one, its own.
#[test]
fn batches_are_for_schemes_that_take_one() {
    let text = "[axes]\nstructure = ['chaining-lock-free', 'chaining-inline']\nreclaimer = ['leak', 'hazard', 'debra']\n\
                reclaim_batch = [120, 'default']\nkeys = 1000\n";
    let curves = spec(text).expect("it is one").curves;
    let told: Vec<(&str, Option<usize>)> = curves
        .iter()
        .map(|curve| (curve.cell.reclaimer.as_str(), curve.cell.reclaim_batch))
        .collect();
    let expected = [
        ("leak", None),
        ("hazard", Some(120)),
        ("hazard", None),
        ("debra", Some(120)),
        ("debra", None),
        ("none", None),
    ];
    assert_eq!(told, expected);
    for (batch, expected) in [
        ("0", "reclaim_batch = 0: a whole number of retirements from 1 to 1048576"),
        ("1048577", "reclaim_batch = 1048577: a whole number"),
        ("[8, 'own']", "reclaim_batch = \"own\": a whole number"),
        ("2.5", "reclaim_batch = 2.5: a whole number"),
        ("[]", "`reclaim_batch` is an empty list"),
    ] {
        let text = text.replace("[120, 'default']", batch);
        let error = format!("{:#}", spec(&text).expect_err(batch));
        assert!(error.contains(expected), "{batch}: {error}");
    }
    let leak = text.replace("['leak', 'hazard', 'debra']", "'leak'");
    let error = format!("{:#}", spec(&leak).expect_err("it takes none"));
    assert!(error.contains("no subject of this grid takes a `reclaim_batch`"), "{error}");
    let own = leak.replace("[120, 'default']", "'default'");
    assert_eq!(spec(&own).expect("each has its own").curves.len(), 2);
}

/// Upserts are a share of what lookups leave, and a run begins with the keys that they leave there in the long run.
#[test]
fn a_mix_says_what_changes_are() {
    let cells = |mix: &str, reads: &str| -> Vec<PredictedCell> {
        let text =
            format!("[axes]\nstructure = 'chaining-inline'\nkeys = 1001\n{reads}\n[mix]\n{mix}\n");
        let curves = spec(&text).expect("it is one").curves;
        curves.into_iter().map(|curve| curve.cell).collect()
    };
    for (mix, reads, expected) in [
        ("upserts = 100", "reads = [90, 100]", &[(90.0, 10.0, 1001), (100.0, 0.0, 500)][..]),
        ("inserts = 50\nremoves = 50", "", &[(95.0, 0.0, 500)][..]),
        ("inserts = 25\nremoves = 25\nupserts = 50", "reads = 0", &[(0.0, 50.0, 750)][..]),
        ("reads = 80\nupserts = 20", "", &[(80.0, 20.0, 1001)][..]),
    ] {
        let cells = cells(mix, reads);
        let told: Vec<(f64, f64, u64)> =
            cells.iter().map(|cell| (cell.reads, cell.upserts, cell.present())).collect();
        assert_eq!(told, expected, "{mix}, {reads}");
        for cell in &cells {
            let Mix { reads, inserts, removes, updates, upserts } = cell.mix();
            assert_eq!((reads + inserts + removes + updates + upserts, updates), (100.0, 0.0));
        }
    }
    let cell = cells("inserts = 50\nremoves = 50", "reads = 30").remove(0);
    assert_eq!(cell.mix(), Mix::balanced(30.0));
}

#[test]
fn numbers_of_threads_are_there_once() {
    let text = "[axes]\nstructure = 'cuckoo-*'\nthreads = [4, 1, 4]";
    let mut spec = spec(text).expect("it is one");
    assert!(spec.curves.len() > 1 && spec.curves.iter().all(|curve| curve.threads == [1, 4]));
    spec.at(&[2, 8, 2]);
    assert!(spec.curves.iter().all(|curve| curve.threads == [2, 8]));
}

/// Trials that take turns are measured otherwise, and do nothing else.
#[test]
fn how_trials_take_turns_does_not_matter() {
    let plain = "[axes]\nstructure = 'chaining-inline'\nkeys = [1000, 2000]";
    let curves = |text: &str| spec(text).expect("it is one").curves;
    assert_eq!(curves(plain).len(), 2);
    for turns in ["turns = false", "turns = { slice = 0.04 }", "[turns]\nslice = 0.04"] {
        assert_eq!(curves(&format!("blocks = 3\n{turns}\n{plain}")), curves(plain), "{turns}");
    }
}

#[test]
fn what_is_not_seen_is_refused() {
    let refused = |text: &str, expected: &str| {
        let error = format!("{:#}", spec(text).expect_err(text));
        assert!(error.contains(expected), "{text}: {error}");
    };
    refused("[axes]\nstructure = 'papaya'", "`papaya` is not modelled");
    refused(
        "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = 'epoch'",
        "reclaimer `epoch` is not modelled",
    );
    refused(
        "[axes]\nstructure = 'chaining-lock-free'\nreclaimer = ['hazard', 'seize']",
        "reclaimer `seize` is not modelled",
    );
    refused("[axes]\nstructure = 'chaining-inline'\nreclaimer = 'x*'", "`x*` is not modelled");
    refused("[axes]\nstructure = 'chaining-inline'\nhasher = 'ahash'", "axes that are modelled");
    refused(
        "[axes]\nstructure = 'chaining-inline'\n[latency]\nrate = 1",
        "`latency` is not predicted",
    );
    refused("[axes]\nstructure = 'chaining-inline'\nreads = 101", "it is a percentage");
    for (axis, expected) in [
        ("zipf = -0.5", "zipf = -0.5: a finite number"),
        ("zipf = inf", "zipf = inf: a finite number"),
        ("keys = 1", "keys = 1: from 2"),
        ("keys = 1099511627777", "keys = 1099511627777: from 2"),
    ] {
        refused(&format!("[axes]\nstructure = 'chaining-inline'\n{axis}"), expected);
    }
    refused("seed = 'x'\n[axes]\nstructure = 'chaining-inline'", "`seed`: it is a whole number");
    refused("title = 'x'", "it has no [axes]");
    refused(
        "[axes]\nstructure = 'chaining-inline'\n[mix]\nupserts = 9",
        "[mix]: the percentages sum to 9",
    );
    refused(
        "mix = 3\n[axes]\nstructure = 'chaining-inline'",
        "`mix` is not modelled, or no setting",
    );
    refused(
        "[axes]\nstructure = 'chaining-inline'\nreads = 90\n[mix]\nreads = 90\nupserts = 10",
        "[axes]: `reads` is set both here and in [mix]",
    );
    for setting in ["blokcs = 3", "prefill = 0.9", "threads = 4", "trace = 'x'"] {
        let (key, _) = setting.split_once(' ').expect("a key");
        let text = format!("{setting}\n[axes]\nstructure = 'chaining-inline'");
        refused(&text, &format!("`{key}` is not modelled, or no setting"));
    }
    for axis in ["reclaimer", "reclaim_batch", "threads", "reads", "zipf", "keys"] {
        let text = format!("[[also]]\nstructure = 'chaining-inline'\n{axis} = []");
        refused(&text, &format!("[[also]]: `{axis}` is an empty list"));
    }
    refused("[axes]\nstructure = []", "[axes]: `structure` is an empty list");
}
