//! A structure's factors: the ratio of each variant to the structure itself, as bars for each number
//! of threads, one panel for each read ratio and skew. One picture for each structure.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::levels::{drawn, reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::file_stem;
use super::style::{Look, Style, looks};
use super::{Drawing, Results};
use crate::analysis::compare::{Baseline, Contender, Floors, Judged, cells, judge, with_baseline};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{ChosenRate, choose_metric};
use crate::rows::Row;

const NAME: &str = "factor-bars";
/// Panels side by side.
const ABREAST: usize = 2;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    families(&drawn(results.rows), results.baseline).is_empty().then_some(
        "no structure was measured under the same workload as a variant of it (its name and a `:`)",
    )
}

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let floors = Floors::of(&cells(&[results.rows], choice.metric));
    let looks = looks(results.rows);
    let mut drawings = Vec::new();
    for family in families(&rows, results.baseline) {
        for group in split(&family.rows) {
            let cells = cells(&[&group.rows], choice.metric);
            let plan = with_baseline(&cells, &family.baseline, |_| true);
            let judged = judge(&plan, &floors);
            if judged.is_empty() {
                continue;
            }
            let picture = Picture { family: &family, group: &group, choice: &choice, judged };
            let stem = file_stem(&format!("{NAME}-{}", family.structure), &group.label);
            drawings.push(picture.panels(&looks).drawing(stem, style)?);
        }
    }
    Ok(drawings)
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

    /// A subject's name without what all have in common.
    fn short<'s>(&self, subject: &'s str) -> &'s str {
        let rest = subject.strip_prefix(&self.structure);
        rest.and_then(|rest| rest.strip_prefix(':')).unwrap_or(subject)
    }
}

/// One family's ratios in one setting.
struct Picture<'a> {
    family: &'a Family,
    group: &'a Group,
    choice: &'a ChosenRate,
    judged: Vec<Judged<'a>>,
}

