//! Where everything of a picture of panels is, in points.

use std::ops::Range;

use super::font;
use super::legend::{self, Columns, GUTTER, PITCH, too_many};
use super::panels::{Lines, Panel, Panels, XAxis, YAxis};
use super::scale::Scale;
use super::style::Style;

/// Width of a panel in texts' heights, below which the picture is made wider than its style.
const NARROWEST: f64 = 8.0;
/// Room beside the markers at the ends of a logarithmic axis, as a share of it.
pub(super) const LOG_PAD: f64 = 0.06;
/// Room beside the first and the last place on the x axis, as a share of what is between them.
const PAD: f64 = 0.12;
/// Height of a name's place on a y axis of names, in texts' heights.
const NAME: f64 = 1.5;
/// Between labels of the x axis, at least, of the size of their letters.
pub(super) const LABEL_GAP: f64 = 0.3;

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
    pub(super) panel_height: f64,
    /// From one panel's left edge to the next's.
    pub(super) pitch: f64,
    pub(super) title_lines: usize,
    /// The columns of the legend above the panels, if there is one.
    pub(super) legend: Option<Columns>,
    /// Whether subjects are named beside their lines.
    pub(super) is_direct: bool,
}

/// The axis that holds every panel of a row.
fn axis_of(row: &[Panel], axis: &YAxis) -> Scale {
    if !axis.listed().is_empty() {
        return Scale::Levels(axis.listed().len());
    }
    let points = row.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
    let curves = row.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.points);
    if axis.is_log() {
        let ends = points.flat_map(|point| {
            let ends = point.interval.into_iter().chain(point.band);
            ends.flat_map(|(low, high)| [low, high]).chain([point.y])
        });
        return Scale::log(ends.chain(curves.map(|(_, y)| *y)));
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
    let all = || panels.rows.iter().flatten().flat_map(|panel| &panel.series);
    let points = || all().flat_map(|series| &series.points);
    let ends = points().flat_map(|point| {
        let band = point.band.filter(|_| panels.is_sideways());
        let ends = point.across.into_iter().chain(band).flat_map(|(low, high)| [low, high]);
        ends.chain([point.x])
    });
    let references = panels.rows.iter().flatten().filter_map(|panel| panel.reference);
    match panels.x {
        XAxis::Counts(_) | XAxis::Levels(_) => None,
        XAxis::Linear if panels.is_sideways() => Some(Scale::linear(ends.chain(references))),
        XAxis::Linear => Some(Scale::up_to(ends)),
        XAxis::Span => Some(Scale::span(ends)),
        XAxis::Log => Some(Scale::log(ends)),
        XAxis::Seconds => Some(Scale::seconds(ends)),
    }
}

/// The least width of a panel: tiles must hold what is written in them and under them, and a part of a
/// title is not broken.
fn narrowest(panels: &Panels, style: &Style) -> f64 {
    let all = || panels.rows.iter().flatten();
    let places = panels.x.places() as f64;
    let written =
        all().flat_map(|panel| &panel.tiles).map(|tile| font::width(&tile.text, style.small_text));
    let has_tiles = all().any(|panel| !panel.tiles.is_empty());
    let ticks = match &panels.x {
        XAxis::Levels(lines) if has_tiles => lines.as_slice(),
        _ => &[],
    };
    // Where some places have no label, others may reach over theirs.
    let is_full = |i: &usize| ticks[*i].iter().all(|label| !label.is_empty());
    let ticks = (0..ticks.len()).filter(is_full).flat_map(|i| {
        let said = alike(ticks, i).into_iter();
        said.map(move |same| {
            font::width(&ticks[i][same.start], style.small_text) / same.len() as f64
        })
    });
    let tiles = written.map(|width| width * 1.15).chain(ticks).fold(0.0, f64::max) * places;
    let titles = all().flat_map(|panel| &panel.title).map(|part| font::width(part, style.text));
    titles.fold(tiles, f64::max).max(NARROWEST * style.text)
}

