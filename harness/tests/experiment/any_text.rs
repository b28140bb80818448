//! Any text at all.

use harness::experiment::{Overrides, apply_overrides};
use proptest::prelude::*;

use super::*;

fn try_everything(text: &str) {
    let overrides =
        Overrides { seed: Some(1), seconds: Some(1.0), warmup: Some(0.0), blocks: Some(2) };
    for text in [text, &apply_overrides(text, &overrides)] {
        if let Err(error) = Experiment::parse("e.toml", text, &catalogue()) {
            assert!(!error.problems().is_empty());
            assert!(error.to_string().contains("e.toml:"), "{error}");
            assert!(!error.render(true).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,60}") {
        try_everything(&text);
    }

    #[test]
    fn toml_like_text_never_panics(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "axes", "also", "mix", "latency", "rates", "structure", "threads", "reads", "zipf", "prefill", "seed",
                "blocks", "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r\n", "'hamt-cas'",
                "\"*\"", "'''", "0", "-1", "1e9", "nan", "true", "é", "# ü", "\u{feff}", "\u{0}",
            ]),
            0..40,
        )
    ) {
        try_everything(&tokens.concat());
    }

    #[test]
    fn a_damaged_file_never_panics(at in 0..QUICKSTART.len(), len in 0..20usize, new in ".{0,4}") {
        let start = QUICKSTART.floor_char_boundary(at);
        let end = QUICKSTART.ceil_char_boundary((start + len).min(QUICKSTART.len()));
        let mut text = QUICKSTART.to_owned();
        text.replace_range(start..end, &new);
        try_everything(&text);
    }
}
