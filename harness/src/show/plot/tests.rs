//! What every figure must do, whatever the rows.

use resvg::tiny_skia::Pixmap;
use resvg::usvg::Tree;

use super::style::{STYLES, Style};
use super::{Drawing, FIGURES, Results, Sketches, figure, font, raster};
use crate::rows::Row;
use crate::test_rows::{Grid, trial, with};

const CPUS: usize = 2;

fn acm() -> &'static Style {
    Style::named("acm").expect("a style")
}

fn results(rows: &[Row]) -> Results<'_> {
    Results { rows, cpus: CPUS, ..Results::default() }
}

fn draw(rows: &[Row]) -> Vec<Drawing> {
    let figure = figure("throughput-threads").expect("a figure");
    figure.draw(&results(rows), &acm().into()).expect("rows to draw")
}

fn draw_one(rows: &[Row]) -> String {
    let mut drawings = draw(rows);
    assert_eq!(drawings.len(), 1);
    drawings.remove(0).svg
}

/// What `pictures` are when they are drawn.
pub(super) fn drawn(
    pictures: Sketches,
    results: &Results<'_>,
    style: &Style,
) -> anyhow::Result<Vec<Drawing>> {
    let pictures = pictures(results)?;
    let each = pictures.into_iter().map(|picture| picture.drawn(&style.into()));
    Ok(each.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// What a picture says, and its caption.
fn said(drawing: &Drawing) -> String {
    let said = texts(&drawing.svg).into_iter().chain(drawing.caption.iter().cloned());
    said.collect::<Vec<_>>().join(" ")
}

/// Every text of the picture.
pub(super) fn texts(svg: &str) -> Vec<String> {
    let lines: Vec<_> = svg.lines().collect();
    let after = |pair: &[&str]| pair[0].starts_with("<text").then(|| pair[1].to_owned());
    lines.windows(2).filter_map(after).collect()
}

/// Markers: filled shapes other than the white ones inside hollow markers.
pub(super) fn markers(svg: &str) -> usize {
    let shape = |line: &&str| line.starts_with("<circle") || line.starts_with("<polygon");
    svg.lines().filter(shape).filter(|line| !line.contains("#FFFFFF")).count()
}

fn panels(svg: &str) -> usize {
    let count = |part: &str| texts(svg).iter().filter(|text| text.contains(part)).count();
    count("% reads").max(count("θ"))
}

/// Interval bars: vertical lines of one subject's colour; here, polylines that are not grey.
fn vertical_bars(svg: &str, stroke_width: &str) -> usize {
    let width = format!("stroke-width=\"{stroke_width}\"");
    svg.lines()
        .filter(|line| line.starts_with("<polyline") && line.contains(&width))
        .filter(|line| !line.contains("#5A5A5A") && !line.contains("#DEDEDE"))
        .count()
        / 3
}

/// The boxes of all texts, in CSS pixels: left, top, right, bottom.
fn text_boxes(svg: &str) -> (Vec<[f32; 4]>, [f32; 2]) {
    let tree = Tree::from_str(svg, font::options()).expect("an SVG");
    let size = tree.size();
    let mut boxes = Vec::new();
    collect_texts(tree.root(), &mut boxes);
    (boxes, [size.width(), size.height()])
}

fn collect_texts(group: &resvg::usvg::Group, boxes: &mut Vec<[f32; 4]>) {
    for node in group.children() {
        match node {
            resvg::usvg::Node::Group(inner) => collect_texts(inner, boxes),
            resvg::usvg::Node::Text(_) => {
                let b = node.abs_bounding_box();
                boxes.push([b.left(), b.top(), b.right(), b.bottom()]);
            }
            _ => {}
        }
    }
}

/// No text leaves the picture or covers another. Line boxes are taller than glyphs: a third of
/// the height may overlap.
pub(super) fn assert_texts_are_clear(svg: &str) {
    let (boxes, [width, height]) = text_boxes(svg);
    assert_eq!(boxes.len(), texts(svg).len());
    for (i, a) in boxes.iter().enumerate() {
        let is_inside = a[0] >= 0.0 && a[2] <= width && a[3] <= height;
        assert!(is_inside, "{a:?} of {width} x {height}: {}", texts(svg)[i]);
        for b in &boxes[..i] {
            let across = a[2].min(b[2]) - a[0].max(b[0]);
            let down = a[3].min(b[3]) - a[1].max(b[1]);
            let slack = (a[3] - a[1]).min(b[3] - b[1]) / 3.0;
            assert!(across <= 0.0 || down <= slack, "{a:?} covers {b:?}");
        }
    }
}

fn twelve_subjects() -> Grid {
    Grid {
        subjects: vec![
            ("chaining-lock-free", "epoch"),
            ("chaining-lock-free", "hazard"),
            ("cuckoo-optimistic-items", "haphazard"),
            ("cuckoo-optimistic", "none"),
            ("hamt-cas", "epoch"),
            ("hamt-sharded", "epoch"),
            ("papaya", "none"),
            ("dashmap", "none"),
            ("scc-hashmap", "none"),
            ("flurry", "none"),
            ("std-rwlock", "none"),
            ("my-map", "none"),
        ],
        threads: vec![1, 2, 4, 8],
        reads: vec![50.0, 95.0, 100.0],
        zipf: vec![0.0, 0.9, 1.2],
        ..Grid::small()
    }
}

#[test]
fn names_are_unique_and_found() {
    for entry in FIGURES {
        assert_eq!(figure(entry.name).map(|found| found.summary), Some(entry.summary));
    }
    assert!(figure("nothing").is_none());
}

#[test]
fn the_picture_holds_the_data() {
    let grid = Grid { reads: vec![50.0, 95.0], zipf: vec![0.0, 0.99], ..Grid::small() };
    let svg = draw_one(&grid.rows());
    assert_eq!(panels(&svg), 4);
    assert_eq!(markers(&svg), 2 * 3 * 4 + 2, "points and legend");
    assert_eq!(vertical_bars(&svg, "6"), 2 * 3 * 4);
    for expected in ["papaya", "hamt-cas/epoch", "threads", "95 % reads, θ = 0.99"] {
        assert_eq!(texts(&svg).iter().filter(|text| *text == expected).count(), 1, "{expected}");
    }
    assert!(svg.contains("#F0F0F0"), "the oversubscribed region");
    assert_texts_are_clear(&svg);
}

/// The numbers in attribute `name` of a line of SVG.
fn numbers(line: &str, name: &str) -> Vec<f64> {
    let value = line.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    let parts = value.expect("the attribute").split([' ', ',']).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().expect("a number")).collect()
}

#[test]
fn points_are_where_the_axes_say() {
    // A table whose line is solid and whose marker is a circle.
    let rates = [(1, 10e6), (2, 20e6), (4, 40e6)];
    let wall_only = |(threads, rate)| Row {
        clean_windows: Some(0),
        ..trial("chaining-lock-free", threads, 0, rate)
    };
    let svg = draw_one(&rates.map(wall_only));
    let circles = svg.lines().filter(|line| line.starts_with("<circle"));
    let places: Vec<[f64; 2]> =
        circles.map(|line| [numbers(line, "cx")[0], numbers(line, "cy")[0]]).collect();
    let [_legend, one, two, four] = places[..] else { panic!("{places:?}") };
    // Doublings of threads are equally far apart; the second of throughput is twice the first.
    assert!(((four[0] - two[0]) - (two[0] - one[0])).abs() <= 2.0, "{places:?}");
    assert!(((two[1] - four[1]) - 2.0 * (one[1] - two[1])).abs() <= 2.0, "{places:?}");
    // The axis ends at 40 Mops/s: from 10 it is three quarters of the panel's height.
    let height = acm().panel_height * 10.0;
    assert!((one[1] - four[1] - 0.75 * height).abs() <= 2.0, "{places:?}");
    let curves = svg.lines().filter(|line| line.starts_with("<polyline"));
    let curves: Vec<_> = curves.map(|line| numbers(line, "points")).collect();
    assert!(curves.contains(&[one, two, four].concat()), "{curves:?}");
}

#[test]
fn intervals_do_not_hide_each_other() {
    let subjects = twelve_subjects().subjects;
    let mut rows = Grid { subjects, ..Grid::small() }.rows();
    // What all have in common is in no interval.
    for (i, row) in rows.iter_mut().enumerate() {
        let noise = 1.0 + 0.01 * (i * 7 % 11) as f64;
        row.clean_ops_per_sec = row.clean_ops_per_sec.map(|rate| rate * noise);
        row.ops_per_sec = row.ops_per_sec.map(|rate| rate * noise);
    }
    let svg = draw_one(&rows);
    let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
    let bars = lines
        .filter(|line| line.contains("stroke-width=\"6\"") && !line.contains("#DEDEDE"))
        .map(|line| numbers(line, "points"))
        .filter(|ends| ends.len() == 4 && ends[0] == ends[2] && ends[1] != ends[3]);
    let mut places: Vec<f64> = bars.map(|ends| ends[0]).collect();
    let all = places.len();
    assert!(all >= 12 * 3, "{all} bars");
    places.sort_by(f64::total_cmp);
    places.dedup();
    assert!(places.len() >= 12 * 3, "{} places for {all} bars", places.len());
}

#[test]
fn twelve_subjects_in_nine_panels_are_clear_in_every_style() {
    let rows = twelve_subjects().rows();
    for style in STYLES {
        let drawings = FIGURES[0].draw(&results(&rows), &style.into()).expect("rows to draw");
        let svg = &drawings[0].svg;
        // Each row of panels has the names beside it.
        assert_eq!((panels(svg), markers(svg)), (9, 12 * 4 * 9 + 12 * 3));
        assert!(svg.starts_with(&format!("<svg width=\"{:.2}pt\"", style.page)));
        assert_texts_are_clear(svg);
    }
}

#[test]
fn a_style_sets_width_text_and_lines() {
    let rows = Grid::small().rows();
    for style in STYLES {
        let svg =
            FIGURES[0].draw(&results(&rows), &style.into()).expect("rows to draw").remove(0).svg;
        assert!(
            svg.starts_with(&format!("<svg width=\"{:.2}pt\"", style.column)),
            "{}",
            style.name
        );
        let of = |element: &str, name: &str| -> std::collections::BTreeSet<i64> {
            let lines = svg.lines().filter(|line| line.starts_with(element));
            lines.map(|line| (numbers(line, name)[0] * 10.0).round() as i64).collect()
        };
        // In tenths of a point, times ten; plotters rounds font sizes and lines.
        let sizes: Vec<f64> =
            of("<text", "font-size").iter().map(|size| *size as f64 / 100.0).collect();
        let expected = [style.small_text, style.text];
        assert_eq!(sizes.len(), 2, "{}: {sizes:?}", style.name);
        for (size, expected) in sizes.iter().zip(expected) {
            assert!((size - expected).abs() < 0.06, "{}: {sizes:?}", style.name);
        }
        let width = (style.line * 10.0).round() as i64 * 10;
        assert!(of("<polyline", "stroke-width").contains(&width), "{}", style.name);
        let radius = (style.marker * 10.0).round() as i64 * 10;
        assert!(of("<circle", "r").contains(&radius), "{}", style.name);
    }
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let rows = Grid::small().rows();
    assert_eq!(draw(&rows), draw(&rows));
    let png = |svg: &str| raster::png(svg, 100.0).expect("a picture");
    assert_eq!(png(&draw_one(&rows)), png(&draw_one(&rows)));
    // Trials come in random order; the medians and looks must not depend on it.
    let mut reversed = rows.clone();
    reversed.reverse();
    assert_eq!(texts(&draw_one(&rows)), texts(&draw_one(&reversed)));
}

#[test]
fn one_picture_a_setting() {
    let rows = Grid { keys: vec![1024, 65_536], ..Grid::small() }.rows();
    let stems: Vec<_> = draw(&rows).into_iter().map(|drawing| drawing.file_stem).collect();
    assert_eq!(stems, ["throughput-threads-keys1024", "throughput-threads-keys65536"]);
}

#[test]
fn one_point_is_a_picture() {
    let svg = draw_one(&[trial("papaya", 1, 0, 5e6)]);
    assert_eq!((panels(&svg), markers(&svg), vertical_bars(&svg, "6")), (1, 2, 0));
    assert!(!svg.contains("#F0F0F0"), "nothing is oversubscribed");
    assert!(said(&draw(&[trial("papaya", 1, 0, 5e6)])[0]).contains("no intervals"));
    assert_texts_are_clear(&svg);
}

#[test]
fn missing_and_invalid_cells_are_left_out_and_said() {
    let mut rows = Grid { zipf: vec![0.0, 0.99], ..Grid::small() }.rows();
    rows.retain(|row| !(row.structure == "papaya" && row.threads == 2));
    for row in rows.iter_mut().filter(|row| row.zipf == 0.99) {
        row.valid = false;
    }
    let svg = draw_one(&rows);
    assert_eq!((panels(&svg), markers(&svg)), (2, 5 + 2));
    let text = said(&draw(&rows)[0]);
    assert!(text.contains("no valid trial") && text.contains("25 invalid trials"), "{text}");
    for row in rows.iter_mut().filter(|row| row.structure == "papaya") {
        row.valid = false;
    }
    let text = said(&draw(&rows)[0]);
    assert!(text.contains("without a valid trial: papaya."), "{text}");
}

/// Whichever it is: those that do not count their cells' own say it of all.
#[test]
fn every_figure_says_that_trials_are_invalid() {
    let mut rows = Grid { zipf: vec![0.0, 0.99], ..Grid::small() }.rows();
    let baseline = "papaya".parse().expect("a name");
    let captions = |rows: &[Row]| -> Vec<String> {
        let results = Results { baseline: Some(&baseline), ..results(rows) };
        let drawable = FIGURES.iter().filter(|figure| (figure.lacks)(&results).is_none());
        let drawn = drawable.flat_map(|figure| figure.draw(&results, &acm().into()).expect("rows"));
        drawn.map(|drawing| drawing.caption.join(" ")).collect()
    };
    let valid = captions(&rows);
    assert!(valid.len() > 4 && !valid.iter().any(|said| said.contains("invalid")), "{valid:?}");
    rows[3].valid = false;
    for said in captions(&rows) {
        assert!(said.matches(" invalid").count() == 1, "{said}");
    }
}

#[test]
fn nothing_valid_is_an_error_that_says_why() {
    let mut rows = Grid::small().rows();
    for row in &mut rows {
        row.valid = false;
        row.error = "key sum differs".to_owned();
    }
    let error =
        FIGURES[0].draw(&results(&rows), &acm().into()).expect_err("nothing to draw").to_string();
    assert_eq!(
        error,
        "none of 30 trials is valid and has a throughput; for example: key sum differs"
    );
    assert!(FIGURES[0].draw(&results(&[]), &acm().into()).is_err());
}

#[test]
fn zero_is_a_value() {
    let svg = draw_one(&[trial("papaya", 1, 0, 0.0), trial("papaya", 2, 0, 0.0)]);
    assert_eq!(markers(&svg), 3);
    assert_texts_are_clear(&svg);
    Tree::from_str(&svg, font::options()).expect("an SVG");
}

#[test]
fn controls_are_stated_not_drawn() {
    let mut rows = Grid::small().rows();
    rows.push(trial("no-op", 1, 0, 150e6));
    rows.push(trial("no-op", 2, 0, 280e6));
    rows.push(trial("sequential", 1, 0, 30e6));
    let svg = draw_one(&rows);
    assert_eq!(markers(&svg), 2 * 3 + 2);
    let (text, all) = (texts(&svg).join(" "), said(&draw(&rows)[0]));
    assert!(all.contains("Harness alone: 154 to 165 Mops/s per thread."), "{all}");
    assert!(text.contains("sequential (1 thread)") && !text.contains("no-op"), "{text}");
    assert!(!text.contains("Harness"), "no note is in the picture: {text}");
    assert_texts_are_clear(&svg);
    // Alone they are subjects.
    let text = texts(&draw_one(&rows[rows.len() - 3..rows.len() - 1])).join(" ");
    assert!(text.contains("no-op"), "{text}");
}

#[test]
fn the_noise_floor_is_a_band_behind_what_was_measured_twice() {
    let rows = Grid::small().rows();
    let twin = |row: &Row| {
        with(row, |row| {
            row.twin = true;
            row.case = format!("twin of {}", row.case);
            row.clean_ops_per_sec = row.clean_ops_per_sec.map(|rate| rate * 1.25);
        })
    };
    let twins = rows.iter().filter(|row| row.structure == "papaya").map(twin);
    let with: Vec<Row> = rows.iter().cloned().chain(twins).collect();
    let svg = draw_one(&with);
    assert_eq!(markers(&svg), markers(&draw_one(&rows)), "a twin is no subject");
    let bands: Vec<&str> =
        svg.lines().filter(|line| line.starts_with("<rect") && line.contains("#D4D4D4")).collect();
    assert_eq!(bands.len(), 3 + 1, "one for each number of threads, and the legend's");
    let text = texts(&svg).join(" ");
    assert!(text.contains("A/A noise floor of papaya") && !text.contains("(A/A)"), "{text}");
    assert!(!draw_one(&rows).contains("#D4D4D4"));
    // From a fifth less to a quarter more than the point, on a linear axis.
    let drawing = &draw(&with)[0];
    let place = |value: &&super::HoverText| value.text.starts_with("papaya");
    let point = drawing.values.iter().find(place).expect("a point").at.1 * 10.0;
    let tall = &bands[bands.len() - 3..];
    let ends = tall.iter().map(|line| (numbers(line, "y")[0], numbers(line, "height")[0]));
    let (top, height) = ends
        .min_by(|a, b| (a.0 + a.1 / 2.0 - point).abs().total_cmp(&(b.0 + b.1 / 2.0 - point).abs()))
        .expect("a band");
    let share = (point - top) / height;
    assert!((share - 0.25 / 0.45).abs() < 0.03, "{share} of {tall:?} at {point}");
    assert_texts_are_clear(&svg);
    assert_eq!(drawing.pgf.tex.matches("\\draw[benchband").count(), 3);
}

#[test]
fn crowded_axes_leave_labels_out_rather_than_touch() {
    let rows = Grid {
        threads: (1..=24).collect(),
        zipf: vec![0.0, 0.2, 0.4, 0.6, 0.8, 0.99, 1.2],
        ..Grid::small()
    }
    .rows();
    let svg = draw_one(&rows);
    assert_eq!(panels(&svg), 7);
    assert_texts_are_clear(&svg);
    // One title that is too wide puts all on two lines.
    let svg = draw_one(&Grid { zipf: vec![0.0, 0.123_456_789_012], ..Grid::small() }.rows());
    assert_texts_are_clear(&svg);
}

#[test]
fn the_png_has_the_printed_size() {
    let png = raster::png(&draw_one(&Grid::small().rows()), raster::PRINT_DPI).expect("a picture");
    let image = Pixmap::decode_png(&png).expect("a PNG");
    assert_eq!(image.width(), (241.15_f64 / 72.27 * 300.0).round() as u32);
    assert!(image.data().chunks(4).any(|pixel| pixel != [255; 4]));
    // Lines on white: a bit a pixel is plenty.
    assert!(png.len() < image.pixels().len() / 8, "{} bytes", png.len());
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='144pt' height='72pt'/>";
    let image = Pixmap::decode_png(&raster::png(svg, 300.0).expect("a picture")).expect("a PNG");
    assert_eq!((image.width(), image.height()), (600, 300));
    assert!(raster::png("no picture", 300.0).is_err());
}

/// Panels become higher rather than the legend a list beside them, for which a column has no room.
#[test]
fn a_figure_of_few_subjects_is_as_wide_as_a_column() {
    let subjects = vec![
        ("cuckoo-optimistic-items", "haphazard"),
        ("chaining-lock-free", "worker-rcu"),
        ("hamt-cas", "haphazard"),
    ];
    let grid = Grid { subjects, reads: vec![100.0, 50.0], ..Grid::small() };
    for style in &STYLES[..3] {
        let drawings =
            FIGURES[0].draw(&results(&grid.rows()), &style.into()).expect("rows to draw");
        let width = format!("width=\"{:.2}pt\"", style.column);
        assert!(drawings[0].svg.contains(&width), "{}: {}", style.name, &drawings[0].svg[..200]);
    }
}
