//! The list is whole, and its entries are what they say.

use std::collections::HashSet;

use super::*;
use crate::case::CacheLoad;
use crate::server_load::{Pattern, ServerLoad, Transport};
use crate::trace::TraceId;
use crate::workload::HotSet;

/// A case in which every parameter is special.
fn special() -> Case {
    let mut case = Case::new("papaya", "epoch");
    case.allocator = "mimalloc".to_owned();
    (case.threads, case.zipf, case.keys, case.prefill) = (3, 0.5, 99, 7);
    case.mix =
        crate::mix::Mix { reads: 10.0, inserts: 20.0, removes: 30.0, updates: 35.0, upserts: 5.0 };
    case.distribution = Distribution::HotSet(HotSet { keys: 0.25, operations: 0.75, shift: 12 });
    case.preset = "ycsb-z".to_owned();
    case.capacity = Some(64);
    (case.key_bytes, case.value_bytes) = (Some(Length::Bytes(16)), Some(Length::Etc));
    case.hashing = Hashing::Siphash;
    (case.hash_seed, case.pin, case.batch, case.huge_pages) = (5, false, 16, true);
    (case.reclaim_batch, case.ops_per_pin) = (Some(8), 4);
    (case.fault, case.twin) = (Fault::StalledReader, true);
    case.cache = Some(CacheLoad { bytes: 4096, requests: 10 });
    case.server = Some(ServerLoad {
        pattern: Pattern::Mg,
        depth: 7,
        connections: 3,
        transport: Transport::Unix,
        mib: 5,
        look_aside: true,
    });
    case
}

#[test]
fn every_field_of_a_case_is_in_the_list() {
    let traced = Case {
        trace: Some(TraceId { name: "mail".to_owned(), sha256: "00ff".to_owned(), requests: 4 }),
        distribution: Distribution::Ranked,
        cache: None,
        ..special()
    };
    let replayed =
        Case { cache: special().cache, key_bytes: None, value_bytes: None, ..traced.clone() };
    for case in [special(), traced, replayed, Case::new("no-op", "none")] {
        let mut again = Case::new("", "");
        for parameter in PARAMETERS {
            let column = (parameter.get)(&case).to_string();
            assert!((parameter.set)(&mut again, &column).is_some(), "{}", parameter.name);
        }
        // A field that no entry reads and sets is lost here.
        assert_eq!(again, case);
    }
}

#[test]
fn defaults_are_the_plainest_case() {
    let plain = Case::new("", "");
    let mut names = HashSet::new();
    for parameter in PARAMETERS {
        assert!(names.insert(parameter.name), "{} twice", parameter.name);
        assert!(!parameter.words.is_empty());
        if let Some(default) = parameter.default {
            assert_eq!((parameter.get)(&plain).to_string(), default, "{}", parameter.name);
        }
        if let Some(said) = parameter.said {
            assert_eq!((said.short)(&plain), None, "{}", parameter.name);
            assert_eq!((said.caption)(&plain), None, "{}", parameter.name);
            let is_said = (said.short)(&special()).is_some();
            assert!(is_said || parameter.name == "trace", "{}", parameter.name);
        }
    }
}

#[test]
fn a_setting_of_any_bound_is_of_a_cache_still() {
    let bound = |bytes: u64| {
        let mut case = Case { cache: Some(CacheLoad { bytes, requests: 7 }), ..special() };
        assert!((parameter("cache_bytes").set)(&mut case, "").is_some());
        case
    };
    assert_eq!(bound(1 << 20), bound(4096));
    assert_eq!((parameter("requests").get)(&bound(4096)).to_string(), "7");
    assert_eq!((parameter("cache_bytes").get)(&bound(4096)), Value::Absent);
    let said = [96 << 10, 3 << 30, 1000, 0].map(in_units);
    assert_eq!(said, ["96 KiB", "3 GiB", "1000 B", "0 B"]);
}

#[test]
fn what_is_no_value_is_refused() {
    let case = &mut Case::new("", "");
    for (name, value) in
        [("threads", "many"), ("fault", "rain"), ("distribution", "zipfian"), ("batch", "")]
    {
        assert_eq!((parameter(name).set)(case, value), None, "{name}");
    }
}
