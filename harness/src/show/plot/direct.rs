//! Names beside lines, where a legend would take too much room and eyes would travel too far.

use anyhow::Result;

use super::canvas::{Align, Canvas};
use super::layout::Layout;
use super::legend::{GUTTER, PITCH};
use super::panels::{Panel, Series};

/// A name beside a row of panels: its series, the point of the last panel that it is of, if it is there, and
/// how high it is.
pub(super) struct Beside<'p> {
    pub(super) series: &'p Series,
    pub(super) point: Option<(f64, f64)>,
    pub(super) y: f64,
}

impl Layout<'_> {
    /// The most names beside a row.
    pub(super) fn names_beside(&self) -> usize {
        self.panels.rows.iter().map(|row| named(row).len()).max().unwrap_or(0)
    }

    /// The names beside row `i`, in the order of their lines' ends, none over another.
    pub(super) fn beside(&self, i: usize) -> Vec<Beside<'_>> {
        let row = &self.panels.rows[i];
        let (Some(panel), true) = (row.last(), self.is_direct) else { return Vec::new() };
        let (j, count) = (row.len() - 1, panel.series.len());
        let (top, bottom) = (self.top(i), self.top(i) + self.panel_height);
        let point = |series: &Series| {
            let index = panel.series.iter().position(|own| std::ptr::eq(own, series))?;
            let last = panel.series[index].points.last()?;
            Some((self.x(j, last.x) + self.aside(index, count), self.y(i, last.y)))
        };
        let mut names: Vec<Beside<'_>> = Vec::new();
        for series in named(row) {
            let point = point(series);
            names.push(Beside { series, point, y: point.map_or(bottom, |(_, y)| y) });
        }
        names.sort_by(|a, b| a.y.total_cmp(&b.y));
        let step = self.style.small_text * PITCH;
        spread(&mut names, step, (top + step / 2.0, bottom - step / 2.0));
        names
    }

    pub(super) fn draw_beside(&self, canvas: &Canvas<'_>, i: usize) -> Result<()> {
        let edge = self.edge(i);
        for Beside { series, point, y } in self.beside(i) {
            let sample = edge + self.style.text * (GUTTER - 0.7);
            let knee = edge + self.style.text * (GUTTER - 1.4);
            let hair = self.style.line * 0.4;
            if let Some(point) = point.filter(|_| self.panels.has_lines()) {
                let path = [point, (edge.max(point.0), point.1), (knee, y), (sample, y)];
                canvas.line(&path, series.look.colour, hair)?;
            }
            canvas.marker((sample, y), series.look, self.style.marker)?;
            let place = (edge + self.style.text * GUTTER, y);
            canvas.text(&series.shown, place, self.style.small_text, Align::Left)?;
        }
        Ok(())
    }

    /// The right end of the last panel of row `i`.
    pub(super) fn edge(&self, i: usize) -> f64 {
        let last = self.panels.rows[i].len().saturating_sub(1);
        self.left + self.pitch * last as f64 + self.panel_width
    }
}

/// The series by which the subjects of a row of panels are named: those of its last panel first.
fn named(row: &[Panel]) -> Vec<&Series> {
    let is_named = |series: &&Series| series.what.is_empty() && !series.points.is_empty();
    let mut named: Vec<&Series> = Vec::new();
    for series in row.iter().rev().flat_map(|panel| &panel.series).filter(is_named) {
        if named.iter().all(|own| own.shown != series.shown) {
            named.push(series);
        }
    }
    named
}

/// Moves names apart as little as keeps their order and leaves `step` between any two.
fn spread(names: &mut [Beside<'_>], step: f64, (top, bottom): (f64, f64)) {
    let mut free = top;
    for name in names.iter_mut() {
        name.y = name.y.max(free);
        free = name.y + step;
    }
    let mut free = bottom;
    for name in names.iter_mut().rev() {
        name.y = name.y.min(free);
        free = name.y - step;
    }
}
