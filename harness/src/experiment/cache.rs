//! `[cache]`: which caches, how large, and how many requests. A file with this section has trials only of caches;
//! its grids have the rest of the workload.

use std::collections::HashMap;

use ::table::cache::cache_name;
use toml::Spanned;

use super::error::Problem;
use super::mix::MixRule;
use super::named::matching;
use super::value::{BYTES, CACHE, CACHE_REQUESTS, Section, TEXT, mismatch};
use crate::case::{CacheLoad, Case};
use crate::fault::Fault;
use crate::programs::catalogue::{Catalogue, StructureEntry};
use crate::workload::{Distribution, Length};

/// Requests of a trial, if neither the file nor a trace says.
const DEFAULT_REQUESTS: u64 = 2_000_000;
/// Bytes of a key and of a value, if the grid does not say: those of MemC3's evaluation.
const KEY: Length = Length::Bytes(16);
const VALUE: Length = Length::Bytes(32);

/// Keys of the file that say something of tables alone.
const NOT_AT_THE_TOP: [&str; 9] =
    ["server", "seconds", "warmup", "prefill", "series", "latency", "space", "aggregate", "turns"];
/// Keys of a grid, likewise.
const NOT_IN_A_GRID: [&str; 7] =
    ["structure", "preset", "prefill", "batch", "pin", "huge_pages", "hasher"];

/// The caches of an experiment.
#[derive(Clone, Debug)]
pub(super) struct CachePlan {
    /// In the order of the file, each once.
    pub(super) caches: Vec<StructureEntry>,
    /// Why a reader cannot stall in a lookup of some of them.
    no_stall: HashMap<String, String>,
    /// Bounds of memory.
    pub(super) bytes: Vec<u64>,
    requests: Option<Spanned<u64>>,
    /// Combinations of store and policy that do not exist.
    pub(super) left_out: Vec<String>,
}

impl CachePlan {
    /// What the file at `top` asks for; `None` if it does not, or if something in it is wrong.
    pub(super) fn of(
        top: &Section<'_, '_>,
        catalogue: &Catalogue,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let value = top.get("cache")?;
        let Some(table) = value.get_ref().as_table() else {
            problems.push(mismatch("cache", value, "a table: `[cache]` on a line by itself"));
            return None;
        };
        let before = problems.len();
        let why = "a cache's trial ends with its `requests`";
        refuse(top, (&NOT_AT_THE_TOP, "[cache]", "caches"), why, problems);
        let section = Section::new("[cache]", value.span(), table, CACHE, problems);
        let (names, left_out) = names(&section, catalogue, problems);
        if section.get("bytes").is_none() {
            problems.push(Problem {
                span: section.lack.clone(),
                message: "`[cache]` has no `bytes`".to_owned(),
                help: "add a line such as `bytes = [\"64 MiB\"]`: the bound of a cache's memory"
                    .to_owned(),
            });
        }
        let bytes = section.many("bytes", &BYTES, problems).unwrap_or_default();
        let mut bytes: Vec<u64> = bytes.into_iter().map(Spanned::into_inner).collect();
        bytes.sort_unstable();
        bytes.dedup();
        let requests = section.one("requests", &CACHE_REQUESTS, problems);
        let requests = requests.zip(section.get("requests"));
        let requests = requests.map(|(number, value)| Spanned::new(value.span(), number));
        let found = |name: &String| catalogue.caches.iter().find(|entry| entry.name == *name);
        let caches: Vec<StructureEntry> = names.iter().filter_map(found).cloned().collect();
        let no_stall = catalogue.no_stall.clone();
        let plan = Self { caches, no_stall, bytes, requests, left_out };
        (problems.len() == before).then_some(plan)
    }

    /// The mixes of its grids, if the file has no `[mix]`: what is no lookup is a set.
    pub(super) const MIX: MixRule =
        MixRule::Rest { inserts: 0.0, removes: 0.0, updates: 0.0, upserts: 1.0 };

    /// Complains about what a grid says that caches do not heed.
    pub(super) fn check(&self, grid: &Section<'_, '_>, problems: &mut Vec<Problem>) {
        let why = "`[cache]` has `store`, `eviction` and `bytes`";
        refuse(grid, (&NOT_IN_A_GRID, "[cache]", "caches"), why, problems);
        let of_trace = grid.get("trace").is_some();
        if of_trace {
            let why = "a trace has its own sizes: list drawn keys in a grid of their own";
            let keys = ["key_bytes", "value_bytes"];
            refuse(grid, (&keys, "[cache]", "caches"), why, problems);
        }
    }

    /// Complains about faults and distributions that caches do not have, and traces that are too short.
    pub(super) fn check_workload(
        &self,
        grid: &Section<'_, '_>,
        (faults, drawn): (&[Fault], &[(Distribution, f64)]),
        traces: &[crate::trace::Facts],
        problems: &mut Vec<Problem>,
    ) {
        let at = |key: &str| grid.get(key).map_or_else(|| grid.span.clone(), Spanned::span);
        let is_of_tables =
            |fault: &&Fault| matches!(fault, Fault::DescheduledWriter | Fault::IdleRegistered);
        if let Some(fault) = faults.iter().find(is_of_tables) {
            problems.push(Problem {
                span: at("fault"),
                message: format!("caches have no trials under the fault {fault}"),
                help: "`fault` takes none, stalled-reader or oversubscribed there".to_owned(),
            });
        }
        let ends = |(distribution, _): &&(Distribution, f64)| {
            matches!(distribution, Distribution::Latest | Distribution::Fresh)
        };
        if let Some((distribution, zipf)) = drawn.iter().find(ends) {
            let name = distribution.name(*zipf);
            problems.push(Problem {
                span: at("distribution"),
                message: format!("`{name}` draws keys of a range that does not stay"),
                help: "caches take zipf, uniform, hot-set and sequential".to_owned(),
            });
        }
        let Some(requests) = &self.requests else { return };
        let short = |facts: &&crate::trace::Facts| facts.id.requests < *requests.get_ref();
        if let Some(facts) = traces.iter().find(short) {
            let (name, there) = (&facts.id.name, facts.id.requests);
            problems.push(Problem {
                span: requests.span(),
                message: format!("the trace {name} has {there} requests, fewer than `requests`"),
                help: "without `requests`, all of a trace are taken".to_owned(),
            });
        }
    }

