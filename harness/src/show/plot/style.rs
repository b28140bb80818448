//! How pictures look: sizes for a place of publication, and one look for each subject.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows::Row;

/// Sizes for one place of publication, in points of SVG and PDF: 72 an inch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Its name on the command line.
    pub name: &'static str,
    /// Width of a picture with up to two columns of panels.
    pub column: f64,
    /// Width of a picture with more.
    pub page: f64,
    /// Height of a panel's data area.
    pub panel_height: f64,
    /// Text of titles, axes and the legend.
    pub text: f64,
    /// Text of tick labels and notes.
    pub small_text: f64,
    /// Width of a subject's line.
    pub line: f64,
    /// Radius of a marker.
    pub marker: f64,
}

/// A width that a LaTeX class states, whose points are 72.27 an inch.
const fn tex(points: f64) -> f64 {
    points * 72.0 / 72.27
}

/// ACM `sigconf` and `sigplan`.
const ACM: Style = Style {
    name: "acm",
    column: tex(241.15),
    page: tex(506.3),
    panel_height: 78.0,
    text: 7.5,
    small_text: 7.0,
    line: 0.8,
    marker: 1.9,
};

/// Every style; the first is the default.
pub const STYLES: &[Style] = &[
    ACM,
    Style { name: "usenix", column: tex(241.02), page: tex(505.9), ..ACM },
    Style { name: "ieee", column: tex(252.0), page: tex(516.0), ..ACM },
    Style {
        name: "slides",
        column: 720.0,
        page: 720.0,
        panel_height: 150.0,
        text: 15.0,
        small_text: 12.0,
        line: 1.8,
        marker: 4.0,
    },
];

impl Style {
    /// The style of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        STYLES.iter().find(|style| style.name == name)
    }
}

/// Red, green, blue.
pub(super) type Colour = (u8, u8, u8);

pub(super) const WHITE: Colour = (255, 255, 255);
/// Grid lines.
pub(super) const FAINT: Colour = (222, 222, 222);
/// The oversubscribed region.
pub(super) const SHADE: Colour = (240, 240, 240);
/// The noise floor.
pub(super) const BAND: Colour = (212, 212, 212);
/// Axes and reference lines.
pub(super) const GREY: Colour = (90, 90, 90);

/// Okabe & Ito's palette without its yellow, which is too faint for a line on white.
const COLOURS: [Colour; 7] = [
    (0x00, 0x72, 0xB2),
    (0xD5, 0x5E, 0x00),
    (0x00, 0x9E, 0x73),
    (0x00, 0x00, 0x00),
    (0xCC, 0x79, 0xA7),
    (0xE6, 0x9F, 0x00),
    (0x56, 0xB4, 0xE9),
];

/// A marker's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    HollowCircle,
    HollowSquare,
    HollowTriangle,
    Cross,
}

const MARKERS: [Marker; 8] = [
    Marker::Circle,
    Marker::HollowSquare,
    Marker::Triangle,
    Marker::Diamond,
    Marker::HollowCircle,
    Marker::Square,
    Marker::HollowTriangle,
    Marker::Cross,
];

/// Lengths on, off, on, …, in line widths; nothing for a solid line.
const DASHES: [&[f64]; 5] =
    [&[], &[4.5, 1.8], &[1.5, 1.5], &[6.0, 1.5, 1.5, 1.5], &[6.0, 1.2, 1.2, 1.2, 1.2, 1.2]];

/// What one subject looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) colour: Colour,
    pub(super) marker: Marker,
    pub(super) dash: &'static [f64],
}

impl Look {
    /// Any 56 slots in a row differ in colour or marker, and any 40 in marker or dash, which
    /// tells them apart in grey; neighbours differ in all three.
    fn of_slot(slot: usize) -> Self {
        Self {
            colour: COLOURS[slot % COLOURS.len()],
            marker: MARKERS[slot % MARKERS.len()],
            dash: DASHES[slot % DASHES.len()],
        }
    }

    /// The same without dashes, where they mean something else.
    pub(super) fn solid(self) -> Self {
        Self { dash: &[], ..self }
    }
}

/// Tables with a slot of their own: they look the same in every report. Those most often
/// compared come first, since seven in a row differ in colour.
const FIXED: &[&str] = &[
    "chaining-lock-free",
    "cuckoo-optimistic",
    "hamt-cas",
    "chaining-bucket-lock",
    "papaya",
    "dashmap",
    "scc-hashmap",
    "chaining-global-lock",
    "cuckoo-striped",
    "hamt-sharded",
    "chaining-inline",
    "flurry",
    "scc-hashindex",
    "cow-cas",
    "std-rwlock",
    "cuckoo-optimistic-items",
    "hamt-psim",
    "cow-lock",
    "sharded-rwlock",
    "left-right",
    "log-herlihy",
    // Variants are compared with each other and with the table of slot 1.
    "cuckoo-optimistic:tags=off",
    "cuckoo-optimistic:exclusion=single-writer",
    "cuckoo-optimistic:exclusion=single-writer,tags=off",
    "cuckoo-optimistic:exclusion=bucket-lock",
    "cuckoo-optimistic:exclusion=bucket-lock,tags=off",
    "cuckoo-optimistic:exclusion=global-lock",
    "cuckoo-optimistic:exclusion=global-lock,tags=off",
    "cuckoo-optimistic:slots=2",
    "cuckoo-optimistic:slots=4",
    "cuckoo-optimistic:search=random-1",
    "cuckoo-optimistic:search=random-2",
    "chaining-inline:tags=off",
    "chaining-inline:exclusion=bucket-lock",
    "chaining-inline:exclusion=bucket-lock,tags=off",
    "chaining-inline:exclusion=global-lock",
    "chaining-inline:exclusion=global-lock,tags=off",
    "cuckoo-striped:slots=8",
    "cuckoo-striped:search=random-1",
    "cuckoo-striped:search=random-2",
    "cuckoo-optimistic:version-stripes=1",
    "cuckoo-optimistic:version-stripes=64",
    "cuckoo-optimistic:version-stripes=8192",
    "arc-swap-imbl",
    "hamt-cas:nodes=counted",
];

