//! A figure for LaTeX: axes, looks and legend in a `.tex` that pgfplots compiles, so that its text
//! is in the paper's font, and the values in a table beside it.

mod axes;
mod legend;
mod looks;

use std::collections::BTreeMap;
use std::fmt::Write;

use self::axes::{axis, x_axis};
use self::looks::{Looks, gaps, look_of, width};
use super::direct::Beside;
use super::drawing::Pgf;
use super::layout::Layout;
use super::legend::GUTTER;
use super::panels::{Point, Series, XAxis};
use super::scale::Scale;
use super::style::{BAND, FAINT, GREY, Look, SHADE};
use super::tex::{escaped, font, tex_of_colour};

/// A series, to TeX: the numbers of its panel and of itself there, from 1.
#[derive(Clone, Copy)]
struct Number {
    panel: usize,
    series: usize,
}

/// The figure that `layout` lays out; its table will be `<file_stem>.dat`.
pub(super) fn figure(layout: &Layout<'_>, file_stem: &str) -> Pgf {
    let looks = looks(layout);
    let mut tex = head(layout, file_stem, &looks);
    if layout.panels.rows.is_empty() {
        tex.push_str(&legend::alone(layout, &looks));
        tex.push_str("\\end{tikzpicture}%\n\\endgroup\n");
        return Pgf { tex, table: table(layout) };
    }
    tex.push_str(&groups(layout));
    for (i, row) in layout.panels.rows.iter().enumerate() {
        for (j, panel) in row.iter().enumerate() {
            tex.push_str(&axis(layout, panel, (i, j)));
            let marked = panel.series.iter().filter(|_| panel.segments.is_empty());
            for (index, series) in marked.enumerate() {
                let number =
                    Number { panel: i * layout.panels.columns() + j + 1, series: index + 1 };
                let aside = layout.aside(index, panel.series.len());
                tex.push_str(&plot(layout, series, i, number, (aside, looks[&name_of(series)].0)));
            }
            tex.push_str(&layout.tex_of_curves(panel, true));
            if j + 1 == row.len() {
                tex.push_str(&beside(layout, i, &looks));
            }
        }
        if i + 1 < layout.panels.rows.len() {
            let missing = layout.panels.columns() - row.len();
            tex.push_str(&"\\nextgroupplot[group/empty plot]\n".repeat(missing));
        }
    }
    // Its place is known when all panels have theirs.
    tex.push_str(&legend::above(layout, &looks));
    tex.push_str("\\end{groupplot}\n\\end{tikzpicture}%\n\\endgroup\n");
    Pgf { tex, table: table(layout) }
}

/// What has a look of its own: a subject's name, and what of it.
fn name_of(series: &Series) -> (String, &'static str) {
    (series.shown.clone(), series.what)
}

fn looks(layout: &Layout<'_>) -> Looks {
    let panels = layout.panels.rows.iter().flatten();
    let series = panels.flat_map(|panel| &panel.series);
    let looks: BTreeMap<_, Look> = series.map(|series| (name_of(series), series.look)).collect();
    looks.into_iter().zip(1..).map(|((name, look), number)| (name, (number, look))).collect()
}

/// The names beside the last panel of row `i`, whose axis is the current one.
fn beside(layout: &Layout<'_>, i: usize, looks: &Looks) -> String {
    let mut tex = String::new();
    let style = layout.style;
    let share = |y: f64| (layout.top(i) + layout.panel_height - y) / layout.panel_height;
    for Beside { series, point, y } in layout.beside(i) {
        let number = looks[&name_of(series)].0;
        // TikZ wants no parentheses within these.
        let place = format!("rel axis cs:1,{:.4}", share(y));
        let at = |right: f64| format!("([xshift={:.2}bp]{place})", right * style.text);
        if let Some((x, from)) = point.filter(|_| layout.panels.has_lines()) {
            let left = (x - layout.left) - layout.pitch * (layout.panels.rows[i].len() - 1) as f64;
            let from = share(from);
            let _ = writeln!(
                tex,
                "\\draw[color={}, line width={:.2}bp] (rel axis cs:{:.4},{from:.4}) -- \
                 (rel axis cs:1,{from:.4}) -- {} -- {};",
                tex_of_colour(series.look.colour),
                style.line * 0.4,
                (left / layout.panel_width).min(1.0),
                at(GUTTER - 1.4),
                at(GUTTER - 0.7)
            );
        }
        let _ = writeln!(
            tex,
            "\\draw[/pgfplots/bench {number}, only marks] plot coordinates {{{}}}; \\node[anchor=west, inner sep=0pt, \
             font={}] at {} {{{}}};",
            at(GUTTER - 0.7),
            font(style.small_text),
            at(GUTTER),
            escaped(&series.shown)
        );
    }
    tex
}

