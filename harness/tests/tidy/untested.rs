//! What cargo is told not to test has no tests, or a script runs them; and what is not linted without features asks for
//! none.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::arrows::packages;
use crate::source::{root, sources, text};

/// Whether a part of a manifest says that `key` is false.
fn is_off(part: Option<&toml::Value>, key: &str) -> bool {
    part.and_then(|part| part.get(key)).and_then(toml::Value::as_bool) == Some(false)
}

fn has_test(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "#[test]")
}

/// Whether the docs of a file show code.
fn has_example(text: &str) -> bool {
    let mut docs = text.lines().map(str::trim_start).filter_map(|line| {
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim_start)
    });
    docs.any(|line| line.starts_with("```"))
}

/// The programs of a manifest whose tests are off.
fn programs(manifest: &toml::Table) -> Vec<&str> {
    let programs = manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
    let untested = programs.filter(|program| is_off(Some(*program), "test"));
    untested.filter_map(|program| program.get("path")?.as_str()).collect()
}

#[test]
fn what_is_not_tested_has_no_tests() {
    let (mut found, mut untested): (Vec<PathBuf>, usize) = (Vec::new(), 0);
    for (folder, manifest) in packages().into_values() {
        let library = manifest.get("lib");
        let (no_test, no_example) = (is_off(library, "test"), is_off(library, "doctest"));
        untested += usize::from(no_test);
        let is_wrong = |path: &PathBuf| {
            let text = text(path);
            (no_test && has_test(&text)) || (no_example && has_example(&text))
        };
        found.extend(sources(&folder.join("src")).into_iter().filter(is_wrong));
        let programs = programs(&manifest).into_iter().map(|path| folder.join(path));
        found.extend(programs.filter(|path| has_test(&text(path))));
    }
    assert!(untested > 0, "no library is read");
    assert!(found.is_empty(), "tests that Cargo.toml turns off: {found:?}");
}

/// The tests in `tests/` that are off.
fn left_out(manifest: &toml::Table) -> Vec<&str> {
    let programs = manifest.get("test").and_then(toml::Value::as_array).into_iter().flatten();
    let left_out = programs.filter(|program| is_off(Some(*program), "test"));
    left_out.filter_map(|program| program.get("name")?.as_str()).collect()
}

/// The words of a script that are no part of a longer name, without its comments.
fn words(script: &str) -> BTreeSet<&str> {
    let code = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
}

#[test]
fn a_script_runs_what_cargo_leaves_out() {
    let script = |name: &str| text(&root().join("ci").join(name));
    let scripts = ["loom.sh", "scenarios.sh", "shuttle.sh"].map(script).join("\n");
    let (named, packages) = (words(&scripts), packages());
    let all = packages.values().flat_map(|(_, manifest)| left_out(manifest));
    let all: BTreeSet<&str> = all.collect();
    assert!(all.contains("loom_list") && all.contains("explorer"), "{all:?}");
    let nobody: Vec<&&str> = all.difference(&named).collect();
    assert!(nobody.is_empty(), "tests that nobody runs: {nobody:?}");
}

/// The packages that a script names.
fn named(script: &str) -> BTreeSet<&str> {
    let words: Vec<&str> = script.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[0] == "-p").map(|pair| pair[1]).collect()
}

#[test]
fn what_asks_for_features_is_linted_without() {
    let packages = packages();
    let asking: BTreeSet<&str> = packages
        .iter()
        // Its feature is off by default.
        .filter(|(name, _)| *name != "subjects-peers-cpp")
        .filter(|(_, (folder, _))| {
            sources(&folder.join("src")).iter().any(|path| text(path).contains("feature = \""))
        })
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(named(&text(&root().join("ci/clippy.sh"))), asking);
}

#[test]
fn tests_and_examples_are_seen() {
    assert!(has_test("mod tests {\n    #[test]\n    fn f() {}\n}\n"));
    assert!(!has_test("// no #[test]\nfn f() {}\n"));
    assert!(has_example("//! Text.\n//!\n//! ```\n") && has_example("    /// ```text\n"));
    assert!(!has_example("// ```\nlet fence = \"/// ```\";\n"));
    let manifest = r#"
        [lib]
        doctest = false
        [[bin]]
        path = "a"
        [[bin]]
        path = "b"
        test = false
        [[test]]
        name = "c"
        test = false
        [[test]]
        name = "d"
    "#;
    let manifest: toml::Table = manifest.parse().unwrap();
    assert!(is_off(manifest.get("lib"), "doctest") && !is_off(manifest.get("lib"), "test"));
    assert_eq!(programs(&manifest), ["b"]);
    assert_eq!(left_out(&manifest), ["c"]);
    assert_eq!(words("# a\nrun {b_c:-d e}\n"), BTreeSet::from(["", "run", "b_c", "d", "e"]));
    assert_eq!(named("cargo clippy -p a\ncargo clippy -p b --p c\n"), BTreeSet::from(["a", "b"]));
}