/// The places of line `i` of levels that are said once: neighbours are alike only under what is alike below, and
/// each place of the first line is said by itself.
fn alike(lines: &[Vec<String>], i: usize) -> Vec<Range<usize>> {
    let outer = |x: usize| lines[i..].iter().map(move |line| &line[x]);
    let mut said: Vec<Range<usize>> = Vec::new();
    for x in 0..lines[i].len() {
        match said.last_mut().filter(|same| i > 0 && outer(same.start).eq(outer(x))) {
            Some(same) => same.end = x + 1,
            None => said.push(x..x + 1),
        }
    }
    said
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
    pub(super) fn new(panels: &'a Panels, style: &'a Style, has_legend: bool) -> Self {
        let axes: Vec<_> =
            panels.rows.iter().zip(&panels.y).map(|(row, axis)| axis_of(row, axis)).collect();
        let labels = axes.iter().zip(&panels.y).flat_map(|(scale, axis)| axis.ticks(*scale));
        let widest =
            labels.map(|(_, label)| font::width(&label, style.small_text)).fold(0.0, f64::max);
        let columns = panels.columns() as f64;
        let (line, margin) = (style.text * 1.35, style.text * 0.4);
        let label = if panels.y.iter().all(|axis| axis.label.is_empty()) { 0.0 } else { line };
        let (left, gap) = (label + widest + 2.0 * margin, style.text * 1.3);
        let is_direct = has_legend && too_many(panels, style);
        let gutter = if is_direct { direct_gutter(panels, style) } else { margin };
        let besides = left + gap * (columns - 1.0) + gutter;
        let least = besides + narrowest(panels, style) * columns;
        let is_crowded = panels.columns() > 2 || is_direct && panels.columns() == 2;
        let column = if is_crowded { style.page } else { style.column };
        let target = if least <= column { column } else { style.page };
        let panel_width = (target.max(least) - besides) / columns;
        let mut layout = Self {
            panels,
            style,
            axes,
            x_scale: x_scale(panels),
            width: besides + panel_width * columns,
            left,
            panel_width,
            panel_height: style.panel_height,
            pitch: panel_width + gap,
            title_lines: 1,
            legend: None,
            is_direct,
        };
        layout.panel_height = layout.height_of_panels(has_legend);
        layout.title_lines = layout.lines_of_titles();
        if has_legend && !is_direct {
            layout.legend = Columns::of(&panels.legend, style, layout.width - 2.0 * margin);
        } else if has_legend {
            let rest = legend::without_subjects(&panels.legend);
            layout.legend = Columns::of(&rest, style, layout.width - 2.0 * margin);
        }
        let legend = layout.legend.as_ref().map_or(0.0, Columns::width);
        let said = [&panels.heading, &panels.x_label].map(|text| font::width(text, style.text));
        let widest = said.into_iter().fold(legend, f64::max) + 2.0 * margin;
        layout.width = layout.width.max(widest);
        layout
    }

    /// Of a legend alone.
    pub(super) fn of_legend(panels: &'a Panels, style: &'a Style) -> Self {
        let mut layout = Self::new(panels, style, false);
        layout.legend = Columns::of(&panels.legend, style, style.page);
        let legend = layout.legend.as_ref().map_or(0.0, Columns::width);
        layout.width = legend + 2.0 * layout.margin();
        layout
    }

    fn height_of_panels(&self, has_legend: bool) -> f64 {
        let names = self.panels.y.iter().map(|axis| axis.listed().len()).max().unwrap_or(0);
        let direct = self.names_beside() as f64 * self.style.small_text * PITCH;
        let labels = self.panels.y.iter().map(|axis| font::width(&axis.label, self.style.text));
        let least = labels.fold(self.style.panel_height, f64::max);
        match (names, self.panels.height) {
            (0, None) if self.is_direct => least.max(direct),
            (0, None) if has_legend => least.max(legend::height_below(self.panels, self.style)),
            (0, None) => least,
            (0, Some(height)) => height * self.style.text,
            (names, height) => names as f64 * height.unwrap_or(NAME) * self.style.text,
        }
    }

    /// The title of a panel in lines, broken between its parts: all panels at the same, if they have as many.
    pub(super) fn title(&self, panel: &Panel) -> Vec<String> {
        let all = || self.panels.rows.iter().flatten().map(|panel| &panel.title);
        let are_alike = all().all(|title| title.len() == panel.title.len());
        let fits = |parts: Range<usize>| {
            let fits = |title: &Vec<String>| {
                font::width(&title[parts.clone()].join(", "), self.style.text) <= self.panel_width
            };
            if are_alike { all().all(fits) } else { fits(&panel.title) }
        };
        let mut lines: Vec<Range<usize>> = Vec::new();
        for i in 0..panel.title.len() {
            match lines.last_mut().filter(|line| fits(line.start..i + 1)) {
                Some(line) => line.end = i + 1,
                None => lines.push(i..i + 1),
            }
        }
        lines.into_iter().map(|line| panel.title[line].join(", ")).collect()
    }

    fn lines_of_titles(&self) -> usize {
        self.panels.rows.iter().flatten().map(|panel| self.title(panel).len()).max().unwrap_or(0)
    }

    pub(super) fn line(&self) -> f64 {
        self.style.text * 1.35
    }

    pub(super) fn margin(&self) -> f64 {
        self.style.text * 0.4
    }

    pub(super) fn heading_height(&self) -> f64 {
        if self.panels.heading.is_empty() { 0.0 } else { self.line() }
    }

    pub(super) fn legend_height(&self) -> f64 {
        self.legend.as_ref().map_or(0.0, |legend| legend.rows as f64 * self.line())
    }

    /// Top of the data area of row `i`.
    pub(super) fn top(&self, i: usize) -> f64 {
        let title = self.title_lines as f64 * self.line();
        let row = title + self.panel_height + self.gap_below();
        let above = self.heading_height() + self.legend_height();
        self.margin() + above + self.line() * 0.3 + title + row * i as f64
    }

    /// Below a panel: labels of axes that are above each other do not touch.
    pub(super) fn gap_below(&self) -> f64 {
        self.line() * if self.title_lines == 0 { 1.1 } else { 0.6 }
    }

    /// Bottom of the last row's data area.
    pub(super) fn bottom(&self) -> f64 {
        self.top(self.panels.rows.len().saturating_sub(1)) + self.panel_height
    }

    /// The row of the lowest panel of column `j`: the last row may have fewer than others.
    pub(super) fn lowest(&self, j: usize) -> usize {
        self.panels.rows.iter().rposition(|row| row.len() > j).unwrap_or(0)
    }

    /// Lines of labels under the x axis.
    pub(super) fn tick_lines(&self) -> usize {
        match &self.panels.x {
            XAxis::Levels(lines) => lines.len(),
            _ => 1,
        }
    }

    /// Height of the middle of the x axis' label.
    pub(super) fn x_label(&self) -> f64 {
        self.bottom() + self.margin() + (self.tick_lines() as f64 + 0.5) * self.line()
    }

    pub(super) fn height(&self) -> f64 {
        if self.panels.rows.is_empty() {
            return self.heading_height() + self.legend_height() + 2.0 * self.margin();
        }
        let end = if self.panels.x_label.is_empty() { -0.5 } else { 0.5 };
        self.x_label() + self.line() * end + self.margin()
    }

    /// Place of `x` in the panel of column `j`.
    pub(super) fn x(&self, j: usize, x: f64) -> f64 {
        let share = match (&self.panels.x, self.x_scale) {
            (XAxis::Counts(xs), _) => share_of_counts(xs, x),
            (XAxis::Levels(_), _) => (x - 0.5) / self.panels.x.places() as f64,
            (_, Some(scale)) => self.x_pad() + (1.0 - 2.0 * self.x_pad()) * scale.share(x),
            (_, None) => 0.0,
        };
        self.left + self.pitch * j as f64 + self.panel_width * share
    }

    /// Room beside the ends of the x axis, as a share of it.
    pub(super) fn x_pad(&self) -> f64 {
        match self.panels.x {
            XAxis::Log | XAxis::Seconds | XAxis::Span => LOG_PAD,
            _ => 0.0,
        }
    }

    /// How far from its place on the axis the `index`-th of `count` series is drawn, so that
    /// their intervals do not hide each other: side by side as markers, or closer if that would
    /// leave the panel or come half-way to the next place. What is not joined is where it is, and so are ribbons, and
    /// what has no intervals.
    pub(super) fn aside(&self, index: usize, count: usize) -> f64 {
        let series = || self.panels.rows.iter().flatten().flat_map(|panel| &panel.series);
        let has_ribbons = series().any(|series| series.has_ribbon);
        let mut points = series().flat_map(|series| &series.points);
        let has_intervals = points.any(|point| point.interval.is_some());
        if has_ribbons || !has_intervals || !matches!(self.panels.lines, Lines::Marked(_)) {
            return 0.0;
        }
        let places: Vec<f64> = match &self.panels.x {
            XAxis::Counts(xs) => xs.iter().map(|&x| self.x(0, x as f64)).collect(),
            XAxis::Levels(_) => (1..=self.panels.x.places()).map(|x| self.x(0, x as f64)).collect(),
            _ => return 0.0,
        };
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
        let edge = places.first().map_or(0.0, |first| first - self.left);
        let room = gaps.map(|gap| gap / 4.0).fold(edge * 0.65, f64::min);
        let middle = (count as f64 - 1.0) / 2.0;
        let step = (1.6 * self.style.marker).min(room / middle.max(0.5));
        (index as f64 - middle) * step
    }

    pub(super) fn y(&self, i: usize, y: f64) -> f64 {
        self.top(i) + self.panel_height * (1.0 - self.axes[i].share(y))
    }

    /// The places and labels of the x axis' ticks in column `j`, but those of levels.
    pub(super) fn x_ticks(&self, j: usize) -> Vec<(f64, String)> {
        match &self.panels.x {
            XAxis::Counts(xs) => xs.iter().map(|x| (self.x(j, *x as f64), x.to_string())).collect(),
            XAxis::Levels(_) => {
                (1..=self.panels.x.places()).map(|x| (self.x(j, x as f64), String::new())).collect()
            }
            _ => {
                let place = |(share, label)| (self.place_of_share(j, share), label);
                self.scale_ticks().into_iter().map(place).collect()
            }
        }
    }

    /// The ticks of the x axis that has a scale, as shares of it, with labels that do not touch.
    pub(super) fn scale_ticks(&self) -> Vec<(f64, String)> {
        let size = self.style.small_text;
        let ends = |(share, label): &(f64, String)| {
            let half = font::width(label, size) / 2.0;
            let middle = self.inside(0, self.place_of_share(0, *share), half);
            (middle - half, middle + half)
        };
        let fit = |ticks: &[(f64, String)]| {
            let labelled = ticks.iter().filter(|(_, label)| !label.is_empty());
            let ends: Vec<_> = labelled.map(ends).collect();
            ends.windows(2).all(|pair| pair[0].1 + size * LABEL_GAP <= pair[1].0)
        };
        self.x_scale.map_or_else(Vec::new, |scale| scale.ticks_that(fit))
    }

    /// Where so much of the x axis' scale is in column `j`.
    fn place_of_share(&self, j: usize, share: f64) -> f64 {
        let (left, pad) = (self.left + self.pitch * j as f64, self.x_pad());
        left + self.panel_width * (pad + (1.0 - 2.0 * pad) * share)
    }

    /// The labels under column `j`, line by line, each with where that begins and ends which it is of: what is
    /// said of neighbouring levels alike is said once.
    pub(super) fn labels(&self, j: usize) -> Vec<Vec<(f64, f64, String)>> {
        let XAxis::Levels(lines) = &self.panels.x else {
            return vec![self.x_ticks(j).into_iter().map(|(x, label)| (x, x, label)).collect()];
        };
        let of_line = |i: usize| {
            let label = |same: Range<usize>| {
                let (first, last) = (same.start as f64 + 0.5, same.end as f64 + 0.5);
                (self.x(j, first), self.x(j, last), lines[i][same.start].clone())
            };
            alike(lines, i).into_iter().map(label).collect()
        };
        (0..lines.len()).map(of_line).collect()
    }

    /// Where a label is so that it does not reach into the next panel.
    pub(super) fn inside(&self, j: usize, place: f64, half: f64) -> f64 {
        let left = self.left + self.pitch * j as f64;
        // A little may reach into the gap between panels.
        let half = half - 0.9 * self.margin();
        place.min(left + self.panel_width - half).max(left + half)
    }

    /// What is said in a panel that has nothing to show.
    pub(super) fn why_empty(&self) -> &'static str {
        match self.panels.x {
            _ if self.panels.is_matrix() => "not compared",
            // Latency is drawn of trials that did what was asked of them in time.
            XAxis::Seconds => "no trial kept the rate",
            _ => "no valid trial",
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
}

/// Room for names beside lines.
fn direct_gutter(panels: &Panels, style: &Style) -> f64 {
    let names = panels.rows.iter().flatten().flat_map(|panel| &panel.series);
    let widths = names.map(|series| font::width(&series.shown, style.small_text));
    widths.fold(0.0, f64::max) + style.text * (GUTTER + 0.8)
}
