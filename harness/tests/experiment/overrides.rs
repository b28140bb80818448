//! Settings of the command line.

use harness::experiment::{Overrides, apply_overrides};

use super::*;

#[test]
fn overrides_change_only_what_they_name() {
    let overrides = Overrides { seed: Some(7), seconds: Some(2.0), ..Overrides::default() };
    let text = apply_overrides(QUICKSTART, &overrides);
    let expected = QUICKSTART
        .replace("seed = 42", "seed = 7")
        .replace("seconds = 0.5                   #", "seconds = 2.0                   #");
    assert_eq!(text, expected);
    let changed = Experiment { seed: 7, seconds: 2.0, ..parse(QUICKSTART) };
    assert_eq!(parse(&text), changed);
    assert_eq!(apply_overrides(QUICKSTART, &Overrides::default()), QUICKSTART);
    let backwards = "seconds = 0.125\nseed = 1234\n";
    assert_eq!(apply_overrides(backwards, &overrides), "seconds = 2.0\nseed = 7\n");
}

#[test]
fn overrides_add_keys_that_the_file_does_not_set() {
    let all =
        Overrides { seed: Some(u64::MAX), seconds: Some(0.25), warmup: Some(0.0), blocks: Some(3) };
    let added = "seed = 18446744073709551615\nseconds = 0.25\nwarmup = 0.0\nblocks = 3\n";
    for (before, after) in [
        ("# head\n", "[axes] # a\nstructure = 'hamt-cas' # b\n"),
        ("# head\ntitle = '''a\nb''' # c\n", "\n# d\n[axes]\nstructure = 'hamt-cas'"),
        ("title = 'x'\naxes.structure = 'hamt-cas'\nreproduces = 'y'\r\n", ""),
        ("\u{feff}", "axes = { structure = 'hamt-cas' }"),
    ] {
        let text = format!("{before}{after}");
        let edited = apply_overrides(&text, &all);
        if before.starts_with("# head\n") && !before.contains("title") {
            assert_eq!(edited, format!("{added}{text}"));
        } else {
            assert_eq!(edited, format!("{before}{added}{after}"));
        }
        let changed = Experiment {
            seed: u64::MAX,
            seconds: 0.25,
            warmup: 0.0,
            blocks: 3,
            max_blocks: 3,
            ..parse(&text)
        };
        assert_eq!(parse(&edited), changed);
    }
    let no_newline = "controls = false # z";
    assert_eq!(apply_overrides(no_newline, &all), format!("{no_newline}\n{added}"));
}

#[test]
fn overridden_blocks_keep_max_blocks_possible() {
    let blocks = |blocks| Overrides { blocks: Some(blocks), ..Overrides::default() };
    let counts = |text: &str, overrides| {
        let experiment = parse(&apply_overrides(text, &overrides));
        (experiment.blocks, experiment.max_blocks)
    };
    assert_eq!(counts(QUICKSTART, blocks(20)), (20, 30));
    assert_eq!(counts(QUICKSTART, blocks(2)), (2, 30));
    assert_eq!(counts(QUICKSTART, blocks(50)), (50, 50));
    // 30 goes with 30, and stays as it is written.
    let octal = top("blocks = 5\ntarget_halfwidth = 0.1\nmax_blocks = 0o36");
    let kept = octal.replace("blocks = 5", "blocks = 30");
    assert_eq!(apply_overrides(&octal, &blocks(30)), kept);
    let no_target = top("blocks = 5\nmax_blocks = 5");
    assert_eq!(counts(&no_target, blocks(3)), (3, 3));
    assert_eq!(counts(&no_target, blocks(8)), (8, 8));
}

#[test]
fn overrides_do_not_hide_mistakes() {
    let seed = Overrides { seed: Some(7), ..Overrides::default() };
    assert_eq!(apply_overrides("seed = = 3", &seed), "seed = = 3");
    for text in ["[axes]\nstructure = 'hamt-cas'\n[seed]\n", "seed = [1]\naxes = {}"] {
        let error = reject(&apply_overrides(text, &seed));
        assert!(error.problems().iter().any(|p| p.message.starts_with("`seed` is a")), "{error}");
    }
    let nan = Overrides { seconds: Some(f64::NAN), ..Overrides::default() };
    let error = reject(&apply_overrides(QUICKSTART, &nan));
    assert_eq!(error.problems()[0].message, "`seconds` is nan");
}