    /// Why there is no trial of `cache` with a stalled reader, if there is none.
    pub(super) fn why_no_stall(&self, cache: &str) -> Option<&str> {
        self.no_stall.get(cache).map(String::as_str)
    }

    /// Makes `case` one of a cache with this bound.
    pub(super) fn apply(&self, case: &mut Case, bytes: u64) {
        let of_trace = case.trace.as_ref().map(|trace| trace.requests);
        let asked = self.requests.as_ref().map(|requests| *requests.get_ref());
        let requests = asked.or(of_trace).unwrap_or(DEFAULT_REQUESTS);
        case.prefill = 0;
        case.cache = Some(CacheLoad { bytes, requests });
        if case.trace.is_none() {
            case.key_bytes = case.key_bytes.or(Some(KEY));
            case.value_bytes = case.value_bytes.or(Some(VALUE));
        }
    }
}

/// Complains about each of `keys` that is set, where `table` says that the file is about `them`.
pub(super) fn refuse(
    section: &Section<'_, '_>,
    (keys, table, them): (&[&str], &str, &str),
    instead: &str,
    problems: &mut Vec<Problem>,
) {
    for key in keys {
        if let Some(value) = section.get(key) {
            let place = if section.name.is_empty() { "the file" } else { section.name };
            problems.push(Problem {
                span: value.span(),
                message: format!(
                    "`{key}` is set in {place}, and `{table}` is there: {them} have none"
                ),
                help: format!("leave it out; {instead}"),
            });
        }
    }
}

/// The names of the caches that are asked for, and combinations that do not exist.
fn names(
    section: &Section<'_, '_>,
    catalogue: &Catalogue,
    problems: &mut Vec<Problem>,
) -> (Vec<String>, Vec<String>) {
    let all: Vec<&str> = catalogue.caches.iter().map(|entry| entry.name.as_str()).collect();
    if section.get("subject").is_some() {
        for key in ["store", "eviction"] {
            if let Some(value) = section.get(key) {
                problems.push(Problem {
                    span: value.span(),
                    message: format!("`[cache]` has both `subject` and `{key}`"),
                    help: "leave one out: `subject` names caches as `store/eviction`".to_owned(),
                });
            }
        }
        return (listed(section, "subject", &all, problems), Vec::new());
    }
    let stores = part(section, "store", all.iter().map(|name| store_of(name)), problems);
    let policies = part(section, "eviction", all.iter().map(|name| policy_of(name)), problems);
    let pairs = stores.iter().flat_map(|store| policies.iter().map(move |p| cache_name(store, p)));
    let (names, missing): (Vec<String>, Vec<String>) =
        pairs.partition(|name| all.contains(&name.as_str()));
    let is_of = |name: &str, part: &str| store_of(name) == part || policy_of(name) == part;
    let has_none = |part: &&String| !names.iter().any(|name| is_of(name, part));
    // Where one of the two lists is wrong there are no pairs.
    let is_whole = !stores.is_empty() && !policies.is_empty();
    if let Some(lonely) = stores.iter().chain(&policies).find(has_none).filter(|_| is_whole) {
        let own: Vec<&str> = all.iter().copied().filter(|name| is_of(name, lonely)).collect();
        problems.push(Problem {
            span: section.span.clone(),
            message: format!("`[cache]` has no cache with `{lonely}`"),
            help: format!("there are {}", own.join(", ")),
        });
    }
    (names, missing.iter().map(|name| format!("{name}: there is no such cache")).collect())
}

fn store_of(cache: &str) -> &str {
    cache.rsplit_once('/').map_or(cache, |(store, _)| store)
}

fn policy_of(cache: &str) -> &str {
    cache.rsplit_once('/').map_or("", |(_, policy)| policy)
}

/// What the key of a part of caches' names lists.
fn part<'n>(
    section: &Section<'_, '_>,
    key: &str,
    there: impl Iterator<Item = &'n str>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut known: Vec<&str> = Vec::new();
    there.for_each(|name| add(&mut known, name));
    if section.get(key).is_none() {
        let example = known.first().unwrap_or(&"NAME");
        problems.push(Problem {
            span: section.lack.clone(),
            message: format!("`[cache]` has no `{key}`"),
            help: format!("add `{key} = \"{example}\"`; `bench list caches` shows all"),
        });
    }
    listed(section, key, &known, problems)
}

/// What of `known` the key lists by names or globs, each once.
pub(super) fn listed(
    section: &Section<'_, '_>,
    key: &str,
    known: &[&str],
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for pattern in section.many(key, &TEXT, problems).unwrap_or_default() {
        let names = matching(key, &pattern, known, problems);
        names.into_iter().for_each(|index| add(&mut found, known[index].to_owned()));
    }
    found
}

/// Adds one that is new.
fn add<N: PartialEq>(names: &mut Vec<N>, name: N) {
    if !names.contains(&name) {
        names.push(name);
    }
}
