//! The documentation: its links lead somewhere, the front page is short, and each check is told of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::source::{root, text};

/// The most lines of the README.
const MOST: usize = 150;

/// Every page below `folder`, but for what a build or a sweep has left.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(pages(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The anchors of a page's headings, as they are made where pages are shown: small letters, digits, hyphens
/// for blanks, and nothing else; and those that are given by hand (`<a id="…">`).
fn anchors(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut heading = None;
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let heading = heading.take().unwrap_or_default().to_lowercase();
                let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let ids = html.split("id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
                found.extend(ids.map(|(id, _)| id.to_owned()));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

/// The links and pictures of a page at `path` that lead nowhere. Those to other sites are not followed.
fn dead(path: &Path, page: &str) -> Vec<String> {
    let mut dead = Vec::new();
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        if dest_url.contains("://") || dest_url.contains("::") {
            continue;
        }
        let (file, anchor) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
        let target = path.parent().unwrap().join(file);
        let leads = if file.is_empty() {
            anchors(page).contains(anchor)
        } else {
            target.exists() && (anchor.is_empty() || anchors(&text(&target)).contains(anchor))
        };
        if !leads {
            dead.push(format!("{}: {dest_url}", path.display()));
        }
    }
    dead
}

#[test]
fn links_lead_somewhere() {
    let pages = pages(&root());
    assert!(pages.len() > 15, "{pages:?}");
    let dead: Vec<String> = pages.iter().flat_map(|path| dead(path, &text(path))).collect();
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn a_dead_link_is_noticed() {
    let path = root().join("docs/PAGE.md");
    let page = "# One `word`, two\n<a id=\"three\"></a>\n\n[a](README.md) [h](#three) [b](#one-word-two) ![c](gone.png) [d](#gone)\n\
                [e](../README.md#two-commands) [f](../README.md#three) [g](https://example.org)\n";
    let found = dead(&path, page);
    let found: Vec<&str> = found.iter().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(found, ["gone.png", "#gone", "../README.md#three"]);
}

#[test]
fn the_front_page_is_short() {
    let lines = text(&root().join("README.md")).lines().count();
    assert!(lines <= MOST, "README.md has {lines} lines");
}

/// Scripts that are a part of others.
const PARTS: [&str; 4] = ["bench", "server-suite", "simulate_clippy", "simulate_rustc"];

/// The scripts of `ci/` that lines of a table begin with.
fn told(tables: &str) -> BTreeSet<String> {
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `ci/"));
    rows.filter_map(|row| Some(row.split_once(".sh")?.0.to_owned())).collect()
}

/// The scripts that `.ci/run` runs: what stands after `steps`, and after `beside` and a lane's name.
fn steps(run: &str) -> BTreeSet<String> {
    let names = |line: &str| {
        let mut words = line.split_whitespace();
        let before = match words.next()? {
            "steps" => 0,
            "beside" => 1,
            _ => return None,
        };
        Some(words.skip(before).map(str::to_owned).collect::<Vec<_>>())
    };
    run.lines().filter(|line| !line.starts_with(' ')).filter_map(names).flatten().collect()
}

#[test]
fn each_check_is_told_of() {
    let page = text(&root().join("CONTRIBUTING.md"));
    let (_, checks) = page.split_once("## The checks").expect("a heading");
    let (first, second) = checks.split_once("Not in `.ci/run`:").expect("two tables");
    let run = steps(&text(&root().join(".ci/run")));
    assert!(run.len() > 10, "{run:?}");
    assert_eq!(told(first), run, "the first table, and what .ci/run runs");
    let files = fs::read_dir(root().join("ci")).unwrap().map(|entry| entry.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|ending| ending == "sh"));
    let names = scripts.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let all: BTreeSet<String> = names.filter(|name| !PARTS.contains(&name.as_str())).collect();
    let told_of: BTreeSet<String> = run.union(&told(second)).cloned().collect();
    assert_eq!(told_of, all, "the tables, and what is in ci/");
}

#[test]
fn a_check_that_nobody_is_told_of_is_noticed() {
    let run = "steps() { # names\n    steps inside\n}\nbeside a b c\nsteps d\n";
    assert_eq!(steps(run), BTreeSet::from(["b", "c", "d"].map(str::to_owned)));
    let table = "| script | checks |\n| `ci/b.sh --check` | `ci/x.sh` too |\n| `ci/e.py` | |\n";
    assert_eq!(told(table), BTreeSet::from(["b".to_owned()]));
}
