//! A picture of panels: painted, written for LaTeX, and with what its points say.

use anyhow::Result;

use super::arrange::{untangled, without_common_titles};
use super::called::{Label, called};
use super::canvas::{Align, Canvas, Spot, paint};
use super::drawing::Drawing;
use super::layout::{LABEL_GAP, Layout};
use super::legend::Legend;
use super::panels::{Lines, Panel, Panels, Point, Series};
use super::shapes::DOTS;
use super::style::{BAND, FAINT, GREY, Look, SHADE, Style};
use super::{font, pgf};

/// What a figure draws, before it has a size.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// The file's name without extension.
    pub(super) file_stem: String,
    pub(super) panels: Panels,
}

/// How pictures are drawn.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sizes.
    pub style: Style,
    /// Where the legend is.
    pub legend: Legend,
    /// What subjects are called.
    pub labels: Vec<Label>,
}

impl From<&Style> for Options {
    fn from(style: &Style) -> Self {
        Self { style: *style, legend: Legend::Top, labels: Vec::new() }
    }
}

impl Sketch {
    /// The picture, and its legend if that is one of its own.
    pub(super) fn drawn(self, options: &Options) -> Result<Vec<Drawing>> {
        let Self { file_stem, panels } = self;
        let panels = called(untangled(panels), &options.labels);
        let panels = without_common_titles(panels);
        let mut drawings = Vec::new();
        if options.legend == Legend::OwnFile && !panels.legend.is_empty() {
            let own = Panels { rows: Vec::new(), y: Vec::new(), ..panels.clone() };
            let layout = Layout::of_legend(&own, &options.style);
            drawings.push(drawing(&layout, format!("{file_stem}-legend"))?);
        }
        let layout = Layout::new(&panels, &options.style, options.legend == Legend::Top);
        drawings.insert(0, drawing(&layout, file_stem)?);
        Ok(drawings)
    }
}

fn drawing(layout: &Layout<'_>, file_stem: String) -> Result<Drawing> {
    let svg = paint(layout.width, layout.height(), |canvas| layout.draw(canvas))?;
    let pgf = pgf::figure(layout, &file_stem);
    let caption = layout.panels.caption.clone();
    Ok(Drawing { file_stem, svg, values: layout.values(), caption, pgf })
}

