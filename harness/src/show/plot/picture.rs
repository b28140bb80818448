//! A picture of panels: painted, written for LaTeX, and with what its points say.

use anyhow::Result;

use super::canvas::{Align, Canvas, Place, paint};
use super::drawing::Drawing;
use super::layout::{Layout, SAMPLE};
use super::panels::{Key, Lines, Panel, Panels, Point, Series};
use super::shapes::{DASHES, tint};
use super::style::{BAND, FAINT, GREY, Look, SHADE, Style};
use super::{font, pgf};

/// Patterns of the reference line, in line widths.
const DOTS: [f64; 2] = [1.0, 1.6];
impl Panels {
    /// The picture of this name.
    pub(super) fn drawing(&self, file_stem: String, style: &Style) -> Result<Drawing> {
        let layout = Layout::new(self, style);
        let svg = paint(layout.width, layout.height(), |canvas| layout.draw(canvas))?;
        let pgf = pgf::figure(&layout, &file_stem);
        Ok(Drawing { file_stem, svg, values: layout.values(), pgf })
    }
}

impl Layout<'_> {
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
