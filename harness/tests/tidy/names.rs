//! One name, one thing: no two public types of the harness' crates are called the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::arrows::packages;
use crate::source::{code, root, sources, text};

/// Types that may share a name, as of two files one alone is compiled.
const ALTERNATIVES: [&str; 1] = ["Counters"];

/// The types that code declares for others: for other crates, or for all of its own.
fn declared(code: &str) -> BTreeSet<&str> {
    code.lines().filter_map(declared_in).collect()
}

fn declared_in(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
    let (kind, rest) = rest.split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind);
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    is_type.then_some(&rest[..end])
}

/// Names that stand in two of these files, each with the files.
fn doubled(files: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut files_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, code) in files {
        for name in declared(code) {
            files_of.entry(name).or_default().push(file);
        }
    }
    files_of.retain(|_, files| files.len() > 1);
    files_of
}

#[test]
fn a_name_is_one_thing() {
    let harness = root().join("harness");
    let mut files = Vec::new();
    for (folder, _) in packages().into_values().filter(|(folder, _)| folder.starts_with(&harness)) {
        for path in sources(&folder.join("src")) {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            files.push((name, code(&text(&path))));
        }
    }
    let mut doubled = doubled(&files);
    let gone: Vec<_> =
        ALTERNATIVES.into_iter().filter(|name| doubled.remove(name).is_none()).collect();
    assert!(gone.is_empty(), "declared once, so no longer in ALTERNATIVES: {gone:?}");
    assert!(doubled.is_empty(), "names of two things: {doubled:#?}");
}

#[test]
fn a_second_thing_of_a_name_is_found() {
    let file = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    let files = [
        file("a.rs", "pub struct A<T>(T);\npub(crate) enum Both {}\nstruct Own;\npub fn f() {}\n"),
        file("b.rs", "pub type Both = u8;\nstruct Own;\npub(super) trait A {}\npub fn f() {}\n"),
        file("c.rs", "#[cfg(loom)]\npub struct C;\n#[cfg(shuttle)]\npub struct C;\n"),
    ];
    assert_eq!(doubled(&files), BTreeMap::from([("Both", vec!["a.rs", "b.rs"])]));
}
