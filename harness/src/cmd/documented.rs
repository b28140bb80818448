//! Tests that the commands in the documentation exist.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use pulldown_cmark::{CodeBlockKind, Event, Options, Tag, TagEnd};

use super::Cli;
use super::folders::RateName;

const RUN: &str = "cargo run --release -- ";

/// The table of the README whose commands follow [`RUN`].
const TABLE: &str = "I want to …";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What stands behind [`RUN`] in a page: in its blocks of shell, and in the second column of the table under
/// the heading [`TABLE`].
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut in_shell, mut in_heading, mut heading, mut column) = (false, false, String::new(), 0);
    for event in pulldown_cmark::Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                in_shell = &*language == "sh";
            }
            Event::End(TagEnd::CodeBlock) => in_shell = false,
            Event::Start(Tag::Heading { .. }) => (in_heading, heading) = (true, String::new()),
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Start(Tag::TableRow) => column = 0,
            Event::End(TagEnd::TableCell) => column += 1,
            Event::Text(text) if in_heading => heading.push_str(&text),
            Event::Text(text) if in_shell => {
                let lines = text.lines().filter_map(|line| line.strip_prefix(RUN));
                found.extend(lines.map(str::to_owned));
            }
            Event::Code(text) if heading == TABLE && column == 1 => found.push(text.to_string()),
            _ => {}
        }
    }
    found
}

/// Why a command cannot be run; that a folder of results is not there yet is no reason.
fn why_not(command: &str) -> Option<String> {
    let words = shlex::bytes::split(command.as_bytes())?;
    let words: Vec<String> =
        words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect();
    let given = words.iter().filter(|word| word.starts_with("experiments/"));
    let mut missing =
        given.filter(|file| !root().join(file).exists() && !file.ends_with("mine.toml"));
    if let Some(file) = missing.next() {
        return Some(format!("there is no {file}"));
    }
    match Cli::try_parse_from(["bench".to_owned()].into_iter().chain(words)) {
        Ok(_) => None,
        Err(error) if error.exit_code() == 0 => None,
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn commands_that_are_shown_can_be_given() {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    for folder in ["docs", "results", "structures"] {
        let files = std::fs::read_dir(root().join(folder)).unwrap();
        let files = files.map(|file| file.unwrap().path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|ending| ending == "md")));
    }
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in &pages {
        for command in commands(&std::fs::read_to_string(page).unwrap()) {
            count += 1;
            if let Some(why) = why_not(&command) {
                wrong.push(format!("{}: {command}\n{why}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 20, "{count} commands were found in the documentation");
}

#[test]
fn a_command_that_cannot_be_given_is_noticed() {
    let page = "```sh\ncargo run --release -- list   # all\n```\n# I want to …\n\n| a | b |\n|-|-|\n| `c` | `d` |\n";
    assert_eq!(commands(page), ["list   # all", "d"]);
    assert_eq!(why_not("list   # all"), None);
    assert_eq!(why_not("sweep experiments/quickstart.toml --dry-run"), None);
    assert!(why_not("d").is_some());
    assert!(why_not("list --no-such-option").is_some());
    assert!(why_not("sweep experiments/gone.toml").is_some());
}

#[test]
fn each_metric_is_told_of() {
    let page = std::fs::read_to_string(root().join("docs/FORMAT.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with("| `--metric ")).unwrap();
    for metric in RateName::value_variants() {
        let name = metric.to_possible_value().unwrap().get_name().to_owned();
        assert!(row.contains(&format!("`{name}`")), "{name}");
    }
}
