//! The arrows between the workspace's crates, and what each must not know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::{code, root, sources, text};

/// Each crate of the workspace, and the others of it that its library and program use: no others, and all of
/// these.
const ARROWS: [(&str, &[&str]); 23] = [
    ("structures", &[]),
    ("cache", &["eviction", "structures"]),
    // For a model checker alone, see below.
    ("eviction", &["structures"]),
    ("table", &[]),
    ("linearizability", &[]),
    ("stats", &[]),
    ("scenarios", &["cache", "linearizability", "structures"]),
    ("instructions", &["structures"]),
    ("kernel", &["structures", "table"]),
    ("trials", &["linearizability", "table"]),
    // `trials` in the program alone, see below.
    ("subjects-caches", &["cache", "kernel", "structures", "table", "trials"]),
    ("subjects-chaining", &["kernel", "structures", "trials"]),
    ("subjects-controls", &["kernel", "structures", "trials"]),
    ("subjects-cuckoo", &["kernel", "structures", "trials"]),
    ("subjects-peers", &["kernel", "structures", "trials"]),
    // A table in C++ is behind a pointer as it comes.
    ("subjects-peers-cpp", &["kernel", "table", "trials"]),
    ("subjects-versioned", &["kernel", "structures", "trials"]),
    // `kernel` and `structures` for tables of one's own alone, see below.
    (
        "harness",
        &[
            "calibrate",
            "eviction",
            "kernel",
            "linearizability",
            "stats",
            "structures",
            "table",
            "trials",
            "virtual-cores",
        ],
    ),
    // Binds its threads as `trials` does, and writes a machine of `virtual-cores`.
    ("calibrate", &["trials", "virtual-cores"]),
    ("bench", &["harness"]),
    // `kernel` and `table` in its program alone, which says how it was built; `structures` in its list of caches alone.
    ("server", &["cache", "kernel", "structures", "table", "trials"]),
    // `harness` reads its rows and writes its machines. All of these in its program alone, under `--cfg simulate`.
    (
        "virtual-cores",
        &[
            "kernel",
            "structures",
            "subjects-chaining",
            "subjects-cuckoo",
            "subjects-versioned",
            "table",
            "trials",
        ],
    ),
    (
        "fuzz",
        &[
            "cache",
            "harness",
            "kernel",
            "server",
            "structures",
            "subjects-chaining",
            "subjects-controls",
            "subjects-cuckoo",
            "subjects-peers",
            "subjects-versioned",
            "table",
        ],
    ),
];

/// Every package of the workspace: its folder, and its manifest.
pub(crate) fn packages() -> BTreeMap<String, (PathBuf, toml::Table)> {
    let workspace: toml::Table = text(&root().join("Cargo.toml")).parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    members
        .iter()
        .map(|member| {
            let folder = root().join(member.as_str().unwrap());
            let manifest: toml::Table = text(&folder.join("Cargo.toml")).parse().unwrap();
            let name = manifest["package"]["name"].as_str().unwrap().to_owned();
            (name, (folder, manifest))
        })
        .collect()
}

/// The packages that a crate's library, program or build script uses, on any target and under any name.
fn dependencies(manifest: &toml::Table) -> BTreeSet<&str> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets =
        targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    let kinds = targets
        .chain([manifest])
        .flat_map(|of| ["dependencies", "build-dependencies"].map(|kind| of.get(kind)?.as_table()));
    let packages = kinds
        .flatten()
        .flatten()
        .map(|(name, how)| how.get("package").and_then(toml::Value::as_str).unwrap_or(name));
    packages.collect()
}

/// What is wrong with the crates that `name` uses, if it is `allowed` those.
fn wrong_arrows(name: &str, used: &BTreeSet<&str>, allowed: &[&str]) -> Vec<String> {
    let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
    let new = used.difference(&allowed).map(|other| format!("{name} must not use {other}"));
    let gone = allowed.difference(used);
    let gone = gone.map(|other| format!("{name} no longer uses {other}: take it out of ARROWS"));
    new.chain(gone).collect()
}

#[test]
fn crates_use_what_they_may() {
    let packages = packages();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut wrong = Vec::new();
    for (name, (_, manifest)) in &packages {
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("say in ARROWS which crates {name} may use")
        };
        let mut used = dependencies(manifest);
        used.retain(|name| packages.contains_key(*name));
        wrong.extend(wrong_arrows(name, &used, allowed));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(packages.len(), ARROWS.len(), "a crate of ARROWS is not in the workspace");
}

