//! Predicted throughput against threads, one panel for each mix (rows) and skew (columns): dashed, with its band
//! if it has one, and what is published of the machine.

use anyhow::Result;
use virtual_cores::PredictedRow;

use super::Results;
use super::arrange::arranged;
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::predicted::{PredictedGroup, Shares, groups, title, to_published, unless_empty};
use super::style::Look;

/// Of every line.
const DASHES: &[f64] = &[4.5, 2.2];

/// What of a subject its solid line is.
const PUBLISHED: &str = "published";

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let sketch = |group: &PredictedGroup<'_>| Sketch {
        file_stem: group.file_stem("predicted-threads"),
        panels: panels(group),
    };
    Ok(groups(results).iter().map(sketch).collect())
}

/// A prediction's, whatever a measured line of the subject has.
fn dashed(look: Look) -> Look {
    Look { dash: DASHES, ..look }
}

fn panels(group: &PredictedGroup<'_>) -> Panels {
    let (mixes, skews) = group.kinds();
    let rows = arranged(&mixes, &skews, |mix, zipf| panel(group, *mix, *zipf));
    let mut legend = group.legend(dashed);
    let mut all = rows.iter().flatten().flat_map(|panel| &panel.series);
    let has_published = all.any(|series| series.what == PUBLISHED);
    legend.extend(has_published.then(|| (Key::Solid, PUBLISHED.to_owned())));
    let mut caption = vec![group.provenance(), bands_in_words(&group.rows)];
    caption.extend(to_published(&group.rows));
    Panels {
        y: vec![YAxis::log("Mops/s"); rows.len()],
        rows,
        x: XAxis::Counts(group.threads()),
        lines: Lines::Marked(1),
        shade_from: None,
        x_label: "threads".to_owned(),
        legend,
        heading: String::new(),
        height: None,
        caption,
    }
}

/// What the bands are of these predictions, if they have any.
fn bands_in_words(rows: &[&PredictedRow]) -> String {
    let with_bands = rows.iter().filter(|row| row.band().is_some()).count();
    if with_bands == 0 {
        return "None of the machine's uncertain numbers was drawn, so there are no bands, and nothing is said of which \
                is faster."
            .to_owned();
    }
    let mut words = "A band is the least and the most of draws over the machine's uncertain numbers, and no interval \
                     of confidence. Where two bands touch, nothing is said of which is faster."
        .to_owned();
    if with_bands < rows.len() {
        words += " What has no band was predicted without draws, and is ahead of nothing.";
    }
    words
}

