//! `bench list`: what can be named, and which reclaimers each structure takes.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::allocator;
use crate::case::Mix;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::plot;
use crate::subject::{Form, Registry, Structure};
use crate::workload::{DISTRIBUTIONS, PRESETS, Preset, REFUSED};

/// Show structures, reclaimers, allocators, workloads, presets, hashers, faults and figures
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
    Hashers,
    Faults,
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
    hashers: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Vec<NameLine>>,
}

#[derive(Serialize)]
struct StructureLine {
    name: String,
    family: &'static str,
    summary: &'static str,
    get: String,
    insert: String,
    update: String,
    remove: String,
    progress_is_tested: bool,
    max_threads: Option<usize>,
    reclaimers: Vec<&'static str>,
    why_not_others: &'static str,
    huge_pages: bool,
    with_other_hashers: Vec<&'static str>,
    with_byte_strings: Vec<&'static str>,
    variants: Vec<String>,
}

#[derive(Serialize)]
struct ReclaimerLine {
    name: &'static str,
    summary: &'static str,
    robust: bool,
    per_pointer: bool,
    needs_quiescence: bool,
    takes_batch: bool,
}

#[derive(Serialize)]
struct NameLine {
    name: &'static str,
    summary: &'static str,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let listing = listing(registry, args.what);
    let text = if args.json {
        serde_json::to_string_pretty(&listing).map_err(anyhow::Error::from)? + "\n"
    } else {
        in_words(&listing)
    };
    super::print(&text)?;
    Ok(())
}

fn listing(registry: &Registry, what: Option<What>) -> Listing {
    let wanted = |part| what.is_none_or(|what| what == part);
    let names = |part, all: &[NameLine]| {
        let copy = |line: &NameLine| NameLine { ..*line };
        wanted(part).then(|| all.iter().map(copy).collect::<Vec<_>>())
    };
    let figures: Vec<NameLine> = plot::FIGURES
        .iter()
        .map(|figure| NameLine { name: figure.name, summary: figure.summary })
        .collect();
    let allocators: Vec<NameLine> = allocator::available()
        .iter()
        .map(|one| NameLine { name: one.name, summary: one.summary })
        .collect();
    let hashers = Hashing::ALL.map(|h| NameLine { name: h.name(), summary: h.summary() });
    let faults = Fault::ALL.map(|f| NameLine { name: f.name(), summary: f.summary() });
    Listing {
        structures: wanted(What::Structures).then(|| structure_lines(registry)),
        reclaimers: wanted(What::Reclaimers).then(reclaimer_lines),
        allocators: names(What::Allocators, &allocators),
        workloads: names(What::Workloads, &DISTRIBUTIONS.map(name_line)),
        presets: wanted(What::Presets).then_some(PRESETS),
        hashers: names(What::Hashers, &hashers),
        faults: names(What::Faults, &faults),
        figures: names(What::Figures, &figures),
    }
}

fn name_line((name, summary): (&'static str, &'static str)) -> NameLine {
    NameLine { name, summary }
}

/// The structures, each with its variants.
fn structure_lines(registry: &Registry) -> Vec<StructureLine> {
    let named = registry.structures().iter().filter(|structure| structure.variant_of.is_none());
    named
        .map(|structure| {
            let variants = registry.variants(&structure.name);
            structure_line(structure, variants.map(|variant| variant.name.clone()).collect())
        })
        .collect()
}

fn structure_line(structure: &Structure, variants: Vec<String>) -> StructureLine {
    let info = &structure.info;
    StructureLine {
        name: structure.name.clone(),
        family: info.family,
        summary: info.summary,
        get: info.get.to_string(),
        insert: info.insert.to_string(),
        update: info.update.to_string(),
        remove: info.remove.to_string(),
        progress_is_tested: info.progress_is_tested,
        max_threads: info.max_threads,
        reclaimers: structure.reclaimers().collect(),
        why_not_others: structure.why_not,
        huge_pages: structure.huge_pages,
        with_other_hashers: structure.reclaimers_in(Form::Hashed).collect(),
        with_byte_strings: structure.reclaimers_in(Form::Bytes).collect(),
        variants,
    }
}

