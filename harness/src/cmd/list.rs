//! `bench list`: what can be named, and which reclaimers each structure takes.

use ::table::{Entry, Held, Info, ReclaimerInfo};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;

use super::output;
use crate::case::Mix;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::programs::{FOLDHASH_ALONE, Programs, Registry};
use crate::show::plot;
use crate::workload::{DISTRIBUTIONS, PRESETS, Preset, REFUSED};

/// Show structures, reclaimers, allocators, workloads, presets, faults, hashers and figures
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show these only
    #[arg(value_enum)]
    what: Option<What>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Structures,
    Reclaimers,
    Allocators,
    Workloads,
    Presets,
    Faults,
    Hashers,
    Figures,
}

#[derive(Serialize)]
struct Listing {
    #[serde(skip_serializing_if = "Option::is_none")]
    structures: Option<Vec<StructureLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reclaimers: Option<Vec<ReclaimerLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocators: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workloads: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presets: Option<&'static [Preset]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashers: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Vec<NameLine>>,
}

#[derive(Serialize)]
struct StructureLine {
    name: String,
    family: String,
    summary: String,
    /// The progress that the operation has with each of the reclaimers: the weakest of `pairs`.
    get: String,
    insert: String,
    update: String,
    remove: String,
    progress_is_tested: bool,
    max_threads: Option<usize>,
    reclaimers: Vec<String>,
    pairs: Vec<PairLine>,
    why_not_others: String,
    huge_pages: bool,
    /// The reclaimers with which it is there with other hashers than the default.
    hashed: Vec<String>,
    /// Those with which it holds byte strings.
    bytes: Vec<String>,
    why_no_bytes: String,
    variants: Vec<String>,
    /// As `pairs`, of each of `variants`.
    variant_pairs: Vec<Vec<PairLine>>,
}

/// A structure with one of its reclaimers.
#[derive(Serialize)]
struct PairLine {
    reclaimer: String,
    get: String,
    insert: String,
    update: String,
    remove: String,
    /// What a stalled reader keeps from being freed.
    held: String,
    held_is_bounded: Option<bool>,
}

#[derive(Serialize)]
struct ReclaimerLine {
    name: String,
    summary: String,
    robust: bool,
    /// What a stalled guard holds up, of nodes that are retired each for itself.
    held: String,
    per_pointer: bool,
    needs_quiescence: bool,
    takes_batch: bool,
}

#[derive(Clone, Serialize)]
struct NameLine {
    name: String,
    summary: String,
}

impl NameLine {
    fn new(name: &str, summary: &str) -> Self {
        Self { name: name.to_owned(), summary: summary.to_owned() }
    }
}

