//! The labels in comments: `control-C6`, `buckets-I4`, `reclaim-D1`.
//!
//! A label is the name of a module, a letter and a number, so it is unique here and in the crates of
//! caches. What it stands for is written once, in a file of that module, in one of these forms:
//!
//! * an item of a list, `* buckets-I4. A home's overflow count is …`: an invariant, a duty;
//! * a cell of a table, `| lock_free-L2: the CAS that links the node |`: a linearization point;
//! * an ordering in the code, `// Release control-C6: publishes the entries; pairs with control-C1`,
//!   also at several places, if they play the same part.
//!
//! Everywhere else it is a citation. `buckets-I1–I9` cites nine. An ordering that pairs with a label
//! pairs with an ordering in the code, which says the same of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A comment: adjacent lines of them.
struct Comment {
    place: String,
    /// Whether it stands in the code, and is not documentation.
    is_plain: bool,
    lines: Vec<String>,
}

impl Comment {
    fn text(&self) -> String {
        self.lines.join(" ")
    }
}

/// What looks like a label without a module, and is none.
const NO_LABELS: [&str; 1] = ["F14"];

const ORDERINGS: [&str; 8] =
    ["Acquire", "Release", "AcqRel", "SeqCst", "Light", "Heavy", "light", "heavy"];

/// All that is said about labels.
#[derive(Default)]
struct Labels {
    /// Items and cells that say what a label stands for, with their places.
    defined: BTreeMap<String, Vec<String>>,
    /// The orderings that have the label, with their places.
    orderings: BTreeMap<String, Vec<String>>,
    /// With what a labelled ordering says that it pairs.
    pairs: BTreeMap<String, BTreeSet<String>>,
    cited: BTreeMap<String, Vec<String>>,
    faults: Vec<String>,
}

/// The comments of a source file.
fn comments(name: &str, source: &str) -> Vec<Comment> {
    let mut found: Vec<Comment> = Vec::new();
    let mut goes_on = false;
    for (number, line) in source.lines().enumerate() {
        let Some(at) = line.find("//") else {
            goes_on = false;
            continue;
        };
        let comment = &line[at..];
        let is_plain = !comment.starts_with("///") && !comment.starts_with("//!");
        let text = comment.trim_start_matches(['/', '!']).trim().to_owned();
        let alone = line[..at].trim().is_empty();
        match found.last_mut() {
            Some(last) if goes_on && alone && last.is_plain == is_plain => last.lines.push(text),
            _ => {
                let place = format!("{name}:{}", number + 1);
                found.push(Comment { place, is_plain, lines: vec![text] });
            }
        }
        goes_on = alone;
    }
    found
}

/// Whether this is a letter and a number.
fn is_number(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next().is_some_and(|first| first.is_ascii_uppercase())
        && (1..=2).contains(&characters.as_str().len())
        && characters.all(|digit| digit.is_ascii_digit())
}

/// The label that `word` is, with what a range of them has as its end.
fn label(word: &str) -> Option<(String, Option<&str>)> {
    let (module, rest) = word.rsplit_once('-')?;
    let (number, end) = match rest.split_once('–') {
        Some((number, end)) => (number, Some(end)),
        None => (rest, None),
    };
    let is_module = module.starts_with(|first: char| first.is_ascii_lowercase())
        && module.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_module && is_number(number)).then(|| (format!("{module}-{number}"), end))
}

/// The words of a text, each without what punctuates it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '–');
    text.split(move |c: char| !is_part(c)).filter(|word| !word.is_empty())
}

/// The labels in a text, each of a range.
fn labels(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in words(text) {
        let Some((first, end)) = label(word) else { continue };
        let (stem, from) = first.split_at(first.rfind('-').map_or(0, |at| at + 2));
        let to = end.and_then(|end| end.get(1..)).unwrap_or(from);
        match (from.parse::<u32>(), to.parse::<u32>()) {
            (Ok(from), Ok(to)) => found.extend((from..=to).map(|n| format!("{stem}{n}"))),
            _ => found.push(first.clone()),
        }
    }
    found
}

impl Labels {
    /// Reads the comments of a file.
    fn read(&mut self, name: &str, source: &str) {
        for comment in comments(name, source) {
            self.definitions(name, &comment);
            if comment.is_plain {
                self.ordering(&comment);
            }
            let text = comment.text();
            for label in labels(&text) {
                self.cited.entry(label).or_default().push(comment.place.clone());
            }
            for word in words(&text).filter(|word| is_number(word) && !NO_LABELS.contains(word)) {
                self.faults
                    .push(format!("{}: `{word}` does not say of which module", comment.place));
            }
        }
    }

    /// The items and cells that say what a label stands for.
    fn definitions(&mut self, name: &str, comment: &Comment) {
        for line in &comment.lines {
            let item = line.strip_prefix("* ").and_then(|item| item.split_once(". "));
            let cell = line.rsplit("| ").find_map(|cell| cell.split_once(": "));
            for (word, _) in item.into_iter().chain(cell.filter(|_| line.starts_with('|'))) {
                let Some((label, None)) = label(word) else { continue };
                let module = label.rsplit_once('-').map_or("", |(module, _)| module);
                if !Path::new(name).with_extension("").iter().any(|part| part == module) {
                    let fault = format!("{}: {label} is not of this file's module", comment.place);
                    self.faults.push(fault);
                }
                self.defined.entry(label).or_default().push(comment.place.clone());
            }
        }
    }

