//! `bench list --verbose`: all that is known, a description of each thing that can be named.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use super::lines::{
    EvictionLine, Listing, NameLine, PairLine, ReclaimerLine, StoreLine, StructureLine,
};
use crate::case::Mix;
use crate::programs::FOLDHASH_ALONE;
use crate::workload::{Preset, REFUSED};

pub(super) fn in_words(listing: &Listing) -> String {
    let mut parts = Vec::new();
    if let Some(structures) = &listing.structures {
        let note = "a glob matches a variant if it has a `:` itself";
        parts.push(title("structures", note) + &listed(structures, structure));
    }
    if let Some(reclaimers) = &listing.reclaimers {
        parts.push(title("reclaimers", "") + &listed(reclaimers, reclaimer));
    }
    if let Some(stores) = &listing.stores {
        let note = "a cache is a store with a policy, as in memc3/clock";
        parts.push(title("stores of caches", note) + &listed(stores, store));
    }
    if let Some(evictions) = &listing.evictions {
        parts.push(title("policies of caches", "") + &listed(evictions, eviction));
    }
    let lists = [
        ("allocators", "", &listing.allocators),
        ("servers", "a factor is set by a `:`, as in memc3/clock:reply=each", &listing.servers),
        ("workloads", "key distributions; the mix is `reads` and `[mix]`", &listing.workloads),
        ("faults", "", &listing.faults),
        ("hashers", "", &listing.hashers),
        ("figures", "", &listing.figures),
    ];
    for (what, note, lines) in lists {
        if let Some(lines) = lines {
            parts.push(title(what, note) + &names(lines));
        }
    }
    if let Some(presets) = listing.presets {
        let refused = REFUSED.iter().map(|(name, why)| format!("\n{name} cannot be run: {why}"));
        parts.push(title("presets", "") + &listed(presets, preset) + &refused.collect::<String>());
    }
    parts.join("\n\n") + "\n"
}

fn store(line: &StoreLine) -> Description {
    let bound = if line.bound_is_strict { "strict, by its own count" } else { "not strict" };
    let stall = match line.why_no_stalled_reader.as_str() {
        "" => "can be had".to_owned(),
        why => format!("cannot be had: {why}"),
    };
    let lines = [
        ("what it is", line.summary.clone()),
        ("policies", line.evictions.join(", ")),
        ("reclaimers", line.reclaimers.join(", ")),
        ("bound of memory", bound.to_owned()),
        ("a stalled reader", stall),
    ];
    plain(&line.name, lines)
}

fn eviction(line: &EvictionLine) -> Description {
    let lines = [
        ("source", line.source.clone()),
        ("a hit writes", line.hit_writes.clone()),
        ("metadata of an item", line.metadata()),
        ("stores", line.stores.join(", ")),
    ];
    plain(&line.name, lines)
}

/// Without variants.
fn plain<const N: usize>(name: &str, lines: [(&str, String); N]) -> Description {
    let lines = lines.map(|(label, text)| (label.to_owned(), text)).to_vec();
    Description { name: name.to_owned(), lines, variants: Vec::new() }
}

fn title(what: &str, note: &str) -> String {
    if note.is_empty() { format!("{what}\n") } else { format!("{what} ({note})\n") }
}

/// How wide what is printed may be: as wide as the terminal, where there is one.
pub(super) fn width() -> usize {
    const ELSE: u16 = 120;
    let table = Table::new();
    usize::from(if table.is_tty() { table.width().unwrap_or(ELSE) } else { ELSE })
}

/// A table without lines. Its first column is never broken, since names are there to be copied.
fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width()).unwrap_or(u16::MAX));
    table.set_constraints([ColumnConstraint::ContentWidth]);
    table
}

/// What is known of one thing: its name with a word, and lines with a label.
struct Description {
    name: String,
    lines: Vec<(String, String)>,
    /// Names of variants, each in a line of its own, however long.
    variants: Vec<String>,
}

/// The things, each under its name.
fn listed<T>(things: &[T], describe: impl Fn(&T) -> Description) -> String {
    let text = |thing| {
        let Description { name, lines, variants } = describe(thing);
        let mut table = table();
        for (label, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
            table.add_row([&format!("  {label}"), text]);
        }
        let variants: String = variants.iter().map(|variant| format!("    {variant}\n")).collect();
        let head = if variants.is_empty() { "" } else { "   variants\n" };
        format!("\n{name}\n{}\n{head}{variants}", table.trim_fmt())
    };
    things.iter().map(text).collect::<String>().trim_end().to_owned()
}

