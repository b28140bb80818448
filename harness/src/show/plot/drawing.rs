//! One drawn picture, and the text that it shows for the point under the pointer.

use super::canvas::SCALE;

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The file's name without extension: the figure's, and what tells it from its siblings.
    pub file_stem: String,
    /// The picture, its size in points.
    pub svg: String,
    /// What it says for a caption, a paragraph each: not in the picture.
    pub caption: Vec<String>,
    /// What the points in it say.
    pub values: Vec<HoverText>,
    /// The same for LaTeX.
    pub pgf: Pgf,
}

/// A point of a picture and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct HoverText {
    /// Its place in points from the top left.
    pub at: (f64, f64),
    /// How far from there it can be pointed at.
    pub radius: f64,
    /// In words.
    pub text: String,
}

/// The two files of one figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pgf {
    /// For `\input`.
    pub tex: String,
    /// What it plots: fields separated by semicolons, comments after `#`.
    pub table: String,
}

impl Drawing {
    /// The SVG with the values as titles of unseen circles, which browsers show under the pointer
    /// and screen readers read.
    #[must_use]
    pub fn svg_with_values(&self) -> String {
        let Some(open) = self.svg.trim_end().strip_suffix("</svg>") else {
            return self.svg.clone();
        };
        let mut svg = open.to_owned();
        for HoverText { at: (x, y), radius, text } in &self.values {
            let [x, y, radius] = [x, y, radius].map(|length| (length * SCALE).round());
            svg.push_str(&format!(
                "<circle class=\"value\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"#000\" \
                 fill-opacity=\"0\"><title>{}</title></circle>\n",
                escaped(text)
            ));
        }
        svg + "</svg>\n"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
