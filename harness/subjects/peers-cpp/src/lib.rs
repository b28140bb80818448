//! Tables in C++ beside those in Rust, if the feature `cpp` is on: oneTBB, libcuckoo and liburcu.
//!
//! | file | holds |
//! | --- | --- |
//! | `cpp/peers.hpp` | a C interface to a table in C++: functions that do many operations in one call |
//! | `cpp/*.cpp` | each table behind it |
//! | `interface` | the same interface, seen from here |
//! | `peer` | a table in C++ as a [`table::Table`] |
//! | `memory` | the program's allocator for C++ |
//!
//! Each library is used as its own documentation tells a user to, with its defaults. Tables are given the
//! hash of each key that a table in Rust would have computed; where they move entries they ask for that of each.
//! What the call into C++ costs is what `cpp-no-op` costs more than `no-op`.

#[cfg(feature = "cpp")]
mod interface;
#[cfg(feature = "cpp")]
mod memory;
#[cfg(feature = "cpp")]
mod peer;
#[cfg(feature = "cpp")]
mod tables;

use kernel::Registrar;
use table::BuildFacts;

/// The tables in C++ that were compiled: of the libraries that were found; none without the feature `cpp`.
#[must_use]
pub fn registrar() -> Registrar {
    #[cfg_attr(not(feature = "cpp"), expect(unused_mut, reason = "nothing is added"))]
    let mut registrar = Registrar::new();
    #[cfg(feature = "cpp")]
    tables::register(&mut registrar);
    registrar
}

/// The C++ compiler and the versions of the libraries, as a fact of the build.
#[must_use]
pub fn build_facts() -> BuildFacts {
    #[cfg(feature = "cpp")]
    return [("cxx".to_owned(), tables::toolchain())].into();
    #[cfg(not(feature = "cpp"))]
    BuildFacts::new()
}
