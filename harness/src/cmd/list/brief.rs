//! `bench list`: a line for each thing that can be named, as long as a terminal is wide.

use super::lines::{Listing, NameLine};
use super::words::width;

/// Rows of one line each: all columns whole but the last, of which as much is shown as fits.
#[derive(Default)]
struct Lines(Vec<Vec<String>>);

impl Lines {
    fn add(&mut self, cells: &[&str]) {
        self.0.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
    }

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
    let width = width();
    let mut parts = Vec::new();
    if let Some(structures) = &listing.structures {
        let mut lines = Lines::default();
        for line in structures {
            lines.add(&[&line.name, &line.family, &line.get, &line.writes, &line.summary]);
        }
        parts.push(lines.under(
            "structures: name, family, progress of get, progress of writes, what it is",
            width,
        ));
    }
    if let Some(reclaimers) = &listing.reclaimers {
        let mut lines = Lines::default();
        for line in reclaimers {
            lines.add(&[&line.name, &line.held, &line.summary]);
        }
        parts.push(lines.under("reclaimers: name, what a stalled guard holds, what it is", width));
    }
    if let Some(stores) = &listing.stores {
        let mut lines = Lines::default();
        for line in stores {
            let bound = if line.bound_is_strict { "strict" } else { "not strict" };
            lines.add(&[&line.name, bound, &line.summary]);
        }
        parts.push(lines.under("stores of caches: name, their bound of memory, what it is", width));
    }
    if let Some(evictions) = &listing.evictions {
        let mut lines = Lines::default();
        for line in evictions {
            lines.add(&[&line.name, &line.metadata(), &line.hit_writes, &line.source]);
        }
        let title = "policies of caches: name, metadata of an item, what a hit writes, source";
        parts.push(lines.under(title, width));
    }
    let presets = listing.presets.map(|presets| {
        presets.iter().map(|preset| NameLine::new(preset.name, preset.summary)).collect()
    });
    let lists = [
        ("allocators", listing.allocators.as_ref()),
        ("workloads", listing.workloads.as_ref()),
        ("presets", presets.as_ref()),
        ("faults", listing.faults.as_ref()),
        ("hashers", listing.hashers.as_ref()),
        ("figures", listing.figures.as_ref()),
    ];
    for (title, list) in lists {
        let Some(list): Option<&Vec<NameLine>> = list else { continue };
        let mut lines = Lines::default();
        for line in list {
            lines.add(&[&line.name, &line.summary]);
        }
        parts.push(lines.under(title, width));
    }
    parts.join("\n\n") + "\n\n" + MORE
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
            let mut lines = Lines::default();
            for (name, words) in &rows {
                lines.add(&[name, words]);
            }
            let text = lines.under("title", width);
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
