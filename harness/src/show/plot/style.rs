//! How pictures look: sizes for a place of publication, and one look for each subject.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows::Row;
use ::table::{NO_RECLAIMER, subject_name};

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
    HollowDiamond,
    Plus,
    Pentagon,
}

const MARKERS: [Marker; 11] = [
    Marker::Circle,
    Marker::HollowSquare,
    Marker::Triangle,
    Marker::Diamond,
    Marker::HollowCircle,
    Marker::Square,
    Marker::HollowTriangle,
    Marker::Cross,
    Marker::HollowDiamond,
    Marker::Pentagon,
    Marker::Plus,
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
    /// Any 77 slots in a row differ in colour or marker, and any 55 in marker or dash, which
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
    "tbb-hash-map",
    "libcuckoo",
    "rculfhash",
];

/// Reclamation schemes with a slot of their own: they look the same in every report, whatever their table.
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

/// The slot of the first scheme: a multiple of the colours, so that those most often compared have all.
const FIRST_SCHEME: usize = 56;

/// Whether a structure looks the same in every report.
#[must_use]
pub fn is_fixed(structure: &str) -> bool {
    FIXED.contains(&structure)
}

/// The look of each subject of `rows`; to be called once for all rows of a report.
///
/// Of a table that was measured with several schemes, a subject has the look of its scheme, and so it looks
/// as that scheme in every other such table: these are never in one panel. Of other tables it has the table's
/// look. What is not built in takes the slots that are left, by name.
pub(super) fn looks(rows: &[Row]) -> BTreeMap<String, Look> {
    // A twin is never drawn as a subject of its own.
    let rows = rows.iter().filter(|row| !row.twin);
    looks_of(&rows.map(|row| (row.structure.as_str(), row.reclaimer.as_str())).collect())
}

/// The same of subjects, each a structure and a scheme.
pub(super) fn looks_of(subjects: &BTreeSet<(&str, &str)>) -> BTreeMap<String, Look> {
    let mut schemes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (structure, reclaimer) in subjects.iter().filter(|(_, scheme)| *scheme != NO_RECLAIMER) {
        schemes.entry(structure).or_default().insert(reclaimer);
    }
    let are_compared = |structure: &str| schemes.get(structure).is_some_and(|own| own.len() > 1);
    let by = |structure: &str, scheme: &str| match scheme {
        scheme if scheme != NO_RECLAIMER && are_compared(structure) => (SCHEMES, scheme.to_owned()),
        _ => (FIXED, structure.to_owned()),
    };
    // Names that share a look, in order.
    let mut alike: BTreeMap<(bool, String, String), BTreeSet<String>> = BTreeMap::new();
    for (structure, reclaimer) in subjects {
        let (list, name) = by(structure, reclaimer);
        let is_scheme = list == SCHEMES;
        let subject = subject_name(structure, reclaimer);
        let apart = if is_scheme { String::new() } else { subject.clone() };
        alike.entry((is_scheme, name, apart)).or_default().insert(subject);
    }
    let mut slots: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for ((is_scheme, name, _), subjects) in alike {
        let (list, first) = if is_scheme { (SCHEMES, FIRST_SCHEME) } else { (FIXED, 0) };
        let own = list.iter().position(|known| *known == name).map(|place| first + place);
        match own.filter(|slot| !slots.contains_key(slot)) {
            Some(slot) => drop(slots.insert(slot, subjects)),
            None => others.push(subjects),
        }
    }
    let mut left = (FIXED.len()..FIRST_SCHEME).chain(FIRST_SCHEME + SCHEMES.len()..);
    for subjects in others {
        slots.insert(left.next().expect("there is no last slot"), subjects);
    }
    let each = |(slot, subjects): (usize, BTreeSet<String>)| {
        subjects.into_iter().map(move |subject| (subject, Look::of_slot(slot)))
    };
    slots.into_iter().flat_map(each).collect()
}

/// The harness alone, where it is drawn beside tables.
pub(super) const ALONE: Look = Look { colour: GREY, marker: Marker::Plus, dash: &[] };

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

    /// Trials of these subjects.
    fn of(subjects: &[(&'static str, &'static str)]) -> BTreeMap<String, Look> {
        looks(&Grid { subjects: subjects.to_vec(), ..Grid::small() }.rows())
    }

    #[test]
    fn a_scheme_looks_the_same_in_every_table_and_company() {
        let all: Vec<_> = SCHEMES.iter().map(|scheme| ("hamt-cas", *scheme)).collect();
        let together = of(&all);
        let few = of(&[
            ("cow-cas", "qsbr"),
            ("cow-cas", "mine"),
            ("cow-lock", "qsbr"),
            ("cow-lock", "mine"),
            ("hamt-cas", "qsbr"),
            ("papaya", "none"),
        ]);
        assert_eq!(few["cow-cas/qsbr"], together["hamt-cas/qsbr"]);
        assert_eq!(few["cow-cas/qsbr"], few["cow-lock/qsbr"]);
        assert_eq!(few["papaya"], of(&[("papaya", "none")])["papaya"]);
        let distinct = |looks: &BTreeMap<String, Look>| -> usize {
            looks.values().map(|look| (look.colour, look.marker)).collect::<BTreeSet<_>>().len()
        };
        assert_eq!((distinct(&together), distinct(&few)), (SCHEMES.len(), 4));
        // A table with one scheme looks as a table.
        assert_eq!(few["hamt-cas/qsbr"], of(&[("hamt-cas", "none")])["hamt-cas"]);
    }

    #[test]
    fn no_scheme_looks_as_a_table() {
        let slots = (0..FIXED.len()).chain(FIRST_SCHEME..FIRST_SCHEME + SCHEMES.len());
        let looks: Vec<Look> = slots.map(Look::of_slot).collect();
        let distinct: BTreeSet<_> = looks.iter().map(|look| (look.colour, look.marker)).collect();
        assert_eq!(distinct.len(), FIXED.len() + SCHEMES.len());
        assert!(FIXED.len() <= FIRST_SCHEME && FIRST_SCHEME.is_multiple_of(COLOURS.len()));
    }

    #[test]
    fn many_subjects_are_told_apart_by_marker_or_colour() {
        let names: Vec<&'static str> = (0..39).map(|i| &*format!("map{i}").leak()).collect();
        let looks = of(&names.iter().map(|name| (*name, "none")).collect::<Vec<_>>());
        let distinct: BTreeSet<_> = looks.values().map(|look| (look.colour, look.marker)).collect();
        let in_grey: BTreeSet<_> =
            looks.values().map(|look| (look.marker, format!("{:?}", look.dash))).collect();
        assert_eq!((looks.len(), distinct.len(), in_grey.len()), (39, 39, 39));
    }
}
