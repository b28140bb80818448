//! A figure for LaTeX: axes, looks and legend in a `.tex` that pgfplots compiles, so that its text
//! is in the paper's font, and the values in a table beside it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::drawing::Pgf;
use super::layout::{LOG_PAD, Layout, ends_of_counts};
use super::panels::{Key, Lines, Panel, Series, XAxis};
use super::scale::Scale;
use super::shapes::dashes_in_tex;
use super::style::{BAND, FAINT, GREY, Look, Marker, SHADE};
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
    for (i, row) in layout.panels.rows.iter().enumerate() {
        for (j, panel) in row.iter().enumerate() {
            tex.push_str(&axis(layout, panel, (i, j)));
            for (index, series) in panel.series.iter().enumerate() {
                let number =
                    Number { panel: i * layout.panels.columns() + j + 1, series: index + 1 };
                let aside = layout.aside(index, panel.series.len());
                tex.push_str(&plot(layout, series, i, number, (aside, looks[&*series.name].0)));
            }
            tex.push_str(&layout.tex_of_curves(panel, true));
        }
    }
    // Its place is known when all panels have theirs.
    tex.push_str(&legend(layout, &looks));
    tex.push_str("\\end{groupplot}\n\\end{tikzpicture}%\n\\endgroup\n");
    Pgf { tex, table: table(layout) }
}

/// A number for each series' name, and its look.
fn looks<'a>(layout: &Layout<'a>) -> BTreeMap<&'a str, (usize, Look)> {
    let panels = layout.panels.rows.iter().flatten();
    let series = panels.flat_map(|panel| &panel.series);
    let looks: BTreeMap<&str, Look> =
        series.map(|series| (series.name.as_str(), series.look)).collect();
    looks.into_iter().zip(1..).map(|((name, look), number)| (name, (number, look))).collect()
}