impl Picture<'_> {
    fn panels(&self, looks: &BTreeMap<String, Look>) -> Panels {
        let mut rows: Vec<&Row> = self.judged.iter().map(|one| &one.ours.row).collect();
        rows.sort_by(|a, b| b.mix.reads.total_cmp(&a.mix.reads).then(a.zipf.total_cmp(&b.zipf)));
        rows.dedup_by_key(|row| (row.mix.reads.to_bits(), row.zipf.to_bits()));
        let counts: BTreeSet<usize> = self.judged.iter().map(|one| one.ours.row.threads).collect();
        let counts: Vec<usize> = counts.into_iter().collect();
        let panels: Vec<Panel> = rows.iter().map(|row| self.panel(row, &counts, looks)).collect();
        let rows: Vec<Vec<Panel>> = panels.chunks(ABREAST).map(<[Panel]>::to_vec).collect();
        Panels {
            y: vec![YAxis::linear("times base"); rows.len()],
            rows,
            x: XAxis::Levels(counts.iter().map(usize::to_string).collect()),
            lines: Lines::Bars,
            shade_from: None,
            x_label: "threads".to_owned(),
            legend: self.legend(looks),
            notes: vec![self.note()],
        }
    }

    /// The panel of the read ratio and skew of `row`.
    fn panel(&self, row: &Row, counts: &[usize], looks: &BTreeMap<String, Look>) -> Panel {
        let here = |one: &&Judged<'_>| {
            one.ours.row.mix.reads == row.mix.reads && one.ours.row.zipf == row.zipf
        };
        let mut bars: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
        for Judged { ours, ratio, .. } in self.judged.iter().filter(here) {
            let place = counts.iter().position(|count| *count == ours.row.threads);
            if let Some(place) = place {
                let (x, y, interval) = ((place + 1) as f64, ratio.centre, ratio.interval);
                bars.entry(&ours.subject).or_default().push(Point { x, y, interval, band: None });
            }
        }
        let series = bars.into_iter().map(|(subject, points)| Series {
            name: self.family.short(subject).to_owned(),
            look: looks[subject],
            points,
        });
        let title = [reads(row), skew(row)];
        Panel { title, series: series.collect(), reference: Some(1.0), ..Panel::default() }
    }

    /// The subject that ratios are to.
    fn base(&self) -> &str {
        self.judged.first().map_or("", |one| one.theirs.subject.as_str())
    }

    fn legend(&self, looks: &BTreeMap<String, Look>) -> Vec<(Key, String)> {
        let names: BTreeSet<&str> =
            self.judged.iter().map(|one| one.ours.subject.as_str()).collect();
        let of_subject = |name: &str| {
            let look = Look { dash: &[], ..looks[name] };
            (Key::Subject(look), self.family.short(name).to_owned())
        };
        let variants = names.into_iter().map(of_subject);
        variants.chain([(Key::Reference, format!("base: {}", self.base()))]).collect()
    }

    fn note(&self) -> String {
        let trials = |cell: &Contender| cell.trials.len();
        let blocks = self.judged.iter().map(|one| one.pairs.unwrap_or_else(|| trials(one.ours)));
        let (least, most) =
            blocks.fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
        let blocks = if least == most { most.to_string() } else { format!("{least} to {most}") };
        format!(
            "Bars are ratios of rates to {}, geometric means over {blocks} blocks, with their \
             95\u{a0}% BCa intervals; dotted is 1. What a bar's name does not state is as there. \
             Verdicts: `bench cmp`. By {}. {}. Each row of panels has its own scale.",
            self.base(),
            self.choice.in_words(),
            self.group.setting.in_words()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let drawings = draw(&results(&all, None), style).expect("rows to draw");
            let stems: Vec<&str> =
                drawings.iter().map(|drawing| drawing.file_stem.as_str()).collect();
            assert_eq!(stems, ["factor-bars-cuckoo-optimistic"]);
            let Drawing { svg, values, pgf, .. } = &drawings[0];
            assert_eq!((values.len(), markers(svg)), (3 * 2 * 3, 3 * 2 * 3 + 3));
            let shown = texts(svg).join("; ");
            for expected in [
                "tags=off",
                "exclusion=global-lock,tags=off",
                "50 % reads, θ = 0.99",
                "base: cuckoo-optimistic",
            ] {
                assert!(shown.contains(expected), "no {expected} in {shown}");
            }
            assert!(!shown.contains("papaya"), "{shown}");
            assert_texts_are_clear(svg);
            assert_eq!(pgf.tex.matches("(axis cs:1,0) --").count(), 3 * 3, "bars at one thread");
        }
    }

    #[test]
    fn bars_are_ratios_to_the_baseline() {
        let rows = rows(&VARIANTS);
        let says = |baseline: Option<&Baseline>, start: &str| {
            let drawing = draw(&results(&rows, baseline), &STYLES[0]).expect("rows").remove(0);
            let value = drawing.values.iter().find(|value| value.text.starts_with(start));
            value.unwrap_or_else(|| panic!("{:?}", drawing.values)).text.clone()
        };
        let off = says(None, "tags=off:");
        assert!(off.starts_with("tags=off: 0.50") && off.contains(" times base ("), "{off}");
        let other = "cuckoo-optimistic:tags=off".parse().unwrap();
        let whole = says(Some(&other), "cuckoo-optimistic:");
        assert!(whole.starts_with("cuckoo-optimistic: 2 times base"), "{whole}");
        // A baseline of another family is none here.
        let papaya = "papaya".parse().unwrap();
        assert_eq!(says(Some(&papaya), "tags=off:"), off);
    }

    #[test]
    fn bars_stand_on_zero_and_do_not_touch() {
        let rows = rows(&VARIANTS);
        let drawing = &draw(&results(&rows, None), &STYLES[0]).expect("rows to draw")[0];
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
        let bars: Vec<&str> = drawing.svg.lines().filter(is_bar).skip(3).collect();
        assert_eq!(bars.len(), 3 * 2 * 3);
        let first_panel = &bars[..6];
        let feet: BTreeSet<i64> = first_panel
            .iter()
            .map(|line| (number(line, "y") + number(line, "height")).round() as i64)
            .collect();
        assert_eq!(feet.len(), 1, "{first_panel:?}");
        let mut spans: Vec<(f64, f64)> = first_panel
            .iter()
            .map(|line| (number(line, "x"), number(line, "x") + number(line, "width")))
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
