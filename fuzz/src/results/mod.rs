//! Bytes as the files of a result folder, or as a trace, which the commands that read are given.
//!
//! Whatever the files hold, a command must succeed, or say what is wrong and exit with 2: that is
//! input that it was given. 1 would say that a run failed, and a panic says nothing.

mod base;
mod edits;

use std::fs;
use std::path::{Path, PathBuf};

use harness::experiment::Experiment;
use harness::results::folder::{EXPERIMENT, Folder, read_machine};
use harness::trace::{Trace, write_binary};
use tempfile::TempDir;

use self::base::{BASES, Files};
use self::edits::Bytes;
use crate::bench::{self, REGISTRY, scratch};

/// What the commands are, by the bits of a byte.
const COMMANDS: [&[&str]; 8] = [
    &["cmp", "--json"],
    &["cmp", "--markdown", "--controls", "--baseline", "*"],
    &["rank"],
    &["scaling", "--json"],
    &["plot", "--format", "svg,pgf"],
    &["report"],
    &["export", "--format", "bencher"],
    &["export", "--format", "hgrm"],
];

/// Reads the files that `data` stands for.
///
/// # Panics
///
/// If something that reads them panics, or fails without saying why.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    match first % 8 {
        0 => trace(rest),
        1 => files(&base::unpack(rest), 0xff),
        _ => {
            let mut bytes = Bytes(rest);
            let (base, commands) = (bytes.next(), bytes.next());
            let mut edited = BASES[usize::from(base) % BASES.len()].clone();
            edits::apply(&mut edited, bytes);
            files(&edited.texts(), commands);
        }
    }
}

/// A trace is malformed, or can be written and read again.
fn trace(data: &[u8]) {
    let folder = scratch();
    let path = folder.path().join("trace");
    fs::write(&path, data).expect("there is room");
    match Trace::read(&path) {
        Err(error) => assert!(!error.message.is_empty() && !error.help.is_empty(), "{error:?}"),
        Ok(trace) => {
            let facts = trace.facts(&path);
            assert_eq!(facts.id.requests, trace.requests().len() as u64);
            assert!(facts.mix().reads.is_finite() && trace.mean_bytes().0.is_finite());
            let mut binary = Vec::new();
            write_binary(&trace, &mut binary).expect("memory can be written");
            fs::write(&path, &binary).expect("there is room");
            assert_eq!(Trace::read(&path).as_ref(), Ok(&trace), "what is written is read");
            // A trace has one binary form.
            let is_binary = data.starts_with(b"lftrace1") || data.starts_with(b"lftrace2");
            assert!(!is_binary || data == binary, "two forms of one trace");
        }
    }
}

/// Gives a folder of these files to the commands of which the bits are set.
fn files(files: &Files, commands: u8) {
    let scratch = scratch();
    let folder = scratch.path().join("results");
    fs::create_dir(&folder).expect("it is new");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("there is room");
    }
    for (_, arguments) in (0..).zip(COMMANDS).filter(|(bit, _)| commands >> bit & 1 == 1) {
        command(arguments, &[&folder]);
    }
    if commands & 0b101 == 0b100 {
        merge(&scratch, &folder);
    }
    if commands & 0b1010 == 0b1000 {
        resume(&folder);
    }
}

/// Runs a command of the workbench on `folders`.
fn command(arguments: &[&str], folders: &[&Path]) {
    let arguments: Vec<PathBuf> = ["bench"]
        .iter()
        .chain(arguments)
        .map(PathBuf::from)
        .chain(folders.iter().map(|folder| folder.to_path_buf()))
        .collect();
    let (code, printed) = bench::run(arguments.iter().cloned());
    match code {
        0 => assert!(!printed.out.is_empty(), "{arguments:?} printed nothing"),
        2 => assert!(printed.err.contains("error"), "{arguments:?}: {}", printed.err),
        code => panic!("{arguments:?} exited with {code}: {}", printed.err),
    }
}

/// Merges the folder with itself: every trial is there twice, alike.
fn merge(scratch: &TempDir, folder: &Path) {
    let out = scratch.path().join("merged");
    let to = format!("--out={}", out.display());
    command(&["merge", &to], &[folder, folder]);
    if out.exists() {
        command(&["rank"], &[&out]);
    }
}

/// Opens the folder as a sweep of its own experiment does.
fn resume(folder: &Path) {
    let Ok(text) = fs::read_to_string(folder.join(EXPERIMENT)) else { return };
    let catalogue = REGISTRY.catalogue();
    let Ok(experiment) = Experiment::parse(EXPERIMENT, &text, &catalogue) else { return };
    let Ok(machine) = read_machine(folder) else { return };
    match Folder::open(folder, &text, &experiment, &catalogue, &machine) {
        Ok(opened) => drop(opened.rows().len()),
        Err(failure) => assert!(!failure.to_string().is_empty()),
    }
}
