//! The arrows between the rooms of `harness/src`, and no circle of imports in any crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::arrows::packages;
use crate::imports::{Files, Uses, circles};
use crate::source::{code, root, sources, text};

/// Each room of `harness/src`, and those that it uses: no others, and all of these. What stands beside the rooms
/// belongs to all.
const ROOMS: [(&str, &[&str]); 8] = [
    ("programs", &[]),
    ("rows", &[]),
    ("experiment", &["programs"]),
    ("results", &["experiment", "programs", "rows"]),
    ("analysis", &["rows"]),
    ("show", &["analysis", "results", "rows"]),
    ("sweep", &["analysis", "experiment", "programs", "results", "rows"]),
    ("cmd", &["analysis", "experiment", "programs", "results", "rows", "show", "sweep"]),
];

/// Crates in which the file of a module may use the module's own parts while they use it: there a trait
/// and the list of its implementations stand in one file.
const HEADS: [&str; 4] = ["cache", "eviction", "structures", "trials"];

/// The room of a file; none if it stands beside them.
fn room(file: &str) -> Option<&str> {
    file.split_once('/').map(|(room, _)| room)
}

/// What `uses` has that [`ROOMS`] does not allow.
fn wrong_arrows(uses: &Uses<'_>) -> Vec<String> {
    let rooms: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut wrong = Vec::new();
    for (file, used) in uses {
        let Some(from) = room(file) else { continue };
        let Some(may) = rooms.get(from) else {
            wrong.push(format!("say in ROOMS which rooms {from} may use"));
            continue;
        };
        for other in used {
            if room(other).is_some_and(|to| to != from && !may.contains(&to)) {
                wrong.push(format!("{file} must not use {other}"));
            }
        }
    }
    wrong
}

/// What [`ROOMS`] allows and `uses` has not.
fn unused_arrows(uses: &Uses<'_>) -> Vec<String> {
    let pair = |file: &&str, other: &&str| Some((room(file)?.to_owned(), room(other)?.to_owned()));
    let used: BTreeSet<(String, String)> = uses
        .iter()
        .flat_map(|(file, used)| used.iter().filter_map(move |other| pair(file, other)))
        .collect();
    let allowed = ROOMS.iter().flat_map(|(from, may)| may.iter().map(move |to| (*from, *to)));
    let gone = allowed.filter(|(from, to)| !used.contains(&((*from).to_owned(), (*to).to_owned())));
    gone.map(|(from, to)| format!("{from} no longer uses {to}: take it out of ROOMS")).collect()
}

/// Where a package has crates: its library with the program beside it, and each program in a folder of `src/bin`.
fn crates(package: &Path) -> Vec<PathBuf> {
    let src = package.join("src");
    let programs = fs::read_dir(src.join("bin")).into_iter().flatten();
    let programs = programs.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    programs.chain([src]).collect()
}

/// Without the arrows from a module's file to the module's own parts.
fn without_heads<'f>(uses: &Uses<'f>) -> Uses<'f> {
    let is_part = |file: &str, other: &str| {
        let head = file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix(".rs"));
        head.is_some_and(|head| other.strip_prefix(head).is_some_and(|rest| rest.starts_with('/')))
    };
    let of = |(file, used): (&&'f str, &BTreeSet<&'f str>)| {
        (*file, used.iter().copied().filter(|other| !is_part(file, other)).collect())
    };
    uses.iter().map(of).collect()
}

