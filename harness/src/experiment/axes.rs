//! `[axes]` and `[[also]]`: what a grid lists, with its names looked up in the catalogue.

use std::ops::Range;

use toml::Spanned;
use trials::parameters::Parameter;

use super::cache::CachePlan;
use super::error::Problem;
use super::mix::MixRule;
use super::named::{matching, read_names};
use super::server::ServerPlan;
use super::traces::Traces;
use super::value::{
    BATCH, FLAG, FRACTION, KEY_BYTES, KEYS, Kind, OPS_PER_PIN, PERCENT, RECLAIM_BATCH, Section,
    TEXT, THREADS, VALUE_BYTES, axis, listed,
};
use super::{keys, presets, traces};
use crate::case::{Mix, can_batch, single};
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::programs::catalogue::{Catalogue, StructureEntry};
use crate::trace::Facts;
use crate::workload::{Distribution, Length, Preset};

/// A table that a grid lists.
pub(super) struct ListedTable<'c> {
    pub(super) entry: &'c StructureEntry,
    /// Where it is listed by its own name, if it is.
    pub(super) named: Option<Range<usize>>,
}

impl<'c> ListedTable<'c> {
    /// One that no grid lists by itself.
    fn unnamed(entry: &'c StructureEntry) -> Self {
        Self { entry, named: None }
    }
}

/// One grid as the file lists it, with its names resolved.
pub(super) struct Axes<'c> {
    pub(super) name: &'static str,
    pub(super) span: Range<usize>,
    pub(super) structures: Vec<ListedTable<'c>>,
    pub(super) reclaimers: Vec<&'c str>,
    /// Whether the file lists them.
    pub(super) lists_reclaimers: bool,
    pub(super) threads: Vec<usize>,
    /// If there are any, they fix mix, distribution and prefill.
    pub(super) presets: Vec<&'static Preset>,
    /// If there are any, they fix mix and keys.
    pub(super) traces: Vec<Facts>,
    pub(super) reads: Vec<f64>,
    /// Distributions, each with a skew.
    pub(super) drawn: Vec<(Distribution, f64)>,
    pub(super) keys: Vec<u64>,
    pub(super) prefill: Vec<f64>,
    /// Those that the list of parameters describes.
    pub(super) listed: Vec<(&'static Parameter, Vec<String>)>,
    pub(super) allocators: Vec<&'c str>,
    pub(super) batches: Vec<usize>,
    pub(super) huge_pages: Vec<bool>,
    /// The tables that can ask for huge pages, without their variants.
    pub(super) on_huge_pages: Vec<&'c str>,
    /// `None` is a scheme's own batch.
    pub(super) reclaim_batches: Vec<Option<usize>>,
    /// Where the file lists them.
    pub(super) reclaim_batches_at: Option<Range<usize>>,
    pub(super) ops_per_pin: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    pub(super) hashers: Vec<Hashing>,
    /// `None` is a number.
    pub(super) key_bytes: Vec<Option<Length>>,
    pub(super) value_bytes: Vec<Option<Length>>,
    /// What is said of caches, where they are what is measured.
    pub(super) cache: Option<&'c CachePlan>,
    /// What is said of servers, likewise.
    pub(super) server: Option<&'c ServerPlan>,
}

/// What all grids of a file have in common.
#[derive(Clone, Copy)]
pub(super) struct Common<'t, 'c> {
    /// Where a grid does not set it.
    pub(super) prefill: f64,
    /// `None` if it is wrong.
    pub(super) mix: Option<MixRule>,
    pub(super) traces: &'t Traces,
    /// Caches are measured, and no tables.
    pub(super) cache: Option<&'c CachePlan>,
    /// Servers are measured, and neither.
    pub(super) server: Option<&'c ServerPlan>,
}

impl<'c> Common<'_, 'c> {
    /// Complains about keys of a grid that are none of what is measured.
    fn check(&self, section: &Section<'_, '_>, problems: &mut Vec<Problem>) {
        if let Some(cache) = self.cache {
            cache.check(section, problems);
        }
        match self.server {
            Some(_) => ServerPlan::check(section, problems),
            None => ServerPlan::refuse_without(section, problems),
        }
    }

    /// The percentage of reads where a grid does not set it.
    fn reads(&self) -> f64 {
        if self.cache.is_none() && self.server.is_none() { 95.0 } else { 100.0 }
    }

    /// What is measured.
    fn structures(
        &self,
        section: &Section<'_, '_>,
        catalogue: &'c Catalogue,
        problems: &mut Vec<Problem>,
    ) -> Vec<ListedTable<'c>> {
        match (self.cache, self.server) {
            (Some(cache), _) => cache.caches.iter().map(ListedTable::unnamed).collect(),
            (_, Some(server)) => server.servers.iter().map(ListedTable::unnamed).collect(),
            (None, None) => read_structures(section, catalogue, problems),
        }
    }
}