#[test]
fn an_arrow_too_many_and_one_too_few_are_found() {
    let wrong = |used: &[&str]| wrong_arrows("a", &used.iter().copied().collect(), &["b", "c"]);
    assert_eq!(wrong(&["b", "c"]), [""; 0]);
    assert_eq!(wrong(&["b", "c", "d"]), ["a must not use d"]);
    assert_eq!(wrong(&["b"]), ["a no longer uses c: take it out of ARROWS"]);
}

/// The packages that `from` is built with if all features are on, but for those of its own that are left out. What is
/// for one target alone is no part of it.
fn reached<'p>(
    packages: &'p BTreeMap<String, (PathBuf, toml::Table)>,
    from: &'p str,
    but: &[&str],
) -> BTreeSet<&'p str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        let manifest = packages.get(name).map(|(_, manifest)| manifest);
        let used = manifest.and_then(|of| of.get("dependencies")?.as_table()).into_iter().flatten();
        for (other, how) in used {
            let other = how.get("package").and_then(toml::Value::as_str).unwrap_or(other);
            if !(name == from && but.contains(&other)) && reached.insert(other) {
                next.push(other);
            }
        }
    }
    reached
}

/// Else a change of a table would rebuild all that `bench` is made of. A package has the features that any other asks
/// for, so what is optional counts. `kernel` and `structures` are for tables of one's own, which `bench` has none of.
#[test]
fn bench_is_made_without_tables() {
    let packages = packages();
    let own = ["kernel", "structures"];
    assert!(!reached(&packages, "harness", &own).contains("structures"));
    assert!(reached(&packages, "harness", &[]).contains("structures"));
    assert!(reached(&packages, "server", &[]).contains("structures"));
    // What `harness` has instead: all of a cache but its stores on tables.
    assert!(reached(&packages, "harness", &own).contains("eviction"));
    assert!(!reached(&packages, "harness", &[]).contains("cache"));
}

/// Where a file below `folder`, but for those that end so, says one of `words` in its code.
fn said(folder: &Path, but: &[&str], words: &[&str]) -> Vec<String> {
    let files =
        sources(folder).into_iter().filter(|path| !but.iter().any(|end| path.ends_with(end)));
    let said = |path: PathBuf| {
        let found = words_in(&text(&path), words);
        found.into_iter().map(move |place| format!("{}:{place}", path.display()))
    };
    files.flat_map(said).collect()
}

/// The lines of a file's code that have one of `words`. Tests need some table, and are none of it.
fn words_in(text: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in code(text).lines().enumerate() {
        let here = words.iter().filter(|word| line.contains(**word));
        found.extend(here.map(|word| format!("{}: `{word}`", number + 1)));
    }
    found
}

fn must_not_say(folder: &Path, but: &[&str], words: &[&str]) {
    let said = said(folder, but, words);
    assert!(said.is_empty(), "{}", said.join("\n"));
}

#[test]
fn what_is_compiled_once_knows_no_table() {
    let harness = root().join("harness");
    let tables = ["ConcurrentMap", "structures::", "kernel::", " subjects_"];
    must_not_say(&harness.join("src"), &["own.rs"], &tables);
    let tests = [
        "trial/tests.rs",
        "trial/tests/littered.rs",
        "trial/fault_tests.rs",
        "trial/turns_tests.rs",
        "fill/tests.rs",
        "verify/tests.rs",
    ];
    must_not_say(&harness.join("trials/src"), &tests, &tables);
    must_not_say(&harness.join("table/src"), &[], &tables);
}

#[test]
fn families_know_tables_alone() {
    let subjects = root().join("harness/subjects");
    for (name, (folder, _)) in packages() {
        if name.starts_with("subjects-") {
            assert!(folder.starts_with(&subjects), "{name}");
            must_not_say(&folder.join("src"), &["main.rs"], &["trials::", "harness::"]);
        }
    }
    must_not_say(&root().join("harness/kernel/src"), &[], &["trials::", "harness::"]);
}

#[test]
fn a_word_counts_in_code_alone() {
    let text = "// kernel::a\nuse kernel::b;\nlet c = \"kernel::\";\n#[cfg(test)]\nmod tests {\nkernel::d\n}\n";
    assert_eq!(words_in(text, &["kernel::", "trials::"]), ["2: `kernel::`"]);
}

#[test]
fn a_dependency_is_found_wherever_it_stands() {
    let manifest = r#"
        [dependencies]
        a.workspace = true
        other = { path = "b", package = "b" }
        [build-dependencies]
        c = "1"
        [target.'cfg(loom)'.dependencies]
        d = "1"
        [dev-dependencies]
        e = "1"
    "#;
    let manifest: toml::Table = manifest.parse().unwrap();
    assert_eq!(dependencies(&manifest).into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}
