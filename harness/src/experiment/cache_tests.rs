//! `[cache]`: which caches a file asks for, and what is said of mistakes.

use std::collections::HashMap;

use super::{Experiment, SpecError};
use crate::case::{CacheLoad, Case};
use crate::programs::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};
use crate::workload::Length;

fn entry(name: &str, reclaimers: &[&str]) -> StructureEntry {
    let reclaimers: Vec<String> = reclaimers.iter().map(|name| (*name).to_owned()).collect();
    StructureEntry {
        name: name.to_owned(),
        bytes: reclaimers.clone(),
        reclaimers,
        ..StructureEntry::default()
    }
}

fn read(text: &str) -> Result<Experiment, SpecError> {
    let caches = ["memc3/clock", "memc3/lru-list", "sharded/clock", "sharded/lru-list", "moka/lru"];
    let mut caches: Vec<StructureEntry> = caches.map(|name| entry(name, &["none"])).to_vec();
    caches.push(entry("over/clock", &["epoch", "hazard"]));
    let reclaimers = ["epoch", "hazard"]
        .map(|name| ReclaimerEntry { name: name.to_owned(), takes_batch: name == "hazard" });
    let catalogue = Catalogue {
        structures: vec![entry("a-table", &["none"]), entry("no-op", &["none"])],
        caches,
        no_stall: HashMap::from([("sharded/clock".to_owned(), "it would hold a mutex".to_owned())]),
        reclaimers: reclaimers.to_vec(),
        allocators: vec!["system".to_owned()],
        ..Catalogue::default()
    };
    Experiment::parse("e.toml", text, &catalogue)
}