impl<'c> Axes<'c> {
    /// `None` if anything in the grid is wrong.
    pub(super) fn read(
        section: &Section<'_, '_>,
        catalogue: &'c Catalogue,
        common: Common<'_, 'c>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let before = problems.len();
        common.check(section, problems);
        let presets = presets::read(section, problems);
        let traces = traces::read(section, common.traces, problems);
        let fixed: Vec<Mix> =
            presets.iter().map(|preset| preset.mix).chain(traces.iter().map(Facts::mix)).collect();
        let reads = read_reads(section, common.mix, common.reads(), problems);
        let batches = read_batches(section, common.mix, (&reads, &fixed), problems);
        let ops_per_pin = read_ops_per_pin(section, &batches, problems);
        let (drawn, ranges, prefill) = read_keys(section, common.prefill, problems);
        let axes = Self {
            name: section.name,
            span: section.span.clone(),
            structures: common.structures(section, catalogue, problems),
            reclaimers: read_reclaimers(section, catalogue, problems),
            lists_reclaimers: section.get("reclaimer").is_some(),
            threads: axis(section, "threads", &THREADS, 1, problems),
            presets,
            traces,
            reads,
            drawn,
            keys: ranges,
            prefill,
            listed: listed(section, problems),
            allocators: read_allocators(section, catalogue, problems),
            batches,
            huge_pages: axis(section, "huge_pages", &FLAG, false, problems),
            on_huge_pages: on_huge_pages(catalogue),
            reclaim_batches: axis(section, "reclaim_batch", &RECLAIM_BATCH, None, problems),
            reclaim_batches_at: section.get("reclaim_batch").map(toml::Spanned::span),
            ops_per_pin,
            faults: read_faults(section, problems),
            hashers: read_hashers(section, problems),
            key_bytes: lengths(section, "key_bytes", &KEY_BYTES, problems),
            value_bytes: lengths(section, "value_bytes", &VALUE_BYTES, problems),
            cache: common.cache,
            server: common.server,
        };
        if let Some(cache) = common.cache {
            let Self { faults, drawn, traces, .. } = &axes;
            cache.check_workload(section, (faults, drawn), traces, problems);
        }
        presets::check_lengths(section, &axes.presets, problems);
        (problems.len() == before).then_some(axes)
    }

    /// The number of workloads of each subject.
    pub(super) fn workloads(&self) -> usize {
        [
            self.presets.len().max(1),
            self.traces.len().max(1),
            self.reads.len(),
            self.drawn.len(),
            self.keys.len(),
            self.prefill.len(),
            self.allocators.len(),
            self.batches.len(),
            self.ops_per_pin.len(),
            self.hashers.len(),
            self.key_bytes.len(),
            self.value_bytes.len(),
            self.cache.map_or(1, |cache| cache.bytes.len()),
        ]
        .into_iter()
        .chain(self.listed.iter().map(|(_, values)| values.len()))
        .fold(1, usize::saturating_mul)
    }
}

/// Distributions; ranges of keys; and the shares of these that are prefilled, which go with both.
fn read_keys(
    section: &Section<'_, '_>,
    prefill: f64,
    problems: &mut Vec<Problem>,
) -> (Vec<(Distribution, f64)>, Vec<u64>, Vec<f64>) {
    let drawn = keys::read(section, problems);
    let ranges = axis(section, "keys", &KEYS, 65_536, problems);
    let prefill = axis(section, "prefill", &FRACTION, prefill, problems);
    keys::check_prefill(section, &drawn, (&ranges, &prefill), problems);
    (drawn, ranges, prefill)
}

/// The tables that can ask for huge pages, without their variants.
fn on_huge_pages(catalogue: &Catalogue) -> Vec<&str> {
    let can_ask = |entry: &&StructureEntry| entry.huge_pages && !entry.name.contains(':');
    catalogue.structures.iter().filter(can_ask).map(|entry| entry.name.as_str()).collect()
}

fn read_reads(
    section: &Section<'_, '_>,
    mix: Option<MixRule>,
    default: f64,
    problems: &mut Vec<Problem>,
) -> Vec<f64> {
    if section.get("preset").is_some() || section.get("trace").is_some() {
        return vec![0.0];
    }
    if let (Some(value), Some(MixRule::Fixed(_))) = (section.get("reads"), mix) {
        problems.push(Problem {
            span: value.span(),
            message: format!("`reads` is set both in `{}` and in `[mix]`", section.name),
            help: "leave one out: without `reads`, `[mix]` divides what the axis leaves".to_owned(),
        });
    }
    axis(section, "reads", &PERCENT, default, problems)
}

