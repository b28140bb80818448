//! For traits that are implemented here alone, as unsafe code or a protocol believes what they say.

/// A supertrait that nobody else can name.
pub trait Sealed {}
