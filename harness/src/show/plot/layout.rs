//! Where everything of a picture of panels is, in points.

use super::font;
use super::panels::{Lines, Panel, Panels, XAxis, YAxis};
use super::scale::Scale;
use super::style::Style;

/// Width of a panel in texts' heights, below which the picture is made wider than its style.
const NARROWEST: f64 = 8.0;
/// Length of the line in a legend entry, in texts' heights.
pub(super) const SAMPLE: f64 = 2.6;

/// Room beside the markers at the ends of a logarithmic axis, as a share of it.
pub(super) const LOG_PAD: f64 = 0.06;

/// Room beside the first and the last place on the x axis, as a share of what is between them.
const PAD: f64 = 0.12;

/// The share of the room between two places that a group of bars takes.
const GROUP: f64 = 0.86;

/// The measures of one picture, in points.
pub(super) struct Layout<'a> {
    pub(super) panels: &'a Panels,
    pub(super) style: &'a Style,
    /// The y axis of each row.
    pub(super) axes: Vec<Scale>,
    /// Of the x axis, where its ticks are not the points'.
    pub(super) x_scale: Option<Scale>,
    pub(super) width: f64,
    /// Left edge of the first panel's data area.
    pub(super) left: f64,
    pub(super) panel_width: f64,
    /// From one panel's left edge to the next's.
    pub(super) pitch: f64,
    pub(super) title_lines: usize,
    /// Widths of the legend's columns, filled one after the other.
    pub(super) legend: Vec<f64>,
    pub(super) notes: Vec<String>,
}

/// The axis that holds every panel of a row.
fn axis_of(row: &[Panel], axis: &YAxis) -> Scale {
    let points = row.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
    let curves = row.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
    if !axis.labels().is_empty() {
        return Scale::Levels(axis.labels().len());
    }
    if axis.is_log() {
        let ends = points.flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low.min(point.y), high.max(point.y)]
        });
        return Scale::log(ends);
    }
    let tops = points.flat_map(|point| {
        let ends = point.interval.into_iter().chain(point.band);
        ends.map(|(_, high)| high).chain([point.y])
    });
    let tops = tops.chain(curves.map(|(_, y)| *y));
    Scale::linear(tops.chain(row.iter().filter_map(|panel| panel.reference)))
}

/// The scale of the x axis, unless it has a place for each x.
fn x_scale(panels: &Panels) -> Option<Scale> {
    let all = panels.rows.iter().flatten().flat_map(|panel| &panel.series);
    let xs = all.flat_map(|series| &series.points).map(|point| point.x);
    match panels.x {
        XAxis::Counts(_) | XAxis::Levels(_) => None,
        XAxis::Linear => Some(Scale::up_to(xs)),
        XAxis::Log => Some(Scale::log(xs)),
        XAxis::Seconds => Some(Scale::seconds(xs)),
    }
}

/// The least width of a panel: tiles must hold what is written in them, and then titles, which are
/// many, have to fit too.
fn narrowest(panels: &Panels, style: &Style) -> f64 {
    let tiles = || panels.rows.iter().flatten().flat_map(|panel| &panel.tiles);
    let XAxis::Levels(levels) = &panels.x else { return NARROWEST * style.text };
    let written = tiles().map(|tile| font::width(&tile.text, style.small_text) * 1.1);
    let titles = panels.rows.iter().flatten().filter(|panel| !panel.tiles.is_empty());
    let titles = titles.flat_map(|panel| &panel.title).map(|line| font::width(line, style.text));
    let tiles = written.fold(0.0, f64::max) * levels.len() as f64;
    titles.fold(tiles, f64::max).max(NARROWEST * style.text)
}

/// The widths of as many columns of legend entries as fit side by side; at least one.
fn legend_columns(panels: &Panels, style: &Style, room: f64) -> Vec<f64> {
    let names = panels.legend.iter().map(|(_, name)| font::width(name, style.text));
    let entries: Vec<f64> = names.map(|width| width + style.text * (SAMPLE + 1.3)).collect();
    let widest = |entries: &[f64]| entries.iter().copied().fold(0.0, f64::max);
    (1..=entries.len().max(1))
        .map(|rows| entries.chunks(rows).map(widest).collect::<Vec<_>>())
        .find(|columns| !columns.is_empty() && columns.iter().sum::<f64>() <= room)
        .unwrap_or_else(|| vec![widest(&entries)])
}

