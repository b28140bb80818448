//! What subjects look like in LaTeX, and the room between panels.

use std::collections::BTreeMap;

use crate::show::plot::layout::Layout;
use crate::show::plot::panels::Lines;
use crate::show::plot::style::{Look, Marker};
use crate::show::plot::tex::tex_of_colour;

/// A number for each look, and the look.
pub(super) type Looks = BTreeMap<(String, &'static str), (usize, Look)>;

/// Between panels side by side, and between panels one above the other, whose titles are there.
pub(super) fn gaps(layout: &Layout<'_>) -> (f64, f64) {
    (
        layout.style.text * 1.3,
        layout.line() * (layout.title_lines as f64 + 0.5) + layout.gap_below(),
    )
}

/// Of a panel. pgfplots leaves more room than we do between an axis and its labels.
pub(super) fn width(layout: &Layout<'_>) -> f64 {
    layout.panel_width - 2.0 * layout.style.text / layout.panels.columns() as f64
}

/// Colour, marker and dash.
pub(super) fn look_of(layout: &Layout<'_>, look: Look) -> String {
    let width = layout.style.line;
    let states = ["on", "off"].iter().cycle();
    let dash: Vec<String> = (look.dash.iter().zip(states))
        .map(|(length, state)| format!("{state} {:.2}bp", length * width))
        .collect();
    let line = match (layout.panels.lines, dash.as_slice()) {
        (Lines::None | Lines::Bars, _) => "only marks".to_owned(),
        (Lines::Marked(_), []) => "solid".to_owned(),
        (Lines::Marked(_), parts) => format!("dash pattern={}", parts.join(" ")),
    };
    let repeat = match layout.marked() {
        1 => String::new(),
        step => format!(", mark repeat={step}"),
    };
    let (mark, options) = mark(look.marker);
    format!(
        "color={}, line width={width:.2}bp, {line}, mark={mark}, mark size={:.2}bp{repeat}, \
         mark options={{solid{options}}}",
        tex_of_colour(look.colour),
        layout.style.marker
    )
}

/// pgfplots' name of a marker, and what makes it look as ours.
fn mark(marker: Marker) -> (&'static str, &'static str) {
    match marker {
        Marker::Circle => ("*", ""),
        Marker::Square => ("square*", ""),
        Marker::Triangle => ("triangle*", ""),
        Marker::Diamond => ("diamond*", ""),
        Marker::HollowCircle => ("*", ", fill=white"),
        Marker::HollowSquare => ("square*", ", fill=white"),
        Marker::HollowTriangle => ("triangle*", ", rotate=180, fill=white"),
        Marker::HollowDiamond => ("diamond*", ", fill=white"),
        Marker::Pentagon => ("pentagon*", ""),
        Marker::Cross => ("x", ""),
        Marker::Plus => ("+", ""),
    }
}
