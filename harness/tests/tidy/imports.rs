//! Which file of a crate uses which: by the file where a name is defined, whichever way it is re-exported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::{code, sources, text};

/// A module's path from the crate's root: `["show", "plot"]`.
pub(crate) type Module = Vec<String>;

/// Each file, and the others that it uses.
pub(crate) type Uses<'f> = BTreeMap<&'f str, BTreeSet<&'f str>>;

/// A crate's files and what each says about names.
#[derive(Default)]
pub(crate) struct Files {
    modules: BTreeMap<Module, File>,
}

struct File {
    /// Relative to the crate's `src`.
    path: String,
    code: String,
    /// What it defines.
    names: BTreeSet<String>,
    /// What it imports, by the name that it has here: a path from the crate's root.
    imports: BTreeMap<String, Module>,
    /// Modules all of whose names it imports.
    globs: Vec<Module>,
    /// Imports that are there for others alone: nothing else in the file says their name.
    passed_on: BTreeSet<String>,
}

impl Files {
    /// All files below `src`, but for those that are compiled for tests alone.
    pub(crate) fn below(src: &Path) -> Self {
        let relative = |path: &Path| path.strip_prefix(src).unwrap().display().to_string();
        Self::of(sources(src).iter().map(|path| (relative(path), text(path))))
    }

    /// The same of made-up files.
    pub(crate) fn of(files: impl Iterator<Item = (String, String)>) -> Self {
        let all = modules(files);
        let known: BTreeSet<Module> = all.keys().cloned().collect();
        let file = |(module, (path, code)): (Module, (String, String))| {
            let file = File::new(&module, path, code, &known);
            (module, file)
        };
        Self { modules: all.into_iter().map(file).collect() }
    }

    /// Each file, and the others that it uses.
    pub(crate) fn uses(&self) -> Uses<'_> {
        let of = |(module, file): (&Module, &File)| {
            let paths = file.paths(module);
            let used = paths.iter().flat_map(|path| self.defined_in(path, 0));
            let used = used.filter(|other| *other != module);
            used.map(|module| self.modules[module].path.as_str()).collect()
        };
        self.modules.iter().map(|pair| (pair.1.path.as_str(), of(pair))).collect()
    }

    /// The modules whose files define what `path` names; none if it is of another crate, or a module by
    /// itself: what is used of that says its own path.
    fn defined_in(&self, path: &[String], depth: usize) -> Vec<&Module> {
        let inside = (0..=path.len()).rev().find(|n| self.modules.contains_key(&path[..*n]));
        let Some((module, file)) = self.modules.get_key_value(&path[..inside.unwrap_or(0)]) else {
            return Vec::new();
        };
        let rest = &path[module.len()..];
        let Some(name) = rest.first() else { return Vec::new() };
        // Re-exports of re-exports end sooner.
        if name == "*" || file.names.contains(name) || depth == 8 {
            return vec![module];
        }
        if let Some(import) = file.imports.get(name) {
            return self.defined_in(&[import.as_slice(), &rest[1..]].concat(), depth + 1);
        }
        let globs = file.globs.iter().map(|glob| [glob.as_slice(), rest].concat());
        globs.flat_map(|path| self.defined_in(&path, depth + 1)).collect()
    }
}

impl File {
    fn new(module: &Module, path: String, code: String, known: &BTreeSet<Module>) -> Self {
        let names = code.lines().filter_map(defined).map(str::to_owned).collect();
        let mut file = Self {
            path,
            code: String::new(),
            names,
            imports: BTreeMap::new(),
            globs: Vec::new(),
            passed_on: BTreeSet::new(),
        };
        let (uses, rest) = split_uses(&code);
        for (public, tree) in uses {
            for (path, name) in tree_of(&tree) {
                let Some(path) = from_root(module, &path, known) else { continue };
                if name == "*" {
                    file.globs.push(path);
                    continue;
                }
                if public && !words(&rest).any(|word| word == name) {
                    file.passed_on.insert(name.clone());
                }
                file.imports.insert(name, path);
            }
        }
        file.code = rest;
        file
    }

    /// All that it names of its own crate.
    fn paths(&self, module: &Module) -> Vec<Module> {
        let imports = self.imports.iter().filter(|(name, _)| !self.passed_on.contains(*name));
        let mut paths: Vec<Module> = imports.map(|(_, path)| path.clone()).collect();
        let globs = self.globs.iter().filter(|glob| !glob.starts_with(module));
        paths.extend(globs.map(|glob| child(glob, "*")));
        for path in inline_paths(&self.code) {
            let path: Vec<String> = path.split("::").map(str::to_owned).collect();
            if let Some(import) = self.imports.get(&path[0]) {
                paths.push([import.as_slice(), &path[1..]].concat());
            } else if let Some(path) = from_here(module, &path) {
                paths.push(path);
            } else {
                // Perhaps a module that it declares.
                paths.push([module.as_slice(), &path].concat());
            }
        }
        paths
    }
}

