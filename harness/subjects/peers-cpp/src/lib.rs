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
//! Each library is used as its own documentation recommends, with its defaults. Tables receive for each key the
//! hash that a table in Rust would have computed; when they move entries they call back for the hash of each.
//! The cost of the call into C++ is the difference between `cpp-no-op` and `no-op`.

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
