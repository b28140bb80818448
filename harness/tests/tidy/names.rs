//! One name, one thing. No two public types of the harness' crates are called the same. And in no crate are two types
//! called the same of which one can be named where the other is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::arrows::packages;
use crate::imports::{Module, modules};
use crate::source::{code, root, sources, text};

/// Types of the harness that may share a name, as of two files one alone is compiled.
const ALTERNATIVES: [&str; 1] = ["Counters"];

/// Types of a crate that may share a name. Of two files one alone is compiled (`Backoff`, `Counters`); and each table
/// (`Handle`, `Pinned`, `LockedBucket`) and each command (`Args`) has its own, told apart by its module.
const OF_MODULES: [&str; 6] = ["Args", "Backoff", "Counters", "Handle", "LockedBucket", "Pinned"];

/// The types that code declares for others: for other crates, or for all of its own.
fn declared(code: &str) -> BTreeSet<&str> {
    let types = code.lines().filter_map(declared_in);
    types.filter(|(visibility, _)| is_everywhere(visibility)).map(|(_, name)| name).collect()
}

fn is_everywhere(visibility: &str) -> bool {
    ["pub", "pub(crate)"].contains(&visibility)
}

/// The visibility and the name of the type that a line declares.
fn declared_in(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let visibility = match line.strip_prefix("pub") {
        None => "",
        Some(rest) if rest.starts_with('(') => &line[..=line.find(')')?],
        Some(_) => "pub",
    };
    let rest = line[visibility.len()..].trim_start();
    let (kind, rest) = rest.strip_prefix("unsafe ").unwrap_or(rest).split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind);
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    (is_type && end > 0).then_some((visibility, &rest[..end]))
}

/// The module in which, and below which, a type is seen that this line of `module`'s file declares. None if that is
/// less than the file.
fn seen_in(line: &str, visibility: &str, module: &[String]) -> Option<Module> {
    let is_inside = line.starts_with(' ');
    if is_everywhere(visibility) {
        return Some(Module::new());
    }
    if let Some(path) = visibility.strip_prefix("pub(in crate::") {
        return Some(path.trim_end_matches(')').split("::").map(str::to_owned).collect());
    }
    match (visibility, is_inside) {
        ("pub(super)", false) => Some(module[..module.len().saturating_sub(1)].to_vec()),
        // `super` of a module within the file is the file's.
        ("pub(super)", true) | (_, false) => Some(module.to_vec()),
        _ => None,
    }
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

/// Names of two things in two files, of which one is seen where the other is declared, each with the files.
fn doubled_within_sight(
    modules: &BTreeMap<Module, (String, String)>,
) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut things_of: BTreeMap<&str, Vec<(Module, &str)>> = BTreeMap::new();
    for (module, (file, code)) in modules {
        for line in code.lines() {
            let Some((visibility, name)) = declared_in(line) else { continue };
            if let Some(seen_in) = seen_in(line, visibility, module) {
                things_of.entry(name).or_default().push((seen_in, file.as_str()));
            }
        }
    }
    let mut files_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, things) in things_of {
        for one in &things {
            if things.iter().any(|other| meet(one, other)) {
                files_of.entry(name).or_default().insert(one.1);
            }
        }
    }
    files_of
}

/// Whether of two things, each with where it is seen and its file, one is seen where the other is.
fn meet((a, file_of_a): &(Module, &str), (b, file_of_b): &(Module, &str)) -> bool {
    file_of_a != file_of_b && (a.starts_with(b) || b.starts_with(a))
}

/// The modules of a package. A program in `src/bin` is taken for a part of it; one beside a library, which names what
/// that has by a path, is left out.
fn modules_of(package: &Path) -> BTreeMap<Module, (String, String)> {
    let src = package.join("src");
    let relative = |path: &Path| path.strip_prefix(&src).unwrap().display().to_string();
    let files = sources(&src).into_iter().map(|path| (relative(&path), text(&path)));
    let mut modules = modules(files);
    modules.remove(["main".to_owned()].as_slice());
    modules
}

#[test]
fn a_public_name_is_one_thing() {
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
fn within_sight_a_name_is_one_thing() {
    let (mut wrong, mut excepted) = (Vec::new(), BTreeSet::new());
    for (package, (folder, _)) in packages() {
        let modules = modules_of(&folder);
        for (name, files) in doubled_within_sight(&modules) {
            match OF_MODULES.iter().find(|other| **other == name) {
                Some(name) => _ = excepted.insert(*name),
                None => wrong.push(format!("{package}: {name} in {files:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "names of two things:\n{}", wrong.join("\n"));
    assert_eq!(excepted, BTreeSet::from(OF_MODULES), "what is no longer to be excepted");
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

#[test]
fn a_second_thing_within_sight_is_found() {
    let own = "struct Own;\n";
    let files = [
        ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod c;\n".to_owned()),
        ("a/mod.rs", "mod d;\nmod e;\nstruct Head;\npub(super) struct Near;\n".to_owned()),
        ("a/d.rs", own.to_owned() + "enum Head {}\npub(super) type Beside = u8;\n"),
        ("a/e.rs", own.to_owned() + "unsafe trait Beside {}\nfn f() {\n    struct Head;\n}\n"),
        ("b.rs", own.to_owned() + "struct Near;\nstruct Beside;\npub(in crate::a) struct Deep;\n"),
        ("a/f.rs", "struct Deep;\nmod g {\n    pub(super) struct Own;\n}\n".to_owned()),
        ("c.rs", "pub struct Own;\n".to_owned()),
    ];
    let modules = modules(files.into_iter().map(|(path, text)| (path.to_owned(), text)));
    let expected = [
        ("Beside", ["a/d.rs", "a/e.rs"]),
        ("Deep", ["a/f.rs", "b.rs"]),
        ("Head", ["a/d.rs", "a/mod.rs"]),
        ("Near", ["a/mod.rs", "b.rs"]),
    ];
    let expected = expected.map(|(name, files)| (name, BTreeSet::from(files)));
    assert_eq!(doubled_within_sight(&modules), BTreeMap::from(expected));
}
