//! The only font: DejaVu Sans, embedded, so that pictures do not depend on the machine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use resvg::usvg::{self, fontdb};

const FAMILY: &str = "DejaVu Sans";

static OPTIONS: LazyLock<usvg::Options<'static>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family(FAMILY);
    usvg::Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    }
});

/// How an SVG is to be read: with this font for `sans-serif`, and no other.
pub(super) fn options() -> &'static usvg::Options<'static> {
    &OPTIONS
}

/// The width of `text` at font size `size`, in the unit of `size`. Other sans-serif fonts that
/// a viewer may take are narrower.
pub(super) fn width(text: &str, size: f64) -> f64 {
    thread_local! {
        /// Of texts that were asked for before, at size 1: a layout asks for the same ones again and again.
        static KNOWN: RefCell<HashMap<String, f64>> = RefCell::default();
    }
    let known = KNOWN.with_borrow(|known| known.get(text).copied());
    let width = known.unwrap_or_else(|| measured(text));
    if known.is_none() {
        KNOWN.with_borrow_mut(|known| known.insert(text.to_owned(), width));
    }
    width * size
}

fn measured(text: &str) -> f64 {
    const PROBE: f64 = 100.0;
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'>\
         <text font-family='sans-serif' font-size='{PROBE}'>{escaped}</text></svg>"
    );
    let measured = usvg::Tree::from_str(&svg, options())
        .map_or(0.0, |tree| f64::from(tree.root().bounding_box().width()));
    measured / PROBE
}

#[cfg(test)]
mod tests {
    use super::*;

    // Advances of DejaVu Sans 2.37 in 2048ths of an em: H 1540, i 569, θ 1253.
    #[test]
    fn widths_are_the_fonts_advances() {
        for (text, units) in [("H", 1540.0), ("HiH", 3649.0), ("θ", 1253.0)] {
            let want = units / 2048.0 * 10.0;
            let got = width(text, 10.0);
            assert!((got - want).abs() < 0.02, "{text}: {got} is not {want}");
        }
        assert_eq!(width("", 10.0), 0.0);
        assert!(width("a<b&c", 10.0) > width("abc", 10.0));
    }
}
