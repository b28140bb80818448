//! The contents of a picture of panels: panels that share axes, a legend, and the caption.

use super::scale::Scale;
use super::style::{Colour, Look};

/// A measured point: its place, and how far it may be from there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// The ends of the interval upwards.
    pub(super) interval: Option<(f64, f64)>,
    /// The same across.
    pub(super) across: Option<(f64, f64)>,
    /// The ends of what is drawn behind it, if anything: along the axis of what was measured.
    pub(super) band: Option<(f64, f64)>,
}

/// One subject's points, by x.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The subject.
    pub(super) name: String,
    /// What of the subject it is, where a panel has more than one series of it.
    pub(super) what: &'static str,
    /// The subject as the legend has it.
    pub(super) shown: String,
    pub(super) look: Look,
    pub(super) points: Vec<Point>,
    /// Whether the bands of its points are one, in its colour.
    pub(super) has_ribbon: bool,
}

impl Series {
    pub(super) fn new(subject: &str, look: Look, points: Vec<Point>) -> Self {
        let name = subject.to_owned();
        Self { shown: name.clone(), name, what: "", look, points, has_ribbon: false }
    }

    /// As it is called beside its values.
    pub(super) fn in_words(&self) -> String {
        match self.what {
            "" => self.shown.clone(),
            what => format!("{}, {what}", self.shown),
        }
    }
}

/// One panel.
#[derive(Clone, Debug, Default)]
pub(super) struct Panel {
    /// The parts of its title, which is broken between them where it is too long.
    pub(super) title: Vec<String>,
    /// What is drawn.
    pub(super) series: Vec<Series>,
    /// The place of the dotted line on the axis of what was measured, if there is one.
    pub(super) reference: Option<f64>,
    /// Lines that are no series.
    pub(super) curves: Vec<Curve>,
    /// Filled places of axes of levels.
    pub(super) tiles: Vec<Tile>,
    /// Parts of bars beside names: then there are no markers.
    pub(super) segments: Vec<Segment>,
}

/// What an entry of the legend explains.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Subject(Look),
    Reference,
    /// A dashed curve.
    Dashed,
    /// A curve.
    Solid,
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
    /// Labels, evenly spaced: of places 1, 2, …. Those with the same text side by side are said once
    /// for all; there may be several lines of them, each with a label for each place.
    Levels(Vec<Vec<String>>),
    /// From 0 to the last point.
    Linear,
    /// From the first point to the last.
    Span,
    /// Decades.
    Log,
    /// Decades of seconds.
    Seconds,
}

impl XAxis {
    /// Levels with one line of labels.
    pub(super) fn levels(labels: impl IntoIterator<Item = String>) -> Self {
        Self::Levels(vec![labels.into_iter().collect()])
    }

    /// How many places it has, if these are all that there is to it.
    pub(super) fn places(&self) -> usize {
        match self {
            Self::Levels(lines) => lines.first().map_or(0, Vec::len),
            _ => 0,
        }
    }
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
    /// Subjects from the highest to the lowest.
    Names(Vec<String>),
}

impl YAxis {
    pub(super) fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), kind: YKind::Linear }
    }

    pub(super) fn log(label: &str) -> Self {
        Self { label: label.to_owned(), kind: YKind::Log }
    }

    /// Subjects, the first at the top: of places 1, 2, …, the last of which is highest.
    pub(super) fn names(names: Vec<String>) -> Self {
        Self { label: String::new(), kind: YKind::Names(names) }
    }

    pub(super) fn is_log(&self) -> bool {
        matches!(self.kind, YKind::Log)
    }

    /// The names from the top, if they are all that there is to it.
    pub(super) fn listed(&self) -> &[String] {
        match &self.kind {
            YKind::Names(names) => names,
            _ => &[],
        }
    }

    pub(super) fn listed_mut(&mut self) -> &mut [String] {
        match &mut self.kind {
            YKind::Names(names) => names,
            _ => &mut [],
        }
    }

    /// The place of each tick on `scale`, which is this axis', as a share, and its label.
    pub(super) fn ticks(&self, scale: Scale) -> Vec<(f64, String)> {
        let names = self.listed();
        let label = |(i, (share, label))| {
            let name = names.len().checked_sub(1 + i).map(|i| names[i].clone());
            (share, name.unwrap_or(label))
        };
        scale.labelled_ticks().into_iter().enumerate().map(label).collect()
    }
}

/// The place of the `index`-th of so many names.
pub(super) fn place_of_name(index: usize, names: usize) -> usize {
    names - index
}

/// How a series' points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// As markers alone.
    None,
    /// As markers at the ends of bars, beside names.
    Bars,
    /// Joined, with a marker at every so many points.
    Marked(usize),
}

/// Everything there is to draw.
#[derive(Clone, Debug)]
pub(super) struct Panels {
    /// Rows of panels; a row shares its y axis. None is longer than the first.
    pub(super) rows: Vec<Vec<Panel>>,
    /// Of each row.
    pub(super) y: Vec<YAxis>,
    pub(super) x: XAxis,
    pub(super) lines: Lines,
    /// Where shading begins, if any x is beyond.
    pub(super) shade_from: Option<f64>,
    pub(super) x_label: String,
    pub(super) legend: Vec<(Key, String)>,
    /// What all subjects are, above the panels.
    pub(super) heading: String,
    /// Height of a panel in texts' heights, where it is not the style's.
    pub(super) height: Option<f64>,
    /// Sentences for the caption.
    pub(super) caption: Vec<String>,
}

/// A line through places of the panel's axes.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// The subject that it is of.
    pub(super) name: String,
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
    pub(super) value: (f64, (f64, f64)),
    /// The same in words.
    pub(super) words: String,
}

/// A part of a bar beside a name.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// The subject whose bar it is in.
    pub(super) name: String,
    /// Its ends.
    pub(super) x: (f64, f64),
    /// The place of the name.
    pub(super) y: f64,
    pub(super) colour: Colour,
    /// What it stands for.
    pub(super) words: String,
}

impl Panel {
    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        let has_points = self.series.iter().any(|series| !series.points.is_empty());
        !has_points && self.reference.is_none() && self.tiles.is_empty()
    }
}

impl Panels {
    pub(super) fn columns(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1)
    }

    /// Whether its panels are matrices of tiles.
    pub(super) fn is_matrix(&self) -> bool {
        self.y.iter().any(|axis| !axis.listed().is_empty()) && self.x.places() > 0
    }

    /// Whether subjects have lines.
    pub(super) fn has_lines(&self) -> bool {
        let mut panels = self.rows.iter().flatten();
        matches!(self.lines, Lines::Marked(_)) || panels.any(|panel| !panel.curves.is_empty())
    }

    /// Whether names are on the y axis, and what was measured is on the x axis.
    pub(super) fn is_sideways(&self) -> bool {
        self.y.iter().any(|axis| !axis.listed().is_empty()) && self.x.places() == 0
    }
}
