//! SVG to PDF: paths stay paths, and text stays text, in a subset of the embedded font.

use anyhow::Result;

/// The picture `svg` as a PDF of one page of its size. The same picture gives the same bytes.
///
/// # Errors
///
/// If `svg` is not an SVG with a size, or the program was built without the feature `pdf`.
#[cfg(feature = "pdf")]
pub fn pdf(svg: &str) -> Result<Vec<u8>> {
    use anyhow::{Context, anyhow};
    use resvg::usvg::Tree;
    use svg2pdf::{ConversionOptions, PageOptions};

    let tree = Tree::from_str(svg, super::font::options()).context("not an SVG")?;
    // usvg's unit is the CSS pixel, 96 an inch; PDF's is the point, 72 an inch.
    svg2pdf::to_pdf(&tree, ConversionOptions::default(), PageOptions { dpi: 96.0 })
        .map_err(|error| anyhow!("the PDF cannot be written: {error}"))
}

/// No PDF.
///
/// # Errors
///
/// Always: the program was built without the feature `pdf`.
#[cfg(not(feature = "pdf"))]
pub fn pdf(_svg: &str) -> Result<Vec<u8>> {
    anyhow::bail!("this program was built without its feature `pdf`, so it can write no PDF")
}

#[cfg(all(test, feature = "pdf"))]
mod tests {
    use super::*;
    use crate::show::plot::{FIGURES, Results, style};
    use crate::test_rows::Grid;

    fn drawn(style: &style::Style) -> Vec<u8> {
        let rows = Grid::small().rows();
        let results = Results { rows: &rows, cpus: 2, ..Results::default() };
        pdf(&FIGURES[0].draw(&results, &style.into()).expect("rows to draw")[0].svg).expect("a PDF")
    }

    /// Whether the dictionaries, spaces aside, contain `text`.
    fn has(pdf: &[u8], text: &str) -> bool {
        let packed: Vec<u8> = pdf.iter().copied().filter(|byte| *byte != b' ').collect();
        packed.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn text_is_text_in_an_embedded_outline_font() {
        let pdf = drawn(&style::STYLES[0]);
        assert!(pdf.starts_with(b"%PDF-"));
        assert!(has(&pdf, "DejaVuSans") && has(&pdf, "/FontFile2") && has(&pdf, "/ToUnicode"));
        assert!(!has(&pdf, "/Type3") && !has(&pdf, "/Subtype/Image"), "a Type 3 font or a picture");
        assert_eq!(pdf.windows(11).filter(|text| text == b"/FontFile2 ").count(), 1);
    }

    #[test]
    fn the_page_has_the_styles_size() {
        for style in style::STYLES {
            let pdf = drawn(style);
            // A number has as many digits as it needs.
            let text = String::from_utf8_lossy(&pdf);
            let size = text.split("/MediaBox").nth(1).expect("a page has a size");
            let mut numbers = size.split(['[', ']', ' ']).filter_map(|number| number.parse().ok());
            let width: f64 = numbers.nth(2).expect("a width");
            assert!((width - style.column).abs() < 0.01, "{}: {width}", style.name);
        }
    }

    #[test]
    fn the_same_picture_gives_the_same_bytes() {
        assert!(drawn(&style::STYLES[0]) == drawn(&style::STYLES[0]));
        assert!(drawn(&style::STYLES[0]) != drawn(&style::STYLES[3]));
        assert!(pdf("no picture").is_err());
    }
}
