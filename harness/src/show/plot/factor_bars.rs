//! A structure's factors: the ratio of each variant to the structure itself, as bars, one panel for each
//! read ratio, skew and number of threads. One picture for each structure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::levels::{drawn, reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis, place_of_name};
use super::picture::Sketch;
use super::schemes::{file_stem, threads};
use super::style::{Look, looks};
use super::throughput_bars::in_rows_of_names;
use crate::analysis::compare::{Baseline, Contender, Floors, Judged, cells, judge, with_baseline};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{ChosenRate, choose_metric};
use crate::rows::Row;

const NAME: &str = "factor-bars";

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    families(&drawn(results.rows), results.baseline).is_empty().then_some(
        "no structure was measured under the same workload as a variant of it (its name and a `:`)",
    )
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let floors = Floors::of(&cells(&[results.rows], choice.metric));
    let looks = looks(results.rows);
    let mut pictures = Vec::new();
    for family in families(&rows, results.baseline) {
        for group in split(&family.rows) {
            let cells = cells(&[&group.rows], choice.metric);
            let plan = with_baseline(&cells, &family.baseline, |_| true);
            let judged = judge(&plan, &floors);
            if judged.is_empty() {
                continue;
            }
            let ratios = Ratios { group: &group, choice: &choice, judged };
            let file_stem = file_stem(&format!("{NAME}-{}", family.structure), &group.label);
            pictures.push(Sketch { file_stem, panels: ratios.panels(&looks) });
        }
    }
    Ok(pictures)
}

/// A structure and its variants.
struct Family {
    structure: String,
    rows: Vec<Row>,
    /// What the others are compared with.
    baseline: Baseline,
}

/// The structures that were measured beside a variant.
fn families(rows: &[Row], asked: Option<&Baseline>) -> Vec<Family> {
    let mut families: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        families.entry(structure(row)).or_default().push(row);
    }
    let compared = |(structure, rows): (&str, Vec<&Row>)| {
        let rows: Vec<Row> = rows.into_iter().cloned().collect();
        let names: BTreeSet<String> = rows.iter().map(Row::subject).collect();
        let named = |names: &Baseline| {
            rows.iter().find(|row| names.names(&row.subject(), &row.structure)).map(Row::subject)
        };
        let own = rows.iter().find(|row| row.structure == structure).map(Row::subject);
        let base = asked.and_then(named).or(own).or_else(|| names.first().cloned())?;
        let baseline = Baseline::of_subject(&base);
        let family = Family { structure: structure.to_owned(), rows, baseline };
        (family.has_variants() && !family.judged_cells().is_empty()).then_some(family)
    };
    families.into_iter().filter_map(compared).collect()
}

/// The structure of which this row's is a variant, or itself.
fn structure(row: &Row) -> &str {
    row.structure.split_once(':').map_or(row.structure.as_str(), |(structure, _)| structure)
}

impl Family {
    fn has_variants(&self) -> bool {
        self.rows.iter().any(|row| row.structure.contains(':'))
    }

    /// The cases that can be compared.
    fn judged_cells(&self) -> Vec<String> {
        let cells = cells(&[&self.rows], crate::analysis::throughput::Rate::WallRate);
        let plan = with_baseline(&cells, &self.baseline, |_| true);
        plan.pairings.iter().map(|pairing| pairing.ours.row.case.clone()).collect()
    }
}

/// One family's ratios in one setting.
struct Ratios<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    judged: Vec<Judged<'a>>,
}

