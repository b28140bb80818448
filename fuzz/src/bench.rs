//! The workbench, whose commands read what a target has written.

use std::path::Path;
use std::sync::LazyLock;

use harness::Bench;
use tempfile::TempDir;

/// All of its tables, under every command.
pub(crate) static BENCH: LazyLock<Bench> = LazyLock::new(Bench::new);

/// An empty folder: in memory, if there is such a place.
pub(crate) fn scratch() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let made = if in_memory.is_dir() { TempDir::new_in(in_memory) } else { TempDir::new() };
    made.expect("there is room for a folder")
}