pub(super) fn run(programs: &Programs, args: &Args) -> Result<(), Failure> {
    let of_tables = [None, Some(What::Structures), Some(What::Reclaimers), Some(What::Allocators)];
    // The names of figures and workloads need no table to be built.
    let needs_all = of_tables.contains(&args.what);
    let registry = if needs_all { programs.all()? } else { Registry::default() };
    let listing = listing(&registry, args.what);
    let text = if args.json {
        serde_json::to_string_pretty(&listing).map_err(anyhow::Error::from)? + "\n"
    } else {
        in_words(&registry, &listing)
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
        workloads: names(What::Workloads, &DISTRIBUTIONS.map(name_line)),
        presets: wanted(What::Presets).then_some(PRESETS),
        faults: names(What::Faults, &faults),
        hashers: names(What::Hashers, &hashers),
        figures: names(What::Figures, &figures),
    }
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

fn in_words(registry: &Registry, listing: &Listing) -> String {
    let mut parts = Vec::new();
    if let Some(structures) = &listing.structures {
        parts.push(format!("structures\n{}", structure_table(structures)));
        parts.extend(variants(structures));
        parts.push(format!("structure x reclaimer\n{}", matrix(registry, structures)));
        parts.push(format!("{HELD}\n{}", held_matrix(registry, structures)));
        parts.push(format!(
            "byte strings and other hashers (of variants, none are there)\n{}",
            forms(structures)
        ));
    }
    if let Some(reclaimers) = &listing.reclaimers {
        parts.push(format!("reclaimers\n{}", reclaimer_table(reclaimers)));
    }
    let lists = [
        ("allocators", &listing.allocators),
        ("workloads (key distributions; the mix is `reads` and `[mix]`)", &listing.workloads),
        ("faults", &listing.faults),
        ("hashers", &listing.hashers),
        ("figures", &listing.figures),
    ];
    for (title, lines) in lists {
        if let Some(lines) = lines {
            parts.push(format!("{title}\n{}", name_table(lines)));
        }
    }
    if let Some(presets) = listing.presets {
        let refused = REFUSED.iter().map(|(name, why)| format!("\n{name} cannot be run: {why}"));
        let refused: String = refused.collect();
        parts.push(format!("presets\n{}{refused}", preset_table(presets)));
    }
    parts.join("\n\n") + "\n"
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(120);
    }
    // Names are there to be copied.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

fn structure_table(structures: &[StructureLine]) -> Table {
    let mut table =
        table(&["name", "family", "get", "insert", "update", "remove", "progress", "what it is"]);
    for line in structures {
        let tested = if line.progress_is_tested { "tested" } else { "stated" };
        let threads = line.max_threads.map(|n| format!(" (threads: at most {n})"));
        table.add_row([
            line.name.as_str(),
            &line.family,
            &progress(line, &line.get, |pair| &pair.get),
            &progress(line, &line.insert, |pair| &pair.insert),
            &progress(line, &line.update, |pair| &pair.update),
            &progress(line, &line.remove, |pair| &pair.remove),
            tested,
            &format!("{}{}", line.summary, threads.unwrap_or_default()),
        ]);
    }
    table
}

/// An operation's progress with all reclaimers; then with which of them it is another.
fn progress(line: &StructureLine, least: &str, of: impl Fn(&PairLine) -> &String) -> String {
    let mut better: Vec<(&str, Vec<&str>)> = Vec::new();
    for pair in line.pairs.iter().filter(|pair| of(pair) != least) {
        match better.iter_mut().find(|(progress, _)| progress == of(pair)) {
            Some((_, with)) => with.push(&pair.reclaimer),
            None => better.push((of(pair), vec![&pair.reclaimer])),
        }
    }
    let better =
        better.iter().map(|(progress, with)| format!("; {progress} with {}", with.join(", ")));
    least.to_owned() + &better.collect::<String>()
}

/// Heads the matrix of what is held.
const HELD: &str = "\
what a reader that stalls in a lookup keeps from being freed, while others update
(constant: some nodes; table-size: as much as the table at the stall; unbounded: it grows with the updates)";

/// What a stalled reader holds, of each structure with each reclaimer, and of the variants of which
/// that is another.
fn held_matrix(registry: &Registry, structures: &[StructureLine]) -> Table {
    let reclaimers: Vec<&str> =
        registry.reclaimers().iter().map(|info| info.name.as_str()).collect();
    let mut header = vec!["structure", "none"];
    header.extend(&reclaimers);
    let mut table = table(&header);
    let mut add = |name: &str, pairs: &[PairLine]| {
        let held = |reclaimer: &str| held_with(pairs, reclaimer).unwrap_or("-").to_owned();
        let columns = ["none"].iter().chain(&reclaimers);
        table.add_row([name.to_owned()].into_iter().chain(columns.map(|column| held(column))));
    };
    for line in structures {
        add(&line.name, &line.pairs);
        for (name, pairs) in line.variants.iter().zip(&line.variant_pairs) {
            let usual = |pair: &PairLine| held_with(&line.pairs, &pair.reclaimer);
            if pairs.iter().any(|pair| usual(pair).is_some_and(|held| held != pair.held)) {
                add(name, pairs);
            }
        }
    }
    table
}

fn held_with<'p>(pairs: &'p [PairLine], reclaimer: &str) -> Option<&'p str> {
    pairs.iter().find(|pair| pair.reclaimer == reclaimer).map(|pair| pair.held.as_str())
}

