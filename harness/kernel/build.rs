//! Facts of the build of a program of tables: what the compiler was, and what was compiled. A fact
//! that cannot be had (no git, an unpacked archive, a lock file elsewhere) is left out.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates whose versions a result depends on.
const CRATES: [&str; 11] = [
    "crossbeam-epoch",
    "dashmap",
    "flurry",
    "haphazard",
    "hashbrown",
    "moka",
    "papaya",
    "parking_lot",
    "quick_cache",
    "scc",
    "seize",
];

/// What can change a measured program, from the workspace's root.
const SOURCES: [&str; 13] = [
    "Cargo.lock",
    "Cargo.toml",
    "harness/kernel",
    "harness/server",
    "harness/subjects",
    "harness/table",
    "harness/trials",
    "structures/Cargo.toml",
    "structures/cache/Cargo.toml",
    "structures/cache/src",
    "structures/eviction/Cargo.toml",
    "structures/eviction/src",
    "structures/src",
];

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fact("TARGET", env::var("TARGET").ok());
    fact("PROFILE", profile(&out));
    fact("OPT_LEVEL", env::var("OPT_LEVEL").ok());
    fact("FLAGS", Some(flags()));
    fact("FEATURES", Some(features()));
    let rustc = env::var_os("RUSTC").and_then(|rustc| run(Command::new(rustc).arg("-V")));
    fact("RUSTC", rustc);
    fact("CRATES", crate_versions(&out));
    let root = package.ancestors().nth(2).unwrap_or(&package);
    if is_tracked(&package) {
        git_facts(root);
    }
    for source in SOURCES {
        rerun_if_changed(&root.join(source));
    }
    println!("cargo::rerun-if-env-changed=RUSTFLAGS");
}

/// Sets `BENCH_<name>` for the crate.
fn fact(name: &str, value: Option<String>) {
    if let Some(value) = value {
        println!("cargo::rustc-env=BENCH_{name}={}", value.replace('\n', " "));
    }
}

fn rerun_if_changed(path: &Path) {
    // A path that does not exist would rerun this every time.
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// What the command prints, if it succeeds.
fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}

/// The profile's name; cargo tells only what it inherits from, but names a directory after it:
/// `<target>/[<triple>/]<profile>/build/kernel-<hash>/out`.
fn profile(out: &Path) -> Option<String> {
    let build = out.ancestors().find(|path| path.ends_with("build"))?;
    Some(build.parent()?.file_name()?.to_str()?.to_owned())
}

/// The compiler's flags, without what tells of the machine's directories.
fn flags() -> String {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let without_paths = |flag: &str| match flag.find(['/', '\\']) {
        None => flag.to_owned(),
        Some(_) => flag.split_once('=').map_or("…".to_owned(), |(name, _)| format!("{name}=…")),
    };
    flags.split('\x1f').map(without_paths).collect::<Vec<_>>().join(" ")
}

/// The features of this crate that are on.
fn features() -> String {
    let mut names: Vec<String> = env::vars()
        .filter_map(|(name, _)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase()))
        .map(|name| name.replace('_', "-"))
        .filter(|name| name != "default")
        .collect();
    names.sort();
    names.join(",")
}

/// `name=version,…` from the lock file of the workspace that is being built: the first one
/// above the output directory, as far as it knows this crate.
fn crate_versions(out: &Path) -> Option<String> {
    let path = out.ancestors().map(|dir| dir.join("Cargo.lock")).find(|path| path.exists())?;
    rerun_if_changed(&path);
    let lock = fs::read_to_string(path).ok()?;
    let lines: Vec<&str> = lock.lines().collect();
    let packages = || {
        lines.windows(2).filter_map(|pair| {
            let name = pair[0].strip_prefix("name = \"")?.strip_suffix('"')?;
            Some((name, pair[1].strip_prefix("version = \"")?.strip_suffix('"')?))
        })
    };
    packages().find(|(name, _)| *name == env!("CARGO_PKG_NAME"))?;
    let named: Vec<String> = packages()
        .filter(|(name, _)| CRATES.contains(name))
        .map(|(name, version)| format!("{name}={version}"))
        .collect();
    Some(named.join(","))
}

fn git(dir: &Path, arguments: &[&str]) -> Option<String> {
    run(Command::new("git").arg("--no-optional-locks").arg("-C").arg(dir).args(arguments))
}

/// Whether git knows this package: an archive unpacked inside another checkout is not its.
fn is_tracked(package: &Path) -> bool {
    git(package, &["ls-files", "--error-unmatch", "Cargo.toml"]).is_some()
}

/// Revision and dirtiness; run again when HEAD moves.
fn git_facts(root: &Path) {
    fact("GIT_REVISION", git(root, &["rev-parse", "HEAD"]));
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(SOURCES);
    fact("GIT_DIRTY", git(root, &status).map(|changes| (!changes.is_empty()).to_string()));
    let reference = git(root, &["symbolic-ref", "-q", "HEAD"]);
    let places = ["HEAD", "packed-refs"].into_iter().chain(reference.as_deref());
    for place in places {
        if let Some(path) = git(root, &["rev-parse", "--git-path", place]) {
            rerun_if_changed(&root.join(path));
        }
    }
}