/// What precedes the panels.
fn head(layout: &Layout<'_>, file_stem: &str, looks: &Looks) -> String {
    let mut tex = format!(
        "% A figure of `bench plot`. The preamble needs\n\
         %   \\usepackage{{pgfplots}}\n\
         %   \\usepgfplotslibrary{{groupplots}}\n\
         %   \\pgfplotsset{{compat=1.16}}\n\
         % and the document \\input{{{file_stem}}}. The values are in {file_stem}.dat. If LaTeX does\n\
         % not run where it is, say where before: \\newcommand*{{\\benchfigures}}{{figures/}}\n"
    );
    for note in &layout.panels.caption {
        let _ = writeln!(tex, "% For the caption: {}", escaped(&note.replace('\n', " ")));
    }
    let _ = writeln!(
        tex,
        "\\providecommand*{{\\benchfigures}}{{}}%\n\\begingroup\n\
         \\edef\\benchtable{{\\benchfigures {file_stem}.dat}}%"
    );
    let colours =
        [("benchgrid", FAINT), ("benchband", BAND), ("benchshade", SHADE), ("benchgrey", GREY)];
    for (name, (red, green, blue)) in colours {
        let _ = writeln!(tex, "\\definecolor{{{name}}}{{RGB}}{{{red},{green},{blue}}}%");
    }
    tex.push_str(&format!(
        "\\pgfplotsset{{%\n  \
         bench of/.style 2 args={{x filter/.code={{%\n    \
         \\ifnum\\thisrow{{panel}}=#1 \\ifnum\\thisrow{{series}}=#2 \
         \\else\\def\\pgfmathresult{{nan}}\\fi\\else\\def\\pgfmathresult{{nan}}\\fi}}}},\n  \
         bench table/.style={{table/col sep=semicolon}},\n{}}}%\n",
        styles(layout, looks)
    ));
    let _ = writeln!(tex, "\\begin{{tikzpicture}}[font={}]", font(layout.style.text));
    tex
}

/// What all panels have in common.
fn groups(layout: &Layout<'_>) -> String {
    let (across, down) = gaps(layout);
    format!(
        "\\begin{{groupplot}}[\n  \
         group style={{group size={columns} by {rows}, horizontal sep={across:.2}bp, \
         vertical sep={down:.2}bp}},\n  \
         bench table, filter discard warning=false, scale only axis, width={width:.2}bp, height={height:.2}bp,\n  \
         axis x line*=bottom, axis y line*=left, axis line style={{benchgrey}}, \
         tick style={{benchgrey}}, tick align=outside, \
         xminorticks=false, yminorticks=false,\n  \
         {grid}, grid style={{benchgrid}}, \
         tick label style={{font={small}}},\n  \
         x tick label style={{align=center}}, title style={{align=center, yshift=-0.6ex}},\n  {x_axis}]\n",
        small = font(layout.style.small_text),
        columns = layout.panels.columns(),
        rows = layout.panels.rows.len(),
        width = width(layout),
        height = layout.panel_height,
        grid = if layout.panels.is_sideways() { "xmajorgrids" } else { "ymajorgrids" },
        x_axis = x_axis(layout),
    )
}

/// One subject's line, moved aside by some points, in the style `bench <look>`.
fn plot(
    layout: &Layout<'_>,
    series: &Series,
    i: usize,
    number: Number,
    (aside, look): (f64, usize),
) -> String {
    let directions = directions(series);
    let mut options = vec![format!("forget plot, bench {look}")];
    if layout.marked() > 1 {
        options.push(format!("mark phase={}", layout.first_marker(number.series - 1) + 1));
    }
    if aside != 0.0 {
        options.push(format!("xshift={aside:.2}bp"));
    }
    if !directions.is_empty() {
        options.push("bench interval".to_owned());
        options.extend(
            directions
                .iter()
                .map(|axis| format!("error bars/{axis} dir=both, error bars/{axis} explicit")),
        );
    }
    options.push(format!("bench of={{{}}}{{{}}}", number.panel, number.series));
    format!(
        "\\addplot[{}] table[{}] {{\\benchtable}}; % {}\n",
        options.join(", "),
        columns(layout, i, &directions).join(",\n  "),
        plain(&series.in_words())
    )
}

