//! Axes for LaTeX: the x axis that all panels have, and each panel's own, with the background of its data.

use std::fmt::Write;

use crate::show::plot::layout::{Layout, ends_of_counts};
use crate::show::plot::panels::{Panel, XAxis};
use crate::show::plot::scale::Scale;
use crate::show::plot::tex::escaped;

/// Ends and ticks of the x axis.
pub(super) fn x_axis(layout: &Layout<'_>) -> String {
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
        (XAxis::Levels(lines), _) => {
            let number = layout.panels.x.places();
            let places: Vec<String> = (1..=number).map(|place| place.to_string()).collect();
            // What is said of several is said where they begin.
            let label = |x: usize| {
                let is_new = |i: usize| {
                    i == 0 || x == 0 || lines[i..].iter().any(|line| line[x] != line[x - 1])
                };
                let words = lines.iter().enumerate().map(|(i, line)| {
                    if is_new(i) { escaped(&line[x]) } else { "\\strut".to_owned() }
                });
                words.collect::<Vec<_>>().join("\\\\")
            };
            let labels: Vec<String> = (0..number).map(|x| format!("{{{}}}", label(x))).collect();
            format!(
                "xmin=0.5, xmax={number}.5, xtick={{{}}}, xticklabels={{{}}}",
                places.join(","),
                labels.join(",")
            )
        }
        (_, Some(scale)) => {
            let (first, last) = scale.ends();
            let pad = layout.x_pad() / (1.0 - 2.0 * layout.x_pad());
            let (first, last) = if scale.is_log() {
                let pad = (last / first).powf(pad);
                (first / pad, last * pad)
            } else {
                let pad = (last - first) * pad;
                (first - pad, last + pad)
            };
            format!("{}, xmin={first}, xmax={last}", ticks('x', scale, layout.scale_ticks()))
        }
        (_, None) => String::new(),
    }
}

/// Mode and labelled ticks of axis `x` or `y`.
pub(super) fn ticks(axis: char, scale: Scale, ticks: Vec<(f64, String)>) -> String {
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

/// The beginning of a panel, with what lies behind its data.
pub(super) fn axis(layout: &Layout<'_>, panel: &Panel, (i, j): (usize, usize)) -> String {
    let mut tex = opening(layout, panel, (i, j));
    if let Some(from) = layout.panels.shade_from {
        let (_, last) = layout.axes[i].ends();
        let _ = writeln!(
            tex,
            "\\fill[benchshade] ({{axis cs:{from},{last}}}|-{{rel axis cs:0,0}}) rectangle \
             (rel axis cs:1,1);"
        );
    }
    tex.push_str(&bands(layout, panel));
    tex.push_str(&layout.tex_of_ribbons(panel));
    tex.push_str(&reference(layout, panel));
    tex.push_str(&layout.tex_of_tiles(panel));
    tex.push_str(&layout.tex_of_bars(panel));
    tex.push_str(&layout.tex_of_segments(panel));
    if panel.is_empty() {
        let why = layout.why_empty();
        let _ = writeln!(tex, "\\node at (rel axis cs:0.5,0.5) {{{why}}};");
    }
    tex + &layout.tex_of_curves(panel, false)
}

/// The options of a panel's axis. Only panels at the left and at the bottom are labelled.
fn opening(layout: &Layout<'_>, panel: &Panel, (i, j): (usize, usize)) -> String {
    let scale = layout.axes[i];
    let (first, last) = scale.ends();
    let title = layout.title(panel).iter().map(|line| escaped(line)).collect::<Vec<_>>();
    let title = title.join("\\\\");
    let x_label = match i == layout.lowest(j) {
        true if i + 1 < layout.panels.rows.len() => "xlabel={}".to_owned(),
        true => format!("xlabel={{{}}}", escaped(&layout.panels.x_label)),
        false => "xticklabels={}".to_owned(),
    };
    let y_label = match j {
        0 => format!("ylabel={{{}}}", escaped(&layout.panels.y[i].label)),
        _ => "yticklabels={}".to_owned(),
    };
    let grid = if layout.panels.is_matrix() { ", ymajorgrids=false" } else { "" };
    // Otherwise every marker would be in front of every curve.
    let in_front = panel.curves.iter().any(|curve| curve.in_front);
    let clip = if in_front { ", clip mode=individual" } else { "" };
    format!(
        "\\nextgroupplot[title={{{title}}}, {x_label},\n  \
         {}, ymin={first}, ymax={last}, {y_label}{grid}{clip}]\n",
        ticks('y', scale, layout.panels.y[i].ticks(scale))
    )
}

/// The band behind each point that has one, but for those of ribbons.
fn bands(layout: &Layout<'_>, panel: &Panel) -> String {
    let mut tex = String::new();
    for (index, series) in panel.series.iter().enumerate() {
        let aside = layout.aside(index, panel.series.len());
        for point in series.points.iter().filter(|_| !series.has_ribbon) {
            let Some((low, high)) = point.band else { continue };
            let ends = match layout.panels.is_sideways() {
                true => [(low, point.y), (high, point.y)],
                false => [(point.x, low), (point.x, high)],
            };
            let [from, to] = ends.map(|(x, y)| format!("(axis cs:{x},{y})"));
            let _ = writeln!(
                tex,
                "\\draw[benchband, line width={:.2}bp, xshift={aside:.2}bp] {from} -- {to};",
                layout.band()
            );
        }
    }
    tex
}

/// The line at the value with which a panel compares, if it has one.
fn reference(layout: &Layout<'_>, panel: &Panel) -> String {
    let Some(at) = panel.reference else { return String::new() };
    let [from, to] = if layout.panels.is_sideways() {
        let place = format!("{{axis cs:{at},0.5}}");
        ["0,0", "0,1"].map(|end| format!("({place}|-{{rel axis cs:{end}}})"))
    } else {
        let (left, _) = match &layout.panels.x {
            XAxis::Counts(xs) => ends_of_counts(xs),
            _ => (0.0, 0.0),
        };
        let place = format!("{{axis cs:{:.4},{at}}}", left.exp2());
        ["0,0", "1,0"].map(|end| format!("({{rel axis cs:{end}}}|-{place})"))
    };
    format!(
        "\\draw[benchgrey, densely dotted, line width={:.2}bp] {from} -- {to};\n",
        layout.style.line
    )
}
