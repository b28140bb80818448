//! The labels of subjects in a picture: the common part of all names is shown once, above the panels or in
//! their titles, and the user may replace a name.

use std::collections::{BTreeMap, BTreeSet};

use super::panels::{Key, Panels};

/// A subject's, a scheme's or a table's name, and what it is to be called.
pub type Label = (String, String);

/// The panels with their subjects called by short names.
pub(super) fn called(mut panels: Panels, labels: &[Label]) -> Panels {
    let names = names(&panels);
    let prefix = if panels.heading.is_empty() { common(&names) } else { String::new() };
    if !prefix.is_empty() {
        panels.heading = prefix.trim_end_matches(['/', ':']).to_owned();
    }
    let label =
        |name: &str| labels.iter().find(|(known, _)| known == name).map(|(_, label)| label.clone());
    let shown = |name: &str, short: &str| {
        label(name).or_else(|| label(short)).unwrap_or_else(|| short.to_owned())
    };
    let mut of: BTreeMap<String, String> = BTreeMap::new();
    let is_clear = schemes_are_clear(&panels);
    for panel in panels.rows.iter_mut().flatten() {
        let table = |name: &str| {
            let (table, _) = name.split_once('/')?;
            let is_titled = is_clear && panel.title.iter().any(|part| part == table);
            is_titled.then(|| format!("{table}/"))
        };
        for series in &mut panel.series {
            let own = table(&series.name).unwrap_or_else(|| prefix.clone());
            let short = series.name.strip_prefix(&own).unwrap_or(&series.name);
            series.shown = shown(&series.name, short);
            of.insert(series.name.clone(), series.shown.clone());
        }
        for part in &mut panel.title {
            *part = shown(part, part);
        }
    }
    let other = |name: &str| shown(name, name.strip_prefix(&prefix).unwrap_or(name));
    for name in panels.y.iter_mut().flat_map(|axis| axis.listed_mut()) {
        *name = of.get(name).cloned().unwrap_or_else(|| other(name));
    }
    let mut said = BTreeSet::new();
    for (key, name) in &mut panels.legend {
        if matches!(key, Key::Subject(_)) {
            *name = of.get(name).cloned().unwrap_or_else(|| other(name));
        }
    }
    panels
        .legend
        .retain(|(key, name)| !matches!(key, Key::Subject(_)) || said.insert(name.clone()));
    panels.heading = shown(&panels.heading, &panels.heading);
    panels
}

/// Whether a scheme has one look in all panels, so that its name says enough where a title names the table.
fn schemes_are_clear(panels: &Panels) -> bool {
    let mut looks = BTreeMap::new();
    panels.rows.iter().flatten().flat_map(|panel| &panel.series).all(|series| {
        let Some((_, scheme)) = series.name.split_once('/') else { return true };
        let look = (series.look.colour, series.look.marker);
        !series.what.is_empty() || *looks.entry(scheme).or_insert(look) == look
    })
}

/// Every subject in the picture.
fn names(panels: &Panels) -> BTreeSet<String> {
    let series = panels.rows.iter().flatten().flat_map(|panel| &panel.series);
    let legend = panels.legend.iter().filter(|(key, _)| matches!(key, Key::Subject(_)));
    let listed = panels.y.iter().flat_map(|axis| axis.listed());
    let all = series.map(|one| &one.name).chain(legend.map(|(_, name)| name)).chain(listed);
    all.cloned().collect()
}

/// The longest beginning that all names share, up to a table's end.
fn common(names: &BTreeSet<String>) -> String {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return String::new() };
    let shared = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    let end = first.as_bytes()[..shared].iter().rposition(|byte| b"/:".contains(byte));
    match end {
        Some(end) if names.len() > 1 => first[..=end].to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_share_ends_where_a_table_does() {
        let of = |names: &[&str]| common(&names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&["a/epoch", "a/hazard", "a/haphazard"]), "a/");
        assert_eq!(of(&["a:x=1/epoch", "a:x=1/hazard"]), "a:x=1/");
        assert_eq!(of(&["a:x=1", "a:x=2"]), "a:");
        assert_eq!(of(&["a/epoch", "ab/epoch"]), "");
        assert_eq!(of(&["a", "a:x=2"]), "");
        assert_eq!(of(&["a/epoch"]), "");
        assert_eq!(of(&["é/1", "è/1"]), "");
    }
}
