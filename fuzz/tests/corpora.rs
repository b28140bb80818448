//! Every file of the corpora, and some random bytes, through their targets.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

type Target = fn(&[u8]);

#[test]
fn operations() {
    replay("operations", fuzz::operations::run, 400);
}

#[cfg(feature = "harness")]
#[test]
fn experiment() {
    replay("experiment", fuzz::experiment::run, 400);
}

#[cfg(feature = "server")]
#[test]
fn conversation() {
    replay("conversation", fuzz::conversation::run, 400);
}

#[cfg(feature = "harness")]
#[test]
fn results() {
    replay("results", fuzz::results::run, 10);
}

/// Runs `target` on its corpus and on `others` more inputs, and names all on which it fails.
fn replay(name: &str, target: Target, others: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let corpus = files(&folder);
    assert!(!corpus.is_empty(), "{} has no files", folder.display());
    let mut failed: Vec<PathBuf> = Vec::new();
    for (path, bytes) in &corpus {
        if fails(target, bytes) {
            failed.push(path.clone());
        }
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    for n in 0..others {
        let bytes = another(&corpus, &mut rng);
        if fails(target, &bytes) {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{n}"));
            fs::write(&path, bytes).expect("there is room");
            failed.push(path);
        }
    }
    assert!(failed.is_empty(), "the target `{name}` fails on {failed:#?}");
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the corpus is in the repository");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .map(|path| (path.clone(), fs::read(&path).expect("it can be read")))
        .collect();
    files.sort();
    files
}

fn fails(target: Target, bytes: &[u8]) -> bool {
    panic::catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err()
}

/// Random bytes, or a file of the corpus with some of it changed.
fn another(corpus: &[(PathBuf, Vec<u8>)], rng: &mut impl Rng) -> Vec<u8> {
    let (_, file) = corpus.choose(rng).expect("it is not empty");
    let mut bytes = file.clone();
    if bytes.is_empty() || rng.random_ratio(1, 4) {
        bytes.resize(rng.random_range(1..600), 0);
        rng.fill_bytes(&mut bytes);
        return bytes;
    }
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] = rng.random(),
            1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes.insert(at, rng.random()),
            _ if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}
