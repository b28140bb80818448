//! SVG to PNG, with the embedded font only.

use anyhow::{Context, Result};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::Tree;

use super::font;

/// Dots per inch that print asks for.
pub const PRINT_DPI: f64 = 300.0;

/// The picture `svg` on white, as PNG.
///
/// # Errors
///
/// If `svg` is not an SVG, or would be an image of no or too many pixels.
pub fn png(svg: &str, dpi: f64) -> Result<Vec<u8>> {
    let tree = Tree::from_str(svg, font::options()).context("not an SVG")?;
    // usvg's unit is the CSS pixel: 96 an inch.
    let scale = dpi / 96.0;
    let pixels = |length: f32| (f64::from(length) * scale).round();
    let (width, height) = (pixels(tree.size().width()), pixels(tree.size().height()));
    let mut pixmap = Pixmap::new(width as u32, height as u32)
        .with_context(|| format!("no image can have {width} x {height} pixels"))?;
    pixmap.fill(Color::WHITE);
    let transform = Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    encoded(&pixmap).context("the PNG cannot be encoded")
}

/// What is on white has no transparent pixel, and lines on white are smallest as they are, compressed with some care.
/// `Pixmap::encode_png` compresses the differences between neighbours in haste, to over three times as much.
fn encoded(pixmap: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let pixels: Vec<u8> = pixmap
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    encoder.set_filter(png::FilterType::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}
