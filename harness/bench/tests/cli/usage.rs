//! Commands, options, exit codes, and the commands that print.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lab;
use crate::support::{COLUMNS, tiny_alone};

/// Each command with the options of the contract.
const COMMANDS: [(&str, &str); 15] = [
    ("list", "--json"),
    ("sweep", "SPEC --out --blocks --seconds --only --seed --dry-run --fresh --live --shard"),
    (
        "run",
        "--structure --reclaimer --threads --reads --zipf --keys --seconds --seed --json --inserts \
         --removes --updates --prefill --warmup --hash-seed --no-pin --batch --huge-pages --reclaim-batch \
         --ops-per-pin --fault --allocator --upserts --preset --distribution --hot-keys \
         --hot-operations --hot-shift --hasher --key-bytes --value-bytes --trace",
    ),
    ("cmp", "DIR --baseline --filter --metric --controls --across-machines --markdown --json"),
    ("rank", "DIR --baseline --filter --metric --controls --markdown --json"),
    ("scaling", "DIR --filter --metric --controls --markdown --json"),
    ("merge", "DIR --out"),
    ("plot", "DIR --figure --baseline --format --style"),
    ("verify", "--structure --reclaimer --seconds --seed --threads --keys --out --json"),
    ("machine", "--json"),
    ("calibrate", "--out --name --batches --fresh --json"),
    ("trace", "convert generate show"),
    (
        "load",
        "--address --socket --anywhere --connections --seconds --keys --zipf --reads --depth --multiget --rate --json",
    ),
    ("serve", "--store --eviction --reply --transit -m -s"),
    ("hit", "--eviction --keys --zipf --items --bytes --requests --seed --trace --json"),
];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

#[test]
fn help_names_every_command_and_option() {
    let lab = lab();
    let commands = COMMANDS.map(|(command, _)| command);
    let help = lab.run("--help").exits(0).prints(&commands);
    assert_eq!(help.err, "");
    for hidden in ["\n  trial", "verify-subject"] {
        assert!(!help.out.contains(hidden), "a hidden command shows:\n{}", help.out);
    }
    for (command, options) in COMMANDS {
        let options: Vec<&str> = options.split_whitespace().collect();
        let help = lab.run(&format!("{command} --help")).exits(0).prints(&options);
        assert_eq!(help.err, "");
    }
    lab.run("--version").exits(0).prints(&["bench "]);
}