/// A batch beside operations other than lookups is a problem: see [`can_batch`].
fn read_batches(
    section: &Section<'_, '_>,
    mix: Option<MixRule>,
    (reads, fixed): (&[f64], &[Mix]),
    problems: &mut Vec<Problem>,
) -> Vec<usize> {
    let Some(batches) = section.many("batch", &BATCH, problems) else { return vec![single()] };
    let mixes: Vec<Mix> = match mix {
        _ if !fixed.is_empty() => fixed.to_vec(),
        Some(mix) => reads.iter().map(|&reads| mix.mix(reads)).collect(),
        None => Vec::new(),
    };
    let other = mixes.iter().find(|mix| !can_batch(mix));
    let first = batches.iter().find(|batch| *batch.get_ref() > 1);
    if let (Some(batch), Some(mix)) = (first, other) {
        problems.push(Problem {
            span: batch.span(),
            message: format!(
                "`batch` is {} where {} % of the operations are reads",
                batch.get_ref(),
                mix.reads
            ),
            help: "only lookups are issued in batches: set `reads = 100`, and list other mixes in \
                   a grid of their own, without `batch`"
                .to_owned(),
        });
    }
    batches.into_iter().map(Spanned::into_inner).collect()
}

/// A batch is pinned once already, so pins of several operations beside it are a problem.
fn read_ops_per_pin(
    section: &Section<'_, '_>,
    batches: &[usize],
    problems: &mut Vec<Problem>,
) -> Vec<usize> {
    let Some(listed) = section.many("pin", &OPS_PER_PIN, problems) else {
        return vec![single()];
    };
    let first = listed.iter().find(|ops| *ops.get_ref() > 1);
    if let (Some(ops), Some(batch)) = (first, batches.iter().find(|batch| **batch > 1)) {
        problems.push(Problem {
            span: ops.span(),
            message: format!("`pin` is {} where `batch` is {batch}", ops.get_ref()),
            help: "a batch of lookups is pinned once by itself: list the two in grids of their own"
                .to_owned(),
        });
    }
    listed.into_iter().map(Spanned::into_inner).collect()
}

fn read_faults(section: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Vec<Fault> {
    let names = Fault::ALL.map(Fault::name);
    let listed = read_names(section, "fault", &names, Fault::None.name(), problems);
    listed.into_iter().filter_map(Fault::named).collect()
}

fn read_hashers(section: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Vec<Hashing> {
    let names = Hashing::ALL.map(Hashing::name);
    let listed = read_names(section, "hasher", &names, Hashing::default().name(), problems);
    listed.into_iter().filter_map(Hashing::named).collect()
}

/// The lengths that an axis lists; without it keys and values are numbers.
fn lengths(
    section: &Section<'_, '_>,
    key: &str,
    kind: &Kind<Length>,
    problems: &mut Vec<Problem>,
) -> Vec<Option<Length>> {
    match section.many(key, kind, problems) {
        Some(listed) => listed.into_iter().map(|length| Some(length.into_inner())).collect(),
        None => vec![None],
    }
}

fn read_structures<'c>(
    section: &Section<'_, '_>,
    catalogue: &'c Catalogue,
    problems: &mut Vec<Problem>,
) -> Vec<ListedTable<'c>> {
    if section.get("structure").is_none() {
        problems.push(Problem {
            span: section.lack.clone(),
            message: format!("`{}` has no `structure`", section.name),
            help: "add `structure = \"NAME\"`; `bench list` shows all".to_owned(),
        });
    }
    let names: Vec<&str> = catalogue.structures.iter().map(|entry| entry.name.as_str()).collect();
    let mut choices: Vec<ListedTable<'c>> = Vec::new();
    for pattern in section.many("structure", &TEXT, problems).unwrap_or_default() {
        for index in matching("structure", &pattern, &names, problems) {
            let entry = &catalogue.structures[index];
            let named = (entry.name == *pattern.get_ref()).then(|| pattern.span());
            match choices.iter_mut().find(|choice| choice.entry.name == entry.name) {
                Some(choice) => choice.named = choice.named.take().or(named),
                None => choices.push(ListedTable { entry, named }),
            }
        }
    }
    choices
}

fn read_reclaimers<'c>(
    section: &Section<'_, '_>,
    catalogue: &'c Catalogue,
    problems: &mut Vec<Problem>,
) -> Vec<&'c str> {
    let mut names: Vec<&'c str> =
        catalogue.reclaimers.iter().map(|entry| entry.name.as_str()).collect();
    names.push("none");
    read_names(section, "reclaimer", &names, "epoch", problems)
}

fn read_allocators<'c>(
    section: &Section<'_, '_>,
    catalogue: &'c Catalogue,
    problems: &mut Vec<Problem>,
) -> Vec<&'c str> {
    let names: Vec<&'c str> = catalogue.allocators.iter().map(String::as_str).collect();
    read_names(section, "allocator", &names, "system", problems)
}
