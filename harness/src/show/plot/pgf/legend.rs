//! The legend and the heading for LaTeX.

use std::fmt::Write;

use super::looks::{Looks, gaps, look_of, width};
use crate::show::plot::layout::Layout;
use crate::show::plot::legend::Columns;
use crate::show::plot::panels::Key;
use crate::show::plot::shapes::dashes_in_tex;
use crate::show::plot::tex::{escaped, font, tex_of_colour};

/// One for all panels, above the first; it belongs to the last, from whose corner it is moved.
pub(super) fn above(layout: &Layout<'_>, looks: &Looks) -> String {
    let panels = layout.panels;
    let (across, down) = gaps(layout);
    let before = panels.rows.last().map_or(0, |row| row.len().saturating_sub(1));
    let left = layout.left + (width(layout) + across) * before as f64;
    let up = (layout.panel_height + down) * panels.rows.len().saturating_sub(1) as f64;
    let up = up + layout.line() * (layout.title_lines as f64 + 0.6);
    let mut tex = String::new();
    if !panels.heading.is_empty() {
        let _ = writeln!(
            tex,
            "\\node[anchor=south west, inner sep=0pt] at ([xshift={:.2}bp, yshift={:.2}bp]rel axis \
             cs:0,1) {{{}}};",
            -left,
            up + layout.legend_height() * 1.1,
            escaped(&panels.heading)
        );
    }
    let Some(columns) = &layout.legend else { return tex };
    tex + &settings(layout, columns, &format!("xshift={:.2}bp, yshift={up:.2}bp, ", -left))
        + &entries(layout, columns, looks)
}

/// A legend without panels.
pub(super) fn alone(layout: &Layout<'_>, looks: &Looks) -> String {
    let Some(columns) = &layout.legend else { return String::new() };
    format!(
        "{}\\begin{{axis}}[hide axis, scale only axis, width=1bp, height=1bp, xmin=0, xmax=1, ymin=0, \
         ymax=1]\n{}\\end{{axis}}\n",
        settings(layout, columns, ""),
        entries(layout, columns, looks)
    )
}

fn settings(layout: &Layout<'_>, columns: &Columns, shift: &str) -> String {
    format!(
        "\\pgfplotsset{{legend columns={}, legend cell align=left, legend style={{\
         at={{(0,1)}}, anchor=south west, {shift}draw=none, \
         fill=none, inner sep=0pt, font={}, nodes={{inner xsep=1.5pt}}, /tikz/every even column/.append style={{column sep=0.8em}}}}}}\n",
        columns.count(),
        font(layout.style.small_text)
    )
}

/// LaTeX fills it row by row, we fill our columns.
fn entries(layout: &Layout<'_>, columns: &Columns, looks: &Looks) -> String {
    let mut tex = String::new();
    for entry in columns.by_rows() {
        let Some((key, name)) = entry else {
            tex.push_str("\\addlegendimage{empty legend}\n\\addlegendentry{}\n");
            continue;
        };
        let image = match key {
            Key::Subject(look) => match looks.get(&(name.clone(), "")) {
                Some((number, _)) => format!("bench {number}"),
                None => look_of(layout, *look),
            },
            Key::Reference => {
                format!("benchgrey, densely dotted, line width={:.2}bp", layout.style.line)
            }
            Key::Dashed => format!(
                "benchgrey, line width={:.2}bp{}",
                layout.style.line,
                dashes_in_tex(layout.style.line)
            ),
            Key::Solid => format!("benchgrey, line width={:.2}bp", layout.style.line),
            Key::Band => "area legend, draw=benchband, fill=benchband".to_owned(),
            Key::Shade => "area legend, draw=benchshade, fill=benchshade".to_owned(),
            Key::Fill(colour) => {
                format!("area legend, draw=benchgrid, fill={}", tex_of_colour(*colour))
            }
        };
        let _ = writeln!(tex, "\\addlegendimage{{{image}}}\n\\addlegendentry{{{}}}", escaped(name));
    }
    tex
}