#[test]
fn wrong_usage_is_2_and_goes_to_stderr() {
    let lab = lab();
    lab.run("").exits(2);
    lab.run("sweeep spec.toml").exits(2).says(&["sweeep", "sweep"]);
    lab.run("list --jsn").exits(2).says(&["--jsn", "--json"]);
    lab.run("list nothing").exits(2).says(&["nothing", "structures"]);
    lab.run("sweep").exits(2).says(&["SPEC"]);
    lab.run("plot").exits(2).says(&["DIR"]);
    for option in ["--blocks 0", "--shard 3/2", "--shard 0/2", "--only [", "--seed=-1"] {
        let ran = lab.run(&format!("sweep spec.toml {option}")).exits(2);
        let ran = ran.says(&[option.split([' ', '=']).next().unwrap()]);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn every_variant_has_a_look_of_its_own() {
    let listed = json(&lab().run("list structures --json").exits(0).out);
    let structures = listed["structures"].as_array().unwrap().iter();
    let variants: Vec<&str> = structures
        .flat_map(|structure| structure["variants"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(variants.len() >= 10, "{variants:?}");
    for name in variants {
        assert!(harness::show::plot::style::is_fixed(name), "add {name} to FIXED");
    }
}

#[test]
fn list_shows_all_or_one_kind() {
    let lab = lab();
    let all = lab.run("list").exits(0).prints(&["chaining-lock-free", "epoch", "zipf", "system"]);
    assert_eq!(all.err, "");
    let figures = lab.run("list figures").exits(0).prints(&["throughput-threads"]);
    assert!(!figures.out.contains("chaining-lock-free"), "{}", figures.out);
    let listed = json(&lab.run("list --json").exits(0).out);
    let structures = listed["structures"].as_array().unwrap();
    let lock_free = structures.iter().find(|s| s["name"] == "chaining-lock-free").unwrap();
    assert!(lock_free["reclaimers"].as_array().unwrap().contains(&"epoch".into()));
    assert_eq!(lock_free["progress_is_tested"], false, "not with each of them");
    let pair = |structure: &str, reclaimer: &str| {
        let found = structures.iter().find(|s| s["name"] == structure).unwrap();
        let mut pairs = found["pairs"].as_array().unwrap().iter();
        pairs.find(|pair| pair["reclaimer"] == reclaimer).unwrap().clone()
    };
    let cow = structures.iter().find(|s| s["name"] == "cow-lock").unwrap();
    assert_eq!((&cow["get"], &cow["insert"]), (&"lock-free".into(), &"blocking".into()));
    let trie = structures.iter().find(|s| s["name"] == "hamt-cas").unwrap();
    assert_eq!(trie["get"], "lock-free", "the least of all pairs");
    assert_eq!(pair("hamt-cas", "debra")["get"], "wait-free");
    assert_eq!(pair("hamt-cas", "hazard")["get"], "lock-free");
    let tested = |structure, reclaimer| pair(structure, reclaimer)["progress_is_tested"] == true;
    assert!(tested("chaining-lock-free", "hazard") && tested("cow-lock", "arc"));
    assert!(!tested("chaining-lock-free", "seize") && !tested("papaya", "none"));
    // Our copy on write, of a map that is not ours.
    assert!(!tested("imbl-cas", "epoch"));
    assert_eq!(pair("chaining-lock-free", "hazard")["held"], "constant");
    assert_eq!(pair("chaining-lock-free", "ibr")["held"], "table-size");
    let bundled = pair("hamt-cas", "hazard");
    assert_eq!(
        (&bundled["held"], &bundled["held_is_bounded"]),
        (&"unbounded".into(), &false.into())
    );
    let full = lab.run("list --verbose").exits(0).prints(&[
        "wait-free with leak, debra, qsbr",
        "tested with leak, epoch, hazard, debra",
        "; stated with",
    ]);
    let cuckoo = structures.iter().find(|s| s["name"] == "cuckoo-optimistic").unwrap();
    let variants = cuckoo["variants"].as_array().unwrap();
    assert!(variants.contains(&"cuckoo-optimistic:slots=4".into()), "{cuckoo}");
    assert_eq!((&cuckoo["huge_pages"], &lock_free["huge_pages"]), (&true.into(), &false.into()));
    assert!(lock_free["variants"].as_array().unwrap().is_empty());
    assert!(structures.iter().all(|s| !s["name"].as_str().unwrap().contains(':')));
    for variant in variants {
        assert!(
            full.out.contains(&format!("\n    {}\n", variant.as_str().unwrap())),
            "{}",
            full.out
        );
    }
    for structure in structures {
        let [name, family] = ["name", "family"].map(|key| structure[key].as_str().unwrap());
        let lines =
            all.out.lines().filter(|line| line.split_whitespace().take(2).eq([name, family]));
        assert_eq!(lines.count(), 1, "{name}: {}", all.out);
    }
    let kinds =
        ["reclaimers", "allocators", "servers", "workloads", "presets", "hashers", "figures"];
    for kind in kinds {
        assert!(!listed[kind].as_array().unwrap().is_empty(), "{kind}");
        let alone = json(&lab.run(&format!("list {kind} --json")).exits(0).out);
        assert_eq!(alone.as_object().unwrap().keys().collect::<Vec<_>>(), [kind]);
        assert_eq!(alone[kind], listed[kind]);
    }
}

#[test]
fn list_shows_servers_by_their_stores() {
    let lab = lab();
    let servers = lab.run("list servers").exits(0);
    servers.prints(&["memc3/*", "over-map-qsbr/*", "clock, lru-list", "memcached", "floor"]);
}

#[test]
fn machine_has_a_fingerprint_and_a_verdict() {
    let lab = lab();
    let shown = json(&lab.run("machine --json").exits(0).out);
    let fingerprint = shown["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.len(), 12);
    assert!(!shown["noise"]["verdict"].as_str().unwrap().is_empty());
    assert!(shown["machine"]["cpus"].as_u64().unwrap() > 0);
    let ran = lab.run("machine").exits(0).prints(&[fingerprint, "noise over one second: "]);
    let absent = shown["counters"]["absent"].as_str();
    let counters = absent.unwrap_or("instructions, cycles, llc_misses");
    ran.prints(&[&format!("hardware counters: {counters}\n")]);
}

#[test]
fn hardware_counters_are_measured_or_their_absence_explained() {
    let lab = lab();
    let shown = json(&lab.run("machine --json").exits(0).out);
    let absent = shown["counters"]["absent"].as_str();
    lab.write("tiny.toml", tiny_alone());
    let ran = lab.run("sweep tiny.toml --blocks 1 --out r").exits(0);
    assert_eq!(ran.err.matches("hardware counters: no ").count(), usize::from(absent.is_some()));
    if let Some(why) = absent {
        assert!(ran.err.contains(&format!("hardware counters: {why}\n")), "{}", ran.err);
    }
    for row in lab.rows("r") {
        for column in ["instructions", "cycles", "llc_misses"] {
            let is_absent = absent.is_some_and(|why| why.contains(column));
            assert_eq!(row[column].is_empty(), is_absent, "{column} of {row:?}");
            assert!(is_absent || row[column].parse::<f64>().unwrap() >= 0.0, "{row:?}");
        }
    }
}

const RUN: &str = "run --warmup 0.001 --structure";

#[test]
fn run_prints_one_object_with_the_columns() {
    let lab = lab();
    let all = "--seconds 0.01 --keys 64 --reclaimer leak --threads 2 --reads 40 --inserts 30 --removes 20 --updates 10 \
               --zipf 0.9 --seed 7 --prefill 0.25 --hash-seed 3 --no-pin --json";
    let ran = lab.run(&format!("{RUN} chaining-lock-free {all}")).exits(0);
    assert_eq!((ran.out.matches('\n').count(), ran.err.as_str()), (1, ""));
    let row = json(&ran.out);
    let keys: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    for column in COLUMNS.split_whitespace() {
        assert!(keys.contains(column), "no `{column}`");
    }
    let expected = serde_json::json!({
        "structure": "chaining-lock-free", "reclaimer": "leak", "threads": 2, "reads": 40.0,
        "inserts": 30.0, "removes": 20.0, "updates": 10.0, "zipf": 0.9, "distribution": "zipf",
        "seed": 7, "keys": 64, "prefill": 16, "hash_seed": 3, "pin": false, "valid": true,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&row[key], value, "{key}");
    }
    let words = lab.run(&format!("{RUN} chaining-lock-free --threads 2 --seconds 0.01")).exits(0);
    words.prints(&["chaining-lock-free/epoch", "2 threads, 95 % reads", "Mops/s", "passed"]);
}

#[test]
fn run_takes_batches_huge_pages_and_variants() {
    let lab = lab();
    let few = "--seconds 0.01 --keys 64 --reads 100 --batch 16 --huge-pages";
    let name = "cuckoo-optimistic:exclusion=global-lock,tags=off";
    let row = json(&lab.run(&format!("{RUN} {name} {few} --json")).exits(0).out);
    assert_eq!((&row["structure"], &row["batch"]), (&name.into(), &16.into()));
    assert_eq!((&row["huge_pages"], &row["valid"]), (&true.into(), &true.into()));
    assert!(row["huge_page_bytes"].is_u64() || !cfg!(target_os = "linux"), "{row}");
    let words = lab.run(&format!("{RUN} {name} {few}")).exits(0);
    words.prints(&[
        name,
        "64 keys, lookups in batches of 16, huge pages asked for",
        "on huge pages, bytes",
    ]);
}

#[test]
fn run_takes_presets_and_distributions() {
    let lab = lab();
    let run = format!("{RUN} papaya --seconds 0.05 --keys 4096");
    let listed = json(&lab.run("list presets --json").exits(0).out);
    let presets = listed["presets"].as_array().unwrap();
    assert!(presets.len() >= 10, "{listed}");
    for preset in presets {
        let name = preset["name"].as_str().unwrap();
        let row = json(&lab.run(&format!("{run} --preset {name} --json")).exits(0).out);
        for share in ["reads", "inserts", "removes", "updates"] {
            assert_eq!(row[share], preset["mix"][share], "{name}: {share}");
        }
        assert_eq!((&row["preset"], &row["zipf"]), (&preset["name"], &preset["zipf"]), "{name}");
        assert_eq!(row["valid"], true, "{name}");
        assert!(!preset["source"].as_str().unwrap().is_empty(), "{name}");
    }
    let fills = json(&lab.run(&format!("{run} --preset growth --json")).exits(0).out);
    assert_eq!((&fills["final_len"], &fills["prefill"]), (&4096.into(), &0.into()));
    let hot = "--distribution hot-set --hot-keys 0.5 --hot-shift 9";
    let row = json(&lab.run(&format!("{run} {hot} --json")).exits(0).out);
    assert_eq!((&row["distribution"], &row["hot_keys"]), (&"hot-set".into(), &0.5.into()));
    assert_eq!((&row["hot_operations"], &row["hot_shift"]), (&0.8.into(), &9.into()));
    let words = lab.run(&format!("{run} {hot} --reads 80 --upserts 20")).exits(0);
    words.prints(&["20 % upserts", "keys drawn by hot-set (0.8 of the operations on 0.5"]);
    let words = lab.run("list presets").exits(0);
    words.prints(&["ycsb-d", "latest, θ = 0.99", "SoCC 2010", "ycsb-e cannot be run"]);
}

#[test]
fn every_table_of_byte_strings_runs() {
    let lab = lab();
    let bytes = "--seconds 0.02 --keys 512 --json --key-bytes 20 --value-bytes 100";
    let listed = json(&lab.run("list structures --json").exits(0).out);
    let mut tried = 0;
    for line in listed["structures"].as_array().unwrap() {
        let name = line["name"].as_str().unwrap();
        for reclaimer in line["bytes"].as_array().unwrap() {
            let reclaimer = reclaimer.as_str().unwrap();
            let ran = lab.run(&format!("{RUN} {name} --reclaimer {reclaimer} {bytes}"));
            let row = json(&ran.exits(0).out);
            assert_eq!(
                (&row["key_type"], &row["valid"]),
                (&"bytes".into(), &true.into()),
                "{name}"
            );
            assert_eq!(row["payload_bytes"], 120.0, "{name}");
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried} tables of byte strings");
}

#[test]
fn run_takes_faults_and_pins() {
    let lab = lab();
    let few = "--seconds 0.02 --keys 64 --reads 40 --threads 2";
    for name in ["chaining-lock-free", "chaining-global-lock", "papaya", "no-op"] {
        for fault in ["stalled-reader", "descheduled-writer", "idle-registered", "oversubscribed"] {
            let run = format!("{RUN} {name} {few} --ops-per-pin 5 --fault {fault} --json");
            let row = json(&lab.run(&run).exits(0).out);
            assert_eq!((&row["fault"], &row["threads"]), (&fault.into(), &2.into()), "{name}");
            assert_eq!((&row["ops_per_pin"], &row["valid"]), (&5.into(), &true.into()), "{name}");
        }
    }
    let words = lab.run(&format!("{RUN} papaya {few} --ops-per-pin 5 --fault oversubscribed"));
    words.exits(0).prints(&["64 keys, 5 operations a pin, fault oversubscribed"]);
}

#[test]
fn the_allocator_is_the_one_that_was_asked_for() {
    let lab = lab();
    let run = format!("{RUN} chaining-lock-free --seconds 0.02 --keys 4096 --reads 0 --json");
    for name in ["system", "mimalloc"] {
        let row = json(&lab.run(&format!("{run} --allocator {name}")).exits(0).out);
        assert_eq!((&row["allocator"], &row["valid"]), (&name.into(), &true.into()));
    }
    // The process that runs the trial says what it has, and refuses to run as another.
    let mut told = lab.command(&run);
    told.env("BENCH_ALLOCATOR", "mimalloc");
    let output = told.output().unwrap();
    let row = json(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(row["allocator"], "system", "it begins anew with what the command line says");
}

#[test]
fn what_a_stalled_reader_may_hold_stays_unreclaimed() {
    let lab = lab();
    let run = format!("{RUN} chaining-lock-free --reads 0 --seconds 0.2 --json");
    let row = json(&lab.run(&format!("{run} --fault stalled-reader")).exits(0).out);
    let number = |name: &str| row[name].as_u64().unwrap();
    // Epochs stand still while it is pinned.
    assert!(number("retired") > 100, "{row}");
    assert!(number("peak_unreclaimed") > number("retired") / 2, "{row}");
    assert!(row["discarded"].is_u64(), "{row}");
}

#[test]
fn run_names_what_is_wrong() {
    let lab = lab();
    for (arguments, parts) in [
        ("chaining-lokc-free", ["`chaining-lokc-free`", "did you mean `chaining-lock-free`"]),
        ("chaining-lock-free --reclaimer epcoh", ["`epcoh`", "did you mean `epoch`"]),
        ("chaining-lock-free --reclaimer none", ["`none`", "it takes leak, epoch"]),
        ("papaya --reclaimer epoch", ["does not take", "brings its own: seize"]),
        ("sequential --threads 2", ["`sequential`", "at most 1 thread"]),
        ("papaya --threads 0", ["--threads", "0"]),
        ("papaya --reads 101", ["--reads", "0 to 100"]),
        ("papaya --reads 90 --updates 20", ["100 percent", "110"]),
        ("papaya --zipf=-1", ["--zipf", "0 or more"]),
        ("papaya --zipf NaN", ["--zipf", "finite"]),
        ("papaya --preset ycsb-e", ["`ycsb-e` cannot be run", "keys in their order"]),
        ("papaya --preset ycsb-g", ["unknown preset `ycsb-g`", "did you mean `ycsb-"]),
        ("papaya --preset ycsb-a --zipf 0.5", ["--preset", "--zipf"]),
        ("papaya --preset ycsb-a --prefill 0.5", ["--preset", "--prefill"]),
        ("papaya --preset ycsb-a --batch 4", ["--batch 4 needs --reads 100", "not 50"]),
        ("papaya --preset growth --rate 1000", ["--rate 1000", "ends when it is full"]),
        ("papaya --distribution zipf", ["--distribution zipf", "--zipf above 0"]),
        ("papaya --distribution fresh --zipf 1", ["--distribution fresh", "no skew"]),
        ("papaya --distribution hotset", ["--distribution", "did you mean `hot-set`"]),
        ("papaya --distribution fresh --prefill 1", ["--distribution fresh", "no key is left"]),
        ("papaya --hot-keys 0.1", ["a hot set", "--distribution hot-set"]),
        ("papaya --distribution fresh --hot-shift 1", ["--distribution fresh", "no hot set"]),
        ("papaya --reads 50 --upserts 40", ["upserts must sum to 100", "90"]),
        ("papaya --keys 0", ["--keys", "0"]),
        ("papaya --seconds 0", ["--seconds", "0.001"]),
        ("papaya --prefill 1.5", ["--prefill", "0 to 1"]),
        ("papaya --batch 0 --reads 100", ["--batch", "1..=4096"]),
        ("papaya --batch 16", ["--batch 16 needs --reads 100, not 95", "lookups"]),
        ("papaya --fault stalled", ["--fault", "did you mean `stalled-reader`"]),
        ("papaya --allocator mimaloc", ["`mimaloc`", "did you mean `mimalloc`"]),
        ("papaya --fault 3", ["--fault", "descheduled-writer"]),
        ("sequential --fault idle-registered", ["at most 1 thread", "are 2 in all"]),
        ("papaya --threads 2048 --fault oversubscribed", ["at most 4096", "are 8192 in all"]),
        ("papaya --ops-per-pin 0", ["--ops-per-pin", "1..=4096"]),
        ("papaya --reads 100 --batch 2 --ops-per-pin 4", ["--ops-per-pin 4", "--batch 2"]),
        ("papaya --reclaim-batch 0", ["--reclaim-batch", "1..=1048576"]),
        ("papaya --reclaim-batch 8", ["the reclaimer `none` takes no", "--reclaim-batch"]),
        ("chaining-lock-free --reclaim-batch 8", ["the reclaimer `epoch` takes no", "that do: "]),
        ("papaya --huge-pages", ["`papaya` cannot ask", "those that can are cuckoo-optimistic"]),
        ("cuckoo-optimistic:slot=8", ["`cuckoo-optimistic:slot=8`", "`cuckoo-optimistic:slots=4`"]),
    ] {
        let ran = lab.run(&format!("{RUN} {arguments}")).exits(2).says(&parts);
        assert_eq!(ran.out, "", "{arguments}");
    }
}

/// The names in the first column of the tables of docs/SUBJECTS.md, where a name is in backquotes: those that are
/// always there, and those that are built on demand.
fn documented() -> [BTreeSet<String>; 2] {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SUBJECTS.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (always, on_demand) = page.split_once("\n## Tables in C++\n").unwrap();
    [always, on_demand].map(|part| {
        let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        cells.map(|(name, _)| name.to_owned()).filter(|name| !name.contains('`')).collect()
    })
}

#[test]
fn what_is_listed_is_documented() {
    let lab = lab();
    let listed = json(&lab.run("list --json").exits(0).out);
    let lines = ["structures", "reclaimers"].map(|kind| listed[kind].as_array().unwrap());
    let name = |line: &Value| line["name"].as_str().unwrap().to_owned();
    let names: BTreeSet<String> = lines.into_iter().flatten().map(name).collect();
    let [always, on_demand] = documented();
    assert_eq!(names.difference(&on_demand).collect::<Vec<_>>(), always.iter().collect::<Vec<_>>());
    assert!(on_demand.len() >= 4, "{on_demand:?}");
    for name in on_demand.difference(&names) {
        let run = lab.run(&format!("run --structure {name}")).exits(2);
        run.says(&["is built on demand alone"]);
    }
}
