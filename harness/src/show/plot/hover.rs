//! The text that a picture on a screen shows for the point under the pointer.

use super::canvas::Spot;
use super::drawing::HoverText;
use super::layout::Layout;
use super::panels::{Point, Series, XAxis};
use crate::show::text::latency::duration;

impl Layout<'_> {
    /// Of every marker.
    pub(super) fn values(&self) -> Vec<HoverText> {
        let mut values = Vec::new();
        for (i, row) in self.panels.rows.iter().enumerate() {
            for (j, panel) in row.iter().enumerate() {
                values.extend(self.values_of_tiles(panel, (i, j)));
                values.extend(self.values_of_segments(panel, (i, j)));
                let marked = panel.series.iter().filter(|_| panel.segments.is_empty());
                for (index, series) in marked.enumerate() {
                    let aside = self.aside(index, panel.series.len());
                    let marked = series.points.iter().skip(self.first_marker(index));
                    values.extend(marked.step_by(self.marked()).map(|point| HoverText {
                        at: self.place(i, j, aside, point),
                        radius: 2.0 * self.style.marker,
                        text: self.in_words(i, series, point),
                    }));
                }
            }
        }
        values
    }

    fn place(&self, i: usize, j: usize, aside: f64, point: &Point) -> Spot {
        (self.x(j, point.x) + aside, self.y(i, point.y))
    }

    /// "papaya: 11.7 Mops/s (9.80 to 12.6); threads: 2".
    fn in_words(&self, i: usize, series: &Series, point: &Point) -> String {
        let ends = |ends: Option<(f64, f64)>| {
            let between = |(low, high)| format!(" ({} to {})", significant(low), significant(high));
            ends.map_or_else(String::new, between)
        };
        let (name, x_label) = (series.in_words(), &self.panels.x_label);
        if self.panels.is_sideways() {
            return format!("{name}: {} {x_label}{}", significant(point.x), ends(point.across));
        }
        format!(
            "{name}: {} {}{}; {x_label}: {}",
            significant(point.y),
            self.panels.y[i].label,
            ends(point.interval),
            self.x_in_words(point)
        )
    }

    fn x_in_words(&self, point: &Point) -> String {
        match &self.panels.x {
            XAxis::Levels(lines) => {
                let place = (point.x.round() as usize).saturating_sub(1);
                let labels = lines.iter().filter_map(|line| line.get(place));
                labels.cloned().collect::<Vec<_>>().join(", ")
            }
            XAxis::Seconds => duration(point.x),
            _ => significant(point.x),
        }
    }
}

/// To three digits, or all digits of a whole number.
fn significant(value: f64) -> String {
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    let digits = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let decimals = if whole { 0 } else { (2.0 - digits).clamp(0.0, 12.0) as usize };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::canvas::SCALE;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::{FIGURES, Results};
    use crate::test_rows::{Grid, trial};

    #[test]
    fn three_digits_or_a_whole_number() {
        let shown = [11.666, 0.012_345, 123_456.0, 1234.5, 0.0, 9.999].map(significant);
        assert_eq!(shown, ["11.7", "0.0123", "123456", "1234", "0", "10.00"]);
    }

    #[test]
    fn every_marker_says_its_value() {
        let mut rows = Grid::small().rows();
        rows.iter_mut().for_each(|row| row.clean_windows = Some(0));
        rows.push(trial("a<b>&c", 2, 0, 11_666_000.0));
        let results = Results { rows: &rows, cpus: 2, ..Results::default() };
        let drawing =
            FIGURES[0].draw(&results, &(&STYLES[0]).into()).expect("rows to draw").remove(0);
        assert_eq!(drawing.values.len(), 2 * 3 + 1);
        let text = &drawing.values.iter().find(|value| value.text.starts_with('a')).unwrap().text;
        assert_eq!(text, "a<b>&c: 11.7 Mops/s; threads: 2");
        assert!(drawing.values.iter().any(|value| value.text.contains(" to ")), "intervals");
        let svg = drawing.svg_with_values();
        assert_eq!(svg.matches("<title>").count(), 7);
        assert!(svg.contains("<title>a&lt;b&gt;&amp;c: 11.7") && svg.ends_with("</svg>\n"));
        // papaya's circles are drawn where its values are.
        for value in drawing.values.iter().filter(|value| value.text.starts_with("papaya")) {
            let [x, y] = [value.at.0, value.at.1].map(|length| (length * SCALE).round());
            let centre = format!("<circle cx=\"{x}\" cy=\"{y}\"");
            assert!(drawing.svg.contains(&centre), "{centre}");
        }
    }
}