fn structure(line: &StructureLine) -> Description {
    let mut lines = vec![("what it is".to_owned(), line.summary.clone())];
    lines.extend(progress(line));
    let tested = |pair: &PairLine| if pair.progress_is_tested { "tested" } else { "stated" };
    lines.push(("progress is".to_owned(), by_reclaimer(&line.pairs, tested)));
    lines.push((
        "threads".into(),
        line.max_threads.map_or(String::new(), |n| format!("at most {n}")),
    ));
    lines.push(("reclaimers".into(), line.reclaimers.join(", ")));
    lines.push(("why not others".into(), line.why_not_others.clone()));
    lines.push(("a stalled reader holds".into(), held(&line.pairs)));
    let or = |with: &[String], why: &str| {
        if with.is_empty() { format!("no: {why}") } else { with.join(", ") }
    };
    lines.push(("with byte strings".into(), or(&line.bytes, &line.why_no_bytes)));
    lines.push(("with another hasher".into(), or(&line.hashed, FOLDHASH_ALONE)));
    let mut variants = Vec::new();
    for (variant, pairs) in line.variants.iter().zip(&line.variant_pairs) {
        variants.push(variant.clone());
        let usual = |pair: &PairLine| {
            line.pairs.iter().any(|one| one.reclaimer == pair.reclaimer && one.held == pair.held)
        };
        if !pairs.iter().all(usual) {
            variants.push(format!("  a stalled reader holds {}", held(pairs)));
        }
    }
    Description { name: format!("{} ({})", line.name, line.family), lines, variants }
}

/// What is said of a structure with one of its reclaimers.
type Said = fn(&PairLine) -> &str;

/// The progress of each operation, of several with the same in one line.
fn progress(line: &StructureLine) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let operations: [(&str, Said); 4] = [
        ("get", |pair| &pair.get),
        ("insert", |pair| &pair.insert),
        ("update", |pair| &pair.update),
        ("remove", |pair| &pair.remove),
    ];
    for (operation, of) in operations {
        let text = by_reclaimer(&line.pairs, of);
        match lines.iter_mut().find(|(_, before)| *before == text) {
            Some((operations, _)) => operations.extend([", ", operation]),
            None => lines.push((operation.to_owned(), text)),
        }
    }
    lines
}

/// What is said of a structure with its reclaimers, each saying once, with those of which it is said.
fn by_reclaimer(pairs: &[PairLine], said: Said) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for pair in pairs {
        match groups.iter_mut().find(|(what, _)| *what == said(pair)) {
            Some((_, with)) => with.push(&pair.reclaimer),
            None => groups.push((said(pair), vec![&pair.reclaimer])),
        }
    }
    match groups.as_slice() {
        [(what, _)] => (*what).to_owned(),
        _ => {
            let groups =
                groups.iter().map(|(what, with)| format!("{what} with {}", with.join(", ")));
            groups.collect::<Vec<_>>().join("; ")
        }
    }
}

/// What a reader that stalls in a lookup keeps from being freed, while others update.
fn held(pairs: &[PairLine]) -> String {
    by_reclaimer(pairs, |pair| match pair.held.as_str() {
        "constant" => "some nodes",
        "table-size" => "as much as the table",
        "unbounded" => "everything since (unbounded)",
        "unknown" => "nobody has said",
        other => other,
    })
}

fn reclaimer(line: &ReclaimerLine) -> Description {
    let yes = |flag| if flag { "yes" } else { "no" }.to_owned();
    let lines = [
        ("what it is", line.summary.clone()),
        ("a stalled guard holds", line.held.clone()),
        ("protects single nodes", yes(line.per_pointer)),
        ("needs quiescence", yes(line.needs_quiescence)),
        ("takes a batch", yes(line.takes_batch)),
    ];
    Description {
        name: line.name.clone(),
        lines: lines.map(|(label, text)| (label.into(), text)).into(),
        variants: Vec::new(),
    }
}

fn preset(preset: &Preset) -> Description {
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
    let lines = [
        ("what it does", preset.summary.to_owned()),
        ("mix", mix.join(", ")),
        ("keys", keys),
        ("prefill", preset.prefill.to_string()),
        ("source", preset.source.to_owned()),
    ];
    Description {
        name: preset.name.to_owned(),
        lines: lines.map(|(label, text)| (label.into(), text)).into(),
        variants: Vec::new(),
    }
}

fn names(lines: &[NameLine]) -> String {
    let mut table = table();
    for line in lines {
        table.add_row([&format!("  {}", line.name), &line.summary]);
    }
    table.trim_fmt()
}