fn reclaimer_lines() -> Vec<ReclaimerLine> {
    let line = |info: crate::subject::ReclaimerInfo| ReclaimerLine {
        name: info.name,
        summary: info.summary,
        robust: info.caps.robust,
        per_pointer: info.caps.per_pointer,
        needs_quiescence: info.caps.needs_quiescence,
        takes_batch: info.caps.takes_batch,
    };
    Registry::reclaimers().into_iter().map(line).collect()
}

fn in_words(listing: &Listing) -> String {
    let mut parts = Vec::new();
    if let Some(structures) = &listing.structures {
        parts.push(format!("structures\n{}", structure_table(structures)));
        parts.extend(variants(structures));
        parts.push(format!("structure x reclaimer\n{}", matrix(structures)));
        parts.push(format!("other forms, and with which reclaimers\n{}", forms(structures)));
    }
    if let Some(reclaimers) = &listing.reclaimers {
        parts.push(format!("reclaimers\n{}", reclaimer_table(reclaimers)));
    }
    let lists = [
        ("allocators", &listing.allocators),
        ("workloads (key distributions; the mix is `reads` and `[mix]`)", &listing.workloads),
        ("hashers", &listing.hashers),
        ("faults", &listing.faults),
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
    table
}

fn structure_table(structures: &[StructureLine]) -> Table {
    let mut table =
        table(&["name", "family", "get", "insert", "update", "remove", "progress", "what it is"]);
    for line in structures {
        let progress = if line.progress_is_tested { "tested" } else { "stated" };
        let threads = line.max_threads.map(|n| format!(" (threads: at most {n})"));
        table.add_row([
            line.name.as_str(),
            line.family,
            &line.get,
            &line.insert,
            &line.update,
            &line.remove,
            progress,
            &format!("{}{}", line.summary, threads.unwrap_or_default()),
        ]);
    }
    table
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
fn matrix(structures: &[StructureLine]) -> Table {
    let reclaimers: Vec<&str> = Registry::reclaimers().iter().map(|info| info.name).collect();
    let mut header = vec!["structure", "none"];
    header.extend(&reclaimers);
    header.push("why not others");
    let mut table = table(&header);
    for line in structures {
        let takes = |name: &str| if line.reclaimers.contains(&name) { "yes" } else { "-" };
        let mut row = vec![line.name.as_str(), takes("none")];
        row.extend(reclaimers.iter().map(|name| takes(name)));
        let why = if line.reclaimers.contains(&"none") {
            line.why_not_others
        } else {
            "needs one of them: none is no choice"
        };
        row.push(why);
        table.add_row(row);
    }
    table
}

/// Which structures can have another hasher than the default, and hold byte strings.
fn forms(structures: &[StructureLine]) -> Table {
    let mut table = table(&["name", "any hasher", "byte strings"]);
    for line in structures {
        let cell = |there: &[&str], why: &str| match there {
            [] => why.to_owned(),
            ["none"] => "yes".to_owned(),
            there => there.join(", "),
        };
        table.add_row([
            line.name.clone(),
            cell(&line.with_other_hashers, "foldhash alone"),
            cell(&line.with_byte_strings, "numbers alone"),
        ]);
    }
    table
}

fn reclaimer_table(reclaimers: &[ReclaimerLine]) -> Table {
    let yes = |flag| if flag { "yes" } else { "no" };
    let mut table = table(&[
        "name",
        "robust",
        "protects single nodes",
        "needs quiescence",
        "takes a batch",
        "what it is",
    ]);
    for line in reclaimers {
        table.add_row([
            line.name,
            yes(line.robust),
            yes(line.per_pointer),
            yes(line.needs_quiescence),
            yes(line.takes_batch),
            line.summary,
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
        table.add_row([line.name, line.summary]);
    }
    table
}
