//! The entries of a legend and their columns, or that names are beside lines instead.

use super::font;
use super::panels::{Key, Panels};
use super::style::Style;

/// Length of the line in a legend entry, in texts' heights.
pub(super) const SAMPLE: f64 = 2.6;
/// Between an entry's name and the next entry, likewise.
const GAP: f64 = 1.3;

/// Where a picture's legend is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legend {
    /// There is none.
    None,
    /// Above the panels; subjects that are too many for it are named beside their lines.
    #[default]
    Top,
    /// A picture of its own.
    OwnFile,
}

/// An entry: what it explains, and as what.
pub(super) type Entry = (Key, String);

/// Entries in columns, which are filled one after the other.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    entries: Vec<Entry>,
    /// Width of each column.
    widths: Vec<f64>,
    pub(super) rows: usize,
}

impl Columns {
    /// As many columns as fit side by side, at least one; nothing of no entries.
    pub(super) fn of(entries: &[Entry], style: &Style, room: f64) -> Option<Self> {
        let names = entries.iter().map(|(_, name)| font::width(name, style.text));
        let widths: Vec<f64> = names.map(|width| width + style.text * (SAMPLE + GAP)).collect();
        let widest = |widths: &[f64]| widths.iter().copied().fold(0.0, f64::max);
        let of = |rows: usize| Self {
            entries: entries.to_vec(),
            widths: widths.chunks(rows).map(widest).collect(),
            rows,
        };
        let fits = |columns: &Self| columns.width() <= room;
        let mut all = (1..=entries.len()).map(of);
        all.clone().find(fits).or_else(|| all.next_back())
    }

    pub(super) fn width(&self) -> f64 {
        self.widths.iter().sum()
    }

    pub(super) fn count(&self) -> usize {
        self.widths.len()
    }

    /// The entries row by row, with nothing where a column is shorter.
    pub(super) fn by_rows(&self) -> impl Iterator<Item = Option<&Entry>> {
        let (rows, columns) = (self.rows, self.count());
        let places = (0..rows).flat_map(move |row| (0..columns).map(move |i| i * rows + row));
        places.map(|place| self.entries.get(place))
    }

    /// Each entry with the place of its left end.
    pub(super) fn placed(&self, line: f64) -> impl Iterator<Item = (&Entry, (f64, f64))> + use<'_> {
        self.entries.iter().enumerate().map(move |(i, entry)| {
            let x = self.widths[..i / self.rows].iter().sum::<f64>();
            (entry, (x, line * ((i % self.rows) as f64 + 0.5)))
        })
    }
}

/// What else a legend explains.
pub(super) fn without_subjects(entries: &[Entry]) -> Vec<Entry> {
    entries.iter().filter(|(key, _)| !matches!(key, Key::Subject(_))).cloned().collect()
}

/// More subjects are not found again in a legend.
const MOST: usize = 8;
/// The share of a picture's height that a legend takes at most.
const SHARE: f64 = 0.2;
/// How much higher panels are made for that.
const TALLER: f64 = 2.0;
/// From a panel to the names beside it, in texts' heights.
pub(super) const GUTTER: f64 = 2.4;
/// From one name to the next, in heights of small text.
pub(super) const PITCH: f64 = 1.25;

/// Whether there are too many subjects for a legend.
pub(super) fn too_many(panels: &Panels, style: &Style) -> bool {
    subjects(panels) > MOST || height_below(panels, style) > TALLER * style.panel_height
}

fn subjects(panels: &Panels) -> usize {
    panels.legend.iter().filter(|(key, _)| matches!(key, Key::Subject(_))).count()
}

/// How high panels must be under a legend of several subjects, so that it takes no more than its share.
pub(super) fn height_below(panels: &Panels, style: &Style) -> f64 {
    if subjects(panels) <= 1 {
        return 0.0;
    }
    let width = if panels.columns() <= 2 { style.column } else { style.page };
    let rows = Columns::of(&panels.legend, style, width - style.text).map_or(0, |own| own.rows);
    let legend = rows as f64 * style.text * 1.35;
    let below = legend * (1.0 - SHARE) / SHARE;
    below / panels.rows.len() as f64 - style.text * 2.0
}