/// Reclamation schemes with a slot of their own, where schemes are what is compared.
const SCHEMES: &[&str] = &[
    "leak",
    "epoch",
    "hazard",
    "qsbr",
    "haphazard",
    "seize",
    "worker-rcu",
    "debra",
    "hyaline",
    "ibr",
    "poor-rcu",
    "grace-rcu",
    "sdd",
    "arc",
    "urcu",
    "kovan",
];

/// The look of each scheme: that of its slot, or one that is left.
pub(super) fn scheme_looks(names: &BTreeSet<&str>) -> BTreeMap<String, Look> {
    let own = |name: &str| SCHEMES.iter().position(|scheme| *scheme == name);
    let mut left = SCHEMES.len()..;
    names
        .iter()
        .map(|name| {
            let slot = own(name).or_else(|| left.next()).expect("there is no last slot");
            ((*name).to_owned(), Look::of_slot(slot))
        })
        .collect()
}

/// Whether a structure looks the same in every report.
#[must_use]
pub fn is_fixed(structure: &str) -> bool {
    FIXED.contains(&structure)
}

/// The look of each subject of `rows`; to be called once for all rows of a report.
///
/// The first reclaimer of a built-in table takes the table's slot. Its other reclaimers, and
/// tables that are not built in, take the slots that are left, by name.
pub(super) fn looks(rows: &[Row]) -> BTreeMap<String, Look> {
    // A twin is never drawn as a subject of its own.
    let rows = rows.iter().filter(|row| !row.twin);
    let names: BTreeSet<_> = rows.map(|row| (&row.structure, row.subject())).collect();
    let mut slots: BTreeMap<usize, String> = BTreeMap::new();
    let mut others = Vec::new();
    for (structure, subject) in names {
        let own = FIXED.iter().position(|name| name == structure);
        match own.filter(|slot| !slots.contains_key(slot)) {
            Some(slot) => drop(slots.insert(slot, subject)),
            None => others.push(subject),
        }
    }
    let mut slot = 0;
    for subject in others {
        while slots.contains_key(&slot) {
            slot += 1;
        }
        slots.insert(slot, subject);
    }
    slots.into_iter().map(|(slot, subject)| (subject, Look::of_slot(slot))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{Grid, trial, with};

    #[test]
    fn styles_are_found_by_name() {
        assert_eq!(Style::named("ieee").map(|style| style.column), Some(tex(252.0)));
        assert!((tex(72.27) - 72.0).abs() < 1e-9);
        assert_eq!(Style::named("beamer"), None);
    }

    #[test]
    fn a_built_in_table_looks_the_same_in_any_company() {
        let alone = looks(&[trial("papaya", 1, 0, 1e6)]);
        let rows = ["aardvark", "dashmap", "papaya", "zebra"].map(|name| trial(name, 1, 0, 1e6));
        let together = looks(&rows);
        assert_eq!(alone["papaya"], together["papaya"]);
        assert_eq!(together.len(), 4);
        assert!(looks(&[with(&trial("papaya", 1, 0, 1e6), |row| row.twin = true)]).is_empty());
    }

    #[test]
    fn variants_look_the_same_in_any_company_and_differ_from_each_other() {
        let variants: Vec<&str> = FIXED.iter().copied().filter(|name| name.contains(':')).collect();
        let alone = |name: &str| looks(&[trial(name, 1, 0, 1e6)])[name];
        let mut names = variants.clone();
        names.extend(["aardvark", "cuckoo-optimistic", "zebra"]);
        let rows: Vec<Row> = names.iter().map(|name| trial(name, 1, 0, 1e6)).collect();
        let together = looks(&rows);
        assert!(variants.iter().all(|name| alone(name) == together[*name]));
        let distinct: BTreeSet<_> =
            together.values().map(|look| (look.colour, look.marker)).collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn schemes_look_the_same_in_any_company_and_differ() {
        let all: BTreeSet<&str> = SCHEMES.iter().copied().chain(["mine", "yours"]).collect();
        let together = scheme_looks(&all);
        assert_eq!(scheme_looks(&["qsbr"].into())["qsbr"], together["qsbr"]);
        let distinct: BTreeSet<_> =
            together.values().map(|look| (look.colour, look.marker)).collect();
        assert_eq!(distinct.len(), SCHEMES.len() + 2);
    }

    #[test]
    fn many_subjects_are_told_apart_by_marker_or_colour() {
        let reclaimers = ["arc", "epoch", "hazard", "haphazard", "leak", "qsbr", "sdd", "seize"];
        let tables = ["chaining-lock-free", "hamt-cas", "cow-cas", "mine", "yours"];
        let subjects =
            tables.iter().flat_map(|table| reclaimers.map(|reclaimer| (*table, reclaimer)));
        let looks = looks(&Grid { subjects: subjects.collect(), ..Grid::small() }.rows());
        let distinct: BTreeSet<_> = looks.values().map(|look| (look.colour, look.marker)).collect();
        let in_grey: BTreeSet<_> =
            looks.values().map(|look| (look.marker, format!("{:?}", look.dash))).collect();
        assert_eq!((looks.len(), distinct.len(), in_grey.len()), (40, 40, 40));
    }
}