/// The axes along which points of a series have intervals.
fn directions(series: &Series) -> Vec<char> {
    let has = |ends: fn(&Point) -> Option<(f64, f64)>| {
        series.points.iter().any(|point| ends(point).is_some())
    };
    let directions = [('x', has(|point| point.across)), ('y', has(|point| point.interval))];
    directions.into_iter().filter(|(_, is_there)| *is_there).map(|(axis, _)| axis).collect()
}

/// What pgfplots is to take from the columns of the table for a line in row `i` of panels.
fn columns(layout: &Layout<'_>, i: usize, directions: &[char]) -> Vec<String> {
    // A logarithmic axis has a place for 0, below its powers of ten.
    let column = |scale: Option<Scale>, name: &str| match scale {
        Some(scale) if scale.is_log() => format!("max(\\thisrow{{{name}}},{})", scale.ends().0),
        _ => format!("\\thisrow{{{name}}}"),
    };
    let y = |name: &str| column(Some(layout.axes[i]), name);
    let x = |name: &str| column(layout.x_scale, name);
    let mut columns = vec![format!("x expr={{{}}}, y expr={{{}}}", x("x"), y("y"))];
    for &axis in directions {
        let ends = match axis {
            'x' => [x("right"), x("x"), x("x"), x("left")],
            _ => [y("high"), y("y"), y("y"), y("low")],
        };
        let [high, from, to, low] = ends;
        columns.push(format!(
            "{axis} error plus expr={{{high}-{from}}}, {axis} error minus expr={{{to}-{low}}}"
        ));
    }
    columns
}

/// Styles: one for each look, and one for intervals.
fn styles(layout: &Layout<'_>, looks: &Looks) -> String {
    let (line, marker) = (layout.style.line, layout.style.marker);
    let mut text = String::new();
    for ((name, what), (number, look)) in looks {
        let _ = writeln!(
            text,
            "  bench {number}/.style={{{}}}, % {}",
            look_of(layout, *look),
            plain(&format!("{name} {what}")).trim()
        );
    }
    let thin = format!("line width={:.2}bp", line * 0.75);
    let _ = writeln!(
        text,
        "  bench interval/.style={{error bars/.cd,\n    \
         error bar style={{solid, {thin}}}, \
         error mark options={{rotate=90, mark size={marker:.2}bp, {thin}}}, /pgfplots/.cd}},"
    );
    text
}

/// Every point, one a line.
fn table(layout: &Layout<'_>) -> String {
    let panels = layout.panels;
    let mut text = format!("# x: {}", plain(&panels.x_label));
    if let XAxis::Levels(lines) = &panels.x {
        let level = |x: usize| {
            let words: Vec<String> = lines.iter().map(|line| plain(&line[x])).collect();
            format!("{} is {}", x + 1, words.join(" "))
        };
        let levels: Vec<String> = (0..panels.x.places()).map(level).collect();
        let _ = write!(text, " ({})", levels.join(", "));
    }
    text.push('\n');
    let mut lines = String::new();
    for (i, row) in panels.rows.iter().enumerate() {
        for (j, panel) in row.iter().enumerate() {
            let number = i * panels.columns() + j + 1;
            let title = plain(&panel.title.join(", "));
            let _ = writeln!(text, "# panel {number}: {title}; y: {}", plain(&panels.y[i].label));
            for tile in &panel.tiles {
                let (ratio, (low, high)) = tile.value;
                let names = panels.y[i].listed();
                let (name, x) = (plain(&names[names.len() - tile.y]), tile.x);
                let _ =
                    writeln!(lines, "{number};{};{x};{ratio};{low};{high};{name};{x};{x}", tile.y);
            }
            for (series, index) in panel.series.iter().zip(1..) {
                for point in &series.points {
                    let (low, high) = point.interval.unwrap_or((point.y, point.y));
                    let (left, right) = point.across.unwrap_or((point.x, point.x));
                    let _ = writeln!(
                        lines,
                        "{number};{index};{};{};{low};{high};{};{left};{right}",
                        point.x,
                        point.y,
                        plain(&series.name)
                    );
                }
            }
        }
    }
    text + "panel;series;x;y;low;high;subject;left;right\n" + &lines
}

/// Only what means nothing to TeX, for comments and for fields of the table.
fn plain(text: &str) -> String {
    let text = text.replace('θ', "theta").replace(['\u{a0}', '\n'], " ");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:=/+-()@*<>".contains(c);
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
