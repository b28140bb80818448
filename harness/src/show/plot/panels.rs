//! Small multiples: a grid of panels that share axes, with one legend above and notes below.

use anyhow::Result;

use super::canvas::{Align, Canvas, Place, paint};
use super::scale::Scale;
use super::shapes::{Curve, DASHES, Tile, tint};
use super::style::{BAND, Colour, FAINT, GREY, Look, SHADE, Style};
use super::{Drawing, font, pgf};

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

/// Patterns of the reference line, in line widths.
const DOTS: [f64; 2] = [1.0, 1.6];
/// Width of a panel in texts' heights, below which the picture is made wider than its style.
const NARROWEST: f64 = 8.0;
/// Length of the line in a legend entry, in texts' heights.
const SAMPLE: f64 = 2.6;

/// Room beside the markers at the ends of a logarithmic axis, as a share of it.
pub(super) const LOG_PAD: f64 = 0.06;

/// Room beside the first and the last place on the x axis, as a share of what is between them.
const PAD: f64 = 0.12;

/// The measures of one picture, in points.
pub(super) struct Layout<'a> {
    pub(super) panels: &'a Panels,
    pub(super) style: &'a Style,
    /// The y axis of each row.
    pub(super) axes: Vec<Scale>,
    /// Of the x axis, where its ticks are not the points'.
    pub(super) x_scale: Option<Scale>,
    width: f64,
    /// Left edge of the first panel's data area.
    pub(super) left: f64,
    pub(super) panel_width: f64,
    /// From one panel's left edge to the next's.
    pitch: f64,
    pub(super) title_lines: usize,
    /// Widths of the legend's columns, filled one after the other.
    pub(super) legend: Vec<f64>,
    notes: Vec<String>,
}

impl Panel {
    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.reference.is_none() && self.tiles.is_empty()
    }
}

impl Panels {
    /// The picture of this name.
    pub(super) fn drawing(&self, file_stem: String, style: &Style) -> Result<Drawing> {
        let layout = Layout::new(self, style);
        let svg = paint(layout.width, layout.height(), |canvas| layout.draw(canvas))?;
        let pgf = pgf::figure(&layout, &file_stem);
        Ok(Drawing { file_stem, svg, values: layout.values(), pgf })
    }

    pub(super) fn columns(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1)
    }
}

