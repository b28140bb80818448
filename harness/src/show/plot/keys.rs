//! The legend as it is painted.

use anyhow::Result;

use super::canvas::{Align, Canvas};
use super::layout::Layout;
use super::legend::SAMPLE;
use super::panels::Key;
use super::shapes::{DASHES, DOTS};
use super::style::{BAND, FAINT, GREY, SHADE};

impl Layout<'_> {
    pub(super) fn draw_legend(&self, canvas: &Canvas<'_>) -> Result<()> {
        let Some(columns) = &self.legend else { return Ok(()) };
        let above = self.margin() + self.heading_height();
        columns.placed(self.line()).try_for_each(|((key, name), (x, y))| {
            let (x, y) = (self.margin() + x, above + y);
            let end = x + self.style.text * SAMPLE;
            self.draw_key(canvas, *key, (x, end), y)?;
            let place = (end + self.style.text * 0.5, y);
            canvas.text(name, place, self.style.text, Align::Left)
        })
    }

    fn draw_key(&self, canvas: &Canvas<'_>, key: Key, (x, end): (f64, f64), y: f64) -> Result<()> {
        let (line, middle) = (self.style.line, ((x + end) / 2.0, y));
        let (half, hair) = (self.style.text * 0.45, line * 0.5);
        match key {
            Key::Subject(look) => {
                if self.panels.has_lines() {
                    canvas.dashed(&[(x, y), (end, y)], look.dash, look.colour, line)?;
                }
                canvas.marker(middle, look, self.style.marker)
            }
            Key::Reference => canvas.dashed(&[(x, y), (end, y)], &DOTS, GREY, line),
            Key::Dashed => canvas.dashed(&[(x, y), (end, y)], &DASHES, GREY, line),
            Key::Solid => canvas.line(&[(x, y), (end, y)], GREY, line),
            Key::Band => {
                let (left, right) = (middle.0 - self.band() / 2.0, middle.0 + self.band() / 2.0);
                canvas.fill((left, y - half), (right, y + half), BAND)
            }
            Key::Shade => canvas.fill((x, y - half), (end, y + half), SHADE),
            Key::Fill(colour) => {
                canvas.fill((x, y - half), (end, y + half), FAINT)?;
                let inner = (x + hair, y - half + hair);
                canvas.fill(inner, (end - hair, y + half - hair), colour)
            }
        }
    }
}
