//! Every cache, in small trials.

use table::cache::{
    CacheEntry, CacheKeys, CacheMaker, CacheOptions, CacheRequest, CacheTally, TraceClock,
};
use table::{Length, Op};
use trials::cache::{CacheSpec, Cached};
use trials::case::{CacheLoad, Case};
use trials::fault::Fault;
use trials::serve::try_cache;

/// A trial of a small case, changed by `change`: keys of 16 and values of 32 bytes, drawn alike from
/// 20,000, of which a tenth fit by their lengths alone. The cache takes the first of its reclaimers.
fn run_small(caches: &[CacheMaker], name: &str, change: impl Fn(&mut Case)) -> Cached {
    let found = caches.iter().find(|cache| cache.entry.name() == name).unwrap();
    run_under(caches, (name, &found.entry.reclaimers[0]), change)
}

/// The same of a cache with this reclaimer.
fn run_under(
    caches: &[CacheMaker],
    (name, reclaimer): (&str, &str),
    change: impl Fn(&mut Case),
) -> Cached {
    let mut case = Case { keys: 20_000, prefill: 0, pin: false, ..Case::new(name, reclaimer) };
    (case.mix.reads, case.mix.inserts, case.mix.removes) = (100.0, 0.0, 0.0);
    (case.key_bytes, case.value_bytes) = (Some(Length::Bytes(16)), Some(Length::Bytes(32)));
    case.cache = Some(CacheLoad { bytes: 96_000, requests: 40_000 });
    change(&mut case);
    try_cache(caches, &CacheSpec { case, seed: 5, trace_file: None })
        .unwrap_or_else(|error| panic!("{name} {reclaimer}: {error:#}"))
}

#[test]
fn each_hits_about_what_fits_and_is_itself_again() {
    let caches = subjects_caches::caches();
    for cache in &caches {
        let CacheEntry { eviction, is_strict, .. } = &cache.entry;
        let name = cache.entry.name();
        let cached = run_small(&caches, &name, |_| {});
        assert_eq!(cached.measured.failures, [""; 0], "{name}");
        assert_eq!(cached.tally.gets, 20_000, "{name}");
        let items = cached.state.items;
        // Headers, and what pages have left over or a table adds, are in ours.
        assert!((400..=2000).contains(&items), "{name}: {items}");
        let (ratio, there) = (cached.tally.hits as f64 / 20_000.0, items as f64 / 20_000.0);
        assert!((ratio - there).abs() < 0.02, "{name}: {ratio} hit, {there} there");
        let refuses = eviction == "none";
        assert_eq!(cached.tally.refused > 0, refuses, "{name}");
        let evicts = cached.state.evictions.map(|evictions| evictions > 0);
        assert!(evicts.is_none_or(|evicts| evicts != refuses), "{name}");
        assert!(!is_strict || evicts.is_some() && cached.peak_memory_bytes <= 96_000, "{name}");
        // What is not known is not 0.
        let index = cached.state.index_bytes.map(|bytes| bytes > 0);
        assert_eq!(index, is_strict.then_some(true), "{name}");
        // moka works off its log when it likes.
        if cache.entry.store != "moka" {
            assert_eq!(run_small(&caches, &name, |_| {}).tally, cached.tally, "{name}");
        }
    }
}

#[test]
fn each_survives_all_operations_of_many_threads() {
    let caches = subjects_caches::caches();
    let with_each = |cache: &CacheMaker| {
        let name = cache.entry.name();
        for reclaimer in &cache.entry.reclaimers {
            let cached = run_under(&caches, (&name, reclaimer), |case| {
                (case.threads, case.zipf) = (4, 0.99);
                (case.mix.reads, case.mix.upserts, case.mix.updates) = (60.0, 10.0, 10.0);
                (case.mix.inserts, case.mix.removes) = (10.0, 10.0);
                (case.key_bytes, case.value_bytes) = (Some(Length::Etc), Some(Length::Bytes(90)));
            });
            assert_eq!(cached.measured.failures, [""; 0], "{name} {reclaimer}");
            let tally = cached.tally;
            assert!(tally.hits > 0 && tally.requests == 20_000, "{name} {reclaimer}");
        }
    };
    caches.iter().for_each(with_each);
}

#[test]
fn each_heeds_its_conditions() {
    let keys = CacheKeys::new([16; 2].into_iter());
    for cache in &subjects_caches::caches() {
        let name = cache.entry.name();
        let options = CacheOptions {
            bytes: 1 << 20,
            largest_value: 100,
            smallest_item: 17,
            seed: 1,
            reclaim_batch: None,
            clock: TraceClock::default(),
        };
        for (_, build) in &cache.builds {
            let cache = build(&options).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut client = cache.client();
            let mut hits = |op, value_bytes| {
                let mut tally = CacheTally::default();
                let request = |op, key| CacheRequest { op, key, value_bytes, ttl: 0 };
                // Then a look that stores nothing that is asked for again.
                client.run(&[request(op, 0)], &keys, &mut tally);
                client.run(&[request(Op::Get, 0), request(Op::Remove, 1)], &keys, &mut tally);
                (tally.hits, tally.hit_bytes)
            };
            assert_eq!(hits(Op::Update, 10), (0, 0), "{name}: what is absent");
            // The miss has stored ten bytes.
            assert_eq!(hits(Op::Insert, 20), (1, 10), "{name}: what is there");
            assert_eq!(hits(Op::Update, 30), (1, 30), "{name}: what is there");
            assert_eq!(hits(Op::Upsert, 40), (1, 40), "{name}");
            assert_eq!(hits(Op::Remove, 50), (0, 0), "{name}");
            assert_eq!(hits(Op::Remove, 60), (0, 0), "{name}");
        }
    }
}

#[test]
fn a_stalled_reader_is_there_or_refused_with_a_reason() {
    let caches = subjects_caches::caches();
    for cache in caches.iter().filter(|cache| cache.entry.why_no_stall.is_empty()) {
        let name = cache.entry.name();
        let cached = run_small(&caches, &name, |case| case.fault = Fault::StalledReader);
        assert_eq!(cached.measured.failures, [""; 0], "{name}");
        assert_eq!(cached.measured.warnings, [""; 0], "{name}");
    }
}

#[test]
fn names_are_there_once_and_say_what_they_are() {
    let caches = subjects_caches::caches();
    let mut names: Vec<String> = caches.iter().map(|cache| cache.entry.name()).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for CacheMaker { entry, builds } in &caches {
        let reclaimers: Vec<&str> = builds.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(entry.reclaimers, reclaimers, "{}", entry.name());
        assert!(!entry.store_summary.is_empty() && !entry.eviction_source.is_empty());
    }
    // Which is what an experiment file's `store` and `eviction` say.
    assert!(names.iter().all(|name| name.split('/').count() == 2), "{names:?}");
}
