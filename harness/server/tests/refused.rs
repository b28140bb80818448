//! A server whose memory cannot be had.

use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-server");

/// Whatever the system has, this process may have 4 GiB; an index for a TiB of items takes many times that.
#[test]
fn more_memory_than_there_is_is_refused() {
    let line = format!("ulimit -v 4194304; exec '{PROGRAM}' serve -p 0 -m 1048576");
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: a cache of 1099511627776 bytes takes "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
