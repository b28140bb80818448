//! Curves, ribbons, tiles and bars of panels, painted and for LaTeX.

use std::fmt::Write;

use anyhow::Result;

use super::canvas::{Align, Canvas};
use super::drawing::HoverText;
use super::layout::Layout;
use super::panels::{Lines, Panel, Point, Segment, Series, Tile};
use super::style::{Colour, FAINT, Look};
use super::tex::{escaped, font, tex_of_colour};

/// Of the reference line, in line widths.
pub(super) const DOTS: [f64; 2] = [1.0, 1.6];
/// Of dashed curves, likewise.
pub(super) const DASHES: [f64; 2] = [3.5, 2.5];

impl Layout<'_> {
    /// The curves of a panel that are in front of its points, or those that are behind.
    pub(super) fn draw_curves(
        &self,
        canvas: &Canvas<'_>,
        panel: &Panel,
        (i, j): (usize, usize),
        in_front: bool,
    ) -> Result<()> {
        for curve in panel.curves.iter().filter(|curve| curve.in_front == in_front) {
            let places: Vec<_> =
                curve.points.iter().map(|(x, y)| (self.x(j, *x), self.y(i, *y))).collect();
            let dashes = if curve.is_dashed { DASHES.as_slice() } else { &[] };
            canvas.dashed(&places, dashes, curve.colour, self.style.line)?;
        }
        Ok(())
    }

    /// The same for LaTeX.
    pub(super) fn tex_of_curves(&self, panel: &Panel, in_front: bool) -> String {
        let mut tex = String::new();
        for curve in panel.curves.iter().filter(|curve| curve.in_front == in_front) {
            let places: Vec<String> =
                curve.points.iter().map(|(x, y)| format!("(axis cs:{x:.6},{y:.6})")).collect();
            let _ = writeln!(
                tex,
                "\\draw[color={}, line width={:.2}bp{}] {};",
                tex_of_colour(curve.colour),
                self.style.line,
                if curve.is_dashed { dashes_in_tex(self.style.line) } else { String::new() },
                places.join(" -- ")
            );
        }
        tex
    }
}

impl Layout<'_> {
    /// Corner, opposite corner and middle of a tile.
    fn corners(&self, tile: &Tile, (i, j): (usize, usize)) -> [(f64, f64); 3] {
        let (x, y, gap) = (tile.x as f64, tile.y as f64, self.style.line * 0.5);
        let corner = (self.x(j, x - 0.5) + gap, self.y(i, y + 0.5) + gap);
        let opposite = (self.x(j, x + 0.5) - gap, self.y(i, y - 0.5) - gap);
        [corner, opposite, (self.x(j, x), self.y(i, y))]
    }

    pub(super) fn draw_tiles(
        &self,
        canvas: &Canvas<'_>,
        panel: &Panel,
        place: (usize, usize),
    ) -> Result<()> {
        for tile in &panel.tiles {
            let [corner, opposite, middle] = self.corners(tile, place);
            let hair = self.style.line * 0.5;
            canvas.fill(corner, opposite, FAINT)?;
            let inner = (corner.0 + hair, corner.1 + hair);
            canvas.fill(inner, (opposite.0 - hair, opposite.1 - hair), tile.colour)?;
            canvas.text(&tile.text, middle, self.style.small_text, Align::Centre)?;
        }
        Ok(())
    }

    /// What tiles say under the pointer.
    pub(super) fn values_of_tiles(&self, panel: &Panel, place: (usize, usize)) -> Vec<HoverText> {
        let value = |tile: &Tile| {
            let [corner, opposite, at] = self.corners(tile, place);
            let radius = ((opposite.0 - corner.0).min(opposite.1 - corner.1)) / 2.0;
            HoverText { at, radius, text: tile.words.clone() }
        };
        panel.tiles.iter().map(value).collect()
    }

    /// The same for LaTeX.
    pub(super) fn tex_of_tiles(&self, panel: &Panel) -> String {
        let mut tex = String::new();
        for tile in &panel.tiles {
            let (x, y) = (tile.x as f64, tile.y as f64);
            let _ = writeln!(
                tex,
                "\\filldraw[draw=benchgrid, fill={}] (axis cs:{},{}) rectangle (axis cs:{},{}); \\node[\
                 inner sep=0pt, font={}] at (axis cs:{x},{y}) {{{}}};",
                tex_of_colour(tile.colour),
                x - 0.5,
                y - 0.5,
                x + 0.5,
                y + 0.5,
                font(self.style.small_text),
                escaped(&tile.text)
            );
        }
        tex
    }
}

