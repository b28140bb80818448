//! What a picture of panels holds: a grid of panels that share axes, with one legend above and notes
//! below.

use super::scale::Scale;
use super::style::{Colour, Look};

/// A measured point: its x, its y and the ends of the y interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// The ends of what is drawn behind it, if anything.
    pub(super) band: Option<(f64, f64)>,
}

/// One subject's points, by x.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// As the legend has it.
    pub(super) name: String,
    pub(super) look: Look,
    pub(super) points: Vec<Point>,
}

/// One panel.
#[derive(Clone, Debug, Default)]
pub(super) struct Panel {
    /// Its title; set on two lines if one is too narrow.
    pub(super) title: [String; 2],
    /// What is drawn.
    pub(super) series: Vec<Series>,
    /// The height of the dotted line, if any.
    pub(super) reference: Option<f64>,
    /// Lines that are no series.
    pub(super) curves: Vec<Curve>,
    /// Filled places of axes of levels.
    pub(super) tiles: Vec<Tile>,
}

/// What an entry of the legend explains.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Subject(Look),
    Reference,
    /// A dashed curve.
    Dashed,
    Band,
    Shade,
    /// The colour of tiles.
    Fill(Colour),
}

/// What the x axis is.
#[derive(Clone, Debug)]
pub(super) enum XAxis {
    /// Every x, ascending, at least one: logarithmic, with a tick at each.
    Counts(Vec<usize>),
    /// Labels, evenly spaced: of places 1, 2, ….
    Levels(Vec<String>),
    /// From 0 to the last point.
    Linear,
    /// Decades.
    Log,
    /// Decades of seconds.
    Seconds,
}

/// What the y axis of a row of panels is.
#[derive(Clone, Debug)]
pub(super) struct YAxis {
    pub(super) label: String,
    kind: YKind,
}

#[derive(Clone, Debug)]
enum YKind {
    /// From 0.
    Linear,
    Log,
    /// Labels from the lowest to the highest, of places 1, 2, ….
    Levels(Vec<String>),
}

impl YAxis {
    pub(super) fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), kind: YKind::Linear }
    }

    pub(super) fn log(label: &str) -> Self {
        Self { label: label.to_owned(), kind: YKind::Log }
    }

    pub(super) fn levels(label: &str, labels: Vec<String>) -> Self {
        Self { label: label.to_owned(), kind: YKind::Levels(labels) }
    }

    pub(super) fn is_log(&self) -> bool {
        matches!(self.kind, YKind::Log)
    }

    /// The labels, if they are all there is to it.
    pub(super) fn labels(&self) -> &[String] {
        match &self.kind {
            YKind::Levels(labels) => labels,
            _ => &[],
        }
    }

    /// The place of each tick on `scale`, which is this axis', as a share, and its label.
    pub(super) fn ticks(&self, scale: Scale) -> Vec<(f64, String)> {
        let ticks = scale.labelled_ticks().into_iter();
        let label = |(i, (share, label))| (share, self.labels().get(i).cloned().unwrap_or(label));
        ticks.enumerate().map(label).collect()
    }
}

/// How a series' points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// As markers alone.
    None,
    /// As markers at the tops of bars, side by side.
    Bars,
    /// Joined, with a marker at every so many points.
    Marked(usize),
}

/// Everything there is to draw.
#[derive(Clone, Debug)]
pub(super) struct Panels {
    /// Rows of equally many panels; a row shares its y axis.
    pub(super) rows: Vec<Vec<Panel>>,
    /// Of each row.
    pub(super) y: Vec<YAxis>,
    pub(super) x: XAxis,
    pub(super) lines: Lines,
    /// Where shading begins, if any x is beyond.
    pub(super) shade_from: Option<f64>,
    pub(super) x_label: String,
    pub(super) legend: Vec<(Key, String)>,
    /// Sentences under the panels.
    pub(super) notes: Vec<String>,
}

/// A line through places of the panel's axes.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: Colour,
    pub(super) is_dashed: bool,
    /// Whether it hides points, or they it.
    pub(super) in_front: bool,
}

/// A filled place of axes of levels, which are counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) colour: Colour,
    /// What is written in it.
    pub(super) text: String,
    /// What it stands for, with the ends of its interval.
    pub(super) value: Option<(f64, (f64, f64))>,
    /// The same in words.
    pub(super) words: String,
}

impl Panel {
    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.reference.is_none() && self.tiles.is_empty()
    }
}

impl Panels {
    pub(super) fn columns(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1)
    }
}