/// What precedes the panels.
fn head(layout: &Layout<'_>, file_stem: &str, looks: &BTreeMap<&str, (usize, Look)>) -> String {
    let panels = layout.panels;
    let mut tex = format!(
        "% A figure of `bench plot`. The preamble needs\n\
         %   \\usepackage{{pgfplots}}\n\
         %   \\usepgfplotslibrary{{groupplots}}\n\
         %   \\pgfplotsset{{compat=1.16}}\n\
         % and the document \\input{{{file_stem}}}. The values are in {file_stem}.dat. If LaTeX does\n\
         % not run where it is, say where before: \\newcommand*{{\\benchfigures}}{{figures/}}\n"
    );
    for note in &panels.notes {
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
    let (across, down) = gaps(layout);
    let _ = writeln!(
        tex,
        "\\begin{{tikzpicture}}[font={text}]\n\
         \\begin{{groupplot}}[\n  \
         group style={{group size={columns} by {rows}, horizontal sep={across:.2}bp, \
         vertical sep={down:.2}bp}},\n  \
         bench table, filter discard warning=false, scale only axis, width={width:.2}bp, height={height:.2}bp,\n  \
         axis x line*=bottom, axis y line*=left, axis line style={{benchgrey}}, \
         tick style={{benchgrey}}, tick align=outside, \
         xminorticks=false, yminorticks=false,\n  \
         ymajorgrids, grid style={{benchgrid}}, \
         tick label style={{font={small}}},\n  \
         title style={{align=center, yshift=-0.6ex}},\n  {x_axis}]",
        text = font(layout.style.text),
        small = font(layout.style.small_text),
        columns = panels.columns(),
        rows = panels.rows.len(),
        width = width(layout),
        height = layout.style.panel_height,
        x_axis = x_axis(layout),
    );
    tex
}

/// Between panels side by side, and between panels one above the other, whose titles are there.
fn gaps(layout: &Layout<'_>) -> (f64, f64) {
    (layout.style.text * 1.3, layout.line() * (layout.title_lines as f64 + 1.1))
}

/// Of a panel. pgfplots leaves more room than we do between an axis and its labels.
fn width(layout: &Layout<'_>) -> f64 {
    layout.panel_width - 2.0 * layout.style.text / layout.panels.columns() as f64
}

/// Ends and ticks of the x axis.
fn x_axis(layout: &Layout<'_>) -> String {
    match (&layout.panels.x, layout.x_scale) {
        (XAxis::Counts(xs), _) => {
            let (begin, end) = ends_of_counts(xs);
            let ticks: Vec<String> = xs.iter().map(usize::to_string).collect();
            let ticks = ticks.join(",");
            format!(
                "xmode=log, log basis x=2, xmin={:.4}, xmax={:.4}, xtick={{{ticks}}}, \
                 xticklabels={{{ticks}}}",
                begin.exp2(),
                end.exp2()
            )
        }
        (XAxis::Levels(labels), _) => {
            let places: Vec<String> = (1..=labels.len()).map(|place| place.to_string()).collect();
            let labels: Vec<String> = labels.iter().map(|label| escaped(label)).collect();
            format!(
                "xmin=0.5, xmax={}.5, xtick={{{}}}, xticklabels={{{}}}",
                labels.len(),
                places.join(","),
                labels.join(",")
            )
        }
        (_, Some(scale)) => {
            let (first, last) = scale.ends();
            let pad = if scale.is_log() { (last / first).powf(LOG_PAD) } else { 1.0 };
            let ticks = ticks('x', scale, scale.labelled_ticks());
            format!("{ticks}, xmin={}, xmax={}", first / pad, last * pad)
        }
        (_, None) => String::new(),
    }
}

/// Mode and labelled ticks of axis `x` or `y`.
fn ticks(axis: char, scale: Scale, ticks: Vec<(f64, String)>) -> String {
    let (places, labels): (Vec<String>, Vec<String>) = ticks
        .into_iter()
        .map(|(share, label)| (scale.value_at(share).to_string(), escaped(&label)))
        .unzip();
    let mode = if scale.is_log() { "log" } else { "linear" };
    format!(
        "{axis}mode={mode}, {axis}tick={{{}}}, {axis}ticklabels={{{}}}",
        places.join(","),
        labels.join(",")
    )
}

/// The beginning of a panel, with what lies behind its data. Only panels at the left and at the
/// bottom are labelled.
fn axis(layout: &Layout<'_>, panel: &Panel, (i, j): (usize, usize)) -> String {
    let scale = layout.axes[i];
    let (first, last) = scale.ends();
    let title = match layout.title_lines {
        1 => escaped(&panel.title.join(", ")),
        _ => panel.title.each_ref().map(|line| escaped(line)).join("\\\\"),
    };
    let x_label = match i == layout.lowest(j) {
        true if i + 1 < layout.panels.rows.len() => "xlabel={}".to_owned(),
        true => format!("xlabel={{{}}}", escaped(&layout.panels.x_label)),
        false => "xticklabels={}".to_owned(),
    };
    let y_label = match j {
        0 => format!("ylabel={{{}}}", escaped(&layout.panels.y[i].label)),
        _ => "yticklabels={}".to_owned(),
    };
    let grid = if layout.panels.y[i].labels().is_empty() { "" } else { ", ymajorgrids=false" };
    // Otherwise every marker would be in front of every curve.
    let in_front = panel.curves.iter().any(|curve| curve.in_front);
    let clip = if in_front { ", clip mode=individual" } else { "" };
    let mut tex = format!(
        "\\nextgroupplot[title={{{title}}}, {x_label},\n  \
         {}, ymin={first}, ymax={last}, {y_label}{grid}{clip}]\n",
        ticks('y', scale, layout.panels.y[i].ticks(scale))
    );
    if let Some(from) = layout.panels.shade_from {
        let _ = writeln!(
            tex,
            "\\fill[benchshade] ({{axis cs:{from},{last}}}|-{{rel axis cs:0,0}}) rectangle \
             (rel axis cs:1,1);"
        );
    }
    for (index, series) in panel.series.iter().enumerate() {
        let aside = layout.aside(index, panel.series.len());
        for point in &series.points {
            let Some((low, high)) = point.band else { continue };
            let _ = writeln!(
                tex,
                "\\draw[benchband, line width={:.2}bp, xshift={aside:.2}bp] (axis cs:{x},{low}) -- \
                 (axis cs:{x},{high});",
                layout.band(),
                x = point.x
            );
        }
    }
    if let Some(height) = panel.reference {
        let (left, _) = match &layout.panels.x {
            XAxis::Counts(xs) => ends_of_counts(xs),
            _ => (0.0, 0.0),
        };
        let place = format!("{{axis cs:{:.4},{height}}}", left.exp2());
        let _ = writeln!(
            tex,
            "\\draw[benchgrey, densely dotted, line width={:.2}bp] ({{rel axis cs:0,0}}|-{place}) \
             -- ({{rel axis cs:1,0}}|-{place});",
            layout.style.line
        );
    }
    tex.push_str(&layout.tex_of_tiles(panel));
    tex.push_str(&layout.tex_of_bars(panel));
    if panel.is_empty() {
        let why = layout.why_empty(i);
        let _ = writeln!(tex, "\\node at (rel axis cs:0.5,0.5) {{{why}}};");
    }
    tex + &layout.tex_of_curves(panel, false)
}

/// One subject's line, moved aside by some points, in the style `bench <look>`.
fn plot(
    layout: &Layout<'_>,
    series: &Series,
    i: usize,
    number: Number,
    (aside, look): (f64, usize),
) -> String {
    let mut options = vec![format!("forget plot, bench {look}")];
    if layout.marked() > 1 {
        options.push(format!("mark phase={}", layout.first_marker(number.series - 1) + 1));
    }
    if aside != 0.0 {
        options.push(format!("xshift={aside:.2}bp"));
    }
    if series.points.iter().any(|point| point.interval.is_some()) {
        options.push("bench interval".to_owned());
    }
    options.push(format!("bench of={{{}}}{{{}}}", number.panel, number.series));
    // A logarithmic axis has a place for 0, below its powers of ten.
    let column = |scale: Option<Scale>, name: &str| match scale {
        Some(scale) if scale.is_log() => format!("max(\\thisrow{{{name}}},{})", scale.ends().0),
        _ => format!("\\thisrow{{{name}}}"),
    };
    let y = |name| column(Some(layout.axes[i]), name);
    format!(
        "\\addplot[{}] table[x expr={{{}}}, y expr={{{}}},\n  \
         y error plus expr={{{}-{}}}, y error minus expr={{{}-{}}}] {{\\benchtable}}; % {}\n",
        options.join(", "),
        column(layout.x_scale, "x"),
        y("y"),
        y("high"),
        y("y"),
        y("y"),
        y("low"),
        plain(&series.name)
    )
}

/// Styles: one for each look, and one for intervals.
fn styles(layout: &Layout<'_>, looks: &BTreeMap<&str, (usize, Look)>) -> String {
    let (line, marker) = (layout.style.line, layout.style.marker);
    let mut text = String::new();
    for (name, (number, look)) in looks {
        let _ = writeln!(
            text,
            "  bench {number}/.style={{{}}}, % {}",
            look_of(layout, *look),
            plain(name)
        );
    }
    let thin = format!("line width={:.2}bp", line * 0.75);
    let _ = writeln!(
        text,
        "  bench interval/.style={{error bars/.cd, y dir=both, y explicit,\n    \
         error bar style={{solid, {thin}}}, \
         error mark options={{rotate=90, mark size={marker:.2}bp, {thin}}}, /pgfplots/.cd}},"
    );
    text
}

/// Colour, marker and dash.
fn look_of(layout: &Layout<'_>, look: Look) -> String {
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
        Marker::Cross => ("x", ""),
    }
}