    /// The orderings of a comment, and with what they pair: the labels up to the end of the phrase.
    fn ordering(&mut self, comment: &Comment) {
        let text = comment.text();
        let mut latest: Vec<String> = Vec::new();
        for phrase in text.split(['.', ';', ':', '(']) {
            let mut words = words(phrase).peekable();
            let mut own = Vec::new();
            while let Some(word) = words.next() {
                if ORDERINGS.contains(&word) {
                    words.next_if(|next| matches!(*next, "fence" | "fences"));
                    while let Some(label) = words.next_if(|next| label(next).is_some()) {
                        own.push(label.to_owned());
                    }
                }
            }
            let (before, with) = match phrase.split_once("pairs with") {
                Some((before, with)) => (before, labels(with)),
                None => (phrase, Vec::new()),
            };
            own.retain(|label| before.contains(label));
            for label in &own {
                self.orderings.entry(label.clone()).or_default().push(comment.place.clone());
            }
            if !own.is_empty() {
                latest = own;
            }
            for label in &latest {
                self.pairs.entry(label.clone()).or_default().extend(with.iter().cloned());
            }
            for partner in with {
                if latest.is_empty() {
                    // An ordering without a label, of one that has one.
                    self.pairs.entry(format!("{}: ", comment.place)).or_default().insert(partner);
                }
            }
        }
    }

    /// Everything that is not as the head of this file says.
    fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        for (label, places) in &self.defined {
            if places.len() > 1 {
                faults.push(format!("{label} is defined {} times: {places:?}", places.len()));
            }
        }
        for (label, places) in &self.cited {
            if !self.defined.contains_key(label) && !self.orderings.contains_key(label) {
                faults.push(format!("{label} is not defined, but cited at {places:?}"));
            }
        }
        for (label, partners) in &self.pairs {
            for partner in partners {
                if !self.orderings.contains_key(partner) {
                    faults.push(format!("{label} pairs with {partner}, which is no ordering"));
                } else if self.orderings.contains_key(label)
                    && !self.pairs.get(partner).is_some_and(|back| back.contains(label))
                {
                    faults.push(format!("{label} pairs with {partner}, which does not say so"));
                }
            }
        }
        faults
    }
}

/// The files below `folder` whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read_all() -> Labels {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Labels::default();
    let folders = ["src", "eviction/src", "cache/src"];
    for path in folders.into_iter().flat_map(|folder| files(&root.join(folder), ".rs")) {
        let name = path.strip_prefix(root).expect("below it").to_string_lossy().into_owned();
        all.read(&name, &fs::read_to_string(&path).expect("text"));
    }
    all
}

#[test]
fn labels_are_defined_once_and_orderings_are_in_pairs() {
    let all = read_all();
    let faults = all.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // It has looked.
    assert!(all.defined.len() > 80 && all.orderings.len() > 60, "so few labels");
}

#[test]
fn tests_and_documents_cite_labels_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = read_all();
    let known: BTreeSet<_> = all.defined.keys().chain(all.orderings.keys()).cloned().collect();
    all.cited.clear();
    let folders = ["tests", "eviction/tests", "cache/tests"];
    let tests = folders.into_iter().flat_map(|folder| files(&root.join(folder), ".rs"));
    let documents = files(&root.join("../docs"), ".md");
    for path in tests.filter(|path| !path.ends_with("tidy.rs")).chain(documents) {
        let text = fs::read_to_string(&path).expect("text");
        let cited = labels(&text);
        let unknown: Vec<_> = cited.iter().filter(|label| !known.contains(*label)).collect();
        assert!(unknown.is_empty(), "{} cites {unknown:?}", path.display());
    }
}

#[test]
fn what_is_wrong_with_made_up_labels_is_said() {
    let faults = |source: &str| {
        let mut labels = Labels::default();
        labels.read("src/made/up.rs", source);
        labels.faults().join("; ")
    };
    let good = "//! * up-I1. It holds.\n//! | `get` | up-L1: a load |\n\
                // Release up-R1: it; pairs with up-A1. By up-I1 and made-I1.\n\n\
                // Acquire fence up-A1: pairs with up-R1; see up-L1.\n\n\
                //! * made-I1. As the folder is called.\n";
    assert_eq!(faults(good), "");
    for (source, fault) in [
        ("//! * up-I1. It.\n//! * up-I1. It again.", "up-I1 is defined 2 times"),
        ("//! * other-I1. It.", "other-I1 is not of this file's module"),
        ("// As up-I7 says.", "up-I7 is not defined"),
        ("//! * up-I1. It.\n// By up-I1–I2.", "up-I2 is not defined"),
        ("// SAFETY: I3: it.", "`I3` does not say of which module"),
        ("// Release up-R1: it; pairs with up-A1.", "up-A1, which is no ordering"),
        ("// Release: it; pairs with up-A1.", "up-A1, which is no ordering"),
        (
            "// Release up-R1: it; pairs with up-A1.\n\n// Acquire up-A1: it.",
            "up-R1 pairs with up-A1, which does not say so",
        ),
    ] {
        let found = faults(source);
        assert!(found.contains(fault), "`{source}`: `{found}`, not `{fault}`");
    }
}