#[test]
fn rooms_use_what_they_may() {
    let files = Files::below(&root().join("harness/src"));
    let mut wrong = wrong_arrows(&files.uses());
    wrong.extend(unused_arrows(&files.uses()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_nothing_uses_is_found() {
    let table = ("show/text.rs", "use crate::rows::Row;\n");
    let row = ("rows/mod.rs", "pub struct Row;\n");
    let unused = unused_arrows(&made(&[table, row]).uses());
    let of_show: Vec<_> = unused.iter().filter(|arrow| arrow.starts_with("show ")).collect();
    assert_eq!(of_show.len(), 2, "{of_show:?}");
    assert!(unused.contains(&"analysis no longer uses rows: take it out of ROOMS".to_owned()));
}

#[test]
fn what_is_shown_runs_no_trial() {
    for path in sources(&root().join("harness/src/show")) {
        let code = code(&text(&path));
        for word in ["trials::trial", "crate::trial::", "crate::trial;"] {
            assert!(!code.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn no_imports_run_in_a_circle() {
    let mut found = Vec::new();
    for (name, (package, _)) in packages() {
        for folder in crates(&package) {
            let files = Files::below(&folder);
            let uses = files.uses();
            let uses = if HEADS.contains(&name.as_str()) { without_heads(&uses) } else { uses };
            let circles = circles(&uses);
            found.extend(circles.iter().map(|circle| format!("{name}: {}", circle.join(", "))));
        }
    }
    assert!(found.is_empty(), "files that import each other:\n{}", found.join("\n"));
}

/// Made-up files.
fn made(files: &[(&str, &str)]) -> Files {
    Files::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

#[test]
fn an_arrow_back_up_is_found_however_it_is_written() {
    let show = ("show/mod.rs", "pub mod text;\npub use self::text::table;\n");
    let table = ("show/text.rs", "use crate::rows::Row;\npub fn table(row: &Row) {}\n");
    let rows = |text| ("rows/mod.rs", text);
    let wrong = |text| wrong_arrows(&made(&[show, table, rows(text)]).uses());
    assert_eq!(wrong("pub struct Row;\n"), [""; 0]);
    let found = ["rows/mod.rs must not use show/text.rs"];
    assert_eq!(wrong("use crate::show::table;\npub struct Row;\n"), found, "through a re-export");
    assert_eq!(wrong("pub struct Row;\nfn f() { crate::show::text::table(&Row) }\n"), found);
    assert_eq!(
        wrong("use crate::show::text;\npub struct Row;\nfn f() { text::table(&Row) }\n"),
        found
    );
    assert_eq!(wrong("use super::show::{text::{table as t}};\npub struct Row;\n"), found);
    assert_eq!(
        wrong("pub struct Row;\n#[cfg(test)]\nmod tests {\nuse crate::show::table;\n}\n"),
        [""; 0]
    );
    let attic = wrong_arrows(&made(&[("attic/mod.rs", "fn f() {}\n")]).uses());
    assert_eq!(attic, ["say in ROOMS which rooms attic may use"]);
}

#[test]
fn circles_are_found() {
    let circle = made(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        ("a.rs", "use crate::b::B;\npub struct A;\n"),
        ("b.rs", "pub struct B(crate::c::C);\n"),
        ("c.rs", "use super::a;\npub struct C;\nfn f(_: a::A) {}\n"),
    ]);
    assert_eq!(circles(&circle.uses()), [["a.rs", "b.rs", "c.rs"]]);
    let beside_a_program = made(&[
        ("lib.rs", "mod a;\npub fn f() { a::g() }\n"),
        ("main.rs", "fn main() { own::f() }\n"),
        ("a.rs", "pub fn g() { crate::f() }\n"),
    ]);
    assert_eq!(circles(&beside_a_program.uses()), [["a.rs", "lib.rs"]]);
    assert_eq!(crates(&root().join("harness/virtual-cores")).len(), 2, "with `predict`");
    let head = [
        ("lib.rs", "mod a;\n"),
        ("a/mod.rs", "mod b;\npub use b::B;\npub trait T {}\n"),
        ("a/b.rs", "use super::T;\npub struct B;\nimpl T for B {}\n"),
    ];
    assert_eq!(circles(&made(&head).uses()), [[""; 0]; 0], "what is passed on alone is no use");
    let mut used = head;
    used[1].1 = "mod b;\npub use b::B;\npub trait T {}\nfn f() -> B {}\n";
    let used = made(&used);
    assert_eq!(circles(&used.uses()), [["a/b.rs", "a/mod.rs"]]);
    assert_eq!(circles(&without_heads(&used.uses())), [[""; 0]; 0]);
}
