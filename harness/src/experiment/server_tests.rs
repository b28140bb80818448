//! What `[server]` makes of a file, and what it says of mistakes.

use std::collections::HashMap;

use trials::server::{Pattern, ServerLoad, Transport, server_names};

use super::{Experiment, SpecError, is_of_servers};
use crate::case::Case;
use crate::programs::catalogue::Catalogue;
use crate::workload::Length;

fn catalogue() -> Catalogue {
    Catalogue { servers: server_names(&["clock", "lru-list"]), ..Catalogue::default() }
}

/// The file with these lines above its tables, in `[axes]` and in `[server]`.
fn file(top: &str, axes: &str, server: &str) -> String {
    format!("{top}\n[axes]\n{axes}\n[server]\n{server}\n")
}

fn parsed(text: &str) -> Experiment {
    Experiment::parse("e.toml", text, &catalogue()).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(text: &str, parts: &[&str]) {
    let refused: Result<Experiment, SpecError> = Experiment::parse("e.toml", text, &catalogue());
    let error = refused.expect_err(text).to_string();
    for part in parts {
        assert!(error.contains(part), "no `{part}` in {error}");
    }
}

const TWO: &str = "subject = [\"memc3/clock\", \"memcached\"]";

#[test]
fn a_cell_is_a_server_under_a_load() {
    let axes = "pattern = [\"get\", \"multiget\"]\ndepth = [1, 16]\ntransport = \"unix\"\nkeys = 500\n\
                connections = 4\nmib = 8\nlook_aside = true\nthreads = 2\nreads = 90\nvalue_bytes = 100";
    let experiment = parsed(&file("controls = false", axes, TWO));
    assert_eq!(experiment.cases.len(), 2 * 2 * 2);
    let case = experiment.cases.iter().find(|case| {
        let load = case.server.expect("all are servers");
        case.structure == "memcached" && (load.pattern, load.depth) == (Pattern::Multiget, 16)
    });
    let case = case.expect("it is there");
    let expected = ServerLoad {
        pattern: Pattern::Multiget,
        depth: 16,
        connections: 4,
        transport: Transport::Unix,
        mib: 8,
        look_aside: true,
    };
    assert_eq!((case.server, case.threads, case.keys), (Some(expected), 2, 500));
    assert_eq!((case.mix.reads, case.mix.upserts, case.prefill), (90.0, 10.0, 0));
    let lengths = [16, 100].map(|bytes| Some(Length::Bytes(bytes)));
    assert_eq!([case.key_bytes, case.value_bytes], lengths);
    // Without any axis, the defaults; and a second cell of the first server, to see the noise.
    let plain = parsed(&format!("[server]\n{TWO}\n"));
    let twins = |case: &&Case| case.twin;
    assert_eq!((plain.cases.len(), plain.cases.iter().filter(twins).count()), (3, 1));
    assert_eq!(plain.cases[0].server, Some(ServerLoad::default()));
    assert_eq!(plain.cases[0].mix.reads, 100.0);
}

#[test]
fn who_sets_reads_nothing() {
    let experiment = parsed(&file("", "pattern = [\"get\", \"set\"]", TWO));
    for case in &experiment.cases {
        let is_set = case.server.expect("a server").pattern == Pattern::Set;
        assert_eq!(case.mix.reads, if is_set { 0.0 } else { 100.0 });
    }
    refused(&file("", "pattern = [\"get\", \"set\"]\nreads = 50", TWO), &["reads nothing"]);
}

#[test]
fn requests_that_are_sent_with_others_have_no_latency() {
    let latency = "[latency]\nrates = 1000\n";
    let axes = "pattern = [\"get\", \"multiget\"]\ndepth = [1, 16]";
    let experiment = parsed(&(file("", axes, "subject = \"floor\"") + latency));
    let plan = experiment.latency.as_ref().expect("it is asked for");
    let taken: Vec<(Pattern, u32)> = experiment
        .cases
        .iter()
        .filter(|case| plan.takes(case))
        .map(|case| case.server.map(|load| (load.pattern, load.depth)).expect("a server"))
        .collect();
    assert_eq!(taken, [(Pattern::Get, 1), (Pattern::Multiget, 1), (Pattern::Multiget, 16)]);
    assert!(experiment.skipped.concat().contains("no latency of its own"));
    refused(&(file("", "depth = 16", TWO) + latency), &["no cell can have its latency"]);
}

#[test]
fn a_server_that_is_not_there_is_left_out_or_refused() {
    let why = "it is not installed here";
    let mut catalogue = catalogue();
    catalogue.why_no_server = HashMap::from([("memcached".to_owned(), why.to_owned())]);
    let parsed = |subject: &str| Experiment::parse("e.toml", &file("", "", subject), &catalogue);
    let experiment = parsed(TWO).expect("the other one is there");
    assert_eq!(experiment.skipped, [format!("memcached: {why}")]);
    assert!(experiment.cases.iter().all(|case| case.structure == "memc3/clock"));
    let error = parsed("subject = \"memcached\"").expect_err("there is no other").to_string();
    assert!(error.contains(why) && error.contains("no server that can be started"), "{error}");
}

#[test]
fn variants_are_servers_by_their_names() {
    let experiment = parsed(&file("controls = false", "", "subject = \"memc3/clock*\""));
    assert_eq!(experiment.cases.len(), 1);
    let experiment = parsed(&file("controls = false", "", "subject = \"memc3/*:*\""));
    let names: Vec<&str> = experiment.cases.iter().map(|case| case.structure.as_str()).collect();
    assert!(names.contains(&"memc3/lru-list:cas=off") && names.len() == 4, "{names:?}");
}

#[test]
fn mistakes_are_named() {
    refused("[server]\n", &["`[server]` has no `subject`"]);
    refused("server = 1\n", &["`[server]` on a line by itself"]);
    refused(&file("", "", "subject = \"memc3/cloc\""), &["unknown subject", "memc3/clock"]);
    for key in ["prefill = 0.5", "series = true"] {
        refused(&file(key, "", TWO), &["servers have none"]);
    }
    for axis in
        ["structure = \"papaya\"", "fault = \"none\"", "key_bytes = 8", "hasher = \"siphash\""]
    {
        refused(&file("", axis, TWO), &["servers have none", "the axes of servers"]);
    }
    for bytes in ["8", "\"etc\""] {
        refused(&file("", &format!("value_bytes = {bytes}"), TWO), &["values of one length"]);
    }
    for (axis, part) in [
        ("depth = 0", "from 1 to 1000"),
        ("connections = 100000", "from 1 to 10000"),
        ("mib = 0", "from 1 to"),
        ("pattern = \"gets\"", "get, multiget, mg or set"),
        ("transport = \"udp\"", "tcp or unix"),
        ("look_aside = 3", "true or false"),
        ("threads = 2000", "it serves at most 1024"),
    ] {
        let own = file("", axis, "subject = \"memc3/clock\"");
        let refused = Experiment::parse("e.toml", &own, &catalogue()).expect_err(axis).to_string();
        assert!(refused.contains(part), "{axis}: {refused}");
    }
    refused("[axes]\nstructure = \"*\"\ndepth = 4\n", &["the file has no `[server]`"]);
    refused(&(file("", "", TWO) + "[cache]\nsubject = \"x\"\nbytes = 5\n"), &["`server`"]);
}

#[test]
fn a_file_about_servers_is_known_before_it_is_read() {
    assert!(is_of_servers("[server]\nx = 1") && is_of_servers("server = 1"));
    assert!(!is_of_servers("[cache]\n") && !is_of_servers("[server\n") && !is_of_servers(""));
}