fn panel(group: &PredictedGroup<'_>, mix: Shares, zipf: f64) -> Option<Panel> {
    let (mut series, mut published) = (Vec::new(), Vec::new());
    for (name, rows) in group.curves(mix, zipf) {
        let look = dashed(group.looks[&name]);
        let point = |row: &&PredictedRow| Point {
            x: row.threads as f64,
            y: row.ops_per_sec / 1e6,
            band: Some((row.low / 1e6, row.high / 1e6)),
            ..Point::default()
        };
        let is_published = |row: &&PredictedRow| {
            let (x, y) = (row.threads as f64, row.published? / 1e6);
            Some(Point { x, y, ..Point::default() })
        };
        let points = rows.iter().map(point).collect();
        series.push(Series { has_ribbon: true, ..Series::new(&name, look, points) });
        let theirs: Vec<_> = rows.iter().filter_map(is_published).collect();
        if !theirs.is_empty() {
            let theirs = Series::new(&name, look.solid(), theirs);
            published.push(Series { what: PUBLISHED, ..theirs });
        }
    }
    series.extend(published);
    unless_empty(Panel { title: title(mix, zipf), series, ..Panel::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, drawn, markers, texts};
    use crate::test_rows::{Grid, predictions};

    fn grid() -> Grid {
        Grid {
            threads: vec![1, 8, 64],
            reads: vec![50.0, 90.0],
            zipf: vec![0.0, 0.99],
            ..Grid::small()
        }
    }

    #[test]
    fn each_line_is_dashed_and_has_its_band() {
        let rows = predictions(&grid());
        let results = Results { predicted: &rows, ..Results::default() };
        for style in STYLES {
            let drawings = drawn(pictures, &results, style).expect("predictions to draw");
            let [drawing] = drawings.as_slice() else { panic!("{}", drawings.len()) };
            assert_texts_are_clear(&drawing.svg);
            // Two subjects in four panels with their ribbons, and the legend's.
            assert_eq!(markers(&drawing.svg), 2 * 4 * (3 + 1) + 2);
            assert_eq!(drawing.svg.matches("opacity=\"0.16\"").count(), 2 * 4);
            assert_eq!(drawing.pgf.tex.matches("fill opacity=0.16").count(), 2 * 4);
            let text = texts(&drawing.svg).join("; ");
            for part in ["50 % reads", "θ = 0.99", "threads", "Mops/s", "64"] {
                assert!(text.contains(part), "{}: no {part} in {text}", style.name);
            }
            assert!(!text.contains("published"), "{text}");
            assert!(drawing.caption[0].starts_with("Predicted, not measured"));
            let [on, off] = [DASHES[0], DASHES[1]].map(|length| length * style.line);
            let dashed = format!("dash pattern=on {on:.2}bp off {off:.2}bp");
            assert_eq!(drawing.pgf.tex.matches(&dashed).count(), 2, "{}", drawing.pgf.tex);
        }
    }

    /// A caption speaks of bands where there are some.
    #[test]
    fn bands_that_are_not_there_are_not_explained() {
        let mut rows = predictions(&grid());
        let count = rows.len();
        for (without, (band, none, some_have_none)) in
            [(0, (true, false, false)), (1, (true, false, true)), (count, (false, true, false))]
        {
            for row in &mut rows[..without] {
                (row.low, row.high) = (row.ops_per_sec, row.ops_per_sec);
            }
            let results = Results { predicted: &rows, ..Results::default() };
            let drawing = &drawn(pictures, &results, &STYLES[0]).expect("predictions to draw")[0];
            let caption = drawing.caption.join(" ");
            assert_eq!(caption.contains("A band is the least"), band, "{caption}");
            assert_eq!(caption.contains("there are no bands"), none, "{caption}");
            assert_eq!(caption.contains("What has no band"), some_have_none, "{caption}");
        }
    }

    #[test]
    fn what_is_published_is_drawn_and_said() {
        let mut rows = predictions(&grid());
        for row in rows.iter_mut().filter(|row| row.structure == "papaya" && row.reads == 50.0) {
            row.published = Some(row.ops_per_sec / 1.25);
            row.published_of = "papaya's paper".to_owned();
        }
        let results = Results { predicted: &rows, ..Results::default() };
        let drawing = &drawn(pictures, &results, &STYLES[0]).expect("predictions to draw")[0];
        assert!(texts(&drawing.svg).join(" ").contains("published"));
        // At two skews.
        assert_eq!(drawing.pgf.tex.matches("% papaya, published").count(), 2);
        let said =
            drawing.values.iter().filter(|value| value.text.starts_with("papaya, published: "));
        assert_eq!(said.count(), 2 * 3);
        let caption = drawing.caption.join(" ");
        let said = "Model ÷ published, papaya, 50 % reads, θ = 0 (papaya's paper): 1.25 at 1, 1.25 at 8, 1.25 at 64";
        assert!(caption.contains(said), "{caption}");
        assert_eq!(caption.matches("Model ÷").count(), 2);
    }

    /// Two workloads with as many lookups are two panels, which say what their changes are.
    #[test]
    fn upserts_have_a_panel_of_their_own() {
        let mut rows = predictions(&Grid { zipf: vec![0.0], ..grid() });
        let mut others = rows.clone();
        for row in &mut others {
            row.upserts = 100.0 - row.reads;
            row.published = (row.structure == "papaya").then_some(row.ops_per_sec);
        }
        rows.extend(others);
        let results = Results { predicted: &rows, ..Results::default() };
        let drawing = &drawn(pictures, &results, &STYLES[0]).expect("predictions to draw")[0];
        let text = texts(&drawing.svg).join("; ");
        for part in ["10 % upserts", "50 % upserts"] {
            assert!(text.contains(part), "no {part} in {text}");
        }
        // Two subjects in four panels.
        assert_eq!(drawing.svg.matches("opacity=\"0.16\"").count(), 2 * 4);
        let caption = drawing.caption.join(" ");
        assert!(caption.contains("papaya, 90 % reads, 10 % upserts, θ = 0"), "{caption}");
        assert!(caption.contains("all where nothing is removed"), "{caption}");
    }

    /// A picture is of one batch of the schemes that have some; what has none is in each.
    #[test]
    fn batches_have_pictures_of_their_own() {
        let mut rows = predictions(&grid());
        let hamt: Vec<_> = rows.iter().filter(|row| row.structure == "hamt-cas").cloned().collect();
        rows.extend(hamt.into_iter().map(|row| PredictedRow { reclaim_batch: Some(64), ..row }));
        let results = Results { predicted: &rows, ..Results::default() };
        let drawings = drawn(pictures, &results, &STYLES[0]).expect("predictions to draw");
        let stems: Vec<_> = drawings.iter().map(|drawing| drawing.file_stem.as_str()).collect();
        assert_eq!(stems, ["predicted-threads-own-batch", "predicted-threads-batch-64"]);
        for (drawing, has_batch) in drawings.iter().zip([false, true]) {
            assert_eq!(drawing.svg.matches("opacity=\"0.16\"").count(), 2 * 4);
            let caption = drawing.caption.join(" ");
            assert_eq!(caption.contains("scan after 64 retirements"), has_batch, "{caption}");
        }
    }

    #[test]
    fn machines_and_keys_have_pictures_of_their_own() {
        let mut rows = predictions(&Grid { keys: vec![1024, 65_536], ..grid() });
        let other =
            rows.clone().into_iter().map(|row| PredictedRow { machine: "b".to_owned(), ..row });
        rows.extend(other.collect::<Vec<_>>());
        let results = Results { predicted: &rows, ..Results::default() };
        let drawings = drawn(pictures, &results, &STYLES[0]).expect("predictions to draw");
        let stems: std::collections::BTreeSet<_> =
            drawings.iter().map(|drawing| drawing.file_stem.as_str()).collect();
        assert_eq!((drawings.len(), stems.len()), (4, 4), "{stems:?}");
        assert!(super::super::predicted::lacks(&Results::default()).is_some());
    }
}
