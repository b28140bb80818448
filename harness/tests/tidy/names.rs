//! One name, one thing: no two public types of the harness' crates are called the same, nor two of `structures`, nor
//! two of `cache`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::arrows::packages;
use crate::source::{code, root, sources, text};

/// Types of the harness that may share a name, as of two files one alone is compiled.
const ALTERNATIVES: [&str; 1] = ["Counters"];

/// Those of `structures`: one of two is compiled (`Backoff`); each table has its own, and they are told apart by its
/// module (`Handle`, `Pinned`, `LockedBucket`).
const OF_TABLES: [&str; 4] = ["Backoff", "Handle", "LockedBucket", "Pinned"];

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

/// Fails if a name is that of two things below the `src` of these folders, but for those that may be; and if one that
/// may be no longer is.
fn assert_one_thing(folders: impl Iterator<Item = PathBuf>, may_be: &[&str]) {
    let mut files = Vec::new();
    for folder in folders {
        for path in sources(&folder.join("src")) {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            files.push((name, code(&text(&path))));
        }
    }
    let mut doubled = doubled(&files);
    let gone: Vec<_> = may_be.iter().filter(|name| doubled.remove(**name).is_none()).collect();
    assert!(gone.is_empty(), "declared once, so no longer to be excepted: {gone:?}");
    assert!(doubled.is_empty(), "names of two things: {doubled:#?}");
}

#[test]
fn a_name_is_one_thing() {
    let harness = root().join("harness");
    let folders = packages().into_values().map(|(folder, _)| folder);
    assert_one_thing(folders.filter(|folder| folder.starts_with(&harness)), &ALTERNATIVES);
}

#[test]
fn a_name_of_structures_or_the_cache_is_one_thing() {
    let structures = root().join("structures");
    assert_one_thing([structures.join("cache")].into_iter(), &[]);
    assert_one_thing([structures].into_iter(), &OF_TABLES);
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
