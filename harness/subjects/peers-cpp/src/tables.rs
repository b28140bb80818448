//! The tables that were compiled, and what they say of themselves.

use std::fmt::Write;

use kernel::{MapOptions, Registrar};
use table::meter::Meter;
use table::{Info, Maker, Progress};

use crate::interface::{self, CppFunctions};
use crate::peer::CppPeer;

/// The compiler, as it says its version.
const COMPILER: &str = env!("CXX_VERSION");

/// A library that was found, and a table of it.
struct CppSubject {
    name: &'static str,
    functions: &'static CppFunctions,
    /// Why it takes none of the reclaimers.
    why_not: &'static str,
    /// The library's name and version.
    library: String,
    info: Info,
}

/// What all have in common: all operations have the same progress.
fn info(family: &str, progress: Progress) -> Info {
    Info {
        get: progress,
        insert: progress,
        update: progress,
        remove: progress,
        ..Info::unknown(family)
    }
}

fn no_op() -> CppSubject {
    CppSubject {
        name: "cpp-no-op",
        functions: &interface::peers_no_op,
        why_not: "a control: nothing to reclaim",
        library: String::new(),
        info: Info {
            summary: "keeps nothing, to show what the way into C++ costs".to_owned(),
            keeps_entries: false,
            ..info("control", Progress::WaitFree)
        },
    }
}

#[cfg(has_libcuckoo)]
fn libcuckoo() -> CppSubject {
    CppSubject {
        name: "libcuckoo",
        functions: &interface::peers_libcuckoo,
        why_not: "entries are in its buckets, under locks",
        library: concat!("libcuckoo ", env!("LIBCUCKOO_VERSION")).to_owned(),
        info: Info {
            summary: "cuckoohash_map, two buckets of four slots, striped spinlocks".to_owned(),
            // Both are under all locks.
            iterates_snapshots: true,
            ..info("peer", Progress::Blocking)
        },
    }
}

#[cfg(has_rculfhash)]
fn rculfhash() -> CppSubject {
    CppSubject {
        name: "rculfhash",
        functions: &interface::peers_rculfhash,
        why_not: "brings its own: RCU, and a thread that frees",
        library: concat!("liburcu ", env!("RCULFHASH_VERSION")).to_owned(),
        info: Info {
            summary: "cds_lfht, a lock-free split-ordered list, RCU of the flavour memb".to_owned(),
            // A walk over all nodes, beside writers.
            len_is_bounded: false,
            ..info("peer", Progress::LockFree)
        },
    }
}

#[cfg(has_tbb)]
fn tbb() -> CppSubject {
    CppSubject {
        name: "tbb-hash-map",
        functions: &interface::peers_tbb,
        why_not: "entries are freed under their lock",
        library: concat!("oneTBB ", env!("TBB_VERSION")).to_owned(),
        info: Info {
            summary: "concurrent_hash_map, chains, a lock for each bucket and each entry"
                .to_owned(),
            // The adapter keeps all others out meanwhile.
            iterates_snapshots: true,
            ..info("peer", Progress::Blocking)
        },
    }
}

fn all() -> Vec<CppSubject> {
    vec![
        #[cfg(has_tbb)]
        tbb(),
        #[cfg(has_libcuckoo)]
        libcuckoo(),
        #[cfg(has_rculfhash)]
        rculfhash(),
        no_op(),
    ]
}

/// The compiler and the libraries.
pub(crate) fn toolchain() -> String {
    let mut text = COMPILER.to_owned();
    for subject in all().iter().filter(|subject| !subject.library.is_empty()) {
        let _ = write!(text, "; {}", subject.library);
    }
    text
}

/// Adds all of them, by the default hasher and by any.
pub(crate) fn register(registrar: &mut Registrar) {
    for CppSubject { name, functions, why_not, library, mut info } in all() {
        let from = [library.as_str(), COMPILER].join(if library.is_empty() { "" } else { ", " });
        info.summary = format!("{from}: {}", info.summary);
        let maker = |build| Maker { info: info.clone(), meter: Meter::default(), build };
        let usual = maker(Box::new(move |o: &MapOptions| {
            Box::new(CppPeer::new(functions, o.capacity, o.hasher())) as _
        }));
        registrar.add_made(name, why_not, usual).holds_words_alone();
        let hashed = maker(Box::new(move |o: &MapOptions| {
            Box::new(CppPeer::new(functions, o.capacity, o.any_hasher())) as _
        }));
        registrar.add_made_hashed(name, hashed);
    }
}
