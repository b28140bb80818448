//! Seals traits that may be implemented only in this crate, since unsafe code or a protocol relies on their methods.

/// A supertrait that nobody else can name.
pub trait Sealed {}
