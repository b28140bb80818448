//! `bench list`: all names that can be used, and which reclaimers each structure takes.

mod brief;
mod lines;
mod words;

use ::eviction::evict;
use ::table::{Entry, Held, Info, ReclaimerInfo};
use ::trials::server::{FLOOR, MEMCACHED, OVER_MAP_EVICTIONS, OVER_MAPS, STORES, memcached};

use self::lines::{
    EvictionLine, Listing, NameLine, PairLine, ReclaimerLine, StoreLine, StructureLine,
};
use super::output;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::programs::{Programs, Registry};
use crate::show::plot;
use crate::workload::{DISTRIBUTIONS, PRESETS};

/// Show structures, reclaimers, allocators, caches, servers, workloads, presets, faults, hashers and figures
///
/// Without arguments it shows one line for each. If you name a kind, it shows everything that is known about that kind;
/// with --verbose, about all kinds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show only this kind, with everything that is known about it
    #[arg(value_enum)]
    what: Option<What>,
    /// Show everything that is known: variants, the progress of each operation, which reclaimers a structure takes
    /// and why it does not take the others, what a stalled reader keeps from being freed
    #[arg(long, short)]
    verbose: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Structures,
    Reclaimers,
    Allocators,
    Caches,
    Servers,
    Workloads,
    Presets,
    Faults,
    Hashers,
    Figures,
}

pub(super) fn run(programs: &Programs, args: &Args) -> Result<(), Failure> {
    let of_tables = [
        None,
        Some(What::Structures),
        Some(What::Reclaimers),
        Some(What::Allocators),
        Some(What::Caches),
    ];
    // The names of figures and workloads need no table to be built.
    let needs_all = of_tables.contains(&args.what);
    let registry = if needs_all { programs.all()? } else { Registry::default() };
    let listing = listing(&registry, args.what);
    let text = if args.json {
        serde_json::to_string_pretty(&listing).map_err(anyhow::Error::from)? + "\n"
    } else if args.verbose || args.what.is_some() {
        words::in_words(&listing)
    } else {
        brief::in_brief(&listing)
    };
    output::print(&text)?;
    Ok(())
}

fn listing(registry: &Registry, what: Option<What>) -> Listing {
    let wanted = |part| what.is_none_or(|what| what == part);
    let names = |part, all: &[NameLine]| wanted(part).then(|| all.to_vec());
    let figures: Vec<NameLine> =
        plot::FIGURES.iter().map(|figure| NameLine::new(figure.name, figure.summary)).collect();
    let allocators = registry.allocators().iter();
    let allocators: Vec<NameLine> =
        allocators.map(|one| NameLine::new(&one.name, &one.summary)).collect();
    let faults = Fault::ALL.map(|f| NameLine::new(f.name(), f.summary()));
    let hashers = Hashing::ALL.map(|h| NameLine::new(h.name(), h.summary()));
    Listing {
        structures: wanted(What::Structures).then(|| structure_lines(registry)),
        reclaimers: wanted(What::Reclaimers).then(|| reclaimer_lines(registry)),
        allocators: names(What::Allocators, &allocators),
        stores: wanted(What::Caches).then(|| store_lines(registry)),
        evictions: wanted(What::Caches).then(|| eviction_lines(registry)),
        servers: names(What::Servers, &server_lines()),
        workloads: names(What::Workloads, &DISTRIBUTIONS.map(name_line)),
        presets: wanted(What::Presets).then_some(PRESETS),
        faults: names(What::Faults, &faults),
        hashers: names(What::Hashers, &hashers),
        figures: names(What::Figures, &figures),
    }
}

/// The stores of caches, each with its policies.
fn store_lines(registry: &Registry) -> Vec<StoreLine> {
    let mut lines: Vec<StoreLine> = Vec::new();
    for cache in registry.caches() {
        match lines.iter_mut().find(|line| line.name == cache.store) {
            Some(line) => line.evictions.push(cache.eviction.clone()),
            None => lines.push(StoreLine {
                name: cache.store.clone(),
                summary: cache.store_summary.clone(),
                evictions: vec![cache.eviction.clone()],
                reclaimers: cache.reclaimers.clone(),
                bound_is_strict: cache.is_strict,
                why_no_stalled_reader: cache.why_no_stall.clone(),
            }),
        }
    }
    lines
}