impl Layout<'_> {
    /// Beside names, under every point a bar from 0 or from the dotted line.
    pub(super) fn draw_bars(
        &self,
        canvas: &Canvas<'_>,
        panel: &Panel,
        (i, j): (usize, usize),
    ) -> Result<()> {
        let half = self.bar() / 2.0;
        for (look, point) in self.bars(panel) {
            let (from, to) = (self.x(j, panel.reference.unwrap_or(0.0)), self.x(j, point.x));
            let y = self.y(i, point.y);
            canvas.fill((from.min(to), y - half), (from.max(to), y + half), tint(look.colour))?;
        }
        Ok(())
    }

    /// The same for LaTeX.
    pub(super) fn tex_of_bars(&self, panel: &Panel) -> String {
        let mut tex = String::new();
        for (look, point) in self.bars(panel) {
            let _ = writeln!(
                tex,
                "\\draw[color={}, line width={:.2}bp] (axis cs:{},{y}) -- (axis cs:{},{y});",
                tex_of_colour(tint(look.colour)),
                self.bar(),
                panel.reference.unwrap_or(0.0),
                point.x,
                y = point.y
            );
        }
        tex
    }

    fn bars<'p>(&self, panel: &'p Panel) -> impl Iterator<Item = (Look, &'p Point)> + use<'p> {
        let is_drawn = self.panels.lines == Lines::Bars;
        let series = panel.series.iter().filter(move |_| is_drawn);
        series.flat_map(|series| series.points.iter().map(|point| (series.look, point)))
    }

    fn bar(&self) -> f64 {
        let names = self.panels.y.iter().map(|axis| axis.listed().len()).max().unwrap_or(0);
        BAR * self.panel_height / names.max(1) as f64
    }
}

impl Layout<'_> {
    /// Parts of bars beside names.
    pub(super) fn draw_segments(
        &self,
        canvas: &Canvas<'_>,
        panel: &Panel,
        (i, j): (usize, usize),
    ) -> Result<()> {
        let half = self.bar() / 2.0;
        for segment in &panel.segments {
            let (from, to) = (self.x(j, segment.x.0), self.x(j, segment.x.1));
            let y = self.y(i, segment.y);
            canvas.fill((from, y - half), (to, y + half), segment.colour)?;
        }
        Ok(())
    }

    /// What they say under the pointer.
    pub(super) fn values_of_segments(
        &self,
        panel: &Panel,
        (i, j): (usize, usize),
    ) -> Vec<HoverText> {
        let value = |segment: &Segment| {
            let (from, to) = (self.x(j, segment.x.0), self.x(j, segment.x.1));
            let at = (f64::midpoint(from, to), self.y(i, segment.y));
            let radius = (to - from).min(self.bar()) / 2.0;
            HoverText { at, radius, text: segment.words.clone() }
        };
        panel.segments.iter().map(value).collect()
    }

    /// The same for LaTeX.
    pub(super) fn tex_of_segments(&self, panel: &Panel) -> String {
        let mut tex = String::new();
        for Segment { x: (from, to), y, colour, words, .. } in &panel.segments {
            let _ = writeln!(
                tex,
                "\\draw[color={}, line width={:.2}bp] (axis cs:{from:.4},{y}) -- (axis cs:{to:.4},{y}); % {}",
                tex_of_colour(*colour),
                self.bar(),
                words.replace('\n', " ")
            );
        }
        tex
    }

    /// The bands of series that have one band.
    pub(super) fn draw_ribbons(
        &self,
        canvas: &Canvas<'_>,
        panel: &Panel,
        (i, j): (usize, usize),
    ) -> Result<()> {
        for (index, series) in panel.series.iter().enumerate().filter(|(_, one)| one.has_ribbon) {
            let aside = self.aside(index, panel.series.len());
            let place = |(x, y): (f64, f64)| (self.x(j, x) + aside, self.y(i, y));
            let corners: Vec<_> = ribbon(series).into_iter().map(place).collect();
            canvas.veil(&corners, series.look.colour, RIBBON)?;
        }
        Ok(())
    }

    /// The same for LaTeX.
    pub(super) fn tex_of_ribbons(&self, panel: &Panel) -> String {
        let mut tex = String::new();
        for (index, series) in panel.series.iter().enumerate().filter(|(_, one)| one.has_ribbon) {
            let corners = ribbon(series).into_iter().map(|(x, y)| format!("(axis cs:{x},{y})"));
            let _ = writeln!(
                tex,
                "\\fill[color={}, fill opacity={RIBBON}, xshift={:.2}bp] {} -- cycle;",
                tex_of_colour(series.look.colour),
                self.aside(index, panel.series.len()),
                corners.collect::<Vec<_>>().join(" -- ")
            );
        }
        tex
    }
}

/// How much of what is behind a ribbon it hides.
const RIBBON: f64 = 0.16;

/// The corners of a series' band: along its lower ends, and back along the upper.
fn ribbon(series: &Series) -> Vec<(f64, f64)> {
    let ends = |point: &Point| Some((point.x, point.band?));
    let bands: Vec<_> = series.points.iter().filter_map(ends).collect();
    let below = bands.iter().map(|(x, (low, _))| (*x, *low));
    below.chain(bands.iter().rev().map(|(x, (_, high))| (*x, *high))).collect()
}

/// The share of its place that a bar takes.
const BAR: f64 = 0.62;

/// A colour for large areas, on which marks in the colour itself are seen.
pub(super) fn tint((red, green, blue): Colour) -> Colour {
    let half = |part: u8| u8::try_from((u16::from(part) + 2 * 255) / 3).unwrap_or(255);
    (half(red), half(green), half(blue))
}

/// The pattern of dashed curves as an option of TikZ, after others.
pub(super) fn dashes_in_tex(width: f64) -> String {
    let [on, off] = DASHES.map(|length| length * width);
    format!(", dash pattern=on {on:.2}bp off {off:.2}bp")
}