fn parse(text: &str) -> Experiment {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

fn names(experiment: &Experiment) -> Vec<String> {
    experiment.cases.iter().map(Case::subject).collect()
}

#[test]
fn stores_and_policies_are_crossed_with_bounds_and_the_grid() {
    let plan = parse(
        "controls = false\n[axes]\nthreads = [1, 2]\nzipf = [0.6, 0.99]\n\
         [cache]\nstore = ['memc3', 'moka']\neviction = ['clock', 'l*']\nbytes = ['2 MiB', 1_048_576]\n",
    );
    assert_eq!(plan.cases.len(), 3 * 2 * 2 * 2);
    let mut subjects = names(&plan);
    subjects.dedup();
    assert_eq!(subjects, ["memc3/clock", "memc3/lru-list", "moka/lru"]);
    let missing = ["memc3/lru", "moka/clock", "moka/lru-list"];
    assert_eq!(plan.skipped, missing.map(|name| format!("{name}: there is no such cache")));
    let bounds: Vec<u64> = plan.cases[..2].iter().map(|case| case.cache.unwrap().bytes).collect();
    assert_eq!(bounds, [1 << 20, 2 << 20]);
    let case = &plan.cases[0];
    assert_eq!((case.prefill, case.mix.reads, plan.turns), (0, 100.0, None));
    let lengths = [16, 32].map(|bytes| Some(Length::Bytes(bytes)));
    assert_eq!([case.key_bytes, case.value_bytes], lengths, "those of MemC3's evaluation");
    assert_eq!(case.cache, Some(CacheLoad { bytes: 1 << 20, requests: 2_000_000 }));
}

#[test]
fn without_axes_there_is_a_grid_of_defaults_and_a_twin() {
    let plan = parse("[cache]\nsubject = ['memc3/clock', 'sharded/*']\nbytes = 9\nrequests = 77\n");
    let expected = ["memc3/clock", "sharded/clock", "sharded/lru-list", "memc3/clock (A/A)"];
    assert_eq!(names(&plan), expected, "and no control of tables");
    assert_eq!(plan.cases[3].cache, Some(CacheLoad { bytes: 9, requests: 77 }));
}

#[test]
fn what_is_no_lookup_is_a_set_unless_the_mix_says_otherwise() {
    let of = |mix: &str| {
        let text = format!("axes.reads = 80\ncache.subject = 'moka/lru'\ncache.bytes = 9\n{mix}");
        parse(&text).cases[0].mix
    };
    assert_eq!((of("").reads, of("").upserts), (80.0, 20.0));
    let mix = of("mix.upserts = 50\nmix.removes = 50\n");
    assert_eq!((mix.upserts, mix.removes), (10.0, 10.0));
}

#[test]
fn reclaimers_and_faults_are_of_those_that_have_them() {
    let plan = parse(
        "controls = false\n[axes]\nreclaimer = ['epoch', 'hazard']\nfault = 'stalled-reader'\n\
         [cache]\nstore = ['memc3', 'sharded', 'over']\neviction = 'clock'\nbytes = '1 GiB'\n",
    );
    assert_eq!(names(&plan), ["memc3/clock", "over/clock/epoch", "over/clock/hazard"]);
    assert_eq!(plan.skipped, ["sharded/clock under stalled-reader: it would hold a mutex"]);
}

#[test]
fn a_trace_has_its_own_sizes_and_number_of_requests() {
    let text = |more: &str| {
        format!(
            "controls = false\n[traces.'t.csv']\nsha256 = '77'\nkeys = 30\ngets = 100\n[axes]\n\
             trace = 't.csv'\n[cache]\nsubject = 'moka/lru'\nbytes = 9\n{more}"
        )
    };
    let case = &parse(&text("")).cases[0];
    assert_eq!((case.key_bytes, case.cache.unwrap().requests, case.keys), (None, 100, 30));
    assert_eq!(parse(&text("requests = 50")).cases[0].cache.unwrap().requests, 50);
    let error = read(&text("requests = 101")).unwrap_err();
    assert!(error.to_string().contains("the trace t has 100 requests, fewer than `requests`"));
    let error = read(&text("").replace("trace =", "key_bytes = 9\ntrace =")).unwrap_err();
    assert!(error.to_string().contains("a trace has its own sizes"), "{error}");
}

/// Each text has one mistake: what is said of it, and the help.
#[test]
fn mistakes_are_named_with_what_would_be_right() {
    let fine = "[cache]\nsubject = 'memc3/clock'\nbytes = 4096\n";
    for (text, message, help) in [
        ("cache = 3\n", "`cache` is 3", "a table: `[cache]`"),
        ("[cache]\nsubject = 'memc3/clock'\n", "`[cache]` has no `bytes`", "bytes = [\"64 MiB\"]"),
        (
            "[cache]\nbytes = 9\neviction = 'clock'\n",
            "`[cache]` has no `store`",
            "store = \"memc3\"",
        ),
        ("[cache]\nbytes = 9\nstore = 'moka'\n", "`[cache]` has no `eviction`", "list caches"),
        (
            "[cache]\nbytes = 9\nstore = 'memc2'\neviction = 'clock'\n",
            "unknown store `memc2`",
            "did you mean `memc3`?",
        ),
        (
            "[cache]\nbytes = 9\nstore = 'memc3'\neviction = 'clok'\n",
            "unknown eviction `clok`",
            "did you mean `clock`?",
        ),
        (
            "[cache]\nbytes = 9\nsubject = 'memc3/lru'\n",
            "unknown subject `memc3/lru`",
            "did you mean",
        ),
        (
            "[cache]\nbytes = 9\nsubject = 'moka/lru'\nstore = 'moka'\n",
            "`[cache]` has both `subject` and `store`",
            "leave one out",
        ),
        (
            "[cache]\nbytes = 9\nstore = ['memc3', 'moka']\neviction = 'clock'\n",
            "`[cache]` has no cache with `moka`",
            "there are moka/lru",
        ),
        ("[cache]\nsubject = 'moka/lru'\nbytes = '9 MB'\n", "`bytes` is a string", "\"64 MiB\""),
        ("[cache]\nsubject = 'moka/lru'\nbytes = 0\n", "`bytes` is 0", "from 1 to"),
        (
            "[cache]\nsubject = 'moka/lru'\nbytes = 9\nrequests = 1\n",
            "`requests` is 1",
            "from 2 to",
        ),
        (
            "[cache]\nsubject = 'moka/lru'\nbytes = 9\npolicy = 'lru'\n",
            "unknown key `policy` in [cache]",
            "it is called `eviction`",
        ),
        (&format!("seconds = 1\n{fine}"), "`seconds` is set in the file", "its `requests`"),
        (&format!("{fine}[latency]\nrates = 9\n"), "`latency` is set in the file", "leave it out"),
        (&format!("{fine}[turns]\nslice = 9\n"), "`turns` is set in the file", "leave it out"),
        (
            &format!("{fine}[axes]\nstructure = 'a-table'\n"),
            "`structure` is set in [axes]",
            "store",
        ),
        (&format!("{fine}[axes]\nbatch = 4\n"), "`batch` is set in [axes]", "leave it out"),
        (
            &format!("{fine}[axes]\ndistribution = 'latest'\nzipf = 0.9\n"),
            "`latest` draws keys of a range that does not stay",
            "zipf, uniform, hot-set and sequential",
        ),
        (
            &format!("{fine}[axes]\nfault = 'idle-registered'\n"),
            "caches have no trials under the fault idle-registered",
            "stalled-reader",
        ),
        (
            "[axes]\nstructure = 'a-table'\nstore = 'memc3'\n",
            "unknown key `store` in [axes]",
            "`[cache]`",
        ),
    ] {
        let error = read(text).expect_err(text);
        let [problem] = error.problems() else { panic!("{text}: {error}") };
        assert!(problem.message.starts_with(message), "{text}: {error}");
        assert!(problem.help.contains(help), "{text}: {error}");
    }
}