/// The policies of caches: one that several stores have alike once.
fn eviction_lines(registry: &Registry) -> Vec<EvictionLine> {
    let mut lines: Vec<EvictionLine> = Vec::new();
    for cache in registry.caches() {
        let is_it = |line: &&mut EvictionLine| {
            line.name == cache.eviction && line.source == cache.eviction_source
        };
        match lines.iter_mut().find(is_it) {
            Some(line) => line.stores.push(cache.store.clone()),
            None => lines.push(EvictionLine {
                name: cache.eviction.clone(),
                source: cache.eviction_source.clone(),
                hit_writes: cache.hit_writes.clone(),
                metadata_bits: cache.metadata_bits,
                stores: vec![cache.store.clone()],
            }),
        }
    }
    lines
}

/// Servers: of ours a line for each store.
fn server_lines() -> Vec<NameLine> {
    fn ours(store: &str, evictions: &[&str]) -> NameLine {
        let summary = format!("ours over this store, with {}", evictions.join(", "));
        NameLine::new(&format!("{store}/*"), &summary)
    }
    let installed = match memcached() {
        Some(_) => "the program of that name that is installed",
        None => "the program of that name, which is not installed here",
    };
    let all = evict::names();
    let mut lines: Vec<NameLine> = STORES.iter().map(|store| ours(store, &all)).collect();
    lines.extend(OVER_MAPS.iter().map(|store| ours(store, &OVER_MAP_EVICTIONS)));
    lines.push(NameLine::new(MEMCACHED, installed));
    lines.push(NameLine::new(FLOOR, "answers each command with a constant"));
    lines
}

fn name_line((name, summary): (&'static str, &'static str)) -> NameLine {
    NameLine::new(name, summary)
}

/// The structures, each with its variants.
fn structure_lines(registry: &Registry) -> Vec<StructureLine> {
    let named = registry.structures().iter().filter(|structure| structure.variant_of.is_none());
    named
        .map(|structure| {
            structure_line(structure, &registry.variants(&structure.name).collect::<Vec<_>>())
        })
        .collect()
}

fn structure_line(structure: &Entry, variants: &[&Entry]) -> StructureLine {
    let pairs = |structure: &Entry| structure.subjects.iter().map(pair_line).collect();
    let info = &structure.info;
    StructureLine {
        name: structure.name.clone(),
        family: info.family.clone(),
        summary: info.summary.clone(),
        get: info.get.to_string(),
        insert: info.insert.to_string(),
        update: info.update.to_string(),
        remove: info.remove.to_string(),
        writes: info.insert.max(info.update).max(info.remove).to_string(),
        progress_is_tested: info.progress_is_tested,
        max_threads: info.max_threads,
        reclaimers: structure.reclaimers().map(str::to_owned).collect(),
        pairs: pairs(structure),
        why_not_others: structure.why_not.clone(),
        huge_pages: structure.huge_pages,
        hashed: structure.hashed.clone(),
        bytes: structure.bytes.clone(),
        why_no_bytes: structure.why_no_bytes.clone(),
        variants: variants.iter().map(|variant| variant.name.clone()).collect(),
        variant_pairs: variants.iter().map(|variant| pairs(variant)).collect(),
    }
}

fn pair_line((reclaimer, info): &(String, Info)) -> PairLine {
    PairLine {
        reclaimer: reclaimer.clone(),
        get: info.get.to_string(),
        insert: info.insert.to_string(),
        update: info.update.to_string(),
        remove: info.remove.to_string(),
        progress_is_tested: info.progress_is_tested,
        held: info.held.to_string(),
        held_is_bounded: (info.held != Held::Unknown).then(|| info.held.is_bounded()),
    }
}

fn reclaimer_lines(registry: &Registry) -> Vec<ReclaimerLine> {
    let line = |info: &ReclaimerInfo| ReclaimerLine {
        name: info.name.clone(),
        summary: info.summary.clone(),
        robust: info.held.is_bounded(),
        held: info.held.to_string(),
        per_pointer: info.per_pointer,
        needs_quiescence: info.needs_quiescence,
        takes_batch: info.takes_batch,
    };
    registry.reclaimers().iter().map(line).collect()
}