/// The modules of a crate, but for those that are compiled for tests alone: each one's file, and its code.
pub(crate) fn modules(
    files: impl Iterator<Item = (String, String)>,
) -> BTreeMap<Module, (String, String)> {
    let mut all: BTreeMap<Module, (String, String)> = BTreeMap::new();
    for (path, text) in files {
        let name = module(&path);
        // A program beside a library is a crate of its own.
        let name = if all.contains_key(&name) { child(&name, "main") } else { name };
        all.insert(name, (path, code(&text)));
    }
    let mut tests = Vec::new();
    for (module, (_, code)) in &all {
        tests.extend(test_modules(code).map(|name| child(module, &name)));
    }
    all.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    all
}

fn child(module: &[String], name: &str) -> Module {
    [module, &[name.to_owned()]].concat()
}

/// `show/plot/mod.rs` is `["show", "plot"]`, `lib.rs` and `main.rs` the root.
fn module(path: &str) -> Module {
    let mut names: Module =
        path.trim_end_matches(".rs").split(['/', '\\']).map(str::to_owned).collect();
    if names.last().is_some_and(|name| name == "mod" || names.len() == 1 && is_root(name)) {
        names.pop();
    }
    names
}

fn is_root(name: &str) -> bool {
    name == "lib" || name == "main"
}

/// The modules in files that are there for tests alone.
fn test_modules(code: &str) -> impl Iterator<Item = String> + '_ {
    let lines: Vec<&str> = code.lines().collect();
    let declared = |pair: &[&str]| {
        let for_tests = pair[0].starts_with("#[cfg(") && words(pair[0]).any(|word| word == "test");
        let name = defined(pair[1]).filter(|_| for_tests && pair[1].ends_with(';'))?;
        Some(name.to_owned())
    };
    lines.windows(2).filter_map(declared).collect::<Vec<_>>().into_iter()
}

/// The name that a line at the outermost level defines.
fn defined(line: &str) -> Option<&str> {
    if line.starts_with([' ', '}', '#']) {
        return None;
    }
    let kinds =
        ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "mod", "macro_rules"];
    let mut words = words(line).skip_while(|word| !kinds.contains(word));
    let kind = words.next()?;
    let is_item = line.split(kind).next().unwrap().chars().all(|c| !"=({<".contains(c) || c == '(');
    words.find(|word| !["fn", "unsafe", "mut"].contains(word)).filter(|_| is_item)
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The `use` declarations, each with whether it is public, and the code without them.
fn split_uses(code: &str) -> (Vec<(bool, String)>, String) {
    let mut uses = Vec::new();
    let mut rest = String::new();
    let mut current: Option<(bool, String)> = None;
    for line in code.lines() {
        let trimmed = line.trim_start();
        if current.is_none() {
            let public = trimmed.starts_with("pub");
            let after = trimmed.find("use ").filter(|at| {
                *at == 0 || (public && trimmed[..*at].trim_end().ends_with(['b', ')']))
            });
            match after {
                Some(at) => current = Some((public, trimmed[at + 4..].to_owned())),
                None => rest.extend([line, "\n"]),
            }
        } else if let Some((_, tree)) = &mut current {
            tree.push_str(trimmed);
        }
        if let Some((public, tree)) = current.take() {
            match tree.split_once(';') {
                Some((tree, _)) => uses.push((public, tree.to_owned())),
                None => current = Some((public, tree)),
            }
        }
    }
    (uses, rest)
}

/// The paths of a tree such as `a::{b, c as d}`, each with the name that it gets.
fn tree_of(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let Some((prefix, inside)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path: Vec<String> = path.trim().split("::").map(str::to_owned).collect();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let last = path.last().unwrap().clone();
        return vec![(path, if name.is_empty() { last } else { name.trim().to_owned() })];
    };
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let mut all = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inside[start..at].trim();
                if !part.is_empty() {
                    all.extend(tree_of(&format!("{prefix}{part}")));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    all
}

/// The path from the crate's root of what is imported as `path` in `module`; none if it is of another
/// crate.
fn from_root(module: &Module, path: &[String], known: &BTreeSet<Module>) -> Option<Module> {
    from_here(module, path).or_else(|| {
        let declared = child(module, &path[0]);
        known.contains(&declared).then(|| [module.as_slice(), path].concat())
    })
}

/// The same of a path that begins with `crate`, `self` or `super`.
fn from_here(module: &Module, path: &[String]) -> Option<Module> {
    let (first, mut rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        _ => return None,
    };
    while rest.first().is_some_and(|first| first == "super") {
        base.pop()?;
        rest = &rest[1..];
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// The paths of several names in code.
fn inline_paths(code: &str) -> impl Iterator<Item = &str> {
    let parts = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    parts.map(|part| part.trim_matches(':')).filter(|part| part.contains("::"))
}

/// The circles among files that use each other, each as its files in order; none if there is none.
pub(crate) fn circles(uses: &Uses<'_>) -> Vec<Vec<String>> {
    let reached = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut ahead: Vec<&str> = uses[from].iter().copied().collect();
        while let Some(file) = ahead.pop() {
            if reached.insert(file) {
                ahead.extend(&uses[file]);
            }
        }
        reached
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reached(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(file) {
            let others = reached.iter().filter(|other| reach[**other].contains(file));
            circles.insert(others.map(|other| (*other).to_owned()).collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}