/// Where the axis that has a tick at each of `xs` begins and ends, as powers of two.
pub(super) fn ends_of_counts(xs: &[usize]) -> (f64, f64) {
    // A row may claim 0 threads, of which there is no logarithm.
    let end = |x: Option<&usize>| (x.copied().unwrap_or(1).max(1) as f64).log2();
    let (first, last) = (end(xs.first()), end(xs.last()));
    let pad = if first == last { 0.5 } else { (last - first) * PAD };
    (first - pad, last + pad)
}

/// Place of `x`, as a share, on the axis that has a tick at each of `xs`.
fn share_of_counts(xs: &[usize], x: f64) -> f64 {
    let (begin, end) = ends_of_counts(xs);
    (x.max(1.0).log2() - begin) / (end - begin)
}

impl<'a> Layout<'a> {
    pub(super) fn new(panels: &'a Panels, style: &'a Style) -> Self {
        let axes: Vec<_> =
            panels.rows.iter().zip(&panels.y).map(|(row, axis)| axis_of(row, axis)).collect();
        let labels = axes.iter().zip(&panels.y).flat_map(|(scale, axis)| axis.ticks(*scale));
        let widest =
            labels.map(|(_, label)| font::width(&label, style.small_text)).fold(0.0, f64::max);
        let columns = panels.columns() as f64;
        let (line, margin) = (style.text * 1.35, style.text * 0.4);
        let (left, gap) = (line + widest + 2.0 * margin, style.text * 1.3);
        let target = if panels.columns() <= 2 { style.column } else { style.page };
        let fitting = (target - left - margin - gap * (columns - 1.0)) / columns;
        let panel_width = fitting.max(narrowest(panels, style));
        let width = left + panel_width * columns + gap * (columns - 1.0) + margin;
        let titles = || panels.rows.iter().flatten().map(|panel| panel.title.join(", "));
        let one_line = titles().all(|title| font::width(&title, style.text) <= panel_width);
        let wrap = |note: &String| font::wrap(note, style.small_text, width - 2.0 * margin);
        Self {
            panels,
            style,
            axes,
            x_scale: x_scale(panels),
            width,
            left,
            panel_width,
            pitch: panel_width + gap,
            title_lines: if one_line { 1 } else { 2 },
            legend: legend_columns(panels, style, width - 2.0 * margin),
            notes: panels.notes.iter().flat_map(wrap).collect(),
        }
    }

    pub(super) fn line(&self) -> f64 {
        self.style.text * 1.35
    }

    pub(super) fn margin(&self) -> f64 {
        self.style.text * 0.4
    }

    pub(super) fn legend_height(&self) -> f64 {
        self.panels.legend.len().div_ceil(self.legend.len()) as f64 * self.line()
    }

    /// Top of the data area of row `i`.
    pub(super) fn top(&self, i: usize) -> f64 {
        let title = self.title_lines as f64 * self.line();
        let row = title + self.style.panel_height + self.line() * 0.6;
        self.margin() + self.legend_height() + self.line() * 0.3 + title + row * i as f64
    }

    /// Bottom of the last row's data area.
    pub(super) fn bottom(&self) -> f64 {
        self.top(self.panels.rows.len().saturating_sub(1)) + self.style.panel_height
    }

    /// The row of the lowest panel of column `j`: the last row may have fewer than others.
    pub(super) fn lowest(&self, j: usize) -> usize {
        self.panels.rows.iter().rposition(|row| row.len() > j).unwrap_or(0)
    }

    /// Height of the middle of the x axis' label.
    pub(super) fn x_label(&self) -> f64 {
        self.bottom() + self.margin() + 1.5 * self.line()
    }

    pub(super) fn note(&self, i: usize) -> f64 {
        self.x_label() + self.line() * 1.2 + self.style.small_text * 1.3 * i as f64
    }

    pub(super) fn height(&self) -> f64 {
        self.note(self.notes.len()) - self.style.small_text * 0.65 + self.margin()
    }