/// The axis that holds every panel of a row.
fn axis_of(row: &[Panel], axis: &YAxis) -> Scale {
    let points = row.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
    let curves = row.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
    if !axis.labels().is_empty() {
        return Scale::Levels(axis.labels().len());
    }
    if matches!(axis.kind, YKind::Log) {
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
    fn new(panels: &'a Panels, style: &'a Style) -> Self {
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

    fn margin(&self) -> f64 {
        self.style.text * 0.4
    }

    fn legend_height(&self) -> f64 {
        self.panels.legend.len().div_ceil(self.legend.len()) as f64 * self.line()
    }

    /// Top of the data area of row `i`.
    fn top(&self, i: usize) -> f64 {
        let title = self.title_lines as f64 * self.line();
        let row = title + self.style.panel_height + self.line() * 0.6;
        self.margin() + self.legend_height() + self.line() * 0.3 + title + row * i as f64
    }

    /// Bottom of the last row's data area.
    fn bottom(&self) -> f64 {
        self.top(self.panels.rows.len().saturating_sub(1)) + self.style.panel_height
    }

    /// The row of the lowest panel of column `j`: the last row may have fewer than others.
    pub(super) fn lowest(&self, j: usize) -> usize {
        self.panels.rows.iter().rposition(|row| row.len() > j).unwrap_or(0)
    }

    /// Height of the middle of the x axis' label.
    fn x_label(&self) -> f64 {
        self.bottom() + self.margin() + 1.5 * self.line()
    }

    fn note(&self, i: usize) -> f64 {
        self.x_label() + self.line() * 1.2 + self.style.small_text * 1.3 * i as f64
    }

    fn height(&self) -> f64 {
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

    fn draw(&self, canvas: &Canvas<'_>) -> Result<()> {
        self.draw_legend(canvas)?;
        for (i, row) in self.panels.rows.iter().enumerate() {
            for (j, panel) in row.iter().enumerate() {
                self.draw_frame(canvas, i, j)?;
                self.draw_title(canvas, panel, i, j)?;
                self.draw_data(canvas, panel, i, j)?;
            }
            let middle = self.top(i) + self.style.panel_height / 2.0;
            let place = (self.margin() + self.style.text / 2.0, middle);
            canvas.text(&self.panels.y[i].label, place, self.style.text, Align::Upwards)?;
        }
        (0..self.panels.columns()).try_for_each(|j| self.draw_x_ticks(canvas, j))?;
        let span = self.pitch * (self.panels.columns() - 1) as f64 + self.panel_width;
        let place = (self.left + span / 2.0, self.x_label());
        canvas.text(&self.panels.x_label, place, self.style.text, Align::Centre)?;
        self.notes.iter().enumerate().try_for_each(|(i, note)| {
            let place = (self.margin(), self.note(i));
            canvas.text(note, place, self.style.small_text, Align::Left)
        })
    }

    fn draw_legend(&self, canvas: &Canvas<'_>) -> Result<()> {
        let rows = self.panels.legend.len().div_ceil(self.legend.len());
        for (i, (key, name)) in self.panels.legend.iter().enumerate() {
            let x = self.margin() + self.legend[..i / rows].iter().sum::<f64>();
            let y = self.margin() + self.line() * ((i % rows) as f64 + 0.5);
            let end = x + self.style.text * SAMPLE;
            let (line, middle) = (self.style.line, ((x + end) / 2.0, y));
            match key {
                Key::Subject(look) if self.panels.lines == Lines::Bars => {
                    let half = self.style.text * 0.45;
                    canvas.fill((x, y - half), (end, y + half), tint(look.colour))?;
                    canvas.marker(middle, *look, self.style.marker)?;
                }
                Key::Subject(look) => {
                    canvas.dashed(&[(x, y), (end, y)], look.dash, look.colour, line)?;
                    canvas.marker(middle, *look, self.style.marker)?;
                }
                Key::Reference => canvas.dashed(&[(x, y), (end, y)], &DOTS, GREY, line)?,
                Key::Dashed => canvas.dashed(&[(x, y), (end, y)], &DASHES, GREY, line)?,
                Key::Band => {
                    let half = self.style.text * 0.45;
                    let (left, right) =
                        (middle.0 - self.band() / 2.0, middle.0 + self.band() / 2.0);
                    canvas.fill((left, y - half), (right, y + half), BAND)?;
                }
                Key::Shade => {
                    let half = self.style.text * 0.45;
                    canvas.fill((x, y - half), (end, y + half), SHADE)?;
                }
                Key::Fill(colour) => {
                    let (half, hair) = (self.style.text * 0.45, line * 0.5);
                    canvas.fill((x, y - half), (end, y + half), FAINT)?;
                    let inner = (x + hair, y - half + hair);
                    canvas.fill(inner, (end - hair, y + half - hair), *colour)?;
                }
            }
            let place = (end + self.style.text * 0.5, y);
            canvas.text(name, place, self.style.text, Align::Left)?;
        }
        Ok(())
    }

    fn draw_title(&self, canvas: &Canvas<'_>, panel: &Panel, i: usize, j: usize) -> Result<()> {
        let lines = match self.title_lines {
            1 => vec![panel.title.join(", ")],
            _ => panel.title.to_vec(),
        };
        let x = self.left + self.pitch * j as f64 + self.panel_width / 2.0;
        lines.iter().rev().enumerate().try_for_each(|(up, line)| {
            let y = self.top(i) - self.line() * (up as f64 + 0.5);
            canvas.text(line, (x, y), self.style.text, Align::Centre)
        })
    }

    /// Shade, grid, axes and y labels.
    fn draw_frame(&self, canvas: &Canvas<'_>, i: usize, j: usize) -> Result<()> {
        let hair = self.style.line * 0.5;
        let left = self.left + self.pitch * j as f64;
        let (right, top) = (left + self.panel_width, self.top(i));
        let bottom = top + self.style.panel_height;
        if let Some(from) = self.panels.shade_from {
            canvas.fill((self.x(j, from).max(left), top), (right, bottom), SHADE)?;
        }
        let has_grid = self.panels.y[i].labels().is_empty();
        for (share, label) in self.panels.y[i].ticks(self.axes[i]) {
            let y = bottom - self.style.panel_height * share;
            if has_grid {
                canvas.line(&[(left, y), (right, y)], FAINT, hair)?;
            }
            if j == 0 {
                let place = (left - self.margin(), y);
                canvas.text(&label, place, self.style.small_text, Align::Right)?;
            }
        }
        for (x, _) in self.x_ticks(j) {
            canvas.line(&[(x, bottom), (x, bottom + self.margin() * 0.6)], GREY, hair)?;
        }
        canvas.line(&[(left, top), (left, bottom), (right, bottom)], GREY, hair)
    }

    /// The places and labels of the x axis' ticks in column `j`.
    fn x_ticks(&self, j: usize) -> Vec<(f64, String)> {
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
    fn inside(&self, j: usize, place: f64, half: f64) -> f64 {
        if !matches!(self.panels.x, XAxis::Linear | XAxis::Seconds) {
            return place;
        }
        let left = self.left + self.pitch * j as f64;
        place.min(left + self.panel_width - half).max(left + half)
    }

    /// Labels of the x axis under column `j`, as many as do not touch.
    fn draw_x_ticks(&self, canvas: &Canvas<'_>, j: usize) -> Result<()> {
        let size = self.style.small_text;
        let mut free_from = f64::NEG_INFINITY;
        for (place, label) in self.x_ticks(j) {
            let half = font::width(&label, size) / 2.0;
            let place = self.inside(j, place, half);
            if label.is_empty() || place - half < free_from {
                continue;
            }
            free_from = place + half + size * 0.3;
            let bottom = self.top(self.lowest(j)) + self.style.panel_height;
            let y = bottom + self.margin() + self.line() * 0.5;
            canvas.text(&label, (place, y), size, Align::Centre)?;
        }
        Ok(())
    }

    fn draw_data(&self, canvas: &Canvas<'_>, panel: &Panel, i: usize, j: usize) -> Result<()> {
        let line = self.style.line;
        let count = panel.series.len();
        let place = |index: usize, point: &Point| {
            (self.x(j, point.x) + self.aside(index, count), self.y(i, point.y))
        };
        for (index, series) in panel.series.iter().enumerate() {
            for point in &series.points {
                let Some((low, high)) = point.band else { continue };
                let (x, half) = (place(index, point).0, self.band() / 2.0);
                let corners = ((x - half, self.y(i, high)), (x + half, self.y(i, low.max(0.0))));
                canvas.fill(corners.0, corners.1, BAND)?;
            }
        }
        self.draw_bars(canvas, panel, (i, j))?;
        if let Some(height) = panel.reference {
            let left = self.left + self.pitch * j as f64;
            let y = self.y(i, height);
            canvas.dashed(&[(left, y), (left + self.panel_width, y)], &DOTS, GREY, line)?;
        }
        self.draw_tiles(canvas, panel, (i, j))?;
        if panel.is_empty() {
            let x = self.left + self.pitch * j as f64 + self.panel_width / 2.0;
            let y = self.top(i) + self.style.panel_height / 2.0;
            canvas.text(self.why_empty(i), (x, y), self.style.text, Align::Centre)?;
        }
        self.draw_curves(canvas, panel, (i, j), false)?;
        let series = || panel.series.iter().enumerate();
        let joined = series().filter(|_| matches!(self.panels.lines, Lines::Marked(_)));
        for (index, Series { look, points, .. }) in joined {
            let path: Vec<Place> = points.iter().map(|point| place(index, point)).collect();
            canvas.dashed(&path, look.dash, look.colour, line)?;
        }
        for (index, Series { look, points, .. }) in series() {
            for point in points {
                self.draw_interval(canvas, *look, *point, place(index, point).0, i)?;
            }
        }
        for (index, Series { look, points, .. }) in series() {
            for point in points.iter().skip(self.first_marker(index)).step_by(self.marked()) {
                canvas.marker(place(index, point), *look, self.style.marker)?;
            }
        }
        self.draw_curves(canvas, panel, (i, j), true)
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

    fn draw_interval(
        &self,
        canvas: &Canvas<'_>,
        look: Look,
        point: Point,
        x: f64,
        i: usize,
    ) -> Result<()> {
        let Some((low, high)) = point.interval else { return Ok(()) };
        let cap = self.style.marker;
        let width = self.style.line * 0.75;
        let (low, high) = (self.y(i, low.max(0.0)), self.y(i, high));
        canvas.line(&[(x, low), (x, high)], look.colour, width)?;
        canvas.line(&[(x - cap, low), (x + cap, low)], look.colour, width)?;
        canvas.line(&[(x - cap, high), (x + cap, high)], look.colour, width)
    }
}
