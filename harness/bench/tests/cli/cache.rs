//! Trials of caches: what they record, how they go on, and what is said of mistakes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lab;
use crate::report::{all, column, page};
use crate::support::{Lab, Row, number};

const SPEC: &str = "title = \"Caches\"\nseed = 5\nblocks = 2\ncontrols = false\n[axes]\nkeys = 5000\n\
    zipf = 0.99\nthreads = [1, 2]\n[cache]\nstore = [\"memc3\", \"sharded\"]\n\
    eviction = [\"clock\", \"lru-list\"]\nbytes = [\"64 KiB\", \"256 KiB\"]\nrequests = 20_000\n";

/// Two stores, two policies, two bounds, on one and on two threads.
const CELLS: usize = 16;

fn asking() -> Lab {
    let lab = lab();
    lab.write("c.toml", SPEC);
    lab
}

/// The rows of both files, of one trial each in the same order.
#[track_caller]
fn assert_whole(lab: &Lab, folder: &str, blocks: usize) -> Vec<(Row, Row)> {
    let trials = lab.rows_of(&format!("{folder}/trials.csv"));
    let caches = lab.rows_of(&format!("{folder}/cache.csv"));
    assert_eq!((trials.len(), caches.len()), (CELLS * blocks, CELLS * blocks));
    for (trial, cache) in trials.iter().zip(&caches) {
        assert_eq!((&*trial["valid"], &*trial["error"]), ("true", ""));
        for key in ["case", "block", "seed", "cache_bytes"] {
            assert_eq!(trial[key], cache[key], "{key}");
        }
        assert_eq!(trial["structure"], format!("{}/{}", cache["store"], cache["eviction"]));
    }
    let places: BTreeSet<_> = trials.iter().map(|row| (&row["case"], &row["block"])).collect();
    assert_eq!(places.len(), trials.len(), "a trial was run twice");
    trials.into_iter().zip(caches).collect()
}

#[test]
fn hits_and_memory_are_recorded_and_shown() {
    let lab = asking();
    let dry = lab.run("sweep c.toml --dry-run").exits(0);
    dry.prints(&["16 cells x 2 blocks = 32 trials, about", "cache_bytes=65536 requests=20000"]);
    let ran = lab.run("sweep c.toml --out r").exits(0);
    ran.prints(&["hit ratio", "memc3/clock", "256 KiB", "r/cache.csv", "hit-ratio.svg"]);
    // Of whichever build it is, so that another one does not go on with it.
    let machine = lab.read("r/machine.toml");
    assert!(machine.contains("\nrustc = "), "{machine}");
    let mut by_case: BTreeMap<(String, u64, String), f64> = BTreeMap::new();
    for (trial, cache) in assert_whole(&lab, "r", 2) {
        assert_eq!((number(&cache, "gets"), number(&trial, "ops")), (10_000.0, 10_000.0));
        let (ratio, bytes) = (number(&cache, "hit_ratio"), number(&cache, "cache_bytes"));
        assert!((ratio - number(&cache, "hits") / 10_000.0).abs() < 1e-9);
        assert_eq!(ratio, number(&cache, "byte_hit_ratio"), "values of one size");
        assert_eq!(number(&cache, "overrun_bytes"), 0.0);
        let items = number(&cache, "items");
        // Keys of 16 bytes, values of 32 and headers of 8.
        assert!(items <= bytes / 56.0, "{items} in {bytes}");
        assert!(number(&cache, "evictions") == 0.0 || items > 0.75 * bytes / 56.0, "{items}");
        assert_eq!(trial["final_len"], cache["items"]);
        if trial["threads"] == "1" {
            let place = (trial["structure"].clone(), bytes as u64, cache["block"].clone());
            by_case.insert(place, ratio);
        }
    }
    for ((name, bytes, block), ratio) in &by_case {
        // One thread hits the same items whatever the store, and more of more memory.
        let other = (name.replace("memc3", "sharded"), *bytes, block.clone());
        assert!((by_case[&other] - ratio).abs() < 0.02, "{name} {bytes} {block}");
        if *bytes == 65_536 {
            assert!(by_case[&(name.clone(), 262_144, block.clone())] > ratio + 0.05);
        }
    }
    lab.run("sweep c.toml --out r").exits(0).says(&["32 of 32 trials are done"]);
    let page = page(&lab, "report r");
    assert_eq!(column(&page, "caches", "hit ratio").len(), CELLS);
    assert!(!all(&page, "#figures svg").is_empty());
}