/// One for all panels, above the first; it belongs to the last, from whose corner it is moved.
fn legend(layout: &Layout<'_>, looks: &BTreeMap<&str, (usize, Look)>) -> String {
    let panels = layout.panels;
    let columns = layout.legend.len();
    let rows = panels.legend.len().div_ceil(columns);
    let (across, down) = gaps(layout);
    let left = layout.left + (width(layout) + across) * (panels.columns() - 1) as f64;
    let up = (layout.style.panel_height + down) * panels.rows.len().saturating_sub(1) as f64;
    let up = up + layout.line() * (layout.title_lines as f64 + 0.6);
    let mut tex = format!(
        "\\pgfplotsset{{legend columns={columns}, legend cell align=left, legend style={{\
         at={{(0,1)}}, anchor=south west, xshift={:.2}bp, yshift={up:.2}bp, draw=none, \
         fill=none, inner sep=0pt, font={}, nodes={{inner xsep=1.5pt}}, /tikz/every even column/.append style={{column sep=0.8em}}}}}}\n",
        -left,
        font(layout.style.small_text)
    );
    // LaTeX fills it row by row, we fill our columns.
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| column * rows + row));
    for place in places {
        let Some((key, name)) = panels.legend.get(place) else {
            tex.push_str("\\addlegendimage{empty legend}\n\\addlegendentry{}\n");
            continue;
        };
        let image = match key {
            Key::Subject(look) => match looks.get(name.as_str()) {
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

/// Every point, one a line.
fn table(layout: &Layout<'_>) -> String {
    let panels = layout.panels;
    let mut text = format!("# x: {}", plain(&panels.x_label));
    if let XAxis::Levels(labels) = &panels.x {
        let level = |(label, x): (&String, usize)| format!("{x} is {}", plain(label));
        let levels: Vec<String> = labels.iter().zip(1..).map(level).collect();
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
                let Some((ratio, (low, high))) = tile.value else { continue };
                let name = plain(&panels.y[i].labels()[tile.y - 1]);
                let _ =
                    writeln!(lines, "{number};{};{};{ratio};{low};{high};{name}", tile.y, tile.x);
            }
            for (series, index) in panel.series.iter().zip(1..) {
                for point in &series.points {
                    let (low, high) = point.interval.unwrap_or((point.y, point.y));
                    let _ = writeln!(
                        lines,
                        "{number};{index};{};{};{low};{high};{}",
                        point.x,
                        point.y,
                        plain(&series.name)
                    );
                }
            }
        }
    }
    text + "panel;series;x;y;low;high;subject\n" + &lines
}

/// Only what means nothing to TeX, for comments and for fields of the table.
fn plain(text: &str) -> String {
    let text = text.replace('θ', "theta").replace(['\u{a0}', '\n'], " ");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:=/+-()@*<>".contains(c);
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
