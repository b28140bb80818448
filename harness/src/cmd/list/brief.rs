//! `bench list`: a line for each thing that can be named, as long as a terminal is wide.

use super::lines::{EvictionLine, Listing, NameLine, ReclaimerLine, StoreLine, StructureLine};
use super::words::width;

/// Rows of one line each: all columns whole but the last, of which as much is shown as fits.
struct Lines(Vec<Vec<String>>);

impl Lines {
    fn under(&self, title: &str, width: usize) -> String {
        let Some(columns) = self.0.first().map(Vec::len) else { return title.to_owned() };
        let longest = |at: usize| self.0.iter().map(|row| row[at].chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|at| longest(at).unwrap_or(0)).collect();
        let mut text = title.to_owned();
        for row in &self.0 {
            let (last, names) = row.split_last().expect("a row has a cell");
            let names = names.iter().zip(&widths);
            let names: String = names.map(|(name, width)| format!("  {name:<width$}")).collect();
            let left = width.saturating_sub(names.chars().count() + 2);
            text += &format!("\n{names}  {}", cut(last, left));
        }
        text
    }
}

/// A text of at most `width` characters, of which the last says that there were more.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}

pub(super) fn in_brief(listing: &Listing) -> String {
    let presets: Option<Vec<NameLine>> = listing.presets.map(|presets| {
        presets.iter().map(|preset| NameLine::new(preset.name, preset.summary)).collect()
    });
    let structures = "structures: name, family, progress of get, progress of writes, what it is";
    let reclaimers = "reclaimers: name, what a stalled guard holds, what it is";
    let stores = "stores of caches: name, their bound of memory, what it is";
    let evictions = "policies of caches: name, metadata of an item, what a hit writes, source";
    let named = [
        ("allocators", listing.allocators.as_deref()),
        ("servers", listing.servers.as_deref()),
        ("workloads", listing.workloads.as_deref()),
        ("presets", presets.as_deref()),
        ("faults", listing.faults.as_deref()),
        ("hashers", listing.hashers.as_deref()),
        ("figures", listing.figures.as_deref()),
    ];
    let mut kinds = vec![
        kind(structures, listing.structures.as_deref(), structure),
        kind(reclaimers, listing.reclaimers.as_deref(), reclaimer),
        kind(stores, listing.stores.as_deref(), store),
        kind(evictions, listing.evictions.as_deref(), eviction),
    ];
    kinds.extend(named.map(|(title, things)| kind(title, things, name)));
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    kinds.join("\n\n") + "\n\n" + MORE
}

/// Things of a kind under a title, a line of cells for each; none if the kind is not listed.
fn kind<T>(title: &str, things: Option<&[T]>, line: fn(&T) -> Vec<String>) -> Option<String> {
    let lines = Lines(things?.iter().map(line).collect());
    Some(lines.under(title, width()))
}

fn structure(line: &StructureLine) -> Vec<String> {
    cells([&line.name, &line.family, &line.get, &line.writes, &line.summary])
}

fn reclaimer(line: &ReclaimerLine) -> Vec<String> {
    cells([&line.name, &line.held, &line.summary])
}

fn store(line: &StoreLine) -> Vec<String> {
    let bound = if line.bound_is_strict { "strict" } else { "not strict" };
    cells([&line.name, bound, &line.summary])
}

fn eviction(line: &EvictionLine) -> Vec<String> {
    cells([&line.name, &line.metadata(), &line.hit_writes, &line.source])
}

fn name(line: &NameLine) -> Vec<String> {
    cells([&line.name, &line.summary])
}

fn cells<const N: usize>(of: [&str; N]) -> Vec<String> {
    of.map(str::to_owned).into()
}

/// What stands under the lines.
const MORE: &str = "\
Under some reclaimers a structure guarantees more than is said here, which is the least.
`bench list structures` (or another kind) shows all that is known of it; `--verbose` shows all of everything.
";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_fit_and_names_are_whole(
            rows in prop::collection::vec(("[a-z-]{1,24}", "[a-zé ]{0,90}"), 1..9),
            width in 30_usize..130,
        ) {
            let lines = rows.iter().map(|(name, words)| cells([name, words]));
            let text = Lines(lines.collect()).under("title", width);
            prop_assert_eq!(text.lines().count(), rows.len() + 1);
            for (line, (name, words)) in text.lines().skip(1).zip(&rows) {
                prop_assert!(line.chars().count() <= width, "{}", line);
                prop_assert_eq!(line.split_whitespace().next(), Some(name.as_str()));
                let shown = line.trim_end().ends_with(words.trim_end());
                prop_assert!(shown || line.ends_with('…'), "{}", line);
            }
        }
    }
}