#[test]
fn what_is_of_caches_alone_is_compared() {
    let lab = asking();
    lab.run("sweep c.toml --out r").exits(0);
    let compared = |more: &str| -> Value {
        let command = format!("cmp r --baseline memc3/lru-list --json {more}");
        serde_json::from_str(&lab.run(&command).exits(0).out).unwrap()
    };
    let field = |json: &Value, name: &str| -> Vec<f64> {
        let all = json["comparisons"].as_array().expect("a list");
        all.iter()
            .map(|one| one[name].as_f64().unwrap_or_else(|| panic!("{name}: {one}")))
            .collect()
    };
    let ratios = field(&compared("--metric hit-ratio"), "hit_ratio");
    // Three others in four workloads.
    assert!(
        ratios.len() == 12 && ratios.iter().all(|ratio| (0.2..1.0).contains(ratio)),
        "{ratios:?}"
    );
    let rates = field(&compared("--metric hits-per-cpu-sec"), "hits_per_cpu_sec");
    assert!(rates.len() == 12 && rates.iter().all(|rate| *rate > 1e3), "{rates:?}");
    assert_eq!(field(&compared("--metric wall"), "ops_per_sec").len(), 12);
    let text = lab.run("cmp r --metric bytes-per-item").exits(0);
    text.prints(&["how much the resident set grew for each item", "memc3/clock"]);
    lab.run("rank r").exits(0).prints(&["sharded/lru-list"]);
    lab.run("plot r --figure hit-ratio --out f").exits(0).prints(&["f/hit-ratio.svg"]);
    lab.run("plot r --figure throughput-threads --out f").exits(0).prints(&["throughput-threads"]);
    lab.write("t.toml", crate::support::tiny_alone());
    lab.run("sweep t.toml --out t").exits(0);
    assert!(!lab.path("t/cache.csv").exists());
    lab.run("cmp t --metric hit-ratio").exits(2).says(&["no trial of a cache", "[cache]"]);
    lab.run("plot t --figure hit-ratio").exits(2).says(&["`hit-ratio` cannot be drawn", "[cache]"]);
    assert!(all(&page(&lab, "report t"), "#caches").is_empty());
}

#[test]
fn parts_are_merged_and_what_was_not_recorded_runs_again() {
    let lab = asking();
    for part in ["1", "2"] {
        lab.run(&format!("sweep c.toml --shard {part}/2 --out p{part}")).exits(0);
    }
    lab.run("merge p2 p1 --out m").exits(0).says(&["32 trials: every cell"]);
    let whole = assert_whole(&lab, "m", 2);
    // A trial whose line is gone is run again, and its other line is not there twice.
    let text = lab.read("m/trials.csv");
    lab.write("m/trials.csv", &text[..text.len() - 9]);
    let ran = lab.run("sweep c.toml --out m").exits(0);
    ran.says(&["cache.csv: cut off", "31 of 32 trials are done"]);
    let again = assert_whole(&lab, "m", 2);
    let hits = |all: &[(Row, Row)], threads: &str| -> BTreeMap<(String, String), String> {
        let own = all.iter().filter(|(trial, _)| trial["threads"] == threads);
        own.map(|(_, cache)| {
            ((cache["case"].clone(), cache["block"].clone()), cache["hits"].clone())
        })
        .collect()
    };
    assert_eq!(hits(&whole, "1"), hits(&again, "1"), "one thread hits the same");
    lab.write("c.toml", SPEC.replace("20_000", "20_002"));
    lab.run("sweep c.toml --out m").exits(2).says(&["another experiment"]);
}