    /// Place of `x` in the panel of column `j`.
    pub(super) fn x(&self, j: usize, x: f64) -> f64 {
        let share = match (&self.panels.x, self.x_scale) {
            (XAxis::Counts(xs), _) => share_of_counts(xs, x),
            (XAxis::Levels(labels), _) => (x - 0.5) / labels.len() as f64,
            (XAxis::Log | XAxis::Seconds, Some(scale)) => {
                LOG_PAD + (1.0 - 2.0 * LOG_PAD) * scale.share(x)
            }
            (_, scale) => scale.map_or(0.0, |scale| scale.share(x)),
        };
        self.left + self.pitch * j as f64 + self.panel_width * share
    }

    /// How far from its place on the axis the `index`-th of `count` series is drawn, so that
    /// their intervals do not hide each other: side by side as markers, or closer if that would
    /// leave the panel or come half-way to the next place. What is not joined is where it is.
    pub(super) fn aside(&self, index: usize, count: usize) -> f64 {
        if self.panels.lines == Lines::None {
            return 0.0;
        }
        let places: Vec<f64> = match &self.panels.x {
            XAxis::Counts(xs) => xs.iter().map(|&x| self.x(0, x as f64)).collect(),
            XAxis::Levels(labels) => (1..=labels.len()).map(|x| self.x(0, x as f64)).collect(),
            XAxis::Linear | XAxis::Log | XAxis::Seconds => return 0.0,
        };
        if self.panels.lines == Lines::Bars {
            return (index as f64 - (count as f64 - 1.0) / 2.0) * self.bar_step(count);
        }
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
        let edge = places.first().map_or(0.0, |first| first - self.left);
        let room = gaps.map(|gap| gap / 4.0).fold(edge * 0.65, f64::min);
        let middle = (count as f64 - 1.0) / 2.0;
        let step = (1.6 * self.style.marker).min(room / middle.max(0.5));
        (index as f64 - middle) * step
    }

    pub(super) fn y(&self, i: usize, y: f64) -> f64 {
        self.top(i) + self.style.panel_height * (1.0 - self.axes[i].share(y))
    }

    /// The places and labels of the x axis' ticks in column `j`.
    pub(super) fn x_ticks(&self, j: usize) -> Vec<(f64, String)> {
        if let XAxis::Counts(xs) = &self.panels.x {
            return xs.iter().map(|x| (self.x(j, *x as f64), x.to_string())).collect();
        }
        if let XAxis::Levels(labels) = &self.panels.x {
            let place = |i: usize| self.x(j, (i + 1) as f64);
            return labels.iter().enumerate().map(|(i, label)| (place(i), label.clone())).collect();
        }
        let ticks = self.x_scale.map_or_else(Vec::new, Scale::labelled_ticks);
        let is_log = matches!(self.panels.x, XAxis::Log | XAxis::Seconds);
        let pad = if is_log { LOG_PAD } else { 0.0 };
        let left = self.left + self.pitch * j as f64;
        let place = |share: f64| left + self.panel_width * (pad + (1.0 - 2.0 * pad) * share);
        ticks.into_iter().map(|(share, label)| (place(share), label)).collect()
    }

    /// Where a label is so that it does not reach into the next panel, if its axis ends at ticks.
    pub(super) fn inside(&self, j: usize, place: f64, half: f64) -> f64 {
        if !matches!(self.panels.x, XAxis::Linear | XAxis::Seconds) {
            return place;
        }
        let left = self.left + self.pitch * j as f64;
        place.min(left + self.panel_width - half).max(left + half)
    }

    /// What is said in a panel of row `i` that has nothing to show.
    pub(super) fn why_empty(&self, i: usize) -> &'static str {
        match self.panels.y[i].labels() {
            [] => "no valid trial",
            _ => "not compared",
        }
    }

    /// Width of a band.
    pub(super) fn band(&self) -> f64 {
        4.5 * self.style.marker
    }

    /// From one marker of a line to the next.
    pub(super) fn marked(&self) -> usize {
        match self.panels.lines {
            Lines::None | Lines::Bars => 1,
            Lines::Marked(step) => step.max(1),
        }
    }

    /// The first marker of a line, so that lines above each other are marked at other places.
    pub(super) fn first_marker(&self, index: usize) -> usize {
        index % self.marked()
    }

    /// From one bar of a group to the next, if there are so many.
    pub(super) fn bar_step(&self, count: usize) -> f64 {
        let group = self.x(0, 2.0) - self.x(0, 1.0);
        GROUP * group / count.max(1) as f64
    }
}