/// The variants under their structures, one a line, to be copied into an experiment file.
fn variants(structures: &[StructureLine]) -> Option<String> {
    let mut text = "variants (a glob matches them if it has a `:` itself)".to_owned();
    let with = structures.iter().filter(|line| !line.variants.is_empty());
    let blocks: Vec<String> =
        with.map(|line| format!("\n{}\n  {}", line.name, line.variants.join("\n  "))).collect();
    text.push_str(&blocks.concat());
    (!blocks.is_empty()).then_some(text)
}

/// Which structure takes which reclaimer, and why not the others.
fn matrix(registry: &Registry, structures: &[StructureLine]) -> Table {
    let reclaimers: Vec<&str> =
        registry.reclaimers().iter().map(|info| info.name.as_str()).collect();
    let mut header = vec!["structure", "none"];
    header.extend(&reclaimers);
    header.push("why not others");
    let mut table = table(&header);
    for line in structures {
        let has = |name: &str| line.reclaimers.iter().any(|one| one == name);
        let takes = |name: &str| if has(name) { "yes" } else { "-" };
        let mut row = vec![line.name.as_str(), takes("none")];
        row.extend(reclaimers.iter().map(|name| takes(name)));
        let why = if has("none") {
            line.why_not_others.as_str()
        } else {
            "needs one of them: none is no choice"
        };
        row.push(why);
        table.add_row(row);
    }
    table
}

/// With which reclaimers a structure is there in other forms than the usual one.
fn forms(structures: &[StructureLine]) -> Table {
    let mut table = table(&["structure", "with byte strings", "with another hasher"]);
    for line in structures {
        let or = |with: &[String], why: &str| {
            if with.is_empty() { format!("no: {why}") } else { with.join(", ") }
        };
        let bytes = or(&line.bytes, &line.why_no_bytes);
        table.add_row([line.name.as_str(), &bytes, &or(&line.hashed, FOLDHASH_ALONE)]);
    }
    table
}

fn reclaimer_table(reclaimers: &[ReclaimerLine]) -> Table {
    let yes = |flag| if flag { "yes" } else { "no" };
    let mut table = table(&[
        "name",
        "held by a stalled guard",
        "protects single nodes",
        "needs quiescence",
        "takes a batch",
        "what it is",
    ]);
    for line in reclaimers {
        table.add_row([
            line.name.as_str(),
            &line.held,
            yes(line.per_pointer),
            yes(line.needs_quiescence),
            yes(line.takes_batch),
            &line.summary,
        ]);
    }
    table
}

fn preset_table(presets: &[Preset]) -> Table {
    let mut table = table(&["name", "mix", "keys", "prefill", "what it does", "source"]);
    for preset in presets {
        let Mix { reads, inserts, removes, updates, upserts } = preset.mix;
        let shares = [
            (reads, "reads"),
            (inserts, "inserts"),
            (removes, "removes"),
            (updates, "updates"),
            (upserts, "upserts"),
        ];
        let occurs = shares.into_iter().filter(|(share, _)| *share > 0.0);
        let mix: Vec<String> = occurs.map(|(share, name)| format!("{share} % {name}")).collect();
        let keys = match (preset.distribution.hot_set(), preset.zipf) {
            (Some(hot), _) => format!("hot-set: {hot}"),
            (None, 0.0) => preset.distribution.name(0.0).to_owned(),
            (None, zipf) => format!("{}, θ = {zipf}", preset.distribution.name(zipf)),
        };
        table.add_row([
            preset.name,
            &mix.join(", "),
            &keys,
            &preset.prefill.to_string(),
            preset.summary,
            preset.source,
        ]);
    }
    table
}

fn name_table(lines: &[NameLine]) -> Table {
    let mut table = table(&["name", "what it is"]);
    for line in lines {
        table.add_row([&line.name, &line.summary]);
    }
    table
}
