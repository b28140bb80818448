//! The workbench, whose commands read what a target has written.

use std::path::Path;
use std::sync::LazyLock;

use harness::Printed;
use harness::programs::{Programs, Registry};
use table::cache::CacheEntry;
use tempfile::TempDir;

/// What every family's program would say that it has: none is started.
fn catalogues() -> Vec<table::ProgramCatalogue> {
    let families = [
        subjects_chaining::registrar(),
        subjects_cuckoo::registrar(),
        subjects_versioned::registrar(),
        subjects_peers::registrar(),
        subjects_controls::registrar(),
    ];
    let system = table::AllocatorEntry { name: "system".to_owned(), summary: String::new() };
    let catalogue = |registrar: kernel::Registrar| table::ProgramCatalogue {
        allocators: vec![system.clone()],
        ..registrar.into_structures().catalogue()
    };
    let caches = table::ProgramCatalogue {
        caches: ["clock", "lru-list"].map(cache).to_vec(),
        ..table::ProgramCatalogue::default()
    };
    families.into_iter().map(catalogue).chain([caches]).collect()
}

/// A cache as its program would say that it has it.
fn cache(eviction: &str) -> CacheEntry {
    CacheEntry {
        store: "memc3".to_owned(),
        eviction: eviction.to_owned(),
        reclaimers: vec![table::NO_RECLAIMER.to_owned()],
        ..CacheEntry::default()
    }
}

static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| Programs::given(catalogues()));

/// All of its tables.
pub(crate) static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| Registry::given(catalogues()).expect("names differ"));

/// Runs a command line in this process.
pub(crate) fn run<A: Into<std::ffi::OsString>>(
    arguments: impl IntoIterator<Item = A>,
) -> (u8, Printed) {
    harness::captured(&PROGRAMS, arguments)
}

/// An empty folder: in memory, if there is such a place.
pub(crate) fn scratch() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let made = if in_memory.is_dir() { TempDir::new_in(in_memory) } else { TempDir::new() };
    made.expect("there is room for a folder")
}
