//! The only font: DejaVu Sans, embedded, so that pictures do not depend on the machine.

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
    const PROBE: f64 = 100.0;
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'>\
         <text font-family='sans-serif' font-size='{PROBE}'>{escaped}</text></svg>"
    );
    let measured = usvg::Tree::from_str(&svg, options())
        .map_or(0.0, |tree| f64::from(tree.root().bounding_box().width()));
    measured / PROBE * size
}

/// `text` in lines no wider than `limit`, broken at spaces, though not at no-break
/// spaces; a longer word has its own line.
pub(super) fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match longer.filter(|line| width(line, size) <= limit) {
            Some(line) => *lines.last_mut().expect("it has been lengthened") = line,
            None => lines.push(word.to_owned()),
        }
    }
    lines
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

    #[test]
    fn wrapping_keeps_every_word_within_the_limit() {
        let text = "the quick brown fox jumps over the lazy dog";
        let lines = wrap(text, 10.0, 80.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line, 10.0) <= 80.0));
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap("a verylongword b", 10.0, 20.0), ["a", "verylongword", "b"]);
        assert_eq!(wrap("50\u{a0}% b", 10.0, 20.0), ["50\u{a0}%", "b"]);
    }
}
