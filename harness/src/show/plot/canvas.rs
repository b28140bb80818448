//! Drawing in points on a plotters SVG backend, whose coordinates are integers: everything is
//! scaled by ten, and the finished document scaled back.

use anyhow::{Context, Result, anyhow};
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::style::{Colour, Look, Marker, WHITE};

/// Units of the drawing in a point.
pub(super) const SCALE: f64 = 10.0;
/// plotters divides font sizes by this when it writes SVG.
const FONT_CORRECTION: f64 = 1.24;

/// A place, in points from the top left.
pub(super) type Spot = (f64, f64);

/// Where a text's place is in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
    /// Centred, read from the bottom up.
    Upwards,
}

/// An SVG document in the making.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
}

fn unit((x, y): Spot) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn style(colour: Colour, width: f64) -> ShapeStyle {
    let colour = RGBColor(colour.0, colour.1, colour.2);
    ShapeStyle::from(colour).stroke_width((width * SCALE).round().max(1.0) as u32)
}

/// Draws a picture of this size and gives its SVG.
pub(super) fn paint(
    width: f64,
    height: f64,
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let (units_x, units_y) = unit((width, height));
    let mut svg = String::new();
    {
        let size = (units_x.unsigned_abs(), units_y.unsigned_abs());
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, size).into_drawing_area() };
        draw(&canvas)?;
        canvas.area.present().map_err(|error| anyhow!("cannot draw: {error}"))?;
    }
    let unscaled = format!("<svg width=\"{units_x}\" height=\"{units_y}\"");
    let rest = svg.strip_prefix(&unscaled).context("plotters wrote an unexpected SVG header")?;
    Ok(format!("<svg width=\"{width:.2}pt\" height=\"{height:.2}pt\"{rest}"))
}

impl Canvas<'_> {
    fn draw<'e, E>(&self, element: &'e E) -> Result<()>
    where
        &'e E: PointCollection<'e, (i32, i32)>,
        for<'b> E: Drawable<SVGBackend<'b>>,
    {
        self.area.draw(element).map_err(|error| anyhow!("cannot draw: {error}"))
    }

    /// `text`, its height centred on `at`.
    pub(super) fn text(&self, text: &str, at: Spot, size: f64, align: Align) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        // plotters' bottom anchor puts the base line a quarter em above the place; this puts
        // it where capitals are centred.
        let drop = size * 0.6;
        let (anchor, place) = match align {
            Align::Left => (HPos::Left, (at.0, at.1 + drop)),
            Align::Centre => (HPos::Center, (at.0, at.1 + drop)),
            Align::Right => (HPos::Right, (at.0, at.1 + drop)),
            Align::Upwards => (HPos::Center, (at.0 + drop, at.1)),
        };
        let mut font = ("sans-serif", size * SCALE * FONT_CORRECTION).into_font();
        if matches!(align, Align::Upwards) {
            font = font.transform(FontTransform::Rotate270);
        }
        let style = TextStyle::from(font).color(&BLACK).pos(Pos::new(anchor, VPos::Bottom));
        // XML has no way to write the others.
        let text = text.replace(|c| !is_xml(c), "\u{fffd}");
        self.draw(&Text::new(text, unit(place), style))
    }

    /// A solid line.
    pub(super) fn line(&self, points: &[Spot], colour: Colour, width: f64) -> Result<()> {
        let points: Vec<_> = points.iter().copied().map(unit).collect();
        self.draw(&PathElement::new(points, style(colour, width)))
    }

    /// A line with the dashes `pattern`, in line widths.
    pub(super) fn dashed(
        &self,
        points: &[Spot],
        pattern: &[f64],
        colour: Colour,
        width: f64,
    ) -> Result<()> {
        let pattern: Vec<_> = pattern.iter().map(|length| length * width).collect();
        dashes(points, &pattern).iter().try_for_each(|dash| self.line(dash, colour, width))
    }

    /// A filled rectangle.
    pub(super) fn fill(&self, corner: Spot, opposite: Spot, colour: Colour) -> Result<()> {
        let style = style(colour, 0.0).filled();
        self.draw(&Rectangle::new([unit(corner), unit(opposite)], style))
    }

    /// A filled polygon through which one sees what is behind it.
    pub(super) fn veil(&self, corners: &[Spot], colour: Colour, opacity: f64) -> Result<()> {
        let colour = RGBColor(colour.0, colour.1, colour.2).mix(opacity);
        let corners: Vec<_> = corners.iter().copied().map(unit).collect();
        self.draw(&Polygon::new(corners, ShapeStyle::from(colour).filled()))
    }

    /// A subject's marker: one filled shape in its colour, and a white one in a hollow one.
    pub(super) fn marker(&self, at: Spot, look: Look, radius: f64) -> Result<()> {
        self.shape(at, look.marker, look.colour, radius)?;
        match look.marker {
            Marker::HollowCircle
            | Marker::HollowSquare
            | Marker::HollowTriangle
            | Marker::HollowDiamond => self.shape(at, look.marker, WHITE, radius * 0.5),
            _ => Ok(()),
        }
    }

    fn shape(&self, at: Spot, marker: Marker, colour: Colour, radius: f64) -> Result<()> {
        let style = style(colour, 0.0).filled();
        let corners = corners(marker);
        if corners.is_empty() {
            let radius = (radius * SCALE).round() as i32;
            return self.draw(&Circle::new(unit(at), radius, style));
        }
        let place = |&(x, y): &Spot| unit((at.0 + x * radius, at.1 + y * radius));
        self.draw(&Polygon::new(corners.iter().map(place).collect::<Vec<_>>(), style))
    }
}