impl Layout<'_> {
    fn draw(&self, canvas: &Canvas<'_>) -> Result<()> {
        if !self.panels.heading.is_empty() {
            let place = (self.margin(), self.margin() + self.line() * 0.5);
            canvas.text(&self.panels.heading, place, self.style.text, Align::Left)?;
        }
        self.draw_legend(canvas)?;
        for (i, row) in self.panels.rows.iter().enumerate() {
            for (j, panel) in row.iter().enumerate() {
                self.draw_frame(canvas, i, j)?;
                self.draw_title(canvas, panel, i, j)?;
                self.draw_data(canvas, panel, i, j)?;
            }
            let middle = self.top(i) + self.panel_height / 2.0;
            let place = (self.margin() + self.style.text / 2.0, middle);
            canvas.text(&self.panels.y[i].label, place, self.style.text, Align::Upwards)?;
            self.draw_beside(canvas, i)?;
        }
        if self.panels.rows.is_empty() {
            return Ok(());
        }
        (0..self.panels.columns()).try_for_each(|j| self.draw_x_ticks(canvas, j))?;
        let span = self.pitch * (self.panels.columns() - 1) as f64 + self.panel_width;
        // In the middle of the panels, if there is room for it.
        let half = font::width(&self.panels.x_label, self.style.text) / 2.0 + self.margin();
        let middle = (self.left + span / 2.0).min(self.width - half).max(half);
        let place = (middle, self.x_label());
        canvas.text(&self.panels.x_label, place, self.style.text, Align::Centre)
    }

    fn draw_title(&self, canvas: &Canvas<'_>, panel: &Panel, i: usize, j: usize) -> Result<()> {
        let x = self.left + self.pitch * j as f64 + self.panel_width / 2.0;
        self.title(panel).iter().rev().enumerate().try_for_each(|(up, line)| {
            let y = self.top(i) - self.line() * (up as f64 + 0.5);
            canvas.text(line, (x, y), self.style.text, Align::Centre)
        })
    }

    /// Shade, grid, axes and y labels.
    fn draw_frame(&self, canvas: &Canvas<'_>, i: usize, j: usize) -> Result<()> {
        let hair = self.style.line * 0.5;
        let left = self.left + self.pitch * j as f64;
        let (right, top) = (left + self.panel_width, self.top(i));
        let bottom = top + self.panel_height;
        if let Some(from) = self.panels.shade_from {
            canvas.fill((self.x(j, from).max(left), top), (right, bottom), SHADE)?;
        }
        let is_listed = !self.panels.y[i].listed().is_empty();
        for (share, label) in self.panels.y[i].ticks(self.axes[i]) {
            let y = bottom - self.panel_height * share;
            if !is_listed {
                canvas.line(&[(left, y), (right, y)], FAINT, hair)?;
            }
            if j == 0 {
                let place = (left - self.margin(), y);
                canvas.text(&label, place, self.style.small_text, Align::Right)?;
            }
        }
        for (x, _) in self.x_ticks(j) {
            if is_listed && self.panels.is_sideways() {
                canvas.line(&[(x, top), (x, bottom)], FAINT, hair)?;
            }
            canvas.line(&[(x, bottom), (x, bottom + self.margin() * 0.6)], GREY, hair)?;
        }
        canvas.line(&[(left, top), (left, bottom), (right, bottom)], GREY, hair)
    }

    /// Labels of the x axis under column `j`, as many as do not touch.
    fn draw_x_ticks(&self, canvas: &Canvas<'_>, j: usize) -> Result<()> {
        let size = self.style.small_text;
        let bottom = self.top(self.lowest(j)) + self.panel_height + self.margin();
        self.labels(j).iter().enumerate().try_for_each(|(i, line)| {
            let y = bottom + self.line() * (i as f64 + 0.5);
            let mut free_from = f64::NEG_INFINITY;
            for (from, to, label) in line {
                if i > 0 {
                    let (y, gap) = (y - self.line() * 0.5, self.margin());
                    canvas.line(&[(from + gap, y), (to - gap, y)], GREY, self.style.line * 0.5)?;
                }
                let half = font::width(label, size) / 2.0;
                let place = self.inside(j, (from + to) / 2.0, half);
                if !label.is_empty() && place - half >= free_from {
                    free_from = place + half + size * LABEL_GAP;
                    canvas.text(label, (place, y), size, Align::Centre)?;
                }
            }
            Ok(())
        })
    }

    fn draw_data(&self, canvas: &Canvas<'_>, panel: &Panel, i: usize, j: usize) -> Result<()> {
        let line = self.style.line;
        let count = panel.series.len();
        let place = |index: usize, point: &Point| {
            (self.x(j, point.x) + self.aside(index, count), self.y(i, point.y))
        };
        self.draw_ribbons(canvas, panel, (i, j))?;
        for (index, series) in panel.series.iter().enumerate() {
            for point in series.points.iter().filter(|_| !series.has_ribbon) {
                let Some((low, high)) = point.band else { continue };
                let ((x, y), half) = (place(index, point), self.band() / 2.0);
                let corners = if self.panels.is_sideways() {
                    ((self.x(j, low.max(0.0)), y - half), (self.x(j, high), y + half))
                } else {
                    ((x - half, self.y(i, high)), (x + half, self.y(i, low.max(0.0))))
                };
                canvas.fill(corners.0, corners.1, BAND)?;
            }
        }
        self.draw_bars(canvas, panel, (i, j))?;
        self.draw_segments(canvas, panel, (i, j))?;
        if let Some(at) = panel.reference {
            let ends = self.reference(at, (i, j));
            canvas.dashed(&ends, &DOTS, GREY, line)?;
        }
        self.draw_tiles(canvas, panel, (i, j))?;
        if panel.is_empty() {
            let x = self.left + self.pitch * j as f64 + self.panel_width / 2.0;
            let y = self.top(i) + self.panel_height / 2.0;
            canvas.text(self.why_empty(), (x, y), self.style.text, Align::Centre)?;
        }
        self.draw_curves(canvas, panel, (i, j), false)?;
        let series = || panel.series.iter().enumerate();
        let joined = series().filter(|_| matches!(self.panels.lines, Lines::Marked(_)));
        for (index, Series { look, points, .. }) in joined {
            let path: Vec<Spot> = points.iter().map(|point| place(index, point)).collect();
            canvas.dashed(&path, look.dash, look.colour, line)?;
        }
        for (index, Series { look, points, .. }) in series() {
            for point in points {
                self.draw_intervals(canvas, *look, *point, place(index, point), (i, j))?;
            }
        }
        for (index, Series { look, points, .. }) in series().filter(|_| panel.segments.is_empty()) {
            for point in points.iter().skip(self.first_marker(index)).step_by(self.marked()) {
                canvas.marker(place(index, point), *look, self.style.marker)?;
            }
        }
        self.draw_curves(canvas, panel, (i, j), true)
    }

    fn draw_intervals(
        &self,
        canvas: &Canvas<'_>,
        look: Look,
        point: Point,
        (x, y): Spot,
        (i, j): (usize, usize),
    ) -> Result<()> {
        let cap = self.style.marker;
        let width = self.style.line * 0.75;
        if let Some((low, high)) = point.interval {
            let (low, high) = (self.y(i, low.max(0.0)), self.y(i, high));
            canvas.line(&[(x, low), (x, high)], look.colour, width)?;
            canvas.line(&[(x - cap, low), (x + cap, low)], look.colour, width)?;
            canvas.line(&[(x - cap, high), (x + cap, high)], look.colour, width)?;
        }
        if let Some((low, high)) = point.across {
            let (low, high) = (self.x(j, low.max(0.0)), self.x(j, high));
            canvas.line(&[(low, y), (high, y)], look.colour, width)?;
            canvas.line(&[(low, y - cap), (low, y + cap)], look.colour, width)?;
            canvas.line(&[(high, y - cap), (high, y + cap)], look.colour, width)?;
        }
        Ok(())
    }

    /// The ends of the dotted line at this place of the axis of what was measured.
    fn reference(&self, at: f64, (i, j): (usize, usize)) -> [Spot; 2] {
        let (left, top) = (self.left + self.pitch * j as f64, self.top(i));
        if self.panels.is_sideways() {
            let x = self.x(j, at);
            return [(x, top), (x, top + self.panel_height)];
        }
        let y = self.y(i, at);
        [(left, y), (left + self.panel_width, y)]
    }
}
