//! Which program has predicted what is in a folder, and who adds to it.

use std::fs::File;
use std::path::Path;

use super::{predict, rows};

/// What another build has predicted may be of another model: nothing is put beside it.
#[test]
fn another_build_adds_nothing() {
    let spec = "[axes]\nstructure = 'cuckoo-striped'\nthreads = [1, 2]\nkeys = 1000\n";
    let folder = std::env::temp_dir().join(format!("build-{}", std::process::id()));
    let out = folder.to_str().expect("a path of words");
    let [predictions, program] = ["predictions.csv", "program.txt"].map(|name| folder.join(name));
    rows(spec, &["--out", out]);
    let own = std::fs::read(&program).expect("it is written");
    let whole = std::fs::read_to_string(&predictions).expect("it is written");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("it is there");
    // Where nothing is left to predict that does not matter.
    write(&program, "another");
    assert_eq!(rows(spec, &["--out", out]).as_array().map(Vec::len), Some(2));
    let last = whole.lines().next_back().expect("a row").len() + 1;
    let one_row = &whole[..whole.len() - last];
    write(&predictions, one_row);
    let output = predict(spec, &["--out", out]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("another build of this program has predicted"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&predictions).expect("it is there"), one_row);
    // Nor where it has predicted nothing.
    write(&predictions, "");
    rows(spec, &["--out", out]);
    assert_eq!(std::fs::read(&program).expect("it is written"), own);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}

/// Two runs would predict the same cells, and write each twice.
#[test]
fn another_run_adds_nothing() {
    let spec = "[axes]\nstructure = 'cuckoo-striped'\nthreads = 1\nkeys = 1000\n";
    let folder = std::env::temp_dir().join(format!("one-run-{}", std::process::id()));
    let out = folder.to_str().expect("a path of words");
    rows(spec, &["--out", out]);
    let predictions = File::open(folder.join("predictions.csv")).expect("it is written");
    predictions.try_lock().expect("the first run has ended");
    let output = predict(spec, &["--out", out]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("another process is writing to it"), "{stderr}");
    drop(predictions);
    rows(spec, &["--out", out]);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}