/// The polygon of a marker of about radius 1, y downwards; none for a circle.
fn corners(marker: Marker) -> &'static [Spot] {
    match marker {
        Marker::Circle | Marker::HollowCircle => &[],
        Marker::Square | Marker::HollowSquare => {
            &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
        }
        Marker::Triangle => &[(0.0, -1.3), (1.15, 0.75), (-1.15, 0.75)],
        Marker::HollowTriangle => &[(0.0, 1.3), (1.15, -0.75), (-1.15, -0.75)],
        Marker::Diamond | Marker::HollowDiamond => {
            &[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]
        }
        Marker::Pentagon => {
            &[(0.0, -1.2), (1.14, -0.37), (0.71, 0.97), (-0.71, 0.97), (-1.14, -0.37)]
        }
        Marker::Plus => &[
            (-0.35, -1.3),
            (0.35, -1.3),
            (0.35, -0.35),
            (1.3, -0.35),
            (1.3, 0.35),
            (0.35, 0.35),
            (0.35, 1.3),
            (-0.35, 1.3),
            (-0.35, 0.35),
            (-1.3, 0.35),
            (-1.3, -0.35),
            (-0.35, -0.35),
        ],
        Marker::Cross => &[
            (-1.2, -0.75),
            (-0.75, -1.2),
            (0.0, -0.45),
            (0.75, -1.2),
            (1.2, -0.75),
            (0.45, 0.0),
            (1.2, 0.75),
            (0.75, 1.2),
            (0.0, 0.45),
            (-0.75, 1.2),
            (-1.2, 0.75),
            (-0.45, 0.0),
        ],
    }
}

/// What is farther away, in points, is on no figure: a result folder can hold any number.
const FARTHEST: f64 = 1e4;

/// The drawn parts of a line with lengths `pattern` on, off, on, …; all of it for no pattern.
fn dashes(points: &[Spot], pattern: &[f64]) -> Vec<Vec<Spot>> {
    let Some((&start, rest)) = points.split_first() else { return Vec::new() };
    if pattern.is_empty() {
        return vec![points.to_vec()];
    }
    let mut drawn = vec![vec![start]];
    let (mut phase, mut left, mut here) = (0, pattern[0], start);
    for &next in rest {
        loop {
            let length = (next.0 - here.0).hypot(next.1 - here.1);
            let is_cut = length > left && length < FARTHEST;
            let part = if is_cut { left / length } else { 1.0 };
            here = (here.0 + (next.0 - here.0) * part, here.1 + (next.1 - here.1) * part);
            if phase % 2 == 0 {
                drawn.last_mut().expect("a dash has begun").push(here);
            }
            if !is_cut {
                left = (left - length).max(0.0);
                break;
            }
            phase = (phase + 1) % pattern.len();
            left = pattern[phase];
            if phase % 2 == 0 {
                drawn.push(vec![here]);
            }
        }
    }
    drawn.retain(|dash| dash.len() > 1);
    drawn
}

/// Whether XML 1.0 has the character.
const fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_xml_is_in_no_picture() {
        let text = "a\u{1}\u{fffe}<é\u{1f600}";
        let draw = |canvas: &Canvas<'_>| canvas.text(text, (10.0, 10.0), 8.0, Align::Left);
        let svg = paint(50.0, 20.0, draw).expect("a picture");
        assert!(svg.contains("a\u{fffd}\u{fffd}&lt;é\u{1f600}"), "{svg}");
    }

    #[test]
    fn dashes_go_on_round_a_corner() {
        let corner = [(0.0, 0.0), (3.0, 0.0), (3.0, 3.0)];
        assert_eq!(
            dashes(&corner, &[2.0, 1.5]),
            [vec![(0.0, 0.0), (2.0, 0.0)], vec![(3.0, 0.5), (3.0, 2.5)]]
        );
        assert_eq!(dashes(&corner, &[4.0, 1.0])[0], [(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)]);
        assert_eq!(dashes(&corner, &[]), [corner.to_vec()]);
        assert!(dashes(&[], &[1.0, 1.0]).is_empty());
    }

    #[test]
    fn dashes_end_wherever_a_line_leads() {
        for far in [f64::NAN, f64::INFINITY, -1e300, 1e6] {
            let there_and_back = [(0.0, 0.0), (far, 1.0), (3.0, 0.0), (6.0, 0.0)];
            assert!(dashes(&there_and_back, &[2.0, 1.5]).len() <= 5, "{far}");
        }
    }

    #[test]
    fn the_picture_has_its_size_in_points() {
        let svg = paint(241.15, 100.0, |_| Ok(())).expect("an empty picture");
        assert!(
            svg.starts_with(
                "<svg width=\"241.15pt\" height=\"100.00pt\" viewBox=\"0 0 2412 1000\""
            ),
            "{svg}"
        );
    }
}
