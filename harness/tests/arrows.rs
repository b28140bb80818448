//! The arrows between the workspace's crates, and what each must not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate of the workspace, and the others of it that its library and program may use.
const ARROWS: [(&str, &[&str]); 14] = [
    ("structures", &[]),
    ("table", &[]),
    ("linearizability", &[]),
    ("scenarios", &["linearizability", "structures"]),
    ("kernel", &["structures", "table"]),
    ("trials", &["linearizability", "table"]),
    // `trials` in the program alone, see below.
    ("subjects-chaining", &["kernel", "structures", "trials"]),
    ("subjects-controls", &["kernel", "structures", "trials"]),
    ("subjects-cuckoo", &["kernel", "structures", "trials"]),
    ("subjects-peers", &["kernel", "structures", "trials"]),
    ("subjects-versioned", &["kernel", "structures", "trials"]),
    // `kernel` and `structures` for tables of one's own alone, see below.
    ("harness", &["kernel", "linearizability", "structures", "table", "trials"]),
    ("bench", &["harness"]),
    (
        "fuzz",
        &[
            "harness",
            "kernel",
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every package of the workspace: its folder, and its manifest.
fn packages() -> BTreeMap<String, (PathBuf, toml::Table)> {
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

/// Every file of Rust below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{}", folder.display());
    found
}

#[test]
fn crates_use_what_they_may() {
    let packages = packages();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    for (name, (_, manifest)) in &packages {
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("say in ARROWS which crates {name} may use")
        };
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        let ours = dependencies.into_iter().flatten().map(|(name, _)| name.as_str());
        let used: BTreeSet<&str> = ours.filter(|name| packages.contains_key(*name)).collect();
        let may: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(used.is_subset(&may), "{name} must not use {:?}", used.difference(&may));
    }
    assert_eq!(packages.len(), ARROWS.len(), "a crate of ARROWS is not in the workspace");
}

/// Fails if a file below `folder`, but for those that end so, has one of `words`.
fn must_not_say(folder: &Path, but: &[&str], words: &[&str]) {
    for path in sources(folder) {
        if but.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let text = text(&path);
        // What follows are tests, which need some table.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap();
            for word in words {
                let place = path.display();
                assert!(!line.contains(word), "{place}:{}: `{word}` in `{line}`", number + 1);
            }
        }
    }
}

#[test]
fn what_is_compiled_once_knows_no_table() {
    let harness = root().join("harness");
    let tables = ["ConcurrentMap", "structures::", "kernel::", " subjects_"];
    must_not_say(&harness.join("src"), &["own.rs"], &tables);
    let tests = ["trial/tests.rs", "fill/tests.rs", "verify/tests.rs"];
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