impl Ratios<'_> {
    fn panels(&self, looks: &BTreeMap<String, Look>) -> Panels {
        let mut rows: Vec<&Row> = self.judged.iter().map(|one| &one.ours.row).collect();
        let place = |row: &Row| (row.mix.reads.to_bits(), row.zipf.to_bits(), row.threads);
        rows.sort_by_key(|row| (Reverse(place(row).0), place(row)));
        rows.dedup_by_key(|row| place(row));
        let names = self.names();
        let panels = rows.iter().map(|row| self.panel(row, &names, looks)).collect();
        let rows = in_rows_of_names(panels);
        Panels {
            y: vec![YAxis::names(names); rows.len()],
            rows,
            x: XAxis::Linear,
            lines: Lines::Bars,
            shade_from: None,
            x_label: "times base".to_owned(),
            legend: vec![(Key::Reference, format!("base: {}", self.base()))],
            heading: String::new(),
            height: None,
            caption: vec![self.caption()],
        }
    }

    /// The subjects, the fastest first.
    fn names(&self) -> Vec<String> {
        let mut logs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for one in &self.judged {
            logs.entry(&one.ours.subject).or_default().push(one.ratio.centre.ln());
        }
        let mean = |logs: &Vec<f64>| logs.iter().sum::<f64>() / logs.len() as f64;
        let mut names: Vec<(&str, f64)> =
            logs.iter().map(|(name, logs)| (*name, mean(logs))).collect();
        names.sort_by(|a, b| b.1.total_cmp(&a.1));
        names.into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// The panel of the read ratio, skew and number of threads of `row`.
    fn panel(&self, row: &Row, names: &[String], looks: &BTreeMap<String, Look>) -> Panel {
        let place = |row: &Row| (row.mix.reads, row.zipf, row.threads);
        let here = self.judged.iter().filter(|one| place(&one.ours.row) == place(row));
        let bar = |one: &Judged<'_>| {
            let subject = &one.ours.subject;
            let found = names.iter().position(|name| name == subject)?;
            let (x, y) = (one.ratio.centre, place_of_name(found, names.len()) as f64);
            let point = Point { x, y, across: one.ratio.interval, ..Point::default() };
            Some(Series::new(subject, looks[subject], vec![point]))
        };
        let title = vec![reads(row), skew(row), threads(row.threads)];
        let series = here.filter_map(bar).collect();
        Panel { title, series, reference: Some(1.0), ..Panel::default() }
    }

    /// The subject that ratios are to.
    fn base(&self) -> &str {
        self.judged.first().map_or("", |one| one.theirs.subject.as_str())
    }

    fn caption(&self) -> String {
        let trials = |cell: &Contender| cell.trials.len();
        let blocks = self.judged.iter().map(|one| one.pairs.unwrap_or_else(|| trials(one.ours)));
        let (least, most) =
            blocks.fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
        let blocks = if least == most { most.to_string() } else { format!("{least} to {most}") };
        // A variant as the base has other values, but bars are named by what differs from the structure.
        let others = match self.base().split_once(':') {
            None => "the base",
            Some((structure, _)) => structure,
        };
        format!(
            "Bars are ratios of rates to {}, geometric means over {blocks} blocks, with their \
             95\u{a0}% BCa intervals. The dotted line is the base. Factors that a bar does not name have \
             the values of {others}. Verdicts: `bench cmp`. By {}. {}.",
            self.base(),
            self.choice.metric.in_words(),
            self.group.setting.in_words()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::Drawing;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, markers, texts};
    use crate::test_rows::{case, measured};

    const VARIANTS: [(&str, f64); 4] = [
        ("cuckoo-optimistic", 1.0),
        ("cuckoo-optimistic:tags=off", 0.5),
        ("cuckoo-optimistic:exclusion=global-lock", 0.8),
        ("cuckoo-optimistic:exclusion=global-lock,tags=off", 0.25),
    ];

    fn rows(names: &[(&str, f64)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..8 {
            for (name, factor) in names {
                for threads in [1, 2] {
                    for (reads, zipf) in [(100.0, 0.0), (50.0, 0.0), (50.0, 0.99)] {
                        let noise = 1.0 + 0.01 * f64::from((block * 3 + name.len() as u32) % 4);
                        let case = case(name, "none", threads, reads, zipf, 1024);
                        rows.push(measured(&case, block, 1e6 * factor * noise));
                    }
                }
            }
        }
        rows
    }

    fn results<'a>(rows: &'a [Row], baseline: Option<&'a Baseline>) -> Results<'a> {
        Results { rows, cpus: 2, baseline, ..Results::default() }
    }

    #[test]
    fn every_variant_has_a_bar_under_each_workload() {
        let mut all = rows(&VARIANTS);
        all.extend(rows(&[("papaya", 2.0)]));
        for style in STYLES {
            let drawings = crate::show::plot::tests::drawn(pictures, &results(&all, None), style)
                .expect("rows to draw");
            let stems: Vec<&str> =
                drawings.iter().map(|drawing| drawing.file_stem.as_str()).collect();
            assert_eq!(stems, ["factor-bars-cuckoo-optimistic"]);
            let Drawing { svg, values, pgf, .. } = &drawings[0];
            assert_eq!((values.len(), markers(svg)), (3 * 2 * 3, 3 * 2 * 3));
            let shown = texts(svg).join("; ");
            for expected in [
                "tags=off",
                "exclusion=global-lock,tags=off",
                "50 % reads",
                "θ = 0.99",
                "base: cuckoo-optimistic",
            ] {
                assert!(shown.contains(expected), "no {expected} in {shown}");
            }
            assert!(!shown.contains("papaya"), "{shown}");
            assert_texts_are_clear(svg);
            assert_eq!(pgf.tex.matches("(axis cs:1,").count(), 3 * 2 * 3, "bars begin at 1");
        }
    }

    #[test]
    fn bars_are_ratios_to_the_baseline() {
        let rows = rows(&VARIANTS);
        let says = |baseline: Option<&Baseline>, start: &str| {
            let drawing =
                crate::show::plot::tests::drawn(pictures, &results(&rows, baseline), &STYLES[0])
                    .expect("rows")
                    .remove(0);
            let value = drawing.values.iter().find(|value| value.text.starts_with(start));
            value.unwrap_or_else(|| panic!("{:?}", drawing.values)).text.clone()
        };
        let off = says(None, "tags=off:");
        assert!(off.starts_with("tags=off: 0.500 times base ("), "{off}");
        let other = "cuckoo-optimistic:tags=off".parse().unwrap();
        let whole = says(Some(&other), "cuckoo-optimistic:");
        assert!(whole.starts_with("cuckoo-optimistic: 2 times base"), "{whole}");
        // A baseline of another family is none here.
        let papaya = "papaya".parse().unwrap();
        assert_eq!(says(Some(&papaya), "tags=off:"), off);
    }

    #[test]
    fn bars_begin_at_one_and_do_not_touch() {
        let rows = rows(&VARIANTS);
        let drawing = &crate::show::plot::tests::drawn(pictures, &results(&rows, None), &STYLES[0])
            .expect("rows to draw")[0];
        let number = |line: &str, name: &str| -> f64 {
            let rest = line.split(&format!(" {name}=\"")).nth(1).expect("the attribute");
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let tints: BTreeSet<String> = looks(&rows)
            .values()
            .map(|look| crate::show::plot::shapes::tint(look.colour))
            .map(|(red, green, blue)| format!("#{red:02X}{green:02X}{blue:02X}"))
            .collect();
        let is_bar = |line: &&str| {
            line.starts_with("<rect") && tints.iter().any(|tint| line.contains(tint.as_str()))
        };
        let bars: Vec<&str> = drawing.svg.lines().filter(is_bar).collect();
        assert_eq!(bars.len(), 3 * 2 * 3);
        let first_panel = &bars[..3];
        let feet: BTreeSet<i64> = first_panel
            .iter()
            .map(|line| (number(line, "x") + number(line, "width")).round() as i64)
            .collect();
        assert_eq!(feet.len(), 1, "all are slower than the base: {first_panel:?}");
        let mut spans: Vec<(f64, f64)> = first_panel
            .iter()
            .map(|line| (number(line, "y"), number(line, "y") + number(line, "height")))
            .collect();
        spans.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{spans:?}");
    }

    #[test]
    fn without_variants_there_is_nothing() {
        let plain = rows(&[("cuckoo-optimistic", 1.0), ("papaya", 1.0)]);
        assert!(lacks(&results(&plain, None)).is_some_and(|what| what.contains("variant")));
        assert_eq!(lacks(&results(&rows(&VARIANTS[..2]), None)), None);
        // Of one variant alone there is no ratio.
        assert!(lacks(&results(&rows(&VARIANTS[1..2]), None)).is_some());
    }
}
