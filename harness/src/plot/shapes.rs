//! What panels hold beside series of points.

use std::fmt::Write;

use anyhow::Result;

use super::canvas::Canvas;
use super::panels::{Layout, Panel};
use super::style::Colour;

/// A line through places of the panel's axes.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: Colour,
    pub(super) is_dashed: bool,
    /// Whether it hides points, or they it.
    pub(super) in_front: bool,
}

/// Of dashed curves, in line widths.
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

/// As an option of TikZ.
pub(super) fn tex_of_colour((red, green, blue): Colour) -> String {
    format!("{{rgb,255:red,{red};green,{green};blue,{blue}}}")
}

/// The pattern of dashed curves as an option of TikZ, after others.
pub(super) fn dashes_in_tex(width: f64) -> String {
    let [on, off] = DASHES.map(|length| length * width);
    format!(", dash pattern=on {on:.2}bp off {off:.2}bp")
}