#[test]
fn every_store_and_policy_replays_a_trace_of_each_form() {
    let lab = lab();
    lab.run("trace generate made.csv --requests 3000 --keys 400 --seed 7").exits(0);
    let record = |object: u64| {
        let next = (-1_i64).to_le_bytes();
        [&9_u32.to_le_bytes()[..], &object.to_le_bytes(), &300_u32.to_le_bytes(), &next].concat()
    };
    let records: Vec<u8> = (0..900_u64).flat_map(|i| record(i * i % 97)).collect();
    lab.write("w.oracleGeneral", records);
    lab.write("wide.csv", "id,bytes\n7,300\n9,20\n7,300\n9,21\n");
    lab.run("trace convert --csv key=1,size=2,header wide.csv wide.bin")
        .exits(0)
        .prints(&["keys", "2"]);
    lab.run("trace convert --csv size=2 wide.csv w2.bin")
        .exits(2)
        .says(&["which column is the key"]);
    lab.run("trace show w.oracleGeneral").exits(0).prints(&["requests               900"]);
    let spec = "blocks = 1\ncontrols = false\n[axes]\ntrace = [\"made.csv\", \"w.oracleGeneral\"]\n\
                [cache]\nsubject = \"*\"\nbytes = \"64 KiB\"\n";
    lab.write("t.toml", spec);
    lab.run("sweep t.toml --out r").exits(0).prints(&[
        "made",
        "quick_cache/s3-fifo",
        "moka/tiny-lfu",
    ]);
    let (trials, caches) = (lab.rows_of("r/trials.csv"), lab.rows_of("r/cache.csv"));
    assert_eq!(trials.len(), caches.len());
    for (trial, cache) in trials.iter().zip(&caches) {
        let requests = if trial["trace"] == "made" { 3000.0 } else { 900.0 };
        assert_eq!(number(trial, "ops"), requests / 2.0, "the second half");
        assert!(number(cache, "hits") > 0.0 || cache["eviction"] == "none", "{cache:?}");
    }
    // What is replayed with its sizes has hits of bytes that are no hits of objects.
    let differ = |row: &&Row| row["hit_ratio"] != row["byte_hit_ratio"];
    assert!(caches.iter().filter(differ).count() > 10);
}

#[test]
fn caches_are_listed_and_mistakes_shown_where_they_are() {
    let lab = asking();
    let listed = lab.run("list caches").exits(0);
    listed.prints(&["memc3", "strict", "1 bit", "MemC3, NSDI 2013", "quick_cache", "a hit writes"]);
    let json: Value = serde_json::from_str(&lab.run("list caches --json").exits(0).out).unwrap();
    let clock = json["evictions"].as_array().unwrap().iter().find(|one| one["name"] == "clock");
    assert_eq!(clock.unwrap()["metadata_bits"], 1);
    for (from, to, said) in [
        ("\"memc3\"", "\"memc4\"", "did you mean `memc3`?"),
        ("\"clock\"", "\"clokc\"", "did you mean `clock`?"),
        ("64 KiB", "64 kB", "`bytes` takes a whole number of bytes"),
        ("keys = 5000", "structure = \"papaya\"", "caches have none"),
    ] {
        lab.write("c.toml", SPEC.replace(from, to));
        lab.run("sweep c.toml --dry-run").exits(2).says(&["c.toml:", said]);
    }
    // A value that no page holds is a trial that failed, with its reason.
    let large = "blocks = 1\ncontrols = false\naxes.value_bytes = 65_536\ncache.bytes = \"64 KiB\"\n\
                 cache.subject = \"memc3/clock\"\ncache.requests = 100\n";
    lab.write("c.toml", large);
    let ran = lab.run("sweep c.toml --out l").exits(1);
    ran.says(&["less than a page", "1 of 1 trials are invalid"]);
    assert!(lab.rows_of("l/cache.csv").is_empty());
}
